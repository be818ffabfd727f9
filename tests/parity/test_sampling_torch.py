"""Our batch samplers where the field reads them: torchdata's stateful loader, the peer's trainer."""

from __future__ import annotations

import json
import warnings
from itertools import chain

import pytest
import torch
from datasets import Dataset
from torch import nn
from torch.utils.data import DataLoader

from foolsgold.sampling import NoDuplicatesBatchSampler, RandomBatchSampler

pytestmark = [
    pytest.mark.parity,
    # torchdata 0.11 calls what torch has deprecated since.
    pytest.mark.filterwarnings("ignore:'set_vital' is deprecated"),
]

NUM_ROWS = 64
DATA = {
    "anchor": [f"the cat {row}" for row in range(NUM_ROWS)],
    "positive": [f"a river {row // 4}" for row in range(NUM_ROWS)],
}


@pytest.fixture(params=["random", "one of two ranks"])
def make(request):
    if request.param == "random":
        return lambda: RandomBatchSampler(range(NUM_ROWS - 2), 4, False)
    return lambda: NoDuplicatesBatchSampler(DATA, 4, True, rank=1, num_replicas=2)


@pytest.fixture(scope="module")
def stateful():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torchdata.stateful_dataloader import StatefulDataLoader

    def loader(sampler, workers, **options):
        return StatefulDataLoader(
            range(NUM_ROWS),
            batch_sampler=sampler,
            num_workers=workers,
            multiprocessing_context="fork" if workers else None,
            collate_fn=list,
            **options,
        )

    return loader


def epochs_of(sampler, count):
    return [list(sampler) for _ in range(count)]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("epoch", [0, 2])
@pytest.mark.parametrize("stop", ["first", "middle", "last batch", "end"])
def test_a_stateful_loader_resumes(make, stateful, workers, epoch, stop):
    expected = epochs_of(make(), 5)
    length = len(expected[0])
    count = {"first": 1, "middle": length // 2, "last batch": length, "end": length}[stop]
    loader = stateful(make(), workers)
    assert epochs_of(loader, epoch) == expected[:epoch]
    iterator = iter(loader)
    seen = [next(iterator) for _ in range(count)]
    assert seen == expected[epoch][:count]
    if stop == "end":
        assert list(iterator) == []
    state = json.loads(json.dumps(loader.state_dict()))
    resumed = stateful(make(), workers)
    resumed.load_state_dict(state)
    if stop != "end":
        assert list(resumed) == expected[epoch][count:]
    # The run that was not interrupted goes on alike.
    list(iterator)
    for later in expected[epoch + 1 : 5]:
        assert list(resumed) == list(loader) == later


@pytest.mark.parametrize("workers", [0, 2])
def test_a_state_taken_before_the_first_batch(make, stateful, workers):
    expected = epochs_of(make(), 2)
    loader = stateful(make(), workers)
    state = loader.state_dict()
    assert epochs_of(loader, 2) == expected
    resumed = stateful(make(), workers)
    resumed.load_state_dict(state)
    assert epochs_of(resumed, 2) == expected


def test_a_resumed_run_is_stopped_and_resumed_again(make, stateful):
    expected = epochs_of(make(), 3)
    state, seen = None, []
    while len(seen) < sum(map(len, expected)):
        loader = stateful(make(), 2, snapshot_every_n_steps=2)
        if state is not None:
            loader.load_state_dict(state)
        # Where the last batch of an epoch was the last one read, what is left of that epoch is nothing.
        for batch, _ in zip(chain(loader, loader), range(3), strict=False):
            seen.append(batch)
            state = loader.state_dict()
    assert seen[: sum(map(len, expected))] == list(chain(*expected))


def places(state):
    """The states of the sampler's iterator that a loader's state holds."""
    if isinstance(state, dict):
        if state.get("_sampler_iter_state") is not None:
            yield state["_sampler_iter_state"]
        for value in state.values():
            yield from places(value)


@pytest.mark.parametrize(("workers", "then"), [(0, 2), (2, 0), (2, 1)])
def test_another_number_of_workers_resumes_too(make, stateful, workers, then):
    # torchdata refuses a loader's state for another number of workers; the sampler's in it is good for any.
    expected = epochs_of(make(), 3)
    loader = stateful(make(), workers)
    list(loader)
    iterator = iter(loader)
    seen = [next(iterator) for _ in range(3)]
    (place,) = places(json.loads(json.dumps(loader.state_dict())))
    assert (place["epoch"], seen) == (1, expected[1][:3])
    for kind in (stateful, plain):
        sampler = make()
        sampler.load_state_dict(place)
        resumed = kind(sampler, then)
        assert list(resumed) == expected[1][3:]
        assert list(resumed) == expected[2]


def plain(sampler, workers):
    context = "fork" if workers else None
    return DataLoader(
        range(NUM_ROWS), batch_sampler=sampler, num_workers=workers, collate_fn=list,
        multiprocessing_context=context,
    )  # fmt: skip


def test_a_stateful_loader_with_workers_that_stay(make, stateful):
    expected = epochs_of(make(), 4)
    loader = stateful(make(), 2, persistent_workers=True)
    assert epochs_of(loader, 2) == expected[:2]
    iterator = iter(loader)
    seen = [next(iterator) for _ in range(2)]
    state = loader.state_dict()
    resumed = stateful(make(), 2, persistent_workers=True)
    resumed.load_state_dict(state)
    assert seen + list(resumed) == expected[2]
    assert list(resumed) == expected[3]


def test_changed_data_is_refused_by_a_stateful_loader(stateful):
    loader = stateful(NoDuplicatesBatchSampler(DATA, 4, True), 0)
    next(iter(loader))
    changed = {**DATA, "anchor": [*DATA["anchor"][:-1], "changed"]}
    other = stateful(NoDuplicatesBatchSampler(changed, 4, True), 0)
    other.load_state_dict(loader.state_dict())
    with pytest.raises(ValueError, match="`state` must be of the same data"):
        iter(other)


@pytest.mark.training
@pytest.mark.parametrize("workers", [0, 1])
def test_accelerate_with_a_stateful_loader(make, workers):
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, GradientState, PartialState
    from accelerate.utils import DataLoaderConfiguration

    for state in (AcceleratorState, PartialState, GradientState):
        state._reset_state()
    expected = epochs_of(make(), 3)
    configuration = DataLoaderConfiguration(use_stateful_dataloader=True)

    def prepared():
        accelerator = Accelerator(cpu=True, dataloader_config=configuration)
        loader = DataLoader(torch.arange(NUM_ROWS), batch_sampler=make(), num_workers=workers)
        return accelerator.prepare_data_loader(loader)

    try:
        loader = prepared()
        assert [batch.tolist() for batch in loader] == expected[0]
        seen = []
        for batch in loader:
            seen.append(batch.tolist())
            if len(seen) == 3:
                state = loader.state_dict()
                break
        resumed = prepared()
        resumed.load_state_dict(state)
        resumed.set_epoch(1)
        assert seen + [batch.tolist() for batch in resumed] == expected[1]
        assert [batch.tolist() for batch in resumed] == expected[2]
    finally:
        for state in (AcceleratorState, PartialState, GradientState):
            state._reset_state()


@pytest.mark.training
@pytest.mark.parametrize("sampler", [NoDuplicatesBatchSampler, RandomBatchSampler])
@pytest.mark.parametrize("resumed", [False, True])
def test_the_peers_trainer_trains_on_our_batches(tmp_path, tiny_bert_folder, sampler, resumed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sentence_transformers as peer

    rows = Dataset.from_dict(DATA)

    class Reads(nn.Module):
        """A loss that notes which rows it is given."""

        def __init__(self, model):
            super().__init__()
            self.model = model
            self.read = []
            self.rows = {self.key(model.tokenize([text])["input_ids"][0]): row
                         for row, text in enumerate(DATA["anchor"])}  # fmt: skip

        def key(self, ids):
            return tuple(ids[ids != self.model.tokenizer.pad_token_id].tolist())

        def forward(self, sentence_features, labels):
            self.read.append([self.rows[self.key(ids)] for ids in sentence_features[0]["input_ids"]])
            first, second = (self.model(column)["sentence_embedding"] for column in sentence_features)
            return (first - second).square().mean()

    def run(**options):
        model = peer.SentenceTransformer(str(tiny_bert_folder), device="cpu")
        args = peer.SentenceTransformerTrainingArguments(
            output_dir=str(tmp_path),
            per_device_train_batch_size=8,
            num_train_epochs=2,
            save_strategy="steps",
            save_steps=11,
            batch_sampler=sampler,
            seed=5,
            dataloader_drop_last=True,
            use_cpu=True,
            disable_tqdm=True,
            dataloader_pin_memory=False,
            report_to="none",
        )
        loss = Reads(model)
        trainer = peer.SentenceTransformerTrainer(model=model, args=args, train_dataset=rows, loss=loss)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer.train(**options)
        return loss.read

    expected = list(chain(*epochs_of(sampler(rows, 8, True, seed=5), 2)))
    assert len(expected) == 16
    read = run()
    assert read == expected
    assert read[:8] != read[8:]
    if sampler is NoDuplicatesBatchSampler:
        assert all(len({row // 4 for row in batch}) == 8 for batch in read)
    if resumed:
        assert run(resume_from_checkpoint=str(tmp_path / "checkpoint-11")) == expected[11:]
