"""Owns which column holds the labels, and which label values there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from celoss.detect.heads import MOST_ROWS, distinct, is_flag, looks_numeric, one_hot, share_of_sums, tells_apart
from celoss.detect.inputs import Inputs, no_header
from celoss.errors import CelossError, Diagnostic, listed, plural, shorten
from celoss.naming import INDEX_NAMES, LABEL_NAMES, PREDICTION_NAME, Affix, affixes, class_text, common_affix, pair_by_core
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
    fitting = _fitting_columns(inputs, [name for name in names if name not in inputs.shared])
    rivals = [name for name in fitting if name not in usual and not _all_differ(inputs, name)]
    if len(usual) == 1 and not rivals:
        return (usual[0],), "the column's name"
    if inputs.separate and not usual:
        own = [name for name in names if name not in inputs.shared]
        # Where both files have all columns, the one that does not tell rows apart is the label.
        own = own or [name for name in names if not tells_apart(inputs.label_head.column(name))]
        own = own or [name for name in names if is_flag(inputs.label_head.column(name))]
        if (len(own) == 1 or len(names) == 1) and not _is_answer((own or names)[0]):
            return tuple(own or names), f"the only column of {inputs.labels.name} that is not an id"
    flags = _one_hot_columns(inputs, names)
    if flags:
        return flags, "0/1 columns named after the probability columns, one 1 in each row"
    if len(fitting) == 1 and not usual:
        return (fitting[0],), "the only column whose values are all named by columns"
    candidates = [*usual, *rivals]
    raise CelossError(_which_label(inputs, candidates or [name for name in names if name not in inputs.shared] or names))


def _all_differ(inputs: Inputs, name: str) -> bool:
    """Whether no value of the head repeats, as in a column of ids."""
    texts = inputs.label_head.column(name).texts
    return len(set(texts)) == len(texts)


def _is_answer(name: str) -> bool:
    """Whether a column's name says that it is what the model answered, which is not the truth."""
    return PREDICTION_NAME.search(name) is not None


def _others(inputs: Inputs, label_columns: Sequence[str]) -> list[str]:
    """Number columns of the predictions, if these are the label columns."""
    shared = [inputs.label_head.column(name) for name in inputs.shared]
    keys = [column.name for column in shared if not looks_numeric(column) and not is_flag(column)]
    return inputs.number_columns(keys if inputs.separate else label_columns)


def _one_hot_columns(inputs: Inputs, names: Sequence[str]) -> tuple[str, ...]:
    flags = [name for name in names if is_flag(inputs.label_head.column(name))]
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
        if (
            values
            and not _is_answer(name)
            and any(set(values) <= affix.cores(others).keys() for affix in affixes(others, values))
        ):
            fitting.append(name)
    return fitting


def _which_label(inputs: Inputs, names: Sequence[str]) -> Diagnostic:
    shared = set(inputs.shared)
    numeric = [one.name for one in inputs.label_head.columns if looks_numeric(one) and one.name not in shared]
    distribution = len(numeric) > 1 and share_of_sums(inputs.label_head, numeric) > MOST_ROWS
    swapped = inputs.separate and (distribution or (len(numeric) > 1 and not inputs.number_columns(shared)))
    flags = [name for name in names if is_flag(inputs.label_head.column(name))]
    if len(flags) > 1 and one_hot(inputs.label_head, flags):
        return not_paired(inputs, _others(inputs, flags), flags)
    answers = [name for name in names if _is_answer(name)]
    heads = [inputs.label_head.column(name) for name in names]
    if not inputs.separate:
        heads = [one for one in heads if (is_flag(one) or not looks_numeric(one)) and not tells_apart(one)]
    likely = [one.name for one in sorted(heads, key=lambda one: len(distinct(one)))][:3]
    if swapped:
        advice = "the two files look swapped: the predictions come first, then the labels"
    elif answers and len(names) == 1:
        advice = f'"{shorten(answers[0])}" sounds like the answer of the model; if it is the truth: --label {answers[0]}'
    elif not inputs.separate and not likely:
        advice = "give the labels file as the second argument, or name the column: --label NAME"
    else:
        advice = f"say which: {'   or '.join(f'--label {name}' for name in likely)}"
        advice += "" if inputs.separate else "; or give the labels file as the second argument"
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


def check_label_header(inputs: Inputs, column: str, values: Sequence[str]) -> None:
    """Raises CelossError (E204) when the name of the label column is itself one of the labels: a file without a header."""
    if inputs.separate and inputs.labels.format == "csv" and column in values:
        raise CelossError(no_header(inputs.labels, inputs.label_head, f'"{shorten(column)}" is a label as well'))


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
