"""`ras-native bench`: shows what `ras_native.benchmark` measures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

import click
from rich.console import Console
from rich.text import Text

from ..benchmark import LOOPBACK, SIMULATOR, SYSTEM, Report, measure
from ._doctor import please_send
from ._show import console, print_json
from ._table import Column, print_table
from ._text import printable


def run(seconds: float, file: TextIO | None, *, as_json: bool) -> bool:
    """Measure and print; write the report to `file`. Return whether all results were right."""
    with _progress() as show:
        report = measure(seconds=seconds, on_progress=show)
    if file is not None:
        json.dump(report.to_dict(), file, indent=1)
        file.write("\n")
        click.echo(f"{please_send()}: {printable(file.name)}", err=True)
    if as_json:
        print_json(report.to_dict())
    else:
        _print(report, console())
    return not report.wrong


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str], object]]:
    """Show the progress on standard error, if that is a terminal."""
    err = Console(file=sys.stderr)
    if not err.is_terminal or err.is_dumb_terminal:
        yield lambda _done, _planned, _title: None
        return
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

    columns = BarColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("")
        yield lambda done, planned, title: bar.update(
            task, completed=done, total=planned, description=title
        )


def _print(report: Report, out: Console) -> None:
    for name, value in report.machine.items():
        out.print(f"[dim]{name:<12}[/]", Text(printable(value)), soft_wrap=True)
    for where in (SIMULATOR, SYSTEM, LOOPBACK):
        _print_table(report, where, out)
    for item in report.shares():
        out.print(
            f"{item['where']}, {item['size']} connections: its calls take {item['share']:.0%} of a "
            f"poll with the {item['way']} backend",
            soft_wrap=True,
        )
    for problem in report.missing:
        out.print("[yellow]missing[/]: ", Text(printable(problem)), sep="", soft_wrap=True)
    for problem in report.wrong:
        out.print("[bold red]wrong[/]: ", Text(printable(problem)), sep="", soft_wrap=True)


def _print_table(report: Report, where: str, out: Console) -> None:
    figures = [item for item in report.figures if item.where == where]
    if not figures:
        return
    ways = list(dict.fromkeys(item.way for item in figures))
    rows = list(dict.fromkeys((item.job, item.size) for item in figures))
    counted = "CONNECTS" if where == LOOPBACK else "CONNECTIONS"
    columns = [
        Column("JOB", 0, least=20),
        Column(counted, 1, is_number=True),
        *(Column(way, rank, is_number=True) for rank, way in enumerate(ways, start=2)),
    ]
    each = "one connect" if where == LOOPBACK else "one call"
    out.print(f"\n[bold]{where}[/], microseconds for {each}, median")
    print_table(
        out,
        columns,
        (
            (job, str(size), *(_microseconds(report.cost(where, job, size, way)) for way in ways))
            for job, size in rows
        ),
    )


def _microseconds(ns: float | None) -> str:
    return "" if ns is None else f"{ns / 1000:,.3g}" if ns < 1e6 else f"{ns / 1000:,.0f}"
