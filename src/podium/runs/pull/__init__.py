"""Pulling: runs from W&B's server, from offline run files and from Podium's records into two tidy tables."""

from podium.runs.pull.history import History
from podium.runs.pull.offline import Follower, find_run_files, read_run_file
from podium.runs.pull.pulled import Counts, PulledRun
from podium.runs.pull.source import Pulled, pull_source
from podium.runs.pull.store import Store, pulled_folder, pulled_names

__all__ = [
    "Counts",
    "Follower",
    "History",
    "Pulled",
    "PulledRun",
    "Store",
    "find_run_files",
    "pull_source",
    "pulled_folder",
    "pulled_names",
    "read_run_file",
]
