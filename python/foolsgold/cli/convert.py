"""The command `convert`: files of training data in, a file of another shape, format or layout out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from foolsgold.cli.paths import check_outside, check_spared
from foolsgold.cli.words import add_common

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from foolsgold.data.reshaping.report import ConversionReport

_SHAPES = (
    "pair", "triplet", "n-tuple", "labeled-pair", "scored-pair", "graded", "class-pair", "labeled-list",
    "ragged", "class",
)  # fmt: skip
_LAYOUTS = (
    "beir", "dpr", "flagembedding", "hard-negatives", "margin-mse", "msmarco", "msmarco-triples", "pylate",
    "tevatron", "tevatron-ids", "trec-qrels", "trec-run",
)  # fmt: skip
_ROLES = {
    "anchor": "the column of anchors, or of first texts; else known by its name",
    "positive": "of positives, documents or second texts",
    "negative": "of negatives; of several, how their names begin",
    "label": "of labels, scores, grades or classes",
}


def add_convert(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command `convert`."""
    convert = commands.add_parser(
        "convert",
        help="turn training data into another shape, format or tool's layout",
        description="Turn files of training data into another shape, format or tool's layout. What the "
        "columns are is known by their names; what cannot be kept is counted and told.",
    )
    convert.add_argument(
        "--data", nargs="+", type=Path, required=True, metavar="FILE", help="files of one schema, or a folder"
    )
    convert.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help=".jsonl, .csv, .tsv (also .gz, .zst), .parquet, no ending for a data set folder; a layout's own",
    )
    convert.add_argument("--to", choices=_SHAPES, help="the shape to write; else that of the data")
    convert.add_argument(
        "--from", dest="from_", choices=_SHAPES, help="the shape of the data; else known by its columns"
    )
    convert.add_argument("--layout", choices=_LAYOUTS, help="of the data; else known by its keys or files")
    convert.add_argument("--to-layout", choices=_LAYOUTS, help="of the output; else plain columns")
    convert.add_argument("--corpus", type=Path, metavar="FILE", help="the documents of a layout of ids")
    convert.add_argument("--queries", type=Path, metavar="FILE", help="its queries")
    convert.add_argument(
        "--split",
        nargs="+",
        metavar="NAME",
        help="of judgments; of a BEIR or MS MARCO folder several, or all; else train, or the only one",
    )
    for role, told in _ROLES.items():
        convert.add_argument(f"--{role}", metavar="COLUMN", help=told)
    convert.add_argument(
        "--num-negatives",
        type=int,
        metavar="N",
        help="of each positive; drawn at random where the data has none",
    )
    convert.add_argument(
        "--threshold",
        nargs="+",
        metavar="X",
        help="the least score of a positive; of two, at most the first is none; first: each list's first",
    )
    convert.add_argument("--numbers", choices=("labels", "scores", "margins", "none"), help="which to write")
    convert.add_argument(
        "--positive-label", nargs="+", metavar="X", help="classes of pairs that belong together"
    )
    convert.add_argument(
        "--negative-label", nargs="+", metavar="X", help="of those that do not; else all others"
    )
    convert.add_argument("--noise", metavar="X", help="the label of rows of no class, as -1 is in clusters")
    kept = convert.add_mutually_exclusive_group()
    kept.add_argument(
        "--keep-columns", action="store_true", default=None, help="further columns travel with rows"
    )
    kept.add_argument("--drop-columns", dest="keep_columns", action="store_false", help="they do not")
    convert.add_argument("--on-error", choices=("raise", "skip"), default="raise", help="at a bad row")
    convert.add_argument("--model", metavar="NAME_OR_FOLDER", help="mines hard negatives for pairs")
    convert.add_argument("--json", action="store_true", help="print what was done as JSON")
    convert.add_argument("--threads", type=int, metavar="N")
    add_common(convert)
    convert.set_defaults(command=_convert, after_interruption=lambda _: "nothing was written")


def _convert(options: argparse.Namespace) -> Callable[[], None]:
    from foolsgold.data.converting import convert

    read = {"--data": options.data}
    for word, path in [("--corpus", options.corpus), ("--queries", options.queries)]:
        if path is not None:
            read[word] = [path]
    if options.model is not None:
        read["--model"] = [Path(options.model)]
    check_outside("--output", options.output, read)
    check_spared("--output", options.output, read)
    report = convert(
        options.data,
        options.output,
        to=options.to,
        from_=options.from_,
        layout=options.layout,
        to_layout=options.to_layout,
        corpus=options.corpus,
        queries=options.queries,
        split=options.split,
        anchor=options.anchor,
        positive=options.positive,
        negative=options.negative,
        label=options.label,
        num_negatives=options.num_negatives,
        threshold=_threshold(options.threshold),
        numbers=options.numbers,
        positive_label=options.positive_label,
        negative_label=options.negative_label,
        noise=options.noise,
        keep_columns=options.keep_columns,
        on_error=options.on_error,
        miner=None if options.model is None else _miner(options),
        seed=options.seed,
        threads=options.threads,
        progress=not options.quiet,
    )
    return lambda: _show(report, options)


def _threshold(words: list[str] | None) -> Any:
    if words is None or words == ["first"]:
        return None if words is None else "first"
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise ValueError(f"`threshold` must be a number, two, or first, got {' '.join(words)!r}") from None
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


def _miner(options: argparse.Namespace) -> Callable[[Any], Any]:
    """Return what gives pairs hard negatives: the model's best that are no answer."""

    def mined(pairs: Any) -> Any:
        from foolsgold.mining import mine_hard_negatives
        from foolsgold.models import SentenceTransformer

        return mine_hard_negatives(
            pairs,
            SentenceTransformer(options.model),
            num_negatives=3 if options.num_negatives is None else options.num_negatives,
            output_format="ragged",
            verbose=not options.quiet,
        )

    return mined


def _show(report: ConversionReport, options: argparse.Namespace) -> None:
    import json
    import sys

    if options.json:
        sys.stdout.write(json.dumps(report.to_dict()) + "\n")
        return
    from rich.console import Console
    from rich.text import Text

    console = Console()
    told = f"{report.rows_in:,} rows of {report.from_}, {report.rows_out:,} rows of {report.to}"
    console.print(Text(f"{told}: {options.output}"))
    for reason, count in report.left_out.items():
        console.print(Text(f"left out, {reason}: {count:,}"))
    for told in report.told_classes():
        console.print(Text(told))
    if report.dropped_columns:
        names = ", ".join(report.dropped_columns)
        console.print(
            Text(f"columns dropped: {names}; --keep-columns keeps what can be read of rows that stay one")
        )
