"""Rows in their new shape."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from foolsgold.data.reshaping.report import ConversionReport
from foolsgold.data.reshaping.shapes import LabelValues

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from foolsgold.data.id_rows import Rows
    from foolsgold.data.reshaping.file_rows import FileRows
    from foolsgold.data.reshaping.shapes import Roles

logger = logging.getLogger(__name__)

SKIPPED = "rows skipped for a fault"
_BATCH_ROWS = 1 << 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Reshaped:
    """Rows of the new shape.

    Attributes:
        schema: Arrow schema of the rows.
        batches: gives them in bounded pieces, as often as it is called.
        roles: what they are, and their columns.
        told: gives the report; of rows that are read when they are asked for, once they were.
        renamed: columns of the source that the result has under other names.
    """

    schema: Any
    batches: Callable[[], Iterable[Any]]
    roles: Roles
    told: Callable[[], ConversionReport]
    renamed: tuple[str, ...] = ()

    @property
    def report(self) -> ConversionReport:
        """What was done."""
        return self.told()

    def to_table(self) -> Any:
        """Return all rows as one Arrow table."""
        import pyarrow as pa

        return pa.Table.from_batches(list(self.batches()), schema=self.schema)

    @classmethod
    def of_table(cls, table: Any, roles: Roles) -> Reshaped:
        """Return the rows of an Arrow table."""
        batches = partial(table.to_batches, _BATCH_ROWS)
        return cls._of(table.schema, batches, roles, table.num_rows)

    @classmethod
    def of_ids(cls, found: Rows, roles: Roles) -> Reshaped:
        """Return rows whose texts are still ids."""
        return cls._of(found.schema, found.batches, roles, len(found))

    @classmethod
    def of_files(cls, rows: FileRows, roles: Roles, *, is_open: bool) -> Reshaped:
        """Return rows of files as they are.

        Args:
            rows: the files.
            roles: of their columns.
            is_open: whether the values of the label tell the shape.
        """
        report = ConversionReport(from_=roles.shape, to=roles.shape, rows_in=0, rows_out=0)

        def batches() -> Iterator[Any]:
            nonlocal report
            labels, rows_out = LabelValues() if is_open else None, 0
            for batch in rows.batches(roles, labels):
                rows_out += batch.num_rows
                yield batch
            shape = roles.shape if labels is None else labels.shape(roles.label or "")
            report = ConversionReport(
                from_=shape,
                to=shape,
                rows_in=rows.num_read,
                rows_out=rows_out,
                left_out={SKIPPED: rows.num_skipped} if rows.num_skipped else {},
                class_names=rows.class_names,
            )
            check_rows(report)
            logger.info("%s", report)

        return cls(schema=rows.schema, batches=batches, roles=roles, told=lambda: report)

    @classmethod
    def _of(cls, schema: Any, batches: Callable[[], Iterable[Any]], roles: Roles, rows: int) -> Reshaped:
        report = ConversionReport(from_=roles.shape, to=roles.shape, rows_in=0, rows_out=rows)
        return cls(schema=schema, batches=batches, roles=roles, told=lambda: report)


def check_rows(report: ConversionReport) -> None:
    """Check that a conversion has rows.

    Raises:
        ValueError: if it has none.
    """
    if report.rows_out == 0:
        raise ValueError(f"no row of `{report.to}` can be made, got {report}")
