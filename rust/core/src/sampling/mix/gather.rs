//! Batches of one source each.

use std::ops::Range;

use super::Mixed;
use super::account::{self, Account};
use super::schedule::{Piece, Schedule};
use crate::error::{Error, Result};
use crate::pool;
use crate::sampling::plan::{Draw, Plan, Reason, Report};
use crate::tick::Tick;

/// Rows that are copied at once.
const BLOCK: usize = 1 << 16;

/// The plan of a source's pass.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// Row numbers of the source, batch after batch.
    pub rows: &'a [u32],
    /// Where each batch begins, and at last the number of rows.
    pub offsets: &'a [u64],
    /// Rows in no batch, by reason.
    pub why: &'a [(Reason, u64)],
}

impl<'a> Pass<'a> {
    /// The rows from one batch to before another; these are within the plan, as is checked when a plan is mixed.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "offsets count rows in memory"
    )]
    fn batches(&self, batches: Range<usize>) -> &'a [u32] {
        &self.rows[self.offsets[batches.start] as usize..self.offsets[batches.end] as usize]
    }
}

/// One plan of the batches that `schedule` takes of `passes`, the plans of its pieces of this epoch.
///
/// The `num_replicas` batches of a step are of one source. Deterministic in `draw`. O(rows of the passes).
///
/// # Errors
/// [`Error::Shape`] where passes are not those of the schedule, [`Error::Argument`] where a row is past its source's last
/// of `rows`, [`Error::Cancelled`].
pub fn mix(
    schedule: &Schedule,
    passes: &[Pass<'_>],
    rows: &[usize],
    num_replicas: usize,
    draw: Draw,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Mixed> {
    let pieces = schedule.pieces(draw.epoch);
    check_passes(schedule, &pieces, passes, rows, num_replicas)?;
    let by_source = pool::map_items(
        threads,
        0..rows.len(),
        tick,
        || (),
        |(), source| report(source, rows[source], &pieces, passes, num_replicas),
    )?;
    let turns = turns(schedule, &pieces, draw);
    let mut offsets = vec![0];
    let mut end = 0;
    for &(pass, step) in &turns {
        let starts =
            &passes[pass as usize].offsets[step as usize * num_replicas..][..=num_replicas];
        offsets.extend(starts[1..].iter().map(|start| end + start - starts[0]));
        end += starts[num_replicas] - starts[0];
    }
    let total = usize::try_from(end).unwrap_or(usize::MAX);
    let firsts: Vec<u32> = firsts(rows)?;
    let mut out = vec![0u32; total];
    let mut rest = &mut out[..];
    let per_block = (BLOCK * turns.len() / total.max(1)).max(1);
    let blocks: Vec<_> = turns
        .chunks(per_block)
        .enumerate()
        .map(|(at, steps)| {
            let start = offsets[at * per_block * num_replicas];
            let stop = offsets[(at * per_block + steps.len()) * num_replicas];
            let len = usize::try_from(stop - start).unwrap_or(0);
            (steps, rest.split_off_mut(..len).unwrap_or_default())
        })
        .collect();
    pool::map_items(
        threads,
        blocks.into_iter(),
        tick,
        || (),
        |(), (steps, mut out): (&[(u32, u32)], &mut [u32])| {
            for &(pass, step) in steps {
                let first = firsts[pieces[pass as usize].source];
                let start = step as usize * num_replicas;
                let rows = passes[pass as usize].batches(start..start + num_replicas);
                let places = out.split_off_mut(..rows.len()).unwrap_or_default();
                for (place, row) in places.iter_mut().zip(rows) {
                    *place = first + row;
                }
            }
            Ok(())
        },
    )?;
    let plan = Plan::new(out, offsets, account::sum(&by_source));
    Ok(Mixed { plan, by_source })
}

/// The row at which each source begins.
pub(super) fn firsts(rows: &[usize]) -> Result<Vec<u32>> {
    let total: usize = rows.iter().sum();
    crate::view::check_rows("dataset", total)?;
    let mut end = 0;
    let begin = |&rows: &usize| {
        let first = end;
        end += u32::try_from(rows).unwrap_or(u32::MAX);
        first
    };
    Ok(rows.iter().map(begin).collect())
}

/// For each step the pass and the step of it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "passes and their steps are 32 bits"
)]
fn turns(schedule: &Schedule, pieces: &[Piece], draw: Draw) -> Vec<(u32, u32)> {
    // Of each source, the piece that it is at, and the steps that this has given.
    let mut places: Vec<(usize, u64)> = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        while places.len() <= piece.source {
            places.push((at, 0));
        }
    }
    let order = schedule.order(draw);
    let turn = |source: u32| {
        let (at, given) = &mut places[source as usize];
        if *given == pieces[*at].len {
            (*at, *given) = (*at + 1, 0);
        }
        *given += 1;
        (*at as u32, (pieces[*at].first + *given - 1) as u32)
    };
    order.into_iter().map(turn).collect()
}

fn report(
    source: usize,
    rows: usize,
    pieces: &[Piece],
    passes: &[Pass<'_>],
    num_replicas: usize,
) -> Result<Report> {
    let mut account = Account::new(rows);
    let mut why: Option<&[(Reason, u64)]> = None;
    let own = |(piece, _): &(&Piece, &Pass<'_>)| piece.source == source;
    for (piece, pass) in pieces.iter().zip(passes).filter(own) {
        let number = |step: u64| usize::try_from(step).unwrap_or(0) * num_replicas;
        account.plan(pass.rows, source)?;
        account.use_rows(pass.batches(number(piece.first)..number(piece.first + piece.len)));
        why.get_or_insert(pass.why);
    }
    Ok(account.report(why.unwrap_or_default(), Reason::NotReached))
}

fn check_passes(
    schedule: &Schedule,
    pieces: &[Piece],
    passes: &[Pass<'_>],
    rows: &[usize],
    num_replicas: usize,
) -> Result<()> {
    if passes.len() != pieces.len() {
        let wanted = format!("{} plans", pieces.len());
        return Err(Error::shape("passes", wanted, passes.len()));
    }
    let last = pieces.last().map_or(0, |piece| piece.source);
    if rows.len() <= last {
        let wanted = "the rows of every source";
        return Err(Error::shape("rows", wanted, rows.len()));
    }
    for (piece, pass) in pieces.iter().zip(passes) {
        let name = format!("batch_samplers[{}]", piece.source);
        let wanted = schedule.length(piece.source) * num_replicas as u64;
        let got = pass.offsets.len().saturating_sub(1);
        if got as u64 != wanted {
            let wanted = format!("a sampler of {wanted} batches in every pass");
            return Err(Error::shape(&name, wanted, got));
        }
        let end = pass.offsets.last().copied().unwrap_or(0);
        if !pass.offsets.is_sorted() || end > pass.rows.len() as u64 {
            let wanted = "a plan whose offsets ascend to the number of its rows";
            return Err(Error::shape(&name, wanted, end));
        }
    }
    Ok(())
}
