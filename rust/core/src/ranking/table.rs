//! Checked views: what was retrieved, and what should have been.

use crate::error::{Error, Result};
use crate::view::Groups;

/// The documents retrieved for each query, with their scores; -1 marks an empty place.
#[derive(Debug, Clone, Copy)]
pub struct Ranked<'a> {
    ids: &'a [i64],
    scores: &'a [f32],
    rows: usize,
    width: usize,
}

impl<'a> Ranked<'a> {
    /// Views `ids` and `scores` as `rows` rows of `width`. O(1).
    ///
    /// # Errors
    /// [`Shape`](Error::Shape) where the lengths disagree.
    pub fn new(ids: &'a [i64], scores: &'a [f32], rows: usize, width: usize) -> Result<Self> {
        for (name, len) in [("ids", ids.len()), ("scores", scores.len())] {
            if rows.checked_mul(width) != Some(len) {
                let expected = format!("a table of {rows} rows of {width}");
                return Err(Error::shape(name, expected, format!("{len} values")));
            }
        }
        Ok(Self {
            ids,
            scores,
            rows,
            width,
        })
    }

    /// The number of queries.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no query at all.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The documents and scores of a query, empty places left out, in the order of the table.
    pub(super) fn read(&self, row: usize, into: &mut Vec<(f32, i64)>) -> Result<()> {
        let range = row * self.width..(row + 1) * self.width;
        into.clear();
        for (&id, &score) in self.ids[range.clone()].iter().zip(&self.scores[range]) {
            if id < -1 {
                let rule = "hold row numbers, or -1 for an empty place";
                return Err(Error::row("ids", row, rule, id));
            }
            if id >= 0 && score.is_nan() {
                return Err(Error::row("scores", row, "not be NaN", "NaN"));
            }
            if id >= 0 {
                into.push((score, id));
            }
        }
        Ok(())
    }
}

/// The judged documents of each query and their gains: relevant where it is positive.
#[derive(Debug, Clone, Copy)]
pub struct Relevant<'a> {
    documents: Groups<'a>,
    gains: Option<&'a [f64]>,
    /// The place in `gains` where the first list begins is that of its first document.
    offsets: &'a [i64],
}

impl<'a> Relevant<'a> {
    /// Views `documents` cut at `offsets`, with one gain a document, or all of gain 1. O(lists + documents).
    ///
    /// # Errors
    /// [`Argument`](Error::Argument) as [`Groups::new`], or where there are not as many gains as documents.
    pub fn new(offsets: &'a [i64], documents: &'a [u32], gains: Option<&'a [f64]>) -> Result<Self> {
        if let Some(gains) = gains
            && gains.len() != documents.len()
        {
            let rule = format!(
                "have one gain for each of the {} documents",
                documents.len()
            );
            return Err(Error::argument("gains", rule, gains.len()));
        }
        Ok(Self {
            documents: Groups::new("relevant", offsets, documents, usize::MAX)?,
            gains,
            offsets,
        })
    }

    /// The number of queries.
    pub fn len(&self) -> usize {
        self.documents.len()
    }

    /// Whether there is no query at all.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// The documents of a query with positive gain, in the order of their ids.
    pub(super) fn read(&self, row: usize, into: &mut Vec<(i64, f64)>) -> Result<()> {
        let documents = self.documents.get(row);
        let start = usize::try_from(self.offsets[row]).unwrap_or(0);
        into.clear();
        for (place, &document) in (start..).zip(documents) {
            let gain = self.gains.map_or(1.0, |gains| gains[place]);
            if !(gain >= 0.0 && gain.is_finite()) {
                let rule = "be finite and not negative";
                return Err(Error::row("gains", row, rule, gain));
            }
            into.push((i64::from(document), gain));
        }
        into.sort_unstable_by_key(|&(document, _)| document);
        if let Some(pair) = into.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let rule = "hold no document twice for a query";
            return Err(Error::row("relevant", row, rule, pair[0].0));
        }
        into.retain(|&(_, gain)| gain > 0.0);
        Ok(())
    }
}
