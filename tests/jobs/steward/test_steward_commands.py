"""What stewards ask and decide: full names, differing values, today's state, pages of the work list, and the gate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from shop import ROOT, Retailer, template
from typer.testing import CliRunner

from jobs.steward import commands
from jobs.steward.directory import Directory
from jobs.steward.reviews import review_list
from jobs.unify.ids import publish
from quanyu import cli
from quanyu.errors import ConfigError, ContractError
from quanyu.lake.receipt import Receipt

FEED = """
describes: Members as {name} has them.
owner: e
reads: {{path: "{name}/{{day}}.csv", format: csv}}
delivers: changes
freshness: none
person:
  - {{kind: customer_no, value: number}}
  - {{kind: member, scope: brand, value: card}}
  - {{kind: phone, value: phone}}
fills:
  people: {{given_name: first, family_name: last, birthday_told: born, city: city}}
"""
HEAD = "number,card,phone,first,last,born,city,brand\n"
CRM = [
    "a1,M1,13765432101,小明,王,1990-01-02,上海,x",
    "a2,M2,,Ann,Lee,1985-07-08,杭州,x",
    "a3,M3,,伟,张,1988-05-06,北京,x",
]
WEB = ["b1,M1,,晓明,王,1990-01-02,苏州,x", "b3,,13765432103,芳,李,,南京,x"]


def declared(shop: Retailer) -> Retailer:
    """Declare both feeds, with the files of the first day."""
    for name in ("crm", "web"):
        shop.declare(f"sources/{name}.yml", FEED.format(name=name))
    land(shop, 1, crm=CRM, web=WEB)
    (shop.home / "person.key").write_text("a" * 64)
    return shop


def _first_day(folder: Path) -> None:
    shop = declared(Retailer(folder))
    run(shop, 1)
    shop.close()


@pytest.fixture
def new_shop(retailer: Retailer) -> Retailer:
    """A shop without any day."""
    return declared(retailer)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Retailer]:
    """A shop after its first day."""
    retailer = Retailer.at(template("steward", _first_day)).copy(tmp_path / "shop")
    yield retailer
    retailer.close()


def land(shop: Retailer, day: int, **rows: list[str]) -> None:
    for name, lines in rows.items():
        shop.land(f"{name}/2024-07-{day:02}.csv", HEAD + "".join(f"{line}\n" for line in lines))


def run(shop: Retailer, day: int) -> None:
    shop.run(f"2024-07-{day:02}", "ingest.crm", "ingest.web", "identities")


def ask(shop: Retailer, *words: str) -> str:
    """Call the product's command in this process."""
    for command in (commands.who, commands.why, commands.verdict):
        if command.__name__ not in [registered.callback.__name__ for registered in cli.app.registered_commands]:
            commands.add(cli.app)
    places = ["--conf", str(shop.conf), "--home", str(shop.home)]
    done = CliRunner().invoke(cli.app, [*words, *places], env={"COLUMNS": "240"})
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def customer(shop: Retailer, number: str) -> str:
    directory = Directory(shop.context("2024-07-01"))
    return str(directory.customer_of(directory.find(f"customer_no={number}")[0]))


def decide(shop: Retailer, decision: str, one: str, other: str) -> str:
    return ask(shop, "verdict", decision, f"customer_no={one}", f"customer_no={other}", "--why", "she told us")


def row_with(output: str, *words: str) -> str:
    """The first line of an output that contains all words."""
    return next(line for line in output.splitlines() if all(word in line for word in words))


def test_who_shows_full_names_and_marks_the_columns_that_differ(shop):
    output = ask(shop, "who", "customer_no=a1")
    assert "王小明" in output and "王晓明" in output
    assert "name ≠" in output and "city ≠" in output and "birthday ≠" not in output
    assert "Ann Lee" in ask(shop, "who", "customer_no=a2")


def test_why_shows_the_values_of_both_records(shop):
    output = ask(shop, "why", "customer_no=a1", "customer_no=a2")
    assert "王小明" in output and "Ann Lee" in output
    assert "≠" in row_with(output, "1990-01-02", "1985-07-08", "within ten years")
    assert "postcode" not in output and "national_id" not in output
    linked = ask(shop, "why", "customer_no=a1", "customer_no=b1")
    assert "name ≠" in linked and "王小明" in linked and "王晓明" in linked


@pytest.mark.parametrize("remembered", [0, 5000])
def test_who_finds_by_name(new_shop, monkeypatch, remembered):
    monkeypatch.setattr(publish, "REMEMBERED", remembered)
    run(new_shop, 1)
    for name in ("王小明", "Ann Lee", "lee ann", "ÁNN LEE"):
        assert customer(new_shop, "a1" if name == "王小明" else "a2") in ask(new_shop, "who", name), name


def test_a_name_that_nobody_has_is_not_repeated(shop):
    with pytest.raises(ConfigError, match="complete name") as caught:
        ask(shop, "who", "赵雷")
    assert "赵雷" not in str(caught.value)


def test_a_name_of_many_customers_lists_them(shop, monkeypatch):
    monkeypatch.setattr(commands, "MOST_CUSTOMERS", 0)
    output = ask(shop, "who", "Ann Lee")
    assert "1985-07-08" in row_with(output, customer(shop, "a2")) and "identifier" not in output


@pytest.mark.long
def test_a_verdict_changes_no_answer_before_it_is_applied(shop):
    both = ("customer_no=a2", "customer_no=a3")
    answer = decide(shop, "same", "a2", "a3")
    assert "are the same person; the next run applies it" in " ".join(answer.split())
    waiting = ask(shop, "why", *both)
    assert "apart: " in waiting and "the next run would join them" in waiting and "not yet applied" in waiting
    assert "not yet applied" in ask(shop, "who", both[0])
    run(shop, 2)
    assert "one customer, " in ask(shop, "why", *both) and "not yet applied" not in ask(shop, "why", *both)
    assert "she told us" in ask(shop, "who", both[0]) and "not yet applied" not in ask(shop, "who", both[0])
    decide(shop, "different", "a2", "a3")
    waiting = ask(shop, "why", *both)
    assert "one customer, " in waiting and "may separate them" in waiting and "not yet applied" in waiting
    decide(shop, "open", "a2", "a3")
    assert "one customer, " in ask(shop, "why", *both)
    run(shop, 3)
    assert "apart: " in ask(shop, "why", *both)


def test_merges_and_splits_are_told_on_both_sides(shop):
    first = {number: customer(shop, number) for number in ("a2", "a3")}
    decide(shop, "same", "a2", "a3")
    run(shop, 2)
    remaining = customer(shop, "a2")
    [ended] = {*first.values()} - {remaining}
    assert f"{ended} was merged into {remaining} on 2024-07-02" in ask(shop, "who", ended)
    assert f"{ended} merged into this customer" in ask(shop, "who", remaining)
    decide(shop, "open", "a2", "a3")
    run(shop, 3)
    assert f"split off to {ended}" in row_with(ask(shop, "who", remaining), "2024-07-03")
    assert f"split from {remaining}, to this customer" in row_with(ask(shop, "who", ended), "2024-07-03")


def listed(shop: Retailer, *pairs: tuple[str, str, float | None]) -> None:
    """Replace the work list of the last run."""
    context = shop.context("2024-07-01")
    directory = Directory(context)
    rows = []
    for one, other, probability in pairs:
        a, b = (directory.find(f"customer_no={number}")[0] for number in (one, other))
        rows.append({"a_source": a.source, "a_key": a.person_key, "b_source": b.source, "b_key": b.person_key,
                     "probability": probability, "reason": "in the band of review"})  # fmt: skip
    context.lake.prepare(context.catalogue.tables["identity_reviews"])
    receipt = Receipt("test", "2024-07-01", context.run_id, "")
    context.lake.replace_rows("gold/identity_reviews", pa.Table.from_pylist(rows), receipt, {"out": len(rows)})


PAIRS = [("a2", "a3", 0.7), ("a1", "a3", 0.6), ("b1", "a3", 0.55), ("a2", "b3", 0.9), ("a1", "b3", None)]


def test_the_work_list_is_by_pairs_of_customers_most_useful_first(new_shop):
    land(new_shop, 1, crm=[*CRM, "c3,M3,,伟,张,,北京,x"])
    run(new_shop, 1)
    listed(new_shop, *PAIRS)
    work = review_list(Directory(new_shop.context("2024-07-01")))
    # A decision on two customers of two records each brings two to their customer, though it is less likely.
    assert [(item.probability, item.sizes, item.pairs) for item in work.items] == [
        (0.6, (2, 2), 2), (0.9, (1, 1), 1), (0.7, (1, 2), 1), (None, (2, 1), 1),
    ]  # fmt: skip


def test_the_work_list_says_how_many_there_are_and_pages(shop):
    listed(shop, *PAIRS)
    first = ask(shop, "identity", "review", "--limit", "2")
    assert "4 pairs of customers to review (5 pairs of records)" in first and "page 1 of 2" in first
    assert "Ann Lee" in first and "李芳" in first and "1. 0.90" in first
    assert "3. " in ask(shop, "identity", "review", "--limit", "2", "--page", "2")
    with pytest.raises(ConfigError, match="there are 2 pages"):
        ask(shop, "identity", "review", "--limit", "2", "--page", "3")


def test_a_pair_with_a_verdict_is_no_longer_offered(shop):
    listed(shop, *PAIRS)
    decide(shop, "different", "a1", "a3")
    output = ask(shop, "identity", "review")
    assert "3 pairs of customers to review" in output and "1 further pair decided by a verdict already" in output


@pytest.mark.long
def test_an_accepted_difference_is_no_longer_offered(new_shop):
    rules = (ROOT / "conf" / "identity.yml").read_text(encoding="utf-8")
    new_shop.declare("identity.yml", rules.replace("merged: 3 %", "merged: 1 %").replace("free: 50", "free: 0"))
    run(new_shop, 1)
    land(new_shop, 2, web=["b2,M2,,Ann,Lee,,杭州,x", "b4,M3,,Ann,Lee,,,x", "b3,M3,13765432103,芳,李,,南京,x"])
    with pytest.raises(ContractError):
        run(new_shop, 2)
    mark = ask(new_shop, "identity", "diff").split("quanyu identity accept ")[1].split()[0]
    ask(new_shop, "identity", "accept", mark, "--why", "right")
    for words in (("diff",), ("accept", mark, "--why", "again")):
        with pytest.raises(ConfigError, match="accepted already"):
            ask(new_shop, "identity", *words)
    run(new_shop, 2)
    with pytest.raises(ConfigError, match="nothing was stopped"):
        ask(new_shop, "identity", "diff")
