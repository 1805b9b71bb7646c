"""Owns texts that look alike: in what two of them differ, and what a text that looks like a number should be."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from celoss.errors import did_you_mean, shorten
from celoss.naming import plain_name
from celoss.sources.base import BLANKS, is_number, number_hint

# Letters of other scripts that look like Latin ones.
HOMOGLYPHS = str.maketrans(
    "АВЕЅІЈКМНОРСТХУаеоѕіјрсухԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορυ",
    "ABESIJKMHOPCTXYaeosijpcyxdqwABEZHIKMNOPTYXaikvopu",
)
DASHES = "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"
POINTS = {"\u066b": ".", "\uff0e": "."}
THOUSANDS = re.compile(r"\d{1,3}([,'._ \u00a0\u202f]\d{3})+", re.ASCII)
SCIENTIFIC = re.compile(r"(\d)(?:\.(\d+))?[eE]\+?\d{1,2}", re.ASCII)
INTEGER = re.compile(r"\d{1,100}", re.ASCII)
YEAR_FIRST = re.compile(r"(\d{4})[-/. ]?(\d{1,2})[-/. ]?(\d{1,2})(?:[T ][\d:.]+Z?|[T ]?[\d:.]*\+00:00)?$", re.ASCII)
YEAR_LAST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})", re.ASCII)
FLOAT_DIGITS = 15
# Ids that are looked for inside each other: enough to see what they have in common.
SOME_IDS = 20
LONGEST_SEARCHED = 200
_BREAKS = {"\t": "tab", "\n": "line break", "\r": "line break"}
# What programs write around a number: `np.float64(0.5)`, `tensor(0.5)`, `'0.5`.
WRAPPED = re.compile(r"(?:[A-Za-z_][\w.]*\()?['\"]?([^()'\"]+)['\"]?\)?", re.ASCII)


# --- two texts ------------------------------------------------------------------------------------------------------------


def difference(text: str, other: str) -> str:
    """In what a text differs from another that looks the same: `upper and lower case`; empty where it does not look so."""
    if text == other or _normal(text, _STAGES) != _normal(other, _STAGES):
        return ""
    needed = [one for one in _STAGES if not _equal(text, other, [stage for stage in _STAGES if stage is not one])]
    needed = needed or [one for one in _STAGES if _equal(text, other, [one])][:1]
    return " and ".join(say(text, other) for _, say in needed)


def alike_hint(text: str, names: Iterable[str], what: str) -> str:
    """`the class "dog" differs from it only in upper and lower case; write both alike`, where a name looks like the text."""
    for name in names:
        if found := difference(text, name):
            return f'the {what} "{shorten(name)}" differs from it only in {found}; write both alike'
    return ""


def nearest(text: str, names: Sequence[str]) -> str | None:
    """The name that a text may be a misspelling of; not one with another number (`class_3` for `class_13`)."""
    near = did_you_mean(text, names)
    return None if near is None or (near != text and _without_digits(near) == _without_digits(text)) else near


def _without_digits(text: str) -> str:
    return re.sub(r"\d+", "", text)


def twins(names: Iterable[str]) -> tuple[str, str] | None:
    """The first two names that differ only in what is not seen: spaces, invisible characters, the Unicode normal form."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(unicodedata.normalize("NFC", bare(name)), name)
        if other != name:
            return other, name
    return None


def bare(text: str) -> str:
    """A text without invisible characters, spaces around it, and more than one space inside."""
    return text if text.isalnum() else _with_one_space(_without_invisible(text))


def character(ch: str) -> str:
    """A character by its name: `no-break space (U+00A0)`."""
    name = unicodedata.name(ch, "control character").lower().replace("zero width", "zero-width")
    return f"{name} (U+{ord(ch):04X})"


def is_invisible(ch: str) -> bool:
    """Whether a character takes no room: zero-width ones, marks of direction, byte-order marks, control characters."""
    return unicodedata.category(ch) in ("Cf", "Cc") and not ch.isspace()


def _without_invisible(text: str) -> str:
    return "".join(ch for ch in text if not is_invisible(ch))


def _with_one_space(text: str) -> str:
    return " ".join(text.split())


def _without_zeros(text: str) -> str:
    return text.lstrip("0") or "0" if text.isdecimal() else text


def _say_invisible(text: str, other: str) -> str:
    return "an invisible character: " + character(next(ch for ch in text + other if is_invisible(ch)))


def _say_spaces(text: str, other: str) -> str:
    odd = next((ch for ch in text + other if ch.isspace() and ch != " "), None)
    if odd is not None:
        name = _BREAKS.get(odd) or character(odd)
        return f"{'an' if name[0] in 'aeio' else 'a'} {name}"
    around = all(_with_one_space(one) == one.strip() for one in (text, other))
    return "spaces around it" if around else "the spaces in it"


def _say_letters(text: str, other: str) -> str:
    odd = next(ch for ch in text + other if ord(ch) in HOMOGLYPHS)
    return f'the letter "{odd}", which is {unicodedata.name(odd).capitalize()} (U+{ord(odd):04X})'


def _say_form(text: str, other: str) -> str:
    composed = any(one != unicodedata.normalize("NFC", one) for one in (text, other))
    return "the Unicode normal form of its accents" if composed else "the width or form of its characters"


_Stage = tuple[Callable[[str], str], Callable[[str, str], str]]
_STAGES: tuple[_Stage, ...] = (
    (_without_invisible, _say_invisible),
    (_with_one_space, _say_spaces),
    (lambda text: unicodedata.normalize("NFKC", text), _say_form),
    (lambda text: text.translate(HOMOGLYPHS), _say_letters),
    (str.casefold, lambda text, other: "upper and lower case"),
    (_without_zeros, lambda text, other: "leading zeros"),
)


def _normal(text: str, stages: Sequence[_Stage]) -> str:
    for normal, _ in stages:
        text = normal(text)
    return text


def _equal(text: str, other: str, stages: Sequence[_Stage]) -> bool:
    return _normal(text, stages) == _normal(other, stages)


# --- two columns of ids ---------------------------------------------------------------------------------------------------


def ids_difference(mine: Sequence[str], theirs: Sequence[str], left: str, right: str) -> str:
    """In what the ids of two files differ of which none is in both, with what to do; empty where nothing makes them alike.

    left, right: what the two files are called.
    """
    for what, normal in _ID_TESTS:
        if {normal(one) for one in mine} & {normal(one) for one in theirs}:
            return f"the ids differ by {what}. Write both alike"
    looks = {_normal(one, _STAGES): one for one in theirs if one}
    for one in mine:
        if (found := looks.get(_normal(one, _STAGES))) is not None:
            what = difference(one, found).replace("its accents", "their accents").replace("around it", "around them")
            return f"the ids differ by {what}. Write both alike"
    return (
        lost_digits(mine, theirs, left)
        or lost_digits(theirs, mine, right)
        or _rounded(mine, theirs)
        or _surrounded(mine, theirs, left)
        or _surrounded(theirs, mine, right)
        or _punctuated(mine, theirs)
    )


def same_in_other_form(mine: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether most ids of two columns differ in form only, and stand in another order.

    Forms are letter case, spaces, leading zeros, and the same text before and after each id of one column.
    """
    left, right = ([_normal(one, _STAGES) for one in texts] for texts in (mine, theirs))
    if all(one.isdecimal() for one in (*left, *right)):
        # Numbers can be equal by chance (ages, counts): zeros before them and the same set say that they are ids.
        return left != right and set(left) == set(right) and (left != list(mine) or right != list(theirs))
    inner, outer = (left, right) if len(left[0]) < len(right[0]) else (right, left)
    found = next((one for one in inner if one and one in outer[0]), "")
    before, _, after = outer[0].partition(found) if found else ("", "", "")
    outer = [one.removeprefix(before).removesuffix(after) for one in outer]
    return inner != outer and 2 * len(set(inner) & set(outer)) > min(len(inner), len(outer))


def _without_thousands(text: str) -> str:
    return re.sub(r"[,'._ \u00a0\u202f]", "", text) if THOUSANDS.fullmatch(text) else text


def _date(text: str) -> str:
    """A date as year, month and day, where a text is one; else the text."""
    if found := YEAR_FIRST.match(text):
        return f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}"
    if found := YEAR_LAST.fullmatch(text):
        # Which of the two is the month does not matter here: the other file's dates are brought to the same.
        return f"{found[3]}-{found[2]:0>2}-{found[1]:0>2}"
    return text


def _date_of_america(text: str) -> str:
    found = YEAR_LAST.fullmatch(text)
    return f"{found[3]}-{found[1]:0>2}-{found[2]:0>2}" if found else _date(text)


_ID_TESTS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("leading zeros; a spreadsheet may have removed them", lambda text: text.lstrip("0")),
    ("a trailing .0; they were read as numbers somewhere", lambda text: text.removesuffix(".0")),
    ("spaces around them", lambda text: text.strip(" ")),
    ("upper and lower case", str.casefold),
    ("separators of thousands", _without_thousands),
    ("how dates are written", _date),
    ("how dates are written", _date_of_america),
)


def lost_digits(mine: Sequence[str], theirs: Sequence[str], name: str) -> str:
    """Where ids are numbers in scientific notation, and integers of the other file are nearly these."""
    found = [match for one in mine if (match := SCIENTIFIC.fullmatch(one))]
    if not found:
        return ""
    digits = max(len(match[1] + (match[2] or "")) for match in found)

    def rounded(text: str) -> str:
        return repr(float(text)) if digits > FLOAT_DIGITS else f"{Decimal(text):.{digits - 1}e}"

    if not {rounded(match[0]) for match in found} & {rounded(one) for one in theirs if INTEGER.fullmatch(one)}:
        return ""
    if digits < FLOAT_DIGITS and not any(match[0].islower() for match in found):
        return f"a spreadsheet has rounded the ids of {name} to {digits} digits; take them from before it"
    return f"the ids of {name} were read as floating-point numbers and have lost digits; take them from before that"


def _rounded(mine: Sequence[str], theirs: Sequence[str]) -> str:
    """Where long integers are equal as floating-point numbers."""
    left, right = ({float(one) for one in ids if INTEGER.fullmatch(one) and len(one) > FLOAT_DIGITS} for ids in (mine, theirs))
    if left & right:
        return f"the ids differ in digits beyond the {FLOAT_DIGITS}th; they were read as floating-point numbers somewhere"
    return ""


def _surrounded(mine: Sequence[str], theirs: Sequence[str], name: str) -> str:
    """Where ids are those of the other file with the same text before and after each."""
    others = set(filter(None, theirs))
    for one in mine[:SOME_IDS]:
        for at in range(len(one)):
            for other in [text for text in _parts(one, at) if text in others]:
                before, after = one[:at], one[at + len(other) :]
                fitting = [text for text in mine if text.startswith(before) and text.endswith(after)]
                inner = {text[len(before) : len(text) - len(after)] for text in fitting} & others
                if len(inner) >= min(len(others), len(set(mine)), 2):
                    shown = [
                        f'"{shorten(text)}" {where}' for text, where in ((before, "before them"), (after, "after them")) if text
                    ]
                    return f"the ids of {name} have {' and '.join(shown)}. Write both alike"
    return ""


def _parts(text: str, start: int) -> Iterable[str]:
    """The parts of a text from `start` on, the longest first."""
    return (text[start:end] for end in range(len(text), start, -1)) if len(text) <= LONGEST_SEARCHED else ()


def _punctuated(mine: Sequence[str], theirs: Sequence[str]) -> str:
    left, right = ({plain_name(one) for one in ids} - {""} for ids in (mine, theirs))
    return "the ids differ by punctuation. Write both alike" if left & right else ""


# --- numbers --------------------------------------------------------------------------------------------------------------


def number_advice(text: str, decimal: str = ".") -> str:
    """What to write instead of a text that looks like a number; empty for one that does not. decimal: the file's mark."""
    if hint := number_hint(text, decimal):
        return hint
    if is_number(text):
        return ""
    odd = next((ch for ch in text if is_invisible(ch) or (ch.isspace() and ch not in BLANKS)), None)
    shown = _without_invisible(text).strip()
    if odd is not None and is_number(shown):
        return f"remove the {_BREAKS.get(odd) or character(odd)}: {shown}"
    digits = "".join(_ascii(ch) for ch in shown)
    if digits != shown and is_number(digits):
        return f"write it with the digits 0 to 9: {digits}"
    minus = digits.translate(dict.fromkeys(map(ord, DASHES), "-"))
    if minus != digits and is_number(minus):
        dash = next(ch for ch in digits if ch in DASHES)
        return f'"{dash}" (U+{ord(dash):04X}, {unicodedata.name(dash)}) is not the minus of numbers; write {minus}'
    alone = _unwrapped(minus)
    return f"write the number alone: {alone}" if is_number(alone) else ""


def _ascii(ch: str) -> str:
    """The digit or point of any script as ASCII; other characters as they are."""
    value = unicodedata.decimal(ch, None)
    return POINTS.get(ch, ch) if value is None else str(value)


def _unwrapped(text: str) -> str:
    """A number without currency signs, quotes, underscores between digits, and the name of a type around it."""
    found = WRAPPED.fullmatch(text)
    inner = found[1] if found else text
    plain = "".join(ch for ch in inner if unicodedata.category(ch) != "Sc").strip()
    return re.sub(r"(?<=\d)_(?=\d)", "", plain)
