"""What must not join: dummies, hubs, different names, cards beyond the limit, verdicts; small tables of each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from who import Who, groups, rules

from examples import examples


def parts(records, identity=None, **inputs):
    """Groups of records, each written as `1+2`, sorted."""
    who = Who(identity) if identity else Who()
    ids = who.take({f"s/{key}": values for key, values in records.items()}, **inputs)
    return sorted("+".join(sorted(r.split("/")[1] for r in group)) for group in groups(ids)), who


CASES = {
    "one phone and one name are one person": (
        {1: ["phone=1", "name=Ann"], 2: ["phone=1", "name=Ann"]}, ["1+2"]),
    "a family's phone joins nobody": (
        {1: ["phone=1", "name=Ann"], 2: ["phone=1", "name=Bob"]}, ["1", "2"]),
    "a receipt with the phone of one person is that person's": (
        {1: ["phone=1", "name=Ann"], 2: ["phone=1"]}, ["1+2"]),
    "a receipt with a family's phone is nobody's": (
        {1: ["phone=1", "name=Ann"], 2: ["phone=1", "name=Bob"], 3: ["phone=1"]}, ["1", "2", "3"]),
    "a card joins whatever the names are": (
        {1: ["member:b=1", "name=Ann"], 2: ["member:b=1", "name=Anna"]}, ["1+2"]),
    "cards of two brands are no contradiction": (
        {1: ["member:b=1", "unionid=u"], 2: ["member:c=2", "unionid=u"]}, ["1+2"]),
    "two cards of one brand are two persons, whatever phone and name say": (
        {1: ["member:b=1", "phone=1", "name=Ann"], 2: ["member:b=2", "phone=1", "name=Ann"]}, ["1", "2"]),
    "two cards that a record itself holds are one person's": (
        {1: ["member:b=1"], 2: ["member:b=2"], 3: ["member:b=1", "member:b=2"]}, ["1+2+3"]),
    "a number of another scope is another number": (
        {1: ["openid:m=1"], 2: ["openid:n=1"]}, ["1", "2"]),
    "a blocked value joins nobody": (
        {1: ["phone=!1", "name=Ann"], 2: ["phone=!1", "name=Ann"]}, ["1", "2"]),
    "a device on which one person logged in is that person's": (
        {1: ["device=1"], 2: ["device=1", "member:b=1", "name=Ann"]}, ["1+2"]),
    "a device on which two persons logged in joins nobody": (
        {1: ["device=1"], 2: ["device=1", "member:b=1"], 3: ["device=1", "member:b=2"]}, ["1", "2", "3"]),
    "a device under two names joins nobody": (
        {1: ["device=1"], 2: ["device=1", "name=Ann"], 3: ["device=1", "name=Bob"]}, ["1", "2", "3"]),
    "a phone that came to another login years later is another's": (
        {1: ["openid:m=1", "phone=1"], 2: ["openid:m=2", "phone=1@1200"]}, ["1", "2"]),
    "nor is what shows that phone alone either's": (
        {1: ["openid:m=1", "phone=1"], 2: ["openid:m=2", "phone=1@1200"], 3: ["phone=1@1200"]}, ["1", "2", "3"]),
    "nor do receipts in between make them one": (
        {1: ["openid:m=1", "phone=1"], 2: ["phone=1@300"], 3: ["phone=1@600"], 4: ["openid:m=2", "phone=1@900"]},
        ["1", "2", "3", "4"]),
    "who shows a phone that changed hands with one name is one person": (
        {1: ["openid:m=1", "phone=1", "name=Ann"], 2: ["openid:m=2", "phone=1@1200", "name=Ann"], 3: ["phone=1@1200"]},
        ["1+2", "3"]),
    "a second login on one phone within its window is the same person's": (
        {1: ["openid:m=1", "phone=1"], 2: ["openid:m=2", "phone=1@90"]}, ["1+2"]),
    "a login that comes back to its phone years later is the same person's": (
        {1: ["openid:m=1", "phone=1"], 2: ["openid:m=1", "phone=1@1200"], 3: ["phone=1@1200"]}, ["1+2+3"]),
    "the stronger link wins where one of two must give way": (
        {1: ["member:b=1", "phone=1", "name=Ann"], 2: ["member:b=2", "openid:m=1"],
         3: ["openid:m=1", "phone=1", "name=Ann"]}, ["1", "2+3"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_who_is_one_person(case):
    records, expected = CASES[case]
    assert parts(records)[0] == expected


def test_a_value_on_too_many_records_is_a_hub_and_set_aside_with_the_reason():
    identity = rules(kinds={"phone": {"most": {"records": 3}}}, rules=[{"share": "phone"}])
    four = {number: ["phone=1"] for number in range(4)}
    grouped, who = parts(four, identity)
    assert grouped == ["0", "1", "2", "3"]
    assert set(who.links.suppressed["reason"]) == {"a hub: more than 3 records show it"}
    assert parts({number: ["phone=1"] for number in range(3)}, identity)[0] == ["0+1+2"]


def test_a_hub_counts_within_its_window_only():
    identity = rules(kinds={"phone": {"most": {"records": 2, "within": 30}}}, rules=[{"share": "phone"}])
    assert parts({1: ["phone=1@0"], 2: ["phone=1@20"], 3: ["phone=1@60"]}, identity)[0] == ["1+2+3"]
    assert parts({1: ["phone=1@0"], 2: ["phone=1@20"], 3: ["phone=1@29"]}, identity)[0] == ["1", "2", "3"]


def test_names_and_members_make_hubs_too():
    identity = rules(kinds={"phone": {"most": {"names": 2, "members": 2}}}, rules=[{"share": "phone"}])
    names = {number: ["phone=1", f"name={name}"] for number, name in enumerate(("Ann", "Bob", "Cat"))}
    assert parts(names, identity)[0] == ["0", "1", "2"]
    cards = {number: ["phone=1", f"member:b={number}"] for number in range(3)}
    both = rules(kinds=identity.model_dump()["kinds"], rules=[{"share": "phone"}, {"share": "member"}])
    assert parts(cards, both)[0] == ["0", "1", "2"]


def test_the_limit_of_phones_per_customer_applies_within_its_window():
    identity = rules(kinds={"phone": {"holds": 2, "within": 365}}, rules=[{"share": "openid"}])
    near = {number: ["openid:m=1", f"phone={number}@{number}"] for number in range(3)}
    assert len(parts(near, identity)[0]) == 2
    far = {number: ["openid:m=1", f"phone={number}@{number * 400}"] for number in range(3)}
    assert parts(far, identity)[0] == ["0+1+2"]


def test_a_verdict_of_same_joins_without_a_rule_and_beats_a_limit():
    cards = {1: ["member:b=1"], 2: ["member:b=2"]}
    assert parts(cards, same=[("s/1", "s/2")])[0] == ["1+2"]


def test_a_verdict_of_different_separates_what_a_rule_joins_with_its_reason():
    grouped, who = parts({1: ["openid:m=1"], 2: ["openid:m=1"]}, different=[("s/1", "s/2")])
    assert grouped == ["1", "2"]
    assert list(who.clusters.removed["reason"]) == ["a verdict keeps two of its records apart"]


def test_a_verdict_cuts_a_chain_at_its_weakest_link():
    chain = {1: ["member:b=1"], 2: ["member:b=1", "email=a", "name=x"], 3: ["email=a", "name=x"]}
    assert parts(chain, different=[("s/1", "s/3")])[0] == ["1+2", "3"]


def test_links_by_match_score_are_the_weakest():
    records = {1: ["member:b=1"], 2: ["member:b=2"], 3: ["openid:m=1"]}
    likely = {("s/1", "s/3"): 9.0, ("s/2", "s/3"): 12.0}
    grouped, who = parts(records, likely=likely)
    assert grouped == ["1", "2+3"]
    assert list(who.clusters.removed["by"]) == ["likeness"]


def test_two_groups_with_a_single_weak_link_are_separate():
    records = {n: ["member:b=1"] for n in range(4)} | {n: ["openid:m=1"] for n in range(4, 8)}
    grouped, who = parts(records, likely={("s/0", "s/4"): 30.0})
    assert grouped == ["0+1+2+3", "4+5+6+7"]
    assert list(who.clusters.removed["reason"]) == ["a single weak link between two groups"]
    two = {("s/0", "s/4"): 30.0, ("s/1", "s/5"): 30.0}
    assert len(parts(records, likely=two)[0]) == 1


def test_a_sparse_chain_by_match_score_is_cut_at_its_weakest_link():
    records = {n: [f"nick:s={n}"] for n in range(12)}
    likely = {(f"s/{n}", f"s/{n + 1}"): 20.0 + n for n in range(11)}
    loose = rules(cluster={"bridge_sides": 100, "density": 0.3, "dense_from": 8})
    assert all(len(group.split("+")) < 8 for group in parts(records, loose, likely=likely)[0])


def test_a_cluster_has_at_most_its_number_of_records():
    identity = rules(cluster={"most_records": 3}, kinds={}, rules=[{"share": "openid"}])
    grouped, _ = parts({n: ["openid:m=1"] for n in range(5)}, identity)
    assert max(len(group.split("+")) for group in grouped) == 3


VALUES = st.sets(st.sampled_from(["member:b=1", "member:b=2", "member:b=3", "phone=1", "phone=2", "openid:m=1",
                                  "openid:m=2", "email=1", "name=Ann", "name=Bob"]), max_size=4)  # fmt: skip
RECORDS = st.dictionaries(st.integers(0, 9), VALUES, max_size=10)
TWO = st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda pair: pair[0] < pair[1])
PAIRS = st.dictionaries(TWO, st.floats(1, 30), max_size=6)


@examples(60)
@given(RECORDS, PAIRS, st.sets(TWO, max_size=2), st.integers(0, 99))
def test_limits_hold_and_the_order_does_not_matter(records, pairs, apart, seed):
    records = {f"s/{key}": {v for v in values if not v.startswith("name")} | set(sorted(
        v for v in values if v.startswith("name"))[:1]) for key, values in records.items()}  # fmt: skip
    likely = {(f"s/{a}", f"s/{b}"): w for (a, b), w in pairs.items()}
    different = sorted((f"s/{a}", f"s/{b}") for a, b in apart)
    ids = Who().take(records, likely, different=different)
    assert ids == Who().take(records, likely, different=different, seed=seed)
    for one, other in different:
        if one in ids and other in ids:
            assert ids[one] != ids[other]
    linked = {frozenset(v for v in values if v.startswith("member")) for values in records.values()}
    if all(len(cards) <= 1 for cards in linked):
        for group in groups(ids):
            assert len({v for record in group for v in records[record] if v.startswith("member")}) <= 1
