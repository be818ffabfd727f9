"""Data sets under the module name that scripts of the field import them from."""

from __future__ import annotations

from foolsgold.data.denoising import DenoisingAutoEncoderDataset

__all__ = ["DenoisingAutoEncoderDataset"]
