//! What one query keeps while documents stream by: never more than a few times what it wants in the end.

use super::exclusions::Excluded;
use super::rules::{Band, Place};
use super::score::Scorer;

/// What is known of one query between two parts of the corpus.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The best allowed documents, `(score, document)` in order.
    pub(super) best: Vec<(f32, u32)>,
    /// Excluded documents that score at least as well as the last of the best, or as the least allowed score where the
    /// best are fewer than wanted.
    pub(super) away: Vec<Away>,
    /// Documents above the band that no exclusion turns away.
    pub(super) above: u32,
}

/// A document that an exclusion turned away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Away {
    pub(super) score: f32,
    pub(super) id: u32,
    pub(super) rule: u16,
}

/// A document whose score lies in `low..=high`; exactly known where the ends are one.
#[derive(Debug, Clone, Copy)]
struct Entry {
    low: f64,
    high: f64,
    id: u32,
    is_exact: bool,
}

/// The question of one query.
pub(super) struct Asked<'a> {
    pub(super) scorer: &'a Scorer<'a>,
    pub(super) query: usize,
    pub(super) band: Band,
    pub(super) excluded: &'a Excluded<'a>,
    /// How many of the best documents are wanted.
    pub(super) depth: usize,
}

/// Candidates of one query.
#[derive(Debug)]
pub(super) struct Kept {
    entries: Vec<Entry>,
    /// How many entries, from the first, have been looked at; the others may turn out to be outside the band.
    settled: usize,
    /// No document that scores below can be in the answer.
    bar: f64,
    /// Excluded documents that no smaller bar has let go.
    away: Vec<Away>,
    /// As [`Found::above`].
    above: u32,
}

impl Kept {
    /// Goes on with the best of earlier documents.
    pub(super) fn resume(asked: &Asked<'_>, found: &mut Found) -> Self {
        let entries: Vec<_> = found
            .best
            .iter()
            .map(|&(score, id)| Entry::exact(id, score))
            .collect();
        let mut bar = asked.band.low;
        if entries.len() >= asked.depth
            && let Some(last) = entries.last()
        {
            bar = bar.max(last.low);
        }
        Self {
            settled: entries.len(),
            entries,
            bar,
            away: std::mem::take(&mut found.away),
            above: found.above,
        }
    }

    pub(super) fn bar(&self) -> f64 {
        self.bar
    }

    /// Counts documents that certainly lie above the band and that no exclusion turns away.
    pub(super) fn count_above(&mut self, documents: u32) {
        self.above += documents;
    }

    /// Takes a document that certainly lies above the band.
    pub(super) fn push_above(&mut self, document: usize, asked: &Asked<'_>) {
        let id = as_id(document);
        match asked.excluded.rule(asked.query, id) {
            Some(rule) => {
                let score = asked.scorer.score(asked.query, document);
                self.away.push(Away { score, id, rule });
            }
            None => self.above += 1,
        }
    }

    /// Takes a document whose score lies in `low..=high`.
    pub(super) fn push(&mut self, document: usize, low: f64, high: f64) {
        self.entries.push(Entry {
            low,
            high,
            id: as_id(document),
            is_exact: false,
        });
    }

    /// Scores a document and takes it.
    pub(super) fn push_exact(&mut self, document: usize, asked: &Asked<'_>) {
        let score = asked.scorer.score(asked.query, document);
        if f64::from(score) >= self.bar {
            self.entries.push(Entry::exact(as_id(document), score));
        }
    }

    /// Whether it is time to [`settle`](Self::settle).
    pub(super) fn is_full(&self, asked: &Asked<'_>) -> bool {
        self.entries.len() >= asked.depth.saturating_mul(2).saturating_add(64)
    }

    /// Drops what cannot be in the answer, and raises the bar. Amortised O(1) a document pushed, and an exact score for
    /// each that the approximate ones cannot tell from those kept.
    pub(super) fn settle(&mut self, asked: &Asked<'_>) {
        self.examine(asked);
        let depth = asked.depth;
        if self.entries.len() > depth {
            let by_low = |a: &Entry, b: &Entry| b.low.total_cmp(&a.low);
            let (_, least, _) = self.entries.select_nth_unstable_by(depth - 1, by_low);
            self.bar = self.bar.max(least.low);
            let bar = self.bar;
            self.entries.retain(|entry| entry.high >= bar);
            self.away.retain(|away| f64::from(away.score) >= bar);
        }
        if self.entries.len() > depth.saturating_add(depth / 2 + 32) {
            self.rank(asked);
        }
        self.settled = self.entries.len();
    }

    /// The best documents, and what was turned away.
    pub(super) fn finish(&mut self, asked: &Asked<'_>) -> Found {
        self.settle(asked);
        self.rank(asked);
        let bar = self.bar;
        self.away.retain(|away| f64::from(away.score) >= bar);
        let entries = self.entries.iter();
        Found {
            best: entries.map(|entry| (entry.score(), entry.id)).collect(),
            away: std::mem::take(&mut self.away),
            above: self.above,
        }
    }

    /// Removes what is excluded or outside the band from the new entries. What could be either is scored.
    fn examine(&mut self, asked: &Asked<'_>) {
        let mut end = self.settled;
        for at in self.settled..self.entries.len() {
            let mut entry = self.entries[at];
            if let Some(rule) = asked.excluded.rule(asked.query, entry.id) {
                let (score, id) = (entry.resolve(asked), entry.id);
                self.away.push(Away { score, id, rule });
                continue;
            }
            if entry.high > asked.band.cap || entry.low < asked.band.low {
                match asked.band.place(entry.resolve(asked)) {
                    Place::Inside => {}
                    Place::Above => {
                        self.above += 1;
                        continue;
                    }
                    Place::Below => continue,
                }
            }
            self.entries[end] = entry;
            end += 1;
        }
        self.entries.truncate(end);
    }

    /// Scores every entry and keeps the best in order.
    fn rank(&mut self, asked: &Asked<'_>) {
        for entry in &mut self.entries {
            entry.resolve(asked);
        }
        self.entries
            .sort_unstable_by(|a, b| b.low.total_cmp(&a.low).then(a.id.cmp(&b.id)));
        self.entries.truncate(asked.depth);
        if self.entries.len() == asked.depth
            && let Some(last) = self.entries.last()
        {
            self.bar = self.bar.max(last.low);
        }
    }
}

impl Entry {
    fn exact(id: u32, score: f32) -> Self {
        let score = f64::from(score);
        Self {
            low: score,
            high: score,
            id,
            is_exact: true,
        }
    }

    /// The exact score, computed where it is not yet known.
    fn resolve(&mut self, asked: &Asked<'_>) -> f32 {
        if !self.is_exact {
            let score = asked.scorer.score(asked.query, self.id as usize);
            *self = Self::exact(self.id, score);
        }
        self.score()
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "an exact score came from float32"
    )]
    fn score(&self) -> f32 {
        self.low as f32
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a matrix has fewer than 2^32 rows"
)]
fn as_id(document: usize) -> u32 {
    document as u32
}
