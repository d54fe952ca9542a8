//! A session holds as long as its token and its time, everywhere, and can be made by nobody else.

use smswatch_plugin::Secret;

use super::super::ApiToken;
use super::*;

fn token(text: &str, scope: Scope) -> ApiToken {
    ApiToken {
        name: format!("name of {text}"),
        token: Secret::new(text),
        scope,
    }
}

fn tokens(all: &[&str]) -> Tokens {
    let tokens = all.iter().map(|text| token(text, Scope::Write));
    Tokens::new(tokens.collect())
}

/// The headers of a browser that keeps what a `Set-Cookie` says.
fn kept(cookie: &HeaderValue) -> HeaderMap {
    let text = cookie.to_str().expect("text");
    let pair = text.split(';').next().expect("a pair");
    HeaderMap::from_iter([(header::COOKIE, pair.parse().expect("a value"))])
}

fn name(tokens: &Tokens, headers: &HeaderMap) -> Option<String> {
    tokens.entrance(headers).visitor?.name
}

#[test]
fn a_session_holds_in_every_process_that_accepts_its_token() {
    let (one, other) = (
        tokens(&["ann's", "bob's"]),
        tokens(&["bob's", "ann's", "new"]),
    );
    let headers = kept(&one.log_in("ann's", &HeaderMap::new()).expect("it is known"));
    for tokens in [&one, &other] {
        assert_eq!(name(tokens, &headers).as_deref(), Some("name of ann's"));
    }
    let keys = [&one, &other].map(|tokens| tokens.entrance(&headers).form_key);
    assert_eq!(keys[0], keys[1], "forms hold in every process, too");
    assert_eq!(
        name(&tokens(&["bob's"]), &headers),
        None,
        "her token is gone"
    );
    assert!(one.log_in("nobody's", &HeaderMap::new()).is_none());
}

#[test]
fn a_cookie_holds_no_token_and_is_kept_from_scripts_and_other_sites() {
    let tokens = tokens(&["hunter2"]);
    let cookie = tokens
        .log_in("hunter2", &HeaderMap::new())
        .expect("it is known");
    let text = cookie.to_str().expect("text").to_owned();
    assert!(!text.contains("hunter2"), "{text}");
    for word in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(text.contains(word), "{text}");
    }
    assert!(!text.contains("Secure"));
    let tls = HeaderMap::from_iter([(
        header::HeaderName::from_static("x-forwarded-proto"),
        HeaderValue::from_static("https"),
    )]);
    let cookie = tokens.log_in("hunter2", &tls).expect("it is known");
    assert!(cookie.to_str().expect("text").contains("Secure"));
}

#[test]
fn a_session_that_was_changed_or_is_over_holds_no_longer() {
    let tokens = tokens(&["hunter2"]);
    let cookie = tokens
        .log_in("hunter2", &HeaderMap::new())
        .expect("it is known");
    let text = cookie.to_str().expect("text");
    let value = text
        .split(';')
        .next()
        .and_then(|pair| pair.split('=').nth(1))
        .expect("a value");
    let fields: Vec<&str> = value.split('.').collect();
    let [id, nonce, expires, signature] = fields[..] else {
        panic!("{value}");
    };
    let later = (expires.parse::<u64>().expect("a number") + 1).to_string();
    for changed in [
        [id, nonce, &later, signature].join("."),
        [id, "0", expires, signature].join("."),
        [id, nonce, expires, "00"].join("."),
        [id, nonce, expires].join("."),
        "x".to_owned(),
    ] {
        let header = format!("{SESSION}={changed}");
        let headers = HeaderMap::from_iter([(header::COOKIE, header.parse().expect("a value"))]);
        assert_eq!(name(&tokens, &headers), None, "{changed}");
    }
    let headers = kept(&cookie);
    let end = expires.parse().expect("a number");
    assert!(tokens.session(&headers, end - 1).is_some());
    assert!(tokens.session(&headers, end).is_none());
}

#[test]
fn a_session_is_given_out_anew_in_its_second_half_and_its_forms_stay_good() {
    let tokens = tokens(&["hunter2"]);
    let known = &tokens.0[0];
    let young = kept(&known.cookie("abc", now(), false));
    assert!(tokens.entrance(&young).cookie.is_none());
    let old = kept(&known.cookie("abc", now() - LIFE.as_secs() * 3 / 4, false));
    let entrance = tokens.entrance(&old);
    let renewed = kept(&entrance.cookie.clone().expect("a younger one"));
    assert!(is_own_form(&entrance, &tokens.entrance(&renewed).form_key));
    assert!(!is_own_form(&entrance, ""));
}

#[test]
fn without_tokens_everybody_is_a_visitor_whose_forms_are_their_own() {
    let tokens = Tokens::new(Vec::new());
    let first = tokens.entrance(&HeaderMap::new());
    let cookie = first.cookie.clone().expect("a new browser gets one");
    let again = tokens.entrance(&kept(&cookie));
    assert!(again.visitor.is_some_and(|visitor| visitor.may_change));
    assert_eq!(
        (again.form_key, again.cookie),
        (first.form_key.clone(), None)
    );
    assert_ne!(tokens.entrance(&HeaderMap::new()).form_key, first.form_key);
}
