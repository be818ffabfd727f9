//! The cells of one column of JSON, as its values come: what they are is found out on the way.

use std::fmt;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, LargeStringBuilder};
use arrow_array::{ArrayRef, LargeListArray, NullArray, new_empty_array};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;
use serde_core::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::formats::assembly::Chunk;
use crate::formats::convert::{clash, item};

/// The values of a column, or of the lists in one.
#[derive(Default)]
pub(super) struct Cells {
    /// In how many lists the values lie.
    depth: usize,
    len: usize,
    values: Values,
    /// The line of the first value that is not null.
    first: u64,
    /// The first line that does not suit those before it, and why; nothing is kept from there on.
    fault: Option<(u64, String)>,
}

#[derive(Default)]
enum Values {
    #[default]
    Null,
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Text(LargeStringBuilder),
    List(Box<Lists>),
}

struct Lists {
    offsets: Vec<i64>,
    nulls: NullBufferBuilder,
    items: Cells,
}

/// Calls `append_nulls` of whatever builds the values.
macro_rules! append_nulls {
    ($values:expr, $count:expr) => {
        match $values {
            Values::Null => {}
            Values::Bool(cells) => cells.append_nulls($count),
            Values::Int(cells) => cells.append_nulls($count),
            Values::Float(cells) => cells.append_nulls($count),
            Values::Text(cells) => cells.append_nulls($count),
            Values::List(lists) => lists.append_nulls($count),
        }
    };
}

impl Lists {
    fn new(depth: usize) -> Self {
        Self {
            offsets: vec![0],
            nulls: NullBufferBuilder::new(0),
            items: Cells {
                depth,
                ..Cells::default()
            },
        }
    }

    fn append_nulls(&mut self, count: usize) {
        let end = self.offsets.last().copied().unwrap_or(0);
        self.offsets.resize(self.offsets.len() + count, end);
        self.nulls.append_n_nulls(count);
    }

    /// Ends a list with the items that came since the last one.
    fn close(&mut self) {
        self.offsets
            .push(i64::try_from(self.items.len).unwrap_or(i64::MAX));
        self.nulls.append_non_null();
    }
}

impl Cells {
    /// Nulls up to the row `len`.
    pub(super) fn pad(&mut self, len: usize) {
        if self.fault.is_none() {
            append_nulls!(&mut self.values, len - self.len);
        }
        self.len = len;
    }

    /// Makes room for a value: nulls become those of `fresh`; `accept` says whether the values can take it.
    fn begin(
        &mut self,
        line: u64,
        got: &str,
        fresh: impl FnOnce() -> Values,
        accept: impl FnOnce(&Values) -> bool,
    ) -> bool {
        if self.fault.is_some() {
            return false;
        }
        if matches!(self.values, Values::Null) {
            self.values = fresh();
            append_nulls!(&mut self.values, self.len);
            self.first = line;
        } else if !accept(&self.values) {
            self.fault = Some((line, clash(self.values.named(), got, self.depth)));
            return false;
        }
        true
    }

    fn number(&mut self, line: u64, value: f64) {
        let fresh = || Values::Float(Float64Builder::new());
        let accept = |values: &Values| matches!(values, Values::Int(_) | Values::Float(_));
        if !self.begin(line, "a number", fresh, accept) {
            return;
        }
        if let Values::Int(cells) = &mut self.values {
            let mut wide = Float64Builder::new();
            for cell in &cells.finish() {
                #[expect(clippy::cast_precision_loss, reason = "what widening means")]
                wide.append_option(cell.map(|whole| whole as f64));
            }
            self.values = Values::Float(wide);
        }
        if let Values::Float(cells) = &mut self.values {
            cells.append_value(value);
        }
    }

    pub(super) fn finish(self, name: String) -> Chunk {
        let mut firsts = Vec::new();
        let mut fault = None;
        let array = self.into_array(&mut firsts, &mut fault);
        Chunk {
            name,
            array,
            numeric: None,
            firsts,
            fault,
        }
    }

    /// The array; after a fault any array of the type that the values had.
    fn into_array(self, firsts: &mut Vec<u64>, fault: &mut Option<(u64, String)>) -> ArrayRef {
        firsts.push(self.first);
        if let Some((line, message)) = self.fault
            && fault.as_ref().is_none_or(|&(other, _)| line < other)
        {
            *fault = Some((line, message));
        }
        match self.values {
            Values::Null => Arc::new(NullArray::new(self.len)),
            Values::Bool(mut cells) => Arc::new(cells.finish()),
            Values::Int(mut cells) => Arc::new(cells.finish()),
            Values::Float(mut cells) => Arc::new(cells.finish()),
            Values::Text(mut cells) => Arc::new(cells.finish()),
            Values::List(mut lists) => {
                let items = lists.items.into_array(firsts, fault);
                let offsets = OffsetBuffer::new(ScalarBuffer::from(lists.offsets));
                let field = item(items.data_type().clone());
                let nulls = lists.nulls.finish();
                let kind = DataType::LargeList(Arc::clone(&field));
                LargeListArray::try_new(field, offsets, items, nulls)
                    .map_or_else(|_| new_empty_array(&kind), |lists| Arc::new(lists))
            }
        }
    }
}

impl Values {
    fn named(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a truth value",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
        }
    }
}

/// A value that goes to `cells`.
pub(super) struct Cell<'c> {
    pub(super) cells: &'c mut Cells,
    pub(super) line: u64,
}

impl<'de> DeserializeSeed<'de> for Cell<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Cell<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.cells.pad(self.cells.len + 1);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        let fresh = || Values::Bool(BooleanBuilder::new());
        let accept = |values: &Values| matches!(values, Values::Bool(_));
        if self.cells.begin(self.line, "a truth value", fresh, accept)
            && let Values::Bool(cells) = &mut self.cells.values
        {
            cells.append_value(value);
        }
        self.cells.len += 1;
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        let fresh = || Values::Int(Int64Builder::new());
        let accept = |values: &Values| matches!(values, Values::Int(_) | Values::Float(_));
        if self.cells.begin(self.line, "a number", fresh, accept) {
            match &mut self.cells.values {
                Values::Int(cells) => cells.append_value(value),
                #[expect(clippy::cast_precision_loss, reason = "what widening means")]
                Values::Float(cells) => cells.append_value(value as f64),
                _ => {}
            }
        }
        self.cells.len += 1;
        Ok(())
    }

    fn visit_u64<E: serde_core::de::Error>(self, value: u64) -> Result<(), E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            #[expect(
                clippy::cast_precision_loss,
                reason = "the nearest fraction stands for it"
            )]
            Err(_) => self.visit_f64(value as f64),
        }
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.cells.number(self.line, value);
        self.cells.len += 1;
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        let fresh = || Values::Text(LargeStringBuilder::new());
        let accept = |values: &Values| matches!(values, Values::Text(_));
        if self.cells.begin(self.line, "a text", fresh, accept)
            && let Values::Text(cells) = &mut self.cells.values
        {
            cells.append_value(value);
        }
        self.cells.len += 1;
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let depth = self.cells.depth + 1;
        let fresh = || Values::List(Box::new(Lists::new(depth)));
        let accept = |values: &Values| matches!(values, Values::List(_));
        let is_taken = self.cells.begin(self.line, "a list", fresh, accept);
        self.cells.len += 1;
        match &mut self.cells.values {
            Values::List(lists) if is_taken => {
                let line = self.line;
                while seq
                    .next_element_seed(Cell {
                        cells: &mut lists.items,
                        line,
                    })?
                    .is_some()
                {}
                lists.close();
            }
            _ => while seq.next_element::<IgnoredAny>()?.is_some() {},
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let message = "must be text, number, truth value or a list of these, got an object";
        self.cells
            .fault
            .get_or_insert_with(|| (self.line, message.into()));
        self.cells.len += 1;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}
