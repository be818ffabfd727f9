//! Shares of anchors and classes: how many come, that none comes too often, and that all are as likely.

use std::collections::BTreeMap;

use foolsgold_core::Result;
use foolsgold_core::triplets::{Form, Order, Share};
use proptest::prelude::*;

use crate::common::{NATURAL, all, plain, shuffled, sorted, surprise, told, tuples};
use crate::labels::{naive, width};

const ORDERED: [Form; 3] = [
    Form::Triplets,
    Form::SamePairs { is_ordered: true },
    Form::DifferentPairs { is_ordered: true },
];

/// How often each value of `by` comes.
fn counted<T: Ord>(values: impl Iterator<Item = T>) -> BTreeMap<T, u64> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_insert(0) += 1;
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn anchors_give_at_most_so_many(
        labels in proptest::collection::vec(0u32..5, 1..20),
        most in 1u64..30,
        seed: u64,
        form in proptest::sample::select(&ORDERED[..]),
    ) {
        let expected = naive(plain(&labels), form);
        let of_anchor = counted(expected.iter().map(|tuple| tuple[0]));
        let found = tuples(plain(&labels), form, Share::PerAnchor(most))?;
        let total: u64 = of_anchor.values().map(|&count| count.min(most)).sum();
        prop_assert_eq!(found.len(), u128::from(total));
        prop_assert_eq!(found.report().left_out, expected.len() as u128 - u128::from(total));
        let at = |is_shuffled| Order { seed, epoch: 1, is_shuffled };
        let drawn = sorted(all(&found, at(false), width(form))?);
        prop_assert_eq!(&sorted(all(&found, at(true), width(form))?), &drawn);
        prop_assert!(drawn.windows(2).all(|pair| pair[0] != pair[1]));
        prop_assert!(drawn.iter().all(|tuple| expected.binary_search(tuple).is_ok()));
        for (anchor, count) in counted(drawn.iter().map(|tuple| tuple[0])) {
            prop_assert_eq!(count, of_anchor[&anchor].min(most));
        }
    }

    #[test]
    fn classes_give_as_many(
        labels in proptest::collection::vec(0u32..5, 1..16),
        count in 1u64..60,
        level in 0..3,
        seed: u64,
        form in proptest::sample::select(&ORDERED[..]),
    ) {
        let expected = naive(plain(&labels), form);
        let class = |tuple: &Vec<u32>| labels[tuple[0] as usize];
        let sizes = counted(expected.iter().map(class));
        let (share, wanted) = match level {
            0 => (Share::PerClass(count), Some(&count)),
            1 => (Share::Smallest, sizes.values().min()),
            _ => (Share::Largest, sizes.values().max()),
        };
        let found = tuples(plain(&labels), form, share)?;
        let wanted = wanted.copied().unwrap_or(0);
        prop_assert_eq!(found.len(), u128::from(wanted) * sizes.len() as u128);
        let order = Order { seed, epoch: 0, is_shuffled: true };
        let drawn = all(&found, order, width(form))?;
        let by_class = counted(drawn.iter().map(class));
        prop_assert!(by_class.values().all(|&count| count == wanted));
        prop_assert_eq!(by_class.len(), if wanted > 0 { sizes.len() } else { 0 });
        let times = counted(drawn.iter().cloned());
        prop_assert!(times.keys().all(|tuple| expected.binary_search(tuple).is_ok()));
        // Tuples and anchors of a class come as often as others, or once more.
        let anchors = counted(drawn.iter().map(|tuple| tuple[0]));
        for (&label, &size) in &sizes {
            let of = expected.iter().filter(|tuple| class(tuple) == label);
            let (mut low, mut high) = (u64::MAX, 0);
            for tuple in of.clone() {
                let count = times.get(tuple).copied().unwrap_or(0);
                (low, high) = (low.min(count), high.max(count));
            }
            prop_assert!(high - low <= 1 && low == wanted / size);
            let of = of.map(|tuple| anchors.get(&tuple[0]).copied().unwrap_or(0));
            let (low, high) = (of.clone().min(), of.max());
            prop_assert!(high.unwrap_or(0) - low.unwrap_or(0) <= 1);
        }
        let report = found.report();
        let beyond = |size: &u64| u128::from(wanted.saturating_sub(*size));
        prop_assert_eq!(report.repeated, sizes.values().map(beyond).sum::<u128>());
        let cut = |size: &u64| u128::from(size.saturating_sub(wanted));
        prop_assert_eq!(report.left_out, sizes.values().map(cut).sum::<u128>());
    }
}

#[test]
fn every_tuple_is_as_likely_to_be_drawn() -> Result<()> {
    let labels = [0, 0, 0, 0, 1, 1, 1, 1];
    for share in [Share::PerAnchor(3), Share::PerClass(14)] {
        let found = tuples(plain(&labels), Form::Triplets, share)?;
        let mut counts = BTreeMap::new();
        for seed in 0..3000 {
            for tuple in all(&found, Order { seed, ..NATURAL }, 3)? {
                *counts.entry(tuple).or_insert(0) += 1;
            }
        }
        assert_eq!(counts.len(), 96);
        let counts: Vec<u64> = counts.into_values().collect();
        assert!(
            surprise(&counts).abs() < 5.0,
            "{share:?}: {}",
            surprise(&counts)
        );
    }
    Ok(())
}

#[test]
fn epochs_draw_others() -> Result<()> {
    let labels: Vec<u32> = (0..40).map(|row| row % 4).collect();
    let found = tuples(plain(&labels), Form::Triplets, Share::PerAnchor(2))?;
    let of = |epoch| Ok::<_, foolsgold_core::Error>(sorted(all(&found, shuffled(0, epoch), 3)?));
    assert_eq!(of(1)?, of(1)?);
    assert_ne!(of(1)?, of(2)?);
    Ok(())
}

#[test]
fn shares_that_cannot_be_are_refused() {
    let labels = [0, 0, 1, 1];
    let refused = |form, share| told(tuples(plain(&labels), form, share));
    let same = Form::SamePairs { is_ordered: false };
    assert_eq!(
        refused(Form::Triplets, Share::PerAnchor(0)),
        "`max_per_anchor` must be at least 1, got 0"
    );
    assert_eq!(
        refused(Form::Triplets, Share::PerClass(0)),
        "`per_class` must be at least 1, got 0"
    );
    for (share, name) in [
        (Share::PerAnchor(1), "max_per_anchor"),
        (Share::Smallest, "per_class"),
        (Share::PerClass(3), "per_class"),
    ] {
        assert_eq!(
            refused(same, share),
            format!(
                "`{name}` must be for ordered pairs, in which each row is the anchor of its own, got unordered ones"
            )
        );
    }
}
