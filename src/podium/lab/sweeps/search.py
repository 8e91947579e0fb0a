"""Search: which parameters a trial of a sweep gets, over an Optuna study that any number of workers share.

A trial's index decides its parameters: on a grid it is the point's number, at random they are a function of (sweep,
index) alone, and bayes asks Optuna's tree-structured Parzen estimator (Bergstra et al. 2011, "Algorithms for
Hyper-Parameter Optimization"), where W&B's server fits a Gaussian process: both learn, by way of other trials.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from podium.lab.sweeps.configuration import Metric, Parameter, SweepConfiguration
from podium.lab.sweeps.distributions import Points

LEARNT_FROM = {TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING}
LONGEST_NAME = 400  # Optuna's relational storages take 512 characters of a parameter's name


@dataclass(frozen=True)
class Asked:
    """A trial to run: Optuna's trial, its index in the sweep from 0, and its parameters as W&B would give them."""

    trial: optuna.trial.Trial
    index: int
    parameters: dict[str, Any]


def sampler(configuration: SweepConfiguration, sweep: str) -> BaseSampler:
    """Return the sampler that a study of this sweep must be opened with.

    Args:
        configuration: the sweep.
        sweep: its id; with a trial's number it is the seed, so that no two workers draw the same.
    """
    if configuration.method == "bayes" and configuration.metric is not None:
        return BayesSampler(_space(configuration), configuration.metric, sweep)
    return RandomSampler(seed=0)  # is never asked: the index decides


def ask(study: optuna.Study, configuration: SweepConfiguration, sweep: str) -> Asked | None:
    """Take the next trial of a sweep: one that waits for a second try, else a new one.

    Args:
        study: opened with `sampler`.
        configuration: the sweep.
        sweep: its id.

    Returns:
        The running trial, with the user attributes `index` and `parameters`; None where the grid is exhausted or
        run_cap is reached.
    """
    count = trial_count(configuration)
    trials = study.get_trials(deepcopy=False)
    waiting = any(trial.state == TrialState.WAITING for trial in trials)
    if count is not None and not waiting and len(trials) - _uncounted(trials, len(trials)) >= count:
        return None
    trial = study.ask(fixed_distributions=_space(configuration) if configuration.method == "bayes" else None)
    index = trial.user_attrs.get("index")
    if index is None:
        index = trial.number - _uncounted(study.get_trials(deepcopy=False), trial.number)
        if count is not None and index >= count:  # another worker took the last one meanwhile
            trial.set_user_attr("surplus", value=True)
            study.tell(trial, state=TrialState.FAIL)
            return None
        trial.set_user_attr("index", index)
    parameters = trial.user_attrs.get("parameters")
    if parameters is None:
        parameters = _parameters(configuration, sweep, index, trial.params)
        trial.set_user_attr("parameters", parameters)
    return Asked(trial, index, parameters)


def index_of(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> int:
    """Return a trial's index in its sweep, from 0, whether or not its worker lived to write it down.

    A second try at a killed worker's trial is a waiting trial with the user attributes `retry_of`, the number of the
    first, and `index`; trials of that kind do not count when the index of a new one is its number.
    """
    index = trial.user_attrs.get("index")
    return trial.number - _uncounted(trials, trial.number) if index is None else int(index)


def trial_count(configuration: SweepConfiguration) -> int | None:
    """Return how many trials a sweep has: its grid's points or its run_cap, whichever ends first; None for no end."""
    if configuration.method != "grid":
        return configuration.run_cap
    points = math.prod(points.count for points in _grid(configuration).values())
    return points if configuration.run_cap is None else min(points, configuration.run_cap)


def _parameters(configuration: SweepConfiguration, sweep: str, index: int, suggested: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of one trial; `suggested` holds Optuna's, where it searches."""
    if configuration.method == "grid":
        return configuration.nested(_grid_point(configuration, index))
    values = {}
    for parameter in configuration.parameters:
        name = _optuna_name(parameter)
        if name in suggested:
            values[parameter.path] = parameter.distribution.value(suggested[name])
        else:
            values[parameter.path] = parameter.distribution.draw(_uniform(f"{sweep}:{index}:{parameter.name}"))
    return configuration.nested(values)


def _uncounted(trials: Sequence[FrozenTrial], before: int) -> int:
    """Count the trials below a number that have no index of their own: second tries, and those asked for too late."""
    return sum(
        trial.number < before and ("retry_of" in trial.user_attrs or "surplus" in trial.user_attrs) for trial in trials
    )


def _uniform(seed: str) -> float:
    """Return a number above 0 and below 1 that a text decides."""
    bits = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big") >> 12
    return (bits + 0.5) / 2**52


def _grid(configuration: SweepConfiguration) -> dict[tuple[str, ...], Points]:
    found = {parameter.path: parameter.distribution.points() for parameter in configuration.parameters}
    return {path: points for path, points in found.items() if points is not None}


def _grid_point(configuration: SweepConfiguration, index: int) -> dict[tuple[str, ...], Any]:
    """Return the index-th point of the product, the last parameter changing fastest, without listing the others."""
    found = {}
    for path, points in reversed(_grid(configuration).items()):
        index, place = divmod(index, points.count)
        found[path] = points.at(place)
    return dict(reversed(found.items()))


def _space(configuration: SweepConfiguration) -> dict[str, BaseDistribution]:
    spaces = {_optuna_name(parameter): parameter.distribution.space() for parameter in configuration.parameters}
    return {name: space for name, space in spaces.items() if space is not None}


def _optuna_name(parameter: Parameter) -> str:
    name = parameter.name
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:LONGEST_NAME]}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


class BayesSampler(BaseSampler):
    """Optuna's TPE over a known space, with the values that W&B imputes to failed and running trials.

    Each trial is drawn with a seed of its own, so that workers that see the same trials do not all try the same.
    """

    def __init__(self, space: dict[str, BaseDistribution], metric: Metric, sweep: str) -> None:
        self._space = space
        self._metric = metric
        self._sweep = sweep

    def infer_relative_search_space(
        self,
        study: optuna.Study,  # noqa: ARG002 - Optuna's interface
        trial: FrozenTrial,  # noqa: ARG002 - Optuna's interface
    ) -> dict[str, BaseDistribution]:
        """Return the sweep's space: it is known before the first trial."""
        return self._space

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Suggest all parameters of a trial at once."""
        seed = int(_uniform(f"{self._sweep}:{trial.number}") * 2**32)
        tpe = TPESampler(seed=seed, multivariate=True, constant_liar=True)
        study, trial = self._with_imputed(study, trial)
        varying = {name: space for name, space in search_space.items() if not space.single()}
        found = tpe.sample_relative(study, trial, varying)
        for name, space in search_space.items():
            if name not in found:
                found[name] = tpe.sample_independent(study, trial, name, space)
        return found

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Suggest one parameter outside the space; Optuna's interface asks for it, a sweep never does."""
        return RandomSampler(seed=0).sample_independent(study, trial, param_name, param_distribution)

    def _with_imputed(self, study: optuna.Study, trial: FrozenTrial) -> tuple[optuna.Study, FrozenTrial]:
        """Return a study in which failed trials have the value that the metric imputes to them, and the trial in it."""
        trials = [other for other in study.get_trials(deepcopy=False) if other.number != trial.number]
        known = [other.value for other in trials if other.state == TrialState.COMPLETE and other.value is not None]
        retried = {other.user_attrs.get("retry_of") for other in trials}
        imputed = []
        for other in trials:
            value = None if other.number in retried else self._imputed(other, known)
            stand_in = other if value is None else copy.copy(other)
            if value is not None:
                stand_in.state, stand_in.values = TrialState.COMPLETE, [value]
                stand_in.datetime_complete = other.datetime_complete or other.datetime_start
            imputed.append((stand_in, value))
        if all(value is None for _, value in imputed):
            return study, trial
        seen = optuna.create_study(direction=study.direction)
        seen.add_trials([other for other, _ in imputed if other.state in LEARNT_FROM])
        seen.add_trial(create_trial(state=TrialState.RUNNING))
        return seen, seen.get_trials(deepcopy=False)[-1]

    def _imputed(self, trial: FrozenTrial, known: list[float]) -> float | None:
        """Return the value that stands in for a trial's own; None where it has one, or nothing is known to stand in."""
        how = {TrialState.FAIL: self._metric.impute, TrialState.RUNNING: self._metric.impute_while_running}
        way = how.get(trial.state)
        if not way or not self._space.keys() <= trial.params.keys():
            return None
        logged = [trial.intermediate_values[step] for step in sorted(trial.intermediate_values)]
        logged = [value for value in logged if math.isfinite(value)]
        if way == "latest" and logged:
            return logged[-1]
        best, worst = (max, min) if self._metric.goal == "maximize" else (min, max)
        if way == "best" and logged:
            return best(logged)
        return worst(known) if known else None
