//! Strategies draw as often as they say, and short queries are filled by the rules.

use std::collections::BTreeMap;

use foolsgold_core::key::Key;
use foolsgold_core::mining::{
    OnShort, Selection, Similarity, Strategy as Taking, Table, TurnedAway, select,
};
use foolsgold_core::{Result, tick::Tick};
use proptest::prelude::*;

use super::cases::case;
use super::oracle::{Case, mined, score};
use super::{clustered, message, top};

const QUERIES: u32 = 20_000;
const SCORES: [f32; 5] = [0.9, 0.8, 0.75, 0.5, 0.1];

/// A table of queries that are all alike.
fn alike(anchor: f32) -> Table {
    let queries = u64::from(QUERIES);
    Table {
        depth: 5,
        documents: 5,
        offsets: (0..=queries).map(|query| query * 5).collect(),
        ids: (0..QUERIES).flat_map(|_| 0..5).collect(),
        scores: (0..QUERIES).flat_map(|_| SCORES).collect(),
        bars: vec![0.1; QUERIES as usize],
        anchors: vec![anchor; QUERIES as usize],
        above: vec![0; QUERIES as usize],
        away: TurnedAway {
            offsets: vec![0; QUERIES as usize + 1],
            ..TurnedAway::default()
        },
        ..Table::default()
    }
}

fn selection(num_negatives: usize, strategy: Taking<'_>) -> Selection<'_> {
    Selection {
        num_negatives,
        range_min: 0,
        range_max: Some(5),
        min_score: None,
        strategy,
        on_short: OnShort::Keep,
        first_query: 0,
        key: Key::new(11),
    }
}

/// How often each set is drawn.
fn sets(table: &Table, selection: &Selection<'_>) -> Result<BTreeMap<Vec<i64>, u32>> {
    let found = select(table, selection, 2, &mut Tick::silent())?;
    let mut counts = BTreeMap::new();
    for set in found.ids.chunks(selection.num_negatives) {
        *counts.entry(set.to_vec()).or_insert(0) += 1;
    }
    Ok(counts)
}

/// Pearson's statistic of sets against the chances of drawing two in turn with weights `of`.
fn chi_square(counts: &BTreeMap<Vec<i64>, u32>, of: impl Fn(f64) -> f64) -> f64 {
    let weights = SCORES.map(|score| of(f64::from(score)));
    let all: f64 = weights.iter().sum();
    let mut statistic = 0.0;
    for i in 0..5 {
        for j in i + 1..5 {
            let in_turn = |a: usize, b: usize| weights[a] / all * weights[b] / (all - weights[a]);
            let expected = (in_turn(i, j) + in_turn(j, i)) * f64::from(QUERIES);
            let set = vec![
                i64::try_from(i).unwrap_or(-1),
                i64::try_from(j).unwrap_or(-1),
            ];
            let observed = f64::from(counts.get(&set).copied().unwrap_or(0));
            statistic += (observed - expected).powi(2) / expected;
        }
    }
    statistic
}

/// The 99.9 % point of chi-square with 9 degrees of freedom.
const UNLIKELY: f64 = 27.877;

#[test]
fn weighted_sets_are_as_frequent_as_stated() -> Result<()> {
    let table = alike(0.85);
    for temperature in [0.2, 1.0, 1e6] {
        let counts = sets(&table, &selection(2, Taking::Softmax { temperature }))?;
        let statistic = chi_square(&counts, |score| (score / temperature).exp());
        assert!(
            statistic < UNLIKELY,
            "{temperature}: {statistic} {counts:?}"
        );
        assert!(chi_square(&counts, |score| (score / temperature / 2.0 + score).exp()) > UNLIKELY);
    }
    for (a, b) in [(3.0, 0.0), (5.0, -0.2), (0.0, 0.7)] {
        let counts = sets(&table, &selection(2, Taking::SimAns { a, b }))?;
        let peak = f64::from(0.85f32) + b;
        let statistic = chi_square(&counts, |score| (-a * (score - peak).powi(2)).exp());
        assert!(statistic < UNLIKELY, "{a} {b}: {statistic} {counts:?}");
    }
    let counts = sets(&table, &selection(2, Taking::Random))?;
    assert!(chi_square(&counts, |_| 1.0) < UNLIKELY, "{counts:?}");
    // A part of the queries may be without positives.
    let counts = sets(
        &alike(f32::NAN),
        &selection(2, Taking::SimAns { a: 9.0, b: 0.0 }),
    )?;
    assert!(chi_square(&counts, |_| 1.0) < UNLIKELY, "{counts:?}");
    Ok(())
}

#[test]
fn bands_of_ranks_give_one_each() -> Result<()> {
    let counts = sets(&alike(0.5), &selection(2, Taking::Stratified))?;
    assert_eq!(counts.len(), 2 * 3);
    for (set, count) in counts {
        assert!(set[0] < 2 && set[1] >= 2);
        assert!(count.abs_diff(QUERIES / 6) < 250, "{set:?}: {count}");
    }
    Ok(())
}

#[test]
fn extreme_weights_are_limits() -> Result<()> {
    let table = alike(0.76);
    for (taking, best) in [
        (
            Taking::Softmax {
                temperature: f64::MIN_POSITIVE,
            },
            vec![0, 1],
        ),
        (
            Taking::SimAns {
                a: f64::MAX,
                b: 0.0,
            },
            vec![1, 2],
        ),
    ] {
        let counts = sets(&table, &selection(2, taking))?;
        assert_eq!(counts, BTreeMap::from([(best, QUERIES)]), "{taking:?}");
    }
    Ok(())
}

#[test]
fn unusable_selections_are_named() {
    let table = alike(f32::NAN);
    let told =
        |selection: &Selection<'_>| message(select(&table, selection, 1, &mut Tick::silent()));
    let of = |strategy| told(&selection(2, strategy));
    for (said, expected) in [
        (
            of(Taking::Softmax { temperature: 0.0 }),
            "`temperature` must be positive and finite, got 0",
        ),
        (
            of(Taking::Softmax {
                temperature: f64::NAN,
            }),
            "`temperature` must be positive and finite, got NaN",
        ),
        (
            of(Taking::SimAns { a: -1.0, b: 0.0 }),
            "`simans_a` must be finite and not negative, got -1",
        ),
        (
            of(Taking::SimAns {
                a: 1.0,
                b: f64::INFINITY,
            }),
            "`simans_b` must be finite, got inf",
        ),
        (
            of(Taking::Diverse { classes: &[0; 3] }),
            "`diverse_by` must have one class for each document, such as 3, got 3",
        ),
        (
            told(&Selection {
                on_short: OnShort::Random,
                ..selection(2, Taking::Top)
            }),
            "`on_short` must not be \"random\" without the embeddings of the corpus, got none",
        ),
    ] {
        assert_eq!(said, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn filled_places_obey_exclusions_and_caps(mut case in case()) {
        let mut least = case.options.rules.min_score;
        case.options.selection.on_short = OnShort::Keep;
        let kept = mined(&case, None, 1)?;
        case.options.selection.on_short = OnShort::Random;
        let found = mined(&case, None, 1)?;
        prop_assert_eq!(&mined(&case, None, 3)?.ids, &found.ids);
        prop_assert_eq!(&found.report.rejected, &kept.report.rejected);
        // What may be taken at all: the allowed documents, were there no least score and no window.
        case.options.selection = Selection { num_negatives: 300, range_min: 0, range_max: None, strategy: Taking::Top, ..case.options.selection };
        std::mem::swap(&mut case.options.rules.min_score, &mut least);
        let allowed = mined(&case, None, 1)?;
        std::mem::swap(&mut case.options.rules.min_score, &mut least);
        let wanted = found.ids.len() / case.queries.len().max(1);
        let mut filled = 0;
        for query in 0..case.queries.len() {
            let row = |of: &[i64]| of[query * wanted..][..wanted].to_vec();
            let (ids, before) = (row(&found.ids), row(&kept.ids));
            let allowed = &allowed.ids[query * 300..][..300];
            let taken = before.iter().filter(|&&id| id >= 0).count();
            prop_assert_eq!(&ids[..taken], &before[..taken]);
            for (at, &id) in ids.iter().enumerate().filter(|(_, id)| **id >= 0) {
                let place = query * wanted + at;
                prop_assert!(allowed.contains(&id) && ids.iter().filter(|&&other| other == id).count() == 1);
                let document = usize::try_from(id).unwrap_or(0);
                let expected = score(case.options.similarity, case.queries.row(query), case.corpus.row(document));
                prop_assert_eq!(found.scores[place].to_bits(), expected.to_bits());
                prop_assert_eq!(found.ranks[place] == 0, at >= taken);
                filled += u64::from(at >= taken);
            }
        }
        prop_assert_eq!(found.report.filled, filled);
    }
}

#[test]
fn every_document_is_as_likely_to_fill_a_place() -> Result<()> {
    let mut options = top(Similarity::Cosine, 3);
    options.rules.min_score = Some(2.0);
    options.selection.on_short = OnShort::Random;
    let queries = 3000;
    let case = Case {
        excluded: Some(vec![vec![4, 5]; queries]),
        ..Case::new(clustered(1, queries, 4), clustered(2, 10, 4), options)
    };
    let found = mined(&case, None, 1)?;
    let mut counts = [0u32; 10];
    for &id in &found.ids {
        counts[usize::try_from(id).unwrap_or(99)] += 1;
    }
    assert_eq!((counts[4], counts[5]), (0, 0));
    let even = |count: &u32| *count == 0 || count.abs_diff(3000 * 3 / 8) < 120;
    assert!(counts.iter().all(even), "{counts:?}");
    assert_eq!((found.report.filled, found.report.missing), (9000, 0));
    Ok(())
}
