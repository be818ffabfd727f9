"""How negatives are taken from a query's candidates: the arguments, checked, as the core reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

import numpy as np

from foolsgold.integers import MAX_INT64, MAX_ROWS, MAX_UINT64, integer
from foolsgold.reals import real

if TYPE_CHECKING:
    from numpy.typing import NDArray

SamplingStrategy = Literal["top", "random", "softmax", "simans", "stratified", "diverse"]
OnShort = Literal["keep", "drop", "random", "widen"]

_PARAMETERS = {"softmax": ("temperature",), "simans": ("simans_a",), "diverse": ("diverse_by",)}
"""What a strategy cannot do without."""

_OPTIONAL = {"simans": ("simans_b",)}


class Selection(TypedDict):
    """What is taken from a table of candidates; see `mine`."""

    num_negatives: int
    range_min: int
    range_max: int | None
    min_score: float | None
    sampling_strategy: str
    temperature: float
    simans_a: float
    simans_b: float
    diverse_by: NDArray[np.uint32] | None
    on_short: str
    first_query: int
    seed: int


def as_selection(
    *,
    num_negatives: int,
    range_min: int = 0,
    range_max: int | None = None,
    sampling_strategy: str = "top",
    temperature: float | None = None,
    simans_a: float | None = None,
    simans_b: float | None = None,
    diverse_by: Any = None,
    num_documents: int,
    on_short: str = "keep",
    min_score: float | None = None,
    first_query: int = 0,
    seed: int = 0,
) -> Selection:
    """Check the arguments of a strategy, which `mine` explains.

    Args:
        num_negatives: at least 1.
        range_min: how many of the best candidates are skipped.
        range_max: where candidates end; by default `range_min + 10 * num_negatives` for all but "top".
        sampling_strategy: its name.
        temperature: of "softmax".
        simans_a: of "simans".
        simans_b: of "simans".
        diverse_by: of "diverse".
        num_documents: N.
        on_short: what becomes of a query with too few candidates.
        min_score: a candidate's least score, where the table holds lesser ones.
        first_query: the number of the table's first query.
        seed: of what is left to chance.

    Raises:
        ValueError: if an argument is missing, out of range, or would have no effect.
        TypeError: if a number is none.

    Example:
        >>> as_selection(num_negatives=2, sampling_strategy="random", num_documents=9)["range_max"]
        20
    """
    for argument, name in [("sampling_strategy", sampling_strategy), ("on_short", on_short)]:
        if not isinstance(name, str):
            raise TypeError(f"`{argument}` must be a name, got {name!r}")
    parameters = {"temperature": temperature, "simans_a": simans_a, "simans_b": simans_b}
    _check_parameters(sampling_strategy, {**parameters, "diverse_by": diverse_by})
    num_negatives = integer("num_negatives", num_negatives, 1, MAX_ROWS)
    range_min = integer("range_min", range_min, 0, MAX_ROWS)
    if range_max is not None:
        range_max = integer("range_max", range_max, 0, MAX_INT64)
    elif sampling_strategy != "top":
        range_max = range_min + 10 * num_negatives
    return {
        "num_negatives": num_negatives,
        "range_min": range_min,
        "range_max": range_max,
        "min_score": min_score,
        "sampling_strategy": sampling_strategy,
        "temperature": 1.0 if temperature is None else real("temperature", temperature),
        "simans_a": 0.0 if simans_a is None else real("simans_a", simans_a),
        "simans_b": 0.0 if simans_b is None else real("simans_b", simans_b),
        "diverse_by": None if diverse_by is None else _as_classes(diverse_by, num_documents),
        "on_short": on_short,
        "first_query": first_query,
        "seed": integer("seed", seed, 0, MAX_UINT64),
    }


def _check_parameters(strategy: str, parameters: dict[str, Any]) -> None:
    needed = _PARAMETERS.get(strategy, ())
    for name, value in parameters.items():
        if value is None and name in needed:
            raise ValueError(f'`{name}` must be given with `sampling_strategy="{strategy}"`, got None')
        if value is not None and name not in (*needed, *_OPTIONAL.get(strategy, ())):
            owner = next(owner for owner, own in _owners() if name in own)
            raise ValueError(
                f'`{name}` must not be given with `sampling_strategy="{strategy}"`, got {_told(value)}\n'
                f'hint: it is an argument of "{owner}"'
            )


def _owners() -> list[tuple[str, tuple[str, ...]]]:
    return [*_PARAMETERS.items(), *_OPTIONAL.items()]


def _told(value: Any) -> str:
    return str(value) if isinstance(value, int | float) else type(value).__name__


def _as_classes(value: Any, num_documents: int) -> NDArray[np.uint32]:
    array = np.asarray(value)
    if array.ndim != 1 or len(array) != num_documents:
        raise ValueError(f"`diverse_by` must have one class a document, {num_documents}, got {array.shape}")
    if array.dtype.kind not in "iu":
        raise TypeError(f"`diverse_by` must hold integers, got {array.dtype}")
    _, classes = np.unique(array, return_inverse=True)
    return np.ascontiguousarray(classes, dtype=np.uint32)
