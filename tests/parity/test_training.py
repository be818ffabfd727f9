"""Training here and in sentence-transformers: the same columns, the same steps, losses that run in both."""

from __future__ import annotations

import warnings

import pytest
import torch
import torch.nn.functional as F
from datasets import Dataset
from torch import nn
from torch.utils.data import BatchSampler

from foolsgold.data.columns import Columns
from foolsgold.losses import CosineSimilarityLoss, MultipleNegativesRankingLoss, TripletLoss
from foolsgold.models import SentenceTransformer
from foolsgold.training import SentenceTransformerTrainer, SentenceTransformerTrainingArguments

pytestmark = [pytest.mark.parity, pytest.mark.training]

NOUNS = ("cat", "dog", "bird", "fish", "gold", "iron", "stone", "river")


@pytest.fixture(scope="module")
def peer():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sentence_transformers
        from sentence_transformers.sentence_transformer import losses

    return sentence_transformers, losses


class FixedBatches(BatchSampler):
    """Called as the field's trainers call a `batch_sampler`; the same batches in both."""

    def __init__(self, dataset, batch_size, drop_last, valid_label_columns=None, generator=None, seed=0):
        super().__init__(range(len(dataset)), batch_size, drop_last)
        self.epoch = 0

    def __iter__(self):
        order = torch.randperm(
            len(self.sampler), generator=torch.Generator().manual_seed(self.epoch)
        ).tolist()
        for start in range(0, len(order), self.batch_size):
            yield order[start : start + self.batch_size]

    def set_epoch(self, epoch):
        self.epoch = epoch


class UsersLoss(nn.Module):
    """Written for the peer: `model` first, `forward(sentence_features, labels)`, named components."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, sentence_features, labels):
        embeddings = [self.model(column)["sentence_embedding"] for column in sentence_features]
        cosine = F.cosine_similarity(*embeddings[:2])
        return {
            "error": F.mse_loss(cosine, labels),
            "norm": 0.1 * sum(e.norm(dim=1).mean() for e in embeddings),
        }


def data(columns=("text", "text_2"), label=True):
    texts = {name: [f"the {NOUNS[(3 * i + k) % 8]} {i}" for i in range(12)] for k, name in enumerate(columns)}
    return Dataset.from_dict(texts | ({"label": [i % 5 / 4 for i in range(12)]} if label else {}))


def trained(package, folder, model_folder, make_loss, dataset, **options):
    """Train with one of the packages; return its logged losses and the encoder's weights."""
    if package is None:
        encoder, trainer = SentenceTransformer, SentenceTransformerTrainer
        arguments = SentenceTransformerTrainingArguments
    else:
        encoder, trainer = package.SentenceTransformer, package.SentenceTransformerTrainer
        arguments = package.SentenceTransformerTrainingArguments
    model = encoder(str(model_folder), device="cpu")
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    # The peer trains the pooler too, which nothing reads.
    args = arguments(
        output_dir=str(folder),
        per_device_train_batch_size=4,
        num_train_epochs=2,
        learning_rate=1e-2,
        weight_decay=0.1,
        logging_steps=1,
        save_strategy="no",
        batch_sampler=FixedBatches,
        use_cpu=True,
        disable_tqdm=True,
        dataloader_pin_memory=False,
        report_to="none",
        **options,
    )
    run = trainer(model=model, args=args, train_dataset=dataset, loss=make_loss(model))
    with warnings.catch_warnings():
        if package is not None:
            warnings.simplefilter("ignore")
        run.train()
    log = [
        {k: v for k, v in entry.items() if k in ("loss", "error", "norm")} for entry in run.state.log_history
    ]
    return [entry for entry in log if "loss" in entry], model


def assert_equal_runs(ours, peers, texts=("a cat in a river", "gold", "stone 7")):
    assert len(ours[0]) == len(peers[0]) == 6
    for mine, other in zip(ours[0], peers[0], strict=True):
        assert mine.keys() == other.keys()
        for name, value in mine.items():
            assert value == pytest.approx(other[name], rel=1e-4, abs=1e-4)
    first, second = (torch.from_numpy(model.encode(list(texts))) for _, model in (ours, peers))
    assert torch.allclose(first, second, atol=1e-4), (first - second).abs().max()


@pytest.mark.parametrize("accumulation", [1, 3])
def test_a_users_loss_trains_alike(peer, tmp_path, tiny_bert_folder, accumulation):
    options = {"prompts": {"text": "gold "}, "gradient_accumulation_steps": accumulation}
    runs = [trained(p, tmp_path, tiny_bert_folder, UsersLoss, data(), **options) for p in (None, peer[0])]
    if accumulation == 1:
        assert_equal_runs(*runs)
    else:
        first, second = (torch.from_numpy(model.encode(["a cat", "gold"])) for _, model in runs)
        assert torch.allclose(first, second, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "ours", "columns", "label"),
    [
        (
            "MultipleNegativesRankingLoss",
            MultipleNegativesRankingLoss,
            ("anchor", "positive", "negative"),
            False,
        ),
        ("CosineSimilarityLoss", CosineSimilarityLoss, ("text", "text_2"), True),
        ("TripletLoss", TripletLoss, ("anchor", "positive", "negative"), False),
    ],
)
def test_our_losses_train_alike_in_both_trainers(
    peer, tmp_path, tiny_bert_folder, name, ours, columns, label
):
    rows = data(columns, label)
    here = trained(None, tmp_path, tiny_bert_folder, ours, rows)
    there = trained(peer[0], tmp_path, tiny_bert_folder, ours, rows)
    original = trained(peer[0], tmp_path, tiny_bert_folder, getattr(peer[1], name), rows)
    assert_equal_runs(here, there)
    assert_equal_runs(here, original)


@pytest.mark.parametrize(
    "columns",
    [
        ["a", "b", "label"],
        ["score", "text", "text_2"],
        ["labels", "text", "score"],
        ["text", "doc_id", "scores"],
        ["sentence", "dataset"],
    ],
)
def test_columns_have_the_same_roles(peer, columns):
    from sentence_transformers.sentence_transformer.data_collator import SentenceTransformerDataCollator

    is_label = {"label", "labels", "score", "scores"} & set(columns)
    first = next((name for name in ("label", "labels", "score", "scores") if name in is_label), None)
    row = {name: 1.0 if name == first else name for name in columns}
    seen = []

    def preprocess(texts, prompt=None, task=None):
        seen.extend(texts)
        return {"input_ids": torch.zeros(1, 1)}

    batch = SentenceTransformerDataCollator(preprocess_fn=preprocess)([row])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        roles = Columns.from_row(row)
    assert list(roles.texts) == seen
    assert (roles.label is not None) == ("label" in batch)


def test_the_peer_loads_a_checkpoint(peer, tmp_path, tiny_bert_folder):
    model = SentenceTransformer(tiny_bert_folder, device="cpu")
    args = SentenceTransformerTrainingArguments(
        output_dir=str(tmp_path),
        max_steps=2,
        save_steps=2,
        batch_sampler=FixedBatches,
        use_cpu=True,
        disable_tqdm=True,
    )
    SentenceTransformerTrainer(model=model, args=args, train_dataset=data(), loss=UsersLoss(model)).train()
    loaded = peer[0].SentenceTransformer(str(tmp_path / "checkpoint-2"), device="cpu")
    texts = ["a cat in a river", "gold"]
    assert torch.allclose(
        torch.from_numpy(loaded.encode(texts)), torch.from_numpy(model.encode(texts)), atol=1e-6
    )
