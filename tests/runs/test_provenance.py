"""Provenance: the commit and whether the tree differs from it, from a real repository."""

import subprocess

from podium.runs import provenance as module
from podium.runs.provenance import git_state, provenance


def git(folder, *words):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words], cwd=folder, check=True)


def test_commit_and_dirty(tmp_path):
    assert git_state(tmp_path) == ("", False)
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-qm", "one")
    commit, dirty = git_state(tmp_path)
    assert (len(commit), dirty) == (12, False)
    (tmp_path / "new").write_text("untracked files are no difference")
    assert git_state(tmp_path) == (commit, False)
    (tmp_path / "a").write_text("2")
    assert git_state(tmp_path) == (commit, True)


def test_everything_is_plain_and_named(tmp_path):
    found = provenance(tmp_path, data="mnist 6bbc9ace", device="cpu")
    assert found["data"] == "mnist 6bbc9ace"
    assert "CPU cores" in found["hardware"]
    assert found["versions"]["torch"]
    assert provenance(tmp_path, data="d", device="NVIDIA H200")["hardware"] == "NVIDIA H200"


def test_what_is_missing_is_empty(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PACKAGES", ("no-such-package",))
    monkeypatch.setenv("PATH", "")
    found = provenance(tmp_path, data="d", device="cpu")
    assert (found["commit"], found["versions"]) == ("", {"no-such-package": ""})
    module.processor.cache_clear()
    monkeypatch.setattr(module.Path, "read_text", lambda _: (_ for _ in ()).throw(OSError))
    assert module.processor()
    module.processor.cache_clear()
