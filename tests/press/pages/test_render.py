"""A deck from template to files: what is written, what a template may ask for, and how it says what is wrong."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from podium.press.pages.render import render
from podium.spec import PodiumError, deck_names

ROOT = Path(__file__).parents[3]
START = '<%= slide("default", kicker="k") %>\n'


def slides(markdown):
    """Take a rendered deck apart into (front matter, body)."""
    parts = re.split(r"(?m)^---\n(.*?)^---\n", markdown, flags=re.DOTALL)[1:]
    return [(yaml.safe_load(front), body) for front, body in zip(parts[::2], parts[1::2], strict=True)]


def test_the_real_deck_renders_from_made_up_runs(trained):
    shutil.copytree(ROOT / "slides" / "decks" / "digits", trained.decks / "digits")
    rendered = render(trained, "digits")
    found = slides(rendered.markdown)
    assert len(found) >= 10
    assert found[0][0]["theme"] == "../../../slides/theme"
    assert found[0][0]["layout"] == "cover"
    assert all("<!--" in body for _, body in found)
    assert all(
        front["badge"].startswith("quick profile") for front, _ in found if front["kicker"] == "Positional encoding"
    )
    assert {front["layout"] for front, _ in found} >= {"cover", "figure", "code", "two-cols-header", "receipts", "end"}
    data = json.loads((rendered.folder / "deck.json").read_text("utf-8"))
    shown = re.findall(r'<(Podium\w+) (?:id|name)="([\w-]+)"', rendered.markdown)
    place = {
        "PodiumNumber": "receipts",
        "PodiumClaim": "claims",
        "PodiumPlantUml": "plantuml",
        "PodiumPredictions": "predictions",
    }
    assert all(name in data[place[tag]] for tag, name in shown if tag in place)
    assert {name for tag, name in shown if tag == "PodiumFigure"} == {
        file.stem for file in (rendered.folder / "public" / "figures").iterdir()
    }
    receipts = [front for front, _ in found if front["layout"] == "receipts"]
    assert receipts[0]["badge"].startswith("quick profile")
    assert all(claim["number"] in data["receipts"] for claim in data["claims"].values())
    assert re.search(r"\nflowchart (LR|TB)\n", rendered.markdown)
    assert re.search(r"```python \{all\|\d+\|\d+\|\d+\}", rendered.markdown)


def test_nothing_is_written_when_nothing_changed_and_stale_figures_go(trained, deck):
    deck(START + '<%= figure("paired", "optimizer", metric="test_accuracy", variant="AdamW", over="Adam") %>')
    first = render(trained, "talk")
    assert {path.name for path in first.changed} >= {"slides.md", "deck.json"}
    assert render(trained, "talk").changed == ()
    deck(START + "no figure")
    second = render(trained, "talk")
    assert {path.suffix for path in second.changed} == {".md", ".svg"}
    assert not list((second.folder / "public" / "figures").iterdir())


def test_a_decks_own_components_come_along_and_go_when_they_are_gone(trained, deck):
    deck(START + "<Play />")
    assert not (render(trained, "talk").folder / "components").exists()
    own = trained.decks / "talk" / "components"
    (own / "parts").mkdir(parents=True)
    (own / "Play.vue").write_text("<template>one</template>")
    (own / "parts" / "plane.ts").write_text("export const side = 1")
    (own / ".Play.vue.swp").write_text("being edited")
    rendered = render(trained, "talk")
    assert [path.name for path in rendered.changed] == ["Play.vue", "plane.ts"]
    assert (rendered.folder / "components" / "parts" / "plane.ts").read_text() == "export const side = 1"
    assert render(trained, "talk").changed == ()
    (own / "Play.vue").write_text("<template>two</template>")
    (own / "parts" / "plane.ts").unlink()
    again = render(trained, "talk")
    assert sorted(path.name for path in again.changed) == ["Play.vue", "plane.ts"]
    assert not (again.folder / "components" / "parts" / "plane.ts").exists()


def test_a_slide_of_quick_runs_says_so_and_another_does_not(project, deck, train):
    train(project, "optimizer")
    train(project, "positional_encoding", profile="full")
    deck(
        START + '<%= number("optimizer", "AdamW", "test_accuracy") %>\n'
        + START + '<%= number("positional_encoding", "none", "test_accuracy") %>\n'
        + START + '<%= number("optimizer", "Adam", "test_accuracy") %><%= number("optimizer", "AdamW", "seconds") %>'
    )  # fmt: skip
    badges = [front.get("badge") for front, _ in slides(render(project, "talk").markdown)]
    assert badges == ["quick profile: 2 epochs, 10,000 images, CPU", None, badges[0]]


HOSTILE = "{{ 7*7 }}</script><img src=x onerror=alert(1)>"


def test_a_hostile_variant_reaches_the_page_only_as_entities_and_json(project, deck, train):
    train(project, "optimizer", rename={"AdamW": HOSTILE})
    deck(
        '<%= slide("default", kicker=ranked("optimizer", "test_accuracy")[1], foot=provenance("optimizer")) %>\n'
        '# <%= ranked("optimizer", "test_accuracy")[1] %>\n\n<%= table("optimizer", ["test_accuracy"]) %>\n'
        '<% set curves = figure("curves", "optimizer", metric="val_accuracy") %>\n<%= curves.finding %> <%= curves %>\n'
        '<%= claim("optimizer", ranked("optimizer", "test_accuracy")[1], "Adam", "test_accuracy") %>\n'
        '<%= run_names("optimizer", ranked("optimizer", "test_accuracy")[1]) %>'
    )
    rendered = render(project, "talk")
    (front, body), (behind, question) = slides(rendered.markdown)
    assert behind["kicker"] == "Question time"
    assert "{{" not in question
    assert "<img" not in question
    assert front["kicker"] == HOSTILE
    assert "{{" not in body
    assert "<img" not in body
    assert "</script>" not in body
    assert "<span v-pre>&#123;&#123; 7&#42;7 &#125;&#125;&#60;&#47;script" in body
    assert rendered.data["claims"]["c1"]["before"].startswith(HOSTILE)
    assert len(rendered.data["names"]["r1"]) == 3


def test_plain_words_of_a_template_pass_and_computed_ones_are_escaped(project, deck):
    deck(START + "**ours** {{ kept }} {#id} [[x]]\n<%# gone %>\n<%= '**theirs** ' ~ 1 %>\n<%= literal('a*b') %>")
    ((_, body),) = slides(render(project, "talk").markdown)
    assert "**ours** {{ kept }} {#id} [[x]]" in body
    assert "gone" not in body
    assert "<span v-pre>&#42;&#42;theirs&#42;&#42; 1</span>" in body
    assert body.count("<span") == 2


def test_code_with_fences_of_its_own_gets_a_longer_one(trained, deck):
    deck('<%= slide("code") %>\n<%= excerpt("podium.spec.errors:PodiumError") %>')
    ((front, body),) = slides(render(trained, "talk").markdown)
    assert front["foot"].startswith("src/podium/spec/errors.py:")
    assert "```python\nclass PodiumError(Exception):" in body
    deck('<%= slide("code", foot="mine") %>\n<%= excerpt("podium.spec.errors:PodiumError", highlight="class") %>')
    ((front, body),) = slides(render(trained, "talk").markdown)
    assert front["foot"] == "mine"
    assert "```python {all|1}" in body


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("\n\n<%= numbr() %>", "line 4: There is no page function 'numbr'; did you mean 'number'?"),
        ("<%= number('optimizr', 'Adam', 'test_accuracy') %>", "no experiment 'optimizr'; did you mean 'optimizer'"),
        ("\n<%= number('optimizer', 'Adm', 'test_accuracy') %>", "line 3: Experiment optimizer has no variant 'Adm'"),
        (
            "<%= number('optimizer', 'Adam', 'test_acuracy') %>",
            "no metric 'test_acuracy'; did you mean 'test_accuracy'",
        ),
        ("<%= figure('curvs', 'optimizer') %>", "no figure 'curvs'; did you mean 'curves'"),
        ("<%= figure('curves', 'optimizer', metrc='val_accuracy') %>", "Figure curves has no option 'metrc'; did you"),
        ("<%= diagram('clases', 'optimizer') %>", "no diagram 'clases'; did you mean 'classes'"),
        ("<%= excerpt('podium.nowhere:x') %>", "no module 'podium.nowhere'"),
        ("<%= number() %>", "TypeError"),
        ("<%= facts('optimizer').colour %>", "has no attribute 'colour'"),
        ("<% if %>", "line 2: Expected an expression"),
        ("<%= ''.__class__ %>", "unsafe"),
    ],
)
def test_what_a_template_asks_for_in_vain_is_said_with_its_line(trained, deck, text, sentence):
    deck(START + text)
    with pytest.raises(PodiumError) as error:
        render(trained, "talk")
    assert str(error.value).startswith("slides/decks/talk/slides.md.j2, line ")
    assert sentence in str(error.value)


def test_a_deck_begins_with_a_slide(project, deck):
    for text in ("", "words\n" + START):
        deck(text)
        with pytest.raises(PodiumError, match="begins with slide"):
            render(project, "talk")


def test_an_unknown_deck_names_the_nearest(project, deck):
    deck(START)
    assert deck_names(project) == ["talk"]
    with pytest.raises(PodiumError, match="no deck 'tlak'; did you mean 'talk'"):
        render(project, "tlak")


def test_a_bug_of_ours_keeps_its_traceback(trained, deck, monkeypatch):
    deck(START + "<%= ranked('optimizer', 'test_accuracy') %>")
    monkeypatch.setattr("podium.press.results.table.ranking", lambda *_, **__: {}["ours"])
    with pytest.raises(KeyError):
        render(trained, "talk")


def test_pictures_that_are_none_are_refused(project, deck, train):
    train(project, "optimizer", picture="https://elsewhere/x.png")
    deck(START + '<%= predictions("optimizer") %>')
    with pytest.raises(PodiumError, match="is a PNG data address; got 'https://elsewhere"):
        render(project, "talk")


def test_a_disk_that_refuses_is_said_and_leaves_the_old_deck(trained, deck, monkeypatch):
    deck(START + "one")
    old = render(trained, "talk").markdown
    deck(START + "two")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(PodiumError, match=r"cannot be written: No space left on device\. Make room"):
        render(trained, "talk")
    folder = trained.build / "decks" / "talk"
    assert (folder / "slides.md").read_text("utf-8") == old
    assert not list(folder.glob(".*.new"))


def test_the_same_figure_with_other_numbers_gets_another_name(trained, deck):
    call = '<%= figure("curves", "optimizer", metric="val_accuracy") %>\n'
    deck(START + call + call)
    rendered = render(trained, "talk")
    names = sorted(path.stem for path in (rendered.folder / "public" / "figures").iterdir())
    assert names == ["curves-optimizer-val_accuracy", "curves-optimizer-val_accuracy-2"]


def test_other_words_that_a_page_may_ask_for(trained, deck):
    deck(
        START + '<%= difference("optimizer", "AdamW", "Adam", "test_accuracy") %>'
        '<%= difference("optimizer", "AdamW", "Adam", "test_accuracy") %>\n'
        '<%= facts("optimizer").runs %> <%= facts("optimizer").profile %> <%= receipt_pages(1) %>'
    )
    ((_, body),) = slides(render(trained, "talk").markdown)
    assert body.count('<PodiumNumber id="n1" />') == 2  # one number, one receipt
    assert "<span v-pre>6</span>" in body


def test_samples_without_predictions_are_said(trained, deck, monkeypatch):
    deck(START + '<%= predictions("optimizer") %>')
    monkeypatch.setattr("podium.press.results.Results.sample", lambda *_: {"predictions": []})
    with pytest.raises(PodiumError, match="hold no sample predictions"):
        render(trained, "talk")


def test_only_the_first_slide_takes_a_title(trained, deck):
    deck('<%= slide("cover", title="ours") %>\n# a\n\n<%= slide("default", title="<b v-html>") %>\n# b\n')
    with pytest.raises(PodiumError, match="Only the first slide takes a title"):
        render(trained, "talk")


def test_templates_inherit_and_import_and_their_errors_name_their_own_file(trained, deck):
    (trained.decks / "shared").mkdir(parents=True)
    frame = '<%= slide("cover") %>\n# <% block title %>(<%= "a*" %>)<% endblock %>\n<% block rest %><% endblock %>'
    (trained.decks / "shared" / "frame.j2").write_text(frame)
    macros = trained.decks / "shared" / "macros.j2"
    score = '<% macro score(variant) %>\n<%= number("optimizer", variant, "test_accuracy") %>\n<% endmacro %>'
    macros.write_text(score)
    deck(
        '<% extends "shared/frame.j2" %>\n<% from "shared/macros.j2" import score %>\n'
        '<% block title %>Ours <%= super() %><% endblock %>\n<% block rest %><%= score("Adam") %><% endblock %>'
    )
    ((front, body),) = slides(render(trained, "talk").markdown)
    assert front["layout"] == "cover"
    assert "# Ours (<span v-pre>a&#42;</span>)" in body
    assert '<PodiumNumber id="n1" />' in body
    macros.write_text(score.replace("variant, ", '"Adm", '))
    with pytest.raises(PodiumError, match=r"^slides/decks/shared/macros.j2, line 2: .*no variant 'Adm'"):
        render(trained, "talk")
    macros.write_text("<% macro %>")
    with pytest.raises(PodiumError, match=r"^slides/decks/shared/macros.j2, line 1: "):
        render(trained, "talk")
    macros.unlink()
    with pytest.raises(PodiumError, match=r"line 2: There is no template 'shared/macros.j2'"):
        render(trained, "talk")


def test_behind_every_comparison_stands_a_page_of_its_seeds_once(trained, deck):
    figure = '<%= figure("paired", "optimizer", metric="test_accuracy") %>'
    deck(START + figure + START + figure + START + '<%= figure("curves", "optimizer", metric="val_accuracy") %>')
    found = slides(render(trained, "talk").markdown)
    questions = [body for front, body in found if front["kicker"] == "Question time"]
    assert len(questions) == 2
    assert "seed 2" in questions[0]
    assert all(front["badge"].startswith("quick profile") for front, _ in found)
    deck('<%= slide("default", questions=False) %>' + figure)
    assert len(slides(render(trained, "talk").markdown)) == 1
