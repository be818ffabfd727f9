//! Columns of any file as those of the stream: structs as columns of their own, types as settled.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{
    Array as _, ArrayRef, FixedSizeListArray, GenericListArray, OffsetSizeTrait, RecordBatch,
    RecordBatchOptions, make_array, new_null_array,
};
use arrow_buffer::NullBuffer;
use arrow_cast::{CastOptions, can_cast_types, cast_with_options};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, SchemaRef};

use super::node::{Flat, Path};
use crate::formats::convert::item;

/// The field metadata that says which objects a column lies in.
pub(in crate::formats) const PATH: &str = "foolsgold.path";

/// The name of a path's column: the names on the way with dots between.
pub(super) fn name_of(path: &Path) -> String {
    let names: Vec<&str> = path.iter().map(|(name, _)| name.as_str()).collect();
    names.join(".")
}

/// The field of a column, which knows its path where it lies in objects.
pub(super) fn field_of(flat: &Flat) -> Field {
    let field = Field::new(name_of(&flat.path), flat.kind.clone(), true);
    let mut metadata = flat.metadata.clone();
    if flat.path.len() == 1 {
        return field.with_metadata(metadata);
    }
    let steps = flat.path.iter();
    let steps = steps.map(|(name, lists)| serde_json::json!([name, lists]));
    let text = steps.collect::<serde_json::Value>().to_string();
    metadata.insert(PATH.into(), text);
    field.with_metadata(metadata)
}

/// The path that a field's metadata tells.
pub(in crate::formats) fn path_of(field: &Field) -> Option<Path> {
    let steps: serde_json::Value = serde_json::from_str(field.metadata().get(PATH)?).ok()?;
    let steps = steps.as_array()?.iter().map(|step| {
        let lists = usize::try_from(step.get(1)?.as_u64()?).ok()?;
        Some((step.get(0)?.as_str()?.to_owned(), lists))
    });
    steps
        .collect::<Option<Path>>()
        .filter(|path| !path.is_empty())
}

/// The columns that a column becomes: one, or those of the structs in it, each with its path.
pub(super) fn flatten(
    path: Path,
    array: &ArrayRef,
    out: &mut Vec<(Path, ArrayRef)>,
) -> Result<(), ArrowError> {
    match array.data_type() {
        DataType::Struct(fields) => {
            let parts = array.as_struct();
            for (field, column) in fields.iter().zip(parts.columns()) {
                let mut below = path.clone();
                below.push((field.name().clone(), 0));
                let nulls = NullBuffer::union(parts.nulls(), column.nulls());
                let data = column.to_data().into_builder().nulls(nulls);
                // A column of nulls has no bits of its own.
                let column = if column.data_type().is_null() {
                    Arc::clone(column)
                } else {
                    make_array(data.build()?)
                };
                flatten(below, &column, out)?;
            }
        }
        DataType::List(field) if has_struct(field.data_type()) => {
            in_lists::<i32>(path, array, out)?;
        }
        DataType::LargeList(field) if has_struct(field.data_type()) => {
            in_lists::<i64>(path, array, out)?;
        }
        DataType::FixedSizeList(field, size) if has_struct(field.data_type()) => {
            let lists = array.as_fixed_size_list();
            let (size, nulls) = (*size, lists.nulls().cloned());
            for (path, items) in within(path, lists.values())? {
                let lists = FixedSizeListArray::try_new(like(&items), size, items, nulls.clone())?;
                out.push((path, Arc::new(lists)));
            }
        }
        _ => out.push((path, Arc::clone(array))),
    }
    Ok(())
}

fn in_lists<O: OffsetSizeTrait>(
    path: Path,
    array: &ArrayRef,
    out: &mut Vec<(Path, ArrayRef)>,
) -> Result<(), ArrowError> {
    let lists = array.as_list::<O>();
    for (path, items) in within(path, lists.values())? {
        let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
        let lists = GenericListArray::<O>::try_new(like(&items), offsets, items, nulls)?;
        out.push((path, Arc::new(lists)));
    }
    Ok(())
}

/// The columns of the items of lists, whose paths know of one list more.
fn within(mut path: Path, items: &ArrayRef) -> Result<Vec<(Path, ArrayRef)>, ArrowError> {
    if let Some(last) = path.last_mut() {
        last.1 += 1;
    }
    let mut inside = Vec::new();
    flatten(path, items, &mut inside)?;
    Ok(inside)
}

fn like(items: &ArrayRef) -> FieldRef {
    item(items.data_type().clone())
}

fn has_struct(kind: &DataType) -> bool {
    match kind {
        DataType::Struct(_) => true,
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            has_struct(field.data_type())
        }
        _ => false,
    }
}

/// The nearest type that a table of texts and numbers knows, where types of files differ.
pub(super) fn plain(kind: &DataType) -> DataType {
    use DataType::{
        Dictionary, FixedSizeList, Float64, Int64, LargeList, LargeListView, LargeUtf8, List,
        ListView, Utf8, Utf8View,
    };
    match kind {
        Utf8 | Utf8View => LargeUtf8,
        Dictionary(_, values) => plain(values),
        kind if kind.is_integer() => Int64,
        kind if kind.is_floating() => Float64,
        List(field)
        | LargeList(field)
        | FixedSizeList(field, _)
        | ListView(field)
        | LargeListView(field) => LargeList(item(plain(field.data_type()))),
        kind => kind.clone(),
    }
}

/// The type of a table's column that can hold another; `None` where there is none.
pub(super) fn tabular(kind: &DataType) -> Option<DataType> {
    let plain = plain(kind);
    let mut inner = &plain;
    while let DataType::LargeList(field) = inner {
        inner = field.data_type();
    }
    let is_held = matches!(
        inner,
        DataType::Null
            | DataType::Boolean
            | DataType::Int64
            | DataType::Float64
            | DataType::LargeUtf8
    );
    (is_held && can_cast_types(kind, &plain)).then_some(plain)
}

/// Whether values of one type become another's without a loss, where each has one.
fn cast(array: &ArrayRef, kind: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == kind {
        return Ok(Arc::clone(array));
    }
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(array, kind, &options)
}

/// The columns `named` as a batch of `schema`; what is not there is null.
pub(super) fn fit(
    schema: &SchemaRef,
    named: &HashMap<String, ArrayRef>,
    rows: usize,
) -> Result<RecordBatch, ArrowError> {
    let columns = schema
        .fields()
        .iter()
        .map(|field| match named.get(field.name()) {
            Some(array) => cast(array, field.data_type()),
            None => Ok(new_null_array(field.data_type(), rows)),
        });
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns.collect::<Result<_, _>>()?,
        &options,
    )
}

/// The names and types of a file's columns, with structs as columns where these are wanted.
pub(super) fn flat_schema(schema: &Schema, is_nested: bool) -> Result<Vec<Flat>, ArrowError> {
    let mut columns = Vec::new();
    for field in schema.fields() {
        let path = path_of(field).filter(|path| name_of(path) == *field.name());
        let path = path.unwrap_or_else(|| vec![(field.name().clone(), 0)]);
        if !(is_nested && has_struct(field.data_type())) {
            columns.push(Flat {
                path,
                kind: field.data_type().clone(),
                metadata: field.metadata().clone(),
            });
            continue;
        }
        let mut found = Vec::new();
        flatten(
            path,
            &arrow_array::new_empty_array(field.data_type()),
            &mut found,
        )?;
        columns.extend(found.into_iter().map(|(path, array)| Flat {
            path,
            kind: array.data_type().clone(),
            metadata: HashMap::new(),
        }));
    }
    Ok(columns)
}
