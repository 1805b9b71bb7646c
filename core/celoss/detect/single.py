"""Owns the reading of one probability column: which it is, and which class is the positive one."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from celoss.detect.classes import Choice
from celoss.detect.heads import counts_something, distinct, tells_apart
from celoss.detect.inputs import Inputs, first_row, place_of
from celoss.detect.labels import label_counts
from celoss.detect.scale import named_scale
from celoss.errors import (
    CelossError,
    Diagnostic,
    Place,
    UsageError,
    as_list,
    did_you_mean,
    escape,
    listed,
    quoted,
    shorten,
    unknown_name,
)
from celoss.lookalikes import number_advice
from celoss.naming import (
    COMPUTED_NAME,
    CONFIDENCE_NAME,
    LABEL_NAMES,
    NEGATION,
    OPPOSITES,
    PREDICTION_NAME,
    PROBABILITY_NAME,
    Affix,
    class_in_name,
    class_text,
    common_affix,
    is_integer,
    means_missing,
    opposite,
    positive_of,
)
from celoss.plan import Finding
from celoss.sources.base import is_number


def choose_single(inputs: Inputs, columns: Sequence[str], values: Sequence[str], label_column: str) -> Choice:
    """The one column of P(positive) among the number columns. Raises CelossError: E402, E404, E407, E408, E410, E505."""
    if not columns:
        raise CelossError(_no_probabilities(inputs, values, label_column))
    column, because = _column(inputs, columns, values, label_column)
    answer = _answer_beside(inputs, column, values)
    if not inputs.flags.pred and (CONFIDENCE_NAME.search(column) or (answer is not None and len(values) <= 2)):
        raise CelossError(_confidence(inputs, column, answer))
    if len(values) > 2:
        raise CelossError(_too_many_labels(inputs, column, values, label_column))
    positive, why = _positive_class(inputs, column, values, label_column)
    others = [value for value in values if value != positive]
    negative = others[0] if others else opposite(positive) or f"not {positive}"
    findings = (
        Finding("task", "binary", "one probability column, two classes"),
        Finding("probabilities", column, because),
        Finding("positive class", positive, why),
        Finding("negative class", negative, "the other label" if others else "it does not occur in the labels"),
    )
    return Choice((negative, positive), (column,), positive, findings)


def choose_share(inputs: Inputs, columns: Sequence[str], label_column: str) -> Choice:
    """The predictions beside one column of shares of the positive class: one column, or those of two classes.

    Raises CelossError: E404 where the names of the two columns speak of different classes, E407, E410.
    """
    words = [word for pair in OPPOSITES for word in pair]
    if not columns:
        raise CelossError(_no_probabilities(inputs, ["0", "1"], label_column))
    given = inputs.flags.positive
    if len(columns) == 2:
        found = common_affix(columns).cores(columns) or Affix().cores(columns)
        named = class_in_name(label_column, list(found))
        chosen = given or named or positive_of(list(found))
        if chosen in found:
            if named not in (None, chosen):
                raise CelossError(_two_positives(inputs, chosen, named or "", label_column))
            negative = next(name for name in found if name != chosen)
            findings = (Finding("task", "soft", "--task"), Finding("classes", f"{negative}, {chosen}", "the columns' names"))
            return Choice((negative, chosen), (found[negative], found[chosen]), chosen, findings)
    if len(columns) > 1:
        columns = [_column(inputs, columns, [given or "1"], label_column)[0]]
    mine, theirs = class_in_name(columns[0], words), class_in_name(label_column, words)
    if given is None and mine is not None and theirs is not None and mine != theirs:
        raise CelossError(_two_positives(inputs, mine, theirs, label_column))
    chosen = given or mine or theirs or "1"
    because = "--positive" if given else "the column's name" if mine or theirs else f"the share that {label_column} holds"
    said = (
        Finding("task", "soft", "--task"),
        Finding("probabilities", columns[0], "--pred" if inputs.flags.pred else "the column of probabilities"),
        Finding("positive class", chosen, because),
    )
    return Choice((opposite(chosen) or f"not {chosen}", chosen), (columns[0],), chosen, said)


def _two_positives(inputs: Inputs, mine: str, theirs: str, label_column: str) -> Diagnostic:
    return Diagnostic(
        "E404",
        "which class is the positive one?",
        (inputs.label_header(label_column),),
        details=(
            f'found: the probability is of "{shorten(mine)}", the share in "{shorten(label_column)}" of "{shorten(theirs)}"',
        ),
        help="name both after one class, and turn one of them into 1 less its numbers",
    )


def _column(inputs: Inputs, columns: Sequence[str], values: Sequence[str], label_column: str) -> tuple[str, str]:
    """The column and why. By its name first: a bad value in a column must not make another one the probabilities."""
    if inputs.flags.pred and len(columns) == 1:
        return columns[0], "--pred"
    # A column of nothing but labels is the predicted class; one of larger integers an id or a count.
    graded = [name for name in columns if not _only_labels(inputs, name, values)]
    graded = [name for name in graded if _speaks(name, values, label_column) or not counts_something(inputs.head.column(name))]
    if not graded and inputs.head.named and any(PREDICTION_NAME.search(name) for name in columns):
        raise CelossError(_class_names(inputs, columns[0], distinct(inputs.head.column(columns[0]))[0]))
    tests = (
        ("the name of the label column", [name for name in graded if inputs.separate and name == label_column]),
        ("the only column that has the name of a label", [one for one in graded if class_in_name(one, values) is not None]),
        ("the only number column whose name says probability", [one for one in graded if PROBABILITY_NAME.search(one)]),
        ("the only column of graded numbers", [name for name in graded if COMPUTED_NAME.search(name) is None]),
        ("the only column whose name says its scale", [name for name in graded if named_scale([name]) is not None]),
        ("the only column of numbers", list(columns) if not graded else []),
    )
    for because, found in tests:
        if len(found) == 1:
            return found[0], because
        if found:
            break
    if len(values) > 2:
        raise CelossError(_not_named(inputs, columns, values, label_column))
    raise CelossError(_which_column(inputs, graded or columns, values))


def _speaks(name: str, values: Sequence[str], label_column: str) -> bool:
    """Whether a name says that the column is a probability, or of which class."""
    return name == label_column or PROBABILITY_NAME.search(name) is not None or class_in_name(name, values) is not None


def _only_labels(inputs: Inputs, name: str, values: Sequence[str]) -> bool:
    found = distinct(inputs.head.column(name))
    return bool(found) and set(found) <= set(values)


def _positive_class(inputs: Inputs, column: str, values: Sequence[str], label_column: str) -> tuple[str, str]:
    given = inputs.flags.positive
    explained = {text for text, _ in inputs.flags.classes}
    if any(means_missing(value) and value not in explained for value in values):
        raise CelossError(_which_positive(inputs, column, values, label_column))
    if given is not None:
        return _given_positive(given, values), "--positive"
    # pandas calls a column without a name 0: that says nothing about a class called 0.
    made_up = column == "0" and inputs.head.named
    name = class_in_name(column, values) if inputs.head.named else None
    if name is not None and not made_up:
        return name, "the column's name"
    pair = values if len(values) == 2 else [values[0], opposite(values[0]) or ""]
    positive = positive_of(pair)
    doubtful = inputs.head.named and (NEGATION.search(column) is not None or (made_up and "0" in values))
    if positive is None or doubtful:
        raise CelossError(_which_positive(inputs, column, values, label_column))
    return positive, "the usual meaning of the labels"


def _given_positive(given: str, values: Sequence[str]) -> str:
    positive = class_text(given)
    near = did_you_mean(given, values)
    if positive in values or (len(values) == 1 and (near is None or positive == opposite(values[0]))):
        return positive
    what = f'no label "{shorten(given)}"'
    raise UsageError(unknown_name("E605", what, given, "--positive", values, f"found labels: {listed(values)}"))


def _answer_beside(inputs: Inputs, column: str, values: Sequence[str]) -> str | None:
    """The column of classes in the same file whose classes the numbers seem to belong to; None where there is none.

    They do when the number is high for every class. The truth can be such a column as well, of one file or repeated from
    the labels, but then the number is low where the truth is the negative class.
    """
    numbers = [float(text) if is_number(text) else 0.0 for text in inputs.head.column(column).texts]
    for other in inputs.head.columns:
        found = set(distinct(other))
        # Numbers that happen to be among the labels are no answers: only exactly these are.
        answers = found <= set(values) or (found >= set(values) and not other.looks_numeric)
        if other.name != column and len(found) > 1 and answers and min(numbers, default=0.0) >= 1.0 / len(found):
            return other.name
    return None


def _no_probabilities(inputs: Inputs, values: Sequence[str], label_column: str) -> Diagnostic:
    for column in inputs.head.columns:
        if _only_labels(inputs, column.name, values) and column.name != label_column:
            return _class_names(inputs, column.name, distinct(column)[0])
    odd = _odd_number(inputs)
    if odd is not None:
        return odd
    numeric = [one for one in inputs.label_head.columns if one.looks_numeric]
    named = any(name.casefold() in LABEL_NAMES for name in inputs.head.names)
    fractions = any(value % 1.0 for column in numeric for value in column.numbers if value == value)
    swapped = inputs.separate and (len(numeric) > 1 or (named and fractions))
    return Diagnostic(
        "E410",
        f"no column of {escape(inputs.predictions.name)} holds probabilities",
        (inputs.prediction_header(),),
        details=(f"found columns: {listed(inputs.head.names)}{_sample(inputs, values)}",),
        help="the two files look swapped: the predictions come first, then the labels" if swapped else "",
    )


def _sample(inputs: Inputs, values: Sequence[str]) -> str:
    """What stands in a column whose name says that it holds a probability; empty where there is none."""
    for column in inputs.head.columns:
        if column.kind == "other":
            return f'; "{shorten(column.name)}" holds neither numbers nor texts'
        text = next(filter(None, column.texts), "")
        if text and (PROBABILITY_NAME.search(column.name) or class_in_name(column.name, values) is not None):
            return f'; "{shorten(column.name)}" holds "{shorten(text)}"'
    return ""


def _class_names(inputs: Inputs, column: str, value: str) -> Diagnostic:
    place = first_row(inputs.predictions, column)
    return Diagnostic(
        "E505",
        f"{escape(inputs.predictions.name)} holds class names, not probabilities",
        (Place(place.where, place.line, place.row, place.column, value),),
        help="log loss needs probabilities: write the output of predict_proba, not of predict",
    )


def _odd_number(inputs: Inputs) -> Diagnostic | None:
    """The first cell of a column that would hold numbers: with a decimal comma or a percent sign, or by the column's name."""
    columns = [column for column in inputs.head.columns if column.kind != "other"]
    likely = [column for column in columns if PROBABILITY_NAME.search(column.name)]
    for column in columns:
        value = next(iter(column.texts), "")
        if [column] == likely:
            value = next((text for text in column.texts if number_advice(text)), value)
        hint = number_advice(value)
        if hint or ([column] == likely and all(map(means_missing, column.texts))):
            place = place_of(inputs.predictions, inputs.head, column.name, value)
            return Diagnostic("E501", f'"{shorten(value)}" is not a number', (place,), help=hint)
    return None


def _confidence(inputs: Inputs, column: str, answer: str | None) -> Diagnostic:
    whose = "the predicted class" if answer is None else f'the class in "{shorten(answer)}"'
    return Diagnostic(
        "E407",
        f'"{shorten(column)}" may be the probability of the predicted class, not of the positive one',
        (inputs.prediction_header(),),
        help=f"if it is the probability of the positive class: --pred {as_list([column])}   "
        f"if it is that of {whose}: write one column per class",
    )


def _too_many_labels(inputs: Inputs, column: str, values: Sequence[str], label_column: str) -> Diagnostic:
    advice = _missing_label_hint(values) or _share_hint(values) or _long_hint(inputs, values)
    advice = advice or "one column fits two classes; more classes need one column each"
    fractions = any(value % 1.0 for value in inputs.head.column(column).numbers if value == value)
    if (
        inputs.separate
        and not fractions
        and sum(is_number(value) and not is_integer(value) for value in values) > len(values) / 2
    ):
        advice = "the two files look swapped: the predictions come first, then the labels"
    return Diagnostic(
        "E408",
        f"{len(values):,} labels, but one probability column",
        (inputs.label_header(label_column),),
        details=(f'found labels: {listed(values, 6)}; probability column "{shorten(column)}"',),
        help=advice,
    )


def _share_hint(values: Sequence[str]) -> str:
    """What to do with labels between 0 and 1; else empty."""
    shares = all(is_number(value) and 0.0 <= float(value) <= 1.0 for value in values)
    fractions = any(not is_integer(value) for value in values)
    return "if they are shares of the positive class (0.5 for a tie): --task soft" if shares and fractions else ""


def _long_hint(inputs: Inputs, values: Sequence[str]) -> str:
    """--long, where a column beside the one probability names the classes; else empty."""
    named = [one.name for one in inputs.head.columns if set(values) & set(distinct(one)) and not tells_apart(one)]
    return f'if "{shorten(named[0])}" is the class that each row is about: --long' if named and inputs.separate else ""


def _missing_label_hint(values: Sequence[str]) -> str:
    """What to do with a label that stands for a missing one, if there is such; else empty."""
    missing = [value for value in values if means_missing(value)]
    return f'if "{shorten(missing[0])}" is no class but a missing label: --missing drop' if missing else ""


def _not_named(inputs: Inputs, columns: Sequence[str], values: Sequence[str], label_column: str) -> Diagnostic:
    value = next((value for value in values if class_text(value) not in map(class_text, columns)), values[0])
    unnamed = [place for place, one in enumerate(inputs.head.columns, start=1) if not one.name and one.looks_numeric]
    advice = f"column {unnamed[-1]} of {escape(inputs.predictions.name)} has no name; " if unnamed[-1:] > [1] else ""
    return Diagnostic(
        "E402",
        f'label "{shorten(value)}" is not one of the predicted classes',
        (place_of(inputs.labels, inputs.label_head, label_column, value),),
        details=(f"found labels: {listed(values)}; columns of numbers: {listed(columns)}",),
        help=f"{advice}name every probability column after its class",
    )


def _which_column(inputs: Inputs, columns: Sequence[str], values: Sequence[str]) -> Diagnostic:
    return Diagnostic(
        "E407",
        "which column holds the probabilities?",
        (inputs.prediction_header(),),
        details=(f"found {quoted(columns)}; labels: {listed(values)}",),
        help=f"say which: {'   or '.join(f'--pred {as_list([name])}' for name in columns[:3])}",
    )


def _which_positive(inputs: Inputs, column: str, values: Sequence[str], label_column: str) -> Diagnostic:
    counts = sorted(label_counts(inputs, label_column).items())
    shown = ", ".join(f"{shorten(label)} ({count:,})" for label, count in counts[:8] if label)
    advice = f'say what "{shorten(column)}" is the probability of: '
    advice += "   or ".join(f"--positive {shlex.quote(value)}" for value in values)
    return Diagnostic(
        "E404",
        "which class is the positive one?",
        (inputs.prediction_header(column),),
        details=(f"found labels: {shown}",),
        help=_missing_label_hint(values) or _share_hint(values) or advice,
    )
