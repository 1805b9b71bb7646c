"""The zoo: ids that match rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.zoo.case import LABELS, PREDS, Case, Content
from tests.zoo.cells import table

LOSS = -(math.log(0.7) + math.log(0.8) + math.log(0.6)) / 3
GOOD = {"log_loss": LOSS}
CELLS = (("0.70", "0.20", "0.10"), ("0.10", "0.80", "0.10"), ("0.20", "0.20", "0.60"))
CLASSES = ("cat", "dog", "owl")


def predictions(ids: Sequence[str], name: str = "id") -> str:
    return table([name, *CLASSES], [[one, *cells] for one, cells in zip(ids, CELLS, strict=True)])


def labels(ids: Sequence[str], name: str = "id") -> str:
    return table([name, "label"], list(zip(ids, CLASSES, strict=True)))


def parquet(ids: Any, name: str = "id") -> Content:
    """Predictions in Parquet with ids of the type that pyarrow finds in them."""

    def write(path: Path) -> None:
        columns = {one: [float(row[place]) for row in CELLS] for place, one in enumerate(CLASSES)}
        pq.write_table(pa.table({name: ids, **columns}), path)

    return write


def _both(name: str, mine: Sequence[str], theirs: Sequence[str], hint: str) -> Case:
    """Ids of which none is in both files, and the hint."""
    return Case(
        name,
        {"preds.csv": predictions(mine), "labels.csv": labels(theirs)},
        error="E305",
        says=("no id of preds.csv is in labels.csv", "--> preds.csv:2, id ", f"= help: {hint}"),
    )


def _good() -> Iterator[Case]:
    for name, ids in (
        ("plain ids", ["a", "b", "c"]),
        ("ids with leading zeros", ["007", "7", "07"]),
        ("ids with spaces", [" a", "a ", "a"]),
        ("ids with spaces inside", ["a b", "a  b", "ab"]),
        ("ids beyond 2^53", ["9007199254740993", "9007199254740992", "9007199254740994"]),
        ("ids beyond 2^64", ["18446744073709551617", "18446744073709551616", "18446744073709551618"]),
        ("ids of 40 digits", ["1" * 40, "1" * 39 + "2", "1" * 39 + "3"]),
        ("ids that look like numbers", ["1e5", "100000", "1.0"]),
        ("ids that look like missing values", ["NA", "nan", "null"]),
        ("ids that look like booleans", ["True", "true", "1"]),
        ("ids that differ in case", ["a", "A", "b"]),
        ("ids that are dates", ["2024-01-01", "2024-01-02", "2024-01-03"]),
        ("ids with quotes, commas and line breaks", ['say "a"', "a,b", "two\nlines"]),
        ("ids in one Unicode normal form each", ["\u00e9", "e\u0301", "e"]),
        ("ids of all scripts", ["猫", "قط", "🐈"]),
        ("ids that are paths", ["x/1.png", "x/2.png", "y/1.png"]),
        ("very long ids", ["x" * 10_000, "x" * 9_999 + "y", "x" * 9_999 + "z"]),
        ("negative ids", ["-1", "1", "0"]),
        ("ids with control characters", ["\x01", "\x02", "\x1f"]),
    ):
        order = [2, 0, 1]
        shuffled = table(["id", "label"], [(ids[at], CLASSES[at]) for at in order])
        yield Case(name, {"preds.csv": predictions(ids), "labels.csv": labels(ids)}, metrics=GOOD, rows=3)
        yield Case(f"{name}, permuted", {"preds.csv": predictions(ids), "labels.csv": shuffled}, metrics=GOOD, rows=3)
    yield Case(
        "ids of two columns",
        {
            "preds.csv": PREDS.replace("id,", "site,id,").replace("a,", "1,x,").replace("b,", "1,y,").replace("c,", "2,x,"),
            "labels.csv": "id,site,label\nx,2,owl\ny,1,dog\nx,1,cat\n",
        },
        command="preds.csv labels.csv --id site --id id",
        metrics=GOOD,
        rows=3,
    )
    yield Case(
        "ids of two columns whose texts could be joined to one",
        {
            "preds.csv": PREDS.replace("id,", "u,v,").replace("a,", "1,11,").replace("b,", "11,1,").replace("c,", "111,x,"),
            "labels.csv": "u,v,label\n11,1,dog\n1,11,cat\n111,x,owl\n",
        },
        command="preds.csv labels.csv --id u --id v",
        metrics=GOOD,
        rows=3,
    )
    yield Case(
        "ids that a header names in two ways",
        {"labels.csv": LABELS.replace("id", "key")},
        command="preds.csv labels.csv --id id=key",
        metrics=GOOD,
        rows=3,
    )
    for what, ids in (
        ("integers", [1, 2, 3]),
        ("floats", [1.0, 2.0, 3.0]),
        ("decimals", pa.array([1, 2, 3]).cast(pa.decimal128(25, 2))),
        ("text", ["1", "2", "3"]),
        ("a dictionary", pa.array(["1", "2", "3"]).dictionary_encode()),
        ("unsigned bytes", pa.array([1, 2, 3], pa.uint8())),
    ):
        yield Case(
            f"ids as {what} in Parquet and as text in CSV",
            {"preds.parquet": parquet(ids), "labels.csv": labels(["1", "2", "3"])},
            command="preds.parquet labels.csv",
            metrics=GOOD,
            rows=3,
        )
    large = [2**53 + 1, 2**53 + 2, 2**53 + 3]
    yield Case(
        "ids beyond 2^53 as integers in Parquet and as text in CSV",
        {"preds.parquet": parquet(large), "labels.csv": labels(list(map(str, large)))},
        command="preds.parquet labels.csv",
        metrics=GOOD,
        rows=3,
    )


def _missing() -> Iterator[Case]:
    for name, mine, theirs, error, says in (
        ("an id that only the predictions have", "abc", "ab", "E303", ("1 prediction has no label", 'preds.csv:4, id "c"')),
        (
            "an id that only the labels have",
            "abc",
            "abcd",
            "E302",
            ("1 labelled row has no prediction", 'labels.csv:5, id "d"'),
        ),
        (
            "an id that only one file has, on both sides",
            "abc",
            "abd",
            "E302",
            (
                "1 labelled row has no prediction",
                'id "d"',
                "error[E303]: 1 prediction has no label",
                'id "c"',
                "--id-match inner",
            ),
        ),
        (
            "an id twice in the predictions",
            "aba",
            "ab",
            "E304",
            ('id "a" occurs twice in preds.csv', 'preds.csv:4, id "a"', "first at preds.csv:2"),
        ),
        (
            "an id twice in the labels",
            "abc",
            "abca",
            "E304",
            ('id "a" occurs twice in labels.csv', 'labels.csv:5, id "a"', "first at labels.csv:2"),
        ),
        (
            "an id twice in both files",
            "aba",
            "aba",
            "E304",
            ('id "a" occurs twice in preds.csv', 'error[E304]: id "a" occurs twice in labels.csv'),
        ),
        ("all ids the same", "aaa", "aaa", "E304", ('id "a" occurs twice', "match by row order: --id '#'")),
    ):
        yield Case(
            name,
            {"preds.csv": predictions(mine), "labels.csv": table(["id", "label"], [(one, "cat") for one in theirs])},
            error=error,
            says=says,
        )
    yield Case(
        "the rows that both files have, as the option says",
        {"labels.csv": "id,label\nd,cat\nb,dog\na,cat\n"},
        command="preds.csv labels.csv --id-match inner",
        says=("2 rows", "note[N7]: 2 rows scored; left out: 1 prediction without a label (--id-match inner); 1 label without"),
        metrics={"log_loss": -(math.log(0.7) + math.log(0.8)) / 2},
        rows=2,
    )
    yield Case(
        "no row that both files have, with the option for such rows",
        {"labels.csv": "id,label\nx,cat\ny,dog\nz,owl\n"},
        command="preds.csv labels.csv --id-match inner",
        error="E308",
        says=("no row is left to score", "found: 3 predictions without a label"),
    )
    for cell, place in (("", "labels.csv"), ("", "preds.csv")):
        ids, others = ["a", cell, "c"], [["a", "cat"], ["c", "cat"]]
        if place == "labels.csv":
            files = {"preds.csv": table(["id", *CLASSES], [[one, *CELLS[0]] for one, _ in others]), "labels.csv": labels(ids)}
        else:
            files = {"preds.csv": predictions(ids), "labels.csv": table(["id", "label"], others)}
        yield Case(
            f"an empty id in {place}", files, error="E307", says=("1 id is empty", f'{place}:3, column "id"', "--id '#'")
        )
    yield Case(
        "an id of blanks",
        {"preds.csv": predictions(["a", "  ", "c"])},
        error="E302",
        says=('labels.csv:3, id "b"', 'preds.csv:3, id "  "'),
    )
    yield Case(
        "an id that differs from the other file's in a space, among others",
        {"labels.csv": labels(["a", "b ", "c"])},
        error="E302",
        says=('labels.csv:3, id "b "', 'preds.csv:3, id "b"'),
    )
    yield Case(
        "two columns that both files have",
        {
            "preds.csv": PREDS.replace("id,", "id,fold,").replace("a,", "a,1,").replace("b,", "b,1,").replace("c,", "c,2,"),
            "labels.csv": "id,fold,label\na,1,cat\nb,1,dog\nc,2,owl\n",
        },
        error="E306",
        says=('found "id", "fold" in both files', "choose one: --id id   or all of them together: --id id --id fold"),
    )


SPREADSHEET = "the ids differ by leading zeros; a spreadsheet may have removed them. Write both alike"


def _disjoint() -> Iterator[Case]:
    yield _both(
        "3 against 3.0",
        ["1", "2", "3"],
        ["1.0", "2.0", "3.0"],
        "the ids differ by a trailing .0; they were read as numbers somewhere. Write both alike",
    )
    yield _both("007 against 7", ["007", "008", "010"], ["7", "8", "10"], SPREADSHEET)
    yield _both("7 against 007", ["7", "8", "10"], ["007", "008", "010"], SPREADSHEET)
    yield _both(
        "spaces around ids", ["a ", "b ", "c "], ["a", "b", "c"], "the ids differ by spaces around them. Write both alike"
    )
    yield _both(
        "no-break spaces around ids",
        ["a\u00a0", "b\u00a0", "c\u00a0"],
        ["a", "b", "c"],
        "the ids differ by a no-break space (U+00A0). Write both alike",
    )
    yield _both(
        "zero-width characters in ids",
        ["\u200ba", "\u200bb", "\u200bc"],
        ["a", "b", "c"],
        "the ids differ by an invisible character: zero-width space (U+200B). Write both alike",
    )
    yield _both(
        "ids in two cases", ["A", "B", "C"], ["a", "b", "c"], "the ids differ by upper and lower case. Write both alike"
    )
    yield _both(
        "ids in two Unicode normal forms",
        ["\u00e9", "\u00e8", "\u00ea"],
        ["e\u0301", "e\u0300", "e\u0302"],
        "the ids differ by the Unicode normal form of their accents. Write both alike",
    )
    yield _both(
        "ids in the scientific notation of a spreadsheet",
        ["1.23457E+12", "2.23457E+12", "3.23457E+12"],
        ["1234567890123", "2234567890123", "3234567890123"],
        "a spreadsheet has rounded the ids of preds.csv to 6 digits; take them from before it",
    )
    yield _both(
        "ids that were read as floating-point numbers",
        ["12345678901234567890", "22345678901234567890", "32345678901234567890"],
        ["1.2345678901234567e+19", "2.2345678901234567e+19", "3.2345678901234567e+19"],
        "the ids of labels.csv were read as floating-point numbers and have lost digits; take them from before that",
    )
    yield _both(
        "ids that lost their last digits",
        ["9007199254740993", "9007199254740995", "9007199254740997"],
        ["9007199254740992", "9007199254740996", "9007199254740998"],
        "the ids differ in digits beyond the 15th; they were read as floating-point numbers somewhere",
    )
    yield _both(
        "ids with thousands separators",
        ["1,234", "2,345", "3,456"],
        ["1234", "2345", "3456"],
        "the ids differ by separators of thousands. Write both alike",
    )
    yield _both(
        "dates written in two ways",
        ["2024-01-31", "2024-02-28", "2024-03-05"],
        ["31/01/2024", "28/02/2024", "05/03/2024"],
        "the ids differ by how dates are written. Write both alike",
    )
    yield _both(
        "dates with and without a time",
        ["2024-01-31", "2024-02-28", "2024-03-05"],
        ["2024-01-31 00:00:00", "2024-02-28 00:00:00", "2024-03-05 00:00:00"],
        "the ids differ by how dates are written. Write both alike",
    )
    yield _both(
        "a prefix",
        ["img_1", "img_2", "img_3"],
        ["1", "2", "3"],
        'the ids of preds.csv have "img_" before them. Write both alike',
    )
    yield _both(
        "a suffix",
        ["x1", "x2", "x3"],
        ["x1.png", "x2.png", "x3.png"],
        'the ids of labels.csv have ".png" after them. Write both alike',
    )
    yield _both(
        "a path",
        ["data/x1.png", "data/x2.png", "data/x3.png"],
        ["x1", "x2", "x3"],
        'the ids of preds.csv have "data/" before them and ".png" after them. Write both alike',
    )
    yield _both(
        "bytes as Python prints them",
        ["b'x'", "b'y'", "b'z'"],
        ["x", "y", "z"],
        """the ids of preds.csv have "b'" before them and "'" after them. Write both alike""",
    )
    yield _both("ids in double quotes", ['"a"', '"b"', '"c"'], ["a", "b", "c"], """the ids of preds.csv have """)
    yield _both(
        "ids joined by another character",
        ["a-1", "b-2", "c-3"],
        ["a_1", "b_2", "c_3"],
        "the ids differ by punctuation. Write both alike",
    )
    yield _both(
        "ids that have nothing in common",
        ["u", "v", "w"],
        ["x", "y", "z"],
        "choose the columns that match: --id NAME (--id A=B where the names differ), or --id '#' for row order",
    )
    yield Case(
        "ids with leading zeros, in two orders",
        {
            "preds.csv": table(["id", *CLASSES], [[f"0{index}", *CELLS[0]] for index in range(500)]),
            "labels.csv": table(["id", "label"], [[str(index), "cat"] for index in reversed(range(500))]),
        },
        error="E305",
        says=("no id of preds.csv is in labels.csv", SPREADSHEET),
    )
    yield Case(
        "ids in another column",
        {
            "preds.csv": PREDS.replace("id,", "id,name,")
            .replace("a,", "1,ann,")
            .replace("b,", "2,bob,")
            .replace("c,", "3,cat,"),
            "labels.csv": "id,user,label\n17,cat,owl\n18,ann,cat\n19,bob,dog\n",
        },
        command="preds.csv labels.csv --label label --id id",
        error="E305",
        says=('"name" of preds.csv and "user" of labels.csv have values in common: --id name=user',),
    )
    yield Case(
        "ids in another column, as the hint says",
        {
            "preds.csv": PREDS.replace("id,", "id,name,")
            .replace("a,", "1,ann,")
            .replace("b,", "2,bob,")
            .replace("c,", "3,cat,"),
            "labels.csv": "id,user,label\n17,cat,owl\n18,ann,cat\n19,bob,dog\n",
        },
        command="preds.csv labels.csv --label label --id name=user",
        metrics=GOOD,
        rows=3,
    )
    yield Case(
        "one of two id columns has nothing in common",
        {
            "preds.csv": PREDS.replace("id,", "site,id,").replace("a,", "1,x,").replace("b,", "1,y,").replace("c,", "2,x,"),
            "labels.csv": "id,site,label\nx,02,owl\ny,01,dog\nx,01,cat\n",
        },
        command="preds.csv labels.csv --id site --id id",
        error="E305",
        says=('found: "1, x", "1, y", "2, x" in preds.csv', SPREADSHEET),
    )
    for what, ids, theirs, hint in (
        ("integers", [1, 2, 3], ["001", "002", "003"], SPREADSHEET),
        ("floats", [1.0, 2.0, 3.0], ["1.0", "2.0", "3.0"], "the ids differ by a trailing .0"),
        (
            "floats beyond 2^53",
            [1e19, 2e19, 3e19],
            ["10000000000000000000", "20000000000000000000", "30000000000000000000"],
            "were read as floating-point numbers",
        ),
    ):
        yield Case(
            f"ids as {what} in Parquet and as other text in CSV",
            {"preds.parquet": parquet(ids), "labels.csv": labels(theirs)},
            command="preds.parquet labels.csv",
            error="E305",
            says=("no id of preds.parquet is in labels.csv", "--> preds.parquet, row 1, id ", hint),
        )
    yield Case(
        "ids as timestamps in Parquet and as dates in CSV",
        {
            "preds.parquet": parquet(pa.array([0, 86400, 172800], pa.timestamp("s"))),
            "labels.csv": labels(["1970-01-01", "1970-01-02", "1970-01-03"]),
        },
        command="preds.parquet labels.csv",
        metrics=GOOD,
        rows=3,
    )


def _remedies() -> Iterator[Case]:
    """What is proposed works: matching by position not for other numbers of rows, nor the rows in both files for all."""
    yield Case(
        "ids of half the rows that lost their zeros",
        {"preds.csv": PREDS.replace("\nb,", "\n007,"), "labels.csv": LABELS.replace("\nb,", "\n7,")},
        error="E302",
        says=("differ only in leading zeros", "= help: write these ids alike in both files"),
    )
    yield Case(
        "row names of one file, in order",
        {
            "preds.csv": ",cat,dog,owl\n0,0.70,0.20,0.10\n1,0.10,0.80,0.10\n2,0.20,0.20,0.60\n",
            "labels.csv": "label\ncat\ndog\nowl\n",
        },
        says=("note[N6]: rows are matched by position; the unnamed first column of preds.csv could tell them apart",),
        metrics=GOOD,
        rows=3,
    )


def _by_position() -> Iterator[Case]:
    yield Case(
        "no ids, and as many rows",
        {"preds.csv": "cat,dog,owl\n0.70,0.20,0.10\n0.10,0.80,0.10\n0.20,0.20,0.60\n", "labels.csv": "label\ncat\ndog\nowl\n"},
        says=("3 rows matched by position",),
        metrics=GOOD,
        rows=3,
    )
    yield Case(
        "no ids, and another number of rows",
        {"preds.csv": "cat,dog,owl\n0.70,0.20,0.10\n0.10,0.80,0.10\n", "labels.csv": "label\ncat\ndog\nowl\n"},
        error="E301",
        says=("preds.csv has 2 rows, labels.csv has 3", "no column in common, so rows are matched by position"),
    )
    yield Case(
        "ids in one file only",
        {"labels.csv": "label\ncat\ndog\nowl\n"},
        says=("3 rows matched by position", 'note[N6]: rows are matched by position; "id" of preds.csv could tell them apart'),
        metrics=GOOD,
        rows=3,
    )
    yield Case(
        "an id column of one file only that the option names",
        {"labels.csv": "label\ncat\ndog\nowl\n"},
        command="preds.csv labels.csv --id id",
        error="E205",
        says=('no column "id" in labels.csv',),
    )


CASES: tuple[Case, ...] = (*_good(), *_missing(), *_disjoint(), *_remedies(), *_by_position())
