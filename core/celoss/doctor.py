"""Owns the diagnosis: from faults, which are data, to what a user reads, with the text of the file as it was written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from celoss.errors import Diagnostic, Fault, Place, did_you_mean, escape, listed, plural, shorten
from celoss.naming import means_missing
from celoss.plan import PREDICTIONS, Plan
from celoss.sources import Line, Source
from celoss.sources.base import BLANKS, NUMBER, STRUCTURE, is_number, number_hint, ragged_hint
from celoss.sources.long import LongSource
from celoss.state import State

HEADER = -1


@dataclass(frozen=True)
class _Group:
    """All faults of one code in one file, the first few with their lines."""

    code: str
    source: Source
    other: Source | None
    count: int
    faults: tuple[Fault, ...]
    lines: dict[int, Line]
    plan: Plan
    scored: int

    @property
    def name(self) -> str:
        return escape(self.source.name)

    @property
    def other_name(self) -> str:
        return escape(self.other.name) if self.other else ""

    def written(self, fault: Fault) -> str:
        """The value as it stands in the file."""
        line, field = self.lines.get(fault.row), self._field(fault)
        return line.fields[field] if line and field is not None and line.fields else fault.value or ""

    def _field(self, fault: Fault) -> int | None:
        """Which field of the file's lines the fault's column is; a place of a list is that of the list."""
        header, lists = self.lines.get(HEADER), getattr(self.source, "lists", None)
        column = fault.column if lists is None or fault.column is None else lists.stored(fault.column)
        return header.fields.index(column) if header and column in header.fields else None

    def place(self, fault: Fault, *, value: str | None = None, excerpt: bool = True) -> Place:
        line, field = self.lines.get(fault.row), self._field(fault)
        mark = line.spans[field] if line and line.spans and field is not None else None
        shown = ((line.number, line.text),) if line and excerpt and "\n" not in line.text else ()
        number = line.number if line else None
        row = None if line else fault.row + 1
        return Place(self.source.name, number, row, fault.column, value, excerpt=shown, mark=mark)

    def places(self, *, excerpt: bool = True) -> tuple[Place, ...]:
        return tuple(self.place(fault, value=self.written(fault), excerpt=excerpt) for fault in self.faults)

    def id_places(self) -> tuple[Place, ...]:
        return tuple(
            Place(self.source.name, at.line, at.row, id=fault.value) for fault in self.faults for at in (self.place(fault),)
        )


def diagnose(state: State, plan: Plan, predictions: Source, labels: Source | None) -> list[Diagnostic]:
    """One diagnostic for each kind of fault, structure first and alone, then in the order of the codes.

    Without faults, one where no row is left to score, or none with a weight.
    """
    faults, scored = state.faults, state.count
    if not faults:
        return _nothing_left(state, plan, predictions, labels)
    groups = [(kind, count, _in_file(kind[1], found, predictions)) for kind, count, found in faults.groups]
    structural = tuple(group for group in groups if group[0][0] in STRUCTURE)
    sources = {"predictions": predictions, "labels": labels or predictions}
    wanted = {
        role: [row for (_, file), _, found in groups for one in found if file == role for row in _rows(one)] for role in sources
    }
    lines = {role: sources[role].lines([HEADER, *rows]) if rows else {} for role, rows in wanted.items()}
    made = [
        _Group(code, sources[file], _other(file, predictions, labels), count, found, lines[file], plan, scored)
        for (code, file), count, found in structural or groups
    ]
    if (disjoint := _disjoint(made, scored)) is not None:
        return [disjoint, *(_EXPLAIN[one.code](one) for one in made if one.code not in ("E302", "E303"))]
    return [_EXPLAIN[one.code](one) for one in made]


def _in_file(role: str, faults: tuple[Fault, ...], predictions: Source) -> tuple[Fault, ...]:
    """The faults at the rows of the file, where the predictions are cases that were made of several rows."""
    if role != PREDICTIONS or not isinstance(predictions, LongSource):
        return faults
    return tuple(predictions.in_file(faults))


def _nothing_left(state: State, plan: Plan, predictions: Source, labels: Source | None) -> list[Diagnostic]:
    places = tuple(Place(source.name) for source in (predictions, labels) if source is not None)
    if not state.count:
        left_out = [
            (plural(state.dropped, "row") + " with a missing value", state.dropped, "--missing drop"),
            (plural(state.unmatched, "prediction") + " without a label", state.unmatched, "--id-match inner"),
        ]
        details = tuple(f"found: {what}" for what, count, _ in left_out if count)
        options = " and ".join(option for _, count, option in left_out if count)
        advice = f"run it without {options} to see where" if options else ""
        return [Diagnostic("E308", "no row is left to score", places, details=details, help=advice)]
    if plan.weights and not any(state.sums.get("weight", ())):
        where = Place(
            (predictions if plan.weights[0] == PREDICTIONS or labels is None else labels).name, column=plan.weights[1]
        )
        return [Diagnostic("E506", "all weights are 0", (where,), help="give at least one row a weight above 0")]
    given = plan.options.class_weights
    weighed = state.sums.get("weight" if plan.weights else "rows", ())
    found = {name for name, weight in zip(plan.classes, weighed, strict=False) if weight}
    if given is not None and not isinstance(given, str) and found <= {name for name, weight in given if not weight}:
        where, advice = Place("option --class-weights"), f"give some of these classes a weight above 0: {listed(sorted(found))}"
        return [Diagnostic("E506", "all rows have the weight 0", (where,), help=advice)]
    return []


def _rows(fault: Fault) -> list[int]:
    return [fault.row] if fault.first_row is None else [fault.row, fault.first_row]


def _other(file: str, predictions: Source, labels: Source | None) -> Source | None:
    return labels if file == "predictions" else predictions


def _more(group: _Group, noun: str, nouns: str, verb: str = "is", verbs: str = "are") -> str:
    return f"{group.count:,} {noun if group.count == 1 else nouns} {verb if group.count == 1 else verbs}"


# --- structure ----------------------------------------------------------------------------------------------------------


def _not_utf8(group: _Group) -> Diagnostic:
    return Diagnostic(
        "E105",
        f"'{group.name}' is not UTF-8",
        group.places(excerpt=False),
        group.count,
        (f'found: "{shorten(group.faults[0].value or "")}"',),
        f"if it is Windows-1252 or Latin-1, convert: iconv -f WINDOWS-1252 -t UTF-8 {group.source.name} > utf8.csv",
    )


def _ragged(group: _Group) -> Diagnostic:
    first = group.faults[0]
    line, header = group.lines[first.row], group.lines[HEADER]
    excerpt = ((header.number, header.text), (line.number, line.text)) if "\n" not in line.text else ()
    places = [Place(group.source.name, line.number, excerpt=excerpt)]
    places += [Place(group.source.name, group.lines[one.row].number, value=one.value) for one in group.faults[1:]]
    return Diagnostic(
        "E201",
        f"line {line.number} has {first.value}, the header has {len(header.fields)}",
        tuple(places),
        group.count,
        help=ragged_hint(line.fields, len(header.fields)),
    )


# --- matching -----------------------------------------------------------------------------------------------------------


def _disjoint(groups: Sequence[_Group], scored: int) -> Diagnostic | None:
    """E305 instead of E302 and E303 when no id at all is in both files."""
    missing = {one.code: one for one in groups if one.code in ("E302", "E303")}
    if scored or len(missing) < 2 or len(groups) > len(missing):
        return None
    mine = [fault.value or "" for fault in missing["E303"].faults]
    theirs = [fault.value or "" for fault in missing["E302"].faults]
    left, right = missing["E303"].name, missing["E302"].name
    found = f"found: {', '.join(map(_quote, mine))} in {left} and {', '.join(map(_quote, theirs))} in {right}"
    places = missing["E303"].id_places()[:1]
    return Diagnostic("E305", f"no id of {left} is in {right}", places, details=(found,), help=_id_hint(mine, theirs))


def _id_hint(mine: Sequence[str], theirs: Sequence[str]) -> str:
    """What would make the ids equal, where something would."""
    tests = (
        ("leading zeros; a spreadsheet may have removed them", lambda text: text.lstrip("0")),
        ("a trailing .0; they were read as numbers somewhere", lambda text: text.removesuffix(".0")),
        ("spaces around them", str.strip),
        ("upper and lower case", str.casefold),
    )
    for what, normal in tests:
        if {normal(one) for one in mine} & {normal(one) for one in theirs}:
            return f"the ids differ by {what}. Write both alike"
    return "choose the columns that match: --id NAME (--id A=B where the names differ), or --id '#' for row order"


def _quote(text: str) -> str:
    return f'"{shorten(text)}"'


def _unpredicted(group: _Group) -> Diagnostic:
    return Diagnostic(
        "E302",
        f"{plural(group.count, 'labelled row')} {'has' if group.count == 1 else 'have'} no prediction",
        group.id_places(),
        group.count,
        help=f"every row of {group.name} needs a prediction; to score only the rows in both files: --id-match inner",
    )


def _unlabelled(group: _Group) -> Diagnostic:
    return Diagnostic(
        "E303",
        f"{plural(group.count, 'prediction')} {'has' if group.count == 1 else 'have'} no label",
        group.id_places(),
        group.count,
        help=f"every row of {group.name} needs a label; to score only the rows in both files: --id-match inner",
    )


def _repeated(group: _Group) -> Diagnostic:
    first = group.faults[0]
    before = group.place(Fault(first.first_row or 0, None, None, "E304", first.file))
    return Diagnostic(
        "E304",
        f"id {_quote(first.value or '')} occurs twice in {group.name}",
        group.id_places(),
        group.count,
        (f"first at {before}",),
        f"keep one row per id in {group.name}; if the column is no id, match by row order: --id '#'",
    )


def _no_id(group: _Group) -> Diagnostic:
    return Diagnostic(
        "E307",
        f"{_more(group, 'id', 'ids')} empty",
        group.places(),
        group.count,
        help="give every row an id, or match by row order: --id '#'",
    )


# --- labels -------------------------------------------------------------------------------------------------------------


def _unknown_label(group: _Group) -> Diagnostic:
    value = group.faults[0].value or ""
    known = list(group.plan.classes)
    near = None if is_number(value) else did_you_mean(value, known)
    if means_missing(value):
        advice = "if it is a missing label: --missing drop"
    elif group.plan.meanings:
        advice = f"say what it means as well: --classes …,{value}=CLASS"
    elif near is not None:
        advice = f'the nearest class is "{shorten(near)}"; spelling, case and spaces count'
    elif group.plan.one_column:
        advice = "two classes fit one probability column; leave such rows out, or give one column per class"
    else:
        other = group.other_name or group.name
        advice = f'add a column "{shorten(value)}" to {other}, or fix the label'
    return Diagnostic(
        "E402",
        f"label {_quote(value)} is not one of the predicted classes",
        group.places(excerpt=False),
        group.count,
        (f"found {plural(group.count, 'row')} with such labels; predicted classes: {listed(known)}",),
        advice,
    )


def _empty_label(group: _Group) -> Diagnostic:
    return Diagnostic(
        "E403",
        f"{_more(group, 'label', 'labels')} empty",
        group.places(),
        group.count,
        help="give every row a label, or leave such rows out: --missing drop",
    )


def _not_one_hot(group: _Group) -> Diagnostic:
    return Diagnostic(
        "E411",
        f"{_more(group, 'row', 'rows', 'does not have', 'do not have')} a 1 in exactly one label column and 0 elsewhere",
        group.places(),
        group.count,
        (f"label columns: {listed(group.plan.label_columns)}",),
        "one true class has a 1 in its column and 0 in the others; if the labels are independent: --task multilabel; "
        "if several share a row: --normalize-labels",
    )


# --- probabilities ------------------------------------------------------------------------------------------------------


def _not_a_number(group: _Group) -> Diagnostic:
    value = group.written(group.faults[0])
    column, plan = group.faults[0].column, group.plan
    if plan.weights is not None and column == plan.weights[1]:
        advice = f'give every row a weight, or choose another column than "{shorten(column)}": --weights NAME'
    elif plan.numeric_labels and column in plan.label_columns:
        advice = "give every row a number for every class (0 is allowed)"
    elif plan.scale == "probs":
        advice = "give every row a probability for every class (0 is allowed)"
    else:
        advice = f"give every row a {_OUTSIDE[plan.scale][0]} for every class"
    if means_missing(value):
        advice = (
            "if it is a missing value, leave such rows out: --missing drop   or score a uniform forecast: --missing uniform"
        )
    return Diagnostic(
        "E501",
        f"{_quote(value)} is not a number",
        group.places(),
        group.count,
        help=number_hint(value, getattr(group.source, "decimal", ".")) or advice,
    )


def _missing(group: _Group) -> Diagnostic:
    return Diagnostic(
        "E502",
        f"{_more(group, *_OUTSIDE[group.plan.scale][:2])} missing",
        group.places(),
        group.count,
        help="the model produced NaN or wrote nothing; fill them, or leave such rows out: --missing drop   "
        "or score a uniform forecast: --missing uniform",
    )


_OUTSIDE = {
    "probs": ("probability", "probabilities", "outside 0 to 1"),
    "logprobs": ("log-probability", "log-probabilities", "above 0"),
    "logits": ("logit", "logits", "infinite"),
}


def _outside(group: _Group) -> Diagnostic:
    one, many, what = _OUTSIDE[group.plan.scale]
    if group.plan.options.renormalize and group.plan.scale == "probs":
        what = "below 0 or infinite"
    if group.plan.scale != "probs" and any(1e30 < abs(float(one.value or "nan")) < math.inf for one in group.faults):
        what = f"{what} or beyond 1e30 in size"
    return Diagnostic("E503", f"{_more(group, one, many)} {what}", group.places(), group.count, help=_scale_hint(group))


def _scale_hint(group: _Group) -> str:
    """Percentages and raw scores, where the rows shown are such."""
    if group.plan.scale != "probs":
        return ""
    sums = [_row_sum(group, fault) for fault in group.faults]
    several = len(group.plan.columns) > 1
    if several and all(one is not None and 99.0 < one < 101.0 for one in sums):
        return "these are percentages; divide by 100, or add --renormalize"
    values = [float(fault.value or "nan") for fault in group.faults]
    if group.scored == 0 and group.count > 2 and any(value < 0.0 for value in values):
        return "for raw model scores add --from logits"
    if group.scored == 0 and all(1.0 < value < float("inf") for value in values) and not group.plan.options.renormalize:
        return (
            "if these are counts or percentages of one whole: --renormalize"
            if several
            else "if these are percentages, divide by 100"
        )
    return ""


def _row_sum(group: _Group, fault: Fault) -> float | None:
    line, header = group.lines.get(fault.row), group.lines.get(HEADER)
    if line is None or header is None or not set(group.plan.columns) <= set(header.fields):
        return None
    cells = [line.fields[header.fields.index(name)] for name in group.plan.columns]
    return sum(map(float, cells)) if all(NUMBER.fullmatch(cell.strip(BLANKS)) for cell in cells) else None


def _bad_sum(group: _Group) -> Diagnostic:
    first = group.faults[0]
    plan = group.plan
    limit = max(plan.largest_deviation, plan.stored_deviation)
    rounded = ""
    if plan.rounded_deviation > limit:
        rounded = f", or {plan.rounded_deviation:.2g} for rows rounded to {plural(plan.decimals, 'decimal')}"
    of = " of exponentials" if plan.scale == "logprobs" else ""
    if plan.options.renormalize:
        return Diagnostic(
            "E504",
            f"{_more(group, 'row', 'rows', 'cannot', 'cannot')} be divided by {'its' if group.count == 1 else 'their'} sum",
            group.places(),
            group.count,
            (f"found a sum of {first.value}",),
            "give some class of every row a probability above 0",
        )
    place = group.place(first)
    advice = f"if the classes are {listed(plan.classes, 6)} and no others: --renormalize; if not, name them: --pred A,B"
    if plan.one_hot and group.scored == 0:
        advice = "if the labels are independent of each other: --task multilabel; if not: --renormalize"
    return Diagnostic(
        "E504",
        f"{_more(group, 'row', 'rows', 'does', 'do')} not sum to 1",
        (place, *(group.place(one, value=one.value) for one in group.faults[1:])),
        group.count,
        (f"found a sum{of} of {first.value}; expected 1 within {limit:.2g}{rounded}",),
        advice,
    )


def _wrong_length(group: _Group) -> Diagnostic:
    return Diagnostic(
        "E507",
        f"{_more(group, 'row', 'rows', 'does not have', 'do not have')} a probability for each class",
        group.places(),
        group.count,
        (f"found {group.faults[0].value}; the first row has {len(group.plan.columns)}",),
        "every list needs the same length, one number per class",
    )


def _incomplete(group: _Group) -> Diagnostic:
    first = group.faults[0]
    return Diagnostic(
        "E509",
        f"{_more(group, 'case', 'cases', 'has', 'have')} no row for some class",
        group.id_places(),
        group.count,
        (f"found: {_quote(first.value or '')} has no row for class {_quote(first.column or '')}",),
        "in the long form each case has one row for every class (a probability of 0 is allowed)",
    )


def _class_again(group: _Group) -> Diagnostic:
    return Diagnostic(
        "E510",
        f"class {_quote(group.faults[0].value or '')} occurs twice in a case",
        group.places(),
        group.count,
        help="in the long form each case has one row for every class",
    )


def _no_class(group: _Group) -> Diagnostic:
    """The classes of the long form are those of the whole file, so that only an empty one is none of them."""
    return Diagnostic(
        "E511",
        f"{_more(group, 'class', 'classes')} empty",
        group.places(),
        group.count,
        help="in the long form each row names the class that its number is of",
    )


def _varying(group: _Group) -> Diagnostic:
    return Diagnostic(
        "E512",
        f"column {_quote(group.faults[0].column or '')} has several values in one case",
        group.places(),
        group.count,
        help="in the long form what belongs to a case is the same on all its rows",
    )


# --- label shares and weights -------------------------------------------------------------------------------------------


def _bad_shares(group: _Group) -> Diagnostic:
    plan = group.plan
    first = group.faults[0]
    rows = plural(group.count, "row")
    if plan.options.normalize_labels:
        message, expected, advice = f"the labels of {rows} cannot be divided by their sum", "", "give every row a label"
    else:
        message, expected = f"the labels of {rows} do not sum to 1", f"; expected 1 within {plan.label_deviation:.2g}"
        advice = "if they are counts: --normalize-labels" if float(first.value or 0.0) > 0.0 else "give every row a label"
    return Diagnostic(
        "E412",
        message,
        (group.place(first), *(group.place(one, value=one.value) for one in group.faults[1:])),
        group.count,
        (f"found a sum of {first.value}{expected}",),
        advice,
    )


def _bad_flag(group: _Group) -> Diagnostic:
    plan = group.plan
    value = group.written(group.faults[0])
    if plan.task == "soft" and plan.options.normalize_labels:
        expected = "a count is 0 or more"
    elif plan.task == "soft":
        counts = is_number(value) and float(value) > 1.0
        expected = "a label share is between 0 and 1" + ("; if these are counts: --normalize-labels" if counts else "")
    elif plan.any_share:
        expected = "an independent label is between 0 and 1"
    else:
        share = is_number(value) and 0.0 < float(value) < 1.0
        expected = "an independent label is 0 or 1" + ("; if these are probabilities: --task multilabel" if share else "")
    return Diagnostic("E413", f"{_quote(value)} is not a label", group.places(), group.count, help=expected)


def _bad_weight(group: _Group) -> Diagnostic:
    value = group.written(group.faults[0])
    return Diagnostic(
        "E506",
        f"{_more(group, 'weight', 'weights')} missing, negative or out of range",
        group.places(),
        group.count,
        (f"found: {_quote(value) if value else 'nothing'}",),
        "a weight is 0, which leaves the row out, or a number from 1e-100 to 1e100",
    )


_EXPLAIN = {
    "E105": _not_utf8,
    "E201": _ragged,
    "E302": _unpredicted,
    "E303": _unlabelled,
    "E304": _repeated,
    "E307": _no_id,
    "E402": _unknown_label,
    "E403": _empty_label,
    "E411": _not_one_hot,
    "E412": _bad_shares,
    "E413": _bad_flag,
    "E501": _not_a_number,
    "E502": _missing,
    "E503": _outside,
    "E504": _bad_sum,
    "E506": _bad_weight,
    "E507": _wrong_length,
    "E509": _incomplete,
    "E510": _class_again,
    "E511": _no_class,
    "E512": _varying,
}
