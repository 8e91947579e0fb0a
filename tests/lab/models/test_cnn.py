"""Convolutional blocks: as many as asked for, the residual one torchvision's, and no picture sees another."""

import pytest
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock

from podium.lab.models import build_model
from podium.lab.models.cnn import PlainBlock, ResidualBlock
from podium.spec import CNNConfig, PodiumError


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("blocks", [2, 3, 5])
def test_blocks_are_counted(blocks, residual):
    model = build_model(CNNConfig(channels=4, dim=8, blocks=blocks, residual=residual, classes=7))
    kinds = [type(block) for block in model.blocks]
    assert kinds == [ResidualBlock if residual else PlainBlock] * blocks
    assert model(torch.randn(3, 1, 28, 28)).shape == (3, 7)
    shapes = []
    for block in model.blocks:
        block.register_forward_hook(lambda _module, _inputs, output: shapes.append(list(output.shape[1:])))
    model(torch.randn(1, 1, 28, 28))
    half = (blocks + 1) // 2
    assert shapes == [[4, 28, 28]] * half + [[8, 14, 14]] * (blocks - half)


@pytest.mark.parametrize(("inside", "outside"), [(8, 8), (8, 16)])
def test_a_residual_block_is_torchvisions(inside, outside):
    ours = ResidualBlock(inside, outside)
    shortcut = None if inside == outside else ours.shortcut
    theirs = BasicBlock(inside, outside, downsample=shortcut, norm_layer=lambda width: nn.GroupNorm(8, width))
    for name, part in {"first": "conv1", "first_norm": "bn1", "second": "conv2", "second_norm": "bn2"}.items():
        for parameter in getattr(ours, name).parameters():
            nn.init.normal_(parameter)
        getattr(theirs, part).load_state_dict(getattr(ours, name).state_dict())
    x = torch.randn(2, inside, 6, 6)
    assert torch.allclose(ours(x), theirs(x), atol=1e-5)


def test_what_a_picture_becomes_does_not_depend_on_its_batch():
    model = build_model(CNNConfig(channels=8, dim=8, blocks=3, residual=True)).train()
    images = torch.randn(4, 1, 28, 28)
    assert torch.allclose(model(images)[:1], model(images[:1]), atol=1e-5)


def test_one_block_is_too_few():
    with pytest.raises(PodiumError, match="blocks must be 2 or more"):
        build_model(CNNConfig(blocks=1))


def test_no_name_of_torchs_is_taken():
    model = build_model(CNNConfig(channels=4, dim=8))
    assert model.half() is model
