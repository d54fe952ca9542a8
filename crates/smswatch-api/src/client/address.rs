//! Where a service is: its address as it is typed, and as it may be shown.

use std::net::IpAddr;

use reqwest::Url;

/// Reads the address of a service; `None` if it is no URL of one.
pub(super) fn service_url(text: &str) -> Option<Url> {
    let url = text.parse::<Url>().ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// The address without what may be a secret.
pub(super) fn without_secrets(mut url: Url) -> String {
    url.set_query(None);
    // A URL with a host takes both.
    let _without_login = (url.set_username(""), url.set_password(None));
    url.as_str().trim_end_matches('/').to_owned()
}

/// Whether `url` stays on this machine, which no proxy can reach for us.
pub(super) fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    is_loopback || host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_on_this_machine_goes_through_no_proxy() {
        for (url, expected) in [
            ("http://127.0.0.1:8080", true),
            ("http://127.1.2.3", true),
            ("http://[::1]:8080", true),
            ("http://localhost:8080", true),
            ("http://sms.localhost", true),
            ("http://192.168.0.1:8080", false),
            ("https://sms.example.com", false),
            ("http://localhost.example.com", false),
        ] {
            assert_eq!(is_this_machine(&url.parse().expect(url)), expected, "{url}");
        }
    }

    #[test]
    fn only_a_url_of_a_service_is_an_address() {
        for url in [
            "",
            "127.0.0.1:8080",
            "ftp://127.0.0.1",
            "http://",
            "mailto:a@b",
        ] {
            assert!(service_url(url).is_none(), "{url}");
        }
        assert!(service_url("http://127.0.0.1:8080").is_some());
        let url = "http://me:secret@127.0.0.1:8080/?token=x"
            .parse()
            .expect("a URL");
        assert_eq!(without_secrets(url), "http://127.0.0.1:8080");
    }
}
