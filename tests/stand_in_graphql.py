"""A little GraphQL for the stand-in server: documents are parsed, and exactly the fields they ask for are answered.

Only what W&B's clients write: operations with variables and defaults, aliases, arguments, fragments. No directives, no
introspection, no types of arguments. A field that the stand-in does not know is an error, as at the real server.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

TOKEN = re.compile(
    r'[\s,]+|#[^\n]*|(\.\.\.|[A-Za-z_]\w*|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|"(?:[^"\\]|\\.)*"|[{}()\[\]:!=$])'
)


class QueryError(Exception):
    """The document cannot be answered; the message is what the server says."""


class FieldError(Exception):
    """One field failed: the answer has status 200 and errors, as GraphQL has it."""


@dataclass(frozen=True)
class Variable:
    name: str


@dataclass
class Field:
    alias: str
    name: str
    arguments: dict[str, Any]
    selection: list[Any]


@dataclass(frozen=True)
class Spread:
    name: str


@dataclass
class Document:
    operation: str = ""
    kind: str = "query"
    defaults: dict[str, Any] = field(default_factory=dict)
    selection: list[Any] = field(default_factory=list)
    fragments: dict[str, list[Any]] = field(default_factory=dict)


class Raw(bytes):
    """JSON that was written before."""

    __slots__ = ()


class Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        place = 0
        while place < len(text):
            match = TOKEN.match(text, place)
            if match is None:
                raise QueryError(f"Syntax Error: unexpected character {text[place]!r}")
            place = match.end()
            if match[1]:
                self.tokens.append(match[1])
        self.place = 0

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        if not token or (wanted and token != wanted):
            raise QueryError(f"Syntax Error: expected {wanted or 'more'}, found {token or 'the end'!r}")
        self.place += 1
        return token

    def document(self) -> Document:
        found = Document()
        while self.peek():
            if self.peek() == "fragment":
                self.take()
                name = self.take()
                self.take("on")
                self.take()
                found.fragments[name] = self.selection()
                continue
            if self.peek() != "{":
                found.kind = self.take()
                found.operation = "" if self.peek() in "({" else self.take()
                found.defaults = self.variables()
            found.selection = self.selection()
        return found

    def variables(self) -> dict[str, Any]:
        defaults: dict[str, Any] = {}
        if self.peek() != "(":
            return defaults
        self.take()
        while self.peek() != ")":
            self.take("$")
            name = self.take()
            self.take(":")
            while self.peek() not in ("$", ")", "="):
                self.take()
            if self.peek() == "=":
                self.take()
                defaults[name] = self.value()
        self.take()
        return defaults

    def selection(self) -> list[Any]:
        chosen: list[Any] = []
        self.take("{")
        while self.peek() != "}":
            if self.peek() == "...":
                self.take()
                chosen.append(Spread(self.take()))
                continue
            alias = name = self.take()
            if self.peek() == ":":
                self.take()
                name = self.take()
            arguments = self.arguments()
            chosen.append(Field(alias, name, arguments, self.selection() if self.peek() == "{" else []))
        self.take()
        return chosen

    def arguments(self) -> dict[str, Any]:
        return self.pairs("(", ")") if self.peek() == "(" else {}

    def pairs(self, first: str, last: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.take(first)
        while self.peek() != last:
            name = self.take()
            self.take(":")
            found[name] = self.value()
        self.take()
        return found

    def value(self) -> Any:
        token = self.peek()
        if token == "{":
            return self.pairs("{", "}")
        self.take()
        if token == "$":
            return Variable(self.take())
        if token == "[":
            items = []
            while self.peek() != "]":
                items.append(self.value())
            self.take()
            return items
        if token in ("true", "false", "null") or token[0] in '"-0123456789':
            return json.loads(token)
        return token  # a name of an enumeration


@lru_cache(maxsize=256)
def parse(text: str) -> Document:
    """Read a document.

    Raises:
        QueryError: where it is not GraphQL, or more of it than we know.
    """
    return Parser(text).document()


def answer(text: str, variables: dict[str, Any], root: Any) -> bytes:
    """Answer a document from a tree of objects whose methods `q_<field>(arguments)` give the fields.

    Raises:
        QueryError: where a field, a fragment or a variable is unknown.
    """
    document = parse(text)
    parts: list[bytes] = []
    _write(root, document.selection, document, {**document.defaults, **variables}, parts)
    return b"".join(parts)


def _fill(value: Any, variables: dict[str, Any]) -> Any:
    if isinstance(value, Variable):
        return variables.get(value.name)
    if isinstance(value, dict):
        return {name: _fill(item, variables) for name, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, variables) for item in value]
    return value


def _fields(selection: list[Any], document: Document) -> list[Field]:
    found: list[Field] = []
    for item in selection:
        if isinstance(item, Field):
            found.append(item)
        elif item.name in document.fragments:
            found += _fields(document.fragments[item.name], document)
        else:
            raise QueryError(f'Unknown fragment "{item.name}".')
    return found


def _write(value: Any, selection: list[Any], document: Document, variables: dict[str, Any], parts: list[bytes]) -> None:
    if isinstance(value, Raw):
        parts.append(value)
    elif not selection or value is None:
        parts.append(json.dumps(value).encode())
    elif isinstance(value, list):
        parts.append(b"[")
        for number, item in enumerate(value):
            parts.append(b"," if number else b"")
            _write(item, selection, document, variables, parts)
        parts.append(b"]")
    else:
        parts.append(b"{")
        for number, item in enumerate(_fields(selection, document)):
            parts.append(b"," * bool(number) + json.dumps(item.alias).encode() + b":")
            filled = {name: _fill(given, variables) for name, given in item.arguments.items()}
            _write(_resolve(value, item.name, filled), item.selection, document, variables, parts)
        parts.append(b"}")


def _resolve(value: Any, name: str, arguments: dict[str, Any]) -> Any:
    if name == "__typename":
        return type(value).__name__
    if isinstance(value, dict) and name in value:
        return value[name]
    method = getattr(value, f"q_{name}", None)
    if method is None:
        raise QueryError(f'Cannot query field "{name}" on type "{type(value).__name__}".')
    return method(arguments)
