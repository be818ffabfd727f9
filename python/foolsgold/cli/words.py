"""Words that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

_DATA_HELP = "pairs: .jsonl, .csv, .tsv (also .gz, .zst), .parquet, or a BEIR folder"


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
