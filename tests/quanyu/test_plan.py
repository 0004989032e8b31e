"""What a plan says of a day, and that a run then does it; and that a plan changes nothing."""

from __future__ import annotations

import re
import shutil
from datetime import date

import pytest
from rich.console import Console
from shop import Retailer, template
from small_day import BUYERS, FIRST, HEADS, MOMENTS, PRODUCTS, RECEIPTS, SECOND, SLIPS, declared, lived

from quanyu.commands.plan import plan_panels
from quanyu.run import integrity
from quanyu.run.planning import plan as plans
from quanyu.run.planning.absent_values import compared
from quanyu.run.runner import perform

# Without training and scores, which need a registry, and without what sends.
APART = ("track", "train", "scores", "monitor", "send", "export", "journeys", "upkeep")
# The house's models, new as long as their training is left out.
MODELS = [
    f"model {name}"
    for name in ("campaign_response", "campaign_uplift", "churn", "first_order", "lifetime", "next_purchase")
]
COATS = """
describes: Buyers of coats.
owner: growth
goal: care
measures:
  coats: {over: order_lines, value: "count(*)", where: "products.category = 'drink' and kind = 'sale'"}
who: coats > 0 and value.spend > 0
purpose: ads
"""
NOBODIES = """
from quanyu.grammar.feature import Feature, FeatureView
from quanyu.model.entities import Customer
from quanyu.model.people import People


class Nobodies(FeatureView):
    '''Records without a name.'''

    entity, owner, over, where = Customer, "crm", People, "display_name = 'Nobody'"
    records = Feature("count(*)", "Records.", unit="records")
"""


def run(shop, day):
    """Run the steps that need no registry, and return what became of each."""
    context = shop.context(day)
    return {step.name: perform(context, step).status for step in computing(context.steps.values())}


def computing(steps):
    return [step for step in steps if not step.name.startswith(APART)]


def ran(folder):
    shop = Retailer(folder)
    declared(shop)
    (shop.conf / "audiences" / "leaving.yml").unlink()
    shutil.rmtree(shop.conf / "journeys")
    run(shop, FIRST)
    shop.close()


@pytest.fixture
def shop(tmp_path):
    """The small retailer after its first day."""
    retailer = Retailer.at(template("plan", ran)).copy(tmp_path)
    yield retailer
    retailer.close()


def plan(shop, day):
    return plans.plan(shop.settings, date.fromisoformat(day))


def does(shop, day):
    steps = computing_forecasts(plan(shop, day))
    return {step.step: (step.does, *step.reasons) for step in steps}


def computing_forecasts(whole):
    return [step for step in whole.steps if not step.step.startswith(APART)]


def content(folder):
    files = (file for file in folder.rglob("*") if file.is_file() and "server" not in file.parts)
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_before_the_first_run_everything_runs_and_the_files_are_tried(retailer):
    declared(retailer)
    before = content(retailer.home)
    whole = plan(retailer, FIRST)
    assert {(step.does, *step.reasons) for step in whole.steps} == {("runs", "it has not run yet")}
    effects = {change.name: (change.how, *change.effects) for change in whole.changes}
    assert effects["source receipts"] == (
        "new", "receipts/2024-07-01.csv gives 6 orders, 6 order_lines, 6 identifiers", "1 row is bad",
    )  # fmt: skip
    assert effects["audience buyers"] == ("new", "its size is not known before the first run")
    assert effects["tag second_order.one_timer"] == ("new",)
    assert content(retailer.home) == before


def test_what_has_run_is_skipped_and_a_plan_changes_nothing(shop):
    before = content(shop.home)
    whole = plan(shop, FIRST)
    # A profile waits for scores, whose step has not run: its tags are new still, and what reads it may run.
    waiting = ("profile.customer", "memberships.customer", "audience_days", "audience_insight", "programme_lift",
               "tag_statistics", "metrics")  # fmt: skip
    said = {(step.does, *step.reasons) for step in computing_forecasts(whole) if step.step not in waiting}
    assert said == {("skips", f"nothing has changed since it ran for {FIRST}")}
    assert [change.name for change in whole.changes if not change.name.startswith("tag ")] == MODELS
    shop.declare("audiences/coats.yml", COATS)
    plan(shop, SECOND)
    assert content(shop.home) == before


def corrected(shop):
    shop.land(f"receipts/{FIRST}.csv", "\n".join([HEADS["receipts"], *SLIPS[FIRST]]).replace("10.00", "11.00"))


@pytest.mark.parametrize(
    ("change", "day"),
    [
        (lambda shop: None, FIRST),
        pytest.param(lambda shop: None, SECOND, marks=pytest.mark.long),
        pytest.param(corrected, FIRST, marks=pytest.mark.long),
        pytest.param(
            lambda shop: shop.declare("sources/products.yml", PRODUCTS.replace("name, category", "sku, category")),
            FIRST, marks=pytest.mark.long,
        ),
        (lambda shop: shop.declare("audiences/buyers.yml", BUYERS.replace("20", "30")), FIRST),
        (lambda shop: shutil.rmtree(shop.home / "lake" / "gold" / "value"), FIRST),
    ],
    ids=["nothing", "a day later", "a corrected file", "another source", "another audience", "a lost table"],
)  # fmt: skip
def test_a_run_does_what_the_plan_said(shop, change, day):
    change(shop)
    said = {name: words[0] for name, words in does(shop, day).items()}
    integrity.schedule_rebuilds(shop.context(day))
    done = run(shop, day)
    allowed = {"runs": {"done"}, "skips": {"skipped"}, "keeps": {"kept"}, "may run": {"done", "skipped"}}
    assert {name: status for name, status in done.items() if status not in allowed[said[name]]} == {}


def test_the_reasons_name_what_has_changed(shop):
    assert does(shop, SECOND)["identities"] == ("runs", f"the day has changed: it stands at {FIRST}")
    assert does(shop, SECOND)["features.value"] == ("runs", f"the day has changed: it stands at {FIRST}")
    assert does(shop, SECOND)["ingest.receipts"] == ("runs", "changed since its last run: files")
    shop.declare("sources/receipts.yml", RECEIPTS.replace("'store'", "'phone'"))
    assert does(shop, FIRST)["ingest.receipts"] == ("runs", "its declaration has changed")
    assert does(shop, FIRST)["activity"][:1] == ("may run",)
    assert "silver/orders by ingest.receipts" in does(shop, FIRST)["activity"][1]
    corrected(shop)
    shop.run(FIRST, "ingest.receipts")
    [reason] = [words for words in does(shop, FIRST)["features.value"] if "silver/orders" in words]
    assert reason.startswith(f"silver/orders was changed by ingest.receipts for {FIRST} (version ")
    assert does(shop, "2024-06-30")["identities"] == ("keeps", f"only goes forward: it stands at {FIRST}")


def test_a_lost_table_is_rebuilt_by_its_step_or_stops_the_run(shop):
    shutil.rmtree(shop.home / "lake" / "gold" / "value")
    assert does(shop, FIRST)["features.value"][:2] == ("runs", "gold/value was lost and is rebuilt")
    assert plan(shop, FIRST).stops == ""
    shutil.rmtree(shop.home / "lake" / "gold" / "memberships_customer")
    assert plan(shop, FIRST).stops.startswith(
        "gold/memberships_customer: the table is missing\nNo step can rebuild this."
    )


DRINKERS = """
describes: Who drinks.
owner: growth
goal: care
who: preference.favourite_category = 'drink' or preference.favourite_category = 'drinks'
purpose: messages
"""


def test_the_size_of_a_changed_audience_is_what_it_becomes(shop):
    shop.declare("audiences/buyers.yml", BUYERS.replace("20", "40"))
    shop.declare("audiences/coats.yml", COATS.replace("drink", "drinks"))
    sizes = {change.name: (change.how, *change.effects) for change in plan(shop, FIRST).changes}
    assert sizes["audience buyers"] == ("changed", f"2 customers on {FIRST}, 5 before")
    assert sizes["audience coats"] == ("new", f"6 customers on {FIRST}")
    assert shop.run(FIRST, "memberships.customer")["memberships.customer"].facts.audiences == {"buyers": 2, "coats": 6}
    changes = [change.name for change in plan(shop, FIRST).changes if not change.name.startswith("tag ")]
    assert changes == MODELS


def test_a_deleted_declaration_is_gone(shop):
    (shop.conf / "audiences" / "buyers.yml").unlink()
    shop.declare("audiences/coats.yml", COATS.replace("drink", "drinks"))
    assert ("audience buyers", "gone") in {(change.name, change.how) for change in plan(shop, FIRST).changes}


def test_a_literal_that_never_occurs_is_named_with_the_nearest(shop):
    shop.declare("audiences/coats.yml", COATS)
    [absent] = plan(shop, FIRST).absent
    assert (absent.key, str(absent)) == (
        "measures.coats.where", "products.category is never 'drink'; nearest: 'drinks'",
    )  # fmt: skip


def test_a_literal_that_a_feature_never_has_is_named_too(tmp_path):
    lived_in = Retailer.at(template("small_day", lived) / str(len(MOMENTS))).copy(tmp_path / "lived")
    lived_in.declare("audiences/drinkers.yml", DRINKERS)
    names = [str(absent) for absent in plan(lived_in, SECOND).absent if absent.file.endswith("drinkers.yml")]
    assert names == ["preference.favourite_category is never 'drink'; nearest: 'drinks'"]


def test_no_personal_value_is_suggested(shop):
    shop.declare("audiences/coats.yml", COATS.replace("products.category = 'drink'", "source = 'till'"))
    assert [str(absent) for absent in plan(shop, FIRST).absent] == ["source is never 'till'; nearest: 'receipts'"]
    (shop.conf / "audiences" / "coats.yml").unlink()
    shop.declare("features/nobodies.py", NOBODIES)
    [absent] = plan(shop, FIRST).absent
    assert (absent.key, str(absent)) == ("Nobodies.where", "display_name is never 'Nobody'")


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a = 'x' and 'y' = b", [("a", "x"), ("b", "y")]),
        ("t.a in ('x', 'y') or not t.b <> 'z'", [("t.a", "x"), ("t.a", "y"), ("t.b", "z")]),
        ("a = b and a = 1 and lower(a) = 'x' and a like 'x%'", []),
        ("count(*) filter (where a <=> 'x')", [("a", "x")]),
    ],
)
def test_which_literals_are_looked_up(text, pairs):
    assert [(column.sql(), literal) for column, literal in compared(text)] == pairs


def test_the_plan_on_the_screen_groups_what_has_no_effect(retailer):
    declared(retailer)
    console = Console(width=200)
    with console.capture() as capture:
        for part in plan_panels(plan(retailer, FIRST)):
            console.print(part)
    text = capture.get()
    assert re.search("ingest.receipts +│ runs +│ it has not run yet", text)
    assert re.search(r"│ tags [a-z_]+\.[a-z_]+, [a-z_]+\.[a-z_]+, .* │ new", text)
