//! A table of candidates: what a search found, to be kept, merged, narrowed and selected from.

use foolsgold_core::mining::{self, Table, TurnedAway};
use numpy::{Element, PyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::options::{RulesArgs, SelectionArgs, rules};
use super::{Mined, pack};
use crate::arrays;
use crate::enter::enter;
use crate::error::to_py;

/// Every query's candidates.
#[pyclass(frozen, module = "foolsgold._core")]
pub(crate) struct CandidateTable(pub(crate) Table);

fn numbers<T: Element + Copy>(columns: &Bound<'_, PyDict>, name: &str) -> PyResult<Vec<T>> {
    let column = columns.as_any().get_item(name)?;
    Ok(arrays::slice(&arrays::column::<T>(name, &column)?).to_vec())
}

#[pymethods]
impl CandidateTable {
    /// The table that [`columns`](Self::columns) were taken from.
    #[staticmethod]
    #[pyo3(signature = (columns, *, rules, depth, documents, exclusions))]
    fn from_columns(
        columns: &Bound<'_, PyDict>,
        rules: RulesArgs,
        depth: usize,
        documents: u64,
        exclusions: Vec<String>,
    ) -> PyResult<Self> {
        let table = Table {
            rules: super::options::rules(rules)?,
            depth,
            documents,
            exclusions,
            offsets: numbers(columns, "offsets")?,
            ids: numbers(columns, "ids")?,
            scores: numbers(columns, "scores")?,
            bars: numbers(columns, "bars")?,
            anchors: numbers(columns, "anchors")?,
            above: numbers(columns, "above")?,
            away: TurnedAway {
                offsets: numbers(columns, "away_offsets")?,
                ids: numbers(columns, "away_ids")?,
                scores: numbers(columns, "away_scores")?,
                rules: numbers(columns, "away_rules")?,
            },
        };
        table.check().map_err(|error| to_py(&error))?;
        Ok(Self(table))
    }

    /// Copies of the columns, by name.
    fn columns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (table, columns) = (&self.0, PyDict::new(py));
        columns.set_item("offsets", PyArray1::from_slice(py, &table.offsets))?;
        columns.set_item("ids", PyArray1::from_slice(py, &table.ids))?;
        columns.set_item("scores", PyArray1::from_slice(py, &table.scores))?;
        columns.set_item("bars", PyArray1::from_slice(py, &table.bars))?;
        columns.set_item("anchors", PyArray1::from_slice(py, &table.anchors))?;
        columns.set_item("above", PyArray1::from_slice(py, &table.above))?;
        columns.set_item(
            "away_offsets",
            PyArray1::from_slice(py, &table.away.offsets),
        )?;
        columns.set_item("away_ids", PyArray1::from_slice(py, &table.away.ids))?;
        columns.set_item("away_scores", PyArray1::from_slice(py, &table.away.scores))?;
        columns.set_item("away_rules", PyArray1::from_slice(py, &table.away.rules))?;
        Ok(columns)
    }

    fn __len__(&self) -> usize {
        self.0.queries()
    }

    #[getter]
    fn depth(&self) -> usize {
        self.0.depth
    }

    #[getter]
    fn documents(&self) -> u64 {
        self.0.documents
    }

    #[getter]
    fn exclusions(&self) -> Vec<String> {
        self.0.exclusions.clone()
    }

    /// How many documents each rule turned away: the exclusions, then the four bounds.
    fn rejected(&self) -> Vec<u64> {
        self.0.rejected()
    }

    /// How many queries may have candidates that are not in the table.
    fn starved(&self) -> u64 {
        self.0.starved()
    }

    /// The table of a corpus, from those of its parts.
    #[staticmethod]
    #[pyo3(signature = (tables, *, threads, progress=None))]
    fn merge(
        py: Python<'_>,
        tables: Vec<Bound<'_, Self>>,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let tables: Vec<_> = tables.iter().map(|table| table.get().0.clone()).collect();
        enter(py, progress, |tick| Table::merge(&tables, threads, tick)).map(Self)
    }

    /// The table of all queries, from those of parts of them, in order.
    #[staticmethod]
    fn concat(py: Python<'_>, tables: Vec<Bound<'_, Self>>) -> PyResult<Self> {
        let tables: Vec<_> = tables.iter().map(|table| table.get().0.clone()).collect();
        enter(py, None, |_| Table::concat(&tables)).map(Self)
    }

    /// The table under stricter rules.
    #[pyo3(signature = (*, rules, depth, threads, progress=None))]
    fn narrow(
        &self,
        py: Python<'_>,
        rules: RulesArgs,
        depth: usize,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let rules = self::rules(rules)?;
        enter(py, progress, |tick| {
            self.0.narrow(rules, depth, threads, tick)
        })
        .map(Self)
    }

    /// Every query's negatives.
    #[pyo3(signature = (selection, *, threads, progress=None))]
    fn select<'py>(
        &self,
        py: Python<'py>,
        selection: SelectionArgs<'py>,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Mined<'py>> {
        let selection = selection.borrow()?;
        let selection = selection.view();
        let found = enter(py, progress, |tick| {
            mining::select(&self.0, &selection, threads, tick)
        })?;
        pack(py, found, selection.num_negatives)
    }
}
