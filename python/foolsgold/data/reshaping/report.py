"""What a conversion did: rows in, rows out, and what was left out and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_CLASSES = 10  # that are told by name


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
        class_names: by column whose numbers stand for classes, as a `ClassLabel` of `datasets` has them, the
            names in the order of the numbers: files keep the numbers alone, as losses take them.

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
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __str__(self) -> str:
        told = f"{_rows(self.rows_in)} of {self.from_} -> {_rows(self.rows_out)} of {self.to}"
        if self.left_out:
            told += "; left out: " + ", ".join(
                f"{reason} {count:,}" for reason, count in self.left_out.items()
            )
        if self.dropped_columns:
            told += "; columns dropped: " + ", ".join(self.dropped_columns)
        return "; ".join([told, *self.told_classes()])

    def told_classes(self) -> list[str]:
        """Return for each column of classes what its numbers stand for, the first ten.

        Example:
            >>> names = {"label": ("no", "yes")}
            >>> told = ConversionReport(from_="class", to="class", rows_in=1, rows_out=1, class_names=names)
            >>> told.told_classes()
            ['classes of label: 0 no, 1 yes']
        """
        found = []
        for column, names in self.class_names.items():
            first = ", ".join(f"{number} {name}" for number, name in enumerate(names[:_CLASSES]))
            further = f" and {len(names) - _CLASSES:,} more" if len(names) > _CLASSES else ""
            found.append(f"classes of {column}: {first}{further}")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        names = {column: list(names) for column, names in self.class_names.items()}
        return {**asdict(self), "dropped_columns": list(self.dropped_columns), "class_names": names}


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"
