"""Tiny models made in code, and the environment every test runs in."""

from __future__ import annotations

import copy
import os
import signal
import string
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# Nothing is fetched: a name that is no folder fails at once. Set before any library reads them.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# A job in the background may ignore Ctrl-C, and so would its children: those of tests are to hear it.
signal.signal(signal.SIGINT, signal.default_int_handler)

WORDS = [
    "the",
    "a",
    "of",
    "to",
    "and",
    "in",
    "is",
    "cat",
    "dog",
    "bird",
    "fish",
    "gold",
    "iron",
    "stone",
    "river",
]


@pytest.fixture(scope="session")
def tiny_tokenizer():
    """A WordPiece tokenizer of `tokenizers`: some words, and every other one letter by letter."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    letters = string.ascii_lowercase + string.digits
    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        *WORDS,
        *string.punctuation,
        *letters,
        *("##" + x for x in letters),
    ]
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    return tokenizer


@pytest.fixture(scope="session")
def tiny_transformers_folder(tiny_tokenizer, tmp_path_factory) -> Path:
    """A plain folder of `transformers`: BERT, 32 dimensions, 2 layers, dropout 0.1, 64 positions."""
    import torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    config = BertConfig(
        vocab_size=tiny_tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.2,  # at the usual 0.02 all texts are nearly equal
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = BertModel(config)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tiny_tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
    folder = tmp_path_factory.mktemp("tiny_transformers")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_bert_folder(tiny_transformers_folder, tmp_path_factory) -> Path:
    """The folder of `tiny_bert`, for tests that load it in another process or in a peer."""
    from foolsgold.models import Pooling, SentenceTransformer, Transformer

    modules = [Transformer(tiny_transformers_folder), Pooling(32, "mean")]
    folder = tmp_path_factory.mktemp("tiny") / "bert"
    SentenceTransformer(modules=modules, device="cpu").save(folder)
    return folder


@pytest.fixture(scope="session")
def _tiny_bert(tiny_bert_folder):
    from foolsgold.models import SentenceTransformer

    return SentenceTransformer(tiny_bert_folder, device="cpu")


@pytest.fixture
def tiny_bert(_tiny_bert):
    """A SentenceTransformer: BERT of 32 dimensions, mean pooling; a copy of its own for each test."""
    return copy.deepcopy(_tiny_bert)


@pytest.fixture
def tiny_static(tiny_tokenizer):
    """A SentenceTransformer: static embeddings of 16 dimensions; made anew for each test."""
    from foolsgold.models import SentenceTransformer, StaticEmbedding

    return SentenceTransformer(modules=[StaticEmbedding(tiny_tokenizer, embedding_dim=16)], device="cpu")
