//! From texts to batches: a million pairs to ids, ids to what keeps rows apart, that to the plan of an epoch.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use foolsgold_benches::half_shared;
use foolsgold_core::sampling::{Batching, NoDuplicates};
use foolsgold_core::texts::Texts;
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
    let ids: Vec<&[u32]> = ids.iter().map(|column| &column.ids[..]).collect();
    let batching = Batching::new(128, 1, false)?;
    group.bench_function("conflicts", |bencher| {
        bencher.iter(|| {
            NoDuplicates::new(&ids, batching, pool::available(), &mut Tick::silent()).is_ok()
        });
    });
    let sampler = NoDuplicates::new(&ids, batching, pool::available(), &mut Tick::silent())?;
    let mut epoch = 0;
    group.bench_function("plan", |bencher| {
        bencher.iter(|| {
            epoch += 1;
            sampler
                .plan(1, epoch, pool::available(), &mut Tick::silent())
                .is_ok()
        });
    });
    group.finish();
    Ok(())
}

criterion_group!(benches, batches);
criterion_main!(benches);
