//! Distances between rows: of embeddings, computed as they are asked for, or given.

use crate::error::{Error, Result};
use crate::kernels::{Row, distance, dot, norm};
use crate::view::{Matrix, check_rows};

/// How far apart two embeddings are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// 1 - cosine; the cosine with a row of zeros is 0.
    Cosine,
    /// The length of the difference.
    Euclidean,
    /// Its square.
    SquaredEuclidean,
}

/// Distances from any row to all.
///
/// Those of embeddings are float64 sums in one order, the same bits on every machine (see [`crate::kernels`]).
#[derive(Debug, Clone, Copy)]
pub enum Space<'a> {
    /// Of embeddings.
    Embeddings(Matrix<'a>, Metric),
    /// Given, row after row: (rows, rows) in float32.
    Single(&'a [f32], usize),
    /// Given, row after row: (rows, rows) in float64.
    Double(&'a [f64], usize),
}

impl Space<'_> {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Self::Embeddings(matrix, _) => matrix.rows(),
            Self::Single(_, rows) | Self::Double(_, rows) => *rows,
        }
    }

    /// Checks shapes and values, and finds what is needed of each row; O(values).
    pub(super) fn prepared(&self) -> Result<Vec<f64>> {
        let told = |name, at: usize, width: usize, value: f64| {
            let got = format!("{value} in column {}", at % width);
            Err(Error::row(name, at / width, "be finite", got))
        };
        let square = |len: usize, rows: usize| {
            check_rows("distances", rows)?;
            if rows.checked_mul(rows) == Some(len) {
                return Ok(());
            }
            let got = format!("{len} values for {rows} rows");
            Err(Error::shape("distances", "a square matrix", got))
        };
        match *self {
            Self::Embeddings(matrix, metric) => {
                let values = matrix.values();
                if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                    return told("embeddings", at, matrix.dim(), values[at].into());
                }
                let lengths = (0..matrix.rows()).map(|row| norm(Row::F32(matrix.row(row))));
                Ok(match metric {
                    Metric::Cosine => lengths.collect(),
                    Metric::Euclidean | Metric::SquaredEuclidean => Vec::new(),
                })
            }
            Self::Single(values, rows) => {
                square(values.len(), rows)?;
                match values.iter().position(|value| !value.is_finite()) {
                    Some(at) => told("distances", at, rows, values[at].into()),
                    None => Ok(Vec::new()),
                }
            }
            Self::Double(values, rows) => {
                square(values.len(), rows)?;
                match values.iter().position(|value| !value.is_finite()) {
                    Some(at) => told("distances", at, rows, values[at]),
                    None => Ok(Vec::new()),
                }
            }
        }
    }

    /// Writes the distances from `anchor` to all rows. O(rows * dimension).
    pub(super) fn write(&self, norms: &[f64], anchor: usize, out: &mut [f64]) {
        match *self {
            Self::Embeddings(matrix, metric) => {
                let row = Row::F32(matrix.row(anchor));
                for (other, out) in out.iter_mut().enumerate() {
                    let column = Row::F32(matrix.row(other));
                    *out = match metric {
                        Metric::Cosine => {
                            let lengths = norms[anchor] * norms[other];
                            // Rows of zeros have no direction.
                            1.0 - if lengths > 0.0 {
                                dot(row, column) / lengths
                            } else {
                                0.0
                            }
                        }
                        Metric::Euclidean => distance(row, column).sqrt(),
                        Metric::SquaredEuclidean => distance(row, column),
                    };
                }
            }
            Self::Single(values, rows) => {
                for (out, &value) in out.iter_mut().zip(&values[anchor * rows..]) {
                    *out = value.into();
                }
            }
            Self::Double(values, rows) => out.copy_from_slice(&values[anchor * rows..][..rows]),
        }
    }
}
