"""Search: which values a trial of a sweep tries, as a function of (sweep, trial) alone.

Takes W&B's own sweep configuration, methods `grid` and `random`. A trial never depends on the trials before it, so a
broken-off sweep goes on where it was.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import random
from collections.abc import Callable
from typing import Any

from podium.spec import Config, PodiumError, Value, unknown

KEYS = ("method", "metric", "parameters", "run_cap", "name", "description")
METRIC_KEYS = ("name", "goal")
GOALS = ("maximize", "minimize")
PARAMETER_KEYS = ("value", "values", "min", "max", "distribution")

Draw = Callable[[random.Random, Any, Any], Value]

METHODS = ("grid", "random")
DISTRIBUTIONS: dict[str, Draw] = {
    "uniform": lambda rng, low, high: rng.uniform(low, high),
    "int_uniform": lambda rng, low, high: rng.randint(int(low), int(high)),
    "log_uniform_values": lambda rng, low, high: math.exp(rng.uniform(math.log(low), math.log(high))),
}


def check_sweep(config: dict[str, Any], baseline: Config) -> None:
    """Check a sweep configuration before its first trial.

    Raises:
        PodiumError: naming the key that is wrong and what is allowed.
    """
    _only(config, KEYS, "A sweep")
    if config.get("method") not in METHODS:
        raise unknown("method", config.get("method"), METHODS, owner="A sweep")
    metric = config.get("metric", {})
    _only(metric, METRIC_KEYS, "A sweep's metric")
    if metric.get("goal", "maximize") not in GOALS:
        raise unknown("goal", metric["goal"], GOALS, owner="A sweep's metric")
    parameters = config.get("parameters")
    if not isinstance(parameters, dict) or not parameters:
        raise PodiumError("A sweep needs parameters: {field: {'values': [...]}}; it has none.")
    cap = config.get("run_cap")
    if cap is not None and (type(cap) is not int or cap < 1):
        raise PodiumError(f"A sweep's run_cap must be a whole number above 0; not {cap!r}.")
    if cap is None and config["method"] == "random":
        raise PodiumError("A random sweep never ends by itself: give it a run_cap, such as 'run_cap': 20.")
    for name, parameter in parameters.items():
        _check_parameter(name, parameter, config["method"])
        baseline.but(**{name: _draw(parameter, random.Random(0))})  # noqa: S311 - the field and its type are checked


def sweep_id(config: dict[str, Any], baseline: Config) -> str:
    """Return eight hexadecimal characters that are equal when two sweeps search the same things from one baseline.

    `run_cap` does not count: a raised cap goes on with the same sweep.
    """
    what = {key: config[key] for key in ("method", "parameters")}
    text = json.dumps([what, baseline.as_dict()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def trial_count(config: dict[str, Any]) -> int:
    """Return how many trials a checked sweep has: its grid's points or its run_cap, whichever ends first."""
    cap = config.get("run_cap")
    if config["method"] == "random":
        return int(config["run_cap"])
    points = math.prod(len(_choices(parameter)) for parameter in config["parameters"].values())
    return min(points, cap) if cap else points


def trial_parameters(config: dict[str, Any], sweep: str, trial: int) -> dict[str, Value]:
    """Return what one trial changes in the baseline.

    Args:
        config: a checked sweep configuration.
        sweep: the sweep's id.
        trial: from 0.

    >>> trial_parameters({"method": "grid", "parameters": {"dim": {"values": [32, 64]}}}, "any", 1)
    {'dim': 64}
    """
    parameters: dict[str, Any] = config["parameters"]
    if config["method"] == "grid":
        points = itertools.product(*(_choices(parameter) for parameter in parameters.values()))
        return dict(zip(parameters, next(itertools.islice(points, trial, None)), strict=True))
    rng = random.Random(f"{sweep}:{trial}")  # noqa: S311 - a search, not a secret
    return {name: _draw(parameter, rng) for name, parameter in parameters.items()}


def _choices(parameter: dict[str, Any]) -> list[Value]:
    return [parameter["value"]] if "value" in parameter else list(parameter["values"])


def _draw(parameter: dict[str, Any], rng: random.Random) -> Value:
    if "min" not in parameter:
        return rng.choice(_choices(parameter))
    low, high = parameter["min"], parameter["max"]
    both_whole = isinstance(low, int) and isinstance(high, int)
    return DISTRIBUTIONS[parameter.get("distribution", "int_uniform" if both_whole else "uniform")](rng, low, high)


def _check_parameter(name: str, parameter: Any, method: str) -> None:
    owner = f"Sweep parameter {name!r}"
    if not isinstance(parameter, dict):
        raise PodiumError(f"{owner} must be a dict such as {{'values': [1, 2]}}; not {parameter!r}.")
    _only(parameter, PARAMETER_KEYS, owner)
    ways = [way for way in ("value", "values", "min") if way in parameter]
    if len(ways) != 1:
        raise PodiumError(f"{owner} needs exactly one of value, values, or min with max; it has {sorted(parameter)}.")
    if ways == ["values"] and (not isinstance(parameter["values"], list | tuple) or not parameter["values"]):
        raise PodiumError(f"{owner} needs a list of values with one value or more; not {parameter['values']!r}.")
    if ways != ["min"]:
        return
    if method == "grid":
        raise PodiumError(f"{owner} has no grid between min and max: list its values, or use method 'random'.")
    low, high = parameter["min"], parameter.get("max")
    if not all(isinstance(end, int | float) for end in (low, high)) or not low < high:
        raise PodiumError(f"{owner} needs numbers with min below max; not min {low!r} and max {high!r}.")
    distribution = parameter.get("distribution")
    if distribution is not None and distribution not in DISTRIBUTIONS:
        raise unknown("distribution", distribution, DISTRIBUTIONS, owner=owner)
    if distribution == "log_uniform_values" and low <= 0:
        raise PodiumError(f"{owner} is drawn on a logarithm's scale: min must be above 0; not {low!r}.")


def _only(found: Any, allowed: tuple[str, ...], owner: str) -> None:
    for key in found:
        if key not in allowed:
            raise unknown("key", key, allowed, owner=owner)
