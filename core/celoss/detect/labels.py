"""Owns which column holds the labels, and which label values there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from celoss import compute as pc
from celoss.detect.heads import (
    MOST_ROWS,
    NOTED_DEVIATION,
    counts_something,
    distinct,
    is_flag,
    one_hot,
    share_of_sums,
    tells_apart,
    within_unit,
)
from celoss.detect.inputs import Inputs, no_header, wrong_option
from celoss.errors import CelossError, Diagnostic, as_list, listed, plural, quoted, shorten
from celoss.naming import (
    INDEX_NAMES,
    LABEL_NAMES,
    PREDICTION_NAME,
    Affix,
    affixes,
    class_in_name,
    class_text,
    common_affix,
    flag,
    is_integer,
    means_missing,
    pair_by_core,
)
from celoss.plan import Finding
from celoss.records import dataclass
from celoss.sources import Chunk, Column, read_all
from celoss.sources.base import is_number


@dataclass(frozen=True)
class Truth:
    """The label columns and what they are. task: soft or multilabel, None where each row has one true class.

    numeric: whether they hold numbers (shares), not names or 0/1 flags.
    """

    columns: tuple[str, ...]
    finding: Finding
    task: str | None = None
    numeric: bool = False


def choose_labels(inputs: Inputs) -> Truth:
    """The column that holds class names, or the several of flags or shares. Raises CelossError (E401, E414)."""
    _check_shared_header(inputs)
    several = inputs.flags.task in ("soft", "multilabel") or inputs.flags.options.normalize_labels
    if inputs.flags.label:
        return _truth(inputs, inputs.flags.label, "--label")
    if several:
        columns = _paired_columns(inputs, _names(inputs), numbers=True)
        if columns:
            return _truth(inputs, columns, "named after the probability columns")
    if (one_of_two := _one_of_two(inputs)) is not None:
        return one_of_two
    columns, because = _choose(inputs)
    return _truth(inputs, columns, because)


def _one_of_two(inputs: Inputs) -> Truth | None:
    """Of two label columns that sum to 1 the one of the class that the single prediction column is named after."""
    columns = list(inputs.flags.pred) or inputs.number_columns(inputs.shared)
    names = [name for name in _names(inputs) if name not in inputs.shared]
    if not inputs.separate or len(columns) != 1 or len(names) != 2:
        return None
    if not all(inputs.label_head.column(name).looks_numeric for name in names) or share_of_sums(inputs.label_head, names) < 1.0:
        return None
    named = class_in_name(columns[0], names)
    if named is None:
        return None
    (other,) = (name for name in names if name != named)
    finding = Finding("label", named, f"{columns[0]} is named after it; {other} is what is left to 1")
    shares = _holds_numbers([inputs.label_head.column(named)])
    return Truth((named,), finding, "soft", True) if shares else Truth((named,), finding)


def _truth(inputs: Inputs, columns: tuple[str, ...], because: str) -> Truth:
    """What the label columns are: flags of one class or of several, shares, or names."""
    finding = Finding("label", listed(columns), because)
    heads = [inputs.label_head.column(name) for name in columns]
    task, options = inputs.flags.task, inputs.flags.options
    if len(columns) == 1:
        if task == "multilabel" or (task == "soft" and not heads[0].looks_numeric):
            raise wrong_option("--task", task, f'there is one label column, "{shorten(columns[0])}"; {_NEEDED[task]}')
        if task == "soft":
            return Truth(
                columns, Finding("label", columns[0], f"{because}; its numbers are shares, by --task soft"), "soft", True
            )
        return Truth(columns, finding)
    flags = not _holds_numbers(heads)
    if task == "multilabel":
        return Truth(columns, finding, "multilabel", not flags)
    if task == "soft" or options.normalize_labels:
        # Counts are mostly 0 and 1, too; only what is written as True and False is no number.
        return Truth(columns, finding, "soft", all(one.looks_numeric for one in heads))
    if not flags:
        return _shares(inputs, columns, because)
    if not one_hot(inputs.label_head, columns) and task is None and not _predicts_one_whole(inputs, columns):
        why = f"{because}; rows with none or several 1, and predictions that do not sum to 1"
        return Truth(columns, Finding("label", listed(columns), why), "multilabel")
    return Truth(columns, finding)


_NEEDED = {
    "soft": "soft labels are shares, in one column per class or one of the positive class",
    "multilabel": "independent labels have one 0/1 column each",
}


def _holds_numbers(heads: Sequence[Column]) -> bool:
    """Whether label columns hold shares or counts: fractions, or in most rows numbers beyond 0 and 1.

    A lone −1, 2 or word among 0 and 1 makes no numbers of flags: it is a fault to be found.
    """
    rows = list(zip(*(one.texts for one in heads), strict=True))
    others = [[text for text in row if is_number(text) and flag(text) is None] for row in rows]
    fractions = any(not is_integer(class_text(text.strip())) for row in others for text in row)
    return fractions or sum(map(bool, others)) > MOST_ROWS * len(rows)


def _shares(inputs: Inputs, columns: tuple[str, ...], because: str) -> Truth:
    """Label columns of numbers: shares of one whole. Raises CelossError (E414) when they sum to something else."""
    if share_of_sums(inputs.label_head, columns) > MOST_ROWS:
        return Truth(columns, Finding("label", listed(columns), f"{because}; numbers that sum to 1"), "soft", True)
    inside = all(within_unit(inputs.label_head.column(name)) for name in columns)
    advice = "if they are independent labels: --task multilabel" if inside else "if they are counts: --normalize-labels"
    raise CelossError(
        Diagnostic(
            "E414",
            "the label columns hold numbers that do not sum to 1",
            (inputs.label_header(columns[0]),),
            details=(f"found label columns {listed(columns)} and a row that sums to {_odd_sum(inputs, columns)}",),
            help=advice,
        )
    )


def _odd_sum(inputs: Inputs, columns: Sequence[str]) -> str:
    """The sum of the first row that is far from 1."""
    rows = zip(*(inputs.label_head.column(name).numbers for name in columns), strict=True)
    return next((f"{sum(row):.6g}" for row in rows if abs(sum(row) - 1.0) > NOTED_DEVIATION), "?")


def _predicts_one_whole(inputs: Inputs, flags: Sequence[str]) -> bool:
    """Whether the prediction columns sum to 1, all or those that pair with label columns, so that each row has one class."""
    columns = list(inputs.flags.pred) or _others(inputs, flags)
    pairs = pair_columns(columns, flags)
    paired = [mine for mine, _ in pairs.values()] if pairs else []
    return bool(paired) and max(share_of_sums(inputs.head, names) for names in (paired, columns)) > MOST_ROWS


def _names(inputs: Inputs) -> list[str]:
    """Columns of the labels that are no ids by --id, no row names, and have no other role by a flag."""
    ids = {theirs for _, theirs in inputs.flags.keys}
    reserved = inputs.reserved
    return [name for name in inputs.label_head.names if name not in ids and name not in INDEX_NAMES and name not in reserved]


def _choose(inputs: Inputs) -> tuple[tuple[str, ...], str]:
    names = _names(inputs)
    usual = [name for name in names if name.casefold() in LABEL_NAMES]
    fitting = _fitting_columns(inputs, [name for name in names if name not in inputs.shared])
    # Small integers (a fold, an age) fit numbered classes by chance: only a name that says label makes a rival of them.
    rivals = [name for name in fitting if name not in usual and not _all_differ(inputs, name) and _is_rival(inputs, name)]
    if len(usual) == 1 and not rivals:
        _check_no_shares(inputs, usual[0], [name for name in names if name != usual[0]])
        return (usual[0],), "the column's name"
    if inputs.separate and not usual:
        own = [name for name in names if name not in inputs.shared]
        if not own and (paired := _paired(inputs, names)):
            return paired
        if flags := _flags_beside(inputs, names, own):
            return flags, "0/1 columns named after the probability columns, one 1 in each row"
        # Where both files have all columns, the one that does not tell rows apart is the label.
        own = own or [name for name in names if not tells_apart(inputs.label_head.column(name))]
        own = own or [name for name in names if is_flag(inputs.label_head.column(name))]
        if (len(own) == 1 or len(names) == 1) and not _is_answer((own or names)[0]):
            _check_no_share_left(inputs, names, (own or names)[0])
            _check_reserved(inputs, (own or names)[0])
            return tuple(own or names), f"the only column of {inputs.labels.name} that is not an id"
    if paired := _paired(inputs, names):
        return paired
    if len(fitting) == 1 and not usual:
        return (fitting[0],), "the only column whose values are all named by columns"
    candidates = [*usual, *rivals]
    raise CelossError(_which_label(inputs, candidates or [name for name in names if name not in inputs.shared] or names))


def _flags_beside(inputs: Inputs, names: Sequence[str], own: Sequence[str]) -> tuple[str, ...]:
    """0/1 columns that both files have, probabilities in one, where the labels' own columns name no class: a split, a usage."""
    flags = _paired_columns(inputs, [name for name in names if name in inputs.shared], numbers=False)
    whole = bool(flags) and one_hot(inputs.label_head, flags) and share_of_sums(inputs.head, flags) > MOST_ROWS
    predicted = whole and not all(is_flag(inputs.head.column(name)) for name in flags)
    return flags if predicted and own and not _fitting_columns(inputs, own) else ()


def _is_rival(inputs: Inputs, name: str) -> bool:
    return not inputs.label_head.column(name).looks_numeric or name.casefold() in ("y", "class")


def _check_no_shares(inputs: Inputs, label: str, names: Sequence[str]) -> None:
    """Raises CelossError (E401) when shares of the classes stand beside a column that is called a label."""
    shares = _paired_columns(inputs, names, numbers=True)
    heads = [inputs.label_head.column(name) for name in shares]
    if shares and _holds_numbers(heads) and share_of_sums(inputs.label_head, shares) > MOST_ROWS and inputs.separate:
        raise CelossError(
            Diagnostic(
                "E401",
                "which columns hold the label?",
                (inputs.label_header(),),
                details=(f'found "{shorten(label)}", and shares of the classes in {listed(shares)}',),
                help=f"say which: --label {as_list([label])}   or --label {as_list(shares)}",
            )
        )


def _check_no_share_left(inputs: Inputs, names: Sequence[str], chosen: str) -> None:
    """Raises CelossError (E409) when the only column of its own is a share beside others that both files have."""
    heads = [inputs.label_head.column(name) for name in names]
    shares = [one.name for one in heads if one.looks_numeric and not counts_something(one)]
    if len(shares) > 2 and chosen in shares and share_of_sums(inputs.label_head, shares) > MOST_ROWS:
        raise CelossError(not_paired(inputs, inputs.number_columns(()), shares))


def _check_reserved(inputs: Inputs, chosen: str) -> None:
    """Raises CelossError (E401) when a column is left as the label only because --by names one that could be it as well."""
    taken = [name for name in inputs.label_head.names if name in inputs.flags.by and name in inputs.reserved]
    likely = [name for name in taken if _may_be_label(inputs, name)]
    if likely and not (_is_plainly_label(inputs, chosen) and not any(_is_plainly_label(inputs, name) for name in likely)):
        raise CelossError(_which_label(inputs, [*likely, chosen]))


def _is_plainly_label(inputs: Inputs, name: str) -> bool:
    """Whether the values of a column are 0 and 1, or classes that probability columns are named after."""
    return is_flag(inputs.label_head.column(name)) or bool(_fitting_columns(inputs, [name]))


def _may_be_label(inputs: Inputs, name: str) -> bool:
    return _is_plainly_label(inputs, name) or len(distinct(inputs.label_head.column(name))) <= 2


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
    keys = [column.name for column in shared if not column.looks_numeric and not is_flag(column)]
    return inputs.number_columns(keys if inputs.separate else label_columns)


def _paired(inputs: Inputs, names: Sequence[str]) -> tuple[tuple[str, ...], str] | None:
    """The label columns that are named after prediction columns, and why; flags of one class before any numbers."""
    flags = _paired_columns(inputs, names, numbers=False)
    if flags and one_hot(inputs.label_head, flags):
        return flags, "0/1 columns named after the probability columns, one 1 in each row"
    # A lone 2 among flags makes its column one of numbers: it stays a label column, and the 2 a fault.
    columns = max(flags, _paired_columns(inputs, names, numbers=True), key=len)
    return (columns, "named after the probability columns") if columns else None


def _paired_columns(inputs: Inputs, names: Sequence[str], *, numbers: bool) -> tuple[str, ...]:
    """The label columns that are named after prediction columns: of flags, or of any numbers; none where they do not pair.

    All such columns, or those that pair with every prediction column of one kind of name while the others do not.
    """
    heads = [inputs.label_head.column(name) for name in names]
    columns = list(inputs.flags.pred)
    if numbers:
        found = [one.name for one in heads if one.looks_numeric and not _is_id_of_both(inputs, one)]
    else:
        found = [one.name for one in heads if is_flag(one)]
    for chosen in (found, _named_after(columns or _others(inputs, found), found)):
        if len(chosen) > 1 and pair_columns(columns or _others(inputs, chosen), chosen):
            return tuple(chosen)
    return ()


def _named_after(columns: Sequence[str], names: Sequence[str]) -> list[str]:
    """Those of the names that are the cores of all columns with one affix that is not empty."""
    for affix in affixes(columns, names):
        cores = affix.cores(columns)
        if affix != Affix() and len(cores) > 1 and cores.keys() <= set(names):
            return [name for name in names if name in cores]
    return []


def _is_id_of_both(inputs: Inputs, column: Column) -> bool:
    """Whether a column of integers is no label: one of its name in the predictions holds integers as well."""
    mine = [one for one in inputs.head.columns if inputs.separate and one.name == column.name]
    return counts_something(column) and bool(mine) and all(map(counts_something, mine))


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


def check_left_out(inputs: Inputs, columns: Sequence[str], label_columns: Sequence[str]) -> None:
    """Raises CelossError (E409) when a prediction column that seems to be of a class has no label column beside the others.

    It does when --pred names it, when it is named like those that have one (`p_owl` beside `p_cat`), or when these do not
    sum to 1 without it.
    """
    pairs = pair_columns(columns, label_columns)
    if pairs is None or len(pairs) == len(columns):
        return
    paired = [mine for mine, _ in pairs.values()]
    affix = common_affix(paired)
    left = [name for name in columns if name not in paired]
    named = [name for name in left if inputs.flags.pred or (affix != Affix() and affix.core(name) is not None)]
    if not named and affix == Affix() and share_of_sums(inputs.head, [*paired, *left]) > MOST_ROWS:
        named = left
    if named:
        cores = [affix.core(name) or name for name in named]
        raise CelossError(
            Diagnostic(
                "E409",
                f"{plural(len(named), 'prediction column')} {'has' if len(named) == 1 else 'have'} no label column",
                (inputs.prediction_header(named[0]),),
                details=(f"found {quoted(named)}; label columns {listed(label_columns)}",),
                help=f"if no row is of {listed(cores)}, add a label column of 0 for it; else leave it out: "
                f"--pred {as_list(paired)}",
            )
        )


def not_paired(inputs: Inputs, columns: Sequence[str], flags: Sequence[str], advice: str = "") -> Diagnostic:
    """The diagnostic for label columns that have no probability columns of their names, or not one for each of these."""
    return Diagnostic(
        "E409",
        f"{plural(len(flags), 'label column')} and {plural(len(columns), 'probability column')} do not pair by name",
        (inputs.prediction_header(),),
        details=(f"found labels {listed(flags)}; probabilities {listed(columns)}",),
        help=advice or "name them in pairs, such as prob_cat and cat, or choose: --pred A,B --label A,B",
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
    numeric = [one.name for one in inputs.label_head.columns if one.looks_numeric and one.name not in shared]
    distribution = len(numeric) > 1 and share_of_sums(inputs.label_head, numeric) > MOST_ROWS
    swapped = inputs.separate and (distribution or (len(numeric) > 1 and not inputs.number_columns(shared)))
    flags = [name for name in names if is_flag(inputs.label_head.column(name))]
    if len(flags) > 1 and one_hot(inputs.label_head, flags):
        return not_paired(inputs, _others(inputs, flags), flags)
    answers = [name for name in names if _is_answer(name)]
    heads = [inputs.label_head.column(name) for name in names]
    if not inputs.separate:
        heads = [one for one in heads if (is_flag(one) or not one.looks_numeric) and not tells_apart(one)]
    likely = [one.name for one in sorted(heads, key=lambda one: len(distinct(one)))][:3]
    if swapped:
        advice = "the two files look swapped: the predictions come first, then the labels"
    elif answers and len(names) == 1:
        advice = (
            f'"{shorten(answers[0])}" sounds like the answer of the model; if it is the truth: --label {as_list(answers[:1])}'
        )
    elif not inputs.separate and not likely:
        advice = "give the labels file as the second argument, or name the column: --label NAME"
    else:
        advice = f"say which: {'   or '.join(f'--label {as_list([name])}' for name in likely)}"
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
    values = [value for value in distinct(inputs.label_head.column(column)) if value.strip()]
    if len(values) < 2 and not inputs.label_head.complete:
        values = [value for value in label_counts(inputs, column) if value.strip()]
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
    named = list(dict.fromkeys(meanings.get(value, value) for value in values))
    if inputs.flags.options.missing == "drop":
        return [value for value in named if not means_missing(value)] or named
    return named


def check_label_header(inputs: Inputs, column: str, values: Sequence[str]) -> None:
    """Raises CelossError (E204) when the name of the label column is itself one of the labels: a file without a header."""
    if inputs.separate and inputs.labels.format == "csv" and column in values:
        raise CelossError(no_header(inputs.labels, inputs.label_head, f'"{shorten(column)}" is a label as well'))


def _check_shared_header(inputs: Inputs) -> None:
    """Raises CelossError (E204) when the first line of the labels holds a label, which is a column of the predictions."""
    if not inputs.separate or inputs.labels.format != "csv" or inputs.flags.label or inputs.flags.id:
        return
    numbers = set(inputs.number_columns(()))
    for name in inputs.shared:
        values = distinct(inputs.label_head.column(name))
        if name in numbers and values and numbers.issuperset(values) and not all(map(is_number, values)):
            raise CelossError(no_header(inputs.labels, inputs.label_head, f'"{shorten(name)}" is a predicted class'))


def check_named_header(inputs: Inputs, column: str, values: Sequence[str], classes: Sequence[str]) -> None:
    """Raises CelossError (E204) when the name of the label column is, as all labels are, one of the predicted classes."""
    known = set(classes)
    if (
        inputs.separate
        and inputs.labels.format == "csv"
        and not inputs.flags.label
        and column in known
        and known >= set(values)
    ):
        raise CelossError(no_header(inputs.labels, inputs.label_head, f'"{shorten(column)}" is a predicted class'))


def label_counts(inputs: Inputs, column: str) -> Counter[str]:
    """How often each label occurs in the whole file."""
    return read_all(lambda careful: _counted(inputs.labels.batches([column], [], careful)))


def _counted(chunks: Iterable[Chunk]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for chunk in chunks:
        for one in pc.value_counts(chunk.texts[0]).to_pylist():
            counts[class_text(one["values"])] += one["counts"]
    return counts
