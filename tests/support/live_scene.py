"""A scene for the live screen: events of forty minutes, on a clock that stands still after them."""

from __future__ import annotations

import html
import io
import math
import queue
import re
from datetime import datetime, timedelta, timezone
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from rich.console import Console

from ras_native import (
    Absent,
    Connected,
    Connection,
    ConnState,
    ConnSubstate,
    DialFailed,
    Disconnected,
    Dormant,
    Explained,
    Found,
    Health,
    HealthChanged,
    HealthKind,
    MatchedBy,
    MonitorEvent,
    Observation,
    Reconnected,
    Reconnecting,
    Silence,
    Status,
    Traffic,
    explain,
)
from ras_native.cli._live.app import Inbox, LiveApp
from ras_native.cli._live.model import Model
from ras_native.cli._probe import Probe
from ras_native.event_log import LogEvent

GOLDEN = Path(__file__).parents[1] / "behaviour" / "screens"
S = 1_000_000_000
MINUTES = 40
BEGIN = datetime(2026, 11, 21, 14, 2).astimezone(timezone.utc)  # 14:02 wherever the tests run

IKEV2, SSTP, L2TP = "WAN Miniport (IKEv2)", "WAN Miniport (SSTP)", "WAN Miniport (L2TP)"
# entry, device, seconds before the beginning, address, bytes received and sent a second, round trip
CONNECTIONS = (
    ("Head office", IKEV2, 93_000, "10.8.0.21", 1_250_000, 84_000, 0.0184),
    ("Zürich Büro", SSTP, 7_400, "10.9.2.7", 48_300, 12_100, 0.0071),
    ("東京支社", IKEV2, 261_000, "10.14.0.5", 310_000, 22_400, 0.231),
    ("Data centre North", IKEV2, 640_000, "10.1.0.4", 8_900_000, 6_100_000, 0.0032),
    ("Data centre South", IKEV2, 640_000, "10.2.0.4", 42_000, 39_000, 0.0047),
    ("Warehouse Lyon", L2TP, 12_000, "10.21.0.3", 2_100, 900, 0.042),
    ("Field van 3", IKEV2, 1_500, "10.40.0.13", 0, 4_600, 0.088),
    ("Azure hub", SSTP, 31_000, "172.16.4.9", 155_000, 18_000, 0.0212),
)


def moment(second: float) -> datetime:
    return BEGIN + timedelta(seconds=second)


class Scene:
    """Builds the events, and gives them to a model."""

    def __init__(self, *entries: str, more: int = 0) -> None:
        self.now = 0.0
        self.sequence = 0
        self.handles: dict[str, int] = {}
        self.since: dict[str, float] = {}  # when an entry connected again, and before the scene
        self.lines: dict[str, Any] = {name: rest for name, *rest in CONNECTIONS}
        for number in range(more):
            self.lines[f"Branch {number + 1:03}"] = (
                *(SSTP, 900 * number, f"10.60.{number}.2", 1_000 * number, 300 * number, 0.03),
            )
        self.model = Model(entries, clock=self.clock_ns, traffic=self.traffic)

    def clock_ns(self) -> int:
        """Return the time of the scene, which begins long after the clock."""
        return int((1_000_000 + self.now) * S)

    def traffic(self) -> list[Traffic]:
        return [self.traffic_of(entry) for entry in self.lines if entry in self.handles]

    def traffic_of(self, entry: str) -> Traffic:
        device, before, _, received, sent, _ = self.lines[entry]
        uptime = before + self.now - self.since.get(entry, 0.0)
        connection = self.observation(entry, device).connection
        bytes_sent, bytes_received = int(sent * uptime), int(received * uptime)
        return Traffic(
            *(connection, self.clock_ns(), uptime, bytes_sent, bytes_received, 0, 0),
            *(0, 0, 0, 0, 0, 0, float(sent), float(received), 0, 0, True, 0),
        )

    def observation(
        self, entry: str, device: str = IKEV2, substate: ConnSubstate = ConnSubstate.NONE
    ) -> Observation:
        handle = self.handles.setdefault(entry, 0x30000 + 0x1000 * len(self.handles))
        rest = (r"C:\Users\me\rasphone.pbk", 0, None, None, None, None)
        connection = Connection(handle, entry, "vpn", device, *rest)
        ends = (IPv4Address("198.51.100.7"), IPv4Address("203.0.113.10"))
        if device != IKEV2:
            ends = (None, None)
        number = f"vpn.{len(entry)}.example"
        status = Status(ConnState.CONNECTED, 0, "vpn", device, number, *ends, substate)
        return Observation(connection, status, 0)

    def happen(self, event_class: type[MonitorEvent], /, **members: Any) -> None:
        self.sequence += 1
        event = event_class(
            sequence=self.sequence,
            monotonic_ns=self.clock_ns(),
            time=moment(self.now),
            **members,
        )
        after = members.get("after")
        address = self.lines[event.entry][2] if after and event.entry in self.lines else ""
        self.model.follow(event, address if isinstance(event, (Found, Connected)) else "")
        self.model.show_event(event)

    def find(self, entry: str) -> None:
        self.happen(Found, after=self.observation(entry, self.lines[entry][0]))

    def change(self, kind: type[MonitorEvent], entry: str, substate: ConnSubstate) -> None:
        self.happen(
            kind,
            before=self.observation(entry),
            after=self.observation(entry, substate=substate),
        )

    def connect(self, entry: str, down_for: float) -> None:
        after = self.observation(entry, self.lines[entry][0])
        self.since = {**self.since, entry: self.lines[entry][1] + self.now}
        self.happen(Connected, after=after, down_for=down_for)

    def drop(self, entry: str, code: int | None, uptime: float) -> None:
        before = self.observation(entry, self.lines[entry][0])
        self.happen(Disconnected, before=before, uptime=uptime)
        self.explain(entry, code)

    def explain(self, entry: str, code: int | None) -> None:
        reason = None if code is None else explain(code)
        matched = None if code is None else MatchedBy.CORRELATION_ID
        self.happen(
            Explained,
            disconnected=self.sequence,
            entry=entry,
            reason=reason,
            matched_by=matched,
        )

    def refuse(self, entry: str, code: int) -> None:
        log = LogEvent(
            channel="Application",
            source="RasClient",
            event_id=20227,
            record_id=self.sequence,
            time=moment(self.now),
        )
        self.happen(DialFailed, entry=entry, log_event=log, reason=explain(code))

    def silence(self, entry: str, bytes_sent: int) -> None:
        observation = self.observation(entry)
        status = observation.status
        assert status is not None
        silence = Silence(self.clock_ns(), bytes_sent)
        health = Health(HealthKind.SILENT, status, silence)
        self.happen(
            HealthChanged,
            connection=observation.connection,
            health=health,
            previous=Health(HealthKind.UP, status),
        )

    def round_trips(self) -> None:
        """Add the last results of the probes through the tunnels."""
        for index, (entry, (*_, seconds)) in enumerate(self.lines.items()):
            for number in range(40):
                wave = math.sin(number * (0.7 + index / 9) + index) + math.sin(number * 2.9) / 2
                is_lost = seconds == 0.088 and number > 33
                result = None if is_lost else seconds * (1 + 0.18 * wave + (number == 23) * 1.4)
                now_ns = self.clock_ns() - (40 - number) * S
                self.model.availability.apply_probe(entry, result, now_ns)

    def probe(self, target: str, outcome: str, code: int, milliseconds: float | None) -> None:
        host = target.rpartition(":")[0]
        probe = Probe(moment(self.now), target, host, outcome, code, milliseconds)
        self.model.show_probe(probe, changed=target not in self.model.probes)


def play(*, more: int = 0, probes: bool = True) -> Scene:
    """Play the scene to its end."""
    scene = Scene("Head office", "Zürich Büro", "Night backup", more=more)
    for entry in scene.lines:
        scene.find(entry)
    scene.happen(Absent, entry="Night backup")
    script: dict[float, Any] = {
        260: lambda: scene.change(Dormant, "Head office", ConnSubstate.DORMANT),
        290: lambda: scene.change(Reconnecting, "Head office", ConnSubstate.RECONNECTING),
        340: lambda: scene.change(Reconnected, "Head office", ConnSubstate.RECONNECTED),
        700: lambda: scene.drop("Warehouse Lyon", 829, 12_700),
        1000: lambda: scene.refuse("Warehouse Lyon", 809),
        1180: lambda: scene.connect("Warehouse Lyon", 480),
        1300: lambda: scene.drop("Zürich Büro", 631, 8_700),
        1330: lambda: scene.connect("Zürich Büro", 30),
        1500: lambda: scene.drop("Warehouse Lyon", 829, 320),
        1700: lambda: scene.change(Dormant, "東京支社", ConnSubstate.DORMANT),
        1745: lambda: scene.change(Reconnected, "東京支社", ConnSubstate.RECONNECTED),
        1810: lambda: scene.connect("Warehouse Lyon", 310),
        2010: lambda: scene.silence("Field van 3", 276_000),
        2100: lambda: scene.drop("Warehouse Lyon", 829, 290),
        2200: lambda: scene.refuse("Warehouse Lyon", 809),
        2330: lambda: scene.change(Dormant, "Azure hub", ConnSubstate.DORMANT),
        2352: lambda: scene.change(Reconnecting, "Azure hub", ConnSubstate.RECONNECTING),
    }
    if probes:
        for number in range(24):
            script[2280.5 + 5 * number] = lambda number=number: scene.probe(
                "10.8.0.1:443", "open", 0, 18 + 4 * math.sin(number)
            )
            script[2281.5 + 5 * number] = lambda: scene.probe(
                "10.21.0.1:53", "timeout", 10060, None
            )
    for second, step in sorted(script.items()):
        scene.now = second
        step()
    scene.now = MINUTES * 60.0
    if probes:
        scene.round_trips()
    return scene


def terminal(encoding: str = "utf-8") -> Console:
    """Return a terminal with this encoding."""
    return Console(file=io.TextIOWrapper(io.BytesIO(), encoding=encoding), force_terminal=True)


def application(scene: Scene, encoding: str = "utf-8", **options: Any) -> LiveApp:
    """Return the application that shows a scene."""
    heading = "rasapi32, native, every 1 s"
    inbox: Inbox = queue.SimpleQueue()
    return LiveApp(scene.model, terminal(encoding), inbox, heading=heading, **options)


def text_of(app: LiveApp) -> str:
    """Return what the main screen, the details, or the help show as text."""
    lines = []
    for y in range(app.size.height):
        widget, region = app.screen.get_widget_at(app.size.width - 1, y)
        lines.append(widget.render_line(y - region.y).text.rstrip())
    return "\n".join(lines) + "\n"


async def draw(
    width: int, height: int, *, encoding: str = "utf-8", more: int = 0, keys: str = ""
) -> tuple[str, str]:
    """Return a picture of the scene as SVG and as text, after these keys were pressed."""
    app = application(play(more=more), encoding)
    async with app.run_test(size=(width, height)) as pilot:
        for key in keys.split():
            await pilot.press(key)
        await pilot.pause()
        return _with_own_fonts(app.export_screenshot(title="ras-native watch")), text_of(app)


def texts_of_picture(picture: str) -> dict[float, str]:
    """Return the lines of an SVG by their height, without spaces.

    The rest of an SVG depends on the versions of Textual and Rich.
    """
    found = re.findall(r'<text[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>', picture)
    lines: dict[float, str] = {}
    for y, _, text in sorted((float(y), float(x), html.unescape(text)) for x, y, text in found):
        lines[y] = lines.get(y, "") + "".join(text.split())
    return lines


def _with_own_fonts(picture: str) -> str:
    """Let a picture use the fonts of the reader, and none from elsewhere."""
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    return re.sub(
        r"font-family: Fira Code[^;]*;",
        "font-family: ui-monospace, Menlo, Consolas, monospace;",
        picture,
    )


README_PICTURE: dict[str, Any] = {"width": 140, "height": 30}
"""The size of `.github/watch.svg`."""
PICTURES: dict[str, Any] = {
    "watch-40.txt": {"width": 40, "height": 20},
    "watch-80.txt": {"width": 80, "height": 24},
    "watch-120.txt": {"width": 120, "height": 30},
    "watch-200.txt": {"width": 200, "height": 30},
    "watch-ascii.txt": {"width": 80, "height": 24, "encoding": "cp437"},
    "watch-many.txt": {"width": 80, "height": 24, "more": 60},
    "watch-details.txt": {"width": 80, "height": 50, "keys": "s home enter"},
    "watch-help-40.txt": {"width": 40, "height": 12, "keys": "question_mark"},
    "watch-help-80.txt": {"width": 80, "height": 24, "keys": "question_mark"},
}
"""The golden texts: `.ci/watch_picture.py` writes them anew."""
