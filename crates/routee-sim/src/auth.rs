//! Tokens: how they are given, and whether a bearer is good.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::answer::{Answer, error, json_value};
use crate::config::SimConfig;
use crate::ids;
use crate::shape::CodeForm;
use crate::switches::AuthSwitches;

/// The tokens that were given.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    live: RwLock<HashMap<String, Token>>,
    issued: AtomicU64,
}

#[derive(Debug)]
struct Token {
    expires_at_ms: i64,
    uses: AtomicU64,
}

/// What a token request says.
#[derive(Debug, Default)]
pub(crate) struct Grant {
    kind: Option<String>,
    scope: Option<String>,
}

impl Grant {
    /// Reads the form body and, as some clients put it there, the query string.
    pub(crate) fn read(query: &str, body: &[u8]) -> Self {
        let mut grant = Self::default();
        let pairs =
            url::form_urlencoded::parse(query.as_bytes()).chain(url::form_urlencoded::parse(body));
        for (name, value) in pairs {
            match &*name {
                "grant_type" => grant.kind = Some(value.into_owned()),
                "scope" => grant.scope = Some(value.into_owned()),
                _ => {}
            }
        }
        grant
    }
}

impl Tokens {
    /// Answers a token request.
    pub(crate) fn issue(
        &self,
        config: &SimConfig,
        switches: &AuthSwitches,
        headers: &HeaderMap,
        grant: &Grant,
        now_ms: i64,
        random: impl Fn() -> u64,
    ) -> Answer {
        let refusal = switches.refuse.or_else(|| {
            (!has_credentials(headers, config)).then_some(switches.wrong_credentials_status)
        });
        if let Some(status) = refusal {
            return refused(status);
        }
        if grant.kind.as_deref() != Some("client_credentials") {
            let body = json!({"error": "unsupported_grant_type",
                "error_description": "Unsupported grant type"});
            return json_value(StatusCode::BAD_REQUEST, &body);
        }
        let (token, expires_at_ms) = self.give(switches, now_ms, random);
        let mut body = json!({"access_token": token});
        if let Some(kind) = &switches.token_type {
            body["token_type"] = json!(kind);
        }
        match &switches.expires_in {
            Value::String(word) if word == "remaining" => {
                body["expires_in"] = json!((expires_at_ms - now_ms) / 1000);
            }
            Value::String(word) if word == "absent" => {}
            other => body["expires_in"] = other.clone(),
        }
        body["scope"] = json!(
            grant
                .scope
                .as_deref()
                .unwrap_or("account contact report sms")
        );
        body["permissions"] = json!(["MT_PERMISSION_X"]);
        json_value(StatusCode::OK, &body)
    }

    fn give(
        &self,
        switches: &AuthSwitches,
        now_ms: i64,
        random: impl Fn() -> u64,
    ) -> (String, i64) {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        live.retain(|_, token| token.expires_at_ms > now_ms);
        if switches.same_token {
            let longest = live.iter().max_by_key(|(_, token)| token.expires_at_ms);
            if let Some((name, token)) = longest {
                return (name.clone(), token.expires_at_ms);
            }
        }
        let name = ids::uuid(random(), random()).to_string();
        let lifetime_ms = i64::try_from(switches.lifetime_ms).unwrap_or(i64::MAX);
        let expires_at_ms = now_ms.saturating_add(lifetime_ms);
        live.insert(
            name.clone(),
            Token {
                expires_at_ms,
                uses: AtomicU64::new(0),
            },
        );
        self.issued.fetch_add(1, Ordering::Relaxed);
        (name, expires_at_ms)
    }

    /// The refusal of a request without a good bearer.
    pub(crate) fn refusal(
        &self,
        headers: &HeaderMap,
        switches: &AuthSwitches,
        now_ms: i64,
    ) -> Option<Answer> {
        if !switches.check_bearer {
            return None;
        }
        let bearer = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let bearer = bearer.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme
                .eq_ignore_ascii_case("bearer")
                .then_some(token.trim())
        });
        let Some(bearer) = bearer else {
            let body = json!({"error": "unauthorized", "error_description":
                "Full authentication is required to access this resource"});
            return Some(json_value(StatusCode::UNAUTHORIZED, &body));
        };
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        let is_good = !switches.reject_all
            && live.get(bearer).is_some_and(|token| {
                let used = token.uses.fetch_add(1, Ordering::Relaxed);
                now_ms < token.expires_at_ms
                    && switches.dies_after_uses.is_none_or(|uses| used < uses)
            });
        (!is_good).then(|| invalid_token(bearer, switches.bad_bearer_status))
    }

    /// Kills every token; says how many there were.
    pub(crate) fn revoke(&self) -> usize {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        let count = live.len();
        live.clear();
        count
    }

    pub(crate) fn issued(&self) -> u64 {
        self.issued.load(Ordering::Relaxed)
    }

    pub(crate) fn reset(&self) {
        self.revoke();
        self.issued.store(0, Ordering::Relaxed);
    }
}

/// The refusal of a bearer. Servers of this kind repeat the token in the text, so this one does:
/// a client that logs the body gives itself away.
pub(crate) fn invalid_token(bearer: &str, status: u16) -> Answer {
    if status == 403 {
        return forbidden(CodeForm::String);
    }
    let body = json!({"error": "invalid_token",
        "error_description": format!("Access token expired: {bearer}")});
    json_value(
        StatusCode::from_u16(status).unwrap_or(StatusCode::UNAUTHORIZED),
        &body,
    )
}

/// The answer to an application that may not use SMS.
pub(crate) fn forbidden(form: CodeForm) -> Answer {
    error(
        StatusCode::FORBIDDEN,
        "403000000",
        "The application has no right to this service",
        form,
    )
}

fn refused(status: u16) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::UNAUTHORIZED);
    let error = status.canonical_reason().unwrap_or("Error");
    let body = json!({"timestamp": "2024-05-01T10:28:45.227+0000", "status": status.as_u16(),
        "error": error, "message": "Bad credentials", "path": "/oauth/token"});
    json_value(status, &body)
}

fn has_credentials(headers: &HeaderMap, config: &SimConfig) -> bool {
    let value = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let Some((scheme, encoded)) = value.and_then(|value| value.split_once(' ')) else {
        return false;
    };
    let expected = format!("{}:{}", config.application_id, config.application_secret);
    scheme.eq_ignore_ascii_case("basic")
        && STANDARD
            .decode(encoded.trim())
            .is_ok_and(|decoded| decoded == expected.as_bytes())
}
