"""The fenced blocks of README.md and docs/, and how each one is run or checked.

CONTRIBUTING.md, "Rules for documents", explains the marks.

usage: python -m documents PAGE    types the sessions of this page in the current folder
"""

from __future__ import annotations

import configparser
import doctest
import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
"""Every document whose blocks run."""

DIRECTIVES = frozenset(
    {"automodule", "eval-rst", "important", "include", "note", "tip", "toctree", "warning"}
)
"""The directives that a page may use; Sphinx checks their contents."""

SECONDS = 50
"""How long one program or one block of commands may run."""

RUN_ELSEWHERE = frozenset({"run command", "test command"})
"""The marks of the README's two commands: .ci/run runs them, each in a fresh clone."""

_FENCE = re.compile(r"(?P<indent> *)(?P<fence>`{3,}|~{3,}|:{3,}) *(?P<info>.*?) *\n?")
_MARK = re.compile(r"<!--\s(.*?)\s-->", re.DOTALL)
_CLOCK = re.compile(r"(?:\d{4}-\d\d-\d\d[ T])?\d\d:\d\d:\d\d(?:\.\d+)?")


@dataclass(frozen=True)
class Block:
    """A fenced block: its text, its language, and the mark (an HTML comment) above it."""

    page: Path
    line: int
    language: str
    text: str
    mark: str

    @property
    def where(self) -> str:
        """The place of the block, for messages."""
        return f"{name_of(self.page)}:{self.line}"

    def marked(self, name: str) -> str | None:
        """Return what the mark says after `name`, or None if it is another mark."""
        kind, _, rest = self.mark.partition("\n" if name == "meanwhile" else ": ")
        return rest if kind == name else None


def name_of(page: Path) -> str:
    """Return the name of a page, the same on every system."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, also those in directives such as notes."""
    return list(_blocks(page, page.read_text(encoding="utf-8").splitlines(keepends=True), 1))


def _blocks(page: Path, lines: list[str], first: int) -> Iterator[Block]:
    number = 0
    while number < len(lines):
        opening = _FENCE.fullmatch(lines[number])
        if opening is None:
            number += 1
            continue
        fence, indent = opening["fence"], len(opening["indent"])
        begin = end = number + 1
        while end < len(lines) and not re.fullmatch(rf" *{fence}+\n?", lines[end]):
            end += 1
        assert end < len(lines), f"{name_of(page)}:{first + number}: this fence has no end"
        content = [line[indent:] if line.strip() else "\n" for line in lines[begin:end]]
        info = opening["info"]
        if info.startswith("{"):
            yield from _blocks(page, content, first + begin)
        yield Block(
            page, first + number, info.split(" ")[0], "".join(content), _mark(lines[:number])
        )
        number = end + 1


def _mark(before: list[str]) -> str:
    """Return the text of the comment that ends in the line above, or ""."""
    if not before or not before[-1].rstrip().endswith("-->"):
        return ""
    for start in range(len(before) - 1, -1, -1):
        if before[start].lstrip().startswith("<!--"):
            found = _MARK.fullmatch(textwrap.dedent("".join(before[start:])).strip())
            return found[1] if found else ""
    return ""


# What is printed


def require_output(block: Block, expected: str, printed: str) -> None:
    """Compare; `...` is any text, and each time of day is any time of day.

    Columns may have another width.
    """
    parts = []
    for number, clock_free in enumerate(_CLOCK.split(re.sub(" +", " ", expected.strip()))):
        parts.append(_CLOCK.pattern if number else "")
        parts.append(re.escape(clock_free).replace(r"\.\.\.", ".*?"))
    lines = re.sub(" *\n", "\n", re.sub(" +", " ", printed.strip()))
    assert re.fullmatch("".join(parts), lines, re.DOTALL), (
        f"{block.where}: the page shows\n{expected}\nbut this is printed:\n{printed}"
    )


# Sessions


def sessions(page: Path) -> str:
    """Return the sessions of a page as one."""
    return "\n".join(block.text for block in blocks(page) if block.language == "pycon")


def type_sessions(page: Path) -> int:
    """Run every session of a page, one after the other; return the number of lines."""
    name = name_of(page)
    test = doctest.DocTestParser().get_doctest(sessions(page), {}, name, name, 0)
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    assert result.failed == 0, "".join(said)
    return result.attempted


# Programs and commands


class PageRun:
    """Runs the programs and the commands of one page, or only some blocks, in one folder."""

    def __init__(self, page: Path, folder: Path, some: Sequence[Block] | None = None) -> None:
        self._folder, self._printed = folder, ""
        self._blocks = blocks(page) if some is None else some
        self.transcript = ""
        """All that the programs and commands printed."""
        self._commands = "".join(b.text for b in self._blocks if b.language in {"sh", "console"})

    def run(self, *, commands: bool) -> None:
        """Run the programs and the tests; with `commands`, the programs and the commands."""
        if commands:
            self._make_tools()
        for number, block in enumerate(self._blocks):
            name = block.marked("file")
            if name is not None:
                self._write(name, block.text)
            if block.marked("not run") is not None or block.mark in RUN_ELSEWHERE:
                self._printed = "..."
            elif block.language == "python":
                if not (commands and is_test(block)):
                    self._run_python(block, name or f"program{number}.py")
            elif block.language in {"sh", "console"} and commands:
                self._run_commands(block)
            elif block.marked("output") is not None or block.mark == "output":
                if commands or self._printed:
                    require_output(block, block.text, self._printed)
                self._printed = ""

    def _write(self, name: str, text: str) -> None:
        path = self._folder / name
        assert self._folder.resolve() in path.resolve().parents, name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _run_python(self, block: Block, name: str) -> None:
        self._write(name, block.text)
        if is_test(block):
            settings = self._folder / "pytest.ini"
            settings.write_text("[pytest]\n", encoding="utf-8")
            command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(settings), name]
            self._run(block, [sys.executable, *command])
        elif name not in self._commands:
            program = str(ROOT / "tests/support/page_program.py")
            self._run(block, [sys.executable, program, name])

    def _run_commands(self, block: Block) -> None:
        if block.language == "sh":
            self._run(block, ["bash", "-euo", "pipefail", "-c", without_installs(block.text)])
            return
        for command, expected in typed(block):
            self._run(block, ["bash", "-uo", "pipefail", "-c", without_installs(command)], None)
            require_output(block, expected, self._printed)

    def _run(self, block: Block, command: list[str], code: int | None = 0) -> None:
        paths = f"{self._folder / 'tools'}{os.pathsep}{os.environ.get('PATH', '')}"
        meanwhile = block.marked("meanwhile") or ""
        done = subprocess.run(
            command,
            cwd=self._folder,
            env={**environment(), "PATH": paths, "PAGE_MEANWHILE": meanwhile},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SECONDS,
            check=False,
        )
        said = f"{block.where}: {command}\n{done.stdout}{done.stderr}"
        assert code is None or done.returncode == code, said
        assert "Traceback" not in done.stderr, said
        self._printed = done.stdout + done.stderr
        self.transcript += self._printed

    def _make_tools(self) -> None:
        """Write the commands that a page may call: they use the page's simulator."""
        program = shlex.quote(str(ROOT / "tests/support/page_program.py"))
        python = shlex.quote(sys.executable)
        tools = {
            "ras-native": f"{python} {program} -m ras_native",
            "python": f"{python} {program}",
            "pytest": f"{python} -m pytest -q -p no:cacheprovider -c /dev/null --rootdir=.",
        }
        for name, line in tools.items():
            self._write(f"tools/{name}", f'#!/bin/sh\nexec {line} "$@"\n')
            (self._folder / "tools" / name).chmod(0o755)


def is_test(block: Block) -> bool:
    """Whether the block is for pytest."""
    return "def test_" in block.text


def environment() -> dict[str, str]:
    """Return the environment for new processes: they find the package that is in use here."""
    import ras_native

    home = str(Path(ras_native.__file__).parents[1])
    only_our_plugin = {  # the others take a second of each pytest
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_PLUGINS": "ras_native_pytest",
    }
    settings = {"PYTHONPATH": home, "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"}
    return {**os.environ, **only_our_plugin, **settings}


def typed(block: Block) -> Iterator[tuple[str, str]]:
    """Return each command of a console block, without its `$`, and what it prints."""
    assert block.text.startswith("$ "), f"{block.where}: a console block begins with $ COMMAND"
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.replace("\\\n", "").partition("\n")
        yield command, expected


_INSTALL = re.compile(r"^(?:python3? -m )?pip install (.*)$", re.MULTILINE)


def without_installs(text: str) -> str:
    """Check the lines `pip install` and take them out: a test installs nothing."""
    for arguments in _INSTALL.findall(text):
        for extras in re.findall(r"\[([\w,]+)\]", arguments):
            assert set(extras.split(",")) <= extra_names(), f"no such extra: {arguments}"
    return _INSTALL.sub("true", text)


def extra_names() -> set[str]:
    """Return the names of the extras in pyproject.toml."""
    text = ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8")
    table = text.partition("[project.optional-dependencies]\n")[2].partition("\n[")[0]
    return set(re.findall(r"^(\w+) = ", table, re.MULTILINE))


# Data


def parse_toml(text: str) -> None:
    """Parse TOML: Python has a parser since 3.11, and pytest brings one before."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    tomllib.loads(text)


def parse_yaml(text: str) -> None:
    """Parse all documents of a YAML text."""
    import yaml

    list(yaml.safe_load_all(text))


def parse_json(text: str) -> None:
    """Parse one JSON document, or one on each line."""
    try:
        json.loads(text)
    except ValueError:
        for line in text.splitlines():
            json.loads(line)


def parse_ini(text: str) -> None:
    """Parse INI, also with keys that have no value."""
    configparser.RawConfigParser(allow_no_value=True, strict=False).read_string(text)


def parse_powershell(text: str) -> None:
    """Check the words, the brackets and the commands `ras-native` of a PowerShell text."""
    check_words("powershell", text)
    check_commands(text.replace("`\n", " "))


def parse_csharp(text: str) -> None:
    """Check the words and the brackets of a C# text."""
    check_words("csharp", text)


def check_words(language: str, text: str) -> None:
    """Check that Pygments knows each word, and that brackets are in pairs."""
    from pygments.lexers import get_lexer_by_name
    from pygments.token import Error, Punctuation

    tokens = list(get_lexer_by_name(language).get_tokens(text))
    wrong = [value for kind, value in tokens if kind in Error]
    assert not wrong, f"not {language}: {wrong}"
    brackets = "".join(value for kind, value in tokens if kind in Punctuation)
    for opening, closing in ("()", "{}", "[]"):
        assert brackets.count(opening) == brackets.count(closing), f"unbalanced {opening}"


def check_commands(text: str) -> None:
    """Check that each line `ras-native ...` is a command with options that exist."""
    from ras_native.cli import _commands

    for line in re.findall(r"^(?:[$&] +|PS> +)?ras-native +(.*)$", text, re.MULTILINE):
        words = shlex.split(re.split(r" [|>&] | 2>|;", line)[0])
        if words in (["--help"], ["--version"]):
            continue
        command = _commands.cli.commands.get(words[0])
        assert command is not None, f"no such command: ras-native {line}"
        if "--help" not in words:
            command.make_context(words[0], words[1:]).close()


def parse_shell(text: str) -> None:
    """Let bash check the grammar where there is a bash, and check the commands."""
    if sys.platform != "win32":
        subprocess.run(["bash", "-n", "-c", text], check=True, timeout=SECONDS)  # noqa: S607
    check_commands(text.replace("\\\n", " "))


def parse_session(text: str) -> None:
    """Check that there is something to type."""
    assert doctest.DocTestParser().get_examples(text), "no line begins with >>>"


PARSERS: dict[str, Callable[[str], object]] = {
    "console": lambda text: parse_shell("\n".join(re.findall(r"^\$ (.*)", text, re.MULTILINE))),
    "csharp": parse_csharp,
    "ini": parse_ini,
    "json": parse_json,
    "powershell": parse_powershell,
    "pycon": parse_session,
    "python": lambda text: compile(text, "<block>", "exec"),
    "sh": parse_shell,
    "toml": parse_toml,
    "xml": ElementTree.fromstring,
    "yaml": parse_yaml,
}
"""How the text of each language is checked, besides being run."""


def check(block: Block) -> None:
    """Fail if the block is in no language that is checked here, or if it is wrong."""
    if block.language.strip("{}") in DIRECTIVES:
        return
    is_output = block.language == "text" and block.mark == "output"
    assert is_output or block.language in PARSERS, (
        f"{block.where}: {block.language!r} is not checked here; use one of {sorted(PARSERS)}, "
        "or text under the mark <!-- output -->"
    )
    if not is_output:
        try:
            PARSERS[block.language](block.text)
        except Exception as error:
            raise AssertionError(f"{block.where}: {error}") from error


def marked_block(page: Path, mark: str) -> str:
    """Return the one block of a page under this mark."""
    (found,) = (block.text for block in blocks(page) if block.mark == mark)
    return found


def without_blocks(page: Path) -> str:
    """Return the text of a page without its fenced blocks."""
    text = page.read_text(encoding="utf-8")
    return re.sub(r"^ *(```+|~~~+).*?^ *\1$", "", text, flags=re.MULTILINE | re.DOTALL)


def targets(page: Path) -> list[str]:
    """Return what the links of a page point to."""
    return re.findall(r"(?<!!)\[[^]]*\]\(<?([^)>\s]+)", without_blocks(page))


def pictures(page: Path) -> list[str]:
    """Return what the pictures of a page point to."""
    return re.findall(r"!\[[^]]*\]\(<?([^)>\s]+)", without_blocks(page))


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub and MyST make them."""
    headings = re.findall(r"^#+ (.*)$", without_blocks(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def main(arguments: list[str]) -> None:
    """Type the sessions of a page."""
    (name,) = arguments
    print(f"{name}: {type_sessions(ROOT / name)} lines typed")


if __name__ == "__main__":
    main(sys.argv[1:])
