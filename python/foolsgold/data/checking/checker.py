"""The check: data in, a report out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.data.checking.advice import advise
from foolsgold.data.checking.beir import load_beir, load_beir_test
from foolsgold.data.checking.cells import Examined, NearOptions
from foolsgold.data.checking.characters import check_characters, check_tokens, lengths_of
from foolsgold.data.checking.dataset import DataSet
from foolsgold.data.checking.labels import check_labels
from foolsgold.data.checking.leaks import check_leaks
from foolsgold.data.checking.loading import is_paths, load
from foolsgold.data.checking.repeats import check_repeats
from foolsgold.data.checking.report import CheckReport
from foolsgold.data.checking.roles import Given, roles_of, shape_of, with_empty_texts
from foolsgold.data.checking.structure import check_structure
from foolsgold.data.files import listed
from foolsgold.integers import MAX_UINT64, integer
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from foolsgold.data.checking.loading import Loaded

_NEAR = 0.8
_ORDER = {"error": 0, "warning": 1, "notice": 2}


def check(
    data: Any,
    *,
    anchor: str | None = None,
    positives: str | Sequence[str] | None = None,
    negatives: str | Sequence[str] | None = None,
    label: str | None = None,
    test: Any = None,
    near_duplicates: float | None = _NEAR,
    within: bool = False,
    tokenizer: Callable[[list[str]], Mapping[str, Any]] | None = None,
    max_length: int = 512,
    max_examples: int = 5,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
) -> CheckReport:
    r"""Look at a data set before it is trained on: what is wrong, where, and what suits it.

    What the columns are is found by their names, as `foolsgold.data.read_pairs` finds them (`anchor`,
    `query`, `positive`, `pos`, `negative_1`, `neg`, `label`, `score` and more), or told. Files are read past
    rows that break their format. Every finding has a count, the first places, a severity and a remedy:

    - **columns**: values of several kinds, texts where lists belong and lists where texts belong,
      identifiers, columns that a loss would take for a text, an order that it would misread;
    - **cells**: nulls, blank texts, empty lists, labels that are not as many as texts; control characters,
      U+FFFD, misread encodings, HTML, white space at the ends; very long texts and texts of one character;
    - **rows**: duplicates, twins (equal but for case, white space and Unicode form), an anchor among its own
      positives or negatives, a positive among the negatives of its anchor in any row, the same texts with
      different labels;
    - **labels**: text, infinite or beyond the range, one class, classes of one row, imbalance;
    - **leaks**, with `test`: rows and anchors that both sets have, exactly, as twins or near-duplicates.
      Columns are compared with those of the same name, else of the same role; `report.compared` says which.

    Time is O(bytes), on ids; memory is the data, a copy of its texts in normal form while twins are found,
    and about 100 bytes a row.

    Args:
        data: paths of files of one schema as `foolsgold.data.stream` opens them, a BEIR folder, or a data set
            in memory (`datasets.Dataset`, Arrow table, mapping of columns, rows).
        anchor: the column of anchors.
        positives: the column of what belongs to them, or several.
        negatives: the column of what does not, or several.
        label: the column of labels or scores.
        test: data to measure by, none of which should be in `data`; of any kind that `data` may be. Of a BEIR
            folder its split `test`, or else another than `train`, or the only one.
        near_duplicates: the least similarity of anchors of both sets that are near-duplicates; None for not
            looking. See `foolsgold.data.near_duplicates_between`.
        within: look for near-duplicates among the texts of `data` as well.
        tokenizer: gives lists of `input_ids` for a list of texts, to count tokens with.
        max_length: tokens that the model takes.
        max_examples: places to tell of each finding; of rows that break their format a hundred at most.
        seed: of the search for near-duplicates, below 2^64.
        threads: by default a fair share of the cores; the report does not depend on it.
        progress: show progress bars.

    Returns:
        The report; `report.is_clean` where nothing spoils training, `report.fix(output)` for a clean copy.

    Raises:
        ValueError: if a file as a whole cannot be read, there are no rows, a role is none, or an option is
            out of range.
        TypeError: if `data` is of no known kind.
        OSError: if a file cannot be opened.

    Example:
        >>> rows = {"query": ["who?", "where?"], "pos": [["me"], ["here"]], "neg": ["you", "here"]}
        >>> report = check(rows)
        >>> report.shape, [finding.rule for finding in report.errors]
        ('ragged', ['text-for-list', 'positive-in-negatives'])
        >>> report["positive-in-negatives"][0].examples[0].excerpt
        'here'
    """
    max_examples = integer("max_examples", max_examples, 0)
    max_length = integer("max_length", max_length, 1)
    seed = integer("seed", seed, 0, MAX_UINT64)
    threads = resolve(threads)
    near = None if near_duplicates is None else _near_options(near_duplicates, seed)
    given = Given(anchor=anchor, positives=positives, negatives=negatives, label=label)
    has_folder = is_beir(data)
    if has_folder:
        loaded, beir_test = load_beir(listed(data)[0], threads=threads, progress=progress)
        tests = [beir_test] if test is None and beir_test is not None else []
    else:
        loaded, tests = load(data, threads=threads, progress=progress), []
    if test is not None:
        load_test = load_beir_test if is_beir(test) else load
        tests = [load_test(test, threads=threads, progress=progress)]
    shape = "beir" if has_folder else None
    found = examined(
        loaded, tests, given, shape=shape, max_examples=max_examples, threads=threads, progress=progress
    )
    if len(found) > 1:
        check_leaks(found[0], found[1], near)
    if tokenizer is not None:
        check_tokens(found[0], tokenizer, max_length)
    if within:
        _check_within(found[0], near or _near_options(_NEAR, seed))
    from foolsgold.data.checking.fixing import Source

    kept = Source(data=found[0], loaded=loaded, tests=tests, given=given, near=near, threads=threads)
    return _report(found[0], kept)


def examined(
    loaded: Loaded,
    tests: list[Loaded],
    given: Given,
    *,
    shape: str | None = None,
    max_examples: int,
    threads: int,
    progress: bool = False,
) -> list[DataSet]:
    """Return the data with all findings that it has by itself, and the test data."""
    texts = Examined([loaded, *tests], threads=threads, progress=progress)
    found = []
    for number, (one, columns) in enumerate(zip([loaded, *tests], texts.columns, strict=True)):
        told = given if number == 0 or _has(columns, given) else Given()
        columns = with_empty_texts(columns, told)
        roles = roles_of(columns, told)
        named = shape if shape and number == 0 else shape_of(columns, roles)
        found.append(DataSet(one, texts, columns, roles, named, max_examples=max_examples))
    check_structure(found[0])
    check_repeats(found[0])
    check_labels(found[0])
    check_characters(found[0])
    return found


def _has(columns: Mapping[str, Any], given: Given) -> bool:
    return all(name in columns for names in given.named().values() for name in names)


def is_beir(data: Any) -> bool:
    """Return whether `data` is the path of a BEIR folder."""
    paths = listed(data) if is_paths(data) else []
    return len(paths) == 1 and os.path.isdir(paths[0]) and _core.is_beir(paths[0])  # noqa: PTH112


def _near_options(threshold: float, seed: int) -> NearOptions:
    if not 0 < threshold <= 1:
        raise ValueError(f"`near_duplicates` must be above 0 and at most 1, got {threshold}")
    return threshold, 5, 128, 1000, seed


def _check_within(data: DataSet, near: NearOptions) -> None:
    groups = data.examined.near_groups(near)
    is_here = np.zeros(len(groups), bool)
    for column in data.texts:
        is_here[column.values[~column.is_null_value]] = True
    sizes = np.bincount(groups[is_here], minlength=len(groups))
    for column in data.texts:
        if len(groups):
            values = (sizes[groups] > 1).take(column.values, mode="clip") & ~column.is_null_value
            data.add_values("near-duplicate", column, values)


def _report(data: DataSet, source: Any) -> CheckReport:
    losses, samplers, unsuitable = advise(data)
    return CheckReport(
        rows=data.num_rows,
        files=data.loaded.files,
        shape=data.shape,
        roles=data.roles.as_dict(),
        columns=tuple(_summary(data, name) for name in data.columns),
        findings=tuple(sorted(data.findings, key=lambda finding: _ORDER[finding.severity])),
        losses=losses,
        samplers=samplers,
        unsuitable=unsuitable,
        compared={what: tuple(pairs) for what, pairs in data.compared.items()},
        _source=source,
    )


def _summary(data: DataSet, name: str) -> dict[str, Any]:
    column = data.columns[name]
    found: dict[str, Any] = {
        "name": name,
        "kind": column.kind,
        "nulls": int(np.count_nonzero(column.is_null)),
    }
    if column.is_texts:
        there = ~column.is_null_value
        ids, lengths = column.values[there], lengths_of(data, column)[there]
        is_there = np.zeros(len(data.examined), bool)
        is_there[ids] = True
        found["texts"] = len(ids)
        found["distinct"] = int(np.count_nonzero(is_there))
        if len(ids):
            least, median, most = np.percentile(lengths, [0, 50, 100], method="lower").tolist()
            found["characters"] = {"min": int(least), "median": int(median), "max": int(most)}
    return found
