"""The zoo: cells of probabilities and labels."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from tests.zoo.case import Case

HEADER = ("id", "cat", "dog", "owl")
ROWS = (("a", "0.70", "0.20", "0.10"), ("b", "0.10", "0.80", "0.10"), ("c", "0.20", "0.20", "0.60"))
ROWS_OF_LABELS = (("a", "cat"), ("b", "dog"), ("c", "owl"))
# Where a cell stands: the rows that hold it, and the line of the first.
PLACES = {"first": ((0,), 2), "middle": ((1,), 3), "all": ((0, 1, 2), 2)}
# More rows than the head that detection looks at.
LATE = 1500


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A CSV file; what needs quotes has them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def with_cell(rows: Sequence[Sequence[str]], at: Sequence[int], column: int, cell: str) -> list[list[str]]:
    """The rows with another cell in one column."""
    return [
        [cell if index in at and place == column else one for place, one in enumerate(row)] for index, row in enumerate(rows)
    ]


DROP = "= help: if it is a missing value, leave such rows out: --missing drop"
EVERY = "= help: give every row a probability for every class (0 is allowed)"
MODEL = "= help: the model produced NaN or wrote nothing; fill them, or leave such rows out: --missing drop"

# What is no number, as the message shows it (empty: not looked at), and the hint.
NO_NUMBERS = (
    ("NA", "NA", DROP),
    ("null", "null", DROP),
    ("None", "None", DROP),
    ("?", "?", DROP),
    ("--", "--", DROP),
    ("#N/A", "#N/A", DROP),
    ("#DIV/0!", "#DIV/0!", DROP),
    ("#VALUE!", "#VALUE!", DROP),
    (r"\N", r"\N", DROP),
    (".", ".", DROP),
    ("  ", "  ", DROP),
    ("zero", "zero", EVERY),
    ("0.2.5", "0.2.5", EVERY),
    ("True", "True", EVERY),
    ("1/4", "1/4", EVERY),
    ("1e", "1e", EVERY),
    ("0x1p-2", "0x1p-2", EVERY),
    ("\x1b[31m0.5", r"\x1b[31m0.5", EVERY),
    ("50%", "50%", "= help: write the share, not the percentage: 0.5 for 50%"),
    ("0,25", "0,25", "= help: write a decimal point, not a comma: 0.25"),
    ("0.2_5", "0.2_5", "= help: write the number alone: 0.25"),
    ("$0.25", "$0.25", "= help: write the number alone: 0.25"),
    ("'0.25", "'0.25", "= help: write the number alone: 0.25"),
    ("np.float64(0.25)", "np.float64(0.25)", "= help: write the number alone: 0.25"),
    ("tensor(0.25)", "tensor(0.25)", "= help: write the number alone: 0.25"),
    ("０.２５", "０.２５", "= help: write it with the digits 0 to 9: 0.25"),
    ("٠٫٢٥", "٠٫٢٥", "= help: write it with the digits 0 to 9: 0.25"),
    ("−0.2", "−0.2", '= help: "−" (U+2212, MINUS SIGN) is not the minus of numbers; write -0.2'),
    ("0.25\u00a0", "", "= help: remove the no-break space (U+00A0): 0.25"),
    ("\u200b0.25", r"\u200b0.25", "= help: remove the zero-width space (U+200B): 0.25"),
    ("0.25\n", r"0.25\n", "= help: remove the line break: 0.25"),
)
MISSING = ("", "nan", "NaN", "NAN", "-nan")
OUTSIDE = ("-0.2", "1.7", "1e400", "-1e400", "inf", "-inf", "Infinity", "1.0001")
# Infinities and numbers below 0 in a whole column; the last of the three lines is told as one of 2 more.
ACCEPTED = ("+0.5", ".5", "5e-1", "5E-01", "00.5", "5.e-1", "0.5 ", " 0.5", "\t0.5", '"0.5"', "0.50000000000000000000000000001")


def _predictions() -> Iterator[Case]:
    for place, (at, line) in PLACES.items():
        others = '2 more: line 3, column "dog" ({0}); line 4, column "dog" ({0})' if len(at) > 1 else ""
        for cell, shown, advice in NO_NUMBERS:
            yield Case(
                f"{cell!r} for a probability, {place}",
                {"preds.csv": table(HEADER, with_cell(ROWS, at, 2, cell))},
                error="E501",
                says=(
                    f'"{shown}" is not a number' if shown else " is not a number",
                    f'preds.csv:{line}, column "dog"',
                    others.format(shown) if shown and "\n" not in cell else "",
                    advice,
                ),
            )
        for cell in MISSING:
            yield Case(
                f"{cell!r} for a probability, {place}",
                {"preds.csv": table(HEADER, with_cell(ROWS, at, 2, cell))},
                error="E502",
                says=(
                    "3 probabilities are missing" if others else "1 probability is missing",
                    f'preds.csv:{line}, column "dog"',
                    others.format(cell or "empty"),
                    MODEL,
                ),
            )
        for cell in OUTSIDE:
            row = with_cell(ROWS, at, 2, cell)[line - 2]
            yield Case(
                f"{cell!r} for a probability, {place}",
                {"preds.csv": table(HEADER, with_cell(ROWS, at, 2, cell))},
                error="E503",
                says=(
                    "3 probabilities are outside 0 to 1" if others else "1 probability is outside 0 to 1",
                    f'preds.csv:{line}, column "dog"',
                    f"  {line} | {','.join(row)}\n    | " + " " * (len(row[0]) + len(row[1]) + 2) + "^" * len(cell),
                    others.format(cell),
                ),
            )
    for cell in ACCEPTED:
        yield Case(
            f"{cell!r} for a probability is 0.5",
            {"preds.csv": f"id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.25,{cell},0.25\nc,0.20,0.20,0.60\n"},
            metrics={"log_loss": -(math.log(0.7) + math.log(0.5) + math.log(0.6)) / 3},
            rows=3,
        )
    for cell in ("1e-400", "0", "-0", "0e9", "0.0000"):
        yield Case(
            f"{cell!r} for a probability is 0",
            {"preds.csv": f"id,cat,dog,owl\na,0.70,0.20,0.10\nb,0.10,0.90,{cell}\nc,0.20,0.20,0.60\n"},
            metrics={"log_loss": -(math.log(0.7) + math.log(0.9) + math.log(0.6)) / 3},
            rows=3,
        )
    yield from _unquoted_commas()
    yield from _late_predictions()


def _unquoted_commas() -> Iterator[Case]:
    for place, (at, line) in PLACES.items():
        lines = [",".join(row) for row in with_cell(ROWS, at, 2, "0,25")]
        yield Case(
            f"an unquoted 0,25, {place}",
            {"preds.csv": "\n".join([",".join(HEADER), *lines, ""])},
            error="E201",
            says=(
                f"line {line} has 5 fields, the header has 4",
                f"preds.csv:{line}",
                "= help: an unquoted comma inside a value does this",
            ),
        )


def _late_predictions() -> Iterator[Case]:
    rows = [(str(index), "0.70", "0.20", "0.10") for index in range(LATE)]
    labels = {"labels.csv": table(("id", "label"), [(str(index), "cat") for index in range(LATE)])}
    for cell, code, text in (
        ("NA", "E501", '"NA" is not a number'),
        ("", "E502", "1 probability is missing"),
        ("nan", "E502", "1 probability is missing"),
        ("1e400", "E503", "1 probability is outside 0 to 1"),
        ("-0.2", "E503", "1 probability is outside 0 to 1"),
        ("0.9", "E504", "1 row does not sum to 1"),
        ("٠٫٢٥", "E501", '"٠٫٢٥" is not a number'),
    ):
        yield Case(
            f"{cell!r} for a probability, far down",
            {"preds.csv": table(HEADER, with_cell(rows, (LATE - 1,), 2, cell)), **labels},
            error=code,
            says=(text, f"preds.csv:{LATE + 1}"),
        )


def _single_column() -> Iterator[Case]:
    labels = "id,label\na,1\nb,0\nc,1\n"
    for cell, code, says in (
        ("NA", "E501", ('"NA" is not a number', DROP)),
        ("", "E502", ("1 probability is missing",)),
        ("nan", "E502", ("1 probability is missing",)),
        ("-0.2", "E503", ("1 probability is outside 0 to 1",)),
        ("1.7", "E503", ("1 probability is outside 0 to 1",)),
        ("1e400", "E503", ("1 probability is outside 0 to 1", "1e400")),
        ("50%", "E501", ("write the share, not the percentage",)),
        ("yes", "E501", ('"yes" is not a number',)),
        ("0x1", "E501", ('"0x1" is not a number',)),
    ):
        yield Case(
            f"{cell!r} in the one probability column",
            {"preds.csv": f"id,p\na,0.7\nb,{cell}\nc,0.6\n", "labels.csv": labels},
            error=code,
            says=(*says, 'preds.csv:3, column "p"'),
        )
    for cell, code, says in (
        ("0.7%", "E501", ('"0.7%" is not a number', "write the share, not the percentage")),
        ("0,7", "E501", ('"0,7" is not a number', "write a decimal point, not a comma: 0.7")),
        ("٠٫٧", "E501", ('"٠٫٧" is not a number', "write it with the digits 0 to 9: 0.7")),
        ("$0.7", "E501", ('"$0.7" is not a number', "write the number alone: 0.7")),
        ("high", "E410", ("no column of preds.csv holds probabilities", "found columns: id, p")),
        ("", "E502", ("3 probabilities are missing",)),
        ("NA", "E501", ('"NA" is not a number',)),
    ):
        quoted = f'"{cell}"' if "," in cell else cell
        yield Case(
            f"{cell!r} in every cell of the one probability column",
            {"preds.csv": f"id,p\na,{quoted}\nb,{quoted}\nc,{quoted}\n", "labels.csv": labels},
            error=code,
            says=says,
        )

    yield Case(
        "'1' in every cell of the one probability column",
        {"preds.csv": "id,p\na,1\nb,1\nc,1\n", "labels.csv": labels},
        says=("note[N2]: all predictions of the true class are exactly 0 or 1", "note[N1]: 1 row gave the true class less"),
        metrics={"log_loss": 52 * math.log(2.0) / 3},
        rows=3,
    )


FIX = '= help: add a column "{0}" to preds.csv, or fix the label'
ABSENT = "= help: if it is a missing label: --missing drop"


def _labels() -> Iterator[Case]:
    header = ("id", "label")
    for place in ("first", "middle"):
        at, line = PLACES[place]
        where = f'labels.csv:{line}, column "label"'
        for cell, code, says in (
            ("", "E403", ("1 label is empty", "= help: give every row a label, or leave such rows out: --missing drop")),
            ("   ", "E403", ("1 label is empty", "= help: give every row a label")),
            ("\u00a0", "E403", ("1 label is empty",)),
            ("nan", "E402", ('label "nan" is not one', ABSENT)),
            ("NaN", "E402", ('label "NaN" is not one', ABSENT)),
            ("NA", "E402", ('label "NA" is not one', ABSENT)),
            ("null", "E402", ('label "null" is not one', ABSENT)),
            ("None", "E402", ('label "None" is not one', ABSENT)),
            ("?", "E402", ('label "?" is not one', ABSENT)),
            ("-", "E402", ('label "-" is not one', ABSENT)),
            ("bird", "E402", ('label "bird" is not one', "predicted classes: cat, dog, owl", FIX.format("bird"))),
            ("0", "E402", ('label "0" is not one', FIX.format("0"))),
            ("cat,dog", "E402", ('label "cat,dog" is not one',)),
            ("cats", "E402", ('label "cats" is not one', 'the nearest class is "cat"')),
        ):
            yield Case(
                f"{cell!r} for a label, {place}",
                {"labels.csv": table(header, with_cell(ROWS_OF_LABELS, at, 1, cell))},
                error=code,
                says=(*says, where),
            )
    for cell, code, says in (
        ("", "E403", ("all labels are empty", "choose another column: --label NAME")),
        ("   ", "E403", ("all labels are empty", "choose another column: --label NAME")),
        ("nan", "E402", ('label "nan" is not one', "it says that a label is missing; choose another column: --label NAME")),
        ("NA", "E402", ('label "NA" is not one', "it says that a label is missing; choose another column: --label NAME")),
        ("bird", "E402", ('label "bird" is not one', "predicted classes: cat, dog, owl")),
    ):
        yield Case(
            f"{cell!r} for every label",
            {"labels.csv": table(header, with_cell(ROWS_OF_LABELS, (0, 1, 2), 1, cell))},
            error=code,
            says=(*says, "labels.csv:"),
        )
    for cell, code, says in (
        ("NA", "E402", ('label "NA" is not one', ABSENT)),
        ("", "E403", ("1 label is empty",)),
        ("Dog", "E402", ('label "Dog" is not one', 'the class "dog" differs from it only in upper and lower case')),
        ("bird", "E402", ('label "bird" is not one', FIX.format("bird"))),
    ):
        rows = [(str(index), "0.70", "0.20", "0.10") for index in range(LATE)]
        labels = [(str(index), "cat") for index in range(LATE)]
        yield Case(
            f"{cell!r} for a label, far down",
            {
                "preds.csv": table(HEADER, rows),
                "labels.csv": table(header, with_cell(labels, (LATE - 1,), 1, cell)),
            },
            error=code,
            says=(*says, f'labels.csv:{LATE + 1}, column "label"'),
        )


def _labels_of_two_classes() -> Iterator[Case]:
    for cell, code, says in (
        ("", "E403", ("1 label is empty", 'labels.csv:3, column "label"')),
        ("NA", "E404", ('if "NA" is no class but a missing label: --missing drop',)),
        ("0.5", "E408", ("3 labels, but one probability column", "--task soft")),
        ("-1", "E408", ("3 labels, but one probability column", "found labels: 1, -1, 0")),
        ("2", "E408", ("3 labels, but one probability column", "found labels: 1, 2, 0")),
    ):
        yield Case(
            f"{cell!r} among labels 0 and 1",
            {
                "preds.csv": "id,p\na,0.7\nb,0.2\nc,0.6\nd,0.4\n",
                "labels.csv": f"id,label\na,1\nb,{cell}\nc,1\nd,{'1' if cell == 'NA' else '0'}\n",
            },
            error=code,
            says=says,
        )
    for cell, says in (
        ("-1", ('label "-1" is not one', "two classes fit one probability column")),
        ("yes", ('label "yes" is not one', "predicted classes: 0, 1")),
        ("01", ('label "01" is not one', 'the class "1" differs from it only in leading zeros; write both alike')),
    ):
        labels = [(str(index), str(index % 2)) for index in range(LATE)]
        yield Case(
            f"{cell!r} among labels 0 and 1, far down",
            {
                "preds.csv": table(("id", "p"), [(str(index), "0.5") for index in range(LATE)]),
                "labels.csv": table(("id", "label"), with_cell(labels, (LATE - 1,), 1, cell)),
            },
            error="E402",
            says=(*says, f'labels.csv:{LATE + 1}, column "label"'),
        )
    yield Case(
        "1.0 and 0.0 are the labels 1 and 0",
        {"preds.csv": "id,p\na,0.75\nb,0.25\n", "labels.csv": "id,label\na,1.0\nb,0\n"},
        metrics={"log_loss": -math.log(0.75)},
        rows=2,
    )


def _label_columns() -> Iterator[Case]:
    hot = [("a", "1", "0", "0"), ("b", "0", "1", "0"), ("c", "0", "0", "1")]
    for cell, says in (
        ("", ("1 row does not have a 1 in exactly one label column",)),
        ("nan", ("1 row does not have a 1 in exactly one label column",)),
        ("0", ("1 row does not have a 1 in exactly one label column",)),
        ("-1", ("1 row does not have a 1 in exactly one label column",)),
        ("x", ("1 row does not have a 1 in exactly one label column",)),
    ):
        yield Case(
            f"{cell!r} in place of the 1 of a one-hot label",
            {"labels.csv": table(HEADER, with_cell(hot, (1,), 2, cell))},
            command="preds.csv labels.csv --label cat,dog,owl",
            error="E411",
            says=(*says, "labels.csv:3", f"3 | b,0,{cell},0"),
        )
    shares = [("a", "0.5", "0.25", "0.25"), ("b", "0.25", "0.5", "0.25"), ("c", "0.25", "0.25", "0.5")]
    for cell, code, says in (
        ("", "E403", ("1 label is empty",)),
        ("nan", "E403", ("1 label is empty",)),
        ("-0.5", "E413", ('"-0.5" is not a label', "a label share is between 0 and 1")),
        ("1e400", "E413", ('"1e400" is not a label', "a label share is between 0 and 1")),
        ("half", "E501", ('"half" is not a number', "give every row a number for every class")),
        ("0.75", "E412", ("the labels of 1 row do not sum to 1", "found a sum of 1.25")),
    ):
        yield Case(
            f"{cell!r} for a label share",
            {"labels.csv": table(HEADER, with_cell(shares, (1,), 2, cell))},
            error=code,
            says=(*says, "labels.csv:3"),
        )


def _words_for_missing() -> Iterator[Case]:
    for word in ("?", r"\N", "#N/A", "#NAME?", "#NUM!", "#REF!", "#NULL!"):
        for what, labels in (
            ("of two classes", "id,label\n1,1\n2,0\n3,{0}\n"),
            ("of one class", "id,label\n1,1\n2,1\n3,{0}\n"),
        ):
            files = {"preds.csv": "id,p\n1,0.5\n2,0.25\n3,0.6\n", "labels.csv": labels.format(word)}
            yield Case(
                f"{word!r} among labels {what}",
                files,
                error="E408" if what == "of two classes" else "E404",
                says=(f'if "{word}" is no class but a missing label: --missing drop',),
            )
        yield Case(
            f"{word!r} among labels and probabilities, left out",
            {
                "preds.csv": table(HEADER, with_cell(ROWS, (0,), 3, word)),
                "labels.csv": table(("id", "label"), with_cell(ROWS_OF_LABELS, (1,), 1, word)),
            },
            command="preds.csv labels.csv --missing drop",
            metrics={"log_loss": -math.log(0.6)},
            rows=1,
        )


def _scores() -> Iterator[Case]:
    labels = "id,label\na,1\nb,0\nc,1\nd,0\n"
    values = (2.1, -0.5, 0.1, 0.4)
    loss = sum(math.log1p(math.exp(value if index % 2 else -value)) for index, value in enumerate(values)) / 4
    rows = [("a", "2.1"), ("b", "-0.5"), ("c", "0.1"), ("d", "0.4")]
    yield Case(
        "raw scores of one column, half of them within 0 to 1",
        {"preds.csv": table(("id", "score"), rows), "labels.csv": labels},
        error="E503",
        says=("= help: if these are raw model scores: --from logits",),
    )
    yield Case(
        "raw scores of one column as told",
        {"preds.csv": table(("id", "score"), rows), "labels.csv": labels},
        command="preds.csv labels.csv --from logits",
        metrics={"log_loss": loss},
    )
    yield Case(
        "raw scores of CatBoost",
        {"preds.csv": table(("id", "RawFormulaVal"), rows), "labels.csv": labels},
        metrics={"log_loss": loss},
    )


def _no_probabilities() -> Iterator[Case]:
    for cell, shown in (("<0.01", "<0.01"), ("True-ish", "True-ish"), ("tensor([0.7, 0.3])", "tensor([0.7, 0.3])")):
        yield Case(
            f"{cell!r} in all cells of the probabilities",
            {"preds.csv": table(HEADER, [(key, cell, cell, cell) for key, _ in ROWS_OF_LABELS])},
            error="E410",
            says=(f'found columns: id, cat, dog, owl; "cat" holds "{shown}"',),
        )
    structs = pa.table({"id": ["a", "b", "c"], "p": [{"cat": 0.7, "dog": 0.2, "owl": 0.1}] * 3})
    yield Case(
        "structs in Parquet",
        {"preds.parquet": lambda path: pq.write_table(structs, path)},
        command="preds.parquet labels.csv",
        error="E410",
        says=('found columns: id, p; "p" holds neither numbers nor texts',),
    )


def _weights() -> Iterator[Case]:
    for cell, code, says in (
        ("", "E506", ("1 weight is missing, negative or out of range", "found: nothing")),
        ("nan", "E506", ("1 weight is missing, negative or out of range",)),
        ("-1", "E506", ('found: "-1"',)),
        ("inf", "E506", ('found: "inf"',)),
        ("1e400", "E506", ('found: "1e400"',)),
        ("NA", "E501", ('"NA" is not a number', 'give every row a weight, or choose another column than "w"')),
        ("2 kg", "E501", ('"2 kg" is not a number', 'give every row a weight, or choose another column than "w"')),
    ):
        yield Case(
            f"{cell!r} for a weight",
            {"labels.csv": f"id,label,w\na,cat,1\nb,dog,{cell}\nc,owl,2\n"},
            command="preds.csv labels.csv --weights w",
            error=code,
            says=(*says, 'labels.csv:3, column "w"'),
        )


CASES: tuple[Case, ...] = (
    *_predictions(),
    *_single_column(),
    *_labels(),
    *_labels_of_two_classes(),
    *_label_columns(),
    *_words_for_missing(),
    *_scores(),
    *_no_probabilities(),
    *_weights(),
)
