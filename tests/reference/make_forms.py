"""Write forms.json: what other tools say about every form of cross-entropy that celoss scores.

Run `python tests/reference/make_forms.py [--old-sklearn PYTHON ...]` with NumPy and as many of the tools as there are:
scikit-learn, SciPy, Keras 3 (on JAX), PyTorch, optax, XGBoost, mpmath. PYTHON: interpreters that have a scikit-learn
before 1.5. celoss itself is never imported. Each `call` in the file is the very expression that was evaluated (of
mpmath, the formula).
Wherever two witnesses cover the same number they are compared here, and the file is not written when they disagree.
"""

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TARGET = Path(__file__).with_name("forms.json")

RELATIVE = 1e-12
# Per row: 1 - p of one column is rounded to a double (1.1e-16 of a number above 0.5), scikit-learn clips at 1 - eps.
ONE_COLUMN = 3.5e-16
# Probabilities, logarithms and sums are rounded to 6e-8 each in float32, to 5e-4 in float16.
TOLERANCE = {"float64": RELATIVE, "float32": 1e-5, "float16": 5e-3}
EPS = {name: float(np.finfo(name).eps) for name in TOLERANCE}
DEFAULT_EPS = EPS["float64"]
# More: for 1 - p, where p is as small as doubles go.
DPS, MORE_DPS = 50, 500
RULE = "numpy (rule written out)"

NOTES = [
    "Each call is the expression that was evaluated (of mpmath, the formula). Its names: p, z, lp predictions as "
    "probabilities, logits, log-probabilities; y integer labels; t targets as numbers (one-hot for integer labels "
    "of several classes); w weights; cw weights of the classes; v weights of the rows times those of their classes; k "
    "classes. F is torch.nn.functional.",
    "mpmath: 50 digits, on the exact doubles of the file, rounded to the nearest double at the end; written from the "
    "formulas, for every case without --as.",
    'An infinite value is the string "inf".',
    "relative and absolute are to be used together: |ours - value| <= relative * |value| + absolute. 1e-12 where the tool "
    "worked in float64. 1e-5 for float32, 5e-3 for float16: probabilities, logarithms and sums are rounded to 6e-8 or 5e-4 "
    "each. absolute: from one column the tools round 1 - p to the type of the predictions, eps / 2 of a number above one "
    "half; mpmath's 1e-15 for kl_divergence and brier, which are differences, allows for the rounding of ours.",
    "Text-book numbers as published: -log2(0.775) = 0.3677; -log2(0.938) = 0.0923; -ln(0.012) = 4.4228. Binary "
    "cross-entropy of 0.7311, 0.5, 0.7311 against 1, 0, 1 is published as 0.43989, which is that of the unrounded "
    "sigmoid(1) and sigmoid(0); the four printed digits give 0.43985.",
    "as keras: Keras on JAX, floatx as the dtype of the case (float32 unless it is set). The bounds 1e-7 and "
    "1 - 1e-7 are rounded to that type: in float32 the upper one is 1 - 2^-23, so a binary p = 1 under label 0 costs "
    "15.9424 where p = 0 under label 1 costs 16.1181. On "
    "TensorFlow sparse labels are clipped first and divided by the sum afterwards.",
    "as keras, several classes: both of CategoricalCrossentropy and SparseCategoricalCrossentropy. Keras's own NumPy and "
    "PyTorch backends return float32 whatever floatx is, and the NumPy backend clips binary logits too: not used here. "
    "BinaryCrossentropy takes its mean in float32 except on TensorFlow: its keras.ops.binary_crossentropy is used instead.",
    "as xgboost: the metrics of the library itself on given probabilities (base_margin under an objective whose "
    "transformation is the identity). It holds predictions in float32 and forms 1 - p there: from one column a float64 "
    "probability from 1 - 2^-25 on becomes 1.",
    "as torch-bce: PyTorch's own weight= multiplies and divides by n; here the weighted mean is taken of its row losses.",
    "as sklearn-1.1 and kaggle from one column: p is clipped first, and 1 - (1 - 1e-15) is 9.99e-16 in doubles: the row "
    "loss of p = 1 under label 0 is 34.5396, that of p = 0 under label 1 34.5388. scikit-learn 1.1 clipped float32 at "
    "1e-15 as well, where the upper bound is 1: it returned inf or nan, so float64 only.",
    "as kaggle: clip, then divide, as scikit-learn 1.1 did. Kaggle's own wording (rows are rescaled prior to being scored; "
    "to avoid the extremes of the logarithm p is replaced by max(min(p, 1 - 1e-15), 1e-15)) can be read in the other order "
    "too: it differs where a row is off 1 and the true class has 0.",
    "as spark: Spark takes the loss of a probability above 1 - 1e-15 as -log1p(-1e-15), 1.0e-15, where mlr3 has "
    "-log(1 - 1e-15), 9.99e-16: absolute allows for either.",
    "Class weights and smoothing together: PyTorch weights the classes inside the smoothed sum, celoss weights rows by the "
    "class of their label; no case has both from PyTorch.",
]

Case = dict[str, Any]
Values = dict[str, Any]
Array = NDArray[Any]

VERSIONS: dict[str, str] = {}
SKIPPED: dict[str, str] = {}


@dataclass(frozen=True)
class Witness:
    """A number to ask a tool for, and how near it has to be."""

    tool: str
    metric: str
    call: str
    relative: float = RELATIVE
    absolute: float = 0.0


def main() -> None:
    """Compute every case and write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--old-sklearn", metavar="PYTHON", nargs="*", default=[], help="interpreters with scikit-learn < 1.5")
    load_tools(parser.parse_args().old_sklearn)
    warnings.simplefilter("ignore")
    topics = (
        binary,
        multiclass,
        soft,
        top_k,
        multilabel,
        stored,
        floored,
        extremes,
        text_books,
        as_binary,
        as_classes,
        as_more,
    )
    cases = [case for topic in topics for case in topic()]
    repeated = {case["name"] for case in cases if sum(other["name"] == case["name"] for other in cases) > 1}
    if repeated:
        raise ValueError(f"names given twice: {sorted(repeated)}")
    text = written(cases)
    TARGET.write_text(text, encoding="utf-8", newline="\n")
    sys.stdout.write(f"{TARGET.name}: {len(cases)} cases, {len(text):,} characters\n")


def written(cases: Sequence[Case]) -> str:
    """Return the document as JSON, one line for each key of a case and for each expected value."""
    head = json.dumps({"versions": VERSIONS, "skipped": SKIPPED, "notes": NOTES}, indent=1)[:-2]
    blocks = []
    for case in cases:
        lines = [
            f"   {json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in case.items() if key != "expected"
        ]
        expected = ",\n".join("    " + json.dumps(one, allow_nan=False) for one in case["expected"])
        blocks.append("  {\n" + ",\n".join([*lines, f'   "expected": [\n{expected}\n   ]']) + "\n  }")
    return head + ',\n "cases": [\n' + ",\n".join(blocks) + "\n ]\n}\n"


# --- the tools ---


def load_tools(old: Sequence[str]) -> None:
    """Import what is installed, and note the versions of that and the names of the rest."""
    VERSIONS.update({"python": platform.python_version(), "numpy": np.__version__})
    for name, load in LOADERS.items():
        try:
            NAMESPACES[name] = load()
        except (ImportError, OSError, RuntimeError) as error:
            SKIPPED[name] = f"cannot be imported ({type(error).__name__})"
            continue
        VERSIONS.update({one: metadata.version(one) for one in DISTRIBUTIONS.get(name, (name,))})
    for python in old:
        elder = OldSklearn(python)
        OLD[elder.version] = elder
    if OLD:
        VERSIONS["scikit-learn (old)"] = ", ".join(OLD)
    else:
        SKIPPED["scikit-learn (old)"] = "no interpreter given with --old-sklearn"


def load_sklearn() -> Values:
    metrics, weights = importlib.import_module("sklearn.metrics"), importlib.import_module("sklearn.utils.class_weight")
    names = ("log_loss", "brier_score_loss", "accuracy_score", "top_k_accuracy_score")
    return {"np": np, "balanced": weights.compute_sample_weight} | {name: getattr(metrics, name) for name in names}


def load_scipy() -> Values:
    special, stats = importlib.import_module("scipy.special"), importlib.import_module("scipy.stats")
    names = ("rel_entr", "entr", "xlogy", "softmax", "expit", "log_expit")
    return {"np": np, "entropy": stats.entropy} | {name: getattr(special, name) for name in names}


def load_torch() -> Values:
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    return {"np": np, "torch": torch, "F": importlib.import_module("torch.nn.functional")}


def load_jax() -> Any:
    """Return jax.numpy in float64, on the processor."""
    os.environ.update({"JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"})
    return importlib.import_module("jax.numpy")


def load_optax() -> Values:
    return {"jnp": load_jax(), "jax": importlib.import_module("jax"), "optax": importlib.import_module("optax")}


def load_keras() -> Values:
    os.environ["KERAS_BACKEND"] = "jax"
    return {"jnp": load_jax(), "keras": importlib.import_module("keras")}


def load_xgboost() -> Values:
    xgboost = importlib.import_module("xgboost")
    VERSIONS["xgboost"] = str(xgboost.__version__)

    def metric(name: str, p: Array, y: Array, w: Array | None = None) -> float:
        """Evaluate one of XGBoost's own metrics on probabilities: the squared error's objective does not transform them."""
        data = xgboost.DMatrix(np.zeros((len(p), 1)), label=y, base_margin=p.astype(np.float32), weight=w)
        options = {"objective": "reg:squarederror", "eval_metric": name, "nthread": 1}
        booster = xgboost.Booster(options | ({"num_class": p.shape[1]} if p.ndim > 1 else {}), [data])
        if not np.array_equal(booster.predict(data), p.astype(np.float32)):
            raise ValueError("XGBoost changed the predictions")
        return float(booster.eval(data).split(":")[1])

    return {"np": np, "metric": metric}


def load_mpmath() -> Values:
    mpmath = importlib.import_module("mpmath")
    mpmath.mp.dps = DPS
    return {"mp": mpmath.mp}


LOADERS: dict[str, Callable[[], Values]] = {
    "mpmath": load_mpmath,
    "scikit-learn": load_sklearn,
    "scipy": load_scipy,
    "torch": load_torch,
    "optax": load_optax,
    "keras": load_keras,
    "xgboost": load_xgboost,
}
DISTRIBUTIONS: dict[str, tuple[str, ...]] = {"optax": ("optax", "jax"), "keras": ("keras", "jax"), "xgboost": ()}


def clip(p: Array, low: float) -> Array:
    """Clip to [low, 1 - low]."""
    return np.clip(p, low, 1.0 - low)


def clip_as(dtype: str, p: Array, low: float) -> Array:
    """Clip to [low, 1 - low], both bounds rounded to a type."""
    return np.clip(p, float(np.dtype(dtype).type(low)), float(np.dtype(dtype).type(1.0 - low)))


def both(p: Array) -> Array:
    """Return (1 - p, p) of one column; several columns as they are."""
    return np.column_stack([1 - p, p]) if p.ndim == 1 else p


def divide(p: Array) -> Array:
    """Return every row divided by its sum."""
    return p / p.sum(axis=1, keepdims=True)


def of_truth(p: Array, y: Array) -> Array:
    """Return the column of the true class."""
    return np.asarray(p[np.arange(len(y)), y])


NAMESPACES: dict[str, Values] = {
    "numpy": {"np": np},
    RULE: {"np": np, "clip": clip, "clip_as": clip_as, "both": both, "divide": divide, "of_truth": of_truth},
}

OLD_WORKER = """
import json, sys, warnings
import numpy as np, sklearn
from sklearn.metrics import log_loss
warnings.simplefilter("ignore")
print(json.dumps(sklearn.__version__), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    names = {"np": np, "log_loss": log_loss, "k": job["k"], "p": np.asarray(job["p"], dtype=job["dtype"])}
    names.update({name: None if job[name] is None else np.asarray(job[name]) for name in ("y", "w")})
    print(json.dumps(float(eval(job["call"], names))), flush=True)
"""


class OldSklearn:
    """A scikit-learn before 1.5 in a process of its own."""

    def __init__(self, python: str) -> None:
        """Start it, and ask for the version."""
        self.process = subprocess.Popen([python, "-c", OLD_WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.version = str(self.answer())

    def answer(self) -> Any:
        """Return the next thing it says."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def ask(self, call: str, case: Case) -> float:
        """Return the value of a call."""
        assert self.process.stdin is not None
        job = {"call": call, "k": classes(case), "p": case["predictions"], "y": case["labels"], "w": case["weights"]}
        self.process.stdin.write(json.dumps(job | {"dtype": case["dtype"]}) + "\n")
        self.process.stdin.flush()
        return float(self.answer())

    def rule(self) -> str:
        """Return the name of its rule under --as."""
        return "sklearn-1.1" if self.version.startswith("1.1.") else "sklearn-1.2"


OLD: dict[str, OldSklearn] = {}

# --- cases ---


def classes(case: Case) -> int:
    """Return the number of classes, or of labels."""
    first = case["predictions"][0]
    return len(first) if isinstance(first, list) else 2


def scale(case: Case) -> str:
    """Return what the predictions hold."""
    return str(case["options"].get("from", "probs"))


def draw(name: str) -> np.random.Generator:
    """Return the random numbers of a case: seeded by its name, so that a case more moves no other."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def plain(value: Any) -> Any:
    """Return numbers as JSON has them: "inf" for infinity, no -0.0."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    return "inf" if value == float("inf") else value + 0.0


def build(
    name: str,
    predictions: Any,
    labels: Any,
    witnesses: Sequence[Witness],
    *,
    weights: Any = None,
    exact: Sequence[str] = ("log_loss",),
    dtype: str = "float64",
    options: dict[str, Any],
) -> list[Case]:
    """Return the case with what each installed tool says of it; without any of them, no case.

    exact: the metrics that mpmath is asked for too.
    """
    case: Case = {
        "name": name,
        "predictions": np.asarray(predictions, dtype=dtype).astype(np.float64).tolist(),
        "labels": np.asarray(labels).tolist(),
        "weights": None if weights is None else np.asarray(weights, dtype=np.float64).tolist(),
        "options": options,
        "dtype": dtype,
    }
    found = [expected(case, one) for one in witnesses if one.tool in NAMESPACES or one.tool.split()[-1] in OLD]
    if exact and "mpmath" in NAMESPACES:
        found += exact_values(case, exact)
        with NAMESPACES["mpmath"]["mp"].workdps(MORE_DPS):
            compare(f"{name}, {DPS} and {MORE_DPS} digits", [*found[-len(exact) :], *exact_values(case, exact)])
    compare(name, found)
    case["expected"] = [one | {"value": plain(one["value"])} for one in found]
    return [case] if found else []


def expected(case: Case, witness: Witness) -> dict[str, Any]:
    """Return what the tool says."""
    elder = OLD.get(witness.tool.split()[-1])
    if elder:
        value: Any = elder.ask(witness.call, case)
    else:
        value = np.asarray(eval(witness.call, NAMESPACES[witness.tool] | inputs(case, witness.tool)), dtype=np.float64).tolist()
    head = {"tool": witness.tool, "call": witness.call, "metric": witness.metric, "value": value}
    return head | {"relative": witness.relative, "absolute": witness.absolute}


def inputs(case: Case, tool: str) -> Values:
    """Return the arrays of a case under the names that the calls use, as the tool wants them."""
    dtype, k = case["dtype"], classes(case)
    predictions, labels = np.asarray(case["predictions"], dtype=dtype), np.asarray(case["labels"])
    work = dtype if tool in ("torch", "keras", "optax") else "float64"
    names: Values = {{"probs": "p", "logits": "z", "logprobs": "lp"}[scale(case)]: predictions}
    hard = labels.ndim == 1
    names["y"] = labels if hard else labels.astype(work)
    names["t"] = np.eye(k)[labels].astype(work) if hard and predictions.ndim > 1 else labels.astype(work)
    names["w"] = None if case["weights"] is None else np.asarray(case["weights"], dtype=work)
    weight = class_weights(case)
    if weight is not None:
        names["cw"] = weight.astype(work)
        names["v"] = (weight[labels] * (1.0 if case["weights"] is None else np.asarray(case["weights"]))).astype(work)
    if tool == RULE:
        names = {name: value.astype(np.float64) if name in ("p", "z", "lp") else value for name, value in names.items()}
        names |= {"dtype": dtype, "eps": EPS[dtype]}
    if tool == "torch":
        torch = NAMESPACES[tool]["torch"]
        names = {name: None if value is None else torch.from_numpy(value) for name, value in names.items()}
    if tool in ("keras", "optax"):
        jnp = NAMESPACES[tool]["jnp"]
        names = {name: None if value is None else jnp.asarray(value) for name, value in names.items()}
    if tool == "keras":
        NAMESPACES[tool]["keras"].config.set_floatx(dtype)
    return names | {"k": k}


def class_weights(case: Case) -> Array | None:
    """Return the weights of the classes, n / (k n_c) for `balanced`, or None."""
    given = case["options"].get("class_weights")
    if given is None:
        return None
    k, labels = classes(case), np.asarray(case["labels"])
    if given == "balanced":
        return np.asarray(len(labels) / (k * np.bincount(labels, minlength=k)))
    return np.asarray([given.get(str(c), 1.0) for c in range(k)])


def compare(name: str, found: Sequence[dict[str, Any]]) -> None:
    """Raise unless all the witnesses of a metric agree, within the wider tolerance of each two."""
    for i, left in enumerate(found):
        for right in found[:i]:
            if left["metric"] != right["metric"]:
                continue
            a, b = np.asarray(left["value"], dtype=np.float64), np.asarray(right["value"], dtype=np.float64)
            relative, absolute = max(left["relative"], right["relative"]), max(left["absolute"], right["absolute"])
            if a.shape != b.shape or not np.allclose(a, b, rtol=relative, atol=absolute):
                raise ValueError(f"{name}: {left['tool']} and {right['tool']} disagree, {a.tolist()!r} and {b.tolist()!r}")


# --- mpmath: the formulas, at 50 digits ---

# Metric: the formula, and how far a difference may be off for its own rounding.
FORMULAS = {
    "log_loss": ("sum of w times -sum t ln p, over sum of w", 0.0),
    "row_loss": ("-sum t ln p", 0.0),
    "kl_divergence": ("mean of sum t ln(t / p)", 1e-15),
    "label_entropy": ("mean of -sum t ln t", 0.0),
    "brier": ("mean of (p - y)^2", 1e-15),
    "brier_sum": ("mean of sum (p - t)^2", 1e-15),
}


def exact_values(case: Case, metrics: Sequence[str]) -> Iterator[Values]:
    """Yield the metrics of a case by their formulas, as the nearest doubles."""
    mp, options = NAMESPACES["mpmath"]["mp"], case["options"]
    k, unit = classes(case), mp.log(mp.mpf(int(options["base"]))) if "base" in options else mp.mpf(1)
    weight = class_weights(case)
    rows = []
    for i, (prediction, label) in enumerate(zip(case["predictions"], case["labels"], strict=True)):
        w = mp.mpf(1.0 if case["weights"] is None else case["weights"][i])
        if weight is not None:
            counts = case["labels"].count(label) * k
            w *= (
                mp.mpf(len(case["labels"])) / counts if options["class_weights"] == "balanced" else mp.mpf(float(weight[label]))
            )
        rows.append((w, exact_row(case, prediction, label)))
    total = mp.fsum(w for w, _ in rows)
    for metric in metrics:
        per_unit = 1 if metric.startswith("brier") else unit
        of_rows = [row["log_loss" if metric == "row_loss" else metric] / per_unit for _, row in rows]
        if metric == "row_loss":
            value: Any = [nearest(one) for one in of_rows]
        else:
            value = nearest(mp.fsum(w * one for (w, _), one in zip(rows, of_rows, strict=True)) / total)
        formula, absolute = FORMULAS[metric]
        head = {"tool": "mpmath", "call": formula, "metric": metric, "value": value}
        yield head | {"relative": RELATIVE, "absolute": absolute}


def nearest(value: Any) -> float:
    """Return the double nearest to an mpmath number: Python's own decimal conversion rounds correctly."""
    return float(NAMESPACES["mpmath"]["mp"].nstr(value, DPS - 5))


def exact_row(case: Case, prediction: Any, label: Any) -> Values:
    """Return the quantities of a row; for several labels, the mean or the sum over them."""
    mp, options = NAMESPACES["mpmath"]["mp"], case["options"]
    if options["task"] == "multilabel":
        pairs = [(two_surprisals(v, scale(case)), shares(t, 2)) for v, t in zip(prediction, label, strict=True)]
    elif isinstance(prediction, list):
        pairs = [(surprisals(prediction, scale(case)), shares(label, len(prediction)))]
    else:
        pairs = [(two_surprisals(prediction, scale(case)), shares(label, 2))]
    if options.get("normalize_labels"):
        pairs = [(s, [one / mp.fsum(t) for one in t]) for s, t in pairs]
    floor = -mp.log(mp.mpf(options.get("eps", DEFAULT_EPS))) if options.get("eps", DEFAULT_EPS) else mp.inf
    parts = [exact_quantities(s, t, mp.mpf(options.get("smoothing", 0.0)), floor) for s, t in pairs]
    over = 1 if options.get("reduce_labels") == "sum" else len(parts)
    return {name: mp.fsum(part[name] for part in parts) / over for name in parts[0]}


def shares(label: Any, k: int) -> list[Any]:
    """Return the target distribution of a label: an index, the share of the second of two, or all the shares."""
    mp = NAMESPACES["mpmath"]["mp"]
    if isinstance(label, list):
        return [mp.mpf(one) for one in label]
    if k == 2:
        return [1 - mp.mpf(label), mp.mpf(label)]
    return [mp.mpf(int(c == label)) for c in range(k)]


def exact_quantities(surprisal: Sequence[Any], t: Sequence[Any], smoothing: Any, floor: Any) -> Values:
    """Return a row's quantities from -ln p and the target distribution; no surprisal counts more than `floor`."""
    mp = NAMESPACES["mpmath"]["mp"]
    p = [mp.exp(-s) for s in surprisal]
    t = [(1 - smoothing) * one + smoothing / len(t) for one in t] if smoothing else t
    loss = mp.fsum(one * min(s, floor) for one, s in zip(t, surprisal, strict=True) if one)
    entropy = -mp.fsum(one * mp.log(one) for one in t if one)
    brier = mp.fsum((a - b) ** 2 for a, b in zip(p, t, strict=True))
    return {"log_loss": loss, "label_entropy": entropy, "kl_divergence": loss - entropy, "brier": brier / 2, "brier_sum": brier}


def minus_log(p: Any) -> Any:
    """Return -ln p, infinite for 0."""
    mp = NAMESPACES["mpmath"]["mp"]
    return -mp.log(p) if p else mp.inf


def surprisals(values: Sequence[float], kind: str) -> list[Any]:
    """Return -ln p of every class of a row.

    Logits: ln(1 + the others' e^(z - top)) for the largest, which keeps the digits of a tiny loss; top - z more for the rest.
    """
    mp = NAMESPACES["mpmath"]["mp"]
    x = [mp.mpf(v) for v in values]
    if kind == "probs":
        return [minus_log(v) for v in x]
    if kind == "logprobs":
        return [-v for v in x]
    top = max(x)
    others = x[: x.index(top)] + x[x.index(top) + 1 :]
    first = mp.log1p(mp.fsum(mp.exp(v - top) for v in others))
    return [top - v + first for v in x]


def two_surprisals(value: float, kind: str) -> list[Any]:
    """Return -ln(1 - p) and -ln p from p, its logit or its logarithm."""
    mp = NAMESPACES["mpmath"]["mp"]
    x = mp.mpf(value)
    if kind == "logits":
        return [mp.log1p(mp.exp(x)), mp.log1p(mp.exp(-x))]
    if kind == "logprobs":
        return [minus_log(-mp.expm1(x)), -x]
    return [-mp.log1p(-x) if x != 1 else mp.inf, minus_log(x)]


# --- seeded inputs ---


def some_logits(rng: np.random.Generator, n: int, k: int = 0, spread: float = 2.0) -> Array:
    """Return n rows of k logits, or n single ones."""
    return rng.normal(size=(n, k) if k else n) * spread


def softmax(z: Array) -> Array:
    """Return shares of rows; of one column, the sigmoid."""
    if z.ndim == 1:
        return np.asarray(1.0 / (1.0 + np.exp(-z)))
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def seen(kind: str, z: Array) -> Array:
    """Return logits as the probabilities, logits or log-probabilities that a file could hold."""
    if kind == "probs":
        return softmax(z)
    if kind == "logits":
        return z
    if z.ndim == 1:
        return -np.logaddexp(0.0, -z)
    top = z.max(axis=1, keepdims=True)
    return np.asarray(z - top - np.log(np.exp(z - top).sum(axis=1, keepdims=True)))


def some_labels(rng: np.random.Generator, n: int, k: int) -> Array:
    """Return n labels, unevenly spread over k classes, with each of them where there are rows enough."""
    labels = np.minimum(rng.geometric(0.4, size=n) - 1, k - 1)
    labels[: min(n, k)] = np.arange(min(n, k))
    return rng.permutation(labels)


def some_shares(rng: np.random.Generator, n: int, k: int, zeros: bool = False) -> Array:
    """Return n distributions over k classes, a third of the shares 0 if asked for."""
    raw = rng.gamma(1.0, size=(n, k)) + 0.01
    if zeros:
        raw = np.where(rng.random((n, k)) < 1 / 3, 0.0, raw)
        raw[np.arange(n), rng.integers(k, size=n)] += 0.5
    return np.asarray(raw / raw.sum(axis=1, keepdims=True))


def some_weights(rng: np.random.Generator, n: int, kind: str) -> Array:
    """Return counts from 0, or positive weights of very different sizes."""
    if kind == "counts":
        return np.asarray(rng.integers(0, 5, size=n) + (np.arange(n) == 0), dtype=np.float64)
    return np.exp(rng.normal(size=n) * 2.0)


# --- a) binary ---

# The loss itself: BinaryCrossentropy takes the mean over the last axis in float32, except on TensorFlow.
KERAS_BINARY = "keras.ops.binary_crossentropy({}, {}).mean()"
KERAS_BINARY_WEIGHTED = "jnp.average(keras.ops.binary_crossentropy(t, {}), weights={})"
BINARY = {
    "probs": (
        Witness("scikit-learn", "log_loss", "log_loss(y, p, labels=[0, 1])", absolute=ONE_COLUMN),
        Witness("torch", "log_loss", "F.binary_cross_entropy(p, t)"),
        Witness("keras", "log_loss", KERAS_BINARY.format("t", "p"), absolute=ONE_COLUMN),
        Witness("torch", "row_loss", "F.binary_cross_entropy(p, t, reduction='none')"),
        Witness("scikit-learn", "brier", "brier_score_loss(y, p, pos_label=1)"),
        Witness("scikit-learn", "brier_sum", "brier_score_loss(y, p, pos_label=1, scale_by_half=False)"),
        Witness("scikit-learn", "accuracy", "accuracy_score(y, p > 0.5)"),
    ),
    "logits": (
        Witness("torch", "log_loss", "F.binary_cross_entropy_with_logits(z, t)"),
        Witness("optax", "log_loss", "optax.sigmoid_binary_cross_entropy(z, t).mean()"),
        Witness("keras", "log_loss", KERAS_BINARY.format("t", "z, from_logits=True")),
        Witness("torch", "row_loss", "F.binary_cross_entropy_with_logits(z, t, reduction='none')"),
        Witness("optax", "row_loss", "optax.sigmoid_binary_cross_entropy(z, t)"),
        Witness("scipy", "brier", "np.mean((expit(z) - y) ** 2)"),
        Witness("scikit-learn", "accuracy", "accuracy_score(y, z > 0)"),
    ),
    "logprobs": (
        Witness("numpy", "log_loss", "-np.mean(np.where(y == 1, lp, np.log1p(-np.exp(lp))))"),
        Witness("torch", "log_loss", "F.nll_loss(torch.stack([torch.log1p(-torch.exp(lp)), lp], 1), y)"),
    ),
}
BINARY_WEIGHTED = {
    "probs": (
        Witness("scikit-learn", "log_loss", "log_loss(y, p, sample_weight={v}, labels=[0, 1])", absolute=ONE_COLUMN),
        Witness("torch", "log_loss", "(F.binary_cross_entropy(p, t, reduction='none') * {v}).sum() / {v}.sum()"),
        Witness("keras", "log_loss", KERAS_BINARY_WEIGHTED.format("p", "{v}"), absolute=ONE_COLUMN),
        Witness("scikit-learn", "brier", "brier_score_loss(y, p, sample_weight={v}, pos_label=1)"),
        Witness("scikit-learn", "accuracy", "accuracy_score(y, p > 0.5, sample_weight={v})"),
    ),
    "logits": (
        Witness("torch", "log_loss", "F.binary_cross_entropy_with_logits(z, t, weight={v}, reduction='sum') / {v}.sum()"),
        Witness("optax", "log_loss", "jnp.average(optax.sigmoid_binary_cross_entropy(z, t), weights={v})"),
        Witness("keras", "log_loss", KERAS_BINARY_WEIGHTED.format("z, from_logits=True", "{v}")),
    ),
    "logprobs": (
        Witness(
            "torch",
            "log_loss",
            "F.nll_loss(torch.stack([torch.log1p(-torch.exp(lp)), lp], 1), y, reduction='none') @ {v} / {v}.sum()",
        ),
    ),
}
BASES = {"2": "np.log(2)", "10": "np.log(10)"}


def naming(witnesses: Sequence[Witness], **names: str) -> list[Witness]:
    """Return witnesses whose calls have the names filled in."""
    return [Witness(one.tool, one.metric, one.call.format(**names), one.relative, one.absolute) for one in witnesses]


def binary() -> Iterator[Case]:
    """One column, or two."""
    for kind, witnesses in BINARY.items():
        exact = ["log_loss", "row_loss", "brier", "brier_sum", "kl_divergence"]
        for n, spread in ((1, 1.0), (7, 1.0), (40, 2.0), (12, 4.0)):
            name = f"binary, {kind}, n={n}, spread {spread:g}"
            rng = draw(name)
            z, y = some_logits(rng, n, spread=spread), some_labels(rng, n, 2)
            yield from build(name, seen(kind, z), y, witnesses, exact=exact, options={"task": "binary", "from": kind})
        yield from binary_weighted(kind)
    yield from binary_two_columns()
    yield from binary_options()


def binary_weighted(kind: str) -> Iterator[Case]:
    """Weights of rows, of classes, of both."""
    plans: tuple[tuple[str, str | None, Any], ...] = (
        ("counts as weights", "counts", None),
        ("weights", "sizes", None),
        ("class weights", None, {"0": 2.0, "1": 0.5}),
        ("one class weight", None, {"1": 7.5}),
        ("balanced", None, "balanced"),
        ("weights and class weights", "sizes", {"0": 0.25, "1": 3.0}),
    )
    for title, weights, of_classes in plans:
        name = f"binary, {kind}, {title}"
        rng = draw(name)
        z, y = some_logits(rng, 15), some_labels(rng, 15, 2)
        options = {"task": "binary", "from": kind} | ({"class_weights": of_classes} if of_classes else {})
        witnesses = naming(BINARY_WEIGHTED[kind], v="v" if of_classes else "w")
        if of_classes == "balanced" and kind == "probs":
            call = "log_loss(y, p, sample_weight=balanced('balanced', y), labels=[0, 1])"
            witnesses.append(Witness("scikit-learn", "log_loss", call, absolute=ONE_COLUMN))
        w = None if weights is None else some_weights(rng, 15, weights)
        yield from build(name, seen(kind, z), y, witnesses, weights=w, options=options)


def binary_two_columns() -> Iterator[Case]:
    """A column for each of the two classes."""
    calls = {
        "probs": [
            Witness("scikit-learn", "log_loss", "log_loss(y, p, labels=[0, 1])", absolute=ONE_COLUMN),
            Witness("torch", "log_loss", "F.nll_loss(torch.log(p), y)"),
            Witness("scikit-learn", "brier", "brier_score_loss(y, p[:, 1], pos_label=1)"),
        ],
        "logits": [Witness("torch", "log_loss", "F.cross_entropy(z, y)")],
        "logprobs": [Witness("torch", "log_loss", "F.nll_loss(lp, y)")],
    }
    for kind, witnesses in calls.items():
        for n in (1, 9, 30):
            name = f"binary, two columns, {kind}, n={n}"
            rng = draw(name)
            z, y = some_logits(rng, n, 2), some_labels(rng, n, 2)
            yield from build(name, seen(kind, z), y, witnesses, options={"task": "binary", "from": kind})


def binary_options() -> Iterator[Case]:
    """Smoothing and units."""
    for smoothing in (0.1, 0.5):
        name = f"binary, probs, smoothing {smoothing}"
        rng = draw(name)
        z, y = some_logits(rng, 10), some_labels(rng, 10, 2)
        options = {"task": "binary", "smoothing": smoothing}
        calls = [
            Witness(
                "keras", "log_loss", KERAS_BINARY.format(f"{1 - smoothing} * t + {smoothing} / 2", "p"), absolute=ONE_COLUMN
            ),
            Witness("torch", "log_loss", f"F.binary_cross_entropy(p, {1 - smoothing} * t + {smoothing} / 2)"),
        ]
        yield from build(name, softmax(z), y, calls, options=options | {"from": "probs"})
        smooth = f"optax.smooth_labels(jnp.stack([1 - t, t], 1), {smoothing})[:, 1]"
        calls = [
            Witness("keras", "log_loss", KERAS_BINARY.format(f"{1 - smoothing} * t + {smoothing} / 2", "z, from_logits=True")),
            Witness("optax", "log_loss", f"optax.sigmoid_binary_cross_entropy(z, {smooth}).mean()"),
        ]
        yield from build(name.replace("probs", "logits"), z, y, calls, options=options | {"from": "logits"})
    for base, unit in BASES.items():
        name = f"binary, base {base}"
        rng = draw(name)
        z, y = some_logits(rng, 10), some_labels(rng, 10, 2)
        calls = [
            Witness("scikit-learn", "log_loss", f"log_loss(y, p, labels=[0, 1]) / {unit}", absolute=ONE_COLUMN),
            Witness("numpy", "log_loss", f"-np.mean(np.log{base}(np.where(y == 1, p, 1 - p)))", absolute=ONE_COLUMN),
            Witness("numpy", "row_loss", f"-np.log{base}(np.where(y == 1, p, 1 - p))", absolute=ONE_COLUMN),
        ]
        exact = ["log_loss", "row_loss", "kl_divergence"]
        options = {"task": "binary", "from": "probs", "base": base}
        yield from build(name, softmax(z), y, calls, exact=exact, options=options)


# --- b) several classes, integer labels ---

SHAPES = ((1, 3), (2, 2), (7, 3), (12, 5), (25, 10), (40, 12))
KERAS_SPARSE = "keras.losses.SparseCategoricalCrossentropy({})(y, {})"
KERAS_CLASSES = "keras.losses.CategoricalCrossentropy({})(t, {})"
MULTICLASS = {
    "probs": (
        Witness("scikit-learn", "log_loss", "log_loss(y, p, labels=np.arange(k))", absolute=ONE_COLUMN),
        Witness("torch", "log_loss", "F.nll_loss(torch.log(p), y)"),
        Witness("keras", "log_loss", KERAS_SPARSE.format("", "p")),
        Witness("keras", "log_loss", KERAS_CLASSES.format("", "p")),
        Witness("torch", "row_loss", "F.nll_loss(torch.log(p), y, reduction='none')"),
        Witness("torch", "kl_divergence", "F.kl_div(torch.log(p), t, reduction='batchmean')"),
        Witness("scikit-learn", "brier_sum", "brier_score_loss(y, p, labels=np.arange(k), scale_by_half=False)"),
        Witness("scikit-learn", "accuracy", "accuracy_score(y, p.argmax(1))"),
    ),
    "logits": (
        Witness("torch", "log_loss", "F.cross_entropy(z, y)"),
        Witness("torch", "log_loss", "F.cross_entropy(z, t)"),
        Witness("keras", "log_loss", KERAS_SPARSE.format("from_logits=True", "z")),
        Witness("keras", "log_loss", KERAS_CLASSES.format("from_logits=True", "z")),
        Witness("optax", "log_loss", "optax.softmax_cross_entropy_with_integer_labels(z, y).mean()"),
        Witness("optax", "log_loss", "optax.softmax_cross_entropy(z, t).mean()"),
        Witness("torch", "row_loss", "F.cross_entropy(z, y, reduction='none')"),
        Witness("optax", "row_loss", "optax.softmax_cross_entropy_with_integer_labels(z, y)"),
        Witness("torch", "kl_divergence", "F.kl_div(F.log_softmax(z, 1), t, reduction='batchmean')"),
        Witness("scipy", "brier_sum", "np.mean(np.sum((softmax(z, axis=1) - t) ** 2, axis=1))"),
        Witness("scikit-learn", "accuracy", "accuracy_score(y, z.argmax(1))"),
    ),
    "logprobs": (
        Witness("torch", "log_loss", "F.nll_loss(lp, y)"),
        Witness("torch", "log_loss", "F.nll_loss(F.log_softmax(lp, 1), y)"),
        Witness("optax", "log_loss", "optax.softmax_cross_entropy_with_integer_labels(lp, y).mean()"),
        Witness("torch", "row_loss", "F.nll_loss(lp, y, reduction='none')"),
        Witness("torch", "kl_divergence", "F.kl_div(lp, t, reduction='batchmean')"),
        Witness("scikit-learn", "accuracy", "accuracy_score(y, lp.argmax(1))"),
    ),
}
MULTICLASS_WEIGHTED = {
    "probs": (
        Witness("scikit-learn", "log_loss", "log_loss(y, p, sample_weight={v}, labels=np.arange(k))", absolute=ONE_COLUMN),
        Witness("keras", "log_loss", "keras.metrics.SparseCategoricalCrossentropy(dtype='float64')(y, p, sample_weight={v})"),
        Witness(
            "scikit-learn", "brier_sum", "brier_score_loss(y, p, sample_weight={v}, labels=np.arange(k), scale_by_half=False)"
        ),
        Witness("scikit-learn", "accuracy", "accuracy_score(y, p.argmax(1), sample_weight={v})"),
    ),
    "logits": (
        Witness("torch", "log_loss", "F.cross_entropy(z, y, reduction='none') @ {v} / {v}.sum()"),
        Witness("optax", "log_loss", "jnp.average(optax.softmax_cross_entropy_with_integer_labels(z, y), weights={v})"),
        Witness(
            "keras",
            "log_loss",
            "keras.metrics.CategoricalCrossentropy(from_logits=True, dtype='float64')(t, z, sample_weight={v})",
        ),
    ),
    "logprobs": (Witness("torch", "log_loss", "F.nll_loss(lp, y, reduction='none') @ {v} / {v}.sum()"),),
}
CLASS_WEIGHTED = {
    "probs": "F.nll_loss(torch.log(p), y, weight=cw)",
    "logits": "F.cross_entropy(z, y, weight=cw)",
    "logprobs": "F.nll_loss(lp, y, weight=cw)",
}


def multiclass() -> Iterator[Case]:
    """One label for each row."""
    for kind, witnesses in MULTICLASS.items():
        for n, k in SHAPES:
            name = f"multiclass, {kind}, n={n}, k={k}"
            rng = draw(name)
            z, y = some_logits(rng, n, k), some_labels(rng, n, k)
            exact = ["log_loss", "row_loss", "kl_divergence", "brier_sum"]
            yield from build(name, seen(kind, z), y, witnesses, exact=exact, options={"task": "multiclass", "from": kind})
        yield from multiclass_weighted(kind)
    yield from multiclass_smoothed()
    yield from multiclass_units()


def multiclass_weighted(kind: str) -> Iterator[Case]:
    """Weights of rows, of classes, of both."""
    plans: tuple[tuple[str, str | None, Any], ...] = (
        ("counts as weights", "counts", None),
        ("weights", "sizes", None),
        ("class weights", None, {"0": 2.0, "1": 0.5, "2": 1.0, "3": 10.0}),
        ("some class weights", None, {"2": 4.0}),
        ("balanced", None, "balanced"),
        ("weights and class weights", "sizes", {"0": 0.25, "3": 3.0}),
    )
    for title, weights, of_classes in plans:
        name = f"multiclass, {kind}, {title}"
        rng = draw(name)
        z, y = some_logits(rng, 20, 4), some_labels(rng, 20, 4)
        options = {"task": "multiclass", "from": kind} | ({"class_weights": of_classes} if of_classes else {})
        witnesses = naming(MULTICLASS_WEIGHTED[kind], v="v" if of_classes else "w")
        if of_classes and not weights:
            witnesses.append(Witness("torch", "log_loss", CLASS_WEIGHTED[kind]))
        if of_classes == "balanced" and kind == "probs":
            call = "log_loss(y, p, sample_weight=balanced('balanced', y), labels=np.arange(k))"
            witnesses.append(Witness("scikit-learn", "log_loss", call, absolute=ONE_COLUMN))
        w = None if weights is None else some_weights(rng, 20, weights)
        yield from build(name, seen(kind, z), y, witnesses, weights=w, options=options)


def multiclass_smoothed() -> Iterator[Case]:
    """Label smoothing, alone and weighted."""
    for smoothing in (0.01, 0.1, 0.3, 1.0):
        name = f"multiclass, logits, smoothing {smoothing}"
        rng = draw(name)
        z, y = some_logits(rng, 15, 6), some_labels(rng, 15, 6)
        options = {"task": "multiclass", "smoothing": smoothing}
        smooth = f"optax.smooth_labels(t, {smoothing})"
        calls = [
            Witness("torch", "log_loss", f"F.cross_entropy(z, y, label_smoothing={smoothing})"),
            Witness("torch", "log_loss", f"F.cross_entropy(z, t, label_smoothing={smoothing})"),
            Witness("keras", "log_loss", KERAS_CLASSES.format(f"from_logits=True, label_smoothing={smoothing}", "z")),
            Witness("optax", "log_loss", f"optax.softmax_cross_entropy(z, {smooth}).mean()"),
            Witness("torch", "row_loss", f"F.cross_entropy(z, y, label_smoothing={smoothing}, reduction='none')"),
        ]
        yield from build(name, z, y, calls, options=options | {"from": "logits"})
        calls = [
            Witness("keras", "log_loss", KERAS_CLASSES.format(f"label_smoothing={smoothing}", "p")),
            Witness("optax", "log_loss", f"-(jnp.log(p) * {smooth}).sum(1).mean()"),
        ]
        yield from build(name.replace("logits", "probs"), softmax(z), y, calls, options=options | {"from": "probs"})
        calls = [Witness("torch", "log_loss", f"F.cross_entropy(lp, y, label_smoothing={smoothing})")]
        yield from build(
            name.replace("logits", "logprobs"), seen("logprobs", z), y, calls, options=options | {"from": "logprobs"}
        )
    name = "multiclass, logits, smoothing, weights and class weights"
    rng = draw(name)
    z, y, w = some_logits(rng, 18, 5), some_labels(rng, 18, 5), some_weights(rng, 18, "sizes")
    calls = [
        Witness("torch", "log_loss", "F.cross_entropy(z, y, label_smoothing=0.2, reduction='none') @ v / v.sum()"),
        Witness("optax", "log_loss", "jnp.average(optax.softmax_cross_entropy(z, optax.smooth_labels(t, 0.2)), weights=v)"),
    ]
    options = {"task": "multiclass", "from": "logits", "smoothing": 0.2, "class_weights": {"1": 2.0, "4": 0.5}}
    yield from build(name, z, y, calls, weights=w, options=options)
    calls = [Witness("optax", "log_loss", calls[1].call + " / jnp.log(2)")]
    yield from build(name + ", base 2", z, y, calls, weights=w, options=options | {"base": "2"})


def multiclass_units() -> Iterator[Case]:
    """Bits and decimal digits."""
    for base, unit in BASES.items():
        for kind, call in (("probs", "F.nll_loss(torch.log(p), y)"), ("logits", "F.cross_entropy(z, y)")):
            name = f"multiclass, {kind}, base {base}"
            rng = draw(name)
            z, y = some_logits(rng, 12, 4), some_labels(rng, 12, 4)
            calls = [Witness("torch", "log_loss", f"{call} / {unit}")]
            if kind == "probs":
                calls.append(Witness("scipy", "log_loss", f"np.mean(entropy(t, p, base={base}, axis=1))"))
                calls.append(Witness("numpy", "row_loss", f"-np.log{base}(p[np.arange(len(y)), y])"))
            exact = ["log_loss", "row_loss", "kl_divergence", "brier_sum"]
            yield from build(
                name, seen(kind, z), y, calls, exact=exact, options={"task": "multiclass", "from": kind, "base": base}
            )


# --- c) soft labels ---

SOFT = {
    "probs": (
        Witness("keras", "log_loss", KERAS_CLASSES.format("", "p")),
        Witness("torch", "log_loss", "F.cross_entropy(torch.log(p), t)"),
        Witness("scipy", "log_loss", "-np.mean(np.sum(xlogy(t, p), axis=1))"),
        Witness("scipy", "kl_divergence", "np.mean(np.sum(rel_entr(t, p), axis=1))"),
        Witness("scipy", "kl_divergence", "np.mean(entropy(t, p, axis=1))"),
        Witness("torch", "kl_divergence", "F.kl_div(torch.log(p), t, reduction='batchmean')"),
        Witness("scipy", "label_entropy", "np.mean(entropy(t, axis=1))"),
        Witness("numpy", "brier_sum", "np.mean(np.sum((p - t) ** 2, axis=1))"),
    ),
    "logits": (
        Witness("torch", "log_loss", "F.cross_entropy(z, t)"),
        Witness("keras", "log_loss", KERAS_CLASSES.format("from_logits=True", "z")),
        Witness("optax", "log_loss", "optax.softmax_cross_entropy(z, t).mean()"),
        Witness("torch", "row_loss", "F.cross_entropy(z, t, reduction='none')"),
        Witness("torch", "kl_divergence", "F.kl_div(F.log_softmax(z, 1), t, reduction='batchmean')"),
        Witness("scipy", "label_entropy", "np.mean(entropy(t, axis=1))"),
        Witness("scipy", "brier_sum", "np.mean(np.sum((softmax(z, axis=1) - t) ** 2, axis=1))"),
    ),
    "logprobs": (
        Witness("torch", "log_loss", "F.cross_entropy(lp, t)"),
        Witness("scipy", "log_loss", "-np.mean(np.sum(t * lp, axis=1))"),
        Witness("torch", "kl_divergence", "F.kl_div(lp, t, reduction='batchmean')"),
        Witness("optax", "kl_divergence", "optax.losses.kl_divergence(lp, t).mean()"),
        Witness("scipy", "label_entropy", "np.mean(entropy(t, axis=1))"),
    ),
}
# Keras clips both distributions to [1e-7, 1]: only where nothing is as small.
KERAS_KL = Witness("keras", "kl_divergence", "keras.losses.KLDivergence()(t, p)")
TORCH_LOG_KL = Witness("torch", "kl_divergence", "F.kl_div(torch.log(p), torch.log(t), log_target=True, reduction='batchmean')")
SOFT_EXACT = ["log_loss", "row_loss", "label_entropy", "kl_divergence", "brier_sum"]


def soft() -> Iterator[Case]:
    """A distribution for each row."""
    for kind, witnesses in SOFT.items():
        for n, k in SHAPES:
            for zeros in (False, True):
                name = f"soft, {kind}, n={n}, k={k}" + (", zeros in the labels" if zeros else "")
                rng = draw(name)
                z, t = some_logits(rng, n, k), some_shares(rng, n, k, zeros)
                more = [KERAS_KL, TORCH_LOG_KL] if kind == "probs" and not zeros else []
                options = {"task": "soft", "from": kind}
                yield from build(name, seen(kind, z), t, [*witnesses, *more], exact=SOFT_EXACT, options=options)
    yield from soft_options()
    yield from normalized_labels()


def soft_options() -> Iterator[Case]:
    """Weights, smoothing and units; labels equal to the predictions."""
    name = "soft, logits, weights"
    rng = draw(name)
    z, t, w = some_logits(rng, 14, 4), some_shares(rng, 14, 4, True), some_weights(rng, 14, "sizes")
    calls = [
        Witness("torch", "log_loss", "F.cross_entropy(z, t, reduction='none') @ w / w.sum()"),
        Witness("optax", "log_loss", "jnp.average(optax.softmax_cross_entropy(z, t), weights=w)"),
        Witness("scipy", "label_entropy", "np.average(entropy(t, axis=1), weights=w)"),
        Witness("torch", "kl_divergence", "F.kl_div(F.log_softmax(z, 1), t, reduction='none').sum(1) @ w / w.sum()"),
    ]
    options = {"task": "soft", "from": "logits"}
    yield from build(name, z, t, calls, weights=w, exact=SOFT_EXACT, options=options)
    calls = [
        Witness("scipy", "log_loss", "-np.average(np.sum(xlogy(t, p), axis=1), weights=w)"),
        Witness("scipy", "kl_divergence", "np.average(entropy(t, p, axis=1), weights=w)"),
        Witness("scipy", "label_entropy", "np.average(entropy(t, axis=1), weights=w)"),
        Witness("numpy", "brier_sum", "np.average(np.sum((p - t) ** 2, axis=1), weights=w)"),
    ]
    options = {"task": "soft", "from": "probs"}
    yield from build("soft, probs, weights", softmax(z), t, calls, weights=w, exact=SOFT_EXACT, options=options)
    for smoothing in (0.1, 0.3):
        smooth = f"{1 - smoothing} * t + {smoothing} / k"
        calls = [
            Witness("torch", "log_loss", f"F.cross_entropy(z, t, label_smoothing={smoothing})"),
            Witness("keras", "log_loss", KERAS_CLASSES.format(f"from_logits=True, label_smoothing={smoothing}", "z")),
            Witness("optax", "log_loss", f"optax.softmax_cross_entropy(z, optax.smooth_labels(t, {smoothing})).mean()"),
            Witness("scipy", "label_entropy", f"np.mean(entropy({smooth}, axis=1))"),
            Witness("torch", "kl_divergence", f"F.kl_div(F.log_softmax(z, 1), {smooth}, reduction='batchmean')"),
        ]
        exact = ["log_loss", "label_entropy", "kl_divergence"]
        options = {"task": "soft", "from": "logits", "smoothing": smoothing}
        yield from build(f"soft, logits, smoothing {smoothing}", z, t, calls, exact=exact, options=options)
    for base in BASES:
        calls = [
            Witness("scipy", "label_entropy", f"np.mean(entropy(t, base={base}, axis=1))"),
            Witness("scipy", "kl_divergence", f"np.mean(entropy(t, p, base={base}, axis=1))"),
            Witness("scipy", "log_loss", f"np.mean(entropy(t, base={base}, axis=1) + entropy(t, p, base={base}, axis=1))"),
            Witness("scipy", "row_loss", f"entropy(t, base={base}, axis=1) + entropy(t, p, base={base}, axis=1)"),
        ]
        options = {"task": "soft", "from": "probs", "base": base}
        yield from build(f"soft, probs, base {base}", softmax(z), t, calls, exact=SOFT_EXACT, options=options)
    for kind in SOFT:
        one_hot = np.eye(4, dtype=np.int64)[some_labels(rng, 14, 4)]
        name = f"soft, {kind}, one-hot labels"
        options = {"task": "soft", "from": kind}
        yield from build(name, seen(kind, z), one_hot, SOFT[kind], exact=SOFT_EXACT, options=options)
    p = np.asarray([[0.5, 0.25, 0.125, 0.125], [0.0, 0.75, 0.25, 0.0], [0.25, 0.25, 0.25, 0.25]])
    calls = [
        Witness("scipy", "log_loss", "np.mean(entropy(t, axis=1))"),
        Witness("scipy", "label_entropy", "np.mean(entropy(t, axis=1))"),
        Witness("scipy", "kl_divergence", "np.mean(entropy(t, p, axis=1))", absolute=1e-15),
    ]
    options = {"task": "soft", "from": "probs"}
    yield from build("soft, labels equal to the predictions", p, p, calls, exact=SOFT_EXACT[:3], options=options)


def normalized_labels() -> Iterator[Case]:
    """Several positives under a softmax: 1 / j on each."""
    calls = {
        "logits": [
            Witness("torch", "log_loss", "F.cross_entropy(z, t / t.sum(1, keepdim=True))"),
            Witness("optax", "log_loss", "optax.softmax_cross_entropy(z, t / t.sum(1, keepdims=True)).mean()"),
            Witness("scipy", "label_entropy", "np.mean(np.log(t.sum(1)))"),
        ],
        "probs": [
            Witness("keras", "log_loss", "keras.losses.CategoricalCrossentropy()(t / t.sum(1, keepdims=True), p)"),
            Witness("scipy", "label_entropy", "np.mean(entropy(t, axis=1))"),
            Witness("scipy", "kl_divergence", "np.mean(entropy(t, p, axis=1))"),
        ],
    }
    for kind, witnesses in calls.items():
        for n, k in ((6, 3), (15, 8)):
            name = f"soft, {kind}, several positives made shares, n={n}, k={k}"
            rng = draw(name)
            z, t = some_logits(rng, n, k), (rng.random((n, k)) < 0.4).astype(np.int64)
            t[np.arange(n), rng.integers(k, size=n)] = 1
            options = {"task": "soft", "from": kind, "normalize_labels": True}
            yield from build(name, seen(kind, z), t, witnesses, exact=SOFT_EXACT, options=options)


# --- d) top k ---


def top_k() -> Iterator[Case]:
    """The label among the k largest; no ties."""
    for kind, x in (("probs", "p"), ("logits", "z")):
        for n, k, tops in ((10, 5, [1, 3]), (40, 12, [1, 3, 5]), (25, 4, [2, 3])):
            name = f"top k, {kind}, n={n}, k={k}"
            rng = draw(name)
            z, y = some_logits(rng, n, k), some_labels(rng, n, k)
            calls = [Witness("scikit-learn", "accuracy", f"accuracy_score(y, {x}.argmax(1))")]
            for top in tops:
                metric = f"top_{top}_accuracy"
                calls += [
                    Witness("scikit-learn", metric, f"top_k_accuracy_score(y, {x}, k={top}, labels=np.arange(k))"),
                    Witness("keras", metric, f"keras.metrics.sparse_top_k_categorical_accuracy(y, {x}, k={top}).mean()"),
                    Witness("keras", metric, f"keras.metrics.top_k_categorical_accuracy(t, {x}, k={top}).mean()"),
                ]
            options = {"task": "multiclass", "from": kind, "top_k": tops}
            yield from build(name, seen(kind, z), y, calls, options=options)
    name = "top k, probs, weights"
    rng = draw(name)
    z, y, w = some_logits(rng, 20, 6), some_labels(rng, 20, 6), some_weights(rng, 20, "sizes")
    calls = [
        Witness(
            "scikit-learn", f"top_{top}_accuracy", f"top_k_accuracy_score(y, p, k={top}, sample_weight=w, labels=np.arange(k))"
        )
        for top in (1, 3)
    ] + [
        Witness(
            "keras",
            f"top_{top}_accuracy",
            f"jnp.average(keras.metrics.sparse_top_k_categorical_accuracy(y, p, k={top}), weights=w)",
        )
        for top in (1, 3)
    ]
    yield from build(name, softmax(z), y, calls, weights=w, options={"task": "multiclass", "from": "probs", "top_k": [1, 3]})


# --- e) several labels ---

MULTILABEL = {
    "probs": (
        Witness("torch", "log_loss", "F.binary_cross_entropy(p, t)"),
        Witness("keras", "log_loss", KERAS_BINARY.format("t", "p"), absolute=ONE_COLUMN),
        Witness("torch", "row_loss", "F.binary_cross_entropy(p, t, reduction='none').mean(1)"),
    ),
    "logits": (
        Witness("torch", "log_loss", "F.binary_cross_entropy_with_logits(z, t)"),
        Witness("optax", "log_loss", "optax.sigmoid_binary_cross_entropy(z, t).mean()"),
        Witness("keras", "log_loss", KERAS_BINARY.format("t", "z, from_logits=True")),
        Witness("torch", "row_loss", "F.binary_cross_entropy_with_logits(z, t, reduction='none').mean(1)"),
    ),
}
# Only for labels of 0 and 1.
SKLEARN_LABELS = Witness(
    "scikit-learn", "log_loss", "np.mean([log_loss(y[:, j], p[:, j], labels=[0, 1]) for j in range(k)])", absolute=ONE_COLUMN
)
ENTROPY_OF_LABELS = Witness("scipy", "label_entropy", "np.mean(entr(t) + entr(1 - t))", absolute=ONE_COLUMN)


def multilabel() -> Iterator[Case]:
    """Independent labels: mean over them, or sum."""
    for kind, witnesses in MULTILABEL.items():
        for n, k in ((1, 2), (8, 3), (30, 6)):
            name = f"multilabel, {kind}, n={n}, k={k}"
            rng = draw(name)
            z = some_logits(rng, n, k)
            t = (rng.random((n, k)) < 0.4).astype(np.int64)
            t[0] = 1
            more = [SKLEARN_LABELS] if kind == "probs" else []
            options = {"task": "multilabel", "from": kind}
            x = softmax(z.ravel()).reshape(n, k) if kind == "probs" else z
            exact = ["log_loss", "row_loss"]
            yield from build(name, x, t, [*witnesses, *more], exact=exact, options=options)
            sums = [Witness(one.tool, one.metric, f"k * {one.call}", one.relative, k * one.absolute) for one in witnesses]
            options = options | {"reduce_labels": "sum"}
            yield from build(f"{name}, sum over labels", x, t, sums, exact=exact, options=options)
            q = np.round(rng.random((n, k)), 3)
            options = {"task": "multilabel", "from": kind}
            exact = ["log_loss", "row_loss", "label_entropy", "kl_divergence"]
            name += ", probabilities as labels"
            yield from build(name, x, q, [*witnesses, ENTROPY_OF_LABELS], exact=exact, options=options)
    name = "multilabel, logits, weights, smoothing"
    rng = draw(name)
    z, t, w = some_logits(rng, 12, 4), (rng.random((12, 4)) < 0.4).astype(np.int64), some_weights(rng, 12, "sizes")
    t[0] = 1
    weighted = [
        Witness("torch", "log_loss", "F.binary_cross_entropy_with_logits(z, t, reduction='none').mean(1) @ w / w.sum()"),
        Witness("optax", "log_loss", "jnp.average(optax.sigmoid_binary_cross_entropy(z, t).mean(1), weights=w)"),
    ]
    options = {"task": "multilabel", "from": "logits"}
    yield from build("multilabel, logits, weights", z, t, weighted, weights=w, options=options)
    smoothed = [
        Witness("keras", "log_loss", KERAS_BINARY.format("0.9 * t + 0.1 / 2", "z, from_logits=True")),
        Witness("torch", "log_loss", "F.binary_cross_entropy_with_logits(z, 0.9 * t + 0.1 / 2)"),
    ]
    yield from build("multilabel, logits, smoothing 0.1", z, t, smoothed, options=options | {"smoothing": 0.1})
    bits = [Witness("scipy", "log_loss", "-np.mean(t * log_expit(z) + (1 - t) * log_expit(-z)) / np.log(2)")]
    yield from build("multilabel, logits, base 2", z, t, bits, options=options | {"base": "2"})


# --- f) narrow types, scored exactly ---


def stored(tolerance: dict[str, float] = TOLERANCE) -> Iterator[Case]:
    """Predictions in float32 or float16: the tool's own width, and mpmath on the same numbers."""
    for dtype, relative in (("float32", tolerance["float32"]), ("float16", tolerance["float16"])):
        for k in (3, 10):
            name = f"{dtype}, logits, {k} classes"
            rng = draw(name)
            z, y = some_logits(rng, 12, k), some_labels(rng, 12, k)
            calls = [Witness("torch", "log_loss", "F.cross_entropy(z, y)", relative)]
            options = {"task": "multiclass", "from": "logits"}
            yield from build(name, z, y, calls, exact=["log_loss", "row_loss"], dtype=dtype, options=options)
            name = f"{dtype}, probs, {k} classes"
            calls = [Witness("torch", "log_loss", "F.nll_loss(torch.log(p), y)", relative)]
            options = {"task": "multiclass", "from": "probs"}
            yield from build(name, softmax(z), y, calls, exact=["log_loss", "row_loss"], dtype=dtype, options=options)
        name = f"{dtype}, binary logits"
        rng = draw(name)
        z, y = some_logits(rng, 12), some_labels(rng, 12, 2)
        calls = [Witness("torch", "log_loss", "F.binary_cross_entropy_with_logits(z, t)", relative)]
        yield from build(name, z, y, calls, dtype=dtype, options={"task": "binary", "from": "logits"})
        calls = [Witness("torch", "log_loss", "F.binary_cross_entropy(p, t)", relative)]
        options = {"task": "binary", "from": "probs"}
        yield from build(f"{dtype}, binary probs", softmax(z), y, calls, dtype=dtype, options=options)


# --- g) the floor ---


def floored() -> Iterator[Case]:
    """The floor at other heights than the default, with zeros and tiny probabilities of the true class."""
    p = [0.0, 1.0, 1e-300, 1e-12, 1e-5, 0.25, 1.0, 0.75]
    y = [1, 0, 1, 1, 1, 1, 1, 0]
    three = [[0.0, 0.25, 0.75], [1e-300, 0.5, 0.5], [1e-12, 0.25, 0.75], [0.5, 0.25, 0.25], [0.125, 0.125, 0.75]]
    truth = [0, 0, 0, 0, 2]
    for eps in (None, 1e-300, 1e-15, 1e-7, 0.2, 0.0):
        title = "floor by default" if eps is None else f"floor {eps:g}"
        floor = DEFAULT_EPS if eps is None else eps
        given = {} if eps is None else {"eps": eps}
        calls = [Witness("numpy", "log_loss", f"-np.mean(np.log(np.maximum(np.where(y == 1, p, 1 - p), {floor})))")]
        options = {"task": "binary", "from": "probs"} | given
        yield from build(f"binary, {title}", p, y, calls, exact=["log_loss", "row_loss"], options=options)
        calls = [Witness("numpy", "log_loss", f"-np.mean(np.log(np.maximum(p[np.arange(len(y)), y], {floor})))")]
        options = {"task": "multiclass", "from": "probs"} | given
        yield from build(f"multiclass, {title}", three, truth, calls, exact=["log_loss", "row_loss"], options=options)
    t = [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    calls = [
        Witness("scipy", "kl_divergence", "np.mean(np.sum(rel_entr(t, p), axis=1))"),
        Witness("scipy", "log_loss", "-np.mean(np.sum(xlogy(t, p), axis=1))"),
    ]
    options = {"task": "soft", "from": "probs", "eps": 0.0}
    harmless, fatal = [[0.25, 0.75, 0.0], [0.0, 0.5, 0.5]], [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]
    yield from build("soft, zeros that no label needs, no floor", harmless, t, calls, exact=SOFT_EXACT, options=options)
    exact = ["log_loss", "row_loss", "label_entropy", "kl_divergence"]
    yield from build("soft, a zero under a label, no floor", fatal, t, calls, exact=exact, options=options)


# --- h) extremes ---

LARGE = 1e4
# What the others are behind by, for a loss of about 1e-17, 1e-40, 1e-300.
BEHIND = {"1e-17": 39.1439465808988, "1e-40": 92.1034037197618, "1e-300": 690.77552789821368}


def extremes() -> Iterator[Case]:
    """Logits of 1e4, losses of 1e-300, probabilities of 1e-300, a thousand classes."""
    yield from extreme_binary()
    yield from extreme_classes()
    yield from thousand_classes()


def extreme_binary() -> Iterator[Case]:
    """One column."""
    options = {"task": "binary", "from": "logits", "eps": 0.0}
    torch = Witness("torch", "log_loss", "F.binary_cross_entropy_with_logits(z, t)")
    optax = Witness("optax", "log_loss", "optax.sigmoid_binary_cross_entropy(z, t).mean()")
    rows = ["log_loss", "row_loss"]
    lost = build("binary, logits of 1e4 that lose", [LARGE, -LARGE], [0, 1], [torch, optax], exact=rows, options=options)
    won = build("binary, logits of 1e4 that win", [LARGE, -LARGE], [1, 0], [torch, optax], exact=rows, options=options)
    yield from lost + won
    mixed, y = [LARGE, -LARGE, LARGE, -LARGE, 0.0, 1.0], [0, 1, 1, 0, 1, 0]
    yield from build("binary, logits of 1e4, mixed", mixed, y, [torch, optax], exact=rows, options=options)
    for title, behind in BEHIND.items():
        calls = [Witness("scipy", "log_loss", "-np.mean(np.where(y == 1, log_expit(z), log_expit(-z)))")]
        name = f"binary, logits, loss of {title}"
        yield from build(name, [behind, -behind], [1, 0], calls, exact=rows, options=options)
    options = {"task": "binary", "from": "probs", "eps": 0.0}
    for title, p in (("1e-300", 1e-300), ("1e-17", 1e-17), ("1e-12", 1e-12)):
        calls = [
            Witness("torch", "row_loss", "F.binary_cross_entropy(p, t, reduction='none')")
            if p > 1e-43
            else Witness("numpy", "row_loss", "-np.where(y == 1, np.log(p), np.log1p(-p))")
        ]
        yield from build(f"binary, p of {title}", [p, p], [1, 0], calls, exact=rows, options=options)
    options = {"task": "binary", "from": "logprobs", "eps": 0.0}
    name = "binary, log-probabilities of -1e4 and near 0"
    yield from build(name, [-LARGE, -LARGE, -1e-300, -1e-17, -0.5], [1, 0, 0, 0, 1], [], exact=rows, options=options)
    name = "multilabel, logits of 1e4"
    options = {"task": "multilabel", "from": "logits", "eps": 0.0}
    yield from build(name, [[LARGE, -LARGE], [LARGE, -LARGE]], [[1, 0], [0, 1]], [torch, optax], exact=rows, options=options)


def extreme_classes() -> Iterator[Case]:
    """Three classes."""
    options = {"task": "multiclass", "from": "logits", "eps": 0.0}
    torch = Witness("torch", "log_loss", "F.cross_entropy(z, y)")
    rows = ["log_loss", "row_loss"]
    wide = [[LARGE, -LARGE, 0.0], [LARGE, -LARGE, 0.0], [LARGE, -LARGE, 0.0], [-LARGE, -LARGE, LARGE]]
    yield from build("multiclass, logits of 1e4", wide, [0, 1, 2, 2], [torch], exact=rows, options=options)
    level = [[LARGE, LARGE, LARGE], [-LARGE, -LARGE, -LARGE], [LARGE, LARGE - 1.0, LARGE - 2.0]]
    yield from build("multiclass, logits near 1e4", level, [0, 1, 2], [torch], exact=rows, options=options)
    for title, behind in BEHIND.items():
        z = [[0.0, -behind, -behind - 3.0], [-behind, LARGE, LARGE - behind], [-2 * behind, -2 * behind, -behind]]
        name = f"multiclass, logits, loss of {title}"
        yield from build(name, z, [0, 1, 2], [], exact=rows, options=options)
    z = [[0.0, -50.0, -60.0], [0.0, -50.0, -60.0]]
    name = "soft, logits, all but the winner far behind"
    options = {"task": "soft", "from": "logits", "eps": 0.0}
    t = [[1.0, 0.0, 0.0], [0.5, 0.25, 0.25]]
    yield from build(name, z, t, [], exact=["log_loss", "row_loss", "label_entropy"], options=options)
    options = {"task": "multiclass", "from": "probs", "eps": 0.0}
    p = [[1e-300, 0.25, 0.75], [5e-324, 0.5, 0.5], [1.0, 0.0, 0.0], [1.0 - 2.0**-53, 2.0**-53, 0.0]]
    calls = [Witness("torch", "log_loss", "F.nll_loss(torch.log(p), y)")]
    yield from build("multiclass, p of 1e-300", p, [0, 0, 0, 0], calls, exact=rows, options=options)
    options = {"task": "multiclass", "from": "logprobs", "eps": 0.0}
    lp = [
        [-LARGE, 0.0, -LARGE],
        [-LARGE, 0.0, -LARGE],
        [-1e-300, -690.8, -691.0],
        [-800.0, -0.6931471805599453, -0.6931471805599453],
    ]
    calls = [Witness("torch", "log_loss", "F.nll_loss(lp, y)")]
    yield from build("multiclass, log-probabilities of -1e4", lp, [0, 1, 0, 0], calls, exact=rows, options=options)


def thousand_classes() -> Iterator[Case]:
    """A thousand classes, integer and soft labels."""
    name = "1000 classes, logits"
    rng = draw(name)
    z, y = some_logits(rng, 2, 1000), np.asarray([0, 999])
    calls = [
        Witness("torch", "log_loss", "F.cross_entropy(z, y)"),
        Witness("optax", "log_loss", "optax.softmax_cross_entropy_with_integer_labels(z, y).mean()"),
    ]
    options = {"task": "multiclass", "from": "logits", "eps": 0.0}
    yield from build(name, z, y, calls, exact=["log_loss", "row_loss", "brier_sum"], options=options)
    calls = [Witness("scikit-learn", "log_loss", "log_loss(y, p, labels=np.arange(k))", absolute=ONE_COLUMN)]
    options = {"task": "multiclass", "from": "probs", "eps": 0.0}
    yield from build("1000 classes, probs", softmax(z), y, calls, exact=["log_loss", "row_loss", "brier_sum"], options=options)
    t = some_shares(rng, 1, 1000)
    options = {"task": "soft", "from": "logits", "eps": 0.0}
    yield from build("1000 classes, soft", z[:1], t, SOFT["logits"], exact=SOFT_EXACT, options=options)


# --- i) text books ---


def text_books() -> Iterator[Case]:
    """Published numbers: the value is that of the printed inputs, held against the printed result."""
    plans: tuple[tuple[str, list[float], list[int], dict[str, Any], float, int], ...] = (
        ("-log2(0.775)", [0.775], [1], {"from": "probs", "base": "2"}, 0.3677, 4),
        ("-log2(0.938)", [0.938], [1], {"from": "probs", "base": "2"}, 0.0923, 4),
        ("sigmoid of 1, 0, 1", [1.0, 0.0, 1.0], [1, 0, 1], {"from": "logits"}, 0.43989, 5),
        ("sigmoid of 1, 0, 1 in four digits", [0.7311, 0.5, 0.7311], [1, 0, 1], {"from": "probs"}, 0.43985, 5),
        ("0.012 for a true positive", [0.012], [1], {"from": "probs"}, 4.4228, 4),
    )
    for title, p, y, options, published, digits in plans:
        for case in build(
            f"text book, {title}", p, y, [], exact=["log_loss", "row_loss"], options={"task": "binary"} | options
        ):
            if round(case["expected"][0]["value"], digits) != published:
                raise ValueError(f"{title}: {case['expected'][0]['value']} is not {published}")
            yield case


# --- j) other tools' own numbers ---


@dataclass(frozen=True)
class Rule:
    """What --as NAME does: the types it is asked with, the tool itself, and its rule in NumPy.

    binary, classes: the tool's calls (none where it is not at hand), then the rule for the loss of rows. slack:
    a difference that does not matter.
    """

    dtypes: tuple[str, ...]
    tool: str
    binary: tuple[str, ...]
    binary_rule: str
    classes: tuple[str, ...]
    classes_rule: str
    slack: float = 0.0


FLOATS = ("float64", "float32", "float16")
OLD_RULE = "-np.log(of_truth(divide(both(clip(p, {}))), y))"
TRUTH_ONLY = "-np.log(clip(of_truth(both(p), y), 1e-15))"
SPARK_RULE = (
    "np.where((q := of_truth(both(p), y)) > 1 - 1e-15, -np.log1p(-1e-15), np.where(q < 1e-15, -np.log(1e-15), -np.log(q)))"
)
KERAS_RULE = "-np.log(of_truth(clip_as(dtype, divide(p), 1e-7), y))"
OLD_CALL = ("log_loss(y, p, sample_weight=w, labels=np.arange(k))",)
RULES = {
    "sklearn": Rule(
        FLOATS,
        "scikit-learn",
        OLD_CALL,
        "-np.log(of_truth(clip(both(p), eps), y))",
        OLD_CALL,
        "-np.log(of_truth(clip(p, eps), y))",
    ),
    "sklearn-1.2": Rule(FLOATS, "scikit-learn (old)", OLD_CALL, OLD_RULE.format("eps"), OLD_CALL, OLD_RULE.format("eps")),
    "sklearn-1.1": Rule(
        ("float64",), "scikit-learn (old)", OLD_CALL, OLD_RULE.format("1e-15"), OLD_CALL, OLD_RULE.format("1e-15")
    ),
    "kaggle": Rule(("float64",), "", (), OLD_RULE.format("1e-15"), (), OLD_RULE.format("1e-15")),
    "keras": Rule(
        ("float64", "float32"),
        "keras",
        ("jnp.average(keras.ops.binary_crossentropy(t, p), weights=w)",),
        "-np.log(of_truth(both(clip_as(dtype, p, 1e-7)), y))",
        (
            "keras.metrics.SparseCategoricalCrossentropy(dtype='{dtype}')(y, p, sample_weight=w)",
            "keras.metrics.CategoricalCrossentropy(dtype='{dtype}')(t, p, sample_weight=w)",
        ),
        KERAS_RULE,
    ),
    "torch-bce": Rule(
        ("float64", "float32"),
        "torch",
        ("(F.binary_cross_entropy(p, t, reduction='none') * ({w})).sum() / ({w}).sum()",),
        "-np.maximum(np.where(y == 1, np.log(p), np.log1p(-p)), -100)",
        (),
        "",
    ),
    "xgboost": Rule(
        ("float32", "float64"),
        "xgboost",
        ("metric('logloss', p, y, w)",),
        "-np.log(np.maximum(of_truth(both(p.astype(np.float32)), y), np.float32(1e-16)).astype(np.float64))",
        ("metric('mlogloss', p, y, w)",),
        "-np.log(np.maximum(of_truth(p.astype(np.float32), y), np.float32(1e-16)).astype(np.float64))",
    ),
    "spark": Rule(("float64",), "", (), SPARK_RULE, (), SPARK_RULE, 1e-18),
    "mlr3": Rule(("float64",), "", (), TRUTH_ONLY, (), TRUTH_ONLY),
    "yardstick": Rule(
        ("float64",), "", (), "-np.log(of_truth(clip(both(p), 2**-52), y))", (), "-np.log(of_truth(clip(p, 2**-52), y))"
    ),
    "strict": Rule(
        ("float64",),
        "torch",
        (),
        "-np.where(y == 1, np.log(p), np.log1p(-p))",
        ("F.nll_loss(torch.log(p), y, reduction='none') @ ({w}) / ({w}).sum()",),
        "-np.log(of_truth(p, y))",
    ),
}
# Rows of (p, label). Exact: 1 - p is no rounding in any of the types.
BINARY_ROWS = {
    "zeros and ones": ([0.0, 1.0, 0.0, 1.0, 0.5, 0.25, 0.875], [1, 0, 0, 1, 1, 0, 1], True),
    "certain and right": ([0.0, 1.0, 1.0, 0.0], [0, 1, 1, 0], True),
    "certain and wrong, label 1": ([0.0, 0.0], [1, 1], True),
    "certain and wrong, label 0": ([1.0, 1.0], [0, 0], True),
    "tiny": ([1e-40, 1e-20, 1e-12, 1e-8, 1e-5, 0.3], [1, 1, 1, 1, 1, 0], False),
    "near one": ([1 - 1e-16, 1 - 1e-12, 1 - 1e-8, 1 - 1e-5, 0.7], [0, 0, 0, 0, 1], False),
    "nothing to clip": ([0.9, 0.2, 0.65, 0.4, 0.05], [1, 0, 1, 1, 0], False),
}
CLASS_ROWS = {
    "zeros and ones": (
        [[0.0, 0.25, 0.75], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.5, 0.25, 0.25], [0.0, 1.0, 0.0]],
        [0, 0, 1, 0, 1],
    ),
    "certain and right": ([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], [0, 2]),
    "tiny": (
        [[1e-40, 0.25, 0.75], [1e-20, 0.5, 0.5], [1e-12, 0.75, 0.25], [1e-8, 0.25, 0.75], [1e-5, 0.5, 0.5]],
        [0, 0, 0, 0, 0],
    ),
    "rows off 1": (
        [[0.1, 0.2, 0.3, 0.4005], [0.0, 0.2, 0.3, 0.4993], [0.25, 0.25, 0.25, 0.2495], [0.9, 0.05, 0.05, 0.0005]],
        [3, 0, 1, 0],
    ),
    "off 1 with zeros": ([[0.0, 0.4, 0.6005], [0.9992, 0.0, 0.0], [0.0, 1.0, 0.0006]], [0, 1, 2]),
    "nothing to clip": ([[0.7, 0.2, 0.1], [0.15, 0.6, 0.25], [0.3, 0.3, 0.4]], [0, 1, 0]),
}
LARGEST_DEVIATION = 1e-3


def own_number(
    name: str, of: str, p: Any, y: Any, dtype: str, calls: Sequence[str], rule: str, absolute: float, weights: Any = None
) -> list[Case]:
    """Return a tool's own number on data: the tool (or the old ones), and its rule written out."""
    p = np.asarray(p, dtype=dtype)
    task = "multiclass" if p.ndim > 1 else "binary"
    if task == "multiclass" and np.abs(p.astype(np.float64).sum(axis=1) - 1).max() > LARGEST_DEVIATION:
        raise ValueError(f"{name}: a row is off 1 by more than {LARGEST_DEVIATION}")
    computed = "float32" if of == "xgboost" else dtype
    relative = TOLERANCE[computed]
    w = "torch.ones_like(p if p.ndim == 1 else p[:, 0])" if weights is None else "w"
    tools = [RULES[of].tool]
    if tools == ["scikit-learn (old)"]:
        tools = [f"scikit-learn {version}" for version, elder in OLD.items() if elder.rule() == of]
    witnesses = [
        Witness(tool, "log_loss", call.format(dtype=dtype, w=w), relative, absolute) for tool in tools for call in calls
    ]
    absolute += RULES[of].slack
    witnesses.append(Witness(RULE, "log_loss", f"np.average({rule}, weights=w)", relative, absolute))
    options = {"task": task, "from": "probs", "as": of}
    return build(name, p, y, witnesses, weights=weights, exact=(), dtype=dtype, options=options)


def rounding(dtype: str, of: str, exact: bool) -> float:
    """Return how far a row's loss can be off because 1 - p is rounded to a type; Keras rounds 1 - 1e-7 too."""
    if exact and of != "keras":
        return 0.0
    return EPS["float32" if of == "xgboost" else dtype] / 2 if dtype != "float64" or of == "xgboost" else ONE_COLUMN


def as_binary() -> Iterator[Case]:
    """One column, under every rule and type."""
    for of, rule in RULES.items():
        for dtype in rule.dtypes:
            for title, (p, y, exact) in BINARY_ROWS.items():
                name = f"as {of}, binary, {title}, {dtype}"
                yield from own_number(name, of, p, y, dtype, rule.binary, rule.binary_rule, rounding(dtype, of, exact))
        p, y, _ = BINARY_ROWS["zeros and ones"]
        w = [1.0, 2.0, 0.5, 0.25, 4.0, 1.0, 3.0]
        dtype = rule.dtypes[0]
        name = f"as {of}, binary, zeros and ones, weights, {dtype}"
        yield from own_number(name, of, p, y, dtype, rule.binary, rule.binary_rule, 0.0, w)


def as_classes() -> Iterator[Case]:
    """Several columns, under every rule and type."""
    for of, rule in RULES.items():
        if not rule.classes_rule:
            continue
        for dtype in rule.dtypes:
            for title, (p, y) in CLASS_ROWS.items():
                name = f"as {of}, multiclass, {title}, {dtype}"
                yield from own_number(name, of, p, y, dtype, rule.classes, rule.classes_rule, 0.0)
        p, y = CLASS_ROWS["rows off 1"]
        dtype = rule.dtypes[0]
        name = f"as {of}, multiclass, rows off 1, weights, {dtype}"
        yield from own_number(name, of, p, y, dtype, rule.classes, rule.classes_rule, 0.0, [1.0, 2.0, 0.5, 0.25])


def as_more() -> Iterator[Case]:
    """Soft labels and several labels, under the rules of the tools that take them."""
    p = [[0.0, 0.25, 0.75], [1.0, 0.0, 0.0], [0.5, 0.2, 0.3005]]
    t = [[0.5, 0.25, 0.25], [0.75, 0.25, 0.0], [0.125, 0.5, 0.375]]
    labels_p, labels_t = [[0.0, 1.0, 0.5], [1.0, 0.25, 0.0], [1e-20, 0.75, 1.0]], [[1, 1, 0], [0, 1, 0], [1, 0, 1]]
    for dtype in ("float64", "float32"):
        relative = TOLERANCE[dtype]
        calls = [
            Witness("keras", "log_loss", "keras.losses.CategoricalCrossentropy()(t, p)", relative),
            Witness(RULE, "log_loss", "-np.mean(np.sum(t * np.log(clip_as(dtype, divide(p), 1e-7)), axis=1))", relative),
        ]
        options = {"task": "soft", "from": "probs", "as": "keras"}
        yield from build(f"as keras, soft, zeros, {dtype}", p, t, calls, exact=(), dtype=dtype, options=options)
        absolute = rounding(dtype, "keras", False)
        rule = "-np.mean(np.log(np.where(y == 1, (q := clip_as(dtype, p, 1e-7)), 1 - q)))"
        calls = [
            Witness("keras", "log_loss", KERAS_BINARY.format("t", "p"), relative, absolute),
            Witness(RULE, "log_loss", rule, relative, absolute),
        ]
        options = {"task": "multilabel", "from": "probs", "as": "keras"}
        name = f"as keras, multilabel, zeros and ones, {dtype}"
        yield from build(name, labels_p, labels_t, calls, exact=(), dtype=dtype, options=options)
        calls = [
            Witness("torch", "log_loss", "F.binary_cross_entropy(p, t)", relative),
            Witness(RULE, "log_loss", "-np.mean(np.maximum(np.where(y == 1, np.log(p), np.log1p(-p)), -100))", relative),
        ]
        options = {"task": "multilabel", "from": "probs", "as": "torch-bce"}
        name = f"as torch-bce, multilabel, zeros and ones, {dtype}"
        yield from build(name, labels_p, labels_t, calls, exact=(), dtype=dtype, options=options)
    options = {"task": "soft", "from": "probs", "as": "strict"}
    calls = [
        Witness("scipy", "log_loss", "-np.mean(np.sum(xlogy(t, p), axis=1))"),
        Witness("scipy", "kl_divergence", "np.mean(np.sum(rel_entr(t, p), axis=1))"),
    ]
    yield from build("as strict, soft, a zero under a label", p[:2], t[:2], calls, exact=(), options=options)
    calls.append(Witness("numpy", "brier_sum", "np.mean(np.sum((p - t) ** 2, axis=1))"))
    harmless = [[0.5, 0.5, 0.0], [0.25, 0.75, 0.0]]
    shares_of_two = [[0.25, 0.75, 0.0], [1.0, 0.0, 0.0]]
    yield from build("as strict, soft, zeros that no label needs", harmless, shares_of_two, calls, exact=(), options=options)


if __name__ == "__main__":
    main()
