"""Audiences: what a rule may name, and how windows and holdouts are written."""

import pytest

from quanyu.grammar.audience import Audience
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
