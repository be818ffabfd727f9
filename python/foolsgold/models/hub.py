"""From a model's name to a folder on this machine."""

from __future__ import annotations

from pathlib import Path

# Copies of the weights for other frameworks and runtimes.
_OTHER_RUNTIMES = ["onnx/*", "openvino/*", "coreml/*", "*.onnx", "*.h5", "*.msgpack", "*.ot", "*.gguf"]


def local_folder(
    model_name_or_path: str | Path,
    *,
    organizations: tuple[str, ...] = (),
    cache_folder: str | None = None,
    revision: str | None = None,
    local_files_only: bool = False,
    token: bool | str | None = None,
) -> Path:
    """Return the folder of a model; the hub is asked only if there is no folder of that name.

    Args:
        model_name_or_path: a folder, or a name on the Hugging Face hub.
        organizations: on the hub, tried in turn for a name without one, before the bare name.
        cache_folder: where downloads are kept; None for the hub's own place.
        revision: branch, tag or commit on the hub.
        local_files_only: use earlier downloads only.
        token: of the hub; None for the one that is logged in.

    Raises:
        NotADirectoryError: it is a file.
        FileNotFoundError: it is neither a folder nor a model that can be fetched.
    """
    path = Path(model_name_or_path)
    if path.is_dir():
        return path
    name = str(model_name_or_path)
    if path.is_file():
        raise NotADirectoryError(f"`model_name_or_path` must be a folder, got the file {name}")
    if path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1 or "\\" in name:
        raise FileNotFoundError(f"`{name}` is missing")

    from huggingface_hub import snapshot_download

    def fetched(full_name: str) -> Path | str:
        try:
            folder = snapshot_download(
                full_name,
                cache_dir=cache_folder,
                revision=revision,
                local_files_only=local_files_only,
                token=token,
                ignore_patterns=_OTHER_RUNTIMES,
            )
        except (OSError, ValueError) as error:
            return str(error).strip().partition("\n")[0]
        return Path(folder)

    prefixes = [] if "/" in name else [f"{organization}/" for organization in organizations]
    reasons = []
    for prefix in (*prefixes, ""):
        outcome = fetched(prefix + name)
        if isinstance(outcome, Path):
            return outcome
        reasons.append(outcome)
    raise FileNotFoundError(f"`{name}` is neither a folder nor a model that can be fetched: {reasons[0]}")
