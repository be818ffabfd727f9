//! Rows of ids made from other rows of ids.

use foolsgold_core::conversions;
use foolsgold_core::key::Key;
use foolsgold_core::view::Groups;
use numpy::PyArray2;
use pyo3::prelude::*;

use crate::arrays;
use crate::enter::enter;

/// Items for each row, outside the row's ranges; the largest number of 32 bits for none.
#[pyfunction]
#[pyo3(signature = (total, offsets, ranges, count, seed, *, threads, progress=None))]
#[expect(
    clippy::too_many_arguments,
    reason = "the arguments of a Python function"
)]
pub(crate) fn draw_outside<'py>(
    py: Python<'py>,
    total: u32,
    offsets: Bound<'py, PyAny>,
    ranges: Bound<'py, PyAny>,
    count: usize,
    seed: u64,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray2<u32>>> {
    let offsets = arrays::column::<i64>("offsets", &offsets)?;
    let ranges = arrays::column::<u32>("ranges", &ranges)?;
    let (offsets, ranges) = (arrays::slice(&offsets), arrays::slice(&ranges));
    let drawn = enter(py, progress, |tick| {
        let ranges = Groups::new("ranges", offsets, ranges, usize::MAX)?;
        conversions::draw_outside(total, ranges, count, Key::new(seed), threads, tick)
    })?;
    arrays::table_from_vec(py, drawn, count)
}
