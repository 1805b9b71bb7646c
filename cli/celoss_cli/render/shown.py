"""Owns how people see the parts of a report: words for what was understood, six decimals for numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from celoss.errors import escape, plural, shorten
from celoss.report import ClassScores, GroupScores, Report

NAMES = {
    "log_loss": "log loss",
    "reference_log_loss": "reference",
    "skill": "skill",
    "brier": "brier",
    "accuracy": "accuracy",
    "kl_divergence": "kl divergence",
    "label_entropy": "label entropy",
}
MOST_GROUPS = 20


def heading(report: Report) -> list[str]:
    """Two lines: the inputs, and what was understood of them. A wrong guess there is the costliest error."""
    plan, counts = report.plan, report.row_counts
    paths = [facts.path or facts.format for facts in (report.predictions, report.labels) if facts is not None]
    match = plan.match()
    by = {"position": "by position", "row": ""}.get(match, f"by {shorten(match)}")
    matched = f"matched {by}" if by else "with their labels"
    task = plan.task if plan.task == "binary" else f"{plan.task}, {_number_of(report)}"
    parts = [task, f"{plural(counts.scored, 'row')} {matched}"]
    if counts.read > counts.scored:
        parts.append(f"{counts.read:,} read")
    if plan.positive is not None and report.weight:
        # Of the labels as they are: class weights do not count here.
        weights = {one.name: one.weight for one in report.per_class}
        share = weights[plan.positive] / math.fsum(weights.values())
        parts.append(f"positive class {shorten(plan.positive)} ({percent(share)})")
    parts += [_OPTIONS[what](report) for what in _OPTIONS if _OPTIONS[what](report)]
    return [escape(" × ".join(paths)), " · ".join(parts)]


def _number_of(report: Report) -> str:
    return plural(len(report.classes), *(("label",) if report.task == "multilabel" else ("class", "classes")))


# What changes the numbers and is not at its default, in words.
_OPTIONS: dict[str, Callable[[Report], str]] = {
    "scale": lambda report: "" if report.plan.scale == "probs" else f"from {report.plan.scale}",
    "weights": lambda report: _weights_text(report),
    "class weights": lambda report: _class_weights_text(report),
    "smoothing": lambda report: f"smoothing {smoothing:g}" if (smoothing := report.plan.options.smoothing) else "",
    "renormalize": lambda report: "renormalized" if report.plan.options.renormalize else "",
    "convention": lambda report: f"losses as {report.plan.options.convention}" if report.plan.options.convention else "",
}


def _weights_text(report: Report) -> str:
    if report.plan.weights is None:
        return ""
    effective = "" if report.effective_rows is None else f", worth {report.effective_rows:,.1f} equal rows"
    return f"weights {shorten(report.plan.weights[1])}{effective}"


def _class_weights_text(report: Report) -> str:
    given = report.plan.options.class_weights
    if given is None:
        return ""
    return "classes balanced" if isinstance(given, str) else "class weights"


def metrics(report: Report) -> list[tuple[str, str, str, str]]:
    """(name, value, standard error, remark) of each metric that people read."""
    plan = report.plan
    independent = plan.task == "multilabel"
    shared = plan.shares and not (independent and report.metrics["label_entropy"] == 0.0)
    mean = "mean over labels" if plan.options.reduce_labels == "mean" else "sum over labels"
    brier = "mean (p − y)², 0 to 1" if len(plan.classes) == 2 or independent else "mean Σ (p − y)² over classes, 0 to 2"
    remarks = {
        "log_loss": f"{report.unit} per row" + (f", {mean}" if independent else ""),
        "reference_log_loss": "log loss of the label frequencies",
        "skill": "1 − log loss / reference" if not shared else "share of the avoidable loss that was avoided",
        "brier": brier,
        "accuracy": "share of labels on the right side of 0.5" if independent else "a tie of m classes counts 1/m",
        "kl_divergence": "log loss less label entropy" if shared else "equals log loss for single labels",
        "label_entropy": "what the labels leave open: no forecast goes below",
    }
    if plan.options.ties == "first":
        remarks["accuracy"] = "of tied classes the first counts"
    titles = dict(NAMES) if shared else {name: title for name, title in NAMES.items() if name != "label_entropy"}
    rows = []
    for name, title in _with_top(report, titles):
        value = report.metrics[name]
        shown = percent(value) if name == "skill" else number(value)
        rows.append((title, shown, number(report.standard_errors.get(name), absent=""), remarks.get(name, "")))
    return rows


def _with_top(report: Report, titles: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, title in titles.items():
        yield name, title
        if name == "accuracy":
            yield from ((f"top_{size}_accuracy", f"top-{size} accuracy") for size in report.plan.options.top_k)


def class_header(report: Report) -> tuple[str, ...]:
    """Names of the columns of the table by class."""
    if report.task == "multilabel":
        return ("label", "positive", "log loss", "accuracy", "recall", "share of loss")
    if report.task == "soft":
        return ("class", "share", "log loss", "share of loss")
    return ("class", "rows", "log loss", "recall", "share of loss")


def classes(report: Report) -> list[tuple[tuple[str, ...], float]]:
    """(the texts of a class under `class_header`, its share of the loss as a number) of each class."""
    return [(_class_texts(report, one), one.loss_share or 0.0) for one in report.per_class]


def _class_texts(report: Report, one: ClassScores) -> tuple[str, ...]:
    name, share = shorten(one.name), percent(one.loss_share)
    if report.task == "multilabel":
        return (name, f"{one.rows:,}", number(one.log_loss), number(one.accuracy), number(one.recall), share)
    if report.task == "soft":
        return (name, percent(one.weight / report.weight if report.weight else None), number(one.log_loss), share)
    return (name, f"{one.rows:,}", number(one.log_loss), number(one.recall), share)


GROUP_HEADER = ("value", "rows", "log loss", "± std. error", "accuracy", "skill")


def groups(report: Report) -> list[tuple[str, list[tuple[str, ...]], str]]:
    """(column, texts under `GROUP_HEADER` of its largest groups, what is not shown) for each --by column."""
    found = []
    for by in dict.fromkeys(one.by for one in report.groups or ()):
        every = [one for one in report.groups or () if one.by == by]
        largest = sorted(every, key=lambda one: -one.rows)[:MOST_GROUPS]
        shown = [one for one in every if one in largest]
        rest = len(every) - len(shown)
        more = f"{rest:,} more groups are not shown; -f json or csv has them all" if rest else ""
        found.append((shorten(by), [_group_texts(one) for one in shown], more))
    return found


def _group_texts(one: GroupScores) -> tuple[str, ...]:
    metrics, error = one.metrics, one.standard_errors["log_loss"]
    return (
        shorten(one.value) or "(empty)",
        f"{one.rows:,}",
        number(metrics["log_loss"]),
        number(error, absent=""),
        number(metrics["accuracy"]),
        percent(metrics["skill"]),
    )


def number(value: float | None, absent: str = "–") -> str:
    """Six decimals, or six significant digits where those would show nothing."""
    if value is None:
        return absent
    if math.isinf(value):
        return "inf"
    return f"{value:.6f}" if value == 0 or abs(value) >= 1e-3 else f"{value:.6g}"


def signed(value: float) -> str:
    """A number with its sign."""
    return f"{'−' if value < 0 else '+'}{number(abs(value))}"


def percent(share: float | None) -> str:
    """A share in percent with two decimals."""
    return "–" if share is None else "−inf" if math.isinf(share) else f"{share:.2%}".replace("%", " %")
