//! Dealing items to shards: each block by itself, so that a shard's worker then finds its items block after block, in
//! their order.

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
    fn shards_keep_the_order_of_their_items() {
        let dealt = Dealt::new([(2, 'a'), (0, 'b'), (2, 'c'), (3, 'd')].into_iter(), 5);
        let shards: Vec<&[char]> = (0..5).map(|shard| dealt.shard(shard)).collect();
        assert_eq!(shards, [&['b'][..], &[], &['a', 'c'], &['d'], &[]]);
    }
}
