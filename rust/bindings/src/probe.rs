//! What the machine has, and a call that only takes time.

use std::time::Duration;

use foolsgold_core::{cpu, pool};
use pyo3::prelude::*;

use crate::enter::enter;

/// The number of threads this process may use.
#[pyfunction]
pub(crate) fn available_threads() -> usize {
    pool::available()
}

/// The instruction sets that kernels use here.
#[pyfunction]
pub(crate) fn cpu_features() -> Vec<&'static str> {
    cpu::features().names()
}

/// Sleeps for `blocks` times 10 ms on `threads` threads: how the door behaves, without the work.
#[pyfunction]
#[pyo3(signature = (blocks, *, threads, progress=None))]
pub(crate) fn wait(
    py: Python<'_>,
    blocks: usize,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<()> {
    enter(py, progress, |tick| {
        pool::map_blocks(threads, blocks, 1, tick, |_| {
            std::thread::sleep(Duration::from_millis(10));
            Ok(())
        })
        .map(drop)
    })
}
