"""A deck and a report for anybody's runs, by one command: written by programs that know nothing of Podium."""

import os
import subprocess
import sys

import pytest

from podium.press.pages.new import new_deck
from podium.press.pages.render import render
from podium.press.pages.report import compose_report
from podium.press.results import read_pulled
from podium.runs.pull import pull_source
from podium.spec import PodiumError, load_question

QUIET = """
import random, wandb
quiet = wandb.Settings(console="off", x_disable_stats=True, x_disable_meta=True, disable_git=True, silent=True)
"""
TORCH = (
    QUIET
    + """
import torch
torch.set_num_threads(1)
for optimizer in ("SGD", "Adam"):
    for width in (4, 16):
        for seed in range(3):
            torch.manual_seed(seed)
            config = {"optim": {"name": optimizer, "lr": 0.05}, "model": {"width": width}, "random_state": seed}
            run = wandb.init(mode="offline", project="theirs", config=config, settings=quiet, reinit="create_new")
            model = torch.nn.Sequential(torch.nn.Linear(3, width), torch.nn.ReLU(), torch.nn.Linear(width, 1))
            steps = getattr(torch.optim, optimizer)(model.parameters(), lr=0.05)
            x = torch.randn(64, 3)
            y = x.sum(1, keepdim=True).abs()
            for step in range(6):
                loss = (model(x) - y).square().mean()
                steps.zero_grad(); loss.backward(); steps.step()
                row = {"train/loss": loss.item()}
                if step % 2:
                    row["eval/r2"] = 1 - loss.item() / y.var().item()
                run.log(row)
            if (optimizer, width, seed) == ("SGD", 4, 0):
                run.log({"only here": "text", "bad": float("nan")})
            run.finish(exit_code=int((optimizer, width, seed) == ("SGD", 16, 2)))
"""
)
SKLEARN = (
    QUIET
    + """
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
x, y = load_digits(return_X_y=True)
for strength in (0.001, 1.0):
    for rng_seed in range(3):
        config = {"clf": {"C": strength, "solver": "lbfgs"}, "rng_seed": rng_seed, "tag": f"fit {strength} {rng_seed}"}
        run = wandb.init(mode="offline", project="other", config=config, settings=quiet, reinit="create_new")
        a, b, c, d = train_test_split(x / 16, y, random_state=rng_seed, train_size=300)
        fitted = LogisticRegression(C=strength, max_iter=300).fit(a, c)
        run.summary["holdout_acc"] = fitted.score(b, d)
        run.finish()
"""
)


def written(program, folder):
    """Run a stranger's program in a folder of its own; return where its runs lie."""
    (folder / "program.py").write_text(program)
    environment = {"PATH": os.environ["PATH"], "WANDB_ERROR_REPORTING": "false", "HOME": str(folder)}
    subprocess.run([sys.executable, "program.py"], cwd=folder, env=environment, check=True, timeout=250)
    return str(folder / "wandb")


@pytest.mark.slow
def test_a_torch_loop_becomes_deck_and_report(project, tmp_path):
    source, said = written(TORCH, tmp_path), []
    pull_source(project, (source,), name="theirs")
    tables = read_pulled(project, "theirs")
    files = new_deck(project, "theirs", tables, (source,), ask=None, notify=said.append)
    assert [path.name for path in files] == ["theirs.py", "slides.md.j2", "report.md.j2"]
    assert any("baseline" in sentence for sentence in said)
    question = load_question("theirs", project.experiments)
    assert question.variant == ("model.width", "optim.name")
    assert (question.seed, question.metric) == ("random_state", "eval/r2")
    rendered = render(project, "theirs")
    written_by_hand = rendered.markdown.count("layout: ") - rendered.markdown.count("Question time")
    assert 9 <= written_by_hand <= 12
    assert "of <span v-pre>12</span> runs did not finish" in rendered.markdown
    assert "Best against baseline" in rendered.markdown
    report = compose_report(project, "theirs")
    assert "Figure 4: " in report.markdown
    assert "11 finished of 12" in report.markdown.replace("&#59;", ";")
    with pytest.raises(PodiumError, match="exist already"):
        new_deck(project, "theirs", tables, (source,), ask=None)
    with pytest.raises(PodiumError, match="small letters"):
        new_deck(project, "Their Runs", tables, (source,), ask=None)


@pytest.mark.slow
def test_a_scikit_learn_script_with_other_names_too(project, tmp_path):
    source, said = written(SKLEARN, tmp_path), []
    pull_source(project, (source,), name="other")
    new_deck(project, "other", read_pulled(project, "other"), (source,), ask=None, notify=said.append)
    question = load_question("other", project.experiments)
    assert (question.variant, question.seed, question.metric) == (("clf.C",), "rng_seed", "holdout_acc")
    assert "Left aside, since every run has another text: tag." in said
    assert "1&#46;0" in render(project, "other").markdown
    assert "6 finished of 6" in compose_report(project, "other").markdown
