//! What the queries of a part have, as vectors here and as Arrow arrays in a file.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array as _, ArrayRef, ListArray, PrimitiveArray};
use arrow_buffer::{ArrowNativeType, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field};

use crate::error::{Error, Result};

/// The name of the column that every part begins with.
pub(super) const QUERY: &str = "query";

/// Values of one type.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Values {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// What the queries of a part have under one name: one value each, or a list each.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The name; `query` is taken.
    pub name: String,
    /// Where each query's list begins in `values`, and at last their number; `None` for one value a query.
    pub offsets: Option<Vec<u64>>,
    /// The values, query after query.
    pub values: Values,
}

/// Calls `$body` with `$values` bound to the vector inside and `$kind` to its Arrow type.
macro_rules! typed {
    ($column:expr, $values:ident: $kind:ident => $body:expr) => {
        match $column {
            Values::U8($values) => {
                type $kind = UInt8Type;
                $body
            }
            Values::U16($values) => {
                type $kind = UInt16Type;
                $body
            }
            Values::U32($values) => {
                type $kind = UInt32Type;
                $body
            }
            Values::U64($values) => {
                type $kind = UInt64Type;
                $body
            }
            Values::F32($values) => {
                type $kind = Float32Type;
                $body
            }
            Values::F64($values) => {
                type $kind = Float64Type;
                $body
            }
        }
    };
}

impl Values {
    /// How many there are.
    pub fn len(&self) -> usize {
        typed!(self, values: _Kind => values.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn data_type(&self) -> DataType {
        typed!(self, _values: Kind => Kind::DATA_TYPE)
    }

    fn slice(&self, range: Range<usize>) -> ArrayRef {
        typed!(self, values: Kind => {
            Arc::new(PrimitiveArray::<Kind>::from_iter_values(values[range].iter().copied()))
        })
    }

    fn of(kind: &DataType) -> Option<Self> {
        match kind {
            DataType::UInt8 => Some(Self::U8(Vec::new())),
            DataType::UInt16 => Some(Self::U16(Vec::new())),
            DataType::UInt32 => Some(Self::U32(Vec::new())),
            DataType::UInt64 => Some(Self::U64(Vec::new())),
            DataType::Float32 => Some(Self::F32(Vec::new())),
            DataType::Float64 => Some(Self::F64(Vec::new())),
            _ => None,
        }
    }

    fn extend(&mut self, array: &ArrayRef) {
        typed!(self, values: Kind => values.extend_from_slice(array.as_primitive::<Kind>().values()));
    }
}

impl Column {
    /// One value a query.
    pub fn flat(name: &str, values: Values) -> Self {
        Self {
            name: name.into(),
            offsets: None,
            values,
        }
    }

    /// A list a query.
    pub fn lists(name: &str, offsets: Vec<u64>, values: Values) -> Self {
        Self {
            name: name.into(),
            offsets: Some(offsets),
            values,
        }
    }

    /// A column of the type of a field, without rows; `None` where no part has such a field.
    pub(super) fn of(field: &Field) -> Option<Self> {
        if field.is_nullable() {
            return None;
        }
        let (kind, offsets) = match field.data_type() {
            DataType::List(item) if !item.is_nullable() => (item.data_type(), Some(vec![0])),
            kind => (kind, None),
        };
        Some(Self {
            name: field.name().clone(),
            offsets,
            values: Values::of(kind)?,
        })
    }

    /// Refuses a column that does not have `rows` values or lists.
    pub(super) fn check(&self, rows: usize) -> Result<()> {
        let refuse = |rule: String, got: String| Err(Error::argument(&self.name, rule, got));
        if self.name == QUERY {
            return refuse("not be a column's name".into(), "it".into());
        }
        let Some(offsets) = &self.offsets else {
            if self.values.len() == rows {
                return Ok(());
            }
            let rule = format!("have one value for each of {rows} queries");
            return refuse(rule, self.values.len().to_string());
        };
        if offsets.len() != rows + 1 {
            let rule = format!("have one list for each of {rows} queries");
            return refuse(rule, offsets.len().saturating_sub(1).to_string());
        }
        let end = self.values.len() as u64;
        if offsets[0] != 0 || !offsets.is_sorted() || offsets[rows] != end {
            let rule = format!("have offsets that rise from 0 to its {end} values");
            return refuse(rule, format!("an end of {}", offsets[rows]));
        }
        Ok(())
    }

    pub(super) fn field(&self) -> Field {
        let kind = self.values.data_type();
        if self.offsets.is_none() {
            return Field::new(&self.name, kind, false);
        }
        Field::new(&self.name, DataType::List(item(kind)), false)
    }

    pub(super) fn slice(&self, range: Range<usize>) -> Result<ArrayRef, ArrowError> {
        let Some(offsets) = &self.offsets else {
            return Ok(self.values.slice(range));
        };
        let cuts = &offsets[range.start..=range.end];
        let (start, end) = (cuts[0].as_usize(), cuts[cuts.len() - 1].as_usize());
        let too_long = |_| ArrowError::OffsetOverflowError(end - start);
        let places = cuts
            .iter()
            .map(|cut| i32::try_from(cut - cuts[0]).map_err(too_long))
            .collect::<Result<ScalarBuffer<i32>, _>>()?;
        let (field, values) = (item(self.values.data_type()), self.values.slice(start..end));
        let lists = ListArray::try_new(field, OffsetBuffer::new(places), values, None)?;
        Ok(Arc::new(lists))
    }

    /// Takes the rows of an array of the type that [`field`](Self::field) tells.
    pub(super) fn extend(&mut self, array: &ArrayRef) {
        let Some(offsets) = &mut self.offsets else {
            return self.values.extend(array);
        };
        let lists = array.as_list::<i32>();
        let (cuts, mut end) = (lists.value_offsets(), offsets[offsets.len() - 1]);
        offsets.extend(cuts.windows(2).map(|cut| {
            end += (cut[1] - cut[0]).as_usize() as u64;
            end
        }));
        let (start, end) = (cuts[0].as_usize(), cuts[cuts.len() - 1].as_usize());
        self.values
            .extend(&lists.values().slice(start, end - start));
    }
}

fn item(kind: DataType) -> Arc<Field> {
    Arc::new(Field::new("element", kind, false))
}
