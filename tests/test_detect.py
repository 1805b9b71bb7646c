"""What is understood of the two inputs, from their heads and the flags, and that it is said with its reason."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest

import celoss
from celoss import CelossError
from celoss.pipeline import prepare


@pytest.fixture
def plan(tmp_path):
    """The plan for predictions and labels written as CSV, with lines separated by spaces."""

    def _plan(predictions, labels=None, **flags):
        return prepare(*written(tmp_path, predictions, labels), **flags).plan

    return _plan


@pytest.fixture
def loss(tmp_path):
    def _loss(predictions, labels=None, **options):
        return celoss.evaluate(*written(tmp_path, predictions, labels), **options).log_loss

    return _loss


def written(folder, predictions, labels):
    paths = []
    for name, text in (("preds.csv", predictions), ("labels.csv", labels)):
        if text is not None:
            (folder / name).write_text(text.replace(" ", "\n") + "\n")
            paths.append(str(folder / name))
    return paths if labels is not None else [*paths, None]


def found(plan, what):
    (finding,) = [one for one in plan.findings if one.what == what]
    return finding.value, finding.because


def error_of(function, *inputs, **flags):
    with pytest.raises(CelossError) as caught:
        function(*inputs, **flags)
    return caught.value


def tables(columns, labels):
    """k rows of two tables: row i gives column i the probability 1/2 and has the i-th label."""
    k = len(columns)
    rest = 0.5 / (k - 1)
    predictions = {name: [0.5 if row == at else rest for row in range(k)] for at, name in enumerate(columns)}
    return pa.table({"id": list(range(k)), **predictions}), pa.table({"id": list(range(k)), "label": labels})


# --- columns and classes ------------------------------------------------------------------------------------------------

NAMED = [
    ("cat dog owl", "cat dog owl", "cat dog owl"),
    ("p_cat p_dog", "cat dog", "cat dog"),
    ("prob_cat prob_dog prob_owl", "cat dog owl", "cat dog owl"),
    ("cat_prob dog_prob", "cat dog", "cat dog"),
    ("P(cat) P(dog)", "cat dog", "cat dog"),
    ("probs[cat] probs[dog]", "cat dog", "cat dog"),
    ("model.cat.score model.dog.score", "cat dog", "cat dog"),
    ("0 1 2", "0 1 2", "0 1 2"),
    ("p0 p1 p2", "0 1 2", "0 1 2"),
    ("p1 p2 p3", "1 2 3", "1 2 3"),
    ("class_0 class_1", "0 1", "0 1"),
    ("0.0 1.0 2.0", "0 1 2", "0 1 2"),
    ("prob_0.0 prob_1.0", "0 1", "0 1"),
    ("0 1 2", "0.0 1.0 2.0", "0 1 2"),
    ("-1 1", "-1 1", "-1 1"),
    ("True False", "True False", "True False"),
    ("01 02", "01 02", "01 02"),
    ("cat cat_big", "cat cat_big", "cat cat_big"),
    ("p_cat p_cat_p", "cat cat_p", "cat cat_p"),
    ("New_York Paris", "New_York Paris", "New_York Paris"),
    ("p_p p_q", "p q", "p q"),
    ("猫 犬", "猫 犬", "猫 犬"),
]


@pytest.mark.parametrize(("columns", "labels", "classes"), NAMED)
def test_columns_are_paired_with_labels_by_name(columns, labels, classes):
    predictions, truth = tables(columns.split(), labels.split())
    report = celoss.evaluate(predictions, truth)
    assert sorted(report.classes) == sorted(classes.split())
    assert report.log_loss == pytest.approx(-math.log(0.5), rel=1e-15)


@pytest.mark.parametrize("columns", ["10 9 2", "2 9 10", "9 2 10"])
def test_classes_that_are_integers_come_in_the_order_of_their_values(columns):
    predictions, truth = tables(columns.split(), columns.split())
    plan = prepare(predictions, truth).plan
    assert plan.classes == plan.columns == ("2", "9", "10")


@pytest.mark.parametrize(
    ("columns", "labels"),
    [
        ("1 2", "1 0"),
        ("1 2 3", "0 1 2"),
        ("p1 p2", "0 1"),
        ("class_1 class_2", "1 0"),
        ("cat dog", "cat Dog"),
    ],
)
def test_a_label_without_a_column_is_an_error_though_others_match(columns, labels):
    error = error_of(celoss.evaluate, *tables(columns.split(), labels.split()))
    assert error.code == "E402"


def test_classes_may_be_written_as_floats_in_the_header_of_a_text_file(loss):
    assert loss("id,0.0,1.0,2.0 a,0.5,0.25,0.25 b,0.2,0.2,0.6", "id,label a,0 b,2") == -(math.log(0.5) + math.log(0.6)) / 2


@pytest.mark.parametrize(
    ("extra", "values"),
    [
        ("day", "2024-01-01 2024-01-02"),
        ("text", "x y"),
        ("prediction", "cat dog"),
        ("age", "31 44"),
        ("count", "0 1"),
        ("logit_cat", "2.2 -1.4"),
        ("cat_rank", "1 2"),
        ("empty", " "),
        ("Unnamed:0", "0 1"),
    ],
)
def test_other_columns_are_left_out_with_a_finding_and_never_scored(plan, loss, extra, values):
    first, second = values.split(" ")
    predictions = f"id,cat,{extra},dog a,0.9,{first},0.1 b,0.2,{second},0.8"
    assert found(plan(predictions, "id,label b,dog a,cat"), "left out") == (extra, "not an id, a label or a probability")
    assert loss(predictions, "id,label b,dog a,cat") == pytest.approx(-(math.log(0.9) + math.log(0.8)) / 2, rel=1e-15)


@pytest.mark.parametrize("cell", ["", "NaN"])
def test_a_class_column_without_values_is_an_error(loss, cell):
    error = error_of(loss, f"id,cat,dog a,{cell},0.1 b,{cell},0.8", "id,label b,dog a,cat")
    assert error.code == "E502"


def test_the_predicted_class_as_a_number_is_no_probability(plan):
    made = plan("id,0,1,pred a,0.9,0.1,0 b,0.2,0.8,1", "id,label a,0 b,1")
    assert made.columns == ("0", "1")
    assert found(made, "left out")[0] == "pred"


def test_columns_without_a_name_are_counted(plan):
    made = plan(",cat,dog,age,, x,0.9,0.1,8,, y,0.2,0.8,9,,", "label cat dog")
    assert found(made, "left out")[0] == "the unnamed first column, age, 2 columns without a name"


ONE_COLUMN = [
    ("p", "the only number column whose name says probability", "id,p a,0.9 b,0.2"),
    ("prob", "the only number column whose name says probability", "id,prob,pred a,0.9,1 b,0.2,0"),
    ("prob", "the only number column whose name says probability", "id,rate,prob a,0.5,0.9 b,0.4,0.2"),
    ("prob", "the only number column whose name says probability", "id,age,prob a,0.31,0.9 b,0.44,1.5"),
    ("label", "the name of the label column", "id,prob,label a,0.5,0.9 b,0.4,0.2"),
    ("model", "the only column of graded numbers", "id,age,model a,31,0.9 b,44,0.2"),
    ("model", "the only column of graded numbers", "id,model,loss,margin a,0.9,0.1,0.8 b,0.2,0.2,0.6"),
    ("model", "the only column of numbers", "id,model a,1 b,0"),
    ("p_1", "the only column that has the name of a label", "id,rate,p_1 a,0.5,0.9 b,0.4,0.2"),
]


@pytest.mark.parametrize(("column", "because", "predictions"), ONE_COLUMN)
def test_one_column_of_probabilities_is_found_among_others(plan, column, because, predictions):
    made = plan(predictions, "id,label b,0 a,1")
    assert (made.columns, made.classes, made.positive) == ((column,), ("0", "1"), "1")
    assert found(made, "probabilities") == (column, because)
    assert found(made, "task") == ("binary", "one probability column, two classes")


@pytest.mark.parametrize("name", ["confidence", "max_prob", "top_score", "Confidence (%)"])
def test_a_confidence_is_refused_unless_it_is_named(plan, name):
    predictions = f"id,{name.replace(' ', '_')} a,0.9 b,0.8"
    error = error_of(plan, predictions, "id,label a,1 b,0")
    assert error.code == "E407"
    assert plan(predictions, "id,label a,1 b,0", pred=(name.replace(" ", "_"),)).positive == "1"


@pytest.mark.parametrize(
    ("predictions", "labels", "flag"),
    [
        ("id,x,y a,0.9,0.4 b,0.2,0.3", "id,label a,1 b,0", "--pred x"),
        ("id,v1_cat,v1_dog,v2_cat,v2_dog a,0.9,0.1,0.6,0.4 b,0.2,0.8,0.3,0.7", "id,label a,cat b,dog", "--pred v1_cat,v1_dog"),
        ("id,p_cat,p_dog,cat,dog a,0.9,0.1,0.6,0.4 b,0.2,0.8,0.3,0.7", "id,label a,cat b,dog", "--pred cat,dog"),
    ],
)
def test_two_readings_that_both_fit_are_an_error_that_names_the_flag(plan, predictions, labels, flag):
    error = error_of(plan, predictions, labels)
    assert error.code == "E407"
    assert flag in error.help
    assert plan(predictions, labels, pred=tuple(flag.removeprefix("--pred ").split(","))).task == "binary"


@pytest.mark.parametrize(
    ("code", "predictions", "labels"),
    [
        ("E205", "id,cat,dog a,0.9,0.1", "id,label a,cat"),
        ("E401", "id,cat,dog a,0.9,0.1 b,0.2,0.8", "id,x,y a,cat,dog b,dog,cat"),
        ("E401", "id,cat,dog,x,y a,0.9,0.1,cat,cat b,0.2,0.8,dog,dog", None),
        ("E403", "id,cat,dog a,0.9,0.1 b,0.2,0.8", "id,label a, b,"),
        ("E405", "id,cat,dog,age a,0.9,0.3,31.5 b,0.2,0.5,44", "id,label a,cat b,dog"),
        ("E406", "id,cat,dog a,0.9,0.1 b,0.2,0.8", "id,label a,0 b,1"),
        ("E408", "id,p a,0.9 b,0.2 c,0.5", "id,label a,x b,y c,z"),
        ("E410", "id,text a,x b,y", "id,label a,cat b,dog"),
        ("E505", "id,prediction a,cat b,dog", "id,label a,cat b,dog"),
        ("E505", "id,prediction,text a,cat,x b,cat,y", "id,label a,cat b,dog"),
    ],
)
def test_what_cannot_be_read_is_an_error(plan, code, predictions, labels):
    flags = {"label": ("Label",)} if code == "E205" else {}
    assert error_of(plan, predictions, labels, **flags).code == code


def test_the_classes_flag_says_what_numbers_mean(plan, loss):
    inputs = "id,cat,dog,owl a,0.5,0.3,0.2 b,0.2,0.2,0.6", "id,label a,0 b,2"
    error = error_of(plan, *inputs)
    assert error.help == "if 0 means cat, 1 means dog, 2 means owl: --classes 0=cat,1=dog,2=owl"
    meanings = {"0": "cat", "1": "dog", "2": "owl"}
    assert loss(*inputs, classes=meanings) == pytest.approx(-(math.log(0.5) + math.log(0.6)) / 2, rel=1e-15)
    made = plan(*inputs, classes=meanings)
    assert found(made, "label meanings") == ("0 means cat, 1 means dog, 2 means owl", "--classes")
    assert error_of(plan, *inputs, classes={"0": "cat", "2": "cow"}).code in ("E402", "E605")


# --- the positive class -------------------------------------------------------------------------------------------------

OPPOSITES = ["0 1", "False True", "no yes", "NO Yes", "negative positive", "Neg Pos", "F T", "n y", "-1 1", "0.0 1.0"]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("labels", OPPOSITES)
def test_opposite_labels_say_which_is_positive(plan, labels, turned):
    negative, positive = labels.split()
    rows = [f"a,{positive}", f"b,{negative}"]
    made = plan("id,score a,0.9 b,0.2", f"id,label {' '.join(rows[::-1] if turned else rows)}")
    assert made.positive == made.classes[1] == positive.removesuffix(".0")
    assert found(made, "positive class")[1] == "the usual meaning of the labels"


@pytest.mark.parametrize("label", ["1", "yes", "True", "T", "y", "pos"])
def test_the_opposite_of_the_only_label_is_the_negative_class(plan, label):
    made = plan("id,score a,0.9 b,0.2", f"id,label a,{label} b,{label}")
    assert made.positive == label
    assert made.classes[0] == {"1": "0", "yes": "no", "True": "False", "T": "F", "y": "n", "pos": "neg"}[label]
    assert found(made, "negative class")[1] == "it does not occur in the labels"


@pytest.mark.parametrize("column", ["stay", "p_stay", "stay_prob", "P(stay)"])
def test_the_name_of_the_column_says_which_class_is_positive(plan, column):
    made = plan(f"id,{column} a,0.9 b,0.2", "id,label a,stay b,churn")
    assert made.classes == ("churn", "stay")
    assert found(made, "positive class") == ("stay", "the column's name")


def test_without_a_hint_the_positive_class_is_asked_for(plan):
    labels = "id,label a,stay b,churn c,stay"
    error = error_of(plan, "id,score a,0.9 b,0.2 c,0.7", labels)
    assert (error.code, error.help) == (
        "E404",
        'say what "score" is the probability of: --positive stay   or --positive churn',
    )
    assert error.diagnostics[0].details == ("found labels: churn (1), stay (2)",)
    made = plan("id,score a,0.9 b,0.2 c,0.7", labels, positive="churn")
    assert (made.classes, found(made, "positive class")) == (("stay", "churn"), ("churn", "--positive"))
    assert error_of(plan, "id,score a,0.9 b,0.2 c,0.7", labels, positive="Churn").code == "E605"


FLIPPED = ["0", "model_v1.0", "dropout_0.1", "lr_0.5", "model_0", "no_show", "fold-0"]


@pytest.mark.parametrize("column", FLIPPED)
def test_a_digit_somewhere_in_a_name_does_not_turn_the_classes_round(plan, column):
    labels = "id,label a,yes b,no" if "no_" in column else "id,label a,1 b,0"
    try:
        assert plan(f"id,{column} a,0.9 b,0.2", labels).positive != labels[-1:]
        assert plan(f"id,{column} a,0.9 b,0.2", labels).positive != "no"
    except CelossError as error:
        assert error.code == "E404"


def test_three_spellings_are_not_two_classes(plan):
    assert error_of(plan, "id,p a,0.9 b,0.2 c,0.4", "id,label a,Yes b,no c,yes").code == "E408"


@pytest.mark.parametrize("last", ["cat", "yes"])
def test_labels_in_sorted_order_are_read_beyond_the_head(plan, last):
    first = {"cat": "ant", "yes": "no"}[last]
    labels = " ".join(["id,label", *(f"{row},{first if row < 1500 else last}" for row in range(2000))])
    numbers = " ".join(f"{row},0.5" for row in range(2000))
    if last == "yes":
        assert plan(f"id,p {numbers}", labels).classes == ("no", "yes")
    else:
        error = error_of(plan, f"id,p {numbers}", labels)
        assert error.diagnostics[0].details == ("found labels: ant (1,500), cat (500)",)


# --- the labels ---------------------------------------------------------------------------------------------------------

LABELS = [
    ("label", "the column's name", "id,label,site a,cat,x b,dog,y"),
    ("Target", "the column's name", "id,site,Target a,x,cat b,y,dog"),
    ("kind", "the only column of {labels} that is not an id", "id,kind a,cat b,dog"),
    ("kind", "the only column whose values are all named by columns", "id,site,kind a,x,cat b,y,dog"),
]


@pytest.mark.parametrize(("column", "because", "labels"), LABELS)
def test_the_label_column_is_found(plan, tmp_path, column, because, labels):
    made = plan("id,cat,dog a,0.9,0.1 b,0.2,0.8", labels)
    assert found(made, "label") == (column, because.format(labels=tmp_path / "labels.csv"))


ANSWERS = ["pred", "Prediction", "predicted_class", "y_hat", "yhat", "guess", "argmax", "top1", "model_answer", "output"]


@pytest.mark.parametrize("name", ANSWERS)
def test_what_the_model_answered_is_no_label_unless_it_is_named(plan, name):
    one, two = f"id,cat,dog,{name} a,0.9,0.1,cat b,0.2,0.8,dog", f"id,{name} a,cat b,dog"
    for inputs in ((one, None), ("id,cat,dog a,0.9,0.1 b,0.2,0.8", two)):
        assert error_of(plan, *inputs).code == "E401"
        assert found(plan(*inputs, label=(name,)), "label") == (name, "--label")
    made = plan(one.replace(name, f"{name},y").replace(",cat b", ",cat,cat b") + ",dog")
    assert found(made, "label") == ("y", "the only column whose values are all named by columns")


@pytest.mark.parametrize("strangers", ["31 44", "31 0", "-1 2"])
def test_a_column_of_integers_is_a_class_only_when_a_label_names_it(plan, strangers):
    first, second = strangers.split()
    predictions = f"id,cat,dog,age a,0.9,0.3,{first} b,0.2,0.5,{second}"
    assert plan(predictions, "id,label a,cat b,dog").columns == ("cat", "dog")
    # −1 and 2 could be logits; what they are is another question than which columns are classes.
    assert plan(predictions, "id,label a,cat b,age", scale="probs").columns == ("age", "cat", "dog")


@pytest.mark.parametrize(("at", "code"), [(0, None), (1199, None), (1200, "E405")])
def test_a_column_of_logits_is_a_class_only_when_a_label_of_the_file_names_it(at, code):
    """At the head's end and beyond it, and nowhere."""
    names = ["owl" if row == at else ("cat", "dog")[row % 2] for row in range(1200)]
    columns = {"cat": [2.5, -1.0] * 600, "dog": [-0.5, 1.5] * 600, "owl": [31.5, 4.0] * 600}
    inputs = pa.table(columns), pa.table({"label": names})
    if code:
        error = error_of(celoss.evaluate, *inputs, scale="logits")
        assert error.code == code
        assert 'found: "owl", which no label names' in str(error)
    else:
        assert celoss.evaluate(*inputs, scale="logits").classes == ("cat", "dog", "owl")


def test_the_label_flag_wins(plan):
    made = plan("id,cat,dog a,0.9,0.1 b,0.2,0.8", "id,label,second a,cat,dog b,dog,cat", label=("second",))
    assert found(made, "label") == ("second", "--label")


ONE_HOT = [
    ("id,cat,dog a,0.9,0.1 b,0.2,0.8", "id,dog,cat b,1,0 a,0,1"),
    ("id,cat,dog 5,0.9,0.1 6,0.2,0.8", "id,dog,cat 6,1,0 5,0,1"),
    ("cat,dog 0.9,0.1 0.2,0.8", "dog,cat 0,1 1,0"),
    ("id,cat,dog a,0.9,0.1 b,0.2,0.8", "id,cat_outcome,dog_outcome b,0.0,1.0 a,1.0,0.0"),
    ("id,p_cat,p_dog,age a,0.9,0.1,31 b,0.2,0.8,44", "id,is_cat,is_dog b,0,1 a,1,0"),
    ("cat,dog,cat_outcome,dog_outcome 0.9,0.1,1,0 0.2,0.8,0,1", None),
    ("id,cat_prob,dog_prob,cat_outcome,dog_outcome 1,0.9,0.1,1,0 2,0.2,0.8,0,1", None),
]


@pytest.mark.parametrize(("predictions", "labels"), ONE_HOT)
def test_labels_may_be_one_column_per_class(plan, loss, predictions, labels):
    made = plan(predictions, labels)
    assert made.one_hot and made.classes == ("cat", "dog")
    assert found(made, "label")[1] == "0/1 columns named after the probability columns, one 1 in each row"
    assert loss(predictions, labels) == pytest.approx(-(math.log(0.9) + math.log(0.8)) / 2, rel=1e-15)


def test_label_columns_that_pair_with_no_probability_column_are_an_error(plan):
    inputs = "id,cat,dog a,0.9,0.1 b,0.2,0.8", "id,x,y a,1,0 b,0,1"
    assert error_of(plan, *inputs, label=("x", "y")).code == "E409"


# --- the rows -----------------------------------------------------------------------------------------------------------

P = "id,p a,0.9 b,0.2"
MATCHED = [
    ("id", "id", "the column that both files share", P, "id,label b,0 a,1", ()),
    ("position", "position", "no column in common", "p 0.9 0.2", "label 1 0", ()),
    ("position", "position", "--id '#'", P, "id,label a,1 b,0", ("#",)),
    ("id", "id", "--id", "id,fold,p a,1,0.9 b,1,0.2", "id,fold,label b,1,0 a,1,1", ("id",)),
    ("id=key", "id", "--id", P, "key,label b,0 a,1", ("id=key",)),
    ("id+fold", "id, fold", "--id", "id,fold,p a,1,0.9 a,2,0.2", "fold,id,label 2,a,0 1,a,1", ("id", "fold")),
    ("id", "id", "the column that both files share", ",id,p 0,a,0.9 1,b,0.2", ",id,label 0,b,0 1,a,1", ()),
    ("id", "id", "the column that both files share", ",id,p 0,a,0.9 1,b,0.2", "id,label b,0 a,1", ()),
    ("", "the unnamed first column", "the column that both files share", ",p 7,0.9 8,0.2", ",label 8,0 7,1", ()),
    ("rownames", "rownames", "the column that both files share", "rownames,p 7,0.9 8,0.2", "rownames,label 8,0 7,1", ()),
    ("position", "position", "no column in common", ",p 7,0.9 8,0.2", "label 1 0", ()),
]


@pytest.mark.parametrize(("match", "value", "because", "predictions", "labels", "flag"), MATCHED)
def test_rows_are_matched_by_what_both_files_share(plan, loss, match, value, because, predictions, labels, flag):
    made = plan(predictions, labels, id=flag)
    assert found(made, "rows matched by") == (value, because)
    assert match in (made.match(), "")
    assert loss(predictions, labels, id=flag) == pytest.approx(-(math.log(0.9) + math.log(0.8)) / 2, rel=1e-15)


def test_columns_that_could_tell_rows_apart_are_spoken_of_when_position_decides(plan):
    by_position = "key,cat,dog a,0.9,0.1 b,0.2,0.8", "name,label x,cat y,dog"
    (note,) = plan(*by_position).notes
    assert (note.code, note.help) == ("N6", "to match by them: --id key=name")
    assert plan(*by_position, id=("#",)).notes == plan(P, "id,label b,0 a,1").notes == ()


@pytest.mark.parametrize("name", ["ID", "Id", " id"])
def test_ids_under_almost_the_same_name_are_not_paired_by_position_in_silence(tmp_path, name):
    (tmp_path / "preds.csv").write_text(f"{name},p\na,0.9\nb,0.2\n")
    (tmp_path / "labels.csv").write_text("id,label\nb,0\na,1\n")
    error = error_of(celoss.evaluate, str(tmp_path / "preds.csv"), str(tmp_path / "labels.csv"))
    assert error.code in ("E301", "E306")


def test_two_columns_in_both_files_are_asked_about(plan):
    error = error_of(plan, "id,fold,p a,1,0.9", "id,fold,label a,1,1")
    assert (error.code, error.help) == ("E306", "choose one: --id id   or all of them together: --id id --id fold")


def test_labels_in_the_same_file_are_matched_row_by_row(plan, loss):
    made = plan("id,p,label a,0.9,1 b,0.2,0")
    assert (made.match(), made.labels_in_predictions) == ("row", True)
    assert found(made, "rows matched by") == ("row", "the label is in the same file")


@pytest.mark.parametrize("flag", ["pred", "label", "id"])
def test_a_column_that_does_not_exist_is_an_error_with_the_nearest_name(plan, flag):
    error = error_of(plan, "ident,p a,0.9 b,0.2", "ident,label a,1 b,0", **{flag: ("Ident",)})
    assert (error.code, error.help) == ("E205", f"did you mean --{flag} ident?")


# --- tolerance and findings ---------------------------------------------------------------------------------------------


FLOAT32 = 2 * 8 * 2.0**-24  # two numbers of 32 bits, each off by eight halves of its last place at most


@pytest.mark.parametrize(
    ("rows", "stored", "rounded", "decimals"),
    [
        ("a,0.90,0.10 b,0.2,0.8", FLOAT32, 2 * 0.005, 2),
        ("a,0.9000,0.1000 b,0.2,0.8", FLOAT32, 2 * 0.00005, 4),
        ("a,9.00e-1,0.1 b,0.2,0.8", FLOAT32, 2 * 0.0005, 3),
        ("a,1,0 b,0,1", FLOAT32, 0.0, 0),
        ("a,0.9000000001,0.0999999999 b,0.2,0.8", 1e-9, 2 * 0.5e-10, 10),
    ],
)
def test_the_tolerance_of_sums_is_the_rounding_that_the_file_shows(plan, rows, stored, rounded, decimals):
    made = plan(f"id,cat,dog {rows}", "id,label a,cat b,dog")
    assert made.stored_deviation == pytest.approx(stored, rel=1e-12)
    assert made.rounded_deviation == pytest.approx(rounded, rel=1e-12)
    assert (made.decimals, made.largest_deviation) == (decimals, 1e-3)
    given = plan(f"id,cat,dog {rows}", "id,label a,cat b,dog", sum_tolerance=0.0)
    assert given.stored_deviation == given.rounded_deviation == given.largest_deviation == 0.0
    assert found(given, "sum tolerance") == ("0", "--sum-tolerance")


def test_of_many_rounded_classes_not_all_errors_go_one_way(plan):
    k = 48
    header = ",".join(["id", *(f"c{index}" for index in range(k))])
    made = plan(f"{header} a,0.53{',0.01' * (k - 1)} b{',0.01' * (k - 1)},0.53", "id,label a,c0 b,c47")
    # The error of one number is uniform, with a variance of 1/12 of the square of its last place.
    assert made.rounded_deviation == pytest.approx(6 * math.sqrt(k / 12) * 0.01, rel=1e-12)


@pytest.mark.parametrize("row", ["0.21,0.8,0", "0.2,0.79,0.00", *(pytest.param(one) for one in ("0.21,0.80", "0.20,0.79"))])
def test_a_row_of_rounded_numbers_may_be_off_by_their_rounding(loss, row):
    _, dog, *owl = row.split(",")
    header, first = ",".join(["id,cat,dog", *["owl"] * len(owl)]), ",".join(["a,0.90,0.10", *["0"] * len(owl)])
    expected = -(math.log(0.9) + math.log(float(dog))) / 2
    assert loss(f"{header} {first} b,{row}", "id,label a,cat b,dog") == pytest.approx(expected, rel=1e-15)


def test_a_row_of_other_numbers_may_not(loss):
    rounded = " ".join(f"{row},0.91,0.10,0.00" for row in range(1000))
    labels = " ".join(["id,label", *(f"{row},{'cat' if row % 2 else 'dog'}" for row in range(1001))])
    error = error_of(loss, f"id,cat,dog,owl {rounded} 1000,0.9111,0.0999,0", labels)
    assert (error.code, error.places[0].line) == ("E504", 1002)


@pytest.mark.parametrize(
    "flags", [{"eps": -1.0}, {"eps": 1.0}, {"eps": math.nan}, {"sum_tolerance": -1.0}, {"sum_tolerance": math.inf}]
)
def test_a_floor_or_tolerance_that_cannot_be_is_a_usage_error(plan, flags):
    assert error_of(plan, P, "id,label a,1 b,0", **flags).code == "E604"


def test_every_decision_is_a_finding_with_its_reason(plan, tmp_path):
    made = plan("id;cat;dog;age a;0.90;0.10;31 b;0.25;0.75;44", "id,kind b,dog a,cat")
    assert list(map(str, made.findings)) == [
        "predictions format: csv, separated by semicolons (the file's first bytes)",
        "labels format: csv, separated by commas (the file's first bytes)",
        f"label: kind (the only column of {tmp_path / 'labels.csv'} that is not an id)",
        "rows matched by: id (the column that both files share)",
        "task: binary (2 probability columns)",
        "classes: cat, dog (the columns' names)",
        "probabilities: cat, dog (named after the classes (the class alone); rows sum to 1)",
        "scale: probs (between 0 and 1, and rows sum to 1)",
        "left out: age (not an id, a label or a probability)",
        "sum tolerance: 0.01 (2 columns printed with 2 decimals)",
        "eps: 2.220446049250313e-16 (the default)",
    ]
