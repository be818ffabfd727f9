//! What a data set holds, counted.

use std::path::PathBuf;

use foolsgold_core::checking::{self, Cells, Ids, Key, Values};
use foolsgold_core::formats::{self, Streaming};
use foolsgold_core::tick::Tick;
use numpy::PyArray1;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;

use crate::arrays::{self, Column};
use crate::arrow;
use crate::enter::enter;
use crate::error::to_py;
use crate::formats::Table;
use crate::near_duplicates::{
    NearDuplicates, NearOptions, Overlap, near_duplicates_of, near_options, overlap,
};
use crate::streams::{SkippedRows, told};
use crate::texts::twins_of;

type Array<'py, T> = Bound<'py, PyArray1<T>>;
/// What the values are, which rows are null, where lists begin, which values are null, the values.
type Examination<'py> = (
    &'static str,
    Array<'py, bool>,
    Option<Array<'py, i64>>,
    Array<'py, bool>,
    Option<Bound<'py, PyAny>>,
);
/// Ids and where lists begin in them.
type IdColumn<'py> = (Column<'py, u32>, Option<Column<'py, i64>>);

/// The distinct texts of some columns.
#[pyclass(frozen, module = "foolsgold._core")]
#[derive(Debug)]
pub(crate) struct Examined {
    examined: checking::Examined,
}

#[pymethods]
impl Examined {
    fn __len__(&self) -> usize {
        self.examined.texts.len()
    }

    fn __getitem__(&self, id: usize) -> PyResult<&str> {
        let texts = &self.examined.texts;
        let text = u32::try_from(id).ok().and_then(|id| texts.get(id));
        text.ok_or_else(|| {
            PyIndexError::new_err(format!("`id` must be below {}, got {id}", texts.len()))
        })
    }

    /// The flags of each distinct text, and its characters.
    fn traits<'py>(&self, py: Python<'py>) -> (Array<'py, u8>, Array<'py, u32>) {
        let traits = &self.examined.traits;
        (
            PyArray1::from_slice(py, &traits.flags),
            PyArray1::from_slice(py, &traits.lengths),
        )
    }

    /// For each id the number of its class of texts that are equal when normalised.
    #[pyo3(signature = (*, threads, progress=None))]
    fn twins<'py>(
        &self,
        py: Python<'py>,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Array<'py, u32>> {
        twins_of(py, |_| Ok(&self.examined.texts), threads, progress)
    }

    /// The near-duplicates among all distinct texts.
    #[pyo3(signature = (options, *, threads, progress=None))]
    fn near_duplicates<'py>(
        &self,
        py: Python<'py>,
        options: NearOptions,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<NearDuplicates<'py>> {
        let texts = |_: &mut Tick<'_>| Ok(&self.examined.texts);
        near_duplicates_of(py, texts, options, threads, progress)
    }

    /// The near-duplicates that two sets of texts share, given by ids.
    #[pyo3(signature = (left, right, options, *, threads, progress=None))]
    fn near_duplicates_between<'py>(
        &self,
        py: Python<'py>,
        left: &Bound<'py, PyAny>,
        right: &Bound<'py, PyAny>,
        options: NearOptions,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Overlap<'py>> {
        let left = arrays::column::<u32>("left", left)?;
        let right = arrays::column::<u32>("right", right)?;
        let (left, right, options) = (
            arrays::slice(&left),
            arrays::slice(&right),
            near_options(options),
        );
        let found = enter(py, progress, |tick| {
            self.examined
                .near_duplicates_between(left, right, &options, threads, tick)
        })?;
        Ok(overlap(py, options, found))
    }
}

/// Turns columns into ids and numbers.
#[pyfunction]
#[pyo3(signature = (columns, *, threads, progress=None))]
pub(crate) fn examine<'py>(
    py: Python<'py>,
    columns: Vec<(String, Bound<'py, PyAny>)>,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Examined, Vec<Examination<'py>>)> {
    let columns = columns
        .into_iter()
        .map(|(name, value)| arrow::chunks(&name, &value).map(|chunks| (name, chunks)))
        .collect::<PyResult<Vec<_>>>()?;
    let mut examined = enter(py, progress, |tick| {
        checking::Examined::new(&columns, threads, tick)
    })?;
    let cells = std::mem::take(&mut examined.columns);
    let cells = cells.into_iter().map(|cells| pack(py, cells)).collect();
    Ok((Examined { examined }, cells))
}

fn pack(py: Python<'_>, cells: Cells) -> Examination<'_> {
    let (kind, values) = match cells.values {
        Values::Nulls => ("null", None),
        Values::Other => ("other", None),
        Values::Texts(ids) => ("text", Some(arrays::from_vec(py, ids).into_any())),
        Values::Whole(values) => ("int64", Some(arrays::from_vec(py, values).into_any())),
        Values::Fractions(values) => ("float64", Some(arrays::from_vec(py, values).into_any())),
        Values::Flags(values) => ("bool", Some(arrays::from_vec(py, values).into_any())),
    };
    (
        kind,
        arrays::from_vec(py, cells.is_null),
        cells.offsets.map(|offsets| arrays::from_vec(py, offsets)),
        arrays::from_vec(py, cells.is_null_value),
        values,
    )
}

fn ids<'a>(column: &'a IdColumn<'_>) -> PyResult<Ids<'a>> {
    let offsets = column.1.as_ref().map(|offsets| arrays::slice(offsets));
    Ids::new(arrays::slice(&column.0), offsets).map_err(|error| to_py(&error))
}

fn all_ids<'a>(columns: &'a [IdColumn<'_>]) -> PyResult<Vec<Ids<'a>>> {
    columns.iter().map(ids).collect()
}

/// For each row the first one that is equal to it in all ids and words.
#[pyfunction]
#[pyo3(signature = (columns, words, num_rows, *, progress=None))]
pub(crate) fn equal_rows<'py>(
    py: Python<'py>,
    columns: Vec<IdColumn<'py>>,
    words: Vec<Column<'py, u64>>,
    num_rows: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Array<'py, u32>> {
    let mut keys: Vec<Key<'_>> = all_ids(&columns)?.into_iter().map(Key::Ids).collect();
    keys.extend(words.iter().map(|words| Key::Words(arrays::slice(words))));
    let firsts = enter(py, progress, |tick| {
        checking::equal_rows(&keys, num_rows, tick)
    })?;
    Ok(arrays::from_vec(py, firsts))
}

/// For each value of `right` whether its row of `left` has it too.
#[pyfunction]
pub(crate) fn shared<'py>(
    py: Python<'py>,
    left: IdColumn<'py>,
    right: IdColumn<'py>,
) -> PyResult<Array<'py, bool>> {
    let (left, right) = (ids(&left)?, ids(&right)?);
    let found = enter(py, None, |tick| checking::shared(left, right, tick))?;
    Ok(arrays::from_vec(py, found))
}

/// For each value of each of `negatives` whether it is a positive of its row's anchor, in any row.
#[pyfunction]
pub(crate) fn known_positives<'py>(
    py: Python<'py>,
    anchors: Column<'py, u32>,
    positives: Vec<IdColumn<'py>>,
    negatives: Vec<IdColumn<'py>>,
) -> PyResult<Vec<Array<'py, bool>>> {
    let (positives, negatives) = (all_ids(&positives)?, all_ids(&negatives)?);
    let anchors = arrays::slice(&anchors);
    let found = enter(py, None, |tick| {
        checking::known_positives(anchors, &positives, &negatives, tick)
    })?;
    Ok(found
        .into_iter()
        .map(|mask| arrays::from_vec(py, mask))
        .collect())
}

/// The table, what was left out of it, and by name what the rows of columns of several kinds hold.
type Sound<'py> = (Table, SkippedRows, Vec<(String, Array<'py, u8>)>);

/// Reads files of one schema without the rows that break their format.
#[pyfunction]
#[pyo3(signature = (files, *, threads, progress=None))]
pub(crate) fn read_sound(
    py: Python<'_>,
    files: Vec<PathBuf>,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<Sound<'_>> {
    let sound = enter(py, progress, |tick| {
        formats::read_sound(&files, threads, Streaming::default().block_bytes, tick)
    })?;
    let mixed = sound.mixed.into_iter();
    let mixed = mixed.map(|column| (column.name, arrays::from_vec(py, column.kinds)));
    let table = Table { table: sound.table };
    Ok((table, told(&sound.skipped), mixed.collect()))
}
