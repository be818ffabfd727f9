//! Which source gives each step, and where in its own passes it stands.

use super::shares::{check_lengths, check_steps};
use crate::error::{Error, Result};
use crate::key::{Key, stream};
use crate::sampling::plan::Draw;

/// The steps of an epoch, by source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    lengths: Vec<u64>,
    counts: Vec<u64>,
    is_cyclic: bool,
}

/// What an epoch takes of one pass of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The source.
    pub source: usize,
    /// How often the source was gone through before.
    pub pass: u64,
    /// The steps of the pass that came in an earlier epoch.
    pub first: u64,
    /// The steps that come in this one.
    pub len: u64,
}

impl Schedule {
    /// Sources of `lengths` steps a pass, of which an epoch has `counts` steps; in turn, or in random order.
    ///
    /// # Errors
    /// [`Error::Argument`] where there are no sources, one has nothing, and where the steps are none or too many.
    pub fn new(lengths: &[u64], counts: &[u64], is_cyclic: bool) -> Result<Self> {
        check_lengths(lengths)?;
        if counts.len() != lengths.len() {
            let rule = format!("be {} numbers, one a source", lengths.len());
            return Err(Error::argument("sizes", rule, counts.len()));
        }
        check_steps(
            counts
                .iter()
                .fold(0, |sum, &count| count.saturating_add(sum)),
        )?;
        Ok(Self {
            lengths: lengths.to_vec(),
            counts: counts.to_vec(),
            is_cyclic,
        })
    }

    /// The steps of every epoch.
    pub fn num_steps(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The steps of a source's pass.
    pub fn length(&self, source: usize) -> u64 {
        self.lengths[source]
    }

    /// The passes that an epoch takes steps of, source by source, in their order. O(passes).
    pub fn pieces(&self, epoch: u64) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let sources = self.lengths.iter().zip(&self.counts).enumerate();
        for (source, (&length, &count)) in sources {
            let start = u128::from(epoch) * u128::from(count);
            let length = u128::from(length);
            // Passes past 2^64 repeat the first ones; nobody comes that far.
            #[expect(clippy::cast_possible_truncation, reason = "the remainder is a length")]
            let (mut pass, mut first) = ((start / length) as u64, (start % length) as u64);
            let mut left = count;
            while left > 0 {
                let len = left.min(self.lengths[source] - first);
                pieces.push(Piece {
                    source,
                    pass,
                    first,
                    len,
                });
                left -= len;
                (pass, first) = (pass.wrapping_add(1), 0);
            }
        }
        pieces
    }

    /// The source of each step of an epoch; deterministic in `draw`. O(steps).
    #[expect(
        clippy::cast_possible_truncation,
        reason = "there is a plan for each source"
    )]
    pub fn order(&self, draw: Draw) -> Vec<u32> {
        let mut order = Vec::with_capacity(usize::try_from(self.num_steps()).unwrap_or(0));
        let sources = || self.counts.iter().enumerate();
        if self.is_cyclic {
            let most = self.counts.iter().max().copied().unwrap_or(0);
            for round in 0..most {
                let own = sources().filter(|&(_, &count)| round < count);
                order.extend(own.map(|(source, _)| source as u32));
            }
        } else {
            for (source, &count) in sources() {
                order.extend((0..count).map(|_| source as u32));
            }
            draw.key().fold(stream::SCHEDULE).rng().shuffle(&mut order);
        }
        order
    }
}

impl Draw {
    /// What decides pass `pass` of source number `source` of a run that this draw decides.
    #[must_use]
    pub fn of_source(self, source: usize, pass: u64) -> Self {
        Self {
            seed: self.seed,
            epoch: pass,
            stream: Key::new(self.stream).fold(source as u64 + 1).bits(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_goes_on_where_it_stopped() -> Result<()> {
        let schedule = Schedule::new(&[5, 2], &[3, 4], true)?;
        let piece = |source, pass, first, len| Piece {
            source,
            pass,
            first,
            len,
        };
        let of_long = |epoch| {
            let mut pieces = schedule.pieces(epoch);
            pieces.retain(|piece| piece.source == 0);
            pieces
        };
        assert_eq!(of_long(0), [piece(0, 0, 0, 3)]);
        assert_eq!(of_long(1), [piece(0, 0, 3, 2), piece(0, 1, 0, 1)]);
        assert_eq!(of_long(2), [piece(0, 1, 1, 3)]);
        assert_eq!(
            schedule.pieces(7)[1..],
            [piece(1, 14, 0, 2), piece(1, 15, 0, 2)]
        );
        assert_eq!(schedule.order(Draw::default()), [0, 1, 0, 1, 0, 1, 1]);
        Ok(())
    }

    #[test]
    fn no_two_sources_or_passes_draw_alike() {
        let draw = Draw::default();
        let draws = [
            draw.of_source(0, 0),
            draw.of_source(1, 0),
            draw.of_source(0, 1),
            draw,
        ];
        for (at, own) in draws.iter().enumerate() {
            assert!(draws[..at].iter().all(|other| other.key() != own.key()));
        }
    }
}
