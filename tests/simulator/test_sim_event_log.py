"""The simulator exports the functions of wevtapi, and writes RAS' events of its own changes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from ctypes import byref, c_uint32, c_void_p
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import open_handles
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from simabi import Guarded, Rasapi, SystemEvent, api_of, wide
from simevt import NO_ERROR_SET, RAS_QUERY, Wevtapi, Written, written

from ras_native import ConnState
from ras_native._backend.functions import EVT_FUNCTIONS
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


QUERY_PARTS = [
    *("<QueryList>", "</QueryList>", "<Query ", "</Query>", "<Select ", "</Select>", "<", ">"),
    *("Id=", "Path=", "'System'", '"Application"', "*", "[", "]", "(", ")", "System", "EventID"),
    *("=", "1", "70000", "Provider", "@Name", "'RasClient'", " and ", " or ", " ", "'", "\u6771"),
]


@settings(max_examples=500)
@given(parts=st.lists(st.sampled_from(QUERY_PARTS), max_size=40), channel=st.booleans())
def test_any_query_is_answered(parts: list[str], *, channel: bool) -> None:
    with Simulator() as sim, SystemEvent() as event:
        wevtapi = Wevtapi(sim)
        handle = wevtapi.subscribe(event, "".join(parts), "System" if channel else None)
        assert wevtapi.error in ((NO_ERROR_SET,) if handle else (87, 15001, 15007))
        sim.write_log_event(1)
        sim.write_log_event(1, channel="System")


BOOKMARK_PARTS = [
    *("<BookmarkList>", "</BookmarkList>", "<BookmarkList/>", "<Bookmark ", "/>", ">", "Channel="),
    *("RecordId=", "IsCurrent=", "'System'", '"1"', "'true'", "'99999999999999999999'", "'", " "),
]


@settings(max_examples=500)
@given(st.lists(st.sampled_from(BOOKMARK_PARTS), max_size=20))
def test_any_bookmark_is_answered(parts: list[str]) -> None:
    with Simulator() as sim:
        wevtapi = Wevtapi(sim)
        handle = wevtapi.bookmark("".join(parts))
        assert wevtapi.error == (NO_ERROR_SET if handle else 15008)
        if handle:
            assert wevtapi.bookmark(wevtapi.bookmark_xml(handle))


def test_subscription_arguments(wevtapi: Wevtapi, sim: Simulator, event: SystemEvent) -> None:
    signal, bookmark = event.handle, wevtapi.bookmark()
    text, callback = wide("*"), c_void_p(1)
    channel = wide("System")

    def code(*arguments: Any) -> int:
        return wevtapi.code("EvtSubscribe", *arguments)

    plain = (channel, text, None, None, None)
    assert code(c_void_p(4), signal, *plain, FUTURE) == 6, "a remote computer"
    assert code(None, None, *plain, FUTURE) == 87, "neither an event nor a callback"
    assert code(None, signal, channel, text, None, None, callback, FUTURE) == 87
    assert code(None, None, channel, text, None, None, callback, FUTURE) == 120
    for flags in (0, 4, FUTURE | 0x20000, STRICT, AFTER_BOOKMARK):
        assert code(None, signal, *plain, flags) == 87
    for flags in (FUTURE, OLDEST):
        assert code(None, signal, channel, text, bookmark, None, None, flags) == 87
    assert code(None, signal, channel, text, c_void_p(9999), None, None, AFTER_BOOKMARK) == 6
    assert (sim.subscriptions, sim.event_handles) == (0, 1)
    for flags in (FUTURE, OLDEST | 0x1000, FUTURE | STRICT):
        assert code(None, signal, *plain, flags) == 0
    assert sim.subscriptions == 3


def test_a_signal_event_that_is_none(wevtapi: Wevtapi, sim: Simulator, event: SystemEvent) -> None:
    value = event.handle
    event.close_handle()
    assert (wevtapi.subscribe(value), wevtapi.error) == (0, 6)
    assert (wevtapi.subscribe(-1), wevtapi.error) == (0, 6)
    assert sim.event_handles == 0


def test_reading_arguments(wevtapi: Wevtapi, sim: Simulator, subscription: int) -> None:
    handles, count = (c_void_p * 2)(), c_uint32(77)
    other = wevtapi.bookmark()
    sim.write_log_event(1)
    for arguments, code in (
        ((subscription, 2, handles, 0, 0, None), 87),
        ((subscription, 2, None, 0, 0, byref(count)), 87),
        ((subscription, 0, handles, 0, 0, byref(count)), 87),
        ((subscription, 2, handles, 0, 1, byref(count)), 87),
        ((None, 2, handles, 0, 0, byref(count)), 6),
        ((other, 2, handles, 0, 0, byref(count)), 6),
    ):
        assert wevtapi.code("EvtNext", *arguments) == code
    assert count.value == 0
    forever = 0xFFFFFFFF
    assert wevtapi.code("EvtNext", subscription, 2, handles, forever, 0, byref(count)) == 0
    assert wevtapi.code("EvtNext", subscription, 2, handles, forever, 0, byref(count)) == 259


def test_one_call_returns_at_most_1024_events(
    wevtapi: Wevtapi, sim: Simulator, subscription: int
) -> None:
    for _ in range(1030):
        sim.write_log_event(1)
    assert [len(wevtapi.next(subscription, 2000)) for _ in range(3)] == [1024, 6, 0]


def test_rendering_arguments(wevtapi: Wevtapi, sim: Simulator, subscription: int) -> None:
    used, count = c_uint32(77), c_uint32(77)
    sim.write_log_event(1)
    (handle,), bookmark = wevtapi.next(subscription), wevtapi.bookmark()
    size = 2 * len(wevtapi.render(handle)) + 2
    buffer = Guarded(size)
    for arguments, code in (
        ((None, handle, 1, size, buffer.raw, None, byref(count)), 87),
        ((None, handle, 1, size, buffer.raw, byref(used), None), 87),
        ((None, handle, 0, size, buffer.raw, byref(used), byref(count)), 120),
        ((None, handle, 3, size, buffer.raw, byref(used), byref(count)), 87),
        ((bookmark, handle, 1, size, buffer.raw, byref(used), byref(count)), 87),
        ((None, handle, 2, size, buffer.raw, byref(used), byref(count)), 6),
        ((None, bookmark, 1, size, buffer.raw, byref(used), byref(count)), 6),
        ((None, subscription, 1, size, buffer.raw, byref(used), byref(count)), 6),
        ((None, None, 1, size, buffer.raw, byref(used), byref(count)), 6),
        ((None, handle, 1, size - 1, buffer.raw, byref(used), byref(count)), 122),
        ((None, handle, 1, size, None, byref(used), byref(count)), 122),
    ):
        assert wevtapi.code("EvtRender", *arguments) == code
    assert (used.value, count.value) == (size, 0)
    assert buffer.untouched_from(4)


def test_closing(wevtapi: Wevtapi, sim: Simulator, subscription: int) -> None:
    """Closing a subscription closes the events that came from it."""
    sim.write_log_event(1)
    sim.write_log_event(2)
    first, second = wevtapi.next(subscription)
    assert sim.event_handles == 3
    assert wevtapi.code("EvtClose", first) == 0
    assert wevtapi.code("EvtClose", first) == wevtapi.code("EvtClose", None) == 6
    assert wevtapi.code("EvtClose", subscription) == 0
    assert wevtapi.code("EvtClose", second) == wevtapi.code("EvtClose", subscription) == 6
    assert (sim.event_handles, sim.subscriptions) == (0, 0)


def test_an_event_that_is_open_outlives_its_log(
    wevtapi: Wevtapi, sim: Simulator, subscription: int
) -> None:
    sim.write_log_event(7, ["a"])
    (handle,) = wevtapi.next(subscription)
    sim.clear_log()
    assert written(wevtapi.render(handle)).data == ["a"]


def test_a_closed_subscription_leaves_no_descriptor(
    wevtapi: Wevtapi, event: SystemEvent, sim: Simulator
) -> None:
    assert wevtapi.code("EvtClose", wevtapi.subscribe(event)) == 0
    before = open_handles.count()
    for _ in range(20):
        assert wevtapi.code("EvtClose", wevtapi.subscribe(event)) == 0
        assert wevtapi.subscribe(event, "*[") == 0
    for _ in range(20):
        assert wevtapi.subscribe(event)
    sim.close()
    assert open_handles.count() == before


# Bookmarks


def test_a_bookmark_goes_on_where_it_was_set(
    sim: Simulator, wevtapi: Wevtapi, event: SystemEvent, subscription: int
) -> None:
    for event_id in (1, 2, 3):
        sim.write_log_event(event_id)
        sim.write_log_event(event_id + 10, source="Rasman", channel="System")
    events = wevtapi.next(subscription)
    bookmark = wevtapi.bookmark()
    for handle in events[:3]:
        assert wevtapi.code("EvtUpdateBookmark", bookmark, handle) == 0
    xml = (
        "<BookmarkList>\r\n  <Bookmark Channel='Application' RecordId='2' IsCurrent='true'/>\r\n"
        "  <Bookmark Channel='System' RecordId='1'/>\r\n</BookmarkList>"
    )
    assert wevtapi.bookmark_xml(bookmark) == xml
    for saved in (bookmark, wevtapi.bookmark(xml)):
        flags = AFTER_BOOKMARK | STRICT
        again = wevtapi.subscribe(event, flags=flags, bookmark=saved)
        sim.write_log_event(4)
        assert ids(wevtapi.read(again))[:4] == [12, 3, 13, 4]
    assert wevtapi.code("EvtUpdateBookmark", bookmark, events[3]) == 0
    assert "Channel='System' RecordId='2' IsCurrent='true'" in wevtapi.bookmark_xml(bookmark)


@pytest.mark.parametrize(
    ("xml", "strict", "expected"),
    [
        ('<BookmarkList><Bookmark Channel="Application" RecordId="2" IsCurrent="True"/>'
         "</BookmarkList>", [3], [3]),
        ("<BookmarkList>\n<Bookmark IsCurrent='true' RecordId='9' Channel='Application'/>\n"
         "</BookmarkList>\n", None, []),
        ("<BookmarkList><Bookmark Channel='Application' RecordId='1' IsCurrent='true'/>"
         "<Bookmark Channel='System' RecordId='7' IsCurrent='false'/></BookmarkList>",
         [2, 3], [2, 3]),
        ("<BookmarkList/>", None, [1, 2, 3]),
        ("<BookmarkList></BookmarkList>", None, [1, 2, 3]),
        ("<BookmarkList><Bookmark Channel='Setup' RecordId='1' IsCurrent='true'/></BookmarkList>",
         None, [1, 2, 3]),
    ],
)  # fmt: skip
def test_bookmarks_that_were_saved(
    sim: Simulator,
    wevtapi: Wevtapi,
    event: SystemEvent,
    xml: str,
    strict: list[int] | None,
    expected: list[int],
) -> None:
    """With STRICT the bookmarked event must exist; otherwise the next one begins."""
    for event_id in (1, 2, 3):
        sim.write_log_event(event_id)
    bookmark = wevtapi.bookmark(xml)
    handle = wevtapi.subscribe(event, flags=AFTER_BOOKMARK | STRICT, bookmark=bookmark)
    if strict is None:
        assert (handle, wevtapi.error) == (0, 1168)
    else:
        assert ids(wevtapi.read(handle)) == strict
    handle = wevtapi.subscribe(event, flags=AFTER_BOOKMARK, bookmark=bookmark)
    assert ids(wevtapi.read(handle)) == expected


def test_an_empty_bookmark(wevtapi: Wevtapi) -> None:
    assert wevtapi.bookmark_xml(wevtapi.bookmark()) == "<BookmarkList>\r\n</BookmarkList>"


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "x",
        "<BookmarkList>",
        "<BookmarkList/>x",
        "<BookmarkList></BookmarkList>x",
        "<BookmarkList><Bookmark Channel='System' RecordId='1'></BookmarkList>",
        "<BookmarkList><Bookmark Channel='System' RecordId='x'/></BookmarkList>",
        "<BookmarkList><Bookmark Channel='System' RecordId=''/></BookmarkList>",
        "<BookmarkList><Bookmark Channel='System' RecordId='99999999999999999999'/></BookmarkList>",
        "<BookmarkList><Bookmark Channel='System' RecordId='1/></BookmarkList>",
        "<BookmarkList><Bookmark Channel=System/></BookmarkList>",
        "<BookmarkList><Bookmark Other='1'/></BookmarkList>",
    ],
)
def test_bookmarks_that_are_refused(wevtapi: Wevtapi, sim: Simulator, xml: str) -> None:
    assert (wevtapi.bookmark(xml), wevtapi.error) == (0, 15008)
    assert sim.event_handles == 0


def test_updating_what_is_no_bookmark(sim: Simulator, wevtapi: Wevtapi, subscription: int) -> None:
    sim.write_log_event(1)
    (handle,), bookmark = wevtapi.next(subscription), wevtapi.bookmark()
    for arguments in ((handle, handle), (bookmark, bookmark), (None, handle), (bookmark, None)):
        assert wevtapi.code("EvtUpdateBookmark", *arguments) == 6


def test_a_cleared_log_goes_on_counting(
    sim: Simulator, wevtapi: Wevtapi, event: SystemEvent, subscription: int
) -> None:
    sim.write_log_event(1)
    (handle,), bookmark = wevtapi.next(subscription), wevtapi.bookmark()
    assert wevtapi.code("EvtUpdateBookmark", bookmark, handle) == 0
    sim.clear_log()
    handle = wevtapi.subscribe(event, flags=AFTER_BOOKMARK | STRICT, bookmark=bookmark)
    assert (handle, wevtapi.error) == (0, 1168)
    sim.write_log_event(2)
    assert [each.record for each in wevtapi.read(subscription)] == [2]


# Faults


def test_a_subscription_is_stale_after_it_missed_events(
    sim: Simulator, wevtapi: Wevtapi, event: SystemEvent, subscription: int
) -> None:
    sim.write_log_event(1)
    sim.clear_log(after=1.0)
    assert len(wevtapi.next(subscription)) == 1
    sim.advance(1.0)
    assert wevtapi.next(subscription) == []
    assert wevtapi.error == 259, "it had read all of them"
    sim.write_log_event(2)
    sim.clear_log()
    sim.write_log_event(3)
    for _ in range(2):
        assert wevtapi.next(subscription) == []
        assert wevtapi.error == 15011
    assert ids(wevtapi.read(wevtapi.subscribe(event, flags=OLDEST))) == [3]


def test_the_log_is_bounded(
    sim: Simulator, wevtapi: Wevtapi, event: SystemEvent, subscription: int
) -> None:
    """A subscription falls behind only because of events that it wants."""
    for _ in range(4097):
        sim.write_log_event(1, source="Other")
    assert wevtapi.next(subscription) == []
    assert wevtapi.error == 259
    everything = wevtapi.subscribe(event, "*", "Application", flags=OLDEST)
    told = wevtapi.read(everything)
    assert (len(told), told[0].record, told[-1].record) == (4096, 2, 4097)
    for _ in range(4097):
        sim.write_log_event(1)
    assert (wevtapi.next(subscription), wevtapi.error) == ([], 15011)


def test_a_broken_subscription(
    sim: Simulator, wevtapi: Wevtapi, event: SystemEvent, subscription: int
) -> None:
    sim.break_subscriptions(1717, after=1.0)
    sim.write_log_event(1)
    assert len(wevtapi.next(subscription)) == 1
    sim.advance(1.0)
    event.consume()
    sim.write_log_event(2)
    assert event.consume()
    for _ in range(2):
        assert (wevtapi.next(subscription), wevtapi.error) == ([], 1717)
    again = wevtapi.subscribe(event)
    sim.write_log_event(3)
    assert ids(wevtapi.read(again)) == [3]
    assert (wevtapi.next(subscription), wevtapi.error) == ([], 1717)
    assert wevtapi.code("EvtClose", subscription) == 0


def test_a_signal_without_news(
    sim: Simulator, wevtapi: Wevtapi, event: SystemEvent, subscription: int
) -> None:
    sim.signal_subscriptions(after=1.0)
    assert not event.consume()
    sim.advance(1.0)
    assert event.consume()
    assert wevtapi.read(subscription) == []


def test_a_log_like_that_of_wine(sim: Simulator, wevtapi: Wevtapi, event: SystemEvent) -> None:
    """EvtSubscribe returns NULL, and sets no error."""
    sim.fail("EvtSubscribe", 0, count=None)
    sim.fail("EvtClose", 0)
    for _ in range(2):
        assert (wevtapi.subscribe(event), wevtapi.error) == (0, NO_ERROR_SET)
    assert (wevtapi.call("EvtClose", None), wevtapi.error) == (0, NO_ERROR_SET)


def test_success_sets_no_error(wevtapi: Wevtapi, event: SystemEvent) -> None:
    assert wevtapi.subscribe(event)
    assert wevtapi.error == NO_ERROR_SET


def test_late_events_are_out_of_order(
    sim: Simulator, wevtapi: Wevtapi, event: SystemEvent, subscription: int
) -> None:
    sim.disturb_log(20225, delay=5.0)
    sim.disturb_log(20226, delay=1.5, backdate=True)
    handle = sim.add("a", device_name=DIAL_UP)
    assert not event.consume()
    sim.drop(handle, reason=829, after=1.0)
    sim.advance(10.0)
    assert event.consume()
    told = [(each.event_id, each.record, each.time[17:20]) for each in wevtapi.read(subscription)]
    assert told == [(20226, 1, "01."), (20225, 2, "05.")]


@pytest.mark.parametrize("copies", [0, 1, 2, 16])
def test_events_that_are_lost_or_doubled(
    sim: Simulator, wevtapi: Wevtapi, subscription: int, copies: int
) -> None:
    sim.disturb_log(20226, copies=copies)
    sim.drop(sim.add("a", device_name=DIAL_UP))
    told = wevtapi.read(subscription)
    assert ids(told) == [20225, *[20226] * copies]
    assert len({each.record for each in told}) == len(told)
    assert len({tuple(each.data) for each in told[1:]}) <= 1


def test_events_that_are_mangled(sim: Simulator, wevtapi: Wevtapi, subscription: int) -> None:
    sim.disturb_log(correlation=False, entry_name="Z\ufffdrich", code=0x80070005)
    sim.disturb_log(20227)  # as it is
    sim.dial("Z\u00fcrich", error=691, correlation_id=COID, states=[0])
    sim.advance(1.0)
    sim.drop(sim.add("Z\u00fcrich", device_name=DIAL_UP))
    told = {each.event_id: each.data for each in wevtapi.read(subscription)}
    assert told[20221][0] == "{NA}"
    assert told[20227] == [COID_TEXT, "RASSIM\\user", "Z\u00fcrich", "691"]
    assert told[20226] == ["{NA}", "RASSIM\\user", "Z\ufffdrich", "-2147024891"]
    sim.disturb_log()
    sim.add("Z\u00fcrich", correlation_id=COID, device_name=DIAL_UP)
    (last,) = wevtapi.read(subscription)
    assert (last.data[0], last.data[2]) == (COID_TEXT, "Z\u00fcrich")


def test_any_text_can_be_an_event(sim: Simulator, wevtapi: Wevtapi, subscription: int) -> None:
    texts = ["", "<Event>", "\ud800 \x01", "x" * 300_000]
    for text in texts:
        sim.write_log_event(20226, xml=text)
    assert [wevtapi.render(handle) for handle in wevtapi.next(subscription)] == texts


def test_fields_of_any_event(sim: Simulator, wevtapi: Wevtapi, subscription: int) -> None:
    fields = ["", "<&>", "\u6771\u4eac", *["x"] * 61]
    sim.write_log_event(1, fields, after=2.0)
    sim.write_log_event(2)
    sim.advance(3.0)
    assert [each.data for each in wevtapi.read(subscription)] == [[], fields]


@pytest.mark.parametrize(
    ("method", "arguments", "options", "named"),
    [
        ("write_log_event", (-1,), {}, "event_id"),
        ("write_log_event", (65536,), {}, "event_id"),
        ("write_log_event", (1,), {"source": ""}, "source"),
        ("write_log_event", (1,), {"source": "x" * 64}, "source"),
        ("write_log_event", (1,), {"channel": "Security"}, "channel"),
        ("write_log_event", (1,), {"xml": "a\0"}, "xml"),
        ("write_log_event", (1, "text"), {}, "data"),
        ("write_log_event", (1, ["x"] * 65), {}, "data"),
        ("write_log_event", (1, ["a\0"]), {}, "data"),
        ("write_ras_event", (0, 20226), {}, "handle"),
        ("write_ras_event", (1, 20228), {}, "event_id"),
        ("write_ras_event", (1, 20226), {"code": -1}, "code"),
        ("disturb_log", (20228,), {}, "event_id"),
        ("disturb_log", (0,), {}, "event_id"),
        ("disturb_log", (), {"copies": 17}, "copies"),
        ("disturb_log", (), {"delay": -1}, "delay"),
        ("disturb_log", (), {"entry_name": "x" * 257}, "entry_name"),
        ("disturb_log", (), {"code": 2**32}, "code"),
        ("break_subscriptions", (0,), {}, "code"),
        ("drop", (1,), {"reason": -1}, "reason"),
        ("time_out", (1, "never"), {}, "limit"),
        ("time_out", (1,), {}, "handle"),
    ],
)
def test_arguments_of_the_controls(
    sim: Simulator,
    method: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    named: str,
) -> None:
    with pytest.raises((ValueError, TypeError, LookupError), match=named):
        getattr(sim, method)(*arguments, **options)


def test_only_a_connection_that_is_up_reaches_a_limit(sim: Simulator) -> None:
    handle = sim.dial("a")
    with pytest.raises(LookupError):
        sim.time_out(handle)


# Its life


def test_the_epoch_of_a_manual_clock(sim: Simulator, wevtapi: Wevtapi, subscription: int) -> None:
    assert sim.epoch == datetime(2026, 1, 1, tzinfo=timezone.utc)
    east = timezone(timedelta(hours=9))
    sim.epoch = datetime(2024, 3, 1, 8, 59, 58, 123456, tzinfo=east)
    sim.write_log_event(1, after=0.5)
    sim.write_log_event(2, after=1.9)
    sim.advance(2.0)
    assert [each.time for each in wevtapi.read(subscription)] == [
        "2024-02-29T23:59:58.6234560Z",
        "2024-03-01T00:00:00.0234560Z",
    ]
    assert sim.epoch == datetime(2024, 2, 29, 23, 59, 58, 123456, tzinfo=timezone.utc)
    years = [datetime(year, 1, 1, tzinfo=timezone.utc) for year in (1969, 2500)]
    for wrong in (*years, datetime(2026, 1, 1), "2026"):
        with pytest.raises((TypeError, ValueError), match="epoch"):
            sim.epoch = wrong  # type: ignore[assignment]


@given(st.datetimes(datetime(1970, 1, 1), datetime(2499, 12, 31), timezones=st.just(timezone.utc)))
@example(datetime(2000, 2, 29, tzinfo=timezone.utc))
@example(datetime(2100, 3, 1, tzinfo=timezone.utc))
def test_every_date_is_right(time: datetime) -> None:
    with Simulator() as sim, SystemEvent() as event:
        wevtapi = Wevtapi(sim)
        subscription = wevtapi.subscribe(event)
        sim.epoch = time
        sim.write_log_event(1)
        (told,) = wevtapi.read(subscription)
    assert told.time == time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond:06}0Z"


def test_a_real_clock_has_the_time_of_the_system() -> None:
    with Simulator(clock="real") as sim, SystemEvent() as event:
        wevtapi = Wevtapi(sim)
        subscription = wevtapi.subscribe(event)
        before = datetime.now(timezone.utc)
        sim.write_log_event(1, after=0.01)
        event.wait()
        (told,) = wevtapi.read(subscription)
        after = datetime.now(timezone.utc)
    tick = timedelta(milliseconds=50)  # of the clock of Windows
    assert before - tick <= datetime.fromisoformat(told.time[:26] + "+00:00") <= after + tick


def test_a_reset_ends_everything(sim: Simulator, wevtapi: Wevtapi, event: SystemEvent) -> None:
    subscription, bookmark = wevtapi.subscribe(event), wevtapi.bookmark()
    sim.disturb_log(copies=0)
    sim.no_news_code = 4317
    sim.epoch = datetime(2020, 1, 1, tzinfo=timezone.utc)
    sim.write_log_event(1)
    sim.write_log_event(2, after=1.0)
    sim.close()
    with Simulator() as fresh:
        assert (fresh.subscriptions, fresh.event_handles, fresh.no_news_code) == (0, 0, 259)
        assert fresh.epoch.year == 2026
        for handle in (subscription, bookmark):
            assert wevtapi.code("EvtClose", handle) == 6
        fresh.advance(2.0)
        fresh.add("a", device_name=DIAL_UP)
        everything = wevtapi.subscribe(event, flags=OLDEST)
        assert everything not in (subscription, bookmark), "no handle comes back"
        assert [each.record for each in wevtapi.read(everything)] == [1]


@pytest.mark.posix_only("fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # threads and fork
@pytest.mark.parametrize("clock", ["manual", "real"])
def test_a_forked_child_has_a_log_but_no_subscriptions(clock: Any) -> None:
    with Simulator(clock=clock) as sim, SystemEvent() as event:
        wevtapi = Wevtapi(sim)
        subscription = wevtapi.subscribe(event)
        sim.write_log_event(1)
        assert event.consume()
        pid = os.fork()
        if not pid:
            sim.write_log_event(2)
            gone = wevtapi.next(subscription) == [] and wevtapi.error == 6
            told = ids(wevtapi.read(wevtapi.subscribe(event, flags=OLDEST)))
            os._exit(0 if gone and told == [1, 2] and sim.event_handles == 1 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert not event.consume()
        assert ids(wevtapi.read(subscription)) == [1]


@pytest.mark.parametrize("name", EVT_FUNCTIONS)
def test_every_function_is_counted_and_can_fail(
    sim: Simulator, wevtapi: Wevtapi, name: str
) -> None:
    _, *kinds = EVT_FUNCTIONS[name]
    arguments = [0 if kind is c_uint32 else None for kind in kinds]
    wevtapi.call(name, *arguments)
    assert (sim.calls(name), sim.calls_total) == (1, 1)
    sim.fail(name, 4711, call=2)
    assert (not wevtapi.call(name, *arguments), wevtapi.error) == (True, 4711)
    assert (sim.calls(name), sim.calls_total) == (2, 2)


def test_reading_the_log_does_not_advance_the_clock(
    sim: Simulator, api: Rasapi, wevtapi: Wevtapi, subscription: int
) -> None:
    sim.step_per_call = 1.0
    wevtapi.next(subscription)
    assert sim.now == 0.0
    api.RasHangUpW(None)
    assert sim.now == 1.0


def test_a_slow_function_does_not_block_others(
    sim: Simulator, wevtapi: Wevtapi, event: SystemEvent, subscription: int
) -> None:
    sim.delay("EvtNext", 60.0)
    slow = threading.Thread(target=wevtapi.next, args=(subscription,))
    slow.start()
    while not sim.calls("EvtNext"):
        pass
    assert wevtapi.subscribe(event)
    sim.delay("EvtNext", 0.0)
    slow.join(30.0)
    assert not slow.is_alive()


def test_subscribers_in_many_threads(sim: Simulator) -> None:
    """Each subscription reads every event once, in order."""
    told: dict[int, list[int]] = {}
    many, writers = 200, 2

    def subscriber(number: int, ready: threading.Barrier) -> None:
        wevtapi = Wevtapi(sim)
        with SystemEvent() as event:
            subscription = wevtapi.subscribe(event)
            ready.wait()
            found: list[int] = []
            while len(found) < many * writers:
                event.wait()
                found += [each.record for each in wevtapi.read(subscription)]
            told[number] = found
            assert wevtapi.code("EvtClose", subscription) == 0

    ready = threading.Barrier(3 + writers)
    threads = [threading.Thread(target=subscriber, args=(n, ready)) for n in range(3)]
    threads += [
        threading.Thread(
            target=lambda: [ready.wait(), *(sim.write_log_event(1) for _ in range(many))]
        )
        for _ in range(writers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    assert told == {number: list(range(1, many * writers + 1)) for number in range(3)}
    assert sim.event_handles == 0
