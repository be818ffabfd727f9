//! `NumPy` arrays in (type, shape and order checked, never cast) and out.
//!
//! A borrowed array must not be written while the core works: `NumPy`'s own borrow flags are held for the call, but torch
//! and other views of the same memory do not see them.

use foolsgold_core::mining::{self, Values};
use foolsgold_core::{Result, view::Groups};
use half::f16;
use half::slice::HalfBitsSliceExt as _;
use numpy::{
    Element, PyArray1, PyArray2, PyArrayDescrMethods as _, PyArrayMethods as _, PyReadonlyArray,
    PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::error::to_py;

/// A one-dimensional array of `T`, borrowed.
pub(crate) type Column<'py, T> = PyReadonlyArray<'py, T, numpy::Ix1>;
/// A two-dimensional array of `T`, borrowed.
pub(crate) type Rows<'py, T> = PyReadonlyArray<'py, T, numpy::Ix2>;

/// `value` as a C-contiguous array of `T` with the dimensions of `D`.
fn array<'py, T: Element, D: numpy::ndarray::Dimension>(
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<PyReadonlyArray<'py, T, D>> {
    let wanted = numpy::dtype::<T>(value.py());
    let Ok(untyped) = value.cast::<PyUntypedArray>() else {
        let got = value.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "`{name}` must be a NumPy array of {wanted}, got {got}"
        )));
    };
    if !untyped.dtype().is_equiv_to(&wanted) {
        let got = untyped.dtype();
        return Err(PyTypeError::new_err(format!(
            "`{name}` must be a NumPy array of {wanted}, got {got}"
        )));
    }
    let (dimensions, got) = (D::NDIM.unwrap_or(1), untyped.ndim());
    if got != dimensions {
        return Err(PyValueError::new_err(format!(
            "`{name}` must have {dimensions} dimensions, got {got}"
        )));
    }
    let typed: PyReadonlyArray<'py, T, D> = value.extract().map_err(|error: PyErr| {
        PyValueError::new_err(format!(
            "`{name}` must not be written while it is read: {error}"
        ))
    })?;
    if !untyped.is_c_contiguous() {
        return Err(PyValueError::new_err(format!(
            "`{name}` must be C-contiguous, got strides {:?}",
            untyped.strides()
        )));
    }
    Ok(typed)
}

/// A one-dimensional array of `T`.
pub(crate) fn column<'py, T: Element>(
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<Column<'py, T>> {
    array(name, value)
}

/// A two-dimensional array of `T`.
pub(crate) fn rows<'py, T: Element>(
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<Rows<'py, T>> {
    array(name, value)
}

/// The values of an array that `array` has checked.
pub(crate) fn slice<'a, T: Element, D: numpy::ndarray::Dimension>(
    checked: &'a PyReadonlyArray<'_, T, D>,
) -> &'a [T] {
    checked.as_slice().unwrap_or_default()
}

/// Embeddings, borrowed: float32, float16, or uint16 for the bits of bfloat16, which `NumPy` has not.
pub(crate) enum Embeddings<'py> {
    F32(Rows<'py, f32>),
    F16(Rows<'py, f16>),
    Bf16(Rows<'py, u16>),
}

impl<'py> Embeddings<'py> {
    pub(crate) fn new(name: &str, value: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = value.py();
        let dtype = value
            .cast::<PyUntypedArray>()
            .ok()
            .map(PyUntypedArrayMethods::dtype);
        let is = |wanted| {
            dtype
                .as_ref()
                .is_some_and(|dtype| dtype.is_equiv_to(&wanted))
        };
        if is(numpy::dtype::<f16>(py)) {
            rows(name, value).map(Self::F16)
        } else if is(numpy::dtype::<u16>(py)) {
            rows(name, value).map(Self::Bf16)
        } else {
            rows(name, value).map(Self::F32)
        }
    }

    /// The core's view.
    pub(crate) fn view(&self, name: &str) -> PyResult<mining::Rows<'_>> {
        let (values, shape) = match self {
            Self::F32(rows) => (Values::F32(slice(rows)), rows.shape()),
            Self::F16(rows) => (Values::F16(slice(rows)), rows.shape()),
            Self::Bf16(rows) => (Values::Bf16(slice(rows).reinterpret_cast()), rows.shape()),
        };
        mining::Rows::new(name, values, shape[0], shape[1]).map_err(|error| to_py(&error))
    }
}

/// The core's view of ragged lists whose values are below `bound`.
pub(crate) fn groups<'a>(
    name: &str,
    offsets: &'a Column<'_, i64>,
    values: &'a Column<'_, u32>,
    bound: usize,
) -> Result<Groups<'a>> {
    Groups::new(name, slice(offsets), slice(values), bound)
}

/// A fresh one-dimensional array.
pub(crate) fn from_vec<T: Element>(py: Python<'_>, values: Vec<T>) -> Bound<'_, PyArray1<T>> {
    PyArray1::from_vec(py, values)
}

/// A fresh array of `width` columns.
pub(crate) fn table_from_vec<T: Element>(
    py: Python<'_>,
    values: Vec<T>,
    width: usize,
) -> PyResult<Bound<'_, PyArray2<T>>> {
    let rows = values.len().checked_div(width).unwrap_or(0);
    PyArray1::from_vec(py, values).reshape([rows, width])
}
