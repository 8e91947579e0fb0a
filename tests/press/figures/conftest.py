"""Made-up results in memory, and what every figure is checked for."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from podium.press.figures.drawing import text_width
from podium.press.results import results_from
from podium.runs import Record
from podium.spec import ViTConfig

NAME = "positional_encoding"


def record(variant, seed=0, *, run="", config=None, summary=None, history=None, samples=None, state="finished",
           sweep="", started="2026-11-21T10:00:00"):  # fmt: skip
    config = {"seed": seed, **(ViTConfig().but(seed=seed).as_dict() if config is None else config)}
    return Record(
        folder=Path(run or f"{variant[:20]}-s{seed}"),
        experiment=NAME,
        variant=variant,
        profile="full",
        sweep=sweep,
        config=config,
        provenance={"started": started, "device": "cpu", "commit": "abc", "dirty": False},
        history=history if history is not None else [],
        summary=summary if summary is not None else {},
        samples=samples if samples is not None else {},
        state=state,
    )


def compared(levels, seeds=5, *, noise=0.001, parameters=None, metric="test_accuracy", samples=None):
    """Results of variants whose metric lies about `levels`, equal noise for equal seeds and a little of their own."""
    rng = np.random.default_rng(0)
    shared = rng.normal(0, noise, seeds)
    records = [
        record(
            name,
            seed,
            run=f"run-{index}-{seed}",
            summary={
                metric: float(level + shared[seed] + rng.normal(0, noise / 4)),
                "parameters": (parameters or {}).get(name, 1000),
                "seconds": 10.0 + index,
            },
            samples=samples(name, seed) if samples else None,
            started=f"2026-11-21T10:{index:02}:00",
        )
        for index, (name, level) in enumerate(levels.items())
        for seed in range(seeds)
    ]
    return results_from(records, NAME)


def trial(number, config, value, *, state="finished", sweep="ab12cd34", metric="val_accuracy", started=""):
    return record(
        f"trial-{number:03}",
        run=f"trial-{number:03}-x",
        config=config,
        summary={} if value is None else {metric: value},
        state=state,
        sweep=sweep,
        started=started or f"2026-11-21T{number // 60:02}:{number % 60:02}:00",
    )


def swept(count=40, seed=1, *, noise=0.002, bad=True):
    """A random search over a learning rate that matters, a kind that matters, and two fields that do not."""
    rng = np.random.default_rng(seed)
    records = []
    for number in range(1, count + 1):
        rate, kind = float(10 ** rng.uniform(-4.5, -1.5)), str(rng.choice(["learned", "rotary", "none"]))
        config = {"learning_rate": rate, "position": kind, "dim": int(rng.choice([32, 64, 128])),
                  "clip": [None, 1.0][rng.integers(2)], "epochs": 3}  # fmt: skip
        value = 0.98 - 0.012 * (np.log10(rate) + 2.8) ** 2 - 0.02 * (kind == "none") + rng.normal(0, noise)
        state = {4: "failed", 12: "failed", 21: "pruned"}.get(number, "finished") if bad else "finished"
        records.append(trial(number, config, None if state == "failed" else float(value), state=state))
    return records


def texts(drawing, ground="light"):
    figure = drawing.figure if ground == "light" else drawing.on(ground)
    figure.canvas.draw()
    found = [text for axes in figure.axes for text in axes.texts]
    for axes in figure.axes:
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            low, high = sorted(limits)  # a mark beyond the limits is made, and never drawn
            found += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    found += [text for axes in figure.axes for text in (axes.xaxis.label, axes.yaxis.label)] + list(figure.texts)
    return [text for text in found if text.get_text() and text.get_visible()]


def check(drawing):
    """Every text lies inside the figure and is 14 px or more; the words are there and fit their places."""
    width, height = drawing.figure.get_size_inches() * 96
    for text in texts(drawing):
        box = text.get_window_extent()
        where = (text.get_text(), box)
        assert box.x0 >= -2, where
        assert box.x1 <= width + 2, where
        assert box.y0 >= -2, where
        assert box.y1 <= height + 2, where
        assert text.get_fontsize() / 0.75 >= 14, where
    assert 5 < len(drawing.finding) <= 190
    assert not drawing.finding.endswith(".")
    assert drawing.alt.endswith(".")
    assert text_width(drawing.note, size=14) <= 830, drawing.note  # a footer is one line beside the page's number
    return drawing


@pytest.fixture(scope="session")
def made():
    return SimpleNamespace(
        record=record, compared=compared, trial=trial, swept=swept, texts=texts, check=check, name=NAME,
        results=lambda records: results_from(records, NAME),
    )  # fmt: skip
