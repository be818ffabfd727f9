"""Reading a plan: the same lists for any start and step, however its batches are cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.sampling import Plan, Report
from foolsgold.sampling import plan as module

REPORT = Report(used=0, repeated=0, left_out=0, why={})


def plan_of(sizes):
    offsets = np.cumsum([0, *sizes]).astype(np.uint64)
    rows = np.random.default_rng(0).permutation(int(offsets[-1])).astype(np.uint32)
    return Plan(rows=rows, offsets=offsets, fingerprint=0, report=REPORT)


sizes = st.one_of(
    st.lists(st.integers(1, 9), max_size=60),
    st.builds(lambda size, count, last: [size] * count + last, st.integers(1, 9), st.integers(0, 60),
              st.lists(st.integers(1, 9), max_size=4)),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(sizes, st.integers(1, 5), st.integers(0, 70), st.sampled_from([1, 7, 64, 1 << 13]))
def test_batches_are_those_read_one_by_one(sizes, step, start, at_once):
    plan = plan_of(sizes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_ROWS_AT_ONCE", at_once)
        found = list(plan.batches(start, step))
    assert found == [plan.batch(number).tolist() for number in range(start, len(plan), step)]
    assert all(type(batch) is list and all(type(row) is int for row in batch) for batch in found)


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("sizes", [[4] * 300_000, [3, 5] * 150_000])
def test_the_first_batch_takes_a_small_part_of_the_rows(sizes, step):
    class Counted(np.ndarray):
        read = 0

        def __getitem__(self, key):
            found = super().__getitem__(key)
            Counted.read = max(Counted.read, np.size(found))
            return found

    plan = plan_of(sizes)
    counted = Plan(rows=plan.rows.view(Counted), offsets=plan.offsets, fingerprint=0, report=REPORT)
    assert next(counted.batches(290_000, step)) == plan.batch(290_000).tolist()
    assert 0 < Counted.read <= 8192 * step
