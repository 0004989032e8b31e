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
SHOPPER = """
describes: Own shoppers.
owner: growth
entity: customer
tags:
  {name}: {{means: Impulsive or rational., when: value.orders > 3, lifecycle: {lifecycle}}}
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


@pytest.mark.parametrize(
    ("name", "lifecycle", "words"),
    [
        ("type", "retired", "shopper.type is retired, and job item_buyers uses it: take another, or end this use"),
        ("kind", "live", "job item_buyers takes shopper.type, which is not declared; did you mean 'shopper.kind'"),
    ],
)
def test_a_job_that_takes_a_tag_is_named_where_a_conf_folder_ends_the_tag(retailer, name, lifecycle, words):
    retailer.declare("tags/shopper.yml", SHOPPER.format(name=name, lifecycle=lifecycle))
    with pytest.raises(ConfigError) as error:
        load(retailer.settings)
    of_jobs = [problem for problem in error.value.problems if "job " in problem.message]
    assert [(problem.file, problem.key) for problem in of_jobs] == [("jobs.features.item_buyers.item_buyers", "tags")]
    assert words in of_jobs[0].message
