"""Files from which a number comes easily, and the wrong one: what must come out is the right number or an error.

The right number is −Σ ln p / n over the probabilities of the true classes, which stand beside each case.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import celoss
from celoss import CelossError


def trap(name, predictions, labels=None, *, p=(), error="", says="", **options):
    """A case. predictions, labels: CSV or JSON with ` / ` between lines, data in memory, or a function that writes a file.

    p: the probabilities of the true classes; error: the code. With both, either will do. says: part of the message.
    """
    return pytest.param(predictions, labels, p, error, says, options, id=name)


def parquet(columns, **options):
    return lambda path: pd.DataFrame(columns, **options).to_parquet(path)


ANIMALS = "id,cat,dog / a,0.9,0.1 / b,0.2,0.8"
ANIMAL_COLUMNS = {"cat": [0.9, 0.2], "dog": [0.1, 0.8]}
BY_ID = "id,label / b,dog / a,cat"
ONE_ZERO = "id,label / b,0 / a,1"
YES_NO = "id,label / b,no / a,yes"
RIGHT = (0.9, 0.8)  # of the true classes in all of these; for one column 0.9 of a one and 0.2 of a zero
TRUTH_WORDS = ["is", "label", "target", "class", "outcome", "y"]

TRAPS = [
    # --- rows
    *(
        trap(f"ids of other names and forms, {how}", predictions, labels, error="E306", says=says)
        for how, predictions, labels, says in (
            ("case", "case,prob / AB1,.9 / AB2,.2 / AB3,.1", "subject,label / ab3,0 / ab2,0 / ab1,1", "upper and lower case"),
            ("zeros", "case,prob / 001,.9 / 002,.2 / 003,.1", "subject,label / 3,0 / 2,0 / 1,1", "leading zeros"),
            ("a folder", "file,prob / img/x1.png,.9 / img/x2.png,.2", "image,label / x2.png,0 / x1.png,1", "img/"),
            ("an end", "image,prob / x1,.9 / x2,.2", "file,label / x2.png,0 / x1.png,1", ".png"),
        )
    ),
    trap(
        "ids of other names and forms in one order",
        "case,prob / AB1,.9 / AB2,.2 / AB3,.1",
        "subject,label / ab1,1 / ab2,0 / ab3,0",
        p=(0.9, 0.8, 0.9),
    ),
    trap(
        "row names in one file that are out of order, Parquet",
        parquet({"cat": [0.9, 0.2, 0.6], "dog": [0.1, 0.8, 0.4]}, index=[2, 0, 1]),
        parquet({"label": ["dog", "cat", "cat"]}),
        error="E306",
        says="2, 0, 1",
    ),
    trap("row names in one file that are out of order", ",cat,dog / 1,0.9,0.1 / 0,0.2,0.8", "label / dog / cat", error="E306"),
    trap(
        "row names of R in the labels that are out of order",
        "cat,dog / 0.9,0.1 / 0.2,0.8",
        ",label / 2,dog / 1,cat",
        error="E306",
    ),
    trap(
        "row names in one file that are out of order, many",
        parquet({"cat": [0.9, 0.2] * 750, "dog": [0.1, 0.8] * 750}, index=[*range(1499, -1, -1)]),
        parquet({"label": ["cat", "dog"] * 750}),
        error="E306",
    ),
    trap(
        "row names of a part of the rows",
        parquet({"cat": [0.9, 0.2], "dog": [0.1, 0.8]}, index=[7, 3]),
        parquet({"label": ["cat", "dog"]}),
        p=RIGHT,
    ),
    trap(
        "row names of a part of many rows",
        parquet({"cat": [0.9, 0.2] * 750, "dog": [0.1, 0.8] * 750}, index=[*range(1600, 100, -1)]),
        parquet({"label": ["cat", "dog"] * 750}),
        p=RIGHT * 750,
    ),
    trap("row names in one file that are in order", ",cat,dog / 0,0.9,0.1 / 1,0.2,0.8", "label / cat / dog", p=RIGHT),
    trap(
        "row names in one file that are out of order, as told",
        ",cat,dog / 1,0.9,0.1 / 0,0.2,0.8",
        "label / cat / dog",
        id="#",
        p=RIGHT,
    ),
    trap(
        "row names of Parquet and CSV in other orders",
        parquet({"cat": [0.9, 0.2, 0.6], "dog": [0.1, 0.8, 0.4]}, index=[5, 3, 4]),
        ",label / 3,dog / 4,cat / 5,cat",
        p=(0.9, 0.8, 0.6),
    ),
    trap(
        "row names of a range",
        parquet({"cat": [0.9, 0.2, 0.6], "dog": [0.1, 0.8, 0.4]}, index=pd.RangeIndex(9, 3, -2)),
        ",label / 5,cat / 7,dog / 9,cat",
        p=(0.9, 0.8, 0.6),
    ),
    trap("ID and id", ANIMALS.replace("id", "ID"), BY_ID, error="E306", says="--id ID=id"),
    trap("ID and id, named", ANIMALS.replace("id", "ID"), BY_ID, id="ID=id", p=RIGHT),
    trap("file and name", ANIMALS.replace("id", "file"), BY_ID.replace("id", "name"), error="E306", says="file=name"),
    trap("file and name, some in common", ANIMALS.replace("id", "file"), "name,label / b,dog / c,cat", error="E306"),
    trap("numbered rows under two names", "row,p / 5,0.9 / 6,0.2", "key,label / 6,0 / 5,1", error="E306"),
    trap("one column each, swapped", YES_NO, "id,prob / a,0.9 / b,0.2 / c,0.3", error="E408 E410 E505"),
    # --- which column holds the label
    trap("a predicted class and no label", "id,prediction,cat,dog / a,cat,0.9,0.1 / b,dog,0.2,0.8", error="E401"),
    trap(
        "two columns of classes",
        ANIMALS + " / c,0.3,0.7",
        "id,label,species / c,dog,cat / a,cat,dog / b,dog,dog",
        error="E401",
        says="--label label   or --label species",
    ),
    trap("two columns of classes beside them", "cat,dog,label,kind / 0.9,0.1,cat,dog / 0.2,0.8,dog,dog", error="E401"),
    trap("label and target", "p,label,target / 0.9,1,0 / 0.2,0,0", error="E401"),
    trap("one class of two as the label", ANIMALS, "id,dog / b,1 / a,0", error="E401 E406", p=(1 - 0.1, 0.8)),
    trap("one class of two by position", "cat,dog / 0.9,0.1 / 0.2,0.8", "dog / 0 / 1", error="E401 E406", p=(1 - 0.1, 0.8)),
    trap("one class of two, named", ANIMALS, "id,dog / b,1 / a,0", label="dog", error="E406", p=(1 - 0.1, 0.8)),
    trap("a label file without a header", "p_cat,p_dog / 0.9,0.1 / 0.2,0.8 / 0.3,0.7", "cat / dog / cat", error="E204"),
    trap(
        "a label file without a header that starts with a column",
        "cat,dog / 0.9,0.1 / 0.2,0.8 / 0.3,0.7",
        "cat / dog / cat",
        error="E204",
    ),
    trap("a label file without a header, 0 and 1", "p / 0.9 / 0.2", "1 / 0", error="E204"),
    # --- which columns hold the probabilities
    trap("a bad probability beside an age", "id,prob,age / a,0.9,31 / b,1.0000001,44", ONE_ZERO, error="E503", says='"prob"'),
    trap("a bad probability beside a rate", "id,prob,rate / a,0.9,0.3 / b,1.0000001,0.4", ONE_ZERO, error="E503"),
    trap("percentages beside a rate", "id,prob,rate / a,90.5,0.6 / b,20.5,0.3", ONE_ZERO, error="E503", says='"prob"'),
    trap(
        "whole percentages beside a rate",
        "id,prob,rate / a,90,0.6 / b,20,0.3",
        ONE_ZERO,
        error="E503 E407",
    ),
    trap(
        "percentages beside priors",
        "id,p_cat,p_dog,prior_cat,prior_dog / a,90,10,0.6,0.4 / b,20,80,0.3,0.7",
        BY_ID,
        error="E503",
        says="percentages",
    ),
    trap(
        "percentages beside priors, one label",
        "id,p_cat,p_dog,prior_cat,prior_dog / a,90,10,0.6,0.4 / b,20,80,0.3,0.7",
        "id,label / b,cat / a,cat",
        error="E503 E407",
    ),
    trap(
        "percentages beside columns named by the class alone",
        "id,p_cat,p_dog,cat,dog / a,90,10,0.6,0.4 / b,20,80,0.3,0.7",
        BY_ID,
        error="E503 E407",
    ),
    *(
        trap(
            f"the truth in {word}_cat and {word}_dog",
            f"id,rf_cat,rf_dog,{word}_cat,{word}_dog / a,0.9,0.1,1,0 / b,0.2,0.8,0,1",
            BY_ID,
            p=RIGHT,
            error="E407",
        )
        for word in TRUTH_WORDS
    ),
    trap(
        "a column called after the label",
        "id,score2,churn / a,0.5,0.9 / b,0.6,0.2",
        "id,churn / b,0 / a,1",
        label="churn",
        p=RIGHT,
    ),
    trap(
        "a column called after the label, unasked",
        "id,score2,churn / a,0.5,0.9 / b,0.6,0.2",
        "id,churn / b,0 / a,1",
        p=RIGHT,
    ),
    trap("target in both files", "id,target / a,0.9 / b,0.2", "id,target / b,0 / a,1", p=RIGHT),
    trap("a hard 0/1 prediction", "id,prediction / a,1 / b,0", ONE_ZERO, error="E505"),
    trap("a hard prediction beside its label", "label,prediction / 1.0,1.0 / 0.0,0.0", error="E505"),
    trap("a list of one", '{"id":"a","p":[0.9]} / {"id":"b","p":[0.2]}', ONE_ZERO, p=RIGHT),
    trap("an array of one row", [0.9], [1], p=(0.9,)),
    trap("an array of one row and column", [[0.9]], [0], p=(1 - 0.9,)),
    # --- a class that no label names, beside a column of something else
    trap(
        "two classes of rounded numbers beside a small one",
        "id,cat,dog,rate / a,0.7,0.3,0.01 / b,0.5,0.4,0.01 / c,0.2,0.9,0.01",
        "id,label / a,cat / b,dog / c,dog",
        p=(0.7, 0.4, 0.9),
    ),
    # --- which class is the positive one
    trap("a score of the answer", "label,score / POSITIVE,0.99 / NEGATIVE,0.98 / POSITIVE,0.7", error="E407"),
    trap("a score of the answer, in words", "id,answer,score / a,yes,0.9 / b,no,0.8", YES_NO, error="E407"),
    *(
        trap(
            f"a score of the answer under the name of the label, {name}",
            predictions,
            labels,
            error="E407",
            says="one column per class",
        )
        for name, predictions, labels in (
            (
                "label",
                "id,label,score / 1,POSITIVE,0.9 / 2,NEGATIVE,0.8 / 3,POSITIVE,0.6",
                "id,label / 1,POSITIVE / 2,NEGATIVE / 3,NEGATIVE",
            ),
            ("class", "id,class,prob / 1,1,0.9 / 2,0,0.8 / 3,1,0.6", "id,class / 1,1 / 2,0 / 3,0"),
            ("sentiment", "id,sentiment,score / a,yes,0.9 / b,no,0.8 / c,no,0.7", "id,sentiment / a,yes / b,no / c,no"),
            (
                "diagnosis",
                "id,diagnosis,certainty / a,sick,0.9 / b,healthy,0.8 / c,sick,0.7",
                "id,diagnosis / a,sick / b,healthy / c,sick",
            ),
            ("a third answer", "id,label,score / a,pos,0.9 / b,neg,0.8 / c,neu,0.4", "id,label / a,pos / b,neg / c,pos"),
        )
    ),
    trap(
        "a score of the answer under the name of the label, with --positive",
        "id,diagnosis,score / a,sick,0.9 / b,healthy,0.8 / c,sick,0.7",
        "id,diagnosis / a,sick / b,healthy / c,sick",
        positive="sick",
        error="E407",
    ),
    trap("the truth beside the score of the positive", "id,label,p / a,1,0.9 / b,0,0.2", ONE_ZERO, p=RIGHT),
    trap("a score of the positive", "label,score / POSITIVE,0.99 / NEGATIVE,0.25 / POSITIVE,0.7", p=(0.99, 0.75, 0.7)),
    *(
        trap(f"{name} of 1 and 0", f"id,{name} / a,0.9 / b,0.2", ONE_ZERO, error="E404", says="--positive")
        for name in ("p_not_spam", "P(not spam)", "1-p", "1 - p", "p_no", "not_churned", "prob_neg", "non-spam")
    ),
    trap("p_not_spam of spam and ham", "id,p_not_spam / a,0.1 / b,0.8", "id,label / b,ham / a,spam", error="E404"),
    trap("p_no of yes and no", "id,p_no / a,0.1 / b,0.8", YES_NO, p=RIGHT),
    trap("p_0 of 0 and 1", "id,p_0 / a,0.1 / b,0.8", ONE_ZERO, p=RIGHT),
    *(
        trap(f"{name} of {kind}", f"id,{name} / a,0.9 / b,0.2", labels, p=RIGHT, error="E404")
        for name in ("model_0", "dropout_0.1", "no_show", "fold-0", "0")
        for kind, labels in (("1 and 0", ONE_ZERO), ("yes and no", YES_NO))
    ),
    trap("the column 0 that pandas makes up", pd.DataFrame([0.9, 0.2]), [1, 0], error="E404", says="--positive 1"),
    trap("the column 0 of a CSV file by pandas", ",0 / 0,0.9 / 1,0.2", ",label / 0,1 / 1,0", error="E404"),
    trap("the column 0 alone", "0 / 0.9 / 0.2", "label / 1 / 0", error="E204", says="pandas"),
    trap("another spelling of the positive class", "p / 0.9 / 0.8", "label / spam / spam", positive="Spam", error="E605"),
    # --- what the labels mean
    trap("missing labels", "id,p / a,0.9 / b,0.2", "id,label / a,1 / b,NA", error="E404", says="missing label"),
    trap(
        "missing labels among 0 and 1",
        "id,p / a,0.9 / b,0.2 / c,0.5",
        "id,label / a,1 / b,0 / c,NA",
        error="E404 E408",
        says="missing label",
    ),
    trap(
        "columns yes and no of 1 and 0",
        "id,yes,no / a,0.9,0.1 / b,0.2,0.8",
        ONE_ZERO,
        error="E406",
        says="--classes 0=no,1=yes",
    ),
    trap("columns yes and no as told", "id,yes,no / a,0.9,0.1 / b,0.2,0.8", ONE_ZERO, classes={"0": "no", "1": "yes"}, p=RIGHT),
    trap("booleans of get_dummies", ANIMALS, "id,is_dog,is_cat / b,True,False / a,False,True", p=RIGHT),
    trap(
        "booleans of get_dummies under the names of the classes",
        ANIMALS,
        "id,dog,cat / b,True,False / a,False,True",
        p=RIGHT,
    ),
    trap(
        "booleans of get_dummies in Parquet",
        parquet({"id": ["a", "b"], **ANIMAL_COLUMNS}),
        parquet({"id": ["b", "a"], "is_dog": [True, False], "is_cat": [False, True]}),
        p=RIGHT,
    ),
    trap(
        "booleans of get_dummies in Parquet under the names of the classes",
        parquet({"id": ["a", "b"], **ANIMAL_COLUMNS}),
        parquet({"id": ["b", "a"], "dog": [True, False], "cat": [False, True]}),
        p=RIGHT,
    ),
    trap(
        "booleans of get_dummies in memory",
        pa.table({"id": ["a", "b"], **ANIMAL_COLUMNS}),
        pd.get_dummies(pd.DataFrame({"id": ["b", "a"], "is": ["dog", "cat"]}), columns=["is"]),
        p=RIGHT,
    ),
    trap("booleans as labels of one column", [0.9, 0.2], np.array([True, False]), p=RIGHT),
]


def opened(folder, what, name):
    """What `evaluate` takes: the path of a file that is written, or the object itself."""
    if isinstance(what, str):
        (folder / name).write_text(what.replace(" / ", "\n") + "\n")
    elif callable(what):
        what(folder / name)
    else:
        return what
    return str(folder / name)


@pytest.mark.parametrize(("predictions", "labels", "p", "error", "says", "options"), TRAPS)
def test_a_trap_gives_the_right_number_or_an_error(tmp_path, predictions, labels, p, error, says, options):
    inputs = opened(tmp_path, predictions, "preds"), opened(tmp_path, labels, "labels")
    try:
        found = celoss.evaluate(*inputs, **options).log_loss
    except CelossError as raised:
        assert raised.code in error.split(), str(raised)
        assert says in str(raised)
    else:
        assert p, f"scored: {found}"
        assert found == pytest.approx(-math.fsum(map(math.log, p)) / len(p), rel=1e-14)
