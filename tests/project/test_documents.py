"""Every fenced block of the README and the documents runs, or is checked; no link is broken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import documents
import pytest
from documents import PAGES, ROOT, Block, PageRun, blocks, check, name_of, require_output
from markdown_it import MarkdownIt

every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)
PROGRAMS = [page for page in PAGES if any(b.language == "python" for b in blocks(page))]
COMMANDS = [page for page in PAGES if any(b.language in {"sh", "console"} for b in blocks(page))]
SESSIONS = [page for page in PAGES if documents.sessions(page)]
a_whole_page = pytest.mark.timeout(240)  # a machine may be slow, and Wine is


@every_page
def test_every_block_is_in_a_language_that_is_checked(page):
    for block in blocks(page):
        check(block)


@every_page
def test_no_block_escapes(page):
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    assert not [token.map for token in tokens if token.type == "code_block"], "use a fence"
    fences = [token.map[0] + 1 for token in tokens if token.type == "fence"]
    assert set(fences) <= {block.line for block in blocks(page)}


@pytest.mark.parametrize("page", SESSIONS, ids=name_of)
def test_the_sessions_are_real(page, tmp_path):
    done = subprocess.run(
        [sys.executable, documents.__file__, name_of(page)],
        cwd=tmp_path,
        env=documents.environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=documents.SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@a_whole_page
@pytest.mark.parametrize("page", PROGRAMS, ids=name_of)
def test_the_programs_run(page, tmp_path):
    PageRun(page, tmp_path).run(commands=False)


@a_whole_page
@pytest.mark.posix_only("the commands of the documents are written for sh")
@pytest.mark.parametrize("page", COMMANDS, ids=name_of)
def test_the_commands_run(page, tmp_path):
    PageRun(page, tmp_path).run(commands=True)


@every_page
def test_no_link_inside_the_repository_is_broken(page):
    for target in documents.targets(page):
        if not target.startswith("https://"):
            name, _, anchor = target.partition("#")
            path = page.parent / name if name else page
            assert path.exists(), target
            assert not anchor or anchor in documents.anchors(path), target


@every_page
def test_every_picture_is_a_file_of_the_repository(page):
    """So nobody needs a network to build or to read the documents."""
    for target in documents.pictures(page):
        assert (page.parent / target).exists(), target


# The checks themselves


def block(language: str, text: str, mark: str = "") -> Block:
    return Block(ROOT / "README.md", 1, language, text, mark)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("", "no language\n"),
        ("text", "an output without its mark\n"),
        ("console", "$ ras-native watch --no-such-option\n"),
        ("console", "$ ras-native no-such-command\n"),
        ("csharp", "Console.WriteLine(1;\n"),
        ("ini", "no section\n"),
        ("json", "{'a': 1}\n"),
        ("powershell", "ras-native list --no-such-option\n"),
        ("powershell", "if ($true) { 1\n"),
        ("pycon", "no session\n"),
        ("python", "def wrong(:\n"),
        ("toml", "a = \n"),
        ("xml", "<a>\n"),
        ("yaml", "a: [\n"),
        ("{raw}", "html\n"),
    ],
)
def test_a_wrong_block_is_an_error(language, text):
    with pytest.raises(AssertionError, match=r"README\.md:1"):
        check(block(language, text))


class Page:
    """A page that is no file."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read_text(self, **_: object) -> str:
        return self._text

    def relative_to(self, _: object) -> Path:
        return Path("page.md")


def test_blocks_are_found_in_lists_and_notes_with_their_marks():
    text = (
        "1. a list\n\n   <!-- output -->\n   ```text\n   hello\n   ```\n\n"
        "````{note}\n<!-- meanwhile\nsim.drop(office)\n-->\n```python\nprint(1)\n```\n````\n"
    )
    found = blocks(Page(text))
    assert [(b.language, b.text) for b in found[:2]] == [
        ("text", "hello\n"),
        ("python", "print(1)\n"),
    ]
    assert found[0].mark == "output"
    assert found[1].marked("meanwhile") == "sim.drop(office)"
    assert found[2].language == "{note}"


def test_a_fence_without_an_end_is_an_error():
    with pytest.raises(AssertionError, match=r"page\.md:2"):
        blocks(Page("text\n```python\n"))


def test_output_is_compared():
    shown = "10:11:12  dropped Head office ... seconds\n"
    require_output(block("text", shown), shown, "23:59:59.123  dropped Head office 5.1 seconds \n")
    with pytest.raises(AssertionError, match="but this is printed"):
        require_output(block("text", shown), shown, "23:59:59  dropped Branch 5 seconds\n")


def run_page(text: str, tmp_path: Path, *, commands: bool = False) -> None:
    PageRun(Page(text), tmp_path).run(commands=commands)


DROPS = """<!-- meanwhile
sim.drop(office, reason=829)
told("Explained")
-->
```python
from ras_native import Monitor

with Monitor() as monitor:
    for event in monitor:
        print(type(event).__name__, getattr(event, "reason", ""))
```

<!-- output -->
```text
Found...
Disconnected...
Explained 829 ERROR_LINK_FAILURE: ...
```
"""


def test_a_program_uses_the_simulator_of_its_page(tmp_path):
    run_page(DROPS, tmp_path)


@pytest.mark.parametrize("change", [("829", "828"), ("Found", "Connected"), ("print", "raise ")])
def test_a_program_that_does_something_else_is_an_error(change, tmp_path):
    before, after = change
    with pytest.raises(AssertionError, match=r"page\.md:"):
        run_page(DROPS.replace(before, after, 1), tmp_path)


@pytest.mark.posix_only("the commands of the documents are written for sh")
@pytest.mark.parametrize(
    "text",
    [
        "```sh\nfalse\n```\n",
        "```console\n$ ras-native list\nNo such connection\n```\n",
        "```console\n$ pip install 'ras_native[nothing]'\n```\n",
    ],
    ids=["failure", "other output", "no such extra"],
)
def test_a_command_that_does_something_else_is_an_error(text, tmp_path):
    with pytest.raises(AssertionError):
        run_page(text, tmp_path, commands=True)
