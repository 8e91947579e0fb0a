import base64
import json
import shutil
import struct
import zlib
from pathlib import Path

import pytest

from podium.press.build.check.checking import judge
from podium.press.build.check.inspector import Inspect
from podium.press.build.deck import build_deck
from podium.press.build.labels import Labels, lost_labels
from podium.press.build.walk import Words, walk
from podium.runs import append_event, run_folder
from podium.spec import ViTConfig

ROOT = Path(__file__).parents[2]
HOSTILE = "{{ 7*7 }}</script><img src=x onerror=alert(1)>"

TEMPLATE = """<%= slide("default", kicker=run, foot=run) %>
# Variant <%= run %>

<%= table("hostile", ["test_accuracy"]) %>

<%= run_names("hostile", run) %>

<%= slide("figure", kicker=run) %>
<% set drawn = figure("curves", "hostile", metric="val_accuracy") %>
# <%= drawn.finding %>

<%= claim("hostile", run, "plain", "test_accuracy") %>

<%= drawn %>

<%= slide("figure", kicker="diagrams") %>
# Flow of <%= run %>

<%= diagram("pipeline", "hostile") %>

<%= slide("figure", kicker="diagrams") %>
# Classes of <%= run %>

<%= diagram("classes", "hostile") %>

<%= slide("default", kicker="read") %>
# What <%= run %> reads

<%= predictions("hostile", run) %>
"""

EXPERIMENT = f"""from podium.spec import Experiment, ViTConfig

EXPERIMENT = Experiment(
    question="Is this text?",
    expectation="It is.",
    baseline=ViTConfig(),
    variants={{"plain": {{}}, {HOSTILE!r}: {{"position": "none"}}}},
    metric="test_accuracy",
)
"""


def picture():
    """A grey square as a PNG data address."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([128] * 8) for _ in range(8))
    head = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(png).decode()


def train(project, variant, seed, level):
    """Write a finished record whose every text is hostile."""
    config = ViTConfig(seed=seed, position="learned" if variant == "plain" else "none")
    folder = run_folder(project.runs, "hostile", variant, config)
    provenance = {
        "commit": "3f9c1e2ab0c4",
        "dirty": False,
        "data": HOSTILE,
        "hardware": HOSTILE,
        "device": "cpu",
        "started": "2026-11-21T10:00:00+00:00",
    }
    append_event(
        folder,
        "start",
        experiment="hostile",
        variant=variant,
        profile="full",
        sweep="",
        config=config.as_dict(),
        provenance=provenance,
    )
    model = {
        "root": "ViT",
        "parameters": 10,
        "classes": [{"name": "ViT", "count": 1, "members": [HOSTILE], "bases": [], "source": "x:ViT"}],
        "relations": [],
        "tree": [],
        "shapes": [],
        "pipeline": [
            {"kind": "data", "label": HOSTILE, "detail": "28x28"},
            {"kind": "code", "label": "ViT", "detail": "<b>bold</b>"},
        ],
    }
    append_event(folder, "model", model=model)
    for epoch in (1, 2, 3):
        append_event(folder, "epoch", metrics={"epoch": epoch, "val_accuracy": level - 0.1 / epoch, "seconds": 1.0})
    append_event(
        folder,
        "end",
        state="finished",
        reason="",
        summary={"test_accuracy": level, "test_images": 100, "parameters": 10, "seconds": 3.0},
        samples={
            "encoding": {},
            "predictions": [{"picture": picture(), "correct": HOSTILE, "predicted": "<script>"}],
        },
    )


@pytest.mark.browser
def test_the_digits_deck_walks_clean_from_frozen_results(project, browser):
    for path in (ROOT / "experiments").iterdir():
        if path.is_file():
            shutil.copy(path, project.experiments)
    shutil.copytree(ROOT / "slides" / "decks" / "digits", project.decks / "digits")
    site = build_deck(project, "digits", runs="frozen")[0].parent
    data = json.loads((project.build / "decks" / "digits" / "deck.json").read_text("utf-8"))
    sources = [*data["mermaid"].values(), *data["plantuml"].values()]
    assert len(sources) == 3
    inspect, labels = Inspect(pictures=False), Labels()
    seen = walk(site, browser, [inspect, labels])
    assert [finding.line for finding in judge(inspect, seen, deck="digits").findings] == []
    assert lost_labels(sources, labels.drawn) == []
    assert seen.slides >= 8
    assert seen.clicks >= 4
    assert build_deck(project, "digits", runs="frozen")[0].parent == site


@pytest.mark.browser
def test_a_run_with_a_hostile_name_is_only_text(project, browser):
    (project.experiments / "hostile.py").write_text(EXPERIMENT)
    folder = project.decks / "talk"
    folder.mkdir()
    named = TEMPLATE.replace("<%= slide", f"<% set run = {HOSTILE!r} %>\n<%= slide", 1)
    (folder / "slides.md.j2").write_text(named)
    for seed in range(3):
        train(project, "plain", seed, 0.9 + seed / 1000)
        train(project, HOSTILE, seed, 0.92 + seed / 900)
    site = build_deck(project, "talk")[0].parent
    inspect, words = Inspect(pictures=False, projected=False), Words()
    seen = walk(site, browser, [inspect, words])
    assert (seen.outside, seen.errors) == ([], [])
    assert not [finding for finding in inspect.findings() if finding.kind.startswith("broken")]
    assert seen.slides == 6
    for text in words.texts:
        assert HOSTILE in text
        assert "49" not in text
    assert "<script>" in words.texts[4]
