import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from podium.lab.training.averaging import Average, decay_at


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def test_equals_torchs_own_once_the_decay_is_reached(monkeypatch):
    ours = model()
    average = Average(ours, 0.5)
    theirs = AveragedModel(ours, multi_avg_fn=get_ema_multi_avg_fn(0.5), use_buffers=True)
    theirs.n_averaged += 1  # torch's copies the first weights; ours has them from the start
    optimizer = torch.optim.SGD(ours.parameters(), lr=0.1)
    for step in range(10, 15):  # (1 + 10) / (10 + 10) > 0.5
        ours(torch.randn(8, 3)).square().mean().backward()
        optimizer.step()
        average.update(step)
        theirs.update_parameters(ours)
    for name, value in average.values.items():
        torch.testing.assert_close(value, theirs.module.state_dict()[name])


def test_a_random_start_is_soon_forgotten():
    assert decay_at(0.999, 0) == pytest.approx(0.1)
    assert decay_at(0.999, 10**6) == 0.999


def test_in_place_and_back_bit_for_bit():
    ours = model()
    average = Average(ours, 0.9)
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    average.load({name: value + 1 for name, value in average.values.items()})
    with average.in_place():
        assert torch.equal(ours[0].weight, before["0.weight"] + 1)
        assert ours[1].num_batches_tracked.item() == 0
    assert all(torch.equal(value, before[name]) for name, value in ours.state_dict().items())
