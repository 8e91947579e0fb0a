"""Typed numbers are found in prose, and nowhere else."""

import pytest

from podium.press.pages.typed import typed_numbers


@pytest.mark.parametrize(
    "prose",
    [
        "We reached an accuracy of 99.2 %.",
        "# 97 % accuracy",
        "A loss of 0.31 is fine. So is this.",
        "Edit distance: 0.08",
        "my_score is 12 points up",
    ],
)
def test_a_numeral_beside_a_metric_is_listed(prose):
    assert [line for line, _ in typed_numbers(f"\n{prose}\n", ("my_score",))] == [2]


@pytest.mark.parametrize(
    "prose",
    [
        "It took 3 days. The accuracy rose.",
        'An accuracy of <%= number("a", "b", "accuracy", digits=2) %>.',
        "<!-- 99 % accuracy -->",
        "`accuracy = 3`",
        "```python\naccuracy = 3\n```",
        '<div class="accuracy-3">words</div>',
        "ViT4 has more accuracy",
    ],
)
def test_what_is_no_typed_number_is_not(prose):
    assert typed_numbers(prose) == []
