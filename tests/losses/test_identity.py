from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from foolsgold.losses.identity import known_matches


@given(data=st.data())
def test_equals_loops(data):
    rows = data.draw(st.integers(1, 6))
    row_of_ids = st.lists(st.integers(0, 5), min_size=rows, max_size=rows)
    queries, positives = data.draw(row_of_ids), data.draw(row_of_ids)
    candidates = data.draw(st.lists(row_of_ids, min_size=1, max_size=3))
    first = data.draw(st.integers(0, rows - 1))
    matches = known_matches(
        torch.tensor(candidates), torch.tensor(queries), torch.tensor(positives), slice(first, rows)
    )
    for i in range(first, rows):
        for column, texts in enumerate(candidates):
            for k, text in enumerate(texts):
                related = queries[i] == queries[k] or positives[i] == positives[k]
                expected = text in (queries[i], positives[i]) or (column == 0 and related)
                assert matches[i - first, column * rows + k] == expected
    assert matches.shape == (rows - first, len(candidates) * rows)
