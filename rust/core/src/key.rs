//! Randomness as a value: a key is folded from a seed, an epoch and a stream, and everything random is drawn from it.
//!
//! The same key gives the same draws on every platform, for any number of threads, in every version: the mixing is
//! written out here, the generator is `ChaCha8` (Bernstein 2008), and golden values below hold both. Draws for a row or a
//! group come from a key folded with its number, never from a shared generator, so that no thread sees another's.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};

/// Streams that the crate itself draws from; a caller's own folds on top of them never collide with these.
pub mod stream {
    /// The order of rows in an epoch.
    pub const SHUFFLE: u64 = 1;
    /// The exchange of rows between batches.
    pub const EXCHANGE: u64 = 2;
    /// The choice among mined candidates.
    pub const SELECT: u64 = 3;
    /// A plan that shows what is possible, drawn for no seed.
    pub const TRIAL: u64 = 4;
    /// Rows that come twice.
    pub const REPEAT: u64 = 5;
    /// The order of batches.
    pub const BATCHES: u64 = 6;
    /// The rows of a class.
    pub const CLASS: u64 = 7;
    /// The batches that a class goes to.
    pub const DEAL: u64 = 8;
    /// Which of several sources gives the next batch.
    pub const SCHEDULE: u64 = 9;
    /// Which rows without a place come first.
    pub const SWEEP: u64 = 11;
    /// The documents that fill the places of a query with too few candidates.
    pub const FILL: u64 = 12;
    /// Which of a row's negatives are taken.
    pub const NEGATIVES: u64 = 10;
    /// The items that a row gets outside of what it must not get.
    pub const OUTSIDE: u64 = 40;
    /// The hashes of shingles.
    pub const SHINGLES: u64 = 20;
    /// The order of pairs and triplets.
    pub const TUPLES: u64 = 30;
    /// Which pairs and triplets an anchor or a label gives.
    pub const SHARES: u64 = 31;
}

/// A point in the tree of random streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(u64);

impl Key {
    /// The root of a seed.
    pub fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x666f_6f6c_7367_6f6c)) // the name of the package, so that seed 0 is no fixed point
    }

    /// The child `value` of this key. Not commutative: `(seed 0, epoch 1)` is not `(seed 1, epoch 0)`.
    #[must_use]
    pub fn fold(self, value: u64) -> Self {
        Self(mix(
            self.0.rotate_left(23) ^ mix(value.wrapping_add(0x9e37_79b9_7f4a_7c15))
        ))
    }

    /// 64 random bits for item `index`: cheap, and independent of all other items.
    pub fn bits(self, index: u64) -> u64 {
        mix(self
            .0
            .wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// A generator of as many draws as are wanted.
    pub fn rng(self) -> Rng {
        let mut seed = [0; 32];
        for (word, bytes) in (1..).zip(seed.chunks_exact_mut(8)) {
            bytes.copy_from_slice(&self.bits(word).to_le_bytes());
        }
        Rng(ChaCha8Rng::from_seed(seed))
    }
}

/// The finaliser of `SplitMix64` (Steele, Lea and Flood 2014): a bijection of 64 bits in which every bit matters.
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A sequence of draws.
#[derive(Debug, Clone)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`, every one equally likely (Lemire 2019); 0 for a bound of 0.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low and the high half of a product are meant"
    )]
    pub fn below(&mut self, bound: u64) -> u64 {
        let mut product = u128::from(self.bits()) * u128::from(bound);
        if (product as u64) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (product as u64) < threshold {
                product = u128::from(self.bits()) * u128::from(bound);
            }
        }
        (product >> 64) as u64
    }

    /// A number in `[0, 1)`, a multiple of 2^-53.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (0.5f64).powi(53)
    }

    /// Puts `items` in a random order, every one equally likely. O(items).
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a draw is below the number of items"
    )]
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// `count` of `0..total` in ascending order, every set equally likely (Floyd's method). O(count log count).
    ///
    /// All of them where `count` exceeds `total`.
    pub fn choose(&mut self, total: u64, count: u64) -> Vec<u64> {
        let count = count.min(total);
        let mut chosen = std::collections::BTreeSet::new();
        for top in total - count..total {
            let drawn = self.below(top + 1);
            if !chosen.insert(drawn) {
                chosen.insert(top);
            }
        }
        chosen.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_values_hold_on_every_platform() {
        let key = Key::new(42).fold(3).fold(stream::SHUFFLE);
        let mut rng = key.rng();
        let mut order: Vec<u32> = (0..10).collect();
        let golden = (
            key.0,
            key.bits(0),
            key.bits(1),
            rng.bits(),
            rng.below(1000),
            rng.choose(100, 4),
        );
        rng.shuffle(&mut order);
        let expected = (
            16_001_702_568_680_659_892,
            10_833_383_445_587_180_292,
            1_598_947_964_373_401_132,
            1_884_296_747_839_006_691,
            55,
            vec![19, 41, 60, 78],
        );
        assert_eq!(golden, expected);
        assert_eq!(order, [5, 7, 1, 6, 4, 8, 2, 9, 3, 0]);
    }

    #[test]
    fn folding_is_neither_addition_nor_commutative() {
        let keys = [
            Key::new(0).fold(1),
            Key::new(1).fold(0),
            Key::new(0).fold(0),
            Key::new(1).fold(1),
            Key::new(0),
            Key::new(1),
            Key::new(0).fold(1).fold(2),
            Key::new(0).fold(2).fold(1),
        ];
        for (i, a) in keys.iter().enumerate() {
            assert!(keys[..i].iter().all(|b| a != b));
        }
    }

    #[test]
    fn below_is_uniform_and_bounded() {
        let mut rng = Key::new(7).rng();
        let mut counts = [0u32; 6];
        for _ in 0..60_000 {
            counts[usize::try_from(rng.below(6)).unwrap_or(9)] += 1;
        }
        assert!(
            counts.iter().all(|&count| count.abs_diff(10_000) < 500),
            "{counts:?}"
        );
        assert_eq!((rng.below(0), rng.below(1)), (0, 0));
        assert!((0..1000).all(|_| (0.0..1.0).contains(&rng.unit())));
    }

    #[test]
    fn shuffles_are_permutations_and_all_occur() {
        let mut rng = Key::new(1).rng();
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..6000 {
            let mut items = [0, 1, 2];
            rng.shuffle(&mut items);
            *seen.entry(items).or_insert(0u32) += 1;
        }
        assert_eq!(seen.len(), 6);
        assert!(
            seen.values().all(|&count| count.abs_diff(1000) < 200),
            "{seen:?}"
        );
    }

    #[test]
    fn choices_are_distinct_sorted_and_even() {
        let mut rng = Key::new(2).rng();
        let mut counts = [0u32; 5];
        for _ in 0..10_000 {
            let chosen = rng.choose(5, 2);
            assert!(chosen.len() == 2 && chosen[0] < chosen[1]);
            for at in chosen {
                counts[usize::try_from(at).unwrap_or(9)] += 1;
            }
        }
        assert!(
            counts.iter().all(|&count| count.abs_diff(4000) < 300),
            "{counts:?}"
        );
        assert_eq!(
            (rng.choose(3, 9), rng.choose(0, 2)),
            (vec![0, 1, 2], vec![])
        );
    }
}
