//! The one table from the core's errors to Python's built-in exceptions.

use std::io::ErrorKind;

use foolsgold_core::Error;
use pyo3::PyErr;
use pyo3::exceptions::{
    PyFileNotFoundError, PyIsADirectoryError, PyOSError, PyPermissionError, PyRuntimeError,
    PyValueError,
};

pub(crate) fn to_py(error: &Error) -> PyErr {
    let text = error.to_string();
    // The system's words, without its number.
    let text = match (error, text.split_once(" (os error ")) {
        (Error::Io { .. }, Some((words, rest))) => {
            let after = rest.split_once(')').map_or("", |(_, after)| after);
            format!("{words}{after}")
        }
        _ => text,
    };
    match error {
        Error::Io { source, .. } => match source.kind() {
            ErrorKind::NotFound => PyFileNotFoundError::new_err(text),
            ErrorKind::PermissionDenied => PyPermissionError::new_err(text),
            ErrorKind::IsADirectory => PyIsADirectoryError::new_err(text),
            _ => PyOSError::new_err(text),
        },
        Error::Threads { .. } | Error::Cancelled => PyRuntimeError::new_err(text),
        _ => PyValueError::new_err(text),
    }
}
