//! Which way a request takes: straight to its server, or through a proxy.

use std::fmt;
use std::sync::Arc;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;
use smswatch_plugin::Proxy;

/// The variables that name a proxy, the upper-case one first, for `http://`, `https://` and both.
const HTTP: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
const HTTPS: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
const ALL: [&str; 2] = ["ALL_PROXY", "all_proxy"];
const EXCEPT: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The port of a SOCKS proxy that names none.
const SOCKS_PORT: u16 = 1080;

/// A variable of the environment that names a proxy which cannot be used, and is ignored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{variable} does not name a proxy that can be used, and is ignored; write it as \
     `http://HOST:PORT` or `socks5h://HOST:PORT`"
)]
pub struct UnusableProxy {
    /// The variable. Its value is not repeated: it may hold a password.
    pub variable: &'static str,
}

/// The proxy that a request leaves through.
#[derive(Clone, PartialEq, Eq)]
pub struct Hop {
    url: Url,
    origin: &'static str,
}

impl Hop {
    /// Its host, an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        bare_host(&self.url)
    }

    /// Whether it is spoken to over TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether it is asked in the language of SOCKS.
    pub(crate) fn is_socks(&self) -> bool {
        self.url.scheme().starts_with("socks")
    }

    /// Whether names must be looked up before it is asked.
    pub(crate) fn leaves_names_to_us(&self) -> bool {
        matches!(self.url.scheme(), "socks4" | "socks5")
    }

    /// The kind of SOCKS proxy that looks names up itself.
    pub(crate) fn kind_that_knows_names(&self) -> &'static str {
        match self.url.scheme() {
            "socks4" | "socks4a" => "socks4a",
            _ => "socks5h",
        }
    }

    /// Its URL, with its login.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// What named it: a variable of the environment, or `proxy` of the configuration.
    #[must_use]
    pub fn origin(&self) -> &'static str {
        self.origin
    }

    fn read(text: &str, origin: &'static str) -> Option<Self> {
        let text = text.trim();
        let with_scheme = match text.contains("://") {
            true => text.to_owned(),
            false => format!("http://{text}"),
        };
        let mut url: Url = with_scheme.parse().ok().filter(Url::has_host)?;
        if url.scheme().starts_with("socks") && url.port().is_none() {
            url.set_port(Some(SOCKS_PORT)).ok()?;
        }
        let is_usable = Matcher::builder()
            .all(String::from(url.clone()))
            .build()
            .intercept(&hyper::Uri::from_static("http://example.com/"))
            .is_some();
        is_usable.then_some(Self { url, origin })
    }
}

impl fmt::Display for Hop {
    /// Host and port.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&address(&self.url))
    }
}

impl fmt::Debug for Hop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Hop({self}, {})", self.origin)
    }
}

/// The ways of one client's requests.
#[derive(Debug, Clone)]
pub struct Route {
    http: Option<Hop>,
    https: Option<Hop>,
    /// What is spoken to without a proxy, as `NO_PROXY` has it.
    except: String,
    /// Knows what `except` means.
    matcher: Arc<Matcher>,
}

impl Route {
    /// The ways that `proxy` means, with this process's environment. Variables that name no usable
    /// proxy are left out; [`Route::unusable`] tells them.
    #[must_use]
    pub fn new(proxy: &Proxy) -> Self {
        Self::within(proxy, crate::environment::variable)
    }

    /// Straight to every server.
    #[must_use]
    pub fn direct() -> Self {
        Self::within(&Proxy::None, |_| None)
    }

    /// The variables of this process's environment that name a proxy which cannot be used.
    #[must_use]
    pub fn unusable() -> Vec<UnusableProxy> {
        unusable_within(crate::environment::variable)
    }

    fn within(proxy: &Proxy, environment: impl Fn(&str) -> Option<String>) -> Self {
        let (http, https) = match proxy {
            Proxy::None => (None, None),
            Proxy::Url(url) => {
                let hop = Hop::read(url.reveal(), "`proxy`");
                (hop.clone(), hop)
            }
            Proxy::Environment => {
                let hop = |names: [&'static str; 2]| {
                    let (name, value) = first(names, &environment)?;
                    Hop::read(&value, name)
                };
                let all = hop(ALL);
                (hop(HTTP).or_else(|| all.clone()), hop(HTTPS).or(all))
            }
        };
        let except = first(EXCEPT, &environment).map_or_else(String::new, |(_, value)| value);
        let url = |hop: &Option<Hop>| {
            let hop = hop.as_ref();
            hop.map_or_else(String::new, |hop| hop.url.as_str().to_owned())
        };
        let matcher = Matcher::builder()
            .http(url(&http))
            .https(url(&https))
            .no(except.clone())
            .build();
        Self {
            http,
            https,
            except,
            matcher: Arc::new(matcher),
        }
    }

    /// The proxy that a request to `url` leaves through.
    #[must_use]
    pub fn hop_to(&self, url: &Url) -> Option<&Hop> {
        let uri: hyper::Uri = url.as_str().parse().ok()?;
        self.matcher.intercept(&uri)?;
        match url.scheme() {
            "https" => self.https.as_ref(),
            _ => self.http.as_ref(),
        }
    }

    /// The proxies for `http://` and for `https://`.
    pub(crate) fn hops(&self) -> [Option<&Hop>; 2] {
        [self.http.as_ref(), self.https.as_ref()]
    }

    /// What is spoken to without a proxy.
    pub(crate) fn except(&self) -> &str {
        &self.except
    }
}

/// The first variable of `names` that is set to something, with its value.
fn first(
    names: [&'static str; 2],
    environment: impl Fn(&str) -> Option<String>,
) -> Option<(&'static str, String)> {
    let values = names.into_iter();
    let mut set = values.filter_map(|name| environment(name).map(|value| (name, value)));
    set.find(|(_, value)| !value.trim().is_empty())
}

fn unusable_within(environment: impl Fn(&str) -> Option<String>) -> Vec<UnusableProxy> {
    let set = [HTTP, HTTPS, ALL].into_iter();
    let set = set.filter_map(|names| first(names, &environment));
    set.filter(|(name, value)| Hop::read(value, name).is_none())
        .map(|(variable, _)| UnusableProxy { variable })
        .collect()
}

/// Host and port of a URL: all of it that may be shown, since the rest may hold a secret.
#[must_use]
pub fn address(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn bare_host(url: &Url) -> &str {
    let host = url.host_str().unwrap_or_default();
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use smswatch_plugin::Secret;

    use super::*;

    fn route(proxy: &Proxy, variables: &[(&str, &str)]) -> Route {
        Route::within(proxy, |name| value_of(variables, name))
    }

    fn value_of(variables: &[(&str, &str)], name: &str) -> Option<String> {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    }

    fn through(route: &Route, url: &str) -> Option<String> {
        let hop = route.hop_to(&url.parse().expect("a URL"))?;
        Some(format!("{hop} {}", hop.origin()))
    }

    #[test]
    fn the_environment_decides_unless_the_configuration_does() {
        let variables = [
            ("HTTP_PROXY", ""),
            ("http_proxy", "plain.example:3128"),
            ("HTTPS_PROXY", "http://bob:hunter2@secure.example:3129/"),
            ("ALL_PROXY", "socks5://socks.example"),
            ("NO_PROXY", "localhost,127.0.0.1,.corp.example,10.0.0.0/8"),
        ];
        let environment = route(&Proxy::Environment, &variables);
        let own = Proxy::Url(Secret::new("socks5h://own.example"));
        let own = route(&own, &variables);
        let none = route(&Proxy::None, &variables);
        for (url, by_environment, by_own) in [
            (
                "http://crm.example/x",
                Some("plain.example:3128 http_proxy"),
                Some("own.example:1080 `proxy`"),
            ),
            (
                "https://crm.example/x",
                Some("secure.example:3129 HTTPS_PROXY"),
                Some("own.example:1080 `proxy`"),
            ),
            ("http://127.0.0.1:8080/", None, None),
            ("https://crm.corp.example/", None, None),
            ("http://10.1.2.3/", None, None),
        ] {
            assert_eq!(
                through(&environment, url).as_deref(),
                by_environment,
                "{url}"
            );
            assert_eq!(through(&own, url).as_deref(), by_own, "{url}");
            assert_eq!(through(&none, url), None, "{url}");
        }
        assert!(!format!("{environment:?}").contains("hunter2"));
        let all = route(&Proxy::Environment, &variables[3..]);
        assert_eq!(
            through(&all, "https://crm.example/").as_deref(),
            Some("socks.example:1080 ALL_PROXY")
        );
    }

    #[test]
    fn a_variable_that_names_no_usable_proxy_is_told_by_its_name() {
        let variables = [
            ("HTTP_PROXY", "ftp://bob:hunter2@proxy.example"),
            ("https_proxy", "http://"),
            ("ALL_PROXY", "socks5://127.0.0.1:1"),
        ];
        let told = unusable_within(|name| value_of(&variables, name));
        let told: Vec<_> = told.iter().map(ToString::to_string).collect();
        assert!(told[0].starts_with("HTTP_PROXY does not name"), "{told:?}");
        assert!(told[1].starts_with("https_proxy does not name"), "{told:?}");
        assert_eq!(told.len(), 2);
        assert!(!told.concat().contains("hunter2"));
    }
}
