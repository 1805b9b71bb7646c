"""Owns `Report`: floats and texts, finished from a State; what every renderer and the JSON work from."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from celoss import __version__
from celoss.errors import Diagnostic, UsageError, escape, plural, shorten, unknown_name
from celoss.exact import mean, ratio, standard_error, units
from celoss.kernels import floored_loss
from celoss.plan import Finding, Plan
from celoss.sources import Source
from celoss.state import State

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "celoss.eval/1"
METRICS = (
    "log_loss",
    "kl_divergence",
    "label_entropy",
    "accuracy",
    "brier",
    "brier_sum",
    "reference_log_loss",
    "skill",
)

Number = float | None


@dataclass(frozen=True)
class ClassScores:
    """Scores of the rows whose true class this is; None where there are no such rows, or no loss to share."""

    name: str
    rows: int
    log_loss: Number
    recall: Number
    loss_share: Number


@dataclass(frozen=True)
class InputFacts:
    """What was read for one role. path is None for objects in memory."""

    path: str | None
    format: str
    rows: int


@dataclass(frozen=True)
class ZeroProbability:
    """How the mean depends on the floor: with eps below every positive true-class probability it is
    intercept + slope · (−ln eps). finite_mean: mean loss of the rows with a probability above 0."""

    rows: int
    finite_mean: Number
    intercept: Number
    slope: float


@dataclass(frozen=True)
class Report:
    """The result of one evaluation.

    metrics and standard_errors: by name, in the order of the output, rates as fractions and losses in nats; None where
    undefined, infinity where a loss is infinite (only with eps 0). clipped: rows whose true class got less than eps.
    """

    signature: str
    task: str
    classes: tuple[str, ...]
    positive: str | None
    scored: int
    clipped: int
    clipped_loss_share: Number
    ties: int
    predictions: InputFacts
    labels: InputFacts | None
    matched_by: tuple[str, ...]
    match: str
    label_columns: tuple[str, ...]
    eps: float
    rounded_deviation: float
    largest_deviation: float
    findings: tuple[Finding, ...]
    metrics: dict[str, Number]
    standard_errors: dict[str, Number]
    per_class: tuple[ClassScores, ...]
    zero_probability: ZeroProbability
    notes: tuple[Diagnostic, ...]
    score_rows: Callable[[], pd.DataFrame] | None = field(default=None, repr=False, compare=False)

    @property
    def log_loss(self) -> Number:
        """Mean log loss in nats."""
        return self.metrics["log_loss"]

    @property
    def rows(self) -> pd.DataFrame:
        """One line per row: row, id columns, label, predicted, correct, probability, loss, kl_divergence.

        Reads the inputs again, and holds all rows in memory.
        """
        if self.score_rows is None:
            raise AttributeError("this report has no rows: it was not made from inputs")
        return self.score_rows()

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values (`celoss schema eval`); what is not finite is null and named in `non_finite`."""
        non_finite: dict[str, str] = {}
        values = _strict(_as_values(self), "", non_finite)
        values["non_finite"] = non_finite
        values["notes"] = [{"code": note.code, "message": note.message, "rows": note.count} for note in self.notes]
        return dict(values)

    def to_json(self, indent: int | None = 2) -> str:
        """The JSON text that `celoss eval -f json` prints, without the final newline; `indent=None` for one line."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    def __str__(self) -> str:
        return f"log loss {self.log_loss} over {plural(self.scored, 'row')} [{self.signature}]"


def check_metric(name: str, option: str) -> None:
    """Raises UsageError (E601), with the nearest name, for a metric that does not exist."""
    if name not in METRICS:
        found = f"metrics: {', '.join(sorted(METRICS))}"
        raise UsageError(unknown_name("E601", f'no metric "{shorten(name)}"', name, option, METRICS, found))


def finish(plan: Plan, state: State, predictions: Source, labels: Source | None) -> Report:
    """Rounds the exact sums of a state, once, to the numbers of a report."""
    count = state.count
    loss = sum(state.loss)
    infinite = sum(state.zero) if plan.eps == 0.0 else 0
    half = 2 if len(plan.classes) == 2 else 1
    log_loss = math.inf if infinite else mean(loss, count)
    reference = _entropy(state.rows)
    accuracy, accuracy_error = _accuracy(state)
    brier_error = standard_error(sum(state.brier), sum(state.brier_squared), count)
    loss_error = None if infinite else standard_error(loss, sum(state.loss_squared), count)
    metrics: dict[str, Number] = {
        "log_loss": log_loss,
        # The label of every row is one class, so its entropy is 0, and KL(label ‖ prediction) = log loss − 0.
        "kl_divergence": log_loss,
        "label_entropy": 0.0,
        "accuracy": accuracy,
        "brier": mean(sum(state.brier), count * half),
        "brier_sum": mean(sum(state.brier), count),
        "reference_log_loss": reference,
        "skill": None if reference == 0.0 else (reference - log_loss) / reference,
    }
    return Report(
        signature=_signature(plan, count),
        task=plan.task,
        classes=plan.classes,
        positive=plan.positive,
        scored=count,
        clipped=sum(state.clipped),
        clipped_loss_share=_clipped_share(plan, state),
        ties=state.ties,
        predictions=InputFacts(predictions.path, predictions.format, count),
        labels=None if labels is None else InputFacts(labels.path, labels.format, count),
        matched_by=tuple(mine for mine, _ in plan.keys),
        match=plan.match(),
        label_columns=plan.label_columns,
        eps=plan.eps,
        rounded_deviation=max(plan.stored_deviation, plan.rounded_deviation),
        largest_deviation=plan.largest_deviation,
        findings=plan.findings,
        metrics=metrics,
        standard_errors={
            "log_loss": loss_error,
            "kl_divergence": loss_error,
            "accuracy": accuracy_error,
            "brier": None if brier_error is None else brier_error / half,
            "brier_sum": brier_error,
        },
        per_class=tuple(_class_scores(plan, state, index) for index in range(len(plan.classes))),
        zero_probability=_zero_probability(plan, state),
        notes=(*plan.notes, *_notes(plan, state)),
    )


def _signature(plan: Plan, count: int) -> str:
    match = escape(plan.match()).replace("|", "%7C")
    return (
        f"celoss|v:{__version__}|task:{plan.task}|k:{len(plan.classes)}|n:{count}|match:{match}|from:probs"
        f"|eps:{plan.eps!r}|base:e|sum:{plan.largest_deviation!r}|weights:no"
    )


def _entropy(rows: tuple[int, ...]) -> float:
    """Entropy of the label frequencies in nats: the loss of always predicting them. log1p keeps digits near one class."""
    count = sum(rows)
    return math.fsum(one / count * math.log1p((count - one) / one) for one in rows if one)


def _accuracy(state: State) -> tuple[float, Number]:
    credit = sum((Fraction(rows, m) for _, m, rows in state.credits), Fraction(0))
    squares = sum((Fraction(rows, m * m) for _, m, rows in state.credits), Fraction(0))
    spread = squares - credit**2 / state.count
    error = None if state.count < 2 else math.sqrt(spread / (state.count * (state.count - 1)))
    return float(credit / state.count), error


def _class_scores(plan: Plan, state: State, index: int) -> ClassScores:
    rows, loss, total = state.rows[index], state.loss[index], sum(state.loss)
    credit = sum((Fraction(count, m) for c, m, count in state.credits if c == index), Fraction(0))
    infinite = plan.eps == 0.0 and sum(state.zero) > 0
    log_loss = math.inf if plan.eps == 0.0 and state.zero[index] else mean(loss, rows) if rows else None
    share = None if infinite or total == 0 else ratio(loss, total)
    return ClassScores(plan.classes[index], rows, log_loss, float(credit / rows) if rows else None, share)


def _clipped_share(plan: Plan, state: State) -> Number:
    """Share of all loss that comes from the floored rows; undefined when losses are infinite or all zero."""
    if plan.eps == 0.0 or sum(state.loss) == 0:
        return None if sum(state.zero) else 0.0
    return ratio(sum(state.clipped) * units(floored_loss(plan.eps)), sum(state.loss))


def _zero_probability(plan: Plan, state: State) -> ZeroProbability:
    count, zero = state.count, sum(state.zero)
    floored = sum(state.clipped) * units(floored_loss(plan.eps)) if plan.eps else 0
    finite = sum(state.loss) - floored + state.unfloored
    return ZeroProbability(zero, mean(finite, count - zero) if count > zero else None, mean(finite, count), ratio(zero, count))


def _notes(plan: Plan, state: State) -> tuple[Diagnostic, ...]:
    notes = []
    clipped = sum(state.clipped)
    if clipped and plan.eps:
        share = _clipped_share(plan, state) or 0.0
        message = (
            f"{plural(clipped, 'row')} gave the true class less than eps ({plan.eps:.2g}); "
            f"{'it' if clipped == 1 else 'each'} counts as {floored_loss(plan.eps):.4f}, {share:.1%} of the loss"
        )
        notes.append(Diagnostic("N1", message, count=clipped))
    elif clipped:
        message = f"{plural(clipped, 'row')} gave the true class probability 0: with eps 0 the loss is infinite"
        notes.append(Diagnostic("N1", message, count=clipped))
    if state.certain == state.count:
        message = "all predictions of the true class are exactly 0 or 1; log loss then only counts mistakes"
        notes.append(Diagnostic("N2", message, count=state.count))
    absent = [name for name, rows in zip(plan.classes, state.rows, strict=True) if rows == 0]
    if absent and len(plan.columns) > 1:
        shown = ", ".join(f'"{shorten(name)}"' for name in absent[:5])
        more = f" and {len(absent) - 5} more" if len(absent) > 5 else ""
        verb = "is" if len(absent) == 1 else "are"
        message = f"{plural(len(absent), 'class', 'classes')} {verb} predicted but never in the labels: {shown}{more}"
        notes.append(Diagnostic("N3", message, count=0))
    if sum(1 for rows in state.rows if rows) == 1:
        message = "all labels are one class: the reference is 0 and skill is undefined"
        notes.append(Diagnostic("N4", message, count=state.count))
    if state.noted:
        largest = mean(state.deviation, 1)
        message = (
            f"{plural(state.noted, 'row')} {'sums' if state.noted == 1 else 'sum'} to 1 only within {largest:.2g}: "
            "more than rounding explains, scored as they are"
        )
        notes.append(Diagnostic("N5", message, count=state.noted))
    return tuple(notes)


def _as_values(report: Report) -> dict[str, Any]:
    """The JSON document in its fixed order, with floats that may still be infinite."""
    classes = [
        {
            "class": one.name,
            "rows": one.rows,
            "log_loss": one.log_loss,
            "recall": one.recall,
            "loss_share": one.loss_share,
        }
        for one in report.per_class
    ]
    zero = report.zero_probability
    return {
        "schema": SCHEMA,
        "celoss_version": __version__,
        "signature": report.signature,
        "task": report.task,
        "classes": list(report.classes),
        "positive_class": report.positive,
        "rows": {
            "read": report.scored,
            "scored": report.scored,
            "dropped": 0,
            "unmatched": 0,
            "clipped": report.clipped,
            "ties": report.ties,
        },
        "weight_sum": float(report.scored),
        "unit": "nats",
        "inputs": {
            "predictions": _facts(report.predictions),
            "labels": None if report.labels is None else _facts(report.labels),
            "matched_by": list(report.matched_by),
            "label_column": report.label_columns[0] if len(report.label_columns) == 1 else list(report.label_columns),
        },
        "options": {
            "eps": report.eps,
            "sum_tolerance": report.largest_deviation,
            "rounding_tolerance": report.rounded_deviation,
        },
        "plan": {"findings": [{"what": one.what, "value": one.value, "because": one.because} for one in report.findings]},
        "metrics": report.metrics,
        "standard_errors": report.standard_errors,
        "intervals": None,
        "per_class": classes,
        "groups": None,
        "calibration": None,
        "clipped": {"rows": report.clipped, "loss_share": report.clipped_loss_share},
        "zero_probability": {
            "rows": zero.rows,
            "finite_mean": zero.finite_mean,
            "intercept": zero.intercept,
            "slope": zero.slope,
        },
        "gate": None,
    }


def _facts(facts: InputFacts) -> dict[str, Any]:
    return {"path": facts.path, "format": facts.format, "rows": facts.rows}


def _strict(value: Any, path: str, non_finite: dict[str, str]) -> Any:
    """The value with null for what JSON cannot write, whose JSON Pointers (RFC 6901) go to `non_finite`."""
    if isinstance(value, dict):
        return {
            name: _strict(one, f"{path}/{name.replace('~', '~0').replace('/', '~1')}", non_finite)
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [_strict(one, f"{path}/{index}", non_finite) for index, one in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        non_finite[path] = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return None
    return value
