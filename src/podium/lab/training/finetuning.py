"""Fine-tuning: a run that starts with another run's finished weights, whole or with its encoder held still.

Yosinski et al. 2014, How Transferable Are Features in Deep Neural Networks?
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from podium.lab.training.checkpoint import read_checkpoint
from podium.runs import Record, read_runs
from podium.spec import Config, PodiumError, Profile, Project, config_from

WEIGHT_FILES = (".pt", ".pth")
LEAST = 0.1  # of a model's weights must fit
NO_START = "no weights to start from"


@dataclass(frozen=True)
class Start:
    """Where a run begins.

    Attributes:
        name: `experiment/run`, or the file's name: what the record says.
        weights: a state_dict on the CPU.
        config: that the weights were trained with, where pictures that they learnt from are replayed.
    """

    name: str
    weights: dict[str, Tensor]
    config: Config | None = None


class NoStartError(PodiumError):
    """The run that another one starts from is not there, or not finished."""


def find_start(project: Project, config: Config, profile: Profile, earlier: str = "") -> Start | None:
    """Return what a config's `start_from` names; None where it names nothing.

    Of the finished runs of an `experiment/variant`, the one of this profile, of this seed, and the newest is taken, in
    this order; of it the weights that it was judged by. A file ends with .pt or .pth and holds a state_dict; its path
    counts from the project's folder.

    Args:
        project: where the runs are.
        config: of the run that begins.
        profile: of the run that begins.
        earlier: the `name` of the start that the run had when it began; "" where it begins now.

    Raises:
        NoStartError: where there is none, saying what to train first.
        PodiumError: for a name that is none, a file that torch cannot read, or replay from a file.
    """
    name = config.start_from
    if not name:
        if config.replay:
            raise PodiumError("replay mixes in pictures of the data that start_from learnt from: name one, or set 0.")
        return None
    if name.endswith(WEIGHT_FILES):
        if config.replay:
            raise PodiumError(f"replay needs to know what {name} learnt from; start_from must name experiment/variant.")
        return _from_file(project, name)
    experiment, slash, variant = name.partition("/")
    if not slash or not experiment or not variant:
        raise PodiumError(f"start_from must be experiment/variant, or a file ending with .pt; not {name!r}.")
    there = [run for run in read_runs(project.runs, experiment) if run.variant == variant and run.state == "finished"]
    for run in sorted(there, key=lambda run: _nearness(run, config, profile), reverse=True):
        reached = read_checkpoint(run.folder) if earlier in ("", f"{experiment}/{run.id}") else None
        if reached is not None:
            learnt = config_from(run.config) if config.replay else None
            return Start(f"{experiment}/{run.id}", reached.judged, learnt)
    if earlier:
        raise NoStartError(f"{NO_START}: the run {earlier}, which this one began with, is gone.")
    command = f"podium train {experiment} --only '{variant}' --profile {profile}"
    raise NoStartError(f"{NO_START}: no run of {name} is finished here. Run `{command}` first.")


def take_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> list[str]:
    """Give a model the weights that fit it by name and shape; return the names of those that begin fresh.

    Raises:
        PodiumError: where almost none of its parameters fit.
    """
    own = model.state_dict()
    taken = {name: weights[name] for name in own if name in weights and weights[name].shape == own[name].shape}
    numbers = {name: parameter.numel() for name, parameter in model.named_parameters()}
    fitting = sum(number for name, number in numbers.items() if name in taken)
    if fitting < LEAST * sum(numbers.values()):
        raise PodiumError(
            f"Of {sum(numbers.values()):,} weights of this {type(model).__name__}, {fitting:,} are in start_from, by "
            "name and shape. Name a run of its kind."
        )
    model.load_state_dict(taken, strict=False)
    return [name for name in own if name not in taken]


def freeze(config: Config, model: nn.Module) -> list[nn.Module]:
    """Hold still what the config's `freeze` names, and return those modules: they stay in evaluation mode too.

    Raises:
        PodiumError: where nothing would be left to learn.
    """
    if config.freeze == "none":
        return []
    frozen = [model.get_submodule(name) for name in encoder_parts(model)]
    for parameter in (*model.parameters(recurse=False), *(p for module in frozen for p in module.parameters())):
        parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise PodiumError(f"freeze=encoder leaves nothing of {type(model).__name__} to learn. Set freeze=none.")
    return frozen


def encoder_parts(model: nn.Module) -> list[str]:
    """Name the direct children that make an encoder: those up to the one called `encoder`, else all but the last.

    >>> encoder_parts(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)))
    ['0', '1']
    """
    names = [name for name, _ in model.named_children()]
    if "encoder" in names:
        return names[: names.index("encoder") + 1]
    learning = [name for name, child in model.named_children() if any(True for _ in child.parameters())]
    return names[: names.index(learning[-1])] if learning else []


def _nearness(run: Record, config: Config, profile: Profile) -> tuple[Any, ...]:
    return (run.profile == profile, run.config.get("seed") == config.seed, run.provenance.get("started", ""))


def _from_file(project: Project, name: str) -> Start:
    path = project.root / name
    try:
        content = path.read_bytes()
        found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise NoStartError(f"{NO_START}: there is no file {path}.") from None
    except (RuntimeError, UnpicklingError, EOFError) as error:
        raise PodiumError(f"{path} holds no weights that torch reads safely; save model.state_dict() there.") from error
    found = next((found[key] for key in ("state_dict", "model") if isinstance(found, dict) and key in found), found)
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise PodiumError(f"{path} holds no model.state_dict(): save one there.")
    return Start(f"{name} {hashlib.sha256(content).hexdigest()[:8]}", found)
