"""Hard negatives of a data set: (anchor, positive) pairs in, rows with negatives out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from foolsgold import _core
from foolsgold.mining.arrays import as_matrix
from foolsgold.mining.rows import n_tuple_rows, to_dataset, triplet_rows
from foolsgold.mining.search import mine
from foolsgold.progress import progress_bar
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

_ROWS = {"triplet": triplet_rows, "n-tuple": n_tuple_rows}


def mine_hard_negatives(
    dataset: Any,
    model: Any,
    anchor_column_name: str | None = None,
    positive_column_name: str | None = None,
    corpus: Sequence[str] | None = None,
    *,
    range_min: int = 0,
    range_max: int | None = None,
    max_score: float | None = None,
    min_score: float | None = None,
    absolute_margin: float | None = None,
    relative_margin: float | None = None,
    num_negatives: int = 3,
    sampling_strategy: Literal["top", "random"] = "top",
    query_prompt_name: str | None = None,
    query_prompt: str | None = None,
    corpus_prompt_name: str | None = None,
    corpus_prompt: str | None = None,
    output_format: Literal["triplet", "n-tuple"] = "triplet",
    output_scores: bool = False,
    batch_size: int = 32,
    verbose: bool = True,
    seed: int = 0,
    threads: int | None = None,
) -> Any:
    """Add to each (anchor, positive) pair texts that the model takes for answers and that are none.

    The model embeds each distinct text once; the documents nearest to an anchor, its positives left out, are
    its negatives. Rows with the same anchor are one query with several positives. Scores are cosines; ranks
    and bounds are those of `mine`, and none is set by default.

    Args:
        dataset: a `datasets.Dataset` with a column of anchors and one of positives.
        model: has `encode_query` and `encode_document`, or `encode`, which embed a list of texts.
        anchor_column_name: by default the first column.
        positive_column_name: by default the second column.
        corpus: further documents, a list of `str` or an Arrow column; the positives always belong to it.
        range_min: how many of the best allowed documents are skipped.
        range_max: the rank among the allowed documents at which candidates end; None as in `mine`.
        max_score: a negative's greatest score.
        min_score: a negative's least score.
        absolute_margin: how far below the least of the anchor's positives a negative scores at least.
        relative_margin: the same as a share of that positive's magnitude; 0.05 is the usual choice.
        num_negatives: negatives of an anchor, at least 1.
        sampling_strategy: "top" takes the best candidates, "random" any.
        query_prompt_name: the model's prompt for anchors.
        query_prompt: a text put before each anchor.
        corpus_prompt_name: the model's prompt for documents.
        corpus_prompt: a text put before each document.
        output_format: "triplet" for one row a negative, with the column `negative`; "n-tuple" for one row a
            pair, with the columns `negative_1` to `negative_n`; a pair that has fewer is left out.
        output_scores: add the column `scores`: a list with the score of the positive, then of each negative.
        batch_size: texts of a forward pass.
        verbose: show progress bars.
        seed: of the random strategy.
        threads: of the search, by default a fair share of the cores.

    Returns:
        A `datasets.Dataset`: distinct pairs in the order of the anchors' first appearance, negatives best
        first. The column names of anchors and positives are kept.

    Raises:
        ValueError: for a column that is not there, a null text, an empty data set, an option out of range.

    See Also:
        `mine` for embeddings that are there already.
    """
    if output_format not in _ROWS:
        raise ValueError(f"`output_format` must be one of {sorted(_ROWS)}, got {output_format!r}")
    anchors, positives = _column_names(dataset, anchor_column_name, positive_column_name)
    names = _negative_names(output_format, num_negatives, (anchors, positives))
    threads = resolve(threads)
    pairs = _read(dataset, anchors, positives, corpus, threads, verbose)
    options = {"batch_size": batch_size, "show_progress_bar": verbose}
    queries = _encode(
        model, "query", pairs.query_texts(), prompt_name=query_prompt_name, prompt=query_prompt, **options
    )
    documents = _encode(
        model, "document", pairs.documents(), prompt_name=corpus_prompt_name, prompt=corpus_prompt, **options
    )
    found = mine(
        queries,
        documents,
        positives=pairs.positives(),
        num_negatives=num_negatives,
        absolute_margin=absolute_margin,
        relative_margin=relative_margin,
        max_score=max_score,
        min_score=min_score,
        range_min=range_min,
        range_max=range_max,
        sampling_strategy=sampling_strategy,
        seed=seed,
        threads=threads,
        progress=verbose,
    )
    logger.info("Mined negatives: %s", ", ".join(f"{name} {count}" for name, count in found.report.items()))
    positive_scores = _core.pair_scores(
        queries, documents, pairs.query, pairs.document, similarity="cosine", threads=threads
    )
    rows, negatives, scores = _ROWS[output_format](
        found.ids[pairs.query], found.scores[pairs.query], positive_scores
    )
    columns = {anchors: pairs.queries[pairs.query[rows]], positives: pairs.document[rows]}
    columns.update(zip(names, negatives.T, strict=True))
    logger.info("Made %d rows of %d pairs", len(rows), len(pairs.query))
    return to_dataset(pairs.texts.distinct(), columns, scores if output_scores else None)


def _negative_names(output_format: str, num_negatives: int, taken: tuple[str, str]) -> list[str]:
    """Return the names of the columns of negatives; with `scores`, they must not be `taken`."""
    if output_format == "triplet":
        names = ["negative"]
    else:
        names = [f"negative_{number}" for number in range(1, num_negatives + 1)]
    for name in taken:
        if name in (*names, "scores"):
            raise ValueError(f"`dataset` must not use a column name of the result, got {name!r}")
    return names


class _Pairs(NamedTuple):
    """Distinct (anchor, positive) pairs, ordered by query.

    Attributes:
        texts: all texts; the first `num_documents` are the corpus, by id.
        num_documents: N.
        queries: (Q,) text ids of the distinct anchors, in order of first appearance.
        query: (P,) a pair's place in `queries`, ascending.
        document: (P,) a pair's positive, a text id below N.
    """

    texts: _core.Texts
    num_documents: int
    queries: NDArray[np.uint32]
    query: NDArray[np.uint32]
    document: NDArray[np.uint32]

    def query_texts(self) -> list[str]:
        """Return the texts of the distinct anchors."""
        return self.texts.take(self.queries)

    def documents(self) -> list[str]:
        """Return the texts of the corpus."""
        return self.texts.take(np.arange(self.num_documents, dtype=np.uint32))

    def positives(self) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """Return each query's positives, as offsets and values."""
        return np.searchsorted(self.query, np.arange(len(self.queries) + 1)), self.document


def _column_names(dataset: Any, anchor: str | None, positive: str | None) -> tuple[str, str]:
    names = list(dataset.column_names)
    if len(names) < 2:
        raise ValueError(f"`dataset` must have a column of anchors and one of positives, got {names}")
    anchor, positive = anchor or names[0], positive or names[1]
    for argument, name in [("anchor_column_name", anchor), ("positive_column_name", positive)]:
        if name not in names:
            raise ValueError(f"`{argument}` must be one of {names}, got {name!r}")
    if anchor == positive:
        raise ValueError(f"`positive_column_name` must differ from `anchor_column_name`, got {positive!r}")
    if len(dataset) == 0:
        raise ValueError("`dataset` must have at least one row, got 0")
    return anchor, positive


def _read(
    dataset: Any,
    anchors: str,
    positives: str,
    corpus: Sequence[str] | None,
    threads: int,
    verbose: bool,
) -> _Pairs:
    table = dataset.select_columns([anchors, positives]).with_format("arrow")[:]
    # The corpus comes first, so that a document's id is its row in the matrix of their embeddings.
    columns = [(positives, table.column(positives)), (anchors, table.column(anchors))]
    if corpus is not None:
        columns.insert(0, ("corpus", corpus))
    with progress_bar("Read texts", enabled=verbose) as show:
        texts, found = _core.Texts.intern(columns, threads=threads, progress=show)
    *documents, (anchor_ids, _) = found
    positive_ids = documents[-1][0]
    num_documents = 1 + max(int(ids.max(initial=0)) for ids, _ in documents)
    queries, query = _in_order(anchor_ids)
    _, first = np.unique(query.astype(np.int64) * num_documents + positive_ids, return_index=True)
    first = first[np.lexsort((first, query[first]))]
    logger.info("Read %d pairs of %d queries, %d documents", len(first), len(queries), num_documents)
    return _Pairs(texts, num_documents, queries, query[first], positive_ids[first])


def _in_order(ids: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the distinct ids in order of first appearance, and each id's place among them."""
    distinct, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.uint32)
    place[order] = np.arange(len(order), dtype=np.uint32)
    return distinct[order], place[inverse]


def _encode(model: Any, role: Literal["query", "document"], texts: list[str], **options: Any) -> Any:
    encode = getattr(model, f"encode_{role}", None) or model.encode
    logger.info("Embedding %d texts, each a %s", len(texts), role)
    embeddings = as_matrix("model", encode(texts, normalize_embeddings=True, **options))
    if len(embeddings) != len(texts):
        raise ValueError(f"`model` must give one embedding a text, {len(texts)}, got {len(embeddings)}")
    return embeddings
