"""What combinations are made from: labels, scores or distances, and the core's view, made when needed."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from foolsgold import _core
from foolsgold.progress import progress_bar
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Places: TypeAlias = tuple[int, int] | NDArray[np.uint64] | list[int]
    Order: TypeAlias = tuple[int, int, bool]
    """Seed, epoch, and whether the order is random."""


@dataclass(frozen=True)
class _Source(ABC):
    """A source is small: a pickle of it has what it was made from, and no view."""

    @cached_property
    def core(self) -> _core.Tuples:
        return self.build(None, progress=False)

    @cached_property
    def fingerprint(self) -> int:
        """64 bits of what it was made from."""
        digest = hashlib.blake2b(type(self).__name__.encode(), digest_size=8)
        for own in fields(self):
            _add(digest, getattr(self, own.name))
        return int.from_bytes(digest.digest(), "little")

    @property
    @abstractmethod
    def num_texts(self) -> int:
        """Every number that comes out is below it."""

    def num_texts_of(self, _column: str) -> int:
        """Every number of this column is below it."""
        return self.num_texts

    @abstractmethod
    def build(self, threads: int | None, *, progress: bool) -> _core.Tuples:
        """Return the core's view, made anew."""

    def counted(self, threads: int | None, *, progress: bool) -> _core.Tuples:
        """Return the core's view; it is made, with a progress bar, where it is not there."""
        resolve(threads)
        if "core" not in self.__dict__:
            self.__dict__["core"] = self.build(threads, progress=progress)
        return self.core

    def take(
        self, places: Places, order: Order, threads: int | None, *, progress: bool
    ) -> NDArray[np.uint32]:
        """Return the combinations at places of an order, (places, width)."""
        with progress_bar("Combine rows", enabled=progress) as show:
            return self.core.take(places, order, threads=resolve(threads), progress=show)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "core"}


@dataclass(frozen=True)
class LabelSource(_Source):
    """The class of each row.

    Attributes:
        labels: (rows,) uint32.
        num_classes: every label is below it.
        form: "triplets", "same", "different" or "labelled"; whether pairs are ordered.
        share: how much an anchor or class gives, and the number that goes with it.
        noise: the label of rows of no class; whether they are negatives.
        ids: what stands for each row, (rows,) uint32.
    """

    labels: NDArray[np.uint32] = field(repr=False)
    num_classes: int
    form: tuple[str, bool]
    share: tuple[str, int]
    noise: tuple[int | None, bool]
    ids: NDArray[np.uint32] | None = field(repr=False)

    @property
    def num_texts(self) -> int:
        """Every number that comes out is below it."""
        if self.ids is None:
            return len(self.labels)
        return 1 + int(self.ids.max()) if len(self.ids) else 0

    def build(self, threads: int | None, *, progress: bool) -> _core.Tuples:
        """Return the core's view, made anew."""
        with progress_bar("Sort rows by class", enabled=progress) as show:
            return _core.Tuples.from_labels(
                self.labels,
                self.num_classes,
                form=self.form,
                share=self.share,
                noise=self.noise,
                ids=self.ids,
                progress=show,
            )


@dataclass(frozen=True)
class ScoreSource(_Source):
    """Scores of pairs.

    Attributes:
        anchors: ids, (pairs,) uint32.
        items: ids, (pairs,) uint32.
        scores: (pairs,) float64.
        options: margin, most triplets of an anchor, whether anchors and items have one numbering.
    """

    anchors: NDArray[np.uint32] = field(repr=False)
    items: NDArray[np.uint32] = field(repr=False)
    scores: NDArray[np.float64] = field(repr=False)
    options: tuple[float, int | None, bool]

    @property
    def num_texts(self) -> int:
        """Every number that comes out is below it."""
        return max(map(self.num_texts_of, ("anchor", "item")))

    def num_texts_of(self, column: str) -> int:
        """Every number of this column is below it; anchors may have a numbering of their own."""
        ids = self.anchors if column == "anchor" else self.items
        return 1 + int(ids.max()) if len(ids) else 0

    def build(self, threads: int | None, *, progress: bool) -> _core.Tuples:
        """Return the core's view, made anew."""
        with progress_bar("Sort scores", enabled=progress) as show:
            return _core.Tuples.from_scores(
                self.anchors, self.items, self.scores, options=self.options, progress=show
            )


@dataclass(frozen=True)
class DistanceSource(_Source):
    """The class of each row, and embeddings or distances.

    Attributes:
        labels: (rows,) uint32.
        noise: the label of rows of no class.
        space: embeddings (rows, dim) or distances (rows, rows), and the metric or "given".
        options: the kind of triplets and the margin.
    """

    labels: NDArray[np.uint32] = field(repr=False)
    noise: int | None
    space: tuple[NDArray[Any], str] = field(repr=False)
    options: tuple[str, float]

    @property
    def num_texts(self) -> int:
        """Every number that comes out is below it."""
        return len(self.labels)

    def build(self, threads: int | None, *, progress: bool) -> _core.Tuples:
        """Return the core's view, made anew."""
        with progress_bar("Count triplets", enabled=progress) as show:
            return _core.Tuples.from_distances(
                self.labels,
                self.noise,
                self.space,
                options=self.options,
                threads=resolve(threads),
                progress=show,
            )

    def take(
        self, places: Places, order: Order, threads: int | None, *, progress: bool
    ) -> NDArray[np.uint32]:
        """Return the combinations at places of an order, (places, width)."""
        with progress_bar("Combine rows", enabled=progress) as show:
            return self.core.take(places, order, space=self.space, threads=resolve(threads), progress=show)


Source: TypeAlias = LabelSource | ScoreSource | DistanceSource


def _add(digest: hashlib.blake2b, value: Any) -> None:
    """Add a value to a digest: an array by its content, a tuple value by value."""
    if isinstance(value, tuple):
        for part in value:
            _add(digest, part)
    elif isinstance(value, np.ndarray):
        digest.update(f"{value.dtype.str} {value.shape}".encode())
        digest.update(np.ascontiguousarray(value).data.cast("B") if value.size else b"")
    else:
        digest.update(repr(value).encode() + b"\0")
