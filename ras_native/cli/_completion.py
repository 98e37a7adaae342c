"""Completes commands, options, files and phone-book entries in bash and PowerShell."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    ShellComplete,
    add_completion_class,
    get_completion_class,
)

from ._common import Source

SHELLS = ("bash", "powershell")
_SECONDS = 2.0  # a shell waits for the completion, and RAS may block for longer
_PHONE_BOOK = Path("Microsoft", "Network", "Connections", "Pbk", "rasphone.pbk")
_LONGEST_PHONE_BOOK = 1 << 20  # bytes
_SECTION = re.compile(r"^\[(.+)\]\s*$", re.MULTILINE)

_SPECIAL = {"'": frozenset("'"), '"': frozenset('"$`\\!')}
"""What bash does not take literally between these quotation marks."""

_POWERSHELL = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s, %(prog_name)s.exe -ScriptBlock {
    param($word, $command, $cursor)
    $before = $command.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursor }
    $env:COMP_WORDS = @($before | ForEach-Object { "$_" }) -join "`n"
    $env:COMP_WORD = $word
    $env:%(complete_var)s = 'powershell_complete'
    try {
        & %(prog_name)s | Where-Object { $_ } | ForEach-Object {
            $item = ConvertFrom-Json $_
            [System.Management.Automation.CompletionResult]::new(
                $item.text, $item.label, 'ParameterValue', $item.help)
        }
    }
    finally {
        Remove-Item Env:COMP_WORDS, Env:COMP_WORD, Env:%(complete_var)s -ErrorAction Ignore
    }
}
"""


class _Bash(BashComplete):
    """click's own, which does not quote a value that has spaces."""

    name = "bash"

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Quote the value; return "" if it does not fit into quotes that the user has opened."""
        words, number = os.environ["COMP_WORDS"].split("\n"), int(os.environ["COMP_CWORD"])
        mark = words[number][:1] if number < len(words) else ""
        if mark not in _SPECIAL:
            value = shlex.quote(item.value)
        elif _SPECIAL[mark].isdisjoint(item.value):
            value = item.value
        else:
            return ""
        return f"{item.type},{value}".replace("\\", "\\\\")  # the script reads backslashes


class _PowerShell(ShellComplete):
    """One JSON document per completion, in ASCII: PowerShell's and Python's encodings differ."""

    name = "powershell"
    source_template = _POWERSHELL

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the arguments before the word to complete, and that word."""
        words = os.environ.get("COMP_WORDS", "").split("\n")
        return [_unquoted(word) for word in words[1:]], _unquoted(os.environ.get("COMP_WORD", ""))

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Return the text to insert, the text to show, and an explanation."""
        text = item.value
        if not re.fullmatch(r"[\w.-]+", text):
            text = "'" + text.replace("'", "''") + "'"
        return json.dumps({"text": text, "label": item.value, "help": item.help or item.value})

    def complete(self) -> str:
        """Leave files to PowerShell, which completes them where this prints nothing."""
        found = self.get_completions(*self.get_completion_args())
        return "\n".join(self.format_completion(item) for item in found if item.type == "plain")


def _unquoted(word: str) -> str:
    """Remove PowerShell's quotation marks; the closing one may be missing."""
    mark = word[:1]
    return word[1:].removesuffix(mark).replace(mark * 2, mark) if mark in ("'", '"') else word


add_completion_class(_Bash)
add_completion_class(_PowerShell)


def print_script(context: click.Context, _: click.Parameter, shell: str | None) -> None:
    """Print the script that a shell runs to complete the command."""
    if shell is None:
        return
    complete = get_completion_class(shell)
    assert complete is not None  # noqa: S101 - both are registered above
    name = str(context.info_name)
    variable = f"_{name.replace('-', '_')}_COMPLETE".upper()  # the one that click looks for
    click.echo(complete(context.command, {}, name, variable).source())
    context.exit()


def complete_entry(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Return the entries that begin with the text: of the connections, and of the phone books.

    If RAS fails, or is slow, its connections are missing.
    """
    given = context.params
    source = Source(given["backend"], given["provider"], given["simulate"])
    names = within(_SECONDS, lambda: _connected(source))
    if sys.platform == "win32" and not (source.provider or source.simulate):
        names += phone_book_entries(os.environ.get(name) for name in ("APPDATA", "PROGRAMDATA"))
    known = {name.casefold(): name for name in reversed(names)}
    return [
        CompletionItem(known[folded])
        for folded in sorted(known)
        if folded.startswith(incomplete.casefold()) and known[folded].isprintable()
    ]


def within(seconds: float, function: Callable[[], list[str]]) -> list[str]:
    """Return the function's result; [] if it fails, or does not end in time."""
    found: list[str] = []

    def run() -> None:
        with suppress(Exception):
            found.extend(function())

    thread = threading.Thread(target=run, name="completion", daemon=True)
    thread.start()
    thread.join(seconds)
    return list(found)


def _connected(source: Source) -> list[str]:
    with source.open(await_demo=True) as ras:
        return [item.entry_name for item in ras.enum_connections()]


def phone_book_entries(folders: Iterable[str | None]) -> list[str]:
    """Return the names of the entries in Windows' default phone books.

    The folders are those of the user's and of all users' settings. The files are UTF-8 [I].
    """
    return [name for folder in folders if folder for name in _entries(Path(folder))]


def _entries(folder: Path) -> Iterator[str]:
    with suppress(OSError), open(folder / _PHONE_BOOK, "rb") as file:
        yield from _SECTION.findall(file.read(_LONGEST_PHONE_BOOK).decode("utf-8-sig", "replace"))
