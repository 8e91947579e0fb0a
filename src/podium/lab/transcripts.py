"""What the data that makes a picture of a number and the model that reads it agree on: its side and its tokens."""

from __future__ import annotations

import itertools

SIDE = 84  # pixels a side of a picture
START, END, PADDING = 10, 11, 12  # tokens after the ten digits


def as_text(tokens: list[int]) -> str:
    """Write tokens as a page shows them: the digits after START, if it stands there, up to the first other token.

    >>> as_text([10, 7, 3, 11, 12]), as_text([4, 11, 9, 9]), as_text([11, 12])
    ('73', '4', '')
    """
    body = tokens[1:] if tokens[:1] == [START] else tokens
    return "".join(str(token) for token in itertools.takewhile(lambda token: token < START, body))
