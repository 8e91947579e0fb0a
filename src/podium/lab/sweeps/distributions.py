"""Distributions: every one that W&B's sweep files know, from one uniform number, on a grid, and for Optuna.

The names, keys, defaults and formulas are W&B's (https://docs.wandb.ai/models/sweeps/sweep-config-keys, and the schema
and `params.py` of https://github.com/wandb/sweeps). A `q_` form is `round(x / q) * q` of its plain form and is not cut
off at `min` and `max`, as there; it gives whole numbers where `q` is one.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from podium.lab.sweeps.reading import Place, Sheet
from podium.spec import unknown

LARGEST_EXPONENT = 709.0  # exp(709.78) is the largest float
SMALLEST = 2.0**-54  # keeps a uniform number off 0 and 1, where a normal distribution has no values


@dataclass(frozen=True)
class Range:
    """A number's natural axis, evenly drawn (evenly in its logarithm where `log`)."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Family:
    """A continuous distribution: an axis that is drawn evenly, and the value at a place of that axis.

    Attributes:
        keys: the keys of a sweep file that it takes, each with its default; None where the file must say it.
        axis: the keys' values to the axis.
        value: the keys' values and a place on the axis to the parameter's value.
    """

    keys: dict[str, float | None]
    axis: Callable[[dict[str, float]], Range]
    value: Callable[[dict[str, float], float], float]


def _bounds(p: dict[str, float]) -> Range:
    return Range(p["min"], p["max"])


def _negated(p: dict[str, float]) -> Range:
    return Range(-p["max"], -p["min"])


def _log_bounds(p: dict[str, float]) -> Range:
    return Range(p["min"], p["max"], log=True)


def _unit(_: dict[str, float]) -> Range:
    return Range(0.0, 1.0)


def _inside(u: float) -> float:
    return min(max(u, SMALLEST), 1 - 2 * SMALLEST)


def _normal(p: dict[str, float], u: float) -> float:
    from scipy.special import ndtri

    return p["mu"] + p["sigma"] * float(ndtri(_inside(u)))


def _beta(p: dict[str, float], u: float) -> float:
    from scipy.special import betaincinv

    return float(betaincinv(p["a"], p["b"], _inside(u)))


BETWEEN: dict[str, float | None] = {"min": None, "max": None}
BELL: dict[str, float | None] = {"mu": 0.0, "sigma": 1.0}

FAMILIES: dict[str, Family] = {
    "uniform": Family(BETWEEN, _bounds, lambda _, x: x),
    "log_uniform": Family(BETWEEN, _bounds, lambda _, x: math.exp(x)),
    "log_uniform_values": Family(BETWEEN, _log_bounds, lambda _, x: x),
    # log(1/X) even between min and max is log(X) even between -max and -min; the next is the same with values.
    "inv_log_uniform": Family(BETWEEN, _negated, lambda _, x: math.exp(x)),
    "inv_log_uniform_values": Family(BETWEEN, _log_bounds, lambda _, x: x),
    "normal": Family(BELL, _unit, _normal),
    "log_normal": Family(BELL, _unit, lambda p, u: math.exp(_normal(p, u))),
    "beta": Family({"a": 1.0, "b": 1.0}, _unit, _beta),
}
ROUNDED = tuple(f"q_{name}" for name in FAMILIES if not name.startswith("inv_"))
EXPONENTS = ("log_uniform", "q_log_uniform", "inv_log_uniform")
CHOICES = ("constant", "categorical", "categorical_w_probabilities")
DISTRIBUTIONS: dict[str, dict[str, float | None]] = {
    "constant": {"value": None},
    "categorical": {"values": None, "probabilities": 1.0},
    "categorical_w_probabilities": {"values": None, "probabilities": None},
    "int_uniform": BETWEEN,
    **{name: family.keys for name, family in FAMILIES.items()},
    **{name: {**FAMILIES[name.removeprefix("q_")].keys, "q": 1} for name in ROUNDED},
}


@dataclass(frozen=True)
class Points:
    """The values of one parameter on a grid, counted but not listed."""

    count: int
    at: Callable[[int], Any]


@dataclass(frozen=True)
class Distribution:
    """How one parameter is drawn.

    Attributes:
        name: W&B's name, a key of DISTRIBUTIONS.
        numbers: the numeric keys with their values, defaults filled in.
        values: the choices of constant and categorical distributions.
        weights: the probability of each choice; empty where all are equal.
    """

    name: str
    numbers: dict[str, float] = field(default_factory=dict)
    values: tuple[Any, ...] = ()
    weights: tuple[float, ...] = ()

    def draw(self, u: float) -> Any:
        """Return the value at a uniform number between 0 and 1."""
        if self.values:
            return self.values[self._choice(u)]
        if self.name == "int_uniform":
            low, high = int(self.numbers["min"]), int(self.numbers["max"])
            return low + _place(u, high - low + 1)
        axis = self._family().axis(self.numbers)
        low, high = (math.log(axis.low), math.log(axis.high)) if axis.log else (axis.low, axis.high)
        x = low * (1 - u) + high * u  # never overflows, as low + u * (high - low) would
        x = math.exp(x) if axis.log else x
        return self.value(min(max(x, axis.low), axis.high))

    def value(self, x: Any) -> Any:
        """Return the parameter's value for what Optuna suggests on the space of `space`."""
        if self.weights:
            return self.draw(x)
        if self.values:
            return self.values[x]
        if self.name == "int_uniform":
            return min(max(int(x), int(self.numbers["min"])), int(self.numbers["max"]))
        value = self._family().value(self.numbers, x)
        if "q" not in self.numbers:
            return float(value)
        q = self.numbers["q"]
        steps = round(value / q)
        return steps * q

    def space(self) -> BaseDistribution | None:
        """Return the space that Optuna searches; None for what cannot vary.

        Choices are searched by their index, for no relational storage holds lists; those with probabilities, and the
        distributions without a natural axis, by the uniform number that `draw` takes.
        """
        if self.weights:
            return FloatDistribution(0.0, 1.0)
        if self.values:
            return CategoricalDistribution(range(len(self.values))) if len(self.values) > 1 else None
        if self.name == "int_uniform":
            return IntDistribution(int(self.numbers["min"]), int(self.numbers["max"]))
        axis = self._family().axis(self.numbers)
        return FloatDistribution(axis.low, axis.high, log=axis.log)

    def points(self) -> Points | None:
        """Return the values of a grid, each once; None where there are none to list.

        As W&B's grid: choices without probabilities, int_uniform, and q_uniform from `min` in steps of `q` below `max`.
        """
        if self.values and not self.weights:
            seen: dict[str, Any] = {}
            for value in self.values:
                seen.setdefault(_identity(value), value)
            return Points(len(seen), list(seen.values()).__getitem__)
        low, high = self.numbers.get("min", 0), self.numbers.get("max", 0)
        if self.name == "int_uniform":
            return Points(int(high) - int(low) + 1, lambda index: int(low) + index)
        if self.name == "q_uniform":
            q = self.numbers["q"]
            step = (low + q) - low  # numpy.arange's step, so that the points are W&B's to the last bit
            return Points(math.ceil((high - low) / q), lambda index: low + index * step)
        return None

    def examples(self) -> list[Any]:
        """Return values that stand for all: the choices, both ends of a range, or of the middle 90 % of a bell."""
        if self.values:
            return list(self.values)
        return [self.draw(u) for u in ((0.05, 0.95) if "mu" in self.numbers else (0.0, 1.0))]

    def _family(self) -> Family:
        return FAMILIES[self.name.removeprefix("q_")]

    def _choice(self, u: float) -> int:
        if not self.weights:
            return _place(u, len(self.values))
        reached = list(accumulate(self.weights))
        last = max(index for index, weight in enumerate(self.weights) if weight > 0)
        return min(bisect_right(reached, u * reached[-1]), last)


def _place(u: float, count: int) -> int:
    """Return which of `count` equal parts of the unit interval holds a number; an edge belongs to the part below."""
    return min(max(math.ceil(u * count) - 1, 0), count - 1)


def _identity(value: Any) -> str:
    """Return a text that is equal for equal values, 3 and 3.0 included, and keeps 1 and True apart, as W&B's grid."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, dict):
        return f"{{{','.join(sorted(f'{key!r}:{_identity(item)}' for key, item in value.items()))}}}"
    if isinstance(value, list):
        return f"[{','.join(_identity(item) for item in value)}]"
    return repr(value)


def distribution_from(sheet: Sheet, place: Place) -> Distribution:
    """Return the distribution that a parameter's keys describe.

    Raises:
        PodiumError: naming the place where a key is unknown, missing or impossible.
    """
    found: dict[str, Any] = sheet.get(place)
    name = found.get("distribution") or _inferred(sheet, place)
    if not isinstance(name, str) or name not in DISTRIBUTIONS:
        raise sheet.error((*place, "distribution"), unknown("distribution", name, DISTRIBUTIONS, owner="A sweep"))
    keys = DISTRIBUTIONS[name]
    for key in found:
        if key != "distribution" and key not in keys:
            allowed = ("distribution", *keys)
            raise sheet.error((*place, key), unknown("key", key, allowed, owner=f"A parameter drawn from {name}"))
    missing = [key for key, default in keys.items() if default is None and key not in found]
    if missing:
        raise sheet.error(place, f"{name} needs {' and '.join(missing)}.")
    if name in CHOICES:
        return _choices(sheet, place, name)
    numbers = {key: sheet.number((*place, key)) if key in found else default for key, default in keys.items()}
    distribution = Distribution(name, {key: number for key, number in numbers.items() if number is not None})
    _check_numbers(sheet, place, distribution)
    return distribution


def _inferred(sheet: Sheet, place: Place) -> str:
    found: dict[str, Any] = sheet.get(place)
    if "value" in found:
        return "constant"
    if "values" in found:
        return "categorical_w_probabilities" if "probabilities" in found else "categorical"
    if not {"min", "max"} <= found.keys():
        near = " Did it want 'parameters' around them?" if any(isinstance(v, dict) for v in found.values()) else ""
        raise sheet.error(
            place, f"needs value, values, min with max, or a distribution; it has {_listed(found)}.{near}"
        )
    if "q" in found:
        raise sheet.error((*place, "q"), "belongs to the q_ distributions: add distribution: q_uniform.")
    bounds = [sheet.number((*place, key)) for key in ("min", "max")]
    whole = [isinstance(bound, int) for bound in bounds]
    if all(whole):
        return "int_uniform"
    # W&B's client refuses mixed bounds at the top level; below it nobody looks, and its server draws evenly.
    if any(whole) and len(place) == 2:
        low, high = bounds
        raise sheet.error(
            place,
            f"min {low!r} and max {high!r} are ambiguous: write both as whole numbers for int_uniform, both with a dot "
            "for uniform, or name the distribution.",
        )
    return "uniform"


def _choices(sheet: Sheet, place: Place, name: str) -> Distribution:
    if name == "constant":
        sheet.reread_numbers((*place, "value"))
        return Distribution(name, values=(sheet.get((*place, "value")),))
    values = sheet.get((*place, "values"))
    if not isinstance(values, list) or not values:
        raise sheet.error((*place, "values"), f"must be a list with one value or more; not {values!r}.")
    sheet.reread_numbers((*place, "values"))
    if "probabilities" not in sheet.get(place):
        return Distribution(name, values=tuple(values))
    at = (*place, "probabilities")
    found = sheet.get(at)
    if not isinstance(found, list) or len(found) != len(values):
        raise sheet.error(at, f"must be a list of {len(values)} numbers, one a value; not {found!r}.")
    weights = tuple(float(sheet.number((*at, index))) for index in range(len(found)))
    if min(weights) < 0 or not math.isclose(sum(weights), 1.0, rel_tol=1e-5, abs_tol=1e-8):  # numpy.isclose's, as W&B
        raise sheet.error(at, f"must be 0 or more and sum to 1; {list(weights)} sums to {sum(weights):g}.")
    return Distribution("categorical_w_probabilities", values=tuple(values), weights=weights)


def _check_numbers(sheet: Sheet, place: Place, distribution: Distribution) -> None:
    name, numbers = distribution.name, distribution.numbers
    if "min" in numbers:
        _check_bounds(sheet, place, distribution)
    if numbers.get("sigma", 1) < 0:
        raise sheet.error((*place, "sigma"), f"is a standard deviation, 0 or more; not {numbers['sigma']!r}.")
    for key in ("a", "b", "q"):
        if numbers.get(key, 1) <= 0:
            raise sheet.error((*place, key), f"must be above 0; not {numbers[key]!r}.")
    try:
        finite = all(math.isfinite(distribution.draw(end)) for end in (0.0, 1.0))
    except OverflowError:
        finite = False
    if not finite:
        which = " (mu and sigma are those of the logarithm)" if "log_normal" in name else ""
        raise sheet.error(place, f"{name} would give values beyond any number{which}.")


def _check_bounds(sheet: Sheet, place: Place, distribution: Distribution) -> None:
    name, low, high = distribution.name, distribution.numbers["min"], distribution.numbers["max"]
    if name == "int_uniform":
        for key in ("min", "max"):
            if (number := distribution.numbers[key]) != int(number):
                raise sheet.error((*place, key), f"must be a whole number for int_uniform; not {number!r}.")
    if low >= high:
        advice = f"write value: {low!r} for one value" if low == high else "swap them"
        raise sheet.error((*place, "min"), f"must be below max; {low!r} is not below {high!r}: {advice}.")
    if name.endswith("_values") and low <= 0:
        raise sheet.error((*place, "min"), f"is drawn on a logarithm's scale and must be above 0; not {low!r}.")
    if name in EXPONENTS and max(-low, high) > LARGEST_EXPONENT:
        raise sheet.error(
            place, f"min and max are exponents of e in {name}, up to 709; {name}_values takes the values themselves."
        )


def _listed(found: dict[str, Any]) -> str:
    return ", ".join(found) if found else "nothing"
