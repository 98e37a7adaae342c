"""What `ras-native connect` needs beside the checks: reads targets, shows the progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

import click
from rich.console import Console

from ._common import parse_targets
from ._probe import Probe, Target


class Targets:
    """The targets of the arguments, then those of a file; it is read while they are checked."""

    def __init__(self, texts: Iterable[str], file: TextIO | None) -> None:
        self._parsed = [parse_targets(text) for text in texts]
        self._file = file

    @property
    def count(self) -> int | None:
        """How many there are; None if only the file tells."""
        if self._file is not None:
            return None
        return sum(len(ports) for _, ranges in self._parsed for ports in ranges)

    def __iter__(self) -> Iterator[Target]:
        for host, ranges in self._parsed:
            yield from _expand(host, ranges)
        for number, line in enumerate(self._file or (), start=1):
            for text in line.partition("#")[0].split():
                try:
                    host, ranges = parse_targets(text)
                except click.BadParameter as error:
                    raise click.UsageError(f"line {number}: {error.message}") from None
                yield from _expand(host, ranges)


def _expand(host: str, ranges: list[range]) -> Iterator[Target]:
    for ports in ranges:
        for port in ports:
            yield host, port


@contextmanager
def progress(count: int | None) -> Iterator[Callable[[Probe], None]]:
    """Show the progress on standard error, if that is a terminal; yield what counts a result."""
    console = Console(file=sys.stderr)
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda _probe: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    columns = BarColumn(), MofNCompleteColumn(), TextColumn("checked, {task.fields[open]} open")
    with Progress(*columns, console=console, transient=True) as bar:
        task, found = bar.add_task("", total=count, open=0), 0

        def show(probe: Probe) -> None:
            nonlocal found
            found += probe.is_open
            bar.update(task, advance=1, open=found)

        yield show
