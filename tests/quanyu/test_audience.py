"""Audiences: what a rule may name, and how windows and holdouts are written."""

from datetime import date
from itertools import pairwise

import pytest

from quanyu.grammar.audience import Audience, SizeBand, circle, expanded, family, reference_columns
from quanyu.grammar.table import Column
from quanyu.model.entities import Customer, Outlet, Product
from quanyu.model.outlets import Outlets
from quanyu.model.people import People
from quanyu.model.supply import SellIn
from quanyu.model.trade import OrderLines, Orders, Products

TABLES = {table.name: table for table in (Orders, OrderLines, Products, People, Outlets, SellIn)}
KNOWN = {
    "value.spend": Column("decimal(18,2)", "Spent."),
    "retention.lapsed": Column("boolean", "Lapsed."),
    "churn.score": Column("double", "Score.", at_least=0, at_most=1),
    "broken.feature": Column("", "Faulty."),
}
WINBACK = {
    "describes": "Good customers who stopped buying.",
    "owner": "growth",
    "goal": "churn_warning",
    "who": "retention.lapsed and value.spend > 200 and churn.score > 0.6 and coffee_30d = 0",
    "purpose": "ads",
    "holdout": "10 %",
    "send_to": ["drop"],
    "measures": {
        "coffee_30d": {
            "over": "order_lines", "value": "count(*)", "where": "products.category = 'coffee'", "within": "30 days",
        },
    },
}  # fmt: skip


QUIET = {
    "describes": "Outlets that stopped ordering.",
    "owner": "channel",
    "entity": "outlet",
    "goal": "activate",
    "who": "outlet.city = 'Harbin' and pieces > 3",
    "purpose": "analytics",
    "measures": {"pieces": {"over": "sell_in", "value": "sum(quantity)"}},
}


def problems_of(entity=Customer, names=KNOWN, base=WINBACK, **changes):
    try:
        audience = Audience.model_validate({"name": "winback", "file": "winback.yml", **base, **changes})
    except ValueError as error:
        return str(error)
    return "\n".join(map(str, audience.problems(entity, names, TABLES, ["drop"]).found))


def problems_of_outlets(**changes):
    names = {f"outlet.{name}": column for name, column in Outlet.attributes(TABLES).items()}
    return problems_of(Outlet, names, QUIET, **changes)


def measure(**changes):
    return {"measures": {"coffee_30d": {**WINBACK["measures"]["coffee_30d"], **changes}}}


def test_a_rule_names_features_tags_scores_and_measures_of_its_own():
    assert problems_of() == ""
    audience = Audience.model_validate({"name": "winback", "file": "winback.yml", **WINBACK})
    assert (audience.holdout, audience.measures["coffee_30d"].within) == (0.1, 30)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"who": "value.spent > 3"}, "winback.yml: who: 'value.spent > 3': unknown column 'value.spent'; did you"),
        ({"who": "spend > 3"}, "unknown column 'spend'"),
        ({"who": "value.spend"}, "gives a number, where a truth (boolean) is wanted"),
        ({"who": "value.spend > 'much'"}, "compares a number with a text"),
        ({"who": "churn.score > 7"}, "churn.score > 7"),
        ({"who": "value.spend = null"}, "compares with null, which is never true: write `is null`"),
        ({"who": "value.spend in (3, null)"}, "looks for null, which is never true: write `is null`"),
        ({"who": "coffee_30d > 'much'"}, "compares a number with a text"),
        ({"who": "max(value.spend) > 3"}, "aggregates: say it as a measure"),
        ({"who": "value.spend > (select 3)"}, "subquery"),
        ({"who": "retention.lapsed; drop table customers"}, "not one single expression"),
        ({"send_to": ["drop", "meta"]}, "send_to: unknown platform 'meta'; allowed: drop"),
        ({"holdout": "a few"}, "a share is written as `10 %`"),
        ({"holdout": "100 %"}, "less than 1"),
        ({"goal": "fame"}, "'new_product', 'clearance'"),
        ({"purpose": "spam"}, "'ads', 'messages' or 'analytics'"),
        (measure(over="order_line"), "measures.coffee_30d.over: unknown table 'order_line'; did you mean 'order_l"),
        (measure(over="people"), "unknown table 'people'; allowed: order_lines, orders"),
        (measure(value="amount"), "measures.coffee_30d.value: 'amount' does not aggregate"),
        (measure(value="sum(amuont)"), "unknown column 'amuont'; did you mean 'amount'?"),
        (measure(where="kind = 'sales'"), "measures.coffee_30d.where: kind = 'sales': kind is never 'sales'"),
        (measure(value="count_if(kind = 'sales')"), "measures.coffee_30d.value: kind = 'sales': kind is never"),
        (measure(value="sum(sku)"), "measures.coffee_30d.value: 'sum(sku)': sum needs a number"),
        (measure(value="count(*) + line"), "line is outside of an aggregate"),
        (measure(where="amount"), "measures.coffee_30d.where: 'amount' gives a number"),
        (measure(where="products.category = 3"), "compares a text with a number"),
        (measure(within="1 month"), "a window is written as `30 days`"),
        (measure(whithin="30 days"), "whithin"),
    ],
)  # fmt: skip
def test_what_an_audience_may_not_say(changes, words):
    assert words in problems_of(**changes)


@pytest.mark.parametrize(("text", "share"), [("10 %", 0.1), ("10%", 0.1), ("2.5 %", 0.025), (0.2, 0.2), (0, 0)])
def test_a_holdout_is_a_share(text, share):
    assert Audience.model_validate({"name": "a", "file": "a", **WINBACK, "holdout": text}).holdout == pytest.approx(
        share
    )


def test_a_rule_over_an_invalid_feature_is_not_reported_itself():
    assert problems_of(who="broken.feature > 3") == ""


def test_a_measure_is_of_the_type_of_its_value_and_holds_what_the_column_holds():
    latest = {"latest": {"over": "orders", "value": "max_by(channel, ordered_at)"}}
    assert problems_of(who="latest = 'online'", measures=latest) == ""
    assert "latest is never 'e-mail'" in problems_of(who="latest = 'e-mail'", measures=latest)
    assert "compares a text with a number" in problems_of(who="latest > 3", measures=latest)


def test_an_audience_of_outlets_names_their_columns_and_measures_facts_about_them():
    assert problems_of_outlets() == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"who": "value.spend > 3"}, "who: 'value.spend > 3': unknown column 'value.spend'"),
        ({"who": "outlet.representative = 'Ann'"}, "unknown column 'outlet.representative'"),
        ({"measures": {"pieces": {"over": "stock", "value": "count(*)"}}},
         "measures.pieces.over: unknown table 'stock'; allowed: orders, sell_in"),
        ({"measures": {"pieces": {"over": "sell_in", "via": "sku", "value": "count(*)"}}},
         "measures.pieces.via: via 'sku' does not refer to outlets; allowed: outlet"),
        ({"send_to": ["drop"]}, "send_to: platforms take persons, and outlets are none: leave it out"),
        ({"holdout": "10 %"}, "holdout: leaves persons out of messages and exports, and outlets get neither"),
        ({"purpose": "ads"}, "purpose: persons consent to ads, and outlets are none: write `purpose: analytics`"),
    ],
)  # fmt: skip
def test_what_an_audience_of_outlets_may_not_say(changes, words):
    assert words in problems_of_outlets(**changes)


def test_an_audience_of_products_measures_facts_that_name_them():
    counts = {"lines": {"over": "order_lines", "value": "count(*)"}}
    assert problems_of(Product, {}, QUIET, who="lines > 3", measures=counts) == ""
    counts["lines"]["over"] = "orders"
    words = problems_of(Product, {}, QUIET, who="lines > 3", measures=counts)
    assert words.endswith("unknown table 'orders'; did you mean 'order_lines'? allowed: order_lines, sell_in")


OTHERS = {
    "loyal": {**WINBACK, "who": "value.spend > 900", "measures": {}},
    "like": {**WINBACK, "who": "true", "measures": {}, "alike": {"seeds": ["loyal"], "size": 9, "features": ["a.b"]}},
}


def audiences(**rules):
    bodies = {name: {**WINBACK, "who": who, "measures": {}} for name, who in rules.items()}
    return {
        n: Audience.model_validate({"name": n, "file": f"{n}.yml", **body}) for n, body in (OTHERS | bodies).items()
    }


def named(**changes):
    return problems_of(names={**KNOWN, **reference_columns(Customer, audiences().values())}, **changes)


def test_a_rule_names_other_audiences_static_lists_consent_and_identifiers():
    rule = "audience.loyal and not list.vip and consent.ads and has.phone"
    lists = {"vip": {"file": "lists/vip.csv", "kind": "phone"}}
    assert named(who=rule, lists=lists) == ""
    assert "unknown column 'audience.loyel'; did you mean 'audience.loyal'" in named(who="audience.loyel")
    assert "unknown column 'list.vip'" in named(who="list.vip")
    assert "unknown column 'consent.add'; did you mean 'consent.ads'" in named(who="consent.add")
    assert "unknown column 'has.phones'; did you mean 'has.phone'" in named(who="has.phones")
    lists["vip"]["kind"] = "telephone"
    assert "lists.vip.kind: unknown kind 'telephone'; did you mean" in named(who="list.vip", lists=lists)


def test_a_rule_holds_the_rules_that_it_names_in_their_place():
    some = audiences(outer="not audience.inner and value.spend > 3", inner="audience.loyal or consent.ads")
    tree = expanded(some["outer"], some).sql("spark")
    assert tree == (
        "NOT ((value.spend > 900) OR EXISTS(customer.consents, one -> STARTSWITH(one, 'ads:'))) AND value.spend > 3"
    )
    assert [one.name for one in family(some["outer"], some)] == ["loyal", "inner", "outer"]


def test_audiences_that_depend_on_each_other_in_a_circle_are_named_in_order():
    some = audiences(first="audience.second", second="value.spend > 3 and not audience.third", third="audience.first")
    path = circle(some)
    assert path[0] == path[-1] and sorted(path[1:]) == ["first", "second", "third"]
    assert all(f"audience.{other}" in some[name].who for name, other in pairwise(path))
    assert circle(audiences(first="audience.loyal")) == []


def test_a_measure_may_count_what_is_followed_by_something():
    soon = {
        "over": "orders", "value": "count_if(datediff(next_at, ordered_at) <= 7)",
        "after": {"next_at": {"of": "ordered_at", "where": "purchase"}},
    }  # fmt: skip
    assert problems_of(who="soon > 0", measures={"soon": soon}) == ""
    soon["after"] = {"next_at": {"of": "order_at", "where": "purchase"}}
    assert "measures.soon.after.next_at: unknown column 'order_at'; did you mean" in problems_of(
        who="soon > 0", measures={"soon": soon}
    )
    soon["after"] = {"amount": {"of": "ordered_at", "where": "purchase"}}
    assert "measures.soon.after.amount: is no name for a column of a later fact" in problems_of(
        who="soon > 0", measures={"soon": soon}
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schedule": "hourly"}, "'daily', 'weekly' or 'monthly'"),
        ({"size": {"least": 10, "most": 5}}, "`least` is not greater than `most`"),
        ({"size": {}}, "at least one of least, most and change is wanted"),
        ({"size": {"change": "0 %"}}, "greater than 0"),
        ({"size": {"least": -1}}, "greater than or equal to 0"),
        ({"seed": {"value": "value.spent"}}, "seed.value: unknown name 'value.spent'; did you mean 'value.spend'"),
        ({"seed": {"value": "retention.lapsed"}}, "seed.value: 'retention.lapsed' is a boolean: members are weighted"),
        ({"seed": {"expected_match": "a few"}}, "a share is written as `10 %`"),
    ],
)
def test_what_the_options_of_an_audience_may_not_say(changes, words):
    assert words in problems_of(**changes)


def test_a_band_of_sizes_warns_of_too_few_too_many_and_of_a_large_change():
    band = SizeBand(least=100, most=500, change=0.3)
    assert list(band.warnings(200, 180)) == []
    assert list(band.warnings(99, 100)) == ["99 members, fewer than 100"]
    assert list(band.warnings(501, None)) == ["501 members, more than 500"]
    assert list(band.warnings(300, 200)) == ["from 200 to 300 members, a change of more than 30%"]


@pytest.mark.parametrize(
    ("schedule", "days"), [("daily", [1, 2, 3, 4]), ("weekly", [3]), ("monthly", [1])]
)  # fmt: skip
def test_an_audience_is_due_on_the_days_of_its_schedule(schedule, days):
    audience = Audience.model_validate({"name": "a", "file": "a", **WINBACK, "schedule": schedule})
    assert [day for day in range(1, 5) if audience.is_due(date(2025, 2, day))] == days
