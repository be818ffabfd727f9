"""What a command writes, kept apart from what it reads: nobody's data or model is written over."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def check_outside(word: str, written: Path, others: Mapping[str, Sequence[Path]]) -> None:
    """Refuse a path to write to that is one of others, or lies in one that is a folder; links are followed.

    Args:
        word: what the path was given to.
        written: a file or a folder, there or not.
        others: paths by the word that they were given to.

    Raises:
        ValueError: naming both words.
    """
    for other, paths in others.items():
        for path in paths:
            if _is_within(written, path):
                raise ValueError(f"`{word}` must not write over what `{other}` names, got {written}")


def check_spared(word: str, replaced: Path, others: Mapping[str, Sequence[Path]]) -> None:
    """Refuse to replace a folder that is one of other paths, or holds one.

    Args:
        word: what the folder was given to.
        replaced: the folder.
        others: paths by the word that they were given to.

    Raises:
        ValueError: naming both words.
    """
    for other, paths in others.items():
        for path in paths:
            if _is_within(path, replaced):
                raise ValueError(
                    f"`{word}` must not replace a folder with what `{other}` names, got {replaced}"
                )


def _is_within(path: Path, folder: Path) -> bool:
    """Return whether `path`, or what it links to, is `folder` or lies in it."""
    places = (path.resolve(), path.parent.resolve() / path.name)
    return any(_is_same(place, folder) for start in places for place in (start, *start.parents))


def _is_same(left: Path, right: Path) -> bool:
    if left.exists() and right.exists():
        return left.samefile(right)
    return left == right.resolve()
