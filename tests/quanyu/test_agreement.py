"""Lost tables: rebuilt by a step that can do so, or no step runs."""

import re
import shutil

import pytest
from shop import Retailer, template
from small_day import FIRST, MOMENTS, SECOND, lived

from quanyu.errors import KeeperError
from quanyu.home import doctor
from quanyu.run import integrity, preflight

AFTER = str(len(MOMENTS))


def _recorded(folder):
    shop = Retailer.at(template("small_day", lived) / AFTER).copy(folder)
    integrity.record_versions(shop.context(SECOND))
    shop.close()


@pytest.fixture
def shop(tmp_path):
    """The small retailer after its second day; all table versions are recorded."""
    copy = Retailer.at(template("recorded", _recorded)).copy(tmp_path)
    yield copy
    copy.close()


def log_of(shop, place):
    return shop.home / "lake" / place / "_delta_log"


def last_commit_gone(shop, place):
    sorted(log_of(shop, place).glob("*.json"))[-1].unlink()


def checkpoint_gone(shop, place):
    shop.context(SECOND).lake.delta(place).create_checkpoint()
    for file in log_of(shop, place).glob("*.checkpoint.parquet"):
        file.unlink()


def checkpoint_gone_with_what_it_stood_for(shop, place):
    checkpoint_gone(shop, place)
    sorted(log_of(shop, place).glob("*.json"))[0].unlink()


def last_commit_empty(shop, place):
    sorted(log_of(shop, place).glob("*.json"))[-1].write_text("")


def log_gone(shop, place):
    shutil.rmtree(log_of(shop, place))


def folder_gone(shop, place):
    shutil.rmtree(shop.home / "lake" / place)


def moved_away(shop, place):
    (shop.home / "lake" / place).rename(shop.home / "away")


def data_gone(shop, place):
    files = shop.context(SECOND).lake.delta(place).file_uris()
    (shop.home / "lake" / place / files[0].split(f"{place}/")[-1]).unlink()


def older_copy(shop, place):
    before = template("small_day", lived) / "0" / "home" / "lake" / place
    shutil.rmtree(shop.home / "lake" / place)
    shutil.copytree(before, shop.home / "lake" / place)


def another_table(shop, place):
    other = shop.home / "lake" / ("gold/customers" if place != "gold/customers" else "gold/recency")
    shutil.rmtree(shop.home / "lake" / place)
    shutil.copytree(other, shop.home / "lake" / place)


LOSSES = [last_commit_gone, checkpoint_gone_with_what_it_stood_for, last_commit_empty, log_gone,
          folder_gone, moved_away, data_gone, older_copy, another_table]  # fmt: skip


def run_again(shop):
    """Outcomes of a second run of the second day, after the preflight."""
    context = shop.context(SECOND)
    preflight.check(context)
    return shop.run(SECOND)


@pytest.mark.parametrize(
    "lose", [pytest.param(lose, marks=() if lose is folder_gone else pytest.mark.long) for lose in LOSSES],
    ids=lambda lose: lose.__name__,
)  # fmt: skip
def test_a_lost_silver_table_is_rebuilt_from_bronze(shop, lose):
    before = {place: shop.rows(place) for place in ("silver/orders", "gold/value", "gold/memberships_customer")}
    lose(shop, "silver/orders")
    outcomes = run_again(shop)
    assert "silver/orders was lost and is rebuilt" in outcomes["ingest.receipts"].notes
    assert {place: shop.rows(place) for place in before} == before
    assert integrity.losses(shop.context(SECOND)) == {}


@pytest.mark.parametrize(
    "place",
    ["silver/order_lines", "quarantine/receipts", "gold/customers",
     *(pytest.param(place, marks=pytest.mark.long) for place in (
         "silver/consents", "silver/people", "silver/products", "silver/identifiers", "gold/identities",
         "gold/activity", "gold/customer_attributes", "gold/value"))],
)  # fmt: skip
def test_lost_tables_that_steps_can_compute_are_rebuilt_with_the_same_rows(shop, place):
    before = shop.rows(place)
    folder_gone(shop, place)
    run_again(shop)
    assert shop.rows(place) == before
    assert integrity.losses(shop.context(SECOND)) == {}


def test_lost_bronze_is_rebuilt_from_landing(shop):
    before = {place: shop.rows(place) for place in ("bronze/receipts", "silver/orders", "quarantine/receipts")}
    folder_gone(shop, "bronze/receipts")
    run_again(shop)
    assert {place: shop.rows(place) for place in before} == before


def test_lost_bronze_without_its_landing_files_stops(shop):
    folder_gone(shop, "bronze/receipts")
    (shop.home / "landing" / "receipts" / f"{FIRST}.csv").unlink()
    preflight.check(shop.context(SECOND))
    with pytest.raises(KeeperError, match=rf"1 of the 2 files .* such as receipts/{FIRST}.csv"):
        shop.ingest("receipts", SECOND)
    with pytest.raises(KeeperError, match=r"restore"):
        shop.ingest("receipts", SECOND)


@pytest.mark.parametrize(
    "place",
    ["gold/identity_events", "gold/memberships_customer", "gold/export_members", "gold/deliveries", "gold/decisions",
     "gold/journey_instances"],
)  # fmt: skip
@pytest.mark.parametrize("lose", [last_commit_gone, folder_gone], ids=lambda lose: lose.__name__)
def test_a_lost_table_with_history_stops_every_step(shop, place, lose):
    versions = shop.versions()
    lose(shop, place)
    with pytest.raises(KeeperError, match=rf"{place}: .*\n.*quanyu restore"):
        run_again(shop)
    after = shop.versions()
    assert {p: v for p, v in after.items() if p != place} == {p: v for p, v in versions.items() if p != place}


def test_a_missing_checkpoint_is_no_loss(shop):
    before = shop.rows("gold/memberships_customer")
    checkpoint_gone(shop, "gold/memberships_customer")
    run_again(shop)
    assert shop.rows("gold/memberships_customer") == before


def test_a_reader_waits_until_the_lost_table_is_rebuilt(shop):
    folder_gone(shop, "silver/consents")
    preflight.check(shop.context(SECOND))
    shop.run(SECOND, "ingest.members")
    # The other feed of the table has not rebuilt its rows yet.
    with pytest.raises(KeeperError, match=r"customers reads silver/consents, which was lost .* by ingest.consents"):
        shop.run(SECOND, "customers")
    shop.run(SECOND, "ingest.consents")
    shop.run(SECOND, "customers")


def test_a_table_with_rows_of_a_feed_that_is_not_declared_any_more_stops(shop):
    (shop.conf / "sources" / "consents.yml").unlink()
    folder_gone(shop, "silver/consents")
    with pytest.raises(KeeperError, match="silver/consents: the table is missing"):
        run_again(shop)


@pytest.mark.long
def test_rows_of_a_late_file_keep_their_recorded_day_after_a_rebuild(shop):
    shop.land("receipts/2024-06-30.csv", "slip,card,phone,at,sku,paid\nlate,M1,,2024-06-30 10:00:00,A1,5.00\n")
    shop.ingest("receipts", SECOND)
    before = shop.rows("silver/orders")
    folder_gone(shop, "silver/orders")
    run_again(shop)
    assert shop.rows("silver/orders") == before


@pytest.mark.long
def test_a_store_of_last_week_finds_the_lake_ahead_and_changes_nothing(tmp_path):
    homes = template("small_day", lived)
    shop = Retailer.at(homes / AFTER).copy(tmp_path)
    shutil.copy(homes / "0" / "home" / "store.db", shop.home / "store.db")
    for side in ("store.db-wal", "store.db-shm"):
        (shop.home / side).unlink(missing_ok=True)
    before = {place: shop.steady(place) for place in shop.versions() if not place.startswith("gold/identity_days")}
    outbox = sorted((shop.home / "outbox").rglob("*.eml"))
    run_again(shop)
    assert {place: shop.steady(place) for place in before} == before
    assert sorted((shop.home / "outbox").rglob("*.eml")) == outbox
    shop.close()


def test_with_an_old_store_an_earlier_day_does_not_run_forward_steps(tmp_path):
    homes = template("small_day", lived)
    shop = Retailer.at(homes / AFTER).copy(tmp_path)
    shutil.copy(homes / "0" / "home" / "store.db", shop.home / "store.db")
    before = shop.rows("gold/identity_events"), shop.rows("gold/memberships_customer")
    outcomes = shop.run(FIRST, "identities", "customers", "memberships.customer", "journeys")
    assert {outcome.notes for outcome in outcomes.values()} == {(f"only goes forward: it stands at {SECOND}",)}
    assert (shop.rows("gold/identity_events"), shop.rows("gold/memberships_customer")) == before
    shop.close()


def test_a_lake_of_last_week_stops_before_anything_is_sent_again(shop):
    shutil.rmtree(shop.home / "lake")
    shutil.copytree(template("small_day", lived) / "0" / "home" / "lake", shop.home / "lake")
    with pytest.raises(KeeperError, match="gold/deliveries: the table is at version"):
        run_again(shop)


def test_the_doctor_reports_losses_and_changes_nothing(shop):
    preflight.check(shop.context(SECOND))
    whole = next(finding for finding in doctor.check(shop.settings) if finding.name == "lake, store and key")
    assert (whole.ok, whole.observed) == (True, "they agree")
    folder_gone(shop, "silver/orders")
    lost = next(finding for finding in doctor.check(shop.settings) if finding.name == "lake, store and key")
    assert (lost.ok, lost.observed) == (False, "silver/orders: the table is missing")
    assert integrity.losses(shop.context(SECOND)) == {"silver/orders": "the table is missing"}


def test_accept_takes_the_lake_as_it_is(shop):
    folder_gone(shop, "gold/export_members")
    integrity.accept_current_state(shop.context(SECOND))
    run_again(shop)


def test_the_message_names_each_lost_table_and_no_row(shop):
    folder_gone(shop, "gold/memberships_customer")
    log_gone(shop, "gold/decisions")
    with pytest.raises(KeeperError) as stopped:
        preflight.check(shop.context(SECOND))
    lines = str(stopped.value).splitlines()
    assert lines[0] == "gold/decisions: the log of the table is missing"
    assert lines[1] == "gold/memberships_customer: the table is missing"
    assert re.search(r"quanyu restore.*quanyu home accept", lines[2])
