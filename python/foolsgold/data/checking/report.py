"""What a check has found: findings with examples, the shape of the data, and what suits it."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foolsgold.data.checking.fixing import Source

Severity: TypeAlias = Literal["error", "warning", "notice"]

SCHEMA = 1
"""Version of the dictionary that `CheckReport.as_dict` gives; its keys do not change within one."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One place of a finding.

    Attributes:
        row: from 0, of the rows that could be read; None for a row that could not.
        file: where it is; None for data in memory.
        line: of a text file, in others the row, from 1; None for data in memory.
        column: its name; None for the row as a whole.
        excerpt: the beginning of what stands there, with what cannot be printed escaped.
    """

    row: int | None
    file: str | None
    line: int | None
    column: str | None
    excerpt: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was found.

    Attributes:
        rule: its name, which does not change.
        severity: `error` spoils training, `warning` is likely a mistake, `notice` is worth knowing.
        columns: where.
        count: how many.
        total: of how many.
        unit: of what: `rows`, `texts`, `values`, `classes`, `columns`.
        message: what it is, in words.
        remedy: what to do about it.
        is_mended: whether `CheckReport.fix` mends it.
        examples: the first places.
    """

    rule: str
    severity: Severity
    columns: tuple[str, ...]
    count: int
    total: int
    unit: str
    message: str
    remedy: str
    is_mended: bool
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A loss or a sampler, and why it suits the data or does not.

    Attributes:
        name: of the class.
        reason: in words, from the data.
    """

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """What `CheckReport.fix` has done.

    Attributes:
        rows_before: that could be read.
        rows_after: that were written.
        dropped: rows by the rule that dropped them.
        changed: cells by the rule that changed them.
    """

    rows_before: int
    rows_after: int
    dropped: dict[str, int]
    changed: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """What `check` has found; shown by `print`.

    Attributes:
        rows: that could be read.
        files: that were read; none for data in memory.
        shape: `pair`, `triplet`, `n-tuple`, `labeled-pair`, `scored-pair`, `labeled-list`, `ragged`, `class`,
            `class-pair`, `graded`, `texts`, `beir`, or `unknown`.
        roles: the columns of each role.
        columns: for each column its name, kind, nulls and, of texts, distinct ones and their characters.
        findings: errors first.
        losses: that suit the shape.
        samplers: that suit the data.
        unsuitable: losses and samplers that one might take, and why not.
        compared: with test data: of `anchors`, of whole `rows` and of `documents`, which column of the data
            with which of the test data. What has no columns that go together was not compared.
    """

    rows: int
    files: tuple[str, ...]
    shape: str
    roles: dict[str, list[str]]
    columns: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...]
    losses: tuple[Advice, ...]
    samplers: tuple[Advice, ...]
    unsuitable: tuple[Advice, ...]
    compared: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    _source: Source | None = field(default=None, repr=False, compare=False)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What spoils training."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What is likely a mistake."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    @property
    def is_clean(self) -> bool:
        """Whether nothing spoils training."""
        return not self.errors

    def __getitem__(self, rule: str) -> tuple[Finding, ...]:
        """Return the findings of one rule."""
        return tuple(finding for finding in self.findings if finding.rule == rule)

    def as_dict(self) -> dict[str, Any]:
        """Return all as what JSON can hold; `schema` numbers the form."""
        return {
            "schema": SCHEMA,
            "rows": self.rows,
            "files": list(self.files),
            "shape": self.shape,
            "roles": self.roles,
            "columns": list(self.columns),
            "is_clean": self.is_clean,
            "findings": [asdict(finding) for finding in self.findings],
            "losses": [asdict(advice) for advice in self.losses],
            "samplers": [asdict(advice) for advice in self.samplers],
            "unsuitable": [asdict(advice) for advice in self.unsuitable],
            "compared": {what: [list(pair) for pair in pairs] for what, pairs in self.compared.items()},
        }

    def fix(
        self,
        output: str | os.PathLike[str],
        *,
        changes: str | os.PathLike[str] | None = None,
        trim: bool = False,
    ) -> Fixed:
        """Write a clean copy, and a list of what is changed in it.

        Dropped are rows with a null, blank or wrongly typed cell, rows that broke their format, exact
        duplicates (in texts, label and weight) but the first, rows whose texts are in the test data, rows
        whose lists do not fit together, and rows with a known positive in a column of single negatives.
        From lists, nulls, blanks and known positives are taken out, with their scores. A text where a list
        belongs becomes a list of one. Everything else stays as it is, bit for bit.

        Of a BEIR folder judgments are dropped, of the split that was looked at; its texts, those without a
        judgment too, and its other splits are copied byte by byte.

        Args:
            output: as in `foolsgold.data.writing.write`; none of the files that were read. Of a BEIR folder a
                new folder, or an empty one.
            changes: a JSON Lines file, in a folder that is there, with a row for each change: `rule`,
                `action`, `file`, `line`, `row`, `column`, `before`, `after`.
            trim: also cut white space and byte order marks from the ends of texts; not of a BEIR folder.

        Raises:
            ValueError: if nothing would be left, `output` or `changes` is what was read, or cannot hold the
                columns, `changes` ends as another kind of file, or something stands where a folder is to be.
            OSError: if it cannot be written.
        """
        from foolsgold.data.checking.fixing import fix

        if self._source is None:
            raise ValueError(f"`output` must be of a report that `check` gave, got {os.fspath(output)}")
        return fix(self._source, output, changes=changes, trim=trim)

    def __str__(self) -> str:
        lines = [f"rows   {self.rows:,}", f"shape  {self.shape}"]
        for finding in self.findings:
            columns = ", ".join(f"`{name}`" for name in finding.columns)
            share = f"{finding.count:,} of {finding.total:,} {finding.unit}"
            lines.append(f"{finding.severity}: {finding.rule}: {columns + ': ' if columns else ''}{share}")
            lines.append(f"  {finding.message}\n  hint: {finding.remedy}")
            lines += [f"  {place_of(example)}: {example.excerpt}" for example in finding.examples[:3]]
        lines += [f"take {advice.name}: {advice.reason}" for advice in (*self.losses, *self.samplers)]
        lines += [f"not {advice.name}: {advice.reason}" for advice in self.unsuitable]
        return "\n".join([*lines, *self.told_comparisons()])

    def told_comparisons(self) -> list[str]:
        """Return for anchors, rows and documents which columns were compared with the test data's."""
        return [
            f"compared {what}: " + ", ".join(f"`{one}` with `{two}` of the test data" for one, two in pairs)
            for what, pairs in self.compared.items()
        ]


def place_of(example: Example) -> str:
    """Return file, row and column of an example in words."""
    row = f"row {example.row}" if example.line is None else f"row {example.line}"
    column = None if example.column is None else f"column `{example.column}`"
    file = example.file
    return ", ".join(part for part in (file, row if row != "row None" else None, column) if part)
