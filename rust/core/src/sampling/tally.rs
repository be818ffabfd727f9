//! How a plan uses each group of rows.

use crate::error::{Error, Result};

/// How a plan uses the rows of one group: a label, a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupUse {
    /// Rows of the data.
    pub rows: u64,
    /// Rows that are in a batch.
    pub used: u64,
    /// Places that are filled with a row for a second time.
    pub repeated: u64,
}

/// How the places `rows` of a plan use the groups, where row `r` of the data is of group `groups[r]`.
///
/// O(places + rows + groups).
///
/// # Errors
/// [`Error::Argument`] where a group is not below `num_groups`, or a row is not one of the data.
pub fn tally(rows: &[u32], groups: &[u32], num_groups: usize) -> Result<Vec<GroupUse>> {
    let mut uses = vec![GroupUse::default(); num_groups];
    for (row, &group) in groups.iter().enumerate() {
        let Some(of_group) = uses.get_mut(group as usize) else {
            let rule = format!("be below {num_groups}");
            return Err(Error::argument(
                "groups",
                rule,
                format!("{group} at row {row}"),
            ));
        };
        of_group.rows += 1;
    }
    let mut is_used = vec![false; groups.len()];
    for &row in rows {
        let Some(is_used) = is_used.get_mut(row as usize) else {
            let rule = format!("be below {}", groups.len());
            return Err(Error::argument("rows", rule, row));
        };
        let of_group = &mut uses[groups[row as usize] as usize];
        if *is_used {
            of_group.repeated += 1;
        } else {
            of_group.used += 1;
        }
        *is_used = true;
    }
    Ok(uses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_count_once_and_places_each() -> Result<()> {
        let uses = tally(&[0, 2, 0, 3, 0], &[1, 0, 1, 3], 5)?;
        let of = |rows, used, repeated| GroupUse {
            rows,
            used,
            repeated,
        };
        let none = of(0, 0, 0);
        assert_eq!(uses, [of(1, 0, 0), of(2, 2, 2), none, of(1, 1, 0), none]);
        Ok(())
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let refused =
            |rows: &[u32], groups: &[u32]| tally(rows, groups, 2).err().map(|e| e.to_string());
        assert_eq!(
            refused(&[0], &[0, 2]).as_deref(),
            Some("`groups` must be below 2, got 2 at row 1")
        );
        assert_eq!(
            refused(&[0, 5], &[0, 1]).as_deref(),
            Some("`rows` must be below 2, got 5")
        );
    }
}
