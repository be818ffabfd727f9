//! Laws of batch plans over the public API.

mod common;
mod labels;
mod labels_refused;
mod mix;
mod mix_refused;
mod negatives;
mod packing;
mod random;
mod rules;
mod tally;
