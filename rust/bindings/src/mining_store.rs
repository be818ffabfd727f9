//! Tables on disk.

use std::path::PathBuf;
use std::sync::Mutex;

use foolsgold_core::mining::store::{self, Column, Manifest, Store, Values};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::arrays;
use crate::enter::enter;
use crate::error::to_py;

/// A name, where the lists begin if they are lists, and the values.
type Named<'py> = (String, Option<Bound<'py, PyAny>>, Bound<'py, PyAny>);

/// Count, mean, standard deviation, least, three quartiles, greatest.
type Statistics = (u64, f64, f64, f32, [f64; 3], f32);

/// A folder of parts, each of a fixed range of queries.
#[pyclass(frozen, module = "foolsgold._core")]
#[derive(Debug)]
pub(crate) struct CandidateStore {
    store: Store,
}

#[pymethods]
impl CandidateStore {
    /// Opens a folder to write what is missing in it; `key` is a JSON object of what decides the content.
    #[staticmethod]
    #[pyo3(signature = (folder, *, queries, part_rows, key, progress=None))]
    fn create(
        py: Python<'_>,
        folder: PathBuf,
        queries: u32,
        part_rows: u32,
        key: &str,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let store = enter(py, progress, |tick| {
            let manifest = Manifest::new(queries, part_rows, key)?;
            Store::create(&folder, manifest, tick)
        })?;
        Ok(Self { store })
    }

    /// Opens a folder to read it.
    #[staticmethod]
    fn open(py: Python<'_>, folder: PathBuf) -> PyResult<Self> {
        let store = enter(py, None, |_| Store::open(&folder))?;
        Ok(Self { store })
    }

    /// How many queries there are.
    #[getter]
    fn queries(&self) -> u32 {
        self.store.manifest().queries()
    }

    /// How many parts there are to be.
    #[getter]
    fn parts(&self) -> u32 {
        self.store.manifest().parts()
    }

    /// What decides the content, as a JSON object.
    #[getter]
    fn key(&self) -> String {
        self.store.manifest().key()
    }

    /// The parts that are not there.
    #[getter]
    fn missing(&self) -> Vec<u32> {
        self.store.missing()
    }

    /// The files that did not match their checksums, and were removed.
    #[getter]
    fn damaged(&self) -> Vec<PathBuf> {
        self.store.damaged().to_vec()
    }

    /// The first query of a part, and the first after it.
    fn rows(&self, part: u32) -> PyResult<(u32, u32)> {
        let rows = self.store.rows(part).map_err(|error| to_py(&error))?;
        Ok((rows.start, rows.end))
    }

    /// Writes a part.
    #[pyo3(signature = (part, columns, *, progress=None))]
    fn write(
        &self,
        py: Python<'_>,
        part: u32,
        columns: Vec<Named<'_>>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let columns = columns
            .iter()
            .map(|(name, offsets, values)| unpack(name, offsets.as_ref(), values))
            .collect::<PyResult<Vec<_>>>()?;
        enter(py, progress, |tick| self.store.write(part, &columns, tick))
    }

    /// Reads the columns of these names, or all.
    #[pyo3(signature = (part, names=None, *, progress=None))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        part: u32,
        names: Option<Vec<String>>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Vec<Named<'py>>> {
        let names: Option<Vec<&str>> = names
            .as_ref()
            .map(|names| names.iter().map(String::as_str).collect());
        let columns = enter(py, progress, |tick| {
            self.store.read(part, names.as_deref(), tick)
        })?;
        Ok(columns.into_iter().map(|column| pack(py, column)).collect())
    }

    /// Statistics of a column of float32, in the memory of one part.
    #[pyo3(signature = (name, *, progress=None))]
    fn statistics(
        &self,
        py: Python<'_>,
        name: &str,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Statistics> {
        let found = enter(py, progress, |tick| self.store.statistics(name, tick))?;
        Ok((
            found.count,
            found.mean,
            found.std,
            found.min,
            found.quartiles,
            found.max,
        ))
    }

    /// How many queries have fewer than `wanted` values in a column of lists.
    #[pyo3(signature = (name, wanted, *, progress=None))]
    fn num_short(
        &self,
        py: Python<'_>,
        name: &str,
        wanted: u64,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<u64> {
        enter(py, progress, |tick| {
            self.store.num_short(name, wanted, tick)
        })
    }

    /// Lets others write in the folder.
    fn close(&self) {
        self.store.close();
    }
}

/// A folder that one writer has at a time.
#[pyclass(frozen, module = "foolsgold._core")]
#[derive(Debug)]
pub(crate) struct FolderLock {
    lock: Mutex<Option<store::FolderLock>>,
}

#[pymethods]
impl FolderLock {
    #[new]
    fn new(py: Python<'_>, folder: PathBuf) -> PyResult<Self> {
        let lock = enter(py, None, |_| store::FolderLock::new(&folder))?;
        Ok(Self {
            lock: Mutex::new(Some(lock)),
        })
    }

    /// Lets others write in the folder.
    fn close(&self) {
        let mut lock = self
            .lock
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *lock = None;
    }
}

/// 64 bits of bytes.
#[pyfunction]
pub(crate) fn checksum(py: Python<'_>, bytes: &Bound<'_, PyAny>) -> PyResult<u64> {
    let bytes = arrays::column::<u8>("bytes", bytes)?;
    let bytes = arrays::slice(&bytes);
    enter(py, None, |_| Ok(store::checksum(bytes)))
}

fn unpack(
    name: &str,
    offsets: Option<&Bound<'_, PyAny>>,
    values: &Bound<'_, PyAny>,
) -> PyResult<Column> {
    let copy =
        |offsets| Ok::<_, PyErr>(arrays::slice(&arrays::column::<u64>(name, offsets)?).to_vec());
    let kind = values.getattr("dtype").map(|kind| kind.to_string());
    macro_rules! values {
        ($kind:ident) => {
            Values::$kind(arrays::slice(&arrays::column(name, values)?).to_vec())
        };
    }
    let values = match kind.as_deref().unwrap_or("no array") {
        "uint8" => values!(U8),
        "uint16" => values!(U16),
        "uint32" => values!(U32),
        "uint64" => values!(U64),
        "float32" => values!(F32),
        "float64" => values!(F64),
        kind => {
            let rule = "an array of uint8, uint16, uint32, uint64, float32 or float64";
            let message = format!("`{name}` must be {rule}, got {kind}");
            return Err(PyTypeError::new_err(message));
        }
    };
    Ok(Column {
        name: name.into(),
        offsets: offsets.map(copy).transpose()?,
        values,
    })
}

fn pack(py: Python<'_>, column: Column) -> Named<'_> {
    let values = match column.values {
        Values::U8(values) => arrays::from_vec(py, values).into_any(),
        Values::U16(values) => arrays::from_vec(py, values).into_any(),
        Values::U32(values) => arrays::from_vec(py, values).into_any(),
        Values::U64(values) => arrays::from_vec(py, values).into_any(),
        Values::F32(values) => arrays::from_vec(py, values).into_any(),
        Values::F64(values) => arrays::from_vec(py, values).into_any(),
    };
    let offsets = column
        .offsets
        .map(|offsets| arrays::from_vec(py, offsets).into_any());
    (column.name, offsets, values)
}
