"""Every planted flaw of the sample ends as expected: quarantined, repaired or accepted, in the numbers of the truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pyarrow.compute as pc
import pytest
from shop import ROOT, Retailer, template

START = date(2024, 1, 1)
# Between these days the ERP renames a column, adds trailing commas and changes its codes.
SINCE, DAYS = START + timedelta(days=117), 204
LAST = START + timedelta(days=DAYS - 1)
KINDS = {
    "events": {"bot", "clock skew", "out of order", "repeat", "cut off"},
    "service_chats": {"emoji", "traditional", "spam"},
    "pos": {"late file", "comma decimal", "amount", "store phone", "item_code", "duplicate receipt",
            "dummy phone", "surplus field", "unknown item"},
    "store_visits": {"stuck counter", "gap"},
    "reviews": {"emoji", "traditional", "spam"},
    "consents": {"no answer", "conflicting consent"},
    "complaints": {"emoji", "traditional"},
    "crm": {"dummy birthday", "shared phone", "phone", "merged member"},
    "activity_people": {"step missing", "wrong order"},
    "attributes_second": {"stale", "contradiction"},
    "attributes_third": {"stale", "contradiction"},
    "market": {"repeat", "amount"},
    "shop": {"repeat", "no sku", "amount", "cut off", "stale state"},
    "wecom_contacts": {"deleted contact"},
    "tickets": {"step missing"},
    "erp_products": {"trailing commas", "renamed column", "category codes changed"},
}  # fmt: skip


def _ingest(folder: Path) -> None:
    """Generate some months of all feeds, ingest them, and store each outcome's counts beside the home."""
    from sample.generate import generate

    shop = Retailer(folder)
    shop.adopt(ROOT / "conf")
    generate(shop.home / "landing", 1500, START, DAYS, 5, since=SINCE)
    outcomes = shop.run(LAST.isoformat(), *(f"ingest.{feed}" for feed in feeds(shop)))
    facts = {
        name.removeprefix("ingest."): asdict(outcome.facts) if outcome.facts else {}
        for name, outcome in outcomes.items()
    }
    (folder / "facts.json").write_text(json.dumps(facts, default=str))
    shop.close()


def feeds(shop: Retailer) -> list[str]:
    """Names of all feeds."""
    return sorted(path.stem for path in (shop.conf / "sources").glob("*.yml"))


class Taken:
    """All feeds of some months, ingested, with the outcomes' counts and the truth about the flaws."""

    def __init__(self, shop: Retailer) -> None:
        self.shop = shop
        self.truth = pd.concat(pd.read_parquet(file) for file in sorted((shop.home / "truth" / "flaws").iterdir()))
        self.truth["at"] = list(zip(self.truth["file"], self.truth["row"], strict=True))
        self.facts = json.loads((shop.home.parent / "facts.json").read_text())

    def planted(self, feed: str, *expected: str) -> set[tuple[str, int]]:
        """File and row of a feed's flaws with one of the expected endings."""
        flaws = self.truth[(self.truth["feed"] == feed) & self.truth["expected"].isin(expected)]
        return set(flaws["at"])

    def count(self, feed: str, kind: str) -> int:
        """Number of rows in which a kind of flaw was planted."""
        return int(((self.truth["feed"] == feed) & (self.truth["kind"] == kind)).sum())

    def held(self, feed: str) -> set[tuple[str, int]]:
        """File and row of rows quarantined for their own fault, not because of another row of their order."""
        if not (self.shop.home / "lake" / "quarantine" / feed).exists():
            return set()
        rows = self.shop.rows(f"quarantine/{feed}", "_file", "_row", "reasons")
        return {(file, row) for file, row, reasons in rows if not all("another row of" in why for why in reasons)}


@pytest.fixture(scope="module")
def ingested() -> Iterator[Taken]:
    shop = Retailer.at(template("flaws", _ingest))
    yield Taken(shop)
    shop.close()


def test_the_sample_plants_every_kind(ingested):
    planted = ingested.truth.groupby("feed")["kind"].agg(set).to_dict()
    assert {feed: kinds - planted.get(feed, set()) for feed, kinds in KINDS.items()} == {feed: set() for feed in KINDS}


def test_exactly_the_expected_rows_are_quarantined_and_no_file_is_refused(ingested):
    assert sorted(ingested.facts) == feeds(ingested.shop)
    for feed, facts in ingested.facts.items():
        assert ingested.held(feed) == ingested.planted(feed, "quarantined"), feed
        assert facts.get("refused", 0) == 0, feed


def test_accepted_and_repaired_rows_are_in_bronze_and_not_in_quarantine(ingested):
    for feed in sorted(set(ingested.truth["feed"])):
        rows = ingested.planted(feed, "accepted", "repaired") - ingested.planted(feed, "quarantined")
        received = set(ingested.shop.rows(f"bronze/{feed}", "_file", "_row"))
        files = {file for file, _ in received}
        assert {at for at in rows if at[1]} <= received, feed
        assert not rows & ingested.held(feed), feed
        # A flaw of a whole file has no row; a sensor's gap may leave no file at all.
        assert {file for file, row in rows if not row} <= files or feed == "store_visits", feed


def test_repeated_rows_are_ingested_once(ingested):
    repeated = "exact repeat of another row"
    for feed in ("events", "market", "shop"):
        assert ingested.facts[feed]["dropped"].get(repeated, 0) == ingested.count(feed, "repeat"), feed
    lines = ingested.shop.rows(
        "silver/order_lines", "source", "order_id", "line", where=pc.field("replaced_on").is_null()
    )
    assert len(lines) == len(set(lines))


def test_no_answer_is_no_consent(ingested):
    dropped = ingested.facts["consents"]["dropped"]
    assert dropped == {"no answer, and so no record": ingested.count("consents", "no answer")}


def test_event_times_of_a_wrong_clock_are_corrected(ingested):
    skewed = set(ingested.truth[(ingested.truth["feed"] == "events") & (ingested.truth["kind"] == "clock skew")]["key"])
    rows = [row for row in ingested.shop.rows("silver/events", "event_id", "at", "feed_day") if row[0] in skewed]
    assert len({row[0] for row in rows}) == len(skewed)
    assert all(abs((at.date() - day).days) <= 1 for _, at, day in rows)


def test_bots_are_marked(ingested):
    marked = ingested.shop.rows("silver/events", "event_id", where=pc.field("is_bot"))
    bots = set(ingested.truth[(ingested.truth["feed"] == "events") & (ingested.truth["kind"] == "bot")]["key"])
    assert {row[0] for row in marked} == bots - {None}


def test_the_product_master_survives_the_flaws_of_the_erp(ingested):
    products = ingested.shop.rows("silver/products", "sku", "category", "list_price", "recorded_on", "replaced_on")
    assert all(price is not None for _, _, price, *_ in products)
    assert {category for _, category, *_ in products} == {"女装", "男装", "鞋靴", "配饰", "家纺", "家居"}
    # Neither the renamed column, nor the commas, nor the new codes opened new versions of products.
    flawed = {START + timedelta(days=day) for day in (120, 121, 200)}
    everyday = [row for row in products if row[3] in flawed and row[3] != SINCE]
    assert len(everyday) < 0.2 * len({row[0] for row in products})


def test_dummy_values_identify_nobody(ingested):
    values = {row[0] for row in ingested.shop.rows("silver/identifiers", "value", where=pc.field("kind") == "phone")}
    assert ingested.count("pos", "dummy phone") > 0
    assert "+8613800000000" not in values
    births = {row[0] for row in ingested.shop.rows("silver/people", "birthday", where=pc.field("source") == "crm")}
    assert ingested.count("crm", "dummy birthday") > 0
    assert date(1900, 1, 1) not in births
