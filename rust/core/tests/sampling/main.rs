//! Laws of batch plans over the public API.

mod common;
mod mix;
mod packing;
mod random;
