"""Ids of customers: minted once, kept while sources grow, merged into the larger, and the same in whatever order."""

from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.unify.identities import MOST_PERSONS, clusters, decide
from jobs.unify.steps import _days_to_take

DAY = FIRST = date(2024, 7, 1)


class Log:
    """The id log, kept as the step keeps it: each person holds the id of its last event."""

    def __init__(self):
        self.events = pd.DataFrame()
        self.day = DAY

    def take(self, persons, seed=None):
        """Unify what is known, given as person to the identifiers it shows; returns the events of this run."""
        self.day += timedelta(days=1)
        links = pd.DataFrame([(p, v) for p, shown in persons.items() for v in shown], columns=["person", "value"])
        rows = pd.DataFrame(
            [(p, *p.split("/"), DAY) for p in persons], columns=["person", "source", "person_key", "known_on"]
        )
        if seed is not None:
            links, rows = links.sample(frac=1, random_state=seed), rows.sample(frac=1, random_state=seed)
        labels, self.hubs = clusters(links)
        alone = [p for p in persons if p not in labels.index]
        labels = pd.Series({**labels.to_dict(), **{p: -1 - n for n, p in enumerate(alone)}}, dtype=object)
        minted = set(self.events["customer_id"]) if len(self.events) else set()
        self.found = decide(rows, labels, self.holds(), minted, self.day)
        self.events = pd.concat([self.events, self.found.events]) if len(self.events) else self.found.events
        return self.found.events

    def holds(self):
        if not len(self.events):
            return pd.Series(dtype=object)
        last = self.events.drop_duplicates(["source", "person_key"], keep="last")
        return pd.Series(list(last["customer_id"]), index=list(last["source"] + "/" + last["person_key"]))

    @property
    def ids(self):
        return self.holds().to_dict()


def groups(ids):
    """Persons by the id they hold, as a set of sets."""
    found = {}
    for person, customer in ids.items():
        found.setdefault(customer, set()).add(person)
    return set(map(frozenset, found.values()))


def joined(persons):
    """Who belongs together, found the slow way: until nothing more is shared."""
    found = []
    for person, shown in persons.items():
        near = [group for group in found if group[1] & shown]
        found = [group for group in found if not group[1] & shown]
        found.append(({person}.union(*(g[0] for g in near)), set(shown).union(*(g[1] for g in near))))
    return {frozenset(group) for group, _ in found}


VALUES = st.sets(st.integers(0, 12), max_size=3)
PERSONS = st.dictionaries(st.builds("{}/{}".format, st.sampled_from(["crm", "pos"]), st.integers(0, 15)), VALUES)
PROPERTY = settings(max_examples=50, deadline=None)


@PROPERTY
@given(PERSONS)
def test_who_shares_an_identifier_is_one_customer_and_nobody_else(persons):
    log = Log()
    log.take(persons)
    assert groups(log.ids) == joined(persons)
    assert log.found.customers == log.found.minted == len(joined(persons))


@PROPERTY
@given(PERSONS, st.integers(0, 99))
def test_the_order_of_rows_does_not_matter(persons, seed):
    one, other = Log(), Log()
    for _ in range(2):
        one.take(persons)
        other.take(persons, seed)
    assert one.ids == other.ids
    assert one.events.to_dict("records") == other.events.to_dict("records")


@PROPERTY
@given(PERSONS, PERSONS)
def test_once_more_changes_nothing(persons, more):
    log = Log()
    log.take(persons)
    log.take({**persons, **more})
    assert log.take({**persons, **more}).empty
    assert (log.found.minted, log.found.merged, log.found.split) == (0, 0, 0)


@PROPERTY
@given(PERSONS, PERSONS)
def test_ids_stay_while_sources_grow(persons, more):
    log = Log()
    log.take(persons)
    before = log.ids
    grown = {p: persons.get(p, set()) | more.get(p, set()) for p in {**persons, **more}}
    log.take(grown)
    assert groups(log.ids) == joined(grown)
    for group in joined(grown):
        old = {before[person] for person in group if person in before}
        now = {log.ids[person] for person in group}
        assert len(now) == 1
        assert now <= old or not old, "who was known keeps an id that was there"
        if len(old) == 1:
            assert now == old, "nobody loses an id unless two customers turn out to be one"


@PROPERTY
@given(PERSONS, PERSONS, PERSONS)
def test_whatever_happens_an_id_is_of_one_customer_and_is_never_minted_twice(one, two, three):
    log = Log()
    for persons in (one, two, three):
        # What was known stays known, under the identifiers of today.
        known = {**{person: set() for person in log.ids}, **persons}
        log.take(known)
        assert groups(log.ids) == joined(known)
    minted = log.events[log.events["event"] == "mint"]["customer_id"]
    assert minted.is_unique
    assert set(log.events["customer_id"]) == set(minted) | set(
        log.events.loc[log.events["event"] == "split", "customer_id"]
    )


def test_a_merge_keeps_the_id_of_most_persons():
    log = Log()
    log.take({"pos/a": {1}, "crm/b": {2}, "crm/c": {2}})
    before = log.ids
    events = log.take({"pos/a": {1, 2}, "crm/b": {2}, "crm/c": {2}})
    assert set(log.ids.values()) == {before["crm/b"]}
    [event] = events.to_dict("records")
    assert (event["event"], event["person_key"], event["other_id"]) == ("merge", "a", before["pos/a"])
    assert log.found.merged == 1


def test_of_two_alike_the_smaller_id_stays():
    log = Log()
    log.take({"pos/a": {1}, "crm/b": {2}})
    smaller = min(log.ids.values())
    log.take({"pos/a": {1, 2}, "crm/b": {2}})
    assert set(log.ids.values()) == {smaller}


def test_a_split_leaves_the_id_with_the_larger_part():
    log = Log()
    log.take({"pos/a": {1}, "crm/b": {1}, "crm/c": {1}})
    [before] = set(log.ids.values())
    events = log.take({"pos/a": {2}, "crm/b": {1}, "crm/c": {1}})
    assert log.ids["crm/b"] == log.ids["crm/c"] == before != log.ids["pos/a"]
    [event] = events.to_dict("records")
    assert (event["event"], event["person_key"], event["other_id"]) == ("split", "a", before)


def test_an_id_that_ended_is_not_given_to_others():
    log = Log()
    log.take({"pos/a": {1}, "crm/b": {2}, "crm/c": {2}})
    ended = log.ids["pos/a"]
    log.take({"pos/a": {1, 2}, "crm/b": {2}, "crm/c": {2}})
    log.take({"pos/a": {1}, "crm/b": {2}, "crm/c": {2}})
    assert log.ids["pos/a"] not in (ended, log.ids["crm/b"])


def test_every_event_says_what_happened():
    log = Log()
    events = log.take({"crm/a": {1}, "crm/b": {1}, "pos/c": set()})
    assert sorted(events["event"]) == ["join", "mint", "mint"]
    assert set(events["day"]) == {log.day}
    assert events["other_id"].isna().all()


@pytest.mark.parametrize(
    ("sharing", "customers", "hubs"), [(MOST_PERSONS, 1, 0), (MOST_PERSONS + 1, MOST_PERSONS + 1, 1)]
)
def test_what_too_many_share_names_nobody(sharing, customers, hubs):
    log = Log()
    log.take({f"pos/{n}": {"13800000001"} for n in range(sharing)})
    assert (log.found.customers, log.hubs) == (customers, hubs)


def test_nobody_is_no_customer():
    log = Log()
    assert log.take({}).empty
    assert log.found.customers == 0


def test_days_without_a_run_are_taken_one_by_one():
    told = [(FIRST, None), (FIRST + timedelta(days=2), FIRST + timedelta(days=5)), (FIRST + timedelta(days=9), None)]
    rows = pd.DataFrame(told, columns=["recorded_on", "replaced_on"])
    logged, run = pd.DataFrame({"day": [FIRST]}), FIRST + timedelta(days=7)
    assert _days_to_take(rows, logged, run) == [FIRST + timedelta(days=n) for n in (2, 5, 7)]
    assert _days_to_take(rows, pd.DataFrame(), run) == [run]
