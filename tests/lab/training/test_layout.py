"""The layout changes the memory's order and nothing else."""

import torch

from podium.lab.models import build_model
from podium.lab.training.layout import laid_out
from podium.spec import CNNConfig, LinesConfig


def test_values_and_shapes_stay():
    model = build_model(CNNConfig(blocks=2))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    pictures = torch.rand(3, 1, 28, 28)
    answers = model(pictures)
    moved = laid_out(model)
    assert moved.blocks[1].convolution.weight.is_contiguous(memory_format=torch.channels_last)
    assert all(torch.equal(before[name], value) for name, value in moved.state_dict().items())
    torch.testing.assert_close(moved(pictures), answers)


def test_norms_over_groups_keep_their_order():
    model = laid_out(build_model(CNNConfig(blocks=2, residual=True)))
    assert model.blocks[1].first.weight.is_contiguous()


def test_a_line_readers_convolutions_are_moved():
    model = laid_out(build_model(LinesConfig()))
    assert model.columns.second.weight.is_contiguous(memory_format=torch.channels_last)
