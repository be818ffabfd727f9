//! Batches as plans: a sampler is a function of ids, options and a [`Draw`], and its answer is a [`Plan`].
//!
//! A plan is all row numbers of an epoch, and where each batch begins. So its length is known before the first step and
//! is the same in every epoch, every rank computes the same plan and reads its own part, and going to batch k costs
//! nothing. What is random depends on the draw alone, row by row.

mod labels;
mod mix;
mod negatives;
mod order;
mod packing;
mod plan;
mod random;
mod tally;

pub use labels::{Imbalance, Labels, Units};
pub use mix::{Mixed, Pass, Piece, Schedule, Stop, blend, counts_in_turn, counts_of_weights, mix};
pub use negatives::{Weighting, draw_negatives, draw_row};
pub use packing::{Lengths, Packing, Rules};
pub use plan::{Batching, Draw, Plan, Reason, Report, Tail};
pub use random::{random, sequential};
pub use tally::{GroupUse, tally};
