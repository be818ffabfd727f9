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

/// How much is kept before it costs exact scores. The answer does not depend on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// This many entries more than there were, and half as many again, are pushed before they are looked through.
    pub(super) more: usize,
    /// With more than this many times the entries wanted that bounds cannot tell apart, the best of them are scored.
    pub(super) times: usize,
}

impl Room {
    pub(super) const WIDE: Self = Self { more: 64, times: 8 };

    /// The most entries that stay when they are looked through.
    fn settled(self, wanted: usize) -> usize {
        wanted.saturating_mul(self.times).saturating_add(self.more)
    }

    /// When a buffer of `settled` entries is looked through next.
    fn full(self, settled: usize) -> usize {
        settled
            .saturating_add(settled / 2)
            .saturating_add(self.more)
    }

    /// The entries that most queries have at once, within the bytes.
    fn usual(self, depth: usize) -> usize {
        self.full(self.settled(depth).min(depth.saturating_mul(2)))
    }

    /// The bytes that a query's candidates take while documents stream by, at most.
    pub(super) fn bytes(self, depth: usize) -> usize {
        let full = self.full(self.settled(depth));
        full.saturating_mul(size_of::<Entry>())
    }
}

/// A document whose score lies in `low..=high`; exactly known where the ends are one.
#[derive(Debug, Clone, Copy)]
struct Entry {
    low: f32,
    high: f32,
    id: u32,
}

/// How far a score may be expected off the middle of its ends, as a share of what lies between them. The ends are the
/// worst case of hundreds of roundings, which add up to a few hundredths of it. The answer does not depend on it.
const OFF: f32 = 1.0 / 16.0;

/// The question of one query.
pub(super) struct Asked<'a> {
    pub(super) scorer: &'a Scorer<'a>,
    pub(super) query: usize,
    pub(super) band: Band,
    pub(super) excluded: &'a Excluded<'a>,
    /// How many of the best documents are wanted.
    pub(super) depth: usize,
    pub(super) room: Room,
}

/// Candidates of one query.
#[derive(Debug)]
pub(super) struct Kept {
    entries: Vec<Entry>,
    /// How many entries, from the first, have been looked at; the others may turn out to be outside the band.
    settled: usize,
    /// How many entries are enough to [`settle`](Self::settle).
    full: usize,
    /// How many of the best entries are wanted: fewer than the query asks for while only a sample has been shown.
    wanted: usize,
    /// No document that scores below can be in the answer, as far as is known or taken on trust.
    bar: f64,
    /// The part of the bar that is taken on trust.
    trusted: f64,
    /// Excluded documents that no smaller bar has let go.
    away: Vec<Away>,
    /// As [`Found::above`].
    above: u32,
}

impl Kept {
    /// Goes on with the best of earlier documents.
    pub(super) fn resume(asked: &Asked<'_>, found: &mut Found) -> Self {
        let mut entries = Vec::with_capacity(asked.room.usual(asked.depth));
        let best = found.best.iter();
        entries.extend(best.map(|&(score, id)| Entry::exact(id, score)));
        let mut bar = asked.band.low;
        if entries.len() >= asked.depth
            && let Some(last) = entries.last()
        {
            bar = bar.max(f64::from(last.low));
        }
        Self {
            settled: entries.len(),
            full: asked.room.full(entries.len()),
            entries,
            wanted: asked.depth,
            bar,
            trusted: f64::NEG_INFINITY,
            away: std::mem::take(&mut found.away),
            above: found.above,
        }
    }

    /// Looks for the best `rank` alone until the next call: of the documents shown by then, rather more than fewer should
    /// score at least as well as the last of the answer, which is what the bar is then taken for. Whether enough of all
    /// documents reach it is seen in the end. At the depth that is asked for, nothing is taken on trust.
    pub(super) fn look_for(&mut self, rank: usize) {
        self.wanted = rank;
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
    pub(super) fn push(&mut self, document: usize, low: f32, high: f32) {
        self.entries.push(Entry {
            low,
            high,
            id: as_id(document),
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
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= self.full
    }

    /// Drops what cannot be in the answer, and raises the bar. Amortised O(1) a document pushed, and exact scores where the
    /// approximate ones tell too little.
    pub(super) fn settle(&mut self, asked: &Asked<'_>) {
        self.examine(asked);
        let wanted = self.wanted;
        if self.entries.len() > wanted {
            let last = if wanted < asked.depth {
                let by_middle = |a: &Entry, b: &Entry| b.middle().total_cmp(&a.middle());
                self.entries.select_nth_unstable_by(wanted - 1, by_middle);
                self.entries[wanted - 1].middle()
            } else {
                let by_low = |a: &Entry, b: &Entry| b.low.total_cmp(&a.low);
                self.entries.select_nth_unstable_by(wanted - 1, by_low);
                self.entries[wanted - 1].low
            };
            self.bar = self.bar.max(f64::from(last));
            self.drop_below();
            if wanted < asked.depth {
                self.trusted = self.bar;
            }
        }
        if self.entries.len() > asked.room.settled(wanted) {
            self.rank(asked);
            if wanted < asked.depth {
                self.trusted = self.bar;
            }
        }
        self.settled = self.entries.len();
        self.full = asked.room.full(self.settled);
    }

    /// Puts the likely best first, and what could be as good after them: how many these are. With their scores known,
    /// [`narrow`](Self::narrow) hardly leaves others.
    pub(super) fn likely(&mut self, asked: &Asked<'_>) -> usize {
        self.examine(asked);
        self.settled = self.entries.len();
        let wanted = self.wanted;
        if self.settled <= wanted {
            return self.settled;
        }
        let by_middle = |a: &Entry, b: &Entry| b.middle().total_cmp(&a.middle());
        self.entries.select_nth_unstable_by(wanted - 1, by_middle);
        let last = self.entries[wanted - 1];
        let reach = last.middle() - (last.high - last.low) * OFF;
        let mut end = wanted;
        for at in wanted..self.entries.len() {
            if self.entries[at].high >= reach {
                self.entries.swap(end, at);
                end += 1;
            }
        }
        end
    }

    /// Drops what the scores of the likely best turn away: how many entries are left.
    pub(super) fn narrow(&mut self) -> usize {
        if self.entries.len() > self.wanted {
            let scores = self.entries[..self.wanted].iter().map(|entry| entry.low);
            let last = scores.reduce(f32::min);
            self.bar = self.bar.max(last.map_or(self.bar, f64::from));
            self.drop_below();
            self.settled = self.entries.len();
        }
        self.entries.len()
    }

    /// Those of the first `count` entries whose scores are not known: their places and documents.
    pub(super) fn unknown(&self, count: usize) -> impl Iterator<Item = (u32, u32)> {
        let entries = (0..).zip(&self.entries[..count]);
        let unknown = entries.filter(|(_, entry)| entry.low < entry.high);
        unknown.map(|(at, entry)| (at, entry.id))
    }

    /// Takes the score of an entry.
    pub(super) fn know(&mut self, at: usize, score: f32) {
        self.entries[at] = Entry::exact(self.entries[at].id, score);
    }

    /// The best documents, and what was turned away; `None` where a trust was mistaken, and everything is to be shown again.
    pub(super) fn finish(&mut self, asked: &Asked<'_>) -> Option<Found> {
        self.examine(asked);
        self.rank(asked);
        let last = self.entries.get(asked.depth - 1);
        let is_sure = last.is_some_and(|last| f64::from(last.low) > self.trusted);
        if self.trusted > f64::NEG_INFINITY && !is_sure {
            return None;
        }
        let bar = self.bar;
        self.away.retain(|away| f64::from(away.score) >= bar);
        let entries = self.entries.iter();
        Some(Found {
            best: entries.map(|entry| (entry.low, entry.id)).collect(),
            away: std::mem::take(&mut self.away),
            above: self.above,
        })
    }

    fn drop_below(&mut self) {
        let bar = self.bar;
        self.entries.retain(|entry| f64::from(entry.high) >= bar);
        self.away.retain(|away| f64::from(away.score) >= bar);
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
            let (low, high) = (f64::from(entry.low), f64::from(entry.high));
            if high > asked.band.cap || low < asked.band.low {
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

    /// Scores what could be among the best, and keeps those in order.
    fn rank(&mut self, asked: &Asked<'_>) {
        let wanted = self.wanted;
        if self.entries.len() > wanted {
            // The likely best first: their scores turn most others away unseen.
            let by_middle = |a: &Entry, b: &Entry| b.middle().total_cmp(&a.middle());
            self.entries.select_nth_unstable_by(wanted - 1, by_middle);
            resolve_all(&mut self.entries[..wanted], asked);
            let scores = self.entries[..wanted].iter().map(|entry| entry.low);
            let last = scores.reduce(f32::min);
            self.bar = self.bar.max(last.map_or(self.bar, f64::from));
            self.drop_below();
        }
        resolve_all(&mut self.entries, asked);
        self.entries
            .sort_unstable_by(|a, b| b.low.total_cmp(&a.low).then(a.id.cmp(&b.id)));
        self.entries.truncate(wanted);
        if self.entries.len() == wanted
            && let Some(last) = self.entries.last()
        {
            self.bar = self.bar.max(f64::from(last.low));
        }
    }
}

/// Scores every entry, the rows of the next ones on their way from memory.
fn resolve_all(entries: &mut [Entry], asked: &Asked<'_>) {
    const AHEAD: usize = 4;
    let fetch = |entry: &Entry| {
        if entry.low < entry.high {
            asked.scorer.prefetch(entry.id as usize);
        }
    };
    entries.iter().take(AHEAD).for_each(fetch);
    for at in 0..entries.len() {
        if let Some(next) = entries.get(at + AHEAD) {
            fetch(next);
        }
        entries[at].resolve(asked);
    }
}

impl Entry {
    fn exact(id: u32, score: f32) -> Self {
        Self {
            low: score,
            high: score,
            id,
        }
    }

    /// The likeliest score.
    fn middle(&self) -> f32 {
        self.low / 2.0 + self.high / 2.0
    }

    /// The exact score, computed where it is not yet known.
    fn resolve(&mut self, asked: &Asked<'_>) -> f32 {
        if self.low < self.high {
            let score = asked.scorer.score(asked.query, self.id as usize);
            *self = Self::exact(self.id, score);
        }
        self.low
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a matrix has fewer than 2^32 rows"
)]
fn as_id(document: usize) -> u32 {
    document as u32
}
