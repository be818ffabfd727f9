"""Hard negatives of embeddings: arrays in, a table of ids and scores out."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from foolsgold import _core
from foolsgold.integers import MAX_INT64, MAX_ROWS, integer
from foolsgold.mining.arrays import as_matrix
from foolsgold.mining.candidates import Candidates
from foolsgold.mining.exclusions import as_exclusions, for_each_positive
from foolsgold.mining.parts import search_in_folder
from foolsgold.mining.question import Question
from foolsgold.mining.recipes import with_recipe
from foolsgold.mining.strategies import as_selection
from foolsgold.mining.tables import (
    BOUNDS,
    as_rules,
    check,
    check_margin_from,
    check_size,
    depth_of,
    loosened,
    select,
    told,
)
from foolsgold.progress import progress_bar
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foolsgold.mining.exclusions import Exclusion
    from foolsgold.mining.recipes import Recipe
    from foolsgold.mining.strategies import OnShort, SamplingStrategy, Selection
    from foolsgold.mining.tables import Rules


def mine(
    queries: Any,
    corpus: Any,
    *,
    positives: Any = None,
    num_negatives: int | None = None,
    absolute_margin: float | None = None,
    relative_margin: float | None = None,
    margin_from: Literal["least", "greatest", "each"] = "least",
    max_score: float | None = None,
    min_score: float | None = None,
    range_min: int | None = None,
    range_max: int | None = None,
    exclude: Any = None,
    classes: Mapping[str, tuple[Any, Any]] | None = None,
    sampling_strategy: SamplingStrategy | None = None,
    temperature: float | None = None,
    simans_a: float | None = None,
    simans_b: float | None = None,
    diverse_by: Any = None,
    similarity: Literal["cosine", "dot", "euclidean"] = "cosine",
    on_short: OnShort = "keep",
    recipe: Recipe | None = None,
    folder: str | PathLike[str] | None = None,
    depth: int | None = None,
    device: Any = None,
    max_memory: int = 2 << 30,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
) -> Candidates:
    r"""Find each query's best documents among those that its rules allow.

    The search is exact, and the rules are part of it: a document that a rule turns away never takes the place
    of one that is allowed. A query gets fewer than `num_negatives` only where the corpus has no more. The
    answer does not depend on the number of threads or on the processor.

    Math:
        A score is a float64 sum in a fixed order, rounded to float32. With p the score of one of the query's
        positives (`margin_from` says which), and in float64, a document of score s is allowed if the query
        does not exclude it and

        $$ s \le p - \text{absolute\_margin}, \quad s \le p - |p| \cdot \text{relative\_margin}, \quad
           \text{min\_score} \le s \le \text{max\_score} $$

        as far as these are given; a positive whose score is infinite in float32 bounds nothing. Allowed
        documents are ranked by score, equal ones by the lower row.

    Args:
        queries: (Q, D) embeddings: an array, a memory map, a torch tensor, an Arrow array of fixed-size
            lists, nested lists. float32, float16 and bfloat16 are read in place, other floats as a float32
            copy.
        corpus: (N, D) embeddings of documents, likewise. Both must be finite.
        positives: the rows of the corpus that answer a query, never its negatives: (Q,) integers; (Q, P)
            integers padded with -1; Q lists; or offsets (Q + 1,) and values, a tuple of two arrays.
        num_negatives: n, at least 1; 3 unless the recipe says otherwise.
        absolute_margin: how far below p a negative scores at least; needs `positives`. A query whose list is
            empty has no such bound.
        relative_margin: the same as a share of |p|; 0.05 is the usual choice.
        margin_from: p is the "least" or the "greatest" score among the query's positives; "each" mines for
            each pair of a query and a positive by itself: the result then has a row for each entry of
            `positives`, query after query, in the order given.
        max_score: a negative's greatest score.
        min_score: a negative's least score.
        range_min: how many of the best allowed documents are skipped; none unless the recipe says otherwise.
        range_max: the rank among the allowed documents at which candidates end; by default
            `range_min + 10 * num_negatives`, for "top" no end.
        exclude: further rows of the corpus that are never a query's negatives, in the forms of `positives`.
        classes: exclusions by class: for a name of yours, the classes of the documents (N,) and those that
            each query excludes, in the forms of `positives`. Twins, near-duplicates or the chunks of one
            document are classes.
        sampling_strategy: which candidates are taken; unless the recipe says otherwise, "top".

            - "top": the best.
            - "random": any, each set as likely as another.
            - "softmax": one after the other, with a chance in proportion to exp(s / `temperature`).
            - "simans": one after the other, with a chance in proportion to
              exp(-`simans_a` (s - p - `simans_b`)^2); all alike for a query without positives.
            - "stratified": one at random of each of n bands of ranks of equal length.
            - "diverse": the best, at most one of a class of `diverse_by`.
        temperature: of "softmax", above 0: the smaller, the more like "top".
        simans_a: of "simans", at least 0: how sharply chances fall around p.
        simans_b: of "simans": how far above p the likeliest score lies; 0 by default.
        diverse_by: of "diverse": (N,) integers, the class of each document.
        similarity: "cosine" (0 where a vector is zero), "dot", or "euclidean": minus the distance.
        on_short: what becomes of a query with fewer than n candidates. "keep": it has fewer. "drop": it has
            none. "widen": it gets candidates outside the rank window, those before it first, the last of
            them first; then those that score below `min_score`. "random": it gets any documents below all of
            its candidates. No exclusion, margin or `max_score` is ever lifted.
        recipe: values for arguments that are not given. "nv-retriever": relative margin 0.05. "bge": 15 at
            random of the ranks 10 to 210. "rank-window": 7 at random of the ranks 30 to 100, which its
            source is only reported to use.
        folder: keeps each query's candidates on disk, in parts of the queries: a new or an empty folder, or
            one that the same call has begun, which then goes on where it was, killed or not. What decides
            the candidates is compared by checksum; anything else is an error. `CandidateStore` reads them
            and selects anew with other arguments.
        depth: of `folder`: how many candidates are kept of a query, at least 1; by default, and at least, as
            many as the strategy looks at.
        device: None for the engine of the CPU; "cuda", "cuda:1" or a `torch.device` multiplies there, in
            float32, and gives the same answer, bit for bit. Not with `on_short="random"`.
        max_memory: bytes beside the arguments, results included, as far as these fit; the corpus is packed to
            D + 16 bytes a document, in parts where it must be. Where `queries` and `corpus` are the same rows
            and these bytes hold what every query keeps meanwhile (D + 1,200 bytes a row more for 5 negatives,
            D + 3,800 for 100), each two rows are compared once and not twice. The answer does not depend on
            it. It is about the host: on a GPU, tiles take half of what is free there. A result that the
            machine's memory cannot hold is an error.
        seed: of what is left to chance, in [0, 2^64); a query's draws are its own.
        threads: by default a fair share of the cores.
        progress: show a progress bar.

    Returns:
        The table, (Q, n), with "each" (P, n) for the P entries of `positives`, which are its queries then. In
        `report`: `queries`, `documents`; how many documents each rule turned away, as `rejected_positive`,
        `rejected_excluded`, `rejected_` and the name of each of `classes`, `rejected_absolute_margin`,
        `rejected_relative_margin`, `rejected_max_score`, `rejected_min_score`; `short_queries` with fewer
        than n negatives, and `missing` places; the negatives that `widened` the window, and those `filled` at
        random; `starved_queries`, 0 here: see `CandidateStore.select`.

        A document that several rules turn away is counted once: below `min_score` for that, else for the
        first exclusion in the order above, else for the rule that set the query's lowest cap. Counted are
        those that score at least as well as the last document that was a candidate; where there are fewer
        candidates than the strategy looks for, all. Where a query's lowest cap lies below `min_score`, no
        score is allowed, and every document counts as below it.

    Raises:
        ValueError: if an argument is out of range or has no effect, shapes do not match, or a value is NaN or
            infinite (its row is named), or `folder` holds anything else.
        OSError: the disk of `folder` is full or not writable; what is finished stays.
        TypeError: if an argument is of another kind, or holds neither floats nor integers where they belong.

    Reference:
        "simans": Zhou et al. 2022, "SimANS: Simple Ambiguous Negatives Sampling for Dense Text Retrieval",
        https://arxiv.org/abs/2210.11773, equation 4. Recipes: see `foolsgold.mining.recipes`.

    Example:
        >>> corpus = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]
        >>> found = mine([[1.0, 0.0]], corpus, positives=[0], num_negatives=2)
        >>> found.ids
        array([[1, 2]])
    """
    chosen = with_recipe(
        recipe,
        {
            "num_negatives": num_negatives,
            "relative_margin": relative_margin,
            "range_min": range_min,
            "range_max": range_max,
            "sampling_strategy": sampling_strategy,
        },
    )
    relative_margin = chosen.pop("relative_margin")
    queries, corpus = as_matrix("queries", queries), as_matrix("corpus", corpus)
    selection = as_selection(
        **chosen,
        temperature=temperature,
        simans_a=simans_a,
        simans_b=simans_b,
        diverse_by=diverse_by,
        num_documents=len(corpus),
        on_short=on_short,
        seed=seed,
    )
    exclusions = as_exclusions(
        len(queries), len(corpus), positives=positives, exclude=exclude, classes=classes
    )
    _check_names(exclusions)
    lists = exclusions[0][2:] if positives is not None else None
    check_margin_from(margin_from)
    if margin_from == "each":
        if lists is None:
            raise ValueError('`margin_from` must come with `positives`, got "each"')
        queries, exclusions, lists = for_each_positive(queries, exclusions, lists)
        margin_from = "least"
    bounds = (absolute_margin, relative_margin, max_score, min_score)
    rules = as_rules(margin_from, bounds)
    report = {"queries": len(queries), "documents": len(corpus)}
    threads = resolve(threads)
    max_memory = integer("max_memory", max_memory, 0, MAX_INT64)
    if depth is not None:
        depth = integer("depth", depth, 1, MAX_ROWS)
        if folder is None:
            raise ValueError(f"`depth` must come with `folder`, got {depth}")
    if folder is not None or device is not None:
        if on_short == "random":
            place = "device" if folder is None else "folder"
            raise ValueError(f'`on_short` must not be "random" with `{place}`: other documents have no score')
        question = Question(
            queries=queries,
            corpus=corpus,
            exclusions=exclusions,
            anchors=lists,
            similarity=similarity,
            rules=loosened(rules, selection)[0],
            depth=max(depth or 0, depth_of(selection)),
            threads=threads,
            max_memory=max_memory,
            device=device,
        )
        check(rules, selection)
        check_size(selection, len(queries))
        found = _answered(question, rules, selection, folder, progress)
        return Candidates(found.ids, found.scores, {**found.report, **report}, found.ranks)
    with progress_bar("Mine", enabled=progress) as show:
        ids, scores, ranks, (rejected, *counts) = _core.mine(
            queries,
            corpus,
            exclusions,
            lists,
            similarity=similarity,
            rules=rules,
            selection=selection,
            threads=threads,
            max_memory=max_memory,
            progress=show,
        )
    report |= told([name for name, *_ in exclusions], rejected, tuple(counts))
    return Candidates(ids, scores, report, ranks)


def _answered(
    question: Question,
    rules: Rules,
    selection: Selection,
    folder: str | PathLike[str] | None,
    progress: bool,
) -> Candidates:
    """Search as the question says, into a folder or not, and select."""
    threads = question.threads
    if folder is not None:
        if not isinstance(folder, (str, PathLike)):
            raise TypeError(f"`folder` must be a path, got {folder!r}")
        store = search_in_folder(folder, question, progress=progress)
        bounds = dict(zip(BOUNDS, rules[1:], strict=True))
        return store.selected({**store.key, **bounds}, selection, threads=threads)
    with progress_bar("Mine", enabled=progress) as show:
        table = question.search(0, len(question.queries), show)
    ids, scores, ranks, counts = select(table, rules, selection, threads)
    return Candidates(ids, scores, counts, ranks)


def _check_names(exclusions: list[Exclusion]) -> None:
    for name, *_ in exclusions:
        if not name or name in BOUNDS:
            raise ValueError(f"`classes` must be named, and not like a bound, got {name!r}")
