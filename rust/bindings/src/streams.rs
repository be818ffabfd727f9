//! Files as streams of batches, and batches into files.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use foolsgold_core::Error;
use foolsgold_core::formats::{self, OnError, Skipped, Streaming, Writing};
use foolsgold_core::tick::Tick;
use pyo3::exceptions::{PyIndexError, PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3_arrow::input::AnyRecordBatch;
use pyo3_arrow::{PyChunkedArray, PyRecordBatch, PyRecordBatchReader, PySchema};

use crate::enter::enter;
use crate::error::to_py;
use crate::formats::{chunked, kind};

/// How many rows were skipped, and of the first ones file, row and reason.
pub(crate) type SkippedRows = (u64, Vec<(String, u64, String)>);

/// Files of one schema, to be read any number of times.
#[pyclass(frozen, module = "foolsgold._core")]
pub(crate) struct FileStream {
    stream: Arc<formats::Stream>,
}

/// The batches of a stream, once through.
#[pyclass(frozen, module = "foolsgold._core")]
pub(crate) struct StreamBatches {
    batches: Arc<Mutex<formats::Batches>>,
}

/// Some rows.
#[pyclass(frozen, module = "foolsgold._core")]
pub(crate) struct Batch {
    batch: RecordBatch,
}

#[pymethods]
impl Batch {
    #[getter]
    fn num_rows(&self) -> usize {
        self.batch.num_rows()
    }

    fn __len__(&self) -> usize {
        self.batch.num_rows()
    }

    /// The names of the columns and what each holds.
    #[getter]
    fn kinds(&self) -> Vec<(String, String)> {
        kinds(self.batch.schema_ref())
    }

    /// A column as an Arrow column of one chunk.
    fn column(&self, name: &str) -> PyResult<PyChunkedArray> {
        let column = self.batch.column_by_name(name).cloned();
        let column = column.ok_or_else(|| {
            PyKeyError::new_err(format!("`name` must be one of the columns, got `{name}`"))
        })?;
        let kind = column.data_type().clone();
        chunked(name, vec![column], kind)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let schema = Bound::new(py, PySchema::new(self.batch.schema()))?;
        schema.call_method0("__arrow_c_schema__")
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let batch = Bound::new(py, PyRecordBatch::new(self.batch.clone()))?;
        batch.call_method1("__arrow_c_array__", (requested_schema,))
    }
}

#[pymethods]
impl FileStream {
    #[staticmethod]
    #[pyo3(signature = (files, *, columns, types, names, quoting, nested, on_error, batch_rows, block_bytes, threads, progress=None))]
    #[expect(clippy::too_many_arguments, reason = "the options of one call")]
    fn open(
        py: Python<'_>,
        files: Vec<PathBuf>,
        columns: Option<Vec<String>>,
        types: HashMap<String, String>,
        names: Option<Vec<String>>,
        quoting: bool,
        nested: bool,
        on_error: &str,
        batch_rows: usize,
        block_bytes: usize,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let how = Streaming {
            columns,
            types,
            names,
            is_quoted: quoting,
            has_text_numbers: true,
            is_nested: nested,
            on_error: on_error_of(on_error)?,
            batch_rows,
            block_bytes,
            threads,
        };
        let stream = enter(py, progress, |tick| {
            formats::Stream::open(&files, how, tick)
        })?;
        let stream = Arc::new(stream);
        Ok(Self { stream })
    }

    /// The names of the columns and what each holds.
    #[getter]
    fn kinds(&self) -> Vec<(String, String)> {
        kinds(self.stream.schema())
    }

    /// The columns that could not be held, and why.
    #[getter]
    fn unreadable(&self) -> Vec<(String, String)> {
        let columns = self.stream.unreadable();
        columns
            .map(|(name, error)| (name.to_owned(), error.to_string()))
            .collect()
    }

    /// The bytes of all files.
    #[getter]
    fn num_bytes(&self) -> u64 {
        self.stream.bytes()
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let schema = Bound::new(py, PySchema::new(Arc::clone(self.stream.schema())))?;
        schema.call_method0("__arrow_c_schema__")
    }

    /// The rows from the first one.
    fn batches(&self) -> StreamBatches {
        let batches = Arc::new(Mutex::new(self.stream.batches()));
        StreamBatches { batches }
    }
}

#[pymethods]
impl StreamBatches {
    /// The next batch; None at the end.
    #[pyo3(signature = (progress=None))]
    fn next(&self, py: Python<'_>, progress: Option<Py<PyAny>>) -> PyResult<Option<Batch>> {
        let batch = enter(py, progress, |tick| lock(&self.batches).next(tick))?;
        Ok(batch.map(|batch| Batch { batch }))
    }

    /// The rows that were skipped so far.
    #[getter]
    fn skipped(&self, py: Python<'_>) -> PyResult<SkippedRows> {
        enter(py, None, |_| Ok(told(lock(&self.batches).skipped())))
    }

    /// The file of a row that was read, and its number there.
    fn source(&self, py: Python<'_>, row: u64) -> PyResult<(String, u64)> {
        let place = enter(py, None, |_| {
            let batches = lock(&self.batches);
            let place = batches.place(row);
            Ok(place.map(|(file, line)| (file.display().to_string(), line)))
        })?;
        place.ok_or_else(|| {
            PyIndexError::new_err(format!(
                "`row` must be one that was read of late, got {row}"
            ))
        })
    }

    #[pyo3(signature = (schema, requested_schema=None))]
    fn as_stream<'py>(
        &self,
        py: Python<'py>,
        schema: PySchema,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let reader = Pulled {
            schema: schema.into_inner(),
            batches: Arc::clone(&self.batches),
        };
        let reader = Bound::new(py, PyRecordBatchReader::new(Box::new(reader)))?;
        reader.call_method1("__arrow_c_stream__", (requested_schema,))
    }
}

/// Batches for whoever takes a C stream.
struct Pulled {
    schema: SchemaRef,
    batches: Arc<Mutex<formats::Batches>>,
}

impl Iterator for Pulled {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = lock(&self.batches).next(&mut Tick::silent());
        next.map_err(|error| ArrowError::ExternalError(Box::new(error)))
            .transpose()
    }
}

impl RecordBatchReader for Pulled {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

/// A file that is being written; nothing of it stays unless it is finished.
#[pyclass(frozen, module = "foolsgold._core")]
pub(crate) struct FileWriter {
    writer: Mutex<Option<formats::Writer>>,
}

#[pymethods]
impl FileWriter {
    #[new]
    #[pyo3(signature = (path, schema, *, nested, array, header, quoting, threads))]
    #[expect(clippy::too_many_arguments, reason = "the options of one call")]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        schema: PySchema,
        nested: Option<bool>,
        array: bool,
        header: bool,
        quoting: bool,
        threads: usize,
    ) -> PyResult<Self> {
        let how = writing(nested, array, header, quoting, threads);
        let schema = schema.into_inner();
        let writer = enter(py, None, |_| formats::Writer::new(&path, &schema, &how))?;
        let writer = Mutex::new(Some(writer));
        Ok(Self { writer })
    }

    /// Takes rows, and writes where enough have come.
    fn push(&self, py: Python<'_>, batch: PyRecordBatch) -> PyResult<()> {
        let batch = batch.into_inner();
        enter(py, None, |tick| {
            let mut writer = lock(&self.writer);
            writer
                .as_mut()
                .map_or(Ok(()), |writer| writer.push(batch, tick))
        })
    }

    /// Ends the file and gives it its name; the number of its rows.
    fn finish(&self, py: Python<'_>) -> PyResult<u64> {
        enter(py, None, |tick| {
            let writer = lock(&self.writer).take();
            writer.map_or(Ok(0), |writer| writer.finish(tick))
        })
    }

    /// Removes what is there of the file.
    fn drop(&self, py: Python<'_>) -> PyResult<()> {
        enter(py, None, |_| {
            drop(lock(&self.writer).take());
            Ok(())
        })
    }
}

/// Checks that a path can hold columns.
#[pyfunction]
#[pyo3(signature = (path, schema, *, nested, array))]
pub(crate) fn check_writable(
    path: PathBuf,
    schema: Option<PySchema>,
    nested: Option<bool>,
    array: bool,
) -> PyResult<()> {
    let how = writing(nested, array, true, true, 1);
    let schema = schema.map(PySchema::into_inner);
    formats::check_writable(&path, schema.as_ref(), &how).map_err(|error| to_py(&error))
}

/// Writes a stream to a file, reading beside writing: the number of rows, and what was skipped.
#[pyfunction]
#[pyo3(signature = (stream, path, *, nested, array, header, quoting, threads, progress=None))]
#[expect(clippy::too_many_arguments, reason = "the options of one call")]
pub(crate) fn write_stream(
    py: Python<'_>,
    stream: &FileStream,
    path: PathBuf,
    nested: Option<bool>,
    array: bool,
    header: bool,
    quoting: bool,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<(u64, SkippedRows)> {
    let how = writing(nested, array, header, quoting, threads);
    let stream = Arc::clone(&stream.stream);
    let (rows, skipped) = enter(py, progress, |tick| {
        formats::convert(&stream, &path, &how, tick)
    })?;
    Ok((rows, told(&skipped)))
}

/// Writes whatever has an Arrow C stream or array: the number of rows.
#[pyfunction]
#[pyo3(signature = (source, path, *, nested, array, header, quoting, threads))]
#[expect(clippy::too_many_arguments, reason = "the options of one call")]
pub(crate) fn write_arrow(
    py: Python<'_>,
    source: AnyRecordBatch,
    path: PathBuf,
    nested: Option<bool>,
    array: bool,
    header: bool,
    quoting: bool,
    threads: usize,
) -> PyResult<u64> {
    let how = writing(nested, array, header, quoting, threads);
    let reader = source.into_reader()?;
    enter(py, None, |tick| {
        let mut writer = formats::Writer::new(&path, &reader.schema(), &how)?;
        for batch in reader {
            let unsound = |error: ArrowError| Error::argument("batches", "be sound", error);
            writer.push(batch.map_err(unsound)?, tick)?;
        }
        writer.finish(tick)
    })
}

fn writing(
    nested: Option<bool>,
    array: bool,
    header: bool,
    quoting: bool,
    threads: usize,
) -> Writing {
    Writing {
        is_nested: nested,
        is_array: array,
        has_header: header,
        is_quoted: quoting,
        threads,
    }
}

fn kinds(schema: &SchemaRef) -> Vec<(String, String)> {
    let fields = schema.fields().iter();
    fields
        .map(|field| (field.name().clone(), kind(field.data_type())))
        .collect()
}

fn on_error_of(name: &str) -> PyResult<OnError> {
    match name {
        "raise" => Ok(OnError::Raise),
        "skip" => Ok(OnError::Skip),
        other => Err(PyValueError::new_err(format!(
            "`on_error` must be `raise` or `skip`, got `{other}`"
        ))),
    }
}

/// What was skipped, as Python gets it.
pub(crate) fn told(skipped: &Skipped) -> SkippedRows {
    let rows = skipped.rows.iter();
    let rows = rows.map(|row| (row.file.display().to_string(), row.row, row.reason.clone()));
    (skipped.count, rows.collect())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
