"""The one gather of in-batch losses: the candidates of all ranks, with their gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor
from torch import distributed as dist

if TYPE_CHECKING:
    from collections.abc import Sequence


class RankRows:
    r"""The rows of all ranks, in rank order, and which of them are this rank's.

    The gradient of a gathered row flows back to the rank it came from, summed over what each rank's loss says
    of it. DDP then averages parameters' gradients over ranks, so the objective that is trained is the mean of
    the ranks' losses: a loss over all gathered rows is that of one rank with the whole batch; a sum over this
    rank's own rows, divided by the count of all ranks, needs the factor `world_size`, which `mean` gives it.

    Ranks may hold different numbers of rows (shorter ones are padded on the way). The exchange of these
    numbers is the one point where the host waits for the device. Every rank must gather equally often.

    Args:
        num_rows: this rank's.
        device: where the tensors to gather are.
        gather: whether to look at other ranks at all; with one process there are none.

    Attributes:
        own: this rank's rows among all.
        total: number of all rows.
    """

    def __init__(self, num_rows: int, device: torch.device, *, gather: bool) -> None:
        self._counts = [num_rows]
        rank = 0
        if gather and dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
            self._counts, rank = _rows_of_ranks(num_rows, device), dist.get_rank()
        first = sum(self._counts[:rank])
        self.own = slice(first, first + num_rows)
        self.total = sum(self._counts)

    def gather(self, rows: Tensor) -> Tensor:
        """Append the rows of all ranks to each other.

        Shape:
            rows (B, ...), returns (G, ...), G the rows of all ranks; `rows` itself with one rank.

        Args:
            rows: of one shape but for B, and one dtype, on every rank; integers carry no gradient.
        """
        if len(self._counts) == 1:
            return rows
        padded = F.pad(rows, (0, 0) * (rows.ndim - 1) + (0, max(self._counts) - len(rows)))
        if padded.is_floating_point():
            from torch.distributed.nn.functional import all_gather  # absent where torch is built without it

            gathered = all_gather(padded.contiguous())  # type: ignore[no-untyped-call]
        else:
            gathered = [torch.empty_like(padded) for _ in self._counts]
            dist.all_gather(gathered, padded.contiguous())
        return torch.cat([part[:count] for part, count in zip(gathered, self._counts, strict=True)])

    def gather_columns(self, columns: Sequence[Tensor]) -> list[Tensor]:
        """Gather several columns of one shape and dtype in one exchange.

        Shape:
            columns C x (B, ...), returns C x (G, ...).
        """
        if len(self._counts) == 1 or not columns:
            return list(columns)
        return list(self.gather(torch.stack(list(columns), dim=1)).unbind(dim=1))

    def gather_lists(self, lists: Tensor) -> Tensor:
        """Gather lists of ids, (B, P) filled up with -1; P, which may differ by rank, becomes the largest."""
        if len(self._counts) == 1:
            return lists
        width = torch.tensor([lists.shape[1]], device=lists.device)
        dist.all_reduce(width, op=dist.ReduceOp.MAX)
        return self.gather(F.pad(lists, (0, int(width) - lists.shape[1]), value=-1))

    def mean(self, total: Tensor, count: Tensor) -> Tensor:
        """Divide a sum over this rank's rows by the count of all ranks, times their number.

        The mean of what the ranks get is the sum over all rows divided by the count of all rows; 0 where the
        count is 0.

        Args:
            total: the sum over this rank's rows, ().
            count: what it is a sum of, in number or in weight, (); without gradient.
        """
        count = count.detach().to(total.dtype)
        if len(self._counts) > 1:
            count = count.clone()
            dist.all_reduce(count)
        return total * len(self._counts) / torch.where(count > 0, count, 1.0)


def _rows_of_ranks(num_rows: int, device: torch.device) -> list[int]:
    own = torch.tensor([num_rows], device=device)
    counts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(counts, own)
    return [int(count) for count in torch.cat(counts).tolist()]
