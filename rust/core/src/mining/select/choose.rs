//! The places of a row that become negatives.

use super::{Selection, Strategy, weights};
use crate::key::Key;
use crate::mining::table::Row;

/// The places of a row that the rank window and the least score let in.
pub(super) struct Window {
    start: usize,
    end: usize,
}

impl Window {
    pub(super) fn of(row: &Row<'_>, selection: &Selection<'_>) -> Self {
        let least = selection.min_score.unwrap_or(f64::NEG_INFINITY);
        let inside = row
            .scores
            .partition_point(|&score| f64::from(score) >= least);
        Self {
            start: selection.range_min.min(inside),
            end: selection.range_max.unwrap_or(usize::MAX).min(inside),
        }
    }
}

/// At most `num_negatives` places of the window, by the strategy.
pub(super) fn choose(
    row: &Row<'_>,
    window: &Window,
    selection: &Selection<'_>,
    key: Key,
) -> Vec<usize> {
    let wanted = selection.num_negatives;
    let places = window.start..window.end;
    match selection.strategy {
        Strategy::Diverse { classes } => distinct(row, classes, places, wanted, &mut Vec::new()),
        _ if places.len() <= wanted => places.collect(),
        Strategy::Top => places.take(wanted).collect(),
        Strategy::Random => {
            let chosen = key.rng().choose(places.len() as u64, wanted as u64);
            chosen
                .into_iter()
                .map(|at| window.start + as_place(at))
                .collect()
        }
        Strategy::Stratified => {
            let (mut rng, len) = (key.rng(), places.len() as u64);
            let band = |band: u64| u128::from(band) * u128::from(len) / wanted as u128;
            #[expect(clippy::cast_possible_truncation, reason = "at most `len`")]
            let band = |at: u64| band(at) as u64;
            let draw = |at| band(at) + rng.below(band(at + 1) - band(at));
            let drawn = (0..wanted as u64).map(draw);
            drawn.map(|at| window.start + as_place(at)).collect()
        }
        Strategy::Softmax { temperature } => {
            let most = row.scores[window.start];
            let below = |score: f32| (f64::from(score) - f64::from(most)) / temperature;
            // An infinite score is as likely as its equals.
            let weight = |score| if score < most { below(score) } else { 0.0 };
            weights::draw(row, places, wanted, key, weight)
        }
        Strategy::SimAns { a, b } => {
            let anchor = f64::from(row.anchor);
            let weight = |score: f32| {
                let from_peak = f64::from(score) - anchor - b;
                if anchor.is_nan() || a <= 0.0 {
                    0.0
                } else {
                    -a * from_peak * from_peak
                }
            };
            weights::draw(row, places, wanted, key, weight)
        }
    }
}

/// The first `places` of classes that are not yet in `seen`, at most `wanted`.
fn distinct(
    row: &Row<'_>,
    classes: &[u32],
    places: impl Iterator<Item = usize>,
    wanted: usize,
    seen: &mut Vec<u32>,
) -> Vec<usize> {
    let is_new = |&place: &usize| {
        let class = classes[row.ids[place] as usize];
        let is_new = !seen.contains(&class);
        if is_new {
            seen.push(class);
        }
        is_new
    };
    places.filter(is_new).take(wanted).collect()
}

/// Adds places outside the window, until there are enough.
pub(super) fn widen(
    row: &Row<'_>,
    window: &Window,
    selection: &Selection<'_>,
    places: &mut Vec<usize>,
) {
    let wanted = selection.num_negatives - places.len();
    let further = (0..window.start).rev().chain(window.end..row.ids.len());
    match selection.strategy {
        Strategy::Diverse { classes } => {
            let class = |&place: &usize| classes[row.ids[place] as usize];
            let mut seen = places.iter().map(class).collect();
            places.extend(distinct(row, classes, further, wanted, &mut seen));
        }
        _ => places.extend(further.take(wanted)),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a draw is below the number of candidates"
)]
fn as_place(drawn: u64) -> usize {
    drawn as usize
}
