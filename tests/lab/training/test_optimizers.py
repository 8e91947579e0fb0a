import math

import pytest
import torch
from torch import nn

from podium.lab.training.optimizers import (
    OPTIMIZERS,
    build_optimizer,
    clip_gradients,
    learning_rate_at,
    set_learning_rate,
)
from podium.spec import ViTConfig


def trained(make_optimizer) -> list[torch.Tensor]:
    torch.manual_seed(0)
    model = nn.Linear(5, 3)
    optimizer = make_optimizer(model)
    for _ in range(5):
        optimizer.zero_grad()
        model(torch.ones(2, 5)).square().sum().backward()
        optimizer.step()
    return [p.detach() for p in model.parameters()]


@pytest.mark.parametrize(("name", "torchs"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)])
def test_equal_to_torchs_own(name, torchs):
    config = ViTConfig(optimizer=name, learning_rate=0.01, weight_decay=0.1)
    ours = trained(lambda model: build_optimizer(config, model.parameters()))
    theirs = trained(lambda model: torchs(model.parameters(), lr=0.01, betas=(0.9, 0.98), weight_decay=0.1))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_the_two_differ_when_there_is_decay():
    ends = [
        trained(lambda m, n=name: build_optimizer(ViTConfig(optimizer=n, weight_decay=0.5), m.parameters()))
        for name in OPTIMIZERS
    ]
    assert not torch.allclose(ends[0][0], ends[1][0])


def test_schedule_rises_then_falls_to_zero():
    config = ViTConfig(learning_rate=0.5, warmup=0.1)
    rates = [learning_rate_at(config, step, 100) for step in range(101)]
    assert rates[9] == rates[10] == 0.5
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[55] == pytest.approx(0.25)
    assert rates[100] == pytest.approx(0.0)


def test_schedule_without_warmup_equals_torchs_cosine():
    config = ViTConfig(learning_rate=0.5, warmup=0.0)
    optimizer = build_optimizer(config, nn.Linear(1, 1).parameters())
    torchs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    for step in range(20):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(learning_rate_at(config, step, 20))
        optimizer.step()
        torchs.step()


def test_learning_rate_reaches_every_group():
    layer = nn.Linear(2, 2)
    optimizer = torch.optim.Adam([{"params": [layer.weight]}, {"params": [layer.bias]}])
    set_learning_rate(optimizer, 0.25)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]


@pytest.mark.parametrize(("clip", "norm"), [(1.0, 1.0), (None, math.sqrt(4 * 100**2))])
def test_clipping(clip, norm):
    layer = nn.Linear(2, 2, bias=False)
    layer.weight.grad = torch.full((2, 2), 100.0)
    clip_gradients(ViTConfig(clip=clip), layer)
    assert layer.weight.grad.norm().item() == pytest.approx(norm, rel=1e-4)
