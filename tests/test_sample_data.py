"""The sample data are what their README says: remade byte for byte, with known scores."""

from __future__ import annotations

import csv
import math
import re
import subprocess
import sys
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from celoss import evaluate
from tests.conftest import REPOSITORY, environment

DATA = REPOSITORY / "sample_data"


def records(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def remade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp("remade")
    subprocess.run([sys.executable, DATA / "make.py", folder], env=environment(), check=True, capture_output=True, timeout=60)
    return folder


@pytest.mark.parametrize("name", ["digits_preds.csv", "digits_labels.csv"])
def test_the_digits_files_are_remade_byte_for_byte(name: str, remade: Path) -> None:
    assert (remade / name).read_bytes() == (DATA / name).read_bytes()


def test_the_parquet_file_is_remade_value_for_value(remade: Path) -> None:
    assert pq.read_table(remade / "digits_preds.parquet").equals(pq.read_table(DATA / "digits_preds.parquet"))


def test_the_parquet_file_holds_the_numbers_of_the_csv_file() -> None:
    table = pq.read_table(DATA / "digits_preds.parquet").to_pylist()
    texts = records("digits_preds.csv")
    assert table == [{name: text if name == "image" else float(text) for name, text in row.items()} for row in texts]


def test_the_worldcup_pair_holds_the_forecasts_and_outcomes_of_the_original_file() -> None:
    original = records("worldcup_matches.csv")
    labels = {row["match"]: row["result"] for row in records("worldcup_labels.csv")}
    columns = {"team1": "prob1", "draw": "probtie", "team2": "prob2"}
    pairs = list(zip(records("worldcup_preds.csv"), original, strict=True))
    for row, source in pairs:
        assert all(row[f"p_{name}"] == source[column] for name, column in columns.items())
        assert {name: float(source[f"{column}_outcome"]) for name, column in columns.items()} == {
            name: float(name == labels[row["match"]]) for name in columns
        }


@pytest.mark.parametrize(
    ("pair", "rows", "log_loss", "accuracy"),
    [
        ("nba", 8886, 0.6190933544681709, 0.6607022282241729),
        ("worldcup", 103, 0.6783981383804938, 0.6990291262135923),
        ("digits", 500, 0.2944230396953626, 0.922),
    ],
)
def test_celoss_gives_the_known_numbers(pair: str, rows: int, log_loss: float, accuracy: float) -> None:
    report = evaluate(str(DATA / f"{pair}_preds.csv"), str(DATA / f"{pair}_labels.csv"))
    assert (report.row_counts.scored, report.log_loss, report.metrics["accuracy"]) == (rows, log_loss, accuracy)


def true_probabilities(pair: str) -> list[Fraction]:
    """The probability of each row's true class, from the text of the CSV files: the exact value of the nearest double."""
    key, label = {"nba": ("game", "won"), "worldcup": ("match", "result"), "digits": ("image", "digit")}[pair]
    labels = {row[key]: row[label] for row in records(f"{pair}_labels.csv")}
    forecasts = records(f"{pair}_preds.csv")
    if pair == "nba":
        wins = [(labels[row[key]], Fraction(float(row["prob"]))) for row in forecasts]
        return [p if won == "1" else 1 - p for won, p in wins]
    return [Fraction(float(row[f"p_{labels[row[key]]}"])) for row in forecasts]


def exact_log_loss(pair: str) -> Fraction:
    """The mean of −ln p to 50 digits."""
    with localcontext(prec=60):
        losses = [-(Decimal(p.numerator) / p.denominator).ln() for p in true_probabilities(pair)]
        return sum(map(Fraction, losses), Fraction(0)) / len(losses)


@pytest.mark.parametrize("pair", ["nba", "worldcup", "digits"])
def test_the_log_loss_is_the_correctly_rounded_mean(pair: str) -> None:
    report = evaluate(str(DATA / f"{pair}_preds.csv"), str(DATA / f"{pair}_labels.csv"))
    assert report.log_loss == float(exact_log_loss(pair))


def test_the_published_worldcup_number_was_rounded_twice() -> None:
    losses = [-math.log(p) for p in true_probabilities("worldcup")]
    published, nearest = 0.6783981383804939, 0.6783981383804938
    assert math.nextafter(nearest, 1.0) == published
    # Rounded to a sum, then again to a mean; celoss divides the exact sum, and so rounds once.
    assert math.fsum(losses) / len(losses) == published
    assert float(sum(map(Fraction, losses), Fraction(0)) / len(losses)) == nearest
    exact = exact_log_loss("worldcup")
    assert abs(exact - Fraction(nearest)) < abs(exact - Fraction(published))
    with localcontext(prec=50):
        assert str(Decimal(exact.numerator) / exact.denominator).startswith("0.678398138380493829404804")


@pytest.mark.parametrize("pair", ["nba", "worldcup", "digits"])
def test_the_readme_of_the_sample_data_tells_the_same_numbers(pair: str) -> None:
    (line,) = re.findall(rf"^\| `{pair}_preds\.csv`.*\|$", (DATA / "README.md").read_text("utf-8"), re.MULTILINE)
    rows, _, log_loss, accuracy = (cell.strip() for cell in line.strip("|").split("|")[2:])
    report = evaluate(str(DATA / f"{pair}_preds.csv"), str(DATA / f"{pair}_labels.csv"))
    assert (int(rows.replace(",", "")), float(accuracy)) == (report.row_counts.scored, report.metrics["accuracy"])
    # The table was made with `math.fsum`, as it says, and so may be one rounding away.
    assert float(log_loss) == pytest.approx(report.log_loss, rel=2**-52)


def test_a_draw_of_probability_0_never_happened() -> None:
    labels = {row["match"]: row["result"] for row in records("worldcup_labels.csv")}
    impossible = [row["match"] for row in records("worldcup_preds.csv") if float(row["p_draw"]) == 0.0]
    assert len(impossible) == 31
    assert all(labels[match] != "draw" for match in impossible)


def by_image(name: str) -> dict[str, dict[str, float]]:
    return {row["image"]: {key: float(value) for key, value in row.items() if key != "image"} for row in records(name)}


def test_the_logits_give_the_loss_of_their_softmax() -> None:
    logits, labels = by_image("digits_logits.csv"), by_image("digits_labels.csv")
    losses = []
    with localcontext(prec=50):
        for image, row in logits.items():
            exponentials = {name: Decimal(value).exp() for name, value in row.items()}
            true = f"logit_{labels[image]['digit']:.0f}"
            losses.append(float((sum(exponentials.values()) / exponentials[true]).ln()))
    report = evaluate(str(DATA / "digits_logits.csv"), str(DATA / "digits_labels.csv"))
    assert report.plan.scale == "logits"
    assert report.log_loss == pytest.approx(math.fsum(losses) / 500, rel=1e-14)


def test_the_votes_are_soft_labels() -> None:
    votes, forecasts = by_image("digits_votes.csv"), by_image("digits_preds.csv")
    assert all(sum(row.values()) == 10 for row in votes.values())
    loss, entropy = [], []
    for image, row in votes.items():
        loss += [-count / 10 * math.log(forecasts[image][f"p_{digit}"]) for digit, count in row.items() if count]
        entropy += [-count / 10 * math.log(count / 10) for count in row.values() if count]
    report = evaluate(str(DATA / "digits_preds.csv"), str(DATA / "digits_votes.csv"), normalize_labels=True)
    assert report.task == "soft"
    assert report.metrics["log_loss"] == pytest.approx(math.fsum(loss) / 500, rel=1e-13)
    assert report.metrics["label_entropy"] == pytest.approx(math.fsum(entropy) / 500, rel=1e-13)
    assert report.metrics["kl_divergence"] == pytest.approx((math.fsum(loss) - math.fsum(entropy)) / 500, rel=1e-13)


def test_the_traits_are_independent_labels() -> None:
    forecasts, labels = by_image("traits_preds.csv"), by_image("traits_labels.csv")
    digits = by_image("digits_labels.csv")
    losses = []
    for image, row in labels.items():
        digit = digits[image]["digit"]
        assert row == {"even": digit in (0, 2, 4, 6, 8), "prime": digit in (2, 3, 5, 7), "closed": digit in (0, 6, 8, 9)}
        for name, value in row.items():
            p = forecasts[image][f"p_{name}"]
            losses.append(-math.log(p) if value else -math.log1p(-p))
    report = evaluate(str(DATA / "traits_preds.csv"), str(DATA / "traits_labels.csv"))
    assert (report.task, report.classes) == ("multilabel", ("closed", "even", "prime"))
    assert report.log_loss == pytest.approx(math.fsum(losses) / 1500, rel=1e-13)
