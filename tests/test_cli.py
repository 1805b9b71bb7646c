"""What the command does around the numbers: exit status, streams, files, environment."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import IO

import pytest

import celoss as library
from tests.conftest import LABELS, PREDS, Ran, environment, process

Command = Callable[..., Ran]


BAD_PREDS = PREDS.replace("d,0.25,0.25,0.5", "d,0.25,oops,0.5")
CLIPPED_PREDS = PREDS.replace("a,0.5,0.25,0.25", "a,0,0.75,0.25")
ESCAPE = "\x1b"
SCORE = ("eval", "preds.csv", "labels.csv")


def leftovers(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if file.name not in ("preds.csv", "labels.csv"))


# --- exit status ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "eval preds.csv labels.csv",
        "eval preds.csv labels.csv -f json",
        "eval preds.csv labels.csv --only log_loss",
        "eval preds.csv labels.csv --id id --label animal --pred cat,dog,owl",
        "eval preds.csv labels.csv --eps 0 --sum-tolerance 0.01",
        "check preds.csv labels.csv",
        "schema",
        "schema eval",
        "schema error",
        "--version",
        "--help",
        "-h",
        "eval -h",
        "check -h",
        "schema -h",
    ],
)
def test_what_can_be_done_ends_with_0_and_says_nothing_on_stderr(line: str, folder: Path, celoss: Command) -> None:
    ran = celoss(*line.split())
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.endswith("\n")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "Usage: celoss"),
        ("eval", "PREDS"),
        ("evil preds.csv", "eval"),
        ("eval preds.csv labels.csv third.csv", "third.csv"),
        ("eval preds.csv labels.csv --tolerance 1", "--tolerance"),
        ("eval preds.csv labels.csv -f xml", "markdown"),
        ("eval preds.csv labels.csv --eps much", "--eps"),
        ("schema report", "eval"),
        ("eval preds.csv labels.csv --eps 1", "error[E604]: --eps cannot be 1.0\n"),
        ("eval preds.csv labels.csv --eps -0.5", "error[E604]: --eps cannot be -0.5\n"),
        ("eval preds.csv labels.csv --eps nan", "error[E604]: --eps cannot be nan\n"),
        ("eval preds.csv labels.csv --sum-tolerance -1", "error[E604]: --sum-tolerance cannot be -1.0\n"),
        ("eval preds.csv labels.csv --sum-tolerance inf", "error[E604]: --sum-tolerance cannot be inf\n"),
        ("eval preds.csv labels.csv --only logloss", 'error[E601]: no metric "logloss"\n'),
        ("eval preds.csv labels.csv --classes cat", "error[E604]: --classes cannot be cat\n"),
        ("eval preds.csv labels.csv --classes 0=gnu", "error[E605]: --classes cannot be gnu\n"),
        ("eval preds.csv labels.csv --input-format xls", "error[E603]: no input format 'xls'\n"),
        ("eval preds.csv labels.csv -o out.xls", "error[E701]: don't know how to write 'out.xls'\n"),
        ("eval preds.csv labels.csv --rows out.xls", "error[E701]: don't know how to write 'out.xls'\n"),
        ("eval preds.csv labels.csv -o no/out.md", "error[E702]: cannot write 'no/out.md': the folder 'no' does not exist\n"),
        ("eval preds.csv labels.csv --rows no/a.csv", "error[E702]: cannot write 'no/a.csv': the folder 'no' does not exist\n"),
        ("check preds.csv labels.csv --classes cat", "error[E604]: --classes cannot be cat\n"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_an_empty_stdout(line: str, told: str, folder: Path, celoss: Command) -> None:
    ran = celoss(*line.split())
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert "Traceback" not in ran.err
    assert leftovers(folder) == []


@pytest.mark.parametrize("option", ["--pred", "--label", "--classes", "--class-weights", "--top-k"])
def test_a_list_with_a_line_break_outside_of_quotes_is_a_wrong_command_line(option: str, folder: Path, celoss: Command) -> None:
    ran = celoss(*SCORE, option, "a\rb")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "error[E604]: a list of names cannot be a\\rb\n"
        "  --> list a\\rb\n"
        "  = help: quote a name that holds a comma or a line break: '\"a,b\"'\n"
    )


@pytest.mark.parametrize(
    ("preds", "labels", "line", "told"),
    [
        (PREDS, LABELS, "pred.csv labels.csv", "error[E101]: no file at 'pred.csv'\n"),
        (PREDS, LABELS, "preds.csv label.csv", "error[E101]: no file at 'label.csv'\n"),
        ("", LABELS, "preds.csv labels.csv", "error[E103]: 'preds.csv' is empty\n"),
        ("id,cat,dog,owl\n", LABELS, "preds.csv labels.csv", "error[E103]: 'preds.csv' has a header but no rows\n"),
        (PREDS, LABELS, "preds.csv labels.csv --input-format npy", "error[E104]: 'preds.csv' is not an NPY file\n"),
        (PREDS.replace(",", ";"), LABELS, "preds.csv labels.csv --input-format csv", "error[E202]: 'preds.csv' has one column"),
        (PREDS, LABELS, "preds.csv labels.csv --id key", 'error[E205]: no column "key" in preds.csv\n'),
        (PREDS, LABELS + "e,cat\n", "preds.csv labels.csv", "error[E302]: 1 labelled row has no prediction\n"),
        (PREDS, LABELS.replace("owl", "gnu"), "preds.csv labels.csv", 'error[E402]: label "gnu" is not one of'),
        (BAD_PREDS, LABELS, "preds.csv labels.csv", 'error[E501]: "oops" is not a number\n'),
        (BAD_PREDS, LABELS, "preds.csv labels.csv --only log_loss", 'error[E501]: "oops" is not a number\n'),
        (BAD_PREDS, LABELS, "preds.csv labels.csv -f csv", 'error[E501]: "oops" is not a number\n'),
    ],
)
def test_wrong_data_ends_with_3_and_an_empty_stdout(
    preds: str, labels: str, line: str, told: str, folder: Path, celoss: Command
) -> None:
    (folder / "preds.csv").write_text(preds)
    (folder / "labels.csv").write_text(labels)
    ran = celoss("eval", *line.split())
    assert (ran.code, ran.out) == (3, "")
    assert told in ran.err
    assert "Traceback" not in ran.err


def test_a_field_that_never_ends_is_an_error_that_says_where(
    folder: Path, celoss: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("celoss.sources.text.LONGEST_LINE", 40)
    (folder / "preds.csv").write_text(PREDS.replace("c,", '"c,'))
    ran = celoss(*SCORE)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith('error[E207]: a quote " is opened and not closed\n  --> preds.csv:4\n')


def test_a_folder_in_the_place_of_a_file_is_an_error_of_its_own(folder: Path, celoss: Command) -> None:
    (folder / "runs").mkdir()
    (folder / "runs" / "a.csv").write_text(PREDS)
    ran = celoss("eval", "runs", "labels.csv")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("error[E102]: 'runs' is a directory\n  --> argument PREDS\n")


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary files, reports of failures among them, go where pytest tidies up."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))


INSIDE = "the inside of celoss"


def fail(*_: object, **__: object) -> None:
    raise RuntimeError(INSIDE)


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_failure_of_celoss_itself_ends_with_4_and_shows_no_traceback(
    form: str, folder: Path, celoss: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("celoss.pipeline.evaluate", fail)
    ran = celoss(*SCORE, "-f", form)
    assert (ran.code, ran.out) == (4, "")
    assert "E900" in ran.err
    assert "celoss failed in a way it should not (RuntimeError)" in ran.err
    assert "Traceback" not in ran.err
    assert "the inside" not in ran.err
    (report,) = re.findall(r"written to (\S+?celoss-crash-\w+\.txt)", ran.err)
    text = Path(report).read_text("utf-8")
    Path(report).unlink()
    assert text.splitlines()[0].startswith(f"celoss {library.__version__}, Python ")
    assert "test_cli.py" in text
    assert not any(word in text for word in ("the inside", "preds.csv", "labels.csv"))


def test_the_traceback_of_a_failure_is_shown_on_request(folder: Path, celoss: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("celoss.pipeline.evaluate", fail)
    ran = celoss(*SCORE, env={"CELOSS_DEBUG": "1"})
    assert ran.code == 4
    assert "RuntimeError: the inside of celoss" in ran.err


@pytest.fixture
def many_classes(folder: Path) -> Path:
    """A folder with preds.jsonl, of which `-f csv` prints more than a pipe holds."""
    names = [f"class_{index:03d}" for index in range(400)]
    rows = [{"id": str(row), **{name: float(row == index) for index, name in enumerate(names)}} for row in range(3)]
    (folder / "preds.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (folder / "labels.csv").write_text("id,label\n" + "".join(f"{row},{names[row]}\n" for row in range(3)))
    return folder


def with_a_closed_pipe(*arguments: str, **env: str) -> Ran:
    """Runs the command with its output in a pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return process(*arguments, stdout=writer, env=env)
    finally:
        os.close(writer)


@pytest.mark.parametrize(
    ("line", "unbuffered"),
    [
        ("eval preds.jsonl labels.csv -q --only log_loss", ""),
        pytest.param("eval preds.jsonl labels.csv -q --only log_loss", "1"),
        pytest.param("eval preds.jsonl labels.csv -q -f csv", ""),
        pytest.param("check preds.jsonl labels.csv", ""),
        pytest.param("schema", ""),
        pytest.param("--help", ""),
        ("--version", ""),
    ],
)
def test_a_reader_that_goes_away_ends_it_with_141_and_no_word(line: str, unbuffered: str, many_classes: Path) -> None:
    ran = with_a_closed_pipe(*line.split(), PYTHONUNBUFFERED=unbuffered)
    assert (ran.code, without_notes(ran.err)) == (141, "")


def test_a_reader_that_stops_in_the_middle_ends_it_with_141(many_classes: Path) -> None:
    line = f"{sys.executable} -m celoss_cli eval preds.jsonl labels.csv -q -f csv | head -c 10; exit ${{PIPESTATUS[0]}}"
    # A pipe holds 64 KiB, the output is larger: whatever `head` does first, a write fails.
    ran = subprocess.run(["bash", "-c", line], env=environment(), capture_output=True, timeout=30)
    assert (ran.stdout, ran.stderr, ran.returncode) == (b"scope,clas", b"", 141)


def without_notes(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("note["))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize(
    "line",
    ["eval preds.jsonl labels.csv -q", "eval preds.jsonl labels.csv -q -f csv", "check preds.jsonl labels.csv", "schema"],
)
def test_a_full_disk_is_an_error_that_ends_with_3(line: str, many_classes: Path) -> None:
    with open("/dev/full", "wb") as full:
        ran = process(*line.split(), stdout=full)
    expected = "error[E704]: cannot write the output: No space left on device\n"
    assert (ran.code, without_notes(ran.err)) == (3, expected)


@pytest.mark.parametrize("descriptor", [1, 2])
def test_a_stream_that_was_closed_from_the_start_never_reads_as_1(descriptor: int, folder: Path) -> None:
    target = "preds.csv" if descriptor == 1 else "nothing.csv"
    line = f"{sys.executable} -m celoss_cli eval {target} labels.csv {descriptor}>&-"
    ran = subprocess.run(["bash", "-c", line], env=environment(), capture_output=True, timeout=30)
    assert ran.returncode == 3
    assert b"Traceback" not in ran.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_messages_that_cannot_be_written_do_not_change_the_exit_status(folder: Path) -> None:
    with open("/dev/full", "wb") as full:
        assert process("eval", "nothing.csv", "labels.csv", stderr=full).code == 3


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_without_a_traceback_and_without_files(folder: Path, sent: signal.Signals, status: int) -> None:
    os.mkfifo("slow")
    # Started like this it heeds SIGINT even where the parent ignores it, as jobs in the background do.
    start = "import signal, runpy; signal.signal(signal.SIGINT, signal.default_int_handler); runpy.run_module('celoss_cli')"
    command = [sys.executable, "-c", start, "eval", "slow", "labels.csv", "-o", "out.json"]
    running = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with opened_by_reader("slow", running):
        running.send_signal(sent)
        out, err = running.communicate(timeout=30)
    assert (running.returncode, out, err) == (status, b"", b"")
    assert leftovers(folder) == ["slow"]


def opened_by_reader(pipe: str, reader: subprocess.Popen[bytes]) -> IO[bytes]:
    """The writing end of a named pipe, once the process has opened it for reading."""
    for _ in range(300):
        assert reader.poll() is None, reader.communicate()
        try:
            return os.fdopen(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK), "wb")
        except OSError:
            time.sleep(0.1)
    raise AssertionError("nobody reads the pipe")


# --- streams --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "markdown"])
def test_notes_go_to_stderr_and_never_into_the_result(form: str, folder: Path, celoss: Command) -> None:
    (folder / "preds.csv").write_text(CLIPPED_PREDS)
    ran = celoss(*SCORE, "-f", form)
    assert (ran.code, ran.err.count("note[N1]: "), ran.err.count("\n")) == (0, 1, 1)
    assert "note[" not in ran.out


SURE_PREDS = "id,cat,dog\na,1,0\nb,0,1\n"
PAIR_LABELS = "id,animal\na,cat\nb,dog\n"


@pytest.mark.parametrize(
    ("preds", "labels", "eps", "notes"),
    [
        # −ln 2^-52 = 52 ln 2, beside ln 2, ln 4 and ln 2: 52 / 56 of all loss.
        (
            CLIPPED_PREDS,
            LABELS,
            2.0**-52,
            ["note[N1]: 1 row gave the true class less than eps (2.2e-16); it counts as 36.0437, 92.9% of the loss"],
        ),
        # Four rows below one half, at ln 2 each; the true class of one of them has 1/4.
        (
            PREDS.replace("0.5", "0.4").replace("0.25", "0.3"),
            LABELS,
            0.5,
            ["note[N1]: 4 rows gave the true class less than eps (0.5); each counts as 0.6931, 100.0% of the loss"],
        ),
        (
            CLIPPED_PREDS,
            LABELS,
            0.0,
            ["note[N1]: 1 row gave the true class probability 0: with eps 0 the loss is infinite"],
        ),
        (
            SURE_PREDS,
            PAIR_LABELS,
            0.0,
            [
                "note[N2]: all predictions of the true class are exactly 0 or 1; log loss then only counts mistakes",
                # Without a floor 2^-64 stands for a probability of 0: 64 ln 2 in one of two rows.
                "note[N10]: a single row with another label than forecast would add about 22 to the log loss, more than 3 "
                "times its standard error of 0: 2 rows are too few to say how often that happens, and the interval "
                "counts with none",
            ],
        ),
        (
            PREDS,
            LABELS.replace("owl", "dog"),
            0.0,
            ['note[N3]: 1 class is predicted but never in the labels: "owl"'],
        ),
        (
            PREDS,
            LABELS.replace("owl", "cat").replace("dog", "cat"),
            0.0,
            [
                'note[N3]: 2 classes are predicted but never in the labels: "dog", "owl"',
                "note[N4]: all labels are one class: the reference is 0 and skill is undefined",
            ],
        ),
        (
            "id,cat,dog\na,0.500000,0.500000\nb,0.250000,0.750250\nc,0.250000,0.749500\n",
            PAIR_LABELS + "c,cat\n",
            0.0,
            ["note[N5]: 2 rows sum to 1 only within 0.0005: more than rounding explains, scored as they are"],
        ),
        (PREDS, LABELS, 0.0, []),
    ],
)
def test_a_note_says_what_a_number_rests_on(
    preds: str, labels: str, eps: float, notes: list[str], folder: Path, celoss: Command
) -> None:
    (folder / "preds.csv").write_text(preds)
    (folder / "labels.csv").write_text(labels)
    ran = celoss(*SCORE, "--eps", eps, "-f", "json")
    assert (ran.code, ran.err.splitlines()) == (0, notes)
    told = [(note["code"], note["message"]) for note in json.loads(ran.out)["notes"]]
    assert [f"note[{code}]: {message}" for code, message in told] == notes


def test_quiet_means_no_notes_and_with_a_file_no_result_either(folder: Path, celoss: Command) -> None:
    (folder / "preds.csv").write_text(CLIPPED_PREDS)
    ran = celoss(*SCORE, "-q", "--only", "accuracy")
    assert (ran.code, ran.out, ran.err) == (0, "0.5\n", "")
    for option, name in (("-o", "out.json"), ("--rows", "rows.csv")):
        ran = celoss(*SCORE, "-q", option, name)
        assert (ran.code, ran.out, ran.err) == (0, "", "")
        assert (folder / name).stat().st_size > 0


@pytest.mark.parametrize("line", ["-f json", "-f jsonl", "-f csv", "-f markdown", "--only log_loss"])
def test_no_escape_sequence_enters_a_machine_format_whatever_the_environment_asks(
    line: str, folder: Path, celoss: Command
) -> None:
    plain = celoss(*SCORE, *line.split())
    forced = celoss(*SCORE, *line.split(), env={"FORCE_COLOR": "1", "COLUMNS": "30", "TERM": "xterm-256color"})
    assert ESCAPE not in forced.out
    assert forced == plain


@pytest.mark.parametrize(
    ("variables", "colored"),
    [
        ({}, False),
        ({"TERM": "xterm-256color"}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": ""}, True),
        ({"FORCE_COLOR": "", "NO_COLOR": ""}, False),
    ],
)
def test_outside_a_terminal_the_table_has_color_only_when_forced(
    variables: dict[str, str], colored: bool, folder: Path, celoss: Command
) -> None:
    ran = celoss(*SCORE, env=variables)
    assert (ESCAPE in ran.out) == colored


def test_color_changes_no_letter_of_the_table(folder: Path, celoss: Command) -> None:
    import re

    colored = celoss(*SCORE, env={"FORCE_COLOR": "1"}).out
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == celoss(*SCORE).out


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_forced_color_on_a_dumb_terminal_cuts_no_digit(term: str, folder: Path, celoss: Command) -> None:
    name = "x" * 40
    (folder / "preds.csv").write_text(PREDS.replace("cat", name))
    (folder / "labels.csv").write_text(LABELS.replace("cat", name))
    forced = celoss(*SCORE, env={"FORCE_COLOR": "1", "TERM": term}).out
    assert "rows   log loss     recall   share of loss" in forced
    assert " 1.039721   0.500000 " in forced


@pytest.mark.parametrize(
    ("columns", "variables", "colored"),
    [
        (80, {"TERM": "xterm"}, True),
        (60, {"TERM": "dumb"}, False),
        (40, {"TERM": "xterm", "NO_COLOR": "1"}, False),
    ],
)
def test_on_a_terminal_the_table_has_its_width_and_color(
    columns: int, variables: dict[str, str], colored: bool, folder: Path
) -> None:
    text = on_a_terminal(columns, variables)
    assert (ESCAPE in text) == colored
    assert ("nats per row" in text) == (columns == 80)
    assert ("95 % interval" in text) == (columns >= 60)
    assert "0.866434" in text


def test_a_terminal_that_does_not_know_its_width_gets_the_full_table(folder: Path) -> None:
    assert "nats per row" in on_a_terminal(0, {"TERM": "dumb"})


def on_a_terminal(columns: int, variables: dict[str, str]) -> str:
    import fcntl
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    try:
        assert process(*SCORE, stdout=slave, env=variables).code == 0
        return os.read(master, 1 << 16).decode().replace("\r\n", "\n")
    finally:
        os.close(slave)
        os.close(master)


@pytest.mark.parametrize(
    "columns",
    [
        *("0", "-5", "wide", "", "1e3"),
        pytest.param("²", id="superscript two"),
    ],
)
def test_a_width_that_is_no_number_counts_as_none(columns: str, folder: Path, celoss: Command) -> None:
    assert celoss(*SCORE, env={"COLUMNS": columns}) == celoss(*SCORE)


RED = f"{ESCAPE}[31m"
RED_PREDS = f"id,{RED}cat,{RED}dog\na,0.5,0.5\nb,0.25,0.75\nc,0.75,0.25\n"
RED_LABELS = f"id,{RED}kind\nb,{RED}dog\na,{RED}cat\nc,{RED}cat\n"


@pytest.mark.parametrize(
    ("preds", "labels", "line"),
    [
        pytest.param(RED_PREDS, RED_LABELS, "", id="class in a table"),
        pytest.param(RED_PREDS, RED_LABELS, "-f markdown", id="class in Markdown"),
        pytest.param(RED_PREDS, RED_LABELS, "-f json", id="class in JSON"),
        pytest.param(RED_PREDS.replace("id", f"{RED}id"), RED_LABELS.replace("id", f"{RED}id"), "", id="key"),
        pytest.param(
            RED_PREDS.replace("id", f"{RED}id"), RED_LABELS.replace("id", f"{RED}id"), "-f markdown", id="key in Markdown"
        ),
        pytest.param(RED_PREDS, RED_LABELS.replace("cat", "cow", 1), "", id="label"),
        pytest.param(RED_PREDS, RED_LABELS.replace("a,", f"{RED}a,", 1), "", id="id"),
        pytest.param(RED_PREDS.replace("a,0.5,", f"a,{RED},"), RED_LABELS, "", id="cell"),
        pytest.param(RED_PREDS.replace("a,0.5,", "a,1.5,"), RED_LABELS, "", id="column"),
        pytest.param(RED_PREDS, RED_LABELS, f"{RED}", id="argument too many"),
        pytest.param(RED_PREDS, RED_LABELS, f"--{RED}", id="unknown option"),
        pytest.param(RED_PREDS, RED_LABELS, f"--only {RED}", id="--only"),
        pytest.param(RED_PREDS, RED_LABELS, f"--id {RED}", id="--id"),
        pytest.param(RED_PREDS, RED_LABELS, f"--classes 0={RED}", id="--classes"),
        pytest.param(RED_PREDS, RED_LABELS, f"--input-format {RED}", id="--input-format"),
        pytest.param(RED_PREDS, RED_LABELS, f"-o {RED}.txt", id="-o"),
        pytest.param(RED_PREDS, RED_LABELS, f"-o {RED}/a.csv", id="-o into a folder"),
        pytest.param(RED_PREDS, RED_LABELS, f"--rows {RED}.txt", id="--rows"),
        pytest.param(RED_PREDS, RED_LABELS, f"--id {RED}id", id="help of --id"),
        pytest.param(RED_PREDS, f"id,{RED}x,{RED}y\na,1,2\nb,2,2\nc,3,1\n", "", id="help of --label"),
        pytest.param(f"id,{RED}p,{RED}q\na,0.5,0.25\nb,0.25,0.5\n", "id,y\na,1\nb,0\n", "", id="help of --pred"),
        pytest.param(f"id,{RED}x\na,0.5\nb,0.25\n", f"id,y\na,{RED}won\nb,lost\n", "", id="help of --positive"),
    ],
)
def test_no_name_or_value_can_send_an_escape_sequence_to_a_terminal(
    preds: str, labels: str, line: str, folder: Path, celoss: Command
) -> None:
    (folder / "preds.csv").write_text(preds)
    (folder / "labels.csv").write_text(labels)
    ran = celoss(*SCORE, *line.split())
    assert ESCAPE not in ran.out + ran.err


def test_the_findings_of_check_send_no_escape_sequence(folder: Path, celoss: Command) -> None:
    (folder / "preds.csv").write_text(f"id,{RED}prob\na,0.5\nb,0.25\n")
    (folder / "labels.csv").write_text("id,y\nb,0\na,1\n")
    ran = celoss("check", "preds.csv", "labels.csv")
    assert ran.code == 0
    assert ESCAPE not in ran.out


# --- options that say what to print ---------------------------------------------------------------------------------------


def test_json_is_short_for_format_json(folder: Path, celoss: Command) -> None:
    assert celoss(*SCORE, "--json") == celoss(*SCORE, "-f", "json")


def test_the_environment_can_name_the_format_and_an_option_wins_over_it(folder: Path, celoss: Command) -> None:
    assert celoss(*SCORE, env={"CELOSS_FORMAT": "csv"}) == celoss(*SCORE, "-f", "csv")
    assert celoss(*SCORE, "-f", "markdown", env={"CELOSS_FORMAT": "csv"}) == celoss(*SCORE, "-f", "markdown")
    assert celoss(*SCORE, env={"CELOSS_FORMAT": ""}) == celoss(*SCORE)
    ran = celoss(*SCORE, env={"CELOSS_FORMAT": "xml"})
    assert (ran.code, ran.out) == (2, "")
    assert "xml" in ran.err


@pytest.mark.parametrize(
    ("line", "variables"),
    [
        ("-f json", {}),
        ("-f jsonl", {}),
        ("--format json", {}),
        ("--format=json", {}),
        pytest.param("--format=jsonl", {}),
        ("-fjson", {}),
        pytest.param("-qf json", {}),
        ("--json", {}),
        ("", {"CELOSS_FORMAT": "json"}),
    ],
)
def test_who_asks_for_json_gets_errors_as_json_too(line: str, variables: dict[str, str], folder: Path, celoss: Command) -> None:
    (folder / "preds.csv").write_text(BAD_PREDS)
    ran = celoss(*SCORE, *line.split(), env=variables)
    assert (ran.code, ran.out) == (3, "")
    error = json.loads(ran.err)["error"]
    assert error["code"] == "E501"
    assert error["places"] == [{"file": "preds.csv", "line": 5, "column": "dog", "value": "oops"}]


def test_who_asks_for_another_format_gets_errors_as_text_whatever_the_environment_says(folder: Path, celoss: Command) -> None:
    (folder / "preds.csv").write_text(BAD_PREDS)
    assert celoss(*SCORE, "-f", "csv", env={"CELOSS_FORMAT": "json"}).err.startswith("error[E501]: ")


def test_json_lines_is_the_json_document_on_one_line(folder: Path, celoss: Command) -> None:
    line = celoss(*SCORE, "-f", "jsonl").out
    assert line.count("\n") == 1
    assert json.loads(line) == json.loads(celoss(*SCORE, "-f", "json").out)


def test_every_error_under_json_is_json(folder: Path, celoss: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(celoss("eval", "-f", "json").err)["error"]
    monkeypatch.setattr("celoss.pipeline.evaluate", fail)
    assert json.loads(celoss(*SCORE, "-f", "json").err)["error"]["code"] == "E900"


@pytest.mark.parametrize(
    "metric",
    list(json.loads((files("celoss_cli") / "schema" / "eval.json").read_text("utf-8"))["$defs"]["metrics"]["required"]),
)
def test_only_prints_one_bare_number_with_all_its_digits(metric: str, folder: Path, celoss: Command) -> None:
    expected = library.evaluate("preds.csv", "labels.csv").metrics[metric]
    ran = celoss(*SCORE, "--only", metric)
    assert (ran.code, ran.out, ran.err) == (0, f"{expected!r}\n", "")
    assert float(ran.out) == expected


def test_only_prints_null_for_what_is_undefined_and_inf_for_what_is_infinite(folder: Path, celoss: Command) -> None:
    (folder / "labels.csv").write_text("id,animal\na,cat\nb,cat\nc,cat\nd,cat\n")
    assert celoss(*SCORE, "--only", "skill").out == "null\n"
    (folder / "preds.csv").write_text(CLIPPED_PREDS)
    assert celoss(*SCORE, "--only", "log_loss", "--eps", "0").out == "inf\n"


@pytest.mark.parametrize("name", ["eval", "compare", "explain", "check", "plan", "error"])
def test_schema_prints_the_file_that_is_shipped(name: str, celoss: Command) -> None:
    assert celoss("schema", name).out == (files("celoss_cli") / "schema" / f"{name}.json").read_text("utf-8")


def test_schema_alone_is_the_schema_of_eval(celoss: Command) -> None:
    assert celoss("schema") == celoss("schema", "eval")


def test_check_says_what_eval_finds_and_then_that_all_rows_are_good(folder: Path, celoss: Command) -> None:
    ran = celoss("check", "preds.csv", "labels.csv")
    findings = library.evaluate("preds.csv", "labels.csv").plan.findings
    assert ran.out.splitlines() == [*map(str, findings), "rows: 4 (all read, no fault)"]


# --- standard input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [(("-", "labels.csv"), PREDS), (("preds.csv", "-"), LABELS), (("-",), PREDS.replace("id", "cat_id"))],
)
def test_a_dash_is_standard_input(arguments: tuple[str, ...], stdin: str, folder: Path, celoss: Command) -> None:
    if len(arguments) == 1:
        stdin = "animal,cat,dog,owl\ncat,0.5,0.25,0.25\ndog,0.25,0.5,0.25\ncat,0.25,0.5,0.25\nowl,0.25,0.25,0.5\n"
    ran = celoss("eval", *arguments, "--label", "animal", "--only", "brier", stdin=stdin.encode())
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == celoss(*SCORE, "--only", "brier").out


def test_a_pipe_is_read_like_a_file(folder: Path) -> None:
    with open("preds.csv", "rb") as stdin:
        ran = process("eval", "-", "labels.csv", "--only", "accuracy", stdin=stdin)
    assert (ran.code, ran.out, ran.err) == (0, "0.75\n", "")


def test_both_inputs_cannot_be_standard_input(folder: Path, celoss: Command) -> None:
    ran = celoss("eval", "-", "-", stdin=PREDS.encode())
    assert ran.code in (2, 3)
    assert ran.out == ""
    assert ran.err.startswith("error[E106]: both inputs are standard input\n")
    assert ran.err.endswith("  = help: only one of them can be '-'; write the other to a file\n")


def test_a_standard_input_that_is_closed_is_an_error_of_the_data(folder: Path) -> None:
    line = f"{sys.executable} -m celoss_cli eval - labels.csv <&-"
    ran = subprocess.run(["bash", "-c", line], env=environment(), capture_output=True, timeout=30)
    assert ran.returncode == 3
    assert b"E900" not in ran.stderr


# --- files ----------------------------------------------------------------------------------------------------------------

FORMS = {"out.json": "json", "out.jsonl": "jsonl", "out.csv": "csv", "out.md": "markdown"}


def test_several_output_files_hold_what_their_formats_print(folder: Path, celoss: Command) -> None:
    options = [word for name in FORMS for word in ("-o", name)]
    ran = celoss(*SCORE, *options)
    assert (ran.code, ran.out, ran.err) == (0, celoss(*SCORE).out, "")
    assert leftovers(folder) == sorted(FORMS)
    for name, form in FORMS.items():
        assert (folder / name).read_bytes().decode() == celoss(*SCORE, "-f", form).out


def test_the_extension_counts_in_any_case(folder: Path, celoss: Command) -> None:
    assert celoss(*SCORE, "-o", "OUT.JSON").code == 0
    assert json.loads((folder / "OUT.JSON").read_text())["task"] == "multiclass"


@pytest.mark.parametrize("extra", [(), ("--rows", "rows.csv"), ("-o", "no/b.json"), ("-o", "b.xls")])
def test_after_an_error_an_existing_file_is_as_it_was_and_no_other_is_there(
    extra: tuple[str, ...], folder: Path, celoss: Command
) -> None:
    (folder / "preds.csv").write_text(BAD_PREDS)
    (folder / "out.json").write_text("kept")
    ran = celoss(*SCORE, "-o", "out.json", "-o", "new.md", *extra)
    assert ran.code in (2, 3)
    assert (folder / "out.json").read_text() == "kept"
    assert leftovers(folder) == ["out.json"]


def test_a_file_that_cannot_be_finished_leaves_none(folder: Path, celoss: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("celoss_cli.render.markdown.render", fail)
    (folder / "a.json").write_text("kept")
    ran = celoss(*SCORE, "-o", "a.json", "-o", "b.md")
    assert (ran.code, ran.out) == (4, "")
    assert (folder / "a.json").read_text() == "kept"
    assert leftovers(folder) == ["a.json"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_have_the_mode_that_the_umask_says(umask: int, mode: int, folder: Path, celoss: Command) -> None:
    before = os.umask(umask)
    try:
        celoss(*SCORE, "-o", "out.json", "--rows", "rows.csv")
    finally:
        os.umask(before)
    assert [(folder / name).stat().st_mode & 0o777 for name in ("out.json", "rows.csv")] == [mode, mode]


def test_a_link_stays_a_link_and_its_target_is_written(folder: Path, celoss: Command) -> None:
    (folder / "real.json").write_text("old")
    (folder / "link.json").symlink_to("real.json")
    assert celoss(*SCORE, "-o", "link.json").code == 0
    assert (folder / "link.json").is_symlink()
    assert (folder / "real.json").read_text() == celoss(*SCORE, "-f", "json").out


def test_a_named_pipe_is_written_to_and_not_replaced(folder: Path, celoss: Command) -> None:
    os.mkfifo("pipe.json")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(Path("pipe.json").read_text()), daemon=True)
    reader.start()
    assert celoss(*SCORE, "-o", "pipe.json").code == 0
    reader.join(10)
    assert read == [celoss(*SCORE, "-f", "json").out]
    assert (folder / "pipe.json").is_fifo()


def test_a_link_to_standard_output_is_written_to_directly(folder: Path) -> None:
    (folder / "out.csv").symlink_to("/dev/stdout")
    ran = process(*SCORE, "-q", "-o", "out.csv")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("scope,class,metric,")


def test_standard_output_as_a_file_needs_a_name_that_says_the_format(folder: Path, celoss: Command) -> None:
    ran = celoss(*SCORE, "-o", "/dev/stdout")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "error[E701]: don't know how to write '/dev/stdout'\n"
        "  --> option -o /dev/stdout\n"
        "  = help: use one of .json .jsonl .csv .md\n"
    )


@pytest.mark.parametrize(
    ("option", "path", "reason"),
    [
        ("-o", "no/out.json", "the folder 'no' does not exist"),
        ("-o", "preds.csv/out.json", "the folder 'preds.csv' does not exist"),
        ("-o", "folder.json", "it is a directory"),
        ("--rows", "no/rows.csv", "the folder 'no' does not exist"),
        ("--rows", "folder.csv", "it is a directory"),
    ],
)
def test_a_place_that_cannot_be_written_is_found_before_any_row_is_read(
    option: str, path: str, reason: str, folder: Path, celoss: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("celoss.align.by_key", fail)
    monkeypatch.setattr("celoss.align.in_order", fail)
    (folder / "folder.json").mkdir()
    (folder / "folder.csv").mkdir()
    ran = celoss(*SCORE, option, path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error[E702]: cannot write '{path}': {reason}\n  --> option {option} {path}\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission_is_found_before_scoring(folder: Path, celoss: Command) -> None:
    (folder / "locked").mkdir(mode=0o500)
    ran = celoss(*SCORE, "-o", "locked/out.json")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error[E702]: cannot write 'locked/out.json': Permission denied\n")


def test_a_file_name_that_is_no_text_can_be_read_and_reported(folder: Path) -> None:
    name = b"pr\xe9ds.csv"
    Path(os.fsdecode(name)).write_text(PREDS)
    ran = process("eval", os.fsdecode(name), "labels.csv", "-q", "-o", "out.json")
    assert (ran.code, ran.err) == (0, "")
    assert json.loads((folder / "out.json").read_bytes())["inputs"]["predictions"]["path"] == os.fsdecode(name)


# --- help and version -----------------------------------------------------------------------------------------------------


def test_the_version_is_that_of_the_library(celoss: Command) -> None:
    assert celoss("--version") == Ran(0, f"celoss {library.__version__}\n", "")


def test_the_module_is_the_command() -> None:
    assert process("--version") == Ran(0, f"celoss {library.__version__}\n", "")


@pytest.mark.parametrize("arguments", [(), ("eval",), ("check",), ("schema",)])
def test_help_is_there_on_every_command_in_both_spellings(arguments: tuple[str, ...], celoss: Command) -> None:
    ran = celoss(*arguments, "-h")
    assert ran.code == 0
    assert ran.out.startswith(f"Usage: {' '.join(['celoss', *arguments])} ")
    assert ran == celoss(*arguments, "--help")


# --- outputs that would destroy something -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "eval preds.csv labels.csv -o preds.csv",
        "eval preds.csv labels.csv --rows labels.csv",
        "eval preds.csv labels.csv --rows ./preds.csv",
        "eval preds.csv labels.csv -o a.csv --rows a.csv",
        "eval preds.csv labels.csv -o a.csv -o a.csv",
    ],
)
def test_an_output_never_overwrites_an_input_or_another_output(line: str, folder: Path, celoss: Callable[..., Ran]) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    ran = celoss(*line.split())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error[E705]: cannot write '")
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_a_wrong_command_line_is_json_where_json_is_asked_for(folder: Path, celoss: Callable[..., Ran]) -> None:
    ran = celoss("eval", "preds.csv", "labels.csv", "--bogus", "-f", "json")
    error = json.loads(ran.err)["error"]
    assert (ran.code, error["code"]) == (2, "E600")
    assert "--bogus" in error["message"]


def test_rows_matched_by_position_beside_unused_ids_are_noted(folder: Path, celoss: Callable[..., Ran]) -> None:
    (folder / "p.csv").write_text("case,p\na,0.5\nb,0.25\n")
    (folder / "y.csv").write_text("label\n1\n0\n")
    ran = celoss("eval", "p.csv", "y.csv", "--only", "accuracy")
    assert ran.err == (
        'note[N6]: rows are matched by position; "case" of p.csv could tell them apart but is not used\n'
        "  = help: if the order is the same in both: --id '#'\n"
    )
    assert celoss("eval", "p.csv", "y.csv", "--only", "accuracy", "--id", "#").err == ""


def test_lists_of_columns_may_be_repeated(folder: Path, celoss: Callable[..., Ran]) -> None:
    (folder / "p.csv").write_text('id,"a,b",c,x\n1,0.5,0.5,9\n2,0.25,0.75,9\n')
    (folder / "y.csv").write_text("id,label\n1,0\n2,1\n")
    options = ("--pred", '"a,b"', "--pred", "c", "--classes", '"0=a,b"', "--classes", "1=c", "--only", "accuracy")
    ran = celoss("eval", "p.csv", "y.csv", *options)
    assert (ran.code, ran.err, float(ran.out)) == (0, "", 0.75)
