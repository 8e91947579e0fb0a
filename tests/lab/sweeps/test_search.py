import math

import pytest

from podium.lab.sweeps.search import check_sweep, sweep_id, trial_count, trial_parameters
from podium.spec import PodiumError, ViTConfig

BASE = ViTConfig()
GRID = {
    "method": "grid",
    "parameters": {"dim": {"values": [32, 64]}, "depth": {"values": [1, 2, 3]}, "heads": {"value": 2}},
}
RANDOM = {
    "method": "random",
    "metric": {"name": "val_accuracy", "goal": "maximize"},
    "parameters": {
        "learning_rate": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-2},
        "dropout": {"min": 0.0, "max": 0.3},
        "depth": {"min": 1, "max": 4},
        "position": {"values": ["learned", "rotary"]},
    },
    "run_cap": 30,
}


def trials(config):
    return [trial_parameters(config, sweep_id(config, BASE), trial) for trial in range(trial_count(config))]


def test_grid_visits_every_point_once():
    check_sweep(GRID, BASE)
    found = trials(GRID)
    assert len(found) == 6
    assert {(t["dim"], t["depth"], t["heads"]) for t in found} == {(d, n, 2) for d in (32, 64) for n in (1, 2, 3)}


def test_run_cap_ends_a_grid():
    assert trial_count({**GRID, "run_cap": 4}) == 4
    assert trial_count({**GRID, "run_cap": 40}) == 6


def test_random_stays_within_bounds_and_types():
    check_sweep(RANDOM, BASE)
    found = trials(RANDOM)
    assert len(found) == 30
    assert all(1e-4 <= t["learning_rate"] <= 1e-2 for t in found)
    assert all(0 <= t["dropout"] <= 0.3 for t in found)
    assert {t["depth"] for t in found} == {1, 2, 3, 4}
    assert {t["position"] for t in found} == {"learned", "rotary"}
    assert 8 < sum(math.log10(t["learning_rate"]) < -3 for t in found) < 22  # even on a logarithm's scale


def test_a_trial_is_a_function_of_sweep_and_number():
    sweep = sweep_id(RANDOM, BASE)
    assert trial_parameters(RANDOM, sweep, 7) == trial_parameters(RANDOM, sweep, 7)
    assert trial_parameters(RANDOM, sweep, 7) != trial_parameters(RANDOM, sweep, 8)
    assert trial_parameters(RANDOM, sweep, 7) != trial_parameters(RANDOM, "other", 7)


def test_id_leaves_out_the_cap_alone():
    assert sweep_id(RANDOM, BASE) == sweep_id({**RANDOM, "run_cap": 99}, BASE)
    assert sweep_id(RANDOM, BASE) != sweep_id(RANDOM, BASE.but(epochs=1))
    assert sweep_id(RANDOM, BASE) != sweep_id({**RANDOM, "method": "grid"}, BASE)


def with_parameter(parameter, **changes):
    return {**RANDOM, "parameters": {"dropout": parameter}, **changes}


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({**RANDOM, "paramters": {}}, "no key 'paramters'; did you mean 'parameters'"),
        ({**RANDOM, "method": "bayes"}, "no method 'bayes'.*grid, random"),
        ({**RANDOM, "metric": {"nam": "x"}}, "no key 'nam'; did you mean 'name'"),
        ({**RANDOM, "metric": {"goal": "up"}}, "no goal 'up'"),
        ({"method": "grid"}, "needs parameters"),
        ({**RANDOM, "run_cap": 0}, "run_cap must be a whole number above 0; not 0"),
        ({"method": "random", "parameters": GRID["parameters"]}, "never ends by itself"),
        (with_parameter([1, 2]), "'dropout' must be a dict"),
        (with_parameter({"vals": [1]}), "'dropout' has no key 'vals'; did you mean 'values'"),
        (with_parameter({"value": 0.1, "values": [0.1]}), "exactly one of"),
        (with_parameter({"max": 0.1}), "exactly one of"),
        (with_parameter({"values": []}), "one value or more"),
        (with_parameter({"min": 0.0, "max": 0.1}, method="grid"), "no grid between min and max"),
        (with_parameter({"min": 0.2, "max": 0.1}), "min below max"),
        (with_parameter({"min": 0.2}), "min below max"),
        (with_parameter({"min": 0.1, "max": 0.2, "distribution": "normal"}), "no distribution 'normal'"),
        (with_parameter({"min": 0.0, "max": 0.2, "distribution": "log_uniform_values"}), "min must be above 0"),
        ({**RANDOM, "parameters": {"dropuot": {"values": [0.1]}}}, "no field 'dropuot'; did you mean 'dropout'"),
        (with_parameter({"values": ["much"]}), "dropout must be a number"),
    ],
)
def test_a_wrong_configuration_is_named(config, sentence):
    with pytest.raises(PodiumError, match=sentence):
        check_sweep(config, BASE)
