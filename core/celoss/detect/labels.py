"""Owns which column holds the labels, and which label values there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from celoss.detect.heads import distinct, looks_numeric, one_hot
from celoss.detect.inputs import Inputs
from celoss.errors import CelossError, Diagnostic, listed, plural
from celoss.naming import INDEX_NAMES, LABEL_NAMES, Affix, affixes, class_text, common_affix, pair_by_core
from celoss.plan import Finding
from celoss.sources import Chunk, Suspicious


def choose_labels(inputs: Inputs) -> tuple[tuple[str, ...], Finding]:
    """The column that holds class names, or the several 0/1 columns. Raises CelossError (E401)."""
    columns, because = _choose(inputs)
    return columns, Finding("label", listed(columns), because)


def _choose(inputs: Inputs) -> tuple[tuple[str, ...], str]:
    if inputs.flags.label:
        return inputs.flags.label, "--label"
    ids = {theirs for _, theirs in inputs.flags.keys}
    names = [name for name in inputs.label_head.names if name not in ids and name not in INDEX_NAMES]
    usual = [name for name in names if name.casefold() in LABEL_NAMES]
    if len(usual) == 1:
        return (usual[0],), "the column's name"
    if inputs.separate:
        own = [name for name in names if name not in inputs.shared]
        if len(own) == 1 or len(names) == 1:
            return tuple(own or names), f"the only column of {inputs.labels.name} that is not an id"
    flags = _one_hot_columns(inputs, names)
    if flags:
        return flags, "0/1 columns named after the probability columns, one 1 in each row"
    fitting = _fitting_columns(inputs, names)
    if len(fitting) == 1:
        return (fitting[0],), "the only column whose values are all named by columns"
    raise CelossError(_which_label(inputs, fitting or [name for name in names if name not in inputs.shared] or names))


def _others(inputs: Inputs, label_columns: Sequence[str]) -> list[str]:
    """Number columns of the predictions, if these are the label columns."""
    keys = [name for name in inputs.shared if not looks_numeric(inputs.label_head.column(name))]
    return inputs.number_columns(keys if inputs.separate else label_columns)


def _one_hot_columns(inputs: Inputs, names: Sequence[str]) -> tuple[str, ...]:
    flags = [name for name in names if set(distinct(inputs.label_head.column(name))) <= {"0", "1"}]
    if len(flags) < 2 or not one_hot(inputs.label_head, flags):
        return ()
    return tuple(flags) if pair_columns(_others(inputs, flags), flags) else ()


def pair_columns(columns: Sequence[str], flags: Sequence[str]) -> dict[str, tuple[str, str]] | None:
    """Class → (probability column, 0/1 column), leaving out number columns that no 0/1 column is named after."""
    if len(columns) == len(flags):
        return pair_by_core(columns, flags)
    affix = common_affix(flags)
    for theirs in (affix.cores(flags), Affix().cores(flags), Affix("", affix.suffix).cores(flags)):
        for option in affixes(columns, list(theirs)):
            mine = option.cores(columns)
            if theirs and theirs.keys() <= mine.keys():
                return {name: (mine[name], theirs[name]) for name in theirs}
    return None


def not_paired(inputs: Inputs, columns: Sequence[str], flags: Sequence[str]) -> Diagnostic:
    """The diagnostic for 0/1 label columns that have no probability columns of their names."""
    return Diagnostic(
        "E409",
        f"{plural(len(flags), 'label column')} and {plural(len(columns), 'probability column')} do not pair by name",
        (inputs.prediction_header(),),
        details=(f"found labels {listed(flags)}; probabilities {listed(columns)}",),
        help="name them in pairs, such as prob_cat and cat, or choose: --pred A,B --label A,B",
    )


def _fitting_columns(inputs: Inputs, names: Sequence[str]) -> list[str]:
    """Columns whose values in the head are all classes that probability columns are named after."""
    fitting = []
    for name in names:
        values = distinct(inputs.label_head.column(name))
        others = _others(inputs, [name])
        if values and any(set(values) <= affix.cores(others).keys() for affix in affixes(others, values)):
            fitting.append(name)
    return fitting


def _which_label(inputs: Inputs, names: Sequence[str]) -> Diagnostic:
    numeric = [column.name for column in inputs.label_head.columns if looks_numeric(column)]
    swapped = inputs.separate and not set(inputs.number_columns(inputs.shared)) and len(set(numeric) - set(inputs.shared)) > 1
    flags = [name for name in names if set(distinct(inputs.label_head.column(name))) <= {"0", "1"}]
    if len(flags) > 1 and one_hot(inputs.label_head, flags):
        return not_paired(inputs, _others(inputs, flags), flags)
    fewest = min(names, key=lambda name: len(distinct(inputs.label_head.column(name))), default=None)
    if not inputs.separate:
        advice = "give the labels file as the second argument, or name the column: --label NAME"
    elif swapped:
        advice = "the two files look swapped: the predictions come first, then the labels"
    elif fewest:
        advice = f"choose one: --label {fewest}"
    else:
        advice = "add a column with the true class of each row"
    return Diagnostic(
        "E401",
        "which column holds the label?",
        (inputs.label_header(),),
        details=(f"found columns: {listed(inputs.label_head.names)}",),
        help=advice,
    )


def label_values(inputs: Inputs, column: str) -> list[str]:
    """The distinct labels as classes: of the head, or of the whole file while the head shows fewer than two.

    Raises CelossError (E403) when there is none.
    """
    values = distinct(inputs.label_head.column(column))
    if len(values) < 2 and not inputs.label_head.complete:
        values = [value for value in label_counts(inputs, column) if value]
    if not values:
        raise CelossError(
            Diagnostic(
                "E403",
                "all labels are empty",
                (inputs.label_header(column),),
                help="choose another column: --label NAME",
            )
        )
    meanings = dict(inputs.flags.classes)
    return list(dict.fromkeys(meanings.get(value, value) for value in values))


def label_counts(inputs: Inputs, column: str) -> Counter[str]:
    """How often each label occurs in the whole file."""
    try:
        return _counted(inputs.labels.batches([column], []))
    except Suspicious:
        return _counted(inputs.labels.batches([column], [], careful=True))


def _counted(chunks: Iterable[Chunk]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for chunk in chunks:
        for one in chunk.texts[0].value_counts().to_pylist():
            counts[class_text(one["values"])] += one["counts"]
    return counts
