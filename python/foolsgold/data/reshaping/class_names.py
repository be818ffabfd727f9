"""The names of classes that columns of numbers stand for, as `datasets` keeps them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

ClassNames: TypeAlias = "Mapping[str, tuple[str, ...]]"
"""By column the name of each class; the number of a class is its place. -1 says that a row has no label."""


def class_names(schema: Any) -> dict[str, tuple[str, ...]]:
    """Return the names of the `ClassLabel` columns of an Arrow schema, from the metadata of `datasets`.

    Example:
        >>> import pyarrow
        >>> label = '{"info": {"features": {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}}}}'
        >>> class_names(pyarrow.schema([("label", "int64")], metadata={"huggingface": label}))
        {'label': ('no', 'yes')}
    """
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {
            name: tuple(map(str, feature["names"]))
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}  # metadata of another kind tell nothing


def class_names_of_data(data: Any) -> dict[str, tuple[str, ...]]:
    """Return those of a data set in memory: a `datasets.Dataset`, or an Arrow table that was one."""
    import pyarrow as pa

    features = getattr(data, "features", None)
    schema = getattr(features, "arrow_schema", None) or getattr(data, "schema", None)
    return class_names(schema) if isinstance(schema, pa.Schema) else {}
