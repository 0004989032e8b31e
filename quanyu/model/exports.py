"""What was sent to advertising platforms, and how audiences stand there."""

from __future__ import annotations

from quanyu.grammar.table import Column, Table


class ExportSets(Table):
    """A value that is on a platform, or may be there: who it is of, and what is still to be done with it.

    A row is written before its value is sent and deleted after the platform has confirmed that it is gone, so that
    whatever may be on the platform is known whenever a run ends.
    """

    layer = "gold"
    keys = ("export", "identifier", "value")
    forward_only = True
    owner = "growth"

    export = Column("string", "Audience and account, as `loyal_seed.meta`.", required=True)
    identifier = Column("string", "Identifier, as `phone` or `device:idfa`.", required=True)
    value = Column("string", "Value in the platform's form, mostly a hash.", required=True, pii=True)
    customer_id = Column("string", "The customer whose value it is; the first by id where several share it.",
                         required=True)  # fmt: skip
    address_hash = Column("string", "Keyed hash of the address it is made of.", required=True, pii=True)
    state = Column(
        "string",
        "Whether it is on its way (adding), there, being withdrawn (removing), or refused by the platform.",
        required=True,
        values=("adding", "there", "removing", "refused"),
    )
    batch = Column("string", "Key of the batch that carried it last; null before the first.")
    earlier_batch = Column("string", "Key of a batch that may still add it after the one that withdraws it.")
    since = Column("date", "Day since which it is in this state.", required=True)


class AudienceStatus(Table):
    """What a platform said of an audience when it was asked."""

    layer = "gold"
    keys = ("export", "asked_on")
    owner = "growth"

    export = Column("string", "Audience and account, as `loyal_seed.meta`.", required=True)
    asked_on = Column("date", "Day of the run that asked.", required=True)
    platform = Column("string", "The platform.", required=True)
    account = Column("string", "The account, by its declaration's name.", required=True)
    audience = Column("string", "The audience.", required=True)
    state = Column("string", "How far the platform is.", required=True,
                   values=("prepared", "uploaded", "parsing", "published", "usable", "failed"))  # fmt: skip
    words = Column("string", "What somebody must do, if anything.")
    sent = Column("bigint", "Values that are on the platform by its receipts.", required=True, unit="values")
    matched = Column("bigint", "Persons whom the platform matched.", unit="persons")
    usable = Column("bigint", "Persons whom campaigns can reach.", unit="persons")
    match_rate = Column("double", "Share of those sent whom the platform matched.", unit="share")
    expires_on = Column("date", "Day on which the platform ends the audience if nothing changes.")
