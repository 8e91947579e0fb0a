import pytest
import torch
from torch import nn

from podium.lab.models import build_model
from podium.lab.randomness import at
from podium.lab.training.activations import blocks_of, checkpoint_activations
from podium.spec import CNNConfig


def gradients(model, images):
    with at(0, 0):
        loss = model(images).square().mean()
    loss.backward()  # outside of `at`: what is computed again draws what it drew
    return loss.detach(), [parameter.grad for parameter in model.parameters()]


def test_same_loss_and_gradients_to_the_bit(tiny):
    images = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    config = tiny.TINY_VIT.but(depth=2, dropout=0.5)
    plain, saving = build_model(config), build_model(config)
    assert checkpoint_activations(saving) == ["encoder.blocks.0", "encoder.blocks.1"]
    ran = []
    saving.encoder.blocks[0].attention.register_forward_hook(lambda *_: ran.append(1))
    (loss, wanted), (its, got) = gradients(plain, images), gradients(saving, images)
    assert torch.equal(loss, its)
    assert all(torch.equal(one, other) for one, other in zip(wanted, got, strict=True))
    assert len(ran) == 2  # forward, and again on the way back
    assert plain.state_dict().keys() == saving.state_dict().keys()


def test_nothing_is_done_twice_without_gradients(tiny):
    model = build_model(tiny.TINY_VIT)
    checkpoint_activations(model)
    with torch.no_grad():
        assert model.eval()(torch.zeros(1, 1, 28, 28)).shape == (1, 10)


@pytest.mark.parametrize(
    ("model", "blocks"),
    [
        (nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.ReLU())), ["0", "1"]),
        (nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.ReLU()}), ["a"]),
    ],
)
def test_blocks_of_any_model(model, blocks):
    assert blocks_of(model) == blocks


def test_a_cnn_has_blocks_too():
    model = build_model(CNNConfig(channels=2, dim=4))
    assert checkpoint_activations(model)
