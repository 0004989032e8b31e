"""Customers, links and differences for a person's eyes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table as Grid

from jobs.unify.directory import Directory, Record
from jobs.unify.explain import Hop, Part
from jobs.unify.weighing import Weighed
from quanyu.printable import grid, line

# Longer lists are told by their number.
MOST_ROWS = 40


def _grid(columns: Iterable[str], rows: list[list[str]], title: str = "") -> Grid:
    more = [[f"and {len(rows) - MOST_ROWS:,} more"]] if len(rows) > MOST_ROWS else []
    return grid(columns, [*rows[:MOST_ROWS], *more], title)


def customer(directory: Directory, one: str) -> Group:
    """A customer with all records and identifiers, what is set aside, and what happened to the id."""
    found = directory.of_customer(one)
    told: list[RenderableType] = [line((one, "bold"), f": {len(found)} records, {_row(directory, one)}")]
    former = directory.former(one)
    if former:
        told.append(line(f"formerly also {', '.join(former)}"))
    told += [_records(directory.raw(found), found), _identifiers(directory, found), _history(directory, found)]
    return Group(*told)


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


def _records(people: pd.DataFrame, found: list[Record]) -> Grid:
    rows = []
    for key in found:
        told = people.loc[[tuple(key)]].iloc[0]
        names = [told["display_name"], *(x for x in (told["given_name"], told["family_name"]) if x)]
        rows.append([str(key), *(_text(x) for x in (next(filter(None, names), ""), told["birthday"], told["city"]))])
    return _grid(("record", "name", "born", "city"), rows)


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)


def _identifiers(directory: Directory, found: list[Record]) -> Grid:
    rows = directory.rows_of(found).sort_values(["kind", "scope", "value", "recorded_on"])
    aside = _aside(directory, found)
    keys = list(zip(rows["source"], rows["person_key"], rows["kind"], strict=True))
    rows = rows.assign(why=[aside.get(key, "") for key in keys])
    grouped = rows.groupby(["kind", "scope", "value"], sort=False).agg(
        sources=("source", lambda all_: ", ".join(sorted(set(all_)))), since=("recorded_on", "min"), why=("why", "max")
    )
    told = [[str(cell) for cell in row] for row in grouped.reset_index().to_numpy().tolist()]
    return _grid(("identifier", "scope", "value", "told by", "since", "set aside"), told)


def _aside(directory: Directory, found: list[Record]) -> dict[tuple[str, str, str], str]:
    if not directory.lake.exists("gold/identity_aside"):
        return {}
    rows = directory.lake.arrow("gold/identity_aside").to_table().to_pandas()
    chosen = rows[rows["person_key"].isin([key.person_key for key in found])]
    return {(row["source"], row["person_key"], row["kind"]): row["reason"] for row in chosen.to_dict("records")}


def _history(directory: Directory, found: list[Record]) -> Grid:
    events = directory.log.events
    keys = pd.MultiIndex.from_tuples([tuple(key) for key in found], names=["source", "person_key"])
    own = events[pd.MultiIndex.from_frame(events[["source", "person_key"]]).isin(keys)]
    rows = [[str(row["day"]), row["event"], f"{row['source']}/{row['person_key']}", row["customer_id"],
             _text(row["other_id"]), _text(row["cause"])] for row in own.to_dict("records")]  # fmt: skip
    return _grid(("day", "event", "record", "id", "other id", "cause"), rows)


def chain(hops: list[Hop], day: date | None = None) -> Group:
    """The links from one record to another."""
    told: list[RenderableType] = []
    for number, hop in enumerate(hops, 1):
        told.append(line(f"{number}. {hop.one}  ", ("—", "dim"), f"  {hop.other}"))
        shown = [" both show ", (hop.value, "bold"), f", since {hop.since}"] if hop.value else [f" {hop.told}"]
        told.append(line("   ", (hop.rule, "green"), *shown))
        if hop.weighed:
            told.append(weighed(hop.weighed))
    return Group(*told)


def weighed(found: Weighed) -> Group:
    """The weight of every field of a pair, in bits."""
    rows = [[name, level, f"{weight:+.1f}"] for name, level, weight in found.fields]
    sure = "no probability" if found.probability is None else f"probability {found.probability:.3f}"
    rows.append(["together", sure, f"{found.weight:+.1f}"])
    return Group(_grid(("field", "how alike", "bits"), rows))


def parts(found: list[Part]) -> Group:
    """What keeps two customers apart."""
    return Group(*(line((part.what, "yellow"), f": {part.why}") for part in found))


def proposal(rows: pd.DataFrame) -> Group:
    """A difference that was stopped at the gate: the bands, what would happen how often, and the largest changes."""
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
    """The stewards' work list, likeliest first."""
    told: list[RenderableType] = []
    ends = [Record(row[f"{end}_source"], row[f"{end}_key"]) for row in rows.to_dict("records") for end in ("a", "b")]
    people = directory.raw(ends)
    for place, row in enumerate(rows.to_dict("records")):
        pair = ends[2 * place : 2 * place + 2]
        sure = "" if pd.isna(row["probability"]) else f"{row['probability']:.2f} "
        told.append(line((sure, "bold"), row["reason"]))
        told += [_records(people, pair), line(f"quanyu verdict same|different {pair[0]} {pair[1]} --why ..."), ""]
    return Group(*told)
