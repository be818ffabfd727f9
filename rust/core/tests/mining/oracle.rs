//! Brute force, by the documented arithmetic.

use foolsgold_core::key::{Key, stream};
use foolsgold_core::mining::{
    Anchors, Candidates, Engine, Exclusion, Given, MarginFrom, OnShort, Options, Report, Rules,
    SearchOptions, Similarity, Strategy as Taking, Table, mine, mine_with, search, search_with,
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

/// Classes of documents, and the classes that each query excludes.
pub(super) type Grouped = (Vec<u32>, Vec<Vec<u32>>);

#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) queries: Rows,
    pub(super) corpus: Rows,
    pub(super) positives: Option<Vec<Vec<u32>>>,
    pub(super) excluded: Option<Vec<Vec<u32>>>,
    pub(super) groups: Option<Grouped>,
    /// Those of the diverse strategy.
    pub(super) classes: Vec<u32>,
    pub(super) options: Options<'static>,
}

impl Case {
    /// A plain one.
    pub(super) fn new(queries: Rows, corpus: Rows, options: Options<'static>) -> Self {
        Self {
            classes: (0..7).cycle().take(corpus.len()).collect(),
            queries,
            corpus,
            positives: None,
            excluded: None,
            groups: None,
            options,
        }
    }

    /// The options, with the classes in their place.
    pub(super) fn options(&self, threads: usize) -> Options<'_> {
        let mut options: Options<'_> = self.options;
        if let Taking::Diverse { .. } = options.selection.strategy {
            options.selection.strategy = Taking::Diverse {
                classes: &self.classes,
            };
        }
        options.threads = threads;
        options
    }

    /// The exclusions of a query by name, each as a test of a document.
    fn turns_away(&self, query: usize, id: u32) -> Option<usize> {
        let has =
            |lists: &Option<Vec<Vec<u32>>>| lists.as_ref().map(|lists| lists[query].contains(&id));
        let grouped = self.groups.as_ref();
        let grouped = grouped.map(|(classes, lists)| lists[query].contains(&classes[id as usize]));
        let rules = [has(&self.positives), has(&self.excluded), grouped];
        rules
            .into_iter()
            .flatten()
            .position(|turned_away| turned_away)
    }

    fn num_exclusions(&self) -> usize {
        let is_there = [
            self.positives.is_some(),
            self.excluded.is_some(),
            self.groups.is_some(),
        ];
        is_there.into_iter().filter(|&is_there| is_there).count()
    }
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
        Taking::Top => (0..window.len()).collect(),
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
        Taking::Random | Taking::Stratified => (0..window.len()).collect(),
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

/// Every pair scored, every rule applied by itself, everything sorted.
pub(super) fn brute_force(case: &Case) -> Candidates {
    let (options, selection) = (&case.options, &case.options.selection);
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
        let known = case
            .positives
            .as_ref()
            .map_or(&[][..], |lists| &lists[query]);
        let score = |id: u32| {
            let document = case.corpus.row(id as usize);
            score(options.similarity, case.queries.row(query), document)
        };
        let positives = known.iter().map(|&id| score(id));
        let anchor = match options.rules.margin_from {
            MarginFrom::Least => positives.min_by(f32::total_cmp),
            MarginFrom::Greatest => positives.max_by(f32::total_cmp),
        };
        let caps = caps(&options.rules, anchor);
        let cap = caps
            .iter()
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let &(cap, rule) = cap.unwrap_or(&(f64::INFINITY, 0));
        let low = options.rules.min_score.unwrap_or(f64::NEG_INFINITY);
        let is_empty = cap < low;
        let ids = 0..u32::try_from(case.corpus.len()).unwrap_or(0);
        let mut all: Vec<_> = ids.map(|id| (score(id), id)).collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let place = |&(score, id): &(f32, u32)| {
            if f64::from(score) < low || is_empty {
                Some(case.num_exclusions() + 3)
            } else if let Some(exclusion) = case.turns_away(query, id) {
                Some(exclusion)
            } else {
                (f64::from(score) > cap).then_some(case.num_exclusions() + rule)
            }
        };
        let mut row: Vec<_> = all
            .iter()
            .copied()
            .filter(|one| place(one).is_none())
            .collect();
        row.truncate(depth);
        let bar = row
            .last()
            .filter(|_| row.len() == depth)
            .map_or(f32::NEG_INFINITY, |last| last.0);
        for one in all.iter().filter(|one| one.0 >= bar) {
            if let Some(rule) = place(one) {
                answer.report.rejected[rule] += 1;
            }
        }
        let inside = row.len();
        if selection.on_short == OnShort::Widen && options.rules.min_score.is_some() {
            let is_allowed = |&(score, id): &(f32, u32)| {
                f64::from(score) <= cap && case.turns_away(query, id).is_none()
            };
            let lesser = all.iter().copied().filter(is_allowed);
            row = lesser.take(depth).collect();
        }
        let inside = if is_empty { 0 } else { inside };
        let start = selection.range_min.min(inside);
        let end = selection.range_max.unwrap_or(usize::MAX).min(inside);
        let mut places = taken(case, &row, start, end, query, anchor);
        let wanted = selection.num_negatives;
        if places.len() < wanted && selection.on_short == OnShort::Drop {
            places.clear();
        }
        if places.len() < wanted && selection.on_short == OnShort::Widen {
            let class = |place: usize| case.classes[row[place].1 as usize];
            for place in (0..start).rev().chain(end..row.len()) {
                let is_diverse = matches!(selection.strategy, Taking::Diverse { .. });
                let is_new =
                    !is_diverse || places.iter().all(|&other| class(other) != class(place));
                if is_new && places.len() < wanted {
                    places.push(place);
                    answer.report.widened += 1;
                }
            }
        }
        places.sort_unstable();
        let missing = wanted - places.len();
        answer.report.short += u64::from(missing > 0);
        answer.report.missing += missing as u64;
        for place in places {
            answer.ids.push(i64::from(row[place].1));
            answer.scores.push(row[place].0);
            answer.ranks.push(i32::try_from(place + 1).unwrap_or(0));
        }
        answer.ids.extend(std::iter::repeat_n(-1, missing));
        answer
            .scores
            .extend(std::iter::repeat_n(f32::NEG_INFINITY, missing));
        answer.ranks.extend(std::iter::repeat_n(-1, missing));
    }
    answer
}

/// Offsets and values of lists.
fn ragged(lists: &[Vec<u32>]) -> (Vec<i64>, Vec<u32>) {
    let mut offsets = vec![0];
    let mut values = Vec::new();
    for list in lists {
        values.extend(list);
        offsets.push(i64::try_from(values.len()).unwrap_or(-1));
    }
    (offsets, values)
}

/// A part of the corpus and of the queries of a case.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) queries: std::ops::Range<usize>,
    pub(super) documents: std::ops::Range<usize>,
}

/// Calls `work` with what is given for a part; with anchors where it does not have all documents.
pub(super) fn with_given<T>(
    case: &Case,
    part: &Part,
    anchors: Option<&[f32]>,
    work: impl FnOnce(&Given<'_>) -> Result<T>,
) -> Result<T> {
    let documents = case.corpus.len();
    // A part that is the whole takes lists of a wrong length as they are.
    let is_whole = part.queries.len() == case.queries.len();
    let cut = |lists: &'_ Vec<Vec<u32>>| -> Vec<Vec<u32>> {
        if is_whole {
            lists.clone()
        } else {
            lists[part.queries.clone()].to_vec()
        }
    };
    let some = |lists: &Option<Vec<Vec<u32>>>| lists.as_ref().map(|lists| ragged(&cut(lists)));
    let (positives, excluded) = (some(&case.positives), some(&case.excluded));
    let groups = case.groups.as_ref();
    let grouped = groups.map(|(_, lists)| ragged(&cut(lists)));
    let mut exclusions = Vec::new();
    let mut given = Given::default();
    if let Some(lists) = &positives {
        let lists = Groups::new("positives", &lists.0, &lists.1, documents)?;
        given.anchors = Anchors::Positives(lists);
        exclusions.push(Exclusion {
            name: "positive",
            classes: None,
            lists,
        });
    }
    if let Some(lists) = &excluded {
        exclusions.push(Exclusion {
            name: "excluded",
            classes: None,
            lists: Groups::new("exclude", &lists.0, &lists.1, documents)?,
        });
    }
    if let Some((lists, (classes, _))) = grouped.as_ref().zip(groups) {
        exclusions.push(Exclusion {
            name: "group",
            classes: Some(&classes[part.documents.clone()]),
            lists: Groups::new("group", &lists.0, &lists.1, usize::MAX)?,
        });
    }
    if let Some(anchors) = anchors {
        given.anchors = Anchors::Scores(&anchors[part.queries.clone()]);
    }
    given.exclusions = &exclusions;
    work(&given)
}

impl Case {
    pub(super) fn whole(&self) -> Part {
        Part {
            queries: 0..self.queries.len(),
            documents: 0..self.corpus.len(),
        }
    }
}

pub(super) fn mined(case: &Case, engine: Option<Engine>, threads: usize) -> Result<Candidates> {
    let (queries, corpus) = (case.queries.view("queries")?, case.corpus.view("corpus")?);
    let options = case.options(threads);
    let tick = &mut Tick::silent();
    with_given(case, &case.whole(), None, |given| match engine {
        Some(engine) => mine_with(engine, queries, corpus, given, &options, tick),
        None => mine(queries, corpus, given, &options, tick),
    })
}

/// The table of a part of the case, `depth` deep.
pub(super) fn searched(
    case: &Case,
    part: &Part,
    anchors: Option<&[f32]>,
    depth: usize,
    engine: Option<Engine>,
) -> Result<Table> {
    let cut = |rows: &Rows, range: &std::ops::Range<usize>| Rows {
        values: rows.values[range.start * rows.dim..range.end * rows.dim].to_vec(),
        dim: rows.dim,
    };
    let queries = cut(&case.queries, &part.queries);
    let corpus = cut(&case.corpus, &part.documents);
    let (queries, corpus) = (queries.view("queries")?, corpus.view("corpus")?);
    let options = SearchOptions {
        similarity: case.options.similarity,
        rules: case.options.rules,
        depth,
        first_document: u32::try_from(part.documents.start).unwrap_or(0),
        threads: 2,
    };
    let tick = &mut Tick::silent();
    with_given(case, part, anchors, |given| match engine {
        Some(engine) => search_with(engine, queries, corpus, given, &options, tick),
        None => search(queries, corpus, given, &options, tick),
    })
}

/// Equal in every bit, NaN included.
pub(super) fn same_table(left: &Table, right: &Table) -> bool {
    let bits = |table: &Table| {
        let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        (
            bits(&table.scores),
            bits(&table.bars),
            bits(&table.anchors),
            bits(&table.away.scores),
        )
    };
    let without = |table: &Table| Table {
        anchors: Vec::new(),
        bars: Vec::new(),
        ..table.clone()
    };
    bits(left) == bits(right) && without(left) == without(right)
}

/// Equal in every bit; the scores' zeros have one sign.
pub(super) fn same(left: &Candidates, right: &Candidates) -> bool {
    let bits = |found: &Candidates| found.scores.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    left.ids == right.ids
        && left.ranks == right.ranks
        && bits(left) == bits(right)
        && left.report == right.report
}
