"""What a task must not ask for, said before anything that takes long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.writing import check_folder
from foolsgold.integers import MAX_INT64, integer
from foolsgold.mining.encode import check_model, similarity_of
from foolsgold.mining.formats import new_column_names
from foolsgold.mining.rescored import rules_of, selection_of
from foolsgold.mining.tables import check, check_margin_from, check_size
from foolsgold.reals import real

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foolsgold.mining.task import Task

_BY_RANK = ("top", "random", "stratified", "diverse")
"""Strategies that look at ranks alone, and so can take from a fusion."""

_OF_MODEL: dict[str, Any] = {
    "query_prompt_name": None,
    "query_prompt": None,
    "corpus_prompt_name": None,
    "corpus_prompt": None,
    "use_multi_process": False,
    "similarity": "cosine",
    "model_fingerprint": None,
}
"""Options that do nothing without a model, and what they are where they are not given."""


def check_task(task: Task) -> None:
    """Refuse what can be refused before anything that takes long.

    Raises:
        ValueError: if an option is out of range or has no effect.
        TypeError: if one is of another kind.
        OSError: if nothing can be written to a folder.
    """
    if task.model is None:
        _check_without_model(task)
    else:
        check_model(task.model)
        similarity_of(task.model, task.similarity)
    check_search(task.search, on_short=task.short_policy, seed=task.seed)
    has_groups = task.row_groups is not None or task.corpus_groups is not None
    if task.search.get("sampling_strategy") == "diverse" and not has_groups:
        raise ValueError(
            '`sampling_strategy` must not be "diverse" without groups: it takes a negative of each'
        )
    if task.near_duplicates is not None and not 0 < real("near_duplicates", task.near_duplicates) <= 1:
        raise ValueError(f"`near_duplicates` must be above 0 and at most 1, got {task.near_duplicates}")
    integer("max_memory", task.max_memory, 0, MAX_INT64)
    integer("batch_size", task.batch_size, 1)
    for name in ("folder", "cache_folder", "report_folder"):
        if getattr(task, name) is not None:
            check_folder(name, getattr(task, name))
    if task.model_fingerprint is not None and not isinstance(task.model_fingerprint, str):
        raise TypeError(f"`model_fingerprint` must be a text, got {task.model_fingerprint!r}")
    if task.model_fingerprint is not None and task.folder is None and task.cache_folder is None:
        got = f"got {task.model_fingerprint!r} alone"
        raise ValueError(f"`model_fingerprint` must come with `folder` or `cache_folder`, {got}")
    if task.device is not None:
        from foolsgold.mining.on_device import as_device  # torch is imported where it is asked for

        as_device(task.device)
    for name in ("cross_encoder", "sources", "folder", "device"):
        if getattr(task, name) is not None and task.short_policy == "random":
            raise ValueError(f'`on_short` must not be "random" with `{name}`: other documents have no score')
    if task.sources is not None:
        _check_sources(task)
    names = new_column_names(
        task.output_format,
        task.num_negatives,
        with_scores=task.output_scores,
        with_sources=task.sources is not None,
    )
    for name in (task.anchor, task.positive):
        if name in names:
            raise ValueError(f"`dataset` must not use a column name of the result, got {name!r}")


def check_search(search: Mapping[str, Any], *, on_short: str, seed: int) -> None:
    """Refuse what a search would refuse.

    Args:
        search: arguments of `mine`.
        on_short: likewise.
        seed: likewise.

    Raises:
        ValueError: if an argument is out of range or has no effect.
    """
    check_margin_from(search.get("margin_from", "least"))
    if search.get("sampling_strategy") == "diverse":  # the class of each of no documents
        search = {**search, "diverse_by": np.empty(0, np.int64)}
    # A table alone cannot be filled at random.
    kept = "keep" if on_short == "random" else on_short
    selection = selection_of(search, num_documents=0, on_short=kept, seed=seed)
    check(rules_of(search), selection)
    check_size(selection, num_queries=1)  # how many there are is known when the data set is read


def _check_without_model(task: Task) -> None:
    if task.sources is None or "model" in task.sources.names:
        asked = "no `sources`" if task.sources is None else list(task.sources.names)
        raise ValueError(
            f"`model` must be given where it is a source, got None with {asked}\n"
            'hint: `sources=["bm25"]` needs no model'
        )
    for name, default in _OF_MODEL.items():
        value = getattr(task, name)
        if value != default:
            raise ValueError(f"`{name}` must be left out without a model, got {value!r}")
    for name in ("folder", "cache_folder"):
        if getattr(task, name) is not None and task.cross_encoder is None:
            raise ValueError(f"`{name}` must be left out without a model: there is nothing to keep")


def _check_sources(task: Task) -> None:
    sources, search = task.sources, task.search
    assert sources is not None  # the caller's condition
    if task.device is not None and "model" not in sources.names:
        raise ValueError(f'`device` must be left out without the source "model", got {task.device!r}')
    if sources.quotas is not None:
        wanted, most = search["range_min"] + search["num_negatives"], sum(sources.quotas.values())
        if wanted > most:
            raise ValueError(
                f"`sources` must give at least `range_min` + `num_negatives` = {wanted}, got {most}"
            )
    if task.cross_encoder is not None:
        return
    strategy = search["sampling_strategy"]
    if strategy not in _BY_RANK:
        names = ", ".join(f'"{name}"' for name in _BY_RANK)
        raise ValueError(
            f'`sampling_strategy` must be one of {names} with `sources`, got "{strategy}"\n'
            "hint: candidates of several sources are in the order of ranks, not of scores"
        )
    if search.get("margin_from") == "each":
        raise ValueError('`margin_from` must be "least" or "greatest" with `sources`, got "each"')
    if task.short_policy == "widen" and search.get("min_score") is not None:
        raise ValueError('`on_short` must not be "widen" with `sources` and `min_score`')
