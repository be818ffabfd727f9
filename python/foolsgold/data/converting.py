"""Files of training data into other files: any shape to any, the layouts of other tools, any format."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from foolsgold.data.files import listed
from foolsgold.data.layouts import beir, check_ending, layout_named, layout_of, msmarco
from foolsgold.data.layouts.places import placed
from foolsgold.data.layouts.rows import Reading, UnwritableError, Writing
from foolsgold.data.layouts.splits import UNJUDGED
from foolsgold.data.reshaping.attributes import ATTRIBUTES, companion
from foolsgold.data.reshaping.file_rows import FileRows
from foolsgold.data.reshaping.options import Numbers, Reshaping
from foolsgold.data.reshaping.routes import reshaped, reshaped_files
from foolsgold.data.reshaping.scratch import Scratch
from foolsgold.data.reshaping.sources import Source, source_of_data
from foolsgold.data.streaming import stream
from foolsgold.data.writing import check_writable, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from foolsgold.data.reshaping.report import ConversionReport
    from foolsgold.data.reshaping.result import Reshaped
    from foolsgold.data.reshaping.shapes import Shape

Paths = "str | os.PathLike[str] | Sequence[str | os.PathLike[str]]"


def convert(
    source: Any,
    output: str | os.PathLike[str],
    *,
    to: Shape | None = None,
    from_: Shape | None = None,
    layout: str | None = None,
    to_layout: str | None = None,
    corpus: str | os.PathLike[str] | None = None,
    queries: str | os.PathLike[str] | None = None,
    split: str | Sequence[str] | None = None,
    anchor: str | None = None,
    positive: str | None = None,
    negative: str | None = None,
    label: str | None = None,
    num_negatives: int | None = None,
    threshold: float | tuple[float, float] | Literal["first"] | None = None,
    numbers: Numbers | None = None,
    positive_label: Any = None,
    negative_label: Any = None,
    noise: Any = None,
    keep_columns: bool | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    miner: Callable[[Any], Any] | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
) -> ConversionReport:
    r"""Convert files of training data.

    The endings of `source` and `output` say what the files are: `.jsonl`, `.json`, `.csv`, `.tsv` (also
    `.gz`, `.zst`), `.parquet`, `.arrow`, `.arrows`, `.feather`, or a folder of `datasets`. A layout is what
    another tool reads: `flagembedding`, `tevatron`, `tevatron-ids`, `dpr`, `beir`, `msmarco`,
    `msmarco-triples`, `trec-qrels`, `trec-run`, `hard-negatives`, `margin-mse`, `pylate`. Those of the source
    are known by their keys and files where these are sure. The output is there whole, or not at all.

    Where a layout has ids, they are those that rows carry, else numbers from 0 in order of first appearance;
    `hard-negatives`, `margin-mse`, `trec-qrels` and `trec-run` are files of ids alone, without the texts. A
    BEIR folder that becomes one keeps documents and queries that no row has, and all that its files say of
    them. Classes of a `ClassLabel` of `datasets` are written as their numbers, which losses take; the report
    has their names.

    Files may be larger than memory. Rows that keep their shape go from the files to the output a batch at a
    time. For other shapes, and where a layout has ids in place of texts, texts go to a folder beside the
    output, `.<name>.<random>.scratch`, which takes about twice their bytes and is removed at the end, also
    after an error or an interruption; in memory are 8 bytes for each text of a row, some times over, numbers,
    the ids and titles that travel with texts, and a batch. All distinct texts are in memory where negatives
    are drawn at random or classes give pairs (their normal forms are compared), and where a layout of ids
    is written.

    Args:
        source: files of one schema, a folder of a layout, or a data set in memory.
        output: the file to write, or the folder of a layout.
        to: the shape of the rows to write; by default that of the output's layout, else that of the source.
        from_: the shape of the rows that are read; by default what their layout or columns say.
        layout: of the source; by default what its keys and files tell, else plain columns.
        to_layout: of the output; by default plain columns.
        corpus: the documents of a layout of ids.
        queries: its queries.
        split: of judgments, the one to read and to write; of a BEIR or MS MARCO folder several, or `all`.
            Rows of several have a column `split`, by which such a folder gets a file for each; rows of
            another origin may have such a column too. By default all where a BEIR folder becomes one; else
            `train`, or the only one, and the report tells how many judgments of other splits are left out.
        anchor: as for `reshape`, as all that follow.
        positive: see there.
        negative: see there.
        label: see there.
        num_negatives: see there.
        threshold: see there.
        numbers: see there.
        positive_label: see there.
        negative_label: see there.
        noise: see there.
        keep_columns: see there; columns are kept for a layout too, which has a place for ids and titles.
        on_error: at a null or blank text, or a bad row (see `stream`), `raise`, or `skip` it and count it.
        miner: see there.
        seed: see there.
        threads: see there.
        progress: show progress bars.

    Returns:
        Rows read and written, what was left out and why, and the columns that were dropped.

    Raises:
        ValueError: as `reshape`; if a file breaks its format or layout (file, row and column are named), the
            layout is not clear, or the output cannot be written.
        OSError: if a file cannot be opened or written.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> row = '{"query": "who?", "pos": ["me"], "neg": ["you", "they"]}\n'
        >>> _ = (folder / "rows.jsonl").write_text(row)
        >>> print(convert(folder / "rows.jsonl", folder / "triplets.csv", to="triplet"))
        1 row of ragged -> 2 rows of triplet
        >>> (folder / "triplets.csv").read_text().splitlines()[1]
        '"who?","me","you"'
    """
    into = None if to_layout is None else layout_named("to_layout", to_layout)
    path = Path(output)
    check_output(path, to_layout)
    how = Reshaping(
        to=to or (None if into is None else into.SHAPE),
        num_negatives=num_negatives,
        threshold=threshold,
        numbers=numbers,
        positive_label=positive_label,
        negative_label=negative_label,
        noise=noise,
        keep_columns=into is not None if keep_columns is None and into is not None else keep_columns,
        on_error=on_error,
        miner=miner,
        seed=seed,
        threads=threads,
        progress=progress,
    )
    if into is not None and how.to != into.SHAPE:
        raise ValueError(f"`to` must be {into.SHAPE!r} for layout {to_layout!r}, got {to!r}")
    splits = (split,) if isinstance(split, str) else tuple(split or ())
    if split is not None and not all(isinstance(name, str) and name for name in splits or (None,)):
        raise ValueError(f"`split` must be a name, or a list of them, got {split!r}")
    named = {"anchor": anchor, "positive": positive, "negative": negative, "label": label}
    with Scratch(path) as scratch:
        reading = Reading(
            scratch=scratch,
            corpus=None if corpus is None else Path(corpus),
            queries=None if queries is None else Path(queries),
            splits=splits,
            keeps_splits=into is beir and bool(how.keep_columns) and miner is None,
            on_error=on_error,
            threads=threads,
            progress=progress,
        )
        found = read_source(source, layout, reading)
        to_split = _split_to_write(splits, found, into)
        dropped = [name for name, _ in found.unreadable]
        if into is not beir or not how.keep_columns:
            dropped += _further_columns(found)
            found = _without_collections(found)
        elif isinstance(found, Source) and found.collections:
            left_out = {why: count for why, count in found.left_out.items() if why not in UNJUDGED}
            found = replace(found, left_out=left_out)
        if isinstance(found, FileRows):
            rows = reshaped_files(found, scratch, how, from_, named)
        else:
            rows = reshaped(found, how, from_, named)
        if into is None:
            check_writable(path, rows.schema)
            write(path, rows.batches(), rows.schema, threads=threads)
        else:
            try:
                into.write(path, _in_layout_names(rows, found, to_split))
            except UnwritableError as error:
                raise placed(error, found) from None
        report = rows.report
        return replace(report, dropped_columns=tuple(dict.fromkeys([*report.dropped_columns, *dropped])))


def read_source(source: Any, layout: str | None, how: Reading) -> Source | FileRows:
    """Read what is to be converted: files, a folder, or a data set in memory.

    Raises:
        ValueError: as `convert`.
        OSError: if a file cannot be opened.
    """
    is_path = isinstance(source, (str, os.PathLike))
    if not is_path and not (
        isinstance(source, (list, tuple)) and all(isinstance(one, (str, os.PathLike)) for one in source)
    ):
        if layout is not None:
            raise ValueError(f"`layout` must be left out for a data set in memory, got {layout!r}")
        return source_of_data(source)
    paths = listed(source)
    if not paths:
        raise ValueError("`source` must name a file, got none")
    missing = next((path for path in paths if not Path(path).exists()), None)
    if missing is not None:
        raise FileNotFoundError(f"{missing}: must be there")
    name = layout or layout_of(paths)
    if name is not None:
        return _checked(layout_named("layout", name).read(paths, how))
    for argument, value in [("corpus", how.corpus), ("queries", how.queries)]:
        if value is not None:
            raise ValueError(f"`{argument}` must be left out for rows of texts, got {value}")
    if Path(paths[0]).is_dir():
        _check_folder(paths)
    opened = stream(paths, on_error=how.on_error, threads=how.threads, progress=how.progress)
    return FileRows(opened, how.on_error)


def check_output(path: Path, to_layout: str | None) -> None:
    """Check that there can be an output, before anything is read.

    Raises:
        ValueError: if something that is none of ours stands there, or the ending is unknown, or of another
            kind of file than the layout.
        OSError: if the folder above it is missing, or may not be written to.
    """
    if to_layout is None:
        check_writable(path)
        return
    layout = layout_named("to_layout", to_layout)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: must be in a folder that exists, got {path.parent}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(f"{path}: must be in a folder that may be written to, got {path.parent}")
    if layout.IS_FOLDER and path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise ValueError(f"{path}: must be a new folder or an empty one")
    if not layout.IS_FOLDER and path.is_dir():
        raise ValueError(f"{path}: must be a file, got a folder")
    if not layout.IS_FOLDER:
        check_ending(path, to_layout)


def _checked(found: Source | FileRows) -> Source | FileRows:
    if isinstance(found, Source) and found.table.num_rows == 0:
        raise ValueError("`source` must have a sound row, got none")
    return found


def _split_to_write(splits: tuple[str, ...], found: Source | FileRows, into: Any) -> str | None:
    """Return the name of the judgments that are written; None where each row says it.

    Raises:
        ValueError: if splits are named that are neither read nor written.
    """
    are_plain = isinstance(found, FileRows) or found.scratch is None
    if splits and are_plain and into not in (beir, msmarco):
        raise ValueError(f"`split` must be left out for rows without judgments, got {[*splits]}")
    if isinstance(found, Source) and found.split is not None:
        return found.split or None
    if len(splits) > 1:
        told = "must be one name where no BEIR or MS MARCO folder is read"
        raise ValueError(f"`split` {told}, got {[*splits]}")
    return next(iter(splits), None)


def _check_folder(paths: Sequence[str]) -> None:
    """Check that a folder is one of `datasets`."""
    if len(paths) > 1:
        raise ValueError(f"`source` must be one folder, or files, got {len(paths)} paths with a folder")
    if not any((Path(paths[0]) / name).is_file() for name in ("dataset_info.json", "dataset_dict.json")):
        raise ValueError(
            f"{paths[0]}: must be a folder of a layout or of `datasets`, got neither\nhint: name the layout"
        )


def _without_collections(found: Source | FileRows) -> Source | FileRows:
    """Return rows that are written without the texts of no row."""
    return replace(found, collections={}) if isinstance(found, Source) else found


def _further_columns(found: Source | FileRows) -> list[str]:
    """Return what the texts of a folder have beside id, title and text."""
    collections = found.collections.values() if isinstance(found, Source) else ()
    return [name for texts in collections for name in texts.further]


def _in_layout_names(rows: Reshaped, found: Source | FileRows, split: str | None) -> Writing:
    """Return rows with the names of columns that all layouts share, of what was found."""
    roles, ours = rows.roles, {}
    kinds = dict(zip(rows.schema.names, map(str, rows.schema.types), strict=True))
    graded = roles.shape in ("graded", "scored-pair")
    wanted = {roles.anchor: "query" if graded else "anchor"}
    if roles.positive is not None:
        many = roles.shape == "ragged" and "list" in kinds[roles.positive]
        wanted[roles.positive] = "document" if graded else "positives" if many else "positive"
    if roles.shape in ("ragged", "triplet"):
        wanted[roles.negatives[0]] = "negatives" if roles.shape == "ragged" else "negative"
    for theirs, name in wanted.items():
        ours[theirs] = name
        for attribute in ATTRIBUTES:
            is_list = "list" in kinds[theirs]
            ours[companion(theirs, attribute, is_list=is_list)] = companion(name, attribute, is_list=is_list)
    if roles.label is not None:
        singular = roles.shape in ("graded", "scored-pair")
        ours[roles.label] = "score" if singular else roles.label

    def renamed(table: Any) -> Any:
        return table.rename_columns([ours.get(name, name) for name in table.schema.names])

    def batches() -> Iterator[Any]:
        return map(renamed, rows.batches())

    schema = renamed(rows.schema.empty_table()).schema
    collections = found.collections if isinstance(found, Source) else {}
    return Writing(schema=schema, batches=batches, split=split, collections=collections)
