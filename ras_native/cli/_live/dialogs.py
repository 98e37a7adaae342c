"""The dialogs over the main screen: a question, a file name, the help, the details."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, Static

from .widgets import Line, Lines

_SCROLLING = {"up", "down", "pageup", "pagedown", "home", "end", "left", "right"}


class Question(ModalScreen[bool]):
    """Asks a question. The key y means yes; n, Esc, Enter and q mean no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", show=False),
        Binding("n,escape,enter,q", "answer(False)", show=False),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """Show the question."""
        with Vertical(classes="dialog"):
            yield Static(Text(self._question), markup=False)
            yield Static(Text("\ny  yes     n  no", "bold"), markup=False)

    def action_answer(self, answer: bool) -> None:
        """Close with an answer."""
        self.dismiss(answer)


class FileName(ModalScreen["str | None"]):
    """Asks for the name of a file. The result is None if the user cancels."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(self, question: str, name: str) -> None:
        super().__init__()
        self._question, self._name = question, name

    def compose(self) -> ComposeResult:
        """Show the question and a name that the user may change."""
        with Vertical(classes="dialog"):
            yield Static(Text(self._question), markup=False)
            yield Input(self._name)
            yield Static(Text("Enter  begin     Esc  cancel", "bold"), markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with the name."""
        self.dismiss(event.value or None)


class Page(Screen[None]):
    """Lines that scroll; `make(width)` returns them, and `keys(width)` the line below them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,backspace", "dismiss(None)", show=False)
    ]

    def __init__(self, make: Callable[[int], list[Text]], keys: Callable[[int], Text]) -> None:
        super().__init__()
        self._make, self._texts = make, list[Text]()
        self._lines = Lines(
            lambda: len(self._texts), lambda index, _: self._texts[index], id="page"
        )
        self._keys = Line(keys, id="keys")

    def compose(self) -> ComposeResult:
        """Show the lines."""
        yield self._lines
        yield self._keys

    def on_mount(self) -> None:
        """Let the arrow keys scroll."""
        self._lines.focus()

    def on_resize(self) -> None:
        """Make the lines for the new width."""
        self.redraw()

    def redraw(self) -> None:
        """Make the lines anew."""
        self._texts = self._make(self.size.width - 2)
        self._lines.redraw()


class Help(Page, ModalScreen[None]):
    """Lists the keys."""

    def on_key(self, event: Key) -> None:
        """Close at any key that does not scroll."""
        if event.key not in _SCROLLING:
            event.stop()
            self.dismiss()
