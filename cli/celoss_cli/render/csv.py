"""Owns the CSV form: one line for each metric of all rows, of each class and of each group, every digit kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from celoss.intervals import Interval
from celoss.report import Report

COLUMNS = ("scope", "class", "metric", "value", "standard_error", "low", "high", "signature")


def render(report: Report) -> str:
    """Tidy CSV (RFC 4180 quoting, newline \\n); an undefined value is empty, an infinite one `inf`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for scope, name, metric, value, error, interval in _values(report):
        low, high = (None, None) if interval is None else (interval.low, interval.high)
        writer.writerow([scope, name, metric, *map(_number, (value, error, low, high)), report.signature])
    return text.getvalue()


def _values(report: Report) -> Iterator[tuple[str, str, str, float | int | None, float | None, Interval | None]]:
    yield "all", "", "rows", report.row_counts.scored, None, None
    for metric, value in report.metrics.items():
        yield "all", "", metric, value, report.standard_errors.get(metric), report.intervals.get(metric)
    for one in report.per_class:
        yield "class", one.name, "rows", one.rows, None, None
        yield "class", one.name, "weight", one.weight, None, None
        yield "class", one.name, "log_loss", one.log_loss, None, None
        yield "class", one.name, "recall", one.recall, None, one.recall_interval
        yield "class", one.name, "accuracy", one.accuracy, None, None
        yield "class", one.name, "loss_share", one.loss_share, None, None
    for group in report.groups or ():
        yield f"by {group.by}", group.value, "rows", group.rows, None, None
        yield f"by {group.by}", group.value, "weight", group.weight, None, None
        for metric, value in group.metrics.items():
            yield f"by {group.by}", group.value, metric, value, group.standard_errors.get(metric), group.intervals.get(metric)


def _number(value: float | int | None) -> str:
    return "" if value is None else repr(value)
