//! Triplets from scores, beside loops over all pairs of rows.

use std::collections::{BTreeMap, BTreeSet};

use foolsgold_core::triplets::{Order, Places, ScoreTriplets, Scores};
use foolsgold_core::{Result, tick::Tick};
use proptest::prelude::*;

use crate::common::{NATURAL, shuffled, sorted, told};

fn triplets(of: Scores<'_>, margin: f64, most: Option<u64>) -> Result<ScoreTriplets> {
    ScoreTriplets::new(of, margin, most, &mut Tick::silent())
}

fn all(triplets: &ScoreTriplets, order: Order) -> Result<Vec<Vec<u32>>> {
    let run = Places::Run(0..triplets.len());
    let numbers = triplets.take(&run, order, 2, &mut Tick::silent())?;
    Ok(numbers.chunks(3).map(<[u32]>::to_vec).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn all_come_once_and_shares_are_of_them(
        rows in proptest::collection::btree_map((0u32..4, 0u32..9), 0i8..6, 0..30),
        again in proptest::collection::vec(0usize..30, 0..5),
        margin in prop::sample::select(vec![0.0, 0.1, 0.1 + 0.2, 1.0]),
        is_one_space: bool,
        most in proptest::option::of(1u64..6),
        seed: u64,
    ) {
        let mut rows: Vec<((u32, u32), f64)> =
            rows.into_iter().map(|(pair, score)| (pair, f64::from(score) / 10.0)).collect();
        let distinct = rows.clone();
        for at in again {
            rows.extend(distinct.get(at).copied());
        }
        let third = rows.len() / 3;
        rows.rotate_left(third);
        let anchors: Vec<u32> = rows.iter().map(|row| row.0.0).collect();
        let items: Vec<u32> = rows.iter().map(|row| row.0.1).collect();
        let scores: Vec<f64> = rows.iter().map(|row| row.1).collect();
        let of = Scores { anchors: &anchors, items: &items, scores: &scores, is_one_space };
        let mut expected = Vec::new();
        for &((a, p), high) in &distinct {
            for &((b, n), low) in &distinct {
                if a == b && high - low > margin && !(is_one_space && (p == a || n == a)) {
                    expected.push(vec![a, p, n]);
                }
            }
        }
        let expected = sorted(expected);
        let mut of_anchor = BTreeMap::new();
        for triplet in &expected {
            *of_anchor.entry(triplet[0]).or_insert(0u64) += 1;
        }
        let found = triplets(of, margin, most)?;
        let given = |count: u64| most.map_or(count, |most| count.min(most));
        prop_assert_eq!(found.len(), of_anchor.values().map(|&count| u128::from(given(count))).sum::<u128>());
        let report = found.report();
        prop_assert_eq!(report.all, expected.len() as u128);
        prop_assert_eq!(report.left_out, report.all - found.len());
        prop_assert_eq!(report.rows + report.again + report.own, rows.len() as u64);
        prop_assert_eq!(report.anchors - report.without_tuples, of_anchor.len() as u64);
        for order in [Order { seed, ..NATURAL }, shuffled(seed, 1)] {
            let drawn = sorted(all(&found, order)?);
            prop_assert!(drawn.windows(2).all(|pair| pair[0] != pair[1]));
            prop_assert!(drawn.iter().all(|triplet| expected.binary_search(triplet).is_ok()));
            for (anchor, &count) in &of_anchor {
                let own = drawn.iter().filter(|triplet| triplet[0] == *anchor).count();
                prop_assert_eq!(own as u64, given(count));
            }
        }
    }
}

#[test]
fn the_best_come_first() -> Result<()> {
    let of = Scores {
        anchors: &[7, 7, 7, 3],
        items: &[1, 2, 3, 1],
        scores: &[0.1, 0.9, 0.5, 0.0],
        is_one_space: false,
    };
    let found = triplets(of, 0.0, None)?;
    assert_eq!(all(&found, NATURAL)?, [[7, 2, 3], [7, 2, 1], [7, 3, 1]]);
    assert_eq!(found.report().without_tuples, 1);
    let take = |threads| {
        found.take(
            &Places::Run(0..3),
            shuffled(1, 1),
            threads,
            &mut Tick::silent(),
        )
    };
    assert_eq!(take(1)?, take(7)?);
    assert_eq!(
        told(found.take(&Places::Narrow(&[3]), NATURAL, 1, &mut Tick::silent())),
        "`places` must be below 3, got 3 at row 0"
    );
    Ok(())
}

#[test]
fn every_triplet_of_an_anchor_is_as_likely() -> Result<()> {
    let items: Vec<u32> = (0..7).collect();
    let scores: Vec<f64> = items.iter().map(|&item| f64::from(item / 2)).collect();
    let of = Scores {
        anchors: &[0; 7],
        items: &items,
        scores: &scores,
        is_one_space: false,
    };
    let found = triplets(of, 0.0, Some(4))?;
    let mut counts = BTreeMap::new();
    for seed in 0..2000 {
        let drawn: BTreeSet<Vec<u32>> = all(&found, Order { seed, ..NATURAL })?
            .into_iter()
            .collect();
        assert_eq!(drawn.len(), 4);
        for triplet in drawn {
            *counts.entry(triplet).or_insert(0) += 1;
        }
    }
    assert_eq!(counts.len(), 18);
    let counts: Vec<u64> = counts.into_values().collect();
    assert!(crate::common::surprise(&counts).abs() < 5.0, "{counts:?}");
    Ok(())
}

#[test]
fn bad_scores_are_refused_by_name() {
    let of = Scores {
        anchors: &[0, 0],
        items: &[1, 1],
        scores: &[0.5, 0.5],
        is_one_space: false,
    };
    let refused = |of, margin, most| told(triplets(of, margin, most));
    assert_eq!(refused(of, 0.0, None), "");
    for margin in [-0.1, f64::NAN, f64::INFINITY] {
        assert_eq!(
            refused(of, margin, None),
            format!("`margin` must be a finite number that is not negative, got {margin}")
        );
    }
    assert_eq!(
        refused(of, 0.0, Some(0)),
        "`max_per_anchor` must be at least 1, got 0"
    );
    assert_eq!(
        refused(
            Scores {
                scores: &[0.5, f64::NAN],
                ..of
            },
            0.0,
            None
        ),
        "`scores` must be finite, got NaN at row 1"
    );
    assert_eq!(
        refused(
            Scores {
                scores: &[0.5, 0.7],
                ..of
            },
            0.0,
            None
        ),
        "`scores` must tell one score of a pair, 0.5 at row 0, got 0.7 at row 1"
    );
    assert_eq!(
        refused(Scores { items: &[1], ..of }, 0.0, None),
        "`items` must have one value for each of 2 scores, got 1"
    );
}
