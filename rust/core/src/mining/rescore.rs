//! Exact scores of many queries' candidates, document by document: one that several queries of a block kept is read from
//! memory once, its neighbours after it.

use super::block::Row;

/// How many scores are computed side by side.
const ABREAST: usize = 4;
/// How many documents are on their way from memory meanwhile.
const AHEAD: usize = 3;

/// A candidate whose score is wanted.
#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    document: u32,
    row: u32,
    entry: u32,
}

/// What a thread reuses from block to block.
#[derive(Debug, Default)]
pub(super) struct Rescorer {
    pairs: Vec<Pair>,
    ordered: Vec<Pair>,
    ends: Vec<u32>,
    scores: Vec<f32>,
}

impl Rescorer {
    /// Scores what could be among the best of every row, the likely best first: their scores turn most others away unseen.
    pub(super) fn score(&mut self, rows: &mut [Row<'_>], documents: usize) {
        for (at, row) in (0..).zip(&mut *rows) {
            let likely = row.kept.likely(&row.asked);
            self.want(at, row, likely);
        }
        self.score_wanted(rows, documents);
        for (at, row) in (0..).zip(&mut *rows) {
            let all = row.kept.narrow();
            self.want(at, row, all);
        }
        self.score_wanted(rows, documents);
    }

    /// Wants the scores of a row's first `count` entries.
    fn want(&mut self, row: u32, of: &Row<'_>, count: usize) {
        let unknown = of.kept.unknown(count);
        self.pairs.extend(unknown.map(|(entry, document)| Pair {
            document,
            row,
            entry,
        }));
    }

    fn score_wanted(&mut self, rows: &mut [Row<'_>], documents: usize) {
        if self.pairs.is_empty() {
            return;
        }
        self.order(documents);
        self.scores.clear();
        let is_same = |one: &Pair, other: &Pair| one.document == other.document;
        let mut coming = self.ordered.chunk_by(is_same);
        let fetch = |pairs: &[Pair]| {
            let asked = &rows[pairs[0].row as usize].asked;
            asked.scorer.prefetch(pairs[0].document as usize);
        };
        coming.by_ref().take(AHEAD).for_each(fetch);
        for pairs in self.ordered.chunk_by(is_same) {
            coming.next().into_iter().for_each(fetch);
            let (groups, rest) = pairs.as_chunks::<ABREAST>();
            for group in groups {
                self.scores.extend(scores(group, rows));
            }
            match *rest {
                [one] => self.scores.extend(scores(&[one], rows)),
                [one, two] => self.scores.extend(scores(&[one, two], rows)),
                [one, two, three] => self.scores.extend(scores(&[one, two, three], rows)),
                _ => {}
            }
        }
        for (pair, &score) in self.ordered.iter().zip(&self.scores) {
            rows[pair.row as usize]
                .kept
                .know(pair.entry as usize, score);
        }
    }

    /// Puts the pairs in the order of their documents. O(pairs + documents).
    fn order(&mut self, documents: usize) {
        self.ends.clear();
        self.ends.resize(documents, 0);
        for pair in &self.pairs {
            self.ends[pair.document as usize] += 1;
        }
        let mut end = 0;
        for count in &mut self.ends {
            end += *count;
            *count = end - *count;
        }
        self.ordered.clear();
        self.ordered.resize(self.pairs.len(), Pair::default());
        for pair in self.pairs.drain(..) {
            let place = &mut self.ends[pair.document as usize];
            self.ordered[*place as usize] = pair;
            *place += 1;
        }
    }
}

/// The scores of a document for some queries, computed side by side.
fn scores<const N: usize>(pairs: &[Pair; N], rows: &[Row<'_>]) -> [f32; N] {
    let asked = pairs.map(|pair| &rows[pair.row as usize].asked);
    let queries = asked.map(|asked| asked.query);
    match (asked.first(), pairs.first()) {
        (Some(asked), Some(pair)) => asked.scorer.scores(queries, pair.document as usize),
        _ => [0.0; N],
    }
}
