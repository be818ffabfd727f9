"""Words that several commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

_DATA_HELP = "pairs: .jsonl, .json, .csv, .tsv (also .gz, .zst), .parquet, .arrow, or a BEIR folder"


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the words that say where pairs are read from."""
    parser.add_argument("--data", nargs="+", type=Path, required=True, metavar="FILE", help=_DATA_HELP)
    parser.add_argument("--anchor", metavar="COLUMN", help="the column of queries; else known by its name")
    parser.add_argument("--positive", metavar="COLUMN", help="the column of what answers them")
    parser.add_argument("--positive-label", metavar="X", help="of labelled rows, take those with this label")


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the words that every command has."""
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")


def in_words(message: str, options: argparse.Namespace) -> str:
    """Return the message with a command's own words in place of the names that Python has for them.

    Names of columns stay: those in what was got, in lists to choose from, and after `column`.

    Args:
        message: of an error; one that begins with a file's name is about that, and stays.
        options: of the command; `words`, where it has them, are its own for some names.

    Example:
        >>> import argparse
        >>> options = argparse.Namespace(num_negatives=0, resume=None)
        >>> in_words("`num_negatives` must be at least 1 with `folder`, got 0", options)
        '`--num-negatives` must be at least 1 with `--resume`, got 0'
    """
    if not message.startswith("`"):
        return message
    own = getattr(options, "words", {})

    def word(found: re.Match[str]) -> str:
        name, value = found.groups()
        if name in own:
            return f"`{own[name]}`"
        name = _WORDS.get(name, name)
        if not hasattr(options, name):
            return found[0]
        return f"`--{name.replace('_', '-')}{value.replace('=', ' ') if value else ''}`"

    told, *hints = message.split("\nhint:")
    data = _OF_DATA.search(told)
    end = data.start() if data else len(told)
    told = _NAME.sub(word, told[:end]) + told[end:]
    return "\nhint:".join([told, *(_NAME.sub(word, hint) for hint in hints)])


_NAME = re.compile(r"`(\w+)(=[^`]*)?`")
_OF_DATA = re.compile(r", got | one of | among | columns? `")
_WORDS = {
    "dataset": "data",
    "folder": "resume",
    "report_folder": "report",
    "output_format": "format",
    "output_scores": "scores",
    "group_column_name": "group",
    "corpus_groups": "corpus_group",
    "anchor_column_name": "anchor",
    "positive_column_name": "positive",
}
"""What a command calls otherwise than Python does."""


def as_bytes(word: str, text: str) -> int:
    """Read a number of bytes, as 500MB or 2GiB; units of 1000 or, with an i, of 1024.

    Args:
        word: what it was given to, for the message.
        text: what was given.

    Raises:
        ValueError: for anything else.

    Example:
        >>> as_bytes("--max-memory", "1.5 GiB"), as_bytes("--max-memory", "500MB")
        (1610612736, 500000000)
    """
    found = _BYTES.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"`{word}` must be bytes, as 500MB, 2GiB or 1000000, got {text!r}")
    number, prefix, binary = found.groups()
    power = "kmgt".index(prefix.lower()) + 1 if prefix else 0
    return int(float(number) * (1024 if binary else 1000) ** power)


_BYTES = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(?:([kmgt])(i)?)?b?", re.IGNORECASE)
