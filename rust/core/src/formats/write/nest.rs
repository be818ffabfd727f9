//! Columns as the values of objects: `a.b` as the `b` in the objects `a`.

use arrow_schema::{DataType, SchemaRef};

use super::json::{close, quoted, write};
use super::values::Values;
use crate::formats::stream::path_of;

/// What stands where in a row.
pub(super) enum Tree {
    Column(usize),
    /// Names, as JSON has them with their colon, and what stands under them.
    Object(Vec<(Vec<u8>, Tree)>),
    /// A list of what the columns hold item by item.
    List(Box<Tree>, Vec<usize>),
}

/// A column on its way down: the names that are left, how many lists each is followed by where that is known, and how many
/// lists there are in all.
struct Column {
    at: usize,
    path: Vec<(String, Option<usize>)>,
    lists: usize,
}

fn depth(kind: &DataType) -> usize {
    match kind {
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::ListView(field)
        | DataType::LargeListView(field) => 1 + depth(field.data_type()),
        _ => 0,
    }
}

impl Tree {
    /// The tree of a schema's columns; those that know their path are nested unless `is_nested` is false, others by the dots
    /// in their names where it is true.
    pub(super) fn new(schema: &SchemaRef, is_nested: Option<bool>) -> Result<Self, String> {
        let columns = schema.fields().iter().enumerate().map(|(at, field)| {
            let known = path_of(field).filter(|_| is_nested != Some(false));
            let path = match known {
                Some(path) => path
                    .into_iter()
                    .map(|(name, lists)| (name, Some(lists)))
                    .collect(),
                None if is_nested == Some(true)
                    && field.name().split('.').all(|name| !name.is_empty()) =>
                {
                    let names = field.name().split('.');
                    names.map(|name| (name.to_owned(), None)).collect()
                }
                None => vec![(field.name().clone(), Some(0))],
            };
            let lists = depth(field.data_type());
            Column { at, path, lists }
        });
        Self::object(columns.collect())
    }

    fn object(columns: Vec<Column>) -> Result<Self, String> {
        let mut groups: Vec<(String, Vec<Column>)> = Vec::new();
        for mut column in columns {
            let (name, lists) = column.path.remove(0);
            let rest = Column {
                path: std::iter::once((String::new(), lists))
                    .chain(column.path)
                    .collect(),
                ..column
            };
            match groups.iter_mut().find(|(other, _)| *other == name) {
                Some((_, group)) => group.push(rest),
                None => groups.push((name, vec![rest])),
            }
        }
        let mut parts = Vec::new();
        for (name, group) in groups {
            let mut key = Vec::new();
            quoted(&name, &mut key);
            key.push(b':');
            parts.push((key, Self::under(&name, group)?));
        }
        Ok(Self::Object(parts))
    }

    /// What stands under a name: a column, or objects in as many lists as its columns say.
    fn under(name: &str, mut group: Vec<Column>) -> Result<Self, String> {
        if group.iter().any(|column| column.path.len() == 1) {
            return match &group[..] {
                [column] => Ok(Self::Column(column.at)),
                _ => Err(format!(
                    "must not hold `{name}` as a column and as objects\nhint: write it with `nested=False`, or rename it"
                )),
            };
        }
        let told: Vec<Option<usize>> = group.iter().map(|column| column.path[0].1).collect();
        let are_lists = group.iter().all(|column| column.lists > 0);
        let lists = match told[0] {
            Some(lists) => lists,
            None => usize::from(are_lists),
        };
        if told.iter().any(|&other| other != told[0])
            || group.iter().any(|column| column.lists < lists)
        {
            return Err(format!(
                "must hold the columns of `{name}` in as many lists, got different ones"
            ));
        }
        let places: Vec<usize> = group.iter().map(|column| column.at).collect();
        for column in &mut group {
            column.path.remove(0);
            column.lists -= lists;
        }
        let inner = Self::object(group)?;
        Ok((0..lists).fold(inner, |inner, _| {
            Self::List(Box::new(inner), places.clone())
        }))
    }

    /// Writes what stands at `places`, a row for each column; a value that does not suit is told by its column.
    pub(super) fn write(
        &self,
        places: &mut [(Values<'_>, usize)],
        out: &mut Vec<u8>,
    ) -> Result<(), (usize, String)> {
        match self {
            Self::Column(at) => {
                let (values, row) = places[*at];
                write(values, row, out).map_err(|message| (*at, message))
            }
            Self::Object(parts) => {
                out.push(b'{');
                for (key, part) in parts {
                    out.extend_from_slice(key);
                    part.write(places, out)?;
                    out.push(b',');
                }
                close(out, b'}');
                Ok(())
            }
            Self::List(inner, columns) => Self::write_list(inner, columns, places, out),
        }
    }

    fn write_list(
        inner: &Self,
        columns: &[usize],
        places: &mut [(Values<'_>, usize)],
        out: &mut Vec<u8>,
    ) -> Result<(), (usize, String)> {
        let mut length = None;
        let mut spans = Vec::with_capacity(columns.len());
        for &column in columns {
            let (values, row) = places[column];
            let span = match values {
                Values::List(lists) if !values.is_null(row) => {
                    let place = |at: usize| usize::try_from(lists.value_offsets()[at]).unwrap_or(0);
                    Some((place(row), place(row + 1) - place(row), lists))
                }
                _ => None,
            };
            if let Some((_, len, _)) = span {
                let expected = *length.get_or_insert(len);
                if expected != len {
                    let message = format!(
                        "must have as many items as the columns beside it, {expected}, got {len}"
                    );
                    return Err((column, message));
                }
            }
            spans.push(span);
        }
        let Some(length) = length else {
            out.extend_from_slice(b"null");
            return Ok(());
        };
        let kept: Vec<_> = columns.iter().map(|&column| places[column]).collect();
        out.push(b'[');
        for item in 0..length {
            for (&column, span) in columns.iter().zip(&spans) {
                places[column] = match span {
                    Some((start, _, lists)) => (Values::new(lists.values()), start + item),
                    None => (Values::Null, 0),
                };
            }
            inner.write(places, out)?;
            out.push(b',');
        }
        close(out, b']');
        for (&column, place) in columns.iter().zip(kept) {
            places[column] = place;
        }
        Ok(())
    }
}
