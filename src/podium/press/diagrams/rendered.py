"""What a drawn diagram must say: its labels, to be looked for in the picture after a browser drew it.

Mermaid and PlantUML lose text without a word (`Dict<str>`, `#35;`, a list marker), so the picture is compared with what
was meant.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

# In a page: the texts of every drawn diagram of the slide shown, each in a shadow root, one list of texts a diagram.
PICTURE_TEXTS = """() => [...document.querySelectorAll('.slidev-page .mermaid, .slidev-page .plantuml')]
  .filter(host => host.getClientRects().length && host.shadowRoot)
  .map(host => [...host.shadowRoot.querySelectorAll('svg text, svg foreignObject')].map(e => e.textContent))"""

# In a page: the smallest label of each diagram in CSS pixels, as it is shown.
LABEL_PIXELS = """() => [...document.querySelectorAll('.slidev-page .mermaid, .slidev-page .plantuml')]
  .filter(host => host.getClientRects().length && host.shadowRoot)
  .map(host => Math.min(...[...host.shadowRoot.querySelectorAll('svg text, svg foreignObject')]
    .filter(e => e.textContent.trim())
    .map(e => {
      const turn = e.getScreenCTM(), inner = e.querySelector('span, p, div') ?? e
      return parseFloat(getComputedStyle(inner).fontSize) * Math.hypot(turn.a, turn.b)
    })))"""


def labels(source: str) -> list[str]:
    r"""Return every text that a diagram's source means to show, in order; the lines of a box are one text in Mermaid.

    >>> labels('flowchart LR\nb0["<b>Dict#60;str#62;</b><br/>1x10"]:::layer')
    ['Dict<str> 1x10']
    """
    if source.startswith("@startuml"):
        found = re.findall(r'^class "(.*)" as |^  \{field\} (.*)$|^c\d+ \*-- "(.*)" c\d+$', source, re.MULTILINE)
        written = (text for texts in found for text in texts)
        bare = (re.sub(r"<U\+([0-9A-F]+)>", lambda code: chr(int(code[1], 16)), text).strip() for text in written)
        return [text for text in bare if text]
    quoted = re.findall(r'"([^"]*)"', "\n".join(line for line in source.splitlines() if not line.startswith("%%")))
    plain = [re.sub(r"</?b>", "", text).replace("<br/>", " ") for text in quoted]
    return [re.sub(r"#(\d+);", lambda code: chr(int(code[1])), text) for text in plain if text.strip()]


def missing(source: str, texts: Iterable[str]) -> list[str]:
    """Return the labels that a picture does not show, spaces aside.

    Args:
        source: the diagram's source.
        texts: the texts in the picture, as `PICTURE_TEXTS` collects them.
    """
    shown = Counter(_tight(text) for text in texts)
    lost = []
    for text in labels(source):
        if shown[_tight(text)]:
            shown[_tight(text)] -= 1  # two boxes of one name are two texts
        else:
            lost.append(text)
    return lost


def _tight(text: str) -> str:
    return re.sub(r"\s+", "", text)
