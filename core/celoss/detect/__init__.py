"""Owns `detect`: from the heads of the inputs and the user's flags to a Plan. It raises rather than guesses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from celoss.detect.classes import Choice, check_strangers, choose_named, choose_paired, with_spoiled
from celoss.detect.inputs import Flags, Inputs, formats, look_at, unfit_option, wrong_option
from celoss.detect.labels import Truth, check_label_header, check_named_header, choose_labels, label_values
from celoss.detect.layout import as_cases
from celoss.detect.leftover import left_out, position_note
from celoss.detect.matching import Keys, choose_keys, holds_fractions
from celoss.detect.options import check_alone, check_flags, option_findings, resolved
from celoss.detect.saved import fitted, read_plan
from celoss.detect.scale import choose_scale
from celoss.detect.single import choose_share, choose_single
from celoss.detect.tolerances import label_deviation, spacing, tolerances
from celoss.errors import Diagnostic, listed, plural, quoted
from celoss.lookalikes import bare, difference
from celoss.plan import LABELS, Finding, LongForm, Plan
from celoss.sources import Source
from celoss.sources.long import LongSource

__all__ = ["NO_FLAGS", "Flags", "as_cases", "check_alone", "check_flags", "detect", "fitted", "formats", "read_plan"]

NO_FLAGS = Flags()


def detect(predictions: Source, labels: Source | None, flags: Flags = NO_FLAGS, layout: tuple[Finding, ...] = ()) -> Plan:
    """Decides how the inputs are read, from their heads.

    labels: None when the label column is in the predictions. layout: the finding of `as_cases`. Raises CelossError (E103,
    E2xx, E3xx, E4xx, E505, E508) when nothing fits, or when two readings do; the message names the flag that settles it.
    Raises UsageError (E604, E605, E606) for options that do not fit.
    """
    inputs = look_at(predictions, labels, flags)
    truth = choose_labels(inputs)
    keys, key_finding = choose_keys(inputs, truth.columns)
    choice, label_columns = _choose_classes(inputs, truth, keys)
    task = _task(flags, truth, choice)
    independent = task == "multilabel"
    one_column = len(choice.columns) == 1
    scale, scale_finding = choose_scale(inputs, choice.columns, whole=not (one_column or independent))
    check_strangers(inputs, choice, scale)
    match = "id" if keys else "row" if labels is None else "position"
    options, eps = resolved(flags, task, scale, choice.classes, len(choice.columns), match)
    off = tolerances(inputs, choice.columns, scale)
    sums_count = not one_column and not independent and scale != "logits" and not options.renormalize
    findings = [*formats(predictions, labels), *layout, truth.finding, key_finding, *choice.findings, scale_finding]
    findings += _column_findings(inputs, truth, choice, keys, label_columns)
    findings += [off.finding] if sums_count else []
    findings += option_findings(options, eps, scale)
    return Plan(
        task=task,
        classes=choice.classes,
        columns=choice.columns,
        label_columns=label_columns,
        positive=choice.positive,
        keys=keys,
        labels_in_predictions=labels is None,
        eps=eps,
        stored_deviation=off.stored,
        rounded_deviation=off.rounded,
        decimals=off.decimals,
        largest_deviation=off.largest,
        meanings=flags.classes,
        scale=scale,
        options=options,
        numeric_labels=truth.numeric,
        any_share=flags.task == "multilabel" or not independent,
        label_deviation=label_deviation(inputs, label_columns) if truth.numeric else 0.0,
        weights=None if flags.weights is None else (inputs.side_of(flags.weights), flags.weights),
        by=tuple((inputs.side_of(name), name) for name in flags.by),
        cluster=None if flags.cluster is None else (inputs.side_of(flags.cluster), flags.cluster),
        spacing=spacing(inputs, choice.columns),
        sum_tolerance=flags.sum_tolerance,
        known=inputs.head.names,
        long=_long_form(predictions),
        findings=tuple(findings),
        notes=(*position_note(inputs, keys, choice.columns, label_columns), *_spelling_note(choice)),
    )


def _long_form(predictions: Source) -> LongForm | None:
    if not isinstance(predictions, LongSource):
        return None
    return LongForm(predictions.id_columns, predictions.class_column, predictions.value_column, predictions.classes)


def _choose_classes(inputs: Inputs, truth: Truth, keys: Keys) -> tuple[Choice, tuple[str, ...]]:
    """The classes with their columns, and the label columns (in the order of the classes when there are several)."""
    label_columns = truth.columns
    taken = {mine for mine, _ in keys}
    # A column of the predictions with the name of a label column may be its probability; other shared columns are not.
    shared = {name for name in inputs.shared if not holds_fractions(inputs, name)}
    taken |= shared - set(label_columns) if inputs.separate else set(label_columns)
    columns = list(inputs.flags.pred) or inputs.number_columns(taken, label_columns if inputs.separate else ())
    if len(label_columns) > 1:
        return choose_paired(inputs, columns, label_columns, truth.task)
    (column,) = label_columns
    if truth.numeric:
        return choose_share(inputs, columns, column), label_columns
    values = label_values(inputs, column)
    check_label_header(inputs, column, values)
    if not inputs.flags.pred:
        columns = with_spoiled(inputs, columns, values, taken)
    named = choose_named(inputs, columns, values, column) if len(columns) > 1 else None
    if named is not None:
        check_named_header(inputs, column, values, named.classes)
    return named or choose_single(inputs, columns, values, column), label_columns


def _task(flags: Flags, truth: Truth, choice: Choice) -> str:
    """What is scored. Raises UsageError (E604) where --task says what the files are not."""
    task = truth.task or ("binary" if len(choice.classes) == 2 else "multiclass")
    if flags.task == "multiclass" and task == "binary" and len(choice.columns) > 1:
        # Two classes are as good as any other number of them; only the word in the report is another.
        return "multiclass"
    if flags.task is not None and flags.task != task:
        found = f"{plural(len(choice.classes), 'class', 'classes')}: {listed(choice.classes, 6)}; the files hold a {task} task"
        raise wrong_option("--task", flags.task, f"found {found}")
    return task


def _column_findings(
    inputs: Inputs, truth: Truth, choice: Choice, keys: Keys, label_columns: Sequence[str]
) -> Iterator[Finding]:
    """What the labels mean, which columns have other roles, and which have none. Raises UsageError (E604, E605)."""
    yield from _meanings(inputs.flags, choice.classes, names=len(label_columns) == 1 and not truth.numeric)
    yield from _columns_of_flags(inputs)
    yield from left_out(inputs, choice.columns, keys, label_columns)


def _columns_of_flags(inputs: Inputs) -> list[Finding]:
    """The findings for --weights, --by and --cluster."""
    given = [("weights", "--weights", inputs.flags.weights)] if inputs.flags.weights is not None else []
    given += [("groups by", "--by", name) for name in inputs.flags.by]
    given += [("clusters", "--cluster", inputs.flags.cluster)] if inputs.flags.cluster is not None else []
    found = []
    for what, option, name in given:
        doubled = inputs.separate and name in inputs.head.names and name in inputs.label_head.names
        source = inputs.labels if inputs.side_of(name or "") == LABELS else inputs.predictions
        why = f"{option}; both files have it, that of {source.name} counts" if doubled else f"{option}, from {source.name}"
        found.append(Finding(what, name or "", why))
    return found


def _meanings(flags: Flags, classes: Sequence[str], *, names: bool) -> list[Finding]:
    """The finding for --classes. Raises UsageError: E604 where labels are no names, E605 for a class that is none."""
    if flags.classes and not names:
        advice = "it says what the texts of a single label column mean"
        raise unfit_option("--classes", "for label columns of numbers", advice)
    unknown = [name for _, name in flags.classes if name not in classes]
    if unknown:
        raise wrong_option("--classes", unknown[0], f"the classes are {listed(classes)}", "E605")
    shown = ", ".join(f"{text} means {name}" for text, name in flags.classes)
    return [Finding("label meanings", shown, "--classes")] if flags.classes else []


def _spelling_note(choice: Choice) -> tuple[Diagnostic, ...]:
    """A note when the columns have the names of the classes but for spaces or invisible characters."""
    pairs = [(name, column) for name, column in zip(choice.classes, choice.columns, strict=False) if name != column]
    if len(choice.columns) == 1 or not pairs or any(bare(column) != bare(name) for name, column in pairs):
        return ()
    (first, written), names = pairs[0], listed([name for name, _ in pairs])
    message = f"the columns {quoted([column for _, column in pairs])} are taken as the classes {names}"
    return (Diagnostic("N9", f"{message}; they differ in {difference(written, first)}"),)
