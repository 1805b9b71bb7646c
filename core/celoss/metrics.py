"""Owns the metrics: from the exact sums of some rows to numbers, each rounded once."""

from __future__ import annotations

import decimal
import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property, lru_cache

from celoss import shorts
from celoss.clusters import Clusters
from celoss.exact import UNITS_PER_ONE
from celoss.plan import BALANCED, Plan
from celoss.spread import Exact, RatioSums, Spread, spread
from celoss.state import GroupSums, State, Sums

Number = float | None

# After the name of a metric: by how much it differs from that of a baseline.
CHANGE = "_change"

# −ln of a share that is a double below 1 is at least 2^-53, and so a multiple of 2^-105.
COST_BITS = 105

METRICS = (
    "log_loss",
    "kl_divergence",
    "label_entropy",
    "accuracy",
    "brier",
    "brier_sum",
    "reference_log_loss",
    "skill",
    "ece",
)


def names(plan: Plan) -> tuple[str, ...]:
    """The metrics of a plan in the order of the output."""
    place = METRICS.index("accuracy") + 1
    return (*METRICS[:place], *(f"top_{size}_accuracy" for size in plan.options.top_k), *METRICS[place:])


@lru_cache
def _logarithm(base: str) -> Fraction:
    """ln of a base to 60 digits: dividing by it rounds as if it were exact."""
    return Fraction(decimal.Context(prec=60).ln(decimal.Decimal(base)))


class Tally:
    """The sums of some rows, with class weights applied, and the metrics that follow from them.

    class_weights: one for each class, or None. clusters: where rows are not independent; of a part of the rows there are
    none, and so no errors either. prior: the shares that the reference forecasts; None: the label frequencies.
    """

    def __init__(
        self,
        plan: Plan,
        cells: Sequence[int],
        sums: Sums,
        class_weights: Sequence[Exact] | None,
        clusters: Clusters | None = None,
        prior: Sequence[float] | None = None,
    ) -> None:
        self._plan = plan
        self._cells = cells
        self._sums = sums
        self._class_weights = class_weights
        self._clusters = clusters
        self._spreads: dict[str, Spread | None] = {}
        self.prior = prior

    @classmethod
    def of_all(cls, plan: Plan, state: State, prior: Sequence[float] | None = None) -> Tally:
        """The tally of all rows of a state."""
        weights = class_weights(plan, state)
        clusters = Clusters(plan, state.clusters, weights) if plan.cluster else None
        return cls(plan, range(len(plan.classes)), state.sums, weights, clusters, prior)

    @classmethod
    def of_group(
        cls, plan: Plan, group: GroupSums, weights: Sequence[Exact] | None, prior: Sequence[float] | None = None
    ) -> Tally:
        """The tally of the rows of a group, with the class weights of all rows."""
        return cls(plan, group.cells, group.sums, weights, prior=prior)

    def of_class(self, index: int, weighted: bool = False) -> Tally:
        """The tally of one class's cell; of all rows only. Class weights would cancel out of its means."""
        sums = {name: (values[index],) for name, values in self._sums.items()}
        return Tally(self._plan, (index,), sums, self._class_weights if weighted else None)

    def count(self, name: str) -> int:
        """A number of rows."""
        return sum(self._sums.get(name, ()))

    def total(self, name: str, power: int = 1) -> Exact:
        """A sum, in units; each class's times the `power` of its weight."""
        values = self._sums.get(name, ())
        if self._class_weights is None:
            return sum(values)
        pairs = zip(self._cells, values, strict=False)
        return sum((self._class_weights[cell] ** power * value for cell, value in pairs if value), Fraction(0))

    def weighed(self, weight: str, rows: str, power: int = 1) -> Exact:
        """A sum of weights by its name, or, where rows have none, the number of rows in units."""
        return self.total(weight, power) if self._plan.weights else self.total(rows, power) * UNITS_PER_ONE

    @cached_property
    def weight(self) -> Exact:
        """Σ w, in units."""
        return self.weighed("weight", "rows")

    @cached_property
    def weight_squared(self) -> Exact:
        """Σ w², in units."""
        return self.weighed("weight_squared", "rows", 2)

    @property
    def effective_rows(self) -> Number:
        """(Σ w)² / Σ w²: how many rows of equal weight would say as much. L. Kish 1965, Survey Sampling."""
        return float(Fraction(self.weight**2) / self.weight_squared / UNITS_PER_ONE) if self.weight_squared else None

    @property
    def infinite(self) -> bool:
        """Whether some row that counts has an infinite loss."""
        values = self._sums.get("infinite", ())
        pairs = zip(self._cells, values, strict=False)
        return any(value and (self._class_weights is None or self._class_weights[cell]) for cell, value in pairs)

    def weighing(self, name: str) -> int:
        """A number of rows whose class has a weight."""
        pairs = zip(self._cells, self._sums.get(name, ()), strict=False)
        return sum(value for cell, value in pairs if self._class_weights is None or self._class_weights[cell])

    def share(self, name: str, of: str = "loss") -> Number:
        """One sum as a share of another; None where that is 0."""
        whole = self.total(of)
        return _rounded(self.total(name), whole) if whole else None

    @property
    def clipped_share(self) -> Number:
        """Share of all loss that comes from the floored rows; undefined when losses are infinite or all zero."""
        if self.infinite:
            return None
        return 0.0 if not self.count("clipped") else self.share("clipped_loss")

    def mean(self, name: str, parts: int = 1) -> Number:
        """Σ v / (parts · Σ w), correctly rounded; None without weight."""
        return _rounded(self.total(name), self.weight * parts) if self.weight else None

    def loss(self, name: str) -> Number:
        """The mean of a loss in the unit of the report; infinite where a row's is."""
        if self.infinite and name in ("loss", "kl"):
            return math.inf
        return self.in_unit(self.total(name), self.weight)

    def in_unit(self, value: Exact, weight: Exact) -> Number:
        """A sum of losses over a sum of weights, in the unit of the report and reduced over labels as asked for."""
        if not weight:
            return None
        value *= self._plan.reduction
        if self._plan.options.base == "e":
            return _rounded(value, weight)
        return float(Fraction(value) / (weight * _logarithm(self._plan.options.base)))

    def spread(self, name: str) -> Spread | None:
        """The spread of `mean`; None for fewer than two units with a weight."""
        if name not in self._spreads:
            # Errors and intervals ask for the same.
            self._spreads[name] = self._spread(name)
        return self._spreads[name]

    def _spread(self, name: str) -> Spread | None:
        if self._plan.cluster is None:
            return self.spread_of_rows(name)
        return None if self._clusters is None else self._clusters.spread(name)

    def spread_of_rows(self, name: str) -> Spread | None:
        """The spread as if all rows were independent."""
        return spread(self._ratio(name), shorts.BITS)

    def share_spread(self, name: str) -> Spread | None:
        """The spread of a mean credit over clusters, or of the labels that are right."""
        if self._plan.task == "multilabel" or self._clusters is None:
            return self.spread(name)
        return self._clusters.credit_spread(name)

    @cached_property
    def skill_error(self) -> Number:
        """Standard error of skill, 1 − Σ w l / Σ w h with h = −ln of the share of each row's class, that of a ratio.

        That shares without a prior are estimated from the same rows changes it only at second order, since they minimise
        Σ w h. None for labels that are not one class, and where skill is undefined or infinite.
        """
        if not self._plan.hard or self._plan.shares or self.infinite:
            return None
        costs = self._costs()
        if not any(costs):
            return None
        if self._plan.cluster is not None:
            found = None if self._clusters is None else self._clusters.ratio_spread([Fraction(cost) for cost in costs])
            return None if found is None else found.error
        # Integers, as fractions take several times as long.
        found = spread(self._of_reference([int(math.ldexp(cost, COST_BITS)) for cost in costs]))
        return None if found is None else math.ldexp(found.error, COST_BITS)

    def _of_reference(self, costs: Sequence[Exact]) -> RatioSums:
        """Sums of Σ w l and Σ w h with their products but for the cubes; h is what the true class costs."""
        weights = self._plan.weights is not None
        unit = 1 if weights else UNITS_PER_ONE
        loss = self._ratio("loss")
        return RatioSums(
            n=loss.n,
            v=loss.v,
            w=self._costed("weight" if weights else "rows", costs, 1, 1) * unit,
            vv=loss.vv,
            vw=self._costed("loss_weight" if weights else "loss", costs, 1, 2),
            ww=self._costed("weight_squared" if weights else "rows", costs, 2, 2) * unit,
            vvv=0,
            vvw=0,
            vww=0,
            www=0,
        )

    def _costed(self, name: str, costs: Sequence[Exact], cost_power: int, power: int) -> Exact:
        """A sum, each class's times powers of its cost and of its weight."""
        pairs = zip(self._cells, self._sums.get(name, ()), strict=False)
        weights = self._class_weights
        return sum(
            value * costs[cell] ** cost_power * (1 if weights is None else weights[cell] ** power) for cell, value in pairs
        )

    def loss_error(self, name: str) -> Number:
        """Standard error of `loss`."""
        found = None if self.infinite and name in ("loss", "kl") else self.spread(name)
        return None if found is None else in_unit(self._plan, found.error)

    def error(self, name: str, parts: int = 1) -> Number:
        """Standard error of `mean`."""
        found = self.spread(name)
        return None if found is None else found.error / parts

    @cached_property
    def units(self) -> int:
        """How many independent units have a weight: rows, or clusters of them."""
        return self._weighted_rows if self._clusters is None else self._clusters.count

    @cached_property
    def _weighted_rows(self) -> int:
        return self.weighing("rows") - self.weighing("weightless")

    def _ratio(self, name: str) -> RatioSums:
        """Sums of Σ v and Σ w with their products, class weights applied."""
        if self._plan.weights is None and self._class_weights is None:
            return RatioSums.unweighted(
                self._weighted_rows, *(self.total(f"{name}{power}") for power in ("", "_squared", "_cubed"))
            )
        # Without weights of rows the products with them are those with 1.
        by_weight, by_square, square_by = f"{name}_weight", f"{name}_weight_squared", f"{name}_squared_weight"
        if self._plan.weights is None:
            by_weight, by_square, square_by = name, name, f"{name}_squared"
        return RatioSums(
            n=self._weighted_rows,
            v=self.total(name),
            w=self.weight,
            vv=self.total(f"{name}_squared", 2),
            vw=self.total(by_weight, 2),
            ww=self.weight_squared,
            vvv=self.total(f"{name}_cubed", 3),
            vvw=self.total(square_by, 3),
            vww=self.total(by_square, 3),
            www=self.weighed("weight_cubed", "rows", 3),
        )

    def credit(self, name: str) -> tuple[Number, Number]:
        """The mean credit of a ranking, exact until the end, and its standard error."""
        earned = {key: key.partition(" ")[2] for key in self._sums if key.startswith(f"{name} ")}
        credits = {key: Fraction(text) for key, text in earned.items() if not text.endswith("squared")}
        if not self.weight:
            return None, None
        # Integers over one denominator: sums of fractions would look for common factors at every step.
        common = math.lcm(*(credit.denominator for credit in credits.values()))
        total: Exact = 0
        squares: Exact = 0
        products: Exact = 0
        for key, credit in credits.items():
            part = int(credit * common)
            square = self.weighed(f"{key} squared", key, 2)
            total += part * self.weighed(key, key)
            squares += part**2 * square
            products += part * square
        # Their cubes are nobody's: the interval of a share is another.
        if self._plan.cluster is not None:
            found = None if self._clusters is None else self._clusters.credit_spread(name)
            return _rounded(total, self.weight * common), None if found is None else found.error
        found = spread(RatioSums(self.units, total, self.weight, squares, products, self.weight_squared, 0, 0, 0, 0))
        return _rounded(total, self.weight * common), None if found is None else found.error / common

    def shares(self) -> list[tuple[Exact, Exact]]:
        """(Σ w t_c, Σ w) of each class, the labels smoothed as asked for."""
        k = len(self._plan.classes)
        found: list[Exact] = [0] * k
        weighted = "weight" if self._plan.weights else "rows"
        name = weighted if self._plan.hard else "share"
        unit = UNITS_PER_ONE if name == "rows" else 1
        for cell, value in zip(self._cells, self._sums.get(name, ()), strict=False):
            found[cell] = value * unit * (1 if self._class_weights is None else self._class_weights[cell])
        amount = Fraction(self._plan.options.smoothing)
        if amount and self._plan.hard:
            found = [(1 - amount) * share + amount * self.weight / k for share in found]
        return [(share, self.weight) for share in found]

    def _costs(self) -> list[float]:
        """What the reference costs in a row of each class, in nats: −ln of its share; 0 where it has none."""
        if self.prior is not None:
            return [abs(math.log(share)) if share else 0.0 for share in self.prior]
        return [-math.log(part / whole) if part else 0.0 for part, whole in self.shares()]

    def reference(self) -> Number:
        """The log loss of always predicting the prior, else the label frequencies, in the unit of the report."""
        if not self.weight:
            return None
        shares = self.shares()
        if self.prior is not None:
            pairs = zip(shares, self._costs(), strict=True)
            return in_unit(self._plan, math.fsum(_rounded(part, whole) * cost for (part, whole), cost in pairs))
        if self._plan.task == "multilabel":
            mean = math.fsum(_entropy([(part, whole), (whole - part, whole)]) for part, whole in shares) / len(shares)
            return in_unit(self._plan, mean)
        return in_unit(self._plan, _entropy(shares))

    def metrics(self) -> tuple[dict[str, Number], dict[str, Number]]:
        """Every metric by name, and the standard errors of those that have one."""
        plan = self._plan
        k = len(plan.classes)
        shared = plan.shares
        log_loss, error = self.loss("loss"), self.loss_error("loss")
        entropy = self.loss("entropy") if shared else 0.0
        accuracy: tuple[Number, Number]
        if plan.task == "multilabel":
            accuracy = self.mean("accuracy", 2 * k), self.error("accuracy", 2 * k)
        else:
            accuracy = self.credit("accuracy")
        half = k if plan.task == "multilabel" else 2 if k == 2 else 1
        values: dict[str, Number] = {
            "log_loss": log_loss,
            # The label of every row is one class, so its entropy is 0, and KL(label ‖ prediction) = log loss − 0.
            "kl_divergence": self.loss("kl") if shared else log_loss,
            "label_entropy": entropy,
            "accuracy": accuracy[0],
        }
        errors: dict[str, Number] = {
            "log_loss": error,
            "kl_divergence": self.loss_error("kl") if shared else error,
            "accuracy": accuracy[1],
        }
        if plan.task == "soft":
            errors["label_entropy"] = self.loss_error("entropy")
        for size in plan.options.top_k:
            name = f"top_{size}_accuracy"
            values[name], errors[name] = self.credit(name)
        values |= {"brier": self.mean("brier", half), "brier_sum": self.mean("brier")}
        errors |= {"brier": self.error("brier", half), "brier_sum": self.error("brier")}
        reference = self.reference()
        errors["skill"] = self.skill_error
        return values | {"reference_log_loss": reference, "skill": _skill(log_loss, reference, entropy)}, errors


def class_weights(plan: Plan, state: State) -> tuple[Exact, ...] | None:
    """The weight of each class, by --class-weights; `balanced` is Σ w / (k · Σ w of the class) over the classes that occur."""
    given = plan.options.class_weights
    if given is None:
        return None
    if given != BALANCED:
        by_name = dict(given) if not isinstance(given, str) else {}
        return tuple(Fraction(by_name.get(name, 1.0)) for name in plan.classes)
    counts = state.sums.get("weight" if plan.weights else "rows", (0,) * len(plan.classes))
    present = sum(count > 0 for count in counts)
    return tuple(Fraction(sum(counts), present * count) if count else Fraction(1) for count in counts)


def in_unit(plan: Plan, nats: float) -> float:
    """A loss in nats in the unit of the report, reduced over labels as asked for."""
    nats *= plan.reduction
    return nats if plan.options.base == "e" else float(Fraction(nats) / _logarithm(plan.options.base))


def _rounded(numerator: Exact, denominator: Exact) -> float:
    """The quotient, correctly rounded: Python's divisions of integers and of fractions are."""
    return float(numerator / denominator)


def _entropy(shares: Sequence[tuple[Exact, Exact]]) -> float:
    """−Σ s ln s in nats of shares s = part / whole. log1p keeps digits near a share of 1."""
    return math.fsum(_rounded(part, whole) * math.log1p(_rounded(whole - part, part)) for part, whole in shares if part)


def _skill(loss: Number, reference: Number, entropy: Number) -> Number:
    """The share of the avoidable loss of the reference that was avoided; None where there is nothing to avoid."""
    if loss is None or reference is None or entropy is None:
        return None
    avoidable = reference - entropy
    # Both are rounded: what is left of equal ones is nothing.
    return (reference - loss) / avoidable if avoidable > 1e-12 * reference else None
