//! Hard, semi-hard and easy triplets, beside loops over all of them in float64.

use std::collections::BTreeMap;

use foolsgold_core::kernels::{Row, distance, dot, norm};
use foolsgold_core::key::Key;
use foolsgold_core::triplets::{DistanceTriplets, Hardness, Metric, Order, Places, Space};
use foolsgold_core::view::Matrix;
use foolsgold_core::{Result, tick::Tick};
use proptest::prelude::*;

use crate::common::{NATURAL, shuffled, sorted, surprise, told};

/// Random values of which there are few or many, from -0.5 to 1.5.
#[expect(clippy::cast_precision_loss, reason = "few bits are drawn")]
fn values(seed: u64, count: usize, steps: u64) -> Vec<f32> {
    let mut rng = Key::new(seed).rng();
    let scale = 2.0 / steps as f32;
    (0..count)
        .map(|_| rng.below(steps) as f32 * scale - 0.5)
        .collect()
}

const KINDS: [Hardness; 5] = [
    Hardness::All,
    Hardness::Hard,
    Hardness::SemiHard,
    Hardness::Easy,
    Hardness::Violating,
];

fn belongs(kind: Hardness, difference: f64, margin: f64) -> bool {
    match kind {
        Hardness::All => true,
        Hardness::Hard => difference <= 0.0,
        Hardness::SemiHard => difference > 0.0 && difference <= margin,
        Hardness::Easy => difference > margin,
        Hardness::Violating => difference <= margin,
    }
}

/// All triplets of a kind, by loops over a table of distances.
fn naive(
    labels: &[u32],
    noise: Option<u32>,
    table: &[Vec<f64>],
    kind: Hardness,
    margin: f64,
) -> Vec<Vec<u32>> {
    let rows = 0..u32::try_from(labels.len()).unwrap_or(0);
    let label = |row: u32| labels[row as usize];
    let mut found = Vec::new();
    for a in rows.clone().filter(|&a| Some(label(a)) != noise) {
        for p in rows.clone().filter(|&p| p != a && label(p) == label(a)) {
            for n in rows
                .clone()
                .filter(|&n| label(n) != label(a) && Some(label(n)) != noise)
            {
                let near = table[a as usize][p as usize];
                if belongs(kind, table[a as usize][n as usize] - near, margin) {
                    found.push(vec![a, p, n]);
                }
            }
        }
    }
    sorted(found)
}

fn table_of(values: &[f32], dim: usize, metric: Metric) -> Vec<Vec<f64>> {
    let rows: Vec<Row<'_>> = values.chunks(dim).map(Row::F32).collect();
    let between = |&one: &Row<'_>, &other: &Row<'_>| match metric {
        Metric::Cosine => {
            let lengths = norm(one) * norm(other);
            1.0 - if lengths > 0.0 {
                dot(one, other) / lengths
            } else {
                0.0
            }
        }
        Metric::Euclidean => distance(one, other).sqrt(),
        Metric::SquaredEuclidean => distance(one, other),
    };
    let row = |one| rows.iter().map(|other| between(one, other)).collect();
    rows.iter().map(row).collect()
}

fn take(
    found: &DistanceTriplets,
    space: Space<'_>,
    places: &Places<'_>,
    order: Order,
    threads: usize,
) -> Result<Vec<Vec<u32>>> {
    let numbers = found.take(space, places, order, threads, &mut Tick::silent())?;
    Ok(numbers.chunks(3).map(<[u32]>::to_vec).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn kinds_are_those_of_loops(
        labels in proptest::collection::vec(0u32..4, 2..14),
        noise in proptest::option::of(0u32..4),
        seed: u64,
        is_coarse: bool,
        margin in prop::sample::select(vec![0.0, 0.25, 0.5, 1.0]),
        metric in prop::sample::select(vec![Metric::Cosine, Metric::Euclidean, Metric::SquaredEuclidean]),
        kind in prop::sample::select(&KINDS[..]),
        threads in 1usize..4,
    ) {
        let dim = 3;
        // Coarse values make ties and distances on the margin.
        let values = values(seed, labels.len() * dim, if is_coarse { 3 } else { 1 << 20 });
        let table = table_of(&values, dim, metric);
        let expected = naive(&labels, noise, &table, kind, margin);
        let double: Vec<f64> = table.concat();
        let rows = labels.len();
        let matrix = Matrix::new("embeddings", &values, rows, dim)?;
        for space in [Space::Embeddings(matrix, metric), Space::Double(&double, rows)] {
            let found = DistanceTriplets::new(labels.clone(), noise, space, (kind, margin), threads, &mut Tick::silent())?;
            prop_assert_eq!(found.len(), expected.len() as u128);
            let sizes = [Hardness::Hard, Hardness::SemiHard, Hardness::Easy]
                .map(|kind| naive(&labels, noise, &table, kind, margin).len() as u128);
            prop_assert_eq!(found.counts(), sizes);
            let whole = Places::Run(0..found.len());
            let in_order = take(&found, space, &whole, NATURAL, threads)?;
            let key = |t: &Vec<u32>| (t[0], t[1], table[t[0] as usize][t[2] as usize].to_bits(), t[2]);
            // Distances are not negative, but a rounded cosine may be: bits tell the order of the others.
            if metric != Metric::Cosine {
                prop_assert!(in_order.is_sorted_by_key(key));
            }
            prop_assert_eq!(&sorted(in_order.clone()), &expected);
            let at_random = take(&found, space, &whole, shuffled(seed, 0), threads)?;
            prop_assert_eq!(&sorted(at_random.clone()), &expected);
            if found.len() > 2 {
                let end = found.len() - 1;
                let part = take(&found, space, &Places::Run(1..end), shuffled(seed, 0), 1)?;
                prop_assert_eq!(&part[..], &at_random[1..at_random.len() - 1]);
                let last = u64::try_from(end).unwrap_or(0);
                let picked = take(&found, space, &Places::Narrow(&[last, 0, last]), NATURAL, 1)?;
                let last = &in_order[in_order.len() - 1];
                prop_assert_eq!(picked, vec![last.clone(), in_order[0].clone(), last.clone()]);
            }
        }
    }
}

#[test]
fn draws_are_uniform_and_from_the_set_alone() -> Result<()> {
    let labels: Vec<u32> = (0..16).map(|row| row % 4).collect();
    let values = values(2, 16 * 4, 1 << 20);
    let space = Space::Embeddings(
        Matrix::new("embeddings", &values, 16, 4)?,
        Metric::Euclidean,
    );
    for kind in [Hardness::Hard, Hardness::SemiHard, Hardness::Easy] {
        let expected = naive(
            &labels,
            None,
            &table_of(&values, 4, Metric::Euclidean),
            kind,
            0.3,
        );
        let found = DistanceTriplets::new(
            labels.clone(),
            None,
            space,
            (kind, 0.3),
            2,
            &mut Tick::silent(),
        )?;
        let mut counts: BTreeMap<Vec<u32>, u64> = expected.iter().map(|t| (t.clone(), 0)).collect();
        let some = found.len() / 3;
        for seed in 0..3000 {
            let drawn = take(&found, space, &Places::Run(0..some), shuffled(seed, 0), 1)?;
            let mut seen = std::collections::BTreeSet::new();
            for triplet in drawn {
                assert!(seen.insert(triplet.clone()), "drawn twice");
                *counts.get_mut(&triplet).ok_or_else(|| {
                    foolsgold_core::Error::argument("triplet", "belong", format!("{triplet:?}"))
                })? += 1;
            }
        }
        let counts: Vec<u64> = counts.into_values().collect();
        // Without replacement they vary by less than independent draws.
        assert!(
            surprise(&counts).abs() < 7.0,
            "{kind:?}: {} of {}",
            surprise(&counts),
            counts.len()
        );
    }
    Ok(())
}

#[test]
fn nothing_depends_on_threads() -> Result<()> {
    let labels: Vec<u32> = (0..200).map(|row| row * row % 11).collect();
    let values = values(4, 200 * 33, 1 << 20);
    let space = Space::Embeddings(Matrix::new("embeddings", &values, 200, 33)?, Metric::Cosine);
    let of = |threads| -> Result<Vec<Vec<u32>>> {
        let found = DistanceTriplets::new(
            labels.clone(),
            None,
            space,
            (Hardness::SemiHard, 0.01),
            threads,
            &mut Tick::silent(),
        )?;
        take(
            &found,
            space,
            &Places::Run(0..found.len().min(20_000)),
            shuffled(3, 3),
            threads,
        )
    };
    let one = of(1)?;
    assert!(one.len() > 1000);
    assert_eq!(one, of(2)?);
    assert_eq!(one, of(7)?);
    Ok(())
}

#[test]
fn bad_input_is_refused_by_name() -> Result<()> {
    let labels = vec![0, 0, 1];
    let square = [0.0, 1.0, 2.0, 1.0, 0.0, 3.0, 2.0, 3.0, 0.0];
    let of = |labels: &[u32], space, margin| {
        DistanceTriplets::new(
            labels.to_vec(),
            None,
            space,
            (Hardness::All, margin),
            1,
            &mut Tick::silent(),
        )
    };
    let space = Space::Double(&square, 3);
    let found = of(&labels, space, 0.0)?;
    assert_eq!(found.len(), 2);
    assert_eq!(
        told(of(&labels[..2], space, 0.0)),
        "`labels` must have one label for each of 3 rows, got 2"
    );
    assert_eq!(
        told(of(&labels, space, f64::NAN)),
        "`margin` must be a finite number that is not negative, got NaN"
    );
    assert_eq!(
        told(of(&labels, Space::Double(&square[1..], 3), 0.0)),
        "`distances` must be a square matrix, got 8 values for 3 rows"
    );
    let mut broken = square;
    broken[5] = f64::NAN;
    assert_eq!(
        told(of(&labels, Space::Double(&broken, 3), 0.0)),
        "`distances` must be finite, got NaN in column 2 at row 1"
    );
    let values = [1.0, f32::INFINITY, 0.0];
    let matrix = Matrix::new("embeddings", &values, 3, 1)?;
    assert_eq!(
        told(of(&labels, Space::Embeddings(matrix, Metric::Cosine), 0.0)),
        "`embeddings` must be finite, got inf in column 0 at row 1"
    );
    let other = of(&[0, 1, 0], space, 0.0)?;
    assert_eq!(other.len(), 2);
    let mut hard = square;
    let kind = (Hardness::Hard, 0.0);
    let found = DistanceTriplets::new(
        vec![0, 0, 1],
        None,
        Space::Double(&square, 3),
        kind,
        1,
        &mut Tick::silent(),
    )?;
    assert_eq!(found.len(), 0);
    let found = DistanceTriplets::new(
        vec![0, 1, 0],
        None,
        Space::Double(&square, 3),
        kind,
        1,
        &mut Tick::silent(),
    )?;
    assert_eq!(found.len(), 1);
    hard[1] = 9.0;
    assert_eq!(
        told(found.take(
            Space::Double(&hard, 3),
            &Places::Run(0..1),
            NATURAL,
            1,
            &mut Tick::silent()
        )),
        "`distances` must be those that were counted, got others in row 0"
    );
    assert_eq!(
        told(found.take(
            Space::Double(&square[..4], 2),
            &Places::Run(0..1),
            NATURAL,
            1,
            &mut Tick::silent()
        )),
        "`distances` must be those that were counted, of 3 rows, got 2"
    );
    Ok(())
}
