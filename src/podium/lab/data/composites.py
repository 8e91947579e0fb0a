"""Composites: numbers of one to several MNIST digits in a line on an 84x84 picture, made in batches on the device.

Shapes: N pictures, D places for digits, P pixels on an axis (84), S = 28 pixels a side of a source digit.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from podium.lab.transcripts import END, PADDING, SIDE, START
from podium.spec import PodiumError

SOURCE_SIDE = 28  # pixels
MARGIN = 5  # source pixels around a digit, empty: the widest tent's reach
CHUNK = 512  # pictures made at once on a GPU: bounds the memory
CACHED = 32  # on a CPU, where a core's cache then holds their weights: 3.5 times as fast as 512

LARGEST = 40.0  # pixels a side of a digit's square, of which its ink fills 20/28
TALLER = 1.3  # a digit's square over its share of the line: squares overlap, ink does not
SHRINK = 0.1  # a digit is smaller by up to this fraction
LINE_SHIFT = 4.0  # pixels that a line may stand above or below, left or right of the middle
DIGIT_SHIFT = 2.0  # pixels that a digit may stand off its place in the line


@dataclass(frozen=True, eq=False)
class Composites:
    """Pictures of numbers and what they say.

    Attributes:
        pictures: uint8 (N, 84, 84).
        tokens: int64 (N, digits + 2): START, the digits, END, then PADDING.
    """

    pictures: torch.Tensor
    tokens: torch.Tensor


def compose(
    images: torch.Tensor,
    labels: torch.Tensor,
    count: int,
    digits: int,
    generator: torch.Generator,
    *,
    longest: int | None = None,
) -> Composites:
    """Draw `count` numbers of one to `longest` digits, lengths equally often, digits with replacement.

    Args:
        images: uint8 (M, 28, 28), the digits to draw from.
        labels: int64 (M,).
        count: how many pictures.
        digits: most digits that a number may have: tokens are of this many places.
        generator: on the images' device; decides everything.
        longest: most digits that one has; `digits` when None.

    Raises:
        PodiumError: where there is no digit to draw from, or `digits` does not fit a picture.
    """
    longest = longest or digits
    if not 1 <= digits <= 7 or len(images) == 0:
        msg = f"A composite holds 1 to 7 digits out of one image or more; got {digits} out of {len(images)} images."
        raise PodiumError(msg)
    device = images.device

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator, device=device)

    source_ND = torch.randint(len(images), (count, digits), generator=generator, device=device)
    length_N = torch.randint(1, longest + 1, (count,), generator=generator, device=device)
    place_D = torch.arange(digits, device=device)
    share_N1 = SIDE / length_N[:, None]
    size_ND = (TALLER * share_N1).clamp(max=LARGEST) * (1 - SHRINK * uniform(count, digits))
    pitch_N1 = (0.9 * share_N1).clamp(max=0.75 * LARGEST)
    x_ND = SIDE / 2 + pitch_N1 * (place_D - (length_N[:, None] - 1) / 2)
    x_ND = x_ND + (2 * uniform(count, 1) - 1) * LINE_SHIFT + (2 * uniform(count, digits) - 1) * DIGIT_SHIFT / 2
    y_ND = SIDE / 2 + (2 * uniform(count, 1) - 1) * LINE_SHIFT + (2 * uniform(count, digits) - 1) * DIGIT_SHIFT
    there_ND = place_D < length_N[:, None]

    pictures = torch.empty((count, SIDE, SIDE), dtype=torch.uint8, device=device)
    for part in chunks_of(count, device):
        ink_NDSS = images[source_ND[part]].float() * there_ND[part, :, None, None]
        pictures[part] = drawn(ink_NDSS, x_ND[part], y_ND[part], size_ND[part], (SIDE, SIDE))
    return Composites(pictures, as_tokens(labels[source_ND], length_N))


def chunks_of(count: int, device: torch.device) -> list[slice]:
    """Return which pictures are made at once: as many as suit the device.

    >>> chunks_of(40, torch.device("cpu"))
    [slice(0, 32, None), slice(32, 64, None)]
    """
    step = CACHED if device.type == "cpu" else CHUNK
    return [slice(start, start + step) for start in range(0, count, step)]


def drawn(
    ink_NDSS: torch.Tensor, x_ND: torch.Tensor, y_ND: torch.Tensor, size_ND: torch.Tensor, shape: tuple[int, int]
) -> torch.Tensor:
    """Draw digits onto one picture each row: uint8 (N, height, width).

    Args:
        ink_NDSS: float pictures of the digits, 0 to 255; all zero where there is none.
        x_ND: where the middle of each comes to stand, in pixels from the left.
        y_ND: likewise from the top.
        size_ND: side of its square, in pixels of the picture.
        shape: height and width of the picture.
    """
    rows_NDPS, columns_NDPS = placed(y_ND, size_ND, shape[0]), placed(x_ND, size_ND, shape[1])
    sum_NPP = torch.einsum("ndps,ndst,ndqt->npq", rows_NDPS, ink_NDSS, columns_NDPS)
    return sum_NPP.clamp(0, 255).round().to(torch.uint8)


def placed(center_ND: torch.Tensor, size_ND: torch.Tensor, pixels: int = SIDE) -> torch.Tensor:
    """Return interpolation weights (N, D, P, S): how much of each source pixel a picture's pixel takes, on one axis.

    A tent over the source, as wide as a picture's pixel where the digit shrinks, so that thin strokes survive.

    Args:
        center_ND: where the digit's middle comes to stand, in pixels of the picture.
        size_ND: side of the digit's square, in pixels of the picture.
        pixels: P, how many the picture has on this axis.
    """
    scale = (size_ND / SOURCE_SIDE)[..., None, None]
    pixel_P1 = torch.arange(pixels, device=center_ND.device)[:, None] + 0.5
    source_S = torch.arange(-MARGIN, SOURCE_SIDE + MARGIN, device=center_ND.device) + 0.5
    seen = (pixel_P1 - center_ND[..., None, None]) / scale + SOURCE_SIDE / 2
    sharp = scale.clamp(max=1.0)
    tent = (1 - (seen - source_S).abs() * sharp).clamp(min=0)
    return (tent / tent.sum(dim=-1, keepdim=True).clamp(min=1e-6))[..., MARGIN:-MARGIN]


def as_tokens(digits_ND: torch.Tensor, length_N: torch.Tensor) -> torch.Tensor:
    """Write the first `length_N` digits of each row as tokens: START, digits, END, PADDING.

    >>> as_tokens(torch.tensor([[7, 3, 1], [4, 4, 4]]), torch.tensor([3, 1])).tolist()
    [[10, 7, 3, 1, 11], [10, 4, 11, 12, 12]]
    """
    count, most = digits_ND.shape
    tokens = torch.full((count, most + 2), PADDING, dtype=torch.int64, device=digits_ND.device)
    tokens[:, 0] = START
    place_D = torch.arange(most + 1, device=digits_ND.device)
    padded = torch.nn.functional.pad(digits_ND, (0, 1), value=END)
    body = torch.where(place_D < length_N[:, None], padded, PADDING)
    tokens[:, 1:] = torch.where(place_D == length_N[:, None], END, body)
    return tokens


def assert_disjoint(**sources: torch.Tensor) -> None:
    """Check that no source image stands in two splits.

    Args:
        **sources: a split's name to its indices into one pool of images.

    Raises:
        PodiumError: naming both splits and how many images they share.

    >>> assert_disjoint(train=torch.tensor([0, 1]), test=torch.tensor([1]))
    Traceback (most recent call last):
    ...
    podium.spec.errors.PodiumError: train and test share 1 source image; ...
    """
    names = list(sources)
    for position, first in enumerate(names):
        for second in names[position + 1 :]:
            shared = int(torch.isin(sources[first].unique(), sources[second]).sum())
            if shared:
                images = "image" if shared == 1 else "images"
                msg = f"{first} and {second} share {shared} source {images}; a split must never see another's digits."
                raise PodiumError(msg)
