"""What holds of every run of the command, whatever stands in the tables: properties, and the strategies they are drawn by."""

from __future__ import annotations

import csv
import json
import math
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import jsonschema
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, event
from hypothesis import strategies as st

from tests.conftest import REPOSITORY, Ran, in_process
from tests.fuzz.readers import is_harmless
from tests.fuzz.tables import (
    CSV,
    JSONL,
    PARQUET,
    Pair,
    Style,
    anything,
    good_pairs,
    options,
    pairs,
    plain,
    spoilt_pairs,
    styles,
    write,
)

SCHEMAS = {
    path.stem: jsonschema.Draft202012Validator(json.loads(path.read_text("utf-8")))
    for path in (REPOSITORY / "cli" / "celoss_cli" / "schema").glob("*.json")
}
PROPERTIES: dict[str, tuple[Callable[..., None], tuple[st.SearchStrategy[object], ...]]] = {}
JSON_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.sampled_from([0, 1, -1, 2, 2**63, 10**400, 0.5, -0.5, 1e308, math.inf, math.nan]),
        st.sampled_from(
            ["", "id", "label", "cat", "0", "soft", "multilabel", "binary", "logits", "predictions", "labels", "drop"]
        ),
        anything,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(anything, inner, max_size=3)),
    max_leaves=5,
)
# Begin of an error, of a note, of what belongs to it, of what Click says about options.
OWN_LINE = re.compile(r"(error\[E\d{3}\]|note\[N\d+\]): \S|  |Usage: celoss|Try 'celoss|Error: |╭|│|╰|$")


def drawn_by(*strategies: st.SearchStrategy[object]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Adds a property to PROPERTIES, with the strategies of its arguments."""

    def add(check: Callable[..., None]) -> Callable[..., None]:
        PROPERTIES[check.__name__] = (check, strategies)
        return check

    return add


@contextmanager
def folder() -> Iterator[Path]:
    """A new folder, which is where the reports of crashes go, too."""
    with tempfile.TemporaryDirectory(prefix="celoss-fuzz-") as path, pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        patch.setattr(tempfile, "tempdir", path)
        yield Path(path)


def run(*arguments: object) -> Ran:
    """A run of the command that ends as any run should: scored, or with what is wrong, and nothing else."""
    ran = in_process(*arguments, env={"CELOSS_DEBUG": "1"})
    command, as_json = arguments[0], {"json", "jsonl"} & set(map(str, arguments))
    assert ran.code in (0, 2, 3), ran.err
    assert "Traceback (most recent call last)" not in ran.err, ran.err
    if ran.code and command != "check":
        assert ran.out == ""
    if as_json and ran.code and not ran.out:
        SCHEMAS["error"].validate(json.loads(ran.err))
    elif as_json:
        SCHEMAS[str(command)].validate(json.loads(ran.out))
    else:
        assert is_harmless(ran.out) or {"csv", "markdown"} & set(map(str, arguments)), ran.out
    if not (as_json and ran.code):
        strangers = [line for line in ran.err.split("\n") if not OWN_LINE.match(line) or not is_harmless(line)]
        assert not strangers, ran.err
        assert ran.err or not ran.code or command == "check"
    return ran


def paths(pair: Pair, where: Path, left: Style, right: Style) -> list[Path]:
    """The files of a pair; skips the example where a format cannot hold it."""
    files = [write(pair.predictions, where, "preds", left)]
    files += [write(pair.labels, where, "labels", right)] if pair.labels else []
    assume(all(files))
    return [path for path in files if path]


def outcome(files: Sequence[Path], given: Sequence[str]) -> tuple[str, object]:
    """The metrics, or the code of the error."""
    ran = run("eval", *(path.name for path in files), *given, "-f", "json")
    if ran.code:
        return "error", json.loads(ran.err)["error"]["code"]
    document = json.loads(ran.out)
    counts = document["rows"]
    assert counts["read"] == counts["scored"] + counts["dropped"] + counts["unmatched"]
    assert counts["scored"] >= 1
    return "metrics", document["metrics"]


@drawn_by(st.data(), pairs, styles, styles, st.sampled_from(["eval", "eval", "check", "explain"]))
def any_table_is_scored_or_refused_with_a_reason(
    data: st.DataObject, pair: Pair, left: Style, right: Style, command: str
) -> None:
    given = data.draw(options(pair))
    more = data.draw(MORE[command](pair))
    with folder() as where:
        files = paths(pair, where, left, right)
        names = [path.name for path in files]
        kind, found = outcome(files, given)
        event(f"{command} {kind} {found if kind == 'error' else ''}")
        ran = run(command, *names, *given, *more)
        if command == "check":
            checked(names, given, ran, kind, found)
        elif command == "eval":
            evaluated(names, given, more, ran, kind, found)
        else:
            assert kind == "metrics" or ran.code
            explained = run("explain", *names, *given, *more, "-f", "json")
            assert explained.code == ran.code


MORE: dict[str, Callable[[Pair], st.SearchStrategy[list[str]]]] = {
    "eval": lambda pair: st.sampled_from([[], ["--rows=rows.csv"], ["--rows=rows.jsonl"], ["--rows=rows.parquet"]]),
    "check": lambda pair: st.sampled_from([[], ["-q"], ["-f", "github"], ["--places=1"]]),
    "explain": lambda pair: st.one_of(
        st.sampled_from([[], ["--worst=1"], ["--worst=99"], ["--worst=0"], ["--conventions"], ["--row=#1"], ["--row=#0"]]),
        st.sampled_from(pair.texts()).map(lambda text: [f"--row={text.replace(chr(0), '')}"]),
    ),
}


def evaluated(names: Sequence[str], given: Sequence[str], more: Sequence[str], ran: Ran, kind: str, found: object) -> None:
    """The table, the bare number, the JSON and the rows tell the same."""
    assert (ran.code == 0) == (kind == "metrics"), (ran, found)
    written = [Path(one.partition("=")[2]) for one in more]
    assert all(one.exists() == (ran.code == 0) for one in written)
    if kind == "metrics":
        loss = found["log_loss"]
        assert run("eval", *names, *given, "--only", "log_loss").out == f"{math.inf if loss is None else loss!r}\n"
        shown = re.search(r"^ ?log loss +(\S+)", ran.out, re.MULTILINE)
        assert shown, ran.out
        if loss is not None and loss < 1e6:
            assert float(shown[1].replace(",", "")) == pytest.approx(loss, abs=6e-7)
        rows = json.loads(run("eval", *names, *given, "-f", "jsonl").out)["rows"]["scored"]
        assert all(count_of(one) == rows for one in written)
        run("eval", *names, *given, "-f", "csv")
        run("eval", *names, *given, "-f", "markdown")


def count_of(path: Path) -> int:
    """How many rows of scores a file holds."""
    if path.suffix == ".parquet":
        return pq.read_metadata(path).num_rows
    if path.suffix == ".jsonl":
        return path.read_bytes().count(b"\n")
    with path.open(encoding="utf-8", newline="") as text:
        return sum(1 for _ in csv.reader(text)) - 1


def checked(names: Sequence[str], given: Sequence[str], ran: Ran, kind: str, found: object) -> None:
    """`check` and `eval` agree, and a plan that is saved scores the same."""
    assert (ran.code == 0) == (kind == "metrics"), (ran, found)
    codes = re.findall(r"^(?:error|::error .*celoss )\[?(E\d+)", ran.out + ran.err, re.MULTILINE)
    assert codes[:1] == ([found] if kind == "error" and found != "E600" else []), (ran, found)
    again = run("check", *names, *given, "-f", "json", "-o", "plan.json")
    assert again.code == ran.code
    if kind == "metrics":
        document = json.loads(again.out)
        assert document["ok"] and not document["errors"] and not document["faults"]
        inputs_only = [one for one in given if one.startswith("--input-format")]
        assert outcome([Path(name) for name in names], ["--plan=plan.json", *inputs_only]) == (kind, found)
    elif again.code == 3:
        document = json.loads(again.out)
        assert not document["ok"] and document["errors"][0]["code"] == found
        assert document["faults"] == sum(one["count"] for one in document["errors"]) > 0


@drawn_by(st.data(), spoilt_pairs(anything, ragged=False))
def the_same_texts_mean_the_same_in_every_format(data: st.DataObject, pair: Pair) -> None:
    given = data.draw(options(pair))
    assume(not any(one.startswith("--input-format") for one in given))
    tables = [table for table in (pair.predictions, pair.labels) if table]
    # A text file cannot tell lists from texts, a byte-order mark or a web page from a name, an empty last value from the end.
    assume(not any("[" in text or "(" in text or "\0" in text for text in pair.texts()))
    assume(not any(table.names[0].startswith(("\ufeff", "<")) for table in tables))
    assume(all(len(table.names) > 1 and table.rows for table in tables))
    with folder() as where:
        # Of its own accord Python's writer quotes no lone carriage return.
        text = replace(CSV, quote_all=any("\r" in one for one in pair.texts()))
        styles = (text, JSONL, PARQUET)
        found = {style.format: outcome(paths(pair, where, style, style), [*given, *forced(style)]) for style in styles}
        # Names that look like a row of data are doubted only where a header is a line like the others.
        assume(found["csv"] != ("error", "E204"))
        event(str(found["csv"][0]))
        assert found["csv"] == found["jsonl"] == found["parquet"], found


@drawn_by(st.data(), spoilt_pairs(st.sampled_from(["", "-0.2", "1.7", "0.5", "2", "x"]), False, plain))
def stored_numbers_mean_what_their_texts_mean(data: st.DataObject, pair: Pair) -> None:
    given = data.draw(options(pair))
    tables = [table for table in (pair.predictions, pair.labels) if table]
    assume(all(len(table.names) > 1 and table.rows for table in tables))
    assume(not any(one.startswith("--input-format") for one in given))
    with folder() as where:
        typed = [replace(style, typed=True) for style in (JSONL, PARQUET)]
        found = {style.format: outcome(paths(pair, where, style, style), given) for style in (CSV, *typed)}
        assume(found["csv"] != ("error", "E204"))
        event(str(found["csv"][0]))
        assert found["csv"] == found["jsonl"] == found["parquet"], found


@drawn_by(st.data(), good_pairs(plain))
def a_changed_plan_is_refused(data: st.DataObject, pair: Pair) -> None:
    with folder() as where:
        names = [path.name for path in paths(pair, where, CSV, CSV)]
        ran = run("check", *names, *pair.said, "-q", "-o", "plan.json")
        assume(not ran.code)
        plan = json.loads(Path("plan.json").read_text("utf-8"))
        other = plan
        for _ in range(data.draw(st.integers(1, 3))):
            other = data.draw(changed(other))
        Path("plan.json").write_text(json.dumps(other), "utf-8")
        ran = run(data.draw(st.sampled_from(["eval", "check", "explain"])), *names, "--plan=plan.json")
        # A plan holds together by a checksum: whoever changes one makes another.
        same = json.dumps(other, sort_keys=True) == json.dumps(plan, sort_keys=True)
        assert same == (ran.code == 0)
        assert same or ran.err.startswith("error[E607]: "), ran


@st.composite
def changed(draw: st.DrawFn, value: object) -> object:
    """A JSON value of which something inside is another value, is missing, or stands twice."""
    if isinstance(value, dict | list) and value and draw(st.integers(0, 4)):
        at = draw(st.sampled_from(list(value) if isinstance(value, dict) else range(len(value))))
        copy = dict(value) if isinstance(value, dict) else list(value)
        way = draw(st.sampled_from(["change", "change", "change", "drop", "repeat"]))
        if way == "drop":
            del copy[at]
        elif way == "repeat" and isinstance(copy, list):
            copy.append(copy[at])
        else:
            copy[at] = draw(changed(value[at]))
        return copy
    return draw(JSON_VALUES)


def forced(style: Style) -> list[str]:
    """Text is told from other text by its first bytes, which may be anything here."""
    return [] if style.format == "parquet" else [f"--input-format={style.format}"]


@drawn_by(st.data(), st.one_of(good_pairs(), spoilt_pairs(ragged=False)), styles)
def the_order_of_rows_changes_no_metric(data: st.DataObject, pair: Pair, style: Style) -> None:
    given = data.draw(options(pair))
    order = data.draw(st.permutations(range(len(pair.predictions.rows))))
    other = data.draw(st.permutations(range(len(pair.labels.rows)))) if pair.labels else None
    style = replace(style, cut=0)
    with folder() as where:
        files = paths(pair, where, style, style)
        kind, before = outcome(files, given)
        event(kind)
        if pair.labels and len(pair.labels.rows) == len(order) and not matched_by_id(files, given):
            other = order
        moved = Pair(pair.predictions.in_order(order), pair.labels and pair.labels.in_order(other), pair.said)
        after = outcome(paths(moved, where, style, style), given)
        assert after[0] == kind, (before, after)
        assert kind == "error" or after[1] == before


def matched_by_id(files: Sequence[Path], given: Sequence[str]) -> bool:
    """Whether the order of rows means nothing; False where it cannot be told."""
    ran = run("eval", *(path.name for path in files), *given, "-f", "jsonl")
    return not ran.code and bool(json.loads(ran.out)["inputs"]["matched_by"])
