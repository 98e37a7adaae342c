"""Reads metrics as Prometheus does, and makes the table of all metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from ras_native.exporter import METRICS


def table() -> str:
    """Return the table of docs/guides/fleets.md."""
    lines = ["| metric | type | labels | what it tells |", "|---|---|---|---|"]
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.text} |")
    return "\n".join(lines)


class Scrape:
    """The samples of one scrape. The parser is strict: wrong output raises ValueError."""

    def __init__(self, registry: CollectorRegistry) -> None:
        text = generate_latest(registry).decode("utf-8")
        self.families = list(text_string_to_metric_families(text))
        self._samples = [sample for family in self.families for sample in family.samples]

    def values(self, name: str, **labels: str) -> list[float]:
        """Return the values of a metric that has these labels, among others."""
        return [
            sample.value
            for sample in self._samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def value(self, name: str, **labels: str) -> float:
        """Return the only such value."""
        (found,) = self.values(name, **labels)
        return found

    def by(self, name: str, *labels: str) -> dict[tuple[str, ...] | str, float]:
        """Return the values of a metric by these labels, or by one label."""
        found = {}
        for sample in self._samples:
            if sample.name == name:
                key = tuple(sample.labels[label] for label in labels)
                found[key if len(labels) > 1 else key[0]] = sample.value
        return found
