//! The values of a column as they come: typed, with objects that become columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, LargeListArray, LargeStringArray, NullArray,
};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;

use super::mixed::MixedCells;
use super::node::{Leaf, Node};
use crate::formats::convert::item;

/// The values of a node.
pub(super) enum Cells {
    Skipped,
    Null(usize),
    Bool(BooleanBufferBuilder, NullBufferBuilder),
    Int(Vec<i64>, NullBufferBuilder),
    Float(Vec<f64>, NullBufferBuilder),
    Text(Vec<i64>, Vec<u8>, NullBufferBuilder),
    List(Vec<i64>, NullBufferBuilder, Box<Cells>),
    Object(Box<Fields>),
    Mixed(Box<MixedCells>),
}

/// The values of an object, name by name.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) len: usize,
    pub(super) names: Vec<String>,
    pub(super) cells: Vec<Cells>,
    pub(super) places: HashMap<String, usize>,
    /// The object, as the reader counts, in which each name was last.
    pub(super) objects: Vec<u64>,
}

fn none() -> NullBufferBuilder {
    NullBufferBuilder::new(0)
}

impl Cells {
    pub(super) fn new(node: &Node) -> Self {
        match node {
            Node::Leaf(Leaf::Null) => Self::Null(0),
            Node::Leaf(Leaf::Bool) => Self::Bool(BooleanBufferBuilder::new(0), none()),
            Node::Leaf(Leaf::Int) => Self::Int(Vec::new(), none()),
            Node::Leaf(Leaf::Float) => Self::Float(Vec::new(), none()),
            Node::Leaf(Leaf::Text) => Self::Text(vec![0], Vec::new(), none()),
            Node::List(inner) => Self::List(vec![0], none(), Box::new(Self::new(inner))),
            Node::Object(fields) => Self::Object(Box::new(Fields::new(fields))),
            Node::Mixed => Self::Mixed(Box::new(MixedCells::new())),
        }
    }

    pub(super) fn named(&self) -> &'static str {
        match self {
            Self::Skipped | Self::Null(_) => "null",
            Self::Bool(..) => Leaf::Bool.named(),
            Self::Int(..) => Leaf::Int.named(),
            Self::Float(..) => Leaf::Float.named(),
            Self::Text(..) => Leaf::Text.named(),
            Self::List(..) => "a list",
            Self::Object(_) => "an object",
            Self::Mixed(_) => "a value",
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Skipped => 0,
            Self::Null(len) => *len,
            Self::Bool(values, _) => values.len(),
            Self::Int(values, _) => values.len(),
            Self::Float(values, _) => values.len(),
            Self::Text(offsets, ..) | Self::List(offsets, ..) => offsets.len() - 1,
            Self::Object(fields) => fields.len,
            Self::Mixed(cells) => cells.len(),
        }
    }

    pub(super) fn append_null(&mut self) {
        match self {
            Self::Skipped => {}
            Self::Null(len) => *len += 1,
            Self::Bool(values, nulls) => {
                values.append(false);
                nulls.append_null();
            }
            Self::Int(values, nulls) => {
                values.push(0);
                nulls.append_null();
            }
            Self::Float(values, nulls) => {
                values.push(0.0);
                nulls.append_null();
            }
            Self::Text(offsets, _, nulls) | Self::List(offsets, nulls, _) => {
                offsets.push(offsets.last().copied().unwrap_or(0));
                nulls.append_null();
            }
            Self::Object(fields) => fields.close(u64::MAX),
            Self::Mixed(cells) => cells.append_null(),
        }
    }

    /// Adds a text, to texts.
    pub(super) fn append_text(&mut self, text: &str) {
        if let Self::Text(offsets, bytes, nulls) = self {
            bytes.extend_from_slice(text.as_bytes());
            offsets.push(i64::try_from(bytes.len()).unwrap_or(i64::MAX));
            nulls.append_non_null();
        }
    }

    /// Takes back all values from `len` on.
    pub(super) fn truncate(&mut self, len: usize) {
        let place = |offsets: &mut Vec<i64>| {
            offsets.truncate(len + 1);
            usize::try_from(offsets.last().copied().unwrap_or(0)).unwrap_or(0)
        };
        match self {
            Self::Skipped => {}
            Self::Null(old) => *old = len,
            Self::Bool(values, nulls) => {
                values.truncate(len);
                nulls.truncate(len);
            }
            Self::Int(values, nulls) => {
                values.truncate(len);
                nulls.truncate(len);
            }
            Self::Float(values, nulls) => {
                values.truncate(len);
                nulls.truncate(len);
            }
            Self::Text(offsets, bytes, nulls) => {
                bytes.truncate(place(offsets));
                nulls.truncate(len);
            }
            Self::List(offsets, nulls, inner) => {
                inner.truncate(place(offsets));
                nulls.truncate(len);
            }
            Self::Object(fields) => fields.truncate(len),
            Self::Mixed(cells) => cells.truncate(len),
        }
    }

    /// Ends a list with the items that came since the last one.
    pub(super) fn close_list(&mut self) {
        if let Self::List(offsets, nulls, inner) = self {
            offsets.push(i64::try_from(inner.len()).unwrap_or(i64::MAX));
            nulls.append_non_null();
        }
    }

    /// The arrays of the columns below, in the order of [`Node::flat`].
    pub(super) fn finish(self, arrays: &mut Vec<ArrayRef>) -> Result<(), ArrowError> {
        let array: ArrayRef = match self {
            Self::Skipped => return Ok(()),
            Self::Null(len) => Arc::new(NullArray::new(len)),
            Self::Bool(mut values, mut nulls) => {
                Arc::new(BooleanArray::new(values.finish(), nulls.finish()))
            }
            Self::Int(values, mut nulls) => {
                Arc::new(Int64Array::try_new(values.into(), nulls.finish())?)
            }
            Self::Float(values, mut nulls) => {
                Arc::new(Float64Array::try_new(values.into(), nulls.finish())?)
            }
            Self::Text(offsets, bytes, mut nulls) => Arc::new(LargeStringArray::try_new(
                OffsetBuffer::new(ScalarBuffer::from(offsets)),
                Buffer::from_vec(bytes),
                nulls.finish(),
            )?),
            Self::List(offsets, mut nulls, inner) => {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                let nulls = nulls.finish();
                let mut inside = Vec::new();
                inner.finish(&mut inside)?;
                for items in inside {
                    let field = item(items.data_type().clone());
                    let lists =
                        LargeListArray::try_new(field, offsets.clone(), items, nulls.clone())?;
                    arrays.push(Arc::new(lists));
                }
                return Ok(());
            }
            Self::Object(fields) => return fields.finish(arrays),
            Self::Mixed(cells) => cells.finish()?,
        };
        arrays.push(array);
        Ok(())
    }
}

impl Fields {
    pub(super) fn new(fields: &[(String, Option<Node>)]) -> Self {
        let mut new = Self::default();
        for (name, node) in fields {
            new.add(name, node.as_ref().map_or(Cells::Skipped, Cells::new));
        }
        new
    }

    fn add(&mut self, name: &str, cells: Cells) {
        self.places.insert(name.into(), self.names.len());
        self.names.push(name.into());
        self.cells.push(cells);
        self.objects.push(0);
    }

    /// The place of a name, which is likely `guess`; a name that nobody knows is skipped.
    pub(super) fn place(&mut self, name: &str, guess: usize) -> usize {
        if self.names.get(guess).is_some_and(|other| other == name) {
            return guess;
        }
        self.places.get(name).copied().unwrap_or_else(|| {
            self.add(name, Cells::Skipped);
            self.names.len() - 1
        })
    }

    /// Ends an object: names that were not in it are null.
    pub(super) fn close(&mut self, object: u64) {
        for (cells, last) in self.cells.iter_mut().zip(&self.objects) {
            if *last != object {
                cells.append_null();
            }
        }
        self.len += 1;
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.len = len;
        self.cells.iter_mut().for_each(|cells| cells.truncate(len));
    }

    pub(super) fn finish(self, arrays: &mut Vec<ArrayRef>) -> Result<(), ArrowError> {
        self.cells
            .into_iter()
            .try_for_each(|cells| cells.finish(arrays))
    }
}
