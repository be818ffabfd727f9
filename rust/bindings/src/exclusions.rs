//! What a query may never get, in: named rules, each of lists and, where lists hold classes, a column of classes.

use foolsgold_core::mining::Exclusion;
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::arrays::{self, Column};
use crate::error::to_py;

/// A rule's name, the documents' classes, and each query's list as offsets and values.
pub(crate) type Given<'py> = (
    String,
    Option<Bound<'py, PyArray1<u32>>>,
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
);

/// The arrays of some rules, borrowed.
pub(crate) struct Exclusions<'py>(Vec<Rule<'py>>);

struct Rule<'py> {
    name: String,
    classes: Option<Column<'py, u32>>,
    offsets: Column<'py, i64>,
    values: Column<'py, u32>,
}

impl<'py> Exclusions<'py> {
    pub(crate) fn new(given: &[Given<'py>]) -> PyResult<Self> {
        let rule = |(name, classes, offsets, values): &Given<'py>| {
            let classes = classes.as_ref();
            Ok(Rule {
                name: name.clone(),
                classes: classes
                    .map(|classes| arrays::column(name, classes.as_any()))
                    .transpose()?,
                offsets: arrays::column(name, offsets)?,
                values: arrays::column(name, values)?,
            })
        };
        Ok(Self(given.iter().map(rule).collect::<PyResult<_>>()?))
    }

    /// The core's view of them, for a corpus of so many documents.
    pub(crate) fn view(&self, documents: usize) -> PyResult<Vec<Exclusion<'_>>> {
        self.0.iter().map(|rule| rule.view(documents)).collect()
    }
}

impl Rule<'_> {
    fn view(&self, documents: usize) -> PyResult<Exclusion<'_>> {
        let bound = if self.classes.is_some() {
            usize::MAX
        } else {
            documents
        };
        let lists = arrays::groups(&self.name, &self.offsets, &self.values, bound);
        Ok(Exclusion {
            name: &self.name,
            classes: self.classes.as_ref().map(arrays::slice),
            lists: lists.map_err(|error| to_py(&error))?,
        })
    }
}
