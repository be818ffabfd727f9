"""The ways from one shape to another: by labels alone, or through the documents of each anchor."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.id_rows import Column, Rows
from foolsgold.data.reshaping.attributes import Attributes
from foolsgold.data.reshaping.judged_lists import lists_for
from foolsgold.data.reshaping.lists_of_rows import interned
from foolsgold.data.reshaping.relabeled import judged, relabeled
from foolsgold.data.reshaping.report import ConversionReport
from foolsgold.data.reshaping.result import Reshaped
from foolsgold.data.reshaping.rows_of_lists import rows_of_lists
from foolsgold.data.reshaping.shapes import JUDGED_PAIRS, Roles, is_role, roles_of
from foolsgold.data.reshaping.sources import sound_rows, source_of_data

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.reshaping.lists_of_rows import Interned
    from foolsgold.data.reshaping.options import Reshaping
    from foolsgold.data.reshaping.shapes import Shape
    from foolsgold.data.reshaping.sources import Source

logger = logging.getLogger(__name__)


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
    if to == roles.shape and how.changes_nothing:
        found = Reshaped.of_table(source.table, roles)
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


def _with_other_labels(
    source: Source, roles: Roles, to: Shape, how: Reshaping, left_out: dict[str, int]
) -> Reshaped:
    how.refuse(("num_negatives", "numbers"), roles.shape, to)
    if how.threshold is not None and roles.shape not in ("scored-pair", "graded"):
        how.refuse(("threshold",), roles.shape, to)
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
    return Reshaped.of_table(table, replace(roles, shape=to, label=name))


def _through_lists(
    source: Source, roles: Roles, to: Shape, how: Reshaping, left_out: dict[str, int]
) -> Reshaped:
    rows = interned(source, roles, threads=how.threads, progress=how.progress)
    if to == "class":
        return _classes_of_pairs(source, roles, rows)
    if to == "class-pair":
        raise ValueError(f"`to` must be another shape for rows of `{roles.shape}`, got 'class-pair'")
    lists, count = lists_for(source, roles, rows, to, how, left_out)
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
    return replace(Reshaped.of_ids(Rows(rows.texts.distinct(), columns), roles_out), renamed=renamed)


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


def _classes_of_pairs(source: Source, roles: Roles, rows: Interned) -> Reshaped:
    """Both texts of each pair, with the class of the pair."""
    if roles.shape != "class-pair":
        raise ValueError(f"`to` must be another shape for rows of `{roles.shape}`, got 'class'")
    ids = np.stack([rows.ids[name] for name in roles.texts], axis=1).reshape(-1)
    label = _carried(source.table.column(roles.label), np.repeat(np.arange(source.table.num_rows), 2))
    found = Rows(rows.texts.distinct(), {"text": Column(ids), "label": label})
    return Reshaped.of_ids(found, Roles(shape="class", anchor="text", label="label"))


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
