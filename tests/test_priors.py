"""A prior: what the reference costs under given shares, or those of training data, and what cannot be one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

import celoss as library
from celoss import CelossError
from celoss.errors import UsageError
from tests.conftest import LABELS, Ran

Command = Callable[..., Ran]

SCORE = ("eval", "preds.csv", "labels.csv")
# Of labels.csv: two cats, one dog, one owl.
PRIOR = {"cat": 0.2, "dog": 0.3, "owl": 0.5}
SHARES = {"cat": 1 / 2, "dog": 1 / 4, "owl": 1 / 4}
LOG_LOSS = 5 * math.log(2) / 4


def cost(shares: dict[str, float], prior: dict[str, float]) -> float:
    """Σ s · −ln p: the log loss of always forecasting the prior."""
    return -sum(share * math.log(prior[name]) for name, share in shares.items() if share)


def evaluated(**options: Any) -> Any:
    return library.evaluate("preds.csv", "labels.csv", **options)


def refusal(**options: Any) -> CelossError:
    with pytest.raises(CelossError) as caught:
        evaluated(**options)
    return caught.value


def test_the_reference_is_the_log_loss_of_the_prior(folder: Path) -> None:
    report = evaluated(prior=PRIOR)
    reference = cost(SHARES, PRIOR)
    assert report.metrics["reference_log_loss"] == pytest.approx(reference, rel=1e-14)
    assert report.metrics["skill"] == pytest.approx(1 - LOG_LOSS / reference, rel=1e-13)
    assert evaluated().metrics["reference_log_loss"] == pytest.approx(cost(SHARES, SHARES), rel=1e-14)


def test_the_prior_changes_the_reference_and_nothing_else(folder: Path) -> None:
    with_prior, without = evaluated(prior=PRIOR).to_dict(), evaluated().to_dict()
    differing = {name for name in without if with_prior[name] != without[name]}
    assert differing == {"signature", "options", "metrics", "standard_errors", "intervals"}
    for name in ("metrics", "standard_errors", "intervals"):
        assert {key for key in without[name] if with_prior[name][key] != without[name][key]} <= {"reference_log_loss", "skill"}
    assert with_prior["signature"] == without["signature"] + "|prior:yes"
    assert with_prior["options"] == {**without["options"], "prior": PRIOR}
    jsonschema.validate(with_prior, json.loads((files("celoss_cli") / "schema" / "eval.json").read_text("utf-8")))


def test_the_error_of_skill_is_that_of_a_ratio_whose_reference_is_given(folder: Path) -> None:
    losses = np.log([2, 2, 4, 2])
    costs = -np.log([PRIOR[name] for name in ("cat", "dog", "cat", "owl")])
    ratio = losses.sum() / costs.sum()
    error = math.sqrt(4 / 3 * ((losses - ratio * costs) ** 2).sum()) / costs.sum()
    assert evaluated(prior=PRIOR).standard_errors["skill"] == pytest.approx(error, rel=1e-12)


def test_weights_class_weights_smoothing_and_the_unit_count(folder: Path) -> None:
    Path("labels.csv").write_text("id,animal,w\nd,owl,3\na,cat,1\nc,cat,1\nb,dog,1\n")
    half = {"cat": 2 / 6, "dog": 1 / 6, "owl": 3 / 6}
    options = {
        "weights": ({"weights": "w"}, half, 1.0),
        "class weights": ({"class_weights": {"dog": 2}}, {"cat": 2 / 5, "dog": 2 / 5, "owl": 1 / 5}, 1.0),
        "smoothing": ({"smoothing": 0.3}, {name: 0.7 * share + 0.1 for name, share in SHARES.items()}, 1.0),
        "bits": ({"base": 2}, SHARES, math.log(2)),
    }
    for given, shares, unit in options.values():
        found = evaluated(prior=PRIOR, **given).metrics["reference_log_loss"]
        assert found == pytest.approx(cost(shares, PRIOR) / unit, rel=1e-13)


def test_each_group_is_held_against_the_same_prior(folder: Path) -> None:
    Path("labels.csv").write_text("id,animal,site\nd,owl,x\na,cat,y\nc,cat,y\nb,dog,x\n")
    groups = {one.value: one.metrics["reference_log_loss"] for one in evaluated(prior=PRIOR, by="site").groups}
    assert groups == {
        "x": pytest.approx(cost({"owl": 0.5, "dog": 0.5}, PRIOR), rel=1e-14),
        "y": pytest.approx(cost({"cat": 1.0}, PRIOR), rel=1e-14),
    }


def test_soft_labels_have_a_reference_of_their_shares(folder: Path) -> None:
    Path("preds.csv").write_text("id,a,b\n1,0.5,0.5\n2,0.25,0.75\n")
    Path("labels.csv").write_text("id,a,b\n1,0.4,0.6\n2,0.2,0.8\n")
    found = evaluated(prior={"a": 0.1, "b": 0.9}).metrics["reference_log_loss"]
    assert found == pytest.approx(cost({"a": 0.3, "b": 0.7}, {"a": 0.1, "b": 0.9}), rel=1e-14)


def test_labels_of_one_class_have_a_skill_against_a_prior(folder: Path, celoss: Command) -> None:
    Path("labels.csv").write_text("id,animal\na,cat\nb,cat\nc,cat\nd,cat\n")
    report = evaluated(prior=PRIOR)
    assert report.metrics["skill"] == pytest.approx(1 - report.log_loss / -math.log(0.2), rel=1e-13)
    assert "N4" not in [note.code for note in report.notes]
    assert "N4" in [note.code for note in evaluated().notes]


def test_people_see_what_the_reference_is(folder: Path, celoss: Command) -> None:
    assert "of the prior" in celoss(*SCORE, "--prior", "cat=0.2,dog=0.3,owl=0.5").out
    assert "of the label frequencies" in celoss(*SCORE).out


def test_the_ladder_of_recalibration_starts_at_the_rows_own_base_rate(folder: Path) -> None:
    with_prior, without = (evaluated(calibration=True, **given).recalibration for given in ({"prior": PRIOR}, {}))
    assert with_prior == without


# --- where a prior comes from -------------------------------------------------------------------------------------------------

TRAINING = "id,animal\n" + "".join(f"{at},{name}\n" for at, name in enumerate(["cat"] * 2 + ["dog"] * 3 + ["owl"] * 5))


def test_labels_of_training_data_are_a_prior_in_every_format(folder: Path, celoss: Command) -> None:
    expected = celoss(*SCORE, "--prior", "cat=0.2,dog=0.3,owl=0.5", "-f", "json").out
    Path("train.csv").write_text(TRAINING)
    Path("one.csv").write_text("\n".join(["y", *(line.split(",")[1] for line in TRAINING.splitlines()[1:])]) + "\n")
    pq.write_table(pacsv.read_csv("train.csv"), "train.parquet")
    records = [dict(zip(("id", "animal"), line.split(","), strict=True)) for line in TRAINING.splitlines()[1:]]
    Path("train.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    for name in ("train.csv", "one.csv", "train.parquet", "train.jsonl"):
        assert celoss(*SCORE, "--prior", name, "-f", "json").out == expected, name
    frame = pd.read_csv("train.csv")
    for given in (frame, frame["animal"], Path("train.csv")):
        assert evaluated(prior=given).to_json() + "\n" == expected


def test_a_report_of_training_data_is_a_prior(folder: Path, celoss: Command) -> None:
    Path("train.csv").write_text(TRAINING)
    Path("guess.csv").write_text("id,cat,dog,owl\n" + "".join(f"{at},0.5,0.25,0.25\n" for at in range(10)))
    celoss("eval", "guess.csv", "train.csv", "-q", "-o", "train.json", "-o", "line.jsonl")
    expected = celoss(*SCORE, "--prior", "train.csv", "-f", "json").out
    for name in ("train.json", "line.jsonl"):
        assert celoss(*SCORE, "--prior", name, "-f", "json").out == expected
    report = library.evaluate("guess.csv", "train.csv")
    for given in (report, report.to_dict()):
        assert evaluated(prior=given).to_json() + "\n" == expected


def test_a_weighted_report_gives_weighted_shares(folder: Path) -> None:
    Path("weighted.csv").write_text("id,animal,w\nd,owl,5\na,cat,1\nc,cat,1\nb,dog,3\n")
    report = library.evaluate("preds.csv", "weighted.csv", weights="w")
    assert dict(evaluated(prior=report).prior) == PRIOR


def test_labels_mean_what_they_mean_in_the_labels_that_are_scored(folder: Path, celoss: Command) -> None:
    Path("labels.csv").write_text("id,y\nd,3\na,1\nc,1.0\nb,2\n")
    Path("train.csv").write_text("y\n1\n1.0\n2\n2\n2\n3\n3\n3\n3\n3\n")
    report = evaluated(classes={1: "cat", 2: "dog", 3: "owl"}, prior="train.csv")
    assert dict(report.prior) == PRIOR
    report = evaluated(classes={1: "cat", 2: "dog", 3: "owl"}, prior={1: 0.2, "dog": 0.3, "3": 0.5})
    assert dict(report.prior) == PRIOR


def test_the_shares_of_two_classes_in_one_column(folder: Path) -> None:
    report = library.evaluate([0.9, 0.2, 0.6], [1, 0, 1], prior={0: 0.75, 1: 0.25})
    reference = cost({"0": 1 / 3, "1": 2 / 3}, {"0": 0.75, "1": 0.25})
    assert report.metrics["reference_log_loss"] == pytest.approx(reference, rel=1e-14)


# --- what is none -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("cat=20%,dog=30%,owl=50%", "write the share, not the percentage: 0.2 for 20%"),
        ("cat=-0.2,dog=0.7,owl=0.5", "a share is a number from 0 to 1"),
        ("cat=nan,dog=0.5,owl=0.5", "a share is a number from 0 to 1"),
        ("cat=inf,dog=0,owl=0", "a share is a number from 0 to 1"),
        ("cat=1e301,dog=0,owl=0", "a share is a number from 0 to 1"),
        ("cat=0.5,dog,owl=0.5", "name a file, or write CLASS=SHARE of each class once: --prior cat=0.3,dog=0.7"),
        ("cat=0.5,cat=0.5", "name a file, or write CLASS=SHARE of each class once: --prior cat=0.3,dog=0.7"),
        ("=1", "name a file, or write CLASS=SHARE of each class once: --prior cat=0.3,dog=0.7"),
        ("cat=1_0", "name a file, or write CLASS=SHARE of each class once: --prior cat=0.3,dog=0.7"),
    ],
)
def test_shares_that_are_no_numbers_are_told_before_any_file_is_looked_for(
    folder: Path, celoss: Command, text: str, help: str
) -> None:
    ran = celoss("eval", "no-preds.csv", "no-labels.csv", "--prior", text)
    assert (ran.code, ran.out) == (2, "")
    lines = ran.err.splitlines()
    assert lines[0].startswith("error[E604]: --prior cannot be ")
    assert lines[-1] == f"  = help: {help}"


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("cat=0.2,dog=0.3,owl=0.6", "the shares of all classes sum to 1, these sum to 1.1"),
        ("cat=0.2,dog=0.3,owl=0", "the shares of all classes sum to 1, these sum to 0.5"),
        ("cat=2,dog=3,owl=5", "the shares of all classes sum to 1, these sum to 10"),
        ("cat=20,dog=30,owl=50", "these are percentages; write shares: --prior cat=0.2,dog=0.3,owl=0.5"),
        # What is missing is told first: with it the sum may be 1.
        ("cat=0.2,dog=0.3", "of a class that never occurs the share is 0: owl=0"),
    ],
)
def test_shares_of_all_classes_sum_to_1(folder: Path, celoss: Command, text: str, help: str) -> None:
    ran = celoss(*SCORE, "--prior", text)
    assert (ran.code, ran.out) == (2, "")
    lines = ran.err.splitlines()
    assert lines[0].startswith("error[E615]: " if "never" in help else "error[E604]: --prior cannot be ")
    assert lines[-1] == f"  = help: {help}"


def test_shares_may_be_off_1_by_rounding(folder: Path) -> None:
    assert dict(evaluated(prior={"cat": 0.2, "dog": 0.3, "owl": 0.5 + 9e-7}).prior)["owl"] == 0.5 + 9e-7
    assert refusal(prior={"cat": 0.2, "dog": 0.3, "owl": 0.5 + 2e-6}).code == "E604"


@pytest.mark.parametrize("share", ["0.2", None, True, -0.1, math.nan])
def test_the_library_takes_shares_as_numbers(folder: Path, share: Any) -> None:
    error = refusal(prior={"cat": share, "dog": 0.3, "owl": 0.5})
    assert isinstance(error, UsageError)
    assert error.help == "a share is a number from 0 to 1"


def test_a_prior_names_every_class_and_no_other(folder: Path) -> None:
    error = refusal(prior={"cat": 1.0})
    assert (error.code, error.diagnostics[0].details) == ("E615", ('found: nothing about "dog", "owl"',))
    assert (refusal(prior=PRIOR | {"bird": 0.0}).code, refusal(prior=PRIOR | {"bird": 0.0}).help) == (
        "E605",
        "the classes are cat, dog, owl",
    )
    assert refusal(prior={"cat": 0.2, "dog": 0.3, "owl": 0.5, "cat.": 0.0}).code == "E605"


def test_a_class_may_be_named_once_only_by_whatever_name(folder: Path) -> None:
    Path("labels.csv").write_text("id,y\nd,3\na,1\nc,1\nb,2\n")
    error = refusal(classes={1: "cat", 2: "dog", 3: "owl"}, prior={"1": 0.2, "cat": 0.0, "dog": 0.3, "owl": 0.5})
    assert error.help == "it names the class cat twice"


def test_a_class_that_occurs_has_a_share(folder: Path) -> None:
    assert refusal(prior={"cat": 0, "dog": 0.5, "owl": 0.5}).diagnostics[0].details == ("found: 2 rows of it",)
    # One that does not occur need not.
    Path("labels.csv").write_text(LABELS.replace("owl", "dog"))
    report = evaluated(prior={"cat": 0.5, "dog": 0.5, "owl": 0})
    assert report.metrics["reference_log_loss"] == pytest.approx(math.log(2), rel=1e-15)
    error = refusal(prior={"cat": 0.5, "dog": 0.5, "owl": 0}, smoothing=0.1)
    assert (error.code, error.diagnostics[0].details) == ("E618", ("found: a part of each label, by --smoothing",))


def test_independent_labels_have_no_prior(folder: Path, celoss: Command) -> None:
    Path("preds.csv").write_text("id,a,b\n1,0.9,0.8\n2,0.1,0.7\n")
    Path("labels.csv").write_text("id,a,b\n1,1,1\n2,0,1\n")
    for shares in ("a=0.5,b=0.5", "a=0.9,b=0.8"):
        ran = celoss(*SCORE, "--task", "multilabel", "--prior", shares)
        assert ran.code == 2
        assert ran.err.startswith("error[E604]: --prior cannot be used for independent labels\n")
    celoss(*SCORE, "--task", "multilabel", "-q", "-o", "many.json")
    Path("labels.csv").write_text("id,y\n1,a\n2,b\n")
    Path("preds.csv").write_text("id,a,b\n1,0.9,0.1\n2,0.1,0.9\n")
    assert refusal(prior="many.json").diagnostics[0].details == ("found: a report of independent labels",)


def test_a_file_without_a_header_is_not_missing_its_first_label(folder: Path, celoss: Command) -> None:
    Path("train.csv").write_text("cat\ndog\nowl\n")
    ran = celoss(*SCORE, "--prior", "train.csv")
    assert (ran.code, ran.err.splitlines()[0]) == (3, "error[E204]: the header of train.csv looks like data")


def test_a_label_that_is_no_class_is_told_wherever_it_stands(folder: Path, celoss: Command) -> None:
    Path("train.csv").write_text("animal\n" + "cat\n" * 2000 + "bird\n" + "dog\n" + "owl\n")
    ran = celoss(*SCORE, "--prior", "train.csv")
    assert ran.code == 3
    assert ran.err.splitlines()[:3] == [
        'error[E616]: label "bird" of the prior is not one of the classes',
        '  --> train.csv, column "animal"',
        "  = found 1 such row; the classes: cat, dog, owl",
    ]
    Path("train.csv").write_text("animal\ncat\ndog\n\nowl\n")
    assert celoss(*SCORE, "--prior", "train.csv").err.startswith(
        "error[E616]: a label of the prior is empty\n  --> train.csv:4"
    )


def test_a_file_that_is_not_there_is_told_with_the_option(folder: Path, celoss: Command) -> None:
    for name, code in (("trian.csv", "E101"), ("trian.json", "E619"), ("cat:0.2", "E101"), ("a=b/train.csv", "E604")):
        ran = celoss(*SCORE, "--prior", name)
        assert ran.code == (2 if code == "E604" else 3)
        first, place, *_ = ran.err.splitlines()
        assert (first[:11], place) == (f"error[{code}]", f"  --> option --prior {name}")


@pytest.mark.parametrize("text", ["uniform", "balanced", "0.2,0.5,0.3"])
def test_where_there_is_no_file_it_is_told_how_shares_are_written(folder: Path, celoss: Command, text: str) -> None:
    ran = celoss(*SCORE, "--prior", text)
    assert (ran.code, ran.err.splitlines()[0]) == (3, f"error[E101]: no file at '{text}'")
    assert ran.err.splitlines()[-1].endswith("shares are written --prior CLASS=SHARE,…")


def test_a_path_that_holds_an_equals_sign_is_a_path_where_it_exists(folder: Path, celoss: Command) -> None:
    Path("split=train").mkdir()
    Path("split=train/labels.csv").write_text(TRAINING)
    ran = celoss(*SCORE, "--prior", "split=train/labels.csv", "-f", "json")
    assert json.loads(ran.out)["options"]["prior"] == PRIOR


def test_a_line_that_is_cut_off_is_told(folder: Path, celoss: Command) -> None:
    Path("train.csv").write_text("id,animal\n1,cat\n2\n3,dog\n")
    ran = celoss(*SCORE, "--prior", "train.csv")
    assert ran.code == 3
    assert ran.err.startswith("error[E619]: 'train.csv' has a row that cannot be read\n  --> train.csv:3\n")


def test_a_report_of_other_classes_or_of_no_rows_is_no_prior(folder: Path, celoss: Command) -> None:
    values = evaluated().to_dict()
    for one in values["per_class"]:
        one["weight"] = 0.0
    assert refusal(prior=values).diagnostics[0].details == ("found: no labels",)
    values["per_class"][0] |= {"class": "bird", "weight": 1.0}
    assert refusal(prior=values).diagnostics[0].details == (
        "found: a report of the classes bird, dog, owl; now: cat, dog, owl",
    )
    for weight in ("1", -1.0, 10**400):
        values["per_class"][0]["weight"] = weight
        assert refusal(prior=values).code == "E619"


def test_weights_of_any_size_are_shares(folder: Path) -> None:
    values = evaluated().to_dict()
    for one, weight in zip(values["per_class"], (3e307, 4.5e307, 7.5e307), strict=True):
        one["weight"] = 2.0 * weight
    assert dict(evaluated(prior=values).prior) == pytest.approx(PRIOR, rel=1e-15)


def test_a_prior_is_not_overwritten(folder: Path, celoss: Command) -> None:
    Path("train.json").write_text("{}")
    ran = celoss(*SCORE, "--prior", "train.json", "-o", "train.json")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "error[E705]: cannot write 'train.json': it is an input")


def test_a_baseline_with_another_prior_is_not_comparable(folder: Path, celoss: Command) -> None:
    celoss(*SCORE, "--prior", "cat=0.2,dog=0.3,owl=0.5", "-q", "-o", "prev.json")
    assert celoss(*SCORE, "--prior", "cat=0.2,dog=0.3,owl=0.5", "--baseline", "prev.json").code == 0
    ran = celoss(*SCORE, "--baseline", "prev.json")
    assert (ran.code, ran.err.splitlines()[2]) == (3, "  = found: --prior cat=0.2,dog=0.3,owl=0.5; now: --prior no")
