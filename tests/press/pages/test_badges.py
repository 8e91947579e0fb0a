"""Badges: what a slide says of its runs by itself."""

import pytest

from podium.press.pages import badges
from podium.press.pages.page import badge_line
from podium.press.results import load_results, results_from
from podium.runs import read_runs


@pytest.fixture
def results(trained):
    return load_results(trained, "positional_encoding")


def test_what_is_fair_carries_no_badge(results):
    assert badges.compared(results, "rotary", "none") == ()
    assert badges.too_few_seeds(results, "rotary") == ""


def test_two_factors_an_unequal_budget_and_lonely_seeds_are_said(trained):
    records = read_runs(trained.runs, "positional_encoding")
    for record in records:
        if record.variant == "rotary":
            record.config["epochs"] = 9
            record.config["seed"] += 1
    said = badges.compared(results_from(records, "positional_encoding"), "rotary", "none")
    assert said == ("2 factors changed: epochs and position", "unequal budget: epochs", "2 unpaired seeds")


def test_few_seeds_are_counted(trained):
    records = [r for r in read_runs(trained.runs, "positional_encoding") if r.config["seed"] < 2]
    few = results_from([r for r in records if (r.variant, r.config["seed"]) != ("none", 1)], "positional_encoding")
    assert badges.too_few_seeds(few, "rotary") == "2 seeds only"
    assert badges.too_few_seeds(few, "rotary", "none") == "one seed only"


def test_the_best_by_test_is_said_to_be_picked_there():
    best = badges.Picked("rotary", "test_accuracy")
    assert best == "rotary"
    assert badges.picked_on_test("test_accuracy", best) == "best picked on test"
    assert badges.picked_on_test("val_accuracy", best) == ""
    assert badges.picked_on_test("test_accuracy", badges.Picked("rotary", "val_accuracy"), "none") == ""


def test_a_long_line_of_badges_keeps_the_words_and_drops_the_details():
    badges_ = ["quick profile: 2 epochs, 10,000 images, CPU", "truncated axis", "2 factors changed: a and weight_decay"]
    assert badge_line(badges_) == "quick profile · truncated axis · 2 factors changed: a and weight_decay"
    assert badge_line([f"quick profile: {n} epochs, {'x' * 40}" for n in (2, 4)]) == "quick profile"
