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


def forecast(images: Floats, weights: Floats) -> list[list[float]]:
    """Return the class probabilities of each image, with the same bytes on every machine.

    Images: (rows, 65); weights: (65, 10); forecasts: rows lists of 10 floats. Processors differ in the last bits of
    sums and of exp, so the weights are rounded to a grid on which every sum is exact, and exp is taken in decimal.
    """
    logits = images @ (np.round(weights / WEIGHT_GRID) * WEIGHT_GRID)
    forecasts = []
    for row in logits.tolist():
        exps = [Decimal(logit - max(row)).exp() for logit in row]
        total = sum(exps)
        forecasts.append([float(exp / total) for exp in exps])
    return forecasts


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


def main() -> None:
    """Train, write the pair into the folder of the first argument and print the test scores."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    folder.mkdir(parents=True, exist_ok=True)
    images, digits = load_images()
    weights = train(images[:N_TRAIN], digits[:N_TRAIN])
    test_digits = digits[N_TRAIN:]
    forecasts = forecast(images[N_TRAIN:], weights)
    write_pair(folder, forecasts, test_digits)
    accuracy = float(np.mean(np.argmax(forecasts, axis=1) == test_digits))
    print(f"test log loss {mean_log_loss(forecasts, test_digits)!r}  accuracy {accuracy!r}")


if __name__ == "__main__":
    main()
