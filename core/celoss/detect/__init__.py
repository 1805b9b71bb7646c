"""Owns `detect`: from the heads of the inputs and the user's flags to a Plan. It raises rather than guesses."""

from __future__ import annotations

from collections.abc import Sequence

from celoss.detect.classes import Choice, choose_named, choose_paired, with_spoiled
from celoss.detect.heads import NOTED_DEVIATION, decimals, printed_tolerance, stored_tolerance, tells_apart
from celoss.detect.inputs import Flags, Inputs, look_at, wrong_option
from celoss.detect.labels import check_label_header, choose_labels, label_values
from celoss.detect.matching import Keys, choose_keys
from celoss.detect.single import choose_single
from celoss.errors import Diagnostic, listed, plural, shorten
from celoss.kernels import DEFAULT_EPS
from celoss.plan import Finding, Plan
from celoss.sources import Source

__all__ = ["NO_FLAGS", "Flags", "detect"]

NO_FLAGS = Flags()


def detect(predictions: Source, labels: Source | None, flags: Flags = NO_FLAGS) -> Plan:
    """Decides how the inputs are read, from their heads.

    labels: None when the label column is in the predictions. Raises CelossError (E103, E2xx, E3xx, E4xx, E505) when
    nothing fits, or when two readings do; the message names the flag that settles it.
    """
    inputs = look_at(predictions, labels, flags)
    label_columns, label_finding = choose_labels(inputs)
    keys, key_finding = choose_keys(inputs, label_columns)
    choice, label_columns = _choose_classes(inputs, label_columns, keys)
    stored, rounded, places, largest, sums = _tolerances(inputs, choice.columns)
    findings = [
        *_formats(predictions, labels),
        label_finding,
        key_finding,
        *choice.findings,
        *_meanings(flags, choice.classes),
        *_left_out(inputs, choice.columns, keys, label_columns),
    ]
    if len(choice.columns) > 1:
        findings.append(sums)
    findings.append(Finding("eps", repr(flags.eps), "the default" if flags.eps == DEFAULT_EPS else "--eps"))
    return Plan(
        task="binary" if len(choice.classes) == 2 else "multiclass",
        classes=choice.classes,
        columns=choice.columns,
        label_columns=label_columns,
        positive=choice.positive,
        keys=keys,
        labels_in_predictions=labels is None,
        eps=flags.eps,
        stored_deviation=stored,
        rounded_deviation=rounded,
        decimals=places,
        largest_deviation=largest,
        meanings=flags.classes,
        findings=tuple(findings),
        notes=_position_note(inputs, keys, choice.columns, label_columns),
    )


def _choose_classes(inputs: Inputs, label_columns: tuple[str, ...], keys: Keys) -> tuple[Choice, tuple[str, ...]]:
    """The classes with their columns, and the label columns (in the order of the classes when there are several)."""
    taken = {mine for mine, _ in keys}
    # A column of the predictions with the name of a label column may be its probability; other shared columns are not.
    taken |= set(inputs.shared) - set(label_columns) if inputs.separate else set(label_columns)
    columns = list(inputs.flags.pred) or inputs.number_columns(taken, label_columns if inputs.separate else ())
    if len(label_columns) > 1:
        return choose_paired(inputs, columns, label_columns)
    (column,) = label_columns
    values = label_values(inputs, column)
    check_label_header(inputs, column, values)
    if not inputs.flags.pred:
        columns = with_spoiled(inputs, columns, values, taken)
    named = choose_named(inputs, columns, values, column) if len(columns) > 1 else None
    return named or choose_single(inputs, columns, values, column), label_columns


def _formats(*sources: Source | None) -> list[Finding]:
    findings = []
    for source in sources:
        if source is not None:
            delimiter = getattr(source, "delimiter", None)
            value = source.format + (f", separated by {_SEPARATORS.get(delimiter, repr(delimiter))}" if delimiter else "")
            because = "the file's first bytes" if source.path else "given in memory"
            findings.append(Finding(f"{source.role} format", value, because))
    return findings


_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def _meanings(flags: Flags, classes: Sequence[str]) -> list[Finding]:
    """The finding for --classes. Raises UsageError (E605) for a class that is none."""
    unknown = [name for _, name in flags.classes if name not in classes]
    if unknown:
        raise wrong_option("--classes", unknown[0], f"the classes are {listed(classes)}", "E605")
    shown = ", ".join(f"{text} means {name}" for text, name in flags.classes)
    return [Finding("label meanings", shown, "--classes")] if flags.classes else []


def _left_out(inputs: Inputs, columns: Sequence[str], keys: Keys, label_columns: Sequence[str]) -> list[Finding]:
    used = {*columns, *(mine for mine, _ in keys), *(() if inputs.separate else label_columns)}
    left = [name or "the unnamed first column" for name in inputs.head.names if name not in used]
    return [Finding("left out", listed(left), "not an id, a label or a probability")] if left else []


def _position_note(inputs: Inputs, keys: Keys, columns: Sequence[str], label_columns: Sequence[str]) -> tuple[Diagnostic, ...]:
    """A note when rows are paired by position although columns that tell rows apart are left out."""
    if keys or not inputs.separate or inputs.flags.id:
        return ()
    mine = [one.name for one in inputs.head.columns if one.name not in columns and tells_apart(one)]
    theirs = [one.name for one in inputs.label_head.columns if one.name not in label_columns and tells_apart(one)]
    if not (inputs.head.named and mine) and not (inputs.label_head.named and theirs):
        return ()
    sides = ((mine, inputs.predictions), (theirs, inputs.labels))
    found = [f'"{shorten(names[0])}" of {source.name}' for names, source in sides if names]
    verbs = "are" if len(found) > 1 else "is"
    message = f"rows are matched by position; {' and '.join(found)} could tell them apart but {verbs} not used"
    advice = (
        f"to match by them: --id '{mine[0]}={theirs[0]}'" if mine and theirs else "if the order is the same in both: --id '#'"
    )
    return (Diagnostic("N6", message, help=advice),)


def _tolerances(inputs: Inputs, names: Sequence[str]) -> tuple[float, float, int, float, Finding]:
    """Deviations that stored and rounded numbers explain, the decimals of the latter, the largest one, and the finding."""
    columns = [inputs.head.column(name) for name in names]
    stored, rounded, largest = stored_tolerance(columns), printed_tolerance(columns), NOTED_DEVIATION
    why = "the precision of the stored numbers"
    if rounded > stored:
        why = f"{len(columns)} columns printed with {plural(decimals(columns), 'decimal')}"
    given = inputs.flags.sum_tolerance
    if given is not None:
        stored, rounded, largest, why = min(stored, given), min(rounded, given), given, "--sum-tolerance"
    silent = max(stored, rounded)
    value = f"{silent:.2g}" + (f", noted up to {largest:.2g}" if largest > silent else "")
    return stored, rounded, decimals(columns), largest, Finding("sum tolerance", value, why)
