//! Places of an order, as Python has them.

use foolsgold_core::triplets::Places;
use pyo3::prelude::*;

use crate::arrays;

/// A range (start, stop), an array of uint64, or a list of integers that may be larger.
#[derive(FromPyObject)]
pub(crate) enum PlacesArg<'py> {
    Run((u128, u128)),
    Narrow(Narrow<'py>),
    Wide(Vec<u128>),
}

pub(crate) struct Narrow<'py>(arrays::Column<'py, u64>);

impl<'py> FromPyObject<'_, 'py> for Narrow<'py> {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        arrays::column("places", &value).map(Self)
    }
}

impl PlacesArg<'_> {
    pub(crate) fn view(&self) -> Places<'_> {
        match self {
            Self::Run((start, stop)) => Places::Run(*start..*stop),
            Self::Wide(places) => Places::Wide(places),
            Self::Narrow(places) => Places::Narrow(arrays::slice(&places.0)),
        }
    }
}
