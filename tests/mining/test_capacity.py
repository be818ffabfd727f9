"""Results that memory cannot hold are refused before anything is searched or written."""

import numpy as np
import pytest

import foolsgold as fg
from foolsgold.mining import BM25, CandidateStore, fuse, mine
from foolsgold.mining.candidates import Candidates

CORPUS = np.eye(5, 4, dtype=np.float32) + 0.1
NAMED = r"^`num_negatives` must leave a result that memory holds: 5 queries take \d+ \wiB of the \d+ \wiB "


@pytest.mark.parametrize("number", [2**31, 2**32 - 1])
@pytest.mark.parametrize("how", ["arrays", "device", "folder"])
def test_an_enormous_number_of_negatives_is_refused_by_name(number, how, tmp_path):
    where = {"arrays": {}, "device": {"device": "cpu"}, "folder": {"folder": tmp_path / "new"}}[how]
    with pytest.raises(ValueError, match=NAMED + rf"that there are, got {number}$"):
        mine(CORPUS, CORPUS, num_negatives=number, **where)
    assert list(tmp_path.iterdir()) == []


def test_each_entry_of_positives_counts_as_a_query():
    positives = [[0, 1, 2]] * 5
    with pytest.raises(ValueError, match="holds: 15 queries take"):
        mine(CORPUS, CORPUS, positives=positives, margin_from="each", num_negatives=2**31)


def test_a_stored_table_is_not_selected_from_beyond_memory(tmp_path):
    mine(CORPUS, CORPUS, num_negatives=2, folder=tmp_path / "new")
    with pytest.raises(ValueError, match=NAMED):
        CandidateStore(tmp_path / "new").select(2**31)


def test_more_negatives_than_documents_are_padded():
    found = mine(CORPUS, CORPUS, num_negatives=1000, depth=None)
    assert found.ids.shape == (5, 1000)
    assert (found.ids >= 0).sum() == 25


def test_a_depth_beyond_the_corpus_takes_no_more_than_the_corpus(tmp_path):
    found = mine(CORPUS, CORPUS, num_negatives=2, depth=2**32 - 1, folder=tmp_path / "new")
    assert found.ids.shape == (5, 2)


def test_words_and_fusions_name_their_own_argument():
    with pytest.raises(ValueError, match=r"^`top_k` must leave a result that memory holds: 2 queries take "):
        BM25(["gold", "iron"]).search(["gold", "iron"], 2**40)
    one = Candidates(np.array([[0]]), np.ones((1, 1), np.float32))
    with pytest.raises(ValueError, match=r"^`num` must leave a result that memory holds: 1 queries take "):
        fuse({"one": one}, num=2**45)


@pytest.mark.parametrize("sources", [None, ["bm25"]])
@pytest.mark.parametrize("output_format", ["triplet", "n-tuple"])
def test_a_data_set_is_refused_before_it_is_embedded(sources, output_format):
    class Model:
        def encode(self, *_, **__):
            raise AssertionError("embedded")

    with pytest.raises(ValueError, match=r"^`num_negatives` must leave a result that memory holds: "):
        fg.mine_hard_negatives(
            {"anchor": ["a b", "c d"], "positive": ["b a", "d c"]},
            None if sources else Model(),
            num_negatives=2**31,
            sources=sources,
            output_format=output_format,
            verbose=False,
        )
