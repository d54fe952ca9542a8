//! A number that is the same for the same configuration and tells nothing else about it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::Secret;

/// How many bytes of the hash are used: Prometheus knows whole numbers up to 2^53.
const BYTES: usize = 6;

/// A hash of `configuration`, keyed with a secret that all replicas share: secrets may stand in the
/// configuration, and guesses at them cannot be checked.
///
/// # Panics
///
/// Never: HMAC takes keys of any length.
#[must_use]
pub fn config_hash(configuration: &str, secret: &Secret) -> u64 {
    let mut hash = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes())
        .expect("HMAC takes keys of any length");
    hash.update(b"smswatch config_hash 1\n");
    hash.update(configuration.as_bytes());
    let bytes = hash.finalize().into_bytes();
    bytes[..BYTES]
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_depends_on_configuration_and_secret_and_fits_a_metric() {
        let hash = |configuration, secret| config_hash(configuration, &Secret::new(secret));
        assert_eq!(hash("a", "s"), hash("a", "s"));
        assert_ne!(hash("a", "s"), hash("b", "s"));
        assert_ne!(hash("a", "s"), hash("a", "t"));
        assert!(hash("a", "s") < 1 << 53);
    }
}
