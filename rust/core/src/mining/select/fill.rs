//! Documents at random for queries that lack candidates.

use std::collections::BTreeSet;

use super::{Selection, Strategy};
use crate::key::{Key, Rng};
use crate::mining::exclusions::Excluded;
use crate::mining::rules::Band;
use crate::mining::score::Scorer;
use crate::mining::table::Row;

/// How many documents are tried for each that is wanted, before all are looked at.
const TRIES: usize = 16;

/// The corpus that a search ran over.
pub(in crate::mining) struct Pool<'a> {
    pub(in crate::mining) scorer: &'a Scorer<'a>,
    pub(in crate::mining) excluded: &'a Excluded<'a>,
    pub(in crate::mining) bands: &'a [Band],
    pub(in crate::mining) first_document: u32,
}

impl Pool<'_> {
    /// Documents outside the row that no exclusion and no cap turns away, each equally likely; best first, at most as many
    /// as the query lacks. O(documents x dim) where few are allowed.
    pub(super) fn draw(
        &self,
        query: usize,
        row: &Row<'_>,
        taken: &[(u32, f32, i32)],
        selection: &Selection<'_>,
        key: Key,
    ) -> Vec<(f32, u32)> {
        let wanted = selection.num_negatives - taken.len();
        let mut state = State {
            seen: row.ids.iter().copied().collect(),
            classes: match selection.strategy {
                Strategy::Diverse { classes } => taken
                    .iter()
                    .map(|&(id, _, _)| classes[id as usize])
                    .collect(),
                _ => BTreeSet::new(),
            },
            drawn: Vec::new(),
            wanted,
        };
        let (mut rng, documents) = (key.rng(), self.scorer.corpus.rows());
        for _ in 0..wanted.saturating_mul(TRIES) {
            if state.drawn.len() == wanted {
                break;
            }
            self.try_one(query, rng.below(documents as u64), selection, &mut state);
        }
        if state.drawn.len() < wanted {
            self.try_all(query, selection, &mut rng, &mut state);
        }
        let mut drawn = state.drawn;
        drawn.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        drawn
    }

    /// Takes a document where it is allowed and new.
    fn try_one(&self, query: usize, drawn: u64, selection: &Selection<'_>, state: &mut State) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "below the number of documents"
        )]
        let document = drawn as u32;
        let id = self.first_document + document;
        if state.drawn.len() == state.wanted || !state.seen.insert(id) {
            return;
        }
        if self.excluded.rule(query, document).is_some() {
            return;
        }
        let score = self.scorer.score(query, document as usize);
        if f64::from(score) > self.bands[query].cap {
            return;
        }
        if let Strategy::Diverse { classes } = selection.strategy
            && !state.classes.insert(classes[id as usize])
        {
            return;
        }
        state.drawn.push((score, id));
    }

    /// Tries every document once, in a random order.
    fn try_all(&self, query: usize, selection: &Selection<'_>, rng: &mut Rng, state: &mut State) {
        let mut order: Vec<_> = (0..self.scorer.corpus.rows() as u64).collect();
        rng.shuffle(&mut order);
        for document in order {
            self.try_one(query, document, selection, state);
        }
    }
}

struct State {
    /// Documents that are not tried again.
    seen: BTreeSet<u32>,
    /// Classes of which there is a negative.
    classes: BTreeSet<u32>,
    drawn: Vec<(f32, u32)>,
    wanted: usize,
}
