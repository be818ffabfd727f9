"""PKSampler: P labels in a batch, and K rows of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from foolsgold.integers import MAX_BATCH, integer
from foolsgold.sampling.labels import LabelBatchSampler

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

    from foolsgold.sampling.plan import Tail

Imbalance = Literal["cap", "oversample", "shrink"]
"""What is done about labels of unequal frequency: rows are left out, come again, or make more batches of
fewer labels."""


class PKSampler(LabelBatchSampler):
    """Shuffled batches of P = `batch_size` / `k` labels with exactly `k` different rows each.

    How often a label comes differs by one between any two batches. The rows of a label take turns: how often
    they come differs by one at most. What a label's frequency means is decided by `imbalance`:

    - "cap": nothing comes twice. A label is in each batch at most once, and what frequent labels have more is
      left out.
    - "oversample": every label comes as often as the most frequent, so rare ones come again and again.
    - "shrink": all rows come once, in more batches of fewer than P labels, at least 2. Sizes of batches
      differ by one label at most. What one label has more than there are batches is left out, with `coverage`
      others come again.

    With "cap" and "oversample" all batches are full, whatever `drop_last` says. A label with fewer than `k`
    rows is in no batch. Where a label's rows do not divide by `k`, some are left out, other ones in each
    epoch; with `coverage` none are. The number of batches is the same in every epoch.

    Args:
        dataset: a `datasets.Dataset`, or anything that `foolsgold.data.texts.columns_of` takes; its label
            column is read once, and holds integers, texts, bools or whole numbers.
        batch_size: rows per batch and rank, P times `k`, with P at least 2.
        drop_last: taken because samplers of the field have it; see above.
        valid_label_columns: names of label columns; the first that the data has is read. By default label,
            labels, score, scores.
        generator: taken because samplers of the field have it; the batches depend on `seed` alone.
        seed: 0 to 2^64 - 1; with epoch and stream it decides the batches, on every platform.
        k: rows of a label in a batch, at least 2.
        imbalance: "cap", "oversample" or "shrink"; by default "cap", with `coverage` "oversample".
        coverage: let every row of a label with at least `k` rows come at least once an epoch, for which some
            come a second time.
        tail: "refill" lets some rows come a second time so that those too few for one more step are used,
            but for "shrink", which uses them anyway; "drop" and "short" are the same here.
        stream: 0 to 2^64 - 1; samplers of one seed draw differently by it.
        rank: which share of each global batch is given; None for all, one rank's after the other's.
        num_replicas: number of ranks; by default that of `torch.distributed`, 1 where it is not in use.
            Every rank's batch keeps the promise by itself.
        threads: by default a fair share of the cores; no result depends on it.

    Raises:
        ValueError: for numbers out of range, `coverage` with "cap", data without a label column or with a
            null label, one label in all rows, and labels too few or of too few rows for one batch.
        TypeError: for labels or data of an unknown kind.

    Example:
        >>> rows = {"text": list("abcdefg"), "label": list("xyxyxyx")}
        >>> sampler = PKSampler(rows, batch_size=6, drop_last=True, k=3)
        >>> [sorted(rows["label"][row] for row in batch) for batch in sampler]
        [['x', 'x', 'x', 'y', 'y', 'y']]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        drop_last: bool,
        valid_label_columns: Iterable[str] | None = None,
        generator: torch.Generator | None = None,
        seed: int = 0,
        *,
        k: int,
        imbalance: Imbalance | None = None,
        coverage: bool = False,
        tail: Tail | None = None,
        stream: int = 0,
        rank: int | None = None,
        num_replicas: int | None = None,
        threads: int | None = None,
    ) -> None:
        k = integer("k", k, 2, MAX_BATCH)
        if imbalance is None:
            imbalance = "oversample" if coverage else "cap"
        if imbalance not in get_args(Imbalance):
            raise ValueError(f"`imbalance` must be cap, oversample or shrink, got {imbalance!r}")
        if coverage and imbalance == "cap":
            raise ValueError(
                "`imbalance` must be oversample or shrink with `coverage`, got 'cap', which leaves rows out\n"
                "hint: leave `imbalance` away, or take `coverage=False`"
            )
        self.k = k
        self.imbalance: Imbalance = imbalance
        self.coverage = coverage
        super().__init__(
            dataset,
            batch_size,
            drop_last,
            valid_label_columns,
            seed,
            tail=tail,
            stream=stream,
            rank=rank,
            num_replicas=num_replicas,
            threads=threads,
        )

    @property
    def _is_even(self) -> bool:
        return self.imbalance != "shrink"

    def _units(self) -> dict[str, Any]:
        return {"k": self.k, "imbalance": self.imbalance, "coverage": self.coverage}

    def _options(self) -> dict[str, Any]:
        return {**super()._options(), **self._units()}
