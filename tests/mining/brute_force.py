"""`mine` written down naively: every document of every query is looked at, one after another."""

import numpy as np

from foolsgold import _core
from foolsgold.mining.candidates import Candidates


def mine(
    queries,
    corpus,
    *,
    positives=None,
    num_negatives=3,
    absolute_margin=None,
    relative_margin=None,
    margin_from="least",
    max_score=None,
    min_score=None,
    range_min=0,
    range_max=None,
    classes=None,
    sampling_strategy="top",
    similarity="cosine",
    on_short="keep",
    **_,
):
    """The best `num_negatives` of each query; "top" alone, short queries kept or dropped."""
    assert sampling_strategy == "top"
    assert on_short in ("keep", "drop")
    scores = all_scores(queries, corpus, similarity)
    rows = []
    for query in range(len(queries)):
        known = [] if positives is None else list_of(positives, query)
        bases = [scores[query, document] for document in known]
        if margin_from == "each":
            wanted = [[base] for base in bases]
        else:
            wanted = [[min(bases) if margin_from == "least" else max(bases)]] if bases else [[]]
        for base in wanted:
            found = [
                document
                for document in range(len(corpus))
                if document not in known
                and all(
                    of_document[document] not in set(list_of(lists, query))
                    for of_document, lists in (classes or {}).values()
                )
                and is_within(scores[query, document], base, absolute_margin, relative_margin)
                and (max_score is None or scores[query, document] <= max_score)
                and (min_score is None or scores[query, document] >= min_score)
            ]
            found.sort(key=lambda document: (-scores[query, document], document))
            found = found[range_min:range_max][:num_negatives]
            rows.append((query, [] if on_short == "drop" and len(found) < num_negatives else found))
    ids = np.full((len(rows), num_negatives), -1)
    values = np.full(ids.shape, -np.inf, np.float32)
    for row, (query, found) in enumerate(rows):
        ids[row, : len(found)] = found
        values[row, : len(found)] = scores[query, found]
    short = int((ids < 0).any(axis=1).sum())
    report = {"queries": len(rows), "documents": len(corpus), "short_queries": short}
    return Candidates(ids, values, {**report, "missing": int((ids < 0).sum())})


def is_within(score, base, absolute_margin, relative_margin):
    return all(
        (absolute_margin is None or float(score) <= float(positive) - absolute_margin)
        and (
            relative_margin is None
            or float(score) <= float(positive) - abs(float(positive)) * relative_margin
        )
        for positive in base
    )


def all_scores(queries, corpus, similarity="cosine"):
    queries, corpus = (np.ascontiguousarray(side, dtype=np.float32) for side in (queries, corpus))
    pairs = np.indices((len(queries), len(corpus)), dtype=np.uint32).reshape(2, -1)
    scores = _core.pair_scores(queries, corpus, *pairs, similarity=similarity, threads=1)
    return scores.reshape(len(queries), len(corpus))


def list_of(lists, query):
    offsets, values = lists
    return values[offsets[query] : offsets[query + 1]].tolist()
