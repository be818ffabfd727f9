//! Several sources in one plan.

use foolsgold_core::sampling::{self, Pass, Reason, Stop};
use foolsgold_core::{Error, Result};
use pyo3::prelude::*;

use super::{BatchingArgs, DrawArgs, Plan, Report, batching, draw, pack, pack_report};
use crate::arrays;
use crate::enter::enter;
use crate::error::to_py;

/// Steps of a pass and of an epoch, by source, and whether sources take turns.
type ScheduleArgs = (Vec<u64>, Vec<u64>, bool);

fn schedule((lengths, counts, is_cyclic): &ScheduleArgs) -> Result<sampling::Schedule> {
    sampling::Schedule::new(lengths, counts, *is_cyclic)
}

/// When an epoch ends: `first`, `all`, or a number of steps.
#[derive(FromPyObject)]
pub(crate) enum StopArgs {
    Steps(u64),
    Name(String),
}

fn stop(stop: &StopArgs) -> Result<Stop> {
    match stop {
        StopArgs::Steps(steps) => Ok(Stop::Steps(*steps)),
        StopArgs::Name(name) if name == "first" => Ok(Stop::First),
        StopArgs::Name(name) if name == "all" => Ok(Stop::All),
        StopArgs::Name(other) => {
            let rule = "be first, all or a number of steps";
            Err(Error::argument("stop", rule, format!("{other:?}")))
        }
    }
}

/// The reason that a report gives by name.
fn reason((name, rows): &(String, u64)) -> Result<(Reason, u64)> {
    let found = Reason::ALL.iter().find(|reason| reason.name() == name);
    let found = found.ok_or_else(|| Error::argument("why", "name known reasons", name));
    found.map(|&reason| (reason, *rows))
}

/// What each source gives in an epoch, in steps of `whole` parts: by weights, or each in turn where there are none.
#[pyfunction]
#[pyo3(signature = (lengths, *, weights, stop, whole))]
pub(crate) fn mix_counts(
    lengths: Vec<u64>,
    weights: Option<Vec<f64>>,
    stop: StopArgs,
    whole: u64,
) -> PyResult<Vec<u64>> {
    let counts = self::stop(&stop).and_then(|stop| match &weights {
        Some(weights) => sampling::counts_of_weights(&lengths, weights, stop, whole),
        None => sampling::counts_in_turn(&lengths, stop),
    });
    counts.map_err(|error| to_py(&error))
}

/// The passes that an epoch takes steps of: source, and the draw of its plan.
#[pyfunction]
#[pyo3(signature = (draw, *, schedule))]
pub(crate) fn mix_passes(
    draw: DrawArgs,
    schedule: ScheduleArgs,
) -> PyResult<Vec<(usize, DrawArgs)>> {
    let schedule = self::schedule(&schedule).map_err(|error| to_py(&error))?;
    let draw = self::draw(draw);
    let of_pass = |piece: &sampling::Piece| {
        let own = draw.of_source(piece.source, piece.pass);
        (piece.source, (own.seed, own.epoch, own.stream))
    };
    Ok(schedule.pieces(draw.epoch).iter().map(of_pass).collect())
}

/// A pass's plan: rows, offsets, and rows in no batch by reason.
type PassArgs<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Vec<(String, u64)>);

/// One plan of the plans of `mix_passes`, and the report of each source.
#[pyfunction]
#[pyo3(signature = (draw, passes, *, schedule, rows, num_replicas, threads, progress=None))]
#[expect(clippy::too_many_arguments, reason = "keyword-only in Python")]
pub(crate) fn mix_plan<'py>(
    py: Python<'py>,
    draw: DrawArgs,
    passes: Vec<PassArgs<'py>>,
    schedule: ScheduleArgs,
    rows: Vec<usize>,
    num_replicas: usize,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Plan<'py>, Vec<Report>)> {
    let arrays: Vec<_> = passes
        .iter()
        .map(|(rows, offsets, _)| {
            let rows = arrays::column::<u32>("rows", rows)?;
            Ok((rows, arrays::column::<u64>("offsets", offsets)?))
        })
        .collect::<PyResult<_>>()?;
    let whys = passes
        .iter()
        .map(|(_, _, why)| why.iter().map(reason).collect());
    let whys: Result<Vec<Vec<(Reason, u64)>>> = whys.collect();
    let slices: Vec<_> = arrays
        .iter()
        .map(|(rows, offsets)| (arrays::slice(rows), arrays::slice(offsets)))
        .collect();
    let mixed = enter(py, progress, |tick| {
        let (whys, draw) = (whys?, self::draw(draw));
        let views = slices.iter().zip(&whys);
        let views: Vec<Pass<'_>> = views
            .map(|(&(rows, offsets), why)| Pass { rows, offsets, why })
            .collect();
        let schedule = self::schedule(&schedule)?;
        sampling::mix(&schedule, &views, &rows, num_replicas, draw, threads, tick)
    })?;
    let reports = mixed.by_source.into_iter().map(pack_report).collect();
    Ok((pack(py, mixed.plan), reports))
}

/// A plan of batches that each have rows of all sources, and the report of each source.
#[pyfunction]
#[pyo3(signature = (draw, columns, *, rows, counts, batching, threads, progress=None))]
#[expect(clippy::too_many_arguments, reason = "keyword-only in Python")]
pub(crate) fn blend_plan<'py>(
    py: Python<'py>,
    draw: DrawArgs,
    columns: Vec<Bound<'py, PyAny>>,
    rows: Vec<usize>,
    counts: Vec<u64>,
    batching: BatchingArgs,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Plan<'py>, Vec<Report>)> {
    let columns = columns
        .iter()
        .map(|ids| arrays::column::<u32>("columns", ids));
    let columns: Vec<arrays::Column<'_, u32>> = columns.collect::<PyResult<_>>()?;
    let views: Vec<&[u32]> = columns.iter().map(arrays::slice).collect();
    let mixed = enter(py, progress, |tick| {
        let (batching, draw) = (self::batching(&batching)?, self::draw(draw));
        sampling::blend(&rows, &counts, &views, batching, draw, threads, tick)
    })?;
    let reports = mixed.by_source.into_iter().map(pack_report).collect();
    Ok((pack(py, mixed.plan), reports))
}
