"""The project's tables: tab-separated, one heading line."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def read_rows(path: str | Path, heading: str) -> list[list[str]]:
    """Read the rows of the table at `path`, relative to the project's folder; no cell is empty."""
    first, *lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    assert first.split("\t") == heading.split(), f"{path} should begin with the columns {heading}"
    rows = [line.split("\t") for line in lines]
    for number, row in enumerate(rows, 2):
        assert len(row) == len(heading.split()), f"{path}:{number} should have {heading}"
        assert all(row), f"{path}:{number} has an empty cell"
    return rows
