"""Losses whose negatives are the other rows of the batch."""

from __future__ import annotations

from functools import cache
from itertools import product

import torch
from tests.losses.cases.case import Case, Made, classes
from tests.losses.encoders import TokenEncoder

from foolsgold import similarity

DIRECTIONS = ("query_to_doc", "query_to_query", "doc_to_query", "doc_to_doc")


class Tokenized(TokenEncoder):
    """Has a tokenizer, since sentence-transformers compares those of the model and its guide."""

    max_seq_length = 64

    def __init__(self, seed: int = 7) -> None:
        super().__init__()
        self.tokenizer = _tokenizer()
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            for parameter in self.parameters():
                parameter.normal_()


@cache
def _tokenizer():
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    vocabulary = {f"w{i}": i for i in range(40)}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(vocabulary, unk_token="w0")),
        unk_token="w0",
        pad_token="w0",
    )


RANKING, SYMMETRIC = "MultipleNegativesRankingLoss", "MultipleNegativesSymmetricRankingLoss"
GIST = "GISTEmbedLoss"
CHUNKED = {"mini_batch_size": 2, "show_progress_bar": True}
BUDGETED = {"mini_batch_num_tokens": 12}
GUIDE = {"guide": Made(lambda: Tokenized(seed=8))}
OTHER = {"mask_by_identity": False, "false_negative_margin": 0.1, "learnable_scale": True}

CASES: list[Case] = [
    *(
        Case(name=prefix + name, options=options, num_columns=num_columns, gathers=True)
        for prefix, name in product(("", "Cached"), (RANKING, SYMMETRIC))
        for num_columns, options in (
            (2, CHUNKED if prefix else {}),
            (3, {"scale": 5.0, "similarity_fct": similarity.dot_score, **(BUDGETED if prefix else {})}),
        )
    ),
    *(
        Case(
            name=prefix + RANKING,
            options={
                "directions": DIRECTIONS,
                "hardness_mode": mode,
                "hardness_strength": 3.0,
                **(CHUNKED if prefix else {}),
            },
            num_columns=4,
            gathers=True,
        )
        for prefix, mode in product(("", "Cached"), ("in_batch_negatives", "hard_negatives", "all_negatives"))
    ),
    *(
        Case(
            name=prefix + RANKING,
            options={"directions": ("query_to_doc", "doc_to_query"), "partition_mode": "per_direction"},
            num_columns=3,
            gathers=True,
        )
        for prefix in ("", "Cached")
    ),
    *(
        Case(
            name=prefix + name,
            own_options={"mask_by_label": True, **OTHER},
            labels=classes,
            has_peer=False,
            gathers=True,
        )
        for prefix, name in product(("", "Cached"), (RANKING, SYMMETRIC))
    ),
    *(
        Case(
            name=prefix + GIST,
            options={**GUIDE, **options, **(chunks if prefix else {})},
            num_columns=num_columns,
            gathers=True,
            encoder=Tokenized,
        )
        for prefix in ("", "Cached")
        for num_columns, chunks, options in (
            (2, CHUNKED, {}),
            (3, BUDGETED, {"temperature": 0.1, "margin_strategy": "relative", "margin": 0.05}),
            (2, {}, {"temperature": 0.5, "margin": 0.2, "contrast_anchors": False}),
            (3, {}, {"temperature": 0.5, "contrast_positives": False}),
        )
    ),
    *(
        Case(
            name=prefix + GIST,
            options=GUIDE,
            own_options={
                "mask_by_identity": False,
                "cache_embeddings": False,
                "learnable_temperature": True,
            },
            num_columns=4,
            has_peer=False,
            gathers=True,
            encoder=Tokenized,
        )
        for prefix in ("", "Cached")
    ),
]
