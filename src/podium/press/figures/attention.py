"""Attention over the picture: the picture's strokes as strong as the model looks at them, a map a token.

Each map is on its own scale, its largest weight written below: a plain overlay washes out, and maps of many patches
have small weights. Where a model looks is not why it answers (Jain and Wallace 2019, Attention is not Explanation).
"""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread

from podium.press.figures.drawing import (
    HEIGHT,
    SMALL,
    TEXT,
    WIDTH,
    Drawing,
    canvas,
    counted,
    noted,
    place,
    said,
    shortened,
)
from podium.press.figures.measured import kept_samples
from podium.press.figures.tokens import Tokens
from podium.press.results.metrics import in_figures
from podium.press.results.table import Results
from podium.spec import PodiumError

PREFIX = "data:image/png;base64,"
LARGEST = 1024  # pixels of a picture's side
MOST_PICTURES = 4
ROWS, TILES = 2, 7  # of a reader's pictures: a tile is a picture or one of its maps, a row has so many
MOST_MAPS = TILES - 1  # of one picture
INK = 0.35  # brightness from which a patch counts as stroke
GAP, APART = 14, 36  # pixels between tiles, and between one picture's and the next one's


@dataclass(frozen=True)
class Map:
    """Where the model looked for one token.

    Attributes:
        token: what it said; "" where it looked once for all.
        largest: the map's largest weight.
        weights: over the largest one, a row a row of patches.
    """

    token: str
    largest: float
    weights: np.ndarray


@dataclass(frozen=True)
class Look:
    """A picture, what stands on it, what was said, and where the model looked.

    Attributes:
        picture: brightness in [0, 1], a row a row of pixels.
        correct: what stands on it.
        predicted: what the model said.
        maps: one a token, or one in all.
    """

    picture: np.ndarray
    correct: str
    predicted: str
    maps: tuple[Map, ...]


@dataclass(frozen=True)
class Panel:
    """One picture in the figure.

    Attributes:
        look: what it shows.
        one: the map that it is weighted by; None for the picture as it is.
        spot: left, top and side in pixels.
        above: the word above it.
        below: the number below it.
    """

    look: Look
    one: Map | None
    spot: tuple[float, float, float]
    above: str
    below: str


def attention(
    results: Results, *, metric: str = "", variant: str | None = None, pictures: tuple[int, ...] = ()
) -> Drawing:
    """Draw where one run looked on sample pictures of the test set.

    Args:
        results: where from.
        metric: not used; every figure takes it.
        variant: whose; the first that kept attention where None.
        pictures: which of the samples, counted from 0; where empty the first: four of a classifier, two of a reader.

    Raises:
        PodiumError: for an unknown variant or picture, runs that kept no attention, or attention that is none.
    """
    del metric
    name, run, seed, kept = _kept(results, variant)
    there = {look["picture"]: look for look in kept if look["maps"]}
    reader = any(look["maps"][0]["token"] for look in there.values())
    chosen = list(pictures or sorted(there)[:MOST_PICTURES])
    for index in chosen:
        if index not in there:
            raise PodiumError(f"{run} kept no attention of sample picture {index}; it has {sorted(there)}.")
    fitting = _packed([len(there[index]["maps"]) for index in chosen]) if reader else chosen[:MOST_PICTURES]
    if pictures and len(fitting) < len(chosen):
        raise PodiumError(
            f"One picture of attention has room for {len(fitting)} of these samples; asked for {len(chosen)}."
        )
    chosen = chosen[: len(fitting)]
    samples = results.samples[run].get("predictions", [])
    looks = [_look(run, there[index], samples) for index in chosen]
    longest = max(len(look.maps) for look in looks)
    largest = "; ".join(
        f"{look.correct} said as {look.predicted}: "
        + ", ".join(f"{m.token} {in_figures(m.largest, 2)}".strip() for m in look.maps)
        for look in looks
    )
    which = "first samples, not chosen" if not pictures else "samples chosen by hand"
    return Drawing(
        draw=lambda tokens: (_reader if reader else _classifier)(tokens, looks),
        finding=_reads(looks) if reader else _strokes(looks),
        alt=(
            f"Attention of {said(name)} over {counted(len(looks), 'test picture')}, the last block's mean over heads. "
            f"The largest weight of each map: {largest}."
        ),
        note=noted(
            f"{shortened(name)}, seed {seed} alone, {which}",
            f"{MOST_MAPS} of {longest} digits" if longest > MOST_MAPS else "",
            "each map on its own scale, largest weight below",
        ),
    )


def _kept(results: Results, variant: str | None) -> tuple[str, str, int, list[dict[str, Any]]]:
    """Return the variant, its first run that kept any, that run's seed, and what it kept."""
    name, kept, _ = kept_samples(
        results,
        variant,
        "attention",
        "attention; transformers do",
        tells=lambda looks: any(look.get("maps") for look in looks or []),
    )
    rows = results.rows(name)
    seeds = dict(zip(rows["run"].astype(str), rows["seed"], strict=True))
    run, looks = next(iter(kept.items()))
    return name, run, int(seeds[run]), looks


def _look(run: str, look: dict[str, Any], samples: list[dict[str, Any]]) -> Look:
    if not 0 <= look["picture"] < len(samples):
        raise PodiumError(f"{run} kept attention of sample picture {look['picture']}, but no such picture.")
    sample = samples[look["picture"]]
    maps = []
    for one in look["maps"]:
        weights = np.asarray(one["map"], dtype=float)
        largest = float(one["maximum"])
        if weights.ndim != 2 or not weights.size or not np.isfinite(weights).all() or not np.isfinite(largest):
            raise PodiumError(f"The attention of {run} on sample picture {look['picture']} is not finite.")
        maps.append(Map(str(one["token"]), largest, np.clip(weights, 0, 1)))
    return Look(_picture(run, sample["picture"]), str(sample["correct"]), str(sample["predicted"]), tuple(maps))


def _picture(run: str, address: str) -> np.ndarray:
    """Read a PNG's brightness."""
    wrong = PodiumError(f"A sample picture of {run} is no PNG data address of at most {LARGEST} pixels a side.")
    if not address.startswith(PREFIX):
        raise wrong
    try:
        data = base64.b64decode(address.removeprefix(PREFIX), validate=True)
        sides = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
        if not 0 < max(sides) <= LARGEST:
            raise wrong
        pixels = np.asarray(imread(io.BytesIO(data), format="png"), dtype=float)
    except (binascii.Error, OSError, ValueError, SyntaxError) as error:
        raise wrong from error
    return pixels if pixels.ndim == 2 else pixels[..., :3].mean(-1)


def _over(weights: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Give every pixel the weight of its patch."""
    rows = np.arange(shape[0]) * weights.shape[0] // shape[0]
    columns = np.arange(shape[1]) * weights.shape[1] // shape[1]
    return weights[np.ix_(rows, columns)]


def _strokes(looks: list[Look]) -> str:
    """Say how much more a patch with a stroke gets than an empty one, over the pictures shown."""
    on, off = [], []
    for look in looks:
        for one in look.maps:
            rows, columns = one.weights.shape
            inked = np.zeros((rows, columns))
            spread = np.indices(look.picture.shape)
            np.maximum.at(
                inked,
                (spread[0] * rows // look.picture.shape[0], spread[1] * columns // look.picture.shape[1]),
                look.picture,
            )
            share = one.weights / max(one.weights.sum(), 1e-12)
            on += share[inked > INK].tolist()
            off += share[inked <= INK].tolist()
    count = counted(len(looks), "picture")
    if not on or not off or not sum(off):
        return f"Where the last block looks on {count}"
    ratio = float(np.mean(on) / np.mean(off))
    more = ratio if ratio >= 1 else 1 / ratio
    if more < 1.1:
        return f"On {count}, strokes and empty paper get the same attention"
    side, other = ("strokes", "empty paper") if ratio > 1 else ("empty paper", "strokes")
    return f"On {count}, {side} get{'s' * (side != 'strokes')} {in_figures(more, 1)} times the attention of {other}"


def _reads(looks: list[Look]) -> str:
    """Say in how many of the pictures shown each digit is looked for further right than the one before it."""
    long = [look for look in looks if len(look.maps) > 1]
    if not long:
        return f"Where the reader looks on {counted(len(looks), 'picture')}"
    rightward = 0
    for look in long:
        centres = [float((m.weights.sum(0) @ np.arange(m.weights.shape[1])) / m.weights.sum()) for m in look.maps]
        rightward += all(a < b for a, b in pairwise(centres))
    numbers = "number of several digits" if len(long) == 1 else f"{len(long)} numbers of several digits"
    if rightward == len(long):
        return f"Digit by digit the reader looks further right on {'the' if len(long) == 1 else 'all'} {numbers}"
    return f"Digit by digit the reader looks further right on {rightward} of {numbers}"


def _packed(counts: list[int]) -> list[tuple[int, int]]:
    """Return row and first tile of as many pictures as have room, in their order, each with so many maps."""
    spots: list[tuple[int, int]] = []
    row = tile = 0
    for count in counts:
        width = 1 + min(count, MOST_MAPS)
        if tile + width > TILES:
            row, tile = row + 1, 0
        if row == ROWS:
            break
        spots.append((row, tile))
        tile += width
    return spots


def _reader(tokens: Tokens, looks: list[Look]) -> Figure:
    """Draw each picture, and beside it a map a digit."""
    figure = canvas()
    under, over = 22, 24
    side = min(HEIGHT / ROWS - under - over, (WIDTH - (TILES - 3) * GAP - 2 * APART) / TILES)
    before = {0: 0, 1: 0}
    for look, (row, tile) in zip(looks, _packed([len(look.maps) for look in looks]), strict=True):
        top = over + row * (side + under + over)
        left = tile * (side + GAP) + before[row] * (APART - GAP)
        before[row] += 1
        _panel(figure, tokens, Panel(look, None, (left, top, side), _answer(look), ""))
        for column, one in enumerate(look.maps[:MOST_MAPS], start=1):
            spot = (left + column * (side + GAP), top, side)
            _panel(figure, tokens, Panel(look, one, spot, one.token, in_figures(one.largest, 2)))
    return figure


def _answer(look: Look) -> str:
    """Write what stands on a picture, and what was said where that is something else."""
    return look.correct if look.predicted == look.correct else f"{look.correct}, said {look.predicted}"


def _classifier(tokens: Tokens, looks: list[Look]) -> Figure:
    """Draw a column a picture: the picture above, where the model looks below it."""
    figure = canvas()
    over, under = 24, 22
    side = (HEIGHT - over - under - GAP) / 2
    step = max(side + GAP, (WIDTH - side) / max(MOST_PICTURES - 1, 1))
    for column, look in enumerate(looks):
        left = column * step
        _panel(figure, tokens, Panel(look, None, (left, over, side), _answer(look), ""))
        spot = (left, over + side + GAP, side)
        _panel(figure, tokens, Panel(look, look.maps[0], spot, "", f"largest {in_figures(look.maps[0].largest, 2)}"))
    return figure


def _panel(figure: Figure, tokens: Tokens, panel: Panel) -> Axes:
    """Draw a picture, as it is or weighted by a map, with a word above and one below."""
    left, top, side = panel.spot
    picture, one = panel.look.picture, panel.one
    axes = place(figure, left, top, side, side)
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])
    weights = np.ones(picture.shape) if one is None else _over(one.weights, picture.shape)
    axes.imshow(_weighted(picture, weights, tokens, plain=one is None), interpolation="nearest", aspect="auto")
    axes.annotate(
        panel.above[:14],
        xy=(0, 1),
        xycoords="axes fraction",
        xytext=(0, 3),
        textcoords="offset points",
        va="bottom",
        color=tokens.ink if one is None else tokens.accent,
        fontweight="bold",
        fontsize=TEXT * 0.75,
    )
    axes.annotate(
        panel.below,
        xy=(0, 0),
        xycoords="axes fraction",
        xytext=(0, -3),
        textcoords="offset points",
        va="top",
        color=tokens.soft,
        fontsize=SMALL * 0.75,
    )
    return axes


def _weighted(picture: np.ndarray, weights: np.ndarray, tokens: Tokens, *, plain: bool) -> np.ndarray:
    """Return colours: paper and stroke each between what is left out and what is looked at."""
    (paper_out, paper_in), (stroke_out, stroke_in) = (
        [np.array(to_rgb(colour)) for colour in pair] for pair in (tokens.paper, tokens.stroke)
    )
    w = weights[..., None]
    paper = np.broadcast_to(paper_out, (*picture.shape, 3)) if plain else paper_out + w * (paper_in - paper_out)
    stroke = stroke_out + w * (stroke_in - stroke_out)
    return np.clip(paper + picture[..., None] * (stroke - paper), 0, 1)
