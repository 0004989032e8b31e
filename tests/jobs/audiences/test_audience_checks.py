"""What `validate` says of audiences that name each other, of lists, purposes and destinations."""

import re

import pytest

from quanyu.errors import ConfigError

HEAD = "describes: d\nowner: o\ngoal: care\npurpose: messages\n"
SELLER = "entity: store\n"
VIEW = '''
"""A view whose values may be used for analytics alone."""

from quanyu.grammar.feature import Feature, FeatureView
from quanyu.model.entities import Customer
from quanyu.model.trade import Orders


class Sensitive(FeatureView):
    """Orders, for analytics."""

    entity, owner, over = Customer, "growth", Orders
    purpose = "analytics"

    orders = Feature("count(*)", "Orders.", unit="orders")
'''


def problems(retailer, lists=(), **rules):
    """Problems of audiences, each a rule or the lines of its file."""
    for name, rule in rules.items():
        retailer.declare(f"audiences/{name}.yml", HEAD + (rule if "who:" in rule else f"who: {rule}\n"))
    for name, text in dict(lists).items():
        retailer.declare(name, text)
    try:
        _ = retailer.context("2024-07-01").catalogue
    except ConfigError as error:
        return str(error)
    return ""


def test_audiences_may_name_each_other(retailer):
    assert problems(retailer, first="audience.second and has.phone", second="value.spend > 3 or not consent.ads") == ""


def test_a_circle_is_named_with_its_path(retailer):
    said = problems(retailer, first="audience.second", second="not audience.third", third="audience.first")
    [path] = re.findall(r"audiences depend on each other in a circle: (.+)", said)
    names = path.split(" -> ")
    assert names[0] == names[-1] and set(names) == {"first", "second", "third"} and len(names) == 4


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ("entity: store\nwho: store_sales.orders > 3\n", "audience.other is about store, not customer"),
        ("who: value.spend > 3\nended: 2024-01-01\n", "audience.other has ended: leave it out"),
        (
            "who: value.spend > 3\nalike: {seeds: [seed], size: 9, features: [value.orders]}\n",
            "audience.other is a lookalike, whose members are known after all rules are evaluated",
        ),
    ],
)
def test_an_audience_that_cannot_be_in_a_rule(retailer, other, words):
    other = other.replace("who: store", "purpose: analytics\nwho: store")
    if "entity: store" in other:
        retailer.declare("audiences/other.yml", HEAD.replace("purpose: messages\n", "") + other)
        assert words in problems(retailer, outer="audience.other", seed="value.orders > 3")
        return
    assert words in problems(retailer, outer="audience.other", seed="value.spend > 30", other=other)


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("lists/vip.csv", "phone\n13800000001\n", ""),
        ("lists/vips.csv", "phone\n", "lists.vip.file: there is no file 'lists/vip.csv' in the conf folder"),
        ("lists/vip.csv", "phone,name\n138,ann\n", "lists.vip.file: 'lists/vip.csv' has 2 columns; one is wanted"),
        ("lists/vip.csv", "phone\n138\n1,2\n", "'lists/vip.csv' is no CSV file in UTF-8 with one column"),
    ],
)  # fmt: skip
def test_the_file_of_a_list_is_looked_at(retailer, path, text, words):
    listed = "who: list.vip\nlists: {vip: {file: lists/vip.csv, kind: phone}}\n"
    said = problems(retailer, lists={path: text}, listed=listed)
    assert words in said if words else said == ""
    assert "138" not in said


def test_a_list_outside_of_the_conf_folder_is_refused(retailer):
    listed = "who: list.vip\nlists: {vip: {file: ../vip.csv, kind: phone}}\n"
    assert "'../vip.csv' is outside of the conf folder" in problems(retailer, listed=listed)


def test_a_feature_for_another_purpose_is_refused(retailer):
    retailer.declare("features/sensitive.py", VIEW)
    said = problems(retailer, buyers="sensitive.orders > 3", outer="audience.buyers and value.spend > 3")
    words = "who: sensitive.orders may be used for analytics, and this audience is for messages"
    assert said.count(words) == 2


def test_a_destination_wants_an_identifier_that_a_source_delivers(retailer):
    source = "describes: d\nowner: o\nreads: {path: 'till/{day}.csv', format: csv}\ndelivers: events\nfreshness: none\n"
    fills = "fills: {orders: {order_id: slip, ordered_at: at, kind: \"'purchase'\", amount: paid}}\n"
    member = "person: [{kind: member, scope: brand, value: card}]\n"
    retailer.declare("sources/till.yml", source + member + fills)
    sent = "who: value.spend > 3\nsend_to: [drop]\n"
    assert "send_to: drop takes phone, email, and no source delivers any of them" in problems(retailer, buyers=sent)
    retailer.declare("sources/till.yml", source + member.replace("member, scope: brand", "email") + fills)
    assert "no source delivers" not in problems(retailer, buyers=sent)
