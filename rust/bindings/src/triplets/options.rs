//! Options by name, and what is counted by name.

use foolsgold_core::triplets::{
    DistanceTriplets, Form, Hardness, Metric, Report as LabelReport, ScoreReport, Share, Space,
};
use foolsgold_core::view::Matrix;
use foolsgold_core::{Error, Result};
use numpy::{PyArrayDescrMethods as _, PyUntypedArray, PyUntypedArrayMethods as _};
use pyo3::prelude::*;

use crate::arrays::{self, Rows};

/// Counts by name.
pub(crate) type Report = Vec<(&'static str, u128)>;
/// "triplets", "same", "different" or "labelled"; whether pairs are ordered.
pub(crate) type LabelArgs = (String, bool);
/// Margin, most triplets of an anchor, whether anchors and items have one numbering.
pub(crate) type ScoreArgs = (f64, Option<u64>, bool);
/// Kind and margin.
pub(crate) type DistanceArgs = (String, f64);
/// Embeddings or distances, and the metric of embeddings or "given".
pub(crate) type SpaceArg<'py> = (Bound<'py, PyAny>, String);

/// `None` for pairs of both kinds.
pub(crate) fn form((name, is_ordered): &LabelArgs) -> Result<Option<Form>> {
    let is_ordered = *is_ordered;
    match name.as_str() {
        "triplets" => Ok(Some(Form::Triplets)),
        "same" => Ok(Some(Form::SamePairs { is_ordered })),
        "different" => Ok(Some(Form::DifferentPairs { is_ordered })),
        "labelled" => Ok(None),
        other => {
            let rule = "be triplets, same, different or labelled";
            Err(Error::argument("form", rule, format!("{other:?}")))
        }
    }
}

pub(crate) fn share((name, count): &(String, u64)) -> Result<Share> {
    match name.as_str() {
        "all" => Ok(Share::All),
        "per_anchor" => Ok(Share::PerAnchor(*count)),
        "per_class" => Ok(Share::PerClass(*count)),
        "smallest" => Ok(Share::Smallest),
        "largest" => Ok(Share::Largest),
        other => {
            let rule = "be all, per_anchor, per_class, smallest or largest";
            Err(Error::argument("share", rule, format!("{other:?}")))
        }
    }
}

pub(crate) fn kind((name, margin): &DistanceArgs) -> Result<(Hardness, f64)> {
    let hardness = match name.as_str() {
        "all" => Hardness::All,
        "hard" => Hardness::Hard,
        "semi-hard" => Hardness::SemiHard,
        "easy" => Hardness::Easy,
        "violating" => Hardness::Violating,
        other => {
            let rule = "be all, hard, semi-hard, easy or violating";
            return Err(Error::argument("kind", rule, format!("{other:?}")));
        }
    };
    Ok((hardness, *margin))
}

/// Embeddings or distances, borrowed.
pub(crate) enum Held<'py> {
    Single(Rows<'py, f32>),
    Double(Rows<'py, f64>),
}

pub(crate) fn held<'py>((value, metric): &SpaceArg<'py>) -> PyResult<Held<'py>> {
    let name = if metric == "given" {
        "distances"
    } else {
        "embeddings"
    };
    let double = numpy::dtype::<f64>(value.py());
    let is_double = value
        .cast::<PyUntypedArray>()
        .is_ok_and(|array| array.dtype().is_equiv_to(&double));
    if is_double && metric == "given" {
        return arrays::rows(name, value).map(Held::Double);
    }
    arrays::rows(name, value).map(Held::Single)
}

pub(crate) fn space<'a>(held: &'a Held<'_>, metric: &str) -> Result<Space<'a>> {
    let metric = match metric {
        "given" => {
            return Ok(match held {
                Held::Single(rows) => Space::Single(arrays::slice(rows), rows.shape()[0]),
                Held::Double(rows) => Space::Double(arrays::slice(rows), rows.shape()[0]),
            });
        }
        "cosine" => Metric::Cosine,
        "euclidean" => Metric::Euclidean,
        "squared_euclidean" => Metric::SquaredEuclidean,
        other => {
            let rule = "be cosine, euclidean or squared_euclidean";
            return Err(Error::argument("metric", rule, format!("{other:?}")));
        }
    };
    let Held::Single(rows) = held else {
        return Err(Error::shape("embeddings", "of float32", "float64"));
    };
    let [count, dim] = [rows.shape()[0], rows.shape()[1]];
    Matrix::new("embeddings", arrays::slice(rows), count, dim)
        .map(|matrix| Space::Embeddings(matrix, metric))
}

pub(crate) fn space_of<'a>(held: Option<&'a Held<'_>>, metric: &str) -> Result<Space<'a>> {
    match held {
        Some(held) => space(held, metric),
        None => Err(Error::argument(
            "space",
            "be given for such triplets",
            "None",
        )),
    }
}

pub(crate) fn label_report(report: &LabelReport) -> Report {
    vec![
        ("rows", report.rows.into()),
        ("noise", report.noise.into()),
        ("classes", report.classes.into()),
        ("single", report.single.into()),
        ("without_tuples", report.without_tuples.into()),
        ("all", report.all),
        ("repeated", report.repeated),
        ("left_out", report.left_out),
    ]
}

pub(crate) fn score_report(report: &ScoreReport) -> Report {
    vec![
        ("rows", report.rows.into()),
        ("again", report.again.into()),
        ("own", report.own.into()),
        ("anchors", report.anchors.into()),
        ("without_tuples", report.without_tuples.into()),
        ("all", report.all),
        ("left_out", report.left_out),
    ]
}

pub(crate) fn distance_report(triplets: &DistanceTriplets) -> Report {
    let [hard, semi_hard, easy] = triplets.counts();
    let without = triplets.per_anchor().filter(|&count| count == 0).count();
    vec![
        ("hard", hard),
        ("semi_hard", semi_hard),
        ("easy", easy),
        ("without_tuples", without as u128),
    ]
}
