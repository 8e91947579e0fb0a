import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from podium.press.build import deck, freshness, outputs
from podium.press.build.site import Built
from podium.press.build.wanted import FORMATS, Wanted, place
from podium.spec import PodiumError


@pytest.fixture
def rendered(own_slides, monkeypatch):
    """A project whose decks are rendered and built at once; `rendered.log` takes down what was done."""
    log = []

    def render(project, name, runs):
        log.append(f"render {name}")
        if (project.decks / name / "fails").exists():
            raise PodiumError(f"{name} fell.")
        folder = project.build / "decks" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "slides.md").write_text("---\nduration: 15min\n---\n")
        return SimpleNamespace(folder=folder, lock={})

    @contextmanager
    def building(project, folder, site, *, base, notes):
        def finish():
            log.append(f"wait {folder.name}")
            site.mkdir(parents=True, exist_ok=True)
            (site / "index.html").write_text(base)
            return Built(site, rebuilt=True, digest=f"{base} {notes} {(project.decks / folder.name / 'x').exists()}")

        log.append(f"begin {folder.name}")
        yield finish
        log.append(f"end {folder.name}")

    monkeypatch.setattr("podium.press.pages.render.render", render)
    monkeypatch.setattr("podium.press.build.site.building", building)
    object.__setattr__(own_slides, "log", log)
    return own_slides


def add(project, *names):
    for name in names:
        (project.decks / name).mkdir()
        (project.decks / name / "slides.md.j2").write_text(f"# {name}\n")


class Maker:
    def __init__(self, out, made):
        self.out, self.made = out, made

    def visit(self, page, stop):
        """Look."""

    def finish(self):
        self.made.append(self.out.name)
        self.out.parent.mkdir(parents=True, exist_ok=True)
        self.out.write_text("made")


@pytest.fixture
def walks(monkeypatch):
    """Walks that need no browser: the options of each, and what was made."""
    seen = SimpleNamespace(options=[], made=[])
    for name in outputs.MAKERS:
        monkeypatch.setitem(outputs.MAKERS, name, lambda out, wanted, notes: Maker(out, seen.made))

    def walk(site, browser, visitors, **options):
        options["progress"](1, 2)
        seen.options.append({"visitors": len(visitors), **options})
        return SimpleNamespace(errors=["slide 3: not drawn in time: a picture"])

    monkeypatch.setattr(outputs, "walk", walk)
    monkeypatch.setattr("podium.press.build.browser.find_browser", lambda: Path("chromium"))
    monkeypatch.setattr(outputs, "find_browser", lambda: Path("chromium"))
    return seen


def test_the_site_alone(rendered):
    assert deck.build_deck(rendered, "talk") == [rendered.build / "slides" / "talk" / "index.html"]
    assert rendered.log == ["render talk", "begin talk", "wait talk", "end talk"]


def test_what_there_is_not_is_said_before_anything_is_built(rendered):
    with pytest.raises(PodiumError, match="There are: md, pdf, png, pptx, site"):
        deck.build_deck(rendered, "talk", formats=("docx",))
    with pytest.raises(PodiumError, match="no deck 'tolk'; did you mean 'talk'"):
        deck.build_deck(rendered, "tolk")
    for base in ("talks", "/talks", "//", "https://x.org/", "/a b/"):
        with pytest.raises(PodiumError, match="begins and ends with a slash"):
            deck.build_decks(rendered, ["talk"], Wanted(base=base))
    assert rendered.log == []


def test_several_decks_are_built_side_by_side_and_one_that_falls_stops_no_other(rendered, monkeypatch):
    add(rendered, "a", "b", "c")
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    (rendered.decks / "b" / "fails").write_text("")
    (rendered.decks / "talk" / "fails").write_text("")
    told = []
    with pytest.raises(PodiumError, match=r"^b fell\.\ntalk fell\.$"):
        deck.build_decks(rendered, ["a", "b", "c", "talk"], Wanted(), tell=lambda *said: told.append(said))
    assert rendered.log[:6] == ["render a", "begin a", "render b", "render c", "begin c", "wait a"]
    assert (rendered.build / "slides" / "c" / "index.html").is_file()
    assert ("a", "building the site", 0, 0) in told
    rendered.log.clear()
    deck.build_decks(rendered, ["a", "c"], Wanted(), tell=lambda *said: told.append(said))
    assert told[-2:] == [("a", "unchanged", 0, 0), ("c", "unchanged", 0, 0)]
    assert rendered.log == []


def test_one_walk_makes_everything_and_only_what_is_stale(rendered, walks):
    told = []
    every = deck.build_deck(rendered, "talk", formats=tuple(FORMATS), tell=lambda *said: told.append(said[1:]))
    assert every == [place(rendered, "talk", name) for name in FORMATS]
    assert walks.made == ["talk.pdf", "talk.pictures", "talk.pptx", "talk.md"]
    assert walks.options[0]["visitors"] == 4
    assert (walks.options[0]["scale"], walks.options[0]["base"]) == (2.0, "")
    assert ("walking", 1, 2) in told
    assert ("writing pdf", 0, 0) in told
    assert ("slide 3: not drawn in time: a picture", 0, 0) in told
    place(rendered, "talk", "pdf").unlink()
    deck.build_deck(rendered, "talk", formats=("pdf", "md"))
    assert walks.made[4:] == ["talk.pdf"]
    assert walks.options[1]["scale"] == 1.0
    (rendered.decks / "talk" / "y").write_text("a change that no slide shows")
    deck.build_deck(rendered, "talk", formats=("pdf",))
    assert len(walks.options) == 2
    (rendered.decks / "talk" / "x").write_text("a change that the site shows")
    deck.build_deck(rendered, "talk", formats=("pdf",))
    deck.build_decks(rendered, ["talk"], Wanted(("pdf",), with_clicks=True, base="/talks/"))
    assert [options["base"] for options in walks.options] == ["", "", "", "/talks/"]


def test_a_stamp_that_cannot_be_read_is_none(rendered, walks):
    for text in ("[]", "{"):
        (rendered.build / "slides").mkdir(parents=True, exist_ok=True)
        (rendered.build / "slides" / ".talk.outputs.json").write_text(text)
        place(rendered, "talk", "pdf").unlink(missing_ok=True)
        deck.build_deck(rendered, "talk", formats=("pdf",))
    assert walks.made == ["talk.pdf"] * 2


def test_without_a_browser_the_site_is_built_and_one_sentence_says_what_is_not(rendered, monkeypatch):
    monkeypatch.setattr("podium.press.build.browser.find_browser", lambda: None)
    monkeypatch.setattr(outputs, "find_browser", lambda: None)
    told = []
    deck.build_deck(rendered, "talk", check=True, tell=lambda *said: told.append(said[1]))
    assert "not checked" in told[-1]
    with pytest.raises(PodiumError, match="Install Chromium or Chrome"):
        deck.build_deck(rendered, "talk", formats=("pdf",), check=True)
    assert place(rendered, "talk", "site").is_file()


def test_what_the_check_finds_fails_the_build_until_it_is_gone(rendered, walks, monkeypatch):
    from podium.press.build.check.findings import Finding, Report

    found = [Finding(2, 0, "overlap", "two")]
    asked = []

    def judge(inspect, walked, **options):
        asked.append(options)
        return Report(options["deck"], tuple(found), 2, 0, {}, 0.0)

    monkeypatch.setattr("podium.press.build.check.checking.judge", judge)
    monkeypatch.setattr("podium.press.build.check.checking.in_the_dark", lambda *_, **__: None)
    told = []
    for _ in range(2):
        with pytest.raises(PodiumError, match="slide 2: overlap: two"):
            deck.build_deck(rendered, "talk", formats=("pdf",), check=True, tell=lambda *said: told.append(said[1]))
    assert walks.made == ["talk.pdf"]  # the second walk was for the check alone
    assert "2 slides, 2 stops: 1 error, 0 advice" in told
    assert {"deck": "talk", "notes": [], "minutes": 15.0}.items() <= asked[0].items()
    assert (rendered.build / "checks" / "talk" / "index.html").is_file()
    found.clear()
    for _ in range(2):
        deck.build_deck(rendered, "talk", formats=("pdf",), check=True)
    assert len(asked) == 3
    assert json.loads((rendered.build / "slides" / ".talk.outputs.json").read_text())["check"]


def test_what_is_fresh_is_not_even_rendered(rendered):
    def rendered_so_far():
        return rendered.log.count("render talk")

    for _ in range(2):
        deck.build_deck(rendered, "talk")
    assert rendered_so_far() == 1
    deck.build_deck(rendered, "talk", runs="frozen")
    record = rendered.runs / "an" / "run" / "record.jsonl"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    deck.build_deck(rendered, "talk", runs="frozen")
    assert rendered_so_far() == 3
    (record.parent / "checkpoint.pt").write_text("")  # decides nothing that a slide shows
    deck.build_deck(rendered, "talk", runs="frozen")
    assert rendered_so_far() == 3
    (rendered.build / "slides" / "talk" / "index.html").unlink()
    assert not freshness.is_fresh(rendered, "talk", ["frozen", "site"], [rendered.build / "slides" / "talk" / "x"])


def building_in(folder):
    """The processes that write below a folder, as Linux tells of them."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder / "slides" / ".talk.new") in (process / "cmdline").read_text():
                found.append(process.name)
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").is_file(), reason="only Linux tells of other processes")
def test_ctrl_c_ends_slidev_too(project):
    """A real process, really interrupted while Slidev builds."""
    folder = project.build / "decks" / "talk"
    folder.mkdir(parents=True)
    (folder / "slides.md").write_text("# Talk\n")
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background job ignores it
    script = (
        f"{heard}from pathlib import Path; from podium.spec import Project\n"
        f"from podium.press.build.site import build_site\n"
        f"root = Path({str(project.root)!r})\n"
        "build_site(Project(root), root / 'build' / 'decks' / 'talk', root / 'build' / 'slides' / 'talk')"
    )
    with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 100
        while not building_in(project.build) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert building_in(project.build)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode
    assert building_in(project.build) == []
    assert not (project.build / "slides" / "talk").exists()
