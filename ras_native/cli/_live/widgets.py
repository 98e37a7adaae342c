"""The widgets of the live screen. They draw only the lines that can be seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

_SELECTED = Style(bgcolor="#24324a")


class Line(Widget):
    """One line. It is made again each time it is drawn."""

    def __init__(self, make: Callable[[int], Text], *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._make = make

    def render_line(self, y: int) -> Strip:
        """Return the line of the picture."""
        width = self.size.width
        return _strip(self._make(width) if y == 0 else Text(end=""), width, self.rich_style, self)


class Lines(ScrollView):
    """A list of lines of any length; `make(index, width)` returns one of them."""

    can_focus = True

    def __init__(
        self,
        count: Callable[[], int],
        make: Callable[[int, int], Text],
        *,
        id: str,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._count, self._make = count, make

    def redraw(self) -> None:
        """Draw the lines anew."""
        self.virtual_size = Size(0, self._count())
        self.refresh()

    @property
    def shown(self) -> range:
        """The numbers of the lines that can be seen."""
        first = round(self.scroll_offset.y)
        return range(first, min(self._count(), first + self.size.height))

    def render_line(self, y: int) -> Strip:
        """Return one line of the picture."""
        width, index = self.size.width, round(self.scroll_offset.y) + y
        text = self._make(index, width) if index < self._count() else Text(end="")
        return _strip(text, width, self.rich_style + self.style_of(index), self)

    def style_of(self, index: int) -> Style:  # noqa: ARG002 - for the table
        """Return the style of a whole line."""
        return Style.null()


def _strip(text: Text, width: int, style: Style, widget: Widget) -> Strip:
    segments = text.render(widget.app.console)
    return Strip(segments).adjust_cell_length(width).apply_style(style)


class Log(Lines):
    """Lines that follow the last line, unless the user scrolled up."""

    is_following = True

    def redraw(self) -> None:
        """Draw the lines anew."""
        is_following = self.is_following
        super().redraw()
        if is_following:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)

    def on_resize(self) -> None:
        """Keep showing the end when the height changes."""
        self.redraw()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow the end as long as it is shown."""
        super().watch_scroll_y(old_value, new_value)
        self.is_following = new_value >= self.max_scroll_y


class Table(Lines):
    """Lines with a selection, which the app moves."""

    class Moved(Message):
        """The user wants to select another line."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    class Opened(Message):
        """The user wants to see more of the selected line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "move(-1000000)", show=False),
        Binding("end", "move(1000000)", show=False),
        Binding("enter", "open", show=False),
    ]
    selected = 0

    def action_move(self, step: int) -> None:
        """Select the line `step` below."""
        self.post_message(self.Moved(step))

    def action_page(self, step: int) -> None:
        """Select the line that is `step` pages below."""
        self.post_message(self.Moved(step * max(1, self.size.height - 1)))

    def action_open(self) -> None:
        """Open the selected line."""
        self.post_message(self.Opened())

    def select(self, index: int) -> None:
        """Select a line, and scroll to it."""
        self.selected = index
        first = round(self.scroll_offset.y)
        if index < first:
            self.scroll_to(y=index, animate=False, immediate=True)
        elif index >= first + self.size.height:
            self.scroll_to(y=index - self.size.height + 1, animate=False, immediate=True)
        self.refresh()

    def on_click(self, event: object) -> None:
        """Select the line that was clicked."""
        y = round(self.scroll_offset.y) + int(getattr(event, "y", 0))
        self.post_message(self.Moved(y - self.selected))

    def style_of(self, index: int) -> Style:
        """Mark the selected line."""
        return _SELECTED if index == self.selected else Style.null()
