"""Embeddings on disk: made once for a model, a prompt and its texts; an interrupted call goes on."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from foolsgold import _core
from foolsgold.data.stored_column import intern_columns
from foolsgold.mining.arrays import as_float32
from foolsgold.mining.embedding_file import EmbeddingFile
from foolsgold.mining.model_fingerprint import digits, model_fingerprint
from foolsgold.progress import progress_bar
from foolsgold.threads import resolve

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

# Texts between two records: some seconds on an accelerator, what an interruption costs at most.
_CHUNK = 1 << 14
_DTYPES = ("float32", "float16")


class EmbeddingStore:
    """A folder of embeddings; those of another model, prompt, length or text are never taken for these.

    Each combination has a folder of its own under `folder`, named by 64 bits of it: `embeddings.npy`, the
    matrix row after row, and `progress.json`, which tells the combination, and for each finished chunk of
    texts the checksum of its bytes. A chunk is recorded after it is on the disk, so a killed process loses
    the chunk at work: the same call goes on there, and ends with the bytes of one that was not interrupted,
    where the model gives equal embeddings for equal texts. Chunks that do not match their checksum are made
    again.

    Args:
        folder: made where it is not there.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> def lengths(texts):
        ...     return np.array([[len(text), 1.0] for text in texts])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = EmbeddingStore(folder)
        ...     store.embed(lengths, ["gold", "iron pyrite"], key={"model": "lengths"}).tolist()
        [[4.0, 1.0], [11.0, 1.0]]
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    def encode(
        self,
        model: Any,
        texts: Sequence[str] | Any,
        *,
        role: Literal["query", "document"],
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        normalize_embeddings: bool = True,
        truncate_dim: int | None = None,
        dtype: Literal["float32", "float16"] = "float32",
        model_fingerprint: str | None = None,
        progress: bool = False,
    ) -> NDArray[Any]:
        """Embed texts by a model, or take what an earlier call has left.

        Args:
            model: has `encode_query` and `encode_document`, or `encode`.
            texts: N strings, an Arrow column of them, or a `TextStore`, which is not held in memory.
            role: which of the model's methods embeds them.
            prompt_name: the model's prompt.
            prompt: a text put before each.
            batch_size: texts of a forward pass; embeddings of another size are taken for the same.
            normalize_embeddings: scale to length 1.
            truncate_dim: leading dimensions that are kept; None for the model's own setting.
            dtype: of the stored numbers.
            model_fingerprint: a text that is another one whenever the model is; needed for a model without
                `state_dict()`, and for others found from weights, modules and tokenizer.
            progress: show a progress bar.

        Returns:
            (N, D), memory-mapped, not to be written to.

        Raises:
            TypeError: the model has no `state_dict()` and `model_fingerprint` is not given.
            ValueError: as `embed`.
            OSError: the disk is full or not writable; what is finished stays.
        """
        key = model_key(model, model_fingerprint)
        given = {"prompt_name": prompt_name, "prompt": prompt, "truncate_dim": truncate_dim}
        key |= {"role": role, "normalize_embeddings": normalize_embeddings, **given}
        method = getattr(model, f"encode_{role}", None) or model.encode
        options = {name: value for name, value in given.items() if value is not None}
        options |= {"batch_size": batch_size, "normalize_embeddings": normalize_embeddings}

        def embed(chunk: list[str]) -> Any:
            return method(chunk, show_progress_bar=False, **options)

        return self.embed(embed, texts, key=key, name=role, dtype=dtype, progress=progress)

    def embed(
        self,
        embed: Callable[[list[str]], Any],
        texts: Sequence[str] | Any,
        *,
        key: Mapping[str, Any],
        name: str = "texts",
        dtype: Literal["float32", "float16"] = "float32",
        chunk_rows: int = _CHUNK,
        threads: int | None = None,
        progress: bool = False,
    ) -> NDArray[Any]:
        """Embed texts by any function, or take what an earlier call has left.

        Args:
            embed: makes (n, D) floats of n texts: an array or a tensor.
            texts: N strings, an Arrow column of them, or a `TextStore`, which is not held in memory.
            key: what decides the embeddings besides the texts, by name: anything that JSON can tell.
            name: what the folder's name begins with.
            dtype: of the stored numbers.
            chunk_rows: texts that `embed` is given at once.
            threads: that read the texts; by default a fair share of the cores.
            progress: show a progress bar.

        Returns:
            (N, D), memory-mapped, not to be written to.

        Raises:
            ValueError: no text, an unknown `dtype`, embeddings that are not finite or of another shape, or
                another process is at work on the same embeddings.
            OSError: the disk is full or not writable; what is finished stays.
        """
        if dtype not in _DTYPES:
            raise ValueError(f"`dtype` must be one of {list(_DTYPES)}, got {dtype!r}")
        if chunk_rows < 1:
            raise ValueError(f"`chunk_rows` must be at least 1, got {chunk_rows}")
        interned, [(ids, offsets)] = intern_columns([("texts", texts)], threads=resolve(threads))
        if offsets is not None or len(ids) == 0:
            raise ValueError(f"`texts` must hold texts, at least one, got {len(ids) and 'lists'}")
        whole_key = {**key, "texts": f"{interned.fingerprint:016x}", "dtype": dtype, "chunk_rows": chunk_rows}
        folder = self.folder / f"{name}-{digits(whole_key)}"
        matrix = EmbeddingFile(folder, json.loads(json.dumps(whole_key)), len(ids), dtype, chunk_rows)
        matrix.read_progress()
        if not matrix.is_whole():
            folder.mkdir(parents=True, exist_ok=True)
            lock = _core.FolderLock(str(folder))
            try:
                matrix.read_progress()
                _fill(matrix, embed, interned, ids, progress)
            finally:
                lock.close()
        return matrix.open()


def _fill(
    matrix: EmbeddingFile,
    embed: Callable[[list[str]], Any],
    texts: _core.Texts | _core.StoredTexts,
    ids: NDArray[np.uint32],
    progress: bool,
) -> None:
    """Embed the chunks that are missing."""
    done = matrix.rows_done()
    if done:
        logger.info("Go on after %d of %d embeddings in %s", done, matrix.rows, matrix.folder)
    with progress_bar("Embed", enabled=progress, unit="text") as show:
        for start in range(done, matrix.rows, matrix.chunk_rows):
            chunk = ids[start : start + matrix.chunk_rows]
            embeddings = as_float32("embed", embed(texts.take(chunk)))
            if len(embeddings) != len(chunk):
                raise ValueError(f"`embed` must give one row a text, {len(chunk)}, got {len(embeddings)}")
            matrix.append(embeddings, start)
            if show:
                show(start + len(chunk), matrix.rows)


def model_key(model: Any, fingerprint: str | None) -> dict[str, Any]:
    """Return what decides a model's embeddings before it is asked for some."""
    settings = ("max_seq_length", "prompts", "default_prompt_name", "truncate_dim")
    key = {f"model_{name}": getattr(model, name, None) for name in settings}
    if isinstance(length := key["model_max_seq_length"], float) and not math.isfinite(length):
        key["model_max_seq_length"] = None
    key["model_prompts"] = dict(key["model_prompts"] or {})
    return {**key, "model": model_fingerprint(model) if fingerprint is None else fingerprint}
