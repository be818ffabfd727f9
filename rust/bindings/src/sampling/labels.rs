//! Batches by class, and the tally of groups.

use foolsgold_core::sampling::{self, Imbalance, Units};
use foolsgold_core::{Error, Result};
use numpy::PyArray1;
use pyo3::prelude::*;

use super::{BatchingArgs, DrawArgs, Plan, batching, draw, pack};
use crate::arrays;
use crate::enter::enter;

fn units(k: Option<usize>, imbalance: &str, coverage: bool) -> Result<Units> {
    let Some(k) = k else {
        return Ok(Units::Pairs);
    };
    let imbalance = match imbalance {
        "cap" => Imbalance::Cap,
        "oversample" => Imbalance::Oversample,
        "shrink" => Imbalance::Shrink,
        other => {
            let rule = "be cap, oversample or shrink";
            return Err(Error::argument("imbalance", rule, format!("{other:?}")));
        }
    };
    Ok(Units::Classes {
        k,
        imbalance,
        coverage,
    })
}

/// The rows of a data set by class.
#[pyclass(frozen, module = "foolsgold._core")]
#[derive(Debug)]
pub(crate) struct Labels {
    rows: sampling::Labels,
}

#[pymethods]
impl Labels {
    /// Pairs of rows of one class in every batch, or where `k` is given, so many rows of each class.
    #[new]
    #[pyo3(signature = (
        labels, num_classes, *, batching, k=None, imbalance="cap", coverage=false, progress=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword-only in Python")]
    fn new(
        py: Python<'_>,
        labels: Bound<'_, PyAny>,
        num_classes: usize,
        batching: BatchingArgs,
        k: Option<usize>,
        imbalance: &str,
        coverage: bool,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let labels = arrays::column::<u32>("labels", &labels)?;
        let labels = arrays::slice(&labels);
        let rows = enter(py, progress, |tick| {
            let units = units(k, imbalance, coverage)?;
            sampling::Labels::new(labels, num_classes, units, self::batching(&batching)?, tick)
        })?;
        Ok(Self { rows })
    }

    fn __len__(&self) -> usize {
        self.rows.len()
    }

    /// 64 bits of which rows are of one class.
    #[getter]
    fn fingerprint(&self) -> u64 {
        self.rows.fingerprint()
    }

    /// The plan of an epoch.
    #[pyo3(signature = (draw, *, threads, progress=None))]
    fn plan<'py>(
        &self,
        py: Python<'py>,
        draw: DrawArgs,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Plan<'py>> {
        let plan = enter(py, progress, |tick| {
            self.rows.plan(self::draw(draw), threads, tick)
        })?;
        Ok(pack(py, plan))
    }
}

/// Of each group its rows, those that are used, and places of a row for a second time.
type Tally<'py> = (
    Bound<'py, PyArray1<u64>>,
    Bound<'py, PyArray1<u64>>,
    Bound<'py, PyArray1<u64>>,
);

/// How the places `rows` of a plan use the groups of the data.
#[pyfunction]
#[pyo3(signature = (rows, groups, num_groups))]
pub(crate) fn tally<'py>(
    py: Python<'py>,
    rows: Bound<'py, PyAny>,
    groups: Bound<'py, PyAny>,
    num_groups: usize,
) -> PyResult<Tally<'py>> {
    let rows = arrays::column::<u32>("rows", &rows)?;
    let groups = arrays::column::<u32>("groups", &groups)?;
    let (rows, groups) = (arrays::slice(&rows), arrays::slice(&groups));
    let uses = enter(py, None, |_| sampling::tally(rows, groups, num_groups))?;
    let of = |count: fn(&sampling::GroupUse) -> u64| {
        arrays::from_vec(py, uses.iter().map(count).collect())
    };
    Ok((
        of(|group| group.rows),
        of(|group| group.used),
        of(|group| group.repeated),
    ))
}
