"""README.md: its code blocks, its marked commands, its sessions typed.

usage: python -m readme            types the sessions, as a reader would in the current folder
       python -m readme COMMAND    prints the command marked so: "run" or "test"
"""

from __future__ import annotations

import doctest
import re
import sys
from pathlib import Path

TEXT = Path(__file__).parents[2].joinpath("README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The code blocks of that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def command(name: str) -> str:
    """The one command under the mark of that name."""
    marked = rf"^<!-- {name} command -->\n```sh\n(.*)\n```$"
    (found,) = re.findall(marked, TEXT, re.MULTILINE)
    return str(found)


def marked_block(mark: str) -> str:
    """The one code block under this mark."""
    (found,) = re.findall(rf"^<!-- {mark} -->\n```\w*\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return str(found)


def type_sessions() -> int:
    """Type every session, one after the other; the number of lines typed."""
    session = "\n".join(blocks("pycon"))
    test = doctest.DocTestParser().get_doctest(session, {}, "README.md", "README.md", 0)
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    assert result.failed == 0, "".join(said)
    return result.attempted


def main(arguments: list[str]) -> None:
    """Print a command, or type the sessions on the backend that a compiler gives."""
    if arguments:
        print(command(*arguments))
        return
    import ras_native

    assert ras_native.backend == "native", f"the backend is {ras_native.backend}"
    print(f"readme: {type_sessions()} lines typed, {ras_native.__file__}")


if __name__ == "__main__":
    main(sys.argv[1:])
