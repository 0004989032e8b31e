"""The sample retailer is the same for everyone, goes on where it stopped, and looks like a retailer."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import time
from collections import Counter
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sample.feeds import DUMMY_PHONE, POS
from sample.generate import generate, main

START = date(2023, 6, 1)


def hashes(landing: Path) -> dict[str, str]:
    files = (path for path in landing.rglob("*") if path.is_file())
    return {str(path.relative_to(landing)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("house")
    began = time.monotonic()
    generate(folder / "landing", 600, START, 400, 7)
    assert time.monotonic() - began < 20
    return folder


@pytest.fixture(scope="module")
def receipts(house):
    lines = [row for path in sorted((house / "landing/pos").rglob("*.csv")) for row in rows(path)]
    return [line for line in lines if None not in line]


@pytest.fixture(scope="module")
def orders(house):
    text = "".join(path.read_text() for path in sorted((house / "landing/shop").rglob("*.jsonl")))
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path):
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        main(["--out", str(tmp_path / name), "--customers", "80", "--days", "40", "--seed", str(seed)])
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two") != hashes(tmp_path / "other")


def test_a_day_more_leaves_the_days_before_as_they_were(tmp_path):
    generate(tmp_path / "less", 80, START, 30, 3)
    generate(tmp_path / "more", 80, START, 31, 3)
    less, more = hashes(tmp_path / "less"), hashes(tmp_path / "more")
    assert {name: more[name] for name in less} == less
    assert {name.split("/")[1] for name in more.keys() - less.keys()} == {"2023-07-01"}


def test_the_next_days_alone_are_the_same_as_in_one_go(tmp_path):
    generate(tmp_path / "all/landing", 80, START, 35, 3)
    generate(tmp_path / "parts/landing", 80, START, 30, 3)
    generate(tmp_path / "parts/landing", 80, START, 35, 3, since=date(2023, 7, 1))
    generate(tmp_path / "late/landing", 80, START, 35, 3, since=date(2023, 7, 1))
    whole, late = hashes(tmp_path / "all"), hashes(tmp_path / "late")
    assert hashes(tmp_path / "parts") == whole
    assert {name: whole[name] for name in late} == late
    assert min(name.split("/")[2] for name in late if "truth" not in name) == "2023-07-01"


def test_it_has_the_size_of_a_small_house(house, receipts, orders):
    assert len(hashes(house / "landing")) < 3000
    assert 5_500 <= len(receipts) + len(orders) <= 8_000
    assert {row["store_no"] for row in receipts} == {"S01", "S02", "S03", "S04"}


def test_two_receipts_in_three_show_a_card(receipts):
    cards = {(row["store_no"], row["receipt_no"]): bool(row["card_no"]) for row in receipts}
    assert 0.60 <= sum(cards.values()) / len(cards) <= 0.75


def test_a_fifth_of_the_buyers_bring_most_of_the_money(house, receipts, orders):
    people = {(row["feed"], row["key"]): row["person"] for row in rows(house / "truth/records.csv")}
    spent: Counter[str] = Counter()
    for row in receipts:
        amount = row["amount"].replace(",", ".").replace("N/A", "0")
        spent[people["pos", f"{row['store_no']}-{row['receipt_no']}"]] += float(amount)
    for row in orders:
        spent[people["shop", row["order_no"]]] += row["amount"] if isinstance(row["amount"], float) else 0
    spent.pop("")
    best = [amount for _, amount in spent.most_common()]
    assert 0.6 <= sum(best[: len(best) // 5]) / sum(best) <= 0.85


def test_many_buy_in_the_stores_and_online(house):
    feeds: dict[str, set[str]] = {}
    for row in rows(house / "truth/records.csv"):
        feeds.setdefault(row["person"], set()).add(row["feed"])
    buyers = [found for person, found in feeds.items() if person and found & {"pos", "shop"}]
    assert 0.25 <= sum(found >= {"pos", "shop"} for found in buyers) / len(buyers) <= 0.5


def test_returns_have_negative_quantity_and_amount(receipts):
    back = [row for row in receipts if row["quantity"].startswith("-")]
    assert 0.02 <= len(back) / len(receipts) <= 0.08
    assert all(row["amount"].startswith("-") or row["amount"] == "N/A" for row in back)


def test_members_come_in_every_spelling(house):
    found = [row for path in (house / "landing/crm").rglob("*.csv") for row in rows(path, "gb18030")]
    shapes = {re.sub("[\uff10-\uff19]", "9", re.sub("[0-9]", "0", row["phone"])) for row in found}
    assert shapes == {"0" * 11, "000 0000 0000", "+" + "0" * 13, "9" * 11}
    assert {row["gender"] for row in found} == {"男", "女", "未知"}
    assert {row["ads_consent"] for row in found} == {"Y", "N", ""}
    assert any(count > 1 for count in Counter(row["member_no"] for row in found).values())


def test_the_truth_names_every_flaw_where_it_stands(house):
    landing, kinds = house / "landing", Counter()
    for flaw in rows(house / "truth/flaws.csv"):
        encoding = "gb18030" if flaw["feed"] == "crm" else "utf-8"
        lines = (landing / flaw["file"]).read_text(encoding).split("\n")
        line = lines[int(flaw["row"]) - (flaw["feed"] == "shop")]
        kinds[flaw["feed"], flaw["kind"]] += 1
        signs = {"dummy birthday": "1900-01-01", "dummy phone": DUMMY_PHONE, "surplus field": "促销"}
        assert signs.get(flaw["kind"], "") in line
    assert min(kinds.values()) >= 1
    assert set(kinds) >= {("pos", kind) for kind in ("surplus field", "amount", "item_code", "dummy phone")}
    assert set(kinds) >= {("shop", "item_code"), ("shop", "amount"), ("crm", "dummy birthday")}


def test_the_truth_covers_every_record_of_a_person(house, receipts):
    people = {row["person"]: row for row in rows(house / "truth/people.csv")}
    records = rows(house / "truth/records.csv")
    assert {row["person"] for row in records} - {""} <= set(people)
    of_card = {number: row["person"] for row in people.values() for number in row["member_nos"].split(";")}
    owner = {row["key"]: row["person"] for row in records if row["feed"] == "pos"}
    shown = [row for row in receipts if row["card_no"]]
    assert all(of_card[row["card_no"]] == owner[f"{row['store_no']}-{row['receipt_no']}"] for row in shown)
    assert sum(bool(row["shares_phone_with"]) for row in people.values()) in range(1, 20)


def test_the_catalogue_is_whole_and_covers_what_is_sold(house, receipts):
    files = sorted((house / "landing/catalogue").rglob("*.parquet"))
    assert [path.parent.name[-2:] for path in files] == ["01"] * 14
    table = pq.read_table(files[-1])
    codes = table["item_code"].to_pylist()
    assert len(codes) == len(set(codes)) > 120
    assert {row["item_code"] for row in receipts} - {""} <= set(codes)
    assert all(
        cost < price for cost, price in zip(table["cost"].to_pylist(), table["list_price"].to_pylist(), strict=True)
    )


def test_the_tills_speak_the_declared_columns(house):
    for path in (house / "landing/pos").rglob("*.csv"):
        assert path.read_text().split("\n")[0] == ",".join(POS)
