//! Files of columns, read.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::{DataType, Field};
use foolsgold_core::formats::{self, Reading};
use numpy::PyArray1;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3_arrow::{PyChunkedArray, PyTable};

use crate::arrays;
use crate::arrow;
use crate::enter::enter;
use crate::error::to_py;

/// Named columns of equal length, and where each row comes from.
#[pyclass(frozen, module = "foolsgold._core")]
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) table: formats::Table,
}

#[pymethods]
impl Table {
    /// Reads files of one schema, in their order; `columns` must be there without nulls and blank texts.
    #[staticmethod]
    #[pyo3(signature = (files, *, columns, threads, progress=None))]
    fn read(
        py: Python<'_>,
        files: Vec<PathBuf>,
        columns: Option<Vec<String>>,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let how = Reading {
            columns: columns.as_deref(),
            threads,
            ..Reading::default()
        };
        let table = enter(py, progress, |tick| formats::read(&files, &how, tick))?;
        Ok(Self { table })
    }

    fn __len__(&self) -> usize {
        self.table.rows()
    }

    /// The names of the columns, in order of first appearance, and what each holds.
    #[getter]
    fn kinds(&self) -> Vec<(String, String)> {
        let fields = self.table.schema().fields().iter();
        fields
            .map(|field| (field.name().clone(), kind(field.data_type())))
            .collect()
    }

    /// The columns that could not be held, and why.
    #[getter]
    fn unreadable(&self) -> Vec<(String, String)> {
        let columns = self.table.unreadable();
        columns
            .map(|(name, error)| (name.to_owned(), error.to_string()))
            .collect()
    }

    /// A column as Arrow chunks.
    fn column(&self, name: &str) -> PyResult<PyChunkedArray> {
        let chunks = self.table.column(name).map_err(|error| to_py(&error))?;
        let kind = chunks
            .first()
            .map_or(DataType::Null, |chunk| chunk.data_type().clone());
        chunked(name, chunks, kind)
    }

    /// Refuses a column with a null or a blank text.
    fn require(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        enter(py, None, |_| self.table.require(name))
    }

    /// The rows in which a column holds `value`, given as text.
    fn rows_equal<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        value: &str,
    ) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let rows = enter(py, None, |_| self.table.rows_equal(name, value))?;
        Ok(arrays::from_vec(py, rows))
    }

    /// The given rows in the given order.
    #[pyo3(signature = (rows, *, threads, progress=None))]
    fn take(
        &self,
        py: Python<'_>,
        rows: &Bound<'_, PyAny>,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let rows = arrays::column::<u32>("rows", rows)?;
        let rows = arrays::slice(&rows);
        let table = enter(py, progress, |tick| self.table.take(rows, threads, tick))?;
        Ok(Self { table })
    }

    /// The file of a row and its number there, from 1: the line in a text file, else the row.
    fn source(&self, row: usize) -> PyResult<(String, u64)> {
        let rows = self.table.rows();
        let place = self.table.place(row);
        place
            .map(|(file, line)| (file.display().to_string(), line))
            .ok_or_else(|| PyIndexError::new_err(format!("`row` must be below {rows}, got {row}")))
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (batches, schema) = (
            self.table.batches().to_vec(),
            Arc::clone(self.table.schema()),
        );
        let table = Bound::new(py, PyTable::try_new(batches, schema)?)?;
        table.call_method1("__arrow_c_stream__", (requested_schema,))
    }
}

/// A split's name, its file, and for each judgment the query's row, the document's row and the score.
type Judgments<'py> = (
    String,
    Table,
    Bound<'py, PyArray1<u32>>,
    Bound<'py, PyArray1<u32>>,
    Bound<'py, PyArray1<f64>>,
);

/// Whether a folder has the files of a BEIR benchmark.
#[pyfunction]
pub(crate) fn is_beir(folder: PathBuf) -> bool {
    formats::is_beir(&folder)
}

/// Reads a BEIR folder: the documents and the queries, each as a table with the column `text`, and the judgments of each split.
#[pyfunction]
#[pyo3(signature = (folder, *, threads, progress=None))]
pub(crate) fn read_beir(
    py: Python<'_>,
    folder: PathBuf,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Table, Table, Vec<Judgments<'_>>)> {
    let beir = enter(py, progress, |tick| {
        formats::Beir::read(&folder, threads, tick)
    })?;
    let splits = beir.splits.into_iter().map(|split| {
        (
            split.name,
            Table { table: split.table },
            arrays::from_vec(py, split.queries),
            arrays::from_vec(py, split.documents),
            arrays::from_vec(py, split.scores),
        )
    });
    let (documents, queries) = (
        Table {
            table: beir.documents,
        },
        Table {
            table: beir.queries,
        },
    );
    Ok((documents, queries, splits.collect()))
}

/// Offsets, documents and scores.
type Run<'py> = (
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<u32>>,
    Bound<'py, PyArray1<f32>>,
);

/// Reads a TREC run file: for each query its hits, best first, as rows among the ids.
#[pyfunction]
#[pyo3(signature = (file, query_ids, document_ids, *, progress=None))]
pub(crate) fn read_trec_run<'py>(
    py: Python<'py>,
    file: PathBuf,
    query_ids: &Bound<'py, PyAny>,
    document_ids: &Bound<'py, PyAny>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Run<'py>> {
    let query_ids = arrow::texts("query_ids", query_ids)?;
    let document_ids = arrow::texts("document_ids", document_ids)?;
    let run = enter(py, progress, |tick| {
        formats::TrecRun::read(&file, query_ids, document_ids, tick)
    })?;
    Ok((
        arrays::from_vec(py, run.offsets),
        arrays::from_vec(py, run.documents),
        arrays::from_vec(py, run.scores),
    ))
}

pub(crate) fn chunked(
    name: &str,
    chunks: Vec<ArrayRef>,
    kind: DataType,
) -> PyResult<PyChunkedArray> {
    PyChunkedArray::try_new(chunks, Arc::new(Field::new(name, kind, true)))
}

/// What a column holds, in a word.
pub(crate) fn kind(kind: &DataType) -> String {
    match kind {
        DataType::LargeUtf8 | DataType::Utf8 | DataType::Utf8View => "text".into(),
        DataType::Int64 => "int64".into(),
        DataType::Float64 => "float64".into(),
        DataType::Boolean => "bool".into(),
        DataType::LargeList(item) | DataType::List(item) | DataType::FixedSizeList(item, _) => {
            format!("list[{}]", self::kind(item.data_type()))
        }
        DataType::Dictionary(_, values) => self::kind(values),
        DataType::Null => "null".into(),
        other => other.to_string().to_lowercase(),
    }
}
