"""Tells PyInstaller what a frozen program needs. PyInstaller finds it as an entry point."""

from __future__ import annotations

from pathlib import Path


def hook_folders() -> list[str]:
    """Return the folder of the hook; PyInstaller calls this."""
    return [str(Path(__file__).parent)]
