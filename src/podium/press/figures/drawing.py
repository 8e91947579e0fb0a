"""The look of every figure, and the one place that saves: sizes in pixels of the slide, real text, equal bytes.

A figure is drawn at the size it is shown, 876 x 338 pixels of a slide 980 pixels wide. Its font, Inter reduced to
Latin letters (fonts/, SIL Open Font License), travels inside the SVG: a picture on a page sees no font of the page.
"""

from __future__ import annotations

import base64
import io
import tempfile
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.textpath import TextPath

from podium.press.results.metrics import listed
from podium.press.results.statistics import Ranking
from podium.spec import PodiumError

INK, SOFT, FAINT, LINE, AXIS = "#1f2937", "#475569", "#64748b", "#e2e8f0", "#94a3b8"
ACCENT, ACCENT_SOFT = "#4f46e5", "#eef2ff"
GREYS = ("#64748b", "#94a3b8", "#b6c2d2", "#cbd5e1")  # of the variants that the slide is not about, darkest first

WIDTH, HEIGHT = 876, 338  # pixels under a title and a claim
TEXT = 17.6  # pixels
LONGEST_NAME = 26  # characters of a variant's name beside its curve

FONTS = Path(__file__).parent / "fonts"
FAMILY = ["Podium Inter", "DejaVu Sans"]  # the second has the letters that the first lacks
STYLE = {
    "font.family": FAMILY,
    "font.size": TEXT * 0.75,
    "text.color": SOFT,
    "text.parse_math": False,  # a run's name may hold a dollar sign
    "axes.edgecolor": AXIS,
    "axes.labelcolor": SOFT,
    "axes.linewidth": 1.5,
    "axes.unicode_minus": True,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "svg.fonttype": "none",
    "svg.hashsalt": "podium",
    "svg.id": "podium",
}


@dataclass(frozen=True)
class Drawing:
    """A figure and what it shows, in words that are computed from the same results.

    Attributes:
        figure: the picture.
        finding: one sentence without a full stop, fit for a slide's title; never says more than the seeds allow.
        alt: what is to be seen, for those who cannot see it.
        note: how to read it: what the line, the band and a truncated axis mean.
    """

    figure: Figure
    finding: str
    alt: str
    note: str


def canvas(width: int = WIDTH, height: int = HEIGHT) -> Figure:
    """Return an empty figure; both sides in pixels of the slide."""
    register_fonts()
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
    axes.tick_params(length=0, pad=6)
    axes.set_axisbelow(True)
    return axes


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


def found(rank: Ranking, quality: str) -> str:
    """Say who is ahead, in the words that the seeds allow.

    Args:
        rank: the variants in order, with what is shown.
        quality: what is compared, such as "validation accuracy".
    """
    best, beaten, level = rank.best, list(rank.beaten), list(rank.level)
    if len(rank.order) == 1:
        return f"{best}: {quality} by epoch"
    if rank.too_few:
        return f"{best} is ahead so far, but there are too few seeds to say more"
    if not beaten:
        return f"No difference in {quality} is shown between {listed([best, *level])}"
    if not level:
        return f"{best} beats {listed(beaten)}"
    return f"{best} beats {listed(beaten)}; over {listed(level, 'or')} nothing is shown"


def save(drawing: Drawing, path: Path) -> Path:
    """Write a drawing as SVG or, where the path says so, PNG at twice the size; equal drawings give equal bytes.

    Raises:
        PodiumError: for another suffix, or a file that cannot be written.
    """
    data = {".svg": _svg, ".png": _png}.get(path.suffix)
    if data is None:
        raise PodiumError(f"A figure is saved as .svg or .png; not {path.suffix or 'without a suffix'!r}.")
    content = data(drawing.figure)
    if path.is_file() and path.read_bytes() == content:
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)
    except OSError as error:
        raise PodiumError(f"The figure {path} cannot be written: {error.strerror}.") from error
    return path


@cache
def register_fonts() -> None:
    """Make the shipped font known to matplotlib, once."""
    for file in sorted(FONTS.glob("*.ttf")):
        fontManager.addfont(file)


def styled() -> Any:
    """Return the context in which figures are drawn and saved: our look, whatever the machine's settings are."""
    register_fonts()
    settings: Any = {name: value for name, value in mpl.rcParamsDefault.items() if name != "backend"} | STYLE
    return mpl.rc_context(settings)


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
