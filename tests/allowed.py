"""Whose addresses may be on a platform for an audience, read from the tables of a home by DuckDB alone."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import duckdb
import yaml
from deltalake import DeltaTable

TABLES = {
    "consents": "silver/consents", "suppressions": "silver/suppressions", "shown": "silver/identifiers",
    "identities": "gold/identities", "stays": "gold/memberships_customer",
}  # fmt: skip
ADDRESSES = "('phone', 'email', 'phone_sha256', 'email_sha256', 'phone_md5', 'email_md5')"
# Everybody's current customer, identifiers as delivered last, and the newest answer of each record about ads.
VIEWS = """
create view people as select source, person_key, customer_id from identities where valid_to is null;
create view texts as select *, concat(kind, '|', scope, '|', value) as text from shown;
create view held as
    select texts.*, customer_id from texts left join people using (source, person_key) where replaced_on is null;
create view newest as
    select source, person_key, customer_id, state from consents left join people using (source, person_key)
    where purpose = 'ads' and channel = 'any' and (replaced_on is null or state = 'withdrawn')
    qualify row_number() over (partition by source, person_key order by changed_at desc, state desc) = 1;
"""
# What a record no longer contains ends for events before: of the same person, or of all if no other record has it.
ENDED = """
create table ended as
    select source as of_source, person_key as of_key, text, max(replaced_on) as until from texts
    where source in {records} and replaced_on is not null
    and (source, person_key, text) not in (select (source, person_key, text) from held) group by all;
create table ceased as
    select distinct event.source, event.person_key, event.text
    from held as event join ended on event.text = ended.text and event.recorded_on <= until
    where event.source in {events} and (
        not exists (select 1 from held as other where other.source in {records} and other.text = event.text
                    and other.recorded_on < until)
        or exists (select 1 from held as one join held as two on one.text = two.text
                   where one.source = event.source and one.person_key = event.person_key
                   and two.source = of_source and two.person_key = of_key));
create view standing as
    select * from held where (source, person_key, text) not in (select (source, person_key, text) from ceased);
"""
# Customers who say no with any record, or share a name with a record of nobody that does.
OBJECTING = """
create table objecting as
    select customer_id from newest where state = 'withdrawn' and customer_id is not null union
    select other.customer_id from newest join held using (source, person_key)
    join held as other on other.text = held.text
    where state = 'withdrawn' and newest.customer_id is null and other.customer_id is not null
    and held.kind not in {addresses};
create table barred as
    select text from standing join objecting using (customer_id) union
    select text from newest join held using (source, person_key) where state = 'withdrawn' union
    select text from suppressions join held using (source, person_key)
    where suppressions.replaced_on is null and suppressions.purpose in ('any', 'ads');
create table agreed as
    select customer_id from newest group by customer_id having bool_and(state = 'granted');
"""
HELD_OUT = """
with of_audience as (
    select customer_id, entered_on, coalesce(left_on, date'9999-12-31') as gone_on from stays
    where audience = $audience and holdout)
select customer_id from of_audience union
select people.customer_id from of_audience join identities using (customer_id) join people using (source, person_key)
    where valid_from < gone_on and (valid_to is null or valid_to > entered_on) union
select people.customer_id from identities join people using (source, person_key)
    where substring(sha256(concat($salt || ':', identities.customer_id)), 1, 8) < $lot
"""
ALLOWED = """
select distinct kind, value from standing join stays using (customer_id) join agreed using (customer_id)
where audience = $audience and left_on is null and kind in ('phone', 'email')
and customer_id not in (select customer_id from objecting) and customer_id not in (select customer_id from out)
and not exists (select 1 from barred where barred.text in (
    standing.text, concat(kind, '_sha256||', sha256(value)), concat(kind, '_sha256||', sha256(substring(value, 2))),
    concat(kind, '_sha256||', sha256(substring(value, 4)))))
and standing.text not in (select text from standing as other where other.customer_id in (select customer_id from out))
"""


def allowed(
    home: Path, conf: Path, audiences: Collection[str], share: float = 0.0, salt: str = "everybody"
) -> dict[str, set[tuple[str, str]]]:
    """Kind and clear value of every address that may be sent, by audience; `share` and `salt` draw everybody's holdout.

    Consent is asked for `ads` on any channel. Spellings of one mailbox are not joined: the sample has none.
    """
    with duckdb.connect() as tables:
        for name, place in TABLES.items():
            tables.register(name, DeltaTable(home / "lake" / place).to_pyarrow_table())
        assert not list((home / "lake" / "quarantine").glob("consents")), "rows that cannot be read"
        assert tables.sql("from consents where purpose = 'ads' and channel <> 'any'").fetchall() == []
        records, events = (f"({', '.join(map(repr, names))})" for names in _feeds(conf))
        tables.execute(VIEWS + ENDED.format(records=records, events=events) + OBJECTING.format(addresses=ADDRESSES))
        lot = f"{int(share * 2**32):08x}"
        return {audience: _of_audience(tables, audience, lot, salt) for audience in audiences}


def _of_audience(tables: duckdb.DuckDBPyConnection, audience: str, lot: str, salt: str) -> set[tuple[str, str]]:
    drawn = {"audience": audience, "salt": salt, "lot": lot}
    tables.execute(f"create or replace temp table out as {HELD_OUT}", drawn)
    return set(tables.execute(ALLOWED, {"audience": audience}).fetchall())


def _feeds(conf: Path) -> tuple[list[str], list[str]]:
    """Feeds of ours whose rows replace a person's data, and feeds of events."""
    feeds = {path.stem: yaml.safe_load(path.read_text()) for path in sorted((conf / "sources").glob("*.yml"))}
    own = [name for name, feed in feeds.items() if feed["delivers"] != "events" and "people" in feed["fills"]]
    return own, [name for name, feed in feeds.items() if feed["delivers"] == "events"]
