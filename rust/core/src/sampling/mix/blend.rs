//! Batches that each have rows of all sources.

use super::Mixed;
use super::account::{self, Account};
use super::gather::firsts;
use super::schedule::Schedule;
use crate::error::{Error, Result};
use crate::key::stream;
use crate::sampling::order::shuffled;
use crate::sampling::packing::{Packing, Rules};
use crate::sampling::plan::{Batching, Draw, Plan, Reason};
use crate::tick::Tick;
use crate::view::IdColumn;

/// Fewer batches than this have no room for a row that comes twice, at the end of one pass and in the next.
const FEW: usize = 4;

/// A plan of full batches, each with the share of `counts` of every source, within one row for each rank.
///
/// An epoch has `counts[s]` of the `rows[s]` rows of source `s`. These go on over epochs through shuffled passes of the
/// source, so a row comes twice in an epoch only where one pass ends and another begins; epochs of fewer than four batches
/// each begin a new pass. No two rows of a global batch share a value of `columns`, which go through all sources; where
/// rows are so much alike that batches cannot be filled otherwise, rows come twice, and then shares may be others. An
/// epoch of which not one batch could be filled takes rows from all of the sources. Deterministic in `draw`.
/// O(rows x columns).
///
/// # Errors
/// [`Error::Argument`] where a source has fewer rows than its share of a batch, where counts do not make full batches or
/// not one batch can be filled; [`Error::Shape`] where columns differ in length; [`Error::Cancelled`].
pub fn blend(
    rows: &[usize],
    counts: &[u64],
    columns: &[&[u32]],
    batching: Batching,
    draw: Draw,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Mixed> {
    let num_batches = check(rows, counts, columns, batching)?;
    let firsts = firsts(rows)?;
    let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let shares: Vec<u32> = counts.iter().map(|&count| number(count)).collect();
    let begins_anew = num_batches < FEW;
    let (mut chosen, comes_twice) = chosen(rows, counts, begins_anew, draw, threads, tick)?;
    let pack = |chosen: &[u32], sources: &[u32], comes_twice: bool, tick: &mut Tick<'_>| {
        let values = values_of(chosen, columns, lengths_sum(rows), comes_twice)?;
        let views: Vec<IdColumn<'_>> = values.iter().map(|ids| IdColumn::Flat(ids)).collect();
        let rules = Rules {
            columns: &views,
            sources,
            shares: &shares,
            num_batches: Some(num_batches),
            ..Rules::default()
        };
        Packing::new(chosen.len(), rules, batching, threads, tick)
    };
    let packing = match pack(&chosen, &shares, comes_twice, tick) {
        Err(Error::Argument { .. }) => {
            let sources: Vec<u32> = rows.iter().map(|&rows| number(rows as u64)).collect();
            chosen = (0..sources.iter().sum()).collect();
            pack(&chosen, &sources, false, tick)?
        }
        packing => packing?,
    };
    let found = packing.plan(draw, threads, tick)?;
    let of_all: Vec<u32> = found.rows.iter().map(|&at| chosen[at as usize]).collect();
    let mut accounts: Vec<Account> = rows.iter().map(|&rows| Account::new(rows)).collect();
    // A source without rows begins where the next one does; this finds the last of them.
    let source_of = |row: u32| firsts.partition_point(|&first| first <= row) - 1;
    for (rows, is_used) in [(&chosen, false), (&of_all, true)] {
        for &row in rows {
            let source = source_of(row);
            let own = [row - firsts[source]];
            if is_used {
                accounts[source].use_rows(&own);
            } else {
                accounts[source].plan(&own, source)?;
            }
        }
    }
    let reports = accounts.iter();
    let by_source: Vec<_> = reports
        .map(|own| own.report(&[], Reason::Conflicts))
        .collect();
    let (of_all, offsets) = dealt(&of_all, &found.offsets, batching.num_replicas(), source_of);
    let plan = Plan::new(of_all, offsets, account::sum(&by_source));
    Ok(Mixed { plan, by_source })
}

/// The rows of an epoch, source after source, and whether one may be among them twice.
fn chosen(
    rows: &[usize],
    counts: &[u64],
    begins_anew: bool,
    draw: Draw,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<(Vec<u32>, bool)> {
    let lengths: Vec<u64> = rows.iter().map(|&rows| rows as u64).collect();
    let epoch = if begins_anew { 0 } else { draw.epoch };
    let pieces = Schedule::new(&lengths, counts, false)?.pieces(epoch);
    let firsts = firsts(rows)?;
    let mut chosen: Vec<u32> = Vec::new();
    let mut comes_twice = false;
    for (at, piece) in pieces.iter().enumerate() {
        let mut key = draw.of_source(piece.source, piece.pass).key();
        if begins_anew {
            key = key.fold(draw.epoch);
        }
        let key = key.fold(stream::SHUFFLE);
        let order = shuffled(rows[piece.source], key, threads, tick)?;
        let number = |step: u64| usize::try_from(step).unwrap_or(usize::MAX);
        let own = &order[number(piece.first)..number(piece.first + piece.len)];
        chosen.extend(own.iter().map(|row| firsts[piece.source] + row));
        comes_twice |= at > 0 && pieces[at - 1].source == piece.source;
    }
    Ok((chosen, comes_twice))
}

/// The values of the chosen ones of `rows` rows, column by column.
fn values_of(
    chosen: &[u32],
    columns: &[&[u32]],
    rows: usize,
    comes_twice: bool,
) -> Result<Vec<Vec<u32>>> {
    let of_column = |column: &&[u32]| chosen.iter().map(|&row| column[row as usize]).collect();
    let mut values: Vec<Vec<u32>> = columns.iter().map(of_column).collect();
    if comes_twice {
        // A row must not meet itself: it shares its number.
        let most = columns.iter().flat_map(|column| column.iter()).max();
        let bound = most.map_or(0, |&id| u64::from(id) + 1);
        crate::view::check_rows("dataset", usize::try_from(bound).unwrap_or(0) + rows)?;
        let bound = u32::try_from(bound).unwrap_or(u32::MAX);
        values.push(chosen.iter().map(|row| bound + row).collect());
    }
    Ok(values)
}

/// The same global batches with the rows of each source dealt round the ranks; rows, and where each batch begins.
fn dealt(
    rows: &[u32],
    offsets: &[u64],
    ranks: usize,
    source_of: impl Fn(u32) -> usize,
) -> (Vec<u32>, Vec<u64>) {
    let mut out = Vec::with_capacity(rows.len());
    let mut ends = vec![0];
    let place = |at: usize| usize::try_from(offsets[at]).unwrap_or(usize::MAX);
    for step in (0..offsets.len() - 1).step_by(ranks) {
        let whole = &rows[place(step)..place(step + ranks)];
        let mut by_source: Vec<(usize, usize)> =
            whole.iter().map(|&row| source_of(row)).zip(0..).collect();
        by_source.sort_unstable();
        let mut turns = vec![0; whole.len()];
        for (turn, &(_, at)) in by_source.iter().enumerate() {
            turns[at] = turn % ranks;
        }
        for rank in 0..ranks {
            let own = whole.iter().zip(&turns).filter(|&(_, &turn)| turn == rank);
            out.extend(own.map(|(&row, _)| row));
            ends.push(out.len() as u64);
        }
    }
    (out, ends)
}

fn lengths_sum(rows: &[usize]) -> usize {
    rows.iter().sum()
}

/// The number of global batches.
fn check(rows: &[usize], counts: &[u64], columns: &[&[u32]], batching: Batching) -> Result<usize> {
    let all = lengths_sum(rows);
    if let Some(column) = columns.iter().find(|column| column.len() != all) {
        let wanted = format!("of {all} rows, those of all sources");
        return Err(Error::shape("columns", wanted, column.len()));
    }
    let (total, whole) = (counts.iter().sum::<u64>(), batching.whole() as u64);
    let batches = total / whole;
    if batches == 0 || total % whole != 0 {
        let rule = format!("give a multiple of {whole} rows");
        return Err(Error::argument("sizes", rule, total));
    }
    for (source, (&rows, &count)) in rows.iter().zip(counts).enumerate() {
        let share = count.div_ceil(batches);
        if (rows as u64) < share {
            let rule = format!("be so small that source {source} has rows for its share, {share}");
            let got = format!("{} for {rows} rows of it", batching.batch_size());
            return Err(Error::argument("batch_size", rule, got));
        }
    }
    Ok(usize::try_from(batches).unwrap_or(usize::MAX))
}
