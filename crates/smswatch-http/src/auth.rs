//! Who may call `/v1`, and what with.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};
use smswatch_api::problem::ProblemCode;
use smswatch_plugin::Secret;

use crate::problem::Problem;

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

    /// Whether whoever sent these headers may read everything.
    pub(crate) fn know(&self, headers: &HeaderMap) -> bool {
        self.check(&Method::GET, headers).is_ok()
    }

    fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        let presented = bearer(headers).map(digest).ok_or_else(|| {
            unauthorized("this needs a token: `Authorization: Bearer …`")
                .with_header(header::WWW_AUTHENTICATE, "Bearer realm=\"smswatch\"")
        })?;
        let known = self.0.iter().find(|known| known.digest == presented);
        let known = known.ok_or_else(|| {
            unauthorized("the token is not one that is accepted here").with_header(
                header::WWW_AUTHENTICATE,
                "Bearer realm=\"smswatch\", error=\"invalid_token\"",
            )
        })?;
        if method.is_safe() {
            return Ok(());
        }
        if known.scope == Scope::Read {
            let message = "the token may read everything and change nothing";
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                ProblemCode::Forbidden,
                message,
            ));
        }
        tracing::debug!(token = known.name, %method, "a call that may change something");
        Ok(())
    }
}

/// Whether whoever asks may see all there is.
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
    let caller = match tokens.know(request.headers()) {
        true => Caller::Known,
        false => Caller::Stranger,
    };
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Lets a request through if its token allows it.
pub(crate) async fn require_token(
    State(tokens): State<Tokens>,
    request: Request,
    next: Next,
) -> Response {
    match tokens.check(request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
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
        match tokens.check(method, &headers) {
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
    fn a_token_without_text_lets_nobody_in() {
        let empty = ApiToken {
            token: Secret::new(""),
            ..token("empty", Scope::Write)
        };
        let tokens = Tokens::new(vec![empty]);
        assert_eq!(status(&tokens, &Method::GET, Some("Bearer ")), 401);
    }
}
