"""Excerpts: code for a slide, taken from the source by symbol with ast and tokenize, without importing it."""

from __future__ import annotations

import ast
import io
import re
import textwrap
import tokenize
from dataclasses import dataclass
from pathlib import Path

from podium.spec import PodiumError, unknown

PACKAGE = Path(__file__).parents[2]  # src/podium
DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
LINES, COLUMNS = 22, 88  # what is still read from the back of a room


@dataclass(frozen=True)
class Excerpt:
    """Code that fits a slide.

    Attributes:
        code: the lines, dedented, without docstrings and comments.
        symbol: "podium.lab.models.attention:SelfAttention.forward".
        place: path in the repository and line of its first line.
        steps: the lines lit one click after the other, counting from 1.
    """

    code: str
    symbol: str
    place: str
    steps: tuple[int, ...] = ()


def excerpt(symbol: str, highlight: tuple[str, ...] = (), *, package: Path = PACKAGE) -> Excerpt:
    """Cut a function, method or class out of its source file.

    Args:
        symbol: "module:Class.method", "module:function" or "module:NAME" (an assignment at module level).
        highlight: regular expressions, each matching exactly one line; lit click by click, in this order.
        package: the folder of the package that the module's first name stands for.

    Raises:
        PodiumError: for a module, symbol or pattern that is not there (naming the nearest), a pattern that fits
            several lines, or more than 22 lines or 88 columns.
    """
    module, _, path = symbol.partition(":")
    file = _file(module, package)
    text = file.read_text("utf-8")
    node = _find(ast.parse(text), path, module)
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    code = _bare(text, node, first)
    lines = code.splitlines()
    if len(lines) > LINES:
        msg = f"The excerpt {symbol} has {len(lines)} lines; a slide holds {LINES}. Show a smaller part."
        raise PodiumError(msg)
    wide = next((line for line in lines if len(line) > COLUMNS), "")
    if wide:
        msg = f"The excerpt {symbol} has a line of {len(wide)} columns; a slide holds {COLUMNS}: {wide.strip()[:40]}…"
        raise PodiumError(msg)
    place = f"{file.relative_to(package.parent.parent).as_posix()}:{first}"
    return Excerpt(code, symbol, place, tuple(_line(pattern, lines, symbol) for pattern in highlight))


def _file(module: str, package: Path) -> Path:
    parts = module.split(".")
    file = package.parent.joinpath(*parts)
    for candidate in (file.with_suffix(".py"), file / "__init__.py"):
        if parts[0] == package.name and candidate.is_file():
            return candidate
    names = [
        ".".join(found.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        for found in package.rglob("*.py")
    ]
    raise unknown("module", module, names)


def _find(tree: ast.Module, path: str, module: str) -> ast.stmt:
    scope: ast.Module | ast.stmt = tree
    owner = module
    for name in path.split("."):
        names = _names(scope)
        if name not in names:
            raise unknown("symbol", name, names, owner=owner)
        scope = names[name]
        owner = f"{owner}:{name}" if owner == module else f"{owner}.{name}"
    return scope  # ty: ignore[invalid-explicit-return]


def _names(scope: ast.AST) -> dict[str, ast.stmt]:
    found: dict[str, ast.stmt] = {}
    for node in getattr(scope, "body", []):
        if isinstance(node, DOCUMENTED):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found.update({target.id: node for target in node.targets if isinstance(target, ast.Name)})
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
    return found


def _bare(text: str, node: ast.stmt, first: int) -> str:
    """Drop comments and docstrings from the node's lines, then the empty lines they leave and the indentation."""
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    dropped: set[int] = set()
    for part in ast.walk(node):
        if isinstance(part, DOCUMENTED) and ast.get_docstring(part) is not None:
            said = part.body[0]
            dropped.update(range(said.lineno, (said.end_lineno or said.lineno) + 1))
    kept = [
        lines[number - 1]
        for number in range(first, (node.end_lineno or node.lineno) + 1)
        if number not in dropped and lines[number - 1].strip()
    ]
    return textwrap.dedent("\n".join(kept))


def _line(pattern: str, lines: list[str], symbol: str) -> int:
    found = [number for number, line in enumerate(lines, start=1) if re.search(pattern, line)]
    if len(found) == 1:
        return found[0]
    if found:
        msg = f"The pattern {pattern!r} fits {len(found)} lines of {symbol}; it must fit one. Make it longer."
        raise PodiumError(msg)
    raise unknown("line that fits the pattern", pattern, [line.strip() for line in lines], owner=symbol)
