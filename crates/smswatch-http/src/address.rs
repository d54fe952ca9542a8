//! Whether a request means this address, or was led here by a web page.
//!
//! Without tokens the API is open to who reaches it, and that is loopback alone. A browser reaches
//! loopback, too, for every page that it shows: by a name that its owner has pointed here, or from a
//! page of another origin. Neither gets an answer, of whatever path.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use smswatch_api::problem::ProblemCode;

use crate::auth::Tokens;
use crate::problem::Problem;

/// Where a request arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ArrivedAt(pub(crate) SocketAddr);

/// Refuses requests that do not mean this address, where nothing else protects it.
pub(crate) async fn require_own_address(
    State(tokens): State<Tokens>,
    request: Request,
    next: Next,
) -> Response {
    if !tokens.is_empty() {
        return next.run(request).await;
    }
    let local = request.extensions().get::<ArrivedAt>().map(|at| at.0);
    match local.is_some_and(|local| is_meant(request.headers(), request.uri(), local)) {
        true => next.run(request).await,
        false => {
            let message = "without a token only requests to this address itself are answered: `host` \
                           and `origin` must name it, such as 127.0.0.1 or localhost";
            Problem::new(StatusCode::FORBIDDEN, ProblemCode::Forbidden, message).into_response()
        }
    }
}

fn is_meant(headers: &HeaderMap, uri: &Uri, local: SocketAddr) -> bool {
    let hosts = headers.get_all(header::HOST).iter();
    let hosts = hosts.map(|host| host.to_str().ok());
    // A request may name its target whole; that outdoes the header.
    let target = uri.authority().map(|authority| Some(authority.as_str()));
    let mut hosts = hosts.chain(target);
    let is_own_host = |host: Option<&str>| host.is_some_and(|host| is_own(host, local).is_some());
    if !hosts.all(is_own_host) {
        return false;
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    origins.all(|origin| {
        let origin = origin.to_str().ok();
        let authority = origin.and_then(|origin| origin.strip_prefix("http://"));
        let port = authority.and_then(|authority| is_own(authority, local));
        port.is_some_and(|port| port.unwrap_or(80) == local.port() || port == port_of(headers))
    })
}

/// The port that the client believes to speak to: another one where a port is forwarded.
fn port_of(headers: &HeaderMap) -> Option<u16> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    split(host)?.1
}

/// The port of `authority`, if its host is one of this address.
fn is_own(authority: &str, local: SocketAddr) -> Option<Option<u16>> {
    let (host, port) = split(authority)?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_own = match bare.unwrap_or(host).parse::<IpAddr>() {
        Ok(ip) => {
            let ip = ip.to_canonical();
            ip.is_loopback() || ip == local.ip().to_canonical()
        }
        Err(_) => host.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
    };
    is_own.then_some(port)
}

/// Host and port of an authority without a login.
fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    let end_of_address = authority.rfind(']').map_or(0, |end| end + 1);
    match authority[end_of_address..].find(':') {
        None => Some((authority, None)),
        Some(colon) => {
            let (host, port) = authority.split_at(end_of_address + colon);
            Some((host, Some(port[1..].parse().ok()?)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(local: &str, uri: &str, headers: &[(&str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: header::HeaderName = name.parse().expect("a name");
            map.append(name, value.parse().expect("a value"));
        }
        is_meant(
            &map,
            &uri.parse().expect("a URI"),
            local.parse().expect("an address"),
        )
    }

    #[test]
    fn only_names_of_this_address_are_answered() {
        for (local, host, expected) in [
            ("127.0.0.1:8080", "127.0.0.1:8080", true),
            ("127.0.0.1:8080", "localhost:8080", true),
            ("127.0.0.1:8080", "LocalHost.:8080", true),
            ("127.0.0.1:8080", "localhost", true),
            ("127.0.0.1:8080", "localhost:9000", true),
            ("[::1]:8080", "[::1]:8080", true),
            ("[::1]:8080", "[::1]", true),
            ("10.0.0.7:8080", "10.0.0.7:8080", true),
            ("[::ffff:10.0.0.7]:8080", "10.0.0.7:8080", true),
            ("127.0.0.1:8080", "10.0.0.7:8080", false),
            ("127.0.0.1:8080", "evil.example", false),
            ("127.0.0.1:8080", "evil.example:8080", false),
            ("127.0.0.1:8080", "127.0.0.1.evil.example:8080", false),
            ("127.0.0.1:8080", "localhost.evil.example", false),
            ("127.0.0.1:8080", "notlocalhost:8080", false),
            ("127.0.0.1:8080", "localhost:x", false),
            ("127.0.0.1:8080", "bob@localhost", false),
            ("127.0.0.1:8080", "", false),
        ] {
            let headers = [("host", host)];
            assert_eq!(answer(local, "/readyz", &headers), expected, "{host}");
        }
        let local = "127.0.0.1:8080";
        assert!(answer(local, "/", &[]), "HTTP/1.0 needs no host");
        let hosts = [("host", "localhost"), ("host", "evil.example")];
        assert!(!answer(local, "/", &hosts));
        let own = [("host", "localhost:8080")];
        assert!(!answer(local, "http://evil.example/v1/watches", &own));
    }

    #[test]
    fn a_page_of_another_origin_gets_no_answer() {
        for (origin, expected) in [
            ("http://127.0.0.1:8080", true),
            ("http://localhost:8080", true),
            ("http://localhost:9000", true),
            ("http://localhost:3000", false),
            ("http://localhost", false),
            ("https://localhost:8080", false),
            ("http://evil.example", false),
            ("http://evil.example:8080", false),
            ("null", false),
            ("", false),
        ] {
            // Port 9000 of the client's machine is forwarded to here.
            let headers = [("host", "localhost:9000"), ("origin", origin)];
            assert_eq!(
                answer("127.0.0.1:8080", "/", &headers),
                expected,
                "{origin}"
            );
        }
    }
}
