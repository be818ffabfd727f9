//! How many batches the counts of values allow.

use super::Rules;
use super::conflicts::Conflicts;
use crate::error::Error;
use crate::sampling::plan::{Batching, Tail};
use crate::view::IdColumn;

/// The most global batches that the counts of the values allow in each column, or the fewest that hold every row.
///
/// Of a value in `m` rows, `b` batches take `min(m, b)` rows at most.
pub(super) fn num_batches(
    columns: &[IdColumn<'_>],
    conflicts: &Conflicts,
    batching: Batching,
) -> usize {
    let (rows, most) = (conflicts.rows(), conflicts.most() as usize);
    let wanted = match batching.tail() {
        Tail::Drop => batching.most(rows),
        Tail::Short => batching.fewest(rows).max(most).min(batching.most(rows)),
        // Rows that come twice fill any number of batches.
        Tail::Refill => return batching.fewest(rows).max(most),
    };
    if most <= wanted {
        return wanted;
    }
    let least = batching.least();
    let of_column = |column: &IdColumn<'_>| {
        let IdColumn::Flat(column) = column else {
            return wanted;
        };
        let counts = count_column(column);
        let enough = |batches: usize| {
            let rows = counts.iter().map(|&count| (count as usize).min(batches));
            rows.sum::<usize>() >= batches * least
        };
        // The rows taken grow ever slower with the batches, so what is enough is an interval from 0.
        let (mut low, mut high) = (0, wanted);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if enough(middle) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        low
    };
    columns.iter().map(of_column).min().unwrap_or(wanted)
}

fn count_column(column: &[u32]) -> Vec<u32> {
    let bound = column.iter().max().map_or(0, |&id| id as usize + 1);
    let mut counts = vec![0u32; bound];
    for &id in column {
        counts[id as usize] += 1;
    }
    counts.retain(|&count| count > 0);
    counts
}

/// The refusal of rows of which not one batch can be made.
pub(super) fn too_dense(rules: Rules<'_>, rows: usize, batching: Batching) -> Error {
    let distinct = |column: &IdColumn<'_>| {
        let bound = column
            .values()
            .iter()
            .max()
            .map_or(0, |&id| id as usize + 1);
        count_distinct(column.values(), bound)
    };
    let fewest = rules.columns.iter().map(distinct).zip(0..).min();
    let (fewest, column) = fewest.unwrap_or((0, 0));
    let name = rules.names.get(column);
    let name = name.map_or_else(|| "a column".into(), |name| format!("`{name}`"));
    let positives = if rules.has_known_positives {
        "`known_positives=False`, "
    } else {
        ""
    };
    let got = format!(
        "{} for {rows} rows with {fewest} distinct texts in {name}\nhint: take a smaller `batch_size`, \
         `drop_last=False`, {positives}or name columns of labels in `valid_label_columns`",
        batching.whole()
    );
    let rule = "leave room for one batch without duplicates";
    Error::argument("batch_size", rule, got)
}

/// The number of distinct values, all below `bound`.
pub(super) fn count_distinct(values: &[u32], bound: usize) -> usize {
    let mut seen = vec![0u64; bound.div_ceil(64)];
    for &value in values {
        seen[value as usize / 64] |= 1 << (value % 64);
    }
    seen.iter().map(|word| word.count_ones() as usize).sum()
}
