"""Describe a model that is named on the command line, and write the description to a file."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import torch
from torch import nn

from podium.lab.training.describe.model import describe
from podium.spec import PodiumError, unknown
from podium.spec.files import write_whole

DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.bool)
}
MOST_VALUES = 10**9  # in one input: about 4 GB


def describe_file(spec: str, inputs: Sequence[str], out: Path) -> Path:
    """Build a model by its name, describe it with inputs of zeros, and write the description as JSON.

    Args:
        spec: "package.module:Class", "package.module:function" that returns a module, or "folder/file.py:Class"; the
            current directory can be imported from. It is called without arguments, and no weights are downloaded.
        inputs: the shape of each input of its forward, "1x3x224x224" or "1x7:int64".
        out: the file to write.

    Returns:
        The file.

    Raises:
        PodiumError: for what cannot be imported, built, run or written.
    """
    where, colon, name = spec.rpartition(":")
    if not colon or not where or not name:
        raise PodiumError(f"A model is named MODULE:CALLABLE, as torchvision.models:resnet18; not {spec!r}.")
    example = tuple(_input(text) for text in inputs)
    with _current_directory(), _no_downloads(spec):
        model = _built(_found(_imported(where), name, where), spec)
        description = {"spec": spec, **describe(model, example)}
    text = json.dumps(description, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(out, text.encode(), again="describe it again")
    return out


def _input(text: str) -> torch.Tensor:
    shape, _, dtype = text.partition(":")
    if not re.fullmatch(r"[1-9]\d{0,9}(x[1-9]\d{0,9})*", shape):
        raise PodiumError(f"An input is written 1x3x224x224, or 1x7:int64; not {text!r}.")
    if dtype and dtype not in DTYPES:
        raise unknown("type of input", dtype, DTYPES)
    sizes = [int(size) for size in shape.split("x")]
    values = 1
    for size in sizes:
        values *= size
    if values > MOST_VALUES:
        raise PodiumError(f"The input {text!r} holds {values:,} values. A batch of 1 shows all there is.")
    return torch.zeros(sizes, dtype=DTYPES[dtype or "float32"])


@contextmanager
def _current_directory() -> Generator[None]:
    """Let the current directory be imported from, as `python -m` does."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        if here in sys.path:
            sys.path.remove(here)


@contextmanager
def _no_downloads(spec: str) -> Generator[None]:
    """Refuse what torch and torchvision load weights with."""

    def refuse(url: str, *_args: Any, **_kwargs: Any) -> None:
        msg = f"{spec} wants to download {url}. A description needs no weights: name a function that loads none."
        raise PodiumError(msg)

    with patch.object(torch.hub, "download_url_to_file", refuse):
        yield


def _imported(where: str) -> ModuleType:
    if where.endswith(".py") and not Path(where).is_file():
        raise PodiumError(f"There is no file {where}. Name one, or a module: torchvision.models:resnet18.")
    try:
        return _run(Path(where)) if where.endswith(".py") else importlib.import_module(where)
    except PodiumError:
        raise
    except ModuleNotFoundError as error:
        missing = error.name or where
        own = f"{where}.".startswith(f"{missing}.")
        hint = "Run from the folder it lies in, or name a file: my_models.py:Net." if own else f"{where} imports it."
        raise PodiumError(f"There is no module {missing!r} here. {hint}") from error
    except Exception as error:
        raise PodiumError(f"{where} cannot be imported: {_said(error)}") from error


def _run(file: Path) -> ModuleType:
    """Import a file by its path; dataclasses look their module up by its name, so it gets one where that is free."""
    loader = SourceFileLoader(file.stem, str(file.resolve()))
    module = ModuleType(file.stem)
    module.__file__ = loader.path
    sys.modules.setdefault(file.stem, module)
    with _beside(file):
        loader.exec_module(module)
    return module


@contextmanager
def _beside(file: Path) -> Generator[None]:
    """Let a file import its neighbours."""
    folder = str(file.resolve().parent)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _found(module: ModuleType, name: str, where: str) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            names = [each for each in dir(found) if not each.startswith("_")]
            raise unknown("model", part, names, owner=where)
        found = getattr(found, part)
    return found


def _built(found: Callable[..., Any], spec: str) -> nn.Module:
    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise PodiumError(
            f"{spec} is a {type(found).__name__}; it must be a module class, or a function returning one."
        )
    try:
        model = found()
    except PodiumError:
        raise
    except TypeError as error:
        msg = f"{spec} is called without arguments, and says: {_said(error)} Name a function that fills them in."
        raise PodiumError(msg) from error
    except Exception as error:
        raise PodiumError(f"{spec} cannot be built: {_said(error)}") from error
    if not isinstance(model, nn.Module):
        raise PodiumError(f"{spec} returns a {type(model).__name__}; it must return a torch.nn.Module.")
    return model


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".rstrip(".") + "."
