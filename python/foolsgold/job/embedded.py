"""The model that a job trains where none is given: quick to make, quick to train, nothing to download."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from foolsgold.models import SentenceTransformer, StaticEmbedding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from foolsgold.job.recipe import EmbeddedModel

_UNKNOWN = "[UNK]"
# Where words meet inside a name: `camelCase`, `HTTPServer`.
_HUMP = Regex(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = Regex(r"\d+|[^\W\d_]+")


def train_tokenizer(texts: Iterable[str], *, vocabulary_size: int, max_tokens: int) -> Tokenizer:
    """Learn a WordPiece vocabulary (Schuster and Nakajima 2012) over lower-cased words.

    Words are runs of letters and runs of digits; names in `camelCase` and `snake_case` fall into theirs.

    Args:
        texts: What to learn from.
        vocabulary_size: The most tokens.
        max_tokens: What the tokeniser cuts a text to.
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token=_UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(_HUMP, " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(_WORD, "removed", invert=True)
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary_size, special_tokens=[_UNKNOWN], show_progress=False
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
