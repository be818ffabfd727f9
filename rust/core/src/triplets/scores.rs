//! Triplets from scores or grades: of two items of an anchor, the one that scores higher by more than a margin is the
//! positive.

use super::permutation::Domain;
use super::search::Search;
use super::take::{Draws, Order, Places, Tuples, take};
use crate::error::{Error, Result};
use crate::tick::Tick;
use crate::view::check_rows;

/// Scores of items for anchors, one a row.
#[derive(Debug, Clone, Copy)]
pub struct Scores<'a> {
    /// What is compared with.
    pub anchors: &'a [u32],
    /// What is compared.
    pub items: &'a [u32],
    /// How alike they are.
    pub scores: &'a [f64],
    /// Whether anchors and items have one numbering, in which an item may be its own anchor.
    pub is_one_space: bool,
}

/// What the scores give, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScoreReport {
    /// Pairs that are used.
    pub rows: u64,
    /// Rows that tell a pair again, with the same score.
    pub again: u64,
    /// Rows of an anchor with itself.
    pub own: u64,
    /// Anchors.
    pub anchors: u64,
    /// Those of them that make no triplet.
    pub without_tuples: u64,
    /// Triplets that there are.
    pub all: u128,
    /// Triplets that never come.
    pub left_out: u128,
}

/// The triplets that scores give, as an implicit array.
///
/// In their own order they come by anchor, then by positive, the best first, then by negative, the best first.
#[derive(Debug)]
pub struct ScoreTriplets {
    /// Of each pair, by anchor and falling score.
    anchors: Vec<u32>,
    items: Vec<u32>,
    /// Pairs that are the positive of a triplet, and the first pair that is their negative; all after it of the anchor are.
    positives: Vec<(u32, u32)>,
    search: Search<u64>,
    drawn: Option<Drawn>,
    report: ScoreReport,
}

/// A share of each anchor's triplets.
#[derive(Debug)]
struct Drawn {
    given: Search<u64>,
    /// Where the triplets of each anchor begin, and at last where they end.
    starts: Vec<u64>,
}

impl ScoreTriplets {
    /// The triplets with `score of the positive - score of the negative > margin`, at most `max_per_anchor` of an anchor.
    /// O(rows log rows).
    ///
    /// # Errors
    /// [`Error::Argument`] for columns of several lengths, a margin that is negative or no number and a maximum of 0,
    /// [`Error::Row`] for a score that is no number and a pair with two scores, [`Error::TooMany`] past `u32` rows,
    /// [`Error::Cancelled`].
    pub fn new(
        of: Scores<'_>,
        margin: f64,
        max_per_anchor: Option<u64>,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        check(of, margin, max_per_anchor)?;
        let mut report = ScoreReport::default();
        tick.at(0, 3)?;
        let rows = sorted(of, &mut report)?;
        tick.at(1, 3)?;
        let anchors: Vec<u32> = rows.iter().map(|&row| of.anchors[row as usize]).collect();
        let items = rows.iter().map(|&row| of.items[row as usize]).collect();
        let scores: Vec<f64> = rows.iter().map(|&row| of.scores[row as usize]).collect();
        tick.at(2, 3)?;
        let (mut positives, mut counts, mut starts) = (Vec::new(), Vec::new(), vec![0u64]);
        let (mut first, mut total) = (0, 0);
        for group in anchors.chunk_by(|one, other| one == other) {
            let end = first + group.len();
            let mut negative = first;
            for positive in first..end {
                while negative < end && scores[positive] - scores[negative] <= margin {
                    negative += 1;
                }
                if negative < end {
                    positives.push((place(positive), place(negative)));
                    counts.push((end - negative) as u128);
                    total += (end - negative) as u64;
                }
            }
            first = end;
            report.anchors += 1;
            if starts.last() == Some(&total) {
                report.without_tuples += 1;
            } else {
                starts.push(total);
            }
        }
        report.all = total.into();
        let drawn = max_per_anchor.map(|most| Drawn::new(starts, most));
        let given = drawn.as_ref().map_or(report.all, |drawn| drawn.given.end());
        report.left_out = report.all - given;
        Ok(Self {
            anchors,
            items,
            positives,
            search: Search::new(counts.into_iter()),
            drawn,
            report,
        })
    }

    /// How many triplets come.
    pub fn len(&self) -> u128 {
        Tuples::len(self)
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the scores give.
    pub fn report(&self) -> ScoreReport {
        self.report
    }

    /// Anchor, positive and negative for each of `places` of `order`. O(places).
    ///
    /// # Errors
    /// As [`LabelTuples::take`](super::LabelTuples::take).
    pub fn take(
        &self,
        places: &Places<'_>,
        order: Order,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Vec<u32>> {
        take(self, places, order, threads, tick)
    }
}

/// A place of at most `u32` rows.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn check(of: Scores<'_>, margin: f64, max_per_anchor: Option<u64>) -> Result<()> {
    check_rows("scores", of.scores.len())?;
    for (name, len) in [("anchors", of.anchors.len()), ("items", of.items.len())] {
        if len != of.scores.len() {
            let rule = format!("have one value for each of {} scores", of.scores.len());
            return Err(Error::argument(name, rule, len));
        }
    }
    if !(margin.is_finite() && margin >= 0.0) {
        let rule = "be a finite number that is not negative";
        return Err(Error::argument("margin", rule, margin));
    }
    if let Some(row) = of.scores.iter().position(|score| !score.is_finite()) {
        return Err(Error::row("scores", row, "be finite", of.scores[row]));
    }
    if max_per_anchor == Some(0) {
        return Err(Error::argument("max_per_anchor", "be at least 1", 0));
    }
    Ok(())
}

/// The rows by anchor, falling score and item, each pair once.
fn sorted(of: Scores<'_>, report: &mut ScoreReport) -> Result<Vec<u32>> {
    let pair = |row: u32| (of.anchors[row as usize], of.items[row as usize]);
    let score = |row: u32| of.scores[row as usize];
    let mut rows: Vec<u32> = (0..place(of.scores.len())).collect();
    if of.is_one_space {
        rows.retain(|&row| pair(row).0 != pair(row).1);
        report.own = (of.scores.len() - rows.len()) as u64;
    }
    let before = rows.len();
    rows.sort_unstable_by_key(|&row| (pair(row), row));
    let differs = |two: &&[u32; 2]| {
        #[expect(clippy::float_cmp, reason = "one score told twice is equal to the bit")]
        let is_other = score(two[0]) != score(two[1]);
        pair(two[0]) == pair(two[1]) && is_other
    };
    if let Some(&[first, row]) = rows.array_windows().find(differs) {
        let rule = format!("tell one score of a pair, {} at row {first}", score(first));
        return Err(Error::row("scores", row as usize, rule, score(row)));
    }
    rows.dedup_by_key(|row| pair(*row));
    report.again = (before - rows.len()) as u64;
    report.rows = rows.len() as u64;
    rows.sort_unstable_by(|&one, &other| {
        let ((anchor, item), (next, last)) = (pair(one), pair(other));
        // The sum makes -0 the 0 that it equals.
        let falling = (score(other) + 0.0).total_cmp(&(score(one) + 0.0));
        anchor.cmp(&next).then(falling).then(item.cmp(&last))
    });
    Ok(rows)
}

impl Drawn {
    fn new(starts: Vec<u64>, most: u64) -> Self {
        let lengths = starts.windows(2).map(|pair| pair[1] - pair[0]);
        let given = Search::new(lengths.map(|length| u128::from(length.min(most))));
        Self { given, starts }
    }

    /// Which triplet of all comes as number `number` of those that are drawn.
    fn number(&self, draws: &Draws, number: u64) -> u64 {
        let (group, into) = self.given.find(number);
        let (start, end) = (self.starts[group], self.starts[group + 1]);
        let domain = Domain::new((end - start).into());
        start
            + draws
                .rounds
                .permute(&domain, draws.key.bits(group as u64), into)
    }
}

impl Tuples<u64> for ScoreTriplets {
    fn len(&self) -> u128 {
        let all = self.search.end();
        self.drawn.as_ref().map_or(all, |drawn| drawn.given.end())
    }

    fn width(&self) -> usize {
        3
    }

    fn write(&self, draws: &Draws, numbers: &[u64], out: &mut [u32]) {
        for (&number, out) in numbers.iter().zip(out.as_chunks_mut().0) {
            let drawn = self.drawn.as_ref();
            let number = drawn.map_or(number, |drawn| drawn.number(draws, number));
            let (entry, into) = self.search.find(number);
            let (positive, first) = self.positives[entry];
            let negative = first + u32::try_from(into).unwrap_or(u32::MAX);
            *out = [
                self.anchors[positive as usize],
                self.items[positive as usize],
                self.items[negative as usize],
            ];
        }
    }
}
