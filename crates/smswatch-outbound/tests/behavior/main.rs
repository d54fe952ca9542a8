//! The client against servers that do not do what is wanted, and through proxies.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use smswatch_outbound::{ClientOptions, HttpClient, Route};
use smswatch_plugin::{Proxy, Secret};
use smswatch_testkit::install_tls_provider;
use smswatch_testkit::receiver::{Answer, Receiver, RefusedPort};

fn client(url: &Url, route: Route) -> HttpClient {
    install_tls_provider();
    let options = ClientOptions {
        urls: &[url],
        route,
        user_agent: "smswatch/test",
        follows_redirects: false,
        trusted: None,
    };
    HttpClient::new(options, |client| client.timeout(Duration::from_secs(20))).expect("a client")
}

/// What is said of a request to `url`, which holds a secret.
async fn said(url: &str, route: Route) -> String {
    let url: Url = format!("{url}/hunter2?key=hunter2").parse().expect("a URL");
    let http = client(&url, route);
    let error = http.client().get(url.clone()).send().await;
    let said = http.explain(&error.expect_err("there is no answer"), &url);
    assert!(!said.contains("hunter2"), "{said}");
    said
}

fn through(proxy: &str) -> Route {
    Route::new(&Proxy::Url(Secret::new(proxy)))
}

/// A server that reads a little, writes `answer`, and closes the connection; for one connection.
fn one_answer(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody connects");
        let _read = stream.read(&mut [0; 4096]);
        let _written = stream.write_all(answer);
    });
    address
}

/// A server with a certificate that nobody signed; for one connection.
fn self_signed(certificate: &[u8], key: &[u8]) -> SocketAddr {
    install_tls_provider();
    let certificate = CertificateDer::from_pem_slice(certificate);
    let key = PrivateKeyDer::from_pem_slice(key).expect("a key");
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.expect("a certificate")], key)
        .expect("they belong together");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody connects");
        let mut tls = rustls::ServerConnection::new(Arc::new(config)).expect("a connection");
        // It ends with the client's alert.
        let _ended = tls.complete_io(&mut stream);
    });
    address
}

#[tokio::test]
async fn causes_are_told_apart_with_host_and_port_and_without_the_rest_of_the_url() {
    let port_of_nobody = RefusedPort::take();
    let refused = port_of_nobody.address();
    let direct = Route::direct;
    assert_eq!(
        said(&format!("http://{refused}"), direct()).await,
        format!("{refused} refuses connections")
    );
    let unknown = said("http://bob:hunter2@no-such-name.invalid", direct()).await;
    assert!(
        unknown.starts_with("the name of no-such-name.invalid:80 "),
        "{unknown}"
    );
    let port = self_signed(include_bytes!("server.pem"), include_bytes!("server.key")).port();
    assert_eq!(
        said(&format!("https://localhost:{port}"), direct()).await,
        format!("localhost:{port}: certificate from an unknown issuer"),
    );
    let port = self_signed(
        include_bytes!("authority.pem"),
        include_bytes!("authority.key"),
    )
    .port();
    let told = said(&format!("https://localhost:{port}"), direct()).await;
    let expected =
        format!("localhost:{port}: certificate from an unknown issuer: it is an authority's");
    assert!(told.starts_with(&expected), "{told}");
    let plain = one_answer(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(
        said(&format!("https://{plain}"), direct()).await,
        format!("{plain} does not speak TLS; is it `http://` that is meant?")
    );
    let silent = one_answer(b"");
    assert_eq!(
        said(&format!("http://{silent}"), direct()).await,
        format!("{silent} closed the connection before it answered")
    );
    let strange = one_answer(b"220 mail.example.com ESMTP\r\n");
    assert_eq!(
        said(&format!("http://{strange}"), direct()).await,
        format!("{strange} does not answer in HTTP")
    );
}

#[tokio::test]
async fn one_that_gives_no_answer_is_told_as_such() {
    let receiver = Receiver::start().await;
    receiver.answer_always(Answer::hang());
    let url: Url = receiver.url("/").parse().expect("a URL");
    let options = ClientOptions {
        urls: &[&url],
        route: Route::direct(),
        user_agent: "smswatch/test",
        follows_redirects: false,
        trusted: None,
    };
    let timeout = Duration::from_millis(200);
    let http = HttpClient::new(options, |client| client.timeout(timeout)).expect("a client");
    let error = http.client().get(url.clone()).send().await;
    assert_eq!(
        http.explain(&error.expect_err("it hangs"), &url),
        format!("{} did not answer in time", receiver.address())
    );
}

#[tokio::test]
async fn a_proxy_in_trouble_is_told_by_its_address_and_by_who_named_it() {
    let port_of_nobody = RefusedPort::take();
    let refused = port_of_nobody.address();
    for url in ["http://example.invalid", "https://example.invalid"] {
        assert_eq!(
            said(url, through(&format!("http://bob:hunter2@{refused}"))).await,
            format!("the proxy {refused} (from `proxy`) refuses connections"),
        );
        assert_eq!(
            said(url, through(&format!("socks5h://bob:hunter2@{refused}"))).await,
            format!("the proxy {refused} (from `proxy`) cannot be reached"),
        );
    }
    // The name is looked up here, before the proxy is asked.
    let unknown = said(
        "http://no-such-name.invalid",
        through(&format!("socks5://{refused}")),
    )
    .await;
    assert!(
        unknown.starts_with("the name of no-such-name.invalid:80 "),
        "{unknown}"
    );
    assert!(unknown.ends_with("write `socks5h://`"), "{unknown}");
    let secure = || {
        let secure = self_signed(include_bytes!("server.pem"), include_bytes!("server.key"));
        format!("https://localhost:{}", secure.port())
    };
    let proxy = secure();
    let address = proxy.trim_start_matches("https://");
    assert_eq!(
        said("http://example.invalid", through(&proxy)).await,
        format!("the proxy {address} (from `proxy`): certificate from an unknown issuer"),
    );
    let proxy = secure();
    let address = proxy.trim_start_matches("https://");
    assert_eq!(
        said("https://example.invalid", through(&proxy)).await,
        format!(
            "the proxy {address} (from `proxy`) or example.invalid:443 behind it: certificate from an \
             unknown issuer"
        ),
    );
    let shut = one_answer(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    assert_eq!(
        said(
            "https://example.invalid",
            through(&format!("http://{shut}"))
        )
        .await,
        format!("the proxy {shut} (from `proxy`) wants another login")
    );
    let strict = one_answer(b"HTTP/1.1 403 Forbidden\r\n\r\n");
    assert_eq!(
        said(
            "https://example.invalid",
            through(&format!("http://{strict}"))
        )
        .await,
        format!(
            "the proxy {strict} (from `proxy`) does not connect to example.invalid:443: unsuccessful"
        )
    );
}

#[tokio::test]
async fn a_proxy_is_asked_for_names_that_only_it_knows() {
    let proxy = Receiver::start().await;
    let url: Url = "http://crm.only-the-proxy-knows.example/hook"
        .parse()
        .expect("a URL");
    let http = client(&url, through(&proxy.url("")));
    let answer = http.client().get(url).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    let request = &proxy.wait_for(1).await[0];
    assert_eq!(
        request.header("host"),
        Some("crm.only-the-proxy-knows.example")
    );
}
