"""Near-duplicate texts: pairs that share most of their shingles, within one set or between two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from foolsgold import _core
from foolsgold.data.store import TextStore
from foolsgold.data.stored_column import as_stored
from foolsgold.data.texts import Texts, columns_of
from foolsgold.integers import MAX_UINT64, integer
from foolsgold.progress import progress_bar
from foolsgold.reals import real
from foolsgold.threads import resolve

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_REPORT = (
    "distinct",
    "bands",
    "rows",
    "probability_at_threshold",
    "candidates",
    "large_buckets",
    "not_compared",
)


@dataclass(frozen=True)
class NearDuplicates:
    """The near-duplicates within one set of N texts.

    Attributes:
        left: rows (P,) uint32 of the pairs, ascending; the lower row of each.
        right: the other rows (P,), ascending where `left` is equal.
        jaccard: similarities (P,) float32.
        twins: the class (N,) uint32 of each text whose normal forms are equal, numbered in the order of first
            appearance. Only the first of a class is paired with other texts, each further one with that
            first, at 1.0; so a thousand copies make 999 pairs.
        groups: the class (N,) of each text where pairs link texts into classes, directly or through others;
            numbered likewise.
        report: `distinct` normal forms; `bands` and `rows` of a signature; `probability_at_threshold` of
            finding a pair there; `candidates` compared; `large_buckets` of more than `max_bucket` forms and
            the pairs `not_compared` in them, counted in every such bucket: 0 means that nothing was left out.
    """

    left: NDArray[np.uint32]
    right: NDArray[np.uint32]
    jaccard: NDArray[np.float32]
    twins: NDArray[np.uint32]
    groups: NDArray[np.uint32]
    report: dict[str, int | float]


@dataclass(frozen=True)
class SharedTexts:
    """The near-duplicates that two sets of texts share.

    Attributes:
        left: rows (P,) uint32 of the left set, ascending. Of texts of one set whose normal forms are equal,
            only the first is in a pair.
        right: rows (P,) of the right set, ascending where `left` is equal.
        jaccard: similarities (P,) float32, 1.0 for equal normal forms.
        in_left: which texts of the left set have a near-duplicate in the right one, all equal ones alike.
        in_right: which texts of the right set have one in the left.
        report: as of `NearDuplicates`.
    """

    left: NDArray[np.uint32]
    right: NDArray[np.uint32]
    jaccard: NDArray[np.float32]
    in_left: NDArray[np.bool_]
    in_right: NDArray[np.bool_]
    report: dict[str, int | float]


def near_duplicates(
    texts: Any,
    *,
    threshold: float = 0.8,
    shingle_size: int = 5,
    num_hashes: int = 128,
    max_bucket: int = 1000,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
) -> NearDuplicates:
    r"""Find the pairs of texts that share most of their shingles.

    A shingle is a run of characters of the normal form: Unicode NFKC, case folded, white space collapsed. A
    text shorter than a shingle is one shingle, so it is near to equal texts alone. MinHash finds candidates,
    whose shingles are then compared exactly. So every pair that is returned is one, and its similarity is
    exact (as far as 64-bit hashes tell shingles of more than 7 bytes apart); a few pairs near the threshold
    can be missed.

    Math:
        With S(x) the set of shingles of x, the similarity is Jaccard's

        $$ J(x, y) = |S(x) \cap S(y)| \; / \; |S(x) \cup S(y)| $$

        A pair is found with a probability of about $1 - (1 - J^r)^b$ for b bands of r hashes: by default
        0.998 at J = 0.8 and more than 0.999999 at 0.9. The bands are the longest for which it is at least
        0.99 at `threshold`, as far as `num_hashes` allow.

    Memory is a copy of the texts in normal form, 4 (b + 1) bytes for each different text (b is 21 by default)
    and 12 bytes a pair. The answer does not depend on the number of threads.

    Args:
        texts: a list of str, an Arrow column, or `Texts` or a `TextStore`, whose ids then stand for rows.
        threshold: the least similarity of a pair, above 0 and at most 1. Time and candidates grow fast below
            0.5.
        shingle_size: characters of a shingle. Fewer make unrelated short texts more alike.
        num_hashes: hashes in a text's signature, 1 to 256.
        max_bucket: in a band where more texts than this agree, only so many of them are compared with all;
            the rest are compared with these. It bounds the time that templates take, and the report says
            what was left out.
        seed: of the hashes, in [0, 2^64).
        threads: by default a fair share of the cores.
        progress: show a progress bar.

    Raises:
        ValueError: if an option is out of range, or at a null, naming its row.
        TypeError: where `texts` holds no texts.

    Reference:
        Broder, "On the resemblance and containment of documents", 1997. Leskovec, Rajaraman and Ullman,
        "Mining of Massive Datasets", chapter 3 (bands). Dahlgaard, Knudsen and Thorup, "Fast similarity
        sketching", 2017, https://arxiv.org/abs/1704.04370 (signatures).

    Example:
        >>> found = near_duplicates(
        ...     [
        ...         "How do I renew my passport after it has expired?",
        ...         "What is a passport?",
        ...         "how do I renew my  passport after it has expired",
        ...     ]
        ... )
        >>> found.left.tolist(), found.right.tolist(), found.jaccard > 0.95
        ([0], [2], array([ True]))
        >>> found.groups.tolist()
        [0, 1, 0]
    """
    options = _options(threshold, shingle_size, num_hashes, max_bucket, seed)
    with progress_bar("Find near-duplicates", enabled=progress) as show:
        if isinstance(texts, TextStore):
            texts = texts.texts(threads=threads)
        if isinstance(texts, Texts):
            found = texts._core.near_duplicates(options, threads=resolve(threads), progress=show)
        else:
            column = _column("texts", texts)
            found = _core.near_duplicates(column, options, threads=resolve(threads), progress=show)
    pairs, twins, groups, report = found
    return NearDuplicates(*pairs, twins, groups, dict(zip(_REPORT, report, strict=True)))


def near_duplicates_between(
    left: Any,
    right: Any,
    *,
    threshold: float = 0.8,
    shingle_size: int = 5,
    num_hashes: int = 128,
    max_bucket: int = 1000,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
) -> SharedTexts:
    """Find the texts of one set that are nearly in another one, as test data in training data.

    What is near, what may be missed, cost and errors are those of `near_duplicates`; in a bucket,
    `max_bucket` texts of each set are compared with all of the other.

    Args:
        left: a list of str or an Arrow column.
        right: likewise.
        threshold: as of `near_duplicates`.
        shingle_size: as of `near_duplicates`.
        num_hashes: as of `near_duplicates`.
        max_bucket: as of `near_duplicates`, for each set.
        seed: as of `near_duplicates`.
        threads: by default a fair share of the cores.
        progress: show a progress bar.

    Raises:
        ValueError: if an option is out of range, or at a null, naming its row.
        TypeError: where `left` or `right` holds no texts.

    Example:
        >>> train = ["A cat sleeps on the warm windowsill.", "Dogs bark."]
        >>> found = near_duplicates_between(train, ["Birds sing.", "a cat sleeps on the warm windowsill"])
        >>> found.left.tolist(), found.right.tolist(), found.in_right.tolist()
        ([0], [1], [False, True])
    """
    options = _options(threshold, shingle_size, num_hashes, max_bucket, seed)
    with progress_bar("Find near-duplicates", enabled=progress) as show:
        pairs, in_left, in_right, report = _core.near_duplicates_between(
            _column("left", left), _column("right", right), options, threads=resolve(threads), progress=show
        )
    return SharedTexts(*pairs, in_left, in_right, dict(zip(_REPORT, report, strict=True)))


def _column(name: str, texts: Any) -> Any:
    texts = as_stored(texts)
    if isinstance(texts, (str, bytes)) or not hasattr(texts, "__iter__"):
        wanted = f"`{name}` must be an Arrow column or a list of str"
        raise TypeError(f"{wanted}, got {type(texts).__name__}")
    return columns_of({name: texts})[name]


def _options(
    threshold: float, shingle_size: int, num_hashes: int, max_bucket: int, seed: int
) -> tuple[float, int, int, int, int]:
    return (
        real("threshold", threshold),
        integer("shingle_size", shingle_size, 1, MAX_UINT64),
        integer("num_hashes", num_hashes, 1, MAX_UINT64),
        integer("max_bucket", max_bucket, 1, MAX_UINT64),
        integer("seed", seed, 0, MAX_UINT64),
    )
