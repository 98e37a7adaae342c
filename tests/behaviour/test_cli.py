"""Tests what all commands of `ras-native` have in common."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from command import COMMAND, run_process

from ras_native import (
    BACKENDS,
    LONGEST_SECONDS,
    MAX_CONCURRENCY,
    Event,
    cli,
    connect_many,
)
from ras_native.cli import _commands, _common


@pytest.mark.parametrize("command", [["list"], ["wait", "東 🛰"], ["hangup", "東 🛰"]])
def test_what_the_terminal_cannot_encode_is_escaped(sim, command):
    sim.add("東 🛰")
    result = CliRunner(charset="cp1252").invoke(
        _commands.cli, [command[0], "--provider", sim.path, *command[1:]]
    )
    assert result.exit_code == 0, result.exception
    assert rb"\u6771 \U0001f6f0" in result.stdout_bytes


def imports_of_the_package(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of each import that a file of cli makes from outside cli."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 2:
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert not (node.module or "").startswith("ras_native")
        elif isinstance(node, ast.Import):
            assert all(alias.name.count(".") == 0 for alias in node.names)


@pytest.mark.parametrize(
    "path", [*Path(cli.__file__).parent.glob("*.py")], ids=lambda path: path.name
)
def test_it_uses_only_what_a_user_can_import(path):
    for module, name in imports_of_the_package(path):
        if (module, name) not in {("", "_self_test"), ("", "__version__")}:
            public = importlib.import_module(f"ras_native.{module}".rstrip("."))
            assert not module.startswith("_")
            assert name in public.__all__


def test_its_limits_are_those_of_the_package(backend):
    with Event(backend=backend) as event:
        assert event.backend in BACKENDS
    with pytest.raises(ValueError, match=f"concurrency.*{MAX_CONCURRENCY}"):
        connect_many([], concurrency=MAX_CONCURRENCY + 1)
    assert connect_many([], concurrency=MAX_CONCURRENCY, timeout=LONGEST_SECONDS) == []
    with pytest.raises(ValueError, match="timeout"):
        connect_many([], timeout=LONGEST_SECONDS + 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--simulate", "--provider", "x"], "two providers"),
        (["list", "--provider", ""], "must be the path"),
        (["doctor", "--beyond-loopback"], "--self-test"),
        (["watch", "--interval", "0"], "--interval"),
        (["watch", "--duration", "nan"], "not a number"),
        (["wait", "Office", "--timeout", "inf"], "--timeout"),
        (["wait", "Office", "--allow-missing"], "--state gone"),
        (["connect"], "TARGET"),
        (["connect", "host:1", "--concurrency", "0"], "--concurrency"),
    ],
)
def test_wrong_usage_is_2_and_says_what(arguments, message):
    result = CliRunner().invoke(_commands.cli, arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_a_long_argument_is_cut_in_the_message(run):
    for name in ("status", "wait"):
        output = run(name, "9" * 5000, "--timeout=0" if name == "wait" else "--json", code=1).output
        assert "999..." in output
        assert len(output) < 1000


ONE_OF_EACH = [
    ["list"],
    ["status"],
    ["watch", "--duration", "0"],
    ["replay", "recording"],
    ["wait", "Office"],
    ["hangup", "Office"],
    ["connect", "127.0.0.1:1"],
    ["doctor"],
    ["exporter", "--listen", "127.0.0.1:0", "--duration", "0"],
]
WITHOUT_BACKEND = [
    ["explain", "809"],
    ["bench", "--seconds", "0"],
    ["report", "recording"],
]


def test_every_command_is_tried_below():
    tried = {arguments[0] for arguments in ONE_OF_EACH + WITHOUT_BACKEND}
    assert tried == set(_commands.cli.commands)


@pytest.mark.parametrize("arguments", ONE_OF_EACH, ids=lambda arguments: arguments[0])
def test_a_wrong_variable_is_explained(arguments):
    done = run_process(*COMMAND, *arguments, environment={"RAS_NATIVE_BACKEND": "foo"})
    assert (done.returncode, done.stdout) == (2, "")
    assert "RAS_NATIVE_BACKEND must be one of native, ctypes, not 'foo'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [*ONE_OF_EACH, *WITHOUT_BACKEND, ["--help"], ["--version"]], ids=" ".join
)
def test_a_closed_output_is_explained(arguments):
    code = "import sys; sys.stdout = None; from ras_native import cli; cli.main()"
    done = run_process(sys.executable, "-c", code, *arguments)
    assert (done.returncode, done.stderr) == (1, "Error: standard output is closed\n")


@pytest.mark.posix_only("only there a shell closes standard output")
@pytest.mark.parametrize("arguments", [["list"], ["watch"]], ids=" ".join)
def test_an_output_that_the_shell_closed_is_explained(arguments):
    done = run_process("sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, *arguments, "--simulate")
    assert (done.returncode, done.stderr) == (1, "Error: standard output is closed\n")


FULL_DISK = """
import errno, io, sys

class FullDisk(io.RawIOBase):
    def writable(self):
        return True

    def write(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

sys.stdout = io.TextIOWrapper(io.BufferedWriter(FullDisk()), encoding="utf-8")
from ras_native import cli
cli.main()
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "--simulate"],
        ["list", "--simulate", "--json"],
        ["watch", "--simulate", "--duration", "0", "--probe", "127.0.0.1:1"],
        ["watch", "--simulate", "--duration", "0", "--probe", "127.0.0.1:1", "--json"],
        ["doctor", "--simulate"],
        ["connect", "127.0.0.1:1"],
        ["--help"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_an_output_that_is_full_is_explained(arguments):
    done = run_process(sys.executable, "-c", FULL_DISK, *arguments)
    assert (done.returncode, done.stderr) == (1, "Error: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("name", _commands.cli.commands)
def test_every_command_explains_itself(name):
    result = CliRunner().invoke(_commands.cli, [name, "--help"])
    assert result.exit_code == 0
    assert ("--json" in result.output) == (name != "exporter"), "its output is for Prometheus"
    assert "<=" not in result.output, "limits are words"
    assert ">=" not in result.output, "limits are words"


def test_help_lists_the_exit_codes():
    lines = CliRunner().invoke(_commands.cli, ["--help"]).stdout.splitlines()
    start = lines.index("  Exit codes:") + 1
    assert [line.split()[0] for line in lines[start : start + 4]] == ["0", "1", "2", "130"]


def test_a_provider_that_is_not_there(tmp_path):
    result = CliRunner().invoke(_commands.cli, ["list", "--provider", str(tmp_path / "none.dll")])
    assert result.exit_code == 1
    assert "there is no such file" in result.output


@pytest.mark.posix_only("Windows has a provider of its own")
def test_without_windows_the_way_to_try_it_out_is_told():
    result = CliRunner().invoke(_commands.cli, ["list"])
    assert result.exit_code == 1
    assert "--simulate" in result.output


def test_without_the_simulator_that_is_told(monkeypatch):
    def missing(**_):
        raise FileNotFoundError("the simulator is not part of this installation")

    monkeypatch.setattr(_common, "Simulator", missing)
    result = CliRunner().invoke(_commands.cli, ["list", "--simulate"])
    assert result.exit_code == 1
    assert "not part of this installation" in result.output


def test_one_look_at_a_simulation_sees_a_connection(backend):
    result = CliRunner().invoke(_commands.cli, ["list", "--simulate", "--backend", backend])
    assert "Head office" in result.stdout


@pytest.mark.parametrize("package", ["click", "rich"])
def test_without_its_packages_the_command_says_how_to_install_them(package):
    code = f"import sys; sys.modules[{package!r}] = None; from ras_native import cli; cli.main()"
    done = run_process(sys.executable, "-c", code)
    assert done.returncode == 1
    assert f"needs {package}" in done.stderr
    assert "pip install 'ras_native[cli]'" in done.stderr


def test_python_m_is_the_command():
    done = run_process(*COMMAND, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ras-native, version ")
