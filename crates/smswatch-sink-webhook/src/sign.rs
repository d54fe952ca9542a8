//! The signatures of Standard Webhooks over id, time and body: HMAC-SHA256 with a shared key, Ed25519 with a private one.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ring::signature::Ed25519KeyPair;
use sha2::Sha256;
use smswatch_sink_kit::Secret;

/// What stands before the base64 of a key.
const KEY_PREFIX: &str = "whsec_";

/// Reads base64 with and without its padding, because both are handed out as keys.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What stands before the base64 of a private key of Ed25519: its seed, or the seed and the public key.
const PRIVATE_KEY_PREFIX: &str = "whsk_";

/// The length of the seed of a private key, in bytes.
const SEED: usize = 32;

/// The length of one signature with its version, and of the space before the next one.
const SIGNATURE_LENGTH: usize = "v1,".len() + 44 + 1;

/// The key is `whsec_` with something behind it that is not base64, or is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidKey {
    #[error("what follows `whsec_` is not base64")]
    NotBase64,
    #[error("a key is not empty")]
    Empty,
    #[error(
        "what follows `whsk_` is not a private key of Ed25519: 32 bytes, or 64 with the public key, in base64"
    )]
    NotPrivate,
}

/// The keys of one receiver, made ready once.
#[derive(Default)]
pub(crate) struct Signer {
    keys: Vec<Key>,
}

enum Key {
    /// Signing only copies its state.
    Shared(Hmac<Sha256>),
    Private(Ed25519KeyPair),
}

impl Signer {
    /// Adds a key: base64 behind `whsec_` or `whsk_`, else the text itself.
    pub(crate) fn add(&mut self, secret: &Secret) -> Result<(), InvalidKey> {
        let text = secret.reveal();
        if let Some(encoded) = text.strip_prefix(PRIVATE_KEY_PREFIX) {
            self.keys.push(Key::Private(private_key(encoded)?));
            return Ok(());
        }
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
        self.keys.push(Key::Shared(key));
        Ok(())
    }

    /// The value of `webhook-signature`, one signature per key; none without a key.
    pub(crate) fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> Option<String> {
        if self.keys.is_empty() {
            return None;
        }
        let mut value = String::with_capacity(SIGNATURE_LENGTH * self.keys.len());
        let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
        for key in &self.keys {
            if !value.is_empty() {
                value.push(' ');
            }
            match key {
                Key::Shared(key) => {
                    let mut mac = key.clone();
                    parts.iter().for_each(|part| mac.update(part));
                    value.push_str("v1,");
                    STANDARD.encode_string(mac.finalize().into_bytes(), &mut value);
                }
                Key::Private(key) => {
                    value.push_str("v1a,");
                    STANDARD.encode_string(key.sign(&parts.concat()), &mut value);
                }
            }
        }
        Some(value)
    }
}

fn private_key(encoded: &str) -> Result<Ed25519KeyPair, InvalidKey> {
    let bytes = LENIENT.decode(encoded.trim_end()).unwrap_or_default();
    let key = match bytes.split_at_checked(SEED) {
        Some((seed, [])) => Ed25519KeyPair::from_seed_unchecked(seed).ok(),
        Some((seed, public)) => Ed25519KeyPair::from_seed_and_public_key(seed, public).ok(),
        None => None,
    };
    key.ok_or(InvalidKey::NotPrivate)
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

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
    fn a_private_key_signs_so_that_its_public_key_can_tell() {
        // The example of the specification.
        let private = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
        let public = "1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
        let body = br#"{"test": 2432232314}"#;
        let seed = format!(
            "whsk_{}",
            STANDARD.encode(&LENIENT.decode(&private[5..]).expect("base64")[..SEED])
        );
        for key in [private, seed.as_str()] {
            let value = signer(&[key, "shared"])
                .expect("two keys")
                .sign("id", "1", body);
            let value = value.expect("two keys sign");
            let (first, second) = value.split_once(' ').expect("two signatures");
            assert!(second.starts_with("v1,"), "{second}");
            let signature = first.strip_prefix("v1a,").expect("its version");
            let signature = STANDARD.decode(signature).expect("base64");
            let public = STANDARD.decode(public).expect("base64");
            let public = UnparsedPublicKey::new(&ED25519, public);
            let signed = [&b"id.1."[..], body].concat();
            assert!(public.verify(&signed, &signature).is_ok());
        }
        for wrong in [
            "whsk_",
            "whsk_!",
            "whsk_c2VjcmV0",
            &private[..private.len() - 8],
        ] {
            assert_eq!(
                signer(&[wrong]).err(),
                Some(InvalidKey::NotPrivate),
                "{wrong}"
            );
        }
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
