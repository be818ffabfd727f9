"""A search that is killed again and again ends with the bytes of one that was left alone."""

import os

import numpy as np
import pytest
from tests.mining.killing import content, kill_often, run

import foolsgold as fg

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")

# Many small parts: most of the time goes to making, syncing and renaming files.
SEARCH = """
import sys
import numpy as np
import foolsgold as fg
from foolsgold.mining import parts
parts.part_rows = lambda depth, documents: 10
rng = np.random.default_rng(0)
queries, corpus = rng.standard_normal((2, 1000, 8), dtype=np.float32)
options = {"num_negatives": 5, "relative_margin": 0.05, "threads": 1}
fg.mine(queries, corpus, positives=np.arange(1000), folder=sys.argv[1], **options)
"""

# Few large parts: most of the time goes to writing.
WRITE = """
import sys
import numpy as np
from foolsgold.mining.parts import search_in_parts

def search(start, stop, show):
    numbers = np.random.default_rng(start).integers(0, 1 << 32, 50 * (stop - start), dtype=np.uint32)
    offsets = np.arange(0, len(numbers) + 1, 50, dtype=np.uint64)
    return [("document", offsets, numbers), ("score", offsets, numbers.astype(np.float32))]

search_in_parts(sys.argv[1], search, num_queries=100_000, part_rows=20_000, key={"seed": 0})
"""


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
@pytest.mark.parametrize("code", [SEARCH, WRITE], ids=["many parts", "large parts"])
def test_killed_at_any_moment_the_bytes_are_the_same(tmp_path, code, kills):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    killed.mkdir()
    run(code, whole)
    expected = content(whole)
    kill_often(code, killed, whole=sum(map(len, expected.values())), kills=kills, seed=kills)
    run(code, killed)
    assert content(killed) == expected


def test_the_answer_of_the_killed_is_the_answer(tmp_path):
    run(SEARCH, tmp_path)
    rng = np.random.default_rng(0)
    queries, corpus = rng.standard_normal((2, 1000, 8), dtype=np.float32)
    found = fg.mine(queries, corpus, positives=np.arange(1000), num_negatives=5, relative_margin=0.05)
    assert fg.Candidates.load(tmp_path).ids.tolist() == found.ids.tolist()
    assert fg.mining.CandidateStore(tmp_path).num_parts == 100
