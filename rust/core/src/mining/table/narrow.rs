//! A table under stricter rules, without searching again.

use super::merge::joined;
use super::{QUERIES, Table};
use crate::error::{Error, Result};
use crate::mining::kept::Found;
use crate::mining::rules::{BOUNDS, Rules};
use crate::pool;
use crate::tick::Tick;

impl Table {
    /// The table of at most `depth` candidates under `rules`, which are at least as strict as those of the search.
    /// O(candidates).
    ///
    /// It equals a search under these rules, except for the queries that [`starved`](Self::starved) counts: they may have
    /// further candidates that this table does not hold.
    ///
    /// # Errors
    /// [`Error::Argument`] for looser rules and a greater depth.
    pub fn narrow(
        &self,
        rules: Rules,
        depth: usize,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        self.check_stricter(&rules, depth)?;
        let empty = || Self::new(rules, depth, self.documents, self.exclusions.clone());
        let blocks = pool::map_blocks(threads, self.queries(), QUERIES, tick, |block| {
            let mut part = empty();
            for query in block {
                part.narrow_row(query, self);
            }
            Ok(part)
        })?;
        Ok(joined(empty(), &blocks))
    }

    fn narrow_row(&mut self, query: usize, wide: &Self) {
        let row = wide.row(query);
        let band = self.rules.band(row.anchor);
        let least = |score: f32| f64::from(score) >= band.low;
        let mut best: Vec<_> = wide.best(query).filter(|best| least(best.0)).collect();
        let above = best.partition_point(|best| f64::from(best.0) > band.cap);
        best.drain(..above);
        best.truncate(self.depth);
        let bar = match best.last() {
            Some(last) if best.len() == self.depth => last.0,
            // Where the least allowed score is above the bar, nothing that could be a candidate is unknown.
            _ if band.is_empty() || f64::from(row.bar) < band.low => f32::NAN,
            _ => row.bar,
        };
        let is_of_interest = |score: f32| least(score) && (bar.is_nan() || score >= bar);
        let away = wide.away(query).filter(|away| is_of_interest(away.score));
        let found = Found {
            away: away.collect(),
            above: if band.is_empty() {
                0
            } else {
                row.above + as_count(above)
            },
            best,
        };
        self.push(found, row.anchor, bar);
    }

    fn check_stricter(&self, rules: &Rules, depth: usize) -> Result<()> {
        rules.check(true)?; // a query without anything to measure a margin from has no such bound
        if depth == 0 || depth > self.depth {
            let rule = format!("be from 1 to the {} of the search", self.depth);
            return Err(Error::argument("depth", rule, depth));
        }
        if rules.margin_from != self.rules.margin_from {
            let got = format!("{:?}", rules.margin_from);
            return Err(Error::argument("margin_from", "be that of the search", got));
        }
        let searched = self.rules.bounds();
        for (at, (name, new)) in BOUNDS.into_iter().zip(rules.bounds()).enumerate() {
            let Some(old) = searched[at] else { continue };
            let is_greatest = name == "max_score";
            if new.is_none_or(|new| if is_greatest { new > old } else { new < old }) {
                let most = if is_greatest { "at most" } else { "at least" };
                let rule = format!("be {most} {old}, as the table was searched");
                let got = new.map_or("none".to_owned(), |new| new.to_string());
                return Err(Error::argument(name, rule, got));
            }
        }
        Ok(())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a corpus has fewer than 2^32 documents"
)]
fn as_count(documents: usize) -> u32 {
    documents as u32
}
