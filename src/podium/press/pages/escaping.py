"""Escaping: the one function through which a text from a run reaches Markdown.

Slidev reads Markdown, then HTML, then Vue's `{{ }}`; each half of the protection alone was broken by a hostile text.
"""

from __future__ import annotations

import re
import unicodedata

# A title that Slidev shows as it stands, however it is compiled: words, and marks that begin nothing.
QUIET = re.compile(r"[^\W\d_](?:[^\W_]|[ ,?!'()\N{EN DASH}\N{EM DASH}]|(?<=\S): )*")

# Where the linkify rule of markdown-it would see an address, once the entities are decoded.
LINKING = re.compile(r"(?=:\S)|(?=@)|(?<=/)(?=/)|(?=\.[^\W\d])")


class Markdown(str):
    """Text that may stand in a page as it is; every other string that a template prints goes through `literal`."""

    __slots__ = ()


def literal(text: object) -> Markdown:
    """Return text that shows on a slide character by character, whatever it holds.

    Control characters and line separators become a space; all but letters, digits and spaces become a numeric entity
    (so no Markdown, HTML or front matter is seen); `v-pre` stops Vue from evaluating what the entities decode to; and
    `<wbr>`, which shows as nothing, stands where an address would become a link: `model.pt` would be one.

    >>> literal("{{ 7*7 }}"), literal("best.pt")
    ('<span v-pre>&#123;&#123; 7&#42;7 &#125;&#125;</span>', '<span v-pre>best<wbr>&#46;pt</span>')
    """
    return Markdown(f"<span v-pre>{'<wbr>'.join(map(entities, LINKING.split(plain(text))))}</span>")


def compiled(text: object) -> str:
    """Return a text for the front matter that Slidev compiles, `title` and `name`: it reads them as a line of Markdown.

    The page's own title drops the tag and decodes the entities, so that it reads as the text does.

    >>> compiled("Digits: a talk"), compiled("{{ 7*7 }}")
    ('Digits: a talk', '<span v-pre>&#123;&#123; 7&#42;7 &#125;&#125;</span>')
    """
    line = plain(text)
    return line if QUIET.fullmatch(line) else str.__str__(literal(line))


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
