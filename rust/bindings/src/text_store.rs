//! Texts on disk.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use foolsgold_core::texts::Texts;
use foolsgold_core::texts::store::{self, Builder, Chosen, IdsOf, StoredColumn};
use foolsgold_core::{Result, tick::Tick};
use numpy::PyArray1;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3_arrow::PyArray;

use crate::enter::enter;
use crate::error::to_py;
use crate::near_duplicates::{NearDuplicates, NearOptions, near_duplicates_of};
use crate::texts::twins_of;
use crate::{arrays, arrow};

/// Ids, offsets and block hashes of a column; each may be missing.
type Column<'py> = (
    Option<Bound<'py, PyAny>>,
    Option<Bound<'py, PyAny>>,
    Option<Bound<'py, PyAny>>,
);
/// Rows, ids, whether there are lists, block hashes, checksums of ids and of offsets.
type Written = (u64, u64, bool, Vec<u64>, u64, Option<u64>);
/// The texts, and the ids of each column where they are others than those that came.
type Interned<'py> = (StoredTexts, Vec<Option<Bound<'py, PyArray1<u32>>>>);

/// A folder of distinct texts.
#[pyclass(frozen, module = "foolsgold._core")]
#[derive(Debug)]
pub(crate) struct TextStore {
    store: Arc<store::TextStore>,
}

#[pymethods]
impl TextStore {
    #[new]
    fn new(py: Python<'_>, folder: PathBuf) -> PyResult<Self> {
        let store = enter(py, None, |_| store::TextStore::open(&folder))?;
        Ok(Self {
            store: Arc::new(store),
        })
    }

    /// 64 bits of all texts in order.
    #[getter]
    fn fingerprint(&self) -> u64 {
        self.store.fingerprint()
    }

    /// The bytes of all texts.
    #[getter]
    fn num_bytes(&self) -> u64 {
        self.store.num_bytes()
    }

    fn __len__(&self) -> usize {
        self.store.len()
    }

    fn __getitem__(&self, id: usize) -> PyResult<&str> {
        text(&self.store, u32::try_from(id).ok(), id)
    }

    /// The texts of `ids`, as Python strings.
    fn take(&self, ids: &Bound<'_, PyAny>) -> PyResult<Vec<&str>> {
        let ids = arrays::column::<u32>("ids", ids)?;
        let ids = arrays::slice(&ids).iter();
        ids.map(|&id| text(&self.store, Some(id), id as usize))
            .collect()
    }

    /// All texts in the order of their ids, as an Arrow array over the map.
    #[pyo3(signature = (*, threads, progress=None))]
    fn distinct(
        &self,
        py: Python<'_>,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<PyArray> {
        let found = enter(py, progress, |tick| self.store.distinct(threads, tick))?;
        Ok(arrow::from_strings(found))
    }

    /// The texts of a column's ids as an Arrow array of views, lists where there are offsets.
    fn column(
        &self,
        py: Python<'_>,
        ids: &Bound<'_, PyAny>,
        offsets: Option<&Bound<'_, PyAny>>,
        threads: usize,
    ) -> PyResult<PyArray> {
        let ids = arrays::column::<u32>("ids", ids)?;
        let offsets = offsets.map(|offsets| arrays::column::<i64>("offsets", offsets));
        let offsets = offsets.transpose()?;
        let (ids, cuts) = (arrays::slice(&ids), offsets.as_ref().map(arrays::slice));
        let found = enter(py, None, |tick| self.store.column(ids, cuts, threads, tick))?;
        Ok(arrow::from_array(&found))
    }

    /// Compares all texts with the fingerprint.
    #[pyo3(signature = (*, threads, progress=None))]
    fn verify(&self, py: Python<'_>, threads: usize, progress: Option<Py<PyAny>>) -> PyResult<()> {
        enter(py, progress, |tick| self.store.verify(threads, tick))
    }

    /// Interns columns of ids; `None` in place of ids is the whole store.
    #[pyo3(signature = (columns, *, threads, progress=None))]
    fn intern<'py>(
        &self,
        py: Python<'py>,
        columns: Vec<Column<'py>>,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Interned<'py>> {
        let columns = columns.iter().map(Arrays::new);
        let columns = columns.collect::<PyResult<Vec<_>>>()?;
        let views: Vec<IdsOf<'_>> = columns.iter().map(Arrays::view).collect();
        let found = enter(py, progress, |tick| {
            self.store.intern(&views, threads, tick)
        })?;
        let texts = StoredTexts {
            store: Arc::clone(&self.store),
            chosen: found.texts,
            fingerprint: found.fingerprint,
            texts: OnceLock::new(),
        };
        let pack = |ids: Option<Vec<u32>>| ids.map(|ids| arrays::from_vec(py, ids));
        Ok((texts, found.columns.into_iter().map(pack).collect()))
    }
}

/// The arrays of a column, checked.
struct Arrays<'py> {
    ids: Option<arrays::Column<'py, u32>>,
    offsets: Option<arrays::Column<'py, i64>>,
    hashes: Option<arrays::Column<'py, u64>>,
}

impl<'py> Arrays<'py> {
    fn new((ids, offsets, hashes): &Column<'py>) -> PyResult<Self> {
        let ids = ids.as_ref().map(|ids| arrays::column("ids", ids));
        let offsets = offsets.as_ref().map(|cuts| arrays::column("offsets", cuts));
        let hashes = hashes.as_ref().map(|all| arrays::column("hashes", all));
        Ok(Self {
            ids: ids.transpose()?,
            offsets: offsets.transpose()?,
            hashes: hashes.transpose()?,
        })
    }

    fn view(&self) -> IdsOf<'_> {
        IdsOf {
            ids: self.ids.as_ref().map(arrays::slice),
            offsets: self.offsets.as_ref().map(arrays::slice),
            block_hashes: self.hashes.as_ref().map(arrays::slice),
        }
    }
}

/// Some of a store's texts, as if they had been interned.
#[pyclass(frozen, module = "foolsgold._core")]
#[derive(Debug)]
pub(crate) struct StoredTexts {
    store: Arc<store::TextStore>,
    chosen: Chosen,
    #[pyo3(get)]
    fingerprint: u64,
    /// Made for what looks at all of them.
    texts: OnceLock<Texts>,
}

impl StoredTexts {
    fn texts(&self, threads: usize, tick: &mut Tick<'_>) -> Result<&Texts> {
        if let Some(texts) = self.texts.get() {
            return Ok(texts);
        }
        let texts = self.store.texts(&self.chosen, threads, tick)?;
        Ok(self.texts.get_or_init(|| texts))
    }
}

#[pymethods]
impl StoredTexts {
    fn __len__(&self) -> usize {
        self.chosen.len()
    }

    fn __getitem__(&self, id: usize) -> PyResult<&str> {
        let found = u32::try_from(id).ok().and_then(|id| self.chosen.id(id));
        let Some(found) = found else {
            let len = self.chosen.len();
            let message = format!("`id` must be below {len}, got {id}");
            return Err(PyIndexError::new_err(message));
        };
        text(&self.store, Some(found), id)
    }

    /// The texts of `ids`, as Python strings.
    fn take(&self, ids: &Bound<'_, PyAny>) -> PyResult<Vec<&str>> {
        let ids = arrays::column::<u32>("ids", ids)?;
        let ids = arrays::slice(&ids).iter();
        ids.map(|&id| self.__getitem__(id as usize)).collect()
    }

    /// The store's ids of these texts; `None` where they are its first ones.
    fn store_ids<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray1<u32>>> {
        match &self.chosen {
            Chosen::First(_) => None,
            Chosen::Listed(ids) => Some(PyArray1::from_slice(py, ids)),
        }
    }

    /// The texts in the order of their ids, as an Arrow array: over the map where they are the store's first ones.
    fn distinct(&self, py: Python<'_>) -> PyResult<PyArray> {
        let threads = foolsgold_core::pool::available();
        let texts = enter(py, None, |tick| Ok(self.texts(threads, tick)?.distinct()))?;
        Ok(arrow::from_strings(texts))
    }

    /// For each id the number of its class of texts that are equal when normalised.
    #[pyo3(signature = (*, threads, progress=None))]
    fn twins<'py>(
        &self,
        py: Python<'py>,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyArray1<u32>>> {
        twins_of(py, |tick| self.texts(threads, tick), threads, progress)
    }

    /// The near-duplicates among the texts.
    #[pyo3(signature = (options, *, threads, progress=None))]
    fn near_duplicates<'py>(
        &self,
        py: Python<'py>,
        options: NearOptions,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<NearDuplicates<'py>> {
        let texts = |tick: &mut Tick<'_>| self.texts(threads, tick);
        near_duplicates_of(py, texts, options, threads, progress)
    }
}

fn text(store: &store::TextStore, id: Option<u32>, asked: usize) -> PyResult<&str> {
    let found = match id {
        Some(id) => store.get(id).map_err(|error| to_py(&error))?,
        None => None,
    };
    let len = store.len();
    found.ok_or_else(|| PyIndexError::new_err(format!("`id` must be below {len}, got {asked}")))
}

/// Writes a store from a stream of columns.
#[pyclass(frozen, module = "foolsgold._core")]
#[derive(Debug)]
pub(crate) struct TextStoreBuilder {
    builder: Mutex<Option<Builder>>,
}

#[pymethods]
impl TextStoreBuilder {
    #[new]
    #[pyo3(signature = (folder, columns, *, ids_folder=None, append=false, threads, progress=None))]
    fn new(
        py: Python<'_>,
        folder: PathBuf,
        columns: Vec<String>,
        ids_folder: Option<PathBuf>,
        append: bool,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let ids = ids_folder.as_deref();
        let builder = enter(py, progress, |tick| {
            if append {
                Builder::append(&folder, &columns, ids, threads, tick)
            } else {
                Builder::create(&folder, &columns, ids)
            }
        })?;
        Ok(Self {
            builder: Mutex::new(Some(builder)),
        })
    }

    /// Takes further rows of all columns; what fails ends the writing.
    fn push(
        &self,
        py: Python<'_>,
        columns: Vec<(String, Bound<'_, PyAny>)>,
        threads: usize,
    ) -> PyResult<()> {
        let columns = columns.iter();
        let columns = columns.map(|(name, value)| arrow::texts(name, value));
        let columns = columns.collect::<PyResult<Vec<_>>>()?;
        let mut builder = self.take()?;
        let builder = enter(py, None, |tick| {
            builder.push(columns, threads, tick)?;
            Ok(builder)
        })?;
        self.put(builder);
        Ok(())
    }

    /// Lets the texts count; says what was written of each column.
    #[pyo3(signature = (*, progress=None))]
    fn finish(&self, py: Python<'_>, progress: Option<Py<PyAny>>) -> PyResult<Vec<Written>> {
        let builder = self.take()?;
        let (_, columns) = enter(py, progress, |tick| builder.finish(tick))?;
        Ok(columns.into_iter().map(written).collect())
    }

    /// Gives up: what was written does not count.
    fn close(&self) {
        drop(self.take());
    }
}

impl TextStoreBuilder {
    fn take(&self) -> PyResult<Builder> {
        let mut builder = self.builder.lock().unwrap_or_else(PoisonError::into_inner);
        let message = "`store` must be open to be written, got a closed one";
        builder.take().ok_or_else(|| PyValueError::new_err(message))
    }

    fn put(&self, open: Builder) {
        let mut builder = self.builder.lock().unwrap_or_else(PoisonError::into_inner);
        *builder = Some(open);
    }
}

fn written(column: StoredColumn) -> Written {
    (
        column.rows,
        column.ids,
        column.is_ragged,
        column.block_hashes,
        column.ids_checksum,
        column.offsets_checksum,
    )
}
