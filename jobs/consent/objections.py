"""Objections: records that withdrew, unsubscribed or cannot be read, and the addresses that they suppress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.consent import states
from jobs.consent.facts import (
    Moment,
    Question,
    answers,
    literal,
    newest_grants,
    paused_since,
    valid_rows,
    with_customers,
)
from jobs.journeys.sending.mail import fingerprint_sql, named_sql
from quanyu.lake.union import union_all
from quanyu.literals import quoted
from quanyu.model.people import ANY, REACHES
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WHO = ("source", "person_key", "customer_id")
# Identifiers that several persons may share; every other kind names one person.
ADDRESSES = ("phone", "email", "phone_sha256", "email_sha256", "phone_md5", "email_md5")
# Events that suppress an address for good; those in LIFTED end when its owner consents again.
ENDS = {
    "unsubscribed": "unsubscribed on {}", "complained": "complained of a message on {}",
    "bounced": "a message on {} bounced",
}  # fmt: skip
LIFTED = ("unsubscribed", "complained")
# Events that suppress an address for some hours.
PAUSES = {"not_friend": "no contact in {}", "limit_reached": "{} takes no more messages for now"}


def objections(
    context: Context,
    question: Question,
    moment: Moment,
    identifiers: DataFrame,
    events: DataFrame,
    bad_rows: DataFrame,
) -> DataFrame:
    """Records that object: source, person_key, customer_id, kind (null for addresses of every kind), reason.

    `identifiers` comes from `identifiers_of_records`, `events` from `message_suppressions`, `bad_rows` from
    `unreadable`.
    """
    withdrawn = _withdrawn(context, question, moment)
    listed = _concerned(question, _listed(context, question, moment), "listed_channel", ANY)
    alone = withdrawn.where("customer_id is null").select(*listed.columns)
    without_address = events.where("address_hash is null and over_at is null").select(*WHO, "kind", "reason")
    return union_all(
        [
            withdrawn,
            _named(alone.unionByName(listed), identifiers),
            _unreadable(context, moment, identifiers, bad_rows),
            without_address,
        ]
    )


def _concerned(question: Question, rows: DataFrame, channel: str, *always: str) -> DataFrame:
    """Rows for the channel asked about (or those of `always`), with the kind of address they suppress; null for all.

    A question about any channel also matches objections to one channel: they suppress the addresses of that channel.
    """
    channels: list[tuple[str | None, tuple[str, ...]]] = [(None, (question.channel, *always))]
    if question.channel == ANY:
        channels += [(kind, REACHES[kind]) for kind in question.kinds if kind in REACHES]
    ended = [
        rows.where(f"{channel} in ({', '.join(map(quoted, on))})").selectExpr(
            "*", f"{quoted(kind) if kind else 'cast(null as string)'} as kind"
        )
        for kind, on in channels
    ]
    return union_all(ended).drop(channel)


def _withdrawn(context: Context, question: Question, moment: Moment) -> DataFrame:
    rows = states.by_record(answers(context, moment).where(f"purpose = {quoted(question.purpose)}"))
    reason = f"concat({quoted(f'withdrew consent to {question.purpose} on ')}, channel) as reason"
    return _concerned(question, rows.where("state = 'withdrawn'").selectExpr(*WHO, "channel", reason), "channel")


def _named(records: DataFrame, identifiers: DataFrame) -> DataFrame:
    """Customers who share an identifier other than an address with an objecting record that has no customer."""
    names = identifiers.where(f"shown_kind not in {ADDRESSES}")
    texts = records.join(names.select("source", "person_key", "text"), ["source", "person_key"])
    whom = names.where("customer_id is not null")
    return texts.select("text", "kind", "reason").distinct().join(whom, "text").select(*WHO, "kind", "reason")


def _unreadable(context: Context, moment: Moment, identifiers: DataFrame, bad_rows: DataFrame) -> DataFrame:
    """Customers of rows that cannot be read: those of their own records, and all who share an identifier of the row."""
    why = "concat('a row of ', source, ' about this person cannot be read') as reason"
    rows = bad_rows.selectExpr("*", why, "cast(null as string) as kind")
    owners = with_customers(context, rows.where("person_key is not null"), moment)
    texts = rows.selectExpr("explode(shows) as text", "kind", "reason").distinct()
    others = texts.join(identifiers.where("customer_id is not null"), "text")
    return owners.select(*WHO, "kind", "reason").unionByName(others.select(*WHO, "kind", "reason"))


def message_suppressions(context: Context, question: Question, moment: Moment) -> DataFrame:
    """Message events that suppress a channel: WHO, address_hash (null if not reported), kind, over_at, reason.

    `over_at` is the time of the event if its customer consented again since, which ends it; null while it applies.
    """
    suppression = context.settings.suppression
    pauses = [
        f"(status = '{status}' and at > {literal(paused_since(context, moment, hours))})"
        for status, hours in (("not_friend", suppression.not_friend_hours), ("limit_reached", suppression.limit_hours))
    ]
    lifted = f"status in {LIFTED} and coalesce(granted_at > at, false)"
    stands = f"status in {tuple(ENDS)} or {' or '.join(pauses)}"
    cases = " ".join(f"when '{status}' then {quoted(words)}" for status, words in {**ENDS, **PAUSES}.items())
    newest = newest_grants(context, question, moment)
    events = (
        _addressed(context, valid_rows(context, "messages", moment)).join(newest, "customer_id", "left").where(stands)
    )
    reason = f"replace(case status {cases} end, '{{}}', channel) as reason"
    events = events.selectExpr(*WHO, "channel", "address_hash", f"if({lifted}, at, null) as over_at", reason)
    return _concerned(question, events.distinct(), "channel")


def _addressed(context: Context, rows: DataFrame) -> DataFrame:
    """Fill in customer and address of rows that have neither but are about a message that this home sent.

    Such a row refers to the message by its key or by its Message-ID, which begins with a hash of the key.
    """
    deliveries = context.lake.table(context.catalogue.tables["deliveries"]).where("coalesce(address_hash, '') <> ''")
    deliveries = deliveries.selectExpr("customer_id as own_customer", "address_hash as own_address",
                         f"explode(array(key, {fingerprint_sql('key')})) as named")  # fmt: skip
    named = rows.selectExpr("*", f"{named_sql('message_id')} as named")
    joined = named.join(deliveries, "named", "left")
    fallbacks = {"customer_id": "own_customer", "address_hash": "own_address"}
    columns = [
        f"coalesce({name}, {fallbacks[name]}) as {name}" if name in fallbacks else f"`{name}`" for name in rows.columns
    ]
    return joined.selectExpr(*columns)


def suppressed(
    context: Context,
    question: Question,
    moment: Moment,
    identifiers: DataFrame,
    objecting: DataFrame,
    held_out: DataFrame,
    bad_rows: DataFrame,
) -> DataFrame:
    """Identifiers that nobody may be contacted at: `text` (comparable_sql), kind (null for any), reason.

    These are the valid identifiers of customers who object or are in the holdout, and all identifiers, valid or not, of
    records that object or are on a suppression list.
    """
    by_customer = objecting.where("customer_id is not null").select("customer_id", "kind", "reason").distinct()
    by_record = objecting.select("source", "person_key", "kind", "reason").distinct()
    stands = identifiers.where("stands")
    others = "concat(reason, ', by somebody who shows it') as reason"
    columns = ("text", "kind", others)
    listed = _listed(context, question, moment).join(identifiers, ["source", "person_key"])
    parts = [
        by_customer.join(stands, "customer_id").selectExpr(*columns),
        by_record.join(identifiers.drop("customer_id"), ["source", "person_key"]).selectExpr(*columns),
        listed.where(_fits(question)).selectExpr("text", "cast(null as string) as kind", "reason"),
        held_out.join(stands, "customer_id").selectExpr(
            "text", "cast(null as string) as kind", f"{quoted(SHARED_HOLDOUT)} as reason"
        ),
        bad_rows.selectExpr(
            "explode(shows) as text", "cast(null as string) as kind",
            "concat('a row of ', source, ' that shows it cannot be read') as reason",
        ),
    ]  # fmt: skip
    return union_all(parts).groupBy("text", "kind").agg({"reason": "min"}).withColumnRenamed("min(reason)", "reason")


SHARED_HOLDOUT = "shared with somebody who is held out"


def _listed(context: Context, question: Question, moment: Moment) -> DataFrame:
    rows = valid_rows(context, "suppressions", moment).where(f"purpose in ('{ANY}', {quoted(question.purpose)})")
    return rows.selectExpr(
        "source", "person_key", "channel as listed_channel", "'on a list of what must never be contacted' as reason"
    )


def _fits(question: Question) -> str:
    """SQL of whether an entry of a list is about the channel asked about; for any channel, that of the address."""
    if question.channel != ANY:
        return f"listed_channel in ('{ANY}', {quoted(question.channel)})"
    reached = " or ".join(
        f"(shown_kind = '{kind}' and listed_channel in ({', '.join(map(quoted, channels))}))"
        for kind, channels in REACHES.items()
    )
    return f"listed_channel = '{ANY}' or {reached}"
