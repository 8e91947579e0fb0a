"""The process in which a cell runs: code in on standard input, one JSON answer out, within a limit of memory.

Started by `podium.press.pages.cells` as `python -I cell_process.py`; it knows nothing of the page.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import linecache
import os
import sys
import traceback
from typing import Any

NAME = "<cell>"
MOST_ROWS = 50
MOST_CHARACTERS = 20_000


def main() -> None:
    """Read the request, run it, write the answer to the descriptor that was named."""
    asked = json.load(sys.stdin)
    limit(asked["megabytes"])
    answer = run(asked["setup"], asked["code"])
    with os.fdopen(int(sys.argv[1]), "w", encoding="utf-8") as out:
        json.dump(answer, out)


def limit(megabytes: int) -> None:
    """Bound the process's memory, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    most = megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def run(setup: str, code: str) -> dict[str, Any]:
    """Run the setup silently, then the code; the value of its last expression is its result.

    Returns:
        `text` that was printed, `shown` (kind text, table, svg or none), `error` ("" or a sentence with its line).
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = io.StringIO()
    try:
        exec(compile(setup, "<setup>", "exec"), names)  # noqa: S102 - running it is what a cell is for
        tree = ast.parse(code, NAME)
        linecache.cache[NAME] = (len(code), None, code.splitlines(keepends=True), NAME)
        end = tree.body[-1] if tree.body else None
        last = end.value if isinstance(end, ast.Expr) else None
        if last is not None:
            tree.body.pop()
        with contextlib.redirect_stdout(printed):
            exec(compile(tree, NAME, "exec"), names)  # noqa: S102 - as above
            value = eval(compile(ast.Expression(last), NAME, "eval"), names) if last else None  # noqa: S307
    except MemoryError:
        return {"text": "", "shown": None, "error": "it needs more memory than it may take"}
    except BaseException as error:  # noqa: BLE001 - whatever the cell raises is its author's to read
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == NAME]
        line = lines[-1] if lines else getattr(error, "lineno", None)
        where = f"line {line}: " if line else ""
        return {"text": "", "shown": None, "error": f"{where}{type(error).__name__}: {error}"}
    return {"text": printed.getvalue()[:MOST_CHARACTERS], "shown": shown(value), "error": ""}


def shown(value: Any) -> dict[str, Any] | None:
    """Describe a value as a page can show it: a figure, a frame, a text, or nothing."""
    if value is None:
        return None
    if hasattr(value, "savefig"):
        buffer = io.BytesIO()
        value.savefig(buffer, format="svg", metadata={"Date": None})
        return {"kind": "svg", "svg": base64.b64encode(buffer.getvalue()).decode()}
    if hasattr(value, "columns") and hasattr(value, "itertuples"):
        rows = [[str(cell) for cell in row] for row in value.head(MOST_ROWS).itertuples(index=False)]
        return {"kind": "table", "head": [str(name) for name in value.columns], "rows": rows}
    return {"kind": "text", "text": (value if isinstance(value, str) else repr(value))[:MOST_CHARACTERS]}


if __name__ == "__main__":
    main()
