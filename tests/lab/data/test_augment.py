"""Batched augmentation: what each strength does, and that (seed, step) decides everything."""

import math

import pytest
import torch
from torch.nn import functional as F

from podium.lab.data import augment
from podium.lab.data.augment import ELASTIC, augmented, bent, grounded, noisy, smooth, warped
from podium.lab.data.mnist import DEVIATION, MEAN
from podium.lab.randomness import at

KINDS = ("affine", "elastic", "noise", "background")
GROUND, INK = -MEAN / DEVIATION, (1 - MEAN) / DEVIATION


@pytest.fixture
def dots():
    images = torch.full((64, 1, 28, 28), GROUND)
    images[:, :, 12:16, 12:16] = INK
    return images


def change(images, step=1, **strengths):
    with at(0, step):
        return augmented(images, **strengths)


def turns(batch, **numbers):
    """Return numbers that turn nothing, but for those that are named."""
    columns = ("rotation", "shear", "scale", "right", "down")
    return torch.tensor([[numbers.get(name, 0.5) for name in columns]]).expand(batch, -1)


def test_strength_zero_changes_nothing(dots):
    assert augmented(dots) is dots


@pytest.mark.parametrize("kind", KINDS)
def test_seed_and_step_decide_everything(dots, kind):
    first = change(dots, **{kind: 1.0})
    assert torch.equal(first, change(dots, **{kind: 1.0}))
    assert not torch.equal(first, change(dots, step=2, **{kind: 1.0}))
    assert not torch.equal(first[0], first[1])
    assert first.shape == dots.shape


def test_single_digits_are_bent_each_its_own_way(monkeypatch):
    digits = torch.zeros(12, 28, 28, dtype=torch.uint8)
    digits[:, 8:20, 13:15] = 255
    kept = digits.clone()
    with at(0, 3):
        whole = bent(digits, 1.0, "digits")
        assert torch.equal(bent(digits, 0.0, "digits"), digits)
        monkeypatch.setattr(augment, "CHUNK", 5)
        assert torch.equal(bent(digits, 1.0, "digits"), whole)
    assert torch.equal(digits, kept)
    assert whole.dtype == torch.uint8
    assert len({picture.numpy().tobytes() for picture in whole}) == 12
    assert whole.amax() > 200
    ink = whole.float().sum(dim=(1, 2)) / digits.float().sum(dim=(1, 2))
    assert 0.7 < ink.min() < ink.max() < 1.35  # scaled by 12 % at most on either axis


@pytest.mark.parametrize("kind", KINDS)
def test_a_weak_augmentation_is_close_to_the_picture(dots, kind):
    assert torch.allclose(change(dots, **{kind: 1e-4}), dots, atol=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_a_strength_may_be_a_tensor_and_many_at_once(dots, kind):
    wanted = change(dots, **{kind: 0.5})
    assert torch.allclose(change(dots, **{kind: torch.tensor(0.5)}), wanted, atol=1e-5)
    with at(0, 1):
        both = torch.vmap(lambda strength: augmented(dots, **{kind: strength}))(torch.tensor([0.5, 0.0]))
    assert torch.allclose(both[0], wanted, atol=1e-5)
    assert torch.allclose(both[1], dots, atol=1e-4)


def test_a_part_of_a_batch_gets_what_it_gets_in_the_whole(dots):
    strengths = dict.fromkeys(KINDS, 1.0)
    with at(0, 1, 32):
        part = augmented(dots[32:], **strengths)
    assert torch.equal(part, change(dots, **strengths)[32:])


def test_shifts_stay_within_their_range(dots):
    moved = change(dots, affine=1.0) - GROUND
    place = torch.arange(28.0)
    middles = (moved.sum(dim=2) * place).sum(dim=-1) / moved.sum(dim=(2, 3))
    assert (middles - 13.5).abs().max() < 0.08 * 28 * 1.35 + 0.5  # the largest shift, magnified by scale and shear
    assert (middles - 13.5).abs().max() > 1
    assert middles.mean().item() == pytest.approx(13.5, abs=0.6)


def test_ink_stays_nearly_the_same(dots):
    for kind in ("affine", "elastic"):
        moved = (change(dots, **{kind: 1.0}) - GROUND) / (INK - GROUND)
        assert moved.sum(dim=(1, 2, 3)).mean().item() == pytest.approx(16, rel=0.1)


@pytest.mark.parametrize("kind", ["affine", "elastic"])
def test_the_ground_is_carried_in_from_the_border(kind):
    ground = torch.full((8, 1, 28, 28), GROUND)
    assert torch.allclose(change(ground, **{kind: 3.0}), ground)


def test_it_is_torchs_affine_grid(dots):
    numbers = torch.rand(64, 5, generator=torch.Generator().manual_seed(0))
    signed = (2 * numbers - 1).T
    rotation, shear = signed[0] * torch.pi / 12, (signed[1] * torch.pi * 8 / 180).tan()
    scale, right, down = 1 / (1 + signed[2] * 0.12), signed[3] * 0.16, signed[4] * 0.16
    cos, sin = rotation.cos() * scale, rotation.sin() * scale
    theta = torch.stack((cos, shear * cos - sin, right, sin, shear * sin + cos, down), dim=-1).unflatten(-1, (2, 3))
    grid = F.affine_grid(theta, list(dots.shape), align_corners=False)
    wanted = F.grid_sample(dots, grid, padding_mode="border", align_corners=False)
    assert torch.allclose(warped(dots, 1.0, numbers, 0.0, None), wanted, atol=1e-4)


def test_a_line_turns_without_being_bent():
    """In a wide picture a horizontal stroke stays as long and thick, and moves by few pixels at its ends."""
    line = torch.zeros(1, 1, 32, 224)
    line[..., 14:18, 20:200] = 1.0
    turned = warped(line, 1.0, turns(1, rotation=0.999), 0.0, None)
    assert turned.sum().item() == pytest.approx(line.sum().item(), rel=0.02)
    rows = torch.arange(32.0)
    left, right = (
        (turned[0, 0, :, part] * rows[:, None]).sum() / turned[0, 0, :, part].sum()
        for part in (slice(20, 40), slice(180, 200))
    )
    assert 4 < abs(left - right) < 10
    assert turned[..., 3:-3, :].sum() == turned.sum()
    shifted = warped(line, 1.0, turns(1, right=1.0), 0.0, None)
    assert shifted[0, 0, 15].nonzero().min().item() == pytest.approx(20 - 0.08 * 32, abs=1)


def test_elastic_pulls_no_farther_than_it_reaches(dots):
    pulled_right = torch.zeros(64, 2, 7, 7)
    pulled_right[:, 1] = 0.5
    pulled_right[:, 0] = 1.0  # as far as it goes, everywhere the same
    moved = warped(dots, 0.0, None, 1.0, pulled_right)
    place = torch.arange(28.0)
    ink = (moved - GROUND)[0, 0].sum(0)
    assert ((ink * place).sum() / ink.sum() - 13.5).abs().item() == pytest.approx(ELASTIC * 28, abs=0.1)


def test_elastic_moves_points_as_far_as_simards_does():
    pulls = torch.rand(2_000, 2, 7, 7, generator=torch.Generator().manual_seed(0))
    moved = smooth(2 * pulls - 1, 28, 28) * ELASTIC * 28
    theirs = 34 / math.sqrt(3) / (2 * math.sqrt(math.pi) * 4)  # uniform noise through a Gaussian of sigma 4, by alpha
    assert moved.std().item() == pytest.approx(theirs, rel=0.05)


def test_a_smooth_surface_never_leaves_its_knots():
    knots = torch.rand(2, 1, 7, 9)
    surface = smooth(knots, 28, 40)
    assert surface.shape == (2, 1, 28, 40)
    assert surface.min() >= knots.min()
    assert surface.max() <= knots.max()
    assert torch.allclose(smooth(torch.ones(1, 1, 7, 9), 28, 40), torch.ones(1, 1, 28, 40), atol=1e-6)
    assert (surface.diff(dim=-1).abs().max() < 0.25).item()


def test_noise_has_its_deviation_and_stays_between_ground_and_ink():
    grey = torch.full((16, 1, 28, 28), (0.5 - MEAN) / DEVIATION)
    noise = (change(grey, noise=1.0) - grey) * DEVIATION
    assert noise.std().item() == pytest.approx(0.15, abs=0.01)
    strong = noisy(grey, 9.0, torch.randn(grey.shape)) * DEVIATION + MEAN
    assert strong.min().item() == pytest.approx(0, abs=1e-6)
    assert strong.max().item() == pytest.approx(1, abs=1e-6)


def test_a_ground_leaves_the_ink(dots):
    laid = change(dots, background=1.0)
    ink = dots == INK
    assert torch.allclose(laid[ink], dots[ink], atol=1e-5)
    ground = laid[~ink] * DEVIATION + MEAN
    assert ground.min() >= 0
    assert ground.max() <= 0.6 + 1e-5
    assert ground.std() > 0.03
    everywhere = grounded(dots, 2.0, torch.ones(64, 1, 6, 6))
    assert torch.allclose(everywhere, torch.full_like(dots, INK), atol=1e-5)
