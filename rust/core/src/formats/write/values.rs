//! The values of columns as text has them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float32Type, Float64Type, Int64Type, UInt64Type};
use arrow_array::{
    Array as _, ArrayRef, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int64Array,
    LargeListArray, LargeStringArray, RecordBatch, StructArray, UInt64Array,
};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, FieldRef};

/// The type that text is made of, where it holds the values of `kind`.
pub(super) fn textual(kind: &DataType) -> Option<DataType> {
    use DataType::{
        Boolean, Dictionary, FixedSizeList, Float16, Float32, Float64, Int64, LargeList,
        LargeListView, LargeUtf8, List, ListView, Null, Struct, UInt64, Utf8, Utf8View,
    };
    let inner = |field: &FieldRef| -> Option<FieldRef> {
        let kind = textual(field.data_type())?;
        Some(Arc::new(Field::new(field.name(), kind, true)))
    };
    Some(match kind {
        Null | Boolean | Float32 | Float64 | UInt64 | LargeUtf8 => kind.clone(),
        Float16 => Float32,
        Utf8 | Utf8View => LargeUtf8,
        kind if kind.is_integer() => Int64,
        Dictionary(_, values) => textual(values)?,
        List(field)
        | LargeList(field)
        | FixedSizeList(field, _)
        | ListView(field)
        | LargeListView(field) => LargeList(inner(field)?),
        Struct(fields) => Struct(fields.iter().map(inner).collect::<Option<Vec<_>>>()?.into()),
        _ => return None,
    })
}

/// A column in its textual type.
pub(super) fn as_textual(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match textual(column.data_type()) {
        Some(kind) if kind != *column.data_type() => cast(column, &kind),
        _ => Ok(Arc::clone(column)),
    }
}

/// The values of a textual column.
#[derive(Clone, Copy)]
pub(super) enum Values<'a> {
    Null,
    Bool(&'a BooleanArray),
    Int(&'a Int64Array),
    Unsigned(&'a UInt64Array),
    Single(&'a Float32Array),
    Double(&'a Float64Array),
    Text(&'a LargeStringArray),
    List(&'a LargeListArray),
    Struct(&'a StructArray),
}

impl<'a> Values<'a> {
    pub(super) fn new(column: &'a ArrayRef) -> Self {
        match column.data_type() {
            DataType::Boolean => Self::Bool(column.as_boolean()),
            DataType::Int64 => Self::Int(column.as_primitive::<Int64Type>()),
            DataType::UInt64 => Self::Unsigned(column.as_primitive::<UInt64Type>()),
            DataType::Float32 => Self::Single(column.as_primitive::<Float32Type>()),
            DataType::Float64 => Self::Double(column.as_primitive::<Float64Type>()),
            DataType::LargeUtf8 => Self::Text(column.as_string::<i64>()),
            DataType::LargeList(_) => Self::List(column.as_list::<i64>()),
            DataType::Struct(_) => Self::Struct(column.as_struct()),
            _ => Self::Null,
        }
    }

    pub(super) fn is_null(self, row: usize) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(values) => values.is_null(row),
            Self::Int(values) => values.is_null(row),
            Self::Unsigned(values) => values.is_null(row),
            Self::Single(values) => values.is_null(row),
            Self::Double(values) => values.is_null(row),
            Self::Text(values) => values.is_null(row),
            Self::List(values) => values.is_null(row),
            Self::Struct(values) => values.is_null(row),
        }
    }

    /// Writes a number or a truth value that is not null; what it is instead where text has no such number.
    pub(super) fn write_number(self, row: usize, out: &mut Vec<u8>) -> Result<(), &'static str> {
        fn finite(number: f64) -> Result<(), &'static str> {
            match number {
                number if number.is_nan() => Err("NaN"),
                number if number.is_infinite() => Err("infinity"),
                _ => Ok(()),
            }
        }
        // Writing to memory does not fail.
        let _ = match self {
            Self::Bool(values) => serde_json::to_writer(out, &values.value(row)),
            Self::Int(values) => serde_json::to_writer(out, &values.value(row)),
            Self::Unsigned(values) => serde_json::to_writer(out, &values.value(row)),
            Self::Single(values) => {
                finite(values.value(row).into())?;
                serde_json::to_writer(out, &values.value(row))
            }
            Self::Double(values) => {
                finite(values.value(row))?;
                serde_json::to_writer(out, &values.value(row))
            }
            _ => Ok(()),
        };
        Ok(())
    }
}

/// The dictionaries of a file's columns, to which each batch adds: keys are counted anew, so that no batch replaces what
/// another has said.
#[derive(Default)]
pub(super) struct Dictionaries {
    columns: HashMap<usize, Growing>,
}

#[derive(Default)]
struct Growing {
    places: HashMap<String, usize>,
    texts: Vec<String>,
    values: Option<ArrayRef>,
}

impl Dictionaries {
    pub(super) fn grow(&mut self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let mut columns = batch.columns().to_vec();
        for (at, column) in columns.iter_mut().enumerate() {
            if let DataType::Dictionary(keys, values) = column.data_type().clone()
                && matches!(*values, DataType::Utf8 | DataType::LargeUtf8)
            {
                *column = self
                    .columns
                    .entry(at)
                    .or_default()
                    .renumber(column, &keys, &values)?;
            }
        }
        RecordBatch::try_new(batch.schema(), columns)
    }
}

impl Growing {
    fn renumber(
        &mut self,
        column: &ArrayRef,
        keys: &DataType,
        values: &DataType,
    ) -> Result<ArrayRef, ArrowError> {
        let plain = cast(column, &DataType::LargeUtf8)?;
        let before = self.texts.len();
        let numbers = plain.as_string::<i64>().iter().map(|text| {
            let text = text?;
            let at = self.places.get(text).copied().unwrap_or_else(|| {
                self.places.insert(text.into(), self.texts.len());
                self.texts.push(text.into());
                self.texts.len() - 1
            });
            i64::try_from(at).ok()
        });
        let numbers: ArrayRef = Arc::new(numbers.collect::<Int64Array>());
        let known = match &self.values {
            Some(known) if self.texts.len() == before => Arc::clone(known),
            _ => {
                let texts = LargeStringArray::from_iter_values(&self.texts);
                cast(&(Arc::new(texts) as ArrayRef), values)?
            }
        };
        self.values = Some(Arc::clone(&known));
        let numbers = arrow_cast::cast_with_options(
            &numbers,
            keys,
            &arrow_cast::CastOptions {
                safe: false,
                ..Default::default()
            },
        )?;
        with_keys(&numbers, known)
    }
}

fn with_keys(keys: &ArrayRef, values: ArrayRef) -> Result<ArrayRef, ArrowError> {
    use arrow_array::types::{Int8Type, Int16Type, Int32Type, UInt8Type, UInt16Type, UInt32Type};
    macro_rules! of {
        ($kind:ty) => {
            Arc::new(DictionaryArray::<$kind>::try_new(
                keys.as_primitive::<$kind>().clone(),
                values,
            )?)
        };
    }
    Ok(match keys.data_type() {
        DataType::Int8 => of!(Int8Type),
        DataType::Int16 => of!(Int16Type),
        DataType::Int32 => of!(Int32Type),
        DataType::UInt8 => of!(UInt8Type),
        DataType::UInt16 => of!(UInt16Type),
        DataType::UInt32 => of!(UInt32Type),
        DataType::UInt64 => of!(UInt64Type),
        _ => of!(Int64Type),
    })
}
