"""Small pictures as SVG text, for a page that needs no other file."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

_WIDTH, _HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 12, 34
_COLOURS = ("#b8860b", "#2f6690", "#7a7a7a", "#9c3848")


def line_chart(lines: Mapping[str, Sequence[tuple[float, float]]], *, x_label: str, y_label: str) -> str:
    """Draw each named line through its `(x, y)` points."""
    points = np.array([point for line in lines.values() for point in line], dtype=float).reshape(-1, 2)
    if not len(points):
        return ""
    axes = _Axes(points.min(axis=0), points.max(axis=0))
    parts = [axes.frame(x_label, y_label)]
    for number, (name, line) in enumerate(lines.items()):
        path = " ".join(axes.place(x, y) for x, y in line)
        colour = _COLOURS[number % len(_COLOURS)]
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        parts.append(_legend(number, name, colour))
    return _svg(parts)


def histograms(values: Mapping[str, ArrayLike], *, x_label: str, num_bins: int = 48) -> str:
    """Draw the shares of each named set of values, one over the other."""
    arrays = {name: np.asarray(array, dtype=float).ravel() for name, array in values.items()}
    arrays = {name: array[np.isfinite(array)] for name, array in arrays.items()}
    arrays = {name: array for name, array in arrays.items() if len(array)}
    if not arrays:
        return ""
    low, high = (edge(np.concatenate(list(arrays.values()))) for edge in (np.min, np.max))
    edges = np.linspace(low, high if high > low else low + 1, num_bins + 1)
    shares = {name: np.histogram(array, edges)[0] / len(array) for name, array in arrays.items()}
    highest = max(share.max() for share in shares.values())
    axes = _Axes(np.array([edges[0], 0.0]), np.array([edges[-1], highest]))
    parts = [axes.frame(x_label, "share")]
    for number, (name, share) in enumerate(shares.items()):
        steps = np.repeat(edges, 2)[1:-1], np.repeat(share, 2)
        path = " ".join(axes.place(x, y) for x, y in zip(*steps, strict=True))
        ground = f"{axes.place(edges[0], 0)} {path} {axes.place(edges[-1], 0)}"
        colour = _COLOURS[number % len(_COLOURS)]
        parts.append(f'<polygon points="{ground}" fill="{colour}" fill-opacity="0.35" stroke="{colour}"/>')
        parts.append(_legend(number, name, colour))
    return _svg(parts)


class _Axes:
    """Where a value stands on the picture."""

    def __init__(self, low: np.ndarray, high: np.ndarray) -> None:
        self.low, self.span = low, np.where(high > low, high - low, 1.0)
        self.high = self.low + self.span

    def place(self, x: float, y: float) -> str:
        across, up = (np.array([x, y]) - self.low) / self.span
        left = _LEFT + across * (_WIDTH - _LEFT - _RIGHT)
        top = _TOP + (1 - up) * (_HEIGHT - _TOP - _BOTTOM)
        return f"{left:.1f},{top:.1f}"

    def frame(self, x_label: str, y_label: str) -> str:
        right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
        ends = (
            (_LEFT, bottom + 14, "middle", f"{self.low[0]:.4g}"),
            (right, bottom + 14, "end", f"{self.high[0]:.4g}"),
            ((_LEFT + right) / 2, bottom + 28, "middle", x_label),
            (_LEFT - 4, bottom, "end", f"{self.low[1]:.3g}"),
            (_LEFT - 4, _TOP + 10, "end", f"{self.high[1]:.3g}"),
            (_LEFT - 4, (_TOP + bottom) / 2, "end", y_label),
        )
        texts = "".join(
            f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
            for x, y, anchor, text in ends
        )
        return f'<path d="M{_LEFT},{_TOP} V{bottom} H{right}" fill="none" stroke="#999"/>{texts}'


def _legend(number: int, name: str, colour: str) -> str:
    top = _TOP + 12 + 15 * number
    return f'<text x="{_WIDTH - _RIGHT}" y="{top}" text-anchor="end" fill="{colour}">{escape(name)}</text>'


def _svg(parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{"".join(parts)}</svg>'
