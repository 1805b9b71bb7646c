"""Train a ten-class softmax regression on the handwritten digits and write its test forecasts for celoss.

Usage: python sample_data/make.py [output folder, by default the folder of this script]

One loss does two jobs here: the mean cross-entropy, mean of -ln p_true in nats, trains the model, and celoss reports
the same mean over the test images. With logits z, p = softmax(z) and one-hot truth t, its gradient with respect to z
is p - t, so training needs no automatic differentiation.

Data: Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak (1998), UCI Machine Learning Repository,
https://doi.org/10.24432/C50P49, CC BY 4.0, as shipped with scikit-learn (`load_digits`, 1,797 images).
"""

import csv
import math
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv
from pyarrow import parquet
from sklearn.datasets import load_digits

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

N_CLASSES = 10
N_TRAIN = 1297  # the first 1,297 images train, the last 500 test; fixed by row number, no random draw
LABEL_ORDER_SEED = 19980701
LEARNING_RATE = 0.5
L2_STRENGTH = 1e-4  # weight of half the sum of squared weights; the biases are not penalised
N_STEPS = 1000
STEPS_PER_REPORT = 200
WEIGHT_GRID = 2.0**-20  # about 1e-6
N_NEIGHBOURS = 10
TRAITS = {"even": (0, 2, 4, 6, 8), "prime": (2, 3, 5, 7), "closed": (0, 6, 8, 9)}


def load_images() -> tuple[Floats, Ints]:
    """Return the images with a constant last column and the digits they show.

    Images: (1797, 65), gray levels 0 to 16 divided by 16 and a 1 for the bias; digits: (1797,), 0 to 9.
    Source: scikit-learn's copy of the UCI test set.
    """
    pixels, digits = load_digits(return_X_y=True)
    images = np.column_stack([pixels / 16.0, np.ones(len(pixels))])
    return images, digits.astype(np.int64)


def softmax(logits: Floats) -> Floats:
    """Return the probabilities of each row of logits; the row maximum goes first, so exp never sees a positive number.

    Logits and probabilities: (rows, classes), no unit.
    """
    exps = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exps / exps.sum(axis=1, keepdims=True), dtype=np.float64)


def train(images: Floats, digits: Ints) -> Floats:
    """Return the weights after full-batch gradient descent on the mean cross-entropy plus the L2 penalty.

    Images: (rows, 65); digits: (rows,); weights: (65, 10), the last row holds the biases. Prints nats per image.
    Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. 4.109, for the gradient.
    """
    truth = np.eye(N_CLASSES)[digits]
    weights = np.zeros((images.shape[1], N_CLASSES))
    for step in range(N_STEPS + 1):
        probabilities = softmax(images @ weights)
        if step % STEPS_PER_REPORT == 0:
            print(f"step {step:4d}  training log loss {mean_log_loss(probabilities.tolist(), digits):.6f}")
        if step == N_STEPS:
            break
        # d(mean cross-entropy)/d(logits) = (p - t) / rows; the chain rule through images @ weights gives the rest.
        gradient = images.T @ (probabilities - truth) / len(images)
        gradient[:-1] += L2_STRENGTH * weights[:-1]
        weights -= LEARNING_RATE * gradient
    return weights


def logits_of(images: Floats, weights: Floats) -> list[list[float]]:
    """Return the logits of each image, with the same bytes on every machine.

    Images: (rows, 65); weights: (65, 10); logits: rows lists of 10 floats. Processors differ in the last bits of sums, so
    the weights are rounded to a grid on which every sum is exact.
    """
    logits: list[list[float]] = (images @ (np.round(weights / WEIGHT_GRID) * WEIGHT_GRID)).tolist()
    return logits


def forecast(logits: Sequence[Sequence[float]]) -> list[list[float]]:
    """Return the class probabilities of each row of logits: its softmax, with exp taken in decimal for equal bytes."""
    forecasts = []
    for row in logits:
        exps = [Decimal(logit - max(row)).exp() for logit in row]
        total = sum(exps)
        forecasts.append([float(exp / total) for exp in exps])
    return forecasts


def votes(images: Floats, digits: Ints, tests: Floats) -> list[list[int]]:
    """Return for each test image how many of its nearest training images show each digit.

    Images, tests: (rows, 65); digits: (rows,); votes: rows lists of 10 counts that sum to 10. The squared distances between
    gray levels are integers, so that no processor orders them otherwise; of equal ones the first images count.
    """
    levels, wanted = np.round(images * 16.0), np.round(tests * 16.0)
    distances = (levels**2).sum(axis=1) - 2.0 * wanted @ levels.T
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :N_NEIGHBOURS]
    return [np.bincount(row, minlength=N_CLASSES).tolist() for row in digits[nearest]]


def mean_log_loss(forecasts: Sequence[Sequence[float]], digits: Ints) -> float:
    """Return the mean of -ln p_true, summed without rounding error.

    Forecasts: rows lists of 10 probabilities; digits: (rows,); result: nats per image.
    """
    return math.fsum(-math.log(row[digit]) for row, digit in zip(forecasts, digits, strict=True)) / len(digits)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a header and rows as UTF-8 CSV with \\n line ends; floats get the shortest text that reads back equal."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_pair(folder: Path, forecasts: Sequence[Sequence[float]], digits: Ints) -> None:
    """Write digits_preds (.csv and .parquet) and digits_labels.csv, the labels shuffled so that ids must be matched.

    Forecasts: rows lists of 10 probabilities; digits: (rows,). An id holds the row number in the data set, from 0.
    """
    ids = [f"digit_{N_TRAIN + row:04d}" for row in range(len(digits))]
    header = ["image", *(f"p_{digit}" for digit in range(N_CLASSES))]
    preds = folder / "digits_preds.csv"
    write_csv(preds, header, ([image, *row] for image, row in zip(ids, forecasts, strict=True)))
    parquet.write_table(arrow_csv.read_csv(preds), preds.with_suffix(".parquet"))
    # RandomState, not default_rng: NumPy promises that its stream never changes between versions.
    order = np.random.RandomState(LABEL_ORDER_SEED).permutation(len(digits))
    write_csv(folder / "digits_labels.csv", ["image", "digit"], ([ids[row], digits[row]] for row in order))


def write_forms(
    folder: Path,
    logits: Sequence[Sequence[float]],
    forecasts: Sequence[Sequence[float]],
    digits: Ints,
    counts: Sequence[Sequence[int]],
) -> None:
    """Write other forms of the same forecasts and labels: logits, votes, and the traits of a digit as independent labels.

    Logits, forecasts, counts: rows lists of 10; digits: (rows,). P(trait) is the sum of P(digit) over its digits.
    """
    ids = [f"digit_{N_TRAIN + row:04d}" for row in range(len(digits))]
    names = [str(digit) for digit in range(N_CLASSES)]
    write_csv(folder / "digits_logits.csv", ["image", *(f"logit_{name}" for name in names)], _beside(ids, logits))
    write_csv(folder / "digits_votes.csv", ["image", *names], _beside(ids, counts))
    traits = [[math.fsum(row[digit] for digit in of) for of in TRAITS.values()] for row in forecasts]
    write_csv(folder / "traits_preds.csv", ["image", *(f"p_{name}" for name in TRAITS)], _beside(ids, traits))
    truth = [[int(digit in of) for of in TRAITS.values()] for digit in digits.tolist()]
    write_csv(folder / "traits_labels.csv", ["image", *TRAITS], _beside(ids, truth))


def _beside(ids: Sequence[str], rows: Sequence[Sequence[object]]) -> list[list[object]]:
    return [[name, *row] for name, row in zip(ids, rows, strict=True)]


def main() -> None:
    """Train, write the pair into the folder of the first argument and print the test scores."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    folder.mkdir(parents=True, exist_ok=True)
    images, digits = load_images()
    weights = train(images[:N_TRAIN], digits[:N_TRAIN])
    test_digits = digits[N_TRAIN:]
    logits = logits_of(images[N_TRAIN:], weights)
    forecasts = forecast(logits)
    write_pair(folder, forecasts, test_digits)
    write_forms(folder, logits, forecasts, test_digits, votes(images[:N_TRAIN], digits[:N_TRAIN], images[N_TRAIN:]))
    accuracy = float(np.mean(np.argmax(forecasts, axis=1) == test_digits))
    print(f"test log loss {mean_log_loss(forecasts, test_digits)!r}  accuracy {accuracy!r}")


if __name__ == "__main__":
    main()
