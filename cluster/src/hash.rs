//! The fixed hashes of the format: every node must put a role into the same shard and a topic into the same
//! bucket.

use crate::topic::TopicRef;

/// The number of shards that roles are spread over.
pub const SHARDS: usize = 64;
/// The number of buckets that topics are spread over.
pub const BUCKETS: usize = 16_384;

const _: () = assert!(SHARDS == 1 << 6 && BUCKETS == 1 << 14, "a hash is cut by shifting");

/// Spreads a number over all 64 bits: the first output of SplitMix64 with this state.
pub(crate) fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// FNV-1a over bytes, from a basis.
pub(crate) fn fnv(basis: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(basis, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The basis of FNV-1a.
pub(crate) const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// The shard of a role: the upper 6 bits of its mix.
#[must_use]
pub fn shard_of(role_id: u64) -> u8 {
    (mix(role_id) >> 58) as u8
}

/// The bucket of a topic: the upper 14 bits of the mix of FNV-1a over a byte, 0 for a number and 1 for a
/// name, and the number in big-endian, or the name.
#[must_use]
pub fn bucket_of(topic: TopicRef<'_>) -> u16 {
    let hash = match topic {
        TopicRef::Id(id) => fnv(fnv(FNV_BASIS, &[0]), &id.to_be_bytes()),
        TopicRef::Name(name) => fnv(fnv(FNV_BASIS, &[1]), name.as_bytes()),
    };
    (mix(hash) >> 50) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Other versions must agree with these: do not change them.
    #[test]
    fn the_hashes_are_fixed() {
        let shards = [1, 2, 9001, u64::MAX].map(shard_of);
        assert_eq!(shards, [36, 37, 17, 57]);
        let topics = [TopicRef::Id(0), TopicRef::Id(17), TopicRef::Name("lobby"), TopicRef::Name(">")];
        assert_eq!(topics.map(bucket_of), [10756, 2124, 14296, 209]);
    }

    #[test]
    fn they_spread_evenly() {
        let mut shards = [0_u32; SHARDS];
        let mut buckets = vec![0_u32; BUCKETS];
        for number in 0..640_000 {
            shards[usize::from(shard_of(number))] += 1;
            buckets[usize::from(bucket_of(TopicRef::Name(&number.to_string())))] += 1;
        }
        assert!(shards.iter().all(|count| (9_500..10_500).contains(count)), "{shards:?}");
        assert!(buckets.iter().all(|count| (5..120).contains(count)));
    }
}
