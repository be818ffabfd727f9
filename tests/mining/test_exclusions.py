"""The forms in which users say what is never a negative."""

import numpy as np
import pytest

from foolsgold.mining.exclusions import as_exclusions


def test_rules_come_in_order_with_their_lists():
    rules = as_exclusions(
        2,
        4,
        positives=np.array([[0, -1], [2, 3]]),
        exclude=[[], [1]],
        classes={"page": (np.array([7, 7, 8, 9]), [7, 9]), "label": ([0, 0, 1, 1], [[], [0, 1]])},
    )
    assert [rule[0] for rule in rules] == ["positive", "excluded", "page", "label"]
    assert [rule[2].tolist() for rule in rules] == [[0, 1, 3], [0, 0, 1], [0, 1, 2], [0, 0, 2]]
    assert [rule[3].tolist() for rule in rules] == [[0, 2, 3], [1], [7, 9], [0, 1]]
    assert [None if rule[1] is None else rule[1].tolist() for rule in rules] == [
        None,
        None,
        [7, 7, 8, 9],
        [0, 0, 1, 1],
    ]
    assert all(rule[1] is None or rule[1].dtype == np.uint32 for rule in rules)
    assert as_exclusions(2, 4) == []


def test_bad_arguments_are_refused_by_name():
    cases = [
        ({"positives": [0]}, "`positives` must have one entry a query, 2, got 1"),
        ({"exclude": [[4], []]}, "`exclude` must hold rows of the corpus, below 3, got 4"),
        (
            {"classes": {"page": ([1, 2], [1, 1])}},
            "`classes['page']` must have one class a document, 3, got (2,)",
        ),
        (
            {"classes": {"page": ([1, -1, 2], [1, 1])}},
            "`classes['page']` must hold classes of at least 0, got -1",
        ),
        ({"classes": {"page": ([1, 1, 2], [1])}}, "`classes['page']` must have one entry a query, 2, got 1"),
        (
            {"positives": [0, 1], "classes": {"positive": ([1, 1, 2], [1, 1])}},
            "`classes` must not be named like another rule, got ['positive', 'positive']",
        ),
    ]
    for given, said in cases:
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            as_exclusions(2, 3, **given)
        assert str(caught.value) == said
