//! The HTTP client itself.

use reqwest::{Certificate, Client, ClientBuilder, NoProxy, Url, redirect, retry};
use rustls::crypto::CryptoProvider;

use crate::cause;
use crate::certificates::{NoCertificates, require_certificates};
use crate::route::{Hop, Route};

/// What a client is for.
#[derive(Debug)]
pub struct ClientOptions<'a> {
    /// What it will ask for; only the schemes and hosts matter.
    pub urls: &'a [&'a Url],
    /// The ways that its requests take.
    pub route: Route,
    /// How it introduces itself.
    pub user_agent: &'a str,
    /// Whether it goes where an answer with 3xx sends it.
    pub follows_redirects: bool,
    /// Certificates with which servers are checked in place of those of this machine, of which there need be none then.
    /// `None` for those of this machine.
    pub trusted: Option<Vec<Certificate>>,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// `https://` is spoken to, and there is nothing to check certificates with.
    #[error("{server} is spoken to over TLS, and {why}")]
    NoCertificates {
        /// Host and port of the server, or of the proxy before it.
        server: String,
        /// What is missing, and what to do.
        why: NoCertificates,
    },
    /// Anything else.
    #[error("could not make an HTTP client: {}", cause::of_setup(.0))]
    Client(#[source] reqwest::Error),
}

/// An HTTP client that knows its proxies and explains its failures. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: Client,
    route: Route,
}

impl HttpClient {
    /// Makes a client; nothing is connected yet. `prepare` adds what this client needs beside the
    /// options: timeouts, a resolver.
    ///
    /// The client does not retry: the caller decides that.
    ///
    /// # Errors
    ///
    /// `https://` is among the URLs and this machine has no CA certificates. Where it is not, and where others are
    /// trusted, none are needed.
    pub fn new(
        options: ClientOptions<'_>,
        prepare: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, SetupError> {
        let ClientOptions {
            urls,
            route,
            user_agent,
            follows_redirects,
            trusted,
        } = options;
        install_tls_provider();
        let own = trusted.is_some();
        let over_tls = urls
            .iter()
            .filter(|_| !own)
            .find_map(|url| over_tls(url, &route));
        let has_certificates = match over_tls {
            Some(server) => {
                let missing = |why| SetupError::NoCertificates { server, why };
                require_certificates().map_err(missing)?;
                true
            }
            // A redirect may lead to `https://`.
            None => follows_redirects && require_certificates().is_ok(),
        };
        let mut builder = Client::builder()
            .user_agent(user_agent)
            .retry(retry::never())
            .no_proxy();
        if let Some(trusted) = trusted {
            builder = builder.tls_certs_only(trusted);
        } else if !has_certificates {
            builder = builder.tls_certs_only([]);
        }
        if !follows_redirects {
            builder = builder.redirect(redirect::Policy::none());
        }
        for proxy in proxies(&route).map_err(SetupError::Client)? {
            builder = builder.proxy(proxy);
        }
        let client = prepare(builder).build().map_err(SetupError::Client)?;
        Ok(Self { client, route })
    }

    /// The client to ask with.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The ways that its requests take.
    #[must_use]
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// Why the request to `url` got no answer, in one line: the cause, with host and port and nothing
    /// else of the URL. Such as `127.0.0.1:7071 refuses connections`.
    #[must_use]
    pub fn explain(&self, error: &reqwest::Error, url: &Url) -> String {
        // After a redirect it is another one.
        let url = error.url().unwrap_or(url);
        cause::explain(error, url, self.route.hop_to(url))
    }
}

/// Installs the process's TLS provider, unless the program's own `main` has chosen one.
fn install_tls_provider() {
    if CryptoProvider::get_default().is_none() {
        // Another thread was faster.
        let _installed = rustls::crypto::ring::default_provider().install_default();
    }
}

/// Who is spoken to over TLS on the way to `url`.
fn over_tls(url: &Url, route: &Route) -> Option<String> {
    if url.scheme() == "https" {
        return Some(crate::route::address(url));
    }
    let hop = route.hop_to(url).filter(|hop| hop.is_tls());
    hop.map(|hop| format!("the proxy {hop}"))
}

fn proxies(route: &Route) -> reqwest::Result<Vec<reqwest::Proxy>> {
    let except = || NoProxy::from_string(route.except());
    let url = |hop: &Hop| hop.url().clone();
    let [http, https] = route.hops();
    let http = http.map(|hop| reqwest::Proxy::http(url(hop)));
    let https = https.map(|hop| reqwest::Proxy::https(url(hop)));
    let proxies = [http, https].into_iter().flatten();
    proxies.map(|proxy| Ok(proxy?.no_proxy(except()))).collect()
}
