//! Checked views of the caller's arrays: what is built here is in range, so kernels need not ask again.

use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;

/// A row-major matrix of `f32`.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    dim: usize,
}

impl<'a> Matrix<'a> {
    /// Views `values` as `rows` rows of `dim`. O(1).
    ///
    /// # Errors
    /// [`Error::Shape`] where the lengths disagree or `dim` is zero, [`Error::TooMany`] past `u32` rows.
    pub fn new(name: &str, values: &'a [f32], rows: usize, dim: usize) -> Result<Self> {
        if dim == 0 || rows.checked_mul(dim) != Some(values.len()) {
            let got = format!("{} values for {rows} rows of {dim}", values.len());
            return Err(Error::shape(name, "a matrix with at least one column", got));
        }
        check_rows(name, rows)?;
        Ok(Self { values, rows, dim })
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// One row.
    pub fn row(&self, row: usize) -> &'a [f32] {
        &self.values[row * self.dim..(row + 1) * self.dim]
    }

    /// Every value, row after row.
    pub fn values(&self) -> &'a [f32] {
        self.values
    }
}

/// Ragged lists: list `i` is `values[offsets[i]..offsets[i + 1]]` (compressed sparse rows).
#[derive(Debug, Clone, Copy)]
pub struct Groups<'a> {
    offsets: &'a [i64],
    values: &'a [u32],
}

impl<'a> Groups<'a> {
    /// Views `values` cut at `offsets`, every value below `bound`. O(lists + values).
    ///
    /// # Errors
    /// [`Error::Argument`] where the offsets do not begin at 0, fall, or do not end at the number of values, or where a
    /// value is not below `bound`.
    pub fn new(name: &str, offsets: &'a [i64], values: &'a [u32], bound: usize) -> Result<Self> {
        let ends = offsets.last().copied();
        if offsets.first() != Some(&0)
            || ends.and_then(|end| usize::try_from(end).ok()) != Some(values.len())
        {
            let got = format!(
                "{} values and an end of {}",
                values.len(),
                ends.unwrap_or(-1)
            );
            return Err(Error::argument(
                name,
                "have offsets from 0 to the number of its values",
                got,
            ));
        }
        if let Some(list) = offsets.windows(2).position(|pair| pair[0] > pair[1]) {
            return Err(Error::argument(
                name,
                "have offsets that never fall",
                format!("a fall at list {list}"),
            ));
        }
        if let Some(at) = values.iter().position(|&value| value as usize >= bound) {
            let got = format!("{} at place {at}", values[at]);
            return Err(Error::argument(
                name,
                format!("hold values below {bound}"),
                got,
            ));
        }
        Ok(Self { offsets, values })
    }

    /// The number of lists.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no list at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One list.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked by `new`: 0..=values.len()"
    )]
    pub fn get(&self, list: usize) -> &'a [u32] {
        &self.values[self.offsets[list] as usize..self.offsets[list + 1] as usize]
    }

    /// Every value, list after list.
    pub fn values(&self) -> &'a [u32] {
        self.values
    }
}

/// One id, or a list of ids, in each row.
#[derive(Debug, Clone, Copy)]
pub enum IdColumn<'a> {
    /// One id a row.
    Flat(&'a [u32]),
    /// A list of ids a row, perhaps an empty one.
    Lists(Groups<'a>),
}

impl<'a> IdColumn<'a> {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Flat(ids) => ids.len(),
            Self::Lists(lists) => lists.len(),
        }
    }

    /// Whether there is no row at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ids of one row.
    pub fn of(&self, row: usize) -> &'a [u32] {
        match self {
            Self::Flat(ids) => &ids[row..=row],
            Self::Lists(lists) => lists.get(row),
        }
    }

    /// Every id, row after row.
    pub fn values(&self) -> &'a [u32] {
        match self {
            Self::Flat(ids) => ids,
            Self::Lists(lists) => lists.values(),
        }
    }
}

/// 64 bits of columns of numbers: equal ones give equal bits, on every platform. O(numbers).
pub fn fingerprint(columns: &[&[u32]]) -> u64 {
    let mut fingerprint = Fingerprint::new();
    for column in columns {
        fingerprint.u32s(column);
    }
    fingerprint.finish()
}

/// The number of `rows` as an id.
///
/// # Errors
/// [`Error::TooMany`] where the last row's number does not fit in `u32` with one value to spare as a marker.
pub fn check_rows(name: &str, rows: usize) -> Result<u32> {
    u32::try_from(rows)
        .ok()
        .filter(|&rows| rows < u32::MAX)
        .ok_or_else(|| Error::TooMany {
            name: name.into(),
            what: "rows".into(),
            limit: u64::from(u32::MAX) - 1,
            got: rows as u64,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrix_checks_its_shape() -> Result<()> {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let matrix = Matrix::new("m", &values, 2, 3)?;
        assert_eq!(
            (matrix.rows(), matrix.dim(), matrix.row(1)),
            (2, 3, &values[3..])
        );
        assert_eq!(Matrix::new("m", &[], 0, 3)?.rows(), 0);
        for (rows, dim) in [(2, 2), (6, 0), (usize::MAX, 2), (0, 0)] {
            assert!(matches!(
                Matrix::new("m", &values, rows, dim),
                Err(Error::Shape { .. })
            ));
        }
        Ok(())
    }

    #[test]
    fn groups_check_their_offsets_and_values() -> Result<()> {
        let groups = Groups::new("g", &[0, 2, 2, 3], &[5, 6, 7], 8)?;
        assert_eq!(
            (groups.len(), groups.get(0), groups.get(1), groups.get(2)),
            (3, &[5, 6][..], &[][..], &[7][..])
        );
        let bad: [(&[i64], &[u32]); 6] = [
            (&[], &[]),
            (&[1, 2], &[1, 1]),
            (&[0, 2], &[1]),
            (&[0, -1], &[]),
            (&[0, 2, 1, 3], &[1, 1, 1]),
            (&[0, 1], &[8]),
        ];
        for (offsets, values) in bad {
            assert!(matches!(
                Groups::new("g", offsets, values, 8),
                Err(Error::Argument { .. })
            ));
        }
        Ok(())
    }

    #[test]
    fn rows_leave_room_for_a_marker() {
        assert!(check_rows("r", u32::MAX as usize - 1).is_ok());
        assert!(matches!(
            check_rows("r", u32::MAX as usize),
            Err(Error::TooMany { .. })
        ));
    }
}
