"""The command's own text, as files: tests/golden/<case>/ holds cmd, what it reads, and stdout, stderr and code.

`cmd` is one line: variables, `celoss`, arguments, and maybe `< FILE`. After a change of layout run
`pytest tests/test_golden.py --update-golden` and read the difference.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import celoss as library
from tests.conftest import Ran, process, twelve_digits

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())
EXPECTED = ("stdout", "stderr", "code")
VERSION = "X.Y.Z"
# Through a real process too.
REAL = ("table", "json", "compare-json", "note-absent-class", "error-bad-cell")


def command_of(case: str) -> tuple[dict[str, str], list[str], str | None]:
    """Variables, arguments and the file on standard input."""
    line = (GOLDEN / case / "cmd").read_text("utf-8")
    assert line.count("\n") == 1, "cmd holds one line"
    words = shlex.split(line)
    at = words.index("celoss")
    arguments, stdin = words[at + 1 :], None
    if "<" in arguments:
        *arguments, _, stdin = arguments
    return dict(word.split("=", 1) for word in words[:at]), arguments, stdin


def prepare(case: str, sample: Path) -> None:
    for file in (GOLDEN / case).iterdir():
        if file.name not in ("cmd", *EXPECTED):
            shutil.copy(file, sample)


@pytest.mark.parametrize("case", CASES)
def test_the_command_prints_what_it_printed_before(
    case: str,
    sample: Path,
    celoss: Callable[..., Ran],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    # The version stands in the signature, whose length decides where a narrow table breaks it.
    monkeypatch.setattr("celoss.report.__version__", VERSION)
    prepare(case, sample)
    variables, arguments, stdin = command_of(case)
    ran = celoss(*arguments, stdin=Path(stdin).read_bytes() if stdin else b"", env=variables)
    found = {"stdout": ran.out, "stderr": ran.err, "code": f"{ran.code}\n"}
    if request.config.getoption("--update-golden"):
        for name, text in found.items():
            (GOLDEN / case / name).write_text(text, "utf-8", newline="\n")
    missing = [name for name in EXPECTED if not (GOLDEN / case / name).exists()]
    assert not missing, "a new case: write its files with --update-golden, then read them"
    expected = {name: (GOLDEN / case / name).read_bytes().decode("utf-8") for name in EXPECTED}
    assert {name: twelve_digits(text) for name, text in found.items()} == {
        name: twelve_digits(text) for name, text in expected.items()
    }


@pytest.mark.parametrize("case", REAL)
def test_a_process_of_its_own_prints_the_same(case: str, sample: Path) -> None:
    prepare(case, sample)
    variables, arguments, _ = command_of(case)
    ran = process(*arguments, env=variables)
    out = ran.out.replace(f"v:{library.__version__}", f"v:{VERSION}")
    out = out.replace(f'"celoss_version": "{library.__version__}"', f'"celoss_version": "{VERSION}"')
    assert twelve_digits(out) == twelve_digits((GOLDEN / case / "stdout").read_text("utf-8"))
    assert ran.err == (GOLDEN / case / "stderr").read_text("utf-8")
    assert f"{ran.code}\n" == (GOLDEN / case / "code").read_text("utf-8")


def test_no_golden_file_depends_on_the_version() -> None:
    texts = [file.read_text("utf-8") for case in CASES for file in (GOLDEN / case).iterdir() if file.name in EXPECTED]
    assert not any(f"v:{library.__version__}" in text for text in texts)
