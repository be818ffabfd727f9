"""Conversions beside the usual ways: the answers first, then the times of both.

    python benches/python/bench_conversion.py --rows 1000000

Triplets into labelled lists and back: beside pandas (`groupby`, `explode`) and plain dictionaries. Pairs into
triplets with one negative at random: beside `datasets.map` with `random.choice` and a set of known positives,
over fewer rows.
"""

import argparse
import random
import time

import numpy as np
import pyarrow as pa
from datasets import Dataset, disable_progress_bars

from foolsgold.data import reshape


def timed(work):
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def triplets_of(num_rows, negatives=5):
    rows = np.arange(num_rows)
    group = rows // negatives
    return pa.table(
        {
            "anchor": [f"what is the thing with the number {at}?" for at in group],
            "positive": [f"the thing with the number {at} is a thing of that number" for at in group],
            "negative": [f"a thing that has another number, {at % (num_rows // 2)}" for at in rows],
        }
    )


def with_pandas(table):
    frame = table.to_pandas()
    found = frame.groupby(["anchor", "positive"], sort=False)["negative"].agg(list).reset_index()
    documents = [
        [positive, *negatives] for positive, negatives in zip(found.positive, found.negative, strict=True)
    ]
    lists = pa.table(
        {
            "anchor": found.anchor,
            "positive": documents,
            "labels": [[1] + [0] * (len(d) - 1) for d in documents],
        }
    )
    frame = lists.to_pandas()
    frame["first"] = frame.positive.str[0]
    frame["negative"] = frame.positive.str[1:]
    back = frame.explode("negative")
    return lists, pa.table({"anchor": back.anchor, "positive": back["first"], "negative": back.negative})


def with_dictionaries(table):
    groups = {}
    for row in table.to_pylist():
        groups.setdefault((row["anchor"], row["positive"]), []).append(row["negative"])
    lists = [{"anchor": a, "positive": [p, *n], "labels": [1] + [0] * len(n)} for (a, p), n in groups.items()]
    lists = pa.Table.from_pylist(lists)
    rows = [
        {"anchor": row["anchor"], "positive": row["positive"][0], "negative": negative}
        for row in lists.to_pylist()
        for negative in row["positive"][1:]
    ]
    return lists, pa.Table.from_pylist(rows)


def lists_and_back(num_rows):
    table = triplets_of(num_rows)

    def ours():
        lists, _ = reshape(table, to="labeled-list")
        return lists, reshape(lists, to="triplet")[0]

    (lists, back), seconds = timed(ours)
    assert back.to_pydict() == table.to_pydict()
    print(f"{num_rows:,} triplets -> {lists.num_rows:,} lists -> back: {seconds:.2f} s")
    for name, way in [("pandas", with_pandas), ("dictionaries", with_dictionaries)]:
        (theirs, again), their_seconds = timed(lambda way=way: way(table))
        assert theirs.column("positive").to_pylist() == lists.column("positive").to_pylist()
        assert again.to_pydict() == table.to_pydict()
        print(f"  {name}: {their_seconds:.2f} s, {their_seconds / seconds:.1f} times ours")


def random_negatives(num_rows, num_theirs):
    table = triplets_of(num_rows, negatives=1).select(["anchor", "positive"])
    (found, _), seconds = timed(lambda: reshape(table, to="triplet"))
    assert found.num_rows == num_rows
    assert found.select(["anchor", "positive"]).to_pydict() == table.to_pydict()
    assert not any(
        map(str.__eq__, found.column("positive").to_pylist(), found.column("negative").to_pylist())
    )
    print(f"{num_rows:,} pairs -> triplets with a random negative: {seconds:.2f} s")
    data = Dataset(table.slice(0, num_theirs))

    def theirs():
        known = {}
        for anchor, positive in zip(data["anchor"], data["positive"], strict=True):
            known.setdefault(anchor, set()).add(positive)
        documents = list(data["positive"])

        def draw(row):
            while (negative := random.choice(documents)) in known[row["anchor"]]:
                pass
            return {"negative": negative}

        return data.map(draw)

    _, their_seconds = timed(theirs)
    ratio = (their_seconds / num_theirs) / (seconds / num_rows)
    print(f"  datasets.map, {num_theirs:,} rows: {their_seconds:.2f} s, {ratio:.1f} times ours a row")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--their-rows", type=int, default=100_000)
    options = parser.parse_args()
    disable_progress_bars()
    lists_and_back(options.rows)
    random_negatives(options.rows, options.their_rows)
