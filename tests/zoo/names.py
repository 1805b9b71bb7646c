"""The zoo: headers and class names."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from tests.zoo.case import LABELS, PREDS, Case
from tests.zoo.cells import ROWS, ROWS_OF_LABELS, table, with_cell

LOSS = -(math.log(0.7) + math.log(0.8) + math.log(0.6)) / 3
# A spelling of "dog", as a message shows it, and in what it differs.
SPELLINGS = (
    ("Dog", "Dog", "upper and lower case"),
    ("DOG", "DOG", "upper and lower case"),
    (" dog", " dog", "spaces around it"),
    ("dog ", "dog ", "spaces around it"),
    (" Dog", " Dog", "spaces around it and upper and lower case"),
    ("dog\u00a0", "", "a no-break space (U+00A0)"),
    ("\u2003dog", "", "an em space (U+2003)"),
    ("dog\t", r"dog\t", "a tab"),
    ("dog\n", r"dog\n", "a line break"),
    ("\u200bdog", r"\u200bdog", "an invisible character: zero-width space (U+200B)"),
    ("dog\ufeff", r"dog\ufeff", "an invisible character: zero-width no-break space (U+FEFF)"),
    ("do\u00adg", r"do\xadg", "an invisible character: soft hyphen (U+00AD)"),
    ("\u202edog", r"\u202edog", "an invisible character: right-to-left override (U+202E)"),
    ("d\u043eg", "d\u043eg", 'the letter "\u043e", which is Cyrillic small letter o (U+043E)'),
    ("\u0501og", "\u0501og", 'the letter "\u0501", which is Cyrillic small letter komi de (U+0501)'),
    ("ｄｏｇ", "ｄｏｇ", "the width or form of its characters"),
)
# Two names of one class that look alike, the label's and the column's.
PAIRS = (
    ("caf\u00e9", "cafe\u0301", "the Unicode normal form of its accents"),
    ("cafe\u0301", "caf\u00e9", "the Unicode normal form of its accents"),
    ("hot  dog", "hot dog", "the spaces in it"),
    ("hot dog", "hot\u00a0dog", "a no-break space (U+00A0)"),
    ("hot\u2009dog", "hot dog", "a thin space (U+2009)"),
    ("7", "007", "leading zeros"),
    ("\uff11", "1", "the width or form of its characters"),
)


def _predictions(names: Sequence[str]) -> str:
    return table(["id", *names], ROWS)


def _spellings() -> Iterator[Case]:
    for name, shown, what in SPELLINGS:
        yield Case(
            f"a label {name!a} beside a column dog",
            {"labels.csv": table(("id", "label"), with_cell(ROWS_OF_LABELS, (1,), 1, name))},
            error="E402",
            says=(
                f'label "{shown}" is not one of the predicted classes' if shown else "is not one of the predicted classes",
                'labels.csv:3, column "label"',
                f'= help: the class "dog" differs from it only in {what}; write both alike',
            ),
        )
        yield Case(
            f"a column {name!a} beside a label dog",
            {"preds.csv": _predictions(["cat", name, "owl"])},
            error="E402",
            says=(
                'label "dog" is not one of the predicted classes',
                'labels.csv:3, column "label"',
                f'= help: the class "{shown}" differs from it only in {what}; write both alike' if shown else what,
            ),
        )
    for label, column, what in PAIRS:
        yield Case(
            f"a label {label!a} beside a column {column!a}",
            {
                "preds.csv": _predictions(["cat", column, "owl"]),
                "labels.csv": table(("id", "label"), with_cell(ROWS_OF_LABELS, (1,), 1, label)),
            },
            error="E402",
            says=('labels.csv:3, column "label"', f"differs from it only in {what}; write both alike"),
        )


def _all_differ() -> Iterator[Case]:
    for what, change in (
        ("upper and lower case", str.title),
        ("an invisible character: soft hyphen (U+00AD)", lambda name: name[0] + "\u00ad" + name[1:]),
    ):
        yield Case(
            f"all columns differ from the labels in {what}",
            {"preds.csv": _predictions([change(name) for name in ("cat", "dog", "owl")])},
            error="E402",
            says=('label "cat" is not one of', "labels.csv:2", f"differs from it only in {what}; write both alike"),
        )
    for what, change in (
        ("upper and lower case", str.title),
        ("spaces around it", " {}".format),
        ("spaces around it", "{} ".format),
        ("a no-break space (U+00A0)", "\u00a0{}".format),
        ("an invisible character: zero-width space (U+200B)", "\u200b{}".format),
    ):
        yield Case(
            f"all labels differ from the columns in {what}, as in {change('cat')!a}",
            {"labels.csv": table(("id", "label"), [(key, change(name)) for key, name in ROWS_OF_LABELS])},
            error="E402",
            says=("labels.csv:2", f'the class "cat" differs from it only in {what}; write both alike'),
        )
    # One way of writing all columns is how the file was written; that it was undone is said.
    for change, shown in (
        (" {}", '" cat", " dog", " owl"'),
        ("{} ", '"cat ", "dog ", "owl "'),
        ("{}\n", r'"cat\n"'),
        ("\u200b{}", r'"\u200bcat"'),
    ):
        yield Case(
            f"all columns are written {change.format('cat')!a}",
            {"preds.csv": _predictions([change.format(name) for name in ("cat", "dog", "owl")])},
            says=("note[N9]: ", shown, "are taken as the classes cat, dog, owl"),
            metrics={"log_loss": LOSS},
            rows=3,
        )
    yield Case(
        "spaces after all commas of both files",
        {"preds.csv": PREDS.replace(",", ", "), "labels.csv": LABELS.replace(",", ", ")},
        metrics={"log_loss": LOSS},
        rows=3,
    )


def _twice() -> Iterator[Case]:
    for names, says in (
        (["cat", "dog", "dog"], ('two columns are called "dog"', "found: columns 3 and 4")),
        (["dog", "dog", "dog"], ('3 columns are called "dog"', "found: columns 2, 3 and 4")),
        (["cat", "id", "dog"], ('two columns are called "id"', "found: columns 1 and 3")),
        (["dog", " dog", "owl"], ('the columns "dog" and " dog" differ only in spaces around it',)),
        (["dog", "dog\u200b", "owl"], (r'the columns "dog" and "dog\u200b" differ only in an invisible character',)),
        (["caf\u00e9", "cafe\u0301", "owl"], ("differ only in the Unicode normal form of its accents",)),
    ):
        label = names[0] if names[0] != "cat" else "owl"
        yield Case(
            f"the columns {', '.join(names)!a}",
            {"preds.csv": _predictions(names), "labels.csv": f"id,label\na,{label}\nb,owl\nc,owl\n"},
            error="E203",
            says=(*says, "preds.csv:1", "= help: give every column its own name"),
        )
    yield Case(
        "two columns called label",
        {"labels.csv": "id,label,label\na,cat,dog\nb,dog,dog\nc,owl,dog\n"},
        error="E203",
        says=('two columns are called "label"', "labels.csv:1"),
    )
    yield Case(
        "columns 1 and 1.0",
        {"preds.csv": _predictions(["1", "1.0", "2"]), "labels.csv": "id,label\na,1\nb,2\nc,2\n"},
        error="E203",
        says=('the columns "1" and "1.0" are both of class 1', "preds.csv:1"),
    )


def _good() -> Iterator[Case]:
    for what, names in (
        ("Namibia is NA", ["NA", "BW", "ZA"]),
        ("words that stand for missing values", ["nan", "null", "None"]),
        ("a class called label", ["label", "dog", "owl"]),
        ("numbers", ["0", "1", "2"]),
        ("numbers with leading zeros", ["007", "008", "009"]),
        ("upper and lower case of one letter", ["a", "A", "b"]),
        ("booleans and a word", ["True", "False", "unknown"]),
        ("Hebrew, Chinese, Arabic", ["כלב", "猫", "قط"]),
        ("emoji", ["👩\u200d🔬", "🐕", "🦉"]),
        ("accents as two characters in both files", ["cafe\u0301", "the\u0301", "eau"]),
        ("commas, quotes and line breaks", ["a,b", 'say "hi"', "two\nlines"]),
        ("spaces in both files", [" cat", "d  og", "owl "]),
        ("formulas of a spreadsheet", ["=1+1", "=A1", "@x"]),
        ("very long names", ["x" * 5000, "x" * 4999 + "y", "z" * 5000]),
        ("dates", ["2024-01-01", "2024-01-02", "2024-01-03"]),
        ("brackets and braces", ["[cat]", "{dog}", "%(owl)s"]),
        ("markup", ["<b>", "[red]x[/red]", "{{name}}"]),
    ):
        labels = [(key, name) for (key, _), name in zip(ROWS_OF_LABELS, names, strict=True)]
        yield Case(
            f"classes: {what}",
            {"preds.csv": _predictions(names), "labels.csv": table(("id", "truth"), labels)},
            metrics={"log_loss": LOSS},
            rows=3,
        )
    for before, after in (("p_", ""), ("prob_", ""), ("", "_prob"), ("P(", ")"), ("predict_proba[", "]"), ("class ", "")):
        yield Case(
            f"columns {before}cat{after}",
            {"preds.csv": _predictions([f"{before}{name}{after}" for name in ("cat", "dog", "owl")])},
            metrics={"log_loss": LOSS},
            rows=3,
        )


def _headers() -> Iterator[Case]:
    yield Case(
        "a column of a class without a name",
        {"preds.csv": _predictions(["cat", "", "owl"])},
        error="E402",
        says=('label "dog" is not one of the predicted classes', "labels.csv:3", "column 3 of preds.csv has no name"),
    )
    yield Case(
        "a class without a column",
        {"preds.csv": "id,cat,dog\na,0.70,0.30\nb,0.20,0.80\nc,0.40,0.60\n"},
        error="E402",
        says=('label "owl" is not one of the predicted classes', "labels.csv:4", 'add a column "owl" to preds.csv'),
    )
    yield Case(
        "columns numbered from 1 beside labels numbered from 0",
        {"preds.csv": _predictions(["1", "2", "3"]), "labels.csv": "id,label\na,0\nb,1\nc,2\n"},
        error="E402",
        says=(
            'label "0" is not one of the predicted classes',
            "labels.csv:2",
            "if the labels count from 0 and the columns from 1: --classes 0=1,1=2,2=3",
        ),
    )
    yield Case(
        "columns numbered from 0 beside labels numbered from 1",
        {"preds.csv": _predictions(["0", "1", "2"]), "labels.csv": "id,label\na,1\nb,2\nc,3\n"},
        error="E402",
        says=(
            'label "3" is not one of the predicted classes',
            "labels.csv:4",
            "if the labels count from 1 and the columns from 0: --classes 1=0,2=1,3=2",
        ),
    )
    yield Case(
        "what the hint says for labels that count from 0",
        {"preds.csv": _predictions(["1", "2", "3"]), "labels.csv": "id,label\na,0\nb,1\nc,2\n"},
        command="preds.csv labels.csv --classes 0=1,1=2,2=3",
        metrics={"log_loss": LOSS},
        rows=3,
    )
    yield Case(
        "names of columns beside labels that are numbers",
        {"labels.csv": "id,label\na,0\nb,1\nc,2\n"},
        error="E406",
        says=("if 0 means cat, 1 means dog, 2 means owl: --classes 0=cat,1=dog,2=owl",),
    )
    yield Case(
        "names of columns beside labels that count from 1",
        {"labels.csv": "id,label\na,1\nb,2\nc,3\n"},
        error="E406",
        says=("if 1 means cat, 2 means dog, 3 means owl: --classes 1=cat,2=dog,3=owl",),
    )
    yield Case(
        "two columns numbered from 0 beside labels numbered from 1",
        {"preds.csv": "id,0,1\na,0.7,0.3\nb,0.2,0.8\n", "labels.csv": "id,label\na,1\nb,2\n"},
        error="E402",
        says=("if the labels count from 1 and the columns from 0: --classes 1=0,2=1",),
    )
    yield Case(
        "two columns numbered from 0 beside three labels",
        {"preds.csv": "id,0,1\na,0.7,0.3\nb,0.2,0.8\nc,0.5,0.5\n", "labels.csv": "id,label\na,1\nb,2\nc,0\n"},
        error="E402",
        says=('add a column "2" to preds.csv',),
    )
    yield Case(
        "a numbered class without a column",
        {
            "preds.csv": _predictions(["class_1", "class_2", "class_3"]),
            "labels.csv": "id,label\na,class_1\nb,class_3\nc,class_13\n",
        },
        error="E402",
        says=('add a column "class_13" to preds.csv',),
    )
    yield Case(
        "a class without a column, and rows that miss it",
        {"preds.csv": "id,cat,dog\na,0.70,0.21\nb,0.11,0.82\nc,0.21,0.24\n"},
        error="E402",
        says=('add a column "owl" to preds.csv', "error[E504]: 3 rows do not sum to 1"),
    )
    yield Case(
        "0/1 columns under the names of the probabilities, and a column of a split",
        {
            "labels.csv": "id,cat,dog,owl,Usage\na,1,0,0,Public\nb,0,1,0,Private\nc,0,0,1,Public\n",
        },
        metrics={"log_loss": LOSS},
        rows=3,
    )
    yield Case(
        "probabilities of both files under the same names, and a label",
        {"labels.csv": "id,cat,dog,owl,y\na,0.3,0.3,0.4,cat\nb,1,0,0,dog\nc,0,1,0,owl\n"},
        metrics={"log_loss": LOSS},
        rows=3,
    )
    yield Case(
        "no header in the predictions",
        {"preds.csv": PREDS.partition("\n")[2]},
        error="E204",
        says=("the header of preds.csv looks like data", "1 | a,0.70,0.20,0.10", "add a first line with a name"),
    )
    yield Case(
        "no header in the labels",
        {"labels.csv": "a,cat\nb,dog\nc,owl\nd,cat\n", "preds.csv": PREDS + "d,0.5,0.25,0.25\n"},
        error="E204",
        says=("the header of labels.csv looks like data", '"cat" is a predicted class', "add a first line with a name"),
    )
    yield Case(
        "no header in the labels, and no label that repeats",
        {"labels.csv": "a,cat\nb,dog\nc,owl\n"},
        error="E204",
        says=("the header of labels.csv looks like data", '"cat" is a predicted class', "add a first line with a name"),
    )
    yield Case(
        "ids in columns of two spellings",
        {"labels.csv": LABELS.replace("id", "ID")},
        error="E306",
        says=('found "id" in preds.csv and "ID" in labels.csv, which look alike', "--id id=ID"),
    )
    yield Case(
        "a space before the name of the ids",
        {"labels.csv": "label, id\ncat,a\ndog,b\nowl,c\n"},
        error="E306",
        says=('found "id" in preds.csv and " id" in labels.csv, which look alike', "--id 'id= id'"),
    )
    yield Case(
        "an invisible character before the name of the ids",
        {"preds.csv": PREDS.replace("id,", "\u200bid,")},
        error="E306",
        says=("= help: the names differ in an invisible character: zero-width space (U+200B); write both alike",),
    )
    yield Case(
        "an option that names a column in another case",
        command="preds.csv labels.csv --label Label",
        error="E205",
        says=('no column "Label" in labels.csv', "did you mean --label label?"),
    )


def _classes_without_labels() -> Iterator[Case]:
    """One decimal lets the classes of the labels sum to 1 by themselves: the exact sums say which columns are classes."""
    labels = "id,label\na,cat\nb,dog\nc,dog\n"
    yield Case(
        "a class that no label names, beside an entropy",
        {
            "preds.csv": "id,cat,dog,owl,entropy\na,0.7,0.3,0.0,0.61\nb,0.5,0.4,0.1,0.94\nc,0.2,0.8,0.0,0.5\n",
            "labels.csv": labels,
        },
        says=("multiclass, 3 classes", 'predicted but never in the labels: "owl"'),
        metrics={"brier": (0.09 + 0.09 + 0.25 + 0.36 + 0.01 + 0.04 + 0.04) / 3},
    )
    yield Case(
        "two classes that no label names, beside an entropy and another number",
        {
            "preds.csv": "id,cat,dog,owl,cow,entropy,noise\na,0.7,0.2,0.1,0.0,0.6,0.1\nb,0.4,0.4,0.1,0.1,0.9,0.2\n"
            "c,0.2,0.7,0.0,0.1,0.5,0.0\n",
            "labels.csv": labels,
        },
        metrics={"brier": (0.09 + 0.04 + 0.01 + 0.16 + 0.36 + 0.01 + 0.01 + 0.04 + 0.09 + 0.01) / 3},
    )
    yield Case(
        "two classes of rounded numbers, beside another small one",
        {
            "preds.csv": "id,cat,dog,rate\na,0.7,0.4,0.01\nb,0.5,0.4,0.01\nc,0.2,0.9,0.01\n",
            "labels.csv": labels,
        },
        metrics={"log_loss": -(math.log(0.7) + math.log(0.4) + math.log(0.9)) / 3},
    )


CASES: tuple[Case, ...] = (*_spellings(), *_all_differ(), *_twice(), *_good(), *_headers(), *_classes_without_labels())
