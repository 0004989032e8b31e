"""A record's new row replaces its identifiers: those that it lacks end, in whatever order the days arrive."""

from __future__ import annotations

from itertools import permutations

import pytest

from quanyu.errors import ConfigError

FEED = """\
describes: Members.
owner: me
reads: {{path: "crm/{{day}}.csv", format: csv}}
delivers: {delivers}
freshness: none
{more}
person:
  - {{kind: member, scope: b, value: card}}
  - {{kind: phone, value: phone}}
  - {{kind: email, value: mail}}
fills:
  people: {{display_name: name}}
"""
DAYS = {
    "2024-07-01": "1,Ann,13812340001,ann@b.cn\n2,Bob,13812340002,\n3,Cy,13812340003,\n",
    "2024-07-02": "1,Ann,13812340009,ann@b.cn\n",
    "2024-07-03": "2,Bob,,\n1,Ann,13812340009,\n",
    "2024-07-04": "4,Di,13812340001,\n1,Ann,13812340008,\n1,Ann,13812340007,\n",
}
# After all four days: the last row of each record.
HOLDS = ["+8613812340001", "+8613812340003", "+8613812340007", "1", "2", "3", "4"]


def opened(retailer, delivers="changes", more=""):
    retailer.declare("sources/crm.yml", FEED.format(delivers=delivers, more=more))
    return retailer


def landed(retailer, day, rows):
    retailer.land(f"crm/{day}.csv", "card,name,phone,mail\n" + rows)


def holding(retailer, day=None):
    rows = retailer.rows("silver/identifiers", "value", "recorded_on", "replaced_on")
    if day is None:
        return [value for value, _, until in rows if until is None]
    return [value for value, since, until in rows if str(since) <= day and (until is None or str(until) > day)]


def test_a_corrected_value_and_an_empty_cell_end_identifiers_from_their_day_on(retailer):
    opened(retailer)
    for day, rows in DAYS.items():
        landed(retailer, day, rows)
        retailer.ingest("crm", day)
    assert holding(retailer) == HOLDS
    assert "+8613812340001" in holding(retailer, "2024-07-01")
    assert "+8613812340001" not in holding(retailer, "2024-07-02")
    assert "ann@b.cn" in holding(retailer, "2024-07-02")
    assert "ann@b.cn" not in holding(retailer, "2024-07-03")


def test_all_days_in_one_batch_give_what_one_by_one_gives(retailer):
    opened(retailer)
    for day, rows in DAYS.items():
        landed(retailer, day, rows)
    retailer.ingest("crm", "2024-07-04")
    assert holding(retailer) == HOLDS
    assert "+8613812340001" not in holding(retailer, "2024-07-03")
    assert "ann@b.cn" in holding(retailer, "2024-07-02")


@pytest.mark.parametrize("order", list(permutations(DAYS))[1::5])
def test_any_order_of_the_days_gives_the_same(retailer, order):
    opened(retailer)
    for day in order:
        landed(retailer, day, DAYS[day])
        retailer.ingest("crm", max(order[: order.index(day) + 1]))
    assert holding(retailer) == HOLDS


def test_a_redelivered_day_without_the_row_restores_the_identifiers_that_it_ended(retailer):
    opened(retailer)
    for day in list(DAYS)[:2]:
        landed(retailer, day, DAYS[day])
        retailer.ingest("crm", day)
    assert "+8613812340009" in holding(retailer)
    landed(retailer, "2024-07-02", "5,Eve,13812340005,\n")
    retailer.ingest("crm", "2024-07-03")
    assert holding(retailer) == [
        "+8613812340001", "+8613812340002", "+8613812340003", "+8613812340005", "1", "2", "3", "5", "ann@b.cn",
    ]  # fmt: skip


def test_a_kind_that_the_source_keeps_ends_only_by_another_value(retailer):
    opened(retailer, more="keeps: [phone]")
    for day, rows in DAYS.items():
        landed(retailer, day, rows)
        retailer.ingest("crm", day)
    assert holding(retailer) == sorted([*HOLDS, "+8613812340002"])


@pytest.mark.parametrize("delivers", ["events", "snapshot"])
def test_events_add_up_and_snapshots_replace(retailer, delivers):
    opened(retailer, delivers, "volume: {at_least: 0}")
    for day, rows in DAYS.items():
        landed(retailer, day, rows)
        retailer.ingest("crm", day)
    assert ("ann@b.cn" in holding(retailer)) == (delivers == "events")
    assert (holding(retailer) == HOLDS) == (delivers == "snapshot")


@pytest.mark.parametrize(
    ("delivers", "keeps", "words"),
    [("changes", "[nick]", "has no 'nick'"), ("events", "[phone]", "keeps is for feeds that deliver changes")],
)
def test_keeps_must_name_a_kind_of_a_feed_of_changes(retailer, delivers, keeps, words):
    opened(retailer, delivers, f"keeps: {keeps}")
    with pytest.raises(ConfigError, match=words):
        _ = retailer.context("2024-07-01").catalogue


def test_of_a_kind_that_the_source_keeps_the_last_value_of_the_day_counts(retailer):
    opened(retailer, more="keeps: [phone]")
    landed(retailer, "2024-07-01", "1,Ann,13812340001,\n")
    retailer.ingest("crm", "2024-07-01")
    landed(retailer, "2024-07-02", "1,Ann,13812340009,\n1,Ann,,ann@b.cn\n")
    retailer.ingest("crm", "2024-07-02")
    assert holding(retailer) == ["+8613812340009", "1", "ann@b.cn"]
