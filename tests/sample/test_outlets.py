"""An abnormal outlet shows it in its orders, its shelves, and the places of its scans."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from sample.generate import generate

FEEDS = ("outlets", "sell_in", "shelf_checks", "scans", "rival_sales")
DAYS = 240


@pytest.fixture(scope="module")
def dealers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dealers")
    generate(folder / "landing", 9000, date(2024, 1, 1), DAYS, 5, feeds=FEEDS)
    return folder


def read(folder, feed):
    files = sorted((folder / "landing" / feed).rglob("*.*"))
    lines = [pd.read_json(path, lines=True) if path.suffix == ".jsonl" else pd.read_csv(path) for path in files]
    return pd.concat(lines, ignore_index=True)


@pytest.fixture(scope="module")
def cases(dealers):
    abnormal = pd.read_csv(dealers / "truth/outlets.csv")
    return abnormal[abnormal["from_on"] < "2024-07-20"]


def during(rows, case, at):
    day = rows[at].astype(str).str[:10]
    mine = rows["outlet_no"] == case.outlet
    within = (day >= case.from_on) & (day <= case.to_on)
    return rows[mine & within], rows[mine & ~within]


def weekly(rows):
    return rows.groupby(rows["ordered_on"])["quantity"].sum().mean() if len(rows) else 0.0


def test_there_are_cases_of_each_kind(cases):
    assert set(cases["kind"]) == {"diversion", "too_bad", "out_of_stock"}


def test_sell_in_reveals_diversion_and_failing_outlets(dealers, cases):
    orders = read(dealers, "sell_in")
    ratios = {"diversion": [], "too_bad": [], "out_of_stock": []}
    for case in cases.itertuples():
        inside, outside = during(orders, case, "ordered_on")
        if len(outside):
            ratios[case.kind].append(weekly(inside) / weekly(outside))
    assert all(ratio > 2 for ratio in ratios["diversion"])
    assert all(ratio < 0.6 for ratio in ratios["too_bad"])
    assert all(ratio == 0 for ratio in ratios["out_of_stock"])
    assert all(ratios.values())


def test_diverted_goods_are_scanned_in_other_cities(dealers, cases):
    scans, cities = read(dealers, "scans"), read(dealers, "outlets").drop_duplicates("outlet_no")
    scans = scans.merge(cities[["outlet_no", "city"]], on="outlet_no", suffixes=("", "_of_outlet"))
    scans["away"] = scans["city"] != scans["city_of_outlet"]
    for case in cases[cases["kind"] == "diversion"].itertuples():
        inside, outside = during(scans, case, "at")
        assert inside["away"].mean() > 0.6
        assert outside["away"].mean() < 0.15
    assert not scans["code"].duplicated().any()


def test_an_outlet_out_of_stock_has_empty_shelves_and_no_scans(dealers, cases):
    checks, scans = read(dealers, "shelf_checks"), read(dealers, "scans")
    checks["stock"] = [sum(item["stock"] for item in items) for items in checks["items"]]
    for case in cases[cases["kind"] == "out_of_stock"].itertuples():
        abnormal, usual = during(checks, case, "visited_at")
        assert len(abnormal) >= 1
        assert (abnormal["stock"] == 0).all()
        assert (usual["stock"] > 0).all()
        assert len(during(scans, case, "at")[0]) == 0


def test_competitors_keep_selling_where_ours_fails(dealers, cases):
    rivals = read(dealers, "rival_sales")
    for case in cases[cases["kind"] == "too_bad"].itertuples():
        inside, outside = during(rivals, case, "week_from")
        assert inside["quantity"].mean() > 0.5 * outside["quantity"].mean()
    assert set(rivals["relation"]) == {"rival", "related"}


def test_outlets_that_turn_show_it_in_their_orders_shelves_and_scans(dealers):
    last = pd.read_parquet(dealers / "truth/outlet_states/2024-08-27.parquet")
    first = pd.read_parquet(dealers / "truth/outlet_states/2024-01-01.parquet")
    assert set(first["state"]) <= {"healthy", "new"}
    orders, checks, scans = (read(dealers, feed) for feed in ("sell_in", "shelf_checks", "scans"))
    checks["stock"] = [sum(item["stock"] for item in items) for items in checks["items"]]

    def changed(rows, at, state, value=None):
        """Of the outlets in a state at the end: what there is in August, as a share of what there was in January."""
        mine = rows[rows["outlet_no"].isin(last.loc[last["state"] == state, "outlet"])]
        month = mine[at].astype(str).str[5:7]
        sums = mine.groupby(month)[value].sum() if value else mine.groupby(month).size()
        return sums.get("08", 0) / sums["01"]

    usual = changed(orders, "ordered_on", "healthy", "quantity")
    assert changed(orders, "ordered_on", "declining", "quantity") < 0.7 * usual
    assert changed(orders, "ordered_on", "sleeping", "quantity") == 0
    assert changed(scans, "at", "sleeping") == 0
    assert changed(orders, "ordered_on", "overstocked", "quantity") > 0.5 * usual
    assert changed(scans, "at", "overstocked") < 0.5 * changed(scans, "at", "healthy")
    assert changed(checks, "visited_at", "overstocked", "stock") > 3 * changed(checks, "visited_at", "healthy", "stock")
