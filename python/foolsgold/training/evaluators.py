"""Evaluators of a run: called on rank 0, their metrics known to all ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from accelerate.utils import broadcast_object_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path


def run_evaluators(
    evaluators: Iterable[Callable[..., Any]], encoder: Any, folder: Path, *, epoch: float, steps: int
) -> dict[str, float]:
    """Return the metrics that rank 0 finds; all ranks call it together.

    Args:
        evaluators: those to call; none on other ranks.
        encoder: what they evaluate.
        folder: for what they write.
        epoch: of the run; -1 outside of training.
        steps: of the run.
    """
    metrics: dict[str, float] = {}
    for evaluator in evaluators:
        folder.mkdir(parents=True, exist_ok=True)
        found = evaluator(encoder, output_path=str(folder), epoch=epoch, steps=steps)
        metrics.update(found if isinstance(found, dict) else {"evaluator": found})
    shared: dict[str, float] = broadcast_object_list([metrics])[0]
    return shared


def prefixed(metrics: Mapping[str, float], prefix: str) -> dict[str, float]:
    """Return the metrics under names that begin with `prefix`."""
    return {
        name if name.startswith(f"{prefix}_") else f"{prefix}_{name}": value
        for name, value in metrics.items()
    }
