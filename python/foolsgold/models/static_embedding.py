"""StaticEmbedding: a text is the mean of the embeddings of its tokens."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from foolsgold.models.folder import read_weights, reading
from foolsgold.models.input_module import InputModule
from foolsgold.models.token_rows import TokenRows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from transformers import PreTrainedTokenizerFast


class StaticEmbedding(InputModule):
    """A table with one embedding per token, and their mean as the sentence embedding.

    No attention and no positions: far faster than a transformer on a CPU, and weaker. The order of the tokens
    does not matter, there are no special ones, and a text without tokens gives zeros.

    Shape:
        `input_ids` (T,), the tokens of all texts end to end, and `offsets` (B,), where each text begins, in;
        `sentence_embedding` (B, D) out.

    Args:
        tokenizer: of `tokenizers`, or a fast one of `transformers`. Its padding is switched off.
        embedding_weights: (V, D) to start from, a row for every id of the tokenizer; copied.
        embedding_dim: D of a table drawn from the standard normal distribution, where there are no weights.
        seed: of that draw.

    Raises:
        TypeError: the tokenizer is not a fast one.
        ValueError: neither weights nor a dimension, or fewer rows than the tokenizer has ids.
    """

    max_seq_length = math.inf

    def __init__(
        self,
        tokenizer: Tokenizer | PreTrainedTokenizerFast,
        embedding_weights: np.ndarray[Any, Any] | Tensor | None = None,
        embedding_dim: int | None = None,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        tokenizer = getattr(tokenizer, "backend_tokenizer", tokenizer)
        if not isinstance(tokenizer, Tokenizer):
            raise TypeError(f"`tokenizer` must be a fast tokenizer, got {type(tokenizer).__name__}")
        num_ids = max(tokenizer.get_vocab().values(), default=-1) + 1
        if embedding_weights is not None:
            weights = torch.as_tensor(embedding_weights).clone()
        elif embedding_dim is not None:
            weights = torch.randn(num_ids, embedding_dim, generator=torch.Generator().manual_seed(seed))
        else:
            raise ValueError("one of `embedding_weights` and `embedding_dim` must be given, got neither")
        if len(weights) < num_ids:
            raise ValueError(
                f"`embedding_weights` must have a row for each of {num_ids} ids, got {len(weights)}"
            )
        tokenizer.no_padding()
        self.tokenizer = tokenizer
        self.embedding = nn.EmbeddingBag.from_pretrained(weights, freeze=False, mode="mean")

    def token_rows(self, texts: Sequence[str]) -> TokenRows:
        """Tokenise on all cores; one row per text, without special tokens."""
        return TokenRows.from_texts(texts, self._tokenize)

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        encodings = self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def collate(self, rows: TokenRows, indices: Tensor) -> dict[str, Tensor]:
        """Make `input_ids` and `offsets` of one batch."""
        input_ids, offsets = rows.flat(indices)
        return {"input_ids": input_ids, "offsets": offsets}

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        """Add `sentence_embedding` to the features."""
        return {**features, "sentence_embedding": self.embedding(features["input_ids"], features["offsets"])}

    def get_embedding_dimension(self) -> int:
        """Return the width of the table."""
        return self.embedding.embedding_dim

    def save(self, folder: Path) -> None:
        """Write `model.safetensors` and `tokenizer.json`."""
        weights = self.embedding.weight.detach().cpu().contiguous()
        save_file({"embedding.weight": weights}, folder / "model.safetensors")
        self.tokenizer.save(str(folder / "tokenizer.json"))

    @classmethod
    def load(cls, folder: Path) -> StaticEmbedding:
        """Read `model.safetensors` and `tokenizer.json`; a model2vec table is folded into one row per token.

        Raises:
            FileNotFoundError: one of the two is missing.
            ValueError: one of the two is broken, or they do not fit each other.
        """
        weights_path, tokenizer_path = folder / "model.safetensors", folder / "tokenizer.json"
        weights = read_weights(weights_path)
        with reading(tokenizer_path):
            tokenizer = Tokenizer.from_file(str(tokenizer_path))
        with reading(weights_path):
            return cls(tokenizer, _table(weights))


def _table(weights: dict[str, Tensor]) -> Tensor:
    """Take the table (V, D) out of the tensors of a file."""
    if "embedding.weight" in weights:
        return weights["embedding.weight"]
    # model2vec: row `mapping[id]` of `embeddings`, times `weights[id]`; both optional.
    table = weights["embeddings"]
    if "mapping" in weights:
        table = table[weights["mapping"].long()]
    if "weights" in weights:
        table = (table.float() * weights["weights"].unsqueeze(1)).to(table.dtype)
    return table
