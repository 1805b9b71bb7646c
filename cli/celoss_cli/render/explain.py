"""Owns how people see an explanation: the worst rows, one row in full, or one file under other tools' rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from celoss.errors import escape, shorten
from celoss.explaining import Carried, ChangedRow, ClassShare, Explanation, OneRow, RuleLoss, ScoredRow, WorstRow
from celoss.report import Report
from celoss_cli.render import shown
from celoss_cli.render.layout import TEXT_COLUMNS, Column, bar, drawn, first_that_fits, forms, limit_of, sentences
from celoss_cli.render.suspects import suspect_parts

# Of more classes the largest are shown, the true and the predicted one in any case.
MOST_CLASSES, LARGEST_CLASSES = 30, 20


def render(explanation: Explanation, width: int | None = None, color: bool = False) -> str:
    """The explanation as text, at most `width` columns wide, but at least 20 (None: as wide as it needs)."""
    limit = limit_of(width)
    parts = [*_parts(explanation, limit), Text(explanation.report.signature, "dim", overflow="fold")]
    return "\n\n".join(drawn(part, limit, color) for part in parts) + "\n"


def _parts(explanation: Explanation, limit: int) -> Iterator[RenderableType]:
    report = explanation.report
    if explanation.row is not None:
        yield from _row_parts(report, explanation.row, limit)
        return
    inputs, understood = shown.heading(report)
    yield Text.assemble((inputs, "bold"), "\n", understood, overflow="fold")
    if explanation.suspects is not None:
        yield from suspect_parts(explanation.suspects, limit)
    if explanation.worst is not None:
        yield first_that_fits(forms(_worst_columns(report, explanation.worst.rows), _WORST_GIVE_WAY), limit)
        yield sentences([_carried_text(explanation.worst.carried)], limit)
    if explanation.conventions is not None:
        yield first_that_fits(forms(_rule_columns(report, explanation.conventions), _RULES_GIVE_WAY), limit)
        yield _rule_texts(report, explanation.conventions, limit)


def _name(row: ScoredRow) -> str:
    """What a row is called: its id, else its number."""
    return f"#{row.row:,}" if row.id is None else shorten(row.id)


def _share(share: float | None) -> str:
    """A share in percent: two decimals, or two digits where those would show nothing."""
    return shown.percent(share) if share is None or share == 0.0 or abs(share) >= 1e-4 else f"{100 * share:.2g} %"


# --- the worst rows -------------------------------------------------------------------------------------------------------

_WORST_GIVE_WAY = ("line", "running", "weight", "predicted", "row", "probability")


def _worst_columns(report: Report, rows: Sequence[WorstRow]) -> dict[str, Column]:
    first = rows[0]
    columns = {
        "rank": Column("rank", "r", [f"{one.rank:,}" for one in rows]),
        "row": Column("row", "r", [f"{one.row:,}" for one in rows]),
        "line": Column("line", "r", [f"{one.line:,}" for one in rows if one.line is not None]),
        "id": Column("id", "l", [shorten(one.id) for one in rows if one.id is not None]),
        "label": Column("true" if report.plan.hard else "label", "l", [shorten(one.label) for one in rows]),
        "predicted": Column("predicted", "l", [shorten(one.predicted) for one in rows]),
        "probability": Column("probability", "r", [shown.number(one.probability) for one in rows]),
        "loss": Column("loss", "r", [shown.number(one.loss) for one in rows]),
        "weight": Column("weight", "r", [f"{one.weight:g}" for one in rows if one.weight is not None]),
        "share": Column("share", "r", [_share(one.share) for one in rows]),
        "running": Column("running", "r", [_share(one.running_share) for one in rows]),
    }
    if first.probability is None:
        del columns["probability"]
    if first.id is None:
        # Without an id the row's number is its name, and stays.
        columns["id"] = columns.pop("row")
        order = ("rank", "id", "line")
        columns = {name: columns[name] for name in (*order, *(name for name in columns if name not in order))}
    return {name: one for name, one in columns.items() if len(one.texts) == len(rows)}


def _carried_text(carried: Sequence[Carried]) -> str:
    if any(one.share is None for one in carried):
        return "The losses have no finite sum above 0 of which rows could have a share."
    hundredth, tenth = carried
    if tenth.rows == 1:
        return f"The worst row carries {_share(tenth.share)} of the loss."
    first = "The worst row" if hundredth.rows == 1 else f"The worst {hundredth.rows:,} rows"
    text = f"{first} ({hundredth.percent} %) {'carries' if hundredth.rows == 1 else 'carry'} {_share(hundredth.share)}"
    return f"{text} of the loss, the worst {tenth.rows:,} ({tenth.percent} %) {_share(tenth.share)}."


# --- one row --------------------------------------------------------------------------------------------------------------

_ROW_GIVE_WAY = ("bar", "value", "loss", "target", "gradient")
_VALUES = {"logits": "logit", "logprobs": "ln p"}


def _row_parts(report: Report, row: OneRow, limit: int) -> Iterator[RenderableType]:
    classes = _shown_classes(row)
    title = f"row {row.row:,}" if row.id is None else f"row {shorten(row.id)}"
    rank = f"loss {shown.number(row.loss)} {report.unit}, rank {row.rank:,} of {report.row_counts.scored:,}"
    yield Text.assemble((title, "bold"), "\n", " · ".join([*_places(report, row), rank]), overflow="fold")
    yield first_that_fits(forms(_class_columns(report, row, classes), _ROW_GIVE_WAY), limit)
    hidden = len(row.classes) - len(classes)
    if hidden:
        yield Text(f"{hidden:,} classes with smaller probabilities are not shown; -f json has them all", "dim", overflow="fold")
    yield sentences(list(_row_sentences(report, row)), limit)


def _places(report: Report, row: OneRow) -> Iterator[str]:
    path = escape(report.predictions.path or "predictions")
    yield f"{path} row {row.row:,}" if row.line is None else f"{path} line {row.line:,}"
    if row.label_line is not None and report.labels is not None:
        yield f"{escape(report.labels.path or 'labels')} line {row.label_line:,}"


def _shown_classes(row: OneRow) -> list[ClassShare]:
    """The classes by probability, the largest first; of many only some."""
    ordered = sorted(row.classes, key=lambda one: -one.probability)
    if len(ordered) <= MOST_CLASSES:
        return ordered
    return [one for place, one in enumerate(ordered) if place < LARGEST_CLASSES or one.name in (row.label, row.predicted)]


def _class_columns(report: Report, row: OneRow, classes: Sequence[ClassShare]) -> dict[str, Column]:
    numbers: dict[str, tuple[str, Callable[[ClassShare], str]]] = {
        "value": (
            _VALUES.get(report.plan.scale, ""),
            lambda one: "" if one.value is None else f"{one.value:.6f}".replace("-", "−"),
        ),
        "target": ("label", lambda one: shown.number(one.target)),
        "probability": ("probability", lambda one: shown.number(one.probability)),
        "bar": ("", lambda one: bar(one.probability)),
        "if true": ("loss if true", lambda one: shown.number(one.loss_if_true)),
        "loss": ("loss", lambda one: shown.number(one.loss)),
        "gradient": ("gradient", lambda one: shown.signed(one.gradient)),
    }
    absent = {"value"} if report.plan.scale == "probs" else set()
    absent |= {"loss", "target"} if not report.plan.shares else set()
    marks = [_mark(report, row, one) for one in classes]
    first = {"mark": Column("", "l", marks)} if any(marks) else {}
    first["class"] = Column("class", "l", [shorten(one.name) for one in classes])
    return first | {
        name: Column(title, "l" if name == "bar" else "r", [text(one) for one in classes])
        for name, (title, text) in numbers.items()
        if name not in absent
    }


def _mark(report: Report, row: OneRow, one: ClassShare) -> str:
    if report.task == "multilabel":
        true, predicted = one.target > 0.5, one.probability > 0.5
    else:
        true, predicted = report.plan.hard and one.name == row.label, one.name == row.predicted
    return ", ".join(text for text, holds in (("true", true), ("predicted", predicted)) if holds)


def _row_sentences(report: Report, row: OneRow) -> Iterator[str]:
    plan = report.plan
    if row.rule is not None:
        yield f"As {plan.options.convention}: {row.rule}."
    if row.softmax is not None:
        z = row.softmax
        largest, total = shown.number(z.largest), shown.number(z.exponential_sum)
        of = f"the largest logit m = {largest} ({shorten(z.largest_class)}), Σ exp(z − m) = {total}"
        yield f"Softmax: {of}, ln Σ exp z = m + ln {total} = {shown.number(z.log_sum_exp)}."
    weighing = "" if row.weight is None else f", at a weight of {row.weight:g},"
    rows = report.row_counts.scored
    share = f", which{weighing} is {_share(row.share)} of the loss of all {rows:,} rows"
    yield f"{row.formula}{'' if row.share is None or rows == 1 else share}."
    if row.label_entropy:
        entropy, divergence = shown.number(row.label_entropy), shown.number(row.kl_divergence)
        yield f"Of this the label's own entropy is {entropy}, the divergence of the forecast from it {divergence}."
    guess = "A guess of 0.5 for every label" if report.task == "multilabel" else "A uniform guess"
    yield f"{guess} would have cost {shown.number(row.uniform_loss)}."
    floored = any(one.target and one.probability < plan.eps for one in row.classes)
    if floored or row.rule is not None:
        yield f"The gradient is that of −Σ t ln p, without the {'floor' if floored else 'rule'}."


# --- other tools' rules ---------------------------------------------------------------------------------------------------

_RULES_GIVE_WAY = ("probability", "share", "loss", "there", "row")


def _rule_columns(report: Report, rules: Sequence[RuleLoss]) -> dict[str, Column]:
    largest = [one.largest[0] if one.largest else None for one in rules]

    def of_row(text: Callable[[ChangedRow], str]) -> list[str]:
        return ["", *("" if one is None else text(one) for one in largest)]

    columns = {
        "rule": Column("rule", "l", ["celoss", *(one.name for one in rules)]),
        "log loss": Column("log loss", "r", [shown.number(report.log_loss), *(shown.number(one.log_loss) for one in rules)]),
        "gap": Column("gap", "r", ["", *(_gap(one) for one in rules)]),
        "rows": Column("rows", "r", ["", *("" if one.rows is None else f"{one.rows:,}" for one in rules)]),
        "row": Column("biggest row", "l", of_row(_name)),
        "probability": Column("probability", "r", of_row(lambda one: shown.number(one.probability))),
        "loss": Column("its loss", "r", of_row(lambda one: shown.number(one.loss))),
        "there": Column("there", "r", of_row(lambda one: shown.number(one.loss_there))),
        "share": Column("of the gap", "r", of_row(lambda one: _share(one.share))),
    }
    if not any(largest):
        return {name: columns[name] for name in ("rule", "log loss", "gap", "rows")}
    return columns if report.plan.hard else {name: one for name, one in columns.items() if name != "probability"}


def _gap(rule: RuleLoss) -> str:
    """The gap with its sign; 0 where no row has another loss and six decimals would show nothing."""
    if rule.gap is None:
        return ""
    return "0" if not rule.rows and abs(rule.gap) < 5e-7 else shown.signed(rule.gap)


def _rule_texts(report: Report, rules: Sequence[RuleLoss], limit: int) -> Table:
    """What each rule does, in words."""
    floor = (
        f"floors the probability of {'the true class' if report.plan.hard else 'a class of the label'} at {report.plan.eps:.2g}"
    )
    own = (floor if report.plan.eps else "takes the probabilities as they are") + "; no renormalisation"
    texts = Table.grid(padding=(0, 2))
    texts.add_column(no_wrap=True, overflow="fold")
    texts.add_column(overflow="fold")
    texts.width = min(limit, TEXT_COLUMNS)
    for name, text in (
        ("celoss", own),
        *((one.name, one.rule if not one.reason else one.reason) for one in rules),
    ):
        texts.add_row(Text(name), Text(text))
    return texts
