"""The commands `train` and `demo`: train, mine hard negatives, train on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foolsgold.cli.paths import check_outside, check_spared
from foolsgold.cli.words import add_common, add_data

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from foolsgold.job.corpus import Corpus
    from foolsgold.job.outcome import Outcome
    from foolsgold.job.recipe import EmbeddedModel, Recipe

_SHOWN_CHARACTERS = 160
_GOES_ON = "the same command goes on where this one stopped"


def add_train(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command `train`."""
    train = commands.add_parser("train", help="train on your own pairs, mine hard negatives, train on")
    add_data(train)
    train.add_argument(
        "--test", nargs="+", type=Path, metavar="FILE", help="pairs to measure by; else a part of --data"
    )
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


def add_demo(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command `demo`."""
    demo = commands.add_parser(
        "demo", help="the same on the docstrings of the Python packages installed here"
    )
    demo.add_argument("--limit", type=int, metavar="N", help="pairs to read at most")
    own_pairs = "Next, your own pairs: foolsgold train --data pairs.csv --output my-model"
    demo.set_defaults(command=_demo, next=own_pairs)
    _add_recipe(demo, output_required=False)


def _add_recipe(parser: argparse.ArgumentParser, *, output_required: bool) -> None:
    parser.add_argument("--output", type=Path, required=output_required, default=Path("demo"), metavar="DIR")
    parser.add_argument("--epochs", type=float, metavar="N", help="of the first stage")
    parser.add_argument("--batch-size", type=int, metavar="N")
    parser.add_argument("--learning-rate", type=float, metavar="X", help="of the first stage")
    parser.add_argument("--num-negatives", type=int, metavar="N", help="mined for each row")
    parser.add_argument("--relative-margin", type=float, metavar="X")
    add_common(parser)
    parser.set_defaults(after_interruption=lambda _: _GOES_ON)


def _train(options: argparse.Namespace) -> Callable[[], None]:
    from foolsgold.job.corpus import corpus_from_files

    read: dict[str, list[Path]] = {"--data": options.data, "--test": options.test or []}
    if options.model is not None:
        read["--model"] = [Path(options.model)]
    check_outside("--output", options.output, read)
    check_spared("--output", options.output, read)
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


def _demo(options: argparse.Namespace) -> Callable[[], None]:
    from foolsgold.job.corpus import corpus_from_docstrings

    corpus = corpus_from_docstrings(limit=options.limit, progress=not options.quiet)
    return _run(corpus, options, model=None, with_control=True)


def _run(
    corpus: Corpus, options: argparse.Namespace, *, model: str | None, with_control: bool
) -> Callable[[], None]:
    from foolsgold.job.recipe import EmbeddedModel, StaticRecipe, TransformerRecipe
    from foolsgold.job.run import run

    source: str | EmbeddedModel = model or EmbeddedModel()
    recipe = _recipe(TransformerRecipe() if model else StaticRecipe(), options, len(corpus.train))
    progress = not options.quiet
    outcome = run(corpus, recipe, options.output, model=source, with_control=with_control, progress=progress)
    return lambda: _show(outcome, options)


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
