"""Lines: numbers of one to many digits side by side, as far apart or as deep in each other as chance has it.

Shapes: N pictures, D places for digits, H = 32 pixels high, W pixels across, S = 28 pixels a side of a source digit.
"""

from __future__ import annotations

import torch

from podium.lab.data.composites import SOURCE_SIDE, Composites, as_tokens, chunks_of, drawn
from podium.lab.transcripts import DIGIT_WIDTH, LINE_HEIGHT, LINE_MARGIN, line_width
from podium.spec import PodiumError

SHRINK = 0.2  # a digit is smaller by up to this fraction
SHIFT = 2.0  # pixels that a digit may stand above or below the middle
INK = 64  # a pixel from this on belongs to a digit


def compose_lines(
    images: torch.Tensor,
    labels: torch.Tensor,
    count: int,
    digits: int,
    generator: torch.Generator,
    *,
    spacing: float,
    overlap: float,
    longest: int | None = None,
) -> Composites:
    """Draw `count` lines of one to `longest` digits, lengths equally often, digits with replacement.

    The distance between the ink of two neighbours is anything from `overlap` into each other to `spacing` apart, and
    the line begins anywhere it fits.

    Args:
        images: uint8 (M, 28, 28), the digits to draw from.
        labels: int64 (M,).
        count: how many pictures.
        digits: most digits that a line may have: pictures are wide enough for them.
        generator: on the images' device; decides everything.
        spacing: widest gap, over a digit's 20 pixels.
        overlap: deepest overlap, likewise.
        longest: most digits that one has; `digits` when None.

    Returns:
        Pictures uint8 (N, 32, line_width(digits, spacing)), and their tokens.

    Raises:
        PodiumError: where there is no digit to draw from.
    """
    if digits < 1 or len(images) == 0:
        msg = f"A line holds 1 digit or more out of one image or more; got {digits} out of {len(images)} images."
        raise PodiumError(msg)
    device = images.device
    width = line_width(digits, spacing)

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator, device=device)

    source_ND = torch.randint(len(images), (count, digits), generator=generator, device=device)
    length_N1 = torch.randint(1, (longest or digits) + 1, (count, 1), generator=generator, device=device)
    there_ND = torch.arange(digits, device=device) < length_N1
    left_ND, right_ND = (edge[source_ND] for edge in ink_edges(images))
    scale_ND = (1 - SHRINK * uniform(count, digits)) * (DIGIT_WIDTH / (right_ND - left_ND)).clamp(max=1.0)
    ink_ND = (right_ND - left_ND) * scale_ND * there_ND
    gap_ND = (uniform(count, digits) * (spacing + overlap) - overlap) * DIGIT_WIDTH * there_ND
    gap_ND[:, 0] = 0.0
    end_ND = (ink_ND + gap_ND).cumsum(dim=1)
    room_N1 = width - 2 * LINE_MARGIN - end_ND[:, -1:]
    end_ND = end_ND + LINE_MARGIN + uniform(count, 1) * room_N1.clamp(min=0.0)
    x_ND = end_ND - ink_ND / 2 + (SOURCE_SIDE - left_ND - right_ND) / 2 * scale_ND  # where the picture's middle stands
    y_ND = LINE_HEIGHT / 2 + (2 * uniform(count, digits) - 1) * SHIFT

    pictures = torch.empty((count, LINE_HEIGHT, width), dtype=torch.uint8, device=device)
    for part in chunks_of(count, device):
        ink_NDSS = images[source_ND[part]].float() * there_ND[part, :, None, None]
        pictures[part] = drawn(ink_NDSS, x_ND[part], y_ND[part], SOURCE_SIDE * scale_ND[part], (LINE_HEIGHT, width))
    return Composites(pictures, as_tokens(labels[source_ND], length_N1.squeeze(1)))


def ink_edges(images_MSS: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return where each picture's ink begins and ends across, in pixels from the left; a picture without is all ink."""
    columns_MS = (images_MSS >= INK).any(dim=1)
    pixel_S = torch.arange(SOURCE_SIDE, device=images_MSS.device)
    left_M = torch.where(columns_MS, pixel_S, SOURCE_SIDE).amin(dim=1) % SOURCE_SIDE
    right_M = torch.where(columns_MS, pixel_S + 1, 0).amax(dim=1)
    right_M = torch.where(right_M == 0, SOURCE_SIDE, right_M)
    return left_M.float(), right_M.float()
