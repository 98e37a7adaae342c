"""Metrics for Prometheus: what a Monitor sees, for one computer or for a fleet.

It needs prometheus-client: `pip install 'ras_native[prometheus]'`. The command
`ras-native exporter` does all of this. A program that has a registry uses `RasCollector`.

`RasCollector` keeps the metrics, `MetricsServer` serves a registry over HTTP, and `write_textfile`
writes it into a file for a textfile collector. `METRICS` lists all metrics.
"""

from __future__ import annotations

try:
    import prometheus_client as _  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "ras_native.exporter needs prometheus-client, which is not installed: "
        "pip install 'ras_native[prometheus]'",
        name=error.name,
    ) from error

from .collector import METRICS, Metric, RasCollector
from .server import MetricsServer
from .textfile import write_textfile

__all__ = ["METRICS", "Metric", "MetricsServer", "RasCollector", "write_textfile"]

for _item in (Metric, MetricsServer, RasCollector, write_textfile):
    _item.__module__ = __name__
