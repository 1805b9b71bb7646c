"""Owns the reading of one probability column: which it is, and which class is the positive one."""

from __future__ import annotations

from collections.abc import Sequence

from celoss.detect.classes import Choice
from celoss.detect.heads import distinct, looks_numeric, within_unit
from celoss.detect.inputs import Inputs, first_row
from celoss.detect.labels import label_counts
from celoss.errors import CelossError, Diagnostic, Place, UsageError, did_you_mean, escape, listed, plural, quoted, shorten
from celoss.naming import CONFIDENCE_NAME, PROBABILITY_NAME, class_in_name, class_text, opposite, positive_of
from celoss.plan import Finding
from celoss.sources.base import is_number


def choose_single(inputs: Inputs, columns: Sequence[str], values: Sequence[str], label_column: str) -> Choice:
    """The one column of P(positive) among the number columns. Raises CelossError: E402, E404, E407, E408, E410, E505."""
    if not columns:
        raise CelossError(_no_probabilities(inputs, values, label_column))
    column, because = _column(inputs, columns, values, label_column)
    if CONFIDENCE_NAME.search(column) and not inputs.flags.pred:
        raise CelossError(_confidence(inputs, column))
    if len(values) > 2:
        raise CelossError(_too_many_labels(inputs, column, values, label_column))
    positive, why = _positive_class(inputs, column, values, label_column)
    if not inputs.flags.pred and _is_confidence(inputs, column, positive, values, label_column):
        raise CelossError(_confidence(inputs, column))
    others = [value for value in values if value != positive]
    negative = others[0] if others else opposite(positive) or f"not {positive}"
    findings = (
        Finding("task", "binary", "one probability column, two classes"),
        Finding("probabilities", column, because),
        Finding("positive class", positive, why),
        Finding("negative class", negative, "the other label" if others else "it does not occur in the labels"),
    )
    return Choice((negative, positive), (column,), positive, findings)


def _column(inputs: Inputs, columns: Sequence[str], values: Sequence[str], label_column: str) -> tuple[str, str]:
    if len(columns) == 1:
        return columns[0], "--pred" if inputs.flags.pred else "the only column of numbers"
    inside = [name for name in columns if within_unit(inputs.head.column(name))] or list(columns)
    named = [name for name in inside if class_in_name(name, values) is not None]
    if len(named) == 1:
        return named[0], "the only column that has the name of a label"
    # A column of nothing but labels is the predicted class, not its probability.
    graded = [name for name in inside if not set(distinct(inputs.head.column(name))) <= set(values)] or inside
    if len(graded) == 1:
        return graded[0], "the only column of graded numbers between 0 and 1"
    usual = [name for name in graded if PROBABILITY_NAME.search(name)]
    if len(usual) == 1:
        return usual[0], "the only number column whose name says probability"
    if len(values) > 2:
        raise CelossError(_not_named(inputs, columns, values, label_column))
    raise CelossError(_which_column(inputs, graded, (usual or graded)[0], values))


def _positive_class(inputs: Inputs, column: str, values: Sequence[str], label_column: str) -> tuple[str, str]:
    given = inputs.flags.positive
    if given is not None:
        return _given_positive(given, values), "--positive"
    # pandas calls a column without a name 0: that says nothing about a class called 0.
    made_up = column == "0" and inputs.head.named
    name = class_in_name(column, values) if inputs.head.named else None
    if name is not None and not made_up:
        return name, "the column's name"
    pair = values if len(values) == 2 else [values[0], opposite(values[0]) or ""]
    positive = positive_of(pair)
    if positive is None or (made_up and "0" in values):
        raise CelossError(_which_positive(inputs, column, values, label_column))
    return positive, "the usual meaning of the labels"


def _given_positive(given: str, values: Sequence[str]) -> str:
    positive = class_text(given)
    if positive in values or len(values) == 1:
        return positive
    near = did_you_mean(given, values)
    raise UsageError(
        Diagnostic(
            "E605",
            f'no label "{shorten(given)}"',
            (Place(f"option --positive {given}"),),
            details=(f"found labels: {listed(values)}",),
            help=f"did you mean --positive {near}?" if near else "",
        )
    )


def _is_confidence(inputs: Inputs, column: str, positive: str, values: Sequence[str], label_column: str) -> bool:
    """Whether a column of predicted classes shows that the number belongs to the predicted class: high for both."""
    numbers = [float(text) if is_number(text) else 0.0 for text in inputs.head.column(column).texts]
    for other in inputs.head.columns:
        found = distinct(other)
        is_prediction = len(found) == 2 and set(found) <= set(values) and other.name not in (column, label_column)
        if is_prediction and other.name not in inputs.shared and min(numbers, default=0.0) >= 0.5:
            return any(class_text(text) != positive for text in other.texts)
    return False


def _no_probabilities(inputs: Inputs, values: Sequence[str], label_column: str) -> Diagnostic:
    for column in inputs.head.columns:
        found = distinct(column)
        if found and set(found) <= set(values) and column.name != label_column:
            place = first_row(inputs.predictions, column.name)
            return Diagnostic(
                "E505",
                f"{escape(inputs.predictions.name)} holds class names, not probabilities",
                (Place(place.where, place.line, place.row, place.column, found[0]),),
                help="log loss needs probabilities: write the output of predict_proba, not of predict",
            )
    comma = _decimal_comma(inputs)
    if comma is not None:
        return comma
    swapped = inputs.separate and sum(map(looks_numeric, inputs.label_head.columns)) > 1
    return Diagnostic(
        "E410",
        f"no column of {escape(inputs.predictions.name)} holds probabilities",
        (inputs.prediction_header(),),
        details=(f"found columns: {listed(inputs.head.names)}",),
        help="the two files look swapped: the predictions come first, then the labels" if swapped else "",
    )


def _decimal_comma(inputs: Inputs) -> Diagnostic | None:
    """The first cell with a decimal comma, in a column that would be one of numbers with decimal points."""
    for column in inputs.head.columns:
        value = next(iter(column.texts), "")
        if value.count(",") == 1 and is_number(value.replace(",", ".")):
            return Diagnostic(
                "E501",
                f'"{shorten(value)}" is not a number',
                (first_row(inputs.predictions, column.name),),
                help=f"write a decimal point, not a comma: {value.replace(',', '.')}",
            )
    return None


def _confidence(inputs: Inputs, column: str) -> Diagnostic:
    return Diagnostic(
        "E407",
        f'"{shorten(column)}" may be the probability of the predicted class, not of the positive one',
        (inputs.prediction_header(),),
        help=f"if it is the probability of the positive class: --pred {column}",
    )


def _too_many_labels(inputs: Inputs, column: str, values: Sequence[str], label_column: str) -> Diagnostic:
    return Diagnostic(
        "E408",
        f"{len(values):,} labels, but one probability column",
        (inputs.label_header(label_column),),
        details=(f'found labels: {listed(values)}; probability column "{shorten(column)}"',),
        help="one column fits two classes; more classes need one column each",
    )


def _not_named(inputs: Inputs, columns: Sequence[str], values: Sequence[str], label_column: str) -> Diagnostic:
    return Diagnostic(
        "E402",
        f'label "{shorten(values[0])}" is not one of the predicted classes',
        (first_row(inputs.labels, label_column),),
        details=(f"found labels: {listed(values)}; columns of numbers: {listed(columns)}",),
        help="name every probability column after its class",
    )


def _which_column(inputs: Inputs, columns: Sequence[str], first: str, values: Sequence[str]) -> Diagnostic:
    return Diagnostic(
        "E407",
        f"which of {plural(len(columns), 'column')} holds the probabilities?",
        (inputs.prediction_header(),),
        details=(f"found {quoted(columns)}; labels: {listed(values)}",),
        help=f"choose one: --pred {first}",
    )


def _which_positive(inputs: Inputs, column: str, values: Sequence[str], label_column: str) -> Diagnostic:
    counts = sorted(label_counts(inputs, label_column).items())
    shown = ", ".join(f"{shorten(label)} ({count:,})" for label, count in counts[:8] if label)
    return Diagnostic(
        "E404",
        "which class is the positive one?",
        (inputs.prediction_header(column),),
        details=(f"found labels: {shown}",),
        help=f'say what "{shorten(column)}" is the probability of: --positive {values[-1] if column == "0" else values[0]}',
    )
