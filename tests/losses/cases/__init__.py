"""All cases of all losses; a family of losses has a file."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

FAMILIES = sorted(
    path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in ("__init__", "case")
)
CASES = [case for family in FAMILIES for case in import_module(f"tests.losses.cases.{family}").CASES]
