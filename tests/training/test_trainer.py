from __future__ import annotations

import logging
import pickle
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from datasets import Dataset
from tests.training.scenario import (
    Classifier,
    CosineDistance,
    arguments,
    largest_difference,
    pairs,
    texts_only,
    trainer_of,
    weights,
)
from torch import nn
from torch.utils.data import BatchSampler

from foolsgold.losses import CoSENTLoss, MultipleNegativesRankingLoss
from foolsgold.models import SentenceTransformer
from foolsgold.training import SentenceTransformerTrainer

pytestmark = pytest.mark.training


class FileOrder(BatchSampler):
    """A sampler of the user's own, called as the field's trainers do."""

    def __init__(self, dataset, batch_size, drop_last, valid_label_columns, generator, seed):
        super().__init__(range(len(dataset)), batch_size, drop_last)


def metrics_of(trainer, name):
    return [entry[name] for entry in trainer.state.log_history if name in entry]


def test_training_lowers_the_loss(tmp_path, tiny_static):
    trainer = trainer_of(
        tiny_static,
        tmp_path,
        CosineDistance(tiny_static),
        options={"num_train_epochs": 20, "learning_rate": 0.05},
    )
    before = trainer.evaluate(pairs())["eval_loss"]
    trainer.train()
    assert trainer.evaluate(pairs())["eval_loss"] < 0.3 * before


def test_a_loss_of_this_package_trains(tmp_path, tiny_bert):
    loss = MultipleNegativesRankingLoss(tiny_bert)
    trainer = trainer_of(
        tiny_bert, tmp_path, loss, texts_only(), {"learning_rate": 1e-3, "num_train_epochs": 15}
    )
    before = trainer.evaluate(texts_only())["eval_loss"]
    trainer.train()
    assert trainer.evaluate(texts_only())["eval_loss"] < before


def test_one_step_is_what_the_loss_and_the_optimiser_say(tmp_path, tiny_static):
    reference = pickle.loads(pickle.dumps(tiny_static))
    options = {"max_steps": 1, "lr_scheduler_type": "constant", "optim": "sgd", "max_grad_norm": 0}
    trainer = trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), pairs(4), options)
    trainer.train()

    loss = CosineDistance(reference)
    rows = pairs(4)
    features = [reference.preprocess(rows[name]) for name in ("first", "second")]
    loss(features, torch.tensor(rows["label"])).backward()
    with torch.no_grad():
        for parameter in loss.parameters():
            parameter -= 1e-2 * parameter.grad
    assert largest_difference(weights(trainer.model), weights(loss)) < 1e-7


def test_accumulated_batches_are_one_large_batch(tmp_path, tiny_static):
    reference = pickle.loads(pickle.dumps(tiny_static))
    options = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "optim": "sgd"}
    accumulated = trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), options=options)
    accumulated.train()
    options = {"per_device_train_batch_size": 8, "optim": "sgd"}
    whole = trainer_of(reference, tmp_path, CosineDistance(reference), options=options)
    whole.train()
    assert largest_difference(weights(accumulated.model), weights(whole.model)) < 1e-6
    assert metrics_of(accumulated, "loss") == pytest.approx(metrics_of(whole, "loss"), rel=1e-4)


def test_a_function_of_the_model_makes_the_loss_from_the_seed(tmp_path, tiny_static):
    trainers = [trainer_of(tiny_static, tmp_path, partial(Classifier, dimension=16)) for _ in range(2)]
    torch.rand(1)
    heads = [trainer.model.head.weight for trainer in trainers]
    assert trainers[0].encoder is trainers[0].model.model is tiny_static
    assert torch.equal(*heads)


def test_all_that_the_loss_owns_is_trained(tmp_path, tiny_static):
    trainer = trainer_of(tiny_static, tmp_path, partial(Classifier, dimension=16))
    before = weights(trainer.model)
    trainer.train()
    after = weights(trainer.model)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == set(before) - {"guide.weight", "guide.bias"}


def test_model_init_makes_a_fresh_model_for_each_training(tmp_path, tiny_bert_folder):
    def fresh():
        return SentenceTransformer(tiny_bert_folder, device="cpu")

    options = {"num_train_epochs": 1}
    trainer = trainer_of(None, tmp_path, partial(Classifier, dimension=32), options=options, model_init=fresh)
    trainer.train()
    first, encoder = weights(trainer.model), trainer.encoder
    trainer.train()
    assert trainer.encoder is not encoder
    assert trainer.model.model is trainer.encoder
    assert largest_difference(first, weights(trainer.model)) == 0


def test_components_are_logged_by_name(tmp_path, tiny_static):
    options = {"logging_steps": 2, "gradient_accumulation_steps": 3, "eval_strategy": "epoch"}
    trainer = trainer_of(
        tiny_static, tmp_path, partial(Classifier, dimension=16), options=options, eval_dataset=pairs(10)
    )
    trainer.train()
    entries = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert len(entries) == 3
    for entry in entries:
        assert entry["class"] + entry["cosine"] == pytest.approx(entry["loss"], rel=1e-5)
    for entry in trainer.state.log_history:
        if "eval_loss" in entry:
            assert entry["eval_class"] + entry["eval_cosine"] == pytest.approx(entry["eval_loss"], rel=1e-5)
    assert len(metrics_of(trainer, "eval_class")) == 3


def test_no_step_waits_for_the_values_of_the_loss(tmp_path, tiny_static, monkeypatch):
    trainer = trainer_of(
        tiny_static, tmp_path, partial(Classifier, dimension=16), options={"logging_steps": 100}
    )
    batch = next(iter(trainer.get_train_dataloader()))
    trainer.create_optimizer()
    trainer.current_gradient_accumulation_steps = 1

    def wait(*_):
        raise AssertionError("a value was read")

    for name in ("item", "tolist", "__bool__", "__float__", "__int__"):
        monkeypatch.setattr(torch.Tensor, name, wait)
    trainer.training_step(trainer.model, batch)
    assert not trainer.args.logging_nan_inf_filter


def test_a_loss_that_is_not_finite_is_shown(tmp_path, tiny_static):
    class NotFinite(CosineDistance):
        def forward(self, sentence_features, labels):
            return super().forward(sentence_features, labels) * float("nan")

    trainer = trainer_of(tiny_static, tmp_path, NotFinite(tiny_static), options={"max_steps": 1})
    trainer.train()
    assert np.isnan(metrics_of(trainer, "loss")[0])


def test_evaluation_loss_is_the_mean_over_rows(tmp_path, tiny_static):
    data = pairs(10)
    trainer = trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), eval_dataset=data)
    with torch.no_grad():
        first, second = (
            tiny_static(tiny_static.preprocess(data[n]))["sentence_embedding"] for n in ("first", "second")
        )
        expected = F.mse_loss(F.cosine_similarity(first, second), torch.tensor(data["label"]))
    metrics = trainer.evaluate()
    assert metrics["eval_loss"] == pytest.approx(float(expected), rel=1e-5)
    assert trainer.evaluate()["eval_loss"] == metrics["eval_loss"]


def test_evaluation_needs_no_labels_and_takes_several_data_sets(tmp_path, tiny_bert):
    loss = MultipleNegativesRankingLoss(tiny_bert)
    calls = []

    def evaluator(model, output_path, epoch, steps):
        calls.append((model, output_path, epoch, steps))
        assert not model.training
        return {"score": 0.5, "eval_other": 2.0}

    trainer = trainer_of(
        tiny_bert,
        tmp_path,
        loss,
        texts_only(),
        {"num_train_epochs": 1, "eval_strategy": "epoch"},
        eval_dataset={"a": texts_only(8), "b": texts_only(12)},
        evaluator=[evaluator, lambda model, output_path, epoch, steps: 0.25],
    )
    trainer.train()
    assert len(metrics_of(trainer, "eval_a_loss")) == len(metrics_of(trainer, "eval_b_loss")) == 1
    assert calls == [(tiny_bert, str(tmp_path / "eval"), 1.0, 6)]
    assert trainer.evaluate()["eval_score"] == 0.5
    assert trainer.evaluate()["eval_evaluator"] == 0.25
    assert trainer.evaluate()["eval_other"] == 2.0


def test_an_evaluator_needs_no_data_set(tmp_path, tiny_static):
    trainer = trainer_of(
        tiny_static,
        tmp_path,
        CosineDistance(tiny_static),
        options={"eval_strategy": "epoch", "metric_for_best_model": "score", "greater_is_better": True},
        evaluator=lambda model, output_path, epoch, steps: {"score": steps},
    )
    trainer.train()
    assert metrics_of(trainer, "eval_score") == [6, 12, 18]
    assert trainer.state.best_metric == 18


@pytest.mark.parametrize("best_step", [6, 12])
def test_the_best_model_is_loaded_at_the_end(tmp_path, tiny_static, best_step):
    options = {
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "load_best_model_at_end": True,
        "metric_for_best_model": "score",
        "greater_is_better": True,
    }
    seen = {}

    def evaluator(model, output_path, epoch, steps):
        seen[steps] = weights(trainer.model)
        return {"score": -abs(steps - best_step)}

    trainer = trainer_of(
        tiny_static, tmp_path, partial(Classifier, dimension=16), options=options, evaluator=evaluator
    )
    trainer.train()
    assert trainer.state.best_model_checkpoint == str(tmp_path / f"checkpoint-{best_step}")
    assert largest_difference(seen[best_step], weights(trainer.model)) == 0
    assert largest_difference(seen[best_step], seen[18]) > 0


def test_save_model_writes_the_encoder(tmp_path, tiny_bert):
    trainer = trainer_of(
        tiny_bert, tmp_path, partial(Classifier, dimension=32), options={"num_train_epochs": 1}
    )
    trainer.train()
    trainer.save_model(str(tmp_path / "final"))
    assert not (tmp_path / "final" / "loss.safetensors").exists()
    loaded = SentenceTransformer(tmp_path / "final", device="cpu")
    texts = ["the cat", "gold is a stone"]
    np.testing.assert_array_equal(loaded.encode(texts), tiny_bert.encode(texts))


def test_prompts_reach_the_encoder(tmp_path, tiny_static):
    options = {"prompts": {"first": "iron "}}
    trainer = trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), pairs(4), options)
    features = next(iter(trainer.get_train_dataloader()))["sentence_features"]
    trainer.batches.set_epoch(0)
    rows = next(iter(trainer.batches))
    expected = [
        tiny_static.preprocess([f"iron {pairs(4)[row]['first']}" for row in rows]),
        tiny_static.preprocess([pairs(4)[row]["second"] for row in rows]),
    ]
    for column, wanted in zip(features, expected, strict=True):
        assert torch.equal(column["input_ids"], wanted["input_ids"])
    with pytest.raises(
        ValueError, match=r"`prompts` must be for text columns \(first, second\), got 'frist'"
    ):
        trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), options={"prompts": {"frist": "x"}})


@pytest.mark.parametrize("sampler", ["batch_sampler", "no_duplicates", FileOrder])
def test_text_ids_reach_a_loss_that_masks_by_identity(tmp_path, tiny_static, sampler):
    class MaskedDistance(CosineDistance):
        mask_by_identity = True

    texts = [f"cat {row % 5}" for row in range(20)]
    data = Dataset.from_dict({"first": texts, "second": texts[3:] + texts[:3], "label": [0.5] * 20})
    options = {"batch_sampler": sampler, "per_device_train_batch_size": 2}
    trainer = trainer_of(tiny_static, tmp_path, MaskedDistance(tiny_static), data, options, eval_dataset=data)
    for loader in (trainer.get_train_dataloader(), trainer.get_eval_dataloader()):
        seen = {}
        order = list(loader.batch_sampler)
        loader.set_epoch(0)
        for rows, batch in zip(order, loader, strict=True):
            for name, column in zip(("first", "second"), batch["sentence_features"], strict=True):
                assert column["text_ids"].dtype == torch.int64
                for row, text_id in zip(rows, column["text_ids"].tolist(), strict=True):
                    seen.setdefault(data[row][name], set()).add(text_id)
        assert all(len(ids) == 1 for ids in seen.values())
        assert len(seen) == len(set.union(*seen.values())) == 5
    trainer = trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), data, options)
    assert "text_ids" not in next(iter(trainer.get_train_dataloader()))["sentence_features"][0]


def test_learning_rates_and_decay_by_parameter(tmp_path, tiny_static):
    options = {"weight_decay": 0.1, "learning_rate_mapping": {r"^head\.": 0.5, r"bias$": 0.25}}
    trainer = trainer_of(tiny_static, tmp_path, partial(Classifier, dimension=16), options=options)
    groups = trainer.create_optimizer().param_groups
    names = {id(parameter): name for name, parameter in trainer.model.named_parameters()}
    found = {names[id(p)]: (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}
    assert found == {
        "model.0.embedding.weight": (1e-2, 0.1),
        "head.weight": (0.5, 0.1),
        "head.bias": (0.25, 0.0),
        "scale": (1e-2, 0.0),
    }
    trainer.optimizer = None
    trainer.train()
    assert trainer.lr_scheduler.get_last_lr() == [0.0] * len(groups)


def test_a_collator_of_ones_own(tmp_path, tiny_static):
    def collate(rows):
        columns = [tiny_static.preprocess([row[name] for row in rows]) for name in ("first", "second")]
        return {"sentence_features": columns, "labels": torch.tensor([row["label"] for row in rows])}

    own = trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), data_collator=collate)
    ours = trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static))
    for first, second in zip(own.get_train_dataloader(), ours.get_train_dataloader(), strict=True):
        assert torch.equal(first["labels"], second["labels"])
        assert torch.equal(
            first["sentence_features"][1]["input_ids"], second["sentence_features"][1]["input_ids"]
        )
    own.train()


def test_nothing_is_read_before_training(tmp_path, tiny_static):
    class Counted:
        def __init__(self):
            self.rows = []

        def __len__(self):
            return 10**9

        def __getitem__(self, row):
            self.rows.append(row)
            return pairs(1)[0]

    data = Counted()
    trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), data)
    assert set(data.rows) == {0}


def test_the_start_is_told(tmp_path, tiny_static, caplog):
    with caplog.at_level(logging.INFO, "foolsgold"):
        trainer_of(
            tiny_static, tmp_path, CosineDistance(tiny_static), options={"gradient_accumulation_steps": 2}
        ).get_train_dataloader()
    assert "24 rows, 6 batches" in caplog.text
    assert "a step has 8 rows (4 x 1 processes x 2 accumulated), 16 texts: first, second" in caplog.text
    assert "a loss sees 4 rows at a time" in caplog.text


def test_what_workers_get_is_light(tmp_path, tiny_bert):
    trainer = trainer_of(tiny_bert, tmp_path, CosineDistance(tiny_bert))
    collate = trainer.get_train_dataloader().collate_fn
    size_of_weights = sum(tensor.numel() for tensor in tiny_bert.parameters()) * 4
    assert len(pickle.dumps(collate)) < len(pickle.dumps(tiny_bert)) - size_of_weights
    assert not list(collate.preprocess.__self__.parameters())
    assert list(tiny_bert.parameters())


def test_options_of_the_transformer_inside_are_reached(tmp_path, tiny_bert):
    options = {"max_steps": 2, "neftune_noise_alpha": 0.1, "activation_checkpointing": True}
    trainer = trainer_of(tiny_bert, tmp_path, CosineDistance(tiny_bert), options=options)
    trainer.train()
    assert tiny_bert.transformers_model.is_activation_checkpointing


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        pytest.param(
            lambda m: {"loss": 3},
            TypeError,
            "`loss` must be a module or a function",
            id="a number for a loss",
        ),
        pytest.param(
            lambda m: {"loss": {"a": CosineDistance(m)}},
            ValueError,
            "`train_dataset` must be a dict with the names of `loss`, a, got Dataset",
            id="losses",
        ),
        pytest.param(
            lambda m: {"loss": nn.Identity()}, ValueError, "`loss` must have the `model`", id="no model"
        ),
        pytest.param(
            lambda m: {"loss": CosineDistance(nn.Identity())},
            ValueError,
            "`loss` must have the `model`",
            id="another",
        ),
        pytest.param(
            lambda m: {"model": None, "loss": CosineDistance}, ValueError, "one of `model` and", id="none"
        ),
        pytest.param(lambda m: {"model_init": lambda: m}, ValueError, "`model` or `model_init`", id="both"),
        pytest.param(
            lambda m: {"train_dataset": []}, ValueError, "`train_dataset` must have rows", id="empty"
        ),
        pytest.param(
            lambda m: {"train_dataset": pairs().to_iterable_dataset()},
            TypeError,
            "got IterableDataset",
            id="stream",
        ),
        pytest.param(
            lambda m: {"train_dataset": {"first": ["a"], "second": ["b"]}},
            TypeError,
            r"`train_dataset\['first'\]` must have rows that are dicts, got str",
            id="columns",
        ),
        pytest.param(
            lambda m: {"eval_dataset": Dataset.from_dict({"a": []})},
            ValueError,
            "`eval_dataset` must have",
            id="eval",
        ),
        pytest.param(
            lambda m: {"train_dataset": Dataset.from_dict({"text": ["a"], "row": [1]})},
            ValueError,
            "`train_dataset`: column `row` must hold texts, got int\nhint: remove it",
            id="numbers",
        ),
        pytest.param(lambda m: {"args": object()}, TypeError, "got builtins.object", id="arguments"),
        pytest.param(
            lambda m: {"model": None, "model_init": lambda: m},
            TypeError,
            "`loss` must be a function",
            id="init",
        ),
    ],
)
def test_bad_input_is_refused(tmp_path, tiny_static, build, error, message):
    given = {
        "model": tiny_static,
        "args": arguments(tmp_path),
        "train_dataset": pairs(),
        "loss": CosineDistance(tiny_static),
        **build(tiny_static),
    }
    with pytest.raises(error, match=message):
        SentenceTransformerTrainer(**given)


def test_a_batch_larger_than_the_data_is_refused(tmp_path, tiny_static):
    options = {"per_device_train_batch_size": 32, "dataloader_drop_last": True}
    trainer = trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), options=options)
    with pytest.raises(
        ValueError, match="`train_dataset` must have at least 32 rows for one step, got 24\nhint"
    ):
        trainer.train()


def test_without_a_loss_it_is_cosent(tmp_path, tiny_static):
    trainer = trainer_of(tiny_static, tmp_path, None, options={"num_train_epochs": 1})
    trainer.train()
    assert isinstance(trainer.model, CoSENTLoss)
    assert trainer.state.global_step == 6


def test_compute_metrics_is_told_to_be_unused(tmp_path, tiny_static):
    with pytest.warns(UserWarning, match="use `evaluator`"):
        trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), compute_metrics=lambda _: {})
