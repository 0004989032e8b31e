"""Ids of customers: minted once, stable while sources grow, merged and split again, the same in any order."""

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
    """Expected groups by a naive algorithm: merge until no two share a value."""
    sets = []
    for record, values in records.items():
        near = [group for group in sets if group[1] & values]
        sets = [group for group in sets if not group[1] & values]
        sets.append(({record}.union(*(g[0] for g in near)), set(values).union(*(g[1] for g in near))))
    return {frozenset(group) for group, _ in sets}


@PROPERTY
@given(RECORDS)
def test_records_are_one_customer_if_and_only_if_they_share_identifiers(records):
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
def test_running_again_changes_nothing(records, more):
    who = Who(PLAIN)
    who.take(records)
    who.take({**records, **more})
    who.take({**records, **more})
    assert who.found.events.empty


@PROPERTY
@given(st.lists(RECORDS, min_size=1, max_size=4), st.integers(0, 99))
def test_days_one_by_one_or_at_once_in_any_order_give_the_same_partition(days, seed):
    """Records arrive day by day, some of them changed: the groups are those of the last state, whatever came before."""
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
def test_a_rebuild_gives_the_same_ids(records, more):
    """A rebuild forgets everything but the log: every record gets its id back."""
    who = Who(PLAIN)
    who.take(records)
    before = who.take({**records, **more})
    who.signs.clear()
    assert who.take({**records, **more}) == before
    assert who.found.events.empty


@PROPERTY
@given(RECORDS, RECORDS)
def test_ids_are_stable_while_sources_grow(records, more):
    who = Who(PLAIN)
    before = who.take(records)
    grown = {key: records.get(key, set()) | more.get(key, set()) for key in {**records, **more}}
    ids = who.take(grown)
    for group in joined(grown):
        old = {before[record] for record in group if record in before}
        now = {ids[record] for record in group}
        assert len(now) == 1
        assert now <= old or not old, "who was known keeps an id that was there"


def test_a_merge_retains_the_larger_id_and_redirects_the_other():
    who = Who()
    before = who.take({"crm/1": ["member:b=1"], "pos/1": ["member:b=1"], "web/1": ["openid:m=9"]})
    both = ["member:b=1", "openid:m=9"]
    after = who.take({"crm/1": both, "pos/1": ["member:b=1"], "web/1": ["openid:m=9"]})
    assert set(after.values()) == {before["crm/1"]}
    event = who.found.events.iloc[0]
    assert (event.event, event.customer_id, event.other_id) == ("merge", before["crm/1"], before["web/1"])
    assert event.cause == "openid"


def test_a_merge_of_equals_retains_the_older_id():
    who = Who()
    first = who.take({"web/1": ["openid:m=9"]})
    who.take({"web/1": ["openid:m=9"], "app/1": ["openid:m=8"]})
    after = who.take({"web/1": ["openid:m=9"], "app/1": ["openid:m=8", "openid:m=9"]})
    assert set(after.values()) == set(first.values())


def test_a_split_after_a_merge_restores_the_old_id():
    who = Who()
    apart = {"crm/1": ["member:b=1"], "pos/1": ["member:b=1"], "web/1": ["openid:m=9"], "web/2": ["openid:m=9"]}
    before = who.take(apart)
    who.take({**apart, "crm/1": ["member:b=1", "openid:m=9"]})
    assert who.found.merged == 1
    assert who.take(apart) == before
    assert set(who.found.events["event"]) == {"split"}
    assert set(who.found.events["cause"]) == {"a link ended"}
    assert who.found.minted == 0


def test_in_a_split_the_larger_part_retains_the_id_and_the_other_gets_a_new_one():
    who = Who()
    together = {"a/1": ["openid:m=1"], "a/2": ["openid:m=1"], "a/3": ["openid:m=1"]}
    before = who.take(together)
    after = who.take({**together, "a/3": ["openid:m=2"]})
    assert after["a/1"] == after["a/2"] == before["a/1"]
    assert after["a/3"] not in before.values()


@pytest.mark.parametrize("days", [1, 2])
def test_an_id_is_never_reused(days):
    """A record that leaves and returns gets its id back."""
    who = Who()
    before = who.take({"a/1": ["openid:m=1"], "a/2": ["openid:m=2"]})
    for _ in range(days):
        who.take({"a/2": ["openid:m=2"]})
    assert who.take({"a/1": ["openid:m=1"], "a/2": ["openid:m=2"]}) == before
