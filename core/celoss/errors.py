"""Owns `Diagnostic`: every fault and note that a user's input can cause, with its code, places and help."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

SHOWN_PLACES = 3
LONGEST_VALUE = 40
LONGEST_EXCERPT = 120


@dataclass(frozen=True)
class Place:
    """Where something was found: a file's line (header = line 1) or row, or an option of the command.

    `excerpt` holds (line number, text) pairs; `mark` is the part (start, length) of the last excerpt line that is meant.
    """

    where: str
    line: int | None = None
    row: int | None = None
    column: str | None = None
    value: str | None = None
    id: str | None = None
    excerpt: tuple[tuple[int, str], ...] = ()
    mark: tuple[int, int] | None = None

    def __str__(self) -> str:
        text = escape(self.where)
        if self.line is not None:
            text += f":{self.line}"
        elif self.row is not None:
            text += f", row {self.row}"
        if self.column is not None:
            text += f', column "{shorten(self.column)}"'
        if self.id is not None:
            text += f', id "{shorten(self.id)}"'
        return text

    def to_dict(self) -> dict[str, Any]:
        """The place as JSON values; what is not known is left out."""
        pairs = {
            "file": self.where,
            "line": self.line,
            "row": self.row,
            "column": self.column,
            "value": self.value,
            "id": self.id,
        }
        return {name: value for name, value in pairs.items() if value is not None}


@dataclass(frozen=True)
class Diagnostic:
    """One kind of fault or note. `count` is how often it occurs; `places` holds the first few."""

    code: str
    message: str
    places: tuple[Place, ...] = ()
    count: int = 1
    details: tuple[str, ...] = ()
    help: str = ""

    @property
    def severity(self) -> str:
        """`note` for codes that start with N, else `error`."""
        return "note" if self.code.startswith("N") else "error"

    def __str__(self) -> str:
        return "\n".join(escape(line) for line in self._lines())

    def _lines(self) -> list[str]:
        lines = [f"{self.severity}[{self.code}]: {self.message}"]
        if self.places:
            lines.append(f"  --> {self.places[0]}")
            lines.extend(_excerpt_lines(self.places[0]))
        if self.count > 1 and len(self.places) > 1:
            lines.append(f"  = {self.count - 1} more: {_more(self.places[1:SHOWN_PLACES], self.count)}")
        lines.extend(f"  = {detail}" for detail in self.details)
        if self.help:
            lines.append(f"  = help: {self.help}")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """The diagnostic as JSON values."""
        return {
            "code": self.code,
            "message": self.message,
            "count": self.count,
            "places": [place.to_dict() for place in self.places],
            "details": list(self.details),
            "help": self.help or None,
        }


class CelossError(ValueError):
    """The input cannot be scored. `diagnostics` says why, the first one being the most telling."""

    # What the command prints before the error: the findings of `check`, which explain it.
    printed = ""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("\n\n".join(str(one) for one in diagnostics))
        self.diagnostics = diagnostics

    @property
    def code(self) -> str:
        """Code of the first diagnostic, for example `E402`."""
        return self.diagnostics[0].code

    @property
    def places(self) -> tuple[Place, ...]:
        """Places of the first diagnostic."""
        return self.diagnostics[0].places

    @property
    def help(self) -> str:
        """What to type or change, from the first diagnostic."""
        return self.diagnostics[0].help


class UsageError(CelossError):
    """The call itself is wrong (an option or its value), whatever is in the files."""


def escape(text: str) -> str:
    """Replaces control, format and line-separator characters by backslash escapes, so that no input can steer a terminal."""
    if text.isprintable():
        return text
    return "".join(
        ch if unicodedata.category(ch) not in ("Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn") else _escaped(ch) for ch in text
    )


def _escaped(ch: str) -> str:
    return ch.encode("unicode_escape").decode("ascii")


def shorten(text: str, longest: int = LONGEST_VALUE) -> str:
    """Escapes `text` and cuts out its middle when it is longer than `longest` characters."""
    text = escape(text)
    if len(text) <= longest:
        return text
    tail = (longest - 1) // 2
    return f"{text[: longest - 1 - tail]}…{text[-tail:]}"


def quoted(names: Sequence[str], most: int = 8) -> str:
    """`"a", "b" and 3 more`: names as written, in quotes."""
    return _listed([f'"{shorten(name)}"' for name in names], most)


def listed(names: Sequence[str], most: int = 12) -> str:
    """`a, b and 3 more`: names as written."""
    return _listed([shorten(name) for name in names], most)


def _listed(shown: list[str], most: int) -> str:
    if len(shown) <= most:
        return ", ".join(shown)
    return f"{', '.join(shown[:most])} and {len(shown) - most} more"


def unknown_name(code: str, what: str, name: str, option: str, known: Sequence[str], found: str) -> Diagnostic:
    """The diagnostic for an option that names something that does not exist, with the nearest of the known names."""
    near = did_you_mean(name, known)
    return Diagnostic(
        code,
        what,
        (Place(f"option {option} {name}"),),
        details=(found,),
        help=f"did you mean {option} {near}?" if near else "",
    )


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """`1 row`, `1,000 rows`."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def did_you_mean(name: str, names: Sequence[str]) -> str | None:
    """The nearest of `names` in spelling, or None when nothing is near."""
    import difflib

    folded = {candidate.casefold(): candidate for candidate in reversed(names)}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def _more(places: Sequence[Place], count: int) -> str:
    shown = []
    for place in places:
        at = f"line {place.line}" if place.line is not None else f"row {place.row}" if place.row is not None else str(place)
        if place.column is not None:
            at += f', column "{shorten(place.column)}"'
        if place.id is not None:
            at += f', id "{shorten(place.id)}"'
        if place.value is not None:
            at += f" ({shorten(place.value) or 'empty'})"
        shown.append(at)
    rest = count - 1 - len(places)
    return "; ".join(shown) + (f"; and {rest:,} not shown" if rest > 0 else "")


def _excerpt_lines(place: Place) -> list[str]:
    if not place.excerpt:
        return []
    width = max(len(str(number)) for number, _ in place.excerpt)
    lines = []
    for number, text in place.excerpt:
        cut = escape(text)
        lines.append(f"  {number:>{width}} | {cut if len(cut) <= LONGEST_EXCERPT else cut[: LONGEST_EXCERPT - 1] + '…'}")
    last = place.excerpt[-1][1]
    if place.mark is not None and sum(place.mark) < LONGEST_EXCERPT and last.isprintable():
        start, length = place.mark
        lines.append(f"  {'':>{width}} | {' ' * start}{'^' * max(length, 1)}")
    return lines


@dataclass(frozen=True)
class Fault:
    """One bad cell or row, as data: 0-based row of the `file` with that role, and the value as it was found.

    first_row: where the same id stood before, for an id that occurs twice. case: the row of the table that was made of the
    file, where that is another one (in the long form a case has a row for each class).
    """

    row: int
    column: str | None
    value: str | None
    code: str
    file: str
    first_row: int | None = None
    case: int | None = None

    @property
    def table_row(self) -> int:
        """The row of the table that is read, 0-based."""
        return self.row if self.case is None else self.case


@dataclass(frozen=True)
class Faults:
    """All faults of a run, mergeable: for each (code, file) the count and the first few, by row.

    a + b == b + a, (a + b) + c == a + (b + c), a + Faults() == a; merging changes neither side.
    """

    groups: tuple[tuple[tuple[str, str], int, tuple[Fault, ...]], ...] = ()

    @classmethod
    def of(cls, faults: Sequence[Fault], counts: dict[tuple[str, str], int] | None = None) -> Faults:
        """Groups `faults`; `counts` says how many there are of a kind when `faults` holds only the first of them."""
        kinds: dict[tuple[str, str], list[Fault]] = {}
        for fault in faults:
            kinds.setdefault((fault.code, fault.file), []).append(fault)
        counts = {kind: count for kind, count in (counts or {}).items() if count}
        return cls(
            tuple((kind, counts.get(kind, len(found)), _first(found)) for kind, found in sorted(kinds.items(), key=_kind))
        )

    def __add__(self, other: Faults) -> Faults:
        if not self.groups or not other.groups:
            return self if self.groups else other
        both = {kind: (count, found) for kind, count, found in self.groups}
        for kind, count, found in other.groups:
            old_count, old_found = both.get(kind, (0, ()))
            both[kind] = (old_count + count, _first([*old_found, *found]))
        return Faults(tuple((kind, *rest) for kind, rest in sorted(both.items(), key=_kind)))

    def __bool__(self) -> bool:
        return bool(self.groups)

    def to_list(self) -> list[Any]:
        """The faults as JSON values."""
        return [[*kind, count, [list(astuple(fault)) for fault in found]] for kind, count, found in self.groups]

    @classmethod
    def from_list(cls, values: Sequence[Any]) -> Faults:
        """The faults that `to_list` wrote."""
        return cls(tuple(((code, file), count, tuple(Fault(*one) for one in found)) for code, file, count, found in values))


NO_FAULTS = Faults()


def _kind(item: tuple[tuple[str, str], Any]) -> tuple[str, str]:
    return item[0]


def _first(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    return tuple(sorted(set(faults), key=lambda one: (one.row, one.column or "", one.value or ""))[:SHOWN_PLACES])
