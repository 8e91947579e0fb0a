"""The attention deck walks clean from frozen results, and what its cells compute is right."""

import runpy
import shutil
from pathlib import Path

import pytest

from podium.press.build.check.checking import judge
from podium.press.build.check.inspector import Inspect
from podium.press.build.deck import build_deck
from podium.press.build.walk import walk

ROOT = Path(__file__).parents[2]
DECK = ROOT / "slides" / "decks" / "attention"
TIMES = "\N{MULTIPLICATION SIGN}"
HEAD = ["q = head.query(x)", "scores = q @ head.key(x).T / math.sqrt(q.shape[-1])"]
# Papineni et al. 2002, example 1
PARTY = [
    "it is a guide to action that ensures that the military will forever heed party commands",
    "it is the guiding principle which guarantees the military forces always being under the command of the party",
    "it is the practical guide for the army always to heed the directions of the party",
]
FIRST = "it is a guide to action which ensures that the military always obeys the commands of the party"
SECOND = "it is to insure the troops forever hearing the activity guidebook that party direct"


@pytest.fixture(scope="module")
def lab():
    """What the cells know, with gradients and random numbers left as they were."""
    import torch

    before, state = torch.is_grad_enabled(), torch.get_rng_state()
    try:
        yield runpy.run_path(str(DECK / "live.py"))
    finally:
        torch.set_grad_enabled(before)
        torch.set_rng_state(state)


@pytest.fixture(scope="module")
def pictures(lab):
    """The deck's pictures; `lab` puts torch's settings back."""
    return runpy.run_path(str(DECK / "pictures.py"))


@pytest.mark.slow
@pytest.mark.timeout(1200)  # a process a cell, and each imports torch
@pytest.mark.browser
def test_the_attention_deck_walks_clean_from_frozen_results(project, browser):
    for path in (ROOT / "experiments").iterdir():
        if path.is_file():
            shutil.copy(path, project.experiments)
    shutil.copytree(DECK, project.decks / "attention")
    site = build_deck(project, "attention", runs="frozen")[0].parent
    inspect = Inspect(pictures=False)
    seen = walk(site, browser, [inspect])
    assert [finding.line for finding in judge(inspect, seen, deck="attention").findings] == []
    assert seen.slides >= 12


def test_shapes_stand_beside_one_heads_lines(lab):
    code = "\n".join([*HEAD, "mixed = scores.softmax(dim=-1) @ head.value(x)"])
    told = lab["one_head"](code, tokens=5, dim=8, width=4).replace(TIMES, "x").splitlines()
    assert told == ["5x8 → 5x4", "5x4 · 4x5 → 5x5", "5x5 · 5x4 → 5x4"]


def test_lines_that_are_not_the_labs_head_stop_the_build(lab):
    with pytest.raises(ValueError, match="other numbers than the lab's SingleHead"):
        lab["one_head"]("\n".join([*HEAD, "mixed = scores @ head.value(x)"]), tokens=5, dim=8, width=4)


def test_margins_have_a_line_for_each_line_of_the_excerpt(lab):
    crossed = lab["cross_attention"](tokens=3, patches=9, dim=8, heads=2).replace(TIMES, "x").splitlines()
    assert crossed[1:] == ["1x2x3x4", "1x2x9x4", "1x2x9x4", "1x2x3x9", "1x2x3x9", "1x3x8"]
    assert crossed[0].isspace()
    assert lab["self_attention"](tokens=5, dim=8, heads=2).replace(TIMES, "x").endswith("\n1x5x8")


def test_three_kinds_of_attention_are_compared_and_must_be_the_same(lab):
    import torch

    kinds = lab["with_same_weights"](dim=8, heads=2)
    answers = {name: kind(torch.randn(2, 5, 8)) for name, kind in kinds.items()}
    with pytest.raises(ValueError, match="head by head differs from one projection"):
        lab["compared"](answers, to="one projection")
    x = torch.randn(2, 5, 8)
    table = lab["compared"]({name: kind(x) for name, kind in kinds.items()}, to="one projection")
    assert list(table.iloc[:, -1]) == ["under 0.000001", "compared to", "under 0.000001"]
    assert table.iloc[0, 1:5].tolist() == table.iloc[2, 1:5].tolist()


def test_additive_scores_hold_a_width_more(lab):
    assert lab["held_at_once"](tokens=6, heads=2, width=4)["for each pair"].tolist() == ["1", "4"]


def test_waves_turned_by_a_step_are_the_waves_further_on(lab):
    assert lab["turned_waves"](places=9, dim=8, step=2).startswith("turned by 2 places, 7 rows")


@pytest.mark.parametrize(
    ("n", "first", "second"),
    [(1, (17, 18), (8, 14)), (2, (10, 17), (1, 13))],
)
def test_modified_precisions_are_those_of_the_paper(lab, n, first, second):
    references = [line.split() for line in PARTY]
    assert lab["clipped"](FIRST.split(), references, n) == first
    assert lab["clipped"](SECOND.split(), references, n) == second


def test_bleu_by_hand(lab):
    mat = lab["ON_THE_MAT"]
    assert lab["clipped"](["the"] * 7, [mat], 1) == (2, 7)
    assert lab["bleu"]([*mat[:4], "a", "mat"], [mat])[0] == pytest.approx((5 / 6 * 3 / 5 * 2 / 4 / 3) ** 0.25)
    assert lab["bleu"](mat[:4], [mat]) == pytest.approx((2.718281828**-0.5, 2.718281828**-0.5, 1.0))
    assert lab["bleu"](["the"] * 7, [mat])[0] == 0
    with pytest.raises(ValueError, match="four words"):
        lab["bleu"](mat[:3], [mat])
    assert lab["scored"](mat, "the cat is on a mat").iloc[0].tolist()[1:5] == ["5/6", "3/5", "2/4", "1/3"]


def test_repairs_are_named(lab):
    table = lab["repairs"](("731", "137"), ("4096", "406"), ("58", "558"), ("7", "7"))
    assert table["distance"].tolist() == ["2", "1", "1", "0"]
    assert table["repair"].tolist() == ["1 to 7, 7 to 1", "add 9", "drop 5", "nothing"]


@pytest.mark.parametrize(
    ("name", "asked", "words"),
    [
        ("mask", ("start", "7", "3"), "behind the mask"),
        ("counting", (16, 4), "binary digits"),
        ("distances", (6, 8), "the same 36 scores by distance"),
        ("edits", ("4096", "406"), "correct"),
    ],
)
def test_every_picture_is_drawn_the_same_twice(pictures, name, asked, words):
    import io

    import torch

    drawn = []
    for _ in range(2):
        torch.manual_seed(0)
        drawn.append(io.BytesIO())
        pictures[name](*asked).savefig(drawn[-1], format="svg")
    assert drawn[0].getvalue() == drawn[1].getvalue()
    assert words in drawn[0].getvalue().decode()


def test_the_way_through_the_table_goes_from_corner_to_corner(pictures):
    import numpy as np

    table = np.array([[0, 1, 2, 3], [1, 1, 2, 2], [2, 2, 1, 2], [3, 2, 2, 2]])
    assert pictures["_way"](table, "731", "137") == [(3, 3), (2, 2), (1, 1), (0, 0)]
