"""Losses beside sentence-transformers: equal values and gradients first, then time and memory of both.

    python benches/python/bench_losses.py            # every case
    python benches/python/bench_losses.py mnrl gist  # those whose names begin so
    python benches/python/bench_losses.py --together cosent triplet  # both sides in turn, in one process

Every case and side is a process of its own. Seconds are those of one value with its gradient, the best of
many; memory is what the process takes at its peak beyond what it held before (its inputs, the packages).
Differences of a few per cent need `--together`, since a machine's speed changes from minute to minute; it
tells no memory. Cases named "only ours" have no other side: the peer's way would not fit into memory.
"""

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

TOLERANCE = 2e-4  # float32, relative to the largest entry of each gradient


class Given(nn.Module):
    """An encoder whose embeddings are its features."""

    def __init__(self, key="embedding"):
        super().__init__()
        self.key, self.tokenizer = key, None
        self.device = torch.device("cpu")

    def get_embedding_dimension(self):
        return 384

    def forward(self, features):
        return {**features, "sentence_embedding": features[self.key]}


class Guide(Given):
    """Where the peer looks for what is no part of a guide that reads the same features."""

    def __init__(self):
        super().__init__("guide")


@dataclass
class Case:
    """A loss and its batch: the number of rows, columns and dimensions, and labels if it wants some."""

    loss: str
    rows: int
    columns: int = 2
    dimension: int = 384
    options: dict = field(default_factory=dict)
    labels: str | None = None
    runs: int = 5
    only_ours: bool = False
    bar: str = ""


CASES = {
    "mnrl 16384": Case("MultipleNegativesRankingLoss", 16384, runs=2, bar="no slower, 0.4 GB"),
    "mnrl 1024": Case("MultipleNegativesRankingLoss", 1024),
    "mnrl 1024 hard negatives": Case("MultipleNegativesRankingLoss", 1024, columns=4),
    "symmetric 4096": Case("MultipleNegativesSymmetricRankingLoss", 4096, bar="1.5x"),
    "semi-hard 1024, 4 per class": Case("BatchSemiHardTripletLoss", 1024, 1, labels="4 per class", bar="2x"),
    "semi-hard 1024, 64 per class": Case(
        "BatchSemiHardTripletLoss", 1024, 1, labels="64 per class", bar="2x"
    ),
    "batch all 1024, 4 per class": Case("BatchAllTripletLoss", 1024, 1, labels="4 per class", bar="2x"),
    "batch all 1024, 64 per class": Case("BatchAllTripletLoss", 1024, 1, labels="64 per class", bar="10x"),
    "batch all 8192, 64 per class": Case(
        "BatchAllTripletLoss", 8192, 1, labels="64 per class", runs=1, only_ours=True, bar="2 GiB"
    ),
    "batch hard 1024": Case("BatchHardTripletLoss", 1024, 1, labels="4 per class"),
    "batch hard soft margin 1024": Case("BatchHardSoftMarginTripletLoss", 1024, 1, labels="4 per class"),
    "gist 256": Case("GISTEmbedLoss", 256, dimension=768, bar="50x less memory"),
    "gist 1024": Case("GISTEmbedLoss", 1024, dimension=768, only_ours=True, bar="runs"),
    "mega batch margin 1024": Case("MegaBatchMarginLoss", 1024, options={"use_mini_batched_version": False}),
    "cosent 4096": Case("CoSENTLoss", 4096, labels="scores"),
    "angle 4096": Case("AnglELoss", 4096, labels="scores"),
    "cosine similarity 4096": Case("CosineSimilarityLoss", 4096, labels="scores"),
    "contrastive 4096": Case("ContrastiveLoss", 4096, labels="binary"),
    "online contrastive 4096": Case("OnlineContrastiveLoss", 4096, labels="binary"),
    "triplet 4096": Case("TripletLoss", 4096, 3),
    "softmax 4096": Case(
        "SoftmaxLoss", 4096, options={"embedding_dimension": 384, "num_labels": 3}, labels="3 classes"
    ),
    "mse 4096": Case("MSELoss", 4096, 1, labels="embeddings"),
    "embed distill 4096": Case("EmbedDistillLoss", 4096, 1, labels="embeddings"),
    "margin mse 4096": Case("MarginMSELoss", 4096, 5, labels="lists of 3"),
    "distill kl 4096": Case("DistillKLDivLoss", 4096, 5, labels="lists of 4"),
    "orthogonal regularization 4096": Case("GlobalOrthogonalRegularizationLoss", 4096),
    "matryoshka of mnrl 1024": Case(
        "MatryoshkaLoss",
        1024,
        options={"loss": "MultipleNegativesRankingLoss", "matryoshka_dims": [384, 256, 128, 64]},
    ),
}


def labels_of(kind, rows, columns, dimension):
    generator = torch.Generator().manual_seed(1)
    if kind is None:
        return None
    if kind.endswith("per class"):
        order = torch.randperm(rows, generator=generator)
        return (torch.arange(rows) // int(kind.split()[0]))[order]
    if kind == "scores":
        return torch.rand(rows, generator=generator)
    if kind == "embeddings":
        return torch.randn(rows, dimension, generator=generator)
    if kind.startswith("lists"):
        return torch.randn(rows, int(kind.split()[-1]), generator=generator)
    return torch.randint(2 if kind == "binary" else 3, (rows,), generator=generator)


def batch_of(case):
    """Columns that are near each other row by row, so that similarities spread."""
    generator = torch.Generator().manual_seed(0)
    shared = torch.randn(case.rows, case.dimension, generator=generator)
    columns = [
        shared + torch.randn(case.rows, case.dimension, generator=generator) for _ in range(case.columns)
    ]
    guides = [column.clone() for column in columns]
    labels = labels_of(case.labels, case.rows, case.columns, case.dimension)
    if case.labels is not None and case.labels.endswith("per class"):
        centres = torch.randn(case.rows, case.dimension, generator=generator)
        columns = [column + 1.5 * centres[labels] for column in columns]
    return [column.requires_grad_() for column in columns], guides, labels


def loss_of(case, package):
    model, options = Given(), dict(case.options)
    if case.loss == "GISTEmbedLoss":
        options["guide"] = Guide()
    if isinstance(options.get("loss"), str):
        options["loss"] = getattr(package, options["loss"])(model)
    if "Triplet" in case.loss and case.loss.startswith("Batch") and "Soft" not in case.loss:
        options.setdefault("margin", 5)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build(case, package, model, options)


def build(case, package, model, options):
    if case.loss == "GISTEmbedLoss" and not package.__name__.startswith("foolsgold"):
        # The peer wants tokenizers to compare, which stand-ins have not.
        loss = getattr(package, case.loss).__new__(getattr(package, case.loss))
        nn.Module.__init__(loss)
        loss.model, loss.guide = model, options["guide"]
        loss.similarity_fct = nn.CosineSimilarity(dim=-1)
        loss.temperature, loss.must_retokenize = 0.01, False
        loss.margin_strategy, loss.margin = "absolute", 0.0
        loss.contrast_anchors = loss.contrast_positives = True
        loss.gather_across_devices, loss.cross_entropy_loss = False, nn.CrossEntropyLoss()
        return loss
    return getattr(package, case.loss)(model, **options)


def status(name):
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(name))
    return int(line.split()[1]) * 1024


def step_of(case, side):
    """A function that computes the loss and the gradients of one side, and what these are gradients of."""
    package = importlib.import_module(
        "foolsgold.losses" if side == "ours" else "sentence_transformers.sentence_transformer.losses"
    )
    columns, guides, labels = batch_of(case)
    features = [{"embedding": column, "guide": guide} for column, guide in zip(columns, guides, strict=True)]
    loss = loss_of(case, package)

    def step():
        for tensor in [*columns, *loss.parameters()]:
            tensor.grad = None
        value = loss([dict(column) for column in features], labels)
        value = sum(value.values()) if isinstance(value, dict) else value
        value.backward()
        return value.detach()

    return step, columns


def run_side(name, side, output):
    """One side of one case, in this process."""
    case = CASES[name]
    step, columns = step_of(case, side)

    # Threads and libraries take their memory at the first product.
    torch.randn(512, 512) @ torch.randn(512, 512)
    held = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    value = step()
    peak = status("VmHWM")
    seconds = []
    while len(seconds) < case.runs or (sum(seconds) < 3 and len(seconds) < 40):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    torch.save([value, *(column.grad for column in columns)], Path(output) / f"{side}.pt")
    print(json.dumps({"seconds": min(seconds), "memory": peak - held, "process": peak}))


def measured(name, side, folder):
    arguments = [sys.executable, __file__, "--side", side, "--output", folder, name]
    outcome = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if outcome.returncode:
        sys.exit(f"{name}, {side}: {outcome.stderr[-2000:]}")
    return json.loads(outcome.stdout.splitlines()[-1])


def check_equal(name, ours, theirs):
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine - other).abs().max() <= TOLERANCE * other.abs().max(), f"{name}: not equal"


def compare(name):
    case = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        ours = measured(name, "ours", folder)
        line = f"{ours['seconds']:8.3f} s {ours['memory'] / 2**20:8.0f} MiB"
        if case.only_ours:
            print(f"{name:32} {line}  process {ours['process'] / 2**20:.0f} MiB  (only ours)  {case.bar}")
            return
        theirs = measured(name, "peer", folder)
        check_equal(name, *(torch.load(Path(folder) / f"{side}.pt") for side in ("ours", "peer")))
        again = measured(name, "ours", folder)  # a machine's speed changes from minute to minute
        ratio = theirs["seconds"] / min(ours["seconds"], again["seconds"])
        memory = theirs["memory"] / max(ours["memory"], 2**20)
        print(
            f"{name:32} {line}  peer {theirs['seconds']:8.3f} s {theirs['memory'] / 2**20:8.0f} MiB  "
            f"{ratio:6.2f}x as fast, {memory:6.1f}x less memory  {case.bar}",
            flush=True,
        )


def compare_together(name, rounds=20):
    """Both sides in turn: their best and their median seconds."""
    case = CASES[name]
    steps = {side: step_of(case, side) for side in ("ours", "peer")}
    found = {side: [step(), *(x.grad for x in columns)] for side, (step, columns) in steps.items()}
    check_equal(name, found["ours"], found["peer"])
    seconds = {side: [] for side in steps}
    for _ in range(rounds):
        for side, (step, _) in steps.items():
            start = time.perf_counter()
            step()
            seconds[side].append(time.perf_counter() - start)
    best = {side: min(times) for side, times in seconds.items()}
    middle = {side: sorted(times)[rounds // 2] for side, times in seconds.items()}
    print(
        f"{name:32} {best['ours'] * 1e3:8.1f} ms  peer {best['peer'] * 1e3:8.1f} ms  "
        f"{best['peer'] / best['ours']:6.2f}x as fast (medians {middle['peer'] / middle['ours']:.2f}x)",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", help="beginnings of names of cases")
    parser.add_argument("--together", action="store_true", help="both sides in turn, in one process")
    parser.add_argument("--side", choices=["ours", "peer"], help=argparse.SUPPRESS)
    parser.add_argument("--output", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        run_side(arguments.names[0], arguments.side, arguments.output)
        return
    for name in CASES:
        if not arguments.names or any(name.startswith(prefix) for prefix in arguments.names):
            if not arguments.together:
                compare(name)
            elif not CASES[name].only_ours:
                compare_together(name)


if __name__ == "__main__":
    main()
