"""A deck for anybody's runs, by one command: written by the real client, by a program that knows nothing of Podium."""

import subprocess
import sys

import pytest

from podium.press.pages.new import new_deck
from podium.press.pages.render import render
from podium.press.pages.report import compose_report
from podium.press.results import read_pulled
from podium.runs.pull import pull_source
from podium.spec import PodiumError, load_question

PROGRAM = """
import random, wandb

quiet = wandb.Settings(console="off", x_disable_stats=True, x_disable_meta=True, disable_git=True, silent=True)
for optimizer in ("sgd", "adam"):
    for width in (8, 16):
        for seed in range(3):
            rng = random.Random(f"{optimizer}{width}{seed}")
            config = {"optim": {"name": optimizer, "lr": 0.1}, "width": width, "random_state": seed}
            run = wandb.init(mode="offline", project="theirs", config=config, settings=quiet, reinit="create_new")
            for step in range(4):
                row = {"train/loss": 2 / (step + 1) + rng.random() / 10}
                if step % 2:
                    row["eval/acc"] = 0.7 + 0.1 * (optimizer == "adam") + rng.gauss(0, 0.01)
                run.log(row)
            if (optimizer, width, seed) == ("sgd", 8, 0):
                run.log({"only here": "text", "bad": float("nan")})
            run.finish(exit_code=int((optimizer, width, seed) == ("sgd", 16, 2)))
"""


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("theirs")
    (folder / "program.py").write_text(PROGRAM)
    environment = {"PATH": "/usr/bin:/bin", "WANDB_ERROR_REPORTING": "false", "HOME": str(folder)}
    subprocess.run([sys.executable, "program.py"], cwd=folder, env=environment, check=True, timeout=200)
    return str(folder / "wandb")


@pytest.mark.slow
def test_their_runs_become_a_deck_that_renders(project, theirs):
    said = []
    pull_source(project, (theirs,), name="theirs")
    written = new_deck(project, "theirs", read_pulled(project, "theirs"), (theirs,), ask=None, notify=said.append)
    assert [path.name for path in written] == ["theirs.py", "slides.md.j2", "report.md.j2"]
    assert any("baseline" in sentence for sentence in said)
    question = load_question("theirs", project.experiments)
    assert (question.variant, question.seed, question.metric) == (("optim.name", "width"), "random_state", "eval/acc")
    rendered = render(project, "theirs")
    assert 9 <= rendered.markdown.count("layout: ") <= 12
    assert "of <span v-pre>12</span> runs did not finish" in rendered.markdown
    assert "2 factors changed" in rendered.markdown
    report = compose_report(project, "theirs")
    assert "Figure 4: " in report.markdown
    assert "11 finished of 12" in report.markdown.replace("&#59;", ";")
    with pytest.raises(PodiumError, match="exist already"):
        new_deck(project, "theirs", read_pulled(project, "theirs"), (theirs,), ask=None)
    with pytest.raises(PodiumError, match="small letters"):
        new_deck(project, "Their Runs", read_pulled(project, "theirs"), (theirs,), ask=None)
