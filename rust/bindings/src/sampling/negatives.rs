//! Some of each row's negatives.

use foolsgold_core::sampling::{self, Weighting};
use foolsgold_core::{Error, Result};
use numpy::PyArray2;
use pyo3::prelude::*;

use super::{DrawArgs, draw};
use crate::arrays;
use crate::enter::enter;
use crate::error::to_py;

fn weighting(name: &str) -> Result<Weighting> {
    match name {
        "uniform" => Ok(Weighting::Uniform),
        "top" => Ok(Weighting::Top),
        other => {
            let got = format!("{other:?}");
            Err(Error::argument("draw", "be uniform or top", got))
        }
    }
}

/// Places of each row's list, by the lengths of the lists.
#[pyfunction]
#[pyo3(signature = (lengths, count, draw, *, weighting, threads, progress=None))]
pub(crate) fn draw_negatives<'py>(
    py: Python<'py>,
    lengths: Bound<'py, PyAny>,
    count: usize,
    draw: DrawArgs,
    weighting: &str,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyArray2<u32>>> {
    let lengths = arrays::column::<u32>("lengths", &lengths)?;
    let lengths = arrays::slice(&lengths);
    let places = enter(py, progress, |tick| {
        let weighting = self::weighting(weighting)?;
        let draw = self::draw(draw);
        sampling::draw_negatives(lengths, count, weighting, draw, threads, tick)
    })?;
    arrays::table_from_vec(py, places, count)
}

/// What `draw_negatives` draws for one row.
#[pyfunction]
#[pyo3(signature = (length, count, draw, row, *, weighting))]
pub(crate) fn draw_negatives_of_row(
    length: u32,
    count: usize,
    draw: DrawArgs,
    row: u32,
    weighting: &str,
) -> PyResult<Vec<u32>> {
    self::weighting(weighting)
        .and_then(|weighting| sampling::draw_row(length, count, weighting, self::draw(draw), row))
        .map_err(|error| to_py(&error))
}
