//! The engine's own laws: bounds taken on trust, rows of every type, corpora made ready, hostile shapes.

use foolsgold_core::kernels::Tile;
use foolsgold_core::key::Key;
use foolsgold_core::mining::{
    Engine, Given, Prepared, Rows as Embeddings, SearchOptions, Similarity, Table, Values, search,
    search_prepared, search_with,
};
use foolsgold_core::tick::Tick;
use foolsgold_core::{Result, mining};
use half::{bf16, f16};

use super::cases::clustered;
use super::message;
use super::oracle::{Rows, score};

pub(super) fn options(similarity: Similarity, depth: usize) -> SearchOptions {
    SearchOptions {
        similarity,
        rules: mining::Rules::default(),
        depth,
        first_document: 0,
        threads: 2,
    }
}

/// Every pair scored and sorted.
pub(super) fn sorted(
    queries: &Rows,
    corpus: &Rows,
    similarity: Similarity,
    depth: usize,
) -> Vec<(u32, u32)> {
    let mut all = Vec::new();
    for query in 0..queries.len() {
        let documents = 0..u32::try_from(corpus.len()).unwrap_or(0);
        let row = queries.row(query);
        let mut row: Vec<_> = documents
            .map(|id| (score(similarity, row, corpus.row(id as usize)), id))
            .collect();
        row.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        all.extend(
            row.iter()
                .take(depth)
                .map(|&(score, id)| (score.to_bits(), id)),
        );
    }
    all
}

pub(super) fn found(table: &Table) -> Vec<(u32, u32)> {
    let scores = table.scores.iter().map(|score| score.to_bits());
    scores.zip(table.ids.iter().copied()).collect()
}

/// Documents in the order of their scores for one query, best last, so that no sample tells what is to come.
pub(super) fn ascending(count: usize, dim: usize) -> Rows {
    let mut corpus = clustered(11, count, dim);
    let mut rows: Vec<Vec<f32>> = (0..count).map(|row| corpus.row(row).to_vec()).collect();
    rows.sort_by(|a, b| a[0].total_cmp(&b[0]));
    // All of the best in the panels that are not sampled.
    let best = rows.split_off(count - 200);
    rows.splice(200..200, best);
    corpus.values = rows.concat();
    corpus
}

#[test]
fn a_trust_that_was_mistaken_changes_nothing() -> Result<()> {
    let dim = 24;
    let (plain, sorted_rows) = (clustered(1, 3000, dim), ascending(3000, dim));
    let mut equal = clustered(3, 3000, dim);
    for row in 0..equal.len() {
        let source = equal.row(row % 3).to_vec();
        equal.values[row * dim..(row + 1) * dim].copy_from_slice(&source);
    }
    let mut queries = clustered(2, 13, dim);
    queries.values[..dim].fill(0.0);
    queries.values[0] = 1.0;
    for corpus in [&plain, &sorted_rows, &equal] {
        for similarity in [Similarity::Cosine, Similarity::Dot, Similarity::Euclidean] {
            for depth in [20, 60, 100] {
                let expected = sorted(&queries, corpus, similarity, depth);
                for tile in Tile::all() {
                    for shard_documents in [3000, 1700] {
                        let engine = Engine {
                            tile,
                            block_queries: 5,
                            shard_documents,
                            spare: 0,
                        };
                        let (left, right) = (queries.view("q")?, corpus.view("c")?);
                        let asked = options(similarity, depth);
                        let tick = &mut Tick::silent();
                        let table =
                            search_with(engine, left, right, &Given::default(), &asked, tick)?;
                        assert!(
                            found(&table) == expected,
                            "{} {similarity:?} {depth}",
                            tile.name
                        );
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn half_rows_answer_as_their_float32() -> Result<()> {
    let dim = 37;
    let (queries, corpus) = (clustered(4, 9, dim), clustered(5, 400, dim));
    let small = |rows: &Rows| {
        rows.values
            .iter()
            .map(|&x| f16::from_f32(x))
            .collect::<Vec<_>>()
    };
    let brain = |rows: &Rows| {
        rows.values
            .iter()
            .map(|&x| bf16::from_f32(x))
            .collect::<Vec<_>>()
    };
    let widened = |values: Vec<f32>| Rows { values, dim };
    let (small_queries, small_corpus) = (small(&queries), small(&corpus));
    let (brain_queries, brain_corpus) = (brain(&queries), brain(&corpus));
    let tick = &mut Tick::silent();
    for similarity in [Similarity::Cosine, Similarity::Dot, Similarity::Euclidean] {
        let asked = options(similarity, 7);
        let left = widened(small_queries.iter().map(|x| x.to_f32()).collect());
        let right = widened(brain_corpus.iter().map(|x| x.to_f32()).collect());
        let mixed = search(
            Embeddings::new("q", Values::F16(&small_queries), 9, dim)?,
            Embeddings::new("c", Values::Bf16(&brain_corpus), 400, dim)?,
            &Given::default(),
            &asked,
            tick,
        )?;
        assert_eq!(found(&mixed), sorted(&left, &right, similarity, 7));
        let left = widened(brain_queries.iter().map(|x| x.to_f32()).collect());
        let right = widened(small_corpus.iter().map(|x| x.to_f32()).collect());
        let mixed = search(
            Embeddings::new("q", Values::Bf16(&brain_queries), 9, dim)?,
            Embeddings::new("c", Values::F16(&small_corpus), 400, dim)?,
            &Given::default(),
            &asked,
            tick,
        )?;
        assert_eq!(found(&mixed), sorted(&left, &right, similarity, 7));
    }
    Ok(())
}

#[test]
fn a_prepared_corpus_answers_any_queries() -> Result<()> {
    let dim = 20;
    let corpus = clustered(6, 700, dim);
    let tick = &mut Tick::silent();
    for similarity in [Similarity::Cosine, Similarity::Dot, Similarity::Euclidean] {
        for shard_documents in [200, 1000] {
            let engine = Engine {
                tile: Tile::best(),
                block_queries: 8,
                shard_documents,
                spare: 0,
            };
            let (rows, first) = (corpus.view("c")?, clustered(7, 30, dim));
            let prepared = Prepared::new(engine, rows, first.view("q")?, similarity, 2, tick)?;
            assert_eq!(prepared.documents(), 700);
            let mut far = clustered(8, 20, dim);
            far.values.iter_mut().for_each(|x| *x = *x * 300.0 - 1e3);
            for queries in [first, far] {
                let (asked, given) = (options(similarity, 9), Given::default());
                let table =
                    search_prepared(&prepared, queries.view("q")?, rows, &given, &asked, tick)?;
                assert_eq!(found(&table), sorted(&queries, &corpus, similarity, 9));
            }
        }
    }
    Ok(())
}

#[test]
fn a_prepared_corpus_knows_its_own() -> Result<()> {
    let (corpus, other) = (clustered(6, 40, 8), clustered(6, 41, 8));
    let (rows, tick) = (corpus.view("c")?, &mut Tick::silent());
    let engine = Engine {
        tile: Tile::best(),
        block_queries: 8,
        shard_documents: 100,
        spare: 0,
    };
    let prepared = Prepared::new(engine, rows, rows, Similarity::Dot, 1, tick)?;
    let (dot, given) = (options(Similarity::Dot, 2), Given::default());
    assert_eq!(
        message(search_prepared(
            &prepared,
            rows,
            other.view("c")?,
            &given,
            &dot,
            tick
        )),
        "`corpus` must be of 40 rows of 8 as it was made ready, got 41 rows of 8"
    );
    let cosine = options(Similarity::Cosine, 2);
    assert_eq!(
        message(search_prepared(
            &prepared, rows, rows, &given, &cosine, tick
        )),
        "`similarity` must be dot as the corpus was made ready for, got cosine"
    );
    let empty = Rows {
        values: Vec::new(),
        dim: 8,
    };
    let made = Prepared::new(engine, empty.view("c")?, rows, Similarity::Dot, 1, tick);
    assert_eq!(message(made), "`corpus` must have at least one row, got 0");
    Ok(())
}

/// A few documents dwarf the others: they are set aside, so that the others keep their codes.
#[test]
fn a_few_documents_that_dwarf_the_others() -> Result<()> {
    let (dim, tick) = (33, &mut Tick::silent());
    for size in [10.0, 1e3, 1e8, 1e30] {
        let (mut queries, mut corpus) = (clustered(12, 21, dim), clustered(13, 2600, dim));
        for row in [0, 1699, 1700, 2599] {
            let values = &mut corpus.values[row * dim..(row + 1) * dim];
            for value in values {
                *value *= size;
            }
        }
        queries.values[..dim].copy_from_slice(corpus.row(1699)); // the query is one of them
        queries.values[dim..2 * dim].fill(0.0);
        for similarity in [Similarity::Cosine, Similarity::Dot, Similarity::Euclidean] {
            for (depth, shard_documents) in [(3, 2600), (60, 1700)] {
                let expected = sorted(&queries, &corpus, similarity, depth);
                for tile in Tile::all() {
                    let engine = Engine {
                        tile,
                        block_queries: 8,
                        shard_documents,
                        spare: 0,
                    };
                    let (left, right) = (queries.view("q")?, corpus.view("c")?);
                    let asked = options(similarity, depth);
                    let table = search_with(engine, left, right, &Given::default(), &asked, tick)?;
                    assert!(
                        found(&table) == expected,
                        "{} {similarity:?} {size}",
                        tile.name
                    );
                }
            }
        }
    }
    Ok(())
}

/// One direction dwarfs the others, or all rows share a mean far from zero: what codes tell of such rows is little.
#[test]
fn rows_that_codes_describe_badly() -> Result<()> {
    let dim = 64;
    let tick = &mut Tick::silent();
    for (place, size) in [(0, 1e4), (5, -300.0), (0, 1e-3)] {
        let (mut queries, mut corpus) = (clustered(9, 10, dim), clustered(10, 900, dim));
        let mut rng = Key::new(3).rng();
        for rows in [&mut queries, &mut corpus] {
            for row in rows.values.chunks_mut(dim) {
                #[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
                let jitter = rng.unit() as f32;
                row[place] = size * (1.0 + 0.01 * jitter);
            }
        }
        for similarity in [Similarity::Cosine, Similarity::Dot, Similarity::Euclidean] {
            for depth in [3, 40] {
                let (left, right) = (queries.view("q")?, corpus.view("c")?);
                let asked = options(similarity, depth);
                let table = search(left, right, &Given::default(), &asked, tick)?;
                assert_eq!(found(&table), sorted(&queries, &corpus, similarity, depth));
            }
        }
    }
    Ok(())
}

#[test]
fn a_result_that_memory_cannot_hold_is_refused() -> Result<()> {
    let corpus = clustered(6, 40, 8);
    let (rows, tick) = (corpus.view("c")?, &mut Tick::silent());
    for num_negatives in [1 << 40, usize::MAX] {
        let mut options = super::top(Similarity::Dot, num_negatives);
        let told = message(mining::mine(rows, rows, &Given::default(), &options, tick));
        let begin = "`num_negatives` must leave a result that memory holds: 40 queries take ";
        assert!(told.starts_with(begin), "{told}");
        let end = format!(" that there are, got {num_negatives}");
        assert!(told.ends_with(&end), "{told}");
        options.selection.num_negatives = 1;
        let table = search(rows, rows, &Given::default(), &asked_deep(), tick)?;
        assert_eq!(table.ids.len(), 40 * 40); // no deeper than there are documents
        let deep = mining::Selection {
            num_negatives,
            ..options.selection
        };
        let told = message(mining::select(&table, &deep, 1, tick));
        assert!(told.starts_with(begin), "{told}");
    }
    Ok(())
}

fn asked_deep() -> SearchOptions {
    options(Similarity::Dot, usize::MAX)
}
