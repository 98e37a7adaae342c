"""The dialogs over the main screen: a question, a file name, the help, the details."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, Static

from .widgets import Line, Lines

_HELP = """\
q          quit
/          filter by name, state, address or device
s          sort by the next column
f          hide entries that are up or connecting
up, down   select an entry; also k, j, page up, page down
Enter      show the details of the entry
h          hang up the entry, after a question
p          pause: the screen stops changing; new events wait
r          record to a file, or end the recording
tab        switch between the table and the log
Ctrl-Z     suspend, if the system can
Ctrl-C     end with exit code 130"""


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
            yield Static(Text("Enter  begin     Esc  do not record", "bold"), markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with the name."""
        self.dismiss(event.value or None)


class Help(ModalScreen[None]):
    """Lists the keys."""

    def compose(self) -> ComposeResult:
        """Show the keys."""
        with Vertical(classes="dialog"):
            yield Static(Text(_HELP), markup=False)

    def on_key(self) -> None:
        """Close at any key."""
        self.dismiss()


class Details(Screen[None]):
    """Shows the details of one entry. `make(width)` returns the lines."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,backspace", "dismiss(None)", show=False)
    ]

    def __init__(self, make: Callable[[int], list[Text]], keys: Callable[[int], Text]) -> None:
        super().__init__()
        self._make, self._texts = make, list[Text]()
        self._lines = Lines(
            lambda: len(self._texts), lambda index, _: self._texts[index], id="details"
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
