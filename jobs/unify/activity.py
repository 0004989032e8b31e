"""Everything that customers did, and what was done to them, on any channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quanyu.expressions.datatypes import midnight
from quanyu.grammar.job import job
from quanyu.lake.union import union_all
from quanyu.model.knowledge import Activities, ActivityPeople, Complaints, Reviews, ServiceChats
from quanyu.model.outlets import Scans
from quanyu.model.people import ACTS, Activity, Identifiers, People
from quanyu.model.touch import Contacts, Events, Groups, Messages
from quanyu.model.trade import OrderLines, Orders

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

OUTCOMES = ("sent", "delivered", "opened", "clicked", "replied", "bounced", "unsubscribed", "complained")
OF_ORDERS = "case when status = 'cancelled' then 'cancel' when kind = 'return' then 'return' else 'order' end"


@job(
    reads=[Orders, OrderLines, People, Events, Scans, Messages, ActivityPeople, Activities, Contacts, Groups, Reviews,
           ServiceChats, Complaints, Identifiers],
    writes=Activity,
)  # fmt: skip
def activity(
    orders: DataFrame, order_lines: DataFrame, people: DataFrame, events: DataFrame, scans: DataFrame,
    messages: DataFrame, activity_people: DataFrame, activities: DataFrame, contacts: DataFrame, groups: DataFrame,
    reviews: DataFrame, service_chats: DataFrame, complaints: DataFrame, identifiers: DataFrame,
) -> DataFrame:  # fmt: skip
    """Everything a customer did, and what was done to the customer, on any channel."""
    human = events.where("not is_bot")
    parts = [
        _acts(orders, OF_ORDERS, "concat('order/', order_id)", "ordered_at", channel="channel", amount="amount",
              order_id="order_id", campaign="campaign", store="store", outlet="outlet"),
        _returned_lines(order_lines, orders),
        _acts(people.where("joined_on is not null"), "'join'", "concat('join/', person_key)", midnight("joined_on")),
        _acts(human, "kind", "concat('event/', event_id)", "at", channel="app", sku="sku", order_id="order_id",
              store="store"),
        _acts(scans, "'scan'", "concat('scan/', scan_id)", "scanned_at", sku="sku", outlet="outlet"),
        *_referrals(human, identifiers, orders),
        _acts(messages.where(f"status in {OUTCOMES}"), "concat('message_', status)",
              "concat('message/', status, '/', message_id)", "at", channel="channel", campaign="campaign"),
        _in_store(activity_people, activities),
        *_in_wecom(contacts, groups),
        _acts(reviews, "'review'", "concat('review/', review_id)", "at", sku="sku", order_id="order_id"),
        _chats(service_chats),
        _acts(complaints, "'complaint'", "concat('complaint/', complaint_id)", "at", channel="channel", store="store"),
    ]  # fmt: skip
    return union_all(parts)


def _acts(rows: DataFrame, kind: str, key: str, at: str, **columns: str) -> DataFrame:
    """Rows of a table as acts, by SQL of kind, key, time and the columns that its acts have; the others are null."""
    values = {"source": "source", "activity_id": key, "customer_id": "customer_id", "kind": kind,
              "by_customer": f"({kind}) in {tuple(ACTS)}", "at": at, **columns}  # fmt: skip
    return rows.selectExpr(
        *(f"cast({values.get(name, 'null')} as {column.type}) as {name}" for name, column in Activity.columns.items())
    )


def _returned_lines(order_lines: DataFrame, orders: DataFrame) -> DataFrame:
    """Returns that no receipt of their own tells of, one of each order."""
    from pyspark.sql import functions as F  # noqa: N812

    receipts = orders.where("kind = 'return'").select("source", "order_id")
    lines = order_lines.where("kind = 'return' and status <> 'cancelled'")
    lines = lines.join(receipts, ["source", "order_id"], "left_anti")
    totals = lines.groupBy("source", "order_id", "customer_id").agg(
        F.expr("min(ordered_at)").alias("at"), F.expr("sum(amount)").alias("amount")
    )
    returned = totals.join(orders.select("source", "order_id", "channel", "store"), ["source", "order_id"], "left")
    return _acts(returned, "'return'", "concat('return/', order_id)", "at", channel="channel", amount="amount",
                 order_id="order_id", store="store")  # fmt: skip


def _referrals(events: DataFrame, identifiers: DataFrame, orders: DataFrame) -> list[DataFrame]:
    """What comes of pages that somebody shared, as acts of that customer: visits, and orders of the visitors.

    The page names a hash of an identifier. One of several customers is nobody's.
    """
    from pyspark.sql import functions as F  # noqa: N812

    owned = identifiers.where("customer_id is not null").selectExpr("customer_id", "sha2(value, 256) as shared_by")
    owners = owned.groupBy("shared_by").agg(
        F.expr("min(customer_id)").alias("sharer"), F.expr("max(customer_id)").alias("last")
    )
    sharers = owners.where("sharer = last").drop("last")
    known = identifiers.groupBy("customer_id").agg(F.expr("min(recorded_on)").alias("known_on"))
    led = events.where("shared_by is not null").join(known, "customer_id", "left")
    led = led.withColumnRenamed("customer_id", "visitor").withColumn("is_new", F.expr("known_on >= to_date(at)"))
    led = led.join(sharers, "shared_by").where("visitor is null or visitor <> sharer")
    led = led.withColumnRenamed("sharer", "customer_id")
    visits = _acts(led, "'referral'", "concat('referral/', event_id)", "at", channel="app", sku="sku",
                   referred="visitor", referred_new="is_new")  # fmt: skip
    return [visits, _referred_orders(led, orders)]


def _referred_orders(led: DataFrame, orders: DataFrame) -> DataFrame:
    """Purchases within 30 days of such a visit; each belongs to whom the visitor's newest one before it was owed to.

    A visitor who was new belongs to whom he came by, whatever pages of others he opened since.
    """
    bought = orders.where(Orders.conditions["purchase"].sql).selectExpr(
        "source", "order_id", "customer_id as visitor", "ordered_at", "amount", "channel", "store"
    )
    visits = led.where("visitor is not null").selectExpr(
        "visitor", "customer_id", "event_id", "at as visited_at", "is_new"
    )
    recent = "ordered_at >= visited_at and datediff(ordered_at, visited_at) <= 30"
    order = "coalesce(is_new, false) desc, visited_at desc, event_id"
    newest = f"row_number() over (partition by source, order_id order by {order}) as nth"
    owed = visits.join(bought, "visitor").where(recent).selectExpr("*", newest).where("nth = 1")
    return _acts(owed, "'referred_order'", "concat('referred/', order_id)", "ordered_at", channel="channel",
                 amount="amount", order_id="order_id", store="store", referred="visitor",
                 referred_new="is_new")  # fmt: skip


def _in_store(activity_people: DataFrame, activities: DataFrame) -> DataFrame:
    """Steps in offline activities, at the store of the activity."""
    places = activities.select("source", "activity", "store").dropDuplicates(["activity"])
    rows = activity_people.join(places.drop("source"), "activity", "left")
    return _acts(rows, "step", "concat_ws('/', step, activity, person_key)", "at", channel="'store'", amount="amount",
                 store="store")  # fmt: skip


def _in_wecom(contacts: DataFrame, groups: DataFrame) -> list[DataFrame]:
    """Contacts that were added and deleted, and groups that were joined and left."""
    of_contact, of_stay = "staff_user, person_key", "chat_id, person_key, cast(joined_at as string)"
    removed = "if(deleted_by <=> 'staff', 'contact_removed', 'contact_deleted')"
    spans = (
        (contacts, "'contact_added'", of_contact, "added_at"), (contacts, removed, of_contact, "deleted_at"),
        (groups, "'group_joined'", of_stay, "joined_at"), (groups, "'group_quit'", of_stay, "quit_at"),
    )  # fmt: skip
    return [
        _acts(rows.where(f"{at} is not null"), kind, f"concat_ws('/', {kind}, {key})", at, channel="'wecom'")
        for rows, kind, key, at in spans
    ]


def _chats(service_chats: DataFrame) -> DataFrame:
    """Chats with customer service, each at its first turn."""
    from pyspark.sql import functions as F  # noqa: N812

    begins = service_chats.groupBy("source", "chat_id").agg(
        F.expr("min(at)").alias("at"), F.expr("max(customer_id)").alias("customer_id")
    )
    return _acts(begins, "'service_chat'", "concat('chat/', chat_id)", "at")
