"""Ask W&B's own package what it answers, and write it down in wandb_sweeps.json, with which the tests compare ours.

The package wants other versions than Podium does, so it has an environment of its own:
    (a clone of the repository wandb/sweeps in the folder sweeps)
    python -m venv asking && asking/bin/pip install numpy scipy scikit-learn jsonschema jsonref pydantic pyyaml
    PYTHONPATH=sweeps/src asking/bin/python tests/lab/sweeps/ask_wandb_sweeps.py
"""

import json
import random
from pathlib import Path

import numpy as np
from sweeps import RunState, SweepRun, stop_runs
from sweeps.config import schema_violations_from_proposed_config
from sweeps.grid_search import grid_search_next_runs
from sweeps.params import HyperParameter

AT = [0.001, 0.05, 0.11, 0.25, 0.37, 0.5, 0.61, 0.75, 0.83, 0.95, 0.999]
DRAWN = [
    {"value": 7},
    {"values": ["a", "b", "c"]},
    {"values": [1, 2, 3], "probabilities": [0.2, 0.5, 0.3]},
    {"min": -3, "max": 12},
    {"min": -1.5, "max": 2.0},
    {"distribution": "uniform", "min": 0, "max": 1},
    {"distribution": "q_uniform", "min": 1, "max": 20, "q": 4},
    {"distribution": "q_uniform", "min": 0.0, "max": 1.0, "q": 0.15},
    {"distribution": "q_uniform", "min": -5, "max": 5},
    {"distribution": "log_uniform", "min": -11, "max": -2},
    {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1},
    {"distribution": "q_log_uniform", "min": 0, "max": 5, "q": 2},
    {"distribution": "q_log_uniform_values", "min": 32, "max": 256, "q": 8},
    {"distribution": "q_log_uniform_values", "min": 0.1, "max": 10.0, "q": 0.25},
    {"distribution": "inv_log_uniform", "min": 2, "max": 9},
    {"distribution": "inv_log_uniform_values", "min": 0.9, "max": 1},
    {"distribution": "normal"},
    {"distribution": "normal", "mu": 3, "sigma": 0.5},
    {"distribution": "q_normal", "mu": 10, "sigma": 4, "q": 3},
    {"distribution": "q_normal", "q": 0.5},
    {"distribution": "log_normal"},
    {"distribution": "log_normal", "mu": -2, "sigma": 0.7},
    {"distribution": "q_log_normal", "mu": 2, "q": 2},
    {"distribution": "beta"},
    {"distribution": "beta", "a": 2, "b": 5},
    {"distribution": "q_beta", "a": 2, "b": 3, "q": 0.1},
    {"distribution": "q_beta"},
]
GRIDS = [
    {"b": {"values": [1, 2]}, "a": {"values": ["x", "y", "x"]}},
    {"v1": {"distribution": "q_uniform", "min": -9.211, "max": 23.23, "q": 2.341}, "v2": {"value": "test"}},
    {"v1": {"distribution": "q_uniform", "min": 0, "max": 10, "q": 3}},
    {
        "v1": {"min": -2, "max": 2},
        "k": {"values": [None, True, 1, 0.5, 1.0, [1, 2], {"a": 1, "b": 2}, {"b": 2, "a": 1}]},
    },
    {
        "p1": {"values": ["a", "b", "c"]},
        "p2": {"parameters": {"n3": {"values": [1, 2, 3]}, "n1": {"values": [0.01, 0.001]}, "n2": {"value": 0.9}}},
    },
    {"a.z": {"values": [1, 2]}, "a": {"parameters": {"z": {"values": [3, 4]}}}, "B": {"values": [5, 6]}},
    {"v1": {"value": "a"}, "v2": {"value": "b"}},
]
PARAMETER = {"values": [1, 2]}
DEFINITIONS = [
    PARAMETER,
    {},
    {"values": []},
    {"values": 1},
    {"value": None},
    {"value": 1, "values": [1]},
    {"values": [1], "min": 1},
    {"min": 1, "max": 2, "distribution": "uniform"},
    {"min": 1, "max": 1},
    {"min": 2, "max": 1},
    {"min": 1},
    {"min": "1e-5", "max": 1.0},
    {"distribution": "log_uniform_values", "min": 0, "max": 1},
    {"distribution": "log_uniform_values", "min": 1, "max": 1},
    {"distribution": "log_uniform_values", "min": 1e-5, "max": 1},
    {"distribution": "int_uniform", "min": 0.5, "max": 3},
    {"distribution": "int_uniform", "min": 0, "max": 3},
    {"distribution": "q_uniform", "min": 0, "max": 3, "q": 0},
    {"distribution": "q_uniform", "min": 0, "max": 3, "q": 0.5},
    {"min": 0, "max": 3, "q": 0.5},
    {"distribution": "normal", "sigma": -1},
    {"distribution": "normal", "min": 0, "max": 1},
    {"distribution": "normal", "mu": 1},
    {"mu": 1, "sigma": 2},
    {"distribution": "beta", "a": 2, "b": 3},
    {"distribution": "beta", "a": -1},
    {"distribution": "unform", "min": 0, "max": 1},
    {"distribution": "constant", "value": 3},
    {"distribution": "constant"},
    {"distribution": "categorical", "values": [1]},
    {"values": [1, 2], "probabilities": [0.5, 0.5]},
    {"values": [1, 2], "probabilities": [0.5, 0.4]},
    {"values": [1, 2], "probabilities": [1]},
    {"values": [1, 2], "probabilities": [1.5, -0.5]},
    {"distribution": "categorical_w_probabilities", "values": [1, 2], "probabilities": [0.1, 0.9]},
    {"parameters": {"b": {"value": 1}}},
    {"parameters": {}},
    {"parameters": {"b": {"value": 1}}, "value": 3},
    {"b": {"value": 1}},
]
BASE = {"method": "random", "parameters": {"a": PARAMETER}}
STOPS = [
    {"type": "hyperband", "min_iter": 3},
    {"type": "hyperband"},
    {"type": "hyperband", "max_iter": 27},
    {"type": "hyperband", "max_iter": 27, "s": 2},
    {"type": "hyperband", "min_iter": 0},
    {"type": "hyperband", "min_iter": 3, "eta": 1},
    {"type": "hyperband", "min_iter": 3, "eta": 2.5, "strict": True},
    {"type": "hyperband", "min_iter": 3, "strict": "yes"},
    {"type": "envelope"},
    {"min_iter": 3},
    "hyperband",
    {"type": "hyperband", "min_iter": 3, "brackets": 3},
    {"type": "hyperband", "min_iter": 2, "max_iter": 27, "s": 2},
    {"type": "hyperband", "min_iter": 2.5},
]
EVERY_KEY = {
    **{key: key for key in ("apiVersion", "description", "job", "image_uri", "entity", "project", "name")},
    "kind": "sweep",
    "controller": {"type": "local"},
    "program": "train.py",
    "command": ["a", 1],
}
CONFIGS = [
    *({"method": "random", "parameters": {"a": definition}} for definition in DEFINITIONS),
    {"method": "random"},
    {**BASE, "method": "randm"},
    *({**BASE, "run_cap": cap} for cap in (0, 3, 2.5, "3")),
    {**BASE, "nonsense": 1},
    {**BASE, **EVERY_KEY},
    {**BASE, "command": "python train.py"},
    *(
        {**BASE, "metric": metric}
        for metric in (
            {"name": "loss"},
            {"goal": "minimize"},
            {"name": "l", "goal": "minimise"},
            {"name": "l", "goal": "maximize", "target": 0.5, "impute": "best", "impute_while_running": "latest"},
            {"name": "l", "target": "x"},
            {"name": "l", "impute": "mean"},
            {"name": "l", "extra": 1},
            "loss",
        )
    ),
    *({**BASE, "metric": {"name": "loss"}, "early_terminate": stop} for stop in STOPS),
    {**BASE, "scheduler": {"engine": "wandb"}},
    {**BASE, "method": "custom", "scheduler": {"engine": "optuna"}},
    {**BASE, "metrics": [{"name": "a"}, {"name": "b"}]},
]


def drawn(definition):
    parameter = HyperParameter("x", definition)
    weighted = "probabilities" in definition
    values = (parameter.ppf(u if weighted else np.float64(u)) for u in AT)
    return [value.tolist() if isinstance(value, np.generic | np.ndarray) else value for value in values]


def grid_points(parameters):
    runs = []
    while (run := grid_search_next_runs(runs, {"method": "grid", "parameters": parameters})[0]) is not None:
        runs.append(run)
    return [{name: value["value"] for name, value in run.config.items()} for run in runs]


def accepted(config):
    try:
        return not schema_violations_from_proposed_config(config)
    except Exception:  # noqa: BLE001 - it raises what it likes for what it does not expect
        return False


def some_stop(rng):
    """Draw an early_terminate, and runs from a seed of their own as test_hyperband.py does."""
    stop = {"type": "hyperband"}
    stop |= {"min_iter": rng.randint(1, 6)} if rng.random() < 0.5 else {"max_iter": rng.randint(5, 81), "s": 2}
    stop |= {"eta": rng.choice([2, 3, 4, 1.5, 2.5])} if rng.random() < 0.7 else {}
    stop |= {"strict": rng.choice([True, False])} if rng.random() < 0.6 else {}
    return {
        "goal": rng.choice(["minimize", "maximize"]),
        "early_terminate": stop,
        "seed": rng.randint(0, 10**9),
        "runs": rng.randint(1, 9),
    }


def answered(case):
    rng = random.Random(case["seed"])
    runs = []
    for run in range(case["runs"]):
        count = range(rng.randint(0, 30))
        values = [round(rng.gauss(0, 1), 3) if rng.random() > 0.05 else rng.choice(["NaN", "Infinity"]) for _ in count]
        state = RunState(rng.choice(["running", "finished", "running"]))
        runs.append(SweepRun(name=str(run), state=state, history=[{"m": value} for value in values]))
    config = {**BASE, "metric": {"name": "m", "goal": case["goal"]}, "early_terminate": case["early_terminate"]}
    stopped = sorted(int(run.name) for run in stop_runs(config, runs))
    bands = next((run.early_terminate_info["bands"] for run in runs if run.early_terminate_info), [])
    return {**case, "stopped": stopped, "bands": bands[:6]}


if __name__ == "__main__":
    rng = random.Random(20261121)
    found = {
        "source": "the repository wandb/sweeps, asked by ask_wandb_sweeps.py",
        "hyperband": [answered(some_stop(rng)) for _ in range(200)],
        "quantiles": {"at": AT, "rows": [{"parameter": row, "values": drawn(row)} for row in DRAWN]},
        "grid": [{"parameters": row, "points": grid_points(row)} for row in GRIDS],
        "verdicts": [{"config": config, "accepted": accepted(config)} for config in CONFIGS],
    }
    Path(__file__).with_name("wandb_sweeps.json").write_text(json.dumps(found) + "\n")
