//! JSON Lines: one object a line; blocks of lines are parsed in parallel, straight into columns.

mod cells;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use serde_core::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use self::cells::{Cell, Cells};
use super::assembly::{Assembly, Part, too_many_columns};
use super::blocks::{Block, Blocks};
use super::{MAX_COLUMNS, Progress, Reading};
use crate::error::{Error, Result};
use crate::pool;

/// Blocks that a thread parses before what it found is put away.
const ROUND: usize = 4;

pub(super) fn read(
    file: &Path,
    how: &Reading<'_>,
    progress: &mut Progress<'_, '_>,
    assembly: &mut Assembly,
) -> Result<()> {
    let mut blocks = Blocks::open(file, how.block_bytes)?;
    loop {
        let mut round = Vec::new();
        let mut end = None;
        while round.len() < how.threads.saturating_mul(ROUND) && end.is_none() {
            match blocks.next(progress) {
                Ok(Some(block)) => round.push(block),
                Ok(None) => end = Some(Ok(())),
                Err(error) => end = Some(Err(error)),
            }
        }
        // What was read before a fault is judged before it.
        let parts = progress.during(blocks.taken(), |tick| {
            let parse = |(): &mut (), block: Block| parse(file, &block, how.columns);
            pool::map_items(how.threads, round.into_iter(), tick, || (), parse)
        })?;
        for part in parts {
            assembly.push(file, part)?;
        }
        if let Some(end) = end {
            return end;
        }
    }
}

fn parse(file: &Path, block: &Block, wanted: Option<&[String]>) -> Result<Part> {
    let mut rows = Rows {
        wanted,
        columns: Vec::new(),
        places: HashMap::new(),
        line: block.line,
        part: Part::default(),
    };
    let (text, broken) = block.text(file);
    for line in text.split('\n') {
        let line = line.trim_matches([' ', '\t', '\r']);
        if !line.is_empty() {
            rows.read(line).map_err(|error| {
                if rows.columns.len() > MAX_COLUMNS {
                    too_many_columns(file)
                } else {
                    Error::data_row(file, rows.line, said(line, &error))
                }
            })?;
        }
        rows.line += 1;
    }
    broken.map_or_else(|| Ok(rows.finish()), Err)
}

pub(super) fn said(line: &str, error: &serde_json::Error) -> String {
    if line.starts_with('[') {
        return "must be one JSON object, got an array\nhint: put each object on a line of its own"
            .into();
    }
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    format!(
        "must be one JSON object, got {text} at byte {}",
        error.column()
    )
}

/// The columns of a block, in the order in which their names come first.
struct Rows<'a> {
    wanted: Option<&'a [String]>,
    columns: Vec<Column>,
    places: HashMap<String, usize>,
    line: u64,
    part: Part,
}

struct Column {
    name: String,
    /// `None` where nobody asked for it.
    cells: Option<Cells>,
    /// The number of rows when the name came last.
    seen: usize,
}

impl Rows<'_> {
    fn read(&mut self, line: &str) -> Result<(), serde_json::Error> {
        let mut json = serde_json::Deserializer::from_str(line);
        json.deserialize_map(Row(self))?;
        json.end()?;
        self.part.lines.push(self.part.rows, self.line);
        self.part.rows += 1;
        Ok(())
    }

    /// The place of a column, which is likely `guess`.
    fn place(&mut self, name: &str, guess: usize) -> usize {
        if self
            .columns
            .get(guess)
            .is_some_and(|column| column.name == name)
        {
            return guess;
        }
        self.places.get(name).copied().unwrap_or_else(|| {
            let is_wanted = self
                .wanted
                .is_none_or(|wanted| wanted.iter().any(|other| other == name));
            self.places.insert(name.into(), self.columns.len());
            self.columns.push(Column {
                name: name.into(),
                cells: is_wanted.then(Cells::default),
                seen: 0,
            });
            self.columns.len() - 1
        })
    }

    fn finish(mut self) -> Part {
        for column in self.columns {
            match column.cells {
                Some(mut cells) => {
                    cells.pad(self.part.rows);
                    self.part.chunks.push(cells.finish(column.name));
                }
                None => self.part.others.push(column.name),
            }
        }
        self.part
    }
}

struct Row<'r, 'a>(&'r mut Rows<'a>);

impl<'de> Visitor<'de> for Row<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(rows) = self;
        let now = rows.part.rows + 1;
        let mut guess = 0;
        while let Some(at) = map.next_key_seed(Key { rows, guess })? {
            let column = &mut rows.columns[at];
            if column.seen == now {
                return Err(A::Error::custom(format_args!(
                    "the key `{}` twice",
                    column.name
                )));
            }
            column.seen = now;
            guess = at + 1;
            let Some(cells) = &mut column.cells else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            cells.pad(rows.part.rows);
            map.next_value_seed(Cell {
                cells,
                line: rows.line,
            })?;
        }
        Ok(())
    }
}

struct Key<'r, 'a> {
    rows: &'r mut Rows<'a>,
    guess: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<usize, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = usize;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: serde_core::de::Error>(self, name: &str) -> Result<usize, E> {
        let at = self.rows.place(name, self.guess);
        if self.rows.columns.len() > MAX_COLUMNS {
            return Err(E::custom("too many columns"));
        }
        Ok(at)
    }
}
