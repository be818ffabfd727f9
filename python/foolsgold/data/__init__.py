"""Data sets: files, text ids, columns and their roles.

- `read`, `read_pairs`: files as Arrow tables, and as pairs to train on.
- `convert`, `reshape`: files, and data sets in memory, in another shape, format or tool's layout.
- `stream`, `write`: files as streams of batches in bounded memory, and batches into files.
- `Texts`: every distinct text as one number.
- `near_duplicates`, `near_duplicates_between`: texts that are nearly the same, in one set or in two.
- `TextStore`, `StoredRows`: texts on disk, and rows of ids over them, for data larger than memory.
- `check`: what is wrong with a data set, where, and which losses and samplers suit it.
- `token_lengths`: tokens by row, for batches of like lengths.
- `read_docstrings`: a corpus that every machine has.
- `DenoisingAutoEncoderDataset`, `delete_words`: damaged sentences beside the original ones.
- `DrawnNegatives`: rows with some of their negatives, others in each epoch.
- `ContrastiveTensionDataset`: sentences with themselves and with others, for contrastive tension.
- `triplets_from_labels`, `pairs_from_labels`, `triplets_from_scores`, `triplets_from_judgments`,
  `triplets_from_embeddings`, `triplets_from_distances`: `Combinations` of rows, counted and never listed.
- `CombinationRows`, `CombinationStream`: their texts, to train on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from foolsgold.lazy import getter

if TYPE_CHECKING:
    from foolsgold.data.checking import CheckReport, check
    from foolsgold.data.combination_rows import CombinationRows, CombinationStream
    from foolsgold.data.combinations import Combinations
    from foolsgold.data.contrastive_tension import ContrastiveTensionDataset
    from foolsgold.data.converting import convert
    from foolsgold.data.denoising import DenoisingAutoEncoderDataset, delete_words
    from foolsgold.data.docstrings import read_docstrings
    from foolsgold.data.drawn_negatives import DrawnNegatives
    from foolsgold.data.duplicates import near_duplicates, near_duplicates_between
    from foolsgold.data.files import read
    from foolsgold.data.label_pairs import pairs_from_labels
    from foolsgold.data.lengths import token_lengths
    from foolsgold.data.pairs import Pairs, read_pairs
    from foolsgold.data.reshaping.report import ConversionReport
    from foolsgold.data.reshaping.reshape import reshape
    from foolsgold.data.store import TextStore
    from foolsgold.data.stored_rows import StoredRows
    from foolsgold.data.streaming import Skipped, Stream, stream
    from foolsgold.data.texts import Texts
    from foolsgold.data.triplets import (
        triplets_from_distances,
        triplets_from_embeddings,
        triplets_from_judgments,
        triplets_from_labels,
        triplets_from_scores,
    )
    from foolsgold.data.writing import write

__all__ = [
    "CheckReport",
    "CombinationRows",
    "CombinationStream",
    "Combinations",
    "ContrastiveTensionDataset",
    "ConversionReport",
    "DenoisingAutoEncoderDataset",
    "DrawnNegatives",
    "Pairs",
    "Skipped",
    "StoredRows",
    "Stream",
    "TextStore",
    "Texts",
    "check",
    "convert",
    "delete_words",
    "near_duplicates",
    "near_duplicates_between",
    "pairs_from_labels",
    "read",
    "read_docstrings",
    "read_pairs",
    "reshape",
    "stream",
    "token_lengths",
    "triplets_from_distances",
    "triplets_from_embeddings",
    "triplets_from_judgments",
    "triplets_from_labels",
    "triplets_from_scores",
    "write",
]

__getattr__ = getter(
    __name__,
    {
        "CombinationRows": "foolsgold.data.combination_rows",
        "CombinationStream": "foolsgold.data.combination_rows",
        "Combinations": "foolsgold.data.combinations",
        "CheckReport": "foolsgold.data.checking",
        "ContrastiveTensionDataset": "foolsgold.data.contrastive_tension",
        "ConversionReport": "foolsgold.data.reshaping.report",
        "DenoisingAutoEncoderDataset": "foolsgold.data.denoising",
        "DrawnNegatives": "foolsgold.data.drawn_negatives",
        "Pairs": "foolsgold.data.pairs",
        "StoredRows": "foolsgold.data.stored_rows",
        "TextStore": "foolsgold.data.store",
        "Skipped": "foolsgold.data.streaming",
        "Stream": "foolsgold.data.streaming",
        "Texts": "foolsgold.data.texts",
        "convert": "foolsgold.data.converting",
        "check": "foolsgold.data.checking",
        "delete_words": "foolsgold.data.denoising",
        "near_duplicates": "foolsgold.data.duplicates",
        "near_duplicates_between": "foolsgold.data.duplicates",
        "pairs_from_labels": "foolsgold.data.label_pairs",
        "read": "foolsgold.data.files",
        "read_docstrings": "foolsgold.data.docstrings",
        "read_pairs": "foolsgold.data.pairs",
        "reshape": "foolsgold.data.reshaping.reshape",
        "stream": "foolsgold.data.streaming",
        "token_lengths": "foolsgold.data.lengths",
        "write": "foolsgold.data.writing",
        "triplets_from_distances": "foolsgold.data.triplets",
        "triplets_from_embeddings": "foolsgold.data.triplets",
        "triplets_from_judgments": "foolsgold.data.triplets",
        "triplets_from_labels": "foolsgold.data.triplets",
        "triplets_from_scores": "foolsgold.data.triplets",
    },
)
