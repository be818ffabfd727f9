"""Language models that write a text from one vector: loaded, checked, and tied to an encoder's weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import PreTrainedModel


def load_decoder(name_or_path: str, encoder: PreTrainedModel, seed: int) -> PreTrainedModel:
    """Load a model of `transformers` as a decoder with cross-attention, on the encoder's device.

    Layers that the folder has no weights for (cross-attention, as a rule) are drawn by `seed`.

    Args:
        name_or_path: folder, or name on the Hugging Face hub.
        encoder: what the vectors come from.
        seed: of the drawn weights.

    Raises:
        ValueError: the model is no language model, has no cross-attention, or makes its scores by more than
            the layers after its body; or the encoder is of another width.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(name_or_path)
    config.is_decoder = config.add_cross_attention = True
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            decoder: PreTrainedModel = AutoModelForCausalLM.from_pretrained(name_or_path, config=config)
        except ValueError as error:
            raise ValueError(
                "`decoder_name_or_path` must name a model that `AutoModelForCausalLM` loads, "
                f"got {name_or_path!r}\nhint: BERT, RoBERTa, ELECTRA and GPT-2 are such models"
            ) from error
    _check(decoder, name_or_path)
    width, own = encoder.config.hidden_size, decoder.config.hidden_size
    if width != own:
        raise ValueError(f"`decoder_name_or_path` must be of the encoder's width, {width}, got {own}")
    decoder.to(encoder.device)
    return decoder


def load_tokenizer(name_or_path: str) -> Any:
    """Load the tokenizer of a decoder; one that knows no padding pads with its last token."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(name_or_path)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def retokenize(features: Mapping[str, Tensor], tokenizer: Any, other: Any) -> Mapping[str, Tensor]:
    """Turn tokens into texts, and these into the tokens of another tokenizer; the host waits for them."""
    texts = tokenizer.batch_decode(
        features["input_ids"], skip_special_tokens=True, clean_up_tokenization_spaces=True
    )
    tokens = other(texts, padding=True, truncation=True, return_tensors="pt")
    moved: Mapping[str, Tensor] = tokens.to(features["input_ids"].device)
    return moved


def decode(decoder: PreTrainedModel, input_ids: Tensor, sentences: Tensor) -> Tensor:
    """Read tokens with a view of one vector per text; the states that the head makes scores of.

    Shape:
        input_ids (B, L), padded on the right, sentences (B, 1, D); returns (B, L, D).
    """
    # Causal attention lets no token see the padding after it, so there is no mask.
    output = decoder.base_model(input_ids=input_ids, encoder_hidden_states=sentences, use_cache=False)
    states: Tensor = output.last_hidden_state
    return states


def head(decoder: PreTrainedModel, states: Tensor) -> Tensor:
    """Make scores of all tokens from states, (..., D) to (..., V), by the layers after the decoder's body."""
    for layer in decoder.children():
        if layer is not decoder.base_model:
            states = layer(states)
    return states


def tie_to_encoder(decoder: PreTrainedModel, encoder: PreTrainedModel, seed: int) -> None:
    """Put the encoder's own parameters into the decoder, wherever that has them; they are trained as one.

    The encoder's values win, also its vocabulary. A pooler is no part of it.

    Args:
        decoder: changed in place; its dtype becomes the encoder's.
        encoder: left as it is.
        seed: of weights drawn for tokens that only the encoder has.

    Raises:
        ValueError: the encoder is of another architecture.
    """
    decoder.to(encoder.dtype)
    num_tokens = encoder.get_input_embeddings().num_embeddings
    if decoder.get_input_embeddings().num_embeddings != num_tokens:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            decoder.resize_token_embeddings(num_tokens)
    own: dict[str, nn.Parameter] = dict(decoder.base_model.named_parameters())
    shared = {name: x for name, x in encoder.named_parameters() if not name.startswith("pooler.")}
    for name, parameter in shared.items():
        if name not in own or own[name].shape != parameter.shape:
            raise ValueError(
                "`tie_encoder_decoder` must be False for encoder and decoder of different architectures, "
                f"got {type(encoder).__name__} and {type(decoder).__name__}, which differ in `{name}`"
            )
    replacements = {id(own[name]): parameter for name, parameter in shared.items()}
    for module in decoder.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            if id(parameter) in replacements:
                setattr(module, name, replacements[id(parameter)])


@torch.no_grad()
def _check(decoder: PreTrainedModel, name_or_path: str) -> None:
    """Raise ValueError unless the decoder looks at the vector, and its scores are what `head` makes."""
    ids = torch.zeros(2, 2, dtype=torch.long)
    sentences: Any = torch.zeros(2, 1, decoder.config.hidden_size, dtype=decoder.dtype)
    sentences[1, 0, ::2] = 1
    states = decode(decoder, ids, sentences)
    # Rows of one product may be rounded apart by a processor's instructions.
    slack = 16 * torch.finfo(states.dtype).eps
    if torch.allclose(states[0], states[1], rtol=slack, atol=slack):
        raise ValueError(
            f"`decoder_name_or_path` must name a model with cross-attention, got {name_or_path!r}"
        )
    scores = decoder(input_ids=ids, encoder_hidden_states=sentences, use_cache=False).logits
    if not torch.allclose(head(decoder, states), scores, rtol=1e-2, atol=1e-2):
        raise ValueError(
            "`decoder_name_or_path` must name a model whose scores are made by the layers after its body, "
            f"got {name_or_path!r}"
        )
