"""Owns what a comparison says in words: who is better, what the rows do not tell, and how many would."""

from __future__ import annotations

import math
from collections.abc import Sequence

from celoss.comparison import POWER, Compared, Comparison
from celoss.errors import plural, shorten

LONGEST_NAME = 60
# Files that are named one by one in a sentence, and undecided ones that have a sentence of their own.
MOST_NAMED, MOST_UNDECIDED = 6, 3


def conclusions(comparison: Comparison) -> list[str]:
    """Sentences: on the files that are told from the one that all are compared with, on the others, on the best."""
    base = _name(comparison.against)
    texts = []
    for verdict, words in (
        ("better", f"better than {base}."),
        ("worse", f"worse than {base}."),
        ("equivalent", f"equivalent to {base}: the difference is within ±{_margin(comparison)} {comparison.unit}."),
    ):
        if names := _with(comparison, verdict):
            texts.append(f"{_listed(names)} {_are(names)} {words}")
    if names := _with(comparison, "same"):
        texts.append(
            f"{_listed(names)} {'has' if len(names) == 1 else 'have'} the same loss as {base} on every row, up to rounding."
        )
    texts += _infinite(comparison)
    texts += _undecided(comparison)
    told = any(one.distance is not None and (one.distance.apart or one.distance.p is not None) for one in comparison.files)
    if len(comparison.files) > 2 and told and not math.isinf(comparison.best.log_loss):
        texts.append(_leaders(comparison))
    return texts


def failure(comparison: Comparison, one: Compared) -> str:
    """Why a rule is not met for a file."""
    difference, name, base = one.difference, _name(one.name), _name(comparison.against)
    if difference is None or math.isinf(one.log_loss):
        return f"{name} has an infinite loss"
    words = {
        "better": f"is better than {base}",
        "worse": f"is worse than {base}",
        "equivalent": f"is equivalent to {base}",
        "same": f"has the same loss as {base} on every row, up to rounding",
        "undecided": f"is not told from {base}",
        "infinite": f"cannot be tested: {base} has an infinite loss",
    }
    return f"{name} {words[difference.verdict]}"


def method(comparison: Comparison) -> str:
    """How p and the intervals were made."""
    found = {one.difference.method for one in comparison.files if one.difference is not None}
    what = "cluster" if comparison.plan.cluster else "row"
    parts = []
    if "hall-and-t" in found:
        parts.append("p by the paired t test, with and without correction for skewness")
    if "sign-flip" in found:
        there = f"there {'is' if comparison.values == 1 else 'are'} only {plural(comparison.values, what)}"
        parts.append(f"p by flips of signs and the paired t test, as {there}")
    if comparison.tests > 1:
        parts.append(f"adjusted for {comparison.tests} tests by Holm (intervals are not)")
    if comparison.margin is not None:
        parts.append(f"equivalence by two one-sided tests, margin {_margin(comparison)}")
    return ", ".join(parts)


def _name(name: str) -> str:
    return shorten(name, LONGEST_NAME)


def _margin(comparison: Comparison) -> str:
    return f"{comparison.margin or 0.0:g}"


def _with(comparison: Comparison, verdict: str) -> list[str]:
    return [one.name for one in comparison.files if one.difference is not None and one.difference.verdict == verdict]


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and 5 more`."""
    shown_names = [_name(name) for name in names]
    if len(names) > MOST_NAMED:
        shown_names = [*shown_names[: MOST_NAMED - 1], f"{len(names) - MOST_NAMED + 1:,} more"]
    *first, last = shown_names
    return f"{', '.join(first)} and {last}" if first else last


def _infinite(comparison: Comparison) -> list[str]:
    names = [one.name for one in comparison.files if math.isinf(one.log_loss)]
    if not names:
        return []
    verb = "has an infinite loss" if len(names) == 1 else "have infinite losses"
    return [f"{_listed(names)} {verb}: there is no finite difference to test (--eps sets a floor)."]


def _undecided(comparison: Comparison) -> list[str]:
    names = _with(comparison, "undecided")
    few, rest = names[:MOST_UNDECIDED], names[MOST_UNDECIDED:]
    texts = [_not_told(comparison, comparison[name]) for name in few]
    if rest:
        texts.append(f"Nor do they tell {_listed(rest)} from {_name(comparison.against)}.")
    return texts


def _not_told(comparison: Comparison, one: Compared) -> str:
    difference = one.difference
    assert difference is not None
    what = "cluster" if comparison.plan.cluster else "row"
    there = f"{plural(comparison.values, what)} {'does' if comparison.values == 1 else 'do'} not tell"
    leads = one.rank == 1 and len(comparison.files) > 1 and difference.value != 0.0
    base, name = _name(comparison.against), _name(one.name)
    text = f"{name} leads, but {there} it from {base}" if leads else f"{there} {name} from {base}"
    if difference.values_needed is None:
        return f"{text}."
    needed = f"about {_rounded(difference.values_needed):,} would, with a chance of {POWER:.0%}".replace("%", " %")
    return f"{text}; {needed}, if the difference stays the same."


def _rounded(count: int) -> int:
    """Three digits, rounded up: more would promise too much."""
    step: int = 10 ** max(0, len(str(count)) - 3)
    return -(-count // step) * step


def _leaders(comparison: Comparison) -> str:
    best, others = _name(comparison.best.name), comparison.leaders[1:]
    if not others:
        return f"{best} is the best: all others are told from it."
    if len(others) == len(comparison.files) - 1:
        return f"{best} has the lowest loss, and no other is told from it."
    return f"{best} has the lowest loss; not told from it: {_listed(others)}."
