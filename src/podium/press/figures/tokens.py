"""Tokens: the colours of a figure on a light and on a dark slide; a figure is drawn from either by the same code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from matplotlib.colors import LinearSegmentedColormap

Ground = Literal["light", "dark"]


@dataclass(frozen=True)
class Tokens:
    """Colours by what they are for; those that carry text keep 4.5:1 against the ground.

    Attributes:
        ground: what the slide is painted with; the figure itself stays transparent.
        panel: a field that a little sets apart from the ground.
        ink: text that matters.
        soft: axis text, quiet labels.
        faint: the quietest text.
        line: grids.
        axis: axes, threads from a label to its mark.
        accent: the one thing that the slide is about.
        accent_soft: a field behind it.
        mark: a single seed, a thing that the slide is not about.
        greys: variants that the slide is not about, the most visible first.
        diverging: from the most negative over zero to the most positive.
        rising: from none to most.
        paper: a picture's ground, where a map leaves it out and where it is full.
        stroke: a picture's strokes, likewise.
    """

    ground: str
    panel: str
    ink: str
    soft: str
    faint: str
    line: str
    axis: str
    accent: str
    accent_soft: str
    mark: str
    greys: tuple[str, ...]
    diverging: tuple[str, ...]
    rising: tuple[str, ...]
    paper: tuple[str, str]
    stroke: tuple[str, str]

    def grey(self, depth: int) -> str:
        """Return the grey of the n-th variant that the slide is not about."""
        return self.greys[min(depth, len(self.greys) - 1)]

    def heat(self, kind: Literal["diverging", "rising"]) -> LinearSegmentedColormap:
        """Return a colour scale."""
        return LinearSegmentedColormap.from_list(f"podium {kind}", list(getattr(self, kind)))


LIGHT = Tokens(
    ground="#ffffff",
    panel="#f1f5f9",
    ink="#1f2937",
    soft="#475569",
    faint="#64748b",
    line="#e2e8f0",
    axis="#94a3b8",
    accent="#4f46e5",
    accent_soft="#eef2ff",
    mark="#94a3b8",
    greys=("#64748b", "#94a3b8", "#b6c2d2", "#cbd5e1"),
    diverging=("#334155", "#94a3b8", "#f8fafc", "#a5b4fc", "#4f46e5"),
    rising=("#f8fafc", "#c7d2fe", "#818cf8", "#4f46e5"),
    paper=("#f8fafc", "#c7d2fe"),
    stroke=("#cbd5e1", "#1e1b4b"),
)

DARK = Tokens(
    ground="#0b1220",
    panel="#1a2438",
    ink="#f1f5f9",
    soft="#cbd5e1",
    faint="#94a3b8",
    line="#1e293b",
    axis="#64748b",
    accent="#a5b4fc",
    accent_soft="#1e1b4b",
    mark="#7688a1",
    greys=("#94a3b8", "#71819a", "#56657c", "#465369"),
    diverging=("#94a3b8", "#475569", "#111a2e", "#4f46e5", "#c7d2fe"),
    rising=("#111a2e", "#312e81", "#4f46e5", "#a5b4fc"),
    paper=("#111a2e", "#3730a3"),
    stroke=("#3b4a63", "#f8fafc"),
)

TOKENS: dict[str, Tokens] = {"light": LIGHT, "dark": DARK}
