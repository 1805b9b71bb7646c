"""Owns `Inputs`: both sources with their heads and the user's flags, checked for what makes any reading impossible."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cached_property

from celoss.errors import CelossError, Diagnostic, Place, UsageError, escape, listed, plural, shorten, unknown_name
from celoss.naming import INDEX_NAMES, LABEL_NAMES, class_text, is_integer
from celoss.plan import LABELS, NO_OPTIONS, PREDICTIONS, Finding, Options
from celoss.records import dataclass
from celoss.sources import Head, Source
from celoss.sources.base import is_number
from celoss.sources.lists import NO_LISTS, Lists

BY_POSITION = "#"


@dataclass(frozen=True)
class Flags:
    """What the user decided. An empty tuple or None leaves the decision to detection.

    id: key columns, `A=B` where the files name one differently, or `#` for the order of the rows. task, scale: None where
    they are to be detected. weights: the column of the rows' weights. by: columns whose values make groups.
    cluster: the column whose values say which rows are not independent.
    """

    id: tuple[str, ...] = ()
    pred: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    classes: tuple[tuple[str, str], ...] = ()
    positive: str | None = None
    sum_tolerance: float | None = None
    task: str | None = None
    scale: str | None = None
    weights: str | None = None
    by: tuple[str, ...] = ()
    cluster: str | None = None
    long: bool | None = None
    options: Options = NO_OPTIONS

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """(prediction column, label column) of --id."""
        if self.id == (BY_POSITION,):
            return ()
        return tuple((one.partition("=")[0], one.partition("=")[2] or one) for one in self.id)


@dataclass(frozen=True)
class Inputs:
    """The predictions, the source that holds the labels (the predictions themselves when `separate` is False), heads."""

    predictions: Source
    labels: Source
    head: Head
    label_head: Head
    flags: Flags
    separate: bool

    def side_of(self, column: str) -> str:
        """Which side a column of --weights, --by or --cluster is read from: the labels where both have it."""
        return LABELS if column in self.label_head.names else PREDICTIONS

    @property
    def reserved(self) -> set[str]:
        """Columns that the user gave another role than that of a label, a prediction or, unless he says so, a key."""
        mine = {name for pair in self.flags.keys for name in pair} | {*self.flags.label, *self.flags.pred}
        grouping = (*self.flags.by, *([self.flags.cluster] if self.flags.cluster is not None else []))
        named = {self.flags.weights, *(name for name in grouping if name.casefold() not in LABEL_NAMES)}
        return {name for name in named if name is not None and name not in mine}

    @cached_property
    def shared(self) -> list[str]:
        """Columns with a name that both files have."""
        if not (self.separate and self.head.named and self.label_head.named):
            return []
        theirs = set(self.label_head.names)
        both = [name for name in self.head.names if name in theirs]
        # A --by column is a key where nothing else is.
        return [name for name in both if name not in self.reserved] or [name for name in both if name != self.flags.weights]

    def number_columns(self, taken: Collection[str], allowed: Collection[str] = ()) -> list[str]:
        """Columns of the predictions that could hold probabilities, without those that are taken.

        A column called `label` or the like holds none, unless it is one of those allowed.
        """
        mine = {name for name, _ in self.flags.keys}
        return [
            column.name
            for column in self.head.columns
            if column.looks_numeric
            and column.name not in taken
            and column.name not in self.reserved
            and column.name not in mine
            and column.name not in INDEX_NAMES
            and (column.name.casefold() not in LABEL_NAMES or column.name in allowed)
        ]

    def prediction_header(self, column: str | None = None) -> Place:
        """The header of the predictions, as a place."""
        return header(self.predictions, column)

    def label_header(self, column: str | None = None) -> Place:
        """The header of the labels, as a place."""
        return header(self.labels, column)


def header(source: Source, column: str | None = None) -> Place:
    """Line 1 of a source that has lines, else the source."""
    return Place(source.name, 1 if source.has_lines else None, column=column)


def first_row(source: Source, column: str) -> Place:
    """The first row of a column."""
    line = 2 if source.format == "csv" else None
    return Place(source.name, line, None if line else 1, column)


def place_of(source: Source, head: Head, column: str, value: str) -> Place:
    """Where a value of a column stands first, where the head shows it, else the first row."""
    texts = head.column(column).texts
    row = texts.index(value) if value in texts else 0
    line = source.lines([row]).get(row)
    return Place(source.name, line.number if line else None, None if line else row + 1, column)


def look_at(predictions: Source, labels: Source | None, flags: Flags) -> Inputs:
    """Reads both heads. Raises CelossError (E103, E204, E205) or UsageError (E604)."""
    head = _checked_head(predictions)
    label_head = head if labels is None else _checked_head(labels)
    flags = replace(flags, pred=_with_places(predictions, flags.pred), label=_with_places(labels or predictions, flags.label))
    inputs = Inputs(predictions, labels or predictions, head, label_head, flags, labels is not None)
    _check_columns("--pred", flags.pred, predictions, head)
    _check_columns("--label", flags.label, inputs.labels, label_head)
    _check_columns("--id", [mine for mine, _ in flags.keys], predictions, head)
    _check_columns("--id", [theirs for _, theirs in flags.keys], inputs.labels, label_head)
    _check_either("--weights", [flags.weights] if flags.weights is not None else [], inputs)
    _check_either("--by", flags.by, inputs)
    _check_either("--cluster", [flags.cluster] if flags.cluster is not None else [], inputs)
    return inputs


def _with_places(source: Source, names: Sequence[str]) -> tuple[str, ...]:
    """Names of columns, a list column as the names of its places."""
    lists: Lists = getattr(source, "lists", NO_LISTS)
    return tuple(one for name in names for one in (lists.names(name) if name in lists.widths else [name]))


def wrong_option(option: str, value: str, advice: str, code: str = "E604") -> UsageError:
    """The error for an option with a value that it cannot have."""
    place = Place(f"option {option} {value}")
    return UsageError(Diagnostic(code, f"{option} cannot be {shorten(value)}", (place,), help=advice))


def unfit_option(option: str, what: str, advice: str) -> UsageError:
    """The error (E604) for an option that cannot be used with, for or without something."""
    return UsageError(Diagnostic("E604", f"{option} cannot be used {what}", (Place(f"option {option}"),), help=advice))


def _checked_head(source: Source) -> Head:
    head = source.head()
    if head.rows == 0 and head.complete:
        # One name alone is rather a message than a header.
        excerpt = ((1, head.names[0]),) if source.format == "csv" and len(head.names) == 1 else ()
        raise CelossError(
            Diagnostic(
                "E103",
                f"'{escape(source.name)}' has a header but no rows" if source.has_lines else f"{source.name} has no rows",
                (replace(header(source), excerpt=excerpt),),
                help="expected one row per case; the program that wrote it may have stopped early",
            )
        )
    numbers = [name for name in head.names if is_number(name)]
    # Integers can be the names of classes, fractions cannot; a lone 0 or 1 is a label column without a header.
    fractions = [name for name in numbers if not is_integer(class_text(name)) and not name.isdecimal()]
    if source.format == "csv" and (fractions or head.names in (("0",), ("1",))):
        found = f"{plural(len(numbers), 'number')} among {plural(len(head.names), 'column name')}"
        raise CelossError(no_header(source, head, found))
    return head


def no_header(source: Source, head: Head, found: str) -> Diagnostic:
    """The diagnostic for a file whose first line looks like a row."""
    example = "id,cat,dog" if source.role == "predictions" else "id,label"
    advice = f"add a first line with a name for every column, such as {example}"
    if head.names[-1] == "0" and set(head.names[:-1]) <= INDEX_NAMES:
        advice = f"if 0 is no value but the name that pandas makes up, replace it by a name; else {advice}"
    return Diagnostic(
        "E204",
        f"the header of {escape(source.name)} looks like data",
        (Place(source.name, 1, excerpt=((1, ",".join(head.names)),)),),
        details=(f"found: {found}",),
        help=advice,
    )


def _check_columns(option: str, names: Sequence[str], source: Source, head: Head) -> None:
    for name in names:
        if names.count(name) > 1:
            raise wrong_option(option, ",".join(names), f'it names "{shorten(name)}" twice')
        if name not in head.names:
            what = f'no column "{shorten(name)}" in {escape(source.name)}'
            found = f"found columns: {listed(head.names)}"
            raise CelossError(unknown_name("E205", what, name, option, head.names, found))


def _check_either(option: str, names: Sequence[str], inputs: Inputs) -> None:
    """Raises for a name given twice, or a column that is in neither file."""
    known = tuple(dict.fromkeys((*inputs.label_head.names, *inputs.head.names)))
    for name in names:
        if names.count(name) > 1:
            raise wrong_option(option, ",".join(names), f'it names "{shorten(name)}" twice')
        if name not in known:
            where = " or ".join(dict.fromkeys((escape(inputs.labels.name), escape(inputs.predictions.name))))
            what = f'no column "{shorten(name)}" in {where}'
            raise CelossError(unknown_name("E205", what, name, option, known, f"found columns: {listed(known)}"))


def formats(*sources: Source | None) -> list[Finding]:
    """The findings of what kind of file each source is."""
    findings = []
    for source in sources:
        if source is not None:
            delimiter = getattr(source, "delimiter", None)
            value = source.format + (f", separated by {_SEPARATORS.get(delimiter, repr(delimiter))}" if delimiter else "")
            because = "the file's first bytes" if source.path else "given in memory"
            findings.append(Finding(f"{source.role} format", value, because))
    return findings


_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
