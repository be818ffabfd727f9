//! Laws of the tally of groups.

use std::collections::BTreeSet;

use foolsgold_core::{Result, sampling::tally};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::common::cases()))]

    #[test]
    fn a_tally_counts_rows_and_places(groups in prop::collection::vec(0u32..6, 1..40), picks in prop::collection::vec(any::<prop::sample::Index>(), 0..60)) {
        let rows: Vec<u32> = picks.iter().map(|pick| u32::try_from(pick.index(groups.len()))).collect::<Result<_, _>>()?;
        for (group, found) in (0u32..).zip(tally(&rows, &groups, 7)?) {
            let of_group = |row: &&u32| groups[**row as usize] == group;
            let distinct: BTreeSet<_> = rows.iter().filter(of_group).collect();
            prop_assert_eq!(found.rows, groups.iter().filter(|&&own| own == group).count() as u64);
            prop_assert_eq!(found.used, distinct.len() as u64);
            prop_assert_eq!(found.used + found.repeated, rows.iter().filter(of_group).count() as u64);
        }
    }
}
