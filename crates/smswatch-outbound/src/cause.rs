//! Why a request got no answer: a refused connection, an unknown name, a certificate, and so on.
//!
//! reqwest's own words are `error sending request`, with the cause several errors deep, and with a URL
//! that may hold a secret.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::IpAddr;

use reqwest::Url;
use rustls::CertificateError;

use crate::route::{Hop, address};

/// What the hyper-util crate puts before what went wrong with a proxy.
const TUNNEL: &str = "tunnel error: ";
const SOCKS: &str = "SOCKS error: ";

/// Its words for a proxy that could not be connected to.
const NO_CONNECTION: &str = "failed to create underlying connection";

/// The cause in one line. `hop` is the proxy that the request left through.
pub(crate) fn explain(error: &reqwest::Error, url: &Url, hop: Option<&Hop>) -> String {
    let server = address(url);
    let causes: Vec<&(dyn Error + 'static)> = causes(error).collect();
    let proxy = hop.map(|hop| format!("the proxy {hop} (from {})", hop.origin()));
    let texts = || causes.iter().map(ToString::to_string);
    let of_proxy = |kind: &str| texts().find_map(|text| Some(text.strip_prefix(kind)?.to_owned()));

    if let Some(tls) = find::<rustls::Error>(&causes) {
        return of_tls(tls, &over_tls(url, hop, &server, proxy.as_deref()));
    }
    if let Some(proxy) = &proxy {
        let what = of_proxy(TUNNEL).or_else(|| of_proxy(SOCKS));
        match what.as_deref() {
            Some("proxy authorization required") => {
                return format!("{proxy} wants another login");
            }
            Some(NO_CONNECTION) if hop.is_some_and(Hop::is_socks) => {
                return format!("{proxy} cannot be reached");
            }
            Some(NO_CONNECTION) | None => {}
            Some(what) => return format!("{proxy} does not connect to {server}: {what}"),
        }
    }
    if error.is_dns()
        && let Some(hop) = hop.filter(|hop| hop.leaves_names_to_us())
    {
        return of_name_for_socks(&causes, &server, hop, proxy.as_deref());
    }
    // The address to connect to: until the request is sent, that is the proxy.
    let peer = match proxy {
        Some(proxy) if error.is_connect() => proxy,
        _ => server,
    };
    if error.is_dns() {
        return of_name(&causes, &peer);
    }
    if let Some(what) = causes.iter().find_map(|cause| of_io(*cause, &peer)) {
        return what;
    }
    if error.is_timeout() {
        return match error.is_connect() {
            true => format!("{peer} does not take connections in time"),
            false => format!("{peer} did not answer in time"),
        };
    }
    match find::<hyper::Error>(&causes) {
        Some(http) if http.is_incomplete_message() => {
            format!("{peer} closed the connection before it answered")
        }
        Some(http) if http.is_parse() => format!("{peer} does not answer in HTTP"),
        _ => format!("{peer}: {}", last_words(texts())),
    }
}

/// The error and everything below it, what an [`io::Error`] wraps included.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| below(*error))
}

fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let wrapped = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match wrapped {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn find<'a, T: Error + 'static>(causes: &[&'a (dyn Error + 'static)]) -> Option<&'a T> {
    causes.iter().find_map(|cause| cause.downcast_ref::<T>())
}

/// Who is spoken to over TLS: the server, a proxy before it, or both, and then nothing says whom it is
/// about.
fn over_tls(url: &Url, hop: Option<&Hop>, server: &str, proxy: Option<&str>) -> String {
    match (proxy.filter(|_| hop.is_some_and(Hop::is_tls)), url.scheme()) {
        (Some(proxy), "https") => format!("{proxy} or {server} behind it"),
        (Some(proxy), _) => proxy.to_owned(),
        (None, _) => server.to_owned(),
    }
}

fn of_tls(error: &rustls::Error, server: &str) -> String {
    match error {
        rustls::Error::InvalidCertificate(why) => match certificate(why) {
            Some(what) => format!("{server}: {what}"),
            None => format!("{server}: its certificate cannot be trusted ({why})"),
        },
        rustls::Error::InvalidMessage(_) => {
            format!("{server} does not speak TLS; is it `http://` that is meant?")
        }
        rustls::Error::AlertReceived(alert) => {
            format!("{server} refuses to speak TLS with smswatch ({alert:?})")
        }
        other => format!("{server}: TLS failed ({other})"),
    }
}

/// Why there is no client, in a few words.
pub(crate) fn of_setup(error: &reqwest::Error) -> String {
    let mut cause: &(dyn Error + 'static) = error;
    loop {
        match cause.downcast_ref::<rustls::Error>() {
            Some(rustls::Error::InconsistentKeys(_)) => {
                return "the key does not belong to the certificate".to_owned();
            }
            Some(rustls::Error::InvalidCertificate(why)) => {
                let what = certificate(why).map(str::to_owned);
                return what.unwrap_or_else(|| format!("its certificate cannot be used ({why})"));
            }
            _ => {}
        }
        match cause.source() {
            Some(source) => cause = source,
            None => return cause.to_string(),
        }
    }
}

fn certificate(why: &CertificateError) -> Option<&'static str> {
    Some(match why {
        // The last two are of one that calls itself like an issuer that is known, and is another.
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "certificate from an unknown issuer"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "certificate is not valid yet; is the clock of this machine right?"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "certificate is for another name"
        }
        CertificateError::Revoked => "certificate was revoked",
        // webpki tells these by their names alone.
        CertificateError::Other(other) if other.to_string().contains("UnsupportedCertVersion") => {
            "certificate is of X.509 version 1, and version 3 is needed: sign it again with an \
             extension, such as with `-extfile` of `openssl x509 -req`"
        }
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "certificate from an unknown issuer: it is an authority's own, signed by itself, and \
             cannot stand for a server; make it with `-addext basicConstraints=critical,CA:FALSE` of \
             `openssl req -x509`"
        }
        _ => return None,
    })
}

fn of_name(causes: &[&(dyn Error + 'static)], peer: &str) -> String {
    let is_passing = causes
        .iter()
        .any(|cause| cause.to_string().contains("Temporary failure"));
    match is_passing {
        true => format!("the name of {peer} cannot be looked up: no name server answers"),
        false => format!("the name of {peer} is not known"),
    }
}

/// A proxy of the kinds `socks4` and `socks5` is told addresses, so its server's name is looked up here.
fn of_name_for_socks(
    causes: &[&(dyn Error + 'static)],
    server: &str,
    hop: &Hop,
    proxy: Option<&str>,
) -> String {
    let peer = match proxy.filter(|_| hop.host().parse::<IpAddr>().is_err()) {
        Some(proxy) => format!("{server} or of {proxy}"),
        None => server.to_owned(),
    };
    let what = of_name(causes, &peer);
    format!(
        "{what}; to have the proxy look names up, write `{}://`",
        hop.kind_that_knows_names()
    )
}

fn of_io(cause: &(dyn Error + 'static), peer: &str) -> Option<String> {
    let what = match cause.downcast_ref::<io::Error>()?.kind() {
        ErrorKind::ConnectionRefused => "refuses connections",
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => "broke the connection off",
        ErrorKind::UnexpectedEof => "closed the connection before it answered",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            "cannot be reached from this machine's network"
        }
        ErrorKind::TimedOut => "does not answer",
        _ => return None,
    };
    Some(format!("{peer} {what}"))
}

/// The deepest cause, without those above it, which only say that something failed.
fn last_words(texts: impl Iterator<Item = String>) -> String {
    let deepest = texts.last().unwrap_or_default();
    deepest
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect()
}
