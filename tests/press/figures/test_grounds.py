import base64
import io
import re
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from podium.press.figures import FIGURES, HALVES, PLACES, save
from podium.press.figures.confusion import contrast
from podium.press.figures.tokens import DARK, LIGHT, TOKENS
from podium.spec import PodiumError

GROUNDS = {"light": ("#ffffff", "#f8fafc"), "dark": ("#0b1220", "#0f172a", "#111a2e")}


@pytest.fixture(scope="module")
def drawn(made):
    """A drawing of every kind."""
    encoding = np.random.default_rng(0).normal(size=(4, 8)).tolist()
    buffer = io.BytesIO()
    Image.fromarray(np.eye(4, dtype=np.uint8) * 255).save(buffer, "png")
    picture = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    samples = {
        "encoding": {"table": encoding},
        "confusion": (np.eye(10, dtype=int) * 50 + 1).tolist(),
        "gradients": {"epochs": [1, 2], "layers": [{"layer": n, "norms": [1.0, 0.1]} for n in ("stem", "head")]},
        "predictions": [{"picture": picture, "correct": "7", "predicted": "7"}],
        "attention": [{"picture": 0, "maps": [{"token": "", "maximum": 0.3, "map": [[1.0, 0.2], [0.3, 0.1]]}]}],
    }
    rng = np.random.default_rng(0)
    variants = [
        made.record(
            name,
            seed,
            config={"dim": size},
            summary={"test_accuracy": 0.9 + 0.01 * k + float(rng.normal(0, 0.001)), "parameters": size},
            history=[{"epoch": e, "val_accuracy": 0.8 + e / 50 + float(rng.normal(0, 0.01))} for e in (1, 2, 3)],
            samples=samples,
        )
        for k, (name, size) in enumerate((("a", 1000), ("b", 30_000), ("c", 2_000_000)))
        for seed in range(3)
    ]
    results = made.results([*variants, *made.swept(16)])
    options = {"effect": {"field": "dim"}}
    return {kind: draw(results, **options.get(kind, {})) for kind, draw in FIGURES.items()}


def test_text_keeps_its_contrast():
    for ground, tokens in TOKENS.items():
        for back in (*GROUNDS[ground], tokens.ground):
            for colour in (tokens.ink, tokens.soft, tokens.faint, tokens.accent):
                assert contrast(colour, back) >= 4.5, (ground, colour, back)
            for colour in (tokens.greys[0], tokens.accent):
                assert contrast(colour, back) >= 3, (ground, colour, back)
    assert LIGHT.grey(99) == LIGHT.greys[-1]
    assert DARK.heat("rising")(1.0)[:3] != DARK.heat("rising")(0.0)[:3]


def test_both_grounds_say_the_same_in_other_colours(made, drawn):
    for kind, drawing in drawn.items():
        light = [(t.get_text(), t.get_position()) for t in made.texts(drawing)]
        dark = [(t.get_text(), t.get_position()) for t in made.texts(drawing, "dark")]
        assert light == dark, kind
        for ground in TOKENS:
            for text in made.texts(drawing, ground):
                back = TOKENS[ground].ground
                if kind != "confusion":  # its cells have grounds of their own
                    assert contrast(text.get_color(), back) >= 4.5, (kind, ground, text.get_text())


def test_svg_is_equal_byte_for_byte_and_png_is_a_picture(drawn, tmp_path):
    for kind, drawing in drawn.items():
        for ground in TOKENS:
            first = save(drawing, tmp_path / "1" / f"{kind}-{ground}.svg", ground).read_bytes()
            fresh = type(drawing)(drawing.draw, drawing.finding, drawing.alt, drawing.note)
            assert save(fresh, tmp_path / "2" / f"{kind}-{ground}.svg", ground).read_bytes() == first, kind
            svg = first.decode()
            assert "<text" in svg
            assert "font-family: 'Podium Inter'" in svg
            assert not re.search(r"(href|src|url)\s*[=(]\s*[\"']?https?:", svg)
            other = GROUNDS["dark" if ground == "light" else "light"]
            assert not [colour for colour in other[:1] if f"fill: {colour}" in svg], (kind, ground)
        assert drawing.on("dark") is not drawing.figure


@pytest.mark.parametrize("kind", ["forest", "confusion"])
def test_png_of_each_ground(drawn, tmp_path, kind):
    light = save(drawn[kind], tmp_path / "a.png").read_bytes()
    dark = save(drawn[kind], tmp_path / "b.png", "dark").read_bytes()
    assert light[:8] == dark[:8] == b"\x89PNG\r\n\x1a\n"
    assert light != dark
    assert int.from_bytes(dark[16:20], "big") == 2 * 876


def test_another_ground(drawn, tmp_path):
    with pytest.raises(PodiumError, match="A figure has no ground 'drak'; did you mean 'dark'"):
        save(drawn["forest"], tmp_path / "a.svg", "drak")


def test_words_fit(made, drawn):
    for drawing in drawn.values():
        made.check(drawing)


@pytest.mark.parametrize("kind", HALVES)
def test_half_the_width_keeps_the_size_of_text(made, drawn, kind):
    half = replace(drawn[kind], place="half")
    assert tuple(half.figure.get_size_inches() * 96) == PLACES["half"]
    made.check(half)
    assert {t.get_fontsize() for t in made.texts(half)} == {t.get_fontsize() for t in made.texts(drawn[kind])}
    assert drawn[kind].figure.get_figwidth() * 96 == PLACES["whole"][0]


def test_long_names_leave_room_in_half_the_width(made):
    long = {f"a rather long name of a variant {n}": 0.9 + n / 50 for n in range(4)}
    half = replace(FIGURES["forest"](made.compared(long)), place="half")
    made.check(half)
    assert half.figure.axes[0].get_position().width > 0.2


def test_drawing_is_quick(drawn):
    """0.3 s on an idle core; ten times that here, where others may work too."""
    for kind, drawing in drawn.items():
        began = time.process_time()
        drawing.on("dark")
        assert time.process_time() - began < 3, kind
