"""A gate: what its exit status, its words and its JSON say of limits that are kept, broken, undecided or meaningless."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import celoss as library
from celoss import CelossError
from celoss.errors import UsageError
from celoss.gates import Check, Gate, Limit, judge, rows_to_decide
from celoss.intervals import Interval
from celoss_cli.render.gate import render
from tests.conftest import LABELS, PREDS, Ran, environment, process

Command = Callable[..., Ran]

SCORE = ("eval", "preds.csv", "labels.csv")
# Three rows give their class 1/2 and one 1/4: losses of ln 2, ln 2, 2 ln 2, ln 2. That one has another class at the top.
LOSS = 5 * math.log(2) / 4
ACCURACY = 3 / 4
# Brier of a row with p = 1/2: (1/2)² + 2 (1/4)² = 3/8; of the other: (3/4)² + (1/2)² + (1/4)² = 7/8.
BRIER = (3 * 3 / 8 + 7 / 8) / 4
ONE_CLASS = "id,animal\na,cat\nb,cat\nc,cat\nd,cat\n"
# Row a gives its class the probability 0.
ZERO = PREDS.replace("a,0.5,0.25,0.25", "a,0,0.5,0.5")


def schema(name: str) -> Any:
    return json.loads((files("celoss_cli") / "schema" / f"{name}.json").read_text("utf-8"))


def document(ran: Ran) -> Any:
    values = json.loads(ran.out)
    jsonschema.validate(values, schema("eval"))
    return values


def evaluated(**options: Any) -> Any:
    return library.evaluate("preds.csv", "labels.csv", **options)


def refusal(**options: Any) -> CelossError:
    with pytest.raises(CelossError) as caught:
        evaluated(**options)
    return caught.value


# --- the verdict ----------------------------------------------------------------------------------------------------------


def test_a_gate_that_is_met_ends_with_0_and_says_so(folder: Path, celoss: Command) -> None:
    ran = celoss(*SCORE, "--max", "log_loss=0.9", "--min", "accuracy=0.75")
    assert (ran.code, ran.out) == (0, celoss(*SCORE).out)
    assert ran.err == "gate: met\n  log_loss  0.866434  ok, at most 0.9\n  accuracy  0.750000  ok, at least 0.75\n"


def test_a_gate_that_is_not_met_ends_with_1_and_says_which_limit_is_broken(folder: Path, celoss: Command) -> None:
    ran = celoss(*SCORE, "--max", "log_loss=0.7", "--min", "accuracy=0.6", "--min", "brier=1")
    assert (ran.code, ran.out) == (1, celoss(*SCORE).out)
    assert ran.err == (
        "gate: not met\n"
        "  log_loss  0.866434  is above 0.7   (--max log_loss=0.7)\n"
        "  accuracy  0.750000  ok, at least 0.6\n"
        "  brier     0.500000  is below 1   (--min brier=1)\n"
    )


def test_a_limit_is_kept_by_a_metric_that_equals_it(folder: Path, celoss: Command) -> None:
    assert celoss(*SCORE, "--max", "accuracy=0.75", "--min", "accuracy=0.75").code == 0
    assert celoss(*SCORE, "--max", f"accuracy={math.nextafter(0.75, 0)!r}").code == 1
    assert celoss(*SCORE, "--min", f"accuracy={math.nextafter(0.75, 1)!r}").code == 1


def test_a_limit_may_be_negative_and_of_any_size(folder: Path, celoss: Command) -> None:
    assert celoss(*SCORE, "--min", "skill=-0.5", "--max", "log_loss=1e300").code == 0
    assert celoss(*SCORE, "--max", "skill=-1e300").code == 1


def test_every_limit_counts_also_of_one_metric(folder: Path, celoss: Command) -> None:
    assert celoss(*SCORE, "--max", "log_loss=0.9", "--min", "log_loss=0.8").code == 0
    assert celoss(*SCORE, "--max", "log_loss=0.8", "--min", "log_loss=0.9").code == 1
    for limits in (("0.9", "0.8"), ("0.8", "0.9")):
        assert celoss(*SCORE, *(word for limit in limits for word in ("--max", f"log_loss={limit}"))).code == 1


def test_a_value_that_differs_from_its_limit_never_looks_like_it(folder: Path, celoss: Command) -> None:
    ran = celoss(*SCORE, "--max", "log_loss=0.8664339")
    assert ran.err == f"gate: not met\n  log_loss  {evaluated().log_loss!r}  is above 0.8664339   (--max log_loss=0.8664339)\n"
    assert evaluated().log_loss == pytest.approx(LOSS, rel=1e-15)


def test_the_verdict_stands_below_the_result_and_the_notes(folder: Path) -> None:
    Path("labels.csv").write_text(ONE_CLASS)
    ran = process(*SCORE, "--only", "accuracy", "--max", "accuracy=0.5", stderr=subprocess.STDOUT)
    first, *lines = ran.out.splitlines()
    assert first.startswith("note[N3]")
    assert lines[-3:] == ["0.25", "gate: met", "  accuracy  0.250000  ok, at most 0.5"]


def test_quiet_leaves_the_exit_status_alone(folder: Path, celoss: Command) -> None:
    plain = celoss(*SCORE, "-q").out
    assert celoss(*SCORE, "-q", "--max", "log_loss=0.7") == Ran(1, plain, "")
    assert celoss(*SCORE, "-q", "--max", "log_loss=0.9") == Ran(0, plain, "")
    assert celoss(*SCORE, "-q", "-o", "a.json", "--max", "log_loss=0.7") == Ran(1, "", "")


def test_outputs_are_written_whole_whatever_the_verdict(folder: Path, celoss: Command) -> None:
    written = {}
    for limit, status in (("0.9", 0), ("0.7", 1)):
        targets = ("-o", "out.json", "-o", "out.md", "-o", "out.csv", "--rows", "rows.csv")
        ran = celoss(*SCORE, "--max", f"log_loss={limit}", "-f", "json", *targets)
        assert ran.code == status
        assert document(ran)["gate"]["passed"] == (status == 0)
        assert Path("out.json").read_text("utf-8") == ran.out
        written[status] = [Path(name).read_text("utf-8") for name in ("out.md", "out.csv", "rows.csv")]
    celoss(*SCORE, "-o", "plain.md", "-o", "plain.csv", "--rows", "plain-rows.csv")
    plain = [Path(name).read_text("utf-8") for name in ("plain.md", "plain.csv", "plain-rows.csv")]
    assert written == {0: plain, 1: plain}


def test_the_json_has_every_check(folder: Path, celoss: Command) -> None:
    gate = document(celoss(*SCORE, "--max", "brier=0.4", "--min", "accuracy=0.75", "-f", "json"))["gate"]
    rest = {"reason": None, "rows_needed": None}
    assert gate == {
        "passed": False,
        "confident": False,
        "checks": [
            {"metric": "brier", "op": "max", "limit": 0.4, "value": BRIER, "verdict": "fail", **rest},
            {"metric": "accuracy", "op": "min", "limit": 0.75, "value": ACCURACY, "verdict": "pass", **rest},
        ],
    }
    assert document(celoss(*SCORE, "-f", "jsonl"))["gate"] is None


def test_the_library_gives_the_same_gate_as_the_command(folder: Path, celoss: Command) -> None:
    report = evaluated(max={"log_loss": 0.7}, min=[("accuracy", 0.5)])
    assert report.gate == Gate(
        False, (Check("log_loss", "max", 0.7, report.log_loss, "fail"), Check("accuracy", "min", 0.5, ACCURACY, "pass"))
    )
    assert (report.gate.passed, evaluated(max={"log_loss": 1}).gate.passed, evaluated().gate) == (False, True, None)
    printed = celoss(*SCORE, "--max", "log_loss=0.7", "--min", "accuracy=0.5", "-f", "json").out
    assert report.to_json() + "\n" == printed


# --- in a shell -------------------------------------------------------------------------------------------------------------


def shell(line: str) -> tuple[int, str]:
    ran = subprocess.run(["bash", "-c", line], env=environment(), capture_output=True, timeout=60)
    return ran.returncode, ran.stdout.decode()


@pytest.mark.parametrize(
    ("options", "deployed"),
    [
        ("--max log_loss=0.9", True),
        ("--max log_loss=0.7", False),
        ("--max logloss=0.9", False),
        ("--max log_loss=0.9 --baseline missing.json", False),
        ("--min skill=", False),
    ],
)
def test_what_follows_a_gate_runs_only_where_it_is_met(folder: Path, options: str, deployed: bool) -> None:
    score = f"celoss eval preds.csv labels.csv -q --only accuracy {options}"
    assert shell(f"{score} >/dev/null && echo deployed")[1] == "deployed\n" * deployed
    assert shell(f"if {score} >/dev/null; then echo yes; else echo no; fi") == (0, "yes\n" if deployed else "no\n")
    assert shell(f"set -e; {score} >/dev/null; echo deployed")[1] == "deployed\n" * deployed


def test_a_script_tells_a_gate_from_a_fault_by_the_exit_status(folder: Path) -> None:
    codes = [
        process(*SCORE, *options.split()).code
        for options in ("--max log_loss=0.9", "--max log_loss=0.7", "--max loss=1", "--id no --max log_loss=0.7")
    ]
    assert codes == [0, 1, 2, 3]


# --- what cannot pass -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--min", "--max"])
@pytest.mark.parametrize("confident", [(), ("--confident",)])
def test_an_undefined_metric_passes_no_limit(folder: Path, celoss: Command, option: str, confident: tuple[str, ...]) -> None:
    Path("labels.csv").write_text(ONE_CLASS)
    ran = celoss(*SCORE, option, "skill=0", *confident, "-f", "json")
    (check,) = document(ran)["gate"]["checks"]
    assert (ran.code, check["value"], check["verdict"]) == (1, None, "fail")
    assert ran.err.endswith(f"gate: not met\n  skill  –  the metric is undefined here   ({option} skill=0)\n")


def test_an_infinite_loss_is_above_every_limit(folder: Path, celoss: Command) -> None:
    Path("preds.csv").write_text(ZERO)
    ran = celoss(*SCORE, "--eps", "0", "--max", "log_loss=1e308", "--min", "skill=-1e308", "--min", "log_loss=1", "-f", "json")
    values = document(ran)
    assert ran.code == 1
    assert [check["verdict"] for check in values["gate"]["checks"]] == ["fail", "fail", "pass"]
    pointers = {"/gate/checks/0/value": "Infinity", "/gate/checks/1/value": "-Infinity", "/gate/checks/2/value": "Infinity"}
    assert pointers.items() <= values["non_finite"].items()
    assert "  log_loss   inf  is above 1e+308   (--max log_loss=1e+308)\n" in ran.err
    assert "  skill     -inf  is below -1e+308   (--min skill=-1e+308)\n" in ran.err


# --- --confident ------------------------------------------------------------------------------------------------------------

SURE = [
    ("max", 0.5, (0.3, 0.45), "pass"),
    ("max", 0.5, (0.3, 0.5), "pass"),
    ("max", 0.5, (0.3, 0.51), "undecided"),
    ("max", 0.5, (0.49, 0.6), "undecided"),
    ("max", 0.5, (0.5, 0.6), "undecided"),
    ("max", 0.5, (0.51, 0.6), "fail"),
    ("max", 0.5, (0.51, math.inf), "fail"),
    ("min", 0.5, (0.51, 0.6), "pass"),
    ("min", 0.5, (0.5, 0.6), "pass"),
    ("min", 0.5, (0.49, 0.6), "undecided"),
    ("min", 0.5, (0.3, 0.5), "undecided"),
    ("min", 0.5, (0.3, 0.49), "fail"),
]


@pytest.mark.parametrize(("op", "limit", "bounds", "verdict"), SURE)
def test_a_confident_gate_asks_where_the_whole_interval_is(
    op: str, limit: float, bounds: tuple[float, float], verdict: str
) -> None:
    value = min(sum(bounds) / 2, 1.0)
    check = judge(Limit("log_loss", op, limit), value, Interval(*bounds, "hall"), 100, True)
    assert check.verdict == verdict
    assert check.reason == ("the limit is inside the interval" if verdict == "undecided" else None)


@pytest.mark.parametrize(
    ("value", "limit", "bounds", "rows", "expected"),
    [
        # n (h / |value − limit|)², h of the side of the limit.
        (0.5, 0.6, (0.2, 0.65), 100, 230),  # 100 · 1.5² = 225
        (0.5, 0.4, (0.2, 0.65), 100, 900),  # 100 · 3²
        (0.5, 0.6, (0.2, 0.7), 1000, 4000),  # 1000 · 2², and no step more for a rounding
        (0.5, 0.6, (0.2, 0.701), 1000, 4100),  # 4040.1
        (0.5, 0.6, (0.2, 0.61), 10, 13),  # 12.1
        (0.5, 0.6, (0.2, 0.6), 7, 7),
        (0.5, 0.501, (0.4, 0.6), 1_000_000, 10_000_000_000),
        (0.5, 0.5, (0.4, 0.6), 100, None),
        (0.5, 0.6, (0.4, math.inf), 100, None),
        (0.5, 0.6, (0.4, 0.5), 100, None),
        # Too many for a double.
        (0.7, 0.7 + 2e-16, (0.4, 1e200), 100, None),
        (1e-300, 2e-300, (0.0, 0.5), 100, None),
    ],
)
def test_the_rows_that_would_decide_it(
    value: float, limit: float, bounds: tuple[float, float], rows: int, expected: int | None
) -> None:
    assert rows_to_decide(value, limit, Interval(*bounds, "hall"), rows) == expected


@given(st.integers(2, 10**7), st.floats(0.01, 1.0), st.floats(0.0001, 1.0))
def test_with_so_many_rows_the_interval_would_end_at_the_limit_or_before(rows: int, share: float, half: float) -> None:
    distance = share * half
    needed = rows_to_decide(0.0, distance, Interval(-half, half, "hall"), rows)
    assert needed is not None
    assert half * math.sqrt(rows / needed) <= distance * (1 + 1e-9)
    # Rounded up by less than a tenth, or to a whole row.
    assert needed <= max(1.1 * rows / share**2, rows / share**2 + 1)
    assert len(str(needed).rstrip("0")) <= 2


def test_a_metric_without_an_interval_is_undecided(folder: Path) -> None:
    (check,) = evaluated(max={"reference_log_loss": 5}, confident=True).gate.checks
    assert (check.verdict, check.reason, check.rows_needed) == ("undecided", "there is no interval of the metric", None)


def test_an_interval_that_is_not_to_be_trusted_lets_nothing_pass(folder: Path, celoss: Command) -> None:
    # Twenty forecasts that are nearly certain and right: one that is wrong, of which the interval knows nothing, adds much.
    Path("preds.csv").write_text("id,p\n" + "".join(f"{row},{(0.999, 0.001)[row % 2]}\n" for row in range(20)))
    Path("labels.csv").write_text("id,y\n" + "".join(f"{row},{(1, 0)[row % 2]}\n" for row in range(20)))
    report = evaluated(max={"log_loss": 0.01, "brier": 0.01}, min={"log_loss": 0.01}, confident=True)
    assert "N10" in [note.code for note in report.notes]
    assert report.intervals["log_loss"].high < 0.01
    assert [(check.verdict, check.reason) for check in report.gate.checks] == [
        ("undecided", "the interval is not to be trusted: see note N10"),
        ("undecided", "the interval is not to be trusted: see note N10"),
        ("fail", None),
    ]
    assert evaluated(min={"accuracy": 0.5}, confident=True).gate.passed
    ran = celoss(*SCORE, "--max", "log_loss=0.01", "--confident")
    assert ran.code == 1
    assert ran.err.startswith("note[N10]: ")
    assert "undecided: the interval is not to be trusted: see note N10   (--max log_loss=0.01)\n" in ran.err


@pytest.mark.parametrize("kind", ["class weights", "shares"])
def test_where_confident_mistakes_are_missing_no_interval_of_the_loss_passes_whatever_the_labels(kind, folder: Path) -> None:
    """Of honest forecasts of 0.6 a mistake is nothing new; of such of 0.99 without any it would be."""
    limits = {"max": {"log_loss": 5, "kl_divergence": 5, "brier": 1, "brier_sum": 2}, "min": {"accuracy": 0.1}}
    options = {"class_weights": {"cat": 2}} if kind == "class weights" else {"task": "soft", "label": ["cat", "dog"]}
    for p, mistakes, verdict in ((0.6, 80, "pass"), (0.99, 0, "undecided")):
        Path("preds.csv").write_text("id,cat,dog\n" + "".join(f"{row},{p},{1 - p}\n" for row in range(200)))
        dogs = [int(row < mistakes) for row in range(200)]
        lines = [f"{row},{'dog' if dog else 'cat'},{1 - dog},{dog}\n" for row, dog in enumerate(dogs)]
        Path("labels.csv").write_text("id,y,cat,dog\n" + "".join(lines))
        chosen = options if kind == "shares" else {**options, "label": "y"}
        gate = evaluated(**limits, confident=True, **chosen).gate
        found = {check.metric: check.verdict for check in gate.checks}
        assert found == dict.fromkeys(limits["max"], verdict) | {"accuracy": "pass"}


def test_of_clusters_it_is_told_how_many_clusters_would_settle_it(folder: Path, celoss: Command) -> None:
    rows = [(row, (row * 7) % 40, "cat" if row * 13 % 10 < 7 else "dog") for row in range(400)]
    Path("preds.csv").write_text("id,cat,dog\n" + "".join(f"{row},0.6,0.4\n" for row, _, _ in rows))
    Path("labels.csv").write_text("id,animal,house\n" + "".join(f"{row},{name},{house}\n" for row, house, name in rows))
    report = evaluated(max={"log_loss": 0.64}, confident=True, cluster="house")
    (check,), interval = report.gate.checks, report.intervals["log_loss"]
    assert (report.clusters, check.rows_needed) == (40, rows_to_decide(check.value, 0.64, interval, 40))
    ran = celoss(*SCORE, "--max", "log_loss=0.64", "--confident", "--cluster", "house")
    assert f"; about {check.rows_needed:,} clusters would settle it" in ran.err


def test_an_infinite_loss_is_no_less_sure_for_its_interval() -> None:
    interval = Interval(0.3, math.inf, "hall")
    assert judge(Limit("log_loss", "max", 1.0), math.inf, interval, 100, True).verdict == "fail"
    assert judge(Limit("log_loss", "min", 1.0), math.inf, interval, 100, True).verdict == "pass"


def test_the_words_of_a_confident_gate() -> None:
    def words(*checks: Check) -> str:
        intervals = {"log_loss": Interval(0.312844, 0.374224, "hall"), "accuracy": Interval(0.85, 0.89, "wilson")}
        return render(Gate(True, checks), intervals, 0.95)

    passed = Check("accuracy", "min", 0.85, 0.8725, "pass")
    assert words(passed) == "gate: met\n  accuracy  0.872500  ok, at least 0.85: 95 % interval 0.850000 … 0.890000\n"
    undecided = Check("log_loss", "max", 0.35, 0.343534, "undecided", "the limit is inside the interval", 2500)
    assert words(undecided, passed) == (
        "gate: undecided\n"
        "  log_loss  0.343534  may be above 0.35: 95 % interval 0.312844 … 0.374224; about 2,500 rows would settle it"
        "   (--max log_loss=0.35)\n"
        "  accuracy  0.872500  ok, at least 0.85: 95 % interval 0.850000 … 0.890000\n"
    )
    beyond = replace(undecided, limit=0.33)
    assert "  log_loss  0.343534  is above 0.33, but its interval reaches below: 95 % interval 0.312844 … 0.374224; " in words(
        beyond
    )
    beyond = Check("accuracy", "min", 0.88, 0.8725, "undecided", "the limit is inside the interval", None)
    assert "is below 0.88, but its interval reaches above: 95 % interval 0.850000 … 0.890000   (" in words(beyond)
    failed = Check("accuracy", "min", 0.9, 0.8725, "fail")
    assert words(undecided, failed).splitlines()[0] == "gate: not met"
    assert "  accuracy  0.872500  is below 0.9: 95 % interval 0.850000 … 0.890000   (--min accuracy=0.9)\n" in words(
        undecided, failed
    )
    unsettled = replace(undecided, limit=0.343534, rows_needed=None)
    assert "may be above 0.343534: 95 % interval 0.312844 … 0.374224   (" in words(unsettled)


# --- careless use -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("logloss", "log_loss"),
        ("log-loss", "log_loss"),
        ("Log_Loss", "log_loss"),
        ("loss", "log_loss"),
        ("accurracy", "accuracy"),
        ("acc", "accuracy"),
        ("kl", "kl_divergence"),
        ("brier_score", "brier_sum"),
        ("log_loss ≤", "log_loss"),
    ],
)
def test_a_misspelt_metric_is_told_before_any_file_is_looked_for(
    folder: Path, celoss: Command, written: str, meant: str
) -> None:
    ran = celoss("eval", "no-preds.csv", "no-labels.csv", "--baseline", "no.json", "--max", f"{written}=0.45")
    assert (ran.code, ran.out) == (2, "")
    first, place, *_ = ran.err.splitlines()
    assert (first, place) == (f'error[E601]: no metric "{written}"', f"  --> option --max {written}=0.45")
    if (help := ran.err.splitlines()[-1]).startswith("  = help"):
        assert help == f"  = help: did you mean --max {meant}=0.45?"
    else:
        assert written in ("acc", "kl")


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("0.45", "write METRIC=VALUE, an option for each metric: --min accuracy=0.8"),
        ("accuracy", "write METRIC=VALUE, an option for each metric: --min accuracy=0.8"),
        ("accuracy:0.8", "write METRIC=VALUE, an option for each metric: --min accuracy=0.8"),
        ("accuracy=", "write METRIC=VALUE, an option for each metric: --min accuracy=0.8"),
        ("=0.8", "write METRIC=VALUE, an option for each metric: --min accuracy=0.8"),
        ("accuracy=0.8,skill=0", "write METRIC=VALUE, an option for each metric: --min accuracy=0.8"),
        ("accuracy=high", "write METRIC=VALUE, an option for each metric: --min accuracy=0.8"),
        ("accuracy=1_0", "write METRIC=VALUE, an option for each metric: --min accuracy=0.8"),
        ("accuracy=٣", "write METRIC=VALUE, an option for each metric: --min accuracy=0.8"),
        ("accuracy=86%", "write the share, not the percentage: 0.86 for 86%"),
        ("accuracy=0,8", "write a decimal point, not a comma: 0.8"),
        ("accuracy=nan", "a limit is a finite number"),
        ("accuracy=NaN", "a limit is a finite number"),
        ("accuracy=inf", "a limit is a finite number"),
        ("accuracy=-Infinity", "a limit is a finite number"),
    ],
)
def test_a_limit_that_cannot_be_read_is_told_with_its_option(folder: Path, celoss: Command, text: str, help: str) -> None:
    ran = celoss("eval", "no-preds.csv", "no-labels.csv", "--min", text)
    assert (ran.code, ran.out) == (2, "")
    first, _, last = ran.err.splitlines()
    assert first.startswith("error[E604]: --min cannot be ")
    assert last == f"  = help: {help}"


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("95%", "write the share, not the percentage: 0.95 for 95%"),
        ("0,95", "write a decimal point, not a comma: 0.95"),
        ("high", "it is a share above 0 and at most 0.9999: --confidence 0.95"),
        ("0.9_5", "it is a share above 0 and at most 0.9999: --confidence 0.95"),
    ],
)
@pytest.mark.parametrize("command", [SCORE, ("compare", "preds.csv", "preds.csv", "-l", "labels.csv")])
def test_a_confidence_that_is_no_share_is_told_with_what_to_write(
    folder: Path, celoss: Command, command: tuple[str, ...], text: str, help: str
) -> None:
    ran = celoss(*command, "--confidence", text)
    assert (ran.code, ran.out) == (2, "")
    first, _, last = ran.err.splitlines()
    assert first == f"error[E604]: --confidence cannot be {text}"
    assert last == f"  = help: {help}"


def test_a_limit_without_its_equals_sign_is_a_usage_error(folder: Path, celoss: Command) -> None:
    ran = celoss(*SCORE, "--max", "log_loss", "0.45")
    assert (ran.code, ran.out) == (2, "")
    assert "0.45" in ran.err
    # Where the labels are in the predictions, the number would be taken as a file.
    assert celoss("eval", "preds.csv", "--max", "log_loss", "0.45").err.startswith("error[E604]: --max cannot be log_loss\n")


@pytest.mark.parametrize("value", [math.nan, math.inf, "0.4", None, True, [0.4]])
def test_the_library_takes_finite_numbers_only(folder: Path, value: Any) -> None:
    error = refusal(max={"log_loss": value})
    assert isinstance(error, UsageError)
    assert (error.code, error.help) == ("E604", "a limit is a finite number")


@pytest.mark.parametrize("given", [0.45, "log_loss=0.45", ["log_loss"], [("log_loss", 1, 2)]])
def test_the_library_takes_a_limit_for_each_metric_only(folder: Path, given: Any) -> None:
    assert refusal(max=given).help == 'give a limit for each metric: {"log_loss": 0.45}'


def test_a_confident_gate_without_a_limit_is_a_usage_error(folder: Path, celoss: Command) -> None:
    ran = celoss("eval", "no-preds.csv", "no-labels.csv", "--confident")
    assert ran.code == 2
    assert ran.err == (
        "error[E604]: --confident cannot be used without --max or --min\n"
        "  --> option --confident\n"
        "  = help: it says how sure a gate has to be: --max log_loss=0.45 --confident\n"
    )


def test_a_gate_of_top_k_accuracy_needs_its_size(folder: Path, celoss: Command) -> None:
    assert celoss(*SCORE, "--min", "top_2_accuracy=0.5").err.endswith("  = help: add --top-k 2\n")
    assert celoss(*SCORE, "--min", "top_2_accuracy=0.5", "--top-k", "2").code == 0
    assert evaluated(min={"top_2_accuracy": 1.5}, top_k=2).gate.failed


def test_a_gate_knows_the_metrics_of_a_plan(folder: Path, celoss: Command) -> None:
    assert celoss("check", "preds.csv", "labels.csv", "--top-k", "2", "-o", "plan.json").code == 0
    assert celoss(*SCORE, "--plan", "plan.json", "--min", "top_2_accuracy=0.5").code == 0
    ran = celoss(*SCORE, "--plan", "plan.json", "--min", "top_1_accuracy=0.5", "--rows", "rows.csv")
    assert (ran.code, ran.err.splitlines()[0]) == (2, 'error[E601]: no metric "top_1_accuracy"')
    assert not Path("rows.csv").exists()


@pytest.mark.parametrize(
    ("option", "limit", "note"),
    [
        ("--min", "accuracy=86", "is never kept: accuracy is never above 1\n  = help: for 86 % write --min accuracy=0.86"),
        ("--max", "accuracy=86", "is always kept: accuracy is never above 1\n  = help: for 86 % write --max accuracy=0.86"),
        ("--max", "brier=2.5", "is always kept: brier is never above 2"),
        ("--max", "skill=101", "is always kept: skill is never above 1"),
        ("--min", "log_loss=-1", "is always kept: log_loss is never below 0"),
        ("--max", "log_loss=-1", "is never kept: log_loss is never below 0"),
    ],
)
def test_a_limit_that_decides_nothing_has_a_note(folder: Path, celoss: Command, option: str, limit: str, note: str) -> None:
    ran = celoss(*SCORE, option, limit)
    assert ran.code == ("never kept" in note)
    assert ran.err.startswith(f"note[N25]: {option} {limit} {note}\ngate: ")


def test_a_limit_that_can_decide_has_no_note(folder: Path, celoss: Command) -> None:
    limits = ("accuracy=1", "brier=2", "skill=-2", "log_loss=0", "kl_divergence=-1", "log_loss=100")
    for limit in limits:
        assert "note" not in celoss(*SCORE, "--max", limit).err


# --- --baseline -------------------------------------------------------------------------------------------------------------

BETTER = PREDS.replace("c,0.25,0.5,0.25", "c,0.5,0.25,0.25")


@pytest.fixture
def prev(folder: Path, celoss: Command) -> Path:
    """prev.json, of preds.csv as it is, and better.csv, whose third row is right: log loss ln 2."""
    assert celoss(*SCORE, "-q", "-o", "prev.json").code == 0
    Path("better.csv").write_text(BETTER)
    return folder


def changed(prev: Path, **keys: Any) -> None:
    """Writes prev.json anew with other values, by JSON Pointer with `__` for `/`."""
    values = json.loads(Path("prev.json").read_text("utf-8"))
    for pointer, value in keys.items():
        *way, last = pointer.split("__")
        inner = values
        for name in way:
            inner = inner[int(name) if name.isdecimal() else name]
        inner[last] = value
    Path("prev.json").write_text(json.dumps(values))


def test_a_baseline_adds_the_change_of_every_metric_after_the_others(prev: Path, celoss: Command) -> None:
    then = json.loads(Path("prev.json").read_text("utf-8"))["metrics"]
    values = document(celoss("eval", "better.csv", "labels.csv", "--baseline", "prev.json", "-f", "json"))
    metrics = values["metrics"]
    assert list(metrics) == [*then, *(f"{name}_change" for name in then)]
    assert metrics["log_loss_change"] == pytest.approx(-math.log(2) / 4, rel=1e-14)
    assert metrics["accuracy_change"] == 1 / 4
    assert metrics["brier_change"] == (3 / 8 - 7 / 8) / 4
    assert metrics["reference_log_loss_change"] == 0.0
    assert values["baseline"].items() >= {"path": "prev.json", "celoss_version": library.__version__}.items()
    assert values["baseline"]["signature"] == evaluated().signature
    assert document(celoss(*SCORE, "-f", "json"))["baseline"] is None


def test_changes_can_be_gated_and_printed_alone(prev: Path, celoss: Command) -> None:
    score = ("eval", "better.csv", "labels.csv", "--baseline", "prev.json")
    assert celoss(*score, "--max", "log_loss_change=0", "--min", "accuracy_change=0.25").code == 0
    ran = celoss(*score, "--max", "log_loss_change=-0.2")
    assert ran.code == 1
    assert ran.err == ("gate: not met\n  log_loss_change  -0.173287  is above -0.2   (--max log_loss_change=-0.2)\n")
    assert celoss(*score, "--only", "accuracy_change").out == "0.25\n"


def test_a_baseline_alone_is_no_gate(prev: Path, celoss: Command) -> None:
    ran = celoss(*SCORE, "--baseline", "prev.json")
    assert (ran.code, ran.err) == (0, "")


def test_people_see_the_changes_of_what_they_see(prev: Path, celoss: Command) -> None:
    score = ("eval", "better.csv", "labels.csv", "--baseline", "prev.json")
    lines = celoss(*score).out.splitlines()
    at = lines.index(" change since prev.json   now − then")
    assert lines[at + 2].split() == ["log", "loss", "−0.173287"]
    assert "| log loss | −0.173287 |" in celoss(*score, "-f", "markdown").out
    assert " accuracy                  no change" in celoss(*SCORE, "--baseline", "prev.json").out
    assert "all,,accuracy_change,0.25,," in celoss(*score, "-f", "csv").out.replace(",celoss|", ",,celoss|")


def test_a_change_is_asked_for_with_a_baseline(folder: Path, celoss: Command) -> None:
    for option in (("--max", "log_loss_change=0"), ("--only", "log_loss_change")):
        ran = celoss(*SCORE, *option)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith('error[E601]: no metric "log_loss_change"\n')
        assert ran.err.endswith("  = help: a change is from an earlier report: add --baseline prev.json\n")


def test_a_misspelt_change_is_told(prev: Path, celoss: Command) -> None:
    ran = celoss(*SCORE, "--baseline", "prev.json", "--max", "logloss_change=0.01")
    assert ran.code == 2
    assert ran.err.endswith("; _change after each\n  = help: did you mean --max log_loss_change=0.01?\n")


def test_a_change_has_no_interval_to_be_confident_of(prev: Path, celoss: Command) -> None:
    ran = celoss("eval", "better.csv", "labels.csv", "--baseline", "prev.json", "--max", "log_loss_change=0", "--confident")
    assert ran.code == 1
    assert ran.err == (
        "gate: undecided\n"
        "  log_loss_change  -0.173287  undecided: its rows are not paired with those of the baseline; celoss compare pairs them"
        "   (--max log_loss_change=0)\n"
    )


def test_the_library_takes_a_baseline_as_path_report_or_values(prev: Path) -> None:
    report = library.evaluate("preds.csv", "labels.csv")
    changes = [
        library.evaluate("better.csv", "labels.csv", baseline=one).metrics["accuracy_change"]
        for one in ("prev.json", Path("prev.json"), report, report.to_dict(), json.loads(report.to_json()))
    ]
    assert changes == [1 / 4] * 5
    assert library.evaluate("better.csv", "labels.csv", baseline=report).baseline.path is None


def test_a_baseline_may_have_been_a_baseline_s_successor(prev: Path, celoss: Command) -> None:
    celoss("eval", "better.csv", "labels.csv", "--baseline", "prev.json", "--max", "log_loss=9", "-q", "-o", "next.json")
    metrics = document(celoss(*SCORE, "--baseline", "next.json", "-f", "json"))["metrics"]
    assert metrics["accuracy_change"] == -1 / 4
    assert not any("change_change" in name for name in metrics)


def test_one_line_of_json_lines_is_a_baseline_and_several_are_not(prev: Path, celoss: Command) -> None:
    line = celoss(*SCORE, "-f", "jsonl").out
    Path("one.jsonl").write_text(line)
    Path("two.jsonl").write_text(line + line)
    assert celoss(*SCORE, "--baseline", "one.jsonl").code == 0
    assert "  = found: several JSON documents, the second in line 2; a report is one of them\n" in (
        celoss(*SCORE, "--baseline", "two.jsonl").err
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_baseline_that_another_shell_has_redirected_is_read(prev: Path, celoss: Command, encoding: str) -> None:
    Path("prev.json").write_text(Path("prev.json").read_text("utf-8"), encoding)
    assert celoss(*SCORE, "--baseline", "prev.json", "--max", "log_loss_change=0").code == 0


def test_a_file_that_is_no_report_is_no_baseline(prev: Path, celoss: Command) -> None:
    text = Path("prev.json").read_text("utf-8")
    table = celoss(*SCORE).out
    explained = celoss("explain", *SCORE[1:], "-f", "json").out
    for content, found in [
        ("", "an empty file"),
        (" \n", "an empty file"),
        (text[: len(text) // 2], "JSON that is cut off in line"),
        (text[:-3], "JSON that is cut off in line"),
        (text.replace(":", " ", 1), "JSON with a mistake in line 2"),
        (table, 'text that is no JSON, starting "preds.csv × labels.csv"'),
        ("[1]", 'JSON without "schema": "celoss.eval/1"'),
        ("{}", 'JSON without "schema": "celoss.eval/1"'),
        ("3", 'JSON without "schema": "celoss.eval/1"'),
        ("[" * 100_000, "no JSON"),
        (explained, '"schema": "celoss.explain/1"; a report has "celoss.eval/1"'),
        (text.replace("celoss.eval/1", "celoss.compare/1"), '"schema": "celoss.compare/1"; a report has "celoss.eval/1"'),
        (text.replace("celoss.eval/1", "celoss.eval/2"), '"schema": "celoss.eval/2"; a report has "celoss.eval/1"'),
        (text.replace('"scored"', '"Scored"'), "/rows/scored is missing or not what celoss writes"),
        (text.replace('"per_class": [', '"per_class": [7, '), "/class is missing or not what celoss writes"),
        (text.replace('"accuracy": 0.75', '"accuracy": "0.75"'), "/metrics/accuracy is missing or not what celoss writes"),
        (text.replace('"accuracy": 0.75', '"accuracy": NaN'), "/metrics/accuracy is missing or not what celoss writes"),
        (text.replace('"accuracy": 0.75', '"accuracy": true'), "/metrics/accuracy is missing or not what celoss writes"),
        # More than any double, as no number of celoss is.
        (text.replace('"accuracy": 0.75', f'"accuracy": {10**400}'), "/metrics/accuracy is missing or not what celoss writes"),
        (text.replace('"weight": 2.0', f'"weight": {10**400}'), "/weight is missing or not what celoss writes"),
        (text.replace('"weight": 2.0', '"weight": -2.0'), "/per_class/weight is negative"),
        (text.replace('"class": "dog"', '"class": "cat"'), 'two classes "cat" in /per_class'),
    ]:
        Path("prev.json").write_text(content)
        ran = celoss(*SCORE, "--baseline", "prev.json", "-o", "out.json")
        assert (ran.code, ran.out) == (3, ""), found
        first, place, reason, help = ran.err.splitlines()
        assert (first, place) == ("error[E602]: the baseline 'prev.json' cannot be used", "  --> option --baseline prev.json")
        assert reason.startswith(f"  = found: {found}")
        assert help == "  = help: make it: celoss eval PREDS LABELS -o prev.json"
        assert not Path("out.json").exists()


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("no.json", "No such file or directory"),
        (".", "Is a directory"),
        ("", "an empty path, as an unset variable of the shell gives"),
    ],
)
def test_a_baseline_that_is_no_file_is_told_before_the_files_are_read(
    folder: Path, celoss: Command, path: str, found: str
) -> None:
    ran = celoss("eval", "no-preds.csv", "no-labels.csv", "--baseline", path)
    assert ran.code == 3
    assert ran.err.splitlines()[2] == f"  = found: {found}"


def test_what_is_no_report_is_no_baseline_in_python_either(folder: Path) -> None:
    assert refusal(baseline=3).diagnostics[0].details == ("found: int, which is neither a path nor a report",)
    assert refusal(baseline={}).diagnostics[0].details == ('found: JSON without "schema": "celoss.eval/1"',)


def reasons(ran: Ran) -> list[str]:
    assert (ran.code, ran.out) == (3, "")
    first, *lines, help = ran.err.splitlines()
    assert first == "error[E602]: the baseline 'prev.json' is not comparable"
    assert help == (
        "  = help: if the change is meant, score the baseline's predictions as these are, and keep that: "
        "celoss eval PREDS LABELS -o prev.json"
    )
    return [line.removeprefix("  = found: ") for line in lines[1:]]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("--base 2", "losses in nats; now: losses in bits"),
        ("--eps 1e-15", "--eps 2.220446049250313e-16; now: --eps 1e-15"),
        ("--as sklearn", "--as no; now: --as sklearn"),
        ("--class-weights cat=2", "--class-weights no; now: --class-weights cat=2.0"),
        ("--class-weights balanced", "--class-weights no; now: --class-weights balanced"),
        ("--smoothing 0.1", "--smoothing 0.0; now: --smoothing 0.1"),
        ("--renormalize", "--renormalize no; now: --renormalize yes"),
        ("--bins 10", "--bins 15; now: --bins 10"),
        ("--ties first", "--ties fraction; now: --ties first"),
        ("--missing drop", "--missing error; now: --missing drop"),
        ("--id-match inner", "--id-match all; now: --id-match inner"),
    ],
)
def test_a_baseline_that_was_scored_otherwise_is_not_comparable(prev: Path, celoss: Command, options: str, reason: str) -> None:
    assert reason in reasons(celoss(*SCORE, "--baseline", "prev.json", *options.split()))
    # And the reverse.
    assert celoss(*SCORE, *options.split(), "-q", "-o", "prev.json").code == 0
    then, now = reason.split("; now: ")
    assert f"{now}; now: {then}" in reasons(celoss(*SCORE, "--baseline", "prev.json"))
    assert celoss(*SCORE, *options.split(), "--baseline", "prev.json").code == 0


def test_weights_are_not_comparable_with_none(prev: Path, celoss: Command) -> None:
    Path("weighted.csv").write_text("id,animal,w\nd,owl,1\na,cat,2\nc,cat,1\nb,dog,1\n")
    score = ("eval", "preds.csv", "weighted.csv", "--weights", "w")
    assert reasons(celoss(*score, "--baseline", "prev.json")) == ["no --weights; now: --weights"]
    celoss(*score, "-q", "-o", "prev.json")
    assert celoss(*score, "--baseline", "prev.json").code == 0
    Path("weighted.csv").write_text("id,animal,w\nd,owl,1\na,cat,3\nc,cat,1\nb,dog,1\n")
    assert reasons(celoss(*score, "--baseline", "prev.json")) == ['other labels: class "cat" has a weight of 3.0; now: 4.0']


def test_other_rows_and_other_labels_are_not_comparable(prev: Path, celoss: Command) -> None:
    Path("fewer.csv").write_text(LABELS.replace("b,dog\n", ""))
    score = ("eval", "preds.csv", "fewer.csv", "--id-match", "inner", "--baseline", "prev.json")
    assert reasons(celoss(*score)) == ["--id-match all; now: --id-match inner", "4 rows; now: 3 rows"]
    Path("others.csv").write_text(LABELS.replace("b,dog\n", "b,owl\n"))
    assert reasons(celoss("eval", "preds.csv", "others.csv", "--baseline", "prev.json")) == [
        'other labels: class "dog" has 1 row; now: 0'
    ]
    # That is told beside what else is different.
    assert reasons(celoss("eval", "preds.csv", "others.csv", "--eps", "0", "--baseline", "prev.json")) == [
        "--eps 2.220446049250313e-16; now: --eps 0.0",
        'other labels: class "dog" has 1 row; now: 0',
    ]


def test_other_shares_of_soft_labels_are_not_comparable(folder: Path, celoss: Command) -> None:
    preds, labels = "id,a,b\n1,0.5,0.5\n2,0.25,0.75\n", "id,a,b\n1,0.5,0.5\n2,{},{}\n"
    Path("preds.csv").write_text(preds)
    Path("labels.csv").write_text(labels.format(0.25, 0.75))
    celoss(*SCORE, "-q", "-o", "prev.json")
    assert celoss(*SCORE, "--baseline", "prev.json", "--task", "soft").code == 0
    Path("labels.csv").write_text(labels.format(0.3, 0.7))
    (reason,) = reasons(celoss(*SCORE, "--baseline", "prev.json"))
    assert reason == 'other labels: class "a" has a weight of 0.75; now: 0.8'


def test_an_entropy_that_differs_shows_other_labels(prev: Path, celoss: Command) -> None:
    changed(prev, metrics__reference_log_loss=1.0)
    (reason,) = reasons(celoss(*SCORE, "--baseline", "prev.json"))
    assert reason.startswith("other labels: their reference_log_loss is 1.0; now: 1.03972077083991")


def test_every_reason_is_told_at_once(prev: Path, celoss: Command) -> None:
    Path("p.csv").write_text("id,p\n1,0.5\n2,0.25\n")
    Path("y.csv").write_text("id,y\n1,1\n2,0\n")
    ran = celoss(
        "eval", "p.csv", "y.csv", "--base", "2", "--smoothing", "0.1", "--baseline", "prev.json", "--max", "log_loss=9"
    )
    assert reasons(ran) == [
        "task multiclass; now: task binary",
        "3 classes (cat, dog, owl); now: 2 classes (0, 1)",
        "losses in nats; now: losses in bits",
        "--smoothing 0.0; now: --smoothing 0.1",
        "4 rows; now: 2 rows",
    ]


def test_a_baseline_of_shuffled_rows_columns_and_another_format_is_comparable(prev: Path, celoss: Command) -> None:
    header, *rows = PREDS.splitlines()
    Path("shuffled.csv").write_text("\n".join([header, *reversed(rows)]) + "\n")
    table = pacsv.read_csv("shuffled.csv").select(["owl", "id", "dog", "cat"])
    pq.write_table(table, "shuffled.parquet")
    for name in ("shuffled.csv", "shuffled.parquet"):
        metrics = document(celoss("eval", name, "labels.csv", "--baseline", "prev.json", "-f", "json"))["metrics"]
        assert {value for metric, value in metrics.items() if metric.endswith("_change")} == {0.0}


def test_another_version_of_celoss_is_comparable(prev: Path, celoss: Command) -> None:
    changed(prev, celoss_version="0.0.9", signature="celoss|v:0.0.9|task:multiclass")
    values = document(celoss(*SCORE, "--baseline", "prev.json", "-f", "json"))
    assert values["baseline"] == {
        "path": "prev.json",
        "celoss_version": "0.0.9",
        "signature": "celoss|v:0.0.9|task:multiclass",
    }


def test_an_option_that_another_version_does_not_have_is_no_difference(prev: Path, celoss: Command) -> None:
    values = json.loads(Path("prev.json").read_text("utf-8"))
    del values["options"]["ties"]
    values["options"]["novelty"] = 3
    Path("prev.json").write_text(json.dumps(values))
    assert celoss(*SCORE, "--ties", "first", "--baseline", "prev.json").code == 0


def test_a_metric_of_one_of_both_has_no_change_and_passes_nothing(prev: Path, celoss: Command) -> None:
    ran = celoss(*SCORE, "--baseline", "prev.json", "--top-k", "2", "--min", "top_2_accuracy_change=-1", "-f", "json")
    assert ran.code == 1
    assert document(ran)["metrics"]["top_2_accuracy_change"] is None
    assert ran.err.endswith("–  the metric is undefined here or in the baseline   (--min top_2_accuracy_change=-1)\n")
    celoss(*SCORE, "--top-k", "2", "-q", "-o", "prev.json")
    metrics = document(celoss(*SCORE, "--baseline", "prev.json", "-f", "json"))["metrics"]
    assert (metrics["top_2_accuracy_change"], "top_2_accuracy" in metrics) == (None, False)
    ran = celoss(*SCORE, "--baseline", "prev.json", "--min", "top_2_accuracy_change=-1")
    assert (ran.code, ran.err.splitlines()[-1]) == (2, "  = help: add --top-k 2")


def test_metrics_that_celoss_does_not_know_are_left_out(prev: Path, celoss: Command) -> None:
    changed(prev, metrics__novelty=3)
    assert "novelty_change" not in document(celoss(*SCORE, "--baseline", "prev.json", "-f", "json"))["metrics"]


def test_a_null_of_a_baseline_has_no_change(folder: Path, celoss: Command) -> None:
    Path("labels.csv").write_text(ONE_CLASS)
    celoss(*SCORE, "-q", "-o", "prev.json")
    ran = celoss(*SCORE, "--baseline", "prev.json", "--max", "skill_change=1", "-f", "json")
    assert (ran.code, document(ran)["metrics"]["skill_change"]) == (1, None)


def test_an_infinite_metric_of_a_baseline_is_infinite(folder: Path, celoss: Command) -> None:
    Path("preds.csv").write_text(ZERO)
    celoss(*SCORE, "--eps", "0", "-q", "-o", "prev.json")
    Path("better.csv").write_text(PREDS)
    score = ("eval", "better.csv", "labels.csv", "--eps", "0", "--baseline", "prev.json", "-f", "json")
    ran = celoss(*score, "--max", "log_loss_change=0")
    assert ran.code == 0
    assert document(ran)["non_finite"]["/metrics/log_loss_change"] == "-Infinity"
    # From infinite to infinite there is no change to speak of.
    ran = celoss(*SCORE, "--eps", "0", "--baseline", "prev.json", "--max", "log_loss_change=0", "-f", "json")
    assert (ran.code, document(ran)["metrics"]["log_loss_change"]) == (1, None)
    assert "/metrics/log_loss_change" not in document(ran)["non_finite"]


def test_a_baseline_is_never_overwritten_by_the_run_that_is_held_against_it(prev: Path, celoss: Command) -> None:
    before = Path("prev.json").read_bytes()
    for options in (("-o", "prev.json"), ("--rows", "./prev.json")):
        ran = celoss("eval", "better.csv", "labels.csv", "--baseline", "prev.json", *options)
        assert ran.code == 2
    assert celoss("eval", "better.csv", "labels.csv", "--baseline", "prev.json", "-o", "prev.json").err.startswith(
        "error[E705]: cannot write 'prev.json': it is an input\n"
    )
    assert Path("prev.json").read_bytes() == before


def test_groups_take_no_part_in_a_baseline(prev: Path, celoss: Command) -> None:
    shutil.copy("labels.csv", "sites.csv")
    Path("sites.csv").write_text("id,animal,site\nd,owl,x\na,cat,y\nc,cat,x\nb,dog,y\n")
    values = document(celoss("eval", "better.csv", "sites.csv", "--by", "site", "--baseline", "prev.json", "-f", "json"))
    assert values["metrics"]["accuracy_change"] == 1 / 4
    assert len(values["groups"]) == 2
    assert not any(name.endswith("_change") for group in values["groups"] for name in group["metrics"])


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80])
def test_the_changes_are_whole_at_every_width(prev: Path, celoss: Command, width: int) -> None:
    ran = celoss("eval", "better.csv", "labels.csv", "--baseline", "prev.json", env={"COLUMNS": str(width)})
    assert {"−0.173287", "−0.125000", "+0.250000", "+0.166667"} <= set(ran.out.split())
    changes = ran.out[ran.out.index("change") :]
    assert max(map(len, changes[: changes.index("\n\n")].splitlines())) <= width
