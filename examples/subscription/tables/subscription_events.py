"""Contracts: what became of each subscription."""

from quanyu.grammar.table import HAPPENED, Column, Table


class SubscriptionEvents(Table):
    """A subscription that began, was renewed, or was ended (订阅)."""

    layer = "silver"
    keys = ("subscription", "at", "kind")
    personal = True
    event_time = "at"
    owner = "growth"

    subscription = Column("string", "Number of the contract.", required=True)
    at = Column("timestamp", "When it happened.", required=True, days=HAPPENED)
    kind = Column("string", "What happened.", required=True, values=("begun", "renewed", "used", "ended"))
