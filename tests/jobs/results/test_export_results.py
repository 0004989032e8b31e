"""What ads brought, beside a second computation from the same facts."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from metric_shop import write
from scipy import stats
from shop import ROOT, Retailer

DAY = date(2024, 7, 10)
AUDIENCE = """
describes: Customers who lapsed.
owner: growth
goal: activate
who: value.orders > 0
purpose: ads
holdout: 30 %
send_to: [drop]
"""
BEGAN = date(2024, 7, 1)
MEMBERS = 400


@pytest.fixture(scope="module")
def facts():
    """Customers with entry, holdout and orders: members of `winback` buy more, those of `small` have a tiny holdout."""
    random = np.random.default_rng(5)
    customers = pd.DataFrame({"customer_id": [f"c{n:03}" for n in range(MEMBERS)]})
    customers["holdout"] = random.random(MEMBERS) < 0.3
    customers["entered_on"] = [
        BEGAN - timedelta(days=3) + timedelta(days=int(n)) for n in random.integers(0, 8, MEMBERS)
    ]
    rows = []
    for row in customers.itertuples():
        for number in range(random.poisson(0.5 if row.holdout else 1.5)):
            at = pd.Timestamp(BEGAN) + pd.Timedelta(hours=int(random.integers(-72, 11 * 24)))
            status = "cancelled" if random.random() < 0.1 else "paid"
            kind, amount = ("return", -20) if random.random() < 0.1 else ("purchase", int(random.integers(10, 300)))
            rows.append((f"{row.customer_id}-{number}", at, kind, status, amount, row.customer_id))
    return customers, pd.DataFrame(rows, columns=["order_id", "ordered_at", "kind", "status", "amount", "person_key"])


def ads():
    columns = ["audience", "platform", "account", "day", "impressions", "clicks", "cost", "conversions", "revenue",
               "currency"]  # fmt: skip
    rows = [
        ("winback", "drop", "d1", BEGAN, 1000, 10, 400, 20, 900, None),
        ("winback", "drop", "d1", DAY, 500, 5, 100.5, 5.5, 100, "CNY"),
        ("winback", "drop", "d1", DAY + timedelta(days=1), 9, 9, 9, 9, 9, None),
        ("small", "drop", "d1", BEGAN, 10, 1, 10, 0, 0, None),
        ("spread", "drop", "d1", BEGAN, 10, 1, 100, 4, 50, None),
        ("spread", "kiosk", "k1", BEGAN + timedelta(days=1), 10, 1, 200, 1, 50, None),
        ("abroad", "kiosk", "k1", BEGAN, 10, 1, 200, 1, 50, "EUR"),
        ("everybody", "kiosk", "k1", BEGAN, 10, 1, 0, 1, 50, None),
        ("skewed", "drop", "d1", BEGAN, 10, 1, 100, 4, 50, None),
        ("plain", "drop", "d1", BEGAN, 10, 1, 100, 4, 50, None),
    ]
    return pd.DataFrame(rows, columns=columns).assign(campaign=[f"c{n}" for n in range(len(rows))])


@pytest.fixture(scope="module")
def shop(tmp_path_factory, facts):
    shop = Retailer(tmp_path_factory.mktemp("returns") / "shop")
    for name in ("winback", "small", "spread", "abroad", "skewed", "plain"):
        share = {"skewed": "60 %", "plain": "0 %"}.get(name, "30 %")
        shop.declare(f"audiences/{name}.yml", AUDIENCE.replace("30 %", share))
    for name in ("ad_results", "audience_counts"):
        shop.declare(f"sources/{name}.yml", (ROOT / "conf" / "sources" / f"{name}.yml").read_text())
    (shop.home / "person.key").write_text("a" * 64)
    customers, orders = facts
    context = shop.context(str(DAY))
    of_source = {"source": "till", "recorded_on": date(2024, 1, 1), "replaced_on": None}
    people = customers[["customer_id"]].assign(person_key=customers["customer_id"], valid_from=date(2024, 1, 1))
    write(context, "identities", people.assign(source="till"))
    write(context, "orders", orders.assign(**of_source))
    write(context, "ad_results", ads().assign(**of_source))
    stays = [customers.assign(audience=name, left_on=None) for name in ("winback", "spread", "abroad", "skewed")]
    stays.append(customers.assign(audience="plain", left_on=None, holdout=False))
    stays.append(customers.head(70).assign(audience="small", left_on=None))
    # A second stay of one who left, which counts from the first, and one that ended before the ads.
    stays.append(customers.head(1).assign(audience="winback", entered_on=DAY, holdout=False))
    past = {"customer_id": "gone", "entered_on": date(2024, 5, 1), "left_on": date(2024, 5, 9), "holdout": False}
    stays.append(pd.DataFrame([{**past, "audience": "winback"}]))
    write(context, "memberships_customer", pd.concat(stays))
    sent = customers[~customers["holdout"]].head(100)
    kept = {"export": "winback.drop", "kind": "phone", "address_hash": "x", "status": "sent", "until": None}
    write(context, "export_members", sent[["customer_id"]].assign(since=DAY - timedelta(days=5), **kept))
    shop.land(f"audience_counts/{DAY}/manual.csv", f"platform,account,audience,day,matched\ndrop,d1,winback,{DAY},55\n")
    shop.run(str(DAY), "ingest.audience_counts", "export_results")
    yield shop
    shop.close()


def row(shop, audience, account="all"):
    stored = shop.table("gold/export_results").to_pylist()
    [one] = [each for each in stored if (each["audience"], each["account"]) == (audience, account)]
    return {name: float(value) if isinstance(value, type(one["cost"])) else value for name, value in one.items()}


def by_hand(facts):
    """Orders and revenue of each customer after the day on which they entered, or on which the ads began."""
    customers, orders = facts
    result = customers.assign(orders=0, revenue=0.0).set_index("customer_id")
    for order in orders.itertuples():
        after = max(result.loc[order.person_key, "entered_on"], BEGAN - timedelta(days=1))
        if order.status == "paid" and after < order.ordered_at.date() <= DAY:
            result.loc[order.person_key, "orders"] += order.kind == "purchase"
            result.loc[order.person_key, "revenue"] += order.amount
    return result


def test_lift_is_the_difference_of_means_with_its_interval(shop, facts):
    outcomes = by_hand(facts)
    members, holdout = outcomes[~outcomes["holdout"]], outcomes[outcomes["holdout"]]
    one = row(shop, "winback")
    assert (one["members"], one["holdout"]) == (len(members), len(holdout))
    assert (one["member_orders"], one["holdout_orders"]) == (members["orders"].sum(), holdout["orders"].sum())
    assert (one["member_revenue"], one["holdout_revenue"]) == (members["revenue"].sum(), holdout["revenue"].sum())
    for name in ("orders", "revenue"):
        difference = members[name].mean() - holdout[name].mean()
        error = np.sqrt(sum(arm[name].var() / len(arm) for arm in (members, holdout)))
        parts = [arm[name].var() / len(arm) for arm in (members, holdout)]
        freedom = sum(parts) ** 2 / sum(v**2 / (len(arm) - 1) for v, arm in zip(parts, (members, holdout), strict=True))
        quantile = stats.t.ppf(0.975, freedom)
        expected = [len(members) * (difference + z * error) for z in (0, -quantile, quantile)]
        columns = [one[f"incremental_{name}{end}"] for end in ("", "_low", "_high")]
        assert columns == pytest.approx(expected, abs=0.006)
    assert one["incremental_orders_low"] > 0
    assert "purchases beyond what the holdout's mean gives (95 %: " in one["says"]


def test_costs_and_returns_are_claimed_and_incremental(shop):
    one = row(shop, "winback")
    assert (one["impressions"], one["cost"], one["conversions"], one["revenue"]) == (1500, 500.5, 25.5, 1000)
    assert one["cost_per_conversion"] == pytest.approx(500.5 / 25.5, abs=1e-4)
    assert one["claimed_return"] == pytest.approx(1000 / 500.5, abs=1e-4)
    assert one["cost_per_incremental"] == pytest.approx(500.5 / one["incremental_orders"], abs=1e-3)
    assert one["incremental_return"] == pytest.approx(one["incremental_revenue"] / 500.5, abs=1e-3)
    assert one["incremental_return_low"] < one["incremental_return"] < one["incremental_return_high"]
    assert (one["since"], one["day"], one["currency"]) == (BEGAN, DAY, "CNY")


def test_an_audience_on_one_account_has_the_same_there_with_its_export_and_counts(shop, facts):
    whole, account = row(shop, "winback"), row(shop, "winback", "d1")
    assert account["incremental_orders"] == whole["incremental_orders"]
    assert (account["export"], account["matched"], account["usable"], account["platform"]) == (
        "winback.drop",
        55,
        None,
        "drop",
    )
    customers, orders = facts
    sent = set(customers[~customers["holdout"]].head(100)["customer_id"])
    since = DAY - timedelta(days=5)
    theirs = orders[orders["person_key"].isin(sent) & (orders["status"] == "paid")]
    theirs = theirs[[since < at.date() <= DAY for at in theirs["ordered_at"]]]
    assert account["exported"] == 100
    assert account["exported_orders"] == (theirs["kind"] == "purchase").sum()
    assert account["exported_revenue"] == theirs["amount"].sum()


@pytest.mark.parametrize(
    ("audience", "account", "says"),
    [
        ("small", "all", "claimed only: not yet measurable with "),
        ("spread", "d1", "claimed only: the holdout tells of all accounts of the audience together"),
        ("abroad", "all", "claimed only: amounts are in EUR, own orders in CNY"),
        ("skewed", "d1", "claimed only: the split is wrong"),
        ("plain", "d1", "claimed only: the audience has no holdout"),
        ("everybody", "k1", "claimed only: no audience of ours has this name"),
    ],
)
def test_what_no_holdout_can_tell_is_said_in_words(shop, audience, account, says):
    one = row(shop, audience, account)
    assert one["says"].startswith(says)
    assert [one[name] for name in ("incremental_orders", "incremental_return", "cost_per_incremental")] == [None] * 3


def test_an_audience_on_several_accounts_is_compared_as_a_whole(shop):
    whole = row(shop, "spread")
    assert (whole["platform"], whole["cost"], whole["conversions"]) == ("several", 300, 5)
    assert whole["incremental_return"] == pytest.approx(whole["incremental_revenue"] / 300, abs=1e-3)


def test_what_costs_nothing_has_no_return(shop):
    assert row(shop, "everybody")["claimed_return"] is None
    assert row(shop, "small")["cost_per_conversion"] is None


def test_a_run_of_the_same_day_replaces_its_rows(shop):
    before = shop.rows("gold/export_results")
    outcome = shop.run(str(DAY), "export_results", force=True)["export_results"]
    assert (outcome.rows_out, shop.rows("gold/export_results")) == (0, before)
    assert outcome.notes == ("7 audiences with ads, 2 compared with a holdout",)
