"""What one raw call answered, as the self-test reports it."""

from __future__ import annotations

from typing import NamedTuple

from ._errors import code_name


class Answer(NamedTuple):
    """One raw call and what came of it."""

    call: str
    code: int | None
    """What it returned; None where it returned nothing: see `fault`."""
    outputs: dict[str, int | str]
    fault: str = ""

    def __str__(self) -> str:
        if self.code is None:
            return f"{self.call} -> {self.fault}"
        outputs = "".join(f", {name} {value}" for name, value in self.outputs.items())
        name = f" {code_name(self.code)}" if self.code else ""
        return f"{self.call} -> {self.code}{name}{outputs}"

    def number(self, output: str) -> int:
        """An output; -1 where the call left it untouched."""
        value = self.outputs.get(output)
        return value if isinstance(value, int) else -1
