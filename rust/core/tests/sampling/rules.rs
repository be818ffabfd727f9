//! Laws of the rules beside shared values: pairs, known positives, lists, lengths, sources, tails.

use std::collections::{HashMap, HashSet};

use foolsgold_core::sampling::{Batching, Lengths, Packing, Plan, Rules, Tail};
use foolsgold_core::view::{Groups, IdColumn};
use foolsgold_core::{Result, tick::Tick};
use proptest::prelude::*;

use crate::common::{draw, sampler_on};

/// Lists of ids by row, in the two forms that a column may have.
#[derive(Debug, Clone)]
struct Lists {
    rows: Vec<Vec<u32>>,
    offsets: Vec<i64>,
    ids: Vec<u32>,
}

impl Lists {
    fn new(rows: Vec<Vec<u32>>) -> Result<Self, std::num::TryFromIntError> {
        let mut offsets = vec![0];
        for row in &rows {
            let before = offsets.last().copied().unwrap_or(0);
            offsets.push(before + i64::try_from(row.len())?);
        }
        let ids = rows.concat();
        Ok(Self { rows, offsets, ids })
    }

    fn view(&self) -> Result<IdColumn<'_>> {
        if self.rows.iter().all(|row| row.len() == 1) {
            return Ok(IdColumn::Flat(&self.ids));
        }
        Groups::new("lists", &self.offsets, &self.ids, usize::MAX).map(IdColumn::Lists)
    }
}

/// Whether two rows must not meet, from the definition.
fn must_not_meet(columns: &[Lists], pairs: &HashSet<(u32, u32)>, row: u32, other: u32) -> bool {
    let of = |row: u32| {
        columns
            .iter()
            .flat_map(move |column| &column.rows[row as usize])
    };
    of(row)
        .any(|&a| of(other).any(|&b| a == b || pairs.contains(&(a, b)) || pairs.contains(&(b, a))))
}

/// Checks a plan against the definition; how often each row is used.
fn check(
    plan: &Plan,
    ranks: usize,
    most: impl Fn(&[u32]) -> usize,
    tail: Tail,
    apart: impl Fn(u32, u32) -> bool,
    total: usize,
) -> Vec<u64> {
    let mut uses = vec![0u64; total];
    assert_eq!(plan.len() % ranks, 0);
    for step in 0..plan.len() / ranks {
        let batches: Vec<&[u32]> = (step * ranks..(step + 1) * ranks)
            .filter_map(|batch| plan.batch(batch))
            .collect();
        let rows = batches.concat();
        for batch in &batches {
            assert!(!batch.is_empty() && batch.len() <= most(batch), "{batch:?}");
            let is_full = rows.len() >= most(&rows) * ranks;
            assert!(is_full || tail == Tail::Short, "{rows:?} is not full");
        }
        for (at, &row) in rows.iter().enumerate() {
            uses[row as usize] += 1;
            for &other in &rows[..at] {
                assert!(row != other && !apart(row, other), "{row} meets {other}");
            }
        }
    }
    let used = uses.iter().filter(|&&times| times > 0).count() as u64;
    assert_eq!(plan.report.used, used);
    assert_eq!(plan.report.repeated, uses.iter().sum::<u64>() - used);
    assert_eq!(plan.report.left_out(), total as u64 - used);
    uses
}

const TAILS: [Tail; 3] = [Tail::Drop, Tail::Short, Tail::Refill];

/// Lists of up to three ids by row; some columns with one each.
fn lists() -> impl Strategy<Value = Vec<Lists>> {
    (1usize..60, 2u32..80, 1usize..4, any::<[bool; 3]>()).prop_flat_map(
        |(rows, ids, width, flat)| {
            (0..width)
                .map(|at| {
                    let size = if flat[at] { 1..=1 } else { 0..=3 };
                    let lists = prop::collection::vec(prop::collection::vec(0..ids, size), rows);
                    lists.prop_filter_map("too long", |rows| Lists::new(rows).ok())
                })
                .collect::<Vec<_>>()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::common::cases()))]

    #[test]
    fn pairs_lists_and_known_positives_never_meet(
        columns in lists(), size in 1usize..8, ranks in 1usize..4, tail in prop::sample::select(&TAILS),
        pairs in prop::collection::vec([0u32..90, 0u32..90], 0..20), has_known_positives: bool, seed: u64,
    ) {
        let rows = columns[0].rows.len();
        let batching = Batching::new(size, ranks, tail)?;
        let views = columns.iter().map(Lists::view).collect::<Result<Vec<_>>>()?;
        let rules = Rules { columns: &views, pairs: &pairs, has_known_positives, ..Rules::default() };
        let Ok(packing) = Packing::new(rows, rules, batching, 2, &mut Tick::silent()) else {
            return Ok(());
        };
        let mut table: HashSet<(u32, u32)> =
            pairs.iter().filter(|pair| pair[0] != pair[1]).map(|pair| (pair[0], pair[1])).collect();
        if has_known_positives && columns.len() > 1 {
            for (queries, positives) in columns[0].rows.iter().zip(&columns[1].rows) {
                for &query in queries {
                    table.extend(positives.iter().map(|&positive| (query, positive)));
                }
            }
        }
        for epoch in 0..2 {
            let plan = packing.plan(draw(seed, epoch), 2, &mut Tick::silent())?;
            prop_assert_eq!(plan.len(), packing.len());
            prop_assert!(plan == packing.plan(draw(seed, epoch), 1, &mut Tick::silent())?);
            let apart = |row, other| must_not_meet(&columns, &table, row, other);
            check(&plan, ranks, |_| size, tail, apart, rows);
        }
    }

    #[test]
    fn like_lengths_meet_within_their_tokens(
        lengths in prop::collection::vec(0u32..60, 1..400), size in 1usize..20, ranks in 1usize..4,
        tail in prop::sample::select(&TAILS), max_tokens in prop::option::of(40u64..400), padding in 0f64..1.0,
        distinct in 2u32..500, seed: u64,
    ) {
        let rows = lengths.len();
        let batching = Batching::new(size, ranks, tail)?;
        let ids: Vec<u32> = (0..u32::try_from(rows)?).map(|row| row.wrapping_mul(2_654_435_761) % distinct).collect();
        let columns = [IdColumn::Flat(&ids)];
        let rules = Rules {
            columns: if seed % 2 == 0 { &columns } else { &[] },
            lengths: Some(Lengths { rows: &lengths, max_tokens, max_padding: padding }),
            ..Rules::default()
        };
        let Ok(packing) = Packing::new(rows, rules, batching, 1, &mut Tick::silent()) else {
            return Ok(());
        };
        for epoch in 0..2 {
            let plan = packing.plan(draw(seed, epoch), 1, &mut Tick::silent())?;
            prop_assert_eq!(plan.len(), packing.len());
            let apart = |row: u32, other: u32| seed % 2 == 0 && ids[row as usize] == ids[other as usize];
            for batch in (0..plan.len()).filter_map(|batch| plan.batch(batch)) {
                let longest = batch.iter().map(|&row| lengths[row as usize]).max().unwrap_or(0);
                let tokens = batch.len() as u64 * u64::from(longest);
                prop_assert!(max_tokens.is_none_or(|most| tokens <= most), "{} tokens", tokens);
            }
            // What a full batch is, its band says; so fullness is looked at where all batches are of one size.
            let is_one_size = max_tokens.is_none_or(|most| most / 60 >= size as u64);
            let checked = if is_one_size { tail } else { Tail::Short };
            if is_one_size || tail == Tail::Short {
                check(&plan, ranks, |_| size, checked, apart, rows);
            }
            if tail == Tail::Refill && seed % 2 == 1 {
                prop_assert_eq!(plan.report.left_out(), 0);
            }
            if tail == Tail::Drop && seed % 2 == 1 {
                prop_assert!(plan.report.left_out() < (size * ranks) as u64);
            }
        }
    }

    #[test]
    fn one_band_of_like_lengths_keeps_its_tokens(
        rows in prop::collection::vec((0u32..12, 0u32..11), 1..16), ranks in 1usize..4, max_tokens in 11u64..40,
        tail in prop::sample::select(&[Tail::Short, Tail::Refill]), seed: u64,
    ) {
        let (ids, lengths): (Vec<u32>, Vec<u32>) = rows.into_iter().unzip();
        let columns = [IdColumn::Flat(&ids)];
        let lengths = Lengths { rows: &lengths, max_tokens: Some(max_tokens), max_padding: 1.0 };
        let rules = Rules { columns: &columns, lengths: Some(lengths), ..Rules::default() };
        let batching = Batching::new(4, ranks, tail)?;
        let Ok(packing) = Packing::new(ids.len(), rules, batching, 1, &mut Tick::silent()) else {
            return Ok(());
        };
        let plan = packing.plan(draw(seed, 0), 1, &mut Tick::silent())?;
        for batch in (0..plan.len()).filter_map(|batch| plan.batch(batch)) {
            let longest = batch.iter().map(|&row| lengths.rows[row as usize]).max().unwrap_or(0);
            prop_assert!(batch.len() as u64 * u64::from(longest) <= max_tokens, "{:?}", batch);
        }
    }

    #[test]
    fn every_batch_has_its_share_of_each_source(
        shares in prop::collection::vec(1u32..12, 1..5), batches in 1u32..40, ranks in 1usize..3, seed: u64,
    ) {
        // As many rows of each source as its share, in all batches together.
        let whole: u32 = shares.iter().sum::<u32>() * u32::try_from(ranks)?;
        let sources: Vec<u32> = shares.iter().map(|share| share * batches * u32::try_from(ranks).unwrap_or(1)).collect();
        let rows: u32 = sources.iter().sum();
        let batching = Batching::new(whole as usize / ranks, ranks, Tail::Drop)?;
        let rules = Rules { sources: &sources, num_batches: Some(batches as usize), ..Rules::default() };
        let packing = Packing::new(rows as usize, rules, batching, 1, &mut Tick::silent())?;
        let plan = packing.plan(draw(seed, 0), 1, &mut Tick::silent())?;
        prop_assert_eq!((plan.report.left_out(), plan.report.repeated), (0, 0));
        let source = |row: u32| sources.iter().scan(0, |end, rows| { *end += rows; Some(*end) }).position(|end| row < end);
        for step in 0..batches as usize {
            let mut counts = HashMap::new();
            for batch in step * ranks..(step + 1) * ranks {
                plan.batch(batch).into_iter().flatten().for_each(|&row| *counts.entry(source(row)).or_insert(0) += 1);
            }
            for (at, &share) in shares.iter().enumerate() {
                prop_assert_eq!(counts.get(&Some(at)), Some(&(share * u32::try_from(ranks)?)));
            }
        }
    }

    #[test]
    fn a_refilled_tail_uses_every_row(rows in 20u32..300, distinct in 12u32..200, size in 1usize..12, seed: u64) {
        let columns = [(0..rows).map(|row| row % distinct).collect::<Vec<u32>>()];
        let batching = Batching::new(size, 1, Tail::Refill)?;
        if rows < u32::try_from(size)? {
            return Ok(());
        }
        let packing = sampler_on(&columns, batching, 1)?;
        let plan = packing.plan(draw(seed, 0), 1, &mut Tick::silent())?;
        let apart = |row: u32, other: u32| row % distinct == other % distinct;
        check(&plan, 1, |_| size, Tail::Refill, apart, rows as usize);
        prop_assert_eq!(plan.report.left_out(), 0);
    }
}

#[test]
fn rows_are_refilled_in_batches_of_as_many_tokens_as_may_be() -> Result<()> {
    let values = zipf(5_000, 800);
    let lengths: Vec<u32> = (0..5_000)
        .map(|row: u32| 10 + row.wrapping_mul(31) % 50)
        .collect();
    let columns = [IdColumn::Flat(&values)];
    let lengths = Lengths {
        rows: &lengths,
        max_tokens: Some(480),
        max_padding: 1.0,
    };
    let rules = Rules {
        columns: &columns,
        lengths: Some(lengths),
        ..Rules::default()
    };
    for ranks in [1, 2] {
        let batching = Batching::new(64, ranks, Tail::Refill)?;
        let packing = Packing::new(5_000, rules, batching, 1, &mut Tick::silent())?;
        let plan = packing.plan(draw(0, 0), 1, &mut Tick::silent())?;
        let apart = |row: u32, other: u32| values[row as usize] == values[other as usize];
        check(&plan, ranks, |_| 480 / 59, Tail::Refill, apart, 5_000);
    }
    Ok(())
}

#[test]
fn rows_that_fill_a_batch_of_their_tokens_are_enough() -> Result<()> {
    let ids: Vec<u32> = (0..40).map(|row| row % 5).collect();
    let (columns, lengths) = ([IdColumn::Flat(&ids)], [10; 40]);
    let packing = |max_tokens, names: &[String]| {
        let lengths = Lengths {
            rows: &lengths,
            max_tokens: Some(max_tokens),
            max_padding: 0.1,
        };
        let rules = Rules {
            columns: &columns,
            names,
            lengths: Some(lengths),
            ..Rules::default()
        };
        let batching = Batching::new(64, 1, Tail::Drop)?;
        Packing::new(40, rules, batching, 1, &mut Tick::silent())
    };
    assert_eq!(packing(50, &[])?.len(), 8);
    let refused = packing(80, &["text".into()])
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(
        refused.contains("got 8 for 40 rows with 5 distinct texts in `text`"),
        "{refused}"
    );
    let refused = packing(410, &[])
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(
        refused.starts_with("`dataset` must have at least 41 rows for one step, got 40"),
        "{refused}"
    );
    Ok(())
}

/// Values as frequent as in real text collections: the k-th has 1/k of the first one's rows.
fn zipf(rows: u32, distinct: u32) -> Vec<u32> {
    let mut state = 1u64;
    let total = f64::from(distinct).ln();
    (0..rows)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let unit = f64::from(u32::try_from(state >> 33).unwrap_or(0)) / f64::from(1u32 << 31);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 0 to distinct"
            )]
            let value = (unit * total).exp() as u32 - 1;
            value.min(distinct - 1)
        })
        .collect()
}

#[test]
fn frequent_values_leave_few_rows_out_where_batches_may_be_small() -> Result<()> {
    let rows = 50_000;
    let one = vec![zipf(rows, 20_000), (20_000..20_000 + rows).collect()];
    let two = vec![
        zipf(rows, 20_000),
        zipf(rows, 30_000)
            .iter()
            .rev()
            .map(|id| 20_000 + id)
            .collect(),
    ];
    for (columns, share) in [(one, 0.0), (two, 0.01)] {
        let packing = sampler_on(&columns, Batching::new(64, 1, Tail::Short)?, 2)?;
        let plan = packing.plan(draw(0, 0), 2, &mut Tick::silent())?;
        let left_out = plan.report.left_out();
        assert!(
            u32::try_from(left_out)
                .is_ok_and(|rows_out| f64::from(rows_out) <= share * f64::from(rows)),
            "{left_out} rows"
        );
    }
    Ok(())
}

#[test]
fn a_plan_of_every_rule_is_golden_and_the_same_for_any_threads() -> Result<()> {
    let rows = 200_000u32;
    let values: Vec<u32> = (0..rows).map(|row| row % 150_000).collect();
    let others: Vec<u32> = (0..rows)
        .map(|row| 150_000 + row.wrapping_mul(7919) % 90_000)
        .collect();
    let lengths: Vec<u32> = (0..rows)
        .map(|row| 5 + row.wrapping_mul(31) % 250)
        .collect();
    let pairs: Vec<[u32; 2]> = (0..20_000).map(|at| [at * 7, 150_000 + at * 3]).collect();
    let columns = [IdColumn::Flat(&values), IdColumn::Flat(&others)];
    let rules = Rules {
        columns: &columns,
        pairs: &pairs,
        has_known_positives: true,
        lengths: Some(Lengths {
            rows: &lengths,
            max_tokens: Some(8192),
            max_padding: 0.1,
        }),
        ..Rules::default()
    };
    let batching = Batching::new(128, 2, Tail::Drop)?;
    let mut prints = Vec::new();
    for threads in [1, 2, 7] {
        let packing = Packing::new(rows as usize, rules, batching, threads, &mut Tick::silent())?;
        let plan = packing.plan(draw(3, 2), threads, &mut Tick::silent())?;
        assert!(plan.report.left_out() < 256, "{:?}", plan.report);
        prints.push(plan.fingerprint);
    }
    assert_eq!(prints, [2_854_203_394_072_895_961; 3]);
    Ok(())
}
