"""No-duplicates batches beside sentence-transformers: the same guarantee first, then the times of both.

    python benches/python/bench_sampling.py

Two data sets of pairs. "half shared": 1,000,000 rows, every second positive in two rows. "twenty
positives": 20,000 rows, 20 distinct positives. The first epoch is timed from the data set to the last
batch, ids or hashes included; the next one from `set_epoch`. Each batch is let go when the next one comes, as
in training; the epochs that are checked are gone through once more. The peer's sampler hashes beforehand
(`precompute_hashes=True`), its faster way. For ours the time of the plan alone is shown too.
"""

import argparse
import logging
import time
from collections import deque

import numpy as np
from datasets import Dataset, disable_progress_bars


def half_shared(rows):
    positives = np.arange(rows)
    positives[rows // 2 :] = np.arange(rows - rows // 2) // 2 + rows
    return positives


def twenty_positives(rows):
    return np.arange(rows) % 20


def pairs(positives, seed=0):
    positives = np.random.default_rng(seed).permutation(positives)
    return Dataset.from_dict(
        {
            "anchor": [f"what is the number of row {row} in the table?" for row in range(len(positives))],
            "positive": [f"it is the value {value}, as every reader can see" for value in positives.tolist()],
        }
    ), positives


def timed(work):
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def check(batches, positives, batch_size):
    """No row twice, no batch too large, no positive twice in one; how many rows came."""
    rows = np.concatenate(batches)
    batch_of = np.repeat(np.arange(len(batches)), [len(batch) for batch in batches])
    assert np.bincount(batch_of).max() <= batch_size
    assert len(np.unique(rows)) == len(rows)
    assert len(np.unique(np.stack([batch_of, positives[rows]]), axis=1).T) == len(rows)
    return len(rows)


def epochs(make_sampler):
    """Two epochs of a new sampler: their seconds and batches, and the sampler."""

    def first_epoch():
        sampler = make_sampler()
        deque(sampler, maxlen=0)
        return sampler

    def next_epoch():
        sampler.set_epoch(1)
        deque(sampler, maxlen=0)

    sampler, first_seconds = timed(first_epoch)
    _, next_seconds = timed(next_epoch)
    batches = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        batches.append(list(sampler))
    return [first_seconds, next_seconds], batches, sampler


def ours(data, batch_size):
    from foolsgold.sampling import NoDuplicatesBatchSampler

    seconds, batches, sampler = epochs(lambda: NoDuplicatesBatchSampler(data, batch_size, False, seed=1))
    assert [len(sampler)] * 2 == [len(epoch) for epoch in batches]
    sampler.set_epoch(2)
    _, plan_seconds = timed(lambda: sampler.plan)
    return seconds, batches, plan_seconds


def peers(data, batch_size):
    import torch
    from sentence_transformers.base.sampler import NoDuplicatesBatchSampler

    seconds, batches, _ = epochs(
        lambda: NoDuplicatesBatchSampler(
            data, batch_size, False, generator=torch.Generator(), seed=1, precompute_hashes=True
        )
    )
    return seconds, batches


def bench(name, positives, batch_size, options):
    data, positives = pairs(positives)
    print(f"\n{name}: {len(positives):,} rows, batches of {batch_size}", flush=True)
    ratios = []
    for run in range(options.runs):
        seconds, batches, plan_seconds = ours(data, batch_size)
        used = [check(epoch, positives, batch_size) for epoch in batches]
        line = f"run {run}: ours {seconds[0]:.3f} s, next {seconds[1]:.3f} s, its plan {plan_seconds:.3f} s"
        line += f", rows {used[0]:,} and {used[1]:,}"
        if not options.ours:
            peer_seconds, batches = peers(data, batch_size)
            used = [check(epoch, positives, batch_size) for epoch in batches]
            line += f"; peer {peer_seconds[0]:.2f} s, next {peer_seconds[1]:.2f} s"
            line += f", rows {used[0]:,} and {used[1]:,}"
            ratios.append(np.divide(peer_seconds, seconds))
            line += f"; ratios {ratios[-1][0]:.0f} and {ratios[-1][1]:.0f}"
        print(line, flush=True)
    if ratios:
        first, following = np.median(ratios, axis=0)
        print(f"median ratios: first epoch {first:.0f}, next epoch {following:.0f}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--ours", action="store_true", help="leave the peer out")
    options = parser.parse_args()
    disable_progress_bars()
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    bench("half shared", half_shared(options.rows), options.batch_size, options)
    bench("twenty positives", twenty_positives(20_000), options.batch_size, options)


if __name__ == "__main__":
    main()
