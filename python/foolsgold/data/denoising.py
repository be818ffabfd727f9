"""Damaged sentences beside the original ones: data for a denoising auto-encoder."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from torch.utils.data import Dataset

from foolsgold.integers import MAX_UINT64, integer
from foolsgold.reals import real

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# A word, with apostrophes and hyphens inside it, or one sign; and the space before it.
_WORD = re.compile(r"\s*(?:\w+(?:['\u2019-]\w+)*|[^\w\s])")


def delete_words(text: str, del_ratio: float = 0.6, *, seed: int | Sequence[int] = 0) -> str:
    """Delete each word of a text with some probability; at least one stays.

    A punctuation mark counts as a word. What stays keeps the space before it.

    Args:
        text: to damage; one without words is returned as it is.
        del_ratio: probability, in [0, 1].
        seed: one number or several; with the number of words it decides which are deleted.

    Example:
        >>> delete_words("The quick brown fox jumps over the lazy dog.")
        'The jumps over the lazy.'
    """
    if not 0 <= real("del_ratio", del_ratio) <= 1:
        raise ValueError(f"`del_ratio` must be in [0, 1], got {del_ratio}")
    words = _WORD.findall(text)
    if not words:
        return text
    draws = np.random.default_rng(seed).random(len(words))
    kept = (draws >= del_ratio) | (draws == draws.max())
    damaged, joined = "", True
    for word, stays in zip(words, kept, strict=True):
        if stays:
            # The space of what is gone went with it.
            damaged += word if joined or not word[0].isalnum() else " " + word
        joined = bool(stays)
    return damaged.strip()


class DenoisingAutoEncoderDataset(Dataset[Any]):
    """Rows of a damaged sentence and the original one, for `DenoisingAutoEncoderLoss`.

    Noise is drawn when a row is read, by seed, epoch and row; a trainer tells the epoch. The loss also takes
    sentences alone, and then damages their tokens itself, anew at each step.

    Args:
        sentences: read by row number.
        noise_fn: makes a damaged text of a text; None deletes words (`delete_words`).
        seed: of the deletions; a `noise_fn` has its own.

    Example:
        >>> dataset = DenoisingAutoEncoderDataset(["The quick brown fox jumps over the lazy dog."])
        >>> list(dataset[0])
        ['damaged_sentence', 'original_sentence']
    """

    delete = staticmethod(delete_words)

    def __init__(
        self,
        sentences: Sequence[str],
        noise_fn: Callable[[str], str] | None = None,
        *,
        seed: int = 0,
    ) -> None:
        self.sentences = sentences
        self.noise_fn = noise_fn
        self.seed = integer("seed", seed, 0, MAX_UINT64)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Draw other noise from now on."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.sentences)

    def __getitem__(self, row: int) -> dict[str, str]:
        if not -len(self) <= row < len(self):
            raise IndexError(f"row must be below {len(self)}, got {row}")
        sentence, row = self.sentences[row], row % len(self)
        if self.noise_fn is None:
            damaged = delete_words(sentence, seed=(self.seed, self.epoch, row))
        else:
            damaged = self.noise_fn(sentence)
        return {"damaged_sentence": damaged, "original_sentence": sentence}
