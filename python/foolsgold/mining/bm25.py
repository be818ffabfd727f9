"""BM25: the documents that share rare words with a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foolsgold import _core
from foolsgold.integers import MAX_INT64, integer
from foolsgold.mining.candidates import Candidates
from foolsgold.mining.exclusions import as_exclusions
from foolsgold.progress import progress_bar
from foolsgold.reals import real
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from foolsgold.mining.exclusions import Exclusion


class BM25:
    r"""An index of documents that finds those that share rare words with a query.

    The usual lexical baseline, and a source of hard negatives that no model had a say in. The answer is exact
    and the same for any number of threads.

    Math:
        $$ s(q, d) = \sum_{t \in q} \ln\left(1 + \frac{N - n_t + 0.5}{n_t + 0.5}\right)
           \frac{f_{t,d}}{f_{t,d} + k_1 (1 - b + b |d| / \overline{|d|})} $$

        with the term $t$ in $n_t$ of $N$ documents and $f_{t,d}$ times in $d$, of length $|d|$ in terms; a
        term that a query repeats counts each time. A term's weight in a document is rounded to float32;
        weights are added in float64, in the order in which the query has its terms, and the sum is rounded to
        float32. The constant factor $k_1 + 1$ that some write is left out: it changes no rank.

    Terms are the longest runs of letters and digits (Unicode's Alphabetic or a number) of a text in Unicode
    NFKC with case folded: `torch.nn_Module` has the terms `torch`, `nn` and `module`. There is no stemming
    and no list of stop words, and scripts without spaces are not cut into words.

    Args:
        corpus: D texts: a list of `str`, or an Arrow column (anything with `__arrow_c_array__` or
            `__arrow_c_stream__`).
        k1: at least 0; the greater, the more a term's further occurrences count.
        b: in [0, 1]; the greater, the more long documents are discounted.
        threads: None for this process's share of the cores.

    Raises:
        TypeError: `corpus` holds something other than texts.
        ValueError: a text is null (its row is named), or a parameter is out of range.

    Example:
        >>> index = BM25(["gold is heavy", "fool's gold is iron", "a river"])
        >>> index.search(["is gold iron?"], top_k=3).ids
        array([[ 1,  0, -1]])

    Reference:
        Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond",
        https://doi.org/10.1561/1500000019, eq. 3.15; the idf, never negative, is Lucene's.
    """

    def __init__(
        self, corpus: Sequence[str] | Any, *, k1: float = 1.2, b: float = 0.75, threads: int | None = None
    ) -> None:
        self.threads = threads
        self._index = _core.Bm25.build(corpus, k1=real("k1", k1), b=real("b", b), threads=resolve(threads))

    def __len__(self) -> int:
        """Return D, the number of documents."""
        return len(self._index)

    def search(
        self,
        queries: Sequence[str] | Any,
        top_k: int,
        *,
        positives: Any = None,
        exclude: Any = None,
        classes: Mapping[str, tuple[Any, Any]] | None = None,
        progress: bool = False,
    ) -> Candidates:
        """Find the `top_k` best documents of each query; of equal scores the lower row comes first.

        A document that shares no term with the query is not found. One that the query excludes leaves its
        place to the next best, so that no query gets fewer for it.

        Args:
            queries: Q texts, as `corpus`.
            top_k: at least 1.
            positives: rows of the corpus never to be found, by query: (Q,) integers; (Q, P) integers padded
                with -1; Q lists; or a tuple of offsets (Q + 1,) and values.
            exclude: further rows, likewise.
            classes: by name a tuple of the documents' classes (D,) and the classes that each query excludes,
                in a form of `positives`; all of them from 0.
            progress: show a progress bar.

        Returns:
            `ids` (Q, top_k) and `scores` (Q, top_k), best first.

        Raises:
            TypeError: `queries` holds something other than texts.
            ValueError: a text is null (its row is named), `top_k` is less than 1, or an exclusion does not
                fit the queries or the documents.
        """
        top_k = integer("top_k", top_k, 1, MAX_INT64)
        exclusions: list[Exclusion] = []
        if any(given is not None for given in (positives, exclude, classes)):
            exclusions = as_exclusions(
                len(queries), len(self), positives=positives, exclude=exclude, classes=classes
            )
        with progress_bar("Search words", enabled=progress) as show:
            ids, scores = self._index.search(
                queries, exclusions, top_k, threads=resolve(self.threads), progress=show
            )
        report = {"num_queries": len(ids), "num_found": int((ids >= 0).sum())}
        return Candidates(ids=ids, scores=scores, report=report)
