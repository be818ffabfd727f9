//! What a search answers: each query's candidates, and what was turned away to find them.

mod merge;
mod narrow;

use super::kept::{Away, Found};
use super::rules::{BOUNDS, Rules};
use crate::error::{Error, Result};

/// The queries whose rows are made at once.
const QUERIES: usize = 4096;

/// Every query's best allowed documents, as a part of a corpus or the whole of it has them.
///
/// Tables of the parts of a corpus [merge](Self::merge) into the table of the corpus, tables of the parts of the queries
/// [join](Self::concat) into the table of the queries, and a table under stricter rules is made from a table without
/// the embeddings, by [`narrow`](Self::narrow): each equals the table that one search gives, bit for bit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// The rules of the search.
    pub rules: Rules,
    /// How many candidates a query has at most.
    pub depth: usize,
    /// How many documents were searched.
    pub documents: u64,
    /// The names of the exclusions.
    pub exclusions: Vec<String>,
    /// Query `i` has the candidates `offsets[i]..offsets[i + 1]`.
    pub offsets: Vec<u64>,
    /// Candidates, the best first.
    pub ids: Vec<u32>,
    /// Their scores.
    pub scores: Vec<f32>,
    /// What is known of each query: every document that scores better, and none that scores less. The score of the last
    /// candidate where there are `depth`; NaN where every document was looked at.
    pub bars: Vec<f32>,
    /// The scores that margins are measured from; NaN where there is none.
    pub anchors: Vec<f32>,
    /// How many documents, not excluded, lie above the query's lowest cap.
    pub above: Vec<u32>,
    /// Excluded documents that score at least as well as the query's bar and its least allowed score.
    pub away: TurnedAway,
}

/// Documents that exclusions turned away, the best of a query first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TurnedAway {
    /// Query `i` has `offsets[i]..offsets[i + 1]`.
    pub offsets: Vec<u64>,
    /// Documents.
    pub ids: Vec<u32>,
    /// Their scores.
    pub scores: Vec<f32>,
    /// The first exclusion that turned a document away, as an index into [`Table::exclusions`].
    pub rules: Vec<u16>,
}

/// One query's part of a table.
pub(super) struct Row<'a> {
    pub(super) ids: &'a [u32],
    pub(super) scores: &'a [f32],
    pub(super) bar: f32,
    pub(super) anchor: f32,
    above: u32,
}

#[cfg(test)]
impl<'a> Row<'a> {
    /// A row by itself.
    pub(super) fn of(ids: &'a [u32], scores: &'a [f32]) -> Self {
        Self {
            ids,
            scores,
            bar: f32::NAN,
            anchor: f32::NAN,
            above: 0,
        }
    }
}

impl Table {
    /// A table of no query yet.
    pub(super) fn new(rules: Rules, depth: usize, documents: u64, exclusions: Vec<String>) -> Self {
        Self {
            rules,
            depth,
            documents,
            exclusions,
            offsets: vec![0],
            away: TurnedAway {
                offsets: vec![0],
                ..TurnedAway::default()
            },
            ..Self::default()
        }
    }

    /// The table of what was found, in which documents count from `first_document`.
    pub(super) fn fill(mut self, found: Vec<Found>, anchors: &[f32], first_document: u32) -> Self {
        for (mut found, &anchor) in found.into_iter().zip(anchors) {
            found
                .best
                .iter_mut()
                .for_each(|best| best.1 += first_document);
            found
                .away
                .iter_mut()
                .for_each(|away| away.id += first_document);
            let full = found.best.len() == self.depth;
            let last = found.best.last().filter(|_| full);
            let bar = last.map_or(f32::NAN, |last| last.0);
            self.push(found, anchor, bar);
        }
        self
    }

    /// Adds a query.
    fn push(&mut self, mut found: Found, anchor: f32, bar: f32) {
        self.ids.extend(found.best.iter().map(|best| best.1));
        self.scores.extend(found.best.iter().map(|best| best.0));
        self.offsets.push(self.ids.len() as u64);
        self.bars.push(bar);
        self.anchors.push(anchor);
        self.above.push(found.above);
        let away = &mut found.away;
        away.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
        self.away.ids.extend(away.iter().map(|away| away.id));
        self.away.scores.extend(away.iter().map(|away| away.score));
        self.away.rules.extend(away.iter().map(|away| away.rule));
        self.away.offsets.push(self.away.ids.len() as u64);
    }

    /// Whether columns from elsewhere make a table. O(candidates).
    ///
    /// # Errors
    /// [`Error::Argument`] for columns that do not fit one another, and for rows out of order.
    pub fn check(&self) -> Result<()> {
        let lengths = [self.anchors.len(), self.above.len()];
        for (name, got) in ["anchors", "above"].into_iter().zip(lengths) {
            check_length(name, got, self.queries())?;
        }
        check_offsets("offsets", &self.offsets, self.queries(), self.ids.len())?;
        check_offsets(
            "away_offsets",
            &self.away.offsets,
            self.queries(),
            self.away.ids.len(),
        )?;
        check_length("scores", self.scores.len(), self.ids.len())?;
        check_length("away_scores", self.away.scores.len(), self.away.ids.len())?;
        check_length("away_rules", self.away.rules.len(), self.away.ids.len())?;
        let unknown = |&&rule: &&u16| usize::from(rule) >= self.exclusions.len();
        if let Some(rule) = self.away.rules.iter().find(unknown) {
            let most = format!("be below the {} exclusions", self.exclusions.len());
            return Err(Error::argument("away_rules", most, rule));
        }
        for query in 0..self.queries() {
            let row: Vec<_> = self.best(query).collect();
            let falls = |pair: &[(f32, u32)]| {
                let order = pair[1].0.total_cmp(&pair[0].0);
                order.then(pair[0].1.cmp(&pair[1].1)).is_lt()
            };
            if row.len() > self.depth || !row.windows(2).all(falls) {
                let rule = format!(
                    "hold at most {} candidates of a query, the best first",
                    self.depth
                );
                return Err(Error::argument(
                    "scores",
                    rule,
                    format!("others at query {query}"),
                ));
            }
            let away = range(&self.away.offsets, query).len();
            let known = (row.len() + away) as u64 + u64::from(self.above[query]);
            if known > self.documents {
                let rule = format!("be at least the {known} that query {query} knows of");
                return Err(Error::argument("documents", rule, self.documents));
            }
        }
        Ok(())
    }

    /// The number of queries.
    pub fn queries(&self) -> usize {
        self.bars.len()
    }

    pub(super) fn row(&self, query: usize) -> Row<'_> {
        let place = range(&self.offsets, query);
        Row {
            ids: &self.ids[place.clone()],
            scores: &self.scores[place],
            bar: self.bars[query],
            anchor: self.anchors[query],
            above: self.above[query],
        }
    }

    fn best(&self, query: usize) -> impl Iterator<Item = (f32, u32)> {
        let row = self.row(query);
        row.scores.iter().copied().zip(row.ids.iter().copied())
    }

    fn away(&self, query: usize) -> impl Iterator<Item = Away> {
        range(&self.away.offsets, query).map(|at| Away {
            score: self.away.scores[at],
            id: self.away.ids[at],
            rule: self.away.rules[at],
        })
    }

    /// Queries that may have further candidates, which this table cannot tell: it was narrowed from one too shallow.
    pub fn starved(&self) -> u64 {
        let is_starved = |query: &usize| {
            let row = self.row(*query);
            row.ids.len() < self.depth && !row.bar.is_nan()
        };
        (0..self.queries()).filter(is_starved).count() as u64
    }

    /// How many documents each rule turned away over all queries: the exclusions, then the absolute margin, the relative
    /// margin, the greatest and the least score. O(queries + excluded documents).
    ///
    /// Counted are the documents that score at least as well as the query's last candidate, and where it has fewer than
    /// `depth`, all documents. A document counts once: for the least score, else for the first exclusion that turns it
    /// away, else for the rule that set the query's lowest cap. Where that cap lies below the least score, all documents
    /// count for the least score.
    pub fn rejected(&self) -> Vec<u64> {
        let bounds = self.exclusions.len();
        let mut counts = vec![0; bounds + BOUNDS.len()];
        for &rule in &self.away.rules {
            counts[usize::from(rule)] += 1;
        }
        for query in 0..self.queries() {
            let row = self.row(query);
            let above = u64::from(row.above);
            counts[bounds + self.rules.band(row.anchor).rule] += above;
            if row.bar.is_nan() {
                let away = range(&self.away.offsets, query).len();
                let inside = (row.ids.len() + away) as u64 + above;
                counts[bounds + BOUNDS.len() - 1] += self.documents - inside;
            }
        }
        counts
    }
}

fn check_length(name: &str, got: usize, wanted: usize) -> Result<()> {
    if got == wanted {
        return Ok(());
    }
    Err(Error::argument(name, format!("hold {wanted} values"), got))
}

fn check_offsets(name: &str, offsets: &[u64], rows: usize, values: usize) -> Result<()> {
    let is_whole = offsets.first() == Some(&0) && offsets.last() == Some(&(values as u64));
    if offsets.len() == rows + 1 && is_whole && offsets.is_sorted() {
        return Ok(());
    }
    let rule = format!("rise from 0 to {values} in {rows} steps");
    Err(Error::argument(
        name,
        rule,
        format!("{} others", offsets.len()),
    ))
}

/// What an offset and the next one embrace.
#[expect(
    clippy::cast_possible_truncation,
    reason = "offsets into vectors of this process"
)]
fn range(offsets: &[u64], at: usize) -> std::ops::Range<usize> {
    offsets[at] as usize..offsets[at + 1] as usize
}
