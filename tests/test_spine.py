"""The loop as a whole, on a small sample: through every step, repeated, changed, out of order and as a command."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow.compute as pc

LAST, EARLIER, MIDDLE = "2024-04-09", "2024-02-20", "2024-03-15"
# Not in a step of its own for the wanted day: models want more history than a small sample has.
SPINE = ("ingest.catalogue", "ingest.crm", "ingest.pos", "ingest.shop", "identities", "customers", "activity",
         "features.engagement", "features.preference", "features.recency", "features.value", "scores",
         "memberships", "export.loyal_seed.drop", "journeys", "send")  # fmt: skip


def test_landed_feeds_become_customers_tags_audiences_exports_and_journeys(sample_shop):
    told = sample_shop.run(LAST, *SPINE)
    truth = list(csv.DictReader((sample_shop.home / "truth" / "people.csv").open(encoding="utf-8")))
    known = {row["person"] for row in csv.DictReader((sample_shop.home / "truth" / "records.csv").open(encoding="utf-8"))}
    people = len([row for row in truth if row["person"] in known])
    customers = told["identities"].facts["customers"]
    assert 0.8 * people <= customers <= 1.6 * people, (customers, people)
    for source in ("crm", "pos", "shop", "catalogue"):
        outcome = told[f"ingest.{source}"]
        dropped = sum(outcome.facts["dropped"].values())
        assert outcome.rows_in == outcome.facts["accepted"] + outcome.quarantined + dropped
    folder = sample_shop.home / "exports" / "loyal_seed" / LAST
    manifest = json.loads((folder / "_MANIFEST.json").read_text())
    assert (folder / "_SUCCESS").exists()
    exported = sum(len(gzip.open(part).read().splitlines()) - 1 for part in folder.glob("part-*.csv.gz"))
    assert exported == manifest["counts"]["rows"]
    assert manifest["counts"]["without_consent"] >= 0
    clear = b"@"
    assert all(clear not in gzip.open(part).read() for part in folder.glob("part-*.csv.gz"))


def test_a_day_again_writes_nothing_and_one_changed_row_only_what_depends_on_it(sample_shop):
    sample_shop.run(LAST, *SPINE)
    before = sample_shop.versions()
    sample_shop.run(LAST, *SPINE)
    assert sample_shop.versions() == before
    file = max((sample_shop.home / "landing" / "shop").glob("*/orders.jsonl"))
    rows = file.read_text(encoding="utf-8").splitlines()
    first = json.loads(rows[0])
    rows[0] = json.dumps({**first, "amount": first["amount"] + 1}, ensure_ascii=False)
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    sample_shop.run(LAST, *SPINE)
    changed = {place for place, version in sample_shop.versions().items() if version != before.get(place)}
    must = {"bronze/shop", "silver/order_lines", "silver/orders", "gold/activity", "gold/value", "gold/preference"}
    may = {"gold/memberships", "gold/journey_instances", "gold/decisions"}
    assert must <= changed | {"gold/preference"}
    assert changed <= must | may, changed


def test_days_out_of_order_give_the_same_tables(sample_shop, tmp_path, server):
    other = type(sample_shop)(tmp_path / "other", server)
    other.conf = sample_shop.conf
    os.symlink(sample_shop.home / "landing", other.home / "landing")
    key = sample_shop.home / "person.key"
    key.write_text("a" * 64)
    (other.home / "person.key").write_text("a" * 64)
    as_of = ("ingest.catalogue", "ingest.crm", "ingest.pos", "ingest.shop", "identities", "features.recency", "features.value")
    for day in (EARLIER, MIDDLE, LAST, EARLIER, MIDDLE):
        sample_shop.run(day, *as_of)
    for day in (LAST, EARLIER, MIDDLE):
        other.run(day, *as_of)
    try:
        for place in ("bronze/pos", "silver/orders", "silver/products", "silver/people", "silver/identifiers"):
            assert sample_shop.rows(place) == other.rows(place), place
        ids = [dict(((s, p), c) for s, p, c in shop.rows("gold/identities", "source", "person_key", "customer_id",
                    where=pc.field("valid_to").is_null())) for shop in (sample_shop, other)]  # fmt: skip
        same = {ids[0][person]: ids[1][person] for person in ids[0]}
        assert len(set(same.values())) == len(same)
        for day in (EARLIER, MIDDLE, LAST):
            at = pc.field("as_of") == date.fromisoformat(day)
            one = [(same[row[0]], *row[1:]) for row in sample_shop.rows("gold/recency", where=at)]
            assert sorted(one, key=str) == other.rows("gold/recency", where=at), day
    finally:
        other.close()


def test_nothing_of_a_day_is_from_after_it(sample_shop):
    sample_shop.run(EARLIER, *SPINE[:11])
    sample_shop.run(LAST, *SPINE[:11])
    late = sample_shop.rows("gold/recency", "days_since_order", where=pc.field("as_of") == date.fromisoformat(EARLIER))
    assert all(days is None or days >= 0 for (days,) in late)
    early = [row[0].date() for row in sample_shop.rows("silver/orders", "ordered_at", where=pc.field("recorded_on") <= date.fromisoformat(EARLIER))]
    assert max(early) <= date.fromisoformat(EARLIER)


def test_ids_stay_on_a_full_rebuild(sample_shop):
    sample_shop.run(EARLIER, *SPINE[:5])
    sample_shop.run(LAST, *SPINE[:5])
    state = [row for row in sample_shop.rows("gold/identities", "source", "person_key", "customer_id")]
    import shutil

    shutil.rmtree(sample_shop.home / "lake" / "gold" / "identities")
    sample_shop.run(LAST, "identities", force=True)
    assert [row for row in sample_shop.rows("gold/identities", "source", "person_key", "customer_id")] == state


def _quanyu(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quanyu.cli", *words]
    return subprocess.run(command, env={**os.environ, "QUANYU_HOME": str(home)}, capture_output=True, text=True, timeout=420)


def test_the_command_runs_the_day_through_the_dags_and_says_what_came_of_it(sample_shop):
    conf = ("--conf", str(sample_shop.conf))
    first = _quanyu(sample_shop.home, "run", "--day", LAST, *conf)
    assert first.returncode == 0, first.stdout + first.stderr
    for words in ("ingest.pos", "customers out of", "Audiences", "loyal_seed", "Messages:", "Next:"):
        assert words in first.stdout
    before = sample_shop.versions()
    again = _quanyu(sample_shop.home, "run", "--day", LAST, *conf)
    assert again.returncode == 0
    assert sample_shop.versions() == before
    shown = _quanyu(sample_shop.home, "table", "customers", "--limit", "3", *conf)
    assert "gold/customers, 3 of" in shown.stdout
    wrong = _quanyu(sample_shop.home, "table", "custmers", *conf)
    assert wrong.returncode == 2
    assert "did you mean 'gold/customers'" in wrong.stderr
