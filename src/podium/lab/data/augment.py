"""Augmentation of a whole batch at once, on its device, from the numbers of (seed, step): for training pictures only.

Strengths are numbers or, in a cohort, tensors: nothing here asks a tensor what it is. Shapes: B batch, H by W pixels.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from podium.lab import randomness
from podium.lab.data.mnist import DEVIATION, MEAN

ROTATION = math.radians(15)
SCALE = 0.12  # smaller or larger by up to this fraction
SHEAR = math.radians(8)
SHIFT = 0.08  # of the picture's shorter side
ELASTIC = 0.18  # of the shorter side: how far a knot may be pulled; a point moves by 1.4 of 28 pixels (deviation)
PULLS = 4  # stretches on the shorter side that are pulled each their own way
NOISE = 0.15  # deviation, of the way from ground to ink
GROUND = 0.6  # brightest ground, of the way from ground to ink
PATCHES = 3  # stretches on the shorter side whose ground is each its own
CHUNK = 4_096  # single digits that are bent at once: bounds the memory

Strength = float | Tensor


def augmented(
    images_B1HW: Tensor,
    *,
    affine: Strength = 0.0,
    elastic: Strength = 0.0,
    noise: Strength = 0.0,
    background: Strength = 0.0,
) -> Tensor:
    """Change each picture by its own random amounts; call it inside `randomness.at(seed, step)`.

    Args:
        images_B1HW: normalised float pictures (B, 1, H, W).
        affine: strength of rotation, scale, shear and shift; 0 is off, 1 is usual.
        elastic: strength of a smooth distortion (Simard et al. 2003, Best Practices for Convolutional Neural Networks,
            section 2; 1 moves points as far as their alpha of 34 and sigma of 4 do).
        noise: strength of noise on every pixel.
        background: strength of an uneven ground behind the ink.
    """
    batch, _, height, width = images_B1HW.shape
    device = images_B1HW.device
    if _on(affine) or _on(elastic):
        turns_B5 = randomness.uniform("affine", (batch, 5), device) if _on(affine) else None
        shape = (batch, 2, *_nodes(height, width, PULLS))
        pulls_B2hw = randomness.uniform("elastic", shape, device) if _on(elastic) else None
        images_B1HW = warped(images_B1HW, affine, turns_B5, elastic, pulls_B2hw)
    if _on(background):
        shape = (batch, 1, *_nodes(height, width, PATCHES))
        images_B1HW = grounded(images_B1HW, background, randomness.uniform("background", shape, device))
    if _on(noise):
        images_B1HW = noisy(images_B1HW, noise, randomness.normal("noise", images_B1HW.shape, device))
    return images_B1HW


def bent(digits_NSS: Tensor, strength: float, place: str) -> Tensor:
    """Turn, slant, scale and shift each single digit by itself, before numbers are made of them.

    Across a whole number there is little room for that: all its digits would be turned alike. Strokes stay as sharp as
    those of digits that nobody bends, by cubic interpolation (Keys 1981, Cubic Convolution Interpolation for Digital
    Image Processing): a reader of soft ones reads sharp ones worse. Call it inside `randomness.at(seed, epoch)`.

    Args:
        digits_NSS: uint8 (N, S, S), on their device.
        strength: as `affine` of `augmented`.
        place: where the numbers that decide are drawn.

    Returns:
        uint8 (N, S, S); the digits given are left as they are.
    """
    turns_N5 = randomness.uniform(place, (len(digits_NSS), 5), digits_NSS.device)
    parts = zip(digits_NSS.split(CHUNK), turns_N5.split(CHUNK), strict=True)
    warps = (
        warped(part.unsqueeze(1).float(), strength, turns_B5, 0.0, None, mode="bicubic") for part, turns_B5 in parts
    )
    return torch.cat([part.squeeze(1).clamp(0, 255).round().to(torch.uint8) for part in warps])


def warped(
    images_B1HW: Tensor,
    affine: Strength,
    turns_B5: Tensor | None,
    elastic: Strength,
    pulls_B2hw: Tensor | None,
    *,
    mode: str = "bilinear",
) -> Tensor:
    """Move every pixel once, by both distortions together; the border is carried outwards.

    Across a line of digits, which is wider than high, rotation and scale are smaller in proportion.

    Args:
        images_B1HW: float pictures.
        affine: multiplies all its ranges.
        turns_B5: numbers in [0, 1) for rotation, shear, scale, shifts right and down; None for none of them.
        elastic: multiplies its reach.
        pulls_B2hw: numbers in [0, 1), how far each knot of a coarse net is pulled right and down; None for none.
        mode: of `grid_sample`, how a pixel between others is made.
    """
    height, width = images_B1HW.shape[-2:]
    grid_BHW2 = _straight(height, width, images_B1HW.device)[None]
    if turns_B5 is not None:
        grid_BHW2 = _turned(turns_B5, affine, height, width)
    if pulls_B2hw is not None:
        pull_B2HW = smooth(2 * pulls_B2hw - 1, height, width) * (elastic * 2 * ELASTIC * min(height, width))
        right, down = pull_B2HW[:, 0] / width, pull_B2HW[:, 1] / height
        grid_BHW2 = grid_BHW2 + torch.stack((right, down), dim=-1)
    return F.grid_sample(images_B1HW, grid_BHW2, mode=mode, padding_mode="border", align_corners=False)


def noisy(images_B1HW: Tensor, strength: Strength, numbers_B1HW: Tensor) -> Tensor:
    """Add noise to every pixel, between ground and ink; `numbers_B1HW` have mean 0 and deviation 1."""
    ink_B1HW = images_B1HW * DEVIATION + MEAN
    ink_B1HW = (ink_B1HW + numbers_B1HW * (strength * NOISE)).clamp(0, 1)
    return (ink_B1HW - MEAN) / DEVIATION


def grounded(images_B1HW: Tensor, strength: Strength, numbers_B1hw: Tensor) -> Tensor:
    """Lay smooth bright patches behind the ink, which stays as it is; `numbers_B1hw` in [0, 1) say how bright."""
    ink_B1HW = images_B1HW * DEVIATION + MEAN
    ground_B1HW = smooth(numbers_B1hw, *images_B1HW.shape[-2:]) * (strength * GROUND)
    ink_B1HW = ink_B1HW + (1 - ink_B1HW) * ground_B1HW.clamp(0, 1)
    return (ink_B1HW - MEAN) / DEVIATION


def smooth(knots_BChw: Tensor, height: int, width: int) -> Tensor:
    """Draw a smooth surface through the neighbourhood of knots: (B, C, h, w) to (B, C, H, W), never beyond them.

    The weights are a uniform cubic B-spline's (de Boor 1978, A Practical Guide to Splines).
    """
    down_Hh = _spline(height, knots_BChw.shape[-2], knots_BChw.device)
    across_Ww = _spline(width, knots_BChw.shape[-1], knots_BChw.device)
    return down_Hh @ knots_BChw @ across_Ww.mT


def _turned(turns_B5: Tensor, strength: Strength, height: int, width: int) -> Tensor:
    turn_5B = (2 * turns_B5 - 1).mT * strength
    short = min(height, width)
    slim = short / max(height, width)
    rotation, slant = turn_5B[0] * (ROTATION * slim), (turn_5B[1] * SHEAR).tan()
    scale = 1 / (1 + turn_5B[2] * (SCALE * slim))
    right, down = turn_5B[3] * (2 * SHIFT * short / width), turn_5B[4] * (2 * SHIFT * short / height)
    cos, sin = rotation.cos() * scale, rotation.sin() * scale
    wide = width / height  # the grid's unit is half a side, which is longer across
    row_x = torch.stack((cos, (slant * cos - sin) / wide, right), dim=-1)
    row_y = torch.stack((sin * wide, slant * sin + cos, down), dim=-1)
    theta_B23 = torch.stack((row_x, row_y), dim=-2)
    straight_HW2 = _straight(height, width, turns_B5.device)
    moved_BNx2 = straight_HW2.flatten(0, 1) @ theta_B23[..., :2].mT + theta_B23[..., None, :, 2]
    return moved_BNx2.unflatten(-2, (height, width))


def _straight(height: int, width: int, device: torch.device) -> Tensor:
    """Return the grid that moves nothing: x and y of each pixel's middle, (H, W, 2), the picture from -1 to 1."""
    y_H = (2 * torch.arange(height, device=device) + 1) / height - 1
    x_W = (2 * torch.arange(width, device=device) + 1) / width - 1
    return torch.stack((x_W.expand(height, width), y_H[:, None].expand(height, width)), dim=-1)


@cache
def _spline(pixels: int, knots: int, device: torch.device) -> Tensor:
    """Return how much of each knot a pixel takes, (pixels, knots); three knots more than stretches between them."""
    at_P = (torch.arange(pixels, device=device) + 0.5) / pixels * (knots - 3)
    knot_K = torch.arange(knots, device=device) - 1
    far_PK = (at_P[:, None] - knot_K).abs()
    near_PK = 2 / 3 - far_PK**2 + far_PK**3 / 2
    return torch.where(far_PK < 1, near_PK, (2 - far_PK).clamp(min=0) ** 3 / 6)


def _nodes(height: int, width: int, stretches: int) -> tuple[int, int]:
    short = min(height, width)
    return round(stretches * height / short) + 3, round(stretches * width / short) + 3


def _on(strength: Strength) -> bool:
    return isinstance(strength, Tensor) or strength > 0
