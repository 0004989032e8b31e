"""Sources: valid declarations, the files of a feed, and the day of each file."""

from datetime import date
from textwrap import dedent

import pytest

from quanyu.errors import ConfigError
from quanyu.feeds.extract import folder_of
from quanyu.feeds.source import Source
from quanyu.model.people import Consents, Identifiers, People
from quanyu.model.trade import OrderLines, Orders, Products

TABLES = {table.name: table for table in (Orders, OrderLines, Products, People, Identifiers, Consents)}
TILLS = """
    describes: Till receipts.
    owner: retail
    reads: {path: "pos/{day}/*.csv", format: csv}
    delivers: events
    freshness: none
    person:
      - {kind: phone, value: mobile}
    fills:
      order_lines:
        order_id: "concat('pos-', receipt)"
        line: line
        ordered_at: sold_at
        kind: "'sale'"
        status: "'paid'"
        sku: item
        amount: "cast(paid as decimal(18, 2))"
"""


def source(folder, text, **changes):
    text = dedent(text)
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    path = folder / "tills.yml"
    path.write_text(text)
    return Source.load(path)


def problems_of(folder, text=TILLS, *, swap):
    """Load and check a source with one change; returns its mistakes as text."""
    try:
        return "\n".join(map(str, source(folder, text, one=swap).problems(TABLES).found))
    except ConfigError as error:
        return str(error)


def test_a_source_says_what_it_fills(tmp_path):
    tills = source(tmp_path, TILLS)
    assert tills.problems(TABLES).found == []
    assert (tills.name, tills.tables()) == ("tills", {"order_lines": ["order_lines"]})
    assert tills.named_columns() == ("mobile", "receipt", "line", "sold_at", "item", "paid")


@pytest.mark.parametrize(
    ("swap", "words"),
    [
        (("format: csv", "format: xls"), "reads.format: 'xls' is not allowed; allowed: 'csv', 'jsonl'"),
        (("format: csv", "format: csv, encoding: utf-9"), "reads.encoding: 'utf-9' is not allowed: unknown encoding"),
        (("format: csv", "format: csv, delimiter: ';;'"), "reads.delimiter"),
        (("format: csv", "format: csv, delimeter: ';'"), "unknown key; did you mean 'delimiter'?"),
        (("{day}/", ""), "give the day either in the path"),
        (("format: csv", "format: csv, day: sold_at"), "give the day either in the path"),
        (("delivers: events", "delivers: updates"), "delivers: 'updates' is not allowed"),
        (("delivers: events", "delivers: events\ndeleted_when: absent"), "deleted_when: absent is for feeds"),
        (("delivers: events", "delivers: events\nzone: Asia/Shanghi"), "did you mean 'Asia/Shanghai'?"),
        (("delivers: events", "delivers: events\nbad_share: 5"), "bad_share: 5 is not allowed"),
        (("freshness: none", "freshness: {hours: 0}"), "freshness.hours: 0 is not allowed"),
        (("freshness: none\n", ""), "freshness: is missing: say how late its newest day may be"),
        (("freshness: none", "freshness:"), "freshness: say how late its newest day may be, {hours: 48}, or `none`"),
        (("kind: phone", "kind: fone"), "person.0.kind: unknown kind 'fone'; did you mean 'phone'?"),
        (("  order_lines:", "  order_line:"), "unknown table 'order_line'; did you mean 'order_lines'?"),
        (("  order_lines:", "  identifiers:"), "fills.identifiers: unknown table 'identifiers'"),
        (("    line: line\n", ""), "fills.order_lines: column line is required and has no expression"),
        (("line: line", "lines: line"), "unknown column of order_lines; did you mean 'line'?"),
        (("ordered_at: sold_at", "ordered_at: cast(line as int)"), "gives a number, where a time (timestamp)"),
        (("line: line", "line: max(line)"), "'max(line)' aggregates rows: say one_row_per"),
        (("line: line", "line: line\n    where: paid"), "fills.order_lines.where: 'paid' gives a text, where a truth"),
        (("line: line", "line: line\n    one_row_per: sku"), "'sku' must be `person` or the expression of a column"),
        (("line: line", "line: (select 1)"), "fills.order_lines.line: '(select 1)' may hold no alias"),
        (("delivers: events", "delivers: events\ndrops: {why: length(paid)}"), "drops.why: 'length(paid)' gives a"),
    ],
)  # fmt: skip
def test_what_a_source_may_not_say(tmp_path, swap, words):
    assert words in problems_of(tmp_path, swap=swap)


def test_rows_about_persons_say_of_whom(tmp_path):
    nobody = TILLS.replace("    person:\n      - {kind: phone, value: mobile}\n", "").replace("order_lines:", "people:")
    assert "fills.people: people is about persons: say in `person` who a row is about" in problems_of(
        tmp_path, nobody, swap=("line: line", "city: city")
    )


def test_only_listed_columns_may_be_named_where_a_feed_lists_them(tmp_path):
    swap = ("format: csv", "format: csv, columns: [receipt, line, sold_at, item, payed, mobile]")
    assert problems_of(tmp_path, swap=swap).count("unknown column") == 1
    assert "unknown column 'paid'; did you mean 'payed'?" in problems_of(tmp_path, swap=swap)


CONSENTS = """
    describes: Answers.
    owner: crm
    reads: {path: "crm/{day}.csv", format: csv}
    delivers: changes
    freshness: {hours: 72}
    person: [{kind: member, value: card}]
    fills:
      consents: {purpose: "'ads'", channel: "'any'", changed_at: at, state: ads}
      to_messages:
        {table: consents, where: "sms <> ''", purpose: "'messages'", channel: "'any'", changed_at: at, state: sms}
    """


def test_one_feed_may_fill_one_table_twice(tmp_path):
    consents = source(tmp_path, CONSENTS)
    assert consents.problems(TABLES).found == []
    assert consents.tables() == {"consents": ["consents", "to_messages"]}


def test_a_feed_of_consents_says_how_late_it_may_be(tmp_path):
    never = source(tmp_path, CONSENTS, swap=("{hours: 72}", "none")).problems(TABLES)
    assert [problem.key for problem in never.found] == ["freshness"]


@pytest.mark.parametrize(
    ("path", "name", "day"),
    [
        ("pos/{day}/*.csv", "pos/2024-07-04/S01.csv", date(2024, 7, 4)),
        ("pos/{day:%Y%m%d}/*.csv", "pos/20240704/S01.csv", date(2024, 7, 4)),
        ("pos/*/{day}.csv", "pos/S01/2024-07-04.csv", date(2024, 7, 4)),
        ("pos/{day:%Y%m%d}/{day:%Y%m%d}_S01.csv", "pos/20240704/20240704_S01.csv", date(2024, 7, 4)),
    ],
)
def test_the_day_stands_in_the_path(tmp_path, path, name, day):
    tills = source(tmp_path, TILLS, path=("pos/{day}/*.csv", path))
    assert tills.day_of(name) == day
    landed = tmp_path / "landing" / name
    landed.parent.mkdir(parents=True)
    landed.touch()
    assert [file for file, _ in tills.files(tmp_path / "landing", tmp_path)] == [name]


def test_only_its_own_files_are_a_feeds(tmp_path):
    tills = source(tmp_path, TILLS)
    for name in ("pos/2024-07-04/S01.csv", "pos/2024-07-03/S02.csv", "pos/2024-07-04/S01.csv.part", "pos/new/S01.csv",
                 "pos/2024-02-30/S01.csv", "crm/2024-07-04/S01.csv", "pos/2024-07-04/deep/S01.csv"):  # fmt: skip
        path = tmp_path / "landing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert [name for name, _ in tills.files(tmp_path / "landing", tmp_path)] == [
        "pos/2024-07-03/S02.csv", "pos/2024-07-04/S01.csv",
    ]  # fmt: skip
    assert source(tmp_path, TILLS, path=("pos/{day}/*.csv", "data:pos/{day}/*.csv")).root(tmp_path, tmp_path / "d") == (
        tmp_path / "d", "pos/{day}/*.csv",
    )  # fmt: skip


LOYALTY = """
    describes: Members.
    owner: crm
    reads: {path: "loyalty/{day}/*.parquet", format: parquet}
    extracts:
      url: env:DB_URL
      user: env:DB_USER
      password: file:/run/secrets/db
      table: public.members
      watermark: updated_at
      overlap: 2 days
    delivers: changes
    freshness: none
    person: [{kind: member, value: card}]
    fills:
      people: {city: city}
"""


def test_a_source_may_extract_a_table(tmp_path):
    loyalty = source(tmp_path, LOYALTY)
    assert loyalty.problems(TABLES).found == []
    assert (loyalty.extracts.overlap, folder_of(loyalty.reads.path, date(2024, 7, 4))) == (2, "loyalty/2024-07-04")
    assert folder_of("a/{day:%Y%m%d}_x/*.parquet", date(2024, 7, 4)) == "a/20240704_x"


@pytest.mark.parametrize(
    ("swap", "words"),
    [
        (("url: env:DB_URL", "url: jdbc:postgresql://h/d"), "extracts.url: what is given is not allowed: a secret is"),
        (("url: env:DB_URL", "url: ''"), "extracts.url: '' is not allowed"),
        (("  url: env:DB_URL\n", ""), "extracts.url: is missing"),
        (("password: file:/run/secrets/db", "password: 73019"), "extracts.password: what is given is not allowed: a"),
        (("public.members", "members; drop table x"), "a table or view is written as `schema.table`"),
        (("public.members", "'(select 1) x'"), "a table or view is written as `schema.table`"),
        (("watermark: updated_at", "watermark: max(x)"), "the name of one column is wanted"),
        (("overlap: 2 days", "overlap: 0 days"), "an overlap is written as `2 days`, and is one day at least"),
        (("overlap: 2 days", "overlaps: 2 days"), "unknown key; did you mean 'overlap'?"),
        (("format: parquet", "format: csv"), "reads.format: 'csv' is not allowed: an extract lands as parquet"),
        (("loyalty/{day}/*", "loyalty/*/{day}"), "a folder of its own each day, as in `members/{day}/*.parquet`"),
        (("loyalty/{day}", "data:loyalty/{day}"), "a folder of its own each day"),
        (("  watermark: updated_at\n", ""), "extracts.watermark: is missing: without it the whole table is a"),
        (("delivers: changes", "delivers: snapshot"), "extracts.watermark: a snapshot is the whole table"),
    ],
)  # fmt: skip
def test_what_an_extract_may_not_say(tmp_path, swap, words):
    messages = problems_of(tmp_path, LOYALTY, swap=swap)
    assert words in messages
    assert "73019" not in messages


@pytest.mark.parametrize(
    ("reads", "words"),
    [
        ("settles: soon", "an age is written as `30 seconds`, `1 minute` or `2 hours`"),
        ("mark: _SUCCESS", "marks a complete folder: give every day its folder"),
        ("mark: '*.done'", "reads.mark"),
    ],
)
def test_impossible_declarations_of_complete_files_are_refused(tmp_path, reads, words):
    with pytest.raises(ConfigError) as error:
        source(tmp_path, TILLS, swap=('path: "pos/{day}/*.csv"', f'path: "pos/{{day}}.csv", {reads}'))
    assert words in str(error.value)


@pytest.mark.parametrize("name", ["`a``b`", "_rest", "_ROW"])
def test_names_that_ingest_has_for_itself_need_an_alias(tmp_path, name):
    problems = source(tmp_path, TILLS, swap=("sku: item", f'sku: "{name}"')).problems(TABLES)
    assert [problem.key for problem in problems.found] == ["reads.aliases"]
