//! What the tests of samplers share.

use foolsgold_core::sampling::{Batching, Draw, Packing, Plan, Rules, Tail};
use foolsgold_core::view::IdColumn;
use foolsgold_core::{Result, tick::Tick};

pub(crate) fn views(columns: &[Vec<u32>]) -> Vec<IdColumn<'_>> {
    columns
        .iter()
        .map(|column| IdColumn::Flat(column))
        .collect()
}

pub(crate) fn sampler(columns: &[Vec<u32>], batching: Batching) -> Result<Packing> {
    sampler_on(columns, batching, 2)
}

pub(crate) fn sampler_on(
    columns: &[Vec<u32>],
    batching: Batching,
    threads: usize,
) -> Result<Packing> {
    let rules = Rules {
        columns: &views(columns),
        ..Rules::default()
    };
    Packing::new(
        columns[0].len(),
        rules,
        batching,
        threads,
        &mut Tick::silent(),
    )
}

pub(crate) fn batching(size: usize, ranks: usize, drop_last: bool) -> Result<Batching> {
    let tail = if drop_last { Tail::Drop } else { Tail::Short };
    Batching::new(size, ranks, tail)
}

pub(crate) fn draw(seed: u64, epoch: u64) -> Draw {
    Draw {
        seed,
        epoch,
        stream: 0,
    }
}

/// The rows of every global batch, as values of all columns.
pub(crate) fn check(
    columns: &[Vec<u32>],
    plan: &Plan,
    whole: usize,
    ranks: usize,
    drop_last: bool,
) {
    let total = columns[0].len();
    let mut uses = vec![0u64; total];
    let mut places = 0;
    for step in 0..plan.len() / ranks {
        let batches: Vec<&[u32]> = (step * ranks..(step + 1) * ranks)
            .filter_map(|batch| plan.batch(batch))
            .collect();
        assert!(
            batches.iter().all(|batch| !batch.is_empty()),
            "an empty batch"
        );
        let rows: Vec<u32> = batches.concat();
        assert!(rows.len() == whole || (!drop_last && rows.len() < whole));
        let mut owner = std::collections::HashMap::new();
        for &row in &rows {
            uses[row as usize] += 1;
            places += 1;
            for column in columns {
                let other = owner.insert(column[row as usize], row);
                assert!(
                    other.is_none_or(|other| other == row),
                    "a value of rows {other:?} and {row}"
                );
            }
        }
        let mut distinct = rows.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), rows.len(), "a row twice in a batch");
    }
    let used = uses.iter().filter(|&&times| times > 0).count() as u64;
    assert_eq!(plan.report.used, used);
    assert_eq!(plan.report.repeated, places - used);
    assert_eq!(plan.report.left_out(), total as u64 - used);
    assert_eq!(plan.rows.len() as u64, places);
}

/// How many random data sets a law is tried on; `FOOLSGOLD_CASES` says otherwise.
pub(crate) fn cases() -> u32 {
    let asked = std::env::var("FOOLSGOLD_CASES").ok();
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(2000)
}
