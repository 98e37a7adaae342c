"""The files of examples/deploy name only metrics, labels and values that the exporter has.

`.ci/fleet.py` runs them with a real Prometheus.
"""

from __future__ import annotations

import json
import re
from itertools import combinations

import pytest
from tsv import ROOT

from ras_native import AvailabilityState, ConnectOutcome
from ras_native.exporter import METRICS

DEPLOY = ROOT / "examples" / "deploy"
RULES = DEPLOY.joinpath("ras_native.rules.yml").read_text(encoding="utf-8")
TESTS = DEPLOY.joinpath("ras_native.rules.test.yml").read_text(encoding="utf-8")
DASHBOARD = json.loads(DEPLOY.joinpath("grafana-dashboard.json").read_text(encoding="utf-8"))

LABELS = {metric.name: {*metric.labels} for metric in METRICS} | {"up": set()}
for metric in METRICS:
    if metric.kind == "histogram":
        LABELS[f"{metric.name}_bucket"] = {*metric.labels, "le"}
OF_PROMETHEUS = {"job", "instance"}  # Prometheus adds them
VALUES = {
    "state": {str(state) for state in AvailabilityState},
    "outcome": {str(outcome) for outcome in ConnectOutcome},
}
ALERTS = dict(re.findall(r"- alert: (\w+)\n +expr: (.+)\n", RULES))
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
SERIES = re.findall(r"series: '(.+?)'", TESTS)
EXPRESSIONS = [
    *ALERTS.values(),
    *QUERIES,
    *(item["query"]["query"] for item in VARIABLES.values() if item["type"] == "query"),
    *SERIES,
]
SELECTOR = re.compile(r"\b(ras_\w+|up\b)(?:\{(.*?)\})?")
MATCHER = re.compile(r'(\w+)(?:=~|=|!=|!~)"(.*?)"')


def selectors():
    """Yield each metric that is asked for, and its labels with the values."""
    for text in EXPRESSIONS:
        for name, matchers in SELECTOR.findall(text):
            yield name, MATCHER.findall(matchers or "")


def test_there_is_something_to_check():
    assert len(ALERTS) == RULES.count("- alert:") > 5
    assert len(list(selectors())) > len(QUERIES) > 20


def test_every_metric_and_label_is_one_of_the_exporter():
    for name, matchers in selectors():
        assert name in LABELS
        assert {label for label, _ in matchers} <= LABELS[name] | OF_PROMETHEUS, name


def test_every_value_is_possible():
    used = [(label, text) for _, matchers in selectors() for label, text in matchers]
    for label, text in used:
        assert label not in VALUES or VALUES[label].issuperset(text.split("|")), text


def test_every_alert_is_in_the_table():
    table = DEPLOY.joinpath("README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_is_tested(alert):
    tests = TESTS.split("- alertname: ")[1:]
    fires = [test for test in tests if test.startswith(f"{alert}\n") and "exp_labels" in test]
    assert fires


def test_the_texts_of_alerts_name_labels_that_are_there():
    for block in RULES.split("- alert: ")[1:]:
        (metric, _), *_ = SELECTOR.findall(block.partition("expr: ")[2])
        used = set(re.findall(r"\$labels\.(\w+)", block))
        assert used <= LABELS[metric] | OF_PROMETHEUS


def test_every_variable_of_the_dashboard_is_defined():
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD["panels"])))
    assert {name for name in used if not name.startswith("__")} <= VARIABLES.keys()


def test_the_panels_do_not_overlap():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    fields = [
        {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        for place in (panel["gridPos"] for panel in panels)
    ]
    assert all(one.isdisjoint(other) for one, other in combinations(fields, 2))
    assert max(x for field in fields for x, _ in field) < 24
