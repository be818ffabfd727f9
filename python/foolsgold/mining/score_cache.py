"""Scores of pairs of texts on disk, so that a stopped rescoring goes on where it was."""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_ROW = np.dtype([("query", "<u8"), ("document", "<u8"), ("score", "<f4")])


class ScoreCache:
    """The scores that one scorer gave, in files that are only ever added.

    A pair is known by 64 bits of each of its texts, so the cache serves other data sets with the same texts.
    Each `add` is one file, there whole or not at all: a process that is killed loses the batch at hand.

    Args:
        folder: of the caches of all scorers.
        fingerprint: of the scorer: another text for another scorer, weights and settings.

    Raises:
        ValueError: if the fingerprint is no plain file name, or a file is not one of these.
    """

    def __init__(self, folder: str | Path, fingerprint: str) -> None:
        if not fingerprint or not all(letter.isalnum() or letter in "-_." for letter in fingerprint):
            raise ValueError(f"`fingerprint` must be letters, digits and -_. alone, got {fingerprint!r}")
        self._folder = Path(folder) / f"scores-{fingerprint}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._files = sorted(self._folder.glob("*.npy"))

    def find(
        self, queries: NDArray[np.uint64], documents: NDArray[np.uint64], pairs: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Return which pairs are known, and their scores.

        Args:
            queries: (Q,) digests of texts.
            documents: (N,) digests of texts.
            pairs: (P, 2) places in both.
        """
        is_known, scores = np.zeros(len(pairs), bool), np.zeros(len(pairs), np.float32)
        query, query_codes = np.unique(queries, return_inverse=True)
        document, document_codes = np.unique(documents, return_inverse=True)
        wanted = query_codes[pairs[:, 0]] * len(document) + document_codes[pairs[:, 1]]
        order = np.argsort(wanted, kind="stable")
        for file in self._files:
            rows = _read(file)
            left, has_left = _places(query, rows["query"])
            right, has_right = _places(document, rows["document"])
            rows, keys = rows[has_left & has_right], (left * len(document) + right)[has_left & has_right]
            known = np.argsort(keys, kind="stable")
            keys, rows = keys[known], rows[known]
            if len(keys):
                at = np.minimum(np.searchsorted(keys, wanted[order]), len(keys) - 1)
                hit = keys[at] == wanted[order]
                is_known[order[hit]] = True
                scores[order[hit]] = rows["score"][at[hit]]
        return is_known, scores

    def add(
        self, queries: NDArray[np.uint64], documents: NDArray[np.uint64], scores: NDArray[np.float32]
    ) -> None:
        """Keep the scores of pairs of texts with these digests, on the disk when it returns."""
        rows = np.empty(len(scores), _ROW)
        rows["query"], rows["document"], rows["score"] = queries, documents, scores
        number = 1 + int(self._files[-1].stem) if self._files else 0
        path = self._folder / f"{number:08d}.npy"
        part = self._folder / f".{path.name}.{os.getpid()}.part"
        with part.open("wb") as file:
            np.save(file, rows)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        self._files.append(path)


def digests(texts: Iterable[str]) -> NDArray[np.uint64]:
    """Return 64 bits of each text, the same on every machine.

    Example:
        >>> first, other, again = digests(["a", "b", "a"])
        >>> bool(first == again), bool(first == other)
        (True, False)
    """
    found = b"".join(blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest() for text in texts)
    return np.frombuffer(found, "<u8")


def _read(file: Path) -> NDArray[Any]:
    try:
        rows = np.load(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{file}: must hold scores of pairs, got another content: {error}") from None
    if rows.dtype != _ROW or rows.ndim != 1:
        raise ValueError(f"{file}: must hold scores of pairs, got {rows.dtype}")
    found: NDArray[Any] = rows
    return found


def _places(sorted_digests: NDArray[Any], wanted: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    if len(sorted_digests) == 0:
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    at = np.minimum(np.searchsorted(sorted_digests, wanted), len(sorted_digests) - 1)
    return at, sorted_digests[at] == wanted
