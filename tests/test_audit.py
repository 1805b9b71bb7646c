"""The audit: columns and rows that look swapped are told, with what the loss would be; honest forecasts stay without a note."""

from __future__ import annotations

import itertools
import math
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import celoss
from celoss import standing, swaps
from celoss.kernels import DEFAULT_EPS
from celoss.shifts import SHIFTS, Rows, Shifts
from celoss.standing import Standing
from celoss.swaps import Differences, LossTable, candidates, least_z, next_of, proven

CLASSES = ["cat", "dog", "fox", "owl"]


def forecasts(seed, n=300, k=4, deviation=2.0):
    """Calibrated probabilities (n, k), and labels drawn from them."""
    rng = np.random.default_rng(seed)
    p = np.exp(deviation * rng.standard_normal((n, k)))
    p /= p.sum(axis=1, keepdims=True)
    return p, (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(max=k - 1)


def notes(*inputs, **options):
    return [note for note in celoss.evaluate(*inputs, **options).notes if note.code == "N12"]


def said(*inputs, **options):
    (note,) = notes(*inputs, **options)
    return note.message


def table(p, names=CLASSES):
    return pd.DataFrame(p, columns=names[: p.shape[1]])


def labels(codes, names=CLASSES):
    return pd.DataFrame({"label": np.array(names)[codes]})


def mean_loss(p, codes):
    return float(-np.log(p[np.arange(len(codes)), codes]).mean())


def swapped(p, first, second):
    order = np.arange(p.shape[1])
    order[[first, second]] = second, first
    return p[:, order]


# --- what is found ------------------------------------------------------------------------------------------------------


def test_two_swapped_columns_are_named_with_the_losses_of_their_rows():
    p, y = forecasts(1)
    moved = np.isin(y, [0, 2])
    assert said(table(swapped(p, 0, 2)), labels(y)) == (
        f'columns "cat" and "fox" look swapped; on their rows the loss of {mean_loss(swapped(p, 0, 2)[moved], y[moved]):.3g} '
        f"would be {mean_loss(p[moved], y[moved]):.3g}"
    )
    assert notes(table(swapped(p, 0, 2)), labels(y))[0].count == moved.sum()


def test_of_a_rotation_each_column_is_named_with_the_class_that_it_holds():
    p, y = forecasts(2)
    assert said(table(p[:, [1, 2, 0, 3]]), labels(y)).startswith(
        'columns "cat", "fox", "dog" look rotated: "fox" holds what belongs to "cat", "dog" holds what belongs to "fox", '
        '"cat" holds what belongs to "dog"; on their rows the loss of '
    )


def test_two_swaps_and_a_swap_beside_a_rotation_are_told_in_one_note():
    p, y = forecasts(3)
    assert said(table(p[:, [1, 0, 3, 2]]), labels(y)).startswith(
        'columns "cat" and "dog", "fox" and "owl" look swapped; on their rows'
    )
    names = ["a", "b", "c", "d", "e"]
    p, y = forecasts(4, k=5)
    assert said(table(p[:, [1, 0, 3, 4, 2]], names), labels(y, names)).startswith(
        'columns "a", "b", "c", "e" and 1 more look permuted: "b" holds what belongs to "a", "a" holds what belongs to "b", '
        '"e" holds what belongs to "c", "d" holds what belongs to "e" and 1 more; on their rows'
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"base": 2},
        {"eps": 0.05},
        {"class_weights": {"yes": 2.0, "no": 0.5}},
        {"convention": "keras"},
        {"weights": "w"},
        {"class_weights": "balanced", "weights": "w", "base": 10},
    ],
    ids=str,
)
def test_a_single_column_of_the_other_class_is_told_with_the_option_that_gives_the_loss(tmp_path, options):
    p, y = forecasts(5, k=2)
    weights = np.random.default_rng(5).integers(1, 4, len(y))
    pd.DataFrame({"score": p[:, 0]}).to_csv(tmp_path / "p.csv", index=False)
    pd.DataFrame({"won": np.array(["no", "yes"])[y], "w": weights}).to_csv(tmp_path / "l.csv", index=False)
    files = [str(tmp_path / "p.csv"), str(tmp_path / "l.csv")]
    options = {"label": "won", **options}
    now, other = (celoss.evaluate(*files, positive=one, **options).log_loss for one in (None, "no"))
    assert other < now
    assert said(*files, **options) == (
        f'"score" looks like the probability of "no", not of "yes": log loss {now:.3g} would be {other:.3g} with --positive no'
    )
    assert notes(*files, positive="no", **options) == []


@pytest.mark.parametrize("shift", SHIFTS)
def test_rows_that_are_shifted_are_told_with_the_loss_of_the_right_rows(shift):
    p, y = forecasts(6)
    labelled = np.arange(max(shift, 0), len(y) + min(shift, 0))
    right = mean_loss(p[labelled], y[labelled])
    moved = np.roll(p, -shift, axis=0)
    rows = "one row" if abs(shift) == 1 else f"{abs(shift)} rows"
    message = (
        f"predictions look shifted by {rows} against the labels: log loss {mean_loss(moved, y):.3g} would be {right:.3g} "
        f"if row {max(1, 1 - shift)} of the predictions belonged to row {max(1, 1 + shift)} of the labels"
    )
    # Labels that are shifted the other way are a permutation of classes by chance at most.
    assert said(table(moved), labels(y)) == message
    assert notes(table(moved), labels(y))[0].count == len(labelled)


@pytest.mark.parametrize("inputs", ["by id", "one file"])
def test_rows_that_are_not_matched_by_position_are_not_said_to_be_shifted(inputs):
    p, y = forecasts(6)
    left, right = table(np.roll(p, 1, axis=0)), labels(y)
    ids = [f"r{row}" for row in range(len(y))]
    if inputs == "by id":
        assert notes(left.assign(id=ids), right.assign(id=ids)) == []
    else:
        assert notes(left.assign(label=right["label"])) == []


def test_rows_that_were_left_out_do_not_shift_the_others():
    p, y = forecasts(7)
    moved = np.roll(p, -1, axis=0)
    moved[::10] = np.nan
    kept = np.setdiff1d(np.arange(1, len(y)), np.arange(0, len(y), 10))
    # Row r of the labels belongs to row r − 1 of the predictions, which is there.
    pairs = np.setdiff1d(kept, kept[(kept - 1) % 10 == 0])
    (note,) = notes(table(moved), labels(y), missing="drop")
    assert note.count == len(pairs)
    assert f"would be {mean_loss(p[pairs], y[pairs]):.3g} if row 1" in note.message


def test_the_check_up_and_each_of_several_predictions_have_the_note_too():
    p, y = forecasts(8)
    wrong, right = table(swapped(p, 0, 1)), labels(y)
    expected = notes(wrong, right)
    assert len(expected) == 1
    assert [note for note in celoss.check(wrong, right).notes if note.code == "N12"] == expected
    each = celoss.evaluate_each([wrong, table(p)], right)
    assert [[note for note in one.notes if note.code == "N12"] for one in each] == [expected, []]


def test_no_number_is_changed(monkeypatch):
    p, y = forecasts(9)
    wrong, right = table(swapped(p, 0, 1)), labels(y)
    audited = celoss.evaluate(wrong, right).to_dict()
    assert [note["code"] for note in audited["notes"]] == ["N12"]
    monkeypatch.setattr(standing, "LEAST_ROWS", 10**9)
    assert celoss.evaluate(wrong, right).to_dict() == {**audited, "notes": []}


def test_one_hot_labels_and_meanings_can_be_what_is_swapped():
    p, y = forecasts(10, k=3)
    hot = pd.DataFrame(np.eye(3, dtype=int)[y], columns=CLASSES[:3])
    assert said(table(swapped(p, 0, 1)), hot).startswith('columns or labels "cat" and "dog" look swapped; ')
    numbers = pd.DataFrame({"label": y})
    meanings = {0: "dog", 1: "cat", 2: "fox"}
    assert said(table(p), numbers, classes=meanings).startswith('columns or labels "cat" and "dog" look swapped; ')
    assert notes(table(p), numbers, classes={0: "cat", 1: "dog", 2: "fox"}) == []


def test_the_columns_have_the_names_of_the_file():
    p, y = forecasts(11, k=3)
    names = ["p_cat", "p_dog", "p_fox"]
    assert said(table(swapped(p, 0, 1), names), labels(y)).startswith('columns "p_cat" and "p_dog" look swapped; ')
    rotated = said(table(p[:, [1, 2, 0]], names), labels(y))
    assert '"p_fox" holds what belongs to "cat"' in rotated


def test_of_the_long_form_classes_are_swapped():
    p, y = forecasts(12, k=3)
    ids = np.repeat(np.arange(len(y)), 3)
    kinds = np.tile(["dog", "cat", "fox"], len(y))
    cases = pd.DataFrame({"id": ids, "class": kinds, "p": p.ravel()})
    right = labels(y).assign(id=np.arange(len(y)))
    assert said(cases, right, id="id", long=True).startswith('classes "cat" and "dog" look swapped; ')


@pytest.mark.parametrize("scale", ["logits", "logprobs"])
def test_logits_and_logarithms_are_audited_as_the_probabilities_that_they_are(scale):
    p, y = forecasts(13, k=3)
    values = np.log(p) + (np.arange(len(p))[:, None] % 7 if scale == "logits" else 0.0)
    expected = said(table(swapped(p, 0, 1)), labels(y))
    assert said(table(swapped(values, 0, 1)), labels(y), scale=scale) == expected


# --- what is not said ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3, 10])
@pytest.mark.parametrize("deviation", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("sharpness", [0.3, 1.0, 3.0])
def test_honest_forecasts_have_no_note(k, deviation, sharpness):
    names = list("abcdefghij")
    for seed in range(6):
        p, y = forecasts(100 + seed, n=120, k=k, deviation=deviation)
        stated = p**sharpness / (p**sharpness).sum(axis=1, keepdims=True)
        assert notes(table(stated, names), labels(y, names)) == []


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 8),
    st.integers(2, 60),
    st.floats(0.05, 4.0),
    st.lists(st.floats(-3.0, 3.0), min_size=8, max_size=8),
)
def test_labels_that_are_drawn_from_the_forecasts_give_no_note(seed, k, n, deviation, centres):
    rng = np.random.default_rng(seed)
    p = np.exp(np.array(centres[:k]) + deviation * rng.standard_normal((n, k)))
    p /= p.sum(axis=1, keepdims=True)
    y = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(max=k - 1)
    names = list("abcdefgh")
    assert notes(table(p, names), labels(y, names)) == []


def test_a_forecaster_that_only_overrates_a_rare_class_has_no_note():
    # The odds of the rare class are 500 times what they should be: the other column would have a much smaller loss.
    rng = np.random.default_rng(14)
    logit = np.log(0.05 / 0.95) + rng.standard_normal(3000)
    y = (rng.random(3000) < 1.0 / (1.0 + np.exp(-logit))).astype(int)
    p = 1.0 / (1.0 + np.exp(-logit - math.log(500.0)))
    both = np.column_stack([1.0 - p, p])
    assert mean_loss(both[:, ::-1], y) < mean_loss(both, y) / 3.0
    assert notes(table(both, ["no", "yes"]), labels(y, ["no", "yes"])) == []


def test_forecasts_that_know_nothing_have_no_note():
    for seed in range(10):
        p, y = forecasts(200 + seed)
        assert notes(table(p), labels(np.random.default_rng(seed).permutation(y))) == []


def test_few_rows_prove_nothing():
    p, y = np.array([[0.1, 0.9], [0.9, 0.1]] * 7), np.array([0, 1] * 7)
    assert notes(p, y) == []
    # 2^-15 is the first that is below the tail of the normal distribution from 4 on: 3.2e-5.
    assert 2.0**-15 < 0.5 * math.erfc(4.0 / math.sqrt(2.0)) < 2.0**-14
    more = np.vstack([p, [[0.1, 0.9]]]), np.append(y, 0)
    assert "look swapped" in said(*more)


def test_soft_independent_and_smoothed_labels_are_not_audited():
    p, y = forecasts(15, k=3)
    wrong, hot = table(swapped(p, 0, 1)), np.eye(3)[y]
    assert notes(wrong, labels(y), smoothing=0.1) == []
    assert notes(wrong, pd.DataFrame(0.9 * hot + 0.1 / 3.0, columns=CLASSES[:3]), task="soft") == []
    assert notes(wrong, pd.DataFrame(hot.astype(int), columns=CLASSES[:3]), task="multilabel") == []


def test_more_than_two_hundred_classes_are_not_audited():
    k = standing.MOST_CLASSES + 1
    for count in (k, k - 1):
        y = np.repeat(np.arange(count), 2)
        p = np.full((len(y), count), 0.1 / (count - 1))
        p[np.arange(len(y)), (y + 1) % count] = 0.9
        names = [f"c{code:03}" for code in range(count)]
        assert bool(notes(table(p, names), labels(y, names))) == (count < k)


def test_files_that_change_after_they_were_scored_have_no_note(tmp_path, monkeypatch):
    from celoss import pipeline

    p, y = forecasts(16)
    table(swapped(p, 0, 1)).to_csv(tmp_path / "p.csv", index=False)
    labels(y).to_csv(tmp_path / "l.csv", index=False)
    files = [str(tmp_path / "p.csv"), str(tmp_path / "l.csv")]
    expected = celoss.evaluate(*files).log_loss
    decide = pipeline.suspicion

    def removing(*arguments):
        os.remove(files[0])
        return decide(*arguments)

    monkeypatch.setattr(pipeline, "suspicion", removing)
    report = celoss.evaluate(*files)
    assert report.log_loss == expected
    assert report.notes == ()


# --- infinite losses and weights ----------------------------------------------------------------------------------------


def test_an_infinite_loss_that_would_be_finite_is_told():
    p, y = forecasts(17, k=2)
    p[0], y[0] = (0.0, 1.0), 1
    wrong = table(swapped(p, 0, 1))
    moved = mean_loss(p, y)
    assert said(wrong, labels(y), eps=0) == (
        f'columns "cat" and "dog" look swapped; on their rows the loss of inf would be {moved:.3g}'
    )


def test_rows_without_weight_do_not_count():
    p, y = forecasts(18, k=3)
    wrong = swapped(p, 0, 1)
    weights = np.ones(len(y))
    weights[100:] = 0.0
    all_rows = said(table(wrong[:100]), labels(y[:100]))
    # Beyond row 100 everything is right, and has no weight.
    wrong[100:] = p[100:]
    assert said(table(wrong), labels(y).assign(w=weights), weights="w", label="label") == all_rows
    assert notes(table(wrong), labels(y)) == []


def test_whole_weights_are_as_many_rows_to_the_losses():
    p, y = forecasts(19, k=3)
    wrong = swapped(p, 0, 1)
    times = np.random.default_rng(19).integers(1, 4, len(y))
    weighted = said(table(wrong), labels(y).assign(w=times), weights="w", label="label")
    repeated = said(table(np.repeat(wrong, times, axis=0)), labels(np.repeat(y, times)))
    assert weighted == repeated


# --- order and batches ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 7, 64])
def test_the_size_of_the_batches_changes_no_note(batch_rows):
    p, y = forecasts(20, n=60)
    for wrong in (swapped(p, 0, 1), np.roll(p, 2, axis=0)):
        expected = notes(table(wrong), labels(y))
        assert len(expected) == 1
        assert notes(table(wrong), labels(y), batch_rows=batch_rows) == expected


def test_the_order_of_rows_changes_no_bit_of_the_table_and_the_differences():
    p, y = forecasts(21)
    losses, order = -np.log(p.T), np.random.default_rng(21).permutation(len(y))
    weights = np.random.default_rng(22).random(len(y))
    for w in (None, weights):
        found = []
        for rows in (np.arange(len(y)), order):
            sums, differences = LossTable(4), Differences(np.array([1, 2, 0, 3]))
            for part in np.array_split(rows, 5):
                for one in (sums, differences):
                    one.add(np.ascontiguousarray(losses[:, part]), y[part], None if w is None else w[part])
            found.append((sums.sums().tolist(), differences.by_class))
        assert found[0] == found[1]


# --- the formulas --------------------------------------------------------------------------------------------------------


def test_the_table_has_the_loss_of_every_column_by_true_class():
    p, y = forecasts(23, k=3)
    weights = np.random.default_rng(23).random(len(y))
    sums = LossTable(3)
    sums.add(-np.log(p.T), y, weights)
    expected = [[math.fsum(-weights[y == a] * np.log(p[y == a, b])) for b in range(3)] for a in range(3)]
    assert sums.sums() == pytest.approx(np.array(expected), rel=1e-14)


def test_an_infinite_cell_of_the_table_is_one_with_weight():
    losses = np.array([[0.5, np.inf], [np.inf, 0.25]])
    sums = LossTable(2)
    sums.add(losses, np.array([0, 1]), np.array([1.0, 0.0]))
    assert sums.sums().tolist() == [[0.5, math.inf], [0.0, 0.0]]


def test_differences_are_cut_where_a_loss_is_above_that_of_the_default_floor():
    differences = Differences(np.array([1, 0]))
    differences.add(np.array([[1e30, 2.0], [1.0, np.inf]]), np.array([0, 1]), None)
    least = -math.log(DEFAULT_EPS)
    found = {code: float(sums.v / sums.w) for code, sums in differences.by_class.items()}
    assert found == pytest.approx({0: least - 1.0, 1: least - 2.0}, rel=1e-15)


def test_the_standing_is_that_of_the_formulas():
    p, y = forecasts(24, k=3)
    w = np.random.default_rng(24).integers(1, 3, len(y)).astype(float)
    loss = -np.log(p[np.arange(len(y)), y])
    sums = [np.bincount(y, weights=values, minlength=3) for values in (w, w**2, w * loss)]
    found = Standing.of(np.bincount(y), *sums, float(((w * loss) ** 2).sum()))
    shares = sums[0] / w.sum()
    means = sums[2] / sums[0]
    variance = (((w * loss) ** 2).sum() - (sums[1] * means**2).sum()) / (w**2).sum()
    assert found.base == pytest.approx(-sums[0] * np.log(shares))
    assert found.margin == pytest.approx(np.sqrt((1 + 2 * math.log(1.5)) * variance * sums[1]))
    assert found.all_margin == pytest.approx(math.sqrt(variance * (w**2).sum()))
    assert found.excess == pytest.approx(sums[2] - found.base - found.margin)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0.0, 8.0)), min_size=2, max_size=6))
def test_without_a_reason_to_look_no_two_or_more_classes_together_are_worse_than_the_base_rate(classes):
    rows = np.array([count for count, _ in classes])
    if not rows.sum():
        return
    loss = rows * np.array([mean for _, mean in classes])
    weight = rows.astype(float)
    found = Standing.of(rows, weight, weight, loss, float((weight * (loss / np.maximum(weight, 1.0)) ** 2).sum()) + 1.0)
    if found.may_be_swapped or rows.sum() < standing.LEAST_ROWS:
        return
    present = np.flatnonzero(rows)
    groups = itertools.chain.from_iterable(itertools.combinations(present, size) for size in range(2, len(present) + 1))
    assert all(found.excess[list(group)].sum() <= 1e-9 for group in groups)


def test_what_is_said_is_always_looked_for():
    # Of every forecaster whose columns are found when the rows are read anyway, the sums alone give the reason to read them.
    said_without_reason = looked_for = 0
    for seed in range(300):
        k = 2 + seed % 4
        p, y = forecasts(1000 + seed, n=40 + seed % 60, k=k, deviation=0.3 + 0.02 * (seed % 100))
        losses = -np.log(swapped(p, 0, 1).T)
        rows = np.bincount(y, minlength=k)
        own = losses[y, np.arange(len(y))]
        found = Standing.of(rows, rows * 1.0, rows * 1.0, np.bincount(y, own, minlength=k), float((own**2).sum()))
        sums = LossTable(k)
        sums.add(losses, y, None)
        cycles = candidates(found, sums.sums())
        said_without_reason += bool(cycles) and not found.may_be_swapped
        looked_for += bool(cycles)
    assert (said_without_reason, looked_for > 100) == (0, True)


def test_more_cycles_that_could_be_ask_for_more_standard_errors():
    for k, moved in [(2, 2), (3, 2), (3, 3), (5, 4), (6, 6)]:
        # A cycle is an order of its classes that begins with the first of them.
        cycles = sum(one[0] == min(one) for one in itertools.permutations(range(k), moved))
        assert least_z(moved, k) == pytest.approx(math.sqrt(16.0 + 2.0 * math.log(cycles)))


def test_the_best_assignment_is_that_of_all_permutations():
    rng = np.random.default_rng(25)
    for k in (2, 3, 4, 5):
        for _ in range(20):
            losses = rng.random((k, k))
            best = min(itertools.permutations(range(k)), key=lambda to: sum(losses[code, to[code]] for code in range(k)))
            assert swaps._best(losses).tolist() == list(best)


def test_scipy_is_not_asked_where_no_column_is_better_than_the_own(monkeypatch):
    import scipy.optimize

    monkeypatch.setattr(scipy.optimize, "linear_sum_assignment", None)
    assert swaps._best(np.array([[1.0, 1.0, 2.0], [3.0, 1.0, 2.0], [3.0, 1.0, 1.0]])).tolist() == [0, 1, 2]
    assert swaps._best(np.array([[2.0, 1.0], [1.0, 1.5]])).tolist() == [1, 0]


def test_the_next_of_a_cycle_has_the_column_of_a_class():
    assert next_of([(0, 2), (1, 4, 3)], 6).tolist() == [2, 4, 0, 1, 3, 5]


def test_a_class_without_rows_can_be_in_a_cycle_with_two_others():
    p, y = forecasts(26)
    kept = y != 3
    # The column of owl, which no label is, went among the others.
    message = said(table(p[kept][:, [3, 0, 1, 2]]), labels(y[kept]))
    assert 'look rotated: "dog" holds what belongs to "cat"' in message
    # Of one class with rows alone nothing is said: it can be one that is taken for another.
    only = swapped(p, 0, 3)[np.isin(y, [0, 1, 2])]
    assert notes(table(only), labels(y[kept])) == []


def test_shifted_pairs_are_those_of_the_formula():
    p, y = forecasts(27, n=50, k=3)
    losses, weights = -np.log(p.T), np.random.default_rng(27).random(50)
    for size in (1, 2, 4, 50):
        found = Shifts()
        for start in range(0, 50, size):
            part = slice(start, start + size)
            found.add(Rows(np.arange(50)[part], losses[:, part], y[part], weights[part]))
        for one, shift in zip(found._all, SHIFTS, strict=True):
            label = np.arange(max(0, shift), 50 + min(0, shift))
            expected = np.average(losses[y[label], label - shift], weights=weights[label])
            assert (one.rows, one.loss) == (len(label), pytest.approx(expected, rel=1e-14))


def test_a_class_of_which_few_rows_are_alike_has_the_spread_of_the_others():
    # Two rows that happen to differ alike would have no error of their own.
    by_class = Differences(np.array([1, 0]))
    losses = np.array([[5.0, 1.0, 3.0, 3.5] * 10 + [1.0, 1.0], [1.0, 2.0, 1.0, 1.0] * 10 + [1.5, 1.5]])
    codes = np.array([0] * 40 + [1] * 2)
    by_class.add(losses, codes, None)
    first = (losses[0] - losses[1])[:40]
    variance = first.var(ddof=1)
    pooled = variance * 39 / 40
    mean, error = swaps._balanced([by_class.by_class[0], by_class.by_class[1]])
    assert mean == pytest.approx(first.mean() + 0.5)
    assert error == pytest.approx(math.sqrt(variance / 40 + pooled / 2))


def test_nothing_is_proven_by_one_row():
    by_class = Differences(np.array([1, 0]))
    losses, codes = np.array([[5.0], [1.0]]), np.array([0])
    by_class.add(losses, codes, None)
    rows = np.array([1, 0])
    found = Standing.of(rows, rows * 1.0, rows * 1.0, np.array([5.0, 0.0]), 25.0)
    assert proven([(0, 1)], found, np.array([[5.0, 1.0], [0.0, 0.0]]), by_class.by_class) == ()
