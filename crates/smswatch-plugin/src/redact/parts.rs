//! Parts of secrets, in each form in which another side may repeat them.
//!
//! A secret is not always repeated as a whole: an answer is cut, or shows the beginning of a key. So every
//! run of a few characters counts, as it was sent, in base64 at any place of a longer text, and in hex.

use std::collections::HashSet;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::view::View;

/// How many bytes of a secret in a row are hidden; fewer may be shown.
pub(super) const PART: usize = 6;

/// So many characters of base64 hold [`PART`] bytes.
const BASE64_PART: usize = 8;

/// So many digits hold [`PART`] bytes.
const HEX_PART: usize = 12;

/// All parts of the secrets.
#[derive(Clone, Default)]
pub(super) struct Parts {
    plain: HashSet<[u8; PART]>,
    base64: HashSet<[u8; BASE64_PART]>,
    hex: HashSet<[u8; HEX_PART]>,
}

impl Parts {
    /// Adds those of `secret`.
    pub(super) fn add(&mut self, secret: &str) {
        let bytes = secret.as_bytes();
        self.plain.extend(runs::<PART>(bytes));
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.hex.extend(runs::<HEX_PART>(hex.as_bytes()));
        for before in 0..3 {
            self.add_base64(inner_base64(bytes, before).as_bytes());
        }
    }

    /// Adds those of a text in base64 that is a secret as it is.
    pub(super) fn add_base64(&mut self, encoded: &[u8]) {
        let encoded: Vec<u8> = encoded.iter().copied().map(standard).collect();
        self.base64.extend(runs::<BASE64_PART>(&encoded));
    }

    /// Where parts stand in the text of `view`.
    pub(super) fn found(&self, view: &View) -> Vec<Range<usize>> {
        let bytes = view.bytes();
        let lower: Vec<u8> = bytes.to_ascii_lowercase();
        let encoded: Vec<u8> = bytes.iter().copied().map(standard).collect();
        let plain = among(&self.plain, bytes).map(|at| at..at + PART);
        let base64 = among(&self.base64, &encoded).map(|at| at..at + BASE64_PART);
        let hex = among(&self.hex, &lower).map(|at| at..at + HEX_PART);
        let found = plain.chain(base64).chain(hex);
        found.map(|range| view.origin(range)).collect()
    }
}

/// Where runs of `text` begin that are in `known`.
fn among<const N: usize>(known: &HashSet<[u8; N]>, text: &[u8]) -> impl Iterator<Item = usize> {
    let runs = runs::<N>(text).enumerate();
    runs.filter(|(_, run)| known.contains(run))
        .map(|(at, _)| at)
}

/// All runs of `N` bytes.
fn runs<const N: usize>(text: &[u8]) -> impl Iterator<Item = [u8; N]> {
    text.windows(N)
        .filter_map(|window| <[u8; N]>::try_from(window).ok())
}

/// The base64 of `bytes` behind `before` other bytes, and before others: the characters that `bytes` alone
/// decide.
fn inner_base64(bytes: &[u8], before: usize) -> String {
    let mut padded = vec![0; before];
    padded.extend_from_slice(bytes);
    let encoded = STANDARD_NO_PAD.encode(&padded);
    let first = (before * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    encoded.get(first..last).unwrap_or_default().to_owned()
}

/// A character of the alphabet for URLs as the usual alphabet has it.
fn standard(character: u8) -> u8 {
    match character {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_around_a_secret_does_not_change_the_middle_of_its_base64() {
        let secret = b"hunter2-and-more";
        for before in 0..3 {
            let inner = inner_base64(secret, before);
            for after in ["", "x", "yz", "abc"] {
                let text = [&b"??????"[..before], secret, after.as_bytes()].concat();
                let encoded = STANDARD_NO_PAD.encode(&text);
                assert!(encoded.contains(&inner), "{inner} is not in {encoded}");
            }
            assert!(inner.len() * 6 > (secret.len() - 2) * 8, "{inner}");
        }
        assert_eq!(inner_base64(b"", 2), "");
    }
}
