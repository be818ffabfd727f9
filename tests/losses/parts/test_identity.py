from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from foolsgold.losses import BatchInfo
from foolsgold.losses.parts.gather import RankRows
from foolsgold.losses.parts.identity import Identity, gathered_identity


@given(data=st.data())
def test_equals_loops(data):
    rows = data.draw(st.integers(1, 6))
    ids_of_rows = st.lists(st.integers(0, 5), min_size=rows, max_size=rows)
    queries = data.draw(ids_of_rows)
    documents = data.draw(st.lists(ids_of_rows, min_size=1, max_size=3))
    classes = data.draw(st.none() | ids_of_rows)
    known = data.draw(
        st.none()
        | st.integers(0, 10).flatmap(
            lambda width: st.lists(
                st.lists(st.integers(-1, 5), min_size=width, max_size=width), min_size=rows, max_size=rows
            )
        )
    )
    paired = data.draw(st.none() | st.lists(st.booleans(), min_size=rows, max_size=rows))
    first = data.draw(st.integers(0, rows - 1))
    identity = Identity(
        query_ids=torch.tensor(queries),
        document_ids=torch.tensor(documents),
        known_positive_ids=None if known is None else torch.tensor(known),
        classes=None if classes is None else torch.tensor(classes),
        is_positive=None if paired is None else torch.tensor(paired),
    )
    lists = {"query": [queries], "positive": documents[:1], "doc": documents}
    for candidates, columns in lists.items():
        matches = identity.matches(candidates, slice(first, rows))
        assert matches.shape == (rows - first, len(columns) * rows)
        for i in range(first, rows):
            answers = {queries[i], documents[0][i], *([] if known is None else known[i])}
            for column, texts in enumerate(columns):
                for k, text in enumerate(texts):
                    related = (
                        queries[i] == queries[k]
                        or documents[0][i] == documents[0][k]
                        or (known is not None and documents[0][k] in known[i])
                    ) and (paired is None or paired[k])
                    related = related or (classes is not None and classes[i] == classes[k])
                    expected = text in answers or (column == 0 and related)
                    assert matches[i - first, column * rows + k] == expected


def test_classes_alone_tell_of_rows():
    matches = Identity(classes=torch.tensor([0, 1, 0])).matches("query", slice(0, 2))
    assert matches.tolist() == [[True, False, True], [False, True, False]]


def test_nothing_known_is_none():
    ranks = RankRows(3, torch.device("cpu"), gather=True)
    assert Identity().matches("doc", slice(0, 3)) is None
    assert gathered_identity(BatchInfo(), None, ranks) is None
    assert gathered_identity(None, None, ranks) is None
    partly = BatchInfo(text_ids=(torch.arange(3), None))
    assert gathered_identity(partly, None, ranks) is None


def test_what_a_batch_brings_is_known():
    ids = torch.arange(6).view(2, 3)
    batch = BatchInfo(text_ids=(ids[0], ids[1]), known_positive_ids=torch.tensor([[3], [5], [-1]]))
    ranks = RankRows(3, torch.device("cpu"), gather=True)
    identity = gathered_identity(batch, torch.tensor([1, 2, 2]), ranks)
    assert identity.query_ids.tolist() == [0, 1, 2]
    assert identity.document_ids.tolist() == [[3, 4, 5]]
    assert identity.matches("doc", slice(1, 2)).tolist() == [[False, True, True]]
