"""How good a seed is: how lately its customers bought, how much the same they are, and the lift that it showed."""

from __future__ import annotations

import json
import random
from datetime import date, datetime, timedelta, timezone

import pyarrow as pa
import pytest

from jobs.audiences.seed_quality import _times_as_often, fits, lifts_of, recency, sameness
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.identity import Identities
from quanyu.model.insight import AudienceProfile
from quanyu.model.outcomes import AudienceDays
from quanyu.model.trade import Orders

DAY = date(2024, 9, 1)
SHANGHAI = timezone(timedelta(hours=8))


def write(context, table, rows):
    context.lake.prepare(table)
    schema = context.lake.arrow(place_of(table)).schema
    receipt = Receipt("test", DAY.isoformat(), "test", "", {})
    context.lake.append_rows(place_of(table), pa.Table.from_pylist(rows, schema), receipt, {"out": len(rows)})


def order(number, who, days_ago, kind="purchase"):
    at = datetime.combine(DAY - timedelta(days=days_ago), datetime.min.time(), SHANGHAI)
    return {
        "source": "shop", "person_key": who, "order_id": f"o{number}", "kind": kind, "status": "paid", "amount": 1,
        "ordered_at": at, "feed_day": DAY, "recorded_on": date(2024, 1, 1),
    }  # fmt: skip


def test_recency_is_of_the_last_purchase_of_each_and_counts_who_never_bought(retailer):
    context = retailer.context(DAY.isoformat())
    since = date(2024, 1, 1)
    people = [{"source": "shop", "person_key": f"p{n}", "customer_id": f"c{n}", "valid_from": since} for n in range(5)]
    write(context, Identities, people)
    write(context, Orders, [order(1, "p0", 200), order(2, "p0", 10), order(3, "p1", 90), order(4, "p2", 91),
                            order(5, "p3", 1, "return"), order(6, "p4", 2)])  # fmt: skip
    customers = context.lake.spark.createDataFrame([(f"c{n}",) for n in range(4)], "customer_id string")
    result = recency(context, customers)
    # c3 only returned, and c4 is not asked for.
    assert (result.customers, result.buyers, result.recent, result.median_days) == (4, 3, 2, 90)
    assert str(result) == "90 days ago in the median; 50% bought within 90 days, 25% never"


def band(tag, number, members, base, follows=False):
    return {
        "entity": "customer", "audience": "gold", "tag": tag, "band": number, "label": str(number), "members": members,
        "share": members / 10, "base_share": base, "index": 100.0, "p_value": 1.0, "q_value": 1.0, "significant": False,
        "follows_from_rule": follows, "reference_members": 1, "reference_on": DAY, "day": DAY,
    }  # fmt: skip


def test_sameness_compares_pairs_of_members_with_pairs_of_all(retailer):
    context = retailer.context(DAY.isoformat())
    assert sameness(context, "gold") is None
    write(context, AudienceProfile, [
        band("city", 0, 9, 0.5), band("city", 1, 1, 0.5), band("tier", 0, 8, 0.8), band("tier", 1, 2, 0.2),
        # What the rule decides, what nobody differs by, and a list, whose shares are of more than all.
        band("spend", 0, 10, 0.2, True), band("spend", 1, 0, 0.8, True), band("country", 0, 10, 1.0),
        band("country", 1, 0, 0.0), band("bought", 0, 9, 0.8), band("bought", 1, 9, 0.8),
    ])  # fmt: skip
    result = sameness(context, "gold")
    # Of 90 ordered pairs, 72 are both in the first city, which is that of half of all.
    expected = {"city": 72 / 90 / 0.5, "country": 1.0, "tier": (56 / 0.8 + 2 / 0.2) / 90}
    assert result.names == pytest.approx(expected) and list(result.names) == list(expected)
    assert result.times == pytest.approx(sum(expected.values()) / 3)
    assert "share a value 1.16 times as often as two of all" in str(result) and "by city (1.6), country" in str(result)


def test_members_drawn_by_chance_are_as_much_the_same_as_all_however_few():
    chance = random.Random(5)
    base, times = (0.6, 0.3, 0.1), []
    for _ in range(4000):
        drawn = chance.choices(range(3), base, k=4)
        times.append(_times_as_often([band("city", n, drawn.count(n), share) for n, share in enumerate(base)]))
    assert sum(times) / len(times) == pytest.approx(1, abs=0.08)


def test_the_lift_of_a_seed_is_that_of_the_last_fit_that_tried_it(retailer):
    context = retailer.context(DAY.isoformat())
    assert fits(context) == {}

    def recorded(day, seed, lift):
        lifts = {"loyal": {"lift": lift, "low": 1.5, "high": 2.5, "members": 10, "size": 5},
                 "new": {"lift": 0.9, "low": 0.5, "high": 1.2, "members": 10, "size": 5}}  # fmt: skip
        fit = {"day": str(day), "meaning": "m", "seed": seed, "lifts": lifts}
        return {"audience": "like", "day": day, "entity": "customer", "definition_digest": "d", "members": 1,
                "holdout": 0, "members_digest": "h", "fit": json.dumps(fit)}  # fmt: skip

    write(context, AudienceDays, [recorded(DAY, "loyal", 2.0), recorded(DAY - timedelta(days=7), "new", 1.8),
                                  {**recorded(DAY, "", 0), "audience": "plain", "fit": None}])  # fmt: skip
    last = fits(context)
    assert list(lifts_of(last, "loyal")) == ["2.00 [1.50, 2.50] for like, chosen, on 2024-09-01"]
    assert list(lifts_of(last, "new")) == ["0.90 [0.50, 1.20] for like, not chosen, on 2024-09-01"]
    assert list(lifts_of(last, "like")) == ["2.00 [1.50, 2.50] by its seed loyal, on 2024-09-01"]
    assert list(lifts_of(last, "plain")) == []
