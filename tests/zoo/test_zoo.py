"""Every animal of the zoo: a bad input is one clear error, an odd but good one the right answer; never a traceback."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from tests.conftest import Ran, environment
from tests.zoo import TABLES
from tests.zoo.case import Case

CASES = [(f"{table}: {case.name}", case) for table, cases in TABLES.items() for case in cases]
NAMES = [name for name, _ in CASES]
# The command line itself is wrong: one input twice, standard input that is a terminal.
USAGE = ("E106", "E109", "E110")
SCHEMA = json.loads((files("celoss_cli") / "schema" / "check.json").read_text("utf-8"))


@pytest.fixture
def cage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(case: Case, celoss: Callable[..., Ran], **env: str) -> Ran:
    """Runs the command of a case in this process, or its line of bash as one of its own."""
    if case.shell is None:
        return celoss("eval", *shlex.split(case.command), stdin=case.stdin, env=env)
    done = subprocess.run(["bash", "-c", case.shell], env=environment(**env), capture_output=True, timeout=30)
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=NAMES)
def test_a_bad_input_is_one_clear_error_and_an_odd_one_is_read_rightly(
    case: Case, cage: Path, celoss: Callable[..., Ran]
) -> None:
    case.make(cage)
    ran = run(case, celoss)
    assert "Traceback (most recent call last):\n" not in ran.err
    if case.error is None:
        _assert_scored(case, ran, celoss)
    else:
        assert ran.code == (2 if case.error.startswith("E6") or case.error in USAGE else 3), ran
        assert ran.out == ""
        assert ran.err.startswith(f"error[{case.error}]: ")
        missing = [text for text in case.says if text not in ran.err]
        assert not missing, ran.err


def _assert_scored(case: Case, ran: Ran, celoss: Callable[..., Ran]) -> None:
    assert ran.code == 0, ran.err
    missing = [text for text in case.says if text not in ran.out + ran.err]
    assert not missing, ran.out + ran.err
    document = json.loads(run(case, celoss, CELOSS_FORMAT="json").out)
    rows = document["rows"]
    assert rows["read"] == rows["scored"] + rows["dropped"] + rows["unmatched"]
    assert case.rows is not None or case.metrics, "a good input says what it scores"
    assert case.rows in (None, rows["scored"])
    assert {name: document["metrics"][name] for name in case.metrics} == pytest.approx(dict(case.metrics), rel=1e-12, abs=0.0)


# Every third: each case is told in words as well, which is the other test.
REFUSED = [(name, case) for name, case in CASES if case.error][::3]


@pytest.mark.parametrize("case", [case for _, case in REFUSED], ids=[name for name, _ in REFUSED])
def test_with_f_json_the_error_is_json_on_standard_error_and_nothing_else(
    case: Case, cage: Path, celoss: Callable[..., Ran]
) -> None:
    case.make(cage)
    ran = run(case, celoss, CELOSS_FORMAT="json")
    assert ran.out == ""
    assert json.loads(ran.err)["error"]["code"] == case.error


@pytest.mark.parametrize("case", [case for _, case in CASES if not case.shell], ids=[n for n, one in CASES if not one.shell])
def test_check_finds_what_eval_finds_and_every_place_of_it(case: Case, cage: Path, celoss: Callable[..., Ran]) -> None:
    case.make(cage)
    arguments = shlex.split(case.command)
    told = celoss("eval", *arguments, "-f", "json", stdin=case.stdin)
    if told.code == 2:
        assert celoss("check", *arguments, "-f", "json", stdin=case.stdin) == told
        return
    ran = celoss("check", *arguments, "-f", "json", stdin=case.stdin)
    document = json.loads(ran.out)
    jsonschema.validate(document, SCHEMA)
    assert (ran.code, document["ok"], document["rows"] is not None) == (told.code, told.code == 0, told.code == 0)
    if told.code == 3:
        answer = json.loads(told.err)
        for mine, theirs in zip([answer["error"], *answer["more"]], document["errors"], strict=True):
            assert mine["places"] == theirs["places"][: len(mine["places"])]
            assert {**mine, "places": []} == {**theirs, "places": []}
            assert len(theirs["places"]) >= theirs["count"] or not theirs["places"]


def test_no_two_animals_have_one_name() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert len(NAMES) >= 250
