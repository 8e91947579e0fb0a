"""Fifty single values of the frozen results are changed: what depends on one changes, and nothing else does."""

import csv
import io
import random

import pytest

from podium.press.pages.render import compose
from podium.press.results import freeze

EXPERIMENTS = ("optimizer", "positional_encoding")
TEXT = """<%= slide("default") %>
<% for name in ["optimizer", "positional_encoding"] %>
<%= table(name, ["test_accuracy", "seconds"]) %>
<% endfor %>
<%= claim("optimizer", "AdamW", "Adam", "test_accuracy") %>
<%= difference("positional_encoding", "rotary", "none", "test_accuracy") %>
<%= figure("paired", "optimizer", metric="test_accuracy") %>
<%= figure("curves", "optimizer", metric="val_accuracy") %>
<%= figure("forest", "positional_encoding", metric="test_accuracy") %>
"""


def asks(key, experiment, variant, metric):
    """Tell whether a number's key, such as "optimizer / AdamW over Adam / test_accuracy", is about a value."""
    about, variants, measured = key.split(" / ")
    return about == experiment and measured == metric and variant in variants.split(" over ")


def depend(experiment, variant, metric, *, along):
    """List the figures that show a value: at the end of a run, or along the way."""
    figures = {
        ("optimizer", "test_accuracy", False): {"paired-optimizer-test_accuracy"},
        ("optimizer", "val_accuracy", True): {"curves-optimizer-val_accuracy"},
        ("positional_encoding", "test_accuracy", False): {"forest-positional_encoding-test_accuracy"},
    }
    return figures.get((experiment, metric, along), set())


@pytest.mark.slow
def test_every_changed_value_moves_what_depends_on_it_and_nothing_else(trained, deck):
    deck(TEXT)
    for name in EXPERIMENTS:
        freeze(trained, name)
    before = compose(trained, "talk", "frozen").lock
    chance = random.Random(2026)
    moved = 0
    for _ in range(50):
        experiment = chance.choice(EXPERIMENTS)
        path = trained.experiments / f"{experiment}.csv"
        original = path.read_text("utf-8")
        rows = list(csv.reader(io.StringIO(original)))
        head, body = rows[0], rows[1:]
        metrics = [name for name in ("test_accuracy", "seconds", "val_accuracy", "train_loss") if name in head]
        row, metric = chance.choice(body), chance.choice(metrics)
        at = head.index(metric)
        if row[at] == "":
            row = next(other for other in body if other[at] != "")
        row[at] = repr(float(row[at]) * 1.5 + 0.0625)
        along = row[head.index("epoch")] != ""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        path.write_text(text.getvalue(), "utf-8")
        now = compose(trained, "talk", "frozen").lock
        path.write_text(original, "utf-8")
        variant = row[head.index("variant")]
        numbers = {key for key in before["numbers"] if before["numbers"][key] != now["numbers"][key]}
        assert numbers == {k for k in before["numbers"] if not along and asks(k, experiment, variant, metric)}
        figures = {key for key in before["figures"] if before["figures"][key] != now["figures"][key]}
        assert figures == depend(experiment, variant, metric, along=along)
        claims = {key for key in before["claims"] if before["claims"][key]["text"] != now["claims"][key]["text"]}
        assert claims <= {key for key in before["claims"] if asks(key, experiment, variant, metric)}
        moved += bool(numbers or figures)
    assert moved > 15
