"""How long `check` takes, and what it takes in memory beside the data.

Pairs are made of the texts of a set of pairs, so that lengths and letters are real ones:

    python benches/python/bench_check.py wordnet_definitions/train.jsonl.gz --rows 1000000
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from foolsgold import _core
from foolsgold.data import check, read
from foolsgold.data.writing import write


def pairs_of(path: Path, rows: int) -> pa.Table:
    """Pairs whose positives are two texts in a row, a hundredth of them with a fault."""
    table = read(path)
    names = [name for name, kind in table.kinds if kind == "text"][:2]
    anchors, positives = (pa.chunked_array(table.column(name)).to_pylist() for name in names)
    draw = np.random.default_rng(0)
    left, right, other = draw.integers(0, len(anchors), (3, rows)).tolist()
    found = {
        "anchor": [f"{anchors[row]}, {anchors[two]}" for row, two in zip(left, other, strict=True)],
        "positive": [f"{positives[row]}; {positives[two]}" for row, two in zip(left, right, strict=True)],
    }
    for row in draw.integers(1, rows, rows // 100).tolist():
        found["anchor"][row] = found["anchor"][row - 1].upper()
    for row in draw.integers(1, rows, rows // 100).tolist():
        found["positive"][row] = " "
    return pa.table(found)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def timed(name: str, path: Path, **words: object) -> None:
    wall, used = time.perf_counter(), time.process_time()
    report = check(path, **words)
    told = {finding.rule: finding.count for finding in report.findings}
    wall, used = time.perf_counter() - wall, time.process_time() - used
    spent = f"{wall:7.2f} s, {used:7.2f} s of CPU, peak {peak() / 2**20:,.0f} MiB"
    print(f"{name:40} {spent}, {told}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the pairs are kept; else made anew")
    parser.add_argument("--stage", choices=("make", "check", "test", "within"), default=None)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp())
    file, test = folder / "pairs.jsonl", folder / "test.parquet"
    if options.stage in (None, "make") or not file.exists():
        table = pairs_of(options.pairs, options.rows)
        file.write_text(
            "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table.to_pylist()), encoding="utf-8"
        )
        write(test, table.slice(0, options.rows // 50).to_batches(), table.schema)
        write(folder / "pairs.parquet", table.to_batches(), table.schema)
    print(f"{_core.build_profile}, {options.rows:,} rows, {file.stat().st_size / 1e6:.0f} MB of JSON Lines")
    if options.stage in (None, "check"):
        timed("JSON Lines", file)
        timed("Parquet", folder / "pairs.parquet")
    if options.stage in (None, "test"):
        timed("with test data, no near-duplicates", file, test=test, near_duplicates=None)
        timed("with test data, near-duplicates too", file, test=test)
    if options.stage in (None, "within"):
        timed("near-duplicates within", file, within=True)


if __name__ == "__main__":
    main()
