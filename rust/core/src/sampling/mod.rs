//! Batches as plans: a sampler is a function of ids, options, seed and epoch, and its answer is a [`Plan`].
//!
//! A plan is all row numbers of an epoch, and where each batch begins. So its length is known before the first step and
//! is the same in every epoch, every rank computes the same plan and reads its own part, and going to batch k costs
//! nothing. What is random depends on `(seed, epoch)` alone, drawn row by row.

mod no_duplicates;
mod order;
mod plan;
mod random;

pub use no_duplicates::NoDuplicates;
pub use plan::{Batching, Plan, Report};
pub use random::random;
