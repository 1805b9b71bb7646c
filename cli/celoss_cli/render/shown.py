"""Owns how people see the parts of a report: words for what was understood, six decimals for numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from celoss.errors import escape, plural, shorten
from celoss.intervals import Interval
from celoss.metrics import CHANGE
from celoss.report import ClassScores, GroupScores, Report

NAMES = {
    "log_loss": "log loss",
    "reference_log_loss": "reference",
    "skill": "skill",
    "brier": "brier",
    "accuracy": "accuracy",
    "ece": "ece",
    "kl_divergence": "kl divergence",
    "label_entropy": "label entropy",
}
MOST_GROUPS = 20


def heading(report: Report) -> list[str]:
    """Two lines: the inputs, and what was understood of them. A wrong guess there is the costliest error."""
    plan, counts = report.plan, report.row_counts
    paths = [facts.path or facts.format for facts in (report.predictions, report.labels) if facts is not None]
    parts = [task(report), f"{plural(counts.scored, 'row')} {matched(report)}"]
    if counts.read > counts.scored:
        parts.append(f"{counts.read:,} read")
    if plan.positive is not None and report.weight:
        # Of the labels as they are: class weights do not count here.
        weights = {one.name: one.weight for one in report.per_class}
        share = weights[plan.positive] / math.fsum(weights.values())
        parts.append(f"positive class {shorten(plan.positive)} ({percent(share)})")
    return [escape(" × ".join(paths)), " · ".join([*parts, *options(report)])]


def task(report: Report) -> str:
    """The task, and of how many classes."""
    return report.task if report.task == "binary" else f"{report.task}, {_number_of(report)}"


def matched(report: Report) -> str:
    """How rows came together with their labels."""
    match = report.plan.match()
    if match == "row":
        return "with their labels"
    return f"matched by {match if match == 'position' else shorten(match)}"


def options(report: Report) -> list[str]:
    """What changes the numbers and is not at its default, in words."""
    return [text for one in _OPTIONS.values() if (text := one(report))]


def _number_of(report: Report) -> str:
    return plural(len(report.classes), *(("label",) if report.task == "multilabel" else ("class", "classes")))


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
    """(name, value, interval, remark) of each metric that people read."""
    plan = report.plan
    independent = plan.task == "multilabel"
    shared = plan.shares and not (independent and report.metrics["label_entropy"] == 0.0)
    mean = "mean over labels" if plan.options.reduce_labels == "mean" else "sum over labels"
    brier = "mean (p − y)², 0 to 1" if len(plan.classes) == 2 or independent else "mean Σ (p − y)², 0 to 2"
    remarks = {
        "log_loss": f"{report.unit} per row" + (f", {mean}" if independent else ""),
        "reference_log_loss": f"of the {'label frequencies' if report.prior is None else 'prior'}",
        "skill": "1 − log loss / reference" if not shared else "share of what was avoidable",
        "brier": brier,
        "ece": _ece_text(report),
        "accuracy": "labels right at threshold 0.5" if independent else "a tie of m classes counts 1/m",
        "kl_divergence": "log loss less label entropy" if shared else "log loss, for single labels",
        "label_entropy": "no forecast goes below it",
    }
    if plan.options.ties == "first":
        remarks["accuracy"] = "of tied classes the first counts"
    titles = dict(NAMES) if shared else {name: title for name, title in NAMES.items() if name != "label_entropy"}
    rows = []
    for name, title in _with_top(report, titles):
        value = report.metrics[name]
        shown = percent(value) if name == "skill" else number(value)
        rows.append(
            (title, shown, bounds(report.intervals.get(name), percent if name == "skill" else number), remarks.get(name, ""))
        )
    return rows


def _ece_text(report: Report) -> str:
    if report.calibration is None:
        return "not under class weights"
    of = "" if report.calibration.of == "positive class" else f"{report.calibration.of}, "
    return f"{of}{plural(report.calibration.bins, 'equal-mass bin')}"


def interval_title(report: Report) -> str:
    """The title of a column of intervals."""
    return f"{100.0 * report.confidence:g} % interval"


def bounds(interval: Interval | None, shown: Callable[[float | None], str] | None = None) -> str:
    """The bounds of an interval; nothing without one."""
    shown = shown or number
    return "" if interval is None else f"{shown(interval.low)} … {shown(interval.high)}"


def tail(report: Report) -> str:
    """How much of the loss few rows carry, in words; nothing where that is undefined or they are all rows."""
    found = report.tail
    if found is None or found.worst_1_percent.loss_share is None or report.row_counts.scored <= found.worst_10.rows:
        return ""
    text = f"the worst {found.worst_10.rows} rows carry {percent(found.worst_10.loss_share)} of the loss"
    if found.worst_1_percent.rows > found.worst_10.rows:
        text += f", the worst 1 % of all rows {percent(found.worst_1_percent.loss_share)}"
    return text


def _with_top(report: Report, titles: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, title in titles.items():
        yield name, title
        if name == "accuracy":
            yield from ((f"top_{size}_accuracy", f"top-{size} accuracy") for size in report.plan.options.top_k)


# Of the same labels: they cannot change.
_OF_LABELS = ("reference_log_loss", "label_entropy")


def changes(report: Report) -> tuple[str, list[tuple[str, str]]]:
    """The title, and (name, now − then) of each metric that people read; no lines without a baseline."""
    if report.baseline is None:
        return "", []
    titles = {name: title for name, title in NAMES.items() if name not in _OF_LABELS}
    named = [(title, report.metrics[f"{name}{CHANGE}"]) for name, title in _with_top(report, titles)]
    rows = [(title, "–" if one is None else signed(one) if one else "no change") for title, one in named]
    return f"change since {shorten(report.baseline.path or 'the baseline')}", rows


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


def group_header(report: Report, by: str) -> tuple[str, ...]:
    """Names of the columns of the table by the values of a --by column."""
    return (by, "rows", "log loss", interval_title(report), "accuracy", "skill")


def groups(report: Report) -> list[tuple[str, list[tuple[str, ...]], str]]:
    """(column, texts under `group_header` of its largest groups, what is not shown) for each --by column."""
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
    metrics = one.metrics
    return (
        shorten(one.value) or "(empty)",
        f"{one.rows:,}",
        number(metrics["log_loss"]),
        bounds(one.intervals.get("log_loss")),
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
