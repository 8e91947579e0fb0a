"""Command: a W&B sweep's `command` with its macros filled in, word for word as W&B's own agent does it.

Source: `create_sweep_command` and `create_sweep_command_args` of wandb 0.31 (wandb/sdk/launch/sweeps/utils.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from podium.spec import unknown

DEFAULT_COMMAND = ("${env}", "${interpreter}", "${program}", "${args}")
INTERPRETER = "python"
ENV = "/usr/bin/env"

MACROS = (
    "env",
    "interpreter",
    "program",
    "args",
    "args_no_equals",
    "args_no_hyphens",
    "args_no_boolean_flags",
    "args_append_hydra",
    "args_override_hydra",
    "args_json",
    "args_json_file",
)
ENVIRONMENT_VARIABLE = re.compile(r"\$\{envvar:([A-Z0-9_]*)\}")


def expand_command(
    command: Sequence[Any],
    parameters: Mapping[str, Any],
    *,
    program: str,
    json_file: str,
    environment: Mapping[str, str],
) -> list[str]:
    """Return the words that start one trial.

    A macro is filled in where it is a whole word; `${envvar:NAME}` anywhere in a word, and stays as NAME where there is
    no such variable. A word `${...}` that is no macro vanishes, as it does under W&B's agent: see `not_macros`.

    Args:
        command: the configuration's words.
        parameters: the trial's values; a nested parameter is one dict.
        program: the configuration's program.
        json_file: where `write_json_file` puts the values, for `${args_json_file}`.
        environment: what `${envvar:NAME}` reads.

    >>> expand_command(["${program}", "${args}", "--in=${envvar:DATA}"], {"lr": 0.1}, program="a.py", json_file="",
    ...                environment={"DATA": "/data"})
    ['a.py', '--lr=0.1', '--in=/data']
    """
    values = {
        "env": [ENV],
        "interpreter": [INTERPRETER],
        "program": [program],
        "args_json_file": [json_file],
        **arguments(parameters),
    }
    words: list[str] = []
    for word in command or DEFAULT_COMMAND:
        text = ENVIRONMENT_VARIABLE.sub(lambda found: environment.get(found[1], found[1]), str(word))
        words += values.get(text[2:-1], []) if text.startswith("${") and text.endswith("}") else [text]
    return words


def arguments(parameters: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return a trial's values in each of the forms that a program may want, by macro."""
    pairs = [(name, value, f"{name}={value}") for name, value in parameters.items()]
    return {
        "args": [f"--{pair}" for _, _, pair in pairs],
        "args_no_equals": [word for name, value, _ in pairs for word in (f"--{name}", str(value))],
        "args_no_hyphens": [pair for _, _, pair in pairs],
        "args_no_boolean_flags": [
            f"--{name}" if value is True else f"--{pair}" for name, value, pair in pairs if value is not False
        ],
        "args_append_hydra": [f"+{pair}" for _, _, pair in pairs],
        "args_override_hydra": [f"++{pair}" for _, _, pair in pairs],
        "args_json": [json.dumps(dict(parameters))],
    }


def not_macros(command: Sequence[Any]) -> list[str]:
    """Return a sentence for each word that looks like a macro and is none."""
    found = [str(word)[2:-1] for word in command if str(word).startswith("${") and str(word).endswith("}")]
    return [
        f"{unknown('macro', name, MACROS, owner='The sweep command')} W&B leaves it out, and so do we."
        for name in found
        if name not in MACROS and not name.startswith("envvar:")
    ]
