"""Errors between a source and its database are explained, at the right key, and without secrets or values."""

from __future__ import annotations

import time

import pytest
from loyalty import MEMBERS, ONE, put, take
from mariadb import MariaDB
from postgres import ADMIN, PASSWORD, Postgres

from jobs.ingest.databases.postgresql import PostgreSQL
from jobs.ingest.extracts.database import ExtractError, database_of
from quanyu.engine.server import free_port
from quanyu.errors import ConfigError, RetryableError
from quanyu.feeds.extract import Extracts


@pytest.mark.parametrize(
    ("variable", "value", "error", "words"),
    [
        ("PASSWORD", "wrong-Secret1/:@", ConfigError, "refuses the login that env:LOYALTY_DB_USER and env:"),
        ("USER", "strange-Secret1", ConfigError, "extracts.password: the database refuses the login"),
        ("URL", "{kind}://no.secret1.invalid:5432/x?{ssl}", RetryableError, "env:LOYALTY_DB_URL names is not known"),
        ("URL", "jdbc:{kind}://127.0.0.1:{free}/Secret1", RetryableError, "cannot be reached; try again"),
        ("URL", "jdbc:{kind}://127.0.0.1:{port}/Secret1", ConfigError, "names a database that is not there"),
        ("URL", "jdbc:{kind}://127.0.0.1:{port}/{db}?{ssl}", ConfigError, "env:LOYALTY_DB_URL asks for cannot be made"),
        ("URL", None, ConfigError, "secret env:LOYALTY_DB_URL: the environment variable is not set"),
    ],
)  # fmt: skip
def test_a_failed_connection_is_explained(loyalty, members, monkeypatch, capfd, variable, value, error, words):
    if value:
        ssl = {Postgres: "sslmode=require", MariaDB: "sslMode=REQUIRED"}[type(members)]
        kind, database = members.url.split(":")[1], members.url.rpartition("/")[2]
        value = value.format(free=free_port(), port=members.port, kind=kind, db=database, ssl=ssl)
        monkeypatch.setenv(f"LOYALTY_DB_{variable}", value)
    else:
        monkeypatch.delenv(f"LOYALTY_DB_{variable}")
    began = time.monotonic()
    with pytest.raises(error) as caught:
        loyalty.run(ONE, "ingest.loyalty")
    assert words in str(caught.value)
    assert time.monotonic() - began < 10
    logs = (loyalty.home / "logs" / "errors.log").read_text()
    assert words in logs
    store = (loyalty.home / "store.db").read_bytes().decode("latin-1")
    for text in (str(caught.value), logs, store, *capfd.readouterr()):
        assert "secret1" not in text.lower()
        assert PASSWORD not in text


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("table: members", "table: memberz", "extracts.table: the database has no table or view memberz"),
        ("table: members", "table: nowhere.members", "no table or view nowhere.members that this user may read"),
        ("table: members", "table: a.b.members", "extracts.table: "),
        ("table: members", "table: shut", "extracts.table: the database has no table or view shut that this user may"),
        ("watermark: updated_at", "watermark: updatd_at", "has no column 'updatd_at'; did you mean 'updated_at'?"),
        ("watermark: updated_at", "watermark: city", "city is a text; a time (timestamp or date) is required"),
        ("city: city", "city: citty", "extracts.table: members has no column 'citty'; did you mean 'city'?"),
        ("table: members", "table: odd", "extracts.table: the database cannot read odd ("),
    ],
)  # fmt: skip
def test_a_missing_table_or_column_is_explained(loyalty, members, monkeypatch, capfd, old, new, words):
    put(members, "ann", "Wuhan", "2024-01-01 10:00+08")
    for view, column in (("odd", ODD[type(members)]), ("shut", "'' as x")):
        members.run(f"drop view if exists {view}")
        members.run(f"create view {view} as select card, name, city, updated_at, {column} from members")
    if new == "table: shut":
        members.run(STRANGER[type(members)])
        monkeypatch.setenv("LOYALTY_DB_USER", "stranger")
        monkeypatch.setenv("LOYALTY_DB_PASSWORD", "x")
    loyalty.declare("sources/loyalty.yml", MEMBERS.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        take(loyalty, ONE)
    assert words in str(caught.value)
    assert str(loyalty.conf / "sources" / "loyalty.yml") in str(caught.value)
    for text in (str(caught.value), *capfd.readouterr()):
        assert "Wuhan" not in text
        assert ADMIN not in text
    assert not list((loyalty.home / "landing").rglob("*.parquet"))


# Expressions that fail with the value of a row in the server's words.
ODD = {Postgres: "city::date as odd", MariaDB: "(select city from members m join (select 1 union select 2) n) as odd"}
STRANGER = {
    Postgres: "drop role if exists stranger; create role stranger login password 'x'",
    MariaDB: "create or replace user stranger identified by 'x'; grant select on shop.members to stranger",
}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("jdbc:oracle:thin:Secret1", "begins with no known kind; allowed: mysql:, mariadb:, postgresql:, postgres:"),
        ("Secret1", "begins with no known kind"),
        ("jdbc:postgresql://127.0.0.1:x/Secret1", "stands for cannot be read; it is written as jdbc:postgresql://"),
        ("jdbc:postgresql:Secret1", "stands for cannot be read"),
        ("mysql://h:3306/", "stands for cannot be read; it is written as jdbc:mysql://HOST:PORT/DATABASE"),
        ("jdbc:postgresql://h/x?password=Secret1", "holds a login: give it as `user` and `password`"),
        ("jdbc:mariadb://h/x?us%65r=Secret1", "holds a login"),
        ("postgresql://Secret1@h/x", "holds a login"),
        ("postgresql://h/x?currentSchema=Secret1", "the option 'currentSchema', which cannot be honoured; allowed:"),
        ("mysql://h/x?Secret1%20=2", "has an option, which cannot be honoured; allowed: ssl-ca, ssl-mode, sslMode"),
        ("mysql://h,g/x", "names more than one host"),
        ("mariadb://h/x?sslMode=Secret1", "has an ssl-mode that is not known; allowed: disabled, required"),
    ],
)  # fmt: skip
def test_an_unsupported_address_is_refused(monkeypatch, url, words):
    monkeypatch.setenv("DB_URL", url)
    with pytest.raises(ExtractError) as caught:
        database_of(Extracts(url="env:DB_URL", table="members"))
    assert caught.value.key == "url"
    assert words in str(caught.value)
    assert "Secret1" not in str(caught.value)


def test_logins_and_options_go_to_the_driver_as_it_reads_them(monkeypatch):
    for name, value in (("U", "a:b"), ("P", "p@/ß"), ("PG", "jdbc:postgresql://h:1,[::1]:2/x?sslmode=require"),
                        ("MY", "jdbc:mariadb://h/x?sslMode=verify-full&ssl-ca=/etc/ca.pem")):  # fmt: skip
        monkeypatch.setenv(name, value)
    urls = [
        database_of(Extracts(url=f"env:{name}", user="env:U", password="env:P", table="members")).url
        for name in ("PG", "MY")
    ]
    assert urls == [
        "postgresql://a%3Ab:p%40%2F%C3%9F@h:1,[::1]:2/x?connect_timeout=10&application_name=quanyu&sslmode=require",
        "mysql://a%3Ab:p%40%2F%C3%9F@h/x?ssl-mode=verify_identity&ssl-ca=/etc/ca.pem",
    ]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('致命错误:  用户 "keeper" Password 认证失败', "password"),
        ('FATAL:  la base de données « shop » n\'existe pas', "password"),
        ('FATAL:  Datenbank »shop« existiert nicht', "password"),
        ('致命错误:  数据库 "shop" 不存在', "password"),
        ("致命错误:  对不起, 已经有太多的客户", None),
        ("FATAL:  das Datenbanksystem startet", None),
        ("FATAL:  sorry, too many clients already", None),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "keeper", database "shop", no encryption', "password"),
        ('FATAL:  database "shop" does not exist', "url"),
    ],
)  # fmt: skip
def test_messages_of_a_server_in_another_language_are_classified_by_quoted_names(monkeypatch, text, key):
    monkeypatch.setenv("DB_URL", "postgresql://h/shop?sslmode=require")
    database = database_of(Extracts(url="env:DB_URL", table="members"))
    assert isinstance(database, PostgreSQL)
    error = database._unconnected(
        f'IO: [libpq] Failed to connect: connection to server at "h", port 1 failed: {text}\n'
    )
    assert getattr(error, "key", None) == key
    assert isinstance(error, ExtractError if key else RetryableError)


@pytest.mark.parametrize("url", ["postgresql://h/x", "postgres://h/x?sslmode=prefer", "postgresql://[::1],h:1/x",
                                 "mysql://h/x", "mariadb://h/x?sslMode=disable"])  # fmt: skip
def test_a_database_on_another_machine_is_reached_by_tls(monkeypatch, url):
    monkeypatch.setenv("DB_URL", url)
    with pytest.raises(ExtractError, match="env:DB_URL stands for is on another machine, and asks for no TLS"):
        database_of(Extracts(url="env:DB_URL", table="members"))
    assert database_of(Extracts(url="env:DB_URL", table="members"), ["h"])


@pytest.mark.parametrize("url", ["postgresql://127.0.0.1:5432/x", "postgresql://[::1]/x", "mysql://localhost/x"])
def test_a_database_on_this_machine_needs_no_tls(monkeypatch, url):
    monkeypatch.setenv("DB_URL", url)
    assert database_of(Extracts(url="env:DB_URL", table="members"))
