//! The types of a stream, settled before its first batch.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::arrow_file::ArrowBatches;
use super::columns::Columns;
use super::fit::{field_of, flat_schema, name_of};
use super::folder::files_of;
use super::node::{Flat, Leaf, Node};
use super::pieces::Piece;
use super::reader::{Batches, pass};
use super::rows::observe;
use super::shape::{Keys, Rule};
use super::sheet::Guess;
use super::source::{Format, Source};
use super::{MAX_COLUMNS, OnError, Skipped, Streaming};
use crate::error::{Error, Result};
use crate::formats::assembly::too_many_columns;
use crate::formats::size_of;
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
    refused: Vec<(String, Fault)>,
    /// All that was found, kept or not, in order of first appearance.
    names: Vec<String>,
}

/// What a first pass finds.
#[derive(Default)]
struct Found {
    keys: Keys,
    sheets: Vec<(String, Guess)>,
    skipped: Skipped,
}

enum Seen {
    Keys(Keys),
    Guesses(Arc<Vec<String>>, Vec<Option<Guess>>),
}

impl Stream {
    /// Opens files (or folders that `datasets` saved) and settles their types. Progress counts bytes. O(bytes) for text,
    /// O(1) for others.
    ///
    /// # Errors
    /// [`Data`](Error::Data) where a file's ending is unknown, it has no rows, is cut short or unsound, a wanted column is
    /// missing or of several kinds, or a row is bad and [`OnError::Raise`]; [`Argument`](Error::Argument) for options that
    /// do not fit; [`Io`](Error::Io); [`Cancelled`](Error::Cancelled).
    pub fn open(paths: &[PathBuf], how: Streaming, tick: &mut Tick<'_>) -> Result<Self> {
        let given = checked(paths, &how)?;
        let mut files = Vec::new();
        for path in paths {
            match files_of(path)? {
                Some(parts) => {
                    for path in parts {
                        let size = size_of(&path)?;
                        let format = Format::Arrow;
                        files.push(Source { path, format, size });
                    }
                }
                None => files.push(Source::open(path.clone())?),
            }
        }
        let mut stream = Self {
            files,
            how,
            schema: Arc::new(Schema::empty()),
            json: Vec::new(),
            json_flat: Vec::new(),
            sheet: HashMap::new(),
            refused: Vec::new(),
            names: Vec::new(),
        };
        stream.settle(&given, tick)?;
        Ok(stream)
    }

    /// The names and types of the columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How it was opened.
    pub fn how(&self) -> &Streaming {
        &self.how
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

    fn is_wanted(&self, name: &str) -> bool {
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

    fn settle(&mut self, given: &HashMap<String, Node>, tick: &mut Tick<'_>) -> Result<()> {
        let mut columns = Columns::default();
        let columns_given = self.how.columns.clone().unwrap_or_default();
        let is_known =
            !columns_given.is_empty() && columns_given.iter().all(|name| given.contains_key(name));
        let found = if is_known {
            Found::default()
        } else {
            self.first_pass(tick)?
        };
        let rule = match self.how.on_error {
            OnError::Raise => Rule::Same,
            OnError::Skip => Rule::Most,
        };
        let mut refused = Vec::new();
        self.json = found
            .keys
            .settle(rule, self.how.is_nested, "", &mut refused);
        if is_known && self.files.iter().any(Source::is_text) {
            self.json = columns_given
                .iter()
                .map(|name| (name.clone(), None))
                .collect();
        }
        for (name, node) in &mut self.json {
            if let Some(given) = given.get(name) {
                *node = Some(given.clone());
                refused.retain(|refusal| refusal.path != *name);
            }
        }
        for refusal in refused {
            let place = refusal.place.unwrap_or_default();
            let fault = Fault {
                file: self.files[place.file as usize].path.clone(),
                line: Some(place.line),
                message: refusal.message,
            };
            self.refused.push((refusal.path, fault));
        }
        for (name, node) in &mut self.json {
            let wanted = self.how.columns.as_deref();
            let is_wanted = |path: &str| is_among(wanted, path);
            let mut found = Vec::new();
            if let Some(node) = &node {
                node.flat(vec![(name.clone(), 0)], &mut found);
            }
            self.names
                .extend(found.iter().map(|flat| name_of(&flat.path)));
            if found.is_empty() {
                self.names.push(name.clone());
            }
            if node
                .as_mut()
                .is_some_and(|node| !node.keep(name, &is_wanted))
            {
                *node = None;
            }
            if let Some(node) = &node {
                node.flat(vec![(name.clone(), 0)], &mut self.json_flat);
            }
        }
        for flat in &self.json_flat {
            if !columns.names.insert(name_of(&flat.path)) {
                let message = format!(
                    "must give each column a name of its own, got `{}` twice",
                    name_of(&flat.path)
                );
                return Err(Error::data(&self.files[0].path, message));
            }
            columns.add(flat.clone(), false);
        }
        self.settle_sheets(&found, given, is_known, &mut columns);
        self.settle_typed(given, &mut columns)?;
        self.finish(columns, given)
    }

    fn settle_sheets(
        &mut self,
        found: &Found,
        given: &HashMap<String, Node>,
        is_known: bool,
        columns: &mut Columns,
    ) {
        let has_sheets = self
            .files
            .iter()
            .any(|file| matches!(file.format, Format::Separated(_)));
        let mut leaves: Vec<(String, Leaf)> = Vec::new();
        if is_known && has_sheets {
            let names = self.how.columns.iter().flatten();
            leaves.extend(names.map(|name| (name.clone(), Leaf::Text)));
        }
        leaves.extend(
            found
                .sheets
                .iter()
                .map(|(name, guess)| (name.clone(), guess.leaf())),
        );
        for (name, mut leaf) in leaves {
            self.name(&name);
            if !self.is_wanted(&name) {
                continue;
            }
            let of_others = columns
                .kinds
                .iter()
                .find(|(flat, _)| name_of(&flat.path) == name);
            if of_others.is_some_and(|(flat, _)| flat.kind == DataType::LargeUtf8) {
                leaf = Leaf::Text;
            }
            let told = match given.get(&name) {
                Some(Node::Leaf(leaf)) => Some(*leaf),
                _ => None,
            };
            let (leaf, is_given) = told.map_or((leaf, false), |leaf| (leaf, true));
            self.sheet.insert(name.clone(), (leaf, is_given));
            let path = vec![(name, 0)];
            let kind = leaf.kind();
            let metadata = HashMap::new();
            columns.add(
                Flat {
                    path,
                    kind,
                    metadata,
                },
                false,
            );
        }
    }

    fn settle_typed(&mut self, given: &HashMap<String, Node>, columns: &mut Columns) -> Result<()> {
        let mut metadata = None;
        for at in 0..self.files.len() {
            let path = self.files[at].path.clone();
            let schema = match &self.files[at].format {
                Format::Parquet(source) => Arc::clone(source.schema()),
                Format::Arrow => ArrowBatches::open(&path)?.schema()?,
                _ => continue,
            };
            let unsound =
                |error| Error::data(&path, format!("must have sound columns, got {error}"));
            let flats = flat_schema(&schema, self.how.is_nested).map_err(unsound)?;
            if flats.len() > MAX_COLUMNS {
                return Err(too_many_columns(&path));
            }
            let mut names = HashSet::new();
            for flat in flats {
                let name = name_of(&flat.path);
                if !names.insert(name.clone()) {
                    let message = format!("must name each column once, got `{name}` twice");
                    return Err(Error::data(&path, message));
                }
                self.name(&name);
                if !self.is_wanted(&name) {
                    continue;
                }
                if let Err(message) = columns.add(flat, true).filter(given.contains_key(&name)) {
                    let line = None;
                    let file = path.clone();
                    self.refused.push((
                        name,
                        Fault {
                            file,
                            line,
                            message,
                        },
                    ));
                }
            }
            // What a writer adds to its schema stays where there is one file of it, whole.
            let is_whole = self.files.len() == 1 && self.how.columns.is_none();
            metadata = is_whole.then(|| schema.metadata().clone());
        }
        columns.metadata = metadata.unwrap_or_default();
        Ok(())
    }

    fn finish(&mut self, columns: Columns, given: &HashMap<String, Node>) -> Result<()> {
        let mut fields: Vec<Field> = Vec::new();
        for (mut flat, _) in columns.kinds {
            let name = name_of(&flat.path);
            if self.refused.iter().any(|(other, _)| *other == name) {
                continue;
            }
            if let Some(node) = given.get(&name) {
                let mut typed = Vec::new();
                node.flat(flat.path.clone(), &mut typed);
                flat.kind = typed.swap_remove(0).kind;
            }
            fields.push(field_of(&flat));
        }
        if fields.len() > MAX_COLUMNS {
            return Err(too_many_columns(&self.files[0].path));
        }
        self.schema = Arc::new(Schema::new_with_metadata(fields, columns.metadata));
        for name in self.how.columns.clone().unwrap_or_default() {
            self.check_there(&name)?;
        }
        Ok(())
    }

    /// Notes that a column was found.
    fn name(&mut self, name: &str) {
        if !self.names.iter().any(|other| other == name) {
            self.names.push(name.into());
        }
    }

    /// Refuses a wanted column that is not there.
    fn check_there(&self, name: &str) -> Result<()> {
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

    fn first_pass(&self, tick: &mut Tick<'_>) -> Result<Found> {
        let mut found = Found::default();
        let total = self
            .files
            .iter()
            .filter(|file| file.is_text())
            .map(|file| file.size)
            .sum();
        for (at, file) in self
            .files
            .iter()
            .enumerate()
            .filter(|(_, file)| file.is_text())
        {
            let number = u32::try_from(at).unwrap_or(u32::MAX);
            let mut rows = 0;
            let look = |_, piece| match piece {
                Piece::Texts(texts) => {
                    let seen = observe(&file.path, number, &texts, self.how.on_error)?;
                    Ok((Seen::Keys(seen.0), seen.1, seen.2))
                }
                Piece::Records(records) => {
                    let guesses = records.guesses();
                    Ok((
                        Seen::Guesses(records.names, guesses),
                        records.rows as u64,
                        records.bad,
                    ))
                }
                Piece::Rows(..) => Err(Error::data(&file.path, "must be text")),
            };
            let merge = |(seen, more, bad)| {
                rows += more;
                found.skipped.add(&file.path, bad);
                found.merge(seen, &file.path)
            };
            pass(
                self,
                at..at + 1,
                self.how.block_bytes,
                look,
                merge,
                tick,
                total,
            )?;
            if rows == 0 {
                return Err(no_rows(&file.path, &found.skipped));
            }
        }
        tick.at(total, total)?;
        Ok(found)
    }
}

fn no_rows(file: &Path, skipped: &Skipped) -> Error {
    let of_file = skipped.rows.iter().find(|row| row.file == file);
    let hint = of_file.map_or_else(String::new, |row| {
        format!(
            " that can be read\nhint: the first one is bad: {}",
            row.reason
        )
    });
    Error::data(file, format!("must hold rows, got none{hint}"))
}

impl Found {
    fn merge(&mut self, seen: Seen, file: &Path) -> Result<()> {
        match seen {
            Seen::Keys(keys) => self.keys.merge(keys),
            Seen::Guesses(names, guesses) => {
                for (name, guess) in names.iter().zip(guesses) {
                    let guess = guess.unwrap_or_default();
                    match self.sheets.iter_mut().find(|(other, _)| other == name) {
                        Some((_, before)) => *before = before.and(guess),
                        None => self.sheets.push((name.clone(), guess)),
                    }
                }
            }
        }
        if self.keys.len() + self.sheets.len() > MAX_COLUMNS {
            return Err(too_many_columns(file));
        }
        Ok(())
    }
}

fn is_among(wanted: Option<&[String]>, name: &str) -> bool {
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
