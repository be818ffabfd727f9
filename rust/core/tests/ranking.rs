//! Laws of the metrics: with distinct scores the plain definitions, with ties the mean over all orders.

use foolsgold_core::ranking::{Cutoff, Evaluation, Metric, Ranked, Relevant, evaluate};
use foolsgold_core::{Error, Result, tick::Tick};
use proptest::prelude::*;

const METRICS: [Metric; 6] = [
    Metric::Accuracy,
    Metric::Precision,
    Metric::Recall,
    Metric::ReciprocalRank,
    Metric::AveragePrecision,
    Metric::Ndcg,
];

fn cutoffs(depth: usize) -> Vec<Cutoff> {
    let of = |metric| (1..=depth).map(move |k| Cutoff { metric, k });
    METRICS.into_iter().flat_map(of).collect()
}

/// One query: documents in the order of their ranks, and the judged ones with their gains.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn plain(order: &[i64], judged: &[(u32, f64)], Cutoff { metric, k }: Cutoff) -> f64 {
    let gain = |id: &i64| {
        judged
            .iter()
            .find(|(other, _)| i64::from(*other) == *id)
            .map_or(0.0, |judged| judged.1)
    };
    let top: Vec<f64> = order.iter().take(k).map(gain).collect();
    let total = judged.iter().filter(|(_, gain)| *gain > 0.0).count();
    let hits = |places: &[f64]| places.iter().filter(|gain| **gain > 0.0).count() as f64;
    let dcg = |gains: &[f64]| {
        (2..)
            .zip(gains)
            .map(|(rank, gain)| gain / f64::from(rank).log2())
            .sum::<f64>()
    };
    match metric {
        Metric::Accuracy => f64::from(u8::from(hits(&top) > 0.0)),
        Metric::Precision => hits(&top) / k as f64,
        Metric::Recall => hits(&top) / total as f64,
        Metric::ReciprocalRank => top
            .iter()
            .position(|gain| *gain > 0.0)
            .map_or(0.0, |at| 1.0 / (at + 1) as f64),
        Metric::AveragePrecision => {
            let at = (0..top.len()).filter(|&at| top[at] > 0.0);
            at.map(|at| hits(&top[..=at]) / (at + 1) as f64)
                .sum::<f64>()
                / total.min(k) as f64
        }
        Metric::Ndcg => {
            let mut best: Vec<f64> = judged.iter().map(|(_, gain)| *gain).collect();
            best.sort_by(|a, b| b.total_cmp(a));
            best.truncate(k);
            dcg(&top) / dcg(&best)
        }
    }
}

fn permutations(items: &[i64]) -> Vec<Vec<i64>> {
    if items.is_empty() {
        return vec![vec![]];
    }
    let mut found = Vec::new();
    for (at, &first) in items.iter().enumerate() {
        let rest: Vec<i64> = items
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at)
            .map(|(_, &item)| item)
            .collect();
        found.extend(
            permutations(&rest)
                .into_iter()
                .map(|tail| [vec![first], tail].concat()),
        );
    }
    found
}

/// Every order of the documents in which the scores do not rise.
fn orders(ids: &[i64], scores: &[f32]) -> Vec<Vec<i64>> {
    let present: Vec<i64> = ids.iter().copied().filter(|&id| id >= 0).collect();
    let score = |id: i64| {
        ids.iter()
            .position(|&other| other == id)
            .map_or(f32::NAN, |at| scores[at])
    };
    let mut all = permutations(&present);
    all.retain(|order| {
        order
            .windows(2)
            .all(|pair| score(pair[0]) >= score(pair[1]))
    });
    all
}

fn run(
    ids: &[i64],
    scores: &[f32],
    rows: usize,
    judged: &[Vec<(u32, f64)>],
    cutoffs: &[Cutoff],
    threads: usize,
) -> Result<Evaluation> {
    let mut offsets = vec![0];
    offsets.extend(judged.iter().scan(0, |end, list| {
        *end += i64::try_from(list.len()).unwrap_or(i64::MAX);
        Some(*end)
    }));
    let documents: Vec<u32> = judged.iter().flatten().map(|judged| judged.0).collect();
    let gains: Vec<f64> = judged.iter().flatten().map(|judged| judged.1).collect();
    let ranked = Ranked::new(ids, scores, rows, ids.len().checked_div(rows).unwrap_or(0))?;
    let relevant = Relevant::new(&offsets, &documents, Some(&gains))?;
    evaluate(ranked, relevant, cutoffs, threads, &mut Tick::silent())
}

const NUM_DOCUMENTS: u32 = 9;

fn judged() -> impl Strategy<Value = Vec<(u32, f64)>> {
    let document = prop_oneof![3 => Just(0.0), 3 => Just(1.0), 1 => Just(3.0), 1 => 0.0f64..2.0];
    let gains = prop::collection::vec((any::<bool>(), document), NUM_DOCUMENTS as usize);
    gains.prop_map(|gains| {
        (0..)
            .zip(gains)
            .filter(|(_, (kept, _))| *kept)
            .map(|(id, (_, gain))| (id, gain))
            .collect()
    })
}

/// A row of a table: some documents of which up to `width` are given, some places empty.
fn row(width: usize) -> impl Strategy<Value = Vec<i64>> {
    let ids: Vec<i64> = (0..i64::from(NUM_DOCUMENTS)).chain([-1; 2]).collect();
    Just(ids).prop_shuffle().prop_map(move |mut ids| {
        ids.truncate(width);
        ids
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn ties_are_the_mean_over_all_orders(ids in row(6), scores in prop::collection::vec(0u8..3, 6), judged in judged()) {
        let scores: Vec<f32> = scores.into_iter().map(f32::from).collect();
        let cutoffs = cutoffs(8);
        let found = run(&ids, &scores, 1, std::slice::from_ref(&judged), &cutoffs, 1)?;
        let all = orders(&ids, &scores);
        prop_assert!(!all.is_empty());
        if judged.iter().all(|judged| judged.1 == 0.0) {
            prop_assert_eq!(found.num_left_out, 1);
            prop_assert!(found.values.iter().chain(&found.means).all(|value| value.is_nan()));
            return Ok(());
        }
        for (cutoff, value) in cutoffs.iter().zip(&found.values) {
            #[expect(clippy::cast_precision_loss, reason = "at most 720 orders")]
            let mean = all.iter().map(|order| plain(order, &judged, *cutoff)).sum::<f64>() / all.len() as f64;
            prop_assert!((mean - value).abs() < 1e-12, "{cutoff:?}: {value}, not {mean}, of {} orders", all.len());
        }
        prop_assert_eq!(found.means, found.values);
    }

    #[test]
    fn distinct_scores_are_the_plain_definition(ids in row(9), judged in judged(), order in Just((0..9u8).collect::<Vec<_>>()).prop_shuffle()) {
        let scores: Vec<f32> = order.iter().map(|&place| f32::from(place) - 4.0).collect();
        let found = run(&ids, &scores, 1, std::slice::from_ref(&judged), &cutoffs(11), 1)?;
        let mut sorted: Vec<(f32, i64)> = scores.into_iter().zip(ids).filter(|hit| hit.1 >= 0).collect();
        sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
        let order: Vec<i64> = sorted.into_iter().map(|hit| hit.1).collect();
        for (cutoff, value) in cutoffs(11).into_iter().zip(found.values) {
            let expected = if judged.iter().any(|judged| judged.1 > 0.0) {
                plain(&order, &judged, cutoff)
            } else {
                f64::NAN
            };
            let same = (expected - value).abs() < 1e-12 || expected.is_nan() && value.is_nan();
            prop_assert!(same, "{cutoff:?}: {value}, not {expected}");
        }
    }

    #[test]
    fn equal_for_any_thread_count_and_place_of_the_row(seed in 0u64..1000, num in 1usize..700) {
        let mut draws = (seed..).map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33);
        let mut draw = |below: u64| draws.next().map_or(0, |draw| draw % below);
        let ids: Vec<i64> = (0..num).flat_map(|_| [0i64, 1, 2, 3]).collect();
        let scores: Vec<f32> = ids.iter().map(|_| if draw(2) == 0 { 0.0 } else { 1.0 }).collect();
        let judged: Vec<Vec<(u32, f64)>> = (0..num).map(|_| (0..6).filter(|_| draw(3) == 0).map(|id| (id, 1.0)).collect()).collect();
        let cutoffs = cutoffs(5);
        let bits = |found: &Evaluation| found.values.iter().chain(&found.means).map(|value| value.to_bits()).collect::<Vec<_>>();
        let one = run(&ids, &scores, num, &judged, &cutoffs, 1)?;
        for threads in [2, 7] {
            prop_assert_eq!(bits(&one), bits(&run(&ids, &scores, num, &judged, &cutoffs, threads)?));
        }
        prop_assert_eq!(one.num_left_out, judged.iter().filter(|list| list.is_empty()).count());
        let last = num - 1;
        let alone = run(&ids[last * 4..], &scores[last * 4..], 1, &judged[last..], &cutoffs, 1)?;
        prop_assert_eq!(&bits(&one)[last * cutoffs.len()..num * cutoffs.len()], &bits(&alone)[..cutoffs.len()]);
    }
}

#[test]
fn large_groups_have_exact_expectations() -> Result<()> {
    // All of 1,000 tied, one relevant: its rank is uniform.
    let ids: Vec<i64> = (0..1000).collect();
    let cutoffs = cutoffs(10);
    let found = run(&ids, &[0.5; 1000], 1, &[vec![(7, 1.0)]], &cutoffs, 1)?;
    let harmonic: f64 = (1..=10).map(|rank| 1.0 / f64::from(rank)).sum();
    let at = |metric| {
        cutoffs
            .iter()
            .position(|cutoff| *cutoff == Cutoff { metric, k: 10 })
            .map_or(f64::NAN, |at| found.means[at])
    };
    assert!((at(Metric::Accuracy) - 0.01).abs() < 1e-15);
    assert!((at(Metric::Recall) - 0.01).abs() < 1e-15);
    assert!((at(Metric::ReciprocalRank) - harmonic / 1000.0).abs() < 1e-15);
    assert!((at(Metric::AveragePrecision) - harmonic / 1000.0).abs() < 1e-15);
    Ok(())
}

#[test]
fn zeros_of_both_signs_and_infinities_are_ordered_as_numbers() -> Result<()> {
    let first = [Cutoff {
        metric: Metric::Accuracy,
        k: 1,
    }];
    let judged = [vec![(0, 1.0)]];
    assert_eq!(
        run(&[0, 1], &[-0.0, 0.0], 1, &judged, &first, 1)?.means,
        [0.5]
    );
    assert_eq!(
        run(&[0, 1], &[f32::INFINITY, 1.0], 1, &judged, &first, 1)?.means,
        [1.0]
    );
    assert_eq!(
        run(&[0, 1], &[f32::NEG_INFINITY; 2], 1, &judged, &first, 1)?.means,
        [0.5]
    );
    assert_eq!(
        run(&[-1, 0], &[f32::NAN, 1.0], 1, &judged, &first, 1)?.means,
        [1.0]
    );
    Ok(())
}

#[test]
fn bad_tables_are_refused_by_name_and_row() {
    let first = [Cutoff {
        metric: Metric::Accuracy,
        k: 1,
    }];
    let said = |ids: &[i64], scores: &[f32], judged: &[Vec<(u32, f64)>], cutoffs: &[Cutoff]| {
        run(ids, scores, 2, judged, cutoffs, 2)
            .err()
            .map(|error: Error| error.to_string())
    };
    let one = || vec![(0, 1.0)];
    let both = [one(), one()];
    let good: [i64; 4] = [0, 1, 2, 3];
    let cases = [
        (
            said(&[0, 1, 2, -2], &[0.0; 4], &both, &first),
            "`ids` must hold row numbers, or -1 for an empty place, got -2 at row 1",
        ),
        (
            said(&[0, 1, 2, 2], &[0.0; 4], &both, &first),
            "`ids` must hold no document twice in a row, got 2 at row 1",
        ),
        (
            said(&good, &[0.0, 0.0, f32::NAN, 0.0], &both, &first),
            "`scores` must not be NaN, got NaN at row 1",
        ),
        (
            said(&good, &[0.0; 3], &both, &first),
            "`scores` must be a table of 2 rows of 2, got 3 values",
        ),
        (
            said(&good, &[0.0; 4], &both[..1], &first),
            "`relevant` must have one list for each of the 2 rows of `ids`, got 1",
        ),
        (
            said(&good, &[0.0; 4], &[one(), vec![(3, 1.0), (3, 2.0)]], &first),
            "`relevant` must hold no document twice for a query, got 3 at row 1",
        ),
        (
            said(&good, &[0.0; 4], &[one(), vec![(3, -1.0)]], &first),
            "`gains` must be finite and not negative, got -1 at row 1",
        ),
        (
            said(
                &good,
                &[0.0; 4],
                &both,
                &[Cutoff {
                    metric: Metric::Recall,
                    k: 0,
                }],
            ),
            "`k` must be positive, got 0",
        ),
        (
            Relevant::new(&[0, 1], &[1], Some(&[]))
                .err()
                .map(|error| error.to_string()),
            "`gains` must have one gain for each of the 1 documents, got 0",
        ),
        (
            Metric::named("r2").err().map(|error| error.to_string()),
            "`metric` must be accuracy, precision, recall, mrr, map or ndcg, got r2",
        ),
    ];
    for (said, expected) in cases {
        assert_eq!(said.as_deref(), Some(expected));
    }
}
