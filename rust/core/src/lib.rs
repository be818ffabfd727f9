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
//! | [`formats`] | files of columns, read |
//! | [`texts`] | every distinct text once, as a `u32` |
//!
//! The crate prints nothing, logs nothing, reads no environment and knows no Python. Every result is the same for any
//! number of threads and any block size; what is random depends on a [`key::Key`] alone. Bad input is an
//! [`Error`](error::Error) that names the argument; nothing public panics.

pub mod cpu;
pub mod error;
pub mod formats;
pub mod key;
pub mod pool;
pub mod texts;
pub mod tick;
pub mod view;

pub use error::{Error, Result};
