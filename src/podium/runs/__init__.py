"""What happened: the record's format, reading it back, and the only door to W&B (`podium.runs.tracking`)."""

from podium.runs.record import Record, State, append_event, read_record, read_runs, run_folder

__all__ = ["Record", "State", "append_event", "read_record", "read_runs", "run_folder"]
