"""A million queries by a million documents, exactly, within a budget, killed twice and gone on with.

    python benches/python/bench_mining_million.py --rows 1000000 --dim 384 --negatives 100 --folder million

Data: unit float32 vectors in memory-mapped files, one centre for 50 rows, document = centre + 0.7 noise,
query = document + 0.6 noise, seed 0. The miner runs in its own process group, which is killed with SIGKILL
when a third and when two thirds of the table's parts are there; the third run ends it. What is printed: the
seconds of each run and what its process took of the processors, the greatest anonymous memory of the miner
(the inputs are mapped files and not part of it), the processor's int8 peak, measured before each run, and the
check of a random sample of queries against a float64 brute force. A folder in which a table is begun is gone
on with: `--kills 0` only ends it.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from bench_mining import peak

_ROWS_AT_ONCE = 50_000


def make(folder, rows, dim):
    """Write `queries.npy` and `documents.npy`, both (rows, dim); document i answers query i."""
    generator = np.random.default_rng(0)
    centres = generator.standard_normal((max(1, rows // 50), dim), dtype=np.float32)
    files = [folder / "queries.npy", folder / "documents.npy"]
    if all(np.load(file, mmap_mode="r").shape == (rows, dim) for file in files if file.exists()) and all(
        file.exists() for file in files
    ):
        return files
    queries, documents = (open_memmap(file, "w+", np.float32, (rows, dim)) for file in files)
    for first in range(0, rows, _ROWS_AT_ONCE):
        at = np.arange(first, min(rows, first + _ROWS_AT_ONCE))
        block = _unit(centres[at % len(centres)] + 0.7 * _noise(generator, len(at), dim))
        documents[at] = block
        queries[at] = _unit(block * np.sqrt(dim) + 0.6 * _noise(generator, len(at), dim))
    for matrix in (queries, documents):
        matrix.flush()
    return files


def _noise(generator, rows, dim):
    return generator.standard_normal((rows, dim), dtype=np.float32)


def _unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def mine(folder, options):
    """What the miner's process does."""
    import foolsgold as fg

    queries, documents = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("queries", "documents"))
    start = time.perf_counter()
    found = fg.mine(
        queries,
        documents,
        positives=np.arange(len(queries)),
        num_negatives=options.negatives,
        relative_margin=0.05,
        folder=folder / "table",
        max_memory=options.max_memory,
        threads=options.threads,
    )
    print(json.dumps({"seconds": time.perf_counter() - start, "report": found.report}), flush=True)


def watched(command, table, share):
    """Run `command` in its own process group; kill it once that share of the parts is there, None for never.

    Returns:
        Seconds, seconds of the processors, the peak of anonymous memory in bytes, and what it printed.
    """
    start, anonymous, worked = time.perf_counter(), 0, 0.0
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    while process.poll() is None:
        time.sleep(0.05)
        anonymous = max(anonymous, _anonymous(process.pid))
        worked = max(worked, _processor_seconds(process.pid))
        if share is not None and len(list(table.glob("part-*.parquet"))) >= share * num_parts(table):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return time.perf_counter() - start, worked, anonymous, None
    if process.returncode != 0:
        raise SystemExit(f"the miner ended with {process.returncode}")
    return time.perf_counter() - start, worked, anonymous, process.stdout.read()


def _anonymous(pid):
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(lines.get("RssAnon", "0 kB").split()[0]) << 10


def _processor_seconds(pid):
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def check(folder, options):
    """A sample of queries equals float64 brute force, ids and scores."""
    from foolsgold.mining import Candidates

    queries, documents = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("queries", "documents"))
    found = Candidates.load(folder / "table")
    sample = np.sort(np.random.default_rng(1).choice(len(queries), options.sample, replace=False))
    wide = queries[sample].astype(np.float64)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    scores = np.empty((len(sample), len(documents)), np.float32)
    for first in range(0, len(documents), _ROWS_AT_ONCE):
        block = documents[first : first + _ROWS_AT_ONCE].astype(np.float64)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
        scores[:, first : first + len(block)] = wide @ block.T
    swapped = 0
    for row, query in enumerate(sample):
        positive = scores[row, query]
        allowed = scores[row] <= np.float64(positive) - np.abs(np.float64(positive)) * 0.05
        allowed[query] = False
        mine, expected = found.ids[query], _best(np.where(allowed, scores[row], -np.inf), options.negatives)
        # numpy adds in another order: a float32 score may differ in its last bit, and two such may swap.
        assert np.abs(scores[row, mine] - scores[row, expected]).max() < 1e-7, query
        assert np.abs(found.scores[query] - scores[row, mine]).max() < 1e-7, query
        swapped += int((mine != expected).sum())
    print(
        f"{len(sample)} random queries equal float64 brute force; {swapped} of {mine.size * len(sample)}"
        " places hold another document of an equal score (to 1e-7)"
    )


def _best(scores, count):
    near = np.argpartition(-scores, count)[: count + 50]
    return near[np.lexsort((near, -scores[near]))][:count]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--negatives", type=int, default=100)
    parser.add_argument("--sample", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--max-memory", type=int, default=2 << 30, help="bytes over the inputs")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--miner", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.miner:
        mine(options.folder, options)
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    make(options.folder, options.rows, options.dim)
    from foolsgold import _core

    table = options.folder / "table"
    print(f"{options.rows} x {options.rows} x {options.dim}, {options.threads} threads, {_core.tiles()[-1]}")
    if table.exists():
        print(f"{len(list(table.glob('part-*.parquet')))} of {num_parts(table)} parts are there already")
    total = 0.0
    command = [sys.executable, __file__, "--miner", *sys.argv[1:]]
    for run in range(options.kills + 1):
        rate = peak(options.threads)
        share = (run + 1) / (options.kills + 1)
        is_last = run == options.kills
        seconds, worked, anonymous, said = watched(command, table, None if is_last else share)
        total += seconds
        ending = "ended" if is_last else f"killed at {share:.0%} of the parts"
        print(
            f"run {run}: {seconds:.0f} s, {worked:.0f} s of the processors, {ending}, "
            f"anonymous memory at most {anonymous / 2**30:.2f} GiB, peak {rate / 1e9:.0f} Gop/s",
            flush=True,
        )
    print(f"these runs: {total:.0f} s; {said.strip()}", flush=True)
    check(options.folder, options)


def num_parts(table):
    """How many parts the table is to have; infinite where it is not begun."""
    manifest = table / "manifest.json"
    if not manifest.exists():
        return float("inf")
    told = json.loads(manifest.read_text())
    return -(-told["queries"] // told["part_rows"])


if __name__ == "__main__":
    main()
