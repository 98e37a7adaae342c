"""Call the functions of the event log that the simulator exports directly, with their buffers."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_uint32, c_void_p
from typing import Any, NamedTuple
from xml.etree import ElementTree

from simabi import UTF16, WINDOWS, Guarded, SystemEvent, wide

from ras_native._backend.functions import (
    EVT_FUNCTIONS,
    EVT_RENDER_BOOKMARK,
    EVT_RENDER_EVENT_XML,
    EVT_SUBSCRIBE_TO_FUTURE_EVENTS,
)
from ras_native.sim import Simulator

NO_ERROR_SET = 0x5EED
NAMESPACE = "{http://schemas.microsoft.com/win/2004/08/events/event}"
RAS_QUERY = (
    '<QueryList><Query Id="0">'
    "<Select Path=\"Application\">*[System[Provider[@Name='RasClient']]]</Select>"
    "<Select Path=\"System\">*[System[Provider[@Name='Rasman'] or "
    "Provider[@Name='Microsoft-Windows-RasSstp']]]</Select></Query></QueryList>"
)


class Written(NamedTuple):
    """What an event says, read from its XML."""

    event_id: int
    data: list[str]
    record: int
    time: str
    channel: str
    source: str
    level: int


class Wevtapi:
    """The functions by name. `error` is the code that the last call set, or NO_ERROR_SET."""

    def __init__(self, sim: Simulator) -> None:
        path = sim.path
        self._library: Any = (
            ctypes.WinDLL(path, use_last_error=True)
            if WINDOWS
            else ctypes.CDLL(path, use_errno=True)
        )
        for name, (result, *arguments) in EVT_FUNCTIONS.items():
            function = getattr(self._library, name)
            function.argtypes, function.restype = arguments, result

    def call(self, function_name: str, *arguments: Any) -> Any:
        self._set_error(NO_ERROR_SET)
        return getattr(self._library, function_name)(*arguments)

    def _set_error(self, code: int) -> None:
        if WINDOWS:
            ctypes.set_last_error(code)
        else:
            ctypes.set_errno(code)

    @property
    def error(self) -> int:
        return ctypes.get_last_error() if WINDOWS else ctypes.get_errno()

    def code(self, function_name: str, *arguments: Any) -> int:
        """Call it, and return 0 or the error that it set."""
        return 0 if self.call(function_name, *arguments) else self.error

    def subscribe(
        self,
        event: SystemEvent | int,
        query: str | None = RAS_QUERY,
        channel: str | None = None,
        *,
        flags: int = EVT_SUBSCRIBE_TO_FUTURE_EVENTS,
        bookmark: int | None = None,
    ) -> int:
        """Return the handle, or 0."""
        signal = event.handle if isinstance(event, SystemEvent) else event
        texts = [None if text is None else wide(text) for text in (channel, query)]
        handle: int | None = self.call(
            "EvtSubscribe", None, signal, *texts, bookmark, None, None, flags
        )
        return handle or 0

    def next(self, subscription: int, capacity: int = 100) -> list[int]:
        """Return the handles of new events; none if it fails, which `error` explains."""
        handles, count = (c_void_p * capacity)(), c_uint32(77)
        done = self.call("EvtNext", subscription, capacity, handles, 0, 0, byref(count))
        assert bool(done) == bool(count.value), "a call that succeeds returns events"
        return [handle or 0 for handle in handles[: count.value]]

    def render(self, handle: int, flags: int = EVT_RENDER_EVENT_XML) -> str:
        """Return the text, from a buffer of exactly its size."""
        used, properties = c_uint32(), c_uint32(77)
        measure = (None, handle, flags, 0, None, byref(used), byref(properties))
        assert self.code("EvtRender", *measure) == 122
        buffer = Guarded(used.value)
        into = (None, handle, flags, buffer.size, buffer.raw, byref(used), byref(properties))
        assert self.code("EvtRender", *into) == 0
        assert (used.value, properties.value) == (buffer.size, 0)
        text = buffer.bytes().decode(UTF16, "surrogatepass")
        assert text.index("\0") == len(text) - 1
        return text[:-1]

    def bookmark(self, xml: str | None = None) -> int:
        handle: int | None = self.call("EvtCreateBookmark", None if xml is None else wide(xml))
        return handle or 0

    def bookmark_xml(self, bookmark: int) -> str:
        return self.render(bookmark, EVT_RENDER_BOOKMARK)

    def read(self, subscription: int) -> list[Written]:
        """Read all new events, until there is nothing new, and close them."""
        found = []
        while handles := self.next(subscription):
            for handle in handles:
                found.append(written(self.render(handle)))
                assert self.code("EvtClose", handle) == 0
        assert self.error == 259
        return found


def written(xml: str) -> Written:
    """Read the XML of an event that is well-formed."""
    event = ElementTree.fromstring(xml)  # noqa: S314 - the simulator wrote it
    system = event.find(NAMESPACE + "System")
    assert system is not None
    parts = {part.tag.removeprefix(NAMESPACE): part for part in system}
    texts = {name: part.text or "" for name, part in parts.items()}
    return Written(
        int(texts["EventID"]),
        [data.text or "" for data in event.iter(NAMESPACE + "Data")],
        int(texts["EventRecordID"]),
        parts["TimeCreated"].attrib["SystemTime"],
        texts["Channel"],
        parts["Provider"].attrib["Name"],
        int(texts["Level"]),
    )
