"""Typed numbers: numerals in a template's own prose that stand beside a metric's name and that no run has said."""

from __future__ import annotations

import re

from podium.press.results.metrics import QUANTITIES

OURS = re.compile(r"<%.*?%>|<!--.*?-->|^(```+).*?^\1|`[^`\n]*`|<[^>\n]*>", re.DOTALL | re.MULTILINE)
SENTENCE = re.compile(r"[^.!?\n](?:[^.!?\n]|\.(?=\d))*")
NUMERAL = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*(?:\s*(?:%|points?\b))?")


def typed_numbers(template: str, metrics: tuple[str, ...] = ()) -> list[tuple[int, str]]:
    r"""List the sentences of a template in which a typed number stands beside a metric's name.

    Args:
        template: its source. What Jinja computes, code, comments and tags are passed over.
        metrics: more names of metrics than the ones that everybody knows.

    Returns:
        (line from 1, the sentence), in order.

    >>> typed_numbers("We reached an accuracy of 99.2 %.\\nIt took 3 days.")
    [(1, 'We reached an accuracy of 99.2 %')]
    """
    words = {quantity.words for quantity in QUANTITIES.values()} - {"pictures", "epochs"}
    names = sorted({*words, *(m for m in metrics if m)}, key=len, reverse=True)
    metric = re.compile(r"\b(" + "|".join(re.escape(name) for name in names) + r")\b", re.IGNORECASE)
    prose = OURS.sub(lambda found: re.sub(r"[^\n]", "\x00", found[0]), template)
    return [
        (prose.count("\n", 0, found.start()) + 1, found[0].replace("\x00", "").strip())
        for found in SENTENCE.finditer(prose)
        if NUMERAL.search(found[0]) and metric.search(found[0])
    ]
