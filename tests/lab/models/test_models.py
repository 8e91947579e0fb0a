"""Whole models: shapes, seeds, reading, and that each can learn a handful of pictures by heart."""

import pytest
import torch
from torch.nn import functional as F

from podium.lab import randomness, transcripts
from podium.lab.data import composites
from podium.lab.models import MODELS, build_model
from podium.spec import CONFIGS, CNNConfig, PodiumError, VisionToSequenceConfig, ViTConfig

SMALL_READER = VisionToSequenceConfig(dim=32, heads=2, depth=1, decoder_depth=1, patch=28, digits=3)


def test_there_is_a_model_for_every_config():
    assert MODELS.keys() == CONFIGS.keys()


@pytest.mark.parametrize("position", ["none", "sinusoidal", "learned", "rotary"])
def test_shapes(position):
    pictures = torch.randn(2, 1, 28, 28)
    assert build_model(ViTConfig(position=position))(pictures).shape == (2, 10)
    reader = build_model(SMALL_READER.but(position=position))
    assert reader(torch.randn(2, 1, 84, 84), torch.zeros(2, 4, dtype=torch.int64)).shape == (2, 4, 13)


def test_the_cnn_names_digits():
    assert build_model(CNNConfig(channels=4, dim=8))(torch.randn(3, 1, 28, 28)).shape == (3, 10)


def test_weights_are_a_function_of_the_seed_and_nothing_else():
    before = torch.random.get_rng_state()
    first = build_model(ViTConfig(seed=1)).state_dict()
    torch.rand(3)
    second = build_model(ViTConfig(seed=1)).state_dict()
    third = build_model(ViTConfig(seed=2)).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["head.weight"], third["head.weight"])
    torch.random.set_rng_state(before)
    build_model(ViTConfig())
    assert torch.equal(before, torch.random.get_rng_state())


def test_variants_of_one_seed_share_the_weights_of_the_layers_they_share():
    learned = build_model(ViTConfig(position="learned")).state_dict()
    none = build_model(ViTConfig(position="none")).state_dict()
    assert learned.keys() - none.keys() == {"position.rows"}
    assert all(torch.equal(learned[name], none[name]) for name in none)


@torch.no_grad()
def test_kinds_of_attention_that_share_their_weights_start_equal():
    images = torch.randn(2, 1, 28, 28)
    multi, fused = (build_model(ViTConfig(attention=kind)).eval() for kind in ("multi", "torch"))
    assert torch.allclose(multi(images), fused(images), atol=1e-5)


def test_every_dropout_knows_its_place():
    model = build_model(ViTConfig(dropout=0.5, depth=1))
    places = [module.place for module in model.modules() if type(module).__name__ == "Dropout"]
    assert len(places) == len(set(places)) == 4
    assert "encoder.blocks.0.attention.dropout" in places


def test_dropout_repeats_within_a_step():
    model = build_model(ViTConfig(dropout=0.5)).train()
    pictures = torch.randn(2, 1, 28, 28)
    with randomness.at(0, 5):
        first, again = model(pictures), model(pictures)
    with randomness.at(0, 6):
        other = model(pictures)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(PodiumError, match="patch must divide"):
        build_model(ViTConfig(patch=5))
    with pytest.raises(PodiumError, match="multiple of heads"):
        build_model(ViTConfig(dim=10, heads=4))


def test_a_vit_learns_a_few_pictures_by_heart():
    model = build_model(ViTConfig(dim=32, depth=1))
    pictures, labels = torch.randn(10, 1, 28, 28), torch.arange(10)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(model(pictures), labels).backward()
        optimizer.step()
    assert model(pictures).argmax(1).tolist() == labels.tolist()


def test_reading_gives_the_tokens_learnt_by_heart():
    model = build_model(SMALL_READER)
    pictures = torch.randn(4, 1, 84, 84)
    tokens = composites.as_tokens(
        torch.tensor([[7, 3, 1], [4, 4, 4], [0, 9, 2], [5, 5, 5]]), torch.tensor([3, 1, 2, 3])
    )
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        logits = model(pictures, tokens[:, :-1])
        F.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], ignore_index=transcripts.PADDING).backward()
        optimizer.step()
    assert torch.equal(model.read(pictures), tokens[:, 1:])


def test_reading_step_by_step_agrees_with_one_forward_pass():
    model = build_model(SMALL_READER.but(position="rotary"))
    pictures = torch.randn(8, 1, 84, 84)
    read = model.read(pictures)
    start = torch.full((8, 1), transcripts.START)
    predicted = model(pictures, torch.cat((start, read[:, :-1]), dim=1)).argmax(-1)
    assert read.shape == (8, 4)
    alive = (read != transcripts.PADDING) | (predicted == read)
    assert torch.equal(predicted[alive], read[alive])
