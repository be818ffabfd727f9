"""The kernels in Triton's interpreter, which is a process of its own, or on a GPU, beside the torch path."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from tests.losses.encoders import embeddings

from foolsgold.losses.parts import triton_softmax
from foolsgold.losses.parts.directions import Comparisons
from foolsgold.losses.parts.identity import Identity
from foolsgold.losses.parts.in_batch import in_batch_cross_entropy
from foolsgold.similarity import cos_sim, dot_score

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
NAMES = ("loss", "count", "queries", "documents", "scale")


@dataclass(frozen=True)
class Case:
    """A batch, drawn with its options, and how it is cut."""

    shape: tuple[int, int, int] = (2, 70, 24)  # columns, rows, dimensions
    dtype: torch.dtype = torch.float32
    cosine: bool = True
    scale: float = 20.0
    known: tuple[str, ...] = ()
    num_texts: int = 40
    weights: str | None = None
    rows: tuple[int | None, int | None] = (None, None)
    tile: int = 32
    side: int = 8192
    trained: tuple[str, ...] = ("queries", "documents", "scale")

    def identity(self):
        num_columns, num_rows, _ = self.shape
        generator = torch.Generator().manual_seed(5)
        drawn = {
            "query_ids": torch.randint(self.num_texts, (num_rows,), generator=generator),
            "document_ids": torch.randint(3 * self.num_texts, (num_columns, num_rows), generator=generator),
            "classes": torch.randint(self.num_texts, (num_rows,), generator=generator),
        }
        return Identity(**{name: drawn[name] for name in self.known}) if self.known else None

    def row_weights(self):
        drawn = torch.rand(self.shape[1], generator=torch.Generator().manual_seed(6))
        drawn[::3] = 0.0
        return {None: None, "some": drawn, "tiny": drawn * 1e-9, "large": drawn * 1e6, "none": drawn * 0.0}[
            self.weights
        ]


def outcome(case):
    """Loss, count and gradients, by name."""
    num_columns, num_rows, num_dims = case.shape
    inputs = {
        "queries": embeddings(num_rows, num_dims).to(case.dtype),
        "documents": embeddings(num_columns, num_rows, num_dims, seed=1).to(case.dtype),
        "scale": torch.tensor([case.scale]),
    }
    for name in case.trained:
        inputs[name].requires_grad_()
    total, count = in_batch_cross_entropy(
        inputs["queries"],
        inputs["documents"],
        Comparisons(),
        scale=inputs["scale"],
        similarity_fct=cos_sim if case.cosine else dot_score,
        identity=case.identity(),
        weights=case.row_weights(),
        rows=slice(*case.rows),
    )
    if total.requires_grad:
        (total / count.clamp(min=1e-9)).backward()  # within the range of float16
    found = [total.detach(), count, *(x.grad for x in inputs.values())]
    return dict(zip(NAMES, found, strict=True))


def interpreted(case):
    """The same through the kernels, as lists of numbers; for the process of the interpreter."""
    triton_softmax.enabled = lambda queries: True
    triton_softmax._TILE, triton_softmax._SIDE = case.tile, case.side
    return {name: x if x is None else (x.tolist(), x.dtype) for name, x in outcome(case).items()}


def interpret_bfloat16():
    """Let the interpreter multiply bfloat16, of which it knows the bits alone."""
    import numpy as np
    import triton.language as tl
    from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

    multiply = InterpreterBuilder.create_dot

    def widened(x):
        if x.dtype.scalar != tl.bfloat16:
            return x
        return TensorHandle((x.data.astype(np.uint32) << 16).view(np.float32), tl.float32)

    InterpreterBuilder.create_dot = lambda self, a, b, *rest: multiply(self, widened(a), widened(b), *rest)
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def tiled():
    """Computes cases in a process whose triton interprets its kernels; it reads that when it is imported."""
    pytest.importorskip("triton")
    spawn = multiprocessing.get_context("spawn")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TRITON_INTERPRET", "1")
        with ProcessPoolExecutor(1, mp_context=spawn, initializer=interpret_bfloat16) as pool:
            yield lambda case: {
                name: x if x is None else torch.tensor(x[0], dtype=x[1])
                for name, x in pool.submit(interpreted, case).result().items()
            }


def assert_as_torch(tiled, case, *, loss=1e-5, gradients=1e-5):
    """Relative to the norm of each."""
    actual, expected = tiled(case), outcome(case)
    for name in NAMES:
        if expected[name] is None:
            assert actual[name] is None, name
            continue
        assert actual[name].dtype == expected[name].dtype
        assert actual[name].shape == expected[name].shape
        a, b = actual[name].double(), expected[name].double()
        tolerance = loss if name in ("loss", "count") else gradients
        assert float((a - b).norm()) <= tolerance * float(b.norm()) + 1e-12, (name, case)


BOTH = ("query_ids", "document_ids", "classes")


@pytest.mark.parametrize("known", [(), ("query_ids", "document_ids"), ("classes",), BOTH, ("query_ids",)])
@pytest.mark.parametrize(("weights", "rows"), [(None, (None, None)), ("some", (13, 50))])
def test_every_option_is_the_torch_path_s(tiled, known, weights, rows):
    assert_as_torch(tiled, Case(known=known, weights=weights, rows=rows))


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (3, 1, 5), (1, 16, 16), (1, 32, 32), (2, 33, 31), (4, 65, 3), (1, 64, 384)]
)
def test_sizes_need_not_fit_the_tiles(tiled, shape):
    assert_as_torch(tiled, Case(shape=shape, known=BOTH, scale=2.0))


@pytest.mark.parametrize("side", [32, 48, 64, 100])
def test_the_squares_make_no_difference(tiled, side):
    assert_as_torch(tiled, Case(side=side, known=BOTH, weights="some", rows=(3, 70)))


@pytest.mark.slow
@pytest.mark.parametrize("num_dims", [384, 1024])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_usual_tile_and_dimensions(tiled, num_dims, dtype):
    case = Case(shape=(2, 150, num_dims), dtype=dtype, cosine=False, scale=0.05, known=BOTH, tile=128)
    # The operands are exact; the gradients of the logits are rounded to 8 or 11 bits.
    assert_as_torch(tiled, case, gradients=1e-5 if dtype == torch.float32 else 5e-3)


@pytest.mark.parametrize("dtype", DTYPES[1:])
@pytest.mark.parametrize("weights", [None, "some", "tiny", "large"])
def test_normalized_embeddings_are_rounded_as_they_came(tiled, dtype, weights):
    case = Case(shape=(2, 70, 64), dtype=dtype, weights=weights, known=BOTH, side=64)
    assert_as_torch(tiled, case, loss=5e-3, gradients=2e-2)


def test_a_first_tile_with_nothing_in_it(tiled):
    """All queries are equal, so that each row has its own positive alone, some in their last tile."""
    case = Case(shape=(1, 70, 24), known=("query_ids", "document_ids"), num_texts=1)
    assert torch.allclose(tiled(case)["loss"], torch.zeros(()))
    assert_as_torch(tiled, Case(known=("classes",), num_texts=1))


@pytest.mark.parametrize("scale", [1e-6, 1e3, 1e6])
def test_large_and_small_logits(tiled, scale):
    case = Case(cosine=False, scale=scale)
    assert_as_torch(tiled, case, loss=1e-4, gradients=1e-4)


def test_rows_without_weight_have_a_gradient_of_zero(tiled):
    actual = tiled(Case(weights="none"))
    assert all(not actual[name].any() for name in NAMES)


def test_no_rows_make_a_loss_of_zero(tiled):
    assert_as_torch(tiled, Case(rows=(5, 5)))


@pytest.mark.parametrize("trained", [(), ("queries",), ("documents",), ("scale",)])
def test_gradients_are_formed_where_they_are_wanted(tiled, trained):
    assert_as_torch(tiled, Case(trained=trained))


def test_a_case_that_differs_is_told_apart(tiled):
    with pytest.raises(AssertionError):
        assert_as_torch(lambda case: tiled(Case(scale=20.01)), Case())


PLAIN = {"comparisons": Comparisons(), "identity": None, "margin": None, "guide": None}
KNOWN = {"known_positive_ids": torch.zeros(3, 1)}


@pytest.mark.parametrize(
    ("given", "served"),
    [
        ({}, True),
        ({"identity": Identity(classes=torch.zeros(3))}, True),
        ({"comparisons": Comparisons(partition_mode="per_direction")}, True),
        ({"comparisons": Comparisons(directions=("query_to_doc", "doc_to_query"))}, False),
        ({"comparisons": Comparisons(hardness_mode="hard_negatives", hardness_strength=1.0)}, False),
        ({"identity": Identity(**KNOWN)}, False),
        ({"margin": 0.1}, False),
        ({"guide": object()}, False),
    ],
)
def test_the_plain_case_is_served(given, served, monkeypatch):
    assert not triton_softmax.serves(torch.ones(1), **{**PLAIN, **given})
    monkeypatch.setattr(triton_softmax, "enabled", lambda queries: True)
    assert triton_softmax.serves(torch.ones(1), **{**PLAIN, **given}) == served


@pytest.mark.parametrize(
    ("switch", "is_cuda", "dtype", "spec", "on"),
    [
        ("1", True, torch.float32, object(), True),
        (None, True, torch.float32, object(), False),
        ("0", True, torch.float32, object(), False),
        ("1", False, torch.float32, object(), False),
        ("1", True, torch.float64, object(), False),
        ("1", True, torch.float32, None, False),
    ],
)
def test_off_unless_switched_on(switch, is_cuda, dtype, spec, on, monkeypatch):
    monkeypatch.delenv("FOOLSGOLD_TRITON", raising=False)
    if switch is not None:
        monkeypatch.setenv("FOOLSGOLD_TRITON", switch)
    monkeypatch.setattr(triton_softmax, "find_spec", lambda name: spec)
    assert triton_softmax.enabled(SimpleNamespace(is_cuda=is_cuda, dtype=dtype)) == on


def test_losses_need_no_triton():
    code = "import sys; sys.modules['triton'] = None; import foolsgold.losses, foolsgold.functional"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.timeout(600)
def test_a_large_batch_on_a_gpu(monkeypatch):
    pytest.importorskip("triton")
    num_rows, num_dims, some = 65_536, 1_024, slice(1_000, 3_000)
    generator = torch.Generator("cuda").manual_seed(0)
    shape = {"device": "cuda", "dtype": torch.bfloat16, "generator": generator}
    queries = torch.randn(num_rows, num_dims, **shape).requires_grad_()
    noise = torch.randn(num_rows, num_dims, **shape)
    documents = (queries.detach() + 2 * noise)[None].requires_grad_()
    ids = torch.arange(num_rows, device="cuda") // 2  # each query is there twice
    identity = Identity(query_ids=ids, document_ids=num_rows + torch.arange(num_rows, device="cuda")[None])

    def computed(rows, switch):
        monkeypatch.setenv("FOOLSGOLD_TRITON", switch)
        options = {"scale": 50.0, "identity": identity, "rows": rows}
        total, _ = in_batch_cross_entropy(queries, documents, Comparisons(), **options)
        return total.detach(), *torch.autograd.grad(total, [queries, documents])

    del noise
    computed(slice(None), "1")  # compiles
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    whole = computed(slice(None), "1")
    torch.cuda.synchronize()
    assert torch.cuda.max_memory_allocated() - before <= 2 * 2**30
    assert all(torch.equal(a, b) for a, b in zip(whole, computed(slice(None), "1"), strict=True))
    expected, actual = computed(some, "0"), computed(some, "1")
    for a, b in zip(actual, expected, strict=True):
        a, b = a.float(), b.float()
        assert float((a - b).norm()) <= 2e-2 * float(b.norm())
    assert torch.equal(whole[1][some], actual[1][some])
