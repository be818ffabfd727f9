"""Data sets under the module name that scripts of the field import them from."""

from __future__ import annotations

from foolsgold.data.denoising import DenoisingAutoEncoderDataset
from foolsgold.data.drawn_negatives import DrawnNegatives

__all__ = ["DenoisingAutoEncoderDataset", "DrawnNegatives"]
