//! The type of a column as a tree.

use std::collections::HashMap;

use arrow_schema::DataType;

use super::mixed::mixed_type;
use crate::formats::convert::item;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf {
    Null,
    Bool,
    Int,
    Float,
    Text,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Leaf(Leaf),
    List(Box<Node>),
    /// Values by name; `None` for those that are not kept.
    Object(Vec<(String, Option<Node>)>),
    /// Values of several kinds.
    Mixed,
}

/// A step of the way to a column: a name, and in how many lists what follows lies.
pub(in crate::formats) type Path = Vec<(String, usize)>;

/// A column that a tree of objects holds.
#[derive(Debug, Clone)]
pub(super) struct Flat {
    pub(super) path: Path,
    pub(super) kind: DataType,
    /// What a typed file says of the column besides.
    pub(super) metadata: HashMap<String, String>,
}

impl Leaf {
    pub(super) fn named(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a truth value",
            Self::Int => "a whole number of 64 bits",
            Self::Float => "a number",
            Self::Text => "a text",
        }
    }

    pub(super) fn kind(self) -> DataType {
        match self {
            Self::Null => DataType::Null,
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Text => DataType::LargeUtf8,
        }
    }
}

impl Node {
    /// The type that has this name, as `text` or `list[int64]`.
    pub(super) fn named(name: &str) -> Option<Self> {
        if let Some(inner) = name.strip_prefix("list[") {
            let inner = Self::named(inner.strip_suffix(']')?)?;
            return Some(Self::List(Box::new(inner)));
        }
        let leaf = match name {
            "text" => Leaf::Text,
            "int64" => Leaf::Int,
            "float64" => Leaf::Float,
            "bool" => Leaf::Bool,
            "null" => Leaf::Null,
            _ => return None,
        };
        Some(Self::Leaf(leaf))
    }

    /// The columns below, each by its path.
    pub(super) fn flat(&self, path: Path, columns: &mut Vec<Flat>) {
        self.flat_in(path, 0, columns);
    }

    fn flat_in(&self, mut path: Path, depth: usize, columns: &mut Vec<Flat>) {
        match self {
            Self::List(inner) => inner.flat_in(path, depth + 1, columns),
            Self::Leaf(leaf) => {
                let lists = (0..depth + path.iter().map(|(_, lists)| lists).sum::<usize>())
                    .fold(leaf.kind(), |kind, _| DataType::LargeList(item(kind)));
                columns.push(Flat {
                    path,
                    kind: lists,
                    metadata: HashMap::new(),
                });
            }
            Self::Mixed => columns.push(Flat {
                path,
                kind: mixed_type(),
                metadata: HashMap::new(),
            }),
            Self::Object(fields) => {
                if let Some(last) = path.last_mut() {
                    last.1 = depth;
                }
                for (name, node) in fields {
                    if let Some(node) = node {
                        let path = path.iter().cloned().chain([(name.clone(), 0)]).collect();
                        node.flat_in(path, 0, columns);
                    }
                }
            }
        }
    }

    /// Leaves only what `is_wanted` says of the names of columns.
    pub(super) fn keep(&mut self, path: &str, is_wanted: &impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Leaf(_) | Self::Mixed => is_wanted(path),
            Self::List(inner) => inner.keep(path, is_wanted),
            Self::Object(fields) => {
                for (name, node) in &mut *fields {
                    let path = if path.is_empty() {
                        name.clone()
                    } else {
                        format!("{path}.{name}")
                    };
                    if node
                        .as_mut()
                        .is_some_and(|node| !node.keep(&path, is_wanted))
                    {
                        *node = None;
                    }
                }
                fields.iter().any(|(_, node)| node.is_some())
            }
        }
    }
}
