"""A project in a temporary folder, made-up digits in MNIST's place, and a real PostgreSQL for the session."""

import io
import os
import pwd
import runpy
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
import torch
from rich.console import Console

from podium.lab.data import sets
from podium.spec import Project

collect_ignore = ["ask_wandb_sweeps.py"]  # asks a package that is not installed here

MADE_UP = Path(__file__).parent.parent / "training" / "made_up.py"
PASSWORD = "s3cret"


@pytest.fixture
def project(tmp_path) -> Project:
    for folder in ("experiments", "slides"):
        (tmp_path / folder).mkdir()
    return Project(tmp_path)


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=200)


@pytest.fixture
def tiny(monkeypatch):
    """One thread, and what `made_up.py` defines, its digits in MNIST's place."""
    found = runpy.run_path(str(MADE_UP))
    digits = found["made_up_mnist"]()
    monkeypatch.setattr(sets, "load_mnist", lambda: digits)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield found["TINY"]
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def postgresql():
    """Start a PostgreSQL on loopback, as a user who is not root: it refuses root. Gives its address."""
    programs = find_postgresql()
    if programs is None:
        reason = "no PostgreSQL here: its programs are neither under /usr/lib/postgresql nor on the PATH"
        if os.environ.get("PODIUM_CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="podium-postgresql-"))
    data = folder / "data"
    (folder / "password").write_text(PASSWORD)
    as_user = []
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        for path in (folder, folder / "password"):
            os.chown(path, user.pw_uid, user.pw_gid)
    initdb = [programs / "initdb", "-D", data, "-U", "podium", "-A", "scram-sha-256", f"--pwfile={folder / 'password'}"]
    subprocess.run([*as_user, *initdb], check=True, stdout=subprocess.DEVNULL, cwd=folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = [f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "fsync=off"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [*as_user, programs / "postgres", "-D", data, *(word for s in settings for word in ("-c", s))],
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    address = f"postgresql://podium:{PASSWORD}@127.0.0.1:{port}/postgres"
    try:
        wait_for(address, server)
        yield address
    finally:
        server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
        server.wait()
        shutil.rmtree(folder)


def find_postgresql():
    """Return the folder with the newest `initdb` and `postgres`; Debian keeps them out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    there = str(found[-1]) if found else shutil.which("initdb")
    return Path(there).parent if there else None


def wait_for(address, server):
    until = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            if time.monotonic() > until or server.poll() is not None:
                raise
            time.sleep(0.1)
        else:
            return
