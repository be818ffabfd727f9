//! Arithmetic on vectors, chosen at run time by what the processor has; the only `unsafe` of the searches lives here.
//!
//! [`dot`] is the definition of a score: a float64 sum in a fixed order, the same bits everywhere. A [`Tile`] computes
//! many scores at once in float32, to within [`error_bound`], and says which of them could lie in a query's band.

mod dot;
mod lanes;
mod peak;
mod tile;

pub use dot::{dot, norm};
pub use peak::multiply_add_peak;
pub use tile::{Bands, Documents, Hits, MOST_DOCUMENTS, QUERIES, Tile, error_bound};
