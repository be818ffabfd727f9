"""Scores in float32 on a device, and how far each may be from the exact one.

A tile is in units of its own: cosines for `cosine`; scores over |q| and the longest document for `dot`; for
`euclidean` minus the squared distance, over the square of the longest vector. Within one query the order is
that of the exact scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from foolsgold.mining.arrays import widened

if TYPE_CHECKING:
    from numpy.typing import NDArray

_UNDERFLOW = 1e-24
"""More than underflow can cost a score in these units."""
_ROWS = 1 << 16


class Packed(NamedTuple):
    """Rows on the device.

    Attributes:
        vectors: (n, D) float32; unit vectors, for `euclidean` in units of the longest vector.
        norms: (n,) float64, of the rows as they came.
    """

    vectors: Tensor
    norms: Tensor


@dataclass(frozen=True)
class Units:
    """How a similarity is computed in tiles.

    Attributes:
        similarity: "cosine", "dot" or "euclidean".
        bound: the error of a sum of D products of unit vectors, its roundings included, as `error_bound` of
            the core's float32 tile: (D + 16) u / (1 - (D + 16) u) with u = 2^-24, in any order of the sum
            (Higham 2002, 3.1); infinite where it proves nothing.
        length: the norm of the longest document, for `euclidean` of the longest vector.
        device: where the tiles are.
    """

    similarity: str
    bound: float
    length: float
    device: torch.device

    @staticmethod
    def of(
        similarity: str, query_norms: Tensor, document_norms: Tensor, dim: int, device: torch.device
    ) -> Units:
        """Return the units for sides of these norms."""
        steps = (dim + 16) * 2.0**-24
        bound = 1.01 * steps / (1 - steps) if steps < 0.25 else float("inf")
        length = float(document_norms.max())
        if similarity == "euclidean":
            length = max(length, float(query_norms.max()) if len(query_norms) else 0.0)
        return Units(similarity, bound, length, device)

    def is_usable(self, norms: Tensor) -> Tensor:
        """Return for which queries of these norms a tile in float32 proves something."""
        if self.similarity == "cosine":
            proves = norms > 0
        elif self.similarity == "dot":
            proves = (norms > 0) & (norms * self.length >= 2.0**-60) & (norms * self.length <= 2.0**126)
        else:
            proves = torch.full_like(norms, 2.0**-60 <= self.length <= 2.0**60, dtype=torch.bool)
        return proves & (self.bound < float("inf"))

    def pack(self, rows: NDArray[Any]) -> Packed:
        """Move rows to the device in these units."""
        vectors = torch.empty(rows.shape, dtype=torch.float32, device=self.device)
        norms = torch.empty(len(rows), dtype=torch.float64, device=self.device)
        for start in range(0, len(rows), _ROWS):
            part = slice(start, start + _ROWS)
            # torch warns of rows that may not be written to, as stored ones are: these are copied.
            block = np.require(widened(rows[part]), requirements="W")
            wide = torch.from_numpy(block).to(self.device).double()
            norms[part] = wide.square().sum(1).sqrt()
            lengths = norms[part, None] if self.similarity != "euclidean" else self.length
            vectors[part] = torch.nan_to_num(wide / lengths, 0.0, 0.0, 0.0)  # a zero vector stays zero
        return Packed(vectors, norms)

    def weights(self, documents: Packed) -> Tensor:
        """Return (n,) float32: what counts of a document besides its vector."""
        if self.similarity == "cosine":
            return torch.ones_like(documents.norms, dtype=torch.float32)
        shares = documents.norms / self.length if self.length > 0 else documents.norms
        return (shares if self.similarity == "dot" else shares.square()).float()

    def errors(self, queries: Packed, documents: Packed) -> Tensor:
        """Return (n,) float32: how far the scores of any of these queries may be off, by document.

        For `euclidean` with a = |q|, b = |x|: the products cost 2 gamma(D) a b, which is at most gamma(D) (a
        + b)^2 / 2; squares, sums and the rounding of the exact distance cost fewer than 16 u (a + b)^2.
        """
        if self.similarity == "euclidean":
            shares = documents.norms / self.length + float(queries.norms.max()) / self.length
            scale = shares.square()
        else:
            scale = self.weights(documents).double()
        return _up(scale * self.bound + _UNDERFLOW)

    def scores(self, queries: Packed, vectors: Tensor, weights: Tensor) -> Tensor:
        """Return the tile (q, n) of these queries and documents."""
        tile = queries.vectors @ vectors.T
        if self.similarity == "dot":
            tile *= weights
        elif self.similarity == "euclidean":
            own = (queries.norms / self.length).square().float()
            tile.mul_(2).sub_(weights).sub_(own[:, None])
        return tile

    def bounds(self, scores: Tensor, norms: Tensor) -> tuple[Tensor, Tensor]:
        """Return float32 values just below and just above what these scores are in a tile.

        Args:
            scores: (q,) float64, exact scores or infinite ones.
            norms: (q,) float64 of the queries.
        """
        if self.similarity == "dot":
            values = scores / (norms * self.length)
        elif self.similarity == "euclidean":
            values = torch.where(scores > 0, torch.inf, -(scores / self.length).square())
        else:
            values = scores
        return -_up(-values), _up(values)


def _up(values: Tensor) -> Tensor:
    """Return float32 values above these, by one rounding and one step; infinite ones stay."""
    return torch.nextafter(values.float(), torch.tensor(torch.inf, device=values.device))
