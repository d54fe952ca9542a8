//! Browsers that have logged in: a signed cookie in place of the token.
//!
//! The cookie names its token by a hash, says until when it holds, and is signed with a key that only who knows the token
//! could make. So every replica accepts it, and so does the process after a restart, while nobody keeps anything. A token
//! that leaves the configuration takes its cookies along.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, SameSite};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use smswatch_pages::Visitor;

use super::{Known, Scope, Tokens};

/// The cookie of who has logged in.
const SESSION: &str = "smswatch_session";

/// The cookie of who has not, or need not: forms are told from those of other sites by it.
const FORM: &str = "smswatch_form";

/// How long a cookie holds. It is given out anew while its owner is there.
const LIFE: Duration = Duration::from_secs(12 * 3600);

/// What sets the forms of those who are logged in, and of others, apart.
const OF_SESSION: &str = "form of a session";
const OF_STRANGER: &str = "form of a stranger";

/// Who a browser belongs to, as far as its cookies tell.
#[derive(Debug, Clone)]
pub(crate) struct Entrance {
    /// Who may see pages; `None` for who has to log in first.
    pub(crate) visitor: Option<Visitor>,
    /// What a form hands in that this browser was given.
    pub(crate) form_key: String,
    /// The cookie to send along with a page, if there is one.
    pub(crate) cookie: Option<HeaderValue>,
}

impl Entrance {
    /// A caller without a cookie, who cannot hand in a form.
    pub(crate) fn of_nobody() -> Self {
        Self {
            visitor: None,
            form_key: nonce_of_now(),
            cookie: None,
        }
    }
}

/// What a session's cookie says.
struct Session {
    nonce: String,
    /// In seconds since 1970.
    expires: u64,
}

impl Tokens {
    /// Who a browser belongs to that sent these headers.
    pub(crate) fn entrance(&self, headers: &HeaderMap) -> Entrance {
        let now = now();
        if let Some((known, session)) = self.session(headers, now) {
            let visitor = Visitor {
                name: Some(known.name.clone()),
                may_change: known.scope == Scope::Write,
                form_key: sign(&known.session_key(), &[OF_SESSION, &session.nonce]),
            };
            // Only in its second half, so that most answers need none.
            let is_old = session.expires < now + LIFE.as_secs() / 2;
            let cookie = is_old.then(|| known.cookie(&session.nonce, now, is_secure(headers)));
            return Entrance {
                form_key: visitor.form_key.clone(),
                visitor: Some(visitor),
                cookie,
            };
        }
        let nonce = cookie(headers, FORM);
        let is_new = nonce.is_none();
        let nonce = nonce.unwrap_or_else(nonce_of_now);
        let form_key = sign(&self.form_key(), &[OF_STRANGER, &nonce]);
        // Who shows a token with each request needs no session.
        let known = super::bearer(headers).and_then(|token| self.known_by(token));
        let visitor = (known.is_some() || self.is_empty()).then(|| Visitor {
            name: known.map(|known| known.name.clone()),
            may_change: known.is_none_or(|known| known.scope == Scope::Write),
            form_key: form_key.clone(),
        });
        Entrance {
            visitor,
            form_key,
            cookie: is_new.then(|| set_cookie(FORM, &nonce, LIFE, is_secure(headers))),
        }
    }

    /// The cookie for who knows this token; `None` if it is none that is accepted.
    pub(crate) fn log_in(&self, token: &str, headers: &HeaderMap) -> Option<HeaderValue> {
        let known = self.known_by(token)?;
        tracing::debug!(token = known.name, "a browser logged in");
        Some(known.cookie(&nonce_of_now(), now(), is_secure(headers)))
    }

    /// The session that headers tell of, if it holds at `now`.
    fn session(&self, headers: &HeaderMap, now: u64) -> Option<(&Known, Session)> {
        let value = cookie(headers, SESSION)?;
        let mut fields = value.split('.');
        let (id, nonce) = (fields.next()?, fields.next()?);
        let (expires, signature) = (fields.next()?, fields.next()?);
        let known = self.0.iter().find(|known| known.session_id() == id)?;
        let is_signed = is_signed(&known.session_key(), &[SESSION, nonce, expires], signature);
        let session = Session {
            nonce: nonce.to_owned(),
            expires: expires.parse().ok()?,
        };
        (is_signed && session.expires > now).then_some((known, session))
    }

    /// The key of forms of who is not logged in. Other sites cannot read what it makes, and need not be kept from making it
    /// where no token is needed: their requests are refused by their `Origin`.
    fn form_key(&self) -> [u8; 32] {
        let digests = self.0.iter().map(|known| hex::encode(known.digest));
        let digests: Vec<String> = digests.collect();
        super::digest(&digests.join("."))
    }
}

impl Known {
    fn session_key(&self) -> [u8; 32] {
        let mut mac = keyed(&self.digest);
        mac.update(b"smswatch session 1");
        mac.finalize().into_bytes().into()
    }

    /// Tells the tokens of sessions apart, and nothing of them.
    fn session_id(&self) -> String {
        sign(&self.session_key(), &["id"])[..16].to_owned()
    }

    fn cookie(&self, nonce: &str, now: u64, is_secure: bool) -> HeaderValue {
        let expires = (now + LIFE.as_secs()).to_string();
        let signature = sign(&self.session_key(), &[SESSION, nonce, &expires]);
        let value = format!("{}.{nonce}.{expires}.{signature}", self.session_id());
        set_cookie(SESSION, &value, LIFE, is_secure)
    }
}

/// The cookie that ends a session in its browser.
pub(crate) fn log_out() -> HeaderValue {
    set_cookie(SESSION, "", Duration::ZERO, false)
}

/// Whether what a form handed in is the key that its browser was given.
pub(crate) fn is_own_form(entrance: &Entrance, handed_in: &str) -> bool {
    // Digests are compared, so that the time that takes tells nothing.
    super::digest(&entrance.form_key) == super::digest(handed_in)
}

fn set_cookie(name: &str, value: &str, life: Duration, is_secure: bool) -> HeaderValue {
    let life = cookie::time::Duration::try_from(life).unwrap_or_default();
    let cookie = Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(is_secure)
        .max_age(life)
        .build();
    let text = cookie.to_string();
    HeaderValue::try_from(text).expect("its name and value are letters, digits and points")
}

/// The value of a cookie, if it is one of ours: letters, digits and points.
fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    let cookies = lines.flat_map(Cookie::split_parse).flatten();
    let value = cookies.filter(|cookie| cookie.name() == name).last()?;
    let value = value.value();
    let is_ours = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
    let is_ours = !value.is_empty() && value.len() <= 300 && value.bytes().all(is_ours);
    is_ours.then(|| value.to_owned())
}

/// Whether the browser speaks TLS to whatever stands before smswatch. Who claims so wrongly only keeps a cookie back.
fn is_secure(headers: &HeaderMap) -> bool {
    let protocol = headers.get("x-forwarded-proto");
    protocol.is_some_and(|protocol| protocol == "https")
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key has any length")
}

fn mac(key: &[u8; 32], fields: &[&str]) -> Hmac<Sha256> {
    let mut mac = keyed(key);
    mac.update(fields.join(".").as_bytes());
    mac
}

fn sign(key: &[u8; 32], fields: &[&str]) -> String {
    hex::encode(mac(key, fields).finalize().into_bytes())
}

fn is_signed(key: &[u8; 32], fields: &[&str], signature: &str) -> bool {
    let signature = hex::decode(signature);
    signature.is_ok_and(|signature| mac(key, fields).verify_slice(&signature).is_ok())
}

fn nonce_of_now() -> String {
    format!("{:032x}", fastrand::u128(..))
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests;
