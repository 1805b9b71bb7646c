"""Agreement with scikit-learn, Keras, PyTorch, optax, XGBoost, SciPy and mpmath on every form, as kept in forms.json."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import celoss

FORMS = json.loads((Path(__file__).parent / "reference" / "forms.json").read_text("utf-8"))
PYTHON_NAMES = {"from": "scale", "as": "convention"}
CASES = {case["name"]: case for case in FORMS["cases"]}


def report_of(case):
    predictions = np.array(case["predictions"], dtype=case["dtype"])
    options = {PYTHON_NAMES.get(name, name): value for name, value in case["options"].items()}
    if options.get("convention") == "keras" and case["dtype"] == "float64":
        # The suite sets Keras to float64, which is not its default.
        options["convention"] = "keras-float64"
    one_column = predictions.ndim == 1
    labels = np.array(case["labels"])
    return celoss.evaluate(
        predictions, labels, weights=case["weights"], positive="1" if one_column and labels.ndim == 1 else None, **options
    )


def found(report, metric):
    return report.rows["loss"].tolist() if metric == "row_loss" else report.metrics[metric]


def is_near(value, expected, relative, absolute):
    if expected == "inf":
        return value == math.inf
    return value == pytest.approx(expected, rel=relative, abs=absolute)


def test_every_tool_that_the_suite_is_made_for_has_a_say():
    tools = {one["tool"] for case in FORMS["cases"] for one in case["expected"]}
    for tool in ("scikit-learn", "keras", "torch", "optax", "xgboost", "mpmath", "scipy"):
        assert any(tool in name.casefold() for name in tools), tool


def test_no_two_cases_have_one_name():
    assert len(CASES) == len(FORMS["cases"])


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_the_other_tools(name):
    case = CASES[name]
    report = report_of(case)
    for one in case["expected"]:
        value = found(report, one["metric"])
        expected = one["value"]
        if isinstance(expected, list):
            assert len(value) == len(expected)
            pairs = zip(value, expected, strict=True)
        else:
            pairs = [(value, expected)]
        for mine, theirs in pairs:
            assert is_near(mine, theirs, one["relative"], one["absolute"]), (one["call"], mine, theirs)
