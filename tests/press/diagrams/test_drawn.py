"""Diagrams drawn by a real browser: every label is there, and can be read from the back of a room."""

import json
from pathlib import Path

import pytest

from podium.press.build.browser import go, opened, settle
from podium.press.build.check.inspector import look_at
from podium.press.build.serve import serving
from podium.press.build.site import build_site
from podium.press.diagrams import PICTURE_TEXTS, architecture, classes, imports, missing, pipeline
from podium.press.diagrams.rendered import LABEL_PIXELS
from podium.press.pages.excerpts import excerpt, morph
from podium.spec import Project

ROOT = Path(__file__).parents[3]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:enable_nested_tensor"),
]

HOSTILE = [
    'end"] --> x["',
    "a---oval",
    "`md` **b**",
    "<img src=x>",
    "issue #35; ok",
    "Dict<str>",
    "1. item",
    "%%{init}%%",
]
ATTENTION = "podium.lab.models.attention:SelfAttention.forward"


@pytest.fixture(scope="module")
def drawings(described, frozen):
    """Every diagram that is measured, by its name."""
    found = {
        f"{kind.__name__} {name}": kind(each) for name, each in described.items() for kind in (architecture, classes)
    }
    stages = [{"kind": "code", "label": text, "detail": text} for text in HOSTILE]
    reader = next(each for each in frozen if each["root"] == "VisionToSequence")
    older = {"older architecture": architecture(reader), "older pipeline": pipeline(reader)}
    return {**found, **older, "imports": imports(), "hostile": pipeline({"pipeline": stages})}


@pytest.fixture(scope="module")
def site(drawings, described, tmp_path_factory):
    """A deck with a diagram a slide, then code with shapes, then code that becomes other code."""
    root = tmp_path_factory.mktemp("drawn")
    (root / "experiments").mkdir()
    (root / "slides").symlink_to(ROOT / "slides", target_is_directory=True)
    project = Project(root)
    folder = project.build / "decks" / "drawn"
    folder.mkdir(parents=True)
    kept = {f"d{number}": str(drawing) for number, drawing in enumerate(drawings.values())}
    shown = [
        f'<PodiumPlantUml id="{name}"/>' if drawing.language == "plantuml" else f"```mermaid\n{drawing}\n```"
        for name, drawing in zip(kept, drawings.values(), strict=True)
    ]
    code = excerpt(ATTENTION, shapes=described["VisionToSequence"]).annotated
    moved = morph("podium.lab.models.positions:Rotary.forward", "podium.lab.models.attention:split")
    slides = [f"---\nlayout: figure\n---\n\n# {name}\n\n{body}\n" for name, body in zip(drawings, shown, strict=True)]
    slides += [f"---\nlayout: code\n---\n\n# Code\n\n{body}\n" for body in (f"```python\n{code}\n```", moved)]
    (folder / "slides.md").write_text("\n".join(slides), "utf-8")
    kinds: dict = {kind: {} for kind in ("receipts", "claims", "mermaid", "predictions", "names")}
    (folder / "deck.json").write_text(json.dumps({"deck": "drawn", "source": "local", **kinds, "plantuml": kept}))
    return build_site(project, folder, project.build / "slides" / "drawn").path


@pytest.fixture(scope="module")
def seen(site, browser, drawings):
    """Texts, smallest label in pixels and faults of every diagram; the code of the last two slides; errors."""
    found, errors = {}, []
    with serving(site) as address, opened(browser) as page:
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{address}/#/1")
        settle(page)
        for slide, name in enumerate(drawings, start=1):
            go(page, slide, 0)
            (texts,), (pixels,) = page.evaluate(PICTURE_TEXTS), page.evaluate(LABEL_PIXELS)
            found[name] = (texts, pixels, look_at(page))
        code = []
        for slide, click in ((len(found) + 1, 0), (len(found) + 2, 0), (len(found) + 2, 1)):
            go(page, slide, click)
            page.wait_for_timeout(300)
            code.append(page.evaluate("() => document.querySelector('#slideshow').innerText"))
            errors += look_at(page)
    return found, code, errors


def test_every_label_is_in_the_picture(seen, drawings):
    assert {name: lost for name, (texts, *_) in seen[0].items() if (lost := missing(drawings[name], texts))} == {}


def test_every_label_can_be_read(seen):
    measured = {name: round(pixels, 1) for name, (_, pixels, _) in seen[0].items() if name != "hostile"}
    assert {name: pixels for name, pixels in measured.items() if pixels < 14} == {}
    assert {name: faults for name, (*_, faults) in seen[0].items() if faults and name != "hostile"} == {}


def test_code_has_its_shapes_and_becomes_other_code(seen):
    _, (shapes, before, after), errors = seen
    assert errors == []
    assert "# 1x4x36x36" in shapes
    assert "turned_even" in before
    assert "turned_even" not in after
    assert "unflatten" in after
