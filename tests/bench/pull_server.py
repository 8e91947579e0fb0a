"""Bench: a W&B sweep of 1,000 runs x 1,000 steps x 10 metrics, pulled from a server with 50 ms latency.

    python tests/bench/pull_server.py             # writes reports/bench/pull_server.json

Podium's pull (complete, written to disk) against the two loops that W&B's users write, with the real wandb client:
`for run in sweep.runs: run.history()` (500 sampled rows a run, in memory), or `run.scan_history()` (all, in memory).
The server is the stand-in of `tests/stand_in_server.py`, a process of its own whose pages were written beforehand. The
loops work run by run, so they are measured on the sweep's first runs (`--loop-runs`) and scaled; the record says so.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "python tests/bench/pull_server.py"
SERVER = ROOT / "tests" / "stand_in_server.py"
KEY = "local-" + "0123456789abcdef" * 3
SWEEP = "team/bench/sweeps/bench"

PULL = """
import json, resource, sys, time
from pathlib import Path
from podium.runs.pull import pull_source
from podium.spec import Project

if __name__ == "__main__":
    start = time.perf_counter()
    pulled = pull_source(Project(Path(sys.argv[1])), (sys.argv[2],), name="bench")
    seconds = time.perf_counter() - start
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"seconds": seconds, "said": str(pulled), "peak_memory_mb": round(peak * 1024 / 1e6)}))
"""

LOOP = """
import itertools, json, resource, sys, time
import wandb

api = wandb.Api()
entity, project, _, sweep = sys.argv[1].split("/")
start = time.perf_counter()
rows = runs = 0
for run in itertools.islice(api.sweep(f"{entity}/{project}/{sweep}").runs, int(sys.argv[2])):
    runs += 1
    rows += len(run.history()) if sys.argv[3] == "history" else sum(1 for _ in run.scan_history())
seconds = time.perf_counter() - start
peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(json.dumps({"seconds": seconds, "runs": runs, "rows": rows, "peak_memory_mb": round(peak * 1024 / 1e6)}))
wandb.teardown()
"""


def asked(url: str, path: str, *, post: bool = False) -> dict[str, Any]:
    """Ask the stand-in about itself."""
    request = urllib.request.Request(f"{url}/stand-in/{path}", method="POST" if post else "GET")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def busy_seconds() -> float:
    """Return the seconds that all cores together have worked since the machine started."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")  # without idle and waiting for disks


def wait_for_quiet(minutes: float) -> float:
    """Wait until others leave the machine alone, but not for ever; return how busy it was, of 1."""
    until = time.monotonic() + 60 * minutes
    while True:
        before = busy_seconds()
        time.sleep(3)
        share = (busy_seconds() - before) / 3 / (os.cpu_count() or 1)
        if share < 0.1 or time.monotonic() > until:
            return share


def measured(url: str, home: Path, script: str, *words: str, server: int, patience: float) -> dict[str, Any]:
    """Run a script in a process of its own; return what it printed, the server's requests, and what others took."""
    path = home / "script.py"
    path.write_text(script)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    asked(url, "reset", post=True)
    wait_for_quiet(patience)
    all_before, server_before = busy_seconds(), server_seconds(server)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(path), *words],
        env={
            **environment,
            "HOME": str(home),
            "WANDB_BASE_URL": url,
            "WANDB_API_KEY": KEY,
            "WANDB_SILENT": "true",
            "WANDB_ERROR_REPORTING": "false",
            "WANDB_CACHE_DIR": str(home / "cache"),
        },
        cwd=home,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    whole = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    ours = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    served = server_seconds(server) - server_before
    others = (busy_seconds() - all_before - ours - served) / whole / (os.cpu_count() or 1)
    operations = asked(url, "counts")["operations"]
    return {
        **json.loads(done.stdout.splitlines()[-1]),
        "process_seconds": round(whole, 2),
        "cpu_seconds": round(ours, 2),
        "server_cpu_seconds": round(served, 2),
        "requests": sum(operations.values()),
        "operations": operations,
        "machine_taken_by_others": round(max(0.0, others), 2),
    }


def server_seconds(process: int) -> float:
    """Return the CPU seconds of the server's process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def loop(url: str, home: Path, kind: str, runs: int, total: int, **how: Any) -> dict[str, Any]:
    """Measure one of the loops on the sweep's first runs, and scale it to all of them."""
    found = measured(url, home, LOOP, SWEEP, str(runs), kind, **how)
    scale = total / found["runs"]
    return {
        "measured_runs": found["runs"],
        "measured_seconds": round(found["seconds"], 2),
        "measured_requests": found["requests"],
        "rows_a_run": found["rows"] / found["runs"],
        "scaled": scale != 1,
        "seconds": round(found["seconds"] * scale, 1),
        "requests": round(found["requests"] * scale),
        "peak_memory_mb": found["peak_memory_mb"],
        "machine_taken_by_others": found["machine_taken_by_others"],
    }


def start_server(home: Path, words: list[str]) -> tuple[subprocess.Popen[bytes], str]:
    """Start the stand-in, and wait until it can be asked."""
    address = home / "address"
    process = subprocess.Popen(
        [sys.executable, str(SERVER), "--address-file", str(address), *words], stdout=subprocess.DEVNULL
    )
    until = time.monotonic() + 120
    while not (address.exists() and address.read_text()):
        if process.poll() is not None or time.monotonic() > until:
            raise SystemExit("The stand-in server did not start.")
        time.sleep(0.05)
    return process, address.read_text()


def main() -> None:
    """Measure the pull and both loops; print and write what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("runs", 1000), ("steps", 1000), ("metrics", 10), ("loop-runs", 100), ("times", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--patience", type=float, default=2.0, help="minutes to wait for a quiet machine, each time")
    parser.add_argument("--out", type=Path, default=ROOT / "reports/bench/pull_server.json")
    chosen = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="podium-bench-"))
    words = [f"--{name}={getattr(chosen, name)}" for name in ("runs", "steps", "metrics", "latency")]
    server, url = start_server(home, words)
    how = {"server": server.pid, "patience": chosen.patience}
    try:
        pulls = []
        for number in range(chosen.times):
            folder = home / f"project-{number}"
            pulls.append(measured(url, home, PULL, str(folder), SWEEP, **how))
        again = measured(url, home, PULL, str(folder), SWEEP, **how)
        loops = {
            kind: loop(url, home, kind, min(chosen.loop_runs, chosen.runs), chosen.runs, **how)
            for kind in ("history", "scan_history")
        }
        rows = sum(stored_rows(path) for path in folder.glob("build/pulled/bench/*.parquet"))
    finally:
        server.kill()
        shutil.rmtree(home)
    seconds = statistics.median(pull["seconds"] for pull in pulls)
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, check=True, stdout=-1, text=True)
    report = {
        "what": f"{chosen.runs:,} runs x {chosen.steps:,} steps x {chosen.metrics} metrics "
        f"from a server with {chosen.latency * 1000:.0f} ms latency",
        "command": COMMAND,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "server": "the stand-in (tests/stand_in_server.py) on the same machine, sharing its cores",
        "pull": {
            "seconds": round(seconds, 2),
            "seconds_each": [round(pull["seconds"], 2) for pull in pulls],
            "process_seconds_each": [pull["process_seconds"] for pull in pulls],
            "cpu_seconds_each": [pull["cpu_seconds"] for pull in pulls],
            "server_cpu_seconds_each": [pull["server_cpu_seconds"] for pull in pulls],
            "machine_taken_by_others_each": [pull["machine_taken_by_others"] for pull in pulls],
            "peak_memory_mb": max(pull["peak_memory_mb"] for pull in pulls),
            "requests": pulls[0]["requests"],
            "operations": pulls[0]["operations"],
            "rows_kept": rows,
            "said": pulls[0]["said"],
        },
        "pull_again_unchanged": {
            "seconds": round(again["seconds"], 2),
            "peak_memory_mb": again["peak_memory_mb"],
            "requests": again["requests"],
            "said": again["said"],
        },
        "loops": loops,
        "times_faster": {kind: round(found["seconds"] / seconds, 1) for kind, found in loops.items()},
        "peak_memory_of_this_process_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6),
        "note": "Loops with scaled = true were measured on measured_runs runs and scaled linearly to all. "
        "machine_taken_by_others is the share of all cores that other programs used meanwhile, of 1.",
    }
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


def stored_rows(path: Path) -> int:
    """Count the history rows of one kept run."""
    import pyarrow.parquet as pq

    return len(set(pq.read_table(path, columns=["row"])["row"].to_numpy().tolist()))


if __name__ == "__main__":
    main()
