"""The forms of a report: digits are never lost to a narrow terminal, and what machines read holds every digit."""

from __future__ import annotations

import csv
import html
import io
import json
import math
import random
import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pytest
from rich.cells import cell_len

import celoss as library
from celoss.errors import shorten
from celoss.report import Report
from celoss_cli.render import csv as csv_form
from celoss_cli.render import markdown, shown
from celoss_cli.render.table import render
from tests.conftest import PREDS, Ran

WIDTHS = range(20, 121)
NUMBER = re.compile(r"[-−]?(?:\d[\d,]*\.?\d*(?:e-?\d+)?|inf)")
ODD_NAMES = [
    "cat",
    "[bold]red[/bold]",
    "[/]",
    "a|b*c`d`<e>&_[f]\\",
    "tab\there",
    "line\nbreak",
    "\x1b[31mred",
    "\u202ereversed",
    "猫科動物の一種と考えられるもの",
    "🎉🎉🎉",
    "é" * 20,
    "x" * 60,
    " blank ",
    "two  words",
    ":smile:",
    "~~s~~",
    "0.25",
]


def report_of(seed: int, classes: int, rows: int, **options: Any) -> Report:
    """Random forecasts of classes with odd names."""
    chance = random.Random(seed)
    names = chance.sample(ODD_NAMES, classes)
    weights = [[chance.random() ** 8 for _ in names] for _ in range(rows)]
    table = {name: [row[index] / sum(row) for row in weights] for index, name in enumerate(names)}
    labels = [chance.choice(names) for _ in range(rows)]
    return library.evaluate(pa.table(table), pa.table({"label": labels}), pred=names, **options)


def infinite_report() -> Report:
    table = pa.table({"cat": [0.0, 0.5, 1.0], "dog": [1.0, 0.5, 0.0]})
    return library.evaluate(table, pa.table({"label": ["cat", "dog", "cat"]}), eps=0.0)


def one_class_report() -> Report:
    table = pa.table({"cat": [0.25, 0.5], "dog": [0.75, 0.5]})
    return library.evaluate(table, pa.table({"label": ["cat", "cat"]}))


REPORTS = {
    "two classes": lambda: report_of(1, 2, 40),
    "nine classes": lambda: report_of(2, 9, 300),
    "all odd names": lambda: report_of(3, len(ODD_NAMES), 60),
    "one row": lambda: report_of(4, 3, 1),
    "thousands of rows": lambda: report_of(5, 3, 2345),
    "losses that are tiny": lambda: library.evaluate([1 - 1e-9, 1e-9, 1e-12], [1, 0, 0]),
    "losses that are large": lambda: library.evaluate([1e-300, 0.5], [1, 0], eps=0.0),
    "an infinite loss": infinite_report,
    "no skill": one_class_report,
}


@pytest.fixture(params=REPORTS, scope="module")
def report(request: pytest.FixtureRequest) -> Report:
    return REPORTS[request.param]()


@pytest.fixture(scope="module")
def drawn(report: Report) -> dict[int, str]:
    """The table at each width."""
    return {width: render(report, width) for width in WIDTHS}


def metric_rows(report: Report) -> list[list[str]]:
    return [list(row) for row in shown.metrics(report)]


def class_rows(report: Report) -> list[list[str]]:
    return [
        [
            shorten(one.name),
            f"{one.rows:,}",
            shown.number(one.log_loss),
            shown.number(one.recall),
            shown.percent(one.loss_share),
        ]
        for one in report.per_class
    ]


def parts(text: str) -> list[str]:
    """Heading, metrics, classes and signature of a table."""
    heading, _, rest = text.partition("\n\n")
    metrics, _, rest = rest.partition("\n\n")
    classes, _, signature = rest.rpartition("\n\n")
    return [heading, metrics, classes, signature]


def joined(text: str) -> str:
    return "".join(text.split())


def in_order(words: list[str], text: str) -> bool:
    """Whether the words stand in the text, one after the other."""
    at = 0
    for word in words:
        at = text.find(word, at)
        if at < 0:
            return False
        at += len(word)
    return True


def test_no_line_is_wider_than_the_terminal(drawn: dict[int, str]) -> None:
    assert [width for width, text in drawn.items() if max(map(cell_len, text.splitlines())) > width] == []


def test_no_width_loses_a_digit_of_a_metric_or_of_a_class(report: Report, drawn: dict[int, str]) -> None:
    values = [joined(value) for _, value, *_ in metric_rows(report)]
    rows = [joined(text) for name, count, loss, *_ in class_rows(report) for text in (name, count, loss)]
    for width, text in drawn.items():
        heading, metrics, classes, signature = map(joined, parts(text))
        assert in_order(values, metrics), width
        assert in_order(rows, classes), width
        assert heading == joined("".join(shown.heading(report))), width
        assert signature == report.signature, width


def test_every_number_in_the_metrics_is_whole_at_every_width(report: Report, drawn: dict[int, str]) -> None:
    known = {number for row in metric_rows(report) for text in row for number in NUMBER.findall(text)}
    assert [width for width, text in drawn.items() if set(NUMBER.findall(parts(text)[1])) - known] == []


def test_every_number_in_the_class_table_is_whole_at_every_width(report: Report, drawn: dict[int, str]) -> None:
    rows = class_rows(report)
    # Names may hold numbers too; they stand first in a line, on the narrowest terminals in several pieces.
    names = sorted((joined(row[0]) for row in rows), key=len, reverse=True)
    known = {joined(number) for row in rows for text in row[1:] for number in NUMBER.findall(text)}
    for width, text in drawn.items():
        for line in parts(text)[2].splitlines():
            if any(joined(line) in name for name in names):
                continue
            name = next((name for name in names if joined(line).startswith(name)), "")
            words = line.split() if not name else line.lstrip()[len(name) :].split()
            assert {word for word in words if NUMBER.fullmatch(word)} <= known, (width, line)


def test_a_wider_terminal_never_shows_less(drawn: dict[int, str]) -> None:
    counts = [len(NUMBER.findall(parts(text)[1])) for text in drawn.values()]
    assert counts == sorted(counts)


def test_without_a_limit_the_table_is_that_of_a_terminal_that_is_wide_enough(report: Report) -> None:
    assert render(report) == render(report, 500)


def test_a_terminal_narrower_than_20_columns_gets_20(report: Report) -> None:
    assert render(report, 3) == render(report, 20)


def test_color_adds_only_escape_sequences(report: Report) -> None:
    for width in (None, 20, 60, 100):
        assert re.sub(r"\x1b\[[0-9;]*m", "", render(report, width, color=True)) == render(report, width)


def test_no_control_character_but_the_line_end_reaches_a_terminal(report: Report) -> None:
    assert all(ch == "\n" or ch.isprintable() for ch in render(report) + markdown.render(report))


# --- Markdown -------------------------------------------------------------------------------------------------------------


def rows_of(text: str) -> list[list[str]]:
    """The cells of all table rows as a reader sees them: split at bars that are not escaped, then unescaped."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("| ---")]
    cells = [re.split(r"(?<!\\)(?:\\\\)*\|", line)[1:-1] for line in lines]
    return [[html.unescape(re.sub(r"\\(.)", r"\1", cell.strip(" "))) for cell in row] for row in cells]


def test_markdown_shows_what_the_table_shows(report: Report) -> None:
    expected = metric_rows(report) + class_rows(report)
    found = [row for row in rows_of(markdown.render(report)) if row[0] not in ("metric", "class")]
    assert found == [[cell.strip(" ") for cell in row] for row in expected]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a|b", r"a\|b"),
        ("*a*", r"\*a\*"),
        ("`a`", r"\`a\`"),
        ("_a_", r"\_a\_"),
        ("[a](b)", r"\[a\](b)"),
        ("<b>", "&lt;b>"),
        ("&amp;", "&amp;amp;"),
        ("a\\|b", r"a\\\|b"),
        ("a\nb", r"a\\nb"),
    ],
)
def test_markdown_escapes_what_would_be_markup(name: str, written: str) -> None:
    table = pa.table({name: [0.5, 0.25], "other": [0.5, 0.75]})
    text = markdown.render(library.evaluate(table, pa.table({"label": [name, "other"]}), pred=[name, "other"]))
    assert f"\n| {written} | 1 | " in text


def test_a_signature_in_markdown_cannot_leave_its_code(folder: Path) -> None:
    Path("preds.csv").write_text("`id`,cat,dog\na,0.5,0.5\nb,0.25,0.75\n")
    Path("labels.csv").write_text("`id`,animal\nb,dog\na,cat\n")
    *_, last = markdown.render(library.evaluate("preds.csv", "labels.csv")).splitlines()
    assert last.startswith("`celoss|")
    assert last.count("`") == 2


# --- CSV ------------------------------------------------------------------------------------------------------------------


def test_csv_reads_back_to_the_same_bits(report: Report) -> None:
    header, *lines = csv.reader(io.StringIO(csv_form.render(report), newline=""))
    assert header == ["scope", "class", "metric", "value", "standard_error", "signature"]
    assert {line[5] for line in lines} == {report.signature}
    found = {(scope, name, metric): (value, error) for scope, name, metric, value, error, _ in lines}
    expected: dict[tuple[str, str, str], tuple[float | None, float | None]] = {("all", "", "rows"): (report.scored, None)}
    for metric, value in report.metrics.items():
        expected["all", "", metric] = (value, report.standard_errors.get(metric))
    for one in report.per_class:
        for metric, value in (
            ("rows", one.rows),
            ("log_loss", one.log_loss),
            ("recall", one.recall),
            ("loss_share", one.loss_share),
        ):
            expected["class", one.name, metric] = (value, None)
    assert len(lines) == len(expected)
    read = {key: tuple(float(text) if text else None for text in texts) for key, texts in found.items()}
    assert read == expected


# --- JSON -----------------------------------------------------------------------------------------------------------------


def strict(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def validator(document: str) -> Any:
    schema = strict((files("celoss_cli") / "schema" / f"{document}.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def pointers(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """JSON Pointer and value of everything in a document (RFC 6901)."""
    yield path, value
    if isinstance(value, dict):
        for name, one in value.items():
            yield from pointers(one, f"{path}/{name.replace('~', '~0').replace('/', '~1')}")
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from pointers(one, f"{path}/{index}")


@pytest.mark.parametrize("indent", [2, None])
def test_json_is_strict_fits_its_schema_and_reads_back_to_the_same_bits(report: Report, indent: int | None) -> None:
    text = report.to_json(indent=indent)
    document = strict(text)
    validator("eval").validate(document)
    assert "\n" in text or indent is None
    for name in ("metrics", "standard_errors"):
        values = getattr(report, name)
        assert list(document[name]) == list(values)
        finite = {metric: value for metric, value in values.items() if value is None or math.isfinite(value)}
        assert {metric: document[name][metric] for metric in finite} == finite
    found = [(one["class"], one["rows"]) for one in document["per_class"]]
    assert found == [(one.name, one.rows) for one in report.per_class]
    rows = document["rows"]
    assert rows["read"] == rows["scored"] + rows["dropped"] + rows["unmatched"] == report.scored


def test_each_pointer_to_what_is_not_finite_leads_to_a_null(report: Report) -> None:
    document = strict(report.to_json())
    values = dict(pointers(document))
    assert all(values[pointer] is None for pointer in document["non_finite"])


def test_an_infinite_loss_is_null_and_named() -> None:
    document = infinite_report().to_dict()
    assert document["metrics"]["log_loss"] is None
    assert document["non_finite"] == {
        "/metrics/log_loss": "Infinity",
        "/metrics/kl_divergence": "Infinity",
        "/metrics/skill": "-Infinity",
        "/per_class/0/log_loss": "Infinity",
    }


def test_an_undefined_skill_is_null_and_not_called_infinite() -> None:
    document = one_class_report().to_dict()
    assert document["metrics"]["skill"] is None
    assert document["non_finite"] == {}


def test_the_command_and_the_library_give_the_same_json_bytes(folder: Path, celoss: Callable[..., Ran]) -> None:
    report = library.evaluate("preds.csv", "labels.csv")
    assert celoss("eval", "preds.csv", "labels.csv", "-f", "json").out == report.to_json() + "\n"
    assert celoss("eval", "preds.csv", "labels.csv", "-f", "jsonl").out == report.to_json(indent=None) + "\n"


@pytest.mark.parametrize(
    ("preds", "options", "code"),
    [
        (PREDS.replace("c,0.25,0.5", "c,0.25,x"), (), "E501"),
        (PREDS.replace("c,0.25,0.5", "c,0.25,1.5"), (), "E503"),
        (PREDS.replace("c,", "e,"), (), "E302"),
        (PREDS.replace("c,", "a,"), (), "E302"),
        (PREDS.replace(",owl", ",owl,cat"), (), "E203"),
        (PREDS, ("--id", "key"), "E205"),
        (PREDS, ("--only", "loss"), "E601"),
        (PREDS, ("-o", "no/out.json"), "E702"),
        (PREDS, ("--eps", "2"), "E604"),
        (None, (), "E101"),
    ],
)
def test_an_error_as_json_fits_its_schema_and_says_what_the_text_says(
    preds: str | None, options: tuple[str, ...], code: str, folder: Path, celoss: Callable[..., Ran]
) -> None:
    if preds is None:
        Path("preds.csv").unlink()
    else:
        Path("preds.csv").write_text(preds)
    ran = celoss("eval", "preds.csv", "labels.csv", "-f", "json", *options)
    document = strict(ran.err)
    validator("error").validate(document)
    assert document["error"]["code"] == code
    text = celoss("eval", "preds.csv", "labels.csv", *options).err
    for one in [document["error"], *document["more"]]:
        assert f"error[{one['code']}]: {one['message']}\n" in text
        assert all(f"  = {detail}\n" in text for detail in one["details"])
        assert one["help"] is None or f"  = help: {one['help']}\n" in text


# --- how numbers are shown ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000000"),
        (0.6783981383804938, "0.678398"),
        (36.04365338911715, "36.043653"),
        (0.001, "0.001000"),
        (0.00012345678, "0.000123457"),
        (1e-9, "1e-09"),
        (math.inf, "inf"),
        (None, "–"),
    ],
)
def test_a_number_has_six_decimals_or_six_digits(value: float | None, text: str) -> None:
    assert shown.number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0.00 %"), (0.29555970802, "29.56 %"), (1.0, "100.00 %"), (-math.inf, "−inf"), (None, "–")],
)
def test_a_share_is_in_percent_with_two_decimals(share: float | None, text: str) -> None:
    assert shown.percent(share) == text


def test_a_long_name_keeps_its_start_and_its_end() -> None:
    assert shorten("start" + "x" * 60 + "end") == "start" + "x" * 15 + "…" + "x" * 16 + "end"
