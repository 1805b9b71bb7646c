"""Owns `Report`: floats and texts, finished from a State; what every renderer and the JSON work from."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from celoss import __version__
from celoss.conventions import CONVENTIONS
from celoss.errors import Diagnostic, UsageError, escape, plural, shorten, unknown_name
from celoss.exact import UNITS_PER_ONE
from celoss.kernels import floored_loss
from celoss.metrics import METRICS, Exact, Number, Tally, class_weights, in_unit, names
from celoss.naming import class_order
from celoss.plan import BALANCED, Plan
from celoss.records import dataclass
from celoss.sources import Source
from celoss.state import State

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "celoss.eval/1"
UNITS = {"e": "nats", "2": "bits", "10": "bans"}


@dataclass(frozen=True)
class ClassScores:
    """Scores of one class; None where undefined.

    rows: whose label is this class; of shares those that have some of it, of independent labels those that have it.
    weight: Σ w t. log_loss: mean over the rows of the class (by their shares), of independent labels over all rows.
    recall: accuracy over the rows of the class; None for shares. accuracy: of independent labels. loss_share: of all loss.
    """

    name: str
    rows: int
    weight: float
    log_loss: Number
    recall: Number
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
class Report:
    """The result of one evaluation.

    metrics and standard_errors: by name, in the order of the output, rates as fractions and losses in `unit`; None where
    undefined, infinity where a loss is infinite (only without a floor). groups: one for each value of each --by column.
    effective_rows: Kish's (Σ w)² / Σ w².
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
    per_class: tuple[ClassScores, ...]
    groups: tuple[GroupScores, ...] | None
    zero_probability: ZeroProbability
    notes: tuple[Diagnostic, ...]
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
        values = strict(_as_values(self), "", non_finite)
        values["non_finite"] = non_finite
        values["notes"] = [{"code": note.code, "message": note.message, "rows": note.count} for note in self.notes]
        return dict(values)

    def to_json(self, indent: int | None = 2) -> str:
        """The JSON text that `celoss eval -f json` prints, without the final newline; `indent=None` for one line."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    def __str__(self) -> str:
        return f"log loss {self.log_loss} over {plural(self.row_counts.scored, 'row')} [{self.signature}]"


def check_metric(name: str, option: str, top_k: Sequence[int] = ()) -> None:
    """Raises UsageError (E601), with the nearest name, for a metric that does not exist."""
    known = (*METRICS, *(f"top_{size}_accuracy" for size in top_k))
    if name not in known:
        found = f"metrics: {', '.join(sorted(known))}"
        error = unknown_name("E601", f'no metric "{shorten(name)}"', name, option, known, found)
        size = re.fullmatch(r"top_([1-9][0-9]*)_accuracy", name)
        raise UsageError(replace(error, help=f"add --top-k {size[1]}") if size else error)


def finish(plan: Plan, state: State, predictions: Source, labels: Source | None) -> Report:
    """Rounds the exact sums of a state, once, to the numbers of a report."""
    tally = Tally.of_all(plan, state)
    whole = tally.total("loss" if plan.hard else "class_loss")
    metrics, errors = tally.metrics()
    counts = _row_counts(state, tally)
    common = counts.scored + counts.dropped
    label_rows = common + counts.unmatched_labels
    return Report(
        signature=_signature(plan, counts.scored),
        plan=plan,
        row_counts=counts,
        weight=float(tally.weight / UNITS_PER_ONE),
        effective_rows=tally.effective_rows,
        clipped_loss_share=_clipped_share(tally),
        predictions=InputFacts(predictions.path, predictions.format, counts.read),
        labels=None if labels is None else InputFacts(labels.path, labels.format, label_rows),
        metrics={name: metrics[name] for name in names(plan)},
        standard_errors={name: errors[name] for name in names(plan) if name in errors},
        per_class=tuple(_class_scores(plan, tally, index, whole) for index in range(len(plan.classes))),
        groups=_groups(plan, state) if plan.by else None,
        zero_probability=_zero_probability(plan, tally),
        notes=(*plan.notes, *_notes(plan, state, tally, counts)),
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


def _signature(plan: Plan, count: int) -> str:
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


def _class_scores(plan: Plan, tally: Tally, index: int, whole: Exact) -> ClassScores:
    own = tally.of_class(index)
    name = plan.classes[index]
    if plan.hard:
        loss, recall = own.loss("loss"), own.credit("accuracy")[0]
        share = _loss_share(tally, index, "loss", whole)
        return ClassScores(name, own.count("rows"), float(own.weight / UNITS_PER_ONE), loss, recall, None, share)
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
    return ClassScores(name, own.count("class_rows"), float(weight / UNITS_PER_ONE), loss, recall, accuracy, share)


def _loss_share(tally: Tally, index: int, name: str, whole: Exact) -> Number:
    return None if tally.infinite or not whole else float(tally.of_class(index, weighted=True).total(name) / whole)


def _groups(plan: Plan, state: State) -> tuple[GroupScores, ...]:
    """The scores of each value of each --by column, columns as they were given, values in class order."""
    weights, wanted = class_weights(plan, state), names(plan)
    found = []
    for (by, value), group in sorted(state.groups.items(), key=lambda one: (one[0][0], class_order(one[0][1]))):
        tally = Tally.of_group(plan, group, weights)
        metrics, errors = tally.metrics()
        metrics, errors = ({name: one[name] for name in wanted if name in one} for one in (metrics, errors))
        weight = float(tally.weight / UNITS_PER_ONE)
        found.append(GroupScores(plan.by[by][1], value, tally.count("rows"), weight, metrics, errors))
    return tuple(found)


def _clipped_share(tally: Tally) -> Number:
    """Share of all loss that comes from the floored rows; undefined when losses are infinite or all zero."""
    if tally.infinite:
        return None
    return 0.0 if not tally.count("clipped") else tally.share("clipped_loss")


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


def _notes(plan: Plan, state: State, tally: Tally, counts: RowCounts) -> tuple[Diagnostic, ...]:
    found = [
        _clipping_note(plan, tally, counts),
        _certain_note(tally, counts),
        _absent_note(plan, tally),
        _one_class_note(plan, tally, counts),
        _sums_note(state),
        _left_out_note(counts),
        _filled_note(counts),
    ]
    return tuple(note for note in found if note is not None)


def _clipping_note(plan: Plan, tally: Tally, counts: RowCounts) -> Diagnostic | None:
    clipped = counts.clipped
    if not clipped:
        return None
    rows, each = plural(clipped, "row"), "it" if clipped == 1 else "each"
    share = f"{_clipped_share(tally) or 0.0:.1%} of the loss"
    label = "the true class" if plan.hard and not plan.shares else "a class of the label"
    if plan.options.convention is not None:
        message = (
            f"{rows} {'costs' if clipped == 1 else 'cost'} another loss than −ln p by the rule of {plan.options.convention}"
        )
    elif plan.eps:
        message = f"{rows} gave {label} less than eps ({plan.eps:.2g})"
        if plan.hard and not plan.options.smoothing:
            message += f"; {each} counts as {in_unit(plan, floored_loss(plan.eps)):.4f}, {share}"
    else:
        message = f"{rows} gave {label} probability 0: with eps 0 the loss is infinite"
    return Diagnostic("N1", message, count=clipped)


def _certain_note(tally: Tally, counts: RowCounts) -> Diagnostic | None:
    if tally.count("certain") != counts.scored:
        return None
    message = "all predictions of the true class are exactly 0 or 1; log loss then only counts mistakes"
    return Diagnostic("N2", message, count=counts.scored)


def _absent_note(plan: Plan, tally: Tally) -> Diagnostic | None:
    name = "rows" if plan.hard else "class_rows"
    absent = [one for index, one in enumerate(plan.classes) if not tally.of_class(index).count(name)]
    if not absent or len(plan.columns) == 1:
        return None
    shown = ", ".join(f'"{shorten(one)}"' for one in absent[:5])
    more = f" and {len(absent) - 5} more" if len(absent) > 5 else ""
    verb = "is" if len(absent) == 1 else "are"
    message = f"{plural(len(absent), 'class', 'classes')} {verb} predicted but never in the labels: {shown}{more}"
    return Diagnostic("N3", message, count=0)


def _one_class_note(plan: Plan, tally: Tally, counts: RowCounts) -> Diagnostic | None:
    if not plan.hard or sum(tally.of_class(index).count("rows") > 0 for index in range(len(plan.classes))) != 1:
        return None
    return Diagnostic("N4", "all labels are one class: the reference is 0 and skill is undefined", count=counts.scored)


def _sums_note(state: State) -> Diagnostic | None:
    if not state.noted:
        return None
    largest = state.deviation / UNITS_PER_ONE
    message = (
        f"{plural(state.noted, 'row')} {'sums' if state.noted == 1 else 'sum'} to 1 only within {largest:.2g}: "
        "more than rounding explains, scored as they are"
    )
    return Diagnostic("N5", message, count=state.noted)


def _left_out_note(counts: RowCounts) -> Diagnostic | None:
    parts = [
        (counts.dropped, "row", "rows", "with a missing value (--missing drop)"),
        (counts.unmatched, "prediction", "predictions", "without a label (--id-match inner)"),
        (counts.unmatched_labels, "label", "labels", "without a prediction (--id-match inner)"),
    ]
    shown = [f"{plural(count, one, many)} {why}" for count, one, many, why in parts if count]
    if not shown:
        return None
    message = f"{plural(counts.scored, 'row')} scored; left out: {'; '.join(shown)}"
    return Diagnostic("N7", message, count=counts.dropped + counts.unmatched + counts.unmatched_labels)


def _filled_note(counts: RowCounts) -> Diagnostic | None:
    if not counts.filled:
        return None
    message = f"{plural(counts.filled, 'row')} with a missing probability scored as a uniform forecast (--missing uniform)"
    return Diagnostic("N8", message, count=counts.filled)


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
        "unit": report.unit,
        "inputs": _input_values(report),
        "options": _option_values(plan),
        "plan": {"findings": [{"what": one.what, "value": one.value, "because": one.because} for one in plan.findings]},
        "metrics": report.metrics,
        "standard_errors": report.standard_errors,
        "intervals": None,
        "per_class": [_class_values(one) for one in report.per_class],
        "groups": None if report.groups is None else [vars(one) for one in report.groups],
        "calibration": None,
        "clipped": {"rows": report.row_counts.clipped, "loss_share": report.clipped_loss_share},
        "zero_probability": vars(report.zero_probability),
        "gate": None,
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
        "accuracy": one.accuracy,
        "loss_share": one.loss_share,
    }


def strict(value: Any, path: str, non_finite: dict[str, str]) -> Any:
    """The value with null for what JSON cannot write, whose JSON Pointers (RFC 6901) go to `non_finite`."""
    if isinstance(value, dict):
        return {
            name: strict(one, f"{path}/{name.replace('~', '~0').replace('/', '~1')}", non_finite) for name, one in value.items()
        }
    if isinstance(value, list):
        return [strict(one, f"{path}/{index}", non_finite) for index, one in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        non_finite[path] = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return None
    return value
