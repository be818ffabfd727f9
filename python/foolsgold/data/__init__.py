"""Data sets: files, text ids, columns and their roles.

- `read`, `read_pairs`: files as Arrow tables, and as pairs to train on.
- `Texts`: every distinct text as one number.
- `read_docstrings`: a corpus that every machine has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from foolsgold.lazy import getter

if TYPE_CHECKING:
    from foolsgold.data.docstrings import read_docstrings
    from foolsgold.data.files import read
    from foolsgold.data.pairs import Pairs, read_pairs
    from foolsgold.data.texts import Texts

__all__ = ["Pairs", "Texts", "read", "read_docstrings", "read_pairs"]

__getattr__ = getter(
    __name__,
    {
        "Pairs": "foolsgold.data.pairs",
        "Texts": "foolsgold.data.texts",
        "read": "foolsgold.data.files",
        "read_docstrings": "foolsgold.data.docstrings",
        "read_pairs": "foolsgold.data.pairs",
    },
)
