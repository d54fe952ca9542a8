//! The signature of Standard Webhooks: HMAC-SHA256 over id, time and body.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use smswatch_sink_kit::Secret;

/// What stands before the base64 of a key.
const KEY_PREFIX: &str = "whsec_";

/// Reads base64 with and without its padding, because both are handed out as keys.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The length of one signature with its version, and of the space before the next one.
const SIGNATURE_LENGTH: usize = "v1,".len() + 44 + 1;

/// The key is `whsec_` with something behind it that is not base64, or is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidKey {
    #[error("what follows `whsec_` is not base64")]
    NotBase64,
    #[error("a key is not empty")]
    Empty,
}

/// The keys of one receiver, made ready once: signing only copies their states.
#[derive(Clone, Default)]
pub(crate) struct Signer {
    keys: Vec<Hmac<Sha256>>,
}

impl Signer {
    /// Adds a key: base64 behind `whsec_`, else the text itself.
    pub(crate) fn add(&mut self, secret: &Secret) -> Result<(), InvalidKey> {
        let text = secret.reveal();
        let key = match text.strip_prefix(KEY_PREFIX) {
            Some(encoded) => LENIENT
                .decode(encoded.trim_end())
                .map_err(|_| InvalidKey::NotBase64)?,
            None => text.as_bytes().to_vec(),
        };
        if key.is_empty() {
            return Err(InvalidKey::Empty);
        }
        let key = Hmac::new_from_slice(&key).expect("HMAC takes keys of any length");
        self.keys.push(key);
        Ok(())
    }

    /// The value of `webhook-signature`, one signature per key; none without a key.
    pub(crate) fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> Option<String> {
        if self.keys.is_empty() {
            return None;
        }
        let mut value = String::with_capacity(SIGNATURE_LENGTH * self.keys.len());
        for key in &self.keys {
            let mut mac = key.clone();
            mac.update(id.as_bytes());
            mac.update(b".");
            mac.update(timestamp.as_bytes());
            mac.update(b".");
            mac.update(body);
            if !value.is_empty() {
                value.push(' ');
            }
            value.push_str("v1,");
            STANDARD.encode_string(mac.finalize().into_bytes(), &mut value);
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(secrets: &[&str]) -> Result<Signer, InvalidKey> {
        let mut signer = Signer::default();
        for secret in secrets {
            signer.add(&Secret::new(*secret))?;
        }
        Ok(signer)
    }

    #[test]
    fn the_example_of_the_specification_is_reproduced() {
        let signer = signer(&["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]).expect("a key");
        let signature = signer.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(
            signature.as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
    }

    #[test]
    fn each_key_signs_and_no_key_does_not() {
        let both = signer(&["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "plain words"])
            .expect("two keys")
            .sign("id", "1", b"body")
            .expect("two keys sign");
        assert_eq!(both.split(' ').count(), 2);
        assert_eq!(signer(&[]).expect("no key").sign("id", "1", b"body"), None);
    }

    #[test]
    fn padding_does_not_matter_and_nonsense_does() {
        let padded = signer(&["whsec_c2VjcmV0IQ=="]).expect("padded");
        let bare = signer(&["whsec_c2VjcmV0IQ"]).expect("not padded");
        let plain = signer(&["secret!"]).expect("raw bytes");
        for other in [bare, plain] {
            assert_eq!(padded.sign("id", "1", b""), other.sign("id", "1", b""));
        }
        assert_eq!(signer(&["whsec_!"]).err(), Some(InvalidKey::NotBase64));
        assert_eq!(signer(&["whsec_"]).err(), Some(InvalidKey::Empty));
        assert_eq!(signer(&[""]).err(), Some(InvalidKey::Empty));
    }
}
