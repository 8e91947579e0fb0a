"""Bench: 1,000 offline runs of 1,000 steps and 10 metrics, pulled to the two tidy tables; and pulled again, unchanged.

    python tests/bench/pull_offline.py            # writes reports/bench/pull_offline.json

The run files are made here, record for record as wandb 0.31 writes them (a history record and two summary records a
step), which takes a minute; a test reads one with W&B's own reader. The pull runs as a user's does, in a process of its
own: `seconds` is from its start to its end, imports included; memory is the sum over it and its children (Pss), looked
at every 20 ms. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from datetime import UTC, datetime
from multiprocessing import Pool
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "python tests/bench/pull_offline.py"
BLOCK = 32 * 1024

PULL = """
import json, sys, time
from pathlib import Path
from podium.runs.pull import pull_source
from podium.press.results import read_pulled
from podium.spec import Project

if __name__ == "__main__":
    project, folder = Project(Path(sys.argv[1])), sys.argv[2]
    start = time.perf_counter()
    pulled = pull_source(project, (folder,), name="bench")
    middle = time.perf_counter()
    tables = read_pulled(project, "bench")
    end = time.perf_counter()
    print(json.dumps({
        "said": str(pulled), "pull_seconds": middle - start, "tables_seconds": end - middle,
        "runs": len(tables.runs), "history": len(tables.history),
        "sum": float(tables.history["value"][tables.history["metric"] == "loss"].sum()),
    }))
"""


def write_log(path: Path, payloads: list[bytes]) -> None:
    """Write payloads in W&B's container (LevelDB's log format behind seven bytes)."""
    out = bytearray(b":W&B" + struct.pack("<HB", 0xBEE1, 0))
    for payload in payloads:
        at, first = 0, True
        while first or at < len(payload):
            left = BLOCK - len(out) % BLOCK
            if left < 7:
                out += bytes(left)
                left = BLOCK
            part = payload[at : at + left - 7]
            at += len(part)
            last = at == len(payload)
            kind = 1 if first and last else 2 if first else 4 if last else 3
            out += struct.pack("<IHB", zlib.crc32(bytes([kind]) + part), len(part), kind) + part
            first = False
    path.write_bytes(out)


def varint(number: int) -> bytes:
    """Write a whole number as protobuf does."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number: int, data: bytes) -> bytes:
    """Write one field of bytes as protobuf does; faster than its Python package, which counts here."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def run_payloads(index: int, steps: int, metrics: int) -> list[bytes]:
    """Make the records of one run, as wandb 0.31 orders them."""
    from wandb.proto import wandb_internal_pb2 as pb

    chance = random.Random(index)
    started = 1_795_000_000 + index
    identity = f"bench{index:04d}"
    info = {"stream_id": identity}
    payloads: list[bytes] = []

    def add(**content: object) -> None:
        payloads.append(pb.Record(num=len(payloads) + 1, _info=info, **content).SerializeToString())

    add(header=pb.HeaderRecord(version_info=pb.VersionInfo(producer="0.31.0", min_consumer="0.70.0")))
    config = {"_wandb": {}, "learning_rate": 10 ** chance.uniform(-5, -1), "depth": chance.randint(1, 9),
              "optimizer": {"name": "adamw", "betas": [0.9, 0.999]}, "name": "1e-5", "flag": True}  # fmt: skip
    update = [pb.ConfigItem(key=key, value_json=json.dumps(value)) for key, value in config.items()]
    add(run=pb.RunRecord(run_id=identity, project="bench", display_name=f"run {index}", tags=["bench"],
                         config=pb.ConfigRecord(update=update), host="bench",
                         start_time={"seconds": started}, telemetry={"python_version": "3.11.7",
                                                                     "cli_version": "0.31.0"}))  # fmt: skip
    names = ["loss", *(f"metric/{number}" for number in range(1, metrics))]
    about = field(200, field(1, identity.encode()))
    for step in range(steps):
        row = {name: chance.random() * (1 if name == "loss" else 10) for name in names}
        row |= {"_timestamp": started + step * 0.37, "_runtime": step * 0.37, "_step": step}
        order = sorted(row, key=lambda _: chance.random())  # the client's order is a Go map's
        # the same fields in a HistoryItem and a SummaryItem: nested_key and value_json
        items = b"".join(field(1, field(2, name.encode()) + field(16, repr(row[name]).encode())) for name in order)
        runtime = str(step // 3).encode()
        clock = field(1, field(2, b"_wandb") + field(2, b"runtime") + field(16, runtime))
        clock += field(1, field(1, b"_runtime") + field(16, runtime))
        for kind, content in ((3, clock), (3, items), (2, items + field(2, b"\x08" + varint(step)))):
            payloads.append(b"\x08" + varint(len(payloads) + 1) + field(kind, content) + about)
    add(exit=pb.RunExitRecord(exit_code=0, runtime=int(steps * 0.37)))
    return payloads


def run_path(folder: Path, index: int) -> Path:
    """Say where a made-up run lies."""
    return folder / f"offline-run-20261121_100000-bench{index:04d}" / f"run-bench{index:04d}.wandb"


def write_run(folder: Path, index: int, steps: int, metrics: int) -> Path:
    """Write one made-up offline run, and return its file."""
    path = run_path(folder, index)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_log(path, run_payloads(index, steps, metrics))
    return path


def _write_one(arguments: tuple[Path, int, int, int]) -> int:
    folder, index, *_ = arguments
    there = run_path(folder, index)
    return (there if there.is_file() else write_run(*arguments)).stat().st_size


def memory_of(root: int) -> int:
    """Return the bytes that a process and all below it hold: shared pages counted once each (Pss), Linux only."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    family = {root}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    total = 0
    for process in family:
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
        except (OSError, StopIteration):
            continue
    return total


def measured(command: list[str]) -> dict[str, object]:
    """Run a command that prints JSON; add its seconds from start to end, of processors, and the peak of its memory."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    peak = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, memory_of(process.pid))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    said, _ = process.communicate()
    seconds = time.perf_counter() - start
    done.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{command} ended with code {process.returncode}.")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processors = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(processors, 2),
        "peak_memory_mb": round(peak / 1e6),
        **json.loads(said.splitlines()[-1]),
    }


def main() -> None:
    """Make the runs, pull them twice, change one and pull again; print and write what that took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--metrics", type=int, default=10)
    parser.add_argument("--folder", type=Path, help="Make the runs here and keep them, or take those that are here.")
    parser.add_argument("--out", type=Path, default=ROOT / "reports/bench/pull_offline.json")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="podium-bench-"))
    try:
        work = [(folder / "wandb", index, asked.steps, asked.metrics) for index in range(asked.runs)]
        with Pool() as pool:
            size = sum(pool.imap_unordered(_write_one, work, chunksize=8))
        shutil.rmtree(folder / "project", ignore_errors=True)
        script = folder / "pull.py"
        script.write_text(PULL)
        command = [sys.executable, str(script), str(folder / "project"), str(folder / "wandb")]
        load = os.getloadavg()[0]
        first = measured(command)
        again = measured(command)
        write_run(folder / "wandb", 0, asked.steps + 1, asked.metrics)
        one = measured(command)
        write_run(folder / "wandb", 0, asked.steps, asked.metrics)
    finally:
        if not asked.folder:
            shutil.rmtree(folder)
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, check=True, stdout=-1, text=True)
    report = {
        "what": f"{asked.runs:,} offline runs x {asked.steps:,} steps x {asked.metrics} metrics to the two tables",
        "command": COMMAND,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "load_before_and_after": [round(load, 2), round(os.getloadavg()[0], 2)],
        "files_mb": round(size / 1e6),
        "first_pull": first,
        "second_pull_unchanged": again,
        "third_pull_one_changed": one,
        "peak_memory_of_this_process_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6),
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
