"""A user's own model: any nn.Module in a file beside the experiments, and the config that its constructor is.

The file is read and not run, so that a page about such a model needs no torch: the constructor's arguments become the
fields of a frozen, flat config, over the training fields that every model has.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import MISSING, field, fields, make_dataclass
from pathlib import Path
from typing import Any, ClassVar

from podium.spec.config import Config, Value, field_types
from podium.spec.errors import PodiumError, unknown

PLAIN: dict[str, type] = {"int": int, "float": float, "str": str, "bool": bool}
TAKEN = ("model", "file", "arguments", "code")
NOTHING = object()  # an argument's default that no config can hold

_kinds: dict[tuple[str, Path, str], type[OwnConfig]] = {}  # model, file and code to the class made of them
_beside: ContextVar[Path | None] = ContextVar("beside", default=None)


class OwnConfig(Config):
    """What the configs of users' own models have beside their fields.

    Attributes:
        file: where the model is written.
        arguments: the fields that its constructor takes.
    """

    file: ClassVar[Path]
    arguments: ClassVar[tuple[str, ...]]

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as values: the class is made there from the same file."""
        values = {name: getattr(self, name) for name in field_types(type(self))}
        return _rebuilt, (self.model, self.file, values)


def own_config(model: str, **values: Value) -> OwnConfig:
    """Return the config of a user's own model: its constructor's arguments and the training fields, as given.

    `code`, a checksum of the file without its comments and layout, is a field too: a changed model is another one.

    Args:
        model: "my_models:Net", the class `Net`, or the function that returns a module, in `my_models.py` beside the
            experiments or in the project's folder.
        **values: fields that differ from their defaults: those of the constructor, then those of `Config`.

    Raises:
        PodiumError: where there is no such file or name, for an argument that a flat config cannot hold, or a value
            that a field cannot.
    """
    kind = _kind_of(model, _found(model))
    for name in values:
        if name not in field_types(kind):
            raise unknown("field", name, field_types(kind), owner=kind.__name__)
    needed = [each.name for each in fields(kind) if each.default is MISSING and each.name not in values]
    if needed:
        raise PodiumError(f"{model} needs {' and '.join(needed)}: give own_config({needed[0]}=...).")
    return _with(kind, values)


def is_own(config: Config) -> bool:
    """Tell a user's own model from one of ours."""
    return isinstance(config, OwnConfig)


@contextmanager
def beside(folder: Path) -> Generator[None]:
    """Look for users' models in this folder first, while the context lasts: where an experiment's file lies."""
    token = _beside.set(folder)
    try:
        yield
    finally:
        _beside.reset(token)


def _with(kind: type[OwnConfig], values: dict[str, Value]) -> OwnConfig:
    types = field_types(kind)
    numbers = {
        name: float(value) if types[name] in (float, float | None) and type(value) is int else value
        for name, value in values.items()
    }
    made: Any = kind  # its fields are not known before its file is read
    return made(**numbers)


def _rebuilt(model: str, file: Path, values: dict[str, Value]) -> OwnConfig:
    return _with(_kind_of(model, file), values)


def _found(model: str) -> Path:
    where, _, name = model.partition(":")
    if not where or not name.isidentifier():
        raise PodiumError(f"A model of your own is named FILE:NAME, as my_models:Net; not {model!r}.")
    inside = Path(*where.split(".")).with_suffix(".py")
    here = Path.cwd()
    folders = [
        *filter(None, [_beside.get()]),
        *(each / more for each in (here, *here.parents) for more in ("experiments", "")),
    ]
    for folder in folders:
        if (folder / inside).is_file():
            return (folder / inside).resolve()
    raise PodiumError(f"There is no {inside} beside the experiments: {model} must stand there.")


def _kind_of(model: str, file: Path) -> type[OwnConfig]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PodiumError(f"{file} cannot be read: {error}.") from error
    return _made(model, file, text)


def _made(model: str, file: Path, text: str) -> type[OwnConfig]:
    """Make the config class of a model; the same code gives the same class, so that equal configs are equal."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise PodiumError(f"{file.name}, line {error.lineno}: {error.msg}.") from error
    code = hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:8]
    if (model, file, code) not in _kinds:
        _kinds[model, file, code] = _new_kind(model, file, tree, code)
    return _kinds[model, file, code]


def _new_kind(model: str, file: Path, tree: ast.Module, code: str) -> type[OwnConfig]:
    name = model.partition(":")[2]
    shared = field_types(Config)
    made: list[tuple[str, Any, Any]] = []
    arguments = []
    for argument, kind, default in _arguments(tree, name, model):
        if default is NOTHING:
            continue
        if argument in TAKEN or (hasattr(OwnConfig, argument) and argument not in shared):
            raise PodiumError(f"{model} takes {argument}, which means another thing in a config: name it otherwise.")
        arguments.append(argument)
        kind = shared.get(argument, kind)  # noqa: PLW2901 - a shared field keeps what it may hold
        made.append((argument, kind, field() if default is MISSING else field(default=default)))
    made.append(("code", str, field(default=code)))
    return make_dataclass(  # ty: ignore[invalid-explicit-return] - it is a subclass of its base
        f"{name}Config",
        made,
        bases=(OwnConfig,),
        namespace={"model": model, "file": file, "arguments": tuple(arguments), "__doc__": f"The config of {model}."},
        frozen=True,
        kw_only=True,
    )


def _arguments(tree: ast.Module, name: str, model: str) -> list[tuple[str, Any, Any]]:
    """Return the name, type and default (MISSING, NOTHING or a value) of each of a constructor's arguments."""
    there = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    if name not in there:
        raise unknown("model", name, there, owner=model.partition(":")[0])
    made = _constructor(there[name], there)
    if made is None:
        return []
    given = [*made.args.posonlyargs, *made.args.args]
    defaults: list[ast.expr | None] = [*([None] * (len(given) - len(made.args.defaults))), *made.args.defaults]
    pairs = list(zip(given, defaults, strict=True))
    if not isinstance(there[name], ast.FunctionDef):
        pairs = pairs[1:]  # self
    pairs += zip(made.args.kwonlyargs, made.args.kw_defaults, strict=True)
    return [_argument(model, *pair) for pair in pairs]


def _constructor(
    node: ast.ClassDef | ast.FunctionDef, there: dict[str, ast.ClassDef | ast.FunctionDef]
) -> ast.FunctionDef | None:
    """Return the function that makes the model: itself, its `__init__`, or that of a base in the same file."""
    if isinstance(node, ast.FunctionDef):
        return node
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            return each
    for base in node.bases:
        parent = there.get(base.id) if isinstance(base, ast.Name) else None
        if isinstance(parent, ast.ClassDef) and parent is not node:
            return _constructor(parent, there)
    return None


def _argument(model: str, argument: ast.arg, default: ast.expr | None) -> tuple[str, Any, Any]:
    value: Any = MISSING
    if default is not None:
        try:
            value = ast.literal_eval(default)
        except ValueError:
            return argument.arg, None, NOTHING
        if not isinstance(value, int | float | str | bool | None):
            return argument.arg, None, NOTHING
    kind = _kind(argument.annotation)
    if kind is None:
        kind = type(value) if value is not MISSING and value is not None else Value
    if kind is float and type(value) is int:
        value = float(value)
    if argument.annotation is not None and _kind(argument.annotation) is None and value is MISSING:
        wanted = ast.unparse(argument.annotation)
        raise PodiumError(
            f"{model} needs {argument.arg}: {wanted}; a config holds numbers, texts, true or false, and none. "
            "Give it a default, or name a function that fills it in."
        )
    return argument.arg, kind, value


def _kind(annotation: ast.expr | None) -> Any:
    """Return the type that an annotation says, where a config can hold it: int, `float | None`, ..."""
    if isinstance(annotation, ast.Name):
        return PLAIN.get(annotation.id)
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        sides = [_side(annotation.left), _side(annotation.right)]
        return sides[0] | sides[1] if None not in sides else None
    return None


def _side(annotation: ast.expr) -> Any:
    if isinstance(annotation, ast.Constant) and annotation.value is None:
        return type(None)
    return _kind(annotation)
