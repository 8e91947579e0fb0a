"""Cells: any JSON value as one cell of a CSV that git can diff, and back unchanged; column names likewise.

A text stands bare where it cannot be taken for JSON; every other value is JSON on one line, floats by their exact
`repr`. An empty cell is a value that was never there; an empty text is `""`.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from podium.runs.pull.exact import to_text
from podium.spec.files import whole

METRIC = "metric."
_LIKE_JSON = re.compile(r'\s*(?:["\[{]|(?:true|false|null|NaN|-?Infinity|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*$)')
_FIELD = 2**31 - 1


def to_cell(value: Any) -> str:
    """Write a value so that `from_cell` reads the same back, of the same type.

    >>> to_cell("rotary"), to_cell("1e-5"), to_cell(1e-5), to_cell(""), to_cell(None)
    ('rotary', '"1e-5"', '1e-05', '""', 'null')
    """
    if isinstance(value, str) and value and value.isprintable() and not _LIKE_JSON.match(value):
        return value
    return to_text(value, sort_keys=True)


def from_cell(text: str) -> Any:
    """Read a cell that is not empty.

    >>> from_cell("rotary"), from_cell('"1e-5"'), from_cell("1"), from_cell("1.0")
    ('rotary', '1e-5', 1, 1.0)
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def to_column(prefix: str, name: str) -> str:
    r"""Write a column's name behind its prefix; as JSON where it could be misread or would break the line.

    >>> to_column("config.", "depth"), to_column("config.", "a\nb")
    ('config.depth', 'config."a\\nb"')
    """
    return prefix + (name if name.isprintable() and not name.startswith('"') else to_text(name))


def from_column(column: str, prefix: str) -> str:
    """Read the name behind the prefix."""
    name = column.removeprefix(prefix)
    return str(from_cell(name)) if name.startswith('"') else name


def to_metric(name: str, taken: Sequence[str], prefixes: Sequence[str] = ()) -> str:
    """Write a metric's column: its bare name, behind `metric.` where that means something else already.

    >>> to_metric("val_loss", ["epoch"]), to_metric("epoch", ["epoch"])
    ('val_loss', 'metric."epoch"')
    """
    bare = name and name.isprintable() and name not in taken and not name.startswith(('"', METRIC, *prefixes))
    return name if bare else METRIC + to_text(name)


def from_metric(column: str) -> str:
    """Read a metric's name from its column."""
    return from_column(column, METRIC) if column.startswith(METRIC + '"') else column


@contextmanager
def written(path: Path) -> Generator[IO[str], None, None]:
    """Open a file that appears whole or not at all.

    Raises:
        PodiumError: when the disk is full or refuses the write.
    """
    with whole(path, again="freeze it again") as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogatepass", newline="")
        yield text
        text.flush()
        text.detach()


def write_rows(file: IO[str], columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a header and rows of cells."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def read_rows(file: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Give the line and the filled cells of each row, by column.

    Raises:
        ValueError: naming the line, for a row that has not as many cells as the header, a header that says a name
            twice, and bytes that are no text.
    """
    before = csv.field_size_limit(_FIELD)  # a cell may hold a long list
    try:
        lines = csv.reader(file)
        columns = next(lines, [])
        if len(set(columns)) != len(columns):
            raise ValueError("line 1, is damaged: it names a column twice")
        for cells in lines:
            if len(cells) != len(columns):
                raise ValueError(f"line {lines.line_num}, is damaged: it has {len(cells)} of {len(columns)} cells")
            yield lines.line_num, {name: cell for name, cell in zip(columns, cells, strict=True) if cell}
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"line {lines.line_num}, is damaged: {error}") from error
    finally:
        csv.field_size_limit(before)
