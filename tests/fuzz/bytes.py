"""Atheris on the bytes of every reader: `python -m tests.fuzz.bytes --minutes 30 --findings FOLDER` in the repository.

Needs `pip install atheris`, which is in no extra: its wheels cover few versions of Python. What celoss should not have
raised is kept once for each place that raised it, and the run goes on; when the process itself ends (a fault in a library
below), its input is kept as `ended-N.bin` and it is started again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import traceback
import warnings
from pathlib import Path


def main() -> None:
    """Starts the fuzzer until the time is over."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--findings", type=Path, required=True)
    parser.add_argument("--seconds", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.findings.mkdir(parents=True, exist_ok=True)
    if given.seconds is not None:
        fuzz(given.findings, given.seconds)
        return
    end = time.monotonic() + given.minutes * 60
    starts = 0
    while (left := int(end - time.monotonic())) > 0:
        starts += 1
        command = [sys.executable, "-m", __spec__.name, "--findings", str(given.findings), "--seconds", str(left)]
        status = subprocess.run(command).returncode
        # 1 is this program's own failure, not one of what it runs.
        if status == 1:
            sys.exit(1)
        if status:
            (given.findings / "last").rename(given.findings / f"ended-{starts}.bin")
    sys.stdout.write(f"{starts} starts; findings: {sorted(one.name for one in given.findings.glob('*-*.*'))}\n")


def fuzz(findings: Path, seconds: int) -> None:
    """One process of the fuzzer."""
    import atheris

    with atheris.instrument_imports(include=["celoss"]):
        import celoss.explaining  # noqa: F401
        from tests.fuzz.readers import TOKENS, WAYS, Attempts, seeds

    warnings.simplefilter("error")
    corpus = findings / "corpus"
    corpus.mkdir(exist_ok=True)
    for name, data in seeds().items():
        for way, use in enumerate(WAYS):
            (corpus / f"{name}-{use}").write_bytes(bytes([way]) + data)
    tokens = findings / "tokens.txt"
    tokens.write_text("".join(f'"{_escaped(token)}"\n' for token in TOKENS if len(token) <= 64))
    (findings / "files").mkdir(exist_ok=True)
    attempts = Attempts(findings / "files")

    def one_input(data: bytes) -> None:
        if not data:
            return
        (findings / "last").write_bytes(data)
        try:
            attempts.attempt(data[0], data[1:])
        except Exception as error:
            keep(findings, data, error)

    options = [f"-max_total_time={seconds}", "-timeout=30", "-rss_limit_mb=4000", "-max_len=8192", "-print_final_stats=1"]
    options += [f"-dict={tokens}", f"-artifact_prefix={findings}/native-", "-reload=0", str(corpus)]
    atheris.Setup([sys.argv[0], *options], one_input)
    atheris.Fuzz()


def _escaped(token: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in token)


def keep(findings: Path, data: bytes, error: Exception) -> None:
    """Keeps the shortest input for each place that raises."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/celoss/" in frame.filename] or frames
    name = f"{type(error).__name__}-{Path(ours[-1].filename).stem}-{ours[-1].lineno}"
    kept = findings / f"{name}.bin"
    if not kept.exists() or len(data) < kept.stat().st_size:
        kept.write_bytes(data)
        (findings / f"{name}.txt").write_text("".join(traceback.format_exception(error)), errors="backslashreplace")


if __name__ == "__main__":
    main()
