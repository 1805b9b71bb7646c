"""Seeded inputs that come out the same, bit for bit, wherever they are drawn.

Used by `make.py`, which records expected values, and by the tests, which rebuild the inputs. Only steps that IEEE 754
fixes are allowed here: `Generator.random` of PCG64, and elementwise addition, multiplication and division. No `**`
and no `sum(axis=...)`: the first may go through a vectorised `pow`, the second may change its order of addition.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

KINDS = ("binary", "multiclass")
VARIANTS = ("plain", "skewed", "zeros", "certain")


def draw(kind: str, variant: str, n: int, k: int, seed: int) -> tuple[Floats, Integers]:
    """Return probabilities and labels 0 … k - 1: (n,) of P(label 1) for `binary` (k = 2), else rows (n, k) of sum 1.

    Variants: `plain` uniform draws; `skewed` their eighth power; `zeros` exactly 0 on the true class of about a fifth
    of the rows, the first one always; `certain` exactly 1 there.
    """
    if kind not in KINDS or variant not in VARIANTS or (kind == "binary" and k != 2):
        raise ValueError(f"no such inputs: {kind}, {variant}, k = {k}")
    rng = np.random.Generator(np.random.PCG64(seed))
    raw = rng.random((n, 1 if kind == "binary" else k))
    labels = np.minimum((rng.random(n) * k).astype(np.int64), k - 1)
    marked = rng.random(n) < 0.2
    marked[0] = True
    if variant == "skewed":
        raw = _eighth_power(raw)
    elif variant in ("zeros", "certain"):
        _force(raw, labels, marked, hit=variant == "certain")
    return (raw[:, 0].copy() if kind == "binary" else _normalised(raw)), labels


def fingerprint(probabilities: Floats, labels: Integers) -> str:
    """SHA-256 of the little-endian doubles and 64-bit labels, to prove that the inputs were rebuilt exactly."""
    digest = hashlib.sha256(np.ascontiguousarray(probabilities).astype("<f8").tobytes())
    digest.update(labels.astype("<i8").tobytes())
    return digest.hexdigest()


def _eighth_power(values: Floats) -> Floats:
    """Square three times."""
    for _ in range(3):
        values = values * values
    return values


def _force(raw: Floats, labels: Integers, marked: NDArray[np.bool_], *, hit: bool) -> None:
    """Give the marked rows probability 1 (`hit`) or 0 for their true class, in place, before normalisation."""
    rows = np.flatnonzero(marked)
    truth = labels[rows]
    if raw.shape[1] == 1:
        raw[rows, 0] = truth if hit else 1 - truth
        return
    if hit:
        raw[rows] = 0.0
    raw[rows, truth] = 1.0 if hit else 0.0


def _normalised(raw: Floats) -> Floats:
    """Divide every row by its sum, added column by column from the left."""
    total = np.zeros(raw.shape[0])
    for column in range(raw.shape[1]):
        total = total + raw[:, column]
    return np.asarray(raw / total[:, np.newaxis], dtype=np.float64)
