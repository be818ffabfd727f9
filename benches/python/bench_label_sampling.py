"""Batches by label beside the peers': the guarantees first, then the times of both.

    python benches/python/bench_label_sampling.py

1,000,000 rows with 100 labels, as even as draws are, and with 100,000. Groups by label: beside
sentence-transformers 6.2, from the data set to the last batch, and the next epoch. P x K: beside
pytorch-metric-learning's `MPerClassSampler` in torch's `BatchSampler`, which draws with replacement and ends
where it is told to.
"""

import argparse
import logging
import time
from collections import deque

import numpy as np
import torch
from datasets import Dataset, disable_progress_bars


def timed(work):
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def check(batches, labels, *, least_labels, k):
    """Every batch has so many labels, each with k rows at least; how many rows came, and how many twice."""
    rows = np.concatenate(batches)
    batch_of = np.repeat(np.arange(len(batches)), [len(batch) for batch in batches])
    pairs, counts = np.unique(batch_of * (labels.max() + 1) + labels[rows], return_counts=True)
    assert counts.min() >= k
    assert np.bincount(pairs // (labels.max() + 1)).min() >= least_labels
    assert len(np.unique(batch_of * len(labels) + rows)) == len(rows)  # no row twice in a batch
    return len(np.unique(rows)), len(rows) - len(np.unique(rows))


def epochs(make_sampler):
    """The seconds of the first and of the next epoch, iteration included, and the batches of another."""

    def first_epoch():
        sampler = make_sampler()
        deque(sampler, maxlen=0)
        return sampler

    sampler, first_seconds = timed(first_epoch)
    if hasattr(sampler, "set_epoch"):
        sampler.set_epoch(1)
    _, next_seconds = timed(lambda: deque(sampler, maxlen=0))
    return np.array([first_seconds, next_seconds]), list(sampler)


def group_by_label(data, labels, batch_size):
    from sentence_transformers.base.sampler import GroupByLabelBatchSampler as Peers

    from foolsgold.sampling import GroupByLabelBatchSampler

    options = {"batch_size": batch_size, "drop_last": True, "valid_label_columns": ["label"], "seed": 1}
    ours, batches = epochs(lambda: GroupByLabelBatchSampler(data, **options))
    used = check(batches, labels, least_labels=2, k=2)
    peers, batches = epochs(lambda: Peers(data, **options, generator=torch.Generator()))
    return ours, peers, used, check(batches, labels, least_labels=2, k=2)


def p_by_k(data, labels, batch_size, k=4):
    from pytorch_metric_learning.samplers import MPerClassSampler
    from torch.utils.data import BatchSampler

    from foolsgold.sampling import PKSampler

    ours, batches = epochs(lambda: PKSampler(data, batch_size, True, ["label"], seed=1, k=k))
    used = check(batches, labels, least_labels=batch_size // k, k=k)
    peers, batches = epochs(
        lambda: BatchSampler(
            MPerClassSampler(labels, k, batch_size, length_before_new_iter=len(labels)),
            batch_size,
            drop_last=True,
        )
    )
    rows = np.concatenate(batches)
    return ours, peers, used, (len(np.unique(rows)), len(rows) - len(np.unique(rows)))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    disable_progress_bars()
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    for num_labels in (100, 100_000):
        labels = np.random.default_rng(0).integers(0, num_labels, options.rows)
        data = Dataset.from_dict({"text": [f"row {row}" for row in range(options.rows)], "label": labels})
        for name, bench in (("group by label", group_by_label), ("P x K", p_by_k)):
            ratios = []
            for run in range(options.runs):
                ours, peers, used, peers_used = bench(data, labels, options.batch_size)
                ratios.append(peers / ours)
                print(
                    f"{name}, {num_labels:,} labels, run {run}: ours {ours[0]:.3f} and {ours[1]:.3f} s, "
                    f"{used[0]:,} rows and {used[1]:,} again; peer {peers[0]:.2f} and {peers[1]:.2f} s, "
                    f"{peers_used[0]:,} rows and {peers_used[1]:,} again; "
                    f"ratios {ratios[-1][0]:.0f} and {ratios[-1][1]:.0f}",
                    flush=True,
                )
            first, following = np.median(ratios, axis=0)
            print(f"{name}, {num_labels:,} labels: median ratios {first:.0f} and {following:.0f}")


if __name__ == "__main__":
    main()
