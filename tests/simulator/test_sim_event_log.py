"""The simulator exports the functions of wevtapi, and writes RAS' events of its own changes."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from simabi import Rasapi, SystemEvent, api_of
from simevt import RAS_QUERY, Wevtapi, Written

from ras_native import ConnState
from ras_native.sim import Simulator

FUTURE, OLDEST, AFTER_BOOKMARK = 1, 2, 3
STRICT = 0x10000
COID = UUID("facbee10-0102-0304-0506-0708090a0b0c")
COID_TEXT = "{FACBEE10-0102-0304-0506-0708090A0B0C}"
DIAL_UP = "Standard modem"


@pytest.fixture
def wevtapi(sim: Simulator) -> Wevtapi:
    return Wevtapi(sim)


@pytest.fixture
def api(sim: Simulator) -> Rasapi:
    return api_of(sim)


@pytest.fixture
def event() -> Iterator[SystemEvent]:
    with SystemEvent() as created:
        yield created


@pytest.fixture
def subscription(wevtapi: Wevtapi, event: SystemEvent) -> int:
    handle = wevtapi.subscribe(event)
    assert handle
    return handle


def ids(events: list[Written]) -> list[int]:
    return [each.event_id for each in events]


# What RAS writes


def test_a_dialling_is_told_stage_by_stage(
    sim: Simulator, wevtapi: Wevtapi, subscription: int
) -> None:
    sim.dial("Office", correlation_id=COID, phone_number="vpn.example", step=1.0)
    sim.advance(10.0)
    told = [(each.event_id, each.time) for each in wevtapi.read(subscription)]
    assert told == [
        (20221, "2026-01-01T00:00:00.0000000Z"),
        (20222, "2026-01-01T00:00:02.0000000Z"),
        (20223, "2026-01-01T00:00:03.0000000Z"),
        (20224, "2026-01-01T00:00:04.0000000Z"),
        (20281, "2026-01-01T00:00:10.0000000Z"),
        (20225, "2026-01-01T00:00:10.0000000Z"),
    ]


def test_the_fields_are_those_of_the_templates(
    sim: Simulator, wevtapi: Wevtapi, subscription: int
) -> None:
    handle = sim.dial(
        "Z\u00fcrich & <B\u00fcro>", correlation_id=COID, phone_number="vpn.example", flags=1
    )
    sim.advance(10.0)
    sim.set_status(handle, local_endpoint="192.0.2.1", remote_endpoint="2001:db8::1")
    sim.write_ras_event(handle, 20278, code=13806)
    sim.time_out(handle)
    told = {each.event_id: each.data for each in wevtapi.read(subscription)}
    user, entry = "RASSIM\\user", "Z\u00fcrich & <B\u00fcro>"
    assert all(data[0] == COID_TEXT for data in told.values())
    assert told[20221][1:5] == [user, "VPN", "all-user", entry]
    assert told[20222][1:3] == [user, entry]
    assert "Server address/Phone Number = vpn.example" in told[20222][3]
    assert "Device = WAN Miniport (IKEv2)" in told[20222][3]
    assert told[20223][1] == user
    assert told[20223][2] == told[20222][3]
    assert told[20224][1:] == [user]
    assert told[20225][1:3] == [user, entry]
    assert told[20226][1:] == [user, entry, "828"]
    assert told[20263][1:] == ["VPN2-1"]
    assert told[20277][1] == entry
    assert "Local = 192.0.2.1" in told[20277][2]
    assert "Remote = 2001:0DB8:0000:0000:0000:0000:0000:0001" in told[20277][2]
    assert told[20278][1:] == [entry, "13806"]
    assert told[20281][1:] == []
    assert [len(told[event_id]) for event_id in sorted(told)] == [6, 4, 3, 2, 4, 4, 2, 3, 3, 1]


def test_the_xml_is_that_of_a_real_event(
    sim: Simulator, wevtapi: Wevtapi, subscription: int
) -> None:
    sim.dial("Office", correlation_id=COID, states=[ConnState.CONNECT_DEVICE], error=809)
    sim.advance(1.25)
    (*_, last) = wevtapi.next(subscription)
    assert wevtapi.render(last) == (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        "<Provider Name='RasClient'/><EventID Qualifiers='0'>20227</EventID><Level>2</Level>"
        "<Task>0</Task><Keywords>0x80000000000000</Keywords>"
        "<TimeCreated SystemTime='2026-01-01T00:00:00.1000000Z'/><EventRecordID>3</EventRecordID>"
        "<Channel>Application</Channel><Computer>RASSIM</Computer><Security/></System><EventData>"
        f"<Data>{COID_TEXT}</Data><Data>RASSIM\\user</Data><Data>Office</Data><Data>809</Data>"
        "</EventData></Event>"
    )


@pytest.mark.parametrize(
    ("device", "expected"), [("WAN Miniport (IKEv2)", [20281, 20225]), (DIAL_UP, [20225])]
)
def test_a_connection_that_is_up_at_once(
    sim: Simulator, wevtapi: Wevtapi, subscription: int, device: str, expected: list[int]
) -> None:
    sim.add("a", device_name=device)
    assert ids(wevtapi.read(subscription)) == expected


def end(sim: Simulator, api: Rasapi, handle: int, how: str) -> None:
    if how == "hang_up":
        assert api.RasHangUpW(handle) == 0
    elif how == "one_link":
        sim.drop_subentry(handle, 2)
    elif how == "last_link":
        sim.drop_subentry(handle, 2)
        sim.drop_subentry(handle, 1)
    elif how in ("idle", "longest"):
        sim.time_out(handle, how)  # type: ignore[arg-type]
    elif how == "drop":
        sim.drop(handle)
    else:
        sim.drop(handle, reason=int(how))


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("hang_up", [(20226, "631")]),
        ("one_link", []),
        ("last_link", [(20226, "629")]),
        ("drop", [(20226, "629")]),
        ("829", [(20226, "829")]),
        (str(0x800B0101), [(20226, "-2146762495")]),
        (str(0xFFFFFFFF), [(20226, "-1")]),
        ("0", [(20226, "0")]),
        ("idle", [(20263, "VPN2-1"), (20226, "828")]),
        ("longest", [(20264, "VPN2-1"), (20226, "631")]),
    ],
)
def test_the_end_of_a_connection_has_its_reason(
    sim: Simulator,
    api: Rasapi,
    wevtapi: Wevtapi,
    event: SystemEvent,
    how: str,
    expected: list[tuple[int, str]],
) -> None:
    handle = sim.add("a", subentries=2, device_name=DIAL_UP)
    subscription = wevtapi.subscribe(event)
    end(sim, api, handle, how)
    told = wevtapi.read(subscription)
    assert [(each.event_id, each.data[-1]) for each in told] == expected


def test_a_hang_up_is_told_at_the_end_of_its_teardown(
    sim: Simulator, api: Rasapi, wevtapi: Wevtapi, event: SystemEvent
) -> None:
    sim.teardown = 2.0
    handle = sim.add("a")
    subscription = wevtapi.subscribe(event)
    assert api.RasHangUpW(handle) == 0
    assert wevtapi.read(subscription) == []
    sim.advance(2.0)
    assert ids(wevtapi.read(subscription)) == [20226]


@pytest.mark.parametrize(("how", "code"), [("hang_up", "631"), ("drop", "629")])
def test_a_dialling_that_is_ended_has_failed(
    sim: Simulator, api: Rasapi, wevtapi: Wevtapi, event: SystemEvent, how: str, code: str
) -> None:
    sim.teardown = 1.0
    handle = sim.dial("a")
    subscription = wevtapi.subscribe(event)
    end(sim, api, handle, how)
    sim.advance(5.0)
    assert [(each.event_id, each.data[-1]) for each in wevtapi.read(subscription)] == [
        (20227, code)
    ]


def test_a_failed_dialling_is_told_once(
    sim: Simulator, api: Rasapi, wevtapi: Wevtapi, event: SystemEvent
) -> None:
    subscription = wevtapi.subscribe(event)
    handle = sim.dial("a", error=691)
    sim.advance(5.0)
    assert api.RasHangUpW(handle) == 0
    sim.advance(5.0)
    told = wevtapi.read(subscription)
    assert [each.data[-1] for each in told if each.event_id in (20226, 20227)] == ["691"]


def test_only_a_tunnel_that_can_move_moves(
    sim: Simulator, wevtapi: Wevtapi, event: SystemEvent
) -> None:
    tunnel = sim.add("a", local_endpoint="192.0.2.1")
    fixed = sim.add("b", device_name="WAN Miniport (SSTP)", local_endpoint="192.0.2.1")
    subscription = wevtapi.subscribe(event)
    sim.set_status(tunnel, local_endpoint="192.0.2.1", error=1)
    sim.set_status(fixed, local_endpoint="192.0.2.2")
    assert wevtapi.read(subscription) == []
    sim.set_status(tunnel, local_endpoint="192.0.2.2")
    assert ids(wevtapi.read(subscription)) == [20277]


def test_every_code_point_of_an_entry_is_well_formed(
    sim: Simulator, wevtapi: Wevtapi, subscription: int
) -> None:
    name = "'\"&<>\x01\ud800\U0001f6f0\ufffe]]>"
    sim.add(name, device_name=DIAL_UP)
    (told,) = wevtapi.read(subscription)
    assert told.data[2] == "'\"&<>??\U0001f6f0?]]>"


# Subscriptions


def test_the_signal_comes_with_each_matching_event(
    sim: Simulator, wevtapi: Wevtapi, event: SystemEvent, subscription: int
) -> None:
    assert not event.consume()
    sim.write_log_event(1, source="Other")
    assert not event.consume()
    sim.write_log_event(1)
    assert event.consume()
    assert not event.consume(), "the subscriber resets it, also while events are unread"
    sim.write_log_event(2)
    assert event.consume()
    assert ids(wevtapi.read(subscription)) == [1, 2]
    assert not event.consume()


def test_old_events_are_read_without_a_signal(
    sim: Simulator, wevtapi: Wevtapi, event: SystemEvent
) -> None:
    for event_id in (1, 2, 3):
        sim.write_log_event(event_id)
    subscription = wevtapi.subscribe(event, flags=OLDEST)
    assert not event.consume()
    assert ids(wevtapi.read(subscription)) == [1, 2, 3]


def test_nothing_new(sim: Simulator, wevtapi: Wevtapi, subscription: int) -> None:
    assert wevtapi.next(subscription) == []
    assert wevtapi.error == 259
    sim.no_news_code = 4317
    assert wevtapi.next(subscription) == []
    assert (wevtapi.error, sim.no_news_code) == (4317, 4317)
    sim.write_log_event(1)
    assert len(wevtapi.next(subscription)) == 1


def test_channels_number_their_events(sim: Simulator, wevtapi: Wevtapi, subscription: int) -> None:
    sim.write_log_event(1)
    sim.write_log_event(20268, ["a", ""], source="Rasman", channel="System")
    sim.write_log_event(2)
    told = wevtapi.read(subscription)
    assert [(each.channel, each.record, each.source) for each in told] == [
        ("Application", 1, "RasClient"),
        ("System", 1, "Rasman"),
        ("Application", 2, "RasClient"),
    ]
    assert told[1].data == ["a", ""]


def test_events_come_in_pieces(sim: Simulator, wevtapi: Wevtapi, subscription: int) -> None:
    for event_id in range(5):
        sim.write_log_event(event_id)
    sizes = [len(wevtapi.next(subscription, 2)) for _ in range(4)]
    assert sizes == [2, 2, 1, 0]


@pytest.mark.parametrize(
    ("channel", "query", "expected"),
    [
        ("Application", None, [1, 2, 3]),
        ("Application", "*", [1, 2, 3]),
        ("Application", " *[System] ", [1, 2, 3]),
        ("System", "*", [4]),
        ("Application", "*[System[(EventID=1 or EventID=3)]]", [1, 3]),
        ("Application", "*[System[Provider[@Name='RasClient'] and (EventID=2)]]", []),
        ("Application", "*[System[Provider[@Name='RasClient'] and EventID=1]]", [1]),
        ("Application", '*[System[Provider[@Name="RasClient" or @Name="b"]]]', [1, 2, 3]),
        ("Application", "*[System[EventID=1 and EventID=2 or EventID = 3]]", [3]),
        ("ignored", RAS_QUERY, [1, 3]),
        (None, "<QueryList>\n <Query Id='0' Path='System'><Select Path='System'>*</Select>"
         "<Select Path='Application'>*[System[EventID=2]]</Select></Query></QueryList>", [2, 4]),
    ],
)  # fmt: skip
def test_queries(
    sim: Simulator,
    wevtapi: Wevtapi,
    event: SystemEvent,
    channel: str | None,
    query: str | None,
    expected: list[int],
) -> None:
    subscription = wevtapi.subscribe(event, query, channel)
    assert subscription
    sim.write_log_event(1)
    sim.write_log_event(2, source="b")
    sim.write_log_event(3)
    sim.write_log_event(4, channel="System")
    assert ids(wevtapi.read(subscription)) == expected


@pytest.mark.parametrize(
    ("channel", "query", "code"),
    [
        (None, "*", 87),
        (None, None, 87),
        ("Security", "*", 15007),
        ("application", "*", 15007),
        (None, RAS_QUERY.replace("System", "Security", 1), 15001),
        (None, RAS_QUERY.replace('"System"', '"Setup"'), 15007),
        (None, "<QueryList>", 15001),
        (None, "<QueryList></QueryList>x", 15001),
        (None, RAS_QUERY.replace("Select>", "Suppress>"), 15001),
        ("System", "", 15001),
        ("System", "*[", 15001),
        ("System", "*[System[Level=2]]", 15001),
        ("System", "*[System[EventID=]]", 15001),
        ("System", "*[System[EventID=99999999999]]", 15001),
        ("System", "*[System[Provider[@Name='a]]]", 15001),
        ("System", "*[System[Provider[@Name=a]]]", 15001),
        ("System", "*[System[" + "(" * 17 + "EventID=1" + ")" * 17 + "]]", 15001),
        ("System", "*[System[" + "(" * 100_000, 15001),
    ],
)
def test_queries_that_are_refused(
    wevtapi: Wevtapi,
    sim: Simulator,
    event: SystemEvent,
    channel: str | None,
    query: str | None,
    code: int,
) -> None:
    assert (wevtapi.subscribe(event, query, channel), wevtapi.error) == (0, code)
    assert sim.event_handles == 0
