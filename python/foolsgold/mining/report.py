"""What mining did, in numbers, and on a page to look at."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.page import page, quotation, table
from foolsgold.pictures import histograms

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from foolsgold.mining.formats import Mined

_NUM_BINS = 48
_NUM_EXAMPLES = 12
_NEAREST_SHARE = 0.01
_WEAK_PERCENTILE = 10
_COUNTS = ("queries", "documents", "short_queries", "missing", "widened", "filled")
_REJECTED, _FROM = "rejected_", "from_"

_ESTIMATE = (
    "An estimate from scores alone: a negative that scores like a positive may be one. "
    f"{_WEAK_PERCENTILE} % of the positives score below the threshold; a negative above it scores like the "
    "others. How many of these do answer their query only a reader or a better model can say."
)


@dataclass(frozen=True, kw_only=True)
class MiningReport:
    """What mining did, as `report.json` tells it.

    Attributes:
        options: every option that decided the result.
        counts: queries, pairs, documents, rows of the result, pairs that have no negatives or were left out
            for having too few (`pairs_without_negatives`), queries (with `margin_from="each"`, pairs) with
            fewer negatives than asked for, and how many negatives are missing there; negatives from outside
            the rank window (`widened`) and at random (`filled`), and those from each source.
        rejected: by rule, the documents that it turned away although they score at least as well as the last
            candidate of their query. With sources for each by itself, of "bm25" what bounds turned away.
        scores: count, mean, standard deviation, least, quartiles and greatest: of the scores of positives and
            of negatives, and of the difference of each negative to its positive.
        histogram: edges of the bins, and the counts of positives and negatives.
        false_negatives: the estimate, and how it is made.
        frequent: how many distinct documents are negatives, and those that are most often.
        nearest: negatives of those that score nearest to their positive.
        seconds: by stage.
    """

    options: dict[str, Any]
    counts: dict[str, int]
    rejected: dict[str, int]
    scores: dict[str, dict[str, float]]
    histogram: dict[str, list[float]]
    false_negatives: dict[str, Any]
    frequent: dict[str, Any]
    nearest: list[dict[str, Any]]
    seconds: dict[str, float] = field(default_factory=dict)


def report_of(
    mined: Mined,
    texts: Any,
    found: Mapping[str, int],
    *,
    num_rows: int,
    options: Mapping[str, Any],
    seconds: Mapping[str, float],
) -> MiningReport:
    """Look at what was mined; O(negatives).

    Args:
        mined: pairs and negatives.
        texts: the text of an id.
        found: the search's own report.
        num_rows: of the result.
        options: as in the report.
        seconds: likewise.
    """
    is_there = mined.ids >= 0
    positives, negatives = mined.positive_scores, mined.scores[is_there]
    owners = np.repeat(np.arange(len(positives)), is_there.sum(axis=1))
    differences = positives[owners] - negatives
    counts = {name: count for name, count in found.items() if name in _COUNTS or name.startswith(_FROM)}
    has_row = is_there.any(axis=1) & mined.is_kept
    return MiningReport(
        options=dict(options),
        counts={
            **counts,
            "queries": int(mined.query[-1]) + 1,
            "pairs": len(positives),
            "rows": num_rows,
            "negatives": len(negatives),
            "pairs_without_negatives": int((~has_row).sum()),
        },
        rejected={
            name.removeprefix(_REJECTED): count for name, count in found.items() if name.startswith(_REJECTED)
        },
        scores={
            "positives": _summary(positives),
            "negatives": _summary(negatives),
            "differences": _summary(differences),
        },
        histogram=_histogram(positives, negatives),
        false_negatives=_false_negatives(positives, negatives, differences),
        frequent=_frequent(mined.ids[is_there], texts),
        nearest=_nearest(mined, texts),
        seconds={stage: round(taken, 3) for stage, taken in seconds.items()},
    )


def write_report(folder: Path, report: MiningReport, mined: Mined) -> None:
    """Write `report.json` and `report.html` to `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    told = json.dumps(asdict(report), indent=2, ensure_ascii=False) + "\n"
    for name, text in [("report.json", told), ("report.html", report_page(report, mined))]:
        aside = folder / f".{name}.aside"
        aside.write_text(text, encoding="utf-8")
        aside.replace(folder / name)


def report_page(report: MiningReport, mined: Mined) -> str:
    """Render the report as HTML."""
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in report.counts.items())
    scores = {"positives": mined.positive_scores, "mined negatives": mined.scores[mined.ids >= 0]}
    picture = histograms(scores, x_label=f"score ({report.options.get('similarity', 'cosine')})")
    summaries = [(name, *(f"{value:,.4g}" for value in of.values())) for name, of in report.scores.items()]
    heads = ["", *next(iter(report.scores.values()))]
    examples = "".join(
        quotation(
            example["anchor"],
            f"its positive scores {example['positive_score']:.4f}, this one {example['score']:.4f}",
            example["negative"],
        )
        for example in report.nearest
    )
    sections = [
        ("Scores", picture + table(summaries, head=heads)),
        ("What was turned away, by the first rule", table(_lines(report.rejected))),
        ("Negatives that may be positives", _estimate(report)),
        ("Negatives nearest to their positives", examples),
        ("Documents that are negatives most often", _frequent_table(report)),
        ("Options", table((name, f"{value}") for name, value in report.options.items())),
        ("Seconds", table((name, f"{taken:.1f}") for name, taken in report.seconds.items())),
    ]
    return page("mined hard negatives", counts, sections)


def _summary(values: NDArray[np.float32]) -> dict[str, float]:
    summary: dict[str, float] = {"count": len(values)}
    values = values[np.isfinite(values)]
    if len(values):
        low, median, high = np.percentile(values, [25, 50, 75])
        mean, deviation = values.mean(dtype=np.float64), values.std(dtype=np.float64)
        numbers = [mean, deviation, values.min(), low, median, high, values.max()]
        names = ["mean", "std", "min", "25%", "median", "75%", "max"]
        summary.update(zip(names, map(float, numbers), strict=True))
    return summary


def _histogram(positives: NDArray[np.float32], negatives: NDArray[np.float32]) -> dict[str, list[float]]:
    both = np.concatenate([positives, negatives]).astype(np.float64)
    both = both[np.isfinite(both)]
    if not len(both):
        return {}
    edges = np.histogram_bin_edges(both, _NUM_BINS)
    counts = {
        name: np.histogram(values, edges)[0].tolist()
        for name, values in [("positives", positives), ("negatives", negatives)]
    }
    return {"edges": edges.tolist(), **counts}


def _false_negatives(
    positives: NDArray[np.float32], negatives: NDArray[np.float32], differences: NDArray[np.float32]
) -> dict[str, Any]:
    if not len(negatives):
        return {"explanation": _ESTIMATE}
    threshold = float(np.percentile(positives, _WEAK_PERCENTILE))
    return {
        "threshold": threshold,
        "share_above_threshold": float((negatives >= threshold).mean()),
        "share_above_own_positive": float((differences < 0).mean()),
        "explanation": _ESTIMATE,
    }


def _frequent(ids: NDArray[np.int64], texts: Any) -> dict[str, Any]:
    documents, counts = np.unique(ids, return_counts=True)
    order = np.lexsort((documents, -counts))[:_NUM_EXAMPLES]
    most = [{"count": int(counts[at]), "text": texts[int(documents[at])]} for at in order]
    return {"distinct": len(documents), "most": most}


def _nearest(mined: Mined, texts: Any) -> list[dict[str, Any]]:
    """Take pairs evenly from those whose best negative is nearest to the positive."""
    (pairs,) = np.nonzero(mined.ids[:, 0] >= 0)
    gaps = mined.positive_scores[pairs] - mined.scores[pairs, 0]
    nearest = pairs[np.argsort(gaps, kind="stable")][: max(_NUM_EXAMPLES, int(len(pairs) * _NEAREST_SHARE))]
    if not len(nearest):
        return []
    chosen = nearest[np.unique(np.linspace(0, len(nearest) - 1, _NUM_EXAMPLES).astype(np.int64))]
    return [
        {
            "anchor": texts[int(mined.anchors[pair])],
            "positive": texts[int(mined.positives[pair])],
            "negative": texts[int(mined.ids[pair, 0])],
            "positive_score": float(mined.positive_scores[pair]),
            "score": float(mined.scores[pair, 0]),
        }
        for pair in chosen
    ]


def _lines(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), f"{count:,}") for name, count in counts.items()]


def _estimate(report: MiningReport) -> str:
    from html import escape

    told = report.false_negatives
    shares = (
        [
            (f"score at least {told['threshold']:.4f}", f"{told['share_above_threshold']:.2%}"),
            ("score above their own positive", f"{told['share_above_own_positive']:.2%}"),
        ]
        if "threshold" in told
        else []
    )
    return f"<p>{escape(told['explanation'])}</p>{table(shares)}"


def _frequent_table(report: MiningReport) -> str:
    most = report.frequent["most"]
    rows = [(example["text"][:120], f"{example['count']:,} times") for example in most]
    return table([("distinct documents", f"{report.frequent['distinct']:,}"), *rows])
