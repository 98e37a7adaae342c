"""The pytest plugin: its fixtures work, and it imports nothing before a test asks for one."""

from __future__ import annotations

import sys

import pytest

OPTIONS = ("-p", "no:randomly", "-p", "no:cacheprovider")


def test_a_program_of_ones_own_is_tested_on_the_simulator(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it_sees_a_connection(ras, ras_simulator):
            ras_simulator.add("Head office")
            assert [c.entry_name for c in ras.enum_connections()] == ["Head office"]

        def test_the_next_test_begins_anew(ras):
            assert ras.enum_connections() == ()
        """
    )
    pytester.runpytest_subprocess(*OPTIONS).assert_outcomes(passed=2)


def test_nothing_is_imported_before_it_is_used(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_unrelated():
            assert "ras_native_pytest" in sys.modules
            assert "ras_native" not in sys.modules
        """
    )
    pytester.runpytest_subprocess(*OPTIONS).assert_outcomes(passed=1)


def test_pytest_finds_it_by_its_entry_point() -> None:
    from importlib.metadata import entry_points

    found = [point for point in entry_points(group="pytest11") if point.name == "ras_native"]
    assert [point.value for point in found] == ["ras_native_pytest"]
    assert found[0].load() is sys.modules["ras_native_pytest"]
