"""Hard negatives of a data set: (anchor, positive) pairs in, rows with negatives out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

from foolsgold.mining.options import SAFE_RELATIVE_MARGIN, check_ranking, given, unset, with_defaults
from foolsgold.mining.pairs import column_names, columns_of_dataset
from foolsgold.mining.sources import as_sources
from foolsgold.mining.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from foolsgold.mining.formats import OutputFormat
    from foolsgold.mining.recipes import Recipe
    from foolsgold.mining.strategies import OnShort, SamplingStrategy

logger = logging.getLogger(__name__)

_TOP: SamplingStrategy = unset("top")


def mine_hard_negatives(
    dataset: Any,
    model: Any,
    anchor_column_name: str | None = None,
    positive_column_name: str | None = None,
    corpus: Sequence[str] | Any = None,
    cross_encoder: Any = None,
    range_min: int = unset(0),
    range_max: int | None = unset(None),
    max_score: float | None = unset(None),
    min_score: float | None = unset(None),
    absolute_margin: float | None = unset(None),
    relative_margin: float | None = unset(SAFE_RELATIVE_MARGIN),
    num_negatives: int = unset(3),
    sampling_strategy: SamplingStrategy = _TOP,
    query_prompt_name: str | None = None,
    query_prompt: str | None = None,
    corpus_prompt_name: str | None = None,
    corpus_prompt: str | None = None,
    include_positives: bool = False,
    output_format: OutputFormat = "triplet",
    output_scores: bool = False,
    batch_size: int = 32,
    faiss_batch_size: int = unset(16384),
    use_faiss: bool = False,
    use_multi_process: bool | list[str] = False,
    verbose: bool = True,
    cache_folder: str | Path | None = None,
    *,
    recipe: Recipe | None = None,
    margin_from: Literal["least", "greatest", "each"] = unset("least"),
    temperature: float | None = None,
    simans_a: float | None = None,
    simans_b: float | None = None,
    exclude: str | Sequence[Sequence[str | int]] | Any = None,
    group_column_name: str | None = None,
    corpus_groups: Sequence[Any] | Any = None,
    twins: bool = True,
    near_duplicates: float | None = None,
    on_short: OnShort | None = None,
    similarity: Literal["cosine", "dot", "euclidean", "model"] = "cosine",
    report_folder: str | Path | None = None,
    folder: str | Path | None = None,
    model_fingerprint: str | None = None,
    sources: Sequence[str] | Mapping[str, int] | None = None,
    device: Any = None,
    max_memory: int = 2 << 30,
    seed: int = 0,
    threads: int | None = None,
) -> Any:
    """Add to each (anchor, positive) pair texts that the model takes for answers and that are none.

    The model embeds each distinct text once; the documents nearest to an anchor are its negatives, as far as
    the rules allow. Rows with the same anchor are one query with several positives, none of which is ever its
    negative; nor is a document that differs from one of them, or from the anchor itself, in case, white space
    and Unicode form at most. Rules are part of the search, so that a query gets fewer negatives only where
    the corpus has no more that they allow.

    Where no margin, score or range is given, `relative_margin` is 0.05: negatives score at most 95 % of the
    least of the anchor's positives. Any of the six arguments in place of it, None too, turns that off, and so
    does a recipe.

    The signature is that of sentence-transformers 6.2, and so are the rows, where all bounds are given and no
    text comes in two spellings. These differ: ranks count the documents that the rules leave, not the first
    `range_max + P` documents before them; "random" draws from `range_min + 10 * num_negatives` ranks and from
    `seed`; a name of no column is an error.

    Args:
        dataset: a `datasets.Dataset`, an Arrow table, a mapping from names to columns, a list of dicts, or
            `StoredRows`, whose texts are read when they are embedded.
        model: has `encode_query` and `encode_document`, or `encode`, or is a function: of a list of texts, it
            gives an array, a tensor or a list of vectors. It gets `batch_size` and the like where it has
            parameters for them. None with `sources=["bm25"]`.
        anchor_column_name: by default the first column.
        positive_column_name: by default the second column.
        corpus: further documents, a list of `str`, an Arrow column, a `TextStore` or `StoredRows` of one
            column; the positives always belong to it. Of the store of the data set, none is held in memory
            but what the model gives.
        cross_encoder: has `predict`, or is a function of a list of (anchor, document) pairs. It scores the
            positives and the first `range_max` documents that are found, by default
            `range_min + 10 * num_negatives`; margins, bounds, ranks and `scores` are by its scores. Around 0,
            as logits are, a relative margin says little: give an absolute one.
        range_min: how many of the best allowed documents are skipped.
        range_max: the rank among the allowed documents at which candidates end; None as in `mine`.
        max_score: a negative's greatest score.
        min_score: a negative's least score.
        absolute_margin: how far below the anchor's positives a negative scores at least.
        relative_margin: the same as a share of the positive's magnitude.
        num_negatives: negatives of an anchor, at least 1.
        sampling_strategy: which of the candidates; see `mine`. "diverse": at most one of a group.
        query_prompt_name: the model's prompt for anchors.
        query_prompt: a text put before each anchor.
        corpus_prompt_name: the model's prompt for documents.
        corpus_prompt: a text put before each document.
        include_positives: leave the positives in the ranking, in rows of the format "n-tuple". No margin
            applies, and of the exclusions only `exclude`.
        output_format: the rows, see below.
        output_scores: add scores, see below.
        batch_size: texts of a forward pass.
        faiss_batch_size: without effect, as the search needs no faiss; so is `use_faiss`. One line says so.
        use_faiss: as `faiss_batch_size`.
        use_multi_process: embed on all devices, or on those named; needs `start_multi_process_pool`.
        verbose: show progress bars.
        cache_folder: where embeddings are kept, to be read again by a call with the same texts and model;
            likewise the scores of a cross-encoder that shows its weights (`state_dict`). Any other one is
            asked in each call, as nothing would tell it from others.
        recipe: values for arguments that are not given, by their name; see `mine`.
        margin_from: margins are measured from the "least" or the "greatest" of an anchor's positives, or from
            "each", which gives each pair its own negatives.
        temperature: of "softmax"; see `mine`.
        simans_a: of "simans"; likewise.
        simans_b: of "simans"; likewise.
        exclude: what is never an anchor's negative: the name of a column of lists of texts, or one list a row
            of the data set, of texts or of rows of `corpus`.
        group_column_name: a column with the group of each positive, say the page that a passage is from: a
            document in a group of one of its positives is never an anchor's negative. Null, NaN or a blank
            text for none.
        corpus_groups: likewise the group of each row of `corpus`.
        twins: whether documents count as equal that differ in case, white space and Unicode form at most;
            False excludes the positives alone.
        near_duplicates: documents that share this much of their shingles with one of an anchor's positives,
            from above 0 to 1, are none of its negatives; 0.8 is usual. See `data.near_duplicates`.
        on_short: what becomes of an anchor with fewer negatives than asked for. "keep": it has fewer. "drop":
            its pairs are left out. "random": further ones at random, under every exclusion and margin.
            "widen": ranks outside the range, then scores below `min_score`. By default "drop" for
            "n-tuple", else "keep". Not "random" with `cross_encoder`, `sources`, `folder` or `device`.
        similarity: what scores are; "euclidean" is minus the distance, "model" the one that the model names.
        report_folder: where `report.json` and `report.html` are written: what each rule turned away, scores,
            negatives near their positives, an estimate of false negatives. Checked first and written last;
            where the disk is full by then, a line says so and the rows are returned.
        folder: where embeddings and candidates are kept while this call runs and after it: the same call goes
            on where it was stopped, or killed. Another call's folder is an error.
        model_fingerprint: with `cache_folder` or `folder`, tells a model without weights (`state_dict`) from
            others: a text that is another one whenever the model is. A model with weights is told by these,
            its modules with their plain attributes, and its tokenizer; give one where anything else decides.
        sources: where candidates come from; None for the model alone. A list of "model" and "bm25" ranks the
            candidates of both by the sum of their reciprocal ranks, `range_max` of each, by default
            `range_min + 10 * num_negatives`. A mapping, {"model": 30, "bm25": 10}, takes at most so many of
            each, in turn. All of them are under all rules, and scored by the model; without one scores,
            margins and bounds are BM25's own (0 for a positive that shares no word), and no margin applies
            unless given. Strategies that look at scores need a `cross_encoder` then. For run files, see
            `mining.read_run` and `mining.mine_fused`.
        device: where the model's candidates are searched, "cuda" say, with the same answer; None for the CPU.
        max_memory: of that search, bytes on the host beside the embeddings; see `mine`.
        seed: of everything drawn, in [0, 2^64).
        threads: of the search, by default a fair share of the cores.

    Returns:
        A `datasets.Dataset`: distinct pairs in the order of the anchors' first appearance, negatives best
        first. The columns of anchors and positives keep their names; other columns are left out. In the
        order of the formats, with `output_scores` the last column is the one after the bar:

        - "triplet": anchor, positive, `negative` | `scores` [positive's, negative's]. A row a negative.
        - "n-tuple": anchor, positive, `negative_1`, ..., `negative_n` | `scores` [positive's, negatives']. A
          row a pair; with `on_short="keep"`, missing negatives are null.
        - "labeled-pair": anchor, positive or negative, `label` 1 or 0 | `score` in place of it. A query's
          positives, then its negatives.
        - "labeled-list": anchor, list of the positive and its negatives, `labels` | `scores` in place of
          them. A row a pair that has a negative.
        - "ragged": anchor, positive, list `negatives` | `scores` [positive's, negatives']. A row a pair,
          none left out by default; `fg.datasets.DrawnNegatives` trains on such rows.

        With `sources` a last column `source` tells where each negative comes from, "model" or "bm25": for
        reciprocal ranks the one that has it higher, of equal ones the first. "triplet" has a text there,
        "labeled-pair" too, null for a positive; the others have a list, of the negatives alone.

    Raises:
        ValueError: for a column that is not there, a null text, an empty data set, an option that is out of
            range or has no effect, an embedding that is not finite.
        TypeError: for a data set, a corpus or a model of another kind.
        OSError: if `folder` or `report_folder` cannot be written to.

    Example:
        >>> import numpy as np
        >>> def letters(texts):
        ...     return np.array([[text.count(letter) for letter in "abcdefgh"] for text in texts], float)
        >>> pairs = [{"query": "ab", "answer": "abb"}, {"query": "cd", "answer": "ccd"}]
        >>> mined = mine_hard_negatives(pairs, letters, corpus=["AbB", "abc", "bcde"], verbose=False)
        >>> mined[0], len(mined)
        ({'query': 'ab', 'answer': 'abb', 'negative': 'abc'}, 6)

    See Also:
        `mine` for embeddings that are there already.
    """
    columns = columns_of_dataset(dataset)
    anchor, positive = column_names(columns, anchor_column_name, positive_column_name)
    arguments = given(
        range_min=range_min,
        range_max=range_max,
        max_score=max_score,
        min_score=min_score,
        absolute_margin=absolute_margin,
        relative_margin=relative_margin,
        num_negatives=num_negatives,
        sampling_strategy=sampling_strategy,
        margin_from=margin_from,
    )
    parameters = {"temperature": temperature, "simans_a": simans_a, "simans_b": simans_b}
    arguments |= {name: value for name, value in parameters.items() if value is not None}
    if include_positives:
        check_ranking(
            {
                **arguments,
                "recipe": recipe,
                "group_column_name": group_column_name,
                "corpus_groups": corpus_groups,
                "near_duplicates": near_duplicates,
            }
        )
        if output_format not in ("n-tuple", "triplet"):
            logger.warning("`include_positives` gives rows of the format 'n-tuple', not %r", output_format)
        output_format = "n-tuple"
    if use_faiss or given(faiss_batch_size=faiss_batch_size):
        logger.info("`use_faiss` and `faiss_batch_size` have no effect: the search needs no faiss")
    task = Task(
        columns=columns,
        anchor=anchor,
        positive=positive,
        model=model,
        search=with_defaults(arguments, recipe, is_free=include_positives or model is None),
        corpus=corpus,
        query_prompt_name=query_prompt_name,
        query_prompt=query_prompt,
        corpus_prompt_name=corpus_prompt_name,
        corpus_prompt=corpus_prompt,
        include_positives=include_positives,
        output_format=output_format,
        output_scores=output_scores,
        batch_size=batch_size,
        use_multi_process=use_multi_process,
        exclude=_column("exclude", columns, exclude) if isinstance(exclude, str) else exclude,
        row_groups=_column("group_column_name", columns, group_column_name),
        corpus_groups=corpus_groups,
        twins=twins,
        near_duplicates=near_duplicates,
        cross_encoder=cross_encoder,
        sources=as_sources(sources),
        similarity=similarity,
        on_short=on_short,
        recipe=recipe,
        folder=folder,
        cache_folder=cache_folder,
        model_fingerprint=model_fingerprint,
        report_folder=report_folder,
        device=device,
        max_memory=max_memory,
        seed=seed,
        threads=threads,
        progress=verbose,
    )
    outcome = task.run()
    rows = outcome.rows.to_dataset()
    if report_folder is not None:
        try:
            outcome.write_report(report_folder)
        except OSError as error:  # the rows are worth more
            logger.error("The report was not written: %s", error)
    return rows


def _column(argument: str, columns: dict[str, Any], name: str | None) -> Any:
    if name is not None and name not in columns:
        raise ValueError(f"`{argument}` must be one of {list(columns)}, got {name!r}")
    return None if name is None else columns[name]
