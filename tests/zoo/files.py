"""The zoo: files, streams and paths."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import math
import os
import pickle
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.zoo.case import LABELS, PREDS, Case, Content

LOSS = -(math.log(0.7) + math.log(0.8) + math.log(0.6)) / 3
GOOD = {"log_loss": LOSS}


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd}
NAMES = {"gz": "gzip", "bz2": "bz2", "xz": "xz", "zst": "zstd"}
UNPACK = {"gz": "gunzip -c", "bz2": "bunzip2 -c", "xz": "xz -dc", "zst": "zstd -dc"}


def _good(name: str, preds: Content, *, says: tuple[str, ...] = (), file: str = "preds.csv", command: str = "") -> Case:
    command = command or f"{file} labels.csv"
    return Case(name, {"preds.csv": None, file: preds}, command=command, says=says, metrics=GOOD, rows=3)


def _bad(name: str, preds: Content, error: str, *says: str, file: str = "preds.csv") -> Case:
    return Case(name, {"preds.csv": None, file: preds}, command=f"{file} labels.csv", error=error, says=says)


# --- what a table may look like -------------------------------------------------------------------------------------------


def _texts() -> Iterator[Case]:
    yield _bad("zero bytes", "", "E103", "'preds.csv' is empty", "--> preds.csv")
    yield _bad("newlines only", "\n\n\n", "E103", "'preds.csv' holds only blank lines", "--> preds.csv:1")
    yield _bad("spaces only", "   \n  \n", "E103", "'preds.csv' holds only blank lines")
    yield _bad("a byte-order mark only", "\ufeff", "E103", "'preds.csv' holds only blank lines")
    yield _bad("a header only", "id,cat,dog,owl\n", "E103", "'preds.csv' has a header but no rows", "--> preds.csv:1")
    yield _bad("a header without a line break only", "id,cat,dog,owl", "E103", "'preds.csv' has a header but no rows")
    yield Case(
        "a labels file with a header only",
        {"labels.csv": "id,label\n"},
        error="E103",
        says=("'labels.csv' has a header but no rows", "--> labels.csv:1"),
    )
    yield _bad(
        "a short line",
        PREDS.replace("b,0.10,0.80,0.10", "b,0.10,0.80"),
        "E201",
        "line 3 has 3 fields, the header has 4",
        "3 | b,0.10,0.80",
    )
    yield _bad(
        "a long line", PREDS.replace("b,0.10,0.80,0.10", "b,0.10,0.80,0.10,7"), "E201", "line 3 has 5 fields, the header has 4"
    )
    yield _bad("a truncated last line", PREDS[:-8], "E201", "line 4 has 3 fields, the header has 4", "the line may be cut off")
    yield _bad(
        "all lines longer than the header",
        PREDS.replace("0\n", "0,\n"),
        "E201",
        "line 2 has 5 fields, the header has 4",
        "2 | a,0.70,0.20,0.10,",
    )
    yield _good("a trailing comma on each line", PREDS.replace("\n", ",\n"))
    yield _bad(
        "a header with a trailing comma", PREDS.replace("owl\n", "owl,\n"), "E201", "line 2 has 4 fields, the header has 5"
    )
    for where, text in (
        ("in the first column", PREDS.replace("b,", '"b,')),
        ("in the last column", PREDS.replace("b,0.10,0.80,", 'b,0.10,0.80,"')),
        ("in the last line", PREDS.replace("c,", '"c,')),
    ):
        line = 4 if "last line" in where else 3
        yield _bad(
            f"a quote that is not closed {where}",
            text,
            "E207",
            'a quote " is opened and not closed',
            f"--> preds.csv:{line}\n  {line} | ",
        )
    yield Case(
        "a quote that is not closed in an unused last column",
        {"preds.csv": 'label,p,comment\n1,0.7,"good\n0,0.2,bad\n1,0.6,good\n'},
        command="preds.csv",
        error="E207",
        says=('a quote " is opened and not closed', "--> preds.csv:2", '2 | 1,0.7,"good', "the end of the file"),
    )
    late = "label,p,comment\n" + "1,0.75,x\n0,0.25,y\n" * 2000
    yield Case(
        "a quote that is not closed, far down",
        {"preds.csv": late + '1,0.75,"good\n' + "0,0.25,y\n" * 2000},
        command="preds.csv",
        error="E207",
        says=('a quote " is opened and not closed', "--> preds.csv:4002"),
    )
    yield Case(
        "quotes that are marks of inches",
        {"preds.csv": 'label,p,comment\n1,0.75,5" pipe\n0,0.25,y\n'},
        command="preds.csv",
        metrics={"log_loss": -math.log(0.75)},
        rows=2,
    )
    yield _bad(
        "NUL bytes in an id",
        PREDS.replace("b,", "b\0,"),
        "E207",
        "line 3 of 'preds.csv' holds NUL bytes",
        "--> preds.csv:3",
        r"3 | b\x00,0.10",
    )
    yield _bad("NUL bytes in a number", PREDS.replace("0.80", "0.8\0"), "E207", "line 3 of 'preds.csv' holds NUL bytes")
    yield _bad(
        "NUL bytes at the end, as after a crash",
        PREDS + "\0" * 4096,
        "E207",
        "line 5 of 'preds.csv' holds NUL bytes",
        "the file is damaged",
    )
    yield _bad("NUL bytes only", "\0" * 4096, "E207", "line 1 of 'preds.csv' holds NUL bytes")
    yield Case(
        "NUL bytes in a label",
        {"labels.csv": LABELS.replace("dog", "do\0g")},
        error="E207",
        says=("line 3 of 'labels.csv' holds NUL bytes",),
    )
    yield _good("a header that begins with #", "#" + PREDS, command="preds.csv labels.csv --id '#id=id'")
    yield _bad(
        "a comment before the header",
        "# made by train.py\n" + PREDS,
        "E201",
        "line 1 is no header",
        "1 | # made by train.py",
        "2 | id,cat,dog,owl",
        "tail -n +2 preds.csv > table.csv",
    )
    yield _bad(
        "two comments before the header",
        "# made by\n# train.py, 2024\n" + PREDS,
        "E201",
        "line 1 is no header",
        "tail -n +3 preds.csv > table.csv",
    )
    yield _bad(
        "a comment with as many commas as the header",
        "# a,b,c,d\n" + PREDS,
        "E201",
        "line 1 may be a comment or the header",
        "if it is the header, take away its #; if it is a comment, leave out what stands before the header: "
        "tail -n +2 preds.csv > table.csv",
    )
    yield _bad(
        "the line that tells Excel the delimiter",
        "sep=,\n" + PREDS,
        "E201",
        "line 1 is no header",
        "tail -n +2 preds.csv > table.csv",
    )
    yield _bad(
        "a comment between the rows",
        PREDS.replace("b,", "# half\nb,"),
        "E201",
        "line 3 has 1 field, the header has 4",
        "3 | # half",
        "if it is a comment, remove the line",
    )
    yield _bad(
        "a comment at the end",
        PREDS + "# 3 rows\n",
        "E201",
        "line 5 has 1 field, the header has 4",
        "if it is a comment, remove the line",
    )
    yield _bad(
        "a title above the header",
        "Predictions of June\n" + PREDS,
        "E201",
        "line 2 has 4 fields, the header has 1",
        "1 | Predictions of June",
        "2 | id,cat,dog,owl",
        "tail -n +2 preds.csv > table.csv",
    )
    yield _bad("a count of rows at the end", PREDS + "(3 rows)\n", "E201", "line 5 has 1 field, the header has 4")
    for where, text in (
        ("before the header", "\n" + PREDS),
        ("after the header", PREDS.replace("owl\n", "owl\n\n")),
        ("between the rows", PREDS.replace("\nb", "\n\n\nb")),
        ("at the end", PREDS + "\n\n"),
    ):
        yield _good(f"a blank line {where}", text)
    yield _bad(
        "a line of spaces between the rows", PREDS.replace("\nb", "\n   \nb"), "E201", "line 3 has 1 field, the header has 4"
    )
    yield _bad("a line of commas between the rows", PREDS.replace("\nb", "\n,,,\nb"), "E307", "1 id is empty", "preds.csv:3")
    yield _good("CR-only line ends", PREDS.replace("\n", "\r"))
    yield _good("CRLF line ends", PREDS.replace("\n", "\r\n"))
    yield _good("mixed line ends", PREDS.replace("\nb", "\r\nb").replace("\nc", "\rc"))
    yield _good("no line break at the end", PREDS.rstrip("\n"))
    yield _good(
        "everything in quotes", "".join(",".join(f'"{one}"' for one in line.split(",")) + "\n" for line in PREDS.splitlines())
    )
    for what, mark in (("semicolons", ";"), ("tabs", "\t"), ("bars", "|")):
        yield _good(f"fields separated by {what}", PREDS.replace(",", mark))
    yield _good("semicolons and decimal commas", PREDS.replace(",", ";").replace(".", ","))
    for mark in "^~: ":
        yield _bad(
            f"fields separated by {mark!r}",
            PREDS.replace(",", mark),
            "E202",
            f"'preds.csv' has one column, 'id{mark}cat{mark}dog{mark}owl'",
            f"the fields are separated by '{mark}'. Add --input-format 'csv:{mark}'",
        )
    yield Case(
        "fields separated by ^, as the option says",
        {"preds.csv": PREDS.replace(",", "^"), "labels.csv": LABELS.replace(",", "^")},
        command="preds.csv labels.csv --input-format csv:^",
        metrics=GOOD,
        rows=3,
    )
    yield _good(
        "other columns in between",
        PREDS.replace("id,", "id,note,").replace("a,", "a,x,").replace("b,", "b,y z,").replace("c,", "c,,"),
    )


def _joined() -> Iterator[Case]:
    header = PREDS.splitlines(keepends=True)[0]
    yield _bad("two files of predictions joined", PREDS + header + "d,0.1,0.1,0.8\n", "E215", "line 5 repeats the header")
    yield _bad(
        "three files joined, with other faults",
        PREDS + header + "d,0.1,0.1,zero\n" + header + "e,2,0,0\n",
        "E215",
        "line 5 repeats the header",
        "= 1 more: line 7",
    )
    yield _bad("a header twice at the top", header + PREDS, "E215", "line 2 repeats the header")
    yield Case(
        "two files of labels joined",
        {"labels.csv": "id,label\na,cat\nb,dog\nid,label\nc,owl\n"},
        error="E215",
        says=("line 4 repeats the header", "--> labels.csv:4\n  4 | id,label", "remove every header but the first"),
    )
    yield Case(
        "two files of labels joined, and options that leave rows out",
        {"labels.csv": "id,label\na,cat\nb,dog\nid,label\nc,owl\n"},
        command="preds.csv labels.csv --id-match inner --missing drop",
        error="E215",
    )
    yield Case(
        "two files of labels alone joined",
        {"preds.csv": "cat,dog,owl\n.7,.2,.1\n.1,.8,.1\n.2,.2,.6\n", "labels.csv": "label\ncat\ndog\nlabel\nowl\n"},
        error="E215",
        says=("line 4 repeats the header", "4 | label"),
    )
    yield Case(
        "two files of labels joined after many rows",
        {
            "preds.csv": "id,p\n" + "".join(f"{row},0.75\n" for row in range(3000)),
            "labels.csv": "id,label\n" + "".join(f"{row},1\n" for row in range(2000)) + "id,label\n2000,0\n",
        },
        error="E215",
        says=("line 2002 repeats the header",),
    )
    yield Case(
        "rows of 0 and 1 below columns called 0 and 1",
        {"preds.csv": "0,1\n0,1\n1,0\n0.5,0.5\n", "labels.csv": "label\n1\n0\n1\n"},
        metrics={"log_loss": math.log(2) / 3},
        rows=3,
    )
    yield Case(
        "a label that is called as its column",
        {"preds.csv": "id,p\na,0.75\nb,0.5\n", "labels.csv": "id,spam\na,spam\nb,ham\n"},
        command="preds.csv labels.csv --positive spam --label spam --pred p",
        error="E204",
    )
    for where, text in (("at the end", PREDS + ",,,\n,,,\n"), ("in the middle", PREDS.replace("\nc", "\n,,,\n,,,\nc"))):
        line = 5 if "end" in where else 4
        yield _bad(
            f"lines of nothing but commas {where}",
            text,
            "E307",
            f"--> preds.csv:{line}",
            "the whole line is empty; remove such lines",
        )


def _several() -> Iterator[Case]:
    short = PREDS.replace("a,0.70,0.20,0.10", "a,0.70,0.20")
    yield _bad(
        "a short line, and a cell that is no number",
        short.replace("0.80", "zero"),
        "E201",
        "line 2 has 3 fields, the header has 4",
        'error[E501]: "zero" is not a number',
    )
    yield Case(
        "a short line of the predictions, and a label that is no class",
        {"preds.csv": short, "labels.csv": LABELS.replace("dog", "bird")},
        error="E201",
        says=("line 2 has 3 fields, the header has 4", 'error[E402]: label "bird" is not one of the predicted classes'),
    )


def _cut() -> Iterator[Case]:
    cut = "the file ends here without a line break, so the line may be cut off"
    yield _bad("a number cut off at the end", PREDS.removesuffix("60\n"), "E504", "4 | c,0.20,0.20,0.", cut)
    yield _bad("a number missing at the end", PREDS.removesuffix("0.60\n"), "E502", "4 | c,0.20,0.20,", cut)
    yield Case("a label cut off at the end", {"labels.csv": LABELS.removesuffix("l\n")}, error="E402", says=('"ow"', cut))
    yield Case(
        "a JSON object cut off at the end",
        {"preds.csv": None, "preds.jsonl": '{"id": "a", "p": 0.75}\n{"id": "b", "p', "labels.csv": "id,label\na,1\nb,0\n"},
        command="preds.jsonl labels.csv",
        error="E206",
        says=("--> preds.jsonl:2", "; the file ends inside of the object", "has stopped early; do that again"),
    )


def _headers() -> Iterator[Case]:
    below = "a{0}0.7{0}0.2{0}0.1\nb{0}0.1{0}0.8{0}0.1\nc{0}0.2{0}0.2{0}0.6\n"
    name = "if the first column lacks a name, as R writes it, add one: "
    yield _bad(
        "what write.table of R writes, with tabs",
        "cat\tdog\towl\n" + below.format("\t"),
        "E201",
        "line 2 has 4 fields, the header has 3",
        name + "sed $'1s/^/id\\t/' preds.csv > named.csv",
    )
    yield _bad(
        "what write.table of R writes",
        '"cat" "dog" "owl"\n' + below.format(" ").replace("a", '"a"').replace("b", '"b"').replace("c", '"c"'),
        "E202",
        "the fields are separated by ' '. Add --input-format 'csv: '",
    )
    yield _bad("no name for the first of four columns", "cat,dog,owl\n" + below.format(","), "E201", name + "sed '1s/^/id,/'")
    yield _bad("no name for the last of four columns", "id,cat,dog\n" + below.format(","), "E201", "or a missing column name")
    yield Case(
        "labels without a name for the row names",
        {"labels.csv": "label\na\tcat\nb\tdog\nc\towl\n"},
        command="preds.csv labels.csv --input-format tsv",
        error="E202",
    )
    yield Case(
        "labels of R with row names",
        {"labels.csv": "label\na,cat\nb,dog\nc,owl\n"},
        error="E201",
        says=(name + "sed '1s/^/id,/' labels.csv > named.csv",),
    )
    yield Case(
        "row names of R, named as the hint says",
        {"preds.csv": "cat\tdog\towl\n" + below.format("\t")},
        shell="sed $'1s/^/id\\t/' preds.csv > named.csv; celoss eval named.csv labels.csv",
        metrics=GOOD,
        rows=3,
    )
    yield Case(
        "predictions with spaces, labels with commas",
        {"preds.csv": PREDS.replace(",", " ")},
        command="preds.csv labels.csv --input-format 'csv: '",
        error="E202",
        says=("'labels.csv' has one column", "--input-format is for both files", "sed 'y/,/ /' labels.csv > table.csv"),
    )
    yield Case(
        "labels that pandas wrote of a series without a name",
        {"preds.csv": ",0,1\n0,0.75,0.25\n1,0.5,0.5\n", "labels.csv": ",0\n0,0\n1,1\n"},
        error="E204",
        says=("1 | ,0", "if 0 is no value but the name that pandas makes up, replace it by a name"),
    )
    leave = "leave out what stands before the header: "
    for what, title in (("", "Predictions of June,,,\n"), (", and a blank line", "Predictions of June,,,\n,,,\n")):
        line = 1 + title.count("\n")
        yield _bad(
            f"a title with the commas of a spreadsheet{what}",
            title + PREDS,
            "E201",
            f"line 1 is no header, line {line} is",
            "1 | Predictions of June,,,",
            f"{line} | id,cat,dog,owl",
            f"{leave}tail -n +{line} preds.csv > table.csv",
        )
    yield _bad("a title and a blank line", "June\n\n" + PREDS, "E201", "line 3 has 4 fields", f"{leave}tail -n +3 preds.csv")
    yield _bad("a name for a group of columns", ",prob,,\n" + PREDS, "E201", "line 1 is no header, line 2 is", "tail -n +2")
    yield Case(
        "a title with a comma above the labels",
        {"labels.csv": "Labels,\n" + LABELS},
        error="E201",
        says=("line 1 is no header, line 2 is", f"{leave}tail -n +2 labels.csv > table.csv"),
    )
    yield _good("columns without a name", PREDS.replace("owl\n", "owl,,,,,\n").replace("0\n", "0,,,,,\n"))
    yield Case(
        "columns of labels without a name",
        {"labels.csv": "id,label,,,,\na,cat,x,y,z,u\nb,dog,x,y,z,v\nc,owl,,,,\n"},
        metrics=GOOD,
        rows=3,
    )
    levels = ",prob,prob,prob\n,cat,dog,owl\n{}" + PREDS.partition("\n")[2]
    yield _bad(
        "two levels of columns",
        levels.format("id,,,\n"),
        "E203",
        '3 columns are called "prob"',
        "line 2 is a second header",
        "in pandas: df.droplevel(0, axis=1).to_csv(…)",
    )
    yield _bad("two levels of columns, no name of the index", levels.format(""), "E203", "line 2 is a second header", leave)
    yield _bad(
        "two columns with one name, and one header", PREDS.replace("owl", "cat"), "E203", "give every column its own name"
    )


def _drawn() -> Iterator[Case]:
    rows = [line.split(",") for line in PREDS.splitlines()]
    drawn = [" | ".join(f"{cell:5}" for cell in row) for row in rows]
    line = "+".join(["-------"] * 4)
    table = "".join(f" {row}\n" for row in drawn[1:])
    psql = f" {drawn[0]}\n-{line[1:]}\n{table}(3 rows)\n\n"
    yield _bad("what psql prints", psql, "E104", "as psql prints it", "psql --csv")
    box = f"+{line}+\n"
    mysql = box + f"| {drawn[0]} |\n" + box + "".join(f"| {row} |\n" for row in drawn[1:]) + box
    yield _bad("what mysql prints", mysql + "3 rows in set (0.00 sec)\n", "E104", "as mysql prints it", "mysql --batch")
    markdown = f"| {drawn[0]} |\n|:--|--:|--:|--:|\n" + "".join(f"| {row} |\n" for row in drawn[1:])
    command = "sed '2d; s/^ *| *//; s/ *| *$//; s/ *| */,/g' preds.csv > table.csv"
    yield _bad("a Markdown table", markdown, "E104", "this is a Markdown table", command)
    yield Case(
        "a Markdown table, converted as the hint says",
        {"preds.csv": markdown},
        shell=f"{command}; celoss eval table.csv labels.csv",
        metrics=GOOD,
        rows=3,
    )
    yield _bad(
        "what psql prints unaligned",
        PREDS.replace(",", "|") + "(3 rows)\n",
        "E201",
        "it is a count of rows, as databases write it",
    )


def _encodings() -> Iterator[Case]:
    for encoding, shown in (
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16LE"),
        ("utf-16-be", "UTF-16BE"),
        ("utf-32", "UTF-32"),
        ("utf-32-le", "UTF-32LE"),
        ("utf-32-be", "UTF-32BE"),
    ):
        yield _bad(
            f"{encoding} text",
            PREDS.encode(encoding),
            "E105",
            "'preds.csv' is not UTF-8",
            f"found: {shown}",
            f"convert: iconv -f {shown} -t UTF-8 preds.csv > utf8.csv",
        )
    yield _bad(
        "UTF-16 text, compressed",
        gzip.compress(PREDS.encode("utf-16")),
        "E105",
        "convert: gunzip -c preds.csv.gz | iconv -f UTF-16 -t UTF-8 > utf8.csv",
        file="preds.csv.gz",
    )
    yield Case(
        "UTF-16 text from standard input",
        command="- labels.csv",
        stdin=PREDS.encode("utf-16"),
        error="E105",
        says=("'standard input' is not UTF-8", "put it before celoss: iconv -f UTF-16 -t UTF-8 | celoss …"),
    )
    yield _good("a UTF-8 byte-order mark", "\ufeff" + PREDS)
    yield _good("a UTF-8 byte-order mark before a quote", "\ufeff" + PREDS.replace("id", '"id"'))
    for encoding in ("latin-1", "windows-1252", "cp850"):
        yield _bad(
            f"a header in {encoding}",
            PREDS.replace("dog", "hündin").encode(encoding),
            "E105",
            "'preds.csv' is not UTF-8",
            "--> preds.csv:1",
            "iconv -f WINDOWS-1252 -t UTF-8 preds.csv > utf8.csv",
        )
        yield Case(
            f"a label in {encoding}",
            {"labels.csv": LABELS.replace("dog", "hündin").encode(encoding)},
            error="E105",
            says=("'labels.csv' is not UTF-8", 'labels.csv:3, column "label"', "iconv -f WINDOWS-1252 -t UTF-8"),
        )
    yield _good(
        "bytes that are not UTF-8 in a column that is not used",
        PREDS.replace("id,", "id,note,").replace("a,", "a,é,").replace("b,", "b,,").replace("c,", "c,,").encode("latin-1"),
    )
    yield Case(
        "a file name with spaces and letters of all scripts",
        {"preds.csv": None, "my preds — é 猫.csv": PREDS},
        command="'my preds — é 猫.csv' labels.csv",
        says=("my preds — é 猫.csv × labels.csv",),
        metrics=GOOD,
        rows=3,
    )


def _compressed() -> Iterator[Case]:
    text = PREDS.encode()
    for suffix, compress in COMPRESS.items():
        data = compress(text)
        yield _good(f"{suffix} under its name", data, file=f"preds.csv.{suffix}")
        yield _good(f"{suffix} under the name of a text", data)
        yield _good(f"text under the name of {suffix}", text, file=f"preds.csv.{suffix}")
        yield _bad(
            f"truncated {suffix}",
            data[: len(data) // 2],
            "E108",
            f"'preds.csv.{suffix}' is a damaged or incomplete {NAMES[suffix]}-compressed file",
            file=f"preds.csv.{suffix}",
        )
        yield _bad(f"{suffix} of nothing", compress(b""), "E103", f"'preds.csv.{suffix}' is empty", file=f"preds.csv.{suffix}")
        yield _bad(
            f"{suffix} of {suffix}",
            compress(data),
            "E104",
            f"'preds.csv.{suffix}' is not a table",
            f"it is compressed twice; once is enough: {UNPACK[suffix]} preds.csv.{suffix} > once.{suffix}",
            file=f"preds.csv.{suffix}",
        )
    yield _bad(
        "a comment before the header, compressed",
        gzip.compress(b"# made by train.py\n" + text),
        "E201",
        "gunzip -c preds.csv.gz | tail -n +2 > table.csv",
        file="preds.csv.gz",
    )
    yield _bad(
        "a JSON array, compressed",
        gzip.compress(b'[{"id": "a", "cat": 0.7}]'),
        "E104",
        "gunzip -c preds.json.gz | jq -c '.[]' > table.jsonl",
        file="preds.json.gz",
    )
    yield _bad("a gzip header and no more", b"\x1f\x8b\x08\0\0\0\0", "E108", "damaged or incomplete gzip-compressed file")
    yield _bad(
        "a damaged gzip trailer", gzip.compress(text)[:-4] + b"\0\0\0\0", "E108", "damaged or incomplete gzip-compressed file"
    )
    yield _good("gzip of two members", gzip.compress(text[:30]) + gzip.compress(text[30:]))
    yield _bad(
        "bytes after a gzip member", gzip.compress(text) + b"garbage that is no gzip", "E108", "damaged or incomplete gzip"
    )
    yield _bad(
        "a tar archive, compressed",
        _tar("w:gz"),
        "E104",
        "this is a tar archive; unpack it: tar -xf preds.tar.gz",
        file="preds.tar.gz",
    )
    yield _bad("a tar archive", _tar("w"), "E104", "this is a tar archive; unpack it: tar -xf preds.tar", file="preds.tar")
    yield _bad(
        "a ZIP archive", _zip("preds.csv"), "E104", "this is a ZIP archive; unpack it: unzip preds.zip", file="preds.zip"
    )
    yield _bad("compressed Parquet", gzip.compress(_parquet()), "E104", "is a compressed parquet file", file="preds.parquet.gz")


def _tar(mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(mode=mode, fileobj=buffer) as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo("preds.csv")
        member.size = len(PREDS)
        archive.addfile(member, io.BytesIO(PREDS.encode()))
    return buffer.getvalue()


def _zip(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, PREDS)
    return buffer.getvalue()


def _parquet() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.table({"id": ["a", "b", "c"], "cat": [0.7, 0.1, 0.2], "dog": [0.2, 0.8, 0.2], "owl": [0.1, 0.1, 0.6]}), sink
    )
    return sink.getvalue().to_pybytes()


def _npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, preds=np.zeros((3, 3)))
    return buffer.getvalue()


def _sqlite(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("create table preds (id text, cat real, dog real, owl real)")
    connection.commit()
    connection.close()


HTML = "<html><body>Log in</body></html>"


def _foreign() -> Iterator[Case]:
    for name, content, says in (
        ("a JSON array", '[{"id": "a", "cat": 0.7, "dog": 0.2, "owl": 0.1}]', "jq -c '.[]' preds.csv > table.jsonl"),
        (
            "a spreadsheet (.xlsx)",
            _zip("[Content_Types].xml", "xl/workbook.xml"),
            "this is a spreadsheet; save the table as CSV",
        ),
        (
            "a spreadsheet (.ods)",
            _zip("mimetype", "application/vnd.oasis.opendocument"),
            "this is a spreadsheet; save the table as CSV",
        ),
        ("a spreadsheet (.xls)", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "this is an Excel workbook"),
        ("several arrays (.npz)", _npz(), "this is an NPZ file of several arrays; save one of them with numpy.save"),
        ("an SQLite database", _sqlite, "sqlite3 -header -csv preds.csv 'select * from TABLE' > TABLE.csv"),
        ("a pickle", pickle.dumps({"cat": [0.7]}), "this is a Python pickle, which can run code when it is read"),
        ("a web page", "<!DOCTYPE html>\n" + HTML, "this is a web page; the download may have asked for a login"),
        ("a web page after blank lines", "\n\n  " + HTML, "this is a web page"),
        ("a web page after a comment", "<!-- saved from -->\n<!-- url -->\n" + HTML, "this is a web page"),
        ("a web page with a byte-order mark", "\ufeff<HTML>" + HTML, "this is a web page"),
        ("a table of a web page", '<table border="1" class="dataframe">\n<tr></tr></table>', "this is a table of a web page"),
        ("an XML error of a store", '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "this is an XML file"),
        (
            "a Git LFS pointer",
            "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "fetch the data with `git lfs pull`",
        ),
        ("an HDF5 file", b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "this is an HDF5 file"),
        ("a PDF file", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "this is a PDF file"),
        ("a file of R", gzip.compress(b"X\n\0\0\0\3\0\4\2\0"), "this is a file of R"),
        ("a MATLAB file", b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + b"\0" * 100, "this is a MATLAB file"),
        ("a 7-Zip archive", b"7z\xbc\xaf\x27\x1c\0\4", "this is a 7-Zip archive; unpack it: 7z x preds.csv"),
        ("an Avro file", b"Obj\x01\x04\x14avro.codec", "this is an Avro file"),
        ("an ORC file", b"ORC\x11\0\0\n", "this is an ORC file"),
        ("an LZ4 frame", b"\x04\x22\x4d\x18\x40\x70\xdf", "this is a compressed file"),
        (
            "an error message of the shell",
            "bash: line 1: predict: command not found\n",
            "this is the error message of a program",
        ),
        ("an error message of cat", "cat: preds.csv: No such file or directory\n", "this is the error message of a program"),
        (
            "an error message of Python",
            'Traceback (most recent call last):\n  File "x.py", line 1\n',
            "this is the error message of a Python program",
        ),
        ("an error message of a web server", "404: Not Found", "this is the error message of a web server, not the file"),
    ):
        yield _bad(f"{name} named .csv", content, "E104", "'preds.csv' is not a table", 'found: bytes starting "', says)
    yield _good("Parquet named .csv", _parquet())
    for suffix in ("parquet", "feather", "arrow", "npy"):
        kind = {"parquet": "a Parquet", "npy": "an NPY"}.get(suffix, "an Arrow")
        yield _bad(
            f"text named .{suffix}",
            PREDS,
            "E104",
            f"'preds.{suffix}' is not {kind} file",
            "it is text; rename it to preds.csv",
            file=f"preds.{suffix}",
        )
    yield _bad("random bytes named .csv", bytes(range(256)) * 8, "E207", "line 1 of 'preds.csv' holds NUL bytes")
    yield _bad("a message on one line", "no data\n", "E103", "'preds.csv' has a header but no rows", "1 | no data")


# --- arguments ------------------------------------------------------------------------------------------------------------


def _link(target: str) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(target)


def _hard_link(path: Path) -> None:
    (path.parent / "preds.csv").write_text(PREDS)
    os.link(path.parent / "preds.csv", path)


def _argument(name: str, command: str, error: str, *says: str, files: dict[str, Content | None] | None = None) -> Case:
    return Case(name, files or {}, command=command, error=error, says=says)


def _arguments() -> Iterator[Case]:
    yield _argument(
        "a missing file with a near name",
        "pred.csv labels.csv",
        "E101",
        "no file at 'pred.csv'",
        "--> argument PREDS",
        "did you mean 'preds.csv'?",
    )
    yield _argument(
        "a missing labels file",
        "preds.csv label.csv",
        "E101",
        "no file at 'label.csv'",
        "--> argument LABELS",
        "did you mean 'labels.csv'?",
    )
    yield _argument("a missing file", "nothing labels.csv", "E101", "no file at 'nothing'")
    yield _argument(
        "a missing file of another ending",
        "preds.parquet labels.csv",
        "E101",
        "no file at 'preds.parquet'",
        "did you mean 'preds.csv'?",
    )
    yield _argument(
        "a missing folder", "runs/preds.csv labels.csv", "E101", "no file at 'runs/preds.csv'", "found: no folder 'runs'"
    )
    yield _argument(
        "a missing folder with a near name",
        "run/1/preds.csv labels.csv",
        "E101",
        "found: no folder 'run'",
        "did you mean 'runs/1/preds.csv'?",
        files={"runs": lambda path: ((path / "1").mkdir(parents=True), (path / "1" / "preds.csv").write_text(PREDS))},
    )
    yield _argument("an empty path", "'' labels.csv", "E101", "no file at ''", "an unset variable of the shell")
    yield _argument("a name with a line break", "'pre\nds.csv' labels.csv", "E101", r"no file at 'pre\nds.csv'")
    yield _argument("a name in quotes", """'"preds.csv"' labels.csv""", "E101", "did you mean 'preds.csv'?")
    yield _argument("a very long name", f"{'x' * 5000} labels.csv", "E101", "cannot read 'xxx", "File name too long")
    yield _argument(
        "a link to nothing",
        "link.csv labels.csv",
        "E101",
        "found: a link to 'gone.csv', which does not exist",
        files={"link.csv": _link("gone.csv")},
    )
    yield _argument(
        "a link to itself",
        "link.csv labels.csv",
        "E101",
        "cannot read 'link.csv'",
        "symbolic links",
        files={"link.csv": _link("link.csv")},
    )
    yield _argument(
        "a directory", "runs labels.csv", "E102", "'runs' is a directory", "found: 0 files", files={"runs": Path.mkdir}
    )
    yield _argument("a path through a file", "preds.csv/x labels.csv", "E101", "cannot read 'preds.csv/x'", "Not a directory")
    yield _argument(
        "a pattern with no match", "'*.parquet' labels.csv", "E101", "no file at '*.parquet'", "no file matches the pattern"
    )
    yield _argument("a pattern with one match", "'p*.csv' labels.csv", "E101", "did you mean 'preds.csv'?")
    yield _argument(
        "a pattern with several matches",
        "'*.csv' labels.csv",
        "E101",
        "the pattern matches 2 files; name one: labels.csv, preds.csv",
    )
    for address, says in (
        ("https://example.org/preds.csv", "curl -sSfL https://example.org/preds.csv | celoss eval - labels.csv"),
        ("http://example.org/p.csv?a=1&b=2", "curl -sSfL 'http://example.org/p.csv?a=1&b=2' | celoss eval - labels.csv"),
        ("s3://bucket/preds.parquet", "aws s3 cp s3://bucket/preds.parquet - | celoss eval - labels.csv"),
        ("gs://bucket/preds.csv", "gcloud storage cat gs://bucket/preds.csv | celoss eval - labels.csv"),
        (
            "hf://datasets/me/data/p.parquet",
            "curl -sSfL https://huggingface.co/datasets/me/data/resolve/main/p.parquet | celoss eval - labels.csv",
        ),
        ("abfs://container/preds.csv", "fetch it first, and give the file"),
        ("file:///tmp/preds.csv", "give the path alone: /tmp/preds.csv"),
    ):
        yield _argument(
            f"the address {address}",
            f"'{address}' labels.csv",
            "E107",
            f"'{address}' is an address, and celoss reads only files",
            "--> argument PREDS",
            says,
        )
    yield _argument(
        "an address of labels",
        "preds.csv https://example.org/l.csv",
        "E107",
        "--> argument LABELS",
        "curl -sSfL https://example.org/l.csv | celoss eval preds.csv -",
    )
    yield _argument(
        "both inputs are standard input", "- -", "E106", "both inputs are standard input", "write the other to a file"
    )
    yield _argument("both are standard input under two names", "- /dev/stdin", "E106", "both inputs are standard input")
    yield _argument("both are standard input by its path", "/dev/stdin /dev/stdin", "E106", "both inputs are standard input")
    yield _argument(
        "one file twice",
        "preds.csv preds.csv",
        "E109",
        "both inputs are 'preds.csv'",
        "when the labels are a column of the predictions, give the file once",
    )
    yield _argument(
        "one file twice in two spellings", "preds.csv ./preds.csv", "E109", "'preds.csv' and './preds.csv' are one file"
    )
    yield _argument(
        "a file and a symbolic link to it",
        "preds.csv link.csv",
        "E109",
        "'preds.csv' and 'link.csv' are one file",
        files={"link.csv": _link("preds.csv")},
    )
    yield _argument(
        "a file and a hard link to it",
        "preds.csv link.csv",
        "E109",
        "'preds.csv' and 'link.csv' are one file",
        files={"link.csv": _hard_link},
    )
    yield _argument(
        "the two files swapped", "labels.csv preds.csv", "E401", "the two files look swapped: the predictions come first"
    )
    yield _argument("a device without an end", "/dev/zero labels.csv", "E101", "cannot read '/dev/zero': it is a device")
    yield _argument("a device without contents", "/dev/null labels.csv", "E103", "'/dev/null' is empty")
    yield _argument("standard input without contents", "- labels.csv", "E103", "'standard input' is empty")
    yield Case("standard input", command="- labels.csv", stdin=PREDS.encode(), metrics=GOOD, rows=3)
    yield Case("labels from standard input", command="preds.csv -", stdin=LABELS.encode(), metrics=GOOD, rows=3)
    yield Case("compressed standard input", command="- labels.csv", stdin=gzip.compress(PREDS.encode()), metrics=GOOD, rows=3)
    yield Case("Parquet from standard input", command="- labels.csv", stdin=_parquet(), metrics=GOOD, rows=3)
    yield Case(
        "the two files swapped, of two classes",
        {"preds.csv": "id,p\na,0.75\nb,0.25\nc,0.5\n", "labels.csv": "id,label\na,1\nb,0\nc,1\n"},
        command="labels.csv preds.csv",
        error="E410",
        says=("the two files look swapped: the predictions come first, then the labels",),
    )


def _shells() -> Iterator[Case]:
    """What only a real process and a real shell can do."""
    for name, line in (
        ("/dev/stdin from a pipe", "cat preds.csv | celoss eval /dev/stdin labels.csv"),
        ("/dev/stdin from a file", "celoss eval /dev/stdin labels.csv < preds.csv"),
        ("process substitution for both files", "celoss eval <(cat preds.csv) <(cat labels.csv)"),
        ("process substitution of a compressed file", "celoss eval <(gzip -c preds.csv) labels.csv"),
        ("a named pipe", "mkfifo pipe; cat preds.csv > pipe & celoss eval pipe labels.csv"),
    ):
        yield Case(name, shell=line, metrics=GOOD, rows=3)
    for name, line, error, says in (
        ("standard input and its file", "celoss eval - preds.csv < preds.csv", "E109", "'-' and 'preds.csv' are one file"),
        ("a named pipe twice", "mkfifo pipe; celoss eval pipe ./pipe", "E109", "'pipe' and './pipe' are one file"),
        ("a named pipe without contents", "mkfifo pipe; : > pipe & celoss eval pipe labels.csv", "E103", "'pipe' is empty"),
        ("process substitution of a program that fails", "celoss eval <(false) labels.csv", "E103", "is empty"),
        ("standard input that is closed", "celoss eval - labels.csv <&-", "E101", "standard input is closed"),
    ):
        yield Case(name, shell=line, error=error, says=(says,))


CASES: tuple[Case, ...] = (
    *_texts(),
    *_joined(),
    *_several(),
    *_cut(),
    *_headers(),
    *_drawn(),
    *_encodings(),
    *_compressed(),
    *_foreign(),
    *_arguments(),
    *_shells(),
)
