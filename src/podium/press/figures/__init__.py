"""Figures: results in, a drawing out; what it shows stands in words beside it."""

from podium.press.figures.curves import curves
from podium.press.figures.drawing import Drawing, save
from podium.press.figures.encodings import encodings
from podium.press.figures.paired import paired

FIGURES = {"curves": curves, "encodings": encodings, "paired": paired}

__all__ = ["FIGURES", "Drawing", "curves", "encodings", "paired", "save"]
