//! Columns of texts in, by the Arrow C data interface (`PyCapsule`, nothing copied) or from a Python list; arrays out.

use std::sync::Arc;

use arrow_array::builder::LargeStringBuilder;
use arrow_array::{Array as _, ArrayRef, LargeStringArray};
use arrow_schema::{DataType, Field};
use foolsgold_core::texts::Column;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};
use pyo3_arrow::PyArray;
use pyo3_arrow::input::AnyArray;

/// The texts of `value`: an object with `__arrow_c_stream__` or `__arrow_c_array__`, or a list or tuple of `str`.
pub(crate) fn texts(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Column> {
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        let texts = from_sequence(name, value)?;
        return Ok(Column::new(name, vec![Arc::new(texts)]));
    }
    let kind = value.get_type().name()?;
    let wanted = || format!("`{name}` must be an Arrow column or a list of str, got {kind}");
    if !(value.hasattr("__arrow_c_stream__")? || value.hasattr("__arrow_c_array__")?) {
        return Err(PyTypeError::new_err(wanted()));
    }
    let array: AnyArray = value
        .extract()
        .map_err(|error: PyErr| PyTypeError::new_err(format!("{}: {error}", wanted())))?;
    let (chunks, _) = array.into_chunked_array()?.into_inner();
    Ok(Column::new(name, chunks))
}

fn from_sequence(name: &str, value: &Bound<'_, PyAny>) -> PyResult<LargeStringArray> {
    let mut texts = LargeStringBuilder::new();
    for (row, item) in value.try_iter()?.enumerate() {
        let item = item?;
        if item.is_none() {
            return Err(PyValueError::new_err(format!(
                "`{name}` must not be null, got None at row {row}"
            )));
        }
        let Ok(text) = item.cast::<PyString>() else {
            let got = item.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "`{name}` must hold str, got {got} at row {row}"
            )));
        };
        let text = text.to_cow().map_err(|error| {
            PyValueError::new_err(format!(
                "`{name}` must be valid Unicode at row {row}, got {error}"
            ))
        })?;
        texts.append_value(text);
    }
    Ok(texts.finish())
}

/// The chunks of `value`, an object with `__arrow_c_stream__` or `__arrow_c_array__`, of any type.
pub(crate) fn chunks(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<ArrayRef>> {
    let array: AnyArray = value.extract().map_err(|error: PyErr| {
        PyTypeError::new_err(format!("`{name}` must be an Arrow column: {error}"))
    })?;
    Ok(array.into_chunked_array()?.into_inner().0)
}

/// An array of any type as Python sees it, sharing the buffers.
pub(crate) fn from_array(array: &ArrayRef) -> PyArray {
    let field = Field::new("item", array.data_type().clone(), true);
    PyArray::new(array.clone(), Arc::new(field))
}

/// An array as Python sees it: an object with `__arrow_c_array__`, sharing the buffers.
pub(crate) fn from_strings(array: &LargeStringArray) -> PyArray {
    let field = Field::new("text", DataType::LargeUtf8, array.null_count() > 0);
    PyArray::new(Arc::new(array.clone()), Arc::new(field))
}
