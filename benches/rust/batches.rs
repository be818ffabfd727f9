//! From texts to batches: a million pairs to ids, ids to what keeps rows apart, that to the plan of an epoch.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use foolsgold_benches::half_shared;
use foolsgold_core::sampling::{Batching, Draw, Packing, Rules, Tail};
use foolsgold_core::texts::Texts;
use foolsgold_core::view::IdColumn;
use foolsgold_core::{Result, pool, tick::Tick};

const ROWS: usize = 1_000_000;

fn batches(criterion: &mut Criterion) {
    run(criterion).unwrap_or_else(|error| panic!("{error}"));
}

fn run(criterion: &mut Criterion) -> Result<()> {
    let mut group = criterion.benchmark_group("1M pairs, half shared");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(ROWS as u64));
    let columns = half_shared(ROWS);
    for threads in [1, pool::available()] {
        group.bench_function(format!("intern, {threads} threads"), |bencher| {
            bencher.iter_batched(
                || columns.clone(),
                |columns| Texts::intern(columns, threads, &mut Tick::silent()).is_ok(),
                BatchSize::PerIteration,
            );
        });
    }
    let ids = Texts::intern(columns, pool::available(), &mut Tick::silent())?.columns;
    let ids: Vec<IdColumn<'_>> = ids
        .iter()
        .map(|column| IdColumn::Flat(&column.ids))
        .collect();
    let batching = Batching::new(128, 1, Tail::Short)?;
    let rules = Rules {
        columns: &ids,
        ..Rules::default()
    };
    let threads = pool::available();
    let packing = || Packing::new(ROWS, rules, batching, threads, &mut Tick::silent());
    group.bench_function("conflicts", |bencher| {
        bencher.iter(|| packing().is_ok());
    });
    let packing = packing()?;
    let mut draw = Draw::default();
    group.bench_function("plan", |bencher| {
        bencher.iter(|| {
            draw.epoch += 1;
            packing.plan(draw, threads, &mut Tick::silent()).is_ok()
        });
    });
    group.finish();
    Ok(())
}

criterion_group!(benches, batches);
criterion_main!(benches);
