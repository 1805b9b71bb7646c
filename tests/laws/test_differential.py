"""Good tables of every task, scale and format score what mpmath says at 50 digits, written from docs/forms.md."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mpmath import mpf

from tests.conftest import Ran

TASKS = ("one", "two", "multiclass", "soft", "multilabel")
SCALES = ("probs", "probs", "logits", "logprobs")
DRAWS = 3
NAMES = (
    ("ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay", "koi", "lynx"),
    tuple(map(str, range(12))),
    ("Ä b", "a b", "A", "a", "x,y", 'say "z"', "ﬁ", "no way", "naïve", "猫", "d;e", "f|g"),
)


@dataclass
class Case:
    """One drawn table. values, targets: (rows, columns) as doubles; names: of the columns, in their order in no file."""

    task: str
    scale: str
    names: list[str]
    values: list[list[float]]
    targets: list[list[float]]
    weights: list[float] | None
    ids: list[str] | None
    notes: list[str]
    base: str
    eps: float | None
    together: bool
    chance: random.Random = field(repr=False)

    @property
    def hard(self) -> bool:
        return self.task in ("one", "two", "multiclass")

    @property
    def classes(self) -> list[str]:
        return ["no", "yes"] if self.task == "one" else self.names

    @property
    def floor(self) -> float:
        return (2.0**-52 if self.scale == "probs" else 0.0) if self.eps is None else self.eps

    def options(self) -> list[str]:
        given = ["--base", self.base]
        given += ["--from", self.scale] if self.scale != "probs" or self.chance.random() < 0.5 else []
        given += ["--eps", repr(self.eps)] if self.eps is not None else []
        given += ["--weights", "weight"] if self.weights else []
        given += ["--task", self.task] if self.task in ("soft", "multilabel") else []
        # Among logits no sum tells which columns are classes that no label names.
        given += ["--pred", line_of(self.names)] if self.scale != "probs" else []
        return given + (["--positive", "yes"] if self.task == "one" else [])


def line_of(names: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(names)
    return text.getvalue()


def drawn(number: int) -> Case:
    """The case of a number: each task on each scale, then the same again with other numbers."""
    chance = random.Random(number)
    task, scale = TASKS[number % len(TASKS)], SCALES[number // len(TASKS) % len(SCALES)]
    k = {"one": 1, "two": 2}.get(task) or chance.randint(3 if task == "multiclass" else 2, 12)
    rows = chance.choice([1, 2, 5, 17, 30])
    row = {"one": each_row, "multilabel": each_row}.get(task, whole_row)
    values = [row(chance, scale, k) for _ in range(rows)]
    names = chance.sample(chance.choice(NAMES), k) if task != "one" else ["score"]
    weights = (
        [chance.choice([1.0, 0.5, 3.0, 1e-3, 0.0, chance.random()]) for _ in range(rows)] if chance.random() < 0.5 else None
    )
    return Case(
        task,
        scale,
        names,
        values,
        [target_row(chance, task, max(k, 2)) for _ in range(rows)],
        weights if weights and any(weights) else None,
        chance.sample([f"r{one:03}" for one in range(100)], rows) if chance.random() < 0.8 else None,
        [chance.choice(["", "a,b", "c;d", 'say "no"', "é\u00a0x", "line\nbreak"]) for _ in range(rows)],
        chance.choice(["e", "e", "2", "10"]),
        chance.choice([None, None, 0.0, 1e-3, 1e-15]),
        task in ("one", "two", "multiclass") and chance.random() < 0.3,
        chance,
    )


def whole_row(chance: random.Random, scale: str, k: int) -> list[float]:
    """Values of classes that exclude each other: also ties, certainty, and the smallest numbers that files hold."""
    if scale == "logits":
        spread = chance.choice([1.0, 10.0, 1000.0])
        return [chance.choice([0.0, 2.0, chance.gauss(0, spread), chance.gauss(0, spread)]) for _ in range(k)]
    way = chance.randrange(5)
    parts = [chance.random() for _ in range(k)]
    if way == 1:
        parts = [float(chance.randrange(3)) for _ in range(k - 1)] + [1.0]
    elif way == 2:
        parts = [1.0] + [chance.choice([0.0, 1e-300, 1e-18]) for _ in range(k - 1)]
    elif way == 3:
        parts = [1.0] * k
    shares = [one / math.fsum(parts) for one in parts]
    if way == 4:
        # Three printed decimals, which sum to exactly 1.
        counts = [int(one * 1000) for one in shares]
        shares = [one / 1000 for one in [*counts[:-1], 1000 - sum(counts[:-1])]]
    chance.shuffle(shares)
    return shares if scale == "probs" else [math.log(one) if one else -1000.0 for one in shares]


def each_row(chance: random.Random, scale: str, k: int) -> list[float]:
    """Values that each stand for themselves."""
    ways = {
        "probs": lambda: chance.choice([0.0, 1.0, 0.5, 1e-300, 1.0 - 2.0**-53, chance.random(), chance.random()]),
        "logits": lambda: chance.choice([0.0, 800.0, -800.0, chance.gauss(0, 1), chance.gauss(0, 20)]),
        "logprobs": lambda: chance.choice([0.0, -1e-300, -1000.0, math.log(chance.random())]),
    }
    return [ways[scale]() for _ in range(k)]


def target_row(chance: random.Random, task: str, k: int) -> list[float]:
    if task == "multilabel":
        return [float(chance.randrange(2)) for _ in range(k)]
    if task == "soft":
        parts = [chance.choice([0.0, 1.0, chance.random()]) for _ in range(k - 1)] + [1.0]
        return [one / math.fsum(parts) for one in chance.sample(parts, k)]
    true = chance.randrange(k)
    return [float(index == true) for index in range(k)]


# --- the formulas -----------------------------------------------------------------------------------------------------------


def pair_of(value: float, scale: str) -> tuple[list[mpf], list[mpf]]:
    """[1 - p, p] and their [-ln(1 - p), -ln p] of one number."""
    x = mpf(value)
    if scale == "logits":
        return [1 / (1 + mpmath.exp(x)), 1 / (1 + mpmath.exp(-x))], [softplus(x), softplus(-x)]
    p = mpmath.exp(x) if scale == "logprobs" else x
    other = -mpmath.log1p(-p) if p < 1 else mpf("inf")
    # 1 - exp(x) near x = 0 is -expm1(x).
    rest = -mpmath.expm1(x) if scale == "logprobs" else 1 - p
    if scale == "logprobs":
        other = -mpmath.log(rest) if rest else mpf("inf")
        other = -mpmath.log1p(-p) if p < mpf("0.5") else other
    return [rest, p], [other, minus_log(p) if scale == "probs" else -x]


def softplus(x: mpf) -> mpf:
    """ln(1 + exp(x)), also where exp(x) is smaller than 50 digits show beside 1."""
    return mpmath.log1p(mpmath.exp(x)) if x < 0 else x + mpmath.log1p(mpmath.exp(-x))


def minus_log(p: mpf) -> mpf:
    return -mpmath.log(p) if p else mpf("inf")


def distribution_of(values: Sequence[float], scale: str) -> tuple[list[mpf], list[mpf]]:
    """Probabilities of classes that exclude each other, and their -ln."""
    x = list(map(mpf, values))
    if scale == "probs":
        return x, list(map(minus_log, x))
    if scale == "logprobs":
        return list(map(mpmath.exp, x)), [-one for one in x]
    top = x.index(max(x))
    rest = mpmath.fsum(mpmath.exp(one - x[top]) for index, one in enumerate(x) if index != top)
    losses = [x[top] - one + mpmath.log1p(rest) for one in x]
    return [mpmath.exp(-loss) for loss in losses], losses


def entropy(shares: Sequence[mpf]) -> mpf:
    return -mpmath.fsum(one * mpmath.log(one) for one in shares if one)


def near_half(value: float, scale: str) -> bool:
    return value == {"probs": 0.5, "logits": 0.0, "logprobs": None}[scale]


@dataclass
class Row:
    """What one row is worth, in nats. class_losses: what each class adds; credits: of each label by itself."""

    loss: mpf
    entropy: mpf
    correct: Fraction
    brier: mpf
    class_losses: list[mpf]
    credits: list[Fraction]


def row_of(case: Case, values: Sequence[float], targets: Sequence[float]) -> Row:
    t = list(map(mpf, targets))
    largest = minus_log(mpf(case.floor))
    if case.task == "multilabel":
        k = len(t)
        pairs = [pair_of(value, case.scale) for value in values]
        losses = [min(nats[int(one)], largest) for (_, nats), one in zip(pairs, targets, strict=True)]
        credits = [
            Fraction(1, 2) if near_half(value, case.scale) else Fraction((p > mpf("0.5")) == (one > 0))
            for value, ((_, p), _), one in zip(values, pairs, targets, strict=True)
        ]
        brier = mpmath.fsum((p - one) ** 2 for ((_, p), _), one in zip(pairs, t, strict=True))
        return Row(mpmath.fsum(losses) / k, mpf(0), sum(credits) / k, brier, losses, credits)
    p, nats = pair_of(values[0], case.scale) if case.task == "one" else distribution_of(values, case.scale)
    compared = p if case.task == "one" else values
    if case.task == "one" and near_half(values[0], case.scale):
        compared = [0.5, 0.5]
    losses = [share * min(loss, largest) if share else mpf(0) for share, loss in zip(t, nats, strict=True)]
    top = [index for index, one in enumerate(compared) if one == max(compared)]
    likely = [index for index, one in enumerate(targets) if one == max(targets)]
    correct = Fraction(len(set(top) & set(likely)), len(top) * len(likely))
    brier = mpmath.fsum((one - share) ** 2 for one, share in zip(p, t, strict=True))
    return Row(mpmath.fsum(losses), entropy(t), correct, brier, losses, [])


def unit_of(case: Case) -> mpf:
    return mpf(1) if case.base == "e" else mpmath.log(int(case.base))


def expected(case: Case) -> tuple[list[Row], dict[str, mpf | None], dict[str, dict[str, mpf | None]]]:
    """The rows, the metrics, and the table by class."""
    rows = [row_of(case, values, targets) for values, targets in zip(case.values, case.targets, strict=True)]
    weights = [mpf(one) for one in case.weights or [1.0] * len(rows)]
    total, unit, k = mpmath.fsum(weights), unit_of(case), len(case.classes)

    def mean(values: Iterator[mpf]) -> mpf:
        return mpmath.fsum(w * value for w, value in zip(weights, values, strict=True) if w) / total

    loss, own = mean(row.loss for row in rows) / unit, mean(row.entropy for row in rows) / unit
    frequencies = [mean(mpf(targets[index]) for targets in case.targets) for index in range(k)]
    reference = entropy(frequencies) / unit
    if case.task == "multilabel":
        reference = mpmath.fsum(entropy([one, 1 - one]) for one in frequencies) / k / unit
    brier = mean(row.brier for row in rows)
    metrics = {
        "log_loss": loss,
        "kl_divergence": loss - own,
        "label_entropy": own,
        "accuracy": mean(mpf(row.correct.numerator) / row.correct.denominator for row in rows),
        "brier": brier / (k if case.task == "multilabel" else 2 if k == 2 else 1),
        "brier_sum": brier,
        "reference_log_loss": reference,
        "skill": (reference - loss) / (reference - own) if reference - own > mpf("1e-12") * reference else None,
    }
    return rows, metrics, {name: by_class(case, rows, weights, index) for index, name in enumerate(case.classes)}


def by_class(case: Case, rows: Sequence[Row], weights: Sequence[mpf], index: int) -> dict[str, mpf | None]:
    """Single labels: the mean loss of the class's rows; soft ones: what their shares add; independent ones: their own."""
    shares = [mpf(targets[index]) for targets in case.targets]
    weight = mpmath.fsum(w * share for w, share in zip(weights, shares, strict=True))
    own = mpmath.fsum(w * row.class_losses[index] for w, row in zip(weights, rows, strict=True) if w)
    every = mpmath.fsum(w * mpmath.fsum(row.class_losses) for w, row in zip(weights, rows, strict=True) if w)
    over = mpmath.fsum(weights) if case.task == "multilabel" else weight
    found = {
        "weight": weight,
        "log_loss": own / over / unit_of(case) if over else None,
        "loss_share": own / every if every and mpmath.isfinite(every) else None,
    }
    if case.hard:
        right = mpmath.fsum(
            w * row.correct.numerator / row.correct.denominator
            for w, row, share in zip(weights, rows, shares, strict=True)
            if share
        )
        found["recall"] = right / weight if weight else None
    if case.task == "multilabel":
        right = mpmath.fsum(
            w * row.credits[index].numerator / row.credits[index].denominator for w, row in zip(weights, rows, strict=True)
        )
        found["accuracy"] = right / over
    return found


# --- the files --------------------------------------------------------------------------------------------------------------

Columns = dict[str, list[Any]]


def tables(case: Case) -> list[Columns]:
    """Predictions and labels, rows in two orders where ids match them, columns in any."""
    rows = range(len(case.values))
    left: Columns = {name: [values[index] for values in case.values] for index, name in enumerate(case.names)}
    left["note"] = case.notes
    if case.hard:
        right: Columns = {"label": [case.classes[targets.index(1.0)] for targets in case.targets]}
    else:
        right = {name: [targets[index] for targets in case.targets] for index, name in enumerate(case.names)}
    if case.weights:
        right["weight"] = case.weights
    if case.together:
        return [shuffled(case, {**left, **right, **({"id": case.ids} if case.ids else {})}, rows)]
    if case.ids is None:
        return [shuffled(case, one, rows) for one in (left, right)]
    return [shuffled(case, {**one, "id": case.ids}, case.chance.sample(rows, len(rows))) for one in (left, right)]


def shuffled(case: Case, columns: Columns, order: Sequence[int]) -> Columns:
    names = case.chance.sample(list(columns), len(columns))
    return {name: [columns[name][row] for row in order] for name in names}


def text_of(
    columns: Columns, delimiter: str = ",", decimal: str = ".", line_end: str = "\n", quoting: int = csv.QUOTE_MINIMAL
) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        writer.writerow([repr(one).replace(".", decimal) if isinstance(one, float) else one for one in row])
    return text.getvalue().encode()


def typed(columns: Columns) -> pa.Table:
    kinds = {float: pa.float64(), str: pa.string()}
    return pa.table({name: pa.array(values, kinds[type(values[0])]) for name, values in columns.items()})


def parquet_of(columns: Columns) -> bytes:
    sink = io.BytesIO()
    pq.write_table(typed(columns), sink)
    return sink.getvalue()


def arrow_of(columns: Columns) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, typed(columns).schema) as writer:
        writer.write_table(typed(columns))
    return sink.getvalue()


def lines_of(columns: Columns) -> bytes:
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


FORMATS: dict[str, Callable[[Columns], bytes]] = {
    "csv": text_of,
    "comma.csv": lambda columns: text_of(columns, ";", ","),
    "quoted.csv": lambda columns: text_of(columns, line_end="\r\n", quoting=csv.QUOTE_ALL),
    "csv.gz": lambda columns: gzip.compress(text_of(columns), mtime=0),
    "parquet": parquet_of,
    "jsonl": lines_of,
    "arrow": arrow_of,
}


def near(value: mpf | None) -> Any:
    """Relative 1e-12; what is a difference of numbers near 1 has their rounding."""
    return None if value is None or not mpmath.isfinite(value) else pytest.approx(float(value), rel=1e-12, abs=0.0)


def roughly(value: mpf | None) -> Any:
    return None if value is None or not mpmath.isfinite(value) else pytest.approx(float(value), rel=1e-12, abs=1e-14)


ROUNDED = ("kl_divergence", "brier", "brier_sum", "skill")


@pytest.mark.parametrize("number", range(len(TASKS) * len(SCALES) * DRAWS))
def test_what_mpmath_says_in_every_format(
    number: int, celoss: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    case = drawn(number)
    files, options = tables(case), case.options()
    documents = {}
    for extension, write in FORMATS.items():
        names = [f"{role}.{extension}" for role in ("preds", "labels")[: len(files)]]
        for name, columns in zip(names, files, strict=True):
            Path(name).write_bytes(write(columns))
        ran = celoss("eval", *names, *options, "-f", "json", "--rows", "rows.jsonl")
        assert ran.code == 0, ran.err
        metrics = ran.out[ran.out.index('"metrics"') : ran.out.index('"calibration"')]
        documents[extension] = metrics, Path("rows.jsonl").read_bytes()
    assert {one for one, same in documents.items() if same != documents["csv"]} == set(), "the bytes are those of the CSV file"
    with mpmath.workdps(50):
        compare(case, json.loads(ran.out), list(map(json.loads, Path("rows.jsonl").read_bytes().splitlines())), files[0])


def compare(case: Case, document: dict[str, Any], found: Sequence[dict[str, Any]], written: Columns) -> None:
    rows, metrics, classes = expected(case)
    for name, value in metrics.items():
        assert document["metrics"][name] == (roughly if name in ROUNDED else near)(value), name
        infinite = value is not None and not mpmath.isfinite(value)
        assert (f"/metrics/{name}" in document["non_finite"]) == infinite, name
    assert {one["class"] for one in document["per_class"]} == set(classes)
    for one in document["per_class"]:
        for name, value in classes[one["class"]].items():
            assert one[name] == near(value), (one["class"], name)
    assert [one["row"] for one in found] == list(range(1, len(rows) + 1))
    order = [case.ids.index(one) for one in written["id"]] if case.ids else range(len(rows))
    for line, index in zip(found, order, strict=True):
        assert case.together or case.ids is None or line["id"] == case.ids[index]
        assert line["loss"] == near(rows[index].loss / unit_of(case))
        assert line["kl_divergence"] == roughly((rows[index].loss - rows[index].entropy) / unit_of(case))
        assert line["correct"] == float(rows[index].correct)
