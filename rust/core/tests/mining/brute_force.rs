//! Every pair scored, every rule applied by itself, everything sorted.

use foolsgold_core::key::{Key, stream};
use foolsgold_core::mining::{Candidates, MarginFrom, OnShort, Report, Rules, Strategy as Taking};

use super::oracle::{Case, score};

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

/// Standard Gumbel noise of a document.
#[expect(clippy::cast_precision_loss, reason = "52 bits and a half fit")]
fn gumbel(key: Key, id: u32) -> f64 {
    let unit = ((key.bits(u64::from(id)) >> 12) as f64 + 0.5) * 0.5f64.powi(52);
    -(-unit.ln()).ln()
}

/// The best of a query's candidates by a weight of their scores, with noise.
fn drawn(row: &[(f32, u32)], key: Key, weight: impl Fn(f64) -> f64) -> Vec<usize> {
    let sum = |&(score, id): &(f32, u32)| {
        let sum = weight(f64::from(score)) + gumbel(key, id);
        if sum.is_nan() { f64::NEG_INFINITY } else { sum }
    };
    let mut places: Vec<_> = row.iter().map(sum).enumerate().collect();
    places.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    places.into_iter().map(|(place, _)| place).collect()
}

/// The places of `row` from `start` to `end` that the strategy takes.
fn taken(
    case: &Case,
    row: &[(f32, u32)],
    start: usize,
    end: usize,
    query: usize,
    anchor: Option<f32>,
) -> Vec<usize> {
    let selection = &case.options.selection;
    let (window, wanted) = (&row[start..end], selection.num_negatives);
    let key = selection.key.fold(stream::SELECT).fold(query as u64);
    let usable = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
    let mut places = match selection.strategy {
        Taking::Random if window.len() > wanted => {
            let chosen = key.rng().choose(window.len() as u64, wanted as u64);
            chosen.into_iter().map(usable).collect()
        }
        Taking::Stratified if window.len() > wanted => {
            let mut rng = key.rng();
            let edge = |band: usize| band * window.len() / wanted;
            (0..wanted)
                .map(|band| edge(band) + usable(rng.below((edge(band + 1) - edge(band)) as u64)))
                .collect()
        }
        Taking::Top | Taking::Random | Taking::Stratified => (0..window.len()).collect(),
        Taking::Softmax { temperature } => {
            let best = window.first().map_or(0.0, |best| f64::from(best.0));
            let weight = |score: f64| {
                if score < best {
                    (score - best) / temperature
                } else {
                    0.0
                }
            };
            drawn(window, key, weight)
        }
        Taking::SimAns { a, b } => drawn(window, key, |score| {
            anchor
                .filter(|_| a > 0.0)
                .map_or(0.0, |p| -a * (score - f64::from(p) - b).powi(2))
        }),
        Taking::Diverse { .. } => {
            let class = |place: usize| case.classes[window[place].1 as usize];
            let is_first = |&place: &usize| (0..place).all(|other| class(other) != class(place));
            (0..window.len()).filter(is_first).collect()
        }
    };
    places.truncate(wanted);
    places.iter().map(|place| place + start).collect()
}

/// One query, answered.
struct Ranked {
    /// Candidates, those that score too little to be taken at first included.
    row: Vec<(f32, u32)>,
    /// How many of them score enough.
    inside: usize,
    anchor: Option<f32>,
    /// The rule of each document that was turned away.
    rejected: Vec<usize>,
}

fn ranked(case: &Case, query: usize, depth: usize) -> Ranked {
    let rules = &case.options.rules;
    let score = |id: u32| {
        let (left, right) = (case.queries.row(query), case.corpus.row(id as usize));
        score(case.options.similarity, left, right)
    };
    let known = case
        .positives
        .as_ref()
        .map_or(&[][..], |lists| &lists[query]);
    let positives = known.iter().map(|&id| score(id));
    let anchor = match rules.margin_from {
        MarginFrom::Least => positives.min_by(f32::total_cmp),
        MarginFrom::Greatest => positives.max_by(f32::total_cmp),
    };
    let caps = caps(rules, anchor);
    let lowest = |a: &&(f64, usize), b: &&(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    let &(cap, rule) = caps.iter().min_by(lowest).unwrap_or(&(f64::INFINITY, 0));
    let low = rules.min_score.unwrap_or(f64::NEG_INFINITY);
    let bounds = case.num_exclusions();
    let why = |&(score, id): &(f32, u32)| {
        if f64::from(score) < low || cap < low {
            Some(bounds + 3)
        } else if let Some(exclusion) = case.turns_away(query, id) {
            Some(exclusion)
        } else {
            (f64::from(score) > cap).then_some(bounds + rule)
        }
    };
    let ids = 0..u32::try_from(case.corpus.len()).unwrap_or(0);
    let mut all: Vec<_> = ids.map(|id| (score(id), id)).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let allowed = all.iter().copied().filter(|one| why(one).is_none());
    let mut row: Vec<_> = allowed.take(depth).collect();
    let last = row.last().filter(|_| row.len() == depth);
    let bar = last.map_or(f32::NEG_INFINITY, |last| last.0);
    let looked_at = all.iter().filter(|one| one.0 >= bar);
    let rejected = looked_at.filter_map(why).collect();
    let inside = row.len();
    if case.options.selection.on_short == OnShort::Widen && rules.min_score.is_some() {
        let is_allowed =
            |one: &(f32, u32)| f64::from(one.0) <= cap && case.turns_away(query, one.1).is_none();
        row = all.iter().copied().filter(is_allowed).take(depth).collect();
    }
    Ranked {
        row,
        inside,
        anchor,
        rejected,
    }
}

/// The places that are taken, and how many of them lie outside the window.
fn places(case: &Case, query: usize, ranked: &Ranked) -> (Vec<usize>, u64) {
    let (selection, row) = (&case.options.selection, &ranked.row);
    let start = selection.range_min.min(ranked.inside);
    let end = selection.range_max.unwrap_or(usize::MAX).min(ranked.inside);
    let mut places = taken(case, row, start, end, query, ranked.anchor);
    let (wanted, within) = (selection.num_negatives, places.len());
    if within < wanted && selection.on_short == OnShort::Drop {
        places.clear();
    }
    if within < wanted && selection.on_short == OnShort::Widen {
        let class = |place: usize| case.classes[row[place].1 as usize];
        for place in (0..start).rev().chain(end..row.len()) {
            let is_diverse = matches!(selection.strategy, Taking::Diverse { .. });
            let is_new = !is_diverse || places.iter().all(|&other| class(other) != class(place));
            if is_new && places.len() < wanted {
                places.push(place);
            }
        }
    }
    let widened = places.len().saturating_sub(within) as u64;
    places.sort_unstable();
    (places, widened)
}

/// The answer, one query after the other.
pub(super) fn brute_force(case: &Case) -> Candidates {
    let selection = &case.options.selection;
    let mut answer = Candidates {
        ids: Vec::new(),
        scores: Vec::new(),
        ranks: Vec::new(),
        report: Report {
            rejected: vec![0; case.num_exclusions() + 4],
            ..Report::default()
        },
    };
    let depth = match selection.strategy {
        Taking::Top => selection.range_min + selection.num_negatives,
        _ => selection.range_max.unwrap_or(usize::MAX),
    };
    for query in 0..case.queries.len() {
        let ranked = ranked(case, query, depth);
        let (places, widened) = places(case, query, &ranked);
        let missing = selection.num_negatives - places.len();
        for rule in ranked.rejected {
            answer.report.rejected[rule] += 1;
        }
        answer.report.short += u64::from(missing > 0);
        answer.report.missing += missing as u64;
        answer.report.widened += widened;
        for place in places {
            let (score, id) = ranked.row[place];
            answer.ids.push(i64::from(id));
            answer.scores.push(score);
            answer.ranks.push(i32::try_from(place + 1).unwrap_or(0));
        }
        let nothing = std::iter::repeat_n(f32::NEG_INFINITY, missing);
        answer.ids.extend(std::iter::repeat_n(-1, missing));
        answer.scores.extend(nothing);
        answer.ranks.extend(std::iter::repeat_n(-1, missing));
    }
    answer
}
