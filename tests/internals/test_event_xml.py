"""The XML of events: what is read from it, and that nothing in it can do harm."""

from __future__ import annotations

from datetime import datetime, timezone
from uuid import UUID

import pytest
from event_xml import CORRELATION_ID, event_xml
from hypothesis import given
from hypothesis import strategies as st

from ras_native.event_log import LogEvent
from ras_native.event_log._xml import LONGEST_XML, UnreadableEventError, parse

GUID = UUID(CORRELATION_ID)

FIELDS = {  # id -> its data; then what is read: entry, code
    20221: ((CORRELATION_ID, "pc\\ann", "VPN", "all-user", "Office", "AutoLogon = Yes"), "Office"),
    20222: ((CORRELATION_ID, "pc\\ann", "Office", "Server = vpn.example"), "Office"),
    20223: ((CORRELATION_ID, "pc\\ann", "WAN Miniport (IKEv2)"), None),
    20224: ((CORRELATION_ID, "pc\\ann"), None),
    20225: ((CORRELATION_ID, "pc\\ann", "Office", "TunnelIpAddress = 10.0.0.2"), "Office"),
    20226: ((CORRELATION_ID, "pc\\ann", "Office", "829"), "Office", 829),
    20227: ((CORRELATION_ID, "SYSTEM", "Office", "-2146762495"), "Office", 0x800B0101),
    20263: ((CORRELATION_ID, "VPN2-1"), None),
    20264: ((CORRELATION_ID, "VPN2-1"), None),
    20277: ((CORRELATION_ID, "Office", "192.0.2.1 to 192.0.2.2"), "Office"),
    20278: ((CORRELATION_ID, "Office", "13806"), "Office", 13806),
    20281: ((CORRELATION_ID,), None),
}


@pytest.mark.parametrize("event_id", FIELDS)
def test_the_fields_of_each_event_of_rasclient(event_id: int) -> None:
    data, entry, *code = FIELDS[event_id]
    event = parse(event_xml(event_id, *data))
    assert event == LogEvent(
        channel="Application",
        source="RasClient",
        event_id=event_id,
        record_id=77,
        time=datetime(2026, 11, 21, 8, 15, 0, 123456, timezone.utc),
        correlation_id=GUID,
        entry=entry,
        code=code[0] if code else None,
        data=data,
    )


def test_20220_has_no_correlation_id() -> None:
    event = parse(event_xml(20220, CORRELATION_ID, "WAN Miniport (IKEv2)", "809"))
    assert (event.correlation_id, event.entry, event.code) == (None, None, None)
    assert event.data == (CORRELATION_ID, "WAN Miniport (IKEv2)", "809")


def test_names_of_fields_change_nothing() -> None:
    data = (CORRELATION_ID, "pc\\ann", "Office", "829")
    named = event_xml(20226, *data, names=("CoId", "User", "Entry", "Code"))
    assert parse(named) == parse(event_xml(20226, *data))


@pytest.mark.parametrize("event_id", [1, 2, 3, 4, 5, 6, 16, 23, 33])
def test_events_of_rassstp_have_a_correlation_id(event_id: int) -> None:
    text = event_xml(
        event_id, CORRELATION_ID, "why", source="Microsoft-Windows-RasSstp", channel="System"
    )
    event = parse(text)
    assert (event.channel, event.correlation_id, event.entry) == ("System", GUID, None)


@pytest.mark.parametrize(
    ("source", "event_id"),
    [("Rasman", 20226), ("Rasman", 20268), ("RasClient", 20299), ("Microsoft-Windows-RasSstp", 9)],
)
def test_other_events_have_only_data(source: str, event_id: int) -> None:
    event = parse(event_xml(event_id, CORRELATION_ID, "a", "b", "809", source=source))
    assert (event.correlation_id, event.entry, event.code) == (None, None, None)
    assert event.data == (CORRELATION_ID, "a", "b", "809")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("809", 809),
        (" 809\n", 809),
        ("0", 0),
        ("-1", 0xFFFFFFFF),
        ("-2147483648", 0x80000000),
        ("4294967295", 0xFFFFFFFF),
        ("-2147483649", None),
        ("4294967296", None),
        ("", None),
        ("0x329", None),
        ("809 or so", None),
        ("\u0668\u0660\u0669", None),  # Arabic digits
    ],
)
def test_codes_are_signed_decimals(text: str, code: int | None) -> None:
    assert parse(event_xml(20226, CORRELATION_ID, "u", "e", text)).code == code


@pytest.mark.parametrize(
    "text",
    ["{NA}", "", "{}", "NA", CORRELATION_ID[:-2] + "}", "{" + CORRELATION_ID, str(UUID(int=0))],
)
def test_no_correlation_id(text: str) -> None:
    event = parse(event_xml(20226, text, "u", "e", "829"))
    assert (event.correlation_id, event.code) == (None, 829)


def test_braces_and_capitals_of_a_correlation_id_do_not_matter() -> None:
    assert parse(event_xml(20281, CORRELATION_ID.strip("{}").lower())).correlation_id == GUID


def test_missing_fields_are_none() -> None:
    for count in range(4):
        event = parse(event_xml(20226, *(CORRELATION_ID, "u", "Office")[:count]))
        assert event.entry == ("Office" if count == 3 else None)
        assert event.code is None


@pytest.mark.parametrize(
    ("time", "microsecond"),
    [
        ("2026-11-21T08:15:00Z", 0),
        ("2026-11-21T08:15:00.5Z", 500000),
        ("2026-11-21T08:15:00.123456789Z", 123456),
    ],
)
def test_times_have_up_to_nine_digits(time: str, microsecond: int) -> None:
    expected = datetime(2026, 11, 21, 8, 15, 0, microsecond, timezone.utc)
    assert parse(event_xml(20281, CORRELATION_ID, time=time)).time == expected


def test_characters_that_xml_forbids_cost_nothing_but_themselves() -> None:
    text = event_xml(20226, CORRELATION_ID, "u", "@", "829")
    for character in ("\1", "\x1f", "\0", "\ud800", "\uffff"):
        event = parse(text.replace("@", f"a{character}b"))
        assert (event.entry, event.code) == ("a\ufffdb", 829)


def test_what_it_declares_as_its_encoding_does_not_count() -> None:
    text = event_xml(20226, CORRELATION_ID, "u", "Büro €\U0001f600", "829")
    for encoding in ("UTF-16", "utf-8", "latin-1", "no-such-encoding"):
        declared = f'<?xml version="1.0" encoding="{encoding}"?>{text}'
        assert parse(declared).entry == "Büro €\U0001f600"


GOOD = event_xml(20226, CORRELATION_ID, "pc\\ann", "Office", "829")
BOMB = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>"
NOT_EVENTS = {
    "nothing": ("", "no element found"),
    "no XML": ("{}", "not XML"),
    "another root": ("<a/>", "no Provider"),
    "cut": (GOOD[:-3], "not XML"),
    "two": (GOOD + GOOD, "not XML"),
    "entities": (BOMB + GOOD.replace("Office", "&b;"), "DTD"),
    "external entity": ("<!DOCTYPE x SYSTEM 'file:///etc/passwd'>" + GOOD, "DTD"),
    "unknown entity": (GOOD.replace("Office", "&b;"), "undefined entity"),
    "forbidden character": (GOOD.replace("Office", "&#1;"), "not XML"),
    "deep": ("<a>" * 20000, "nested more than 16 deep"),
    "long": (GOOD.replace("Office", "a" * LONGEST_XML), "longer than"),
    "fields": (event_xml(20226, *["a"] * 257), "more than 256 fields"),
    "no system": (f"<Event>{GOOD.partition('</System>')[2]}", "no Provider"),
    "no id": (event_xml(""), "EventID is not a whole number"),
    "negative id": (event_xml(-1), "EventID is not a whole number"),
    "large id": (event_xml(2**32), "EventID is not a whole number"),
    "large record": (event_xml(1, record_id=2**64), "EventRecordID is not a whole number"),
    "long record": (event_xml(1, record_id="1" * 5000), "EventRecordID is not a whole number"),
    "day": (event_xml(1, time="2026-02-30T08:15:00Z"), "not a time"),
    "zone": (event_xml(1, time="2026-02-20T08:15:00+01:00"), "not a time"),
    "no time": (GOOD.replace("SystemTime", "RawTime"), "no TimeCreated"),
}


@pytest.mark.parametrize("name", NOT_EVENTS)
def test_what_is_no_event_is_refused(name: str) -> None:
    text, why = NOT_EVENTS[name]
    with pytest.raises(UnreadableEventError, match=why):
        parse(text)


def test_an_error_does_not_show_what_the_event_says() -> None:
    for text, _ in NOT_EVENTS.values():
        with pytest.raises(UnreadableEventError) as caught:
            parse(text)
        assert "Office" not in str(caught.value)
        assert "ann" not in str(caught.value)


def is_read_or_refused(text: str) -> None:
    try:
        event = parse(text)
    except UnreadableEventError:
        return
    assert isinstance(event, LogEvent)
    assert event.code is None or 0 <= event.code < 2**32
    assert event.time.tzinfo is timezone.utc
    event.to_dict()


ANY_TEXT = st.text(st.characters(exclude_categories=()))
PIECES = st.sampled_from(
    [
        *("<", ">", "</", "<Event>", "</Event>", "<System>", "<EventData>", "<Data>", "</Data>"),
        *("&", "&amp;", "&#0;", "&#x41;", "<!--", "-->", "<![CDATA[", "]]>", "<!DOCTYPE", "<?xml"),
        *(CORRELATION_ID, "20226", "-1", "\0", "\ud800", "\udc00", "\ufffe", "xmlns='a'", " "),
    ]
)


@given(ANY_TEXT | st.lists(PIECES).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    is_read_or_refused(text)


@given(st.integers(0, len(GOOD)), st.integers(0, 20), st.lists(PIECES).map("".join) | ANY_TEXT)
def test_any_damage_is_read_or_refused(place: int, length: int, damage: str) -> None:
    is_read_or_refused(GOOD[:place] + damage + GOOD[place + length :])


@given(
    event_id=st.integers(0, 2**32 - 1) | st.sampled_from(list(FIELDS)),
    source=st.sampled_from(["RasClient", "Rasman", "Microsoft-Windows-RasSstp"]),
    data=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], min_codepoint=32, max_codepoint=0xFFFD))
        | st.sampled_from([CORRELATION_ID, "{NA}", "829", "-1"]),
        max_size=8,
    ),
)
def test_every_event_in_the_shape_of_windows_is_read(
    event_id: int, source: str, data: list[str]
) -> None:
    event = parse(event_xml(event_id, *data, source=source))
    assert (event.event_id, event.source, event.data) == (event_id, source, tuple(data))
    assert event.correlation_id in (None, GUID)
