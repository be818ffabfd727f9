"""Named ways to mine that others published, as values of arguments.

"nv-retriever" and "bge" are as published. Of "rank-window" only the 7 negatives are confirmed by its source;
the ranks 30 to 100 follow a practice reported for it.
"""

from __future__ import annotations

from typing import Any, Literal

Recipe = Literal["nv-retriever", "bge", "rank-window"]

RECIPES: dict[str, dict[str, Any]] = {
    # Moreira et al. 2024, NV-Retriever (https://arxiv.org/abs/2407.15831), "TopK-PercPos": the best documents
    # that score at most 95 % of the positive.
    "nv-retriever": {"relative_margin": 0.05, "sampling_strategy": "top"},
    # FlagEmbedding, scripts/hn_mine.py (https://github.com/FlagOpen/FlagEmbedding): 15 at random of the ranks
    # 10 to 210, whatever they score.
    "bge": {"num_negatives": 15, "range_min": 10, "range_max": 210, "sampling_strategy": "random"},
    # Meng et al. 2024, SFR-Embedding-Mistral (https://www.salesforce.com/blog/sfr-embedding/): 7 hard
    # negatives of each query is what that page is confirmed to say. That they come from the ranks 30 to 100,
    # at random, so that the false negatives among the first are left out, follows a practice reported for it.
    "rank-window": {"num_negatives": 7, "range_min": 30, "range_max": 100, "sampling_strategy": "random"},
}

DEFAULTS: dict[str, Any] = {"num_negatives": 3, "range_min": 0, "sampling_strategy": "top"}
"""What applies where neither the caller nor a recipe says otherwise."""


def with_recipe(recipe: str | None, given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments, those that are None as the recipe says, or else the defaults.

    Raises:
        ValueError: for a recipe that there is not.

    Example:
        >>> with_recipe("bge", {"num_negatives": 5, "range_max": None, "max_score": None})["range_max"]
        210
    """
    if recipe is not None and recipe not in list(RECIPES):  # a list has no hash
        names = " or ".join(f'"{name}"' for name in RECIPES)
        raise ValueError(f'`recipe` must be {names}, got "{recipe}"')
    chosen = {**DEFAULTS, **RECIPES.get(recipe or "", {})}
    return {name: chosen.get(name) if value is None else value for name, value in given.items()}
