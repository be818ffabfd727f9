"""The model that a job trains where none is given: quick to make, quick to train, nothing to download."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from foolsgold.models import SentenceTransformer, StaticEmbedding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from foolsgold.job.recipe import EmbeddedModel

_UNKNOWN = "[UNK]"
_INNER = "##"
_MIN_ALPHABET = 256
_TEXTS_AT_A_TIME = 10_000
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
    texts = list(texts)
    learner = _tokenizer(models.WordPiece(unk_token=_UNKNOWN))
    alphabet = _alphabet(texts, learner.normalizer, most=max(_MIN_ALPHABET, vocabulary_size // 8))
    # The trainer numbers letters inside words as a hash map yields them, and by number it decides between
    # equally frequent pairs. Named beforehand they have the same numbers in each run.
    inner = [_INNER + letter for letter in alphabet]
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[_UNKNOWN, *inner],
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        continuing_subword_prefix=_INNER,
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    vocabulary = learner.get_vocab()
    tokenizer = _tokenizer(models.WordPiece(vocabulary, unk_token=_UNKNOWN, continuing_subword_prefix=_INNER))
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def _tokenizer(model: models.Model) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(_HUMP, " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(_WORD, "removed", invert=True)
    return tokenizer


def _alphabet(texts: list[str], normalizer: normalizers.Normalizer, *, most: int) -> list[str]:
    """The letters and digits of the words, the most frequent of them where there are too many."""
    counts: Counter[str] = Counter()
    codes = np.zeros(sys.maxunicode + 1, dtype=np.int64)
    for start in range(0, len(texts), _TEXTS_AT_A_TIME):
        block = "".join(texts[start : start + _TEXTS_AT_A_TIME]).encode("utf-32-le", "replace")
        codes += np.bincount(np.frombuffer(block, dtype="<u4"), minlength=len(codes))
    for code in np.flatnonzero(codes):
        for letter in normalizer.normalize_str(chr(code)):
            if letter.isalnum():
                counts[letter] += int(codes[code])
    frequent = sorted(counts, key=lambda letter: (-counts[letter], letter))
    return sorted(frequent[:most])


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
