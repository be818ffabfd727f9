//! Laws of batch plans over the public API.

mod common;
mod negatives;
mod packing;
mod random;
mod rules;
