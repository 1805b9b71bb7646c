"""`celoss explain --suspects`: what the formulas give, planted faults first, and chance accuses nobody."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from celoss import CelossError, explain
from celoss.recalibration import fit
from celoss_cli.render.explain import render
from tests.conftest import Ran
from tests.test_explain import document

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


def models(
    k: int, n: int, count: int, seed: int = 1, flips: float = 0.05, clarity: float = 3.0
) -> tuple[list[Floats], Codes, NDArray[np.bool_]]:
    """Too sure predictions (n, k) of several models, labels of which some are planted faults, and which are."""
    chance = np.random.default_rng([seed, k, n])
    z = clarity * chance.standard_normal((n, k))
    true = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    codes = (true.cumsum(axis=1) < chance.random((n, 1))).sum(axis=1).clip(0, k - 1)
    faulty = chance.permutation(n) < flips * n
    codes[faulty] = (codes[faulty] + chance.integers(1, k, faulty.sum())) % k
    noise = [clarity * (0.3 + 0.1 * number) for number in range(count)]
    seen = [1.5 * (z + size * chance.standard_normal((n, k))) for size in noise]
    return [np.exp(one) / np.exp(one).sum(axis=1, keepdims=True) for one in seen], codes, faulty


def calibrated(log_p: Floats, codes: Codes) -> tuple[Floats, Any]:
    """p' (k, n) by the fit, and the fit."""
    found = fit(log_p, codes)
    z = found.slope * log_p + np.array(found.biases)[:, np.newaxis]
    z -= z.max(axis=0)
    return np.exp(z) / np.exp(z).sum(axis=0), found


def judged(p: Floats, codes: Codes) -> list[dict[str, Any]]:
    """All rows in the order of suspicion, by the formulas as they are written."""
    chance = p[codes, np.arange(len(codes))]
    plausibility = np.minimum(np.where(p <= chance, p, 0.0).sum(axis=0), 1.0)
    q = false_discovery_control(plausibility, method="bh")
    return [
        {
            "row": int(row) + 1,
            "label": str(codes[row]),
            "suggested": str(p[:, row].argmax()),
            "probability": pytest.approx(p[:, row].max(), rel=1e-6),
            "label_probability": pytest.approx(chance[row], rel=1e-6),
            "plausibility": pytest.approx(plausibility[row], rel=1e-6),
            "q": pytest.approx(q[row], rel=1e-6),
        }
        for row in np.argsort(chance, kind="stable")
    ]


def listed(found: dict[str, Any]) -> list[dict[str, Any]]:
    names = ("row", "label", "suggested", "probability", "label_probability", "plausibility", "q")
    return [{name: one[name] for name in names} for one in found["rows"]]


@pytest.mark.parametrize("k", [2, 3, 10])
def test_suspects_of_one_model_are_its_least_probable_labels_when_it_is_calibrated(k: int) -> None:
    (p,), codes, _ = models(k, 500, 1)
    found = document(explain(p, codes, suspects=40))["suspects"]
    own, fitted = calibrated(np.log(p.T), codes)
    expected = judged(own, codes)
    assert listed(found) == expected[:40]
    assert found["beyond_chance"] == sum(float(one["q"].expected) <= 0.05 for one in expected)
    assert (found["judged"], found["level"]) == (500, 0.05)
    assert found["models"][0]["temperature"] == pytest.approx(1 / fitted.slope, rel=1e-6)
    assert [one["against"] for one in found["rows"]] == [int(one["label"] != one["suggested"]) for one in found["rows"]]


def test_several_models_judge_together_by_what_they_know() -> None:
    several, codes, _ = models(3, 500, 3)
    found = document(explain(several[0], codes, suspects=30, also=several[1:]))["suspects"]
    every = [calibrated(np.log(p.T), codes) for p in several]
    known = np.array([(fitted.base_rate - fitted.refined) ** 2 for _, fitted in every])
    shares = known / known.sum()
    assert [one["share"] for one in found["models"]] == pytest.approx(list(shares), rel=1e-6)
    assert shares[0] > shares[1] > shares[2]
    pool = sum(share * np.log(p) for share, (p, _) in zip(shares, every, strict=True))
    together, _ = calibrated(pool, codes)
    assert listed(found) == judged(together, codes)[:30]
    for one in found["rows"]:
        at, label = one["row"] - 1, int(one["label"])
        assert one["against"] == sum(p[:, at].max() > p[label, at] for p, _ in every)


def precision(found: dict[str, Any], faulty: NDArray[np.bool_]) -> float:
    return float(np.mean([faulty[one["row"] - 1] for one in found["rows"]]))


def test_planted_faults_come_first_and_more_of_them_by_several_models() -> None:
    several, codes, faulty = models(5, 2000, 3, seed=0, flips=0.03, clarity=8.0)
    count = int(faulty.sum())
    alone = document(explain(several[0], codes, suspects=count))["suspects"]
    together = document(explain(several[0], codes, suspects=count, also=several[1:]))["suspects"]
    assert precision(alone, faulty) > 10 * faulty.mean()
    assert precision(together, faulty) > precision(alone, faulty)
    beyond = faulty[[one["row"] - 1 for one in together["rows"][: together["beyond_chance"]]]]
    assert len(beyond) > 10
    assert beyond.mean() > 0.8


def test_labels_that_the_predictions_drew_are_not_accused() -> None:
    (p,), codes, _ = models(3, 2000, 1, flips=0.0)
    assert document(explain(p, codes, suspects=5))["suspects"]["beyond_chance"] == 0


def tables(orders: list[int | None]) -> tuple[list[pa.Table], pa.Table]:
    """Predictions of one model as several files, each in an order of its own (None: that of the labels), and labels."""
    several, codes, _ = models(3, 300, len(orders))
    names = ["cat", "dog", "owl"]
    found = []
    for p, seed in zip(several, orders, strict=True):
        one = pa.table({"id": [f"r{row}" for row in range(300)], **{name: p[:, at] for at, name in enumerate(names)}})
        found.append(one if seed is None else one.take(pa.array(np.random.default_rng(seed).permutation(300))))
    return found, pa.table({"id": [f"r{row}" for row in range(300)], "label": [names[code] for code in codes]})


@pytest.mark.parametrize("orders", [[1], [None, None], [None, 1], [1, 2, 3]])
def test_no_bit_depends_on_batches_or_on_the_order_of_the_other_files(orders: list[int | None]) -> None:
    (first, *also), labels = tables(orders)
    texts = {explain(first, labels, suspects=20, also=also, batch_rows=rows).to_json() for rows in (13, 65536)}
    assert len(texts) == 1
    in_order, _ = tables([None] * len(orders))
    expected = document(explain(in_order[0], labels, suspects=20, also=in_order[1:]))["suspects"]["rows"]
    found = document(explain(first, labels, suspects=20, also=also))["suspects"]["rows"]
    without_place = [{name: value for name, value in one.items() if name not in ("row", "line")} for one in found]
    assert without_place == [{name: value for name, value in one.items() if name not in ("row", "line")} for one in expected]


def test_rows_are_judged_that_all_models_have() -> None:
    (first, other), labels = tables([1, None])
    explanation = explain(first, labels, suspects=300, also=[other.slice(0, 290)], id_match="inner")
    found = document(explanation)["suspects"]
    assert (found["judged"], len(found["rows"])) == (290, 290)
    assert {one["id"] for one in found["rows"]} == {f"r{row}" for row in range(290)}
    assert [note.code for note in explanation.report.notes][-1:] == ["N19"]


def test_weights_count_in_the_calibration_and_every_row_is_judged() -> None:
    (p,), codes, _ = models(3, 300, 1)
    weights = np.random.default_rng(3).integers(0, 3, 300).astype(float)
    found = document(explain(p, codes, suspects=300, weights=weights))["suspects"]
    kept = weights > 0
    fitted = fit(np.log(p[kept].T), codes[kept], weights[kept])
    assert found["models"][0]["temperature"] == pytest.approx(1 / fitted.slope, rel=1e-6)
    assert found["judged"] == 300


def test_a_class_that_was_ruled_out_and_occurs_is_suspected_first() -> None:
    (p,), codes, _ = models(3, 500, 1)
    p[7], codes[7] = (0.4, 0.6, 0.0), 2
    found = document(explain(p, codes, suspects=1))["suspects"]["rows"][0]
    assert (found["row"], found["suggested"]) == (8, "1")


def test_a_class_that_only_weightless_rows_have_is_not_suspected_for_that() -> None:
    (p,), codes, _ = models(3, 400, 1, flips=0.0)
    weights = (codes != 2).astype(float)
    rows = document(explain(p, codes, suspects=400, weights=weights))["suspects"]["rows"]
    of_class = [one for one in rows if one["label"] == "2"]
    assert len(of_class) == int((codes == 2).sum())
    assert min(one["label_probability"] for one in of_class) > 0.0
    # And of no row at all, it is suggested for none, whatever the model gives it.
    kept = codes != 2
    rows = document(explain(p[kept], codes[kept], suspects=int(kept.sum())))["suspects"]["rows"]
    assert {one["suggested"] for one in rows} == {"0", "1"}


def test_of_swapped_columns_it_is_said_that_the_model_says_nothing(folder: Path, celoss: Callable[..., Ran]) -> None:
    rows = [(row, row * 7 % 10 < 6) for row in range(60)]
    for name, high in (("wrong.csv", "0.1,0.9"), ("right.csv", "0.9,0.1")):
        low = ",".join(reversed(high.split(",")))
        lines = [f"{row},{high if is_cat else low}\n" for row, is_cat in rows]
        Path(name).write_text("id,cat,dog\n" + "".join(lines))
    Path("y.csv").write_text("id,animal\n" + "".join(f"{row},{'cat' if is_cat else 'dog'}\n" for row, is_cat in rows))
    ran = celoss("explain", "wrong.csv", "y.csv", "--suspects", "3")
    assert ran.code == 0
    codes = [line[5:8] for line in ran.err.splitlines() if line.startswith("note")]
    assert [code for code in codes if code != "N10"] == ["N12", "N17"]
    assert 'note[N12]: columns "cat" and "dog" look swapped' in ran.err
    text = " ".join(ran.out.split())
    assert "The model says nothing of these labels: no temperature helps (T = ∞)" in text
    assert "None of" not in text
    ran = celoss("explain", "right.csv", "y.csv", "--suspects", "3", "--also", "wrong.csv")
    assert 'note[N12]: wrong.csv: columns "cat" and "dog" look swapped' in ran.err
    assert "note[N17]: wrong.csv: no temperature helps" in ran.err
    assert "says nothing" not in ran.out


def test_one_label_beyond_chance_is_one_of_the_labels() -> None:
    (p,), codes, _ = models(3, 500, 1, flips=0.0, clarity=8.0)
    wrong = int(p.max(axis=1).argmax())
    codes[wrong] = int(p[wrong].argmin())
    assert "1 of 500 labels is less plausible than chance explains" in " ".join(render(explain(p, codes, suspects=3)).split())


def test_labels_may_stand_in_the_file_of_the_predictions(sample: Path) -> None:
    found = document(explain("sample_data/worldcup_matches.csv", suspects=5))["suspects"]
    assert len(found["rows"]) == 5
    with pytest.raises(CelossError, match="E604"):
        explain("sample_data/worldcup_matches.csv", suspects=5, also=["sample_data/worldcup_preds.csv"])


def test_models_of_two_classes_judge_together_whichever_class_is_the_positive_one() -> None:
    (first, second), codes, _ = models(2, 400, 2)
    labels = pa.table({"label": np.array(["cat", "dog"])[codes]})
    both = [pa.table({"cat": p[:, 0], "dog": p[:, 1]}) for p in (first, second)]
    expected = document(explain(both[0], labels, suspects=30, also=[both[1]]))
    # P(cat) alone makes it the second class.
    alone = document(explain(both[0], labels, suspects=30, also=[pa.table({"cat": second[:, 0]})]))
    names = ("row", "label", "suggested", "against")
    picked = [[{name: row[name] for name in names} for row in one["suspects"]["rows"]] for one in (expected, alone)]
    assert picked[0] == picked[1]
    for row, other in zip(*(one["suspects"]["rows"] for one in (expected, alone)), strict=True):
        assert row["label_probability"] == pytest.approx(other["label_probability"], rel=1e-6)


def test_a_model_under_two_names_is_given_twice(folder: Path, celoss: Callable[..., Ran]) -> None:
    ran = celoss("explain", "preds.csv", "labels.csv", "--suspects", "2", "--also", "./preds.csv")
    assert ran.err == (
        "error[E608]: 'preds.csv' and './preds.csv' are one file\n  --> option --also\n  = help: give each file once\n"
    )


def test_the_command_lists_suspects_and_says_what_they_are(folder: Path, celoss: Callable[..., Ran]) -> None:
    (folder / "other.csv").write_text((folder / "preds.csv").read_text())
    ran = celoss("explain", "preds.csv", "labels.csv", "--suspects", "2", "--also", "other.csv")
    assert ran.code == 0
    assert "A suspicion, not a verdict" in ran.out
    assert "Judged by 2 models together: preds.csv 50.00 %, other.csv 50.00 %." in " ".join(ran.out.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"suspects": 0}, "--suspects cannot be 0"),
        ({"suspects": 3, "worst": 3}, "--suspects cannot be used with --worst"),
        ({"also": ["preds.csv"]}, "--also cannot be used without --suspects"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, Any], message: str, folder: Path) -> None:
    with pytest.raises(CelossError) as caught:
        explain("preds.csv", "labels.csv", **options)
    assert caught.value.diagnostics[0].message == message


def test_a_report_of_suspects_is_in_words_too() -> None:
    (p,), codes, _ = models(3, 200, 1)
    explanation = explain(p, codes, suspects=3)
    assert explanation.kind == "suspects"
    assert str(explanation).endswith(" of 200 labels are beyond chance")
    assert math.isfinite(explanation.report.log_loss or math.nan)
