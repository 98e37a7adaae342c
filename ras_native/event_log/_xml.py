"""Reads the XML that Windows renders of one event. Nothing in it is trusted.

An event names what it is about in its `Data` elements. Its message is never read, because Windows
translates it.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID
from xml.parsers import expat

from .._check import DWORD_MAX, QWORD_MAX
from ._records import (
    CAN_MOVE,
    CONNECTED,
    DIAL_FAILED,
    DIALLING,
    DISCONNECTED,
    IDLE_TIMEOUT,
    LINK_AUTHENTICATED,
    LINK_BEGUN,
    LINK_UP,
    LONGEST_TIME,
    MOVE_FAILED,
    MOVED,
    LogEvent,
)

LONGEST_XML = 1 << 17
"""The most characters of XML that are read. An event of Windows has less than 64 KiB."""

_DEEPEST = 16
_MOST_FIELDS = 256

_TEXTS: set[tuple[str, ...]] = {
    ("Event", "System", "EventID"),
    ("Event", "System", "EventRecordID"),
    ("Event", "System", "Channel"),
}
_ATTRIBUTES: dict[tuple[str, ...], str] = {
    ("Event", "System", "Provider"): "Name",
    ("Event", "System", "TimeCreated"): "SystemTime",
}
_DATA = ("Event", "EventData", "Data")

# Windows writes some of these into XML as they are, which XML forbids.
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_GUID = re.compile(r"\{?([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})\}?")
_TIME = re.compile(r"([0-9]{4}(?:-[0-9]{2}){2}T[0-9]{2}(?::[0-9]{2}){2})(?:\.([0-9]{1,9}))?Z")
_CODE = re.compile(r"-?[0-9]{1,10}")
_NUMBER = re.compile(r"[0-9]{1,20}")


class UnreadableEventError(ValueError):
    """An event of the log is not what Windows documents; the message says why."""


class _Places(NamedTuple):
    """The places of an event's facts among its data; None if it does not tell them."""

    correlation_id: int | None = None
    entry: int | None = None
    code: int | None = None


_NOTHING = _Places()
_ONLY_ID = _Places(0)
_PLACES: dict[str, dict[int, _Places]] = {
    # Source: the message table of mprmsg.dll; one real 20227 was seen.
    "RasClient": {
        DIALLING: _Places(0, 4),
        LINK_BEGUN: _Places(0, 2),
        LINK_UP: _ONLY_ID,
        LINK_AUTHENTICATED: _ONLY_ID,
        CONNECTED: _Places(0, 2),
        DISCONNECTED: _Places(0, 2, 3),
        DIAL_FAILED: _Places(0, 2, 3),
        IDLE_TIMEOUT: _ONLY_ID,
        LONGEST_TIME: _ONLY_ID,
        MOVED: _Places(0, 1),
        MOVE_FAILED: _Places(0, 1, 2),
        CAN_MOVE: _ONLY_ID,
    },
    # Source: the manifest of the provider.
    "Microsoft-Windows-RasSstp": dict.fromkeys((1, 2, 3, 4, 5, 6, 16, 23, 33), _ONLY_ID),
}


def parse(xml: str) -> LogEvent:
    """Return the event; UnreadableEventError if this is not the XML of one."""
    found = _Found()
    found.read(xml)
    source = found.value("Provider")
    event_id = _number("EventID", found.value("EventID"), DWORD_MAX)
    data = tuple(found.data)
    places = _places(source, event_id)
    return LogEvent(
        channel=found.value("Channel"),
        source=source,
        event_id=event_id,
        record_id=_number("EventRecordID", found.value("EventRecordID"), QWORD_MAX),
        time=_time(found.value("TimeCreated")),
        correlation_id=_guid(_field(data, places.correlation_id)),
        entry=_field(data, places.entry) or None,
        code=_code(_field(data, places.code)),
        data=data,
    )


def code_place(event: LogEvent) -> int | None:
    """Return the place of the event's code among its data; None if its code is not there."""
    place = _places(event.source, event.event_id).code
    code = _code(_field(event.data, place))
    return None if code is None or code != event.code else place


def _places(source: str, event_id: int) -> _Places:
    return _PLACES.get(source, {}).get(event_id, _NOTHING)


class _Found:
    """What one XML text says, gathered by expat without entities and without a DTD."""

    def __init__(self) -> None:
        self._path: tuple[str, ...] = ()
        self._text: list[str] | None = None
        self._values: dict[str, str] = {}
        self.data: list[str] = []

    def read(self, xml: str) -> None:
        """Parse it. What it declares as its encoding does not count."""
        if len(xml) > LONGEST_XML:
            raise UnreadableEventError(f"it is longer than {LONGEST_XML} characters")
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse_dtd
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        try:
            parser.Parse(_FORBIDDEN.sub("\ufffd", xml).encode(), True)
        except expat.ExpatError as error:
            raise UnreadableEventError(f"it is not XML: {error}") from None

    def value(self, name: str) -> str:
        """Return the text that the element must have."""
        try:
            return self._values[name]
        except KeyError:
            raise UnreadableEventError(f"it has no {name}") from None

    @staticmethod
    def _refuse_dtd(*_: Any) -> None:
        raise UnreadableEventError("it has a DTD")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path = (*self._path, name)
        if len(self._path) > _DEEPEST:
            raise UnreadableEventError(f"its elements are nested more than {_DEEPEST} deep")
        if self._path in _TEXTS or self._path == _DATA:
            self._text = []
        wanted = _ATTRIBUTES.get(self._path)
        if wanted in attributes:
            self._values[name] = attributes[wanted]

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _end(self, name: str) -> None:
        if self._path in _TEXTS:
            self._values[name] = self._taken()
        elif self._path == _DATA:
            if len(self.data) == _MOST_FIELDS:
                raise UnreadableEventError(f"it has more than {_MOST_FIELDS} fields")
            self.data.append(self._taken())
        self._path = self._path[:-1]

    def _taken(self) -> str:
        text, self._text = "".join(self._text or ()), None
        return text


def _field(data: tuple[str, ...], place: int | None) -> str:
    """Return the text at that place; an empty text if there is none."""
    return data[place] if place is not None and place < len(data) else ""


def _number(name: str, text: str, highest: int) -> int:
    if not _NUMBER.fullmatch(text.strip()) or int(text) > highest:
        raise UnreadableEventError(f"its {name} is not a whole number up to {highest}")
    return int(text)


def _time(text: str) -> datetime:
    """Return a time such as 2026-11-21T08:15:00.1234567Z; Python has no digits after the sixth."""
    match = _TIME.fullmatch(text.strip())
    fraction = ((match and match[2]) or "").ljust(6, "0")[:6]
    try:
        return datetime.fromisoformat(f"{match and match[1]}.{fraction}+00:00")
    except ValueError:
        raise UnreadableEventError("its TimeCreated is not a time in UTC") from None


def _guid(text: str) -> UUID | None:
    """Return the GUID; None for {NA}, which servers write, and for zeros."""
    match = _GUID.fullmatch(text.strip())
    guid = UUID(match[1]) if match else None
    return guid if guid and guid.int else None


def _code(text: str) -> int | None:
    """Return the code, which Windows writes as a signed number, as an unsigned one."""
    if not _CODE.fullmatch(text.strip()):
        return None
    number = int(text)
    return number & DWORD_MAX if -(1 << 31) <= number <= DWORD_MAX else None
