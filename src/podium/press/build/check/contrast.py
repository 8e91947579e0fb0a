"""Contrast of text against what it really stands on: WCAG 2.1, success criterion 1.4.3.

A plain ground is computed; over a gradient, a picture or a drawing the pixels themselves are looked at, once with the
text hidden and, for text that is filled with a gradient, once as it is.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from podium.press.build.check.findings import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST = 4.5  # for all text, large or not: a projector in a bright room takes what is left
ROUNDED = 0.05  # browsers round colours to bytes
PART = 25  # percent of the ground behind a text that may be worse: a thin line that crosses it is none

# In a page: every text gone, and everything else as it was; answers with what brings it back.
HIDE = """() => {
  const gone = new CSSStyleSheet()
  gone.replaceSync(`* { color: transparent !important; -webkit-text-fill-color: transparent !important;
    text-shadow: none !important; text-decoration-color: transparent !important }
    text, tspan { fill: transparent !important; stroke: transparent !important }
    [data-podium-gradient] { background-image: none !important; background-color: transparent !important }`)
  const roots = [document], look = node => {
    for (const e of node.querySelectorAll('*')) {
      if (e.shadowRoot) { roots.push(e.shadowRoot); look(e.shadowRoot) }
      if (getComputedStyle(e).backgroundClip === 'text') e.dataset.podiumGradient = ''
    }
  }
  look(document)
  window.podiumBack = roots.map(root => [root, [...root.adoptedStyleSheets]])
  roots.forEach(root => { root.adoptedStyleSheets = [...root.adoptedStyleSheets, gone] })
}"""
BACK = """() => {
  window.podiumBack.forEach(([root, sheets]) => {
    root.adoptedStyleSheets = sheets
    root.querySelectorAll('[data-podium-gradient]').forEach(e => delete e.dataset.podiumGradient)
  })
  delete window.podiumBack
}"""


def luminance(colours: NDArray[Any]) -> NDArray[Any]:
    """Return the relative luminance of colours in 0..255 (WCAG 2.1; last axis red, green, blue)."""
    parts = np.asarray(colours, dtype=float) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def contrast(text: Sequence[float] | NDArray[Any], ground: Sequence[float] | NDArray[Any]) -> NDArray[Any]:
    """Return the contrast ratio of two colours, or of arrays of them, from 1 to 21.

    >>> float(contrast([0, 0, 0], [255, 255, 255]).round(1)), float(contrast([119, 119, 119], [255] * 3).round(2))
    (21.0, 4.48)
    """
    first, second = luminance(np.asarray(text)), luminance(np.asarray(ground))
    return (np.maximum(first, second) + 0.05) / (np.minimum(first, second) + 0.05)


def measured(ink: dict[str, Any], hidden: NDArray[Any] | None, shown: NDArray[Any] | None) -> tuple[float, float]:
    """Return the contrast of one text as it is, and as it would be at full opacity.

    Args:
        ink: what look.js measured: colour, how faint, the plain grounds or None, and the places of its lines.
        hidden: the pixels of the slide without its text, where that was needed.
        shown: and with it.
    """
    if ink["gradient"]:
        return (21.0, 21.0) if hidden is None or shown is None else _painted(ink["rects"], hidden, shown)
    if ink["grounds"] is not None:
        grounds = np.array(ink["grounds"], dtype=float)
        return tuple(float(_over(ink, grounds, faint).min()) for faint in (ink["faint"], 1.0))  # ty: ignore
    if hidden is None:
        return 21.0, 21.0
    pixels = np.concatenate([_cut(hidden, box).reshape(-1, 3) for box in ink["rects"]])
    if not len(pixels):
        return 21.0, 21.0
    return tuple(float(np.percentile(_over(ink, pixels, faint), PART)) for faint in (ink["faint"], 1.0))  # ty: ignore


def pixels(page: Any, *, text: bool) -> NDArray[Any]:
    """Return the slide's pixels, with its text or without: height, width, and red, green, blue."""
    from PIL import Image

    if not text:
        page.evaluate(HIDE)
    try:
        taken = page.screenshot(type="png", scale="css", animations="allow", caret="initial")
    finally:
        if not text:
            page.evaluate(BACK)
    return np.asarray(Image.open(io.BytesIO(taken)).convert("RGB"))


def _over(ink: dict[str, Any], grounds: NDArray[Any], faint: float) -> NDArray[Any]:
    """Contrast of a text that lets its ground shine through."""
    red, green, blue, alpha = ink["colour"]
    solid = alpha * faint
    return contrast(np.array([red, green, blue]) * solid + grounds * (1 - solid), grounds)


def _painted(boxes: Sequence[Box], hidden: NDArray[Any], shown: NDArray[Any]) -> tuple[float, float]:
    """Contrast of text that is itself a picture: of the pixels that it changed most, away from its soft edges."""
    before = np.concatenate([_cut(hidden, box).reshape(-1, 3) for box in boxes]).astype(float)
    after = np.concatenate([_cut(shown, box).reshape(-1, 3) for box in boxes]).astype(float)
    changed = np.abs(after - before).sum(axis=1)
    if not len(changed) or changed.max() < 8:
        return 21.0, 21.0
    core = changed > 0.5 * changed.max()
    ratio = float(np.percentile(contrast(after[core], before[core]), PART))
    return ratio, ratio


def _cut(picture: NDArray[Any], box: Box) -> NDArray[Any]:
    left, top, width, height = box
    inner = (top + 0.2 * height, top + 0.86 * height, left, left + width)  # a glyph's box is taller than the glyph
    first, last, begin, end = (max(0, round(side)) for side in inner)
    return picture[first:last, begin:end]
