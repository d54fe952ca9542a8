//! TLS to a relay, with the certificates of this machine.

use std::io;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use smswatch_outbound::{NoCertificates, trusted_certificates};
use smswatch_plugin::sink::InvalidConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How a connection to one relay is encrypted.
pub(crate) struct Encryption {
    connector: TlsConnector,
    /// Whom the certificate must be made out to.
    name: ServerName<'static>,
}

impl Encryption {
    /// For the relay at `host`, a name or an address.
    ///
    /// # Errors
    ///
    /// There are no certificates to check that of the relay with: every relay would be one that cannot be
    /// trusted, mail by mail. Or a certificate cannot be made out to `host`.
    pub(crate) fn required(host: &str) -> Result<Self, InvalidConfig> {
        let missing = |why: NoCertificates| {
            let what = format!("the relay is spoken to over TLS, and {why}");
            InvalidConfig::at("smtp", what)
        };
        trusted_certificates().map_err(missing)?;
        Self::opportunistic(host)
    }

    /// The same where the relay may well offer no TLS, so that missing certificates are no error yet.
    ///
    /// # Errors
    ///
    /// A certificate cannot be made out to `host`.
    pub(crate) fn opportunistic(host: &str) -> Result<Self, InvalidConfig> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| {
            InvalidConfig::at("smtp", format_args!("TLS cannot be set up: {error}"))
        })?;
        let trusted = trusted_certificates();
        let trusted = trusted.unwrap_or_else(|_| Arc::new(RootCertStore::empty()));
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows the usual versions of TLS")
            .with_root_certificates(trusted)
            .with_no_client_auth();
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            name,
        })
    }

    /// Begins TLS on `stream`.
    ///
    /// # Errors
    ///
    /// The relay does not speak TLS, or its certificate is not to be trusted; the error holds that of rustls.
    pub(crate) async fn begin(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.name.clone(), stream).await
    }
}
