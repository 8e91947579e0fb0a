"""Composites: what the picture shows is what the tokens say."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from podium.lab.data.composites import assert_disjoint, compose, placed
from podium.lab.randomness import generator
from podium.lab.transcripts import END, PADDING, START, as_text
from podium.spec import PodiumError

# Ten "digits" that are squares of ten greys: a picture's greys from left to right are then its digits.
GREYS = torch.zeros(10, 28, 28, dtype=torch.uint8)
for digit in range(10):
    GREYS[digit, 4:24, 8:20] = 25 * (digit + 1)
LABELS = torch.arange(10)


def read_greys(picture):
    """Read the grey of each square, from left to right."""
    columns = picture.max(dim=0).values.tolist()
    runs, start = [], None
    for place, inked in enumerate([*(grey > 12 for grey in columns), False]):
        if inked and start is None:
            start = place
        elif not inked and start is not None:
            runs.append(max(columns[start:place]))
            start = None
    return "".join(str(round(grey / 25) - 1) for grey in runs)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 5))
def test_pictures_read_from_left_to_right_as_their_tokens(seed, digits):
    made = compose(GREYS, LABELS, 20, digits, generator(seed, 0, "test"))
    assert made.pictures.shape == (20, 84, 84)
    assert made.pictures.dtype == torch.uint8
    assert made.tokens.shape == (20, digits + 2)
    for picture, tokens in zip(made.pictures, made.tokens.tolist(), strict=True):
        assert read_greys(picture) == as_text(tokens)


def test_numbers_may_be_shorter_than_their_places():
    made = compose(GREYS, LABELS, 60, 5, generator(3, 0, "test"), longest=2)
    assert made.tokens.shape == (60, 7)
    numbers = [as_text(tokens) for tokens in made.tokens.tolist()]
    assert {len(number) for number in numbers} == {1, 2}
    assert [read_greys(picture) for picture in made.pictures] == numbers


def test_all_ink_lies_inside_the_picture():
    made = compose(GREYS, LABELS, 300, 5, generator(0, 0, "test"))
    edge = torch.cat((made.pictures[:, :2], made.pictures[:, -2:]), dim=1)
    assert edge.max() == 0
    assert made.pictures[:, :, [0, -1]].max() == 0


def test_lengths_are_equally_often():
    made = compose(GREYS, LABELS, 4_000, 4, generator(0, 0, "test"))
    lengths = (made.tokens < START).sum(dim=1)
    assert torch.bincount(lengths, minlength=5)[1:].min() > 900
    assert (made.tokens == END).sum(dim=1).eq(1).all()
    assert made.tokens[:, 0].eq(START).all()
    ends = (made.tokens == END).int().argmax(dim=1)
    place = torch.arange(6)
    assert made.tokens[place > ends[:, None]].eq(PADDING).all()


def test_a_generator_decides_everything_and_chunks_do_not_show():
    first = compose(GREYS, LABELS, 600, 2, generator(1, 2, "x"))
    again = compose(GREYS, LABELS, 600, 2, generator(1, 2, "x"))
    other = compose(GREYS, LABELS, 600, 2, generator(1, 3, "x"))
    assert torch.equal(first.pictures, again.pictures)
    assert torch.equal(first.tokens, again.tokens)
    assert not torch.equal(first.tokens, other.tokens)
    assert first.pictures.flatten(1).amax(dim=1).gt(0).all()


def test_a_digit_at_its_own_size_in_whole_pixels_is_copied():
    weights = placed(torch.tensor([[42.0]]), torch.tensor([[28.0]]))[0, 0]
    image = torch.randn(28, 28)
    drawn = weights @ image @ weights.T
    assert torch.allclose(drawn[28:56, 28:56], image, atol=1e-6)
    assert drawn.abs().sum() == pytest.approx(image.abs().sum().item(), rel=1e-4)


@pytest.mark.parametrize("size", [14.0, 21.0, 28.0])
def test_shrinking_keeps_the_grey(size):
    weights = placed(torch.tensor([[42.0]]), torch.tensor([[size]]))[0, 0]
    assert torch.allclose(weights.sum(dim=1)[40:44], torch.ones(4), atol=1e-5)


@pytest.mark.parametrize(("digits", "images"), [(0, GREYS), (8, GREYS), (2, GREYS[:0])])
def test_what_fits_no_picture_is_refused(digits, images):
    with pytest.raises(PodiumError, match="1 to 7 digits out of one image or more"):
        compose(images, LABELS, 1, digits, generator(0, 0, "x"))


def test_disjoint_sources_pass_and_shared_ones_are_named():
    assert_disjoint(train=torch.tensor([0, 1]), validation=torch.tensor([2]), test=torch.tensor([], dtype=torch.int64))
    with pytest.raises(PodiumError, match="validation and test share 2 source images"):
        assert_disjoint(train=torch.tensor([0]), validation=torch.tensor([1, 2, 2]), test=torch.tensor([2, 1, 5]))
