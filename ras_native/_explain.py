"""What an error code means, and what to do about it: `explain`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._check import DWORD_MAX, whole_number
from ._errors import code_text, error_name
from ._plain import plain


@dataclass(frozen=True, slots=True)
class Reason:
    """An error code, explained."""

    code: int
    """The code as an unsigned number, such as 809 or 0x800B0101."""
    name: str
    """Its name in the headers of Windows; "UNKNOWN_ERROR_<code>" if none is known."""
    text: str
    """What it means, in one line."""
    advice: str | None = None
    """What to do about it; None if nothing is known that helps."""
    source: str | None = None
    """The public document that the advice rests on; None without advice."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}


def explain(code: int) -> Reason:
    """Explain an error code of RAS, Winsock or Windows, signed or unsigned.

    Raises TypeError for a code that is no whole number, ValueError for one beyond 32 bits.
    """
    number = whole_number("code", code, -(1 << 31), DWORD_MAX) & DWORD_MAX
    return Reason(number, error_name(number), code_text(number))
