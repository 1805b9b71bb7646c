"""Owns whether predictions are in the long form, one row for each case and class, and presents them as one row per case."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from celoss import compute as pc
from celoss.bridge import from_texts
from celoss.detect.heads import distinct, is_flag, tells_apart, within_unit
from celoss.detect.inputs import Flags, header
from celoss.errors import CelossError, Diagnostic, listed
from celoss.naming import INDEX_NAMES, LABEL_NAMES, class_order, class_text, flag
from celoss.plan import Finding
from celoss.sources import Column, Head, Source, read_all
from celoss.sources.base import as_text, is_number
from celoss.sources.long import MOST_CASES, LongSource, rows_of_cases, varying

# A file of more columns is wide: it is not looked at whether some of them repeat as those of the long form do.
MOST_COLUMNS = 40
# More classes than this are no classes but ids of another kind.
MOST_CLASSES = 10_000
# Cases that are looked at where the first rows of a file show only one class, as in a file written class by class.
SAMPLED_CASES = 50
CLASS_WORDS = frozenset(["class", "category", "label", "outcome", "variable", "name"])
VALUE_WORDS = frozenset(["probability", "prob", "proba", "p", "value", "score", "pred", "prediction"])


def as_cases(predictions: Source, labels: Source | None, flags: Flags) -> tuple[Source, tuple[Finding, ...]]:
    """The predictions with one row per case, and a finding when they were in the long form.

    Raises CelossError (E513) when --long is given and no class and value columns are found.
    """
    head = predictions.head()
    if flags.long is False or (flags.long is None and len(head.columns) > MOST_COLUMNS):
        return predictions, ()
    found = _found(predictions, head, labels, flags)
    if found is None:
        if flags.long:
            raise CelossError(_not_found(predictions, head))
        return predictions, ()
    ids, class_column, value_column = found
    classes = _classes(predictions, class_column)
    if len(classes) > MOST_CLASSES:
        return predictions, ()
    shown = f"long, a row for each {listed(ids)} and {class_column}; numbers in {value_column}"
    because = "--long" if flags.long else f"{listed(ids)} repeats, each time with the {len(classes)} values of {class_column}"
    return LongSource(predictions, ids, class_column, value_column, classes), (Finding("layout", shown, because),)


def _found(predictions: Source, head: Head, labels: Source | None, flags: Flags) -> tuple[tuple[str, ...], str, str] | None:
    """(id columns, class column, value column), if the file is plainly in the long form."""
    # What the user or its name says to be the label, a weight or a group is no class and no value.
    said = {*flags.by, *flags.label, *(one for one in (flags.weights, flags.cluster) if one is not None)}
    if labels is None:
        said |= {name for name in head.names if name.casefold() in LABEL_NAMES}
    for ids in _id_options(head, labels, flags):
        if not set(ids) <= set(head.names) or said & set(ids) or (labels is None and _is_wide(head, ids, flags)):
            continue
        seen = _without(head, said - set(ids))
        columns = long_columns(seen, ids) or (
            long_columns(_sampled(predictions, seen, ids), ids) if _may_be_by_class(seen, ids, labels, flags) else None
        )
        if columns is None and flags.long and len(flags.pred) == 1:
            columns = _only_text(seen, ids, flags.pred[0])
        if columns is not None and (not flags.pred or flags.pred == (columns[1],)):
            return ids, *columns
    return None


def _only_text(head: Head, ids: Sequence[str], value: str) -> tuple[str, str] | None:
    """The one column beside the ids and the named value that is no number, as the class, where there is just one."""
    texts = [column.name for column in head.columns if column.name not in (*ids, value) and not column.looks_numeric]
    return (texts[0], value) if len(texts) == 1 and value in head.names else None


def _is_wide(head: Head, ids: Sequence[str], flags: Flags) -> bool:
    """Whether one file has one row per case, though `ids` repeat: another column tells the rows apart, or labels differ.

    Not where the user says otherwise by --id or --long.
    """
    if flags.keys or flags.long:
        return False
    cases = list(zip(*(head.column(name).texts for name in ids), strict=True))
    for column in head.columns:
        if column.name in ids:
            continue
        if tells_apart(column):
            return True
        named = column.name in flags.label or column.name.casefold() in LABEL_NAMES
        if named and len(set(zip(cases, column.texts, strict=True))) > len(set(cases)):
            return True
    return False


def _id_options(head: Head, labels: Source | None, flags: Flags) -> Iterator[tuple[str, ...]]:
    """Columns that may tell the cases apart: those of --id, else those in both files, else any that repeats."""
    if flags.keys:
        yield tuple(mine for mine, _ in flags.keys)
        return
    if labels is not None:
        theirs = labels.head().names
        shared = tuple(name for name in head.names if name in theirs and name not in INDEX_NAMES)
        if shared:
            yield shared
        if len(shared) > 1:
            yield from ((name,) for name in shared)
        return
    for column in head.columns:
        if column.name.casefold() in LABEL_NAMES:
            continue
        if not column.looks_numeric or all(text.isdecimal() for text in column.texts):
            yield (column.name,)


def _without(head: Head, names: set[str]) -> Head:
    return replace(head, columns=tuple(column for column in head.columns if column.name not in names))


def _may_be_by_class(head: Head, ids: Sequence[str], labels: Source | None, flags: Flags) -> bool:
    """Whether a head without a repeated case may be the first class of a file that is written class by class."""
    if head.complete:
        return False
    if flags.long:
        return True
    inner = [column for column in head.columns if column.name not in ids]
    texts = [column for column in inner if not column.looks_numeric]
    if labels is None or len(texts) != 1 or len(inner) - len(texts) != 1 or len(distinct(texts[0])) > 2:
        return False
    return any(set(distinct(texts[0])) <= set(distinct(column)) for column in labels.head().columns)


def _sampled(predictions: Source, head: Head, ids: Sequence[str]) -> Head:
    """A head of all rows of the first cases, wherever in the file they are."""
    names = [column.name for column in head.columns if column.kind != "other"]
    first = {tuple(key) for key in zip(*(head.column(name).texts[:SAMPLED_CASES] for name in ids), strict=True)}
    wanted = from_texts(sorted({key[0] for key in first}))
    at = [names.index(name) for name in ids]

    def sampled(careful: bool) -> list[tuple[str, ...]]:
        rows: dict[tuple[str, ...], None] = {}
        for chunk in predictions.batches(names, [], careful):
            kept = pc.is_in(as_text(chunk.texts[at[0]]), value_set=wanted)
            found = zip(*(pc.filter(column, kept).to_pylist() for column in chunk.texts), strict=True)
            rows |= dict.fromkeys(row for row in found if tuple(row[index] for index in at) in first)
        return list(rows)

    rows = read_all(sampled)
    columns = [
        Column(name, head.column(name).kind, texts, head.column(name).spacing)
        for name, texts in zip(names, zip(*rows, strict=True), strict=True)
    ]
    return Head(tuple(columns), len(rows), True)


def _classes(predictions: Source, column: str) -> tuple[str, ...]:
    """The distinct classes of the whole file, in class order."""

    def distinct_names(careful: bool) -> set[str]:
        chunks = predictions.batches([column], [], careful)
        return {class_text(text) for chunk in chunks for text in pc.unique(chunk.texts[0]).to_pylist()}

    return tuple(sorted(read_all(distinct_names) - {""}, key=class_order))


def _not_found(predictions: Source, head: Head) -> Diagnostic:
    return Diagnostic(
        "E513",
        "which columns hold the case, its class and the probability?",
        (header(predictions),),
        details=(f"found columns: {listed(head.names)}; the long form has one row for each case and class",),
        help="name the ids with --id NAME and the probabilities with --pred NAME; one other column names the class",
    )


def long_columns(head: Head, id_columns: Sequence[str]) -> tuple[str, str] | None:
    """The class column and the value column, where a head is plainly of a file with a row for each case and class.

    The class column has the same several values in most cases; the value column has numbers, in 0..1 unless it is the only
    one. Of several columns that could be it the one is taken whose name says so and that is not of yes and no.
    """
    cases = rows_of_cases(head, id_columns)
    if not id_columns or len(cases) < 2 or head.rows == len(cases):
        return None
    inner = [column for column in head.columns if column.name not in ("", *id_columns) and column.kind != "other"]
    several = [column for column in inner if varying(column, cases) > MOST_CASES]
    texts = [column for column in several if not _is_numeric(column)]
    # Numbers such as ranks are as regular as classes are: they count only when there is no text that could be the class.
    regular = [one for one in several if (one in texts or not texts) and _is_regular(one, cases, head.complete)]
    class_column = _preferred(regular, CLASS_WORDS)
    if class_column is None:
        return None
    value_column = _value_column([one for one in inner if one is not class_column and _is_numeric(one)], cases)
    return (class_column.name, value_column.name) if value_column else None


def _value_column(numeric: Sequence[Column], cases: Sequence[Sequence[int]]) -> Column | None:
    """Which column of numbers holds the probability of each class."""
    several = [column for column in numeric if varying(column, cases) > 0.0]
    inside = [column for column in several if within_unit(column)]
    found = _preferred(inside, VALUE_WORDS) if inside else _preferred(several, frozenset())
    # A flag of the true class beside logits, or beside probabilities that are the same for all classes, would score as perfect.
    others = [column for column in numeric if not is_flag(column) and (column in several or within_unit(column))]
    return None if found and others and is_flag(found) else found


def _is_regular(column: Column, cases: Sequence[Sequence[int]], complete: bool) -> bool:
    """Whether at least half of the cases have the same several values, each once; the last may not be complete."""
    values = [frozenset(class_text(column.texts[row]) for row in rows) for rows in cases]
    once = [found for found, rows in zip(values, cases, strict=True) if len(found) == len(rows) and "" not in found]
    usual, count = Counter(once).most_common(1)[0] if once else (frozenset(), 0)
    if not complete and values[-1] < usual and len(values[-1]) == len(cases[-1]):
        count += 1
    return len(usual) > 1 and count > 1 and count * 2 >= len(cases)


def _preferred(columns: Sequence[Column], words: frozenset[str]) -> Column | None:
    """The only column whose name has one of the words and that is not of yes and no, else the only one with one of both."""
    named = [column for column in columns if words & set(re.findall("[a-z]+", column.name.casefold()))]
    telling = [column for column in columns if not is_flag(column)]
    chosen = [column for column in named if column in telling] or telling or named or columns
    return chosen[0] if len(chosen) == 1 else None


def _is_numeric(column: Column) -> bool:
    """Whether at least half of the values that are there are numbers, or say yes or no."""
    present = [text for text in column.texts if text]
    return column.kind == "number" or sum(is_number(text) or flag(text) is not None for text in present) * 2 >= len(present)
