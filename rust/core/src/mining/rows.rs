//! Rows of embeddings, read where they lie.

use half::{bf16, f16};

use crate::error::{Error, Result};
use crate::kernels::Row;
use crate::view::{Matrix, check_rows};

/// Embeddings, row after row.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// float32.
    F32(&'a [f32]),
    /// float16.
    F16(&'a [f16]),
    /// bfloat16.
    Bf16(&'a [bf16]),
}

/// A row-major matrix of float32, float16 or bfloat16, possibly mapped from a file: a row is widened as it is read.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    values: Values<'a>,
    count: usize,
    dim: usize,
}

impl<'a> Rows<'a> {
    /// Views `values` as `rows` rows of `dim`. O(1).
    ///
    /// # Errors
    /// [`Error::Shape`] where the lengths disagree or `dim` is zero, [`Error::TooMany`] past `u32` rows.
    pub fn new(name: &str, values: Values<'a>, rows: usize, dim: usize) -> Result<Self> {
        let len = match values {
            Values::F32(values) => values.len(),
            Values::F16(values) => values.len(),
            Values::Bf16(values) => values.len(),
        };
        if dim == 0 || rows.checked_mul(dim) != Some(len) {
            let got = format!("{len} values for {rows} rows of {dim}");
            return Err(Error::shape(name, "a matrix with at least one column", got));
        }
        check_rows(name, rows)?;
        Ok(Self {
            values,
            count: rows,
            dim,
        })
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.count
    }

    /// The number of columns.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Whether these are the same rows: the same memory, or the same numbers in the same type. O(rows x dim).
    pub(super) fn is_same(&self, other: Rows<'_>) -> bool {
        if (self.count, self.dim) != (other.count, other.dim) {
            return false;
        }
        match (self.values, other.values) {
            (Values::F32(left), Values::F32(right)) => {
                std::ptr::eq(left, right)
                    || std::iter::zip(left, right).all(|(x, y)| x.to_bits() == y.to_bits())
            }
            (Values::F16(left), Values::F16(right)) => {
                std::ptr::eq(left, right)
                    || std::iter::zip(left, right).all(|(x, y)| x.to_bits() == y.to_bits())
            }
            (Values::Bf16(left), Values::Bf16(right)) => {
                std::ptr::eq(left, right)
                    || std::iter::zip(left, right).all(|(x, y)| x.to_bits() == y.to_bits())
            }
            _ => false,
        }
    }

    /// One row.
    pub fn row(&self, row: usize) -> Row<'a> {
        let range = row * self.dim..(row + 1) * self.dim;
        match self.values {
            Values::F32(values) => Row::F32(&values[range]),
            Values::F16(values) => Row::F16(&values[range]),
            Values::Bf16(values) => Row::Bf16(&values[range]),
        }
    }
}

impl<'a> From<Matrix<'a>> for Rows<'a> {
    fn from(matrix: Matrix<'a>) -> Self {
        Self {
            values: Values::F32(matrix.values()),
            count: matrix.rows(),
            dim: matrix.dim(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_every_type_are_read_in_place() -> Result<()> {
        let wide = [1.0f32, -2.0, 0.5, 4.0];
        let small = wide.map(f16::from_f32);
        let brain = wide.map(bf16::from_f32);
        let mut out = [0.0; 2];
        for values in [
            Values::F32(&wide),
            Values::F16(&small),
            Values::Bf16(&brain),
        ] {
            let rows = Rows::new("r", values, 2, 2)?;
            rows.row(1).write(&mut out);
            assert_eq!((rows.rows(), rows.dim(), out), (2, 2, [0.5, 4.0]));
        }
        let told = Rows::new("r", Values::F16(&small), 3, 2).err();
        let told = told.map(|error| error.to_string()).unwrap_or_default();
        assert!(
            told.contains("`r`") && told.contains("4 values for 3 rows of 2"),
            "{told}"
        );
        assert!(Rows::new("r", Values::F32(&[]), 2, 0).is_err());
        Ok(())
    }
}
