"""A page that tells what a job did, whole in one file."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from foolsgold.job.pictures import histograms, line_chart

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.job.outcome import Outcome

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 720px; margin: 2em auto; padding: 0 1em; color: #222 }
h1 { font-size: 1.5em } h2 { font-size: 1.1em; margin-top: 2em }
table { border-collapse: collapse } td, th { padding: 2px 12px 2px 0; text-align: right }
td:first-child, th:first-child { text-align: left } tr.best { font-weight: 600 }
svg { width: 100%; font: 11px system-ui, sans-serif; fill: #555 }
blockquote { margin: .4em 0 1em; padding-left: 1em; border-left: 3px solid #ccc; white-space: pre-wrap }
"""
_MAX_CHARACTERS = 400


def report_page(outcome: Outcome, positives: NDArray[Any], negatives: NDArray[Any]) -> str:
    """Render the page as HTML.

    Args:
        outcome: What the job did.
        positives: Scores of the positives that negatives were mined for.
        negatives: Scores of the mined negatives.
    """
    data = outcome.data
    title = escape(data["name"])
    counts = ", ".join(f"{value:,} {name}" for name, value in data.items() if name != "name")
    losses = line_chart(outcome.losses, x_label="step", y_label="loss")
    scores = histograms({"positives": positives, "mined negatives": negatives}, x_label="cosine similarity")
    settings = "".join(_row("td", name, f"{value}") for name, value in outcome.recipe.items())
    seconds = "".join(_row("td", name, f"{value:.1f}") for name, value in outcome.seconds.items())
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        f"<title>foolsgold: {title}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{title}</h1><p>{escape(counts)}, {outcome.num_mined:,} rows with mined negatives</p>",
        f"<h2>Retrieval on the held-out queries</h2>{_metrics_table(outcome)}",
        f"<h2>Loss</h2>{losses}",
        f"<h2>Scores of positives and of what was mined</h2>{scores}",
        f"<h2>What the model finds</h2>{_examples(outcome)}",
        f"<h2>Recipe</h2><table>{settings}</table>",
        f"<h2>Seconds</h2><table>{seconds}</table></body></html>",
    ]
    return "\n".join(parts)


def _metrics_table(outcome: Outcome) -> str:
    names = list(next(iter(outcome.metrics.values())))
    best = max(outcome.metrics, key=lambda step: outcome.metrics[step][names[0]])
    head = _row("th", "", *names)
    rows = (
        _row("td", step, *(f"{metrics[name]:.4f}" for name in names), best=step == best)
        for step, metrics in outcome.metrics.items()
    )
    return f"<table>{head}{''.join(rows)}</table>"


def _row(tag: str, *cells: str, best: bool = False) -> str:
    inner = "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells)
    return f"<tr{' class=best' if best else ''}>{inner}</tr>"


def _examples(outcome: Outcome) -> str:
    parts = []
    for example in outcome.examples:
        verdict = "the right one" if example["is_right"] else "not the right one"
        document = escape(example["document"][:_MAX_CHARACTERS])
        parts.append(
            f"<p><b>{escape(example['query'])}</b> ({verdict})</p><blockquote>{document}</blockquote>"
        )
    return "".join(parts)
