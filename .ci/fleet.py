"""Run a fleet: Debian's Prometheus scrapes 20 simulated agents, each a process of its own.

usage: fleet.py

It needs prometheus and promtool, which the package `prometheus` of Debian has.
It uses the files of examples/deploy: the configuration, the alerts, their tests, the dashboard.
Everything listens at 127.0.0.1 only. It ends what it started, and nothing else.
"""

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import ProxyHandler, build_opener

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

DEPLOY = Path(__file__).parents[1] / "examples" / "deploy"
AGENT = Path(__file__).with_name("fleet_agent.py")
HERE = "127.0.0.1"
SECONDS = 150  # for the whole run
DEADLINE = time.monotonic() + SECONDS
KINDS = (
    *("healthy",) * 9,
    *("probed",) * 2,
    *("absent", "silent", "flapping", "undialled", "failing", "blind"),
    *("killed", "restarted", "demo"),
)
ALERTS = {
    ("RasTunnelAbsent", "absent"),
    ("RasTunnelSilent", "silent"),
    ("RasTunnelFlapping", "flapping"),
    ("RasDialFailing", "undialled"),
    ("RasProviderFailing", "failing"),
    ("RasMonitorBlind", "blind"),
}
"""Every alert that agents cause, with the kind of agent; `demo` may cause any of them."""


def until(what: str, condition: Callable[[], Any]) -> None:
    """Wait until the condition is true, and say so; fail if that takes too long."""
    while not condition():
        if time.monotonic() > DEADLINE:
            raise SystemExit(f"fleet: this did not come true: {what}")
        time.sleep(0.1)
    print(f"fleet: {what}", flush=True)


# The files


def check_files() -> None:
    """Let promtool check the files, and Grafana's own types the dashboard."""
    for arguments in (
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "ras_native.rules.yml"),
        ("test", "rules", "ras_native.rules.test.yml"),
    ):
        subprocess.run(["promtool", *arguments], cwd=DEPLOY, check=True, timeout=60)
    lost = list(unknown_members(dashboard(), through_grafana(dashboard())))
    if lost:
        raise SystemExit(f"fleet: Grafana's types do not have this of the dashboard: {lost}")


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    text = DEPLOY.joinpath("grafana-dashboard.json").read_text(encoding="utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


def through_grafana(data: dict[str, Any]) -> Any:
    """Read a dashboard into the types of Grafana's SDK, and write it again.

    The SDK is made from Grafana's schemas. It leaves out members that they do not have; it does not
    check the types of texts and numbers.
    """
    plugins.register_default_plugins()
    return json.loads(json.dumps(Dashboard.from_json(data), cls=JSONEncoder))


def unknown_members(data: Any, known: Any, where: str = "") -> Iterator[str]:
    """Find what was lost or changed."""
    if isinstance(data, dict) and isinstance(known, dict):
        for name, value in data.items():
            yield from unknown_members(value, known.get(name), f"{where}.{name}")
    elif isinstance(data, list) and isinstance(known, list) and len(data) == len(known):
        for number, (one, other) in enumerate(zip(data, known, strict=True)):
            yield from unknown_members(one, other, f"{where}[{number}]")
    elif data != known:
        yield where


def queries(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Return the title and the query of everything that asks Prometheus."""
    for panel in data["panels"]:
        for target in panel["targets"]:
            yield panel["title"], filled(target["expr"])
    for variable in data["templating"]["list"]:
        if variable["type"] == "query":
            values = re.sub(
                r"label_values\((.+), (\w+)\)", r"count by (\2) (\1)", variable["query"]["query"]
            )
            yield variable["label"], filled(values)


def filled(query: str) -> str:
    """Return a query with values for Grafana's variables."""
    for name, value in {"$__rate_interval": "10s", "$__range": "1m"}.items():
        query = query.replace(name, value)
    return re.sub(r"\$\w+", ".*", query)


# The fleet


class Prometheus:
    """Asks Prometheus, at a port of this computer and through no proxy."""

    def __init__(self, port: int) -> None:
        self._address = f"http://{HERE}:{port}"
        self._open = build_opener(ProxyHandler({})).open

    def get(self, path: str) -> Any:
        """Return the data of an answer, or None if there is none."""
        try:
            with self._open(self._address + path, timeout=10) as answer:
                return json.load(answer)["data"]
        except OSError:
            return None

    def query(self, text: str) -> list[dict[str, Any]]:
        """Return the present results of a query."""
        found = self.get(f"/api/v1/query?query={quote(text)}")
        return found["result"] if found else []

    def kinds(self, text: str) -> list[str]:
        """Return the kinds of the agents that a query finds."""
        return sorted(result["metric"]["kind"] for result in self.query(text))

    def alerts(self) -> set[tuple[str, str]]:
        """Return the alerts that wait or fire, with the kind of agent."""
        found = (self.get("/api/v1/alerts") or {"alerts": []})["alerts"]
        labels = [alert["labels"] for alert in found]
        return {(item["alertname"], item["kind"]) for item in labels if item["kind"] != "demo"}


def free_ports(count: int) -> list[int]:
    """Return ports that nobody uses now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((HERE, 0))
        return [each.getsockname()[1] for each in sockets]


def start_agent(stack: ExitStack, kind: str, port: int) -> subprocess.Popen[bytes]:
    """Start an agent, which ends with the stack."""
    command = [sys.executable, str(AGENT), kind, str(port)]
    if kind == "demo":  # the command itself
        command = [sys.executable, "-m", "ras_native", "exporter", "--simulate"]
        command += ["--listen", f"{HERE}:{port}", "--duration", str(2 * SECONDS)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    stack.callback(end, process)
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and wait for it."""
    process.kill()
    process.communicate()


def start_prometheus(stack: ExitStack, ports: list[int], port: int) -> Prometheus:
    """Start Prometheus with the files of examples/deploy, but scrape every second."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    config = DEPLOY.joinpath("prometheus.yml").read_text(encoding="utf-8")
    (folder / "prometheus.yml").write_text(config.replace(": 15s", ": 1s"), encoding="utf-8")
    rules = DEPLOY.joinpath("ras_native.rules.yml").read_text(encoding="utf-8")
    (folder / "ras_native.rules.yml").write_text(rules, encoding="utf-8")
    targets = [
        {"targets": [f"{HERE}:{each}"], "labels": {"kind": kind}}
        for kind, each in zip(KINDS, ports, strict=True)
    ]
    (folder / "targets.json").write_text(json.dumps(targets), encoding="utf-8")
    command = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
    command += [f"--web.listen-address={HERE}:{port}", "--log.level=warn"]
    bounded = ["timeout", "--kill-after=5", str(2 * SECONDS), *command]
    process = subprocess.Popen(bounded, cwd=folder, stdin=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.terminate)  # `timeout` passes it on
    return Prometheus(port)


def check_metrics(ports: list[int]) -> None:
    """Let promtool check what each kind of agent serves."""
    open_ = build_opener(ProxyHandler({})).open
    for kind, port in dict(zip(KINDS, ports, strict=True)).items():
        with open_(f"http://{HERE}:{port}/metrics", timeout=10) as answer:
            text = answer.read()
        done = subprocess.run(["promtool", "check", "metrics"], input=text, timeout=60, check=False)
        if done.returncode:
            raise SystemExit(f"fleet: promtool does not like the metrics of {kind}")


def check_dashboard(prometheus: Prometheus) -> None:
    """Wait until every query of the dashboard returns data."""
    for title, query in queries(dashboard()):
        until(f"{title!r} has data", lambda query=query: prometheus.query(query))


def run() -> None:
    """Run the fleet."""
    check_files()
    *ports, port = free_ports(len(KINDS) + 1)
    with ExitStack() as stack:
        agents = {
            kind: start_agent(stack, kind, each) for kind, each in zip(KINDS, ports, strict=True)
        }
        prometheus = start_prometheus(stack, ports, port)
        until("all agents answer", lambda: prometheus.kinds("up == 1") == sorted(KINDS))
        check_metrics(ports)
        until("the alerts are right", lambda: prometheus.alerts() == ALERTS)
        check_dashboard(prometheus)
        end(agents["killed"])
        end(agents["restarted"])
        until("two do not answer", lambda: len(prometheus.kinds("up == 0")) == 2)
        start_agent(stack, "restarted", ports[KINDS.index("restarted")])
        until("the killed one does not answer", lambda: prometheus.kinds("up == 0") == ["killed"])
        until(
            "only the restarted one begins its counters again",
            lambda: prometheus.kinds("resets(ras_monitor_polls_total[5m]) > 0") == ["restarted"],
        )
        alerts = ALERTS | {("RasAgentDown", "killed")}
        until("the alerts are still right", lambda: prometheus.alerts() == alerts)
        failed = [
            rule["name"]
            for group in prometheus.get("/api/v1/rules")["groups"]
            for rule in group["rules"]
            if rule["health"] != "ok"
        ]
        if failed:
            raise SystemExit(f"fleet: these rules fail: {failed}")


if __name__ == "__main__":
    run()
