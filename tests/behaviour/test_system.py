"""The functions of the package: they use a Ras on the system's own rasapi32."""

import sys

import pytest

import ras_native
from ras_native import ProviderError, Ras, _ras

NAMES = (
    "enum_connections",
    "get_connect_status",
    "wait_for_state",
    "snapshot",
    "connection_notification",
    "get_subentry_handle",
    "hang_up",
    "get_error_string",
    "get_connection_statistics",
    "get_link_statistics",
    "clear_connection_statistics",
    "statistics",
    "get_projection_info",
    "local_address",
)


@pytest.fixture
def system(monkeypatch, ras):
    """Use this simulator as the system's own rasapi32."""
    monkeypatch.setattr(_ras, "_system", ras)


def test_there_is_one_for_every_function_of_a_ras():
    methods = {name for name in vars(Ras) if not name.startswith("_")} - {"close", "sizes"}
    assert methods == set(NAMES) <= set(ras_native.__all__)


@pytest.mark.usefixtures("system")
def test_they_are_those_of_a_ras(sim, ras):
    handle = sim.add("office", subentries=2)
    assert ras_native.enum_connections() is ras.enum_connections()
    assert ras_native.snapshot() is ras.snapshot()
    assert ras_native.get_connect_status(handle) == ras.get_connect_status(handle)
    assert ras_native.wait_for_state(handle, timeout=1) == ras.get_connect_status(handle)
    link = ras_native.get_subentry_handle(handle, 2)
    assert link == ras.get_subentry_handle(handle, 2)
    assert ras_native.get_error_string(632) == ras.get_error_string(632)
    assert ras_native.get_projection_info(handle) == ras.get_projection_info(handle)
    assert ras_native.local_address(handle) == ras.local_address(handle)
    assert ras_native.statistics() == ras.statistics()
    assert ras_native.get_connection_statistics(handle) == ras.get_connection_statistics(handle)
    assert ras_native.get_link_statistics(handle, 2) == ras.get_link_statistics(handle, 2)
    ras_native.clear_connection_statistics(handle)
    with ras_native.connection_notification(handle, ansi=True) as event:
        ras_native.hang_up(handle, timeout=1)
        assert event.is_set()
    assert ras_native.enum_connections() == ()


@pytest.mark.posix_only("on Windows there is a rasapi32")
@pytest.mark.parametrize("name", ["enum_connections", "snapshot"])
def test_without_windows_they_say_what_to_do(monkeypatch, name):
    monkeypatch.setattr(_ras, "_system", None)
    assert sys.platform != "win32"
    with pytest.raises(ProviderError, match=r"Simulator"):
        getattr(ras_native, name)()
