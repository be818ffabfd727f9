from __future__ import annotations

import copy
import math

import pytest
import torch
from tests import laws
from tests.losses.cases.unsupervised import BertEncoder, bert_folder
from tests.losses.encoders import TokenEncoder, columns, embeddings

from foolsgold.losses.denoising_auto_encoder import DenoisingAutoEncoderLoss, denoising_auto_encoder_loss
from foolsgold.losses.parts import row_blocks

HEAD = embeddings(4, 9, seed=8)
TOKENS = torch.tensor([[1, 5, 7, 8], [2, 4, 3, 0], [6, 1, 0, 0], [3, 0, 0, 0]])
MASK = TOKENS.ne(0)


def head(states):
    dtype = torch.promote_types(states.dtype, torch.float32)
    return states.to(dtype) @ HEAD.to(dtype)


def objective(states, tokens=TOKENS, mask=MASK):
    return denoising_auto_encoder_loss(states, tokens, mask, head, 9)


def oracle(states):
    losses = []
    for row, tokens, mask in zip(states.tolist(), TOKENS.tolist(), MASK.tolist(), strict=True):
        for state, token, counts in zip(row, tokens[1:], mask[1:], strict=True):
            if counts:
                scores = [
                    sum(x * w for x, w in zip(state, column, strict=True)) for column in HEAD.T.tolist()
                ]
                losses.append(math.log(sum(map(math.exp, scores))) - scores[token])
    return sum(losses) / len(losses)


def batch():
    return embeddings(4, 3, 4)


def outcome(loss, features):
    loss.zero_grad()
    value = loss(features)
    value.backward()
    return [value.detach(), *(x.grad.clone() for x in loss.parameters())]


def test_keeps_the_laws():
    laws.equals_oracle(objective, oracle, batch())
    laws.has_exact_gradient(objective, batch())
    laws.ignores_row_order(objective, batch(), TOKENS, MASK)
    laws.leaves_inputs_unchanged(objective, batch())
    laws.is_finite_for_extremes(objective, batch())


def test_nothing_to_write_has_no_signal():
    laws.is_zero_without_signal(lambda x: objective(x, TOKENS, torch.zeros_like(MASK)), batch())
    loss, features = DenoisingAutoEncoderLoss(BertEncoder()), columns(3, 5, 1)
    value = loss(features)
    assert value.requires_grad
    assert value == 0


def test_blocks_give_the_same(monkeypatch):
    outcomes = []
    for largest in (2**25, 1):
        monkeypatch.setattr(row_blocks, "_ONE_BLOCK", largest)
        monkeypatch.setattr(row_blocks, "_BLOCK", 18)
        states = batch().requires_grad_()
        value = objective(states)
        value.backward()
        outcomes.append([value.detach(), states.grad])
    torch.testing.assert_close(*outcomes)


@pytest.mark.slow
def test_compiles_whole():
    laws.compiles_whole(objective, batch())


@pytest.mark.parametrize("tie", [True, False])
def test_module_is_the_language_models_loss(tie):
    """By the decoder's own scores, with a mask, one sentence at a time."""
    loss = DenoisingAutoEncoderLoss(BertEncoder(), bert_folder(1), tie)
    damaged, original = columns(4, 5, 7)
    sentences = loss.model(dict(damaged))["sentence_embedding"]
    total, count = 0.0, 0
    for row in range(4):
        tokens = original["input_ids"][row][original["attention_mask"][row].bool()][None]
        if tokens.shape[1] > 1:
            scores = loss.decoder(
                input_ids=tokens[:, :-1], encoder_hidden_states=sentences[row][None, None]
            ).logits
            total += torch.nn.functional.cross_entropy(scores[0], tokens[0, 1:], reduction="sum")
            count += tokens.shape[1] - 1
    torch.testing.assert_close(loss([damaged, original]), total / count)


def test_padding_on_the_left_changes_nothing():
    loss = DenoisingAutoEncoderLoss(BertEncoder())
    damaged, original = columns(4, 5, 7)
    turned = {key: value.clone() for key, value in original.items()}
    for row, length in enumerate(original["attention_mask"].sum(1).tolist()):
        for value in turned.values():
            value[row] = value[row].roll(value.shape[1] - length)
    torch.testing.assert_close(loss([damaged, turned]), loss([damaged, original]))


@pytest.mark.parametrize("tie", [True, False])
@pytest.mark.parametrize("num_columns", [1, 2])
def test_cached_equals_direct(tie, num_columns):
    loss = DenoisingAutoEncoderLoss(BertEncoder(), bert_folder(1), tie).double()
    features = columns(5, *[5, 8][-num_columns:])
    given = copy.deepcopy(features)

    def at_step(loss):
        loss.set_training_step(3)
        return outcome(loss, features)

    expected = at_step(loss)
    for size in ({"mini_batch_size": 2}, {"mini_batch_num_tokens": 12}):
        torch.testing.assert_close(at_step(loss.cached(**size)), expected)
    for column, before in zip(features, given, strict=True):
        assert all(torch.equal(column[key], value) for key, value in before.items())


def test_single_sentences_are_damaged_anew_at_each_step():
    loss, features = DenoisingAutoEncoderLoss(BertEncoder()), columns(6, 12)
    loss.set_training_step(1)
    first = [loss(features).item() for _ in range(2)]
    loss.set_training_step(2)
    second = loss(features).item()
    loss.set_training_step(1)
    assert [loss(features).item() for _ in range(2)] == first
    assert len({*first, second}) == 3
    other = DenoisingAutoEncoderLoss(BertEncoder(), seed=1)
    other.set_training_step(1)
    assert other(features).item() != first[0]
    loss.eval()
    assert loss(features) == loss(features)


def test_without_deletion_a_column_is_both():
    features = columns(6, 9)
    loss = DenoisingAutoEncoderLoss(BertEncoder(), deletion_ratio=0.0)
    torch.testing.assert_close(loss(features), loss(features * 2))


def test_every_weight_is_trained_once():
    loss = DenoisingAutoEncoderLoss(BertEncoder())
    loss(columns(6, 5, 9)).backward()
    assert all(parameter.grad is not None for parameter in loss.parameters())
    encoder = {id(parameter) for parameter in loss.model.parameters()}
    assert encoder < {id(parameter) for parameter in loss.parameters()}
    names = [name for name, _ in loss.named_parameters()]
    assert not any("embeddings" in name for name in names if name.startswith("decoder."))


@pytest.fixture
def other_vocabulary(tmp_path):
    """The decoder of `bert_folder` behind a tokenizer that numbers the words from the other end."""
    import shutil

    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    folder = tmp_path / "other"
    shutil.copytree(bert_folder(1), folder)
    words = ["[PAD]", "[UNK]", *(f"w{i}" for i in range(39, 3, -1))]
    vocabulary = {word: i for i, word in enumerate(words)}
    from tokenizers import pre_tokenizers

    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", pad_token="[PAD]").save_pretrained(
        folder
    )
    return str(folder)


def test_a_decoder_with_another_vocabulary_gets_the_texts(other_vocabulary):
    loss = DenoisingAutoEncoderLoss(BertEncoder(), other_vocabulary, False)
    assert loss.need_retokenization
    damaged, original = columns(4, 5, 7)
    original["input_ids"] = original["input_ids"].clamp(min=4) * original["attention_mask"]
    renumbered = {**original, "input_ids": (41 - original["input_ids"]) * original["attention_mask"]}
    value = loss([damaged, original])
    loss.need_retokenization = False
    torch.testing.assert_close(value, loss([damaged, renumbered]))
    loss.need_retokenization = True
    given = {**original, "input_ids": original["input_ids"] * 0, "views": {"decoder": renumbered}}
    torch.testing.assert_close(loss([damaged, given]), value)


def test_stores_its_arguments():
    laws.stores_its_arguments(
        DenoisingAutoEncoderLoss(BertEncoder()),
        {
            "decoder_name_or_path": bert_folder(),
            "tie_encoder_decoder": True,
            "deletion_ratio": 0.6,
            "seed": 0,
            "need_retokenization": False,
        },
    )


def test_refuses_what_it_does_not_take():
    loss = DenoisingAutoEncoderLoss(BertEncoder())
    with pytest.raises(ValueError, match=r"`DenoisingAutoEncoderLoss` takes .*, got 3 columns"):
        loss(columns(3, 4, 4, 4))
    with pytest.raises(ValueError, match=r"takes .*, of tokens, got embeddings alone"):
        loss.compute_loss_from_embeddings([embeddings(3, 6)])
    with pytest.raises(ValueError, match="`model` must have a transformer inside, got TokenEncoder"):
        DenoisingAutoEncoderLoss(TokenEncoder())
    with pytest.raises(ValueError, match="`decoder_name_or_path` must be given without"):
        DenoisingAutoEncoderLoss(BertEncoder(), tie_encoder_decoder=False)
    with pytest.raises(ValueError, match="`deletion_ratio` must be at least 0 and below 1, got 1"):
        DenoisingAutoEncoderLoss(BertEncoder(), deletion_ratio=1)
