"""Owns how people see the parts of a report: words for what was understood, six decimals for numbers."""

from __future__ import annotations

import math

from celoss.errors import escape, plural, shorten
from celoss.report import Report

NAMES = {
    "log_loss": "log loss",
    "reference_log_loss": "reference",
    "skill": "skill",
    "brier": "brier",
    "accuracy": "accuracy",
    "kl_divergence": "kl divergence",
}


def heading(report: Report) -> list[str]:
    """Two lines: the inputs, and what was understood of them. A wrong guess there is the costliest error."""
    names = [facts.path or facts.format for facts in (report.predictions, report.labels) if facts is not None]
    by = {"position": "by position", "row": ""}.get(report.match, f"by {shorten(report.match)}")
    matched = f"matched {by}" if by else "with their labels"
    task = report.task if report.task == "binary" else f"{report.task}, {len(report.classes):,} classes"
    parts = [task, f"{plural(report.scored, 'row')} {matched}"]
    if report.positive is not None:
        share = _rows_of(report, report.positive) / report.scored
        parts.append(f"positive class {shorten(report.positive)} ({percent(share)})")
    return [escape(" × ".join(names)), " · ".join(parts)]


def _rows_of(report: Report, name: str) -> int:
    return next(one.rows for one in report.per_class if one.name == name)


def metrics(report: Report) -> list[tuple[str, str, str, str]]:
    """(name, value, standard error, remark) of each metric that people read."""
    remarks = {
        "log_loss": "nats per row",
        "reference_log_loss": "log loss of the label frequencies",
        "skill": "1 − log loss / reference",
        "brier": "mean (p − y)², 0 to 1" if len(report.classes) == 2 else "mean Σ (p − y)² over classes, 0 to 2",
        "accuracy": "a tie of m classes counts 1/m",
        "kl_divergence": "equals log loss for single labels",
    }
    rows = []
    for name, title in NAMES.items():
        value = report.metrics[name]
        shown = percent(value) if name == "skill" else number(value)
        rows.append((title, shown, number(report.standard_errors.get(name), absent=""), remarks[name]))
    return rows


def classes(report: Report) -> list[tuple[tuple[str, ...], float]]:
    """((class, rows, log loss, recall, share of the loss), the share as a number) of each class."""
    return [
        (
            (shorten(one.name), f"{one.rows:,}", number(one.log_loss), number(one.recall), percent(one.loss_share)),
            one.loss_share or 0.0,
        )
        for one in report.per_class
    ]


def number(value: float | None, absent: str = "–") -> str:
    """Six decimals, or six significant digits where those would show nothing."""
    if value is None:
        return absent
    if math.isinf(value):
        return "inf"
    return f"{value:.6f}" if value == 0 or abs(value) >= 1e-3 else f"{value:.6g}"


def percent(share: float | None) -> str:
    """A share in percent with two decimals."""
    return "–" if share is None else "−inf" if math.isinf(share) else f"{share:.2%}".replace("%", " %")
