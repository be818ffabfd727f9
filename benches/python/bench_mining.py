"""Exact mining beside sentence-transformers with faiss: the same negatives first, then time and memory.

    python benches/python/bench_mining.py --rows 50000 --dim 384 --negatives 5 100
    python benches/python/bench_mining.py --ours --tile portable --rows 10000  # a variant of the kernel
    python benches/python/bench_mining.py --same  # queries that are the corpus

Data: clustered unit vectors, one centre for 50 rows, document = centre + 0.7 noise, query = document + 0.6
noise; relative margin 0.05. A model that looks embeddings up stands for the encoder on both sides, so what is
timed is everything but the embedding: pairs in, finished rows of text out. Every run of a side is a process
of its own; memory is what it takes at its peak beyond what it held before (its inputs, the packages). The
share of the peak is that of the search alone: int8 products of the same kernel in registers, measured in turn
with the searches, as both change with what else the machine does.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

_RULES = ("least", None, 0.05, None, None)


def clustered(rows, dim, seed=0):
    """Queries and documents, unit float32; document i answers query i."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(max(1, rows // 50), dim)).astype(np.float32)

    def noisy(base, noise):
        values = base + noise * generator.standard_normal(size=(rows, dim), dtype=np.float32)
        return values / np.linalg.norm(values, axis=1, keepdims=True)

    documents = noisy(centres[np.arange(rows) % len(centres)], 0.7)
    return noisy(documents * np.float32(np.sqrt(dim)), 0.6), documents


class Lookup:
    """A model that has embedded everything already."""

    def __init__(self, queries, documents):
        import torch

        self.device = torch.device("cpu")
        self.queries, self.documents = queries, documents

    def encode_query(self, texts, **_):
        assert len(texts) == len(self.queries)
        return self.queries

    def encode_document(self, texts, **_):
        assert len(texts) == len(self.documents)
        return self.documents

    def get_embedding_dimension(self):
        return self.queries.shape[1]

    def similarity_pairwise(self, left, right):
        import torch

        return (torch.as_tensor(left) * torch.as_tensor(right)).sum(dim=1)


def timed(work):
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def peak(threads, tile=None, seconds=0.5):
    """int8 operations a second, in registers."""
    from foolsgold import _core

    rounds = 20_000
    while True:
        operations, taken = timed(partial(_core.code_peak, rounds, threads=threads, tile=tile))
        if taken > seconds:
            return operations / taken
        rounds *= 2


def check(found, queries, documents, sample):
    """Each sampled query's negatives are those of a full float64 sort."""
    wide, norms = documents.astype(np.float64), np.linalg.norm(documents.astype(np.float64), axis=1)
    for query in sample:
        vector = queries[query].astype(np.float64)
        scores = (wide @ vector / (norms * np.linalg.norm(vector))).astype(np.float32)
        cap = np.float64(scores[query]) - np.abs(np.float64(scores[query])) * 0.05
        scores[(scores > cap) | (np.arange(len(scores)) == query)] = -np.inf
        expected = np.lexsort((np.arange(len(scores)), -scores))[: found.ids.shape[1]]
        wrong = found.ids[query] != expected
        # numpy adds in another order: a float32 score may differ in its last bit, and two such may swap.
        assert np.abs(scores[found.ids[query]] - scores[expected])[wrong].max(initial=0.0) < 1e-7, query
        assert np.abs(found.scores[query] - scores[found.ids[query]]).max() < 1e-7, query


def bench_search(queries, documents, negatives, options):
    """Check a sample, then search and measure the peak in turn."""
    import foolsgold as fg
    from foolsgold import _core

    threads, rows = options.threads, np.arange(len(queries) + 1)
    lists = rows.astype(np.int64), rows[:-1].astype(np.uint32)
    shared = {"similarity": "cosine", "depth": negatives, "threads": threads, "tile": options.tile}
    sample = np.random.default_rng(1).choice(len(queries), options.sample)
    some = fg.mine(
        queries[sample], documents, positives=sample, num_negatives=negatives, relative_margin=0.05
    )
    placed = type(some)(np.empty((len(queries), negatives), np.int64), np.empty((len(queries), negatives)))
    placed.ids[sample], placed.scores[sample] = some.ids, some.scores
    check(placed, queries, documents, sample)
    print(f"\n{negatives} negatives: {options.sample} queries equal float64 brute force", flush=True)
    rates, seconds = [peak(threads, options.tile)], []
    for _ in range(options.runs):
        ready, packing = timed(lambda: _core.Corpus(documents, queries, **shared))
        asked = (queries, documents, [("positive", None, *lists)], lists)
        table, taken = timed(partial(_core.search, *asked, rules=_RULES, prepared=ready, **shared))
        seconds.append(taken)
        rates.append(peak(threads, options.tile))
    columns = table.columns()
    for query in sample:
        found = slice(*columns["offsets"][query : query + 2])
        assert np.array_equal(columns["ids"][found], placed.ids[query])
    operations = 2.0 * queries.size * len(documents)
    shares = [2 * operations / taken / sum(rates[run : run + 2]) for run, taken in enumerate(seconds)]
    best = operations / min(seconds) / max(rates)
    print(
        f"join {min(seconds):.2f} s, packing {packing:.2f} s; {operations / min(seconds) / 1e9:.0f} of "
        f"{max(rates) / 1e9:.0f} Gop/s, {best:.0%} of the peak, the best beside the best; run by run, beside "
        f"the peaks before and after: {', '.join(f'{share:.0%}' for share in shares)}",
        flush=True,
    )


def bench_same(documents, negatives, options):
    """Neighbours among the rows themselves, each two compared once, beside the same rows in another order."""
    import foolsgold as fg

    rows = np.arange(len(documents))
    turned = np.ascontiguousarray(documents[::-1])

    def once():
        return fg.mine(documents, documents, positives=rows, num_negatives=negatives, threads=options.threads)

    def twice():
        return fg.mine(
            documents, turned, positives=rows[::-1], num_negatives=negatives, threads=options.threads
        )

    taken = []
    for _ in range(options.runs):
        (near, first), (others, second) = timed(once), timed(twice)
        assert np.array_equal(near.scores, others.scores)
        taken.append((first, second))
    best = np.min(taken, axis=0)
    print(
        f"{negatives} neighbours, equal scores: {best[0]:.2f} s comparing each two once, "
        f"{best[1]:.2f} s twice, {best[1] / best[0]:.2f}x"
    )


def mine_rows(side, options):
    """One side's rows of text, in this process: seconds, memory, and the negatives as row numbers."""
    from datasets import Dataset

    queries, documents = clustered(options.rows, options.dim)
    names = [f"{role}{row}" for role in "qd" for row in range(options.rows)]
    dataset = Dataset.from_dict({"anchor": names[: options.rows], "positive": names[options.rows :]})
    model = Lookup(queries, documents)
    common = {
        "num_negatives": options.negatives[0],
        "relative_margin": 0.05,
        "range_max": 10 * options.negatives[0] + 1,  # what the peer would take by itself
        "output_format": "triplet",
        "verbose": False,
    }
    if side == "ours":
        from foolsgold import mine_hard_negatives as work

        common["threads"] = options.threads
    else:
        import faiss  # noqa: F401
        from sentence_transformers.util import mine_hard_negatives as work

        common["use_faiss"] = True
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    held = resident("VmRSS")
    mined, seconds = timed(lambda: work(dataset, model, **common))
    memory = resident("VmHWM") - held
    np.save(options.output, np.array([int(text[1:]) for text in mined["negative"]], np.int32))
    print(json.dumps({"seconds": seconds, "memory": memory, "rows": len(mined)}))


def resident(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))


def bench_rows(negatives, options):
    """Both sides, each run a process of its own, in turn."""

    def run(side, output):
        command = [
            sys.executable,
            __file__,
            "--side",
            side,
            "--output",
            output,
            "--negatives",
            str(negatives),
        ]
        command += ["--rows", str(options.rows), "--dim", str(options.dim), "--threads", str(options.threads)]
        outcome = subprocess.run(command, capture_output=True, text=True, check=False)
        if outcome.returncode:
            sys.exit(f"{side}: {outcome.stderr[-2000:]}")
        return json.loads(outcome.stdout.splitlines()[-1])

    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / f"{side}.npy") for side in ("ours", "peer")]
        for number in range(options.runs):
            ours.append(run("ours", files[0]))
            theirs.append(run("peer", files[1]))
            mine, others = (np.load(file) for file in files)
            assert len(mine) == len(others)
            told = [
                f"{side['seconds']:.2f} s, {side['memory'] / 2**20:.0f} MiB"
                for side in (ours[-1], theirs[-1])
            ]
            same = np.mean(mine == others)
            print(f"run {number}: ours {told[0]}; peer {told[1]}; equal negatives {same:.4%}", flush=True)
    best = [min(run["seconds"] for run in side) for side in (ours, theirs)]
    memory = [min(run["memory"] for run in side) for side in (ours, theirs)]
    ratios = [peer["seconds"] / our["seconds"] for our, peer in zip(ours, theirs, strict=True)]
    print(
        f"{ours[0]['rows']} rows: {best[1] / best[0]:.1f}x the best beside the best, median "
        f"{np.median(ratios):.1f}x; memory {memory[0] / memory[1]:.2f} of the peer's"
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--negatives", type=int, nargs="+", default=[5, 100])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--tile", help="the variant of the kernel; the best by default")
    parser.add_argument("--ours", action="store_true", help="leave the peer out: the search alone")
    parser.add_argument("--same", action="store_true", help="queries that are the corpus")
    parser.add_argument("--side", choices=["ours", "peer"], help=argparse.SUPPRESS)
    parser.add_argument("--output", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    if options.side:
        mine_rows(options.side, options)
        return

    from foolsgold import _core

    queries, documents = clustered(options.rows, options.dim)
    tile = options.tile or _core.tiles()[-1]
    print(f"{options.rows} x {options.rows} x {options.dim}, {options.threads} threads, {tile}")
    for negatives in options.negatives:
        if options.same:
            bench_same(documents, negatives, options)
            continue
        bench_search(queries, documents, negatives, options)
        if not options.ours:
            bench_rows(negatives, options)


if __name__ == "__main__":
    main()
