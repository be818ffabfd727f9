//! The folder of the BEIR benchmarks: a corpus, queries, and for each split the judgments that join them.
//!
//! Ids are compared here once; what comes out are row numbers.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::LargeStringBuilder;
use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{Array as _, ArrayRef, LargeStringArray, RecordBatch};
use arrow_schema::{DataType, Field, Schema};

use super::{Reading, Table, read};
use crate::error::{Error, Result};
use crate::tick::Tick;

/// A folder, read.
#[derive(Debug)]
pub struct Beir {
    /// `text`: for each row of the corpus its title and text, joined by a space.
    pub documents: Table,
    /// `_id` and `text`.
    pub queries: Table,
    /// By the names of the splits.
    pub splits: Vec<Judgments>,
}

/// Which documents answer which queries, judgment by judgment in the order of the file.
#[derive(Debug)]
pub struct Judgments {
    /// The split.
    pub name: String,
    /// The file's own columns.
    pub table: Table,
    /// For each judgment the query's row.
    pub queries: Vec<u32>,
    /// For each judgment the document's row in the corpus.
    pub documents: Vec<u32>,
    /// How relevant it is; 0 and less for not at all.
    pub scores: Vec<f64>,
}

/// Rows that are joined between two looks at the caller.
const PAUSE: u32 = 1 << 16;
const ENDINGS: [&str; 3] = ["", ".gz", ".zst"];

/// Whether `folder` has the files of one: a corpus, queries and qrels.
pub fn is_beir(folder: &Path) -> bool {
    let has = |stem| {
        ENDINGS
            .iter()
            .any(|end| folder.join(format!("{stem}{end}")).is_file())
    };
    has("corpus.jsonl") && has("queries.jsonl") && !qrels(folder).is_empty()
}

impl Beir {
    /// Reads `folder`: `corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`, `text`), and each
    /// `qrels/<split>.tsv` or `qrels_<split>.tsv` (`query-id`, `corpus-id`, `score`), all also `.gz` or `.zst`. O(bytes).
    ///
    /// # Errors
    /// As [`read`]; [`Data`](Error::Data) at an id that is unknown or comes twice, a document without any text, a score
    /// that is no number, and where `folder` is no such folder.
    pub fn read(folder: &Path, threads: usize, tick: &mut Tick<'_>) -> Result<Self> {
        let of = |stem| one_of(folder, stem);
        let (corpus, queries) = (of("corpus.jsonl")?, of("queries.jsonl")?);
        let qrels = qrels(folder);
        if qrels.is_empty() {
            return Err(Error::data(
                folder,
                "must hold qrels/<split>.tsv or qrels_<split>.tsv",
            ));
        }
        let how = Reading {
            threads,
            has_text_numbers: false,
            ..Reading::default()
        };
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|&name| name.to_owned())
                .collect::<Vec<_>>()
        };
        let corpus = read(&[corpus], &how, tick)?;
        let documents = documents(&corpus, tick)?;
        let wanted = names(&["_id", "text"]);
        let queries = read(
            &[queries],
            &Reading {
                columns: Some(&wanted),
                ..how
            },
            tick,
        )?;
        let (corpus_ids, query_ids) = (Ids::new(&corpus, tick)?, Ids::new(&queries, tick)?);
        let wanted = names(&["query-id", "corpus-id", "score"]);
        let mut splits = Vec::new();
        for (name, file) in qrels {
            let table = read(
                &[file],
                &Reading {
                    columns: Some(&wanted),
                    ..how
                },
                tick,
            )?;
            splits.push(judge(name, table, &query_ids, &corpus_ids, tick)?);
        }
        Ok(Self {
            documents,
            queries,
            splits,
        })
    }
}

fn one_of(folder: &Path, stem: &str) -> Result<PathBuf> {
    let files: Vec<PathBuf> = ENDINGS
        .iter()
        .map(|end| folder.join(format!("{stem}{end}")))
        .filter(|file| file.is_file())
        .collect();
    match <[PathBuf; 1]>::try_from(files) {
        Ok([file]) => Ok(file),
        Err(files) => Err(Error::data(
            folder,
            format!(
                "must hold one {stem} (also .gz or .zst), got {}",
                files.len()
            ),
        )),
    }
}

/// The splits and their files, by name.
fn qrels(folder: &Path) -> Vec<(String, PathBuf)> {
    let list = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let inside = list(&folder.join("qrels")).map(|entry| ("", entry));
    let beside = list(folder).map(|entry| ("qrels_", entry));
    let mut found: Vec<(String, PathBuf)> = inside
        .chain(beside)
        .filter_map(|(start, entry)| {
            let name = entry.file_name().into_string().ok()?;
            let name = name.strip_prefix(start)?;
            let split = ENDINGS
                .iter()
                .find_map(|end| name.strip_suffix(&format!(".tsv{end}")))?;
            Some((split.to_owned(), entry.path()))
        })
        .collect();
    found.sort();
    found
}

/// The ids of a table's rows.
struct Ids {
    rows: HashMap<String, u32>,
}

/// The texts of a column; whole numbers as they are spelled.
fn spelled(table: &Table, name: &str) -> Result<Vec<LargeStringArray>> {
    let spell = |chunk: &ArrayRef| match chunk.data_type() {
        DataType::Int64 => {
            let numbers = chunk.as_primitive::<Int64Type>().iter();
            numbers
                .map(|number| number.map(|number| number.to_string()))
                .collect()
        }
        DataType::LargeUtf8 => chunk.as_string::<i64>().clone(),
        _ => LargeStringArray::new_null(chunk.len()),
    };
    Ok(table.column(name)?.iter().map(spell).collect())
}

impl Ids {
    fn new(table: &Table, tick: &mut Tick<'_>) -> Result<Self> {
        table.require("_id")?;
        let chunks = spelled(table, "_id")?;
        let mut rows = HashMap::with_capacity(table.rows());
        for (row, id) in (0u32..).zip(chunks.iter().flatten()) {
            pause(row, table, tick)?;
            let Some(id) = id else {
                return Err(wrong(
                    table,
                    row,
                    "_id",
                    "must be text or a whole number, got another type".into(),
                ));
            };
            if rows.insert(id.to_owned(), row).is_some() {
                return Err(wrong(
                    table,
                    row,
                    "_id",
                    format!("must not come twice, got `{id}`"),
                ));
            }
        }
        Ok(Self { rows })
    }
}

/// Lets the caller stop now and then.
fn pause(row: u32, table: &Table, tick: &mut Tick<'_>) -> Result<()> {
    if row.is_multiple_of(PAUSE) {
        tick.at(u64::from(row), table.rows() as u64)?;
    }
    Ok(())
}

fn wrong(table: &Table, row: u32, column: &str, message: String) -> Error {
    let (file, line) = table.place(row as usize).unwrap_or((Path::new(""), 0));
    Error::data_cell(file, line, column, message)
}

fn judge(
    name: String,
    table: Table,
    queries: &Ids,
    documents: &Ids,
    tick: &mut Tick<'_>,
) -> Result<Judgments> {
    let mut column = |name: &str, ids: &Ids| -> Result<Vec<u32>> {
        let chunks = spelled(&table, name)?;
        let rows = (0u32..).zip(chunks.iter().flatten());
        rows.map(|(row, id)| {
            pause(row, &table, tick)?;
            let id = id.unwrap_or_default();
            let unknown = || {
                wrong(
                    &table,
                    row,
                    name,
                    format!("must be an id that is there, got `{id}`"),
                )
            };
            ids.rows.get(id).copied().ok_or_else(unknown)
        })
        .collect()
    };
    let (queries, documents) = (
        column("query-id", queries)?,
        column("corpus-id", documents)?,
    );
    let chunks = spelled(&table, "score")?;
    let scores = (0u32..).zip(chunks.iter().flatten()).map(|(row, text)| {
        let number = text.and_then(|text| text.trim().parse::<f64>().ok());
        let number = number.filter(|number| number.is_finite());
        number.ok_or_else(|| {
            wrong(
                &table,
                row,
                "score",
                format!("must be a number, got `{}`", text.unwrap_or_default()),
            )
        })
    });
    let scores = scores.collect::<Result<Vec<_>>>()?;
    let mut pairs = HashSet::with_capacity(scores.len());
    for (row, pair) in (0u32..).zip(queries.iter().copied().zip(documents.iter().copied())) {
        if !pairs.insert(pair) {
            return Err(wrong(
                &table,
                row,
                "corpus-id",
                "must be judged once for a query, got a second time".into(),
            ));
        }
    }
    Ok(Judgments {
        name,
        table,
        queries,
        documents,
        scores,
    })
}

/// Title and text of each row, where at least one must say something.
fn documents(corpus: &Table, tick: &mut Tick<'_>) -> Result<Table> {
    let texts = spelled(corpus, "text")?;
    let has_titles = corpus.schema().index_of("title").is_ok();
    let titles = if has_titles {
        spelled(corpus, "title")?
    } else {
        Vec::new()
    };
    let field = Field::new("text", DataType::LargeUtf8, true);
    let schema = Arc::new(Schema::new(vec![field]));
    let mut row = 0u32;
    let mut batches = Vec::with_capacity(texts.len());
    for (at, texts) in texts.iter().enumerate() {
        tick.at(u64::from(row), corpus.rows() as u64)?;
        let mut documents = LargeStringBuilder::new();
        for cell in 0..texts.len() {
            let (title, text) = (
                titles.get(at).map_or("", |titles| said(titles, cell)),
                said(texts, cell),
            );
            match (title, text) {
                ("", "") => {
                    return Err(wrong(
                        corpus,
                        row,
                        "text",
                        "must not be null or empty, got no text".into(),
                    ));
                }
                ("", one) | (one, "") => documents.append_value(one),
                (title, text) => documents.append_value(format!("{title} {text}")),
            }
            row += 1;
        }
        let columns: Vec<ArrayRef> = vec![Arc::new(documents.finish())];
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns);
        batches.push(batch.map_err(|error| Error::argument("corpus", "hold texts", error))?);
    }
    Ok(Table {
        schema,
        batches,
        ..corpus.clone()
    })
}

/// A cell's text without space at its ends; nothing for a null.
fn said(texts: &LargeStringArray, cell: usize) -> &str {
    if texts.is_valid(cell) {
        texts.value(cell).trim()
    } else {
        ""
    }
}
