import os
from types import SimpleNamespace

import pytest

from podium.press.build import deck, freshness
from podium.press.build.site import Built
from podium.spec import PodiumError


@pytest.fixture
def rendered(own_slides, monkeypatch):
    site = own_slides.build / "slides" / "talk"
    site.mkdir(parents=True)
    (site / "index.html").write_text("built")
    (own_slides.decks / "talk").mkdir(parents=True, exist_ok=True)
    made = SimpleNamespace(folder=own_slides.build / "decks", lock={})
    monkeypatch.setattr("podium.press.pages.render.render", lambda project, name, runs: made)
    monkeypatch.setattr("podium.press.build.site.build_site", lambda project, folder, out: Built(out, rebuilt=True))
    return own_slides


def test_the_site_alone(rendered):
    assert deck.build_deck(rendered, "talk") == [rendered.build / "slides" / "talk" / "index.html"]


def test_an_unknown_format_names_those_there_are(rendered):
    with pytest.raises(PodiumError, match="There are: pdf, site"):
        deck.build_deck(rendered, "talk", formats=("pptx",))


def test_the_pdf_is_printed_once_a_site(rendered, monkeypatch, tmp_path):
    printed = []

    def pdf(site, out, browser):
        printed.append(site)
        out.write_text("pdf")
        return out

    monkeypatch.setattr("podium.press.build.browser.find_browser", lambda: tmp_path)
    monkeypatch.setattr("podium.press.build.pdf.build_pdf", pdf)
    out = rendered.build / "slides" / "talk.pdf"
    for _ in range(2):
        assert deck.build_deck(rendered, "talk", formats=("site", "pdf"))[1] == out
    assert len(printed) == 1
    os.utime(out, (0, 0))
    (rendered.decks / "talk" / "slides.md.j2").write_text("changed")
    deck.build_deck(rendered, "talk", formats=("pdf",))
    assert len(printed) == 2


def test_without_a_browser_there_is_one_sentence(rendered, monkeypatch):
    monkeypatch.setattr("podium.press.build.browser.find_browser", lambda: None)
    with pytest.raises(PodiumError, match="Install Chromium or Chrome"):
        deck.build_deck(rendered, "talk", formats=("pdf",))


def test_what_is_fresh_is_not_even_rendered(rendered, monkeypatch):
    deck.build_deck(rendered, "talk")
    calls = []
    monkeypatch.setattr("podium.press.pages.render.render", lambda *_: calls.append(1) or SimpleNamespace(
        folder=rendered.build / "decks", lock={}))  # fmt: skip
    deck.build_deck(rendered, "talk")
    assert not calls
    deck.build_deck(rendered, "talk", runs="frozen")
    record = rendered.runs / "an" / "run" / "record.jsonl"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    deck.build_deck(rendered, "talk", runs="frozen")
    assert len(calls) == 2
    (record.parent / "checkpoint.pt").write_text("")  # decides nothing that a slide shows
    deck.build_deck(rendered, "talk", runs="frozen")
    assert len(calls) == 2
    (rendered.build / "slides" / "talk" / "index.html").unlink()
    assert not freshness.is_fresh(rendered, "talk", ["frozen", "site"], [rendered.build / "slides" / "talk" / "x"])
