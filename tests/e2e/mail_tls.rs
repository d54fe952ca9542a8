//! Relays that are spoken to over TLS: what is wrong with a certificate is told before the first mail.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, Mutex, PoisonError};

use routee_sim::{Fate, MessageSpec, Sim, SimConfig};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use smswatch_testkit::PATIENCE;

use crate::process::{Process, check_in};
use crate::stage::certificate_file;

/// A relay that speaks TLS, and keeps what it hears.
struct Relay {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

/// When it speaks TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tls {
    FromTheFirstByte,
    AfterStarttls,
}

impl Relay {
    /// Starts one at `address` with the certificate of this name.
    fn start(address: &str, tls: Tls, certificate: &str) -> Self {
        smswatch_testkit::install_tls_provider();
        let certificate =
            CertificateDer::from_pem_file(certificate_file(certificate)).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(certificate_file("server.key")).expect("a key");
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("they belong together");
        let config = Arc::new(config);
        let address: IpAddr = address.parse().expect("an address");
        let listener = TcpListener::bind(SocketAddr::new(address, 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (config, keep) = (Arc::clone(&config), Arc::clone(&keep));
                // A client that does not trust the certificate breaks the connection off.
                std::thread::spawn(move || serve(stream, tls, config, &keep).is_ok());
            }
        });
        Self { port, heard }
    }

    fn heard(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.clone()
    }
}

fn serve(
    mut stream: TcpStream,
    tls: Tls,
    config: Arc<ServerConfig>,
    heard: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    if tls == Tls::AfterStarttls {
        stream.write_all(b"220 relay.test\r\n")?;
        answer(&mut stream, heard, "250-relay.test\r\n250 STARTTLS\r\n")?;
    }
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    if tls == Tls::FromTheFirstByte {
        stream.write_all(b"220 relay.test\r\n")?;
        stream.flush()?;
    }
    answer(&mut stream, heard, "250 relay.test\r\n")
}

/// Answers line by line, until the end or STARTTLS.
fn answer(
    stream: &mut (impl Read + Write),
    heard: &Mutex<Vec<String>>,
    hello: &str,
) -> std::io::Result<()> {
    let mut is_mail = false;
    loop {
        let line = line(stream)?;
        if is_mail && line != "." {
            continue;
        }
        let reply = match line.split(' ').next().unwrap_or_default() {
            "EHLO" => hello,
            "STARTTLS" => "220 go ahead\r\n",
            "DATA" => "354 go on\r\n",
            "QUIT" => "221 bye\r\n",
            _ => "250 ok\r\n",
        };
        is_mail = line == "DATA";
        stream.write_all(reply.as_bytes())?;
        stream.flush()?;
        heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line.clone());
        if matches!(line.as_str(), "QUIT" | "STARTTLS") {
            return Ok(());
        }
    }
}

/// One line, read byte by byte: what follows may be TLS.
fn line(stream: &mut impl Read) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        bytes.push(byte[0]);
    }
    bytes.truncate(bytes.len() - 2);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A configuration with a sink for the relay at `smtp`.
fn config(directory: &Path, sim: &Sim, smtp: &str) -> PathBuf {
    let path = directory.join("smswatch.yaml");
    let text = format!(
        r#"
routee: {{application_id: sim-app, application_secret: sim-secret, api_url: "{sim}", auth_url: "{sim}"}}
store: {{url: "sqlite:{store}"}}
watch: {{schedule: [50ms]}}
http: {{listen: "127.0.0.1:0"}}
sinks:
  oncall: {{type: email, smtp: "{smtp}", from: "a@example.com", to: [b@example.com]}}
rules:
  - {{name: undelivered, match: {{status: Undelivered}}, notify: [oncall]}}
"#,
        sim = sim.url(),
        store = directory.join("store.db").display(),
    );
    std::fs::write(&path, text).expect("a file");
    path
}

/// What `check --online` says of the relay, on a machine that knows the issuer of `good.pem`.
fn probed(smtp: &str) -> String {
    smswatch_testkit::install_tls_provider();
    let directory = tempfile::tempdir().expect("a directory");
    let sim = Sim::start(SimConfig::default()).expect("a simulator");
    let config = config(directory.path(), &sim, smtp);
    let authority = certificate_file("authority.pem").display().to_string();
    let environment = [("SSL_CERT_FILE", authority.as_str()), ("SSL_CERT_DIR", "")];
    let output = check_in(&config, &["--online"], &environment);
    line_of(&output, "oncall")
}

fn line_of(output: &Output, part: &str) -> String {
    let all = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = all.lines().find(|line| line.starts_with(part));
    line.unwrap_or_else(|| panic!("{all} {output:?}"))
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_relays_certificate_is_told_with_what_to_do() {
    for tls in [Tls::FromTheFirstByte, Tls::AfterStarttls] {
        for (certificate, words) in [
            ("expired.pem", "it has expired; renew it on the relay"),
            (
                "other.pem",
                "it is not made out to `localhost`; write the name that it is made out to",
            ),
            ("good.pem", "answers"),
        ] {
            let relay = Relay::start("127.0.0.1", tls, certificate);
            let port = relay.port;
            let smtp = match tls {
                Tls::FromTheFirstByte => format!("smtps://localhost:{port}"),
                Tls::AfterStarttls => format!("smtp://localhost:{port}?tls=required"),
            };
            let said = probed(&smtp);
            assert!(said.contains(words), "{certificate}: {said}");
            assert!(said.contains(&format!("localhost:{port}")), "{said}");
            for line in relay.heard() {
                let is_greeting = ["EHLO", "STARTTLS", "QUIT"]
                    .iter()
                    .any(|word| line.starts_with(word));
                assert!(is_greeting, "a probe says nothing to anybody: {line}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_at_an_ipv6_address_is_spoken_to_over_tls() {
    for tls in [Tls::FromTheFirstByte, Tls::AfterStarttls] {
        let relay = Relay::start("::1", tls, "good.pem");
        let port = relay.port;
        let said = probed(&match tls {
            Tls::FromTheFirstByte => format!("smtps://[::1]:{port}"),
            Tls::AfterStarttls => format!("smtp://[::1]:{port}?tls=required"),
        });
        assert!(said.contains(&format!("[::1]:{port} answers")), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_that_a_machine_has_no_certificates_wherever_tls_is_spoken() {
    smswatch_testkit::install_tls_provider();
    let directory = tempfile::tempdir().expect("a directory");
    let sim = Sim::start(SimConfig::default()).expect("a simulator");
    let nowhere = directory.path().join("nowhere.pem").display().to_string();
    let environment = [("SSL_CERT_FILE", nowhere.as_str()), ("SSL_CERT_DIR", "")];
    for (smtp, needs_some) in [
        ("smtps://mail.example.com", true),
        ("smtp://mail.example.com?tls=required", true),
        ("smtp://mail.example.com?tls=opportunistic", false),
        ("smtp://mail.example.com", false),
    ] {
        let config = config(directory.path(), &sim, smtp);
        let output = check_in(&config, &[], &environment);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let expected = if needs_some { Some(2) } else { Some(0) };
        assert_eq!(output.status.code(), expected, "{smtp}: {said}");
        assert_eq!(said.contains("SSL_CERT_FILE"), needs_some, "{smtp}: {said}");
    }
    let authority = certificate_file("authority.pem");
    let own = format!(
        "crm: {{type: webhook, url: \"https://crm.example.com/\", ca_file: \"{}\"}}",
        authority.display()
    );
    let sinks = [
        (
            "crm: {type: webhook, url: \"https://crm.example.com/\"}",
            true,
        ),
        (
            "crm: {type: slack, webhook_url: \"https://hooks.example.com/services/T/B/X\"}",
            true,
        ),
        (own.as_str(), false),
    ];
    for (sink, needs_some) in sinks {
        let config = config(directory.path(), &sim, "smtp://mail.example.com");
        let text = std::fs::read_to_string(&config).expect("a file");
        let text = text.replace("sinks:", &format!("sinks:\n  {sink}"));
        std::fs::write(&config, text).expect("a file");
        let output = check_in(&config, &[], &environment);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let expected = if needs_some { Some(2) } else { Some(0) };
        assert_eq!(output.status.code(), expected, "{sink}: {said}");
        assert_eq!(said.contains("SSL_CERT_FILE"), needs_some, "{sink}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_trusted_is_for_an_operator_to_mend_and_kills_no_alert() {
    smswatch_testkit::install_tls_provider();
    let directory = tempfile::tempdir().expect("a directory");
    let sim = Sim::start(SimConfig::default()).expect("a simulator");
    let relay = Relay::start("127.0.0.1", Tls::FromTheFirstByte, "expired.pem");
    let smtp = format!("smtps://localhost:{}", relay.port);
    let config = config(directory.path(), &sim, &smtp);
    let authority = certificate_file("authority.pem").display().to_string();
    let process = Process::start_in(&config, &[("SSL_CERT_FILE", &authority)]);
    let spec = MessageSpec {
        fate: Some(Fate::Undelivered),
        time_scale: 0.1,
        ..MessageSpec::default()
    };
    let id = sim.register(spec).expect("a message");
    assert!(process.ask(&["watch", &id]).status.success());
    let deadline = std::time::Instant::now() + PATIENCE;
    let delivery = loop {
        let delivery = process.json(&["show", &id])["deliveries"][0].clone();
        if delivery["attempts"][0].is_object() {
            break delivery;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "no attempt: {delivery}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(delivery["state"], "pending", "{delivery}");
    assert_eq!(delivery["attempts"][0]["result"], "retry", "{delivery}");
    let detail = delivery["attempts"][0]["detail"].as_str().expect("words");
    assert!(detail.contains("it has expired"), "{detail}");
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_whose_issuer_is_not_known_is_told_with_what_to_do() {
    let relay = Relay::start("127.0.0.1", Tls::FromTheFirstByte, "good.pem");
    let directory = tempfile::tempdir().expect("a directory");
    let sim = Sim::start(SimConfig::default()).expect("a simulator");
    let smtp = format!("smtps://localhost:{}", relay.port);
    let config = config(directory.path(), &sim, &smtp);
    // A machine that knows others, and not this one.
    let authority = directory.path().join("others.pem");
    let others = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../smswatch-outbound/tests/behavior/authority.pem");
    std::fs::copy(others, &authority).expect("a file");
    let authority = authority.display().to_string();
    let environment = [("SSL_CERT_FILE", authority.as_str()), ("SSL_CERT_DIR", "")];
    let said = line_of(&check_in(&config, &["--online"], &environment), "oncall");
    assert!(said.contains("does not know who issued it"), "{said}");
    assert!(said.contains("SSL_CERT_FILE"), "{said}");
}
