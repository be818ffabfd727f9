"""Denoising: a decoder writes the sentence from the embedding of a damaged one."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.parts.checks import check_columns, described
from foolsgold.losses.parts.decoder import (
    decode,
    head,
    load_decoder,
    load_tokenizer,
    retokenize,
    tie_to_encoder,
)
from foolsgold.losses.parts.draws import Draws
from foolsgold.losses.parts.gradient_cache import embed_in_chunks
from foolsgold.losses.parts.row_blocks import sum_over_rows
from foolsgold.losses.parts.token_deletion import delete_tokens, kept_first

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from foolsgold.losses.parts.batch import BatchInfo


def denoising_auto_encoder_loss(
    states: Tensor,
    tokens: Tensor,
    mask: Tensor,
    head: Callable[[Tensor], Tensor],
    num_tokens: int,
) -> Tensor:
    """Mean cross-entropy of the next token over all tokens but the first of each row.

    The scores of all tokens of a large batch are never held at once: blocks of tokens are formed, and formed
    again in the backward.

    Shape:
        states (B, L - 1, D), tokens (B, L), mask (B, L); returns () in at least float32.

    Args:
        states: what the decoder knows at each token but the last.
        tokens: padded on the right.
        mask: 0 for padding.
        head: (N, D) to scores (N, V).
        num_tokens: V, of the vocabulary.
    """
    wanted, counted = tokens[:, 1:].flatten(), mask[:, 1:].ne(0).flatten()

    def block(rows: slice, states: Tensor) -> tuple[Tensor, Tensor]:
        scores = head(states[rows])
        scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
        losses = F.cross_entropy(scores, wanted[rows], reduction="none")
        return torch.where(counted[rows], losses, 0.0).sum(), counted[rows].to(losses.dtype).sum()

    states = states.flatten(0, 1)
    total, count = sum_over_rows(block, (states,), slice(0, len(states)), num_tokens, closed=False)
    return total / torch.where(count > 0, count, 1.0)


class DenoisingAutoEncoderLoss(EmbeddingLoss):
    r"""Have a decoder write a sentence from nothing but the embedding of its damaged form (TSDAE).

    Needs sentences alone. Give single sentences, and the loss deletes tokens of them itself, others at each
    step; or pairs with damage of your own (`foolsgold.data.denoising` deletes words). Any batch sampler
    will do; batches may be small. A gradient cache (`cached`) serves the decoder as the encoder.

    Math:
        $$ L = -\frac{1}{\sum_i (|x_i| - 1)} \sum_i \sum_{t \ge 2}
           \log p(x_{i,t} \mid x_{i,<t}, e(\tilde x_i)) $$

        $\tilde x$ the damaged sentence, $e$ the encoder; $p$ by a decoder whose cross-attention sees that one
        vector. Padding counts for nothing, on whichever side it is.

    Shape:
        columns (damaged_sentence, original_sentence) or one column of sentences, of tokens (B, L); embeddings
        (B, D), D the width of the decoder; labels unused; returns ().

    Args:
        model: the encoder, with a model of `transformers` and its `tokenizer` inside.
        decoder_name_or_path: folder or hub name of the decoder; None for that which the encoder comes from.
            With `tie_encoder_decoder` it gives the decoder what the encoder lacks. A decoder with another
            vocabulary gets the texts through its own tokenizer, for which the host waits at every step.
        tie_encoder_decoder: train one set of weights for both, beginning with the encoder's; needs one
            architecture.
        deletion_ratio: chance of a token of a single sentence to be deleted, in [0, 1); special tokens and
            prompts stay, and at least one more.
        seed: of the deletions, and of decoder weights that its folder lacks.

    Raises:
        ValueError: no transformer inside `model`; no decoder named without `tie_encoder_decoder`, or one of
            another architecture with it; a decoder of another width, or without cross-attention.

    Reference:
        Wang et al. 2021, "TSDAE", https://arxiv.org/abs/2104.06979, eq. 1, section 3 (deletion of 0.6).

    See Also:
        `ContrastiveTensionLossInBatchNegatives` needs sentences alone, too.
    """

    inputs = "single sentences or (damaged_sentence, original_sentence) pairs"
    labels = "none"
    tokenizer_encoder: Any
    tokenizer_decoder: Any
    _special_ids: Tensor

    def __init__(
        self,
        model: nn.Module,
        decoder_name_or_path: str | None = None,
        tie_encoder_decoder: bool = True,
        *,
        deletion_ratio: float = 0.6,
        seed: int = 0,
    ) -> None:
        if not 0 <= deletion_ratio < 1:
            raise ValueError(f"`deletion_ratio` must be at least 0 and below 1, got {deletion_ratio}")
        encoder: Any = getattr(model, "transformers_model", None)
        if encoder is None:
            raise ValueError(f"`model` must have a transformer inside, got {type(model).__name__}")
        name = decoder_name_or_path or (encoder.config._name_or_path if tie_encoder_decoder else None)
        if not name:
            raise ValueError(
                "`decoder_name_or_path` must be given without `tie_encoder_decoder`, and for an encoder that "
                "was loaded from nowhere, got None"
            )
        super().__init__(model)
        self.decoder_name_or_path = str(name)
        self.tie_encoder_decoder = tie_encoder_decoder
        self.deletion_ratio = deletion_ratio
        self.seed = seed
        self.decoder = load_decoder(self.decoder_name_or_path, encoder, seed)
        self.tokenizer_encoder = self.tokenizer_decoder = model.tokenizer
        if tie_encoder_decoder:
            tie_to_encoder(self.decoder, encoder, seed)
        else:
            self.tokenizer_decoder = load_tokenizer(self.decoder_name_or_path)
        self.need_retokenization = self.tokenizer_decoder.get_vocab() != self.tokenizer_encoder.get_vocab()
        # A word that the vocabulary lacks is a word.
        special = set(self.tokenizer_encoder.all_special_ids) - {self.tokenizer_encoder.unk_token_id}
        ids = torch.tensor(sorted(special), dtype=torch.long, device=encoder.device)
        self.register_buffer("_special_ids", ids, persistent=False)
        self._draws = Draws("deletion", seed)

    def set_training_step(self, step: int) -> None:
        """Have the deletions that follow be those of a step."""
        self._draws.set_step(step)

    def embed(self, features: Sequence[dict[str, Any]]) -> list[Tensor]:
        """Embed the damaged sentences alone, (B, D); a single column is damaged first."""
        if len(features) not in (1, 2):
            raise ValueError(f"{described(self)}, got {len(features)} columns")
        return [self._encode_in_chunks(features[0] if len(features) == 2 else self._damaged(features[0]))]

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Compute the loss of the last column's tokens, given the embeddings of the first."""
        check_columns(self, embeddings, minimum=1, maximum=1)
        if not batch.features:
            raise ValueError(f"{described(self)}, of tokens, got embeddings alone")
        target = self._target(batch)
        tokens, mask = target["input_ids"], target["attention_mask"].ne(0)
        order = kept_first(mask)
        tokens, mask = tokens.gather(1, order), mask.gather(1, order)
        if tokens.shape[1] < 2:
            return embeddings[0].float().sum() * 0.0
        given = {
            "input_ids": tokens[:, :-1],
            "attention_mask": mask[:, :-1],
            # Three-dimensional, so that a gradient cache does not take it for tokens.
            "sentences": embeddings[0][:, None].to(self.decoder.dtype),
        }

        def read(chunk: dict[str, Any]) -> Tensor:
            states = decode(self.decoder, chunk["input_ids"], chunk["sentences"])
            return F.pad(states, (0, 0, 0, tokens.shape[1] - 1 - states.shape[1]))

        states = read(given) if self.chunk_size is None else embed_in_chunks(read, given, self.chunk_size)
        return denoising_auto_encoder_loss(
            states, tokens, mask, lambda rows: head(self.decoder, rows), self.decoder.config.vocab_size
        )

    def get_config_dict(self) -> dict[str, Any]:
        """Map the name of each constructor argument to its value; and whether texts are tokenised again."""
        return {**super().get_config_dict(), "need_retokenization": self.need_retokenization}

    def _target(self, batch: BatchInfo) -> Mapping[str, Tensor]:
        """Return the original sentences in the decoder's tokens."""
        features = batch.features[-1]
        if not self.need_retokenization:
            return features
        if batch.views and "decoder" in batch.views[-1]:
            return batch.views[-1]["decoder"]
        return retokenize(features, self.tokenizer_encoder, self.tokenizer_decoder)

    def _damaged(self, features: Mapping[str, Any]) -> dict[str, Any]:
        key = self._draws.draw().key if self.training else f"deletion:{self.seed}:evaluation"
        generator = torch.Generator(features["input_ids"].device)
        generator.manual_seed(random.Random(key).getrandbits(63))
        return delete_tokens(features, self.deletion_ratio, self._special_ids, generator)

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return """@misc{wang2021tsdae,
    title={{TSDAE}: Using Transformer-based Sequential Denoising Auto-Encoder for Unsupervised Sentence
        Embedding Learning},
    author={Kexin Wang and Nils Reimers and Iryna Gurevych},
    year={2021}, eprint={2104.06979}, archivePrefix={arXiv}, primaryClass={cs.CL}
}"""
