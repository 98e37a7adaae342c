"""What all benchmarks share: the machine and the missing competitors stand in the results."""

from __future__ import annotations

import sys

import pytest

from ras_native.benchmark import machine

MISSING = "missing: "


def pytest_collection_modifyitems(items):
    for item in items:
        mark = item.get_closest_marker("posix_only")
        if mark is not None and sys.platform == "win32":
            item.add_marker(pytest.mark.skip(reason=f"posix_only: {mark.args[0]}"))


def pytest_benchmark_update_machine_info(machine_info):
    machine_info["described"] = machine.describe()


def pytest_benchmark_update_json(config, benchmarks, output_json):
    output_json["missing"] = missing(config)


def pytest_terminal_summary(terminalreporter, config):
    for text in missing(config):
        terminalreporter.write_line(MISSING + text)


def missing(config):
    """Return what was skipped because a competitor is not installed, once each."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reasons = [report.longrepr[2] for report in reporter.stats.get("skipped", [])]
    texts = [reason.partition(MISSING)[2] for reason in reasons if MISSING in reason]
    return sorted(set(texts))
