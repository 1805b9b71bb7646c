"""Owns the table for people. Layout gives way to a narrow terminal, digits never: remarks go first, then the standard
errors, then the columns."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from celoss.report import Report
from celoss_cli.render import shown

NARROWEST = 20
UNLIMITED = 10_000
BAR_CELLS = 20


def render(report: Report, width: int | None = None, color: bool = False) -> str:
    """The report as text, at most `width` columns wide, but at least 20 (None: as wide as it needs)."""
    limit = UNLIMITED if width is None else max(width, NARROWEST)
    inputs, understood = shown.heading(report)
    parts = [
        Text.assemble((inputs, "bold"), "\n", understood, overflow="fold"),
        _first_that_fits(_metric_tables(report), limit),
        _first_that_fits(_class_tables(report), limit),
        Text(report.signature, "dim", overflow="fold"),
    ]
    return "\n\n".join(_text(part, limit, color) for part in parts) + "\n"


def _first_that_fits(options: Iterable[RenderableType], limit: int) -> RenderableType:
    """The first form whose natural width is within the limit, else the last, which breaks lines instead of hiding."""
    console = _console(UNLIMITED, color=False)
    last: RenderableType = ""
    for last in options:
        if Measurement.get(console, console.options, last).maximum <= limit:
            break
    return last


def _text(part: RenderableType, limit: int, color: bool) -> str:
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


def _metric_tables(report: Report) -> Iterator[RenderableType]:
    """From the fullest to the narrowest."""
    rows = shown.metrics(report)
    for columns in (4, 3, 2):
        yield _table(("metric", "value", "± std. error", "")[:columns], [row[:columns] for row in rows], "lrrl")
    yield _lines([[("", ""), (name, value)] for name, value, _, _ in rows])


def _class_tables(report: Report) -> Iterator[RenderableType]:
    rows = shown.classes(report)
    header = ("class", "rows", "log loss", "recall", "share of loss", "")
    yield _table(header, [(*texts, _bar(share)) for texts, share in rows], "lrrrrl")
    for columns in (5, 3):
        yield _table(header[:columns], [texts[:columns] for texts, _ in rows], "lrrrr")
    yield _lines([[(texts[0], ""), *zip(header[1:5], texts[1:], strict=True)] for texts, _ in rows])


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), header_style="")
    for title, side in zip(header, align, strict=False):
        table.add_column(Text(title), justify="right" if side == "r" else "left", no_wrap=True, overflow="fold")
    for row in rows:
        table.add_row(*(Text(value) for value in row))
    return table


def _lines(groups: Sequence[Sequence[tuple[str, str]]]) -> Text:
    """`name value` a line; on two lines where it is too narrow even for that."""
    lines = []
    for group in groups:
        for name, value in group:
            if not value:
                lines.extend(textwrap.wrap(name, NARROWEST) if name else [])
            elif len(name) + 1 + len(value) <= NARROWEST:
                lines.append(f"{name} {value}")
            else:
                lines.extend([name, f" {value}"])
    return Text("\n".join(lines))


def _bar(share: float) -> str:
    eighths = round(share * BAR_CELLS * 8)
    return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]
