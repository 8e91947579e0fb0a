"""The look of every figure, and the one place that saves: sizes in pixels of the slide, real text, equal bytes.

A figure is drawn at the size it is shown, 876 x 338 pixels of a slide 980 pixels wide. Its font, Inter reduced to
Latin letters (fonts/, SIL Open Font License), travels inside the SVG: a picture on a page sees no font of the page.
"""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.textpath import TextPath

from podium.press.figures.tokens import TOKENS, Ground, Tokens
from podium.press.results.metrics import listed
from podium.press.results.statistics import FEWEST_SEEDS, Ranking
from podium.spec import PodiumError, unknown
from podium.spec.files import write_whole

WIDTH, HEIGHT = 876, 338  # pixels under a title and a claim
PLACES = {"whole": (WIDTH, HEIGHT), "half": (418, 300)}  # "half": one of two beside each other
TEXT = 17.6  # pixels
SMALL = 15.0  # pixels; nothing is smaller
LONGEST_NAME = 26  # characters of a variant's name beside its curve
SHORT_NAME = 13  # in half the width
LONGEST_SAID = 40  # characters of a variant's name in a sentence
MOST_NAMED, ROOM = 4, 56  # names in a sentence, and letters: a title has two lines
MOST_RUNS, LONGEST_RUN = 5, 80  # runs in an error, and letters of each

FONTS = Path(__file__).parent / "fonts"
FAMILY = ["Podium Inter", "DejaVu Sans"]  # the second has the letters that the first lacks
STYLE = {
    "font.family": FAMILY,
    "font.size": TEXT * 0.75,
    "text.parse_math": False,  # a run's name may hold a dollar sign
    "axes.linewidth": 1.5,
    "axes.unicode_minus": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "podium",
    "svg.id": "podium",
}


_ROOM: ContextVar[tuple[int, int]] = ContextVar("room", default=PLACES["whole"])


@dataclass(frozen=True)
class Drawing:
    """A figure and what it shows, in words that are computed from the same results.

    Attributes:
        draw: makes the picture from the colours of a light or a dark slide.
        finding: one sentence without a full stop, fit for a slide's title; never says more than the seeds allow.
        alt: what is to be seen, for those who cannot see it.
        note: how to read it: what the line, the band and a truncated axis mean.
        badges: what a slide with this figure must carry, such as "truncated axis".
        place: the room it is drawn for, a key of `PLACES`.
    """

    draw: Callable[[Tokens], Figure]
    finding: str
    alt: str
    note: str
    badges: tuple[str, ...] = ()
    place: str = "whole"

    @cached_property
    def figure(self) -> Figure:
        """The picture for a light slide."""
        return self.on("light")

    def on(self, ground: Ground) -> Figure:
        """Draw the picture for a light or a dark slide.

        Raises:
            PodiumError: for another ground.
        """
        if ground not in TOKENS:
            raise unknown("ground", ground, TOKENS, owner="A figure")
        mine = _ROOM.set(PLACES[self.place])
        try:
            with styled(ground):
                return self.draw(TOKENS[ground])
        finally:
            _ROOM.reset(mine)


def frame_size() -> tuple[int, int]:
    """Return the width and height of the figure that is being drawn, in pixels of the slide."""
    return _ROOM.get()


def fitting(name: str, most: int = LONGEST_NAME) -> str:
    """Cut a name to what has room in the figure that is being drawn."""
    return shortened(name, most if frame_size() == PLACES["whole"] else min(most, SHORT_NAME))


def marks_in(width: float, most: int = 5) -> int:
    """Return how many marks an axis of so many pixels has room for.

    >>> marks_in(600), marks_in(200), marks_in(600, 8)
    (5, 3, 8)
    """
    return min(most, max(2, int(width / 60)))


def canvas() -> Figure:
    """Return an empty figure as large as its place."""
    register_fonts()
    width, height = frame_size()
    figure = Figure(figsize=(width / 96, height / 96), dpi=96, frameon=False)
    FigureCanvasAgg(figure)
    return figure


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes at a place in pixels, counted from the upper left corner, with the light look."""
    full_width, full_height = figure.get_size_inches() * 96
    axes = figure.add_axes(
        (left / full_width, 1 - (top + height) / full_height, width / full_width, height / full_height)
    )
    axes.set_facecolor("none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0, pad=6, labelcolor=mpl.rcParams["xtick.color"])  # ticks may be made after `styled`
    axes.set_axisbelow(True)
    return axes


@lru_cache(4096)
def text_width(text: str, *, bold: bool = False, size: float = TEXT) -> float:
    """Return how wide a text is drawn, in pixels."""
    register_fonts()
    font = FontProperties(family=FAMILY, weight="bold" if bold else "normal")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that no font has is drawn as a box, and measured as one
        return (
            float(TextPath((0, 0), text, size=size, prop=font, usetex=False).get_extents().x1) if text.strip() else 0.0
        )


def spread(wanted: list[float], gap: float, low: float, high: float) -> list[float]:
    """Move places apart until neighbours are `gap` from each other, each as little as it takes, within [low, high].

    >>> spread([10.0, 11.0, 50.0], 20.0, 0.0, 100.0)
    [0.5, 20.5, 50.0]
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    groups: list[tuple[list[int], float]] = []  # indices from low to high, and the place of the first

    def first_place(indices: list[int]) -> float:
        centre = sum(wanted[i] for i in indices) / len(indices)
        reach = gap * (len(indices) - 1)
        return max(low, min(centre - reach / 2, high - reach))

    for index in order:
        groups.append(([index], first_place([index])))
        while len(groups) > 1 and groups[-2][1] + gap * len(groups[-2][0]) > groups[-1][1]:
            merged = groups[-2][0] + groups[-1][0]
            groups[-2:] = [(merged, first_place(merged))]
    places = [0.0] * len(wanted)
    for indices, first in groups:
        for step, index in enumerate(indices):
            places[index] = first + step * gap
    return places


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """Cut a name that is too long to stand beside a curve, and unprintable characters with it."""
    clean = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
    return clean if len(clean) <= longest else clean[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"


def said(name: str) -> str:
    """Cut a name to what a sentence can carry."""
    return shortened(name, LONGEST_SAID)


def some(names: Sequence[str], last: str = "and", room: int = ROOM) -> str:
    """Join names as a sentence does, as many as have room, in letters, and the rest by their number.

    >>> some(["a", "b", "c", "d", "e", "f"]), some(["a name", "another name", "third name"], room=12)
    ('a, b, c and 3 others', 'a name and 2 others')
    """
    cut = [said(name) for name in names]
    if (len(cut) <= MOST_NAMED and sum(map(len, cut)) <= room) or len(cut) < 2:
        return listed(cut, last)
    count = 1
    while count < min(MOST_NAMED, len(cut)) - 1 and sum(map(len, cut[: count + 1])) <= room:
        count += 1
    rest = len(cut) - count
    return listed([*cut[:count], f"{rest} other{'s' * (rest > 1)}"], last)


def runs_named(runs: Sequence[str]) -> str:
    """Name the first few runs in full, for an error.

    >>> runs_named([f"run-{n}" for n in range(9)])
    'run-0, run-1, run-2, run-3, run-4 and 4 others'
    """
    rest = len(runs) - MOST_RUNS
    if rest < 2:
        return listed([shortened(run, LONGEST_RUN) for run in runs])
    return listed([*(shortened(run, LONGEST_RUN) for run in runs[:MOST_RUNS]), f"{rest} others"])


def noted(*parts: str) -> str:
    """Join what a note says, leaving out what is empty.

    >>> noted("test accuracy", "", "a dot a seed")
    'test accuracy · a dot a seed'
    """
    return " · ".join(part for part in parts if part)


def counted(count: int, word: str) -> str:
    """Write a number with its word.

    >>> counted(1, "seed"), counted(1200, "trial")
    ('1 seed', '1,200 trials')
    """
    return f"{count:,} {word}{'s' * (count != 1)}"


def few_seeds(fewest: int) -> tuple[str, ...]:
    """Return the badge of what has fewer than three seeds; none where there are more.

    >>> few_seeds(1), few_seeds(2), few_seeds(3)
    (('one seed only',), ('2 seeds only',), ())
    """
    if fewest >= FEWEST_SEEDS:
        return ()
    return ("one seed only" if fewest == 1 else f"{fewest} seeds only",)


def found(rank: Ranking, quality: str) -> str:
    """Say who is ahead, in the words that the seeds allow.

    Args:
        rank: the variants in order, with what is shown.
        quality: what is compared, such as "validation accuracy".
    """
    best, beaten, level = said(rank.best), rank.beaten, rank.level
    if len(rank.order) == 1:
        return f"{best}: {quality} by epoch"
    if rank.too_few:
        return f"{best} is ahead so far, but there are too few seeds to say more"
    if not beaten:
        return f"No difference in {quality} is shown between {some([best, *level])}"
    if not level:
        return f"{best} beats {some(beaten)}"
    return f"{best} beats {some(beaten, room=30)}; over {some(level, 'or', 30)} nothing is shown"


def save(drawing: Drawing, path: Path, ground: Ground = "light") -> Path:
    """Write a drawing as SVG or, where the path says so, PNG at twice the size; equal drawings give equal bytes.

    Args:
        drawing: what to write.
        path: its suffix, .svg or .png, decides the format.
        ground: whether for a light or a dark slide; the picture's own ground is transparent either way.

    Raises:
        PodiumError: for another suffix or ground, or a file that cannot be written.
    """
    data = {".svg": _svg, ".png": _png}.get(path.suffix)
    if data is None:
        raise PodiumError(f"A figure is saved as .svg or .png; not {path.suffix or 'without a suffix'!r}.")
    content = data(drawing.figure if ground == "light" else drawing.on(ground))
    write_whole(path, content, again="draw it again")
    return path


@cache
def register_fonts() -> None:
    """Make the shipped font known to matplotlib, once."""
    for file in sorted(FONTS.glob("*.ttf")):
        fontManager.addfont(file)


def styled(ground: Ground = "light") -> Any:
    """Return the context in which figures are drawn and saved: our look, whatever the machine's settings are."""
    register_fonts()
    tokens = TOKENS[ground]
    colours = dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), tokens.soft)
    settings: Any = {name: value for name, value in mpl.rcParamsDefault.items() if name != "backend"}
    return mpl.rc_context(settings | STYLE | colours | {"axes.edgecolor": tokens.axis})


def _svg(figure: Figure) -> bytes:
    text = _bytes(figure, "svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}).decode()
    faces = []
    for weight, file in ((400, "PodiumInter-Regular.woff2"), (700, "PodiumInter-Bold.woff2")):
        font = base64.b64encode((FONTS / file).read_bytes()).decode()
        faces.append(
            f"@font-face{{font-family:'Podium Inter';font-weight:{weight};"
            f"src:url(data:font/woff2;base64,{font}) format('woff2')}}"
        )
    head, style, rest = text.partition('<style type="text/css">')
    return (head + style + "".join(faces) + rest).encode()


def _png(figure: Figure) -> bytes:
    return _bytes(figure, "png", dpi=192, metadata={"Software": None})


def _bytes(figure: Figure, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with styled(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a box for a letter that no font has
        figure.savefig(buffer, format=kind, transparent=True, **options)
    return buffer.getvalue()
