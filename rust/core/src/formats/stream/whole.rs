//! Files in memory as a whole, with the rows and types of their stream, but with one pass over text.
//!
//! A block of JSON is parsed with the types that the blocks before it have settled. Where a value or a name is not among
//! these, the block is observed as in a stream's first pass and parsed with its own types. At the end all blocks become of
//! the types that hold every value; those only widen. A block of CSV stays texts until then.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::bad::Bad;
use super::first_pass::{Found, Look, Seen, no_text};
use super::fit::fit;
use super::gathered::Gathered;
use super::node::Node;
use super::pieces::{Piece, Pieces, misfit, parse};
use super::plan::Stream;
use super::reader::{Part, pass};
use super::rows::{Kept, Texts, keep};
use super::shape::{Keys, Settling};
use super::sheet::RecordTexts;
use super::{OnError, Streaming, no_rows};
use crate::error::Result;
use crate::formats::table::Table;
use crate::formats::{Progress, Reading};
use crate::pool;
use crate::tick::Tick;

/// The columns of JSON, of which those that are kept have a type.
type Columns = Vec<(String, Option<Node>)>;

/// A block of a text file before the types of all are settled.
enum Block {
    Values(Arc<Columns>, Kept),
    Records(RecordTexts),
}

/// Reads files of one schema, of any format that a [`Stream`] has, into one table, in the order given; progress counts
/// bytes. O(bytes).
///
/// # Errors
/// [`Data`](crate::Error::Data) where a file's ending is unknown, it holds no rows, is cut short, is no UTF-8 or breaks its
/// format, or a wanted column is missing, null, blank or of mixed types; [`Io`](crate::Error::Io);
/// [`Cancelled`](crate::Error::Cancelled).
pub fn read(files: &[PathBuf], how: &Reading<'_>, tick: &mut Tick<'_>) -> Result<Table> {
    let streaming = Streaming {
        columns: how.columns.map(<[String]>::to_vec),
        has_text_numbers: how.has_text_numbers,
        block_bytes: how.block_bytes,
        threads: how.threads,
        ..Streaming::default()
    };
    let (mut stream, given) = Stream::listed(files, streaming, true)?;
    let (found, blocks) = load(&stream, tick)?;
    stream.settle(&found, &given)?;
    let rows = gather(&stream, files, blocks, tick)?;
    let table = table(&stream, rows);
    for name in how.columns.unwrap_or_default() {
        table.require(name)?;
    }
    let total = stream.bytes();
    tick.at(total, total)?;
    Ok(table)
}

/// The blocks of the text files, each with the number of its file, and what they hold.
fn load(stream: &Stream, tick: &mut Tick<'_>) -> Result<(Found, Vec<(usize, Block)>)> {
    let columns = Mutex::new(Arc::default());
    let known = || columns.lock().unwrap_or_else(PoisonError::into_inner);
    let look = |file, piece| match piece {
        Piece::Texts(texts) => {
            let before = Arc::clone(&known());
            look_at_texts(stream, file, &texts, before)
        }
        Piece::Records(mut records) => {
            let look = Look::at_records(&mut records);
            Ok((look, (Block::Records(records), false)))
        }
        Piece::Rows(..) => Err(no_text(&stream.files[file].path)),
    };
    let mut blocks = Vec::new();
    let put = |file, (block, is_new), found: &Found| {
        if is_new {
            *known() = Arc::new(wanted(stream, &found.keys));
        }
        blocks.push((file, block));
        Ok(())
    };
    let found = stream.look_through(look, put, tick, stream.bytes())?;
    Ok((found, blocks))
}

/// The types of what was found in JSON, as far as it is wanted.
fn wanted(stream: &Stream, keys: &Keys) -> Columns {
    let how = Settling {
        rule: stream.rule(),
        is_nested: false,
        rounds: true,
    };
    let mut columns = keys.settle(how, "", &mut Vec::new());
    for (name, node) in &mut columns {
        if !stream.is_wanted(name) {
            *node = None;
        }
    }
    columns
}

/// A block of JSON; and whether it holds what the columns `before` it do not.
fn look_at_texts(
    stream: &Stream,
    file: usize,
    texts: &Texts,
    before: Arc<Columns>,
) -> Result<(Look, (Block, bool))> {
    let path = &stream.files[file].path;
    if let Ok(kept) = keep(path, texts, &before, OnError::Raise, true) {
        let (seen, rows, bad) = (Seen::Same, kept.rows as u64, Bad::default());
        let look = Look { seen, rows, bad };
        return Ok((look, (Block::Values(before, kept), false)));
    }
    let look = Look::at_texts(stream, file, texts)?;
    let columns = match &look.seen {
        Seen::Keys(keys) => wanted(stream, keys),
        _ => Columns::new(),
    };
    let kept = keep(path, texts, &columns, OnError::Raise, false)?;
    Ok((look, (Block::Values(Arc::new(columns), kept), true)))
}

impl Block {
    /// The block with the types of all.
    fn part(self, stream: &Stream, file: usize) -> Result<Part> {
        let (columns, kept) = match self {
            Self::Records(records) => return parse(stream, file, Piece::Records(records)),
            Self::Values(columns, kept) => (columns, kept),
        };
        let names = columns.iter().filter(|(_, node)| node.is_some());
        let names = names.map(|(name, _)| name.clone());
        let named: HashMap<_, _> = names.zip(kept.arrays).collect();
        let batch = fit(&stream.schema, &named, kept.rows)
            .map_err(|error| misfit(&stream.files[file].path, &error))?;
        Ok(Part {
            file,
            batches: vec![batch],
            lines: kept.lines,
            bad: kept.bad,
        })
    }
}

/// All rows in the order of the files.
fn gather(
    stream: &Stream,
    files: &[PathBuf],
    blocks: Vec<(usize, Block)>,
    tick: &mut Tick<'_>,
) -> Result<Gathered> {
    let (total, mut before) = (stream.bytes(), stream.text_bytes());
    let mut progress = Progress {
        tick: &mut *tick,
        before,
        total,
    };
    let parts = progress.during(0, |tick| {
        let work = |(): &mut (), (file, block): (usize, Block)| block.part(stream, file);
        pool::map_items(stream.how.threads, blocks.into_iter(), tick, || (), work)
    })?;
    let mut parts = parts.into_iter().peekable();
    let mut rows = Gathered::default();
    for (at, file) in stream.files.iter().enumerate() {
        let num = rows.num;
        while let Some(part) = parts.next_if(|part| part.file == at) {
            rows.add(stream, part)?;
        }
        if !file.is_text() {
            let pieces = Pieces::new(at..at + 1, stream.how.block_bytes, before);
            let work = |file, piece| parse(stream, file, piece);
            pass(
                stream,
                pieces,
                work,
                |part| rows.add(stream, part),
                tick,
                total,
            )?;
            before += file.size;
        }
        // The files of a data set's folder may be empty, but not all of them.
        let is_last = at + 1 == stream.files.len();
        if rows.num == 0 && is_last || rows.num == num && files.contains(&file.path) {
            return Err(no_rows(&file.path, ""));
        }
    }
    Ok(rows)
}

/// The table, which knows of the columns that were found and are not in it.
fn table(stream: &Stream, mut rows: Gathered) -> Table {
    let refused = stream.refused.iter();
    let refused = refused.filter(|(name, _)| stream.is_wanted(name)).cloned();
    rows.origin.refused.extend(refused);
    let is_held = |name: &String| {
        stream.schema.index_of(name).is_ok()
            || rows.origin.refused.iter().any(|(other, _)| other == name)
    };
    let others = stream.names.iter().filter(|name| !is_held(name));
    let others = others.cloned().collect();
    rows.origin.others = others;
    rows.table(Arc::clone(&stream.schema))
}
