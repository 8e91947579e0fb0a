"""Escaping: the one function through which a text from a run reaches Markdown.

Slidev reads Markdown, then HTML, then Vue's `{{ }}`; each half of the protection alone was broken by a hostile text.
"""

from __future__ import annotations

import unicodedata


class Markdown(str):
    """Text that may stand in a page as it is; every other string that a template prints goes through `literal`."""

    __slots__ = ()


def literal(text: object) -> Markdown:
    """Return text that shows on a slide character by character, whatever it holds.

    Control characters and line separators become a space; all but letters, digits and spaces become a numeric entity
    (so no Markdown, HTML or front matter is seen); `v-pre` stops Vue from evaluating what the entities decode to.

    >>> literal("{{ 7*7 }}")
    '<span v-pre>&#123;&#123; 7&#42;7 &#125;&#125;</span>'
    """
    return Markdown(f"<span v-pre>{entities(text)}</span>")


def entities(text: object) -> str:
    r"""Return the text with numeric entities for all but letters, digits and spaces: for an HTML attribute.

    >>> entities('mean\nof "a"')
    'mean of &#34;a&#34;'
    """
    return "".join(
        character if character.isalnum() or character == " " else f"&#{ord(character)};" for character in plain(text)
    )


def plain(text: object) -> str:
    r"""Return one line: control, format, unassigned and separator characters each become a space.

    >>> plain("a\u2028b\x00c")
    'a b c'
    """
    return "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in str(text))
