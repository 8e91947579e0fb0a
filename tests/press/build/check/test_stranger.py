import pytest

from podium.press.build.check import stranger
from podium.press.build.check.checking import NOT_CHECKED
from podium.press.build.check.findings import Finding, Report
from podium.spec import PodiumError


@pytest.fixture
def ready(own_slides, monkeypatch):
    """A project whose packages are there, and a browser that nobody starts."""
    monkeypatch.setattr(stranger, "find_browser", lambda: own_slides.root)
    monkeypatch.setattr(stranger, "install_packages", lambda project: False)
    (own_slides.slides / "node_modules" / "@slidev" / "theme-seriph").mkdir(parents=True)
    return own_slides


def deck(folder, theme):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "slides.md"
    path.write_text(f"---\ntheme: {theme}\nduration: 12min\n---\n\n# Talk\n")
    return path


def test_without_a_browser_it_says_how_to_get_one(own_slides, monkeypatch):
    monkeypatch.setattr(stranger, "find_browser", lambda: None)
    with pytest.raises(PodiumError, match="podium doctor"):
        stranger.check(own_slides, "talk")
    assert "not checked" in NOT_CHECKED


def test_a_file_that_is_not_there(ready, tmp_path):
    with pytest.raises(PodiumError, match=r"There is no file .*nowhere\.md"):
        stranger.check(ready, str(tmp_path / "nowhere.md"))


def test_a_theme_is_looked_for_beside_the_deck_and_among_our_packages(ready, tmp_path):
    there = tmp_path / "talks" / "summer"
    for theme in ("seriph", "none"):
        stranger.insist_on_theme(ready, deck(there, theme))
    (tmp_path / "talks" / "node_modules" / "slidev-theme-lake").mkdir(parents=True)
    stranger.insist_on_theme(ready, deck(there, "lake"))
    (there / "own").mkdir()
    stranger.insist_on_theme(ready, deck(there, "./own"))
    with pytest.raises(PodiumError, match=r"no such folder beside it"):
        stranger.insist_on_theme(ready, deck(there, "../own"))
    with pytest.raises(PodiumError, match=r"npm install slidev-theme-lost` beside the deck"):
        stranger.insist_on_theme(ready, deck(there, "lost"))
    with pytest.raises(PodiumError, match=r"npm install @slidev/theme-default`"):
        stranger.insist_on_theme(ready, deck(there, ""))


def test_a_site_that_is_no_deck(ready, tmp_path):
    (tmp_path / "index.html").write_text("<title>my home</title>")
    with pytest.raises(PodiumError, match="none that Slidev built"):
        stranger.check(ready, str(tmp_path))


def test_what_slidev_says_stands_in_the_error_and_what_it_leaves_is_gone(ready, tmp_path, monkeypatch):
    def fail(command, folder):
        (folder / "node_modules").mkdir()
        return 1, "many lines\nSyntaxError: here"

    monkeypatch.setattr(stranger, "run_to_end", fail)
    path = deck(tmp_path / "talk", "seriph")
    with pytest.raises(PodiumError, match="SyntaxError: here"):
        stranger.build_stranger(ready, path, tmp_path / "out" / "site")
    assert [entry.name for entry in path.parent.iterdir()] == ["slides.md"]


def test_a_deck_of_the_project_a_site_and_a_file_go_the_same_way(ready, tmp_path, monkeypatch):
    asked = []

    def look(site, browser, **options):
        asked.append((site.name, options["deck"], options["notes"], options["minutes"]))
        return Report(options["deck"], (Finding(1, 0, "missing-notes", "None."),), 1, 0, {})

    site = tmp_path / "built"
    site.mkdir()
    (site / "index.html").write_text('<meta property="slidev:version" content="53.0.0">')
    made = ready.build / "slides" / "talk"
    monkeypatch.setattr(stranger, "check_site", look)
    monkeypatch.setattr(stranger, "build_stranger", lambda project, slides, out: out)
    monkeypatch.setattr("podium.press.build.deck.build_deck", lambda project, name, runs, tell: [made / "index.html"])
    deck(ready.build / "decks" / "talk", "none")
    for words in ("talk", str(site), str(deck(tmp_path / "summer", "none"))):
        report, page = stranger.check(ready, words)
        assert page == ready.build / "checks" / report.deck / "index.html"
        assert "missing-notes" in page.read_text()
    assert asked == [("talk", "talk", [], 12.0), ("built", "built", None, None), ("site", "summer", None, 12.0)]
