//! What a folder of parts is of, written before its first part.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::files::{Aside, refused};

pub(super) const NAME: &str = "manifest.json";
const FORMAT: &str = "foolsgold candidates";
const VERSION: u64 = 1;

/// How many queries there are, how they are cut into parts, and what decides the content.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    queries: u32,
    part_rows: u32,
    key: BTreeMap<String, Value>,
}

impl Manifest {
    /// Describes a folder; `key` is a JSON object of everything that decides the content, by name.
    ///
    /// # Errors
    /// [`Argument`](Error::Argument) where `part_rows` is zero or `key` is no object.
    pub fn new(queries: u32, part_rows: u32, key: &str) -> Result<Self> {
        if part_rows == 0 {
            return Err(Error::argument("part_rows", "be at least 1", 0));
        }
        let object: Map<String, Value> = serde_json::from_str(key)
            .map_err(|error| Error::argument("key", "be a JSON object", error))?;
        Ok(Self {
            queries,
            part_rows,
            key: object.into_iter().collect(),
        })
    }

    /// How many queries the parts hold.
    pub fn queries(&self) -> u32 {
        self.queries
    }

    /// How many queries a part holds, the last one perhaps fewer.
    pub fn part_rows(&self) -> u32 {
        self.part_rows
    }

    /// What decides the content, as a JSON object with sorted names.
    pub fn key(&self) -> String {
        json!(self.key).to_string()
    }

    /// How many parts there are.
    pub fn parts(&self) -> u32 {
        self.queries.div_ceil(self.part_rows)
    }

    /// The queries of a part.
    pub(super) fn rows(&self, part: u32) -> Range<u32> {
        let start = part.saturating_mul(self.part_rows).min(self.queries);
        start..start.saturating_add(self.part_rows).min(self.queries)
    }

    /// Reads the manifest of a folder.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let text = std::fs::read_to_string(&path).map_err(|source| Error::io(&path, source))?;
        let unsound = |what: &str| {
            let message = format!("must be a manifest of stored candidates, {what}");
            Error::data(&path, message)
        };
        let object: Map<String, Value> = serde_json::from_str(&text)
            .map_err(|error| unsound(&format!("got broken JSON: {error}")))?;
        if object.get("format").and_then(Value::as_str) != Some(FORMAT) {
            return Err(unsound("got another file"));
        }
        match object.get("version").and_then(Value::as_u64) {
            Some(VERSION) => {}
            Some(version) => {
                let hint = "hint: it was written by another version of foolsgold";
                let message = format!("must be of version {VERSION}, got {version}\n{hint}");
                return Err(Error::data(&path, message));
            }
            None => return Err(unsound("got no `version`")),
        }
        let count = |name: &str| {
            let number = object.get(name).and_then(Value::as_u64);
            let number = number.and_then(|number| u32::try_from(number).ok());
            number.ok_or_else(|| unsound(&format!("got no usable `{name}`")))
        };
        let (queries, part_rows) = (count("queries")?, count("part_rows")?);
        let key = object.get("key").map(Value::to_string).unwrap_or_default();
        Self::new(queries, part_rows, &key)
            .map_err(|_| unsound("got no usable `part_rows` or `key`"))
    }

    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let object: BTreeMap<&str, Value> = [
            ("format", json!(FORMAT)),
            ("version", json!(VERSION)),
            ("queries", json!(self.queries)),
            ("part_rows", json!(self.part_rows)),
            ("key", json!(self.key)),
        ]
        .into();
        let mut file = Aside::new(folder, NAME)?;
        writeln!(file, "{:#}", json!(object)).map_err(|source| refused(folder, source))?;
        file.publish(folder, NAME)
    }

    /// Refuses to go on where another call has begun. Parts are cut as they were there.
    pub(super) fn check_same(&self, now: &Self, folder: &Path) -> Result<()> {
        let mut differing = Vec::new();
        if self.queries != now.queries {
            let text = format!(
                "the number of queries was {} and is {} now",
                self.queries, now.queries
            );
            differing.push(text);
        }
        let names = self.key.keys().chain(now.key.keys());
        let names: std::collections::BTreeSet<_> = names.collect();
        for name in names {
            let shown = |value: Option<&Value>| value.map_or("not given".into(), Value::to_string);
            let (before, after) = (self.key.get(name), now.key.get(name));
            if before != after {
                let (before, after) = (shown(before), shown(after));
                differing.push(format!("`{name}` was {before} and is {after} now"));
            }
        }
        if differing.is_empty() {
            return Ok(());
        }
        let message = format!(
            "holds the candidates of another call: {}\nhint: give another folder, or remove this one",
            differing.join(", ")
        );
        Err(Error::data(folder, message))
    }
}
