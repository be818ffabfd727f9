from __future__ import annotations

import pytest
import torch
from tests.losses.cases.unsupervised import BertEncoder, bert_folder

from foolsgold.losses.parts.decoder import decode, head, load_decoder, tie_to_encoder

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def folder_of(model, path):
    """Save a model of `transformers`, tiny and drawn from a fixed seed."""
    model.save_pretrained(path)
    return str(path)


def made(kind, **options):
    import transformers

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        config = getattr(transformers, f"{kind}Config")(**options)
        return getattr(transformers, CLASSES[kind])(config)


CLASSES = {
    "Bert": "BertLMHeadModel",
    "Roberta": "RobertaForCausalLM",
    "Electra": "ElectraForCausalLM",
    "GPT2": "GPT2LMHeadModel",
    "DistilBert": "DistilBertForMaskedLM",
    "Llama": "LlamaForCausalLM",
}
BERT_LIKE = {
    "vocab_size": 40,
    "hidden_size": 6,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 32,
    "initializer_range": 0.5,
}
KINDS = {
    "Bert": BERT_LIKE,
    "Roberta": BERT_LIKE,
    "Electra": {**BERT_LIKE, "embedding_size": 4},
    "GPT2": {
        "vocab_size": 40,
        "n_embd": 6,
        "n_layer": 1,
        "n_head": 2,
        "n_positions": 32,
        "initializer_range": 0.5,
        "bos_token_id": 2,
        "eos_token_id": 3,
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_states_and_head_make_the_scores(kind, tmp_path):
    folder = folder_of(made(kind, **KINDS[kind]), tmp_path)
    before = torch.get_rng_state()
    decoder, again, other = (load_decoder(folder, BertEncoder()[0], seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    ids, sentences = torch.tensor([[5, 6, 7], [8, 9, 0]]), torch.randn(2, 1, 6)
    states = decode(decoder, ids, sentences)
    scores = decoder(input_ids=ids, encoder_hidden_states=sentences).logits
    torch.testing.assert_close(head(decoder, states), scores)
    torch.testing.assert_close(head(decoder, states.flatten(0, 1)), scores.flatten(0, 1))
    torch.testing.assert_close(decode(again, ids, sentences), states)
    assert not torch.equal(decode(other, ids, sentences), states)  # cross-attention is drawn


def test_tied_weights_are_the_encoders_own():
    encoder = BertEncoder()[0]
    with torch.no_grad():
        encoder.embeddings.word_embeddings.weight += 1  # as after training
    before = {name: x.detach().clone() for name, x in encoder.named_parameters()}
    parameters = dict(encoder.named_parameters())
    decoder = load_decoder(bert_folder(), encoder, 0)
    tie_to_encoder(decoder, encoder, 0)
    assert all(dict(encoder.named_parameters())[name] is x for name, x in parameters.items())
    assert all(torch.equal(x, before[name]) for name, x in encoder.named_parameters())
    own = dict(decoder.base_model.named_parameters())
    assert all(own[name] is x for name, x in parameters.items())
    assert decoder.get_output_embeddings().weight is encoder.embeddings.word_embeddings.weight
    rest = own.keys() - parameters.keys()
    assert rest
    assert all("crossattention" in name for name in rest)


def test_a_grown_vocabulary_is_the_decoders_too():
    encoder = BertEncoder()[0]
    encoder.resize_token_embeddings(43)
    decoder = load_decoder(bert_folder(), encoder, 0)
    tie_to_encoder(decoder, encoder, 0)
    states = decode(decoder, torch.tensor([[42, 1]]), torch.ones(1, 1, 6))
    assert head(decoder, states).shape == (1, 2, 43)
    assert decoder.config.vocab_size == 43


def test_refuses_what_cannot_decode(tmp_path):
    encoder = BertEncoder()[0]
    folder = folder_of(
        made("DistilBert", vocab_size=40, dim=6, n_layers=1, n_heads=2, hidden_dim=12), tmp_path / "distil"
    )
    with pytest.raises(ValueError, match="must name a model that `AutoModelForCausalLM` loads, got "):
        load_decoder(folder, encoder, 0)
    llama = {**BERT_LIKE, "num_key_value_heads": 2, "bos_token_id": 2, "eos_token_id": 3}
    llama["hidden_size"], llama["num_attention_heads"] = 8, 2
    with pytest.raises(ValueError, match="must name a model with cross-attention"):
        load_decoder(folder_of(made("Llama", **llama), tmp_path / "llama"), encoder, 0)
    wide = folder_of(made("Bert", **{**BERT_LIKE, "hidden_size": 8}), tmp_path / "wide")
    with pytest.raises(ValueError, match="must be of the encoder's width, 6, got 8"):
        load_decoder(wide, encoder, 0)
    gpt2 = load_decoder(folder_of(made("GPT2", **KINDS["GPT2"]), tmp_path / "gpt2"), encoder, 0)
    with pytest.raises(ValueError, match=r"`tie_encoder_decoder` must be False for .* BertModel and GPT2"):
        tie_to_encoder(gpt2, encoder, 0)
