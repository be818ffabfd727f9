//! JSON Lines: one object a line; blocks of lines are parsed in parallel, straight into columns.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, LargeStringBuilder};
use arrow_array::{ArrayRef, LargeListArray, NullArray, new_empty_array};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;
use serde_core::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::assembly::{Assembly, Chunk, Part, too_many_columns};
use super::blocks::{Block, Blocks};
use super::convert::{clash, item};
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

fn said(line: &str, error: &serde_json::Error) -> String {
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

/// The values of a column, or of the lists in one.
#[derive(Default)]
struct Cells {
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
    fn pad(&mut self, len: usize) {
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

    fn finish(self, name: String) -> Chunk {
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

struct Cell<'c> {
    cells: &'c mut Cells,
    line: u64,
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
