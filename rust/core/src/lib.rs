//! The data work of foolsgold, for the CPU: text ids, batch plans, hard-negative mining, retrieval metrics, files.
//!
//! | module | holds |
//! | --- | --- |
//! | [`error`] | the one error type |
//! | [`key`] | randomness as a value |
//! | [`pool`] | the one thread pool, safe after `fork` |
//! | [`tick`] | progress out, cancellation in |
//! | [`view`] | checked views of the caller's arrays |
//! | [`cpu`] | one probe of the processor |
//! | [`capacity`] | what memory cannot hold, refused |
//! | [`conversions`] | rows of ids from other rows of ids |
//! | [`checking`] | what a data set holds, counted |
//! | [`formats`] | files of columns, read |
//! | [`kernels`] | arithmetic on vectors, chosen at run time |
//! | [`texts`] | every distinct text once, as a `u32` |
//! | [`mining`] | what a query finds and should not: exact search inside a band, BM25 |
//! | [`ranking`] | how good a ranking is |
//! | [`sampling`] | batches as plans |
//! | [`triplets`] | pairs and triplets that are computed, never listed |
//!
//! The crate prints nothing, logs nothing, reads no environment and knows no Python. Every result is the same for any
//! number of threads and any block size; what is random depends on a [`key::Key`] alone. Bad input is an
//! [`Error`](error::Error) that names the argument; nothing public panics.

pub mod capacity;
pub mod checking;
pub mod conversions;
pub mod cpu;
mod deal;
pub mod error;
mod files;
mod fingerprint;
pub mod formats;
mod guard;
pub mod kernels;
pub mod key;
mod mapped;
pub mod mining;
pub mod pool;
pub mod ranking;
pub mod sampling;
pub mod texts;
pub mod tick;
pub mod triplets;
pub mod view;

pub use error::{Error, Result};
