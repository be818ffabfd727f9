"""A data set in memory in another shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from foolsgold.data.reshaping.options import Numbers, Reshaping
from foolsgold.data.reshaping.routes import reshaped
from foolsgold.data.reshaping.sources import source_of_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from foolsgold.data.reshaping.report import ConversionReport
    from foolsgold.data.reshaping.shapes import Shape


def reshape(
    data: Any,
    *,
    to: Shape | None = None,
    from_: Shape | None = None,
    anchor: str | None = None,
    positive: str | None = None,
    negative: str | None = None,
    label: str | None = None,
    num_negatives: int | None = None,
    threshold: float | tuple[float, float] | Literal["first"] | None = None,
    numbers: Numbers | None = None,
    positive_label: Any = None,
    negative_label: Any = None,
    noise: Any = None,
    keep_columns: bool | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    miner: Callable[[Any], Any] | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
) -> tuple[Any, ConversionReport]:
    """Return a data set in memory in another shape.

    What is said in one place of the rows is kept as it is; what is not, is counted in the report. No row is
    made in which a negative is known to be a positive of its anchor. Rows that keep their shape, with no
    option that changes them, stay as they are, their columns too; and judged pairs that become pairs judged
    otherwise (`labeled-pair`, `scored-pair`) each keep what is said of them, contradictions too (`check`
    finds these).

    Args:
        data: a `datasets.Dataset`, an Arrow table, a mapping of columns, or rows.
        to: the shape; see `Shape` for all. None for the one that the rows have.
        from_: the shape of the rows; None for what their columns say.
        anchor: the column of anchors or first texts; None for the one that its name tells.
        positive: the column of positives, documents or second texts.
        negative: the column of negatives; for `n-tuple` how their names begin.
        label: the column of labels, scores, grades or classes.
        num_negatives: how many for each positive, at most 65,536: n of `n-tuple`, else the most. Where rows
            say no negatives at all, so many are drawn at random (1 by default for shapes that need one; 0 for
            none). Judged pairs that become `labeled-pair` stay rows, and get none by default.
        threshold: makes labels of scores and grades: 1 from it on; a low and a high one leave out what lies
            between. `"first"` where the first document of each list is its positive. Of triplets and n-tuples
            with margins or scores, a margin from it on leaves positive and negative as they are, and below it
            the two are left out; from a low one (below 0) down they change places.
        numbers: which numbers the rows have: `labels`, `scores`, `margins` (that of the positive less that of
            each negative) or `none`; by default labels, and beside shapes without labels the scores, unless a
            threshold has made roles of them.
        positive_label: of `class-pair`, the class or classes that belong together; `entailment` where it is
            there. A `ClassLabel` of `datasets` is told by its name or its number. Rows without a label (-1
            of a `ClassLabel`, a `gold_label` of `-`) are left out.
        negative_label: those that do not; by default `contradiction` beside entailment, else all others.
        noise: of `class`, the label of rows that belong to no class, as -1 is in clusters; they are left out.
            A class of a `ClassLabel` is told by its name or its number.
        keep_columns: whether further columns travel with rows that come from one row, and ids and titles with
            their texts; by default only where rows stay as they are.
        on_error: at a null or blank text, `raise`, or `skip` the row and count it.
        miner: gives pairs (an Arrow table) a column of lists `negatives`, as `mine_hard_negatives` does with
            `output_format="ragged"`; None for negatives at random.
        seed: decides what is drawn.
        threads: by default this process's share of the cores; no answer depends on it.
        progress: show progress bars.

    Returns:
        An Arrow table, and what was done.

    Raises:
        ValueError: if roles are not clear, a row breaks its shape, options have no effect or no row is left.
        TypeError: if `data` is no data set.

    Example:
        >>> rows = {"anchor": ["a", "a"], "positive": ["b", "b"], "negative": ["c", "d"]}
        >>> table, report = reshape(rows, to="labeled-list")
        >>> table.to_pylist()
        [{'anchor': 'a', 'positive': ['b', 'c', 'd'], 'labels': [1, 0, 0]}]
    """
    how = Reshaping(
        to=to,
        num_negatives=num_negatives,
        threshold=threshold,
        numbers=numbers,
        positive_label=positive_label,
        negative_label=negative_label,
        noise=noise,
        keep_columns=keep_columns,
        on_error=on_error,
        miner=miner,
        seed=seed,
        threads=threads,
        progress=progress,
    )
    named = {"anchor": anchor, "positive": positive, "negative": negative, "label": label}
    found = reshaped(source_of_data(data), how, from_, named)
    return found.to_table(), found.report
