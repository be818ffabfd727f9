"""What the tests of samplers by label share."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import strategies as st


def rows_of(counts, seed=0):
    """A label column, shuffled, in which label number `c` comes `counts[c]` times."""
    labels = [f"label {number}" for number, count in enumerate(counts) for _ in range(count)]
    random.Random(seed).shuffle(labels)
    return {"text": [f"text {row}" for row in range(len(labels))], "label": labels}


counts = st.lists(
    st.one_of(st.integers(0, 4), st.integers(0, 40), st.integers(0, 150)), min_size=1, max_size=8
)


def check(sampler, labels, batches):
    """Assert what holds for every plan; return a count of labels for each batch."""
    assert len(batches) == len(sampler)
    assert all(len(set(batch)) == len(batch) for batch in batches)
    uses = Counter(row for batch in batches for row in batch)
    report = sampler.report
    assert (report.used, report.left_out) == (len(uses), len(labels) - len(uses))
    assert report.repeated == uses.total() - len(uses)
    assert sum(report.why.values()) == report.left_out
    for label, count in Counter(labels).items():
        own = [uses[row] for row in range(len(labels)) if labels[row] == label]
        of_label = report.by_label[label]
        assert of_label.used == sum(use > 0 for use in own)
        assert of_label.repeated == sum(own) - of_label.used
        assert of_label.used + of_label.left_out == count
    assert len(report.by_label) == len(set(labels))
    return [Counter(labels[row] for row in batch) for batch in batches]
