"""The names of codes, and the exceptions for them."""

from __future__ import annotations

import copy
import errno
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tsv import ROOT, read_rows

import ras_native
from ras_native._errors import (
    Cancelled,
    ProviderError,
    RasError,
    WSAError,
    posix_errno,
    winsock_code,
    winsock_error,
)
from ras_native._explain import code_text, error_name, find

PACKAGE = Path(ras_native.__file__).parent  # the installed package
TABLE = read_rows(PACKAGE / "errors.tsv", "code name errno text advice source")
CODES = [int(row[0], 0) for row in TABLE]
WINSOCK = range(10000, 12000)
ANY_CODE = st.integers(0, 0xFFFFFFFF)
NAMES = st.text(st.characters(codec="utf-8"), max_size=20)

# The standard exception that a program would catch, by Winsock code.
STANDARD = {
    10004: InterruptedError,
    10013: PermissionError,
    10035: BlockingIOError,
    10036: BlockingIOError,
    10037: BlockingIOError,
    10053: ConnectionAbortedError,
    10054: ConnectionResetError,
    10058: BrokenPipeError,
    10060: TimeoutError,
    10061: ConnectionRefusedError,
}


# The table


def test_codes_ascend_and_names_are_unique() -> None:
    assert sorted(set(CODES)) == CODES
    names = [row[1] for row in TABLE]
    assert len(set(names)) == len(names)


def test_every_ras_and_winsock_code_is_there() -> None:
    assert set(range(600, 879)) <= set(CODES)
    documented = {10004, 10013, 10014, 10022, 10035, 10036, 10037, 10038, 10043, 10045, 10047}
    assert documented | {10048, 10049, 10050, 10051, 10055, 10056, 10060, 10061, 10065, 10093} <= (
        set(CODES)
    )


def test_names_errnos_and_texts_are_well_formed() -> None:
    for _, name, errnos, text, _, _ in TABLE:
        assert re.fullmatch(r"[A-Z][A-Z0-9_]+", name)
        assert re.fullmatch(r"-|E[A-Z0-9]+(,E[A-Z0-9]+)*", errnos), name
        assert re.fullmatch(r"[ -~]+[^ .]", text), name


def test_an_errno_has_one_winsock_code() -> None:
    winsock = [row for row in TABLE if int(row[0], 0) in WINSOCK and row[1] != "WSAEBADF"]
    claimed = [symbol for row in winsock for symbol in row[2].split(",") if symbol != "-"]
    assert sorted(set(claimed)) == sorted(claimed)


def test_the_simulator_says_what_the_table_says() -> None:
    header = (ROOT / "csrc" / "sim" / "errors.h").read_text(encoding="utf-8")
    said = re.findall(r'\{(\d+), "(.*)"\}', header)
    assert said == [(code, text) for code, _, _, text, *_ in TABLE if 600 <= int(code, 0) < 900]


def test_the_table_is_not_read_before_it_is_needed() -> None:
    code = "from ras_native import _explain as e; print(e.table.cache_info().misses)"
    # -W: ignore the warning about the backend
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "0"


# Names and texts


def test_known_names() -> None:
    assert [error_name(code) for code in (6, 600, 603, 632, 668, 10061)] == [
        "ERROR_INVALID_HANDLE",
        "PENDING",
        "ERROR_BUFFER_TOO_SMALL",
        "ERROR_INVALID_SIZE",
        "ERROR_NO_CONNECTION",
        "WSAECONNREFUSED",
    ]


@given(ANY_CODE)
def test_every_code_has_a_name_that_keeps_the_number(code: int) -> None:
    if code in CODES:
        assert [error_name(code), code_text(code)] in (
            [name, text] for number, name, _, text, *_ in TABLE if int(number, 0) == code
        )
    elif find(code) is None:
        assert error_name(code) == f"UNKNOWN_ERROR_{code}"
        assert code_text(code)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("632", TypeError),
        (None, TypeError),
        (True, TypeError),
        ([], TypeError),
        (1 << 32, ValueError),
    ],
)
def test_a_name_is_that_of_a_number_of_32_bits(code, error) -> None:
    with pytest.raises(error, match="code must be"):
        ras_native.error_name(code)


# Winsock codes and errnos


def test_errnos_map_to_winsock_codes() -> None:
    pairs = {
        errno.EINTR: 10004,
        errno.EACCES: 10013,
        errno.EINVAL: 10022,
        errno.EBADF: 10038,  # to Winsock, a descriptor that is not open is no socket
        errno.EWOULDBLOCK: 10035,
        errno.EALREADY: 10037,
        errno.ENETDOWN: 10050,
        errno.ENETUNREACH: 10051,
        errno.ETIMEDOUT: 10060,
        errno.ECONNREFUSED: 10061,
        errno.EHOSTUNREACH: 10065,
        errno.ENOMEM: 8,
    }
    assert {number: winsock_code(number) for number in pairs} == pairs


@pytest.mark.posix_only("on Windows EINPROGRESS is WSAEINPROGRESS itself")
def test_a_connect_in_progress_would_block() -> None:
    assert winsock_code(errno.EINPROGRESS) == 10035


def test_an_errno_without_winsock_code_is_a_failed_system_call() -> None:
    assert winsock_code(9999) == 10107


@given(st.sampled_from(WINSOCK))
def test_winsock_codes_stay_what_they_are(code: int) -> None:
    assert winsock_code(code) == code


@given(st.sampled_from([code for code in CODES if code in WINSOCK and code != 10009]))
def test_winsock_codes_survive_the_way_through_errno(code: int) -> None:
    number = posix_errno(code)
    assert number == errno.EIO or winsock_code(number) == code


@given(ANY_CODE)
def test_every_code_has_an_errno(code: int) -> None:
    assert posix_errno(code) > 0


# RasError


@pytest.mark.parametrize(
    ("code", "number"),
    [
        (5, errno.EACCES),
        (6, errno.EBADF),
        (8, errno.ENOMEM),
        (87, errno.EINVAL),
        (632, errno.EINVAL),
        (711, errno.EIO),
        (0x80070057, errno.EINVAL),
        (0x80070005, errno.EACCES),
        (0xC0070005, errno.EACCES),
        (123456, errno.EIO),
    ],
)
def test_ras_errors_have_an_errno(code: int, number: int) -> None:
    assert RasError(code, "RasHangUpW").errno == number


def test_a_ras_error_says_it_all() -> None:
    error = RasError(632, "RasEnumConnectionsW")
    assert isinstance(error, OSError)
    assert (error.code, error.winerror, error.function) == (632, 632, "RasEnumConnectionsW")
    assert error.name == "ERROR_INVALID_SIZE"
    assert error.message == error.strerror == code_text(632)
    assert str(error) == f"[RAS 632 ERROR_INVALID_SIZE] RasEnumConnectionsW: {code_text(632)}"


def test_a_providers_own_message_is_kept() -> None:
    assert (
        str(RasError(691, "RasDialW", "no"))
        == "[RAS 691 ERROR_AUTHENTICATION_FAILURE] RasDialW: no"
    )


@given(ANY_CODE)
def test_gone_are_two_codes(code: int) -> None:
    assert RasError(code, "f").gone == (code in (6, 668))


@given(ANY_CODE, NAMES, st.none() | NAMES)
def test_ras_errors_are_copied_whole(code: int, function: str, message: str | None) -> None:
    error = RasError(code, function, message)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own
        assert type(twin) is RasError
        assert str(twin) == str(error)
        assert (twin.args, twin.errno, twin.winerror) == (error.args, error.errno, error.winerror)
        assert (twin.code, twin.function, twin.message) == (code, function, error.message)


# Socket errors


@pytest.mark.parametrize(("code", "standard"), STANDARD.items())
def test_standard_exceptions(code: int, standard: type[OSError]) -> None:
    error = winsock_error(code, 0, "WSAConnect")
    assert isinstance(error, standard)
    assert isinstance(error, WSAError)
    assert (error.code, error.winerror, error.function) == (code, code, "WSAConnect")
    assert error.errno == posix_errno(code)
    assert str(error) == f"[Winsock {code} {error_name(code)}] WSAConnect: {code_text(code)}"


@given(st.integers(1, 11999))
def test_only_those_are_standard(code: int) -> None:
    error = winsock_error(code, 0, "WSAConnect")
    assert {cls for cls in STANDARD.values() if isinstance(error, cls)} == (
        {STANDARD[code]} if code in STANDARD else set()
    )


@pytest.mark.ledger("WC-11")
def test_every_errno_gives_the_class_that_python_gives_it() -> None:
    for number, name in errno.errorcode.items():
        error = winsock_error(winsock_code(number), number, "WSAConnect")
        assert isinstance(error, type(OSError(number, ""))), name
        assert error.errno == number
        again = pickle.loads(pickle.dumps(error))  # noqa: S301
        assert (type(again), again.errno, str(again)) == (type(error), number, str(error))


def test_an_errno_without_winsock_code_keeps_the_text_of_the_system() -> None:
    error = winsock_error(winsock_code(errno.ENOENT), errno.ENOENT, "WSAConnect")
    assert isinstance(error, FileNotFoundError)
    assert error.message == error.strerror == os.strerror(errno.ENOENT)


@given(st.integers(1, 11999), st.integers(0, 11999))
def test_socket_errors_are_copied_whole(code: int, os_error: int) -> None:
    error = winsock_error(code, os_error, "WSAConnect")
    assert error.errno == (os_error or posix_errno(code))
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert (twin.code, twin.winerror, twin.errno) == (code, code, error.errno)


# The others


def test_a_provider_error_names_the_argument() -> None:
    error = ProviderError("/x/lib.so", "no such file")
    assert isinstance(error, OSError)
    assert (error.provider, error.function, error.errno) == ("/x/lib.so", None, errno.ENOENT)
    assert str(error) == "provider '/x/lib.so': no such file"
    assert "rasapi32" in str(ProviderError(None, "this system has none"))


def test_a_library_that_cannot_be_loaded_has_a_number(backend: str, tmp_path: Path) -> None:
    path = tmp_path / "rasapi32.dll"
    path.write_bytes(b"no library")
    with pytest.raises(ProviderError) as error:
        ras_native.Ras(path, backend=backend)
    bad_exe_format = 193 if sys.platform == "win32" else errno.ENOEXEC
    assert error.value.os_error == bad_exe_format
    assert error.value.errno == errno.ENOEXEC


def test_a_missing_function_is_named() -> None:
    error = ProviderError("/x/lib.so", "it has no RasHangUpW", function="RasHangUpW")
    assert (error.function, error.errno) == ("RasHangUpW", errno.ENOSYS)
    twin = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (str(twin), vars(twin), twin.errno) == (str(error), vars(error), error.errno)


def test_a_cancelled_wait_is_no_system_error() -> None:
    assert not issubclass(Cancelled, OSError)
