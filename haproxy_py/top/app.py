"""The full-screen view, on textual (https://textual.textualize.io)."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import DataTable, Footer, Input, Static

from haproxy_py.top.source import Address, Snapshot, SourceError, look
from haproxy_py.top.table import COLUMNS, Row, View, arranged, headline, ill, rows_of

ALL = frozenset({"frontend", "backend", "server"})
PARTS = (ALL, frozenset({"frontend"}), frozenset({"backend"}), frozenset({"server"}))


def style(row: Row) -> str:
    """HAProxy's colours by state, as far as a terminal goes."""
    status = row.status
    if status.startswith(("DOWN", "STOP")):
        return "bold red"
    if status.startswith("MAINT"):
        return "yellow"
    if status.startswith(("DRAIN", "NOLB")):
        return "blue"
    if ill(row):
        return "magenta"
    return "bold" if row.kind != "server" else "green" if status.startswith("UP") else ""


class Top(App[int]):
    """See the module. interval_s: seconds between two looks."""

    TITLE = "pyhaproxy top"
    CSS = "#info { height: 1; } #filter { display: none; dock: bottom; } #filter.open { display: block; } DataTable { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "quit"),
        Binding("s", "order(1)", "sort by next"),
        Binding("S", "order(-1)", "previous", show=False),
        Binding("r", "reverse", "reverse"),
        Binding("slash", "filter", "filter"),
        Binding("k", "part", "kind"),
        Binding("d", "ill", "only ill ones"),
        Binding("p", "pause", "pause"),
        Binding("escape", "plain", "show all"),
    ]

    def __init__(self, address: Address, interval_s: float = 1.0, view: View = View()) -> None:  # noqa: B008 - immutable
        super().__init__()
        self.address = address
        self.interval_s = interval_s
        self.view = view
        self.paused = False
        self.shown: list[Row] = []
        self.rows: list[Row] = []
        self.last: Snapshot | None = None

    def compose(self) -> ComposeResult:
        """The parts of the screen."""
        with Vertical():
            yield Static(id="info")
            yield DataTable[Text](id="table", cursor_type="row", zebra_stripes=True)
            yield Input(placeholder="words that proxy, name or status must have", id="filter")
        yield Footer()

    async def on_mount(self) -> None:
        """Look at once, then every interval."""
        self.set_interval(self.interval_s, self.refresh_rows)
        await self.refresh_rows()

    async def refresh_rows(self) -> None:
        """One look at the socket; trouble is shown and does not end the program."""
        if self.paused:
            return
        try:
            found = await look(self.address)
        except SourceError as wrong:
            self.query_one("#info", Static).update(Text(str(wrong), style="bold red"))
            return
        self.rows, self.last = rows_of(found, self.last), found
        self.query_one("#info", Static).update(Text(self._headline(), style="reverse"))
        self.draw()

    def _headline(self) -> str:
        order = "as configured" if self.view.order is None else COLUMNS[self.view.order].title
        words = f"  filter: {self.view.words}" if self.view.words else ""
        state = "  PAUSED" if self.paused else ""
        return f"{headline(self.last.info if self.last else {})}  sorted: {order}{words}{state}"

    def draw(self) -> None:
        """The table anew, the cursor where it was."""
        table = self.query_one("#table", DataTable)
        place = table.cursor_row
        top = table.scroll_y
        table.clear(columns=True)
        for at, column in enumerate(COLUMNS):
            table.add_column(Text(column.title + (" *" if at == self.view.order else "")), key=column.title)
        self.shown = arranged(self.rows, self.view)
        for row in self.shown:
            look_of = style(row)
            cells = (Text(c.text(row), style=look_of, justify="right" if c.right else "left") for c in COLUMNS)
            table.add_row(*cells)
        table.move_cursor(row=min(place, max(0, len(self.shown) - 1)), scroll=False)
        table.scroll_to(y=top, animate=False)

    def _show(self, view: View) -> None:
        self.view = view
        self.query_one("#info", Static).update(Text(self._headline(), style="reverse"))
        self.draw()

    def action_order(self, step: int) -> None:
        """The next column to sort by; behind the last comes the order of the configuration."""
        places: list[int | None] = [None, *range(len(COLUMNS))]
        at = places.index(self.view.order)
        self._show(replace(self.view, order=places[(at + step) % len(places)]))

    def action_reverse(self) -> None:
        """The other way round."""
        self._show(replace(self.view, reverse=not self.view.reverse))

    def action_part(self) -> None:
        """All kinds, then one after the other."""
        at = PARTS.index(self.view.kinds) if self.view.kinds in PARTS else 0
        self._show(replace(self.view, kinds=PARTS[(at + 1) % len(PARTS)]))

    def action_ill(self) -> None:
        """Only what someone should look at."""
        self._show(replace(self.view, ill_only=not self.view.ill_only))

    def action_pause(self) -> None:
        """Hold the picture."""
        self.paused = not self.paused
        self._show(self.view)

    def action_plain(self) -> None:
        """No filter, no order."""
        self._show(View())

    def action_filter(self) -> None:
        """Type words to filter by."""
        box = self.query_one("#filter", Input)
        box.add_class("open")
        box.value = self.view.words
        box.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self._show(replace(self.view, words=event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the table."""
        self.query_one("#filter", Input).remove_class("open")
        self.query_one("#table", DataTable).focus()
