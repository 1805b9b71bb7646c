"""What the benchmarks measure is what they say: the files, the ratios, the tables."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.comparison import beside, workloads
from benchmarks.make import Recipe, labels, pair, permuted, probabilities, uniform
from benchmarks.process import Run, in_turn, measure, medians, paired
from benchmarks.results import Table, document, markdown, read, skipped, write

import celoss

ROWS = 300


def mean_loss(recipe: Recipe) -> float:
    """The mean log loss of the rows that a recipe speaks of, in whatever order."""
    rows = np.arange(recipe.rows, dtype=np.uint64)
    p = probabilities(rows, recipe.classes, recipe.model)
    true = labels(probabilities(rows, recipe.classes), rows)
    return float(-np.log(p[true, np.arange(recipe.rows)]).mean())


@pytest.mark.parametrize("recipe", dict.fromkeys(replace(one, rows=ROWS) for one in workloads(small=True).values()), ids=str)
def test_the_files_of_each_workload_hold_the_rows_of_its_recipe(recipe: Recipe, tmp_path: Path) -> None:
    report = celoss.evaluate(*pair(recipe, tmp_path))
    assert report.log_loss == pytest.approx(mean_loss(recipe), rel=1e-13, abs=0)


def test_another_model_predicts_otherwise_for_the_same_labels(tmp_path: Path) -> None:
    recipe = Recipe(ROWS, 10, shuffled=True, model=3)
    predictions, of_labels = pair(recipe, tmp_path)
    assert of_labels == pair(replace(recipe, model=0), tmp_path)[1]
    assert celoss.evaluate(predictions, of_labels).log_loss == pytest.approx(mean_loss(recipe), rel=1e-13, abs=0)
    assert mean_loss(recipe) > 2 * mean_loss(replace(recipe, model=0))


def test_groups_stand_beside_the_labels(tmp_path: Path) -> None:
    report = celoss.evaluate(*pair(Recipe(ROWS, ids="none", groups=7), tmp_path), by="group")
    assert {group.value for group in report.groups} == set("0123456")


@pytest.mark.parametrize("count", [1, 2, 7, 1000])
def test_shuffled_rows_are_all_rows_once(count: int) -> None:
    assert sorted(permuted(np.arange(count, dtype=np.uint64), count)) == list(range(count))


def test_a_row_is_the_same_in_whichever_chunk_it_is_written() -> None:
    rows = np.arange(100, dtype=np.uint64)
    assert np.array_equal(probabilities(rows, 5)[:, 40:60], probabilities(rows[40:60], 5))


def test_no_two_classes_of_thousands_share_their_random_numbers() -> None:
    odds = probabilities(np.arange(4, dtype=np.uint64), 3000)
    # Rows that drew the same number for two classes have the same probability for both.
    assert all(len(np.unique(row)) == 3000 for row in odds.T)
    assert uniform(np.arange(4, dtype=np.uint64), 0).max() < 1


def runs(*seconds: float) -> list[Run]:
    return [Run(one, 2 * one, 100 * one, "") for one in seconds]


def test_ratios_are_taken_round_by_round() -> None:
    # Of the medians it would be 4 / 2; rounds that were slow for both count no more than others.
    assert paired(runs(1, 4, 9), runs(1, 2, 3)) == (2, 2)
    assert medians(runs(1, 4, 9)) == (4, 8, 900)


def test_a_program_of_every_third_round_is_compared_with_those_rounds() -> None:
    assert paired(runs(2, 50, 50, 6, 50), runs(1, 1), every=3) == (4, 4)
    with pytest.raises(ValueError, match="zip"):
        paired(runs(2, 50, 50, 6, 50), runs(1, 1))


def test_programs_run_in_turn_and_the_slow_one_in_every_third_round(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def note(command: list[str]) -> Run:
        ran.append(command[0])
        return runs(1)[0]

    monkeypatch.setattr("benchmarks.process.measure", note)
    assert len(in_turn({"a": ["a"], "slow": ["slow"]}, 4, {"slow": 3})["slow"]) == 2
    assert ran == ["a", "slow", "a", "a", "a", "slow"]


def test_the_faster_query_is_that_beside_which_celoss_takes_longer() -> None:
    line = beside("w", {"celoss": runs(6), "Polars": runs(3), "DuckDB": runs(2), "pandas + scikit-learn": runs(60)})
    assert line == ["w", 6, 3, 2, 60, None, 3, 3, 0.1, 600]


def test_a_child_is_measured_with_what_it_printed() -> None:
    run = measure([sys.executable, "-c", "print('x' * 3, len(bytearray(50_000_000)))"])
    assert run.output == "xxx 50000000\n"
    assert 50 < run.peak < 90
    assert run.cpu > 0


def test_a_child_that_fails_is_an_error_with_its_words() -> None:
    with pytest.raises(RuntimeError, match="exit status 3\nout of order"):
        measure([sys.executable, "-c", "import sys; print('out of order', file=sys.stderr); sys.exit(3)"])


def test_children_keep_byte_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert measure([sys.executable, "-c", "import sys; print(sys.dont_write_bytecode)"]).output == "False\n"


TABLE = Table(
    "growth", "Growth: rows", ("kind", "rows", "s"), [("in order", 10_000, 0.12345), ("shuffled", 5, None)], "A note."
)
SHOWN = """## Growth: rows

| kind | rows | s |
| --- | --- | --- |
| in order | 10,000 | 0.123 |
| shuffled | 5 |  |

A note.
"""


def test_a_table_is_the_same_after_its_csv_file(tmp_path: Path) -> None:
    assert markdown(TABLE) == SHOWN
    write(TABLE, tmp_path)
    assert (tmp_path / "growth.csv").read_text().splitlines()[2:4] == ["kind,rows,s", "in order,10000,0.12345"]
    assert markdown(read(tmp_path / "growth.csv")) == SHOWN


@pytest.mark.parametrize(
    ("number", "shown"), [(0.00123456, "0.00123"), (1.0, "1.00"), (12.345, "12.3"), (99.96, "100"), (1869.4, "1,869")]
)
def test_numbers_have_three_digits_or_all_before_the_point(number: float, shown: str) -> None:
    assert f"| {shown} |" in markdown(Table("t", "T", ("x",), [(number,)]))


def test_the_document_has_the_notes_then_the_tables_in_the_order_of_the_sections(tmp_path: Path) -> None:
    folder = tmp_path / "2026-11-22"
    for name in ("machine", "exact", "growth-rows", "comparison"):
        write(Table(name, f"About {name}", ("x",), [(1,)]), folder)
    write(skipped("threads", "About threads", "no such option"), folder)
    (folder / "notes.md").write_text("What was seen.\n")
    written = document(folder, ("comparison", "threads", "growth", "exact")).read_text()
    parts = ["# Benchmarks of 2026-11-22", "About machine", "What was seen.", "About comparison", "About threads"]
    parts += ["Not taken: no such option.", "About growth-rows", "About exact"]
    assert [written.index(part) for part in parts] == sorted(written.index(part) for part in parts)
