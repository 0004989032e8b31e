"""Ids of customers: minted once, kept while sources grow, merged and taken apart again, the same in whatever order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from who import Who, groups, rules

from examples import examples

PLAIN = rules(kinds={}, rules=[{"share": "email"}, {"share": "openid"}, {"share": "device"}])
SHOWN = st.sets(
    st.builds("{}={}".format, st.sampled_from(["email", "openid", "device"]), st.integers(0, 5)), max_size=3
)
RECORDS = st.dictionaries(st.builds("{}/{}".format, st.sampled_from(["crm", "pos"]), st.integers(0, 15)), SHOWN)
PROPERTY = examples(40)


def joined(records):
    """Who belongs together, found the slow way: until nothing more is shared."""
    sets = []
    for record, values in records.items():
        near = [group for group in sets if group[1] & values]
        sets = [group for group in sets if not group[1] & values]
        sets.append(({record}.union(*(g[0] for g in near)), set(values).union(*(g[1] for g in near))))
    return {frozenset(group) for group, _ in sets}


@PROPERTY
@given(RECORDS)
def test_who_shares_an_identifier_is_one_customer_and_nobody_else(records):
    who = Who(PLAIN)
    assert groups(who.take(records)) == joined(records)
    assert who.found.minted == len(joined(records))


@PROPERTY
@given(RECORDS, st.integers(0, 99))
def test_the_order_of_rows_does_not_matter(records, seed):
    one, other = Who(PLAIN), Who(PLAIN)
    for _ in range(2):
        assert one.take(records) == other.take(records, seed=seed)


@PROPERTY
@given(RECORDS, RECORDS)
def test_once_more_changes_nothing(records, more):
    who = Who(PLAIN)
    who.take(records)
    who.take({**records, **more})
    who.take({**records, **more})
    assert who.found.events.empty


@PROPERTY
@given(st.lists(RECORDS, min_size=1, max_size=4), st.integers(0, 99))
def test_one_by_one_or_at_once_in_whatever_order_gives_the_same_partition(days, seed):
    """Records come day by day, some of them changed: the groups are those of the last state, by any way there."""
    state = {}
    one, other, late = Who(PLAIN), Who(PLAIN), Who(PLAIN)
    for day in days:
        state = {**state, **day}
        stepwise = one.take(state)
    for day in [*reversed(days), state]:
        backwards = late.take({**day, **{k: v for k, v in state.items() if k in day}} if day is not state else state)
    assert groups(stepwise) == groups(other.take(state, seed=seed)) == groups(backwards) == joined(state)


@PROPERTY
@given(RECORDS, RECORDS)
def test_what_is_remembered_and_what_is_computed_anew_are_the_same(records, more):
    """A rebuild forgets everything but the log: every record has the id that it had."""
    who = Who(PLAIN)
    who.take(records)
    before = who.take({**records, **more})
    who.signs.clear()
    assert who.take({**records, **more}) == before
    assert who.found.events.empty


@PROPERTY
@given(RECORDS, RECORDS)
def test_ids_stay_while_sources_grow(records, more):
    who = Who(PLAIN)
    before = who.take(records)
    grown = {key: records.get(key, set()) | more.get(key, set()) for key in {**records, **more}}
    ids = who.take(grown)
    for group in joined(grown):
        old = {before[record] for record in group if record in before}
        now = {ids[record] for record in group}
        assert len(now) == 1
        assert now <= old or not old, "who was known keeps an id that was there"


def test_a_merge_keeps_the_larger_and_the_other_is_redirected():
    who = Who()
    before = who.take({"crm/1": ["member:b=1"], "pos/1": ["member:b=1"], "web/1": ["openid:m=9"]})
    both = ["member:b=1", "openid:m=9"]
    after = who.take({"crm/1": both, "pos/1": ["member:b=1"], "web/1": ["openid:m=9"]})
    assert set(after.values()) == {before["crm/1"]}
    event = who.found.events.iloc[0]
    assert (event.event, event.customer_id, event.other_id) == ("merge", before["crm/1"], before["web/1"])
    assert event.cause == "openid"


def test_a_merge_of_equals_keeps_the_older():
    who = Who()
    first = who.take({"web/1": ["openid:m=9"]})
    who.take({"web/1": ["openid:m=9"], "app/1": ["openid:m=8"]})
    after = who.take({"web/1": ["openid:m=9"], "app/1": ["openid:m=8", "openid:m=9"]})
    assert set(after.values()) == set(first.values())


def test_what_is_merged_and_taken_apart_has_its_old_id_back():
    who = Who()
    apart = {"crm/1": ["member:b=1"], "pos/1": ["member:b=1"], "web/1": ["openid:m=9"], "web/2": ["openid:m=9"]}
    before = who.take(apart)
    who.take({**apart, "crm/1": ["member:b=1", "openid:m=9"]})
    assert who.found.merged == 1
    assert who.take(apart) == before
    assert set(who.found.events["event"]) == {"split"}
    assert set(who.found.events["cause"]) == {"a link ended"}
    assert who.found.minted == 0


def test_of_a_split_the_stronger_part_keeps_the_id_and_the_other_gets_a_new_one():
    who = Who()
    together = {"a/1": ["openid:m=1"], "a/2": ["openid:m=1"], "a/3": ["openid:m=1"]}
    before = who.take(together)
    after = who.take({**together, "a/3": ["openid:m=2"]})
    assert after["a/1"] == after["a/2"] == before["a/1"]
    assert after["a/3"] not in before.values()


@pytest.mark.parametrize("days", [1, 2])
def test_an_id_is_never_given_twice(days):
    """Who leaves and comes back has the id of before; a new record with the same key after a split has another."""
    who = Who()
    before = who.take({"a/1": ["openid:m=1"], "a/2": ["openid:m=2"]})
    for _ in range(days):
        who.take({"a/2": ["openid:m=2"]})
    assert who.take({"a/1": ["openid:m=1"], "a/2": ["openid:m=2"]}) == before
