"""An optician with columns of its own: fills, features, traits and audiences use them, in a home that is older."""

from __future__ import annotations

from datetime import date

import pytest
from shop import Retailer

from jobs.ingest.steps import replay

MEMBERS = """
describes: Members of the optician.
owner: crm
reads: {path: "members/{day}.csv", format: csv}
delivers: changes
freshness: none
person:
  - {kind: member, scope: brand, value: card}
fills:
  people:
    display_name: name
    tier: level
    joined_on: "cast('2024-01-01' as date)"
"""
APP = MEMBERS.replace("Members of the optician", "Users of the app").replace("members/", "app/")
OWN_FILLS = """    income_band: >-
      case income when '1' then 'low' when '2' then 'middle' when '3' then 'high' else income end
    newsletter: news
"""
TILL = """
describes: Receipts.
owner: retail
reads: {path: "till/{day}.csv", format: csv}
delivers: events
freshness: none
person:
  - {kind: member, scope: brand, value: card}
fills:
  orders:
    order_id: slip
    ordered_at: at
    kind: "'purchase'"
    status: "'paid'"
    amount: paid
    frame: frame
    thickness: thickness
"""
PEOPLE = """
describes: What the optician asks its members.
owner: crm
columns:
  income_band: {type: string, means: Yearly income of the household., values: [low, middle, high], personal: true}
  newsletter: {type: string, means: Whether the person reads the newsletter., values: ["no", "yes"]}
traits:
  income_band: {keep: most_trusted, order: [members, app]}
  newsletter: {keep: strictest, order: ["no", "yes"]}
  tier: {keep: newest}
"""
ORDERS = """
describes: What was made.
owner: retail
columns:
  frame: {type: string, means: What the frame is made of.}
  thickness: {type: double, means: Thickness of the lens., unit: millimetres, at_least: 0, at_most: 20}
"""
HOUSEHOLD = '''
"""What households say of themselves."""

from quanyu.grammar.feature import Feature, FeatureView
from quanyu.model.entities import Customer
from quanyu.model.people import People
from quanyu.model.trade import Orders


class Household(FeatureView):
    """The household of a customer."""

    entity, owner, over, where = Customer, "crm", People, "source = 'members'"

    income_band = Feature("max_by(income_band, recorded_on)", "Income that the CRM was told last.")


class Lenses(FeatureView):
    """What lenses a customer wears."""

    entity, owner, over = Customer, "retail", Orders

    thickest = Feature("max(thickness)", "The thickest lens.", unit="millimetres")
'''
RICH = """
describes: Customers with a high income who bought a frame of titanium.
owner: growth
goal: upsell
measures:
  titanium: {over: orders, value: "count(*)", where: "frame = 'titanium'", within: 30 days}
who: household.income_band = 'high' and customer.income_band = 'high' and titanium > 0 and lenses.thickest < 9
purpose: messages
"""
SCENE = """
describes: What is known of households.
owner: crm
entity: customer
tags:
  silent: {when: customer.newsletter = 'no', means: Does not want the newsletter.}
"""
STEPS = ("ingest.members", "ingest.app", "ingest.till", "identities", "customers")
VIEWS = ("features.household", "features.lenses", "memberships.customer")
HEAD = "card,name,level,income,news\n"


@pytest.fixture
def optician(retailer: Retailer) -> Retailer:
    """A home that ran one day before the optician declared columns of its own."""
    retailer.declare("sources/members.yml", MEMBERS)
    retailer.declare("sources/app.yml", APP)
    retailer.declare("sources/till.yml", TILL.partition("    frame")[0])
    retailer.land("members/2024-07-01.csv", HEAD + "M1,Ann,gold,3,yes\nM2,Bob,silver,1,yes\nM3,Eve,gold,2,no\n")
    retailer.land("app/2024-07-01.csv", HEAD + "M1,Ann,basic,1,no\n")
    slips = "slip,card,at,paid,frame,thickness\ns1,M1,2024-07-01 10:00:00,90,titanium,2.5\n"
    retailer.land("till/2024-07-01.csv", slips)
    retailer.run("2024-07-01", *STEPS)
    return retailer


def declare_own_columns(shop: Retailer) -> None:
    shop.declare("tables/people.yml", PEOPLE)
    shop.declare("tables/orders.yml", ORDERS)
    shop.declare("sources/members.yml", MEMBERS + OWN_FILLS)
    shop.declare("sources/app.yml", APP + OWN_FILLS)
    shop.declare("sources/till.yml", TILL)
    shop.declare("features/household.py", HOUSEHOLD)
    shop.declare("audiences/rich.yml", RICH)
    shop.declare("tags/household_tags.yml", SCENE)


def land_second_day(shop: Retailer) -> None:
    shop.land("members/2024-07-02.csv", HEAD + "M1,Ann,gold,3,yes\nM2,Bob,silver,1,yes\n")
    shop.land("app/2024-07-02.csv", HEAD + "M1,Ann,basic,1,no\nM2,Bob,basic,3,\n")
    slips = "slip,card,at,paid,frame,thickness\ns2,M1,2024-07-02 10:00:00,90,titanium,2.5\n"
    shop.land("till/2024-07-02.csv", slips + "s3,M2,2024-07-02 11:00:00,80,titanium,1.5\n")


def customers_by_name(shop: Retailer, *columns: str) -> dict[str, tuple[object, ...]]:
    """Values of customers by the name of their record in `members`."""
    ids = dict(shop.rows("gold/identities", "person_key", "customer_id"))
    people = shop.rows("silver/people", "person_key", "display_name", "source")
    names = {ids[key]: name for key, name, source in people if source == "members"}
    return {names[row[0]]: row[1:] for row in shop.rows("gold/customers", "customer_id", *columns)}


def test_an_audience_by_an_income_band_in_a_home_that_is_older_than_the_column(optician):
    before = optician.rows("silver/people", "source", "person_key", "display_name", "recorded_on")
    declare_own_columns(optician)
    land_second_day(optician)
    optician.run("2024-07-02", *STEPS, *VIEWS)
    # A new column loses no row, and rows of before have no value.
    assert set(before) <= set(optician.rows("silver/people", "source", "person_key", "display_name", "recorded_on"))
    bands = optician.rows("silver/people", "source", "display_name", "income_band", "recorded_on")
    one, two = date(2024, 7, 1), date(2024, 7, 2)
    assert ("members", "Ann", None, one) in bands and ("members", "Ann", "high", two) in bands
    assert ("members", "Eve", None, one) in bands
    # Ann and Bob said one thing to the CRM and another to the app, which is trusted less.
    traits = customers_by_name(optician, "income_band", "newsletter", "tier")
    assert traits["Ann"][:2] == ("high", "no")
    assert traits["Bob"][:2] == ("low", "yes")
    assert traits["Eve"] == (None, None, "gold")
    [(audience, entered)] = optician.rows("gold/memberships_customer", "audience", "entered_on")
    assert (audience, entered) == ("rich", two)


def test_days_of_before_get_the_column_when_they_are_mapped_again(optician):
    declare_own_columns(optician)
    land_second_day(optician)
    optician.run("2024-07-02", *STEPS)
    context = optician.context("2024-07-02")
    replay(context, context.catalogue.sources["members"], frozenset({date(2024, 7, 1)}))
    optician.run("2024-07-02", "customers")
    assert customers_by_name(optician, "income_band")["Eve"] == ("middle",)


def test_a_value_that_is_not_declared_waits_in_quarantine_until_it_is(optician):
    declare_own_columns(optician)
    rows = "".join(f"N{n},Name{n},gold,immense,yes\n" for n in range(9))
    optician.land("members/2024-07-02.csv", HEAD + rows)
    outcome = optician.breached("members", "2024-07-02")
    assert outcome.quarantined == 9
    reasons = {reason for (row_reasons,) in optician.rows("quarantine/members", "reasons") for reason in row_reasons}
    assert any("income_band must be one of low, middle, high" in reason for reason in reasons), reasons
    optician.declare("tables/people.yml", PEOPLE.replace("middle, high]", "middle, high, immense]"))
    optician.ingest("members", "2024-07-02")
    assert optician.rows("silver/people", "income_band").count(("immense",)) == 9
