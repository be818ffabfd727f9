"""Pairs of texts scored by a cross-encoder or a function, each once, in batches of like lengths."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.mining.encode import parameters_of
from foolsgold.mining.score_cache import ScoreCache, digests
from foolsgold.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Scorer = Callable[[list[tuple[str, str]]], Any]

logger = logging.getLogger(__name__)

_BATCHES = 64
"""Batches of a call: the scorer sees many pairs of like lengths at once, and little is lost when it is
stopped."""


class PairScorer:
    """Scores of pairs of texts.

    Args:
        scorer: has `predict`, or is a function of a list of pairs. `predict` gets `batch_size` and the like
            where it has parameters for them.
        name: what the caller knows it by.
        batch_size: pairs of a forward pass.
        cache: where scores are kept, if anywhere.
        progress: show a progress bar.

    Raises:
        TypeError: the scorer is neither.
    """

    def __init__(
        self, scorer: Any, *, name: str, batch_size: int, cache: ScoreCache | None, progress: bool
    ) -> None:
        self._score, self._name = _function(scorer, name, batch_size), name
        self._step, self._cache, self._progress = _BATCHES * batch_size, cache, progress

    def scores(
        self, pairs: NDArray[np.int64], queries: Sequence[str], documents: Sequence[str]
    ) -> tuple[NDArray[np.float32], dict[str, int]]:
        """Return the scores of (query, document) pairs (P, 2), and how many distinct ones there were.

        Raises:
            TypeError: the scorer gives no numbers.
            ValueError: the scorer gives another number of scores than pairs, or one that is not finite.
        """
        keys, places = np.unique(pairs[:, 0] * len(documents) + pairs[:, 1], return_inverse=True)
        distinct = np.stack(np.divmod(keys, max(1, len(documents))), axis=1)
        scores, is_known = np.zeros(len(distinct), np.float32), np.zeros(len(distinct), bool)
        of_queries = of_documents = np.empty(0, np.uint64)
        if self._cache is not None:
            of_queries, of_documents = digests(queries), digests(documents)
            is_known, scores = self._cache.find(of_queries, of_documents, distinct)
        todo = np.flatnonzero(~is_known)
        lengths = _lengths(queries)[distinct[todo, 0]] + _lengths(documents)[distinct[todo, 1]]
        todo = todo[np.argsort(-lengths, kind="stable")]
        num_known = len(distinct) - len(todo)
        logger.info("Scoring %d pairs of texts, %d more are known", len(todo), num_known)
        with progress_bar("Rescore", enabled=self._progress, unit="pair") as show:
            for start in range(0, len(todo), self._step):
                batch = todo[start : start + self._step]
                texts = [
                    (queries[query], documents[document]) for query, document in distinct[batch].tolist()
                ]
                scores[batch] = self._checked(self._score(texts), distinct[batch])
                if self._cache is not None:
                    left, right = distinct[batch].T
                    self._cache.add(of_queries[left], of_documents[right], scores[batch])
                if show is not None:
                    show(start + len(batch), len(todo))
        counts = {"pairs": len(distinct), "scored": len(todo), "cached": num_known}
        return scores[places], counts

    def _checked(self, given: Any, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return one finite score a pair."""
        if hasattr(given, "detach"):
            given = given.detach().float().cpu()
        try:
            scores = np.asarray(given, np.float32)
        except (TypeError, ValueError) as error:
            got = f"got {type(given).__name__}"
            raise TypeError(f"`{self._name}` must give numbers, {got}\nhint: {error}") from None
        if scores.ndim == 2 and scores.shape[1] == 1:
            scores = scores[:, 0]
        if scores.shape != (len(pairs),):
            raise ValueError(
                f"`{self._name}` must give one score a pair, {len(pairs)}, got shape {scores.shape}"
            )
        bad = ~np.isfinite(scores)
        if bad.any():
            query, document = pairs[bad.argmax()]
            wrong = f"got {scores[bad.argmax()]} for query {query} and document {document}"
            raise ValueError(f"`{self._name}` must give finite scores, {wrong}")
        return scores


def _function(scorer: Any, name: str, batch_size: int) -> Scorer:
    predict = getattr(scorer, "predict", None)
    if predict is not None:
        accepted, options = parameters_of(predict), {"batch_size": batch_size, "show_progress_bar": False}
        options = {name: value for name, value in options.items() if accepted is None or name in accepted}
        return lambda pairs: predict(pairs, **options)
    if not callable(scorer):
        kind = type(scorer).__name__
        raise TypeError(f"`{name}` must have `predict` or be a function of a list of pairs, got {kind}")
    return scorer  # type: ignore[no-any-return]


def _lengths(texts: Sequence[str]) -> NDArray[np.int64]:
    return np.fromiter(map(len, texts), np.int64, len(texts))
