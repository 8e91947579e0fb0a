"""The command line: errors are one sentence, exit codes are honest, every command is documented."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from podium import cli
from podium.spec import PodiumError

ROOT = Path(__file__).parents[2]


def run(*words, cwd=ROOT, code=0, **environment):
    done = subprocess.run(
        [sys.executable, "-c", "from podium.cli import main; main()", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def empty_project(tmp_path):
    for name in ("experiments", "slides/decks"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["trian"], "podium has no command 'trian'; did you mean 'train'?"),
        (["train", "positional"], "There is no experiment 'positional'; did you mean 'positional_encoding'?"),
        (["train", "optimizer", "--only", "Adan"], "Experiment optimizer has no variant 'Adan'; did you mean 'Adam'?"),
        (["train", "optimizer", "--set", "epoch=1"], "ViTConfig has no field 'epoch'; did you mean 'epochs'?"),
        (["slides", "digit"], "There is no deck 'digit'; did you mean 'digits'?"),
        (["present", "digit"], "There is no deck 'digit'; did you mean 'digits'?"),
        (["slides", "--format", "pdv"], "There is no format 'pdv'; did you mean 'pdf'?"),
        (["freeze", "optimiser"], "There is no experiment 'optimiser'; did you mean 'optimizer'?"),
    ],
)
def test_a_wrong_name_is_one_sentence_with_the_nearest(words, sentence):
    said = run(*words, code=1)
    assert sentence in said
    assert len(said.strip().splitlines()) == 1


def test_a_gpu_that_is_not_there_is_said():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert "podium: " in run("train", "optimizer", "--device", "cuda", code=1)


def test_outside_a_project(tmp_path):
    assert "is in no Podium project" in run("list", cwd=tmp_path, code=1)
    assert "missing  project" in run("doctor", cwd=tmp_path)


def test_debug_keeps_the_traceback():
    done = subprocess.run(
        [sys.executable, "-c", "from podium.cli import main; main()", "--debug", "train", "nothing"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" in done.stderr


def test_usage_errors_exit_2():
    assert "--profile" in run("train", "--profile", "slow", code=2)
    assert "Usage" in run("--help")


def test_list_names_everything():
    said = run("list")
    for name in ("positional_encoding", "optimizer", "vision_to_sequence", "deck digits"):
        assert name in said


def test_an_empty_project_trains_and_builds_nothing(empty_project):
    assert run("train", cwd=empty_project) == ""
    assert run("train", "--shown", cwd=empty_project) == ""
    assert run("slides", cwd=empty_project) == ""


def test_every_command_is_in_the_readme():
    text = (ROOT / "README.md").read_text()
    for name, command in cli.podium.commands.items():
        assert command.help, name
        assert f"`podium {name}" in text or f"`nox -s {name}`" in text, name


def test_slides_start_without_torch(empty_project):
    script = (
        "import sys; sys.modules['torch'] = sys.modules['wandb'] = None\n"
        "from podium.cli import main; sys.argv = ['podium', 'slides']; main()"
    )
    subprocess.run([sys.executable, "-c", script], cwd=empty_project, check=True, timeout=60)


def test_doctor_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    said = CliRunner().invoke(cli.podium, ["doctor"]).output
    assert "missing  lab: torch is not installed" in said
    assert "missing  W&B: wandb is not installed" in said


def test_doctor_without_node_or_browser(monkeypatch):
    import podium.press.build.browser
    import podium.press.build.node

    def no_node():
        raise PodiumError("no Node here")

    monkeypatch.setattr(podium.press.build.node, "node_executable", no_node)
    monkeypatch.setattr(podium.press.build.browser, "find_browser", lambda: None)
    assert cli.machine.check_node() == (False, "no Node here")
    assert cli.machine.check_browser()[0] is False


def main_with(monkeypatch, error, *words):
    monkeypatch.setattr(sys, "argv", ["podium", *words])
    monkeypatch.setattr(cli.podium, "main", lambda **_: (_ for _ in ()).throw(error))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def test_exit_codes(monkeypatch, capsys):
    assert main_with(monkeypatch, KeyboardInterrupt()) == 130
    assert main_with(monkeypatch, PodiumError("It fell.")) == 1
    assert "podium: It fell." in capsys.readouterr().err
    assert main_with(monkeypatch, OSError(28, "No space left on device", "x.svg")) == 1
    assert "x.svg cannot be written: No space left on device" in capsys.readouterr().err
    with pytest.raises(OSError, match="other"):
        main_with(monkeypatch, OSError(5, "other"))
    with pytest.raises(PodiumError):
        main_with(monkeypatch, PodiumError("It fell."), "--debug")


@pytest.mark.slow
def test_ctrl_c_in_training_loses_nothing(tmp_path):
    """A real process, really interrupted, then run again to the end."""
    pytest.importorskip("torch")
    (tmp_path / "slides").mkdir()
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "tiny.py").write_text(
        "from podium.spec import Experiment, ViTConfig\n"
        "EXPERIMENT = Experiment(question='?', expectation='', metric='test_accuracy', variants={'a': {}},\n"
        "    baseline=ViTConfig(dim=8, heads=1, depth=1, epochs=6, train_images=6400, patch=14), quick_seeds=(0,))\n"
    )
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background job ignores it
    command = [sys.executable, "-c", heard + "from podium.cli import main; main()", "train", "--wandb", "off"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 100
        while not list(tmp_path.glob("build/runs/tiny/*/checkpoint.pt")) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert "tiny: 1 finished" in run("train", "--wandb", "off", cwd=tmp_path)
    assert "1 of 1 runs are done already" in run("train", "--wandb", "off", cwd=tmp_path)
