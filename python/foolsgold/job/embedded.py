"""The model that a job trains where none is given: quick to make, quick to train, nothing to download."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from foolsgold.models import SentenceTransformer, StaticEmbedding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from foolsgold.job.recipe import EmbeddedModel

_UNKNOWN = "[UNK]"
# Where a lower-case letter meets an upper-case one, as inside `camelCase` names.
_CAMEL_CASE = Regex(r"(?<=[\p{Ll}\d])(?=\p{Lu})")


def train_tokenizer(texts: Iterable[str], *, vocabulary_size: int, max_tokens: int) -> Tokenizer:
    """Learn a WordPiece vocabulary (Schuster and Nakajima 2012) over lower-cased words.

    Words end at white space, at punctuation, and at the humps of `camelCase` and `snake_case` names.

    Args:
        texts: What to learn from.
        vocabulary_size: The most tokens.
        max_tokens: What the tokeniser cuts a text to.
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token=_UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(_CAMEL_CASE, " "),
            normalizers.BertNormalizer(lowercase=True),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary_size, special_tokens=[_UNKNOWN], min_frequency=2, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def make_model(texts: Iterable[str], options: EmbeddedModel, *, seed: int) -> SentenceTransformer:
    """Build an untrained model of static token embeddings for `texts`.

    Args:
        texts: What the vocabulary is learnt from.
        options: Sizes.
        seed: Of the embeddings.
    """
    tokenizer = train_tokenizer(texts, vocabulary_size=options.vocabulary_size, max_tokens=options.max_tokens)
    table = StaticEmbedding(tokenizer, embedding_dim=options.dimension, seed=seed)
    return SentenceTransformer(modules=[table], device="cpu")
