"""Triplets beside pytorch-metric-learning, and in the trainer of sentence-transformers."""

from __future__ import annotations

import warnings
from itertools import islice

import numpy as np
import pytest
import torch
from datasets import Dataset, Features, IterableDataset, Value

from foolsgold.data import triplets_from_distances, triplets_from_embeddings, triplets_from_labels

pytestmark = pytest.mark.parity

LABELS = torch.tensor([row * row % 7 for row in range(60)])


def as_set(columns):
    return {*zip(*(column.tolist() for column in columns), strict=True)}


def test_all_triplets_are_those_of_the_peer():
    from pytorch_metric_learning.utils.loss_and_miner_utils import get_all_triplets_indices

    assert as_set(triplets_from_labels(LABELS)[:].T) == as_set(get_all_triplets_indices(LABELS))


@pytest.mark.parametrize("kind", ["hard", "semihard", "easy", "all"])
def test_kinds_are_those_of_the_peers_miner(kind):
    from pytorch_metric_learning.distances import LpDistance
    from pytorch_metric_learning.miners import TripletMarginMiner

    embeddings = torch.randn(60, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    distance = LpDistance(normalize_embeddings=False)
    expected = TripletMarginMiner(0.5, kind, distance=distance)(embeddings, LABELS)
    ours = {"semihard": "semi-hard", "all": "violating"}.get(kind, kind)
    table = distance(embeddings).numpy()
    assert as_set(triplets_from_distances(table, LABELS, kind=ours, margin=0.5)[:].T) == as_set(expected)
    single = embeddings.float()
    found = triplets_from_embeddings(single, LABELS, kind=ours, margin=0.5, metric="euclidean")
    assert abs(found.count - len(expected[0])) <= len(expected[0]) // 1000 + 1  # float32 rows move a border


@pytest.mark.training
@pytest.mark.parametrize("is_stream", [False, True])
def test_rows_train_in_the_peers_trainer(tmp_path, tiny_bert_folder, is_stream):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
        from sentence_transformers import SentenceTransformerTrainingArguments as Arguments
        from sentence_transformers.sentence_transformer.losses import TripletLoss

        model = SentenceTransformer(str(tiny_bert_folder), device="cpu")
        triplets = triplets_from_labels(np.arange(12) % 3)
        texts = [f"text {row}" for row in range(12)]
        if is_stream:
            data = IterableDataset.from_generator(
                lambda: islice(triplets.stream(texts, seed=1), 24),
                features=Features({name: Value("string") for name in triplets.columns}),
            )
        else:
            data = Dataset.from_dict(triplets.rows(texts, num_rows=24, seed=1)[:])
        options = Arguments(
            output_dir=str(tmp_path), max_steps=4, per_device_train_batch_size=4, report_to="none",
            use_cpu=True, save_strategy="no", disable_tqdm=True,
        )  # fmt: skip
        loss = TripletLoss(model)
        trainer = SentenceTransformerTrainer(model=model, args=options, train_dataset=data, loss=loss)
        assert trainer.train().global_step == 4
