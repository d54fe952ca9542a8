//! Whether this machine has certificates to check others with.

use std::sync::{Arc, OnceLock};

use rustls::RootCertStore;

/// This machine has no CA certificates, so TLS connections are not possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoCertificates {
    /// The system keeps none.
    #[error(
        "this machine has no CA certificates: install the package `ca-certificates`, or name a file \
         of them in SSL_CERT_FILE"
    )]
    Missing,
    /// A variable names a place that has none.
    #[error(
        "no CA certificates can be read where SSL_CERT_FILE or SSL_CERT_DIR says ({0}): correct the \
         variable, or unset it and install the package `ca-certificates`"
    )]
    Misplaced(String),
}

/// Checks that this machine has CA certificates. They are read once a process.
///
/// # Errors
///
/// There are none; the text says what to do.
pub fn require_certificates() -> Result<(), NoCertificates> {
    trusted_certificates().map(drop)
}

/// The CA certificates of this machine. They are read once a process.
///
/// # Errors
///
/// There are none; the text says what to do.
pub fn trusted_certificates() -> Result<Arc<RootCertStore>, NoCertificates> {
    static FOUND: OnceLock<Result<Arc<RootCertStore>, NoCertificates>> = OnceLock::new();
    FOUND.get_or_init(look).clone()
}

fn look() -> Result<Arc<RootCertStore>, NoCertificates> {
    let mut trusted = RootCertStore::empty();
    // What is no certificate is passed over, as every client does.
    trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if !trusted.is_empty() {
        return Ok(Arc::new(trusted));
    }
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter();
    let named: Vec<_> = named
        .filter_map(crate::environment::variable)
        .filter(|value| !value.is_empty())
        .collect();
    Err(match named.is_empty() {
        true => NoCertificates::Missing,
        false => NoCertificates::Misplaced(named.join(", ")),
    })
}
