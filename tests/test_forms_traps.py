"""Ways in which a soft label, a logit, a weight or a long file once gave a wrong number without a word."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import celoss
from celoss import CelossError
from celoss.pipeline import prepare


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes files whose rows are separated by blanks, and gives their names."""
    monkeypatch.chdir(tmp_path)

    def write(**contents):
        for name, content in contents.items():
            (tmp_path / f"{name}.csv").write_text("\n".join(content.split()) + "\n")
        return [f"{name}.csv" for name in contents]

    return write


def code_of(*inputs, **options):
    with pytest.raises(CelossError) as caught:
        celoss.evaluate(*inputs, **options)
    return caught.value.code


LOGITS = "id,logit_cat,logit_dog,logit_owl a,2,1,0 b,0,1,-1 c,1,1,3 d,-1,2,1.5"
TWO_OF_THREE = "id,cat,dog a,1,0 b,0,1 c,1,0 d,0,1"


@pytest.mark.parametrize("options", [{}, {"pred": ["logit_cat", "logit_dog", "logit_owl"]}])
def test_a_class_without_a_label_column_is_not_left_out_of_the_softmax(written, options):
    """`get_dummies` makes no column for a class that no row is of."""
    assert code_of(*written(p=LOGITS, y=TWO_OF_THREE), **options) == "E409"
    chosen = celoss.evaluate("p.csv", "y.csv", pred=["logit_cat", "logit_dog"])
    assert chosen.classes == ("cat", "dog")


def test_counts_that_never_repeat_are_counts_and_no_ids(written):
    rows = [(1000 + 7 * row, 3 * row + 1, 5) for row in range(9)]
    logits = " ".join(f"d{row},0.5,{row / 10},-1" for row in range(9))
    counts = " ".join(f"d{row},{a},{b},{c}" for row, (a, b, c) in enumerate(rows))
    report = celoss.evaluate(*written(p=f"id,logit_a,logit_b,logit_c {logits}", y=f"id,a,b,c {counts}"), normalize_labels=True)
    assert report.classes == ("a", "b", "c")
    losses = []
    for row, shares in enumerate(rows):
        z = (0.5, row / 10, -1.0)
        whole = math.log(sum(map(math.exp, z)))
        losses.append(sum(share / sum(shares) * (whole - one) for share, one in zip(shares, z, strict=True)))
    assert report.log_loss == pytest.approx(math.fsum(losses) / 9, rel=1e-13)


def test_weights_of_one_keep_rows_matched_by_the_index():
    p = pd.DataFrame({"cat": [0.9, 0.2], "dog": [0.1, 0.8]}, index=["a", "b"])
    y = pd.Series(["dog", "cat"], index=["b", "a"])
    expected = -(math.log(0.9) + math.log(0.8)) / 2
    assert celoss.log_loss(y, p) == celoss.log_loss(y, p, sample_weight=[1, 1]) == pytest.approx(expected, rel=1e-15)
    weighted = celoss.evaluate(p, y, weights=pd.Series([1, 3], index=["a", "b"]))
    assert weighted.log_loss == pytest.approx(-(math.log(0.9) + 3 * math.log(0.8)) / 4, rel=1e-15)


@pytest.mark.parametrize("smoothing", [0.1, 0.3])
def test_skill_is_undefined_where_no_loss_can_be_avoided(smoothing):
    p = np.array([[0.7, 0.3], [0.6, 0.4], [0.9, 0.1]])
    assert celoss.evaluate(p, [0, 0, 0], smoothing=smoothing).metrics["skill"] is None
    assert celoss.evaluate(p, np.array([[0.9, 0.1]] * 3)).metrics["skill"] is None


def test_labelled_distributions_are_compared_by_their_names():
    t, p = pd.Series([0.5, 0.3, 0.2], index=list("abc")), pd.Series([0.2, 0.3, 0.5], index=list("cba"))
    assert celoss.kl_divergence(t, p) == 0.0
    with pytest.raises(CelossError, match="t has the classes a, b, c, p x, y, z"):
        celoss.cross_entropy(t, p.set_axis(list("xyz")))


def test_a_row_is_found_by_its_id_before_its_number(written):
    rows = " ".join(f"{name},{p}" for name, p in (("#2", 0.9), ("#1", 0.2), ("x", 0.6)))
    inputs = written(p=f"id,p {rows}", y="id,label #2,1 #1,0 x,1")
    assert celoss.explain(*inputs, row="#1").row.row == 2
    assert celoss.explain(*inputs, row="#3").row.id == "x"


def test_shares_beside_a_label_column_are_a_question(written):
    inputs = written(p="id,cat,dog a,0.9,0.1 b,0.2,0.8", y="id,cat,dog,label a,0.6,0.4,cat b,0.5,0.5,dog")
    assert code_of(*inputs) == "E401"
    assert celoss.evaluate(*inputs, label="label").task == "binary"
    assert celoss.evaluate(*inputs, label=["cat", "dog"]).task == "soft"


def test_a_label_is_no_more_a_question_for_small_integers_beside_it(written):
    (one,) = written(p="id,p_0,p_1,p_2,label,w a,.7,.2,.1,0,1 b,.1,.8,.1,1,1 c,.1,.1,.8,2,1")
    assert celoss.evaluate(one).plan.label_columns == ("label",)
    assert celoss.evaluate(one, weights="w").log_loss == celoss.evaluate(one).log_loss


def test_the_share_of_the_other_class_is_not_taken_for_that_of_the_positive_one(written):
    inputs = written(p="id,no,yes a,.2,.8 b,.6,.4", y="id,share_no a,.2 b,.6")
    assert celoss.evaluate(*inputs, task="soft").metrics["kl_divergence"] == 0.0
    assert code_of(*written(q="id,p_yes a,.8 b,.4", y="id,share_no a,.2 b,.6"), task="soft") == "E404"


def test_a_missing_label_is_no_negative_class(written):
    inputs = written(p="id,p_churn a,.9 b,.2 c,.6", y="id,label a,churn b,NA c,churn")
    assert code_of(*inputs) == "E404"
    report = celoss.evaluate(*inputs, missing="drop")
    assert (report.row_counts.scored, report.row_counts.dropped) == (2, 1)
    assert report.log_loss == pytest.approx(-(math.log(0.9) + math.log(0.6)) / 2, rel=1e-15)


def test_grouping_by_a_column_that_could_be_the_label_asks_for_the_label(written):
    inputs = written(p="id,p a,.9 b,.2 c,.6", y="id,y,sex a,1,0 b,0,1 c,1,1")
    assert code_of(*inputs, by="y") == "E401"
    assert celoss.evaluate(*inputs, by="y", label="y").plan.label_columns == ("y",)
    assert celoss.evaluate(*written(q="id,p a,.9 b,.2 c,.6", z="id,y,site a,1,u b,0,v c,1,w"), by="site").groups


@pytest.mark.parametrize("scale", ["logits", "logprobs"])
def test_classes_rank_by_logits_where_their_probabilities_are_both_0(scale):
    z = np.array([[0.0, -800.0, -900.0]])
    assert celoss.evaluate(z, [1], scale=scale, top_k=2).metrics["top_2_accuracy"] == 1.0
    assert celoss.evaluate(z, [2], scale=scale, top_k=2).metrics["top_2_accuracy"] == 0.0


def test_class_weights_of_0_take_rows_out_of_the_standard_error():
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    assert celoss.evaluate(p, [0, 1, 1], class_weights={"1": 0.0}).standard_errors["log_loss"] is None
    by_rows = celoss.evaluate(p, [0, 1, 1], weights=[0.0, 1.0, 1.0]).standard_errors["log_loss"]
    assert celoss.evaluate(p, [0, 1, 1], class_weights={"0": 0.0}).standard_errors["log_loss"] == by_rows


def test_certain_logits_do_not_only_count_mistakes():
    report = celoss.evaluate(np.array([[800.0, 0.0], [900.0, 0.0]]), [1, 0], scale="logits")
    assert report.log_loss == 400.0
    assert "N2" not in {note.code for note in report.notes}


@pytest.mark.parametrize(("scale", "values"), [("logits", [1e200, -1e200]), ("logprobs", [-1e200, 0.0])])
def test_numbers_too_large_to_be_summed_exactly_are_an_error(scale, values):
    assert code_of(np.array([values, [-0.5, -1.0]]), [1, 0], scale=scale, renormalize=scale == "logprobs") == "E503"


def test_a_row_of_logarithms_that_rules_out_every_class_is_an_error():
    rows = np.array([[-np.inf, -np.inf], [-0.5, -1.0]])
    for renormalize in (False, True):
        assert code_of(rows, [1, 0], scale="logprobs", renormalize=renormalize, sum_tolerance=0.1) == "E504"


def test_a_wide_table_in_one_file_is_not_long_because_pairs_of_values_repeat(written):
    (one,) = written(p="id,site,sex,p,label r1,a,f,.9,1 r2,a,m,.2,0 r3,b,f,.6,1 r4,b,m,.3,0")
    assert celoss.evaluate(one).row_counts.scored == 4


def test_a_missing_list_is_a_missing_value():
    predictions = pa.table({"id": [1, 2, 3], "p": [[0.7, 0.3], None, [0.4, 0.6]]})
    report = celoss.evaluate(predictions, pa.table({"id": [1, 2, 3], "label": [0, 1, 1]}), missing="drop")
    assert (report.row_counts.scored, report.row_counts.dropped) == (2, 1)


def test_a_list_column_is_named_as_a_whole(written):
    table = {"id": [1, 2], "probs": [[0.7, 0.3], [0.4, 0.6]], "other": [[0.5, 0.5], [0.5, 0.5]], "target": [[1, 0], [0, 1]]}
    report = celoss.evaluate(pa.table(table), pred="probs", label="target")
    assert report.log_loss == pytest.approx(-(math.log(0.7) + math.log(0.6)) / 2, rel=1e-15)


def test_flags_of_several_classes_are_normalised_like_numbers(written):
    p, flags, numbers = written(
        p="id,cat,dog a,.5,.5 b,.2,.8", y="id,cat,dog a,True,True b,False,True", z="id,cat,dog a,1,1 b,0,1"
    )
    scores = [celoss.evaluate(p, labels, normalize_labels=True).metrics for labels in (flags, numbers)]
    assert scores[0] == scores[1]
    assert scores[0]["log_loss"] == pytest.approx(-(math.log(0.5) + math.log(0.8)) / 2, rel=1e-15)


def test_states_of_other_meanings_or_other_widths_are_not_added(written):
    predictions, labels = written(p="id,cat,dog a,.9,.1 b,.2,.8", y="id,label a,0 b,1")
    plans = [prepare(predictions, labels, classes={"0": one, "1": two}).plan for one, two in (("cat", "dog"), ("dog", "cat"))]
    assert plans[0].identity != plans[1].identity
    ruled = replace(plans[0], options=replace(plans[0].options, convention="sklearn"))
    assert ruled.identity != replace(ruled, spacing=2.0**-23).identity


def test_brier_and_accuracy_are_of_the_labels_as_they_are_also_when_the_loss_smooths_them():
    p = np.array([[0.9, 0.1], [0.3, 0.7]])
    for labels in ([0, 1], np.array([[0.8, 0.2], [0.5, 0.5]])):
        plain, smooth = (celoss.evaluate(p, labels, smoothing=amount).metrics for amount in (0.0, 0.5))
        assert (plain["brier"], plain["accuracy"]) == (smooth["brier"], smooth["accuracy"])
        assert plain["log_loss"] != smooth["log_loss"]


@pytest.mark.parametrize(
    "options", [{"class_weights": [1, 2]}, {"top_k": "1,2"}, {"top_k": 2.0}, {"smoothing": 1.5}, {"base": 3}], ids=str
)
def test_an_option_of_a_wrong_kind_is_a_usage_error(options):
    assert code_of([[0.9, 0.1], [0.2, 0.8]], [0, 1], **options) == "E604"


def test_classes_may_be_a_list_of_the_columns_of_an_array():
    report = celoss.evaluate([[0.9, 0.1], [0.2, 0.8]], ["cat", "dog"], classes=["cat", "dog"])
    assert report.classes == ("cat", "dog")
    assert code_of([[0.9, 0.1], [0.2, 0.8]], ["a", "b"], weights=["x", "y"]) == "E209"


def test_of_independent_labels_only_the_missing_one_is_made_uniform():
    p = np.array([[0.9, np.nan, 0.8], [0.2, 0.3, 0.4]])
    report = celoss.evaluate(p, np.array([[1, 0, 1], [0, 1, 1]]), task="multilabel", missing="uniform")
    losses = [0.9, 0.5, 0.8, 0.8, 0.3, 0.4]
    assert report.log_loss == pytest.approx(-math.fsum(map(math.log, losses)) / 6, rel=1e-15)
    assert report.row_counts.filled == 1


INNER_PREDICTIONS = "id,cat,dog a,.7,.3 b,.2,.8 x,5,nan c,.6,.4 x,abc,1"
INNER_LABELS = "id,label,w c,cat,1 y,bird,-1 a,cat,2 b,dog,1 y,,0"


def test_of_rows_that_are_in_one_file_only_nothing_is_told_when_the_common_ones_are_asked_for(written):
    inputs = written(p=INNER_PREDICTIONS, y=INNER_LABELS)
    report = celoss.evaluate(*inputs, id_match="inner", weights="w")
    counts = report.row_counts
    assert (counts.read, counts.scored, counts.unmatched, counts.unmatched_labels) == (5, 3, 2, 2)
    assert report.log_loss == pytest.approx(-(2 * math.log(0.7) + math.log(0.8) + math.log(0.6)) / 4, rel=1e-15)
    assert celoss.evaluate(*inputs, id_match="inner", weights="w", batch_rows=1).to_json() == report.to_json()


def test_rows_that_are_cut_wrongly_are_told_also_when_the_common_ones_are_asked_for(written):
    assert code_of(*written(p="id,cat,dog a,.7,.3 x,5", y="id,label a,cat"), id_match="inner") == "E201"
    inputs = written(q="id,cat,dog a,.7,3 b,.5,.5 x,5,1", z="id,label a,cat b,dog")
    assert code_of(*inputs, id_match="inner") == "E503"


def test_one_share_more_than_there_are_predictions_is_a_question_of_names(written):
    inputs = written(
        p="id,cat,dog,owl a,.7,.2,.1 b,.2,.7,.1 c,.3,.3,.4", y="id,cat,dog,owl,emu a,.6,.2,.1,.1 b,.2,.6,.1,.1 c,.3,.3,.4,0"
    )
    assert code_of(*inputs) == "E409"


@pytest.mark.parametrize(("rows", "task"), [("a,.4,.6 b,.9,.1", "soft"), ("a,0,1 b,1,0", "binary")])
def test_one_prediction_beside_the_shares_of_both_classes_takes_its_own(written, rows, task):
    inputs = written(p="id,p_yes a,.7 b,.2", y=f"id,no,yes {rows}")
    report = celoss.evaluate(*inputs)
    shares = [float(row.split(",")[2]) for row in rows.split()]
    losses = [-(t * math.log(p) + (1 - t) * math.log(1 - p)) for t, p in zip(shares, (0.7, 0.2), strict=True)]
    assert (report.task, report.plan.label_columns) == (task, ("yes",))
    assert report.log_loss == pytest.approx(math.fsum(losses) / 2, rel=1e-13)
