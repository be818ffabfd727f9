//! What is asked of the core, and a score by the documented arithmetic.

use foolsgold_core::mining::{
    Anchors, Candidates, Engine, Exclusion, Given, Options, SearchOptions, Similarity,
    Strategy as Taking, Table, mine, mine_with, search, search_with,
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

    /// The first exclusion that turns a document away.
    pub(super) fn turns_away(&self, query: usize, id: u32) -> Option<usize> {
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

    /// How many there are.
    pub(super) fn num_exclusions(&self) -> usize {
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
        Similarity::Euclidean => -distance(query, document).sqrt() as f32 + 0.0,
    }
}

/// The same order, of squared differences.
fn distance(left: &[f32], right: &[f32]) -> f64 {
    let mut parts = [0.0f64; 8];
    for (at, (&x, &y)) in left.iter().zip(right).enumerate() {
        let difference = f64::from(x) - f64::from(y);
        parts[at % 8] += difference * difference;
    }
    for half in [4, 2, 1] {
        for at in 0..half {
            parts[at] += parts[at + half];
        }
    }
    parts[0]
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
