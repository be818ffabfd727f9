//! Rows packed into batches under rules.

use foolsgold_core::Error;
use foolsgold_core::sampling::{self, Lengths, Rules};
use foolsgold_core::view::{Groups, IdColumn};
use pyo3::prelude::*;

use super::{BatchingArgs, DrawArgs, Plan, batching, draw, pack};
use crate::arrays;
use crate::enter::enter;

/// A column of ids: one a row, or lists cut at offsets.
#[derive(FromPyObject)]
pub(crate) enum Ids<'py> {
    Lists((Bound<'py, PyAny>, Bound<'py, PyAny>)),
    Flat(Bound<'py, PyAny>),
}

/// The arrays of a column, checked: offsets where it has lists, and ids.
struct Arrays<'py> {
    offsets: Option<arrays::Column<'py, i64>>,
    ids: arrays::Column<'py, u32>,
}

impl<'py> Arrays<'py> {
    fn new(column: &Ids<'py>) -> PyResult<Self> {
        Ok(match column {
            Ids::Flat(ids) => Self {
                offsets: None,
                ids: arrays::column("columns", ids)?,
            },
            Ids::Lists((offsets, ids)) => Self {
                offsets: Some(arrays::column("columns", offsets)?),
                ids: arrays::column("columns", ids)?,
            },
        })
    }

    fn view(&self) -> foolsgold_core::Result<IdColumn<'_>> {
        let ids = arrays::slice(&self.ids);
        let Some(offsets) = &self.offsets else {
            return Ok(IdColumn::Flat(ids));
        };
        let bound = u32::MAX as usize;
        Groups::new("columns", arrays::slice(offsets), ids, bound).map(IdColumn::Lists)
    }
}

/// The rows of a data set by what decides which of them may meet.
#[pyclass(frozen, module = "foolsgold._core")]
#[derive(Debug)]
pub(crate) struct Packing {
    rows: sampling::Packing,
}

#[pymethods]
impl Packing {
    #[new]
    #[pyo3(signature = (
        num_rows, columns, *, batching, names=Vec::new(), pairs=None, known_positives=false, lengths=None,
        max_tokens=None, max_padding=0.0, sources=Vec::new(), num_batches=None, threads, progress=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword-only in Python")]
    fn new(
        py: Python<'_>,
        num_rows: usize,
        columns: Vec<Ids<'_>>,
        batching: BatchingArgs,
        names: Vec<String>,
        pairs: Option<Bound<'_, PyAny>>,
        known_positives: bool,
        lengths: Option<Bound<'_, PyAny>>,
        max_tokens: Option<u64>,
        max_padding: f64,
        sources: Vec<u32>,
        num_batches: Option<usize>,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let columns: Vec<Arrays<'_>> = columns.iter().map(Arrays::new).collect::<PyResult<_>>()?;
        let pairs = pairs
            .map(|pairs| arrays::rows::<u32>("pairs", &pairs))
            .transpose()?;
        let lengths = lengths
            .map(|rows| arrays::column::<u32>("lengths", &rows))
            .transpose()?;
        let pairs = pairs.as_ref().map_or(&[][..], arrays::slice);
        if pairs.len() % 2 != 0 {
            let error = Error::shape("pairs", "of two columns", pairs.len());
            return Err(crate::error::to_py(&error));
        }
        let lengths = lengths.as_ref().map(|rows| Lengths {
            rows: arrays::slice(rows),
            max_tokens,
            max_padding,
        });
        let views: Result<Vec<_>, Error> = columns.iter().map(Arrays::view).collect();
        let rows = enter(py, progress, |tick| {
            let rules = Rules {
                columns: &views?,
                names: &names,
                pairs: pairs.as_chunks().0,
                has_known_positives: known_positives,
                lengths,
                sources: &sources,
                shares: &[],
                num_batches,
            };
            sampling::Packing::new(num_rows, rules, self::batching(&batching)?, threads, tick)
        })?;
        Ok(Self { rows })
    }

    fn __len__(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are pairs that must not meet.
    fn has_pairs(&self) -> bool {
        self.rows.has_pairs()
    }

    /// The number of batches that the counts of the values allow, whatever the pairs.
    fn num_without_pairs(&self) -> usize {
        self.rows.num_without_pairs()
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
