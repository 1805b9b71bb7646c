"""Owns layout: forms of which the first that fits is drawn. Layout gives way to a narrow terminal, digits never."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from celoss.records import dataclass

NARROWEST = 20
UNLIMITED = 10_000
BAR_CELLS = 20
# Sentences are no longer than this, however wide the terminal is.
TEXT_COLUMNS = 100
UNBROKEN = "\N{NO-BREAK SPACE}"


def limit_of(width: int | None) -> int:
    """The columns to keep to: at least 20; without limit for None."""
    return UNLIMITED if width is None else max(width, NARROWEST)


def first_that_fits(options: Iterable[RenderableType], limit: int) -> RenderableType:
    """The first form whose natural width is within the limit, else the last, which breaks lines instead of hiding."""
    console = _console(UNLIMITED, color=False)
    last: RenderableType = ""
    for last in options:
        if Measurement.get(console, console.options, last).maximum <= limit:
            break
    return last


def drawn(part: RenderableType, limit: int, color: bool) -> str:
    """The part as text, without blanks at the ends of lines."""
    console = _console(limit, color)
    with console.capture() as captured:
        console.print(part)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()).strip("\n")


def _console(width: int, color: bool) -> Console:
    return Console(
        file=io.StringIO(),
        width=width,
        # Without a height Rich takes the terminal's own size, or 80 columns for one that it calls dumb.
        height=100,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        highlight=False,
        legacy_windows=False,
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> Table:
    """A table with a line under its header. align: a letter for each column, l or r."""
    whole = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), header_style="")
    for title, side in zip(header, align, strict=False):
        whole.add_column(Text(title), justify="right" if side == "r" else "left", no_wrap=True, overflow="fold")
    for row in rows:
        whole.add_row(*(Text(value) for value in row))
    return whole


def lines(groups: Sequence[Sequence[tuple[str, str]]]) -> Text:
    """`name value` a line; on two lines where it is too narrow even for that."""
    shown: list[str] = []
    for group in groups:
        for name, value in group:
            if not value:
                shown.extend(textwrap.wrap(name, NARROWEST) if name else [])
            elif len(name) + 1 + len(value) <= NARROWEST:
                shown.append(f"{name} {value}")
            else:
                shown.extend([name, f" {value}"])
    return Text("\n".join(shown))


def bar(share: float) -> str:
    """A bar for a share, 0 … 1, in eighths of a cell."""
    eighths = round(share * BAR_CELLS * 8)
    return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]


@dataclass(frozen=True)
class Column:
    """A column of a table: its title, l or r, and its texts."""

    title: str
    side: str
    texts: Sequence[str]


def forms(columns: dict[str, Column], give_way: Sequence[str]) -> Iterator[RenderableType]:
    """The table, then without one column after another, then every row as lines of all columns."""
    kept = dict(columns)
    for name in ("", *give_way):
        kept.pop(name, None)
        titles, sides = [one.title for one in kept.values()], "".join(one.side for one in kept.values())
        yield table(titles, list(zip(*(one.texts for one in kept.values()), strict=True)), sides)
    told = [one for name, one in columns.items() if name != "bar"]
    yield lines(list(zip(*([_line(one.title, text) for text in one.texts] for one in told), strict=True)))


def _line(title: str, text: str) -> tuple[str, str]:
    """A cell as name and value. A text without a title stands for itself, a title without a text for nothing."""
    return (title, text) if title and text else (text, "")


def sentences(texts: Sequence[str], limit: int) -> Text:
    """Each sentence on lines of its own, broken between words."""
    # No line begins with a percent sign: what `wrap` takes for a letter stands in for the blank before it.
    whole = (text.replace(" %", f"{UNBROKEN}%") for text in texts)
    broken = [line for text in whole for line in textwrap.wrap(text, min(limit, TEXT_COLUMNS), break_on_hyphens=False)]
    return Text("\n".join(broken).replace(UNBROKEN, " "), overflow="fold")
