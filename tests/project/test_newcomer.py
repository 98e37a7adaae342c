"""Ten tasks of a newcomer, who knows only the README.

Each task is found within two clicks, and is done by what stands there: these tests follow the links
by their texts, read the section under its heading, run its blocks, and look at what came of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from itertools import pairwise
from pathlib import Path

import pytest
from documents import ROOT, Block, PageRun, blocks, extra_names, name_of
from markdown_it import MarkdownIt

from ras_native import Disconnected, replay

MOST_CLICKS = 2
ENTRY = "Head office"

typed_in_a_shell = pytest.mark.posix_only("the commands of the documents are written for sh")


class Newcomer:
    """Reads one page at a time, and does what stands there, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._page, self._clicks = ROOT / "README.md", 0

    def click(self, words: str) -> None:
        """Follow the link whose text has these words."""
        links = dict(self._links())
        found = [target for text, target in links.items() if words in text]
        assert found, f"{self._where} has no link {words!r}; its links: {list(links)}"
        self._page = (self._page.parent / found[0].partition("#")[0]).resolve()
        self._clicks += 1
        assert self._page.exists(), f"{words!r} leads to {self._where}, which does not exist"
        assert self._clicks <= MOST_CLICKS, f"{self._where} is {self._clicks} clicks away"

    def do(self, heading: str, *, only: str | None = None, typing: bool = False) -> str:
        """Run what stands under this heading, and return what it printed.

        That is the programs; with `typing` also the commands; with `only` the blocks of a language.
        """
        found = [block for block in self._section(heading) if only in (None, block.language)]
        assert found, f"nothing can be run under {heading!r} of {self._where}"
        run = PageRun(self._page, self.folder, found)
        run.run(commands=typing)
        return run.transcript

    def file(self, name: str) -> str:
        """Return the text of a file that was made."""
        made = {path.name: path for path in self.folder.iterdir()}
        assert name in made, f"{self._where} made no {name!r}, only {sorted(made)}"
        return made[name].read_text(encoding="utf-8")

    @property
    def _where(self) -> str:
        return name_of(self._page)

    def _text(self) -> str:
        return self._page.read_text(encoding="utf-8")

    def _links(self) -> list[tuple[str, str]]:
        text = re.sub(r"\s+", " ", self._text())
        return re.findall(r"\[([^\[\]]+)\]\(([^)\s]+)\)", text)

    def _section(self, heading: str) -> Iterator[Block]:
        """Yield the blocks from this heading to the next one of its level.

        On the page, a number may precede it, and a colon with more words may follow.
        """
        tokens = MarkdownIt().parse(self._text())
        headings = [
            (token.map[0] + 1, int(token.tag[1:]), inline.content)
            for token, inline in pairwise(tokens)
            if token.type == "heading_open"
        ]
        wanted = re.compile(rf"(\d+\. )?{re.escape(heading)}(:.*)?")
        found = [(line, level) for line, level, text in headings if wanted.fullmatch(text)]
        assert found, f"{self._where} has no heading {heading!r}; its headings: {headings}"
        first, level = found[0]
        ends = [line for line, other, _ in headings if line > first and other <= level]
        last = min(ends, default=len(self._text()))
        return (block for block in blocks(self._page) if first < block.line < last)


@pytest.fixture
def newcomer(tmp_path):
    return Newcomer(tmp_path)


def test_install(newcomer):
    """Here the suite installs nothing: .ci/run types the README's commands in a fresh clone."""
    installs = [block.text for block in newcomer._section("Install")]
    extras = re.findall(r"pip install -e '\.\[(\w+)\]'", "".join(installs))
    assert extras
    assert set(extras) <= extra_names()
    (command,) = entry_points(group="console_scripts", name="ras-native")
    assert callable(command.load())


@typed_in_a_shell
def test_see_my_connections(newcomer):
    newcomer.click("tutorial")
    assert ENTRY in newcomer.do("See your connections", only="console", typing=True)


def test_be_told_of_a_drop(newcomer):
    assert f"Disconnected {ENTRY}" in newcomer.do("Five lines")


@typed_in_a_shell
def test_be_told_why(newcomer):
    newcomer.click("tutorial")
    assert "829 ERROR_LINK_FAILURE" in newcomer.do("Write a monitor", typing=True)


@typed_in_a_shell
def test_log_to_a_file_and_run_a_command_on_a_drop(newcomer):
    """These are two tasks; one command does both."""
    newcomer.click("Log drops and run a program on a drop")
    newcomer.do("Log to a file, run a program on a drop", typing=True)
    logged = [json.loads(line) for line in newcomer.file("office.jsonl").splitlines()]
    assert ("Disconnected", ENTRY) in [(item["event"], item["entry"]) for item in logged]
    assert f"{ENTRY} dropped" in newcomer.file("drops.txt")


def test_test_my_program(newcomer):
    newcomer.click("Test your own program")
    assert re.search(r"[1-9] passed", newcomer.do("The first test"))


def test_probe_a_host_through_the_tunnel(newcomer):
    newcomer.click("Check a host through the tunnel")
    assert f"{ENTRY} is unreachable" in newcomer.do("In a program")


@typed_in_a_shell
def test_record_and_send_an_incident(newcomer):
    newcomer.click("Record an incident")
    newcomer.do("Record", only="sh", typing=True)
    newcomer.do("Send it", typing=True)
    recording, report = newcomer.file("office.rec"), newcomer.file("doctor.json")
    events = replay(newcomer.folder / "office.rec")
    assert [event for event in events if isinstance(event, Disconnected)]
    assert json.loads(report)["ras_native"]
    assert ENTRY not in recording + report


@typed_in_a_shell
def test_measure_speed(newcomer):
    newcomer.click("how to measure yours")
    assert re.search(
        r"^poll +\d+ +[\d.]+ ", newcomer.do("Measure yours", typing=True), re.MULTILINE
    )


# What these tests say when a task can no longer be found


def test_a_link_that_is_gone_is_named(newcomer):
    with pytest.raises(AssertionError, match=r"README\.md has no link 'dance'.*tutorial"):
        newcomer.click("dance")


def test_a_third_click_is_one_too_many(newcomer):
    newcomer.click("All documents")
    newcomer.click("Your first monitor")
    with pytest.raises(AssertionError, match="3 clicks"):
        newcomer.click("Events")


def test_a_heading_that_is_gone_is_named(newcomer):
    with pytest.raises(AssertionError, match=r"no heading 'Dance'.*'Install'"):
        newcomer.do("Dance")


def test_a_file_that_was_not_made_is_named(newcomer):
    with pytest.raises(AssertionError, match=r"README\.md made no 'office.rec', only \[\]"):
        newcomer.file("office.rec")


def test_a_section_without_blocks_is_named(newcomer):
    with pytest.raises(AssertionError, match="nothing can be run"):
        newcomer.do("When not to use it")
