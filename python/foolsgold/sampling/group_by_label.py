"""GroupByLabelBatchSampler: in every batch at least two labels, and of each at least two rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foolsgold.sampling.labels import LabelBatchSampler

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

    from foolsgold.sampling.plan import Tail


class GroupByLabelBatchSampler(LabelBatchSampler):
    """Shuffled batches in which every row has a partner of its own label and a row of another.

    For losses that make triplets from the labels of a batch (`BatchAllTripletLoss`, `BatchHardTripletLoss`
    and their kin). Rows come in pairs of a label, pairs in as even a mixture of labels as the data allows:
    how many rows of a label are in the full batches differs by two at most.

    There are as many batches as the counts of the labels allow, the same number in every epoch. A frequent
    label fills a batch but for one pair; what it has more is left out, as is one row of each label that has
    an odd number of them. Which rows these are is drawn anew in each epoch; `report` counts them, also by
    label.

    Args:
        dataset: a `datasets.Dataset`, or anything that `foolsgold.data.texts.columns_of` takes; its label
            column is read once, and holds integers, texts, bools or whole numbers.
        batch_size: rows per batch and rank, even and at least 4.
        drop_last: give full batches only; the same as `tail="drop"`.
        valid_label_columns: names of label columns; the first that the data has is read. By default label,
            labels, score, scores.
        generator: taken because samplers of the field have it; the batches depend on `seed` alone.
        seed: 0 to 2^64 - 1; with epoch and stream it decides the batches, on every platform.
        tail: in place of `drop_last`: "drop", "short", a last batch of at least two pairs, or "refill", by
            which some rows come a second time so that all batches are full.
        stream: 0 to 2^64 - 1; samplers of one seed draw differently by it.
        rank: which share of each global batch is given; None for all, one rank's after the other's.
        num_replicas: number of ranks; by default that of `torch.distributed`, 1 where it is not in use.
            Every rank's batch keeps the promise by itself.
        threads: by default a fair share of the cores; no result depends on it.

    Raises:
        ValueError: for numbers out of range, data without a label column or with a null label, one label in
            all rows, and labels of too few rows for one batch.
        TypeError: for labels or data of an unknown kind.

    Example:
        >>> rows = {"text": list("abcdefgh"), "label": [0, 0, 1, 1, 0, 0, 1, 1]}
        >>> sampler = GroupByLabelBatchSampler(rows, batch_size=4, drop_last=True)
        >>> len(sampler), [sorted(rows["label"][row] for row in batch) for batch in sampler]
        (2, [[0, 0, 1, 1], [0, 0, 1, 1]])
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
        tail: Tail | None = None,
        stream: int = 0,
        rank: int | None = None,
        num_replicas: int | None = None,
        threads: int | None = None,
    ) -> None:
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

    def _units(self) -> dict[str, Any]:
        return {}
