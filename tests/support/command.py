"""Run the command `ras-native`: in this process on a simulator, or in a new process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from ras_native import cli
from ras_native.cli import _commands
from ras_native.sim import Simulator

NEVER = 3600.0  # an interval that does not end during a test
COMMAND = (sys.executable, "-m", "ras_native")
HOME = Path(cli.__file__).parents[2]  # new processes import the same package from here


def run_process(
    *command: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=HOME,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=50,
        check=False,
    )


class Command:
    """Runs the command in this process, on the simulator that the test controls."""

    def __init__(self, sim: Simulator, backend: str) -> None:
        self._provider = ("--provider", sim.path, "--backend", backend)

    def __call__(self, name: str, *arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(_commands.cli, [name, *self._provider, *arguments])
        assert result.exit_code == code, (result.output, result.exception)
        return result

    def json(self, name: str, *arguments: str) -> object:
        return json.loads(self(name, *arguments, "--json").stdout)

    def json_lines(self, *arguments: str) -> list[dict]:
        return [
            json.loads(line) for line in self("watch", *arguments, "--json").stdout.splitlines()
        ]
