//! Laws of plans of several sources.

use std::collections::{HashMap, HashSet};

use foolsgold_core::sampling::{
    Batching, Draw, Mixed, Pass, Plan, Reason, Report, Schedule, Stop, Tail, blend, counts_in_turn,
    counts_of_weights, mix, random,
};
use foolsgold_core::{Result, tick::Tick};
use proptest::prelude::*;

use crate::common::draw;

/// The plan of every pass that an epoch of shuffled sources takes steps of.
fn passes(
    schedule: &Schedule,
    rows: &[usize],
    batchings: &[Batching],
    draw: Draw,
) -> Result<Vec<Plan>> {
    let plan = |piece: &foolsgold_core::sampling::Piece| {
        let own = draw.of_source(piece.source, piece.pass);
        random(
            rows[piece.source],
            batchings[piece.source],
            own,
            1,
            &mut Tick::silent(),
        )
    };
    schedule.pieces(draw.epoch).iter().map(plan).collect()
}

fn mixed(
    schedule: &Schedule,
    rows: &[usize],
    batchings: &[Batching],
    ranks: usize,
    draw: Draw,
    threads: usize,
) -> Result<Mixed> {
    let plans = passes(schedule, rows, batchings, draw)?;
    let views: Vec<Pass<'_>> = plans
        .iter()
        .map(|plan| Pass {
            rows: &plan.rows,
            offsets: &plan.offsets,
            why: &plan.report.why,
        })
        .collect();
    mix(
        schedule,
        &views,
        rows,
        ranks,
        draw,
        threads,
        &mut Tick::silent(),
    )
}

/// The source of each row of a plan, and the row's number there.
fn own_row(rows: &[usize], row: u32) -> (usize, usize) {
    let mut row = row as usize;
    for (source, &rows) in rows.iter().enumerate() {
        if row < rows {
            return (source, row);
        }
        row -= rows;
    }
    panic!("a row past all sources");
}

/// Asserts that the reports say what the rows of a plan show.
fn check_reports(mixed: &Mixed, rows: &[usize]) {
    let mut uses: Vec<HashMap<usize, u64>> = vec![HashMap::new(); rows.len()];
    for &row in &mixed.plan.rows {
        let (source, row) = own_row(rows, row);
        *uses[source].entry(row).or_default() += 1;
    }
    let mut sums = (0, 0, 0);
    for ((own, uses), &rows) in mixed.by_source.iter().zip(&uses).zip(rows) {
        let places: u64 = uses.values().sum();
        assert_eq!(own.used, uses.len() as u64);
        assert_eq!(own.repeated, places - own.used);
        assert_eq!(own.left_out(), rows as u64 - own.used);
        sums = (
            sums.0 + own.used,
            sums.1 + own.repeated,
            sums.2 + own.left_out(),
        );
    }
    let all = &mixed.plan.report;
    assert_eq!((all.used, all.repeated, all.left_out()), sums);
}

fn float(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// Weights that are not too far apart for the least length to be looked for step by step.
fn weight() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), 0.01f64..10.0]
}

fn tail() -> impl Strategy<Value = Tail> {
    prop_oneof![Just(Tail::Drop), Just(Tail::Short), Just(Tail::Refill)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::common::cases()))]

    #[test]
    fn counts_are_within_one_of_their_share(
        sources in prop::collection::vec((1u64..60, weight()), 1..6), steps in 1u64..200, whole in 1u64..5,
    ) {
        let (lengths, weights): (Vec<u64>, Vec<f64>) = sources.into_iter().unzip();
        let total: f64 = weights.iter().sum();
        for stop in [Stop::First, Stop::All, Stop::Steps(steps)] {
            let Ok(counts) = counts_of_weights(&lengths, &weights, stop, whole) else {
                // Steps of several parts may be more than a source has.
                prop_assert!(total == 0.0 || (stop == Stop::First && whole > 1));
                continue;
            };
            let given: u64 = counts.iter().sum();
            prop_assert_eq!(given % whole, 0);
            for ((&count, &weight), &length) in counts.iter().zip(&weights).zip(&lengths) {
                let share = weight / total * float(given);
                prop_assert!((float(count) - share).abs() < 1.0 + 1e-9, "{} {}", count, share);
                match stop {
                    Stop::First => prop_assert!(count <= length),
                    Stop::All => prop_assert!(count >= length || weight == 0.0),
                    Stop::Steps(steps) => prop_assert_eq!(given, steps * whole),
                }
            }
            // One step more or less would be too much or too little.
            let steps = given / whole;
            let next = match stop {
                Stop::First => steps + 1,
                Stop::All if steps > 1 => steps - 1,
                Stop::All | Stop::Steps(_) => continue,
            };
            let next = counts_of_weights(&lengths, &weights, Stop::Steps(next), whole)?;
            let mut fits = next.iter().zip(&lengths).zip(&weights).filter(|(_, weight)| **weight > 0.0);
            let is_too_far = match stop {
                Stop::First => fits.any(|((count, length), _)| count > length),
                _ => fits.any(|((count, length), _)| count < length),
            };
            prop_assert!(is_too_far);
        }
    }

    #[test]
    fn turns_are_equal(lengths in prop::collection::vec(1u64..40, 1..6), steps in 1u64..100) {
        let sources = lengths.len() as u64;
        let least = lengths.iter().min().copied().unwrap_or(0);
        prop_assert_eq!(counts_in_turn(&lengths, Stop::First)?, vec![least; lengths.len()]);
        let most = lengths.iter().max().copied().unwrap_or(0);
        prop_assert_eq!(counts_in_turn(&lengths, Stop::All)?, vec![most; lengths.len()]);
        let counts = counts_in_turn(&lengths, Stop::Steps(steps))?;
        prop_assert_eq!(counts.iter().sum::<u64>(), steps);
        prop_assert!(counts.iter().all(|&count| count.abs_diff(steps / sources) <= 1));
        let order = Schedule::new(&lengths, &counts, true)?.order(draw(0, 0));
        prop_assert!(order.iter().zip(0u64..).all(|(&source, step)| u64::from(source) == step % sources));
    }

    /// Every step is of one source, and each source gives all rows of a pass before any comes again.
    #[test]
    fn a_source_gives_its_passes_whatever_the_epochs(
        sources in prop::collection::vec((1usize..60, 1usize..6, tail(), 0u64..9), 1..5),
        ranks in 1usize..4, is_cyclic: bool, seed: u64,
    ) {
        let mut rows = Vec::new();
        let (mut batchings, mut lengths, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        for (of_source, size, tail, count) in sources {
            let batching = Batching::new(size, ranks, tail)?;
            let Ok(length) = batching.num_batches(of_source) else {
                return Ok(());
            };
            rows.push(of_source);
            batchings.push(batching);
            lengths.push(length as u64);
            counts.push(count);
        }
        let Ok(schedule) = Schedule::new(&lengths, &counts, is_cyclic) else {
            prop_assert_eq!(counts.iter().sum::<u64>(), 0);
            return Ok(());
        };
        let mut given: Vec<Vec<Vec<u32>>> = vec![Vec::new(); rows.len()];
        let epochs = 6;
        for epoch in 0..epochs {
            let mixed = mixed(&schedule, &rows, &batchings, ranks, draw(seed, epoch), 2)?;
            prop_assert_eq!(mixed.plan.len() as u64, schedule.num_steps() * ranks as u64);
            check_reports(&mixed, &rows);
            let mut steps = vec![0; rows.len()];
            for step in 0..mixed.plan.len() / ranks {
                let batches: Vec<&[u32]> =
                    (step * ranks..(step + 1) * ranks).filter_map(|batch| mixed.plan.batch(batch)).collect();
                let owners: HashSet<usize> =
                    batches.concat().iter().map(|&row| own_row(&rows, row).0).collect();
                prop_assert_eq!(owners.len(), 1);
                let owner = owners.into_iter().next().unwrap_or(0);
                steps[owner] += 1;
                for batch in batches {
                    given[owner].push(
                        batch.iter().map(|&row| u32::try_from(own_row(&rows, row).1).unwrap_or(0)).collect(),
                    );
                }
            }
            prop_assert_eq!(&steps, &counts);
        }
        // What all epochs gave together are the source's own plans, pass after pass.
        for (source, given) in given.into_iter().enumerate() {
            let mut expected = Vec::new();
            for pass in 0.. {
                if expected.len() >= given.len() {
                    break;
                }
                let own = draw(seed, 0).of_source(source, pass);
                let plan = random(rows[source], batchings[source], own, 1, &mut Tick::silent())?;
                expected.extend((0..plan.len()).filter_map(|at| plan.batch(at).map(<[u32]>::to_vec)));
            }
            expected.truncate(given.len());
            prop_assert_eq!(given, expected);
        }
    }

    /// Batches are full and no row meets itself, however few rows there are.
    #[test]
    fn blended_batches_are_full(
        sources in prop::collection::vec((1usize..50, 0.1f64..5.0), 1..4), size in 1usize..6, ranks in 1usize..3,
        seed: u64, is_all: bool,
    ) {
        let Some((rows, counts, batching)) = blending(sources, size, ranks, is_all)? else {
            return Ok(());
        };
        let whole = size * ranks;
        let batches = counts.iter().sum::<u64>() / whole as u64;
        let has_shares = rows.iter().zip(&counts).all(|(&rows, &count)| count.div_ceil(batches) <= rows as u64);
        for epoch in 0..3 {
            let Ok(mixed) = blend(&rows, &counts, &[], batching, draw(seed, epoch), 2, &mut Tick::silent()) else {
                // A row that is in all places of an epoch cannot meet itself.
                prop_assert!(!has_shares || rows.iter().sum::<usize>() <= whole);
                return Ok(());
            };
            prop_assert!(has_shares);
            prop_assert_eq!(mixed.plan.len() as u64, batches * ranks as u64);
            check_reports(&mixed, &rows);
            for step in 0..mixed.plan.len() / ranks {
                let batch = global_batch(&mixed.plan, step, ranks);
                prop_assert_eq!(batch.len(), whole);
                prop_assert_eq!(batch.iter().collect::<HashSet<_>>().len(), whole);
            }
        }
    }

    /// Where batches are many, each has of every source its share within one, and rows come in turn over the epochs.
    #[test]
    fn blended_batches_have_rows_of_all_sources(
        sources in prop::collection::vec((60usize..150, 0.1f64..5.0), 1..4), size in 1usize..4, ranks in 1usize..3,
        seed: u64,
    ) {
        let Some((rows, counts, batching)) = blending(sources, size, ranks, false)? else {
            return Ok(());
        };
        let whole = size * ranks;
        let total: u64 = counts.iter().sum();
        let column: Vec<u32> = (0..u32::try_from(rows.iter().sum::<usize>())?).collect();
        let mut uses: Vec<Vec<u64>> = rows.iter().map(|&rows| vec![0; rows]).collect();
        let epochs = 4;
        for epoch in 0..epochs {
            let draw = draw(seed, epoch);
            let mixed = blend(&rows, &counts, &[&column], batching, draw, 2, &mut Tick::silent())?;
            check_reports(&mixed, &rows);
            for step in 0..mixed.plan.len() / ranks {
                let batch = global_batch(&mixed.plan, step, ranks);
                for (source, &count) in counts.iter().enumerate() {
                    let share = float(count) * float(whole as u64) / float(total);
                    let own = batch.iter().filter(|&&row| own_row(&rows, row).0 == source).count();
                    prop_assert!((float(own as u64) - share).abs() < 1.0 + 1e-9, "{} {}", own, share);
                    for rank in 0..ranks {
                        let batch = mixed.plan.batch(step * ranks + rank).unwrap_or_default();
                        prop_assert_eq!(batch.len(), size);
                        let share = share / float(ranks as u64);
                        let own = batch.iter().filter(|&&row| own_row(&rows, row).0 == source).count();
                        prop_assert!((float(own as u64) - share).abs() < 1.0 + 1e-9, "{} {}", own, share);
                    }
                }
            }
            for &row in &mixed.plan.rows {
                let (source, row) = own_row(&rows, row);
                uses[source][row] += 1;
            }
        }
        for (uses, &count) in uses.iter().zip(&counts) {
            let least = count * epochs / uses.len() as u64;
            prop_assert!(uses.iter().all(|own| (least..=least + 1).contains(own)));
        }
    }
}

/// Rows, rows of each source in an epoch, and batches; `None` where an epoch has no step.
#[expect(clippy::type_complexity, reason = "only the tests above take it apart")]
fn blending(
    sources: Vec<(usize, f64)>,
    size: usize,
    ranks: usize,
    is_all: bool,
) -> Result<Option<(Vec<usize>, Vec<u64>, Batching)>> {
    let (rows, weights): (Vec<usize>, Vec<f64>) = sources.into_iter().unzip();
    let lengths: Vec<u64> = rows.iter().map(|&rows| rows as u64).collect();
    let stop = if is_all { Stop::All } else { Stop::First };
    let counts = counts_of_weights(&lengths, &weights, stop, (size * ranks) as u64);
    let batching = Batching::new(size, ranks, Tail::Drop)?;
    Ok(counts.ok().map(|counts| (rows, counts, batching)))
}

fn global_batch(plan: &Plan, step: usize, ranks: usize) -> Vec<u32> {
    let batches = (step * ranks..(step + 1) * ranks).filter_map(|batch| plan.batch(batch));
    batches.collect::<Vec<_>>().concat()
}

fn three() -> Result<(Vec<usize>, Vec<Batching>, Schedule)> {
    let rows = vec![30_000, 30_000, 70_001];
    let batchings = [(16, Tail::Drop), (16, Tail::Drop), (8, Tail::Short)];
    let batchings: Vec<Batching> = batchings
        .into_iter()
        .map(|(size, tail)| Batching::new(size, 2, tail))
        .collect::<Result<_>>()?;
    let lengths: Vec<u64> = batchings
        .iter()
        .zip(&rows)
        .map(|(batching, &rows)| batching.num_batches(rows).map(|batches| batches as u64))
        .collect::<Result<_>>()?;
    let counts = counts_of_weights(&lengths, &[1.0, 2.0, 3.0], Stop::Steps(3000), 1)?;
    assert_eq!(counts, [500, 1000, 1500]);
    let schedule = Schedule::new(&lengths, &counts, false)?;
    Ok((rows, batchings, schedule))
}

#[test]
fn plans_depend_on_the_draw_alone_and_are_golden() -> Result<()> {
    let (rows, batchings, schedule) = three()?;
    let plan = |draw, threads| mixed(&schedule, &rows, &batchings, 2, draw, threads);
    let made = plan(draw(42, 3), 1)?;
    for threads in [2, 7] {
        assert!(plan(draw(42, 3), threads)? == made);
    }
    assert_eq!(made.plan.fingerprint, 6_756_460_035_000_464_557);
    let other = Draw {
        stream: 1,
        ..draw(42, 3)
    };
    let mut prints = vec![made.plan.fingerprint];
    for draw in [draw(42, 4), draw(43, 3), other] {
        prints.push(plan(draw, 2)?.plan.fingerprint);
    }
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), 4, "two draws have one plan");
    Ok(())
}

#[test]
fn blended_plans_depend_on_the_draw_alone_and_are_golden() -> Result<()> {
    let rows = [20_000usize, 30_000];
    let column: Vec<u32> = (0..50_000u32)
        .map(|row| row.wrapping_mul(0x9e37_79b1) >> 16)
        .collect();
    let batching = Batching::new(32, 2, Tail::Drop)?;
    let counts = counts_of_weights(&[20_000, 30_000], &[1.0, 1.0], Stop::First, 64)?;
    assert_eq!(counts, [20_000, 20_000]);
    let plan = |draw, threads| {
        blend(
            &rows,
            &counts,
            &[&column],
            batching,
            draw,
            threads,
            &mut Tick::silent(),
        )
    };
    let made = plan(draw(42, 3), 1)?;
    for threads in [2, 7] {
        assert!(plan(draw(42, 3), threads)? == made);
    }
    assert_eq!(made.plan.fingerprint, 14_483_109_637_753_787_909);
    assert_ne!(
        plan(draw(42, 4), 2)?.plan.fingerprint,
        made.plan.fingerprint
    );
    check_reports(&made, &rows);
    for batch in 0..made.plan.len() / 2 {
        let rows = [made.plan.batch(2 * batch), made.plan.batch(2 * batch + 1)];
        let values: HashSet<u32> = rows
            .iter()
            .flatten()
            .copied()
            .flatten()
            .map(|&row| column[row as usize])
            .collect();
        assert_eq!(values.len(), 64);
    }
    Ok(())
}

#[test]
fn an_epoch_whose_rows_fill_no_batch_takes_rows_of_the_whole_sources() -> Result<()> {
    // Two rows of three hold one text, so that many a half of the rows has no four different ones.
    let rows = [24usize, 12];
    let column: Vec<u32> = (0..36)
        .map(|row| if row % 3 == 0 { row } else { 0 })
        .collect();
    let batching = Batching::new(2, 2, Tail::Drop)?;
    for epoch in 0..200 {
        let draw = draw(0, epoch);
        let made = blend(
            &rows,
            &[4, 4],
            &[&column],
            batching,
            draw,
            1,
            &mut Tick::silent(),
        )?;
        check_reports(&made, &rows);
        assert_eq!(made.plan.len(), 4);
        for step in 0..2 {
            let batch = global_batch(&made.plan, step, 2);
            let values: HashSet<u32> = batch.iter().map(|&row| column[row as usize]).collect();
            assert_eq!((batch.len(), values.len()), (4, 4), "epoch {epoch}");
        }
    }
    Ok(())
}

#[test]
fn two_equal_sources_never_share_a_permutation() -> Result<()> {
    let (rows, batchings, schedule) = three()?;
    for epoch in 0..4 {
        let plans = passes(&schedule, &rows, &batchings, draw(0, epoch))?;
        let mut prints: Vec<u64> = plans.iter().map(|plan| plan.fingerprint).collect();
        prints.sort_unstable();
        prints.dedup();
        assert_eq!(prints.len(), plans.len());
    }
    Ok(())
}

#[test]
fn a_report_says_what_the_source_left_out_and_what_was_not_reached() -> Result<()> {
    let rows = [11, 20];
    let batchings = [
        Batching::new(2, 1, Tail::Drop)?,
        Batching::new(4, 1, Tail::Drop)?,
    ];
    let schedule = Schedule::new(&[5, 5], &[5, 2], true)?;
    let made = mixed(&schedule, &rows, &batchings, 1, draw(0, 0), 1)?;
    let report = |used, repeated, why: &[(Reason, u64)]| Report {
        used,
        repeated,
        why: why.to_vec(),
    };
    assert_eq!(made.by_source[0], report(10, 0, &[(Reason::Tail, 1)]));
    assert_eq!(made.by_source[1], report(8, 0, &[(Reason::NotReached, 12)]));
    let why = [(Reason::Tail, 1), (Reason::NotReached, 12)];
    assert_eq!(made.plan.report, report(18, 0, &why));
    let unused = Schedule::new(&[5, 5], &[0, 2], true)?;
    let made = mixed(&unused, &rows, &batchings, 1, draw(0, 0), 1)?;
    assert_eq!(made.by_source[0], report(0, 0, &[(Reason::NotReached, 11)]));
    Ok(())
}
