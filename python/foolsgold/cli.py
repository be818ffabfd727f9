"""The command `foolsgold`: its words, its output, its exit codes."""

from __future__ import annotations

import argparse
import logging
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from foolsgold import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from foolsgold.job.corpus import Corpus
    from foolsgold.job.outcome import Outcome
    from foolsgold.job.recipe import EmbeddedModel, Recipe

_USAGE_ERROR, _INTERRUPTED = 2, 130
_SHOWN_CHARACTERS = 160


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Words after `foolsgold`; by default those of this process.

    Returns:
        The exit code: 0, 2 for bad input or a refused file (one line says which), 130 after Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    try:
        with _notices(quiet=options.quiet):
            outcome = options.command(options)
    except KeyboardInterrupt:
        _complain("interrupted\nhint: the same command goes on where this one stopped")
        return _INTERRUPTED
    except (ValueError, OSError) as error:
        if options.debug:
            raise
        _complain(str(error))
        return _USAGE_ERROR
    _show(outcome, options)
    return 0


@contextmanager
def _notices(*, quiet: bool) -> Iterator[None]:
    """Tell on standard error what the package does, as it does it; a caller's own levels come back."""
    logger = logging.getLogger("foolsgold")
    level = logger.level
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logger.setLevel(logging.WARNING if quiet else logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="foolsgold", description="Train text-embedding models.")
    parser.add_argument("--version", action="version", version=f"foolsgold {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="train on your own pairs, mine hard negatives, train on")
    train.add_argument("--data", nargs="+", type=Path, required=True, metavar="FILE", help=_DATA_HELP)
    train.add_argument(
        "--test", nargs="+", type=Path, metavar="FILE", help="pairs to measure by; else a part of --data"
    )
    train.add_argument("--anchor", metavar="COLUMN", help="the column of queries; else known by its name")
    train.add_argument("--positive", metavar="COLUMN", help="the column of what answers them")
    train.add_argument("--positive-label", metavar="X", help="of labelled rows, take those with this label")
    train.add_argument(
        "--model", metavar="NAME_OR_FOLDER", help="what to train; else static embeddings from nothing"
    )
    train.add_argument(
        "--control", action="store_true", help="also train on without mined negatives, to compare"
    )
    train.set_defaults(
        command=_train, next='Next, in Python: foolsgold.SentenceTransformer("{model}").encode(texts)'
    )
    _add_recipe(train, output_required=True)

    demo = commands.add_parser(
        "demo", help="the same on the docstrings of the Python packages installed here"
    )
    demo.add_argument("--limit", type=int, metavar="N", help="pairs to read at most")
    own_pairs = "Next, your own pairs: foolsgold train --data pairs.csv --output my-model"
    demo.set_defaults(command=_demo, next=own_pairs)
    _add_recipe(demo, output_required=False)
    return parser


_DATA_HELP = "pairs: .jsonl, .csv, .tsv (also .gz, .zst), .parquet, or a BEIR folder"


def _add_recipe(parser: argparse.ArgumentParser, *, output_required: bool) -> None:
    parser.add_argument("--output", type=Path, required=output_required, default=Path("demo"), metavar="DIR")
    parser.add_argument("--epochs", type=float, metavar="N", help="of the first stage")
    parser.add_argument("--batch-size", type=int, metavar="N")
    parser.add_argument("--learning-rate", type=float, metavar="X", help="of the first stage")
    parser.add_argument("--num-negatives", type=int, metavar="N", help="mined for each row")
    parser.add_argument("--relative-margin", type=float, metavar="X")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")


def _train(options: argparse.Namespace) -> Outcome:
    from foolsgold.job.corpus import corpus_from_files

    corpus = corpus_from_files(
        options.data,
        test=options.test,
        anchor=options.anchor,
        positive=options.positive,
        positive_label=options.positive_label,
        seed=options.seed,
        progress=not options.quiet,
    )
    return _run(corpus, options, model=options.model, with_control=options.control)


def _demo(options: argparse.Namespace) -> Outcome:
    from foolsgold.job.corpus import corpus_from_docstrings

    corpus = corpus_from_docstrings(limit=options.limit, progress=not options.quiet)
    return _run(corpus, options, model=None, with_control=True)


def _run(corpus: Corpus, options: argparse.Namespace, *, model: str | None, with_control: bool) -> Outcome:
    from foolsgold.job.recipe import EmbeddedModel, StaticRecipe, TransformerRecipe
    from foolsgold.job.run import run

    source: str | EmbeddedModel = model or EmbeddedModel()
    recipe = _recipe(TransformerRecipe() if model else StaticRecipe(), options, len(corpus.train))
    progress = not options.quiet
    return run(corpus, recipe, options.output, model=source, with_control=with_control, progress=progress)


def _recipe(recipe: Recipe, options: argparse.Namespace, num_rows: int) -> Recipe:
    """Change what the options name; a default batch shrinks with little data, one asked for is an error."""
    stage = {"epochs": options.epochs, "learning_rate": options.learning_rate}
    first = replace(recipe.in_batch, **{name: value for name, value in stage.items() if value is not None})
    batch_size = options.batch_size or min(recipe.batch_size, max(2, num_rows // 16))
    if not 2 <= batch_size <= num_rows:
        raise ValueError(
            f"`--batch-size` must be 2 to the {num_rows} rows of training data, got {batch_size}"
        )
    changes = {"num_negatives": options.num_negatives, "relative_margin": options.relative_margin}
    named = {name: value for name, value in changes.items() if value is not None}
    return replace(recipe, in_batch=first, batch_size=batch_size, seed=options.seed, **named)


def _complain(text: str) -> None:
    sys.stderr.write(f"foolsgold: error: {text}\n")


def _show(outcome: Outcome, options: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    names = list(next(iter(outcome.metrics.values())))
    table = Table("", *names, title=f"{outcome.data['name']}: retrieval on held-out queries")
    for step, metrics in outcome.metrics.items():
        table.add_row(step, *(f"{metrics[name]:.4f}" for name in names))
    console.print(table)
    for example in outcome.examples:
        mark = "right" if example["is_right"] else "wrong"
        found = " ".join(example["document"].split())[:_SHOWN_CHARACTERS]
        console.print(Text(f"? {example['query']}\n  {mark}: {found}"))
    seconds = sum(outcome.seconds.values())
    console.print(Text(f"seed {outcome.recipe['seed']}, {seconds:.0f} s, {options.output / 'report.html'}"))
    console.print(Text(options.next.format(model=options.output / "model")))
