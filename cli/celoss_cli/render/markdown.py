"""Owns the Markdown form: the table that people see, for a README, an issue or a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from celoss.report import Report
from celoss_cli.render import shown


def render(report: Report) -> str:
    """GitHub-flavoured Markdown: what was understood, the metrics, the classes, the signature."""
    inputs, understood = shown.heading(report)
    metrics = [(name, value, error, remark) for name, value, error, remark in shown.metrics(report)]
    header = shown.class_header(report)
    by_class = [texts for texts, _ in shown.classes(report)]
    parts = [
        f"**{_cell(inputs)}**  \n{_cell(understood)}",
        _table(("metric", "value", "standard error", ""), metrics, "lrrl"),
        _table(header, by_class, "l" + "r" * (len(header) - 1)),
        *(_table((_cell(by), *shown.GROUP_HEADER[1:]), rows, "lrrrrr") for by, rows, _ in shown.groups(report)),
        *(_cell(more) for _, _, more in shown.groups(report) if more),
        f"`{report.signature.replace('`', chr(39))}`",
    ]
    return "\n\n".join(parts) + "\n"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    marks = ["---:" if one == "r" else "---" for one in align]
    lines = [header, marks, *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    """The text with Markdown's and HTML's own characters escaped."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace("\\", "\\\\")
    for mark in "|*_`[]":
        text = text.replace(mark, "\\" + mark)
    return text
