"""What the first module of a model does besides its forward: texts to rows of token ids, rows to features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from foolsgold.models.token_rows import TokenRows


class InputModule(nn.Module, ABC):
    """A module that reads texts.

    Tokens are made once (`token_rows`) and gathered into batches (`collate`): sorting by length, caching and
    shuffling never look at a text again.

    Attributes:
        tokenizer: of `transformers` or `tokenizers`.
        max_seq_length: tokens a text is cut at, infinite where it is not.
    """

    tokenizer: Any
    max_seq_length: float

    @abstractmethod
    def token_rows(self, texts: Sequence[str]) -> TokenRows:
        """Tokenise; one row per text, special tokens included, cut at `max_seq_length`."""

    @abstractmethod
    def collate(self, rows: TokenRows, indices: Tensor) -> dict[str, Tensor]:
        """Make the features of one batch.

        Args:
            rows: what `token_rows` made.
            indices: (B,) int64, rows in the order wanted.
        """

    @abstractmethod
    def get_embedding_dimension(self) -> int:
        """Return the width of the embeddings this module makes."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the module's files into a folder that exists."""

    def prompt_length(self, prompt: str) -> int | None:
        """Return how many leading tokens of a row are the prompt's; None where no pooling can ask."""
        return None

    def preprocess(self, texts: Sequence[str], prompt: str | None = None) -> dict[str, Any]:
        """Make the features of a batch of texts.

        Args:
            texts: B strings.
            prompt: put before each text.

        Returns:
            What `forward` takes; `prompt_length` (int) is among it where there is a prompt.
        """
        rows = self.token_rows([prompt + text for text in texts] if prompt else texts)
        return self.features(rows, torch.arange(len(rows)), prompt)

    def features(self, rows: TokenRows, indices: Tensor, prompt: str | None = None) -> dict[str, Any]:
        """Make what `preprocess` makes, of texts that were tokenised with their prompt before.

        Args:
            rows: what `token_rows` made.
            indices: (B,) int64, rows in the order wanted.
            prompt: what all of the texts begin with.
        """
        features: dict[str, Any] = self.collate(rows, indices)
        if prompt and (length := self.prompt_length(prompt)) is not None:
            features["prompt_length"] = length
        return features
