"""Agreement with scikit-learn and with mpmath at 50 digits, on the values kept in tests/reference."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import celoss
from tests.reference import grid

VALUES = json.loads((Path(__file__).parent / "reference" / "values.json").read_text())
RELATIVE = VALUES["tolerances"]["relative"]
CLIPPED_ONE = VALUES["tolerances"]["sklearn_absolute"]


def close(value, expected, absolute=0.0):
    return value == pytest.approx(expected, rel=RELATIVE, abs=absolute)


def name_of(case):
    return f"{case['kind']} {case['variant']} n={case['n']} k={case['k']}"


@pytest.mark.parametrize("case", VALUES["sklearn_grid"]["cases"], ids=name_of)
def test_agrees_with_scikit_learn(case):
    p, labels = grid.draw(case["kind"], case["variant"], case["n"], case["k"], case["seed"])
    assert grid.fingerprint(p, labels) == case["sha256"]
    report = celoss.evaluate(p, labels, positive="1" if p.ndim == 1 else None)
    assert close(report.metrics["log_loss"], case["log_loss_exact"])
    assert close(report.metrics["log_loss"], case["log_loss"], CLIPPED_ONE)
    assert close(report.metrics["brier"], case["brier"])
    assert close(report.metrics["brier_sum"], case["brier_sum"])
    assert close(report.metrics["accuracy"], case["accuracy"])
    assert report.row_counts.clipped == case["rows_below_eps"]
    assert report.zero_probability.rows == case["rows_zero"]
    by_name = {one.name: one for one in report.per_class}
    for label in range(case["k"]):
        scores = by_name.get(str(label))
        if scores is None or scores.rows == 0:
            assert case["class_rows"][label] == 0
            continue
        assert scores.rows == case["class_rows"][label]
        assert close(scores.log_loss, case["class_log_loss"][label], CLIPPED_ONE)
        assert close(scores.recall, case["recall"][label])


def numbers(nested):
    return [numbers(one) for one in nested] if isinstance(nested, list) else float.fromhex(nested)


@pytest.mark.parametrize("eps", [2.220446049250313e-16, 5e-324])
@pytest.mark.parametrize("case", VALUES["mpmath"]["cases"], ids=lambda case: case["name"])
def test_agrees_with_fifty_digits(case, eps):
    result = next(one for one in case["results"] if one["eps"] == eps)
    p = np.array(numbers(case["p"]))
    report = celoss.evaluate(p, case["labels"], positive="1" if p.ndim == 1 else None, eps=eps)
    assert close(report.metrics["log_loss"], result["log_loss"]["double"])
    assert close(report.metrics["kl_divergence"], result["kl_divergence"]["double"])
    assert report.metrics["label_entropy"] == case["label_entropy"]
    assert close(report.metrics["brier"], case["brier"]["double"])
    assert close(report.metrics["reference_log_loss"], case["reference_log_loss"]["double"])
    if result["skill"] is None:
        assert report.metrics["skill"] is None
    else:
        assert close(report.metrics["skill"], result["skill"]["double"], 1e-15)
    assert report.row_counts.clipped == result["rows_below_eps"]
    assert report.rows["loss"].tolist() == pytest.approx(result["row_loss"]["double"], rel=RELATIVE)


def test_the_floored_mean_reads_off_any_other_tools_floor():
    """intercept + slope · (−ln e) is the mean under any floor e below the smallest positive probability."""
    p = np.array([[0.5, 0.5], [0.0, 1.0], [0.25, 0.75], [1.0, 0.0]])
    report = celoss.evaluate(p, [0, 0, 1, 0])
    zero = report.zero_probability
    for eps in (1e-15, 1e-16, 1e-300):
        expected = (-math.log(0.5) - math.log(0.75) - math.log(eps) - 0.0) / 4
        assert zero.intercept + zero.slope * -math.log(eps) == pytest.approx(expected, rel=1e-15)
        assert celoss.evaluate(p, [0, 0, 1, 0], eps=eps).log_loss == pytest.approx(expected, rel=1e-15)
    assert zero.finite_mean == pytest.approx((-math.log(0.5) - math.log(0.75)) / 3, rel=1e-15)
