//! Where the relay is, how it is spoken to, and how smswatch introduces itself to it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::extension::ClientId;
use percent_encoding::percent_decode_str;
use smswatch_plugin::sink::InvalidConfig;
use url::{Host, Url};

use crate::config::EmailConfig;
use crate::encryption::Encryption;

/// A relay, and what is needed to speak to it.
pub(crate) struct Relay {
    /// Its name or address, an IPv6 address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Tls,
    pub(crate) credentials: Option<Credentials>,
    ehlo: Option<String>,
}

/// When the conversation is encrypted.
pub(crate) enum Tls {
    /// Never.
    None,
    /// After STARTTLS, where the relay offers it.
    Opportunistic(Encryption),
    /// After STARTTLS, or there is no mail.
    Required(Encryption),
    /// From the first byte.
    Implicit(Encryption),
}

impl Relay {
    /// The relay that `config` names at `url`.
    pub(crate) fn of(config: &EmailConfig, url: &Url) -> Result<Self, InvalidConfig> {
        let host = match url.host().ok_or_else(no_relay)? {
            // A scheme that browsers do not know leaves IPv4 addresses as names.
            Host::Domain(name) if !name.is_empty() => decoded(name),
            Host::Domain(_) => return Err(no_relay()),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(InvalidConfig::at(
                "smtp",
                "nothing can follow the relay's port but `?tls=…`; percent-encode `/`, `?` and `#` in a password",
            ));
        }
        let (tls, port) = tls(url, &host)?;
        Ok(Self {
            tls,
            port: url.port().unwrap_or(port),
            credentials: credentials(config, url)?,
            ehlo: config.ehlo.as_deref().map(introduction).transpose()?,
            host,
        })
    }

    /// What smswatch calls itself to a relay at `address`.
    ///
    /// Relays turn away names without a domain, as containers have them, and take an address, which
    /// is what RFC 5321 wants of a machine without a better name.
    pub(crate) fn introduction(&self, address: SocketAddr) -> ClientId {
        if let Some(name) = &self.ehlo {
            return ClientId::Domain(name.clone());
        }
        match ClientId::default() {
            ClientId::Domain(name) if is_full_name(&name) => ClientId::Domain(name),
            _ => match own_address(address) {
                IpAddr::V4(address) => ClientId::Ipv4(address),
                IpAddr::V6(address) => ClientId::Ipv6(address),
            },
        }
    }
}

impl fmt::Display for Relay {
    /// Writes host and port.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

/// What is wrong with the URL is not repeated: it may hold a password.
pub(crate) fn no_relay() -> InvalidConfig {
    InvalidConfig::at(
        "smtp",
        "this is no relay such as smtp://HOST:PORT, smtp://HOST:PORT?tls=required or smtps://HOST:PORT",
    )
}

/// How `url` wants the conversation encrypted, and the usual port for that.
fn tls(url: &Url, host: &str) -> Result<(Tls, u16), InvalidConfig> {
    let mut wanted = None;
    for (key, value) in url.query_pairs() {
        match &*key {
            "tls" => wanted = Some(value.into_owned()),
            _ => {
                let what = "the relay's URL knows only `?tls=required` and `?tls=opportunistic`";
                return Err(InvalidConfig::at("smtp", what));
            }
        }
    }
    Ok(match (url.scheme(), wanted.as_deref()) {
        ("smtp", None) => (Tls::None, 25),
        ("smtp", Some("opportunistic")) => {
            (Tls::Opportunistic(Encryption::opportunistic(host)?), 587)
        }
        ("smtp", Some("required")) => (Tls::Required(Encryption::required(host)?), 587),
        ("smtps", None | Some("required")) => (Tls::Implicit(Encryption::required(host)?), 465),
        ("smtp" | "smtps", Some(_)) => {
            let what = "`?tls=` is `required` or `opportunistic`, and goes with `smtp://` only";
            return Err(InvalidConfig::at("smtp", what));
        }
        _ => return Err(no_relay()),
    })
}

/// The login, wherever its two halves stand.
fn credentials(config: &EmailConfig, url: &Url) -> Result<Option<Credentials>, InvalidConfig> {
    let in_url = Some(url.username()).filter(|user| !user.is_empty());
    let user = match (in_url, &config.username) {
        (Some(_), Some(_)) => {
            let what = "`smtp` names a user already: name it once";
            return Err(InvalidConfig::at("username", what));
        }
        (Some(user), None) => Some(decoded(user)),
        (None, user) => user.clone(),
    };
    let password = match (url.password(), &config.password) {
        (Some(_), Some(_)) => {
            let what = "`smtp` holds a password already: give it once";
            return Err(InvalidConfig::at("password", what));
        }
        (Some(password), None) => Some(decoded(password)),
        (None, password) => password
            .as_ref()
            .map(|password| password.reveal().to_owned()),
    };
    match (user, password) {
        (Some(user), Some(password)) => Ok(Some(Credentials::new(user, password))),
        (None, None) => Ok(None),
        (Some(_), None) => {
            let key = if in_url.is_some() { "smtp" } else { "username" };
            Err(InvalidConfig::at(key, "a user needs a `password`"))
        }
        (None, Some(_)) => {
            let key = if config.password.is_some() {
                "password"
            } else {
                "smtp"
            };
            Err(InvalidConfig::at(key, "a password needs a `username`"))
        }
    }
}

/// `name` if it can stand behind `EHLO`: a host's name, or an address in brackets.
fn introduction(name: &str) -> Result<String, InvalidConfig> {
    let is_literal = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .is_some_and(|inner| match inner.strip_prefix("IPv6:") {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => inner.parse::<Ipv4Addr>().is_ok(),
        });
    let is_name = name.len() <= 255 && name.split('.').all(is_label);
    if is_literal || is_name {
        return Ok(name.to_owned());
    }
    let what = "expected a host's name, such as alerts.example.com, or an address, such as [192.0.2.1] or [IPv6:2001:db8::1]";
    Err(InvalidConfig::at("ehlo", what))
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Whether a relay takes `name` for a host's full name.
fn is_full_name(name: &str) -> bool {
    name.contains('.') && name.split('.').all(is_label) && !name.starts_with("localhost")
}

/// The address from which this machine speaks to `address`.
fn own_address(address: SocketAddr) -> IpAddr {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    // Connecting such a socket sends nothing: the system only chooses the way.
    let socket = std::net::UdpSocket::bind(any);
    let own = socket.and_then(|socket| {
        socket.connect(address)?;
        socket.local_addr()
    });
    own.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |own| own.ip())
}

/// A part of the relay's URL without its percent-encoding.
pub(crate) fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn relay(smtp: &str, more: Value) -> Result<Relay, InvalidConfig> {
        let mut config = json!({"smtp": smtp, "from": "a@example.com", "to": ["b@example.com"]});
        for (key, value) in more.as_object().into_iter().flatten() {
            config[key] = value.clone();
        }
        let config: EmailConfig = serde_json::from_value(config).expect("it reads well");
        let url = config.smtp.reveal().parse().map_err(|_| no_relay())?;
        Relay::of(&config, &url)
    }

    #[test]
    fn addresses_stand_without_their_brackets() {
        for (smtp, host, shown) in [
            ("smtp://[::1]", "::1", "[::1]:25"),
            ("smtp://[::1]:2525", "::1", "[::1]:2525"),
            (
                "smtp://[2001:db8::1]?tls=required",
                "2001:db8::1",
                "[2001:db8::1]:587",
            ),
            ("smtps://[::1]", "::1", "[::1]:465"),
            ("smtp://127.0.0.1:25", "127.0.0.1", "127.0.0.1:25"),
            (
                "smtps://mx.example.com",
                "mx.example.com",
                "mx.example.com:465",
            ),
        ] {
            let relay = relay(smtp, Value::Null).expect(smtp);
            assert_eq!(relay.host, host);
            assert_eq!(relay.to_string(), shown);
        }
    }

    #[test]
    fn the_login_may_stand_in_the_url_or_beside_it() {
        let expected = Credentials::new("us@er".to_owned(), "p ss".to_owned());
        for (smtp, more) in [
            ("smtp://us%40er:p%20ss@mx", Value::Null),
            ("smtp://us%40er@mx", json!({"password": "p ss"})),
            (
                "smtp://mx",
                json!({"username": "us@er", "password": "p ss"}),
            ),
        ] {
            let relay = relay(smtp, more).expect(smtp);
            assert_eq!(relay.credentials, Some(expected.clone()), "{smtp}");
        }
        for (smtp, more, key) in [
            ("smtp://user@mx", Value::Null, "smtp"),
            ("smtp://:p@mx", Value::Null, "smtp"),
            ("smtp://u:p@mx", json!({"username": "u"}), "username"),
            ("smtp://u:p@mx", json!({"password": "p"}), "password"),
            ("smtp://mx", json!({"username": "u"}), "username"),
            ("smtp://mx", json!({"password": "p"}), "password"),
        ] {
            let error = relay(smtp, more).err().expect(smtp);
            assert_eq!(error.key(), Some(key), "{smtp}");
        }
    }

    #[test]
    fn a_url_that_means_something_else_is_refused() {
        for smtp in [
            "smtp://mx?tls=require",
            "smtp://mx?ssl=true",
            "smtps://mx?tls=opportunistic",
            "smtp://mx/alerts.example.com",
            "smtp://u:p#ss@mx",
            "smtp:mx",
            "http://mx",
        ] {
            let error = relay(smtp, Value::Null).err().expect(smtp);
            assert_eq!(error.key(), Some("smtp"), "{smtp}");
        }
    }

    #[test]
    fn what_it_is_called_is_a_name_or_an_address() {
        for name in [
            "alerts.example.com",
            "box",
            "[192.0.2.1]",
            "[IPv6:2001:db8::1]",
        ] {
            let relay = relay("smtp://mx", json!({"ehlo": name})).expect(name);
            let address = SocketAddr::from(([127, 0, 0, 1], 25));
            assert_eq!(relay.introduction(address).to_string(), name);
        }
        for name in [
            "",
            " ",
            "a b",
            "a\r\nMAIL FROM:<x@y>",
            "[::1]",
            "[1.2.3]",
            "a..b",
            "ö.de",
        ] {
            let error = relay("smtp://mx", json!({"ehlo": name})).err().expect(name);
            assert_eq!(error.key(), Some("ehlo"), "{name}");
        }
    }

    #[test]
    fn a_machine_without_a_full_name_gives_its_address() {
        for (name, is_full) in [
            ("alerts.example.com", true),
            ("c0ffee123456", false),
            ("localhost.localdomain", false),
            ("localhost", false),
            ("my host.example.com", false),
            ("", false),
        ] {
            assert_eq!(is_full_name(name), is_full, "{name}");
        }
        let v4 = own_address(SocketAddr::from(([127, 0, 0, 1], 25)));
        assert_eq!(v4, IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
}
