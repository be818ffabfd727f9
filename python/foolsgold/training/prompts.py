"""Which prompts are put before the texts of which data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from foolsgold.data.columns import Columns

Prompts: TypeAlias = "str | dict[str, str] | None"
"""What the columns of one data set get: one prompt for all of them, or prompts by column name."""


def prompts_of(prompts: Any, dataset_name: str | None, names: Collection[str]) -> Prompts:
    """Return the prompts of one data set.

    Args:
        prompts: for every data set alike, or by name of the data set.
        dataset_name: of the data set; None where it has none.
        names: of the data sets of a run; none where there is one data set.

    Raises:
        ValueError: if some keys are names of data sets and others are not, or prompts of one data set are not
            texts.
    """
    if isinstance(prompts, dict) and any(key in names for key in prompts):
        unknown = [key for key in prompts if key not in names]
        if unknown:
            raise ValueError(f"`prompts` must be for data sets ({', '.join(names)}), got {unknown[0]!r} too")
        prompts = prompts.get(dataset_name)
    for key, prompt in prompts.items() if isinstance(prompts, dict) else ():
        if not isinstance(prompt, str):
            raise ValueError(f"`prompts` must be texts by column of a data set, got {prompt!r} for {key!r}")
    found: Prompts = prompts
    return found


def check_prompts(prompts: Any, names: Sequence[str | None], columns: Sequence[Columns]) -> None:
    """Raise ValueError if prompts are given for a column that no data set has, or for no data set.

    Args:
        prompts: as for `prompts_of`.
        names: of the data sets; None where they have none.
        columns: the roles of the columns of each.
    """
    known = [name for name in dict.fromkeys(names) if name is not None]
    is_by_name = isinstance(prompts, dict) and any(key in known for key in prompts)
    for name in dict.fromkeys(names):
        pairs = zip(names, columns, strict=True)
        texts = {text for own, roles in pairs if own == name or not is_by_name for text in roles.texts}
        found = prompts_of(prompts, name, known)
        for key in found if isinstance(found, dict) else ():
            if key not in texts:
                wanted = f"text columns ({', '.join(sorted(texts))})"
                raise ValueError(f"`prompts` must be for {wanted}, got {key!r}")
