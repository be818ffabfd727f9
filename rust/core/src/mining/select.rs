//! Which of a query's candidates become its negatives.

use super::exact::Found;
use super::{Candidates, Options, Report};
use crate::key::stream;

/// How negatives are taken from the candidates of the rank window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// The best.
    Top,
    /// Any, every set equally likely; best first.
    Random,
}

impl Strategy {
    /// How many of the best allowed documents the search must find.
    pub(super) fn depth(self, options: &Options) -> usize {
        match self {
            Self::Top => options.range_min.saturating_add(options.num_negatives),
            Self::Random => options.range_max.unwrap_or(usize::MAX),
        }
    }
}

/// Takes every query's negatives. O(queries x negatives).
pub(super) fn select(found: &Found, options: &Options) -> Candidates {
    let wanted = options.num_negatives;
    let mut ids = vec![-1; found.rows.len() * wanted];
    let mut scores = vec![f32::NEG_INFINITY; ids.len()];
    let mut report = Report {
        above: found.above,
        ..Report::default()
    };
    let rows = ids.chunks_mut(wanted).zip(scores.chunks_mut(wanted));
    for (query, (ids, scores)) in rows.enumerate() {
        let candidates = found.rows[query]
            .get(options.range_min..)
            .unwrap_or_default();
        let mut taken = 0;
        for at in places(query, candidates.len(), options) {
            (scores[taken], ids[taken]) = (candidates[at].0, i64::from(candidates[at].1));
            taken += 1;
        }
        report.short += u64::from(taken < wanted);
        report.missing += (wanted - taken) as u64;
    }
    Candidates {
        ids,
        scores,
        report,
    }
}

/// At most `num_negatives` places below `candidates`, ascending.
fn places(query: usize, candidates: usize, options: &Options) -> impl Iterator<Item = usize> {
    let wanted = options.num_negatives;
    let chosen = if options.strategy == Strategy::Random && candidates > wanted {
        let key = options.key.fold(stream::SELECT).fold(query as u64);
        key.rng().choose(candidates as u64, wanted as u64)
    } else {
        (0..candidates.min(wanted) as u64).collect()
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a place is below `candidates`"
    )]
    chosen.into_iter().map(|place| place as usize)
}
