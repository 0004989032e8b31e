"""Sections of the report: tables, overlap, reach, value and risk, places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from jobs.insight.bands import OTHERS, UNKNOWN
from jobs.insight.report import svg
from jobs.insight.report.content import AudienceReport, Row
from jobs.insight.report.words import ReportWords
from quanyu.catalogue.entries import Entry

ANSWERS = {"reachable": svg.GREEN, "consent": svg.RED, "address": svg.GREY, "barred": "#f0b429"}
Cell = tuple[str, str]


def table(heads: Iterable[Cell], rows: Iterable[Sequence[Cell]]) -> str:
    """A table of cells, each markup and its class: `n` for numbers."""
    head = "".join(f'<th class="{kind}">{text}</th>' for text, kind in heads)
    body = "".join(f"<tr>{''.join(f'<td class={kind!r}>{text}</td>' for text, kind in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def name_of(report: AudienceReport, name: str, words: ReportWords) -> str:
    """The meaning of a name in the language, and the name as rules write it, as markup."""
    entry = report.names.get(name)
    meaning = (entry.zh if words.language == "zh" else "") if entry else ""
    meaning = meaning or (_english(entry) if entry else "")
    return f'{escape(meaning)} <span class="faint">{escape(name)}</span>'


def _english(entry: Entry) -> str:
    """The meaning of a name; of a score, with that of its model."""
    about = entry.column.about.rstrip(".")
    return f"{entry.about_scene.rstrip('.')}: {about}" if entry.kind == "score" else about


def value_of(label: str, words: ReportWords) -> str:
    """A value as it is shown: yes for a state; the others, or those of whom it is not known."""
    return words(label) if label in ("true", OTHERS, UNKNOWN) else label


def overlaps(report: AudienceReport, words: ReportWords) -> str:
    """The shares that the audience and those most like it have in common."""
    names, heading = report.others(), f"<h2>{words('overlap')}</h2>"
    if len(names) == 1:
        return f"<section>{heading}<p>{words('no_overlap')}</p></section>"
    shares = {(row["audience"], row["other"]): row["share"] for row in report.overlaps}
    plot = svg.matrix(names, shares, words("overlap"))
    return f'<section>{heading}<p class="faint">{words("how_overlap")}</p>{plot}</section>'


def reach(report: AudienceReport, words: ReportWords) -> str:
    """How many the consent gate lets be reached on each channel, and why not the others."""
    if not report.reach:
        return ""
    size = max(report.today["size"], 1)
    asked: dict[tuple[str, str], dict[str, int]] = {}
    for row in report.reach:
        asked.setdefault((row["purpose"], row["channel"]), {})[row["answer"]] = row["members"]
    ordered = sorted(asked.items(), key=lambda one: (one[0][0] != report.audience.purpose, one[0]))
    rows = []
    for (purpose, channel), counts in ordered:
        name = " · ".join(filter(None, (words(f"purpose_{purpose}"), words(f"channel_{channel}"))))
        bar = svg.share_bar({colour: counts.get(answer, 0) / size for answer, colour in ANSWERS.items()})
        numbers = [(f"{counts.get(answer, 0):,}", "n") for answer in ANSWERS]
        rows.append([(escape(name), ""), (bar, ""), *numbers])
    heads = [(f'<span class="key" style="background:{colour}"></span>{words(answer)}', "n")
             for answer, colour in ANSWERS.items()]  # fmt: skip
    listed = table([(words("channel"), ""), ("", ""), *heads], rows)
    return f'<section><h2>{words("reach")}</h2><p class="faint">{words("how_reach")}</p>{listed}</section>'


def worth(report: AudienceReport, words: ReportWords) -> str:
    """What the members are worth, and how many are at risk, against all."""
    numbers, risks = report.worths(), report.risks()
    if not numbers and not risks:
        return ""
    heads = [(words("tag"), ""), *((words(key), "n") for key in ("sum", "mean", "mean_of_all", "index"))]
    rows = [_number_row(report, row, words) for row in numbers]
    states = [
        [(name_of(report, row["tag"], words), ""), ("", "n"), (f"{row['share']:.1%}", "n"),
         (f"{row['base_share']:.1%}", "n"), (f"{row['index']:.0f}", "n")]
        for row in risks
    ]  # fmt: skip
    return f"<section><h2>{words('worth')}</h2>{table(heads, [*rows, *states])}</section>"


def _number_row(report: AudienceReport, row: Row, words: ReportWords) -> list[Cell]:
    entry = report.names.get(row["tag"])
    is_score = entry is not None and entry.column.unit in ("probability", "ratio", "")
    total = "" if is_score else f"{row['total']:,.0f}"
    mean, base = row["mean"], row["base_mean"]
    index = f"{100 * mean / base:.0f}" if mean is not None and base else ""
    return [(name_of(report, row["tag"], words), ""), (total, "n"), (_short(mean), "n"), (_short(base), "n"),
            (index, "n")]  # fmt: skip


def _short(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:,.3g}"


def lift(report: AudienceReport, words: ReportWords) -> str:
    """What it brings against its holdout, and what can be said of that."""
    if not report.lifts:
        return ""
    how = words("how_lift", days=report.lifts[0]["horizon_days"])
    heads = [(words("programme"), ""), (words("treated"), "n"), (words("control"), "n"), (words("difference"), "n"),
             (words("verdict"), "")]  # fmt: skip
    listed = table(heads, ([(escape(text), kind) for text, kind in lift_cells(row, words)] for row in report.lifts))
    return f'<section><h2>{words("lift")}</h2><p class="faint">{escape(how)}</p>{listed}</section>'


def lift_cells(row: Row, words: ReportWords) -> list[Cell]:
    """Programme and outcome, means of both groups, their difference with its interval, and what can be said."""
    kind, outcome = words(f"kind_{row['kind']}"), words(f"outcome_{row['outcome']}")
    name = f"{kind} {row['programme']} · {outcome}"
    mean, control = (_outcome(row, row[key]) for key in ("mean", "mean_held_out"))
    interval = "" if row["lift"] is None else f"{_outcome(row, row['lift'], sign=True)} " + (
        f"[{_outcome(row, row['low'], sign=True)}, {_outcome(row, row['high'], sign=True)}]"
    )  # fmt: skip
    said = words(f"verdict_{row['verdict']}", detectable=_outcome(row, row["detectable"]), split=row["split_p_value"],
                 assigned=row["assigned"], held_out=row["held_out"], days=row["horizon_days"])  # fmt: skip
    return [(name, ""), (mean, "n"), (control, "n"), (interval, "n"), (said, "")]


def _outcome(row: Row, number: float | None, sign: bool = False) -> str:
    """A share in percent, or an amount."""
    if number is None:
        return ""
    plus = "+" if sign else ""
    return format(number, f"{plus}.2%") if row["outcome"] == "conversion" else format(number, f"{plus},.2f")


def places(report: AudienceReport, words: ReportWords) -> str:
    """Where the members shop, against all."""
    by_name = report.places()
    if not by_name:
        return ""
    parts = [f"<h2>{words('places')}</h2>"]
    for name, rows in by_name.items():
        parts += [f"<h3>{name_of(report, name, words)}</h3>", index_table(report, words, rows, named=False)]
    return f"<section>{''.join(parts)}</section>"


def index_table(report: AudienceReport, words: ReportWords, rows: Sequence[Row], named: bool = True) -> str:
    """Rows of the profile with their target group index; `named` says whether each names its tag."""
    heads = [*([("tag", "")] if named else []), ("value", ""), ("of_members", "n"), ("of_all", "n"), ("index", "n")]
    return table(
        [*((words(key), kind) for key, kind in heads), ("", "")],
        (
            [*([(name_of(report, row["tag"], words), "")] if named else []),
             (escape(value_of(row["label"], words)), ""), (f"{row['share']:.1%}", "n"),
             (f"{row['base_share']:.1%}", "n"), (f"{row['index']:.0f}", "n"), (svg.index_bar(row["index"]), "")]
            for row in rows
        ),
    )  # fmt: skip
