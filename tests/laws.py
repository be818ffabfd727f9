"""Laws that every loss keeps; the test file of each loss calls them.

An `objective` here maps embeddings, one tensor per column with one row per example, to a scalar. Options,
labels and ids are bound to it beforehand; those with one value per row are passed as further inputs.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from foolsgold.losses import EmbeddingLoss

    Objective = Callable[..., Tensor]


def equals_oracle(objective: Objective, oracle: Callable[..., float], *inputs: Tensor) -> None:
    """The value is that of naive loops in float64, and float32 inputs come close to it."""
    expected = torch.tensor(oracle(*inputs), dtype=torch.float64)
    torch.testing.assert_close(objective(*inputs), expected, rtol=1e-10, atol=1e-10)
    single = objective(*(_like(x, torch.float32) for x in inputs))
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), expected, rtol=1e-4, atol=1e-4)


def has_exact_gradient(objective: Objective, *inputs: Tensor) -> None:
    """The gradient is that of finite differences, in float64."""
    assert torch.autograd.gradcheck(objective, _leaves(inputs))


def is_zero_without_signal(objective: Objective, *inputs: Tensor) -> None:
    """A batch that teaches nothing gives a zero that is in the graph, and zero gradients."""
    leaves = _leaves(inputs)
    value = objective(*leaves)
    assert value.requires_grad
    torch.testing.assert_close(value, torch.zeros_like(value), atol=1e-12, rtol=0)
    value.backward()
    for leaf in leaves:
        if leaf.requires_grad:
            torch.testing.assert_close(leaf.grad, torch.zeros_like(leaf), atol=1e-12, rtol=0)


def is_finite_for_extremes(objective: Objective, *inputs: Tensor, largest: float = 1e18) -> None:
    """Half precision at its limits, zero rows and equal rows give finite values and gradients, in float32."""
    for dtype, large in ((torch.float16, 65504.0), (torch.bfloat16, largest)):
        signs = [x.sign() if x.is_floating_point() else x for x in inputs]
        for scale in (large, 1.0, 6e-8, 0.0):
            _check_finite(objective, [_like(x * scale if x.is_floating_point() else x, dtype) for x in signs])
        mixed = [x.clone() for x in signs]
        for x in mixed:
            if x.is_floating_point():
                x[0], x[-1] = 0, large
        _check_finite(objective, [_like(x, dtype) for x in mixed])
        equal = [torch.ones_like(x) if x.is_floating_point() else x for x in inputs]
        _check_finite(objective, [_like(x, dtype) for x in equal])


def ignores_row_order(objective: Objective, *inputs: Tensor) -> None:
    """The rows of a batch may come in any order."""
    order = torch.randperm(len(inputs[0]), generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(objective(*(x[order] for x in inputs)), objective(*inputs))


def ignores_lengths(objective: Objective, *inputs: Tensor) -> None:
    """A cosine objective sees directions only: the length of an embedding changes nothing."""
    lengths = [torch.rand(len(x), 1, generator=torch.Generator().manual_seed(5)) * 9 + 0.1 for x in inputs]
    stretched = [x * length if x.ndim > 1 else x for x, length in zip(inputs, lengths, strict=True)]
    torch.testing.assert_close(objective(*stretched), objective(*inputs))


def leaves_inputs_unchanged(objective: Objective, *inputs: Tensor) -> None:
    """Neither forward nor backward writes into what it was given."""
    leaves = _leaves(inputs)
    objective(*leaves).backward()
    for leaf, x in zip(leaves, inputs, strict=True):
        assert torch.equal(leaf.detach(), x)


def halves_make_the_whole(on_rows: Callable[[slice], Tensor], num_rows: int) -> None:
    """Two halves of the rows, each with the candidates of both, average to the whole batch."""
    half = num_rows // 2
    parts = on_rows(slice(0, half)) * half + on_rows(slice(half, num_rows)) * (num_rows - half)
    torch.testing.assert_close(parts / num_rows, on_rows(slice(0, num_rows)))


def compiles_whole(objective: Objective, *inputs: Tensor) -> None:
    """It compiles as one graph, with the same value and gradients."""
    torch._dynamo.reset()
    eager, compiled = _leaves(inputs), _leaves(inputs)
    expected = objective(*eager)
    value = torch.compile(objective, fullgraph=True, backend="aot_eager")(*compiled)
    torch.testing.assert_close(value, expected)
    expected.backward()
    value.backward()
    for x, y in zip(compiled, eager, strict=True):
        torch.testing.assert_close(x.grad, y.grad)


def cached_equals_direct(
    loss: EmbeddingLoss, features: Sequence[dict[str, Any]], labels: Tensor | None
) -> None:
    """With a gradient cache, value and gradients are those without; the features stay as they were."""
    given = copy.deepcopy(list(features))
    expected = _value_and_gradients(loss, features, labels)
    rows = len(features[0]["input_ids"])
    for mini_batch_size in (1, rows - 1, rows, rows + 1):  # the second leaves an uneven last chunk
        loss.cached(mini_batch_size)
        torch.testing.assert_close(_value_and_gradients(loss, features, labels), expected)
    loss.cached(mini_batch_num_tokens=2 * features[0]["input_ids"].shape[1])
    torch.testing.assert_close(_value_and_gradients(loss, features, labels), expected)
    loss.chunk_size = None
    for column, before in zip(features, given, strict=True):
        assert column.keys() == before.keys()
        assert all(torch.equal(column[key], before[key]) for key in before)


def stores_its_arguments(loss: EmbeddingLoss, expected: dict[str, Any]) -> None:
    """`get_config_dict` names every constructor argument but the model, in order."""
    assert list(loss.get_config_dict().items()) == list(expected.items())


def _value_and_gradients(loss: EmbeddingLoss, features: Any, labels: Tensor | None) -> list[Tensor]:
    loss.zero_grad()
    value = loss(features, labels)
    value.backward()
    gradients = [parameter.grad for parameter in loss.parameters()]
    assert gradients
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)
    return [value.detach(), *(gradient.clone() for gradient in gradients)]


def _check_finite(objective: Objective, inputs: list[Tensor]) -> None:
    """Gradients are looked at in float32: what they are in half precision may be past its range."""
    for leaves in (_leaves(inputs), _leaves([_like(x, torch.float32) for x in inputs])):
        value = objective(*leaves)
        assert value.dtype == torch.float32
        assert value.isfinite()
        value.backward()
    assert all(leaf.grad.isfinite().all() for leaf in leaves if leaf.requires_grad)


def _like(x: Tensor, dtype: torch.dtype) -> Tensor:
    return x.to(dtype) if x.is_floating_point() else x


def _leaves(inputs: Sequence[Tensor]) -> list[Tensor]:
    return [x.detach().clone().requires_grad_(x.is_floating_point()) for x in inputs]
