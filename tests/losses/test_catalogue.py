"""What every loss of the catalogue keeps, whatever its options: the laws that need no peer and no ranks."""

from __future__ import annotations

import copy
import inspect
import json
import re
from itertools import product

import pytest
import torch
from tests import laws
from tests.losses.cases import CASES
from tests.losses.encoders import Given, TokenEncoder, embeddings, padded, token_rows

from foolsgold import losses
from foolsgold.losses import EmbeddingLoss
from foolsgold.losses.parts import gradient_cache

LOSSES = sorted(
    name
    for name in losses.__all__
    if inspect.isclass(getattr(losses, name))
    and issubclass(getattr(losses, name), EmbeddingLoss)
    and name not in ("EmbeddingLoss", "LossModifier")
)
# Cases whose encoder may be left out: the features are the embeddings.
OF_EMBEDDINGS = [
    case
    for case in CASES
    if case.encoder is TokenEncoder
    and "projection_dim" not in case.options  # a layer of float32 takes no other
    and "teacher_model" not in case.own_options
    and not (case.name == "ContrastiveTensionLoss" and case.labels is None)  # it looks at tokens
]


def features_of(case, num_rows, seed=0, equal=(), max_length=6):
    """Token features with text ids; rows named in `equal` have the texts of row 0."""
    features = []
    for column in range(case.num_columns):
        rows = token_rows(num_rows, max_length, seed=10 * seed + column)
        ids = torch.arange(num_rows) + column * num_rows
        for row in equal:
            rows[row], ids[row] = rows[0], ids[0]
        features.append({**padded(rows), "text_ids": ids})
    return features


def loss_of(case, **options):
    return case.build(losses, case.encoder(), **options).train()


def value_of(loss, features, labels):
    value = loss(features, labels)
    return torch.stack(list(value.values())).sum() if isinstance(value, dict) else value


def gradients_of(loss):
    return {name: p.grad for name, p in loss.named_parameters() if p.requires_grad}


def test_the_catalogue_is_covered():
    assert len(LOSSES) >= 30
    assert {case.name for case in CASES} == set(LOSSES)


@pytest.mark.parametrize("name", LOSSES)
def test_every_option_is_set_by_a_case(name):
    """To something else than its default; aliases are named in the docstring and tested beside the loss."""
    parameters = inspect.signature(getattr(losses, name)).parameters
    missing = []
    for option, parameter in parameters.items():
        given = [
            {**case.options, **case.own_options}[option]
            for case in CASES
            if case.name == name and option in {**case.options, **case.own_options}
        ]
        if option in ("model", "gather_across_devices"):  # the latter is set by the test with ranks
            continue
        if not any(value is not parameter.default for value in given) and not is_alias(name, option):
            missing.append(option)
    assert not missing


def is_alias(name, option):
    return f"{option}: another name of" in " ".join(getattr(losses, name).__doc__.split())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_says_what_it_takes(case):
    loss = loss_of(case)
    assert loss.inputs != EmbeddingLoss.inputs
    assert loss.labels != EmbeddingLoss.labels


@pytest.mark.parametrize("case", CASES, ids=str)
def test_describes_itself(case):
    loss = loss_of(case)
    config = loss.get_config_dict()
    assert isinstance(json.dumps(config, default=str), str)
    assert config
    assert isinstance(loss.citation, str)


@pytest.mark.parametrize("name", LOSSES)
def test_cites_its_papers(name):
    citation = loss_of(next(case for case in CASES if case.name == name)).citation
    assert re.match(r"@\w+\{\w+,\n", citation)
    assert citation.count("{") == citation.count("}")
    entries = re.findall(r"^@\w+\{(\w+),$", citation, re.MULTILINE)
    assert len(entries) == citation.count("@") == citation.count("\n}")
    assert len(set(entries)) == len(entries)
    eprints = re.findall(r"eprint=\{(.*?)\}", citation)
    assert all(eprint in getattr(losses, name).__doc__ for eprint in eprints[:1])


HOSTILE = {
    "one row": {"num_rows": 1},
    "two rows": {"num_rows": 2},
    "two equal rows": {"num_rows": 2, "equal": (1,)},
    "all equal": {"num_rows": 5, "equal": (1, 2, 3, 4)},
    "duplicates": {"num_rows": 7, "equal": (2, 5)},
    "one token": {"num_rows": 4, "max_length": 1},
}
LABELS = {
    "theirs": lambda labels: labels,
    "all one": lambda labels: torch.zeros_like(labels),
    "all different": lambda labels: (
        labels
        if labels.is_floating_point() or labels.max() <= 1
        else torch.arange(labels.numel()).reshape(labels.shape)
    ),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_hostile_batches_are_finite_and_in_the_graph(case):
    count = 0
    for zeroed, batch, kind in product(
        (False, True), HOSTILE.values(), LABELS if case.labels else ["theirs"]
    ):
        if kind == "all different" and case.name == "SoftmaxLoss":
            continue  # it has as many classes as it was told
        loss = loss_of(case)
        if zeroed:
            for parameter in loss.parameters():
                parameter.data.zero_()
        labels = case.labels_of(batch["num_rows"])
        features = features_of(case, **batch)
        value = value_of(loss, features, labels if labels is None else LABELS[kind](labels))
        assert value.isfinite()
        assert value.requires_grad
        value.backward()
        assert all(x.isfinite().all() for x in gradients_of(loss).values() if x is not None)
        count += 1
    assert count >= 12


def test_there_are_a_thousand_hostile_batches():
    assert sum(2 * len(HOSTILE) * (3 if case.labels else 1) for case in CASES) >= 1000


@pytest.mark.parametrize("case", OF_EMBEDDINGS, ids=str)
def test_half_precision_at_its_limits_is_finite(case):
    labels = case.labels_of(6)
    loss = case.build(losses, Given())

    def objective(*columns):
        return value_of(loss, [{"embedding": column} for column in columns], labels)

    columns = [embeddings(6, 6, seed=i) for i in range(case.num_columns)]
    laws.is_finite_for_extremes(objective, *columns, largest=case.largest)


@pytest.mark.parametrize("case", OF_EMBEDDINGS, ids=str)
def test_the_objective_is_computed_in_float32_under_autocast(case):
    labels = case.labels_of(8)
    loss = case.build(losses, Given())
    features = [
        {"embedding": embeddings(8, 6, seed=i, dtype=torch.float32).requires_grad_()}
        for i in range(case.num_columns)
    ]
    expected = value_of(loss, features, labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = value_of(loss, features, labels)
    assert value.dtype == torch.float32
    # A layer that a loss owns is the user's to cast, as the encoder's are.
    tolerance = 2e-2 if any(True for _ in loss.parameters()) else 0
    torch.testing.assert_close(value, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("case", [case for case in CASES if case.ignores_order], ids=str)
def test_rows_may_come_in_any_order(case):
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    labels, features = case.labels_of(6), features_of(case, 6, equal=(4,))
    turned = [{key: value[order] for key, value in column.items()} for column in features]
    values = []
    for given, marks in ((features, labels), (turned, None if labels is None else labels[order])):
        loss = loss_of(case)
        value = value_of(loss.double(), given, marks)
        value.backward()
        values.append([value.detach(), gradients_of(loss)])
    torch.testing.assert_close(*values)


def dropping(encoder):
    """Give the encoder dropout, where it has a place for it."""
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.4
    return encoder


class Ungated:
    """Stands in for the checkpoint: keeps the graph of every chunk."""

    def __call__(self, function, *arguments, use_reentrant):
        return function(*arguments)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("size", [{"mini_batch_size": 4}, {"mini_batch_num_tokens": 13}])
def test_cached_equals_direct(case, size, monkeypatch):
    """Over uneven chunks: beside one forward, and under dropout beside chunks that keep their graph."""
    labels, features = case.labels_of(7), features_of(case, 7, equal=(3,))
    given = copy.deepcopy(features)

    def outcome(loss):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(4)
            value = value_of(loss, features, labels)
            value.backward()
        return [value.detach(), gradients_of(loss)]

    plain = loss_of(case).double()
    plain.chunk_size = None
    torch.testing.assert_close(outcome(loss_of(case).double().cached(**size)), outcome(plain))
    outcomes = []
    for gate in (gradient_cache._checkpoint, Ungated()):
        monkeypatch.setattr(gradient_cache, "_checkpoint", gate)
        outcomes.append(outcome(case.build(losses, dropping(case.encoder())).double().train().cached(**size)))
    torch.testing.assert_close(*outcomes, rtol=0, atol=0)
    for column, before in zip(features, given, strict=True):
        assert column.keys() == before.keys()
        assert all(torch.equal(column[key], before[key]) for key in before)


@pytest.mark.parametrize("name", LOSSES)
def test_refuses_what_it_does_not_take(name):
    case = next(case for case in CASES if case.name == name)
    loss = loss_of(case)
    labels = case.labels_of(3)
    with pytest.raises((ValueError, TypeError), match=r"columns|takes"):
        loss([], labels)
    if labels is not None:
        with pytest.raises(ValueError, match="takes"):
            loss(features_of(case, 3), labels[:2])
        with pytest.raises(ValueError, match="takes"):
            loss(features_of(case, 3), labels.new_zeros(3, 7, 2))


@pytest.mark.parametrize("name", LOSSES)
def test_an_unknown_option_is_an_error(name):
    case = next(case for case in CASES if case.name == name)
    with pytest.raises(TypeError, match="no_such_option"):
        case.build(losses, case.encoder(), no_such_option=1)
