"""SentenceTransformer: modules one after the other, from texts to embeddings."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import Tensor, nn

from foolsgold.models.encode import checked_texts, sentence_embeddings, token_embeddings
from foolsgold.models.hub import local_folder
from foolsgold.models.input_module import InputModule
from foolsgold.models.model_folder import load_model, save_model
from foolsgold.models.token_rows import TokenRows
from foolsgold.models.transformer import TransformerOptions
from foolsgold.similarity import SimilarityFunction

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    from transformers import PreTrainedModel

    from foolsgold.similarity import ArrayLike

OutputValue = Literal["sentence_embedding", "token_embeddings"]


class SentenceTransformer(nn.Sequential):
    """A text encoder: a first module that reads texts, and further ones up to the sentence embedding.

    A folder is read and written in the format of sentence-transformers: it loads there and here with equal
    embeddings. No network is used for a folder.

    Args:
        model_name_or_path: a model's folder, or a name on the Hugging Face hub. Without `modules.json` it is
            taken for a model of `transformers`, and mean pooling is put behind it.
        modules: instead of a name, the modules in their order.
        device: where the model computes; None for the accelerator of this machine, or its CPU.
        prompts: what is put before texts, by name; they come before the saved ones.
        default_prompt_name: of `prompts`, used where `encode` is given no prompt.
        similarity_fn_name: "cosine", "dot", "euclidean" or "manhattan"; None for the saved one, or cosine.
        truncate_dim: leading dimensions that `encode` keeps; None for all.
        cache_folder: where downloads are kept.
        revision: branch, tag or commit on the hub.
        local_files_only: use earlier downloads only.
        token: of the hub.
        trust_remote_code: run Python code that comes with the model.
        model_kwargs: for `AutoModel.from_pretrained`.
        processor_kwargs: for `AutoTokenizer.from_pretrained`.
        config_kwargs: for `AutoConfig.from_pretrained`.

    Raises:
        ValueError: not exactly one of name and modules, an unknown prompt or similarity, or a broken file.
        TypeError: the first module does not read texts.
        FileNotFoundError: no such model, or a file of it is missing.
    """

    def __init__(
        self,
        model_name_or_path: str | Path | None = None,
        *,
        modules: Iterable[nn.Module] | OrderedDict[str, nn.Module] | None = None,
        device: str | torch.device | None = None,
        prompts: dict[str, str] | None = None,
        default_prompt_name: str | None = None,
        similarity_fn_name: str | SimilarityFunction | None = None,
        truncate_dim: int | None = None,
        cache_folder: str | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        token: bool | str | None = None,
        trust_remote_code: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        processor_kwargs: dict[str, Any] | None = None,
        config_kwargs: dict[str, Any] | None = None,
    ) -> None:
        saved: dict[str, Any] = {}
        if (model_name_or_path is None) == (modules is None):
            raise ValueError("one of `model_name_or_path` and `modules` must be given, got both or neither")
        if model_name_or_path is not None:
            folder = local_folder(
                model_name_or_path,
                organizations=("sentence-transformers",),
                cache_folder=cache_folder,
                revision=revision,
                local_files_only=local_files_only,
                token=token,
            )
            options = TransformerOptions(
                trust_remote_code=trust_remote_code,
                model_kwargs=model_kwargs or {},
                processor_kwargs=processor_kwargs or {},
                config_kwargs=config_kwargs or {},
            )
            modules, saved = load_model(folder, options)
        elif not isinstance(modules, OrderedDict):
            modules = OrderedDict((str(index), module) for index, module in enumerate(modules or ()))
        if not modules:
            raise ValueError("`modules` must name at least one module, got none")
        first = next(iter(modules.values()))
        if not isinstance(first, InputModule):
            raise TypeError(f"the first of `modules` must read texts, got {type(first).__name__}")
        super().__init__(modules)

        self.prompts: dict[str, str] = {
            "query": "",
            "document": "",
            **saved.get("prompts", {}),
            **(prompts or {}),
        }
        self.default_prompt_name: str | None = default_prompt_name or saved.get("default_prompt_name")
        self._prompt(None, self.default_prompt_name)
        self.similarity_fn_name = similarity_fn_name or saved.get("similarity_fn_name") or "cosine"
        self.truncate_dim: int | None = truncate_dim or saved.get("truncate_dim")
        self.to(device or _best_device())

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        """Run the modules.

        Args:
            features: what `preprocess` makes, on the device of the model; left as it is.

        Returns:
            The features with `sentence_embedding` (B, D), and whatever the modules made on the way.
        """
        for module in self:
            features = module(features)
        return features

    def preprocess(self, texts: Iterable[str], prompt: str | None = None) -> dict[str, Any]:
        """Make the features of a batch of texts, on the CPU.

        Args:
            texts: B strings.
            prompt: put before each text.

        Raises:
            TypeError: a text is null or no string.
        """
        return self.reader.preprocess(checked_texts(texts), prompt)

    def tokenize(self, texts: Iterable[str]) -> dict[str, Any]:
        """Make the features of a batch of texts; `preprocess` by its older name."""
        return self.preprocess(texts)

    def token_rows(self, texts: Iterable[str]) -> TokenRows:
        """Tokenise once what is encoded more than once.

        Args:
            texts: N strings.

        Raises:
            TypeError: a text is null or no string.
        """
        return self.reader.token_rows(checked_texts(texts))

    def encode(
        self,
        inputs: str | Iterable[str] | TokenRows,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        *,
        output_value: OutputValue = "sentence_embedding",
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: str | torch.device | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
    ) -> Any:
        """Embed texts, without gradients.

        Args:
            inputs: one text, N of them, or what `token_rows` made of them.
            prompt_name: which of `prompts` is put before each text; None for the default one, if any.
            prompt: put before each text; comes before `prompt_name`.
            batch_size: texts per forward.
            show_progress_bar: None shows one on a terminal after two seconds.
            output_value: "sentence_embedding", or "token_embeddings" for one tensor (L_i, D) per text.
            convert_to_numpy: return an array; with this and `convert_to_tensor` off, a list of tensors.
            convert_to_tensor: return one tensor on the model's device.
            device: the model is moved there first.
            normalize_embeddings: scale to length 1, after the truncation.
            truncate_dim: leading dimensions that are kept; None for the model's own setting.

        Returns:
            (N, D), or (D,) for one text.

        Raises:
            TypeError: an input is null or no string; the row is named.
            ValueError: a batch size below 1, an unknown prompt name or output value.
        """
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1, got {batch_size}")
        if output_value not in ("sentence_embedding", "token_embeddings"):
            raise ValueError(
                f"`output_value` must be 'sentence_embedding' or 'token_embeddings', got {output_value!r}"
            )
        single = isinstance(inputs, str)
        prompt = self._prompt(prompt, prompt_name or self.default_prompt_name)
        if not isinstance(inputs, TokenRows):
            inputs = checked_texts([inputs] if single else inputs)
        elif prompt:
            raise ValueError(
                f"`inputs` must be texts for a prompt to go before them, got token rows and {prompt!r}"
            )
        if device is not None:
            self.to(device)
        result: list[Tensor] | Tensor | np.ndarray[Any, Any]
        if output_value == "token_embeddings":
            result = token_embeddings(
                self, inputs, prompt=prompt, batch_size=batch_size, show_progress_bar=show_progress_bar
            )
        else:
            result = sentence_embeddings(
                self,
                inputs,
                prompt=prompt,
                batch_size=batch_size,
                show_progress_bar=show_progress_bar,
                truncate_dim=truncate_dim or self.truncate_dim,
                normalize_embeddings=normalize_embeddings,
                device=torch.device("cpu") if convert_to_numpy and not convert_to_tensor else self.device,
            )
            if not convert_to_tensor:
                # NumPy has no bfloat16.
                wide = result.float() if result.dtype == torch.bfloat16 else result
                result = wide.numpy() if convert_to_numpy else list(result)
        return result[0] if single else result

    def encode_query(
        self,
        inputs: str | Iterable[str] | TokenRows,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        *,
        output_value: OutputValue = "sentence_embedding",
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: str | torch.device | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
    ) -> Any:
        """Embed queries: `encode` with the prompt named "query", unless another is given."""
        return self.encode(
            inputs,
            prompt_name or "query",
            prompt,
            batch_size,
            show_progress_bar,
            output_value=output_value,
            convert_to_numpy=convert_to_numpy,
            convert_to_tensor=convert_to_tensor,
            device=device,
            normalize_embeddings=normalize_embeddings,
            truncate_dim=truncate_dim,
        )

    def encode_document(
        self,
        inputs: str | Iterable[str] | TokenRows,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        *,
        output_value: OutputValue = "sentence_embedding",
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: str | torch.device | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
    ) -> Any:
        """Embed documents: `encode` with the prompt named "document", unless another is given."""
        return self.encode(
            inputs,
            prompt_name or "document",
            prompt,
            batch_size,
            show_progress_bar,
            output_value=output_value,
            convert_to_numpy=convert_to_numpy,
            convert_to_tensor=convert_to_tensor,
            device=device,
            normalize_embeddings=normalize_embeddings,
            truncate_dim=truncate_dim,
        )

    def similarity(self, embeddings1: ArrayLike, embeddings2: ArrayLike) -> Tensor:
        """Compare all with all, by the model's similarity: (N, D), (M, D) to (N, M)."""
        return SimilarityFunction.to_similarity_fn(self.similarity_fn_name)(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: ArrayLike, embeddings2: ArrayLike) -> Tensor:
        """Compare row by row, by the model's similarity: (N, D), (N, D) to (N,)."""
        return SimilarityFunction.to_similarity_pairwise_fn(self.similarity_fn_name)(embeddings1, embeddings2)

    def save(self, path: str | Path, *, create_model_card: bool = True) -> None:
        """Write the model's folder, whole or not at all.

        Args:
            path: the folder; model files in it are replaced, others stay.
            create_model_card: write a README.md too.

        Raises:
            NotADirectoryError: `path` is a file.
            OSError: it cannot be written; what was there before still is.
            TypeError: a module cannot be saved.
        """
        save_model(self, path, create_model_card=create_model_card)

    save_pretrained = save

    def get_embedding_dimension(self) -> int:
        """Return D of the sentence embeddings, as `encode` returns them by default."""
        sized: list[Any] = [module for module in self if hasattr(module, "get_embedding_dimension")]
        dimension = int(sized[-1].get_embedding_dimension())
        return min(dimension, self.truncate_dim or dimension)

    get_sentence_embedding_dimension = get_embedding_dimension

    @property
    def reader(self) -> InputModule:
        """The first module, which makes features of texts."""
        return cast("InputModule", self[0])

    @property
    def similarity_fn_name(self) -> str:
        """Which similarity the embeddings are compared by."""
        return self._similarity_fn_name

    @similarity_fn_name.setter
    def similarity_fn_name(self, value: str | SimilarityFunction) -> None:
        self._similarity_fn_name: str = SimilarityFunction(value).value

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next((parameter.device for parameter in self.parameters()), torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        """Of the parameters."""
        return next((parameter.dtype for parameter in self.parameters()), torch.float32)

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of the first module."""
        return self.reader.tokenizer

    @property
    def max_seq_length(self) -> float:
        """Tokens a text is cut at; infinite where it is not."""
        return self.reader.max_seq_length

    @max_seq_length.setter
    def max_seq_length(self, value: float) -> None:
        self.reader.max_seq_length = value

    @property
    def transformers_model(self) -> PreTrainedModel | None:
        """The model of `transformers` inside, if there is one."""
        return getattr(self[0], "model", None)

    def _prompt(self, prompt: str | None, prompt_name: str | None) -> str | None:
        """Return the prompt itself, or the one of that name."""
        if prompt is not None or prompt_name is None:
            return prompt
        if prompt_name not in self.prompts:
            raise ValueError(f"`prompt_name` must be one of {list(self.prompts)}, got {prompt_name!r}")
        return self.prompts[prompt_name]


def _best_device() -> torch.device:
    """Return the accelerator of this machine, or its CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
