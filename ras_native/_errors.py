"""The exceptions, and their errnos on this system."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import sys

from ._backend import codes
from ._backend.codes import WSASYSCALLFAILURE
from ._backend.contract import GONE_CODES
from ._explain import Reason, code_text, error_name, explain, find, table

WINSOCK_CODES = range(10000, 12000)


@functools.cache
def _winsock_codes() -> dict[int, int]:
    """Map each errno to its Winsock code."""
    return {
        value: code
        for code, row in table().items()
        for value in row.errnos
        if code in WINSOCK_CODES or code == codes.ERROR_NOT_ENOUGH_MEMORY
    }


def winsock_code(os_error: int) -> int:
    """The Winsock code for an errno of this system; a Winsock code is returned as it is.

    An errno without one gives WSASYSCALLFAILURE (10107).
    """
    if os_error in WINSOCK_CODES:
        return os_error
    return _winsock_codes().get(os_error, WSASYSCALLFAILURE)


def posix_errno(code: int) -> int:
    """The nearest errno of this system for a code of the table, EIO if there is none.

    On Windows the errno of most Winsock codes is the code itself, as everywhere in Python.
    """
    row = find(code)
    if row is None or not row.errnos:
        return errno.EIO
    return code if code in row.errnos else row.errnos[0]


class CodeError(OSError):
    """An OSError that keeps the Windows code and function it came from, on every system."""

    code: int
    winerror: int
    function: str
    message: str

    def __init__(self, code: int, function: str, message: str | None, os_error: int) -> None:
        text = code_text(code) if message is None else message
        super().__init__(os_error or posix_errno(code), text)
        self.code = self.winerror = code
        self.function = function
        self.message = text

    @property
    def name(self) -> str:
        """The symbol of the code, for example "ERROR_INVALID_HANDLE"."""
        return error_name(self.code)

    @property
    def reason(self) -> Reason:
        """The code explained, with advice if there is any; as `explain(code)` returns it."""
        return explain(self.code)


class RasError(CodeError):
    """A RAS function returned a code other than 0.

    - `code`: That code; `winerror` is the same number.
    - `function`: The Windows name of the function.
    - `message`: The text of the code.
    - `errno`: The nearest errno of this system.

    >>> try:
    ...     ras.hang_up(7)
    ... except RasError as error:
    ...     print(error.function, error.code, error.name)
    RasHangUpW 6 ERROR_INVALID_HANDLE
    """

    def __init__(self, code: int, function: str, message: str | None = None) -> None:
        super().__init__(code, function, message, 0)

    @property
    def gone(self) -> bool:
        """Whether the code says that the handle's connection has ended, or never existed."""
        return self.code in GONE_CODES

    def __str__(self) -> str:
        return f"[RAS {self.code} {self.name}] {self.function}: {self.message}"

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.code, self.function, self.message), self.__dict__


class ProviderError(OSError):
    """The library given as `provider` cannot be loaded, or lacks a function that is needed.

    For an EventLog: it cannot be used as an event log.

    - `provider`: The path of the library; None for the system's rasapi32.
    - `reason`: What is wrong, in words.
    - `function`: The Windows name of the missing function, or None.
    - `os_error`: The system's error number, or 0.

    >>> try:
    ...     Ras("missing.dll")
    ... except ProviderError as error:
    ...     print("no RAS:", error.function)
    no RAS: None
    """

    def __init__(
        self,
        provider: str | None,
        reason: str,
        *,
        function: str | None = None,
        os_error: int = 0,
    ) -> None:
        number = posix_errno(os_error) if os_error and sys.platform == "win32" else os_error
        super().__init__(number or (errno.ENOSYS if function else errno.ENOENT), reason)
        self.provider = provider
        self.reason = reason
        self.function = function
        self.os_error = os_error

    def __str__(self) -> str:
        which = "None (the system's rasapi32)" if self.provider is None else repr(self.provider)
        return f"provider {which}: {self.reason}"

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.provider, self.reason), {**self.__dict__, "errno": self.errno}


def not_loaded(provider: str | None, os_error: int, reason: str) -> ProviderError:
    """Make the exception for a library that the system did not load.

    `reason` is the system's text; it is empty on Windows, which has a text for each number.
    """
    if sys.platform == "win32" and os_error:
        reason = ctypes.FormatError(os_error)
    text = "it is not a library, or cannot be loaded"
    return ProviderError(provider, f"{text}: {reason}" if reason else text, os_error=os_error)


def system_error(number: int, message: str) -> OSError:
    """Make an OSError from the system's own error number: of GetLastError, or errno."""
    if sys.platform == "win32":
        return OSError(0, message, None, number)
    return OSError(number, message)


class Cancelled(Exception):  # noqa: N818 - it is not an error: somebody set the cancel event
    """A wait ended because its `cancel` event was set.

    >>> with Event() as event, Event() as cancel:
    ...     cancel.set()  # usually another thread does this
    ...     try:
    ...         event.wait(cancel=cancel)
    ...     except Cancelled:
    ...         print("cancelled")
    cancelled
    """


class WSAError(CodeError):
    """A socket operation failed.

    - `code`: The Winsock code, the same on every system; `winerror` is the same number.
    - `function`: The name of the function that failed.
    - `message`: The text of the code.
    - `errno`: The system's own number.

    If Python has a standard exception for the code, this is an instance of that too.

    >>> import socket
    >>> with socket.socket() as sock:
    ...     try:
    ...         connect(sock, ("127.0.0.1", 0))
    ...     except WSAError as error:
    ...         print(error.code, error.name)
    10049 WSAEADDRNOTAVAIL
    """

    def __init__(
        self, code: int, function: str, message: str | None = None, os_error: int = 0
    ) -> None:
        super().__init__(code, function, message, os_error)

    def __str__(self) -> str:
        return f"[Winsock {self.code} {self.name}] {self.function}: {self.message}"

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.code, self.function, self.message, self.errno), self.__dict__


class WSAInterruptedError(WSAError, InterruptedError):
    """WSAEINTR."""


class WSAPermissionError(WSAError, PermissionError):
    """WSAEACCES."""


class WSABlockingIOError(WSAError, BlockingIOError):
    """WSAEWOULDBLOCK, WSAEINPROGRESS, WSAEALREADY."""


class WSAConnectionAbortedError(WSAError, ConnectionAbortedError):
    """WSAECONNABORTED."""


class WSAConnectionResetError(WSAError, ConnectionResetError):
    """WSAECONNRESET."""


class WSABrokenPipeError(WSAError, BrokenPipeError):
    """WSAESHUTDOWN."""


class WSATimeoutError(WSAError, TimeoutError):
    """WSAETIMEDOUT."""


class WSAConnectionRefusedError(WSAError, ConnectionRefusedError):
    """WSAECONNREFUSED."""


class WSAFileNotFoundError(WSAError, FileNotFoundError):
    """ENOENT. This and the next errnos have no Winsock code: `code` is WSASYSCALLFAILURE."""


class WSANotADirectoryError(WSAError, NotADirectoryError):
    """ENOTDIR."""


class WSAIsADirectoryError(WSAError, IsADirectoryError):
    """EISDIR."""


class WSAFileExistsError(WSAError, FileExistsError):
    """EEXIST."""


class WSAProcessLookupError(WSAError, ProcessLookupError):
    """ESRCH."""


class WSAChildProcessError(WSAError, ChildProcessError):
    """ECHILD."""


_WSA_CLASSES: dict[int, type[WSAError]] = {
    codes.WSAEINTR: WSAInterruptedError,
    codes.WSAEACCES: WSAPermissionError,
    codes.WSAEWOULDBLOCK: WSABlockingIOError,
    codes.WSAEINPROGRESS: WSABlockingIOError,
    codes.WSAEALREADY: WSABlockingIOError,
    codes.WSAECONNABORTED: WSAConnectionAbortedError,
    codes.WSAECONNRESET: WSAConnectionResetError,
    codes.WSAESHUTDOWN: WSABrokenPipeError,
    codes.WSAETIMEDOUT: WSATimeoutError,
    codes.WSAECONNREFUSED: WSAConnectionRefusedError,
}


_UNCODED_CLASSES: dict[type[OSError], type[WSAError]] = {
    kind.__bases__[1]: kind
    for kind in (
        *(WSAFileNotFoundError, WSANotADirectoryError, WSAIsADirectoryError),
        *(WSAFileExistsError, WSAProcessLookupError, WSAChildProcessError),
    )
}


def winsock_error(code: int, os_error: int, function: str) -> WSAError:
    """The exception for a Winsock code: a WSAError that is the standard exception as well.

    `os_error` is the system's errno; 0 means none, and `errno` is derived from the code. An errno
    without a Winsock code gives the class that Python gives it, and the system's own text.
    """
    if code == WSASYSCALLFAILURE and os_error:
        plain = OSError(os_error, os.strerror(os_error))
        return _UNCODED_CLASSES.get(type(plain), WSAError)(code, function, plain.strerror, os_error)
    return _WSA_CLASSES.get(code, WSAError)(code, function, None, os_error)
