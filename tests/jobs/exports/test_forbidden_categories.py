"""Audiences made of facts of a category that their platform forbids: by which way, and in which words, refused."""

import re
from typing import get_args

import pytest

from jobs.exports.destinations import destinations, platforms
from quanyu.errors import ConfigError
from quanyu.grammar.platforms.categories import CATEGORIES, Category

HEAD = "describes: d\nowner: o\ngoal: activate\npurpose: ads\n"
ACCOUNT = 'describes: d\nowner: o\nplatform: {0}\naccount: "1"\ntoken: env:T\n'
VIEW = '''
"""What customers buy, with a view that is sensitive as a whole and a feature that is."""

from quanyu.grammar.feature import Feature, FeatureView, Gap, Grouping
from quanyu.model.entities import Customer
from quanyu.model.trade import OrderLines, Orders


class Congregation(FeatureView):
    """Orders of what a congregation uses."""

    entity, owner, over, category = Customer, "legal", Orders, "religion"

    orders = Feature("count(*)", "Orders.", unit="orders")


class Medicine(FeatureView):
    """Orders of medicine."""

    entity, owner, over = Customer, "legal", Orders
    derived = {"days_between": Gap("ordered_at")}

    courses = Feature("count(*)", "Orders of medicine.", unit="orders", category="health")
    orders = Feature("count(*)", "Orders.", unit="orders")


class Needs(FeatureView):
    """What a customer buys, by the illness that it is for."""

    entity, owner, over = Customer, "legal", OrderLines
    groups = Grouping({"illness": "products.illness"}, {"spend": "sum(amount)"})

    main = Feature("max_by(illness, spend)", "Illness for which he buys most.")
    total = Feature("sum(spend)", "What he spends.", unit="currency", type="double")
'''
PRODUCTS = "describes: d\nowner: o\ncolumns: {illness: {type: string, means: What it is for., category: health}}\n"
PEOPLE = """
describes: d
owner: o
columns: {union: {type: boolean, means: Whether he is in a union., category: trade_union}}
traits: {union: {keep: newest}}
"""
SCENE = """
describes: d
owner: o
entity: customer
category: politics
tags: {spender: {when: value.spend > 100, means: Spends much.}}
"""
TAGS = """
describes: d
owner: o
entity: customer
tags:
  often_ill: {when: medicine.courses > 3, means: Buys much medicine.}
  ill_or_not: {when: "hints.often_ill or value.spend > 3", means: Anybody of these.}
  in_debt: {when: value.spend < 3, means: Has no money., category: hardship}
"""


@pytest.fixture
def shop(retailer):
    retailer.declare("features/sensitive.py", VIEW)
    retailer.declare("tables/products.yml", PRODUCTS)
    retailer.declare("tables/people.yml", PEOPLE)
    retailer.declare("tags/opinions.yml", SCENE)
    retailer.declare("tags/hints.yml", TAGS)
    for name in ("google", "meta", "tencent", "tiktok"):
        retailer.declare(f"platforms/{name}.yml", ACCOUNT.format(name))
    return retailer


def refused(shop, **audiences):
    """What is refused, by audience."""
    for name, text in audiences.items():
        shop.declare(f"audiences/{name}.yml", HEAD + text)
    try:
        _ = shop.context("2024-07-01").catalogue
    except ConfigError as error:
        lines = str(error).splitlines()
    else:
        return {}
    return {name: [line.partition(f"{name}.yml: ")[2] for line in lines if f"/{name}.yml: " in line]
            for name in audiences if any(f"/{name}.yml: " in line for line in lines)}  # fmt: skip


def test_each_way_to_a_forbidden_category_is_refused_in_words(shop):
    words = refused(
        shop,
        feature="who: medicine.courses > 1\nsend_to: [google]\n",
        view="who: not (congregation.orders > 1)\nsend_to: [google]\n",
        column="who: needs.main = 'flu'\nsend_to: [google]\n",
        attribute="who: customer.union\nsend_to: [google]\n",
        tag="who: hints.in_debt\nsend_to: [google]\n",
        tag_of_tag="who: hints.ill_or_not\nsend_to: [google]\n",
        scene="who: opinions.spender\nsend_to: [google]\n",
        measured="who: pills > 1\nsend_to: [google]\nmeasures:\n"
        "  pills: {over: order_lines, value: count(*), where: \"products.illness = 'flu'\"}\n",
        ill="who: medicine.courses > 1\n",
        other="who: value.spend > 1 and not audience.ill\nsend_to: [google]\n",
        other_measure="who: value.spend > 1 and not audience.measured\nsend_to: [google]\n",
        alike="who: value.spend > 1\nsend_to: [google]\nalike: {seeds: [ill], size: 9, features: [value.orders]}\n",
        likeness="who: value.spend > 1\nsend_to: [google]\n"
        "alike: {seeds: [fine], size: 9, features: [medicine.courses]}\n",
        fine="who: medicine.orders > 1 and needs.total > 1 and value.spend > 1\nsend_to: [google, meta, tencent]\n",
        income="who: background.income = 'high'\nsend_to: [meta]\n",
    )
    assert {name: re.sub(r" decides who is in: it is of the category (\w+) \(.*", r" is \1", lines[0])
            for name, lines in words.items()} == {
        "feature": "who: medicine.courses is health", "view": "who: congregation.orders is religion",
        "column": "who: needs.main is health", "attribute": "who: customer.union is trade_union",
        "tag": "who: hints.in_debt is hardship", "tag_of_tag": "who: medicine.courses is health",
        "scene": "who: opinions.spender is politics", "measured": "who: pills of measured is health",
        "other": "who: medicine.courses is health", "other_measure": "who: pills of measured is health",
        "alike": "alike.seeds: medicine.courses is health", "likeness": "alike.features: medicine.courses is health",
        "income": "who: background.income is financial_status",
    }  # fmt: skip
    assert words["income"] == [
        "who: background.income decides who is in: it is of the category financial_status"
        " (income, wealth, credit standing), of which meta forbids audiences"
    ]


def test_each_platform_forbids_its_own_and_a_drop_nothing(shop):
    rule = "who: medicine.courses > 1 or opinions.spender or background.income = 'high' or hints.in_debt\n"
    words = refused(
        shop, **{name: f"{rule}send_to: [{name}]\n" for name in ("google", "meta", "tencent", "tiktok", "drop")}
    )
    categories = {name: {re.search(r"category (\w+)", line)[1] for line in lines} for name, lines in words.items()}
    assert categories == {
        "google": {"health", "politics", "hardship"}, "meta": {"health", "politics", "financial_status"},
        "tencent": {"health"}, "tiktok": {"health", "financial_status"},
    }  # fmt: skip


def test_an_audience_that_has_ended_may_be_withdrawn(shop):
    rule = "who: medicine.courses > 1\nsend_to: [google]\n"
    assert {*refused(shop, over=f"{rule}ended: 2024-06-30\n", planned=f"{rule}ended: 2199-06-30\n")} == {"planned"}


def test_an_unknown_category_is_a_mistake_with_the_nearest(shop):
    shop.declare("features/sensitive.py", VIEW.replace('category="health"', 'category="helth"'))
    shop.declare("tags/opinions.yml", SCENE.replace("politics", "opinions"))
    with pytest.raises(ConfigError) as wrong:
        _ = shop.context("2024-07-01").catalogue
    assert "courses: 'helth' is no category of sensitive facts; did you mean 'health'?" in str(wrong.value)
    assert "opinions.yml: category" in str(wrong.value)


def test_categories_are_words_of_the_vocabulary(retailer):
    assert {*CATEGORIES} == {*get_args(Category)}
    forbids = {name: platform.forbids for name, platform in platforms().items()}
    assert {name for name, categories in forbids.items() if not categories} == {"drop", "liveramp", "trade_desk"}
    assert all(set(categories) <= set(CATEGORIES) for categories in forbids.values())
    assert {"drop", "liveramp"} <= set(destinations(retailer.context("2024-07-01").catalogue))
