"""What the data that makes pictures of numbers and the models that read them agree on: sides and tokens."""

from __future__ import annotations

import itertools
import math

SIDE = 84  # pixels a side of a picture
START, END, PADDING = 10, 11, 12  # tokens after the ten digits
BLANK = 10  # what CTC says between two digits; it has no other tokens than the digits

LINE_HEIGHT = 32  # pixels of a line
DIGIT_WIDTH = 20  # pixels that a digit's ink may take in a line
LINE_MARGIN = 4  # pixels before the first digit and after the last
STRIDE = 4  # pixels of a line that become one column


def line_width(digits: int, spacing: float) -> int:
    """Return the pixels across a line that holds so many digits, however wide the gaps, as whole columns.

    >>> line_width(8, 0.4), line_width(1, 0.4)
    (224, 28)
    """
    widest = digits * DIGIT_WIDTH + (digits - 1) * spacing * DIGIT_WIDTH + 2 * LINE_MARGIN
    return STRIDE * math.ceil(widest / STRIDE)


def as_text(tokens: list[int]) -> str:
    """Write tokens as a page shows them: the digits after START, if it stands there, up to the first other token.

    >>> as_text([10, 7, 3, 11, 12]), as_text([4, 11, 9, 9]), as_text([11, 12])
    ('73', '4', '')
    """
    body = tokens[1:] if tokens[:1] == [START] else tokens
    return "".join(str(token) for token in itertools.takewhile(lambda token: token < START, body))
