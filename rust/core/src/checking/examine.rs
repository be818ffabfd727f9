//! Columns with nulls as ids and numbers.

use std::sync::Arc;

use arrow_array::builder::UInt64Builder;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, LargeListArray, LargeStringArray};
use arrow_schema::DataType;
use arrow_select::take::take;

use super::traits::{Traits, traits};
use crate::error::{Error, Result};
use crate::texts::{Column, Texts};
use crate::tick::Tick;

/// Stands for a null among ids; no text has it.
pub const NO_TEXT: u32 = u32::MAX;

/// One column: a value a row, or lists of values.
#[derive(Debug, Clone, PartialEq)]
pub struct Cells {
    /// Which rows are null.
    pub is_null: Vec<bool>,
    /// Where each row's list begins among the values, and at last their number; `None` for one value a row.
    pub offsets: Option<Vec<i64>>,
    /// Which values are null; the rows' own for one value a row.
    pub is_null_value: Vec<bool>,
    /// The values.
    pub values: Values,
}

/// The values of a column; what stands at a null means nothing, among ids it is [`NO_TEXT`].
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Nulls alone.
    Nulls,
    /// Ids of texts.
    Texts(Vec<u32>),
    /// Whole numbers.
    Whole(Vec<i64>),
    /// Numbers.
    Fractions(Vec<f64>),
    /// Truth values.
    Flags(Vec<bool>),
    /// What is not looked at, as lists of lists.
    Other,
}

/// Columns as ids and numbers.
#[derive(Debug)]
pub struct Examined {
    /// The distinct texts of all columns.
    pub texts: Texts,
    /// The columns, in the order in which they came.
    pub columns: Vec<Cells>,
    /// What each distinct text is like.
    pub traits: Traits,
}

impl Examined {
    /// Examines columns of the types that a [`Table`](crate::formats::Table) holds. O(bytes); the texts stay where they
    /// are.
    ///
    /// # Errors
    /// [`TooMany`](Error::TooMany) past 2^32 - 2 texts, [`Cancelled`](Error::Cancelled).
    pub fn new(
        columns: &[(String, Vec<ArrayRef>)],
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        let mut cells = Vec::with_capacity(columns.len());
        let mut texts = Vec::new();
        for (name, chunks) in columns {
            let (found, strings) = split(name, chunks)?;
            if let Some(strings) = strings {
                texts.push(Column::new(name, strings));
            }
            cells.push(found);
        }
        let interned = Texts::intern(texts, threads, tick)?;
        let mut ids = interned.columns.into_iter().map(|column| column.ids);
        for column in &mut cells {
            if let Values::Texts(values) = &mut column.values {
                *values = ids.next().unwrap_or_default();
                for (id, &is_null) in values.iter_mut().zip(&column.is_null_value) {
                    if is_null {
                        *id = NO_TEXT;
                    }
                }
            }
        }
        let traits = traits(&interned.texts, threads, tick)?;
        Ok(Self {
            texts: interned.texts,
            columns: cells,
            traits,
        })
    }
}

/// The nulls, lists and numbers of a column; its texts apart, as strings without nulls.
fn split(name: &str, chunks: &[ArrayRef]) -> Result<(Cells, Option<Vec<ArrayRef>>)> {
    let kind = chunks
        .first()
        .map_or(DataType::Null, |chunk| chunk.data_type().clone());
    let mut is_null = Vec::new();
    for chunk in chunks {
        is_null.extend(nulls(chunk));
    }
    let (offsets, arrays) = match &kind {
        DataType::LargeList(_) => {
            let (offsets, arrays) = flattened(name, chunks)?;
            (Some(offsets), arrays)
        }
        _ => (None, chunks.to_vec()),
    };
    let is_null_value = match offsets {
        None => is_null.clone(),
        Some(_) => arrays.iter().flat_map(nulls).collect(),
    };
    let inner = match &kind {
        DataType::LargeList(field) => field.data_type(),
        kind => kind,
    };
    let mut strings = None;
    let values = match inner {
        DataType::Null => Values::Nulls,
        DataType::LargeUtf8 => {
            strings = Some(
                arrays
                    .iter()
                    .map(without_nulls)
                    .collect::<Result<Vec<_>>>()?,
            );
            Values::Texts(Vec::new())
        }
        DataType::Int64 => Values::Whole(
            arrays
                .iter()
                .flat_map(|array| array.as_primitive::<Int64Type>().values().to_vec())
                .collect(),
        ),
        DataType::Float64 => Values::Fractions(
            arrays
                .iter()
                .flat_map(|array| array.as_primitive::<Float64Type>().values().to_vec())
                .collect(),
        ),
        DataType::Boolean => Values::Flags(
            arrays
                .iter()
                .flat_map(|array| array.as_boolean().values().iter().collect::<Vec<_>>())
                .collect(),
        ),
        _ => Values::Other,
    };
    let cells = Cells {
        is_null,
        offsets,
        is_null_value,
        values,
    };
    Ok((cells, strings))
}

fn nulls(array: &ArrayRef) -> Vec<bool> {
    match array.logical_nulls() {
        Some(nulls) => nulls.iter().map(|is_valid| !is_valid).collect(),
        None => vec![false; array.len()],
    }
}

/// Where the lists of all chunks begin, and their values; a null row's list is empty.
fn flattened(name: &str, chunks: &[ArrayRef]) -> Result<(Vec<i64>, Vec<ArrayRef>)> {
    let mut offsets = vec![0];
    let mut arrays = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        let lists = chunk.as_list::<i64>();
        let before = offsets.last().copied().unwrap_or(0);
        let mut end = before;
        for row in 0..lists.len() {
            end += if lists.is_null(row) {
                0
            } else {
                lists.value_length(row)
            };
            offsets.push(end);
        }
        arrays.push(
            values_of(lists, end - before)
                .map_err(|error| Error::shape(name, "a column of lists", error))?,
        );
    }
    Ok((offsets, arrays))
}

/// The values of the lists that are not null, `count` in all.
fn values_of(
    lists: &LargeListArray,
    count: i64,
) -> std::result::Result<ArrayRef, arrow_schema::ArrowError> {
    let cuts = lists.value_offsets();
    let place = |cut: i64| usize::try_from(cut).unwrap_or(0);
    let (first, last) = (
        cuts.first().copied().unwrap_or(0),
        cuts.last().copied().unwrap_or(0),
    );
    if last - first == count {
        return Ok(lists.values().slice(place(first), place(count)));
    }
    let mut rows = UInt64Builder::new();
    for (row, cut) in cuts.windows(2).enumerate() {
        if lists.is_valid(row) {
            (cut[0]..cut[1]).for_each(|at| rows.append_value(place(at) as u64));
        }
    }
    take(lists.values().as_ref(), &rows.finish(), None)
}

/// The same texts; what stands at a null is any text.
fn without_nulls(array: &ArrayRef) -> Result<ArrayRef> {
    if array.null_count() == 0 {
        return Ok(Arc::clone(array));
    }
    let (offsets, bytes, _) = array.as_string::<i64>().clone().into_parts();
    let strings = LargeStringArray::try_new(offsets, bytes, None)
        .map_err(|error| Error::shape("texts", "valid strings", error))?;
    Ok(Arc::new(strings))
}
