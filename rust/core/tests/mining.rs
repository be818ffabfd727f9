//! Laws of mining: the answer is brute force's, bit for bit, whatever the kernel, the blocks and the threads.

use foolsgold_core::kernels::Tile;
use foolsgold_core::key::Key;
use foolsgold_core::mining::{
    Candidates, Engine, Options, Report, Rules, Scorer, Similarity, Strategy as Taking, mine,
    mine_with, pair_scores,
};
use foolsgold_core::view::{Groups, Matrix};
use foolsgold_core::{Error, Result, tick::Tick};
use proptest::prelude::*;

/// Rows of one length.
#[derive(Debug, Clone)]
struct Rows {
    values: Vec<f32>,
    dim: usize,
}

impl Rows {
    fn view(&self, name: &str) -> Result<Matrix<'_>> {
        Matrix::new(name, &self.values, self.values.len() / self.dim, self.dim)
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.dim..(row + 1) * self.dim]
    }

    fn len(&self) -> usize {
        self.values.len() / self.dim
    }
}

#[derive(Debug, Clone)]
struct Case {
    queries: Rows,
    corpus: Rows,
    positives: Option<Vec<Vec<u32>>>,
    options: Options,
}

/// The sum in the documented order, written once more.
fn dot(left: &[f32], right: &[f32]) -> f64 {
    let mut parts = [0.0f64; 8];
    for (at, (&x, &y)) in left.iter().zip(right).enumerate() {
        parts[at % 8] += f64::from(x) * f64::from(y);
    }
    for half in [4, 2, 1] {
        for at in 0..half {
            parts[at] += parts[at + half];
        }
    }
    parts[0]
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to float32 is meant"
)]
fn score(similarity: Similarity, query: &[f32], document: &[f32]) -> f32 {
    let sum = dot(query, document);
    let norms = dot(query, query).sqrt() * dot(document, document).sqrt();
    match similarity {
        Similarity::Dot => sum as f32 + 0.0,
        Similarity::Cosine if norms > 0.0 => (sum / norms) as f32 + 0.0,
        Similarity::Cosine => 0.0,
    }
}

/// The caps of a query, each with the place of its count.
fn caps(rules: &Rules, positive: Option<f32>) -> Vec<(f64, usize)> {
    let mut caps = Vec::new();
    if let Some(p) = positive.map(f64::from) {
        caps.extend(rules.absolute_margin.map(|margin| (p - margin, 0)));
        caps.extend(
            rules
                .relative_margin
                .map(|margin| (p - p.abs() * margin, 1)),
        );
    }
    caps.extend(rules.max_score.map(|most| (most, 2)));
    caps.retain(|(cap, _)| !cap.is_nan());
    caps
}

/// Every pair scored, every rule applied by itself, everything sorted.
fn brute_force(case: &Case) -> Candidates {
    let options = &case.options;
    let mut answer = Candidates {
        ids: Vec::new(),
        scores: Vec::new(),
        report: Report::default(),
    };
    for query in 0..case.queries.len() {
        let known = case
            .positives
            .as_ref()
            .map_or(&[][..], |lists| &lists[query]);
        let score = |id: u32| {
            let document = case.corpus.row(id as usize);
            score(options.similarity, case.queries.row(query), document)
        };
        let positive = known.iter().map(|&id| score(id)).min_by(f32::total_cmp);
        let caps = caps(&options.rules, positive);
        let ids = 0..u32::try_from(case.corpus.len()).unwrap_or(0);
        let mut all: Vec<_> = ids
            .filter(|id| !known.contains(id))
            .map(|id| (score(id), id))
            .collect();
        if let Some(&(cap, rule)) = caps
            .iter()
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))
        {
            let above = all.iter().filter(|(score, _)| f64::from(*score) > cap);
            answer.report.above[rule] += above.count() as u64;
        }
        all.retain(|&(score, _)| {
            caps.iter().all(|&(cap, _)| f64::from(score) <= cap)
                && options
                    .rules
                    .min_score
                    .is_none_or(|least| f64::from(score) >= least)
        });
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        all.truncate(options.range_max.unwrap_or(usize::MAX));
        all.drain(..options.range_min.min(all.len()));
        if options.strategy == Taking::Random && all.len() > options.num_negatives {
            let key = options
                .key
                .fold(foolsgold_core::key::stream::SELECT)
                .fold(query as u64);
            let chosen = key
                .rng()
                .choose(all.len() as u64, options.num_negatives as u64);
            all = chosen
                .iter()
                .filter_map(|&at| all.get(usize::try_from(at).ok()?).copied())
                .collect();
        }
        all.truncate(options.num_negatives);
        let missing = options.num_negatives - all.len();
        answer.report.short += u64::from(missing > 0);
        answer.report.missing += missing as u64;
        answer.ids.extend(all.iter().map(|&(_, id)| i64::from(id)));
        answer.ids.extend(std::iter::repeat_n(-1, missing));
        answer.scores.extend(all.iter().map(|&(score, _)| score));
        answer
            .scores
            .extend(std::iter::repeat_n(f32::NEG_INFINITY, missing));
    }
    answer
}

fn mined(case: &Case, engine: Option<Engine>, threads: usize) -> Result<Candidates> {
    let lists = case.positives.as_ref().map(|lists| {
        let mut offsets = vec![0];
        let mut values = Vec::new();
        for list in lists {
            values.extend(list);
            offsets.push(i64::try_from(values.len()).unwrap_or(-1));
        }
        (offsets, values)
    });
    let groups = match &lists {
        Some((offsets, values)) => Some(Groups::new(
            "positives",
            offsets,
            values,
            case.corpus.len(),
        )?),
        None => None,
    };
    let (queries, corpus) = (case.queries.view("queries")?, case.corpus.view("corpus")?);
    let options = Options {
        threads,
        ..case.options
    };
    let tick = &mut Tick::silent();
    match engine {
        Some(engine) => mine_with(engine, queries, corpus, groups, &options, tick),
        None => mine(queries, corpus, groups, &options, tick),
    }
}

/// Equal in every bit; the scores' zeros have one sign.
fn same(left: &Candidates, right: &Candidates) -> bool {
    let bits = |found: &Candidates| found.scores.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    left.ids == right.ids && bits(left) == bits(right) && left.report == right.report
}

/// Values that tie, values that do not, zeros, denormals, and values whose products leave float32.
fn value(kind: u8) -> BoxedStrategy<f32> {
    match kind {
        0 => prop_oneof![Just(-1.0f32), Just(0.0), Just(-0.0), Just(1.0)].boxed(),
        1 => (-1.0f32..1.0).boxed(),
        2 => (0u32..4).prop_map(f32::from_bits).boxed(),
        3 => prop_oneof![Just(f32::MAX), Just(-f32::MAX), Just(1e30f32), Just(0.0)].boxed(),
        4 => prop_oneof![1 => -1e20f32..1e20, 3 => -1.0f32..1.0, 1 => -1e-20f32..1e-20].boxed(),
        _ => (0.9f32..1.0).boxed(), // nearly one direction: scores closer than the bound
    }
}

/// Rows of which many are equal and some are zero.
fn rows(count: std::ops::Range<usize>, dim: usize, kind: u8) -> impl Strategy<Value = Rows> {
    let distinct = prop::collection::vec(prop::collection::vec(value(kind), dim), 1..40);
    (distinct, prop::collection::vec(any::<u8>(), count)).prop_map(move |(distinct, choices)| {
        let row = |choice: &u8| match usize::from(*choice) {
            0..8 => vec![0.0; dim],
            choice => distinct[choice % distinct.len()].clone(),
        };
        Rows {
            values: choices.iter().flat_map(row).collect(),
            dim,
        }
    })
}

fn options() -> impl Strategy<Value = Options> {
    let bound =
        || prop_oneof![2 => Just(None), 1 => (-4i8..5).prop_map(|x| Some(f64::from(x) / 4.0))];
    let rules = (bound(), bound(), bound(), bound());
    let window = (
        1usize..6,
        0usize..4,
        prop_oneof![Just(None), (0usize..90).prop_map(Some)],
    );
    (rules, window, any::<bool>(), any::<bool>(), any::<u64>()).prop_map(
        |(
            (absolute_margin, relative_margin, max_score, min_score),
            (num_negatives, range_min, more),
            is_dot,
            is_random,
            seed,
        )| Options {
            similarity: if is_dot {
                Similarity::Dot
            } else {
                Similarity::Cosine
            },
            rules: Rules {
                absolute_margin,
                relative_margin,
                max_score,
                min_score,
            },
            num_negatives,
            range_min,
            range_max: more.map(|more| range_min + num_negatives + more),
            strategy: if is_random {
                Taking::Random
            } else {
                Taking::Top
            },
            key: Key::new(seed),
            threads: 1,
        },
    )
}

fn case() -> impl Strategy<Value = Case> {
    (prop_oneof![1usize..4, 5usize..40], 0u8..6, 0u8..6)
        .prop_flat_map(|(dim, left, right)| {
            let right = if left == 5 { 5 } else { right };
            (rows(0..20, dim, left), rows(1..300, dim, right), options())
        })
        .prop_flat_map(|(queries, corpus, options)| {
            let id = 0..u32::try_from(corpus.len()).unwrap_or(1);
            let list = prop::collection::vec(id, 0..4);
            let lists = prop::collection::vec(list, queries.len());
            (
                Just(queries),
                Just(corpus),
                prop::option::weighted(0.8, lists),
                Just(options),
            )
        })
        .prop_map(|(queries, corpus, positives, mut options)| {
            if positives.is_none() {
                (options.rules.absolute_margin, options.rules.relative_margin) = (None, None);
            }
            Case {
                queries,
                corpus,
                positives,
                options,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_answer_is_brute_forces(case in case(), block_queries in 1usize..15, shard_documents in prop_oneof![1usize..4, 50usize..400]) {
        let expected = brute_force(&case);
        for tile in Tile::all() {
            let engine = Engine { tile, block_queries, shard_documents };
            let found = mined(&case, Some(engine), 1)?;
            prop_assert!(same(&found, &expected), "{}: {found:?} is not {expected:?}", tile.name);
        }
        for threads in [1, 2, 7] {
            prop_assert!(same(&mined(&case, None, threads)?, &expected));
        }
    }
}

/// Clustered rows, so that many documents are close to a query.
fn clustered(seed: u64, count: usize, dim: usize) -> Rows {
    let centres: Vec<Vec<f64>> = (0..8u64)
        .map(|centre| {
            let mut rng = Key::new(seed ^ 0xc0).fold(centre).rng();
            (0..dim).map(|_| rng.unit() - 0.5).collect()
        })
        .collect();
    let mut rng = Key::new(seed).rng();
    let mut values = Vec::with_capacity(count * dim);
    for row in 0..count {
        for x in &centres[row % 8] {
            #[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
            values.push((x + 0.5 * (rng.unit() - 0.5)) as f32);
        }
    }
    Rows { values, dim }
}

#[test]
fn larger_shapes_fill_and_empty_the_buffers() -> Result<()> {
    for (dim, num_negatives, similarity) in [
        (48, 5, Similarity::Cosine),
        (129, 200, Similarity::Dot),
        (1100, 3, Similarity::Cosine),
        (1, 40, Similarity::Dot),
    ] {
        let corpus = clustered(1, 1500, dim);
        let queries = clustered(2, 31, dim);
        let case = Case {
            positives: Some((0..31).map(|query| vec![query, query + 8]).collect()),
            queries,
            corpus,
            options: Options {
                similarity,
                rules: Rules {
                    relative_margin: Some(0.02),
                    ..Rules::default()
                },
                num_negatives,
                range_min: 2,
                range_max: None,
                strategy: Taking::Top,
                key: Key::new(0),
                threads: 1,
            },
        };
        let expected = brute_force(&case);
        assert!(expected.report.above[1] > 0);
        for tile in Tile::all() {
            for (block_queries, shard_documents) in [(1, 700), (12, 64), (192, 4096)] {
                let engine = Engine {
                    tile,
                    block_queries,
                    shard_documents,
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

fn message<T>(outcome: Result<T>) -> String {
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
    let good = Case {
        queries: rows(&[1.0, 0.0], 2),
        corpus: rows(&[1.0, 0.0, 0.0, 1.0], 2),
        positives: None,
        options: Options {
            similarity: Similarity::Cosine,
            rules: Rules::default(),
            num_negatives: 1,
            range_min: 0,
            range_max: None,
            strategy: Taking::Top,
            key: Key::new(0),
            threads: 1,
        },
    };
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
            "`positives` must have one list for each of 1 queries, got 2",
        ),
        (
            told(&|case| case.positives = Some(vec![vec![2]])),
            "`positives` must hold values below 2, got 2 at place 0",
        ),
        (
            told(&|case| case.options.num_negatives = 0),
            "`num_negatives` must be positive, got 0",
        ),
        (
            told(&|case| (case.options.range_min, case.options.range_max) = (3, Some(3))),
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
        told(&|case| case.options.num_negatives = usize::MAX)
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
    let options = Options {
        similarity: Similarity::Cosine,
        rules: Rules::default(),
        num_negatives: 2,
        range_min: 0,
        range_max: None,
        strategy: Taking::Top,
        key: Key::new(0),
        threads: 1,
    };
    let engine = Engine {
        tile: Tile::best(),
        block_queries: 6,
        shard_documents: 100,
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
            None,
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
