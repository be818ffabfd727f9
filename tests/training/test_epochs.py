"""Data sets whose rows are others in each epoch hear of it wherever they are read, and after a resume."""

from __future__ import annotations

import pytest
from tests.training.scenario import CosineDistance, largest_difference, pairs, trainer_of, weights
from torch.utils.data import Dataset

from foolsgold.data import ContrastiveTensionDataset, DenoisingAutoEncoderDataset
from foolsgold.losses import MultipleNegativesRankingLoss
from foolsgold.models import SentenceTransformer

pytestmark = pytest.mark.training

WORKERS = {
    "no workers": {},
    "workers": {"dataloader_num_workers": 2},
    "persistent workers": {"dataloader_num_workers": 2, "dataloader_persistent_workers": True},
}


class Numbered(Dataset):
    """12 pairs whose label has the epoch before the point."""

    def __init__(self):
        self.epoch = 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return 12

    def __getitem__(self, row):
        return {"first": f"{row} in {self.epoch}", "second": f"{row}", "label": self.epoch + row / 100}


class Listener(CosineDistance):
    """Keeps the epochs that it hears of, of training and of evaluation."""

    def __init__(self, model):
        super().__init__(model)
        self.heard = {True: [], False: []}

    def forward(self, sentence_features, labels):
        self.heard[self.training] += sorted({int(label) for label in labels})
        return super().forward(sentence_features, labels % 1)


def of_one_tokenizer(model):
    """A collator of one's own, for rows as dicts."""

    def collate(rows):
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        label = pairs(len(rows)).with_format("torch")["label"][:] * 0
        return {
            "sentence_features": [model.preprocess(columns[name]) for name in ("first", "second")],
            "labels": label + label.new_tensor(columns["label"]),
            "num_rows": len(rows),
        }

    return collate


@pytest.mark.parametrize("options", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize("own_collator", [False, True])
def test_rows_are_those_of_the_epoch(tmp_path, tiny_static, options, own_collator):
    loss = Listener(tiny_static)
    trainer = trainer_of(
        tiny_static,
        tmp_path,
        loss,
        Numbered(),
        {"eval_strategy": "epoch", **options},
        eval_dataset=Numbered(),
        data_collator=of_one_tokenizer(tiny_static) if own_collator else None,
    )
    trainer.train()
    assert loss.heard == {True: [0, 0, 0, 1, 1, 1, 2, 2, 2], False: [0] * 9}


def run(folder, bert_folder, options, resume=None):
    model = SentenceTransformer(bert_folder, device="cpu")
    sentences = [text for name in ("first", "second") for text in pairs()[name]]
    data = ContrastiveTensionDataset(sentences, 2, seed=5)
    trainer = trainer_of(model, folder, CosineDistance(model), data, options)
    trainer.train(resume_from_checkpoint=resume)
    return weights(trainer.model), [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


@pytest.mark.parametrize(
    ("step", "options"), [(8, {}), (10, {}), (10, WORKERS["persistent workers"])], ids=str
)
def test_a_resumed_run_reads_the_same_rows(tmp_path, tiny_bert_folder, options, step):
    """Eight batches an epoch: between two epochs, and within the second."""
    saving = {"save_strategy": "steps", "save_steps": step, "num_train_epochs": 2}
    whole, losses = run(tmp_path, tiny_bert_folder, saving)
    assert len(losses) == 16
    resumed, again = run(
        tmp_path, tiny_bert_folder, {**saving, **options}, str(tmp_path / f"checkpoint-{step}")
    )
    assert again == losses
    assert largest_difference(whole, resumed) == 0


def test_noise_is_drawn_anew(tmp_path, tiny_bert_folder):
    """One batch of all rows, so that epochs differ by their noise alone."""
    seen = []

    class Reading(DenoisingAutoEncoderDataset):
        def __getitem__(self, row):
            seen.append((self.epoch, super().__getitem__(row)["damaged_sentence"]))
            return super().__getitem__(row)

    model = SentenceTransformer(tiny_bert_folder, device="cpu")
    data = Reading(pairs(4)["first"][:])
    trainer_of(model, tmp_path, MultipleNegativesRankingLoss(model), data).train()
    noise = [{text for epoch, text in seen if epoch == number} for number in range(3)]
    assert all(noise)
    assert noise[0] != noise[1] != noise[2]


def test_texts_that_change_have_no_ids(tmp_path, tiny_static):
    """Ids of the first epoch would mask the wrong candidates later."""
    trainer = trainer_of(
        tiny_static, tmp_path, MultipleNegativesRankingLoss(tiny_static), DenoisingAutoEncoderDataset(["a b"])
    )
    (batch,) = trainer.get_train_dataloader()
    assert all("text_ids" not in column for column in batch["sentence_features"])
    assert trainer.batches_record()["fingerprint"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cache_tokens": True}, "`cache_tokens` must be False for rows that change with the epoch, got Num"),
        ({"batch_sampler": "no_duplicates"}, "got `no_duplicates` for a Numbered"),
    ],
)
def test_what_reads_texts_once_is_refused(tmp_path, tiny_static, options, message):
    trainer = trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), Numbered(), options)
    with pytest.raises(ValueError, match=message):
        trainer.train()


def test_one_object_cannot_be_at_two_epochs(tmp_path, tiny_static):
    data = Numbered()
    trainer = trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), data, eval_dataset=data)
    with pytest.raises(ValueError, match=r"another object than `train_dataset`.*\nhint: `copy.copy"):
        trainer.evaluate()
