"""The texts and members of public objects, and the ways to name a connection."""

from __future__ import annotations

import inspect
import json
import logging
import pickle
import typing
from ipaddress import IPv6Address
from uuid import UUID

import child
import pytest

import ras_native
from ras_native import (
    Connection,
    ConnectionFlag,
    ConnState,
    ConnSubstate,
    Event,
    NotificationFlag,
    Observation,
    Ras,
    RasError,
    Sizes,
    Snapshot,
    Status,
)

NAMED_TUPLES = (
    *(Connection, ras_native.ConnectResult, ras_native.ConnectionStatistics, Observation),
    *(Sizes, ras_native.Statistics, Status),
)
PUBLIC = [
    item for item in (getattr(ras_native, name) for name in ras_native.__all__) if callable(item)
]
FUNCTIONS = [item for item in PUBLIC if inspect.isfunction(item)]


@pytest.mark.parametrize("item", PUBLIC, ids=lambda item: item.__name__)
def test_users_see_the_name_that_they_import(item):
    assert item.__module__ == "ras_native"
    assert pickle.loads(pickle.dumps(item)) is item  # noqa: S301 - our own


def test_errors_print_the_name_that_users_import_and_survive_pickling():
    error = pickle.loads(pickle.dumps(RasError(668, "RasHangUpW")))  # noqa: S301 - our own
    assert (error.code, error.function) == (668, "RasHangUpW")
    output = child.run("import ras_native; raise ras_native.RasError(6, 'f')", status=1)
    assert output.splitlines()[-1].startswith("ras_native.RasError: [RAS 6 ERROR_INVALID_HANDLE]")


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_functions_show_their_parameters_and_no_self(function):
    assert "self" not in inspect.signature(function).parameters
    method = getattr(Ras, function.__name__, None)
    if method is not None:
        _, *parameters = inspect.signature(method).parameters.values()
        assert list(inspect.signature(function).parameters.values()) == parameters


@pytest.mark.parametrize("record", NAMED_TUPLES)
def test_members_of_records_are_documented(record):
    for name in record._fields:
        text = inspect.getdoc(getattr(record, name))
        assert text
        assert not text.startswith("Alias for field")
    assert typing.get_type_hints(record).keys() == set(record._fields)


@pytest.mark.parametrize("record", NAMED_TUPLES, ids=lambda record: record.__name__)
def test_signatures_of_records_show_types(record):
    assert "ForwardRef" not in str(inspect.signature(record))


def test_no_docstring_names_a_row_of_the_ledger():
    for item in PUBLIC:
        members = vars(item).values() if inspect.isclass(item) else ()
        for thing in (item, *members):
            text = inspect.getdoc(thing) or ""
            assert "ledger" not in text.lower().replace("ledger of", ""), thing
            for prefix in ("EN-", "GS-", "CN-", "HU-", "WC-", "ST-"):
                assert prefix not in text, thing


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (ConnState.CONNECTED, "CONNECTED"),
        (ConnState(99), "UNKNOWN_0x63"),
        (ConnSubstate.NONE, "NONE"),
        (NotificationFlag.DORMANT, "DORMANT"),
        (NotificationFlag.CONNECTION | NotificationFlag.DORMANT, "CONNECTION|DORMANT"),
        (NotificationFlag(0x41 | 0x100), "CONNECTION|EPDG_PACKET_ARRIVAL|0x100"),
        (ConnectionFlag(0), "0x0"),
    ],
)
def test_a_number_with_a_name_prints_its_name(value, text):
    assert str(value) == f"{value}" == format(value) == f"{value!s}" == text
    assert f"{value:>40}" == text.rjust(40)
    assert f"{value:d}" == str(int(value))
    assert f"{value:#x}" == hex(value)
    assert isinstance(value, int)
    assert json.dumps(value) == str(int(value))


def test_handles_print_in_hexadecimal(sim, ras):
    handle = sim.add("office", luid=0x1234_5678_9ABC)
    (connection,) = ras.enum_connections()
    assert f"handle={handle:#x}" in repr(connection)
    assert "luid=0x123456789abc" in repr(connection)
    assert f"handle={handle:#x}" in repr(ras.snapshot())
    assert f"handle={handle:#x}" in repr(sim.history)


def test_a_ras_and_its_events_say_what_they_are(sim, backend):
    with Ras(sim, backend=backend) as ras, Event(backend=backend) as event:
        assert repr(ras) == f"<ras_native.Ras {sim.path} backend={backend} open>"
        assert repr(event) == f"<ras_native.Event backend={backend} handle={event.handle:#x}>"
        handle = sim.add("office")
        with ras.connection_notification(handle, NotificationFlag.DORMANT) as notification:
            assert f"connection={handle:#x} flags=DORMANT backend={backend}" in repr(notification)
        with ras.connection_notification() as notification:
            assert "all connections" in repr(notification)
    assert repr(ras).endswith(" closed>")
    assert repr(event) == f"<ras_native.Event backend={backend} closed>"


@pytest.mark.parametrize(
    "leave", ["Ras(sim)", "Event()", "ras.connection_notification()"], ids=lambda text: text[:5]
)
def test_what_was_not_closed_is_told(leave):
    script = f"""
import gc, warnings
from ras_native import Event, Ras
from ras_native.sim import Simulator
with Simulator() as sim, Ras(sim) as ras, warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    {leave}
    gc.collect()
    print(*(warning.message for warning in caught))
    print(*(warning.category.__name__ for warning in caught))
"""
    message, category = child.run(script).splitlines()
    assert message.startswith("<ras_native.")
    assert message.endswith(" was not closed")
    assert category == "ResourceWarning"


def test_the_system_s_own_ras_needs_no_closing():
    script = """
import sys
from ras_native import _ras
from ras_native.sim import Simulator
sim = Simulator()
_ras._system = _ras._SystemRas(sim)
import ras_native
print(ras_native.snapshot())
sim.close()
"""
    assert child.run(script) == "()\n"


def test_nobody_is_told_to_close_the_event_of_a_monitor():
    script = """
from ras_native import Monitor, Ras
from ras_native.sim import Simulator
with Simulator() as sim, Ras(sim) as ras, Monitor(ras, interval=3600) as monitor:
    ready = monitor.ready
    monitor._end.detach()  # the event is dropped first
print(ready)
del monitor
"""
    (line,) = child.run(script).splitlines()
    assert line.startswith("<ras_native.Event backend=")


# What is up


def observed(sim, ras, state=ConnState.CONNECTED, substate=ConnSubstate.NONE, code=0):
    handle = sim.add("office")
    sim.set_status(handle, state=state, substate=substate)
    if code:
        sim.fail("RasGetConnectStatusW", code)
    (observation,) = ras.snapshot()
    return observation


@pytest.mark.parametrize(
    ("state", "substate", "up"),
    [
        (ConnState.CONNECTED, ConnSubstate.NONE, True),
        (ConnState.CONNECTED, ConnSubstate.RECONNECTED, True),
        (ConnState.CONNECTED, ConnSubstate.DORMANT, False),
        (ConnState.CONNECTED, ConnSubstate.RECONNECTING, False),
        (ConnState.CONNECTED, 77, True),
        (ConnState.AUTHENTICATE, ConnSubstate.NONE, False),
        (ConnState.DISCONNECTED, ConnSubstate.NONE, False),
        (99, ConnSubstate.NONE, False),
    ],
)
def test_a_connection_is_up_when_data_can_pass(sim, ras, state, substate, up):
    observation = observed(sim, ras, state, substate)
    assert observation.is_up is observation.status.is_up is up


def test_without_substates_a_connected_one_is_up(sim, ras):
    sim.limit_versions(0x501, 0x401)
    observation = observed(sim, ras)
    assert observation.status.substate is None
    assert observation.is_up is True


@pytest.mark.parametrize(("code", "up"), [(6, False), (668, False), (711, None), (5, None)])
def test_whether_it_is_up_is_unknown_if_its_status_cannot_be_read(sim, ras, code, up):
    assert observed(sim, ras, code=code).is_up is up


# Names


def test_a_snapshot_knows_its_entries_by_name(sim, ras):
    handle, other = sim.add("Head office"), sim.add("Straße")
    snapshot = ras.snapshot()
    assert snapshot["head OFFICE"] is snapshot[0]
    assert snapshot["STRASSE"] is snapshot[-1]
    assert snapshot[:1] == (snapshot[0],)
    assert "HEAD office" in snapshot
    assert handle in snapshot
    assert snapshot[0] in snapshot
    assert snapshot[0].connection in snapshot
    for absent in ("elsewhere", 1, None, snapshot[0]._replace(code=5)):
        assert absent not in snapshot
    assert snapshot.find(other) is snapshot.find(snapshot[1].connection) is snapshot[1]
    assert snapshot.find("Head Office") is snapshot[0]
    assert snapshot.find(1) is None


def test_a_name_that_is_not_there_lists_what_is(sim, ras):
    office, home = sim.add("Head office"), sim.add("Home")
    with pytest.raises(KeyError) as error:
        ras.snapshot()["Office"]
    for expected in ("no connection is named Office", f"Head office ({office:#x})", hex(home)):
        assert expected in str(error.value)


def test_a_name_that_several_have_lists_them(sim, ras):
    one, two = sim.add("office"), sim.add("Office")
    with pytest.raises(KeyError) as error:
        ras.snapshot()["office"]
    assert f"2 connections are named office; connections: office ({one:#x})" in str(error.value)
    assert hex(two) in str(error.value)
    assert ras.snapshot().find("office").connection.handle == one


CALLS = {
    "get_connect_status": lambda ras, which: ras.get_connect_status(which),
    "wait_for_state": lambda ras, which: ras.wait_for_state(which, timeout=0),
    "connection_notification": lambda ras, which: ras.connection_notification(which).close(),
    "get_subentry_handle": lambda ras, which: ras.get_subentry_handle(which, 1),
    "hang_up": lambda ras, which: ras.hang_up(which),
    "hang_up link": lambda ras, which: ras.hang_up(which, subentry=1),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("way", ["handle", "connection", "observation", "name"])
def test_every_function_takes_a_connection_in_four_ways(sim, ras, call, way):
    handle = sim.add("Head office", subentries=2)
    sim.add("other", subentries=2)
    observation = ras.snapshot()[0]
    which = {
        "handle": handle,
        "connection": observation.connection,
        "observation": observation,
        "name": "head office",
    }[way]
    sim.reset_calls()
    call(ras, which)
    assert sim.calls("RasEnumConnectionsW") == (1 if way == "name" else 0)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("name", ["", "1", "elsewhere", "twice"])
def test_a_name_that_fits_none_or_several_changes_nothing(sim, ras, call, name):
    for _ in range(2):
        sim.add("twice", subentries=2)
    with pytest.raises(KeyError, match="twice"):
        call(ras, name)
    assert sim.calls_total == sim.calls("RasEnumConnectionsW")
    assert len(ras.enum_connections()) == 2


# Plain data


def test_records_become_plain_json_data(sim, ras):
    guid = UUID("01234567-89ab-cdef-0123-456789abcdef")
    handle = sim.add(
        "office", luid=1 << 60, correlation_id=guid, flags=5, remote_endpoint="2001:db8::1"
    )
    sim.set_status(handle, substate=ConnSubstate.DORMANT)
    snapshot = ras.snapshot()
    data = snapshot.to_dict()
    assert json.loads(json.dumps(data)) == data
    (observation,) = data["connections"]
    assert observation == snapshot[0].to_dict()
    assert (observation["code"], observation["is_up"]) == (0, False)
    connection, status = observation["connection"], observation["status"]
    assert connection == snapshot[0].connection.to_dict()
    assert connection.keys() == set(Connection._fields)
    assert connection["handle"] == hex(handle)
    assert connection["luid"] == hex(1 << 60)
    assert connection["correlation_id"] == str(guid)
    assert connection["flags"] == "ALL_USERS|OWNER_KNOWN"
    assert status == snapshot[0].status.to_dict()
    assert (status["state"], status["substate"]) == ("CONNECTED", "DORMANT")
    assert (status["local_endpoint"], status["remote_endpoint"]) == (None, "2001:db8::1")
    assert snapshot[0].status.remote_endpoint == IPv6Address("2001:db8::1")


def test_members_that_an_older_windows_lacks_are_null(sim, ras):
    sim.limit_versions(0x400, 0x400)
    sim.add("office")
    data = ras.snapshot()[0].to_dict()
    assert data["connection"]["luid"] is data["connection"]["flags"] is None
    assert data["status"]["substate"] is None


def test_a_status_that_cannot_be_read_is_null(sim, ras):
    data = observed(sim, ras, code=711).to_dict()
    assert (data["status"], data["code"], data["is_up"]) == (None, 711, None)


# Logging


def test_what_a_support_engineer_asks_is_logged_and_no_poll_is(sim, backend, caplog):
    caplog.set_level(logging.DEBUG, "ras_native")
    with Ras(sim, backend=backend) as ras:
        handle = sim.add("office")
        opened = caplog.text
        for _ in range(3):
            ras.snapshot()
            ras.enum_connections()
        sim.fail("RasEnumConnectionsW", 711)
        with pytest.raises(RasError):
            ras.snapshot()
        assert caplog.text == opened, "a poll logs nothing"
        assert f"opened <ras_native.Ras {sim.path}" in opened
        sim.fail("RasConnectionNotificationW", 711)
        with pytest.raises(RasError):
            ras.connection_notification()
        assert "RasConnectionNotificationW failed with code 711" in caplog.text
        sim.teardown = 1.0
        with pytest.raises(TimeoutError):
            ras.hang_up(handle, timeout=0)
        assert f"connection {handle:#x} still answers" in caplog.text
        sim.advance(1.0)
        sizes = ras.sizes
    assert repr(sizes) in caplog.text


def test_an_empty_snapshot():
    assert Snapshot().to_dict() == {"connections": []}
    with pytest.raises(KeyError, match="connections: none"):
        Snapshot()["office"]
