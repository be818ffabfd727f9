//! Columns of strings as they come: large or small Arrow strings or string views, in chunks, flat or in lists.

use std::ops::Range;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array, ArrayRef, LargeStringArray, StringArray, StringViewArray};
use arrow_schema::DataType;

use crate::error::{Error, Result};
use crate::view::check_rows;

/// A named column in chunks.
#[derive(Debug, Clone)]
pub struct Column {
    name: String,
    chunks: Vec<ArrayRef>,
}

impl Column {
    /// A column from Arrow chunks of strings or of lists of strings.
    pub fn new(name: &str, chunks: Vec<ArrayRef>) -> Self {
        Self {
            name: name.into(),
            chunks,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// One chunk of strings without nulls.
#[derive(Debug)]
pub(super) enum Chunk {
    Small(StringArray),
    Large(LargeStringArray),
    View(StringViewArray),
}

/// Calls `$body` with `$array` bound to the typed array inside `$chunk`.
macro_rules! with_strings {
    ($chunk:expr, $array:ident => $body:expr) => {
        match $chunk {
            Chunk::Small($array) => $body,
            Chunk::Large($array) => $body,
            Chunk::View($array) => $body,
        }
    };
}
pub(super) use with_strings;

impl Chunk {
    fn new(array: &dyn Array) -> Option<Self> {
        match array.data_type() {
            DataType::Utf8 => Some(Self::Small(array.as_string().clone())),
            DataType::LargeUtf8 => Some(Self::Large(array.as_string().clone())),
            DataType::Utf8View => Some(Self::View(array.as_string_view().clone())),
            _ => None,
        }
    }

    fn len(&self) -> usize {
        with_strings!(self, array => array.len())
    }
}

/// The texts of all columns in one line of cells.
#[derive(Debug, Default)]
pub(super) struct Cells {
    chunks: Vec<Chunk>,
    /// The cell at which each chunk begins, and at last their number.
    starts: Vec<usize>,
    /// The cell at which each column ends.
    ends: Vec<usize>,
}

impl Cells {
    /// Lines up the columns; the second value has a ragged column's offsets, `None` for a flat one.
    pub(super) fn new(columns: Vec<Column>) -> Result<(Self, Vec<Option<Vec<i64>>>)> {
        let mut cells = Self {
            starts: vec![0],
            ..Self::default()
        };
        let mut ragged = Vec::with_capacity(columns.len());
        for column in columns {
            let is_ragged = column
                .chunks
                .first()
                .is_some_and(|chunk| is_list(chunk.data_type()));
            let mut offsets = vec![0];
            let mut row = 0;
            for chunk in &column.chunks {
                if is_ragged {
                    cells.push_lists(&column.name, chunk, row, &mut offsets)?;
                } else {
                    cells.push(&column.name, chunk, |at| row + at)?;
                }
                row += chunk.len();
            }
            cells.ends.push(cells.len());
            ragged.push(is_ragged.then_some(offsets));
        }
        check_rows("columns", cells.len())?;
        Ok((cells, ragged))
    }

    fn push(
        &mut self,
        name: &str,
        array: &dyn Array,
        row_of: impl Fn(usize) -> usize,
    ) -> Result<()> {
        if array.is_empty() {
            return Ok(());
        }
        let Some(chunk) = Chunk::new(array) else {
            return Err(Error::shape(name, "a column of strings", array.data_type()));
        };
        if let Some(at) = first_null(array) {
            return Err(Error::row(name, row_of(at), "not be null", "null"));
        }
        self.starts.push(self.len() + chunk.len());
        self.chunks.push(chunk);
        Ok(())
    }

    fn push_lists(
        &mut self,
        name: &str,
        array: &ArrayRef,
        row: usize,
        offsets: &mut Vec<i64>,
    ) -> Result<()> {
        let Some((cuts, values)) = lists(array) else {
            return Err(Error::shape(
                name,
                "a column of lists of strings",
                array.data_type(),
            ));
        };
        if let Some(at) = first_null(array) {
            return Err(Error::row(name, row + at, "not be null", "null"));
        }
        let (first, last) = (
            cuts.first().copied().unwrap_or(0),
            cuts.last().copied().unwrap_or(0),
        );
        let shift = offsets.last().copied().unwrap_or(0) - first;
        offsets.extend(cuts.iter().skip(1).map(|cut| cut + shift));
        let place = |cut: i64| usize::try_from(cut).unwrap_or(0);
        let values = values.slice(place(first), place(last - first));
        self.push(name, &values, |at| {
            row + cuts.partition_point(|&cut| place(cut - first) <= at) - 1
        })
    }

    pub(super) fn len(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    /// The cells of each column.
    pub(super) fn columns(&self) -> impl Iterator<Item = Range<usize>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| start..end)
    }

    /// The chunks that hold `range`, each with the part of it that is meant.
    pub(super) fn parts(
        &self,
        range: Range<usize>,
    ) -> impl Iterator<Item = (&Chunk, Range<usize>)> {
        let first = self
            .starts
            .partition_point(|&start| start <= range.start)
            .saturating_sub(1);
        let spans = self.chunks.iter().zip(&self.starts).skip(first);
        spans
            .take_while(move |(_, start)| **start < range.end)
            .map(move |(chunk, &start)| {
                let part =
                    range.start.max(start) - start..range.end.min(start + chunk.len()) - start;
                (chunk, part)
            })
    }

    /// The text of a cell.
    pub(super) fn text(&self, cell: u32) -> &str {
        let cell = cell as usize;
        let at = if self.chunks.len() == 1 {
            0
        } else {
            self.starts.partition_point(|&start| start <= cell) - 1
        };
        with_strings!(&self.chunks[at], array => array.value(cell - self.starts[at]))
    }
}

fn is_list(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)
    )
}

/// The offsets of a list array, and its values.
fn lists(array: &ArrayRef) -> Option<(Vec<i64>, ArrayRef)> {
    match array.data_type() {
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            Some((
                lists
                    .value_offsets()
                    .iter()
                    .map(|&cut| i64::from(cut))
                    .collect(),
                lists.values().clone(),
            ))
        }
        DataType::LargeList(_) => {
            let lists = array.as_list::<i64>();
            Some((lists.value_offsets().to_vec(), lists.values().clone()))
        }
        DataType::FixedSizeList(_, width) => {
            let lists = array.as_fixed_size_list();
            Some((
                (0..)
                    .step_by(usize::try_from(*width).ok()?.max(1))
                    .take(lists.len() + 1)
                    .collect(),
                lists.values().clone(),
            ))
        }
        _ => None,
    }
}

fn first_null(array: &dyn Array) -> Option<usize> {
    (array.null_count() > 0)
        .then(|| (0..array.len()).find(|&at| array.is_null(at)))
        .flatten()
}
