"""A user's own model: imported from its file and built with the fields that its constructor takes."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from podium.lab import randomness
from podium.lab.models.dropout import Dropout
from podium.spec import OwnConfig, PodiumError

_imported: dict[tuple[str, str], ModuleType] = {}  # file and code


def build_own(config: OwnConfig) -> nn.Module:
    """Build a user's model; what it draws while it is built depends on the seed alone.

    Raises:
        PodiumError: where its file cannot be imported, it cannot be built, or what is built is no module.
    """
    name = config.model.partition(":")[2]
    make = getattr(_module(config), name)
    torch.default_generator.manual_seed(randomness.key(config.seed, 0, "weights"))
    try:
        model = make(**{argument: getattr(config, argument) for argument in config.arguments})
    except Exception as error:
        raise PodiumError(f"{config.model} cannot be built: {_said(error)}") from error
    if not isinstance(model, nn.Module):
        raise PodiumError(f"{config.model} returns a {type(model).__name__}; it must return a torch.nn.Module.")
    for place, module in model.named_modules():
        if isinstance(module, Dropout):
            module.place = place
    return model


def _module(config: OwnConfig) -> ModuleType:
    key = (str(config.file), str(config.as_dict()["code"]))
    if key not in _imported:
        _imported[key] = _run(config.file, config.model.partition(":")[0])
    return _imported[key]


def _run(file: Path, name: str) -> ModuleType:
    """Import a file by its path; dataclasses look their module up by its name, so it gets one where that is free."""
    loader = SourceFileLoader(name, str(file))
    module = ModuleType(name)
    module.__file__ = loader.path
    sys.modules.setdefault(name, module)
    try:
        with _beside(file):
            loader.exec_module(module)
    except Exception as error:
        raise PodiumError(f"{file.name} cannot be imported: {_said(error)}") from error
    return module


@contextmanager
def _beside(file: Path) -> Generator[None]:
    """Let a file import its neighbours."""
    folder = str(file.parent)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _said(error: BaseException) -> str:
    said = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {said}".rstrip(".") + "."
