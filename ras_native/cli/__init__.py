"""The command `ras-native`, for people and for scripts. It needs the extra "cli"."""

from __future__ import annotations

_NEEDED = frozenset({"click", "rich"})


def main() -> None:
    """Run the command and exit; `ras-native --help` lists the exit codes."""
    try:
        from ._commands import cli  # noqa: PLC0415 - click or rich may be missing
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _NEEDED:
            raise
        raise SystemExit(
            f"ras-native: this command needs {package}, which is not installed: "
            "pip install 'ras_native[cli]'"
        ) from None
    cli.main(prog_name="ras-native")
