"""What an error code means, and what to do about it: `explain`, from the table errors.tsv."""

from __future__ import annotations

import errno
import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

from ._check import DWORD_MAX, whole_number
from ._help import documented
from ._plain import plain

_WRAPPED = frozenset({0x8007, 0xC007})  # HRESULT_FROM_WIN32, NTSTATUS_FROM_WIN32
_NT_BIT = 0x10000000  # HRESULT_FROM_NT sets it in an NTSTATUS
_CUSTOMER_BIT = 0x20000000  # the code is not Microsoft's
_FIRST_FAILURE = 0x80000000  # of the HRESULTs
_FIRST_STATUS = 0xC0000000  # of the errors among the NTSTATUS codes
_FACILITIES = {
    0: "NULL",
    1: "RPC",
    2: "DISPATCH",
    3: "STORAGE",
    4: "ITF",
    7: "WIN32",
    8: "WINDOWS",
    9: "SECURITY",
    10: "CONTROL",
    11: "CERT",
    12: "INTERNET",
    15: "SETUPAPI",
    16: "SCARD",
    17: "COMPLUS",
    25: "HTTP",
    33: "CONFIGURATION",
    40: "TPM_SERVICES",
    50: "FWP",
    51: "WINRM",
    52: "NDIS",
    61: "WEBSERVICES",
    66: "EAP",
    83: "RAS",
}
"""FACILITY_* of winerror.h: the parts of Windows that a VPN uses."""


class Row(NamedTuple):
    """A row of the table."""

    name: str
    errnos: tuple[int, ...]  # of this system, the preferred one first
    text: str
    advice: str | None
    source: str | None


@documented
@dataclass(frozen=True, slots=True)
class Reason:
    """An error code, explained.

    - `code`: The code as an unsigned number, such as 809 or 0x800B0101.
    - `name`: Its name in the headers of Windows; "UNKNOWN_ERROR_<code>" if none is known. A code
      that wraps another has the name of that one: 0x8007274C is "WSAETIMEDOUT".
    - `text`: What it means, in one line.
    - `advice`: What to do about it, if a public page says so; None otherwise.
    - `source`: The address of the public page that the advice rests on; None without advice.

    >>> reason = explain(809)
    >>> reason.name
    'ERROR_VPN_TIMEOUT'
    >>> reason.advice is None, reason.source is None
    (False, False)
    """

    code: int
    name: str
    text: str
    advice: str | None = None
    source: str | None = None

    def __str__(self) -> str:
        return f"{shown_code(self.code)} {self.name}: {self.text}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}


def shown_code(code: int) -> str:
    """Return a code as people write it: an HRESULT or NTSTATUS in hexadecimal."""
    return str(code) if code < _FIRST_FAILURE else f"0x{code:08X}"


@functools.cache
def table() -> dict[int, Row]:
    """Read errors.tsv. It is slow, and few programs look a code up."""
    import importlib.resources  # noqa: PLC0415 - slow too

    source = importlib.resources.files(__package__).joinpath("errors.tsv")
    rows = {}
    for line in source.read_text(encoding="utf-8").splitlines()[1:]:
        code, name, symbols, *texts = line.split("\t")
        numbers = (getattr(errno, symbol, None) for symbol in symbols.split(","))
        text, advice, page = (None if text == "-" else text for text in texts)
        rows[int(code, 0)] = Row(name, tuple(filter(None, numbers)), text or "", advice, page)
    return rows


def find(code: int) -> Row | None:
    """Find the row of a code, signed or unsigned; None if there is none.

    A code that wraps another has the row of that one, unless the table has a row for it. While the
    table cannot be read, such as after the package was removed, no code has a row.
    """
    try:
        rows = table()
    except (OSError, ValueError):
        return None
    number = code if code >= 0 else code + (1 << 32)
    return rows.get(number) or rows.get(_unwrapped(number))


def _unwrapped(number: int) -> int:
    """Return the Windows code or NTSTATUS inside an HRESULT; the number itself if it has none."""
    if number >> 16 in _WRAPPED and number & 0xFFFF:
        return number & 0xFFFF
    return number & ~_NT_BIT if number >= _FIRST_STATUS else number


def error_name(code: int) -> str:
    """Return the name of an error code of RAS, Winsock or Windows, signed or unsigned.

    For example 632 is "ERROR_INVALID_SIZE". An unknown code gives "UNKNOWN_ERROR_<code>".

    Raises TypeError for a code that is no whole number, ValueError for one beyond 32 bits.

    >>> error_name(632)
    'ERROR_INVALID_SIZE'
    """
    return explain(code).name


def code_text(code: int) -> str:
    """Return the meaning of a code in one line of English."""
    row = find(code)
    return row.text if row else _unknown_text(code & DWORD_MAX)


def _unknown_text(number: int) -> str:
    text = "no explanation of this code is known"
    if number < _FIRST_FAILURE:
        return text
    if number & _CUSTOMER_BIT:
        return f"{text}; it is not one of Windows but of another program"
    kind = "an NTSTATUS" if number >= _FIRST_STATUS else "an HRESULT"
    facility = number >> 16 & 0x7FF
    name = _FACILITIES.get(facility)
    return f"{text}; as {kind} it is from " + (
        f"FACILITY_{name}" if name and number < _FIRST_STATUS else f"facility {facility}"
    )


def explain(code: int) -> Reason:
    """Explain an error code of RAS, Winsock, IKE or Windows, an HRESULT or an NTSTATUS.

    The code may be signed or unsigned. If nothing is known about it, the text says so, and names
    the facility of an HRESULT. Where the advice says "users report", it rests on the experience of
    users only.

    Raises TypeError for a code that is no whole number, ValueError for one beyond 32 bits.

    >>> print(explain(10061))
    10061 WSAECONNREFUSED: nothing listens on that port, or a firewall rejects it
    >>> explain(0x800B0101).name
    'CERT_E_EXPIRED'
    """
    number = whole_number("code", code, -(1 << 31), DWORD_MAX) & DWORD_MAX
    row = find(number)
    if row is None:
        return Reason(number, f"UNKNOWN_ERROR_{number}", _unknown_text(number))
    return Reason(number, row.name, row.text, row.advice, row.source)
