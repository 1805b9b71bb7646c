"""Owns `Diagnostic`: every fault and note that a user's input can cause, with its code, places and help."""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Sequence
from dataclasses import astuple, field
from typing import Any

from celoss.records import dataclass

SHOWN_PLACES = 3
LONGEST_VALUE = 40
LONGEST_EXCERPT = 120
# Characters that cannot be seen, or that look like a space.
NOT_SHOWN = ("Cc", "Cf", "Zl", "Zp", "Zs", "Cs", "Co", "Cn")
# Options whose values are lists of names.
LISTS = ("--pred", "--label")


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
        return self.text()

    def text(self, every_place: bool = False) -> str:
        """What a user reads: with the first few places, or with every place that is known, each on a line."""
        return "\n".join(escape(line) for line in self._lines(every_place))

    def _lines(self, every_place: bool) -> list[str]:
        lines = [f"{self.severity}[{self.code}]: {self.message}"]
        if self.places:
            lines.append(f"  --> {self.places[0]}")
            lines.extend(_excerpt_lines(self.places[0]))
        if self.places and self.count > 1 and (every_place or len(self.places) > 1):
            lines.extend(_each(self.places[1:], self.count) if every_place else [_more(self.places[1:], self.count)])
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
    """Replaces control and format characters, and spaces of other kinds, by backslash escapes.

    No input can steer a terminal, and no two texts that differ are shown alike.
    """
    if text.isprintable():
        return text
    return "".join(ch if ch == " " or unicodedata.category(ch) not in NOT_SHOWN else _escaped(ch) for ch in text)


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


def as_list(names: Sequence[str]) -> str:
    """Names as the value of an option that takes a list, quoted as a list and a shell ask for: `'"a, b",c'`."""
    return shlex.quote(",".join(f'"{name.replace(chr(34), chr(34) * 2)}"' if _needs_quotes(name) else name for name in names))


def _needs_quotes(name: str) -> bool:
    return any(mark in name for mark in ',"\r\n') or name != name.strip()


def unknown_name(code: str, what: str, name: str, option: str, known: Sequence[str], found: str) -> Diagnostic:
    """The diagnostic for an option that names something that does not exist, with the nearest of the known names."""
    near = did_you_mean(name, known)
    advice = "" if near is None else as_list([near]) if option in LISTS else shlex.quote(near)
    return Diagnostic(
        code,
        what,
        (Place(f"option {option} {name}"),),
        details=(found,),
        help=f"did you mean {option} {advice}?" if near else "",
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


def _each(places: Sequence[Place], count: int) -> list[str]:
    lines = [f"  --> {place}" + ("" if place.value is None else f" ({shorten(place.value) or 'empty'})") for place in places]
    rest = count - 1 - len(places)
    return [*lines, *([f"  = {plural(rest, 'place')} more, not listed: --places"] if rest > 0 else [])]


def _more(places: Sequence[Place], count: int) -> str:
    shown = []
    for place in places[: SHOWN_PLACES - 1]:
        at = f"line {place.line}" if place.line is not None else f"row {place.row}" if place.row is not None else str(place)
        if place.column is not None:
            at += f', column "{shorten(place.column)}"'
        if place.id is not None:
            at += f', id "{shorten(place.id)}"'
        if place.value is not None:
            at += f" ({shorten(place.value) or 'empty'})"
        shown.append(at)
    rest = count - 1 - len(shown)
    return f"  = {count - 1:,} more: " + "; ".join(shown) + (f"; and {rest:,} not shown" if rest > 0 else "")


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

    a + b == b + a, (a + b) + c == a + (b + c), a + Faults() == a; merging changes neither side. most: how many of a kind
    are kept; the same in all that are added.
    """

    groups: tuple[tuple[tuple[str, str], int, tuple[Fault, ...]], ...] = ()
    most: int = field(default=SHOWN_PLACES, compare=False)

    @classmethod
    def of(cls, faults: Sequence[Fault], counts: dict[tuple[str, str], int] | None = None, most: int = SHOWN_PLACES) -> Faults:
        """Groups `faults`; `counts` says how many there are of a kind when `faults` holds only the first of them."""
        kinds: dict[tuple[str, str], list[Fault]] = {}
        for fault in faults:
            kinds.setdefault((fault.code, fault.file), []).append(fault)
        counts = {kind: count for kind, count in (counts or {}).items() if count}
        return cls(
            tuple(
                (kind, counts.get(kind, len(found)), _first(found, most)) for kind, found in sorted(kinds.items(), key=_kind)
            ),
            most,
        )

    def __add__(self, other: Faults) -> Faults:
        if not self.groups or not other.groups:
            return self if self.groups else other
        most = max(self.most, other.most)
        both = {kind: (count, found) for kind, count, found in self.groups}
        for kind, count, found in other.groups:
            old_count, old_found = both.get(kind, (0, ()))
            both[kind] = (old_count + count, _joined(old_found, found, most))
        return Faults(tuple((kind, *rest) for kind, rest in sorted(both.items(), key=_kind)), most)

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


def _first(faults: Sequence[Fault], most: int) -> tuple[Fault, ...]:
    return tuple(sorted(set(faults), key=_place)[:most])


def _joined(left: tuple[Fault, ...], right: tuple[Fault, ...], most: int) -> tuple[Fault, ...]:
    """The first of two sorted groups. A file is read in order, so that one mostly follows the other: then nothing is sorted."""
    if not left or not right or _place(left[-1]) < _place(right[0]):
        return left if len(left) >= most else (*left, *right[: most - len(left)])
    return _joined(right, left, most) if _place(right[-1]) < _place(left[0]) else _first([*left, *right], most)


def _place(fault: Fault) -> tuple[int, str, str]:
    return fault.row, fault.column or "", fault.value or ""
