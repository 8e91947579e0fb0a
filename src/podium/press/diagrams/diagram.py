"""A diagram: source for Mermaid or PlantUML, and the words that belong to it."""

from __future__ import annotations

from typing import Literal, Self

Language = Literal["mermaid", "plantuml"]


class Diagram(str):
    """A diagram's source.

    Attributes:
        language: what draws it.
        note: what was folded and counted; it belongs beside the picture, else the picture says too little.
        alt: the picture in words.
    """

    __slots__ = ("alt", "language", "note")
    language: Language
    note: str
    alt: str

    def __new__(cls, source: str, *, language: Language, note: str = "", alt: str = "") -> Self:
        """Make a diagram of its source."""
        made = super().__new__(cls, source)
        made.language, made.note, made.alt = language, note, alt
        return made


def shape_words(shape: list[int]) -> str:
    """Return a shape as it is written on a slide.

    >>> shape_words([1, 3, 224, 224])
    '1x3x224x224'
    """
    return "x".join(map(str, shape)) or "scalar"


def count_words(count: int) -> str:
    """Return a large count with three digits and a unit.

    >>> [count_words(n) for n in (71_946, 11_689_512, 35_127_656_448, 0, 999_600)]
    ['71.9 k', '11.7 M', '35.1 G', '0', '1.00 M']
    """
    if count < 1_000:
        return str(count)
    value, unit = float(count), ""
    for unit in ("k", "M", "G", "T", "P"):  # noqa: B007 - the one it stops at is used
        value /= 1_000
        if value < 999.5:
            break
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f} {unit}"
