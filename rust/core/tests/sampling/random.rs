//! Laws of shuffled and of sequential batches.

use foolsgold_core::sampling::{Batching, Draw, Reason, Tail, random, sequential};
use foolsgold_core::{Result, tick::Tick};
use proptest::prelude::*;

use crate::common::{batching, check, draw};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::common::cases()))]

    #[test]
    fn random_uses_every_row_once(rows in 1usize..500, size in 1usize..20, ranks in 1usize..4, drop_last: bool, seed: u64) {
        let batching = batching(size, ranks, drop_last)?;
        if let Ok(plan) = random(rows, batching, draw(seed, 0), 2, &mut Tick::silent()) {
            let columns = [(0..u32::try_from(rows)?).collect::<Vec<u32>>()];
            check(&columns, &plan, size * ranks, ranks, drop_last);
            prop_assert_eq!(plan.report.because(Reason::Conflicts), 0);
            // Where a batch is one row, a last step that has no row for each rank cannot borrow any.
            if drop_last || size > 1 {
                let left_out = if drop_last { rows % (size * ranks) } else { 0 };
                prop_assert_eq!(plan.report.left_out(), left_out as u64);
            }
        } else {
            let least = if drop_last { size * ranks } else { ranks };
            prop_assert!(rows < least);
        }
    }

    #[test]
    fn a_refilled_tail_uses_every_row(rows in 1usize..300, size in 1usize..20, ranks in 1usize..4, seed: u64) {
        let batching = Batching::new(size, ranks, Tail::Refill)?;
        match random(rows, batching, draw(seed, 0), 2, &mut Tick::silent()) {
            Ok(plan) => {
                let columns = [(0..u32::try_from(rows)?).collect::<Vec<u32>>()];
                check(&columns, &plan, size * ranks, ranks, true);
                prop_assert_eq!(plan.report.left_out(), 0);
                prop_assert_eq!(plan.rows.len(), rows.next_multiple_of(size * ranks));
            }
            Err(_) => prop_assert!(rows < size * ranks),
        }
    }

    #[test]
    fn sequential_keeps_the_order(rows in 1usize..300, size in 1usize..20, drop_last: bool) {
        if let Ok(plan) = sequential(rows, batching(size, 1, drop_last)?) {
            prop_assert!(plan.rows.iter().zip(0..).all(|(&row, at)| row == at));
            let used = if drop_last { rows / size * size } else { rows };
            prop_assert_eq!(plan.rows.len(), used);
            prop_assert_eq!(plan.report.because(Reason::Tail), (rows - used) as u64);
        } else {
            prop_assert!(rows < size);
        }
    }
}

#[test]
fn two_streams_of_one_seed_are_two_orders() -> Result<()> {
    let plan = |stream| {
        let draw = Draw {
            stream,
            ..draw(1, 0)
        };
        random(1000, batching(8, 1, true)?, draw, 1, &mut Tick::silent())
    };
    assert_ne!(plan(0)?.fingerprint, plan(1)?.fingerprint);
    Ok(())
}

#[test]
fn plans_are_golden() -> Result<()> {
    let plan = random(
        1000,
        batching(8, 1, true)?,
        draw(42, 3),
        1,
        &mut Tick::silent(),
    )?;
    assert_eq!(plan.fingerprint, 17_896_689_215_903_964_992);
    Ok(())
}
