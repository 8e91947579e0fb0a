"""Diagrams, layer tables, trees and code on a page, from the description that ran and from a file."""

import json

import pytest

from podium.press.pages.render import render
from podium.press.results import load_results
from podium.spec import PodiumError

START = '<%= slide("figure") %>\n'


def test_a_page_shows_a_models_layers_tree_and_shapes(trained, deck):
    deck(
        START + '<%= layer_table("optimizer") %>\n' + START + '<%= module_tree("optimizer", lines=6) %>\n'
        + START + '<%= diagram("architecture", "optimizer") %>\n' + START + '<%= diagram("imports") %>\n'
        + START + '<%= morph("podium.lab.models.positions:Learned.forward", '
        '"podium.lab.models.positions:Rotary.forward") %>'
    )  # fmt: skip
    rendered = render(trained, "talk")
    text = rendered.markdown
    assert "<th><span v-pre>layer</span></th>" in text
    assert "```text\nVisionToSequence" in text
    assert "````md magic-move" in text
    assert len(rendered.data["mermaid"]) == 2
    assert "Read off the import statements" in text
    assert set(rendered.lock["diagrams"]) == {"architecture / optimizer", "imports"}


def test_a_described_model_needs_no_experiment(trained, deck):
    description = load_results(trained, "optimizer").model()
    (trained.root / "model.json").write_text(json.dumps(description))
    deck(START + '<%= diagram("classes", description="model.json") %> <%= layer_table(description="model.json") %>')
    assert "<PodiumPlantUml" in render(trained, "talk").markdown
    deck(START + '<%= diagram("classes", description="other.json") %>')
    with pytest.raises(PodiumError, match=r"There is no .*other\.json. Write it: podium describe"):
        render(trained, "talk")
    deck(START + '<%= diagram("classes", description="../model.json") %>')
    with pytest.raises(PodiumError, match=r"'\.\./model\.json' leads out of it"):
        render(trained, "talk")


def test_a_diagram_that_is_not_the_runs_is_an_error(trained, deck):
    for record in (trained.runs / "optimizer").glob("*/record.jsonl"):
        lines = [json.loads(line) for line in record.read_text("utf-8").splitlines()]
        lines[-1]["summary"]["parameters"] = 7
        record.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    deck(START + '<%= layer_table("optimizer") %>')
    with pytest.raises(PodiumError, match="the run beside it counted 7"):
        render(trained, "talk")


def test_code_with_shapes_of_a_run_that_kept_none_says_so(trained, deck):
    deck(START + '<%= excerpt("podium.lab.models.positions:Learned.forward", shapes="optimizer") %>')
    with pytest.raises(PodiumError, match="line 2: "):
        render(trained, "talk")
