from pathlib import Path

import pytest

from podium.lab.models import build_model
from podium.lab.sweeps.job import make_job
from podium.spec import Project, experiment_names, load_experiment

FOLDER = Path(__file__).parents[2] / "experiments"


@pytest.mark.parametrize("name", experiment_names(FOLDER))
def test_every_experiment_is_a_whole_page(name):
    experiment = load_experiment(name, FOLDER)
    assert experiment.question.endswith("?")
    assert experiment.metric.startswith(("val_", "test_"))
    assert {} in experiment.variants.values(), "one variant is the baseline itself"
    assert len(experiment.runs("full")) > 1
    for variant in experiment.runs("quick"):
        if variant.config.seed == experiment.quick_seeds[0]:
            assert build_model(variant.config)


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_the_sweep_is_well_formed(profile):
    job = make_job(Project(FOLDER.parent), load_experiment("positional_encoding", FOLDER), profile)
    assert job.sweep
    assert job.total >= 1
