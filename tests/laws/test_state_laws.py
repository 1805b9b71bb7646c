"""The laws of State, with ==: adding states is a commutative monoid, and how rows are cut into batches cannot matter.

They hold for every task, scale and option; the groups of a --by column obey them too, and add up to the whole.
"""

import json
import math
import pickle
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celoss.checks import Batch
from celoss.errors import Fault, Faults
from celoss.plan import Options, Plan
from celoss.quantities import CLUSTERED, blocks
from celoss.scoring import scores
from celoss.state import COUNTS, GroupSums, State
from celoss.sums import RunningSums
from celoss.tails import Tail

ONE = 1 << 1074
# Below it the product of two doubles is off by at most two units.
SMALLEST_PRODUCT = Fraction(1, 1 << 968)
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
SOFT = replace(PLAN, task="soft", label_columns=("a", "b", "c"), numeric_labels=True)
LABELS = replace(PLAN, task="multilabel", label_columns=("a", "b", "c"))
WEIGHTS, SITE, DAY = ("labels", "w"), ("labels", "site"), ("predictions", "day")
SMOOTH = Options(smoothing=0.125)

PLANS = {
    "multiclass": PLAN,
    "binary": BINARY,
    "logits": replace(PLAN, scale="logits", eps=0.0),
    "one logit": replace(BINARY, scale="logits", eps=0.0),
    "logprobs": replace(PLAN, scale="logprobs", eps=0.0),
    "no floor": replace(PLAN, eps=0.0, weights=WEIGHTS),
    "weights": replace(PLAN, weights=WEIGHTS),
    "binary, weights": replace(BINARY, weights=WEIGHTS),
    "soft": SOFT,
    "soft, one column, weights": replace(SOFT, classes=("0", "1"), columns=("p",), label_columns=("t",), weights=WEIGHTS),
    "soft, weights, no floor": replace(SOFT, weights=WEIGHTS, eps=0.0),
    "multilabel": LABELS,
    "multilabel, shares, weights": replace(LABELS, numeric_labels=True, weights=WEIGHTS),
    "smoothed": replace(PLAN, options=SMOOTH),
    "smoothed, one column": replace(BINARY, options=SMOOTH),
    "smoothed soft, weights": replace(SOFT, options=SMOOTH, weights=WEIGHTS),
    "smoothed multilabel": replace(LABELS, options=SMOOTH),
    "top 2": replace(PLAN, options=Options(top_k=(1, 2)), weights=WEIGHTS),
    "first of ties": replace(PLAN, options=Options(top_k=(2,), ties="first")),
    "another tool": replace(PLAN, options=Options(convention="keras"), eps=0.0),
    "another tool, multilabel": replace(LABELS, options=Options(convention="keras"), eps=0.0),
    "clusters": replace(PLAN, cluster=SITE),
    "clusters, weights, top 2": replace(BINARY, cluster=SITE, weights=WEIGHTS, options=Options(top_k=(2,))),
    "by and clusters": replace(SOFT, by=(DAY,), cluster=SITE),
    "class weights": replace(PLAN, options=Options(class_weights=(("a", 2.0),))),
    "by": replace(PLAN, by=(SITE,)),
    "by two, weights": replace(BINARY, by=(SITE, DAY), weights=WEIGHTS),
    "by, soft": replace(SOFT, by=(SITE,), weights=WEIGHTS),
    "by, multilabel, smoothed": replace(LABELS, by=(DAY, SITE), options=SMOOTH),
    "by, top 2": replace(PLAN, by=(DAY,), options=Options(top_k=(2,)), weights=WEIGHTS),
}
CLUSTERS = {name: plan for name, plan in PLANS.items() if plan.cluster}
GROUPED = {name: plan for name, plan in PLANS.items() if plan.by}
every = pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
grouped = pytest.mark.parametrize("plan", GROUPED.values(), ids=GROUPED)
clustered = pytest.mark.parametrize("plan", CLUSTERS.values(), ids=CLUSTERS)
few = settings(max_examples=10, deadline=None)

codes_of = st.sampled_from(["E402", "E501", "E503"])
faults = st.builds(
    Fault, st.integers(0, 9), st.sampled_from(["a", "b", None]), st.sampled_from(["x", ""]), codes_of, st.just("predictions")
)
CELLS = {
    "probs": st.sampled_from([0.0, 1e-300, 1e-13, 0.25, 1 / 3, 0.5, 1 - 2**-53, 1.0]) | st.floats(0, 1),
    "logits": st.sampled_from([0.0, -1e4, 1e4, 0.1]) | st.floats(-50, 50),
    "logprobs": st.sampled_from([0.0, -math.inf, -1e-300, math.log(0.5)]) | st.floats(-700, 0),
}
weights_of = st.sampled_from([0.0, 1.0, 2.0, 0.1, 1e-60, 1e60]) | st.floats(1e-3, 1e3)
shares_of = st.sampled_from([0.0, 1.0, 0.5]) | st.floats(0, 1)
texts_of = st.sampled_from(["", "x", "y", "a\x1fb", "ä"])


def drawn(draw, of, *shape):
    count = math.prod(shape)
    return np.array(draw(st.lists(of, min_size=count, max_size=count)), dtype=np.float64).reshape(shape)


def targets_of(draw, plan, n):
    """Label shares (k, n), whose rows sum to 1 where they are one whole; of 0/1 columns 0 and 1."""
    k = len(plan.classes)
    if plan.task == "multilabel":
        return drawn(draw, shares_of if plan.numeric_labels else st.sampled_from([0.0, 1.0]), k, n)
    shares = drawn(draw, shares_of, k, n)
    shares[0, shares.sum(axis=0) == 0.0] = 1.0
    return shares / shares.sum(axis=0)


@st.composite
def batches(draw, plan=PLAN, clean=False):
    n = draw(st.integers(0, 6))
    values = drawn(draw, CELLS[plan.scale], len(plan.columns), n)
    codes = np.array(draw(st.lists(st.integers(0, len(plan.classes) - 1), min_size=n, max_size=n)), dtype=np.intp)
    texts = [pa.array(draw(st.lists(texts_of, min_size=n, max_size=n)), pa.string()) for _ in plan.grouping]
    batch = Batch(
        np.arange(n),
        values,
        codes if plan.hard else None,
        targets=None if plan.hard else targets_of(draw, plan, n),
        weights=drawn(draw, weights_of, n) if plan.weights else None,
        by=tuple(texts),
    )
    if clean:
        return batch
    found = Faults.of(draw(st.lists(faults, max_size=5)))
    counts = {name: draw(st.integers(0, 3)) for name in COUNTS}
    return replace(batch, faults=found, deviation=draw(st.floats(0, 1)), **counts)


def state_of(plan, batch):
    """The state of a batch, as a reading makes it: what its checks found, its blocks, its groups."""
    sums = RunningSums(plan)
    sums.notice(batch)
    for block in blocks(batch):
        sums.add(block, scores(plan, block))
    return sums.state()


def states(plan=PLAN):
    return batches(plan).map(lambda batch: state_of(plan, batch))


# --- a commutative monoid -------------------------------------------------------------------------------------------------


@every
@few
@given(data=st.data())
def test_adding_nothing_changes_nothing(plan, data):
    a = data.draw(states(plan))
    assert a + State.empty(plan) == a == State.empty(plan) + a


@every
@few
@given(data=st.data())
def test_order_cannot_matter(plan, data):
    a, b = data.draw(states(plan)), data.draw(states(plan))
    assert a + b == b + a


@every
@few
@given(data=st.data())
def test_grouping_cannot_matter(plan, data):
    a, b, c = (data.draw(states(plan)) for _ in range(3))
    assert (a + b) + c == a + (b + c)


@every
@few
@given(data=st.data())
def test_adding_is_pure(plan, data):
    a, b = data.draw(states(plan)), data.draw(states(plan))
    before = (pickle.dumps(a.to_dict()), pickle.dumps(b.to_dict()))
    _ = a + b
    assert (pickle.dumps(a.to_dict()), pickle.dumps(b.to_dict())) == before


@every
@few
@given(data=st.data())
def test_one_batch_equals_its_parts(plan, data):
    whole = data.draw(batches(plan, clean=True))
    n = len(whole.rows)
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=3)))
    parts = [state_of(plan, whole.part(slice(*cut))) for cut in zip([0, *cuts], [*cuts, n], strict=True)]
    data.draw(st.randoms(use_true_random=False)).shuffle(parts)
    assert sum(parts, State.empty(plan)) == state_of(plan, whole)


@every
@few
@given(data=st.data())
def test_the_order_of_the_rows_cannot_matter(plan, data):
    batch = data.draw(batches(plan))
    order = data.draw(st.permutations(range(len(batch.rows))))
    assert state_of(plan, batch.take(np.array(order, dtype=np.intp))) == state_of(plan, batch)


@every
@few
@given(data=st.data())
def test_a_state_survives_json_and_pickle(plan, data):
    both = data.draw(states(plan)) + data.draw(states(plan))
    assert State.from_dict(json.loads(json.dumps(both.to_dict()))) == both
    assert pickle.loads(pickle.dumps(both)) == both


def test_sums_that_cancel_leave_no_name_behind():
    """KL(t ‖ p) of shares that sum to 1 only within the tolerance can be negative: ln 2 and −ln 2 in two batches."""
    t = np.array([[0.5], [0.5], [0.0]])
    one, other = (Batch(np.arange(1), np.full((3, 1), p), None, targets=t) for p in (1.0, 0.25))
    both = Batch(np.arange(2), np.array([[1.0, 0.25]] * 3), None, targets=np.repeat(t, 2, axis=1))
    assert "kl" in state_of(SOFT, one).sums
    assert state_of(SOFT, one) + state_of(SOFT, other) == state_of(SOFT, both)
    assert "kl" not in state_of(SOFT, both).sums


# --- exact sums -----------------------------------------------------------------------------------------------------------


class Witness:
    """Sums by rational arithmetic, one row after another: name → one Fraction for each of k cells."""

    def __init__(self, plan):
        self.plan = plan
        self.sums = {}
        # By how much the products of `products` may be off: two units for each that is too small.
        self.slack = {}

    def add(self, name, cell, value):
        self.sums.setdefault(name, [Fraction(0)] * len(self.plan.classes))[cell] += value

    def product(self, name, cell, a, b):
        exact = Fraction(a) * Fraction(b)
        self.add(name, cell, exact)
        if 0 < abs(exact) < SMALLEST_PRODUCT:
            self.slack[name] = self.slack.get(name, 0) + Fraction(2, ONE)

    def cube(self, name, cell, *factors):
        """Products of three are summed with 24 bits of each."""
        exact = math.prod(map(Fraction, factors))
        self.add(name, cell, exact)
        self.slack[name] = self.slack.get(name, 0) + abs(exact) / 2**23 + Fraction(2, ONE)

    def moments(self, name, cell, value, weight):
        """Of classes without weights and rows without groups only the loss has a sum for each class."""
        weighted = value if weight is None else weight * value
        by_class = self.plan.options.class_weights is not None or self.plan.by
        whole = cell if by_class else 0
        self.add(name, cell if name == "loss" else whole, Fraction(weighted))
        self.product(f"{name}_squared", whole, weighted, weighted)
        self.cube(f"{name}_cubed", whole, weighted, weighted, weighted)
        if weight is not None:
            self.product(f"{name}_weight", cell if name == "loss" else whole, weighted, weight)
            self.cube(f"{name}_squared_weight", whole, weighted, weighted, weight)
            self.cube(f"{name}_weight_squared", whole, weighted, weight, weight)

    def row(self, block):
        """Adds the only row of a block."""
        plan, row = self.plan, scores(self.plan, block)
        cell = 0 if block.codes is None else int(block.codes[0])
        weight = None if block.weights is None else float(block.weights[0])
        counted = 1.0 if weight is None else weight
        self.add("rows", cell, 1)
        if weight is not None:
            self.add("weight", cell, Fraction(weight))
            self.add("weightless", cell, int(weight == 0))
            self.product("weight_squared", cell, weight, weight)
            self.cube("weight_cubed", cell, weight, weight, weight)
        loss = float(row.loss[0])
        self.add("infinite", cell, int(math.isinf(loss) and counted > 0))
        self.moments("loss", cell, 0.0 if math.isinf(loss) else loss, weight)
        self.moments("brier", cell, float(row.brier[0]), weight)
        if row.entropy is not None:
            kl = float(row.kl[0])
            self.moments("entropy", cell, float(row.entropy[0]), weight)
            self.moments("kl", cell, 0.0 if math.isinf(kl) else kl, weight)
        for name, credit in (("accuracy", row.correct), *zip(self.top_names(), row.top, strict=True)):
            self.credit(name, cell, int(credit.numerator[0]), int(credit.denominator[0]), weight)
        if not plan.hard:
            self.by_class(block.targets[:, 0].tolist(), row, counted)

    def top_names(self):
        return [f"top_{size}_accuracy" for size in self.plan.options.top_k]

    def credit(self, name, cell, numerator, denominator, weight):
        if self.plan.task == "multilabel":
            self.moments(name, cell, float(numerator), weight)
        elif numerator:
            key = f"{name} {numerator}/{denominator}"
            self.add(key, cell, 1 if weight is None else Fraction(weight))
            if weight is not None:
                self.product(f"{key} squared", cell, weight, weight)

    def by_class(self, labels, row, weight):
        """What belongs to each class; its share is smoothed as in the loss, its label is not."""
        amount, sides = self.plan.options.smoothing, 2 if self.plan.task == "multilabel" else len(labels)
        for index, share in enumerate(labels):
            loss = float(row.by_class[index, 0])
            smoothed = (1.0 - amount) * share + amount / sides
            self.add("share", index, Fraction(weight * (smoothed if amount else share)))
            self.add("class_loss", index, Fraction(0.0 if math.isinf(loss) else weight * loss))
            self.add("class_infinite", index, int(math.isinf(loss) and weight > 0))
            self.add("class_rows", index, int(share > (0.5 if self.plan.task == "multilabel" else 0)))
            if self.plan.task == "multilabel":
                credit = float(row.class_credit[index, 0])
                self.add("class_credit", index, Fraction(weight * credit))
                if share > 0.5:
                    self.add("class_positive", index, Fraction(weight))
                    self.add("class_hits", index, Fraction(weight * credit))


COUNTED = ("rows", "weightless", "infinite", "class_rows", "class_infinite", "clipped", "zero", "ties", "certain")
# What only rows with a floored probability, or a tie, add to: other tests hold these to their formulas.
RARE = ("clipped", "clipped_loss", "unfloored", "unfloored_zero", "zero", "zero_weight", "zero_share", "ties", "certain")


def in_ones(plan, name, value):
    """A sum of a state as a number: counts are numbers of rows, all else is in units."""
    count = name in COUNTED or (plan.weights is None and "/" in name)
    return Fraction(value) if count else Fraction(value, ONE)


@every
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_the_sums_are_those_of_exact_fractions_row_by_row(plan, data):
    batch = data.draw(batches(plan, clean=True))
    witness = Witness(plan)
    for row in range(len(batch.rows)):
        witness.row(batch.part(slice(row, row + 1)))
    found = {
        name: [in_ones(plan, name, one) for one in values]
        for name, values in state_of(plan, batch).sums.items()
        if name not in RARE
    }
    assert found.keys() - witness.sums.keys() == set()
    for name, expected in witness.sums.items():
        values = found.get(name, [Fraction(0)] * len(plan.classes))
        assert all(abs(one - two) <= witness.slack.get(name, 0) for one, two in zip(values, expected, strict=True)), name


@given(batches(clean=True))
def test_the_sums_round_to_fsum(batch):
    state = state_of(PLAN, batch)
    if not len(batch.rows):
        assert state.sums == {}
        return
    row = scores(PLAN, batch)
    for name, values in (("loss", row.loss), ("brier", row.brier)):
        assert float(Fraction(sum(state.sums.get(name, ())), ONE)) == math.fsum(values)


@given(batches(replace(PLAN, weights=WEIGHTS), clean=True))
def test_weights_of_one_change_no_sum(batch):
    ones = state_of(replace(PLAN, weights=WEIGHTS), replace(batch, weights=np.ones(len(batch.rows)))).sums
    plain = state_of(PLAN, replace(batch, weights=None)).sums
    for name, values in plain.items():
        factor = ONE if "/" in name else 1
        assert ones[name] == tuple(value * factor for value in values), name
    assert sum(ones.get("weight", ())) == len(batch.rows) * ONE


@given(batches(replace(PLAN, weights=WEIGHTS), clean=True))
def test_a_row_of_weight_0_adds_itself_to_the_counts_and_to_no_sum(batch):
    plan = replace(PLAN, weights=WEIGHTS)
    state = state_of(plan, replace(batch, weights=np.zeros(len(batch.rows))))
    assert {name for name in state.sums if name not in COUNTED} == set()
    assert sum(state.sums.get("weightless", ())) == len(batch.rows) == state.count


# --- groups ---------------------------------------------------------------------------------------------------------------


def whole_of(plan, groups):
    """The sums of all groups together, each in the cells of the whole; names whose sums are all 0 are left out."""
    sums = {}
    for group in groups:
        for name, values in group.sums.items():
            cells = sums.setdefault(name, [0] * len(plan.classes))
            for cell, value in zip(group.cells, values, strict=True):
                cells[cell] += value
    return {name: tuple(cells) for name, cells in sums.items() if any(cells)}


@grouped
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_the_groups_of_each_column_add_up_to_the_whole_name_by_name(plan, data):
    state = data.draw(states(plan)) + data.draw(states(plan))
    for by in range(len(plan.by)):
        groups = [group for (column, _), group in state.groups.items() if column == by]
        assert whole_of(plan, groups) == state.sums


@grouped
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_group_is_the_state_of_its_rows(plan, data):
    batch = data.draw(batches(plan, clean=True))
    groups = state_of(plan, batch).groups
    for by, texts in enumerate(column.to_pylist() for column in batch.by[: len(plan.by)]):
        assert {value for column, value in groups if column == by} == set(texts)
        for value in set(texts):
            rows = np.flatnonzero([text == value for text in texts])
            alone = state_of(plan, batch.take(rows))
            assert whole_of(plan, [groups[by, value]]) == alone.sums


@grouped
def test_no_rows_have_no_groups(plan):
    assert State.empty(plan).groups == {}


@clustered
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_the_clusters_add_up_to_the_whole_in_what_their_errors_need(plan, data):
    state = data.draw(states(plan)) + data.draw(states(plan))
    wanted = {name: sums for name, sums in state.sums.items() if CLUSTERED.match(name)}
    assert whole_of(plan, state.clusters.values()) == wanted


@clustered
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_cluster_is_the_state_of_its_rows(plan, data):
    batch = data.draw(batches(plan, clean=True))
    state, texts = state_of(plan, batch), batch.by[-1].to_pylist()
    assert state.clusters.keys() == set(texts)
    for value in set(texts):
        alone = state_of(plan, batch.take(np.flatnonzero([text == value for text in texts])))
        assert whole_of(plan, [state.clusters[value]]) == whole_of(plan, alone.clusters.values())


def test_groups_in_which_other_classes_occur_are_added_class_by_class():
    plan = replace(PLAN, by=(SITE,))
    values = np.full((3, 1), 0.25)
    texts = (pa.array(["x"]),)
    one, other = (state_of(plan, Batch(np.arange(1), values, np.array([code]), by=texts)) for code in (2, 0))
    assert (one + other).groups[0, "x"].cells == (0, 2)
    assert (one + other).groups[0, "x"].sums["rows"] == (1, 1)
    assert isinstance((one + other).groups[0, "x"], GroupSums)


# --- plans ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"eps": 1e-6},
        {"task": "soft"},
        {"classes": ("a", "b", "d")},
        {"scale": "logits"},
        {"weights": WEIGHTS},
        {"by": (SITE,)},
        {"largest_deviation": 0.5},
        {"label_deviation": 0.5},
        {"cluster": SITE},
        {"options": Options(base="2")},
        {"options": Options(bins=10)},
        {"options": Options(smoothing=0.1)},
        {"options": Options(top_k=(2,))},
        {"options": Options(missing="drop")},
    ],
    ids=str,
)
def test_states_of_different_plans_are_not_added(change):
    with pytest.raises(ValueError, match="different plans"):
        State.empty(PLAN) + State.empty(replace(PLAN, **change))


def test_where_the_files_lie_is_no_part_of_the_plan_of_a_state():
    elsewhere = replace(PLAN, columns=("p_a", "p_b", "p_c"), label_columns=("y",), keys=(("id", "id"),))
    assert State.empty(PLAN) + State.empty(elsewhere) == State.empty(PLAN)


def test_a_state_of_many_rows_stays_small():
    """But for the histograms, whose cells are as many as there are places, it has a few sums."""
    random = np.random.default_rng(1)
    p = random.random((3, 200_000))
    batch = Batch(np.arange(200_000), p / p.sum(axis=0), random.integers(0, 3, 200_000))
    state = state_of(PLAN, batch)
    assert len(pickle.dumps(replace(state, forecasts={}, tail=Tail()))) < 5000
    assert len(pickle.dumps(state)) < 100_000
