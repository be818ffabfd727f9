//! Laws of batch plans over the public API.

mod common;
mod labels;
mod labels_refused;
mod packing;
mod random;
mod tally;
