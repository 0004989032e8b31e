"""Extracts from a real PostgreSQL: what a day takes, what it absorbs, and what goes wrong, in words without secrets."""

from __future__ import annotations

from datetime import date

import pyarrow.parquet as pq
import pytest
from postgres import ADMIN, PASSWORD, Postgres, UnavailableError
from shop import BASE, Retailer, leave, server_folder

from jobs.ingest import extract
from quanyu import engine
from quanyu.engine.server import free_port
from quanyu.errors import ConfigError, RetryableError

WITH_DRIVER = BASE.replace("spark:\n", "spark:\n  memory: 1g\n  packages: ['org.postgresql:postgresql:42.7.8']\n")
MEMBERS = """
describes: Members of the loyalty programme.
owner: crm
reads: {path: "loyalty/{day}/*.parquet", format: parquet}
extracts:
  url: env:LOYALTY_DB_URL
  user: env:LOYALTY_DB_USER
  password: env:LOYALTY_DB_PASSWORD
  table: public.members
  watermark: updated_at
  overlap: 2 days
delivers: changes
person: [{kind: member, scope: brand, value: card}]
fills:
  people: {display_name: name, city: city}
"""
ONE, TWO, THREE = (f"2024-01-0{n}" for n in (1, 2, 3))


@pytest.fixture(scope="module")
def postgres():
    try:
        made = Postgres()
    except UnavailableError as error:
        pytest.skip(str(error))
    made.run("create role nobody_here login password 'x'")
    yield made
    made.close()


@pytest.fixture(scope="module")
def with_driver(postgres, tmp_path_factory):
    """Folder of a Spark server that has the database's driver."""
    folder = server_folder(tmp_path_factory.mktemp("driver"))
    let_go_of_sessions()
    yield folder
    leave(folder)
    let_go_of_sessions()


def let_go_of_sessions():
    """Close this process's sessions, to be opened anew: of sessions to two servers, Spark takes one for all."""
    for key in list(engine._sessions):
        engine._close(key)


@pytest.fixture
def logins(postgres, monkeypatch):
    monkeypatch.setenv("LOYALTY_DB_URL", postgres.url)
    monkeypatch.setenv("LOYALTY_DB_USER", ADMIN)
    monkeypatch.setenv("LOYALTY_DB_PASSWORD", PASSWORD)


@pytest.fixture
def shop(tmp_path, with_driver, logins, postgres):
    made = Retailer(tmp_path, with_driver)
    (made.conf / "base.yml").write_text(WITH_DRIVER)
    made.declare("sources/loyalty.yml", MEMBERS)
    postgres.run("drop table if exists members cascade")
    postgres.run("create table members (card text primary key, name text, city text, updated_at timestamptz)")
    yield made
    made.close()


def put(postgres, card, city, at):
    city, at = city.replace("'", "''"), f"'{at}'" if at else "null"
    values = f"'{card}', 'Name of {card}', '{city}', {at}"
    change = "on conflict (card) do update set city = excluded.city, updated_at = excluded.updated_at"
    postgres.run(f"insert into members values ({values}) {change}")


def landed(retailer, day):
    """Rows of the extract of a day, as they lie in the landing."""
    files = sorted((retailer.home / "landing" / "loyalty" / day).glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def cards(retailer, day):
    return sorted(row["card"] for row in landed(retailer, day))


def take(retailer, day):
    """Take the extract of a day, without reading it."""
    context = retailer.context(day)
    return extract.extract(context, context.catalogue.sources["loyalty"])


def people(retailer):
    return sorted(
        (name.removeprefix("Name of "), city, str(since), until and str(until))
        for name, city, since, until in retailer.rows(
            "silver/people", "display_name", "city", "recorded_on", "replaced_on"
        )
    )


def test_each_day_takes_what_has_changed_and_absorbs_what_it_saw(shop, postgres):
    assert shop.ingest("loyalty", "2023-12-31").notes[0] == "0 rows were taken from public.members"
    put(postgres, "ann", "Wuhan", "2024-01-01 10:00+08")
    put(postgres, "bob", "Xi'an", "2024-01-01 23:59:59.999999+08")
    put(postgres, "cat", "Wuhan", "2024-01-02 00:00+08")
    put(postgres, "odd", "Wuhan", None)
    shop.ingest("loyalty", ONE)
    assert cards(shop, ONE) == ["ann", "bob", "odd"]

    put(postgres, "bob", "Beijing", "2024-01-02 12:00+08")
    put(postgres, "dan", "Wuhan", "2024-01-01 09:00+08")  # committed after the extract of its day
    told = shop.ingest("loyalty", TWO)
    assert cards(shop, TWO) == ["ann", "bob", "cat", "dan", "odd"]
    assert (told.rows_in, told.quarantined) == (5, 0)
    held = [
        ("ann", "Wuhan", ONE, None), ("bob", "Beijing", TWO, None), ("bob", "Xi'an", ONE, TWO),
        ("cat", "Wuhan", TWO, None), ("dan", "Wuhan", TWO, None), ("odd", "Wuhan", ONE, None),
    ]  # fmt: skip
    assert people(shop) == held

    put(postgres, "eve", "Wuhan", "2024-01-02 13:00+08")
    before = shop.versions()
    for day in (TWO, ONE, "2023-12-30"):
        shop.run(day, "ingest.loyalty")
        shop.run(day, "ingest.loyalty", force=True)
    assert shop.versions() == before
    assert cards(shop, TWO) == ["ann", "bob", "cat", "dan", "odd"]
    assert not (shop.home / "landing" / "loyalty" / "2023-12-30").exists()

    postgres.run("delete from members where card = 'eve'")
    told = shop.ingest("loyalty", THREE)
    assert cards(shop, THREE) == ["ann", "bob", "cat", "dan", "odd"]
    assert (told.rows_in, told.rows_out) == (5, 0)
    after = shop.versions()
    assert {place for place in before if after[place] != before[place]} == {"bronze/loyalty"}
    assert people(shop) == held


def test_a_lost_store_or_a_lost_landing_costs_rows_and_loses_none(shop, postgres):
    put(postgres, "ann", "Wuhan", "2024-01-01 10:00+08")
    assert take(shop, ONE)
    assert not take(shop, ONE)
    (shop.home / "store.db").unlink(missing_ok=True)
    put(postgres, "bob", "Wuhan", "2024-01-09 10:00+08")
    assert take(shop, "2024-01-09")
    assert not take(shop, "2024-01-05")
    put(postgres, "dan", "Wuhan", "2024-01-07 10:00:00.000001+08")
    assert take(shop, "2024-01-10")
    assert cards(shop, "2024-01-10") == ["bob", "dan"]
    for folder in (shop.home / "landing" / "loyalty").iterdir():
        folder.rename(shop.home / folder.name)
    assert take(shop, "2024-01-10")
    assert cards(shop, "2024-01-10") == ["ann", "bob", "dan"]


def test_an_extract_that_was_killed_is_taken_again_whole(shop, postgres, monkeypatch):
    put(postgres, "ann", "Wuhan", "2024-01-01 10:00+08")
    write = extract._written

    def killed(taking, folder):
        write(taking, folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(extract, "_written", killed)
    with pytest.raises(KeyboardInterrupt):
        take(shop, ONE)
    below = shop.home / "landing" / "loyalty"
    assert [path.name[:20] for path in below.iterdir()] == [".loyalty.extracting-"]
    monkeypatch.setattr(extract, "_written", write)
    put(postgres, "bob", "Wuhan", "2024-01-01 11:00+08")
    assert take(shop, ONE) == ("2 rows were taken from public.members",)
    assert [path.name for path in below.iterdir()] == [ONE]


@pytest.mark.parametrize(
    ("kind", "on_day_one", "kept", "changed"),
    [
        ("timestamp", "2024-01-01 23:59:59", "2024-01-02 00:00", "timestamp[us]"),
        ("date", "2024-01-01", "2024-01-02", "date32[day]"),
    ],
)
def test_naive_times_and_days_are_those_of_the_sources_zone(shop, postgres, kind, on_day_one, kept, changed):
    columns = f'card text, name text, city text, "Updated" {kind}, paid numeric(9, 2), ok bool'
    postgres.run(f"drop table members; create table members ({columns})")
    naive = MEMBERS.replace("updated_at", "Updated").replace("changes", "changes\nzone: America/New_York")
    shop.declare("sources/loyalty.yml", naive)
    postgres.run(
        f"insert into members values ('ann', '', '', '{on_day_one}', 1.50, true), ('bob', '', '', '{kept}', 2, false)"
    )
    take(shop, ONE)
    assert cards(shop, ONE) == ["ann"]
    file = next((shop.home / "landing" / "loyalty" / ONE).glob("*.parquet"))
    types = {field.name: str(field.type) for field in pq.read_schema(file)}
    assert (types["Updated"], types["paid"], types["ok"]) == (changed, "decimal128(9, 2)", "bool")
    take(shop, TWO)
    assert cards(shop, TWO) == ["ann", "bob"]


SNAPSHOT = """
describes: The catalogue.
owner: merchandise
reads: {path: "loyalty/{day}/*.parquet", format: parquet, columns: [sku, title, since]}
extracts:
  {url: env:LOYALTY_DB_URL, user: env:LOYALTY_DB_USER, password: env:LOYALTY_DB_PASSWORD, table: public.members}
delivers: snapshot
deleted_when: absent
volume: {at_least: 0.3}
fills:
  products: {sku: sku, product: "concat(title, ' ', date_format(cast(since as timestamp), 'yyyy-MM-dd HH'))"}
"""


def test_without_a_watermark_each_day_is_the_whole_table(shop, postgres):
    shop.declare("sources/loyalty.yml", SNAPSHOT)
    postgres.run(
        "drop table members; create table members (sku text, title text, since timestamptz, secret_cost money)"
    )
    postgres.run("insert into members values ('a', 'A', '2024-01-01 01:00Z', 5), ('b', 'B', '2024-01-01 20:00Z', 5)")
    shop.ingest("loyalty", ONE)
    assert {tuple(row) for row in landed(shop, ONE)} == {("sku", "title", "since")}
    postgres.run("delete from members where sku = 'b'")
    shop.ingest("loyalty", TWO)
    one, two = date(2024, 1, 1), date(2024, 1, 2)
    assert shop.rows("silver/products", "sku", "product", "recorded_on", "replaced_on") == [
        ("a", "A 2024-01-01 09", one, None),
        ("b", "B 2024-01-02 04", one, two),
    ]


@pytest.mark.parametrize(
    ("variable", "value", "error", "words"),
    [
        ("PASSWORD", "wrong-Secret1", ConfigError, "the database refuses the login that env:LOYALTY_DB_USER and env:"),
        ("USER", "strange-Secret1", ConfigError, "extracts.password: the database refuses the login"),
        ("URL", "jdbc:postgresql://no.Secret1.invalid:5432/x", RetryableError, "env:LOYALTY_DB_URL names is not known"),
        ("URL", "jdbc:postgresql://127.0.0.1:{free}/Secret1", RetryableError, "cannot be reached; try again"),
        ("URL", "jdbc:postgresql://127.0.0.1:{port}/Secret1", ConfigError, "names a database that is not there"),
        ("URL", "jdbc:postgresql://127.0.0.1:x/Secret1", ConfigError, "stands for cannot be read; it is written as"),
        ("URL", "jdbc:oracle:thin:Secret1", ConfigError, "begins with no known kind; allowed: jdbc:postgresql:"),
        ("URL", "jdbc:postgresql://h/x?password=Secret1", ConfigError, "holds a login: give it as `user` and"),
        ("URL", None, ConfigError, "secret env:LOYALTY_DB_URL: the environment variable is not set"),
    ],
)  # fmt: skip
def test_a_database_that_does_not_answer_is_told_in_words(shop, postgres, monkeypatch, variable, value, error, words):
    if value:
        value = value.format(free=free_port(), port=postgres.port)
        monkeypatch.setenv(f"LOYALTY_DB_{variable}", value)
    else:
        monkeypatch.delenv(f"LOYALTY_DB_{variable}")
    with pytest.raises(error) as told:
        shop.run(ONE, "ingest.loyalty")
    assert words in str(told.value)
    logs = (shop.home / "logs" / "errors.log").read_text()
    assert words in logs
    for text in (str(told.value), logs, (shop.home / "store.db").read_bytes().decode("latin-1")):
        assert "Secret1" not in text
        assert PASSWORD not in text
    assert "wrong-Secret1" not in (shop.home / "server" / "server.log").read_text()
    assert PASSWORD not in (shop.home / "server" / "server.log").read_text()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("public.members", "public.memberz", "extracts.table: the database has no table or view public.memberz"),
        ("public.members", "shut", "extracts.table: the database has no table or view shut that this user may read"),
        ("watermark: updated_at", "watermark: updatd_at", "has no column 'updatd_at'; did you mean 'updated_at'?"),
        ("watermark: updated_at", "watermark: city", "city is a string; a time (timestamp or date) is wanted"),
        ("city: city", "city: citty", "extracts.table: public.members has no column 'citty'; did you mean 'city'?"),
        ("public.members", "odd", "odd has a column or a value that Spark cannot take, such as infinity or NaN"),
    ],
)  # fmt: skip
def test_what_the_database_does_not_have_is_told_in_words(shop, postgres, monkeypatch, old, new, words):
    put(postgres, "ann", "Wuhan", "2024-01-01 10:00+08")
    postgres.run("create view odd as select *, 'NaN'::numeric as share from members")
    postgres.run("create or replace view shut as select 1 as x")
    if new == "shut":
        monkeypatch.setenv("LOYALTY_DB_USER", "nobody_here")
        monkeypatch.setenv("LOYALTY_DB_PASSWORD", "x")
    shop.declare("sources/loyalty.yml", MEMBERS.replace(old, new))
    with pytest.raises(ConfigError) as told:
        take(shop, ONE)
    assert words in str(told.value)
    assert str(shop.conf / "sources" / "loyalty.yml") in str(told.value)
    assert "Wuhan" not in str(told.value)
    assert "\tat " not in str(told.value)


def test_a_server_without_the_driver_says_which_setting_is_missing(retailer, logins):
    retailer.declare("sources/loyalty.yml", MEMBERS)
    with pytest.raises(ConfigError, match=r"spark\.packages: .*add 'org\.postgresql:postgresql:42\.7\.8'"):
        take(retailer, ONE)
