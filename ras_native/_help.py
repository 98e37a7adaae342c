"""What `help()` shows of the members of records."""

from __future__ import annotations

import re
from typing import Any, TypeVar, get_type_hints

_Record = TypeVar("_Record", bound="type[Any]")
_MEMBER = re.compile(r"^ *- `(\w+)`: (.+?)(?=\n *(?:-|\n|\Z))", re.MULTILINE | re.DOTALL)


def documented(record: _Record) -> _Record:
    """Give each member of a named tuple or dataclass its text from the list in the docstring.

    So `help()` shows these texts for a derived class, too. A dataclass needs `slots=True`.
    """
    kind: Any = record
    docstrings = "\n\n".join(base.__doc__ or "" for base in reversed(kind.__mro__))
    texts = {name: " ".join(text.split()) for name, text in _MEMBER.findall(docstrings + "\n")}
    if not issubclass(record, tuple):
        kind.__slots__ = {name: texts.get(name) for name in kind.__slots__}  # pydoc reads it
        return record
    for name in kind._fields:
        getattr(kind, name).__doc__ = texts.get(name)
    # Evaluated now: later, `__module__` no longer names the module that has these types.
    kind.__annotations__ = get_type_hints(kind)
    kind.__new__.__annotations__ = kind.__annotations__  # help() shows its signature
    return record
