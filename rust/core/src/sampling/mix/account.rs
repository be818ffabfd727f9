//! How a mixed plan uses the rows of each source.

use crate::error::{Error, Result};
use crate::sampling::plan::{Reason, Report};

/// Which rows of a source come.
pub(super) struct Account {
    planned: Vec<u64>,
    used: Vec<u64>,
    rows: usize,
    places: usize,
}

impl Account {
    pub(super) fn new(rows: usize) -> Self {
        let words = vec![0; rows.div_ceil(64)];
        Self {
            planned: words.clone(),
            used: words,
            rows,
            places: 0,
        }
    }

    /// Counts rows that could have come.
    ///
    /// # Errors
    /// [`Error::Argument`] where a row is past the source's last.
    pub(super) fn plan(&mut self, rows: &[u32], source: usize) -> Result<()> {
        if let Some(row) = rows.iter().find(|&&row| row as usize >= self.rows) {
            let name = format!("batch_samplers[{source}]");
            let rule = format!("give rows below {}, the rows of its data set", self.rows);
            return Err(Error::argument(&name, rule, row));
        }
        mark(&mut self.planned, rows);
        Ok(())
    }

    /// Counts rows that come; they are among the planned ones.
    pub(super) fn use_rows(&mut self, rows: &[u32]) {
        mark(&mut self.used, rows);
        self.places += rows.len();
    }

    /// The report: unplanned rows by the reasons `why`, the rest of them as not reached; planned ones by `unused`.
    pub(super) fn report(&self, why: &[(Reason, u64)], unused: Reason) -> Report {
        let (planned, used) = (count(&self.planned), count(&self.used));
        let mut unplanned = self.rows - planned;
        let mut reasons: Vec<(Reason, usize)> = Vec::new();
        for &(reason, rows) in why {
            let rows = usize::try_from(rows).unwrap_or(usize::MAX).min(unplanned);
            unplanned -= rows;
            reasons.push((reason, rows));
        }
        reasons.extend([(Reason::NotReached, unplanned), (unused, planned - used)]);
        Report::new(used, self.places, &merged(reasons))
    }
}

/// The report on all sources.
pub(super) fn sum(reports: &[Report]) -> Report {
    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let why = reports.iter().flat_map(|report| &report.why);
    let used = reports.iter().map(|report| report.used).sum();
    let repeated: u64 = reports.iter().map(|report| report.repeated).sum();
    let reasons = why.map(|&(reason, rows)| (reason, number(rows))).collect();
    Report::new(number(used), number(used + repeated), &merged(reasons))
}

fn merged(mut reasons: Vec<(Reason, usize)>) -> Vec<(Reason, usize)> {
    reasons.sort_unstable();
    reasons.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        kept.1 += usize::from(is_same) * next.1;
        is_same
    });
    reasons
}

fn mark(words: &mut [u64], rows: &[u32]) {
    for &row in rows {
        words[row as usize / 64] |= 1 << (row % 64);
    }
}

fn count(words: &[u64]) -> usize {
    words.iter().map(|word| word.count_ones() as usize).sum()
}
