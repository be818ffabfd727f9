//! Pairs of both kinds with their labels.

use std::collections::BTreeMap;

use foolsgold_core::triplets::{Form, LabelledPairs, Labels, Order, Places, Share};
use foolsgold_core::{Result, tick::Tick};
use proptest::prelude::*;

use crate::common::{NATURAL, plain, shuffled, told};
use crate::labels::{naive, unordered};

fn pairs(labels: Labels<'_>, is_ordered: bool, share: Share) -> Result<LabelledPairs> {
    LabelledPairs::new(labels, is_ordered, share, &mut Tick::silent())
}

fn all(pairs: &LabelledPairs, order: Order) -> Result<Vec<Vec<u32>>> {
    let run = Places::Run(0..pairs.len());
    let numbers = pairs.take(&run, order, 2, &mut Tick::silent())?;
    Ok(numbers.chunks(3).map(<[u32]>::to_vec).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn both_kinds_come_with_what_they_are(
        labels in proptest::collection::vec(0u32..5, 0..16),
        is_ordered: bool,
        share in 0usize..4,
        count in 1u64..40,
        seed: u64,
    ) {
        let of = plain(&labels);
        let forms = [Form::DifferentPairs { is_ordered }, Form::SamePairs { is_ordered }];
        let expected = forms.map(|form| unordered(form, naive(of, form)));
        let sizes = [expected[0].len() as u64, expected[1].len() as u64];
        let share = [Share::All, Share::Smallest, Share::Largest, Share::PerClass(count)][share];
        let per_label = match share {
            Share::Smallest => sizes[0].min(sizes[1]),
            Share::Largest => sizes[0].max(sizes[1]),
            _ => count,
        };
        let found = pairs(of, is_ordered, share);
        if share != Share::All && sizes.contains(&0) {
            prop_assert!(told(found).starts_with("`labels` must make pairs of both kinds"));
            return Ok(());
        }
        let found = found?;
        let given = if share == Share::All { sizes } else { [per_label; 2] };
        prop_assert_eq!(found.len(), u128::from(given[0] + given[1]));
        for order in [Order { seed, ..NATURAL }, shuffled(seed, 3)] {
            let mut times: [BTreeMap<Vec<u32>, u64>; 2] = Default::default();
            for pair in all(&found, order)? {
                let label = pair[2] as usize;
                let rows = unordered(forms[label], vec![pair[..2].to_vec()]).concat();
                prop_assert!(expected[label].binary_search(&rows).is_ok());
                *times[label].entry(rows).or_insert(0) += 1;
            }
            for label in [0, 1] {
                prop_assert_eq!(times[label].values().sum::<u64>(), given[label]);
                if sizes[label] > 0 {
                    let most = times[label].values().max().copied().unwrap_or(0);
                    prop_assert!(most <= given[label].div_ceil(sizes[label]));
                    prop_assert_eq!(times[label].len() as u64, given[label].min(sizes[label]));
                }
            }
        }
        let report = found.report();
        let over = |one: [u64; 2], other: [u64; 2]| -> u64 {
            (0..2).map(|at| one[at].saturating_sub(other[at])).sum()
        };
        prop_assert_eq!(report.repeated, u128::from(over(given, sizes)));
        prop_assert_eq!(report.left_out, u128::from(over(sizes, given)));
    }
}

#[test]
fn labels_take_turns_where_each_gives_as_many() -> Result<()> {
    let labels: Vec<u32> = (0..30).map(|row| row % 5).collect();
    let found = pairs(plain(&labels), false, Share::Smallest)?;
    let turns: Vec<u32> = all(&found, NATURAL)?.iter().map(|pair| pair[2]).collect();
    assert!(turns.chunks(2).all(|two| two == [1, 0]));
    assert_eq!(
        told(pairs(plain(&labels), true, Share::PerAnchor(2))),
        "`max_per_anchor` must be None for pairs of both labels, got 2"
    );
    assert_eq!(
        told(pairs(plain(&labels), true, Share::PerClass(0))),
        "`per_label` must be at least 1, got 0"
    );
    Ok(())
}
