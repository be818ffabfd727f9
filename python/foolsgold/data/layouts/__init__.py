"""The layouts of other tools, read and written by name, one file each.

A layout turns a file, or the files of a folder, into rows of one shape with what else they carry (ids,
titles, scores, prompts) as columns, and such rows back. Columns have one name in all of them: `anchor`,
`positives`, `negatives`, and beside a column of texts `anchor_id`, `positive_ids`, `negative_titles` and so
on.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from foolsgold.data.layouts import (
    beir,
    dpr,
    flagembedding,
    hard_negatives,
    margin_mse,
    msmarco,
    msmarco_triples,
    pylate,
    tevatron,
    tevatron_ids,
    trec_qrels,
    trec_run,
)
from foolsgold.data.layouts.nested import first_keys
from foolsgold.data.layouts.texts import ending_of

if TYPE_CHECKING:
    from collections.abc import Sequence

LAYOUTS: dict[str, Any] = {
    "beir": beir,
    "dpr": dpr,
    "flagembedding": flagembedding,
    "hard-negatives": hard_negatives,
    "margin-mse": margin_mse,
    "msmarco": msmarco,
    "msmarco-triples": msmarco_triples,
    "pylate": pylate,
    "tevatron": tevatron,
    "tevatron-ids": tevatron_ids,
    "trec-qrels": trec_qrels,
    "trec-run": trec_run,
}
"""By name, what reads and writes each: `SHAPE`, `IS_FOLDER`, `is_layout`, `read` and `write`.

That of a file says also whether it `IS_JSON`; one that is none has lines of fields.
"""

_JSON = (".jsonl", ".ndjson", ".json")
_NO_LINES = (*_JSON, ".csv", ".parquet", ".arrow", ".arrows", ".feather")


def layout_named(argument: str, name: str) -> Any:
    """Return a layout.

    Raises:
        ValueError: if there is none of that name.
    """
    if name not in LAYOUTS:
        wanted = ", ".join(map(repr, LAYOUTS))
        raise ValueError(f"`{argument}` must be one of {wanted}, got {name!r}")
    return LAYOUTS[name]


def check_ending(path: Path, name: str) -> None:
    """Check that the file of a layout is one that its reader takes by its ending.

    Raises:
        ValueError: if it ends as files of another kind do.

    Example:
        >>> check_ending(Path("rows.jsonl.gz"), "dpr")
        >>> check_ending(Path("a.csv"), "trec-run")
        Traceback (most recent call last):
            ...
        ValueError: `output` must not end in .csv for layout 'trec-run', which is lines of fields, got a.csv
    """
    ending = ending_of(path)
    if LAYOUTS[name].IS_JSON and ending not in _JSON:
        wanted = "must end in .jsonl, .ndjson or .json (also .gz or .zst)"
        raise ValueError(f"`output` {wanted} for layout {name!r}, got {path}")
    if not LAYOUTS[name].IS_JSON and ending in _NO_LINES:
        told = f"must not end in {ending} for layout {name!r}, which is lines of fields"
        raise ValueError(f"`output` {told}, got {path}")


def layout_of(paths: Sequence[str]) -> str | None:
    """Return the layout that files tell by their names and keys, None for plain columns.

    Raises:
        ValueError: if they tell several.
    """
    path = Path(paths[0])
    names: set[str] = set()
    keys: set[str] = set()
    if path.is_dir():
        names = {entry.name for entry in path.iterdir()}
        names |= {f"qrels/{entry.name}" for entry in path.glob("qrels/*")}
    elif any(suffix in _JSON for suffix in path.suffixes[-2:]):
        keys = first_keys(path)
    else:
        return None
    found = [name for name, layout in LAYOUTS.items() if layout.is_layout(names, keys)]
    if len(found) > 1:
        choices = ", ".join(map(repr, found))
        raise ValueError(
            f"{path}: must be of one layout, got what may be {choices}\nhint: name it with `layout`"
        )
    return found[0] if found else None
