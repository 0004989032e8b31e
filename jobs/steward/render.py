"""Renders customers, links and differences for the terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table as Grid

from jobs.steward import history
from jobs.steward.directory import Directory, RecordKey
from jobs.steward.explain import PathLink, Separation
from jobs.steward.match_explanation import MatchScore
from jobs.steward.reviews import ReviewList
from jobs.steward.verdicts import Verdicts
from jobs.unify.matching import names
from jobs.unify.matching.comparison import COLUMNS, IDENTIFIERS, NAME, NOT_COMPARED
from quanyu.plurals import number_of
from quanyu.printable import grid, line

# Of longer lists, the number of further rows is printed.
MOST_ROWS = 40
# Columns of a person besides the name, in the order of the comparisons.
VALUES = tuple(column for column in COLUMNS if column not in NAME)
# Without what the list of identifiers shows.
DESCRIBED = tuple(column for column in VALUES if column not in IDENTIFIERS)


def full_name(person: Mapping[Hashable, Any]) -> str:
    """The complete name of a record: as one text where the feed has that, or its parts in the order of their script."""
    if person["display_name"]:
        return str(person["display_name"])
    given_name, family_name = person["given_name"] or "", person["family_name"] or ""
    if names.is_unspaced(given_name + family_name):
        return f"{family_name}{given_name}"
    return f"{given_name} {family_name}".strip()


def rows_of(people: pd.DataFrame, records: Sequence[RecordKey], columns: Sequence[str]) -> dict[str, list[str]]:
    """The name and these columns of records, by label and in their order; without columns that no record has."""
    persons = [people.loc[[tuple(record)]].iloc[0].to_dict() for record in records]
    values = {"name": [full_name(person) for person in persons]}
    values |= {column: [str(person[column] or "") for person in persons] for column in columns}
    return {label: texts for label, texts in values.items() if label == "name" or any(texts)}


def have_several_values(texts: Sequence[str]) -> bool:
    """Whether records show more than one value; those that show none, or an unknown one, count for nothing."""
    return len({text for text in texts if text not in ("", "unknown")}) > 1


def _grid(columns: Iterable[str], rows: list[list[str]], title: str = "") -> Grid:
    more = [[f"and {len(rows) - MOST_ROWS:,} more"]] if len(rows) > MOST_ROWS else []
    return grid(columns, [*rows[:MOST_ROWS], *more], title)


def customer(directory: Directory, one: str) -> Group:
    """A customer with all records and identifiers, what is set aside, verdicts, and the history of the id."""
    records = directory.of_customer(one)
    people = directory.raw(records)
    named = ", ".join(sorted({name for name in rows_of(people, records, ())["name"] if name})) or "no name"
    facts = f"{named}, {number_of(len(records), 'record')}, {_row(directory, one)}"
    lines: list[RenderableType] = [line((one, "bold"), f": {facts}")]
    former = directory.former(one)
    if former:
        lines.append(line(f"formerly also {', '.join(former)}"))
    lines += [_records(people, records), _identifiers(directory, records), _history(directory, one, records)]
    lines += [line(f"verdict {verdict.decision} on {verdict.one} and {verdict.other}: {verdict.words}")
              for verdict in Verdicts(directory).about(records)]  # fmt: skip
    return Group(*lines)


def customers(directory: Directory, ids: list[str]) -> Grid:
    """A line for each of the first MOST_ROWS of many customers: names, birthdays, cities and number of records."""
    by_customer = {one: directory.of_customer(one) for one in ids[:MOST_ROWS]}
    people = directory.raw([record for records in by_customer.values() for record in records])
    cells = []
    for one, records in by_customer.items():
        rows = rows_of(people, records, ("birthday", "city"))
        texts = [", ".join(sorted(set(filter(None, rows.get(label, []))))) for label in ("name", "birthday", "city")]
        cells.append([one, *texts, str(len(records))])
    return _grid(("customer", "name", "birthday", "city", "records"), cells)


def _row(directory: Directory, one: str) -> str:
    place = "gold/customers"
    if not directory.lake.exists(place):
        return "not yet in customers"
    from pyarrow import compute

    rows = directory.lake.rows(place, where=compute.field("customer_id") == one).to_pylist()
    if not rows:
        return "not yet in customers"
    return f"since {rows[0]['joined_on']}, consents to {_consents(rows[0].get('consents') or [])}"


def _consents(consents: list[str]) -> str:
    """Purposes with their channels: `any` stands for all of them."""
    channels = defaultdict(list)
    for purpose, _, channel in (consent.partition(":") for consent in consents):
        channels[purpose].append(channel)
    shown = (f"{purpose} ({'any' if 'any' in named else ', '.join(named)})" for purpose, named in channels.items())
    return ", ".join(shown) or "nothing"


def _records(people: pd.DataFrame, records: list[RecordKey]) -> Grid:
    """What each record says of the person; ≠ marks columns in which they differ."""
    rows = rows_of(people, records, DESCRIBED)
    labels = [f"{label} ≠" if have_several_values(texts) else label for label, texts in rows.items()]
    cells = [[str(record), *texts] for record, *texts in zip(records, *rows.values(), strict=True)]
    return _grid(("record", *labels), cells)


def _side_by_side(people: pd.DataFrame, one: RecordKey, other: RecordKey) -> Grid:
    """The values of two records next to each other; ≠ marks those that differ."""
    rows = rows_of(people, [one, other], VALUES)
    cells = [["≠" if have_several_values(texts) else "", label, *texts] for label, texts in rows.items()]
    return _grid(("", "field", str(one), str(other)), cells)


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)


def _identifiers(directory: Directory, records: list[RecordKey]) -> Grid:
    rows = directory.rows_of(records).sort_values(["kind", "scope", "value", "recorded_on"])
    aside = _aside(directory, records)
    keys = list(zip(rows["source"], rows["person_key"], rows["kind"], strict=True))
    rows = rows.assign(why=[aside.get(key, "") for key in keys])
    grouped = rows.groupby(["kind", "scope", "value"], sort=False).agg(
        sources=("source", lambda all_: ", ".join(sorted(set(all_)))), since=("recorded_on", "min"), why=("why", "max")
    )
    cells = [[str(cell) for cell in row] for row in grouped.reset_index().to_numpy().tolist()]
    return _grid(("identifier", "scope", "value", "sources", "since", "set aside"), cells)


def _aside(directory: Directory, records: list[RecordKey]) -> dict[tuple[str, str, str], str]:
    if not directory.lake.exists("gold/identity_aside"):
        return {}
    rows = directory.lake.arrow("gold/identity_aside").to_table().to_pandas()
    chosen = rows[rows["person_key"].isin([key.person_key for key in records])]
    return {(row["source"], row["person_key"], row["kind"]): row["reason"] for row in chosen.to_dict("records")}


def _history(directory: Directory, one: str, records: list[RecordKey]) -> Grid:
    rows = []
    for row in history.events_of(directory, one, records).to_dict("records"):
        which = row["record"] if row["records"] == 1 else number_of(row["records"], "record")
        rows.append([str(row["day"]), history.words(row, one), which, _text(row["cause"])])
    return _grid(("day", "event", "record", "cause"), rows)


def chain(directory: Directory, hops: list[PathLink]) -> Group:
    """The links from one record to another, and what the records on the way say of the person."""
    records = list(dict.fromkeys(end for hop in hops for end in (hop.one, hop.other)))
    lines: list[RenderableType] = [_records(directory.raw(records), records)]
    for number, hop in enumerate(hops, 1):
        lines.append(line(f"{number}. {hop.one}  ", ("—", "dim"), f"  {hop.other}"))
        evidence = [" both show ", (hop.value, "bold"), f", since {hop.since}"] if hop.value else [f" {hop.words}"]
        lines.append(line("   ", (hop.rule, "green"), *evidence))
        if hop.score:
            lines.append(match_score(hop.score))
    return Group(*lines)


def match_score(score: MatchScore) -> Group:
    """The values of both records, and the match weight of every field that one of them has, in bits."""
    rows = [["≠" if have_several_values(part.values) else "", part.name, *part.values, part.words,
             f"{part.weight:+.1f}"]
            for part in score.parts if any(part.values) or part.words != NOT_COMPARED]  # fmt: skip
    sure = "no probability" if score.probability is None else f"probability {score.probability:.3f}"
    rows.append(["", "together", "", "", sure, f"{score.weight:+.1f}"])
    return Group(_grid(("", "field", str(score.one), str(score.other), "level", "bits"), rows))


def separations(directory: Directory, reasons: list[Separation], score: MatchScore) -> Group:
    """What separates two customers, and what their two most similar records say of the person."""
    records = [score.one, score.other]
    reason_lines = (line((part.what, "yellow"), f": {part.why}") for part in reasons)
    return Group(*reason_lines, _records(directory.raw(records), records))


def proposal(rows: pd.DataFrame) -> Group:
    """A difference that the gate stopped: the limits that it exceeds, numbers of events, and the largest changes."""
    counts = [[str(event), f"{len(part):,}", f"{part['customer_id'].nunique():,}"]
              for event, part in rows.groupby("event")]  # fmt: skip
    merges = rows[rows["event"] == "merge"].groupby(["customer_id", "cause"])
    largest = merges.agg(ids=("other_id", "nunique"), records=("person_key", "size")).reset_index()
    largest = largest.sort_values(["ids", "records"], ascending=False).head(10)
    splits = rows[rows["event"] == "split"].groupby(["other_id", "cause"]).agg(
        ids=("customer_id", "nunique"), records=("person_key", "size")).reset_index()  # fmt: skip
    splits = splits.sort_values(["ids", "records"], ascending=False).head(10)
    mark, reasons = rows["difference"].iloc[0], rows["reasons"].iloc[0]
    return Group(
        line(f"stopped on {rows['day'].max()}, difference ", (mark, "bold")), *map(line, reasons.split("; ")),
        _grid(("event", "records", "customers"), counts),
        _grid(("into", "cause", "ids", "records"), [[str(x) for x in row] for row in largest.to_numpy()],
              "largest merges"),
        _grid(("out of", "cause", "ids", "records"), [[str(x) for x in row] for row in splits.to_numpy()],
              "largest splits"),
        line(f"accept it with: quanyu identity accept {mark} --why ..."),
    )  # fmt: skip


def reviews(directory: Directory, work: ReviewList, page: int, size: int) -> Group:
    """One page of the work list."""
    first = (page - 1) * size
    items = work.items[first : first + size]
    total, pairs = len(work.items), sum(item.pairs for item in work.items)
    least = "" if work.complete else "at least "
    lines: list[RenderableType] = [
        line(f"{least}{number_of(total, 'pair')} of customers to review ({number_of(pairs, 'pair')} of records), most"
             f" useful first; page {page} of {work.pages(size)}")
    ]  # fmt: skip
    if work.decided:
        lines.append(line(f"{number_of(work.decided, 'further pair')} decided by a verdict already"))
    people = directory.raw([end for item in items for end in (item.one, item.other)])
    for number, item in enumerate(items, first + 1):
        sure = "" if item.probability is None else f"{item.probability:.2f} "
        sides = [f"{who} ({number_of(size, 'record')})" for who, size in zip(item.customers, item.sizes, strict=True)]
        more = f"; {item.pairs} pairs of their records, this is the likeliest" if item.pairs > 1 else ""
        lines += [
            line(f"{number}. ", (sure, "bold"), item.reason), line(f"{' and '.join(sides)}{more}"),
            _side_by_side(people, item.one, item.other),
            line(f"quanyu verdict same|different {item.one} {item.other} --why ..."), "",
        ]  # fmt: skip
    return Group(*lines)
