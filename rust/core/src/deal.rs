//! Dealing items to shards: each block by itself, so that a shard's worker then finds its items block after block, in
//! their order.

/// The shard that the highest bits of a number name; `shards` is a power of two.
#[expect(
    clippy::cast_possible_truncation,
    reason = "only the bits of a shard are kept"
)]
pub(crate) fn shard_of(number: u64, shards: usize) -> usize {
    number.rotate_left(shards.trailing_zeros()) as usize & (shards - 1)
}

/// The items of a block, shard after shard.
#[derive(Debug)]
pub(crate) struct Dealt<T> {
    items: Vec<T>,
    /// Where each shard begins, and at last the number of items.
    cuts: Vec<u32>,
}

impl<T: Copy + Default> Dealt<T> {
    /// Deals items, each with its shard below `shards`; fewer than 2^32 of them. O(items + shards).
    pub(crate) fn new(items: impl Iterator<Item = (usize, T)> + Clone, shards: usize) -> Self {
        let mut cuts = vec![0u32; shards + 1];
        for (shard, _) in items.clone() {
            cuts[shard + 1] += 1;
        }
        for shard in 0..shards {
            cuts[shard + 1] += cuts[shard];
        }
        let mut places = cuts.clone();
        let mut dealt = vec![T::default(); cuts[shards] as usize];
        for (shard, item) in items {
            let place = &mut places[shard];
            dealt[*place as usize] = item;
            *place += 1;
        }
        Self { items: dealt, cuts }
    }

    /// The items of a shard, in their order.
    pub(crate) fn shard(&self, shard: usize) -> &[T] {
        &self.items[self.cuts[shard] as usize..self.cuts[shard + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bits_name_the_shard() {
        let found = [0, 1 << 61, 5 << 61, u64::MAX].map(|number| shard_of(number, 8));
        assert_eq!(found, [0, 1, 5, 7]);
        assert_eq!(shard_of(u64::MAX, 1), 0);
    }

    #[test]
    fn shards_keep_the_order_of_their_items() {
        let dealt = Dealt::new([(2, 'a'), (0, 'b'), (2, 'c'), (3, 'd')].into_iter(), 5);
        let shards: Vec<&[char]> = (0..5).map(|shard| dealt.shard(shard)).collect();
        assert_eq!(shards, [&['b'][..], &[], &['a', 'c'], &['d'], &[]]);
    }
}
