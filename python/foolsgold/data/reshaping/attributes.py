"""Ids and titles that rows carry beside their texts, kept by text where rows are regrouped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.id_rows import Column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.reshaping.lists_of_rows import Interned
    from foolsgold.data.reshaping.shapes import Roles
    from foolsgold.data.reshaping.sources import Source

ATTRIBUTES = ("id", "title")


def companion(column: str, attribute: str, *, is_list: bool) -> str:
    """Return the name of the column that holds an attribute of the texts of another.

    Example:
        >>> companion("anchor", "id", is_list=False), companion("negatives", "title", is_list=True)
        ('anchor_id', 'negative_titles')
    """
    singular = _SINGULAR.get(column, column)
    return f"{singular}_{attribute}s" if is_list else f"{singular}_{attribute}"


_SINGULAR = {"positives": "positive", "negatives": "negative", "documents": "document"}


class Attributes:
    """What is known of texts by their ids: of anchors, and of documents.

    Args:
        source: the rows.
        roles: of their columns.
        rows: the same as ids.

    Attributes:
        columns: names of the columns that hold attributes.
        num_ambiguous: texts with several ids or titles, of which the first counts.
    """

    def __init__(self, source: Source, roles: Roles, rows: Interned) -> None:
        self.columns: tuple[str, ...] = ()
        self.num_ambiguous = 0
        self._known: dict[tuple[bool, str], tuple[Any, NDArray[np.int64]]] = {}
        for attribute in ATTRIBUTES:
            for is_anchor in (True, False):
                self._read(source, roles, rows, attribute, is_anchor=is_anchor)

    def _read(self, source: Source, roles: Roles, rows: Interned, attribute: str, *, is_anchor: bool) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        owners, cells = [], []
        for name in roles.texts:
            beside = companion(name, attribute, is_list=name in rows.offsets)
            if (name == roles.anchor) != is_anchor or beside not in source.table.schema.names:
                continue
            column = source.table.column(beside)
            flat = pc.list_flatten(column) if name in rows.offsets else column
            if len(flat) != len(rows.ids[name]):
                continue  # not one for each text: a column like any other
            owners.append(rows.ids[name])
            cells += flat.cast(pa.large_string()).chunks
            self.columns += (beside,)
        if not owners:
            return
        owner = np.concatenate(owners)
        codes = pa.chunked_array(cells, pa.large_string()).dictionary_encode().unify_dictionaries()
        values = codes.chunk(0).dictionary if codes.num_chunks else pa.array([], pa.large_string())
        code = np.concatenate([np.asarray(chunk.indices.fill_null(-1)) for chunk in codes.chunks] or [owner])
        code = code.astype(np.int64)
        is_known = (code >= 0) & (owner >= 0)
        owner, code = owner[is_known], code[is_known]
        of_text = np.full(len(rows.texts), -1, np.int64)
        of_text[owner[::-1]] = code[::-1]
        self.num_ambiguous += len(np.unique(owner[of_text[owner] != code]))
        self._known[is_anchor, attribute] = values, of_text

    def beside(self, columns: dict[str, Column], anchor: str) -> dict[str, Column]:
        """Return columns of texts, each followed by those of what is known of them."""
        found: dict[str, Column] = {}
        for name, column in columns.items():
            found[name] = column
            for attribute in ATTRIBUTES:
                known = self._known.get((name == anchor, attribute))
                if known is None or not column.is_text or column.taken_from is not None:
                    continue
                values, of_text = known
                places = np.where(column.values < 0, -1, of_text[column.values])
                beside = companion(name, attribute, is_list=column.offsets is not None)
                found[beside] = Column(places, column.offsets, is_text=False, taken_from=values)
        return found
