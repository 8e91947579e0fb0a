"""Which theme a deck wears, and on which grounds its figures are drawn."""

import json
import re

import pytest
import yaml

from podium.press.pages.look import DARK_LAYOUTS, grounds_of
from podium.press.pages.render import render
from podium.spec import PodiumError

CURVES = '<%= figure("curves", "optimizer", metric="val_accuracy") %>\n'
FILE = "curves-optimizer-val_accuracy"
DEFAULTS = {"slidev": {"defaults": {"canvasWidth": 980, "favicon": "data:,", "fonts": {"sans": "Inter"}}}}


def fronts(rendered):
    found = re.findall(r"^---\n(.*?)^---\n", rendered.markdown, re.MULTILINE | re.DOTALL)
    return [yaml.safe_load(front) for front in found]


def drawn(rendered):
    return sorted(path.name.removeprefix(FILE) for path in (rendered.folder / "public" / "figures").iterdir())


@pytest.mark.parametrize(
    ("head", "slide", "files"),
    [
        ("", "", [".svg"]),
        (', colorSchema="dark"', "", [".dark.svg"]),
        (', colorSchema="auto"', "", [".dark.svg", ".svg"]),
        ("", ', ground="dark"', [".dark.svg"]),
        (', colorSchema="dark"', ', ground="light"', [".svg"]),
    ],
)
def test_a_figure_is_drawn_for_the_grounds_that_show_it(project, deck, train, head, slide, files):
    train(project, "optimizer")
    deck(f'<%= slide("cover"{head}) %>\n# T\n<%= slide("figure"{slide}) %>\n# F\n{CURVES}')
    rendered = render(project, "talk")
    assert drawn(rendered) == files
    assert rendered.lock["figures"][FILE]["digest"]
    assert fronts(rendered)[0]["ground"] == "dark"
    assert fronts(rendered)[1].get("ground", "") == ("" if not slide else slide.split('"')[1])


def test_a_figure_that_moves_to_the_other_ground_is_drawn_again(project, deck, train):
    train(project, "optimizer")
    deck(f'<%= slide("figure") %>\n{CURVES}')
    first = render(project, "talk")
    deck(f'<%= slide("figure", ground="dark") %>\n{CURVES}')
    second = render(project, "talk")
    assert (drawn(first), drawn(second)) == ([".dark.svg"], [".dark.svg"])
    assert first.lock["figures"][FILE]["digest"] != second.lock["figures"][FILE]["digest"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ('colorSchema="drak"', "A deck has no colorSchema 'drak'; did you mean 'dark'?"),
        ('ground="grey"', "A slide has no ground 'grey'"),
        ('theme="./mine"', "no theme './mine' beside talk"),
        ('theme="serif"', "no theme 'serif'; did you mean 'seriph'?"),
    ],
)
def test_a_look_that_is_not_there_is_said(project, deck, words, sentence):
    (project.slides / "node_modules" / "@slidev" / "theme-seriph").mkdir(parents=True)
    (project.slides / "theme" / "package.json").write_text(json.dumps(DEFAULTS))
    deck(f'<%= slide("cover", {words}) %>\n# T')
    with pytest.raises(PodiumError, match=re.escape(sentence)):
        render(project, "talk")


def test_a_theme_of_somebody_else_brings_our_parts_and_asks_nobody(project, deck):
    (project.slides / "theme" / "package.json").write_text(json.dumps(DEFAULTS))
    deck('<%= slide("cover", theme="seriph", addons=["own"]) %>\n# T\n<%= slide("section") %>\n# S')
    head, section = fronts(render(project, "talk"))  # nothing is installed: Slidev will say whether it is there
    assert head["theme"] == "seriph"
    assert head["addons"] == ["../../slides/addon", "own"]
    assert head["fonts"] == {"provider": "none"}
    assert (head["favicon"], head["background"], head["colorSchema"]) == ("data:,", "", "light")
    assert "ground" not in head
    assert "ground" not in section  # it is dark in our theme, not in theirs


def test_a_theme_beside_the_template_and_one_that_is_installed(project, deck):
    (project.slides / "theme" / "package.json").write_text(json.dumps(DEFAULTS))
    (project.slides / "node_modules" / "slidev-theme-own").mkdir(parents=True)
    deck('<%= slide("cover", theme="./mine") %>\n# T')
    (project.decks / "talk" / "mine").mkdir()
    assert fronts(render(project, "talk"))[0]["theme"] == "../../../slides/decks/talk/mine"
    for name in ("own", "none", "podium"):
        deck(f'<%= slide("cover", theme="{name}") %>\n# T')
        expected = "../../../slides/theme" if name == "podium" else name
        assert fronts(render(project, "talk"))[0]["theme"] == expected


def test_grounds_of_our_dark_layouts():
    for layout in DARK_LAYOUTS:
        assert grounds_of([{}, {"layout": layout}]) == {"dark"}
        assert grounds_of([{"theme": "seriph"}, {"layout": layout}]) == {"light"}


def test_badges_of_one_kind_are_cut_alike():
    from podium.press.pages.page import badge_line

    long = ["quick profile: 2 epochs, 10,000 images, CPU", "quick profile: 4 epochs, 10,000 images, CPU"]
    assert badge_line(long) == "quick profile"


def test_a_figure_for_half_the_width(project, deck, train):
    train(project, "optimizer")
    half = CURVES.replace(") %>", ', place="half") %>')
    deck(f'<%= slide("figure-pair") %>\n# T\n{half}{CURVES}')
    rendered = render(project, "talk")
    assert drawn(rendered) == ["-half.svg", ".svg"]
    pictures = [(rendered.folder / "public" / "figures" / f"{FILE}{end}").read_text() for end in drawn(rendered)]
    assert [re.search(r'viewBox="0 0 ([\d.]+)', picture)[1] for picture in pictures] == ["313.5", "657"]  # in points


@pytest.mark.parametrize(
    ("figure", "sentence"),
    [
        (
            'figure("curves", "optimizer", metric="val_accuracy", place="haf")',
            "has no place 'haf'; did you mean 'half'?",
        ),
        (
            'figure("paired", "optimizer", place="half")',
            "Figure paired needs the whole width. These can be a half: curves",
        ),
    ],
)
def test_a_place_that_no_figure_has(project, deck, train, figure, sentence):
    train(project, "optimizer")
    deck(f'<%= slide("figure-pair") %>\n# T\n<%= {figure} %>')
    with pytest.raises(PodiumError, match=re.escape(sentence)):
        render(project, "talk")
