//! Pairs and triplets that are computed when they are asked for.

mod options;
mod places;

use foolsgold_core::triplets::{
    DistanceTriplets, Form, LabelTuples, LabelledPairs, Labels, Order, Permutation, ScoreTriplets,
    Scores, Share,
};
use foolsgold_core::{Result, key::Key, tick::Tick};
use numpy::PyArray2;
use pyo3::prelude::*;

use crate::arrays;
use crate::enter::enter;
use crate::error::to_py;
use options::{DistanceArgs, LabelArgs, Report, ScoreArgs, SpaceArg};
use places::PlacesArg;

#[derive(Debug)]
enum Source {
    Labels(LabelTuples),
    Pairs(LabelledPairs),
    Scores(ScoreTriplets),
    Distances(DistanceTriplets),
}

/// An implicit array of pairs or triplets.
#[pyclass(frozen, module = "foolsgold._core")]
#[derive(Debug)]
pub(crate) struct Tuples {
    source: Source,
    width: usize,
    report: Report,
}

/// Seed, epoch, and whether the order is random.
type OrderArgs = (u64, u64, bool);

fn order((seed, epoch, is_shuffled): OrderArgs) -> Order {
    Order {
        seed,
        epoch,
        is_shuffled,
    }
}

#[pymethods]
impl Tuples {
    /// Triplets, or pairs of one class ("same"), of two ("different"), or of both with 1 or 0 ("labelled").
    #[staticmethod]
    #[pyo3(signature = (labels, num_classes, *, form, share, noise, ids=None, progress=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword-only in Python")]
    fn from_labels(
        py: Python<'_>,
        labels: Bound<'_, PyAny>,
        num_classes: usize,
        form: LabelArgs,
        share: (String, u64),
        noise: (Option<u32>, bool),
        ids: Option<Bound<'_, PyAny>>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let labels = arrays::column::<u32>("labels", &labels)?;
        let ids = ids
            .map(|ids| arrays::column::<u32>("ids", &ids))
            .transpose()?;
        let labels = Labels {
            labels: arrays::slice(&labels),
            num_classes,
            noise: noise.0,
            noise_is_negative: noise.1,
            ids: ids.as_ref().map(arrays::slice),
        };
        enter(py, progress, |tick| {
            let share = options::share(&share)?;
            match options::form(&form)? {
                Some(form) => Self::of_form(labels, form, share, tick),
                None => Self::of_both(labels, form.1, share, tick),
            }
        })
    }

    /// Triplets of items of an anchor, the one that scores higher by more than a margin as the positive.
    #[staticmethod]
    #[pyo3(signature = (anchors, items, scores, *, options, progress=None))]
    fn from_scores(
        py: Python<'_>,
        anchors: Bound<'_, PyAny>,
        items: Bound<'_, PyAny>,
        scores: Bound<'_, PyAny>,
        options: ScoreArgs,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let anchors = arrays::column::<u32>("anchors", &anchors)?;
        let items = arrays::column::<u32>("items", &items)?;
        let scores = arrays::column::<f64>("scores", &scores)?;
        let (margin, max_per_anchor, is_one_space) = options;
        let scores = Scores {
            anchors: arrays::slice(&anchors),
            items: arrays::slice(&items),
            scores: arrays::slice(&scores),
            is_one_space,
        };
        enter(py, progress, |tick| {
            let tuples = ScoreTriplets::new(scores, margin, max_per_anchor, tick)?;
            let report = options::score_report(&tuples.report());
            Ok(Self {
                source: Source::Scores(tuples),
                width: 3,
                report,
            })
        })
    }

    /// Triplets of one kind of hardness; `space` is embeddings or distances, and is given again when they are taken.
    #[staticmethod]
    #[pyo3(signature = (labels, noise, space, *, options, threads, progress=None))]
    fn from_distances(
        py: Python<'_>,
        labels: Bound<'_, PyAny>,
        noise: Option<u32>,
        space: SpaceArg<'_>,
        options: DistanceArgs,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let labels = arrays::slice(&arrays::column::<u32>("labels", &labels)?).to_vec();
        let held = options::held(&space)?;
        let space = options::space(&held, &space.1).map_err(|error| to_py(&error))?;
        enter(py, progress, |tick| {
            let kind = options::kind(&options)?;
            let tuples = DistanceTriplets::new(labels, noise, space, kind, threads, tick)?;
            let report = options::distance_report(&tuples);
            Ok(Self {
                source: Source::Distances(tuples),
                width: 3,
                report,
            })
        })
    }

    /// How many there are.
    #[getter]
    fn count(&self) -> u128 {
        match &self.source {
            Source::Labels(tuples) => tuples.len(),
            Source::Pairs(tuples) => tuples.len(),
            Source::Scores(tuples) => tuples.len(),
            Source::Distances(tuples) => tuples.len(),
        }
    }

    /// What was counted, by name.
    #[getter]
    fn report(&self) -> Report {
        self.report.clone()
    }

    /// The tuples at places of an order: a range, or an array or list of them.
    #[pyo3(signature = (places, order, *, space=None, threads, progress=None))]
    fn take<'py>(
        &self,
        py: Python<'py>,
        places: PlacesArg<'py>,
        order: OrderArgs,
        space: Option<SpaceArg<'py>>,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<u32>>> {
        let order = self::order(order);
        let held = space.as_ref().map(options::held).transpose()?;
        let metric = space.map_or(String::new(), |space| space.1);
        let space = options::space_of(held.as_ref(), &metric);
        let places = places.view();
        let numbers = enter(py, progress, |tick| match &self.source {
            Source::Labels(tuples) => tuples.take(&places, order, threads, tick),
            Source::Pairs(tuples) => tuples.take(&places, order, threads, tick),
            Source::Scores(tuples) => tuples.take(&places, order, threads, tick),
            Source::Distances(tuples) => tuples.take(space?, &places, order, threads, tick),
        })?;
        arrays::table_from_vec(py, numbers, self.width)
    }
}

impl Tuples {
    fn of_form(labels: Labels<'_>, form: Form, share: Share, tick: &mut Tick<'_>) -> Result<Self> {
        let tuples = LabelTuples::new(labels, form, share, tick)?;
        Ok(Self {
            width: if form == Form::Triplets { 3 } else { 2 },
            report: options::label_report(&tuples.report()),
            source: Source::Labels(tuples),
        })
    }

    fn of_both(
        labels: Labels<'_>,
        is_ordered: bool,
        share: Share,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        let pairs = LabelledPairs::new(labels, is_ordered, share, tick)?;
        Ok(Self {
            width: 3,
            report: options::label_report(&pairs.report()),
            source: Source::Pairs(pairs),
        })
    }
}

/// The number at each of `places` of a random order of `0..len`, or, where it is undone, the place of each number.
#[pyfunction]
#[pyo3(signature = (len, key, places, *, undo=false))]
pub(crate) fn permute(
    len: u128,
    key: (u64, u64),
    places: Vec<u128>,
    undo: bool,
) -> PyResult<Vec<Option<u128>>> {
    let key = Key::new(key.0).fold(key.1);
    let order = Permutation::new(len, key).map_err(|error| to_py(&error))?;
    let of = |place| {
        if undo {
            order.place(place)
        } else {
            order.get(place)
        }
    };
    Ok(places.into_iter().map(of).collect())
}
