//! Several sources in one run: which of them gives each step, and one plan made of the plans of all.
//!
//! How many batches (or, in mixed batches, rows) of each source an epoch has follows from lengths and weights alone, so it
//! is the same in every epoch. What a source has not given in one epoch comes in the next: a source goes on through passes
//! of its own, whatever the epochs of the run are, and every batch of a pass comes once.

mod account;
mod blend;
mod gather;
mod schedule;
mod shares;

pub use blend::blend;
pub use gather::{Pass, mix};
pub use schedule::{Piece, Schedule};
pub use shares::{Stop, counts_in_turn, counts_of_weights};

use crate::sampling::plan::{Plan, Report};

/// A plan of several sources, whose rows lie one source after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mixed {
    /// The batches; row numbers count through all sources.
    pub plan: Plan,
    /// How the rows of each source are used.
    pub by_source: Vec<Report>,
}
