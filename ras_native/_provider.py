"""Opens a provider, the library that has the RAS functions, and explains its error codes."""

from __future__ import annotations

import os
import sys

from . import _check
from ._backend.codes import (
    ERROR_ALREADY_DISCONNECTING,
    ERROR_BUFFER_TOO_SMALL,
    ERROR_INSUFFICIENT_BUFFER,
    ERROR_INVALID_PARAMETER,
    ERROR_INVALID_SIZE,
    ERROR_NO_MORE_ITEMS,
    ERROR_PORT_NOT_OPEN,
    ERROR_PROJECTION_NOT_COMPLETE,
    ERROR_PROTOCOL_NOT_CONFIGURED,
)
from ._backend.contract import GONE_CODES, Provider, ras_backend
from ._backend.functions import REQUIRED
from ._backend.layout import (
    RN_E_ABSURD,
    RN_E_FIRST,
    RN_E_KEEPS_GROWING,
    RN_E_LAST,
    RN_E_LOAD,
    RN_E_NO_MEMORY,
    RN_E_OS,
    RN_E_UNSUPPORTED,
    RN_MAX_ATTEMPTS,
    RN_MAX_CONNECTIONS,
    RN_PROJECTION_SIZE,
)
from ._errors import ProviderError, RasError, not_loaded, system_error
from ._records import text

LINK_DOWN_CODES = frozenset({*GONE_CODES, ERROR_PORT_NOT_OPEN, ERROR_NO_MORE_ITEMS})
"""RasGetSubEntryHandle returns one of these codes if there is no such link now."""

NO_REFERENCE_LEFT = frozenset({*GONE_CODES, ERROR_ALREADY_DISCONNECTING})
"""RasHangUp returns one of these codes if the connection has ended or is ending."""

_TOO_SMALL = (ERROR_INSUFFICIENT_BUFFER, ERROR_BUFFER_TOO_SMALL)
_ABOUT_THE_CALL = frozenset(
    {
        *LINK_DOWN_CODES,
        *NO_REFERENCE_LEFT,
        *_TOO_SMALL,
        ERROR_INVALID_PARAMETER,
        ERROR_INVALID_SIZE,
        ERROR_PROJECTION_NOT_COMPLETE,
        ERROR_PROTOCOL_NOT_CONFIGURED,
    }
)
_ERROR_STRING_LENGTHS = (512, 4096)


def provider_path(provider: str | os.PathLike[str] | None) -> str | None:
    """Check the argument `provider`, and return its absolute path; None is System32's rasapi32."""
    if provider is None:
        if sys.platform != "win32":
            raise ProviderError(
                None,
                "RAS exists only on Windows; to try things out here pass a simulator: "
                "Ras(provider=ras_native.sim.Simulator())",
            )
        return None
    return library_path("provider", provider)


def library_path(name: str, library: str | os.PathLike[str]) -> str:
    """Check the argument `name`, the path of a library, and return its absolute path."""
    path = os.path.abspath(_check.path(name, library))
    if not os.path.isfile(path):
        raise ProviderError(path, "there is no such file")
    return path


def open_provider(backend: str, path: str | None) -> Provider:
    """Load the library; ProviderError says why it cannot be used."""
    code, os_error, reason, provider = ras_backend(backend).open_provider(path)
    if provider is not None:
        return provider
    if code == RN_E_LOAD:
        raise not_loaded(path, os_error, reason)
    if code == RN_E_UNSUPPORTED:
        needed = f"{', '.join(REQUIRED[:-1])} and {REQUIRED[-1]}"
        raise ProviderError(path, f"it lacks functions of rasapi32: it needs {needed}")
    raise shim_error(code, "LoadLibrary", path)


def is_own_code(code: int) -> bool:
    """Whether the provider returned the code; all other codes come from the shim."""
    return not RN_E_FIRST < code <= RN_E_LAST


def may_have_restarted(code: int) -> bool:
    """Whether the service may have restarted and lost the registrations.

    A code about one handle or one argument shows that the service works.
    """
    return code not in _ABOUT_THE_CALL


def shim_error(code: int, function: str, path: str | None) -> Exception:
    """Make the exception for a code of the shim."""
    if code == RN_E_KEEPS_GROWING:
        return RasError(
            ERROR_BUFFER_TOO_SMALL,
            function,
            f"the list of connections did not fit into {RN_MAX_ATTEMPTS} growing buffers: "
            "try again when fewer connections are being made",
        )
    if code == RN_E_ABSURD:
        projection = function == "RasGetProjectionInfoEx"
        limit = f"{RN_PROJECTION_SIZE} bytes" if projection else f"{RN_MAX_CONNECTIONS} connections"
        return ProviderError(path, f"{function} reports more than {limit}")
    if code == RN_E_UNSUPPORTED:
        return ProviderError(path, f"it has no {function}", function=function)
    if code == RN_E_NO_MEMORY:
        return MemoryError(f"no memory for {function}")
    return system_error(code - RN_E_OS, f"a system call of {function} failed")


def error_string(provider: Provider, code: int) -> str:
    """Return the provider's own text for a code, or an empty text."""
    for length in _ERROR_STRING_LENGTHS:
        answer, units = provider.get_error_string(code, length)
        if answer == 0:
            return text(units).strip()
        if answer not in _TOO_SMALL:
            break
    return ""
