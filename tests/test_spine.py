"""The complete loop on a small sample: through the DAGs, repeated, changed, and out of order."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow.compute as pc
import pytest
from command_line import quanyu
from shop import Retailer, small_shop, template

from jobs.audiences import rules
from quanyu.model.entities import Customer

EARLIER, MIDDLE, LAST = "2024-02-10", "2024-02-24", "2024-03-09"
CURRENT = pc.field("valid_to").is_null()


def command(shop: Retailer, *words: str) -> subprocess.CompletedProcess[str]:
    """Call `quanyu` on the command line."""
    line = [sys.executable, "-m", "quanyu.cli", *words, "--conf", str(shop.conf), "--home", str(shop.home)]
    return subprocess.run(line, env=dict(os.environ), capture_output=True, text=True, timeout=420)


def _live(folder: Path) -> None:
    """Run an earlier day step by step, and the last one through its DAGs, whose output is stored beside the home."""
    shop = small_shop(folder)
    shop.run(EARLIER)
    ran = command(shop, "run", "--day", LAST)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (folder / "printed.txt").write_text(ran.stdout)
    shop.close()


@pytest.fixture
def lived() -> Iterator[Retailer]:
    """The shop after both days. Tests must not change it."""
    shop = Retailer.at(template("lived", _live))
    yield shop
    shop.close()


@pytest.fixture
def own(lived: Retailer, tmp_path: Path) -> Iterator[Retailer]:
    """A copy of the shop that the test may change."""
    shop = lived.copy(tmp_path)
    yield shop
    shop.close()


def test_the_summary_reports_the_day(lived):
    printed = (lived.home.parent / "printed.txt").read_text()
    for words in ("ingest.pos", "customers out of", "Audiences", "loyal_seed", "Messages:", "Next (", "quarantined"):
        assert words in printed, printed


def test_persons_become_customers_near_the_truth(lived):
    records = pd.concat(pd.read_parquet(file) for file in (lived.home / "truth" / "records").glob("*.parquet"))
    records = records[records["feed"].isin(["crm", "pos", "shop"]) & (records["person"] != "")]
    # The marketplace masks names and phones, so its buyers match no other record. Nor do persons who only answered
    # in the mini-program.
    expected = set(zip(records["person"], records["feed"] == "shop", strict=True))
    customers = {row[0] for row in lived.rows("gold/customers", "customer_id")}
    assert 0.8 * len(expected) <= len(customers) <= 1.5 * len(expected)


def test_every_row_of_the_tills_is_in_silver_or_in_quarantine(lived):
    received = lived.rows("bronze/pos", "store_no", "receipt_no", "line_no", "_file", "_row")
    has_quarantine = "quarantine/pos" in lived.versions()
    quarantined = set(lived.rows("quarantine/pos", "_file", "_row")) if has_quarantine else set()
    good = {row[:3] for row in received if row[3:] not in quarantined}
    assert quarantined <= {row[3:] for row in received}
    lines = lived.rows("silver/order_lines", "order_id", "line", where=pc.field("source") == "pos")
    assert sorted((f"{store}-{receipt}", int(line)) for store, receipt, line in good) == sorted(set(lines))


def test_the_seed_file_holds_hashes_of_consenting_customers_only(lived):
    [folder] = (lived.home / "exports" / "quanyu" / "drop" / "loyal_seed" / f"dt={LAST}").glob("run=*")
    manifest = json.loads((folder / "_MANIFEST.json").read_text())
    assert (folder / "_SUCCESS").exists()
    texts = [gzip.decompress(part.read_bytes()).decode() for part in folder.glob("full-*.csv.gz")]
    assert sum(len(text.splitlines()) - 1 for text in texts) == manifest["counts"]["rows"]
    assert not any("@" in text or "+86" in text for text in texts)
    members = {
        row[0]
        for row in lived.rows("gold/memberships_customer", "customer_id", where=pc.field("audience") == "loyal_seed")
    }
    consenting = {
        one for one, consents in lived.rows("gold/customers", "customer_id", "consents") if "ads:any" in consents
    }
    assert manifest["counts"]["customers"] <= len(members & consenting)


def test_the_results_of_a_day_contain_no_later_data(lived):
    profiles = lived.rows("gold/profile_customer", "recency__days_since_order")
    assert all(days is None or days >= 0 for (days,) in profiles)
    recorded = pc.field("recorded_on") <= date.fromisoformat(EARLIER)
    assert max(at.date() for (at,) in lived.rows("silver/orders", "ordered_at", where=recorded)) <= date.fromisoformat(
        EARLIER
    )


def test_ids_are_the_same_after_a_full_rebuild(own):
    state = own.rows("gold/identities")
    shutil.rmtree(own.home / "lake" / "gold" / "identities")
    own.run(LAST, "identities", force=True)
    assert own.rows("gold/identities") == state


def test_a_repeated_day_writes_nothing_and_a_changed_row_only_its_dependents(own):
    own.run(LAST)
    before = own.versions()
    again = command(own, "run", "--day", LAST)
    assert again.returncode == 0
    assert own.versions() == before
    add_a_yuan(own)
    own.run(LAST)
    changed = {place for place, version in own.versions().items() if version != before.get(place)}
    must = {"bronze/shop", "silver/order_lines", "silver/orders", "gold/activity", "gold/value"}
    assert must <= changed
    assert changed <= {
        *must, "gold/brands", "gold/categories", "gold/deals", "gold/preference", "gold/product_prices", "gold/series",
        "gold/sizes", "gold/rhythm", "gold/metrics", "gold/tag_statistics", "gold/profile_customer",
        "gold/profile_product", "gold/item_paths", "gold/purchase_paths", "gold/memberships_customer",
        "gold/journey_instances", "gold/decisions", "gold/audience_days", "gold/audience_trends", "gold/audience_bands",
        "gold/audience_profile", "gold/audience_numbers", "gold/audience_overlaps", "gold/audience_reach",
        "gold/programme_lift", "gold/export_results",
    }  # fmt: skip


def add_a_yuan(shop: Retailer) -> None:
    """Change the price of one line in the newest state of an order."""
    files = sorted(f for f in (shop.home / "landing" / "shop").glob("*/*.jsonl") if f.parent.name <= LAST)
    orders = [
        (f, n, json.loads(row)) for f in files for n, row in enumerate(f.read_text().splitlines()) if "待" not in row
    ]
    newest = {order["tid"]: (f, n, order) for f, n, order in orders}
    file, number, order = next(one for one in newest.values() if one[2]["status"] == "TRADE_FINISHED")
    paid = order["orders"][0]
    paid["payment"], order["payment"] = (f"{float(one['payment']) + 1:.2f}" for one in (paid, order))
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[number] = json.dumps(order, ensure_ascii=False)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_an_earlier_day_does_not_change_steps_that_only_go_forward(own):
    before = {place: own.rows(place) for place in ("gold/identities", "gold/memberships_customer", "gold/customers")}
    own.run(EARLIER, "identities", "customers", "memberships.customer")
    assert {place: own.rows(place) for place in before} == before


def test_a_command_with_a_wrong_name_ends_with_a_message(lived):
    places = ("--conf", str(lived.conf), "--home", str(lived.home))
    wrong = quanyu("table", "custmers", *places)
    assert wrong.returncode == 2
    assert "did you mean 'customers'" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    shown = quanyu("table", "customers", "--limit", "3", *places)
    assert "gold/customers, 3 of" in shown.stdout


def test_two_runs_at_once_do_not_mix(own):
    from quanyu.home.lock import home_lock

    with home_lock(own.settings):
        second = command(own, "run", "--day", LAST)
    assert second.returncode == 4
    assert "is in use by process" in second.stderr


@pytest.mark.long
def test_days_out_of_order_give_the_same_tables(tmp_path):
    steps = ("ingest.pos", "ingest.crm", "identities", "features.recency")
    one, other = small_shop(tmp_path / "one"), small_shop(tmp_path / "other")
    # Identities are those of today, so each day is computed again after all days were run.
    for shop, days in ((one, (EARLIER, MIDDLE, EARLIER)), (other, (MIDDLE, EARLIER))):
        for day in days:
            shop.run(day, *steps)
    for place in ("bronze/pos", "silver/orders", "silver/people", "silver/identifiers"):
        assert one.rows(place) == other.rows(place), place
    columns = ("source", "person_key", "customer_id")
    holders = [{r[:2]: r[2] for r in shop.rows("gold/identities", *columns, where=CURRENT)} for shop in (one, other)]
    same = {holders[0][person]: holders[1][person] for person in holders[0]}
    assert len(set(same.values())) == len(same)
    renamed = [(same[row[0]], *row[1:]) for row in one.rows("gold/recency")]
    assert sorted(renamed, key=str) == other.rows("gold/recency")
    one.close()
    other.close()


def test_a_skipped_day_has_the_members_of_its_own_run(lived):
    at = pc.field("entered_on") == date.fromisoformat(EARLIER)
    entered = lived.rows("gold/memberships_customer", "audience", "customer_id", where=at)
    members = rules.members_of_all(lived.context(LAST), Customer, [date.fromisoformat(EARLIER)]).where(
        f"as_of = date'{EARLIER}'"
    )
    # A lookalike is not expanded for a skipped day.
    ruled = {audience.name for audience in rules.about(lived.context(LAST).catalogue, Customer) if not audience.alike}
    assert entered
    assert (
        sorted((row["audience"], row["customer_id"]) for row in members.collect() if row["audience"] in ruled)
        == entered
    )


def test_a_day_that_was_run_by_hand_starts_no_dag(lived):
    database = sqlite3.connect(lived.home / "airflow" / "airflow.db")
    with contextlib.closing(database) as airflow:
        runs = airflow.execute("select count(*) from dag_run").fetchone()
        waiting = [
            airflow.execute(f"select count(*) from {t}").fetchone() for t in ("asset_dag_run_queue", "asset_event")
        ]
    assert (runs, waiting) == ((5,), [(0,), (0,)])


def lasting_files(home):
    """Files of a home without locks and staged files, which the next run removes."""
    return {p for p in home.rglob("*") if p.suffix != ".lock" and "_staging" not in p.parts}


@pytest.mark.long
def test_a_day_is_computed_ahead_of_time_only_on_a_copy(own):
    before = own.versions(), own.rows("gold/memberships_customer"), lasting_files(own.home)
    places = ("--conf", str(own.conf), "--home", str(own.home))
    refused = quanyu("run", "--day", "2052-02-03", *places)
    assert (refused.returncode, "has not ended in Asia/Shanghai" in refused.stderr) == (2, True), refused.stderr
    ran = command(own, "run", "--day", "2052-02-03", "--ahead")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "memberships" in ran.stdout and "export." not in ran.stdout and "nothing was sent" in ran.stdout
    assert (own.versions(), own.rows("gold/memberships_customer"), lasting_files(own.home)) == before
    sending = quanyu("job", "send", "--day", "2052-02-03", "--ahead", *places)
    assert (sending.returncode, "--ahead sends and exports nothing" in sending.stderr) == (2, True), sending.stderr


@pytest.mark.long
def test_a_home_at_a_future_day_fails_and_says_how_to_undo_it(own):
    own.context(LAST).store.unchanged_runs.save("identities", "", {"day": "2052-02-03"})
    ran = command(own, "run", "--day", LAST)
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert "stands at 2052-02-03" in ran.stdout and "quanyu back --day 2052-02-03" in ran.stdout, ran.stdout
    job = ("job", "identities", "--day", LAST)
    assert quanyu(*job, "--conf", str(own.conf), "--home", str(own.home)).returncode == 2
