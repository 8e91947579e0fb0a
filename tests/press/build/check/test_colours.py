import itertools

import pytest

from podium.press.build.check.colours import APART, DEFICIENCIES, ONE, distance, merging, simulated

OKABE_ITO = ("e69f00", "56b4e9", "009e73", "f0e442", "0072b2", "d55e00", "cc79a7", "000000")


def rgb(text):
    return [int(text[at : at + 2], 16) for at in (0, 2, 4)]


def series(colour, **changes):
    made = {"type": "line", "colour": rgb(colour), "dashes": ["none"], "shapes": [], "count": 1, "named": 0}
    return made | changes


def test_greys_stay_greys():
    for name in DEFICIENCIES:
        red, green, blue = simulated([128, 128, 128], name)
        assert red == pytest.approx(green, abs=1e-3)
        assert green == pytest.approx(blue, abs=1e-3)


def test_colours_chosen_for_everybody_stay_apart():
    assert merging([series(colour) for colour in OKABE_ITO]) == []


@pytest.mark.parametrize(
    ("first", "second", "who"),
    [("ff7f0e", "2ca02c", "protanopia"), ("d62728", "2ca02c", "deuteranopia"), ("2e8ae0", "1fa39a", "tritanopia")],
)
def test_known_pairs_become_one(first, second, who):
    assert distance(rgb(first), rgb(second)) >= APART
    assert distance(rgb(first), rgb(second), who) < ONE
    ((_, _, found),) = merging([series(first), series(second)])
    assert found == who


@pytest.mark.parametrize(
    "changes",
    [{"named": 1}, {"dashes": ["4, 2"]}, {"shapes": ["#triangle"]}, {"type": "mark"}],
    ids=["a name at the end", "dashes", "shapes", "another kind of thing"],
)
def test_what_tells_series_apart_without_colour(changes):
    first = series("d62728", shapes=["#circle"] if "shapes" in changes else [])
    assert merging([first, series("2ca02c", **changes)]) == []


def test_a_colour_scale_is_no_series():
    scale = [series(f"{red:02x}{green:02x}20") for red, green in itertools.product((40, 110, 180, 250), repeat=2)]
    assert merging(scale) == []
