r"""Exactness: any JSON value as text and back unchanged, and nested keys as one dotted name and back.

Python's `json` already keeps NaN, infinities and whole numbers. Two lone surrogates in a row would come back as one
character, though, so a text that holds such a pair is written raw; bytes are UTF-8 that lets surrogates pass.

A dotted name joins the keys of a nested value as W&B's `define_metric` does: a dot inside a key is written `\.`, a
backslash `\\`. So `{"a": {"b": 1}}` is `a.b` and `{"a.b": 1}` is `a\.b`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_PART = re.compile(r"(?:[^.\\]|\\.)*", re.DOTALL)

Keys = tuple[str, ...]


def to_text(value: Any, *, indent: int | None = None, sort_keys: bool = False) -> str:
    r"""Write a JSON value as text that `json.loads` reads back equal, of the same types.

    >>> to_text({"b": [1, 1.0, float("nan"), "ü"]})
    '{"b": [1, 1.0, NaN, "\\u00fc"]}'
    """
    text = json.dumps(value, indent=indent, sort_keys=sort_keys)
    if "\\ud" in text:  # only then can a surrogate stand in it, or a character beyond the basic plane
        raw = json.dumps(value, ensure_ascii=False, indent=indent, sort_keys=sort_keys)
        if _PAIR.search(raw):
            return raw
    return text


def to_bytes(value: Any) -> bytes:
    """Write a JSON value as bytes for `from_bytes`."""
    return to_text(value).encode("utf-8", "surrogatepass")


def from_bytes(data: bytes) -> Any:
    """Read what `to_bytes` wrote.

    Raises:
        ValueError: where it is no JSON.
    """
    return json.loads(data.decode("utf-8", "surrogatepass"))


def dotted(path: Sequence[str]) -> str:
    r"""Join nested keys to one name.

    >>> dotted(("optimizer", "lr")), dotted(("a.b",)), dotted(("", "c\\d"))
    ('optimizer.lr', 'a\\.b', '.c\\\\d')
    """
    return ".".join(key.replace("\\", "\\\\").replace(".", "\\.") if "." in key or "\\" in key else key for key in path)


def keys_of(name: str) -> Keys:
    r"""Take a dotted name apart again.

    >>> keys_of("optimizer.lr"), keys_of("a\\.b"), keys_of(".c\\\\d")
    (('optimizer', 'lr'), ('a.b',), ('', 'c\\d'))
    """
    if "\\" not in name:
        return tuple(name.split("."))
    parts, at = [], 0
    while at <= len(name):
        found = _PART.match(name, at)
        part = found.group() if found else ""
        parts.append(re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL))
        at += len(part) + 1
    return tuple(parts)


def leaves(values: Mapping[str, Any], above: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Walk nested dicts down to what is no dict, an empty one, or W&B's reference to an image, a table or the like.

    >>> list(leaves({"a": {"b": 1, "c": {}}, "d": [2]}))
    [(('a', 'b'), 1), (('a', 'c'), {}), (('d',), [2])]
    """
    open_dicts = [(above, iter(values.items()))]  # a stack of our own: Python's ends after a thousand dicts
    while open_dicts:
        path, items = open_dicts[-1]
        for key, value in items:
            if isinstance(value, dict) and value and not is_reference(value):
                open_dicts.append(((*path, key), iter(value.items())))
                break
            yield (*path, key), value
        else:
            open_dicts.pop()


def is_reference(value: Mapping[str, Any]) -> bool:
    """Say whether a dict is W&B's description of a media file, a table, an artifact or a histogram."""
    return isinstance(value.get("_type"), str)


def nest(found: Iterable[tuple[Keys, Any]]) -> dict[str, Any]:
    """Build the nested dict that has these leaves; the later one stands where two claim a place.

    >>> nest([(("a", "b"), 1), (("a", "c"), {}), (("d",), [2])])
    {'a': {'b': 1, 'c': {}}, 'd': [2]}
    """
    whole: dict[str, Any] = {}
    for path, value in found:
        put(whole, path, value)
    return whole


def put(whole: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Set the value at a path; whatever is no dict on the way gives place to one."""
    for key in path[:-1]:
        below = whole.get(key)
        if not isinstance(below, dict):
            below = whole[key] = {}
        whole = below
    whole[path[-1]] = value
