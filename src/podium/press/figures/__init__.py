"""Figures: results in, a drawing out; what it shows stands in words beside it."""

from podium.press.figures.attention import attention
from podium.press.figures.budget import budget
from podium.press.figures.confusion import confusion
from podium.press.figures.curves import curves
from podium.press.figures.drawing import PLACES, Drawing, save
from podium.press.figures.effect import effect
from podium.press.figures.encodings import encodings
from podium.press.figures.forest import forest
from podium.press.figures.frontier import frontier
from podium.press.figures.gradients import gradients
from podium.press.figures.importance import importance
from podium.press.figures.paired import paired
from podium.press.figures.parallel import parallel

FIGURES = {
    "attention": attention,
    "budget": budget,
    "confusion": confusion,
    "curves": curves,
    "effect": effect,
    "encodings": encodings,
    "forest": forest,
    "frontier": frontier,
    "gradients": gradients,
    "importance": importance,
    "paired": paired,
    "parallel": parallel,
}

HALVES = ("curves", "effect", "forest", "frontier")  # kinds that can be one of two beside each other

__all__ = [
    "FIGURES",
    "HALVES",
    "PLACES",
    "Drawing",
    "attention",
    "budget",
    "confusion",
    "curves",
    "effect",
    "encodings",
    "forest",
    "frontier",
    "gradients",
    "importance",
    "paired",
    "parallel",
    "save",
]
