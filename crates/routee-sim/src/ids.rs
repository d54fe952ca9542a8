//! Ids that are computed instead of stored: a UUID from (seed, index) and the way back.
//!
//! The last twelve digits hold the index, scrambled by a permutation that the seed keys; the rest
//! is a hash that proves that the id belongs to that seed. A million ids therefore cost nothing.

use std::fmt::Write as _;

use uuid::{Builder, Uuid};

use crate::text::ShortText;

const LOW_MASK: u64 = (1 << 48) - 1;
const FACTORS: [u64; 2] = [0x9e37_79b9_7f4b, 0xbf58_476d_1ce5];
const INVERSES: [u64; 2] = [inverse(FACTORS[0]), inverse(FACTORS[1])];

/// The multiplicative inverse of an odd number modulo 2^64, hence modulo 2^48 too.
const fn inverse(odd: u64) -> u64 {
    let mut result = 1u64;
    let mut round = 0;
    while round < 6 {
        result = result.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(result)));
        round += 1;
    }
    result
}

/// Spreads the bits of `value` (the finalizer of SplitMix64).
pub(crate) const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn scramble(seed: u64, index: u64) -> u64 {
    FACTORS
        .iter()
        .fold((index ^ mix(seed)) & LOW_MASK, |value, factor| {
            let value = value.wrapping_mul(*factor) & LOW_MASK;
            value ^ (value >> 24)
        })
}

fn unscramble(seed: u64, scrambled: u64) -> u64 {
    let value = INVERSES.iter().rev().fold(scrambled, |value, inverse| {
        let value = value ^ (value >> 24);
        value.wrapping_mul(*inverse) & LOW_MASK
    });
    (value ^ mix(seed)) & LOW_MASK
}

/// The text of a version 4 UUID with these bits.
pub(crate) fn uuid(high: u64, low: u64) -> ShortText {
    let bits = Uuid::from_u64_pair(high, low).into_bytes();
    let uuid = Builder::from_random_bytes(bits).into_uuid();
    let mut text = ShortText::new();
    text.write_str(uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
        .expect("36 bytes fit");
    text
}

/// The id of part `part` (1-based) of message `index`; part 0 is the message itself.
pub(crate) fn derived(seed: u64, index: u64, part: u32) -> ShortText {
    let high = mix(mix(seed ^ mix(index)) ^ u64::from(part));
    uuid(high, (mix(high) << 48) | scramble(seed, index))
}

/// The index behind a message id, if `seed` made it.
pub(crate) fn index_of(seed: u64, count: u64, id: &str) -> Option<u64> {
    if id.len() != 36 {
        return None;
    }
    let scrambled = u64::from_str_radix(id.get(24..)?, 16).ok()?;
    let index = unscramble(seed, scrambled);
    (index < count && *derived(seed, index, 0) == *id).then_some(index)
}

/// Whether `id` has the form of a UUID.
pub(crate) fn is_uuid(id: &str) -> bool {
    id.len() == 36 && Uuid::try_parse(id).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_index() {
        for seed in [0, 1, u64::MAX] {
            for index in [0, 1, 2, 999_999, 4_999_999] {
                let id = derived(seed, index, 0);
                assert!(is_uuid(&id), "{id:?}");
                assert_eq!(index_of(seed, 5_000_000, &id), Some(index));
                assert_eq!(index_of(seed, index, &id), None, "beyond the count");
                assert_eq!(index_of(seed ^ 7, 5_000_000, &id), None, "another seed");
            }
        }
    }

    #[test]
    fn ids_do_not_collide() {
        let ids: std::collections::HashSet<String> = (0..20_000)
            .map(|index| derived(3, index, 0).to_string())
            .collect();
        assert_eq!(ids.len(), 20_000);
        assert_ne!(*derived(3, 1, 0), *derived(3, 1, 1));
    }

    #[test]
    fn strange_ids_belong_to_nobody() {
        for id in ["", "no-such-id", "é0000000-0000-4000-8000-00000000000é"] {
            assert_eq!(index_of(1, 10, id), None);
        }
    }
}
