"""Tables to take away."""

import csv
import io

import pytest

from podium.press.pages.export import table_text
from podium.press.results import load_results
from podium.spec import PodiumError


def test_csv_is_unrounded_and_latex_is_for_a_paper(project, train):
    train(project, "optimizer", rename={"AdamW": "50% & more_{x}"})
    results = load_results(project, "optimizer")
    rows = list(csv.DictReader(io.StringIO(table_text(results, ["test_accuracy"], "csv"))))
    assert {row["variant"] for row in rows} == {"Adam", "50% & more_{x}"}
    assert float(rows[0]["test_accuracy"]) in {
        sum(results.by_seed(name, "test_accuracy").values()) / 3 for name in results.variants
    }
    latex = table_text(results, ["test_accuracy", "seconds"], "latex")
    assert r"50\% \& more\_\{x\}" in latex
    assert r"\toprule" in latex
    assert r"test accuracy (\%)" in latex
    assert latex.count(r"\textbf") == 1
    with pytest.raises(PodiumError, match="no format 'docx'"):
        table_text(results, ["test_accuracy"], "docx")
