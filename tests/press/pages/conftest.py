"""A made-up project with three trained experiments, and a deck that a test writes itself."""

import json
import math
from pathlib import Path

import pytest

from podium.runs import append_event, run_folder
from podium.spec import Project, experiment_names, load_experiment

ROOT = Path(__file__).parents[3]
PIXEL = "data:image/png;base64,iVBORw0KGgo="

OLDER = json.loads((ROOT / "tests" / "press" / "diagrams" / "older.json").read_text("utf-8"))
MODEL = next(model for model in OLDER if model["root"] == "VisionToSequence")  # it kept no traced lines


def _train(project, name, *, profile="quick", rename=None, picture=PIXEL):
    """Write the record of every run of an experiment, as a finished training leaves it."""
    experiment = load_experiment(name, project.experiments)
    for index, (variant, config) in enumerate((v.name, v.config) for v in experiment.runs(profile)):
        shown = (rename or {}).get(variant, variant)
        folder = run_folder(project.runs, name, shown, config)
        provenance = {
            "commit": "3f9c1e2aa",
            "dirty": False,
            "data": "mnist 6bbc9ace",
            "hardware": "two shared cores",
            "device": "cpu",
            "started": f"2026-11-21T10:{index:02d}:00",
        }
        append_event(
            folder,
            "start",
            experiment=name,
            variant=shown,
            profile=profile,
            sweep="",
            config=config.as_dict(),
            provenance=provenance,
        )
        append_event(folder, "model", model=MODEL)
        score = 0.9 + 0.01 * list(experiment.variants).index(variant) + 0.001 * config.seed
        for epoch in (1, 2, 3):
            metrics = {
                "val_accuracy": score - 0.1 / epoch,
                "val_exact_match": score - 0.2 / epoch,
                "train_loss": 1 / epoch,
            }
            append_event(folder, "epoch", metrics={"epoch": epoch, "seconds": 2.0, **metrics})
        kind = "exact_match" if experiment.metric.endswith("match") else "accuracy"
        summary = {f"test_{kind}": score, "test_images": 4000, "parameters": MODEL["parameters"], "seconds": 6.0}
        if kind == "exact_match":
            summary["test_edit_distance"] = 1 - score
        table = [[round(math.sin(row * column), 4) for column in range(8)] for row in range(16)]
        samples = {
            "encoding": {"name": shown, "table": table},
            "predictions": [{"picture": picture, "correct": "731", "predicted": "137"}] * 8,
        }
        append_event(folder, "end", state="finished", reason="", summary=summary, samples=samples)


@pytest.fixture
def project(tmp_path):
    """Return a project with the real experiment pages, no runs and no deck."""
    made = Project(tmp_path)
    made.experiments.mkdir()
    (made.slides / "theme").mkdir(parents=True)
    for name in experiment_names(ROOT / "experiments"):
        (made.experiments / f"{name}.py").write_text((ROOT / "experiments" / f"{name}.py").read_text("utf-8"), "utf-8")
    return made


@pytest.fixture
def deck(project):
    """Return a function that writes a template as the deck "talk"."""

    def write(text, name="talk"):
        path = project.decks / name / "slides.md.j2"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return name

    return write


@pytest.fixture
def train():
    """Return a function that writes the records of an experiment."""
    return _train


@pytest.fixture
def trained(project):
    """Return the project with all runs of the quick profile."""
    for name in experiment_names(project.experiments):
        _train(project, name)
    return project
