//! Who may call `/v1`, and what with.

mod attempts;
mod session;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};
use smswatch_api::problem::ProblemCode;
use smswatch_plugin::Secret;
use tokio::time::Instant;

pub(crate) use self::attempts::Attempts;
pub(crate) use self::session::{Entrance, is_own_form, log_out};
use crate::connections::CameFrom;
use crate::problem::Problem;

/// The header in which a script of a page hands in what a form would.
const FORM_KEY: &str = "x-form-key";

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Read everything.
    Read,
    /// Read everything, and change it.
    Write,
}

/// A bearer token of the API.
#[derive(Debug, Clone)]
pub struct ApiToken {
    /// Tells it from others, in the log.
    pub name: String,
    /// The token itself.
    pub token: Secret,
    /// What it may do.
    pub scope: Scope,
}

/// The tokens that are accepted. Only their digests are kept: comparing those takes no time that
/// would tell how much of a guess was right. There is no `Debug`, since a digest gives a weak token
/// away.
#[derive(Clone)]
pub(crate) struct Tokens(Arc<[Known]>);

struct Known {
    name: String,
    digest: [u8; 32],
    scope: Scope,
}

impl Tokens {
    pub(crate) fn new(tokens: Vec<ApiToken>) -> Self {
        let known = tokens.into_iter().map(|token| Known {
            digest: digest(token.token.reveal()),
            name: token.name,
            scope: token.scope,
        });
        Self(known.collect())
    }

    /// Whether everybody may call.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn known_by(&self, token: &str) -> Option<&Known> {
        let presented = digest(token);
        self.0.iter().find(|known| known.digest == presented)
    }

    /// Whether a call may be made: with its token, or with the cookie of a browser that has logged in.
    fn check(
        &self,
        method: &Method,
        headers: &HeaderMap,
        entrance: Option<&Entrance>,
    ) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        let Some(token) = bearer(headers) else {
            return match entrance.and_then(|entrance| Some((entrance, entrance.visitor.as_ref()?)))
            {
                Some((entrance, visitor)) => {
                    may_change(method, visitor.may_change)?;
                    require_own_form(method, headers, entrance)
                }
                None => Err(
                    unauthorized("this needs a token: `Authorization: Bearer …`")
                        .with_header(header::WWW_AUTHENTICATE, "Bearer realm=\"smswatch\""),
                ),
            };
        };
        let known = self.known_by(token).ok_or_else(|| {
            unauthorized("the token is not one that is accepted here").with_header(
                header::WWW_AUTHENTICATE,
                "Bearer realm=\"smswatch\", error=\"invalid_token\"",
            )
        })?;
        may_change(method, known.scope == Scope::Write)?;
        if !method.is_safe() {
            tracing::debug!(token = known.name, %method, "a call that may change something");
        }
        Ok(())
    }
}

fn may_change(method: &Method, may_change: bool) -> Result<(), Problem> {
    if may_change || method.is_safe() {
        return Ok(());
    }
    Err(Problem::forbidden(
        "the token may read everything and change nothing",
    ))
}

/// A browser sends its cookie with requests that other sites make, too; only our own pages know the form's key.
fn require_own_form(
    method: &Method,
    headers: &HeaderMap,
    entrance: &Entrance,
) -> Result<(), Problem> {
    let handed_in = headers.get(FORM_KEY).and_then(|key| key.to_str().ok());
    if method.is_safe() || handed_in.is_some_and(|key| is_own_form(entrance, key)) {
        return Ok(());
    }
    Err(Problem::forbidden(
        "with a cookie instead of a token this needs the header `x-form-key`",
    ))
}

/// Whether the caller may see everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Who has a token, or needs none.
    Known,
    /// Anybody.
    Stranger,
}

/// Notes who asks, for what is answered to everybody.
pub(crate) async fn identify(
    State(tokens): State<Tokens>,
    mut request: Request,
    next: Next,
) -> Response {
    let entrance = of_a_browser(request.headers()).then(|| tokens.entrance(request.headers()));
    let caller = match tokens.check(&Method::GET, request.headers(), entrance.as_ref()) {
        Ok(()) => Caller::Known,
        Err(_) => Caller::Stranger,
    };
    request.extensions_mut().insert(caller);
    let Some(entrance) = entrance else {
        return next.run(request).await;
    };
    let cookie = entrance.cookie.clone();
    request.extensions_mut().insert(entrance);
    let mut response = next.run(request).await;
    // Who logs in or out gets another one.
    let is_own = response.headers().contains_key(header::SET_COOKIE);
    if let Some(cookie) = cookie.filter(|_| !is_own && is_page(&response)) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Whether a request may come from a browser that shows pages; others are spared what only those need.
fn of_a_browser(headers: &HeaderMap) -> bool {
    headers.contains_key(header::COOKIE) || wants_page(headers)
}

/// Whether the caller reads pages: browsers name `text/html`, programs take anything.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let mut accepted = accepted.filter_map(|accepted| accepted.to_str().ok());
    accepted.any(|accepted| accepted.contains("text/html"))
}

fn is_page(response: &Response) -> bool {
    let media_type = response.headers().get(header::CONTENT_TYPE);
    media_type.is_some_and(|media_type| media_type.as_bytes().starts_with(b"text/html"))
}

/// What lets calls of the API through: the tokens, and who was wrong about them of late.
#[derive(Clone)]
pub(crate) struct TokenGuard {
    tokens: Tokens,
    attempts: Attempts,
}

impl TokenGuard {
    pub(crate) fn new(tokens: Tokens) -> Self {
        Self {
            tokens,
            attempts: Attempts::default(),
        }
    }

    /// Counts a wrong token. After too many from one address, refuses further ones without counting.
    fn was_wrong(&self, request: &Request, problem: Problem) -> Problem {
        let is_wrong_token = problem.status() == StatusCode::UNAUTHORIZED;
        let from = request.extensions().get::<CameFrom>();
        let Some(CameFrom(from)) =
            from.filter(|_| is_wrong_token && bearer(request.headers()).is_some())
        else {
            return problem;
        };
        let now = Instant::now();
        if let Some(wait) = self.attempts.must_wait(from.ip(), now) {
            return Problem::too_many_attempts(wait);
        }
        self.attempts.was_wrong(from.ip(), now);
        problem
    }
}

/// Lets a request through if its token allows it, however many wrong ones came from the same address.
pub(crate) async fn require_token(
    State(guard): State<TokenGuard>,
    request: Request,
    next: Next,
) -> Response {
    let entrance = request.extensions().get::<Entrance>();
    match guard
        .tokens
        .check(request.method(), request.headers(), entrance)
    {
        Ok(()) => next.run(request).await,
        Err(problem) => guard.was_wrong(&request, problem).into_response(),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

fn unauthorized(message: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, ProblemCode::Unauthorized, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(tokens: &Tokens, method: &Method, authorization: Option<&str>) -> u16 {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            let value = value.parse().expect("a header's value");
            headers.insert(header::AUTHORIZATION, value);
        }
        match tokens.check(method, &headers, None) {
            Ok(()) => 200,
            Err(problem) => problem.into_response().status().as_u16(),
        }
    }

    fn token(name: &str, scope: Scope) -> ApiToken {
        ApiToken {
            name: name.to_owned(),
            token: Secret::new(format!("token-of-{name}")),
            scope,
        }
    }

    #[test]
    fn without_tokens_everybody_may_call() {
        assert_eq!(status(&Tokens::new(Vec::new()), &Method::POST, None), 200);
    }

    #[test]
    fn a_token_allows_what_its_scope_says() {
        let tokens = Tokens::new(vec![
            token("reader", Scope::Read),
            token("writer", Scope::Write),
        ]);
        for (method, authorization, expected) in [
            (Method::GET, None, 401),
            (Method::GET, Some("Basic dTpw"), 401),
            (Method::GET, Some("Bearer"), 401),
            (Method::GET, Some("Bearer "), 401),
            (Method::GET, Some("Bearer token-of-nobody"), 401),
            (Method::GET, Some("Bearer token-of-reader"), 200),
            (Method::HEAD, Some("Bearer token-of-reader"), 200),
            (Method::POST, Some("Bearer token-of-reader"), 403),
            (Method::DELETE, Some("Bearer token-of-reader"), 403),
            (Method::GET, Some("bearer token-of-writer"), 200),
            (Method::DELETE, Some("Bearer token-of-writer"), 200),
        ] {
            let told = status(&tokens, &method, authorization);
            assert_eq!(told, expected, "{method} with {authorization:?}");
        }
    }

    #[test]
    fn who_tries_too_many_wrong_tokens_waits_while_right_ones_are_taken() {
        let guard = TokenGuard::new(Tokens::new(vec![token("writer", Scope::Write)]));
        let request = |from: &str, token: &str| {
            let mut request = Request::new(axum::body::Body::empty());
            let from: std::net::SocketAddr = from.parse().expect("an address");
            request.extensions_mut().insert(CameFrom(from));
            let value = format!("Bearer {token}").parse().expect("a value");
            request.headers_mut().insert(header::AUTHORIZATION, value);
            request
        };
        let status = |from: &str, token: &str| {
            let request = request(from, token);
            let checked = guard.tokens.check(&Method::GET, request.headers(), None);
            checked.map_or_else(
                |problem| guard.was_wrong(&request, problem).status().as_u16(),
                |()| 200,
            )
        };
        let told = (0..12).map(|n| status("10.0.0.7:4711", &format!("guess-{n}")));
        let told: Vec<u16> = told.collect();
        assert_eq!(told, [[401; 10].as_slice(), &[429; 2]].concat());
        assert_eq!(status("10.0.0.7:4712", "token-of-writer"), 200);
        assert_eq!(status("10.0.0.8:4711", "guess"), 401, "somebody else");
        let problem = Problem::too_many_attempts(std::time::Duration::from_secs(59));
        let response = problem.into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "60");
    }

    #[test]
    fn a_token_without_text_lets_nobody_in() {
        let empty = ApiToken {
            token: Secret::new(""),
            ..token("empty", Scope::Write)
        };
        let tokens = Tokens::new(vec![empty]);
        assert_eq!(status(&tokens, &Method::GET, Some("Bearer ")), 401);
    }
}
