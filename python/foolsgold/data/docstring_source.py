"""One Python source file to pairs: a docstring's first sentence, and what is left of it under its name."""

from __future__ import annotations

import ast
import gc
import importlib.util
import inspect
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FILE_BYTES = 2_000_000
"""Larger sources are generated tables; they count as unreadable."""

MAX_BYTES_PER_QUOTE = 2_000
"""A file with fewer triple quotes is not parsed: a quarter of the time, for a twelfth of the pairs."""

MIN_QUERY_WORDS, MAX_QUERY_CHARACTERS = 3, 300
MIN_REST_WORDS, MAX_REST_CHARACTERS = 5, 2000

_WORD = re.compile(r"[^\W\d_]{2,}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# A summary ends with its paragraph, or where fields, a doctest, a list or a section begin.
_SUMMARY_END = re.compile(r"\n\s*(?:\n|[:@]\w|>>>|[-*+] |\.\. |-{3,}|={3,}|[A-Z]\w+:\s*\n)")
# "e.g. a list" goes on: a sentence ends before anything but a lower-case letter.
_SENTENCE_END = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bcf)[.!?](?=\s+[^a-z\s]|\s*$)")

_Function = (ast.FunctionDef, ast.AsyncFunctionDef)
_Documented: TypeAlias = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
# Where a summary should be, the first of a list of parameters: "dim (`int`, *optional*): The size".
_PARAMETER = re.compile(r"\w+ ?(?:\(.*\).*?)?:")


class Pair(NamedTuple):
    """A first sentence, the qualified name with its signature, and the rest of the docstring."""

    query: str
    title: str
    rest: str


def read_files(files: list[tuple[str, str]]) -> list[list[Pair] | None]:
    """Pairs of each (path, module name); None for a file that cannot be read or parsed, or is too large."""
    collecting = gc.isenabled()
    gc.disable()  # a syntax tree has no cycles, and looking for them costs a fifth of the time
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in other people's sources
            return [_read_file(Path(path), module) for path, module in files]
    finally:
        if collecting:
            gc.enable()


def _read_file(path: Path, module: str) -> list[Pair] | None:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return None
        source = path.read_bytes()
        if len(source) > MAX_BYTES_PER_QUOTE * (source.count(b'"""') + source.count(b"'''")):
            return []
        return pairs_from_source(importlib.util.decode_source(source), module)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def pairs_from_source(source: str, module: str) -> list[Pair]:
    """Pairs of the module, its classes, methods and functions, in the order of the source.

    Left out are functions inside functions, and docstrings whose first sentence has fewer than three words or
    more than 300 characters or is about a parameter, or whose rest has fewer than five words or repeats the
    first sentence. A rest is cut after 2,000 characters.

    Raises:
        SyntaxError: If `source` is not Python of this interpreter's version.
    """
    found = (_pair(node, name) for node, name in _documented(ast.parse(source), module))
    return [pair for pair in found if pair is not None]


def _documented(tree: ast.Module, module: str) -> Iterator[tuple[_Documented, str]]:
    """Nodes that may hold a docstring, with their qualified names; by a stack, so no nesting is too deep."""
    stack: list[tuple[ast.AST, str]] = [(tree, module)]
    while stack:
        node, scope = stack.pop()
        if isinstance(node, (ast.ClassDef, *_Function)):
            scope = f"{scope}.{node.name}"
        if isinstance(node, _Documented):
            yield node, scope
        if not isinstance(node, _Function):
            blocks = (getattr(node, field, ()) for field in ("body", "handlers", "orelse", "finalbody"))
            inner = [child for block in blocks if isinstance(block, list) for child in block]
            stack.extend((child, scope) for child in reversed(inner))


def _pair(node: _Documented, name: str) -> Pair | None:
    docstring = ast.get_docstring(node, clean=False)
    if docstring is None or _SURROGATE.search(docstring):
        return None
    query, rest = _first_sentence(inspect.cleandoc(docstring))
    if len(_WORD.findall(query)) < MIN_QUERY_WORDS or len(query) > MAX_QUERY_CHARACTERS:
        return None
    if _PARAMETER.match(query):
        return None
    if len(_WORD.findall(rest)) < MIN_REST_WORDS or query.lower() in " ".join(rest.lower().split()):
        return None
    return Pair(query, name + _signature(node), rest[:MAX_REST_CHARACTERS])


def _first_sentence(docstring: str) -> tuple[str, str]:
    """The first sentence on one line, and what follows it."""
    summary = _SUMMARY_END.search(docstring)
    paragraph = docstring[: summary.start()] if summary else docstring
    sentence = _SENTENCE_END.search(paragraph)
    end = sentence.end() if sentence else len(paragraph)
    return " ".join(docstring[:end].split()), docstring[end:].strip()


def _signature(node: _Documented) -> str:
    if isinstance(node, ast.Module):
        return ""
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        return f"({bases})" if bases else ""
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(node.args)}){returns}"
