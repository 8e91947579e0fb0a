import contextlib
import json
import pickle
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from podium.lab.sweeps.configuration import (
    COMMAND,
    Metric,
    configuration_from,
    read_configuration,
    sweep_id,
)
from podium.lab.sweeps.hyperband import Hyperband
from podium.lab.sweeps.reading import as_number
from podium.spec import PodiumError

WANDB = json.loads(Path(__file__).with_name("wandb_sweeps.json").read_text())
DOCUMENTED = sorted(Path(__file__).with_name("documented").rglob("*.yaml"))
WHOLE = """\
program: train.py
name: a sweep
description: what for
project: digits
entity: team
method: bayes
metric: {name: val/loss, goal: maximize, target: 0.9, impute: latest, impute_while_running: best}
run_cap: 7
parameters:
  lr: {min: 0.001, max: 0.1}
  model:
    parameters:
      b: {values: [1, 2]}
      a: {parameters: {deep: {value: x}}}
  a.b: {value: 3}
early_terminate: {type: hyperband, min_iter: 3, strict: false}
command: ["${env}", python3, "${program}", "--n", 4, "${args}"]
"""


def read(text, tmp_path, name="sweep.yaml", said=None):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_configuration(path, (said if said is not None else []).append)


def wrong(text, tmp_path, sentence, name="sweep.yaml"):
    with pytest.raises(PodiumError, match=sentence) as caught:
        read(text, tmp_path, name)
    return str(caught.value)


def from_dict(config, said=None):
    notify = (said if said is not None else []).append
    return configuration_from(config, name="digits", where="The sweep of digits", notify=notify)


def test_every_key_is_read(tmp_path):
    said = []
    found = read(WHOLE, tmp_path, said=said)
    assert (found.name, found.description, found.project, found.entity) == ("a sweep", "what for", "digits", "team")
    assert (found.method, found.program, found.run_cap, found.folder) == ("bayes", "train.py", 7, tmp_path)
    assert found.metric == Metric(
        name="val/loss", goal="maximize", target=0.9, impute="latest", impute_while_running="best"
    )
    assert [parameter.path for parameter in found.parameters] == [
        ("a.b",),
        ("lr",),
        ("model", "a", "deep"),
        ("model", "b"),
    ]
    assert [parameter.name for parameter in found.parameters][1:3] == ["lr", '["model", "a", "deep"]']
    assert found.early_terminate == Hyperband(min_iter=3, strict=False)
    assert found.command == ("${env}", "python3", "${program}", "--n", "4", "${args}")
    assert found.raw == yaml.safe_load(WHOLE)
    assert said == []
    assert found.nested({("model", "b"): 1, ("model", "a", "deep"): 2, ("a.b",): 3}) == {
        "model": {"b": 1, "a": {"deep": 2}},
        "a.b": 3,
    }


def test_what_a_file_leaves_out_is_as_wandb_has_it(tmp_path):
    said = []
    found = read("method: random\nparameters:\n  lr: {value: 1}\nmetric: {name: loss}\n", tmp_path, said=said)
    assert (found.name, found.command, found.program, found.run_cap) == ("sweep", COMMAND, None, None)
    assert found.metric == Metric(name="loss", goal="minimize", target=None, impute="worst")
    assert said == ["sweep.yaml: method random has no end of its own: run_cap: 20 would end it."]
    assert read("{method: grid, parameters: {lr: {value: 1}}}", tmp_path).metric is None


def test_a_target_is_reached_in_the_goals_direction():
    low, high = Metric(name="m", target=0.5), Metric(name="m", goal="maximize", target=0.5)
    assert [low.reached(value) for value in (0.4, 0.5, 0.6, float("nan"), "x", None)] == [True, True, *[False] * 4]
    assert [high.reached(value) for value in (0.4, 0.5, 0.6, True)] == [False, True, True, False]
    assert not Metric(name="m").reached(0.0)


def test_places_are_named_with_their_line(tmp_path):
    found = read(WHOLE, tmp_path)
    assert found.at("metric.name") == "sweep.yaml, line 7, metric.name"
    assert found.at("parameters.model.parameters.b") == "sweep.yaml, line 13, parameters.model.parameters.b"
    assert found.at("nowhere") == "sweep.yaml, line 1, nowhere"
    plain = from_dict({"method": "grid", "parameters": {"lr": {"value": 1}}})
    assert plain.at("metric.name") == "The sweep of digits, metric.name"


def test_a_configuration_reaches_a_worker(tmp_path):
    found = read(WHOLE, tmp_path)
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own bytes


@pytest.mark.parametrize("row", WANDB["verdicts"], ids=lambda row: json.dumps(row["config"])[:60])
def test_what_wandbs_schema_accepts_is_accepted_and_nothing_else(row):
    numbers_as_text = row["config"].get("parameters", {}).get("a", {}).get("min") == "1e-5"  # a trap we step over
    if row["accepted"] or numbers_as_text:
        from_dict(row["config"])
    else:
        with pytest.raises(PodiumError, match="The sweep of digits"):
            from_dict(row["config"])


@pytest.mark.parametrize("path", DOCUMENTED, ids=lambda path: path.stem)
def test_every_documented_file_is_read_as_wandb_reads_it(path):
    assert path.read_text().startswith("# https://")
    if path.stem == "scheduler":  # wandb/sweeps refuses this one too: a grid needs points
        with pytest.raises(PodiumError, match=r"line 12, parameters\.learning_rate: uniform has no grid"):
            read_configuration(path, print)
        return
    said = []
    found = read_configuration(path, said.append)
    plain = yaml.safe_load(path.read_text())
    texts = {"1e-5": 1e-5, "1e-6": 1e-6, "1e-7": 1e-7}
    if "decay" in plain["parameters"]:
        plain["parameters"]["decay"]["values"] = [texts[text] for text in plain["parameters"]["decay"]["values"]]
        assert "YAML 1.1 reads 1e-5 as text" in said[0]
    assert found.raw == plain
    assert (found.program is None) == (path.parent.name == "launch")


def test_launch_files_say_what_is_passed_over(tmp_path):
    said = []
    text = "method: grid\njob: team/jobs/train:latest\nscheduler: {num_workers: 8}\nparameters: {a: {value: 1}}\n"
    read(text, tmp_path, said=said)
    assert said == ["sweep.yaml: job, scheduler: only W&B's servers use this; it is passed over here."]


def test_numbers_without_a_dot_are_read_as_numbers_and_said_once(tmp_path):
    said = []
    text = """\
method: random
run_cap: 3
metric: {name: loss, target: 1e-3}
parameters:
  lr: {min: 1e-5, max: "1e-1", distribution: log_uniform_values}
  decay: {values: [1e-5, 0.1, .5e1, null]}
  eps: {value: 1e-8}
  name: {values: [1e-5, adam]}
  quoted: {values: ["1e-5", 0.1]}
  pairs: {values: [[1e-3, adam], [1e-4, 1e-5]]}
  dicts: {values: [{kind: sgd, lr: 1e-3}, {kind: adam, lr: 0.1}]}
  weights: {values: [a, b], probabilities: [9e-1, 1e-1]}
"""
    found = read(text, tmp_path, said=said)
    values = {name: parameter.get("values") for name, parameter in found.raw["parameters"].items()}
    assert found.raw["parameters"]["lr"] == {"min": 1e-5, "max": 0.1, "distribution": "log_uniform_values"}
    assert values["decay"] == [1e-5, 0.1, 5.0, None]
    assert found.raw["parameters"]["eps"] == {"value": 1e-8}
    assert values["name"] == ["1e-5", "adam"]
    assert values["quoted"] == ["1e-5", 0.1]
    assert values["pairs"] == [["1e-3", "adam"], ["1e-4", "1e-5"]]
    assert values["dicts"] == [{"kind": "sgd", "lr": 1e-3}, {"kind": "adam", "lr": 0.1}]
    assert found.raw["parameters"]["weights"]["probabilities"] == [0.9, 0.1]
    assert found.metric.target == 1e-3
    (sentence,) = said
    assert sentence.startswith("sweep.yaml, line 5, parameters.lr.min: YAML 1.1 reads 1e-5 as text")
    assert sentence.endswith("it is read as the number 1e-05 here. So are 8 more of its values.")


def test_exponents_that_look_like_values_are_said(tmp_path):
    said = []
    text = "method: random\nrun_cap: 1\nparameters:\n  lr: {distribution: log_uniform, min: 0.0001, max: 0.1}\n"
    read(text, tmp_path, said=said)
    (sentence,) = said
    assert sentence.startswith("sweep.yaml, line 4, parameters.lr: log_uniform takes exponents of e, so the values lie")
    assert sentence.endswith("between 1 and 1.105; log_uniform_values takes the values themselves.")


def test_names_that_wandb_refuses_are_said(tmp_path):
    said = []
    text = "method: grid\nparameters:\n  model/lr: {value: 1}\n  '[0]': {value: 2}\n" + r'  "a\0b": {value: 3}'
    found = read(text, tmp_path, said=said)
    assert [parameter.name for parameter in found.parameters] == ['["[0]"]', r'["a\u0000b"]', "model/lr"]
    assert len(said) == 3
    assert said[0].startswith("sweep.yaml, line 3, parameters.model/lr: W&B's servers take only letters")


def test_yaml_is_read_as_wandbs_client_reads_it(tmp_path):
    text = """\
defaults: &defaults
  values: [yes, off, 010, 1_000, 0x1F, ~, "yes", 2020-01-01, !!float 1e-5, !!str 12]
method: grid
parameters:
  on: {value: 1}
  a: *defaults
  b:
    <<: *defaults
  c:
    <<: [{value: 1}, {value: 2}]
    value: 3
"""
    text = text.replace("defaults: &defaults", "description: &unused x\ncontroller: &defaults")
    found = read(text, tmp_path).raw["parameters"]
    assert found["a"]["values"] == [True, False, 8, 1000, 31, None, "yes", "2020-01-01", 1e-5, "12"]
    assert found["b"] == found["a"]
    assert found["b"]["values"] is not found["a"]["values"]
    assert found["c"] == {"value": 3}
    assert found["on"] == {"value": 1}


def test_json_files_are_read(tmp_path):
    emoji = "ü\t\N{GRINNING FACE}"
    config = {"method": "random", "run_cap": 1, "parameters": {"lr": {"min": 1e-5, "max": 0.5}, "é": {"value": emoji}}}
    for text in (json.dumps(config, indent="\t"), json.dumps(config, ensure_ascii=False)):
        assert read(text, tmp_path, "sweep.json").raw == config
    assert "line 2 is no JSON" in wrong('{"method":\n}', tmp_path, "Expecting value", "sweep.json")
    assert "line 3" in wrong(
        '{"method": "grid",\n\t"parameters":\n\t{"a": {"value": 1}, "a": {"value": 2}}}', tmp_path, "twice", "s.json"
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must hold keys and values.*it is empty"),
        ("# only a comment\n", "it is empty"),
        ("- method: random\n", "it holds a list"),
        ("method\n", "it holds a text"),
        ("12\n", "it holds a int"),
        ("method: random\n\tmetric: {}\n", "line 2 is no YAML: a tab stands where YAML wants spaces"),
        ("method: [random\n", "is no YAML: .*"),
        ("method: random\n---\nmethod: grid\n", "line 2 is no YAML: a second document begins here"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is no text file of YAML"),
        (b"method: caf\xe9\n", "is no text file of YAML"),
        ("method: random\nmethod: grid\n", "line 2, method: stands here twice, first in line 1"),
        ("method: !!python/object:os.system x\n", "line 1, method: has the tag .*which no sweep can hold"),
        ("method: !!set {a, b}\n", "has the tag !!set"),
        ("method: !!int x\n", "'x' is no int"),
        ("method: !!binary aGk=\n", "has the tag !!binary"),
        ("? [a]\n: 1\n", "a key must be text; line 1 has a list"),
        ("a: &a [*a]\n", "this alias holds itself"),
        ("a: {<<: [1]}\n", "can only take in keys and values"),
        ("a: " + "[" * 1200, "nested too deeply"),
        ("a: *b\n", "undefined alias"),
    ],
)
def test_files_that_are_no_configuration_are_said(text, sentence, tmp_path):
    assert "sweep.yaml" in wrong(text, tmp_path, sentence)


def test_aliases_cannot_multiply_without_end(tmp_path):
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    wrong("\n".join(lines), tmp_path, "stands for more than 100,000 values")


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(PodiumError, match=r"nothing\.yaml cannot be read: No such file"):
        read_configuration(tmp_path / "nothing.yaml", print)


GRID = "method: grid\nparameters:\n  lr: {value: 1}\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (GRID + "paramters: {}\n", "sweep.yaml, line 4, paramters: .*did you mean 'parameters'"),
        (GRID + "early_stopping: {}\n", "did you mean 'early_terminate'"),
        ("parameters: {a: {value: 1}}\n", "sweep.yaml has no method: add one of method: grid, random, bayes"),
        ("method: bays\n", "line 1, method: A sweep has no method 'bays'; did you mean 'bayes'"),
        ("method: custom\nparameters: {a: {value: 1}}\n", "custom is a scheduler's own search on W&B"),
        (GRID + "metrics: [{name: a}, {name: b}]\n", "several metrics need method custom"),
        ("method: grid\n", "parameters: must name one parameter or more"),
        ("method: grid\nparameter: {a: {value: 1}}\n", "parameter: .*did you mean 'parameters'"),
        ("method: grid\nparameters: []\n", "must name one parameter or more"),
        (
            "method: grid\nparameters:\n  lr: 0.1\n",
            r"line 3, parameters.lr: must say how it is drawn, such as value: 0.1",
        ),
        ("method: grid\nparameters:\n  lr: [1, 2]\n", r"such as values: \[1, 2\]"),
        ("method: grid\nparameters:\n  a: {parameters: {}}\n", "line 3, parameters.a.parameters: must name one"),
        (
            "method: grid\nparameters:\n  a:\n    parameters: {b: {value: 1}}\n    min: 3\n",
            "line 5, parameters.a.min: cannot",
        ),
        (
            "method: grid\nparameters:\n  a:\n    parameters:\n      b: {min: 0.0, max: 1.0}\n",
            "line 5, .*b: uniform has no grid",
        ),
        ("method: bayes\nparameters: {a: {value: 1}}\n", "method bayes needs a metric"),
        (GRID + "early_terminate: {type: hyperband, min_iter: 3}\n", "early_terminate needs a metric"),
        (GRID + "metric: loss\n", "line 4, metric: must hold a name and a goal"),
        (GRID + "metric: {nam: loss}\n", "metric.nam: .*did you mean 'name'"),
        (GRID + "metric: {goal: minimize}\n", "metric.name: must be the name that the runs log; not None"),
        (GRID + "metric: {name: loss, goal: minimise}\n", "goal: .*did you mean 'minimize'"),
        (GRID + "metric: {name: loss, target: soon}\n", "target: must be a number"),
        (GRID + "metric: {name: loss, impute: mean}\n", "no impute 'mean'"),
        (GRID + "run_cap: 0\n", "line 4, run_cap: must be a whole number above 0; not 0"),
        (GRID + "run_cap: true\n", "must be a whole number above 0; not True"),
        (GRID + "command: python train.py\n", "command: must be a list, one word an entry"),
        (GRID + "command: [a, [b]]\n", "line 4, command.1: must be one word"),
        (GRID + "program: [train.py]\n", "program: must be a text"),
    ],
)
def test_what_is_wrong_is_said_with_file_line_and_key(text, sentence, tmp_path):
    assert wrong(text, tmp_path, sentence).startswith("sweep.yaml")


def test_a_dict_must_be_json():
    with pytest.raises(PodiumError, match=r"The sweep of digits: a sweep configuration is JSON: .*Path"):
        from_dict({"method": "grid", "parameters": {"a": {"value": Path()}}})
    with pytest.raises(PodiumError, match="must be a dict; not a list"):
        from_dict([1])
    assert from_dict({"method": "grid", "parameters": {"a": {"values": (1, 2)}}}).raw["parameters"] == {
        "a": {"values": [1, 2]}
    }
    assert from_dict({"method": "grid", "parameters": {"a": {"value": 1}}, "metric": {"name": "m"}}).name == "digits"


def test_equal_searches_have_equal_ids(tmp_path):
    found = sweep_id(read(WHOLE, tmp_path))
    assert len(found) == 8
    assert int(found, 16) >= 0
    for same in ("run_cap: 7", "name: a sweep", "description: what for", "strict: false"):
        assert (
            sweep_id(
                read(WHOLE.replace(same, same.replace("7", "9").replace("a ", "b ").replace("false", "true")), tmp_path)
            )
            == found
        )
    for other in (
        WHOLE.replace("0.001", "0.002"),
        WHOLE.replace("bayes", "random"),
        WHOLE.replace("maximize", "minimize"),
        WHOLE.replace("train.py", "other.py"),
        WHOLE.replace("python3", "python"),
    ):
        assert sweep_id(read(other, tmp_path)) != found
    assert sweep_id(read(WHOLE, tmp_path), {"epochs": 3}) != found
    reordered = yaml.safe_dump(yaml.safe_load(WHOLE), sort_keys=True)
    assert sweep_id(read(reordered, tmp_path)) == found


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text().filter(lambda text: as_number(text) is None),  # PyYAML writes those without quotes
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(values=st.lists(JSON, min_size=1, max_size=4))
def test_choices_of_any_kind_arrive_unchanged(values, tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "sweep.yaml"
    path.write_text(yaml.safe_dump({"method": "grid", "parameters": {"a": {"values": values}}}))
    found = read_configuration(path, print)
    assert found.raw["parameters"]["a"]["values"] == values
    assert list(found.parameters[0].distribution.values) == values


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_a_number_is_read_from_its_text(number):
    assert as_number(repr(number)) == number


@given(st.binary(max_size=60) | st.text(alphabet="ab:-[]{}&*!|>'\"#%?,~<\\\n\t 01e._", max_size=80).map(str.encode))
def test_no_bytes_are_too_strange(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("sweep") / "sweep.yaml"
    path.write_bytes(content)
    with pytest.raises(PodiumError, match=r"sweep\.yaml"):
        read_configuration(path, print)


KEYS = ["value", "values", "min", "max", "distribution", "probabilities", "q", "mu", "sigma", "a", "b", "parameters"]
NAMES = [
    "uniform",
    "q_uniform",
    "int_uniform",
    "log_uniform",
    "q_normal",
    "beta",
    "log_normal",
    "constant",
    "categorical",
]
STRANGE = JSON | st.sampled_from([*NAMES, "1e-5", -1, 0, 1, 2.5, 1e308, float("nan"), float("inf")])
DEFINITION = st.dictionaries(st.sampled_from(KEYS), STRANGE | st.lists(STRANGE, max_size=3), max_size=5)


@given(
    method=st.sampled_from(["grid", "random", "bayes", None]),
    definition=STRANGE | DEFINITION | DEFINITION.map(lambda inner: {"parameters": {"x": inner}}),
    others=st.dictionaries(
        st.sampled_from(["metric", "early_terminate", "run_cap", "command", "name"]), STRANGE, max_size=2
    ),
)
def test_no_dict_is_too_strange(method, definition, others):
    with contextlib.suppress(PodiumError):  # and nothing else
        found = from_dict({"method": method, "parameters": {"p": definition}, **others})
        for parameter in found.parameters:
            for u in (0.0, 0.4, 1.0):
                json.dumps(parameter.distribution.draw(u))


def test_a_text_is_no_number():
    assert [as_number(text) for text in ("adam", "", "1e", "nan", "inf", "1_000", "0x1f", "1:30", ".", "e5")] == [
        None
    ] * 10
