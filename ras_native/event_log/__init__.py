"""Why a connection ended: what RAS writes into the event log of Windows."""

from __future__ import annotations

from ._records import LogEvent

__all__ = ["LogEvent"]

LogEvent.__module__ = __name__
