"""The architecture: what a picture passes on its way through the model, with traced shapes, in at most twelve boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from podium.press.diagrams.description import needed
from podium.press.diagrams.diagram import Diagram, count_words, shape_words
from podium.press.diagrams.mermaid import FONT, Box, Row, flowchart, scale, text_width, wrapped
from podium.press.diagrams.repeats import CONTAINERS

BOXES = 12  # more are not read from the back of a room
LINES = 5  # below a box's shape
LARGE, LEAST = 15.0, 14.3  # pixels of a label, roughly: what is wished, and what the gate in the browser asks for
SLACK = (1.0, 1.3, 1.6)  # by how much a box may grow in width to save lines
INPUTS = 3  # that share a box by their names
IDLE = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "Identity", "StochasticDepth", "DropPath")  # when evaluating


@dataclass(frozen=True)
class _Part:
    """Modules that become one box: repeated ones, or plain layers in a row."""

    type: str
    paths: tuple[str, ...]
    out: str
    parameters: int
    lines: tuple[str, ...] = ()  # its own parts, each kind with its count
    composite: bool = False
    heads: int = 0  # of its attention

    joined: tuple[str, ...] = ()  # neighbours of other classes that share its box
    differ: bool = False  # its modules have other parts than the last one's lines say


def architecture(description: dict[str, Any]) -> Diagram:
    """Draw the modules in the order in which they ran; an encoder stands above its decoder, other nets are wrapped.

    A repeated part is one box with its count, its own parts are lines in it, the shape that leaves it is the box's
    second line. Modules that only later inputs reach make the second row.

    Returns:
        Mermaid's source; its note gives the totals, and says what was folded.

    Raises:
        PodiumError: for a description without shapes.
    """
    model = _Model(description)
    groups = model.groups()
    room = BOXES - len(groups)
    folded: list[str] = []
    while sum(map(len, groups)) > room:
        groups = _smaller(groups, folded, must=True) or groups
    rows = _rows(model, groups)
    tried, notes = groups, [*folded]
    while FONT * scale(rows) < LARGE:
        smaller = _smaller(tried, notes, must=FONT * scale(rows) < LEAST)
        if smaller is None:
            break
        tried = smaller
        if scale(_rows(model, tried)) > 1.02 * scale(rows):
            groups, rows, folded = tried, _rows(model, tried), [*notes]
    alt = "; then ".join(", ".join(f"{box.title} {box.lines[0] if box.lines else ''}" for box in r.boxes) for r in rows)
    if any(part.differ for group in groups for part in group):
        folded.append("Where repeated parts differ inside, the last one is shown.")
    note = " ".join([*dict.fromkeys(folded), *model.notes()])
    return Diagram(flowchart(rows), language="mermaid", note=note, alt=f"{model.root}: {alt}")


def _rows(model: _Model, groups: list[list[_Part]]) -> list[Row]:
    """Lay the groups out with the boxes' lines broken as suits the place best."""
    ways = [
        wrapped(
            [
                Row(
                    (*model.input_boxes(number), *(model.box(part, slack) for part in group)),
                    groups[number - 1][-1].out if number else "",
                )
                for number, group in enumerate(groups)
            ]
        )
        for slack in SLACK
    ]
    return max(ways, key=lambda rows: round(scale(rows), 2))


class _Model:
    """A description, asked for what ran inside what."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.root = str(description.get("root", "model"))
        self._description = description
        self._steps = {str(step["name"]): dict(step) for step in needed(description, "shapes")}
        self._types = {str(entry["name"]): str(entry["type"]) for entry in needed(description, "tree")}
        self._sizes = {str(entry["name"]): int(entry["parameters"]) for entry in description["tree"]}
        first = next(iter(self._steps.values()))
        self.inputs: list[dict[str, Any]] = description.get("inputs") or [
            {"name": f"input {number}", "shape": shape} for number, shape in enumerate(first.get("in", []), start=1)
        ]
        if "depends" not in first:
            self._guess_what_depends()
            self._guess_what_ran_inside()
        self._children: dict[str, list[str]] = {}
        for path in self._steps:
            if path and not self._is_container(path):
                self._children.setdefault(self._owner(path), []).append(path)
        self._entries: list[set[int]] = []  # which inputs stand at the head of each group

    def groups(self) -> list[list[_Part]]:
        """Part what ran: what the first module's inputs alone decide, and what others decide too."""
        path = ""
        while len(only := self._children.get(path, [])) == 1 and self._children.get(only[0]):
            path = only[0]  # a wrapper around the model
        paths = self._children.get(path) or [path]
        paths = [inner for outer in paths for inner in self._opened(outer)]
        first = set(self._depends(paths[0])) or {0}
        later = [path for path in paths if not set(self._depends(path)) <= first]
        groups = [[path for path in paths if path not in later], *([later] if later else [])]
        rest = {number for path in later for number in self._depends(path)} - first
        self._entries = [first, rest] if later else [first]
        return [_joined([self._part(path) for path in group]) for group in groups]

    def input_boxes(self, group: int) -> list[Box]:
        """Return the box of the inputs that reach a group first, none where all came before."""
        shown = [value for number, value in enumerate(self.inputs) if number in self._entries[group]]
        if len(shown) == 1:
            return [Box(str(shown[0]["name"]), (shape_words(shown[0]["shape"]),), "data")]
        lines = tuple(f"{value['name']} {shape_words(value['shape'])}" for value in shown[:INPUTS])
        more = (f"and {len(shown) - INPUTS} more",) if len(shown) > INPUTS else ()
        return [Box("inputs", lines + more, "data")] if shown else []

    def box(self, part: _Part, slack: float = 1.0) -> Box:
        """Return a part's box: the repeated ones in the accent; lines share one line where they fit."""
        title = _times(part.type, len(part.paths))
        name = part.paths[0].rpartition(".")[2]
        inner = [*part.lines, *(f"+ {other}" for other in part.joined)]
        if len(part.paths) == 1 and name.isidentifier() and not inner:
            inner = [name]
        wide = max(map(text_width, [*inner, title]), default=0)
        second = part.out
        if part.heads and text_width(heads := f"{part.out}, {part.heads} heads") <= 1.15 * wide:
            second = heads
        packed: list[str] = []
        for words in inner:
            if packed and text_width(f"{packed[-1]}, {words}") <= slack * wide:
                packed[-1] += f", {words}"
            else:
                packed.append(words)
        if len(packed) > LINES:
            packed = [*packed[: LINES - 1], "and more"]
        lines = (*([second] if second else []), *packed)
        return Box(title, lines, "code" if len(part.paths) > 1 and part.composite else "layer")

    def notes(self) -> list[str]:
        """Say totals, inputs without a box and modules that did not run."""
        total = f"{self._description.get('parameters', 0):,} parameters"
        if self._description.get("flops"):
            total += f", {count_words(self._description['flops'])}FLOPs for these inputs"
        notes = [f"{total}."]
        idle = [value["name"] for number, value in enumerate(self.inputs) if number not in set().union(*self._entries)]
        if idle:
            notes.append(f"Inputs that reach no module alone are not drawn: {', '.join(map(str, idle))}.")
        still = [p for p in self._types if p and p.count(".") == 0 and self._sizes[p] and not self._ran(p)]
        if still:
            notes.append(f"Did not run when evaluating: {', '.join(still)}.")
        if self._description.get("uncounted"):
            notes.append("Recurrent layers are not in the FLOPs: torch does not count them.")
        return notes

    def _guess_what_depends(self) -> None:
        """For descriptions that do not say: a later input has come in once its shape does, unlike the first one's."""
        seen = {0}
        for step in self._steps.values():
            given = step.get("in", []) if step["name"] else []
            seen |= {
                number
                for number, value in enumerate(self.inputs)
                if value["shape"] in given and value["shape"] != self.inputs[0]["shape"]
            }
            step["depends"] = sorted(seen)

    def _guess_what_ran_inside(self) -> None:
        """For descriptions that do not say: what ran amid a neighbour's parts was called by the neighbour."""
        order = list(self._steps)
        for place, path in enumerate(order):
            owner = path.rpartition(".")[0]
            while owner and owner not in self._steps:
                owner = owner.rpartition(".")[0]
            before = [other for other in order[1:place] if not path.startswith(f"{other}.")]
            amid = [other for other in before if any(late.startswith(f"{other}.") for late in order[place + 1 :])]
            self._steps[path]["within"] = (amid[-1] if amid else owner) if path else None

    def _ran(self, path: str) -> bool:
        return any(step == path or step.startswith(f"{path}.") for step in self._steps)

    def _is_container(self, path: str) -> bool:
        return self._types.get(path) in CONTAINERS

    def _owner(self, path: str) -> str:
        """Name the module that called another, through containers."""
        owner = self._steps[path]["within"] or ""
        return self._owner(owner) if owner and self._is_container(owner) else owner

    def _depends(self, path: str) -> list[int]:
        return self._steps[path].get("depends", [])

    def _opened(self, path: str) -> list[str]:
        """Return a module's parts where it is but a stack of repeated ones, else itself."""
        inner = self._children.get(path, [])
        types = Counter(self._types[each] for each in inner if self._children.get(each))
        if types and max(types.values()) > 1 and len(self._siblings(path)) == 1:
            return inner
        return [path]

    def _siblings(self, path: str) -> list[str]:
        return [other for other in self._children[self._owner(path)] if self._types[other] == self._types[path]]

    def _part(self, path: str) -> _Part:
        inner = self._children.get(path, [])
        out = self._steps[path].get("out") or []
        return _Part(
            self._types[path],
            (path,),
            shape_words(out[0]) if out else "",
            self._sizes[path],
            tuple(_times(kind, count) for kind, count in self._kinds(inner).items()),
            bool(inner),
            self._heads(path),
        )

    def _kinds(self, paths: list[str]) -> Counter[str]:
        """Count the classes of a module's own parts; what idles when evaluating is left out."""
        return Counter(self._types[path] for path in paths if self._types[path] not in IDLE)

    def _heads(self, path: str) -> int:
        found = {
            int(entry["weights"][1])
            for entry in self._description.get("attention", [])
            if len(entry["weights"]) == 4 and f"{entry['module']}.".startswith(f"{path}.")
        }
        return found.pop() if len(found) == 1 else 0


def _joined(parts: list[_Part]) -> list[_Part]:
    """Join what is repeated, and plain layers without weights of their own with the plain layer before them."""
    found: list[_Part] = []
    for part in parts:
        if part.type in IDLE:
            continue
        before = found[-1] if found else None
        if before and not part.composite and not before.composite and (not part.parameters or "Norm" in part.type):
            found[-1] = replace(before, out=part.out or before.out, lines=_added(before.lines, part))
        else:
            found.append(part)
    return _merged(found, lambda a, b: a.type == b.type and a.out == b.out and (a.composite or a.lines == b.lines))


def _added(lines: tuple[str, ...], part: _Part) -> tuple[str, ...]:
    return (*lines, part.type) if part.type not in lines else lines


def _merged(parts: list[_Part], same: Callable[[_Part, _Part], bool]) -> list[_Part]:
    found: list[_Part] = []
    for part in parts:
        if found and same(found[-1], part) and not (found[-1].joined or part.joined):
            before = found[-1]
            total = before.parameters + part.parameters
            differ = before.differ or before.lines != part.lines
            paths = before.paths + part.paths
            found[-1] = replace(part, paths=paths, parameters=total, differ=differ)
        else:
            found.append(part)
    return found


def _smaller(groups: list[list[_Part]], folded: list[str], *, must: bool) -> list[list[_Part]] | None:
    """Take the next step of folding; None where nothing more can be joined without loss, unless it must be.

    First plain layers that follow each other share a box, then parts of one class whose shapes differ, then the
    smallest neighbours.
    """
    pairs = [(g, i) for g, group in enumerate(groups) for i in range(len(group) - 1)]
    plain = [(g, i) for g, i in pairs if not (groups[g][i].composite or groups[g][i + 1].composite)]
    if plain:
        g, i = min(plain, key=lambda pair: _size(groups, pair))
        first, second = groups[g][i : i + 2]
        parts = (*first.lines, _times(second.type, len(second.paths)), *second.lines)
        joined = replace(first, out=second.out or first.out, parameters=_size(groups, (g, i)), lines=parts)
        return _with(groups, (g, i), joined)
    if not must or not pairs:
        return None
    merged = [_merged(group, lambda a, b: a.type == b.type) for group in groups]
    if sum(map(len, merged)) < sum(map(len, groups)):
        folded.append("Parts of one class that follow each other are one box, with the last one's shape.")
        return merged
    g, i = min(pairs, key=lambda pair: _size(groups, pair))
    first, second = groups[g][i : i + 2]
    larger, other = (first, second) if first.parameters > second.parameters else (second, first)
    others = (*larger.joined, _times(other.type, len(other.paths)), *other.joined)
    if "Small" not in " ".join(folded):
        folded.append("Small neighbours share a box, after a plus; the layer table lists all.")
    return _with(groups, (g, i), replace(larger, out=second.out, parameters=_size(groups, (g, i)), joined=others))


def _size(groups: list[list[_Part]], pair: tuple[int, int]) -> int:
    return sum(part.parameters for part in groups[pair[0]][pair[1] : pair[1] + 2])


def _with(groups: list[list[_Part]], pair: tuple[int, int], joined: _Part) -> list[list[_Part]]:
    """Put a joined part in the place of two."""
    g, i = pair
    return [[*group[:i], joined, *group[i + 2 :]] if n == g else group for n, group in enumerate(groups)]


def _times(name: str, count: int) -> str:
    return f"{name} x{count}" if count > 1 else name
