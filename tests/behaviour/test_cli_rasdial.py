"""ras-native list --format rasdial, on both backends.

The files in rasdial/ are what Windows' rasdial prints in English, as scripts expect it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from ras_native import RasError
from ras_native.cli import _commands

GOLDEN = Path(__file__).parent / "rasdial"
RASDIAL = ("list", "--format", "rasdial")


@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("none", []),
        ("one", ["Head office"]),
        ("several", ["Head office", "Zürich Büro", ""]),
    ],
)
def test_the_output_is_that_of_rasdial(run, sim, name, entries):
    for entry in entries:
        sim.add(entry, phone_number="555-0199")
    assert run(*RASDIAL).stdout == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_a_failure_has_the_exit_code_of_ras(run, sim):
    sim.stop_service(711)
    result = run(*RASDIAL, code=711)
    assert result.stdout == f"Remote Access error 711 - {RasError(711, '').message}\n"
    assert result.stderr == ""


def test_a_failure_without_that_format_is_1(run, sim):
    sim.stop_service(711)
    assert run("list", code=1).stdout == ""


def test_a_name_cannot_forge_a_line(run, sim):
    sim.add("x\nNo connections")
    assert run(*RASDIAL).stdout.splitlines()[1:-1] == [r"x\nNo connections"]


def test_two_formats_are_refused(run):
    assert "two formats" in run(*RASDIAL, "--json", code=2).output


@pytest.mark.posix_only("Windows has a provider")
def test_without_ras_the_error_is_the_usual_one(backend):
    result = CliRunner().invoke(_commands.cli, [*RASDIAL, "--backend", backend])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "--simulate" in result.stderr
