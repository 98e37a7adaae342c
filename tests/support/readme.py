"""Find the code blocks and commands of README.md, and run its sessions.

usage: python -m readme            runs the sessions, as a reader would in the current folder
       python -m readme COMMAND    prints the command with this mark: "run" or "test"
"""

from __future__ import annotations

import doctest
import re
import sys
from pathlib import Path

TEXT = Path(__file__).parents[2].joinpath("README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the code blocks of that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def command(name: str) -> str:
    """Return the one command under the mark of that name."""
    marked = rf"^<!-- {name} command -->\n```sh\n(.*)\n```$"
    (found,) = re.findall(marked, TEXT, re.MULTILINE)
    return str(found)


def marked_block(mark: str) -> str:
    """Return the one code block under this mark."""
    (found,) = re.findall(rf"^<!-- {mark} -->\n```\w*\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return str(found)


def type_sessions() -> int:
    """Run every session, one after the other; return the number of lines."""
    session = "\n".join(blocks("pycon"))
    test = doctest.DocTestParser().get_doctest(session, {}, "README.md", "README.md", 0)
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    assert result.failed == 0, "".join(said)
    return result.attempted


def main(arguments: list[str]) -> None:
    """Print a command, or run the sessions on the native backend."""
    if arguments:
        print(command(*arguments))
        return
    import ras_native

    assert ras_native.backend == "native", f"the backend is {ras_native.backend}"
    print(f"readme: {type_sessions()} lines typed, {ras_native.__file__}")


if __name__ == "__main__":
    main(sys.argv[1:])
