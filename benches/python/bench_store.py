"""Rows on disk: building, random access and memory, beside the Arrow cache of `datasets`.

    python benches/python/bench_store.py DATA --work FOLDER                    # about 1 GB of text
    python benches/python/bench_store.py DATA --work FOLDER --megabytes 200

DATA has `arxiv_title_abstract/train.parquet`: titles and abstracts, which are written again and again to one
Parquet file, each time with another ending; every third time the titles are as they were. Both sides build
from that file. Each part runs in a process of its own and tells its anonymous memory (RssAnon, its own alone)
beyond what it had with everything imported; mapped pages belong to the page cache.

"build": text a second. "access": batches of 128 random rows of a `DataLoader`, without and with workers.
"plan": no text twice in a batch over 10M rows of ids, texts taken by id, memory after a tenth and at the end.
Rows of both sides are compared before a time is told.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

BATCH = 128


def anonymous(process="self"):
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon"))


class Peak:
    """The most anonymous memory of this process while a block runs, beyond what it had."""

    def __enter__(self):
        self.before = self.most = anonymous()
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while not self.is_over.wait(0.01):
            self.most = max(self.most, anonymous())

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()
        self.most = max(self.most, anonymous())

    @property
    def mib(self):
        return round((self.most - self.before) / 2**20)


def write_source(data, path, megabytes):
    table = pq.read_table(data / "arxiv_title_abstract" / "train.parquet", columns=["anchor", "positive"])
    table = table.combine_chunks()
    size = sum(pc.sum(pc.binary_length(column)).as_py() for column in table.columns)
    with pq.ParquetWriter(path, table.schema, compression="zstd") as file:
        for copy in range(max(1, round(megabytes * 1e6 / size))):
            ending = f" ({copy})"
            columns = {
                name: pc.binary_join_element_wise(table[name], ending, "") for name in table.column_names
            }
            if copy % 3 == 2:
                columns["anchor"] = table["anchor"]
            file.write_table(pa.table(columns).cast(table.schema), row_group_size=10_000)


def text_bytes(path):
    file = pq.ParquetFile(path)
    batches = file.iter_batches(10_000)
    return sum(pc.sum(pc.binary_length(column)).as_py() for batch in batches for column in batch.columns)


def opened(side, work):
    if side == "ours":
        from foolsgold.data import StoredRows

        return StoredRows.open(work / "ours")
    from datasets import Dataset

    return Dataset.load_from_disk(str(work / "saved"))


def build_ours(work):
    from foolsgold.data import StoredRows

    batches = pq.ParquetFile(work / "source.parquet").iter_batches(10_000)
    shutil.rmtree(work / "ours", ignore_errors=True)
    next(pq.ParquetFile(work / "source.parquet").iter_batches(10))
    os.sync()
    with Peak() as peak:
        start = time.perf_counter()
        rows = StoredRows.build(work / "ours", batches)
        seconds = time.perf_counter() - start
    size = rows.texts.num_bytes
    return {
        "seconds": seconds,
        "anonymous_mib": peak.mib,
        "rows": len(rows),
        "texts": len(rows.texts),
        "kept": size,
    }


def build_datasets(work):
    import datasets

    datasets.disable_progress_bars()
    shutil.rmtree(work / "cache", ignore_errors=True)
    next(pq.ParquetFile(work / "source.parquet").iter_batches(10))
    os.sync()
    with Peak() as peak:
        start = time.perf_counter()
        dataset = datasets.Dataset.from_parquet(str(work / "source.parquet"), cache_dir=str(work / "cache"))
        os.sync()  # ours waits for the disk too
        seconds = time.perf_counter() - start
    shutil.rmtree(work / "saved", ignore_errors=True)
    dataset.save_to_disk(str(work / "saved"), num_shards=1)
    return {"seconds": seconds, "anonymous_mib": peak.mib, "rows": len(dataset)}


def compare(work):
    ours, theirs = opened("ours", work), opened("datasets", work)
    rows = np.random.default_rng(0).integers(0, len(ours), 2000).tolist()
    assert ours[rows] == theirs[rows]
    assert len(ours) == len(theirs)
    return {"equal_rows": len(rows)}


def collate(rows):
    return len(rows), sum(len(row["positive"]) for row in rows), anonymous(), os.getpid()


def access(side, workers, work):
    from torch.utils.data import DataLoader

    from foolsgold.sampling import RandomBatchSampler

    rows = opened(side, work)
    sampler = RandomBatchSampler(range(len(rows)), BATCH, True, seed=1)
    loader = DataLoader(rows, batch_sampler=sampler, collate_fn=collate, num_workers=workers)
    before = anonymous()
    found = iter(loader)
    first = {}
    read = letters = 0
    after = {}
    for number in range(2 + len(sampler)):
        if number == 2:  # workers are there
            start = time.perf_counter()
            read = 0
        batch = next(found, None)
        if batch is None or (number > 2 and time.perf_counter() - start > 20):
            break
        count, length, memory, process = batch
        first.setdefault(process, memory)
        after[process] = memory
        read, letters = read + count, letters + length
    seconds = time.perf_counter() - start
    grown = max(after[process] - first[process] for process in after)
    return {
        "rows_a_second": round(read / seconds),
        "rows": read,
        "anonymous_mib": round((max(after.values()) - (0 if workers else before)) / 2**20),
        "grown_mib": round(grown / 2**20, 1),
    }


def plan(rows, work):
    from foolsgold.data import TextStore
    from foolsgold.sampling import NoDuplicatesBatchSampler

    store = TextStore.open(work / "ours" / "texts")
    rng = np.random.default_rng(0)
    with Peak() as peak:
        ids = {name: rng.integers(0, len(store), rows, dtype=np.uint32) for name in ("anchor", "positive")}
        start = time.perf_counter()
        sampler = NoDuplicatesBatchSampler(ids, BATCH, True, known_positives=False)
        batches = iter(sampler)
        first = next(batches)
        planned = time.perf_counter() - start
        del first
        wanted = 10_000
        start, letters, tenth = time.perf_counter(), 0, 0
        for number, batch in zip(range(wanted), batches, strict=False):
            letters += sum(len(text) for name in ids for text in store.take(ids[name][batch]))
            if number == wanted // 10:
                tenth = anonymous()
        seconds = time.perf_counter() - start
        end = anonymous()
    return {
        "rows": rows,
        "planned_seconds": round(planned, 2),
        "texts_a_second": round(2 * BATCH * wanted / seconds),
        "mb_a_second": round(letters / 1e6 / seconds),
        "peak_mib": peak.mib,
        "grown_mib_after_a_tenth": round((end - tenth) / 2**20, 1),
    }


def in_process(part, arguments):
    command = [sys.executable, __file__, str(arguments.data), "--work", str(arguments.work), "--part", part]
    command += ["--rows", str(arguments.rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--part")
    arguments = parser.parse_args()
    work = arguments.work
    if arguments.part:
        name, *more = arguments.part.split(":")
        parts = {"build_ours": build_ours, "build_datasets": build_datasets, "compare": compare}
        if name == "access":
            print(json.dumps(access(more[0], int(more[1]), work)))
        elif name == "plan":
            print(json.dumps(plan(arguments.rows, work)))
        else:
            print(json.dumps(parts[name](work)))
        return
    work.mkdir(parents=True, exist_ok=True)
    write_source(arguments.data, work / "source.parquet", arguments.megabytes)
    size = text_bytes(work / "source.parquet")
    print(
        f"{size / 1e6:.0f} MB of text in {(work / 'source.parquet').stat().st_size / 1e6:.0f} MB of Parquet"
    )
    for _ in range(arguments.repeats):
        for side in ("ours", "datasets"):
            found = in_process(f"build_{side}", arguments)
            print(f"build {side}: {size / 1e6 / found['seconds']:.0f} MB/s", found, flush=True)
    print("compare:", in_process("compare", arguments), flush=True)
    for workers in (0, 2):
        for _ in range(arguments.repeats):
            for side in ("ours", "datasets"):
                found = in_process(f"access:{side}:{workers}", arguments)
                print(f"access {side}, {workers} workers:", found, flush=True)
    print("plan:", in_process("plan", arguments), flush=True)


if __name__ == "__main__":
    main()
