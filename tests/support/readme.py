"""Find the blocks and commands of README.md, and run the first sessions of the documents.

usage: python -m readme            runs the sessions, as a reader would in the current folder
       python -m readme COMMAND    prints the command with this mark: "run" or "test"
"""

from __future__ import annotations

import sys

import documents

PAGE = documents.ROOT / "README.md"
FIRST_PAGES = ("docs/tutorial.md", "docs/functions.md")
TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the code blocks of that language."""
    return [block.text for block in documents.blocks(PAGE) if block.language == language]


def marked_block(mark: str) -> str:
    """Return the one code block under this mark."""
    return documents.marked_block(PAGE, mark)


def command(name: str) -> str:
    """Return the one command under the mark of that name."""
    (line,) = marked_block(f"{name} command").splitlines()
    return line


def type_sessions() -> int:
    """Run the sessions of the first pages after the README; return the number of lines."""
    return sum(documents.type_sessions(documents.ROOT / name) for name in FIRST_PAGES)


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
