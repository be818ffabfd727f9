"""A data set under examination, and the findings so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.checking.report import Example, Finding
from foolsgold.data.checking.rules import RULES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.checking.cells import Cells, Examined
    from foolsgold.data.checking.loading import Loaded
    from foolsgold.data.checking.report import Severity
    from foolsgold.data.checking.roles import Roles
    from foolsgold.data.streaming import SkippedRow

_EXCERPT = 80


class DataSet:
    """Columns, roles and shape of a data set, and what is found in it.

    Args:
        loaded: where it comes from.
        examined: its texts, shared with those of the test data.
        columns: its cells.
        roles: of the columns.
        shape: that they make.
        max_examples: of a finding.

    Attributes:
        findings: so far.
        drops: rules, the column each was broken in (None for the row), and (rows,) the rows that broke it, of
            the rules that a clean copy mends by leaving rows out.
        cuts: for columns of lists, rules and (values,) the values that a clean copy leaves out.
        facts: what advice goes by.
        compared: with the test data: of anchors, whole rows and documents which column with which.
    """

    def __init__(
        self,
        loaded: Loaded,
        examined: Examined,
        columns: dict[str, Cells],
        roles: Roles,
        shape: str,
        *,
        max_examples: int,
    ) -> None:
        self.loaded, self.examined, self.columns = loaded, examined, columns
        self.roles, self.shape, self.max_examples = roles, shape, max_examples
        self.findings: list[Finding] = []
        self.drops: list[tuple[str, str | None, NDArray[np.bool_]]] = []
        self.cuts: dict[str, list[tuple[str, NDArray[np.bool_]]]] = {}
        self.facts: dict[str, float] = {}
        self.compared: dict[str, list[tuple[str, str]]] = {}

    @property
    def num_rows(self) -> int:
        """Rows that could be read."""
        return self.loaded.num_rows

    @property
    def texts(self) -> list[Cells]:
        """The columns of texts that play a part."""
        return [self.columns[name] for name in self.roles.texts]

    @property
    def label(self) -> Cells | None:
        """The column of labels or scores."""
        return None if self.roles.label is None else self.columns[self.roles.label]

    def of(self, names: tuple[str, ...]) -> list[Cells]:
        """Return the columns of these names."""
        return [self.columns[name] for name in names]

    def add_rows(self, rule: str, column: Cells | None, rows: NDArray[np.bool_], **said: Any) -> None:
        """Note the rows (rows,) that break a rule, in a column or as a whole; of none, nothing."""
        count = int(np.count_nonzero(rows))
        if count == 0:
            return
        found = [self._example(row, column, None) for row in _firsts(rows, self.max_examples)]
        self.add(rule, [] if column is None else [column], count, self.num_rows, "rows", found, **said)
        if RULES[rule].is_mended:
            self.drops.append((rule, None if column is None else column.name, rows))

    def add_values(self, rule: str, column: Cells, values: NDArray[np.bool_], **said: Any) -> None:
        """Note the values (values,) of a column that break a rule; nothing where there are none."""
        count = int(np.count_nonzero(values))
        if count == 0:
            return
        found = self.examples_of(column, values)
        unit = "texts" if column.is_texts else "values"
        self.add(rule, [column], count, len(values), unit, found, **said)
        if not RULES[rule].is_mended:
            return
        if column.is_list:
            self.cuts.setdefault(column.name, []).append((rule, values))
        else:
            self.drops.append((rule, column.name, values))

    def add(
        self,
        rule: str,
        columns: list[Cells],
        count: int,
        total: int,
        unit: str,
        examples: list[Example],
        *,
        severity: Severity | None = None,
        more: str = "",
    ) -> None:
        """Note a finding.

        Args:
            rule: that is broken.
            columns: where.
            count: how often.
            total: of how many.
            unit: of what.
            examples: the first.
            severity: where it is not the rule's own.
            more: is said after the rule's message.
        """
        law = RULES[rule]
        self.findings.append(
            Finding(
                rule=rule,
                severity=severity or law.severity,
                columns=tuple(column.name for column in columns),
                count=count,
                total=total,
                unit=unit,
                message=law.message + more,
                remedy=law.remedy,
                is_mended=law.is_mended,
                examples=tuple(examples),
            )
        )

    def add_column(self, rule: str, name: str, excerpt: str, **said: Any) -> None:
        """Note a column as a whole."""
        example = Example(row=None, file=None, line=None, column=name, excerpt=printable(excerpt))
        law = RULES[rule]
        self.findings.append(
            Finding(
                rule=rule,
                severity=said.get("severity", law.severity),
                columns=(name,),
                count=1,
                total=len(self.columns) + len(self.loaded.unreadable),
                unit="columns",
                message=law.message,
                remedy=law.remedy,
                is_mended=law.is_mended,
                examples=(example,),
            )
        )

    def place(self, row: int) -> tuple[str | None, int | None]:
        """Return file and line of a row, from 1."""
        return (None, None) if self.loaded.source is None else self.loaded.source(row)

    def cell(self, column: Cells, row: int) -> Any:
        """Return what stands in a row of a column."""
        if column.is_null[row]:
            return None
        if column.offsets is None:
            return self.value(column, row)
        return [self.value(column, at) for at in range(*column.offsets[row : row + 2].tolist())]

    def value(self, column: Cells, at: int) -> Any:
        """Return a value of a column."""
        if column.values is None or column.is_null_value[at]:
            return None
        value = column.values[at].item()
        return self.examined.text(value) if column.is_texts else value

    def examples_of(self, column: Cells, values: NDArray[np.bool_]) -> list[Example]:
        """Return the first of some values (values,) of a column."""
        places = _firsts(values, self.max_examples)
        return [self._example(int(column.rows[at]) if column.is_list else at, column, at) for at in places]

    def _example(self, row: int, column: Cells | None, at: int | None) -> Example:
        file, line = self.place(row)
        if column is None:
            cells = [self.cell(one, row) for one in (self.texts or list(self.columns.values()))[:2]]
            excerpt = " | ".join(map(printable, cells))
        else:
            excerpt = printable(self.cell(column, row) if at is None else self.value(column, at))
        return Example(
            row=row, file=file, line=line, column=None if column is None else column.name, excerpt=excerpt
        )

    def example_of_skipped(self, skipped: SkippedRow) -> Example:
        """Return a row that could not be read as an example; the excerpt says why."""
        said = skipped.reason.removeprefix(f"{skipped.file}, row {skipped.row}: ")
        return Example(row=None, file=skipped.file, line=skipped.row, column=None, excerpt=printable(said))


def printable(value: Any) -> str:
    r"""Return the beginning of a value with what cannot be printed escaped.

    Example:
        >>> printable("tab\tbed"), printable(None), printable(["a", "b"])
        ('tab\\tbed', 'null', "['a', 'b']")
    """
    if value is None:
        return "null"
    text = value[: _EXCERPT + 1] if isinstance(value, str) else str(value)
    return visible(text[:_EXCERPT]) + ("…" if len(text) > _EXCERPT else "")


def visible(text: str) -> str:
    r"""Return a text with what cannot be printed escaped.

    Example:
        >>> print(visible(chr(27) + "[31mred"))
        \x1b[31mred
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text
    )


def _firsts(mask: NDArray[np.bool_], most: int) -> list[int]:
    """Return the first places that are true."""
    found: list[int] = []
    for start in range(0, len(mask), 1 << 16):
        found += (np.flatnonzero(mask[start : start + (1 << 16)]) + start).tolist()
        if len(found) >= most:
            break
    return found[:most]
