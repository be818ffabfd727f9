"""Rows in their new shape."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from foolsgold.data.reshaping.report import ConversionReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from foolsgold.data.id_rows import Rows
    from foolsgold.data.reshaping.shapes import Roles

_BATCH_ROWS = 1 << 16


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
    batches: Callable[[], Iterable[Any]]
    roles: Roles
    report: ConversionReport
    renamed: tuple[str, ...] = ()

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
    def _of(cls, schema: Any, batches: Callable[[], Iterable[Any]], roles: Roles, rows: int) -> Reshaped:
        report = ConversionReport(from_=roles.shape, to=roles.shape, rows_in=0, rows_out=rows)
        return cls(schema=schema, batches=batches, roles=roles, report=report)
