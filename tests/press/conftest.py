"""Made-up records, written the way training writes them."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from podium.runs import append_event, run_folder
from podium.spec import Project, ViTConfig

LEVELS = {"none": 0.969, "sinusoidal": 0.984, "learned": 0.991, "rotary": 0.990}

EXPERIMENT = """
from podium.spec import Experiment, ViTConfig

EXPERIMENT = Experiment(
    question="Does it matter how positions are encoded?",
    expectation="Yes.",
    baseline=ViTConfig(),
    variants={"none": {"position": "none"}, "learned": {}},
    metric="test_accuracy",
)
"""

PROVENANCE = {
    "commit": "3f9c1e2ab0c4",
    "dirty": False,
    "data": "mnist 6bbc9ace",
    "device": "cpu",
    "hardware": "2 CPU cores (a processor)",
    "python": "3.11.9",
    "versions": {"torch": "2.11.0"},
    "command": "podium train",
    "started": "2026-11-21T10:00:00+00:00",
}


def encoding(name, positions=16, dim=64):
    if name == "none":
        return {}
    if name == "learned":
        table = np.random.default_rng(1).normal(0, 0.02, (positions, dim))
    else:
        angles = np.arange(positions)[:, None] / 10_000 ** (np.arange(0, dim, 2) / dim)
        table = np.zeros((positions, dim))
        table[:, 0::2], table[:, 1::2] = np.sin(angles), np.cos(angles)
        table = np.repeat(np.cos(angles), 2, 1) if name == "rotary" else table
    return {"name": name, "table": np.round(table, 4).tolist()}


def write_run(
    runs,
    variant="learned",
    *,
    experiment="positional_encoding",
    level=0.99,
    seed=0,
    epochs=12,
    profile="full",
    state="finished",
    sweep="",
    config=None,
    provenance=None,
    summary=None,
    samples=None,
):
    """Write one record whose accuracy climbs to `level`, and return its folder."""
    chance = np.random.default_rng([seed, int(level * 1e6)])
    config = (config or ViTConfig()).but(seed=seed, epochs=epochs)
    folder = run_folder(Path(runs), experiment, variant, config)
    append_event(
        folder,
        "start",
        experiment=experiment,
        variant=variant,
        profile=profile,
        sweep=sweep,
        config=config.as_dict(),
        provenance={**PROVENANCE, **(provenance or {})},
    )
    append_event(folder, "model", model={"root": "ViT", "parameters": 105_000, "classes": [], "pipeline": []})
    end = level + chance.normal(0, 0.0008)
    for epoch in range(1, epochs + 1):
        value = end - (end - 0.9) * np.exp(-0.65 * (epoch - 0.2)) + chance.normal(0, 0.0004)
        metrics = {"epoch": epoch, "train_loss": float(2 * (1 - value) + 0.02), "val_loss": float(2 * (1 - value)),
                   "val_accuracy": float(value), "seconds": 1.5}  # fmt: skip
        append_event(folder, "epoch", metrics=metrics)
    if state == "finished":
        final = {"test_accuracy": float(end), "test_images": 10_000, "parameters": 105_000, "seconds": 18.25}
        append_event(
            folder,
            "end",
            state="finished",
            reason="",
            summary=final if summary is None else summary,
            samples={"encoding": encoding(variant), "predictions": []} if samples is None else samples,
        )
    elif state != "running":
        append_event(folder, "end", state=state, reason="the loss is not finite", summary={}, samples={})
    return folder


@pytest.fixture
def project(tmp_path):
    """A project with one experiment, `positional_encoding`, of four variants and five seeds."""
    made = Project(tmp_path / "project")
    made.decks.mkdir(parents=True)
    made.experiments.mkdir()
    (made.experiments / "positional_encoding.py").write_text(EXPERIMENT)
    (made.experiments / "optimizer.py").write_text(EXPERIMENT)
    return made


@pytest.fixture(scope="session")
def full_training(tmp_path_factory):
    """The runs of a full training, written once."""
    runs = tmp_path_factory.mktemp("runs")
    for seed in range(5):
        for index, (variant, level) in enumerate(LEVELS.items()):
            started = {"started": f"2026-11-21T10:0{seed}:0{index}+00:00"}
            write_run(runs, variant, level=level, seed=seed, provenance=started, config=ViTConfig(position=variant))
    return runs


@pytest.fixture
def trained(project, full_training):
    """The project after a full training."""
    shutil.copytree(full_training, project.runs)
    return project


@pytest.fixture
def write():
    """Return the function that writes one made-up record."""
    return write_run
