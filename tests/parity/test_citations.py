"""The losses that sentence-transformers has, too, name the papers that it names."""

from __future__ import annotations

import re

import pytest
from tests.losses.cases import CASES

from foolsgold import losses

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module")
def citations():
    """Ours and theirs for the options of each case; theirs reads no more of a loss than its options."""
    from sentence_transformers.sentence_transformer import losses as peer

    found = []
    for case in CASES:
        theirs = getattr(getattr(peer, case.name, None), "citation", None)
        if theirs is not None:
            loss = case.build(losses, case.encoder())
            found.append((str(case), loss.citation, theirs.fget(loss)))
    return found


def letters(text):
    """What is left of a title when typing and BibTeX's braces are taken away."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def fields(citation, name):
    line = " ".join(citation.split())
    # A value ends where the next field begins, or the entry ends.
    found = re.findall(rf"\b{name} ?= ?[{{\"](.*?)[}}\"],? ?(?=\w+ ?=|\}}|$)", line)
    return {letters(text) for text in found}


@pytest.mark.parametrize(("field", "fewest"), [("eprint", 12), ("title", 20), ("doi", 3)])
def test_cites_the_same_papers(citations, field, fewest):
    compared = set()
    for name, ours, theirs in citations:
        assert fields(theirs, field) <= fields(ours, field), name
        compared |= fields(theirs, field)
    assert len(compared) >= fewest


def test_every_paper_is_compared(citations):
    assert all(fields(theirs, "title") for _, _, theirs in citations)
