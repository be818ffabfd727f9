"""Plans of many rows: time and memory, resuming, and loaders that read them beside torch's own sampler.

    python benches/python/bench_large_plans.py              # 10M rows
    python benches/python/bench_large_plans.py --rows-of-ids 100000000

Each part runs in a process of its own, so that its peak of memory is its own. "mix": rows of three columns of
ids (queries, and two columns with half of their values in two rows) and a length, in two weighted sources:
no text twice in a batch, like lengths together, at most 16,384 tokens. What the batches promise is checked
before a time is told. "mix of repeated": queries are in up to two rows as well, so that known positives are
kept apart.
"resume": load a state at 90 % of the batches and read the next one. "loader": batches a second of a
`DataLoader` that collates row numbers, beside torch's `BatchSampler` over a `RandomSampler`.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections import deque

import numpy as np

MAX_TOKENS = 16_384


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def half_shared(rows, first, rng):
    """Ids from `first` on: the first half of them in a row each, the others in two, in random order."""
    ids = np.arange(first, first + rows, dtype=np.uint32)
    ids[rows // 2 :] = first + rows // 2 + np.arange(rows - rows // 2, dtype=np.uint32) // 2
    rng.shuffle(ids)
    return ids


def columns_of(rows, width, seed, *, has_repeated_queries=False):
    """Queries, each in one row unless they are half shared too, and further columns, half shared."""
    rng = np.random.default_rng(seed)
    columns = {f"column {at}": half_shared(rows, at * rows, rng) for at in range(width)}
    if not has_repeated_queries:
        columns["column 0"] = rng.permutation(rows).astype(np.uint32)
    return columns


def lengths_of(rows, seed):
    return np.clip(np.random.default_rng(seed).lognormal(4, 0.6, rows), 4, 512).astype(np.uint32)


def check_no_duplicates(plan, columns):
    """No id twice in a batch, in any column; these columns share no ids."""
    batch_of = np.repeat(np.arange(len(plan)), np.diff(plan.offsets.astype(np.int64)))
    for ids in columns.values():
        pairs = batch_of << 32 | ids[plan.rows]
        pairs.sort()
        assert (pairs[1:] != pairs[:-1]).all()


def mix(rows):
    print("queries in one row each: ", end="", flush=True)
    mix_of(rows, has_repeated_queries=False)


def mix_of_repeated(rows):
    print("queries in up to two rows, known positives apart: ", end="", flush=True)
    mix_of(rows, has_repeated_queries=True)


def mix_of(rows, *, has_repeated_queries):
    from torch.utils.data import ConcatDataset

    from foolsgold.sampling import MixSampler, NoDuplicatesBatchSampler

    sizes = (rows * 2 // 5, rows - rows * 2 // 5)
    columns = [
        columns_of(size, 3, seed, has_repeated_queries=has_repeated_queries)
        for seed, size in enumerate(sizes)
    ]
    lengths = [lengths_of(size, seed) for seed, size in enumerate(sizes)]
    before = peak_bytes()
    start = time.perf_counter()
    samplers = [
        NoDuplicatesBatchSampler(ids, 256, True, lengths=tokens, max_tokens=MAX_TOKENS, num_replicas=1)
        for ids, tokens in zip(columns, lengths, strict=True)
    ]
    made = time.perf_counter()
    sampler = MixSampler(
        ConcatDataset([range(size) for size in sizes]), samplers, weights=sizes, num_replicas=1
    )
    plan = sampler.plan
    seconds = time.perf_counter() - start
    bytes_a_row = (peak_bytes() - before) / rows
    report = sampler.report
    one, other = columns
    together = {name: np.concatenate([one[name], other[name] + np.uint32(3 * rows)]) for name in one}
    check_no_duplicates(plan, together)
    tokens = np.concatenate(lengths)[plan.rows]
    starts = plan.offsets[:-1].astype(np.int64)
    padded = np.maximum.reduceat(tokens, starts) * np.diff(plan.offsets.astype(np.int64))
    assert padded.max() <= MAX_TOKENS
    print(
        f"{rows:,} rows x 3 columns, like lengths, two sources: {seconds:.2f} s, {made - start:.2f} of them "
        f"to look at the ids; {bytes_a_row:.0f} bytes a row at the peak, {len(plan):,} batches, "
        f"{report.used:,} rows, padding {1 - tokens.sum() / padded.sum():.1%}"
    )


def resume(rows):
    from foolsgold.sampling import NoDuplicatesBatchSampler

    sampler = NoDuplicatesBatchSampler(columns_of(rows, 3, 0), 128, True)
    expected = sampler.plan.batch(len(sampler) * 9 // 10).tolist()
    state = {**sampler.state_dict(), "position": len(sampler) * 9 // 10}
    start = time.perf_counter()
    sampler.load_state_dict(state)
    batch = next(iter(sampler))
    seconds = time.perf_counter() - start
    assert batch == expected
    place = f"batch {state['position']:,} of a plan of {rows:,} rows"
    print(f"{place}: state loaded and the batch read in {seconds * 1e3:.2f} ms")


def ids(rows):
    from foolsgold.sampling import NoDuplicatesBatchSampler

    columns = columns_of(rows, 2, 0)
    before = peak_bytes()
    start = time.perf_counter()
    sampler = NoDuplicatesBatchSampler(columns, 128, True)
    made = time.perf_counter()
    plan = sampler.plan
    seconds = time.perf_counter() - start
    peak = peak_bytes()
    print(
        f"{rows:,} rows x 2 columns: {seconds:.1f} s ({made - start:.1f} s of it to look at the ids), "
        f"{peak / 2**30:.2f} GiB at the peak, {(peak - before) / rows:.0f} bytes a row over the ids, "
        f"{sampler.report.used:,} rows used",
        flush=True,
    )
    if rows <= 20_000_000:
        check_no_duplicates(plan, columns)


class Numbers:
    """Row numbers, many at once."""

    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return self.rows

    def __getitems__(self, rows):
        return rows


def loader(rows):
    import torch
    from torch.utils.data import BatchSampler, DataLoader, RandomSampler

    from foolsgold.sampling import NoDuplicatesBatchSampler

    data = Numbers(rows)
    columns = columns_of(rows, 2, 0)
    for batch_size in (128, 1024):
        speeds = {}
        for name, sampler in (
            ("ours", NoDuplicatesBatchSampler(columns, batch_size, True)),
            ("torch", BatchSampler(RandomSampler(data), batch_size, drop_last=True)),
        ):
            batches = DataLoader(data, batch_sampler=sampler, collate_fn=torch.tensor)
            best = 0
            for _ in range(3):
                start = time.perf_counter()
                deque(batches, maxlen=0)
                best = max(best, len(batches) / (time.perf_counter() - start))
            speeds[name] = best
        ratio = speeds["ours"] / speeds["torch"]
        print(
            f"DataLoader over {rows:,} rows, batches of {batch_size}: ours {speeds['ours']:,.0f} batches/s, "
            f"torch's {speeds['torch']:,.0f}, {ratio:.1f} times"
        )


PARTS = {"mix": mix, "mix of repeated": mix_of_repeated, "resume": resume, "ids": ids, "loader": loader}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rows-of-ids", type=int, default=10_000_000)
    options = parser.parse_args()
    if options.part:
        PARTS[options.part](options.rows)
        return
    for part, rows in (
        ("mix", options.rows),
        ("mix of repeated", options.rows),
        ("resume", options.rows),
        ("loader", min(options.rows, 1_000_000)),
        ("ids", options.rows_of_ids),
    ):
        subprocess.run([sys.executable, __file__, "--part", part, "--rows", str(rows)], check=True)


if __name__ == "__main__":
    main()
