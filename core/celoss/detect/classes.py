"""Owns which columns are the probabilities of which classes, when there is one column per class."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from celoss.detect.heads import (
    LEAST_TOLERANCE,
    MOST_ROWS,
    counts_something,
    distinct,
    share_of_sums,
    within_unit,
)
from celoss.detect.inputs import Inputs, first_row, wrong_option
from celoss.detect.labels import check_left_out, label_counts, not_paired, pair_columns
from celoss.detect.scale import named_scale
from celoss.errors import CelossError, Diagnostic, Place, as_list, escape, listed, plural, quoted, shorten
from celoss.lookalikes import alike_hint, difference, nearest, twins
from celoss.naming import (
    Affix,
    affixes,
    class_in_name,
    class_order,
    class_text,
    common_affix,
    is_integer,
    means_missing,
    only_words,
    opposite,
    positive_of,
    says_probability,
)
from celoss.plan import Finding
from celoss.records import dataclass
from celoss.sources.long import LongSource

# Columns among which those are looked for that make up the sums of rows: their subsets are tried.
MOST_OTHERS = 6


@dataclass(frozen=True)
class Choice:
    """The classes in their order, the probability columns in the same order (or the one of P(classes[1])), and why."""

    classes: tuple[str, ...]
    columns: tuple[str, ...]
    positive: str | None
    findings: tuple[Finding, ...]
    # The label column by whose values the columns were found by their names.
    label_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Reading:
    """Columns that could be the probabilities: class → column, why, and whether their names say probability."""

    columns: Mapping[str, str]
    because: str
    worded: bool = False


def choose_paired(
    inputs: Inputs, columns: Sequence[str], label_columns: Sequence[str], task: str | None
) -> tuple[Choice, tuple[str, ...]]:
    """The choice for several label columns, and those in the order of the classes. Raises CelossError (E409).

    task: soft or multilabel, None where each row has one true class.
    """
    pairs = pair_columns(columns, label_columns)
    if pairs is None:
        raise CelossError(not_paired(inputs, columns, label_columns))
    mine = [column for column, _ in pairs.values()]
    left = [name for name in columns if name not in mine]
    if left and task != "multilabel" and share_of_sums(inputs.head, mine) <= MOST_ROWS < share_of_sums(inputs.head, columns):
        advice = f"rows sum to 1 only with {quoted(left)}; every class needs a label column, 0 in rows of other classes"
        raise CelossError(not_paired(inputs, columns, label_columns, advice))
    check_left_out(inputs, columns, label_columns)
    because = "--pred" if inputs.flags.pred else "they have the names of the label columns"
    choice = _one_per_class(inputs, {name: pairs[name][0] for name in pairs}, because, task)
    return choice, tuple(pairs[name][1] for name in choice.classes)


def check_strangers(inputs: Inputs, choice: Choice, scale: str) -> None:
    """Raises CelossError (E405) when columns on a scale whose rows need no sum are taken as classes that no label has.

    Probabilities are known by their sums; among logits any other number column with a bare name would pass for a class.
    """
    bare = set(choice.columns) == set(choice.classes) and len(choice.columns) > 1
    # In the long form every class is one by its name alone.
    bare = bare and not isinstance(inputs.predictions, LongSource)
    if scale == "probs" or not bare or not inputs.head.named or inputs.flags.pred or len(choice.label_columns) != 1:
        return
    (column,) = choice.label_columns
    known = {*distinct(inputs.label_head.column(column)), *(name for _, name in inputs.flags.classes)}
    if not known.issuperset(choice.classes):
        known |= label_counts(inputs, column).keys()
    extra = [name for name in choice.classes if name not in known]
    if extra:
        raise CelossError(
            Diagnostic(
                "E405",
                f"{plural(len(extra), 'column')} of {escape(inputs.predictions.name)} "
                + ("may not be a class" if len(extra) == 1 else "may not be classes"),
                (inputs.prediction_header(),),
                details=(f"found: {quoted(extra)}, which no label names; among {scale} no sum tells",),
                help=f"if they are: --pred {as_list(choice.columns)}   if not: --pred "
                + as_list([name for name in choice.columns if name not in extra]),
            )
        )


def with_spoiled(inputs: Inputs, columns: Sequence[str], values: Sequence[str], taken: Collection[str]) -> list[str]:
    """The number columns, and those that are named like them after a label though most of their cells are no numbers."""
    if not any(class_in_name(name, values) for name in columns):
        return list(columns)
    known = set(columns)
    return [
        name for name in inputs.head.names if name in known or (name not in taken and class_in_name(name, values) is not None)
    ]


def choose_named(inputs: Inputs, columns: Sequence[str], values: Sequence[str], label_column: str) -> Choice | None:
    """The choice among several number columns by their names; None when no name speaks for one column per class.

    Raises CelossError: E402, E405, E406, E407.
    """
    _check_numbered_alike(inputs, columns, values)
    fitting, named = _readings(inputs, columns, values)
    scale = inputs.flags.scale
    if scale in ("logits", "logprobs"):
        # Probabilities beside them sum to 1, which says nothing then; a name that speaks of the scale does.
        named = [one for one in named if named_scale(list(one.columns.values())) == scale] or named
        fitting = []
    if len(fitting) > 1:
        raise CelossError(_two_readings(inputs, fitting))
    if fitting:
        return _one_per_class(inputs, fitting[0].columns, f"{fitting[0].because}; rows sum to 1")
    if named and (len(values) > 1 or inputs.flags.pred or named[0].worded or _is_no_probability(inputs, named[0])):
        if len(named) > 1:
            raise CelossError(_two_readings(inputs, named))
        if not inputs.flags.pred and inputs.flags.scale in (None, "probs") and _has_strangers(inputs, named[0], values):
            raise CelossError(_not_classes(inputs, named[0], values))
        because = "--pred" if inputs.flags.pred else named[0].because
        return replace(_one_per_class(inputs, named[0].columns, because), label_columns=(label_column,))
    if inputs.flags.pred or share_of_sums(inputs.head, columns) > MOST_ROWS:
        raise CelossError(_no_common_name(inputs, columns, values, label_column))
    nearly = _nearly_named(inputs, columns, values)
    return replace(_one_per_class(inputs, nearly.columns, nearly.because), label_columns=(label_column,)) if nearly else None


def _is_no_probability(inputs: Inputs, reading: _Reading) -> bool:
    """Whether no column of a reading can be P(positive) by itself: beyond 0..1, or places of an array."""
    return not inputs.head.named or not any(within_unit(inputs.head.column(name)) for name in reading.columns.values())


def _readings(inputs: Inputs, columns: Sequence[str], values: Sequence[str]) -> tuple[list[_Reading], list[_Reading]]:
    """Readings whose rows sum to 1 (those that name every label, if any does), and all that name every label."""
    ways = affixes(columns, values)
    # Names that are the class alone or say probability go before others: `p_cat` before `prior_cat`.
    plain = [
        one for one in ways if only_words(one) and set(values) <= one.cores(columns).keys() and len(one.cores(columns)) > 1
    ]
    fitting, named = [], []
    for affix in plain or ways:
        options = _options(inputs, columns, values, affix)
        if not options:
            continue
        shares = [share_of_sums(inputs.head, list(one.columns.values())) for one in options]
        if max(shares) > MOST_ROWS:
            fitting.append(_completed(inputs, options[shares.index(max(shares))], options[0]))
        if set(values) <= options[0].columns.keys():
            named.append(options[0])
    if any(one.worded for one in named) and not any(one.worded for one in fitting):
        # A bad value in `p_cat` must not make another set of columns the probabilities.
        return [], [one for one in named if one.worded]
    fitting = [one for one in fitting if set(values) <= one.columns.keys()] or fitting
    distinct = {frozenset(one.columns.values()): one for one in reversed(fitting)}
    return list(distinct.values()), named


def _options(inputs: Inputs, columns: Sequence[str], values: Sequence[str], affix: Affix) -> list[_Reading]:
    """The columns that an affix names: all, those within 0..1, those that labels name; none if it is no distribution."""
    cores = affix.cores(columns)
    known = {name: cores[name] for name in values if name in cores}
    if not any(counts_something(inputs.head.column(column)) for column in known.values()) and not inputs.flags.pred:
        # Ids and counts are no classes, unless all columns are such (percentages).
        cores = {
            name: column for name, column in cores.items() if name in known or not counts_something(inputs.head.column(column))
        }
    if not known or len(cores) < 2:
        return []
    way, worded = f"named after the classes ({affix})", says_probability(affix)
    options = [_Reading(cores, way, worded)]
    if inputs.flags.pred:
        return options
    inside = {name: column for name, column in cores.items() if within_unit(inputs.head.column(column))}
    if 1 < len(inside) < len(cores) and known.keys() <= inside.keys():
        options.append(_Reading(inside, f"{way} and between 0 and 1", worded))
    if 1 < len(known) < len(cores):
        options.append(_Reading(known, f"{way} that the labels have", worded))
    return options


def _nearly_named(inputs: Inputs, columns: Sequence[str], values: Sequence[str]) -> _Reading | None:
    """The columns that are named after most of several labels, if any are: the other labels are faults of their rows."""
    unnamed = any(not one.name and one.looks_numeric for one in inputs.head.columns[1:])
    for affix in affixes(columns, values) if len(values) > 2 and not unnamed else ():
        options = _options(inputs, columns, values, affix)
        if options and len(options[0].columns.keys() & set(values)) > MOST_ROWS * len(values):
            return options[min(1, len(options) - 1)]
    return None


def _completed(inputs: Inputs, reading: _Reading, whole: _Reading) -> _Reading:
    """The reading, or that with others of the columns of `whole` which makes most of the sums exact that were rounded.

    A class that no label has is no less a class: where columns beside it are none, the exact sums show which it is.
    """
    others = [name for name in whole.columns if name not in reading.columns]
    inexact = _inexact(inputs, reading.columns.values())
    if inputs.flags.pred or not inexact or len(others) > MOST_OTHERS:
        return reading
    added = [chosen for count in range(1, len(others) + 1) for chosen in combinations(others, count)]
    options = [{name: whole.columns[name] for name in whole.columns if name in reading.columns or name in one} for one in added]
    best = min(options, key=lambda one: _inexact(inputs, one.values()), default={})
    better = best and 2 * _inexact(inputs, best.values()) < inexact
    return replace(reading, columns=best, because=whole.because) if better else reading


def _inexact(inputs: Inputs, columns: Iterable[str]) -> int:
    """How many rows do not sum to 1 exactly."""
    rows = zip(*(inputs.head.column(name).numbers for name in columns), strict=True)
    return sum(not (min(row) >= 0.0 and abs(math.fsum(row) - 1.0) <= LEAST_TOLERANCE) for row in rows)


def _has_strangers(inputs: Inputs, reading: _Reading, values: Sequence[str]) -> bool:
    """Whether columns that no label names are of another kind (an age, a count) than those that labels name."""
    inside = {name: within_unit(inputs.head.column(column)) for name, column in reading.columns.items()}
    return all(inside[name] for name in values) and not all(inside.values())


def _one_per_class(inputs: Inputs, columns: Mapping[str, str], because: str, task: str | None = None) -> Choice:
    classes = tuple(sorted(columns, key=class_order))
    if (alike := twins(classes)) is not None:
        one, other = alike
        raise CelossError(_same_name(inputs, [columns[one], columns[other]], f"differ only in {difference(one, other)}"))
    ordered = tuple(columns[name] for name in classes)
    independent = task == "multilabel"
    found = task or ("binary" if len(classes) == 2 else "multiclass")
    why = f"{len(classes)} probability columns" if task is None else _LABELS[task]
    findings = [
        Finding("task", inputs.flags.task or found, "--task" if inputs.flags.task else why),
        Finding("classes", listed(classes), "the columns' names"),
        Finding("probabilities", listed(ordered), because),
    ]
    if independent and inputs.flags.positive is not None:
        raise wrong_option("--positive", inputs.flags.positive, "it is for two classes; these labels are independent", "E605")
    positive, why = _positive_of_two(inputs, classes) if not independent else (None, "")
    if positive is not None:
        findings.append(Finding("positive class", positive, why))
    return Choice(classes, ordered, positive, tuple(findings))


_LABELS = {"soft": "the labels are shares", "multilabel": "the labels are independent"}


def _positive_of_two(inputs: Inputs, classes: Sequence[str]) -> tuple[str | None, str]:
    """Which of two classes the report calls positive; it changes no number."""
    given = inputs.flags.positive
    if given is not None:
        if class_text(given) not in classes or len(classes) != 2:
            advice = f"the classes are {listed(classes)}"
            raise wrong_option("--positive", given, advice if len(classes) == 2 else f"it is for two classes; {advice}", "E605")
        return class_text(given), "--positive"
    return (positive_of(classes) if len(classes) == 2 else None), "the usual meaning of the labels"


def _check_numbered_alike(inputs: Inputs, columns: Sequence[str], values: Sequence[str]) -> None:
    """Raises CelossError (E203) when a label could be that of two columns, `1` and `1.0`."""
    known = set(values)
    seen: dict[str, str] = {}
    for name in columns:
        other = seen.setdefault(class_text(name), name)
        if other != name and class_text(name) in known:
            raise CelossError(_same_name(inputs, [other, name], f"are both of class {shorten(class_text(name))}"))


def _same_name(inputs: Inputs, columns: Sequence[str], what: str) -> Diagnostic:
    first, second = sorted(columns, key=inputs.head.names.index)
    fields = [inputs.head.names.index(name) + 1 for name in (first, second)]
    return Diagnostic(
        "E203",
        f'the columns "{shorten(first)}" and "{shorten(second)}" {what}',
        (inputs.prediction_header(),),
        details=(f"found: columns {fields[0]} and {fields[1]}",),
        help="give every column its own name",
    )


def _two_readings(inputs: Inputs, readings: Sequence[_Reading]) -> Diagnostic:
    options = [as_list(list(one.columns.values())) for one in readings]
    return Diagnostic(
        "E407",
        "two sets of columns could be the probabilities",
        (inputs.prediction_header(),),
        details=tuple(f"found {shorten(option, 80)}" for option in options),
        help=f"choose one: --pred {options[-1]}",
    )


def _not_classes(inputs: Inputs, reading: _Reading, values: Sequence[str]) -> Diagnostic:
    extra = [
        column for name, column in reading.columns.items() if name not in values and not within_unit(inputs.head.column(column))
    ]
    return Diagnostic(
        "E405",
        f"{plural(len(extra), 'column')} of {escape(inputs.predictions.name)} "
        + ("is not a class" if len(extra) == 1 else "are not classes"),
        (inputs.prediction_header(),),
        details=(f"found: {quoted(extra)}; labels: {listed(values)}",),
        help=f"name the class columns: --pred {as_list([reading.columns[name] for name in values])}",
    )


def _no_common_name(inputs: Inputs, columns: Sequence[str], values: Sequence[str], label_column: str) -> Diagnostic:
    """A distribution none of whose columns has the name of a label: says what would pair them, where that is clear."""
    classes = common_affix(columns).cores(columns) or Affix().cores(columns)
    place = first_row(inputs.labels, label_column)
    usual = _usual_meaning(list(classes), values)
    if usual:
        return Diagnostic(
            "E406",
            "labels and columns name two classes in different words",
            (place,),
            details=(f"found labels {listed(values)}; columns {listed(columns)}",),
            help=f"if they mean the same: --classes {usual}",
        )
    if all(map(is_integer, values)) and not any(name.isdecimal() for name in classes):
        low, high = min(map(int, values)), max(map(int, values))
        start = int(low > 0 and high == len(classes))
        pairs = [f"{start + index}={name}" for index, name in enumerate(classes)]
        if label_column in classes and set(values) <= {"0", "1"}:
            others = [name for name in classes if name != label_column]
            advice = (
                f"if 1 means {label_column}: --classes {as_list([f'1={label_column}', f'0={others[0]}'])}"
                if len(others) == 1
                else ""
            )
            return _numbers_beside_names(place, values, columns, advice)
        meaning = ", ".join(pair.replace("=", " means ", 1) for pair in pairs[:5])
        advice = f"if {meaning}: --classes {as_list(pairs)}" if low >= 0 and high < len(classes) + start else ""
        return _numbers_beside_names(place, values, columns, advice)
    near = nearest(values[0], list(classes))
    advice = f'the nearest class is "{shorten(near)}"; spelling, case and spaces count' if near else ""
    if all(map(means_missing, values)):
        advice = "it says that a label is missing; choose another column: --label NAME"
    elif alike := alike_hint(values[0], classes, "class"):
        advice = alike
    elif all(map(is_integer, classes)) and not any(map(is_integer, values)):
        advice = "say which column each label is: --classes " + as_list([f"{value}=N" for value in sorted(values)[:5]])
    return Diagnostic(
        "E402",
        f'label "{shorten(values[0])}" is not one of the predicted classes',
        (place,),
        details=(f"found labels: {listed(values)}; predicted classes: {listed(list(classes))}",),
        help=advice,
    )


def _numbers_beside_names(place: Place, values: Sequence[str], columns: Sequence[str], advice: str) -> Diagnostic:
    low, high = min(map(int, values)), max(map(int, values))
    found = f"found labels {low} to {high}; columns {listed(columns)}"
    return Diagnostic("E406", "labels are numbers, the columns are names", (place,), details=(found,), help=advice)


def _usual_meaning(classes: Sequence[str], values: Sequence[str]) -> str:
    """`0=no,1=yes` for labels 0 and 1 beside columns no and yes, by the table of opposites; else empty."""
    pair = values if len(values) == 2 else [values[0], opposite(values[0]) or ""]
    left, right = positive_of(pair), positive_of(classes)
    if len(classes) != 2 or len(pair) != 2 or left is None or right is None:
        return ""
    low = next(value for value in pair if value != left), next(name for name in classes if name != right)
    return as_list([f"{low[0]}={low[1]}", f"{left}={right}"])
