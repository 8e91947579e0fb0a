import json
import math
import random
from pathlib import Path

import pytest

from podium.lab.sweeps.hyperband import Hyperband, hyperband_from, is_number
from podium.lab.sweeps.reading import Sheet
from podium.spec import PodiumError

WANDB = json.loads(Path(__file__).with_name("wandb_sweeps.json").read_text())


def read(found):
    return hyperband_from(Sheet("sweep.yaml", {"early_terminate": found}))


def stopped(hyperband, running, finished=(), *, maximize=False):
    """Name the running runs that stop."""
    everything = {**running, **dict(finished)}
    return [
        name
        for name, own in running.items()
        if hyperband.should_stop(own, [other for key, other in everything.items() if key != name], maximize=maximize)
    ]


@pytest.mark.parametrize(
    ("found", "brackets"),
    [
        # https://docs.wandb.ai/models/sweeps/define-sweep-configuration#bayes-hyperband-example
        ({"type": "hyperband", "min_iter": 3}, [3, 9, 27, 81]),
        ({"type": "hyperband", "max_iter": 27, "s": 2}, [3, 9]),
        # The cases of tests/test_hyperband_stopping.py in wandb/sweeps.
        ({"type": "hyperband", "min_iter": 3, "eta": 3}, [3, 9, 27]),
        ({"type": "hyperband", "max_iter": 81, "eta": 3, "s": 3}, [3, 9, 27]),
        ({"type": "hyperband", "max_iter": 18, "eta": 3, "s": 2}, [2, 6]),
        ({"type": "hyperband", "max_iter": 5, "eta": 2, "s": 2}, [1, 2]),
        ({"type": "hyperband", "min_iter": 30, "eta": 1.5}, [30, 45, 67]),
        ({"type": "hyperband", "max_iter": 9, "eta": 3, "s": 9}, [1, 3]),
        ({"type": "hyperband", "min_iter": 5, "max_iter": 27, "s": 1}, [9]),
    ],
)
def test_brackets_are_those_that_wandb_documents(found, brackets):
    assert read(found).brackets()[: len(brackets)] == brackets
    if "max_iter" in found:
        assert read(found).brackets() == brackets


def test_a_run_stops_at_the_documented_iteration_and_not_before():
    hyperband = read({"type": "hyperband", "min_iter": 3})
    best = [1.0] * 30
    for length in range(1, 30):
        assert hyperband.should_stop([2.0] * length, [best], maximize=False) == (length >= 3)
        assert not hyperband.should_stop(best[:length], [[2.0] * 30], maximize=False)
    # Good at 3, bad at 9: stops at the second bracket.
    turning = [0.5] * 3 + [9.0] * 27
    assert next(n for n in range(1, 30) if hyperband.should_stop(turning[:n], [best], maximize=False)) == 9


def test_wandbs_own_cases():
    strict = Hyperband(max_iter=5, eta=2, s=2)
    finished = {"a": [10, 9], "e": [10, 6, 6]}
    running = {"b": [10, 10], "c": [10, 8, 8], "d": [10, 7, 7]}
    assert stopped(strict, running, finished) == ["b"]  # test_5runs_band1_stop_2
    running["b"], finished["a"] = [11], [10]
    assert stopped(strict, running, finished) == ["b", "c"]  # test_5runs_band1_stop_2_1stnoband
    relaxed = Hyperband(max_iter=18, eta=3, s=2, strict=False)
    assert stopped(relaxed, {"a": [10 - i for i in range(10)]}) == []  # test_single_run
    assert stopped(relaxed, {"a": [10, 10, 6], "b": [10 - i for i in range(10)]}) == []  # test_2runs_band1_pass
    relaxed = Hyperband(max_iter=9, eta=3, s=2, strict=False)
    running = {"b": [11, 11], "c": [10, 8, 3], "d": [10, 7, 4], "e": [10, 6, 6]}
    assert stopped(relaxed, running, {"a": [9, 8]}) == ["b", "e"]  # test_eta_3
    running = {"b": [-11, -11], "c": [-10, -8, -5, -3], "d": [-10, -6, -2], "e": [-10, -6, -6, -6]}
    assert stopped(relaxed, running, {"a": [-10, -9]}, maximize=True) == ["b", "e"]  # test_eta_3_max


@pytest.mark.parametrize("case", WANDB["hyperband"], ids=lambda case: str(case["seed"]))
def test_the_same_runs_stop_as_in_wandb_sweeps(case):
    rng = random.Random(case["seed"])
    running, finished = {}, {}
    for run in range(case["runs"]):  # drawn as they were when wandb/sweeps was asked
        count = range(rng.randint(0, 30))
        values = [round(rng.gauss(0, 1), 3) if rng.random() > 0.05 else rng.choice(["NaN", "Infinity"]) for _ in count]
        (running if rng.choice(["running", "finished", "running"]) == "running" else finished)[run] = values
    hyperband = read(case["early_terminate"])
    assert stopped(hyperband, running, finished, maximize=case["goal"] == "maximize") == case["stopped"]
    if case["bands"]:
        assert hyperband.brackets()[: len(case["bands"])] == case["bands"]


def test_what_is_no_number_does_not_count():
    hyperband = Hyperband(min_iter=2)
    assert not hyperband.should_stop([math.nan, "NaN", None, True, 5.0], [[1.0, 1.0]], maximize=False)
    assert hyperband.should_stop([math.nan, 5.0, "Infinity", 5.0], [[1.0, 1.0]], maximize=False)
    assert not is_number(math.inf)


def test_far_brackets_stay_numbers():
    assert Hyperband(min_iter=1, eta=1e200).brackets() == [1]
    assert len(Hyperband(min_iter=3, eta=1.01).brackets()) == 100


def test_defaults_are_wandbs():
    assert read({"type": "hyperband", "min_iter": 3}) == Hyperband(min_iter=3, eta=3, strict=True)
    assert hyperband_from(Sheet("sweep.yaml", {})) is None


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ("hyperband", "must hold keys such as"),
        ({"type": "hyperband", "minimum": 3}, "no key 'minimum'.*min_iter"),
        ({"type": "hyperban", "min_iter": 3}, "no type 'hyperban'; did you mean 'hyperband'"),
        ({"min_iter": 3}, "no type None"),
        ({"type": "hyperband", "max_iter": 27}, "max_iter: needs s"),
        ({"type": "hyperband"}, "needs min_iter, the first bracket, or max_iter with s"),
        ({"type": "hyperband", "min_iter": 0}, "min_iter: must be a whole number above 0; not 0"),
        ({"type": "hyperband", "min_iter": 2.5}, "must be a whole number above 0; not 2.5"),
        ({"type": "hyperband", "min_iter": "three"}, "must be a number; not 'three'"),
        ({"type": "hyperband", "max_iter": 27, "s": 0}, "s: must be a whole number above 0"),
        ({"type": "hyperband", "min_iter": 3, "eta": 1}, "eta: must be above 1"),
        ({"type": "hyperband", "min_iter": 3, "strict": "yes"}, "strict: must be true or false"),
        ({"type": "hyperband", "max_iter": 2, "s": 2}, "leaves no bracket: max_iter 2 / eta 3 is below 1"),
    ],
)
def test_what_cannot_stop_runs_is_said(found, sentence):
    with pytest.raises(PodiumError, match=sentence) as caught:
        read(found)
    assert str(caught.value).startswith("sweep.yaml, early_terminate")
