"""Completion in bash and PowerShell, on both backends."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading

import pytest
from click.testing import CliRunner
from command import COMMAND, HOME, run_process

from ras_native.cli import _commands, _completion

VARIABLE = "_RAS_NATIVE_COMPLETE"


@pytest.fixture
def complete(sim, backend):
    """Complete the last word as PowerShell does; return the texts to insert."""

    def run(*words: str) -> list[str]:
        *before, word = [words[0], "--provider", sim.path, "--backend", backend, *words[1:]]
        environment = {
            VARIABLE: "powershell_complete",
            "COMP_WORDS": "\n".join(["ras-native", *before]),
            "COMP_WORD": word or None,
        }
        result = CliRunner().invoke(
            _commands.cli, [], prog_name="ras-native", env=environment, catch_exceptions=False
        )
        assert result.exit_code == 0, result.output
        return [json.loads(line)["text"] for line in result.stdout.splitlines() if line]

    return run


@pytest.mark.parametrize("command", ["status", "watch", "wait", "hangup"])
def test_entries_are_completed(complete, sim, command):
    for name in ("Head office", "headquarters", "Branch", "Branch"):
        sim.add(name)
    assert complete(command, "HEAD") == ["'Head office'", "headquarters"]
    assert complete(command, "'head o") == ["'Head office'"]
    assert complete(command, "") == ["Branch", "'Head office'", "headquarters"]


def test_every_entry_of_watch_is_completed(complete, sim):
    sim.add("Branch")
    assert complete("watch", "'Head office'", "B") == ["Branch"]


def test_the_entry_of_a_tunnel_is_completed(complete, sim):
    sim.add("Branch")
    assert complete("connect", "--via", "B") == ["Branch"]


def test_names_are_quoted_for_powershell(complete, sim):
    for name in ("It's", "$HOME", "東京支社", "x\x1b[2J"):
        sim.add(name)
    assert complete("status", "") == ["'$HOME'", "'It''s'", "東京支社"]
    assert complete("status", "'it''s'") == ["'It''s'"]


def test_options_and_their_values_are_completed(complete):
    assert complete("list", "--js") == ["--json"]
    assert complete("watch", "--only", "Disc") == ["disconnected"]
    assert complete("replay", "") == []  # PowerShell itself completes files


@pytest.mark.parametrize("provider", ["there is none", ""])
def test_a_failure_is_silent(provider, backend):
    words = ["ras-native", "status", "--provider", provider, "--backend", backend]
    done = run_process(
        *COMMAND, environment={VARIABLE: "powershell_complete", "COMP_WORDS": "\n".join(words)}
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


def test_a_provider_that_does_not_answer_is_left_behind():
    never = threading.Event()

    def block() -> list[str]:
        never.wait()
        return ["late"]

    assert _completion.within(0.01, block) == []
    never.set()


def test_the_phone_books_are_read(tmp_path):
    book = tmp_path / "all users" / _completion._PHONE_BOOK
    book.parent.mkdir(parents=True)
    book.write_bytes("\ufeff[Zürich Büro]\r\nEncoding=1\r\nDEVICE=[x]\r\n\r\n[two]\r\n".encode())
    folders = [str(tmp_path / "user"), str(tmp_path / "all users"), None]
    assert _completion.phone_book_entries(folders) == ["Zürich Büro", "two"]


def test_the_powershell_script_names_the_command_and_the_variable():
    done = run_process(*COMMAND, "--completion", "powershell")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Register-ArgumentCompleter -Native -CommandName ras-native, ras-native.exe" in (
        done.stdout
    )
    assert f"$env:{VARIABLE} = 'powershell_complete'" in done.stdout
    assert "%" not in done.stdout.replace("| %", "")


# bash runs the script, and the command that a test puts on its path.

PROGRAM = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(HOME)!r})
from ras_native import cli
from ras_native.sim import Simulator
with Simulator() as sim:
    for name in ("Head office", "Branch, two lines", "It's", "a*b", "back\\\\slash", "$(reboot)"):
        sim.add(name)
    cli.main()
"""
COMPLETE = """
eval "$(ras-native --completion bash)"
compopt() { echo "compopt $2"; }
COMP_WORDS=(ras-native "$@")
COMP_CWORD=$#
_ras_native_completion ras-native
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def bash(tmp_path, sim):
    """Complete the last word as bash does."""
    program = tmp_path / "ras-native"
    program.write_text(PROGRAM, encoding="utf-8")
    program.chmod(0o755)
    shell = shutil.which("bash")
    assert shell

    def run(command: str, *words: str) -> list[str]:
        done = subprocess.run(
            [shell, "--norc", "-c", COMPLETE, "bash", command, "--provider", sim.path, *words],
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.split("\n")[:-1]

    return run


BASH = pytest.mark.posix_only("there PowerShell is the usual shell")
OLD_BASH = pytest.mark.skipif(sys.platform == "darwin", reason="macOS has bash 3, click needs 4.4")


@BASH
@OLD_BASH
@pytest.mark.parametrize(
    ("typed", "texts"),
    [
        ("he", ["'Head office'"]),
        ("'he", ["Head office"]),
        ('"he', ["Head office"]),
        ("Head\\ o", ["'Head office'"]),
        ("br", ["'Branch, two lines'"]),
        ("a", ["'a*b'"]),
        ("back", [r"'back\slash'"]),
        ("it", ["""'It'"'"'s'"""]),
        ("'it", [""]),
        ("$", ["'$(reboot)'"]),
        ("'$", ["$(reboot)"]),
        ('"$', [""]),
    ],
)
def test_bash_completes_an_entry(bash, typed, texts):
    assert bash("status", typed) == texts


@BASH
@OLD_BASH
def test_bash_completes_options_and_files(bash):
    assert bash("status", "--js") == ["--json"]
    for command, option in (("watch", "--record"), ("watch", "--log"), ("list", "--provider")):
        assert bash(command, option, "x") == ["compopt default", ""]
