"""Lines: sizes, order, distances, and that a generator decides everything."""

import pytest
import torch

from podium.lab.data.composites import drawn, placed
from podium.lab.data.lines import compose_lines, ink_edges
from podium.lab.randomness import generator
from podium.lab.transcripts import END, LINE_HEIGHT, PADDING, START, line_width
from podium.spec import PodiumError


@pytest.fixture
def bars():
    """Ten pictures whose ink is an upright bar as wide as 4 + label pixels."""
    images = torch.zeros(10, 28, 28, dtype=torch.uint8)
    for label in range(10):
        images[label, 4:24, 8 : 12 + label] = 255
    return images, torch.arange(10)


def lines(bars, count=200, digits=4, seed=0, spacing=0.5, overlap=0.2):
    return compose_lines(*bars, count, digits, generator(seed, 0, "x"), spacing=spacing, overlap=overlap)


def runs_of_ink(picture):
    """Return where each unbroken run of inked columns begins and ends."""
    inked = [0, *(picture > 100).any(0).int().tolist(), 0]
    edges = [column for column in range(len(inked) - 1) if inked[column] != inked[column + 1]]
    return list(zip(edges[::2], edges[1::2], strict=True))


def test_sizes_and_tokens(bars):
    made = lines(bars)
    assert made.pictures.shape == (200, LINE_HEIGHT, line_width(4, 0.5))
    assert made.pictures.dtype == torch.uint8
    assert made.tokens.shape == (200, 6)
    assert (made.tokens[:, 0] == START).all()
    lengths = (made.tokens < 10).sum(dim=1)
    assert lengths.unique().tolist() == [1, 2, 3, 4]
    assert all(
        row[1 + n] == END and (row[2 + n :] == PADDING).all() for row, n in zip(made.tokens, lengths, strict=True)
    )


def test_the_digits_stand_in_the_order_of_the_tokens(bars):
    made = lines(bars, spacing=0.6, overlap=0.0)
    read = 0
    for picture, tokens in zip(made.pictures, made.tokens, strict=True):
        digits = tokens[tokens < 10].tolist()
        runs = runs_of_ink(picture)
        if len(runs) == len(digits):  # neighbours that touch are one run
            read += 1
            for (begin, end), digit in zip(runs, digits, strict=True):
                assert (4 + digit) * 0.8 - 1.5 <= end - begin <= 4 + digit + 1.5
    assert read > 120


def test_distances_are_between_overlap_and_spacing(bars):
    apart = lines(bars, spacing=1.0, overlap=0.0)
    gaps = [
        b - a for picture in apart.pictures for (_, a), (b, _) in zip(*[iter(runs_of_ink(picture))] * 2, strict=False)
    ]
    assert max(gaps) <= 21
    assert max(gaps) > 16
    close = lines(bars, spacing=0.0, overlap=0.5)
    most = (close.tokens < 10).sum(dim=1) == 4
    spread = [runs_of_ink(picture)[-1][1] - runs_of_ink(picture)[0][0] for picture in close.pictures[most]]
    ink = ((close.tokens[most] + 4) * (close.tokens[most] < 10)).sum(dim=1)
    assert (torch.tensor(spread) < ink).all()


def test_no_ink_is_cut_off(bars):
    made = lines((bars[0][9:], bars[1][9:]), digits=6, spacing=0.3)
    assert not made.pictures[:, :, [0, -1]].any()
    assert not made.pictures[:, [0, -1]].any()


def test_a_generator_decides_everything(bars):
    first = lines(bars)
    assert torch.equal(first.pictures, lines(bars).pictures)
    assert not torch.equal(first.pictures, lines(bars, seed=1).pictures)


def test_edges_of_ink(bars):
    left, right = ink_edges(torch.cat((bars[0][:2], torch.zeros(1, 28, 28, dtype=torch.uint8))))
    assert left.tolist() == [8, 8, 0]
    assert right.tolist() == [12, 13, 28]


@pytest.mark.parametrize(("digits", "count"), [(0, 10), (3, 0)])
def test_nothing_to_draw_from_is_said(bars, digits, count):
    with pytest.raises(PodiumError, match="A line holds 1 digit or more out of one image or more"):
        compose_lines(bars[0][:count], bars[1][:count], 5, digits, generator(0, 0, "x"), spacing=0.1, overlap=0.1)


def test_a_digit_is_drawn_where_it_is_placed():
    ink = torch.zeros(1, 1, 28, 28)
    ink[..., 14:16, 14:16] = 255.0
    picture = drawn(ink, torch.tensor([[30.0]]), torch.tensor([[10.0]]), torch.tensor([[28.0]]), (20, 50))
    assert picture.shape == (1, 20, 50)
    assert picture.nonzero().tolist() == [[0, 10, 30], [0, 10, 31], [0, 11, 30], [0, 11, 31]]
    assert placed(torch.tensor([[30.0]]), torch.tensor([[28.0]]), 50).shape == (1, 1, 50, 28)
