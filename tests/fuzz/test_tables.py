"""Whatever stands in a table, celoss scores it or says what is wrong; the seed is fixed, `tests/fuzz/long.py` draws others."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.properties import PROPERTIES

EXAMPLES = {
    "any_table_is_scored_or_refused_with_a_reason": 80,
    "the_same_texts_mean_the_same_in_every_format": 50,
    "stored_numbers_mean_what_their_texts_mean": 40,
    "a_changed_plan_is_refused": 25,
    "the_order_of_rows_changes_no_metric": 60,
}
LOAD = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_property_of_every_run(name: str) -> None:
    check, strategies = PROPERTIES[name]
    # To reduce what fails takes minutes: `tests/fuzz/long.py --only NAME` does it.
    limits = settings(
        max_examples=EXAMPLES[name],
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=LOAD,
    )
    limits(given(*strategies)(check))()
