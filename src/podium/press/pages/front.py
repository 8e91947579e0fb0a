"""Front matter: the block of YAML above a slide, written so that Slidev reads back exactly what was meant.

Slidev ends the block at the first `---` wherever it stands, in the middle of a text too, and reads YAML 1.2, where
`0o17` and `1e3` are numbers that PyYAML writes bare.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from podium.press.pages.escaping import compiled, plain
from podium.spec import PodiumError

COMPILED = frozenset({"title", "name"})  # Slidev reads these as a line of Markdown
BARE = re.compile(r"[A-Za-z]\w*(?:[ ./·,-]\w+)*|(?:\.\./)+[\w/.-]+")  # a text that no YAML reads as anything else
WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})  # some YAML's true, false and nothing


def values(front: Mapping[str, Any], *, first: bool) -> dict[str, Any]:
    """Take the front matter of a slide as a template gives it, each text of a run on one line.

    Args:
        front: name to value.
        first: whether it is the first slide's, which is the deck's too.

    Raises:
        PodiumError: for a `title` or `name` on another than the first slide, which Slidev compiles; for a `src`, which
            makes Slidev read another file.
    """
    if COMPILED & front.keys() and not first:
        raise PodiumError("Only the first slide takes a title, the deck's; write others as a heading, `# ...`.")
    if "src" in front:
        raise PodiumError("A slide takes no src: Slidev would read any file. Use the template's own `include`.")
    return {plain(name): compiled(value) if name in COMPILED else flat(value) for name, value in front.items()}


def flat(value: Any) -> Any:
    """Make a value one that YAML can write: texts on one line, whatever they are held in, numbers as they are."""
    if isinstance(value, Mapping):
        return {plain(name): flat(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [flat(each) for each in value]
    return value if type(value) in (bool, int, float, type(None)) else plain(value)


def written(front: Mapping[str, Any]) -> str:
    r"""Write front matter as YAML that holds no `---`.

    >>> written({"layout": "cover", "kicker": "a --- b", "foot": "1e3"})
    'layout: cover\nkicker: "a -\\x2d- b"\nfoot: "1e3"\n'
    """
    text = yaml.dump(dict(front), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf"))
    return text.replace("--", "-\\x2d")  # two such marks stand only between double quotes: BARE has none


class _Dumper(yaml.SafeDumper):
    """Writes every text that could be read as anything else between double quotes."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    bare = BARE.fullmatch(text) and text.lower() not in WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if bare else '"')


_Dumper.add_representer(str, _text)
