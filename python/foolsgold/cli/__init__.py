"""The command `foolsgold`: its words, its output, its exit codes."""

from __future__ import annotations

import argparse
import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from foolsgold import __version__
from foolsgold.cli import check, convert, mine, train
from foolsgold.cli.words import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_USAGE_ERROR, _INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Words after `foolsgold`; by default those of this process.

    Returns:
        The exit code: 0, 1 where `check` finds what spoils training, 2 for bad input or a refused file (one
        line says which), 130 after Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    try:
        with _notices(quiet=options.quiet):
            show = options.command(options)
    except KeyboardInterrupt:
        _complain(f"interrupted\nhint: {options.after_interruption(options)}")
        return _INTERRUPTED
    except (ValueError, TypeError, OSError) as error:
        if options.debug:
            raise
        _complain(in_words(str(error), options))
        return _USAGE_ERROR
    return show() or 0


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
    train.add_train(commands)
    train.add_demo(commands)
    mine.add_mine(commands)
    convert.add_convert(commands)
    check.add_check(commands)
    return parser


def _complain(text: str) -> None:
    sys.stderr.write(f"foolsgold: error: {text}\n")
