"""Owns the table for people: remarks give way first, then the standard errors, then the columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from celoss.report import Report
from celoss_cli.render import shown
from celoss_cli.render.layout import bar, drawn, first_that_fits, limit_of, lines, table


def render(report: Report, width: int | None = None, color: bool = False) -> str:
    """The report as text, at most `width` columns wide, but at least 20 (None: as wide as it needs)."""
    limit = limit_of(width)
    inputs, understood = shown.heading(report)
    parts = [
        Text.assemble((inputs, "bold"), "\n", understood, overflow="fold"),
        first_that_fits(_metric_tables(report), limit),
        first_that_fits(_class_tables(report), limit),
        *(part for by, rows, more in shown.groups(report) for part in _group_parts(by, rows, more, limit)),
        Text(report.signature, "dim", overflow="fold"),
    ]
    return "\n\n".join(drawn(part, limit, color) for part in parts) + "\n"


def _metric_tables(report: Report) -> Iterator[RenderableType]:
    """From the fullest to the narrowest."""
    rows = shown.metrics(report)
    for columns in (4, 3, 2):
        yield table(("metric", "value", "± std. error", "")[:columns], [row[:columns] for row in rows], "lrrl")
    yield lines([[("", ""), (name, value)] for name, value, _, _ in rows])


def _class_tables(report: Report) -> Iterator[RenderableType]:
    rows = shown.classes(report)
    header = shown.class_header(report)
    align = "l" + "r" * (len(header) - 1)
    yield table((*header, ""), [(*texts, bar(share)) for texts, share in rows], align + "l")
    for columns in (len(header), 3):
        yield table(header[:columns], [texts[:columns] for texts, _ in rows], align)
    yield lines([[(texts[0], ""), *zip(header[1:], texts[1:], strict=True)] for texts, _ in rows])


def _group_parts(by: str, rows: Sequence[Sequence[str]], more: str, limit: int) -> Iterator[RenderableType]:
    yield first_that_fits(_group_tables(by, rows), limit)
    if more:
        # Wrapped here, as Rich leaves a blank at the end of a line that it folds.
        yield Text("\n".join(textwrap.wrap(more, limit)), "dim")


def _group_tables(by: str, rows: Sequence[Sequence[str]]) -> Iterator[RenderableType]:
    header = (by, *shown.GROUP_HEADER[1:])
    for columns in (len(header), 5, 3):
        yield table(header[:columns], [texts[:columns] for texts in rows], "lrrrrr")
    yield lines([[(texts[0], ""), *zip(header[1:], texts[1:], strict=True)] for texts in rows])
