"""Transformer: token embeddings by a model of the `transformers` library."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from foolsgold.models.folder import read_json, reading, write_json
from foolsgold.models.hub import local_folder
from foolsgold.models.input_module import InputModule
from foolsgold.models.token_rows import TokenRows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# `sentence_bert_config.json` of a text encoder; what it says of texts is all this module does.
_CONFIG = {
    "transformer_task": "feature-extraction",
    "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    "module_output_name": "token_embeddings",
}
_CONFIG_NAMES = tuple(
    f"sentence_{family}_config.json"
    for family in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
_FEATURES = ("input_ids", "attention_mask", "token_type_ids")
# Tokenizers without a limit say 1e30.
_NO_LIMIT = 10**9


@dataclass(frozen=True, kw_only=True)
class TransformerOptions:
    """What goes to `from_pretrained` of the `transformers` classes.

    Attributes:
        trust_remote_code: run Python code that comes with the model.
        model_kwargs: for `AutoModel`, e.g. `dtype`, `attn_implementation`.
        processor_kwargs: for `AutoTokenizer`.
        config_kwargs: for `AutoConfig`.
    """

    trust_remote_code: bool = False
    model_kwargs: dict[str, Any] = field(default_factory=dict)
    processor_kwargs: dict[str, Any] = field(default_factory=dict)
    config_kwargs: dict[str, Any] = field(default_factory=dict)


class Transformer(InputModule):
    """Texts to token embeddings.

    All parameters that want a gradient get one: a pooler, whose output nothing reads, is frozen. It is not
    removed, so that a folder keeps what it came with. An encoder-decoder is loaded without its decoder.

    Shape:
        `input_ids` and `attention_mask` (B, L), `token_type_ids` (B, L) where the model has them, in;
        `token_embeddings` (B, L, D) out, and `all_layer_embeddings` if `config.output_hidden_states` is set.

    Args:
        model_name_or_path: folder, or name on the Hugging Face hub.
        max_seq_length: tokens a text is cut at; None for what the tokenizer and the model's positions allow.
        do_lower_case: lower-case texts first; kept in the tokenizer when saved.
        options: for `transformers`.

    Raises:
        FileNotFoundError: a file of the folder is missing.
        ValueError: a file of the folder is broken, or has no weights for a layer.
    """

    def __init__(
        self,
        model_name_or_path: str | Path,
        *,
        max_seq_length: int | None = None,
        do_lower_case: bool = False,
        options: TransformerOptions | None = None,
    ) -> None:
        super().__init__()
        folder, options = local_folder(model_name_or_path), options or TransformerOptions()
        self.model: PreTrainedModel = _load_model(folder, options)
        self.tokenizer: PreTrainedTokenizerBase = _load_tokenizer(folder, options)
        if "model_max_length" not in options.processor_kwargs:
            # XLNet says -1 for no limit.
            positions = getattr(self.model.config, "max_position_embeddings", None) or -1
            allowed = min(self.tokenizer.model_max_length, positions if positions > 0 else math.inf)
            self.tokenizer.model_max_length = max_seq_length or allowed
        if do_lower_case:
            _lower_case(self.tokenizer)
        self._inputs = [
            name for name in _FEATURES if name in inspect.signature(self.model.forward).parameters
        ]

    @property
    def max_seq_length(self) -> float:
        """Tokens a text is cut at, special tokens included; infinite where it is not."""
        limit = self.tokenizer.model_max_length
        return limit if limit < _NO_LIMIT else math.inf

    @max_seq_length.setter
    def max_seq_length(self, value: float) -> None:
        self.tokenizer.model_max_length = value

    @property
    def auto_model(self) -> PreTrainedModel:
        """The model of `transformers`."""
        return self.model

    def token_rows(self, texts: Sequence[str]) -> TokenRows:
        """Tokenise on all cores; special tokens included, cut at `max_seq_length`."""
        return TokenRows.from_texts(texts, self._tokenize)

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        cut = self.max_seq_length < math.inf
        encoded = self.tokenizer(
            list(texts),
            truncation=cut,
            max_length=self.tokenizer.model_max_length if cut else None,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        ids: list[list[int]] = encoded["input_ids"]
        return ids

    def collate(self, rows: TokenRows, indices: Tensor) -> dict[str, Tensor]:
        """Make `input_ids`, `attention_mask` and, where the tokenizer has them, `token_type_ids` of zeros."""
        padding_id = self.tokenizer.pad_token_id or 0
        ids, mask = rows.padded(indices, padding_id=padding_id, padding_side=self.tokenizer.padding_side)
        features = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in self.tokenizer.model_input_names:
            features["token_type_ids"] = torch.zeros_like(ids)
        return features

    def prompt_length(self, prompt: str) -> int:
        """Return how many leading tokens of a row are the prompt's, special tokens before it included."""
        ids = self.token_rows([prompt]).ids
        closed = len(ids) > 0 and int(ids[-1]) in self.tokenizer.all_special_ids
        return len(ids) - closed

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        """Add `token_embeddings` to the features."""
        output = self.model(**{name: features[name] for name in self._inputs if name in features})
        made = {"token_embeddings": output.last_hidden_state}
        if getattr(output, "hidden_states", None) is not None:
            made["all_layer_embeddings"] = output.hidden_states
        return {**features, **made}

    def get_embedding_dimension(self) -> int:
        """Return the width of the token embeddings."""
        return int(self.model.config.hidden_size)

    get_word_embedding_dimension = get_embedding_dimension

    def save(self, folder: Path) -> None:
        """Write the model's and the tokenizer's files, and `sentence_bert_config.json`."""
        self.model.save_pretrained(folder)
        # `transformers` saves of a tokenizer's settings only those it was made with.
        self.tokenizer.init_kwargs["padding_side"] = self.tokenizer.padding_side
        self.tokenizer.save_pretrained(folder)
        write_json(folder / _CONFIG_NAMES[0], _CONFIG)

    @classmethod
    def load(cls, folder: Path, options: TransformerOptions | None = None) -> Transformer:
        """Read a folder that `save` or a release of the peer wrote, or a plain one of `transformers`.

        Raises:
            FileNotFoundError: a file is missing.
            ValueError: a file is broken, or asks for something other than token embeddings of texts.
        """
        path = next((folder / name for name in _CONFIG_NAMES if (folder / name).exists()), None)
        config = read_json(path) if path else {}
        limit, lower = config.pop("max_seq_length", None), config.pop("do_lower_case", False)
        config.pop("unpad_inputs", None)  # speed only
        if strange := [key for key, value in config.items() if value and value != _CONFIG.get(key)]:
            raise ValueError(
                f"`{path}` must describe a text encoder, got `{strange[0]}`: {config[strange[0]]}"
            )
        return cls(folder, max_seq_length=limit, do_lower_case=bool(lower), options=options)


def _load_model(folder: Path, options: TransformerOptions) -> PreTrainedModel:
    """Load the encoder, and refuse to make up layers that the folder has no weights for."""
    from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding

    read_json(folder / "config.json")
    with reading(folder / "config.json"):
        config = AutoConfig.from_pretrained(
            folder, trust_remote_code=options.trust_remote_code, **options.config_kwargs
        )
    if hasattr(config, "use_cache"):
        config.use_cache = options.config_kwargs.get("use_cache", False)
    auto_class = AutoModelForTextEncoding if config.is_encoder_decoder else AutoModel
    weights = folder / "model.safetensors"
    # `transformers` draws missing weights from the global generator; the caller's stays as it is.
    with reading(weights if weights.exists() else folder), torch.random.fork_rng(devices=[]):
        model, info = auto_class.from_pretrained(
            folder,
            config=config,
            trust_remote_code=options.trust_remote_code,
            output_loading_info=True,
            **options.model_kwargs,
        )
    missing = {name for name in info["missing_keys"] if not name.startswith("pooler.")}
    if missing:
        raise ValueError(f"`{folder}` has no weights for {len(missing)} tensors, among them `{min(missing)}`")
    if getattr(model, "pooler", None) is not None:
        if info["missing_keys"] and "add_pooling_layer" in inspect.signature(type(model)).parameters:
            model.pooler = None
        else:
            model.pooler.requires_grad_(False)
    return model


def _load_tokenizer(folder: Path, options: TransformerOptions) -> PreTrainedTokenizerBase:
    """Load the tokenizer, and refuse one whose rows need more than token ids."""
    from transformers import AutoTokenizer

    for name in ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"):
        if (folder / name).exists():
            read_json(folder / name)
    path = folder / "tokenizer.json"
    try:
        with reading(path if path.exists() else folder):
            tokenizer = AutoTokenizer.from_pretrained(
                folder, trust_remote_code=options.trust_remote_code, **options.processor_kwargs
            )
    except ValueError as error:
        if path.exists():
            raise
        raise FileNotFoundError(f"`{path}` is missing") from error
    # Without a vocabulary `transformers` makes up one of special tokens.
    files = tokenizer.vocab_files_names.values()
    if files and not any((folder / name).exists() for name in files):
        raise FileNotFoundError(f"`{path}` is missing")
    if any(tokenizer("a").get("token_type_ids", [])):
        raise ValueError(f"`{folder}` must have a tokenizer whose token types are all 0 for one text")
    return tokenizer


def _lower_case(tokenizer: PreTrainedTokenizerBase) -> None:
    """Put a lower-casing step before the tokenizer's own normalisation."""
    from tokenizers import normalizers

    backend = tokenizer.backend_tokenizer
    steps = [backend.normalizer] if backend.normalizer is not None else []
    backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *steps])
