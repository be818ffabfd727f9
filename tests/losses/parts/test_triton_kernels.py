"""The kernels compile for a GPU, which need not be there; what they compute is in `test_triton_softmax`."""

from __future__ import annotations

import re

import pytest
import torch

from foolsgold.losses.parts import triton_softmax

SHARED_MEMORY = 99 * 1024  # of a block on the smallest GPUs that multiply bfloat16
POINTERS = {"factor", "log_sums", "positives", "shares", "total"}
OPERANDS = {"queries", "documents", "gradient", "left", "right"}
IDS = {"query_ids", "document_ids", "classes"}
TILES = {"tile_rows": 128, "tile_columns": 128, "tile_dims": 64, "tile_inner": 64, "precision": "ieee"}


def compiled(kernel, capability, constants):
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    constants = {name: value for name, value in constants.items() if name in kernel.arg_names}

    def type_of(name):
        if name in constants:
            return "constexpr"
        if name in OPERANDS:
            return "*bf16"
        return "*i64" if name in IDS else "*fp32" if name in POINTERS else "i32"

    signature = {name: type_of(name) for name in kernel.arg_names}
    source = ASTSource(kernel, signature, constants)
    import triton

    options = triton_softmax._options()
    options.pop("precision")
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize(
    ("name", "constants"),
    [
        ("log_sum_exp", {}),
        ("log_sum_exp", dict.fromkeys(IDS)),
        ("logit_gradient", {}),
        ("add_product", {"inner_stride": 1}),
        ("add_product", {"row_stride": 1}),
    ],
)
def test_the_kernels_compile_for_gpus_of_two_kinds(name, constants, capability, tmp_path, monkeypatch):
    pytest.importorskip("triton")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TRITON_DEFAULT_FP_FUSION", "1")  # else it warns
    from foolsgold.losses.parts import triton_kernels

    binary = compiled(getattr(triton_kernels, name), capability, {**TILES, **constants})
    assert re.search(r"mma\S*\.f32\.bf16\.bf16", binary.asm["ptx"])  # on tensor cores, added up in float32
    assert binary.metadata.shared <= SHARED_MEMORY


def test_a_tile_is_as_is_compiled_here():
    tiles = triton_softmax._Batch.of(None, 0, 1, torch.bfloat16).tiles
    assert tiles == (TILES["tile_rows"], TILES["tile_columns"], TILES["tile_dims"])
