"""Bad arguments give an error that names the argument, before anything is called or changed."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from ctypes import c_void_p, sizeof
from pathlib import Path

import open_handles
import pytest
from spy import STRANGER

from ras_native import Event, ProviderError, Ras

TOO_LARGE = 1 << 8 * sizeof(c_void_p)
WRONG_NUMBERS = {
    "str": "1",
    "float": 1.0,
    "bytes": b"1",
    "True": True,
    "False": False,
    "object": object(),
    "negative": -1,
}
HANDLES = {
    **{name: value for name, value in WRONG_NUMBERS.items() if name != "str"},  # an entry's name
    "None": None,
    "zero": 0,
    "INVALID_HANDLE_VALUE": TOO_LARGE - 1,
    "too large": TOO_LARGE,
    "huge": 1 << 200,
}
DWORDS = {**WRONG_NUMBERS, "None": None, "too large": 1 << 32, "huge": 1 << 200}
SECONDS = {
    "str": "1",
    "None": None,
    "True": True,
    "complex": 1j,
    "object": object(),
    "negative": -1,
    "a little negative": -1e-9,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "absurd": 1e300,
    "huge": 10**400,
    "centuries": 1e11,
}


def values(table):
    return pytest.mark.parametrize("value", table.values(), ids=table)


@pytest.fixture
def refuses(sim, ras):
    """Checks that a call names the wrong argument, and calls or changes nothing."""
    handle = sim.add("office", subentries=2)
    before = ras.snapshot()
    sim.reset_calls()

    def check(call, argument):
        with pytest.raises((TypeError, ValueError), match=argument):
            call(ras, handle)
        assert sim.calls_total == 0
        assert sim.registrations == 0
        assert ras.snapshot() is before

    return check


WITH_A_HANDLE = {
    "get_connect_status": lambda ras, value: ras.get_connect_status(value),
    "get_projection_info": lambda ras, value: ras.get_projection_info(value),
    "wait_for_state": lambda ras, value: ras.wait_for_state(value),
    "get_subentry_handle": lambda ras, value: ras.get_subentry_handle(value, 1),
    "get_connection_statistics": lambda ras, value: ras.get_connection_statistics(value),
    "get_link_statistics": lambda ras, value: ras.get_link_statistics(value, 1),
    "clear_connection_statistics": lambda ras, value: ras.clear_connection_statistics(value),
    "hang_up": lambda ras, value: ras.hang_up(value),
    "hang_up link": lambda ras, value: ras.hang_up(value, subentry=1),
}


@values(HANDLES)
@pytest.mark.parametrize("function", WITH_A_HANDLE.values(), ids=WITH_A_HANDLE)
def test_handle(refuses, function, value):
    refuses(lambda ras, _: function(ras, value), "handle")


@values({name: value for name, value in HANDLES.items() if value is not None})
def test_handle_of_a_notification(refuses, value):
    refuses(lambda ras, _: ras.connection_notification(value), "handle")


@values({**DWORDS, "zero": 0})
def test_flags(refuses, value):
    refuses(lambda ras, handle: ras.connection_notification(handle, value), "flags")


@values({**DWORDS, "zero": 0})
@pytest.mark.parametrize("function", ["get_subentry_handle", "get_link_statistics"])
def test_subentry(refuses, function, value):
    refuses(lambda ras, handle: getattr(ras, function)(handle, value), "subentry")


@values({name: value for name, value in {**DWORDS, "zero": 0}.items() if value is not None})
def test_subentry_to_hang_up(refuses, value):
    refuses(lambda ras, handle: ras.hang_up(handle, subentry=value), "subentry")


@values(DWORDS)
def test_code_of_an_error_string(refuses, value):
    refuses(lambda ras, _: ras.get_error_string(value), "code")


@values(SECONDS)
@pytest.mark.parametrize("argument", ["timeout", "interval"])
def test_seconds_to_wait_for_a_state(refuses, argument, value):
    refuses(lambda ras, handle: ras.wait_for_state(handle, **{argument: value}), argument)


@values(SECONDS)
@pytest.mark.parametrize("subentry", [None, 1])
def test_seconds_to_hang_up(refuses, subentry, value):
    refuses(lambda ras, handle: ras.hang_up(handle, subentry=subentry, timeout=value), "timeout")


@values({name: value for name, value in SECONDS.items() if value is not None})
def test_seconds_to_wait_for_an_event(backend, value):
    with Event(backend=backend) as event:
        event.set()
        with pytest.raises((TypeError, ValueError), match="timeout"):
            event.wait(value)


@values(
    {
        "number": 5,
        "text": "CONNECTED",
        "none in a list": [None],
        "empty list": [],
        "empty generator": iter(()),
        "one wrong": [0x2000, -1],
        "too large": [1 << 32],
        "bool": [True],
        "float": [1.0],
    }
)
def test_states(refuses, value):
    refuses(lambda ras, handle: ras.wait_for_state(handle, value), "states")


@values({"object": object(), "True": True, "a number": 1, "its class": Event})
def test_cancel(refuses, value):
    refuses(lambda ras, handle: ras.wait_for_state(handle, cancel=value), "cancel")


def test_cancel_that_was_closed(refuses, backend):
    closed = Event(backend=backend)
    closed.close()
    refuses(lambda ras, handle: ras.wait_for_state(handle, cancel=closed), "cancel")
    with Event(backend=backend) as event, pytest.raises(ValueError, match="cancel"):
        event.wait(0, cancel=closed)


def test_cancel_of_the_other_backend(refuses, backend):
    with Event(backend="ctypes") as cancel, Event(backend=backend) as event:
        if backend == cancel.backend:
            cancel.backend = "native"  # pretend: a native one needs the compiled module
        refuses(lambda ras, handle: ras.wait_for_state(handle, cancel=cancel), "cancel")
        with pytest.raises(ValueError, match=f"backend='{backend}'"):
            event.wait(0, cancel=cancel)


POLLS = {
    "sizes": lambda ras, _: ras.sizes,
    "enum_connections": lambda ras, _: ras.enum_connections(),
    "snapshot": lambda ras, _: ras.snapshot(),
    "connection_notification": lambda ras, _: ras.connection_notification(),
    "get_error_string": lambda ras, _: ras.get_error_string(691),
    **WITH_A_HANDLE,
}


@pytest.mark.parametrize("use", POLLS.values(), ids=POLLS)
def test_a_closed_ras_says_so(sim, ras, use):
    handle = sim.add("office", subentries=2)
    ras.snapshot()
    ras.close()
    ras.close()
    sim.reset_calls()
    before = open_handles.count()
    with pytest.raises(ValueError, match="closed"):
        use(ras, handle)
    assert open_handles.count() <= before
    assert sim.calls_total == 0


def test_a_ras_is_closed_by_its_with(sim, backend):
    with Ras(sim, backend=backend) as ras:
        sim.add("office")
        assert len(ras.snapshot()) == 1
    with pytest.raises(ValueError, match="closed"):
        ras.snapshot()


class BytesPath:
    def __fspath__(self):
        return b"rasapi32.dll"


@pytest.mark.parametrize(
    ("provider", "error"),
    [
        (5, TypeError),
        (b"rasapi32.dll", TypeError),
        (BytesPath(), TypeError),
        (object(), TypeError),
        (True, TypeError),
        (["rasapi32.dll"], TypeError),
        ("", ValueError),
        ("a\0b", ValueError),
        ("\0", ValueError),
    ],
)
def test_a_provider_that_is_no_path(backend, provider, error):
    with pytest.raises(error, match="provider"):
        Ras(provider, backend=backend)


def a_text_file(folder):
    (folder / "rasapi32.dll").write_text("this is no library", encoding="ascii")
    return folder / "rasapi32.dll"


def an_empty_file(folder):
    (folder / "empty.dll").touch()
    return folder / "empty.dll"


def the_head_of_a_library(folder):
    (folder / "head.dll").write_bytes(Path(STRANGER).read_bytes()[:40])
    return folder / "head.dll"


NO_PROVIDERS = {
    "no file": (lambda folder: folder / "rasapi32.dll", "no such file"),
    "folder": (lambda folder: folder, "no such file"),
    "text file": (a_text_file, "cannot be loaded"),
    "empty file": (an_empty_file, "cannot be loaded"),
    "head of a library": (the_head_of_a_library, "cannot be loaded"),
    "library without the functions": (lambda _: STRANGER, "RasEnumConnectionsW"),
}


@pytest.mark.parametrize(("make", "reason"), NO_PROVIDERS.values(), ids=NO_PROVIDERS)
def test_a_path_of_no_provider(backend, tmp_path, make, reason):
    path = make(tmp_path)
    with pytest.raises(ProviderError, match=reason) as error:
        Ras(path, backend=backend)
    assert isinstance(error.value, OSError)
    assert error.value.provider == str(path)
    assert str(path) in str(error.value) or repr(str(path)) in str(error.value)


@pytest.mark.parametrize("make", [a_text_file, an_empty_file, the_head_of_a_library])
def test_why_the_system_did_not_load_a_library_is_told(backend, tmp_path, make):
    path = make(tmp_path)
    with pytest.raises(ProviderError) as error:
        Ras(path, backend=backend)
    with pytest.raises(OSError) as system_error:  # noqa: PT011 - any text of the system's
        ctypes.CDLL(str(path))
    if sys.platform == "win32":
        assert system_error.value.winerror == error.value.os_error
        assert error.value.reason.endswith(ctypes.FormatError(error.value.os_error))
    else:
        assert error.value.reason.endswith(f": {system_error.value}")


@pytest.mark.parametrize(("make", "reason"), NO_PROVIDERS.values(), ids=NO_PROVIDERS)
def test_a_provider_refused_leaves_nothing_open(backend, tmp_path, make, reason):
    path = make(tmp_path)

    def refused():
        with pytest.raises(ProviderError, match=reason):
            Ras(path, backend=backend)

    refused()
    before = open_handles.count()
    for _ in range(20):
        refused()
    assert open_handles.count() <= before


@pytest.mark.parametrize("name", ["Büro 東京 🏢", "with space", "a;b,c'd"])
def test_a_provider_may_stand_anywhere(sim, backend, tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    copy = shutil.copy(sim.path, folder)  # the copy has its own service, without connections
    with Ras(copy, backend=backend) as ras:
        assert ras.provider == str(copy)
        assert ras.enum_connections() == ()


@pytest.mark.posix_only("there a name may be bytes that are no text")
def test_a_provider_whose_name_is_no_text(sim, backend, tmp_path):
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")
    os.mkdir(folder)
    with Ras(shutil.copy(sim.path, folder), backend=backend) as ras:
        assert ras.enum_connections() == ()


def test_a_relative_path_is_taken_from_the_current_folder(sim, backend, tmp_path, monkeypatch):
    shutil.copy(sim.path, tmp_path / "provider.dll")
    monkeypatch.chdir(tmp_path)
    for provider in ("provider.dll", Path("provider.dll")):
        with Ras(provider, backend=backend) as ras:
            assert ras.provider == str(tmp_path / "provider.dll")
            assert ras.enum_connections() == ()


@pytest.mark.posix_only("Windows has a RAS of its own")
@pytest.mark.parametrize(
    "call",
    [
        lambda ras_native: ras_native.Ras(),
        lambda ras_native: ras_native.enum_connections(),
        lambda ras_native: ras_native.snapshot(),
        lambda ras_native: ras_native.get_connect_status(1),
        lambda ras_native: ras_native.connection_notification(),
        lambda ras_native: ras_native.hang_up(1),
    ],
)
def test_without_a_provider_it_says_what_to_do(call):
    import ras_native

    with pytest.raises(ProviderError, match=r"Simulator\(\)") as error:
        call(ras_native)
    assert error.value.provider is None


@pytest.mark.parametrize("use", [Ras, Event])
@pytest.mark.parametrize(
    ("asked", "error"),
    [("NATIVE", ValueError), ("", ValueError), ("cffi", ValueError), (5, TypeError),
     (b"native", TypeError), (True, TypeError)],
)  # fmt: skip
def test_backend(sim, use, asked, error):
    with pytest.raises(error, match="backend"):
        use(sim, backend=asked) if use is Ras else use(backend=asked)
