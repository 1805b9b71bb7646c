"""Owns the rules by which other tools turn probabilities into a loss.

A rule is data: the steps between the stored probability and its logarithm, in the tool's order, which changes the number. The
steps are taken in the float type of the tool, because 1 − 1e-7 in float32 is 1 − 1.19e-7 and 1 − 1e-15 is 1; the logarithm and
all sums are in float64, so a tool that takes them in float32 agrees to about 1e-7. The rules were read in the tools' sources
and, for scikit-learn, Keras and XGBoost, compared with what the tools print.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from celoss import kernels
from celoss.kernels import Floats, minus_log, plane_sum
from celoss.records import dataclass

FloatType = type[np.floating[Any]]


@dataclass(frozen=True)
class Limits:
    """The float type that a rule computes in, and the least and the largest probability that it lets through."""

    float_type: FloatType
    lowest: float
    highest: float

    def rounded(self, p: Floats) -> Floats:
        """The nearest numbers of the type, as float64: of a single +, −, · or / of such numbers it is the type's own result."""
        return p.astype(self.float_type, copy=False).astype(np.float64, copy=False)


Step = Callable[[Floats, Limits], Floats]


def _clip(p: Floats, limits: Limits) -> Floats:
    return np.clip(p, limits.lowest, limits.highest)


def _floor(p: Floats, limits: Limits) -> Floats:
    return np.maximum(p, limits.lowest)


def _divide(p: Floats, limits: Limits) -> Floats:
    return limits.rounded(renormalized(p))


def _complement(p: Floats, limits: Limits) -> Floats:
    """(2, n), negative and positive, of (1, n)."""
    return np.concatenate([limits.rounded(1.0 - p), p])


@dataclass(frozen=True)
class Convention:
    """How one tool gets from probabilities to a loss.

    rule, source: sentences for people. tasks: what the tool itself scores, of binary, multiclass, soft and multilabel.
    columns: the steps for one probability per class, (k, n); None where the tool takes only P(positive).
    one_column: the steps for P(positive), (1, n); where they leave one plane, the other side is −log1p(−p).
    eps: what `_clip` and `_floor` clip to; None is the machine epsilon of the type. computes_in: the float type of the steps;
    None is the type that the file stores. largest: the largest surprisal, nats.
    """

    name: str
    rule: str
    source: str
    tasks: tuple[str, ...]
    columns: tuple[Step, ...] | None
    one_column: tuple[Step, ...]
    eps: float | None = None
    computes_in: FloatType | None = np.float64
    largest: float = np.inf

    def label(self, spacing: float) -> str:
        """The name, with the float type where the file's decides the rule and is a short one: `sklearn(float32)`."""
        stored = _stored_type(spacing)
        return self.name if self.computes_in or stored is np.float64 else f"{self.name}({stored.__name__})"

    def limits(self, spacing: float) -> Limits:
        """The limits for a file with that relative distance of neighbouring stored numbers."""
        float_type = self.computes_in or _stored_type(spacing)
        eps = float(np.finfo(float_type).eps) if self.eps is None else self.eps
        return Limits(float_type, float(float_type(eps)), float(float_type(1.0 - eps)))


def _stored_type(spacing: float) -> FloatType:
    """The longest float type whose neighbours are no closer than `spacing`: float64 for text, whose spacing may be 0."""
    if spacing <= np.finfo(np.float64).eps:
        return np.float64
    return np.float32 if spacing <= np.finfo(np.float32).eps else np.float16


_SINGLE_LABEL = ("binary", "multiclass")

_ALL = (
    Convention(
        "sklearn-1.1",
        "clips every probability to [1e-15, 1 − 1e-15] (a single column before 1 − p is formed), then divides by the row's sum",
        "scikit-learn up to 1.1 (read in 1.1.3): log_loss, sklearn/metrics/_classification.py",
        _SINGLE_LABEL,
        columns=(_clip, _divide),
        one_column=(_clip, _complement, _divide),
        eps=1e-15,
        computes_in=None,
    ),
    Convention(
        "sklearn-1.2",
        "clips every probability to [eps, 1 − eps], eps being the machine epsilon of the stored type (a single column before "
        "1 − p is formed), then divides by the row's sum",
        "scikit-learn 1.2 to 1.4 (read in 1.2.2 and 1.4.2): log_loss, sklearn/metrics/_classification.py",
        _SINGLE_LABEL,
        columns=(_clip, _divide),
        one_column=(_clip, _complement, _divide),
        computes_in=None,
    ),
    Convention(
        "sklearn",
        "clips every probability to [eps, 1 − eps], eps being the machine epsilon of the stored type; no renormalisation",
        "scikit-learn 1.5 to 1.9 (read in 1.5.2 and 1.9.1): log_loss, sklearn/metrics/_classification.py",
        _SINGLE_LABEL,
        columns=(_clip,),
        one_column=(_complement, _clip),
        computes_in=None,
    ),
    Convention(
        "keras",
        "in float32: divides by the row's sum, then clips every probability to [1e-7, 1 − 1e-7]; a single column, or an "
        "independent label, is only clipped",
        "Keras 3 (read in 3.15.1): CategoricalCrossentropy and BinaryCrossentropy, keras/src/losses/losses.py and "
        "keras/src/backend/*/nn.py, default floatx and epsilon; on TensorFlow the sparse loss clips first, then divides",
        ("binary", "multiclass", "soft", "multilabel"),
        columns=(_divide, _clip),
        one_column=(_clip, _complement),
        eps=1e-7,
        computes_in=np.float32,
    ),
    Convention(
        "keras-float64",
        "as keras, in float64",
        "Keras 3 (read in 3.15.1) after keras.config.set_floatx('float64'), on JAX or TensorFlow; the NumPy and PyTorch "
        "backends stay in float32",
        ("binary", "multiclass", "soft", "multilabel"),
        columns=(_divide, _clip),
        one_column=(_clip, _complement),
        eps=1e-7,
    ),
    Convention(
        "kaggle",
        "clips every probability to [1e-15, 1 − 1e-15] (a single column before 1 − p is formed), then divides by the row's sum",
        "Kaggle's wiki, Multi Class Log Loss and Logarithmic Loss (2014); competitions since may score by other code",
        _SINGLE_LABEL,
        columns=(_clip, _divide),
        one_column=(_clip, _complement),
        eps=1e-15,
    ),
    Convention(
        "spark",
        "clips the probability of the true class to [1e-15, 1 − 1e-15]; no renormalisation",
        "Apache Spark since 3.0: MulticlassMetrics.logLoss, mllib/evaluation/MulticlassMetrics.scala",
        _SINGLE_LABEL,
        columns=(_clip,),
        one_column=(_complement, _clip),
        eps=1e-15,
    ),
    Convention(
        "mlr3",
        "clips the probability of the true class to [1e-15, 1 − 1e-15]; no renormalisation",
        "mlr3measures: logloss, R/classif_logloss.R",
        _SINGLE_LABEL,
        columns=(_clip,),
        one_column=(_complement, _clip),
        eps=1e-15,
    ),
    Convention(
        "xgboost",
        "in float32, 1 − p included: floors the probability of the true class at 1e-16; no ceiling, no renormalisation",
        "XGBoost (read up to 3.2): logloss and mlogloss, src/metric/elementwise_metric.cu and multiclass_metric.cu",
        ("binary", "multiclass", "multilabel"),
        columns=(_floor,),
        one_column=(_complement, _floor),
        eps=1e-16,
        computes_in=np.float32,
    ),
    Convention(
        "yardstick",
        "clips every probability to [2.22e-16, 1 − 2.22e-16]; no renormalisation",
        "yardstick (tidymodels): mn_log_loss, R/prob-mn_log_loss.R; of two classes it takes one column and its 1 − p",
        _SINGLE_LABEL,
        columns=(_clip,),
        one_column=(_complement, _clip),
    ),
    Convention(
        "torch-bce",
        "takes −ln p and −log1p(−p) of P(positive), each at most 100",
        "PyTorch: BCELoss, aten/src/ATen/native/Loss.cpp; older releases take ln(1 − p)",
        ("binary", "multilabel"),
        columns=None,
        one_column=(),
        largest=100.0,
    ),
    Convention(
        "strict",
        "takes the probabilities as they are: infinite where the true class got 0",
        "the definition: I. J. Good 1952, Rational Decisions, DOI 10.1111/j.2517-6161.1952.tb00104.x",
        ("binary", "multiclass", "soft", "multilabel"),
        columns=(),
        one_column=(),
    ),
)

CONVENTIONS = {convention.name: convention for convention in _ALL}


def surprisals(name: str, p: Floats, spacing: float, one_column: bool = False) -> Floats:
    """−ln of what the tool takes as each class's probability: nats, (k, n), may be +inf.

    The loss of a row with target t is Σ_c t_c · surprisal_c, 0 · inf being 0. Where scikit-learn 1.1, on float32 or shorter,
    clips to exactly 0 and 1, it prints nan for such a product itself.

    p: (k, n) probabilities in 0..1 as stored, k ≥ 2; with `one_column` (1, n) of P(positive), and the result is (2, n):
    negative, positive. spacing: relative distance of neighbouring stored numbers, 2^-52, 2^-23 or 2^-10 for float64, 32
    and 16; up to 2^-52 for text. A tool that takes only P(positive) finds it in the second of two planes.

    Raises KeyError for a name that is not in CONVENTIONS, ValueError for more than two classes where it takes only P(positive).
    """
    convention = CONVENTIONS[name]
    if one_column:
        return np.concatenate(_pair(convention, p, spacing))
    if convention.columns is None:
        if len(p) != 2:
            raise ValueError(f"{name} scores one probability per label, not {len(p)} classes that exclude each other")
        return np.concatenate(_pair(convention, p[1:], spacing))
    return minus_log(_taken(convention, convention.columns, p, spacing))


def binary_surprisals(name: str, p: Floats, spacing: float) -> tuple[Floats, Floats]:
    """Surprisals of the negative and the positive of k independent labels: two arrays (k, n), nats.

    p: (k, n) of P(positive) of each label. spacing: as in `surprisals`. The loss of a row is the mean over its labels of
    (1 − t) · negative + t · positive.

    Raises KeyError for a name that is not in CONVENTIONS, ValueError where the tool has no such loss.
    """
    convention = CONVENTIONS[name]
    if "multilabel" not in convention.tasks:
        raise ValueError(f"{name} does not score independent labels")
    pairs = [_pair(convention, p[index : index + 1], spacing) for index in range(len(p))]
    return np.concatenate([negative for negative, _ in pairs]), np.concatenate([positive for _, positive in pairs])


def renormalized(p: Floats) -> Floats:
    """p / Σp of each row, (k, n). A row of zeros stays as it is: no probability is there to share out.

    (Keras makes nan of such a row; the rules that clip first never meet one.)
    """
    total = plane_sum(p)
    return p / np.where(total > 0.0, total, 1.0)


def _pair(convention: Convention, p: Floats, spacing: float) -> tuple[Floats, Floats]:
    """Surprisals of negative and positive, (1, n) each, of P(positive), (1, n)."""
    taken = _taken(convention, convention.one_column, p, spacing)
    if len(taken) == 1:
        negative, positive = kernels.binary_surprisals(taken, "probs")
    else:
        negative, positive = minus_log(taken[:1]), minus_log(taken[1:])
    return np.minimum(negative, convention.largest), np.minimum(positive, convention.largest)


def _taken(convention: Convention, steps: tuple[Step, ...], p: Floats, spacing: float) -> Floats:
    """What the tool takes the logarithm of."""
    limits = convention.limits(spacing)
    return reduce(lambda taken, step: step(taken, limits), steps, limits.rounded(p))
