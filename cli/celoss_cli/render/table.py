"""Owns the table for people: remarks give way first, then the intervals, then the columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from celoss.report import Report
from celoss_cli.render import shown
from celoss_cli.render.layout import bar, drawn, first_that_fits, limit_of, lines, sentences, table


def render(report: Report, width: int | None = None, color: bool = False) -> str:
    """The report as text, at most `width` columns wide, but at least 20 (None: as wide as it needs)."""
    limit = limit_of(width)
    inputs, understood = shown.heading(report)
    parts = [
        Text.assemble((inputs, "bold"), "\n", understood, overflow="fold"),
        first_that_fits(_metric_tables(report), limit),
        *([_wrapped(shown.tail(report), limit)] if shown.tail(report) else []),
        *(first_that_fits(_change_tables(*one), limit) for one in [shown.changes(report)] if one[1]),
        first_that_fits(_class_tables(report), limit),
        *(
            part
            for by, rows, more in shown.groups(report)
            for part in _group_parts(shown.group_header(report, by), rows, more, limit)
        ),
        *(_recalibration_parts(report, limit) if report.recalibration is not None else []),
        Text(report.signature, "dim", overflow="fold"),
    ]
    return "\n\n".join(drawn(part, limit, color) for part in parts) + "\n"


def _metric_tables(report: Report) -> Iterator[RenderableType]:
    """From the fullest to the narrowest."""
    rows = shown.metrics(report)
    for columns in (4, 3, 2):
        yield table(("metric", "value", shown.interval_title(report), "")[:columns], [row[:columns] for row in rows], "lrrl")
    yield lines([[("", ""), (name, value)] for name, value, _, _ in rows])


def _reliability_tables(report: Report) -> Iterator[RenderableType]:
    from celoss_cli.render.reliability import HEADER, SCALE, rows

    found = rows(report)
    yield table((*HEADER, shown.interval_title(report), SCALE), [(*texts, *rest) for texts, *rest in found], "lrrrrl")
    yield table((*HEADER, SCALE), [(*texts, drawing) for texts, _, drawing in found], "lrrrl")
    yield table(HEADER, [texts for texts, _, _ in found], "lrrr")
    yield lines([[("", ""), *zip(HEADER, texts, strict=True)] for texts, _, _ in found])


def _recalibration_parts(report: Report, limit: int) -> Iterator[RenderableType]:
    from celoss_cli.render import recalibration

    if report.calibration is not None:
        yield first_that_fits(_reliability_tables(report), limit)
    rows = recalibration.ladder(report)
    header = ("ladder", report.unit, "")
    forms = [table(header[:columns], [row[:columns] for row in rows], "lrl") for columns in (3, 2)]
    yield first_that_fits([*forms, lines([[("", ""), *(row[:2] for row in rows)]])], limit)
    yield sentences(recalibration.sentences(report), limit)


def _change_tables(title: str, rows: Sequence[tuple[str, str]]) -> Iterator[RenderableType]:
    yield table((title, "now − then"), rows, "lr")
    yield lines([[(title, "")], *([one] for one in rows)])


def _class_tables(report: Report) -> Iterator[RenderableType]:
    rows = shown.classes(report)
    header = shown.class_header(report)
    align = "l" + "r" * (len(header) - 1)
    yield table((*header, ""), [(*texts, bar(share)) for texts, share in rows], align + "l")
    for columns in (len(header), 3):
        yield table(header[:columns], [texts[:columns] for texts, _ in rows], align)
    yield lines([[(texts[0], ""), *zip(header[1:], texts[1:], strict=True)] for texts, _ in rows])


def _group_parts(header: Sequence[str], rows: Sequence[Sequence[str]], more: str, limit: int) -> Iterator[RenderableType]:
    yield first_that_fits(_group_tables(header, rows), limit)
    if more:
        yield _wrapped(more, limit)


def _wrapped(text: str, limit: int) -> Text:
    # Wrapped here, as Rich leaves a blank at the end of a line that it folds.
    return Text("\n".join(textwrap.wrap(text, limit)), "dim")


def _group_tables(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[RenderableType]:
    for columns in (len(header), 5, 3):
        yield table(header[:columns], [texts[:columns] for texts in rows], "lrrrrr")
    yield lines([[(texts[0], ""), *zip(header[1:], texts[1:], strict=True)] for texts in rows])
