"""The profile of audiences against all, its significance, bands and drift, by tables that can be counted by hand."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import dataset
from scipy import stats

from jobs.insight import references
from jobs.insight.bands import CUT_DAYS, cut, stored_bands
from jobs.insight.memberships import members_on, movements
from jobs.insight.overlaps import overlap_rows, reach_rows
from jobs.insight.profile_index import band_rows, profile_rows, profiled
from jobs.insight.significance import LARGE_VARIANCE, p_values, q_values

DAY = date(2024, 7, 1)
KEYS = pa.array([f"c{n}" for n in range(8)])
PROFILE = dataset.dataset(pa.table({
    "customer_id": KEYS,
    "city": ["Ulm", "Ulm", "Ulm", "Bonn", "Bonn", "Bonn", "Bonn", None],
    "orders": pa.array([0, 0, 0, 1, 2, 3, 4, None], pa.int32()),
    "gold": [True, True, False, False, False, False, False, False],
    "bought": [["tea"], ["tea", "cup"], [], ["cup"], None, [], [], []],
}))  # fmt: skip
COLUMNS = {"customer.city": ("city", "string"), "value.orders": ("orders", "int"), "tier.gold": ("gold", "boolean"),
           "categories.bought": ("bought", "array<string>")}  # fmt: skip


def intervals(*rows):
    columns = ("audience", "customer_id", "entered_on", "left_on", "holdout")
    schema = pa.schema([("audience", pa.string()), ("customer_id", pa.string()), ("entered_on", pa.date32()),
                        ("left_on", pa.date32()), ("holdout", pa.bool_())])  # fmt: skip
    return dataset.dataset(pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows], schema))


STAYS = intervals(
    ("ulm", "c0", date(2024, 6, 29), None, False),
    ("ulm", "c1", DAY, None, True),
    ("ulm", "c2", date(2024, 6, 29), None, False),
    ("ulm", "c3", date(2024, 6, 29), DAY, True),
    ("gold", "c0", DAY, None, False),
    ("gold", "gone", DAY, None, False),
)
NAMES = ("gold", "ulm")


@pytest.fixture
def members():
    return members_on(STAYS, "customer_id", KEYS, NAMES, DAY)


@pytest.fixture
def result(members):
    return profiled(PROFILE, COLUMNS, {}, members, DAY)


def profile_of(result, members, follows=(set(), set())):
    since = references.continued(result, NAMES, {}, DAY, ())
    rows = profile_rows("customer", result, members, follows, since, DAY)
    return {(row["audience"], row["tag"], row["label"]): row for row in rows}


def test_shares_and_the_index_are_those_of_a_count_by_hand(result, members):
    rows = profile_of(result, members, (set(), {"customer.city"}))
    ulm = rows["ulm", "customer.city", "Ulm"]
    # Three of eight are in Ulm, and all three members.
    assert (ulm["members"], ulm["share"], ulm["base_share"]) == (3, 1.0, 3 / 8)
    assert ulm["index"] == pytest.approx(100 * 8 / 3)
    assert ulm["follows_from_rule"]
    assert not rows["gold", "customer.city", "Ulm"]["follows_from_rule"]
    assert rows["ulm", "customer.city", "Bonn"]["index"] == 0
    assert rows["ulm", "tier.gold", "true"]["share"] == pytest.approx(2 / 3)
    # An entity counts for each element of a list, and one with none for nothing.
    assert [rows["ulm", "categories.bought", label]["members"] for label in ("tea", "cup", "unknown")] == [2, 1, 1]


def test_each_member_is_in_one_band_of_what_is_no_list(result, members):
    for counts in result.counts:
        if not counts.bands.is_list:
            assert counts.members.sum(axis=1).tolist() == members.sizes().tolist() == [1, 3], counts.name
            assert counts.entities.sum() == 8, counts.name


def test_numbers_are_cut_at_fifths_and_whole_ones_are_written_so(result):
    [orders] = [counts for counts in result.counts if counts.name == "value.orders"]
    assert orders.bands.labels == ("unknown", "≤ 0", "1", "2", "≥ 3")
    assert orders.entities.tolist() == [1, 3, 1, 1, 2]
    assert cut(pa.chunked_array([[0.5, 0.5, 9.0]]), "double", DAY).labels == ("unknown", "≤ 0.5", "> 0.5")
    assert cut(pa.chunked_array([[None]]).cast(pa.float64()), "double", DAY).labels == ("unknown", "≤ 0", "> 0")


def test_bands_are_read_back_as_they_were_cut_and_stand_for_four_weeks(result):
    rows = list(band_rows("customer", result, DAY))
    back = stored_bands(rows, {name: type_ for name, (_, type_) in COLUMNS.items()})
    assert back == {counts.name: counts.bands for counts in result.counts}
    bands = back["value.orders"]
    assert bands.stands("int", DAY + timedelta(days=CUT_DAYS - 1))
    assert not bands.stands("int", DAY + timedelta(days=CUT_DAYS))
    assert not bands.stands("double", DAY)


def test_frequent_values_have_a_band_each_and_the_rest_one_together():
    texts = pa.chunked_array([[f"v{n:02d}" for n in range(25) for _ in range(30 - n)]])
    bands = cut(texts, "string", DAY)
    assert bands.labels == ("unknown", *(f"v{n:02d}" for n in range(20)), "others")
    [codes] = bands.codes(texts)
    assert np.bincount(codes)[-1] == sum(30 - n for n in range(20, 25))


def test_a_value_that_is_new_since_the_cut_is_among_the_others():
    bands = cut(pa.chunked_array([["Ulm", "Bonn"]]), "string", DAY)
    [codes] = bands.codes(pa.chunked_array([["Ulm", "Kiel", None]]))
    assert [bands.labels[code] for code in codes] == ["Ulm", "others", "unknown"]


def test_p_values_are_those_of_an_exact_test_and_of_its_normal_form():
    # Of 20 entities 8 are in the band; 5 are members, and 4 of those are in it.
    both, band, audience = np.array([4]), np.array([8]), np.array([5])
    one_tail = stats.fisher_exact([[4, 1], [4, 11]], alternative="greater").pvalue
    assert p_values(both, 20, band, audience)[0] == pytest.approx(2 * one_tail)
    large = np.array([10_200]), np.array([50_000]), np.array([20_000])
    assert large[2][0] * 0.5 * 0.5 * 0.8 > LARGE_VARIANCE
    exact = 2 * stats.hypergeom.sf(10_199, 100_000, 50_000, 20_000)
    assert p_values(large[0], 100_000, large[1], large[2])[0] == pytest.approx(exact, rel=0.01)


def test_q_values_are_those_of_scipy():
    p = np.array([0.001, 0.04, 0.03, 0.8, 0.012, 0.04])
    assert q_values(p) == pytest.approx(stats.false_discovery_control(p, method="bh"))


def test_chance_alone_gives_few_significant_rows():
    random = np.random.default_rng(3)
    audience = np.full(2000, 300)
    band = random.integers(50, 900, 2000)
    both = random.hypergeometric(band, 1000 - band, audience)
    p = p_values(both, 1000, band, audience)
    assert (p < 0.05).mean() < 0.05
    assert (q_values(p) < 0.05).sum() == 0


def test_an_audience_drifts_where_its_members_are_others_and_by_nothing_else():
    keys = pa.array([f"c{n}" for n in range(400)])
    columns = {"customer.city": ("city", "string"), "value.orders": ("orders", "int")}
    table = {"city": ["Ulm", "Bonn"] * 200, "orders": pa.array([0, 1, 2, 3] * 100, pa.int32())}
    profile = dataset.dataset(pa.table({"customer_id": keys, **table}))

    def on(cities, before):
        stays = intervals(*(("ulm", f"c{n}", DAY, None, False) for n in range(400) if cities(n)))
        members = members_on(stays, "customer_id", keys, ("ulm",), DAY)
        result = profiled(profile, columns, {}, members, DAY)
        return result, references.continued(result, ("ulm",), before, DAY + timedelta(days=1 if before else 0), ())

    first, since = on(lambda n: n % 2 == 0, {})
    assert references.drifts(first, ("ulm",), since, ())["ulm"] == (0.0, {})
    second, after = on(lambda n: n % 2 == 1, since)
    assert after == since
    index, drifted = references.drifts(second, ("ulm",), after, {"value.orders"})["ulm"]
    assert list(drifted) == ["customer.city"]
    assert index > 1
    # So does an edited rule.
    edited = references.continued(second, ("ulm",), since, DAY + timedelta(days=1), {"ulm"})
    assert edited["ulm", "customer.city"] == (DAY + timedelta(days=1), [0, 200, 0, 0])
    # A cut that is newer than the reference begins a new one.
    earlier = {("ulm", name): (DAY - timedelta(days=1), counts) for (_, name), (_, counts) in since.items()}
    assert references.continued(second, ("ulm",), earlier, DAY, ())["ulm", "customer.city"] == (DAY, [0, 200, 0, 0])


def test_overlaps_are_counted_in_both_directions(members):
    rows = {(row["audience"], row["other"]): row for row in overlap_rows("customer", members, len(KEYS), DAY)}
    assert {pair: (row["both"], row["share"], row["jaccard"]) for pair, row in rows.items()} == {
        ("gold", "ulm"): (1, 1.0, pytest.approx(1 / 3)),
        ("ulm", "gold"): (1, pytest.approx(1 / 3), pytest.approx(1 / 3)),
    }  # fmt: skip


def test_reach_counts_members_by_answer_and_those_outside_the_holdout(members):
    answers = [("c0", "messages", "sms", "reachable"), ("c1", "messages", "sms", "reachable"),
               ("c2", "messages", "sms", "consent"), ("c7", "messages", "sms", "address")]  # fmt: skip
    columns = ("customer_id", "purpose", "channel", "answer")
    stored = dataset.dataset(pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in answers]))
    rows = {(row["audience"], row["answer"]): (row["members"], row["treated"])
            for row in reach_rows(stored, KEYS, members, len(KEYS), DAY)}  # fmt: skip
    assert rows == {("gold", "reachable"): (1, 1), ("ulm", "reachable"): (2, 1), ("ulm", "consent"): (1, 1)}


def test_days_since_the_last_recorded_one_have_their_sizes_entries_and_exits():
    moved = movements(STAYS)["ulm"]
    assert moved.first() == date(2024, 6, 29)
    rows = moved.day_rows("customer", "ulm", date(2024, 6, 29), DAY)
    assert [(row["size"], row["entered"], row["exited"], row["held_out"]) for row in rows] == [
        (3, 3, 0, 1), (3, 0, 0, 1), (3, 1, 1, 1),
    ]  # fmt: skip
    assert moved.day_rows("customer", "ulm", DAY, DAY) == rows[-1:]
