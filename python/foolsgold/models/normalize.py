"""Normalize: sentence embeddings of length 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from foolsgold.models.folder import read_json, write_json
from foolsgold.similarity import normalize_embeddings

if TYPE_CHECKING:
    from pathlib import Path

_CONFIG = {"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"}


class Normalize(nn.Module):
    """Scale each sentence embedding to length 1; a zero vector stays zero.

    Shape:
        `sentence_embedding` (B, D) in and out.
    """

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        """Replace `sentence_embedding` in the features."""
        embeddings: Tensor = features["sentence_embedding"]
        return {**features, "sentence_embedding": normalize_embeddings(embeddings).to(embeddings.dtype)}

    def save(self, folder: Path) -> None:
        """Write `config.json`."""
        write_json(folder / "config.json", _CONFIG)

    @classmethod
    def load(cls, folder: Path) -> Normalize:
        """Read `config.json` where there is one; older releases wrote none, nor its folder.

        Raises:
            ValueError: not JSON, or it normalises something other than the sentence embedding.
        """
        path = folder / "config.json"
        config = _CONFIG | (read_json(path) if path.exists() else {})
        if config != _CONFIG:
            raise ValueError(f"`{path}` must normalise `sentence_embedding` in place, got {config}")
        return cls()
