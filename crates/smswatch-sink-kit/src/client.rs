//! The HTTP client of one sink: made once from its options, used for each attempt.

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, Method, Url};
use smswatch_outbound::{ClientOptions, Route, address};
use smswatch_plugin::sink::{DeliveryError, InvalidConfig, Probe, SinkContext};
use smswatch_plugin::{Clock, Proxy, Redactor, Secret};

use crate::Request;
use crate::body::{Body, Rests};
use crate::guard::{Forbidden, Guard};
use crate::probe::root;
use crate::resolve::GuardedResolver;

/// An HTTP client for one receiver.
///
/// It keeps connections, goes through the configured proxy, introduces itself as smswatch, follows no redirect,
/// tries nothing again, connects to public addresses only (unless told otherwise), reads answers within bounds,
/// and hides secrets in whatever the receiver says.
pub struct HttpClient {
    http: smswatch_outbound::HttpClient,
    /// A request to the receiver, without a body.
    template: reqwest::Request,
    redactor: Redactor,
    guard: Guard,
    rests: Rests,
    clock: Clock,
}

/// An [`HttpClient`] to be.
#[must_use]
pub struct HttpClientBuilder {
    key: &'static str,
    url: String,
    user_agent: String,
    proxy: Proxy,
    clock: Clock,
    headers: HeaderMap,
    redactor: Redactor,
    guard: Guard,
    prepare: Box<dyn FnOnce(ClientBuilder) -> ClientBuilder>,
    trusted: Option<Vec<Certificate>>,
    problem: Option<InvalidConfig>,
}

impl HttpClient {
    /// Begins a client for the receiver at `url`, which is the value of the sink's option `key`: what is wrong
    /// with it is told with its line and column. What of it may be a credential is hidden in answers.
    pub fn to(key: &'static str, url: &str, context: &SinkContext) -> HttpClientBuilder {
        let mut redactor = Redactor::default();
        redactor.hide_url(url);
        HttpClientBuilder {
            key,
            url: url.to_owned(),
            user_agent: context.user_agent.clone(),
            proxy: context.proxy.clone(),
            clock: context.clock.clone(),
            headers: HeaderMap::new(),
            redactor,
            guard: Guard::Closed { has_option: false },
            prepare: Box::new(|client| client),
            trusted: None,
            problem: None,
        }
    }

    /// A POST to the receiver's URL.
    pub fn post(&self) -> Request<'_> {
        let copy = self.template.try_clone();
        Request::new(
            self,
            Ok(copy.expect("a request without a body can be copied")),
        )
    }

    /// A request to `url`. The headers of the client, and the login in its URL, go only where the receiver is: to the
    /// same scheme, host and port.
    pub fn request(&self, method: Method, url: Url) -> Request<'_> {
        let is_receiver = url.origin() == self.url().origin();
        let built = self.client().request(method, url).build();
        let built = built.map(|mut request| {
            if is_receiver {
                // The login in the receiver's URL is among them.
                request
                    .headers_mut()
                    .extend(self.template.headers().clone());
            }
            request
        });
        let built = built.map_err(|error| {
            DeliveryError::permanent("the request cannot be made").because(error.without_url())
        });
        Request::new(self, built)
    }

    /// The receiver's URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        self.template.url()
    }

    /// The URL of `path` below the receiver's: `v2/alerts` below `https://pager.example.com/api`, whether that ends
    /// with a slash or not, is `https://pager.example.com/api/v2/alerts`. A query of the receiver's URL is kept.
    #[must_use]
    pub fn below(&self, path: &str) -> Url {
        let mut url = self.url().clone();
        let base = url.path().trim_end_matches('/');
        let joined = format!("{base}/{}", path.trim_start_matches('/'));
        url.set_path(&joined);
        url
    }

    /// What hides the sink's secrets, for words that the sink reads itself.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Asks for the root of the receiver's server, to see whether it answers. The URL's path, its query and all
    /// headers, which may be secrets, are not sent, and any answer is a good one: a [`Sink::probe`] for receivers
    /// that have nothing better to ask.
    ///
    /// [`Sink::probe`]: smswatch_plugin::sink::Sink::probe
    ///
    /// # Errors
    ///
    /// There is no answer, as for [`Request::send`].
    pub async fn probe(&self) -> Result<Probe, DeliveryError> {
        let asked = self
            .client()
            .request(Method::HEAD, root(self.url()))
            .build();
        let asked = asked.map_err(|error| {
            DeliveryError::permanent("the request cannot be made").because(error.without_url())
        });
        let _any_answer = Request::new(self, asked).send().await?;
        Ok(Probe::Answered(format!("{} answers", address(self.url()))))
    }

    pub(crate) fn client(&self) -> &Client {
        self.http.client()
    }

    pub(crate) fn guard(&self) -> Guard {
        self.guard
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// Reads what is left of a good answer beside everything else, so that its connection can be used again.
    pub(crate) fn read_rest(&self, body: Body) {
        self.rests.read(body);
    }

    /// What it means that there was no answer from `url`.
    pub(crate) fn explain(&self, error: &reqwest::Error, url: &Url) -> DeliveryError {
        let mut cause = error.source();
        while let Some(inner) = cause {
            if let Some(forbidden) = inner.downcast_ref::<Forbidden>() {
                return DeliveryError::permanent(forbidden.to_string());
            }
            cause = inner.source();
        }
        DeliveryError::temporary(self.http.explain(error, url))
    }
}

impl HttpClientBuilder {
    /// Hides `secret` in whatever the receiver says: as it is, in parts, and in every form in which it may be
    /// repeated ([`Redactor`]).
    pub fn secret(mut self, secret: &Secret) -> Self {
        self.redactor.hide(secret.reveal());
        self
    }

    /// Sends `token`, the value of the option `key`, as a bearer token with each request, and hides it.
    pub fn bearer(self, key: &'static str, token: &Secret) -> Self {
        let value = format!("Bearer {}", token.reveal());
        self.secret(token).headers(key, [(AUTHORIZATION, value)])
    }

    /// Sends these headers, of the option `key`, with each request. Their values are hidden.
    pub fn headers(
        mut self,
        key: &'static str,
        headers: impl IntoIterator<Item = (HeaderName, String)>,
    ) -> Self {
        for (name, value) in headers {
            self.redactor.hide_header(&value);
            match HeaderValue::try_from(value) {
                Ok(mut value) => {
                    value.set_sensitive(true);
                    self.headers.insert(name, value);
                }
                Err(_) => {
                    let what =
                        format!("the header `{name}` takes visible characters in one line only");
                    self.problem.get_or_insert(InvalidConfig::at(key, what));
                }
            }
        }
        self
    }

    /// Whether the receiver may have an address that is not of the public internet: the value of the sink's
    /// option `allow_private`, which refusals then name. By default it may not.
    pub fn allow_private(self, is_allowed: bool) -> Self {
        let guard = match is_allowed {
            true => Guard::Open,
            false => Guard::Closed { has_option: true },
        };
        Self { guard, ..self }
    }

    /// Checks the receiver, and a proxy that is spoken to over TLS, with these certificates in place of those of this
    /// machine, which then needs none.
    pub fn trust_only(self, trusted: Vec<Certificate>) -> Self {
        Self {
            trusted: Some(trusted),
            ..self
        }
    }

    /// Changes how the client is made, such as the certificate that it shows. It must not undo what
    /// [`HttpClient`] promises.
    pub fn prepare(self, prepare: impl FnOnce(ClientBuilder) -> ClientBuilder + 'static) -> Self {
        let before = self.prepare;
        Self {
            prepare: Box::new(|client| prepare(before(client))),
            ..self
        }
    }

    /// Makes the client; nothing is connected yet.
    ///
    /// # Errors
    ///
    /// The URL cannot be used, or its address is not public; a header cannot be sent; or `https://` is spoken to
    /// and there are no certificates to check it with.
    pub fn build(self) -> Result<HttpClient, InvalidConfig> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let url = checked(self.key, &self.url)?;
        // Nothing could ever be sent there, so it is a mistake in the configuration.
        self.guard
            .check_url(&url)
            .map_err(|forbidden| InvalidConfig::at(self.key, forbidden))?;
        let route = Route::new(&self.proxy);
        // Where a proxy connects to cannot be seen from here; the proxy itself is the operator's own.
        let proxy = route.hop_to(&url).map(|hop| hop.host().to_owned());
        let resolver = match self.guard {
            Guard::Open => None,
            guard => Some(Arc::new(GuardedResolver::new(guard, proxy))),
        };
        let options = ClientOptions {
            urls: &[&url],
            route,
            user_agent: &self.user_agent,
            follows_redirects: false,
            trusted: self.trusted,
        };
        let prepare = self.prepare;
        let http = smswatch_outbound::HttpClient::new(options, |client| {
            let client = prepare(client);
            match resolver {
                Some(resolver) => client.dns_resolver(resolver),
                None => client,
            }
        });
        let http = http.map_err(InvalidConfig::new)?;
        let mut template = http
            .client()
            .request(Method::POST, url)
            .build()
            .map_err(|error| InvalidConfig::at(self.key, error.without_url()))?;
        // An `authorization` among the headers outdoes the user in the URL.
        template.headers_mut().extend(self.headers);
        Ok(HttpClient {
            http,
            template,
            redactor: self.redactor,
            guard: self.guard,
            rests: Rests::default(),
            clock: self.clock,
        })
    }
}

/// A URL that HTTP can be spoken to.
fn checked(key: &'static str, text: &str) -> Result<Url, InvalidConfig> {
    // The parser's errors quote nothing of the URL, which may hold a credential.
    let url: Url = text
        .parse()
        .map_err(|error| InvalidConfig::at(key, format_args!("not a URL: {error}")))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => {
            let what = "expected a URL that begins with `https://` or `http://`";
            Err(InvalidConfig::at(key, what))
        }
    }
}

impl fmt::Debug for HttpClient {
    /// Says where it goes: scheme, host and port.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "HttpClient({})",
            self.url().origin().ascii_serialization()
        )
    }
}

impl fmt::Debug for HttpClientBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpClientBuilder")
            .field("key", &self.key)
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}
