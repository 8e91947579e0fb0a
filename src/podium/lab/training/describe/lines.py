"""What each line of a model's source made: variables' names and shapes, joined later to code on a slide."""

from __future__ import annotations

import ast
import linecache
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import nn

TORCH = str(Path(torch.__file__).parent) + os.sep
HERE = str(Path(__file__).parent) + os.sep
TRACES = 16  # ways in which one function ran; more are dropped


@dataclass
class _Running:
    """One call of a function of the author's. The frame is kept, so that its identity stays its own."""

    frame: FrameType
    module: str
    at: ast.stmt | None = None
    last: Any = None  # what torch or a module last returned right here
    made: dict[ast.stmt, list[tuple[str, list[int]]]] = field(default_factory=dict)


class Lines:
    """Follows calls of the author's functions, statement by statement, whenever torch is called below them.

    Args:
        modules: path of every module by its identity.
    """

    def __init__(self, modules: dict[int, str]) -> None:
        self._modules = modules
        self._calls: dict[int, _Running] = {}
        self._forwards: dict[int, list[_Running]] = {}  # of modules that run now
        self._functions: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def touch(self, frame: FrameType | None, result: Any = None) -> None:
        """Note where every function of the author's stands that is running now; `result` came to the innermost."""
        stack = list(_authors(frame))
        for depth, (running, statement) in reversed(list(enumerate(stack))):  # a function works for its caller's module
            self._advance(running, statement, stack[depth + 1 :])
        if stack and result is not None:
            self._calls[id(stack[0][0])].last = result

    def leave(self, module: nn.Module, output: Any) -> None:
        """Note what a module's forward returned, and let go of its frame."""
        for call in self._forwards.pop(id(module), []):
            if isinstance(call.at, ast.Return):
                call.last = output
            self._tell(self._calls.pop(id(call.frame)))

    def told(self) -> list[dict[str, Any]]:
        """Return the functions that ran: `module`, `function`, and `traces`.

        A trace is one way in which it ran: `modules`, the paths for which it did, and `lines`: `line` in the file,
        its `text`, and `values`: names and shapes of what the statement that begins there made.
        """
        while self._calls:
            self._tell(self._calls.pop(next(iter(self._calls))))
        return [
            {"module": module, "function": function, "traces": traces}
            for (module, function), traces in self._functions.items()
        ]

    def _tell(self, call: _Running) -> None:
        """Put a call that is over beside those that ran the same way."""
        self._finish(call)
        code = call.frame.f_code
        lines = [
            {
                "line": statement.lineno,
                "text": linecache.getline(code.co_filename, statement.lineno).strip(),
                "values": [{"name": name, "shape": shape} for name, shape in values],
            }
            for statement, values in sorted(call.made.items(), key=lambda item: item[0].lineno)
            if values
        ]
        if not lines:
            return
        traces = self._functions.setdefault((call.frame.f_globals.get("__name__", ""), code.co_qualname), [])
        same = next((trace for trace in traces if trace["lines"] == lines), None)
        if same is None and len(traces) < TRACES:
            traces.append({"modules": [call.module], "lines": lines})
        elif same is not None and call.module not in same["modules"]:
            same["modules"].append(call.module)

    def _advance(self, frame: FrameType, statement: ast.stmt, callers: list[tuple[FrameType, ast.stmt]]) -> None:
        call = self._calls.get(id(frame))
        if call is None:
            owner = id(frame.f_locals.get("self"))
            above = next((self._calls[id(caller)].module for caller, _ in callers), "")
            call = self._calls[id(frame)] = _Running(frame, self._modules.get(owner, above))
            if owner in self._modules and frame.f_code.co_name == "forward":
                self._forwards.setdefault(owner, []).append(call)
        if call.at is not statement:
            self._finish(call)
            call.at = statement

    def _finish(self, call: _Running) -> None:
        """Read what the statement made, now that it is over; the first time counts."""
        if call.at is None or call.at in call.made:
            return
        if isinstance(call.at, ast.Return):
            call.made[call.at] = _named("return", call.last)
            return
        values = call.frame.f_locals
        call.made[call.at] = [made for name in _targets(call.at) for made in _named(name, values.get(name))]


def _authors(frame: FrameType | None) -> Iterator[tuple[FrameType, ast.stmt]]:
    """Walk the author's functions that are running, from the innermost to the model's own forward."""
    inside = False
    while frame is not None:
        file = frame.f_code.co_filename
        here = file.startswith(HERE)
        if here and inside:
            return
        inside = inside or not here
        if not (here or file.startswith((TORCH, "<")) or frame.f_code.co_name.startswith("<")):
            statement = _statements(file).get(frame.f_lineno)
            if statement is not None:
                yield frame, statement
        frame = frame.f_back


def _named(name: str, value: Any) -> list[tuple[str, list[int]]]:
    if isinstance(value, torch.Tensor):
        return [(name, list(value.shape))]
    if isinstance(value, (tuple, list)):
        return [made for number, each in enumerate(value) for made in _named(f"{name}[{number}]", each)][:4]
    return []


def _targets(statement: ast.stmt) -> list[str]:
    """Name the variables that a statement binds, in order."""
    if isinstance(statement, ast.Assign):
        found: list[ast.expr] = statement.targets
    elif isinstance(statement, (ast.AugAssign, ast.AnnAssign)):
        found = [statement.target]
    else:
        return []
    return [node.id for target in found for node in _leaves(target) if isinstance(node, ast.Name)]


def _leaves(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, (ast.Tuple, ast.List)):
        for part in target.elts:
            yield from _leaves(part)
    else:
        yield target


@cache
def _statements(file: str) -> dict[int, ast.stmt]:
    """Return the innermost statement of each line of a file; nothing for what cannot be read."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return {}
    found: dict[int, ast.stmt] = {}
    for node in ast.walk(tree):  # outer statements come first
        if isinstance(node, ast.stmt):
            found.update(dict.fromkeys(range(node.lineno, (node.end_lineno or node.lineno) + 1), node))
    return found
