"""The logger "ras_native": what a support engineer asks for. No poll writes to it."""

from __future__ import annotations

import logging

logger = logging.getLogger("ras_native")

logger.addHandler(logging.NullHandler())  # a program that wants the messages adds a handler
