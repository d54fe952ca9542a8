//! Certificates of an operator's own: whom the receiver's is checked with, and what it is shown.

use smswatch_sink_kit::{Certificate, HttpClientBuilder, Identity, InvalidConfig};

use crate::WebhookConfig;

/// Gives a client the certificates that the operator names.
///
/// # Errors
///
/// One of them cannot be read, or there is a certificate without a key, or a key without a certificate.
pub(crate) fn with_certificates(
    http: HttpClientBuilder,
    config: &WebhookConfig,
) -> Result<HttpClientBuilder, InvalidConfig> {
    let http = match &config.ca {
        None => http,
        Some(ca) => {
            let wrong =
                "expected certificates in PEM, which begin with `-----BEGIN CERTIFICATE-----`";
            let trusted = Certificate::from_pem_bundle(ca.reveal().as_bytes()).ok();
            let trusted = trusted.filter(|trusted| !trusted.is_empty());
            let trusted = trusted.ok_or_else(|| InvalidConfig::at("ca", wrong))?;
            http.trust_only(trusted)
        }
    };
    let (certificate, key) = match (&config.client_certificate, &config.client_key) {
        (None, None) => return Ok(http),
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(_), None) => {
            let what = "a certificate is of no use without its key: name it in `client_key_file`";
            return Err(InvalidConfig::at("client_certificate", what));
        }
        (None, Some(_)) => {
            let what =
                "a key is of no use without its certificate: name it in `client_certificate_file`";
            return Err(InvalidConfig::at("client_key", what));
        }
    };
    let both = format!("{}\n{}\n", key.reveal().trim(), certificate.reveal().trim());
    // What is wrong in it is not told by the library.
    let identity = Identity::from_pem(both.as_bytes()).map_err(|_| {
        let what = "expected a certificate and its key in PEM, each in its own option";
        InvalidConfig::at("client_certificate", what)
    })?;
    Ok(http.prepare(|client| client.identity(identity)))
}
