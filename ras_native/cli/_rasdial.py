"""The text of Windows' `rasdial` in English, for scripts that match it.

The words are those that public scripts for English Windows compare with: after "Connected to", each
connection has a line. "No connections" has no full stop, and the last line has one. Such scripts
also take the exit code 0 for success, and other exit codes for codes of RAS, such as 703.

[I] No document says which connections rasdial lists. Here it is all that RasEnumConnections
returns, in that order. The line of an error begins as on Windows, and its explanation is our own.
rasdial then prints where to find more help; that is left out here.
"""

from __future__ import annotations

from collections.abc import Iterable

from .. import Connection, RasError
from ._text import printable


def listing(connections: Iterable[Connection]) -> str:
    """Return what `rasdial` prints without arguments."""
    names = [printable(item.entry_name) for item in connections]
    lines = ["Connected to", *names] if names else ["No connections"]
    return "\n".join([*lines, "Command completed successfully."])


def failure(error: RasError) -> str:
    """Return what `rasdial` prints when it fails; the code is also its exit code."""
    return f"Remote Access error {error.code} - {error.message}"
