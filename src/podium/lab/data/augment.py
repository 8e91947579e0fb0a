"""Affine augmentation of a whole batch at once, on its device."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F  # noqa: N812 - as everybody writes it

ROTATION = math.radians(15)
SCALE = 0.12  # smaller or larger by up to this fraction
SHEAR = math.radians(8)
SHIFT = 0.08  # of the picture's side


def affine(images_B1HW: torch.Tensor, strength: float, generator: torch.Generator) -> torch.Tensor:
    """Rotate, scale, shear and shift each picture by its own random amounts; the border is carried outwards.

    Args:
        images_B1HW: float pictures (B, 1, H, W).
        strength: multiplies all four ranges; 0 returns the pictures as they came.
        generator: on the pictures' device; decides everything.
    """
    if strength == 0:
        return images_B1HW
    random_5B = 2 * torch.rand(5, images_B1HW.shape[0], generator=generator, device=images_B1HW.device) - 1
    random_5B = random_5B * strength
    rotation, shear = random_5B[0] * ROTATION, random_5B[1] * SHEAR
    scale, right, down = 1 / (1 + random_5B[2] * SCALE), random_5B[3] * 2 * SHIFT, random_5B[4] * 2 * SHIFT
    cos, sin, slant = rotation.cos() * scale, rotation.sin() * scale, shear.tan()
    theta_B23 = torch.stack((cos, slant * cos - sin, right, sin, slant * sin + cos, down), dim=-1).unflatten(-1, (2, 3))
    grid = F.affine_grid(theta_B23, list(images_B1HW.shape), align_corners=False)
    return F.grid_sample(images_B1HW, grid, padding_mode="border", align_corners=False)
