//! Files that are opened as a stream.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::{Field, Schema, SchemaRef};

use super::Streaming;
use super::first_pass::Found;
use super::folder::files_of;
use super::node::{Flat, Leaf, Node};
use super::reader::Batches;
use super::source::{Format, Source};
use crate::error::{Error, Result};
use crate::formats::table::Fault;
use crate::tick::Tick;

/// Files whose rows can be read as batches of one schema, any number of times.
#[derive(Debug)]
pub struct Stream {
    pub(super) files: Vec<Source>,
    pub(super) how: Streaming,
    pub(super) schema: SchemaRef,
    /// The columns of JSON, kept or not.
    pub(super) json: Vec<(String, Option<Node>)>,
    pub(super) json_flat: Vec<Flat>,
    /// What the texts of CSV are, and whether the caller says so.
    pub(super) sheet: HashMap<String, (Leaf, bool)>,
    /// The columns that could not be held, each with the reason.
    pub(super) refused: Vec<(String, Fault)>,
    /// Whether the columns are to be those of a [`Table`](crate::formats::Table).
    pub(super) is_tabular: bool,
    /// For a table, the columns of several kinds, with the first value of another kind than those before.
    pub(super) mixed: Vec<(String, Fault)>,
    /// All that was found, kept or not, in order of first appearance.
    pub(super) names: Vec<String>,
}

impl Stream {
    /// Opens files (or folders that `datasets` saved) and settles their types. Progress counts bytes. O(bytes) for text,
    /// O(1) for others.
    ///
    /// # Errors
    /// [`Data`](Error::Data) where a file's ending is unknown, it has no rows, is cut short or unsound, a wanted column is
    /// missing or of several kinds, or a row is bad and [`OnError::Raise`](super::OnError::Raise); [`Argument`](Error::Argument) for options that
    /// do not fit; [`Io`](Error::Io); [`Cancelled`](Error::Cancelled).
    pub fn open(paths: &[PathBuf], how: Streaming, tick: &mut Tick<'_>) -> Result<Self> {
        Self::settled(paths, how, false, tick)
    }

    /// As [`open`](Self::open), for a table: columns of Parquet and Arrow become of its types where they can, and those of
    /// JSON that hold several kinds, texts among them, are of [`mixed_type`](super::mixed::mixed_type).
    pub(super) fn open_tabular(
        paths: &[PathBuf],
        how: Streaming,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        Self::settled(paths, how, true, tick)
    }

    fn settled(
        paths: &[PathBuf],
        how: Streaming,
        is_tabular: bool,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        let (mut stream, given) = Self::listed(paths, how, is_tabular)?;
        let found = if stream.is_known(&given) {
            Found::default()
        } else {
            stream.first_pass(tick)?
        };
        stream.settle(&found, &given)?;
        Ok(stream)
    }

    /// Files whose types are not yet settled, and the types that the caller gives.
    pub(super) fn listed(
        paths: &[PathBuf],
        how: Streaming,
        is_tabular: bool,
    ) -> Result<(Self, HashMap<String, Node>)> {
        let given = checked(paths, &how)?;
        let mut files = Vec::new();
        for path in paths {
            match files_of(path)? {
                Some(parts) => {
                    for path in parts {
                        files.push(Source::new(path, Format::Arrow)?);
                    }
                }
                None => files.push(Source::open(path.clone())?),
            }
        }
        let stream = Self {
            files,
            how,
            schema: Arc::new(Schema::empty()),
            json: Vec::new(),
            json_flat: Vec::new(),
            sheet: HashMap::new(),
            refused: Vec::new(),
            is_tabular,
            mixed: Vec::new(),
            names: Vec::new(),
        };
        Ok((stream, given))
    }

    /// Whether the caller gives the type of every column, so that there is nothing to find out.
    pub(super) fn is_known(&self, given: &HashMap<String, Node>) -> bool {
        let columns = self.how.columns.as_deref().unwrap_or_default();
        !columns.is_empty() && columns.iter().all(|name| given.contains_key(name))
    }

    /// The names and types of the columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How it was opened.
    pub fn how(&self) -> &Streaming {
        &self.how
    }

    /// The bytes of the text files.
    pub(super) fn text_bytes(&self) -> u64 {
        let texts = self.files.iter().filter(|file| file.is_text());
        texts.map(|file| file.size).sum()
    }

    /// The bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// The columns that could not be held, each with the reason.
    pub fn unreadable(&self) -> impl Iterator<Item = (&str, Error)> {
        let refused = self.refused.iter();
        refused.map(|(name, fault)| (name.as_str(), fault.error(name)))
    }

    /// The rows, from the first one.
    pub fn batches(self: &Arc<Self>) -> Batches {
        Batches::new(Arc::clone(self))
    }

    pub(super) fn is_wanted(&self, name: &str) -> bool {
        is_among(self.how.columns.as_deref(), name)
    }

    /// The columns of a typed file that are read.
    pub(super) fn typed_columns(&self, schema: &Schema) -> Vec<usize> {
        let is_read = |field: &Field| {
            let below = format!("{}.", field.name());
            self.schema.fields().iter().any(|kept| {
                kept.name() == field.name() || self.how.is_nested && kept.name().starts_with(&below)
            })
        };
        let fields = schema.fields().iter().enumerate();
        let kept = fields.filter(|(_, field)| is_read(field)).map(|(at, _)| at);
        kept.collect()
    }

    /// Notes that a column of a typed file cannot be held.
    pub(super) fn refuse(&mut self, name: String, file: &Path, message: String) {
        let fault = Fault {
            file: file.into(),
            line: None,
            message,
        };
        self.refused.push((name, fault));
    }

    /// Notes that a column was found.
    pub(super) fn name(&mut self, name: &str) {
        if !self.names.iter().any(|other| other == name) {
            self.names.push(name.into());
        }
    }

    /// Refuses a wanted column that is not there.
    pub(super) fn check_there(&self, name: &str) -> Result<()> {
        let below = format!("{name}.");
        let is_it = |other: &str| other == name || other.starts_with(&below);
        let fields = self.schema.fields().iter().map(|field| field.name());
        if let Some((name, fault)) = self.refused.iter().find(|(other, _)| is_it(other)) {
            return Err(fault.error(name));
        }
        if fields.clone().any(|field| is_it(field)) {
            return Ok(());
        }
        let names: Vec<String> = self.names.iter().map(|name| format!("`{name}`")).collect();
        let message = format!(
            "must have a column `{name}`, got the columns {}",
            names.join(", ")
        );
        Err(Error::data(&self.files[0].path, message))
    }
}

/// Whether a column is one of those that are wanted, or lies in one.
pub(super) fn is_among(wanted: Option<&[String]>, name: &str) -> bool {
    wanted.is_none_or(|wanted| {
        wanted.iter().any(|other| {
            let below = name.strip_prefix(other.as_str());
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    })
}

/// The types that the caller gives.
fn checked(paths: &[PathBuf], how: &Streaming) -> Result<HashMap<String, Node>> {
    if paths.is_empty() {
        return Err(Error::argument("files", "name at least one file", 0));
    }
    for (name, number) in [("threads", how.threads), ("batch_rows", how.batch_rows)] {
        if number == 0 {
            return Err(Error::argument(name, "be positive", 0));
        }
    }
    if how.names.as_ref().is_some_and(Vec::is_empty) {
        return Err(Error::argument("names", "name at least one column", 0));
    }
    if how.is_nested && !how.types.is_empty() {
        return Err(Error::argument(
            "types",
            "be left out with `nested`",
            how.types.len(),
        ));
    }
    let mut given = HashMap::new();
    let mut types: Vec<_> = how.types.iter().collect();
    types.sort_unstable();
    for (name, kind) in types {
        let rule = "hold `text`, `int64`, `float64`, `bool` or `list[...]` of one of these";
        let node = Node::named(kind)
            .ok_or_else(|| Error::argument("types", rule, format!("`{kind}` for `{name}`")))?;
        if how
            .columns
            .as_ref()
            .is_some_and(|columns| !columns.contains(name))
        {
            return Err(Error::argument(
                "types",
                "be of `columns`",
                format!("`{name}`"),
            ));
        }
        given.insert(name.clone(), node);
    }
    Ok(given)
}
