from __future__ import annotations

import itertools
import math

import pytest
import torch
from tests import laws
from tests.losses.encoders import Given, TokenEncoder, columns, embeddings

from foolsgold.functional import gist_embed_loss
from foolsgold.losses import GISTEmbedLoss
from foolsgold.losses.parts.identity import Identity

MARGINS = [("absolute", 0.0), ("absolute", 0.3), ("absolute", -0.2), ("relative", 0.05), ("relative", 0.5)]
FLAGS = list(itertools.product((True, False), repeat=2))


def cosine(a, b):
    a, b = a.tolist(), b.tolist()
    product = sum(x * y for x, y in zip(a, b, strict=True))
    return product / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def oracle(columns, guided, *, temperature=0.01, margin_strategy="absolute", margin=0.0,
           contrast_anchors=True, contrast_positives=True, ids=None):  # fmt: skip
    """Loops over rows and candidates; columns are the anchors, the positives and any negatives."""
    num_rows = len(columns[0])
    total = 0.0
    for i in range(num_rows):
        certain = cosine(guided[0][i], guided[1][i])
        limit = certain - margin * (abs(certain) if margin_strategy == "relative" else 1.0)

        def is_negative(column, row, own, i=i, limit=limit):
            """Whether a text is one for row i, which it meets in its column `own`."""
            if ids is not None:
                belongs = column < 2 and (ids[0][row] == ids[0][i] or ids[1][row] == ids[1][i])
                if belongs or ids[column][row] in (ids[0][i], ids[1][i]):
                    return False
            return cosine(guided[own][i], guided[column][row]) < limit

        logits = [cosine(columns[0][i], columns[1][i]) / temperature]
        for j in range(num_rows):
            candidates = [(0, column) for column in range(1, len(columns)) if (column, j) != (1, i)]
            candidates += [(0, 0)] * (contrast_anchors and i != j)
            candidates += [(1, 1)] * (contrast_positives and i != j)
            for own, column in candidates:
                if is_negative(column, j, own):
                    logits.append(cosine(columns[own][i], columns[column][j]) / temperature)
        largest = max(logits)
        total += largest + math.log(sum(math.exp(x - largest) for x in logits)) - logits[0]
    return total / num_rows


def guides(num_columns=3, num_rows=5, dimension=3, **kwargs):
    return [embeddings(num_rows, dimension, seed=20 + seed, **kwargs) for seed in range(num_columns)]


def batch(num_columns=3, num_rows=5, **kwargs):
    return [embeddings(num_rows, 4, seed=seed, **kwargs) for seed in range(num_columns)]


def objective(guided, **options):
    """The loss of columns (B, D): anchors, positives, negatives; `guided` is what the guide makes of them."""

    def of_columns(queries, *documents):
        given = [x.to(queries.dtype) for x in guided]
        return gist_embed_loss(queries, torch.stack(documents), given[0], torch.stack(given[1:]), **options)

    return of_columns


@pytest.mark.parametrize(("margin_strategy", "margin"), MARGINS)
@pytest.mark.parametrize(("contrast_anchors", "contrast_positives"), FLAGS)
@pytest.mark.parametrize(("num_columns", "num_rows"), [(2, 6), (4, 4), (3, 1)])
def test_equals_loops(margin_strategy, margin, contrast_anchors, contrast_positives, num_columns, num_rows):
    options = {
        "temperature": 0.3,
        "margin_strategy": margin_strategy,
        "margin": margin,
        "contrast_anchors": contrast_anchors,
        "contrast_positives": contrast_positives,
    }
    guided = guides(num_columns, num_rows)
    laws.equals_oracle(
        objective(guided, **options),
        lambda *columns: oracle(columns, guided, **options),
        *batch(num_columns, num_rows),
    )


def test_margins_and_flags_are_told_apart():
    values = [
        objective(guides(3, 12), margin_strategy=strategy, margin=margin, **flags)(*batch(3, 12)).item()
        for strategy, margin in MARGINS
        for flags in ({"contrast_anchors": x, "contrast_positives": y} for x, y in FLAGS)
    ]
    assert len({round(value, 9) for value in values}) == len(values)
    wider = [objective(guides(), margin=margin)(*batch()).item() for margin in (-1.0, 0.0, 0.3, 1.0)]
    assert wider == sorted(wider, reverse=True)
    assert wider[0] > wider[-1]


@pytest.mark.parametrize("seed", range(5))
def test_known_matches_are_no_negatives(seed):
    """Whatever the guide makes of them; here it would keep most."""
    ids = torch.randint(0, 9, (3, 5), generator=torch.Generator().manual_seed(seed))
    identity = Identity(query_ids=ids[0], document_ids=ids[1:])
    options = {"temperature": 0.5, "margin": -0.5}
    value = objective(guides(), identity=identity, **options)(*batch())
    expected = oracle(batch(), guides(), ids=ids.tolist(), **options)
    torch.testing.assert_close(value, torch.tensor(expected, dtype=torch.float64), rtol=1e-9, atol=1e-9)


def test_distinct_ids_change_nothing():
    ids = torch.arange(15).view(3, 5)
    identity = Identity(query_ids=ids[0], document_ids=ids[1:])
    assert torch.equal(objective(guides(), identity=identity)(*batch()), objective(guides())(*batch()))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_what_the_guide_cannot_tell_from_the_positive_is_no_negative(dtype):
    """A text again, under another row, however the sums behind its cosine are rounded."""
    guided = guides(2, 40, 16, dtype=dtype)
    guided[1][20:] = guided[1][:20]
    guided[0][20:] = guided[0][:20] * 3
    columns = batch(2, 40, dtype=dtype)
    ids = [list(range(20)) * 2, [20 + i for i in range(20)] * 2]
    masked = objective(guided)(*columns)
    assert masked.item() == pytest.approx(oracle(columns, guided, ids=ids), rel=1e-4)


def test_a_guide_that_rejects_all_leaves_no_signal():
    laws.is_zero_without_signal(objective(guides(), margin=2.5), *batch())
    laws.is_zero_without_signal(
        objective(guides(2, 1), contrast_anchors=False, contrast_positives=False), *batch(2, 1)
    )


def test_the_guide_gets_no_gradient():
    queries, positives, *guided = (x.requires_grad_() for x in (*batch(2), *guides(2)))
    gist_embed_loss(queries, positives[None], guided[0], guided[1][None], temperature=1.0).backward()
    assert queries.grad.abs().sum() > 0
    assert all(x.grad is None for x in guided)


@pytest.mark.parametrize(
    "options", [{}, {"margin_strategy": "relative", "margin": 0.05, "contrast_anchors": False}]
)
def test_keeps_the_laws(options):
    laws.has_exact_gradient(objective(guides(), temperature=0.5, **options), *batch())
    laws.is_finite_for_extremes(objective(guides(), **options), *batch())
    laws.leaves_inputs_unchanged(objective(guides(), **options), *batch())
    laws.ignores_lengths(objective(guides(), **options), *batch())
    laws.ignores_row_order(
        lambda *columns: objective(columns[3:], **options)(*columns[:3]), *batch(), *guides()
    )


def test_a_guide_at_the_limits_of_half_precision_is_finite():
    for dtype, size in itertools.product((torch.float16, torch.bfloat16), (65504.0, 6e-8, 0.0)):
        queries, positives = (x.requires_grad_() for x in batch(2, dtype=torch.float32))
        guided = [(x.sign() * size).to(dtype) for x in guides(2)]
        value = gist_embed_loss(queries, positives[None], guided[0], guided[1][None])
        value.backward()
        assert value.isfinite()
        assert queries.grad.isfinite().all()


def test_halves_make_the_whole():
    laws.halves_make_the_whole(
        lambda rows: objective(guides(3, 6), temperature=0.2, rows=rows)(*batch(3, 6)), num_rows=6
    )


def test_rows_count_by_their_weights():
    single = [objective(guides(), rows=slice(row, row + 1))(*batch()) for row in range(5)]
    weights = torch.tensor([1.0, 0.0, 2.0, 0.5, 0.5])
    value = objective(guides(), weights=weights)(*batch())
    torch.testing.assert_close(value, (torch.stack(single) * weights).sum() / weights.sum())


@pytest.mark.slow
def test_compiles_whole():
    laws.compiles_whole(objective(guides(), margin_strategy="relative", margin=0.1), *batch())


def guide(dimension=8):
    """Other weights and another width than the encoder's."""
    return TokenEncoder(dropout=0.5, dimension=dimension)


def embedded(model, features):
    return [model(dict(column))["sentence_embedding"] for column in features]


def test_module_is_the_function():
    features = columns(5, 3, 9, 7)
    options = {"temperature": 0.2, "margin_strategy": "relative", "margin": 0.1, "contrast_positives": False}
    loss = GISTEmbedLoss(TokenEncoder(), guide(), **options).train()
    guided = [x.detach() for x in embedded(loss.guide, features)]
    torch.testing.assert_close(loss(features), objective(guided, **options)(*embedded(loss.model, features)))


def test_module_reads_text_ids():
    ids = torch.tensor([[0, 1, 2], [3, 3, 4]])
    features = [{**column, "text_ids": row} for column, row in zip(columns(3, 3, 9), ids, strict=True)]
    loss = GISTEmbedLoss(TokenEncoder(), guide(), margin=-1.0)
    guided, own = embedded(loss.guide, columns(3, 3, 9)), embedded(loss.model, columns(3, 3, 9))
    identity = Identity(query_ids=ids[0], document_ids=ids[1:])
    masked = objective(guided, margin=-1.0, identity=identity)(*own)
    plain = objective(guided, margin=-1.0)(*own)
    torch.testing.assert_close(loss(features), masked)
    unmasked = GISTEmbedLoss(loss.model, loss.guide, margin=-1.0, mask_by_identity=False)
    torch.testing.assert_close(unmasked(features), plain)
    assert plain > masked


def test_the_guide_is_frozen_and_stays_in_evaluation_mode():
    loss = GISTEmbedLoss(TokenEncoder(dropout=0.5), guide().train())
    assert not loss.guide.training
    loss.train()
    assert loss.model.training
    assert not any(module.training for module in loss.guide.modules())
    features = columns(4, 5, 5)
    loss(features).backward()
    assert all(p.grad is not None for p in loss.model.parameters())
    assert not any(p.requires_grad or p.grad is not None for p in loss.guide.parameters())
    assert not loss.train(False).model.training


def test_the_guide_has_a_view_of_its_own():
    """Where the features bring its tokens, as of another tokenizer, it never sees the encoder's."""
    features, views = columns(5, 3, 9), columns(5, 6, 4, seed=9)
    given = [{**column, "views": {"guide": view}} for column, view in zip(features, views, strict=True)]
    loss = GISTEmbedLoss(TokenEncoder(), guide())
    guided = embedded(loss.guide, views)
    torch.testing.assert_close(loss(given), objective(guided)(*embedded(loss.model, features)))
    assert loss(given) != loss(features)


def test_the_guide_embeds_a_text_once():
    given = [
        {**column, "text_ids": torch.arange(4) + 4 * number} for number, column in enumerate(columns(4, 6, 6))
    ]
    for cache_embeddings, num_calls in ((True, 2), (False, 6)):
        loss = GISTEmbedLoss(TokenEncoder(), guide(), cache_embeddings=cache_embeddings).train()
        values = [loss(given).item() for _ in range(3)]
        assert values[0] == pytest.approx(values[1]) == pytest.approx(values[2])
        assert len(loss.guide.calls) == num_calls


def test_row_weights_are_read():
    features = columns(4, 5, 5)
    weights = torch.tensor([1.0, 0.0, 3.0, 0.0])
    loss = GISTEmbedLoss(TokenEncoder(), guide())
    guided = embedded(loss.guide, features)
    expected = objective(guided, weights=weights)(*embedded(loss.model, features))
    torch.testing.assert_close(loss([{**features[0], "row_weights": weights}, features[1]]), expected)


def test_temperature_is_trained_on_request():
    loss = GISTEmbedLoss(TokenEncoder(), guide(), temperature=0.2, learnable_temperature=True)
    fixed = GISTEmbedLoss(loss.model, loss.guide, temperature=0.2)
    features = columns(5, 3, 9)
    torch.testing.assert_close(loss(features), fixed(features))
    assert not list(fixed.scaling.parameters())
    loss(features).backward()
    (logarithm,) = loss.scaling.parameters()
    assert logarithm.grad.abs() > 0
    with torch.no_grad():
        logarithm += 0.5
        assert loss.temperature == pytest.approx(0.2 * math.exp(-0.5))
        logarithm.fill_(99.0)
    assert loss.temperature == pytest.approx(0.001)
    assert loss(features).isfinite()


def test_stores_its_arguments():
    loss = GISTEmbedLoss(TokenEncoder(), guide(), margin=0.05, margin_strategy="relative")
    laws.stores_its_arguments(
        loss,
        {
            "guide": "tests.losses.encoders.TokenEncoder",
            "temperature": 0.01,
            "margin_strategy": "relative",
            "margin": 0.05,
            "contrast_anchors": True,
            "contrast_positives": True,
            "gather_across_devices": False,
            "mask_by_identity": True,
            "cache_embeddings": True,
            "learnable_temperature": False,
        },
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0}, "`temperature` must be above 0, got 0"),
        ({"temperature": -0.1}, "`temperature` must be above 0, got -0.1"),
        ({"margin_strategy": "percentage"}, "`margin_strategy` must be one of .*, got 'percentage'"),
        (
            {"temperature": 0.0005, "learnable_temperature": True},
            "`1 / temperature` must be at most 1000.0 to be trained",
        ),
    ],
)
def test_refuses_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        GISTEmbedLoss(TokenEncoder(), guide(), **options)


def test_refuses_to_guide_itself():
    model = TokenEncoder()
    with pytest.raises(ValueError, match=r"`guide` must share no parameters with `model`.*\nhint: .*copy"):
        GISTEmbedLoss(model, model)


def test_refuses_embeddings_without_texts():
    loss = GISTEmbedLoss(Given(), guide())
    with pytest.raises(ValueError, match="`guide` embeds texts, got embeddings alone"):
        loss.compute_loss_from_embeddings(batch(2))


def test_refuses_a_single_column():
    with pytest.raises(ValueError, match=r"`GISTEmbedLoss` takes \(anchor, positive\) pairs.*got 1 columns"):
        GISTEmbedLoss(TokenEncoder(), guide())(columns(3, 4))
