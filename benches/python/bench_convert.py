"""JSON Lines to Parquet and back, beside `datasets` and polars: time, memory, share of disk and zstd.

Each side runs in a process of its own, on the same file, after the file's pages were read once. Run:

    python benches/python/bench_convert.py --data FOLDER [--bytes 1e9] [--work FOLDER]
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIDES = {
    "foolsgold": """
from foolsgold.data import stream, write
write(target, stream(source))
""",
    "datasets": """
import datasets
datasets.disable_progress_bars()
kind = "json" if source.endswith(".jsonl") else "parquet"
data = datasets.load_dataset(kind, data_files=source, split="train", cache_dir=cache)
data.to_json(target, force_ascii=False) if target.endswith(".jsonl") else data.to_parquet(target)
""",
    "polars": """
import polars
lazy = polars.scan_ndjson(source) if source.endswith(".jsonl") else polars.scan_parquet(source)
if target.endswith(".jsonl"):
    lazy.sink_ndjson(target)
else:
    lazy.sink_parquet(target, compression="zstd", compression_level=1)
""",
}
CHILD = """
import os, resource, sys, time
source, target, cache = sys.argv[1:]
before = time.perf_counter()
{body}
took = time.perf_counter() - before
used = resource.getrusage(resource.RUSAGE_SELF)
print(took, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)
"""


def texts_of(folder):
    """Yield the rows of a data set's JSON Lines."""
    for path in sorted(Path(folder).rglob("*.jsonl*")):
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)


def make(folder, path, size):
    """Write `size` bytes of JSON Lines out of real texts, each time with a change."""
    rows = list(texts_of(folder))
    assert rows, f"no rows in {folder}"
    turn = written = 0
    with path.open("w", encoding="utf-8") as file:
        while written < size:
            for number, row in enumerate(rows):
                changed = {
                    name: f"{value} ({turn})" if isinstance(value, str) else value
                    for name, value in row.items()
                }
                changed |= {"number": turn * len(rows) + number, "score": number / len(rows)}
                written += file.write(json.dumps(changed, ensure_ascii=False) + "\n")
                if written >= size:
                    break
            turn += 1


def run(side, source, target, cache):
    """Return seconds, seconds of the processors and bytes of memory of a side."""
    command = [sys.executable, "-c", CHILD.format(body=SIDES[side]), source, target, cache]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    return [float(number) for number in done.stdout.split()]


def disk_speed(folder, size):
    """Return bytes a second that are written to the disk for good, and read from memory."""
    path, block = folder / "probe", os.urandom(1 << 24)
    before = time.perf_counter()
    with path.open("wb") as file:
        for _ in range(max(1, int(size) >> 24)):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    wrote = path.stat().st_size / (time.perf_counter() - before)
    before = time.perf_counter()
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 24):
            pass
    read = path.stat().st_size / (time.perf_counter() - before)
    path.unlink()
    return wrote, read


def zstd_speed(path):
    """Return bytes a second that zstd alone packs on one thread, at the level of our Parquet."""
    import pyarrow as pa

    with path.open("rb") as file:
        sample = file.read(1 << 26)
    codec = pa.Codec("zstd", compression_level=1)
    before = time.perf_counter()
    for start in range(0, len(sample), 1 << 20):
        codec.compress(sample[start : start + (1 << 20)])
    return len(sample) / (time.perf_counter() - before)


def digest(path):
    """Return rows and a checksum of the values, whatever the format."""
    import hashlib

    import pyarrow as pa

    from foolsgold.data import stream

    opened, rows, found = stream(path), 0, hashlib.blake2b()
    names = sorted(name for name, _ in opened.kinds)
    for batch in opened:
        table = pa.table(pa.record_batch(batch)).select(names)
        # The same rows however they come in batches: the first ones, and some all through.
        numbers = range(rows, rows + table.num_rows)
        chosen = [number - rows for number in numbers if number < 100_000 or number % 1009 == 0]
        for row in table.take(pa.array(chosen, pa.int64())).to_pylist():
            found.update(json.dumps(row, ensure_ascii=False, sort_keys=True).encode())
        rows += table.num_rows
    return rows, found.hexdigest()[:16]


def main():
    """Print a table of both ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="a folder with JSON Lines of real texts")
    parser.add_argument("--bytes", type=float, default=1e9)
    parser.add_argument("--work", type=Path, default=None)
    parser.add_argument("--sides", nargs="+", default=list(SIDES))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        folder = Path(name)
        source = folder / "source.jsonl"
        make(options.data, source, options.bytes)
        size = source.stat().st_size
        wrote, read = disk_speed(folder, min(size, 1 << 30))
        zstd = zstd_speed(source)
        print(f"{size / 1e6:.0f} MB of JSON Lines; processors: {os.cpu_count()}")
        print(f"disk: writes {wrote / 1e6:.0f} MB/s, reads {read / 1e6:.0f} MB/s")
        print(f"zstd 1: {zstd / 1e6:.0f} MB/s a core")
        wanted = digest(source)
        for way in ("to Parquet", "back"):
            for side in options.sides:
                start = source if way == "to Parquet" else folder / f"{side}.parquet"
                end = folder / (f"{side}.parquet" if way == "to Parquet" else f"{side}.jsonl")
                found = run(side, start, end, folder / f"cache-{side}-{way[:2]}")
                if isinstance(found, str):
                    print(f"{way:10} {side:10} {found}")
                    continue
                took, cpu, memory = found
                is_equal = digest(end)[0] == wanted[0] if side != "foolsgold" else digest(end) == wanted
                written = end.stat().st_size
                print(
                    f"{way:10} {side:10} {took:7.2f} s  cpu {cpu:7.2f} s  {memory / 1e6:6.0f} MB"
                    f"  {size / took / 1e6:6.0f} MB/s of JSON ({size / took / zstd:.2f} of zstd's core)"
                    f"  {written / 1e6:6.0f} MB written ({written / took / wrote:.2f} of the disk)"
                    f"  rows {'equal' if is_equal else 'DIFFER'}"
                )
    print(f"the bench itself: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")


if __name__ == "__main__":
    main()
