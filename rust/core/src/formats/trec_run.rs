//! TREC run files: what a retrieval system found, one line a hit.
//!
//! A line is `query Q0 document rank score tag`, separated by white space. As in `trec_eval` the order is that of the
//! scores, and the ranks are not looked at beyond being whole numbers; equal scores go to the lower document, as everywhere
//! in this crate.

use std::collections::HashMap;
use std::path::Path;

use super::blocks::Blocks;
use super::{Progress, size_of};
use crate::error::{Error, Result};
use crate::texts::{Column, Strings};
use crate::tick::Tick;

/// What is read at a time.
const BLOCK_BYTES: usize = 1 << 20;
const COLUMNS: usize = 6;

/// A run, read: the hits of query `q` are at `offsets[q]..offsets[q + 1]`, best first.
#[derive(Debug, Clone, PartialEq)]
pub struct TrecRun {
    /// One more than there are queries.
    pub offsets: Vec<i64>,
    /// Rows of the documents' ids.
    pub documents: Vec<u32>,
    /// The system's scores.
    pub scores: Vec<f32>,
}

/// A line, and where it stands.
struct Hit {
    query: u32,
    document: u32,
    score: f32,
    line: u64,
}

impl TrecRun {
    /// Reads `file` (also `.gz` or `.zst`); ids become their rows among `query_ids` and `document_ids`. A query may have no
    /// line. O(bytes + hits log hits).
    ///
    /// # Errors
    /// [`Data`](Error::Data) at a line without six columns, an id that is unknown, a document that comes twice for a query, a
    /// rank or a score that is no number; [`Row`](Error::Row) at an id that comes twice among the given ones;
    /// [`Io`](Error::Io); [`Cancelled`](Error::Cancelled).
    pub fn read(
        file: &Path,
        query_ids: Column,
        document_ids: Column,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        let (query_ids, document_ids) = (Strings::new(query_ids)?, Strings::new(document_ids)?);
        let queries = rows("query_ids", &query_ids)?;
        let documents = rows("document_ids", &document_ids)?;
        let mut progress = Progress {
            total: size_of(file)?,
            before: 0,
            tick,
        };
        let mut hits = Vec::new();
        let mut blocks = Blocks::open(file, BLOCK_BYTES)?;
        while let Some(block) = blocks.next(&mut progress)? {
            let (text, fault) = block.text(file);
            for (line, fields) in (block.line..).zip(text.lines()) {
                hits.extend(Hit::parse(file, line, fields, &queries, &documents)?);
            }
            if let Some(fault) = fault {
                return Err(fault);
            }
        }
        Self::sorted(file, hits, query_ids.len())
    }

    fn sorted(file: &Path, mut hits: Vec<Hit>, queries: usize) -> Result<Self> {
        hits.sort_unstable_by_key(|hit| (hit.query, hit.document, hit.line));
        let is_twice =
            |pair: &&[Hit]| (pair[0].query, pair[0].document) == (pair[1].query, pair[1].document);
        if let Some(pair) = hits
            .windows(2)
            .filter(is_twice)
            .min_by_key(|pair| pair[1].line)
        {
            let message = format!(
                "must come once for a query, got it at row {} too",
                pair[0].line
            );
            return Err(Error::data_cell(file, pair[1].line, "document", message));
        }
        // Stable, so that of equal scores the lower document stays first.
        hits.sort_by(|a, b| {
            let by_query = a.query.cmp(&b.query);
            by_query.then(b.score.total_cmp(&a.score))
        });
        let mut offsets = vec![0; queries + 1];
        for hit in &hits {
            offsets[hit.query as usize + 1] += 1;
        }
        for query in 0..queries {
            offsets[query + 1] += offsets[query];
        }
        Ok(Self {
            offsets,
            documents: hits.iter().map(|hit| hit.document).collect(),
            scores: hits.iter().map(|hit| hit.score).collect(),
        })
    }
}

impl Hit {
    /// The hit of a line; none of a blank one.
    fn parse(
        file: &Path,
        line: u64,
        text: &str,
        queries: &HashMap<&str, u32>,
        documents: &HashMap<&str, u32>,
    ) -> Result<Option<Self>> {
        let mut fields = [""; COLUMNS];
        let mut num = 0;
        for field in text.split_ascii_whitespace() {
            if let Some(slot) = fields.get_mut(num) {
                *slot = field;
            }
            num += 1;
        }
        if num == 0 {
            return Ok(None);
        }
        if num != COLUMNS {
            let message = format!("must have {COLUMNS} columns, got {num}");
            return Err(Error::data_row(file, line, message));
        }
        let [query, _, document, rank, score, _] = fields;
        let wrong = |column, rule, got| {
            Error::data_cell(file, line, column, format!("must be {rule}, got `{got}`"))
        };
        let known = |ids: &HashMap<&str, u32>, column, id| {
            let found = ids.get(id).copied();
            found.ok_or_else(|| wrong(column, "an id that is there", id))
        };
        let (query, document) = (
            known(queries, "query", query)?,
            known(documents, "document", document)?,
        );
        if rank.parse::<i64>().is_err() {
            return Err(wrong("rank", "a whole number", rank));
        }
        let number = score.parse::<f32>().ok().filter(|score| score.is_finite());
        let Some(number) = number else {
            return Err(wrong("score", "a number", score));
        };
        Ok(Some(Self {
            query,
            document,
            score: number + 0.0, // one zero: a tie must not depend on its sign
            line,
        }))
    }
}

/// The row of each id.
fn rows<'a>(name: &str, ids: &'a Strings) -> Result<HashMap<&'a str, u32>> {
    let mut rows = HashMap::with_capacity(ids.len());
    let all = (0u32..).map_while(|row| ids.get(row).map(|id| (row, id)));
    for (row, id) in all {
        if let Some(first) = rows.insert(id, row) {
            let rule = format!("not come twice, as at row {first}");
            return Err(Error::row(name, row as usize, rule, format!("`{id}`")));
        }
    }
    Ok(rows)
}
