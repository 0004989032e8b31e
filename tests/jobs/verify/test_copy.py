"""A day computed again on a copy of the home as it was before gives the same tables."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from shop import Retailer

from jobs.verify import commands
from jobs.verify.compare import compare
from jobs.verify.copy import FOLDER, copies, steps_of
from jobs.verify.days import run_copy
from jobs.verify.proof import prove
from quanyu.engine.session import Engine
from quanyu.errors import ConfigError
from quanyu.home.lock import home_lock
from quanyu.lake import Lake

pytestmark = pytest.mark.long

TILL = """
describes: Receipts, a file per day.
owner: retail
reads: {path: "till/{day}.csv", format: csv}
delivers: events
freshness: none
person: [{kind: phone, value: phone}]
fills:
  orders: {order_id: receipt, ordered_at: at, kind: "'purchase'", status: "'paid'", amount: amount, channel: "'store'"}
  people: {display_name: name}
"""
WEB = """
describes: Orders of the web, all days in one file.
owner: web
reads: {path: "web.csv", format: csv, day: "cast(at as date)"}
delivers: events
freshness: none
person: [{kind: email, value: mail}]
fills:
  orders: {order_id: number, ordered_at: at, kind: "'purchase'", status: "'paid'", amount: amount, channel: "'online'"}
"""
BUYERS = """
describes: Whoever bought.
owner: growth
goal: activate
who: value.orders_ever >= 1
purpose: messages
"""
DAYS = [date(2024, 7, day) for day in (1, 2, 3)]
PHONES = [f"1376543210{number}" for number in range(4)]


def till(*amounts: str) -> str:
    rows = (
        f"r{n}-{amount},2024-07-0{amount[0]} 10:00:00,{PHONES[n]},P{n},{amount}" for n, amount in enumerate(amounts)
    )
    return "\n".join(["receipt,at,phone,name,amount", *rows, ""])


def web(days: int) -> str:
    rows = (f"w{day},2024-07-0{day} 12:00:00,a{day % 2}@mail.example,{day}.50" for day in range(1, days + 1))
    return "\n".join(["number,at,mail,amount", *rows, ""])


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Three days were run; after the second, a file of the first was corrected. One feed has one file for all days."""
    retailer = Retailer(tmp_path_factory.mktemp("shop"))
    retailer.declare("sources/till.yml", TILL)
    retailer.declare("sources/web.yml", WEB)
    retailer.declare("audiences/buyers.yml", BUYERS)
    for number, day in enumerate(DAYS, 1):
        retailer.land(f"till/{day}.csv", till(*(f"{number}.{n}0" for n in range(number))))
        retailer.land("web.csv", web(4))
        if day == DAYS[-1]:
            retailer.land(f"till/{DAYS[0]}.csv", till("1.70", "1.90"))
        run(retailer, day)
    yield retailer
    retailer.close()


def run(retailer, day):
    context = retailer.context(str(day))
    retailer.run(str(day), *(step.name for step in steps_of(context)))


def lake_of(settings):
    return Lake(settings, Engine(settings))


@pytest.mark.parametrize(
    ("day", "orders", "words"),
    [
        (DAYS[0], 3, "the first day"),
        (DAYS[1], 6, "tables"),
        (DAYS[2], 10, "tables"),
    ],
)
def test_a_day_run_again_on_a_copy_ingests_the_same_files(shop, day, orders, words):
    context = shop.context(str(day))
    with copies(context, {"copy": "sail"}) as (homes, begins):
        assert words in begins
        assert all(result.status == "done" for result in run_copy(homes["copy"], day, lambda *_: None).results)
        copy = lake_of(homes["copy"])
        current = copy.rows("silver/orders", ["source", "order_id", "replaced_on"]).to_pylist()
        assert sum(row["replaced_on"] is None for row in current) == orders
        if day == DAYS[-1]:
            comparisons = compare(copy, lake_of(shop.settings), context.catalogue.tables)
            assert {one.place for one in comparisons} > {
                "bronze/till",
                "silver/orders",
                "gold/memberships_customer",
                "gold/value",
            }
            assert [one.differences for one in comparisons if one.differences] == []


def test_copies_are_removed_and_the_home_is_unchanged(shop):
    before, context = shop.versions(), shop.context(str(DAYS[-1]))
    with pytest.raises(ZeroDivisionError), copies(context, {"copy": "sail"}) as (homes, _):
        assert (homes["copy"].lake / "silver" / "people").is_dir()
        run_copy(homes["copy"], DAYS[-1], lambda engine, step: None)
        _ = 1 / 0
    assert not (shop.home / FOLDER).exists()
    assert shop.versions() == before


def test_a_home_is_locked_only_while_it_is_copied_and_a_failed_step_is_a_difference(shop):
    def watch(engine: str, step: str) -> None:
        with home_lock(shop.settings):
            steps.append(step)

    steps: list[str] = []
    proof = prove(shop.settings, DAYS[-1], ("sail", "sail"), 0, watch)
    assert proof.equal
    one, other = proof.runs
    stopped = replace(other, results=(replace(other.results[0], error="ContractError: no"), *other.results[1:]))
    assert not replace(proof, runs=(one, stopped)).equal
    assert len(steps) == 2 * len(steps_of(shop.context(str(DAYS[-1]))))
    assert not (shop.home / FOLDER).exists()


def call(shop: Retailer, *words: str) -> list[str]:
    """Run a verification as a command line."""
    line = [sys.executable, "-m", "quanyu.cli", "verify", *words]
    return [*line, "--engine", "sail", "--conf", str(shop.conf), "--home", str(shop.home)]


def test_a_day_that_was_not_run_is_an_error(shop):
    done = subprocess.run(call(shop, "--day", "2024-07-09"), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "2024-07-09 was not run in" in done.stderr
    assert "the last days run are: 2024-07-01, 2024-07-02, 2024-07-03" in done.stderr


def test_terminating_the_command_leaves_no_copy_behind(shop):
    with subprocess.Popen(call(shop, "--day", str(DAYS[-1])), stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not list(shop.home.glob(f"{FOLDER}/*/*/lake/_staging/*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.terminate()
        process.wait(120)
    assert process.returncode == 128 + signal.SIGTERM
    assert not (shop.home / FOLDER).exists()


def test_an_engine_that_cannot_run_here_is_an_error(shop, monkeypatch):
    with pytest.raises(ConfigError, match="unknown engine; did you mean 'spark'"):
        commands._engines(shop.settings, "sparc")
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(ConfigError, match="Apache Spark cannot run here: no java"):
        commands._engines(shop.settings, None)


def test_files_are_shared_and_logs_are_not(shop):
    with copies(shop.context(str(DAYS[-1])), {"copy": "sail"}) as (homes, _):
        copy = homes["copy"].lake / "silver" / "orders"
        home = shop.home / "lake" / "silver" / "orders"
        assert all(_same(file, home / file.relative_to(copy)) for file in copy.rglob("*.parquet"))
        logs = list((copy / "_delta_log").glob("*.json"))
        assert logs
        assert not any(_same(file, home / file.relative_to(copy)) for file in logs)


def test_tables_whose_old_files_were_removed_begin_empty(shop):
    for file in (shop.home / "lake" / "silver" / "orders").rglob("*.parquet"):
        file.unlink()
    with copies(shop.context(str(DAYS[-1])), {"copy": "sail"}) as (homes, words):
        assert words.startswith("from empty tables, with everything in landing up to 2024-07-03, since silver/")
        assert lake_of(homes["copy"]).places() == []


def _same(left: Path, right: Path) -> bool:
    return left.stat().st_ino == right.stat().st_ino
