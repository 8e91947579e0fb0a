"""Labels beside marks: each where it covers neither a mark nor another label, as near as there is room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podium.press.figures.drawing import SMALL, text_width

CLEAR = 9.0  # pixels around a mark that no label covers
SIDES = ((-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0))  # up and left first
REACHES = (8.0, 24.0, 42.0)  # pixels from a mark to its label


@dataclass(frozen=True)
class Label:
    """Where a label stands.

    Attributes:
        index: of its mark.
        left: of the text, in pixels.
        middle: of the text's height, in pixels from below.
        far: whether it stands so far away that a thread must join it to its mark.
    """

    index: int
    left: float
    middle: float
    far: bool


Box = tuple[float, float, float, float]  # left, bottom, right, top


def beside(
    marks: Sequence[tuple[float, float]],
    texts: Sequence[str],
    room: tuple[float, float],
    *,
    bold: Sequence[bool] = (),
    taken: Sequence[tuple[float, float]] = (),
    size: float = SMALL,
) -> list[Label]:
    """Place a text beside each mark, the first marks first; one that fits nowhere is left out.

    Args:
        marks: in pixels from the lower left corner.
        texts: one a mark.
        room: width and height that every label stays within.
        bold: whether each text is bold; none where empty.
        taken: other marks that no label may cover.
        size: of the texts, in pixels.
    """
    covered: list[Box] = [(x - CLEAR, y - CLEAR, x + CLEAR, y + CLEAR) for x, y in (*marks, *taken)]
    found: list[Label] = []
    for index, ((x, y), text) in enumerate(zip(marks, texts, strict=True)):
        width, height = text_width(text, bold=bool(bold and bold[index]), size=size) + 2, size * 1.2
        for reach in REACHES:
            label = _free(covered, (x, y), (width, height), room, reach)
            if label is not None:
                left, bottom = label
                covered.append((left, bottom, left + width, bottom + height))
                found.append(Label(index, left, bottom + height / 2, far=reach > REACHES[0]))
                break
    return found


def _free(
    covered: list[Box], mark: tuple[float, float], size: tuple[float, float], room: tuple[float, float], reach: float
) -> tuple[float, float] | None:
    """Return the lower left corner of the first place at this distance where nothing else is."""
    width, height = size
    for across, up in SIDES:
        gap = CLEAR + reach - REACHES[0] + 1
        middle_x = mark[0] + across * (gap + width / 2)
        middle_y = mark[1] + up * (gap + height / 2)
        left, bottom = middle_x - width / 2, middle_y - height / 2
        inside = left >= 0 and bottom >= 0 and left + width <= room[0] and bottom + height <= room[1]
        if inside and not any(
            left < box[2] and left + width > box[0] and bottom < box[3] and bottom + height > box[1] for box in covered
        ):
            return left, bottom
    return None
