"""The logger "ras_native", for finding the causes of problems. Polls do not write to it."""

from __future__ import annotations

import logging

logger = logging.getLogger("ras_native")

logger.addHandler(logging.NullHandler())  # a program that wants the messages adds a handler
