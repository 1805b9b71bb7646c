"""Owns verdicts: from contrasts to differences with their intervals, p-values and what they say. Loads SciPy."""

from __future__ import annotations

from collections.abc import Sequence

from celoss.comparison import POWER, Difference, Distance, Part
from celoss.contrasts import Contrast, Contrasts, Shares
from celoss.intervals import Interval, difference_interval
from celoss.metrics import Number, Tally, in_unit
from celoss.naming import class_order
from celoss.pairing import Losses
from celoss.plan import Plan
from celoss.records import dataclass
from celoss.significance import difference_p, holm, rows_needed, sign_flip_above_p, sign_flip_p
from celoss.spread import Exact, Spread, spread


@dataclass(frozen=True)
class Judge:
    """By what differences are judged. tally: any of the files', which knows the unit. margin: in the unit of the report."""

    plan: Plan
    tally: Tally
    confidence: float
    margin: float | None

    @property
    def level(self) -> float:
        """The probability of a false alarm."""
        return 1.0 - self.confidence

    def differences(self, found: Sequence[Contrast], parts: Sequence[tuple[Part, ...]]) -> list[Difference]:
        """The differences of several files from one, each with its parts; p is adjusted for their number."""
        tests = [self._test(one) for one in found]
        adjusted = _adjusted([p for p, _ in tests])
        count = sum(p is not None for p, _ in tests)
        return [
            self._difference(contrast, *test, own, count, part)
            for contrast, test, own, part in zip(found, tests, adjusted, parts, strict=True)
        ]

    def distances(self, found: Sequence[Contrast], infinite: Sequence[bool]) -> list[Distance]:
        """The differences of several files from the best one. infinite: whether only the file's own loss is."""
        tests = [self._test(one)[0] for one in found]
        return [
            Distance(self.value(contrast), p, own, endless or (own is not None and own < self.level))
            for contrast, p, own, endless in zip(found, tests, _adjusted(tests), infinite, strict=True)
        ]

    def value(self, contrast: Contrast) -> Number:
        """The difference of the means, in the unit of the report."""
        return None if contrast.sums is None else self.tally.in_unit(contrast.total, contrast.weight)

    def _test(self, contrast: Contrast) -> tuple[Number, str | None]:
        """The two-sided p of a difference of 0, and the method; None where there is nothing to test."""
        if contrast.sums is None or contrast.is_same:
            return None, None
        found = spread(contrast.sums)
        # A difference that is the same on every row has no error: by it none is doubted, whatever it is.
        p = float(contrast.total == 0)
        if found is not None and found.error > 0.0:
            p = difference_p(found.mean, found.error, found.skewness, found.n)
        if contrast.few is None:
            return p, "hall-and-t"
        return max(p, sign_flip_p(contrast.few[0])), "sign-flip"

    def _difference(
        self, contrast: Contrast, p: Number, method: str | None, adjusted: Number, tests: int, parts: tuple[Part, ...]
    ) -> Difference:
        value = self.value(contrast)
        found = None if contrast.sums is None or contrast.is_same else spread(contrast.sums)
        # The same difference on all of few values says nothing of how much others differ.
        known = None if found is not None and contrast.few is not None and found.deviation <= contrast.rounding else found
        inside = self._interval(known, 1.0 - 2.0 * self.level) if self.margin is not None else None
        verdict = self._verdict(contrast, value, adjusted, inside)
        return Difference(
            value,
            self._interval(known, self.confidence),
            p,
            adjusted,
            method,
            (2 * contrast.lower + contrast.tied) / (2 * contrast.weight),
            verdict,
            inside,
            self._needed(found, tests) if verdict == "undecided" else None,
            parts,
        )

    def _interval(self, found: Spread | None, confidence: float) -> Interval | None:
        """The interval of a difference, in the unit of the report."""
        if found is None:
            return None
        one = difference_interval(found.mean, found.error, found.skewness, found.n, confidence)
        return Interval(in_unit(self.plan, one.low), in_unit(self.plan, one.high), one.method)

    def _verdict(self, contrast: Contrast, value: Number, p: Number, inside: Interval | None) -> str:
        """One of `comparison.VERDICTS`; a difference within the margin is equivalent, however sure it is."""
        if value is None:
            return "infinite"
        if p is None:
            return "same"
        if self.margin is not None and self._is_equivalent(contrast, self.margin, inside):
            return "equivalent"
        if p >= self.level:
            return "undecided"
        return "better" if value < 0.0 else "worse"

    def _is_equivalent(self, contrast: Contrast, margin: float, inside: Interval | None) -> bool:
        """Whether a difference is within the margin, by an interval and, of few values, also by flips of their signs."""
        if inside is not None and not (-margin < inside.low and inside.high < margin):
            return False
        if contrast.few is None:
            return inside is not None
        v, w = contrast.few
        reach = margin / in_unit(self.plan, 1.0) * w
        return max(sign_flip_above_p(reach + v), sign_flip_above_p(reach - v)) < self.level

    def _needed(self, found: Spread | None, tests: int) -> int | None:
        """How many independent values would settle it; None where as many as there are should have."""
        if found is None:
            return None
        # At the strictest level that Holm's procedure asks of one of so many tests.
        needed = rows_needed(found.mean, found.deviation, 1.0 - self.level / tests, POWER)
        return needed if needed is not None and needed > found.n else None


def _adjusted(p: Sequence[Number]) -> list[Number]:
    """Holm's adjusted p of those that are defined, in their order."""
    known = iter(holm([one for one in p if one is not None]))
    return [None if one is None else next(known) for one in p]


def parts_of(plan: Plan, tally: Tally, losses: Losses, found: Contrasts, contrast: Contrast) -> tuple[Part, ...]:
    """What each class, and then each value of each --by column, adds to a difference, the largest first."""
    groups: list[tuple[str | None, Sequence[str]]] = [(None, plan.classes)] if plan.hard else []
    groups += [(by, losses.texts(column)) for column, (_, by) in enumerate(plan.by)]
    return tuple(
        part
        for (by, names), sums, shares in zip(groups, contrast.split, found.groups, strict=False)
        for part in _parts(tally, contrast.weight, by, names, sums, shares)
    )


def _parts(tally: Tally, whole: Exact, by: str | None, names: Sequence[str], sums: Sequence[int], shares: Shares) -> list[Part]:
    found = [
        Part(by, name, rows, tally.in_unit(value, weight), tally.in_unit(value, whole) or 0.0)
        for name, value, rows, weight in zip(names, sums, shares.rows, shares.weights, strict=True)
        if rows
    ]
    return sorted(found, key=lambda one: (-abs(one.part), class_order(one.name)))
