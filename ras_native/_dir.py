"""What `dir()` and `help()` show of packages. Every import of the package imports this module."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable

TYPE_CHECKING = False  # like the one of typing, whose import takes long
if TYPE_CHECKING:
    from typing import Any


def short_help(package: dict[str, Any]) -> Callable[[], list[str]]:
    """Make the `__dir__` of a package, so that `help()` shows its docstring and nothing else.

    pydoc describes in full every class that both `dir()` and `__all__` name: thousands of lines,
    because enums and exceptions inherit much. Neither list may be incomplete for other readers. So
    `dir()` lists nothing if pydoc asks, and every name if anybody else does.
    """

    def names() -> list[str]:
        frame: types.FrameType | None = sys._getframe()
        while frame is not None:
            if getattr(frame.f_globals.get("__spec__"), "name", None) == "pydoc":
                return []
            frame = frame.f_back
        return [*{*package, *package["__all__"]}]

    return names
