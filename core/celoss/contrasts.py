"""Owns contrasts: exact sums of the differences of paired losses, from which every test and part of them follows."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from celoss.exact import UNITS_PER_ONE, Groups, Table, total
from celoss.kernels import Codes, Floats, Mask
from celoss.metrics import Tally, class_weights
from celoss.pairing import Losses, Paired
from celoss.plan import Plan
from celoss.records import dataclass
from celoss.spread import Exact, RatioSums
from celoss.state import State

Number = TypeVar("Number", bound=np.generic)
# Losses −ln p of doubles that differ by no more than this part of 1 + the loss differ by rounding: dividing p by a row's sum,
# which is 1 but for rounding, or writing it with 16 digits, moves −ln p by some 1e-16, a logit of some hundreds by 1e-13.
# Probabilities that were stored in 32 bits differ by 1e-7.
ROUNDING = 1e-12
# So much, some last bits of a number near 1, is p uncertain by where it is 1 less another probability.
REST_ROUNDING = 2.0**-51
# Below so many independent values the signs of the differences are flipped, for which each of them is needed.
FEW = 50


@dataclass(frozen=True)
class Survey:
    """What is known of the common rows before any two files are compared.

    tallies: of each file, with its mean loss. rows: how many. factors: (k,) what the weights of the rows of each class are
    multiplied by, None without class weights. scale: a power of two that brings the largest weight near 1, so that cubes of
    contributions can be summed.
    """

    tallies: tuple[Tally, ...]
    rows: int
    factors: Floats | None
    scale: float

    def weights(self, page: Paired) -> Floats | None:
        """The weights (m,) of a page's rows, up to a factor common to all; None where all are 1."""
        weights = None if page.weights is None else page.weights * self.scale
        if self.factors is None or page.codes is None:
            return weights
        factors = self.factors[page.codes]
        return factors * self.scale if weights is None else weights * factors


def survey(plan: Plan, losses: Losses, models: int) -> Survey:
    """The means of all files over the rows that all have scored: of each what `evaluate` gives of these rows, to the bit."""
    found = _Surveyed(plan, models)
    for page in losses.paired():
        found.add(page)
    return found.survey()


class _Surveyed:
    """Sums by class over the pages that were added."""

    def __init__(self, plan: Plan, models: int) -> None:
        self._plan = plan
        self._cells = len(plan.classes) if plan.hard else 1
        self._rows = np.zeros(self._cells, np.intp)
        self._largest = np.zeros(self._cells)
        self._weightless = np.zeros(self._cells, np.intp)
        self._weights = [0] * self._cells
        self._losses = [[0] * self._cells for _ in range(models)]
        self._infinite = [np.zeros(self._cells, np.intp) for _ in range(models)]

    def add(self, page: Paired) -> None:
        codes = np.zeros(page.losses.shape[1], np.intp) if page.codes is None else page.codes
        groups = Groups(codes, self._cells)
        self._rows += groups.counts()
        if page.weights is not None:
            _add(self._weights, groups.sums(page.weights))
            np.maximum.at(self._largest, codes, page.weights)
            self._weightless += groups.counts(page.weights == 0.0)
        for losses, sums, infinite in zip(page.losses, self._losses, self._infinite, strict=True):
            endless = np.isinf(losses)
            if endless.any():
                infinite += groups.counts(endless if page.weights is None else endless & (page.weights > 0.0))
                losses = np.where(endless, 0.0, losses)
            _add(sums, groups.sums(losses if page.weights is None else page.weights * losses))

    def survey(self) -> Survey:
        rows = {"rows": tuple(self._rows.tolist())}
        if self._plan.weights:
            rows |= {"weight": tuple(self._weights), "weightless": tuple(self._weightless.tolist())}
        factors = class_weights(self._plan, State(self._plan.identity, rows))
        tallies = [
            Tally(self._plan, range(self._cells), rows | {"loss": tuple(sums), "infinite": tuple(infinite.tolist())}, factors)
            for sums, infinite in zip(self._losses, self._infinite, strict=True)
        ]
        largest = self._largest if self._plan.weights else (self._rows > 0).astype(np.float64)
        multiplied = None if factors is None else np.array([float(one) for one in factors])
        top = float((largest if multiplied is None else largest * multiplied).max(initial=0.0))
        return Survey(tuple(tallies), int(self._rows.sum()), multiplied, 2.0 ** -math.frexp(top)[1] if top else 1.0)


def _add(sums: list[int], more: Sequence[int]) -> None:
    for index, one in enumerate(more):
        sums[index] += one


@dataclass(frozen=True)
class Shares:
    """Sums over the classes, or over the values of one column: rows, and Σ w in units."""

    rows: tuple[int, ...]
    weights: tuple[Exact, ...]


@dataclass(frozen=True)
class Contrast:
    """The sums of w d, d being a file's losses less another's. Those that are integers are in units of 2^-1074.

    sums: over independent values, rows or clusters; None where a mean is infinite. few: (n,) w d and (n,) w of these, where
    they are few. total, weight: Σ w d, Σ w. lower, tied: Σ w of the rows where the file's loss is lower, or the same up to
    rounding. is_same: all are. rounding: the largest |d| that is rounding, of any row.
    split: Σ w d of each class, where rows have one, and of each value of each --by column; each adds up to `total`.
    """

    sums: RatioSums | None
    few: tuple[Floats, Floats] | None
    total: int
    weight: int
    lower: int
    tied: int
    is_same: bool
    rounding: float
    split: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class Contrasts:
    """The contrasts of some pairs of files, and the groups that they are split by. values: how many are independent."""

    pairs: dict[tuple[int, int], Contrast]
    groups: tuple[Shares, ...]
    values: int


def contrasts(
    plan: Plan, losses: Losses, known: Survey, pairs: Sequence[tuple[int, int]], split: Sequence[tuple[int, int]]
) -> Contrasts:
    """The contrasts of pairs of files, (file, other), in one pass. split: the pairs whose sums are wanted by group, too."""
    frame = _Frame(plan, losses, known)
    running = {pair: _Running(frame, pair in split) for pair in pairs}
    finite = [not tally.infinite for tally in known.tallies]
    for page in losses.paired():
        frame.enter(page)
        for (one, other), sums in running.items():
            rests = {losses.rests[one], losses.rests[other]} - {None}
            sums.add(page.losses[one], page.losses[other], rests, finite[one] and finite[other])
    return Contrasts({pair: sums.contrast() for pair, sums in running.items()}, frame.shares(), frame.values())


class _Frame:
    """What all pairs share of a page: rows with a weight, their weights and groups; and the sums of these.

    The groups are the true classes, where each row has one, and the values of each column of `Plan.grouping`.
    """

    def __init__(self, plan: Plan, losses: Losses, known: Survey) -> None:
        self._known = known
        self.clustered = plan.cluster is not None
        self.sizes = [len(plan.classes)] * plan.hard + [len(losses.texts(column)) for column in range(len(plan.grouping))]
        # Those that split a difference.
        self.splits = len(self.sizes) - self.clustered
        self._rows = [np.zeros(size, np.intp) for size in self.sizes]
        self._tables = [Table() for _ in self.sizes]
        self.weight = 0
        self._count = 0

    def enter(self, page: Paired) -> None:
        """Turns to a page."""
        weights = self._known.weights(page)
        self._kept = None if weights is None or weights.all() else weights > 0.0
        self.weights = weights if weights is None else self.only(weights)
        self.codes = None if page.codes is None else self.only(page.codes)
        every = [page.codes, *page.values] if page.codes is not None else [*page.values]
        self.groups = [self.only(codes) for codes in every]
        ones = np.ones(page.losses.shape[1]) if self.weights is None else self.weights
        self._count += len(ones)
        self.weight += total(ones)
        for counts, table, codes, own in zip(self._rows, self._tables, every, self.groups, strict=True):
            counts += np.bincount(codes, minlength=len(counts))
            table.add(own, ones)

    def only(self, values: NDArray[Number]) -> NDArray[Number]:
        """The values (m,) of the rows with a weight."""
        return values if self._kept is None else values[self._kept]

    def weight_of(self, mask: Mask) -> int:
        """Σ w of some of the rows with a weight."""
        return total(np.ones(np.count_nonzero(mask)) if self.weights is None else self.weights[mask])

    @property
    def is_few(self) -> bool:
        """Whether so few rows have a weight until now that their values are kept."""
        return self._count < FEW

    def shares(self) -> tuple[Shares, ...]:
        """Those of the groups that split a difference."""
        return tuple(
            Shares(tuple(counts.tolist()), tuple(table.integers(len(counts))))
            for counts, table in zip(self._rows[: self.splits], self._tables, strict=False)
        )

    def cluster_weights(self) -> list[int]:
        """Σ w of each cluster."""
        return self._tables[-1].integers(self.sizes[-1])

    def values(self) -> int:
        """How many independent values there are."""
        return sum(map(bool, self.cluster_weights())) if self.clustered else self._count


class _Running:
    """The sums of one pair."""

    def __init__(self, frame: _Frame, split: bool) -> None:
        self._frame = frame
        self._is_finite = True
        self._is_same = True
        self._rounding = 0.0
        self._total = self._lower = self._tied = 0
        self._sums: RatioSums | None = None
        self._few: list[tuple[Floats, Floats]] = []
        self._tables = [Table() for _ in range(frame.splits)] if split else []
        self._clusters = Table()

    def add(self, losses: Floats, others: Floats, rests: Collection[int | None], is_finite: bool) -> None:
        """Adds a page's losses (m,) of the file and of the other one. rests: as in `rounding`."""
        frame = self._frame
        losses, others = frame.only(losses), frame.only(others)
        noise = rounding(np.minimum(losses, others), frame.codes, rests)
        with np.errstate(invalid="ignore"):
            d = losses - others
        same = (np.abs(d) <= noise) | (losses == others)
        self._is_same &= bool(same.all())
        self._rounding = max(self._rounding, float(noise.max(initial=0.0)))
        self._lower += frame.weight_of((losses < others) & ~same)
        self._tied += frame.weight_of(same)
        self._is_finite = is_finite
        if is_finite:
            self._sum(d if frame.weights is None else frame.weights * d)

    def _sum(self, values: Floats) -> None:
        frame = self._frame
        for table, codes in zip(self._tables, frame.groups, strict=False):
            table.add(codes, values)
        self._total += total(values)
        if frame.clustered:
            self._clusters.add(frame.groups[-1], values)
            return
        sums = RatioSums.of(values, frame.weights)
        self._sums = sums if self._sums is None else self._sums.plus(sums)
        if frame.is_few:
            self._few.append((values, np.ones(len(values)) if frame.weights is None else frame.weights))

    def contrast(self) -> Contrast:
        """The contrast of all that was added."""
        frame = self._frame
        ranks = (self._lower, self._tied, self._is_same, self._rounding)
        if not self._is_finite:
            return Contrast(None, None, 0, frame.weight, *ranks)
        sums, few = self._sums, None
        if frame.clustered:
            sums, few = _of_clusters(self._clusters.integers(frame.sizes[-1]), frame.cluster_weights())
        elif frame.is_few and self._few:
            v, w = map(np.concatenate, zip(*self._few, strict=True))
            few = v, w
        split = tuple(tuple(table.integers(size)) for table, size in zip(self._tables, frame.sizes, strict=False))
        return Contrast(sums, few, self._total, frame.weight, *ranks, split)


def rounding(losses: Floats, codes: Codes | None, rests: Collection[int | None]) -> Floats:
    """How much of a difference (m,) is rounding, by the smaller one of two losses.

    rests: the classes whose probability one of the files gives as 1 less that of the other class.
    """
    noise = ROUNDING * (1.0 + losses)
    for rest in rests:
        rows = np.flatnonzero(codes == rest)
        noise[rows] += REST_ROUNDING * np.exp(losses[rows])
    return noise


def _of_clusters(values: Sequence[int], weights: Sequence[int]) -> tuple[RatioSums, tuple[Floats, Floats] | None]:
    """The sums over clusters of their Σ w d and Σ w, each rounded once; and these where they are few."""
    rounded = [(v / UNITS_PER_ONE, w / UNITS_PER_ONE) for v, w in zip(values, weights, strict=True) if w]
    v, w = np.array(rounded).T.copy()
    return RatioSums.of(v, w), (v, w) if len(v) < FEW else None
