"""The batched affine augmentation."""

import pytest
import torch

from podium.lab.data.augment import affine
from podium.lab.randomness import generator


@pytest.fixture
def dots():
    images = torch.zeros(64, 1, 28, 28)
    images[:, :, 12:16, 12:16] = 1.0
    return images


def test_strength_zero_changes_nothing(dots):
    assert affine(dots, 0, generator(0, 0, "x")) is dots


def test_a_generator_decides_everything(dots):
    first = affine(dots, 1.0, generator(0, 1, "x"))
    assert torch.equal(first, affine(dots, 1.0, generator(0, 1, "x")))
    assert not torch.equal(first, affine(dots, 1.0, generator(0, 2, "x")))
    assert not torch.equal(first[0], first[1])


def test_shifts_stay_within_their_range(dots):
    moved = affine(dots, 1.0, generator(0, 0, "x"))
    place = torch.arange(28.0)
    middles = (moved.sum(dim=2) * place).sum(dim=-1) / moved.sum(dim=(2, 3))
    assert (middles - 13.5).abs().max() < 0.08 * 28 * 1.35 + 0.5  # the largest shift, magnified by scale and shear
    assert (middles - 13.5).abs().max() > 1
    assert middles.mean().item() == pytest.approx(13.5, abs=0.6)


def test_ink_stays_nearly_the_same(dots):
    moved = affine(dots, 1.0, generator(0, 0, "x"))
    assert moved.sum(dim=(1, 2, 3)).mean().item() == pytest.approx(16, rel=0.1)


def test_the_ground_is_carried_in_from_the_border():
    ground = torch.full((8, 1, 28, 28), -0.4242)
    assert torch.allclose(affine(ground, 3.0, generator(0, 0, "x")), ground)


def test_a_weak_augmentation_is_close_to_the_picture(dots):
    moved = affine(dots, 1e-4, generator(0, 0, "x"))
    assert torch.allclose(moved, dots, atol=0.01)
