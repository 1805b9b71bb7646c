"""Owns saved plans: reading one, and whether the inputs have what it asks for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from celoss.detect.inputs import BY_POSITION, Flags, Inputs, formats, header, look_at
from celoss.detect.leftover import left_out, position_note
from celoss.detect.tolerances import label_deviation, spacing, tolerances
from celoss.errors import CelossError, Diagnostic, Place, UsageError, did_you_mean, escape, listed, plural, quoted, shorten
from celoss.plan import LABELS, PREDICTIONS, Finding, Plan
from celoss.sources import Source
from celoss.sources.long import LongSource

# Findings that are of the files by which a plan was made, and not of others.
OF_ONE_FILE = ("predictions format", "labels format", "left out", "left out of the labels", "sum tolerance")
ASKED_FOR_ORDER = f"--id '{BY_POSITION}'"
MAKE = "make a plan of these inputs: celoss check -o plan.json"


def read_plan(path: str) -> Plan:
    """The plan of a file that `celoss check -o` wrote. Raises UsageError (E607)."""
    from pathlib import Path

    try:
        plan = Plan.from_dict(json.loads(Path(path).read_text("utf-8")))
    except OSError as error:
        raise _no_plan(path, error.strerror or str(error)) from None
    except (ValueError, RecursionError) as error:
        reason = (
            "it is no JSON" if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | RecursionError) else str(error)
        )
        raise _no_plan(path, reason) from None
    decided = [one for one in plan.findings if one.what != "plan"]
    return replace(plan, findings=(Finding("plan", path, "--plan; nothing is detected anew"), *decided))


def _no_plan(path: str, reason: str) -> UsageError:
    return UsageError(
        Diagnostic(
            "E607",
            f"cannot use the plan '{escape(path)}'",
            (Place(f"option --plan {path}"),),
            details=(f"found: {reason}",),
            help="make it: celoss check PREDS LABELS -o plan.json",
        )
    )


def fitted(plan: Plan, predictions: Source, labels: Source | None) -> tuple[Source, Plan]:
    """The predictions as the plan reads them, and the plan with the tolerances and notes that these inputs give.

    Raises CelossError: E103, E204; E210 where the inputs are not of the kind that the plan was made of.
    """
    look_at(predictions, labels, Flags())
    if plan.labels_in_predictions != (labels is None):
        message = "the labels in the predictions" if labels is not None else "the labels in a file of their own"
        raise _unfit(predictions, f"the plan has {message}", MAKE)
    cases = predictions
    if plan.long is not None:
        form = plan.long
        _check_names(predictions, [*form.id_columns, form.class_column, form.value_column])
        cases = LongSource(predictions, form.id_columns, form.class_column, form.value_column, form.classes)
    theirs = [*plan.key_columns(LABELS), *plan.texts(LABELS), *plan.numbers(LABELS)]
    if labels is not None:
        _check_names(labels, theirs)
    mine = [*plan.key_columns(PREDICTIONS), *plan.texts(PREDICTIONS), *plan.numbers(PREDICTIONS)]
    _check_names(cases, mine if labels is not None else [*mine, *theirs])
    flags = Flags(
        sum_tolerance=plan.sum_tolerance,
        weights=plan.weights and plan.weights[1],
        by=tuple(b for _, b in plan.by),
        cluster=plan.cluster and plan.cluster[1],
    )
    heads = cases.head(), (labels or cases).head()
    inputs = Inputs(cases, labels or cases, *heads, flags, labels is not None)
    _check_others(plan, inputs)
    return cases, _of_inputs(plan, inputs, formats(predictions, labels))


def _of_inputs(plan: Plan, inputs: Inputs, found: Sequence[Finding]) -> Plan:
    """The plan with what follows from the numbers and columns of other inputs, whatever the plan was made of."""
    off = tolerances(inputs, plan.columns, plan.scale)
    by_order = any(one.because == ASKED_FOR_ORDER for one in plan.findings)
    notes = () if by_order else position_note(inputs, plan.keys, plan.columns, plan.label_columns)
    kept = [one for one in plan.findings if one.what not in OF_ONE_FILE]
    has_sums = any(one.what == off.finding.what for one in plan.findings)
    findings = [*found, *kept, *left_out(inputs, plan.columns, plan.keys, plan.label_columns), *([off.finding] * has_sums)]
    order = [one.what for one in plan.findings]
    findings.sort(key=lambda one: order.index(one.what) if one.what in order else len(order))
    return replace(
        plan,
        stored_deviation=off.stored,
        rounded_deviation=off.rounded,
        decimals=off.decimals,
        largest_deviation=off.largest,
        label_deviation=label_deviation(inputs, plan.label_columns) if plan.numeric_labels else 0.0,
        spacing=spacing(inputs, plan.columns),
        findings=tuple(findings),
        notes=(*notes, *(note for note in plan.notes if note.code != "N6")),
    )


def _check_others(plan: Plan, inputs: Inputs) -> None:
    """Raises CelossError (E210) for columns that the plan does not know and that could change the score."""
    unknown = [column for column in inputs.head.columns if column.name not in plan.known]
    lists = {name.rpartition("[")[0] for name in plan.columns}
    classes = [one.name for one in unknown if one.name.rpartition("[")[0] in lists - {""}]
    if len(plan.columns) > 1 and (plan.scale == "logits" or plan.task == "multilabel"):
        # Of probabilities the sum of a row shows that a class is missing; here nothing would.
        classes += [one.name for one in unknown if one.looks_numeric and one.name not in classes]
    if classes:
        message = f"the plan does not know {plural(len(classes), 'column')} of {escape(inputs.predictions.name)}"
        advice = f"leave what is no class out of the file, or {MAKE}"
        raise _unfit(inputs.predictions, message, advice, f"found: {quoted(classes)}")
    by_position = inputs.separate and not plan.keys and not any(one.because == ASKED_FOR_ORDER for one in plan.findings)
    shared = [name for name in inputs.shared if by_position and name not in (*plan.columns, *plan.label_columns)]
    if shared:
        message = f"the plan matches rows by position, and both files have {quoted(shared)}"
        raise _unfit(inputs.predictions, message, f"to match by it, {MAKE}")


def _check_names(source: Source, wanted: list[str]) -> None:
    names = source.head().names
    for name in wanted:
        if name not in names:
            near = did_you_mean(name, names)
            advice = f'the nearest column is "{shorten(near)}"; names have to be the same' if near else ""
            message = f'the plan needs a column "{shorten(name)}", which {escape(source.name)} does not have'
            raise _unfit(source, message, advice, f"found columns: {listed(names)}")


def _unfit(source: Source, message: str, advice: str, *details: str) -> CelossError:
    return CelossError(Diagnostic("E210", message, (header(source),), details=details, help=advice))
