"""Owns the Markdown form: the table that people see, for a README, an issue or a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from celoss.report import Report
from celoss_cli.render import shown


def render(report: Report) -> str:
    """GitHub-flavoured Markdown: what was understood, the metrics, the classes, the signature."""
    inputs, understood = shown.heading(report)
    metrics = shown.metrics(report)
    header = shown.class_header(report)
    by_class = [texts for texts, _ in shown.classes(report)]
    parts = [
        f"**{cell(inputs)}**  \n{cell(understood)}",
        table(("metric", "value", shown.interval_title(report), ""), metrics, "lrrl"),
        *([cell(shown.tail(report))] if shown.tail(report) else []),
        *(table((cell(title), "now − then"), rows, "lr") for title, rows in [shown.changes(report)] if rows),
        table(header, by_class, "l" + "r" * (len(header) - 1)),
        *(table(shown.group_header(report, cell(by)), rows, "lrrrrr") for by, rows, _ in shown.groups(report)),
        *(cell(more) for _, _, more in shown.groups(report) if more),
        *(_recalibration_parts(report) if report.recalibration is not None else []),
        f"`{report.signature.replace('`', chr(39))}`",
    ]
    return "\n\n".join(parts) + "\n"


def _recalibration_parts(report: Report) -> list[str]:
    from celoss_cli.render import recalibration, reliability

    rows = [row[:2] for row in recalibration.ladder(report)]
    bins = [(*texts, interval) for texts, interval, _ in reliability.rows(report)]
    header = (*reliability.HEADER, shown.interval_title(report))
    return [
        *([table(header, bins, "lrrrr")] if bins else []),
        table(("ladder", report.unit), rows, "lr"),
        *map(cell, recalibration.sentences(report)),
    ]


def table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    marks = ["---:" if one == "r" else "---" for one in align]
    lines = [header, marks, *([cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    """The text with Markdown's and HTML's own characters escaped."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace("\\", "\\\\")
    for mark in "|*_`[]":
        text = text.replace(mark, "\\" + mark)
    return text
