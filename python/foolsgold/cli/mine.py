"""The command `mine`: files of pairs in, a file of rows with hard negatives out."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foolsgold.cli.paths import check_outside, check_spared
from foolsgold.cli.words import add_common, add_data, as_bytes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from foolsgold.mining.report import MiningReport
    from foolsgold.mining.task import Task

logger = logging.getLogger(__name__)

_BOUNDS: dict[str, type] = {
    "range_min": int,
    "range_max": int,
    "max_score": float,
    "min_score": float,
    "absolute_margin": float,
    "relative_margin": float,
}
_FORMATS = ("triplet", "n-tuple", "labeled-pair", "labeled-list", "ragged")
_STRATEGIES = ("top", "random", "softmax", "simans", "stratified", "diverse")
_PARAMETERS = ("temperature", "simans_a", "simans_b")
_RECIPES = ("nv-retriever", "bge", "rank-window")


def add_mine(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command `mine`."""
    mine = commands.add_parser(
        "mine",
        help="add hard negatives to pairs",
        description="Add to pairs the texts that a model takes for answers and that are none. "
        "Without a bound, negatives score at most 95 %% of the least of their query's positives.",
    )
    add_data(mine)
    mine.add_argument(
        "--model", metavar="NAME_OR_FOLDER", help="what embeds the texts; only `--sources bm25` needs none"
    )
    mine.add_argument(
        "--sources",
        nargs="+",
        metavar="NAME",
        help="model, bm25 or both, by the ranks of both; model=30 bm25=10 takes so many of each, in turn",
    )
    mine.add_argument("--corpus", nargs="+", type=Path, metavar="FILE", help="further documents")
    mine.add_argument("--corpus-column", metavar="COLUMN", help="their column; else known by its name")
    mine.add_argument("--group", metavar="COLUMN", help="of pairs: the group of the positive, as its page")
    mine.add_argument("--corpus-group", metavar="COLUMN", help="of the corpus: the group of a document")
    mine.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help=".jsonl, .csv, .tsv (also .gz, .zst), .parquet, or no ending for a data set folder",
    )
    mine.add_argument("--format", choices=_FORMATS, default="triplet", help="of the rows")
    mine.add_argument("--scores", action="store_true", help="write scores too")
    mine.add_argument("--num-negatives", type=int, metavar="N", help="of each query; 3 by default")
    mine.add_argument(
        "--sampling-strategy", choices=_STRATEGIES, help="which candidates; the best by default"
    )
    mine.add_argument("--recipe", choices=_RECIPES, help="published values for what is not given")
    for name, kind in {**_BOUNDS, **dict.fromkeys(_PARAMETERS, float)}.items():
        metavar = "N" if kind is int else "X"
        mine.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar=metavar)
    mine.add_argument(
        "--margin-from", choices=("least", "greatest", "each"), help="which positive of a query"
    )
    mine.add_argument("--no-margin", action="store_true", help="no bound at all")
    mine.add_argument(
        "--on-short", choices=("keep", "drop", "random", "widen"), help="where there are too few"
    )
    mine.add_argument("--similarity", choices=("cosine", "dot", "euclidean", "model"), default="cosine")
    mine.add_argument("--no-twins", action="store_true", help="exclude known positives by exact text alone")
    mine.add_argument(
        "--near-duplicates",
        type=float,
        metavar="X",
        help="exclude near-duplicates of positives; 0.8 is usual",
    )
    mine.add_argument("--query-prompt", metavar="TEXT", help="put before each query")
    mine.add_argument("--corpus-prompt", metavar="TEXT", help="put before each document")
    mine.add_argument("--batch-size", type=int, default=32, metavar="N", help="texts of a forward pass")
    mine.add_argument("--report", type=Path, metavar="DIR", help="write report.html and report.json there")
    mine.add_argument(
        "--resume", type=Path, metavar="DIR", help="keep there what is done, to go on where this is stopped"
    )
    mine.add_argument("--device", metavar="NAME", help="where the search runs: cuda, cuda:1; else on the CPU")
    mine.add_argument(
        "--max-memory", metavar="BYTES", help="of the search, as 500MB or 2GiB; 2GiB by default"
    )
    mine.add_argument("--threads", type=int, metavar="N")
    add_common(mine)
    mine.set_defaults(command=_mine, after_interruption=_after_interruption)


def _after_interruption(options: argparse.Namespace) -> str:
    if options.resume is None:
        return "nothing was written; with --resume DIR, a command goes on where it was stopped"
    return "the same command goes on where this one stopped"


def _mine(options: argparse.Namespace) -> Callable[[], None]:
    from foolsgold.data.writing import check_folder, check_writable, write

    _check_apart(options)
    check_writable(options.output)
    for word, folder in [("--report", options.report), ("--resume", options.resume)]:
        if folder is not None:
            check_folder(word, folder)
    task = _task(options)
    check_writable(options.output, task.schema)
    outcome = task.run()
    write(options.output, outcome.rows.batches(), outcome.rows.schema)
    if options.report is not None:
        outcome.write_report(options.report)
    return lambda: _show(outcome.report, options)


def _check_apart(options: argparse.Namespace) -> None:
    """Refuse to write over what is read, and to write two things in one place."""
    read: dict[str, list[Path]] = {"--data": options.data, "--corpus": options.corpus or []}
    if options.model is not None:
        read["--model"] = [Path(options.model)]
    kept: dict[str, list[Path]] = {}
    if options.report is not None:
        kept["--report"] = [options.report / name for name in ("report.json", "report.html")]
    if options.resume is not None:
        kept["--resume"] = [options.resume]
    for word, paths in kept.items():
        for path in paths:
            check_outside(word, path, read)
    check_outside("--output", options.output, {**read, "--report": kept.get("--report", [])})
    if not options.output.suffix:
        check_spared("--output", options.output, {**read, **kept})


def _task(options: argparse.Namespace) -> Task:
    from foolsgold.data.pairs import read_pairs
    from foolsgold.mining.sources import as_sources
    from foolsgold.mining.task import Task

    max_memory = 2 << 30 if options.max_memory is None else as_bytes("--max-memory", options.max_memory)
    sources = as_sources(_sources(options.sources))
    if options.model is None and (sources is None or "model" in sources.names):
        raise ValueError(
            "`--model` must name what embeds the texts, got none\nhint: `--sources bm25` alone needs no model"
        )
    progress = not options.quiet
    pairs = read_pairs(
        options.data,
        anchor=options.anchor,
        positive=options.positive,
        positive_label=options.positive_label,
        threads=options.threads,
        progress=progress,
    )
    anchor, positive = pairs.names
    documents, groups = _corpus(options)
    if pairs.corpus is not None:
        if documents is not None:
            raise ValueError("`--corpus` must be left out for a BEIR folder, which has its own")
        documents = pairs.corpus
    return Task(
        columns={anchor: pairs.anchors, positive: pairs.positives},
        anchor=anchor,
        positive=positive,
        model=_model(options.model),
        search=_search(options),
        corpus=documents,
        query_prompt=options.query_prompt,
        corpus_prompt=options.corpus_prompt,
        output_format=options.format,
        output_scores=options.scores,
        batch_size=options.batch_size,
        row_groups=_group(pairs.rows, "--group", options.group),
        corpus_groups=groups,
        twins=not options.no_twins,
        near_duplicates=options.near_duplicates,
        sources=sources,
        similarity=options.similarity,
        on_short=options.on_short,
        recipe=options.recipe,
        folder=options.resume,
        report_folder=options.report,
        device=options.device,
        max_memory=max_memory,
        seed=options.seed,
        threads=options.threads,
        progress=progress,
    )


def _model(name: str | None) -> Any:
    if name is None:
        return None
    from foolsgold.models import SentenceTransformer

    return SentenceTransformer(name)


def _sources(words: list[str] | None) -> list[str] | dict[str, int] | None:
    """Return names, or names with numbers."""
    if words is None or not any("=" in word for word in words):
        return words
    numbers = {}
    for word in words:
        name, _, number = word.partition("=")
        if not number.isdecimal() or name in numbers:
            raise ValueError(
                f"`--sources` must be names, or each once with a number as bm25=10, got {word!r}"
            )
        numbers[name] = int(number)
    return numbers


def _search(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of the search that the words name."""
    from foolsgold.mining.options import with_defaults

    names = (*_BOUNDS, *_PARAMETERS, "num_negatives", "sampling_strategy", "margin_from")
    named = {name: getattr(options, name) for name in names}
    given = {name: value for name, value in named.items() if value is not None}
    for name in ("relative_margin", "absolute_margin", "recipe"):
        if options.no_margin and getattr(options, name) is not None:
            raise ValueError(f"`--no-margin` must be left out with `--{name.replace('_', '-')}`")
    return with_defaults(given, options.recipe, is_free=options.no_margin or options.model is None)


def _corpus(options: argparse.Namespace) -> tuple[Any, Any]:
    """Return the documents and their groups, None where there are none."""
    from foolsgold.data.files import read
    from foolsgold.data.pairs import text_column

    if options.corpus is None:
        for word, value in [
            ("--corpus-column", options.corpus_column),
            ("--corpus-group", options.corpus_group),
        ]:
            if value is not None:
                raise ValueError(f"`{word}` must be left out without `--corpus`, got {value!r}")
        return None, None
    table = read(options.corpus, threads=options.threads, progress=not options.quiet)
    name = text_column(table, options.corpus_column)
    return table.column(name), _group(table, "--corpus-group", options.corpus_group)


def _group(table: Any, word: str, name: str | None) -> Any:
    if name is None:
        return None
    columns = [column for column, _ in table.kinds]
    if name not in columns:
        raise ValueError(f"`{word}` must be one of {columns}, got {name!r}")
    return table.column(name)


def _show(report: MiningReport, options: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from foolsgold.mining.stages import told_rows

    console = Console()
    heads = ("count", "mean", "min", "median", "max")
    table = Table("", *heads, title="Scores")
    for name, summary in report.scores.items():
        cells = (f"{summary[head]:,.4g}" if head in summary else "" for head in heads)
        table.add_row(name, *cells)
    console.print(table)
    for name, count in report.rejected.items():
        console.print(Text(f"turned away, {name.replace('_', ' ')}: {count:,}"))
    seconds = sum(report.seconds.values())
    console.print(Text(f"{told_rows(report)}; seed {options.seed}, {seconds:.0f} s, {options.output}"))
    if options.report is not None:
        console.print(Text(f"Next, look at {options.report / 'report.html'}"))
