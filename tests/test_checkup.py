"""`celoss check`: what is understood, every fault, saved plans; and that `eval` finds the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

import celoss as library
from celoss.errors import UsageError
from celoss.pipeline import prepare
from celoss.plan import Plan
from tests.conftest import REPOSITORY, Ran

Command = Callable[..., Ran]
CHECK = ("check", "preds.csv", "labels.csv")
EVAL = ("eval", "preds.csv", "labels.csv")
BAD_PREDS = "id,cat,dog,owl\na,0.5,n/a,0.25\nb,1.25,0.5,0.25\nc,0.25,-0.5,?\nd,0.25,0.25,7\n"
SAMPLE = REPOSITORY / "sample_data"


def schema(name: str) -> Any:
    return json.loads((files("celoss_cli") / "schema" / f"{name}.json").read_text("utf-8"))


def checked(celoss: Command, *arguments: str) -> dict[str, Any]:
    ran = celoss(*CHECK, "-f", "json", *arguments)
    document: dict[str, Any] = json.loads(ran.out)
    jsonschema.validate(document, schema("check"))
    assert (ran.err, ran.code) == ("", 0 if document["ok"] else 3)
    return document


# --- every fault ----------------------------------------------------------------------------------------------------------


def test_the_json_of_check_has_every_place_with_line_column_and_the_value_as_written(folder: Path, celoss: Command) -> None:
    (folder / "preds.csv").write_text(BAD_PREDS)
    document = checked(celoss)
    found = [
        (error["code"], place["line"], place["column"], place["value"])
        for error in document["errors"]
        for place in error["places"]
    ]
    assert found == [
        ("E501", 2, "dog", "n/a"),
        ("E501", 4, "owl", "?"),
        ("E503", 3, "cat", "1.25"),
        ("E503", 4, "dog", "-0.5"),
        ("E503", 5, "owl", "7"),
    ]
    assert (document["ok"], document["faults"], document["rows"]) == (False, 5, None)


@pytest.mark.parametrize(
    ("labels", "codes"),
    [
        ("id,cat,dog,owl\na,x,y,0.5\nb,,1,0\nc,2,0,0\nd,0,0,1\n", ["E403", "E413", "E501"]),
        ("id,animal,w\na,cat,x\nb,,-1\nc,bird,1\nd,owl,\n", ["E402", "E403", "E501", "E506"]),
    ],
)
def test_each_bad_cell_of_a_label_or_weight_is_told_once(labels: str, codes: list[str], folder: Path, celoss: Command) -> None:
    (folder / "labels.csv").write_text(labels)
    options = ("--weights", "w") if ",w" in labels else ("--task", "soft")
    errors = checked(celoss, *options)["errors"]
    assert [one["code"] for one in errors] == codes
    places = [(place["line"], place.get("column")) for error in errors for place in error["places"]]
    assert len(set(places)) == len(places)


def test_more_faults_than_eval_shows_are_all_listed(folder: Path, celoss: Command) -> None:
    rows = "".join(f"{n},0.5,{n}\n" for n in range(2, 502))
    (folder / "preds.csv").write_text("id,no,yes\n" + rows)
    (folder / "labels.csv").write_text("id,label\n" + "".join(f"{n},yes\n" for n in range(2, 502)))
    (error,) = [one for one in checked(celoss, "--pred", "no,yes")["errors"] if one["code"] == "E503"]
    assert error["count"] == 500
    assert [place["line"] for place in error["places"]] == list(range(2, 502))
    shown = celoss(*CHECK, "--pred", "no,yes").out
    assert '\n  --> preds.csv:501, column "yes" (501)\n' in shown
    assert "not shown" not in shown


def test_places_limits_what_is_listed_and_not_what_is_counted(folder: Path, celoss: Command) -> None:
    (folder / "preds.csv").write_text("id,cat,dog,owl\na,2,3,4\nb,5,6,7\nc,0.2,0.2,0.6\nd,0.2,0.2,0.6\n")
    (error,) = checked(celoss, "--places", "2")["errors"]
    assert (error["count"], len(error["places"])) == (6, 2)
    assert "  = 4 places more, not listed: --places\n" in celoss(*CHECK, "--places", "2").out


def test_faults_of_both_files_are_told_at_once(folder: Path, celoss: Command) -> None:
    (folder / "preds.csv").write_text("")
    (folder / "labels.csv").write_text("id,id\n1,2\n")
    assert [(one["code"], one["places"][0]["file"]) for one in checked(celoss)["errors"]] == [
        ("E103", "preds.csv"),
        ("E203", "labels.csv"),
    ]
    ran = celoss(*EVAL)
    assert ran.err.startswith("error[E103]") and "\nerror[E203]" in ran.err


def test_unequal_numbers_of_rows_do_not_hide_other_faults(folder: Path, celoss: Command) -> None:
    (folder / "preds.csv").write_text("cat,dog\n0.5,0.5\n0.5,1.5\n0.5,0.5\n")
    (folder / "labels.csv").write_text("label\ncat\ndog\n")
    assert [one["code"] for one in checked(celoss)["errors"]] == ["E301", "E503"]


def test_where_nothing_can_be_understood_the_formats_and_columns_are_told(folder: Path, celoss: Command) -> None:
    (folder / "labels.csv").write_text("id;x;y\na;1;2\nb;2;1\nc;3;3\nd;4;5\n")
    document = checked(celoss)
    assert [(one["what"], one["value"]) for one in document["findings"]] == [
        ("predictions format", "csv, separated by commas"),
        ("labels format", "csv, separated by semicolons"),
        ("predictions columns", "id, cat, dog, owl"),
        ("labels columns", "id, x, y"),
    ]
    assert (document["task"], document["classes"], document["errors"][0]["code"]) == (None, None, "E401")


@pytest.mark.parametrize("arguments", [(), ("--missing", "drop"), ("--id", "#"), ("--pred", "cat,dog"), ("--label", "id")])
def test_check_and_eval_find_the_same(arguments: tuple[str, ...], folder: Path, celoss: Command) -> None:
    (folder / "preds.csv").write_text(BAD_PREDS)
    (folder / "labels.csv").write_text("id,animal\na,cat\nb,\nx,owl\nd,dog\n")
    told = json.loads(celoss(*EVAL, "-f", "json", *arguments).err)
    found = checked(celoss, *arguments)["errors"]
    for mine, theirs in zip([told["error"], *told["more"]], found, strict=True):
        assert mine["places"] == theirs["places"][: len(mine["places"])]
        assert {**mine, "places": []} == {**theirs, "places": []}


def test_of_good_files_check_tells_the_rows_that_eval_counts(folder: Path, celoss: Command) -> None:
    document = checked(celoss)
    assert document["rows"] == json.loads(celoss(*EVAL, "-f", "json").out)["rows"]
    assert (document["ok"], document["faults"], document["errors"]) == (True, 0, [])


def test_jsonl_is_the_same_document_on_one_line(folder: Path, celoss: Command) -> None:
    ran = celoss(*CHECK, "-f", "jsonl")
    assert ran.out.count("\n") == 1
    assert json.loads(ran.out) == checked(celoss)


def test_quiet_prints_faults_only(folder: Path, celoss: Command) -> None:
    assert celoss(*CHECK, "-q") == Ran(0, "", "")
    (folder / "preds.csv").write_text(BAD_PREDS)
    ran = celoss(*CHECK, "-q")
    assert ran.out.startswith("error[E501]") and (ran.code, ran.err) == (3, "")


def test_a_wrong_option_is_no_fault_of_the_files(folder: Path, celoss: Command) -> None:
    ran = celoss(*CHECK, "--places", "0", "-f", "json")
    assert (ran.code, ran.out, json.loads(ran.err)["error"]["code"]) == (2, "", "E604")


def test_the_library_gives_the_same_document(folder: Path, celoss: Command) -> None:
    (folder / "preds.csv").write_text(BAD_PREDS)
    checkup = library.check("preds.csv", "labels.csv")
    assert checkup.to_json() + "\n" == celoss(*CHECK, "-f", "json").out
    assert (checkup.ok, checkup.faults) == (False, 5)


def test_arrays_can_be_checked() -> None:
    checkup = library.check([0.5, 0.25], [1, 0])
    assert checkup.ok and str(checkup) == "no fault in 2 rows"
    assert [place.row for place in library.check([0.5, 7.0, -2.0, 0.5], [1, 0, 1, 1]).errors[0].places] == [2, 3]


# --- annotations for GitHub -----------------------------------------------------------------------------------------------


def test_github_gets_one_annotation_for_each_place(folder: Path, celoss: Command) -> None:
    (folder / "preds.csv").write_text(BAD_PREDS)
    ran = celoss(*CHECK, "-f", "github")
    assert ran.code == 3
    lines = ran.out.splitlines()
    assert [line.partition("::column")[0] for line in lines] == [
        "::error file=preds.csv,line=2,title=celoss E501",
        "::error file=preds.csv,line=4,title=celoss E501",
        "::error file=preds.csv,line=3,title=celoss E503",
        "::error file=preds.csv,line=4,title=celoss E503",
        "::error file=preds.csv,line=5,title=celoss E503",
    ]
    assert lines[2] == (
        '::error file=preds.csv,line=3,title=celoss E503::column "cat"; found "1.25"; 3 probabilities are outside 0 to 1'
        "; for raw model scores add --from logits"
    )


def test_what_steers_a_workflow_command_is_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, celoss: Command) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a,b:c%.csv").write_text("id,cat,dog\n1,0.5,50%\n2,0.5,0.5\n")
    Path("labels.csv").write_text("id,label\n1,cat\n2,dog\n")
    (line,) = celoss("check", "a,b:c%.csv", "labels.csv", "-f", "github").out.splitlines()
    assert line.startswith("::error file=a%2Cb%3Ac%25.csv,line=2,title=celoss E501::")
    assert "50%25" in line and "50%;" not in line


def test_rows_of_a_file_without_lines_are_named(folder: Path, celoss: Command) -> None:
    (folder / "preds.csv").write_text("id,cat,dog,owl\na,0.5,0.5,0\nb,0.5,0.5,0\nc,7,0.5,0\nd,0.5,0.5,0\n")
    pq.write_table(pacsv.read_csv("preds.csv"), "preds.parquet")
    (line,) = celoss("check", "preds.parquet", "labels.csv", "-f", "github").out.splitlines()
    assert line.startswith('::error file=preds.parquet,title=celoss E503::preds.parquet, row 3, column "cat"')


# --- saved plans ----------------------------------------------------------------------------------------------------------

# (predictions, labels, options): each task, layout and way to match.
INPUTS = [
    ("worldcup_preds.csv", "worldcup_labels.csv", ()),
    ("nba_preds.csv", "nba_labels.csv", ("--base", "2", "--top-k", "1")),
    ("digits_preds.csv", "digits_labels.csv", ("--class-weights", "balanced", "--smoothing", "0.1")),
    ("digits_logits.csv", "digits_labels.csv", ()),
    ("digits_preds.parquet", "digits_votes.csv", ("--normalize-labels",)),
    ("traits_preds.csv", "traits_labels.csv", ()),
    ("long.csv", "labels.csv", ()),
    ("preds.csv", "labels.csv", ("--id", "#", "--missing", "uniform", "--renormalize")),
]


@pytest.mark.parametrize(("predictions", "labels", "options"), INPUTS)
def test_a_saved_plan_gives_the_same_score_as_its_options(
    predictions: str, labels: str, options: tuple[str, ...], folder: Path, celoss: Command
) -> None:
    (folder / "long.csv").write_text(
        "id,class,p\n" + "".join(f"{one},{name},0.{n}\n" for one in "abcd" for n, name in ((5, "cat"), (3, "dog"), (2, "owl")))
    )
    both = [str(SAMPLE / name) if (SAMPLE / name).exists() else name for name in (predictions, labels)]
    saved = celoss("check", *both, *options, "-o", "plan.json")
    assert saved.code == 0, saved.out
    jsonschema.validate(json.loads(Path("plan.json").read_text("utf-8")), schema("plan"))
    direct, planned = (
        json.loads(celoss("eval", *both, *more, "-f", "json").out) for more in (options, ("--plan", "plan.json"))
    )
    assert planned["plan"]["findings"][0] == {
        "what": "plan",
        "value": "plan.json",
        "because": "--plan; nothing is detected anew",
    }
    assert planned["plan"]["findings"][1:] == direct["plan"]["findings"]
    assert {**planned, "plan": None} == {**direct, "plan": None}


def test_a_plan_comes_back_from_its_text_as_it_was() -> None:
    for predictions, labels in (("worldcup_preds.csv", "worldcup_labels.csv"), ("traits_preds.csv", "traits_labels.csv")):
        plan = prepare(str(SAMPLE / predictions), str(SAMPLE / labels), base=10).plan
        back = Plan.from_dict(json.loads(plan.to_json()))
        assert back == plan
        assert (back.findings, back.notes, back.identity) == (plan.findings, plan.notes, plan.identity)


def test_a_plan_reads_another_file_with_the_same_columns_without_looking_at_it(folder: Path, celoss: Command) -> None:
    """Alone, a file of one row with whole numbers would be read with other tolerances."""
    celoss(*CHECK, "-o", "plan.json")
    (folder / "new.csv").write_text("dog,owl,id,cat\n0,0,a,1\n")
    (folder / "new_labels.csv").write_text("id,animal\na,cat\n")
    ran = celoss("eval", "new.csv", "new_labels.csv", "--plan", "plan.json", "-f", "json")
    document = json.loads(ran.out)
    assert (document["metrics"]["log_loss"], document["rows"]["scored"]) == (0.0, 1)
    assert document["classes"] == ["cat", "dog", "owl"]


def test_the_plan_of_faulty_rows_is_saved_and_that_of_what_is_not_understood_is_not(folder: Path, celoss: Command) -> None:
    (folder / "preds.csv").write_text(BAD_PREDS)
    assert celoss(*CHECK, "-o", "plan.json").code == 3
    assert Plan.from_dict(json.loads(Path("plan.json").read_text("utf-8"))).classes == ("cat", "dog", "owl")
    (folder / "labels.csv").write_text("id,x,y\na,1,2\n")
    assert celoss(*CHECK, "-o", "other.json").code == 3
    assert not Path("other.json").exists()


def test_evaluate_takes_a_plan_itself(folder: Path) -> None:
    plan = library.check("preds.csv", "labels.csv", base=2).plan
    assert plan is not None
    assert (
        library.evaluate("preds.csv", "labels.csv", plan=plan).to_dict()
        == library.evaluate("preds.csv", "labels.csv", base=2).to_dict()
    )


@pytest.mark.parametrize(
    ("option", "named"),
    [
        (("--eps", "0.1"), "--eps"),
        (("--as", "sklearn"), "--as"),
        (("--from", "probs"), "--from"),
        (("--wide",), "--long/--wide"),
        (("--id", "id"), "--id"),
        (("--id-match", "inner"), "--id-match"),
        (("--class-weights", "cat=1"), "--class-weights"),
        (("--sum-tolerance", "0.5"), "--sum-tolerance"),
    ],
)
def test_no_other_option_goes_with_a_plan(option: tuple[str, ...], named: str, folder: Path, celoss: Command) -> None:
    celoss(*CHECK, "-o", "plan.json")
    ran = celoss(*EVAL, "--plan", "plan.json", *option)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error[E604]: {named} cannot be used with --plan\n")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: "", "it is no JSON"),
        (lambda text: "[" * 100_000, "it is no JSON"),
        (lambda text: text[:-40], "it is no JSON"),
        (lambda text: "[]", 'it has no "schema": "celoss.plan/1"'),
        (lambda text: "{}", 'it has no "schema": "celoss.plan/1"'),
        (lambda text: text.replace("celoss.plan/1", "celoss.plan/2"), 'it has no "schema": "celoss.plan/1"'),
        (lambda text: text.replace('"binary"', '"multiclass"').replace('"cat"', '"dog"'), "it was changed after it was made"),
        (lambda text: text.replace('"sha256"', '"sha"'), "it was changed after it was made"),
    ],
)
def test_a_file_that_is_no_plan_or_was_changed_is_refused(
    change: Callable[[str], str], reason: str, folder: Path, celoss: Command
) -> None:
    celoss(*CHECK, "-o", "plan.json")
    Path("plan.json").write_text(change(Path("plan.json").read_text("utf-8")))
    ran = celoss(*EVAL, "--plan", "plan.json")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "error[E607]: cannot use the plan 'plan.json'\n"
        "  --> option --plan plan.json\n"
        f"  = found: {reason}\n"
        "  = help: make it: celoss check PREDS LABELS -o plan.json\n"
    )


def test_a_plan_whose_parts_are_not_those_of_a_plan_is_refused_whatever_its_digest_says() -> None:
    import hashlib

    plan = prepare(str(SAMPLE / "nba_preds.csv"), str(SAMPLE / "nba_labels.csv")).plan.to_dict()
    for name, value in (("eps", "much"), ("classes", [1, 2]), ("keys", [["a"]]), ("options", {}), ("decimals", 0.5)):
        changed = {**plan, name: value}
        del changed["sha256"]
        digest = hashlib.sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest()
        with pytest.raises(ValueError, match=f"^plan.{name} is not what this version of celoss writes"):
            Plan.from_dict({**changed, "sha256": digest})


def test_a_missing_plan_says_so(folder: Path, celoss: Command) -> None:
    ran = celoss(*EVAL, "--plan", "plan.json")
    assert (ran.code, ran.err) == (
        2,
        "error[E607]: cannot use the plan 'plan.json'\n"
        "  --> option --plan plan.json\n"
        "  = found: No such file or directory\n"
        "  = help: make it: celoss check PREDS LABELS -o plan.json\n",
    )


def test_a_column_that_the_plan_needs_and_the_file_lacks_is_named(folder: Path, celoss: Command) -> None:
    celoss(*CHECK, "-o", "plan.json")
    (folder / "preds.csv").write_text("id,cat,Dog,owl\na,0.5,0.3,0.2\n")
    ran = celoss(*EVAL, "--plan", "plan.json")
    assert (ran.code, ran.err) == (
        3,
        'error[E210]: the plan needs a column "dog", which preds.csv does not have\n'
        "  --> preds.csv:1\n"
        "  = found columns: id, cat, Dog, owl\n"
        '  = help: the nearest column is "Dog"; names have to be the same\n',
    )


def test_a_plan_of_two_files_is_not_used_for_one_nor_the_reverse(folder: Path, celoss: Command) -> None:
    celoss(*CHECK, "-o", "plan.json")
    ran = celoss("eval", "preds.csv", "--plan", "plan.json")
    assert ran.code == 3
    assert ran.err.startswith("error[E210]: the plan has the labels in a file of their own\n  --> preds.csv:1\n")


def test_a_class_that_the_plan_of_a_long_file_does_not_have_is_named(folder: Path, celoss: Command) -> None:
    rows = [f"{one},{name},0.{n}\n" for one in "abcd" for n, name in ((5, "cat"), (3, "dog"), (2, "emu"))]
    (folder / "preds.csv").write_text("id,class,p\n" + "".join(rows))
    (folder / "labels.csv").write_text("id,animal\na,cat\nb,dog\nc,cat\nd,cat\n")
    assert celoss(*CHECK, "-o", "plan.json").code == 0
    (folder / "preds.csv").write_text("id,class,p\n" + "".join(rows[:-1]) + "d,owl,0.2\n")
    ran = celoss(*EVAL, "--plan", "plan.json")
    assert ran.err.startswith(
        'error[E511]: class "owl" is not one of the plan\'s\n  --> preds.csv:13, column "class"\n  13 | d,owl,0.2\n'
    )


def test_a_plan_takes_tolerances_and_float_width_from_the_file_that_is_scored(folder: Path) -> None:
    """Printed with fewer decimals the same table still sums to 1; float32 is what another tool's rule rounds to."""
    (folder / "fine.csv").write_text("id,cat,dog,owl\na,0.333333,0.333333,0.333334\nb,0.2,0.3,0.5\nc,0.5,0.5,0\nd,1,0,0\n")
    (folder / "rough.csv").write_text("id,cat,dog,owl\na,0.33,0.33,0.33\nb,0.2,0.3,0.5\nc,0.5,0.5,0\nd,1,0,0\n")
    plan = library.check("fine.csv", "labels.csv").plan
    assert plan is not None
    assert library.evaluate("rough.csv", "labels.csv", plan=plan).metrics == library.evaluate("rough.csv", "labels.csv").metrics
    single = pa.table({"id": list("abcd"), **{name: pa.array([0.5, 0.25, 0.25, 0.0], pa.float32()) for name in "xyz"}})
    (folder / "names.csv").write_text("id,label\na,x\nb,y\nc,z\nd,x\n")
    pq.write_table(single, "single.parquet")
    pq.write_table(single.cast(pa.schema([("id", pa.string()), *((name, pa.float64()) for name in "xyz")])), "double.parquet")
    options: dict[str, Any] = {"convention": "sklearn", "sum_tolerance": 10.0}
    plan = library.check("single.parquet", "names.csv", **options).plan
    assert plan is not None
    planned = library.evaluate("double.parquet", "names.csv", plan=plan)
    assert planned.signature == library.evaluate("double.parquet", "names.csv", **options).signature


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("id,cat,dog,owl\na,5,-1,0\nb,0,7,-2\nc,1,1,1\nd,0,0,9\n", "id,cat,dog,emu,owl\na,5,-1,9,0\n", '"emu"'),
        ("id,p\na,[5 -1 0]\nb,[0 7 -2]\nc,[1 1 1]\nd,[0 0 9]\n", "id,p\na,[5 -1 0 9]\n", '"p[3]"'),
    ],
)
def test_a_class_that_the_plan_does_not_know_is_refused_where_no_sum_would_show_it(
    first: str, second: str, found: str, folder: Path, celoss: Command
) -> None:
    (folder / "preds.csv").write_text(first)
    (folder / "labels.csv").write_text("id,animal\na,cat\nb,dog\nc,owl\nd,owl\n")
    if "[" in first:
        (folder / "labels.csv").write_text("id,animal\na,0\nb,1\nc,2\nd,2\n")
    made = celoss(*CHECK, "--from", "logits", "-o", "plan.json")
    assert made.code == 0, made.out
    (folder / "preds.csv").write_text(second)
    ran = celoss(*EVAL, "--plan", "plan.json")
    assert ran.code == 3
    assert ran.err.startswith("error[E210]: the plan does not know 1 column of preds.csv\n  --> preds.csv:1\n")
    assert f"  = found: {found}\n" in ran.err


def test_a_plan_by_position_is_not_used_for_files_that_share_an_id(folder: Path, celoss: Command) -> None:
    (folder / "a.csv").write_text("cat,dog\n0.5,0.5\n0.25,0.75\n")
    (folder / "b.csv").write_text("label\ncat\ndog\n")
    assert celoss("check", "a.csv", "b.csv", "-o", "plan.json").code == 0
    (folder / "a.csv").write_text("id,cat,dog\n1,0.5,0.5\n2,0.25,0.75\n")
    (folder / "b.csv").write_text("id,label\n2,dog\n1,cat\n")
    ran = celoss("eval", "a.csv", "b.csv", "--plan", "plan.json")
    assert ran.code == 3
    assert ran.err.startswith('error[E210]: the plan matches rows by position, and both files have "id"\n')
    assert celoss("check", "a.csv", "b.csv", "--id", "#", "-o", "plan.json").code == 0
    assert celoss("eval", "a.csv", "b.csv", "--plan", "plan.json").code == 0


def test_notes_and_findings_of_the_columns_are_those_of_the_file_that_is_scored(folder: Path, celoss: Command) -> None:
    (folder / "a.csv").write_text("pid,cat,dog\nx,0.5,0.5\ny,0.25,0.75\n")
    (folder / "b.csv").write_text("label\ncat\ndog\n")
    assert "note[N6]" in celoss("check", "a.csv", "b.csv", "-o", "plan.json").err
    (folder / "a.csv").write_text("cat,dog\n0.5,0.5\n0.25,0.75\n")
    ran = celoss("check", "a.csv", "b.csv", "--plan", "plan.json", "-o", "again.json")
    assert (ran.code, ran.err) == (0, "")
    assert "pid" not in ran.out
    assert celoss("check", "a.csv", "b.csv", "--plan", "again.json").out.count("nothing is detected anew") == 1


def test_a_plan_is_an_input_and_never_written_over(folder: Path, celoss: Command) -> None:
    celoss(*CHECK, "-o", "plan.json")
    ran = celoss(*EVAL, "--plan", "plan.json", "-o", "plan.json")
    assert (ran.code, ran.err.startswith("error[E705]")) == (2, True)


def test_a_metric_of_the_plan_can_be_asked_for(folder: Path, celoss: Command) -> None:
    celoss(*CHECK, "--top-k", "2", "-o", "plan.json")
    assert celoss(*EVAL, "--plan", "plan.json", "--only", "top_2_accuracy") == celoss(
        *EVAL, "--top-k", "2", "--only", "top_2_accuracy"
    )
    assert celoss(*EVAL, "--plan", "plan.json", "--only", "top_3_accuracy").code == 2


def test_a_path_object_is_never_written_over(folder: Path) -> None:
    with pytest.raises(UsageError, match="E705"):
        library.evaluate(Path("preds.csv"), "labels.csv", rows_path="preds.csv")


# --- many faults ----------------------------------------------------------------------------------------------------------


def test_which_faults_of_a_row_are_the_first_does_not_depend_on_how_many_are_told(folder: Path, celoss: Command) -> None:
    names = [str(one) for one in range(12)]
    (folder / "preds.csv").write_text("id," + ",".join(names) + "\n" + "a," + ",".join(f"{n}.5" for n in range(2, 14)) + "\n")
    (folder / "labels.csv").write_text("id,animal\na,3\n")
    told = json.loads(celoss(*EVAL, "--pred", ",".join(names), "-f", "json").err)["error"]["places"]
    assert told == checked(celoss, "--pred", ",".join(names))["errors"][0]["places"][:3]


def test_a_hint_does_not_depend_on_how_many_places_are_told(folder: Path, celoss: Command) -> None:
    """Three rows of percentages, and one that is none."""
    rows = "a,70,20,10\nb,10,80,10\nc,20,20,60\nd,3,0.5,0.25\n"
    (folder / "preds.csv").write_text("id,cat,dog,owl\n" + rows)
    (folder / "labels.csv").write_text("id,animal\na,cat\nb,dog\nc,owl\nd,cat\n")
    told = json.loads(celoss(*EVAL, "-f", "json").err)["error"]
    assert told["help"] == checked(celoss)["errors"][0]["help"] == "these are percentages; divide by 100, or add --renormalize"


def test_one_place_of_many_says_how_many_more_there_are(folder: Path, celoss: Command) -> None:
    (folder / "preds.csv").write_text(BAD_PREDS)
    assert "  = 1 place more, not listed: --places\n" in celoss(*CHECK, "--places", "1").out


def test_the_plan_is_not_written_over_an_input(folder: Path) -> None:
    from celoss.files import check_targets

    with pytest.raises(UsageError):
        check_targets([("-o", "preds.csv")], ["preds.csv"])
