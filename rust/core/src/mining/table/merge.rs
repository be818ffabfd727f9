//! One table of several.

use super::{QUERIES, Table};
use crate::error::{Error, Result};
use crate::mining::kept::Found;
use crate::pool;
use crate::tick::Tick;

impl Table {
    /// The table of a corpus, from the tables of its parts, in any order; the queries and the rules are the same.
    /// O(candidates x log(candidates of a query)).
    ///
    /// # Errors
    /// [`Error::Argument`] where there is none, where they are not of one search, or where two hold one document.
    pub fn merge(tables: &[Self], threads: usize, tick: &mut Tick<'_>) -> Result<Self> {
        let first = of_one_search(tables)?;
        let is_same = |other: &&Self| {
            let bits = |table: &Self| {
                table
                    .anchors
                    .iter()
                    .map(|x| x.to_bits())
                    .collect::<Vec<_>>()
            };
            other.queries() == first.queries() && bits(other) == bits(first)
        };
        if !tables.iter().all(|table| is_same(&table)) {
            return Err(Error::argument(
                "tables",
                "be of the same queries",
                "others",
            ));
        }
        if tables.iter().any(|table| table.starved() > 0) {
            let rule = "be merged before they are narrowed";
            return Err(Error::argument("tables", rule, "one that lacks candidates"));
        }
        let documents = tables.iter().map(|table| table.documents).sum();
        let empty = || {
            Self::new(
                first.rules,
                first.depth,
                documents,
                first.exclusions.clone(),
            )
        };
        let blocks = pool::map_blocks(threads, first.queries(), QUERIES, tick, |block| {
            let mut part = empty();
            for query in block {
                part.merge_row(query, tables)?;
            }
            Ok(part)
        })?;
        Ok(joined(empty(), &blocks))
    }

    fn merge_row(&mut self, query: usize, tables: &[Self]) -> Result<()> {
        let mut best: Vec<_> = tables.iter().flat_map(|table| table.best(query)).collect();
        best.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        if let Some(pair) = best.windows(2).find(|pair| pair[0].1 == pair[1].1) {
            let got = format!("document {} twice", pair[0].1);
            return Err(Error::argument(
                "tables",
                "be of parts without common documents",
                got,
            ));
        }
        best.truncate(self.depth);
        let last = best.last().filter(|_| best.len() == self.depth);
        let bar = last.map_or(f32::NAN, |last| last.0);
        let away = tables.iter().flat_map(|table| table.away(query));
        let found = Found {
            away: away
                .filter(|away| bar.is_nan() || away.score >= bar)
                .collect(),
            above: tables.iter().map(|table| table.above[query]).sum(),
            best,
        };
        self.push(found, tables[0].anchors[query], bar);
        Ok(())
    }

    /// The table of all queries, from tables of parts of them, in order. O(candidates).
    ///
    /// # Errors
    /// [`Error::Argument`] where there is none, or where they are not of one search.
    pub fn concat(tables: &[Self]) -> Result<Self> {
        let first = of_one_search(tables)?;
        if tables
            .iter()
            .any(|table| table.documents != first.documents)
        {
            return Err(Error::argument(
                "tables",
                "be of the same documents",
                "others",
            ));
        }
        let empty = Self::new(
            first.rules,
            first.depth,
            first.documents,
            first.exclusions.clone(),
        );
        Ok(joined(empty, tables))
    }
}

/// The first of tables that have the same rules.
fn of_one_search(tables: &[Table]) -> Result<&Table> {
    let Some(first) = tables.first() else {
        return Err(Error::argument("tables", "be at least one", 0));
    };
    let is_same = |table: &Table| {
        (table.rules, table.depth) == (first.rules, first.depth)
            && table.exclusions == first.exclusions
    };
    if tables.iter().all(is_same) {
        Ok(first)
    } else {
        Err(Error::argument(
            "tables",
            "be of one search",
            "other rules or another depth",
        ))
    }
}

/// Puts the rows of `parts` below one another.
pub(super) fn joined(mut table: Table, parts: &[Table]) -> Table {
    for part in parts {
        let (before, away_before) = (table.ids.len() as u64, table.away.ids.len() as u64);
        table
            .offsets
            .extend(part.offsets[1..].iter().map(|end| before + end));
        table.ids.extend_from_slice(&part.ids);
        table.scores.extend_from_slice(&part.scores);
        table.bars.extend_from_slice(&part.bars);
        table.anchors.extend_from_slice(&part.anchors);
        table.above.extend_from_slice(&part.above);
        let ends = part.away.offsets[1..].iter();
        table.away.offsets.extend(ends.map(|end| away_before + end));
        table.away.ids.extend_from_slice(&part.away.ids);
        table.away.scores.extend_from_slice(&part.away.scores);
        table.away.rules.extend_from_slice(&part.away.rules);
    }
    table
}
