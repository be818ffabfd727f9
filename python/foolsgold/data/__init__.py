"""Data sets: files, text ids, columns and their roles.

- `read`, `read_pairs`: files as Arrow tables, and as pairs to train on.
- `Texts`: every distinct text as one number.
- `near_duplicates`, `near_duplicates_between`: texts that are nearly the same, in one set or in two.
- `check`: what is wrong with a data set, where, and which losses and samplers suit it.
- `token_lengths`: tokens by row, for batches of like lengths.
- `read_docstrings`: a corpus that every machine has.
- `DenoisingAutoEncoderDataset`, `delete_words`: damaged sentences beside the original ones.
- `DrawnNegatives`: rows with some of their negatives, others in each epoch.
- `ContrastiveTensionDataset`: sentences with themselves and with others, for contrastive tension.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from foolsgold.lazy import getter

if TYPE_CHECKING:
    from foolsgold.data.checking import CheckReport, check
    from foolsgold.data.contrastive_tension import ContrastiveTensionDataset
    from foolsgold.data.denoising import DenoisingAutoEncoderDataset, delete_words
    from foolsgold.data.docstrings import read_docstrings
    from foolsgold.data.drawn_negatives import DrawnNegatives
    from foolsgold.data.duplicates import near_duplicates, near_duplicates_between
    from foolsgold.data.files import read
    from foolsgold.data.lengths import token_lengths
    from foolsgold.data.pairs import Pairs, read_pairs
    from foolsgold.data.texts import Texts

__all__ = [
    "CheckReport",
    "ContrastiveTensionDataset",
    "DenoisingAutoEncoderDataset",
    "DrawnNegatives",
    "Pairs",
    "Texts",
    "check",
    "delete_words",
    "near_duplicates",
    "near_duplicates_between",
    "read",
    "read_docstrings",
    "read_pairs",
    "token_lengths",
]

__getattr__ = getter(
    __name__,
    {
        "CheckReport": "foolsgold.data.checking",
        "ContrastiveTensionDataset": "foolsgold.data.contrastive_tension",
        "DenoisingAutoEncoderDataset": "foolsgold.data.denoising",
        "DrawnNegatives": "foolsgold.data.drawn_negatives",
        "Pairs": "foolsgold.data.pairs",
        "Texts": "foolsgold.data.texts",
        "check": "foolsgold.data.checking",
        "delete_words": "foolsgold.data.denoising",
        "near_duplicates": "foolsgold.data.duplicates",
        "near_duplicates_between": "foolsgold.data.duplicates",
        "read": "foolsgold.data.files",
        "read_docstrings": "foolsgold.data.docstrings",
        "read_pairs": "foolsgold.data.pairs",
        "token_lengths": "foolsgold.data.lengths",
    },
)
