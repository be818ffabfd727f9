//! Shingles: all runs of so many characters, as 64-bit keys.

use hashbrown::hash_table::{Entry, HashTable};
use twox_hash::XxHash3_64;

/// Shingles of at most so many bytes are their own key.
const SHORT: usize = 7;
/// Tables that grew past this are not kept for the next text.
const LARGE: usize = 1 << 16;

/// Calls `each` with the key of every run of `size` characters, in order; of a shorter text, with its own.
///
/// A key is the bytes and their number where at most 7, else the bytes' XXH3: so keys of up to 7 ASCII characters never
/// collide, and others do with a probability of 2^-64 a pair.
pub(super) fn for_each_key(text: &str, size: usize, mut each: impl FnMut(u64)) {
    let bytes = text.as_bytes();
    if text.is_ascii() {
        if bytes.len() < size {
            each(key(bytes));
        } else if size <= SHORT {
            short_keys(bytes, size, each);
        } else {
            bytes.windows(size).for_each(|run| each(key(run)));
        }
        return;
    }
    let mut starts = text.char_indices().map(|(at, _)| at);
    let mut ends = text.char_indices().map(|(at, _)| at).skip(size);
    while let (Some(start), Some(end)) = (starts.next(), ends.next()) {
        each(key(&bytes[start..end]));
    }
    // What ends with the text: its last run, or all of it where it is shorter than one.
    let last = text.char_indices().rev().take(size).last();
    each(key(&bytes[last.map_or(0, |(at, _)| at)..]));
}

fn key(bytes: &[u8]) -> u64 {
    if bytes.len() > SHORT {
        return XxHash3_64::oneshot(bytes);
    }
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word) | (bytes.len() as u64) << 56
}

/// The keys of runs of at most 7 bytes: a byte comes in at the top, and all move down by one.
fn short_keys(bytes: &[u8], size: usize, mut each: impl FnMut(u64)) {
    let top = 8 * (size - 1);
    let mut word = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        word = word >> 8 | u64::from(byte) << top;
        if at + 1 >= size {
            each(word | (size as u64) << 56);
        }
    }
}

/// The set of a text's shingles.
#[derive(Debug, Default)]
pub(super) struct ShingleSet {
    /// Each key with the last text that was seen to share it.
    table: HashTable<(u64, u32)>,
    seen: u32,
}

impl ShingleSet {
    /// Takes the shingles of `text` in place of those it had; their number.
    pub(super) fn fill(&mut self, text: &str, size: usize) -> usize {
        if self.table.capacity() > LARGE {
            self.table = HashTable::new();
        }
        self.table.clear();
        self.seen = 0;
        for_each_key(text, size, |key| {
            let equal = |&(other, _): &(u64, u32)| other == key;
            let entry = self
                .table
                .entry(spread(key), equal, |&(key, _)| spread(key));
            if let Entry::Vacant(place) = entry {
                place.insert((key, 0));
            }
        });
        self.table.len()
    }

    /// How many of its shingles `text` has too. Fewer than 2^32 texts may be asked for after a fill.
    pub(super) fn shared(&mut self, text: &str, size: usize) -> usize {
        self.seen += 1;
        let mut shared = 0;
        for_each_key(text, size, |key| {
            let found = self.table.find_mut(spread(key), |&(other, _)| other == key);
            if let Some((_, seen)) = found
                && *seen != self.seen
            {
                *seen = self.seen;
                shared += 1;
            }
        });
        shared
    }
}

/// The table wants random bits at both ends, which the low half of a product alone does not give.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the halves of a product are meant"
)]
fn spread(key: u64) -> u64 {
    let product = u128::from(key ^ 0x2545_F491_4F6C_DD1D) * 0x9E37_79B9_7F4A_7C15;
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn naive(text: &str, size: usize) -> Vec<String> {
        let characters: Vec<char> = text.chars().collect();
        if characters.len() < size {
            return vec![text.to_owned()];
        }
        let runs = characters.windows(size);
        runs.map(|run| run.iter().collect()).collect()
    }

    proptest! {
        #[test]
        fn keys_are_those_of_the_runs(text in "[ab]{0,12}|\\PC{0,12}", size in 1usize..12) {
            let mut keys = Vec::new();
            for_each_key(&text, size, |key| keys.push(key));
            let expected: Vec<u64> = naive(&text, size).iter().map(|run| key(run.as_bytes())).collect();
            prop_assert_eq!(keys, expected);
        }

        #[test]
        fn sets_count_as_sets_do(text in "[abé]{0,30}", others in prop::collection::vec("[abé]{0,30}", 0..4), size in 1usize..9) {
            let mut set = ShingleSet::default();
            let ours: BTreeSet<_> = naive(&text, size).into_iter().collect();
            set.fill("something else", size);
            prop_assert_eq!(set.fill(&text, size), ours.len());
            for other in others {
                let theirs = naive(&other, size).into_iter().collect();
                prop_assert_eq!(set.shared(&other, size), ours.intersection(&theirs).count());
            }
        }
    }

    #[test]
    fn different_short_texts_have_different_keys() {
        let texts = [
            "", "\0", "a", "a\0", "\0a", "ab", "é", "abcdefg", "abcdefgh",
        ];
        let keys: BTreeSet<u64> = texts.iter().map(|text| key(text.as_bytes())).collect();
        assert_eq!(keys.len(), texts.len());
    }
}
