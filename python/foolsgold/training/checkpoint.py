"""What a checkpoint holds besides Trainer's files: the encoder, the rest of the loss, the batches' identity.

A checkpoint folder is the encoder's folder, so any tool that reads the format loads it. `loss.safetensors`
has what the loss owns besides the encoder; `sampler.json` says which batches the run was trained on, and only
verifies: the position in an epoch comes from Trainer's `global_step`, because a sampler runs ahead of the
training.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file

if TYPE_CHECKING:
    from torch import Tensor, nn

LOSS_FILE = "loss.safetensors"
SAMPLER_FILE = "sampler.json"

_HINTS = {
    "fingerprint": "`train_dataset` is not the one of the checkpoint",
    "num_rows": "`train_dataset` is not the one of the checkpoint",
    "world_size": "start as many processes as before",
    "batch_size": "use the `per_device_train_batch_size` of before",
    "gradient_accumulation_steps": "use the `gradient_accumulation_steps` of before",
    "seed": "use the `seed` and `data_seed` of before",
    "sampler": "use the `batch_sampler` and `multi_dataset_batch_sampler` of before",
    "shares": "use the `multi_dataset_batch_sampler` of before",
    "num_batches": "use the `dataloader_drop_last` of before",
}


def owned_tensors(loss: nn.Module, encoder: nn.Module) -> dict[str, Tensor]:
    """Map names to the tensors that `loss` holds and `encoder` does not, each once.

    Modules in which nothing is trained (a guide, a teacher) are left out, with all that is below them, and so
    are buffers that are not persistent.

    Args:
        loss: the trained module.
        encoder: a module inside it.
    """
    seen = {id(tensor) for tensor in [*encoder.parameters(), *encoder.buffers()]}
    owned: dict[str, Tensor] = {}

    def visit(module: nn.Module, prefix: str) -> None:
        trained = [parameter.requires_grad for parameter in module.parameters()]
        if module is encoder or (trained and not any(trained) and module is not loss):
            return
        for name, tensor in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            if id(tensor) not in seen and name not in module._non_persistent_buffers_set:
                seen.add(id(tensor))
                owned[prefix + name] = tensor
        for name, child in module.named_children():
            visit(child, f"{prefix}{name}.")

    visit(loss, "")
    return owned


def save_owned(loss: nn.Module, encoder: nn.Module, folder: str | Path) -> None:
    """Write what `loss` owns besides `encoder` into `folder`; no file if that is nothing."""
    owned = {
        name: tensor.detach().contiguous().cpu() for name, tensor in owned_tensors(loss, encoder).items()
    }
    if owned:
        save_file(owned, Path(folder) / LOSS_FILE)


@torch.no_grad()
def load_owned(loss: nn.Module, encoder: nn.Module, folder: str | Path) -> None:
    """Read back what `save_owned` wrote.

    Raises:
        ValueError: if the file and `loss` differ in names or shapes; `loss` is as it was then.
    """
    path = Path(folder) / LOSS_FILE
    saved = load_file(path) if path.exists() else {}
    owned = owned_tensors(loss, encoder)
    shapes = [{name: list(tensor.shape) for name, tensor in tensors.items()} for tensors in (owned, saved)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"`{path}` must hold {shapes[0]} for this loss, got {shapes[1]}")
    for name, tensor in owned.items():
        tensor.copy_(saved[name])


def load_encoder(encoder: nn.Module, folder: str | Path) -> None:
    """Give `encoder` the weights saved in `folder`, in place.

    Raises:
        ValueError: if the model in `folder` is of another shape; `encoder` is as it was then.
    """
    saved = type(encoder)(str(folder), device="cpu").state_dict()
    shapes = [
        {name: tensor.shape for name, tensor in state.items()} for state in (encoder.state_dict(), saved)
    ]
    if shapes[0] != shapes[1]:
        changed = min(name for name in shapes[0] | shapes[1] if shapes[0].get(name) != shapes[1].get(name))
        raise ValueError(
            f"`{folder}` must hold a model like the one that is trained, got another `{changed}`"
        )
    encoder.load_state_dict(saved)


def save_record(record: dict[str, Any], folder: str | Path) -> None:
    """Write the identity of the batches into `folder`."""
    (Path(folder) / SAMPLER_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def load_record(folder: str | Path) -> dict[str, Any]:
    """Return what `save_record` wrote."""
    record: dict[str, Any] = json.loads((Path(folder) / SAMPLER_FILE).read_text(encoding="utf-8"))
    return record


def check_record(record: dict[str, Any], folder: str | Path) -> None:
    """Raise ValueError unless the checkpoint in `folder` was trained on the batches of `record`."""
    saved = load_record(folder)
    for name, value in record.items():
        if saved.get(name) != value:
            raise ValueError(
                f"`{name}` of a run resumed from {folder} must be {saved.get(name)!r}, got {value!r}\n"
                f"hint: {_HINTS[name]}"
            )


def check_whole(folder: str | Path) -> None:
    """Raise ValueError unless `folder` has the files that every checkpoint has."""
    for name in ("modules.json", "trainer_state.json", SAMPLER_FILE):
        if not (Path(folder) / name).is_file():
            raise ValueError(
                f"`resume_from_checkpoint` must be a checkpoint with a {name}, got {folder}\n"
                "hint: to start a new run from a model's weights, load its folder as the model"
            )
