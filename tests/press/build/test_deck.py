import os
from types import SimpleNamespace

import pytest

deck = pytest.importorskip("podium.press.build.deck")
from podium.press.build.site import Built  # noqa: E402
from podium.spec import PodiumError  # noqa: E402


@pytest.fixture
def rendered(own_slides, monkeypatch):
    site = own_slides.build / "slides" / "talk"
    site.mkdir(parents=True)
    (site / "index.html").write_text("built")
    monkeypatch.setattr(deck, "render", lambda project, name, runs: SimpleNamespace(folder=own_slides.build / "decks"))
    monkeypatch.setattr(deck, "build_site", lambda project, folder, out: Built(out, rebuilt=True))
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

    monkeypatch.setattr(deck, "find_browser", lambda: tmp_path)
    monkeypatch.setattr(deck, "build_pdf", pdf)
    out = rendered.build / "slides" / "talk.pdf"
    for _ in range(2):
        assert deck.build_deck(rendered, "talk", formats=("site", "pdf"))[1] == out
    assert len(printed) == 1
    os.utime(out, (0, 0))
    deck.build_deck(rendered, "talk", formats=("pdf",))
    assert len(printed) == 2


def test_without_a_browser_there_is_one_sentence(rendered, monkeypatch):
    monkeypatch.setattr(deck, "find_browser", lambda: None)
    with pytest.raises(PodiumError, match="Install Chromium or Chrome"):
        deck.build_deck(rendered, "talk", formats=("pdf",))
