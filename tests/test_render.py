"""The forms of a report: digits are never lost to a narrow terminal, and what machines read holds every digit."""

from __future__ import annotations

import csv
import html
import io
import json
import math
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pytest
from rich.cells import cell_len

import celoss as library
from celoss.errors import shorten
from celoss.intervals import Interval
from celoss.report import Report
from celoss_cli.render import csv as csv_form
from celoss_cli.render import markdown, shown
from celoss_cli.render.table import render
from tests.conftest import PREDS, Ran

WIDTHS = (*range(20, 50), *range(50, 121, 5))
# In the title of the column of intervals.
CONFIDENCE = "95"
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


def columns_of(chance: random.Random, names: list[str], rows: int, mark: str = "") -> dict[str, list[float]]:
    """Random shares by class, which sum to 1 in each row."""
    parts = [[chance.random() ** 4 for _ in names] for _ in range(rows)]
    return {name + mark: [row[index] / sum(row) for row in parts] for index, name in enumerate(names)}


def soft_report(seed: int, classes: int, rows: int, **options: Any) -> Report:
    """Random forecasts of random label shares."""
    chance = random.Random(seed)
    names = chance.sample(ODD_NAMES, classes)
    forecasts, labels = (columns_of(chance, names, rows, mark) for mark in ("", " true"))
    label = list(labels)
    return library.evaluate(pa.table(forecasts), pa.table(labels), pred=names, label=label, **options)


def labels_report(seed: int, labels: int, rows: int, **options: Any) -> Report:
    """Random forecasts of independent labels."""
    chance = random.Random(seed)
    names = chance.sample(ODD_NAMES, labels)
    forecasts = {name: [chance.random() for _ in range(rows)] for name in names}
    truth = {f"{name} true": [chance.randrange(2) for _ in range(rows)] for name in names}
    return library.evaluate(pa.table(forecasts), pa.table(truth), pred=names, label=list(truth), task="multilabel", **options)


def grouped_report(seed: int, rows: int, **options: Any) -> Report:
    """Random forecasts with weights, in groups of odd names and in more groups than are shown."""
    chance = random.Random(seed)
    truth = {
        "label": [chance.choice(["cat", "dog"]) for _ in range(rows)],
        "w": [float(chance.randrange(4)) for _ in range(rows)],
        "site": [chance.choice(["", *ODD_NAMES[:-1]]) for _ in range(rows)],
        "a|day": [f"day-{chance.randrange(30)}" for _ in range(rows)],
    }
    p = [chance.random() for _ in range(rows)]
    table = pa.table({"cat": p, "dog": [1 - one for one in p]})
    return library.evaluate(table, pa.table(truth), weights="w", by=["site", "a|day"], **options)


def left_out_report() -> Report:
    predictions = pa.table({"id": [1, 2, 3, 4], "cat": [0.25, 0.5, None, 1.0], "dog": [0.75, 0.5, 0.5, 0.0]})
    labels = pa.table({"id": [5, 3, 2, 1], "label": ["cat", "dog", "cat", "dog"]})
    return library.evaluate(predictions, labels, id="id", missing="drop", id_match="inner")


def logits_report() -> Report:
    chance = random.Random(6)
    table = {name: [chance.gauss(0, 3) for _ in range(50)] for name in ("cat", "dog", "owl")}
    labels = pa.table({"label": [chance.choice(list(table)) for _ in range(50)]})
    options: dict[str, Any] = {"smoothing": 0.1, "class_weights": {"owl": 2.5}, "top_k": [1, 2], "base": 10, "ties": "first"}
    return library.evaluate(pa.table(table), labels, scale="logits", **options)


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
    "soft": lambda: soft_report(7, 4, 30),
    "soft, balanced on nothing": lambda: soft_report(8, 3, 1, smoothing=0.25, base=2),
    "independent labels": lambda: labels_report(9, 5, 40),
    "independent labels, summed": lambda: labels_report(10, 3, 12, reduce_labels="sum", base=2),
    "infinite soft loss": lambda: library.evaluate(
        pa.table({"cat": [0.0, 0.5], "dog": [1.0, 0.5]}), pa.table({"cat": [0.5, 0.25], "dog": [0.5, 0.75]}), id="#", eps=0.0
    ),
    "groups": lambda: grouped_report(11, 110),
    "groups of which some have no weight": lambda: grouped_report(12, 30, class_weights="balanced"),
    "rows left out": left_out_report,
    "logits with options": logits_report,
    "another tool": lambda: report_of(13, 3, 30, convention="keras"),
    "renormalized": lambda: report_of(14, 3, 30, renormalize=True),
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
    """Name, how many, loss, then what the task has, and the share of all loss, of each class."""
    rows = []
    for one in report.per_class:
        many = shown.percent(one.weight / report.weight) if report.task == "soft" else f"{one.rows:,}"
        rest = {"soft": [], "multilabel": [one.accuracy, one.recall]}.get(report.task, [one.recall])
        numbers = map(shown.number, [one.log_loss, *rest])
        rows.append([shorten(one.name), many, *numbers, shown.percent(one.loss_share)])
    return rows


def group_rows(report: Report) -> list[list[str]]:
    """Value, rows, loss, its interval, accuracy and skill of the 20 largest groups of each column, in their order."""
    rows = []
    for by in dict.fromkeys(one.by for one in report.groups or ()):
        every = [one for one in report.groups or () if one.by == by]
        least = sorted((one.rows for one in every), reverse=True)[:20][-1]
        last = [one for one in every if one.rows == least][: 20 - sum(one.rows > least for one in every)]
        for one in (one for one in every if one.rows > least or one in last):
            interval = one.intervals.get("log_loss")
            bounds = "" if interval is None else f"{shown.number(interval.low)} … {shown.number(interval.high)}"
            accuracy, skill = shown.number(one.metrics["accuracy"]), shown.percent(one.metrics["skill"])
            loss = shown.number(one.metrics["log_loss"])
            rows.append([shorten(one.value) or "(empty)", f"{one.rows:,}", loss, bounds, accuracy, skill])
    return rows


def hidden_groups(report: Report) -> list[str]:
    """How many groups of each column are not shown."""
    counts = Counter(one.by for one in report.groups or ())
    return [f"{count - 20:,}" for count in counts.values() if count > 20]


def parts(text: str) -> list[str]:
    """Heading, metrics, what the worst rows carry (where that is said), classes and signature of a table."""
    heading, _, rest = text.partition("\n\n")
    metrics, _, rest = rest.partition("\n\n")
    tail, _, others = rest.partition("\n\n")
    tail, rest = (tail, others) if tail.startswith("the worst") else ("", rest)
    classes, _, signature = rest.rpartition("\n\n")
    return [heading, metrics, tail, classes, signature]


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
    every = [*class_rows(report), *group_rows(report)]
    rows = [joined(text) for name, count, loss, *_ in every for text in (name, count, loss)]
    for width, text in drawn.items():
        heading, metrics, tail, classes, signature = map(joined, parts(text))
        assert in_order(values, metrics), width
        assert in_order(rows, classes), width
        assert heading == joined("".join(shown.heading(report))), width
        assert tail == joined(shown.tail(report)), width
        assert signature == report.signature, width


def test_every_number_in_the_metrics_is_whole_at_every_width(report: Report, drawn: dict[int, str]) -> None:
    known = {number for row in metric_rows(report) for text in row for number in NUMBER.findall(text)} | {CONFIDENCE}
    tail = NUMBER.findall(shown.tail(report))
    for width, text in drawn.items():
        assert set(NUMBER.findall(parts(text)[1])) <= known, width
        assert NUMBER.findall(parts(text)[2]) == tail, width


def test_every_number_in_the_class_table_is_whole_at_every_width(report: Report, drawn: dict[int, str]) -> None:
    rows = [*class_rows(report), *group_rows(report)]
    # Names may hold numbers too; they stand first in a line, on the narrowest terminals in several pieces.
    names = sorted((joined(row[0]) for row in rows), key=len, reverse=True)
    known = {joined(number) for row in rows for text in row[1:] for number in NUMBER.findall(text)}
    known |= {*hidden_groups(report), CONFIDENCE}
    for width, text in drawn.items():
        for line in parts(text)[3].splitlines():
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
    expected = metric_rows(report) + class_rows(report) + group_rows(report)
    text = markdown.render(report)
    headers = {row for row in map(tuple, rows_of(text)) if row[1:3] in (("value", "95 % interval"), ("rows", "log loss"))}
    headers |= {("class", "share", "log loss", "share of loss")}
    headers |= {("label", "positive", "log loss", "accuracy", "recall", "share of loss")}
    found = [row for row in rows_of(text) if tuple(row) not in headers]
    assert found == [[cell.strip(" ") for cell in row] for row in expected]
    assert [line for line in text.splitlines() if line.startswith("the worst")] == [one for one in [shown.tail(report)] if one]
    hidden = [f"{count} more groups are not shown; -f json or csv has them all" for count in hidden_groups(report)]
    assert [line for line in text.splitlines() if "not shown" in line] == hidden


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
    assert header == ["scope", "class", "metric", "value", "standard_error", "low", "high", "signature"]
    assert {line[7] for line in lines} == {report.signature}
    found = {(scope, name, metric): texts for scope, name, metric, *texts, _ in lines}
    expected: dict[tuple[str, str, str], tuple[float | None, ...]] = {}

    def expect(scope: str, name: str, metric: str, value: float | None, error: float | None, interval: Interval | None) -> None:
        bounds = (None, None) if interval is None else (interval.low, interval.high)
        expected[scope, name, metric] = (value, error, *bounds)

    expect("all", "", "rows", report.row_counts.scored, None, None)
    for metric, value in report.metrics.items():
        expect("all", "", metric, value, report.standard_errors.get(metric), report.intervals.get(metric))
    for one in report.per_class:
        for metric in ("rows", "weight", "log_loss", "recall", "accuracy", "loss_share"):
            expect("class", one.name, metric, getattr(one, metric), None, one.recall_interval if metric == "recall" else None)
    for group in report.groups or ():
        scope = f"by {group.by}"
        expect(scope, group.value, "rows", group.rows, None, None)
        expect(scope, group.value, "weight", group.weight, None, None)
        for metric, value in group.metrics.items():
            expect(scope, group.value, metric, value, group.standard_errors.get(metric), group.intervals.get(metric))
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


def as_json(interval: Interval | None) -> dict[str, Any] | None:
    """An interval with null for an infinite bound."""
    if interval is None:
        return None
    low, high = (one if math.isfinite(one) else None for one in (interval.low, interval.high))
    return {"low": low, "high": high, "method": interval.method}


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
    assert document["confidence"] == report.confidence == 0.95
    assert document["intervals"] == {name: as_json(one) for name, one in report.intervals.items()}
    assert list(document["intervals"]) == list(report.intervals)
    assert document["tail"] == (None if report.tail is None else asdict(report.tail))
    table = [] if report.calibration is None else [asdict(one) for one in report.calibration.table]
    assert document["calibration"] == (None if report.calibration is None else {**asdict(report.calibration), "table": table})
    found = [(one["class"], one["rows"], one["weight"], one["recall"], one["recall_interval"]) for one in document["per_class"]]
    expected = [(one.name, one.rows, one.weight, one.recall, as_json(one.recall_interval)) for one in report.per_class]
    assert found == expected
    rows = document["rows"]
    assert rows["scored"] == report.row_counts.scored
    assert rows["read"] == rows["scored"] + rows["dropped"] + rows["unmatched"] == report.row_counts.read
    groups = [(one["by"], one["value"], one["rows"], one["metrics"], one["intervals"]) for one in document["groups"] or ()]
    assert groups == [
        (one.by, one.value, one.rows, one.metrics, {name: as_json(bounds) for name, bounds in one.intervals.items()})
        for one in report.groups or ()
    ]


def undescribed(value: Any, schema: dict[str, Any], whole: dict[str, Any], path: str = "") -> Iterator[str]:
    """JSON Pointers of the keys of a document that its schema does not describe."""
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    if "oneOf" in schema:
        kind = {dict: "object", list: "array", str: "string"}.get(type(value))
        options = [whole["$defs"][one["$ref"].removeprefix("#/$defs/")] if "$ref" in one else one for one in schema["oneOf"]]
        schema = next((one for one in options if one.get("type") == kind), {"additionalProperties": True})
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from undescribed(one, schema.get("items", {}), whole, f"{path}/{index}")
    if isinstance(value, dict) and "additionalProperties" not in schema:
        patterns = schema.get("patternProperties", {})
        for name, one in value.items():
            found = schema.get("properties", {}).get(name) or next(
                (patterns[at] for at in patterns if re.search(at, name)), None
            )
            if found is None:
                yield f"{path}/{name}"
            else:
                yield from undescribed(one, found, whole, f"{path}/{name}")


def test_the_schema_describes_every_key_and_asks_for_every_key_that_is_always_there(report: Report) -> None:
    schema = strict((files("celoss_cli") / "schema" / "eval.json").read_text("utf-8"))
    document = strict(report.to_json())
    assert list(undescribed(document, schema, schema)) == []
    assert sorted(schema["required"]) == sorted(document)
    for name in ("rows", "inputs", "options", "clipped", "zero_probability", "tail", "calibration"):
        if document[name] is not None:
            assert sorted(schema["properties"][name]["required"]) == sorted(document[name]), name
    assert sorted(schema["properties"]["per_class"]["items"]["required"]) == sorted(document["per_class"][0])
    for group in document["groups"] or ():
        assert sorted(schema["properties"]["groups"]["items"]["required"]) == sorted(group)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(task="regression"),
        lambda document: document["rows"].pop("weightless"),
        lambda document: document["metrics"].update(accuracy=1.5),
        lambda document: document["metrics"].update(top_2_accuracy=-0.5),
        lambda document: document["options"].update(base="3"),
        lambda document: document["options"].update(class_weights={}),
        lambda document: document["groups"][0].pop("metrics"),
        lambda document: document["groups"][0]["metrics"].pop("skill"),
        lambda document: document["metrics"].pop("ece"),
        lambda document: document["standard_errors"].pop("skill"),
        lambda document: document["intervals"]["log_loss"].pop("high"),
        lambda document: document["intervals"]["accuracy"].update(method="wald"),
        lambda document: document.update(confidence=95),
        lambda document: document["tail"].pop("worst_10"),
        lambda document: document["calibration"].update(table=[]),
        lambda document: document["per_class"][0].update(weight=None),
        lambda document: document.update(unit="dits"),
    ],
)
def test_the_schema_refuses_what_celoss_does_not_write(change: Callable[[Any], None]) -> None:
    document = strict(REPORTS["groups"]().to_json())
    validator("eval").validate(document)
    change(document)
    assert not validator("eval").is_valid(document)


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
        "/intervals/log_loss/high": "Infinity",
        "/intervals/kl_divergence/high": "Infinity",
        "/per_class/0/log_loss": "Infinity",
    }
    # What is known is the mean of the rows whose loss is finite.
    assert document["intervals"]["log_loss"]["low"] is not None


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
