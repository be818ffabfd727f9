//! What a mix of sources refuses, by name.

use foolsgold_core::sampling::{
    Batching, Pass, Schedule, Stop, Tail, blend, counts_in_turn, counts_of_weights, mix,
};
use foolsgold_core::{Result, tick::Tick};

use crate::common::draw;

#[test]
fn what_cannot_be_mixed_is_refused_by_name() {
    let said = |result: Result<Vec<u64>>| {
        result
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let rule = "`weights` must be 2 non-negative numbers with a sum above zero, got";
    for weights in [
        &[0.0, 0.0][..],
        &[-1.0, 2.0],
        &[f64::NAN, 1.0],
        &[f64::INFINITY, 1.0],
        &[1.0],
    ] {
        let text = said(counts_of_weights(&[3, 3], weights, Stop::First, 1));
        assert!(text.starts_with(rule), "{text}");
    }
    for (lengths, stop, message) in [
        (
            &[][..],
            Stop::First,
            "`batch_samplers` must have at least one source, got none",
        ),
        (
            &[2, 0],
            Stop::First,
            "`batch_samplers[1]` must give at least one batch for each rank, got none",
        ),
        (
            &[2, 1 << 40],
            Stop::First,
            "`batch_samplers` must have at most 4294967295 batches",
        ),
        (
            &[2, 2],
            Stop::Steps(0),
            "`stop` must leave at least one step, got 0",
        ),
        (
            &[2, 2],
            Stop::Steps(1 << 33),
            "`stop` must come after at most 4294967295 steps",
        ),
    ] {
        let weights = vec![1.0; lengths.len()];
        for text in [
            said(counts_of_weights(lengths, &weights, stop, 1)),
            said(counts_in_turn(lengths, stop)),
        ] {
            assert!(text.starts_with(message), "{text}");
        }
    }
    let text = said(counts_of_weights(&[4, 4], &[1.0, 1e-12], Stop::All, 1));
    assert!(text.contains("`stop` must come after at most"), "{text}");
    let text = said(counts_of_weights(&[4, 4], &[1.0, 1e-300], Stop::All, 1));
    assert_eq!(
        text,
        "`weights` must be at least 2^-53 of the largest, or 0, where every source is to come, got [1.0, 1e-300]"
    );
    let text = said(counts_of_weights(&[4, 4], &[1.0, 1.0], Stop::First, 9));
    assert_eq!(
        text,
        "`batch_size` must leave rows of every source for one step, got 9"
    );
}

#[test]
fn passes_of_another_schedule_are_refused() -> Result<()> {
    let schedule = Schedule::new(&[2, 2], &[2, 1], true)?;
    let why = [];
    let pass = |rows, offsets| Pass {
        rows,
        offsets,
        why: &why,
    };
    let said = |passes: &[Pass<'_>]| {
        let mixed = mix(
            &schedule,
            passes,
            &[4, 4],
            1,
            draw(0, 0),
            1,
            &mut Tick::silent(),
        );
        mixed
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let good = pass(&[0, 1, 2, 3], &[0, 2, 4]);
    assert_eq!(said(&[good, good]), "");
    assert_eq!(said(&[good]), "`passes` must be 2 plans, got 1");
    let text = said(&[good, pass(&[0, 1], &[0, 2])]);
    assert_eq!(
        text,
        "`batch_samplers[1]` must be a sampler of 2 batches in every pass, got 1"
    );
    let text = said(&[good, pass(&[0, 1, 2, 4], &[0, 2, 4])]);
    assert_eq!(
        text,
        "`batch_samplers[1]` must give rows below 4, the rows of its data set, got 4"
    );
    for offsets in [&[0, 3, 2], &[0, 2, 5]] {
        let text = said(&[good, pass(&[0, 1, 2, 3], offsets)]);
        assert!(
            text.contains("offsets ascend to the number of its rows"),
            "{text}"
        );
    }
    let text = Schedule::new(&[2, 2], &[1], false)
        .err()
        .map(|error| error.to_string());
    assert_eq!(
        text.unwrap_or_default(),
        "`sizes` must be 2 numbers, one a source, got 1"
    );
    Ok(())
}

#[test]
fn what_cannot_be_blended_is_refused_by_name() -> Result<()> {
    let batching = Batching::new(4, 1, Tail::Drop)?;
    let said = |rows: &[usize], counts: &[u64], columns: &[&[u32]]| {
        let made = blend(
            rows,
            counts,
            columns,
            batching,
            draw(0, 0),
            1,
            &mut Tick::silent(),
        );
        made.err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let text = said(&[1, 8], &[8, 8], &[]);
    assert_eq!(
        text,
        "`batch_size` must be so small that source 0 has rows for its share, 2, got 4 for 1 rows of it"
    );
    assert_eq!(
        said(&[8, 8], &[8, 7], &[]),
        "`sizes` must give a multiple of 4 rows, got 15"
    );
    assert_eq!(
        said(&[8, 8], &[8, 8], &[&[1, 2]]),
        "`columns` must be of 16 rows, those of all sources, got 2"
    );
    assert_eq!(said(&[8, 8], &[8, 8], &[]), "");
    assert_eq!(said(&[8, 8], &[12, 4], &[]), "");
    Ok(())
}
