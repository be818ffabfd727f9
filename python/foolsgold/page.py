"""The parts of a page that tells what was done, whole in one file: no script, no picture beside it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 720px; margin: 2em auto; padding: 0 1em; color: #222 }
h1 { font-size: 1.5em } h2 { font-size: 1.1em; margin-top: 2em }
table { border-collapse: collapse } td, th { padding: 2px 12px 2px 0; text-align: right }
td:first-child, th:first-child { text-align: left } tr.best { font-weight: 600 }
svg { width: 100%; font: 11px system-ui, sans-serif; fill: #555 }
blockquote { margin: .4em 0 1em; padding-left: 1em; border-left: 3px solid #ccc; white-space: pre-wrap }
"""
_MAX_CHARACTERS = 400


def page(title: str, introduction: str, sections: Iterable[tuple[str, str]]) -> str:
    """Return the page as HTML.

    Args:
        title: A text.
        introduction: A text, below the title.
        sections: A heading (a text) and what stands below it (HTML), one after another; an empty one is left
            out.
    """
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        f"<title>foolsgold: {escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1><p>{escape(introduction)}</p>",
        *(f"<h2>{escape(heading)}</h2>{inner}" for heading, inner in sections if inner),
        "</body></html>",
    ]
    return "\n".join(parts)


def table(rows: Iterable[Sequence[str]], *, head: Sequence[str] = (), best: int | None = None) -> str:
    """Return a table of texts.

    Args:
        rows: Cells, the first one a name.
        head: Names of the columns; none for no such line.
        best: The row to stand out.
    """
    lines = [_row_line("td", cells, is_best=place == best) for place, cells in enumerate(rows)]
    return f"<table>{_row_line('th', head) if head else ''}{''.join(lines)}</table>" if lines else ""


def _row_line(tag: str, cells: Sequence[str], *, is_best: bool = False) -> str:
    """Return one line of a table."""
    inner = "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells)
    return f"<tr{' class=best' if is_best else ''}>{inner}</tr>"


def quotation(heading: str, note: str, text: str) -> str:
    """Return a text, cut if it is long, below what it belongs to."""
    shown = text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]} ..."
    return f"<p><b>{escape(heading)}</b> ({escape(note)})</p><blockquote>{escape(shown)}</blockquote>"
