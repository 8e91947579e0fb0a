"""All kinds of encoding in one form, to the bit what each is alone."""

import pytest
import torch

from podium.lab.models import build_model
from podium.lab.models.positions import POSITIONS
from podium.lab.training.cohort.encoding import with_shared_encoding
from podium.spec import CNNConfig, VisionToSequenceConfig, ViTConfig

VIT = ViTConfig(dim=8, depth=2, heads=2, patch=14)
READER = VisionToSequenceConfig(dim=8, depth=1, decoder_depth=1, heads=2, patch=28, digits=2)


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("base", [VIT, VIT.but(pool="class"), READER], ids=["vit", "class token", "reader"])
def test_computes_what_the_model_does(base, position):
    config = base.but(position=position)
    own = build_model(config).eval()
    shared = with_shared_encoding(config, own).eval()
    side = 84 if base is READER else 28
    inputs = (torch.randn(3, 1, side, side), *([torch.tensor([[10, 1, 2]] * 3)] if base is READER else []))
    assert torch.equal(own(*inputs), shared(*inputs))
    assert {name for name, _ in own.named_parameters()} <= {name for name, _ in shared.named_parameters()}


@pytest.mark.parametrize("base", [VIT, READER], ids=["vit", "reader"])
def test_all_kinds_have_the_same_names_and_shapes(base):
    models = [with_shared_encoding(c, build_model(c)) for c in (base.but(position=p) for p in POSITIONS)]
    forms = [{name: value.shape for name, value in [*m.named_parameters(), *m.named_buffers()]} for m in models]
    assert all(form == forms[0] for form in forms)


def test_only_learned_rows_learn():
    for position in POSITIONS:
        config = VIT.but(position=position)
        shared = with_shared_encoding(config, build_model(config))
        assert shared.get_parameter("position.rows").requires_grad == (position == "learned")


def test_heads_that_cannot_be_turned_are_not():
    config = ViTConfig(dim=9, depth=1, heads=3, patch=14, position="learned")
    own = build_model(config).eval()
    images = torch.randn(2, 1, 28, 28)
    assert torch.equal(own(images), with_shared_encoding(config, own).eval()(images))


def test_a_model_without_positions_is_copied():
    config = CNNConfig(channels=2, dim=4)
    own = build_model(config)
    shared = with_shared_encoding(config, own)
    assert shared is not own
    assert all(torch.equal(a, b) for a, b in zip(own.parameters(), shared.parameters(), strict=True))
