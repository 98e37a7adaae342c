"""Recordings: the polls that the engine was given, as lines of JSON.

A recording is the file FILE. If it grew large, there are also FILE.1 (the next older) to FILE.4
(the oldest). Each file begins with a header, which has the whole snapshot before the first poll.
Every other line is a poll; it has a snapshot only if that differs from the previous one. If ends of
connections still waited for their reasons when the Monitor was closed, the last line is `closed`.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from datetime import datetime, timezone
from hashlib import blake2b
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TextIO, TypeVar
from uuid import UUID

from .._check import DWORD_MAX, QWORD_MAX
from .._records import (
    Connection,
    ConnectionFlag,
    ConnState,
    ConnSubstate,
    Endpoint,
    Observation,
    Snapshot,
    Status,
)
from .._sockets.many import ConnectOutcome
from ..event_log._records import LogEvent
from ..event_log._xml import code_place
from .engine import Engine, Poll, is_late
from .events import MonitorEvent
from .health import Key, ProbeFailure, ProbeSample, Sample, Silence, key_of
from .probes import target_text

VERSION = 1
MAX_BYTES = 10_000_000
"""A file that would grow larger is renamed, and the recording continues in a new one."""
FILES = 5
"""The number of files of a recording, with the newest one."""

_FORMAT = "ras_native recording"
_LONGEST_LINE = 64 * 1024 * 1024
_MOST_NS = 2**63 - 1
_REQUIRED = ("monotonic_ns", "time_ns", "previous_ns")
_OPTIONAL = {
    field.name: field.default
    for field in fields(Poll)
    if field.name not in (*_REQUIRED, "snapshot", "log", "probes", "samples")
}
_T = TypeVar("_T")
_E = TypeVar("_E", ConnState, ConnSubstate)


class RecordingError(ValueError):
    """A file is not a recording of this package, or is damaged before its last line.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "notes.txt")
    ...     size = file.write_text("no recording")
    ...     try:
    ...         events = list(replay(file))
    ...     except RecordingError:
    ...         print("this file is no recording")
    this file is no recording
    """


# Writing


class Recorder:
    """Writes the polls of one engine to files.

    It does not overwrite an older recording, but renames its files as if it had grown.
    `pseudonyms` replaces names of entries and users, phone numbers, addresses, paths of phone
    books, LUIDs and GUIDs. Equal values have equal pseudonyms within a recording. Different
    recordings have different pseudonyms. So a replay does not recognise an entry whose name the
    event log has in a wrong encoding.

    The constructor and `write` raise OSError if the file cannot be written; close it then.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        interval_ns: int,
        entries: Iterable[str] | None = None,
        event_log: bool = False,
        pseudonyms: bool = False,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._path = Path(path)
        self._interval_ns = interval_ns
        self._max_bytes = max_bytes
        self._pseudonyms = Pseudonyms() if pseudonyms else None
        names = None if entries is None else list(entries)
        if names is not None and self._pseudonyms:
            names = [self._pseudonyms.entry(name) for name in names]
        self._header = {
            "format": _FORMAT,
            "version": VERSION,
            "recording": secrets.token_hex(8),
            "interval_ns": interval_ns,
            "entries": names,
            "event_log": event_log,
        }
        self._part = 0
        self._last: Poll | None = None
        self._snapshot = Snapshot()  # the last one that was written
        self._results: dict[Key, ProbeSample] = {}  # the last one of each connection
        self._samples: tuple[Sample, ...] | None = None  # the last ones that were written
        self._size = 0
        self._file = self._new_file()

    def write(self, poll: Poll, *, told: bool) -> None:
        """Write a poll if it `told` an event, found a change, was late or was signalled."""
        if not told and not self._is_news(poll):
            return
        line = _line(self._poll_data(poll, whole=False))
        if self._last is not None and self._size + len(line) > self._max_bytes:
            self._file.close()
            self._part += 1
            self._file = self._new_file()
        self._put(self._file, line)
        self._last = poll
        if poll.snapshot is not None:
            self._snapshot = poll.snapshot
        self._results.update({key_of(item): item for item in poll.probes})
        if poll.samples is not None:
            self._samples = poll.samples

    def write_close(self, monotonic_ns: int, time_ns: int) -> None:
        """Write what Engine.close was given; without this line, a replay does not call it."""
        moments = {"monotonic_ns": monotonic_ns, "time_ns": time_ns}
        self._put(self._file, _line({"closed": moments}))

    def close(self) -> None:
        """Close the file; a second close does nothing."""
        self._file.close()

    def _is_news(self, poll: Poll) -> bool:
        last = self._last
        return (
            last is None
            or last.snapshot is None
            or poll.snapshot is None
            or poll.snapshot != self._snapshot
            or poll.registered_ns != last.registered_ns
            or poll.signalled
            or poll.suspended_ns > 0
            or bool(poll.log)
            or poll.samples is not None
            or poll.log_missed_ns is not None
            or bool(poll.probes)
            or is_late(poll, self._interval_ns)
        )

    def _poll_data(self, poll: Poll, *, whole: bool) -> dict[str, Any]:
        data = {name: getattr(poll, name) for name in _REQUIRED}
        for name, usual in _OPTIONAL.items():
            if getattr(poll, name) != usual:
                data[name] = getattr(poll, name)
        snapshot = poll.snapshot
        if snapshot is not None and (whole or self._last is None or snapshot != self._snapshot):
            if self._pseudonyms:
                snapshot = self._pseudonyms.snapshot(snapshot)
            data["connections"] = snapshot.to_dict()["connections"]
        if poll.samples is not None:
            hide_sample = self._pseudonyms.sample if self._pseudonyms else None
            data["samples"] = [
                (hide_sample(item) if hide_sample else item).to_dict() for item in poll.samples
            ]
        if poll.log:
            hide = self._pseudonyms.log_event if self._pseudonyms else None
            data["log"] = [(hide(event) if hide else event).to_dict() for event in poll.log]
        if poll.probes:
            hide_probe = self._pseudonyms.probe if self._pseudonyms else None
            data["probes"] = [
                (hide_probe(item) if hide_probe else item).to_dict() for item in poll.probes
            ]
        return data

    def _new_file(self) -> TextIO:
        """Rename the existing files, remove the oldest, and create a new one."""
        for number in range(FILES - 1, 0, -1):
            older = _sibling(self._path, number - 1)
            if older.is_file():
                older.replace(_sibling(self._path, number))
        header = {**self._header, "part": self._part}
        if self._last is not None:
            last = {name: getattr(self._last, name) for name in _REQUIRED}
            listed = {key_of(item.connection) for item in self._snapshot}
            self._results = {key: item for key, item in self._results.items() if key in listed}
            probes = tuple(self._results.values())
            poll = Poll(snapshot=self._snapshot, probes=probes, samples=self._samples, **last)
            header["poll"] = self._poll_data(poll, whole=True)
        # The file stays open until `close`.
        file = open(self._path, "x", encoding="ascii", newline="\n", opener=_private)  # noqa: SIM115
        self._size = 0
        try:
            self._put(file, _line(header))
        except OSError:
            file.close()
            raise
        return file

    def _put(self, file: TextIO, line: str) -> None:
        file.write(line)
        file.flush()  # a crash can damage only the last line
        self._size += len(line)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sibling(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}") if number else path


def _line(data: dict[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":")) + "\n"


class Pseudonyms:
    """Replaces values by pseudonyms of the same kind; equal values have equal pseudonyms."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)

    def _digest(self, kind: str, value: str, size: int) -> bytes:
        data = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
        return blake2b(data, key=self._key, digest_size=size).digest()

    def _word(self, kind: str, value: str) -> str:
        return f"{kind}-{self._digest(kind, value, 6).hex()}" if value else ""

    def entry(self, name: str) -> str:
        """Replace a name. If two names differ only in letter case, so do their pseudonyms."""
        if name.startswith("."):
            return f".{self._word('number', name[1:])}"
        word = self._word("entry", name.casefold())
        case = int.from_bytes(self._digest("case", name, 4), "big")
        return "".join(
            letter.upper() if case >> index & 1 else letter for index, letter in enumerate(word)
        )

    def guid(self, value: UUID | None) -> UUID | None:
        """Replace a GUID; the GUID of all zeros stays."""
        return UUID(bytes=self._digest("guid", str(value), 16)) if value and value.int else value

    def address(self, value: Endpoint | None) -> Endpoint | None:
        """Replace an address by one of a private network of the same family."""
        if value is None:
            return None
        network = b"\x0a" if value.version == 4 else b"\xfd"
        size = len(value.packed) - 1
        return ip_address(network + self._digest("address", str(value), size))

    def observation(self, item: Observation) -> Observation:
        """Replace every value that identifies people or places."""
        connection, status = item.connection, item.status
        luid, book = connection.luid, connection.phonebook
        connection = connection._replace(
            entry_name=self.entry(connection.entry_name),
            phonebook=None if book is None else self._word("phonebook", book),
            guid_entry=self.guid(connection.guid_entry),
            luid=luid and int.from_bytes(self._digest("luid", str(luid), 8), "big"),
            correlation_id=self.guid(connection.correlation_id),
        )
        if status is not None:
            number = status.phone_number
            status = status._replace(
                phone_number=None if number is None else self._word("number", number),
                local_endpoint=self.address(status.local_endpoint),
                remote_endpoint=self.address(status.remote_endpoint),
            )
        return Observation(connection, status, item.code)

    def sample(self, item: Sample) -> Sample:
        """Replace the GUID."""
        return item._replace(correlation_id=self.guid(item.correlation_id))

    def log_event(self, event: LogEvent) -> LogEvent:
        """Replace all its data but the code: any other number may be a name or a phone number."""
        attempt = self.guid(event.correlation_id)
        entry = None if event.entry is None else self.entry(event.entry)
        known = {f"{{{event.correlation_id}}}".upper(): f"{{{attempt}}}".upper()}
        if event.entry is not None and entry is not None:
            known[event.entry.upper()] = entry
        code = code_place(event)
        data = [
            text if place == code else known.get(text.upper()) or self._word("text", text)
            for place, text in enumerate(event.data)
        ]
        return replace(event, correlation_id=attempt, entry=entry, data=tuple(data))

    def probe(self, item: ProbeSample) -> ProbeSample:
        """Replace every value that identifies people or places."""
        failure = item.failure
        if failure is not None:
            host, _, port = failure.target.rpartition(":")
            hidden = target_text(str(self.address(ip_address(host.strip("[]")))), int(port))
            failure = replace(failure, target=hidden, source=self.address(failure.source))
        return item._replace(correlation_id=self.guid(item.correlation_id), failure=failure)

    def snapshot(self, snapshot: Snapshot) -> Snapshot:
        """Replace every value that identifies people or places."""
        return Snapshot(self.observation(item) for item in snapshot)


# Reading


def replay(path: str | os.PathLike[str]) -> Iterator[MonitorEvent]:
    """Return the events of a recording again, on any system, with the same engine.

    They include events that a slow consumer lost. If the oldest files of a long recording are gone,
    the events begin with `Found`, and numbers and durations count from there. An incomplete last
    line, such as after a crash, is ignored.

    path: the file that `Monitor(record=...)` wrote. Its older parts are found beside it.

    Raises OSError if the file cannot be read, RecordingError if it is not a recording.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "incident.jsonl")
    ...     with Monitor(ras, record=file) as monitor:
    ...         handle = sim.add("Head office")
    ...         event = monitor.get()
    ...     print(list(replay(file)) == [event])
    True
    """
    newest = Path(path)
    files = [newest]
    for number in range(1, FILES):
        older = _sibling(newest, number)
        if older.is_file():
            files.append(older)
    with open(newest, encoding="ascii") as file:  # raise an error now, not at the first event
        _Lines(newest, file).header()
    return _replay(files[::-1])


def _replay(files: list[Path]) -> Iterator[MonitorEvent]:
    engine, expected = None, None
    for path in files:
        with open(path, encoding="ascii") as file:
            lines = _Lines(path, file)
            header = lines.header()
            if engine is None or (header["recording"], header["part"]) != expected:
                engine = Engine(
                    interval_ns=header["interval_ns"],
                    entries=header["entries"],
                    event_log=header["event_log"],
                )
                if "poll" in header:
                    yield from engine.apply(lines.decoded(_poll, header["poll"], None))
            expected = header["recording"], header["part"] + 1
            snapshot = engine.snapshot if header["part"] else None
            for data in lines:
                if "closed" in data:
                    yield from engine.close(*lines.decoded(_closed, data))
                    continue
                poll = lines.decoded(_poll, data, snapshot)
                snapshot = snapshot if poll.snapshot is None else poll.snapshot
                yield from engine.apply(poll)


class _Lines:
    """The lines of one file, with their numbers for errors."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path, self._file, self._number = path, file, 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while True:
            data = self._next()
            if data is None:
                return
            yield data

    def header(self) -> dict[str, Any]:
        data = self._next()
        if data is None or data.get("format") != _FORMAT:
            raise self._error("this is no recording of ras_native")
        if data.get("version") != VERSION:
            raise self._error(
                f"it has version {data.get('version')!r}, this ras_native reads {VERSION}"
            )
        return self.decoded(_header, data)

    def decoded(self, decode: Callable[..., _T], *arguments: Any) -> _T:
        try:
            return decode(*arguments)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise self._error(f"{type(error).__name__}: {error}") from None

    def _next(self) -> dict[str, Any] | None:
        """Return the next line; None after the last complete one."""
        self._number += 1
        try:
            line = self._file.readline(_LONGEST_LINE)
            if not line.endswith("\n"):
                if len(line) >= _LONGEST_LINE:
                    raise self._error("the line is too long")
                return None  # the end, or an incomplete line
            data = json.loads(line)
        except (ValueError, RecursionError):
            raise self._error("the line is no JSON") from None
        if not isinstance(data, dict):
            raise self._error("the line is no JSON object")
        return data

    def _error(self, problem: str) -> RecordingError:
        return RecordingError(f"{self._path}, line {self._number}: {problem}")


def _header(data: dict[str, Any]) -> dict[str, Any]:
    _number("interval_ns", data["interval_ns"], 1)
    _number("part", data["part"])
    if not isinstance(data["recording"], str):
        raise TypeError("recording must be a text")
    if not isinstance(data.setdefault("event_log", False), bool):
        raise TypeError("event_log must be a bool")
    entries = data["entries"]
    if entries is not None:
        if not isinstance(entries, list):
            raise TypeError("entries must be a list")
        for entry in entries:
            _text("entries", entry)
    return data


def _closed(data: dict[str, Any]) -> tuple[int, int]:
    moments = data["closed"]
    return _number("monotonic_ns", moments["monotonic_ns"]), _number("time_ns", moments["time_ns"])


def _poll(data: dict[str, Any], snapshot: Snapshot | None) -> Poll:
    unknown = set(data) - {*_REQUIRED, *_OPTIONAL, "connections", "log", "probes", "samples"}
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    values = {name: _number(name, data[name]) for name in _REQUIRED}
    values.update(
        {name: _number(name, data[name]) for name in _OPTIONAL if data.get(name) is not None}
    )
    signalled, has_log = values.pop("signalled", False), values.pop("has_log", True)
    log = tuple(_log_event(item) for item in _list(data.get("log", [])))
    probes = tuple(_probe(item) for item in _list(data.get("probes", [])))
    samples = _or_none(lambda items: tuple(map(_sample, _list(items))), data.get("samples"))
    if "connections" in data:
        snapshot = Snapshot(_observation(item) for item in _list(data["connections"]))
    elif values.get("code"):
        snapshot = None
    elif snapshot is None:
        raise ValueError("the first poll has no connections")
    return Poll(
        snapshot=snapshot,
        signalled=bool(signalled),
        log=log,
        samples=samples,
        has_log=bool(has_log),
        probes=probes,
        **values,
    )


def _observation(data: dict[str, Any]) -> Observation:
    status = data["status"]
    return Observation(
        _connection(data["connection"]),
        None if status is None else _status(status),
        _number("code", data["code"]),
    )


def _connection(data: dict[str, Any]) -> Connection:
    return Connection(
        handle=_hexadecimal(data["handle"]),
        entry_name=_text("entry_name", data["entry_name"]),
        device_type=_text("device_type", data["device_type"]),
        device_name=_text("device_name", data["device_name"]),
        phonebook=_or_none(lambda text: _text("phonebook", text), data["phonebook"]),
        subentry=_or_none(lambda number: _number("subentry", number), data["subentry"]),
        guid_entry=_or_none(UUID, data["guid_entry"]),
        flags=_or_none(_flags, data["flags"]),
        luid=_or_none(_hexadecimal, data["luid"]),
        correlation_id=_or_none(UUID, data["correlation_id"]),
    )


def _status(data: dict[str, Any]) -> Status:
    return Status(
        state=_member(ConnState, data["state"]),
        error=_number("error", data["error"]),
        device_type=_text("device_type", data["device_type"]),
        device_name=_text("device_name", data["device_name"]),
        phone_number=_or_none(lambda text: _text("phone_number", text), data["phone_number"]),
        local_endpoint=_or_none(_address, data["local_endpoint"]),
        remote_endpoint=_or_none(_address, data["remote_endpoint"]),
        substate=_or_none(lambda name: _member(ConnSubstate, name), data["substate"]),
    )


def _sample(data: dict[str, Any]) -> Sample:
    return Sample(
        handle=_hexadecimal(data["handle"]),
        correlation_id=_or_none(UUID, data["correlation_id"]),
        connected_ns=_number("connected_ns", data["connected_ns"], -_MOST_NS),
        silence=_or_none(_silence, data["silence"]),
    )


def _silence(data: dict[str, Any]) -> Silence:
    return Silence(_number("since_ns", data["since_ns"]), _number("bytes_sent", data["bytes_sent"]))


def _log_event(data: dict[str, Any]) -> LogEvent:
    time = datetime.fromisoformat(_text("time", data["time"]))
    if time.utcoffset() != timezone.utc.utcoffset(None):
        raise ValueError("time must be in UTC")
    return LogEvent(
        channel=_text("channel", data["channel"]),
        source=_text("source", data["source"]),
        event_id=_number("event_id", data["event_id"]),
        record_id=_number("record_id", data["record_id"], highest=QWORD_MAX),
        time=time,
        correlation_id=_or_none(UUID, data["correlation_id"]),
        entry=_or_none(lambda text: _text("entry", text), data["entry"]),
        code=_or_none(lambda code: _number("code", code, highest=DWORD_MAX), data["code"]),
        data=tuple(_text("data", text) for text in _list(data["data"])),
    )


def _probe(data: dict[str, Any]) -> ProbeSample:
    return ProbeSample(
        handle=_hexadecimal(data["handle"]),
        correlation_id=_or_none(UUID, data["correlation_id"]),
        failure=_or_none(_failure, data["failure"]),
    )


def _failure(data: dict[str, Any]) -> ProbeFailure:
    return ProbeFailure(
        target=_text("target", data["target"]),
        source=_or_none(_address, data["source"]),
        outcome=ConnectOutcome(_text("outcome", data["outcome"])),
        code=_number("code", data["code"], highest=DWORD_MAX),
        since_ns=_number("since_ns", data["since_ns"]),
        count=_number("count", data["count"], 1),
    )


def _or_none(decode: Callable[[Any], _T], value: Any) -> _T | None:
    return None if value is None else decode(value)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("connections, log, data, probes and samples must be lists")
    return value


def _number(name: str, value: Any, lowest: int = 0, highest: int = _MOST_NS) -> int:
    if not isinstance(value, int) or not lowest <= value <= highest:
        raise ValueError(f"{name} must be a whole number from {lowest} to {highest}")
    return int(value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a text")
    return value


def _hexadecimal(value: str) -> int:
    number = int(value, 16)
    if not 0 <= number < 1 << 64:
        raise ValueError("a handle or LUID must have at most 64 bits")
    return number


def _member(kind: type[_E], name: str) -> _E:
    """Find a state by its name; a state without a name is called UNKNOWN_0x..."""
    prefix, _, number = _text("state", name).partition("UNKNOWN_")
    return kind[name] if prefix or not number else kind(_hexadecimal(number))


def _flags(names: str) -> ConnectionFlag:
    flags = ConnectionFlag(0)
    for name in _text("flags", names).split("|"):
        flags |= ConnectionFlag(int(name, 16)) if name.startswith("0x") else ConnectionFlag[name]
    return flags


def _address(value: str) -> Endpoint:
    return ip_address(_text("address", value))
