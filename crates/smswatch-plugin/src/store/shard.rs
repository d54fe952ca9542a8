//! The parts of a store, and which of them a key belongs to.

/// A part of the store whose contents one step can change together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(pub u16);

/// The shard that a key (a message id, or a name) belongs to among `shard_count`.
///
/// It is part of the stored data: FNV-1a over the bytes, folded, modulo the count.
#[must_use]
pub fn shard_of(key: &str, shard_count: u16) -> Shard {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let folded = (hash >> 32) ^ (hash & 0xffff_ffff);
    let shard = folded % u64::from(shard_count.max(1));
    Shard(u16::try_from(shard).expect("less than the count, which fits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shard_of_a_key_never_changes() {
        assert_eq!(
            shard_of("3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb01", 16),
            Shard(5)
        );
        assert_eq!(shard_of("anything", 1), Shard(0));
        assert_eq!(shard_of("anything", 0), Shard(0));
    }

    #[test]
    fn keys_spread_over_all_shards() {
        let mut counts = [0_u32; 16];
        for n in 0..16_000 {
            counts[usize::from(shard_of(&format!("message-{n}"), 16).0)] += 1;
        }
        assert!(
            counts.iter().all(|count| (800..1200).contains(count)),
            "{counts:?}"
        );
    }
}
