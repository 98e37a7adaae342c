"""The live screen of ras-native watch in a real terminal."""

from __future__ import annotations

import os
import re
import signal
import sys

import pytest

if sys.platform != "win32":
    from terminal import Terminal

pytestmark = pytest.mark.posix_only("Windows has no pseudo-terminal that Python can open")

WATCH = ("watch", "Head office", "--simulate", "--interval", "0.2")
ENTERED, LEFT = "\x1b[?1049h", "\x1b[?1049l"  # the screen beside the one with the shell's lines


def test_a_suspended_screen_leaves_the_terminal_as_it_was():
    with Terminal(*WATCH) as terminal:
        terminal.until("events")
        assert not terminal.is_as_it_was()
        terminal.type("\x1a")  # Ctrl-Z
        terminal.until(LEFT)
        _, status = os.waitpid(terminal.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert terminal.is_as_it_was()
        terminal.process.send_signal(signal.SIGCONT)
        terminal.until(ENTERED)
        terminal.until("events")
        terminal.type("q")
        terminal.until(LEFT)
        assert terminal.end() == 0
        assert terminal.is_as_it_was()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (None, 130)])
def test_a_screen_that_is_ended_leaves_the_terminal_as_it_was(number, code):
    with Terminal(*WATCH) as terminal:
        terminal.until("events")
        if number is None:
            terminal.type("\x03")  # Ctrl-C
        else:
            terminal.process.send_signal(number)
        terminal.until(LEFT)
        assert terminal.end() == code
        assert terminal.is_as_it_was()


def test_a_resized_terminal_is_used_whole():
    with Terminal(*WATCH, width=40) as terminal:
        assert "AVAIL" not in terminal.until("events")
        terminal.resize(100, 30)
        terminal.until("AVAIL")
        terminal.type("q")
        assert terminal.end() == 0


def test_a_count_ends_the_screen():
    with Terminal(*WATCH, "--count", "2") as terminal:
        terminal.until(LEFT)
        assert terminal.end() == 0
        assert terminal.is_as_it_was()


def test_a_command_that_failed_is_told_after_the_end():
    with Terminal(*WATCH, "--on", "Absent", "no-such-command", "--duration", "1") as terminal:
        terminal.until(LEFT)
        assert terminal.end() == 0
        assert "Warning: 'no-such-command' for Absent 1 failed: " in terminal.output.decode()


def test_no_color_means_no_colour():
    with Terminal(*WATCH, NO_COLOR="1") as terminal:
        output = terminal.until("Head office") + terminal.until("events")
        styles = re.findall(r"\x1b\[([\d;]*)m", output)
        assert styles
        codes = {code for style in styles for code in style.split(";")}
        assert codes <= {"", "0", "1", "2", "3", "4", "7", "22", "39", "49"}


def test_the_locale_c_has_only_ascii():
    with Terminal(*WATCH, LANG="C") as terminal:
        assert (terminal.until("Head office") + terminal.until("events")).isascii()


def test_a_dumb_terminal_has_lines_without_controls():
    with Terminal(*WATCH, "--count", "1", TERM="dumb") as terminal:
        assert terminal.end() == 0
        assert "\x1b" not in terminal.output.decode()
        assert "absent" in terminal.output.decode()
