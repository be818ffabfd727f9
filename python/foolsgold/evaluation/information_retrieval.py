"""InformationRetrievalEvaluator: how well a model finds the relevant documents of a corpus."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from torch import Tensor

from foolsgold.evaluation.retrieval import RetrievalMetrics, retrieval_metrics
from foolsgold.evaluation.search import search_by
from foolsgold.mining.search import mine
from foolsgold.similarity import SimilarityFunction

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from foolsgold.models import SentenceTransformer

logger = logging.getLogger(__name__)

ScoreFunction: TypeAlias = Callable[[Tensor, Tensor], Tensor]


class InformationRetrievalEvaluator:
    """Embeds queries and a corpus, searches exactly, and measures what is found.

    The search is float32 and exact: by the miner for cosine and dot, chunk by chunk for any other similarity;
    no matrix of all queries and all documents is held. Equal scores among the documents found count as a
    random order (`retrieval_metrics`). Queries without relevant documents are left out; relevant documents
    that the corpus lacks count as not found.

    Args:
        queries: texts by query id.
        corpus: texts by document id.
        relevant_docs: ids of the relevant documents by query id.
        corpus_chunk_size: documents compared at once, where the similarity is neither cosine nor dot.
        mrr_at_k: cutoffs, each at least 1.
        ndcg_at_k: cutoffs; the primary metric is at the greatest.
        accuracy_at_k: cutoffs.
        precision_recall_at_k: cutoffs.
        map_at_k: cutoffs.
        show_progress_bar: while texts are embedded and searched.
        batch_size: of the encoder.
        name: put before the metrics' names and into the file's name.
        write_csv: append a row to a CSV file, where a folder is given.
        truncate_dim: leading dimensions of the embeddings that are kept; None for the model's choice.
        score_functions: similarities by name, (N, D) and (M, D) to (N, M), higher is closer; None for the
            model's.
        main_score_function: which of them the primary metric is of; None for the best one.
        query_prompt: put before each query.
        query_prompt_name: which of the model's prompts is put before each query; None for "query".
        corpus_prompt: put before each document.
        corpus_prompt_name: which of the model's prompts is put before each document; None for "document".

    Raises:
        ValueError: no query has a relevant document, the corpus is empty, or a cutoff is missing or less than
            1.

    Example:
        >>> relevant = {"q": {"d"}}
        >>> evaluator = InformationRetrievalEvaluator({"q": "a cat"}, {"d": "cats"}, relevant, name="pets")
        >>> evaluator.csv_file
        'Information-Retrieval_evaluation_pets_results.csv'
    """

    greater_is_better = True

    def __init__(
        self,
        queries: Mapping[str, str],
        corpus: Mapping[str, str],
        relevant_docs: Mapping[str, Collection[str]],
        corpus_chunk_size: int = 50000,
        mrr_at_k: Sequence[int] = (10,),
        ndcg_at_k: Sequence[int] = (10,),
        accuracy_at_k: Sequence[int] = (1, 3, 5, 10),
        precision_recall_at_k: Sequence[int] = (1, 3, 5, 10),
        map_at_k: Sequence[int] = (100,),
        show_progress_bar: bool = False,
        batch_size: int = 32,
        name: str = "",
        write_csv: bool = True,
        truncate_dim: int | None = None,
        score_functions: Mapping[str, ScoreFunction] | None = None,
        main_score_function: str | SimilarityFunction | None = None,
        query_prompt: str | None = None,
        query_prompt_name: str | None = None,
        corpus_prompt: str | None = None,
        corpus_prompt_name: str | None = None,
    ) -> None:
        if not ndcg_at_k:
            raise ValueError("`ndcg_at_k` must name a cutoff for the primary metric, got none")
        if corpus_chunk_size < 1:
            raise ValueError(f"`corpus_chunk_size` must be positive, got {corpus_chunk_size}")
        self.queries_ids = [query for query in queries if relevant_docs.get(query)]
        if not self.queries_ids:
            raise ValueError(f"`relevant_docs` must name documents for a query, got none for {len(queries)}")
        if not corpus:
            raise ValueError("`corpus` must hold a document, got none")
        self.queries = [queries[query] for query in self.queries_ids]
        self.corpus_ids, self.corpus = list(corpus), list(corpus.values())
        rows = {document: row for row, document in enumerate(self.corpus_ids)}
        self._relevant = [
            [rows.setdefault(document, len(rows)) for document in dict.fromkeys(relevant_docs[query])]
            for query in self.queries_ids
        ]
        self.corpus_chunk_size = corpus_chunk_size
        self.mrr_at_k, self.ndcg_at_k, self.map_at_k = mrr_at_k, ndcg_at_k, map_at_k
        self.accuracy_at_k, self.precision_recall_at_k = accuracy_at_k, precision_recall_at_k
        if min(self._cutoffs()) < 1:
            raise ValueError(f"cutoffs must be at least 1, got {min(self._cutoffs())}")
        self.show_progress_bar = show_progress_bar
        self.batch_size = batch_size
        self.name = name
        self.write_csv = write_csv
        self.truncate_dim = truncate_dim
        self.score_functions = score_functions
        self.main_score_function = main_score_function and SimilarityFunction(main_score_function)
        self.query_prompt, self.query_prompt_name = query_prompt, query_prompt_name
        self.corpus_prompt, self.corpus_prompt_name = corpus_prompt, corpus_prompt_name
        self.primary_metric: str | None = None
        self.csv_file = f"Information-Retrieval_evaluation{name and '_' + name}_results.csv"

    def __call__(
        self,
        model: SentenceTransformer,
        output_path: str | Path | None = None,
        epoch: float = -1,
        steps: int = -1,
    ) -> dict[str, float]:
        """Measure `model`.

        Args:
            model: anything with `encode_query`, `encode_document` and `similarity_fn_name`.
            output_path: the folder of the CSV file.
            epoch: first column of the CSV file; -1 outside training.
            steps: second column of the CSV file.

        Returns:
            The metrics by name: `{name}_{similarity}_{metric}@{k}`. `primary_metric` is the key of the main
            one.
        """
        embeddings = self._embed(model)
        functions: dict[str, ScoreFunction | None] = {**(self.score_functions or {})}
        if not functions:
            functions[SimilarityFunction(model.similarity_fn_name).value] = None
        results = {
            similarity: self._measure(*embeddings, similarity, function)
            for similarity, function in sorted(functions.items())
        }
        if output_path is not None and self.write_csv:
            self._append_row(Path(output_path), results, [epoch, steps])
        prefix = f"{self.name}_" if self.name else ""
        main = f"ndcg@{max(self.ndcg_at_k)}"
        best = max(results, key=lambda similarity: results[similarity][main])
        if self.main_score_function:
            best = self.main_score_function.value
        self.primary_metric = f"{prefix}{best}_{main}"
        metrics = {
            f"{prefix}{similarity}_{metric}": value
            for similarity, result in results.items()
            for metric, value in result.items()
        }
        logger.info("%s %.4f", self.primary_metric, metrics.get(self.primary_metric, float("nan")))
        return metrics

    def _cutoffs(self) -> list[int]:
        lists = (
            self.mrr_at_k,
            self.ndcg_at_k,
            self.accuracy_at_k,
            self.precision_recall_at_k,
            self.map_at_k,
        )
        return [k for at_k in lists for k in at_k]

    def _embed(self, model: SentenceTransformer) -> tuple[Tensor, Tensor]:
        options: dict[str, Any] = {
            "batch_size": self.batch_size,
            "show_progress_bar": self.show_progress_bar,
            "convert_to_tensor": True,
            "truncate_dim": self.truncate_dim,
        }
        queries = model.encode_query(
            self.queries, prompt_name=self.query_prompt_name, prompt=self.query_prompt, **options
        )
        corpus = model.encode_document(
            self.corpus, prompt_name=self.corpus_prompt_name, prompt=self.corpus_prompt, **options
        )
        return queries.float(), corpus.float()

    def _measure(
        self, queries: Tensor, corpus: Tensor, similarity: str, function: ScoreFunction | None
    ) -> RetrievalMetrics:
        """Search by `function`, or by the similarity of that name."""
        top_k = min(max(self._cutoffs()), len(corpus))
        ids: Any
        scores: Any
        if function is None and similarity in ("cosine", "dot"):
            found = mine(
                queries.cpu().numpy(),
                corpus.cpu().numpy(),
                num_negatives=top_k,
                similarity=cast("Literal['cosine', 'dot']", similarity),
                progress=self.show_progress_bar,
            )
            ids, scores = found.ids, found.scores
        else:
            function = function or SimilarityFunction.to_similarity_fn(similarity)
            ids, scores = search_by(function, queries, corpus, top_k, self.corpus_chunk_size)
        return retrieval_metrics(
            ids,
            scores,
            self._relevant,
            mrr_at_k=self.mrr_at_k,
            ndcg_at_k=self.ndcg_at_k,
            accuracy_at_k=self.accuracy_at_k,
            precision_at_k=self.precision_recall_at_k,
            recall_at_k=self.precision_recall_at_k,
            map_at_k=self.map_at_k,
        )

    def _append_row(self, folder: Path, results: Mapping[str, RetrievalMetrics], first: list[float]) -> None:
        """Append a row to the CSV file; a new file gets its head first."""
        columns = [
            *(("Accuracy", "accuracy", k) for k in self.accuracy_at_k),
            *(
                (title, title.lower(), k)
                for k in self.precision_recall_at_k
                for title in ("Precision", "Recall")
            ),
            *(("MRR", "mrr", k) for k in self.mrr_at_k),
            *(("NDCG", "ndcg", k) for k in self.ndcg_at_k),
            *(("MAP", "map", k) for k in self.map_at_k),
        ]
        head = [f"{similarity}-{title}@{k}" for similarity in results for title, _, k in columns]
        row = [result[f"{metric}@{k}"] for result in results.values() for _, metric, k in columns]
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.csv_file
        with path.open("a", encoding="utf-8") as file:
            if file.tell() == 0:
                file.write(",".join(["epoch", "steps", *head]) + "\n")
            file.write(",".join(map(str, [*first, *row])) + "\n")
