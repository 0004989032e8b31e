"""Renders customers, links and differences for the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table as Grid

from jobs.steward.directory import Directory, RecordKey
from jobs.steward.explain import Hop, Separation
from jobs.steward.match_explanation import Weighed
from quanyu.printable import grid, line

# Of longer lists, the number of further rows is printed.
MOST_ROWS = 40


def _grid(columns: Iterable[str], rows: list[list[str]], title: str = "") -> Grid:
    more = [[f"and {len(rows) - MOST_ROWS:,} more"]] if len(rows) > MOST_ROWS else []
    return grid(columns, [*rows[:MOST_ROWS], *more], title)


def customer(directory: Directory, one: str) -> Group:
    """A customer with all records and identifiers, what is set aside, and the history of the id."""
    records = directory.of_customer(one)
    lines: list[RenderableType] = [line((one, "bold"), f": {len(records)} records, {_row(directory, one)}")]
    former = directory.former(one)
    if former:
        lines.append(line(f"formerly also {', '.join(former)}"))
    lines += [_records(directory.raw(records), records), _identifiers(directory, records), _history(directory, records)]
    return Group(*lines)


def _row(directory: Directory, one: str) -> str:
    place = "gold/customers"
    if not directory.lake.exists(place):
        return "not yet in customers"
    from pyarrow import compute

    rows = directory.lake.rows(place, where=compute.field("customer_id") == one).to_pylist()
    if not rows:
        return "not yet in customers"
    consents = rows[0].get("consents")
    return f"since {rows[0]['joined_on']}, consents to {', '.join(consents) if consents else 'nothing'}"


def _records(people: pd.DataFrame, records: list[RecordKey]) -> Grid:
    rows = []
    for key in records:
        person = people.loc[[tuple(key)]].iloc[0]
        names = [person["display_name"], *(x for x in (person["given_name"], person["family_name"]) if x)]
        rows.append(
            [str(key), *(_text(x) for x in (next(filter(None, names), ""), person["birthday"], person["city"]))]
        )
    return _grid(("record", "name", "born", "city"), rows)


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


def _history(directory: Directory, records: list[RecordKey]) -> Grid:
    events = directory.log.events
    keys = pd.MultiIndex.from_tuples([tuple(key) for key in records], names=["source", "person_key"])
    own = events[pd.MultiIndex.from_frame(events[["source", "person_key"]]).isin(keys)]
    rows = [[str(row["day"]), row["event"], f"{row['source']}/{row['person_key']}", row["customer_id"],
             _text(row["other_id"]), _text(row["cause"])] for row in own.to_dict("records")]  # fmt: skip
    return _grid(("day", "event", "record", "id", "other id", "cause"), rows)


def chain(hops: list[Hop], day: date | None = None) -> Group:
    """The links from one record to another."""
    lines: list[RenderableType] = []
    for number, hop in enumerate(hops, 1):
        lines.append(line(f"{number}. {hop.one}  ", ("—", "dim"), f"  {hop.other}"))
        evidence = [" both show ", (hop.value, "bold"), f", since {hop.since}"] if hop.value else [f" {hop.told}"]
        lines.append(line("   ", (hop.rule, "green"), *evidence))
        if hop.weighed:
            lines.append(weighed(hop.weighed))
    return Group(*lines)


def weighed(comparison: Weighed) -> Group:
    """The match weight of every field of a pair, in bits."""
    rows = [[name, level, f"{weight:+.1f}"] for name, level, weight in comparison.fields]
    sure = "no probability" if comparison.probability is None else f"probability {comparison.probability:.3f}"
    rows.append(["together", sure, f"{comparison.weight:+.1f}"])
    return Group(_grid(("field", "level", "bits"), rows))


def parts(reasons: list[Separation]) -> Group:
    """What separates two customers."""
    return Group(*(line((part.what, "yellow"), f": {part.why}") for part in reasons))


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


def reviews(rows: pd.DataFrame, directory: Directory) -> Group:
    """The stewards' work list, in the order of its rows."""
    lines: list[RenderableType] = []
    ends = [RecordKey(row[f"{end}_source"], row[f"{end}_key"]) for row in rows.to_dict("records") for end in ("a", "b")]
    people = directory.raw(ends)
    for place, row in enumerate(rows.to_dict("records")):
        pair = ends[2 * place : 2 * place + 2]
        sure = "" if pd.isna(row["probability"]) else f"{row['probability']:.2f} "
        lines.append(line((sure, "bold"), row["reason"]))
        lines += [_records(people, pair), line(f"quanyu verdict same|different {pair[0]} {pair[1]} --why ..."), ""]
    return Group(*lines)
