"""An HTTP server for the metrics of a registry.

prometheus-client's `start_http_server` has no time limits: a client that sends nothing keeps its
thread forever, and with TLS it blocks all others. On Windows it also takes a port that is in use.
"""

from __future__ import annotations

import socket
import socketserver
import ssl
import sys
import threading
import time
from contextlib import suppress
from http.server import HTTPServer
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, MetricsHandler
from prometheus_client.exposition import choose_encoder

from .. import _check
from .._log import logger

PORT = 9861
MOST_CONNECTIONS = 32
"""At most this many clients are connected at a time. Others are disconnected."""
CONNECTION_SECONDS = 10.0
"""A connection that lasts longer is cut."""
_WARNING_SECONDS = 60.0
"""Clients cause at most one warning in this time, so they cannot fill the log."""
_LOOK_SECONDS = 0.25  # between two checks for such connections, and for `close`
_HELP = b"The metrics are at /metrics.\n"

_Socket = socket.socket
_Self = TypeVar("_Self", bound="MetricsServer")


class _Handler(MetricsHandler):
    """Answers one request with the metrics. It uses neither the Host header nor any name in it."""

    server_version, sys_version = "ras_native", ""  # a version would help an attacker

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        path = self.path.partition("?")[0]
        if path == "/metrics":
            try:
                choose_encoder(self.headers.get("Accept", ""))
            except Exception:  # noqa: BLE001 - such as ValueError for a wrong version
                del self.headers["Accept"]  # then the format is the default one
            try:
                super().do_GET()
            except OSError:
                raise  # the client has gone
            except Exception:  # noqa: BLE001 - a collector of the registry failed
                if isinstance(self.server, _Server) and self.server.may_warn():
                    logger.exception("metrics cannot be sent")
                self.send_error(500)
        elif path == "/":
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.end_headers()
            self.wfile.write(_HELP)
        else:
            self.send_error(404)


class _Server(socketserver.ThreadingMixIn, HTTPServer):
    """Gives each connection a thread, a time limit and, if there is a context, TLS."""

    daemon_threads = True
    allow_reuse_address = sys.platform != "win32"  # on Windows it shares a port in use

    def __init__(
        self, family: int, address: Any, handler: type[_Handler], context: ssl.SSLContext | None
    ) -> None:
        self.address_family = socket.AddressFamily(family)
        self._context = context
        self._open: dict[_Socket, float] = {}  # when each connection is cut
        self._next_warning = 0.0
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind. HTTPServer would also ask the DNS for a name."""
        socketserver.TCPServer.server_bind(self)

    def get_request(self) -> tuple[_Socket, Any]:
        """Accept a connection; its thread does the handshake of TLS."""
        request, address = super().get_request()
        request.settimeout(CONNECTION_SECONDS)  # Windows may not wake a thread that waits for it
        if self._context is None:
            return request, address
        try:
            return self._context.wrap_socket(
                request, server_side=True, do_handshake_on_connect=False
            ), address
        except BaseException:
            request.close()
            raise

    def may_warn(self) -> bool:
        """Whether to log a warning now."""
        now = time.monotonic()
        if now < self._next_warning:
            return False
        self._next_warning = now + _WARNING_SECONDS
        return True

    def process_request(self, request: Any, client_address: Any) -> None:
        if len(self._open) >= MOST_CONNECTIONS:
            if self.may_warn():
                logger.warning("%d clients read metrics: another one is refused", MOST_CONNECTIONS)
            self.shutdown_request(request)
            return
        self._open[request] = time.monotonic() + CONNECTION_SECONDS
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        if isinstance(request, ssl.SSLSocket):
            request.do_handshake()
        super().finish_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Cut the connections that last too long. Then their threads end."""
        now = time.monotonic()
        self.cut([request for request, end in self._open.copy().items() if end <= now])

    def cut(self, requests: list[_Socket] | None = None) -> None:
        """End these connections, or all of them."""
        for request in list(self._open.copy()) if requests is None else requests:
            with suppress(OSError):  # it has ended meanwhile
                socket.socket.shutdown(request, socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Log a failed connection in one line, because its client may be hostile."""
        logger.info("a client that reads metrics failed: %r", sys.exc_info()[1])


class MetricsServer:
    """Serves the metrics of a registry at http://HOST:PORT/metrics; a context manager.

    It answers in threads of its own, from entering until `close`. At most 32 clients are connected
    at a time, each for at most 10 seconds. It cannot check passwords: use a proxy or `client_ca`.

    registry: a `prometheus_client.CollectorRegistry`.
    host: the address to listen at. The default is loopback: only this computer can connect.
    port: the port. 0 takes any free port, and the property `port` is its number.
    certfile: a file with the certificate, in PEM; it makes the server speak TLS (https).
    keyfile: a file with its private key, without a password; None: the key is in `certfile`.
    client_ca: a file with certificates, in PEM. A client must then show a certificate that one of
    them signed.

    Raises OSError if it cannot listen at this address and port, or if a file cannot be read or is
    wrong. Raises TypeError or ValueError for a bad argument.

    >>> from prometheus_client import CollectorRegistry
    >>> from urllib.request import urlopen
    >>> from ras_native.exporter import MetricsServer, RasCollector
    >>> registry = CollectorRegistry()
    >>> registry.register(RasCollector(entries=["Head office"]))
    >>> with MetricsServer(registry, port=0) as server, urlopen(server.url) as page:
    ...     b"ras_up" in page.read()
    True
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        host: str = "127.0.0.1",
        port: int = PORT,
        *,
        certfile: str | None = None,
        keyfile: str | None = None,
        client_ca: str | None = None,
    ) -> None:
        host = _check.text("host", host)
        port = _check.whole_number("port", port, 0, 65535)
        if certfile is None and (keyfile or client_ca):
            raise ValueError("keyfile and client_ca need certfile")
        context = None if certfile is None else _tls(certfile, keyfile, client_ca)
        self._scheme, self._host = "http" if context is None else "https", host
        self._server = _server(host, port, _Handler.factory(registry), context)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            args=(_LOOK_SECONDS,),
            name="ras_native metrics",
            daemon=True,
        )

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The address of the metrics."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{self._scheme}://{host}:{self.port}/metrics"

    def close(self) -> None:
        """Stop: end all connections and free the port. A second close does nothing."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.cut()

    def __enter__(self: _Self) -> _Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _server(
    host: str, port: int, handler: type[_Handler], context: ssl.SSLContext | None
) -> _Server:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return _Server(family, address, handler, context)
    except (OSError, UnicodeError) as error:
        code = getattr(error, "errno", None) or 0
        text = getattr(error, "strerror", None) or str(error)
        raise OSError(code, f"cannot listen at {host} port {port}: {text}") from error


def _tls(certfile: str, keyfile: str | None, client_ca: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    names = ", ".join(repr(name) for name in (certfile, keyfile, client_ca) if name is not None)
    try:
        context.load_cert_chain(certfile, keyfile, password="")  # "": ask nobody for a password
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:  # ssl.SSLError is one
        raise OSError(error.errno, f"cannot use {names} for TLS: {error.strerror}") from error
    return context
