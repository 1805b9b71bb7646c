"""The zoo: bad and odd inputs, by kind, each with what must come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.zoo import cells, files, ids, names, typed
from tests.zoo.case import Case

TABLES: Mapping[str, Sequence[Case]] = {
    "cells": cells.CASES,
    "names": names.CASES,
    "files": files.CASES,
    "ids": ids.CASES,
    "typed": typed.CASES,
}
