//! Laws of packed batches: no value twice in a global batch, exact length, every row used or counted.

use foolsgold_core::sampling::{Plan, Reason};
use foolsgold_core::{Result, tick::Tick};
use proptest::prelude::*;

use crate::common::{batching, check, draw, sampler, sampler_on};

/// Columns of one length with few or many distinct values, shared between them or not.
fn columns() -> impl Strategy<Value = Vec<Vec<u32>>> {
    (1usize..4, 1usize..120, 1u32..60, any::<bool>()).prop_flat_map(
        |(width, rows, distinct, apart)| {
            let column = move |at: u32| {
                let shift = if apart { at * distinct } else { 0 };
                prop::collection::vec((0..distinct).prop_map(move |id| id + shift), rows)
            };
            (0..width)
                .map(|at| column(u32::try_from(at).unwrap_or(0)))
                .collect::<Vec<_>>()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::common::cases()))]

    #[test]
    fn no_value_twice_and_length_exact(
        columns in columns(), size in 1usize..12, ranks in 1usize..4, drop_last: bool, seed: u64, epoch in 0u64..5,
    ) {
        let batching = batching(size, ranks, drop_last)?;
        let Ok(sampler) = sampler(&columns, batching) else {
            return Ok(());
        };
        for epoch in epoch..epoch + 3 {
            let plan = sampler.plan(draw(seed, epoch), 1, &mut Tick::silent())?;
            prop_assert_eq!(plan.len(), sampler.len());
            check(&columns, &plan, size * ranks, ranks, drop_last);
        }
    }

    #[test]
    fn a_refusal_means_that_not_one_batch_was_found(columns in columns(), size in 1usize..12, drop_last: bool) {
        let batching = batching(size, 1, drop_last)?;
        let rows = columns[0].len();
        if let Err(error) = sampler(&columns, batching) {
            let text = error.to_string();
            // With batches of any size only one text in all rows is refused.
            let common = (0..rows).all(|row| columns.iter().any(|c| c[row] == columns[0][0]))
                || (columns.len() > 1 && text.contains("all"));
            prop_assert!(drop_last || common, "{}", text);
            prop_assert!(text.contains('`'));
        }
    }

    #[test]
    fn without_duplicates_every_row_is_used(rows in 1usize..400, size in 1usize..20, drop_last: bool, seed: u64) {
        let batching = batching(size, 1, drop_last)?;
        let columns = [(0..u32::try_from(rows)?).collect::<Vec<u32>>()];
        let expected = if drop_last { rows / size } else { rows.div_ceil(size) };
        match sampler(&columns, batching) {
            Ok(sampler) => {
                prop_assert_eq!(sampler.len(), expected);
                let plan = sampler.plan(draw(seed, 0), 1, &mut Tick::silent())?;
                check(&columns, &plan, size, 1, drop_last);
                prop_assert_eq!(plan.rows.len(), if drop_last { expected * size } else { rows });
            }
            Err(_) => prop_assert!(expected == 0),
        }
    }

    #[test]
    fn few_duplicates_leave_out_the_tail_alone(rows in 600usize..1500, size in 2usize..9, seed: u64, drop_last: bool) {
        let rows_u32 = u32::try_from(rows)?;
        let columns = [(0..rows_u32).collect::<Vec<u32>>(), (0..rows_u32).map(|row| rows_u32 + row / 2).collect()];
        let batching = batching(size, 1, drop_last)?;
        let plan = sampler(&columns, batching)?.plan(draw(seed, 0), 1, &mut Tick::silent())?;
        check(&columns, &plan, size, 1, drop_last);
        let left_out = if drop_last { rows % size } else { 0 };
        prop_assert_eq!((plan.report.left_out(), plan.report.repeated), (left_out as u64, 0));
    }
}

/// `rows` rows of one column with `distinct` values, and another column without duplicates.
fn frequent(rows: u32, distinct: u32) -> Vec<Vec<u32>> {
    vec![
        (distinct..distinct + rows).collect(),
        (0..rows).map(|row| row % distinct).collect(),
    ]
}

#[test]
fn twenty_frequent_values_fill_every_batch() -> Result<()> {
    let columns = frequent(20_000, 20);
    for (size, expected) in [(16, 1250), (20, 1000), (7, 2857)] {
        let sampler = sampler(&columns, batching(size, 1, true)?)?;
        assert_eq!(sampler.len(), expected, "batch size {size}");
        for epoch in 0..3 {
            let plan = sampler.plan(draw(0, epoch), 1, &mut Tick::silent())?;
            check(&columns, &plan, size, 1, true);
            assert_eq!(plan.report.repeated, 0);
        }
    }
    let refused = sampler(&columns, batching(21, 1, true)?);
    assert!(refused.is_err_and(|error| error.to_string().contains("20 distinct texts")));
    Ok(())
}

#[test]
fn frequent_values_without_dropping_are_spread_over_all_batches() -> Result<()> {
    let columns = frequent(20_000, 20);
    let sampler = sampler(&columns, batching(64, 1, false)?)?;
    assert_eq!(sampler.len(), 1000);
    let plan = sampler.plan(draw(7, 0), 1, &mut Tick::silent())?;
    check(&columns, &plan, 64, 1, false);
    assert_eq!((plan.report.left_out(), plan.rows.len()), (0, 20_000));
    Ok(())
}

#[test]
fn a_value_in_all_rows_is_refused() -> Result<()> {
    let columns = vec![(0..100).collect(), vec![100; 100]];
    for drop_last in [true, false] {
        let refused = sampler(&columns, batching(8, 1, drop_last)?).err();
        let text = refused.map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains("all 100 rows"), "{text}");
    }
    Ok(())
}

#[test]
fn a_grid_of_two_frequent_columns_keeps_its_length() -> Result<()> {
    let rows = 0..400u32;
    let columns = vec![
        rows.clone().map(|row| row / 20).collect(),
        rows.map(|row| 20 + row % 20).collect(),
    ];
    for (size, drop_last) in [(20, true), (10, true), (20, false), (16, true)] {
        let sampler = sampler(&columns, batching(size, 1, drop_last)?)?;
        for seed in 0..5 {
            let plan = sampler.plan(draw(seed, 0), 1, &mut Tick::silent())?;
            assert_eq!(plan.len(), sampler.len());
            check(&columns, &plan, size, 1, drop_last);
        }
    }
    Ok(())
}

#[test]
fn conflicting_columns_lower_the_length_instead_of_hanging() -> Result<()> {
    // 100 rows hold `a` in one column, the other 100 `b` in the other: no three rows go together.
    let left: Vec<u32> = (0..200)
        .map(|row| if row < 100 { 1000 } else { row })
        .collect();
    let right: Vec<u32> = (0..200)
        .map(|row| if row < 100 { 300 + row } else { 2000 })
        .collect();
    let columns = vec![left, right];
    assert_eq!(sampler(&columns, batching(2, 1, true)?)?.len(), 100);
    assert!(sampler(&columns, batching(3, 1, true)?).is_err());
    assert_eq!(sampler(&columns, batching(3, 1, false)?)?.len(), 100);
    Ok(())
}

/// 1 row in 5 shares its first value, 3 in 5 their second with one of 4,000 others; a third column repeats both.
fn mixed(rows: u32) -> Vec<Vec<u32>> {
    let bits = |row: u32, column: u32| (row ^ column << 28).wrapping_mul(0x9e37_79b1) >> 7;
    let first = (0..rows).map(|row| {
        if row % 5 == 0 {
            bits(row, 1) % 2000
        } else {
            10_000 + row
        }
    });
    let second = (0..rows).map(|row| {
        if row % 5 < 3 {
            5000 + bits(row, 2) % 4000
        } else {
            2_000_000 + row
        }
    });
    let third = (0..rows).map(|row| {
        if row % 7 == 0 {
            bits(row, 3) % 9000
        } else {
            4_000_000 + row
        }
    });
    vec![first.collect(), second.collect(), third.collect()]
}

#[test]
fn plans_depend_on_seed_and_epoch_alone() -> Result<()> {
    let columns = mixed(150_000);
    let batching = batching(64, 2, true)?;
    let plans: Vec<Plan> = [1, 2, 7]
        .into_iter()
        .map(|threads| {
            sampler_on(&columns, batching, threads)?.plan(draw(0, 1), threads, &mut Tick::silent())
        })
        .collect::<Result<_>>()?;
    assert!(plans[0] == plans[1] && plans[1] == plans[2]);
    check(&columns, &plans[0], 128, 2, true);
    assert_eq!(
        (
            plans[0].report.repeated,
            plans[0].report.because(Reason::Conflicts)
        ),
        (0, 0)
    );
    let sampler = sampler(&columns, batching)?;
    let mut prints = vec![plans[0].fingerprint];
    for (seed, epoch) in [(1, 0), (0, 0), (0, 2), (1, 1)] {
        prints.push(
            sampler
                .plan(draw(seed, epoch), 2, &mut Tick::silent())?
                .fingerprint,
        );
    }
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), 5, "two epochs or seeds have one plan");
    Ok(())
}

#[test]
fn plans_are_golden() -> Result<()> {
    let columns = vec![
        (0..1000).map(|row| row * row % 97).collect(),
        (100..1100).collect(),
    ];
    let plan =
        sampler(&columns, batching(8, 1, true)?)?.plan(draw(42, 3), 1, &mut Tick::silent())?;
    assert_eq!(plan.fingerprint, 12_935_284_941_274_101_492);
    Ok(())
}

#[test]
fn every_epoch_pairs_other_rows() -> Result<()> {
    // Over many epochs a row meets many others: no row is tied to its neighbours or its place.
    let columns = mixed(2000);
    let sampler = sampler(&columns, batching(16, 1, true)?)?;
    let mut met = std::collections::HashSet::new();
    for epoch in 0..50 {
        let plan = sampler.plan(draw(0, epoch), 1, &mut Tick::silent())?;
        for batch in (0..plan.len()).filter_map(|batch| plan.batch(batch)) {
            if batch.contains(&7) {
                met.extend(batch.iter().copied().filter(|&row| row != 7));
            }
        }
    }
    assert!(
        met.len() > 400,
        "{} of 2000 rows met in 50 epochs of 15",
        met.len()
    );
    Ok(())
}

#[test]
fn bad_columns_are_refused_by_name() -> Result<()> {
    let batching = batching(4, 1, true)?;
    let said = |columns: &[Vec<u32>]| {
        sampler(columns, batching)
            .err()
            .map(|error| error.to_string())
    };
    let short = said(&[vec![0, 1, 2, 3, 4], vec![5]]).unwrap_or_default();
    assert!(
        short.contains("`columns` must be of one length, got 5 and 1"),
        "{short}"
    );
    let empty = said(&[vec![]]).unwrap_or_default();
    assert!(
        empty.contains("`dataset` must have at least 4 rows"),
        "{empty}"
    );
    let few = said(&[vec![1, 2, 3]]).unwrap_or_default();
    assert!(few.contains("got 3\nhint"), "{few}");
    Ok(())
}
