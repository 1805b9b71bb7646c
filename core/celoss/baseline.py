"""Owns the baseline: an earlier report, read back from its JSON, and whether a difference from it means anything."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from celoss.documents import NUMBER, NoReportError, by_class, document_of, part, read_report
from celoss.errors import CelossError, Diagnostic, Place, escape, listed, plural, shorten
from celoss.metrics import CHANGE, METRICS, Number
from celoss.records import dataclass

if TYPE_CHECKING:
    from celoss.report import Report

TOP = re.compile(r"top_[1-9][0-9]*_accuracy")
# Options that decide what a number means. How the probabilities are stored, and how far a row may be off 1, do not.
MEANING = {
    "--as": "as",
    "--eps": "eps",
    "--class-weights": "class_weights",
    "--smoothing": "smoothing",
    "--renormalize": "renormalize",
    "--normalize-labels": "normalize_labels",
    "--reduce-labels": "reduce_labels",
    "--bins": "bins",
    "--prior": "prior",
    "--ties": "ties",
    "--missing": "missing",
    "--id-match": "id_match",
}
# Entropies of the same labels may differ in the last digit between machines.
ROUNDING = 1e-9
NUMBER_OR_NOT = (*NUMBER, type(None))


@dataclass(frozen=True)
class Scored:
    """What the numbers of a report rest on.

    facts: by name, each as a value that is compared and as a text. rows, weights: of each class, as the labels have them.
    """

    facts: dict[str, tuple[Any, str]]
    rows: dict[str, int]
    weights: dict[str, float]
    reference: Number


@dataclass(frozen=True)
class Baseline:
    """An earlier report. path: its file, None for one in memory. metrics: by name, as they were then."""

    path: str | None
    celoss_version: str
    signature: str
    metrics: dict[str, Number]
    scored: Scored

    def to_dict(self) -> dict[str, Any]:
        """The facts about the baseline as JSON values."""
        return {"path": self.path, "celoss_version": self.celoss_version, "signature": self.signature}

    def changes(self, metrics: Mapping[str, Number]) -> dict[str, Number]:
        """`log_loss_change` and so on: now − then, of the metrics of either; None where one of the two is undefined."""
        names = (*metrics, *(name for name in self.metrics if name not in metrics))
        return {f"{name}{CHANGE}": _change(metrics.get(name), self.metrics.get(name)) for name in names}


def _change(now: Number, then: Number) -> Number:
    if now is None or then is None or (math.isinf(now) and now == then):
        return None
    return now - then


def read_baseline(given: Any) -> Baseline:
    """The baseline of a file that `celoss eval -f json` wrote, of a Report, or of what its `to_dict` gives.

    Raises CelossError (E602) for anything else.
    """
    path = str(given) if isinstance(given, str) or hasattr(given, "__fspath__") else None
    try:
        return _baseline(read_report(given), path)
    except NoReportError as error:
        raise _error(path, "cannot be used", (f"found: {error}",), "make it: celoss eval PREDS LABELS -o prev.json") from None


def _error(path: str | None, what: str, reasons: tuple[str, ...], advice: str) -> CelossError:
    name = "the baseline" if path is None else f"the baseline '{escape(path)}'"
    place = Place("option --baseline" if path is None else f"option --baseline {path}")
    return CelossError(Diagnostic("E602", f"{name} {what}", (place,), details=reasons, help=advice))


def _baseline(document: Mapping[str, Any], path: str | None) -> Baseline:
    """The parts of a document that are used, each seen to be what it should be. Raises NoReportError."""
    version, signature = (part(document, str, name) for name in ("celoss_version", "signature"))
    return Baseline(path, version, signature, _metrics(document), _scored(document))


def _metrics(document: Mapping[str, Any]) -> dict[str, Number]:
    """The metrics of a document by name, without changes from a baseline of its own; a null can stand for an infinity."""
    non_finite = document.get("non_finite")
    found: dict[str, Number] = {}
    for name in part(document, Mapping, "metrics"):
        if name in METRICS or TOP.fullmatch(name):
            value = part(document, NUMBER_OR_NOT, "metrics", name)
            if value is None and isinstance(non_finite, Mapping):
                value = {"Infinity": math.inf, "-Infinity": -math.inf}.get(str(non_finite.get(f"/metrics/{name}")))
            found[name] = None if value is None else float(value)
    return found


def _scored(document: Mapping[str, Any]) -> Scored:
    classes = [str(name) for name in part(document, list, "classes")]
    options = part(document, Mapping, "options")
    task, unit, rows = part(document, str, "task"), part(document, str, "unit"), part(document, int, "rows", "scored")
    weighted = part(document, Mapping, "inputs").get("weight_column") is not None
    facts = {
        "task": (task, f"task {shorten(task)}"),
        "classes": (sorted(classes), f"{plural(len(classes), 'class', 'classes')} ({listed(classes, 6)})"),
        "unit": (unit, f"losses in {shorten(unit)}"),
        "weights": (weighted, "--weights" if weighted else "no --weights"),
        # An option that another version does not have decides nothing there.
        **{option: (options[name], f"{option} {_shown(options[name])}") for option, name in MEANING.items() if name in options},
        "rows": (rows, plural(rows, "row")),
    }
    return Scored(
        facts,
        by_class(document, int, "rows"),
        by_class(document, NUMBER, "weight"),
        part(document, NUMBER_OR_NOT, "metrics", "reference_log_loss"),
    )


def _shown(value: Any) -> str:
    """An option's value as text."""
    if value is None or isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return shorten(",".join(f"{name}={weight}" for name, weight in value.items()))
    return shorten(str(value))


def check_comparable(baseline: Baseline, report: Report) -> None:
    """Raises CelossError (E602), with every reason, where a difference from the baseline would mean nothing."""
    then, now = baseline.scored, _scored(document_of(report))
    changed = [name for name in now.facts if name in then.facts and then.facts[name][0] != now.facts[name][0]]
    reasons = [f"found: {then.facts[name][1]}; now: {now.facts[name][1]}" for name in changed]
    reasons += [f"found: other labels: {reason}" for reason in _other_labels(then, now, set(changed))]
    if not reasons:
        return
    again = "score the baseline's predictions as these are, and keep that: celoss eval PREDS LABELS -o prev.json"
    raise _error(baseline.path, "is not comparable", tuple(reasons), f"if the change is meant, {again}")


def _other_labels(then: Scored, now: Scored, changed: set[str]) -> Iterator[str]:
    """The first sign that the labels are not the same, as far as other changes let it be seen."""
    if changed & {"task", "classes", "rows"}:
        return
    for name, rows in now.rows.items():
        if then.rows.get(name) != rows:
            yield f'class "{shorten(name)}" has {plural(then.rows.get(name, 0), "row")}; now: {rows:,}'
            return
    for name, weight in now.weights.items():
        if "weights" not in changed and not _equal(then.weights[name], weight):
            yield f'class "{shorten(name)}" has a weight of {then.weights[name]}; now: {weight}'
            return
    if not changed and not _equal(then.reference, now.reference):
        yield f"their reference_log_loss is {then.reference}; now: {now.reference}"


def _equal(left: Number, right: Number) -> bool:
    return left == right if left is None or right is None else math.isclose(left, right, rel_tol=ROUNDING, abs_tol=ROUNDING)
