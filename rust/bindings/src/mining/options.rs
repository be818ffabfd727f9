//! Names and numbers of a search, in.

use foolsgold_core::kernels::Tile;
use foolsgold_core::key::Key;
use foolsgold_core::mining::{
    Engine, MarginFrom, OnShort, Rows, Rules, Selection, Similarity, Strategy, engine_for,
};
use numpy::PyArray1;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::arrays::{self, Column};

/// Margin from, absolute margin, relative margin, greatest score, least score.
pub(crate) type RulesArgs = (String, Option<f64>, Option<f64>, Option<f64>, Option<f64>);

/// What is taken from a table.
#[derive(FromPyObject)]
pub(crate) struct SelectionArgs<'py> {
    #[pyo3(item)]
    num_negatives: usize,
    #[pyo3(item)]
    range_min: usize,
    #[pyo3(item)]
    range_max: Option<usize>,
    #[pyo3(item)]
    min_score: Option<f64>,
    #[pyo3(item)]
    sampling_strategy: String,
    #[pyo3(item)]
    temperature: f64,
    #[pyo3(item)]
    simans_a: f64,
    #[pyo3(item)]
    simans_b: f64,
    #[pyo3(item)]
    diverse_by: Option<Bound<'py, PyArray1<u32>>>,
    #[pyo3(item)]
    on_short: String,
    #[pyo3(item)]
    first_query: u64,
    #[pyo3(item)]
    seed: u64,
}

/// The same, checked, its array borrowed.
pub(crate) struct Selected<'py> {
    args: SelectionArgs<'py>,
    classes: Option<Column<'py, u32>>,
    on_short: OnShort,
}

impl<'py> SelectionArgs<'py> {
    pub(crate) fn borrow(self) -> PyResult<Selected<'py>> {
        let choices = [
            "top",
            "random",
            "softmax",
            "simans",
            "stratified",
            "diverse",
        ];
        let choices = choices.map(|name| (name, ()));
        named("sampling_strategy", &self.sampling_strategy, &choices)?;
        let classes = self.diverse_by.as_ref();
        let classes = classes.map(|classes| arrays::column("diverse_by", classes.as_any()));
        Ok(Selected {
            classes: classes.transpose()?,
            on_short: on_short(&self.on_short)?,
            args: self,
        })
    }
}

impl Selected<'_> {
    pub(crate) fn view(&self) -> Selection<'_> {
        let args = &self.args;
        Selection {
            num_negatives: args.num_negatives,
            range_min: args.range_min,
            range_max: args.range_max,
            min_score: args.min_score,
            strategy: match args.sampling_strategy.as_str() {
                "random" => Strategy::Random,
                "softmax" => Strategy::Softmax {
                    temperature: args.temperature,
                },
                "simans" => Strategy::SimAns {
                    a: args.simans_a,
                    b: args.simans_b,
                },
                "stratified" => Strategy::Stratified,
                "diverse" => Strategy::Diverse {
                    classes: self.classes.as_ref().map(arrays::slice).unwrap_or_default(),
                },
                _ => Strategy::Top,
            },
            on_short: self.on_short,
            first_query: args.first_query,
            key: Key::new(args.seed),
        }
    }
}

/// One of a few names.
fn named<T: Copy>(argument: &str, name: &str, choices: &[(&str, T)]) -> PyResult<T> {
    let found = choices.iter().find(|(choice, _)| *choice == name);
    found.map(|&(_, value)| value).ok_or_else(|| {
        let names = choices.iter().map(|(name, _)| format!("\"{name}\""));
        let names = names.collect::<Vec<_>>().join(" or ");
        PyValueError::new_err(format!("`{argument}` must be {names}, got \"{name}\""))
    })
}

/// A variant of the kernel by its name, the fastest by default.
pub(super) fn tile(name: Option<&str>) -> PyResult<Tile> {
    let all = Tile::all().into_iter().map(|tile| (tile.name, tile));
    let choices: Vec<_> = all.collect();
    name.map_or(Ok(Tile::best()), |name| named("tile", name, &choices))
}

/// How a search is done.
pub(super) fn engine(
    (queries, corpus): (Rows<'_>, Rows<'_>),
    depth: usize,
    threads: usize,
    max_memory: usize,
    name: Option<&str>,
) -> PyResult<Engine> {
    Ok(Engine {
        tile: tile(name)?,
        ..engine_for(queries, corpus, depth, threads, max_memory)
    })
}

pub(crate) fn similarity(name: &Bound<'_, PyAny>) -> PyResult<Similarity> {
    let Ok(name) = name.cast::<PyString>() else {
        let got = name.repr()?;
        let message = format!("`similarity` must be a name, got {got}");
        return Err(PyTypeError::new_err(message));
    };
    let choices = [
        ("cosine", Similarity::Cosine),
        ("dot", Similarity::Dot),
        ("euclidean", Similarity::Euclidean),
    ];
    named("similarity", name.to_str()?, &choices)
}

fn on_short(name: &str) -> PyResult<OnShort> {
    let choices = [
        ("keep", OnShort::Keep),
        ("drop", OnShort::Drop),
        ("random", OnShort::Random),
        ("widen", OnShort::Widen),
    ];
    named("on_short", name, &choices)
}

pub(crate) fn rules((from, absolute, relative, most, least): RulesArgs) -> PyResult<Rules> {
    let choices = [
        ("least", MarginFrom::Least),
        ("greatest", MarginFrom::Greatest),
    ];
    Ok(Rules {
        margin_from: named("margin_from", &from, &choices)?,
        absolute_margin: absolute,
        relative_margin: relative,
        max_score: most,
        min_score: least,
    })
}
