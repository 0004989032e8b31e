"""A retired view or tag is used by nobody, and a draft by drafts alone."""

import pytest

from quanyu.discover import load
from quanyu.errors import ConfigError

VIEW = """
from quanyu.grammar.feature import Feature, FeatureView
from quanyu.model.entities import Customer
from quanyu.model.trade import Orders


class Old(FeatureView):
    \"\"\"What was measured once.\"\"\"

    entity, owner, over, lifecycle = Customer, "growth", Orders, "{lifecycle}"
    orders = Feature("count(*)", "Orders.", unit="orders")
"""
TAGS = """
describes: A scene.
owner: growth
entity: customer
tags:
  many: {{means: Many orders., when: old.orders > 3, lifecycle: {lifecycle}}}
"""
AUDIENCE = """
describes: An audience.
owner: growth
goal: care
purpose: analytics
who: scene.many
"""


def problems_of(shop, view, tag, audience=True):
    shop.declare("features/old.py", VIEW.format(lifecycle=view))
    shop.declare("tags/scene.yml", TAGS.format(lifecycle=tag))
    if audience:
        shop.declare("audiences/regulars.yml", AUDIENCE)
    try:
        load(shop.settings)
    except ConfigError as error:
        return [f"{problem.key}: {problem.message}" for problem in error.problems]
    return []


@pytest.mark.parametrize("view", ["live", "retiring"])
def test_what_is_live_or_retiring_may_be_used(retailer, view):
    assert problems_of(retailer, view, "live") == []


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("live", "tags.many: old.orders is retired, and tag scene.many uses it: take another, or end this use"),
        ("retired", "who: scene.many is retired, and audience regulars uses it: take another, or end this use"),
    ],
)
def test_what_is_retired_names_who_still_uses_it(retailer, tag, words):
    assert problems_of(retailer, "retired", tag) == [words]


def test_a_draft_is_used_by_drafts_alone(retailer):
    [words] = problems_of(retailer, "draft", "draft")
    assert words.startswith("who: scene.many is a draft, and audience regulars uses it")
    (retailer.settings.conf / "audiences" / "regulars.yml").unlink()
    assert problems_of(retailer, "draft", "draft", audience=False) == []
