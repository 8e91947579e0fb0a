"""Our words against those of the installed W&B client's own agent."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

from podium.lab.sweeps.command import DEFAULT_COMMAND, MACROS, expand_command, not_macros

PARAMETERS = {
    "lr": 1e-05,
    "name": "a b",
    "flag": True,
    "off": False,
    "none": None,
    "optimizer": {"kind": "adam", "betas": [0.9, 0.99]},
    "layers": [64, 32],
    "ünï": "çode",
}


def as_the_agent(command, parameters, program, json_file):
    """Expand as `wandb_agent.Agent._command_run` does, with the client's own functions."""
    words = create_sweep_command(list(command))
    values = create_sweep_command_args({"args": {name: {"value": value} for name, value in parameters.items()}})
    values |= {
        "interpreter": ["python"],
        "program": [program],
        "args_json_file": [json_file],
        "env": ["/usr/bin/env"],
    }
    found = []
    for word in map(str, words):
        if word.startswith("${") and word.endswith("}"):
            found += values.get(word[2:-1]) or []
        else:
            found.append(word)
    return found


def expand(command, parameters):
    return expand_command(command, parameters, program="train.py", json_file="folder/x.json", environment=os.environ)


COMMANDS = [
    [],
    DEFAULT_COMMAND,
    *[["${program}", f"${{{macro}}}", "--more"] for macro in MACROS],
    ["${env}", "VAR=${envvar:PODIUM_THERE}:${envvar:PODIUM_NOT_THERE}", "${envvar:PODIUM_MACRO}", 7, "${program}"],
    ["bash", "-c", "echo ${args}", "$HOME", "${", "${nothing}", "${envvar:lower}"],
    ["${args_json}", "${args}", "${args_no_hyphens}"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_the_words_are_those_of_the_agent(command, monkeypatch):
    monkeypatch.setenv("PODIUM_THERE", "here/${args}")
    monkeypatch.setenv("PODIUM_MACRO", "${args_no_equals}")
    monkeypatch.delenv("PODIUM_NOT_THERE", raising=False)
    assert expand(command, PARAMETERS) == as_the_agent(command, PARAMETERS, "train.py", "folder/x.json")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(parameters=st.dictionaries(st.text(), VALUES, max_size=4), macro=st.sampled_from(MACROS))
def test_any_values_make_the_agents_words(parameters, macro):
    command = ["${program}", f"${{{macro}}}"]
    assert expand(command, parameters) == as_the_agent(command, parameters, "train.py", "folder/x.json")


def test_json_reads_back():
    (text,) = expand(["${args_json}"], PARAMETERS)
    assert json.loads(text) == PARAMETERS


def test_a_word_that_is_no_macro_is_said():
    (sentence,) = not_macros(["${env}", "${arg}", "${envvar:HOME}", "train.py", 3])
    assert "no macro 'arg'; did you mean 'args'?" in sentence
