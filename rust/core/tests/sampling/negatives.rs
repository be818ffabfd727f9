//! Laws of negatives drawn anew each epoch: different places of a list, one row alone as all together.

use foolsgold_core::sampling::{Weighting, draw_negatives, draw_row};
use foolsgold_core::{Error, Result, tick::Tick};
use proptest::prelude::*;

use crate::common::draw;

const WEIGHTINGS: [Weighting; 2] = [Weighting::Uniform, Weighting::Top];

fn drawn(lengths: &[u32], count: usize, weighting: Weighting, epoch: u64) -> Result<Vec<u32>> {
    draw_negatives(
        lengths,
        count,
        weighting,
        draw(7, epoch),
        1,
        &mut Tick::silent(),
    )
}

fn lists() -> impl Strategy<Value = (Vec<u32>, usize)> {
    (1usize..8).prop_flat_map(|count| {
        let least = u32::try_from(count).unwrap_or(1);
        (prop::collection::vec(least..40, 0..60), Just(count))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::common::cases()))]

    #[test]
    fn places_differ_and_a_row_alone_is_as_in_the_whole(
        (lengths, count) in lists(), is_top: bool, seed: u64, epoch in 0u64..5,
    ) {
        let weighting = WEIGHTINGS[usize::from(is_top)];
        let draw = draw(seed, epoch);
        let all = draw_negatives(&lengths, count, weighting, draw, 1, &mut Tick::silent())?;
        prop_assert_eq!(all.len(), lengths.len() * count);
        for (row, places) in (0u32..).zip(all.chunks(count)) {
            let length = lengths[row as usize];
            prop_assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(places.iter().all(|&place| place < length));
            prop_assert_eq!(&draw_row(length, count, weighting, draw, row)?, places);
        }
    }

    #[test]
    fn too_short_a_list_is_named(mut lengths in prop::collection::vec(3u32..9, 1..20), at: prop::sample::Index) {
        let row = at.index(lengths.len());
        lengths[row] = 2;
        lengths.push(0);
        let error = drawn(&lengths, 3, Weighting::Top, 0).err().map(|error| error.to_string());
        let expected = format!("`negatives` must have at least 3 negatives, got 2 at row {row}");
        prop_assert_eq!(error, Some(expected));
    }
}

#[test]
fn threads_and_blocks_change_nothing() -> Result<()> {
    let lengths: Vec<u32> = (0..20_000).map(|row| 5 + row % 30).collect();
    for weighting in WEIGHTINGS {
        let expected = drawn(&lengths, 5, weighting, 0)?;
        for threads in [2, 7] {
            let places = draw_negatives(
                &lengths,
                5,
                weighting,
                draw(7, 0),
                threads,
                &mut Tick::silent(),
            )?;
            assert_eq!(places, expected);
        }
        assert_ne!(drawn(&lengths, 5, weighting, 1)?, expected);
    }
    Ok(())
}

/// How often each place of a list of `length` is among the `count` that are drawn, over many rows.
fn frequencies(length: u32, count: usize, weighting: Weighting) -> Result<Vec<f64>> {
    let rows = 200_000;
    let mut times = vec![0.0; length as usize];
    for place in drawn(&vec![length; rows], count, weighting, 3)? {
        times[place as usize] += 1.0;
    }
    Ok(times
        .into_iter()
        .map(|times: f64| times / 200_000.0)
        .collect())
}

/// The chance of each place to be among two that are drawn, the second from what the first leaves.
fn chances_of_two(weights: &[f64]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let second = |place: usize, first: usize| weights[place] / (total - weights[first]);
    (0..weights.len())
        .map(|place| {
            let others = (0..weights.len()).filter(|&first| first != place);
            let later: f64 = others
                .map(|first| weights[first] / total * second(place, first))
                .sum();
            weights[place] / total + later
        })
        .collect()
}

#[test]
fn places_are_drawn_by_their_weights() -> Result<()> {
    let harmonic: Vec<f64> = (1..=6).map(|place| 1.0 / f64::from(place)).collect();
    for (weighting, weights) in [
        (Weighting::Uniform, vec![1.0; 6]),
        (Weighting::Top, harmonic),
    ] {
        let total: f64 = weights.iter().sum();
        let one = frequencies(6, 1, weighting)?;
        let two = frequencies(6, 2, weighting)?;
        let chances = chances_of_two(&weights);
        for place in 0..6 {
            // Four standard errors of a share over 200,000 rows are below 0.0045.
            assert!(
                (one[place] - weights[place] / total).abs() < 0.0045,
                "{weighting:?} {one:?}"
            );
            assert!(
                (two[place] - chances[place]).abs() < 0.0045,
                "{weighting:?} {two:?} {chances:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn draws_are_golden() -> Result<()> {
    let lengths = [9, 30, 4, 1000];
    assert_eq!(
        drawn(&lengths, 4, Weighting::Uniform, 2)?,
        [2u32, 5, 7, 8, 7, 18, 20, 29, 0, 1, 2, 3, 400, 567, 612, 812]
    );
    assert_eq!(
        drawn(&lengths, 4, Weighting::Top, 2)?,
        [0u32, 1, 3, 5, 0, 6, 10, 28, 0, 1, 2, 3, 10, 39, 55, 252]
    );
    Ok(())
}

#[test]
fn senseless_draws_are_refused() -> Result<()> {
    for error in [
        drawn(&[3], 0, Weighting::Top, 0).err(),
        draw_row(3, 0, Weighting::Uniform, draw(0, 0), 0).err(),
    ] {
        let text = error.map(|error| error.to_string());
        assert_eq!(
            text,
            Some("`num_negatives` must be at least 1, got 0".into())
        );
    }
    assert!(matches!(
        draw_row(2, 3, Weighting::Uniform, draw(0, 0), 5),
        Err(Error::Row { row: 5, .. })
    ));
    assert!(drawn(&[], 3, Weighting::Top, 0)?.is_empty());
    Ok(())
}
