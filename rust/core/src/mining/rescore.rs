//! Exact scores of many queries' candidates, in the order of the documents: a document that several queries of a block kept
//! is read from memory once, and its neighbours after it.

use super::block::Row;

/// The documents of a bucket, the unit of order: so few that they stay in a core's second cache.
const BUCKET: usize = 64;
/// How many pairs are scored side by side, while the rows of as many more are on their way from memory.
const ABREAST: usize = 4;

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
        let bucket = |pair: &Pair| pair.document as usize / BUCKET;
        self.ends.clear();
        self.ends.resize(documents / BUCKET + 1, 0);
        for pair in &self.pairs {
            self.ends[bucket(pair)] += 1;
        }
        let mut end = 0;
        for count in &mut self.ends {
            end += *count;
            *count = end - *count;
        }
        self.ordered.clear();
        self.ordered.resize(self.pairs.len(), Pair::default());
        for pair in self.pairs.drain(..) {
            let place = &mut self.ends[bucket(&pair)];
            self.ordered[*place as usize] = pair;
            *place += 1;
        }
        let (groups, rest) = self.ordered.as_chunks::<ABREAST>();
        for (at, group) in groups.iter().enumerate() {
            let next = groups.get(at + 1).map_or(rest, |next| &next[..]);
            for pair in next {
                let asked = &rows[pair.row as usize].asked;
                asked.scorer.prefetch(pair.document as usize);
            }
            score_all(group, rows);
        }
        for pair in rest {
            score_all(&[*pair], rows);
        }
    }
}

/// Scores some pairs side by side.
fn score_all<const N: usize>(pairs: &[Pair; N], rows: &mut [Row<'_>]) {
    let Some(first) = pairs.first() else {
        return;
    };
    let scorer = rows[first.row as usize].asked.scorer;
    let scores = scorer.scores(pairs.map(|pair| {
        let query = rows[pair.row as usize].asked.query;
        (query, pair.document as usize)
    }));
    for (pair, score) in pairs.iter().zip(scores) {
        let row = &mut rows[pair.row as usize];
        row.kept.know(pair.entry as usize, score);
    }
}
