//! Signatures: in each bin the least hash of a text's shingles, made in time about linear in their number.
//!
//! Dahlgaard, Knudsen and Thorup 2017 ("Fast similarity sketching", FOCS): each round hashes every shingle once, to a bin and a
//! value, and a value of an earlier round is less than any of a later one. Rounds go on until no bin is empty: one for a
//! long text, more for a short one. From round `bins` on all shingles go to one bin, a bin after the other, so twice as
//! many rounds as bins always do. Bins agree as those of independent `MinHash` functions do, for short texts too; where
//! an empty bin copies a full one, a shingle of a short text that is not least in its bin would be seen by no bin at all.

use twox_hash::XxHash3_64;

use super::Options;
use super::bands::Split;
use super::shingles::for_each_key;
use crate::key::{Key, stream};

/// More than any value.
const EMPTY: u64 = u64::MAX;

/// Makes signatures.
#[derive(Debug)]
pub(super) struct Sketcher {
    shingle_size: usize,
    split: Split,
    key: Key,
}

/// Room for one text's signature.
#[derive(Debug, Default)]
pub(super) struct Room {
    shingles: Vec<u64>,
    bins: Vec<u64>,
    bytes: Vec<u8>,
}

impl Sketcher {
    pub(super) fn new(options: &Options, split: Split) -> Self {
        Self {
            shingle_size: options.shingle_size,
            split,
            key: Key::new(options.seed).fold(stream::SHINGLES),
        }
    }

    /// Writes the hash of each band of `text` to `out`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "some bits of a hash are meant"
    )]
    pub(super) fn bands(&self, text: &str, room: &mut Room, out: &mut [u32]) {
        room.shingles.clear();
        for_each_key(text, self.shingle_size, |key| room.shingles.push(key));
        self.fill(&room.shingles, &mut room.bins);
        for (hash, band) in out.iter_mut().zip(room.bins.chunks_exact(self.split.rows)) {
            room.bytes.clear();
            room.bytes
                .extend(band.iter().flat_map(|value| value.to_le_bytes()));
            *hash = XxHash3_64::oneshot(&room.bytes) as u32;
        }
    }

    fn fill(&self, shingles: &[u64], bins: &mut Vec<u64>) {
        let num_bins = self.split.num_hashes();
        bins.clear();
        bins.resize(num_bins, EMPTY);
        let mut empty = num_bins;
        for round in 0..2 * num_bins {
            let key = self.key.fold(round as u64);
            for &shingle in shingles {
                let hash = key.bits(shingle);
                let bin = match round.checked_sub(num_bins) {
                    None => ((hash >> 32) * num_bins as u64) >> 32,
                    Some(bin) => bin as u64,
                };
                let value = (round as u64) << 32 | hash & u64::from(u32::MAX);
                #[expect(clippy::cast_possible_truncation, reason = "below the number of bins")]
                let place = &mut bins[bin as usize];
                empty -= usize::from(*place == EMPTY);
                *place = value.min(*place);
            }
            if empty == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bin_of_any_text_is_filled() {
        let split = Split { bands: 16, rows: 8 };
        let sketcher = Sketcher::new(&Options::default(), split);
        let mut bins = Vec::new();
        for count in [1, 2, 3, 10, 100, 1000, 10_000] {
            let shingles: Vec<u64> = (0..count).collect();
            sketcher.fill(&shingles, &mut bins);
            assert!(bins.len() == 128 && !bins.contains(&EMPTY), "{count}");
        }
    }
}
