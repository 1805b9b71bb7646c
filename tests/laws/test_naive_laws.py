"""A scorer in plain Python, row by row and with a loop for everything, says what celoss says under any mixture of options."""

import math
import random
from dataclasses import dataclass, field

import pyarrow as pa
import pytest

import celoss

NAMES = ["ant", "bee", "cat", "dog"]
UNITS = {"e": 1.0, "2": math.log(2), "10": math.log(10)}
LOGIT = {0.0: -math.inf, 1.0: math.inf}


@dataclass
class Case:
    """Rows with their options, and what they are worth. task: one (column), binary, multiclass, soft or multilabel."""

    task: str
    scale: str
    names: list[str]
    p: list[list[float]]
    t: list[list[float]]
    weights: list[float] | None
    sites: list[str]
    gone: set[int]
    filled: set[int]
    options: dict = field(default_factory=dict)

    @property
    def hard(self):
        return self.task in ("one", "binary", "multiclass")


def drawn(seed):
    chance = random.Random(seed)
    task = chance.choice(["one", "binary", "multiclass", "soft", "multilabel"])
    k = {"one": 1, "binary": 2}.get(task) or chance.choice([3, 4])
    n = chance.choice([1, 2, 3, 7, 20])
    independent = task in ("one", "multilabel")
    p = [[chance.choice([0.0, 0.5, chance.random(), chance.random(), float(independent)]) for _ in range(k)] for _ in range(n)]
    p = p if independent else [shares(row) for row in p]
    scale = chance.choice(["probs", "probs", "logits", "logprobs"])
    case = Case(task, scale, NAMES[:k] if k > 1 else ["p"], p, labels(chance, task, max(k, 2), n), None, [], set(), set())
    case.sites = [chance.choice(["x", "y", ""]) for _ in range(n)]
    if chance.random() < 0.5:
        case.weights = [chance.choice([0.0, 1.0, 2.0, chance.random()]) for _ in range(n)]
    missing = chance.choice(["error", "drop", "uniform"])
    for row in range(n):
        if missing != "error" and task != "multilabel" and chance.random() < 0.2:
            (case.gone if missing == "drop" else case.filled).add(row)
    case.options = options_of(chance, case, missing, max(k, 2))
    return case


def shares(values):
    return [one / sum(values) for one in values] if sum(values) else [1.0 / len(values)] * len(values)


def labels(chance, task, k, n):
    if task == "multilabel":
        cell = chance.choice([lambda: float(chance.randrange(2)), chance.random])
        return [[cell() for _ in range(k)] for _ in range(n)]
    if task == "soft":
        return [shares([chance.choice([0.0, 1.0, chance.random()]) for _ in range(k)]) for _ in range(n)]
    true = [chance.randrange(k) for _ in range(n)]
    return [[float(index == one) for index in range(k)] for one in true]


def options_of(chance, case, missing, k):
    options = {"missing": missing, "base": chance.choice(["e", "e", "2", "10"]), "by": "site"}
    options["smoothing"] = chance.choice([0.0, 0.0, 0.1, 1.0])
    options["eps"] = chance.choice([2.0**-52, 0.0, 1e-3, 0.3] if case.scale == "probs" else [0.0, 1e-3])
    if case.task == "multilabel":
        options["reduce_labels"] = chance.choice(["mean", "sum"])
    if case.hard:
        options["ties"] = chance.choice(["fraction", "first"])
        options["top_k"] = chance.sample(range(1, k + 1), chance.choice([0, 1, 2]))
        names = case.names if k == len(case.names) else ["0", "1"]
        options["class_weights"] = chance.choice([None, "balanced", {chance.choice(names): chance.choice([0.5, 3.0])}])
    return options


def inputs(case, order):
    """Predictions on their scale, and labels in another order."""
    n = len(case.p)

    def written(value):
        if case.scale == "logits" and case.task in ("one", "multilabel"):
            return LOGIT[value] if value in LOGIT else math.log(value / (1 - value))
        return value if case.scale == "probs" else math.log(value) if value else -math.inf

    unknown = case.gone | case.filled
    predictions = {"id": list(range(n)), "site": case.sites}
    for index, name in enumerate(case.names):
        predictions[name] = [math.nan if row in unknown and index == 0 else written(case.p[row][index]) for row in range(n)]
    truth = {"id": order}
    if case.hard:
        names = case.names if len(case.names) > 1 else ["0", "1"]
        truth["label"] = [names[case.t[row].index(1.0)] for row in order]
    else:
        truth |= {f"{name} true": [case.t[row][index] for row in order] for index, name in enumerate(case.names)}
    if case.weights:
        truth["w"] = [case.weights[row] for row in order]
    return pa.table(predictions), pa.table(truth)


# --- the naive scorer -------------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """What one row is worth: losses in nats, credits, the shares of its label as they enter the loss."""

    loss: float
    entropy: float
    correct: float
    brier: float
    shares: list[float]
    top: dict[int, float]


def entropy(values):
    return -math.fsum(one * math.log(one) for one in values if one > 0)


def cross_entropy(t, p, eps):
    floor = -math.log(eps) if eps else math.inf
    return math.fsum(a * min(-math.log(b) if b else math.inf, floor) for a, b in zip(t, p, strict=True) if a)


def scored(case, row):
    options, t, p = case.options, case.t[row], case.p[row]
    if row in case.filled:
        p = [0.5] if case.task == "one" else [1 / len(p)] * len(p)
    p = [1 - p[0], p[0]] if case.task == "one" else p
    amount = options["smoothing"]
    if case.task == "multilabel":
        smooth = [(1 - amount) * one + amount / 2 for one in t]
        k = len(t)
        loss = math.fsum(cross_entropy([1 - a, a], [1 - b, b], options["eps"]) for a, b in zip(smooth, p, strict=True)) / k
        # Only losses are those of smoothed labels.
        right = [0.5 if 0.5 in (a, b) else float((a > 0.5) == (b > 0.5)) for a, b in zip(t, p, strict=True)]
        brier = math.fsum((a - b) ** 2 for a, b in zip(t, p, strict=True))
        return Row(loss, math.fsum(entropy([one, 1 - one]) for one in smooth) / k, math.fsum(right) / k, brier, smooth, {})
    smooth = [(1 - amount) * one + amount / len(t) for one in t]
    at_top = [index for index, one in enumerate(p) if one == max(p)]
    likely = [index for index, one in enumerate(t) if one == max(t)]
    correct = len(set(at_top) & set(likely)) / (len(at_top) * len(likely))
    brier = math.fsum((a - b) ** 2 for a, b in zip(t, p, strict=True))
    top = {}
    if case.hard:
        true = likely[0]
        first = options["ties"] == "first"
        correct = float(at_top[0] == true) if first else correct
        larger, equal = sum(one > p[true] for one in p), sum(one == p[true] for one in p)
        before = sum(one == p[true] for one in p[:true])
        for size in options["top_k"]:
            top[size] = float(larger + before < size) if first else min(max(size - larger, 0), equal) / equal
    return Row(cross_entropy(smooth, p, options["eps"]), entropy(smooth), correct, brier, smooth, top)


def weights_of(case, rows):
    own = {row: case.weights[row] if case.weights else 1.0 for row in rows}
    given = case.options.get("class_weights")
    if given is None:
        return own
    true = {row: case.t[row].index(1.0) for row in rows}
    names = case.names if len(case.names) > 1 else ["0", "1"]
    if given != "balanced":
        return {row: weight * given.get(names[true[row]], 1.0) for row, weight in own.items()}
    totals = {one: math.fsum(own[row] for row in rows if true[row] == one) for one in true.values()}
    present = sum(total > 0 for total in totals.values())
    return {row: w * math.fsum(own.values()) / (present * totals[true[row]]) if w else 0.0 for row, w in own.items()}


def metrics(case, found, weights):
    """The metrics and the standard error of the loss over the rows that have a weight; None where there is none."""
    total = math.fsum(weights.values())
    if not total:
        return None
    rows = [row for row, weight in weights.items() if weight]
    unit = (len(case.names) if case.options.get("reduce_labels") == "sum" else 1) / UNITS[case.options["base"]]

    def mean(value):
        return math.fsum(weights[row] * value(found[row]) for row in rows) / total

    loss = mean(lambda one: one.loss)
    k = len(found[rows[0]].shares)
    frequencies = [mean(lambda one, index=index: one.shares[index]) for index in range(k)]
    independent = case.task == "multilabel"
    reference = math.fsum(entropy([one, 1 - one]) for one in frequencies) / k if independent else entropy(frequencies)
    values = {
        "log_loss": loss * unit,
        "label_entropy": mean(lambda one: one.entropy) * unit,
        "kl_divergence": mean(lambda one: one.loss - one.entropy) * unit,
        "accuracy": mean(lambda one: one.correct),
        "brier_sum": mean(lambda one: one.brier),
        "brier": mean(lambda one: one.brier) / (k if independent else 2 if k == 2 else 1),
        "reference_log_loss": reference * unit,
    }
    for size in case.options.get("top_k", ()):
        values[f"top_{size}_accuracy"] = mean(lambda one, size=size: one.top[size])
    error = None
    if len(rows) > 1 and math.isfinite(loss):
        spread = math.fsum(weights[row] ** 2 * (found[row].loss - loss) ** 2 for row in rows)
        error = math.sqrt(spread * len(rows) / (len(rows) - 1)) / total * unit
    return values, error


def near(value):
    return None if value is None else pytest.approx(value, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("seed", range(120))
def test_a_naive_scorer_says_the_same(seed):
    case = drawn(seed)
    n = len(case.p)
    live = [row for row in range(n) if row not in case.gone]
    if not live or (case.weights and not any(case.weights[row] for row in live)):
        pytest.skip("no row is left")
    chance = random.Random(-seed - 1)
    order = chance.sample(range(n), n)
    task = "binary" if case.task == "one" else case.task
    said = {"id": "id", "pred": case.names, "scale": case.scale, "task": task, "weights": "w" if case.weights else None}
    said["label"] = ["label"] if case.hard else [f"{name} true" for name in case.names]
    said["positive"] = "1" if case.task == "one" else None
    report = celoss.evaluate(*inputs(case, order), **said, **case.options, batch_rows=chance.choice([1, 3, 65536]))
    found, weights = {row: scored(case, row) for row in live}, weights_of(case, live)
    values, error = metrics(case, found, weights)
    for name, value in values.items():
        assert report.metrics[name] == near(value), name
    assert report.standard_errors["log_loss"] == near(error)
    counts = report.row_counts
    assert (counts.read, counts.scored, counts.dropped, counts.filled) == (n, len(live), len(case.gone), len(case.filled))
    assert report.effective_rows == near(math.fsum(weights.values()) ** 2 / math.fsum(w * w for w in weights.values()))
    for group in report.groups:
        rows = [row for row in live if case.sites[row] == group.value]
        assert group.rows == len(rows)
        expected = metrics(case, found, {row: weights[row] for row in rows})
        for name, value in expected[0].items() if expected else ():
            assert group.metrics[name] == near(value), name
        assert expected is not None or group.metrics["log_loss"] is None
    unit = values["log_loss"] and (len(case.names) if case.options.get("reduce_labels") == "sum" else 1)
    losses = [found[row].loss * (unit or 1) / UNITS[case.options["base"]] for row in live]
    assert report.rows["loss"].tolist() == near(losses)
    assert report.rows["correct"].tolist() == near([found[row].correct for row in live])
