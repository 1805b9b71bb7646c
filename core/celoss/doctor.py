"""Owns the diagnosis: from faults, which are data, to what a user reads, with the text of the file as it was written."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import replace

from celoss.errors import SHOWN_PLACES, Diagnostic, Fault, Place, as_list, escape, listed, plural, shorten
from celoss.lookalikes import SCIENTIFIC, alike_hint, difference, ids_difference, lost_digits, nearest, number_advice
from celoss.naming import means_missing
from celoss.plan import PREDICTIONS, Plan
from celoss.records import dataclass
from celoss.sources import Line, Source, read_all
from celoss.sources.base import BLANKS, NUMBER, STRUCTURE, is_number, ragged_hint
from celoss.sources.lists import NO_LISTS, Lists
from celoss.sources.long import LongSource
from celoss.state import State

HEADER = -1
# What is wrong where rows, or their ids, are missing.
LACKS_ROWS = ("E301", "E302", "E303", "E304", "E307", "E509")
# What the end of a line that was cut off in the middle may look like.
MAY_BE_CUT = ("E402", "E501", "E502", "E503", "E504")
# Columns whose values are looked at for others in common.
MOST_COLUMNS = 40
# Meanings of labels that are spelt out in a hint.
MOST_PAIRS = 12


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
    def shown(self) -> tuple[Fault, ...]:
        """The faults that a hint rests on: as many, however many are told."""
        return self.faults[:SHOWN_PLACES]

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
        # Only the first place is shown with its line.
        return tuple(
            self.place(fault, value=self.written(fault), excerpt=excerpt and fault is self.faults[0]) for fault in self.faults
        )

    def id_places(self) -> tuple[Place, ...]:
        return tuple(
            Place(self.source.name, at.line, at.row, id=fault.value) for fault in self.faults for at in (self.place(fault),)
        )


def diagnose(state: State, plan: Plan, predictions: Source, labels: Source | None) -> list[Diagnostic]:
    """One diagnostic for each kind of fault, in the order of the codes.

    Beside rows that were cut wrongly, or are no text, what lacks a row is not told: it may be a consequence.

    Without faults, one where no row is left to score, or none with a weight.
    """
    faults, scored = state.faults, state.count
    if not faults:
        return _nothing_left(state, plan, predictions, labels)
    groups = [(kind, count, _in_file(kind[1], found, predictions)) for kind, count, found in faults.groups]
    if any(kind[0] in STRUCTURE for kind, _, _ in groups):
        groups = [group for group in groups if group[0][0] not in LACKS_ROWS]
    sources = {"predictions": predictions, "labels": labels or predictions}
    wanted = {
        role: [row for (_, file), _, found in groups for one in found if file == role for row in _rows(one)] for role in sources
    }
    lines = {role: sources[role].lines([HEADER, *rows]) if rows else {} for role, rows in wanted.items()}
    made = [
        _Group(code, sources[file], _other(file, predictions, labels), count, found, lines[file], plan, scored)
        for (code, file), count, found in groups
    ]
    if (disjoint := _disjoint(made, scored)) is not None:
        return [disjoint]
    alike = _alike_ids(made)
    found = (_told(one) for one in made)
    return [_with_alike(one, alike) if alike and one.code in ("E302", "E303") else one for one in found]


def _told(group: _Group) -> Diagnostic:
    """The diagnostic of a group, which says where its only place is a line that may be cut off."""
    told = _EXPLAIN[group.code](group)
    line = group.lines.get(group.faults[0].row)
    if group.count > 1 or line is None or not line.is_open or group.code not in MAY_BE_CUT:
        return told
    return replace(told, details=(*told.details, "the file ends here without a line break, so the line may be cut off"))


def _with_alike(one: Diagnostic, alike: str) -> Diagnostic:
    """A diagnostic of rows that are in one file only, where ids of both look the same: leaving them out is no remedy."""
    details = (*one.details, alike) if one.code == "E302" else one.details
    return replace(one, details=details, help="write these ids alike in both files")


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
        f"if it is Windows-1252 or Latin-1, {_converted(group.source)}"
        if group.source.has_lines
        else "write the column as text",
    )


def _converted(source: Source) -> str:
    command = "iconv -f WINDOWS-1252 -t UTF-8"
    if source.path == "-":
        return f"put it before celoss: {command} | celoss …"
    return f"convert: {command} {shlex.quote(source.name)} > utf8.{source.format}"


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


def _header_again(group: _Group) -> Diagnostic:
    first = group.faults[0]
    return Diagnostic(
        "E215",
        f"line {group.lines[first.row].number} repeats the header",
        (group.place(first), *(group.place(one) for one in group.faults[1:])),
        group.count,
        help="files that were joined keep the header of each; remove every header but the first",
    )


def _no_object(group: _Group) -> Diagnostic:
    places = [group.place(one, value=one.value if at else None) for at, one in enumerate(group.faults)]
    from celoss.sources.jsonl import no_object

    return no_object(tuple(places), group.faults[0].value or "", count=group.count)


def _late_key(group: _Group) -> Diagnostic:
    first = group.faults[0]
    return Diagnostic(
        "E212",
        f"{_quote(first.column or '')} is not among the keys of the first lines",
        group.places(),
        group.count,
        help="if it is a class, give every line a number for it; if not, give the first line the key too, with null",
    )


# --- matching -----------------------------------------------------------------------------------------------------------


def _disjoint(groups: Sequence[_Group], scored: int) -> Diagnostic | None:
    """E305 instead of E302 and E303 when no id at all is in both files."""
    missing = {one.code: one for one in groups if one.code in ("E302", "E303")}
    if scored or len(missing) < 2 or len(groups) > len(missing):
        return None
    mine = [fault.value or "" for fault in missing["E303"].faults[:SHOWN_PLACES]]
    theirs = [fault.value or "" for fault in missing["E302"].faults[:SHOWN_PLACES]]
    left, right = missing["E303"].name, missing["E302"].name
    found = f"found: {', '.join(map(_quote, mine))} in {left} and {', '.join(map(_quote, theirs))} in {right}"
    places = missing["E303"].id_places()[:1]
    advice = _id_hint(missing["E303"].source, missing["E302"].source, missing["E303"].plan.keys)
    return Diagnostic("E305", f"no id of {left} is in {right}", places, details=(found,), help=advice)


def _id_hint(predictions: Source, labels: Source, keys: Sequence[tuple[str, str]]) -> str:
    """What would make the ids equal, or which other columns are, by the first rows of both files."""
    left, right = predictions.head(), labels.head()
    names = escape(predictions.name), escape(labels.name)
    for one, other in keys:
        mine, theirs = left.column(one).texts, right.column(other).texts
        if not set(mine) & set(theirs) and (found := ids_difference(mine, theirs, *names)):
            return found
    ids = [
        [column for column in head.columns[:MOST_COLUMNS] if len(set(column.texts)) == len(column.texts)]
        for head in (left, right)
    ]
    for column in ids[0]:
        for like in ids[1]:
            common = set(column.texts) & set(like.texts) - {""}
            if 2 * len(common) > min(len(column.texts), len(like.texts)) and (column.name, like.name) not in keys:
                given = column.name if column.name == like.name else f"{column.name}={like.name}"
                columns = f'"{shorten(column.name)}" of {names[0]} and "{shorten(like.name)}" of {names[1]}'
                return f"{columns} have values in common: --id {shlex.quote(given)}"
    return "choose the columns that match: --id NAME (--id A=B where the names differ), or --id '#' for row order"


def _quote(text: str) -> str:
    return f'"{shorten(text)}"'


def _unequal(group: _Group) -> Diagnostic:
    asked = any(finding.because == "--id '#'" for finding in group.plan.findings)
    because = "rows are matched by position (--id '#')" if asked else "no column in common, so rows are matched by position"
    left, right = map(int, (group.faults[0].value or "").split())
    return Diagnostic(
        "E301",
        f"{group.name} has {plural(left, 'row')}, {group.other_name} has {right:,}",
        tuple(Place(source.name) for source in (group.source, group.other) if source),
        details=(f"found: {because}",),
        help="put the same id column in both files, or name it: --id NAME (--id A=B where the names differ)",
    )


def _alike_ids(groups: Sequence[_Group]) -> str:
    """In what an id of one file differs from an id of the other, where the two look the same; else empty."""
    missing = {one.code: one for one in groups if one.code in ("E302", "E303")}
    if len(missing) < 2:
        return ""
    mine, theirs = ([fault.value or "" for fault in missing[code].faults[:SHOWN_PLACES]] for code in ("E303", "E302"))
    for one in mine:
        for other in theirs:
            if what := difference(one, other):
                places = f"{_quote(one)} in {missing['E303'].name} and {_quote(other)} in {missing['E302'].name}"
                return f"found: {places} differ only in {what}"
    return ""


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
    advice = _rounded_ids(group)
    if not advice:
        advice = f"keep one row per id in {group.name}"
        if group.other and _rows_in(group.source) == _rows_in(group.other):
            advice += "; if the column is no id, match by row order: --id '#'"
    return Diagnostic(
        "E304",
        f"id {_quote(first.value or '')} occurs twice in {group.name}",
        group.id_places(),
        group.count,
        (f"first at {before}",),
        advice,
    )


def _rounded_ids(group: _Group) -> str:
    """What to do where ids that repeat are numbers that have lost their last digits; else empty."""
    values = [fault.value or "" for fault in group.faults]
    if len(group.plan.keys) != 1 or group.other is None or not any(map(SCIENTIFIC.fullmatch, values)):
        return ""
    mine, theirs = group.plan.keys[0]
    texts = group.other.head().column(theirs if group.faults[0].file == PREDICTIONS else mine).texts
    advice = f"the ids of {group.name} are rounded numbers; take them from before they were rounded"
    return lost_digits(values, texts, group.name) or advice


def _rows_in(source: Source) -> int:
    head = source.head()
    if head.complete:
        return head.rows
    return read_all(lambda careful: sum(chunk.rows for chunk in source.batches(head.names[:1], [], careful)))


def _no_id(group: _Group) -> Diagnostic:
    line = group.lines.get(group.faults[0].row)
    is_blank = line is not None and group.source.format == "csv" and not any(field.strip() for field in line.fields)
    return Diagnostic(
        "E307",
        f"{_more(group, 'id', 'ids')} empty",
        group.places(),
        group.count,
        help="the whole line is empty; remove such lines, which spreadsheets leave behind"
        if is_blank
        else "give every row an id, or match by row order: --id '#'",
    )


# --- labels -------------------------------------------------------------------------------------------------------------


def _unknown_label(group: _Group) -> Diagnostic:
    value = group.faults[0].value or ""
    known = list(group.plan.classes)
    near = None if is_number(value) else nearest(value, known)
    if means_missing(value):
        advice = "if it is a missing label: --missing drop"
    elif group.plan.meanings:
        advice = f"say what it means as well: --classes …,{as_list([f'{value}=CLASS'])}"
    elif shifted := _shifted(group, value, known):
        advice = shifted
    elif alike := alike_hint(value, known, "class"):
        advice = alike
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


def _shifted(group: _Group, value: str, classes: Sequence[str]) -> str:
    """What to give where labels seem to be numbered from 0 and columns from 1, or the reverse; else empty."""
    count = len(classes)
    labels = group.source.head().column(group.plan.label_columns[0]).texts
    for first, unknown in ((1, "0"), (0, str(count))):
        numbered = list(classes) == [str(first + index) for index in range(count)]
        if value == unknown and numbered and str(count if first else 0) not in labels:
            pairs = [f"{1 - first + index}={first + index}" for index in range(count)]
            given = as_list(pairs) if count <= MOST_PAIRS else f"{','.join(pairs[:2])},…"
            return f"if the labels count from {1 - first} and the columns from {first}: --classes {given}"
    return ""


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
    weight = plan.weights is not None and column == plan.weights[1]
    if weight:
        advice = f'give every row a weight, or choose another column than "{shorten(column or "")}": --weights NAME'
    elif plan.numeric_labels and column in plan.label_columns:
        advice = "give every row a number for every class (0 is allowed)"
    elif plan.scale == "probs":
        advice = "give every row a probability for every class (0 is allowed)"
    else:
        advice = f"give every row a {_OUTSIDE[plan.scale][0]} for every class"
    if means_missing(value) and not weight:
        advice = (
            "if it is a missing value, leave such rows out: --missing drop   or score a uniform forecast: --missing uniform"
        )
    return Diagnostic(
        "E501",
        f"{_quote(value)} is not a number",
        group.places(),
        group.count,
        help=number_advice(value, getattr(group.source, "decimal", ".")) or advice,
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
    if group.plan.scale != "probs" and any(1e30 < abs(float(one.value or "nan")) < math.inf for one in group.shown):
        what = f"{what} or beyond 1e30 in size"
    return Diagnostic("E503", f"{_more(group, one, many)} {what}", group.places(), group.count, help=_scale_hint(group))


def _scale_hint(group: _Group) -> str:
    """Percentages and raw scores, where the rows shown are such."""
    if group.plan.scale != "probs":
        return ""
    sums = [_row_sum(group, fault) for fault in group.shown]
    several = len(group.plan.columns) > 1
    if several and all(one is not None and 99.0 < one < 101.0 for one in sums):
        return "these are percentages; divide by 100, or add --renormalize"
    values = [float(fault.value or "nan") for fault in group.shown]
    if group.scored == 0 and group.count > 2 and any(value < 0.0 for value in values):
        return "for raw model scores add --from logits"
    if not several and group.count > 1 and 10 * group.count > group.scored and min(values) < 0.0 and max(values) > 1.0:
        return "if these are raw model scores: --from logits"
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


def _width(group: _Group) -> int:
    """How many numbers the lists of a column have."""
    lists: Lists = getattr(group.source, "lists", NO_LISTS)
    return lists.widths.get(group.faults[0].column or "", len(group.plan.columns))


def _wrong_length(group: _Group) -> Diagnostic:
    return Diagnostic(
        "E507",
        f"{_more(group, 'row', 'rows', 'does not have', 'do not have')} a probability for each class",
        group.places(),
        group.count,
        (f"found {group.faults[0].value}; the first list has {_width(group)}",),
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
    """The classes of the long form are those of the whole file, so that only an empty one is none of them; or of a plan."""
    value = group.faults[0].value
    if value:
        message = f"class {_quote(value)} is not one of the plan's"
        return Diagnostic("E511", message, group.places(), group.count, (f"the plan has {listed(group.plan.classes)}",))
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
        counts = is_number(value) and 1.0 < float(value) < math.inf
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
        "a weight is 0, which leaves the row out, or a number from 1e-60 to 1e60",
    )


_EXPLAIN = {
    "E105": _not_utf8,
    "E201": _ragged,
    "E206": _no_object,
    "E212": _late_key,
    "E215": _header_again,
    "E301": _unequal,
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
