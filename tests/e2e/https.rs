//! Servers whose certificates are not right: each client tells what is wrong, with host and port.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::process::check_in;
use crate::stage::{certificate_file, sqlite_in};

/// Starts a server with the certificate of this name that answers every request with an empty object;
/// returns its port.
fn serve(certificate: &str) -> u16 {
    smswatch_testkit::install_tls_provider();
    let certificate = CertificateDer::from_pem_file(certificate_file(certificate));
    let key = PrivateKeyDer::from_pem_file(certificate_file("server.key"));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.expect("a certificate")],
            key.expect("a key"),
        )
        .expect("they belong together");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            std::thread::spawn(move || {
                let mut stream = StreamOwned::new(connection, stream);
                let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
                // A client that does not trust the certificate breaks the connection off.
                let read = stream.read(&mut [0; 4096]);
                read.and_then(|_| stream.write_all(answer)).is_ok()
            });
        }
    });
    port
}

#[test]
fn every_client_tells_what_is_wrong_with_a_certificate() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = directory.path().join("smswatch.yaml");
    let authority = certificate_file("authority.pem").display().to_string();
    let environment = [("SSL_CERT_FILE", authority.as_str()), ("SSL_CERT_DIR", "")];
    for (certificate, words) in [
        ("expired.pem", Some("certificate has expired")),
        ("other.pem", Some("certificate is for another name")),
        ("good.pem", None),
    ] {
        let server = format!("localhost:{}", serve(certificate));
        let text = format!(
            r#"
routee: {{application_id: a, application_secret: s, api_url: "https://{server}", auth_url: "https://{server}"}}
store: {{url: "{store}"}}
sinks:
  crm: {{type: webhook, url: "https://{server}/hunter2", allow_private: true}}
  slack-hook: {{type: slack, webhook_url: "https://{server}/services/hunter2"}}
  slack-bot: {{type: slack, bot_token: hunter2, channel: C0123456, api_url: "https://{server}/api"}}
rules: [{{name: all, notify: [crm, slack-hook, slack-bot]}}]
"#,
            store = sqlite_in(directory.path()),
        );
        std::fs::write(&config, text).expect("a file");
        let output = check_in(&config, &["--online"], &environment);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        for part in ["routee", "crm", "slack-hook", "slack-bot"] {
            let line = said.lines().find(|line| line.starts_with(part));
            let line = line.unwrap_or_else(|| panic!("{said} {output:?}"));
            match words {
                Some(words) => {
                    let expected = format!("{server}: {words}");
                    assert!(
                        line.contains("failed") && line.contains(&expected),
                        "{line}"
                    );
                }
                None => assert!(!line.contains("certificate"), "{line}"),
            }
        }
        assert!(!said.contains("hunter2"), "{said}");
    }
}
