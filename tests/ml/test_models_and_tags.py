"""A model trains and scores again when a tag changes that it is made of, and not when another one does."""

from __future__ import annotations

from shop import Retailer

SPENDER = '''
from ml.churn import Churn


class Spender(Churn):
    """Customers who stop, among those of a tag."""

    population = "mine.second"
'''
MINE = """
describes: Own states.
owner: growth
entity: customer
tags:
  first: {when: value.orders > 1, means: Bought twice.}
  second: {when: mine.first and value.spend > 10, means: Bought twice for more than ten.}
"""
OTHERS = """
describes: Other states.
owner: growth
entity: customer
tags:
  another: {when: value.orders > 7, means: Bought often.}
"""


def definitions(retailer: Retailer) -> dict[str, str]:
    """Definitions of the steps of models, and of the one that writes all tags."""
    steps = retailer.context("2024-07-01").steps
    return {name: steps[name].definition for name in ("train.spender", "train.churn", "scores", "profile.customer")}


def test_models_depend_on_the_tags_that_they_are_made_of_alone(retailer):
    retailer.declare("ml/spender.py", SPENDER)
    retailer.declare("tags/mine.yml", MINE)
    first = definitions(retailer)
    retailer.declare("tags/others.yml", OTHERS)
    second = definitions(retailer)
    assert {name for name in first if first[name] != second[name]} == {"profile.customer"}
    retailer.declare("tags/mine.yml", MINE.replace("orders > 1", "orders > 2"))
    third = definitions(retailer)
    assert {name for name in first if second[name] != third[name]} == {"train.spender", "scores", "profile.customer"}
