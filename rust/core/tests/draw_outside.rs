//! Laws of draws outside of ranges: what is drawn is allowed, different and even, the same for any number of threads.

use std::collections::{BTreeMap, BTreeSet};

use foolsgold_core::conversions::{NONE, draw_outside};
use foolsgold_core::key::Key;
use foolsgold_core::{Result, tick::Tick, view::Groups};
use proptest::prelude::*;

fn drawn(
    total: u32,
    rows: &[Vec<u32>],
    count: usize,
    seed: u64,
    threads: usize,
) -> Result<Vec<u32>> {
    let mut offsets = vec![0];
    let mut values = Vec::new();
    for row in rows {
        values.extend(row);
        offsets.push(i64::try_from(values.len()).unwrap_or(i64::MAX));
    }
    let ranges = Groups::new("ranges", &offsets, &values, usize::MAX)?;
    draw_outside(
        total,
        ranges,
        count,
        Key::new(seed),
        threads,
        &mut Tick::silent(),
    )
}

/// The items that no range holds, one by one.
fn allowed(total: u32, ranges: &[u32]) -> BTreeSet<u32> {
    let is_outside = |item: &u32| {
        !ranges
            .chunks(2)
            .any(|pair| (pair[0]..pair[1]).contains(item))
    };
    (0..total).filter(is_outside).collect()
}

fn rows() -> impl Strategy<Value = (u32, Vec<Vec<u32>>)> {
    let row = prop::collection::vec(0u32..30, 0..4).prop_map(|mut cuts| {
        cuts.truncate(cuts.len() / 2 * 2);
        cuts.sort_unstable();
        cuts
    });
    (30u32..40, prop::collection::vec(row, 0..20))
}

proptest! {
    #[test]
    fn what_is_drawn_is_allowed_and_different((total, rows) in rows(), count in 1usize..45, seed: u64) {
        let found = drawn(total, &rows, count, seed, 1)?;
        prop_assert_eq!(found.len(), rows.len() * count);
        for (row, found) in rows.iter().zip(found.chunks(count)) {
            let allowed = allowed(total, row);
            let wanted = count.min(allowed.len());
            let items: BTreeSet<u32> = found[..wanted].iter().copied().collect();
            prop_assert_eq!(items.len(), wanted);
            prop_assert!(items.is_subset(&allowed));
            prop_assert!(found[wanted..].iter().all(|&item| item == NONE));
        }
    }
}

#[test]
fn every_set_and_every_order_is_equally_likely() -> Result<()> {
    // Of 0, 3, 4 and 6 two in order: 12 outcomes.
    let rows = vec![vec![1, 3, 5, 6]; 12_000];
    let mut counts = BTreeMap::new();
    for pair in drawn(7, &rows, 2, 5, 2)?.chunks(2) {
        *counts.entry((pair[0], pair[1])).or_insert(0u32) += 1;
    }
    assert_eq!(counts.len(), 12);
    assert!(
        counts.values().all(|&count| count.abs_diff(1000) < 200),
        "{counts:?}"
    );
    Ok(())
}

#[test]
fn equal_for_any_thread_count_and_row_by_row() -> Result<()> {
    let rows: Vec<Vec<u32>> = (0..10_000u32)
        .map(|row| vec![row % 50, row % 50 + 40])
        .collect();
    let one = drawn(100, &rows, 3, 1, 1)?;
    for threads in [2, 7] {
        assert_eq!(one, drawn(100, &rows, 3, 1, threads)?);
    }
    assert_eq!(drawn(100, &rows[..10], 3, 1, 1)?, one[..30]);
    assert_ne!(one, drawn(100, &rows, 3, 2, 1)?);
    Ok(())
}

#[test]
fn bad_arguments_are_refused_by_name() {
    let said = |total, row: Vec<u32>, count| {
        let outcome = drawn(total, &[vec![], row], count, 0, 1);
        outcome.err().map(|error| error.to_string())
    };
    let cases = [
        (said(5, vec![], 0), "`count` must be at least 1, got 0"),
        (
            said(5, vec![1], 1),
            "`ranges` must be ascending pairs up to 5, got [1] at row 1",
        ),
        (
            said(5, vec![2, 1], 1),
            "`ranges` must be ascending pairs up to 5, got [2, 1] at row 1",
        ),
        (
            said(5, vec![2, 6], 1),
            "`ranges` must be ascending pairs up to 5, got [2, 6] at row 1",
        ),
    ];
    for (said, expected) in cases {
        assert_eq!(said.as_deref(), Some(expected));
    }
    for count in [1 << 50, usize::MAX] {
        let said = said(5, vec![], count).unwrap_or_default();
        let begin = "`count` must leave a result that memory holds: 2 rows take ";
        assert!(said.starts_with(begin), "{said}");
    }
}
