//! Pinned shapes that the benches share.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use foolsgold_core::texts::Column;

/// `rows` pairs of short texts: every anchor once, half of the positives in two rows each.
pub fn half_shared(rows: usize) -> Vec<Column> {
    let half = rows / 2;
    let value = |row: usize| {
        let row = row * 7919 % rows;
        if row < half {
            row
        } else {
            rows + (row - half) / 2
        }
    };
    let column = |name: &str, text: &dyn Fn(usize) -> String| {
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(text)));
        Column::new(name, vec![texts])
    };
    vec![
        column("anchor", &|row| {
            format!("what is the number of row {row} in the table?")
        }),
        column("positive", &|row| {
            format!("it is the value {}, as every reader can see", value(row))
        }),
    ]
}
