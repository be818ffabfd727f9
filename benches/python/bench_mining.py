"""Exact mining beside sentence-transformers with faiss: the same negatives first, then the times of both.

    python benches/python/bench_mining.py --rows 50000 --dim 384 --negatives 5 50

Data: clustered unit vectors, one centre for 50 rows, document = centre + 0.7 noise, query = document + 0.6
noise. A model that looks embeddings up stands for the encoder on both sides, so what is timed is everything
but the embedding: pairs in, rows of text out. The share of the peak is that of the search alone, of float32
multiply-adds in registers measured right before it.
"""

import argparse
import logging
import os
import time

import numpy as np


def clustered(rows, dim, seed=0):
    """Queries and documents, unit float32; document i answers query i."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(max(1, rows // 50), dim)).astype(np.float32)

    def noisy(base, noise):
        values = base + noise * generator.standard_normal(size=(rows, dim), dtype=np.float32)
        return values / np.linalg.norm(values, axis=1, keepdims=True)

    documents = noisy(centres[np.arange(rows) % len(centres)], 0.7)
    return noisy(documents * np.float32(np.sqrt(dim)), 0.6), documents


class Lookup:
    """A model that has embedded everything already."""

    def __init__(self, queries, documents):
        import torch

        self.device = torch.device("cpu")
        self.queries, self.documents = queries, documents

    def encode_query(self, texts, **_):
        assert len(texts) == len(self.queries)
        return self.queries

    def encode_document(self, texts, **_):
        assert len(texts) == len(self.documents)
        return self.documents

    def get_embedding_dimension(self):
        return self.queries.shape[1]

    def similarity_pairwise(self, left, right):
        import torch

        return (torch.as_tensor(left) * torch.as_tensor(right)).sum(dim=1)


def timed(work):
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def peak(threads, rounds=20_000_000):
    """Float32 operations a second, in registers."""
    from foolsgold import _core

    operations, seconds = timed(lambda: _core.multiply_add_peak(rounds, threads=threads))
    return operations / seconds


def check(found, queries, documents, sample):
    """Each sampled query's negatives are those of a full float64 sort."""
    wide, norms = documents.astype(np.float64), np.linalg.norm(documents.astype(np.float64), axis=1)
    for query in sample:
        vector = queries[query].astype(np.float64)
        scores = (wide @ vector / (norms * np.linalg.norm(vector))).astype(np.float32)
        scores[query] = -np.inf
        expected = np.lexsort((np.arange(len(scores)), -scores))[: found.ids.shape[1]]
        wrong = found.ids[query] != expected
        # numpy adds in another order: a float32 score may differ in its last bit, and two such may swap.
        assert np.abs(scores[found.ids[query]] - scores[expected])[wrong].max(initial=0.0) < 1e-7, query
        assert np.abs(found.scores[query] - scores[found.ids[query]]).max() < 1e-7, query


def bench(dataset, queries, documents, negatives, options):
    import faiss
    from sentence_transformers.util import mine_hard_negatives as peers

    import foolsgold as fg

    model, positives = Lookup(queries, documents), np.arange(len(queries))
    common = {"num_negatives": negatives, "output_format": options.format, "verbose": False}
    operations = 2.0 * queries.size * len(documents)

    def search():
        return fg.mine(
            queries, documents, positives=positives, num_negatives=negatives, threads=options.threads
        )

    def faiss_search():
        index = faiss.IndexFlatIP(queries.shape[1])
        index.add(documents)
        return index.search(queries, negatives + 1)

    check(search(), queries, documents, np.random.default_rng(1).choice(len(queries), options.sample))
    print(f"\n{negatives} negatives: {options.sample} queries equal float64 brute force", flush=True)
    ours, theirs, searches, rates = [], [], [], []
    for run in range(options.runs):
        rates.append(peak(options.threads))
        searches.append(timed(search)[1])
        mined, seconds = timed(
            lambda: fg.mine_hard_negatives(dataset, model, threads=options.threads, **common)
        )
        ours.append(seconds)
        line = f"run {run}: ours {seconds:.2f} s, search {searches[-1]:.2f} s"
        line += f" ({operations / searches[-1] / 1e9:.0f} GF/s, peak {rates[-1] / 1e9:.0f})"
        if not options.ours:
            faiss_seconds = timed(faiss_search)[1]
            expected, seconds = timed(lambda: peers(dataset, model, use_faiss=True, **common))
            theirs.append(seconds)
            same = np.mean([np.array(mined[name]) == np.array(expected[name]) for name in mined.column_names])
            line += f"; peer {seconds:.2f} s, faiss search {faiss_seconds:.2f} s; equal cells {same:.4%}"
        print(line, flush=True)
    # The machine may be slow while its peak is measured: the best search beside the best peak.
    share = operations / min(searches) / max(rates)
    print(f"best: ours {min(ours):.2f} s, search {min(searches):.2f} s, share of peak {share:.0%}")
    if theirs:
        ratios = sorted(peer / our for peer, our in zip(theirs, ours, strict=True))
        best, median = min(theirs) / min(ours), np.median(ratios)
        print(f"peer {min(theirs):.2f} s; ratio of the best {best:.2f}, median ratio {median:.2f}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--negatives", type=int, nargs="+", default=[5, 50])
    parser.add_argument("--format", choices=["triplet", "n-tuple"], default="n-tuple")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--ours", action="store_true", help="leave the peer out")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)

    from datasets import Dataset

    from foolsgold import _core

    queries, documents = clustered(options.rows, options.dim)
    names = [f"{role}{row}" for role in "qd" for row in range(options.rows)]
    dataset = Dataset.from_dict({"anchor": names[: options.rows], "positive": names[options.rows :]})
    print(
        f"{options.rows} x {options.rows} x {options.dim}, {options.threads} threads, {_core.cpu_features()}"
    )
    for negatives in options.negatives:
        bench(dataset, queries, documents, negatives, options)


if __name__ == "__main__":
    main()
