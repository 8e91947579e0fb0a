import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.press.build.check.contrast import contrast, measured

INK = {"gradient": False, "grounds": [[255, 255, 255]], "colour": [0, 0, 0, 1], "faint": 1, "rects": [[0, 0, 10, 10]]}
colours = st.tuples(*[st.integers(0, 255)] * 3)


@pytest.mark.parametrize(
    ("text", "ground", "ratio"),
    [  # as WebAIM's contrast checker gives them
        ((255, 255, 255), (0, 0, 0), 21.0),
        ((118, 118, 118), (255, 255, 255), 4.54),
        ((255, 0, 0), (255, 255, 255), 4.0),
        ((79, 70, 229), (255, 255, 255), 6.29),
        ((100, 116, 139), (255, 255, 255), 4.76),
    ],
)
def test_known_ratios(text, ground, ratio):
    assert float(contrast(text, ground)) == pytest.approx(ratio, abs=0.01)


@given(colours, colours)
def test_contrast_has_no_sides_and_bounds(one, other):
    assert float(contrast(one, other)) == pytest.approx(float(contrast(other, one)))
    assert 1 <= float(contrast(one, other)) <= 21.0001
    assert float(contrast(one, one)) == 1


def test_a_plain_ground_is_computed_and_opacity_counts():
    assert measured(INK, None, None) == pytest.approx((21, 21))
    dim, full = measured({**INK, "faint": 0.4}, None, None)
    assert dim == pytest.approx(float(contrast([153] * 3, [255] * 3)))
    assert full == pytest.approx(21)
    assert measured({**INK, "grounds": [[255] * 3, [0] * 3]}, None, None)[0] == 1  # the worst place counts


def test_over_a_picture_a_thin_line_does_not_count_and_a_quarter_does():
    unplain = {**INK, "grounds": None}
    picture = np.full((10, 10, 3), 255, dtype=np.uint8)
    picture[:, 4] = 0
    assert measured(unplain, picture, None)[0] == pytest.approx(21)
    picture[:, 4:8] = 0
    assert measured(unplain, picture, None)[0] == 1
    assert measured({**unplain, "rects": [[500, 500, 10, 10]]}, picture, None) == (21, 21)
    assert measured(unplain, None, None) == (21, 21)


def test_text_that_is_a_gradient_is_what_changed():
    painted = {**INK, "gradient": True}
    hidden = np.full((10, 10, 3), 255, dtype=np.uint8)
    assert measured(painted, None, None) == (21, 21)
    assert measured(painted, hidden, hidden) == (21, 21)  # nothing of it is seen
    shown = hidden.copy()
    shown[3:6, 2:8] = (119, 119, 119)
    shown[6, 2:8] = (230, 230, 230)  # a soft edge
    assert measured(painted, hidden, shown)[0] == pytest.approx(4.48, abs=0.01)
