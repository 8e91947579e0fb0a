import itertools
import json
import math
from pathlib import Path

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState, create_trial
from scipy import stats

from podium.lab.sweeps.configuration import configuration_from, sweep_id
from podium.lab.sweeps.search import ask, index_of, sampler, trial_count

WANDB = json.loads(Path(__file__).with_name("wandb_sweeps.json").read_text())
GRID = {
    "method": "grid",
    "parameters": {
        "lr": {"values": [0.1, 0.01, 0.001]},
        "model": {"parameters": {"depth": {"min": 1, "max": 4}, "kind": {"values": ["a", ["b", 1], {"c": None}]}}},
        "epochs": {"value": 3},
    },
}
POINTS = 36
RANDOM = {
    "method": "random",
    "run_cap": 40,
    "parameters": {
        "lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-1},
        "depth": {"min": 1, "max": 4},
        "nested": {"parameters": {"kind": {"values": ["a", ["b"], {"c": 1}]}, "x": {"distribution": "normal"}}},
    },
}
BAYES = {**RANDOM, "method": "bayes", "metric": {"name": "loss"}}


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def read(config):
    return configuration_from(config, name="digits", where="the sweep", notify=lambda _: None)


def study_of(configuration, storage=None, sweep="5eed"):
    direction = configuration.metric.goal if configuration.metric else "minimize"
    return optuna.create_study(
        storage=storage,
        study_name="sweep",
        sampler=sampler(configuration, sweep),
        direction=direction,
        load_if_exists=True,
    )


def run_all(configuration, study, value=lambda _: 0.0, sweep="5eed", most=10_000):
    """Run trial after trial and return what each was given."""
    found = []
    while len(found) < most and (asked := ask(study, configuration, sweep)) is not None:
        found.append(asked)
        study.tell(asked.trial, value(asked.parameters))
    return found


def retry(study, trial, trials):
    """Queue a dead worker's trial again, as the runner does."""
    kept = {key: trial.user_attrs[key] for key in ("parameters",) if key in trial.user_attrs}
    study.add_trial(
        create_trial(
            state=TrialState.WAITING,
            params=trial.params,
            distributions=trial.distributions,
            user_attrs={"retry_of": trial.number, "index": index_of(trial, trials), **kept},
        )
    )


def flat(parameters):
    return json.dumps(parameters, sort_keys=True)


@pytest.mark.parametrize("row", WANDB["grid"], ids=lambda row: ",".join(row["parameters"]))
def test_a_grid_is_wandbs_in_wandbs_order(row):
    configuration = read({"method": "grid", "parameters": row["parameters"]})
    found = run_all(configuration, study_of(configuration))
    assert [asked.parameters for asked in found] == row["points"]


def test_a_grid_visits_every_point_exactly_once():
    configuration = read(GRID)
    found = run_all(configuration, study_of(configuration))
    assert trial_count(configuration) == len(found) == POINTS
    assert [asked.index for asked in found] == list(range(POINTS))
    expected = [
        {"lr": lr, "model": {"depth": depth, "kind": kind}, "epochs": 3}
        for lr, depth, kind in itertools.product([0.1, 0.01, 0.001], range(1, 5), ["a", ["b", 1], {"c": None}])
    ]
    assert [flat(asked.parameters) for asked in found] == [flat(point) for point in expected]
    assert ask(study_of(configuration), configuration, "5eed").parameters == expected[0]


class Workers:
    """Workers that share one study, take trials, end them and die."""

    def __init__(self, configuration):
        self.configuration = configuration
        self.study = study_of(configuration)
        self.running = []
        self.done = []

    def take(self):
        if (asked := ask(self.study, self.configuration, "5eed")) is not None:
            self.running.append(asked)
        return asked is not None

    def end(self, state):
        if self.running:
            asked = self.running.pop(0)
            self.study.tell(asked.trial, 0.0 if state == TrialState.COMPLETE else None, state=state)
            self.done.append(flat(asked.parameters))

    def finish(self):
        self.end(TrialState.COMPLETE)

    def fail(self):
        self.end(TrialState.FAIL)

    def kill(self):
        if self.running:
            self._buried(self.running.pop(0).trial.number)

    def kill_before_the_index_is_written(self):
        if all(trial.state != TrialState.WAITING for trial in self.study.trials):
            self._buried(self.study.ask().number)

    def kill_before_the_parameters_are_written(self):
        if all(trial.state != TrialState.WAITING for trial in self.study.trials):
            trial = self.study.ask()
            trials = self.study.get_trials(deepcopy=False)
            if (index := index_of(trials[trial.number], trials)) < trial_count(self.configuration):
                trial.set_user_attr("index", index)
            self._buried(trial.number)

    def _buried(self, number):
        self.study.tell(number, state=TrialState.FAIL)
        trials = self.study.get_trials(deepcopy=False)
        if index_of(trials[number], trials) < trial_count(self.configuration):
            retry(self.study, trials[number], trials)


DEATHS = ("kill", "kill_before_the_index_is_written", "kill_before_the_parameters_are_written")


@given(steps=st.lists(st.sampled_from(["take", "take", "finish", "fail", *DEATHS]), max_size=60))
@settings(max_examples=60, deadline=None)
def test_a_grid_is_whole_whatever_workers_do(steps):
    workers = Workers(read({"method": "grid", "parameters": {"a": {"min": 1, "max": 4}, "b": {"values": ["x", "y"]}}}))
    for step in steps:
        getattr(workers, step)()
    while workers.take():
        pass
    while workers.running:
        workers.finish()
    assert sorted(workers.done) == sorted(flat({"a": a, "b": b}) for a in range(1, 5) for b in ("x", "y"))


def test_workers_that_race_for_the_last_point_leave_it_to_one(monkeypatch):
    configuration = read({"method": "grid", "parameters": {"a": {"values": [1, 2]}}})
    study = study_of(configuration)
    ask(study, configuration, "5eed")
    real, raced = study.ask, []

    def race(**options):
        if not raced:
            raced.append(True)
            raced[0] = ask(study, configuration, "5eed")
        return real(**options)

    monkeypatch.setattr(study, "ask", race)
    assert ask(study, configuration, "5eed") is None
    assert raced[0].parameters == {"a": 2}
    assert study.trials[-1].user_attrs == {"surplus": True}
    assert study.trials[-1].state == TrialState.FAIL
    raised = read({"method": "grid", "parameters": {"a": {"values": [1, 2, 3]}}})
    assert ask(study, raised, "5eed").parameters == {"a": 3}


def test_a_huge_grid_is_never_listed():
    parameters = {name: {"min": 0, "max": 10**12} for name in "abcdef"}
    configuration = read({"method": "grid", "parameters": parameters, "run_cap": 3})
    assert trial_count(configuration) == 3
    assert trial_count(read({"method": "grid", "parameters": parameters})) == (10**12 + 1) ** 6
    found = run_all(configuration, study_of(configuration))
    assert [asked.parameters["f"] for asked in found] == [0, 1, 2]


def test_run_cap_ends_every_method_and_may_be_raised():
    for config in (GRID, RANDOM, BAYES):
        capped, raised = read({**config, "run_cap": 3}), read({**config, "run_cap": 5})
        assert sweep_id(capped) == sweep_id(raised)
        study = study_of(capped)
        assert [asked.index for asked in run_all(capped, study)] == [0, 1, 2]
        assert ask(study, capped, "5eed") is None
        assert [asked.index for asked in run_all(raised, study)] == [3, 4]
        assert len(study.trials) == 5


def test_random_and_bayes_have_no_end_of_their_own():
    endless = {key: value for key, value in RANDOM.items() if key != "run_cap"}
    assert trial_count(read(endless)) is None
    configuration = read(endless)
    assert len(run_all(configuration, study_of(configuration), most=7)) == 7


def test_random_parameters_are_a_function_of_sweep_and_index():
    configuration = read(RANDOM)
    first = [asked.parameters for asked in run_all(configuration, study_of(configuration))]
    study = study_of(configuration)
    for index in range(40):  # another order of finishing, with failures
        asked = ask(study, configuration, "5eed")
        assert asked.parameters == first[index]
        if index % 3:
            study.tell(asked.trial, state=TrialState.FAIL)
    others = [asked.parameters for asked in run_all(configuration, study_of(configuration, sweep="5eee"), sweep="5eee")]
    assert all(mine != other for mine, other in zip(first, others, strict=True))
    assert len({flat(parameters) for parameters in first}) == 40


def test_random_parameters_are_independent_and_follow_their_distributions():
    configuration = read({**RANDOM, "run_cap": 400})
    found = [asked.parameters for asked in run_all(configuration, study_of(configuration))]
    rates = np.log([parameters["lr"] for parameters in found])
    normals = np.array([parameters["nested"]["x"] for parameters in found])
    assert stats.kstest(rates, stats.uniform(math.log(1e-4), math.log(1e3)).cdf).pvalue > 0.01
    assert stats.kstest(normals, stats.norm.cdf).pvalue > 0.01
    assert abs(np.corrcoef(rates, normals)[0, 1]) < 0.13
    assert abs(np.corrcoef(rates[1:], rates[:-1])[0, 1]) < 0.13


def loss(parameters):
    return (math.log10(parameters["lr"]) + 2.5) ** 2 + abs(parameters["depth"] - 3) + abs(parameters["nested"]["x"] - 1)


def best_of(method, sweep):
    configuration = read({**BAYES, "method": method, "run_cap": 60})
    study = study_of(configuration, sweep=sweep)
    run_all(configuration, study, value=loss, sweep=sweep)
    return study.best_value


def test_bayes_learns():
    seeds = [f"seed{number}" for number in range(4)]
    assert sum(best_of("bayes", seed) for seed in seeds) < 0.6 * sum(best_of("random", seed) for seed in seeds)


def test_bayes_takes_choices_of_any_kind_and_repeats_itself():
    configuration = read(BAYES)
    first = run_all(configuration, study_of(configuration), value=loss)
    assert {flat(asked.parameters["nested"]["kind"]) for asked in first} == {'"a"', '["b"]', '{"c": 1}'}
    again = run_all(configuration, study_of(configuration), value=loss)
    assert [asked.parameters for asked in first] == [asked.parameters for asked in again]


def test_workers_that_ask_at_once_try_different_things():
    configuration = read({**BAYES, "run_cap": 30})
    study = study_of(configuration)
    for _ in range(12):
        asked = ask(study, configuration, "5eed")
        study.tell(asked.trial, loss(asked.parameters))
    together = [ask(study, configuration, "5eed").parameters["lr"] for _ in range(6)]
    assert len(set(together)) == 6


def test_constants_and_long_names_are_no_trouble_to_bayes():
    long = "x" * 1000
    config = {"method": "bayes", "metric": {"name": "loss", "goal": "maximize"}, "run_cap": 14}
    parameters = {
        long: {"min": 0.0, "max": 1.0},
        long + "y": {"values": [1, 2]},
        "one": {"values": [[1]]},
        "c": {"value": None},
    }
    configuration = read({**config, "parameters": parameters})
    found = run_all(configuration, study_of(configuration), value=lambda given: given[long])
    assert all(asked.parameters["one"] == [1] and asked.parameters["c"] is None for asked in found)
    fixed = read({**config, "parameters": {"c": {"value": 1}}})
    assert [asked.parameters for asked in run_all(fixed, study_of(fixed))] == [{"c": 1}] * 14
    study = study_of(configuration)
    assert study.sampler.sample_independent(study, None, "u", optuna.distributions.FloatDistribution(0, 1)) < 1


@pytest.mark.parametrize("config", [GRID, RANDOM, BAYES], ids=["grid", "random", "bayes"])
def test_a_killed_workers_trial_comes_again_with_its_parameters(config, tmp_path):
    configuration = read({**config, "run_cap": 4})
    storage = f"sqlite:///{tmp_path}/study.db"
    study = study_of(configuration, storage)
    first, second = ask(study, configuration, "5eed"), ask(study, configuration, "5eed")
    study.tell(first.trial, state=TrialState.FAIL)
    trials = study.get_trials(deepcopy=False)
    retry(study, trials[0], trials)
    study = study_of(configuration, storage)  # another process
    again = ask(study, configuration, "5eed")
    assert (again.index, again.parameters) == (first.index, first.parameters)
    assert again.trial.user_attrs["retry_of"] == first.trial.number
    study.tell(again.trial, 1.0)
    assert study.trials[again.trial.number].params == trials[0].params
    study.tell(second.trial, 2.0)
    rest = run_all(configuration, study)
    assert [asked.index for asked in rest] == [2, 3]
    assert rest[0].parameters not in (first.parameters, second.parameters)


def test_a_trial_whose_worker_died_before_its_parameters_were_written():
    configuration = read(RANDOM)
    expected = [asked.parameters for asked in run_all(configuration, study_of(configuration), most=2)]
    study = study_of(configuration)
    study.add_trial(create_trial(state=TrialState.WAITING, user_attrs={"retry_of": 0, "index": 1}))
    assert ask(study, configuration, "5eed").parameters == expected[1]
    assert ask(study, configuration, "5eed").parameters == expected[0]


def imputed(metric, told):
    """Return the values by which bayes learns, after trials that were told so: (logged values, end)."""
    configuration = read({**BAYES, "metric": metric})
    study = study_of(configuration)
    for logged, end in told:
        asked = ask(study, configuration, "5eed")
        for step, value in enumerate(logged):
            asked.trial.report(value, step)
        if end == "retried":
            study.tell(asked.trial, state=TrialState.FAIL)
            study.add_trial(
                create_trial(state=TrialState.WAITING, user_attrs={"retry_of": asked.trial.number, "index": 0})
            )
        elif end is None:
            study.tell(asked.trial, state=TrialState.FAIL)
        elif end != "running":
            study.tell(asked.trial, end)
    last = study.add_trial(create_trial(state=TrialState.RUNNING))
    assert last is None
    trial = study.get_trials(deepcopy=False)[-1]
    seen, _ = study.sampler._with_imputed(study, trial)
    return [other.value for other in seen.trials[:-1] if other.state == TrialState.COMPLETE], seen is study


def test_failed_trials_count_as_wandb_imputes_them():
    told = [([], 3.0), ([], 8.0), ([5.0, 1.0, math.nan, 2.0], None), ([], None)]
    assert imputed({"name": "loss"}, told) == ([3.0, 8.0, 8.0, 8.0], False)
    assert imputed({"name": "loss", "goal": "maximize"}, told)[0] == [3.0, 8.0, 3.0, 3.0]
    assert imputed({"name": "loss", "impute": "latest"}, told)[0] == [3.0, 8.0, 2.0, 8.0]
    assert imputed({"name": "loss", "impute": "best"}, told)[0] == [3.0, 8.0, 1.0, 8.0]
    assert imputed({"name": "loss", "impute": "best", "goal": "maximize"}, told)[0] == [3.0, 8.0, 5.0, 3.0]


def test_running_trials_count_where_the_metric_says_so():
    told = [([], 3.0), ([4.0, 2.5], "running"), ([], "running")]
    assert imputed({"name": "loss"}, told) == ([3.0], True)
    assert imputed({"name": "loss", "impute_while_running": "latest"}, told)[0] == [3.0, 2.5, 3.0]


def test_nothing_is_imputed_where_nothing_is_known_or_the_trial_comes_again():
    assert imputed({"name": "loss"}, [([], None), ([], None)]) == ([], True)
    assert imputed({"name": "loss"}, [([], 3.0), ([], "retried")]) == ([3.0], True)


def test_bayes_goes_on_after_failures():
    configuration = read({**BAYES, "run_cap": 30})
    study = study_of(configuration)
    for number in range(30):
        asked = ask(study, configuration, "5eed")
        if number % 4 == 1:
            study.tell(asked.trial, state=TrialState.FAIL)
        else:
            study.tell(asked.trial, loss(asked.parameters))
    assert study.best_value < 2.0
