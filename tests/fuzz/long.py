"""The fuzzing of tables for as long as you like: `python -m tests.fuzz.long --minutes 30 --findings FOLDER` in the repository.

Draws on where the short run of the suite ends. Each way in which a property fails is reduced once, kept in the folder with
its tables, and the run goes on.
"""

from __future__ import annotations

import argparse
import functools
import re
import sys
import time
import traceback
import warnings
from pathlib import Path

from hypothesis import Phase, given, seed, settings

from tests.fuzz.properties import PROPERTIES
from tests.fuzz.test_tables import LOAD

LIMITS = settings(
    max_examples=200,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    report_multiple_bugs=False,
    suppress_health_check=LOAD,
)


def main() -> None:
    """Draws tables until the time is over."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--findings", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=PROPERTIES)
    given = parser.parse_args()
    given.findings.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("error")
    end = time.monotonic() + given.minutes * 60
    counts = dict.fromkeys([given.only] if given.only else PROPERTIES, 0)
    known: set[str] = set()
    number = given.seed
    while time.monotonic() < end:
        for name in counts:
            counts[name] += draw(name, number, known, given.findings)
        number += 1
        sys.stdout.write(f"seeds {given.seed} to {number - 1}: {counts}; findings: {len(known)}\n")
        sys.stdout.flush()


def draw(name: str, number: int, known: set[str], findings: Path) -> int:
    """Draws examples of one property; how many were drawn. A failure that is known already is none."""
    check, strategies = PROPERTIES[name]
    drawn = 0
    failed = False

    @functools.wraps(check)
    def tolerant(*arguments: object, **named: object) -> None:
        nonlocal drawn, failed
        drawn += 1
        try:
            check(*arguments, **named)
        except Exception as error:
            if signature(name, error) not in known:
                failed = True
                raise

    try:
        seed(number)(LIMITS(given(*strategies)(tolerant)))()
    except Exception as error:
        if not failed:
            raise
        kept = findings / f"{re.sub('[^A-Za-z0-9]+', '-', signature(name, error))[:140]}.txt"
        kept.write_text("".join(traceback.format_exception(error)), errors="backslashreplace")
        known.add(signature(name, error))
    return drawn


def signature(name: str, error: Exception) -> str:
    """What tells failures apart: the property, the place in celoss, or what the assertion says of the outcome."""
    text = f"{error}\n{''.join(traceback.format_exception(error))}"
    places = re.findall(r'celoss(?:_cli)?/([\w/]+\.py)", line (\d+)', text)
    ours = [place for place in places if place[0] not in ("main.py",)]
    if ours:
        return f"{name} {type(error).__name__} {ours[-1]}"
    codes = sorted(set(re.findall(r"'(E\d{3}|metrics)'", str(error))))
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if "properties" in frame.filename]
    return f"{name} {type(error).__name__} line {lines[-1:]} {codes}"


if __name__ == "__main__":
    main()
