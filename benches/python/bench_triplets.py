"""Triplets and pairs of many labelled rows: beside the usual ways, validity checked before time.

    python benches/python/bench_triplets.py

1,000,000 rows -> 10,000,000 triplets: beside Python's `random` over lists of rows by label, as scripts do it;
beside `datasets.map` with the same in batches; and beside pytorch-metric-learning's
`get_random_triplet_indices`, as many rows as it can do. All triplets of 4,096 rows: beside its
`get_all_triplets_indices`. All pairs of 50,000 rows with labels, which SetFit lists in memory: 1.25 * 10^9 of
them, here block by block. 10^12 triplets: draws a second on one core, without repetition. Memory is what a
process takes at its peak beyond what it held before, result included, each side in a process of its own.
Times are of the processor (user and system), with those of the wall beside them.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np


def labels_of(rows, classes):
    return np.random.default_rng(0).integers(0, classes, rows)


def check(triplets, labels):
    a, p, n = triplets.T
    assert (labels[a] == labels[p]).all()
    assert (labels[a] != labels[n]).all()
    assert (a != p).all()


def check_distinct(triplets):
    rows = np.ascontiguousarray(triplets).view([("", triplets.dtype)] * triplets.shape[1]).ravel()
    assert len(np.unique(rows)) == len(rows)


def ours(rows, classes, per_anchor):
    from foolsgold.data import triplets_from_labels

    labels = labels_of(rows, classes)

    def work():
        return triplets_from_labels(labels, max_per_anchor=per_anchor).shuffled(seed=1)[:]

    return labels, work, True


def ours_uniform(rows, classes, per_anchor):
    from foolsgold.data import triplets_from_labels

    labels = labels_of(rows, classes)

    def work():
        return triplets_from_labels(labels).shuffled(seed=1)[: rows * per_anchor]

    return labels, work, True


def ours_all(rows, classes, per_anchor):
    from foolsgold.data import triplets_from_labels

    labels = labels_of(rows, classes)
    return labels, lambda: triplets_from_labels(labels)[:], True


def python(rows, classes, per_anchor):
    labels = labels_of(rows, classes)
    listed = labels.tolist()

    def work():
        chance = random.Random(1)
        by_label = defaultdict(list)
        for row, label in enumerate(listed):
            by_label[label].append(row)
        triplets = []
        for anchor, label in enumerate(listed):
            for _ in range(per_anchor):
                positive = chance.choice(by_label[label])
                while positive == anchor:
                    positive = chance.choice(by_label[label])
                negative = chance.randrange(len(listed))
                while listed[negative] == label:
                    negative = chance.randrange(len(listed))
                triplets.append((anchor, positive, negative))
        return triplets

    return labels, work, False


def datasets_map(rows, classes, per_anchor):
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()
    labels = labels_of(rows, classes)
    listed = labels.tolist()
    data = Dataset.from_dict({"row": range(rows), "label": listed})

    def work():
        chance = random.Random(1)
        by_label = defaultdict(list)
        for row, label in enumerate(data["label"]):
            by_label[label].append(row)

        def explode(batch):
            out = {"anchor": [], "positive": [], "negative": []}
            for anchor, label in zip(batch["row"], batch["label"], strict=True):
                for _ in range(per_anchor):
                    positive = chance.choice(by_label[label])
                    while positive == anchor:
                        positive = chance.choice(by_label[label])
                    negative = chance.randrange(rows)
                    while listed[negative] == label:
                        negative = chance.randrange(rows)
                    out["anchor"].append(anchor)
                    out["positive"].append(positive)
                    out["negative"].append(negative)
            return out

        made = data.map(explode, batched=True, remove_columns=["row", "label"], keep_in_memory=True)
        return made.with_format("numpy")[:]

    return labels, work, False


def metric_learning(rows, classes, per_anchor):
    import torch
    from pytorch_metric_learning.utils.loss_and_miner_utils import get_random_triplet_indices

    labels = labels_of(rows, classes)
    tensor = torch.from_numpy(labels)
    return labels, lambda: get_random_triplet_indices(tensor, t_per_anchor=per_anchor), False


def metric_learning_all(rows, classes, per_anchor):
    import torch
    from pytorch_metric_learning.utils.loss_and_miner_utils import get_all_triplets_indices

    labels = labels_of(rows, classes)
    tensor = torch.from_numpy(labels)
    return labels, lambda: get_all_triplets_indices(tensor), True


SIDES = {
    side.__name__: side
    for side in (
        ours, ours_uniform, ours_all, python, datasets_map, metric_learning, metric_learning_all,
    )
}  # fmt: skip


def as_array(made):
    if isinstance(made, dict):
        return np.stack([np.asarray(made[name]) for name in ("anchor", "positive", "negative")], 1)
    if isinstance(made, tuple):
        return np.stack([np.asarray(column) for column in made], 1)
    return np.asarray(made)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(name, rows, classes, per_anchor):
    labels, work, is_distinct = SIDES[name](rows, classes, per_anchor)
    SIDES[name](1000, 10, 2)[1]()  # what is imported and started on first use
    before, start, wall = held(), seconds(), time.perf_counter()
    made = work()
    spent, wall, memory = seconds() - start, time.perf_counter() - wall, peak() - before
    triplets = as_array(made)
    check(triplets, labels)
    if is_distinct:
        check_distinct(triplets[:2_000_000])
    print(json.dumps({"cpu": spent, "wall": wall, "MB": memory, "triplets": len(triplets)}))


def in_process(name, *sizes):
    command = [sys.executable, __file__, "--side", name, "--sizes", *map(str, sizes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None, (done.stderr.strip().splitlines() or [f"killed ({done.returncode})"])[-1]
    return json.loads(done.stdout), None


def compare(title, first, others, runs):
    print(f"\n{title}")
    for name, sizes in others.items():
        ratios = []
        for _ in range(runs):
            mine, told = in_process(first, *sizes)
            peer, refused = in_process(name, *sizes)
            if mine is None or peer is None:
                print(f"  {name} {sizes}: cannot run: {told or refused}", flush=True)
                break
            ratios.append(peer["cpu"] / mine["cpu"])
            print(
                f"  {sizes[0]:,} rows: {first} {mine['triplets']:,} in {mine['cpu']:.2f} s (wall "
                f"{mine['wall']:.2f}), {mine['MB']:.0f} MB; {name} {peer['triplets']:,} in "
                f"{peer['cpu']:.2f} s (wall {peer['wall']:.2f}), {peer['MB']:.0f} MB; ratio {ratios[-1]:.1f}",
                flush=True,
            )
        if ratios:
            print(f"  median ratio of processor time beside {name}: {np.median(ratios):.1f}")


def pairs_of_setfit(rows=50_000):
    """All pairs with their labels, block by block."""
    from foolsgold.data import pairs_from_labels

    labels = labels_of(rows, 10)
    pairs = pairs_from_labels(labels, "labelled", threads=1).shuffled(1)
    before, start, wall, done = peak(), seconds(), time.perf_counter(), 0
    for block in pairs.blocks(1 << 20):
        assert ((labels[block[:, 0]] == labels[block[:, 1]]) == block[:, 2]).all()
        done += len(block)
        if done > 40_000_000:
            break
    spent, wall = seconds() - start, time.perf_counter() - wall
    print(
        f"\n{rows:,} rows: {pairs.count:,} labelled pairs, two int64 columns of which take "
        f"{pairs.count * 16 / 2**30:.1f} GiB; {done:,} at random, checked, in "
        f"{spent:.1f} s (wall {wall:.1f}), {peak() - before:.0f} MB"
    )


def draws(rows=100_000, classes=100, count=10_000_000):
    """Draws without repetition from 10^12 triplets, on one thread."""
    from foolsgold.data import triplets_from_labels

    labels = labels_of(rows, classes)
    triplets = triplets_from_labels(labels, threads=1).shuffled(seed=3)
    check(triplets[:100_000], labels)
    check_distinct(triplets[:2_000_000])
    before, best, walls = peak(), [], []
    for run in range(5):
        start, wall = seconds(), time.perf_counter()
        for block in range(count >> 20):
            place = (run * count + (block << 20)) * 7919 % (triplets.count - (1 << 20))
            triplets[place : place + (1 << 20)]
        best.append((count >> 20 << 20) / (seconds() - start) / 1e6)
        walls.append((count >> 20 << 20) / (time.perf_counter() - wall) / 1e6)
    print(
        f"\n{triplets.count:.2e} triplets: {np.median(best):.1f} million draws a second of one "
        f"core (best {max(best):.1f}; wall {np.median(walls):.1f}), {peak() - before:.0f} MB more at the peak"
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--sizes", type=int, nargs=3)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if options.side:
        measure(options.side, *options.sizes)
        return
    rows = options.rows
    draws()
    pairs_of_setfit(rows // 20)
    large = (rows, 1000, 10)
    scripts = {"python": large, "datasets_map": large, "metric_learning": large}
    compare(f"{rows:,} rows, 10 triplets of each anchor, shuffled", "ours", scripts, options.runs)
    compare("as many, uniform over all there are", "ours_uniform", {"python": large}, options.runs)
    small = {"metric_learning_all": (1024, 256, 1)}
    compare("all triplets of a batch", "ours_all", small, options.runs)
    compare(
        "all triplets of a large batch", "ours_all", {"metric_learning_all": (4096, 1024, 1)}, options.runs
    )


if __name__ == "__main__":
    main()
