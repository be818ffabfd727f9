"""A page that tells what a job did, whole in one file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foolsgold.page import page, quotation, table
from foolsgold.pictures import histograms, line_chart

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.job.outcome import Outcome


def report_page(outcome: Outcome, positives: NDArray[Any], negatives: NDArray[Any]) -> str:
    """Render the page as HTML.

    Args:
        outcome: What the job did.
        positives: Scores of the positives that negatives were mined for.
        negatives: Scores of the mined negatives.
    """
    data = outcome.data
    counts = ", ".join(f"{value:,} {name}" for name, value in data.items() if name != "name")
    scores = histograms({"positives": positives, "mined negatives": negatives}, x_label="cosine similarity")
    sections = [
        ("Retrieval on the held-out queries", _metrics_table(outcome)),
        ("Loss", line_chart(outcome.losses, x_label="step", y_label="loss")),
        ("Scores of positives and of what was mined", scores),
        ("What the model finds", _examples(outcome)),
        ("Recipe", table((name, f"{value}") for name, value in outcome.recipe.items())),
        ("Seconds", table((name, f"{value:.1f}") for name, value in outcome.seconds.items())),
    ]
    return page(data["name"], f"{counts}, {outcome.num_mined:,} rows with mined negatives", sections)


def _metrics_table(outcome: Outcome) -> str:
    names = list(next(iter(outcome.metrics.values())))
    steps = list(outcome.metrics)
    best = max(steps, key=lambda step: outcome.metrics[step][names[0]])
    rows = [(step, *(f"{outcome.metrics[step][name]:.4f}" for name in names)) for step in steps]
    return table(rows, head=["", *names], best=steps.index(best))


def _examples(outcome: Outcome) -> str:
    return "".join(
        quotation(
            example["query"],
            "the right one" if example["is_right"] else "not the right one",
            example["document"],
        )
        for example in outcome.examples
    )
