"""The command `check`: what is wrong with a data set, where, and what suits it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foolsgold.cli.paths import check_outside
from foolsgold.cli.words import add_common

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from foolsgold.data.checking.report import Advice, CheckReport, Finding, Fixed

_FOUND = 1
_SHOWN = 3
_NEAR = 0.8
_WORDS = {"data": "FILE", "output": "--fix", "changes": "--fix-list"}
_STYLES = {"error": "bold red", "warning": "yellow", "notice": "cyan"}


def add_check(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command `check`."""
    check = commands.add_parser(
        "check",
        help="tell what is wrong with a data set, and which losses and samplers suit it",
        description="Look at a data set before it is trained on. The exit code is 0 where nothing spoils "
        "training, 1 where something does (with --strict also for warnings; with --fix by what is left in "
        "the copy), 2 for a bad command or a file that cannot be read, 130 after Ctrl-C.",
    )
    check.add_argument(
        "data",
        nargs="+",
        type=Path,
        metavar="FILE",
        help=".jsonl, .json, .csv, .tsv (also .gz, .zst), .parquet, .arrow, a folder of `datasets` or BEIR",
    )
    check.add_argument(
        "--test", nargs="+", type=Path, metavar="FILE", help="data to measure by, not to train on"
    )
    check.add_argument("--anchor", metavar="COLUMN", help="the column of anchors; else known by its name")
    check.add_argument("--positives", nargs="+", metavar="COLUMN", help="columns of what belongs to them")
    check.add_argument("--negatives", nargs="+", metavar="COLUMN", help="columns of what does not")
    check.add_argument("--label", metavar="COLUMN", help="the column of labels or scores")
    check.add_argument(
        "--near-duplicates",
        type=float,
        metavar="X",
        help="how alike leaked texts are; 0.8 by default",
    )
    check.add_argument(
        "--no-near-duplicates", action="store_true", help="look for exact leaks and twins alone"
    )
    check.add_argument("--within", action="store_true", help="look for near-duplicates within the data too")
    check.add_argument("--tokenizer", metavar="NAME_OR_FOLDER", help="count tokens as this model does")
    check.add_argument(
        "--max-length", type=int, default=512, metavar="N", help="tokens it takes; 512 by default"
    )
    check.add_argument("--max-examples", type=int, default=5, metavar="N", help="places of each finding")
    check.add_argument("--strict", action="store_true", help="warnings fail the check too")
    check.add_argument("--json", action="store_true", help="print the report as one JSON object")
    check.add_argument(
        "--fix",
        type=Path,
        metavar="OUTPUT",
        help="write a clean copy: .jsonl, .csv, .tsv (also .gz, .zst), .parquet, or a folder (of BEIR one)",
    )
    check.add_argument(
        "--fix-list", type=Path, metavar="FILE", help="write what --fix changed, as JSON Lines"
    )
    check.add_argument("--trim", action="store_true", help="with --fix, also trim texts")
    check.add_argument("--threads", type=int, metavar="N")
    add_common(check)
    check.set_defaults(command=_check, words=_WORDS, after_interruption=lambda _: "nothing was written")


def _check(options: argparse.Namespace) -> Callable[[], int]:
    from foolsgold.data import check

    _check_words(options)
    words: dict[str, Any] = {
        "anchor": options.anchor,
        "positives": options.positives,
        "negatives": options.negatives,
        "label": options.label,
        "test": options.test,
        "near_duplicates": _near_duplicates(options),
        "within": options.within,
        "tokenizer": _tokenizer(options.tokenizer),
        "max_length": options.max_length,
        "max_examples": options.max_examples,
        "seed": options.seed,
        "threads": options.threads,
        "progress": not options.quiet,
    }
    report = check(options.data, **words)
    if options.fix is None:
        return lambda: _show(report, None, None, options)
    fixed = report.fix(options.fix, changes=options.fix_list, trim=options.trim)
    left = check(options.fix, **words)
    return lambda: _show(report, fixed, left, options)


def _near_duplicates(options: argparse.Namespace) -> float | None:
    if options.no_near_duplicates:
        return None
    return _NEAR if options.near_duplicates is None else float(options.near_duplicates)


def _check_words(options: argparse.Namespace) -> None:
    for word, value in [("--fix-list", options.fix_list), ("--trim", options.trim or None)]:
        if value is not None and options.fix is None:
            raise ValueError(f"`{word}` must be left out without `--fix`")
    for word, value in [("--near-duplicates", options.near_duplicates), ("--within", options.within or None)]:
        if value is not None and options.no_near_duplicates:
            raise ValueError(f"`{word}` must be left out with `--no-near-duplicates`")
    read = {"FILE": options.data, "--test": options.test or []}
    for word, path in [("--fix", options.fix), ("--fix-list", options.fix_list)]:
        if path is not None:
            check_outside(word, path, read)


def _tokenizer(name: str | None) -> Any:
    if name is None:
        return None
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(name)


def _show(
    report: CheckReport, fixed: Fixed | None, left: CheckReport | None, options: argparse.Namespace
) -> int:
    judged = left or report
    failed = bool(judged.errors) or (options.strict and bool(judged.warnings))
    if options.json:
        found = report.as_dict()
        if fixed is not None:
            found["fixed"] = {**vars(fixed), "output": str(options.fix)}
            found["left"] = None if left is None else left.as_dict()
        sys.stdout.write(json.dumps(found, ensure_ascii=True) + "\n")
    else:
        _print(report, fixed, left, options)
    return _FOUND if failed else 0


def _print(
    report: CheckReport, fixed: Fixed | None, left: CheckReport | None, options: argparse.Namespace
) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("column", "kind", "nulls", "distinct texts", "characters (least, median, most)")
    for column in report.columns:
        lengths = column.get("characters", {})
        table.add_row(
            _text(column["name"]),
            column["kind"],
            f"{column['nulls']:,}",
            f"{column['distinct']:,}" if "distinct" in column else "",
            ", ".join(f"{lengths[name]:,}" for name in ("min", "median", "max")) if lengths else "",
        )
    console.print(table)
    roles = "; ".join(f"{role}: {', '.join(names)}" for role, names in report.roles.items())
    console.print(_text(f"{report.rows:,} rows, shape {report.shape} ({roles})"), soft_wrap=True)
    for finding in report.findings:
        _print_finding(console, finding)
    for title, advices in [
        ("takes", report.losses),
        ("sampler", report.samplers),
        ("not", report.unsuitable),
    ]:
        for advice in advices:
            console.print(_advice(title, advice), soft_wrap=True)
    for told in report.told_comparisons():
        console.print(_text(told), soft_wrap=True)
    if fixed is not None:
        dropped = ", ".join(f"{rule} {count:,}" for rule, count in fixed.dropped.items()) or "none"
        changed = ", ".join(f"{rule} {count:,}" for rule, count in fixed.changed.items()) or "none"
        rows = f"{fixed.rows_after:,} of {fixed.rows_before:,} rows"
        told = f"{options.fix}: {rows}; dropped: {dropped}; changed: {changed}"
        console.print(_text(told), soft_wrap=True)
    judged = left or report
    counts = f"{len(judged.errors)} errors, {len(judged.warnings)} warnings"
    where = " in the copy" if left is not None else ""
    console.print(_text(f"{counts}{where}"), soft_wrap=True)


def _print_finding(console: Any, finding: Finding) -> None:
    from rich.text import Text

    from foolsgold.data.checking.report import place_of

    columns = f" in {', '.join(finding.columns)}" if finding.columns else ""
    share = f"{finding.count:,} of {finding.total:,} {finding.unit}{columns}"
    head = Text.assemble(
        (finding.severity, _STYLES[finding.severity]), _text(f" {finding.rule}: {share}: {finding.message}")
    )
    console.print(head, soft_wrap=True)
    for example in finding.examples[:_SHOWN]:
        console.print(_text(f"    {place_of(example)}: {example.excerpt}"), soft_wrap=True)
    console.print(_text(f"    do: {finding.remedy}"), soft_wrap=True)


def _advice(title: str, advice: Advice) -> Any:
    from rich.text import Text

    return Text.assemble((title, "green"), _text(f" {advice.name}: {advice.reason}"))


def _text(words: str) -> Any:
    """Return words without markup, with what cannot be printed escaped."""
    from rich.text import Text

    from foolsgold.data.checking.dataset import visible

    return Text(visible(words))
