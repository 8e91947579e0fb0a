"""Descriptions of models, as the lab wrote them into a record or a file; older ones know less."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from podium.spec import PodiumError

COLUMNS = ("parameters", "flops")


def read_description(path: Path) -> dict[str, Any]:
    """Read what `podium describe` wrote.

    Raises:
        PodiumError: for a file that is not there or holds no description.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        msg = f"There is no {path}. Write it: podium describe MODULE:CALLABLE --input 1x3x224x224 --out {path}"
        raise PodiumError(msg) from None
    except (ValueError, OSError) as error:
        raise PodiumError(f"{path} cannot be read as a description: {error}. Describe the model again.") from error
    if not isinstance(found, dict) or not isinstance(found.get("tree"), list) or "root" not in found:
        raise PodiumError(f"{path} holds no description of a model. Describe the model again with `podium describe`.")
    check_total(found)
    return found


def check_total(description: dict[str, Any], recorded: float | None = None) -> None:
    """Make sure that a description agrees with itself, and with the run that it stands beside.

    Args:
        description: a model's description.
        recorded: the run's own count of parameters, `parameters` in its summary; None where there is none.

    Raises:
        PodiumError: where a layer table does not add up, or the run counted other parameters.
    """
    root, total = description.get("root", "The model"), description.get("parameters", 0)
    for column in COLUMNS if "layers" in description else ():
        found, said = sum(row[column] for row in description["layers"]), description.get(column)
        if found != said:
            msg = f"The layers of {root} have {found:,} {column} together, the description says {said:,}."
            raise PodiumError(f"{msg} It was changed by hand or is damaged: describe the model again.")
    if recorded is not None and int(recorded) != total:
        msg = f"The diagram of {root} has {total:,} parameters, the run beside it counted {int(recorded):,}."
        raise PodiumError(f"{msg} They are not the same model: show the run's own, or train it again.")


def needed(description: dict[str, Any], field: str) -> list[dict[str, Any]]:
    """Return a list that a description must hold to be drawn.

    Raises:
        PodiumError: where it is missing or empty.
    """
    found = description.get(field)
    if not found:
        msg = f"The run's record describes no {field}. Train it again with this version of Podium."
        raise PodiumError(msg)
    return found
