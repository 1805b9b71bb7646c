"""Owns the rules by which names match: label texts with classes, columns with classes, labels with their opposites."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from celoss.records import dataclass

# Names that say "the label" and nothing else. `y` and `class` are left to the contents of the column to decide.
LABEL_NAMES = frozenset(
    ["label", "labels", "target", "targets", "truth", "y_true", "true_label", "true_class", "ground_truth", "gold", "actual"]
)
# Names of a single column that say "probability", as a whole word somewhere in the name.
PROBABILITY_NAME = re.compile(r"(?:^|[^a-z])(?:p|prob|probs|proba|probability|score|yhat)\d*(?:$|[^a-z])", re.IGNORECASE)
# A confidence belongs to the class that was predicted, not to the positive one: never taken as P(positive) unasked.
CONFIDENCE_NAME = re.compile(r"confidence|(?:^|[^a-z])(?:max|top)_?(?:p|prob|proba|score)", re.IGNORECASE)
# What a model answered, and what was computed from it: never the truth, never a probability, unless the user says so.
PREDICTION_NAME = re.compile(
    r"(?:^|[^a-z])(?:pred(?:s|icted|iction|ictions)?|yhat|y_hat|guess(?:es)?|argmax|top1?|answer|output)(?:$|[^a-z])",
    re.IGNORECASE,
)
COMPUTED_NAME = re.compile(r"loss|logit|entropy|error|margin|weight", re.IGNORECASE)
# A name that says "not the class": whose probability it is cannot be told from it.
NEGATION = re.compile(
    r"(?:^|[^a-z])(?:no|not|non|neg|negative|false|without|anti|minus)(?:$|[^a-z])|(?:^|[^0-9])1\s*[-−–_]\s*p",
    re.IGNORECASE,
)
# With those that spreadsheets write for errors, and databases for NULL (`\N`).
_MISSING = r"na n/a nan null none ? - -- . \n #n/a #value! #ref! #div/0! #name? #null! #num!"
MISSING_LABELS = frozenset(_MISSING.split())
# Row names written by pandas (to_csv, to_parquet) and by R (write.csv, row.names).
INDEX_NAMES = frozenset(["", "Unnamed: 0", "__index_level_0__", "rownames", "row.names", "...1"])
OPPOSITES = (
    ("0", "1"),
    ("false", "true"),
    ("no", "yes"),
    ("negative", "positive"),
    ("neg", "pos"),
    ("f", "t"),
    ("n", "y"),
    ("-1", "1"),
)

# `1,0` is how a float is written in a file of decimal commas; `1,000` may be a thousand.
_WHOLE = re.compile(r"(-?(?:0|[1-9]\d*))(?:\.0+|,0)", re.ASCII)
_INTEGER = re.compile(r"-?(?:0|[1-9]\d*)", re.ASCII)
_WORDS = (
    "p pr prob probs proba probability logit logits logp logprob logprobs "
    "pred prediction predicted score share class label y yhat softmax outcome target is"
)
_PREFIX_WORDS = re.compile(rf"(?:(?:{'|'.join(_WORDS.split())})[^a-zA-Z0-9]*)+", re.IGNORECASE)
_PROBABILITY_WORDS = frozenset(_WORDS.split()) - {"class", "label", "y", "outcome", "target", "is"}
_FILLER_WORDS = frozenset({"class", "of", "is", "y"})
_GENERIC = frozenset(word for pair in OPPOSITES for word in pair)
_PROPOSING_LABELS = 8
# Beyond any class name or id; Python itself refuses to convert integers of more than 4,300 digits.
LONGEST_INTEGER = 300
_TRUE_OR_FALSE = {"1": True, "true": True, "0": False, "false": False}


def class_text(text: str) -> str:
    """The one written rule for numbers as class names: `1.0` (`1,0`) is `1`; anything else, `01` included, stays as it is."""
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def flag(text: str) -> bool | None:
    """The meaning of a 0/1 cell (0, 1, 0.0, 1.0, 1,0, True, False in any case); None for anything else."""
    return _TRUE_OR_FALSE.get(class_text(text).casefold())


def means_missing(text: str) -> bool:
    """Whether a text stands for a value that is missing: empty, blank, NA, None, ? and the like."""
    stripped = text.strip().casefold()
    return not stripped or stripped in MISSING_LABELS


def is_integer(text: str) -> bool:
    """Whether a class name is an integer as written by a program: no plus sign, no leading zeros."""
    return len(text) <= LONGEST_INTEGER and _INTEGER.fullmatch(text) is not None


def class_order(name: str) -> tuple[int, int, str]:
    """Sort key of class names: integers by value, then texts by code point. The order of columns never matters."""
    return (0, int(name), name) if is_integer(name) else (1, 0, name)


def opposite(label: str) -> str | None:
    """The known opposite of a label (`1` of `0`, `No` of `Yes`), in the label's own letter case."""
    folded = label.casefold()
    for pair in OPPOSITES:
        if folded in pair:
            other = pair[1 - pair.index(folded)]
            return other.upper() if label.isupper() else other.title() if label.istitle() else other
    return None


def positive_of(labels: Sequence[str]) -> str | None:
    """Which of two labels is the positive one by the table of opposites; None when the table does not say."""
    folded = {label.casefold() for label in labels}
    for label in labels:
        if any(positive == label.casefold() and negative in folded for negative, positive in OPPOSITES):
            return label
    return None


@dataclass(frozen=True)
class Affix:
    """What surrounds the class in a column's name, as in `prob_cat`, `cat_prob`, `P(cat)`; bare when both are empty."""

    prefix: str = ""
    suffix: str = ""

    def core(self, name: str) -> str | None:
        """The name without the affix, or None where it does not have it."""
        fits = name.startswith(self.prefix) and name.endswith(self.suffix)
        core = name[len(self.prefix) : len(name) - len(self.suffix)]
        return core if fits and core and len(self.prefix) + len(self.suffix) < len(name) else None

    def cores(self, names: Iterable[str]) -> dict[str, str]:
        """Class → column for the names that have the affix; empty when two names would be the same class."""
        pairs = [(class_text(core), name) for name in names if (core := self.core(name)) is not None]
        found = dict(pairs)
        return found if len(found) == len(pairs) else {}

    def __str__(self) -> str:
        return f"{self.prefix}…{self.suffix}" if self.prefix or self.suffix else "the class alone"


def affixes(names: Sequence[str], labels: Sequence[str]) -> list[Affix]:
    """All ways in which some label stands in some column name; bare first, then the shortest."""
    found = {Affix()}
    for label in labels[:_PROPOSING_LABELS]:
        for written in {label, f"{label}.0" if is_integer(label) else label}:
            for name in names:
                found.update(_around(name, written))
    return sorted(found, key=lambda one: (len(one.prefix) + len(one.suffix), one.prefix, one.suffix))


def class_in_name(column: str, labels: Sequence[str]) -> str | None:
    """The label that the name of a single column speaks of, as `p_yes` or `churn` do; None when it speaks of none.

    Around labels that could stand in any name (numbers, yes and no) only words for a probability are allowed: `model_0`
    and `no_show` say nothing about a class.
    """
    for affix in affixes([column], labels):
        core = next(iter(affix.cores([column])), None)
        negated = NEGATION.search(affix.prefix) or NEGATION.search(affix.suffix) or NEGATION.search(f"{core}{affix.suffix}")
        if core is None or core not in labels or (negated and NEGATION.search(core) is None):
            continue
        if _is_distinctive(core) or only_words(affix):
            return core
    return None


def _is_distinctive(label: str) -> bool:
    return not is_integer(label) and label.casefold() not in _GENERIC


def only_words(affix: Affix) -> bool:
    """Whether a name is the class alone, or the class with nothing but words for a probability around it."""
    words = re.findall(r"[a-z]+|\d+", f"{affix.prefix} {affix.suffix}".casefold())
    return not words or says_probability(affix)


def says_probability(affix: Affix) -> bool:
    """Whether what surrounds the class says that the number is its probability: `p_…`, `prob_class_…`, `…_score`."""
    words = set(re.findall(r"[a-z]+|\d+", f"{affix.prefix} {affix.suffix}".casefold()))
    return bool(words & _PROBABILITY_WORDS) and words <= _PROBABILITY_WORDS | _FILLER_WORDS


def plain_name(name: str) -> str:
    """A name without case, spaces and punctuation: what `ID`, ` id` and `Id` have in common."""
    return "".join(ch for ch in name.casefold() if ch.isalnum())


def common_affix(names: Sequence[str]) -> Affix:
    """What all names have in common around their cores, cut at word boundaries (`cat` and `cow` share nothing)."""
    prefix = _shared_start(names)
    while prefix and not _is_prefix(prefix):
        prefix = prefix[:-1]
    rest = [name[len(prefix) :] for name in names]
    suffix = _shared_start([name[::-1] for name in rest])[::-1]
    while suffix and not _is_suffix(suffix):
        suffix = suffix[1:]
    affix = Affix(prefix, suffix)
    return affix if len(affix.cores(names)) == len(names) else Affix()


def pair_by_core(columns: Sequence[str], others: Sequence[str]) -> dict[str, tuple[str, str]] | None:
    """Class → (column, other column) where two sets of names differ only by what surrounds the class; else None."""
    for affix in (common_affix(columns), Affix()):
        for other in (common_affix(others), Affix()):
            mine, theirs = affix.cores(columns), other.cores(others)
            if len(mine) == len(columns) and mine.keys() == theirs.keys():
                return {name: (mine[name], theirs[name]) for name in mine}
    return None


def _shared_start(names: Sequence[str]) -> str:
    first, last = min(names), max(names)
    length = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:length]


def _around(name: str, label: str) -> Iterator[Affix]:
    at = name.find(label)
    while at >= 0:
        prefix, suffix = name[:at], name[at + len(label) :]
        if _is_prefix(prefix) and _is_suffix(suffix):
            yield Affix(prefix, suffix)
        at = name.find(label, at + 1)


def _is_prefix(text: str) -> bool:
    return not text or not text[-1].isalnum() or _PREFIX_WORDS.fullmatch(text) is not None


def _is_suffix(text: str) -> bool:
    return not text or not text[0].isalnum()
