"""`import ras_native` imports little; the public names come when one is first needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ras_native

SLOW = ("ctypes", "dataclasses", "enum", "logging", "socket", "ras_native._ras")


def modules_after(program: str) -> set[str]:
    """Return the modules that a new process has imported after this program."""
    script = f"{program}; import sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    return set(done.stdout.split())


def test_the_import_is_small():
    here = modules_after("import ras_native") - modules_after("pass")
    assert not here & set(SLOW)


def test_one_name_brings_all_but_the_monitor():
    modules = modules_after("import ras_native; ras_native.Ras")
    assert "ras_native._ras" in modules
    assert "ras_native.monitor" not in modules
    assert "ras_native.monitor" in modules_after("import ras_native; ras_native.Monitor")


def test_users_see_each_name_in_the_package():
    for name in ras_native.__all__:
        item = getattr(ras_native, name)
        assert getattr(item, "__module__", "ras_native") in {"ras_native", "typing", "builtins"}, (
            name
        )


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'unknown'"):
        _ = ras_native.unknown
