from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from foolsgold.data.known_positives import KnownPositives


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40), st.data())
def test_equals_a_dict_of_sets(pairs, data):
    queries, positives = np.array(pairs, dtype=np.uint32).T
    answers: dict[int, set[int]] = {}
    for query, positive in pairs:
        answers.setdefault(query, set()).add(positive)
    known = KnownPositives(queries, positives)
    assert known.most == max(map(len, answers.values()))
    asked = data.draw(st.lists(st.sampled_from(queries.tolist()), max_size=5))
    found = known.of(np.array(asked, dtype=np.uint32))
    assert found.shape == (len(asked), max((len(answers[query]) for query in asked), default=0))
    for row, query in zip(found.tolist(), asked, strict=True):
        assert row[: len(answers[query])] == sorted(answers[query])
        assert set(row[len(answers[query]) :]) <= {-1}


def test_ids_take_all_of_32_bits():
    top = 2**20
    known = KnownPositives(np.array([top], dtype=np.uint32), np.array([2**32 - 1], dtype=np.uint32))
    assert known.of(np.array([top])).tolist() == [[2**32 - 1]]
