//! Which of a query's candidates become its negatives.

mod choose;
mod fill;
mod weights;

use super::table::Table;
use crate::capacity::check_fits;
use crate::error::{Error, Result};
use crate::key::{Key, stream};
use crate::pool;
use crate::tick::Tick;
use choose::{Window, choose, widen};
pub(super) use fill::Pool;

/// The queries whose negatives a thread takes at once.
const QUERIES: usize = 1024;

/// How negatives are taken from the candidates of the rank window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Strategy<'a> {
    /// The best.
    Top,
    /// Any, every set equally likely.
    Random,
    /// One after the other without replacement, with a chance in proportion to `exp(score / temperature)`.
    Softmax {
        /// How much less likely a lower score is: the smaller, the more like the best.
        temperature: f64,
    },
    /// One after the other without replacement, with a chance in proportion to `exp(-a (score - p - b)^2)`, where p is the
    /// score that margins are measured from (Zhou et al. 2022, `SimANS`); all alike where there is none.
    SimAns {
        /// How sharp the peak is.
        a: f64,
        /// How far above p it lies.
        b: f64,
    },
    /// One at random from each of as many bands of ranks as negatives are wanted, of equal length up to one.
    Stratified,
    /// The best, at most one of a class.
    Diverse {
        /// The class of each document.
        classes: &'a [u32],
    },
}

/// What happens to a query with too few candidates in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnShort {
    /// It gets fewer negatives.
    Keep,
    /// It gets none.
    Drop,
    /// It gets documents outside the candidates at random, of rank 0, that no exclusion and no cap turns away.
    Random,
    /// It gets candidates outside the window: those before it, the last first; those after it; those that score less
    /// than `min_score`.
    Widen,
}

/// What is taken from a table.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// How many negatives a query gets.
    pub num_negatives: usize,
    /// How many of the best allowed documents are left out, first.
    pub range_min: usize,
    /// The rank among the allowed documents at which candidates end; `None` for no end.
    pub range_max: Option<usize>,
    /// The least score of a candidate, where the table holds lesser ones for [`OnShort::Widen`].
    pub min_score: Option<f64>,
    /// Which candidates are taken.
    pub strategy: Strategy<'a>,
    /// What happens where there are too few.
    pub on_short: OnShort,
    /// The number of the table's first query, so that a table taken in parts gives what the whole gives.
    pub first_query: u64,
    /// Where chance draws from: the key of a query is this one folded with its number.
    pub key: Key,
}

/// Negatives of every query, best first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Candidates {
    /// Documents, `num_negatives` a query; -1 where there are fewer.
    pub ids: Vec<i64>,
    /// Their scores; minus infinity where there are fewer.
    pub scores: Vec<f32>,
    /// Their ranks among the query's allowed documents, from 1; 0 for a document taken at random to fill a place, -1
    /// where there are fewer.
    pub ranks: Vec<i32>,
    /// What happened.
    pub report: Report,
}

/// Counts over all queries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What each rule turned away, as [`Table::rejected`] counts it.
    pub rejected: Vec<u64>,
    /// Queries with fewer negatives than asked for.
    pub short: u64,
    /// Places left empty.
    pub missing: u64,
    /// Negatives from outside the window.
    pub widened: u64,
    /// Negatives taken at random to fill a place.
    pub filled: u64,
    /// As [`Table::starved`].
    pub starved: u64,
}

impl Selection<'_> {
    /// How many of the best allowed documents a search must find.
    pub fn depth(&self) -> usize {
        match self.strategy {
            Strategy::Top => self.range_min.saturating_add(self.num_negatives),
            _ => self.range_max.unwrap_or(usize::MAX),
        }
    }

    /// The bytes that a query's places take while parts become one result.
    pub fn row_bytes(&self) -> usize {
        let place = size_of::<i64>() + size_of::<f32>() + size_of::<i32>();
        self.num_negatives.saturating_mul(2 * place)
    }

    /// Whether every number is usable.
    pub(super) fn check(&self, has_anchors: bool) -> Result<()> {
        if self.num_negatives == 0 {
            return Err(Error::argument("num_negatives", "be positive", 0));
        }
        let least = self.range_min.saturating_add(self.num_negatives);
        if let Some(range_max) = self.range_max.filter(|&most| most < least) {
            let rule = format!("be at least `range_min` + `num_negatives` = {least}");
            return Err(Error::argument("range_max", rule, range_max));
        }
        match self.strategy {
            Strategy::Softmax { temperature }
                if !(temperature > 0.0 && temperature.is_finite()) =>
            {
                Err(Error::argument(
                    "temperature",
                    "be positive and finite",
                    temperature,
                ))
            }
            Strategy::SimAns { a, .. } if !(a >= 0.0 && a.is_finite()) => {
                Err(Error::argument("simans_a", "be finite and not negative", a))
            }
            Strategy::SimAns { b, .. } if !b.is_finite() => {
                Err(Error::argument("simans_b", "be finite", b))
            }
            Strategy::SimAns { .. } if !has_anchors => {
                let rule = "not be \"simans\" without `positives`";
                Err(Error::argument("sampling_strategy", rule, "none"))
            }
            _ => Ok(()),
        }
    }
}

/// Takes every query's negatives from its candidates. O(candidates), the weighted strategies times the logarithm of a
/// query's.
///
/// Deterministic in the table and `selection.key`.
///
/// # Errors
/// [`Error::Argument`] for an unusable selection, a class that is missing, and [`OnShort::Random`], which needs the
/// corpus; [`Error::Cancelled`].
pub fn select(
    table: &Table,
    selection: &Selection<'_>,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Candidates> {
    if selection.on_short == OnShort::Random {
        let rule = "not be \"random\" without the embeddings of the corpus";
        return Err(Error::argument("on_short", rule, "none"));
    }
    select_or_fill(table, selection, None, threads, tick)
}

/// As [`select`], with a pool of further documents.
pub(super) fn select_or_fill(
    table: &Table,
    selection: &Selection<'_>,
    pool: Option<&Pool<'_>>,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Candidates> {
    selection.check(true)?; // a part of the queries may be without positives
    let (num_negatives, row) = (selection.num_negatives, selection.row_bytes());
    let queries = (table.queries() as u128, "queries");
    check_fits("num_negatives", num_negatives, queries, row)?;
    if let Strategy::Diverse { classes } = selection.strategy
        && let Some(id) = table.ids.iter().find(|&&id| id as usize >= classes.len())
    {
        let rule = format!("have one class for each document, such as {id}");
        return Err(Error::argument("diverse_by", rule, classes.len()));
    }
    let blocks = pool::map_blocks(threads, table.queries(), QUERIES, tick, |block| {
        let mut part = Candidates::new(selection.num_negatives, block.len())?;
        for query in block {
            let negatives = take(table, query, selection, pool);
            part.push(&negatives, selection.num_negatives);
        }
        Ok(part)
    })?;
    let mut all = Candidates::new(selection.num_negatives, table.queries())?;
    for part in &blocks {
        all.append(part);
    }
    all.report.rejected = table.rejected();
    all.report.starved = table.starved();
    Ok(all)
}

/// A query's negatives.
#[derive(Default)]
struct Negatives {
    /// Id, score, rank.
    taken: Vec<(u32, f32, i32)>,
    widened: u64,
    filled: u64,
}

fn take(
    table: &Table,
    query: usize,
    selection: &Selection<'_>,
    pool: Option<&Pool<'_>>,
) -> Negatives {
    let (row, wanted) = (table.row(query), selection.num_negatives);
    let key = selection.first_query + query as u64;
    let window = Window::of(&row, selection);
    let mut places = choose(
        &row,
        &window,
        selection,
        selection.key.fold(stream::SELECT).fold(key),
    );
    let within = places.len();
    if within < wanted && selection.on_short == OnShort::Drop {
        places.clear();
    }
    if within < wanted && selection.on_short == OnShort::Widen {
        widen(&row, &window, selection, &mut places);
    }
    places.sort_unstable();
    let rank = |place: usize| i32::try_from(place + 1).unwrap_or(i32::MAX);
    let negative = |&place: &usize| (row.ids[place], row.scores[place], rank(place));
    let mut negatives = Negatives {
        taken: places.iter().map(negative).collect(),
        widened: places.len().saturating_sub(within) as u64,
        filled: 0,
    };
    if within < wanted
        && let Some(pool) = pool.filter(|_| selection.on_short == OnShort::Random)
    {
        let key = selection.key.fold(stream::FILL).fold(key);
        let drawn = pool.draw(query, &row, &negatives.taken, selection, key);
        negatives.filled = drawn.len() as u64;
        negatives
            .taken
            .extend(drawn.iter().map(|&(score, id)| (id, score, 0)));
    }
    negatives
}

impl Candidates {
    fn new(num_negatives: usize, queries: usize) -> Result<Self> {
        let places = queries.saturating_mul(num_negatives);
        let mut new = Self::default();
        let reserved = [
            new.ids.try_reserve_exact(places),
            new.scores.try_reserve_exact(places),
            new.ranks.try_reserve_exact(places),
        ];
        if reserved.iter().any(Result::is_err) {
            let rule =
                format!("leave a result that memory holds, {places} places for {queries} queries");
            return Err(Error::argument("num_negatives", rule, num_negatives));
        }
        Ok(new)
    }

    fn push(&mut self, negatives: &Negatives, wanted: usize) {
        let missing = wanted - negatives.taken.len();
        let nothing = std::iter::repeat_n((-1, f32::NEG_INFINITY, -1), missing);
        let taken = negatives.taken.iter();
        let taken = taken.map(|&(id, score, rank)| (i64::from(id), score, rank));
        for (id, score, rank) in taken.chain(nothing) {
            self.ids.push(id);
            self.scores.push(score);
            self.ranks.push(rank);
        }
        self.report.short += u64::from(missing > 0);
        self.report.missing += missing as u64;
        self.report.widened += negatives.widened;
        self.report.filled += negatives.filled;
    }

    fn append(&mut self, part: &Self) {
        self.ids.extend_from_slice(&part.ids);
        self.scores.extend_from_slice(&part.scores);
        self.ranks.extend_from_slice(&part.ranks);
        self.report.short += part.report.short;
        self.report.missing += part.report.missing;
        self.report.widened += part.report.widened;
        self.report.filled += part.report.filled;
    }
}
