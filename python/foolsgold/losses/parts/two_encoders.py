"""What losses between an encoder and a copy of it share."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.parts.checks import described
from foolsgold.losses.parts.gradient_cache import embed_in_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn


class TwoEncoderLoss(EmbeddingLoss):
    """Base of losses between two encoders that begin alike and are both trained.

    Twice the parameters, gradients and optimiser states of one encoder are held.

    Args:
        model: the encoder, which is the one to keep.

    Attributes:
        model1: a copy of it, which embeds the first column.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.model1 = copy.deepcopy(model)

    @property
    def model2(self) -> nn.Module:
        """The encoder to keep, `model`; it embeds the last column, which may be the first."""
        return self.model

    def embed(self, features: Sequence[dict[str, Any]]) -> list[Tensor]:
        """Embed the first column with the copy and the last with the model, one call each.

        Returns:
            Two tensors (B, D), for one column as for two.
        """
        if len(features) not in (1, 2):
            raise ValueError(f"{described(self)}, got {len(features)} columns")
        return [self._encode_with_copy(features[0]), self._encode_in_chunks(features[-1])]

    def _encode_with_copy(self, features: dict[str, Any]) -> Tensor:
        def encode(features: dict[str, Any]) -> Tensor:
            embeddings: Tensor = self.model1(dict(features))["sentence_embedding"]
            return embeddings

        if self.chunk_size is None:
            return encode(features)
        return embed_in_chunks(encode, features, self.chunk_size)

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return r"""@inproceedings{carlsson2021contrastivetension,
    title={Semantic Re-tuning with Contrastive Tension},
    author={Fredrik Carlsson and Amaru Cuba Gyllensten and Evangelia Gogoulou and Erik Ylip{\"a}{\"a}
        Hellqvist and Magnus Sahlgren},
    booktitle={International Conference on Learning Representations},
    year={2021}, url={https://openreview.net/forum?id=Ov_sMNau-PF}
}"""
