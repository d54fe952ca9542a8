//! Certificates of an operator's own: whom the receiver's is checked with, and what the receiver is shown.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use smswatch_plugin::sink::{Retry, Sink as _};
use smswatch_testkit::sample;

use crate::configured;

fn file(name: &str) -> PathBuf {
    let certificates = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/e2e/certificates");
    PathBuf::from(certificates).join(name)
}

fn pem(name: &str) -> String {
    std::fs::read_to_string(file(name)).expect("a file")
}

/// Starts a receiver with this certificate, which nobody knows, and that wants one of our authority; returns its URL.
fn strict_receiver(certificate: &str) -> String {
    smswatch_testkit::install_tls_provider();
    let mut trusted = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(file("authority.pem")).expect("a certificate");
    trusted.add(authority).expect("it can be trusted");
    let verifier = WebPkiClientVerifier::builder(trusted.into()).build();
    let certificate = CertificateDer::from_pem_file(file(certificate)).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(file("server.key")).expect("a key");
    let config = ServerConfig::builder()
        .with_client_cert_verifier(verifier.expect("an authority"))
        .with_single_cert(vec![certificate], key)
        .expect("they belong together");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            std::thread::spawn(move || {
                let mut stream = StreamOwned::new(connection, stream);
                let answer =
                    b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\ntaken";
                // Who shows no certificate gets no answer.
                let read = stream.read(&mut [0; 65_536]);
                read.and_then(|_| stream.write_all(answer)).is_ok()
            });
        }
    });
    format!("https://localhost:{port}/hook")
}

#[tokio::test]
async fn a_receiver_is_checked_with_our_authority_and_shown_our_certificate() {
    let url = strict_receiver("good.pem");
    let ours = json!({
        "url": url,
        "allow_private": true,
        "ca": pem("authority.pem"),
        "client_certificate": pem("good.pem"),
        "client_key": pem("server.key"),
    });
    let sink = configured(ours.clone()).expect("it is valid");
    let receipt = sink.deliver(&sample::notification()).await;
    let receipt = receipt.unwrap_or_else(|error| panic!("{}", error.detail()));
    assert_eq!(receipt.detail(), "200 OK: taken");
    for missing in [&["ca"][..], &["client_certificate", "client_key"]] {
        let mut config = ours.clone();
        let own = config.as_object_mut().expect("an object");
        own.retain(|key, _| !missing.contains(&key.as_str()));
        let sink = configured(config).expect("it is valid");
        let error = sink.deliver(&sample::notification()).await;
        let error = error.expect_err("it is not trusted");
        assert_eq!(error.retry(), Retry::Later, "{}", error.detail());
    }
}

/// What `openssl req -x509` makes by itself is an authority, which stands for no server.
#[tokio::test]
async fn a_certificate_that_signed_itself_works_unless_it_is_an_authoritys_and_then_it_is_said_how_to_make_one()
 {
    for (certificate, works) in [("own.pem", true), ("own-authority.pem", false)] {
        let config = json!({
            "url": strict_receiver(certificate),
            "allow_private": true,
            "ca": pem(certificate),
            "client_certificate": pem("good.pem"),
            "client_key": pem("server.key"),
        });
        let sink = configured(config).expect("it is valid");
        match sink.deliver(&sample::notification()).await {
            Ok(_) => assert!(works, "{certificate} stands for a server"),
            Err(error) => {
                let said = error.detail();
                assert!(
                    !works && said.contains("basicConstraints=critical,CA:FALSE"),
                    "{said}"
                );
            }
        }
    }
}

/// What many make with `openssl x509 -req` is of a version that nothing here takes.
#[test]
fn a_certificate_that_cannot_be_shown_is_told_with_the_reason() {
    smswatch_testkit::install_tls_provider();
    for (certificate, key, expected) in [
        ("version-1.pem", "version-1.key", "X.509 version 1"),
        (
            "good.pem",
            "version-1.key",
            "the key does not belong to the certificate",
        ),
    ] {
        let config = json!({
            "url": "https://crm.example.com/hook",
            "ca": pem("authority.pem"),
            "client_certificate": pem(certificate),
            "client_key": pem(key),
        });
        let error = configured(config).expect_err("it is of no use").to_string();
        assert!(error.contains(expected), "{error}");
    }
}
