"""Every flaw in the truth is in the row that the truth names."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import pyarrow.parquet as pq
import pytest

RETAIL = ("pos", "shop", "market", "crm", "events", "consents", "erp_products")
# What the flawed row must contain in its file, by feed and kind.
SIGNS = {
    ("pos", "dummy phone"): ",13800000000,", ("pos", "store phone"): r",0\d+-\d{8},", ("pos", "amount"): ",N/A,",
    ("pos", "item_code"): r"^([^,]*,){7},", ("pos", "surplus field"): ",促销$", ("pos", "unknown item"): ",X",
    ("shop", "amount"): "待定", ("shop", "cut off"): "[^}]$", ("shop", "no sku"): '"outer_sku_id": null',
    ("shop", "stale state"): "WAIT_SELLER_SEND_GOODS", ("market", "amount"): '"price": null',
    ("events", "bot"): "spider", ("events", "cut off"): "[^}]$", ("consents", "no answer"): ",,",
    ("crm", "dummy birthday"): "1900-01-01", ("crm", "phone"): "不详", ("crm", "merged member"): "'merged_into': 'M1",
}  # fmt: skip
TWICE = {("shop", "repeat"), ("market", "repeat"), ("events", "repeat")}


@pytest.fixture(scope="module")
def flaws(query):
    return query("select feed, file, row, key, kind, expected from '{truth}/flaws/*.parquet'")


@pytest.fixture(scope="module")
def rows(house):
    @cache
    def read(file):
        path = house / "landing" / file
        if file.endswith(".parquet"):
            return [str(row | {"birthday": str(row["birthday"])}) for row in pq.read_table(path).to_pylist()]
        text = path.read_bytes().decode("gb18030" if file.startswith("erp_") else "utf-8").removesuffix("\n")
        return text.split("\n")[file.endswith(".csv") :]

    return read


@pytest.mark.parametrize("feed", RETAIL)
def test_each_flaw_is_in_its_row(flaws, rows, feed):
    planted = [flaw for flaw in flaws if flaw[0] == feed]
    assert planted
    for _, file, row, key, kind, _ in planted:
        if row == 0:
            assert rows(file)
            continue
        line = rows(file)[row - 1]
        assert key.removeprefix(file.split("/")[-1][:3] + "-") in line, (file, row, kind)
        assert re.search(SIGNS.get((feed, kind), ""), line), (file, row, kind, line)
        if (feed, kind) in TWICE:
            assert rows(file).count(line) == 2


def test_every_kind_of_flaw_occurs_in_the_retail_feeds(flaws):
    kinds = Counter((feed, kind) for feed, *_, kind, _ in flaws)
    expected = {*SIGNS, *TWICE, ("pos", "duplicate receipt"), ("pos", "comma decimal"), ("pos", "late file")}
    expected |= {("events", "clock skew"), ("events", "out of order"), ("crm", "shared phone")}
    expected |= {("erp_products", kind) for kind in ("renamed column", "trailing commas", "category codes changed")}
    assert expected - {("consents", "conflicting consent")} <= set(kinds)
    assert kinds["consents", "conflicting consent"] % 2 == 0


def test_expectations_are_of_four_kinds(flaws):
    assert {flaw[5] for flaw in flaws} <= {"quarantined", "repaired", "accepted", "refused"}


def test_every_flawed_row_is_in_the_truth(flaws, rows, house):
    """Rows that look broken but are not in the truth would make the evaluation unfair."""
    marked = {(file, row) for _, file, row, *_ in flaws}
    for path in sorted((house / "landing/pos").rglob("*.csv")):
        file = str(path.relative_to(house / "landing"))
        for number, line in enumerate(rows(file), 1):
            fields = re.sub(r'"(-?\d+),(\d\d)"', r"\1.\2", line).split(",")
            broken = len(fields) != 14 or not fields[7] or fields[9] == "N/A"
            assert not broken or (file, number) in marked


def test_every_repeated_receipt_is_in_the_truth(flaws, rows, house):
    marked = {(file, row) for _, file, row, _, kind, _ in flaws if kind == "duplicate receipt"}
    earlier: set[tuple[str, ...]] = set()
    for path in sorted((house / "landing/pos").rglob("*.csv")):
        file = str(path.relative_to(house / "landing"))
        for number, line in enumerate(rows(file), 1):
            receipt, place, _, store, *_ = line.split(",")
            assert ((store, receipt, place) in earlier) == ((file, number) in marked), (file, number)
            earlier.add((store, receipt, place))
