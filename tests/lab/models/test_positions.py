"""Encodings: formulas of the papers, and the properties that make them useful."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from podium.lab.models.positions import POSITIONS, Rotary, Sinusoidal
from podium.lab.models.vit import ViT
from podium.spec import PodiumError, ViTConfig


def test_sinusoidal_is_the_papers_formula():
    table = Sinusoidal(9, 8, 2).table
    for position in range(9):
        for pair in range(4):
            angle = position / 10_000 ** (2 * pair / 8)
            assert table[position, 2 * pair].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert table[position, 2 * pair + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


@pytest.mark.parametrize("name", ["sinusoidal", "learned"])
def test_added_encodings_add_their_rows(name):
    encoding = POSITIONS[name](6, 8, 2)
    x = torch.randn(2, 4, 8)
    assert torch.allclose(encoding(x) - x, encoding.table[:4].expand(2, 4, 8), atol=1e-6)


def test_every_encoding_says_where_it_acts_and_shows_its_table():
    shapes = {}
    for name, kind in POSITIONS.items():
        encoding = kind(6, 8, 2)
        shapes[name] = (encoding.where, None if encoding.table is None else tuple(encoding.table.shape))
        assert "length=6" in repr(encoding)
    assert shapes == {
        "none": ("nowhere", None),
        "sinusoidal": ("embedding", (6, 8)),
        "learned": ("embedding", (6, 8)),
        "rotary": ("attention", (6, 2)),
    }
    x = torch.randn(1, 3, 8)
    assert POSITIONS["none"](6, 8, 2)(x) is x


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.integers(1, 6).map(lambda n: 2 * n))
def test_rotary_keeps_norms(seed, width):
    x = torch.randn(2, 3, 10, width, generator=torch.Generator().manual_seed(seed))
    turned = Rotary(10, 3 * width, 3)(x)
    assert torch.allclose(turned.norm(dim=-1), x.norm(dim=-1), atol=1e-5)


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.integers(0, 7))
def test_rotary_scores_see_only_distances(seed, shift):
    random = torch.Generator().manual_seed(seed)
    query, key = torch.randn(2, 1, 8, generator=random)
    rotary = Rotary(20, 8, 1)
    rows = rotary(query.expand(1, 1, 20, 8)) @ rotary(key.expand(1, 1, 20, 8)).mT
    scores = rows[0, 0]
    assert torch.allclose(scores[5 + shift, 2 + shift], scores[5, 2], atol=1e-4)


def test_rotary_is_a_complex_rotation():
    x = torch.randn(1, 1, 5, 6)
    turned = Rotary(5, 6, 1)(x)
    frequency = 10_000 ** (-torch.arange(3) * 2 / 6)
    factor = torch.polar(torch.ones(5, 3), torch.outer(torch.arange(5.0), frequency))
    wanted = torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (3, 2))) * factor).flatten(-2)
    assert torch.allclose(turned, wanted, atol=1e-5)


def test_an_odd_width_is_refused():
    with pytest.raises(PodiumError, match="even width; got 3"):
        Rotary(4, 6, 2)


@pytest.mark.parametrize(
    ("name", "blind"), [("none", True), ("sinusoidal", False), ("learned", False), ("rotary", False)]
)
def test_only_without_positions_is_a_picture_a_bag_of_patches(name, blind):
    model = ViT(ViTConfig(position=name, dim=16, heads=2)).eval()
    if name == "learned":
        torch.nn.init.normal_(model.position.rows)
    picture = torch.randn(1, 1, 28, 28)
    shuffled = picture.unflatten(2, (4, 7)).flip(2).flatten(2, 3)  # rows of patches in reverse
    assert torch.allclose(model(picture), model(shuffled), atol=1e-5) == blind
