//! What batches by class refuse, and what they say.

use foolsgold_core::sampling::{Batching, Imbalance, Labels, Tail, Units};
use foolsgold_core::{Result, tick::Tick};

const NEEDS_FOUR: &str = "`dataset` must have at least 4 labels with 2 rows or more, got 2\n\
                          hint: take a smaller `batch_size`, or `imbalance=\"shrink\"`";

fn pk(k: usize, imbalance: Imbalance, coverage: bool) -> Units {
    Units::Classes {
        k,
        imbalance,
        coverage,
    }
}

fn cap(k: usize) -> Units {
    pk(k, Imbalance::Cap, false)
}

/// What is said of batches of `size` rows for each of `ranks`, where class `c` has `counts[c]` rows.
fn said(counts: &[usize], units: Units, size: usize, ranks: usize) -> Result<Option<String>> {
    let classes = (0u32..).zip(counts);
    let labels: Vec<u32> = classes
        .flat_map(|(class, &rows)| std::iter::repeat_n(class, rows))
        .collect();
    let batching = Batching::new(size, ranks, Tail::Drop)?;
    let made = Labels::new(&labels, counts.len(), units, batching, &mut Tick::silent());
    Ok(made.err().map(|error| error.to_string()))
}

#[test]
fn senseless_options_are_refused() -> Result<()> {
    assert_eq!(said(&[4, 4], Units::Pairs, 6, 1)?, None);
    for (units, size, message) in [
        (
            Units::Pairs,
            3,
            "`batch_size` must be even and at least 4, got 3",
        ),
        (
            Units::Pairs,
            2,
            "`batch_size` must be even and at least 4, got 2",
        ),
        (cap(1), 4, "`k` must be at least 2, got 1"),
        (
            cap(4),
            10,
            "`batch_size` must be a multiple of `k`, 4, got 10",
        ),
        (
            cap(4),
            4,
            "`batch_size` must hold `k` rows, 4, of at least 2 labels, got 4",
        ),
        (
            pk(2, Imbalance::Cap, true),
            4,
            "`imbalance` must be oversample or shrink with `coverage`, got cap",
        ),
    ] {
        assert_eq!(said(&[4, 4], units, size, 1)?.as_deref(), Some(message));
    }
    Ok(())
}

#[test]
fn classes_that_make_no_batch_are_refused() -> Result<()> {
    let shrink = pk(2, Imbalance::Shrink, false);
    let oversample = pk(2, Imbalance::Oversample, false);
    for (counts, units, message) in [
        (
            [0, 0],
            Units::Pairs,
            "`dataset` must have rows of at least 2 labels, got no rows",
        ),
        (
            [0, 9],
            Units::Pairs,
            "`dataset` must have rows of at least 2 labels, got 1: every row has the same label\n\
             hint: take another sampler, with a loss that needs no labels",
        ),
        (
            [3, 2],
            cap(4),
            "`k` must be at most the rows of the most frequent label, 3, got 4",
        ),
        ([9, 9], cap(2), NEEDS_FOUR),
        ([9, 9], oversample, NEEDS_FOUR),
        (
            [9, 1],
            shrink,
            "`dataset` must have at least 2 labels with 2 rows or more, got 1",
        ),
        (
            [9, 1],
            Units::Pairs,
            "`dataset` must have at least 2 labels with 2 rows or more, got 1",
        ),
        (
            [2, 4],
            Units::Pairs,
            "`dataset` must have rows for one batch of at least 2 labels, \
             got 2 labels with 2 rows or more, 3 times 2 rows in all\n\
             hint: take a smaller `batch_size`, or `drop_last=False`",
        ),
    ] {
        assert_eq!(said(&counts, units, 8, 1)?.as_deref(), Some(message));
    }
    let message = "`dataset` must have rows for 2 batches of at least 2 labels, one for each rank, \
                   got 2 labels with 2 rows or more, 3 times 2 rows in all";
    assert_eq!(said(&[2, 4], shrink, 4, 2)?.as_deref(), Some(message));
    Ok(())
}

#[test]
fn rows_that_come_too_often_are_refused_before_memory_is_taken() -> Result<()> {
    let mut counts = vec![2; 60_000];
    counts.push(1 << 19);
    let message = said(&counts, pk(2, Imbalance::Oversample, false), 8, 1)?.unwrap_or_default();
    let start = "`imbalance` must give at most 2^32 rows an epoch, got 31457";
    assert!(message.starts_with(start), "{message}");
    Ok(())
}
