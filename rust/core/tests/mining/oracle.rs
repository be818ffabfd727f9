//! Brute force, by the documented arithmetic.

use foolsgold_core::mining::{
    Candidates, Engine, Options, Report, Rules, Similarity, Strategy as Taking, mine, mine_with,
};
use foolsgold_core::view::{Groups, Matrix};
use foolsgold_core::{Result, tick::Tick};

/// Rows of one length.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) values: Vec<f32>,
    pub(super) dim: usize,
}

impl Rows {
    pub(super) fn view(&self, name: &str) -> Result<Matrix<'_>> {
        Matrix::new(name, &self.values, self.values.len() / self.dim, self.dim)
    }

    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.dim..(row + 1) * self.dim]
    }

    pub(super) fn len(&self) -> usize {
        self.values.len() / self.dim
    }
}

#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) queries: Rows,
    pub(super) corpus: Rows,
    pub(super) positives: Option<Vec<Vec<u32>>>,
    pub(super) options: Options,
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
pub(super) fn score(similarity: Similarity, query: &[f32], document: &[f32]) -> f32 {
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
pub(super) fn brute_force(case: &Case) -> Candidates {
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

pub(super) fn mined(case: &Case, engine: Option<Engine>, threads: usize) -> Result<Candidates> {
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
pub(super) fn same(left: &Candidates, right: &Candidates) -> bool {
    let bits = |found: &Candidates| found.scores.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    left.ids == right.ids && bits(left) == bits(right) && left.report == right.report
}
