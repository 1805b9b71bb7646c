"""Files with random damage, numbered: `python -m tests.fuzz.mutations FIRST LAST` reads those and says what should not be."""

from __future__ import annotations

import random
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

from tests.fuzz.readers import TOKENS, WAYS, Attempts, seeds


def damaged(number: int, files: list[bytes]) -> tuple[int, bytes]:
    """The way and the bytes of an input; the same for the same number."""
    chance = random.Random(number)
    data = bytearray(chance.choice(files))
    for _ in range(chance.choice([1, 1, 2, 4, 8])):
        at = chance.randrange(len(data) + 1)
        length = chance.choice([1, 2, 4, 8, len(data) // 4])
        match chance.randrange(7):
            case 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                data[at:at] = chance.choice(TOKENS)
            case 2:
                del data[at : at + length]
            case 3:
                data[at : at + length] = data[(start := chance.randrange(len(data) + 1)) : start + length]
            case 4:
                data[at:at] = data[at : at + length]
            case 5 if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
            case 6:
                data[at : at + 4] = chance.choice([0, 1, 2**31 - 1, 2**32 - 1, 2**16]).to_bytes(4, "little")
    return chance.choice([chance.randrange(len(WAYS)), chance.randrange(256)]), bytes(data)


def main() -> None:
    """Reads the inputs; ends with 1, and the place that raised, for what is neither a table nor an answer to a bad one."""
    first, last = map(int, sys.argv[1:])
    warnings.simplefilter("error")
    files = list(seeds().values())
    faults = 0
    with tempfile.TemporaryDirectory(prefix="celoss-fuzz-") as folder:
        attempts = Attempts(Path(folder))
        for number in range(first, last):
            way, data = damaged(number, files)
            try:
                attempts.attempt(way, data)
            except Exception as error:
                faults += 1
                sys.stderr.write(f"input {number}: {''.join(traceback.format_exception(error)[-4:])}\n")
            # A native fault leaves nothing else behind.
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
