"""The laws of State, with ==: adding states is a commutative monoid, and how rows are cut into batches cannot matter."""

import json
import math
import pickle
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from celoss.checks import Batch
from celoss.errors import Fault, Faults
from celoss.kernels import score_binary, score_multiclass
from celoss.plan import Plan
from celoss.state import State

ONE = 1 << 1074
PLAN = Plan(
    task="multiclass",
    classes=("a", "b", "c"),
    columns=("a", "b", "c"),
    label_columns=("label",),
    positive=None,
    keys=(),
    labels_in_predictions=False,
    eps=1e-12,
    stored_deviation=1e-9,
    rounded_deviation=0.0,
    decimals=0,
    largest_deviation=1e-3,
)
BINARY = replace(PLAN, task="binary", classes=("no", "yes"), columns=("p",), positive="yes")

codes_of = st.sampled_from(["E402", "E501", "E503"])
faults = st.builds(
    Fault, st.integers(0, 9), st.sampled_from(["a", "b", None]), st.sampled_from(["x", ""]), codes_of, st.just("predictions")
)


@st.composite
def batches(draw, plan=PLAN):
    n = draw(st.integers(0, 6))
    k = len(plan.columns)
    cell = st.sampled_from([0.0, 1e-300, 1e-13, 0.25, 1 / 3, 0.5, 1 - 2**-53, 1.0]) | st.floats(0, 1)
    cells = draw(st.lists(cell, min_size=n * k, max_size=n * k))
    codes = draw(st.lists(st.integers(0, len(plan.classes) - 1), min_size=n, max_size=n))
    found = Faults.of(draw(st.lists(faults, max_size=5)))
    return Batch(
        np.arange(n),
        np.array(cells).reshape(k, n),
        np.array(codes, dtype=np.intp),
        (),
        found,
        draw(st.integers(0, 3)),
        draw(st.floats(0, 1)),
    )


@st.composite
def states(draw, plan=PLAN):
    return State.of(plan, draw(batches(plan)))


@given(states())
def test_adding_nothing_changes_nothing(a):
    assert a + State.empty(PLAN) == a == State.empty(PLAN) + a


@given(states(), states())
def test_order_cannot_matter(a, b):
    assert a + b == b + a


@given(states(), states(), states())
def test_grouping_cannot_matter(a, b, c):
    assert (a + b) + c == a + (b + c)


@given(states(), states())
def test_adding_is_pure(a, b):
    before = (pickle.dumps(a.to_dict()), pickle.dumps(b.to_dict()))
    _ = a + b
    assert (pickle.dumps(a.to_dict()), pickle.dumps(b.to_dict())) == before


@pytest.mark.parametrize("plan", [PLAN, BINARY], ids=["multiclass", "binary"])
@given(data=st.data())
def test_one_batch_equals_its_parts(plan, data):
    whole = replace(data.draw(batches(plan)), faults=Faults(), noted=0, deviation=0.0)
    n = len(whole.codes)
    cut = data.draw(st.integers(0, n))
    parts = [
        replace(whole, rows=whole.rows[part], probabilities=whole.probabilities[:, part], codes=whole.codes[part])
        for part in (slice(0, cut), slice(cut, n))
    ]
    assert State.empty(plan).update(plan, parts[0]).update(plan, parts[1]) == State.of(plan, whole)


@given(states(), states())
def test_a_state_survives_json_and_pickle(a, b):
    both = a + b
    assert State.from_dict(json.loads(json.dumps(both.to_dict()))) == both
    assert pickle.loads(pickle.dumps(both)) == both


@given(batches())
def test_the_sums_are_those_of_exact_fractions_and_round_to_fsum(batch):
    state = State.of(PLAN, batch)
    row = score_multiclass(batch.probabilities, batch.codes, PLAN.eps)
    for name, values in (("loss", row.loss), ("brier", row.brier)):
        exact = sum(map(Fraction, values.tolist()), Fraction(0))
        assert Fraction(sum(getattr(state, name)), ONE) == exact
        assert float(exact) == math.fsum(values)
    squares = sum((Fraction(value) ** 2 for value in row.loss.tolist()), Fraction(0))
    assert Fraction(sum(state.loss_squared), ONE) == squares


@given(batches(BINARY))
def test_binary_sums_are_those_of_exact_fractions(batch):
    state = State.of(BINARY, batch)
    loss = score_binary(batch.probabilities[0], batch.codes == 1, BINARY.eps).loss
    for code in (0, 1):
        expected = sum(map(Fraction, loss[batch.codes == code].tolist()), Fraction(0))
        assert Fraction(state.loss[code], ONE) == expected


def test_states_of_different_plans_are_not_added():
    with pytest.raises(ValueError, match="different plans"):
        State.empty(PLAN) + State.empty(replace(PLAN, eps=1e-6))


def test_where_the_files_lie_is_no_part_of_the_plan_of_a_state():
    elsewhere = replace(PLAN, columns=("p_a", "p_b", "p_c"), label_columns=("y",), keys=(("id", "id"),))
    assert State.empty(PLAN) + State.empty(elsewhere) == State.empty(PLAN)


def test_a_state_of_many_rows_stays_small():
    random = np.random.default_rng(1)
    p = random.random((3, 200_000))
    batch = Batch(np.arange(200_000), p / p.sum(axis=0), random.integers(0, 3, 200_000), ())
    assert len(pickle.dumps(State.of(PLAN, batch))) < 5000
