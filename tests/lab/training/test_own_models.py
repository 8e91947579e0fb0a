"""A user's own model, from its file to its record, its sweep and its picture on a slide."""

import pickle

import pytest
import torch

from podium.lab.models import build_model
from podium.lab.training import overfit_one_batch, train_experiment
from podium.lab.training.checkpoint import load_checkpoint
from podium.lab.training.cohort import train_together
from podium.lab.training.loop import train_run
from podium.press.pages.render import render
from podium.press.results.table import results_from
from podium.runs import read_runs
from podium.spec import PodiumError, Project, Variant, config_from, load_experiment, own_config

MODEL = '''
"""A model of ours."""
import torch
from torch import nn
from podium.lab.models.dropout import Dropout
from neighbour import SIDE


class Net(nn.Module):
    def __init__(self, width: int = 8, dropout: float = 0.2, activation=nn.ReLU, *, norm: bool = True):
        super().__init__()
        self.scale = nn.Parameter(torch.randn(1))
        self.hidden = nn.Linear(SIDE * SIDE, width)
        self.norm = nn.BatchNorm1d(width) if norm else nn.Identity()
        self.drop = nn.Dropout(dropout)
        self.act = activation()
        self.ours = Dropout(0.1)
        self.head = nn.Linear(width, 10)

    def forward(self, images):
        return self.head(self.ours(self.drop(self.act(self.norm(self.hidden(images.flatten(1))))))) * self.scale


def broken(width: int = 8):
    raise ValueError("no such width")


def number(width: int = 8):
    return width
'''
EXPERIMENT = """
from podium.spec import Experiment, Sweep, own_config
EXPERIMENT = Experiment(
    question="How wide?",
    expectation="Wider.",
    baseline=own_config(model="my_models:Net", width=4, epochs=2, train_images=64, validation_images=40, batch_size=32),
    variants={"narrow": {}, "wide": {"width": 16, "norm": False}},
    metric="test_accuracy",
    seeds=(0,),
    quick_seeds=(0,),
    sweep=Sweep(config={
        "method": "grid",
        "metric": {"name": "val_accuracy", "goal": "maximize"},
        "parameters": {"width": {"values": [2, 3]}},
    }),
)
"""
DECK = """<%= slide("default", kicker="k") %>
<%= number("width", "wide", "test_accuracy") %>
<%= table("width", ["test_accuracy", "images_per_second", "peak_memory"]) %>
<%= diagram("architecture", "width", "wide") %>
<%= figure("curves", "width", metric="val_loss") %>
"""


@pytest.fixture
def folder(project, monkeypatch):
    """The experiments of a project: one experiment, one model, and what the model imports."""
    folder = project.root / "experiments"
    folder.mkdir()
    (project.root / "slides").mkdir()
    (folder / "my_models.py").write_text(MODEL)
    (folder / "neighbour.py").write_text("SIDE = 28\n")
    (folder / "width.py").write_text(EXPERIMENT)
    monkeypatch.chdir(project.root)
    return folder


def test_from_a_file_to_records(project, tiny, folder):
    experiment = load_experiment("width", folder)
    records = train_experiment(project, experiment, "quick", device="cpu", wandb="off")
    assert [(record.variant, record.state) for record in records] == [("narrow", "finished"), ("wide", "finished")]
    assert records[0].config["model"] == "my_models:Net"
    assert (records[0].config["width"], records[0].config["dropout"], records[0].config["norm"]) == (4, 0.2, True)
    assert records[0].model["root"] == "Net"
    assert records[0].model["classes"][0]["source"] == "my_models:Net"
    assert records[1].summary["parameters"] == 28 * 28 * 16 + 16 + 16 * 10 + 10 + 1
    assert [step["label"] for step in records[0].model["pipeline"]][-3:] == ["Net", "Cross-entropy", "AdamW"]
    results = results_from(read_runs(project.runs, "width"), "width")
    assert results.variants == ["narrow", "wide"]
    assert results.rows("wide")["width"].tolist() == [16]
    deck = project.decks / "talk" / "slides.md.j2"
    deck.parent.mkdir(parents=True)
    (project.slides / "theme").mkdir()
    deck.write_text(DECK)
    rendered = render(project, "talk").markdown
    assert "pictures a second" in rendered
    assert "Linear" in rendered


STACKED = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width: int = 8, *, norm: bool = False):
        super().__init__()
        self.hidden = nn.Linear(784, width)
        self.norm = nn.BatchNorm1d(width) if norm else nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def forward(self, images):
        return self.head(self.norm(self.hidden(images.flatten(1))).relu())
"""


KEPT = (
    "seed 0 and 1 more are not trained together: its norm.running_mean changes as it trains, beside the weights that a "
    "cohort keeps. A norm over groups or layers has nothing of the kind."
)


@pytest.mark.parametrize(("norm", "said"), [(False, []), (True, [KEPT])], ids=["layer norm", "batch norm"])
def test_it_joins_a_cohort_where_it_may(project, tiny, folder, norm, said):
    """And has the results that it has alone, either way."""
    (folder / "stacked.py").write_text(STACKED)
    config = own_config("stacked:Net", norm=norm, epochs=2, train_images=64, validation_images=40, batch_size=32)
    asked = [Variant(f"seed {seed}", config.but(seed=seed)) for seed in (0, 1)]
    options = {"tracker_mode": "off", "device": "cpu"}
    heard = []
    records = train_together(project, tiny.TINY, asked, "quick", mode="always", notify=heard.append, **options)
    assert heard == said
    for variant, record in zip(asked, records, strict=True):
        assert ("cohort" in record.provenance) != norm
        alone = train_run(Project(project.root / "alone"), tiny.TINY, variant, "quick", **options)
        shared = {name for name in alone.summary if name.startswith(("val_", "test_", "train_"))}
        assert {name: record.summary[name] for name in shared} == pytest.approx(
            {name: alone.summary[name] for name in shared}, rel=1e-3
        )


def test_it_is_swept(project, tiny, folder):
    from podium.lab.sweeps import run_sweep

    records = run_sweep(project, load_experiment("width", folder), "quick", device="cpu", wandb="off")
    assert sorted(record.config["width"] for record in records) == [2, 3]
    assert {record.state for record in records} == {"finished"}


def test_hidden_randomness_resumes_too(project, tiny, folder):
    """nn.Dropout and a parameter drawn by hand come from torch's own randomness: a function of the seed here."""
    experiment = load_experiment("width", folder)
    config = experiment.runs("full")[0].config

    def train(name, **changes):
        options = {"tracker_mode": "off", "device": "cpu", **changes}
        record = train_run(project, experiment, Variant(name, config), "quick", **options)
        return load_checkpoint(record.folder, config.digest()).model, record.history[-1]["train_loss"]

    def stop(moment):
        if moment.epochs_done > 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train("killed", progress=stop)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    resumed, unbroken = train("killed"), train("unbroken")
    assert torch.equal(torch.get_rng_state(), state)
    assert resumed[1] == unbroken[1]
    assert all(torch.equal(value, unbroken[0][name]) for name, value in resumed[0].items())


def test_it_learns_a_batch_by_heart(tiny, folder):
    config = own_config("my_models:Net", width=32, train_images=32, validation_images=40, batch_size=8)
    assert overfit_one_batch(config.but(learning_rate=1e-2)).reached


def test_what_it_draws_is_its_seeds(folder):
    config = own_config("my_models:Net")
    one, again, other = (build_model(each) for each in (config, config, config.but(seed=1)))
    assert torch.equal(one.scale, again.scale)
    assert one.ours.place == "ours"
    assert not torch.equal(one.scale, other.scale)


def test_it_travels_to_other_processes_and_records(folder):
    config = own_config("my_models:Net", width=5, seed=2)
    assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301 - our own bytes
    assert config_from(config.as_dict()) == config
    assert type(config_from(config.as_dict())) is type(config)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my_models:broken", "my_models:broken cannot be built: ValueError: no such width"),
        ("my_models:number", "my_models:number returns a int; it must return a torch.nn.Module"),
        ("failing:Net", r"failing.py cannot be imported: ZeroDivisionError: division by zero\."),
    ],
)
def test_faults_are_sentences(folder, name, message):
    (folder / "failing.py").write_text("1 / 0\nclass Net: pass\n")
    with pytest.raises(PodiumError, match=message):
        build_model(own_config(name))


def test_an_edited_model_is_read_anew(folder):
    before = build_model(own_config("my_models:Net"))
    (folder / "my_models.py").write_text(
        MODEL.replace("self.scale = ", "self.size = ").replace("self.scale", "self.size")
    )
    after = build_model(own_config("my_models:Net"))
    assert hasattr(before, "scale")
    assert hasattr(after, "size")
