"""The sums of a few rows, each written as its formula: what floors, ties, weights and classes add, and under which name."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from celoss.checks import Batch
from celoss.errors import Fault, Faults
from celoss.moments import BLOCK_ROWS
from celoss.plan import Options, Plan
from celoss.quantities import BLOCK_CELLS, blocks, differs
from celoss.scoring import scores
from celoss.state import GroupSums, State
from celoss.sums import RunningSums
from celoss.tails import Tail

ONE = 1 << 1074
LN2 = math.log(2)
EPS = 2.0**-10
PLAN = Plan(
    task="multiclass",
    classes=("a", "b", "c"),
    columns=("a", "b", "c"),
    label_columns=("label",),
    positive=None,
    keys=(),
    labels_in_predictions=False,
    eps=EPS,
    stored_deviation=1e-9,
    rounded_deviation=0.0,
    decimals=0,
    largest_deviation=1e-3,
)
SOFT = replace(PLAN, task="soft", label_columns=("a", "b", "c"), numeric_labels=True)
LABELS = replace(PLAN, task="multilabel", label_columns=("a", "b", "c"))
BY_WEIGHT = ("labels", "w")
INFINITE = math.inf


def summed(plan, values, labels, weights=None):
    """The sums of rows by name: {name: [of each class]}, in ones and not in units where they are no counts."""
    plan = plan if weights is None else replace(plan, weights=BY_WEIGHT)
    values, labels = np.array(values, dtype=np.float64).T, np.array(labels).T
    batch = Batch(
        np.arange(values.shape[1]),
        values,
        labels.astype(np.intp) if plan.hard else None,
        targets=None if plan.hard else labels.astype(np.float64),
        weights=None if weights is None else np.array(weights, dtype=np.float64),
    )
    sums = RunningSums(plan)
    sums.add(batch, scores(plan, batch))
    return sums.state().sums


def ones(sums, *names):
    """Sums that are no counts, as floats."""
    return {name: [float(Fraction(one, ONE)) for one in sums[name]] for name in names}


def near(expected):
    return {name: pytest.approx(values, rel=1e-15, abs=0) for name, values in expected.items()}


# p of the true class: 1/2, 2^-12, 0 and, of one that is certain, 1.
ROWS = [[0.5, 0.25, 0.25], [0.75, 2.0**-12, 0.25 - 2.0**-12], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]
TRUE = [0, 1, 2, 0]
WEIGHTS = [2.0, 3.0, 0.5, 4.0]


def test_floored_rows_are_counted_and_summed_with_and_without_the_floor():
    """−ln eps is 10 ln 2; the row with p = 2^-12 costs 12 ln 2 without the floor, that with p = 0 is left out there."""
    sums = summed(PLAN, ROWS, TRUE)
    counts = {name: sums.get(name) for name in ("rows", "clipped", "zero", "infinite", "certain", "ties", "accuracy 1/1")}
    assert counts == {
        "rows": (2, 1, 1),
        "clipped": (0, 1, 1),
        "zero": (0, 0, 1),
        "infinite": None,
        "certain": (1, 0, 1),
        "ties": (0, 0, 1),
        "accuracy 1/1": (2, 0, 0),
    }
    expected = {
        "loss": [LN2, 10 * LN2, 10 * LN2],
        "loss_squared": [LN2**2 + 2 * (10 * LN2) ** 2, 0, 0],
        "clipped_loss": [0, 10 * LN2, 10 * LN2],
        "unfloored": [0, 12 * LN2, 0],
    }
    assert ones(sums, *expected) == near(expected)
    assert not sums.keys() & {"weight", "zero_weight", "weightless", "loss_weight", "unfloored_zero", "zero_share"}


def test_each_row_enters_the_sums_by_its_weight():
    sums = summed(PLAN, ROWS, TRUE, WEIGHTS)
    expected = {
        "weight": [6, 3, 0.5],
        "weight_squared": [4 + 16, 9, 0.25],
        "loss": [2 * LN2, 30 * LN2, 5 * LN2],
        "loss_squared": [(2 * LN2) ** 2 + (30 * LN2) ** 2 + (5 * LN2) ** 2, 0, 0],
        "loss_weight": [2 * 2 * LN2, 3 * 30 * LN2, 0.5 * 5 * LN2],
        "clipped_loss": [0, 30 * LN2, 5 * LN2],
        "unfloored": [0, 36 * LN2, 0],
        "zero_weight": [0, 0, 0.5],
        "accuracy 1/1": [6, 0, 0],
        "accuracy 1/1 squared": [4 + 16, 0, 0],
    }
    assert ones(sums, *expected) == near(expected)
    # Numbers of rows stay such.
    assert (sums["rows"], sums["clipped"], sums["zero"]) == ((2, 1, 1), (0, 1, 1), (0, 0, 1))
    assert "weightless" not in sums


def test_weights_of_classes_ask_for_the_squares_of_each_class():
    sums = summed(replace(PLAN, options=Options(class_weights=(("a", 2.0),))), ROWS, TRUE, WEIGHTS)
    expected = {
        "loss_squared": [(2 * LN2) ** 2, (30 * LN2) ** 2, (5 * LN2) ** 2],
        "loss_weight": [2 * 2 * LN2, 3 * 30 * LN2, 0.5 * 5 * LN2],
    }
    assert ones(sums, *expected) == near(expected)


def test_without_a_floor_a_row_may_be_infinite_and_adds_nothing_to_the_loss():
    sums = summed(replace(PLAN, eps=0.0), ROWS, TRUE, [2.0, 3.0, 0.5, 0.0])
    assert (sums["infinite"], sums["zero"], sums["clipped"], sums["weightless"]) == ((0, 0, 1), (0, 0, 1), (0, 0, 1), (1, 0, 0))
    assert ones(sums, "loss") == near({"loss": [2 * LN2, 36 * LN2, 0]})
    assert not sums.keys() & {"clipped_loss", "unfloored"}


def test_an_infinite_row_of_weight_0_is_none():
    sums = summed(replace(PLAN, eps=0.0), ROWS, TRUE, [2.0, 3.0, 0.0, 4.0])
    assert "infinite" not in sums
    assert (sums["zero"], sums["weightless"]) == ((0, 0, 1), (0, 0, 1))


def test_a_probability_of_eps_is_not_floored():
    assert "clipped" not in summed(PLAN, [[EPS, 0.5, 0.5 - EPS]], [0])


def test_a_probability_just_below_eps_is_floored_though_its_logarithm_rounds_to_that_of_eps():
    p = float(np.nextafter(EPS, 0.0))
    assert math.log(p) == math.log(EPS)
    assert summed(PLAN, [[p, 0.5, 0.5 - p]], [0])["clipped"] == (1, 0, 0)


def test_nothing_is_said_of_floors_where_none_is_reached():
    of_losses = {f"{name}{power}" for name in ("loss", "brier") for power in ("", "_squared", "_cubed")}
    assert summed(PLAN, ROWS[:1], TRUE[:1]).keys() == {"rows", *of_losses, "accuracy 1/1"}


@pytest.mark.parametrize("scale", ["logits", "logprobs"])
def test_only_a_stored_probability_can_be_certain(scale):
    values = {"logits": [[800.0, 0.0, 0.0]], "logprobs": [[0.0, -INFINITE, -INFINITE]]}[scale]
    assert "certain" not in summed(replace(PLAN, scale=scale, eps=0.0), values, [0])
    assert summed(PLAN, [[1.0, 0.0, 0.0]] * 2, [0, 1])["certain"] == (1, 1, 0)


def test_credits_are_summed_by_their_fraction():
    p = [[0.5, 0.5, 0.0], [1 / 3] * 3, [1 / 3] * 3, [0.25, 0.5, 0.25], [0.5, 0.5, 0.0]]
    sums = summed(replace(PLAN, options=Options(top_k=(2,))), p, [0, 1, 1, 0, 2])
    found = {name: values for name, values in sums.items() if "/" in name}
    # Of two tied classes after a larger one, one of two is among the first two.
    assert found == {"accuracy 1/2": (1, 0, 0), "accuracy 1/3": (0, 2, 0), "top_2_accuracy 1/1": (1, 0, 0)} | {
        "top_2_accuracy 2/3": (0, 2, 0),
        "top_2_accuracy 1/2": (1, 0, 0),
    }
    assert sums["ties"] == (1, 2, 1)


def test_weighted_credits_are_summed_with_their_squares():
    sums = summed(PLAN, [[0.5, 0.5, 0.0]] * 3, [0, 1, 1], [2.0, 3.0, 0.5])
    assert ones(sums, "accuracy 1/2", "accuracy 1/2 squared") == {
        "accuracy 1/2": [2.0, 3.5, 0.0],
        "accuracy 1/2 squared": [4.0, 9.25, 0.0],
    }


# --- labels that are shares -------------------------------------------------------------------------------------------------


def test_shares_add_to_the_class_that_they_are_of():
    """Two rows, t = (3/4, 1/4, 0) with p = (1/2, 0, 1/2), and t = (0, 1/2, 1/2) with p = (0, 1/2, 1/2)."""
    p, t = [[0.5, 0.0, 0.5], [0.0, 0.5, 0.5]], [[0.75, 0.25, 0.0], [0.0, 0.5, 0.5]]
    sums = summed(SOFT, p, t, [2.0, 4.0])
    losses = [0.75 * LN2 + 0.25 * 10 * LN2, LN2]
    entropies = [-0.75 * math.log(0.75) - 0.25 * math.log(0.25), LN2]
    expected = {
        "share": [1.5, 0.5 + 2, 2],
        "class_loss": [1.5 * LN2, 5 * LN2 + 2 * LN2, 2 * LN2],
        "loss": [2 * losses[0] + 4 * losses[1], 0, 0],
        "entropy": [2 * entropies[0] + 4 * entropies[1], 0, 0],
        "kl": [2 * (losses[0] - entropies[0]), 0, 0],
        "clipped_loss": [2 * losses[0], 0, 0],
        "unfloored": [2 * 0.75 * LN2, 0, 0],
        "unfloored_zero": [2 * 0.75 * LN2, 0, 0],
        "zero_share": [0.5, 0, 0],
        "zero_weight": [2, 0, 0],
    }
    assert ones(sums, *expected) == near(expected)
    assert (sums["rows"], sums["class_rows"], sums["clipped"], sums["zero"]) == ((2, 0, 0), (1, 2, 1), (1, 0, 0), (1, 0, 0))
    assert "class_infinite" not in sums


def test_of_smoothed_labels_a_floor_under_any_class_counts():
    """t = (5/6, 1/12, 1/12) by a smoothing of 1/4; the second class is floored, the true one is not."""
    plan = replace(PLAN, options=Options(smoothing=0.25))
    sums = summed(plan, [[0.75, 2.0**-12, 0.25 - 2.0**-12], [0.5, 0.25, 0.25]], [0, 0])
    rest = -10 / 12 * math.log(0.75) - math.log(0.25 - 2.0**-12) / 12
    assert sums["clipped"] == (1, 0, 0)
    assert ones(sums, "clipped_loss", "unfloored") == {
        "clipped_loss": [pytest.approx(rest + 10 / 12 * LN2, rel=1e-14, abs=0), 0, 0],
        "unfloored": [pytest.approx(rest + LN2, rel=1e-14, abs=0), 0, 0],
    }


def test_without_a_floor_the_classes_of_infinite_losses_are_counted():
    p, t = [[0.5, 0.0, 0.5], [0.5, 0.0, 0.5], [1.0, 0.0, 0.0]], [[0.75, 0.25, 0.0], [0.5, 0.5, 0.0], [0.5, 0.5, 0.0]]
    sums = summed(replace(SOFT, eps=0.0), p, t, [2.0, 0.0, 1.0])
    assert (sums["class_infinite"], sums["infinite"], sums["weightless"]) == ((0, 2, 0), (2, 0, 0), (1, 0, 0))
    assert ones(sums, "class_loss") == near({"class_loss": [1.5 * LN2, 0, 0]})
    assert not sums.keys() & {"loss", "kl"}


def test_independent_labels_add_their_credits_and_what_they_hold():
    """Row 1: labels 1, 0, 1 with p 3/4, 3/4, 1/2. Row 2: labels 1/2, 1, 0 with p 1/4, 3/4, 1/4."""
    p, t = [[0.75, 0.75, 0.5], [0.25, 0.75, 0.25]], [[1.0, 0.0, 1.0], [0.5, 1.0, 0.0]]
    sums = summed(LABELS, p, t, [2.0, 4.0])
    expected = {
        "class_credit": [2 + 2, 4, 1 + 4],
        "class_positive": [2, 4, 2],
        "class_hits": [2, 4, 1],
        "share": [2 + 2, 4, 2],
        # Twice the labels that are right: 2 + 0 + 1, and 1 + 2 + 2.
        "accuracy": [2 * 3 + 4 * 5, 0, 0],
        "accuracy_squared": [6**2 + 20**2, 0, 0],
        "accuracy_weight": [2 * 6 + 4 * 20, 0, 0],
        "class_loss": [
            2 * -math.log(0.75) + 4 * -(math.log(0.25) + math.log(0.75)) / 2,
            2 * -math.log(0.25) + 4 * -math.log(0.75),
            2 * LN2 + 4 * -math.log(0.75),
        ],
    }
    assert ones(sums, *expected) == near(expected)
    # Of independent labels one at 0.5 is a tie.
    assert (sums["class_rows"], sums["ties"]) == ((1, 1, 1), (1, 0, 0))


# --- another tool's rule ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "other", "said"),
    [
        (0.0, 0.0, False),
        (0.0, 1e-6, False),
        (0.0, 1.1e-6, True),
        (0.1, 0.1 + 0.9e-6, False),
        (0.1, 0.1 + 1.1e-6, True),
        (1.5, 1.5 + 1.4e-6, False),
        (1.5, 1.5 + 1.6e-6, True),
        (20.0, 20.0 + 19e-6, False),
        (20.0, 20.0 + 21e-6, True),
        (INFINITE, INFINITE, False),
        (INFINITE, 36.0, True),
    ],
)
def test_losses_differ_beyond_a_millionth_of_the_smaller_or_of_1_nat(loss, other, said):
    for one, two in ((loss, other), (other, loss)):
        assert differs(np.array([one]), np.array([two])).tolist() == [said]


def test_of_another_tools_rule_the_rows_that_it_changes_are_counted():
    """scikit-learn 1.2 cuts at 2^-52 of the width of a double; p = 2^-12 it leaves, p = 0 costs 52 ln 2."""
    sums = summed(replace(PLAN, eps=0.0, options=Options(convention="sklearn-1.2")), ROWS, TRUE)
    assert (sums["clipped"], sums["zero"]) == ((0, 0, 1), (0, 0, 1))
    assert ones(sums, "clipped_loss") == {"clipped_loss": pytest.approx([0, 0, 52 * LN2], rel=1e-12)}
    assert not sums.keys() & {"infinite", "unfloored"}


def test_a_rule_that_takes_a_probability_of_0_as_it_is_changes_no_row():
    sums = summed(replace(PLAN, eps=0.0, options=Options(convention="strict")), ROWS, TRUE)
    assert (sums["infinite"], sums["zero"]) == ((0, 0, 1), (0, 0, 1))
    assert not sums.keys() & {"clipped", "clipped_loss", "unfloored"}


# --- batches, groups, JSON ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 3, 16, 17, 1000, BLOCK_CELLS, BLOCK_CELLS + 1])
def test_a_block_has_as_many_rows_as_fit_the_cache_and_one_at_least(k):
    size = max(1, min(BLOCK_ROWS, BLOCK_CELLS // k))
    n = 2 * size + 1 if size > 1 else 3
    # A plane without memory of its own.
    batch = Batch(np.arange(n), np.broadcast_to(np.zeros(1), (k, n)), None, noted=1)
    parts = list(blocks(batch)) if k <= 1000 else [next(blocks(batch))]
    assert [len(part.rows) for part in parts] == [size] * (len(parts) - 1) + [1 if k <= 1000 and size > 1 else size]
    assert np.concatenate([part.rows for part in parts]).tolist() == list(range(sum(len(part.rows) for part in parts)))
    assert all(part.values.shape == (k, len(part.rows)) and not part.noted for part in parts)


def test_no_rows_have_no_blocks():
    assert list(blocks(Batch(np.arange(0), np.empty((3, 0)), None))) == []


FAULTS = Faults.of([Fault(3, "p", "x", "E501", "predictions")])


def test_what_the_checks_of_a_batch_found_is_added_and_its_deviation_is_the_largest():
    batch = Batch(np.arange(2), np.ones((3, 2)), np.array([0, 1]), faults=FAULTS, noted=1, deviation=0.25, dropped=2, filled=3)
    one = State.noticed(PLAN, replace(batch, unmatched=4, unmatched_labels=5))
    other = State.noticed(PLAN, replace(batch, faults=Faults(), deviation=0.125))
    for both in (one + other, other + one):
        assert (both.noted, both.dropped, both.filled, both.unmatched, both.unmatched_labels) == (2, 4, 6, 4, 5)
        assert both.deviation == ONE // 4
        assert both.faults == FAULTS
        assert (both.count, both.sums) == (0, {})


def test_states_of_two_plans_are_not_added():
    with pytest.raises(ValueError, match=r"^states of different plans cannot be added$"):
        State.empty(PLAN) + State.empty(SOFT)


def test_the_rows_of_all_classes_are_counted():
    assert State("", {"rows": (2, 0, 5)}).count == 7


def test_groups_are_added_by_value_and_class():
    one = State("", groups={(0, "x"): GroupSums((0,), {"rows": (1,)}), (1, "x"): GroupSums((1,), {"rows": (2,)})})
    other = State(
        "", groups={(0, "x"): GroupSums((2,), {"rows": (3,), "zero": (1,)}), (0, "y"): GroupSums((0,), {"rows": (4,)})}
    )
    expected = {
        (0, "x"): GroupSums((0, 2), {"rows": (1, 3), "zero": (0, 1)}),
        (0, "y"): GroupSums((0,), {"rows": (4,)}),
        (1, "x"): GroupSums((1,), {"rows": (2,)}),
    }
    assert (one + other).groups == (other + one).groups == expected
    assert (one + State("")).groups == (State("") + one).groups == one.groups


def test_the_json_of_a_state_has_its_integers_in_hexadecimal_and_its_names_in_order():
    state = State(
        "plan",
        {"rows": (1, 0), "loss": (ONE, -255)},
        {(1, "x"): GroupSums((0,), {"rows": (16,)}), (0, "y"): GroupSums((1,), {"rows": (1,), "loss": (-1,)})},
        {"z": GroupSums((0, 2), {"rows": (3, 18)}), "": GroupSums((1,), {"loss": (ONE,)})},
        {300: (2, 1, 255), 20: (1, 0, 16, ONE, -1, 0, 0)},
        Tail((ONE, 3), {900: 1, 800: 4}),
        dropped=1,
        filled=2,
        unmatched=3,
        unmatched_labels=4,
        noted=5,
        deviation=ONE,
        faults=FAULTS,
    )
    values = state.to_dict()
    assert values == {
        "plan": "plan",
        "sums": {"loss": [hex(ONE), "-0xff"], "rows": ["0x1", "0x0"]},
        "groups": [[0, "y", [1], {"loss": ["-0x1"], "rows": ["0x1"]}], [1, "x", [0], {"rows": ["0x10"]}]],
        "clusters": [["", [1], {"loss": [hex(ONE)]}], ["z", [0, 2], {"rows": ["0x3", "0x12"]}]],
        "forecasts": [[20, "0x1", "0x0", "0x10", hex(ONE), "-0x1", "0x0", "0x0"], [300, "0x2", "0x1", "0xff"]],
        "tail": [[hex(ONE), "0x3"], [(800, 4), (900, 1)]],
        "dropped": 1,
        "filled": 2,
        "unmatched": 3,
        "unmatched_labels": 4,
        "noted": 5,
        "deviation": hex(ONE),
        "faults": FAULTS.to_list(),
    }
    assert list(values["sums"]) == ["loss", "rows"]
    assert State.from_dict(values) == state
