"""Owns `Report`: floats and texts, finished from a State; what every renderer and the JSON work from."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from celoss import __version__
from celoss.calibration import Calibration, calibration
from celoss.conventions import CONVENTIONS
from celoss.errors import Diagnostic, Place, UsageError, escape, plural, shorten, unknown_name
from celoss.exact import UNITS_PER_ONE
from celoss.intervals import Interval, wilson_interval
from celoss.metrics import CHANGE, METRICS, Number, Tally, class_weights, names
from celoss.naming import class_order
from celoss.notes import notes_on
from celoss.plan import BALANCED, Plan
from celoss.records import dataclass
from celoss.sources import Source
from celoss.spread import Exact
from celoss.state import State
from celoss.uncertainty import intervals

if TYPE_CHECKING:
    import pandas as pd

    from celoss.baseline import Baseline
    from celoss.gates import Gate
    from celoss.recalibration import Recalibration

SCHEMA = "celoss.eval/1"
UNITS = {"e": "nats", "2": "bits", "10": "bans"}


@dataclass(frozen=True)
class ClassScores:
    """Scores of one class; None where undefined.

    rows: whose label is this class; of shares those that have some of it, of independent labels those that have it.
    weight: Σ w t. log_loss: mean over the rows of the class (by their shares), of independent labels over all rows.
    recall: accuracy over the rows of the class; None for shares; recall_interval: Wilson's. accuracy: of independent labels.
    loss_share: of all loss.
    """

    name: str
    rows: int
    weight: float
    log_loss: Number
    recall: Number
    recall_interval: Interval | None
    accuracy: Number
    loss_share: Number


@dataclass(frozen=True)
class GroupScores:
    """The metrics of the rows with one value of a --by column."""

    by: str
    value: str
    rows: int
    weight: float
    metrics: dict[str, Number]
    standard_errors: dict[str, Number]
    intervals: dict[str, Interval]


@dataclass(frozen=True)
class InputFacts:
    """What was read for one role. path is None for objects in memory."""

    path: str | None
    format: str
    rows: int


@dataclass(frozen=True)
class RowCounts:
    """Every row of the predictions: read = scored + dropped + unmatched.

    dropped: left out for a missing value. unmatched: without a label (of the labels: without a prediction). filled: scored
    with a uniform forecast in place of a missing one. clipped: with a floored probability. ties: several classes at the
    top. weightless: with weight 0.
    """

    read: int
    scored: int
    dropped: int
    unmatched: int
    unmatched_labels: int
    filled: int
    clipped: int
    ties: int
    weightless: int


@dataclass(frozen=True)
class ZeroProbability:
    """How the mean depends on the floor: with eps below every positive probability of a label it is
    intercept + slope · (−log eps), in the unit of the report. finite_mean: mean loss of the rows without a probability of 0."""

    rows: int
    finite_mean: Number
    intercept: Number
    slope: Number


@dataclass(frozen=True)
class Carried:
    """What share of all loss the largest contributions carry, of so many rows; None where losses are infinite or all 0."""

    rows: int
    loss_share: Number


@dataclass(frozen=True)
class TailHealth:
    """How much of the loss few rows carry: a hundredth of the rows (of more than ten within 0.4 %), ten, and one of them."""

    worst_1_percent: Carried
    worst_10: Carried
    worst: Carried


@dataclass(frozen=True)
class Reporting:
    """What the user may choose of a report, without any effect on what is summed. confidence: of the intervals, 0 … 1.
    prior: (class, share) of the reference forecast; None: the label frequencies of the same rows."""

    confidence: float = 0.95
    prior: tuple[tuple[str, float], ...] | None = None


NO_REPORTING = Reporting()


@dataclass(frozen=True)
class Report:
    """The result of one evaluation.

    metrics and standard_errors: by name, in the order of the output, rates as fractions and losses in `unit`; None where
    undefined, infinity where a loss is infinite (only without a floor). groups: one for each value of each --by column.
    intervals: of the metrics that have one, in their unit, at `confidence`. clusters: how many have a weight; None without.
    tail, calibration: None under class weights. effective_rows: Kish's (Σ w)² / Σ w².
    """

    signature: str
    plan: Plan
    row_counts: RowCounts
    weight: float
    effective_rows: Number
    clipped_loss_share: Number
    predictions: InputFacts
    labels: InputFacts | None
    metrics: dict[str, Number]
    standard_errors: dict[str, Number]
    intervals: dict[str, Interval]
    confidence: float
    clusters: int | None
    tail: TailHealth | None
    calibration: Calibration | None
    per_class: tuple[ClassScores, ...]
    groups: tuple[GroupScores, ...] | None
    zero_probability: ZeroProbability
    notes: tuple[Diagnostic, ...]
    recalibration: Recalibration | None = None
    prior: tuple[tuple[str, float], ...] | None = None
    baseline: Baseline | None = None
    gate: Gate | None = None
    score_rows: Callable[[], pd.DataFrame] | None = field(default=None, repr=False, compare=False)

    @property
    def task(self) -> str:
        """binary, multiclass, soft or multilabel."""
        return self.plan.task

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in their order."""
        return self.plan.classes

    @property
    def unit(self) -> str:
        """nats, bits or bans."""
        return UNITS[self.plan.options.base]

    @property
    def log_loss(self) -> Number:
        """Mean log loss in `unit`."""
        return self.metrics["log_loss"]

    def interval(self, metric: str) -> tuple[float, float] | None:
        """The bounds of a metric at `confidence`; None where it has no interval."""
        found = self.intervals.get(metric)
        return None if found is None else (found.low, found.high)

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
        return document(_as_values(self), self.notes)

    def to_json(self, indent: int | None = 2) -> str:
        """The JSON text that `celoss eval -f json` prints, without the final newline; `indent=None` for one line."""
        return json_text(self.to_dict(), indent)

    def __str__(self) -> str:
        return f"log loss {self.log_loss} over {plural(self.row_counts.scored, 'row')} [{self.signature}]"


def check_metric(name: str, option: str, top_k: Sequence[int] = (), changes: bool = False, limit: str = "") -> None:
    """Raises UsageError (E601), with the nearest name, for a metric that does not exist.

    changes: whether there is a baseline, and so a change of each metric. limit: what the option compares it with.
    """
    known = (*METRICS, *(f"top_{size}_accuracy" for size in top_k))
    plain = name.removesuffix(CHANGE)
    if plain in known and (plain == name or changes):
        return
    every = (*known, *(f"{one}{CHANGE}" for one in known)) if changes else known
    found = f"metrics: {', '.join(sorted(known))}" + (f"; {CHANGE} after each" if changes else "")
    error = unknown_name("E601", f'no metric "{shorten(name)}"', name, option, every, found)
    if limit:
        places, advice = (Place(f"option {option} {name}={limit}"),), error.help.replace("?", f"={limit}?")
        error = replace(error, places=places, help=advice)
    size = re.fullmatch(r"top_([1-9][0-9]*)_accuracy", plain)
    if size and plain not in known:
        error = replace(error, help=f"add --top-k {size[1]}")
    elif plain in known:
        error = replace(error, help="a change is from an earlier report: add --baseline prev.json")
    raise UsageError(error)


def finish(plan: Plan, state: State, predictions: Source, labels: Source | None, reporting: Reporting = NO_REPORTING) -> Report:
    """Rounds the exact sums of a state, once, to the numbers of a report."""
    prior = None if reporting.prior is None else tuple(share for _, share in reporting.prior)
    tally = Tally.of_all(plan, state, prior)
    confidence = reporting.confidence
    reliability = calibration(plan, state.forecasts, confidence)
    whole = tally.total("loss" if plan.hard else "class_loss")
    metrics, errors = tally.metrics()
    metrics["ece"] = None if reliability is None else reliability.ece
    counts = _row_counts(state, tally)
    common = counts.scored + counts.dropped
    label_rows = common + counts.unmatched_labels
    return Report(
        signature=_signature(plan, counts.scored, prior=prior is not None),
        plan=plan,
        row_counts=counts,
        weight=float(tally.weight / UNITS_PER_ONE),
        effective_rows=tally.effective_rows,
        clipped_loss_share=tally.clipped_share,
        predictions=InputFacts(predictions.path, predictions.format, counts.read),
        labels=None if labels is None else InputFacts(labels.path, labels.format, label_rows),
        metrics={name: metrics[name] for name in names(plan)},
        standard_errors={name: errors[name] for name in names(plan) if name in errors},
        intervals=intervals(plan, tally, {name: metrics[name] for name in names(plan)}, confidence),
        confidence=confidence,
        clusters=tally.units if plan.cluster else None,
        tail=_tail(plan, state, tally),
        calibration=reliability,
        per_class=tuple(_class_scores(plan, tally, index, whole, confidence) for index in range(len(plan.classes))),
        groups=_groups(plan, state, confidence, prior) if plan.by else None,
        zero_probability=_zero_probability(plan, tally),
        notes=(*plan.notes, *notes_on(plan, state, tally, counts)),
        prior=reporting.prior,
    )


def _row_counts(state: State, tally: Tally) -> RowCounts:
    scored = state.count
    return RowCounts(
        read=scored + state.dropped + state.unmatched,
        scored=scored,
        dropped=state.dropped,
        unmatched=state.unmatched,
        unmatched_labels=state.unmatched_labels,
        filled=state.filled,
        clipped=tally.count("clipped"),
        ties=tally.count("ties"),
        weightless=tally.count("weightless"),
    )


def _signature(plan: Plan, count: int, *, prior: bool) -> str:
    """What a number depends on, on one line; what is not at its default stands at the end."""
    options = plan.options
    match = escape(plan.match()).replace("|", "%7C")
    floor = f"eps:{plan.eps!r}" if options.convention is None else f"as:{CONVENTIONS[options.convention].label(plan.spacing)}"
    parts = [
        f"celoss|v:{__version__}|task:{plan.task}|k:{len(plan.classes)}|n:{count}|match:{match}|from:{plan.scale}",
        f"{floor}|base:{options.base}|sum:{plan.largest_deviation!r}|weights:{'yes' if plan.weights else 'no'}",
    ]
    if options.class_weights is not None:
        parts.append(f"class_weights:{_class_weights_text(plan)}")
    extras = {
        "smoothing": repr(options.smoothing) if options.smoothing else "",
        "renormalize": "yes" if options.renormalize else "",
        "normalize_labels": "yes" if options.normalize_labels else "",
        "reduce_labels": options.reduce_labels if plan.task == "multilabel" else "",
        "prior": "yes" if prior else "",
        "ties": options.ties if options.ties != "fraction" else "",
        "missing": options.missing if options.missing != "error" else "",
        "id_match": options.id_match if options.id_match != "all" else "",
    }
    return "|".join([*parts, *(f"{name}:{value}" for name, value in extras.items() if value)])


def _class_weights_text(plan: Plan) -> str:
    given = plan.options.class_weights
    if given is None or isinstance(given, str):
        return given or "no"
    return ",".join(f"{escape(name).replace('|', '%7C')}={weight!r}" for name, weight in given)


def _class_scores(plan: Plan, tally: Tally, index: int, whole: Exact, confidence: float) -> ClassScores:
    own = tally.of_class(index)
    name = plan.classes[index]
    if plan.hard:
        loss, recall = own.loss("loss"), own.credit("accuracy")[0]
        share = _loss_share(tally, index, "loss", whole)
        interval = _recall_interval(plan, recall, own.effective_rows, confidence)
        of_rows = float(own.weight / UNITS_PER_ONE)
        return ClassScores(name, own.count("rows"), of_rows, loss, recall, interval, None, share)
    weight = own.total("share")
    infinite = own.count("class_infinite") > 0
    multilabel = plan.task == "multilabel"
    accuracy = recall = None
    loss_weight = weight
    if multilabel:
        loss_weight = tally.weight
        accuracy = float(own.total("class_credit") / tally.weight) if tally.weight else None
        positive = own.total("class_positive")
        recall = float(own.total("class_hits") / positive) if positive else None
    # The mean loss of one label is not the sum over labels, whatever --reduce-labels asks for.
    loss = math.inf if infinite else own.in_unit(own.total("class_loss"), loss_weight * plan.reduction)
    share = _loss_share(tally, index, "class_loss", whole)
    return ClassScores(name, own.count("class_rows"), float(weight / UNITS_PER_ONE), loss, recall, None, accuracy, share)


def _recall_interval(plan: Plan, recall: Number, rows: Number, confidence: float) -> Interval | None:
    # Of a class there are no sums by cluster.
    if plan.cluster is not None or recall is None or rows is None:
        return None
    return wilson_interval(min(1.0, recall), rows, confidence)


def _loss_share(tally: Tally, index: int, name: str, whole: Exact) -> Number:
    return None if tally.infinite or not whole else float(tally.of_class(index, weighted=True).total(name) / whole)


def _groups(plan: Plan, state: State, confidence: float, prior: Sequence[float] | None) -> tuple[GroupScores, ...]:
    """The scores of each value of each --by column, columns as they were given, values in class order."""
    weights, wanted = class_weights(plan, state), names(plan)
    found = []
    for (by, value), group in sorted(state.groups.items(), key=lambda one: (one[0][0], class_order(one[0][1]))):
        tally = Tally.of_group(plan, group, weights, prior)
        metrics, errors = tally.metrics()
        metrics, errors = ({name: one[name] for name in wanted if name in one} for one in (metrics, errors))
        bounds = intervals(plan, tally, metrics, confidence)
        weight = float(tally.weight / UNITS_PER_ONE)
        found.append(GroupScores(plan.by[by][1], value, tally.count("rows"), weight, metrics, errors, bounds))
    return tuple(found)


def _tail(plan: Plan, state: State, tally: Tally) -> TailHealth | None:
    if plan.options.class_weights is not None:
        return None
    whole = tally.total("loss")
    rows = state.count - tally.count("weightless")

    def carried(count: int) -> Carried:
        count = min(count, rows)
        if tally.infinite or not whole:
            return Carried(count, None)
        return Carried(count, min(1.0, state.tail.carried(count) / float(Fraction(whole) / UNITS_PER_ONE)))

    return TailHealth(carried(-(-rows // 100)), carried(10), carried(1))


def _zero_probability(plan: Plan, tally: Tally) -> ZeroProbability:
    """Undefined under another tool's rule, which changes more than the rows with a probability of 0."""
    zero = tally.count("zero")
    if not tally.weight or plan.options.convention is not None:
        return ZeroProbability(zero, None, None, None)
    zero_weight = tally.weighed("zero_weight", "zero")
    finite = tally.total("loss") - tally.total("clipped_loss") + tally.total("unfloored")
    rest = tally.weight - zero_weight
    slope = zero_weight if plan.hard and not plan.shares else tally.total("zero_share")
    return ZeroProbability(
        zero,
        tally.in_unit(finite - tally.total("unfloored_zero"), rest) if rest else None,
        tally.in_unit(finite, tally.weight),
        float(slope * plan.reduction / tally.weight),
    )


def _as_values(report: Report) -> dict[str, Any]:
    """The JSON document in its fixed order, with floats that may still be infinite. It shares dicts with the report."""
    plan = report.plan
    return {
        "schema": SCHEMA,
        "celoss_version": __version__,
        "signature": report.signature,
        "task": plan.task,
        "classes": list(plan.classes),
        "positive_class": plan.positive,
        "rows": vars(report.row_counts),
        "weight_sum": report.weight,
        "effective_rows": report.effective_rows,
        "clusters": report.clusters,
        "confidence": report.confidence,
        "unit": report.unit,
        "inputs": _input_values(report),
        "options": {**_option_values(plan), "prior": None if report.prior is None else dict(report.prior)},
        "plan": {"findings": [{"what": one.what, "value": one.value, "because": one.because} for one in plan.findings]},
        "metrics": report.metrics,
        "standard_errors": report.standard_errors,
        "intervals": {name: vars(one) for name, one in report.intervals.items()},
        "tail": None if report.tail is None else asdict(report.tail),
        "per_class": [_class_values(one) for one in report.per_class],
        "groups": None if report.groups is None else [_group_values(one) for one in report.groups],
        "calibration": None if report.calibration is None else _calibration_values(report.calibration),
        "recalibration": None if report.recalibration is None else report.recalibration.to_dict(),
        "clipped": {"rows": report.row_counts.clipped, "loss_share": report.clipped_loss_share},
        "zero_probability": vars(report.zero_probability),
        "baseline": None if report.baseline is None else report.baseline.to_dict(),
        "gate": None if report.gate is None else report.gate.to_dict(),
    }


def _input_values(report: Report) -> dict[str, Any]:
    """What was read, and by which columns."""
    plan = report.plan
    columns = plan.label_columns
    return {
        "predictions": vars(report.predictions),
        "labels": None if report.labels is None else vars(report.labels),
        "matched_by": [mine for mine, _ in plan.keys],
        "label_column": columns[0] if len(columns) == 1 else list(columns),
        "weight_column": plan.weights[1] if plan.weights else None,
        "cluster_column": plan.cluster[1] if plan.cluster else None,
    }


def _option_values(plan: Plan) -> dict[str, Any]:
    """The options that change a number, as they were used."""
    options = plan.options
    weights = options.class_weights
    return {
        "from": plan.scale,
        "as": options.convention,
        "eps": plan.eps if options.convention is None else None,
        "base": options.base,
        "sum_tolerance": plan.largest_deviation,
        "rounding_tolerance": max(plan.stored_deviation, plan.rounded_deviation),
        "renormalize": options.renormalize,
        "normalize_labels": options.normalize_labels,
        "class_weights": weights if weights is None or weights == BALANCED or isinstance(weights, str) else dict(weights),
        "smoothing": options.smoothing,
        "reduce_labels": options.reduce_labels if plan.task == "multilabel" else None,
        "top_k": list(options.top_k),
        "bins": options.bins,
        "ties": options.ties,
        "missing": options.missing,
        "id_match": options.id_match,
    }


def _class_values(one: ClassScores) -> dict[str, Any]:
    return {
        "class": one.name,
        "rows": one.rows,
        "weight": one.weight,
        "log_loss": one.log_loss,
        "recall": one.recall,
        "recall_interval": None if one.recall_interval is None else vars(one.recall_interval),
        "accuracy": one.accuracy,
        "loss_share": one.loss_share,
    }


def _group_values(one: GroupScores) -> dict[str, Any]:
    return {**vars(one), "intervals": {name: vars(interval) for name, interval in one.intervals.items()}}


def _calibration_values(found: Calibration) -> dict[str, Any]:
    table = [{**vars(one), "interval": vars(one.interval)} for one in found.table]
    by_class = None
    if found.class_wise is not None:
        names = ("class", "ece", "ece_equal_width")
        by_class = vars(found.class_wise) | {
            "classes": [dict(zip(names, one, strict=True)) for one in found.class_wise.classes]
        }
    return {**vars(found), "table": table, "class_wise": by_class}


def document(values: dict[str, Any], notes: Sequence[Diagnostic]) -> dict[str, Any]:
    """JSON values with null for what is not finite, which `non_finite` names, and with the notes."""
    non_finite: dict[str, str] = {}
    told = [{"code": note.code, "message": note.message, "rows": note.count} for note in notes]
    return {**_strict(values, "", non_finite), "non_finite": non_finite, "notes": told}


def json_text(values: dict[str, Any], indent: int | None) -> str:
    """The text of a document, without the final newline; in one line for `indent=None`."""
    return json.dumps(values, indent=indent, ensure_ascii=False, allow_nan=False)


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
