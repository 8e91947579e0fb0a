"""Our own import graph, read off the source: which part of the package stands on which."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from pathlib import Path

from podium.press.diagrams.diagram import Diagram
from podium.press.diagrams.mermaid import HEAD, STYLES, Box, drawn
from podium.spec import PodiumError

PACKAGE = Path(__file__).parents[2]  # src/podium
BOXES = 12

Graph = dict[str, set[str]]


def imports(package: Path = PACKAGE, wings: Sequence[str] = ("lab", "press")) -> Diagram:
    """Draw which part of a package imports which, from left to right; in a wing's box are its floors, a line each.

    Args:
        package: the package's folder; its modules are read, not imported.
        wings: subpackages whose own parts are shown: those of one floor share a line.

    Returns:
        Mermaid's source. Arrows that follow from others are left out.

    Raises:
        PodiumError: for parts that import each other in a circle, an unknown wing, or more than twelve boxes.
    """
    graph = import_graph(package)
    parts = {name.split(".")[0] for name in graph}
    lacking = [wing for wing in wings if wing not in parts]
    if lacking:
        raise PodiumError(f"{package.name} has no part {lacking[0]!r}; there are {', '.join(sorted(parts))}.")
    whole = _reduced(_grouped(graph))
    inner = {wing: _floors(_grouped(graph, wing)) for wing in wings}
    order = [part for floor in _floors(whole) for part in floor]
    if len(order) > BOXES:
        raise PodiumError(f"{package.name} has {len(order)} parts; a slide holds {BOXES}. Show one of its wings.")
    names = {part: f"b{number}" for number, part in enumerate(order)}
    lines = [HEAD, "flowchart LR"]
    for part, alias in names.items():
        box = Box(part, tuple(", ".join(floor) for floor in inner.get(part, [])), "code" if part in inner else "layer")
        lines.append(f"  {alias}{drawn(box)}")
    lines += [f"  {names[above]} --> {names[below]}" for above in order for below in sorted(whole[above])]
    alt = f"Imports of {package.name}: " + "; ".join(
        f"{part} imports {', '.join(sorted(whole[part])) or 'nothing'}" for part in order
    )
    floors = f"; in {' and '.join(wings)} a line imports only from lines below it" if wings else ""
    note = (
        f"Read off the import statements: an arrow is an import, arrows that follow from others are left out{floors}."
    )
    return Diagram("\n".join([*lines, *STYLES]), language="mermaid", note=note, alt=alt)


def import_graph(package: Path) -> Graph:
    """Return which module of a package imports which, both by their dotted names without the package's own.

    Raises:
        PodiumError: for a folder without modules, or source that cannot be read.
    """
    files = {_name(file, package): file for file in sorted(package.rglob("*.py"))}
    files.pop("", None)
    if not files:
        raise PodiumError(f"{package} holds no modules of a package.")
    graph: Graph = {}
    for name, file in files.items():
        try:
            tree = ast.parse(file.read_text("utf-8"))
        except (SyntaxError, ValueError) as error:
            raise PodiumError(f"{file.name} cannot be read: {error}.") from error
        targets = _imported(tree, package.name, name, is_package=file.name == "__init__.py")
        graph[name] = {known for target in targets if (known := _known(target, files)) and known != name}
    return graph


def _name(file: Path, package: Path) -> str:
    parts = file.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(tree: ast.Module, package: str, name: str, *, is_package: bool) -> Iterable[str]:
    """Name what a module imports of its own package, wherever in the file it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                if each.name.startswith(f"{package}."):
                    yield each.name.removeprefix(f"{package}.")
        elif isinstance(node, ast.ImportFrom):
            up = node.level - is_package
            here = [package, *name.split(".")]
            base = (
                ".".join([*here[: len(here) - up], *filter(None, [node.module])]) if node.level else node.module or ""
            )
            if base == package or base.startswith(f"{package}."):
                inner = base.removeprefix(package).removeprefix(".")
                for each in node.names:
                    yield f"{inner}.{each.name}".removeprefix(".")


def _known(target: str, files: dict[str, Path]) -> str:
    """Return the module that a dotted name lies in."""
    while target and target not in files:
        target = target.rpartition(".")[0]
    return target


def _grouped(graph: Graph, wing: str = "") -> Graph:
    """Return the graph of the parts of a package, or of one of its wings."""
    depth = 1 if wing else 0

    def part(name: str) -> str:
        names = name.split(".")
        return names[depth] if len(names) > depth and (not wing or names[0] == wing) else ""

    parts: Graph = {}
    for name, targets in graph.items():
        if part(name):
            parts.setdefault(part(name), set()).update(part(target) for target in targets)
    return {name: targets - {name, ""} for name, targets in parts.items()}


def _floors(parts: Graph) -> list[list[str]]:
    """Sort parts into floors, the highest first: each imports only from lower ones.

    Raises:
        PodiumError: for a circle.
    """
    floors: list[list[str]] = []
    rest = dict(parts)
    while rest:
        lowest = sorted(name for name, targets in rest.items() if not targets & rest.keys())
        if not lowest:
            raise PodiumError(f"These import each other in a circle: {', '.join(sorted(rest))}.")
        floors.insert(0, lowest)
        rest = {name: targets for name, targets in rest.items() if name not in lowest}
    return floors


def _reduced(parts: Graph) -> Graph:
    """Leave out each arrow that follows from others."""
    below: Graph = {}
    for floor in reversed(_floors(parts)):
        for name in floor:
            below[name] = parts[name].union(*(below[target] for target in parts[name]))
    return {name: targets - set[str]().union(*(below[target] for target in targets)) for name, targets in parts.items()}
