import json
import os
import signal
import sys
from pathlib import Path

import pytest
import yaml

from podium.lab.sweeps.processes import marked
from podium.lab.sweeps.program import Program, classify, last_error, prepare
from podium.spec import PodiumError

SHOW = """
import json, os, sys
kept = {name: value for name, value in os.environ.items() if name.startswith(("WANDB", "PODIUM", "PATH"))}
shown = {"environment": kept, "arguments": sys.argv[1:], "cwd": os.getcwd(), "in": sys.stdin.read()}
json.dump(shown, open("shown", "w"))
print("out")
print("err", file=sys.stderr)
"""
DEAF = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
open("ready", "w").close()
time.sleep(600)
"""
PARAMETERS = {"lr": 1e-05, "optimizer": {"name": "adam"}, "deep": True}


@pytest.fixture
def launch(tmp_path):
    def make(script, command=("${env}", "${interpreter}", "${program}", "${args}"), **changes):
        (tmp_path / "program.py").write_text(script)
        asked = {
            "program": "program.py",
            "cwd": tmp_path,
            "folder": tmp_path / "trial",
            "sweep": "abcd1234",
            "run": "run12345",
            "project": "digits",
            "entity": "team",
            "token": f"test-{os.getpid()}",
        }
        return prepare(command, PARAMETERS, **{**asked, **changes})

    return make


def test_a_program_sees_what_wandbs_agent_would_give_it(launch, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_SERVICE", "of another process")
    program = Program(launch(SHOW))
    assert program.wait(60)
    program.sweep_up()
    assert program.ended().state == "finished"
    shown = json.loads((tmp_path / "shown").read_text())
    assert shown["arguments"] == ["--lr=1e-05", "--optimizer={'name': 'adam'}", "--deep=True"]
    assert (shown["cwd"], shown["in"]) == (str(tmp_path), "")
    environment = shown["environment"]
    folder = tmp_path / "trial"
    assert {name: environment[name] for name in environment if name.startswith("WANDB_S")} == {
        "WANDB_SWEEP_ID": "abcd1234",
        "WANDB_SWEEP_PARAM_PATH": str(folder / "wandb" / "sweep-abcd1234" / "config-run12345.yaml"),
    }
    assert environment["WANDB_RUN_ID"] == "run12345"
    assert (environment["WANDB_PROJECT"], environment["WANDB_ENTITY"]) == ("digits", "team")
    assert (environment["WANDB_MODE"], environment["WANDB_DIR"]) == ("offline", str(folder))
    assert environment["WANDB_ERROR_REPORTING"] == "false"
    assert set((folder / "output.txt").read_text().split()) == {"err", "out"}


def test_the_values_file_is_the_agents_own(launch):
    """Byte by byte what `config_util.save_config_file_from_dict` of the installed client writes."""
    from wandb.sdk.lib.config_util import save_config_file_from_dict

    path = Path(launch(SHOW).environment["WANDB_SWEEP_PARAM_PATH"])
    found = yaml.safe_load(path.read_text())
    assert found == {"wandb_version": 1, **{name: {"value": value} for name, value in PARAMETERS.items()}}
    theirs = path.with_name("theirs.yaml")
    save_config_file_from_dict(str(theirs), {name: {"value": value} for name, value in PARAMETERS.items()})
    assert path.read_text() == theirs.read_text()


def test_json_stands_in_a_file_where_it_is_asked_for(launch):
    words = launch(SHOW, ["${program}", "${args_json_file}"]).words
    assert json.loads(Path(words[1]).read_text()) == PARAMETERS
    assert not list(launch(SHOW, folder=Path(words[1]).parents[3] / "other").folder.rglob("*.json"))


def test_no_values_are_no_error(tmp_path):
    made = prepare(
        ["true"], {}, program="", cwd=tmp_path, folder=tmp_path, sweep="s", run="r", project="p", entity="", token="t"
    )
    assert Path(made.environment["WANDB_SWEEP_PARAM_PATH"]).read_text() == "wandb_version: 1\n\n"
    assert "WANDB_ENTITY" not in made.environment or os.environ.get("WANDB_ENTITY")


def test_a_command_needs_a_word_that_starts(launch):
    with pytest.raises(PodiumError, match="command has no word"):
        launch(SHOW, ["${nothing}"])
    with pytest.raises(PodiumError, match="does not start: 'no-such-program': No such file"):
        Program(launch(SHOW, ["no-such-program"]))


def test_stopping_ends_the_deaf_and_what_left_the_group(launch, tmp_path):
    made = launch(DEAF)
    program = Program(made)
    while not (tmp_path / "ready").exists():
        assert not program.wait(0.02)
    assert len(marked(made.token)) == 2
    program.stop(0.2)
    assert marked(made.token) == []
    assert program.ended().reason.startswith("killed by signal 9 (SIGKILL)")


def test_stopping_is_asked_first(launch, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_AGENT_KILL_DELAY", "60")
    polite = "import signal, sys, time\nsignal.signal(15, lambda *_: sys.exit(0))\nopen('ready', 'w')\ntime.sleep(600)"
    program = Program(launch(polite))
    while not (tmp_path / "ready").exists():
        assert not program.wait(0.02)
    program.stop()
    assert program.ended().state == "finished"


@pytest.mark.parametrize(
    ("code", "output", "state", "reason"),
    [
        (0, "ValueError: but it went on", "finished", ""),
        (
            1,
            "x\nValueError: no such layer\nwandb: Find logs at: y\n\x1b[34mwandb\x1b[0m: z",
            "failed",
            "ValueError: no such layer",
        ),
        (1, "usage: train.py\ntrain.py: error: no --lr", "failed", "train.py: error: no --lr"),
        (2, "", "failed", "it ended with exit code 2 and said nothing"),
        (
            1,
            "torch.OutOfMemoryError: CUDA out of memory. Tried",
            "failed",
            "out of memory: torch.OutOfMemoryError: CUDA out",
        ),
        (1, "MemoryError", "failed", "out of memory: MemoryError"),
        (-signal.SIGKILL, "", "killed", "killed by signal 9 (SIGKILL), which the system sends when memory runs out"),
        (137, "Killed", "killed", "killed by signal 9 (SIGKILL), which"),
        (-signal.SIGTERM, "", "killed", "killed by signal 15 (SIGTERM)"),
        (-signal.SIGSEGV, "", "failed", "killed by signal 11 (SIGSEGV)"),
        (139, "Segmentation fault", "failed", "killed by signal 11 (SIGSEGV): Segmentation fault"),
        (255, "Error: x", "failed", "Error: x"),
        (-62, "", "failed", "killed by signal 62 (unknown)"),
    ],
)
def test_ends_are_told_apart(code, output, state, reason):
    ended = classify(code, output)
    assert ended.state == state
    assert ended.reason.startswith(reason)


def test_a_reason_is_one_line_of_sane_length():
    assert len(last_error("ValueError: " + "x" * 1000)) == 300
    assert last_error("50%|#####\rRuntimeError: in a progress line\r100%") == "RuntimeError: in a progress line"


def test_python_is_podiums_own_where_no_environment_is_active(launch, monkeypatch):
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    assert launch(SHOW).environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    monkeypatch.setenv("VIRTUAL_ENV", "/somewhere")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent) + os.pathsep + "/bin")
    assert launch(SHOW).environment["PATH"].endswith("/bin")
    monkeypatch.setenv("PATH", "/nowhere")
    assert launch(SHOW).environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)


def test_wandb_gets_folders_that_it_can_write(launch, tmp_path, monkeypatch):
    for name in (
        "WANDB_CACHE_DIR",
        "WANDB_CONFIG_DIR",
        "WANDB_DATA_DIR",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "WANDB_CACHE_DIR" not in launch(SHOW).environment
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "impossible"))
    environment = launch(SHOW).environment
    home = str(tmp_path / "trial" / "wandb" / "home")
    assert {environment[name] for name in ("WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR")} == {home}
