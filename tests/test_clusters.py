"""--cluster: rows that depend on one another, against NumPy's sums by cluster."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import celoss
from celoss.errors import CelossError

NAMES = ["a", "b", "c"]


def drawn(seed=0, n=600, clusters=60, k=3):
    """Rows whose clusters share most of what makes them hard, as a frame with columns a, b, c, label, w, patient."""
    random = np.random.default_rng(seed)
    patient = random.integers(0, clusters, n)
    z = random.normal(size=(n, k)) + 1.5 * random.normal(size=(clusters, k))[patient]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    y = (random.dirichlet(np.ones(k) * 5, n) * np.exp(0.5 * z)).argmax(axis=1)
    frame = pd.DataFrame(p, columns=NAMES[:k]).assign(label=np.array(NAMES)[y], w=random.exponential(size=n))
    return frame.assign(patient=[f"patient {one}" for one in patient])


def losses_of(frame, k=3):
    y = np.array([NAMES.index(one) for one in frame["label"]])
    p = frame[NAMES[:k]].to_numpy()
    return -np.log(p[np.arange(len(frame)), y]), p, y


def by_cluster(frame, values):
    return pd.Series(values).groupby(frame["patient"].to_numpy()).sum().to_numpy()


def sandwich(v, w):
    """Error and Hall's interval of Σ v / Σ w, v and w being sums by cluster, with G − 1 degrees of freedom."""
    count, mean = len(v), v.sum() / w.sum()
    u = v - mean * w
    error = math.sqrt(count / (count - 1) * np.sum(u**2)) / w.sum()
    t, c = stats.t.ppf(0.975, count - 1), np.mean(u**3) / np.mean(u**2) ** 1.5 / math.sqrt(count)
    bounds = (mean - error * 3 / c * (np.cbrt(1 + c * (x - c / 6)) - 1) for x in (t, -t))
    return error, tuple(max(0.0, one) for one in bounds)


def of(frame, **options):
    options = {"cluster": "patient", "label": "label", "pred": NAMES} | options
    return celoss.evaluate(frame, **options)


def about(expected, rel=1e-6):
    return pytest.approx(expected, rel=rel)


@pytest.mark.parametrize("given", [None, "balanced", {"a": 3.0, "b": 0.0}])
@pytest.mark.parametrize("weighted", [False, True])
def test_means_have_the_error_of_sums_by_cluster(weighted, given):
    frame = drawn()
    losses, p, y = losses_of(frame)
    w = frame["w"].to_numpy() if weighted else np.ones(len(frame))
    totals = np.bincount(y, w)
    of_class = {"balanced": 1 / totals, None: np.ones(3)}.get(given if given == "balanced" else None)
    if isinstance(given, dict):
        of_class = np.array([given.get(name, 1.0) for name in NAMES])
    every = w * of_class[y]
    found = of(frame, weights="w" if weighted else None, class_weights=given)
    sums = by_cluster(frame, every)
    some = sums > 0
    assert found.clusters == some.sum()
    brier = ((p - np.eye(3)[y]) ** 2).sum(axis=1)
    for name, values in (("log_loss", losses), ("brier", brier)):
        error, bounds = sandwich(by_cluster(frame, every * values)[some], sums[some])
        assert found.standard_errors[name] == about(error, 1e-11)
        assert found.interval(name) == about(bounds, 1e-5)
    right = p.argmax(axis=1) == y
    assert found.standard_errors["accuracy"] == about(sandwich(by_cluster(frame, every * right)[some], sums[some])[0], 1e-11)


@pytest.mark.parametrize("weighted", [False, True])
def test_skill_has_the_error_of_a_ratio_of_sums_by_cluster(weighted):
    frame = drawn(1)
    losses, _, y = losses_of(frame)
    w = frame["w"].to_numpy() if weighted else np.ones(len(frame))
    reference = -np.log(np.bincount(y, w) / w.sum())[y]
    error, _ = sandwich(by_cluster(frame, w * losses), by_cluster(frame, w * reference))
    found = of(frame, weights="w" if weighted else None)
    assert found.standard_errors["skill"] == about(error, 1e-11)
    half = stats.t.ppf(0.975, found.clusters - 1) * error
    assert found.interval("skill") == about((found.metrics["skill"] - half, found.metrics["skill"] + half), 1e-9)


def test_accuracy_has_wilsons_interval_of_as_many_rows_as_its_error_tells():
    frame = drawn(2)
    _, p, y = losses_of(frame)
    right, count = p.argmax(axis=1) == y, frame["patient"].nunique()
    error, _ = sandwich(by_cluster(frame, right.astype(float)), by_cluster(frame, np.ones(len(frame))))
    share = right.mean()
    n = share * (1 - share) / error**2
    assert n < 580
    # The error is an estimate from so few clusters.
    z = stats.t.ppf(0.975, count - 1)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    assert of(frame).interval("accuracy") == about((centre - half, centre + half), 1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_where_each_cluster_is_one_row_it_changes_nothing(weighted):
    frame = drawn(3, 200)
    frame["patient"] = [f"{one:x}" for one in np.random.default_rng(0).permutation(200)]
    options = {"weights": "w"} if weighted else {}
    clustered, plain = of(frame, **options), of(frame, cluster=None, pred=NAMES, **options)
    assert clustered.metrics == plain.metrics
    assert clustered.intervals.keys() == plain.intervals.keys()
    for name in plain.intervals:
        if name == "accuracy":
            # Without clusters the rows are known to be independent: n is no estimate, and the quantile that of the normal.
            continue
        assert clustered.interval(name) == about(plain.interval(name), 1e-5)
    assert clustered.standard_errors == pytest.approx(plain.standard_errors, rel=1e-11)


def test_rows_that_are_doubled_in_their_cluster_add_nothing():
    frame = drawn(4, 200)
    frame["patient"] = np.arange(200).astype(str)
    doubled = pd.concat([frame, frame])
    once, twice, apart = of(frame), of(doubled), of(doubled, cluster=None)
    for name in once.intervals:
        assert twice.interval(name) == about(once.interval(name), 1e-6)
        (low, high), (inner_low, inner_high) = once.interval(name), apart.interval(name)
        assert low < inner_low < inner_high < high


@pytest.mark.parametrize("options", [{}, {"weights": "w"}, {"top_k": 2, "class_weights": "balanced"}])
def test_neither_order_nor_batches_nor_threads_change_a_bit(options):
    frame = drawn(5, 3000, 400)
    frame.loc[:300, NAMES] = np.array([0.25, 0.375, 0.375])
    found = of(frame, **options)
    for batch_rows, threads in ((100, 3), (3000, 1), (1700, 2)):
        other = of(frame.sample(frac=1, random_state=batch_rows), batch_rows=batch_rows, threads=threads, **options)
        assert other.intervals == found.intervals
        assert other.standard_errors == found.standard_errors


def test_of_label_shares_every_mean_is_by_cluster():
    random = np.random.default_rng(6)
    p, t, patient = (
        random.dirichlet(np.ones(3), 300),
        random.dirichlet(np.ones(3), 300),
        random.integers(0, 40, 300).astype(str),
    )
    frame = pd.DataFrame(p, columns=NAMES).assign(patient=patient)
    found = celoss.evaluate(frame, pd.DataFrame(t, columns=NAMES), id="#", cluster="patient")
    losses, entropy = -(t * np.log(p)).sum(axis=1), -(t * np.log(t)).sum(axis=1)
    for name, values in (("log_loss", losses), ("label_entropy", entropy), ("kl_divergence", losses - entropy)):
        error, bounds = sandwich(by_cluster(frame, values), by_cluster(frame, np.ones(300)))
        assert found.standard_errors[name] == about(error, 1e-11)
        assert found.interval(name) == about(bounds, 1e-5)
    assert found.clusters == 40


def test_independent_labels_are_by_cluster_too():
    random = np.random.default_rng(7)
    p, t, patient = random.random((300, 3)), random.integers(0, 2, (300, 3)), random.integers(0, 40, 300).astype(str)
    names = ["x", "y", "z"]
    frame = pd.DataFrame(p, columns=names).assign(patient=patient)
    found = celoss.evaluate(frame, pd.DataFrame(t, columns=names), id="#", cluster="patient", task="multilabel")
    losses, right = -np.log(np.where(t == 1, p, 1 - p)).mean(axis=1), ((p > 0.5) == (t == 1)).mean(axis=1)
    ones = by_cluster(frame, np.ones(300))
    error, bounds = sandwich(by_cluster(frame, losses), ones)
    assert found.standard_errors["log_loss"] == about(error, 1e-11)
    assert found.interval("log_loss") == about(bounds, 1e-5)
    assert found.standard_errors["accuracy"] == about(sandwich(by_cluster(frame, right), ones)[0], 1e-11)
    low, high = found.interval("accuracy")
    assert low < found.metrics["accuracy"] < high


def test_clusters_without_weight_are_none():
    frame = drawn(8)
    frame.loc[frame["patient"] == "patient 3", "w"] = 0.0
    found, without = of(frame, weights="w"), of(frame[frame["w"] > 0], weights="w")
    assert found.clusters == without.clusters == 59
    assert found.intervals == without.intervals


@pytest.mark.parametrize("factor", [2.0**-180, 2.0**180])
def test_weights_of_any_size_have_the_same_intervals(factor):
    frame = drawn(9)
    assert of(frame.assign(w=frame["w"] * factor), weights="w").intervals == of(frame, weights="w").intervals


@pytest.mark.parametrize("factor", [2.0**-190, 2.0**190])
def test_class_weights_of_any_size_have_the_same_intervals(factor):
    frame, given = drawn(9), {"a": 2.0, "b": 0.5, "c": 1.0}
    scaled = {name: weight * factor for name, weight in given.items()}
    assert of(frame, class_weights=scaled, weights="w").intervals == of(frame, class_weights=given, weights="w").intervals


def test_a_row_that_weighs_next_to_nothing_is_no_reason_to_fail():
    """The accuracy rounds to 1, though a row is wrong."""
    frame = pd.DataFrame(
        {"a": [0.9, 0.8, 0.2], "b": [0.1, 0.2, 0.8], "label": ["a"] * 3, "patient": list("xyz"), "w": [1, 1, 1e-40]}
    )
    found = of(frame, pred=["a", "b"], weights="w")
    assert found.metrics["accuracy"] == 1.0
    assert found.interval("accuracy")[1] == 1.0


def test_clusters_that_are_all_alike_count_each_as_one_row():
    frame = pd.DataFrame({"a": [0.9, 0.2] * 40, "label": ["a"] * 80, "patient": np.repeat(np.arange(40), 2).astype(str)})
    frame["b"] = 1 - frame["a"]
    found = of(frame, pred=["a", "b"])
    z, n = stats.t.ppf(0.975, 39), 40
    half = z / (1 + z**2 / n) * math.sqrt(0.25 / n + z**2 / (4 * n**2))
    assert found.interval("accuracy") == about((0.5 - half, 0.5 + half), 1e-8)
    assert found.standard_errors["accuracy"] == 0.0


@pytest.mark.parametrize("shares", [3, 7])
def test_ties_are_shared_and_equal_clusters_have_no_error(shares):
    p = np.full((90, shares), 1 / shares)
    frame = pd.DataFrame(p, columns=[f"c{one}" for one in range(shares)])
    frame = frame.assign(label="c0", patient=np.repeat(np.arange(30), [1, 2, 3, 4, 5] * 6).astype(str))
    found = celoss.evaluate(frame, cluster="patient", label="label")
    assert found.standard_errors["accuracy"] == pytest.approx(0.0, abs=1e-16)
    share, z, n = 1 / shares, stats.t.ppf(0.975, 29), 30
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    assert found.interval("accuracy") == about((centre - half, centre + half), 1e-9)


def test_where_a_loss_is_infinite_the_lower_bound_is_by_cluster_and_no_rate_is_told():
    frame = drawn(10)
    frame.loc[0, NAMES] = [0.0, 0.5, 0.5]
    frame.loc[0, "label"] = "a"
    losses, _, _ = losses_of(frame.assign(a=frame["a"].where(frame.index > 0, 1.0)))
    _, (low, _) = sandwich(by_cluster(frame, losses), by_cluster(frame, np.ones(600)))
    found = of(frame, eps=0)
    assert found.interval("log_loss") == (about(low, 1e-5), math.inf)
    assert "infinite_rate" not in found.intervals


def test_groups_have_means_and_no_errors():
    """Of a group's rows there are no sums by cluster."""
    frame = drawn(11).assign(site=["x", "y"] * 300)
    found, plain = of(frame, by="site"), of(frame, by="site", cluster=None)
    for mine, other in zip(found.groups, plain.groups, strict=True):
        assert mine.metrics == other.metrics
        assert set(mine.standard_errors.values()) == {None}
        assert mine.intervals == {}
    assert all(one.recall_interval is None for one in found.per_class)
    assert {one["recall_interval"] for one in json.loads(found.to_json())["per_class"]} == {None}
    assert found.intervals == of(frame).intervals


def test_the_table_leaves_the_intervals_of_groups_out(celoss, tmp_path):
    drawn(12).assign(site=["x", "y"] * 300).to_csv(tmp_path / "rows.csv", index=False)
    command = ("eval", tmp_path / "rows.csv", "--cluster", "patient", "--by", "site", "--weights", "w")
    table, markdown, csv = (celoss(*command, *more) for more in ((), ("-f", "markdown"), ("-f", "csv")))
    assert {one.code for one in (table, markdown, csv)} == {0}
    (line,) = [line for line in table.out.splitlines() if line.split()[:2] == ["x", "300"]]
    assert "…" not in line
    (line,) = [line for line in markdown.out.splitlines() if line.startswith("| x | 300 |")]
    assert "…" not in line
    (line,) = [line for line in csv.out.splitlines() if line.startswith("by site,x,log_loss,")]
    assert line.split(",")[4:7] == ["", "", ""]


@pytest.mark.parametrize("side", ["predictions", "labels", "both"])
def test_the_column_may_be_in_either_file(side, tmp_path):
    frame = drawn(13).assign(id=[f"i{one}" for one in range(600)])
    predictions, labels = frame[["id", *NAMES]], frame[["id", "label"]].sample(frac=1, random_state=1)
    patients = frame["patient"].reindex(labels.index)
    if side in ("labels", "both"):
        labels = labels.assign(patient=patients)
    if side in ("predictions", "both"):
        predictions = predictions.assign(patient=frame["patient"] if side == "predictions" else "none of it")
    predictions.to_csv(tmp_path / "p.csv", index=False)
    labels.to_csv(tmp_path / "y.csv", index=False)
    found = celoss.evaluate(str(tmp_path / "p.csv"), str(tmp_path / "y.csv"), cluster="patient")
    assert found.intervals == of(frame).intervals
    assert found.plan.cluster == ("predictions" if side == "predictions" else "labels", "patient")


def test_names_may_be_quoted_and_empty(celoss, tmp_path):
    """All rows without a name are one cluster, as they are one group of --by."""
    path = tmp_path / "rows.csv"
    rows = ['0.9,0.1,a,"Meier, ""H."""', "0.2,0.8,a,", '0.3,0.7,b,"Meier, ""H."""', "0.4,0.6,b,", "0.5,0.5,a,x"]
    path.write_text("a,b,label,seen by\n" + "\n".join(rows) + "\n", encoding="utf-8")
    ran = celoss("eval", path, "--cluster", "seen by", "-f", "json")
    read = json.loads(ran.out)
    assert read["clusters"] == 3
    assert read["inputs"]["cluster_column"] == "seen by"
    losses = -np.log([0.9, 0.2, 0.7, 0.6, 0.5])
    v, w = np.array([losses[[0, 2]].sum(), losses[[1, 3]].sum(), losses[4]]), np.array([2.0, 2.0, 1.0])
    assert read["standard_errors"]["log_loss"] == about(sandwich(v, w)[0], 1e-12)


def test_a_saved_plan_keeps_the_clusters(celoss, tmp_path):
    path, plan = tmp_path / "rows.csv", tmp_path / "plan.json"
    drawn(14).to_csv(path, index=False)
    checked = celoss("check", path, "--cluster", "patient", "-o", plan)
    assert checked.code == 0
    (line,) = [line for line in checked.out.splitlines() if "clusters" in line]
    assert "patient" in line
    assert "--cluster" in line
    given = json.loads(celoss("eval", path, "--plan", plan, "-f", "json").out)
    detected = json.loads(celoss("eval", path, "--cluster", "patient", "-f", "json").out)
    assert given["clusters"] == detected["clusters"] == 60
    assert given["intervals"] == detected["intervals"]


def test_an_unknown_column_is_told_with_the_nearest_one(celoss, tmp_path):
    drawn(15).to_csv(tmp_path / "rows.csv", index=False)
    ran = celoss("eval", tmp_path / "rows.csv", "--cluster", "pateint")
    assert ran.code == 3
    assert ran.err.startswith("error[E205]: ")
    assert "did you mean --cluster patient?" in ran.err


@pytest.mark.parametrize("named", [True, False])
def test_the_column_by_which_rows_are_matched_may_be_that_of_the_clusters(named, tmp_path):
    """Each row is its own cluster then."""
    frame = drawn(16, 100).assign(id=[f"i{one}" for one in range(100)])
    frame[["id", *NAMES]].to_csv(tmp_path / "p.csv", index=False)
    frame[["id", "label"]].sample(frac=1, random_state=1).to_csv(tmp_path / "y.csv", index=False)
    files = str(tmp_path / "p.csv"), str(tmp_path / "y.csv")
    found = celoss.evaluate(*files, cluster="id", id="id" if named else None)
    plain = celoss.evaluate(*files)
    assert found.clusters == 100
    assert found.log_loss == plain.log_loss
    assert found.interval("log_loss") == about(plain.interval("log_loss"))


@pytest.mark.parametrize("given", [np.arange(3), pd.Series(["x", "y", "z"]), ["x", "y", "z"]])
def test_clusters_that_are_no_column_are_an_error(given):
    with pytest.raises(celoss.CelossError, match="cluster is no name of a column"):
        celoss.evaluate([0.9, 0.2, 0.6], [1, 0, 1], cluster=given)


def test_rows_without_a_cluster_are_one_and_a_note_counts_them():
    frame = drawn(1)
    frame.loc[:6, "patient"] = ""
    found = of(frame)
    assert [(note.code, note.count) for note in found.notes if note.code == "N13"] == [("N13", 7)]
    assert "N13" not in [note.code for note in of(drawn(1)).notes]


@pytest.mark.parametrize("task", ["multiclass", "soft", "multilabel"])
@pytest.mark.parametrize(
    ("clusters", "text"), [(1, "one cluster"), (2, "only 2 clusters"), (29, "only 29 clusters"), (30, None)]
)
def test_of_few_clusters_a_note_tells(task, clusters, text):
    random = np.random.default_rng(17)
    p, patient = random.dirichlet(np.ones(3), 90), (np.arange(90) % clusters).astype(str)
    t = {"soft": p, "multilabel": np.round(p)}.get(task, np.eye(3)[p.argmax(axis=1)])
    labels = pd.DataFrame(t, columns=NAMES) if task != "multiclass" else [NAMES[one] for one in t.argmax(axis=1)]
    frame = pd.DataFrame(p, columns=NAMES).assign(patient=patient)
    found = celoss.evaluate(frame, labels, cluster="patient", task=task, id="#")
    notes = [note for note in found.notes if note.code == "N11"]
    assert [note.count for note in notes] == ([] if text is None else [clusters])
    assert all(text in note.message for note in notes)
    assert (found.intervals == {}) == (clusters == 1)
    assert (found.standard_errors["log_loss"] is None) == (clusters == 1)


def test_the_identifier_of_a_cluster_has_to_be_there():
    with pytest.raises(CelossError, match="E205"):
        of(drawn(18), cluster="site")
