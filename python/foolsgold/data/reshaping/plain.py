"""Arrow types without dictionaries and views, which not all that reads columns knows."""

from __future__ import annotations

from typing import Any


def plain_schema(schema: Any) -> Any:
    """Return a schema without dictionaries, views and metadata; lists of nothing but nulls hold texts."""
    import pyarrow as pa

    return pa.schema([(field.name, plain_type(field.type)) for field in schema])


def as_plain(rows: Any, schema: Any) -> Any:
    """Return a batch or table with the types of a `plain_schema`, a column that has its type as it is."""
    columns = [plain_column(column, field.type) for column, field in zip(rows.columns, schema, strict=True)]
    return type(rows).from_arrays(columns, schema=schema)


def plain_column(column: Any, kind: Any = None) -> Any:
    """Return an Arrow array, or a chunked one, with a plain type; as it is where it has it."""
    import pyarrow as pa

    kind = plain_type(column.type) if kind is None else kind
    if column.type.equals(kind):
        return column
    if not (pa.types.is_dictionary(column.type) and pa.types.is_string_view(column.type.value_type)):
        return column.cast(kind)
    # Arrow decodes no dictionary of views.
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    found = [chunk.dictionary.cast(kind).take(chunk.indices) for chunk in chunks]
    return pa.chunked_array(found, kind) if isinstance(column, pa.ChunkedArray) else found[0]


def plain_type(kind: Any) -> Any:
    """Return the type itself where there is nothing to change.

    Example:
        >>> import pyarrow
        >>> str(plain_type(pyarrow.list_(pyarrow.string_view())))
        'list<item: large_string>'
    """
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        inner = plain_type(kind.value_type)
        return pa.large_string() if pa.types.is_string(inner) else inner  # repeated texts may pass 2 GiB
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        item = pa.large_string() if pa.types.is_null(kind.value_type) else plain_type(kind.value_type)
        if item.equals(kind.value_type):
            return kind
        return pa.list_(item) if pa.types.is_list(kind) else pa.large_list(item)
    return kind
