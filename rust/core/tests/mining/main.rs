//! Laws of mining: the answer is brute force's, bit for bit, whatever the kernel, the blocks and the threads.

mod brute_force;
mod cases;
mod engine;
mod itself;
mod oracle;
mod selection;
mod tables;

use foolsgold_core::kernels::Tile;
use foolsgold_core::key::Key;
use foolsgold_core::mining::{
    Engine, Given, OnShort, Options, Rules, Scorer, Selection, Similarity, Strategy as Taking,
    mine_with, pair_scores,
};
use foolsgold_core::{Error, Result, tick::Tick};
use proptest::prelude::*;

use brute_force::brute_force;
use cases::{case, clustered};
use oracle::{Case, Rows, mined, same, score};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_answer_is_brute_forces(case in case(), block_queries in 1usize..15, shard_documents in prop_oneof![1usize..4, 50usize..400]) {
        let expected = brute_force(&case);
        for tile in Tile::all() {
            let engine = Engine { tile, block_queries, shard_documents, spare: 0 };
            let found = mined(&case, Some(engine), 1)?;
            prop_assert!(same(&found, &expected), "{}: {found:?} is not {expected:?}", tile.name);
        }
        for threads in [1, 2, 7] {
            prop_assert!(same(&mined(&case, None, threads)?, &expected));
        }
    }
}

/// The best `num_negatives`.
fn top(similarity: Similarity, num_negatives: usize) -> Options<'static> {
    Options {
        similarity,
        rules: Rules::default(),
        selection: Selection {
            num_negatives,
            range_min: 0,
            range_max: None,
            min_score: None,
            strategy: Taking::Top,
            on_short: OnShort::Keep,
            first_query: 0,
            key: Key::new(0),
        },
        threads: 1,
    }
}

#[test]
fn larger_shapes_fill_and_empty_the_buffers() -> Result<()> {
    for (dim, num_negatives, similarity) in [
        (48, 5, Similarity::Cosine),
        (129, 200, Similarity::Dot),
        (1100, 3, Similarity::Cosine),
        (1, 40, Similarity::Dot),
        (48, 5, Similarity::Euclidean),
        (384, 60, Similarity::Euclidean),
    ] {
        let corpus = clustered(1, 1500, dim);
        let queries = clustered(2, 31, dim);
        let mut options = top(similarity, num_negatives);
        options.rules.relative_margin = Some(0.02);
        options.selection.range_min = 2;
        let case = Case {
            positives: Some((0..31).map(|query| vec![query, query + 8]).collect()),
            groups: Some((
                (0..1500).map(|row| row / 3).collect(),
                (0..31).map(|query| vec![query, query * 2]).collect(),
            )),
            ..Case::new(queries, corpus, options)
        };
        let expected = brute_force(&case);
        assert!(expected.report.rejected[..2].iter().all(|&count| count > 0));
        assert!(expected.report.rejected[3] > 0);
        for tile in Tile::all() {
            for (block_queries, shard_documents) in [(1, 700), (12, 64), (192, 4096)] {
                let engine = Engine {
                    tile,
                    block_queries,
                    shard_documents,
                    spare: 0,
                };
                let found = mined(&case, Some(engine), 2)?;
                assert!(
                    same(&found, &expected),
                    "{} {dim} {block_queries}",
                    tile.name
                );
            }
        }
    }
    Ok(())
}

pub(crate) fn message<T>(outcome: Result<T>) -> String {
    outcome
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}

#[test]
fn bad_input_is_named() -> Result<()> {
    let rows = |values: &[f32], dim| Rows {
        values: values.to_vec(),
        dim,
    };
    let good = Case::new(
        rows(&[1.0, 0.0], 2),
        rows(&[1.0, 0.0, 0.0, 1.0], 2),
        top(Similarity::Cosine, 1),
    );
    assert_eq!(mined(&good, None, 1)?.ids, [0]);
    let told = |change: &dyn Fn(&mut Case)| {
        let mut case = good.clone();
        change(&mut case);
        message(mined(&case, None, 1))
    };
    let said = [
        (
            told(&|case| case.corpus = rows(&[], 2)),
            "`corpus` must have at least one row, got 0",
        ),
        (
            told(&|case| case.corpus = rows(&[1.0; 3], 3)),
            "`corpus` must be of 2 columns like `queries`, got 3",
        ),
        (
            told(&|case| case.corpus.values[3] = f32::NAN),
            "`corpus` must be finite, got NaN at row 1",
        ),
        (
            told(&|case| case.queries.values[0] = f32::NEG_INFINITY),
            "`queries` must be finite, got -inf at row 0",
        ),
        (
            told(&|case| case.positives = Some(vec![vec![0], vec![1]])),
            "`positive` must have one list for each of 1 queries, got 2",
        ),
        (
            told(&|case| case.positives = Some(vec![vec![2]])),
            "`positives` must hold values below 2, got 2 at place 0",
        ),
        (
            told(&|case| case.options.selection.num_negatives = 0),
            "`num_negatives` must be positive, got 0",
        ),
        (
            told(&|case| {
                (
                    case.options.selection.range_min,
                    case.options.selection.range_max,
                ) = (3, Some(3));
            }),
            "`range_max` must be at least `range_min` + `num_negatives` = 4, got 3",
        ),
        (
            told(&|case| case.options.rules.max_score = Some(f64::INFINITY)),
            "`max_score` must be finite, got inf",
        ),
        (
            told(&|case| case.options.rules.absolute_margin = Some(0.1)),
            "`absolute_margin` must come with `positives`, got 0.1",
        ),
    ];
    for (said, expected) in said {
        assert_eq!(said, expected);
    }
    assert!(
        told(&|case| case.options.selection.num_negatives = usize::MAX)
            .starts_with("`num_negatives` must leave")
    );
    Ok(())
}

#[test]
fn pairs_have_the_scores_of_the_search() -> Result<()> {
    let (queries, corpus) = (clustered(3, 9, 20), clustered(4, 30, 20));
    let tick = &mut Tick::silent();
    let scorer = Scorer::new(
        queries.view("q")?,
        corpus.view("c")?,
        Similarity::Dot,
        2,
        tick,
    )?;
    let (left, right) = ([0, 8, 8], [29, 0, 0]);
    let scores = pair_scores(&scorer, &left, &right, 2, tick)?;
    for ((&query, &document), found) in left.iter().zip(&right).zip(scores) {
        let expected = score(
            Similarity::Dot,
            queries.row(query as usize),
            corpus.row(document as usize),
        );
        assert_eq!(found.to_bits(), expected.to_bits());
    }
    assert!(
        message(pair_scores(&scorer, &[9], &[0], 1, tick)).contains("`queries` must be below 9")
    );
    assert!(message(pair_scores(&scorer, &[0], &[], 1, tick)).contains("`documents`"));
    Ok(())
}

#[test]
fn progress_grows_to_the_whole_and_a_break_stops_it() -> Result<()> {
    let (queries, corpus) = (clustered(5, 60, 16), clustered(6, 300, 16));
    let options = top(Similarity::Cosine, 2);
    let engine = Engine {
        tile: Tile::best(),
        block_queries: 6,
        shard_documents: 100,
        spare: 0,
    };
    for stop_at in [None, Some(72)] {
        let mut heard = Vec::new();
        let mut poll = |done, total| {
            heard.push((done, total));
            if stop_at.is_some_and(|at| total == 180 && done >= at) {
                std::ops::ControlFlow::Break(())
            } else {
                std::ops::ControlFlow::Continue(())
            }
        };
        let (queries, corpus) = (queries.view("q")?, corpus.view("c")?);
        let outcome = mine_with(
            engine,
            queries,
            corpus,
            &Given::default(),
            &options,
            &mut Tick::new(&mut poll),
        );
        assert_eq!(matches!(outcome, Err(Error::Cancelled)), stop_at.is_some());
        assert!(heard.iter().all(|&(_, total)| total == 180), "{heard:?}");
        assert!(heard.is_sorted());
        assert_eq!(
            heard.last().map(|&(done, _)| done),
            Some(stop_at.unwrap_or(180))
        );
    }
    Ok(())
}
