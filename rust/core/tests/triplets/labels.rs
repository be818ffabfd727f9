//! Tuples of labels, all of them, beside loops over all rows.

use foolsgold_core::triplets::{Form, Labels, Order, Places, Share};
use foolsgold_core::{Result, tick::Tick};
use proptest::prelude::*;

use crate::common::{NATURAL, all, plain, shuffled, sorted, told, tuples};

pub(crate) const FORMS: [Form; 5] = [
    Form::Triplets,
    Form::SamePairs { is_ordered: true },
    Form::SamePairs { is_ordered: false },
    Form::DifferentPairs { is_ordered: true },
    Form::DifferentPairs { is_ordered: false },
];

pub(crate) fn width(form: Form) -> usize {
    if form == Form::Triplets { 3 } else { 2 }
}

/// Every tuple of `form`, by loops; pairs in no order with the smaller row first.
pub(crate) fn naive(of: Labels<'_>, form: Form) -> Vec<Vec<u32>> {
    let mut found = Vec::new();
    let rows = 0..u32::try_from(of.labels.len()).unwrap_or(0);
    let label = |row: u32| of.labels[row as usize];
    let is_noise = |row| Some(label(row)) == of.noise;
    let is_other = |a, n| label(n) != label(a) && (of.noise_is_negative || !is_noise(n));
    for a in rows.clone().filter(|&a| !is_noise(a)) {
        for b in rows.clone().filter(|&b| b != a) {
            let is_same = label(a) == label(b);
            match form {
                Form::Triplets if is_same => {
                    let others = rows.clone().filter(|&n| is_other(a, n));
                    found.extend(others.map(|n| vec![a, b, n]));
                }
                Form::SamePairs { is_ordered } if is_same && (is_ordered || a < b) => {
                    found.push(vec![a, b]);
                }
                Form::DifferentPairs { is_ordered }
                    if is_other(a, b) && (is_ordered || a < b || is_noise(b)) =>
                {
                    let pair = [a, b];
                    let pair = if is_ordered {
                        pair
                    } else {
                        [a.min(b), a.max(b)]
                    };
                    found.push(pair.to_vec());
                }
                _ => {}
            }
        }
    }
    sorted(found)
}

/// Pairs in no order with the smaller row first; all else as it is.
pub(crate) fn unordered(form: Form, tuples: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
    let is_free = matches!(
        form,
        Form::SamePairs { is_ordered: false } | Form::DifferentPairs { is_ordered: false }
    );
    let mut tuples = tuples;
    if is_free {
        for pair in &mut tuples {
            pair.sort_unstable();
        }
    }
    sorted(tuples)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn all_come_once_in_any_order(
        labels in proptest::collection::vec(0u32..6, 0..24),
        noise in proptest::option::of(0u32..7),
        noise_is_negative: bool,
        (seed, epoch) in any::<(u64, u64)>(),
        form in proptest::sample::select(&FORMS[..]),
    ) {
        let of = Labels { noise, noise_is_negative, ..plain(&labels) };
        let expected = naive(of, form);
        let found = tuples(of, form, Share::All)?;
        prop_assert_eq!(found.len(), expected.len() as u128);
        prop_assert_eq!(found.report().all, found.len());
        let in_order = all(&found, NATURAL, width(form))?;
        let at_random = all(&found, shuffled(seed, epoch), width(form))?;
        prop_assert_eq!(&unordered(form, in_order.clone()), &expected);
        prop_assert_eq!(&unordered(form, at_random), &expected);
        let anchors: std::collections::BTreeSet<u32> = expected.iter().flat_map(|tuple| {
            let is_free = unordered(form, vec![vec![1, 0]])[0][0] == 0;
            if is_free { tuple.clone() } else { vec![tuple[0]] }
        }).filter(|&row| Some(labels[row as usize]) != noise).collect();
        let report = found.report();
        prop_assert_eq!(report.without_tuples, report.rows - anchors.len() as u64);
        prop_assert_eq!(report.rows + report.noise, labels.len() as u64);
    }

    #[test]
    fn any_stretch_and_any_place_is_that_of_the_whole(
        labels in proptest::collection::vec(0u32..5, 4..30),
        form in proptest::sample::select(&FORMS[..]),
        order in any::<(u64, bool)>(),
        cuts in any::<(u64, u64)>(),
        threads in 1usize..4,
    ) {
        let found = tuples(plain(&labels), form, Share::All)?;
        let order = Order { seed: order.0, epoch: 0, is_shuffled: order.1 };
        let whole = all(&found, order, width(form))?;
        let len = whole.len();
        if len > 0 {
            let (one, other) = (cuts.0 % (len as u64 + 1), cuts.1 % (len as u64 + 1));
            let (from, to) = (one.min(other), one.max(other));
            let run = Places::Run(from.into()..to.into());
            let run = found.take(&run, order, threads, &mut Tick::silent())?;
            let range = usize::try_from(from).unwrap_or(0)..usize::try_from(to).unwrap_or(0);
            prop_assert_eq!(run, whole[range].concat());
            let narrow = [to.min(len as u64 - 1), 0, from.min(len as u64 - 1), 0];
            let wide = narrow.map(u128::from);
            let expected: Vec<u32> = narrow
                .iter()
                .flat_map(|&at| whole[usize::try_from(at).unwrap_or(0)].clone())
                .collect();
            for places in [Places::Narrow(&narrow), Places::Wide(&wide)] {
                let taken = found.take(&places, order, threads, &mut Tick::silent())?;
                prop_assert_eq!(&taken, &expected);
            }
        }
    }
}

#[test]
fn ids_stand_for_rows() -> Result<()> {
    let labels = [0, 1, 0, 1, 1];
    let ids = [50, 40, 30, 20, 10];
    let rows = all(
        &tuples(plain(&labels), Form::Triplets, Share::All)?,
        shuffled(1, 2),
        3,
    )?;
    let of = Labels {
        ids: Some(&ids),
        ..plain(&labels)
    };
    let named = all(&tuples(of, Form::Triplets, Share::All)?, shuffled(1, 2), 3)?;
    let renamed: Vec<Vec<u32>> = rows
        .iter()
        .map(|tuple| tuple.iter().map(|&row| ids[row as usize]).collect())
        .collect();
    assert_eq!(named, renamed);
    Ok(())
}

#[test]
fn nothing_depends_on_threads() -> Result<()> {
    let labels: Vec<u32> = (0..300).map(|row| row * row % 17).collect();
    for form in FORMS {
        let found = tuples(plain(&labels), form, Share::All)?;
        for order in [NATURAL, shuffled(3, 1)] {
            let end = found.len().min(70_000);
            let of =
                |threads| found.take(&Places::Run(5..end), order, threads, &mut Tick::silent());
            let one = of(1)?;
            assert_eq!(one, of(2)?);
            assert_eq!(one, of(7)?);
        }
    }
    Ok(())
}

#[test]
fn the_report_counts() -> Result<()> {
    let labels = [0, 0, 1, 2, 2, 2, 4, 3];
    let of = Labels {
        noise: Some(4),
        ..plain(&labels)
    };
    let report = tuples(of, Form::Triplets, Share::All)?.report();
    assert_eq!(
        (
            report.rows,
            report.noise,
            report.classes,
            report.single,
            report.without_tuples
        ),
        (7, 1, 4, 2, 2)
    );
    assert_eq!(
        (report.all, report.repeated, report.left_out),
        (2 * 5 + 6 * 4, 0, 0)
    );
    Ok(())
}

#[test]
fn bad_input_is_refused_by_name() -> Result<()> {
    let labels = [0, 1, 0];
    let of = plain(&labels);
    let refused = |of| told(tuples(of, Form::Triplets, Share::All));
    assert_eq!(
        refused(Labels {
            num_classes: 1,
            ..of
        }),
        "`labels` must be below 1, got 1 at row 1"
    );
    assert_eq!(
        refused(Labels {
            ids: Some(&[1, 2]),
            ..of
        }),
        "`ids` must have one id for each of 3 rows, got 2"
    );
    let found = tuples(of, Form::Triplets, Share::All)?;
    let take = |places| told(found.take(&places, NATURAL, 1, &mut Tick::silent()));
    assert_eq!(found.len(), 2);
    assert_eq!(take(Places::Run(1..3)), "`stop` must be at most 2, got 3");
    let (start, stop) = (5, 3);
    assert_eq!(take(Places::Run(start..stop)), "");
    assert_eq!(
        take(Places::Narrow(&[0, 2])),
        "`places` must be below 2, got 2 at row 1"
    );
    assert_eq!(
        take(Places::Wide(&[1 << 70])),
        format!("`places` must be below 2, got {} at row 0", 1u128 << 70)
    );
    let nothing = tuples(plain(&[3, 3]), Form::Triplets, Share::All)?;
    assert!(nothing.is_empty() && all(&nothing, shuffled(0, 0), 3)?.is_empty());
    Ok(())
}
