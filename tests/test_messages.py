"""The exact text of every error. A case: files (with escapes for bytes), the call if it is not the usual one, the text."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import celoss
from celoss import CelossError
from celoss.files import check_targets
from celoss.report import check_metric

SOURCES = Path(__file__).parent.parent
FILES = {
    "preds.csv": r"id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.10,0.80,0.10\nc,0.20,0.20,0.60\n",
    "labels.csv": r"id,label\na,cat\nb,dog\nc,owl\n",
}
# What only the command can say: tests/test_cli.py.
ELSEWHERE = {"E600", "E704", "E900"}

CASES = r"""
> call: pred.csv labels.csv
error[E101]: no file at 'pred.csv'
  --> argument PREDS
  = help: did you mean 'preds.csv'?
----
> runs/a.csv: id
> runs/b.csv: id
> call: runs labels.csv
error[E102]: 'runs' is a directory
  --> argument PREDS
  = found: 2 files
  = help: name one file
----
> preds.csv:
error[E103]: 'preds.csv' is empty
  --> preds.csv
----
> preds.csv: id,cat,dog\n
error[E103]: 'preds.csv' has a header but no rows
  --> preds.csv:1
  = help: expected one row per case; the program that wrote it may have stopped early
----
> preds.csv: version https://git-lfs.github.com/spec/v1\noid sha256:0\n
error[E104]: 'preds.csv' is not a table
  = found: bytes starting "version https://git-lfs.github.com/spec/"
  = help: this is a Git LFS pointer; fetch the data with `git lfs pull`
----
> labels.csv: id,label\na,cat\nb,d\xf6g\nc,owl\n
error[E105]: 'labels.csv' is not UTF-8
  --> labels.csv:3, column "label"
  = found: "d\xf6g"
  = help: if it is Windows-1252 or Latin-1, convert: iconv -f WINDOWS-1252 -t UTF-8 labels.csv > utf8.csv
----
> call: - -
error[E106]: both inputs are standard input
  --> arguments PREDS and LABELS
  = help: only one of them can be '-'; write the other to a file
----
> preds.csv: \x1f\x8b\x08\0\0\0\0
error[E108]: 'preds.csv' is a damaged or incomplete gzip-compressed file
  --> preds.csv
  = found: Truncated compressed stream
----
> call: preds.csv preds.csv
error[E109]: both inputs are 'preds.csv'
  --> arguments PREDS and LABELS
  = help: when the labels are a column of the predictions, give the file once
----
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.10,0.80\nc,0.20,0.60\n
error[E201]: line 3 has 3 fields, the header has 4
  --> preds.csv:3
  1 | id,cat,dog,owl
  3 | b,0.10,0.80
  = 1 more: line 4 (3 fields)
  = help: the line may be cut off, or a value holds a line break that is not quoted
----
> labels.csv: id,label\na,cat\nb,dog,brown\nc,owl\n
error[E201]: line 3 has 3 fields, the header has 2
  --> labels.csv:3
  1 | id,label
  3 | b,dog,brown
  = help: an unquoted comma inside a value does this, or a missing column name; quote such values with "
----
> preds.csv: id;cat;dog\na;0.7;0.3\n
> with: {"input_format": "csv"}
error[E202]: 'preds.csv' has one column, 'id;cat;dog'
  --> preds.csv:1
  = help: the fields are separated by ';'. Add --input-format 'csv:;'
----
> preds.csv: id,cat,cat\na,0.7,0.3\n
error[E203]: two columns are called "cat"
  --> preds.csv:1
  = found: columns 2 and 3
  = help: give every column its own name
----
> preds.csv: a,0.7,0.2,0.1\nb,0.1,0.8,0.1\n
error[E204]: the header of preds.csv looks like data
  --> preds.csv:1
  1 | a,0.7,0.2,0.1
  = found: 3 numbers among 4 column names
  = help: add a first line with a name for every column, such as id,cat,dog
----
> preds.csv: p_no,p_yes\n0.4,0.6\n0.7,0.3\n
> labels.csv: yes\nno\nyes\n
error[E204]: the header of labels.csv looks like data
  --> labels.csv:1
  1 | yes
  = found: "yes" is a label as well
  = help: add a first line with a name for every column, such as id,label
----
> preds.csv: 0\n0.4\n0.6\n
error[E204]: the header of preds.csv looks like data
  --> preds.csv:1
  1 | 0
  = found: 1 number among 1 column name
  = help: if 0 is no value but the name that pandas makes up, replace it by a name; else add a first line with a name for every column, such as id,cat,dog
----
> with: {"id": "ID"}
error[E205]: no column "ID" in preds.csv
  --> option --id ID
  = found columns: id, cat, dog, owl
  = help: did you mean --id id?
----
> preds.jsonl: {"id": "a", "cat": 0.5}\n[0.5, 0.5]\n
> call: preds.jsonl labels.csv
error[E206]: line 2 is not a JSON object
  --> preds.jsonl:2
  2 | [0.5, 0.5]
  = found: a JSON list
  = help: JSON Lines has one object per line, such as {"id": "a", "p": 0.5}
----
> labels.csv: label\ncat\n
error[E301]: preds.csv has 3 rows, labels.csv has 1
  --> preds.csv
  = found: no column in common, so rows are matched by position
  = help: put the same id column in both files, or name it: --id NAME (--id A=B where the names differ)
----
> preds.csv: id,cat,dog,owl\nb,0.10,0.80,0.10\n
error[E302]: 2 labelled rows have no prediction
  --> labels.csv:2, id "a"
  = 1 more: line 4, id "c"
  = help: every row of labels.csv needs a prediction: add it to preds.csv, or remove the row from labels.csv
----
> labels.csv: id,label\na,cat\nc,owl\n
error[E303]: 1 prediction has no label
  --> preds.csv:3, id "b"
  = help: every row of preds.csv needs a label: add it to labels.csv, or remove the row from preds.csv
----
> labels.csv: id,label\na,cat\nb,dog\nc,owl\na,dog\nb,dog\nc,dog\na,dog\n
error[E304]: id "a" occurs twice in labels.csv
  --> labels.csv:5, id "a"
  = 3 more: line 6, id "b"; line 7, id "c"; and 1 not shown
  = first at labels.csv:2
  = help: keep one row per id in labels.csv; if the column is no id, match by row order: --id '#'
----
> preds.csv: id,p\n1,0.5\n2,0.5\n
> labels.csv: id,label\n001,1\n002,0\n
error[E305]: no id of preds.csv is in labels.csv
  --> preds.csv:2, id "1"
  = found: "1", "2" in preds.csv and "001", "002" in labels.csv
  = help: the ids differ by leading zeros; a spreadsheet may have removed them. Write both alike
----
> preds.csv: id,fold,p\n1,1,0.5\n2,1,0.5\n
> labels.csv: id,fold,label\n1,1,1\n2,1,0\n
error[E306]: which column matches the rows?
  --> labels.csv:1
  = found "id", "fold" in both files
  = help: choose one: --id id   or all of them together: --id id --id fold
----
> preds.csv: ID,p\n1,0.5\n2,0.5\n
> labels.csv: id,label\n2,1\n1,0\n
error[E306]: which column matches the rows?
  --> labels.csv:1
  = found "ID" in preds.csv and "id" in labels.csv, which look alike
  = help: if they are ids: --id 'ID=id'; to match by the order of rows: --id '#'
----
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\n,0.10,0.80,0.10\n
> labels.csv: id,label\na,cat\n
error[E307]: 1 id is empty
  --> preds.csv:3, column "id"
  3 | ,0.10,0.80,0.10
    | ^
  = help: give every row an id, or match by row order: --id '#'
----
> labels.csv: id,kind,site\na,cat,dog\nb,dog,cat\nc,owl,owl\n
error[E401]: which column holds the label?
  --> labels.csv:1
  = found columns: id, kind, site
  = help: say which: --label kind   or --label site
----
> labels.csv: id,guess\na,cat\nb,dog\nc,owl\n
error[E401]: which column holds the label?
  --> labels.csv:1
  = found columns: id, guess
  = help: "guess" sounds like the answer of the model; if it is the truth: --label guess
----
> call: preds.csv
error[E401]: which column holds the label?
  --> preds.csv:1
  = found columns: id, cat, dog, owl
  = help: give the labels file as the second argument, or name the column: --label NAME
----
> preds.csv: id,label\na,cat\nb,dog\n
> labels.csv: id,cat,dog\na,0.7,0.3\nb,0.4,0.6\n
error[E401]: which column holds the label?
  --> labels.csv:1
  = found columns: id, cat, dog
  = help: the two files look swapped: the predictions come first, then the labels
----
> labels.csv: id,label\na,cat\nb,bird\nc,cow\n
error[E402]: label "bird" is not one of the predicted classes
  --> labels.csv:3, column "label"
  = 1 more: line 4, column "label" (cow)
  = found 2 rows with such labels; predicted classes: cat, dog, owl
  = help: add a column "bird" to preds.csv, or fix the label
----
> labels.csv: id,label\na,cat\nb,Dog\nc,owl\n
error[E402]: label "Dog" is not one of the predicted classes
  --> labels.csv:3, column "label"
  = found 1 row with such labels; predicted classes: cat, dog, owl
  = help: the nearest class is "dog"; spelling, case and spaces count
----
> labels.csv: id,label\na,x\nb,y\nc,z\n
error[E402]: label "x" is not one of the predicted classes
  --> labels.csv:2, column "label"
  = found labels: x, y, z; predicted classes: cat, dog, owl
----
> labels.csv: id,label\na,0\nb,1\nc,2\n
> with: {"classes": {"0": "cat", "1": "dog"}}
error[E402]: label "2" is not one of the predicted classes
  --> labels.csv:4, column "label"
  = found 1 row with such labels; predicted classes: cat, dog, owl
  = help: say what it means as well: --classes …,2=CLASS
----
> preds.csv: id,x,y\na,0.5,0.2\nb,0.5,0.2\nc,0.5,0.2\n
error[E402]: label "cat" is not one of the predicted classes
  --> labels.csv:2, column "label"
  = found labels: cat, dog, owl; columns of numbers: x, y
  = help: name every probability column after its class
----
> labels.csv: id,label\na,cat\nb,\nc,  \n
error[E403]: 2 labels are empty
  --> labels.csv:3, column "label"
  3 | b,
    |   ^
  = 1 more: line 4, column "label" (  )
  = help: give every row a label, or leave such rows out of both files
----
> labels.csv: id,label\na,\nb,\nc,\n
error[E403]: all labels are empty
  --> labels.csv:1, column "label"
  = help: choose another column: --label NAME
----
> preds.csv: id,score\na,0.5\nb,0.5\nc,0.5\n
> labels.csv: id,label\na,stay\nb,churn\nc,stay\n
error[E404]: which class is the positive one?
  --> preds.csv:1, column "score"
  = found labels: churn (1), stay (2)
  = help: say what "score" is the probability of: --positive stay   or --positive churn
----
> preds.csv: id,score\na,0.5\nb,0.5\nc,0.5\n
> labels.csv: id,label\na,1\nb,NA\nc,1\n
error[E404]: which class is the positive one?
  --> preds.csv:1, column "score"
  = found labels: 1 (2), NA (1)
  = help: if "NA" is no class but a missing label, leave those rows out of both files
----
> preds.csv: id,cat,dog,owl,age\na,0.70,0.20,0.20,31.5\nb,0.10,0.90,0.10,44.0\nc,0.20,0.20,0.70,9.25\n
error[E405]: 1 column of preds.csv is not a class
  --> preds.csv:1
  = found: "age"; labels: cat, dog, owl
  = help: name the class columns: --pred cat,dog,owl
----
> labels.csv: id,label\na,0\nb,1\nc,2\n
error[E406]: labels are numbers, the columns are names
  --> labels.csv:2, column "label"
  = found labels 0 to 2; columns cat, dog, owl
  = help: if 0 means cat, 1 means dog, 2 means owl: --classes 0=cat,1=dog,2=owl
----
> preds.csv: id,no,yes\na,0.5,0.5\nb,0.5,0.5\n
> labels.csv: id,label\na,1\nb,0\n
error[E406]: labels and columns name two classes in different words
  --> labels.csv:2, column "label"
  = found labels 1, 0; columns no, yes
  = help: if they mean the same: --classes 0=no,1=yes
----
> preds.csv: id,x,y\na,0.5,0.2\nb,0.5,0.2\n
> labels.csv: id,label\na,0\nb,1\n
error[E407]: which column holds the probabilities?
  --> preds.csv:1
  = found "x", "y"; labels: 0, 1
  = help: say which: --pred x   or --pred y
----
> preds.csv: id,x_cat,x_dog,z_cat,z_dog\na,0.5,0.5,0.1,0.9\nb,0.5,0.5,0.2,0.8\n
> labels.csv: id,label\na,cat\nb,dog\n
error[E407]: two sets of columns could be the probabilities
  --> preds.csv:1
  = found z_cat,z_dog
  = found x_cat,x_dog
  = help: choose one: --pred x_cat,x_dog
----
> preds.csv: id,confidence\na,0.5\nb,0.5\n
> labels.csv: id,label\na,0\nb,1\n
error[E407]: "confidence" may be the probability of the predicted class, not of the positive one
  --> preds.csv:1
  = help: if it is the probability of the positive class: --pred confidence
----
> preds.csv: id,score\na,0.5\nb,0.5\nc,0.5\n
error[E408]: 3 labels, but one probability column
  --> labels.csv:1, column "label"
  = found labels: cat, dog, owl; probability column "score"
  = help: one column fits two classes; more classes need one column each
----
> labels.csv: id,x,y,z\na,1,0,0\nb,0,1,0\nc,0,0,1\n
> with: {"label": ["x", "y", "z"]}
error[E409]: 3 label columns and 3 probability columns do not pair by name
  --> preds.csv:1
  = found labels x, y, z; probabilities cat, dog, owl
  = help: name them in pairs, such as prob_cat and cat, or choose: --pred A,B --label A,B
----
> preds.csv: id,text\na,x\nb,y\nc,z\n
error[E410]: no column of preds.csv holds probabilities
  --> preds.csv:1
  = found columns: id, text
----
> labels.csv: id,cat,dog,owl\na,1,0,0\nb,1,1,0\nc,0,0,1\n
> with: {"label": ["cat", "dog", "owl"]}
error[E411]: 1 row does not have a 1 in exactly one label column and 0 elsewhere
  --> labels.csv:3
  3 | b,1,1,0
  = label columns: cat, dog, owl
  = help: each row has one true class: 1 in its column, 0 in the others
----
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.10,n/a,0.10\nc,,0.20,0.60\n
error[E501]: "n/a" is not a number
  --> preds.csv:3, column "dog"
  3 | b,0.10,n/a,0.10
    |        ^^^
  = help: give every row a probability for every class (0 is allowed)

error[E502]: 1 probability is missing
  --> preds.csv:4, column "cat"
  4 | c,,0.20,0.60
    |   ^
  = help: the model produced NaN or wrote nothing; fill them, or leave these rows out of both files
----
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.10,"0,80",0.10\nc,0.2,0.2,0.6\n
error[E501]: "0,80" is not a number
  --> preds.csv:3, column "dog"
  3 | b,0.10,"0,80",0.10
    |        ^^^^^^
  = help: write a decimal point, not a comma: 0.80
----
> preds.csv: id,p\na,50%\nb,20%\n
> labels.csv: id,label\na,1\nb,0\n
error[E501]: "50%" is not a number
  --> preds.csv:2, column "p"
  = help: write the share, not the percentage: 0.5 for 50%
----
> preds.csv: id,cat,dog,owl\na,70,20,10\nb,10,80,10\nc,20,20,60\n
error[E503]: 9 probabilities are outside 0 to 1
  --> preds.csv:2, column "cat"
  2 | a,70,20,10
    |   ^^
  = 8 more: line 2, column "dog" (20); line 2, column "owl" (10); and 6 not shown
  = help: these are percentages; divide by 100
----
> preds.csv: id,cat,dog,owl\na,2.1,-1,0.1\nb,-2,3.5,1.5\nc,-0.5,-1,4\n
error[E503]: 8 probabilities are outside 0 to 1
  --> preds.csv:2, column "cat"
  2 | a,2.1,-1,0.1
    |   ^^^
  = 7 more: line 2, column "dog" (-1); line 3, column "cat" (-2); and 5 not shown
  = help: these look like raw model scores (logits): apply the softmax first
----
> preds.csv: id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.25,0.25,0.25\nc,0.20,0.20,0.60\n
error[E504]: 1 row does not sum to 1
  --> preds.csv:3
  3 | b,0.25,0.25,0.25
  = found a sum of 0.75; expected 1 within 0.001, or 0.015 for rows rounded to 2 decimals
  = help: probability columns: cat, dog, owl; if a class is missing or one is no class, name them: --pred A,B
----
> preds.csv: id,prediction\na,cat\nb,cat\nc,owl\n
error[E505]: preds.csv holds class names, not probabilities
  --> preds.csv:2, column "prediction"
  = help: log loss needs probabilities: write the output of predict_proba, not of predict
----
> preds.jsonl: {"id": 1, "p": [0.5, 0.5]}\n{"id": 2, "p": [1]}\n
> labels.csv: id,label\n1,0\n2,1\n
> call: preds.jsonl labels.csv
error[E507]: 1 row does not have a probability for each class
  --> preds.jsonl:2, column "p"
  2 | {"id": 2, "p": [1]}
  = found 1 number; the first row has 2
  = help: every list needs the same length, one number per class
----
> with: {"input_format": "xls"}
error[E603]: no input format 'xls'
  --> option --input-format xls
  = formats: csv, tsv, jsonl, parquet, arrow, npy; csv:X for fields separated by X
----
> with: {"eps": 1.5}
error[E604]: --eps cannot be 1.5
  --> option --eps 1.5
  = help: eps is a probability: 0 or more and below 1
----
> with: {"positive": "cat"}
error[E605]: --positive cannot be cat
  --> option --positive cat
  = help: it is for two classes; the classes are cat, dog, owl
----
> with: {"rows_path": "rows.xls"}
error[E701]: don't know how to write 'rows.xls'
  --> option --rows rows.xls
  = help: use one of .csv .jsonl .parquet
----
> with: {"rows_path": "out/rows.csv"}
error[E702]: cannot write 'out/rows.csv': the folder 'out' does not exist
  --> option --rows out/rows.csv
  = help: mkdir -p out
"""


def bug(reason):
    return pytest.mark.xfail(strict=True, reason=reason)


def parsed(case):
    """The files, the arguments, the options and the text of a case; `bug` says why the text is not yet so."""
    lines = case.strip("\n").split("\n")
    files, call, options, marks = dict(FILES), "preds.csv labels.csv", {}, ()
    while lines[0].startswith("> "):
        name, _, content = lines.pop(0)[2:].partition(":")
        if name == "call":
            call = content
        elif name == "with":
            options = json.loads(content)
        elif name == "bug":
            marks = bug(content.strip())
        else:
            files[name] = content.removeprefix(" ")
    return pytest.param(files, call.split(), options, "\n".join(lines), marks=marks, id=lines[0][6:10])


PARSED = [parsed(case) for case in CASES.split("----\n")]


def text_of(function, *arguments, **options):
    with pytest.raises(CelossError) as caught:
        function(*arguments, **options)
    return str(caught.value)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Writes files into an empty working folder; escapes stand for bytes."""
    monkeypatch.chdir(tmp_path)

    def _files(contents):
        for name, content in contents.items():
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).write_bytes(content.encode("latin-1").decode("unicode_escape").encode("latin-1"))

    return _files


@pytest.mark.parametrize(("contents", "call", "options", "text"), PARSED)
def test_an_error_says_what_where_and_what_to_do(files, contents, call, options, text):
    files(contents)
    assert text_of(celoss.evaluate, *call, **options) == text


def test_json_lines_that_change_the_kind_of_a_value_say_where(files):
    files({"preds.jsonl": '{"p": 0.5}\\n' * 1001 + '{"p": "half"}\\n', "labels.csv": "y\\n" + "0\\n1\\n" * 501})
    assert text_of(celoss.evaluate, "preds.jsonl", "labels.csv") == (
        'error[E208]: "half" is not a number\n'
        '  --> preds.jsonl:1002, column "p"\n'
        "  = help: a column holds one kind of value on all lines"
    )


def test_a_field_without_end_says_where(files, monkeypatch):
    monkeypatch.setattr("celoss.sources.text.LONGEST_FIELD", 20)
    files({"preds.csv": "id,p\\na,0.5\\n" + "b" * 21 + ",0.5\\n", "labels.csv": "id,y\\na,1\\n"})
    try:
        text = text_of(celoss.evaluate, "preds.csv", "labels.csv")
    finally:
        monkeypatch.undo()
        celoss.evaluate([0.5], [1])
    assert text == "error[E207]: cannot read the text: field larger than field limit (20)\n  --> preds.csv:3"


IN_MEMORY = [
    (
        lambda: celoss.log_loss(["a", "b"], [[0.5, 0.5], [0.5, 0.5]], classes=["a", "b", "c"]),
        """\
error[E209]: the predictions array has 2 columns and 3 names
  = help: give one name per column, in their order""",
    ),
    (
        lambda: celoss.evaluate(pa.table([["a"], [0.5], [0.5]], names=["id", "p", "p"]), [1]),
        """\
error[E203]: two columns are called "p"
  --> the predictions table
  = found: columns 2 and 3
  = help: give every column its own name""",
    ),
    (
        lambda: celoss.evaluate(pa.table({"cat": [0.5, 2.0, 0.5], "dog": [0.5] * 3}), ["cat", "dog", "dog"]),
        """\
error[E503]: 1 probability is outside 0 to 1
  --> the predictions table, row 2, column "cat\"""",
    ),
    (
        lambda: check_metric("logloss", "--only"),
        """\
error[E601]: no metric "logloss"
  --> option --only logloss
  = metrics: accuracy, brier, brier_sum, kl_divergence, label_entropy, log_loss, reference_log_loss, skill
  = help: did you mean --only log_loss?""",
    ),
    (
        lambda: check_targets([("-o", "a.json"), ("--rows", "b.csv")], ["./b.csv", "-", None]),
        """\
error[E705]: cannot write 'b.csv': it is an input
  --> option --rows b.csv
  = help: write to another file""",
    ),
    (
        lambda: check_targets([("-o", "a.csv"), ("--rows", "a.csv")], ["b.csv", None]),
        """\
error[E705]: cannot write 'a.csv': it is written twice
  --> option --rows a.csv
  = help: write to another file""",
    ),
]


@pytest.mark.parametrize(("function", "text"), IN_MEMORY, ids=[text[6:10] for _, text in IN_MEMORY])
def test_an_error_about_data_in_memory_names_rows_and_no_file(function, text):
    assert text_of(function) == text


def test_every_code_has_its_text_tested():
    sources = [path.read_text() for folder in ("core", "cli") for path in (SOURCES / folder).rglob("*.py")]
    raised = {code for text in sources for code in re.findall(r'"(?:error\[)?(E\d{3})\b', text)}
    here = set(re.findall(r"error\[(E\d{3})\]", Path(__file__).read_text()))
    assert raised - here == ELSEWHERE


def test_control_characters_of_a_file_do_not_reach_the_terminal(files):
    files({**FILES, "labels.csv": r"id,label\na,cat\nb,\x1b[31mred\x07\nc,owl\n"})
    text = text_of(celoss.evaluate, "preds.csv", "labels.csv")
    assert text.startswith(r'error[E402]: label "\x1b[31mred\x07" is not one of the predicted classes')
    assert "\x1b" not in text and "\x07" not in text


def test_a_long_value_is_shortened_in_its_middle(files):
    files({**FILES, "labels.csv": rf"id,label\na,cat\nb,{'x' * 50}{'y' * 50}\nc,owl\n"})
    assert f'label "{"x" * 20}…{"y" * 19}" is not' in text_of(celoss.evaluate, "preds.csv", "labels.csv")


# --- texts that are not true, or not English ----------------------------------------------------------------------------

MANY = r"a,0\na,1\n" * 500
UNTRUE = {
    "two bad cells among good rows are no logits": (
        {"preds.csv": r"id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.1,1.8,0.1\nc,0.20,0.20,-0.6\n"},
        "raw model scores",
    ),
    "a row that is in one file only cannot be left out of both": ({"labels.csv": r"id,label\na,cat\n"}, "out of both"),
    "the lines have more values than the header": (
        {"preds.csv": r"cat,dog\na,0.7,0.3\nb,0.2,0.8\n"},
        "every line needs a value",
    ),
    "the column that matches the rows is not the label": ({"labels.csv": r"id,x,y\na,1,t\nb,2,v\nc,3,z\n"}, "--label id"),
    "these labels match no column, so they are no label column": pytest.param(
        {"preds.csv": r"id,cat,dog\n0,0.7,0.3\n1,0.2,0.8\n", "labels.csv": r"id,cat,dog\n0,1,0\n1,0,1\n"},
        "--label id",
        marks=bug("an id of 0 and 1 counts as a 0/1 column"),
    ),
    "a column named after a class is 1 for that class": pytest.param(
        {"preds.csv": r"id,dog,cat\na,0.7,0.3\nb,0.2,0.8\n", "labels.csv": r"id,dog\na,1\nb,0\n"},
        "0=dog",
    ),
    "a lone -1 is not a misspelt 1": (
        {"preds.csv": "id,p" + r"\na,0.5" * 1001, "labels.csv": rf"id,y\n{MANY}a,-1\n"},
        'class is "1"',
    ),
    "an id is no class": (
        {"preds.csv": r"id,cat,dog\n1,0.70,0.30\n2,1.20,0.10\n", "labels.csv": r"label\ncat\ndog\n"},
        "dog, id",
    ),
}


@pytest.mark.parametrize(("contents", "wrong"), UNTRUE.values(), ids=UNTRUE)
def test_a_message_is_true_for_the_input(files, contents, wrong):
    files(FILES | contents)
    options = {'class is "1"': {"id": "#"}, "0=dog": {"label": "dog"}}.get(wrong, {})
    assert wrong not in text_of(celoss.evaluate, "preds.csv", "labels.csv", **options)


def test_a_place_in_json_names_the_file_alone(files):
    files(FILES | {"preds.csv": r"id,cat,cat\na,0.7,0.3\n"})
    with pytest.raises(CelossError) as caught:
        celoss.evaluate("preds.csv", "labels.csv")
    assert caught.value.places[0].to_dict()["file"] == "preds.csv"


@pytest.mark.parametrize("shape", [(1, 2, 3), (2, 2), (0, 2), ()])
def test_messages_about_data_in_memory_are_sentences(shape):
    values = np.zeros(shape) if shape else pa.table({"p": [[1.0, 0.0], [1.0], [1.0, 0.0]]})
    wrong = "the predictions is|the predictions has|the labels has|has a header|'the predictions'|1 numbers"
    assert not re.search(wrong, text_of(celoss.evaluate, values, [0, 1, 0]))
