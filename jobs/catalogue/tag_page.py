"""The page of one tag or feature: what it means, what it is made of, how it is distributed, who uses it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text
from rich.tree import Tree

from jobs.catalogue import cases, history, plot
from jobs.catalogue.drift import has_drifted, unmeasured
from jobs.catalogue.moving import moving_names
from quanyu.catalogue.definitions import computed_digests, definitions, is_same
from quanyu.catalogue.entries import Entry
from quanyu.catalogue.recorded import RecordedStatistics, Row, change_words, share
from quanyu.errors import ConfigError
from quanyu.grammar.tags import profile_column
from quanyu.lake import Lake
from quanyu.printable import cell, line
from quanyu.run.runner import Context

# Said of numbers that an earlier definition gave, above and below the one in force.
THEN = "by its definition at the last run, which has changed since, or that of something it is made of: run a day"


def page(context: Context, listed: Sequence[Entry], entry: Entry) -> Group:
    """One entry as a page for the terminal."""
    by_name = {one.name: one for one in listed if one.entity == entry.entity}
    texts = {one.name: one.text for one in definitions(context.catalogue) if one.kind in ("tag", "feature", "model")}
    recorded = RecordedStatistics(context.lake)
    otherwise = _counted_otherwise(context, recorded, entry)
    head = line((entry.name, "bold"), f"  {entry.zh}" if entry.zh else "", "\n", entry.column.about)
    parts: list[RenderableType] = [head, Text(), _facts(context, recorded, entry, otherwise)]
    text = texts.get(entry.name) or texts.get(entry.scene)
    parts += [_heading("Definition"), line(text)] if text else []
    if entry.inputs:
        parts += [_heading("Made of"), _tree(entry, by_name, texts)]
    return Group(*parts, *_distribution(context, entry, otherwise))


def _counted_otherwise(context: Context, recorded: RecordedStatistics, entry: Entry) -> bool:
    """Whether its recorded numbers are by another definition than the one in force, its own or that of an input."""
    row = recorded.newest.get((entry.entity, entry.name))
    digests = computed_digests(context.catalogue, context.catalogue.entities[entry.entity])
    return row is not None and not is_same(row["definition_digest"], digests[entry.name])


def _heading(words: str) -> Text:
    return Text(f"\n{words}", "bold")


def _facts(context: Context, recorded: RecordedStatistics, entry: Entry, otherwise: bool) -> Grid:
    grid = Grid(show_header=False, box=None, padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    moves = entry.name in moving_names(context.catalogue, context.catalogue.entities[entry.entity])
    numbers = [("numbers", THEN)] if otherwise else []
    for label, words in (*_declared(entry), *numbers, *_recorded(recorded, entry, moves), *_used(entry)):
        if words:
            grid.add_row(label, cell(words))
    return grid


def _declared(entry: Entry) -> Iterator[tuple[str, str]]:
    column = entry.column
    yield "is", f"a {entry.kind} of a {entry.entity}, {column.type or 'not computed'}"
    yield "scene", f"{entry.scene}: {entry.about_scene}"
    yield "owner", entry.owner
    yield "unit", column.unit
    yield "values", ", ".join(column.values)
    yield "lifecycle", entry.lifecycle
    yield "purpose", (entry.purpose and f"used only for customers who agreed to {entry.purpose}") or ""


def _recorded(recorded: RecordedStatistics, entry: Entry, moves: bool) -> Iterator[tuple[str, str]]:
    row = recorded.newest.get((entry.entity, entry.name))
    yield "in a rule", in_a_rule(entry, row) if entry.column.type else ""
    if row is None:
        yield "have it", "not counted yet: run a day first, quanyu run --day DAY"
        return
    part = share(row)
    yield "have it", f"{part:.1%} of {row['entities']:,}" if part is not None else f"there is no {entry.entity}"
    yield "fresh as of", str(row["day"])
    yield (
        "last week",
        change_words(row, recorded.week_before.get((entry.entity, entry.name)))
        or ("no statistics of a week before yet"),
    )
    yield "drift", _drift_words(row, moves)


def _drift_words(row: Any, moves: bool) -> str:
    """The stability index, and whether it is to be worried about."""
    if reason := unmeasured(row, moves):
        return f"not measured: {reason}"
    if row["drift"] is None:
        return f"not measured yet: its reference week began on {row['reference_from']}"
    verdict = "it has drifted" if has_drifted(row) else "stable"
    return (f"{verdict}: PSI {row['drift']:.3f} against the week from {row['reference_from']}"
            f" (warned of above 0.2; chance alone gives up to {row['drift_by_chance']:.3f})")  # fmt: skip


def _used(entry: Entry) -> Iterator[tuple[str, str]]:
    yield "used by", entry.users() or "nobody yet"
    yield "cases", ", ".join(cases.places(entry.name))


def in_a_rule(entry: Entry, row: Row | None) -> str:
    """How a rule may name it, with a value that occurs."""
    kind, name = entry.column.type, entry.name
    values = [*((row or {}).get("values") or entry.column.values), "VALUE"]
    quantiles = (row or {}).get("quantiles")
    if kind == "boolean":
        return f"{name}, not {name}"
    if kind == "string":
        return f"{name} = '{values[0]}'"
    if kind.startswith("array"):
        return f"array_contains({name}, '{values[0]}')"
    if kind in ("date", "timestamp"):
        return f"{name} >= date'2025-01-01'"
    return f"{name} >= {quantiles[3]:.4g}" if quantiles else f"{name} >= 1"


def _tree(entry: Entry, by_name: dict[str, Entry], texts: dict[str, str]) -> Tree:
    """What an entry is made of, and what that is made of, down to facts."""
    tree = Tree(cell(entry.name, "bold"), guide_style="dim")
    _grow(tree, entry, by_name, texts, ())
    return tree


def _grow(tree: Tree, entry: Entry, by_name: dict[str, Entry], texts: dict[str, str], above: tuple[str, ...]) -> None:
    for name in entry.inputs:
        part = by_name.get(name)
        if part is None or name in above:
            continue
        label = Text.assemble(cell(name, "cyan"), " ", cell(part.column.about))
        if part.kind == "feature":
            label.append_text(cell(f" {_facts_behind(texts.get(name, ''))}", "dim"))
        _grow(tree.add(label), part, by_name, texts, (*above, name))


def _facts_behind(text: str) -> str:
    """In words what a feature computes, from the text of its definition."""
    said = dict(row.split(": ", 1) for row in text.splitlines() if ": " in row and not row.startswith(" "))
    parts = [said.get("value", ""), f"of {said['over']}" if "over" in said else ""]
    parts += [f"where {said[key]}" for key in ("rows", "where") if key in said]
    parts += [f"within {said['within']}"] if said.get("within", "all time") != "all time" else []
    return f"({', '.join(filter(None, parts))})" if parts[0] else ""


def _distribution(context: Context, entry: Entry, otherwise: bool) -> list[RenderableType]:
    place, column = f"gold/profile_{entry.entity}", profile_column(entry.name)
    lake = context.lake
    if not lake.exists(place) or column not in lake.arrow(place).schema.names:
        return []
    values = lake.arrow(place).to_table(columns=[column])[column]
    rows = plot.distribution(values, entry.column.type)
    unknown = [("(unknown)", values.null_count)] if values.null_count else []
    day = (lake.receipt(place) or {}).get("day", "")
    several = ", each of them for all its elements" if entry.column.type.startswith("array") else ""
    title = f"Distribution on {day}: number of {context.catalogue.entities[entry.entity].plural(2)}{several}"
    return [
        _heading(f"{title}, by its definition then" if otherwise else title),
        plot.bars([*rows, *unknown], len(values), Console().width),
    ]


def was_defined_otherwise(context: Context, entry: Entry, day: date) -> bool:
    """Whether an entry, or something it is made of, had another definition on a day than the one in force."""
    kind, name = _declaration(entry)
    row = history.on_day(history.of_name(context.lake, kind, name), day)
    current = {(one.kind, one.name): one.digest() for one in definitions(context.catalogue)}
    return row is not None and (kind, name) in current and not is_same(row["digest"], current[kind, name])


def _declaration(entry: Entry) -> tuple[str, str]:
    """Kind and name of the declaration that gives an entry: of a score its model."""
    return ("model", entry.scene) if entry.kind == "score" else (entry.kind, entry.name)


def definitions_of(lake: Lake, entry: Entry, day: date | None) -> Group:
    """All definitions that an entry has had, or the one of a day. Raises ConfigError where none is recorded."""
    rows = history.of_name(lake, *_declaration(entry))
    if not rows:
        raise ConfigError(f"no definition of {entry.name} is recorded yet: run a day first, quanyu run --day DAY")
    if day is not None:
        row = history.on_day(rows, day)
        if row is None:
            first = rows[0]["valid_from"]
            raise ConfigError(f"no definition of {entry.name} is recorded of {day}; the first is of {first}")
        rows = [row]
    parts, before = list[RenderableType](), None
    for row in rows:
        inputs = "the same, made of something that has changed\n" if before == row["text"] else ""
        before = row["text"]
        until = f"until {row['valid_to']} (that day excluded)" if row["valid_to"] else "still valid"
        parts.append(line((f"{entry.name} from {row['valid_from']}, {until}", "bold"), f"\n{inputs}{row['text']}\n"))
    return Group(*parts)
