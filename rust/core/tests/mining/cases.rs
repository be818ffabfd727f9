//! What is searched.

use foolsgold_core::key::Key;
use foolsgold_core::mining::{
    MarginFrom, OnShort, Options, Rules, Selection, Similarity, Strategy as Taking,
};
use proptest::prelude::*;

use super::oracle::{Case, Rows};

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
pub(super) fn rows(
    count: std::ops::Range<usize>,
    dim: usize,
    kind: u8,
) -> impl Strategy<Value = Rows> {
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

fn rules() -> impl Strategy<Value = Rules> {
    let bound =
        || prop_oneof![2 => Just(None), 1 => (-4i8..5).prop_map(|x| Some(f64::from(x) / 4.0))];
    (bound(), bound(), bound(), bound(), any::<bool>()).prop_map(
        |(absolute_margin, relative_margin, max_score, min_score, greatest)| Rules {
            margin_from: if greatest {
                MarginFrom::Greatest
            } else {
                MarginFrom::Least
            },
            absolute_margin,
            relative_margin,
            max_score,
            min_score,
        },
    )
}

fn taking() -> impl Strategy<Value = Taking<'static>> {
    prop_oneof![
        2 => Just(Taking::Top),
        1 => Just(Taking::Random),
        1 => (0.01f64..2.0).prop_map(|temperature| Taking::Softmax { temperature }),
        1 => (0.0f64..9.0, -0.5f64..0.5).prop_map(|(a, b)| Taking::SimAns { a, b }),
        1 => Just(Taking::Stratified),
        1 => Just(Taking::Diverse { classes: &[] }),
    ]
}

fn selection() -> impl Strategy<Value = Selection<'static>> {
    let more = prop_oneof![Just(None), (0usize..90).prop_map(Some)];
    let short = prop_oneof![
        Just(OnShort::Keep),
        Just(OnShort::Drop),
        Just(OnShort::Widen)
    ];
    (1usize..6, 0usize..4, more, taking(), short, any::<u64>()).prop_map(
        |(num_negatives, range_min, more, strategy, on_short, seed)| Selection {
            num_negatives,
            range_min,
            range_max: more.map(|more| range_min + num_negatives + more),
            min_score: None,
            strategy,
            on_short,
            first_query: 0,
            key: Key::new(seed),
        },
    )
}

pub(super) fn options() -> impl Strategy<Value = Options<'static>> {
    let similarities = [Similarity::Cosine, Similarity::Dot, Similarity::Euclidean];
    let similarity = prop::sample::select(similarities.to_vec());
    (rules(), selection(), similarity).prop_map(|(rules, selection, similarity)| Options {
        similarity,
        rules,
        selection,
        threads: 1,
    })
}

/// Lists of numbers below `bound`, one a query.
pub(super) fn lists(bound: usize, queries: usize) -> impl Strategy<Value = Vec<Vec<u32>>> {
    let id = 0..u32::try_from(bound).unwrap_or(1);
    prop::collection::vec(prop::collection::vec(id, 0..4), queries)
}

pub(super) fn case() -> impl Strategy<Value = Case> {
    (prop_oneof![1usize..4, 5usize..40], 0u8..6, 0u8..6)
        .prop_flat_map(|(dim, left, right)| {
            let right = if left == 5 { 5 } else { right };
            (rows(0..20, dim, left), rows(1..300, dim, right), options())
        })
        .prop_flat_map(|(queries, corpus, options)| {
            let (asked, documents) = (queries.len(), corpus.len());
            let classes = || prop::collection::vec(0u32..7, documents);
            (
                Just(queries),
                Just(corpus),
                prop::option::weighted(0.8, lists(documents, asked)),
                prop::option::weighted(0.3, lists(documents, asked)),
                prop::option::weighted(0.4, (classes(), lists(7, asked))),
                classes(),
                Just(options),
            )
        })
        .prop_map(
            |(queries, corpus, positives, excluded, groups, classes, mut options)| {
                let is_known = positives.iter().flatten().any(|list| !list.is_empty());
                if !is_known {
                    (options.rules.absolute_margin, options.rules.relative_margin) = (None, None);
                    if let Taking::SimAns { .. } = options.selection.strategy {
                        options.selection.strategy = Taking::Random;
                    }
                }
                Case {
                    queries,
                    corpus,
                    positives,
                    excluded,
                    groups,
                    classes,
                    options,
                }
            },
        )
}

/// Clustered rows, so that many documents are close to a query.
pub(super) fn clustered(seed: u64, count: usize, dim: usize) -> Rows {
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
