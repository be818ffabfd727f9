"""Texts that are no Unicode, told by column and row: lone surrogates, which UTF-8 cannot hold."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def surrogates_told(columns: Mapping[str, Any], *, first_row: int = 0) -> Iterator[None]:
    r"""Tell of a lone surrogate where it stands, a context around work on columns.

    Args:
        columns: the columns by name, of Python values.
        first_row: the number of their first row.

    Raises:
        ValueError: in place of Python's `UnicodeEncodeError`, naming column and row.

    Example:
        >>> with surrogates_told({"text": ["a", "\ud800"]}):  # doctest: +ELLIPSIS
        ...     "\ud800".encode()
        Traceback (most recent call last):
            ...
        ValueError: `text` must be valid Unicode at row 1, got ...: surrogates not allowed
    """
    try:
        yield
    except UnicodeEncodeError as error:
        for name, column in columns.items():
            for row, cell in enumerate(column, first_row):
                if broken := _broken(cell):
                    raise ValueError(f"`{name}` must be valid Unicode at row {row}, got {broken}") from None
        raise ValueError(f"texts must be valid Unicode, got {error}") from None


def _broken(cell: Any) -> str | None:
    """Say what is wrong with the first text of a cell that is no Unicode; None where there is none."""
    if isinstance(cell, np.ndarray):
        return _broken(cell.tolist())
    if isinstance(cell, str):
        try:
            cell.encode()
        except UnicodeEncodeError as error:
            return str(error)
    if isinstance(cell, Mapping):
        return next(filter(None, map(_broken, [*cell, *cell.values()])), None)
    if isinstance(cell, (list, tuple)):
        return next(filter(None, map(_broken, cell)), None)
    return None
