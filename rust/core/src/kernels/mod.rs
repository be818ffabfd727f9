//! Arithmetic on vectors, chosen at run time by what the processor has; the only `unsafe` of the searches lives here.
//!
//! [`dot`] is the definition of a score: a float64 sum in a fixed order, the same bits everywhere. A [`Tile`] computes
//! many scores at once from int8 codes, with ends that are proven to enclose them, and says which of them could lie in
//! a query's band.

mod codes;
mod dot;
mod doubles;
mod lanes;
mod peak;
mod prefetch;
mod quantise;
mod tile;

pub use dot::{Row, distance, distances, dot, dots, norm};
pub use peak::{code_peak, multiply_add_peak};
pub use prefetch::prefetch;
pub use quantise::{Quantised, quantise};
pub use tile::{
    Back, Bands, Documents, Hits, Line, MOST_DOCUMENTS, MOST_QUERIES, Pass, STEP, Tile, rounding,
};
