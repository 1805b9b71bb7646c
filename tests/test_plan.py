"""What a plan says of itself: which columns are read, how labels are meant, and what two states must share to be added."""

import hashlib
import json
from dataclasses import fields, replace

import numpy as np
import pytest

from celoss.errors import Diagnostic, Place
from celoss.pipeline import prepare
from celoss.plan import LABELS, PREDICTIONS, Finding, LongForm, Options, Plan

PLAN = Plan(
    task="multiclass",
    classes=("a", "b", "c"),
    columns=("p a", "p b", "p c"),
    label_columns=("label",),
    positive=None,
    keys=(),
    labels_in_predictions=False,
    eps=2.0**-52,
    stored_deviation=1e-9,
    rounded_deviation=0.0,
    decimals=0,
    largest_deviation=1e-3,
)
# task, columns of predictions, columns of labels, whether these are numbers
FORMS = {
    "one column": ("binary", 1, 1, False),
    "two columns": ("binary", 2, 1, False),
    "classes": ("multiclass", 3, 1, False),
    "classes, flags": ("multiclass", 3, 3, False),
    "soft": ("soft", 3, 3, True),
    "soft, one column": ("soft", 1, 1, True),
    "independent": ("multilabel", 3, 3, False),
    "independent, shares": ("multilabel", 3, 3, True),
    "one independent label": ("multilabel", 1, 1, False),
}


def form(name, **changes):
    task, columns, label_columns, numbers = FORMS[name]
    k = columns if task == "multilabel" else max(2, columns)
    return replace(
        PLAN,
        task=task,
        classes=PLAN.classes[:k],
        columns=PLAN.columns[:columns],
        label_columns=("label",) if label_columns == 1 else tuple(f"true {one}" for one in PLAN.classes[:label_columns]),
        numeric_labels=numbers,
        **changes,
    )


def those(name_of_property, *values):
    """The forms for which a property has one of some values."""
    return {name for name in FORMS if getattr(form(name), name_of_property) in values}


def test_only_of_two_classes_is_one_column_the_positive_one():
    assert those("one_column", True) == {"one column", "soft, one column"}


def test_a_row_has_one_true_class_in_a_binary_and_a_multiclass_task():
    assert those("hard", True) == {"one column", "two columns", "classes", "classes, flags"}


def test_flags_are_one_column_per_class_that_holds_no_shares():
    assert those("one_hot", True) == {"classes, flags", "independent", "one independent label"}


@pytest.mark.parametrize("smoothing", [0.0, 1e-9, 0.1, 1.0])
def test_hard_labels_become_distributions_by_any_smoothing(smoothing):
    assert form("classes", options=Options(smoothing=smoothing)).shares == (smoothing > 0)
    assert form("soft", options=Options(smoothing=smoothing)).shares
    assert form("independent", options=Options(smoothing=smoothing)).shares


def test_only_the_sum_over_independent_labels_is_more_than_their_mean():
    by_sum = Options(reduce_labels="sum")
    assert form("independent", options=by_sum).reduction == 3
    assert form("independent", options=Options(reduce_labels="mean")).reduction == 1
    assert form("classes", options=by_sum).reduction == form("soft", options=by_sum).reduction == 1


def test_without_options_a_plan_has_those_that_change_nothing():
    """The defaults of the functions and of `Options` are the same; only the floor is decided with the scale."""
    plan = prepare(np.array([[0.5, 0.5], [0.25, 0.75]]), [0, 1]).plan
    assert plan.options == Options(eps=2.0**-52)
    assert Options().eps is None


# --- columns --------------------------------------------------------------------------------------------------------------

KEYS = (("id", "name"), ("fold", "fold"))
BY = (("predictions", "model"), ("labels", "site"), ("labels", "day"))


def test_each_side_has_its_own_names_for_the_keys():
    plan = replace(PLAN, keys=KEYS)
    assert plan.key_columns(PREDICTIONS) == ["id", "fold"]
    assert plan.key_columns(LABELS) == ["name", "fold"]


@pytest.mark.parametrize("name", ["classes", "classes, flags", "independent"])
def test_texts_are_the_columns_of_by_and_then_the_labels(name):
    plan = form(name, by=BY)
    assert plan.texts(PREDICTIONS) == ("model",)
    assert plan.texts(LABELS) == ("site", "day", *plan.label_columns)


def test_shares_are_no_texts():
    assert form("soft", by=BY).texts(LABELS) == ("site", "day")


def test_numbers_are_predictions_or_shares_and_then_the_weight():
    for weights in (None, ("predictions", "w"), ("labels", "w")):
        last = {side: ("w",) if weights == (side, "w") else () for side in (PREDICTIONS, LABELS)}
        hard, soft = form("classes", weights=weights), form("soft", weights=weights)
        assert hard.numbers(PREDICTIONS) == soft.numbers(PREDICTIONS) == ("p a", "p b", "p c", *last[PREDICTIONS])
        assert hard.numbers(LABELS) == last[LABELS]
        assert soft.numbers(LABELS) == ("true a", "true b", "true c", *last[LABELS])


# --- labels ---------------------------------------------------------------------------------------------------------------


def test_a_label_means_the_class_of_its_name_or_the_one_that_the_user_gave_it():
    plan = replace(PLAN, meanings=(("chat", "a"), ("b", "c")))
    assert plan.codes() == {"a": 0, "b": 2, "c": 2, "chat": 0}
    assert PLAN.codes() == {"a": 0, "b": 1, "c": 2}


@pytest.mark.parametrize(("text", "code"), [("1", 0), ("1.0", 1), ("1.00", 0), ("2", 2), ("2.0", 2), ("01", -1), ("x", -1)])
def test_a_label_is_looked_up_as_written_before_1_0_is_read_as_1(text, code):
    assert PLAN.code(text, {"1": 0, "1.0": 1, "2": 2}) == code


# --- matching, findings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"labels_in_predictions": True}, "row"),
        ({"labels_in_predictions": True, "keys": KEYS}, "row"),
        ({}, "position"),
        ({"keys": (("id", "id"),)}, "id"),
        ({"keys": KEYS}, "id=name+fold"),
        ({"keys": (("", "id"),)}, "(unnamed)=id"),
        ({"keys": (("", ""),)}, "(unnamed)"),
    ],
)
def test_how_rows_are_matched_is_said_in_a_word(changes, text):
    assert replace(PLAN, **changes).match() == text


def test_a_finding_is_told_with_its_reason_and_without_control_characters():
    assert str(Finding("task", "binary", "two classes")) == "task: binary (two classes)"
    assert str(Finding("id", "a\x1bb", "--id")) == "id: a\\x1bb (--id)"


# --- what two states must share ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"task": "soft"},
        {"classes": ("a", "b", "d")},
        {"scale": "logits"},
        {"eps": 0.0},
        {"stored_deviation": 1e-8},
        {"rounded_deviation": 1e-3},
        {"decimals": 3},
        {"largest_deviation": 1e-2},
        {"label_deviation": 1e-2},
        {"weights": ("labels", "w")},
        {"by": (("labels", "site"),)},
        {"meanings": (("chat", "a"),)},
        {"options": Options(ties="first")},
        {"options": Options(class_weights="balanced")},
    ],
    ids=str,
)
def test_what_changes_a_score_or_an_error_changes_the_identity(change):
    assert replace(PLAN, **change).identity != PLAN.identity


@pytest.mark.parametrize(
    "change",
    [
        {"columns": ("x", "y", "z")},
        {"label_columns": ("truth",)},
        {"keys": KEYS},
        {"spacing": 2.0**-23},
        {"findings": (Finding("task", "multiclass", "three classes"),)},
    ],
    ids=str,
)
def test_where_the_columns_are_and_how_wide_their_numbers_leaves_the_identity(change):
    assert replace(PLAN, **change).identity == PLAN.identity


def test_of_weights_and_groups_only_what_adds_up_differently_is_part_of_the_identity():
    one = replace(PLAN, weights=("labels", "w"), by=(("labels", "site"), ("labels", "day")))
    other_side = replace(one, weights=("predictions", "weight"), by=(("predictions", "site"), ("labels", "day")))
    assert one.identity == other_side.identity
    assert one.identity != replace(one, by=one.by[::-1]).identity


def test_the_order_in_which_meanings_were_given_leaves_the_identity():
    one, other = (("chat", "a"), ("chien", "b")), (("chat", "b"), ("chien", "a"))
    assert replace(PLAN, meanings=one).identity == replace(PLAN, meanings=one[::-1]).identity
    assert replace(PLAN, meanings=one).identity != replace(PLAN, meanings=other).identity


def test_by_another_tools_rule_the_width_of_the_numbers_is_part_of_the_identity():
    ruled = replace(PLAN, options=Options(convention="keras"))
    assert ruled.identity != replace(ruled, spacing=2.0**-23).identity


# --- saved plans ------------------------------------------------------------------------------------------------------------

PLACE = Place("preds.csv", 3, excerpt=((1, "id,p"), (3, "ä,1")), mark=(2, 1))
RICH = replace(
    PLAN,
    task="binary",
    classes=("nein", "ja"),
    positive="ja",
    keys=KEYS,
    by=BY,
    weights=("labels", "w"),
    meanings=(("0", "nein"), ("1", "ja")),
    options=Options(eps=0.0, class_weights=(("ja", 3.0),), top_k=(1, 2), convention="keras"),
    long=LongForm(("id",), "class", "p", ("nein", "ja")),
    findings=(Finding("task", "binary", "zwei Ränge"),),
    notes=(Diagnostic("N1", "a note", (PLACE, Place("labels.csv")), 2, ("found: x",), "a hint"),),
)
SAVED = {
    "plain": PLAN,
    "rich": RICH,
    "balanced": replace(PLAN, options=Options(class_weights="balanced", smoothing=0.1, ties="first")),
    "shares": form("soft", label_deviation=1e-6, spacing=2.0**-23),
}


def signed(values):
    """The values with the digest that belongs to them: SHA-256 of their JSON with sorted names."""
    kept = {name: value for name, value in values.items() if name != "sha256"}
    return {**kept, "sha256": hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()}


@pytest.mark.parametrize("plan", SAVED.values(), ids=SAVED)
def test_a_saved_plan_comes_back_with_what_was_found_and_noted(plan):
    back = Plan.from_dict(json.loads(plan.to_json()))
    # Findings and notes are no part of `==`.
    assert (back, back.findings, back.notes) == (plan, plan.findings, plan.notes)
    assert [type(getattr(back, one.name)) for one in fields(Plan)] == [type(getattr(plan, one.name)) for one in fields(Plan)]


def test_a_saved_plan_is_json_with_every_field_and_a_digest():
    values = RICH.to_dict()
    assert values == signed(values) == json.loads(RICH.to_json())
    assert values.keys() - {"schema", "sha256"} == {one.name for one in fields(Plan)} - {"places"}
    assert values["schema"] == "celoss.plan/1"
    assert values["keys"] == [["id", "name"], ["fold", "fold"]]
    assert values["options"]["class_weights"] == [["ja", 3.0]]
    assert values["notes"][0]["places"][0]["excerpt"] == [[1, "id,p"], [3, "ä,1"]]


def test_a_saved_plan_is_readable():
    lines = RICH.to_json().splitlines()
    assert lines[:2] == ["{", '  "schema": "celoss.plan/1",']
    assert '      "because": "zwei Ränge"' in lines


def test_how_many_places_are_kept_is_not_saved():
    assert replace(PLAN, places=1).to_dict() == PLAN.to_dict()
    assert Plan.from_dict(replace(PLAN, places=1).to_dict()).places == PLAN.places


def test_what_is_no_number_of_json_is_not_written():
    with pytest.raises(ValueError, match="JSON compliant"):
        replace(PLAN, eps=float("nan")).to_json()


@pytest.mark.parametrize("values", [[], None, "celoss.plan/1", {}, {"schema": "celoss.plan/2"}, {"schema": None}], ids=repr)
def test_what_is_no_plan_is_refused(values):
    with pytest.raises(ValueError, match=r'^it has no "schema": "celoss\.plan/1"$'):
        Plan.from_dict(values)


@pytest.mark.parametrize(
    "change", [{"eps": 0.5}, {"task": "soft"}, {"sha256": "0" * 64}, {"sha256": None}, {"more": 1}], ids=str
)
def test_a_plan_that_was_changed_is_refused(change):
    with pytest.raises(ValueError, match=r"^it was changed after it was made$"):
        Plan.from_dict({**PLAN.to_dict(), **change})


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"eps": "0.5"}, "plan.eps"),
        ({"eps": True}, "plan.eps"),
        ({"eps": None}, "plan.eps"),
        ({"decimals": 1.0}, "plan.decimals"),
        ({"decimals": True}, "plan.decimals"),
        ({"numeric_labels": 0}, "plan.numeric_labels"),
        ({"task": None}, "plan.task"),
        ({"task": ["binary"]}, "plan.task"),
        ({"positive": 1}, "plan.positive"),
        ({"classes": "abc"}, "plan.classes"),
        ({"classes": ["a", 1]}, "plan.classes"),
        ({"keys": [["id"]]}, "plan.keys"),
        ({"keys": [["id", "id", "id"]]}, "plan.keys"),
        ({"weights": ["labels"]}, "plan.weights"),
        ({"long": {"id_columns": []}}, "plan.long"),
        ({"options": {}}, "plan.options"),
        ({"options": []}, "plan.options"),
        ({"findings": [{"what": "task", "value": "binary"}]}, "plan.findings"),
        ({"more": 1}, "plan"),
        ({"places": 3}, "plan"),
    ],
    ids=str,
)
def test_a_plan_of_another_version_is_refused_by_the_place_that_differs(change, where):
    with pytest.raises(ValueError, match=rf"^{where} is not what this version of celoss writes$"):
        Plan.from_dict(signed({**PLAN.to_dict(), **change}))


def test_an_option_that_differs_is_named():
    values = PLAN.to_dict()
    for name, value in (("top_k", [1.5]), ("class_weights", 3), ("ties", None)):
        changed = {**values, "options": {**values["options"], name: value}}
        with pytest.raises(ValueError, match=rf"^plan\.options\.{name} is not what"):
            Plan.from_dict(signed(changed))


def test_a_field_that_is_missing_is_refused():
    values = PLAN.to_dict()
    del values["decimals"]
    with pytest.raises(ValueError, match=r"^plan is not what"):
        Plan.from_dict(signed(values))


def test_a_whole_number_is_a_float_where_a_float_is_meant():
    """Not every program that rewrites JSON keeps 1.0 apart from 1."""
    plan = Plan.from_dict(signed({**PLAN.to_dict(), "eps": 0, "largest_deviation": 1}))
    assert (plan.eps, type(plan.eps), plan.largest_deviation, type(plan.largest_deviation)) == (0.0, float, 1.0, float)
    assert plan.identity == replace(PLAN, eps=0.0, largest_deviation=1.0).identity
