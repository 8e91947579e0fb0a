"""The stacked update, beside torch's own optimisers on the same gradients."""

import math

import pytest
import torch

from podium.lab.training.cohort.adam import constants, table, update
from podium.lab.training.cohort.stacking import BLOCK, Weights
from podium.spec import ViTConfig

STEPS = 6
CONFIGS = [
    ViTConfig(optimizer="adamw", learning_rate=0.1, weight_decay=0.3, clip=0.5, epochs=2),
    ViTConfig(optimizer="adam", learning_rate=0.2, weight_decay=0.3, clip=None, beta1=0.5, epochs=3),
    ViTConfig(optimizer="adam", learning_rate=0.05, weight_decay=0.0, clip=100.0, beta2=0.7, warmup=0.5),
]


def stacked(count=3):
    torch.manual_seed(0)
    values = torch.randn(count, BLOCK, dtype=torch.float64)
    zeros = torch.zeros_like(values)
    return Weights(("w",), (torch.Size([BLOCK]),), values, zeros, zeros.clone(), None, {})


def gradients(step, count=3):
    return torch.randn(count, BLOCK, dtype=torch.float64, generator=torch.Generator().manual_seed(step))


def stepped(weights, configs, steps, goes):
    fixed = constants(configs, weights.values_KP)
    course = table(configs, [0] * len(configs), STEPS, weights.values_KP)
    return [update(weights, fixed, course.numbers_S4K[s], gradients(s, len(configs)), goes) for s in range(steps)]


def test_equal_to_torchs_optimisers():
    weights = stacked()
    norms = stepped(weights, CONFIGS, STEPS, torch.ones(3, dtype=torch.bool))
    for slot, config in enumerate(CONFIGS):
        parameter = torch.nn.Parameter(stacked().values_KP[slot].clone())
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
        optimizer = kind([parameter], betas=(config.beta1, config.beta2), weight_decay=config.weight_decay)
        rising = round(config.warmup * config.epochs * STEPS)
        for step in range(STEPS):
            left = math.pi * (step - rising) / (config.epochs * STEPS - rising)
            share = (step + 1) / rising if step < rising else 0.5 * (1 + math.cos(left))
            optimizer.param_groups[0]["lr"] = config.learning_rate * share
            parameter.grad = gradients(step)[slot].clone()
            assert norms[step][slot].item() == pytest.approx(parameter.grad.norm().item())
            if config.clip is not None:
                torch.nn.utils.clip_grad_norm_([parameter], config.clip)
            optimizer.step()
        torch.testing.assert_close(weights.values_KP[slot], parameter.detach(), rtol=0, atol=1e-12)
        state = optimizer.state[parameter]
        torch.testing.assert_close(weights.first_KP[slot], state["exp_avg"], rtol=0, atol=1e-12)
        torch.testing.assert_close(weights.second_KP[slot], state["exp_avg_sq"], rtol=0, atol=1e-12)


def test_what_does_not_go_keeps_every_bit():
    weights = stacked()
    goes = torch.tensor([True, False, True])
    stepped(weights, CONFIGS, 2, goes)
    moved = [not torch.equal(weights.values_KP[slot], stacked().values_KP[slot]) for slot in range(3)]
    assert moved == [True, False, True]


def test_what_does_not_learn_has_no_part_in_the_norm():
    weights = stacked()
    weights.learns_KP = torch.zeros(3, BLOCK, dtype=torch.bool)
    weights.learns_KP[:, :10] = True
    (norms,) = stepped(weights, CONFIGS, 1, torch.ones(3, dtype=torch.bool))
    torch.testing.assert_close(norms, gradients(0)[:, :10].norm(dim=1))
    assert torch.equal(weights.values_KP[:, 10:], stacked().values_KP[:, 10:])


def test_a_gradient_that_is_no_number_ends_its_variant_for_good():
    weights = stacked()
    goes = torch.ones(3, dtype=torch.bool)
    fixed, course = constants(CONFIGS, weights.values_KP), table(CONFIGS, [0] * 3, STEPS, weights.values_KP)
    broken = gradients(0)
    broken[1, 5] = math.inf
    update(weights, fixed, course.numbers_S4K[0], broken, goes)
    update(weights, fixed, course.numbers_S4K[1], gradients(1), goes)
    assert goes.tolist() == [True, False, True]
    assert torch.equal(weights.values_KP[1], stacked().values_KP[1])


def test_a_table_is_each_variants_own_place_in_its_own_course():
    like = torch.zeros(1)
    both = table(CONFIGS[:2], [1, 0], STEPS, like)
    assert torch.equal(both.numbers_S4K[:, :, 0], table(CONFIGS[:1], [1], STEPS, like).numbers_S4K[:, :, 0])
    assert torch.equal(both.keys_SK[:, 1], table(CONFIGS[1:2], [0], STEPS, like).keys_SK[:, 0])
    assert both.keys_SK.unique().numel() == 2 * STEPS
