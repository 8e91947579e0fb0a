import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution
from scipy import stats

from podium.lab.sweeps.distributions import DISTRIBUTIONS, distribution_from
from podium.lab.sweeps.reading import Sheet
from podium.lab.sweeps.search import _uniform
from podium.spec import PodiumError

# What wandb/sweeps itself answers, written down once: its package needs another numpy than ours.
WANDB = json.loads(Path(__file__).with_name("wandb_sweeps.json").read_text())
PLACE = ("parameters", "lr")


def read(definition, place=PLACE):
    sheet = Sheet("sweep.yaml", {"parameters": {"lr": definition}})
    return distribution_from(sheet, place)


def draws(definition, count=4000, sweep="3f2a"):
    distribution = read(definition)
    return np.array([distribution.draw(_uniform(f"{sweep}:{index}:lr")) for index in range(count)])


CONTINUOUS = [
    ({"min": -1.5, "max": 2.0}, stats.uniform(-1.5, 3.5)),
    ({"distribution": "uniform", "min": 0, "max": 3}, stats.uniform(0, 3)),
    ({"distribution": "log_uniform", "min": -9, "max": -2}, stats.loguniform(math.exp(-9), math.exp(-2))),
    ({"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1}, stats.loguniform(1e-5, 0.1)),
    ({"distribution": "inv_log_uniform", "min": 2, "max": 9}, stats.loguniform(math.exp(-9), math.exp(-2))),
    ({"distribution": "inv_log_uniform_values", "min": 0.01, "max": 7}, stats.loguniform(0.01, 7)),
    ({"distribution": "normal", "mu": 3, "sigma": 0.5}, stats.norm(3, 0.5)),
    ({"distribution": "log_normal", "mu": -2, "sigma": 0.7}, stats.lognorm(0.7, scale=math.exp(-2))),
    ({"distribution": "beta", "a": 2, "b": 5}, stats.beta(2, 5)),
]
ROUNDED = [
    ({"distribution": "q_uniform", "min": -5, "max": 20, "q": 2}, stats.uniform(-5, 25)),
    ({"distribution": "q_log_uniform", "min": 1, "max": 5, "q": 3}, stats.loguniform(math.e, math.exp(5))),
    ({"distribution": "q_log_uniform_values", "min": 32, "max": 256, "q": 8}, stats.loguniform(32, 256)),
    ({"distribution": "q_normal", "mu": 10, "sigma": 4, "q": 1.5}, stats.norm(10, 4)),
    ({"distribution": "q_log_normal", "mu": 2, "q": 2}, stats.lognorm(1, scale=math.exp(2))),
    ({"distribution": "q_beta", "a": 2, "b": 3, "q": 0.1}, stats.beta(2, 3)),
]
COUNTED = [
    ({"min": -3, "max": 12}, dict.fromkeys(range(-3, 13), 1 / 16)),
    ({"values": ["a", "b", "c"]}, {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}),
    ({"values": ["a", "b", "c"], "probabilities": [0.7, 0.1, 0.2]}, {"a": 0.7, "b": 0.1, "c": 0.2}),
]


@pytest.mark.parametrize(("definition", "expected"), CONTINUOUS)
def test_continuous_draws_pass_kolmogorov_smirnov_against_scipy(definition, expected):
    assert stats.kstest(draws(definition), expected.cdf).pvalue > 0.01


@pytest.mark.parametrize(("definition", "expected"), ROUNDED)
def test_rounded_draws_have_scipys_shares_at_every_step(definition, expected):
    found = draws(definition)
    q = definition["q"]
    steps, counts = np.unique(np.round(found / q).astype(int), return_counts=True)
    assert np.allclose(found, np.round(found / q) * q)
    shares = expected.cdf((steps + 0.5) * q) - expected.cdf((steps - 0.5) * q)
    likely = shares * len(found) >= 5  # a chi-square test wants five expected in each cell
    cells = [*counts[likely], counts[~likely].sum()], [*shares[likely], 1 - shares[likely].sum()]
    keep = cells[1][-1] * len(found) >= 5
    observed, wanted = (np.array(cell if keep else cell[:-1], dtype=float) for cell in cells)
    assert stats.chisquare(observed, wanted / wanted.sum() * observed.sum()).pvalue > 0.01


@pytest.mark.parametrize(("definition", "shares"), COUNTED)
def test_discrete_draws_have_their_probabilities(definition, shares):
    values, counts = np.unique(draws(definition), return_counts=True)
    assert set(values) == set(shares)
    assert stats.chisquare(counts, [shares[value] * 4000 for value in values.tolist()]).pvalue > 0.01


@pytest.mark.parametrize("row", WANDB["quantiles"]["rows"], ids=lambda row: json.dumps(row["parameter"]))
def test_quantiles_and_their_types_are_wandbs(row):
    distribution = read(dict(row["parameter"]))
    silent = distribution.name.startswith("q_") and "q" not in row["parameter"]
    for u, expected in zip(WANDB["quantiles"]["at"], row["values"], strict=True):
        found = distribution.draw(u)
        # Where q is silent wandb/sweeps gives whole floats, which W&B's server hands to the program as whole numbers.
        assert type(found) is (int if silent else type(expected))
        assert found == (pytest.approx(expected, rel=1e-9, abs=1e-12) if isinstance(expected, float) else expected)


def test_every_documented_distribution_is_tested_against_wandb():
    named = {row["parameter"].get("distribution") for row in WANDB["quantiles"]["rows"]}
    inferred = {"constant", "categorical", "categorical_w_probabilities", "int_uniform"}
    assert set(DISTRIBUTIONS) == (named | inferred) - {None}


EDGES = st.floats(0, 1, exclude_min=True, exclude_max=True)


@given(low=st.floats(1e-6, 1e6), width=st.floats(1e-6, 1e6), u=EDGES)
def test_no_draw_leaves_its_bounds(low, width, u):
    high = low + width
    for name in ("uniform", "log_uniform_values", "inv_log_uniform_values"):
        assert low <= read({"distribution": name, "min": low, "max": high}).draw(u) <= high


@given(low=st.integers(-(10**12), 10**12), width=st.integers(1, 10**12), u=EDGES)
def test_whole_numbers_stay_whole_and_in_bounds(low, width, u):
    distribution = read({"min": low, "max": low + width})
    found = distribution.draw(u)
    assert type(found) is int
    assert low <= found <= low + width
    assert distribution.value(found) == found


@given(u=st.floats(0, 1))
@settings(max_examples=50)
def test_what_optuna_suggests_becomes_what_a_draw_gives(u):
    for definition, _ in CONTINUOUS + ROUNDED:
        distribution = read(dict(definition))
        space = distribution.space()
        assert distribution.value(space.low) == pytest.approx(distribution.draw(0.0), rel=1e-9)
        assert distribution.value(space.high) == pytest.approx(distribution.draw(1.0), rel=1e-9)
        x = math.exp(math.log(space.low) * (1 - u) + math.log(space.high) * u) if space.log else u
        if space.log:
            assert distribution.value(x) == pytest.approx(distribution.draw(u), rel=1e-9)


def test_spaces_of_choices():
    assert read({"value": 3}).space() is None
    assert read({"values": [3]}).space() is None
    assert read({"values": [[1, 2], {"a": 1}]}).space() == CategoricalDistribution((0, 1))
    assert read({"values": [[1, 2], {"a": 1}]}).value(1) == {"a": 1}
    weighted = read({"values": ["a", "b", "c"], "probabilities": [0.25, 0, 0.75]})
    assert weighted.space() == FloatDistribution(0.0, 1.0)
    assert [weighted.value(u) for u in (0.0, 0.2, 0.25, 0.3, 1.0)] == ["a", "a", "c", "c", "c"]
    assert (read({"min": 1, "max": 4}).space().low, read({"min": 1, "max": 4}).space().high) == (1, 4)


@given(
    low=st.floats(-100, 100),
    width=st.floats(0.01, 50),
    q=st.one_of(st.floats(0.05, 10), st.integers(1, 9)),
    data=st.data(),
)
def test_q_uniform_is_numpys_arange_on_a_grid(low, width, q, data):
    points = read({"distribution": "q_uniform", "min": low, "max": low + width, "q": q}).points()
    expected = np.arange(low, low + width, q).tolist()
    assert points.count == len(expected)
    index = data.draw(st.integers(0, points.count - 1))
    assert points.at(index) == expected[index]


def test_grids_of_every_kind():
    assert [read({"min": -1, "max": 2}).points().at(index) for index in range(4)] == [-1, 0, 1, 2]
    assert read({"min": 0, "max": 10**15}).points().count == 10**15 + 1
    repeated = read({"values": [1, True, 1.0, "1", [1], [1.0], {"a": 1, "b": 2}, {"b": 2, "a": 1}, None]}).points()
    assert [repeated.at(index) for index in range(repeated.count)] == [1, True, "1", [1], {"a": 1, "b": 2}, None]
    for definition in (
        {"min": 0.0, "max": 1.0},
        {"values": [1, 2], "probabilities": [0.5, 0.5]},
        {"distribution": "beta"},
    ):
        assert read(definition).points() is None


def test_examples_stand_for_all_values():
    assert read({"values": [1, "a"]}).examples() == [1, "a"]
    assert read({"min": 1, "max": 9}).examples() == [1, 9]
    assert read({"distribution": "normal"}).examples() == pytest.approx([-1.645, 1.645], abs=1e-3)


def test_a_distribution_reaches_a_worker():
    for definition, _ in CONTINUOUS + ROUNDED:
        distribution = read(dict(definition))
        assert pickle.loads(pickle.dumps(distribution)).draw(0.3) == distribution.draw(0.3)  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        ({}, "needs value, values, min with max, or a distribution; it has nothing"),
        ({"lo": 1}, "it has lo"),
        ({"momentum": {"value": 1}}, "Did it want 'parameters' around them"),
        ({"mu": 1, "sigma": 2}, "or a distribution; it has mu, sigma"),
        ({"distribution": "unform", "min": 0, "max": 1}, "distribution: .*'unform'; did you mean 'uniform'"),
        ({"distribution": ["uniform"]}, "no distribution .*uniform"),
        ({"min": 0, "max": 1, "step": 1}, r"step: .*no key 'step'"),
        ({"values": [1], "min": 0}, "no key 'min'.*distribution, probabilities, values"),
        ({"distribution": "log_uniform_values", "min": 1}, "needs max"),
        ({"distribution": "constant"}, "needs value"),
        ({"values": 3}, "must be a list with one value or more; not 3"),
        ({"values": []}, "must be a list with one value or more"),
        ({"min": 1, "max": 8.0}, "ambiguous: write both as whole numbers for int_uniform, both with a dot for uniform"),
        ({"min": 0, "max": 10, "q": 2}, "belongs to the q_ distributions: add distribution: q_uniform"),
        ({"min": 3, "max": 3}, "min: must be below max; 3 is not below 3: write value: 3"),
        ({"min": 4, "max": 3}, "swap them"),
        ({"min": True, "max": 3}, "min: must be a number; not True"),
        ({"min": 0.0, "max": math.inf}, "max: must be a finite number"),
        ({"min": math.nan, "max": 1.0}, "min: must be a finite number"),
        ({"min": "low", "max": 1.0}, "min: must be a number; not 'low'"),
        ({"distribution": "int_uniform", "min": 0.5, "max": 3}, "must be a whole number for int_uniform; not 0.5"),
        ({"distribution": "log_uniform_values", "min": 0, "max": 1}, "logarithm's scale and must be above 0; not 0"),
        ({"distribution": "log_uniform", "min": 0, "max": 1000}, "exponents of e in log_uniform, up to 709"),
        ({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0}, "q: must be above 0; not 0"),
        ({"distribution": "normal", "sigma": -1}, "sigma: is a standard deviation, 0 or more; not -1"),
        ({"distribution": "beta", "a": 0}, "a: must be above 0"),
        ({"distribution": "log_normal", "mu": 800}, "values beyond any number .mu and sigma are those of the log"),
        ({"distribution": "q_normal", "mu": 1e308, "q": 1e-5}, "values beyond any number"),
        ({"distribution": "normal", "mu": 1e308, "sigma": 1e308}, "values beyond any number"),
        ({"values": [1, 2], "probabilities": [1]}, "must be a list of 2 numbers"),
        ({"values": [1, 2], "probabilities": 0.5}, "must be a list of 2 numbers"),
        ({"values": [1, 2], "probabilities": [0.5, 0.4]}, "sum to 1; .* sums to 0.9"),
        ({"values": [1, 2], "probabilities": [1.5, -0.5]}, "must be 0 or more"),
        ({"values": [1, 2], "probabilities": [0.5, "x"]}, "probabilities.1: must be a number; not 'x'"),
    ],
)
def test_what_cannot_be_drawn_is_said(definition, sentence):
    with pytest.raises(PodiumError, match=sentence) as caught:
        read(definition)
    assert str(caught.value).startswith("sweep.yaml, parameters.lr")


def test_mixed_bounds_below_the_top_are_drawn_evenly_as_wandbs_server_does():
    sheet = Sheet("sweep.yaml", {"parameters": {"opt": {"parameters": {"lr": {"min": 0, "max": 0.5}}}}})
    assert distribution_from(sheet, ("parameters", "opt", "parameters", "lr")).name == "uniform"


def test_whole_floats_are_whole_numbers():
    assert read({"distribution": "int_uniform", "min": 0.0, "max": 1e3}).draw(1.0) == 1000
    assert type(read({"distribution": "int_uniform", "min": 0.0, "max": 1e3}).draw(0.5)) is int
