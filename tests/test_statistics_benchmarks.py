"""What the simulations take for the truth is true, and what they count is counted."""

import math

import numpy as np
import pytest
from benchmarks.statistics.models import DEEP, MODELS, NODES, RARE, WRONG, Model, accuracy, brier, log_loss
from benchmarks.statistics.paired import OVER, UNDER, expected
from benchmarks.statistics.trials import by_cluster, coverage, spread_of

ROWS = 400_000


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("cluster", [1, 10])
def test_the_true_means_are_those_of_very_many_rows(model: Model, cluster: int) -> None:
    sample = model.draw(np.random.default_rng(1), 1, ROWS, cluster, 0.5)
    p, right = sample.p[0], (sample.logit[0] > 0) == sample.positive[0]
    pairs = ((log_loss, sample.losses[0]), (brier, (p - sample.positive[0]) ** 2), (accuracy, right.astype(float)))
    for loss, values in pairs:
        units = values.reshape(-1, cluster).mean(axis=1)
        assert abs(units.mean() - model.expected(loss)) < 4.5 * units.std() / math.sqrt(len(units))
    assert abs(sample.positive.mean() - model.base_rate) < 0.01


def test_the_models_err_as_often_as_their_names_say() -> None:
    assert 1 - DEEP.expected(accuracy) == pytest.approx(0.03, abs=0.001)
    assert 1 - WRONG.expected(accuracy) == pytest.approx(0.003, abs=1e-9)
    assert RARE.base_rate == pytest.approx(0.01, abs=0.0005)


def test_a_weighted_truth_is_that_of_very_many_weighted_rows() -> None:
    model = MODELS[0]
    sample = model.draw(np.random.default_rng(2), 1, ROWS)
    weights = 1.0 + (sample.z[0] > 0.5)
    found = spread_of(sample.losses[0], weights)
    assert abs(found.mean - model.expected(log_loss, weight=1.0 + (NODES > 0.5))) < 4.5 * found.error


def test_rows_of_a_cluster_are_alike_and_others_are_not() -> None:
    z = MODELS[0].draw(np.random.default_rng(3), 1, ROWS, 10, 0.5).z.reshape(-1, 10)
    assert np.corrcoef(z[:, 0], z[:, 7])[0, 1] == pytest.approx(0.5, abs=0.02)
    assert np.corrcoef(z[:-1, 9], z[1:, 0])[0, 1] == pytest.approx(0.0, abs=0.02)


def test_what_a_row_would_cost_is_the_loss_of_the_other_label() -> None:
    sample = MODELS[1].draw(np.random.default_rng(4), 1, 50)
    assert sample.if_wrong[0] == pytest.approx(-np.log(np.minimum(sample.p[0], 1 - sample.p[0])))


def test_over_and_under_confident_have_the_same_mean_loss() -> None:
    assert expected(OVER) == pytest.approx(expected(UNDER), rel=1e-12)
    assert UNDER < 0.5 < 1.0 < OVER


def test_coverage_counts_both_sides() -> None:
    found = coverage([(0.0, 1.0), (2.0, 3.0), (-1.0, 0.2), (0.5, 0.5)], 0.5)
    assert (found.covered, found.above, found.below, found.length) == (50.0, 25.0, 25.0, 0.8)


def test_clusters_are_neighbours() -> None:
    sums, counts = by_cluster(np.arange(7.0), 3)
    assert sums.tolist() == [3.0, 12.0, 6.0]
    assert counts.tolist() == [3.0, 3.0, 1.0]
