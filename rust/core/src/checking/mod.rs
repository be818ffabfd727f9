//! What a data set holds, cell by cell and row by row: the counting behind a check.
//!
//! [`Examined`] turns columns, nulls and all, into ids and numbers, with the [`Traits`] of every distinct text. What rows
//! say of one another is integer work on these: [`equal_rows`], [`shared`], [`known_positives`].

mod examine;
mod rows;
mod traits;

pub use examine::{Cells, Examined, NO_TEXT, Values};
pub use rows::{Ids, Key, equal_rows, known_positives, shared};
pub use traits::Traits;

use crate::error::Result;
use crate::texts::Column;
use crate::texts::near_duplicates::{Options, Overlap, near_duplicates_between};
use crate::tick::Tick;

impl Examined {
    /// The near-duplicates that two sets of texts, given by their ids, share; as
    /// [`near_duplicates_between`], on a copy of these texts.
    ///
    /// # Errors
    /// As [`near_duplicates_between`]; an id that is none stands for an empty text.
    pub fn near_duplicates_between(
        &self,
        left: &[u32],
        right: &[u32],
        options: &Options,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Overlap> {
        let column = |name, ids: &[u32]| {
            let texts = ids.iter().map(|&id| self.texts.get(id).unwrap_or_default());
            Column::from_strings(name, texts)
        };
        let (left, right) = (column("left", left), column("right", right));
        near_duplicates_between(left, right, options, threads, tick)
    }
}
