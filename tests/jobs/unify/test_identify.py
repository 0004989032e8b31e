"""Identity resolution on a real lake: consecutive days, verdicts, the gate, rebuilds, and a kill at every write."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from shop import BASE, ROOT, Retailer
from spark_server import ON_SPARK
from typer.testing import CliRunner

from jobs.steward import commands
from jobs.unify.ids import publish
from quanyu import cli
from quanyu.errors import ContractError
from quanyu.lake import Lake

FEED = """
describes: Persons as {name} has them.
owner: e
reads: {{path: "{name}/{{day}}.csv", format: csv}}
delivers: changes
freshness: none
person:
  - {{kind: customer_no, value: number}}
  - {{kind: member, scope: brand, value: card}}
  - {{kind: phone, value: phone}}
  - {{kind: email, value: email}}
  - {{kind: phone_sha256, value: hashed}}
fills:
  people: {{display_name: "name", birthday_told: "born", city: "city", address: "street"}}
"""
STORES = """
describes: Stores.
owner: e
reads: {path: "stores/{day}.csv", format: csv}
delivers: snapshot
freshness: none
fills:
  stores: {store: "number", store_name: "number", phone: "phone"}
"""
HEAD = "number,card,phone,email,hashed,name,born,city,brand,street\n"
HASHED = hashlib.sha256(b"+8613765432101").hexdigest()
CRM = [
    "a1,M71,13765432101,,,王小明,1990-01-02,上海,x",
    "a2,M72,13765432102,,,李芳,1991-03-04,北京,x",
    "a3,M73,13765432103,,,张伟,1988-05-06,杭州,x",
    "a4,,057188776655,,,陈静,,宁波,x",
    "a5,,,smith.john@mail.example,,John Smith,1979-11-30,上海,x",
    "a6,M76,13765432106,,,赵雷,1985-07-08,成都,x",
]
WEB = [
    "b1,,13765432101,,,王小明,,上海,x",
    "b2,,13765432102,,,李小雨,2015-06-01,北京,x",
    f"b3,,,,{HASHED},,,,x",
    "b4,,057188776655,,,周涛,,宁波,x",
    "b5,,,john.smith@mail.example,,John Smith,1979-11-30,上海,x",
    "b6,M76,,,,,,,x",
]


def feed_of(*rows: str) -> str:
    return HEAD + "".join(f"{row},{'12 Harbour Road' if 'John' in row else ''}\n" for row in rows)


@pytest.fixture
def shop(retailer: Retailer) -> Retailer:
    for name in ("crm", "web"):
        retailer.declare(f"sources/{name}.yml", FEED.format(name=name))
    retailer.land("crm/2024-07-01.csv", feed_of(*CRM))
    retailer.land("web/2024-07-01.csv", feed_of(*WEB))
    (retailer.home / "person.key").write_text("a" * 64)
    return retailer


def day(shop: Retailer, number: int) -> dict[str, str]:
    on = f"2024-07-{number:02}"
    shop.run(on, "ingest.crm", "ingest.web", "identities")
    return ids(shop)


def ids(shop: Retailer) -> dict[str, str]:
    """Customer id by the record's number in the feed."""
    identities = shop.rows("gold/identities", "source", "person_key", "customer_id", "valid_to")
    customers = {row[:2]: row[2] for row in identities if row[3] is None}
    numbers = shop.rows("silver/identifiers", "source", "person_key", "value", "kind", "replaced_on")
    return {
        row[2]: customers[row[:2]]
        for row in numbers
        if row[3] == "customer_no" and row[4] is None and row[:2] in customers
    }


def ask(shop: Retailer, *words: str) -> str:
    """Call the product's command in this process."""
    for command in (commands.who, commands.why, commands.verdict):
        if command.__name__ not in [registered.callback.__name__ for registered in cli.app.registered_commands]:
            commands.add(cli.app)
    places = ["--conf", str(shop.conf), "--home", str(shop.home)]
    done = CliRunner().invoke(cli.app, [*words, *places], env={"COLUMNS": "200"})
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def parts(customers: dict[str, str]) -> set[frozenset[str]]:
    by: dict[str, set[str]] = {}
    for number, customer in customers.items():
        by.setdefault(customer, set()).add(number)
    return set(map(frozenset, by.values()))


def sets(text: str) -> set[frozenset[str]]:
    return {frozenset(group.split("+")) for group in text.split()}


def test_verdicts_explanations_and_restored_ids(shop):
    first = day(shop, 1)
    # Same phone and name; a daughter on her mother's phone; a hash; two of a household's landline; names by likeness.
    assert parts(first) == sets("a1+b1+b3 a2 b2 a3 a4 b4 a5+b5 a6+b6")
    output = ask(shop, "why", "crm/" + key(shop, "a1"), "web/" + key(shop, "b3"))
    assert "one customer" in output and "phone" in output and "2024-07-01" in output
    output = ask(shop, "why", "customer_no=a2", "customer_no=b2")
    assert "apart" in output and "not enough: the rules ask for" in output and "birthday" in output
    output = ask(shop, "why", "customer_no=a5", "customer_no=b5")
    assert "likeness" in output and "probability" in output and "email" in output
    output = ask(shop, "who", "13765432101")
    assert all(word in output for word in (first["a1"], "王小明", "M71", "3 records", "mint"))
    # A steward separates two records, revokes that, and joins two others.
    output = ask(shop, "verdict", "different", "customer_no=a6", "customer_no=b6", "--why", "father and son")
    assert "the next run applies it" in output
    parted = day(shop, 2)
    assert parts(parted) == sets("a1+b1+b3 a2 b2 a3 a4 b4 a5+b5 a6 b6")
    assert parted["a6"] == first["a6"]
    assert "father and son" in ask(shop, "why", "customer_no=a6", "customer_no=b6")
    ask(shop, "verdict", "open", "customer_no=a6", "customer_no=b6", "--why", "one man after all")
    ask(shop, "verdict", "same", "customer_no=a3", "customer_no=a4", "--why", "she told us")
    joined = day(shop, 3)
    assert parts(joined) == sets("a1+b1+b3 a2 b2 a3+a4 b4 a5+b5 a6+b6")
    assert joined["a6"] == first["a6"]
    # The ended id redirects to the current one; after another split, both have their former ids.
    assert joined["a3"] in ask(shop, "who", first["a4"]) and first["a4"] in ask(shop, "who", joined["a3"])
    assert "she told us" in ask(shop, "why", "customer_no=a3", "customer_no=a4")
    ask(shop, "verdict", "open", "customer_no=a3", "customer_no=a4", "--why", "a slip")
    assert day(shop, 4) == {**first}
    assert parted["b6"] in {row[0] for row in shop.rows("gold/identity_events", "customer_id")}
    before = shop.rows("gold/identities")
    # Everything that can be computed is deleted, and computed again from silver, the log and the verdicts.
    for name in ("identities", "identity_aside"):
        shutil.rmtree(shop.home / "lake" / "gold" / name, ignore_errors=True)
    shop.run("2024-07-04", "identities", force=True)
    assert shop.rows("gold/identities") == before


def key(shop: Retailer, number: str) -> str:
    rows = shop.rows("silver/identifiers", "value", "person_key")
    return next(row[1] for row in rows if row[0] == number)


def test_the_gate_blocks_a_new_state_until_a_person_accepts(shop):
    rules = (ROOT / "conf" / "identity.yml").read_text(encoding="utf-8")
    shop.declare("identity.yml", rules.replace("merged: 3 %", "merged: 1 %").replace("free: 50", "free: 0"))
    first = day(shop, 1)
    shop.land("crm/2024-07-02.csv", feed_of("a2,M72,13765432102,,,李小雨,2015-06-01,北京,x"))
    with pytest.raises(ContractError, match=r"customers merged: 1 of 8 .*`quanyu identity diff`"):
        day(shop, 2)
    assert ids(shop) == first
    output = ask(shop, "identity", "diff")
    assert "customers merged: 1 of 8" in output and "largest merges" in output
    mark = output.split("quanyu identity accept ")[1].split()[0]
    assert "no difference" in str(wrong(shop, "identity", "accept", "ffff", "--why", "x"))
    ask(shop, "identity", "accept", mark, "--why", "a daughter who signed for her mother")
    assert parts(day(shop, 2)) == sets("a1+b1+b3 a2+b2 a3 a4 b4 a5+b5 a6+b6")


def wrong(shop: Retailer, *words: str) -> Exception:
    with pytest.raises(Exception) as caught:
        ask(shop, *words)
    return caught.value


@pytest.mark.long
def test_incremental_days_equal_a_full_run(shop, tmp_path, monkeypatch):
    new = "a7,,13765432107,,,孙悦,1993-02-01,上海,x"
    shop.land("crm/2024-07-02.csv", feed_of(new, "a3,M73,13765432106,,,张伟,1988-05-06,杭州,x"))
    shop.land(
        "web/2024-07-02.csv", feed_of("b7,,13765432107,,,孙悦,,上海,x", "b5,,,other@mail.example,,Joan Miller,,,x")
    )
    like = "b8,,,smith.john@mail.example,,J. Smith,1979-11-30,,x"
    shop.land("web/2024-07-03.csv", feed_of("b7,,13765432108,,,钱多,,苏州,x", like))
    monkeypatch.setattr(publish, "REMEMBERED", 0)
    for number in (1, 2, 3):
        incremental = day(shop, number)
    assert {"gold/identity_records", "gold/identity_pairs"} <= set(shop.versions())
    monkeypatch.setattr(publish, "REMEMBERED", 10**9)
    other = twin(shop, tmp_path)
    try:
        for number in (1, 2):
            other.run(f"2024-07-{number:02}", "ingest.crm", "ingest.web")
        assert parts(day(other, 3)) == parts(incremental)
    finally:
        other.close()


class KilledError(Exception):
    """Simulates the end of the process right after a commit."""


@pytest.mark.long
def test_a_kill_at_every_write_and_a_rerun_leave_the_same_state(shop, tmp_path, monkeypatch):
    monkeypatch.setattr(publish, "REMEMBERED", 0)
    undisturbed = twin(shop, tmp_path)
    try:
        day(undisturbed, 1)
        shop.run("2024-07-01", "ingest.crm", "ingest.web")
        killed = _killed_until_done(shop, monkeypatch)
        assert killed >= 6
        assert tables(shop) == tables(undisturbed)
    finally:
        undisturbed.close()


@pytest.mark.spark
def test_both_engines_give_the_same_ids_pairs_and_causes(shop, tmp_path, monkeypatch):
    monkeypatch.setattr(publish, "REMEMBERED", 0)
    shop.land("crm/2024-07-02.csv", feed_of("a2,M72,13765432102,,,李小雨,2015-06-01,北京,x", "a3,M79,,,,张伟,,杭州,x"))
    on_spark = twin(shop, tmp_path)
    on_spark.declare("base.yml", BASE + ON_SPARK)
    try:
        for number in (1, 2):
            assert day(on_spark, number) == day(shop, number)
        assert tables(on_spark) == tables(shop)
    finally:
        on_spark.close()


def twin(shop: Retailer, folder: Path) -> Retailer:
    """A second retailer with the same declarations, files and key, without any run."""
    copy = Retailer(folder / "twin")
    shutil.copytree(shop.conf, copy.conf, dirs_exist_ok=True)
    shutil.copytree(shop.home / "landing", copy.home / "landing")
    (copy.home / "person.key").write_text("a" * 64)
    return copy


def tables(shop: Retailer) -> dict[str, list[tuple[object, ...]]]:
    """All tables that the step writes."""
    return {place: shop.rows(place) for place in shop.versions() if place.startswith("gold/identit")}


def _killed_until_done(shop: Retailer, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the step and end it after its first commit, until nothing is left to commit. Returns the number of kills."""
    commit = Lake._commit

    def kill(*args: object, **more: object) -> None:
        commit(*args, **more)
        raise KilledError

    monkeypatch.setattr(Lake, "_commit", kill)
    killed = 0
    for _ in range(20):
        try:
            shop.run("2024-07-01", "identities")
            break
        except Exception as error:
            assert "KilledError" in str(error)
            killed += 1
    monkeypatch.setattr(Lake, "_commit", commit)
    shop.run("2024-07-01", "identities", force=True)
    return killed


def test_the_phones_of_stores_and_staff_join_nobody(shop):
    same = [row.replace("周涛", "陈静") for row in WEB]
    shop.land("web/2024-07-01.csv", feed_of(*same))
    assert frozenset({"a4", "b4"}) in parts(day(shop, 1))
    shop.declare("sources/stores.yml", STORES)
    shop.land("stores/2024-07-02.csv", "number,phone\nS1,0571-88776655\n")
    shop.run("2024-07-02", "ingest.stores")
    assert {frozenset({"a4"}), frozenset({"b4"})} <= parts(day(shop, 2))
    reasons = {row[0] for row in shop.rows("gold/identity_aside", "reason")}
    assert reasons == {"a number of the house"}
