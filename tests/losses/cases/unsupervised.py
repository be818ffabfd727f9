"""Losses that need no labels, or take every match of a row as a positive."""

from __future__ import annotations

import tempfile
from functools import cache

import torch
from tests.losses.cases.case import Case, Made, binary, classes
from torch import nn

from foolsgold import similarity


@cache
def bert_folder(seed: int = 0) -> str:
    """A folder of `transformers` with the weights of an encoder and of a decoder with cross-attention.

    The width is 6, the vocabulary that of `tests.losses.encoders`, and there is no dropout.
    """
    from tokenizers import Tokenizer, models
    from transformers import BertConfig, BertLMHeadModel, PreTrainedTokenizerFast

    config = BertConfig(
        vocab_size=40,
        hidden_size=6,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=12,
        max_position_embeddings=32,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.5,
        is_decoder=True,
        add_cross_attention=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertLMHeadModel(config)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{i}" for i in range(4, 40))]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]")),
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )
    folder = tempfile.mkdtemp()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


class BertEncoder(nn.Sequential):
    """Mean of the states of the encoder in `bert_folder`, with what losses look for on a model of texts."""

    def __init__(self) -> None:
        from transformers import AutoTokenizer, BertModel

        super().__init__(
            BertModel.from_pretrained(
                bert_folder(), is_decoder=False, add_cross_attention=False, add_pooling_layer=False
            )
        )
        self.tokenizer = AutoTokenizer.from_pretrained(bert_folder())

    @property
    def transformers_model(self):
        return self[0]

    def forward(self, features):
        mask = features["attention_mask"]
        states = self[0](input_ids=features["input_ids"], attention_mask=mask).last_hidden_state
        mask = mask.unsqueeze(-1)
        return {**features, "sentence_embedding": (states * mask).sum(1) / mask.sum(1)}


TENSION = "ContrastiveTensionLoss"
IN_BATCH = "ContrastiveTensionLossInBatchNegatives"
DENOISING = "DenoisingAutoEncoderLoss"
SUPERVISED = "SupervisedContrastiveLoss"
SIGMOID = "SigmoidContrastiveLoss"

CASES: list[Case] = [
    Case(name=TENSION, labels=binary),
    Case(name=TENSION),
    Case(name=TENSION, num_columns=1, has_peer=False, ignores_order=False),
    Case(
        name=TENSION,
        own_options={"scale": 20.0, "similarity_fct": similarity.cos_sim, "pos_neg_ratio": 3},
        num_columns=1,
        has_peer=False,
        ignores_order=False,
    ),
    Case(
        name=TENSION,
        own_options={"similarity_fct": similarity.pairwise_euclidean_sim},
        labels=binary,
        has_peer=False,
    ),
    Case(name=IN_BATCH, num_columns=1, gathers=True),
    Case(name=IN_BATCH, num_columns=2, has_peer=False, gathers=True),
    Case(
        name=IN_BATCH,
        options={"scale": 0.5, "similarity_fct": similarity.dot_score},
        own_options={"mask_by_identity": False},
        num_columns=1,
        gathers=True,
    ),
    Case(name=DENOISING, encoder=BertEncoder),
    Case(
        name=DENOISING,
        options={"decoder_name_or_path": Made(lambda: bert_folder(1)), "tie_encoder_decoder": False},
        encoder=BertEncoder,
    ),
    Case(
        name=DENOISING,
        own_options={"deletion_ratio": 0.3, "seed": 5},
        num_columns=1,
        encoder=BertEncoder,
        has_peer=False,
        ignores_order=False,
    ),
    *(
        Case(name=name, num_columns=num_columns, labels=labels, has_peer=False, gathers=True)
        for name in (SUPERVISED, SIGMOID)
        for num_columns, labels in ((1, classes), (2, None), (2, classes), (4, None))
    ),
    Case(
        name=SUPERVISED,
        own_options={"scale": 5.0, "similarity_fct": similarity.euclidean_sim, "mask_by_identity": False},
        has_peer=False,
        gathers=True,
    ),
    Case(
        name=SUPERVISED,
        own_options={"learnable_scale": True},
        num_columns=1,
        labels=classes,
        has_peer=False,
        gathers=True,
    ),
    Case(
        name=SIGMOID,
        own_options={
            "scale": 2.0,
            "bias": -1.0,
            "similarity_fct": similarity.dot_score,
            "mask_by_identity": False,
            "learnable": False,
        },
        has_peer=False,
        gathers=True,
    ),
]
