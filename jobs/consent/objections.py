"""Who objects: records that withdrew, unsubscribed or cannot be read, and the addresses that go with them."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from jobs.consent import states
from jobs.consent.facts import Moment, Question, answers, known, literal, paused_since, unreadable
from jobs.unify import normalise
from quanyu.literals import quoted
from quanyu.model.people import ANY, REACHES
from quanyu.run import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WHO = ("source", "person_key", "customer_id")
# What a message system says of an address for ever; the first two end where its owner consents anew.
ENDS = {
    "unsubscribed": "unsubscribed on {}", "complained": "complained of a message on {}",
    "bounced": "a message on {} bounced",
}  # fmt: skip
LIFTED = ("unsubscribed", "complained")
# What it says of a contact for a while.
PAUSES = {"not_friend": "no contact in {}", "limit_reached": "{} takes no more messages for now"}


def objections(context: Context, question: Question, moment: Moment) -> DataFrame:
    """Records that object: source, person_key, customer_id, kind (null for addresses of every kind), reason."""
    found = [_withdrawn(context, question, moment), _unreadable(context)]
    if question.purpose == "messages":
        told = of_messages(context, question, moment).where("address_hash is null")
        found.append(told.selectExpr(*WHO, "cast(null as string) as kind", "reason"))
    return _union(found)


def _withdrawn(context: Context, question: Question, moment: Moment) -> DataFrame:
    rows = states.by_record(answers(context, moment).where(f"purpose = {quoted(question.purpose)}"))
    rows = rows.where("state = 'withdrawn'")
    own = rows.where(f"channel = {quoted(question.channel)}")
    reason = f"withdrew consent to {question.purpose} on {question.channel}"
    found = [own.selectExpr(*WHO, "cast(null as string) as kind", f"{quoted(reason)} as reason")]
    if question.channel == ANY:
        # Who withdrew on a channel alone is not to be matched by an address of that channel either.
        for kind in question.kinds:
            for channel in REACHES.get(kind, ()):
                on = rows.where(f"channel = {quoted(channel)}")
                why = quoted(f"withdrew consent to {question.purpose} on {channel}")
                found.append(on.selectExpr(*WHO, f"{quoted(kind)} as kind", f"{why} as reason"))
    return _union(found)


def _unreadable(context: Context) -> DataFrame:
    from quanyu import asof

    people = asof.people(context.lake, context.catalogue.tables["identities"])
    rows = unreadable(context).where("person_key is not null").drop("shows")
    rows = rows.join(people, ["source", "person_key"], "left")
    why = "concat('a row of ', source, ' about this person cannot be read') as reason"
    return rows.selectExpr(*WHO, "cast(null as string) as kind", why)


def of_messages(context: Context, question: Question, moment: Moment) -> DataFrame:
    """What message systems say against a channel: WHO, address_hash (null where they do not tell it), reason."""
    rows = _addressed(context, known(context, "messages", moment).where(f"channel = {quoted(question.channel)}"))
    granted = answers(context, moment).where(
        f"purpose = {quoted(question.purpose)} and channel in ('{ANY}', {quoted(question.channel)})"
        " and state = 'granted'"
    )
    newest = granted.groupBy("customer_id").agg({"changed_at": "max"})
    newest = newest.withColumnRenamed("max(changed_at)", "granted_at")
    suppression = context.settings.suppression
    pauses = [
        f"(status = '{status}' and at > {literal(paused_since(context, moment, hours))})"
        for status, hours in (("not_friend", suppression.not_friend_hours), ("limit_reached", suppression.limit_hours))
    ]
    lifted = f"status in {LIFTED} and coalesce(granted_at > at, false)"
    stands = f"(status in {tuple(ENDS)} and not ({lifted})) or {' or '.join(pauses)}"
    cases = " ".join(
        f"when '{status}' then {quoted(words.format(question.channel))}" for status, words in {**ENDS, **PAUSES}.items()
    )
    told = rows.join(newest, "customer_id", "left").where(stands)
    return told.selectExpr(*WHO, "address_hash", f"case status {cases} end as reason").distinct()


def _addressed(context: Context, rows: DataFrame) -> DataFrame:
    """Add customer and address where a row tells neither, but is about a message that this home sent.

    It is meant by its key, or by its Message-ID, whose name is the beginning of a hash of the key.
    """
    own = context.lake.table(context.catalogue.tables["deliveries"]).where("coalesce(address_hash, '') <> ''")
    own = own.selectExpr("customer_id as own_customer", "address_hash as own_address",
                         "explode(array(key, substring(sha2(key, 256), 1, 32))) as named")  # fmt: skip
    named = rows.selectExpr("*", "regexp_extract(message_id, '^<?([^<>@]+)', 1) as named")
    joined = named.join(own, "named", "left")
    whole = {"customer_id": "own_customer", "address_hash": "own_address"}
    columns = [f"coalesce({name}, {whole[name]}) as {name}" if name in whole else f"`{name}`" for name in rows.columns]
    return joined.selectExpr(*columns)


def suppressed(
    context: Context, question: Question, moment: Moment, objecting: DataFrame, held_out: DataFrame
) -> DataFrame:
    """Identifiers that go out through nobody: `text` (normalise.comparable_sql), kind (null for any), reason.

    They are all that customers and records show who object, who are on a list, or who are held out.
    """
    shown = known(context, "identifiers", moment).selectExpr(
        *WHO, "kind as shown_kind", f"{normalise.comparable_sql('kind', 'scope', 'value')} as text"
    )
    whole = objecting.where("customer_id is not null").select("customer_id", "kind", "reason").distinct()
    alone = objecting.where("customer_id is null").select("source", "person_key", "kind", "reason").distinct()
    others = "concat(reason, ', by somebody who shows it') as reason"
    columns = ("text", "kind", others)
    found = [
        whole.join(shown, "customer_id").selectExpr(*columns),
        alone.join(shown.drop("customer_id"), ["source", "person_key"]).selectExpr(*columns),
        _listed(context, question, moment).join(shown, ["source", "person_key"]).where(_fits(question)).select(
            "text", "kind", "reason"
        ),
        held_out.join(shown, "customer_id").selectExpr(
            "text", "cast(null as string) as kind", f"{quoted(SHARED_HOLDOUT)} as reason"
        ),
        unreadable(context).selectExpr(
            "explode(shows) as text", "cast(null as string) as kind",
            "concat('a row of ', source, ' that shows it cannot be read') as reason",
        ),
    ]  # fmt: skip
    return _union(found).groupBy("text", "kind").agg({"reason": "min"}).withColumnRenamed("min(reason)", "reason")


SHARED_HOLDOUT = "shared with somebody who is held out"


def _listed(context: Context, question: Question, moment: Moment) -> DataFrame:
    rows = known(context, "suppressions", moment).where(f"purpose in ('{ANY}', {quoted(question.purpose)})")
    return rows.selectExpr(
        "source", "person_key", "channel as listed_channel", "cast(null as string) as kind",
        "'on a list of what must never be contacted' as reason",
    )  # fmt: skip


def _fits(question: Question) -> str:
    """Whether an entry of a list concerns the channel asked about, or an address of the channel where none is."""
    if question.channel != ANY:
        return f"listed_channel in ('{ANY}', {quoted(question.channel)})"
    reached = " or ".join(
        f"(shown_kind = '{kind}' and listed_channel in ({', '.join(map(quoted, channels))}))"
        for kind, channels in REACHES.items()
    )
    return f"listed_channel = '{ANY}' or {reached}"


def _union(frames: list[DataFrame]) -> DataFrame:
    return reduce(lambda one, other: one.unionByName(other), frames)
