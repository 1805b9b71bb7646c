"""Strategies for tables with any text in any cell, and how a table is written as a file of each format."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

# Texts that are nearly numbers, nearly missing, nearly structure, or that no program expects.
# fmt: off
NUMBERS = (
    "0", "1", "-0.0", "1.0", "1e-300", "5e-324", "1e400", "-1e400", "1e-400", "1e-9999999999", "1e99999999", "9" * 400,
    "0." + "0" * 400 + "1", "nan", "NaN", "-nan", "inf", "-inf", "Infinity", "-0.2", "1.7", "50%", "50 %", "0x1p-2", "0.2_5",
    ".5", "5.", "+.5", "0.2.5", "0,25", "1,234", "1,234.5", "٠.٢", "０.５", "−0.5", "½", "$0.25", " 0.5", "0.5 ", "0.5\t",
    "\u00a00.5", "1e", "e5", "--1", "True", "false", "[0.5, 0.5]", "[0.5 0.5]", "(0.5, 0.5)", "[]", "[[1]]", "[nan, 1]",
    "{'a': 0.5}", "tensor([0.5])", "a:0.5 b:0.5",
)
WORDS = (
    "", " ", "\t", "NA", "N/A", "#N/A", "None", "null", "NULL", "?", "-", "--", ".", "nan", "missing", "id", "label", "y",
    "class", "p", "prob", "p_cat", "prob_1", "P(cat)", "cat", "Cat", "CAT", "cat ", " cat", "yes", "no", "true", "False", "0",
    "1", "2", "01", "1.0", "-1", "007", "7", "7.0", "18446744073709551617", "2024-01-01", "x" * 3000, "a,b", "a;b", "a|b",
    'say "hi"', '"', '""', "'", "\\", "\\n", "a\nb", "a\r\nb", "\r", "\n", "\0", "a\0b", "\x1b[31mred", "\x1f", "\x7f", "\x85",
    "\u2028", "\ufeff", "\ufeffid", "\ufffe", "\uffff", "\u202eright", "\u200b", "é", "e\u0301", "ﬁ", "straße", "STRASSE",
    "İ", "猫", "🐈", "𝟏", "\U0010ffff", "=1+1", "@x", "#1", "# id", "%", "%s", "{}", "Unnamed: 0", "__index_level_0__",
    "rownames", "constructor", "(unnamed)", "weight", "loss", "logits", "<html", "PAR1", "[1]", "{", "...",
)
# fmt: on
SURROGATES = ("\udcff", "a\udc80", "\ud800", "\udfff\ud800")

plain = st.text(string.ascii_letters + string.digits + "._- ", max_size=8)
anything = st.one_of(
    st.sampled_from(NUMBERS), st.sampled_from(WORDS), plain, st.text(max_size=6), st.text(string.printable, max_size=12)
)
# Also what no UTF-8 file can hold: lone surrogates, which CSV files have as bytes that are no text.
cells = st.one_of(anything, anything, anything, st.sampled_from(SURROGATES))


@dataclass(frozen=True)
class Table:
    """A table of texts; its rows may have fewer or more cells than there are names."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def in_order(self, order: Sequence[int]) -> Table:
        return replace(self, rows=tuple(self.rows[one] for one in order))

    def texts(self) -> tuple[str, ...]:
        return (*self.names, *(text for row in self.rows for text in row))


@dataclass(frozen=True)
class Style:
    """How a table is written. typed: numbers as such. mark: a byte-order mark. cut: how many bytes are missing at the end."""

    format: str = "csv"
    delimiter: str = ","
    line_end: str = "\n"
    quote_all: bool = False
    mark: bool = False
    typed: bool = False
    gzip: bool = False
    cut: int = 0


CSV, JSONL, PARQUET = Style("csv"), Style("jsonl"), Style("parquet")
styles = st.one_of(
    st.just(CSV),
    st.builds(
        Style,
        st.just("csv"),
        st.sampled_from([",", ",", ";", "\t", "|"]),
        st.sampled_from(["\n", "\n", "\r\n", "\r"]),
        st.booleans(),
        st.booleans(),
        gzip=st.booleans(),
        cut=st.sampled_from([0] * 12 + [1, 2, 5, 9]),
    ),
    st.builds(Style, st.just("jsonl"), typed=st.booleans(), gzip=st.booleans()),
    st.builds(Style, st.just("parquet"), typed=st.booleans()),
)


def write(table: Table, folder: Path, name: str, style: Style) -> Path | None:
    """The table as a file, or None where the format cannot hold it."""
    data = _WRITERS[style.format](table, style)
    if data is None:
        return None
    path = folder / f"{name}.{style.format}{'.gz' if style.gzip else ''}"
    path.write_bytes(gzip.compress(data, 1, mtime=0) if style.gzip else data)
    return path


def _csv(table: Table, style: Style) -> bytes:
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if style.quote_all else csv.QUOTE_MINIMAL
    writer = csv.writer(text, delimiter=style.delimiter, lineterminator=style.line_end, quoting=quoting)
    writer.writerows([table.names, *table.rows])
    # Bytes that are no text come in as \udc80 … \udcff; other lone surrogates are written as old programs do.
    data = text.getvalue().encode("utf-8", "surrogatepass" if _has_other_surrogates(text.getvalue()) else "surrogateescape")
    return (b"\xef\xbb\xbf" if style.mark else b"") + data[: len(data) - style.cut]


def _has_other_surrogates(text: str) -> bool:
    return any("\ud800" <= ch <= "\udfff" and not "\udc80" <= ch <= "\udcff" for ch in text)


def _jsonl(table: Table, style: Style) -> bytes | None:
    if len(set(table.names)) < len(table.names) or any(len(row) != len(table.names) for row in table.rows):
        return None
    rows = [dict(zip(table.names, map(_value, row) if style.typed else row, strict=True)) for row in table.rows]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _parquet(table: Table, style: Style) -> bytes | None:
    if any(len(row) != len(table.names) for row in table.rows) or not table.names:
        return None
    columns = [list(column) for column in zip(*table.rows, strict=True)] if table.rows else [[] for _ in table.names]
    try:
        arrays = [_array(column, style.typed) for column in columns]
        stored = pa.Table.from_arrays(arrays, names=list(table.names))
    except (UnicodeEncodeError, pa.ArrowException):
        return None
    sink = io.BytesIO()
    pq.write_table(stored, sink)
    return sink.getvalue()


def _array(texts: list[str], typed: bool) -> pa.Array:
    values = [_value(text) for text in texts] if typed else texts
    if typed and all(value is None or isinstance(value, float) for value in values):
        return pa.array(values, pa.float64())
    if typed and all(type(value) is int for value in values):
        return pa.array(values, pa.int64())
    return pa.array(texts, pa.string())


def _value(text: str) -> object:
    """A text as the JSON value that it means."""
    if not text:
        return None
    if re.fullmatch(r"-?(0|[1-9]\d{0,17})", text, re.ASCII):
        return int(text)
    return float(text) if re.fullmatch(r"-?\d+\.\d+(e[+-]\d+)?", text, re.ASCII) else text


_WRITERS: dict[str, Callable[[Table, Style], bytes | None]] = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}


# --- tables that nearly are predictions and labels ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """Predictions and labels; labels is None where they are a column of the predictions. said: options that explain them."""

    predictions: Table
    labels: Table | None
    said: tuple[str, ...] = ()

    def texts(self) -> tuple[str, ...]:
        return (*self.predictions.texts(), *(self.labels.texts() if self.labels else ()))


CLASSES = (
    ("cat", "dog", "owl", "emu"),
    ("0", "1", "2", "3"),
    ("no", "yes", "so", "na"),
    ("1", "2", "9", "10"),
    ("a b", "ä", "C", "c"),
)
AFFIXES = ("{}", "{}", "p_{}", "prob_{}", "{}_prob", "P({})")


@st.composite
def good_pairs(draw: st.DrawFn, words: st.SearchStrategy[str] = anything) -> Pair:
    """Predictions with their labels that are right, but for the names of their classes and ids, which may be anything."""
    k, rows = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    task = draw(st.sampled_from(["hard", "hard", "hard", "soft", "multilabel"])) if k > 1 else "hard"
    named = st.lists(words, min_size=4, max_size=4, unique=True)
    names = draw(st.one_of(st.sampled_from(CLASSES), st.sampled_from(CLASSES), named))[: max(k, 2)]
    affix = draw(st.sampled_from(AFFIXES))
    shares, scale = draw(_numbers(rows, max(k, 2)))
    columns = {affix.format(name): [row[at] for row in shares] for at, name in enumerate(names)}
    said = [f"--from={scale}"] if scale != "probs" else []
    if k == 1:
        columns = {draw(st.sampled_from(["p", "prob", "score", affix.format(names[1])])): [row[1] for row in shares]}
        said.append(f"--positive={names[1]}")
    if task == "hard":
        truth = {"label": [draw(st.sampled_from(names)) for _ in range(rows)]}
    else:
        said += [f"--task={task}"]
        parts = draw(_numbers(rows, k, ["probs"]))[0] if task == "soft" else None
        flags = [[draw(st.sampled_from("01")) for _ in names] for _ in range(rows)]
        truth = {name: [row[at] for row in parts or flags] for at, name in enumerate(names)}
    if draw(st.integers(0, 3)) == 0:
        truth["w"] = [draw(st.sampled_from(["1", "2", "0.5", "0"])) for _ in range(rows)]
        said.append("--weights=w")
    ids = draw(
        st.one_of(
            st.none(),
            st.just([f"r{one}" for one in range(rows)]),
            st.just([str(one) for one in range(rows)]),
            st.lists(words, min_size=rows, max_size=rows, unique=True),
        )
    )
    key = {"id": ids} if ids else {}
    if task == "hard" and draw(st.integers(0, 3)) == 0:
        return Pair(_shuffled(draw, {**key, **columns, **truth}, None), None, tuple(said))
    order = draw(st.permutations(range(rows))) if ids else None
    if ids and task == "hard" and k > 1 and draw(st.integers(0, 5)) == 0:
        cells = [(one, name, row[at]) for one, row in zip(ids, shares, strict=True) for at, name in enumerate(names)]
        long = Table(("id", "class", "p"), tuple(draw(st.permutations(cells))))
        return Pair(long, _shuffled(draw, {**key, **truth}, order), (*said, *draw(st.sampled_from([(), ("--long",)]))))
    said += ["--id=id"] if ids and task != "hard" else []
    return Pair(_shuffled(draw, {**key, **columns}, None), _shuffled(draw, {**key, **truth}, order), tuple(said))


@st.composite
def _numbers(
    draw: st.DrawFn, rows: int, k: int, scales: Sequence[str] = ("probs", "probs", "probs", "logits", "logprobs")
) -> tuple[list[list[str]], str]:
    """Rows of k numbers on some scale, as texts."""
    scale = draw(st.sampled_from(scales))
    parts = [draw(st.lists(st.integers(0, 8), min_size=k, max_size=k).filter(any)) for _ in range(rows)]
    if scale == "logits":
        return [[f"{one - 4:.2f}" for one in row] for row in parts], scale
    form = draw(st.sampled_from([".17g", ".17g", ".4f", ".17f"]))
    shares = [[one / sum(row) for one in row] for row in parts]
    if scale == "logprobs":
        return [[format(math.log(one) if one else -800.0, ".17g") for one in row] for row in shares], scale
    return [[format(one, form) for one in row] for row in shares], scale


def _shuffled(draw: st.DrawFn, columns: dict[str, list[str]], order: Sequence[int] | None) -> Table:
    names = draw(st.permutations(list(columns)))
    table = Table(tuple(names), tuple(zip(*(columns[name] for name in names), strict=True)))
    return table if order is None else table.in_order(order)


@st.composite
def spoilt_pairs(
    draw: st.DrawFn,
    words: st.SearchStrategy[str] = cells,
    ragged: bool = True,
    names: st.SearchStrategy[str] = anything,
) -> Pair:
    """Good pairs, of which some cells, names, rows or columns were changed."""
    pair = draw(good_pairs(names))
    for _ in range(draw(st.sampled_from([0, 1, 1, 2, 3]))):
        if pair.labels is None or draw(st.booleans()):
            pair = replace(pair, predictions=_spoilt(draw, pair.predictions, words, ragged))
        else:
            pair = replace(pair, labels=_spoilt(draw, pair.labels, words, ragged))
    return pair


def _spoilt(draw: st.DrawFn, table: Table, words: st.SearchStrategy[str], ragged: bool) -> Table:
    names, rows = list(table.names), [list(row) for row in table.rows]
    ways = ["cell", "cell", "cell", "column", "name", "drop row", "repeat row", "drop column", "repeat column"]
    way = draw(st.sampled_from([*ways, "shorten", "lengthen", "no rows"] if ragged else ways))
    row = draw(st.integers(0, len(rows) - 1)) if rows else None
    at = draw(st.integers(0, len(names) - 1)) if names else None
    even = all(len(one) == len(names) for one in rows)
    if way == "cell" and row is not None and at is not None and at < len(rows[row]):
        rows[row][at] = draw(words)
    elif way == "column" and at is not None and even:
        text = draw(words)
        rows = [[text if place == at else one for place, one in enumerate(row)] for row in rows]
    elif way == "name" and at is not None:
        names[at] = draw(words)
    elif way == "drop row" and row is not None and (len(rows) > 1 or ragged):
        del rows[row]
    elif way == "repeat row" and row is not None:
        rows.append(rows[row])
    elif way == "drop column" and at is not None and even and len(names) > 1:
        del names[at]
        rows = [row[:at] + row[at + 1 :] for row in rows]
    elif way == "repeat column" and at is not None and even:
        names.append(draw(st.sampled_from([f"{names[at]}2", names[at]])))
        rows = [[*row, row[at]] for row in rows]
    elif way == "shorten" and row is not None:
        rows[row] = rows[row][:-1]
    elif way == "lengthen" and row is not None:
        rows[row] = [*rows[row], draw(words)]
    elif way == "no rows":
        rows = []
    return Table(tuple(names), tuple(map(tuple, rows)))


@st.composite
def wild_tables(draw: st.DrawFn) -> Table:
    """Any shape, any text."""
    width = draw(st.integers(1, 4))
    names = draw(st.lists(cells, min_size=width, max_size=width))
    rows = draw(st.lists(st.lists(cells, min_size=max(0, width - 1), max_size=width + 1), max_size=4))
    return Table(tuple(names), tuple(map(tuple, rows)))


pairs = st.one_of(
    spoilt_pairs(),
    spoilt_pairs(),
    spoilt_pairs(),
    good_pairs(),
    st.builds(Pair, wild_tables(), st.one_of(st.none(), wild_tables())),
)

# fmt: off
CHOICES = (
    "--task=binary", "--task=multiclass", "--task=soft", "--task=multilabel", "--task=x", "--from=probs", "--from=logits",
    "--from=logprobs", "--id-match=inner", "--missing=drop", "--missing=uniform", "--eps=0", "--eps=0.3", "--eps=nan",
    "--eps=x", "--renormalize", "--normalize-labels", "--sum-tolerance=0", "--sum-tolerance=1", "--sum-tolerance=inf",
    "--base=2", "--base=10", "--class-weights=balanced", "--class-weights=cat=2,dog=0", "--class-weights=0=1e60",
    "--smoothing=0.1", "--smoothing=1", "--reduce-labels=sum", "--top-k=1", "--top-k=1,2", "--top-k=99", "--ties=first",
    "--as=sklearn", "--as=keras", "--as=torch-bce", "--as=sklearn-1.1", "--as=spark", "--as=strict", "--as=xgboost",
    "--long", "--wide", "--id=#", "--weights=w", "--by=w", "--id=id",
)
# fmt: on
# For these any text, or one of the table's own names and cells.
NAMING = (
    "--id",
    "--pred",
    "--label",
    "--positive",
    "--weights",
    "--by",
    "--classes",
    "--class-weights",
    "--top-k",
    "--input-format",
)


@st.composite
def options(draw: st.DrawFn, pair: Pair) -> list[str]:
    """Options of the command: mostly only those that explain the tables."""
    given = list(pair.said) if draw(st.integers(0, 4)) else []
    given += draw(st.lists(st.sampled_from(CHOICES), max_size=draw(st.sampled_from([0, 0, 0, 1, 3]))))
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 2]))):
        known = st.sampled_from(pair.texts())
        one, other = draw(st.one_of(known, known, cells)), draw(st.one_of(known, cells))
        given.append(f"{draw(st.sampled_from(NAMING))}={draw(st.sampled_from([one, one, f'{one}={other}', f'{one},{other}']))}")
    # No shell can give a NUL, and only bytes of a file name become lone surrogates.
    return [one.replace("\0", "") for one in given if not _has_other_surrogates(one)]
