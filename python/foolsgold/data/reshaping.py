"""Rows of one shape as rows of another: any to any, as work on text ids."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from foolsgold.data.attributes import Attributes
from foolsgold.data.conversion_report import ConversionReport
from foolsgold.data.conversions.labels_from_scores import labels_from_scores
from foolsgold.data.conversions.lists_from_classes import lists_from_classes
from foolsgold.data.conversions.lists_from_labeled_pairs import lists_from_labeled_pairs
from foolsgold.data.conversions.random_negatives import with_random_negatives
from foolsgold.data.conversions.without_conflicts import without_conflicts
from foolsgold.data.id_rows import Column, Rows
from foolsgold.data.lists_of_rows import interned, lists_of_rows
from foolsgold.data.relabeled import judged, relabeled
from foolsgold.data.rows_of_lists import rows_of_lists
from foolsgold.data.shapes import JUDGED_PAIRS, SHAPES, Roles, is_role, roles_of
from foolsgold.data.sources import sound_rows, source_of_data
from foolsgold.integers import MAX_UINT64, integer
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from foolsgold.data.conversions.lists import Lists
    from foolsgold.data.lists_of_rows import Interned
    from foolsgold.data.shapes import Shape
    from foolsgold.data.sources import Source

logger = logging.getLogger(__name__)

_BATCH_ROWS = 1 << 16
_NEEDS_NEGATIVES = ("triplet", "n-tuple", "labeled-pair", "labeled-list")
Numbers = Literal["labels", "scores", "margins", "none"]


@dataclass(frozen=True, kw_only=True)
class Reshaping:
    """How rows become rows of another shape; what each option says is told at `reshape`."""

    to: Shape | None = None
    num_negatives: int | None = None
    threshold: Any = None
    numbers: Numbers | None = None
    positive_label: Any = None
    negative_label: Any = None
    keep_columns: bool | None = None
    on_error: Literal["raise", "skip"] = "raise"
    miner: Callable[[Any], Any] | None = None
    seed: int = 0
    threads: int | None = None
    progress: bool = False

    def __post_init__(self) -> None:
        if self.to is not None and self.to not in SHAPES:
            wanted = ", ".join(map(repr, SHAPES))
            raise ValueError(f"`to` must be one of {wanted}, got {self.to!r}")
        if self.on_error not in ("raise", "skip"):
            raise ValueError(f"`on_error` must be 'raise' or 'skip', got {self.on_error!r}")
        if self.numbers not in (None, "labels", "scores", "margins", "none"):
            raise ValueError(
                f"`numbers` must be 'labels', 'scores', 'margins' or 'none', got {self.numbers!r}"
            )
        if self.num_negatives is not None:
            least = 1 if self.to in ("triplet", "n-tuple") else 0
            integer("num_negatives", self.num_negatives, least)
        if self.threshold is not None and self.threshold != "first":
            labels_from_scores([], self.threshold)
        integer("seed", self.seed, 0, MAX_UINT64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Reshaped:
    """Rows of the new shape.

    Attributes:
        schema: Arrow schema of the rows.
        batches: gives them in bounded pieces, as often as it is called.
        roles: what they are, and their columns.
        report: what was done.
        renamed: columns of the source that the result has under other names.
    """

    schema: Any
    batches: Callable[[], Iterator[Any]]
    roles: Roles
    report: ConversionReport
    renamed: tuple[str, ...] = ()

    def to_table(self) -> Any:
        """Return all rows as one Arrow table."""
        import pyarrow as pa

        return pa.Table.from_batches(list(self.batches()), schema=self.schema)


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
    keep_columns: bool | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    miner: Callable[[Any], Any] | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
) -> tuple[Any, ConversionReport]:
    """Return a data set in memory in another shape.

    What is said in one place of the rows is kept as it is; what is not, is counted in the report. No row is
    made in which a negative is known to be a positive of its anchor.

    Args:
        data: a `datasets.Dataset`, an Arrow table, a mapping of columns, or rows.
        to: the shape; see `Shape` for all. None for the one that the rows have.
        from_: the shape of the rows; None for what their columns say.
        anchor: the column of anchors or first texts; None for the one that its name tells.
        positive: the column of positives, documents or second texts.
        negative: the column of negatives; for `n-tuple` how their names begin.
        label: the column of labels, scores, grades or classes.
        num_negatives: how many for each positive: n of `n-tuple`, else the most. Where rows have no negatives
            at all, so many are drawn at random (1 by default for shapes that need one; 0 for none).
        threshold: makes labels of scores and grades: 1 from it on; a low and a high one leave out what lies
            between. `"first"` where the first document of each list is its positive.
        numbers: which numbers the rows have: `labels`, `scores`, `margins` (that of the positive less that of
            each negative) or `none`; by default labels, and beside shapes without labels the scores, unless a
            threshold has made roles of them.
        positive_label: of `class-pair`, the class or classes that belong together; `entailment` where it is
            there.
        negative_label: those that do not; by default `contradiction` beside entailment, else all others.
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


def reshaped(source: Source, how: Reshaping, from_: Shape | None, named: dict[str, str | None]) -> Reshaped:
    """Return rows of a source in another shape; see `reshape`."""
    rows_in = source.table.num_rows
    _check_readable(source, {*filter(None, named.values())})
    try:
        roles = roles_of(source.table, from_ or source.shape, **named)
    except ValueError as error:
        at = f"{source.place(0)}: " if rows_in and str(error).startswith("column") else ""
        raise ValueError(f"{at}{error}") from None
    source, num_bad = sound_rows(source, roles, how.on_error)
    left_out = {**source.left_out, "rows skipped for a fault": num_bad + source.num_skipped}
    to = how.to or roles.shape
    if how.miner is not None and roles.shape not in ("pair", *JUDGED_PAIRS):
        raise ValueError(f"`miner` must be left out for rows of `{roles.shape}`, got {how.miner!r}")
    if how.miner is not None:
        source, roles = _mined(source, roles, how, left_out)
    if to == roles.shape and _changes_nothing(how):
        found = _of_table(source.table, roles)
    elif roles.shape in JUDGED_PAIRS and to in ("pair", *JUDGED_PAIRS):
        found = _with_other_labels(source, roles, to, how, left_out)
    else:
        found = _through_lists(source, roles, to, how, left_out)
    used = {*found.schema.names, *found.renamed, *roles.texts}
    if roles.shape not in ("triplet", "n-tuple", "ragged") or found.roles.label is not None:
        used.add(roles.label or "")
    report = ConversionReport(
        from_=roles.shape,
        to=to,
        rows_in=rows_in + source.num_skipped,
        rows_out=found.report.rows_out,
        left_out={reason: count for reason, count in left_out.items() if count},
        dropped_columns=tuple(name for name in source.table.schema.names if name not in used),
    )
    if report.rows_out == 0:
        raise ValueError(f"no row of `{to}` can be made, got {report}")
    logger.info("%s", report)
    return replace(found, report=report)


def _check_readable(source: Source, named: set[str]) -> None:
    """Refuse rows whose texts or labels could not be read: without them they look like another shape."""
    for name, reason in source.unreadable:
        if name in named or is_role(name):
            raise ValueError(reason)
        logger.warning("column `%s` is left out: %s", name, reason)


def _changes_nothing(how: Reshaping) -> bool:
    return (how.num_negatives, how.threshold, how.numbers, how.positive_label) == (None, None, None, None)


def _of_table(table: Any, roles: Roles) -> Reshaped:
    return _result(table.schema, lambda: iter(table.to_batches(_BATCH_ROWS)), roles, table.num_rows)


def _of_ids(found: Rows, roles: Roles) -> Reshaped:
    return _result(found.schema, found.batches, roles, len(found))


def _result(schema: Any, batches: Callable[[], Iterator[Any]], roles: Roles, rows: int) -> Reshaped:
    report = ConversionReport(from_=roles.shape, to=roles.shape, rows_in=0, rows_out=rows)
    return Reshaped(schema=schema, batches=batches, roles=roles, report=report)


def _with_other_labels(
    source: Source, roles: Roles, to: Shape, how: Reshaping, left_out: dict[str, int]
) -> Reshaped:
    _refuse(how, ("num_negatives", "numbers"), roles.shape, to)
    if how.threshold is not None and roles.shape not in ("scored-pair", "graded"):
        _refuse(how, ("threshold",), roles.shape, to)
    labels, is_kept, why = judged(
        source,
        roles,
        threshold=how.threshold,
        positive_label=how.positive_label,
        negative_label=how.negative_label,
    )
    table, name = relabeled(source, roles, to, labels, is_kept)
    left_out.update(why)
    if to == "pair":
        left_out["rows that are no positive"] = int(is_kept.sum()) - table.num_rows
    if not how.keep_columns:
        table = table.select([column for column in (*roles.texts, name) if column is not None])
    return _of_table(table, replace(roles, shape=to, label=name))


def _through_lists(
    source: Source, roles: Roles, to: Shape, how: Reshaping, left_out: dict[str, int]
) -> Reshaped:
    rows = interned(source, roles, threads=how.threads, progress=how.progress)
    if to == "class":
        return _classes_of_pairs(source, roles, rows)
    if to == "class-pair":
        raise ValueError(f"`to` must be another shape for rows of `{roles.shape}`, got 'class-pair'")
    lists, count = _lists(source, roles, rows, to, how, left_out)
    numbers = how.numbers
    if numbers is None and how.threshold is not None and to in ("triplet", "n-tuple", "ragged"):
        numbers = "none"  # the threshold has made roles of the scores
    shaped = rows_of_lists(lists, to, num_negatives=count, numbers=numbers)
    left_out.update(shaped.left_out)
    roles_out = _roles_out(shaped.columns, to)
    columns, renamed = shaped.columns, tuple[str, ...]()
    if how.keep_columns:
        attributes = Attributes(source, roles, rows)
        left_out["further ids or titles of one text"] = attributes.num_ambiguous
        columns, renamed = attributes.beside(columns, roles_out.anchor), attributes.columns
        if lists.rows is not None:
            taken = lists.rows[shaped.lists]
            aside = {*roles.columns, *attributes.columns, *columns}
            for name in source.table.schema.names:
                if name not in aside:
                    columns[name] = _carried(source.table.column(name), taken)
    return replace(_of_ids(Rows(rows.texts.distinct(), columns), roles_out), renamed=renamed)


def _roles_out(columns: dict[str, Column], shape: Shape) -> Roles:
    texts = [name for name, column in columns.items() if column.is_text]
    numbers = [name for name, column in columns.items() if not column.is_text]
    return Roles(
        shape=shape,
        anchor=texts[0],
        positive=texts[1],
        negatives=tuple(texts[2:]),
        label=numbers[0] if numbers else None,
    )


def _lists(
    source: Source, roles: Roles, rows: Interned, to: Shape, how: Reshaping, left_out: dict[str, int]
) -> tuple[Lists, int | None]:
    """Return the rows as lists, and how many negatives each positive gets."""
    count = how.num_negatives
    if roles.shape == "class":
        _refuse(how, ("threshold",), roles.shape, to)
        wanted = 0 if to == "pair" else 1 if count is None else count
        labels = source.table.column(roles.label).dictionary_encode().combine_chunks().indices
        lists, why = lists_from_classes(
            rows.ids[roles.anchor],
            np.asarray(labels).astype(np.int64),
            wanted,
            rows.texts.twins(threads=how.threads, progress=how.progress).astype(np.int64),
            seed=how.seed,
            threads=resolve(how.threads),
        )
        left_out.update(why)
        return lists, count
    lists = _judged_lists(source, roles, rows, how, left_out)
    if to == "pair" or lists.labels is None:
        return lists, count
    lists, left_out["negatives that are a positive of their anchor"] = without_conflicts(lists)
    has_negative = len(lists.places(positive=False)[1]) > 0
    wanted = count if count is not None else int(to in _NEEDS_NEGATIVES)
    if has_negative or not wanted or to in ("graded", "scored-pair"):
        return lists, count
    if how.numbers in ("scores", "margins"):
        raise ValueError(
            f"`numbers` must be 'labels' or 'none' beside negatives at random, got {how.numbers!r}"
        )
    classes = rows.texts.twins(threads=how.threads, progress=how.progress).astype(np.int64)
    lists, left_out["negatives that are missing"] = with_random_negatives(
        lists, wanted, classes, further=rows.corpus, seed=how.seed, threads=resolve(how.threads)
    )
    return lists, wanted if to == "n-tuple" else None


def _judged_lists(
    source: Source, roles: Roles, rows: Interned, how: Reshaping, left_out: dict[str, int]
) -> Lists:
    if roles.shape == "class-pair":
        labels, is_kept, why = judged(
            source, roles, positive_label=how.positive_label, negative_label=how.negative_label
        )
        left_out.update(why)
        kept = np.flatnonzero(is_kept)
        anchors, documents = (rows.ids[name][kept] for name in roles.texts)
        return lists_from_labeled_pairs(anchors, documents, None if labels is None else labels[kept])
    lists = lists_of_rows(source, roles, rows)
    if how.threshold is None:
        return lists
    if roles.shape not in ("scored-pair", "graded", "labeled-list"):
        _refuse(how, ("threshold",), roles.shape, how.to or roles.shape)
    if how.threshold == "first":
        labels = np.zeros(len(lists.documents), np.int64)
        labels[lists.offsets[:-1][np.diff(lists.offsets) > 0]] = 1
        return replace(lists, labels=labels)
    values = lists.scores if lists.labels is None else lists.labels
    labels, is_kept = labels_from_scores(values if values is not None else [], how.threshold)
    left_out["documents between the thresholds"] = int((~is_kept).sum())
    return replace(lists, labels=labels).only(is_kept)


def _classes_of_pairs(source: Source, roles: Roles, rows: Interned) -> Reshaped:
    """Both texts of each pair, with the class of the pair."""
    if roles.shape != "class-pair":
        raise ValueError(f"`to` must be another shape for rows of `{roles.shape}`, got 'class'")
    ids = np.stack([rows.ids[name] for name in roles.texts], axis=1).reshape(-1)
    label = _carried(source.table.column(roles.label), np.repeat(np.arange(source.table.num_rows), 2))
    found = Rows(rows.texts.distinct(), {"text": Column(ids), "label": label})
    return _of_ids(found, Roles(shape="class", anchor="text", label="label"))


def _carried(column: Any, rows: NDArray[Any]) -> Column:
    import pyarrow as pa

    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    return Column(np.asarray(rows, np.int64), is_text=False, taken_from=array)


def _mined(source: Source, roles: Roles, how: Reshaping, left_out: dict[str, int]) -> tuple[Source, Roles]:
    """Return the pairs of the rows with the negatives that a miner finds."""
    pairs = source.table.select(list(roles.texts))
    if roles.shape != "pair":
        found = _with_other_labels(
            source, roles, "pair", replace(how, num_negatives=None, numbers=None), left_out
        )
        pairs = found.to_table()
    mined = source_of_data(how.miner(pairs) if how.miner else pairs)
    mined = replace(mined, left_out=source.left_out)
    return mined, roles_of(mined.table, "ragged", anchor=roles.anchor, positive=roles.positive)


def _refuse(how: Reshaping, names: Sequence[str], shape: str, to: str) -> None:
    for name in names:
        value = getattr(how, name)
        if value is not None:
            raise ValueError(f"`{name}` must be left out from `{shape}` to `{to}`, got {value!r}")
