"""A report asks the same questions and gets the same answers, written as prose."""

import html

import pandas as pd
import pytest

from podium.press.pages.render import compose
from podium.press.pages.report import _selection, compose_report
from podium.spec import PodiumError

HOSTILE = "*{{ 7*7 }}* <script>alert(1)</script> [x](y) $a$ `b`"


@pytest.fixture
def report(project):
    """Return a function that writes a template as the report "notes"."""

    def write(text):
        path = project.reports / "notes" / "report.md.j2"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    return write


def test_numbers_are_the_decks_and_carry_one_footnote_each(trained, report, deck):
    claimed = '<%= claim("optimizer", "Adam", "AdamW", "test_accuracy") %>'
    asked = '<%= number("optimizer", "Adam", "test_accuracy") %> ' + claimed
    report(f"Words\n\n{asked}\n\n{asked}")
    deck(f'<%= slide("default") %>{asked}')
    found = compose_report(trained, "notes")
    assert found.lock["numbers"] == compose(trained, "talk").lock["numbers"]
    text = html.unescape(found.markdown)
    assert text.count("[^n1]") == 2  # where it stands first, and its definition
    assert text.count(", **shown**.") == 2
    assert "[^n1]: mean test accuracy on 4,000 pictures, variant Adam. interval: " in text
    assert "What must be said of these runs: quick profile: 2 epochs" in text


def test_figures_and_tables_are_numbered_and_pictures_come_along(trained, report):
    report(
        '<%= figure("curves", "optimizer", metric="val_accuracy") %>\n\n'
        '<%= table("optimizer", ["test_accuracy"]) %>\n\n'
        '<%= predictions("vision_to_sequence") %>\n\n<%= run_names("optimizer", "Adam") %> <%= receipts() %>\n\n'
        '<%= excerpt("podium.spec.errors:PodiumError") %>\n\n<%= methods("optimizer") %>'
    )
    found = compose_report(trained, "notes")
    text = html.unescape(found.markdown)
    assert "![Figure 1: " in text
    assert ": Table 1\n" in text
    assert ": Table 2\n" in text
    assert "figures/curves-optimizer-val_accuracy.svg" in found.files
    assert sum(name.endswith(".png") for name in found.files) == 8
    assert "Adam-s0-" in text
    assert "```python\nclass PodiumError" in text
    assert "nothing was chosen on the test set" in text


def test_texts_of_runs_are_only_texts(project, report, train):
    train(project, "optimizer", rename={"AdamW": HOSTILE})
    report('<%= ranked("optimizer", "test_accuracy")[1] %> <%= table("optimizer", ["test_accuracy"]) %>')
    text = compose_report(project, "notes").markdown
    assert "<script" not in text
    assert "{{" not in text
    assert HOSTILE in html.unescape(text)


def test_what_is_wrong_names_the_line_and_what_cannot_be_is_said(trained, report):
    for text, sentence in (
        ("\n\n<%= number('optimizer', 'Adm', 'test_accuracy') %>", "reports/notes/report.md.j2, line 3: .*'Adm'"),
        ("<%= diagram('classes', 'optimizer') %>", "only a browser draws PlantUML"),
        ("<%= diagram('pipeline', 'optimizer') %>", "only a browser draws mermaid"),
        ("<%= slide_link('talk', 2, 'the slide') %>", "Deck talk is not built"),
    ):
        report(text)
        with pytest.raises(PodiumError, match=sentence):
            compose_report(trained, "notes")
    with pytest.raises(PodiumError, match="no report 'nots'; did you mean 'notes'"):
        compose_report(trained, "nots")


def test_a_slide_of_a_built_deck_is_linked_to(trained, report):
    folder = trained.build / "decks" / "talk"
    folder.mkdir(parents=True)
    (folder / "slides.md").write_text("---\nlayout: cover\n---\n---\nlayout: end\n---\n")
    report("<%= slide_link('talk', 2, 'the *slide*') %>")
    assert "[the &#42;slide&#42;](../../slides/talk/index.html#/2)" in compose_report(trained, "notes").markdown
    report("<%= slide_link('talk', 3, 'x') %>")
    with pytest.raises(PodiumError, match="slides 1 to 2; not 3"):
        compose_report(trained, "notes")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"epochs": [12, 12]}, "the last epoch's weights"),
        ({"epochs": [12], "patience": [None]}, "the last epoch's weights"),
        ({"epochs": [12], "patience": [3]}, "with patience the weights of the epoch that validated best"),
        (
            {"epochs": [12, 0], "patience": [None, 3]},
            "the last epoch's weights, without epochs the weights that the run started from",
        ),
    ],
)
def test_the_appendix_says_which_weights_were_judged(fields, said):
    assert _selection(pd.DataFrame(fields)) == f"{said}; nothing was chosen on the test set"
