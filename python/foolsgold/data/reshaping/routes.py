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
from foolsgold.data.reshaping.result import SKIPPED, Reshaped, check_rows
from foolsgold.data.reshaping.rows_of_lists import rows_of_lists
from foolsgold.data.reshaping.shapes import JUDGED_PAIRS, Roles, is_role, roles_of
from foolsgold.data.reshaping.sources import sound_rows, source_of_data

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from foolsgold.data.reshaping.file_rows import FileRows
    from foolsgold.data.reshaping.lists_of_rows import Interned
    from foolsgold.data.reshaping.options import Reshaping
    from foolsgold.data.reshaping.scratch import Scratch
    from foolsgold.data.reshaping.shapes import Shape
    from foolsgold.data.reshaping.sources import Source

logger = logging.getLogger(__name__)

_NOT_OF_CLASSES = ("noise", "threshold", "numbers", "num_negatives", "positive_label", "negative_label")
_MAX_BYTES = 1 << 23  # of text in a column of a batch, where texts are on disk


def reshaped(source: Source, how: Reshaping, from_: Shape | None, named: dict[str, str | None]) -> Reshaped:
    """Return rows of a source in another shape; see `reshape`."""
    check_readable(source.unreadable, {*filter(None, named.values())})
    try:
        roles = roles_of(source.table, from_ or source.shape, class_names=source.class_names, **named)
    except ValueError as error:
        is_told = source.table.num_rows and str(error).startswith("column")
        at = f"{source.place(0)}: " if is_told else ""
        raise ValueError(f"{at}{error}") from None
    return reshaped_sound(sound_rows(source, roles, how.on_error), roles, how)


def reshaped_files(
    rows: FileRows, scratch: Scratch, how: Reshaping, from_: Shape | None, named: dict[str, str | None]
) -> Reshaped:
    """Return rows of files in another shape.

    Rows that stay as they are are read when they are asked for, batch by batch. What is made of others is
    worked out from a scratch file.
    """
    check_readable(rows.unreadable, {*filter(None, named.values())})
    roles, is_open = rows.roles(from_, named)
    stays = how.to is None or (how.to == roles.shape and not is_open)
    if stays and how.changes_nothing and how.miner is None:
        return Reshaped.of_files(rows, roles, is_open=is_open)
    source = rows.to_source(scratch, roles, is_open=is_open)
    return reshaped_sound(source, replace(roles, shape=source.shape or roles.shape), how)


def reshaped_sound(source: Source, roles: Roles, how: Reshaping) -> Reshaped:
    """Return sound rows of a source in another shape."""
    rows_in = source.table.num_rows + source.num_skipped
    left_out = {**source.left_out, SKIPPED: source.num_skipped}
    to = how.to or roles.shape
    if how.miner is not None and roles.shape not in ("pair", *JUDGED_PAIRS):
        raise ValueError(f"`miner` must be left out for rows of `{roles.shape}`, got {how.miner!r}")
    if how.miner is not None:
        source, roles = _mined(source, roles, how, left_out)
        how = replace(how, threshold=None, positive_label=None, negative_label=None)
    if to == "pair":
        how.refuse(("num_negatives",), roles.shape, to)
    takes_label = True
    if to == roles.shape and how.changes_nothing:
        found = Reshaped.of_table(source.table, roles)
    elif roles.shape in JUDGED_PAIRS and to in ("pair", *JUDGED_PAIRS) and not _takes_negatives(to, how):
        found = _with_other_labels(source, roles, to, how, left_out)
    else:
        found, takes_label = _through_lists(source, roles, to, how, left_out)
    used = {*found.schema.names, *found.renamed, *roles.texts}
    used = used | {roles.label} if takes_label else used - {roles.label}
    stays = to == roles.shape and how.changes_nothing
    as_they_were = {*found.schema.names} - ({roles.label} if not stays and to != "class" else {None})
    report = ConversionReport(
        from_=roles.shape,
        to=to,
        rows_in=rows_in,
        rows_out=found.report.rows_out,
        left_out={reason: count for reason, count in left_out.items() if count},
        dropped_columns=tuple(name for name in source.table.schema.names if name not in used),
        class_names={name: names for name, names in source.class_names.items() if name in as_they_were},
    )
    check_rows(report)
    logger.info("%s", report)
    return replace(found, told=lambda: report)


def check_readable(unreadable: Iterable[tuple[str, str]], named: set[str]) -> None:
    """Refuse rows whose texts or labels could not be read: without them they look like another shape."""
    for name, reason in unreadable:
        if name in named or is_role(name):
            raise ValueError(reason)
        logger.warning("column `%s` is left out: %s", name, reason)


def _takes_negatives(to: Shape, how: Reshaping) -> bool:
    """Say whether rows that are judged get further ones, or fewer."""
    return to == "labeled-pair" and how.num_negatives is not None


def _with_other_labels(
    source: Source, roles: Roles, to: Shape, how: Reshaping, left_out: dict[str, int]
) -> Reshaped:
    how.refuse(("num_negatives", "numbers", "noise"), roles.shape, to)
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
    if to == "labeled-pair" and bool(np.asarray(table.column(name)).all()):
        logger.warning("all rows of `labeled-pair` are positives; `num_negatives` draws negatives at random")
    if not how.keep_columns:
        table = table.select([column for column in (*roles.texts, name) if column is not None])
    return Reshaped.of_table(table, replace(roles, shape=to, label=name))


def _through_lists(
    source: Source, roles: Roles, to: Shape, how: Reshaping, left_out: dict[str, int]
) -> tuple[Reshaped, bool]:
    """Return rows made of others, and whether what was said of these had a part in it."""
    rows = interned(source, roles, threads=how.threads, progress=how.progress)
    if to == "class":
        how.refuse(_NOT_OF_CLASSES, roles.shape, to)
        return _classes_of_pairs(source, roles, rows), True
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
    found = replace(Reshaped.of_ids(_rows(rows, columns, source), roles_out), renamed=renamed)
    is_told_by_label = roles.shape not in ("triplet", "n-tuple", "ragged") or how.threshold is not None
    has_scores = lists.scores is not None and how.keeps_scores(to)
    return found, is_told_by_label or (has_scores and roles_out.label is not None)


def _rows(rows: Interned, columns: dict[str, Column], source: Source) -> Rows:
    if source.scratch is None:
        return Rows(rows.distinct, columns)
    return Rows(rows.distinct, columns, order=rows.order, max_bytes=_MAX_BYTES)


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
    found = _rows(rows, {"text": Column(ids), "label": label}, source)
    return Reshaped.of_ids(found, Roles(shape="class", anchor="text", label="label"))


def _carried(column: Any, rows: NDArray[Any]) -> Column:
    return Column(np.asarray(rows, np.int64), is_text=False, taken_from=column)


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
