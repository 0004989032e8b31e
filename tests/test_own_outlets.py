"""Own columns of outlets, which two systems list, steer a tag and an audience of outlets."""

from __future__ import annotations

from datetime import date

import pytest
from shop import Retailer

LIST = """
describes: Outlets as one system lists them.
owner: channel
reads: {{path: "{name}/{{day}}.csv", format: csv}}
delivers: changes
freshness: none
fills:
  outlets: {{outlet: number, city: city, chain_size: "try_cast(size as int)", cooled: cooled}}
"""
DELIVERIES = """
describes: Orders of outlets.
owner: channel
reads: {path: "deliveries/{day}.csv", format: csv}
delivers: events
freshness: none
fills:
  sell_in: {order_id: number, line: "1", outlet: outlet, sku: sku, quantity: "1", ordered_on: "cast(day as date)"}
"""
OUTLETS = """
describes: What we know of outlets.
owner: channel
columns:
  chain_size: {type: int, means: Outlets of the chain that it belongs to., unit: outlets, at_least: 1}
  cooled: {type: string, means: Whether it has a cold shelf., values: ["no", "yes"]}
traits:
  chain_size: {keep: most_trusted, order: [survey, sales]}
  cooled: {keep: strictest, order: ["no", "yes"]}
"""
SCENE = """
describes: How large an outlet's chain is.
owner: channel
entity: outlet
tags:
  large: {when: outlet.chain_size >= 10, means: Belongs to a chain of ten outlets or more.}
"""
PICKED = """
describes: Cooled outlets of large chains, and whoever orders much.
owner: channel
entity: outlet
goal: upsell
measures:
  deliveries: {over: sell_in, value: "count(*)", within: 30 days}
who: (chains.large and outlet.cooled = 'yes') or deliveries >= 2
purpose: analytics
"""
FIRST, SECOND = "2024-07-01", "2024-07-02"
STEPS = ("ingest.sales", "ingest.survey", "ingest.deliveries", "features.outlet_orders", "features.outlet_rhythm",
         "features.shelf_stock", "features.shelf_share", "features.outlet_scans", "features.rival_pressure",
         "profile.outlet", "memberships.outlet")  # fmt: skip


@pytest.fixture
def house(retailer: Retailer) -> Retailer:
    for name in ("sales", "survey"):
        retailer.declare(f"sources/{name}.yml", LIST.format(name=name))
    retailer.declare("sources/deliveries.yml", DELIVERIES)
    retailer.declare("tables/outlets.yml", OUTLETS)
    retailer.declare("tags/chains.yml", SCENE)
    retailer.declare("audiences/picked.yml", PICKED)
    head = "number,city,size,cooled\n"
    retailer.land(f"survey/{FIRST}.csv", head + "a,Ulm,12,yes\nb,Ulm,,yes\nc,Ulm,3,no\n")
    # Recorded later, but trusted less; what it does not say is taken from the survey.
    retailer.land(f"sales/{SECOND}.csv", head + "a,Bonn,2,\nb,Bonn,40,no\nd,Bonn,50,yes\n")
    retailer.land(f"deliveries/{FIRST}.csv", "number,outlet,sku,day\n1,c,tea,2024-06-30\n2,c,tea,2024-07-01\n")
    return retailer


def profiles(shop: Retailer) -> dict[str, tuple[object, ...]]:
    columns = ("outlet", "outlet__city", "outlet__chain_size", "outlet__cooled", "chains__large")
    return {row[0]: row[1:] for row in shop.rows("gold/profile_outlet", *columns)}


def test_a_tag_and_an_audience_of_outlets_by_their_own_columns(house):
    house.run(FIRST, *STEPS)
    assert profiles(house) == {
        "a": ("Ulm", 12, "yes", True), "b": ("Ulm", None, "yes", False), "c": ("Ulm", 3, "no", False),
    }  # fmt: skip
    one, two = date.fromisoformat(FIRST), date.fromisoformat(SECOND)
    columns = ("outlet", "entered_on", "left_on")
    assert house.rows("gold/memberships_outlet", *columns) == [("a", one, None), ("c", one, None)]

    house.land(f"survey/{SECOND}.csv", "number,city,size,cooled\nc,Ulm,3,no\n")
    house.run(SECOND, *STEPS)
    assert profiles(house) == {
        "a": ("Bonn", 12, "yes", True), "b": ("Bonn", 40, "no", True), "c": ("Ulm", 3, "no", False),
        "d": ("Bonn", 50, "yes", True),
    }  # fmt: skip
    assert house.rows("gold/memberships_outlet", *columns) == [("a", one, None), ("c", one, None), ("d", two, None)]

    # Another choice among the systems counts from the next run on, also of the same day.
    house.declare("tables/outlets.yml", OUTLETS.replace("[survey, sales]", "[sales, survey]"))
    house.run(SECOND, *STEPS)
    assert profiles(house)["a"] == ("Bonn", 2, "yes", False)
    assert house.rows("gold/memberships_outlet", *columns) == [("a", one, two), ("c", one, None), ("d", two, None)]


def test_each_entity_has_its_own_step_which_reads_nothing_of_the_others(house):
    steps = house.context(FIRST).steps
    assert "memberships.customer" not in steps and "memberships.outlet" in steps
    house.declare("audiences/anybody.yml", "describes: All.\nowner: growth\ngoal: care\nwho: customer.persons >= 1\n"
                  "purpose: ads\n")  # fmt: skip
    steps = house.context(FIRST).steps
    assert not {*steps["memberships.customer"].reads} & {"silver/outlets", "gold/outlet_orders"}
    assert not {*steps["memberships.outlet"].reads} & {"gold/customers", "gold/identities"}
