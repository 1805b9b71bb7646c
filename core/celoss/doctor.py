"""Owns the diagnosis: from faults, which are data, to what a user reads, with the text of the file as it was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from celoss.errors import Diagnostic, Fault, Faults, Place, did_you_mean, escape, listed, plural, shorten
from celoss.plan import Plan
from celoss.sources import Line, Source
from celoss.sources.base import BLANKS, NUMBER, is_number, number_hint, ragged_hint

# Rows that were cut wrongly, or are not text, make every later fault of the file a consequence: they are told alone.
STRUCTURE = ("E105", "E201")
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
        line, header = self.lines.get(fault.row), self.lines.get(HEADER)
        if line and header and fault.column in header.fields and line.fields:
            return line.fields[header.fields.index(fault.column)]
        return fault.value or ""

    def place(self, fault: Fault, *, value: str | None = None, excerpt: bool = True) -> Place:
        line, header = self.lines.get(fault.row), self.lines.get(HEADER)
        mark = None
        if line and header and line.spans and fault.column in header.fields:
            mark = line.spans[header.fields.index(fault.column)]
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


def explain(faults: Faults, plan: Plan, predictions: Source, labels: Source | None, scored: int) -> list[Diagnostic]:
    """One diagnostic for each kind of fault, structure first and alone, then in the order of the codes."""
    groups = faults.groups
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
        help=f"every row of {group.name} needs a prediction: add it to {group.other_name}, or remove the row from {group.name}",
    )


def _unlabelled(group: _Group) -> Diagnostic:
    return Diagnostic(
        "E303",
        f"{plural(group.count, 'prediction')} {'has' if group.count == 1 else 'have'} no label",
        group.id_places(),
        group.count,
        help=f"every row of {group.name} needs a label: add it to {group.other_name}, or remove the row from {group.name}",
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
    if group.plan.meanings:
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
        help="give every row a label, or leave such rows out of both files",
    )


def _not_one_hot(group: _Group) -> Diagnostic:
    return Diagnostic(
        "E411",
        f"{_more(group, 'row', 'rows', 'does not have', 'do not have')} a 1 in exactly one label column and 0 elsewhere",
        group.places(),
        group.count,
        (f"label columns: {listed(group.plan.label_columns)}",),
        "each row has one true class: 1 in its column, 0 in the others",
    )


# --- probabilities ------------------------------------------------------------------------------------------------------


def _not_a_number(group: _Group) -> Diagnostic:
    value = group.written(group.faults[0])
    return Diagnostic(
        "E501",
        f"{_quote(value)} is not a number",
        group.places(),
        group.count,
        help=number_hint(value) or "give every row a probability for every class (0 is allowed)",
    )


def _missing(group: _Group) -> Diagnostic:
    return Diagnostic(
        "E502",
        f"{_more(group, 'probability', 'probabilities')} missing",
        group.places(),
        group.count,
        help="the model produced NaN or wrote nothing; fill them, or leave these rows out of both files",
    )


def _outside(group: _Group) -> Diagnostic:
    return Diagnostic(
        "E503",
        f"{_more(group, 'probability', 'probabilities')} outside 0 to 1",
        group.places(),
        group.count,
        help=_scale_hint(group),
    )


def _scale_hint(group: _Group) -> str:
    """Percentages and raw scores, where the rows shown are such."""
    sums = [_row_sum(group, fault) for fault in group.faults]
    if group.plan.columns and len(group.plan.columns) > 1 and all(one is not None and 99.0 < one < 101.0 for one in sums):
        return "these are percentages; divide by 100"
    values = [float(fault.value or "nan") for fault in group.faults]
    if group.scored == 0 and group.count > 2 and any(value < 0.0 for value in values):
        layer = "sigmoid" if group.plan.one_column else "softmax"
        return f"these look like raw model scores (logits): apply the {layer} first"
    return ""


def _row_sum(group: _Group, fault: Fault) -> float | None:
    line, header = group.lines.get(fault.row), group.lines.get(HEADER)
    if line is None or header is None or not line.fields:
        return None
    cells = [line.fields[header.fields.index(name)] for name in group.plan.columns]
    return sum(map(float, cells)) if all(NUMBER.fullmatch(cell.strip(BLANKS)) for cell in cells) else None


def _bad_sum(group: _Group) -> Diagnostic:
    first = group.faults[0]
    plan = group.plan
    limit = plan.largest_deviation
    rounded = ""
    if plan.rounded_deviation > limit:
        rounded = f", or {plan.rounded_deviation:.2g} for rows rounded to {plural(plan.decimals, 'decimal')}"
    place = group.place(first)
    return Diagnostic(
        "E504",
        f"{_more(group, 'row', 'rows', 'does', 'do')} not sum to 1",
        (place, *(group.place(one, value=one.value) for one in group.faults[1:])),
        group.count,
        (f"found a sum of {first.value}; expected 1 within {limit:.2g}{rounded}",),
        f"probability columns: {listed(group.plan.columns)}; if a class is missing or one is no class, name them: --pred A,B",
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
    "E501": _not_a_number,
    "E502": _missing,
    "E503": _outside,
    "E504": _bad_sum,
    "E507": _wrong_length,
}
