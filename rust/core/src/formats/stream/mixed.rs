//! A column of JSON with values of several kinds: its texts, and what each row holds.

use std::fmt;
use std::sync::Arc;

use arrow_array::{ArrayRef, StructArray, UInt8Array};
use arrow_schema::{ArrowError, DataType, Field, Fields};
use serde_core::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::node::{Leaf, Node};
use super::passed::Passed;
use super::values::Cells;
use crate::formats::convert::item;

/// What a row of a column of several kinds holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum MixedKind {
    /// Nothing.
    Null,
    /// A text.
    Text,
    /// A list of texts and nulls.
    Texts,
    /// A number.
    Number,
    /// A truth value.
    Flag,
    /// An object.
    Object,
    /// A list of other things.
    Others,
}

/// The values of such a column as they come.
pub(super) struct MixedCells {
    kinds: Vec<u8>,
    /// Lists: a text is one of its own, null stands for what has no texts.
    texts: Cells,
}

/// The array of such a column: `kinds`, and `texts` in lists.
pub(super) fn mixed_type() -> DataType {
    DataType::Struct(fields())
}

fn fields() -> Fields {
    let texts = DataType::LargeList(item(DataType::LargeUtf8));
    [
        Field::new("kinds", DataType::UInt8, false),
        Field::new("texts", texts, true),
    ]
    .into_iter()
    .collect()
}

impl MixedCells {
    pub(super) fn new() -> Self {
        let texts = Node::List(Box::new(Node::Leaf(Leaf::Text)));
        Self {
            kinds: Vec::new(),
            texts: Cells::new(&texts),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.kinds.len()
    }

    pub(super) fn append_null(&mut self) {
        self.append(MixedKind::Null);
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.kinds.truncate(len);
        self.texts.truncate(len);
    }

    pub(super) fn finish(self) -> Result<ArrayRef, ArrowError> {
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(UInt8Array::from(self.kinds))];
        self.texts.finish(&mut arrays)?;
        Ok(Arc::new(StructArray::try_new(fields(), arrays, None)?))
    }

    /// Ends a row; of texts, those that came since the last row are its own.
    fn append(&mut self, kind: MixedKind) {
        self.kinds.push(kind as u8);
        match kind {
            MixedKind::Text | MixedKind::Texts => self.texts.close_list(),
            _ => self.texts.append_null(),
        }
    }

    fn items(&mut self) -> &mut Cells {
        match &mut self.texts {
            Cells::List(_, _, items) => items,
            texts => texts,
        }
    }
}

/// One value of a column of several kinds.
pub(super) struct MixedCell<'a>(pub(super) &'a mut MixedCells);

impl<'de> DeserializeSeed<'de> for MixedCell<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        let cells = self.0;
        let num_texts = cells.items().len();
        let kind = json.deserialize_any(Look {
            items: cells.items(),
            is_within: false,
        })?;
        if kind == MixedKind::Others {
            cells.items().truncate(num_texts);
        }
        cells.append(kind);
        Ok(())
    }
}

/// A look at a value, or at an item of it, whose texts are kept.
struct Look<'a> {
    items: &'a mut Cells,
    is_within: bool,
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = MixedKind;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<MixedKind, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = MixedKind;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<MixedKind, E> {
        if self.is_within {
            self.items.append_null();
        }
        Ok(MixedKind::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<MixedKind, E> {
        Ok(MixedKind::Flag)
    }

    fn visit_i64<E>(self, _: i64) -> Result<MixedKind, E> {
        Ok(MixedKind::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<MixedKind, E> {
        Ok(MixedKind::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<MixedKind, E> {
        Ok(MixedKind::Number)
    }

    fn visit_str<E>(self, value: &str) -> Result<MixedKind, E> {
        self.items.append_text(value);
        Ok(MixedKind::Text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<MixedKind, A::Error> {
        if self.is_within {
            Passed.visit_seq(seq)?;
            return Ok(MixedKind::Others);
        }
        let mut kind = MixedKind::Texts;
        loop {
            let look = Look {
                items: &mut *self.items,
                is_within: true,
            };
            match seq.next_element_seed(look)? {
                Some(MixedKind::Null | MixedKind::Text) => {}
                Some(_) => kind = MixedKind::Others,
                None => return Ok(kind),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MixedKind, A::Error> {
        Passed.visit_map(map)?;
        Ok(MixedKind::Object)
    }
}
