//! Laws of batches by class.

use std::collections::{BTreeMap, BTreeSet};

use foolsgold_core::sampling::{Batching, Draw, Imbalance, Labels, Plan, Reason, Tail, Units};
use foolsgold_core::{Result, tick::Tick};
use proptest::prelude::*;

use crate::common::draw;

const TAILS: [Tail; 3] = [Tail::Drop, Tail::Short, Tail::Refill];

/// The label of each row where class `c` has `counts[c]` rows, in an order that mixes the classes.
fn labels_of(counts: &[usize]) -> Vec<u32> {
    let mut left = counts.to_vec();
    let mut labels = Vec::new();
    while left.iter().any(|&rows| rows > 0) {
        for (class, rows) in (0u32..).zip(&mut left).filter(|(_, rows)| **rows > 0) {
            *rows -= 1;
            labels.push(class);
        }
    }
    labels
}

fn sampler(counts: &[usize], units: Units, batching: Batching) -> Result<Labels> {
    Labels::new(
        &labels_of(counts),
        counts.len(),
        units,
        batching,
        &mut Tick::silent(),
    )
}

fn plan(counts: &[usize], units: Units, batching: Batching, draw: Draw) -> Result<Plan> {
    sampler(counts, units, batching)?.plan(draw, 2, &mut Tick::silent())
}

/// Rows by class of each batch, after what holds for every plan: no row twice in a batch, and a report that counts.
fn batches_of(plan: &Plan, counts: &[usize]) -> Vec<BTreeMap<u32, usize>> {
    let labels = labels_of(counts);
    let mut uses = vec![0u64; labels.len()];
    let mut batches = Vec::new();
    for batch in (0..plan.len()).filter_map(|batch| plan.batch(batch)) {
        let distinct: BTreeSet<_> = batch.iter().collect();
        assert_eq!(distinct.len(), batch.len(), "a row twice in a batch");
        let mut classes = BTreeMap::new();
        for &row in batch {
            uses[row as usize] += 1;
            *classes.entry(labels[row as usize]).or_default() += 1;
        }
        batches.push(classes);
    }
    let used = uses.iter().filter(|&&times| times > 0).count() as u64;
    assert_eq!(plan.report.used, used);
    assert_eq!(plan.report.repeated, uses.iter().sum::<u64>() - used);
    assert_eq!(plan.report.left_out(), labels.len() as u64 - used);
    batches
}

/// Rows of a unit come one after the other.
fn holds_units_together(plan: &Plan, counts: &[usize], k: usize) -> bool {
    let labels = labels_of(counts);
    let is_one = |rows: &[u32]| {
        rows.iter()
            .all(|&row| labels[row as usize] == labels[rows[0] as usize])
    };
    plan.rows.chunks(k).all(is_one)
}

/// The greatest and the least number of rows of each class in the batches.
fn spread(batches: &[BTreeMap<u32, usize>], classes: usize) -> Vec<(usize, usize)> {
    let of = |class: u32| {
        let counts = || {
            batches
                .iter()
                .map(move |batch| batch.get(&class).copied().unwrap_or(0))
        };
        (counts().max().unwrap_or(0), counts().min().unwrap_or(0))
    };
    (0u32..).take(classes).map(of).collect()
}

fn within(units: &[usize], limit: usize) -> usize {
    units.iter().map(|&own| own.min(limit)).sum()
}

/// Full batches of `size` units, a multiple of `ranks`, at most `cap` units of a class each: the most by trying all.
fn most_batches(units: &[usize], size: usize, cap: usize, ranks: usize) -> usize {
    let steps = (0..=units.iter().sum::<usize>()).rev();
    let mut batches = steps.map(|steps| steps * ranks);
    batches
        .find(|&batches| within(units, batches * cap) >= batches * size)
        .unwrap_or(0)
}

fn counts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![0..4usize, 0..30usize, 0..200usize], 1..9)
}

fn tails() -> impl Strategy<Value = Tail> {
    prop::sample::select(&TAILS[..])
}

fn policies() -> impl Strategy<Value = (Imbalance, bool)> {
    prop::sample::select(
        &[
            (Imbalance::Cap, false),
            (Imbalance::Oversample, false),
            (Imbalance::Shrink, false),
            (Imbalance::Oversample, true),
            (Imbalance::Shrink, true),
        ][..],
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::common::cases()))]

    #[test]
    fn pairs_of_two_labels_in_every_batch(counts in counts(), half in 2usize..9, ranks in 1usize..4, tail in tails(), seed: u64) {
        let units: Vec<usize> = counts.iter().map(|rows| rows / 2).collect();
        let full = most_batches(&units, half, half - 1, ranks);
        let Ok(plan) = plan(&counts, Units::Pairs, Batching::new(2 * half, ranks, tail)?, draw(seed, 0)) else {
            // Refused only where no step is possible; a short one needs two pairs of two labels for each rank.
            prop_assert_eq!(full, 0);
            prop_assert!(tail != Tail::Short || (ranks..units.len() * 200).all(|limit| within(&units, limit) < ranks + limit));
            return Ok(());
        };
        let batches = batches_of(&plan, &counts);
        prop_assert!(holds_units_together(&plan, &counts, 2));
        for classes in &batches {
            prop_assert!(classes.len() >= 2, "a batch of one label");
            prop_assert!(classes.values().all(|rows| rows % 2 == 0));
            prop_assert!(classes.values().sum::<usize>() <= 2 * half);
        }
        prop_assert_eq!(plan.len() % ranks, 0);
        let smaller = batches.iter().filter(|classes| classes.values().sum::<usize>() < 2 * half).count();
        let (main, last) = batches.split_at(full.min(batches.len()));
        for (most, least) in spread(main, counts.len()) {
            prop_assert!(tail == Tail::Refill || most <= least + 2);
        }
        match tail {
            Tail::Drop => prop_assert_eq!((batches.len(), smaller), (full, 0)),
            Tail::Short => {
                prop_assert!(last.is_empty() || last.len() == ranks);
                prop_assert!(main.iter().all(|classes| classes.values().sum::<usize>() == 2 * half));
                for (most, least) in spread(last, counts.len()) {
                    prop_assert!(most <= least + 2);
                }
                // As large as can be: no more units fit without a batch of one label.
                let have: usize = last.iter().flat_map(BTreeMap::values).sum::<usize>() / 2;
                let most = (2 * ranks..ranks * half).rev().find(|&last| {
                    within(&units, full * (half - 1) + last - ranks) >= full * half + last && within(&units, last - ranks) >= last
                });
                prop_assert_eq!(have, most.unwrap_or(0));
            }
            Tail::Refill => {
                let is_left = within(&units, full * (half - 1)) > full * half;
                prop_assert_eq!((batches.len(), smaller), (full + if is_left { ranks } else { 0 }, 0));
                for (most, least) in spread(&batches, counts.len()) {
                    prop_assert!(most <= least + 2);
                }
                prop_assert_eq!(plan.report.because(Reason::Tail), 0);
            }
        }
        prop_assert!(tail == Tail::Refill || plan.report.repeated == 0);
        let alone: usize = counts.iter().filter(|&&rows| rows == 1).count();
        prop_assert_eq!(plan.report.because(Reason::SmallClass), alone as u64);
        let odd = counts.iter().filter(|&&rows| rows > 1 && rows % 2 == 1).count() as u64;
        prop_assert!(plan.report.because(Reason::OddRows) == odd || (tail == Tail::Refill && plan.report.because(Reason::OddRows) < odd));
        let limit = full * (half - 1);
        let beyond: usize = units.iter().map(|own| own.saturating_sub(limit)).sum();
        if tail == Tail::Drop {
            prop_assert_eq!(plan.report.because(Reason::LargeClass), 2 * beyond as u64);
            prop_assert!(plan.report.because(Reason::Tail) < (2 * half * ranks) as u64);
        }
    }

    #[test]
    fn k_rows_of_different_labels_in_every_batch(
        counts in counts(), k in 2usize..6, size in 2usize..6, ranks in 1usize..4, tail in tails(),
        (imbalance, coverage) in policies(), seed: u64,
    ) {
        let units = Units::Classes { k, imbalance, coverage };
        let own: Vec<usize> = counts.iter().map(|&rows| if coverage && rows >= k { rows.div_ceil(k) } else { rows / k }).collect();
        let usable = own.iter().filter(|&&units| units > 0).count();
        let largest = own.iter().max().copied().unwrap_or(0);
        let full = most_batches(&own, size, 1, ranks);
        let Ok(plan) = plan(&counts, units, Batching::new(k * size, ranks, tail)?, draw(seed, 0)) else {
            let is_right = match imbalance {
                Imbalance::Cap => full == 0,
                Imbalance::Oversample => usable < size || (!coverage && tail != Tail::Refill && largest * usable < size * ranks),
                Imbalance::Shrink => usable < 2 || (!coverage && within(&own, ranks) < 2 * ranks),
            };
            prop_assert!(is_right);
            return Ok(());
        };
        let batches = batches_of(&plan, &counts);
        prop_assert!(holds_units_together(&plan, &counts, k));
        prop_assert_eq!(plan.len() % ranks, 0);
        let least = if imbalance == Imbalance::Shrink { 2 } else { size };
        for classes in &batches {
            prop_assert!((least..=size).contains(&classes.len()));
            prop_assert!(classes.values().all(|&rows| rows == k));
        }
        for (most, least) in spread(&batches, counts.len()) {
            prop_assert!(most <= least + k);
        }
        let uses = uses_of(&plan, &counts);
        let small: usize = counts.iter().filter(|&&rows| rows < k).sum();
        prop_assert_eq!(plan.report.because(Reason::SmallClass), small as u64);
        let is_alike = uses.iter().all(|uses| uses.iter().max().unwrap_or(&0) <= &(uses.iter().min().unwrap_or(&0) + 1));
        prop_assert!(is_alike, "uses of a label's rows differ by more than one");
        if coverage {
            prop_assert_eq!(plan.report.left_out(), small as u64);
        }
        match imbalance {
            Imbalance::Cap => {
                let is_left = within(&own, full) > size * full;
                let more = if tail == Tail::Refill && is_left { ranks } else { 0 };
                prop_assert_eq!(plan.len(), full + more);
                prop_assert!(tail == Tail::Refill || plan.report.repeated == 0);
            }
            Imbalance::Oversample => {
                // A class may be left out where there are fewer places than classes, as the tail is dropped.
                let own = own.iter().zip(&uses).filter(|&(&units, _)| units > 0);
                let sums: Vec<u32> = own.map(|(_, uses)| uses.iter().sum()).collect();
                let k = u32::try_from(k)?;
                let (least, most) = (sums.iter().min().unwrap_or(&0), sums.iter().max().unwrap_or(&0));
                prop_assert!(most <= &(least + k));
                let whole = size * ranks;
                let covers = coverage || tail == Tail::Refill;
                let steps = if covers { (largest * usable).div_ceil(whole) } else { largest * usable / whole };
                prop_assert_eq!(plan.len(), steps * ranks);
            }
            Imbalance::Shrink => {
                prop_assert!(coverage || plan.report.repeated == 0);
                let wanted = own.iter().sum::<usize>().div_ceil(size).max(largest).next_multiple_of(ranks);
                if coverage || within(&own, wanted) >= 2 * wanted {
                    prop_assert_eq!(plan.len(), wanted);
                    let places = own.iter().sum::<usize>().max(2 * wanted) * k;
                    prop_assert_eq!(plan.rows.len(), places);
                    let spare: usize = counts.iter().filter(|&&rows| rows >= k).map(|rows| rows % k).sum();
                    let left_out = small + if coverage { 0 } else { spare };
                    prop_assert_eq!(plan.report.left_out(), left_out as u64);
                }
                let sizes: BTreeSet<usize> = batches.iter().map(BTreeMap::len).collect();
                prop_assert!(sizes.last().unwrap_or(&0) - sizes.first().unwrap_or(&0) <= 1);
            }
        }
    }

    #[test]
    fn one_length_for_all_epochs_and_one_plan_for_any_threads(
        counts in counts(), half in 2usize..6, ranks in 1usize..4, tail in tails(), policy in prop::option::of(policies()), seed: u64,
    ) {
        let units = policy.map_or(Units::Pairs, |(imbalance, coverage)| Units::Classes { k: 2, imbalance, coverage });
        let Ok(sampler) = sampler(&counts, units, Batching::new(2 * half, ranks, tail)?) else {
            return Ok(());
        };
        let mut prints = BTreeSet::new();
        let mut is_tiny = true;
        for epoch in 0..3 {
            let plan = sampler.plan(draw(seed, epoch), 1, &mut Tick::silent())?;
            prop_assert_eq!((plan.len(), sampler.is_empty()), (sampler.len(), false));
            for threads in [2, 7] {
                prop_assert_eq!(&plan, &sampler.plan(draw(seed, epoch), threads, &mut Tick::silent())?);
            }
            prints.insert(plan.fingerprint);
            is_tiny = plan.report.used < 20;
        }
        prop_assert!(is_tiny || prints.len() == 3);
    }
}

/// How often each row of each class comes.
fn uses_of(plan: &Plan, counts: &[usize]) -> Vec<Vec<u32>> {
    let labels = labels_of(counts);
    let mut uses = vec![0; labels.len()];
    plan.rows.iter().for_each(|&row| uses[row as usize] += 1);
    let mut by_class = vec![Vec::new(); counts.len()];
    for (label, uses) in labels.into_iter().zip(uses) {
        by_class[label as usize].push(uses);
    }
    by_class
}

fn drawn(counts: &[usize], units: Units, epoch: u64) -> Result<Plan> {
    plan(
        counts,
        units,
        Batching::new(8, 1, Tail::Drop)?,
        draw(1, epoch),
    )
}

/// Over many epochs every row is left out now and then, every class trimmed, and all batches are alike.
#[test]
fn what_is_left_out_is_drawn_anew() -> Result<()> {
    // Eight batches take 32 of the 12 + 22 units, and each small class has an odd row.
    let counts = [9, 9, 9, 44];
    let mut uses = [0u32; 71];
    for epoch in 0..400 {
        let plan = drawn(&counts, Units::Pairs, epoch)?;
        plan.rows.iter().for_each(|&row| uses[row as usize] += 1);
    }
    assert!(
        uses.iter().all(|&uses| (290..=399).contains(&uses)),
        "{uses:?}"
    );
    Ok(())
}

#[test]
fn a_dominant_label_is_cut_to_what_the_others_allow() -> Result<()> {
    let plan = drawn(&[1000, 21, 1], Units::Pairs, 0)?;
    let why = [
        (Reason::SmallClass, 1),
        (Reason::LargeClass, 940),
        (Reason::OddRows, 1),
    ];
    assert_eq!((plan.len(), &plan.report.why[..]), (10, &why[..]));
    Ok(())
}

/// More rows than one thread shuffles at once.
#[test]
fn large_classes_are_shuffled_alike_by_any_threads() -> Result<()> {
    let counts = [100_000, 70_000, 100_000, 30];
    let sampler = sampler(&counts, Units::Pairs, Batching::new(64, 1, Tail::Short)?)?;
    let plans: Result<Vec<Plan>> = [1, 2, 7]
        .into_iter()
        .map(|threads| sampler.plan(draw(5, 0), threads, &mut Tick::silent()))
        .collect();
    let plans = plans?;
    assert!(plans.iter().all(|plan| plan == &plans[0]));
    assert_eq!(plans[0].report.left_out(), 0);
    batches_of(&plans[0], &counts);
    // Rows of two classes that are as large are not in the same order.
    let labels = labels_of(&counts);
    let order = |class| {
        let own = (0u32..)
            .zip(&labels)
            .filter(move |&(_, &label)| label == class);
        let places: std::collections::HashMap<u32, usize> =
            own.map(|(row, _)| row).zip(0..).collect();
        let rows = plans[0].rows.iter();
        rows.filter_map(move |row| places.get(row).copied())
            .collect::<Vec<_>>()
    };
    assert_ne!(order(0), order(2));
    Ok(())
}

#[test]
fn plans_are_golden() -> Result<()> {
    let counts = [300, 40, 41, 5, 1, 120];
    let pk = |imbalance, coverage| Units::Classes {
        k: 4,
        imbalance,
        coverage,
    };
    let mut prints = Vec::new();
    for (units, size, tail) in [
        (Units::Pairs, 16, Tail::Short),
        (Units::Pairs, 16, Tail::Refill),
        (pk(Imbalance::Cap, false), 12, Tail::Drop),
        (pk(Imbalance::Oversample, true), 12, Tail::Drop),
        (pk(Imbalance::Shrink, false), 16, Tail::Drop),
    ] {
        prints.push(plan(&counts, units, Batching::new(size, 2, tail)?, draw(42, 3))?.fingerprint);
    }
    let golden = [
        14_410_023_961_404_712_214,
        6_929_011_202_164_221_274,
        10_271_962_133_382_595_627,
        205_820_263_964_175_821,
        15_455_583_241_456_102_190,
    ];
    assert_eq!(prints, golden);
    Ok(())
}
