import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from foolsgold.job.split import held_out_rows, linked_rows

rows = st.lists(st.tuples(st.integers(0, 12), st.integers(13, 25)), min_size=2, max_size=60)


def columns(pairs):
    return tuple(np.array(column, dtype=np.uint32) for column in zip(*pairs, strict=True))


def naive_links(pairs):
    groups = [{row} for row in range(len(pairs))]
    for left in range(len(pairs)):
        for right in range(left):
            if set(pairs[left]) & set(pairs[right]):
                merged = groups[left] | groups[right]
                for row in merged:
                    groups[row] = merged
    return groups


@given(rows)
def test_linked_rows_are_connected_components(pairs):
    found = linked_rows(*columns(pairs))
    for row, group in enumerate(naive_links(pairs)):
        assert set(np.flatnonzero(found == found[row])) == group


@given(rows, st.floats(0.05, 0.9), st.integers(0, 3))
def test_what_is_held_out_is_not_trained_on(pairs, share, seed):
    anchors, positives = columns(pairs)
    chosen, is_disjoint = held_out_rows(anchors, positives, share=share, most=40, seed=seed)
    wanted = max(1, min(40, int(len(pairs) * share)))
    assert chosen.sum() <= wanted
    assert not chosen.all()
    assert not set(anchors[chosen]) & set(anchors[~chosen])
    if is_disjoint:
        assert 2 * chosen.sum() >= wanted
        assert not set(positives[chosen]) & set(positives[~chosen])


def test_seeds_differ_and_repeat():
    ids = np.arange(2000, dtype=np.uint32)
    first, again, other = (
        held_out_rows(ids[:1000], ids[1000:], share=0.1, most=5000, seed=seed).is_held_out
        for seed in (0, 0, 1)
    )
    assert first.sum() == 100
    assert (first == again).all()
    assert (first != other).any()


def test_one_text_in_every_row_leaves_a_split_by_anchor():
    anchors = np.arange(100, dtype=np.uint32)
    chosen, is_disjoint = held_out_rows(anchors, np.full(100, 100, np.uint32), share=0.1, most=50, seed=0)
    assert not is_disjoint
    assert chosen.sum() == 10
