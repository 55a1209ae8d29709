"""What the demo prints: each step, the calls it makes, and the essence of the answers."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{6}([0-9a-f]{6})")
_INDENT = 4


class Show:
    """One column of steps on standard output; plain text when that is no terminal."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._steps = 0

    def heading(self, text: str) -> None:
        """What follows, in bold."""
        self._console.print(f"\n[bold]{escape(text)}[/]")

    def step(self, title: str) -> None:
        """Begin the next step of the story."""
        self._steps += 1
        self._console.print(f"\n[bold]{self._steps:>2}  {escape(title)}[/]")

    def call(self, method: str, path: str, asked: str, status: int, milliseconds: float) -> None:
        """One call of the API. Ids in paths are shortened to their last six digits."""
        colour = "green" if status < 400 else "red"
        short = escape(_UUID.sub(r"…\1", path))
        about = f"  [dim]{escape(asked)}[/]" if asked else ""
        self._line(
            f"[cyan]{method}[/] {short}{about} → [{colour}]{status}[/] "
            f"[dim]{milliseconds:.0f} ms[/]"
        )

    def fact(self, text: str) -> None:
        """The essence of an answer."""
        self._line(f"[dim]·[/] {escape(text)}")

    def proof(self, text: str) -> None:
        """Something that was verified."""
        self._line(f"[green]✓[/] {escape(text)}")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """A few rows, indented like everything else."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(escape(str(cell)) for cell in row))
        self._console.print(_indented(table))

    def pairs(self, rows: Iterable[tuple[str, str]]) -> None:
        """Names and values; values are never wrapped, so that they can be copied."""
        for name, value in rows:
            self._console.print(f"  [bold]{escape(name):<12}[/]{escape(value)}", soft_wrap=True)

    def copyable(self, line: str) -> None:
        """A line for the reader's own terminal, unwrapped and unadorned."""
        self._console.print(f"  {line}", markup=False, soft_wrap=True)

    def failure(self, text: str) -> None:
        """Why the demo ends."""
        self._console.print(f"\n[bold red]The demo failed.[/] {escape(text)}", soft_wrap=True)

    def _line(self, markup: str) -> None:
        self._console.print(" " * _INDENT + markup, soft_wrap=True)


def _indented(table: Table) -> Any:
    from rich.padding import Padding

    return Padding(table, (0, 0, 0, _INDENT))
