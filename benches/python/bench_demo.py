"""The main job on the docstrings installed here, seed by seed, and the peer's tools on the same rows.

    python benches/python/bench_demo.py --seeds 0 1 2 --peer

The corpus is read once and split by module; seeds decide initial weights and batches. The peer's recipe is a
plain one for such models: WordPiece of 30,000, 256 dimensions, three epochs in batches of 512 at a learning
rate of 0.2, then two at 0.05, without and with one mined negative (relative margin 0.05, first 50 ranks).
Both are measured by the same metrics over the same held-out queries.
"""

import argparse
import logging
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

STEPS = ("untrained", "in-batch", "control", "mined", "BM25")
METRIC = "ndcg@10"


def ours(corpus, seed, folder):
    from foolsgold.job.recipe import EmbeddedModel, StaticRecipe
    from foolsgold.job.run import run

    recipe = replace(StaticRecipe(), seed=seed)
    outcome = run(corpus, recipe, folder, model=EmbeddedModel(), with_control=True, progress=False)
    return {step: outcome.metrics[step][METRIC] for step in STEPS}


def peers(corpus, seed, folder):
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
    from sentence_transformers import SentenceTransformerTrainingArguments as Arguments
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from sentence_transformers.util import mine_hard_negatives
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import set_seed

    from foolsgold.job.stages import search

    set_seed(seed)
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=30_000, special_tokens=["[UNK]"], show_progress=False)
    texts = [text for name in ("anchor", "positive") for text in corpus.train[name][:]]
    tokenizer.train_from_iterator(texts, trainer)
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=256)], device="cpu")
    model.save(str(folder / "untrained"))

    def measure(model):
        return search(model, corpus.held_out, progress=False).metrics[METRIC]

    def train(start, rows, epochs, learning_rate):
        model = SentenceTransformer(str(folder / start), device="cpu")
        args = Arguments(
            output_dir=str(folder / "trainer"),
            num_train_epochs=epochs,
            per_device_train_batch_size=512,
            learning_rate=learning_rate,
            warmup_ratio=0.1,
            batch_sampler="no_duplicates",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=seed,
        )
        loss = MultipleNegativesRankingLoss(model)
        SentenceTransformerTrainer(model=model, args=args, train_dataset=rows, loss=loss).train()
        return model

    metrics = {"untrained": measure(model)}
    model = train("untrained", corpus.train, 3, 0.2)
    model.save(str(folder / "in-batch"))
    metrics["in-batch"] = measure(model)
    mined = mine_hard_negatives(
        corpus.train, model, num_negatives=1, relative_margin=0.05, range_max=50, verbose=False
    )
    metrics["control"] = measure(train("in-batch", corpus.train, 2, 0.05))
    metrics["mined"] = measure(train("in-batch", mined, 2, 0.05))
    return metrics


def show(name, found):
    steps = list(found[0])
    values = np.array([[metrics[step] for step in steps] for metrics in found])
    cells = (
        f"{step} {mean:.4f} +- {spread:.4f}"
        for step, mean, spread in zip(steps, *moments(values), strict=True)
    )
    print(f"{name}, {METRIC}, mean of {len(found)} seeds and deviation: {', '.join(cells)}")
    gains = values[:, steps.index("mined")] - values[:, steps.index("control")]
    print(f"{name}, mined - control by seed: {', '.join(f'{gain:+.4f}' for gain in gains)}", flush=True)


def moments(values):
    return values.mean(axis=0), values.std(axis=0, ddof=min(1, len(values) - 1))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--limit", type=int)
    parser.add_argument("--peer", action="store_true", help="the peer's tools too")
    options = parser.parse_args()
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)

    from foolsgold.job.corpus import corpus_from_docstrings

    began = time.monotonic()
    corpus = corpus_from_docstrings(limit=options.limit, progress=False)
    print(f"{corpus.counts}, read in {time.monotonic() - began:.1f} s", flush=True)
    for name, work in [("ours", ours), *([("peer", peers)] if options.peer else [])]:
        found = []
        for seed in options.seeds:
            with tempfile.TemporaryDirectory() as folder:
                began = time.monotonic()
                found.append(work(corpus, seed, Path(folder)))
                seconds = time.monotonic() - began
            line = ", ".join(f"{step} {value:.4f}" for step, value in found[-1].items())
            print(f"{name}, seed {seed}: {line}; {seconds:.1f} s", flush=True)
        show(name, found)


if __name__ == "__main__":
    main()
