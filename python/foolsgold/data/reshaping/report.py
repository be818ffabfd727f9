"""What a conversion did: rows in, rows out, and what was left out and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class ConversionReport:
    """What a conversion did.

    Attributes:
        from_: the shape that was read.
        to: the shape that was written.
        rows_in: rows read, with those that were skipped.
        rows_out: rows written.
        left_out: by reason how many rows, lists or documents are not in the result.
        dropped_columns: columns that the result does not have.

    Example:
        >>> left_out = {"blank": 1}
        >>> report = ConversionReport(from_="pair", to="triplet", rows_in=2, rows_out=1, left_out=left_out)
        >>> print(report)
        2 rows of pair -> 1 row of triplet; left out: blank 1
    """

    from_: str
    to: str
    rows_in: int
    rows_out: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    dropped_columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = f"{_rows(self.rows_in)} of {self.from_} -> {_rows(self.rows_out)} of {self.to}"
        if self.left_out:
            told += "; left out: " + ", ".join(
                f"{reason} {count:,}" for reason, count in self.left_out.items()
            )
        if self.dropped_columns:
            told += "; columns dropped: " + ", ".join(self.dropped_columns)
        return told

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {**asdict(self), "dropped_columns": list(self.dropped_columns)}


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"
