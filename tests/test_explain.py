"""`celoss explain`: the worst rows are those that sorting finds, one row adds up, other tools' rules are those of `--as`."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from celoss import CelossError, evaluate, explain
from celoss.conventions import CONVENTIONS
from celoss.exact import UNITS_PER_ONE
from celoss.explaining import Explanation, OneRow, tail
from celoss_cli.render import shown
from celoss_cli.render.explain import render
from tests.conftest import Ran
from tests.test_house import imported_by_command

SAMPLES = {
    "one column": ("sample_data/nba_preds.csv", "sample_data/nba_labels.csv"),
    "three columns": ("sample_data/worldcup_preds.csv", "sample_data/worldcup_labels.csv"),
    "ten columns": ("sample_data/digits_preds.parquet", "sample_data/digits_labels.csv"),
    "one file": ("sample_data/worldcup_matches.csv", None),
}
CLASSES = ["cat", "dog", "owl"]


def strict(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


SCHEMA = strict((files("celoss_cli") / "schema" / "explain.json").read_text("utf-8"))


def document(explanation: Explanation) -> dict[str, Any]:
    """The JSON document, which must fit the schema."""
    found: dict[str, Any] = strict(explanation.to_json())
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    return found


def close(expected: float) -> Any:
    """Equal but for the last bit, in which logarithms differ between processors."""
    return pytest.approx(expected, rel=4e-16, abs=0.0)


def random_pair(task: str, scale: str = "probs", rows: int = 200, seed: int = 7) -> tuple[pa.Table, pa.Table, dict[str, Any]]:
    """Predictions, labels and options of a task, with weights and an id in another order."""
    chance = np.random.default_rng(seed)
    logits = 3.0 * chance.standard_normal((rows, 3))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    sigmoids = 1.0 / (1.0 + np.exp(-logits))
    p = sigmoids if task in ("multilabel", "binary") else shares
    values = {"probs": p, "logits": logits, "logprobs": np.log(p)}[scale]
    ids = [f"r{row}" for row in range(rows)]
    order = chance.permutation(rows)
    labels: dict[str, Any] = {"id": ids}
    if task == "soft":
        t = chance.dirichlet([0.3, 0.3, 0.3], rows)
        labels |= {name: t[:, at] for at, name in enumerate(CLASSES)}
    elif task == "multilabel":
        labels |= {name: chance.integers(0, 2, rows) for name in CLASSES}
    elif task == "binary":
        labels["label"] = chance.choice(["no", "yes"], rows)
    else:
        labels["label"] = chance.choice(CLASSES, rows)
    columns = {"yes": values[:, 0]} if task == "binary" else {name: values[:, at] for at, name in enumerate(CLASSES)}
    options = {"id": "id", "scale": scale, "task": task, "label": CLASSES if task in ("soft", "multilabel") else "label"}
    options |= {"positive": "yes"} if task == "binary" else {}
    labels["w"] = chance.integers(0, 5, rows) / 4
    return pa.table({"id": ids, **columns}), pa.table(labels).take(pa.array(order)), options


TASKS = [
    ("binary", "probs"),
    ("binary", "logits"),
    ("multiclass", "probs"),
    ("multiclass", "logits"),
    ("multiclass", "logprobs"),
]
TASKS += [("soft", "probs"), ("soft", "logits"), ("multilabel", "probs"), ("multilabel", "logits")]

# --- the worst rows -------------------------------------------------------------------------------------------------------


def test_the_worst_rows_are_listed_with_their_share_of_all_loss(folder: Path) -> None:
    found = document(explain("preds.csv", "labels.csv", worst=2))
    # Probabilities of the true classes: 1/2, 1/2, 1/4, 1/2.
    total = 5 * math.log(2)
    assert [(one["rank"], one["row"], one["id"], one["line"], one["label"]) for one in found["worst"]["rows"]] == [
        (1, 3, "c", 4, "cat"),
        (2, 1, "a", 2, "cat"),
    ]
    first, second = found["worst"]["rows"]
    assert (first["predicted"], first["probability"], first["weight"]) == ("dog", 0.25, None)
    assert first["loss"] == close(math.log(4))
    assert first["share"] == first["running_share"] == pytest.approx(math.log(4) / total, rel=1e-15)
    assert second["running_share"] == pytest.approx(3 * math.log(2) / total, rel=1e-15)
    assert found["worst"]["carried"] == [{"percent": percent, "rows": 1, "share": first["share"]} for percent in (1, 10)]
    assert (found["kind"], found["rows"], found["log_loss"]) == ("worst", 4, evaluate("preds.csv", "labels.csv").log_loss)


def contributions(predictions: Any, labels: Any, **options: Any) -> list[tuple[float, int]]:
    """(weight · loss, row) of all rows, the worst first, from the rows of `evaluate`."""
    frame = evaluate(predictions, labels, **options).rows
    weights = frame["weight"] if "weight" in frame else [1.0] * len(frame)
    pairs = zip(frame["row"], frame["loss"], weights, strict=True)
    return sorted(((float(weight * loss), int(row)) for row, loss, weight in pairs), key=lambda one: (-one[0], one[1]))


def check_worst(explanation: Explanation, expected: list[tuple[float, int]]) -> None:
    found = document(explanation)["worst"]
    rows = found["rows"]
    assert [one["row"] for one in rows] == [row for _, row in expected[: len(rows)]]
    total = sum(map(Fraction, (size for size, _ in expected)), Fraction(0))
    running = Fraction(0)
    for one, (size, _) in zip(rows, expected, strict=False):
        running += Fraction(size)
        assert (one["share"], one["running_share"]) == (float(Fraction(size) / total), float(running / total))
    for one in found["carried"]:
        count = math.ceil(len(expected) * one["percent"] / 100)
        assert one["rows"] == count
        assert one["share"] == float(sum(map(Fraction, (size for size, _ in expected[:count])), Fraction(0)) / total)


@pytest.mark.parametrize("pair", SAMPLES)
def test_the_worst_rows_of_real_files_are_those_that_sorting_finds(pair: str, sample: Path) -> None:
    check_worst(explain(*SAMPLES[pair], worst=50), contributions(*SAMPLES[pair]))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("task", "scale"), TASKS)
def test_the_worst_rows_of_every_task_are_those_that_sorting_finds(task: str, scale: str, weighted: bool) -> None:
    predictions, labels, options = random_pair(task, scale)
    options |= {"weights": "w"} if weighted else {}
    check_worst(explain(predictions, labels, worst=30, **options), contributions(predictions, labels, **options))


@pytest.mark.parametrize("class_weights", [{"cat": 2.0, "dog": 0.5}, {"cat": 0.0}, "balanced"])
def test_a_class_weight_is_part_of_the_weight_of_a_row(class_weights: Any) -> None:
    predictions, labels, options = random_pair("multiclass")
    frame = evaluate(predictions, labels, weights="w", **options).rows
    if class_weights == "balanced":
        sums = frame.groupby("label")["weight"].sum()
        of_class = {name: sums.sum() / (3 * sums[name]) for name in CLASSES}
    else:
        of_class = {name: class_weights.get(name, 1.0) for name in CLASSES}
    frame["weight"] *= frame["label"].map(of_class)
    expected = (frame["weight"] * frame["loss"]).sort_values(ascending=False)
    found = document(explain(predictions, labels, weights="w", class_weights=class_weights, **options))["worst"]["rows"]
    assert [one["row"] - 1 for one in found] == list(expected.index[:10])
    assert [one["weight"] for one in found] == pytest.approx(list(frame["weight"][expected.index[:10]]), rel=1e-12)
    assert [one["share"] for one in found] == pytest.approx(list(expected[:10] / expected.sum()), rel=1e-12)


@pytest.mark.parametrize("kind", [{"worst": 7}, {"row": "r17"}, {"row": "#18"}, {"conventions": True}])
@pytest.mark.parametrize("task", ["binary", "multiclass", "soft", "multilabel"])
def test_the_size_of_a_batch_changes_nothing(task: str, kind: dict[str, Any]) -> None:
    predictions, labels, options = random_pair(task)
    # Many equal losses.
    names = [name for name in predictions.column_names if name != "id"]
    rounded = pa.table({"id": predictions["id"], **{name: np.round(predictions[name].to_numpy(), 1) for name in names}})
    texts = {explain(rounded, labels, batch_rows=rows, sum_tolerance=0.2, **kind, **options).to_json() for rows in (5, 65536)}
    assert len(texts) == 1


def test_of_equal_rows_the_first_come_first(folder: Path) -> None:
    predictions = [0.5, 0.25, 0.5, 0.25, 0.25, 0.75]
    worst = explain(predictions, [1] * 5 + [0], positive=1, worst=4, batch_rows=2).worst
    assert worst is not None
    assert [one.row for one in worst.rows] == [2, 4, 5, 6]


def test_more_rows_may_be_asked_for_than_there_are(folder: Path) -> None:
    worst = explain("preds.csv", "labels.csv", worst=1000).worst
    assert worst is not None
    assert [one.row for one in worst.rows] == [3, 1, 2, 4]
    assert worst.rows[-1].running_share == 1.0


def test_a_row_without_weight_contributes_nothing_even_where_its_loss_is_infinite(folder: Path) -> None:
    (folder / "preds.csv").write_text("id,cat,dog\na,0,1\nb,0.5,0.5\n")
    (folder / "labels.csv").write_text("id,animal,w\na,cat,0\nb,dog,1\n")
    found = document(explain("preds.csv", "labels.csv", weights="w", eps=0.0))
    assert [(one["id"], one["share"]) for one in found["worst"]["rows"]] == [("b", 1.0), ("a", 0.0)]
    assert found["non_finite"] == {"/worst/rows/1/loss": "Infinity"}


def test_infinite_losses_come_first_and_have_no_share(folder: Path) -> None:
    (folder / "preds.csv").write_text("id,cat,dog\na,0.5,0.5\nb,0,1\nc,0,1\n")
    (folder / "labels.csv").write_text("id,animal\na,cat\nb,cat\nc,cat\n")
    found = document(explain("preds.csv", "labels.csv", eps=0.0))
    assert [one["id"] for one in found["worst"]["rows"]] == ["b", "c", "a"]
    assert {one["share"] for one in found["worst"]["rows"]} == {None}
    assert [one["share"] for one in found["worst"]["carried"]] == [None, None]
    assert set(found["non_finite"]) == {"/log_loss", "/worst/rows/0/loss", "/worst/rows/1/loss"}


def test_where_no_row_has_a_loss_none_has_a_share() -> None:
    found = document(explain([1.0, 0.0], [1, 0]))["worst"]
    assert [(one["loss"], one["share"], one["running_share"]) for one in found["rows"]] == [(0.0, None, None)] * 2
    assert [one["share"] for one in found["carried"]] == [None, None]


# --- how much the largest carry -------------------------------------------------------------------------------------------

sizes = st.sampled_from([0.0, 5e-324, 1e-300, 0.1, 0.25, 0.25 + 2.0**-54, 2.0, 745.0]) | st.floats(0.0, 745.0)


class Repeated:
    """Values that can be read again and again, in blocks."""

    def __init__(self, values: list[float], block: int) -> None:
        self.blocks = [np.array(values[at : at + block]) for at in range(0, len(values), block)]
        self.readings = 0

    def into(self, make: Callable[[], Any]) -> tuple[None, Any]:
        self.readings += 1
        sink = make()
        for block in self.blocks:
            sink(None, SimpleNamespace(loss=block))
        return None, sink

    def weighted(self, block: None, values: Any) -> Any:
        return values


@given(st.lists(sizes, min_size=1, max_size=40), st.data(), st.integers(1, 7), st.sampled_from([0, 3, 1 << 20]))
def test_the_sum_of_the_largest_is_exact_however_few_values_are_kept(
    values: list[float], data: st.DataObject, block: int, most_kept: int
) -> None:
    counts = data.draw(st.lists(st.integers(1, len(values)), min_size=1, max_size=3))
    reading: Any = Repeated(values, block)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "MOST_KEPT", most_kept)
        first = tail.Histogram(tail.Bin())
        for one in reading.blocks:
            first.add(one)
        found = tail.largest_sums(reading, first, counts)
    ordered = sorted(map(Fraction, values), reverse=True)
    assert [Fraction(one, UNITS_PER_ONE) for one in found] == [sum(ordered[:count], Fraction(0)) for count in counts]
    assert reading.readings <= 3


def test_values_that_agree_in_their_first_bits_are_told_apart() -> None:
    values = [1.0 + place * 2.0**-52 for place in range(100)]
    reading: Any = Repeated(values, 10)
    first = tail.Histogram(tail.Bin())
    for one in reading.blocks:
        first.add(one)
    assert tail.largest_sums(reading, first, [1, 10]) == [
        sum(int(Fraction(one) * UNITS_PER_ONE) for one in values[-count:]) for count in (1, 10)
    ]


# --- one row --------------------------------------------------------------------------------------------------------------


def one(*arguments: Any, **options: Any) -> OneRow:
    explanation = explain(*arguments, **options)
    document(explanation)
    assert explanation.row is not None
    return explanation.row


def test_a_row_is_shown_with_every_class(folder: Path) -> None:
    (folder / "preds.csv").write_text("id,owl,cat,dog\na,0.25,0.25,0.5\nimg_0606,0.9548,0.02356,0.02164\n")
    (folder / "labels.csv").write_text("id,animal\nimg_0606,cat\na,dog\n")
    row = one("preds.csv", "labels.csv", row="img_0606")
    assert (row.row, row.id, row.line, row.label_line, row.label, row.predicted) == (2, "img_0606", 3, 2, "cat", "owl")
    assert (row.probability, row.loss, row.rank) == (0.02356, close(-math.log(0.02356)), 1)
    assert row.share == pytest.approx(-math.log(0.02356) / (-math.log(0.02356) - math.log(0.5)), rel=1e-15)
    assert row.uniform_loss == math.log(3)
    assert row.formula == "−ln 0.02356 = 3.748205"
    assert [(one.name, one.value, one.probability, one.target) for one in row.classes] == [
        ("cat", 0.02356, 0.02356, 1.0),
        ("dog", 0.02164, 0.02164, 0.0),
        ("owl", 0.9548, 0.9548, 0.0),
    ]
    assert [one.loss_if_true for one in row.classes] == [close(-math.log(p)) for p in (0.02356, 0.02164, 0.9548)]
    assert [one.gradient for one in row.classes] == [0.02356 - 1.0, 0.02164, 0.9548]
    assert [one.loss for one in row.classes] == [row.loss, 0.0, 0.0]
    assert (row.label_entropy, row.kl_divergence, row.softmax, row.rule) == (0.0, row.loss, None, None)


FORMULAS = [
    ([[0.9], [0.25]], [1, 0], {}, "−ln(1 − 0.25) = 0.287682"),
    ([[0.9], [0.25]], [1, 1], {}, "−ln 0.25 = 1.386294"),
    ([[0.9], [0.25]], [1, 1], {"base": 2}, "−ln 0.25 / ln 2 = 2.000000"),
    ([[0.9], [1e-9]], [1, 0], {}, "−ln(1 − 1e-09) = 1e-09"),
    ([[0.9], [0.0]], [1, 1], {}, "−ln max(0, 2.220446e-16) = 36.043653"),
    ([[0.9], [0.0]], [1, 1], {"eps": 0.0}, "−ln 0 = inf"),
    ([[0.9], [0.0]], [1, 1], {"convention": "torch-bce"}, "min(−ln 0, 100) = 100.000000"),
    ([[0.9], [0.0]], [1, 1], {"convention": "spark"}, "−ln 1e-15 = 34.538776"),
    ([[1.0], [-2.0]], [1, 1], {"scale": "logits"}, "ln(1 + exp(2)) = 2.126928"),
    ([[1.0], [-2.0]], [1, 0], {"scale": "logits"}, "ln(1 + exp(−2)) = 0.126928"),
    ([[1.0], [-2.0]], [1, 1], {"scale": "logits", "eps": 0.25}, "−ln max(0.11920292, 0.25) = 1.386294"),
    ([[-0.1], [-2.0]], [1, 1], {"scale": "logprobs"}, "−(−2) = 2.000000"),
    ([[-0.1], [-2.0]], [1, 0], {"scale": "logprobs"}, "−ln(1 − exp(−2)) = 0.145413"),
    ([[1, 2, 3], [3.4, -1.2, 0.1]], [2, 1], {"scale": "logits"}, "(3.4 − (−1.2)) + ln 1.046935 = 4.645867"),
    (
        [[1, 2, 3], [3.4, -1.2, 0.1]],
        [2, 1],
        {"scale": "logits", "base": 2},
        "((3.4 − (−1.2)) + ln 1.046935) / ln 2 = 6.702569",
    ),
    (
        [[0.2, 0.3, 0.5], [0.7, 0.2, 0.1]],
        [2, 0],
        {"smoothing": 0.3},
        "0.8 · 0.356675 + 0.1 · 1.609438 + 0.1 · 2.302585 = 0.676542",
    ),
]


@pytest.mark.parametrize(("p", "labels", "options", "formula"), FORMULAS, ids=lambda value: str(value)[:40])
def test_the_formula_has_the_numbers_of_the_row(p: Any, labels: Any, options: dict[str, Any], formula: str) -> None:
    assert one(np.array(p), labels, row="#2", positive=1 if len(p[0]) == 1 else None, **options).formula == formula


def test_the_softmax_of_logits_is_spelled_out() -> None:
    row = one([[1.0, 2.0, 3.0], [3.4, -1.2, 0.1]], [2, 1], row="#2", scale="logits")
    total = 1.0 + math.exp(-1.2 - 3.4) + math.exp(0.1 - 3.4)
    assert row.softmax is not None
    assert (row.softmax.largest, row.softmax.largest_class) == (3.4, "0")
    assert row.softmax.exponential_sum == pytest.approx(total, rel=1e-15)
    assert row.softmax.log_sum_exp == pytest.approx(math.log(sum(map(math.exp, (3.4, -1.2, 0.1)))), rel=1e-15)
    assert row.loss == pytest.approx(row.softmax.log_sum_exp - -1.2, rel=1e-15)


def test_a_soft_label_has_terms_entropy_and_divergence(folder: Path) -> None:
    (folder / "preds.csv").write_text("cat,dog,owl\n0.5,0.25,0.25\n0.8,0.1,0.1\n")
    (folder / "labels.csv").write_text("cat,dog,owl\n0.25,0.5,0.25\n0.7,0,0.3\n")
    row = one("preds.csv", "labels.csv", row="#2")
    assert row.formula == "0.7 · 0.223144 + 0.3 · 2.302585 = 0.846976"
    assert row.loss == pytest.approx(-0.7 * math.log(0.8) - 0.3 * math.log(0.1), rel=1e-15)
    assert row.label_entropy == pytest.approx(-0.7 * math.log(0.7) - 0.3 * math.log(0.3), rel=1e-15)
    assert row.loss == pytest.approx(row.label_entropy + row.kl_divergence, rel=1e-15)
    assert [one.gradient for one in row.classes] == pytest.approx([0.8 - 0.7, 0.1, 0.1 - 0.3], rel=1e-15)
    assert (row.probability, row.label) == (None, "cat")


def test_of_many_terms_the_formula_has_the_largest() -> None:
    p, t = np.full((2, 10), 0.1), np.full((2, 10), 0.1)
    t[:, :2] += [[0.05, -0.05]]
    names = [f"c{at}" for at in range(10)]
    tables = [pa.table({name: values[:, at] for at, name in enumerate(names)}) for values in (p, t)]
    term = "0.1 · 2.302585"
    row = one(*tables, task="soft", label=names, row="#1", id="#")
    assert row.formula == " + ".join(["0.15 · 2.302585", *[term] * 7, "… (2 more)"]) + " = 2.302585"


def test_independent_labels_have_binary_losses_and_the_gradient_of_their_mean() -> None:
    p, t = [[0.9, 0.2, 0.4], [0.1, 0.8, 0.7]], [[1, 0, 1], [0, 1, 1]]
    row = one(p, t, row="#1", task="multilabel")
    losses = [-math.log(0.9), -math.log(0.8), -math.log(0.4)]
    assert [one.loss for one in row.classes] == pytest.approx(losses, rel=1e-15)
    assert [one.loss_if_true for one in row.classes] == pytest.approx([-math.log(x) for x in p[0]], rel=1e-15)
    assert row.loss == pytest.approx(sum(losses) / 3, rel=1e-15)
    assert [one.gradient for one in row.classes] == pytest.approx([-0.1 / 3, 0.2 / 3, -0.6 / 3], rel=1e-14)
    assert row.formula == "(0.105361 + 0.223144 + 0.916291) / 3 = 0.414932"
    assert row.uniform_loss == math.log(2)
    summed = one(p, t, row="#1", task="multilabel", reduce_labels="sum", base=2)
    assert [one.loss for one in summed.classes] == pytest.approx([loss / math.log(2) for loss in losses], rel=1e-15)
    assert summed.loss == pytest.approx(sum(losses) / math.log(2), rel=1e-15)
    assert [one.gradient for one in summed.classes] == pytest.approx([x / math.log(2) for x in (-0.1, 0.2, -0.6)], rel=1e-14)
    assert summed.formula.startswith("0.152003 + 0.321928 + 1.321928 = ")
    assert summed.uniform_loss == pytest.approx(3.0, rel=1e-15)


@pytest.mark.parametrize("options", [{}, {"base": 2}, {"smoothing": 0.2}])
@pytest.mark.parametrize("task", ["binary", "multiclass", "soft", "multilabel"])
def test_the_gradient_is_the_derivative_of_the_loss_with_respect_to_the_logits(task: str, options: dict[str, Any]) -> None:
    predictions, labels, given = random_pair(task, "logits", rows=6)
    row = one(predictions, labels, row="#3", **given, **options)
    names = [name for name in predictions.column_names if name != "id"]
    gradients = {one.name: one.gradient for one in row.classes}

    def loss(name: str, step: float) -> float:
        values = predictions[name].to_numpy().copy()
        values[2] += step
        moved = predictions.set_column(predictions.column_names.index(name), name, pa.array(values))
        return float(evaluate(moved, labels, **given, **options).rows["loss"][2])

    for name in names:
        assert gradients[name] == pytest.approx((loss(name, 1e-5) - loss(name, -1e-5)) / 2e-5, abs=1e-9)
    if task == "binary":
        assert gradients["no"] == -gradients["yes"]


@pytest.mark.parametrize("options", [{}, {"convention": "keras"}, {"smoothing": 0.1}, {"base": 10}, {"eps": 0.3}])
def test_the_loss_if_true_is_what_the_row_costs_with_another_label(options: dict[str, Any]) -> None:
    p = [[0.7, 0.2, 0.1], [0.0, 0.4, 0.6]]
    row = one(p, [0, 1], row="#2", **options)
    expected = [evaluate(p, [0, label], **options).rows["loss"][1] for label in range(3)]
    assert [one.loss_if_true for one in row.classes] == expected
    assert row.loss == expected[1]


@pytest.mark.parametrize(("task", "scale"), TASKS)
def test_a_row_says_what_the_per_row_output_says(task: str, scale: str) -> None:
    predictions, labels, options = random_pair(task, scale)
    frame = evaluate(predictions, labels, weights="w", **options).rows
    sizes = frame["loss"] * frame["weight"]
    for at in (0, 57, 199):
        row, expected = one(predictions, labels, row=f"r{at}", weights="w", **options), frame.iloc[at]
        assert (row.row, row.loss, row.weight) == (at + 1, expected["loss"], expected["weight"])
        assert (row.label, row.predicted) == (expected["label"], expected["predicted"])
        assert row.kl_divergence == expected["kl_divergence"]
        assert row.rank == 1 + (sizes > sizes[at]).sum()
        assert row.share == float(Fraction(float(sizes[at])) / sum(map(Fraction, sizes.tolist())))
        parts = [one.loss for one in row.classes]
        assert row.loss == pytest.approx(math.fsum(parts) / (3 if task == "multilabel" else 1), rel=1e-14)
        assert row.formula.endswith(f" = {shown.number(row.loss)}")


def test_equal_rows_share_a_rank() -> None:
    assert [one([0.5, 0.25, 0.5, 0.75], [1, 1, 0, 0], positive=1, row=f"#{row}").rank for row in (1, 2, 3, 4)] == [3, 1, 3, 1]


def test_a_row_is_found_by_several_key_columns(folder: Path) -> None:
    (folder / "preds.csv").write_text("site,day,cat,dog\nn,1,0.5,0.5\ns,1,0.25,0.75\n")
    (folder / "labels.csv").write_text("site,day,animal\ns,1,dog\nn,1,cat\n")
    row = one("preds.csv", "labels.csv", id=["site", "day"], row="s, 1")
    assert (row.row, row.id, row.line, row.label_line) == (2, "s, 1", 3, 2)


def test_a_number_is_that_of_the_row_in_the_predictions_whatever_the_ids_are(folder: Path) -> None:
    (folder / "preds.csv").write_text("id,cat,dog\n2,0.5,0.5\n1,0.25,0.75\n")
    (folder / "labels.csv").write_text("id,animal\n1,dog\n2,cat\n")
    assert one("preds.csv", "labels.csv", row="#1").id == "2"
    assert one("preds.csv", "labels.csv", row="1").row == 2


def test_lines_are_those_of_an_editor(folder: Path) -> None:
    (folder / "preds.csv").write_text('note,id,cat,dog\n"two\nlines",a,0.5,0.5\n,b,0.75,0.25\n')
    (folder / "labels.csv").write_text('id,animal,note\n\nb,dog,"1\n2\n3"\na,cat,\n')
    row = one("preds.csv", "labels.csv", id="id", pred=["cat", "dog"], label="animal", row="a")
    assert (row.line, row.label_line) == (2, 6)
    worst = explain("preds.csv", "labels.csv", id="id", pred=["cat", "dog"], label="animal").worst
    assert worst is not None
    assert [(one.id, one.line) for one in worst.rows] == [("b", 4), ("a", 2)]


def test_by_position_the_label_is_in_the_same_row(folder: Path) -> None:
    (folder / "preds.csv").write_text("cat,dog\n0.5,0.5\n0.25,0.75\n")
    (folder / "labels.csv").write_text("animal\ncat\ndog\n")
    row = one("preds.csv", "labels.csv", row="#2")
    assert (row.id, row.line, row.label_line) == (None, 3, 3)


def test_typed_files_have_no_lines_and_one_file_has_no_second_one(folder: Path) -> None:
    pq.write_table(pacsv.read_csv("preds.csv"), "preds.parquet")
    row = one("preds.parquet", "labels.csv", row="c")
    assert (row.row, row.line, row.label_line) == (3, None, 4)
    (folder / "both.csv").write_text("p,won\n0.5,1\n0.25,0\n")
    row = one("both.csv", label="won", row="#1")
    assert (row.line, row.label_line) == (2, None)


def test_a_case_of_the_long_form_has_no_line_of_its_own(folder: Path) -> None:
    cases = {"a": (0.5, 0.25, 0.25), "b": (0.25, 0.5, 0.25), "c": (0.25, 0.5, 0.25), "d": (0.25, 0.25, 0.5)}
    lines = [f"{name},{kind},{p}\n" for name, ps in cases.items() for kind, p in zip(CLASSES, ps, strict=True)]
    (folder / "long.csv").write_text("id,class,probability\n" + "".join(lines))
    row = one("long.csv", "labels.csv", row="c")
    assert (row.row, row.line, row.label_line, row.loss) == (3, None, 4, close(math.log(4)))


MISSED = [
    ("x", {}, 'error[E309]: no row with id "x"\n  --> option --row x'),
    ("#5", {}, "error[E309]: no row #5: preds.csv has 4 rows\n  --> option --row #5"),
    ("#0", {}, "error[E309]: no row #0: preds.csv has 4 rows\n  --> option --row #0\n  = help: rows count from 1"),
    (
        "a",
        {"id": "#"},
        'error[E309]: no row with id "a"\n  --> option --row a\n'
        "  = help: rows are known by their number here: --row '#1'; or name their ids: --id COL",
    ),
]


@pytest.mark.parametrize(("row", "options", "text"), MISSED)
def test_a_row_that_is_not_there_is_an_error(row: str, options: dict[str, Any], text: str, folder: Path) -> None:
    with pytest.raises(CelossError) as caught:
        explain("preds.csv", "labels.csv", row=row, **options)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("#2", "error[E309]: row #2 is not scored: it has no label, or a value is missing\n  --> option --row #2\n"),
        ("b", 'error[E309]: no row with id "b"\n  --> option --row b\n'),
    ],
)
def test_a_row_that_was_left_out_is_an_error_that_says_how_many_were(row: str, text: str, folder: Path) -> None:
    (folder / "labels.csv").write_text("id,animal\nd,owl\na,cat\n")
    with pytest.raises(CelossError) as caught:
        explain("preds.csv", "labels.csv", id_match="inner", row=row)
    assert str(caught.value) == f"{text}  = found: 4 rows in preds.csv, of which 2 left out"


def test_an_id_that_several_rows_of_one_file_have_is_an_error_that_shows_the_choice(folder: Path) -> None:
    (folder / "both.csv").write_text("day,p,won\nmo,0.5,1\ntu,0.25,0\nmo,0.75,1\n")
    with pytest.raises(CelossError) as caught:
        explain("both.csv", label="won", id="day", row="mo")
    assert str(caught.value) == (
        'error[E310]: 2 rows have the id "mo"\n  --> option --row mo\n'
        "  = help: choose one by its number: --row '#1' or --row '#3'"
    )


# --- other tools' rules ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [{}, {"weights": "w"}, {"class_weights": "balanced"}, {"base": 2}, {"eps": 1e-3}])
@pytest.mark.parametrize("task", ["binary", "multiclass", "soft", "multilabel"])
def test_each_rule_gives_what_eval_gives_under_it(task: str, weights: dict[str, Any]) -> None:
    predictions, labels, options = random_pair(task)
    if "class_weights" in weights and task in ("soft", "multilabel"):
        weights = {"weights": "w"}
    # Some certain ones, for the rules to differ on.
    names = [name for name in predictions.column_names if name != "id"]
    sharp = np.where(np.arange(200) % 9 == 0, 0.0, 1.0)
    values = {name: predictions[name].to_numpy() * (sharp if name == names[0] else 1.0) for name in names}
    if task in ("multiclass", "soft"):
        whole = sum(values.values())
        values = {name: value / whole for name, value in values.items()}
    predictions = pa.table({"id": predictions["id"], **values})
    explanation = explain(predictions, labels, conventions=True, **options, **weights)
    found = document(explanation)
    own = evaluate(predictions, labels, **options, **weights)
    assert found["log_loss"] == own.log_loss
    assert [one["name"] for one in found["conventions"]] == list(CONVENTIONS)
    assert explanation.conventions is not None
    for rule in explanation.conventions:
        if task not in CONVENTIONS[rule.name].tasks:
            assert (rule.log_loss, rule.gap, rule.rows, rule.largest) == (None, None, None, ())
            assert rule.reason == f"not for {task} labels"
            continue
        other = {name: value for name, value in weights.items() if name != "eps"}
        expected = evaluate(predictions, labels, convention=rule.name, **options, **other)
        assert rule.log_loss == expected.log_loss
        assert own.log_loss is not None and rule.log_loss is not None and rule.gap is not None
        assert rule.gap == pytest.approx(rule.log_loss - own.log_loss, abs=1e-12)
        there, here = expected.rows["loss"], own.rows["loss"]
        changed = np.flatnonzero((there != here) & ~(np.abs(there - here) <= 1e-6 * np.maximum(1.0, np.minimum(there, here))))
        assert rule.rows == len(changed)
        assert {one.row - 1 for one in rule.largest} <= set(changed.tolist())
        assert [one.loss_there for one in rule.largest] == [there[one.row - 1] for one in rule.largest]


def test_the_gap_is_attributed_to_the_rows_that_make_it(folder: Path) -> None:
    (folder / "preds.csv").write_text("id,cat,dog\na,0,1\nb,0.5,0.5\nc,1,0\n")
    (folder / "labels.csv").write_text("id,animal\na,cat\nb,dog\nc,cat\n")
    rules = {one["name"]: one for one in document(explain("preds.csv", "labels.csv", conventions=True))["conventions"]}
    eps, here = 2.0**-52, 52 * math.log(2)
    assert rules["sklearn"]["rows"] == 0 and rules["sklearn"]["largest"] == []
    assert rules["sklearn"]["gap"] == pytest.approx(-math.log(1 - eps) / 3, rel=1e-12)
    spark = rules["spark"]
    assert (spark["rows"], spark["gap"]) == (1, pytest.approx((-math.log(1e-15) - here) / 3, rel=1e-12))
    (largest,) = spark["largest"]
    assert (largest["row"], largest["id"], largest["label"], largest["predicted"]) == (1, "a", "cat", "dog")
    assert (largest["probability"], largest["loss"], largest["loss_there"]) == (0.0, close(here), close(-math.log(1e-15)))
    assert largest["share"] == pytest.approx(1.0, rel=1e-12)
    assert (rules["strict"]["log_loss"], rules["strict"]["gap"], rules["strict"]["rows"]) == (None, None, 1)
    assert rules["strict"]["largest"][0]["share"] is None


def test_with_infinite_losses_of_its_own_gaps_are_infinite_or_none(folder: Path) -> None:
    (folder / "preds.csv").write_text("id,cat,dog\na,0,1\nb,0.5,0.5\n")
    (folder / "labels.csv").write_text("id,animal\na,cat\nb,dog\n")
    found = document(explain("preds.csv", "labels.csv", conventions=True, eps=0.0))
    names = [one["name"] for one in found["conventions"]]
    spark, strictly = names.index("spark"), names.index("strict")
    assert found["non_finite"][f"/conventions/{spark}/gap"] == "-Infinity"
    assert found["conventions"][spark]["rows"] == 1
    assert f"/conventions/{strictly}/gap" not in found["non_finite"]
    assert (found["conventions"][strictly]["gap"], found["conventions"][strictly]["rows"]) == (None, 0)


# --- the command ----------------------------------------------------------------------------------------------------------


WRONG = [
    ("--row a --worst 3", "--row cannot be used with --worst", "ask for one of --worst, --row, --conventions and --suspects"),
    (
        "--row a --conventions",
        "--row cannot be used with --conventions",
        "ask for one of --worst, --row, --conventions and --suspects",
    ),
    (
        "--conventions --worst 3",
        "--conventions cannot be used with --worst",
        "ask for one of --worst, --row, --conventions and --suspects",
    ),
    ("--worst 0", "--worst cannot be 0", "it is a number of rows, 1 or more"),
    ("--conventions --as keras", "--conventions cannot be used with --as", "it takes every rule in turn"),
    (
        "--conventions --renormalize",
        "--conventions cannot be used with --renormalize",
        "each rule says itself what is rescaled",
    ),
    ("--conventions --from logits", "--conventions cannot be used for logits", "the rules are for probabilities"),
]


@pytest.mark.parametrize(("line", "message", "advice"), WRONG)
def test_options_that_do_not_go_together_are_an_error(
    line: str, message: str, advice: str, folder: Path, celoss: Callable[..., Ran]
) -> None:
    ran = celoss("explain", "preds.csv", "labels.csv", *line.split())
    place = message.removeprefix("--").replace(" cannot be ", " ")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"error[E604]: {message}\n  --> option --{place}\n  = help: {advice}\n"


def test_a_form_that_explain_does_not_have_is_an_error(folder: Path, celoss: Callable[..., Ran]) -> None:
    assert celoss("explain", "preds.csv", "labels.csv", "-f", "csv").code == 2
    ran = celoss("explain", "preds.csv", "labels.csv", "-o", "rows.csv")
    assert (ran.code, ran.err) == (
        2,
        "error[E701]: don't know how to write 'rows.csv'\n  --> option -o rows.csv\n  = help: use one of .json .jsonl\n",
    )


@pytest.mark.parametrize("line", ["", "--worst 2", "--row c", "--row #3", "--conventions"])
def test_the_command_prints_what_the_library_gives(line: str, folder: Path, celoss: Callable[..., Ran]) -> None:
    options = {"--worst": {"worst": 2}, "--row": {"row": line.partition(" ")[2]}, "--conventions": {"conventions": True}}
    explanation = explain("preds.csv", "labels.csv", **options.get(line.partition(" ")[0], {}))
    command = ["explain", "preds.csv", "labels.csv", *line.split()]
    assert celoss(*command, "--json").out == explanation.to_json() + "\n"
    assert celoss(*command, "-f", "jsonl").out == explanation.to_json(indent=None) + "\n"
    assert celoss(*command).out == render(explanation)
    ran = celoss(*command, "-q", "-o", "a.json", "-o", "b.jsonl")
    assert (ran.out, ran.err) == ("", "")
    assert Path("a.json").read_text("utf-8") == explanation.to_json() + "\n"
    assert Path("b.jsonl").read_text("utf-8") == explanation.to_json(indent=None) + "\n"


def test_faults_and_notes_are_those_of_eval(folder: Path, celoss: Callable[..., Ran]) -> None:
    (folder / "preds.csv").write_text("id,cat,dog\na,0,1\nb,0.5,0.5\n")
    (folder / "labels.csv").write_text("id,animal\nb,dog\na,cat\n")
    for line in ("", "--row a", "--conventions"):
        assert celoss("explain", "preds.csv", "labels.csv", *line.split()).err == celoss("eval", "preds.csv", "labels.csv").err
    (folder / "preds.csv").write_text("id,cat,dog\na,2,1\nb,x,0.5\n")
    for line in ("", "--row a", "--conventions"):
        ran = celoss("explain", "preds.csv", "labels.csv", *line.split())
        assert ran == celoss("eval", "preds.csv", "labels.csv")
        assert ran.code == 3


@pytest.mark.parametrize("line", ["", "--row c", "--conventions"])
def test_standard_input_can_be_read_again_and_again(line: str, folder: Path, celoss: Callable[..., Ran]) -> None:
    data = Path("preds.csv").read_bytes()
    ran = celoss("explain", "-", "labels.csv", *line.split(), stdin=data)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.replace("- ", "preds.csv ", 1) == celoss("explain", "preds.csv", "labels.csv", *line.split()).out


@pytest.mark.parametrize("line", ["", "--row c", "--conventions"])
def test_a_small_run_imports_only_what_it_needs(line: str, folder: Path) -> None:
    imported = imported_by_command("explain", "preds.csv", "labels.csv", "--json", *line.split())
    assert imported & {"pandas", "scipy", "rich"} == set()


def test_the_schema_is_a_schema_and_is_printed(celoss: Callable[..., Ran]) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert strict(celoss("schema", "explain").out) == SCHEMA


@pytest.mark.parametrize("kind", ["worst", "row", "conventions"])
def test_the_keys_of_the_document_are_in_one_order(kind: str, folder: Path) -> None:
    given = {"worst": {"worst": 1}, "row": {"row": "a"}, "conventions": {"conventions": True}}[kind]
    found = document(explain("preds.csv", "labels.csv", **given))
    before = ["schema", "celoss_version", "signature", "task", "classes", "unit", "kind", "inputs", "log_loss", "rows"]
    assert list(found) == [*before, kind, "non_finite", "notes"]
    evaluated = evaluate("preds.csv", "labels.csv").to_dict()
    assert all(found[name] == evaluated[name] for name in ("celoss_version", "signature", "task", "classes", "unit", "inputs"))


# --- the table ------------------------------------------------------------------------------------------------------------


def explanations() -> Iterator[tuple[str, Explanation]]:
    for task, scale in TASKS:
        predictions, labels, options = random_pair(task, scale)
        yield f"worst {task} {scale}", explain(predictions, labels, weights="w", **options)
        yield f"row {task} {scale}", explain(predictions, labels, row="r5", **options)
        if scale == "probs":
            yield f"rules {task}", explain(predictions, labels, conventions=True, **options)
    infinite = [[0.0, 1.0], [0.5, 0.5]]
    yield "infinite", explain(infinite, [0, 1], eps=0.0)
    yield "infinite row", explain(infinite, [0, 1], eps=0.0, row="#1")
    yield "infinite rules", explain(infinite, [0, 1], conventions=True)
    yield "smoothed", explain(infinite, [0, 1], smoothing=0.1, row="#1")
    yield "as keras", explain(infinite, [0, 1], convention="keras", row="#1")


EXPLANATIONS = dict(explanations())


def numbers_of(explanation: Explanation) -> set[str]:
    """The losses that a table must show with all their digits."""
    if explanation.worst is not None:
        return {shown.number(one.loss) for one in explanation.worst.rows}
    if explanation.row is not None:
        return {shown.number(value) for one in explanation.row.classes for value in (one.probability, one.loss_if_true)}
    return {shown.number(one.log_loss) for one in explanation.conventions or ()}


@pytest.mark.parametrize("name", EXPLANATIONS)
def test_a_narrow_terminal_costs_no_digit(name: str) -> None:
    for width in (*range(20, 130, 7), None):
        text = render(EXPLANATIONS[name], width)
        assert all(number in text.split() for number in numbers_of(EXPLANATIONS[name])), width
        assert max(map(len, text.splitlines())) <= (width or 10_000)
        assert text.endswith("\n") and not text.endswith("\n\n")


def test_of_many_classes_the_largest_are_shown_and_always_the_true_one() -> None:
    p = np.full((2, 50), 0.01)
    p[:, 7] += 0.3
    p[:, 8:30] += 0.2 / 22
    p[1, 49] = 1e-12
    p[1, 48] += 0.01 - 1e-12
    explanation = explain(p, [7, 49], row="#2")
    text = render(explanation)
    assert "29 classes with smaller probabilities are not shown; -f json has them all" in text
    assert " true        49 " in text and " predicted   7 " in text
    assert len(document(explanation)["row"]["classes"]) == 50


def test_a_text_of_the_file_cannot_steer_the_terminal() -> None:
    table = pa.table({"id": ["\x1b[31ma", "b\nc"], "cat\x07": [0.25, 0.25], "[bold]": [0.75, 0.75]})
    labels = pa.table({"id": ["\x1b[31ma", "b\nc"], "label": ["cat\x07", "[bold]"]})
    for options in ({}, {"row": "\x1b[31ma"}, {"conventions": True, "eps": 0.4}):
        text = render(explain(table, labels, **options))
        assert "\x1b" not in text and "\x07" not in text
        assert "\\x1b[31ma" in text


def test_a_share_keeps_two_digits_however_small_it_is() -> None:
    text = render(explain([0.5, 1 - 1e-9], [1, 1], positive=1))
    assert "100.00 %" in text and f"{1e-9 / math.log(2) * 100:.2g} %" in text


def test_it_prints_as_a_line(folder: Path) -> None:
    assert str(explain("preds.csv", "labels.csv", row="c")) == "row 3: −ln 0.25 = 1.386294"
    assert str(explain("preds.csv", "labels.csv")).startswith("share of the loss in the worst 1 % of rows: 0.4")
    assert "strict: 0.866" in str(explain("preds.csv", "labels.csv", conventions=True))


def test_groups_are_refused_rather_than_ignored(folder: Path) -> None:
    with pytest.raises(CelossError) as caught:
        explain("preds.csv", "labels.csv", by="animal")
    assert caught.value.code == "E604"
    assert "groups are for celoss eval" in caught.value.help
