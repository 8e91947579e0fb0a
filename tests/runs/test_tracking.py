"""Tracking: the real wandb client, offline, refused and silent; nobody is asked over the network."""

import os
import subprocess
import sys
import time

import pytest

from podium.runs.tracking import Silent, logged_in, open_tracker, resolve_mode
from podium.spec import PodiumError


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    for name in [n for n in os.environ if n.startswith("WANDB_")] + ["NETRC"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()


def test_no_account_is_offline():
    assert not logged_in()
    assert resolve_mode("auto") == "offline"
    assert resolve_mode("off") == "off"


@pytest.mark.parametrize(
    ("wished", "mode"), [("disabled", "off"), ("offline", "offline"), ("dryrun", "offline"), ("online", "online")]
)
def test_wandbs_own_switch_is_obeyed(monkeypatch, wished, mode):
    monkeypatch.setenv("WANDB_MODE", wished)
    assert resolve_mode("auto") == mode


def test_a_kept_login_is_online(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    path = tmp_path / "home" / ".netrc"
    path.write_text("broken {{")
    assert not logged_in()
    path.write_text(f"machine 127.0.0.1\n login user\n password {'x' * 40}\n")
    path.chmod(0o600)
    assert resolve_mode("auto") == "online"
    path.unlink()
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    assert resolve_mode("auto") == "online"


def test_silence_does_nothing(tmp_path):
    with open_tracker("off", tmp_path, name="n", config={}, group="g") as tracker:
        assert isinstance(tracker, Silent)
        tracker.log({"a": 1}, 1)
        tracker.finish({"a": 1})
    assert list(tmp_path.iterdir()) == [tmp_path / "home"]


def test_an_offline_run_is_read_by_wandbs_own_reader(tmp_path):
    folder = tmp_path / "run"
    with open_tracker("offline", folder, name="{{ 7*7 }}", config={"dim": 64}, group="g", sweep="s1") as tracker:
        tracker.log({"val_accuracy": 0.5}, 1)
        tracker.finish({"test_accuracy": 0.6})
    (file,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    wanted = (b"{{ 7*7 }}", b"dim", b"val_accuracy", b"test_accuracy", b"sweep")
    until = time.monotonic() + 10  # W&B's service closes the file a moment after finish() came back
    while missing := [text for text in wanted if text not in file.read_bytes()]:
        assert time.monotonic() < until, missing
        time.sleep(0.1)


def test_a_broken_off_block_ends_the_run(tmp_path):
    with (
        pytest.raises(RuntimeError, match="stop"),
        open_tracker("offline", tmp_path / "run", name="n", config={}, group="g"),
    ):
        raise RuntimeError("stop")
    assert list((tmp_path / "run").glob("wandb/offline-run-*/run-*.wandb"))


def test_a_refused_key_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_API_KEY", "short")
    with pytest.raises(PodiumError, match=r"W&B refused the key .*40\+ characters.*--wandb offline"):
        open_tracker("online", tmp_path, name="n", config={}, group="g")


def test_no_server_is_one_sentence(tmp_path):
    script = (
        "import sys; from pathlib import Path\nimport podium.runs.tracking as t\nt.INIT_SECONDS = 2\n"
        "from podium.spec import PodiumError\n"
        "try: t.open_tracker('online', Path(sys.argv[1]), name='n', config={}, group='g')\n"
        "except PodiumError as e: print(e, flush=True)\nimport os; os._exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env={**os.environ, "WANDB_BASE_URL": "http://127.0.0.1:9", "WANDB_API_KEY": "local-" + "x" * 40},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "Nothing is lost: train again with `--wandb offline`" in done.stdout


def test_an_offline_run_says_nothing_and_has_no_address(tmp_path):
    script = (
        "import sys; from pathlib import Path\nimport podium.runs.tracking as t\n"
        "with t.open_tracker('offline', Path(sys.argv[1]), name='n', config={}, group='g') as run:\n"
        "    assert run.link == ''\n    run.log({'a': 1}, 1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout + done.stderr == ""
