"""How often a connect is repeated: by TCP, which repeats its SYN, and by this package.

What is said of Windows comes from reports and the tests of other projects; it was not seen here.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from .._backend.layout import RN_MAX_SYN_RETRIES, RN_SYN_RETRIES_UNSET
from .._check import whole_number

REPEATS_REFUSED_SYN = sys.platform == "win32"
"""Whether the system repeats a SYN that was refused. Other systems report the first refusal."""

LOOPBACK_REPEATS = 5
"""How often Windows' loopback is asked again, RN_REPEAT_PAUSE_NS after each refusal."""

_MS = 1_000_000
_PAUSE_NS = 500 * _MS  # [I] before Windows repeats a refused SYN
_MARGIN_NS = 250 * _MS  # for the answers
_FEWEST_DEFAULT = 2  # [I] no Windows repeats a SYN less often by default


class Retries(NamedTuple):
    """The repeats of each connect. RN_SYN_RETRIES_UNSET means what the system chooses."""

    syn: int
    """Of the SYN, for a target that is not on loopback."""
    loopback_syn: int
    """Of the SYN, for a target on loopback."""
    loopback: int
    """Of a connect that loopback refused."""


def choose(syn_retries: object, timeout_ns: int) -> Retries:
    """Check the argument `syn_retries`; None chooses by the system and the timeout.

    On Windows a timeout must leave time for the last refusal, or a refusal would look like
    silence. On loopback no SYN is lost, so TCP need not repeat any. But Windows refuses also while
    a listener's queue is full, so this package repeats the connect, which takes less time.
    """
    if syn_retries is not None:
        count = whole_number("syn_retries", syn_retries, 0, RN_MAX_SYN_RETRIES)
        return Retries(count, count, 0)
    if not REPEATS_REFUSED_SYN:
        return Retries(RN_SYN_RETRIES_UNSET, RN_SYN_RETRIES_UNSET, 0)
    fitting = max(0, timeout_ns - _MARGIN_NS) // _PAUSE_NS
    # A timeout that has time for the most that Windows repeats by default, 4 times, needs no limit.
    unset = fitting > 2 * _FEWEST_DEFAULT
    syn = RN_SYN_RETRIES_UNSET if unset else min(fitting, _FEWEST_DEFAULT)
    return Retries(syn, 0, LOOPBACK_REPEATS)
