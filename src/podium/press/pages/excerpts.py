"""Excerpts: code for a slide, taken from the source by symbol with ast and tokenize, without importing it.

Traced shapes come from a model's description, where the lab noted what each line of the source made.
"""

from __future__ import annotations

import ast
import io
import re
import textwrap
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podium.press.pages.escaping import Markdown
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
        margin: the traced shapes of each line, "" where it made none; empty where they were not asked for.
    """

    code: str
    symbol: str
    place: str
    steps: tuple[int, ...] = ()
    margin: tuple[str, ...] = ()

    @property
    def annotated(self) -> str:
        """The code with its margin: shapes as comments in a column of their own."""
        rows = list(zip(self.code.splitlines(), self.margin, strict=True)) if any(self.margin) else []
        most = COLUMNS - max((len(shapes) for _, shapes in rows), default=0) - len("  # ")
        wide = max(
            (len(line) for line, shapes in rows if shapes and len(line) <= most), default=0
        )  # longer: as they are
        shown = [f"{line:{wide}}  # {shapes}" if shapes else line for line, shapes in rows]
        return "\n".join(shown) or self.code

    @property
    def columns(self) -> int:
        """The longest line, with its margin; about 76 columns fit a slide at the size of short code."""
        return max(map(len, self.annotated.splitlines()), default=0)


def excerpt(
    symbol: str,
    highlight: tuple[str, ...] = (),
    *,
    package: Path = PACKAGE,
    shapes: dict[str, Any] | None = None,
    of: str = "",
) -> Excerpt:
    """Cut a function, method or class out of its source file.

    Args:
        symbol: "module:Class.method", "module:function" or "module:NAME" (an assignment at module level).
        highlight: regular expressions, each matching exactly one line; lit click by click, in this order.
        package: the folder of the package that the module's first name stands for.
        shapes: a model's description, whose traced shapes stand in the margin; None for code alone.
        of: the path of the module whose shapes are shown where several ran this code, as "decoder.blocks.0"; the first
            where it is empty.

    Raises:
        PodiumError: for a module, symbol or pattern that is not there (naming the nearest), a pattern that fits
            several lines, more than 22 lines or 88 columns, or shapes of other code than this.
    """
    module, _, path = symbol.partition(":")
    file = _file(module, package)
    text = file.read_text("utf-8")
    node = _find(ast.parse(text), path, module)
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    numbers = _kept(text, node, first)
    code = _bare(text, numbers)
    lines = code.splitlines()
    if len(lines) > LINES:
        msg = f"The excerpt {symbol} has {len(lines)} lines; a slide holds {LINES}. Show a smaller part."
        raise PodiumError(msg)
    place = f"{file.relative_to(package.parent.parent).as_posix()}:{first}"
    margin = (
        () if shapes is None else _margin(shapes, symbol, of, {n: text.splitlines()[n - 1].strip() for n in numbers})
    )
    found = Excerpt(code, symbol, place, tuple(_line(pattern, lines, symbol) for pattern in highlight), margin)
    if found.columns > COLUMNS:
        wide = max(found.annotated.splitlines(), key=len).strip()[:40]
        raise PodiumError(
            f"The excerpt {symbol} has a line of {found.columns} columns; a slide holds {COLUMNS}: {wide}…"
        )
    return found


def morph(first: str, second: str, *, package: Path = PACKAGE) -> Markdown:
    """Return Slidev's magic-move between the code of two symbols: one click turns the first into the second.

    Source: Slidev 53, `skills/slidev/references/code-magic-move.md`: four backticks around, a block a step.

    Raises:
        PodiumError: as `excerpt` does, or for code that would end its block.
    """
    blocks = []
    for symbol in (first, second):
        code = excerpt(symbol, package=package).code
        if re.search(r"^```", code, re.MULTILINE):
            raise PodiumError(
                f"The code of {symbol} has a line that begins with three backticks; it cannot be morphed."
            )
        blocks.append(f"```python\n{code}\n```")
    return Markdown("\n".join(["````md magic-move", *blocks, "````"]))


def _margin(shapes: dict[str, Any], symbol: str, of: str, source: dict[int, str]) -> tuple[str, ...]:
    """Join the traced lines of a symbol with its source, by text and nearness: code above it may have grown since."""
    module, _, path = symbol.partition(":")
    ran = [entry for entry in shapes.get("lines", []) if entry["module"] == module]
    mine = [entry for entry in ran if f"{entry['function']}.".startswith(f"{path}.")]
    if not mine:
        root = shapes.get("root", "the model")
        if not shapes.get("lines"):
            raise PodiumError(
                f"The description of {root} holds no shapes of lines. Train it again, or describe it again."
            )
        raise unknown("symbol that ran", path, [entry["function"] for entry in ran], owner=f"{root} in {module}")
    found = dict.fromkeys(source, "")
    traced = [line for entry in mine for line in _trace(entry, of, symbol)["lines"]]
    places = {text: number for number, text in source.items()}
    once = [line for line in traced if list(source.values()).count(line["text"]) == 1]
    moved = places[once[0]["text"]] - once[0]["line"] if once else 0
    for line in traced:
        place = line["line"] + moved
        near = sorted((abs(number - place), number) for number, text in source.items() if text == line["text"])
        free = [number for _, number in near if not found[number]]
        if not free:
            msg = f"The shapes of {symbol} were traced in other code: it has no line {line['text']!r} any more."
            raise PodiumError(f"{msg} Train it again, or describe it again.")
        words = ["x".join(map(str, value["shape"])) or "scalar" for value in line["values"]]
        one = len(words) > 1 and len(set(words)) == 1
        found[free[0]] = f"each {words[0]}" if one else ", ".join(words)
    return tuple(found.values())


def _trace(entry: dict[str, Any], of: str, symbol: str) -> dict[str, Any]:
    """Choose among the ways in which a function ran."""
    ways = entry["traces"]
    names = [name for way in ways for name in way["modules"]]
    if not of:
        return ways[0]
    for way in ways:
        if any(f"{name}.".startswith(f"{of}.") for name in way["modules"]):
            return way
    raise unknown("module", of, names, owner=f"The trace of {symbol}")


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


def _kept(text: str, node: ast.stmt, first: int) -> list[int]:
    """Number the lines of a node that are neither empty, nor docstrings, nor only a comment."""
    lines = _without_comments(text)
    dropped: set[int] = set()
    for part in ast.walk(node):
        if isinstance(part, DOCUMENTED) and ast.get_docstring(part) is not None:
            said = part.body[0]
            dropped.update(range(said.lineno, (said.end_lineno or said.lineno) + 1))
    last = node.end_lineno or node.lineno
    return [number for number in range(first, last + 1) if number not in dropped and lines[number - 1].strip()]


def _bare(text: str, numbers: list[int]) -> str:
    """Return these lines without comments and indentation."""
    lines = _without_comments(text)
    return textwrap.dedent("\n".join(lines[number - 1] for number in numbers))


def _without_comments(text: str) -> list[str]:
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    return lines


def _line(pattern: str, lines: list[str], symbol: str) -> int:
    found = [number for number, line in enumerate(lines, start=1) if re.search(pattern, line)]
    if len(found) == 1:
        return found[0]
    if found:
        msg = f"The pattern {pattern!r} fits {len(found)} lines of {symbol}; it must fit one. Make it longer."
        raise PodiumError(msg)
    raise unknown("line that fits the pattern", pattern, [line.strip() for line in lines], owner=symbol)
